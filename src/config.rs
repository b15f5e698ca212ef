//! Settings: flags and `HOBNOB_*` variables, defaults and checks, in one table.
//!
//! Each that has a variable is a key of the settings file, too, without more being said of it (`settings`); one without is a
//! wish for one start. A secret has `hide_env_values`: it is masked wherever settings are shown.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::logging::{self, Format, Levels};
use crate::model::domain;
use crate::model::extension::{Domain, Offer, Template, Translator};
use crate::model::limits::{Limits, RateLimits, Rates};
use crate::model::public::PublicHost;
use crate::network::Network;
use crate::outgoing;

/// Every setting of the server. A flag wins over its variable, and that over the settings file.
#[derive(Args, Clone, Debug)]
pub struct Config {
    #[command(flatten)]
    pub folder: Folder,
    /// Address of plain HTTP and WebSocket; `off` for none
    #[arg(long, env = "HOBNOB_HTTP", default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub http: String,
    /// Address of HTTPS and secure WebSocket; `off` for none
    #[arg(long, env = "HOBNOB_HTTPS", default_value = "127.0.0.1:8443", value_name = "ADDR:PORT")]
    pub https: String,
    /// Certificate chain (PEM) instead of the local one
    #[arg(long, env = "HOBNOB_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, env = "HOBNOB_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub acme: AcmeArgs,
    #[command(flatten)]
    pub public: PublicArg,
    /// Make a new database although the folder has been served before and its database is empty or gone
    #[arg(long)]
    pub new_database: bool,
    #[command(flatten)]
    pub region: RegionArg,
    /// HTTP worker threads; 0 = one per core
    #[arg(long, env = "HOBNOB_WORKERS", default_value_t = 0, value_name = "N")]
    pub workers: usize,
    /// Database connections that read in parallel
    #[arg(long, env = "HOBNOB_READERS", default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub readers: u32,
    /// Writes that may wait; more are refused with 503
    #[arg(long, env = "HOBNOB_WRITE_QUEUE", default_value_t = 10_000, value_name = "N", value_parser = at_least_one)]
    pub write_queue: usize,
    /// Most sockets and requests in progress at once
    #[arg(long, env = "HOBNOB_CONNECTIONS", default_value_t = 25_000, value_name = "N", value_parser = at_least_one)]
    pub connections: usize,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Proxies whose X-Forwarded headers are believed: addresses and networks, or `none`
    #[arg(
        long,
        env = "HOBNOB_TRUSTED_PROXIES",
        value_delimiter = ',',
        default_value = "127.0.0.0/8,::1",
        value_name = "NETS"
    )]
    pub trusted_proxies: Vec<String>,
    #[command(flatten)]
    pub rates: RateArgs,
    #[command(flatten)]
    pub media: MediaArgs,
    /// Folder for backups that admins make; `backups` in the data folder if left out
    #[arg(long, env = "HOBNOB_BACKUPS", value_name = "DIR")]
    pub backups: Option<PathBuf>,
    #[command(flatten)]
    pub extensions: ExtensionArgs,
    #[command(flatten)]
    pub outgoing: OutgoingArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// With no address, and no socket that was handed over.
pub const NO_DOOR: &str = "--http and --https are both off: nobody could reach this server";

/// The directory of the authority that is asked when no other is named.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// A certificate that the server gets by itself.
#[derive(Args, Clone, Debug)]
pub struct AcmeArgs {
    /// Names this server is reached by in public, e.g. `chat.example.org`: it gets a certificate for them and keeps it good,
    /// and agrees to the authority's terms. The first is also the default of --public-host
    #[arg(
        long = "domain",
        env = "HOBNOB_DOMAIN",
        value_delimiter = ',',
        value_name = "NAMES",
        value_parser = domain::parse,
        conflicts_with = "tls_cert"
    )]
    pub domains: Vec<String>,
    /// Where the certificate authority writes to when something is wrong
    #[arg(long, env = "HOBNOB_ACME_EMAIL", value_name = "ADDRESS", value_parser = email)]
    pub acme_email: Option<String>,
    /// Directory of the certificate authority (ACME)
    #[arg(long, env = "HOBNOB_ACME_DIRECTORY", default_value = LETS_ENCRYPT, value_name = "URL", value_parser = directory)]
    pub acme_directory: String,
    /// Authority (PEM) by which a private ACME server is known
    #[arg(long, env = "HOBNOB_ACME_CA", value_name = "FILE")]
    pub acme_ca: Option<PathBuf>,
    /// Seconds for which browsers use only https for a name they got a real certificate for; `off` says nothing to them
    #[arg(long, env = "HOBNOB_HSTS", default_value = "31536000", value_name = "SECONDS", value_parser = Hsts::parse)]
    pub hsts: Hsts,
}

impl AcmeArgs {
    /// Whether names are such that the authority can give a certificate for them.
    fn check(&self) -> Result<(), String> {
        let private = self.domains.iter().find(|name| !domain::is_public(name));
        match private {
            Some(name) if self.acme_directory == LETS_ENCRYPT => Err(format!(
                "--domain {name}: no public authority gives a certificate for this name. Use one that is registered, or \
                 name a private authority with --acme-directory"
            )),
            _ => Ok(()),
        }
    }
}

/// What browsers are told about https (RFC 6797), in seconds; `None`: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hsts(pub Option<u32>);

impl Hsts {
    fn parse(text: &str) -> Result<Hsts, String> {
        match text.parse() {
            _ if text == "off" => Ok(Hsts(None)),
            Ok(seconds) => Ok(Hsts(Some(seconds))),
            Err(_) => Err("expected a number of seconds, or off".to_owned()),
        }
    }
}

/// What is told of the server to whoever looks after it.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// Lines of the log: LEVEL or TARGET=LEVEL, several with commas; without a LEVEL alone they change the default.
    /// `hobnob::requests=info` adds a line for each request
    #[arg(long, env = "HOBNOB_LOG", default_value = logging::DEFAULT, value_name = "LEVELS", value_parser = levels)]
    pub log: String,
    /// How lines of the log look: `text` or `json`
    #[arg(long, env = "HOBNOB_LOG_FORMAT", default_value_t, value_name = "FORMAT", value_parser = Format::parse)]
    pub log_format: Format,
    /// Address of /metrics for Prometheus, on a listener of its own; `off` for none
    #[arg(long, env = "HOBNOB_METRICS", default_value = "off", value_name = "ADDR:PORT")]
    pub metrics: String,
    /// Whoever reads /metrics must show this, as a bearer token; with it the main port has the page as well
    #[arg(long, env = "HOBNOB_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = metrics_token)]
    pub metrics_token: Option<String>,
    /// Milliseconds from which on a read, a write or a commit is told in the log as slow; `off` for never
    #[arg(long, env = "HOBNOB_SLOW_MS", default_value = "500", value_name = "N", value_parser = Slow::parse)]
    pub slow_ms: Slow,
}

/// From when on something is slow; `None`: nothing is.
#[derive(Clone, Copy, Debug)]
pub struct Slow(pub Option<Duration>);

impl Slow {
    fn parse(text: &str) -> Result<Slow, String> {
        if text == "off" {
            return Ok(Slow(None));
        }
        let milliseconds = text.parse().map_err(|_| "expected a whole number of milliseconds, or off".to_owned())?;
        Ok(Slow(Some(Duration::from_millis(milliseconds))))
    }
}

/// Where extensions are found, and what they need from outside.
#[derive(Args, Clone, Debug)]
pub struct ExtensionArgs {
    /// Name below which clients find extensions, e.g. `ext.chat.example`; `off` for none [default: `ext.` and the public
    /// host, else ext.localhost]
    #[arg(long, env = "HOBNOB_EXTENSION_DOMAIN", value_name = "NAME[:PORT]", value_parser = Domain::parse)]
    pub extension_domain: Option<Domain>,
    /// Address of a new collaborative document, e.g. `https://pad.example/p/{id}`
    #[arg(long, env = "HOBNOB_DOCUMENT_URL", value_name = "URL", value_parser = Template::parse)]
    pub document_url: Option<Template>,
    /// Address of a new collaborative whiteboard, e.g. `https://board.example/#room={id}`
    #[arg(long, env = "HOBNOB_WHITEBOARD_URL", value_name = "URL", value_parser = Template::parse)]
    pub whiteboard_url: Option<Template>,
    /// Service that translates messages as LibreTranslate does, e.g. `http://127.0.0.1:5000`
    #[arg(long, env = "HOBNOB_TRANSLATE_URL", value_name = "URL", value_parser = Translator::parse_url)]
    pub translate_url: Option<String>,
    /// Its API key
    #[arg(long, env = "HOBNOB_TRANSLATE_KEY", value_name = "KEY", hide_env_values = true, requires = "translate_url")]
    pub translate_key: Option<String>,
    /// Fetch the pages that links in messages lead to, and show what they say of themselves
    #[arg(long, env = "HOBNOB_LINK_PREVIEWS")]
    pub link_previews: bool,
}

/// How requests leave that lead to where somebody else says: webhooks, and links in messages.
#[derive(Args, Clone, Debug)]
pub struct OutgoingArgs {
    /// Networks that webhooks and links in messages may lead to although they are not public, e.g. those of an intranet
    #[arg(long, env = "HOBNOB_OUTGOING_PRIVATE", value_delimiter = ',', value_name = "NETS")]
    pub outgoing_private: Vec<String>,
    /// Proxy by which webhooks and links in messages are reached, e.g. `http://user:password@proxy.lan:3128`; those in
    /// `--outgoing-private` and on this machine are reached without
    #[arg(long, env = "HOBNOB_OUTGOING_PROXY", value_name = "URL", hide_env_values = true, value_parser = proxied)]
    pub outgoing_proxy: Option<String>,
    /// Authorities (PEM) that are believed where requests leave, besides those this machine believes
    #[arg(long, env = "HOBNOB_OUTGOING_CA", value_name = "FILE")]
    pub outgoing_ca: Option<PathBuf>,
    /// Tell webhooks nothing, e.g. where a backup of another server is looked at; what happens waits
    #[arg(long, env = "HOBNOB_HOLD_WEBHOOKS")]
    pub hold_webhooks: bool,
}

impl ExtensionArgs {
    /// What the server offers by these settings.
    pub fn offer(&self) -> Offer {
        Offer {
            domain: self.extension_domain.clone().unwrap_or_default(),
            document: self.document_url.clone(),
            whiteboard: self.whiteboard_url.clone(),
            link_previews: self.link_previews,
            translator: self.translate_url.clone().map(|url| Translator { url, key: self.translate_key.clone() }),
        }
    }
}

impl OutgoingArgs {
    /// What these say.
    pub fn settings(&self) -> Result<outgoing::Settings, String> {
        let named = self.outgoing_private.iter().filter(|text| !text.is_empty());
        let private = named.map(|text| Network::parse(text).map_err(|e| format!("--outgoing-private: {e}")));
        Ok(outgoing::Settings {
            private: private.collect::<Result<_, _>>()?,
            proxy: self.outgoing_proxy.clone(),
            authority: self.outgoing_ca.clone(),
        })
    }
}

/// Where everything is kept.
#[derive(Args, Clone, Debug)]
pub struct Folder {
    /// Folder of the database, its certificates and files
    #[arg(long, env = "HOBNOB_DATA", default_value = "hobnob-data", value_name = "DIR")]
    pub data: PathBuf,
    /// Settings file (TOML); none is looked for. `hobnob config example` prints one
    #[arg(long, env = "HOBNOB_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Folder {
    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.data.join("hobnob.db")
    }
}

/// How clients reach the server.
#[derive(Args, Clone, Debug)]
pub struct PublicArg {
    /// Where clients reach this server, if it is not the address it listens at: `chat.example`, `chat.example:8443`,
    /// `https://chat.example/chat`
    #[arg(long, env = "HOBNOB_PUBLIC_HOST", value_name = "HOST", value_parser = PublicHost::parse)]
    pub public_host: Option<PublicHost>,
}

/// What new apps are given.
#[derive(Args, Clone, Debug)]
pub struct RegionArg {
    /// Region given to new apps; clients echo it
    #[arg(long, env = "HOBNOB_REGION", default_value = "us", value_name = "NAME", value_parser = region)]
    pub region: String,
}

/// Ceilings that were raised or lowered.
#[derive(Args, Clone, Debug)]
pub struct LimitArgs {
    /// Changes a limit, e.g. `members=500`; may be given several times. `hobnob limits` lists them
    #[arg(long = "limit", env = "HOBNOB_LIMITS", value_delimiter = ',', value_name = "NAME=N", value_parser = limit)]
    limits: Vec<(String, u64)>,
}

impl LimitArgs {
    /// The limits these make of the defaults.
    pub fn limits(&self) -> Result<Limits, String> {
        let mut limits = Limits::default();
        for (name, value) in &self.limits {
            limits.set(name, *value)?;
        }
        Ok(limits)
    }
}

/// What may be uploaded.
#[derive(Args, Clone, Debug)]
pub struct MediaArgs {
    /// Types of files that are taken, e.g. `image/*,pdf`; all if none is named
    #[arg(long, env = "HOBNOB_FILE_TYPES", value_delimiter = ',', value_name = "TYPES")]
    pub file_types: Vec<String>,
    /// Types of files that are not taken, e.g. `exe,text/html`
    #[arg(long, env = "HOBNOB_FILE_TYPES_DENIED", value_delimiter = ',', value_name = "TYPES")]
    pub file_types_denied: Vec<String>,
}

/// How many requests an app may make.
#[derive(Args, Clone, Debug)]
pub struct RateArgs {
    /// Whose requests are counted: `off`, `remote` (not those from this machine; behind a proxy on it, clients are where its
    /// `X-Forwarded-For` says) or `all` [default: remote; off with --demo]
    #[arg(long, env = "HOBNOB_RATE_LIMITS", value_name = "WHOSE", value_parser = Rates::parse)]
    pub rate_limits: Option<Rates>,
    /// Requests of an app in a minute
    #[arg(long, env = "HOBNOB_RATE_STANDARD", default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_standard: u32,
    /// Logins, and calls that make, delete or enter users and groups, of an app in a minute
    #[arg(long, env = "HOBNOB_RATE_CORE", default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_core: u32,
    /// Data imports of an app in a minute
    #[arg(long, env = "HOBNOB_RATE_IMPORT", default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_import: u32,
    /// Requests of one logged-in user in a minute, besides those of the app
    #[arg(long, env = "HOBNOB_RATE_USER", default_value_t = 3000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_user: u32,
}

impl Config {
    /// With what follows from one setting for another. `Err`: two of them do not go together.
    pub fn settled(&self) -> Result<Config, String> {
        let mut config = self.clone();
        config.acme.check()?;
        if let (Some(first), None) = (self.acme.domains.first(), &self.public.public_host) {
            config.public.public_host =
                Some(PublicHost::parse(&format!("https://{first}")).map_err(|e| format!("--domain {first}: {e}"))?);
        }
        Ok(config)
    }

    /// How many requests an app may make.
    pub fn rate_limits(&self) -> RateLimits {
        let RateArgs { rate_limits, rate_standard, rate_core, rate_import, rate_user } = self.rates;
        RateLimits {
            rates: rate_limits.unwrap_or(Rates::Remote),
            standard: rate_standard,
            core: rate_core,
            import: rate_import,
            user: rate_user,
        }
    }

    /// The proxies that are believed. By default whatever runs on this machine.
    pub fn trusted(&self) -> Result<Vec<Network>, String> {
        let named = self.trusted_proxies.iter().filter(|text| *text != "none" && !text.is_empty());
        named.map(|text| Network::parse(text).map_err(|e| format!("--trusted-proxies: {e}"))).collect()
    }

    /// The limits these settings make.
    pub fn limits(&self) -> Result<Limits, String> {
        Ok(Limits {
            file_types: self.media.file_types.clone(),
            file_types_denied: self.media.file_types_denied.clone(),
            ..self.limits.limits()?
        })
    }

    /// Whether a server can be started with these, as far as they alone tell.
    pub fn check(&self) -> Result<(), String> {
        match self.addresses()? {
            (None, None) => Err(NO_DOOR.to_owned()),
            _ => self.sound(),
        }
    }

    /// The same, with doors that somebody else may hand over.
    pub fn sound(&self) -> Result<(), String> {
        self.settled()?;
        self.addresses()?;
        self.limits()?;
        self.trusted()?;
        self.metrics()?;
        self.outgoing.settings()?;
        Ok(())
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.folder.data
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.folder.database()
    }

    /// Where metrics are served to whoever comes there, if anywhere.
    pub fn metrics(&self) -> Result<Option<SocketAddr>, String> {
        address("--metrics", &self.watch.metrics)
    }

    /// The addresses to listen at: plain, TLS.
    pub fn addresses(&self) -> Result<(Option<SocketAddr>, Option<SocketAddr>), String> {
        Ok((address("--http", &self.http)?, address("--https", &self.https)?))
    }
}

/// `name=number`, if there is such a limit and a server can work with that number.
fn limit(text: &str) -> Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=N")?;
    let (name, value) = (name.trim(), value.trim());
    let value = value.parse().map_err(|_| format!("{value} is not a whole number"))?;
    Limits::default().set(name, value)?;
    match Limits::least(name) {
        least if value < least => Err(format!("{name} must be at least {least}")),
        _ => Ok((name.to_owned(), value)),
    }
}

/// Long enough that nobody guesses it, and fit for a header.
fn metrics_token(text: &str) -> Result<String, String> {
    match text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("expected at least 16 letters, digits or signs, without spaces".to_owned()),
    }
}

/// Where a proxy is.
fn proxied(text: &str) -> Result<String, String> {
    outgoing::proxy(text).map(|_| text.to_owned())
}

/// Levels that the log understands.
fn levels(text: &str) -> Result<String, String> {
    Levels::parse(text).map(|_| text.to_owned())
}

fn directory(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace)) {
        true => Ok(text.to_owned()),
        false => Err("expected an address like https://ca.lan/acme/directory".to_owned()),
    }
}

fn email(text: &str) -> Result<String, String> {
    let is_plain = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    match is_plain && !text.contains(|c: char| c.is_whitespace() || c == ',' || c == '?') {
        true => Ok(text.trim_start_matches("mailto:").to_owned()),
        false => Err("expected one address like admin@example.org".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a whole number from 1 on".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// A region stands in host names of clients.
fn region(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match (1..=32).contains(&text.len()) && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("expected 1 to 32 small letters, digits and hyphens".to_owned()),
    }
}

/// An address to listen at; `off`: none.
pub fn address(flag: &str, text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    let found = text.to_socket_addrs().map_err(|e| format!("{flag} {text}: {e} (expected ADDRESS:PORT or off)"))?;
    found.into_iter().next().map(Some).ok_or_else(|| format!("{flag} {text}: no such address"))
}

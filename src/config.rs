//! Settings: flags and `HOBNOB_*` variables, defaults and checks, in one table.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::Args;

use crate::model::limits::{RateLimits, Rates};

/// Every setting of the server. A flag wins over its variable.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Folder of the database, its certificates and files; made if missing
    #[arg(long, env = "HOBNOB_DATA", default_value = "hobnob-data", value_name = "DIR")]
    pub data: PathBuf,
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
    /// The name clients reach this server by, if it is not the one they use (behind a proxy)
    #[arg(long, env = "HOBNOB_PUBLIC_HOST", value_name = "HOST[:PORT]")]
    pub public_host: Option<String>,
    /// Region given to new apps; clients echo it
    #[arg(long, env = "HOBNOB_REGION", default_value = "us", value_name = "NAME")]
    pub region: String,
    /// HTTP worker threads; 0 = one per core
    #[arg(long, env = "HOBNOB_WORKERS", default_value_t = 0, value_name = "N")]
    pub workers: usize,
    /// Database connections that read in parallel
    #[arg(long, env = "HOBNOB_READERS", default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub readers: u32,
    /// Writes that may wait; more are refused with 503
    #[arg(long, env = "HOBNOB_WRITE_QUEUE", default_value_t = 10_000, value_name = "N")]
    pub write_queue: usize,
    /// Most sockets and requests in progress at once
    #[arg(long, env = "HOBNOB_CONNECTIONS", default_value_t = 25_000, value_name = "N")]
    pub connections: usize,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub rates: RateArgs,
    #[command(flatten)]
    pub media: MediaArgs,
}

/// What may be uploaded.
#[derive(Args, Clone, Debug)]
pub struct MediaArgs {
    /// Bytes of one upload with all its files
    #[arg(long, env = "HOBNOB_MAX_UPLOAD", default_value_t = 104_857_600, value_name = "BYTES")]
    pub max_upload: u64,
    /// Files of a message
    #[arg(long, env = "HOBNOB_MAX_FILES", default_value_t = 10, value_name = "N")]
    pub max_files: usize,
    /// Types of files that are taken, e.g. `image/*,pdf`; all if none is named
    #[arg(long, env = "HOBNOB_FILE_TYPES", value_delimiter = ',', value_name = "TYPES")]
    pub file_types: Vec<String>,
    /// Types of files that are not taken, e.g. `exe,text/html`
    #[arg(long, env = "HOBNOB_FILE_TYPES_DENIED", value_delimiter = ',', value_name = "TYPES")]
    pub file_types_denied: Vec<String>,
}

/// Ceilings one may want to raise. The rest of the contract's limits are in `model::limits`.
#[derive(Args, Clone, Debug)]
pub struct LimitArgs {
    /// Members of a group
    #[arg(long, env = "HOBNOB_MAX_MEMBERS", default_value_t = 100_000, value_name = "N")]
    pub max_members: i64,
    /// Bytes of a message's `data`
    #[arg(long, env = "HOBNOB_MAX_DATA", default_value_t = 65_536, value_name = "BYTES")]
    pub max_data: usize,
    /// Bytes of a JSON request body
    #[arg(long, env = "HOBNOB_MAX_BODY", default_value_t = 262_144, value_name = "BYTES")]
    pub max_body: usize,
    /// Bytes of a socket frame from a client
    #[arg(long, env = "HOBNOB_MAX_FRAME", default_value_t = 65_536, value_name = "BYTES")]
    pub max_frame: usize,
    /// Presence is pushed while at most this many users of an app are online
    #[arg(long, env = "HOBNOB_PRESENCE_USERS", default_value_t = 1000, value_name = "N")]
    pub presence_users: usize,
    /// Typing reaches groups with up to this many members online
    #[arg(long, env = "HOBNOB_TYPING_MEMBERS", default_value_t = 1000, value_name = "N")]
    pub typing_members: usize,
    /// Rows of one data import
    #[arg(long, env = "HOBNOB_IMPORT_ROWS", default_value_t = 50, value_name = "N")]
    pub import_rows: usize,
    /// Seconds between the deletion of an app and the end of its data
    #[arg(long, env = "HOBNOB_APP_GRACE", default_value_t = 86_400, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..))]
    pub app_grace: i64,
}

/// How many requests an app may make.
#[derive(Args, Clone, Debug)]
pub struct RateArgs {
    /// Whose requests are counted: `off`, `remote` (not those from this machine; behind a proxy on this machine that is
    /// nobody's) or `all` [default: remote; off with --demo]
    #[arg(long, env = "HOBNOB_RATE_LIMITS", value_name = "WHOSE", value_parser = Rates::parse)]
    pub rate_limits: Option<Rates>,
    /// Requests of an app in a minute
    #[arg(long, env = "HOBNOB_RATE_STANDARD", default_value_t = 20_000, value_name = "N")]
    pub rate_standard: u32,
    /// Logins, and calls that make, delete or enter users and groups, of an app in a minute
    #[arg(long, env = "HOBNOB_RATE_CORE", default_value_t = 10_000, value_name = "N")]
    pub rate_core: u32,
    /// Data imports of an app in a minute
    #[arg(long, env = "HOBNOB_RATE_IMPORT", default_value_t = 60, value_name = "N")]
    pub rate_import: u32,
}

impl Config {
    /// How many requests an app may make.
    pub fn rate_limits(&self) -> RateLimits {
        let RateArgs { rate_limits, rate_standard, rate_core, rate_import } = self.rates;
        RateLimits {
            rates: rate_limits.unwrap_or(Rates::Remote),
            standard: rate_standard,
            core: rate_core,
            import: rate_import,
        }
    }

    /// The limits these settings make.
    pub fn limits(&self) -> crate::model::limits::Limits {
        let LimitArgs {
            max_members,
            max_data,
            max_body,
            max_frame,
            presence_users,
            typing_members,
            import_rows,
            app_grace,
        } = self.limits;
        crate::model::limits::Limits {
            members: max_members,
            data: max_data,
            body: max_body,
            frame: max_frame,
            presence_users,
            typing_members,
            import_rows,
            app_grace,
            upload: self.media.max_upload,
            files: self.media.max_files,
            file_types: self.media.file_types.clone(),
            file_types_denied: self.media.file_types_denied.clone(),
            ..Default::default()
        }
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.data.join("hobnob.db")
    }

    /// The addresses to listen at: plain, TLS.
    pub fn addresses(&self) -> Result<(Option<SocketAddr>, Option<SocketAddr>), String> {
        let found = (address("--http", &self.http)?, address("--https", &self.https)?);
        if found == (None, None) {
            return Err("--http and --https are both off: nobody could reach this server".to_owned());
        }
        Ok(found)
    }
}

fn address(flag: &str, text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    let found = text.to_socket_addrs().map_err(|e| format!("{flag} {text}: {e} (expected ADDRESS:PORT or off)"))?;
    found.into_iter().next().map(Some).ok_or_else(|| format!("{flag} {text}: no such address"))
}

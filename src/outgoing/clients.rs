//! The clients that make requests, by where those may go, and what the settings say of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::lookup_host;

use super::address::Strangers;
use super::names::Checked;
use super::{Failure, Request};
use crate::network::Network;

/// Time for a connection, within that of the request.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept open that nothing is sent on: shorter than any server keeps one, so that nothing is sent
/// on one that is being closed.
const IDLE: Duration = Duration::from_secs(4);
/// Who asks.
const AGENT: &str = concat!("Hobnob/", env!("CARGO_PKG_VERSION"));

/// What the settings say of requests that leave.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Networks that are not public and may be reached all the same.
    pub private: Vec<Network>,
    /// Address of the proxy by which the public Internet is reached, with its user and password.
    pub proxy: Option<String>,
    /// PEM file of authorities that are believed besides those this machine believes.
    pub authority: Option<PathBuf>,
}

pub struct Clients {
    /// To where whoever runs this server said.
    anywhere: Client,
    /// To where strangers said; and the same with connections that stay open for a moment.
    public: Client,
    kept: Client,
    /// By the proxy.
    proxied: Option<Client>,
    strangers: Arc<Strangers>,
}

impl Clients {
    pub fn new(settings: &Settings) -> Result<Clients, String> {
        let roots = settings.authority.as_deref().map(authorities).transpose()?;
        let tls = tls(&roots.unwrap_or_default())?;
        let strangers = Arc::new(Strangers::new(settings.private.clone()));
        let builder = || -> ClientBuilder {
            let builder = Client::builder().no_proxy().redirect(Policy::none()).referer(false).user_agent(AGENT);
            builder.connect_timeout(CONNECT).pool_idle_timeout(IDLE).use_preconfigured_tls(tls.clone())
        };
        let checked = || builder().dns_resolver(Arc::new(Checked(strangers.clone())));
        let made = |builder: ClientBuilder| builder.build().map_err(|e| format!("cannot make an HTTP client: {e}"));
        let proxied = match &settings.proxy {
            Some(url) => Some(made(builder().proxy(proxy(url)?))?),
            None => None,
        };
        Ok(Clients {
            anywhere: made(builder())?,
            public: made(checked().pool_max_idle_per_host(0))?,
            kept: made(checked())?,
            proxied,
            strangers,
        })
    }

    /// The one for this step of a request. `Err`: it may not go there.
    pub async fn choose(&self, request: &Request, url: &Url) -> Result<&Client, Failure> {
        if request.reach.is_named(url) {
            return Ok(&self.anywhere);
        }
        if !self.may_name(url) {
            return Err(Failure::Forbidden);
        }
        match &self.proxied {
            Some(proxied) if !self.is_inside(url).await => Ok(proxied),
            _ if request.keeps_open => Ok(&self.kept),
            _ => Ok(&self.public),
        }
    }

    /// Whether the settings allow a host that is only in a private network.
    pub fn allows_private(&self, host: &str) -> bool {
        self.strangers.allows_private(host)
    }

    /// Whether a stranger may name this host: an address in place of a name is never resolved.
    pub fn may_name(&self, url: &Url) -> bool {
        self.strangers.may_name(url)
    }

    /// Whether it leads into a private network that the settings allow: no proxy is asked for that.
    async fn is_inside(&self, url: &Url) -> bool {
        if self.strangers.has_no_private() {
            return false;
        }
        let Some(host) = url.host_str().map(|host| host.trim_matches(['[', ']'])) else { return false };
        match lookup_host((host, 0)).await {
            Ok(mut found) => found.any(|address| self.strangers.is_private(address.ip())),
            // Where there is a proxy, names outside need not be known here.
            Err(_) => false,
        }
    }
}

/// Where a proxy is: `http://user:password@proxy.lan:3128`.
pub fn proxy(url: &str) -> Result<Proxy, String> {
    let wrong = || "expected an address like http://user:password@proxy.lan:3128".to_owned();
    let parsed = Url::parse(url).map_err(|_| wrong())?;
    match matches!(parsed.scheme(), "http" | "https") && parsed.host().is_some() {
        true => Proxy::all(parsed).map_err(|_| wrong()),
        false => Err(wrong()),
    }
}

/// The certificates of a PEM file.
fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let explain = |error: &dyn std::fmt::Display| format!("cannot use {}: {error}", file.display());
    let roots = CertificateDer::pem_file_iter(file).and_then(|certs| certs.collect::<Result<Vec<_>, _>>());
    let roots = roots.map_err(|e| explain(&e))?;
    match roots.is_empty() {
        true => Err(explain(&"there is no certificate in it")),
        false => Ok(roots),
    }
}

/// TLS that believes whom this machine believes, and these.
fn tls(more: &[CertificateDer<'static>]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let found: Vec<CertificateDer<'static>> = rustls_native_certs::load_native_certs().certs;
    // One that cannot be read is one that nothing is checked by.
    roots.add_parsable_certificates(found.into_iter().chain(more.iter().cloned()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|e| format!("cannot set TLS up: {e}"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outgoing::{Outgoing, Reach};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    /// A server that answers everything well, on connections that it keeps; the heads of what it is asked.
    async fn serving() -> (String, mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let (heads, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut connections = 0;
            while let Ok((mut socket, _)) = listener.accept().await {
                connections += 1;
                let (heads, number) = (heads.clone(), connections);
                tokio::spawn(async move {
                    let mut head = vec![0; 4096];
                    while let Ok(read @ 1..) = socket.read(&mut head).await {
                        let _ = heads.send(format!("{number}: {}", String::from_utf8_lossy(&head[..read])));
                        if socket.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok").await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (at, asked)
    }

    #[tokio::test]
    async fn the_proxy_is_asked_for_what_is_public() {
        let (proxy, mut asked) = serving().await;
        let (inside, mut told) = serving().await;
        let private = vec![Network::parse("127.0.0.0/8").unwrap()];
        let settings = Settings { private, proxy: Some(format!("http://us:p%20w@{proxy}")), authority: None };
        let outgoing = Outgoing::by(&settings).unwrap();
        let get = async |url: &str| outgoing.send(Request::get(url, Reach::Public)).await;
        assert_eq!(get("http://told.invalid/x?y").await.unwrap().body, b"ok");
        let head = asked.recv().await.unwrap();
        assert!(head.contains("GET http://told.invalid/x?y HTTP/1.1"), "{head}");
        assert!(head.to_ascii_lowercase().contains("proxy-authorization: basic dxm6ccb3"), "{head}");
        // TLS goes through it, to whom it says it goes; here it is none.
        assert!(matches!(get("https://told.invalid/").await, Err(Failure::Broken(_))));
        let head = asked.recv().await.unwrap();
        assert!(head.contains("CONNECT told.invalid:443 HTTP/1.1"), "{head}");
        // What is private is refused as ever, and what is allowed of it is reached without.
        assert_eq!(get("http://10.0.0.1/").await.unwrap_err(), Failure::Forbidden);
        for host in [inside.clone(), inside.replace("127.0.0.1", "localhost")] {
            assert_eq!(get(&format!("http://{host}/")).await.unwrap().body, b"ok");
            assert!(told.recv().await.unwrap().contains("GET / "));
        }
        let named = Request::get(&format!("http://{inside}/"), Reach::Anywhere);
        assert_eq!(outgoing.send(named).await.unwrap().body, b"ok");
        assert!(told.recv().await.is_some());
        while let Ok(head) = asked.try_recv() {
            assert!(!head.contains("HTTP/1.1"), "{head}");
        }
    }

    #[tokio::test]
    async fn a_connection_stays_open_for_those_who_ask_for_it() {
        let (at, mut asked) = serving().await;
        let outgoing = Outgoing::new(vec![Network::parse("127.0.0.0/8").unwrap()]).unwrap();
        let mut connections = Vec::new();
        for keeps_open in [true, true, false, false] {
            let request = Request { keeps_open, ..Request::get(&format!("http://{at}/"), Reach::Public) };
            outgoing.send(request).await.unwrap();
            connections.push(asked.recv().await.unwrap().split(':').next().unwrap().to_owned());
        }
        assert_eq!(connections, ["1", "1", "2", "3"]);
    }

    #[test]
    fn where_a_proxy_may_be() {
        for good in ["http://proxy.lan:3128", "https://us:pw@proxy.lan", "http://10.0.0.1"] {
            assert!(proxy(good).is_ok(), "{good}");
        }
        for bad in ["", "proxy.lan", "proxy.lan:3128", "socks5://proxy.lan", "http://"] {
            assert!(proxy(bad).is_err(), "{bad}");
        }
    }
}

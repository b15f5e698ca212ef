//! The side of the server that speaks TLS: which certificate it has, and how it gets another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::Notify;

use super::reachable;
use crate::api::Api;
use crate::chores::Chore;
use crate::config::Config;
use crate::model::extension;
use crate::outgoing::Outgoing;
use crate::tls::renewal::Way;
use crate::tls::{self, Certificates, Files, Order, Renewal, Watched};

/// How often certificate files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What is behind the door for https.
pub struct Secure {
    pub certificates: Arc<Certificates>,
    watched: Option<Arc<Watched>>,
    renewal: Option<Renewal>,
    again: Arc<Notify>,
}

/// Has everything read again that may have changed.
#[derive(Clone, Default)]
pub struct Reload {
    watched: Option<Arc<Watched>>,
    again: Arc<Notify>,
}

impl Reload {
    /// Now, whatever the files look like.
    pub fn now(&self) {
        if let Some(watched) = &self.watched {
            watched.look(true);
        }
        self.again.notify_one();
    }
}

impl Secure {
    /// With the operator's files, or else the local certificate, and one from an authority if domains are named. `http`:
    /// where it is served in plain, if it is.
    pub fn open(config: &Config, (http, at): (Option<SocketAddr>, SocketAddr), api: &Api) -> Result<Secure, String> {
        let (again, clock) = (Arc::<Notify>::default(), api.store.clock().clone());
        if let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) {
            let watched = Arc::new(Watched::open(Files { cert: cert.clone(), key: key.clone() }, clock)?);
            let certificates = watched.certificates().clone();
            return Ok(Secure { certificates, watched: Some(watched), renewal: None, again });
        }
        let mut names = vec![reachable(at).ip().to_string()];
        names.extend(api.public_host.as_ref().map(|public| public.name().to_owned()));
        names.push(format!("*.{}", extension::LOCAL));
        names.extend(api.extensions.domain.wildcard(config.public.public_host.as_ref()));
        let local = tls::local(config.data(), &names)?;
        let certificates = Arc::new(Certificates::new(tls::read(&local)?, false));
        let mut secure = Secure { certificates, watched: None, renewal: None, again };
        if config.acme.domains.is_empty() {
            return Ok(secure);
        }
        let outgoing = match &config.acme.acme_ca {
            Some(file) => Outgoing::with_authority(file).map_err(|e| format!("--acme-ca: {e}"))?,
            None => api.outgoing.clone(),
        };
        let order = Order {
            domains: config.acme.domains.clone(),
            directory: config.acme.acme_directory.clone(),
            email: config.acme.acme_email.clone(),
        };
        warn_of_loopback(&order, http, at);
        let shown = (secure.certificates.clone(), api.tokens.clone());
        let (folder, again) = (tls::folder(config.data()), secure.again.clone());
        let renewal = Renewal::open(order, &folder, outgoing, shown, ways(http, at), clock, again);
        if !renewal.is_held() {
            log::info!("until there is a certificate for its names, the server has the local one for them as well");
        }
        secure.renewal = Some(renewal);
        Ok(secure)
    }

    /// What handshakes go by.
    pub fn tls(&self) -> Result<ServerConfig, String> {
        tls::server_config(self.certificates.clone(), self.renewal.is_some())
    }

    /// A handle to have it read everything again.
    pub fn reload(&self) -> Reload {
        Reload { watched: self.watched.clone(), again: self.again.clone() }
    }

    /// What keeps the certificate good.
    pub fn chores(self) -> Vec<Chore> {
        let mut chores: Vec<Chore> = Vec::new();
        if let Some(watched) = self.watched {
            chores.push(Box::pin(async move {
                loop {
                    tokio::time::sleep(LOOK).await;
                    watched.look(false);
                }
            }));
        }
        if let Some(renewal) = self.renewal {
            chores.push(Box::pin(renewal.keep()));
        }
        chores
    }
}

/// How names may be proved to be this server's, the likeliest first. The port an authority comes to may be forwarded to
/// another one here, so none is ruled out.
fn ways(http: Option<SocketAddr>, https: SocketAddr) -> Vec<Way> {
    match http {
        None => vec![Way::Handshake],
        Some(at) if at.port() == Way::Plain.port() && https.port() != Way::Handshake.port() => {
            vec![Way::Plain, Way::Handshake]
        }
        Some(_) => vec![Way::Handshake, Way::Plain],
    }
}

/// Nothing from outside comes to a loopback address, unless something on this machine passes it on.
fn warn_of_loopback(order: &Order, http: Option<SocketAddr>, https: SocketAddr) {
    if https.ip().is_loopback() && http.is_none_or(|at| at.ip().is_loopback()) {
        log::warn!(
            "--domain {}: an authority comes to its port 443 or 80, and --https listens at {https}, where only this \
             machine comes. If nothing passes those ports on, start with --https 0.0.0.0:443 --http 0.0.0.0:80",
            order.domains.join(",")
        );
    }
}

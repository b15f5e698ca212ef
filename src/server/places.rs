//! Where the server listens: at the addresses of the settings, or on sockets that a supervisor opened and hands over.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use crate::config::{Config, NO_DOOR};
use crate::systemd;

/// Ports that only root, or who has the right for it, may listen at.
const PRIVILEGED: u16 = 1024;

/// What is to be listened at.
pub struct Places {
    http: Option<Plan>,
    https: Option<Plan>,
}

enum Plan {
    At(SocketAddr),
    Open(Place),
}

/// A listening socket and its address.
pub struct Place {
    pub listener: TcpListener,
    pub at: SocketAddr,
}

impl Places {
    /// By the settings and what was handed over; nothing is opened yet.
    pub fn plan(config: &Config) -> Result<Places, String> {
        let (http, https) = config.addresses()?;
        let mut places = Places { http: http.map(Plan::At), https: https.map(Plan::At) };
        let mut taken = [false; 2];
        for (name, listener) in systemd::sockets()? {
            let at = listener.local_addr().map_err(|e| format!("the socket {name:?} that was handed over: {e}"))?;
            // By name; one without a name is the plain one if it comes first.
            let secure = match name.as_str() {
                "http" => false,
                "https" => true,
                _ => taken[0],
            };
            if std::mem::replace(&mut taken[usize::from(secure)], true) {
                return Err(format!(
                    "the socket {name:?} at {at} that was handed over is one too many: one for http, one for https"
                ));
            }
            let place = Some(Plan::Open(Place { listener, at }));
            if secure { places.https = place } else { places.http = place }
        }
        if places.http.is_none() && places.https.is_none() {
            return Err(NO_DOOR.to_owned());
        }
        if !config.acme.domains.is_empty() && places.https.is_none() {
            return Err(
                "--domain gets a certificate for --https, which is off. With a proxy in front, the proxy has the \
                        certificate, and --public-host names it here"
                    .to_owned(),
            );
        }
        Ok(places)
    }

    /// Listens: plain, TLS.
    pub fn open(self) -> Result<(Option<Place>, Option<Place>), String> {
        let open = |flag: &str, place: Option<Plan>| match place {
            None => Ok(None),
            Some(Plan::Open(place)) => Ok(Some(place)),
            Some(Plan::At(address)) => listen(flag, address).map(Some),
        };
        Ok((open("--http", self.http)?, open("--https", self.https)?))
    }
}

/// Listens at an address that this setting named.
pub fn listen(flag: &str, address: SocketAddr) -> Result<Place, String> {
    let listener = TcpListener::bind(address).map_err(|e| {
        let right = match e.kind() == std::io::ErrorKind::PermissionDenied && address.port() < PRIVILEGED {
            true => ". A port below 1024 needs a right of its own: CAP_NET_BIND_SERVICE, as the systemd unit has it",
            false => "",
        };
        format!("cannot listen at {address}: {e}{right}. {flag} ADDRESS:PORT names another place, {flag} off none")
    })?;
    let at = listener.local_addr().map_err(|e| e.to_string())?;
    Ok(Place { listener, at })
}

/// The address others can use for one that is listened at: no client can go to 0.0.0.0.
pub fn reachable(at: SocketAddr) -> SocketAddr {
    if !at.ip().is_unspecified() {
        return at;
    }
    // Nothing is sent: the system only says by which of its addresses it would go to that one (documentation, RFC 5737).
    let ours = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let ip = ours.map_or(Ipv4Addr::LOCALHOST.into(), |ours| ours.ip());
    SocketAddr::new(if ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { ip }, at.port())
}

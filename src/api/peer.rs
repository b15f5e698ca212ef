//! Who is at the other end of a request: address, scheme and host, past the proxies that are trusted.
//!
//! `X-Forwarded-For`, `-Proto` and `-Host` are whatever the other end wrote, so they count only in requests that come
//! from an address the settings trust (`--trusted-proxies`). The address is the last one of the chain that is not such a
//! proxy itself: what stands before it anybody can make up. `Forwarded` is not read: most proxies pass a client's own one
//! on as it came.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;

use crate::network::Network;

/// The listener a connection came by; kept with the connection.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub secure: bool,
}

fn door(request: &HttpRequest) -> Option<&Door> {
    request.conn_data()
}

/// What a connection carries whose client asked for a name that this server has a certificate for that others know: not
/// one of the local authority, which would bind the names of every other server on that machine, too.
pub struct Certified;

/// Whether the other end of the connection is a proxy that is believed.
fn is_trusted(request: &HttpRequest, trusted: &[Network]) -> bool {
    request.peer_addr().is_some_and(|peer| trusted.iter().any(|network| network.contains(peer.ip())))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// The client's address.
pub fn address(request: &HttpRequest, trusted: &[Network]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !is_trusted(request, trusted) {
        return Some(peer);
    }
    let lines: Vec<&str> = request.headers().get_all("x-forwarded-for").filter_map(|line| line.to_str().ok()).collect();
    Some(nearest_stranger(peer, &lines, trusted))
}

/// What arrived of a client's address, for who sets up a proxy.
pub struct Seen {
    /// What is counted by.
    pub address: Option<IpAddr>,
    /// How many addresses `X-Forwarded-For` names.
    pub forwarded: usize,
    /// Whether the other end of the connection is a proxy that is believed.
    pub believed: bool,
}

/// What arrived of this client's.
pub fn seen(request: &HttpRequest, trusted: &[Network]) -> Seen {
    let lines = request.headers().get_all("x-forwarded-for").filter_map(|line| line.to_str().ok());
    let forwarded = lines.flat_map(|line| line.split(',')).filter(|part| !part.trim().is_empty()).count();
    Seen { address: address(request, trusted), forwarded, believed: is_trusted(request, trusted) }
}

/// The last address of the chain that is no trusted proxy. What is no address ends the chain.
fn nearest_stranger(peer: IpAddr, lines: &[&str], trusted: &[Network]) -> IpAddr {
    let mut nearest = peer;
    for part in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let part = part.trim().trim_matches('"');
        let bare = part.strip_prefix('[').and_then(|part| part.strip_suffix(']')).unwrap_or(part);
        let parsed = bare.parse::<IpAddr>().or_else(|_| part.parse::<SocketAddr>().map(|address| address.ip()));
        let Ok(address) = parsed else { break };
        nearest = address.to_canonical();
        if !trusted.iter().any(|network| network.contains(nearest)) {
            break;
        }
    }
    nearest
}

/// Whether the client is on this machine.
pub fn is_local(request: &HttpRequest, trusted: &[Network]) -> bool {
    address(request, trusted).is_some_and(|address| address.is_loopback())
}

/// `http` or `https`, as the client used it.
pub fn scheme(request: &HttpRequest, trusted: &[Network]) -> &'static str {
    let forwarded = header(request.headers(), "x-forwarded-proto").filter(|_| is_trusted(request, trusted));
    match forwarded {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        Some(scheme) if scheme.eq_ignore_ascii_case("http") => "http",
        _ if door(request).is_some_and(|door| door.secure) => "https",
        _ => "http",
    }
}

/// `host[:port]`, as the client named this server.
pub fn host(request: &HttpRequest, trusted: &[Network]) -> String {
    with_host(request, trusted, str::to_owned)
}

/// What `f` makes of the host, which need not be copied for that.
pub fn with_host<T>(request: &HttpRequest, trusted: &[Network], f: impl FnOnce(&str) -> T) -> T {
    let headers = request.headers();
    let forwarded = header(headers, "x-forwarded-host").filter(|_| is_trusted(request, trusted));
    let named = forwarded.or_else(|| header(headers, "host"));
    let named = named.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    match (named, door(request)) {
        (Some(named), _) => f(named),
        (None, Some(door)) => f(&door.address.to_string()),
        (None, None) => f("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn trusted() -> Vec<Network> {
        ["127.0.0.0/8", "10.0.0.0/8"].map(|network| Network::parse(network).unwrap()).to_vec()
    }

    fn request(peer: &str, headers: &[(&'static str, &'static str)]) -> HttpRequest {
        let request = TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 1));
        headers.iter().fold(request, |request, header| request.append_header(*header)).to_http_request()
    }

    #[test]
    fn a_chain_is_believed_as_far_as_it_is_trusted() {
        let seen = |peer: &str, chain: &'static str| {
            address(&request(peer, &[("x-forwarded-for", chain)]), &trusted()).unwrap().to_string()
        };
        assert_eq!(seen("9.9.9.9", "1.1.1.1"), "9.9.9.9", "not from a proxy");
        assert_eq!(seen("127.0.0.1", "1.1.1.1"), "1.1.1.1");
        assert_eq!(seen("127.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.7"), "1.1.1.1", "what stands before is made up");
        assert_eq!(seen("127.0.0.1", "1.1.1.1, who, 10.0.0.7"), "10.0.0.7");
        assert_eq!(seen("127.0.0.1", "[2001:db8::1]:99, 10.0.0.7:1"), "2001:db8::1");
        assert_eq!(seen("127.0.0.1", ""), "127.0.0.1");
        let two = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1")];
        assert_eq!(address(&request("::ffff:127.0.0.1", &two), &trusted()).unwrap().to_string(), "1.1.1.1");
        assert!(!is_local(&request("127.0.0.1", &two), &trusted()) && is_local(&request("127.0.0.1", &[]), &trusted()));
        assert!(is_local(&request("127.0.0.1", &two), &[]), "nobody is trusted");
    }

    #[test]
    fn scheme_and_host_are_the_clients_own_unless_a_proxy_says_so() {
        let headers = [("host", "inner:8080"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "chat.example")];
        let (proxied, direct) = (request("10.1.1.1", &headers), request("9.9.9.9", &headers));
        assert_eq!((scheme(&proxied, &trusted()), host(&proxied, &trusted())), ("https", "chat.example".to_owned()));
        assert_eq!((scheme(&direct, &trusted()), host(&direct, &trusted())), ("http", "inner:8080".to_owned()));
        let odd = request("10.1.1.1", &[("host", "h"), ("x-forwarded-proto", "gopher")]);
        assert_eq!(scheme(&odd, &trusted()), "http");
    }
}

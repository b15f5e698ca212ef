//! The name clients reach this server by, when it is not the one in their requests: behind a proxy, below a path.

/// `chat.example`, `chat.example:8443`, `https://chat.example/chat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicHost {
    /// `http` or `https`; without one, that of each request.
    scheme: Option<&'static str>,
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    name: String,
    port: Option<u16>,
    /// Empty, or `/chat`.
    path: String,
}

impl PublicHost {
    /// Reads the setting; `Err` says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Some("https"), rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Some("http"), rest),
            Some((scheme, _)) => {
                return Err(format!("{scheme}:// is not a scheme of this server: use https:// or http://"));
            }
            None => (None, text),
        };
        if let Some(odd) =
            rest.chars().find(|c| matches!(c, '?' | '#' | '@' | '\\') || c.is_whitespace() || c.is_control())
        {
            return Err(format!("there is a {odd:?} in it; expected HOST, HOST:PORT or https://HOST[:PORT]/PATH"));
        }
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (name, port) = split(host)?;
        check_name(name)?;
        let port = match port {
            None => None,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                _ => return Err(format!("{port:?} is no port: it is a number from 1 to 65535")),
            },
        };
        let path = path.trim_end_matches('/');
        check_path(path)?;
        Ok(PublicHost { scheme, name: name.to_ascii_lowercase(), port, path: path.to_owned() })
    }

    /// The name or address alone, as a certificate has it.
    pub fn name(&self) -> &str {
        self.name.trim_matches(['[', ']'])
    }

    /// `host[:port]` and the path: what clients are told instead of an address.
    pub fn host(&self) -> String {
        format!("{}{}", self.authority(), self.path)
    }

    /// `host[:port]`.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.name),
            None => self.name.clone(),
        }
    }

    /// The path below which the server is found: empty, or `/chat`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The port clients use, if it is said.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The whole address, with the scheme that a request came by if the setting names none.
    pub fn base(&self, scheme: &str) -> String {
        format!("{}://{}", self.scheme.unwrap_or(scheme), self.host())
    }
}

impl std::str::FromStr for PublicHost {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        PublicHost::parse(text)
    }
}

/// Host and port of `host[:port]`.
fn split(host: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = host.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or("the bracket of the IPv6 address is not closed")?;
        let name = &host[..address.len() + 2];
        return match after.strip_prefix(':') {
            Some(port) => Ok((name, Some(port))),
            None if after.is_empty() => Ok((name, None)),
            None => Err(format!("{after:?} follows the IPv6 address")),
        };
    }
    match host.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Err("an IPv6 address needs brackets: [::1]".to_owned()),
        Some((name, port)) => Ok((name, Some(port))),
        None => Ok((host, None)),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the host is missing".to_owned());
    }
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return match address.parse::<core::net::Ipv6Addr>() {
            Ok(address) if address.is_unspecified() => Err(unspecified(name)),
            Ok(_) => Ok(()),
            Err(_) => Err(format!("{name} is no IPv6 address")),
        };
    }
    if name == "0.0.0.0" {
        return Err(unspecified(name));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    match name.trim_end_matches('.').split('.').all(label) && name.len() <= 253 {
        true => Ok(()),
        false => Err(format!("{name:?} is no host name (letters, digits, hyphens and dots; others as punycode)")),
    }
}

fn unspecified(name: &str) -> String {
    format!("{name} is where a server listens, not a name that clients can reach")
}

fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Ok(());
    }
    let segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    if !path[1..].split('/').all(segment) {
        return Err(format!("{path:?} is no path: letters, digits and - . _ ~ between slashes"));
    }
    match path.rsplit('/').next() {
        Some(end @ ("v3" | "v3.0" | "admin" | "media" | "ws")) => {
            Err(format!("leave out /{end}: it is added where it belongs"))
        }
        _ => Ok(()),
    }
}

/// This server as the one who asks reaches it: the setting, or what the request says.
pub fn base(public: Option<&PublicHost>, scheme: &str, host: &str) -> String {
    match public {
        Some(public) => public.base(scheme),
        // Goes into texts as it is: what cannot be part of an address is none.
        None if host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b)) => {
            format!("{scheme}://{host}")
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_paths_are_read() {
        let read = |text: &str| {
            let public = PublicHost::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            (public.base("http"), public.host(), public.name().to_owned(), public.path().to_owned(), public.port())
        };
        let is = |base: &str, host: &str, name: &str, path: &str, port| {
            (base.into(), host.into(), name.into(), path.into(), port)
        };
        assert_eq!(read("chat.example"), is("http://chat.example", "chat.example", "chat.example", "", None));
        assert_eq!(
            read("Chat.Example:8443"),
            is("http://chat.example:8443", "chat.example:8443", "chat.example", "", Some(8443))
        );
        assert_eq!(read("https://chat.example/"), is("https://chat.example", "chat.example", "chat.example", "", None));
        assert_eq!(
            read("https://a.b:99/x/chat/"),
            is("https://a.b:99/x/chat", "a.b:99/x/chat", "a.b", "/x/chat", Some(99))
        );
        assert_eq!(read("[::1]:8443"), is("http://[::1]:8443", "[::1]:8443", "::1", "", Some(8443)));
        assert_eq!(read(" 192.0.2.7 ").2, "192.0.2.7");
    }

    #[test]
    fn what_is_no_host_is_refused_with_a_reason() {
        for (text, word) in [
            ("", "missing"),
            ("https://", "missing"),
            ("ftp://chat.example", "https://"),
            ("chat.example:", "port"),
            ("chat.example:0", "65535"),
            ("chat.example:99999", "65535"),
            ("chat.example:http", "port"),
            ("me@chat.example", "'@'"),
            ("chat.example?x=1", "'?'"),
            ("chat example", "' '"),
            ("::1", "brackets"),
            ("[::1", "closed"),
            ("[::x]", "IPv6"),
            ("0.0.0.0:8080", "listens"),
            ("[::]", "listens"),
            ("*.example", "host name"),
            ("chät.example", "punycode"),
            ("chat..example", "host name"),
            ("https://chat.example/a//b", "path"),
            ("https://chat.example/../x", "path"),
            ("https://chat.example/v3", "leave out /v3"),
            ("chat.example/chat/admin/", "leave out /admin"),
        ] {
            let refused = PublicHost::parse(text).err().unwrap_or_else(|| panic!("{text:?} was taken"));
            assert!(refused.contains(word), "{text:?}: {refused}");
        }
    }

    #[test]
    fn without_a_setting_the_request_says_where_it_reached_us() {
        assert_eq!(base(None, "https", "10.0.0.5:8443"), "https://10.0.0.5:8443");
        assert_eq!(base(None, "https", "a\"b"), "");
        let public = PublicHost::parse("chat.example/chat").expect("good");
        assert_eq!(base(Some(&public), "https", "10.0.0.5"), "https://chat.example/chat");
    }
}

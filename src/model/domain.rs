//! Names that a certificate authority may be asked about.

use core::net::IpAddr;

/// Endings of names that lead nowhere in public (RFC 6761, RFC 8375, and what home networks use): a public authority gives
/// no certificate for them.
const PRIVATE: [&str; 9] = ["local", "internal", "lan", "home", "home.arpa", "intranet", "test", "invalid", "example"];

/// A full name, in small letters. `Err`: what to do instead.
pub fn parse(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    if name.starts_with("*.") {
        return Err(
            "a certificate for all names below one is got by DNS only: get it with a tool that speaks to your DNS, \
                    and name its files with --tls-cert and --tls-key"
                .to_owned(),
        );
    }
    if name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err("this is an address: name a domain that leads to it".to_owned());
    }
    if name == "localhost" || name.ends_with(".localhost") {
        return Err("this is every machine's own name: leave --domain out, the local certificate is for it".to_owned());
    }
    if name.contains(['/', ':']) {
        return Err("expected a name like chat.example.org, without https:// and port".to_owned());
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match name.len() <= 253 && name.split('.').all(is_label) {
        true => Ok(name),
        false if !name.is_ascii() => Err("write it in the form that begins with xn--".to_owned()),
        false => Err("expected a name like chat.example.org".to_owned()),
    }
}

/// Whether anybody in public may have this name.
pub fn is_public(name: &str) -> bool {
    let below = |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.ends_with('.'));
    name.contains('.') && !PRIVATE.iter().any(|end| below(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_domains() {
        assert_eq!(parse(" Chat.Example.ORG. ").unwrap(), "chat.example.org");
        assert_eq!(parse("xn--bcher-kva.example.org").unwrap(), "xn--bcher-kva.example.org");
        let cases = [
            ("*.example.org", "--tls-cert"),
            ("192.0.2.1", "address"),
            ("[2001:db8::1]", "address"),
            ("2001:db8::1", "address"),
            ("localhost", "leave --domain out"),
            ("a.localhost", "leave --domain out"),
            ("https://chat.example.org", "without https://"),
            ("chat.example.org:443", "port"),
            ("bücher.example.org", "xn--"),
            ("", "expected"),
            ("a..b", "expected"),
            ("-a.org", "expected"),
            ("a_b.org", "expected"),
        ];
        for (text, advice) in cases {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(advice), "{text}: {refused}");
        }
        let public = |name| (name, is_public(name));
        for name in ["chat.example.org", "locals.org", "example.com"] {
            assert_eq!(public(name), (name, true));
        }
        for name in ["chat", "chat.local", "chat.home.arpa", "a.b.lan", "chat.example"] {
            assert_eq!(public(name), (name, false));
        }
    }
}

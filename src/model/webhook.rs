//! A webhook: an address outside that is told what happens in an app.

use serde_json::{Value, json};

use super::error::{Code, Error, Result};
use super::user::check_length;

/// Characters of an id and a name, of an address, of a user's name and of a password (contract).
const MOST_NAME: usize = 50;
const MOST_URL: usize = 255;
const MOST_USERNAME: usize = 50;
const MOST_PASSWORD: usize = 100;

/// One that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// What the app calls it.
    pub id: String,
    pub name: String,
    pub url: String,
    /// Whether name and password are sent.
    pub basic_auth: bool,
    pub username: String,
    pub password: String,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Whether what fails is tried again.
    pub retries: bool,
}

impl Webhook {
    /// Whether all of it may be kept. `plain`: it may be reached without TLS, wherever it is.
    pub fn check(&self, plain: bool) -> Result<()> {
        // A path that ends with one of dots alone leads elsewhere.
        if !self.id.starts_with(|c: char| c.is_ascii_alphanumeric())
            || !self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        {
            let sentence =
                "The id must hold letters, digits, hyphens, dots and underscores, and begin with a letter or digit.";
            return Err(Error::field("id", sentence));
        }
        check_length("id", &self.id, MOST_NAME)?;
        if self.name.trim().is_empty() {
            return Err(Error::field("name", "The name field is required."));
        }
        if self.name.chars().any(char::is_control) {
            return Err(Error::field("name", "The name must hold no control character."));
        }
        check_length("name", &self.name, MOST_NAME)?;
        check_url("webhookURL", &self.url, plain)?;
        check_basic(("useBasicAuth", self.basic_auth), &self.username, &self.password)
    }
}

/// Name and password of Basic auth; `field` says whether they are sent.
pub fn check_basic((field, sent): (&str, bool), username: &str, password: &str) -> Result<()> {
    check_length("username", username, MOST_USERNAME)?;
    check_length("password", password, MOST_PASSWORD)?;
    // A colon ends the name where both are sent.
    if username.contains(':') || username.chars().any(char::is_control) {
        return Err(Error::field("username", "The username must hold no colon and no control character."));
    }
    if password.chars().any(char::is_control) {
        return Err(Error::field("password", "The password must hold no control character."));
    }
    if sent && (username.is_empty() || password.is_empty()) {
        return Err(Error::field("username", format!("With {field} a username and a password are required.")));
    }
    Ok(())
}

/// https anywhere, and http on this machine and (`plain`) where the settings allow it: what is told is private.
pub fn check_url(field: &'static str, url: &str, plain: bool) -> Result<()> {
    let refused = |why: &str| Err(Error::field(field, format!("The {field} must {why}.")));
    check_length(field, url, MOST_URL)?;
    let what =
        "be an address of https, or of http on localhost or in a private network that the server's settings allow";
    let Some((scheme, rest)) = url.split_once("://") else { return refused(what) };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return refused(what);
    }
    if host.contains('@') {
        return refused("name no user: Basic auth is for that");
    }
    if url.contains('#') {
        return refused("have no fragment: it is never sent");
    }
    // Behind the last colon that is not within an address of version 6.
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse().is_ok_and(|port: u16| port > 0);
    if port.is_some_and(|port| !is_port(port)) {
        return refused("name a port from 1 to 65535, or none");
    }
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(()),
        "http" if plain || is_local(url) => Ok(()),
        _ => refused(what),
    }
}

/// The host that an address names, without brackets, port and the case of letters.
pub fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.to_ascii_lowercase()
}

/// Whether two addresses are of one server: what was given for one of them (a password) goes to no other.
pub fn is_same_server(one: &str, other: &str) -> bool {
    let server = |url: &str| {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        (scheme.to_ascii_lowercase(), rest.split(['/', '?', '#']).next().map(str::to_ascii_lowercase))
    };
    server(one) == server(other)
}

/// Whether an address names this very machine.
pub fn is_local(url: &str) -> bool {
    matches!(host_of(url).as_str(), "localhost" | "127.0.0.1" | "::1")
}

/// Ends of names that are never public: of private networks (RFC 6762, RFC 8375, and what ICANN has set aside).
const PRIVATE_ENDS: [&str; 4] = [".internal", ".local", ".lan", ".home.arpa"];

/// Whether a name (no address) is one that private networks alone know.
pub fn is_private_name(host: &str) -> bool {
    !host.contains('.') || PRIVATE_ENDS.iter().any(|end| host.ends_with(end))
}

/// What a test says in place of an event: it looks like a message that was sent, and its trigger is no event's.
pub const TEST: &str = "test";

/// The data of a test at this time.
pub fn test_data(app_id: &str, now: i64) -> Value {
    let user = |uid: &str, name: &str| {
        let entity = json!({"uid": uid, "name": name, "role": "default", "status": "offline"});
        json!({ "entity": entity, "entityType": "user" })
    };
    json!({"message": {
        "id": "0",
        "conversationId": "webhook-test-1_user_webhook-test-2",
        "sender": "webhook-test-1",
        "receiverType": "user",
        "receiver": "webhook-test-2",
        "category": "message",
        "type": "text",
        "data": {
            "text": format!("This is a test of the app {app_id}: nobody wrote it."),
            "entities": {"sender": user("webhook-test-1", "Test"), "receiver": user("webhook-test-2", "Test")},
        },
        "sentAt": now,
        "updatedAt": now,
    }})
}

/// The refusal of one that is not there.
pub fn absent(id: &str) -> Error {
    Error::new(Code::WebhookNotFound, format!("The webhook with id {} does not exist.", super::ids::shown(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_may_lead() {
        for good in [
            "https://a.example",
            "https://10.0.0.1:8443/x?y",
            "http://localhost:9/x",
            "http://127.0.0.1",
            "http://[::1]:8/",
        ] {
            assert!(check_url("url", good, false).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "http://a.example",
            "http://localhost.example/",
            "http://localhost@a.example/",
            "ftp://localhost",
            "https://",
            "https://a b",
            "http://127.0.0.1.example",
            "http://localhost\\a.example",
            "https://us:pw@a.example",
            "https://a.example/#x",
            "https://a.example:0/",
            "https://a.example:65536",
            "https://a.example:x",
        ] {
            assert!(check_url("url", bad, false).is_err(), "{bad}");
        }
    }
    #[test]
    fn plain_http_goes_where_the_settings_allow_it() {
        assert!(
            check_url("url", "http://crm:8080/x", true).is_ok()
                && check_url("url", "http://crm:8080/x", false).is_err()
        );
        for name in ["crm", "a.internal", "printer.local", "nas.home.arpa"] {
            assert!(is_private_name(name), "{name}");
        }
        for name in ["a.example", "internal.example", "local.host.example"] {
            assert!(!is_private_name(name), "{name}");
        }
        assert_eq!(host_of("http://[FD00::1]:80/x"), "fd00::1");
    }

    #[test]
    fn a_server_is_scheme_host_and_port() {
        assert!(is_same_server("https://a.example/x?y", "HTTPS://A.example?z"));
        for other in
            ["http://a.example/x", "https://a.example:444/x", "https://a.example.evil/x", "https://b.example/", ""]
        {
            assert!(!is_same_server("https://a.example/x", other), "{other}");
        }
    }

    #[test]
    fn an_id_stands_in_a_path() {
        let hook = |id: &str| Webhook {
            id: id.into(),
            name: "n".into(),
            url: "https://a.example".into(),
            basic_auth: false,
            username: String::new(),
            password: String::new(),
            enabled: true,
            retries: false,
        };
        assert!(hook("Crm-1.x_y").check(false).is_ok());
        for bad in ["", ".", "..", "-a", "a/b", "a b", "ä", &"a".repeat(51)] {
            assert!(hook(bad).check(false).is_err(), "{bad}");
        }
    }
}

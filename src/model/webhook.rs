//! A webhook: an address outside that is told what happens in an app.

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
    /// Whether all of it may be kept.
    pub fn check(&self) -> Result<()> {
        if self.id.is_empty() || !self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(Error::field("id", "The id must hold letters, digits, hyphens, dots and underscores."));
        }
        check_length("id", &self.id, MOST_NAME)?;
        if self.name.trim().is_empty() {
            return Err(Error::field("name", "The name field is required."));
        }
        check_length("name", &self.name, MOST_NAME)?;
        check_url(&self.url)?;
        check_length("username", &self.username, MOST_USERNAME)?;
        check_length("password", &self.password, MOST_PASSWORD)?;
        // A colon ends the name where both are sent.
        if self.username.contains(':') || self.username.chars().any(char::is_control) {
            return Err(Error::field("username", "The username must hold no colon and no control character."));
        }
        if self.password.chars().any(char::is_control) {
            return Err(Error::field("password", "The password must hold no control character."));
        }
        if self.basic_auth && (self.username.is_empty() || self.password.is_empty()) {
            return Err(Error::field("username", "With useBasicAuth a username and a password are required."));
        }
        Ok(())
    }
}

/// https anywhere, and http on this machine: what is told is private.
fn check_url(url: &str) -> Result<()> {
    check_length("webhookURL", url, MOST_URL)?;
    let refused = || Error::field("webhookURL", "The webhookURL must be an address of https, or of http on localhost.");
    let (scheme, rest) = url.split_once("://").ok_or_else(refused)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(refused());
    }
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(()),
        "http" if is_local(url) => Ok(()),
        _ => Err(refused()),
    }
}

/// Whether an address names this very machine.
pub fn is_local(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    matches!(name.to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "::1")
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
            assert!(check_url(good).is_ok(), "{good}");
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
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}

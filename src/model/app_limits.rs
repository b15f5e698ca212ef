//! Limits that an app has of its own, in place of the server's.
//!
//! Only what is counted inside one app can be its own. What keeps the server itself up (bodies, frames, answers, guesses,
//! reads) holds for all apps alike, so no app's number lets one of its clients take from the others.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::caller::App;
use super::limits::{Limits, unknown};

/// What an app may have of its own.
pub const OF_APPS: &[&str] = &[
    "name",
    "url",
    "description",
    "password",
    "metadata",
    "tags",
    "tag",
    "text",
    "data",
    "muid",
    "reactions",
    "reaction",
    "mentions",
    "bulk",
    "receivers",
    "members",
    "keys",
    "roles",
    "tokens",
    "pins",
    "app_pins",
    "pinned_messages",
    "app_pinned_messages",
    "saved_messages",
    "reasons",
    "webhooks",
    "rules",
    "keyword_lists",
    "submitted_messages",
    "bots",
    "page_messages",
    "poll_options",
    "poll_text",
    "reminders",
    "reminder_text",
    "disappear",
    "translations",
    "stickers",
    "files",
    "upload",
    "user_files",
    "app_files",
];

/// An app's own numbers, by the names of the limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppLimits(BTreeMap<String, u64>);

impl AppLimits {
    /// As they are kept. A limit that there is no more, or a number that it no longer takes, is the server's again.
    pub fn parse(text: &str) -> Self {
        let kept: BTreeMap<String, u64> = serde_json::from_str(text).unwrap_or_default();
        let mut own = AppLimits::default();
        for (name, value) in kept {
            // Refused: see above.
            let _ = own.set(&name, Some(value));
        }
        own
    }

    /// To be kept; nothing where all are the server's.
    pub fn text(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| serde_json::json!(self.0).to_string())
    }

    /// Gives the app a number of its own, or with none the server's.
    pub fn set(&mut self, name: &str, value: Option<u64>) -> Result<(), String> {
        if !OF_APPS.contains(&name) {
            let known = Limits::TABLE.iter().any(|(known, ..)| *known == name);
            return Err(if known { format!("the limit {name} is the same for all apps") } else { unknown(name) });
        }
        let Some(value) = value else {
            self.0.remove(name);
            return Ok(());
        };
        Limits::default().set(name, value)?;
        let least = Limits::least(name);
        if value < least {
            return Err(format!("the limit {name} must be at least {least}"));
        }
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// The app's own number.
    pub fn own(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// The server's limits with the app's own in their places.
    pub fn over(&self, server: &Limits) -> Limits {
        let mut limits = server.clone();
        for (name, value) in &self.0 {
            // `set` took each of them.
            let _ = limits.set(name, *value);
        }
        limits
    }
}

impl App {
    /// The limits that hold in this app.
    pub fn limits<'a>(&self, server: &'a Limits) -> Cow<'a, Limits> {
        match &self.own_limits {
            Some(own) => Cow::Owned(own.over(server)),
            None => Cow::Borrowed(server),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_numbers_stand_in_for_the_servers() {
        let mut own = AppLimits::default();
        own.set("text", Some(7)).unwrap();
        own.set("members", Some(3)).unwrap();
        own.set("members", None).unwrap();
        let again = AppLimits::parse(&own.text().unwrap());
        assert_eq!(again, own);
        let server = Limits { name: 50, ..Limits::default() };
        let limits = again.over(&server);
        assert_eq!((limits.text, limits.name, limits.members), (7, 50, server.members));
        own.set("text", None).unwrap();
        assert_eq!(own.text(), None);
    }

    #[test]
    fn what_holds_the_server_up_is_no_apps_own() {
        let mut own = AppLimits::default();
        for name in ["body", "frame", "answers", "guesses", "read_seconds", "page_bytes"] {
            assert!(own.set(name, Some(5000)).is_err_and(|why| why.contains("all apps")), "{name}");
            assert!(own.set(name, None).is_err(), "{name}");
        }
        for value in [Some(5), None] {
            assert!(own.set("txet", value).is_err_and(|why| why.contains("nearest is text")));
        }
        assert!(own.set("keys", Some(1)).is_err_and(|why| why.contains("at least 2")));
        assert!(own.set("tags", Some(u64::MAX)).is_err());
        assert_eq!(
            AppLimits::parse(r#"{"body":1,"gone":2,"keys":0,"tags":4}"#).text().as_deref(),
            Some(r#"{"tags":4}"#)
        );
        for name in OF_APPS {
            assert!(Limits::TABLE.iter().any(|(known, ..)| known == name), "{name} is no limit");
        }
    }
}

//! What is to happen at a time that a client names: reminders, and messages that disappear.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::error::{Error, Result};
use super::limits::Limits;
use super::text::is_blank;
use super::user::check_length;

/// The type of the custom message that a reminder is.
pub const TYPE: &str = "extension_reminders";
/// The user who sends them.
pub const BOT_UID: &str = "cc_reminder_bot";
/// Their name where the app has made none.
pub const BOT_NAME: &str = "Reminder Bot";

/// A time to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// As it was asked for.
    pub ms: i64,
}

impl Moment {
    /// Checks a Unix time in milliseconds: it lies in the future, and no more than `most` seconds away if that is said.
    pub fn parse(ms: Option<i64>, now: i64, most: Option<i64>) -> Result<Self> {
        let sentence = |text: String| Error::field("timeInMS", text);
        let ms = ms.ok_or_else(|| sentence("The timeInMS must be a Unix time in milliseconds.".to_owned()))?;
        if ms <= now.saturating_mul(1000) {
            return Err(sentence("The timeInMS must lie in the future: it is a Unix time in milliseconds.".to_owned()));
        }
        if let Some(most) = most.filter(|most| ms > now.saturating_add(*most).saturating_mul(1000)) {
            let error = sentence(format!("The timeInMS may not be more than {most} seconds from now."));
            return Err(error.with_params(serde_json::json!({ "limit": most })));
        }
        Ok(Moment { ms })
    }

    /// The second in which it is over, never before it.
    pub fn seconds(self) -> i64 {
        self.ms.div_euclid(1000) + i64::from(self.ms.rem_euclid(1000) > 0)
    }
}

/// What a reminder is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The id of a message.
    Message(i64),
    /// Whatever the user wrote.
    Text(String),
}

impl About {
    /// A text of the user's own.
    pub fn text(text: String, limits: &Limits) -> Result<Self> {
        if is_blank(&text) {
            return Err(Error::field("about", "The about field is missing."));
        }
        check_length("about", &text, limits.reminder_text)?;
        Ok(About::Text(text))
    }

    pub fn is_custom(&self) -> bool {
        matches!(self, About::Text(_))
    }
}

impl Serialize for About {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            About::Message(id) => serializer.serialize_i64(*id),
            About::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// A reminder as its user sees it.
#[derive(Clone, Debug)]
pub struct Reminder {
    pub id: String,
    pub about: About,
    pub time: Moment,
    pub created_at: i64,
}

impl Serialize for Reminder {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("reminderId", &self.id)?;
        map.serialize_entry("about", &self.about)?;
        map.serialize_entry("isCustom", &self.about.is_custom())?;
        map.serialize_entry("timeInMS", &self.time.ms)?;
        map.serialize_entry("createdAt", &self.created_at)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_ahead_and_are_never_early() {
        let of = |ms| Moment::parse(Some(ms), 100, Some(10));
        assert_eq!(of(100_001).unwrap().seconds(), 101);
        assert_eq!(of(110_000).unwrap().seconds(), 110);
        for wrong in [i64::MIN, 0, 99_999, 100_000, 110_001, i64::MAX] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert!(Moment::parse(None, 100, None).is_err());
        assert!(Moment::parse(Some(i64::MAX), 100, None).unwrap().seconds() > 0);
    }
}

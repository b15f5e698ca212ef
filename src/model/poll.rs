//! Polls: a question with numbered options, and who chose what.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::error::{Error, Result};
use super::limits::Limits;
use super::text::is_blank;
use super::user::check_length;

/// The type of the custom message that a poll is.
pub const TYPE: &str = "extension_poll";

/// Voters who are listed for an option, the newest first; the count beside them is of all. A vote tells everybody the
/// whole poll, so what that takes must not grow with the votes.
pub const VOTERS: i64 = 100;
/// Bytes that the voters of a poll take at most in a message, shared by its options. One voter is always listed.
pub const VOTER_BYTES: usize = 48 * 1024;

/// A poll that may be made.
#[derive(Clone, Debug)]
pub struct Poll {
    pub question: String,
    /// In their order; the first is number 1.
    pub options: Vec<String>,
}

impl Poll {
    /// Checks what a client wants to ask.
    pub fn parse(question: Option<String>, options: Option<Vec<String>>, limits: &Limits) -> Result<Self> {
        let question = question.unwrap_or_default();
        if is_blank(&question) {
            return Err(Error::field("question", "The question is missing."));
        }
        check_length("question", &question, limits.poll_text)?;
        let options = options.unwrap_or_default();
        let most = limits.poll_options;
        if options.len() < 2 || options.len() > most {
            let sentence = format!("A poll must have between 2 and {most} options.");
            return Err(Error::field("options", sentence).with_params(serde_json::json!({ "limit": most })));
        }
        for option in &options {
            if is_blank(option) {
                return Err(Error::field("options", "An option of the poll is empty."));
            }
            check_length("options", option, limits.poll_text)?;
        }
        Ok(Poll { question, options })
    }
}

/// One who voted.
#[derive(Clone, Debug, Serialize)]
pub struct Voter {
    #[serde(skip)]
    pub uid: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

impl Voter {
    /// What it takes in a message, about.
    pub fn bytes(&self) -> usize {
        self.uid.len() + self.name.len() + self.avatar.as_ref().map_or(0, String::len) + 30
    }
}

/// An option with its votes.
#[derive(Clone, Debug)]
pub struct Choice {
    pub number: i64,
    pub text: String,
    /// All votes for it.
    pub count: i64,
    /// The newest of those who chose it.
    pub voters: Vec<Voter>,
}

/// A poll as it stands.
#[derive(Clone, Debug)]
pub struct Results {
    /// What clients call it.
    pub id: String,
    pub question: String,
    pub options: Vec<Choice>,
}

/// An object with a key for each item.
struct Keyed<I>(I);

impl<K: Serialize, V: Serialize, I: Iterator<Item = (K, V)> + Clone> Serialize for Keyed<I> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone())
    }
}

impl Serialize for Choice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("text", &self.text)?;
        map.serialize_entry("count", &self.count)?;
        map.serialize_entry("voters", &Keyed(self.voters.iter().map(|voter| (&voter.uid, voter))))?;
        map.end()
    }
}

impl Serialize for Results {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Votes<O: Serialize> {
            total: i64,
            options: O,
        }
        let numbered = Keyed(self.options.iter().map(|choice| (choice.number.to_string(), choice)));
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("question", &self.question)?;
        map.serialize_entry("options", &options(self.options.iter().map(|choice| (choice.number, &*choice.text))))?;
        let total = self.options.iter().map(|choice| choice.count).sum();
        map.serialize_entry("results", &Votes { total, options: numbered })?;
        map.end()
    }
}

/// The texts of options by their numbers.
pub fn options<'o>(numbered: impl Iterator<Item = (i64, &'o str)> + Clone) -> impl Serialize {
    Keyed(numbered.map(|(number, text)| (number.to_string(), text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_is_shown_with_every_option() {
        let ann = Voter { uid: "ann".into(), name: "Ann".into(), avatar: None };
        let choice = |number, count, voters| Choice { number, text: format!("o{number}"), count, voters };
        let options = vec![choice(1, 2, vec![ann]), choice(2, 0, vec![])];
        let shown = Results { id: "p".into(), question: "q".into(), options };
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            r#"{"id":"p","question":"q","options":{"1":"o1","2":"o2"},"results":{"total":2,"options":{"1":{"text":"o1","count":2,"voters":{"ann":{"name":"Ann"}}},"2":{"text":"o2","count":0,"voters":{}}}}}"#
        );
    }
}

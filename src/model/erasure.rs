//! The ways a person's account ends.

use crate::model::error::{Error, Result};

/// What is to become of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They cannot log in and are not listed any more; what they wrote stays under their name.
    Soft,
    /// What they wrote stays; their uid, name and profile are replaced by neutral ones.
    Anonymise,
    /// Everything of theirs is removed.
    Erase,
}

impl Kind {
    /// All there are, by the words that name them.
    pub const WORDS: [&'static str; 3] = ["soft", "anonymise", "erase"];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Soft => "soft",
            Kind::Anonymise => "anonymise",
            Kind::Erase => "erase",
        }
    }

    pub fn parse(text: &str) -> Result<Kind> {
        match text {
            "soft" => Ok(Kind::Soft),
            "anonymise" | "anonymize" => Ok(Kind::Anonymise),
            "erase" => Ok(Kind::Erase),
            _ => Err(Error::field("kind", "The kind must be soft, anonymise or erase.")),
        }
    }
}

/// The name of who has none any more.
pub const NAME: &str = "Deleted user";

/// How the uid of who was anonymised begins; random digits follow.
pub const UID: &str = "deleted-";

/// JSON text in which mentions of `uid` are plain text that names nobody; `None`: there is none. Some clients escape the
/// angle brackets. Uids are compared as everywhere, whatever the case.
pub fn without_mentions(json: &str, uid: &str) -> Option<String> {
    const MARK: &str = "@uid:";
    let (mut out, mut rest, mut found) = (String::new(), json, false);
    while let Some(at) = rest.find(MARK) {
        let (before, after) = (&rest[..at], &rest[at + MARK.len()..]);
        let opening = ["<", "\\u003c", "\\u003C"].into_iter().find(|bracket| before.ends_with(bracket));
        let named = after.get(..uid.len()).is_some_and(|named| named.eq_ignore_ascii_case(uid));
        let tail = if named { &after[uid.len()..] } else { "" };
        let closing = [">", "\\u003e", "\\u003E"].into_iter().find(|bracket| tail.starts_with(bracket));
        match (opening, closing) {
            (Some(opening), Some(closing)) => {
                out.push_str(&before[..before.len() - opening.len()]);
                out.push('@');
                out.push_str(NAME);
                rest = &tail[closing.len()..];
                found = true;
            }
            _ => {
                out.push_str(&rest[..at + MARK.len()]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_become_text_and_nothing_else_changes() {
        let json = r#"{"text":"<@uid:Ann> \u003c@uid:ann\u003e <@uid:anna> @uid:ann> <@uid:ann <@uid:bob>","x":"ann"}"#;
        assert_eq!(
            without_mentions(json, "ann").unwrap(),
            r#"{"text":"@Deleted user @Deleted user <@uid:anna> @uid:ann> <@uid:ann <@uid:bob>","x":"ann"}"#
        );
        assert_eq!(without_mentions(json, "an"), None);
        assert_eq!(without_mentions("<@uid:é>", "ab"), None);
    }

    #[test]
    fn kinds_are_named_in_both_spellings() {
        assert_eq!(Kind::WORDS.map(|word| Kind::parse(word).unwrap().as_str()), Kind::WORDS);
        assert_eq!(Kind::parse("anonymize").unwrap(), Kind::Anonymise);
        assert!(Kind::parse("hard").is_err());
    }
}

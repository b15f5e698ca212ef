//! Names of things. A value of one of these types has been checked, so nothing below checks again.

use super::error::{Code, Error, Result};

/// Longest uid, guid and role id (contract).
const MAX_NAME: usize = 100;

/// The uid of the user every app has for acts of the app itself.
pub const SYSTEM_UID: &str = "app_system";

fn parse_name(text: &str) -> Option<String> {
    let fits = (1..=MAX_NAME).contains(&text.len());
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    (fits && plain).then(|| text.to_ascii_lowercase())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// 1 to 100 letters, digits, `_` and `-`; kept in lower case.
            pub fn parse(text: &str) -> Result<Self> {
                parse_name(text).map($type).ok_or_else(|| {
                    Error::field($field, concat!(
                        "The ", $field, " must have 1 to 100 characters: letters, digits, underscore and hyphen."))
                })
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(/** A user's name within an app. */ Uid, "uid");
name!(/** A group's name within an app. */ Guid, "guid");
name!(/** A role's name within an app. */ RoleId, "role");

impl Uid {
    /// A uid from a path: one that cannot exist is simply not found.
    pub fn from_path(text: &str) -> Result<Self> {
        parse_name(text).map(Uid).ok_or_else(|| unknown_uid(text))
    }
}

impl Guid {
    /// A guid from a path: one that cannot exist is simply not found.
    pub fn from_path(text: &str) -> Result<Self> {
        parse_name(text).map(Guid).ok_or_else(|| unknown_guid(text))
    }
}

pub fn unknown_uid(uid: &str) -> Error {
    Error::new(Code::UidNotFound, format!("The uid {} does not exist.", shown(uid)))
}

pub fn unknown_guid(guid: &str) -> Error {
    Error::new(Code::GuidNotFound, format!("The guid {} does not exist.", shown(guid)))
}

/// What a refusal repeats of hostile input: a bounded piece.
pub fn shown(text: &str) -> &str {
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// A message id as clients write it: a decimal number, in a string or bare.
pub fn parse_message_id(text: &str) -> Result<i64> {
    text.parse::<i64>()
        .ok()
        .filter(|id| *id > 0)
        .ok_or_else(|| Error::new(Code::MessageNotFound, format!("The message id {} does not exist.", shown(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_lower_case() {
        assert_eq!(Uid::parse("Ann_1-x").unwrap().as_str(), "ann_1-x");
        for bad in ["", "a b", "ä", "a.b", "a/b", &"x".repeat(101)] {
            assert!(Uid::parse(bad).is_err(), "{bad}");
        }
        assert!(Guid::parse(&"x".repeat(100)).is_ok());
    }
}

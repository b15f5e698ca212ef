//! Permissions that an app sets for its roles and for the scopes in its groups: the definitions, the values, what they
//! refuse.
//!
//! They come on top of the privilege table in `permission`: the role is asked first, then the scope, and both must
//! allow. Nothing set means nothing refused, and costs nothing to find out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::{Code, Error};
use super::ids::{RoleId, shown};
use super::permission::{Act, Scope};

/// What a permission may be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of these words; the first is the default.
    Word(&'static [&'static str]),
    /// Some of these words; none means no restriction.
    Words(&'static [&'static str]),
    /// Ids of roles.
    Roles,
    /// Words of the app's own.
    Own,
}

/// A permission that can be set.
#[derive(Debug)]
pub struct Definition {
    pub id: &'static str,
    pub title: &'static str,
    pub kind: Kind,
}

const SWITCH: Kind = Kind::Word(&["allow", "deny"]);
const MODE: Kind = Kind::Word(&["all", "friends"]);
const SCOPES: Kind = Kind::Words(&["admin", "moderator", "participant"]);
const GROUP_TYPES: Kind = Kind::Words(&["public", "private", "password"]);
const MESSAGE_TYPES: Kind = Kind::Words(&["text", "image", "audio", "video", "file"]);

const fn row(id: &'static str, title: &'static str, kind: Kind) -> Definition {
    Definition { id, title, kind }
}

/// What can be set for a role.
pub const ROLE: &[Definition] = &[
    row("listUsers", "List users", SWITCH),
    row("listUsers.mode", "Users that are listed: all or friends", MODE),
    row("listUsers.allowedRoles", "Roles whose users are listed", Kind::Roles),
    row("getUserDetails.mode", "Users whose details are shown: all or friends", MODE),
    row("getUserDetails.allowedRoles", "Roles whose users' details are shown", Kind::Roles),
    row("sendMessage", "Send messages", SWITCH),
    row("sendMessage.mode", "Users that may be written to: all or friends", MODE),
    row("sendMessage.allowedReceiverTypes", "Kinds of receivers", Kind::Words(&["user", "group"])),
    row("sendMessage.allowedReceiverRoles", "Roles whose users may be written to", Kind::Roles),
    row("sendMessage.allowedMessageTypes", "Types of messages of the category message", MESSAGE_TYPES),
    row(
        "sendMessage.allowedMessageCategories",
        "Categories of messages",
        Kind::Words(&["message", "custom", "interactive"]),
    ),
    row("sendMessage.allowedCustomTypes", "Types of custom messages", Kind::Own),
    row("sendMessage.allowedMimeTypes", "MIME types of attachments; image/* stands for all images", Kind::Own),
    row("editMessage", "Edit messages", SWITCH),
    row("editMessage.denyForScopes", "Scopes that may not edit messages in a group", SCOPES),
    row("deleteMessage", "Delete messages", SWITCH),
    row("deleteMessage.denyForScopes", "Scopes that may not delete messages in a group", SCOPES),
    row("initiateCall", "Start calls", SWITCH),
    row("initiateCall.mode", "Users that may be called: all or friends", MODE),
    row("initiateCall.allowedReceiverRoles", "Roles whose users may be called", Kind::Roles),
    row("createGroup", "Create groups", SWITCH),
    row("createGroup.allowedGroupTypes", "Types of groups that may be created", GROUP_TYPES),
    row("listGroups", "List groups", SWITCH),
    row("listGroups.allowedGroupTypes", "Types of groups that are listed", GROUP_TYPES),
    row("joinGroup", "Join groups", SWITCH),
    row("joinGroup.allowedGroupTypes", "Types of groups that may be joined", GROUP_TYPES),
    row(
        "listMessages.allowedMessageCategories",
        "Categories of messages that are listed",
        Kind::Words(&["message", "custom", "interactive", "action", "call"]),
    ),
    row("listMessages.allowedMessageTypes", "Types of messages of the category message that are listed", MESSAGE_TYPES),
];

/// What can be set for a scope in a group.
pub const SCOPE: &[Definition] = &[
    row("sendMessage", "Send messages, in threads as well", SWITCH),
    row("sendThreadedMessage", "Reply in threads", SWITCH),
    row("editMessage", "Edit messages", SWITCH),
    row("addReaction", "React to messages", SWITCH),
    row("listReactions", "List reactions", SWITCH),
    row("listReactions.allowedScopes", "Scopes whose reactions are listed", SCOPES),
    row("listMembers", "List members", SWITCH),
    row("listMembers.allowedScopes", "Scopes whose members are listed", SCOPES),
    row("initiateCall", "Start calls", SWITCH),
    row("initiateCall.allowedScopes", "Scopes that may be called; a call to the group needs all of them", SCOPES),
    row("initiateCall.allowedType", "Types of calls", Kind::Words(&["audio", "video"])),
];

/// Words in one list, and characters in one of them.
const MOST_WORDS: usize = 100;
const MOST_LETTERS: usize = 100;

impl Definition {
    pub fn find(table: &'static [Definition], id: &str) -> Option<&'static Definition> {
        table.iter().find(|definition| definition.id == id)
    }

    /// Reads a value: a word or a list of words, whichever was sent.
    pub fn parse(&self, value: &Value) -> Result<Setting, Error> {
        let refused = |why: String| Err(Error::new(Code::BadRequest, why));
        let words: Option<Vec<&str>> = match value {
            Value::String(word) => Some(vec![word]),
            Value::Array(items) => items.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let Some(words) = words else {
            return refused(format!("The permission {} takes a string or an array of strings.", self.id));
        };
        if words.len() > MOST_WORDS {
            return refused(format!("The permission {} takes no more than {MOST_WORDS} values.", self.id));
        }
        let known = |word: &&str| match self.kind {
            Kind::Word(known) | Kind::Words(known) => known.contains(word),
            Kind::Roles => RoleId::parse(word).is_ok(),
            Kind::Own => !super::text::is_blank(word) && word.chars().count() <= MOST_LETTERS,
        };
        if let Some(odd) = words.iter().find(|word| !known(word)) {
            return refused(format!("The permission {} cannot be {}.", self.id, shown(odd)));
        }
        let mut list: Vec<String> = Vec::with_capacity(words.len());
        for word in words {
            // Role ids and MIME types know no case.
            let word = match self.kind {
                Kind::Roles => word.to_ascii_lowercase(),
                Kind::Own if self.id.ends_with("MimeTypes") => word.to_ascii_lowercase(),
                _ => word.to_owned(),
            };
            if !list.contains(&word) {
                list.push(word);
            }
        }
        match self.kind {
            Kind::Word(_) if list.len() == 1 => Ok(Setting::Word(list.remove(0))),
            Kind::Word(_) => refused(format!("The permission {} takes one value.", self.id)),
            _ => Ok(Setting::Words(list)),
        }
    }

    /// As the contract lists it; `value` is what is set, if anything is. `since` and `changed` are those of what it
    /// belongs to: the definitions themselves never change.
    pub fn show(&self, kind: &'static str, value: Option<&Setting>, since: i64, changed: i64) -> Shown {
        let (data_type, available, default) = match self.kind {
            Kind::Word(known) => ("string", known, Setting::Word(known[0].to_owned())),
            Kind::Words(known) => ("stringArray", known, Setting::Words(Vec::new())),
            Kind::Roles | Kind::Own => ("stringArray", &[][..], Setting::Words(Vec::new())),
        };
        Shown {
            id: self.id,
            kind,
            title: self.title,
            description: self.title,
            data_type,
            available_values: available,
            default_value: default,
            value: value.cloned(),
            created_at: since,
            updated_at: changed,
        }
    }
}

/// What can be permitted, and what is set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Permission)]
pub struct Shown {
    id: &'static str,
    /// Whom it is set for: role or scope.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    description: &'static str,
    /// string or stringArray
    data_type: &'static str,
    /// None: any.
    available_values: &'static [&'static str],
    default_value: Setting,
    /// What is set, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Setting>,
    created_at: i64,
    updated_at: i64,
}

/// The value of a permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PermissionValue)]
pub enum Setting {
    Word(String),
    Words(Vec<String>),
}

/// Values by the ids of their permissions. What is not in it has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = PermissionSettings)]
pub struct Settings(pub BTreeMap<String, Setting>);

impl Settings {
    /// From the column they are kept in.
    pub fn stored(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the permission is set to this word.
    pub fn is(&self, id: &str, word: &str) -> bool {
        matches!(self.0.get(id), Some(Setting::Word(set)) if set == word)
    }

    /// The words it is limited to; empty: no limit.
    pub fn words(&self, id: &str) -> &[String] {
        match self.0.get(id) {
            Some(Setting::Words(words)) => words,
            _ => &[],
        }
    }

    /// Whether the list, if it is set, has this word.
    pub fn has(&self, id: &str, word: &str) -> bool {
        let words = self.words(id);
        words.is_empty() || words.iter().any(|known| known == word)
    }
}

/// Values for the scopes of one group, as its row keeps them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scopes {
    pub participant: Settings,
    pub moderator: Settings,
    pub admin: Settings,
}

impl Scopes {
    pub fn stored(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub fn of(&self, scope: Scope) -> &Settings {
        match scope {
            Scope::Participant => &self.participant,
            Scope::Moderator => &self.moderator,
            Scope::Admin => &self.admin,
        }
    }

    pub fn of_mut(&mut self, scope: Scope) -> &mut Settings {
        match scope {
            Scope::Participant => &mut self.participant,
            Scope::Moderator => &mut self.moderator,
            Scope::Admin => &mut self.admin,
        }
    }

    pub fn is_empty(&self) -> bool {
        Scope::ALL.into_iter().all(|scope| self.of(scope).is_empty())
    }

    /// `Err` holds the permission that forbids the act to this scope.
    pub fn may(&self, scope: Scope, act: Act) -> Result<(), &'static str> {
        let set = self.of(scope);
        let switch = |id: &'static str| if set.is(id, "deny") { Err(id) } else { Ok(()) };
        match act {
            Act::Send => switch("sendMessage"),
            Act::Reply => switch("sendMessage").and_then(|()| switch("sendThreadedMessage")),
            Act::EditOwn | Act::EditOthers => switch("editMessage"),
            Act::React => switch("addReaction"),
            Act::ListReactions => switch("listReactions"),
            Act::ListMembers => switch("listMembers"),
            Act::Call { video } => {
                switch("initiateCall")?;
                if !Scope::ALL.into_iter().all(|scope| set.has("initiateCall.allowedScopes", scope.as_str())) {
                    return Err("initiateCall.allowedScopes");
                }
                match set.has("initiateCall.allowedType", if video { "video" } else { "audio" }) {
                    true => Ok(()),
                    false => Err("initiateCall.allowedType"),
                }
            }
            _ => Ok(()),
        }
    }
}

/// The refusal of a permission: `action` is its id or a feature, `scope` where it was set if not for the role.
pub fn denied(action: &str, role: &str, scope: Option<(&str, Scope)>) -> Error {
    let (sentence, params) = match scope {
        None => (
            format!("Your role {role} does not permit this ({action})."),
            json!({"action": action, "role": role, "restrictionSource": "role"}),
        ),
        Some((guid, scope)) => (
            format!("Your scope in the group {guid} does not permit this ({action})."),
            json!({"action": action, "role": role, "restrictionSource": "scope", "guid": guid, "scope": scope}),
        ),
    };
    Error::new(Code::PermissionDenied, sentence).with_params(params)
}

/// What is left of a list's filter when only `allowed` may be seen. A filter that holds nothing real finds nothing.
pub fn narrow(asked: Vec<String>, allowed: &[String]) -> Vec<String> {
    if allowed.is_empty() {
        return asked;
    }
    if asked.is_empty() {
        return allowed.to_vec();
    }
    let left: Vec<String> = asked.into_iter().filter(|word| allowed.contains(word)).collect();
    if left.is_empty() { vec![String::new()] } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole_and_read_their_own_values() {
        assert_eq!((ROLE.len(), SCOPE.len()), (28, 11));
        for definition in ROLE.iter().chain(SCOPE) {
            let shown = json!(definition.show("role", None, 1, 2));
            assert!(definition.parse(&shown["defaultValue"]).is_ok(), "{}", definition.id);
            for value in shown["availableValues"].as_array().unwrap() {
                assert!(definition.parse(value).is_ok() && definition.parse(&json!([value])).is_ok());
            }
            if matches!(definition.kind, Kind::Word(_) | Kind::Words(_)) {
                assert!(definition.parse(&json!("nonsense")).is_err(), "{}", definition.id);
            }
            assert!(definition.parse(&json!({"a": 1})).is_err() && definition.parse(&json!([1])).is_err());
        }
        let words = Definition::find(ROLE, "listUsers.allowedRoles").unwrap().parse(&json!(["A", "a", "b"])).unwrap();
        assert_eq!(words, Setting::Words(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn filters_are_narrowed() {
        let list = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        assert_eq!(narrow(list(&["a"]), &[]), ["a"]);
        assert_eq!(narrow(list(&[]), &list(&["a"])), ["a"]);
        assert_eq!(narrow(list(&["a", "b"]), &list(&["b"])), ["b"]);
        assert_eq!(narrow(list(&["a"]), &list(&["b"])), [""]);
    }
}

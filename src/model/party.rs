//! The other side of a conversation: a user or a group.

use serde::Serialize;
use utoipa::ToSchema;

use super::group::Group;
use super::user::User;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiverType {
    User,
    Group,
}

impl ReceiverType {
    pub fn as_str(self) -> &'static str {
        match self {
            ReceiverType::User => "user",
            ReceiverType::Group => "group",
        }
    }

    /// Also the older words that one client call still uses.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "user" | "chat" => Some(ReceiverType::User),
            "group" | "groupchat" => Some(ReceiverType::Group),
            _ => None,
        }
    }
}

/// The other side of a conversation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Party {
    User(User),
    Group(Group),
}

impl Party {
    pub fn name(&self) -> &str {
        match self {
            Party::User(user) => &user.uid,
            Party::Group(group) => &group.guid,
        }
    }

    pub fn kind(&self) -> ReceiverType {
        match self {
            Party::User(_) => ReceiverType::User,
            Party::Group(_) => ReceiverType::Group,
        }
    }
}

//! Groups: what is shown of them, and what may be written.

use serde::Serialize;
use utoipa::ToSchema;

use super::attachment::keep_url;
use super::ids::{Guid, Uid};
use super::json::Raw;
use super::patch::Patch;
use super::permission::Scope;

/// How a group is found and entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupType {
    /// Listed for all; anyone may join.
    Public,
    /// Listed for all; anyone with the password may join.
    Password,
    /// Seen by its members only; entered by being added.
    Private,
}

impl GroupType {
    pub fn as_str(self) -> &'static str {
        match self {
            GroupType::Public => "public",
            GroupType::Password => "password",
            GroupType::Private => "private",
        }
    }

    /// Accepts `protected`, an older word for `password`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "public" => Some(GroupType::Public),
            "password" | "protected" => Some(GroupType::Password),
            "private" => Some(GroupType::Private),
            _ => None,
        }
    }
}

/// A group. The last fields depend on who looks.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// groups.id; never shown.
    #[serde(skip)]
    pub id: i64,
    #[serde(skip)]
    pub conv: i64,
    #[serde(skip)]
    pub owner_id: i64,
    /// What is set for its scopes, as stored; `None`: nothing.
    #[serde(skip)]
    pub permissions: Option<String>,
    pub guid: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: GroupType,
    /// The owner's uid.
    pub owner: String,
    pub members_count: i64,
    pub conversation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Raw>,
    /// Where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    pub created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// uid, or `app_system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    /// Whether the viewer is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_joined: Option<bool>,
    /// The viewer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// When the viewer joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<i64>,
    /// Whether the viewer is banned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_banned: Option<bool>,
}

impl Group {
    /// The form in which a message names its side: nothing that depends on a viewer.
    pub fn in_message(mut self) -> Self {
        self.permissions = None;
        self.tags.get_or_insert_default();
        self.has_joined = None;
        self.scope = None;
        self.joined_at = None;
        self.is_banned = None;
        self
    }
}

/// `group_<guid>`
pub fn conversation_name(guid: &str) -> String {
    format!("group_{guid}")
}

/// A group that may be created. The password is hashed already.
pub struct GroupDraft {
    pub guid: Guid,
    pub name: String,
    pub kind: GroupType,
    pub password_hash: Option<String>,
    pub owner: Option<Uid>,
    pub profile: GroupProfile,
    pub members: MemberLists,
}

/// A change to a group.
pub struct GroupPatch {
    pub name: Option<String>,
    pub kind: Option<GroupType>,
    pub password_hash: Option<String>,
    pub owner: Option<Uid>,
    pub profile: GroupProfile,
}

/// The optional fields of a group, checked.
#[derive(Default)]
pub struct GroupProfile {
    pub icon: Patch<String>,
    pub description: Patch<String>,
    pub metadata: Patch<Raw>,
    pub tags: Patch<Vec<String>>,
}

impl GroupProfile {
    /// Puts the picture's URL into its stored form if it is a file of this app.
    pub fn keep_urls(&mut self, app_id: &str) {
        let picture = std::mem::take(&mut self.icon);
        self.icon = picture.map(|url| keep_url(url, app_id));
    }
}

/// Uids to add, by the scope they get, or to ban. Texts: a bad uid is a result of its own, not a refusal of the call.
#[derive(Default)]
pub struct MemberLists {
    pub admins: Vec<String>,
    pub moderators: Vec<String>,
    pub participants: Vec<String>,
    pub ban: Vec<String>,
}

impl MemberLists {
    pub fn len(&self) -> usize {
        self.admins.len() + self.moderators.len() + self.participants.len() + self.ban.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

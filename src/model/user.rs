//! Users: what is shown of them, and what may be written.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::attachment::keep_url;
use super::error::{Code, Error, Result};
use super::ids::{RoleId, Uid};
use super::json::{self, Object, Raw};
use super::limits::Limits;
use super::patch::Patch;
use super::text::is_blank;

/// A user. What depends on who looks is there where that is known, and set by whoever knows.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// users.id; never shown.
    #[serde(skip)]
    pub id: i64,
    pub uid: String,
    pub name: String,
    pub status: Status,
    /// Its id.
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Address of a page about them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Raw>,
    /// Where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Unix seconds, as are all times.
    pub created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// When the last socket was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_active_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deactivated_at: Option<i64>,
    /// The conversation of the two, where there is a viewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by_me: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by_me_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_blocked_me: Option<bool>,
    /// When the block was set, whichever side set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_at: Option<i64>,
    /// The new login, or the one that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<String>,
}

/// The key of what is in metadata for the app and the user themself alone.
pub const PRIVATE: &str = "@private";

/// Whether a user has a socket open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = UserStatus)]
pub enum Status {
    Available,
    #[default]
    Offline,
}

impl User {
    /// The form that stands inside frames, receipts and reactions: no metadata, no tags, nothing private.
    pub fn entity(mut self) -> Self {
        self.metadata = None;
        self.tags = None;
        self
    }

    /// What is seen of them across a block.
    pub fn without_presence(self) -> Self {
        User { status: Status::Offline, last_active_at: None, ..self }
    }

    /// The form in which a message names its sides: without tags and what is private.
    pub fn in_message(mut self) -> Self {
        self.tags = None;
        self.without_private()
    }

    /// As an action names whom it was done to: with the conversation where, and always with a time of change.
    pub fn in_conversation(mut self, conversation: &str) -> Self {
        self.updated_at.get_or_insert(self.created_at);
        self.conversation_id = Some(conversation.to_owned());
        self
    }

    /// What other users may see: metadata without its private part.
    pub fn without_private(mut self) -> Self {
        if let Some(raw) = &self.metadata
            && json::may_name(raw.get(), PRIVATE)
            && let Some(mut object) = Object::parse(raw.get())
            && object.remove(PRIVATE).is_some()
        {
            self.metadata = Some(json::to_raw(&object));
        }
        self
    }
}

/// The conversation of two users: both uids in ascending order.
pub fn conversation_name(a: &str, b: &str) -> String {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    format!("{first}_user_{second}")
}

/// A user that may be created.
pub struct UserDraft {
    pub uid: Uid,
    pub name: String,
    pub role: Option<RoleId>,
    pub profile: Profile,
}

/// A change to a user.
pub struct UserPatch {
    pub name: Option<String>,
    pub role: Option<RoleId>,
    pub profile: Profile,
}

/// The optional fields of a user, checked. `Keep` on creation means "none".
#[derive(Default)]
pub struct Profile {
    pub avatar: Patch<String>,
    pub link: Patch<String>,
    pub status_message: Patch<String>,
    pub metadata: Patch<Raw>,
    pub tags: Patch<Vec<String>>,
}

impl Profile {
    /// Puts the picture's URL into its stored form if it is a file of this app.
    pub fn keep_urls(&mut self, app_id: &str) {
        let picture = std::mem::take(&mut self.avatar);
        self.avatar = picture.map(|url| keep_url(url, app_id));
    }
}

/// A name: not blank to the eye, not too long.
pub fn check_name(field: &str, text: &str, limits: &Limits) -> Result<String> {
    let text = text.trim();
    if is_blank(text) {
        return Err(Error::field(field, format!("The {field} field is required.")));
    }
    check_length(field, text, limits.name)?;
    Ok(text.to_owned())
}

pub fn check_length(field: &str, text: &str, most: usize) -> Result<()> {
    if text.len() > most && text.chars().count() > most {
        return Err(Error::field(field, format!("The {field} may not be longer than {most} characters.")));
    }
    Ok(())
}

/// An http(s) address; an empty one means "none".
pub fn check_url(field: &str, text: String, limits: &Limits) -> Result<String> {
    check_length(field, &text, limits.url)?;
    let valid = text.starts_with("https://") || text.starts_with("http://") || text.starts_with("data:image/");
    if !valid || text.chars().any(|c| c.is_control()) {
        return Err(Error::field(field, format!("The {field} must be a valid URL.")));
    }
    Ok(text)
}

/// A URL field of a body: blank counts as taking it away.
pub fn patch_url(field: &str, patch: Patch<String>, limits: &Limits) -> Result<Patch<String>> {
    match patch {
        Patch::Set(text) if is_blank(&text) => Ok(Patch::Clear),
        other => other.try_map(|text| check_url(field, text, limits)),
    }
}

/// Metadata: a JSON object within its limit.
pub fn check_metadata(raw: Raw, most: usize) -> Result<Raw> {
    let raw = json::object(raw).ok_or(Code::InvalidMetadata)?;
    if raw.get().len() > most {
        return Err(Error::field("metadata", format!("The metadata may not be larger than {most} bytes.")));
    }
    Ok(raw)
}

pub fn check_tags(tags: Vec<String>, limits: &Limits) -> Result<Vec<String>> {
    if tags.len() > limits.tags {
        return Err(Error::field("tags", format!("There may not be more than {} tags.", limits.tags)));
    }
    for tag in &tags {
        check_length("tags", tag, limits.tag)?;
    }
    Ok(tags)
}

/// Stored metadata, as it goes out.
pub fn stored(text: Option<String>) -> Option<Raw> {
    text.and_then(|text| RawValue::from_string(text).ok())
}

impl UserPatch {
    pub fn changes_something(&self) -> bool {
        let Profile { avatar, link, status_message, metadata, tags } = &self.profile;
        self.name.is_some()
            || self.role.is_some()
            || *avatar != Patch::Keep
            || *link != Patch::Keep
            || *status_message != Patch::Keep
            || !matches!(metadata, Patch::Keep)
            || *tags != Patch::Keep
    }
}

//! A conversation as one user sees it.

use serde::Serialize;
use utoipa::ToSchema;

use super::message::{Message, Party, ReceiverType, as_text, as_text_option};

/// A conversation as one user has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    pub conversation_id: String,
    pub conversation_type: ReceiverType,
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    /// A number in text, as the contract's samples have it.
    #[serde(serialize_with = "as_text")]
    pub unread_message_count: i64,
    /// Those of the unread messages that name the user.
    pub unread_mentions_count: i64,
    #[schema(value_type = Option<String>, pattern = "^[0-9]+$")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text_option")]
    pub last_read_message_id: Option<i64>,
    #[schema(value_type = Option<String>, pattern = "^[0-9]+$")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text_option")]
    pub latest_message_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    /// The other user, or the group.
    pub conversation_with: Party,
    /// The user's own, where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<i64>,
    /// uid, or `app_system`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_by: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

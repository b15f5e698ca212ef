//! A conversation as one user sees it.

use serde::Serialize;

use super::message::{Message, Party, ReceiverType, as_text, as_text_option};

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    pub conversation_id: String,
    pub conversation_type: ReceiverType,
    /// A number in text, as the contract's samples have it.
    #[serde(serialize_with = "as_text")]
    pub unread_message_count: i64,
    pub unread_mentions_count: i64,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text_option")]
    pub last_read_message_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text_option")]
    pub latest_message_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    pub conversation_with: Party,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_by: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

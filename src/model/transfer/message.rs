//! A message as a line, with all that others made of it: it comes whole or not at all.

use serde::Deserialize;

use crate::model::json::Raw;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub id: i64,
    pub muid: Option<String>,
    pub sender: String,
    pub receiver_type: String,
    pub receiver: String,
    /// The two whose conversation it is in, if the sender is neither.
    pub between: Option<(String, String)>,
    pub category: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: Raw,
    pub tags: Option<Vec<String>>,
    pub sent_at: i64,
    pub updated_at: Option<i64>,
    pub edited_at: Option<i64>,
    pub edited_by: Option<String>,
    pub deleted_at: Option<i64>,
    pub deleted_by: Option<String>,
    pub parent_id: Option<i64>,
    pub quoted_id: Option<i64>,
    pub last_reply_at: Option<i64>,
    pub resource: Option<String>,
    pub pinned_at: Option<i64>,
    pub pinned_by: Option<String>,
    /// Of everybody else, where single receipts are not known.
    pub delivered_at: Option<i64>,
    pub read_at: Option<i64>,
    /// Of an action: the uid of whom it was done to.
    pub on: Option<String>,
    /// Of a call message.
    pub session_id: Option<String>,
    pub verdict: Option<String>,
    /// uids, and [`EVERYBODY`].
    pub mentions: Option<Vec<String>>,
    #[serde(default)]
    pub reactions: Vec<Reaction>,
    #[serde(default)]
    pub saved: Vec<Saved>,
    #[serde(default)]
    pub followers: Vec<Follower>,
    #[serde(default)]
    pub interactions: Vec<Interaction>,
    #[serde(default)]
    pub goals_met: Vec<String>,
    pub flagged: Option<Flagged>,
    pub blocked: Option<Blocked>,
    pub poll: Option<Poll>,
    /// When it disappears, in seconds and as it was asked for.
    pub disappears: Option<Disappears>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    pub uid: String,
    pub reaction: String,
    pub reacted_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    pub uid: String,
    pub saved_at: i64,
}

/// Who follows the thread on this message, or does not want to.
#[derive(Debug, Deserialize)]
pub struct Follower {
    pub uid: String,
    pub subscribed: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interaction {
    pub uid: String,
    pub element_id: String,
    pub interacted_at: i64,
}

/// Flags of a message, and the review.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flagged {
    pub status: Option<String>,
    pub reviewed_at: Option<i64>,
    #[serde(default)]
    pub by: Vec<Flag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flag {
    pub uid: String,
    pub reason: String,
    pub remark: Option<String>,
    pub flagged_at: i64,
}

/// Why rules blocked it, and what a moderator said of that.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    pub rule_id: String,
    pub rule_name: String,
    pub revision_id: String,
    pub condition: Raw,
    pub action: Vec<String>,
    pub created_at: i64,
    pub updated_at: i64,
    /// `approved` or `rejected`
    pub status: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Poll {
    pub name: String,
    pub question: String,
    pub options: Vec<String>,
    /// The oldest first.
    #[serde(default)]
    pub votes: Vec<Vote>,
}

#[derive(Debug, Deserialize)]
pub struct Vote {
    pub uid: String,
    /// Of the option, from 1.
    pub number: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disappears {
    pub at: i64,
    pub time_ms: i64,
    pub name: String,
    pub created_at: i64,
    /// Who asked for it.
    pub uid: String,
}

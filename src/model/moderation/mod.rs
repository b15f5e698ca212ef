//! Moderation: why messages are flagged, what rules look for, and what becomes of messages.

pub mod ask;
pub mod engine;
pub mod list;
pub mod patterns;
pub mod rule;
pub mod said;
pub mod submitted;
pub mod usual;

use serde::Serialize;
use utoipa::ToSchema;

/// A reason that users can pick.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlagReason)]
pub struct Reason {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Came with the app.
    pub default: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// What a new app offers: id, name, description.
pub const USUAL: [(&str, &str, &str); 5] = [
    ("spam", "Spam", "Advertising, scams, or the same thing again and again"),
    ("harassment", "Harassment", "Bullying, threats or insults"),
    ("hate", "Hate", "Attacks on people for who they are"),
    ("sexual", "Sexual content", "Content that does not belong here"),
    ("other", "Something else", "Anything else that should be looked at"),
];

/// One user's flag on a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flag {
    /// Of the user who flagged it, as they are now.
    pub uid: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    pub role: String,
    pub reason_id: String,
    /// Of the reason, while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    pub flagged_at: i64,
}

/// What moderation says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ModerationStatus)]
pub enum State {
    /// An engine outside is being asked; until it has answered, its sender and the app alone see it.
    Pending,
    Approved,
    /// It is hidden from everybody but its sender and the app.
    Disapproved,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Approved => "approved",
            State::Disapproved => "disapproved",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [State::Pending, State::Approved, State::Disapproved].into_iter().find(|state| state.as_str() == text)
    }
}

/// What a review decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It stays.
    Approved,
    /// It is hidden from everybody but its sender and the app.
    Disapproved,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Approved => "approved",
            Verdict::Disapproved => "disapproved",
        }
    }

    /// What an import makes of the status of a message: one that was still being judged stays hidden.
    pub fn imported(status: &str) -> Option<Self> {
        match State::parse(status)? {
            State::Approved => Some(Verdict::Approved),
            State::Disapproved | State::Pending => Some(Verdict::Disapproved),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Verdict::Approved, Verdict::Disapproved].into_iter().find(|verdict| verdict.as_str() == text)
    }
}

/// Whom a message is from and to. They are looked up only where a rule has filters.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    /// users.id
    pub sender: i64,
    pub to: To,
}

/// users.id or groups.id
#[derive(Clone, Copy, Debug)]
pub enum To {
    User(i64),
    Group(i64),
}

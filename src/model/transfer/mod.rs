//! An app as lines of JSON: what an export says and an import reads, one thing a line, under the name of its kind.
//!
//! Users, groups, members and messages have the shapes of the data import; what that does not know (ids, edits, reactions,
//! marks …) stands beside it. Everything is named as the outside names it: uid, guid, the message's id. Keys, tokens and
//! sessions are not in it. A thing stands after all that it names.

mod message;

use serde::Deserialize;

use super::json::Raw;
pub use message::*;

/// The form of these lines. Another one is refused.
pub const FORM: i64 = 1;

/// Stands for all members of a group in mentions and receipts: no uid.
pub const EVERYBODY: &str = "*";

/// The largest id that every client can hold.
pub const MOST_ID: i64 = (1 << 53) - 1;

/// One line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    App(Head),
    Extension(Extension),
    Reason(Reason),
    Notifications(Notifications),
    List(List),
    Rule(Rule),
    Webhook(Webhook),
    Role(Role),
    User(User),
    Friend(Friend),
    Block(Block),
    Group(Group),
    Member(Member),
    File(File),
    Sticker(Sticker),
    Call(Call),
    Message(Box<Message>),
    Conversation(Conversation),
    Mark(Mark),
    Receipt(Receipt),
    Pin(Pin),
    Reminder(Reminder),
    End(End),
}

impl Line {
    /// Uids of those without whom it says nothing.
    pub fn people(&self) -> Vec<&str> {
        match self {
            Line::User(line) => vec![&line.uid],
            Line::Friend(line) => vec![&line.uid, &line.friend],
            Line::Block(line) => vec![&line.uid, &line.blocked],
            Line::Member(line) => vec![&line.uid],
            Line::Reminder(line) => vec![&line.uid],
            Line::File(line) => line.owner.iter().map(String::as_str).collect(),
            Line::Call(line) => line.callee.iter().chain([&line.initiator]).map(String::as_str).collect(),
            Line::Message(line) if line.receiver_type == "user" => {
                [&*line.sender, &*line.receiver].into_iter().chain(both(&line.between)).collect()
            }
            Line::Message(line) => vec![&line.sender],
            Line::Conversation(line) => both(&line.between.users).collect(),
            Line::Pin(line) => both(&line.between.users).collect(),
            Line::Mark(line) => both(&line.between.users).chain([&*line.uid]).collect(),
            Line::Receipt(line) => both(&line.between.users).chain([&*line.uid]).collect(),
            _ => Vec::new(),
        }
    }

    /// As the line names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Line::App(_) => "app",
            Line::Extension(_) => "extension",
            Line::Reason(_) => "reason",
            Line::Notifications(_) => "notifications",
            Line::List(_) => "list",
            Line::Rule(_) => "rule",
            Line::Webhook(_) => "webhook",
            Line::Role(_) => "role",
            Line::User(_) => "user",
            Line::Friend(_) => "friend",
            Line::Block(_) => "block",
            Line::Group(_) => "group",
            Line::Member(_) => "member",
            Line::File(_) => "file",
            Line::Sticker(_) => "sticker",
            Line::Call(_) => "call",
            Line::Message(_) => "message",
            Line::Conversation(_) => "conversation",
            Line::Mark(_) => "mark",
            Line::Receipt(_) => "receipt",
            Line::Pin(_) => "pin",
            Line::Reminder(_) => "reminder",
            Line::End(_) => "end",
        }
    }

    /// `Err`: what is wrong with it, with the field.
    pub fn parse(text: &str) -> Result<Line, String> {
        let mut input = serde_json::Deserializer::from_str(text);
        let line = serde_path_to_error::deserialize(&mut input).map_err(|error| error.to_string())?;
        input.end().map_err(|error| error.to_string())?;
        Ok(line)
    }
}

/// The first line: what is exported.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    pub form: i64,
    pub app_id: String,
    pub name: String,
    #[serde(default)]
    pub region: String,
    /// Release that exported it. Absent where the lines come from elsewhere: then mentions and who follows a thread are
    /// worked out, not told.
    pub hobnob: Option<String>,
    #[serde(default)]
    pub exported_at: i64,
}

/// The last line: without it the export was cut off.
#[derive(Debug, Deserialize)]
pub struct End {
    /// All before it.
    pub lines: u64,
}

#[derive(Debug, Deserialize)]
pub struct Extension {
    pub extension: String,
    #[serde(default)]
    pub enabled: bool,
}

/// A reason for flagging.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub usual: bool,
    pub created_at: i64,
    pub updated_at: Option<i64>,
}

/// A list of words or patterns for moderation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    pub id: String,
    pub revision: i64,
    pub name: String,
    pub description: Option<String>,
    /// `word`, `pattern` or `custom-api`
    pub category: String,
    #[serde(default)]
    pub is_csv: bool,
    #[serde(default)]
    pub terms: Vec<String>,
    /// Of an engine that is asked: where it is, and under which name.
    pub url: Option<String>,
    pub username: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A rule of moderation as it applies now; what it was before stays behind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub revision: i64,
    pub rule: super::moderation::rule::Rule,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A webhook without what proves who calls it: neither its password nor its signing secret, and so whether it is in use
/// is nothing it could bring along.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    pub id: String,
    pub name: String,
    pub url: String,
    pub username: Option<String>,
    #[serde(default)]
    pub retries: bool,
    #[serde(default)]
    pub triggers: Vec<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// What the app chose about notifications.
#[derive(Debug, Deserialize)]
pub struct Notifications {
    pub settings: Raw,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    pub role: String,
    pub name: String,
    pub description: Option<String>,
    pub metadata: Option<Raw>,
    pub settings: Option<Raw>,
    pub permissions: Option<Raw>,
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    #[serde(default)]
    pub restricted: Vec<Restricted>,
}

/// A feature that is switched off.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restricted {
    pub feature: String,
    pub created_at: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub uid: String,
    pub name: String,
    pub avatar: Option<String>,
    pub link: Option<String>,
    pub role: Option<String>,
    pub metadata: Option<Raw>,
    pub tags: Option<Vec<String>>,
    pub status_message: Option<String>,
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub last_active_at: Option<i64>,
    pub deactivated_at: Option<i64>,
    /// Soft-deleted: named by messages, and nothing else.
    pub deleted_at: Option<i64>,
    #[serde(default)]
    pub bot: bool,
    /// What they chose about notifications, and where else they are reached.
    pub preferences: Option<Raw>,
    pub timezone: Option<String>,
    pub email: Option<String>,
    pub phno: Option<String>,
    #[serde(default)]
    pub mutes: Vec<Mute>,
}

/// A muted conversation.
#[derive(Debug, Deserialize)]
pub struct Mute {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
    /// In milliseconds.
    pub until: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Friend {
    pub uid: String,
    pub friend: String,
    pub created_at: Option<i64>,
}

/// `uid` has blocked `blocked`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    pub uid: String,
    pub blocked: String,
    pub created_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    pub guid: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// argon2 in PHC form; one that is wanted and absent is replaced by one that no password fits.
    pub password_hash: Option<String>,
    pub icon: Option<String>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub metadata: Option<Raw>,
    pub tags: Option<Vec<String>>,
    pub permissions: Option<Raw>,
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub updated_by: Option<String>,
}

/// A member, or who is banned.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub guid: String,
    pub uid: String,
    pub scope: Option<String>,
    #[serde(default)]
    pub is_banned: bool,
    /// Of a ban: when it was set.
    pub joined_at: Option<i64>,
}

/// A file that messages show. Its content lies at `media/ab/abcd….png`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    pub name: String,
    pub title: String,
    pub mime_type: String,
    pub size: i64,
    /// uid; none: the app.
    pub owner: Option<String>,
    pub created_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sticker {
    pub name: String,
    pub title: String,
    pub set_title: String,
    pub set_position: i64,
    pub position: i64,
    pub file: String,
    pub created_at: i64,
    pub removed_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    pub session_id: String,
    pub initiator: String,
    /// Of a call of two.
    pub callee: Option<String>,
    /// Of a group's.
    pub guid: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub metadata: Option<Raw>,
    pub initiated_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    #[serde(default)]
    pub participants: Vec<Participant>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    pub uid: String,
    pub state: String,
    pub joined_at: Option<i64>,
    pub left_at: Option<i64>,
}

/// A conversation: of two users, or of a group.
#[derive(Clone, Debug, Deserialize)]
pub struct Between {
    pub users: Option<(String, String)>,
    pub guid: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    #[serde(flatten)]
    pub between: Between,
    pub created_at: i64,
    pub updated_at: i64,
}

/// One user's copy of a conversation. Ids are those of the newest message that is covered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    #[serde(flatten)]
    pub between: Between,
    pub uid: String,
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub delivered_id: Option<i64>,
    pub read_id: Option<i64>,
    /// Up to here they have deleted it for themselves.
    pub hidden_id: Option<i64>,
    /// Of a group: its newest message when they came in.
    pub since_id: Option<i64>,
    pub tags: Option<Vec<String>>,
    pub pinned_at: Option<i64>,
    /// It stands in the list although nothing was said.
    #[serde(default)]
    pub listed: bool,
}

/// When everything up to a message was delivered or read.
#[derive(Debug, Deserialize)]
pub struct Receipt {
    #[serde(flatten)]
    pub between: Between,
    /// uid, or [`EVERYBODY`].
    pub uid: String,
    /// `delivered` or `read`.
    pub kind: String,
    pub upto: i64,
    pub at: i64,
}

/// What the app pins for everybody: a conversation, or whoever talks with a user.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    #[serde(flatten)]
    pub between: Between,
    pub peer: Option<String>,
    pub position: i64,
    pub pinned_at: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reminder {
    pub uid: String,
    pub name: String,
    pub message_id: Option<i64>,
    pub about: Option<String>,
    pub at: i64,
    pub time_ms: i64,
    pub created_at: i64,
}

/// The two of a pair, if there is one.
fn both(pair: &Option<(String, String)>) -> impl Iterator<Item = &str> {
    pair.iter().flat_map(|(one, other)| [&**one, &**other])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_its_kind_and_what_is_wrong_with_it() {
        let line = Line::parse(r#"{"user":{"uid":"ann","name":"Ann","metadata":{"a":1.0}}}"#).unwrap();
        let Line::User(user) = &line else { panic!("{line:?}") };
        assert_eq!((line.kind(), user.metadata.as_ref().unwrap().get()), ("user", r#"{"a":1.0}"#));
        for (text, word) in [
            (r#"{"user":{"uid":"ann","name":7}}"#, "user.name"),
            (r#"{"user":{"uid":"ann"}}"#, "missing field `name`"),
            (r#"{"thing":{}}"#, "unknown variant `thing`"),
            (r#"{"mark":{"users":["a"],"uid":"a"}}"#, "mark"),
            (r#"{"end":{"lines":1}} x"#, "trailing"),
            ("", "EOF"),
        ] {
            let error = Line::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}

//! What a message holds, as bits kept beside it: lists that ask for links, files or reactions need not read messages.

use super::json::Object;
use super::message::Category;
use super::moderation::{State, Verdict};

pub const LINK: i64 = 1;
pub const ATTACHMENT: i64 = 2;
pub const IMAGE: i64 = 4;
pub const VIDEO: i64 = 8;
pub const AUDIO: i64 = 16;
pub const FILE: i64 = 32;
/// Kept by triggers on `reactions` (see schema.sql), not made here.
pub const REACTION: i64 = 64;
/// Somebody is named in it; known only when the names have been looked up.
pub const MENTION: i64 = 128;
/// It was flagged, and then left standing or hidden by whoever reviewed it.
pub const APPROVED: i64 = 256;
pub const DISAPPROVED: i64 = 512;
/// A custom message that leaves the conversation where it stands: it does not become its last message.
pub const SILENT: i64 = 1024;
/// It is a poll, whose options and votes are put in when it is shown. Kept by a trigger on `polls`.
pub const POLL: i64 = 2048;
/// An engine outside is being asked about it; it is hidden meanwhile, so it never stands without [`DISAPPROVED`].
pub const PENDING: i64 = 4096;
/// What moderation said, and says.
pub const MODERATED: i64 = APPROVED | DISAPPROVED | PENDING;
/// What an edit does not change.
pub const KEPT: i64 = REACTION | MODERATED | POLL;

/// What moderation says of the message with these bits, if it was asked.
pub fn state(bits: i64) -> Option<State> {
    match bits & MODERATED {
        0 => None,
        APPROVED => Some(State::Approved),
        bits if bits & PENDING != 0 => Some(State::Pending),
        _ => Some(State::Disapproved),
    }
}

/// The bits of a message in this state.
pub fn of_state(state: State) -> i64 {
    match state {
        State::Pending => DISAPPROVED | PENDING,
        State::Approved => APPROVED,
        State::Disapproved => DISAPPROVED,
    }
}

/// The bit a verdict leaves.
pub fn of_verdict(verdict: Verdict) -> i64 {
    match verdict {
        Verdict::Approved => APPROVED,
        Verdict::Disapproved => DISAPPROVED,
    }
}

/// The bits of an attachment type as filters name it; none for a type that is not known.
pub fn of_type(name: &str) -> i64 {
    match name {
        "image" => IMAGE,
        "video" => VIDEO,
        "audio" => AUDIO,
        "file" => FILE,
        _ => 0,
    }
}

/// Which of the four types a MIME type belongs to.
pub fn kind_of(mime_type: &str) -> &'static str {
    match mime_type.split('/').next() {
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "file",
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    #[serde(default)]
    mime_type: Option<String>,
}

/// The bits of a message's data.
pub fn of_message(category: Category, kind: &str, data: &str) -> i64 {
    // Nearly all messages end here: nothing of them can set a bit.
    if !category.counts()
        || !["http", "\"attachments\"", "\"url\"", "\"updateConversation\""].iter().any(|word| data.contains(word))
    {
        return 0;
    }
    let Some(data) = Object::parse(data) else { return 0 };
    let mut flags = 0;
    if category == Category::Custom && data.read::<bool>("updateConversation") == Some(false) {
        flags |= SILENT;
    }
    if let Some(text) = data.read::<String>("text")
        && ["http://", "https://"].iter().any(|scheme| text.contains(scheme))
    {
        flags |= LINK;
    }
    let attached = data.read::<Vec<Attached>>("attachments").unwrap_or_default();
    for attachment in &attached {
        let by_mime = attachment.mime_type.as_deref().filter(|mime| !mime.is_empty()).map(kind_of);
        flags |= ATTACHMENT | of_type(by_mime.unwrap_or(kind));
    }
    if attached.is_empty() && of_type(kind) != 0 && data.get("url").is_some() {
        flags |= ATTACHMENT | of_type(kind);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_messages_hold() {
        let of = |kind: &str, data: &str| of_message(Category::Message, kind, data);
        assert_eq!(of("text", r#"{"text":"hi"}"#), 0);
        assert_eq!(of("text", r#"{"text":"see https:\/\/a.example"}"#), LINK);
        assert_eq!(of("image", r#"{"attachments":[{"mimeType":"image/png","url":"u"}]}"#), ATTACHMENT | IMAGE);
        assert_eq!(of("file", r#"{"attachments":[{"mimeType":"video/mp4"},{"url":"u"}]}"#), ATTACHMENT | VIDEO | FILE);
        assert_eq!(of("audio", r#"{"url":"http://x"}"#), ATTACHMENT | AUDIO);
        let custom = |data: &str| of_message(Category::Custom, "location", data);
        assert_eq!(custom(r#"{"customData":{},"updateConversation":false}"#), SILENT);
        assert_eq!(custom(r#"{"customData":{"updateConversation":false}}"#), 0);
        assert_eq!(of_message(Category::Action, "x", r#"{"text":"http://"}"#), 0);
    }
}

//! Frames as they stand on the wire.

use std::sync::Arc;

use bytestring::ByteString;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::attachment::has_urls;
use crate::model::event::Event;
use crate::model::message::ReceiverType;

/// Answer to a client's heartbeat.
pub const PONG: ByteString = ByteString::from_static(r#"{"action":"pong"}"#);

/// An event for any number of sockets.
#[derive(Clone)]
pub struct Encoded {
    pub text: ByteString,
    /// It names files, whose URLs are other ones for each way to this server. Found out once, not by each socket.
    pub has_urls: bool,
}

impl From<ByteString> for Encoded {
    fn from(text: ByteString) -> Self {
        Encoded { has_urls: has_urls(&text), text }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    app_id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    sender: &'a str,
    receiver: &'a str,
    receiver_type: ReceiverType,
    device_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_sender: Option<&'a str>,
    body: &'a RawValue,
}

/// The frame of an event, as the act of the client session `device`. Clients throw away what carries their own.
pub fn encode(event: &Event, device: &str) -> Encoded {
    let body: &RawValue = serde_json::from_str(event.body.json()).unwrap_or(RawValue::NULL);
    text(&Frame {
        app_id: &event.app_id,
        kind: event.kind,
        sender: &event.sender,
        receiver: &event.receiver,
        receiver_type: event.receiver_type,
        device_id: device,
        message_sender: event.message_sender.as_deref(),
        body,
    })
    .into()
}

/// The answer to an auth frame. Clients compare `code` as a string.
pub fn auth(app_id: &str, uid: &str, device: &str, accepted: bool) -> ByteString {
    let (code, status) = if accepted { ("200", "OK") } else { ("401", "UNAUTHORIZED") };
    text(&serde_json::json!({
        "appId": app_id,
        "type": "auth",
        "deviceId": device,
        "sender": uid,
        "receiver": uid,
        "receiverType": "user",
        "body": {"action": "auth", "code": code, "status": status},
    }))
}

/// Somebody came or went.
pub fn presence(app_id: &Arc<str>, user: &crate::model::user::User, online: bool, timestamp: i64) -> Encoded {
    text(&serde_json::json!({
        "appId": &**app_id,
        "type": "presence",
        "sender": user.uid,
        "receiverType": "user",
        "deviceId": "server",
        "body": {"action": if online { "online" } else { "offline" }, "user": user, "timestamp": timestamp},
    }))
    .into()
}

fn text(value: &impl Serialize) -> ByteString {
    // Serializing these cannot fail: no maps with other keys than text, no failing types.
    serde_json::to_string(value).unwrap_or_default().into()
}

//! Events and frames as the live tail has them.

use std::sync::Arc;

use bytestring::ByteString;
use serde::Deserialize;

use super::conn::Conn;
use crate::model::event::{Audience, Event};
use crate::model::message::ReceiverType;
use crate::model::user::User;
use crate::watch::tail::{Body, Entry, Kind};

/// Something that is announced to these.
pub fn event(audience: &Audience, event: &Event) -> Entry {
    let is_group = event.receiver_type == ReceiverType::Group;
    let mut users = vec![event.sender.clone()];
    if !is_group && event.receiver != event.sender {
        users.push(event.receiver.clone());
    }
    let entry = Entry {
        app: Some(event.app_id.clone()),
        users,
        group: is_group.then(|| event.receiver.clone()),
        ..Entry::new(Kind::Event, event.kind)
    };
    entry.fact("isStored", !audience.ephemeral).body("body", Body::copy(event.body.json()))
}

/// Somebody came or went.
pub fn presence(app_id: &Arc<str>, user: &User, came: bool) -> Entry {
    let title = if came { "online" } else { "offline" };
    Entry { app: Some(app_id.clone()), users: vec![user.uid.as_str().into()], ..Entry::new(Kind::Event, title) }
}

/// A frame of a socket. `of`: the app's id, the uid and the session of its user, once that is known.
pub fn frame(kind: Kind, conn: &Conn, of: Option<(&Arc<str>, &Arc<str>, &Arc<str>)>, frame: &ByteString) -> Entry {
    let entry = Entry::new(kind, word(frame)).fact("socket", conn.id).body("frame", Body::of(frame.as_bytes().clone()));
    match of {
        Some((app, uid, device)) => {
            Entry { app: Some(app.clone()), users: vec![uid.clone()], ..entry }.fact("deviceId", &**device)
        }
        None => entry,
    }
}

/// What a frame of either direction is.
fn word(frame: &str) -> String {
    #[derive(Deserialize)]
    struct Parts {
        r#type: Option<String>,
        action: Option<String>,
    }
    let said = serde_json::from_str::<Parts>(frame).ok().and_then(|frame| frame.r#type.or(frame.action));
    // A client may say anything.
    let is_word = |said: &String| said.len() <= 32 && said.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    said.filter(is_word).unwrap_or_else(|| "frame".to_owned())
}

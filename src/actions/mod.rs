//! What can be done, and what it announces.
//!
//! Every function runs inside one write: it checks, writes and emits, and all of it happens or nothing. Reads that
//! answer a request need no action and go straight to the store.

pub mod activity;
pub mod admin;
pub mod apps;
pub mod attachments;
pub mod blocks;
pub mod bots;
pub mod calls;
pub mod conversations;
pub mod demo;
pub mod extensions;
pub mod friends;
pub mod groups;
#[cfg(test)]
mod growth;
pub mod imports;
pub mod interactions;
pub mod keys;
pub mod members;
pub mod messages;
pub mod moderation;
pub mod notifications;
pub mod pins;
#[cfg(test)]
mod plans;
pub mod reactions;
pub mod receipts;
pub mod roles;
pub mod sockets;
mod standing;
pub mod threads;
pub mod tokens;
pub mod users;

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::caller::Caller;
use crate::model::error::{self, Error, Result};
use crate::model::event::{Audience, Body, Event};
use crate::model::json::Raw;
use crate::model::message::{Message, Sent};
use crate::store::messages::Row;
use crate::store::sight::{self, Hearing, Viewer};
use crate::store::{self, Write, shown};

/// How one item of a bulk call went.
#[derive(Debug)]
pub enum Outcome {
    /// With a sentence, if there is something to say.
    Done(Option<String>),
    /// With the action message it made.
    Announced(Sent),
    /// With the thing as it is now.
    Stored(Raw),
    Refused(Error),
}

impl Serialize for Outcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("success", &!matches!(self, Outcome::Refused(_)))?;
        match self {
            Outcome::Done(Some(sentence)) => map.serialize_entry("message", sentence)?,
            Outcome::Done(None) => {}
            Outcome::Announced(sent) => {
                map.serialize_entry("data", &crate::model::json::raw(sent.json().to_owned()))?
            }
            Outcome::Stored(thing) => map.serialize_entry("data", thing)?,
            Outcome::Refused(error) => {
                map.serialize_entry("message", error.message())?;
                map.serialize_entry("error", error)?;
            }
        }
        map.end()
    }
}

/// How one item of a bulk call went.
// An `Outcome` as it is serialised, for the API description.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = BulkResult)]
pub struct OutcomeShown {
    success: bool,
    message: Option<String>,
    error: Option<error::Shown>,
}

/// Results of a bulk call, by what each is about.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = BulkResults)]
pub struct OutcomesShown(BTreeMap<String, OutcomeShown>);

/// How adding one member went.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = MemberResult)]
pub struct AnnouncedShown {
    #[serde(flatten)]
    outcome: OutcomeShown,
    /// The action message it made.
    data: Option<Message>,
}

/// Results keyed by uid, in the order asked.
#[derive(Debug, Default)]
pub struct Outcomes(pub Vec<(String, Outcome)>);

impl Serialize for Outcomes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, outcome)| (key, outcome)))
    }
}

/// Announces a message to `audience` as the caller's act; gives it back for the reply.
fn tell_message(tx: &mut Write<'_>, caller: &Caller, audience: Audience, message: Message) -> Sent {
    tell_message_as(tx, caller, audience, "message", message)
}

/// The same in a frame of another kind.
fn tell_message_as(
    tx: &mut Write<'_>,
    caller: &Caller,
    audience: Audience,
    kind: &'static str,
    message: Message,
) -> Sent {
    let (receiver_type, receiver) = (message.receiver_type, message.receiver.as_str().into());
    let sent = Sent::of(message);
    let event = Event {
        app_id: caller.app.app_id.clone(),
        kind,
        sender: caller.uid.clone(),
        receiver,
        receiver_type,
        device: caller.device.clone(),
        by: caller.origin(),
        message_sender: None,
        body: Body::Message(sent.clone()),
    };
    tx.emit(audience, event);
    sent
}

/// Announces what happened to a message, in a frame of its own kind.
fn tell_about(
    tx: &mut Write<'_>,
    caller: &Caller,
    audience: Audience,
    kind: &'static str,
    message: &Message,
    said: Body,
) {
    let event = Event {
        app_id: caller.app.app_id.clone(),
        kind,
        sender: caller.uid.clone(),
        receiver: message.receiver.as_str().into(),
        receiver_type: message.receiver_type,
        device: caller.device.clone(),
        by: caller.origin(),
        message_sender: None,
        body: said,
    };
    tx.emit(audience, event);
}

/// Announces something about a message to those who see it, as far as they see what is in it. `say` makes what is said
/// from the message as it is shown to them; the answer is what was said to the caller.
fn tell_of<T: Into<Body> + Clone>(
    tx: &mut Write<'_>,
    caller: &Caller,
    row: &Row,
    kind: &'static str,
    mut say: impl FnMut(Message) -> T,
) -> Result<T> {
    let conv = store::conversations::by_id(tx, row.conv)?;
    let Hearing { audience, unquoted } = sight::hearing(tx, &conv, row)?;
    let message = shown::one(tx, row.clone(), Viewer::All)?;
    let (others, heard_by_caller) = (audience.only(unquoted.as_slice()), !unquoted.contains(&caller.user));
    let whole = say(message.clone());
    tell_about(tx, caller, audience, kind, &message, whole.clone().into());
    if unquoted.is_empty() {
        return Ok(whole);
    }
    let message = Message { quoted_message: None, ..message };
    let unquoted = say(message.clone());
    tell_about(tx, caller, others, kind, &message, unquoted.clone().into());
    Ok(if heard_by_caller { whole } else { unquoted })
}

/// JSON text for an event's body.
fn body(value: &impl Serialize) -> Body {
    Body::Json(serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned()).into())
}

//! What can be done, and what it announces.
//!
//! Every function runs inside one write: it checks, writes and emits, and all of it happens or nothing. Reads that
//! answer a request need no action and go straight to the store.

pub mod activity;
pub mod admin;
pub mod app_limits;
pub mod apps;
pub mod attachments;
pub mod audit;
pub mod blocks;
pub mod bots;
pub mod calls;
pub mod conversations;
pub mod deliveries;
pub mod demo;
pub mod erasures;
pub mod extensions;
pub mod figures;
#[cfg(test)]
mod finds;
pub mod friends;
pub mod groups;
#[cfg(test)]
mod growth;
pub mod health;
pub mod imports;
pub mod interactions;
pub mod keys;
#[cfg(test)]
mod lists;
pub mod looks;
pub mod management;
pub mod members;
pub mod messages;
pub mod moderation;
#[cfg(test)]
mod narrows;
pub mod notifications;
pub mod outbox;
pub mod pins;
#[cfg(test)]
mod plans;
pub mod reactions;
pub mod receipts;
pub mod repair;
pub mod retention;
pub mod roles;
pub mod sockets;
#[cfg(test)]
mod stage;
mod standing;
pub mod threads;
pub mod tokens;
pub mod totp;
pub mod transfer;
pub mod users;
pub mod webhooks;

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::answer::About;
use crate::model::caller::Caller;
use crate::model::error::{self, Error, Result};
use crate::model::event::{Audience, Body, Event};
use crate::model::json::Raw;
use crate::model::message::{Message, Sent};
use crate::store::messages::Row;
use crate::store::sight::{self, Hearing, Viewer};
use crate::store::{self, Write, render};

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

/// The same for one step of something that has an id of its own.
fn tell_step(tx: &mut Write<'_>, caller: &Caller, audience: Audience, about: About, message: Message) -> Sent {
    tell_sent(tx, caller, audience, "message", about, message)
}

/// The same in a frame of another kind.
fn tell_message_as(
    tx: &mut Write<'_>,
    caller: &Caller,
    audience: Audience,
    kind: &'static str,
    message: Message,
) -> Sent {
    let about = About::reply(message.id, message.parent_id, message.quoted_message_id);
    tell_sent(tx, caller, audience, kind, about, message)
}

fn tell_sent(
    tx: &mut Write<'_>,
    caller: &Caller,
    audience: Audience,
    kind: &'static str,
    about: About,
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
        answer: caller.answer.clone(),
        about,
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
    (kind, about): (&'static str, About),
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
        answer: caller.answer.clone(),
        about,
        message_sender: None,
        body: said,
    };
    tx.emit(audience, event);
}

/// Announces something about a message to those who see it, as far as they see what is in it, and with their own
/// reactions marked as theirs: a client takes what comes for the message as it sees it from now on. `say` makes what is
/// said from the message as it is shown to them; the answer is what was said to the caller.
fn tell_of<T: Into<Body> + Clone>(
    tx: &mut Write<'_>,
    caller: &Caller,
    row: &Row,
    kind: &'static str,
    mut say: impl FnMut(Message) -> T,
) -> Result<T> {
    let conv = store::conversations::by_id(tx, row.conv)?;
    let Hearing { mut audience, unquoted } = sight::hearing(tx, &conv, row)?;
    let message = render::one(tx, row.clone(), Viewer::All)?;
    // Those who see it in a way of their own, by that way: without the quote, and which reactions are theirs.
    let mut views: BTreeMap<(bool, Vec<String>), Vec<i64>> = BTreeMap::new();
    let mut reacted = BTreeMap::new();
    if !message.data.reactions.is_empty() {
        let group = match conv.kind {
            store::conversations::Kind::Group(group) => Some(group),
            store::conversations::Kind::Pair(..) => None,
        };
        reacted = store::reactions::by_listener(tx, row.id, group)?;
        reacted.retain(|user, _| audience.reaches(*user) || unquoted.contains(user));
    }
    for user in unquoted {
        views.entry((true, reacted.remove(&user).unwrap_or_default())).or_default().push(user);
    }
    for (user, own) in reacted {
        audience = audience.except(user);
        views.entry((false, own)).or_default().push(user);
    }
    let about = About::reply(row.id, row.parent, row.quoted);
    let whole = say(message.clone());
    let mut heard = None;
    for ((unquoted, own), users) in views {
        let mut view = message.clone();
        if unquoted {
            view.quoted_message = None;
        }
        for count in &mut view.data.reactions {
            count.reacted_by_me = own.contains(&count.reaction);
        }
        let said = say(view);
        if users.contains(&caller.user) {
            heard = Some(said.clone());
        }
        tell_about(tx, caller, audience.only(users), (kind, about), &message, said.into());
    }
    tell_about(tx, caller, audience, (kind, about), &message, whole.clone().into());
    Ok(heard.unwrap_or(whole))
}

/// JSON text for an event's body.
fn body(value: &impl Serialize) -> Body {
    Body::Json(serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned()).into())
}

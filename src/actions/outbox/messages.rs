//! Messages: sent, changed, deleted, reacted to, pinned; and who is named in them.

use serde::Serialize;

use super::tell;
use crate::model::caller::{App, Caller};
use crate::model::conversation::Conversation;
use crate::model::error::Result;
use crate::model::json::{Raw, raw};
use crate::model::message::{Message, Sent, as_text};
use crate::model::trigger::Trigger;
use crate::model::user::User;
use crate::store::messages::Row;
use crate::store::outbox::is_told;
use crate::store::sight::Viewer;
use crate::store::{Write, mentions, messages, render, users};

#[derive(Serialize)]
struct Told<M> {
    message: M,
}

/// The message of this row was sent, and names whom it names.
pub fn sent(tx: &mut Write<'_>, app: &App, row: &Row, named: &[i64]) -> Result<()> {
    tell(tx, app, Trigger::MessageSent, |tx| Ok(Told { message: shown(tx, row)? }))?;
    mentioned(tx, app, row.id, &[], named)
}

/// The same of one that names nobody and was encoded already, as the app sees it.
pub fn sent_as(tx: &mut Write<'_>, app: &App, sent: &Sent) -> Result<()> {
    tell(tx, app, Trigger::MessageSent, |_| Ok(Told::<Raw> { message: raw(sent.json().to_owned()) }))
}

fn shown(tx: &Write<'_>, row: &Row) -> Result<Message> {
    render::one(tx, row.clone(), Viewer::App)
}

/// Somebody edited or deleted the message of this row; `act` makes the action of it that sockets are told, too.
pub fn changed(
    tx: &mut Write<'_>,
    app: &App,
    trigger: Trigger,
    row: &Row,
    act: impl FnOnce(Message) -> Message,
) -> Result<()> {
    tell(tx, app, trigger, |tx| Ok(Told { message: act(shown(tx, row)?) }))
}

/// Who (users.id, or [`mentions::EVERYBODY`]) is named in a message that is about to be edited; nobody, where nobody is
/// told of it.
pub fn named(tx: &Write<'_>, app: &App, message: i64) -> Result<Vec<i64>> {
    match is_told(tx, app.id, Trigger::UserMentioned)? {
        true => mentions::of_message(tx, message),
        false => Ok(Vec::new()),
    }
}

/// The message names these now, and named those `before`: whoever is new among them is told of, once for all of them.
pub fn mentioned(tx: &mut Write<'_>, app: &App, message: i64, before: &[i64], now: &[i64]) -> Result<()> {
    if now.iter().all(|user| before.contains(user)) {
        return Ok(());
    }
    tell(tx, app, Trigger::UserMentioned, |tx| {
        let mut message = shown(tx, &messages::find(tx, app.id, message)?)?;
        message.data.mentions.retain(|user| !before.contains(&user.id));
        Ok(Told { message })
    })
}

/// A reaction, as the contract has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction<'a> {
    #[serde(serialize_with = "as_text")]
    pub id: i64,
    #[serde(serialize_with = "as_text")]
    pub message_id: i64,
    pub reaction: &'a str,
    pub uid: &'a str,
    pub reacted_at: i64,
    pub reacted_by: &'a User,
}

/// Somebody reacted (`on`), or took it back.
pub fn reacted(tx: &mut Write<'_>, app: &App, on: bool, reaction: Reaction<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Reacted<'a> {
        reaction: Reaction<'a>,
    }
    let trigger = if on { Trigger::MessageReactionAdded } else { Trigger::MessageReactionRemoved };
    tell(tx, app, trigger, |_| Ok(Reacted { reaction }))
}

/// Somebody pinned the message, or unpinned it.
pub fn pinned(tx: &mut Write<'_>, caller: &Caller, on: bool, row: &Row) -> Result<()> {
    #[derive(Serialize)]
    struct Pinned {
        message: Message,
        by: User,
    }
    let trigger = if on { Trigger::MessagePinned } else { Trigger::MessageUnpinned };
    tell(tx, &caller.app, trigger, |tx| Ok(Pinned { message: shown(tx, row)?, by: actor(tx, caller)? }))
}

/// Somebody pinned a conversation in their list, or unpinned it. It is shown as they see it: others see another one.
pub fn conversation_pinned(tx: &mut Write<'_>, caller: &Caller, on: bool, conversation: &Conversation) -> Result<()> {
    #[derive(Serialize)]
    struct Pinned<'a> {
        conversation: &'a Conversation,
        by: User,
    }
    let trigger = if on { Trigger::ConversationPinned } else { Trigger::ConversationUnpinned };
    tell(tx, &caller.app, trigger, |tx| Ok(Pinned { conversation, by: actor(tx, caller)? }))
}

/// Who acts, as events name people.
pub(super) fn actor(tx: &Write<'_>, caller: &Caller) -> Result<User> {
    Ok(users::by_id(tx, caller.user)?.entity())
}

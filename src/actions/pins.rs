//! Pinning messages for everybody in a conversation, and saving them for oneself. Doing it again, or undoing what was
//! not done, changes nothing and announces nothing.

use serde_json::json;

use super::standing::permit;
use super::{body, outbox, tell_about, tell_of};
use crate::model::answer::About;
use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::event::Audience;
use crate::model::limits::Limits;
use crate::model::message::Message;
use crate::model::permission::Act;
use crate::store::messages::{self, Row};
use crate::store::{Read, Write, conversations, groups, pins, render};

/// Pins the message or unpins it; everybody in the conversation hears of it.
pub fn pin(tx: &mut Write<'_>, caller: &Caller, id: i64, on: bool, limits: &Limits) -> Result<Message> {
    let row = standing_message(tx, caller, id)?;
    let conv = conversations::by_id(tx, row.conv)?;
    super::blocks::check_in(tx, caller, &conv)?;
    if let Some(group) = groups::of_conversation(tx, &conv)? {
        permit(tx, caller, &group, Act::Pin)?;
    }
    // A message has one who pinned it: the last one who did.
    let new = row.pinned_by.as_deref() != Some(&*caller.uid);
    if row.pinned_at.is_some() == on && !(on && new) {
        return render::one(tx, row, caller.viewer());
    }
    let most = if caller.person { limits.pinned_messages } else { limits.app_pinned_messages };
    if on && pins::pinned_in(tx, conv.id, !caller.person)? >= most {
        return Err(over(Code::PinnedMessagesLimit, "pinned", most));
    }
    pins::set_pinned(tx, id, on.then_some(&*caller.uid))?;
    let row = messages::find(tx, caller.app.id, id)?;
    let (kind, action) = if on { ("message_pinned", "pinned") } else { ("message_unpinned", "unpinned") };
    outbox::messages::pinned(tx, caller, on, &row)?;
    tell_of(tx, caller, &row, kind, |message| body(&json!({"action": action, "message": message})))?;
    render::one(tx, row, caller.viewer())
}

/// Saves the message for the caller or takes it out of his list; his devices hear of it.
pub fn save(tx: &mut Write<'_>, caller: &Caller, id: i64, on: bool, limits: &Limits) -> Result<Message> {
    let row = standing_message(tx, caller, id)?;
    let changed = match on {
        true => pins::save(tx, caller.user, id)?,
        false => pins::unsave(tx, caller.user, id)?,
    };
    if on && changed && pins::saved_by(tx, caller.user)? > limits.saved_messages {
        return Err(over(Code::SavedMessagesLimit, "saved", limits.saved_messages));
    }
    let message = render::one(tx, row, caller.viewer())?;
    if changed {
        let (kind, action) = if on { ("message_saved", "saved") } else { ("message_unsaved", "unsaved") };
        let said = json!({"action": action, "message": message});
        tell_about(tx, caller, Audience::users([caller.user]), (kind, About::message(id)), &message, body(&said));
    }
    Ok(message)
}

/// The message, if the caller sees it and it is one that says something.
fn standing_message(read: &Read<'_>, caller: &Caller, id: i64) -> Result<Row> {
    let row = messages::accessible(read, caller.app.id, id, caller.viewer())?;
    if !row.category.counts() || row.deleted_at.is_some() {
        return Err(Code::MessageAction.into());
    }
    Ok(row)
}

fn over(code: Code, done: &str, limit: i64) -> Error {
    Error::over(code, &format!("{done} messages"), limit)
}

//! Reacting to messages, and taking it back.

use serde_json::json;

use super::outbox::{self, messages::Reaction};
use super::standing::permit;
use super::{body, tell_about};
use crate::model::answer::About;
use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::limits::Limits;
use crate::model::message::Message;
use crate::model::permission::Act;
use crate::model::text::{is_blank, is_reaction, reaction_form, reaction_key};
use crate::model::user::check_length;
use crate::store::messages::{self, Row};
use crate::store::sight::{self, Viewer};
use crate::store::{Write, conversations, groups, reactions, render, users};

const ADDED: &str = "message_reaction_added";
const REMOVED: &str = "message_reaction_removed";

/// Adds the caller's reaction; doing it twice is the same as once. The message as he sees it then.
pub fn add(tx: &mut Write<'_>, caller: &Caller, id: i64, reaction: &str, limits: &Limits) -> Result<Message> {
    let row = reactable(tx, caller, id, reaction, limits)?;
    let key = reaction_key(reaction);
    if !is_reaction(&key) {
        return Err(Error::field("reaction", "The reaction must be something that can be seen, and whole."));
    }
    let conv = conversations::by_id(tx, row.conv)?;
    super::blocks::check_in(tx, caller, &conv)?;
    if let Some(group) = groups::of_conversation(tx, &conv)? {
        permit(tx, caller, &group, Act::React)?;
    }
    if reactions::others(tx, id, &key)? >= limits.reactions as i64 {
        return Err(Error::over(Code::QuotaRestriction, "reactions on a message", limits.reactions));
    }
    if let Some((made, form)) = reactions::insert(tx, id, caller.user, &key, &reaction_form(reaction))? {
        let at = tx.now();
        announce(tx, caller, id, (ADDED, &form), (made, at))?;
    }
    // As it is now: it knows itself whether it has reactions.
    render::one(tx, messages::find(tx, caller.app.id, id)?, caller.viewer())
}

/// Takes the caller's reaction back, if there is one.
pub fn remove(tx: &mut Write<'_>, caller: &Caller, id: i64, reaction: &str, limits: &Limits) -> Result<Message> {
    reactable(tx, caller, id, reaction, limits)?;
    if let Some((made, at, form)) = reactions::delete(tx, id, caller.user, &reaction_key(reaction))? {
        announce(tx, caller, id, (REMOVED, &form), (made, at))?;
    }
    render::one(tx, messages::find(tx, caller.app.id, id)?, caller.viewer())
}

fn reactable(tx: &Write<'_>, caller: &Caller, id: i64, reaction: &str, limits: &Limits) -> Result<Row> {
    check_length("reaction", reaction, limits.reaction)?;
    if is_blank(reaction) {
        return Err(Error::field("reaction", "The reaction may not be empty."));
    }
    let row = messages::accessible(tx, caller.app.id, id, caller.viewer())?;
    if !row.category.counts() || row.deleted_at.is_some() {
        return Err(Code::MessageAction.into());
    }
    Ok(row)
}

fn announce(
    tx: &mut Write<'_>,
    caller: &Caller,
    message: i64,
    (action, reaction): (&str, &str),
    (id, at): (i64, i64),
) -> Result<()> {
    let row = messages::find(tx, caller.app.id, message)?;
    let conv = conversations::by_id(tx, row.conv)?;
    let me = users::by_id(tx, caller.user)?.entity();
    let mut said = json!({
        "action": action, "id": id.to_string(), "messageId": row.id.to_string(), "uid": me.uid, "reaction": reaction,
        "reactedAt": at, "reactedBy": me, "conversationId": conv.name,
    });
    if let Some(parent) = row.parent {
        said["parentId"] = json!(parent.to_string());
    }
    let about = About::reply(row.id, row.parent, row.quoted);
    let audience = sight::hearing(tx, &conv, &row)?.everybody();
    let message = render::one(tx, row, Viewer::All)?;
    tell_about(tx, caller, audience, ("reaction", about), &message, body(&said));
    let told = Reaction { id, message_id: message.id, reaction, uid: &me.uid, reacted_at: at, reacted_by: &me };
    outbox::messages::reacted(tx, &caller.app, action == ADDED, told)?;
    Ok(())
}

//! Polls: asked as a message, answered by votes that everybody hears of as an edit of it.

use super::Place;
use crate::actions::messages as sending;
use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{SYSTEM_UID, parse_message_id};
use crate::model::json::{Object, to_raw};
use crate::model::limits::Limits;
use crate::model::message::{Category, Content, Draft};
use crate::model::poll::{self, Poll, Results};
use crate::store::extensions::polls;
use crate::store::messages::{self, Row};
use crate::store::{Read, Write, conversations};

/// Asks. The poll as it stands, and the id of its message.
pub fn create(
    tx: &mut Write<'_>,
    caller: &Caller,
    poll: &Poll,
    place: Place,
    limits: &Limits,
) -> Result<(i64, Results)> {
    let name = tx.ids().hex(16);
    let numbered = poll.options.iter().enumerate().map(|(at, text)| (at as i64 + 1, &**text));
    let mut custom = Object::default();
    custom.set("id", to_raw(&name));
    custom.set("question", to_raw(&poll.question));
    custom.set("options", to_raw(&poll::options(numbered)));
    let mut data = Object::default();
    data.set("customData", to_raw(&custom));
    data.set("metadata", to_raw(&serde_json::json!({"incrementUnreadCount": true})));
    let mut content = Content { category: Category::Custom, kind: poll::TYPE.to_owned(), data };
    content.check(limits)?;
    let Place { receiver, quoted } = place;
    let draft = Draft { receiver, content, tags: None, muid: None, parent: None, quoted };
    let (caller, mut made) = (super::heard_by_all(caller), 0);
    sending::send_with(tx, &caller, draft, |tx, row| {
        polls::insert(tx, caller.app.id, row.id, &name, poll)?;
        // As the trigger has it by now.
        row.flags |= crate::model::flags::POLL;
        made = row.id;
        Ok(())
    })?;
    let results = polls::results(tx, made, caller.viewer())?.ok_or(Code::Internal)?;
    Ok((made, results))
}

/// Gives the caller's vote to an option, or moves it there; the poll as it stands then. Voting the same again changes
/// nothing and tells nobody.
pub fn vote(tx: &mut Write<'_>, caller: &Caller, poll: &str, number: i64) -> Result<Results> {
    let row = open(tx, caller, poll)?;
    let conv = conversations::by_id(tx, row.conv)?;
    crate::actions::blocks::check_in(tx, caller, &conv)?;
    match polls::has_option(tx, row.id, number)? {
        Some(true) => {}
        Some(false) => return Err(Error::field("vote", format!("The poll has no option {number}."))),
        None => return Err(unknown(poll)),
    }
    let id = row.id;
    if polls::vote(tx, id, caller.user, number)? {
        polls::touch(tx, id, SYSTEM_UID)?;
        // It is no edit of somebody's: the app keeps the count. So it reaches the voter's own session as well.
        sending::announce(tx, &Caller::system(caller.app.clone()), row, sending::Change::Edit)?;
    }
    polls::results(tx, id, caller.viewer())?.ok_or_else(|| unknown(poll))
}

/// The poll as it stands, for whoever asked it.
pub fn results(read: &Read<'_>, caller: &Caller, poll: &str) -> Result<Results> {
    let row = open(read, caller, poll)?;
    if caller.person && row.sender != caller.user {
        return Err(Error::new(Code::NotASender, "Only who asked the poll is given its results."));
    }
    polls::results(read, row.id, caller.viewer())?.ok_or_else(|| unknown(poll))
}

/// The message of a poll, by the poll's id or by the message's, if the caller sees it and it stands.
fn open(read: &Read<'_>, caller: &Caller, poll: &str) -> Result<Row> {
    let id = match polls::by_name(read, caller.app.id, poll)? {
        Some(id) => id,
        None => parse_message_id(poll).map_err(|_| unknown(poll))?,
    };
    let row = messages::accessible(read, caller.app.id, id, caller.viewer()).map_err(|error| match error.code {
        Code::MessageNotFound => unknown(poll),
        _ => error,
    })?;
    if row.deleted_at.is_some() {
        return Err(Code::MessageAction.into());
    }
    Ok(row)
}

fn unknown(poll: &str) -> Error {
    Error::new(Code::PollNotFound, format!("There is no poll {}.", crate::model::ids::shown(poll)))
}

//! Blocking and unblocking.

use super::{Outcome, Outcomes, outbox};
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Result};
use crate::model::event::Move;
use crate::model::ids::{Uid, unknown_uid};
use crate::store::conversations::{Conv, Kind};
use crate::store::{Read, Write, blocks, conversations, users};

/// Refuses what would pass between a person and `other` (users.id) across a block. This, the hub (which tells nothing
/// personal across one) and `store::presence` (which shows no presence) are where blocks are decided.
pub fn check(read: &Read<'_>, caller: &Caller, other: i64) -> Result<()> {
    if !caller.person || other == caller.user {
        return Ok(());
    }
    match blocks::who(read, caller.user, other)? {
        Some(blocker) if blocker == caller.user => Err(Code::BlockedReceiver.into()),
        Some(_) => Err(Code::BlockedSender.into()),
        None => Ok(()),
    }
}

/// The same for what the caller adds to a conversation that stands, or changes in it for both sides. In a group, both
/// are members, and what is the group's goes on. What a person does for themselves (reading, tags) or takes back (their
/// own message or reaction) needs no check: the hub keeps it from the other.
pub fn check_in(read: &Read<'_>, caller: &Caller, conv: &Conv) -> Result<()> {
    match conv.kind {
        Kind::Pair(..) => check(read, caller, conv.peer(caller.user).unwrap_or(caller.user)),
        Kind::Group(_) => Ok(()),
    }
}

/// Whether nothing may pass in this conversation between the caller and the other side.
pub fn is_parted(read: &Read<'_>, caller: &Caller, conv: &Conv) -> Result<bool> {
    match check_in(read, caller, conv) {
        Ok(()) => Ok(false),
        Err(error) if matches!(error.code, Code::BlockedReceiver | Code::BlockedSender) => Ok(true),
        Err(error) => Err(error),
    }
}

pub fn block(tx: &mut Write<'_>, app: &App, blocker: i64, uids: &[String]) -> Result<Outcomes> {
    let mut new = Vec::new();
    let outcomes = each(uids, |text| {
        let blocked = users::person(tx, app, &Uid::from_path(text)?)?.id;
        if blocked == blocker {
            return Err(Code::BlockSelf.into());
        }
        // Nothing passes between the two from now on: neither could end a call with the other.
        if let Some(conv) = conversations::between(tx, blocker, blocked)? {
            super::calls::depart(tx, app, conv.id, blocker)?;
        }
        if blocks::insert(tx, blocker, blocked)? {
            new.push(blocked);
        }
        tx.shift(Move::Blocked { a: blocker, b: blocked, on: true });
        Ok(format!("The user with UID {text} has been blocked."))
    })?;
    outbox::users::blocked(tx, app, true, blocker, &new)?;
    Ok(outcomes)
}

pub fn unblock(tx: &mut Write<'_>, app: &App, blocker: i64, uids: &[String]) -> Result<Outcomes> {
    let mut gone = Vec::new();
    let outcomes = each(uids, |text| {
        // Whatever became of them since.
        let blocked = users::ever(tx, app.id, &Uid::from_path(text)?)?.ok_or_else(|| unknown_uid(text))?.id;
        if blocks::delete(tx, blocker, blocked)? {
            gone.push(blocked);
        }
        // He may have blocked, too: then the silence stays.
        if !blocks::between(tx, blocker, blocked)? {
            tx.shift(Move::Blocked { a: blocker, b: blocked, on: false });
        }
        Ok(format!("The user with UID {text} has been unblocked."))
    })?;
    outbox::users::blocked(tx, app, false, blocker, &gone)?;
    Ok(outcomes)
}

fn each(uids: &[String], mut act: impl FnMut(&str) -> Result<String>) -> Result<Outcomes> {
    Ok(Outcomes(
        uids.iter()
            .map(|text| {
                let outcome = match act(text) {
                    Ok(sentence) => Outcome::Done(Some(sentence)),
                    Err(error) => Outcome::Refused(error),
                };
                (text.clone(), outcome)
            })
            .collect(),
    ))
}

//! Call signalling: each change of status is one stored message, told to all devices of all participants.
//!
//! A call ends when nobody is left in it, and people leave it in more ways than by saying so: they are removed from the
//! group, deleted, deactivated or blocked ([`depart`], called by whoever does that, in the same write), or their devices
//! are gone for too long, or it rings or lasts too long ([`sweep`]). All of these end it as the one who is gone would have
//! done: with one ordinary message in their name.

use serde_json::value::RawValue;

use super::messages::{first_sent, open};
use super::standing::permit;
use super::{outbox, tell_step};
use crate::model::answer::About;
use crate::model::call::{CallStatus, GroupStep, Side, departure, group_step, step};
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::event::Audience;
use crate::model::limits::Limits;
use crate::model::message::{Category, Party, Receiver, Sent};
use crate::model::permission::Act;
use crate::store::calls::{self, Call};
use crate::store::conversations::Conv;
use crate::store::sight::Viewer;
use crate::store::{Read, Write, apps, conversations, groups, members, messages, render, users};

/// Calls and people that one write of the sweep looks after.
const PIECE: i64 = 100;

pub fn initiate(
    tx: &mut Write<'_>,
    caller: &Caller,
    receiver: &Receiver,
    kind: &str,
    metadata: Option<&RawValue>,
    muid: Option<String>,
    limits: &Limits,
) -> Result<Sent> {
    if !matches!(kind, "audio" | "video") {
        return Err(Code::InvalidType.into());
    }
    let me = users::by_id(tx, caller.user)?.in_message();
    caller.role.may_call()?;
    let (conv, other) = open(tx, caller, &me, receiver, Act::Call { video: kind == "video" })?;
    if let Some(muid) = &muid
        && let Some(first) = first_sent(tx, caller, muid, &conv)?
    {
        return Ok(first);
    }
    let callee = match &other {
        Party::User(user) if user.id == me.id => return Err(Code::CallingSelf.into()),
        Party::User(user) => Some(user.id),
        Party::Group(_) => None,
    };
    if let Some(session) = caller.session() {
        for old in calls::left_behind(tx, me.id, session)? {
            hang_up(tx, caller, &calls::by_id(tx, old)?)?;
        }
    }
    settle(tx, &caller.app, me.id, limits)?;
    if calls::is_busy(tx, me.id)? {
        return Err(Code::CallBusySelf.into());
    }
    if let Some(callee) = callee {
        settle(tx, &caller.app, callee, limits)?;
        if calls::is_busy(tx, callee)? {
            return Err(Code::CallBusyUser.into());
        }
    }
    for live in calls::live_in(tx, conv.id)? {
        if !calls::is_overdue(tx, live, limits)? {
            return Err(Code::CallBusyGroup.into());
        }
        expire(tx, live)?;
    }
    let metadata = metadata.map(RawValue::get);
    let call =
        calls::insert(tx, caller.app.id, calls::New { conv: conv.id, initiator: me.id, callee, kind, metadata })?;
    calls::set_participant(tx, call.id, me.id, "joined", caller.session())?;
    if let Some(callee) = callee {
        calls::set_participant(tx, call.id, callee, "ringing", None)?;
    }
    announce(tx, caller, &conv, &call, CallStatus::Initiated, muid)
}

/// Moves a call to another status, if the caller has a part in it and the step exists.
pub fn update(tx: &mut Write<'_>, caller: &Caller, session: &str, to: CallStatus) -> Result<Sent> {
    let call = calls::by_session(tx, caller.app.id, session)?;
    let conv = conversations::by_id(tx, call.conv)?;
    let side = side(tx, caller, &call, &conv)?;
    let me = caller.user;
    if call.callee.is_some() {
        step(call.status, to, side)?;
        if to == CallStatus::Ongoing {
            // To end it is everybody's own affair.
            super::blocks::check_in(tx, caller, &conv)?;
        }
        let state = if to == CallStatus::Ongoing { "joined" } else { to.as_str() };
        calls::set_participant(tx, call.id, me, state, caller.session())?;
        calls::set_status(tx, call.id, to)?;
        return announce(tx, caller, &conv, &call, to, None);
    }
    let joined = calls::has_joined(tx, call.id, me)?;
    if to == CallStatus::Ended && calls::has_left(tx, call.id, me)? {
        // Also when that was the end for all: to leave twice is what they did wrong.
        return Err(Code::CallGroupLeft.into());
    }
    match group_step(call.status, to, side, joined)? {
        GroupStep::Join => {
            calls::set_participant(tx, call.id, me, "joined", caller.session())?;
            calls::set_status(tx, call.id, CallStatus::Ongoing)?;
        }
        GroupStep::Leave => {
            leave(tx, &caller.app, &call, me)?;
            if departure(call.status, side, true, calls::joined(tx, call.id)?).is_none() {
                return tell_leaver(tx, caller, &conv, &call);
            }
            // Nobody is left, or one who would talk to nobody.
            calls::set_status(tx, call.id, CallStatus::Ended)?;
        }
        GroupStep::Decline => calls::set_participant(tx, call.id, me, "rejected", None)?,
        GroupStep::Stop => calls::set_status(tx, call.id, to)?,
    }
    announce(tx, caller, &conv, &call, to, None)
}

/// Switches a live call between audio and video.
pub fn switch(tx: &mut Write<'_>, caller: &Caller, session: &str, kind: &str) -> Result<Sent> {
    if !matches!(kind, "audio" | "video") {
        return Err(Code::InvalidType.into());
    }
    let call = calls::by_session(tx, caller.app.id, session)?;
    let conv = conversations::by_id(tx, call.conv)?;
    side(tx, caller, &call, &conv)?;
    if call.status.is_over() {
        return Err(Code::CallTerminated.into());
    }
    super::blocks::check_in(tx, caller, &conv)?;
    if let Some(group) = groups::of_conversation(tx, &conv)? {
        permit(tx, caller, &group, Act::Call { video: kind == "video" })?;
    }
    calls::set_type(tx, call.id, kind)?;
    calls::note_sign(tx, call.id, caller.user)?;
    let call = calls::by_id(tx, call.id)?;
    // Outside nothing is told: it is the same call, as far as it was.
    Ok(post(tx, caller, &conv, &call, call.status, None)?.0)
}

fn side(tx: &Write<'_>, caller: &Caller, call: &Call, conv: &Conv) -> Result<Side> {
    use crate::store::conversations::Kind;
    let part = match conv.kind {
        Kind::Pair(a, b) => caller.user == a || caller.user == b,
        Kind::Group(group) => members::find(tx, group, caller.user)?.is_some(),
    };
    match part {
        true if caller.user == call.initiator => Ok(Side::Initiator),
        true => Ok(Side::Callee),
        false => Err(Error::from(Code::CallNotAPart)),
    }
}

/// Ends what a restarted client session left behind, as that session would have done.
fn hang_up(tx: &mut Write<'_>, caller: &Caller, call: &Call) -> Result<()> {
    let to = match call.status {
        CallStatus::Ongoing => CallStatus::Ended,
        _ if call.initiator == caller.user => CallStatus::Cancelled,
        _ => CallStatus::Rejected,
    };
    update(tx, caller, &call.session_id, to).map(|_| ())
}

/// The user is out of the conversation (kicked, banned, gone, blocked): of its live call as well. To be called while they
/// are still in it, so that their devices hear of the end.
pub fn depart(tx: &mut Write<'_>, app: &App, conv: i64, user: i64) -> Result<()> {
    for call in calls::live_in(tx, conv)? {
        take_out(tx, app, call, user)?;
    }
    Ok(())
}

/// The user is deactivated or deleted: they are out of every call.
pub fn depart_all(tx: &mut Write<'_>, app: &App, user: i64) -> Result<()> {
    for call in calls::live_of(tx, user)? {
        take_out(tx, app, call, user)?;
    }
    Ok(())
}

/// The group is deleted, and its call is over.
pub fn end_in(tx: &mut Write<'_>, conv: i64) -> Result<()> {
    for call in calls::live_in(tx, conv)? {
        let call = calls::by_id(tx, call)?;
        let to = if call.status == CallStatus::Initiated { CallStatus::Cancelled } else { CallStatus::Ended };
        finish(tx, &call, call.initiator, to)?;
    }
    Ok(())
}

/// Whether there is something for [`sweep`] to do.
pub fn is_due(read: &Read<'_>, limits: &Limits) -> Result<bool> {
    Ok(calls::presence_changed(read)?
        || !calls::overdue(read, limits, 1)?.is_empty()
        || !calls::absent(read, limits, 1)?.is_empty())
}

/// Ends live calls that rang or lasted too long, and takes those out whose devices are gone; whether there may be more.
/// What it knows of presence it notes with the calls, so that a restart neither cuts anybody nor leaves anybody in.
pub fn sweep(tx: &mut Write<'_>, limits: &Limits) -> Result<bool> {
    calls::note_presence(tx)?;
    let overdue = calls::overdue(tx, limits, PIECE)?;
    for call in &overdue {
        expire(tx, *call)?;
    }
    let absent = calls::absent(tx, limits, PIECE)?;
    for (call, user) in &absent {
        match apps::by_id(tx, calls::by_id(tx, *call)?.app)? {
            Some(app) => take_out(tx, &app, *call, *user)?,
            None => calls::set_status(tx, *call, CallStatus::Ended)?,
        }
    }
    Ok(overdue.len().max(absent.len()) as i64 == PIECE)
}

/// Ends what a user, who calls or is called now, cannot be in any more. One who speaks over REST alone is taken at their
/// word: after the grace a new call counts, not the old one.
fn settle(tx: &mut Write<'_>, app: &App, user: i64, limits: &Limits) -> Result<()> {
    for call in calls::live_of(tx, user)? {
        if calls::is_overdue(tx, call, limits)? {
            expire(tx, call)?;
        } else if calls::is_away(tx, call, user, limits.call_grace)? {
            take_out(tx, app, call, user)?;
        }
    }
    Ok(())
}

/// The time of the call is over: nobody answered, or it lasted as long as a call may.
fn expire(tx: &mut Write<'_>, call: i64) -> Result<()> {
    let call = calls::by_id(tx, call)?;
    let to = if call.status == CallStatus::Initiated { CallStatus::Unanswered } else { CallStatus::Ended };
    finish(tx, &call, call.initiator, to)
}

fn take_out(tx: &mut Write<'_>, app: &App, call: i64, user: i64) -> Result<()> {
    let call = calls::by_id(tx, call)?;
    let group = call.callee.is_none();
    if call.status.is_over() || (group && !calls::has_joined(tx, call.id, user)?) {
        return Ok(());
    }
    if group {
        leave(tx, app, &call, user)?;
    }
    let side = if user == call.initiator { Side::Initiator } else { Side::Callee };
    match departure(call.status, side, group, calls::joined(tx, call.id)?) {
        Some(to) => finish(tx, &call, user, to),
        None => {
            let conv = conversations::by_id(tx, call.conv)?;
            tell_leaver(tx, &themselves(tx, app.clone(), user)?, &conv, &call).map(drop)
        }
    }
}

/// One of a group call goes out of it.
fn leave(tx: &mut Write<'_>, app: &App, call: &Call, user: i64) -> Result<()> {
    calls::set_participant(tx, call.id, user, "left", None)?;
    outbox::calls::left(tx, app, call, user)
}

/// Ends the call in the name of `by`.
fn finish(tx: &mut Write<'_>, call: &Call, by: i64, to: CallStatus) -> Result<()> {
    calls::set_status(tx, call.id, to)?;
    // Of an app that is on its way out nobody hears.
    let Some(app) = apps::by_id(tx, call.app)? else { return Ok(()) };
    let (caller, conv) = (themselves(tx, app, by)?, conversations::by_id(tx, call.conv)?);
    announce(tx, &caller, &conv, &calls::by_id(tx, call.id)?, to, None).map(drop)
}

/// A user as the one who acts, though none of their sessions does.
fn themselves(tx: &Write<'_>, app: App, user: i64) -> Result<Caller> {
    Ok(Caller::of(app, user, &users::by_id(tx, user)?.uid))
}

/// One of several leaves a group call: for him it has ended, for the others nothing has. Told to his own devices only
/// and not stored, because clients take `ended` from anybody as the end of the call.
fn tell_leaver(tx: &mut Write<'_>, caller: &Caller, conv: &Conv, call: &Call) -> Result<Sent> {
    let row = messages::Row {
        id: messages::spend_id(tx)?,
        conv: conv.id,
        sender: caller.user,
        category: Category::Call,
        kind: call.kind.clone(),
        data: data(call, CallStatus::Ended).to_string(),
        subject: Some(call.id),
        sent_at: tx.now(),
        updated_at: tx.now(),
        ..messages::Row::default()
    };
    let message = render::one(tx, row, Viewer::All)?;
    Ok(tell_step(tx, caller, Audience::users([caller.user]), About::call(call.id), message))
}

fn data(call: &Call, status: CallStatus) -> serde_json::Value {
    let mut data = serde_json::json!({ "action": status });
    if let Some(metadata) = &call.metadata {
        data["metadata"] = serde_json::from_str(metadata.get()).unwrap_or_default();
    }
    data
}

/// Tells everybody of a step of the call; `call` is as it was before it, if that matters.
fn announce(
    tx: &mut Write<'_>,
    caller: &Caller,
    conv: &Conv,
    call: &Call,
    status: CallStatus,
    muid: Option<String>,
) -> Result<Sent> {
    let (sent, row) = post(tx, caller, conv, call, status, muid)?;
    outbox::calls::stepped(tx, caller, call, status, &row)?;
    Ok(sent)
}

/// Stores a message that says how far the call is, and tells the sockets.
fn post(
    tx: &mut Write<'_>,
    caller: &Caller,
    conv: &Conv,
    call: &Call,
    status: CallStatus,
    muid: Option<String>,
) -> Result<(Sent, messages::Row)> {
    let new = messages::New {
        sender: caller.user,
        category: Category::Call,
        kind: &call.kind,
        data: data(call, status).to_string(),
        subject: Some(call.id),
        resource: caller.session(),
        muid,
        ..Default::default()
    };
    let row = messages::insert(tx, caller.app.id, conv, new)?.ok_or(Code::Internal)?;
    conversations::touch(tx, conv, row.id, caller.user, false, true)?;
    let message = render::one(tx, row.clone(), Viewer::All)?;
    Ok((tell_step(tx, caller, conv.audience(), About::call(call.id), message), row))
}

//! Call signalling: each change of status is one stored message, told to all devices of all participants.

use serde_json::value::RawValue;

use super::messages::open;
use super::standing::permit;
use super::tell_message;
use crate::model::call::{CallStatus, GroupStep, Side, group_step, step};
use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::event::Audience;
use crate::model::message::{Category, Party, Receiver, Sent};
use crate::model::permission::Act;
use crate::store::calls::{self, Call};
use crate::store::conversations::Conv;
use crate::store::{Write, conversations, groups, members, messages, shown, users};

/// An unanswered call stops making its people busy after this many seconds. Clients give up after 45.
const PATIENCE: i64 = 60;

pub fn initiate(
    tx: &mut Write<'_>,
    caller: &Caller,
    receiver: &Receiver,
    kind: &str,
    metadata: Option<&RawValue>,
    muid: Option<String>,
) -> Result<Sent> {
    if !matches!(kind, "audio" | "video") {
        return Err(Code::InvalidType.into());
    }
    let me = users::by_id(tx, caller.user)?.entity();
    caller.role.may_call()?;
    let (conv, other) = open(tx, caller, &me, receiver, Act::Call { video: kind == "video" })?;
    if let Some(muid) = &muid
        && let Some(first) = messages::by_muid(tx, caller.user, muid, conv.id)?
    {
        return Ok(Sent::of(shown::one(tx, first, caller.viewer())?));
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
    if calls::is_busy(tx, me.id, PATIENCE)? {
        return Err(Code::CallBusySelf.into());
    }
    match callee {
        Some(callee) if calls::is_busy(tx, callee, PATIENCE)? => return Err(Code::CallBusyUser.into()),
        None if calls::is_live(tx, conv.id, PATIENCE)? => return Err(Code::CallBusyGroup.into()),
        _ => {}
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
        let state = if to == CallStatus::Ongoing { "joined" } else { to.as_str() };
        calls::set_participant(tx, call.id, me, state, caller.session())?;
        calls::set_status(tx, call.id, to)?;
        return announce(tx, caller, &conv, &call, to, None);
    }
    let joined = calls::has_joined(tx, call.id, me)?;
    match group_step(call.status, to, side, joined)? {
        GroupStep::Join => {
            calls::set_participant(tx, call.id, me, "joined", caller.session())?;
            calls::set_status(tx, call.id, CallStatus::Ongoing)?;
        }
        GroupStep::Leave => {
            calls::set_participant(tx, call.id, me, "left", None)?;
            if calls::joined(tx, call.id)? > 0 {
                return tell_leaver(tx, caller, &conv, &call);
            }
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
    if let Some(group) = groups::of_conversation(tx, &conv)? {
        permit(tx, caller, &group, Act::Call { video: kind == "video" })?;
    }
    calls::set_type(tx, call.id, kind)?;
    let call = calls::by_id(tx, call.id)?;
    announce(tx, caller, &conv, &call, call.status, None)
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
    let message = shown::one(tx, row, None)?;
    Ok(tell_message(tx, caller, Audience::users([caller.user]), message))
}

fn data(call: &Call, status: CallStatus) -> serde_json::Value {
    let mut data = serde_json::json!({ "action": status });
    if let Some(metadata) = &call.metadata {
        data["metadata"] = serde_json::from_str(metadata.get()).unwrap_or_default();
    }
    data
}

fn announce(
    tx: &mut Write<'_>,
    caller: &Caller,
    conv: &Conv,
    call: &Call,
    status: CallStatus,
    muid: Option<String>,
) -> Result<Sent> {
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
    let message = shown::one(tx, row, None)?;
    Ok(tell_message(tx, caller, conv.audience(), message))
}

//! Calls. What rings is told as the message that clients get; from the answer on it is a session with people in it: a call
//! between two, a meeting in a group. There is no media here, so who said that they are in a call is in it.

use serde::Serialize;

use super::tell;
use crate::model::call::CallStatus;
use crate::model::caller::{App, Caller};
use crate::model::error::Result;
use crate::model::message::Message;
use crate::model::trigger::Trigger;
use crate::store::calls::{self, Call};
use crate::store::messages::Row;
use crate::store::sight::Viewer;
use crate::store::{Write, render};

#[derive(Serialize)]
struct Told {
    call: Message,
}

/// A session. Its keys are the contract's, in either manner.
#[derive(Default, Serialize)]
struct Session {
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destroyed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occupant: Option<Occupant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    all_occupants: Option<Vec<Occupant>>,
    #[serde(rename = "sessionId")]
    session_id: String,
}

/// Somebody in a session.
#[derive(Serialize)]
struct Occupant {
    joined_at: i64,
    audio_call: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_at: Option<i64>,
    name: String,
    /// Ours: a name is no id.
    uid: String,
}

impl Occupant {
    fn of(found: calls::Occupant, call: &Call) -> Occupant {
        let calls::Occupant { uid, name, joined_at, left_at, .. } = found;
        let audio_call = if call.kind == "audio" { "true" } else { "false" };
        Occupant { joined_at, audio_call, left_at, name, uid }
    }
}

/// The triggers of a session: of a call between two, and of one in a group.
fn of(call: &Call, pair: Trigger, group: Trigger) -> Trigger {
    if call.callee.is_some() { pair } else { group }
}

/// The caller took the call, which was as it is given, to this status; `row` is the message that says so. Who answers
/// brings two into it, and its end takes all out of it who are left.
pub fn stepped(tx: &mut Write<'_>, caller: &Caller, call: &Call, to: CallStatus, row: &Row) -> Result<()> {
    let app = &caller.app;
    let trigger = match to {
        CallStatus::Initiated => Trigger::CallInitiated,
        CallStatus::Busy => Trigger::CallBusy,
        CallStatus::Cancelled => Trigger::CallCancelled,
        CallStatus::Rejected => Trigger::CallRejected,
        CallStatus::Unanswered => Trigger::CallUnanswered,
        CallStatus::Ongoing => return answered(tx, caller, call),
        CallStatus::Ended => return ended(tx, app, call),
    };
    tell(tx, app, trigger, |tx| Ok(Told { call: render::one(tx, row.clone(), Viewer::App)? }))
}

fn answered(tx: &mut Write<'_>, caller: &Caller, call: &Call) -> Result<()> {
    let first = call.status == CallStatus::Initiated;
    if first {
        let trigger = of(call, Trigger::CallStarted, Trigger::MeetingStarted);
        tell(tx, &caller.app, trigger, |tx| {
            let (created_at, session_id) = (Some(tx.now()), call.session_id.clone());
            Ok(Session { created_at, session_id, ..Session::default() })
        })?;
    }
    let came = of(call, Trigger::CallParticipantJoined, Trigger::MeetingParticipantJoined);
    each(tx, &caller.app, call, came, |one| one.state == "joined" && (first || one.user == caller.user))
}

/// One of several left a call that goes on, or that ends by it.
pub fn left(tx: &mut Write<'_>, app: &App, call: &Call, user: i64) -> Result<()> {
    each(tx, app, call, Trigger::MeetingParticipantLeft, |one| one.user == user)
}

fn ended(tx: &mut Write<'_>, app: &App, call: &Call) -> Result<()> {
    let went = of(call, Trigger::CallParticipantLeft, Trigger::MeetingParticipantLeft);
    each(tx, app, call, went, |one| one.state == "ended")?;
    tell(tx, app, of(call, Trigger::CallEnded, Trigger::MeetingEnded), |tx| {
        let call = calls::by_id(tx, call.id)?;
        let all = calls::occupants(tx, call.id)?.into_iter().map(|one| Occupant::of(one, &call)).collect();
        Ok(Session {
            created_at: call.started_at,
            destroyed_at: call.ended_at,
            all_occupants: Some(all),
            session_id: call.session_id,
            ..Session::default()
        })
    })
}

/// Tells of each occupant of the call whom this `is` about.
fn each(
    tx: &mut Write<'_>,
    app: &App,
    call: &Call,
    trigger: Trigger,
    is: impl Fn(&calls::Occupant) -> bool,
) -> Result<()> {
    if !super::is_told(tx, app.id, trigger)? {
        return Ok(());
    }
    for mut one in calls::occupants(tx, call.id)?.into_iter().filter(is) {
        // Who came back had left before.
        one.left_at.take_if(|_| one.state == "joined");
        let (occupant, session_id) = (Some(Occupant::of(one, call)), call.session_id.clone());
        tell(tx, app, trigger, |_| Ok(Session { occupant, session_id, ..Session::default() }))?;
    }
    Ok(())
}

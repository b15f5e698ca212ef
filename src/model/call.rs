//! Calls: signalling only, as a checked state machine. Media travels elsewhere.

use serde::{Serialize, Serializer};

use super::error::{Code, Result};
use super::json::Raw;
use super::party::{Party, ReceiverType};
use super::user::User;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallStatus {
    Initiated,
    Ongoing,
    Rejected,
    /// Emitted with two l; `canceled` is understood.
    Cancelled,
    Busy,
    Unanswered,
    Ended,
}

impl CallStatus {
    pub const ALL: [CallStatus; 7] = [
        CallStatus::Initiated,
        CallStatus::Ongoing,
        CallStatus::Rejected,
        CallStatus::Cancelled,
        CallStatus::Busy,
        CallStatus::Unanswered,
        CallStatus::Ended,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            CallStatus::Initiated => "initiated",
            CallStatus::Ongoing => "ongoing",
            CallStatus::Rejected => "rejected",
            CallStatus::Cancelled => "cancelled",
            CallStatus::Busy => "busy",
            CallStatus::Unanswered => "unanswered",
            CallStatus::Ended => "ended",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let text = if text == "canceled" { "cancelled" } else { text };
        CallStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }

    pub fn is_over(self) -> bool {
        !matches!(self, CallStatus::Initiated | CallStatus::Ongoing)
    }
}

/// Which side of a call acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Initiator,
    Callee,
}

/// Whether a one-on-one call may go from one status to the next, when `side` asks.
pub fn step(from: CallStatus, to: CallStatus, side: Side) -> Result<(), Code> {
    use CallStatus::{Busy, Cancelled, Ended, Initiated, Ongoing, Rejected, Unanswered};
    match (from, to) {
        (from, _) if from.is_over() => Err(Code::CallTerminated),
        (_, Initiated) => Err(Code::CallInvalidInit),
        (Initiated, Ended) => Err(Code::CallNotStarted),
        (Initiated, Ongoing | Rejected | Busy) if side == Side::Callee => Ok(()),
        (Initiated, Cancelled) if side == Side::Initiator => Ok(()),
        (Initiated, Unanswered) => Ok(()),
        (Initiated, Ongoing) => Err(Code::CallUserJoined),
        (Initiated, _) => Err(Code::PermissionDenied),
        (Ongoing, Ended) => Ok(()),
        (Ongoing, Ongoing) => Err(Code::CallUserJoined),
        (Ongoing, _) => Err(Code::CallOngoing),
        _ => Err(Code::CallTerminated),
    }
}

/// What an act means for a group call, which goes on until the last participant has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStep {
    /// The actor comes in; the call is ongoing.
    Join,
    /// The actor goes; the call ends when nobody is left.
    Leave,
    /// The actor will not come; the call goes on for the others.
    Decline,
    /// The initiator gives up: over for all.
    Stop,
}

/// Whether a member may take this step in a group call.
pub fn group_step(from: CallStatus, to: CallStatus, side: Side, joined: bool) -> Result<GroupStep, Code> {
    use CallStatus::{Busy, Cancelled, Ended, Initiated, Ongoing, Rejected, Unanswered};
    match (from, to) {
        (from, _) if from.is_over() => Err(Code::CallTerminated),
        (_, Initiated) => Err(Code::CallInvalidInit),
        (_, Busy) => Err(Code::CallGroupStatus),
        (_, Ongoing) if joined && from == Ongoing => Err(Code::CallGroupJoined),
        (Initiated, Ongoing) if side == Side::Initiator => Err(Code::CallGroupJoined),
        (_, Ongoing) => Ok(GroupStep::Join),
        (Initiated, Ended) => Err(Code::CallNotStarted),
        (_, Ended) if joined => Ok(GroupStep::Leave),
        (_, Ended) => Err(Code::CallGroupLeft),
        (Initiated, Cancelled | Unanswered) if side == Side::Initiator => Ok(GroupStep::Stop),
        (_, Rejected) if !joined => Ok(GroupStep::Decline),
        (Ongoing, _) => Err(Code::CallOngoing),
        _ => Err(Code::PermissionDenied),
    }
}

/// The call inside a call message, as it stood when that message was made.
#[derive(Clone, Debug)]
pub struct CallEntity {
    pub session_id: String,
    pub status: CallStatus,
    pub kind: String,
    pub conversation_id: String,
    pub initiator: User,
    pub receiver: Party,
    pub initiated_at: i64,
    pub started_at: Option<i64>,
    pub joined_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub metadata: Option<Raw>,
}

impl Serialize for CallEntity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown<'a> {
            sessionid: &'a str,
            status: CallStatus,
            #[serde(rename = "type")]
            kind: &'a str,
            conversation_id: &'a str,
            sender: &'a str,
            receiver: &'a str,
            receiver_type: ReceiverType,
            initiated_at: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            started_at: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            joined_at: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            ended_at: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            duration: Option<i64>,
            data: Inner<'a>,
        }
        #[derive(Serialize)]
        struct Inner<'a> {
            entities: Sides<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            metadata: Option<&'a Raw>,
        }
        #[derive(Serialize)]
        struct Sides<'a> {
            sender: Side<'a, User>,
            receiver: Side<'a, Party>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Side<'a, T> {
            entity: &'a T,
            entity_type: ReceiverType,
        }
        Shown {
            sessionid: &self.session_id,
            status: self.status,
            kind: &self.kind,
            conversation_id: &self.conversation_id,
            sender: &self.initiator.uid,
            receiver: self.receiver.name(),
            receiver_type: self.receiver.kind(),
            initiated_at: self.initiated_at,
            started_at: self.started_at,
            joined_at: self.joined_at,
            ended_at: self.ended_at,
            duration: self.started_at.zip(self.ended_at).map(|(from, to)| to - from),
            data: Inner {
                entities: Sides {
                    sender: Side { entity: &self.initiator, entity_type: ReceiverType::User },
                    receiver: Side { entity: &self.receiver, entity_type: self.receiver.kind() },
                },
                metadata: self.metadata.as_ref(),
            },
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_a_call_between_two() {
        for from in CallStatus::ALL {
            for to in CallStatus::ALL {
                for side in [Side::Initiator, Side::Callee] {
                    use CallStatus::*;
                    let allowed = matches!(
                        (from, to, side),
                        (Initiated, Ongoing | Rejected | Busy, Side::Callee)
                            | (Initiated, Cancelled, Side::Initiator)
                            | (Initiated, Unanswered, _)
                            | (Ongoing, Ended, _)
                    );
                    assert_eq!(step(from, to, side).is_ok(), allowed, "{from:?} -> {to:?} by {side:?}");
                }
            }
        }
        assert_eq!(step(CallStatus::Initiated, CallStatus::Ended, Side::Callee), Err(Code::CallNotStarted));
        assert_eq!(step(CallStatus::Ended, CallStatus::Ongoing, Side::Callee), Err(Code::CallTerminated));
        assert_eq!(step(CallStatus::Ongoing, CallStatus::Busy, Side::Callee), Err(Code::CallOngoing));
    }

    #[test]
    fn group_calls_know_no_busy_and_end_by_leaving() {
        use CallStatus::*;
        let at = |from, to, side, joined| group_step(from, to, side, joined);
        assert_eq!(at(Initiated, Busy, Side::Callee, false), Err(Code::CallGroupStatus));
        assert_eq!(at(Initiated, Ongoing, Side::Callee, false), Ok(GroupStep::Join));
        assert_eq!(at(Ongoing, Ongoing, Side::Callee, true), Err(Code::CallGroupJoined));
        assert_eq!(at(Ongoing, Ended, Side::Callee, true), Ok(GroupStep::Leave));
        assert_eq!(at(Ongoing, Ended, Side::Callee, false), Err(Code::CallGroupLeft));
        assert_eq!(at(Initiated, Cancelled, Side::Initiator, true), Ok(GroupStep::Stop));
        assert_eq!(at(Initiated, Rejected, Side::Callee, false), Ok(GroupStep::Decline));
    }

    #[test]
    fn both_spellings_of_cancelled() {
        assert_eq!(CallStatus::parse("canceled"), CallStatus::parse("cancelled"));
        assert_eq!(CallStatus::Cancelled.as_str(), "cancelled");
    }
}

//! How a call goes from one status to the next: by what its people ask, and by what happens to them.

use super::CallStatus;
use crate::model::error::{Code, Result};

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

/// What becomes of a call when one of its people is out of it without saying how: removed from the group, deleted,
/// blocked, or without any device for too long. `left` is how many are still in it. `None`: it goes on.
pub fn departure(from: CallStatus, side: Side, group: bool, left: i64) -> Option<CallStatus> {
    use CallStatus::{Cancelled, Ended, Initiated, Ongoing, Unanswered};
    match (from, side) {
        (Initiated, Side::Initiator) => Some(Cancelled),
        (Initiated, Side::Callee) if !group => Some(Unanswered),
        (Ongoing, _) if !group || left < 2 => Some(Ended),
        _ => None,
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
    fn who_is_gone_ends_what_cannot_go_on() {
        use CallStatus::*;
        for group in [false, true] {
            for left in 0..3 {
                assert_eq!(departure(Initiated, Side::Initiator, group, left), Some(Cancelled));
                let unanswered = (!group).then_some(Unanswered);
                assert_eq!(departure(Initiated, Side::Callee, group, left), unanswered);
                let over = (!group || left < 2).then_some(Ended);
                assert_eq!(departure(Ongoing, Side::Callee, group, left), over);
                for over in CallStatus::ALL.into_iter().filter(|status| status.is_over()) {
                    assert_eq!(departure(over, Side::Initiator, group, left), None);
                }
            }
        }
    }
}

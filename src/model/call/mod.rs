//! Calls: signalling only, as a checked state machine. Media travels elsewhere.

mod steps;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

pub use self::steps::{GroupStep, Side, departure, group_step, step};
use super::json::{Raw, raw};
use super::party::{Party, ReceiverType};
use super::user::User;

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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

/// The call inside a call message, as it stood when that message was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallInMessage)]
pub struct EntityShown<'a> {
    sessionid: &'a str,
    status: CallStatus,
    /// audio or video
    #[serde(rename = "type")]
    kind: &'a str,
    conversation_id: &'a str,
    /// uid of who called.
    sender: &'a str,
    /// uid or guid
    receiver: &'a str,
    receiver_type: ReceiverType,
    initiated_at: i64,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    /// When the one who acts came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    /// Seconds from the answer to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<i64>,
    data: Inner<'a>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CallData)]
struct Inner<'a> {
    entities: Sides<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a Raw>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CallSides)]
struct Sides<'a> {
    sender: Caller<'a>,
    receiver: Called<'a>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallSender)]
struct Caller<'a> {
    #[schema(value_type = User)]
    entity: &'a User,
    entity_type: ReceiverType,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallReceiver)]
struct Called<'a> {
    #[schema(value_type = Party)]
    entity: &'a Party,
    entity_type: ReceiverType,
}

impl Serialize for CallEntity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EntityShown {
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
                    sender: Caller { entity: &self.initiator, entity_type: ReceiverType::User },
                    receiver: Called { entity: &self.receiver, entity_type: self.receiver.kind() },
                },
                metadata: self.metadata.as_ref(),
            },
        }
        .serialize(serializer)
    }
}

/// A call as its record shows it. There is no media here, so it says who was there and for how long, nothing of sound
/// and picture.
#[derive(Clone, Debug)]
pub struct Record {
    /// calls.id
    pub id: i64,
    pub session_id: String,
    pub initiator: String,
    /// uid or guid.
    pub receiver: String,
    pub receiver_type: ReceiverType,
    pub kind: String,
    pub status: CallStatus,
    pub metadata: Option<Raw>,
    pub initiated_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub participants: Vec<Participation>,
}

/// One user's part in a call.
#[derive(Clone, Debug)]
pub struct Participation {
    pub uid: String,
    pub state: String,
    pub device: Option<String>,
    pub joined_at: Option<i64>,
    pub left_at: Option<i64>,
}

impl Record {
    /// Seconds from the first answer to the end, or to `now` while it goes on.
    pub fn seconds(&self, now: i64) -> i64 {
        self.started_at.map_or(0, |from| (self.ended_at.unwrap_or(now) - from).max(0))
    }

    /// Seconds one user was in the call. The caller waits for an answer first: that is no part of it.
    pub fn seconds_of(&self, part: &Participation, now: i64) -> i64 {
        let (Some(started), Some(joined)) = (self.started_at, part.joined_at) else { return 0 };
        (part.left_at.or(self.ended_at).unwrap_or(now) - joined.max(started)).max(0)
    }

    /// The record in the contract's words. `whole`: with what only a single call shows.
    pub fn shown(&self, now: i64, whole: bool) -> Shown {
        let (audio, video) = if self.kind == "audio" { (1, 0) } else { (0, 1) };
        let all: i64 = self.participants.iter().map(|part| self.seconds_of(part, now)).sum();
        let length = self.seconds(now);
        let participants: Vec<_> = self
            .participants
            .iter()
            .map(|part| {
                let seconds = self.seconds_of(part, now);
                let joined = part.joined_at.filter(|_| self.started_at.is_some());
                Participant {
                    uid: part.uid.clone(),
                    mid: self.session_id.clone(),
                    is_joined: joined.is_some(),
                    state: part.state.clone(),
                    total_audio_minutes: minutes(seconds * audio),
                    total_video_minutes: minutes(seconds * video),
                    total_duration: minutes(seconds),
                    joined_at: joined,
                    left_at: part.left_at.or(self.ended_at).filter(|_| joined.is_some()),
                    device_id: part.device.clone(),
                }
            })
            .collect();
        Shown {
            session_id: self.session_id.clone(),
            mid: self.session_id.clone(),
            initiator: self.initiator.clone(),
            receiver: self.receiver.clone(),
            receiver_type: self.receiver_type,
            kind: self.kind.clone(),
            mode: "call",
            status: self.status,
            initiated_at: self.initiated_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
            total_audio_minutes: minutes(all * audio),
            total_video_minutes: minutes(all * video),
            total_duration_in_minutes: minutes(length),
            total_duration: format!("{:02}:{:02}:{:02}", length / 3600, length / 60 % 60, length % 60),
            total_participants: participants.len(),
            has_recording: false,
            has_transcription: false,
            participants,
            meta_data: whole.then(|| self.metadata.clone().unwrap_or_else(|| raw("{}".to_owned()))),
            tags: whole.then(Vec::new),
        }
    }
}

/// A call as its record shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Call)]
pub struct Shown {
    session_id: String,
    mid: String,
    /// uid
    initiator: String,
    /// uid or guid
    receiver: String,
    receiver_type: ReceiverType,
    /// audio or video
    #[serde(rename = "type")]
    kind: String,
    mode: &'static str,
    status: CallStatus,
    initiated_at: i64,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    /// Of all participants together.
    total_audio_minutes: f64,
    total_video_minutes: f64,
    /// From the answer to the end.
    total_duration_in_minutes: f64,
    /// The same as hours, minutes and seconds.
    total_duration: String,
    total_participants: usize,
    has_recording: bool,
    has_transcription: bool,
    participants: Vec<Participant>,
    /// Of a single call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    meta_data: Option<Raw>,
    /// Of a single call.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
}

/// One user's part in a call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallParticipant)]
struct Participant {
    uid: String,
    /// Of the call: nobody has a media session of their own.
    mid: String,
    is_joined: bool,
    state: String,
    total_audio_minutes: f64,
    total_video_minutes: f64,
    /// Minutes.
    total_duration: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
}

/// Minutes with two decimals.
fn minutes(seconds: i64) -> f64 {
    (seconds as f64 / 60.0 * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_from_the_answer() {
        let part = |uid: &str, joined_at, left_at| Participation {
            uid: uid.to_owned(),
            state: "ended".to_owned(),
            device: None,
            joined_at,
            left_at,
        };
        let mut record = Record {
            id: 1,
            session_id: "s".to_owned(),
            initiator: "ann".to_owned(),
            receiver: "bob".to_owned(),
            receiver_type: ReceiverType::User,
            kind: "video".to_owned(),
            status: CallStatus::Ended,
            metadata: None,
            initiated_at: 100,
            started_at: Some(110),
            ended_at: Some(200),
            participants: vec![part("ann", Some(100), None), part("bob", Some(110), Some(170)), part("cy", None, None)],
        };
        let shown = serde_json::json!(record.shown(999, true));
        assert_eq!(shown["totalDuration"], "00:01:30");
        assert_eq!(shown["totalVideoMinutes"], 2.5);
        assert_eq!(shown["totalAudioMinutes"], 0.0);
        assert_eq!(shown["participants"][0]["totalDuration"], 1.5);
        assert_eq!(shown["participants"][2]["isJoined"], false);
        record.started_at = None;
        let shown = serde_json::json!(record.shown(999, false));
        assert_eq!(
            (&shown["totalDurationInMinutes"], &shown["participants"][0]["isJoined"]),
            (&0.0.into(), &false.into())
        );
    }

    #[test]
    fn both_spellings_of_cancelled() {
        assert_eq!(CallStatus::parse("canceled"), CallStatus::parse("cancelled"));
        assert_eq!(CallStatus::Cancelled.as_str(), "cancelled");
    }
}

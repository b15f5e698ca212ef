//! What can be told outside: the events that webhooks (and whatever else leaves the server) subscribe to, by the contract's
//! names.

use super::error::{Code, Error, Result};
use super::ids::shown;

/// Beside `data` in what is sent of a session of calls or meetings.
const CALL: Option<&str> = Some("call");
const MEET: Option<&str> = Some("meet");

macro_rules! triggers {
    ($($(#[$meta:meta])* $variant:ident $name:literal $category:literal $description:literal)*) => {
        /// An event that can be told outside.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Trigger {
            $($(#[$meta])* #[doc = $description] $variant,)*
        }

        impl Trigger {
            /// All of them, in the contract's order.
            pub const ALL: &[Trigger] = &[$(Trigger::$variant,)*];

            /// The contract's name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Trigger::$variant => $name,)*
                }
            }

            /// What it belongs to, for people who choose among them.
            pub const fn category(self) -> &'static str {
                match self {
                    $(Trigger::$variant => $category,)*
                }
            }

            /// When it fires.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Trigger::$variant => $description,)*
                }
            }
        }
    };
}

triggers! {
    MessageSent "message_sent" "message" "A message was sent."
    MessageEdited "message_edited" "message" "A message was edited."
    MessageDeleted "message_deleted" "message" "A message was deleted."
    MessageReactionAdded "message_reaction_added" "message" "Somebody reacted to a message."
    MessageReactionRemoved "message_reaction_removed" "message" "A reaction was taken back."
    MessageDeliveryReceipt "message_delivery_receipt" "message" "A client said that a message was delivered."
    MessageReadReceipt "message_read_receipt" "message" "A client said that a message was read."
    MessageDeliveredToAll "message_delivered_to_all" "message" "A message of a group was delivered to all it was for."
    MessageReadByAll "message_read_by_all" "message" "A message of a group was read by all it was for."
    MessagePinned "message_pinned" "message" "A message was pinned."
    MessageUnpinned "message_unpinned" "message" "A message was unpinned."
    UserMentioned "user_mentioned" "message" "Somebody was mentioned in a message."
    ConversationPinned "conversation_pinned" "conversation" "A conversation was pinned."
    ConversationUnpinned "conversation_unpinned" "conversation" "A conversation was unpinned."
    UserBlocked "user_blocked" "user" "Somebody blocked others."
    UserUnblocked "user_unblocked" "user" "Somebody unblocked others."
    UserConnectionStatusChanged "user_connection_status_changed" "user" "Somebody connected or disconnected."
    GroupCreated "group_created" "group" "A group was created."
    GroupUpdated "group_updated" "group" "A group was changed."
    GroupDeleted "group_deleted" "group" "A group was deleted."
    GroupOwnerTransferred "group_owner_transferred" "group" "A group has another owner."
    GroupMemberAdded "group_member_added" "group" "Members were added to a group."
    GroupMemberKicked "group_member_kicked" "group" "Members were kicked from a group."
    GroupMemberRemoved "group_member_removed" "group" "The same as group_member_kicked, by its other name."
    GroupMemberBanned "group_member_banned" "group" "Members were banned from a group."
    GroupMemberUnbanned "group_member_unbanned" "group" "A ban from a group was lifted."
    GroupMemberJoined "group_member_joined" "group" "Somebody joined a group."
    GroupMemberLeft "group_member_left" "group" "Somebody left a group."
    GroupMemberScopeChanged "group_member_scope_changed" "group" "A member of a group has another scope."
    CallInitiated "call_initiated" "call" "A call was initiated."
    CallBusy "call_busy" "call" "Who was called was in another call."
    CallCancelled "call_cancelled" "call" "A call was cancelled before it was answered."
    CallRejected "call_rejected" "call" "A call was rejected."
    CallUnanswered "call_unanswered" "call" "A call was not answered."
    CallStarted "call_started" "call" "A call was answered and began."
    CallParticipantJoined "call_participant_joined" "call" "Somebody came into a call."
    CallParticipantLeft "call_participant_left" "call" "Somebody left a call."
    CallEnded "call_ended" "call" "A call ended."
    MeetingStarted "meeting_started" "call" "A call in a group began."
    MeetingParticipantJoined "meeting_participant_joined" "call" "Somebody came into a call in a group."
    MeetingParticipantLeft "meeting_participant_left" "call" "Somebody left a call in a group."
    MeetingEnded "meeting_ended" "call" "A call in a group ended."
    RecordingGenerated "recording_generated" "call" "A recording of a call is there."
    TranscriptionGenerated "transcription_generated" "call" "A transcript of a call is there."
    ModerationEngineApproved "moderation_engine_approved" "moderation" "A rule or an engine approved a message."
    ModerationEngineBlocked "moderation_engine_blocked" "moderation" "A rule or an engine blocked a message."
    ModerationManualApproved "moderation_manual_approved" "moderation" "A moderator approved a message that was blocked."
    ModerationEngineFailed "moderation_engine_failed" "moderation" "An engine gave no verdict."
    CampaignCompleted "after_campaign_completed" "campaign" "A campaign was sent to all."
    CampaignFailed "after_campaign_failed" "campaign" "A campaign could not be sent."
    NotificationCreated "after_notification_created" "campaign" "A notification of a campaign was created."
    FeedItemSent "after_feed_item_sent" "campaign" "An item of a feed was sent."
    FeedItemDelivered "after_feed_item_delivered" "campaign" "An item of a feed was delivered."
    FeedItemRead "after_feed_item_read" "campaign" "An item of a feed was read."
    FeedItemInteracted "after_feed_item_interacted" "campaign" "Somebody used an item of a feed."
    PushSent "after_push_notification_sent" "campaign" "A push notification of a campaign was sent."
    PushDelivered "after_push_notification_delivered" "campaign" "A push notification of a campaign was delivered."
    PushClicked "after_push_notification_clicked" "campaign" "A push notification of a campaign was clicked."
}

/// Names that only webhooks of the first kind know, and what stands in their place.
const LEGACY: &[(&str, &str)] = &[
    ("before_message", "rules of moderation judge messages before anybody sees them"),
    ("after_message", "message_sent tells the same"),
    ("user_connection_status_change", "user_connection_status_changed tells the same"),
    ("after_connection_status_changed", "user_connection_status_changed tells the same"),
];

impl Trigger {
    /// The one of this name.
    pub fn parse(name: &str) -> Result<Trigger> {
        let found = Trigger::ALL.iter().find(|trigger| trigger.as_str() == name);
        found.copied().ok_or_else(|| {
            let sentence = match LEGACY.iter().find(|(legacy, _)| *legacy == name) {
                Some((_, instead)) => {
                    format!("The trigger {name} is one of legacy webhooks, which are not here; {instead}.")
                }
                None => format!("The trigger with triggerId {} does not exist.", shown(name)),
            };
            Error::new(Code::TriggerNotFound, sentence)
        })
    }

    /// Why it never fires on this server; `None`: it does.
    pub fn absent(self) -> Option<&'static str> {
        match self {
            Trigger::RecordingGenerated | Trigger::TranscriptionGenerated => {
                Some("Calls are not recorded here, so this never happens.")
            }
            _ if self.category() == "campaign" => Some("There are no campaigns here, so this never happens."),
            _ => None,
        }
    }

    /// The value of `type` beside `data` in what is sent.
    pub fn session(self) -> Option<&'static str> {
        match self {
            Trigger::CallStarted
            | Trigger::CallParticipantJoined
            | Trigger::CallParticipantLeft
            | Trigger::CallEnded => CALL,
            Trigger::MeetingStarted
            | Trigger::MeetingParticipantJoined
            | Trigger::MeetingParticipantLeft
            | Trigger::MeetingEnded => MEET,
            _ => None,
        }
    }
}

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Triggers(u64);

impl Triggers {
    pub fn add(&mut self, trigger: Trigger) {
        self.0 |= 1 << trigger as u32;
    }

    pub fn has(self, trigger: Trigger) -> bool {
        self.0 & (1 << trigger as u32) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_and_a_place_in_a_set() {
        assert!(Trigger::ALL.len() <= 64);
        let mut names: Vec<_> = Trigger::ALL.iter().map(|trigger| trigger.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Trigger::ALL.len());
        for one in Trigger::ALL {
            assert_eq!(Trigger::parse(one.as_str()).unwrap(), *one);
            let mut set = Triggers::default();
            set.add(*one);
            assert!(Trigger::ALL.iter().all(|other| set.has(*other) == (other == one)));
        }
        assert_eq!(Trigger::parse("before_message").unwrap_err().code, Code::TriggerNotFound);
    }
}

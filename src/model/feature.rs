//! Features of clients that can be switched off for a role, each with the key it has in the contract.
//!
//! Which operation belongs to which feature stands in one place, the route table; a set of features is one number, so
//! asking whether a request is restricted costs one instruction.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

macro_rules! features {
    ($($name:ident $key:literal $path:literal $title:literal)*) => {
        /// What a logged-in user can do through a client.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Feature { $($name),* }

        impl Feature {
            pub const ALL: &'static [Feature] = &[$(Feature::$name),*];

            /// The key without the prefix of logged-in users.
            pub fn name(self) -> &'static str {
                match self { $(Feature::$name => $key),* }
            }

            /// As answers have it: `u.` says that it is about logged-in users.
            pub fn key(self) -> &'static str {
                match self { $(Feature::$name => concat!("u.", $key)),* }
            }

            /// The path it is about.
            pub fn path(self) -> &'static str {
                match self { $(Feature::$name => concat!("/v3", $path)),* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Feature::$name => $title),* }
            }
        }
    };
}

features! {
    AddMember "addMember" "/groups/{{guid}}/members" "Add members to a group"
    Ban "ban" "/groups/{{guid}}/bannedusers/{{uid}}" "Ban a user from a group"
    BlockUser "blockUser" "/blockedusers" "Block users"
    ChangeScope "changeScope" "/groups/{{guid}}/members/{{uid}}" "Change the scope of a member"
    CreateCall "createCall" "/calls" "Call a user or a group"
    CreateGroup "createGroup" "/groups" "Create a group"
    CreateMessage "createMessage" "/messages" "Send a message"
    CreateMessageThread "createMessageThread" "/messages/{{id}}/thread" "Reply in a thread"
    DeleteCall "deleteCall" "/calls/{{sessionid}}" "Delete a call"
    DeleteConversationForUser "deleteConversationForUser" "/users/{{uid}}/conversation" "Delete a conversation for oneself"
    DeleteGroup "deleteGroup" "/groups/{{guid}}" "Delete a group"
    DeleteGroupMessages "deleteGroupMessages" "/groups/{{guid}}/messages" "Delete the messages of a group"
    DeleteMessage "deleteMessage" "/messages/{{id}}" "Delete a message"
    GetBlockedUsers "getBlockedUsers" "/blockedusers" "List blocked users"
    GetCall "getCall" "/calls/{{sessionid}}" "Read a call"
    GetConversation "getConversation" "/users/{{uid}}/conversation" "Read a conversation"
    GetGroup "getGroup" "/groups/{{guid}}" "Read a group"
    GetGroupMessages "getGroupMessages" "/groups/{{guid}}/messages" "List the messages of a group"
    GetMember "getMember" "/groups/{{guid}}/members/{{uid}}" "Read a member of a group"
    GetMessage "getMessage" "/messages/{{id}}" "Read a message"
    GetMyDetails "getMyDetails" "/me" "Read one's own details"
    GetUser "getUser" "/users/{{uid}}" "Read a user"
    GetUserMessages "getUserMessages" "/users/{{uid}}/messages" "List the messages with a user"
    JoinGroup "joinGroup" "/groups/{{guid}}/members" "Join a group"
    KickMember "kickMember" "/groups/{{guid}}/members/{{uid}}" "Kick a member from a group"
    LeaveGroup "leaveGroup" "/groups/{{guid}}/members" "Leave a group"
    ListBannedUsers "listBannedUsers" "/groups/{{guid}}/bannedusers" "List the users banned from a group"
    ListCalls "listCalls" "/calls" "List calls"
    ListConversations "listConversations" "/conversations" "List conversations"
    ListGroupMembers "listGroupMembers" "/groups/{{guid}}/members" "List the members of a group"
    ListGroups "listGroups" "/groups" "List groups"
    ListMessages "listMessages" "/messages" "List messages"
    ListSettings "listSettings" "/settings" "Read the settings of the app"
    ListThreadedMessages "listThreadedMessages" "/messages/{{id}}/thread" "List the replies in a thread"
    ListUsers "listUsers" "/users" "List users"
    Logout "logout" "/me" "Log out"
    MassMemberOperate "massMemberOperate" "/groups/{{guid}}/members" "Add or ban several users in one call"
    PatchOwner "patchOwner" "/groups/{{guid}}/owner" "Transfer the ownership of a group"
    Unban "unban" "/groups/{{guid}}/bannedusers/{{uid}}" "Lift a ban from a group"
    UnblockUser "unblockUser" "/blockedusers" "Unblock users"
    UpdateAuthToken "updateAuthToken" "/me" "Update the details of one's own login"
    UpdateCall "updateCall" "/calls/{{sessionid}}" "Answer, refuse or end a call"
    UpdateGroup "updateGroup" "/groups/{{guid}}" "Update a group"
    UpdateMessage "updateMessage" "/messages/{{id}}" "Edit a message"
}

impl Feature {
    /// The set that has only this one.
    pub fn alone(self) -> Features {
        Features::of(&[self])
    }

    /// By its key, with or without `u.`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("u.").unwrap_or(text);
        Feature::ALL.iter().copied().find(|feature| feature.name() == name)
    }
}

/// A set of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(u64);

impl Features {
    pub const NONE: Features = Features(0);

    pub const fn of(features: &[Feature]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < features.len() {
            bits |= 1 << features[at] as u8;
            at += 1;
        }
        Features(bits)
    }

    pub fn insert(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u8;
    }

    /// The first feature that is in both sets.
    pub fn common(self, other: Features) -> Option<Feature> {
        match self.0 & other.0 {
            0 => None,
            both => Feature::ALL.get(both.trailing_zeros() as usize).copied(),
        }
    }
}

/// A restricted feature as lists show it.
#[derive(Debug)]
pub struct Restricted {
    pub feature: Feature,
    pub created_at: i64,
}

/// A feature of clients that is switched off for a role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RestrictedFeature)]
pub struct RestrictedShown {
    title: &'static str,
    description: &'static str,
    key: &'static str,
    path: &'static str,
    created_at: i64,
}

impl Serialize for Restricted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RestrictedShown {
            title: self.feature.title(),
            description: self.feature.title(),
            key: self.feature.key(),
            path: self.feature.path(),
            created_at: self.created_at,
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_with_and_without_prefix() {
        assert_eq!(Feature::ALL.len(), 44);
        for feature in Feature::ALL {
            assert_eq!(Feature::parse(feature.key()), Some(*feature));
            assert_eq!(Feature::parse(feature.name()), Some(*feature));
            assert_eq!(Features::of(&[*feature]).common(Features(u64::MAX)), Some(*feature));
        }
        assert_eq!(Feature::parse("u.fly"), None);
        assert_eq!(Features::of(&[Feature::Ban]).common(Features::of(&[Feature::Unban, Feature::Logout])), None);
    }
}

//! Admins of the server: their roles, and what each may do.
//!
//! One function decides: [`least`] says which role an operation takes, and a role may do what those below it may. What is
//! listed nowhere is for viewers if it only reads, and for admins if it changes something.

use std::fmt;

use serde::Serialize;

use super::error::{Code, Error, Result};

/// The header in which an admin's session is named.
pub const HEADER: &str = "x-hobnob-admin";

/// From the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdminRole {
    /// Sees figures, settings, users and groups; no message, no address of a person or of a receiver, no log of acts.
    Viewer,
    /// Reads messages, and does what those must who keep order among people; still no address.
    Moderator,
    /// Everything but other admins and whole copies of the server's data.
    Admin,
    /// Everything.
    Owner,
}

impl AdminRole {
    /// From the least to the most.
    pub const ALL: [AdminRole; 4] = [AdminRole::Viewer, AdminRole::Moderator, AdminRole::Admin, AdminRole::Owner];

    pub fn as_str(self) -> &'static str {
        match self {
            AdminRole::Viewer => "viewer",
            AdminRole::Moderator => "moderator",
            AdminRole::Admin => "admin",
            AdminRole::Owner => "owner",
        }
    }

    pub fn parse(text: &str) -> Result<AdminRole> {
        let found = AdminRole::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| Error::field("role", "The role must be owner, admin, moderator or viewer."))
    }

    /// Whether they see where people and receivers are found: private metadata, addresses of engines.
    pub fn sees_addresses(self) -> bool {
        self >= AdminRole::Admin
    }

    /// Whether somebody of this role may do it, or the refusal. `reads`: it changes nothing.
    pub fn may(self, operation: &str, reads: bool) -> Result<()> {
        let least = least(operation, reads);
        if self >= least {
            return Ok(());
        }
        Err(Error::new(Code::NoAccess, format!("This takes the role {least}, and yours is {self}.")))
    }
}

impl fmt::Display for AdminRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What any admin does with their own access.
const OWN: &[&str] = &[
    "admin-logout",
    "admin-change-password",
    "admin-end-own-session",
    "admin-enrol-totp",
    "admin-confirm-totp",
    "admin-remove-totp",
];

/// Reads whose answers hold texts of messages.
const TEXTS: &[&str] = &[
    "list-all-messages",
    "get-message-details",
    "get-message-by-muid",
    "user-list-user-messages",
    "user-list-group-messages",
    "list-all-thread-messages",
    "list-threads",
    "(client) list-user-threads",
    "(client) list-group-threads",
    "list-all-conversations",
    "list-global-pinned-conversations",
    "get-conversation",
    "get-user-conversations",
    "get-group-conversations",
    "list-flagged-messages",
    "list-reviewed-messages",
    "list-moderation-blocked-messages",
    "list-message-moderation",
    "get-message-moderation",
    "extension-poll-results",
    "extension-list-pinned-messages",
    "extension-list-reminders",
    "retrieve-call-transcriptions",
];

/// Answers that hold texts of messages beside those of [`TEXTS`], for others than moderators.
const TEXTS_OUTSIDE: &[&str] = &["admin-get-delivery", "extension-translate"];

/// Changes that keep order among people.
const MODERATION: &[&str] = &[
    "update-message",
    "delete-message",
    "extension-delete-message-later",
    "flag-a-message",
    "blockreview-flagged-message",
    "review-blocked-message",
    "update-message-moderation",
    "delete-message-moderation",
    "kick-group-member",
    "ban-group-user",
    "unban-group-user",
    "deactivate-users",
    "reactivate-users",
    "flush-authtokens",
    "admin-deactivate-user",
    "admin-reactivate-user",
    "admin-end-login",
];

/// Reads for admins: where people and receivers are found, what was told to whom, and who did what.
const GUARDED: &[&str] = &[
    "notifications-get-contact-details",
    "notifications-push-list-tokens",
    "notifications-logs",
    "admin-list-webhooks",
    "admin-get-webhook",
    "admin-list-deliveries",
    "admin-get-delivery",
    "admin-list-audit",
    "admin-show-tail",
    "admin-list-admins",
    "admin-list-management-keys",
];

/// What only owners do: letting people in and out, and taking all there is away. A backup holds what admins are known by.
const OWNERS: &[&str] = &[
    "admin-create-admin",
    "admin-update-admin",
    "admin-delete-admin",
    "admin-reset-admin",
    "admin-create-management-key",
    "admin-revoke-management-key",
    "admin-reset-totp",
    "admin-list-admin-sessions",
    "admin-end-admin-session",
    "admin-end-admin-sessions",
    "admin-download-backup",
    "admin-link-backup",
    "admin-list-invitations",
    "admin-withdraw-invitation",
];

/// The least role that may do it. `reads`: it changes nothing.
pub fn least(operation: &str, reads: bool) -> AdminRole {
    let listed = |list: &[&str]| list.contains(&operation);
    match operation {
        _ if listed(OWNERS) => AdminRole::Owner,
        _ if listed(GUARDED) => AdminRole::Admin,
        _ if listed(TEXTS) || listed(MODERATION) => AdminRole::Moderator,
        _ if listed(OWN) || reads => AdminRole::Viewer,
        _ => AdminRole::Admin,
    }
}

/// Whether the answer holds texts of messages, so that it is noted who read it.
pub fn shows_texts(operation: &str) -> bool {
    TEXTS.contains(&operation) || TEXTS_OUTSIDE.contains(&operation)
}

/// All that is listed, for a test that each of it is an operation.
#[cfg(test)]
pub fn listed() -> impl Iterator<Item = &'static str> {
    [OWN, TEXTS, TEXTS_OUTSIDE, MODERATION, GUARDED, OWNERS].into_iter().flatten().copied()
}

//! Who may do what in a group: the privilege table as one pure function.
//!
//! | act | participant | moderator | admin | owner |
//! | --- | --- | --- | --- | --- |
//! | send and receive messages and calls, react, list members and reactions | yes | yes | yes | yes |
//! | add members | - | - | yes | yes |
//! | kick, ban | - | participants | anyone but the owner | anyone |
//! | unban, list who is banned | - | yes | yes | yes |
//! | change scope | - | participants and moderators, between these two | anyone but the owner, to any | any |
//! | update the group | - | yes | yes | yes |
//! | delete the group | - | - | yes | yes |
//! | transfer ownership | - | - | - | yes |
//! | edit, delete, pin messages of others | - | yes | yes | yes |
//!
//! What an app sets for a scope in one of its groups (`policy`) can only take away from this.
//!
//! The app itself (a full-access key acting for nobody) stands above this table and does not ask it.

use serde::Serialize;
use utoipa::ToSchema;

use super::error::Code;

/// A member's scope in one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Participant,
    Moderator,
    Admin,
}

impl Scope {
    pub const ALL: [Scope; 3] = [Scope::Participant, Scope::Moderator, Scope::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Participant => "participant",
            Scope::Moderator => "moderator",
            Scope::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A member's standing: his scope, or the group is his.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    Participant,
    Moderator,
    Admin,
    Owner,
}

impl Rank {
    pub const ALL: [Rank; 4] = [Rank::Participant, Rank::Moderator, Rank::Admin, Rank::Owner];

    pub fn of(scope: Scope, owner: bool) -> Self {
        match scope {
            _ if owner => Rank::Owner,
            Scope::Participant => Rank::Participant,
            Scope::Moderator => Rank::Moderator,
            Scope::Admin => Rank::Admin,
        }
    }

    /// The scope whose settings apply: an owner is an admin.
    pub fn scope(self) -> Scope {
        match self {
            Rank::Participant => Scope::Participant,
            Rank::Moderator => Scope::Moderator,
            Rank::Admin | Rank::Owner => Scope::Admin,
        }
    }
}

/// What a member wants to do. Acts on a member name that member's rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Send,
    /// In a thread.
    Reply,
    Call {
        video: bool,
    },
    React,
    ListReactions,
    ListMembers,
    AddMembers,
    Kick(Rank),
    Ban(Rank),
    /// Banning somebody who is no member, and lifting a ban.
    BanOutsider,
    Unban,
    ListBanned,
    ChangeScope {
        of: Rank,
        to: Scope,
    },
    UpdateGroup,
    DeleteGroup,
    TransferOwnership,
    EditOwn,
    DeleteOwn,
    EditOthers,
    DeleteOthers,
    Pin,
}

/// `Err` holds the contract's code for this refusal.
pub fn may(actor: Rank, act: Act) -> Result<(), Code> {
    use Rank::{Admin, Moderator, Owner, Participant};
    let allowed = match act {
        Act::Send | Act::Reply | Act::Call { .. } | Act::React => true,
        Act::ListReactions | Act::ListMembers | Act::EditOwn | Act::DeleteOwn => true,
        Act::AddMembers | Act::DeleteGroup => actor >= Admin,
        Act::Kick(of) | Act::Ban(of) => match actor {
            Participant => false,
            Moderator => of == Participant,
            Admin => of < Owner,
            Owner => true,
        },
        Act::ChangeScope { of, to } => match actor {
            Participant => false,
            Moderator => of <= Moderator && to <= Scope::Moderator,
            Admin => of < Owner,
            Owner => true,
        },
        Act::BanOutsider | Act::Unban | Act::ListBanned | Act::UpdateGroup => actor >= Moderator,
        Act::EditOthers | Act::DeleteOthers | Act::Pin => actor >= Moderator,
        Act::TransferOwnership => actor == Owner,
    };
    if allowed {
        return Ok(());
    }
    Err(match act {
        Act::ChangeScope { .. } => Code::NoScopeClearance,
        Act::DeleteGroup => Code::NoAdminScope,
        Act::UpdateGroup | Act::ListBanned => Code::NoModeratorScope,
        Act::EditOthers | Act::DeleteOthers => Code::NotASender,
        Act::Pin => Code::PermissionDenied,
        _ => Code::NoClearance,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, cell by cell, as it reads in the key concepts. Columns: participant, moderator, admin, owner.
    #[test]
    fn every_cell() {
        use Rank::{Admin, Moderator, Owner, Participant};
        let (p, m, a) = (Scope::Participant, Scope::Moderator, Scope::Admin);
        let change = |of, to| Act::ChangeScope { of, to };
        let table: &[(Act, [bool; 4])] = &[
            (Act::Send, [true, true, true, true]),
            (Act::Reply, [true, true, true, true]),
            (Act::Call { video: true }, [true, true, true, true]),
            (Act::React, [true, true, true, true]),
            (Act::ListReactions, [true, true, true, true]),
            (Act::ListMembers, [true, true, true, true]),
            (Act::EditOwn, [true, true, true, true]),
            (Act::DeleteOwn, [true, true, true, true]),
            (Act::AddMembers, [false, false, true, true]),
            (Act::Kick(Participant), [false, true, true, true]),
            (Act::Kick(Moderator), [false, false, true, true]),
            (Act::Kick(Admin), [false, false, true, true]),
            (Act::Kick(Owner), [false, false, false, true]),
            (Act::Ban(Participant), [false, true, true, true]),
            (Act::Ban(Moderator), [false, false, true, true]),
            (Act::Ban(Admin), [false, false, true, true]),
            (Act::Ban(Owner), [false, false, false, true]),
            (Act::BanOutsider, [false, true, true, true]),
            (Act::Unban, [false, true, true, true]),
            (Act::ListBanned, [false, true, true, true]),
            (change(Participant, p), [false, true, true, true]),
            (change(Participant, m), [false, true, true, true]),
            (change(Participant, a), [false, false, true, true]),
            (change(Moderator, p), [false, true, true, true]),
            (change(Moderator, m), [false, true, true, true]),
            (change(Moderator, a), [false, false, true, true]),
            (change(Admin, p), [false, false, true, true]),
            (change(Admin, m), [false, false, true, true]),
            (change(Admin, a), [false, false, true, true]),
            (change(Owner, p), [false, false, false, true]),
            (change(Owner, m), [false, false, false, true]),
            (change(Owner, a), [false, false, false, true]),
            (Act::UpdateGroup, [false, true, true, true]),
            (Act::DeleteGroup, [false, false, true, true]),
            (Act::TransferOwnership, [false, false, false, true]),
            (Act::EditOthers, [false, true, true, true]),
            (Act::DeleteOthers, [false, true, true, true]),
            (Act::Pin, [false, true, true, true]),
        ];
        for (act, row) in table {
            for (rank, allowed) in Rank::ALL.into_iter().zip(row) {
                assert_eq!(may(rank, *act).is_ok(), *allowed, "{rank:?} {act:?}");
            }
        }
    }
}

//! Where a caller stands in a group, and whether he may do what he wants there.

use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::group::Group;
use crate::model::permission::{Act, Rank, Scope, may};
use crate::model::policy::{Scopes, denied};
use crate::store::{Read, bans, members as rows};

/// Where the caller stands in the group; `None` is the app itself, above all ranks.
pub fn standing(read: &Read<'_>, caller: &Caller, group: &Group) -> Result<Option<Rank>> {
    if !caller.person {
        return Ok(None);
    }
    match rows::find(read, group.id, caller.user)? {
        Some(member) => Ok(Some(Rank::of(member.scope, group.owner_id == caller.user))),
        None if bans::is(read, group.id, caller.user)? => Err(Code::Banned.into()),
        None => Err(Error::new(Code::GroupNotJoined, format!("You are not a member of the group {}.", group.guid))),
    }
}

/// Refuses unless the caller may do this in the group.
pub fn permit(read: &Read<'_>, caller: &Caller, group: &Group, act: Act) -> Result<()> {
    match standing(read, caller, group)? {
        Some(rank) => permit_rank(caller, group, rank, act),
        None => Ok(()),
    }
}

/// As `permit`, for a caller whose rank is known: the table first, then what is set for his scope in this group.
pub fn permit_rank(caller: &Caller, group: &Group, rank: Rank, act: Act) -> Result<()> {
    may(rank, act)?;
    let scope = rank.scope();
    match scopes(group) {
        Some(set) => set.may(scope, act).map_err(|id| scope_denied(caller, group, scope, id)),
        None => Ok(()),
    }
}

/// What is set for the scopes of the group, if anything is. It stands in the group's row: no look-up.
fn scopes(group: &Group) -> Option<Scopes> {
    group.permissions.as_deref().map(|text| Scopes::stored(Some(text)))
}

fn scope_denied(caller: &Caller, group: &Group, scope: Scope, id: &str) -> Error {
    denied(id, &caller.role.id, Some((&group.guid, scope)))
}

/// The scopes that a permission of the caller's scope limits a list to; empty: no limit.
pub fn allowed_scopes(read: &Read<'_>, caller: &Caller, group: &Group, id: &str) -> Result<Vec<String>> {
    match (scopes(group), standing(read, caller, group)?) {
        (Some(set), Some(rank)) => Ok(set.of(rank.scope()).words(id).to_vec()),
        _ => Ok(Vec::new()),
    }
}

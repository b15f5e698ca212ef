//! Where a caller stands in a group, and whether he may do what he wants there.

use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::group::Group;
use crate::model::permission::{Act, Rank, may};
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
        Some(rank) => may(rank, act).map_err(Error::from),
        None => Ok(()),
    }
}

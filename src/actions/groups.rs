//! Making, changing and ending groups.

use super::members::{self, Added};
use super::outbox;
pub use super::standing::{allowed_scopes, permit, standing};
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::event::Move;
use crate::model::group::{Group, GroupDraft, GroupPatch, GroupType};
use crate::model::ids::{Guid, Uid};
use crate::model::limits::Limits;
use crate::model::permission::{Act, Scope};
use crate::store::{Read, Write, groups, members as rows, purge, users};

/// Makes a group. The owner (the one named, or the person who asks) is its first admin. A member who cannot be added
/// does not stop it.
pub fn create(
    tx: &mut Write<'_>,
    caller: &Caller,
    mut draft: GroupDraft,
    limits: &Limits,
) -> Result<(Group, Option<Added>)> {
    draft.profile.keep_urls(&caller.app.app_id);
    caller.role.may_create_group(draft.kind)?;
    let owner = match &draft.owner {
        Some(uid) => Some(users::person(tx, &caller.app, uid)?.id),
        None => caller.viewer(),
    };
    let group = groups::insert(tx, &caller.app, &draft, owner.unwrap_or(caller.app.system_user))?;
    if let Some(owner) = owner {
        rows::insert(tx, group.id, group.conv, owner, Scope::Admin)?;
        tx.shift(Move::Join { group: group.id, user: owner });
    }
    outbox::groups::created(tx, caller, group.id, owner)?;
    let added = match draft.members.is_empty() {
        true => None,
        false => Some(members::add_all(tx, caller, &group, draft.members, limits)?),
    };
    let group = groups::by_id(tx, group.id)?;
    Ok((seen(tx, caller, group)?, added))
}

/// What [`create`] asks of who makes the group and of its names.
pub fn check_create(read: &Read<'_>, caller: &Caller, kind: GroupType, guid: &Guid, owner: Option<&Uid>) -> Result<()> {
    caller.role.may_create_group(kind)?;
    if let Some(uid) = owner {
        users::person(read, &caller.app, uid)?;
    }
    groups::check_free(read, caller.app.id, guid)
}

/// What [`update`] asks of who changes the group.
pub fn check_update(read: &Read<'_>, caller: &Caller, guid: &Guid) -> Result<Group> {
    let group = groups::by_guid(read, caller.app.id, guid)?;
    permit(read, caller, &group, Act::UpdateGroup)?;
    Ok(group)
}

fn seen(read: &Read<'_>, caller: &Caller, group: Group) -> Result<Group> {
    match caller.viewer() {
        Some(viewer) => groups::seen_by(read, group, viewer),
        None => Ok(group),
    }
}

pub fn update(tx: &mut Write<'_>, caller: &Caller, guid: &Guid, mut patch: GroupPatch) -> Result<Group> {
    patch.profile.keep_urls(&caller.app.app_id);
    let group = check_update(tx, caller, guid)?;
    if patch.kind == Some(GroupType::Password) && patch.password_hash.is_none() && group.kind != GroupType::Password {
        return Err(Code::EmptyGroupPass.into());
    }
    // Only the app hands a group over by an update; a person has a call of its own for that.
    let owner = patch.owner.take().filter(|_| !caller.person);
    let id = group.id;
    groups::update(tx, group, patch, &caller.uid)?;
    outbox::groups::updated(tx, caller, id)?;
    if let Some(owner) = owner {
        hand_over(tx, caller, id, &owner)?;
    }
    let group = groups::by_id(tx, id)?;
    seen(tx, caller, group)
}

pub fn delete(tx: &mut Write<'_>, caller: &Caller, guid: &Guid) -> Result<()> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    permit(tx, caller, &group, Act::DeleteGroup)?;
    super::calls::end_in(tx, group.conv)?;
    outbox::groups::deleted(tx, caller, group.id)?;
    purge::group(tx, &group)?;
    tx.shift(Move::Disband { group: group.id });
    Ok(())
}

/// The new owner must be a member; he becomes admin if he was not.
pub fn transfer(tx: &mut Write<'_>, caller: &Caller, guid: &Guid, owner: &Uid) -> Result<()> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    permit(tx, caller, &group, Act::TransferOwnership)?;
    hand_over(tx, caller, group.id, owner)
}

fn hand_over(tx: &mut Write<'_>, caller: &Caller, group: i64, owner: &Uid) -> Result<()> {
    let owner = users::person(tx, &caller.app, owner)?;
    if rows::find(tx, group, owner.id)?.is_none() {
        return Err(Error::new(Code::NotAMember, format!("{} is not a member of the group.", owner.uid)));
    }
    appoint(tx, caller, group, owner.id)
}

/// The member is the owner from now on, and an admin.
fn appoint(tx: &mut Write<'_>, caller: &Caller, group: i64, member: i64) -> Result<()> {
    members::promote(tx, caller, group, member)?;
    give(tx, caller, group, member)
}

/// The group is this user's from now on.
pub(super) fn give(tx: &mut Write<'_>, caller: &Caller, group: i64, owner: i64) -> Result<()> {
    let old = groups::by_id(tx, group)?;
    groups::set_owner(tx, group, owner)?;
    match old.owner_id == owner {
        true => Ok(()),
        false => outbox::groups::transferred(tx, caller, group, old.owner),
    }
}

/// The user is deleted or deactivated: each of their groups has somebody else to rule it, the oldest of the highest scope
/// there is. Nobody is left: it is the app's. Who becomes an admin by it is announced as that. How many of up to `most`
/// groups were found.
pub fn succeed(tx: &mut Write<'_>, app: &App, user: i64, most: i64) -> Result<i64> {
    let (owned, system) = (groups::owned_by(tx, user, most)?, Caller::system(app.clone()));
    for &group in &owned {
        match rows::senior(tx, group)? {
            Some(heir) => appoint(tx, &system, group, heir)?,
            None => give(tx, &system, group, app.system_user)?,
        }
    }
    Ok(owned.len() as i64)
}

//! Making, changing and ending users.
//!
//! Who is deactivated or deleted may be in thousands of groups. What must hold at once does: no logins, no calls, out of
//! lists and counts. What each group is owed (a new owner, receipts that no longer wait for them, an end of the
//! membership) is done for some groups by the call and for the others by [`sweep`], piece by piece: every other write
//! would wait for it.

use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::event::Move;
use crate::model::ids::{RoleId, Uid};
use crate::model::user::{User, UserDraft, UserPatch};
use crate::store::users::Ending;
use crate::store::{Read, Write, apps, roles, tokens, users};

/// Groups that one write tells: some milliseconds. Each may get an owner, a message that says so, and receipts, which is
/// more than the purge does for a row.
pub const PIECE: i64 = 100;

fn check_role(tx: &Write<'_>, app: &App, role: Option<&RoleId>) -> Result<()> {
    match role {
        Some(role) if roles::find(tx, app.id, role)?.is_none() => {
            Err(Error::new(Code::RoleNotFound, format!("The role {role} does not exist.")))
        }
        _ => Ok(()),
    }
}

pub fn create(tx: &mut Write<'_>, app: &App, mut draft: UserDraft) -> Result<User> {
    draft.profile.keep_urls(&app.app_id);
    check_role(tx, app, draft.role.as_ref())?;
    users::insert(tx, app.id, draft)
}

pub fn update(tx: &mut Write<'_>, app: &App, uid: &Uid, mut patch: UserPatch) -> Result<User> {
    patch.profile.keep_urls(&app.app_id);
    let old = users::person(tx, app, uid)?;
    check_role(tx, app, patch.role.as_ref())?;
    users::update(tx, old, patch)
}

/// Uids that are active after the call.
pub fn reactivate(tx: &mut Write<'_>, app: &App, uids: &[String]) -> Result<Vec<String>> {
    set_deactivated(tx, app, uids, false, 0)
}

/// Ends all logins of these users and takes them out of lists; uids that are deactivated after the call. Up to `most` of
/// their groups are told by it.
pub fn deactivate(tx: &mut Write<'_>, app: &App, uids: &[String], most: i64) -> Result<Vec<String>> {
    set_deactivated(tx, app, uids, true, most)
}

fn set_deactivated(tx: &mut Write<'_>, app: &App, uids: &[String], off: bool, most: i64) -> Result<Vec<String>> {
    let mut done = Vec::new();
    let mut left = most;
    for text in uids {
        let Ok(uid) = Uid::parse(text) else { continue };
        let Some(user) = users::any(tx, app.id, &uid)?.filter(|user| user.id != app.system_user) else { continue };
        if user.deactivated_at.is_some() != off {
            users::set_deactivated(tx, user.id, off)?;
            if off {
                super::calls::depart_all(tx, app, user.id)?;
                tokens::delete_all(tx, user.id)?;
                left = end(tx, app, &user, false, left)?;
            } else {
                users::forget_ending(tx, user.id)?;
            }
        }
        done.push(user.uid);
    }
    Ok(done)
}

/// Ends the account: no logins, no calls, out of lists. The user's groups are told, up to `most` of them by this call.
pub(super) fn end_account(tx: &mut Write<'_>, app: &App, user: &User, most: i64) -> Result<()> {
    super::calls::depart_all(tx, app, user.id)?;
    tokens::delete_all(tx, user.id)?;
    users::mark_deleted(tx, user.id)?;
    end(tx, app, user, true, most)?;
    Ok(())
}

/// The user is deactivated or deleted (`leaves`) from now on; their groups are told, `most` of them now and the others by
/// [`sweep`]. How many more could have been.
fn end(tx: &mut Write<'_>, app: &App, user: &User, leaves: bool, most: i64) -> Result<i64> {
    users::begin_ending(tx, user, leaves)?;
    match users::ending(tx, user.id)? {
        Some(ending) => tell_groups(tx, app, &ending, most),
        None => Ok(most),
    }
}

/// Whether anybody's groups are still to be told of their end.
pub fn is_due(read: &Read<'_>) -> Result<bool> {
    Ok(users::next_ending(read)?.is_some())
}

/// Tells about `most` more groups that a user of theirs is no more; whether there may be others. Each write takes up what
/// the database says then: who was reactivated meanwhile is left alone.
pub fn sweep(tx: &mut Write<'_>, most: i64) -> Result<bool> {
    let Some((ending, app)) = users::next_ending(tx)? else { return Ok(false) };
    let app = apps::by_id(tx, app)?.ok_or_else(|| Error::internal("users", format!("no app {app}")))?;
    // A tool that ended them reaches no sockets of this server.
    tx.shift(Move::CloseUser(ending.user));
    tell_groups(tx, &app, &ending, most)?;
    Ok(true)
}

/// Does up to `most` steps of what the end of a user means in their groups; how many it did not need. Then all is done.
fn tell_groups(tx: &mut Write<'_>, app: &App, ending: &Ending, most: i64) -> Result<i64> {
    let (user, mut left) = (ending.user, most);
    if ending.leaves {
        left -= super::members::leave_some(tx, app, user, left)?;
    }
    left -= super::groups::succeed(tx, app, user, left)?;
    if !ending.leaves {
        let told = super::receipts::no_longer_awaited_in(tx, app, user, ending.past_group, left)?;
        if let Some(&last) = told.last() {
            users::set_past_group(tx, user, last)?;
        }
        left -= told.len() as i64;
    }
    if left > 0 {
        users::forget_ending(tx, user)?;
    }
    Ok(left)
}

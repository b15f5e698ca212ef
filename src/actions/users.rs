//! Making, changing and ending users.

use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{RoleId, Uid, unknown_uid};
use crate::model::user::{User, UserDraft, UserPatch};
use crate::store::{Write, purge, roles, tokens, users};

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
    set_deactivated(tx, app, uids, false)
}

/// Ends all logins of these users and takes them out of lists; uids that are deactivated after the call.
pub fn deactivate(tx: &mut Write<'_>, app: &App, uids: &[String]) -> Result<Vec<String>> {
    set_deactivated(tx, app, uids, true)
}

fn set_deactivated(tx: &mut Write<'_>, app: &App, uids: &[String], off: bool) -> Result<Vec<String>> {
    let mut done = Vec::new();
    for text in uids {
        let Ok(uid) = Uid::parse(text) else { continue };
        let Some(user) = users::any(tx, app.id, &uid)?.filter(|user| user.id != app.system_user) else { continue };
        if user.deactivated_at.is_some() != off {
            users::set_deactivated(tx, user.id, off)?;
            if off {
                super::calls::depart_all(tx, app, user.id)?;
                tokens::delete_all(tx, user.id)?;
                super::groups::succeed_all(tx, app, user.id)?;
                super::receipts::no_longer_awaited_anywhere(tx, app, user.id)?;
            }
        }
        done.push(user.uid);
    }
    Ok(done)
}

/// Deletes a user: softly (messages stay under his name) or with all his data.
pub fn delete(tx: &mut Write<'_>, app: &App, uid: &Uid, permanent: bool) -> Result<()> {
    let user = users::any(tx, app.id, uid)?
        .filter(|user| user.id != app.system_user)
        .ok_or_else(|| unknown_uid(uid.as_str()))?;
    super::calls::depart_all(tx, app, user.id)?;
    tokens::delete_all(tx, user.id)?;
    super::members::leave_all(tx, app, user.id)?;
    super::groups::succeed_all(tx, app, user.id)?;
    if permanent { purge::user(tx, app, user.id) } else { users::mark_deleted(tx, user.id) }
}

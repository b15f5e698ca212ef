//! Letting people in to the admin page, and out.
//!
//! There is always an owner once there has been an admin: the first admin is one whatever their link says, and the last one
//! cannot go or become less. Who has no way in any more gets one on the machine itself (`hobnob admin reset`).

use serde::Serialize;

use crate::model::admin::AdminRole;
use crate::model::audit::{Act, Actor};
use crate::model::error::{Code, Error, Result};
use crate::model::moderation::said::Text;
use crate::store::admins::{self, Listed, Purpose};
use crate::store::{Digest, Read, Write, digest, totp};

/// An admin stays logged in for this many seconds: a working day.
pub const SESSION: i64 = 12 * 3600;

/// A link that makes an admin, or gives one a new password, is good for this many seconds: a day.
pub const LINK: i64 = 24 * 3600;

/// A link that lets somebody in, once.
pub struct Invitation {
    pub secret: String,
    /// Unix seconds from which on it is good for nothing.
    pub expires_at: i64,
}

/// Makes a one-time link that makes an owner.
pub fn invite(tx: &mut Write<'_>) -> Result<Invitation> {
    invite_as(tx, AdminRole::Owner)
}

/// Makes a one-time link that makes an admin of this role.
pub fn invite_as(tx: &mut Write<'_>, role: AdminRole) -> Result<Invitation> {
    link(tx, Purpose::Make(role), None)
}

/// The same for an owner (admins.id), with whose right it goes: whoever lets nobody in any more has not done so either by
/// links that are still about.
pub fn invite_by(tx: &mut Write<'_>, owner: i64, role: AdminRole) -> Result<Invitation> {
    link(tx, Purpose::Make(role), Some(owner))
}

/// Makes a one-time link that gives the admin a new password; links that did so before are good for nothing.
pub fn reset(tx: &mut Write<'_>, actor: &Actor, id: i64) -> Result<Invitation> {
    let admin = admins::known(tx, id)?;
    admins::forget_resets(tx, id)?;
    super::audit::note(tx, actor, Act::AdminReset, None, Some(&admin.name))?;
    let by = match actor {
        Actor::Admin(name) => admins::find(tx, name)?.map(|(id, _)| id),
        _ => None,
    };
    link(tx, Purpose::Reset(id), by)
}

/// A link that is open still, and until when.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    #[serde(flatten)]
    pub invited: admins::Invited,
    pub expires_at: i64,
}

/// The links that are open still, the newest first.
pub fn invitations(read: &Read<'_>) -> Result<Vec<Open>> {
    let open = |invited: admins::Invited| Open { expires_at: invited.created_at + LINK, invited };
    Ok(admins::setups(read, read.now() - LINK)?.into_iter().map(open).collect())
}

/// Makes a link good for nothing.
pub fn withdraw(tx: &mut Write<'_>, actor: &Actor, id: &str) -> Result<()> {
    let found = admins::setups(tx, tx.now() - LINK)?.into_iter().find(|one| one.id == id);
    let found = found.ok_or_else(|| Error::new(Code::TokenNotFound, "There is no such invitation."))?;
    admins::delete_setup(tx, id)?;
    let target = found.admin.or(found.role.map(|role| role.to_string()));
    super::audit::note(tx, actor, Act::AdminWithdraw, None, target.as_deref())
}

fn link(tx: &mut Write<'_>, purpose: Purpose, by: Option<i64>) -> Result<Invitation> {
    let secret = tx.ids().hex(20);
    admins::forget_setups(tx, tx.now() - LINK)?;
    admins::insert_setup(tx, &digest(&secret), purpose, by)?;
    Ok(Invitation { secret, expires_at: tx.now() + LINK })
}

/// Whether [`set_up`] could be done, before the password is hashed for it. `name`: as the body says it.
pub fn check_set_up(read: &Read<'_>, link: &str, name: Option<&str>) -> Result<()> {
    let purpose = admins::setup(read, &digest(link), read.now() - LINK)?.ok_or_else(no_link)?;
    let known = match purpose {
        Purpose::Reset(id) => Some(admins::known(read, id)?.name),
        Purpose::Make(_) => None,
    };
    match (known, name) {
        (Some(known), Some(name)) if known != name => {
            Err(Error::field("name", "This link is for an admin of another name."))
        }
        (Some(_), _) => Ok(()),
        (None, None) => Err(Error::field("name", "The name must not be empty.")),
        (None, Some(name)) if name.chars().any(char::is_control) => {
            Err(Error::field("name", "The name must hold no control character."))
        }
        (None, Some(name)) if is_taken(read, name)? => Err(taken()),
        (None, Some(_)) => Ok(()),
    }
}

fn no_link() -> Error {
    Error::new(Code::NoAccess, "This set-up link has been used, is over, or was never made.")
}

/// Whether an admin has this name, or one that people would take for it: the audit log knows them by it.
fn is_taken(read: &Read<'_>, name: &str) -> Result<bool> {
    let looks = |name: &str| Text::new(name.to_lowercase()).guises().to_vec();
    let own = looks(name);
    Ok(admins::list(read)?.iter().any(|admin| looks(&admin.name).iter().any(|look| own.contains(look))))
}

fn taken() -> Error {
    Error::field("name", "This name is taken.")
}

/// Uses a link up to make an admin, or to give one a new password; admins.id and their name. Who gets a new password
/// needs no code of a device any more, and their sessions end.
pub fn set_up(tx: &mut Write<'_>, link: &str, name: Option<&str>, password_hash: &str) -> Result<(i64, String)> {
    check_set_up(tx, link, name)?;
    match admins::use_setup(tx, &digest(link), tx.now() - LINK)?.ok_or_else(no_link)? {
        Purpose::Reset(id) => {
            let admin = admins::known(tx, id)?;
            admins::reset_password(tx, id, password_hash)?;
            admins::delete_sessions(tx, id)?;
            totp::clear(tx, id)?;
            super::audit::note(tx, &Actor::Admin(admin.name.clone()), Act::AdminPassword, None, Some(&admin.name))?;
            Ok((id, admin.name))
        }
        Purpose::Make(role) => {
            let role = if admins::has_other_owner(tx, 0)? { role } else { AdminRole::Owner };
            let name = name.unwrap_or_default();
            if !admins::insert(tx, name, role, password_hash)? {
                return Err(taken());
            }
            let (id, _) = admins::find(tx, name)?.ok_or(Code::Internal)?;
            let (actor, details) = (Actor::Admin(name.to_owned()), serde_json::json!({ "role": role }));
            super::audit::note_with(tx, &actor, Act::AdminCreate, (None, Some(name)), &details)?;
            Ok((id, name.to_owned()))
        }
    }
}

/// Starts a session; returns its secret. `address`: from where.
pub fn log_in(tx: &mut Write<'_>, admin: i64, address: Option<&str>) -> Result<String> {
    let secret = tx.ids().hex(32);
    admins::insert_session(tx, &digest(&secret), admin, tx.now() + SESSION, address)?;
    Ok(secret)
}

pub fn log_out(tx: &mut Write<'_>, session: &Digest) -> Result<()> {
    admins::delete_session(tx, session)
}

/// Replaces the password, unless it has changed since `old` was looked at. Ends all sessions and starts one; links that
/// would give another are good for nothing.
pub fn change_password(tx: &mut Write<'_>, admin: i64, old: &str, hash: &str, address: Option<&str>) -> Result<String> {
    if !admins::set_password(tx, admin, old, hash)? {
        return Err(Error::field("current", "The current password is wrong."));
    }
    admins::delete_sessions(tx, admin)?;
    admins::forget_resets(tx, admin)?;
    log_in(tx, admin, address)
}

fn last_owner() -> Error {
    Error::new(Code::PermissionDenied, "The last owner cannot go: make somebody else an owner first.")
}

/// Gives an admin another role, from their next request on. Links of an owner who is none any more are good for nothing.
pub fn set_role(tx: &mut Write<'_>, actor: &Actor, id: i64, role: AdminRole) -> Result<Listed> {
    let admin = admins::known(tx, id)?;
    if admin.role == AdminRole::Owner && role != AdminRole::Owner && !admins::has_other_owner(tx, id)? {
        return Err(last_owner());
    }
    admins::set_role(tx, id, role)?;
    if role != AdminRole::Owner {
        admins::forget_made_by(tx, id)?;
    }
    let details = serde_json::json!({ "from": admin.role, "to": role });
    super::audit::note_with(tx, actor, Act::AdminRole, (None, Some(&admin.name)), &details)?;
    admins::known(tx, id)
}

/// Takes an admin away, with their sessions and the links they made.
pub fn remove(tx: &mut Write<'_>, actor: &Actor, id: i64) -> Result<()> {
    let admin = admins::known(tx, id)?;
    if admin.role == AdminRole::Owner && !admins::has_other_owner(tx, id)? {
        return Err(last_owner());
    }
    admins::delete(tx, id)?;
    super::audit::note(tx, actor, Act::AdminDelete, None, Some(&admin.name))
}

/// Ends one session of an admin by its public id, or all of them.
pub fn end_sessions(tx: &mut Write<'_>, actor: &Actor, admin: i64, id: Option<&str>) -> Result<()> {
    let name = admins::known(tx, admin)?.name;
    match id {
        None => admins::delete_sessions(tx, admin)?,
        Some(id) if admins::end_session(tx, admin, id)? => {}
        Some(_) => return Err(Error::new(Code::TokenNotFound, "There is no such session.")),
    }
    super::audit::note(tx, actor, Act::AdminSessionEnd, None, Some(&name))
}

//! Letting people in to the admin page.

use crate::model::error::{Code, Error, Result};
use crate::store::{Digest, Write, admins, digest};

/// An admin stays logged in for this many seconds: a working day.
pub const SESSION: i64 = 12 * 3600;

/// Makes a one-time link secret.
pub fn invite(tx: &mut Write<'_>) -> Result<String> {
    let secret = tx.ids().hex(20);
    admins::insert_setup(tx, &digest(&secret))?;
    Ok(secret)
}

/// Uses a link up to make an admin.
pub fn set_up(tx: &mut Write<'_>, link: &str, name: &str, password_hash: &str) -> Result<()> {
    if !admins::use_setup(tx, &digest(link))? {
        return Err(Error::new(Code::NoAccess, "This set-up link has been used or was never made."));
    }
    if !admins::insert(tx, name, password_hash)? {
        return Err(Error::field("name", "This name is taken."));
    }
    Ok(())
}

/// Starts a session; returns its secret.
pub fn log_in(tx: &mut Write<'_>, admin: i64) -> Result<String> {
    let secret = tx.ids().hex(32);
    admins::insert_session(tx, &digest(&secret), admin, tx.now() + SESSION)?;
    Ok(secret)
}

pub fn log_out(tx: &mut Write<'_>, session: &Digest) -> Result<()> {
    admins::delete_session(tx, session)
}

/// Replaces the password, unless it has changed since `old` was looked at. Ends all sessions and starts one.
pub fn change_password(tx: &mut Write<'_>, admin: i64, old: &str, hash: &str) -> Result<String> {
    if !admins::set_password(tx, admin, old, hash)? {
        return Err(Error::field("current", "The current password is wrong."));
    }
    admins::delete_sessions(tx, admin)?;
    log_in(tx, admin)
}

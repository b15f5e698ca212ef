//! Letting people in to the admin page.

use crate::model::error::{Code, Error, Result};
use crate::store::{Digest, Read, Write, admins, digest};

/// An admin stays logged in for this many seconds: a working day.
pub const SESSION: i64 = 12 * 3600;

/// A link that makes an admin is good for this many seconds: a day.
pub const LINK: i64 = 24 * 3600;

/// A link that makes an admin, once.
pub struct Invitation {
    pub secret: String,
    /// Unix seconds from which on it is good for nothing.
    pub expires_at: i64,
}

/// Makes a one-time link.
pub fn invite(tx: &mut Write<'_>) -> Result<Invitation> {
    let secret = tx.ids().hex(20);
    admins::forget_setups(tx, tx.now() - LINK)?;
    admins::insert_setup(tx, &digest(&secret))?;
    Ok(Invitation { secret, expires_at: tx.now() + LINK })
}

/// Whether [`set_up`] could be done, before the password is hashed for it.
pub fn check_set_up(read: &Read<'_>, link: &str, name: &str) -> Result<()> {
    if !admins::is_setup(read, &digest(link), read.now() - LINK)? {
        return Err(no_link());
    }
    match admins::find(read, name)? {
        Some(_) => Err(taken()),
        None => Ok(()),
    }
}

fn no_link() -> Error {
    Error::new(Code::NoAccess, "This set-up link has been used, is over, or was never made.")
}

fn taken() -> Error {
    Error::field("name", "This name is taken.")
}

/// Uses a link up to make an admin.
pub fn set_up(tx: &mut Write<'_>, link: &str, name: &str, password_hash: &str) -> Result<()> {
    if !admins::use_setup(tx, &digest(link), tx.now() - LINK)? {
        return Err(no_link());
    }
    if !admins::insert(tx, name, password_hash)? {
        return Err(taken());
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

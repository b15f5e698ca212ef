//! The people behind the admin page: the one-time link, passwords, sessions.

use rusqlite::params;

use super::{Digest, Read, Write};
use crate::model::error::Result;

pub fn insert_setup(tx: &Write<'_>, link: &Digest) -> Result<()> {
    tx.run("INSERT INTO admin_setup (hash, created_at) VALUES (?1, ?2)", params![link, tx.now()])?;
    Ok(())
}

/// Whether the link was made after `since` and is unused.
pub fn is_setup(read: &Read<'_>, link: &Digest, since: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM admin_setup WHERE hash = ?1 AND created_at > ?2", params![link, since])
}

/// Uses the link up; whether it was good: made after `since`.
pub fn use_setup(tx: &Write<'_>, link: &Digest, since: i64) -> Result<bool> {
    Ok(tx.run("DELETE FROM admin_setup WHERE hash = ?1 AND created_at > ?2", params![link, since])? > 0)
}

/// Forgets links made up to `since`.
pub fn forget_setups(tx: &Write<'_>, since: i64) -> Result<()> {
    tx.run("DELETE FROM admin_setup WHERE created_at <= ?1", [since])?;
    Ok(())
}

/// Whether the name was free.
pub fn insert(tx: &Write<'_>, name: &str, password_hash: &str) -> Result<bool> {
    let rows = tx.run(
        "INSERT OR IGNORE INTO admins (name, password_hash, created_at) VALUES (?1, ?2, ?3)",
        params![name, password_hash, tx.now()],
    )?;
    Ok(rows > 0)
}

/// admins.id and password hash.
pub fn find(read: &Read<'_>, name: &str) -> Result<Option<(i64, String)>> {
    read.first("SELECT id, password_hash FROM admins WHERE name = ?1", [name], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Whether the password was still the one with the hash `old`.
pub fn set_password(tx: &Write<'_>, id: i64, old: &str, hash: &str) -> Result<bool> {
    let rows =
        tx.run("UPDATE admins SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2", params![id, old, hash])?;
    Ok(rows > 0)
}

pub fn insert_session(tx: &Write<'_>, session: &Digest, admin: i64, expires_at: i64) -> Result<()> {
    tx.run("DELETE FROM admin_sessions WHERE expires_at <= ?1", [tx.now()])?;
    tx.run(
        "INSERT INTO admin_sessions (hash, admin_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![session, admin, tx.now(), expires_at],
    )?;
    Ok(())
}

pub fn delete_session(tx: &Write<'_>, session: &Digest) -> Result<()> {
    tx.run("DELETE FROM admin_sessions WHERE hash = ?1", [session])?;
    Ok(())
}

/// Ends all sessions of an admin.
pub fn delete_sessions(tx: &Write<'_>, admin: i64) -> Result<()> {
    tx.run("DELETE FROM admin_sessions WHERE admin_id = ?1", [admin])?;
    Ok(())
}

/// Whom a session lets in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// admins.id
    pub id: i64,
    pub name: String,
}

/// The admin whose session this is.
pub fn session(read: &Read<'_>, session: &Digest) -> Result<Option<Admission>> {
    let sql = "SELECT a.id, a.name FROM admin_sessions s JOIN admins a ON a.id = s.admin_id
               WHERE s.hash = ?1 AND s.expires_at > ?2";
    read.first(sql, params![session, read.now()], |row| Ok(Admission { id: row.get(0)?, name: row.get(1)? }))
}

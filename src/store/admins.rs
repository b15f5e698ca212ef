//! The people behind the admin page: one-time links, passwords, roles, sessions.

use rusqlite::{Row, params};
use serde::Serialize;

use super::{Digest, Read, Write};
use crate::model::admin::AdminRole;
use crate::model::error::{Error, Result};

/// What a one-time link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It makes an admin of this role.
    Make(AdminRole),
    /// It gives this admin (admins.id) a new password.
    Reset(i64),
}

/// An admin as others of them see them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    pub id: i64,
    pub name: String,
    pub role: AdminRole,
    /// Unix seconds.
    pub created_at: i64,
    /// Whether a code of a device is asked for at log-in.
    pub totp: bool,
    /// How many sessions they have now.
    pub sessions: i64,
}

/// A session as its admin sees it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The beginning of the digest of its secret.
    pub id: String,
    /// Unix seconds.
    pub created_at: i64,
    pub expires_at: i64,
    /// From where they logged in, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Whom a session lets in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// admins.id
    pub id: i64,
    pub name: String,
    pub role: AdminRole,
    /// The digest of the session's secret.
    pub session: Digest,
}

fn role(row: &Row<'_>, column: &str) -> rusqlite::Result<AdminRole> {
    let text: String = row.get(column)?;
    // The schema lets no other word in.
    Ok(AdminRole::parse(&text).unwrap_or(AdminRole::Viewer))
}

/// `made_by`: the admin whose link it is (admins.id), with whom it goes.
pub fn insert_setup(tx: &Write<'_>, link: &Digest, purpose: Purpose, made_by: Option<i64>) -> Result<()> {
    let (role, admin) = match purpose {
        Purpose::Make(role) => (role, None),
        Purpose::Reset(admin) => (AdminRole::Viewer, Some(admin)),
    };
    tx.run(
        "INSERT INTO admin_setup (hash, created_at, role, admin_id, made_by) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![link, tx.now(), role.as_str(), admin, made_by],
    )?;
    Ok(())
}

/// What the link does, if it was made after `since` and is unused.
pub fn setup(read: &Read<'_>, link: &Digest, since: i64) -> Result<Option<Purpose>> {
    let sql = "SELECT role, admin_id FROM admin_setup WHERE hash = ?1 AND created_at > ?2";
    read.first(sql, params![link, since], |row| {
        Ok(match row.get("admin_id")? {
            Some(admin) => Purpose::Reset(admin),
            None => Purpose::Make(role(row, "role")?),
        })
    })
}

/// A one-time link that nobody has used yet.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// The beginning of the digest of its secret.
    pub id: String,
    /// What it makes somebody; none where it gives an admin a new password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<AdminRole>,
    /// Whom it gives a new password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<String>,
    /// Who made it, if it was not made on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
}

/// The unused links made after `since`, the newest first.
pub fn setups(read: &Read<'_>, since: i64) -> Result<Vec<Invited>> {
    let sql = "SELECT lower(hex(substr(s.hash, 1, 8))) AS id, s.role, s.created_at, a.name, b.name AS made_by FROM admin_setup s
               LEFT JOIN admins a ON a.id = s.admin_id LEFT JOIN admins b ON b.id = s.made_by WHERE s.created_at > ?1 ORDER BY s.created_at DESC, s.hash";
    read.all(sql, [since], |row| {
        let admin: Option<String> = row.get("name")?;
        let role = if admin.is_some() { None } else { Some(role(row, "role")?) };
        let (id, made_by) = (row.get("id")?, row.get("made_by")?);
        Ok(Invited { id, role, admin, made_by, created_at: row.get("created_at")? })
    })
}

/// Withdraws the link with this public id; whether there was such a one.
pub fn delete_setup(tx: &Write<'_>, id: &str) -> Result<bool> {
    Ok(tx.run("DELETE FROM admin_setup WHERE lower(hex(substr(hash, 1, 8))) = ?1", [id])? > 0)
}

/// Uses the link up; what it does, if it was good: made after `since`.
pub fn use_setup(tx: &Write<'_>, link: &Digest, since: i64) -> Result<Option<Purpose>> {
    let found = setup(tx, link, since)?;
    tx.run("DELETE FROM admin_setup WHERE hash = ?1", [link])?;
    Ok(found)
}

/// Forgets links made up to `since`.
pub fn forget_setups(tx: &Write<'_>, since: i64) -> Result<()> {
    tx.run("DELETE FROM admin_setup WHERE created_at <= ?1", [since])?;
    Ok(())
}

/// Forgets links that give this admin a new password.
pub fn forget_resets(tx: &Write<'_>, admin: i64) -> Result<()> {
    tx.run("DELETE FROM admin_setup WHERE admin_id = ?1", [admin])?;
    Ok(())
}

/// Forgets links that this admin made.
pub fn forget_made_by(tx: &Write<'_>, admin: i64) -> Result<()> {
    tx.run("DELETE FROM admin_setup WHERE made_by = ?1", [admin])?;
    Ok(())
}

/// Whether the name was free.
pub fn insert(tx: &Write<'_>, name: &str, role: AdminRole, password_hash: &str) -> Result<bool> {
    let rows = tx.run(
        "INSERT OR IGNORE INTO admins (name, password_hash, created_at, role) VALUES (?1, ?2, ?3, ?4)",
        params![name, password_hash, tx.now(), role.as_str()],
    )?;
    Ok(rows > 0)
}

/// admins.id and password hash.
pub fn find(read: &Read<'_>, name: &str) -> Result<Option<(i64, String)>> {
    read.first("SELECT id, password_hash FROM admins WHERE name = ?1", [name], |row| Ok((row.get(0)?, row.get(1)?)))
}

const LISTED: &str = "SELECT a.id, a.name, a.role, a.created_at, a.totp_since IS NOT NULL AS totp,
    (SELECT count(*) FROM admin_sessions s WHERE s.admin_id = a.id AND s.expires_at > ?1) AS sessions FROM admins a";

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        id: row.get("id")?,
        name: row.get("name")?,
        role: role(row, "role")?,
        created_at: row.get("created_at")?,
        totp: row.get("totp")?,
        sessions: row.get("sessions")?,
    })
}

/// All of them, the first first.
pub fn list(read: &Read<'_>) -> Result<Vec<Listed>> {
    read.all(&format!("{LISTED} ORDER BY a.id"), [read.now()], listed)
}

pub fn by_id(read: &Read<'_>, id: i64) -> Result<Option<Listed>> {
    read.first(&format!("{LISTED} WHERE a.id = ?2"), [read.now(), id], listed)
}

/// Whether there is an owner other than this one (admins.id; 0: any).
pub fn has_other_owner(read: &Read<'_>, id: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM admins WHERE role = 'owner' AND id <> ?1", [id])
}

pub fn set_role(tx: &Write<'_>, id: i64, role: AdminRole) -> Result<()> {
    tx.run("UPDATE admins SET role = ?2 WHERE id = ?1", params![id, role.as_str()])?;
    Ok(())
}

/// Their sessions go with them, and the links they made.
pub fn delete(tx: &Write<'_>, id: i64) -> Result<()> {
    tx.run("DELETE FROM admins WHERE id = ?1", [id])?;
    Ok(())
}

/// Whether the password was still the one with the hash `old`.
pub fn set_password(tx: &Write<'_>, id: i64, old: &str, hash: &str) -> Result<bool> {
    let rows =
        tx.run("UPDATE admins SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2", params![id, old, hash])?;
    Ok(rows > 0)
}

/// Whatever it was before.
pub fn reset_password(tx: &Write<'_>, id: i64, hash: &str) -> Result<()> {
    tx.run("UPDATE admins SET password_hash = ?2 WHERE id = ?1", params![id, hash])?;
    Ok(())
}

/// Sessions of an admin at most: one more ends the oldest.
const SESSIONS: i64 = 100;

/// `address`: from where they logged in.
pub fn insert_session(
    tx: &Write<'_>,
    session: &Digest,
    admin: i64,
    expires_at: i64,
    address: Option<&str>,
) -> Result<()> {
    tx.run("DELETE FROM admin_sessions WHERE expires_at <= ?1", [tx.now()])?;
    tx.run(
        "INSERT INTO admin_sessions (hash, admin_id, created_at, expires_at, address) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![session, admin, tx.now(), expires_at, address],
    )?;
    tx.run(
        "DELETE FROM admin_sessions WHERE admin_id = ?1 AND hash <> ?2 AND hash NOT IN
         (SELECT hash FROM admin_sessions WHERE admin_id = ?1 AND hash <> ?2 ORDER BY created_at DESC, hash LIMIT ?3)",
        params![admin, session, SESSIONS - 1],
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

/// Ends the session with this public id; whether the admin had such a one.
pub fn end_session(tx: &Write<'_>, admin: i64, id: &str) -> Result<bool> {
    let sql = "DELETE FROM admin_sessions WHERE admin_id = ?1 AND lower(hex(substr(hash, 1, 8))) = ?2";
    Ok(tx.run(sql, params![admin, id])? > 0)
}

/// An admin's sessions, the newest first. `current`: the one that asks.
pub fn sessions(read: &Read<'_>, admin: i64, current: &Digest) -> Result<Vec<Session>> {
    let sql = "SELECT lower(hex(substr(hash, 1, 8))), created_at, expires_at, address, hash = ?3 FROM admin_sessions
               WHERE admin_id = ?1 AND expires_at > ?2 ORDER BY created_at DESC, hash";
    read.all(sql, params![admin, read.now(), current], |row| {
        Ok(Session {
            id: row.get(0)?,
            created_at: row.get(1)?,
            expires_at: row.get(2)?,
            address: row.get(3)?,
            current: row.get(4)?,
        })
    })
}

/// The admin whose session this is.
pub fn session(read: &Read<'_>, session: &Digest) -> Result<Option<Admission>> {
    let sql = "SELECT a.id, a.name, a.role FROM admin_sessions s JOIN admins a ON a.id = s.admin_id
               WHERE s.hash = ?1 AND s.expires_at > ?2";
    read.first(sql, params![session, read.now()], |row| {
        Ok(Admission { id: row.get(0)?, name: row.get(1)?, role: role(row, "role")?, session: *session })
    })
}

/// The admin with this id, or the refusal.
pub fn known(read: &Read<'_>, id: i64) -> Result<Listed> {
    by_id(read, id)?.ok_or_else(unknown)
}

/// What is said of an admin who is not there.
pub fn unknown() -> Error {
    Error::new(crate::model::error::Code::UidNotFound, "There is no such admin.")
}

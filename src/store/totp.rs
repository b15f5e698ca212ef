//! What admins are asked for beside their password: the secret of their device, and codes that stand in for it.

use rusqlite::params;

use super::{Digest, Read, Write};
use crate::model::error::Result;

/// What is known of an admin's device.
#[derive(Default)]
pub struct Device {
    pub secret: Option<Vec<u8>>,
    /// Whether codes of it are asked for.
    pub on: bool,
    /// The last step whose code was used.
    pub step: i64,
}

pub fn device(read: &Read<'_>, admin: i64) -> Result<Device> {
    let sql = "SELECT totp, totp_since IS NOT NULL, totp_step FROM admins WHERE id = ?1";
    let found =
        read.first(sql, [admin], |row| Ok(Device { secret: row.get(0)?, on: row.get(1)?, step: row.get(2)? }))?;
    Ok(found.unwrap_or_default())
}

/// Keeps the secret of a device whose codes are not asked for yet.
pub fn set_secret(tx: &Write<'_>, admin: i64, secret: &[u8]) -> Result<()> {
    let sql = "UPDATE admins SET totp = ?2, totp_since = NULL, totp_step = 0 WHERE id = ?1";
    tx.run(sql, params![admin, secret])?;
    Ok(())
}

/// Codes are asked for from now on.
pub fn switch_on(tx: &Write<'_>, admin: i64) -> Result<()> {
    tx.run("UPDATE admins SET totp_since = ?2 WHERE id = ?1", [admin, tx.now()])?;
    Ok(())
}

/// The code of this step was used.
pub fn set_step(tx: &Write<'_>, admin: i64, step: i64) -> Result<()> {
    tx.run("UPDATE admins SET totp_step = ?2 WHERE id = ?1", [admin, step])?;
    Ok(())
}

/// No code is asked for any more, and none is known.
pub fn clear(tx: &Write<'_>, admin: i64) -> Result<()> {
    tx.run("UPDATE admins SET totp = NULL, totp_since = NULL, totp_step = 0 WHERE id = ?1", [admin])?;
    tx.run("DELETE FROM admin_recovery WHERE admin_id = ?1", [admin])?;
    Ok(())
}

/// Keeps a code that stands in for the device, once.
pub fn insert_recovery(tx: &Write<'_>, admin: i64, code: &Digest) -> Result<()> {
    tx.run("INSERT INTO admin_recovery (hash, admin_id) VALUES (?1, ?2)", params![code, admin])?;
    Ok(())
}

/// Uses one up; whether there was such a one.
pub fn use_recovery(tx: &Write<'_>, admin: i64, code: &Digest) -> Result<bool> {
    Ok(tx.run("DELETE FROM admin_recovery WHERE hash = ?1 AND admin_id = ?2", params![code, admin])? > 0)
}

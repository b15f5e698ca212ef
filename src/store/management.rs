//! Credentials of the management API. Only the digest of a secret is kept; the secret is seen once, when it is made.

use rusqlite::params;
use serde::Serialize;
use subtle::ConstantTimeEq;

use super::{Digest, Read, Write, digest};
use crate::model::error::Result;

/// A credential just made.
#[derive(Debug, Serialize)]
pub struct Created {
    pub key: String,
    pub secret: String,
}

/// A credential as it is shown afterwards.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    pub key: String,
    pub name: String,
    pub created_at: i64,
}

pub fn insert(tx: &Write<'_>, name: &str) -> Result<Created> {
    let (key, secret) = (tx.ids().hex(10), tx.ids().hex(20));
    tx.insert(
        "INSERT INTO management_keys (key, hash, name, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![key, digest(&secret), name, tx.now()],
    )?;
    Ok(Created { key, secret })
}

/// The name of the credential, if the secret is its own.
pub fn check(read: &Read<'_>, key: &str, secret: &Digest) -> Result<Option<String>> {
    let found = read.first("SELECT name, hash FROM management_keys WHERE key = ?1", [key], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Digest>(1)?))
    })?;
    Ok(found.filter(|(_, hash)| hash.ct_eq(secret).into()).map(|(name, _)| name))
}

pub fn list(read: &Read<'_>) -> Result<Vec<Listed>> {
    read.all("SELECT key, name, created_at FROM management_keys ORDER BY id", [], |row| {
        Ok(Listed { key: row.get(0)?, name: row.get(1)?, created_at: row.get(2)? })
    })
}

/// Whether there was such a key.
pub fn delete(tx: &Write<'_>, key: &str) -> Result<bool> {
    Ok(tx.run("DELETE FROM management_keys WHERE key = ?1", [key])? > 0)
}

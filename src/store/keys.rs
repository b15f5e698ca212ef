//! API keys. Only their digest is kept; the key itself is shown once, by whoever made it.

use rusqlite::{Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Read, Write, digest};
use crate::model::caller::KeyScope;
use crate::model::error::Result;
use crate::model::page::{Page, PageAsk};

/// A key. After its creation it is shown masked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
pub struct Key {
    #[serde(skip)]
    pub id: i64,
    /// Whole when it is made, masked afterwards.
    pub api_key: String,
    pub name: String,
    #[schema(value_type = KeyScope)]
    pub scope: &'static str,
    pub created_at: i64,
}

impl Key {
    /// Its first digits, by which people tell it from others.
    pub fn hint(&self) -> String {
        hint_of(&self.api_key).to_owned()
    }
}

/// What is shown of a key, also when it is not known any more.
pub fn hint_of(secret: &str) -> &str {
    secret.get(..4).unwrap_or_default()
}

fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    let hint: String = row.get(1)?;
    let scope: String = row.get(3)?;
    Ok(Key {
        id: row.get(0)?,
        api_key: format!("{hint}{}", "*".repeat(36)),
        name: row.get(2)?,
        scope: KeyScope::parse(&scope).unwrap_or(KeyScope::AuthOnly).as_str(),
        created_at: row.get(4)?,
    })
}

/// Makes a key of 40 hex digits and returns it; it cannot be read again.
pub fn insert(tx: &mut Write<'_>, app: i64, name: &str, scope: KeyScope) -> Result<String> {
    let secret = tx.ids().hex(20);
    insert_as(tx, app, name, scope, &secret).map(|()| secret)
}

/// The same with a secret that was thought of.
pub fn insert_as(tx: &mut Write<'_>, app: i64, name: &str, scope: KeyScope, secret: &str) -> Result<()> {
    tx.insert(
        "INSERT INTO api_keys (app, hash, hint, name, scope, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![app, digest(secret), hint_of(secret), name, scope.as_str(), tx.now()],
    )?;
    Ok(())
}

pub fn count(read: &Read<'_>, app: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM api_keys WHERE app = ?1", [app])
}

pub fn list(read: &Read<'_>, app: i64, scope: Option<&str>, search: Option<&str>, ask: PageAsk) -> Result<Page<Key>> {
    let items = read.all(
        "SELECT id, hint, name, scope, created_at FROM api_keys
         WHERE app = ?1 AND (?2 IS NULL OR scope = ?2) AND (?3 IS NULL OR instr(lower(name), lower(?3)) > 0)
         ORDER BY id LIMIT ?4 OFFSET ?5",
        params![app, scope, search, ask.per_page, ask.offset()],
        key,
    )?;
    let total = read.number(
        "SELECT count(*) FROM api_keys
         WHERE app = ?1 AND (?2 IS NULL OR scope = ?2) AND (?3 IS NULL OR instr(lower(name), lower(?3)) > 0)",
        params![app, scope, search],
    )?;
    Ok(Page { items, total })
}

/// The key of the app that is this secret.
pub fn find(read: &Read<'_>, app: i64, secret: &str) -> Result<Option<Key>> {
    let exact = read.first(
        "SELECT id, hint, name, scope, created_at FROM api_keys WHERE app = ?1 AND hash = ?2",
        params![app, digest(secret)],
        key,
    )?;
    Ok(exact)
}

/// The keys of the app whose first digits are `hint`: what lists show of a key.
pub fn by_hint(read: &Read<'_>, app: i64, hint: &str) -> Result<Vec<Key>> {
    read.all(
        "SELECT id, hint, name, scope, created_at FROM api_keys WHERE app = ?1 AND hint = ?2",
        params![app, hint],
        key,
    )
}

pub fn update(tx: &mut Write<'_>, id: i64, name: Option<&str>, scope: Option<KeyScope>) -> Result<()> {
    tx.credentials_changed();
    tx.run(
        "UPDATE api_keys SET name = coalesce(?2, name), scope = coalesce(?3, scope) WHERE id = ?1",
        params![id, name, scope.map(KeyScope::as_str)],
    )?;
    Ok(())
}

pub fn delete(tx: &mut Write<'_>, id: i64) -> Result<()> {
    tx.credentials_changed();
    tx.run("DELETE FROM api_keys WHERE id = ?1", [id])?;
    Ok(())
}

pub fn by_id(read: &Read<'_>, app: i64, id: i64) -> Result<Option<Key>> {
    read.first("SELECT id, hint, name, scope, created_at FROM api_keys WHERE app = ?1 AND id = ?2", [app, id], key)
}

//! The audit log: what was done by those who run the server. Rows are added and read; see `model::audit`.

use rusqlite::params;
use serde::Serialize;

use super::{Read, Write};
use crate::model::error::Result;
use crate::model::json::Raw;
use crate::model::page::{Page, PageAsk};
use crate::model::user::stored;

/// An entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub id: i64,
    /// Unix seconds.
    pub at: i64,
    /// Who: `cli`, `server`, `admin NAME`, `key HINT`, `management NAME`.
    pub actor: String,
    /// What: `noun.verb`.
    pub act: String,
    /// Id of the app it was done in; none: the whole server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Raw>,
}

/// Adds an entry. `details`: JSON.
pub fn insert(
    tx: &Write<'_>,
    (actor, act): (&str, &str),
    app: Option<&str>,
    target: Option<&str>,
    details: Option<&str>,
) -> Result<()> {
    tx.run(
        "INSERT INTO audit (at, actor, act, app, target, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![tx.now(), actor, act, app, target, details],
    )?;
    Ok(())
}

/// The entries, the newest first; of one app, or all.
pub fn list(read: &Read<'_>, app: Option<&str>, ask: PageAsk) -> Result<Page<Entry>> {
    let (rows, count) = match app {
        Some(_) => (
            "SELECT id, at, actor, act, app, target, details FROM audit WHERE app = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3",
            "SELECT count(*) FROM audit WHERE app = ?1",
        ),
        None => (
            "SELECT id, at, actor, act, app, target, details FROM audit WHERE ?1 IS NULL ORDER BY id DESC LIMIT ?2 OFFSET ?3",
            "SELECT count(*) FROM audit WHERE ?1 IS NULL",
        ),
    };
    let items = read.all(rows, params![app, ask.per_page, ask.offset()], |row| {
        Ok(Entry {
            id: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            act: row.get(3)?,
            app: row.get(4)?,
            target: row.get(5)?,
            details: stored(row.get(6)?),
        })
    })?;
    Ok(Page { items, total: read.number(count, [app])? })
}

/// Those who were anonymised or erased in an app since then, as this log calls them.
pub fn erased_since(read: &Read<'_>, app: &str, at: i64) -> Result<Vec<String>> {
    let sql = "SELECT target FROM audit WHERE app = ?1 AND at >= ?2 AND act IN ('user.anonymise','user.erase')
               AND target IS NOT NULL";
    read.all(sql, params![app, at], |row| row.get(0))
}

/// Calls a target by another name in all that was noted of it in an app.
pub fn rename_target(tx: &Write<'_>, app: &str, old: &str, new: &str) -> Result<()> {
    tx.run("UPDATE audit SET target = ?3 WHERE app = ?1 AND target = ?2", [app, old, new])?;
    Ok(())
}

/// What lists show of an API key (api_keys.id), if it is still there.
pub fn key_hint(read: &Read<'_>, key: i64) -> Result<Option<String>> {
    read.first("SELECT hint FROM api_keys WHERE id = ?1", [key], |row| row.get(0))
}

//! The audit log: what was done by those who run the server. Rows are added and read; see `model::audit`.

use std::sync::atomic::{AtomicBool, Ordering};

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
    /// The second person it concerns (uid): on whose behalf, or the other side of a conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Raw>,
}

/// What is noted of the first write through a handle (`Store::noted`), in its transaction, unless that notes something
/// by itself.
#[derive(Debug)]
pub struct Note {
    actor: String,
    act: String,
    app: Option<String>,
    target: Option<String>,
    other: Option<String>,
    details: Option<String>,
    done: AtomicBool,
}

impl Note {
    pub fn new(actor: String, act: String) -> Note {
        let done = AtomicBool::new(false);
        Note { actor, act, app: None, target: None, other: None, details: None, done }
    }

    /// In which app (its id), on what.
    pub fn at(self, app: Option<String>, target: Option<String>) -> Note {
        Note { app, target, ..self }
    }

    /// The second person (uid) it concerns.
    pub fn beside(self, other: Option<String>) -> Note {
        Note { other, ..self }
    }

    /// `details`: JSON.
    pub fn with(self, details: Option<String>) -> Note {
        Note { details, ..self }
    }

    /// At the end of a transaction that did what it was asked for.
    pub fn settle(&self, tx: &Write<'_>) -> Result<()> {
        if self.done.load(Ordering::Relaxed) || tx.noted.get() {
            self.done.store(true, Ordering::Relaxed);
            return Ok(());
        }
        insert_of(
            tx,
            (&self.actor, &self.act),
            self.app.as_deref(),
            (self.target.as_deref(), self.other.as_deref()),
            self.details.as_deref(),
        )?;
        self.done.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Adds an entry. `details`: JSON.
pub fn insert(
    tx: &Write<'_>,
    (actor, act): (&str, &str),
    app: Option<&str>,
    target: Option<&str>,
    details: Option<&str>,
) -> Result<()> {
    insert_of(tx, (actor, act), app, (target, None), details)
}

/// The same with a second person (uid).
pub fn insert_of(
    tx: &Write<'_>,
    (actor, act): (&str, &str),
    app: Option<&str>,
    (target, other): (Option<&str>, Option<&str>),
    details: Option<&str>,
) -> Result<()> {
    tx.run(
        "INSERT INTO audit (at, actor, act, app, target, other, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![tx.now(), actor, act, app, target, other, details],
    )?;
    tx.noted.set(true);
    Ok(())
}

/// The entries, the newest first; of one app, or all.
pub fn list(read: &Read<'_>, app: Option<&str>, ask: PageAsk) -> Result<Page<Entry>> {
    let (rows, count) = match app {
        Some(_) => (
            "SELECT id, at, actor, act, app, target, other, details FROM audit WHERE app = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3",
            "SELECT count(*) FROM audit WHERE app = ?1",
        ),
        None => (
            "SELECT id, at, actor, act, app, target, other, details FROM audit WHERE ?1 IS NULL ORDER BY id DESC LIMIT ?2 OFFSET ?3",
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
            other: row.get(6)?,
            details: stored(row.get(7)?),
        })
    })?;
    Ok(Page { items, total: read.number(count, [app])? })
}

/// How many of the newest entries of a target are looked through by [`is_noted`].
const LOOKED: i64 = 100;

/// Whether this was noted since then, among the newest entries of its target.
pub fn is_noted(
    read: &Read<'_>,
    (actor, act): (&str, &str),
    app: Option<&str>,
    (target, other): (&str, Option<&str>),
    since: i64,
) -> Result<bool> {
    let newest = match app {
        Some(_) => "SELECT actor, act, other, at FROM audit WHERE app = ?1 AND target = ?2 ORDER BY id DESC LIMIT ?7",
        None => "SELECT actor, act, other, at FROM audit WHERE app IS ?1 AND target = ?2 ORDER BY id DESC LIMIT ?7",
    };
    let sql = format!("SELECT 1 FROM ({newest}) WHERE actor = ?3 AND act = ?4 AND other IS ?5 AND at >= ?6");
    read.exists(&sql, params![app, target, actor, act, other, since, LOOKED])
}

/// Those who were anonymised or erased in an app since then, as this log calls them.
pub fn erased_since(read: &Read<'_>, app: &str, at: i64) -> Result<Vec<String>> {
    let sql = "SELECT target FROM audit WHERE app = ?1 AND at >= ?2 AND act IN ('user.anonymise','user.erase')
               AND target IS NOT NULL";
    read.all(sql, params![app, at], |row| row.get(0))
}

/// Calls somebody by another name in all that was noted of them in an app.
pub fn rename(tx: &Write<'_>, app: &str, old: &str, new: &str) -> Result<()> {
    tx.run("UPDATE audit SET other = ?3 WHERE app = ?1 AND other = ?2", [app, old, new])?;
    tx.run("UPDATE audit SET target = ?3 WHERE app = ?1 AND target = ?2", [app, old, new])?;
    Ok(())
}

/// What lists show of an API key (api_keys.id), if it is still there.
pub fn key_hint(read: &Read<'_>, key: i64) -> Result<Option<String>> {
    read.first("SELECT hint FROM api_keys WHERE id = ?1", [key], |row| row.get(0))
}

//! Where an app's events are told: webhooks, and what each is told of.

use rusqlite::{Row, params};

use super::{Read, Write, outbox};
use crate::model::error::Result;
use crate::model::page::{Page, PageAsk};
use crate::model::trigger::Trigger;
use crate::model::webhook::Webhook;

/// A webhook as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// webhooks.id
    pub id: i64,
    /// apps.id
    pub app: i64,
    pub app_id: String,
    pub region: String,
    pub hook: Webhook,
    /// Signs what is sent; base64.
    pub secret: String,
    /// Signs it, too, until then.
    pub old_secret: Option<(String, i64)>,
    pub created_at: i64,
    pub updated_at: i64,
    /// outbox.id up to which nothing waits, except what is tried again.
    pub passed: i64,
    /// Events that were never delivered, because they became too old or too many.
    pub dropped: i64,
    /// Since when nothing arrives.
    pub failing_at: Option<i64>,
    /// Why the server switched it off.
    pub ended: Option<String>,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT w.id, w.app, a.app_id, a.region, w.webhook_id, w.name, w.url, w.basic_auth, w.username, w.password, ",
            "w.enabled, w.retries, w.secret, w.old_secret, w.old_until, w.created_at, w.updated_at, w.passed, w.dropped, ",
            "w.failing_at, w.ended FROM webhooks w JOIN apps a ON a.id = w.app AND a.deleted_at IS NULL ",
            $rest
        )
    };
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get(0)?,
        app: row.get(1)?,
        app_id: row.get(2)?,
        region: row.get(3)?,
        hook: Webhook {
            id: row.get(4)?,
            name: row.get(5)?,
            url: row.get(6)?,
            basic_auth: row.get(7)?,
            username: row.get(8)?,
            password: row.get(9)?,
            enabled: row.get(10)?,
            retries: row.get(11)?,
        },
        secret: row.get(12)?,
        old_secret: row.get::<_, Option<String>>(13)?.zip(row.get(14)?),
        created_at: row.get(15)?,
        updated_at: row.get(16)?,
        passed: row.get(17)?,
        dropped: row.get(18)?,
        failing_at: row.get(19)?,
        ended: row.get(20)?,
    })
}

/// Names of the triggers of the app that any webhook in use is told of.
pub(super) fn subscribed(read: &Read<'_>, app: i64) -> Result<Vec<String>> {
    read.all(
        "SELECT DISTINCT t.kind FROM webhooks w CROSS JOIN webhook_triggers t ON t.webhook = w.id
         WHERE w.app = ?1 AND w.enabled = 1",
        [app],
        |row| row.get(0),
    )
}

/// All that are in use, of all apps: webhooks.id and apps.id.
pub fn in_use(read: &Read<'_>) -> Result<Vec<(i64, i64)>> {
    read.all(
        "SELECT w.id, w.app FROM webhooks w JOIN apps a ON a.id = w.app AND a.deleted_at IS NULL WHERE w.enabled = 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub fn by_id(read: &Read<'_>, id: i64) -> Result<Option<Stored>> {
    read.first(columns!("WHERE w.id = ?1"), [id], stored)
}

pub fn find(read: &Read<'_>, app: i64, webhook_id: &str) -> Result<Option<Stored>> {
    read.first(columns!("WHERE w.app = ?1 AND w.webhook_id = ?2"), params![app, webhook_id], stored)
}

pub fn count(read: &Read<'_>, app: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM webhooks WHERE app = ?1", [app])
}

/// Those of the app whose name holds the text, oldest first.
pub fn page(read: &Read<'_>, app: i64, search: Option<&str>, ask: PageAsk) -> Result<Page<Stored>> {
    let items = read.all(
        columns!(
            "WHERE w.app = ?1 AND (?2 IS NULL OR instr(lower(w.name), lower(?2)) > 0) ORDER BY w.id LIMIT ?3 OFFSET ?4"
        ),
        params![app, search, ask.per_page, ask.offset()],
        stored,
    )?;
    let total = read.number(
        "SELECT count(*) FROM webhooks WHERE app = ?1 AND (?2 IS NULL OR instr(lower(name), lower(?2)) > 0)",
        params![app, search],
    )?;
    Ok(Page { items, total })
}

/// A new one. It is told of what happens from now on.
pub fn insert(tx: &mut Write<'_>, app: i64, hook: &Webhook, secret: &str) -> Result<i64> {
    let passed = outbox::newest(tx)?;
    let id = tx.insert(
        "INSERT INTO webhooks (app, webhook_id, name, url, basic_auth, username, password, enabled, retries, secret,
             created_at, updated_at, passed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)",
        params![
            app,
            hook.id,
            hook.name,
            hook.url,
            hook.basic_auth,
            hook.username,
            hook.password,
            hook.enabled,
            hook.retries,
            secret,
            tx.now(),
            passed
        ],
    )?;
    tx.webhooks_changed();
    Ok(id)
}

/// One that an import brings along, with the times when it was made and last changed. Whether there was none of its id.
pub fn take(
    tx: &mut Write<'_>,
    app: i64,
    hook: &Webhook,
    secret: &str,
    triggers: &[Trigger],
    (created_at, updated_at): (i64, i64),
) -> Result<bool> {
    if find(tx, app, &hook.id)?.is_some() {
        return Ok(false);
    }
    let id = tx.dated(Some(created_at), |tx| insert(tx, app, hook, secret))?;
    for trigger in triggers {
        add_trigger(tx, id, *trigger)?;
    }
    tx.run("UPDATE webhooks SET updated_at = ?2 WHERE id = ?1", [id, updated_at])?;
    Ok(true)
}

/// Changes one. What happened while it was switched off it is not told.
pub fn update(tx: &mut Write<'_>, was: &Stored, hook: &Webhook) -> Result<()> {
    let passed = if hook.enabled && !was.hook.enabled { outbox::newest(tx)? } else { was.passed };
    tx.run(
        "UPDATE webhooks SET name = ?2, url = ?3, basic_auth = ?4, username = ?5, password = ?6, enabled = ?7, retries = ?8,
             updated_at = ?9, passed = max(passed, ?10), ended = iif(?7, NULL, ended),
             failing_at = iif(url = ?3 AND enabled = ?7, failing_at, NULL)
         WHERE id = ?1",
        params![
            was.id,
            hook.name,
            hook.url,
            hook.basic_auth,
            hook.username,
            hook.password,
            hook.enabled,
            hook.retries,
            tx.now(),
            passed
        ],
    )?;
    tx.webhooks_changed();
    Ok(())
}

pub fn delete(tx: &mut Write<'_>, id: i64) -> Result<()> {
    tx.run("DELETE FROM webhooks WHERE id = ?1", [id])?;
    tx.webhooks_changed();
    Ok(())
}

/// Another secret signs from now on, and the one before beside it until then.
pub fn rotate(tx: &mut Write<'_>, id: i64, secret: &str, old_until: i64) -> Result<()> {
    tx.run(
        "UPDATE webhooks SET old_secret = secret, old_until = ?3, secret = ?2, updated_at = ?4 WHERE id = ?1",
        params![id, secret, old_until, tx.now()],
    )?;
    tx.webhooks_changed();
    Ok(())
}

/// Those that nothing arrives at, or that the server switched off; of an app (apps.id) or of all. The oldest first.
pub fn failing(read: &Read<'_>, app: Option<i64>, most: i64) -> Result<Vec<Stored>> {
    read.all(
        columns!(
            "WHERE (?1 IS NULL OR w.app = ?1) AND (w.ended IS NOT NULL OR (w.failing_at IS NOT NULL AND w.enabled = 1))
             ORDER BY w.id LIMIT ?2"
        ),
        params![app, most],
        stored,
    )
}

/// The server switches one off by itself, for what this address did; nothing, where it has another by now.
pub fn end(tx: &mut Write<'_>, id: i64, url: &str, why: &str) -> Result<()> {
    tx.run(
        "UPDATE webhooks SET enabled = 0, ended = ?3, updated_at = ?4 WHERE id = ?1 AND url = ?2",
        params![id, url, why, tx.now()],
    )?;
    tx.webhooks_changed();
    Ok(())
}

/// Names of what it is told of.
pub fn triggers(read: &Read<'_>, id: i64) -> Result<Vec<String>> {
    read.all("SELECT kind FROM webhook_triggers WHERE webhook = ?1", [id], |row| row.get(0))
}

/// It is told of what happens from now on.
pub fn add_trigger(tx: &mut Write<'_>, id: i64, trigger: Trigger) -> Result<()> {
    let since = outbox::newest(tx)?;
    tx.run(
        "INSERT INTO webhook_triggers (webhook, kind, since) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![id, trigger.as_str(), since],
    )?;
    tx.webhooks_changed();
    Ok(())
}

pub fn remove_trigger(tx: &mut Write<'_>, id: i64, trigger: Trigger) -> Result<()> {
    tx.run("DELETE FROM webhook_triggers WHERE webhook = ?1 AND kind = ?2", params![id, trigger.as_str()])?;
    tx.webhooks_changed();
    Ok(())
}

/// Up to this event (outbox.id) nothing waits any more, but what is tried again.
pub fn pass(tx: &Write<'_>, id: i64, passed: i64) -> Result<()> {
    tx.run("UPDATE webhooks SET passed = max(passed, ?2) WHERE id = ?1", [id, passed])?;
    Ok(())
}

/// The same, and how the last try went; since when nothing had arrived before that.
pub fn tried(tx: &Write<'_>, id: i64, passed: i64, fails: bool) -> Result<Option<i64>> {
    let failing_at = tx.first("SELECT failing_at FROM webhooks WHERE id = ?1", [id], |row| row.get(0))?.flatten();
    tx.run(
        "UPDATE webhooks SET passed = max(passed, ?2), failing_at = iif(?3, coalesce(failing_at, ?4), NULL) WHERE id = ?1",
        params![id, passed, fails, tx.now()],
    )?;
    Ok(failing_at)
}

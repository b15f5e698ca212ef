//! How many events are kept, and which go: those that are too old or too many, those that name somebody who is erased.
//!
//! An event stays after it was told, to be told again when somebody asks for it. What goes before it was told, because it was
//! too old or one too many, is counted at each webhook that was to hear of it; what is erased is not: nobody was to hear of
//! it any more. Removing is done in pieces, and what there is is known from sums that are kept with
//! the rows.

use rusqlite::params;

use super::rows::ids_text;
use super::{Read, Write, outbox};
use crate::model::error::Result;

/// Events that one write removes: with what became of them at 25 webhooks some milliseconds.
const PIECE: i64 = 100;
/// Events that one write looks through for somebody's name.
const LOOKS: i64 = 500;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Seconds.
    pub age: i64,
    /// Of one app.
    pub bytes: i64,
}

/// Some events that are too old, or of an app that has too many, the oldest first.
fn beyond(read: &Read<'_>, bounds: Bounds) -> Result<Vec<i64>> {
    let ids = |row: &rusqlite::Row<'_>| row.get(0);
    let old = "SELECT id FROM outbox WHERE at < ?1 ORDER BY at LIMIT ?2";
    let old = read.all(old, [read.now() - bounds.age, PIECE], ids)?;
    if !old.is_empty() {
        return Ok(old);
    }
    let over =
        read.first("SELECT app, events, bytes FROM outbox_sums WHERE bytes > ?1 LIMIT 1", [bounds.bytes], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let Some((app, events, bytes)): Option<(i64, i64, i64)> = over else { return Ok(Vec::new()) };
    // No more than it takes, by their mean size.
    let most = (events.saturating_mul(bytes - bounds.bytes) / bytes.max(1) + 1).clamp(1, PIECE);
    read.all("SELECT id FROM outbox WHERE app = ?1 ORDER BY id LIMIT ?2", [app, most], ids)
}

/// Whether [`sweep`] has anything to do.
pub fn is_due(read: &Read<'_>, bounds: Bounds) -> Result<bool> {
    Ok(read.exists("SELECT 1 FROM outbox WHERE at < ?1", [read.now() - bounds.age])?
        || read.exists("SELECT 1 FROM outbox_sums WHERE bytes > ?1", [bounds.bytes])?)
}

/// Removes some of what is beyond the bounds. How often something that was removed had not been told yet; `None`: there is
/// nothing to remove.
pub fn sweep(tx: &Write<'_>, bounds: Bounds) -> Result<Option<i64>> {
    let doomed = beyond(tx, bounds)?;
    match doomed.is_empty() {
        true => Ok(None),
        false => remove(tx, &doomed).map(Some),
    }
}

/// Removes events; how often one of them had not been told yet, over all that were to hear of it.
fn remove(tx: &Write<'_>, doomed: &[i64]) -> Result<i64> {
    let ids = ids_text(doomed.iter().copied());
    let untold: Vec<(i64, i64)> = tx.all(
        "SELECT w.id, count(*) FROM json_each(?1) i CROSS JOIN outbox ev ON ev.id = i.value
         CROSS JOIN webhooks w ON w.app = ev.app AND w.enabled = 1
         LEFT JOIN deliveries d ON d.webhook = w.id AND d.event = ev.id
         WHERE d.state = 'waiting' OR (d.state IS NULL AND ev.id > w.passed AND EXISTS (
             SELECT 1 FROM webhook_triggers t WHERE t.webhook = w.id AND t.kind = ev.kind AND t.since < ev.id))
         GROUP BY w.id",
        [&ids],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (webhook, many) in &untold {
        tx.run("UPDATE webhooks SET dropped = dropped + ?2 WHERE id = ?1", [webhook, many])?;
    }
    for app in
        tx.all("SELECT DISTINCT app FROM outbox WHERE id IN (SELECT value FROM json_each(?1))", [&ids], |row| {
            row.get(0)
        })?
    {
        outbox::wake(tx, app);
    }
    delete(tx, &ids)?;
    Ok(untold.iter().map(|(_, many)| many).sum())
}

/// `ids`: JSON.
fn delete(tx: &Write<'_>, ids: &str) -> Result<()> {
    tx.run("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?1))", [ids])?;
    Ok(())
}

/// Removes events of the app behind this one (outbox.id) that name who has this uid, those that still wait, too: what is
/// erased is told to nobody. `Some`: where it goes on.
pub fn forget_person(tx: &Write<'_>, app: i64, uid: &str, after: i64) -> Result<Option<i64>> {
    let uid = uid.to_lowercase();
    // As JSON has it, also in JSON within a text; in a mention; in the id of a conversation.
    let looked: Vec<(i64, bool)> = tx.all(
        "SELECT id, instr(lower(data), '\"' || ?4 || '\"') > 0 OR instr(lower(data), '\"' || ?4 || '\\') > 0
                    OR instr(lower(data), '@uid:' || ?4) > 0 OR instr(lower(data), '_user_' || ?4) > 0
                    OR instr(lower(data), ?4 || '_user_') > 0
         FROM outbox WHERE app = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        params![app, after, LOOKS, uid],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let named = looked.iter().filter(|(_, is_named)| *is_named).map(|(id, _)| *id);
    delete(tx, &ids_text(named))?;
    // Whoever was told of others may have answered with their name.
    tx.run(
        "UPDATE deliveries SET answer = NULL
         WHERE event IN (SELECT value FROM json_each(?1)) AND instr(lower(answer), ?2) > 0",
        params![ids_text(looked.iter().map(|(id, _)| *id)), uid],
    )?;
    Ok(looked.last().map(|(id, _)| *id))
}

/// What is kept to be told, of the whole server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    pub events: i64,
    pub bytes: i64,
    /// Events that wait, once for each webhook that is to hear of them: no more than [`COUNTED`] of one.
    pub waiting: i64,
    /// When the oldest of them happened.
    pub oldest: Option<i64>,
}

/// So many that wait for one webhook are counted.
pub const COUNTED: i64 = 1_000;

/// What is kept now.
pub fn kept(read: &Read<'_>) -> Result<Kept> {
    let sums = read.first("SELECT coalesce(sum(events), 0), coalesce(sum(bytes), 0) FROM outbox_sums", [], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let (events, bytes) = sums.unwrap_or_default();
    let mut kept = Kept { events, bytes, ..Kept::default() };
    if events == 0 {
        return Ok(kept);
    }
    for (webhook, app) in super::webhooks::in_use(read)? {
        // Those never tried, and those tried that are tried again.
        for sql in [
            "SELECT count(*), min(id) FROM (
                 SELECT ev.id FROM webhooks w CROSS JOIN outbox ev ON ev.app = w.app AND ev.id > w.passed
                 CROSS JOIN webhook_triggers t ON t.webhook = w.id AND t.kind = ev.kind AND t.since < ev.id
                 WHERE w.id = ?1 AND w.app = ?2
                   AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook = w.id AND d.event = ev.id)
                 ORDER BY ev.id LIMIT ?3)",
            "SELECT count(*), min(event) FROM (
                 SELECT event FROM deliveries WHERE webhook = ?1 AND next_at IS NOT NULL AND ?2 > 0 LIMIT ?3)",
        ] {
            let found: Option<(i64, Option<i64>)> =
                read.first(sql, [webhook, app, COUNTED], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let (waiting, first) = found.unwrap_or_default();
            kept.waiting += waiting;
            if let Some(first) = first {
                let at: Option<i64> = read.first("SELECT at FROM outbox WHERE id = ?1", [first], |row| row.get(0))?;
                kept.oldest = kept.oldest.into_iter().chain(at).min();
            }
        }
    }
    Ok(kept)
}

//! What became of events at a webhook, for people who look at it; and events that are told once more because they ask.

use rusqlite::{Row, ToSql, params};

use super::outbox::Event;
use super::webhooks::Stored;
use super::{Read, Write, outbox};
use crate::model::error::Result;

/// Up to so many are counted.
pub const COUNTED: i64 = 1000;
/// Events behind the last that was taken which are looked at for counting.
const LOOKED: i64 = 10_000;
/// Deliveries that one page looks through for some that are rare.
const SCANNED: i64 = 5000;

/// What became of an event at a webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub event: Event,
    /// `delivered`, `waiting` or `failed`.
    pub state: String,
    pub tries: i64,
    /// Of these tries.
    pub first_at: Option<i64>,
    /// When it is tried again.
    pub next_at: Option<i64>,
    pub tried_at: Option<i64>,
    pub took_ms: Option<i64>,
    /// Of HTTP; `None`: there was no answer.
    pub status: Option<i64>,
    /// How the answer began, or why there was none.
    pub answer: Option<String>,
}

macro_rules! columns {
    ($data:literal, $from:literal) => {
        concat!(
            "SELECT o.id, o.name, o.kind, o.at, ",
            $data,
            ", state, tries, first_at, next_at, tried_at, took_ms, status, answer FROM ",
            $from
        )
    };
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        event: Event { id: row.get(0)?, name: row.get(1)?, trigger: row.get(2)?, at: row.get(3)?, data: row.get(4)? },
        state: row.get(5)?,
        tries: row.get(6)?,
        first_at: row.get(7)?,
        next_at: row.get(8)?,
        tried_at: row.get(9)?,
        took_ms: row.get(10)?,
        status: row.get(11)?,
        answer: row.get(12)?,
    })
}

/// Which deliveries a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    All,
    Delivered,
    Waiting,
    Failed,
}

// The indices are named: the primary key gives the same order, and SQLite takes it, past all that is in another state.

/// Those of events before this one (outbox.id), the newest first, without data; and where the list goes on, if it does.
pub fn page(
    read: &Read<'_>,
    webhook: i64,
    shown: Shown,
    before: i64,
    most: i64,
) -> Result<(Vec<Delivery>, Option<i64>)> {
    let sql = match shown {
        Shown::All => columns!(
            "''",
            "deliveries d CROSS JOIN outbox o ON o.id = d.event
             WHERE d.webhook = ?1 AND d.event < ?2 ORDER BY d.event DESC LIMIT ?3"
        ),
        Shown::Waiting => columns!(
            "''",
            "deliveries d INDEXED BY deliveries_waiting CROSS JOIN outbox o ON o.id = d.event
             WHERE d.webhook = ?1 AND d.state = 'waiting' AND d.event < ?2 ORDER BY d.event DESC LIMIT ?3"
        ),
        Shown::Failed => columns!(
            "''",
            "deliveries d INDEXED BY deliveries_failed CROSS JOIN outbox o ON o.id = d.event
             WHERE d.webhook = ?1 AND d.state = 'failed' AND d.event < ?2 ORDER BY d.event DESC LIMIT ?3"
        ),
        Shown::Delivered => columns!(
            "''",
            "(SELECT * FROM deliveries WHERE webhook = ?1 AND event < ?2 ORDER BY event DESC LIMIT ?4) near
             CROSS JOIN outbox o ON o.id = near.event WHERE near.state = 'delivered' ORDER BY near.event DESC LIMIT ?3"
        ),
    };
    let found = match shown {
        Shown::Delivered => read.all(sql, params![webhook, before, most, SCANNED], delivery)?,
        _ => read.all(sql, params![webhook, before, most], delivery)?,
    };
    if found.len() as i64 == most {
        let last = found.last().map(|last| last.event.id);
        return Ok((found, last));
    }
    // There may be more behind what was looked through.
    let looked_to = match shown {
        Shown::Delivered => read.first(
            "SELECT event FROM deliveries WHERE webhook = ?1 AND event < ?2 ORDER BY event DESC LIMIT 1 OFFSET ?3",
            [webhook, before, SCANNED - 1],
            |row| row.get(0),
        )?,
        _ => None,
    };
    Ok((found, looked_to))
}

/// One, with its data.
pub fn find(read: &Read<'_>, webhook: i64, event: i64) -> Result<Option<Delivery>> {
    read.first(
        columns!("o.data", "deliveries d CROSS JOIN outbox o ON o.id = d.event WHERE d.webhook = ?1 AND d.event = ?2"),
        [webhook, event],
        delivery,
    )
}

/// How many events wait and how many failed, both up to [`COUNTED`].
pub fn counts(read: &Read<'_>, hook: &Stored) -> Result<(i64, i64)> {
    let again = read.number(
        "SELECT count(*) FROM (
             SELECT 1 FROM deliveries INDEXED BY deliveries_due WHERE webhook = ?1 AND next_at IS NOT NULL LIMIT ?2)",
        [hook.id, COUNTED],
    )?;
    let failed = read.number(
        "SELECT count(*) FROM (
             SELECT 1 FROM deliveries INDEXED BY deliveries_failed WHERE webhook = ?1 AND state = 'failed' LIMIT ?2)",
        [hook.id, COUNTED],
    )?;
    if !hook.hook.enabled {
        return Ok((again, failed));
    }
    let fresh = read.number(
        "SELECT count(*) FROM (
             SELECT 1 FROM (SELECT id, kind FROM outbox WHERE app = ?1 AND id > ?2 ORDER BY id LIMIT ?4) near
             CROSS JOIN webhook_triggers t ON t.webhook = ?3 AND t.kind = near.kind AND near.id > t.since
             WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook = ?3 AND d.event = near.id) LIMIT ?5)",
        [hook.app, hook.passed, hook.id, LOOKED, COUNTED],
    )?;
    Ok(((again + fresh).min(COUNTED), failed))
}

/// Has an event (outbox.id) of the app sent now, whatever became of it; whether it is there. What waits keeps its count of
/// tries.
pub fn again(tx: &Write<'_>, hook: &Stored, event: i64) -> Result<bool> {
    let changed = tx.run(
        "INSERT INTO deliveries (webhook, event, state, tries, next_at)
         SELECT ?1, id, 'waiting', 0, ?4 FROM outbox WHERE id = ?2 AND app = ?3
         ON CONFLICT (webhook, event) DO UPDATE SET tries = iif(state = 'waiting', tries, 0),
             first_at = iif(state = 'waiting', first_at, NULL), state = 'waiting', next_at = excluded.next_at",
        [hook.id, event, hook.app, tx.now()],
    )?;
    if changed > 0 {
        outbox::wake(tx, hook.app);
    }
    Ok(changed > 0)
}

/// Events (outbox.id) between these two, the first not among them, that failed at the webhook: the next `most`.
pub fn failed(read: &Read<'_>, webhook: i64, after: i64, last: i64, most: i64) -> Result<Vec<i64>> {
    read.all(
        "SELECT event FROM deliveries INDEXED BY deliveries_failed
         WHERE webhook = ?1 AND state = 'failed' AND event > ?2 AND event <= ?3 ORDER BY event LIMIT ?4",
        [webhook, after, last, most],
        |row| row.get(0),
    )
}

/// The next `most` events of the app between these two, the first not among them, and whether each is of a trigger that
/// the webhook is told of.
pub fn between(read: &Read<'_>, hook: &Stored, after: i64, last: i64, most: i64) -> Result<Vec<(i64, bool)>> {
    read.all(
        "SELECT near.id, t.webhook IS NOT NULL
         FROM (SELECT id, kind FROM outbox WHERE app = ?1 AND id > ?2 AND id <= ?4 ORDER BY id LIMIT ?5) near
         LEFT JOIN webhook_triggers t ON t.webhook = ?3 AND t.kind = near.kind ORDER BY near.id",
        [hook.app, after, hook.id, last, most],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The ids (outbox.id) that events of this time have, both ends of it included: behind the first, up to the last.
pub fn of_time(read: &Read<'_>, from: i64, to: i64) -> Result<(i64, i64)> {
    let edge = |sql: &str, at: &dyn ToSql| read.first(sql, [at], |row| row.get::<_, i64>(0));
    let first = edge("SELECT id FROM outbox WHERE at >= ?1 ORDER BY at, id LIMIT 1", &from)?;
    let last = edge("SELECT id FROM outbox WHERE at <= ?1 ORDER BY at DESC, id DESC LIMIT 1", &to)?;
    Ok(first.zip(last).map_or((0, 0), |(first, last)| (first - 1, last)))
}

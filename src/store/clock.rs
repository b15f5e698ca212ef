//! Time within the database: it never runs backwards, and it comes back from a jump.
//!
//! The clock of a machine is set now and then. What is read "since" a time would miss what happened after a step back, so
//! the time of writes stands still until the clock has caught up ([`Clock::steady`]); the last one is kept in the table
//! `clock`, so it holds across a stop. Order never rests on it: that is by ids.
//!
//! A clock that was far ahead would then hold the time for as long as it was ahead. So after some minutes of that the
//! clock is believed: time goes on from where it stands, and what bears a time of the jump is brought back to that
//! moment, a piece at a time ([`heal`]). Clients may hold such a time as their cursor: see [`cursor`].

use rusqlite::{Connection, params};

use super::{Read, Write};
use crate::model::error::Result;
#[allow(unused_imports)] // For the links above.
use crate::model::time::Clock;

/// Ids looked at by one write of [`heal`]: a millisecond or two of the writer's time.
const PIECE: i64 = 500;

/// What bears times: table, the key by which it is walked, and the columns.
const TIMED: [(&str, &str, &[&str]); 8] = [
    ("conversations", "id", &["created_at", "updated_at"]),
    ("participants", "conv_id", &["created_at", "updated_at", "pinned_at"]),
    ("messages", "id", &["sent_at", "updated_at", "edited_at", "deleted_at", "last_reply_at", "pinned_at"]),
    ("users", "id", &["created_at", "updated_at", "last_active_at", "deactivated_at"]),
    ("groups", "id", &["created_at", "updated_at"]),
    ("members", "group_id", &["joined_at"]),
    ("calls", "id", &["initiated_at", "started_at", "ended_at"]),
    ("receipts", "conv_id", &["at"]),
];

/// The newest time that was used.
pub(super) fn last(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("SELECT last FROM clock", [], |row| row.get(0))?)
}

/// Notes the newest time, and a jump that was just taken back.
pub(super) fn note(connection: &Connection, last: i64, healed: bool) -> Result<()> {
    let sql = if healed {
        "UPDATE clock SET last = ?1, healed_at = ?1, healing = 0, healing_from = 0,
                ordered_after = (SELECT coalesce(max(id), 0) FROM messages)"
    } else {
        "UPDATE clock SET last = ?1"
    };
    connection.prepare_cached(sql)?.execute([last])?;
    Ok(())
}

/// Whether there are times of a jump to bring back.
pub fn is_healing(read: &Read<'_>) -> Result<bool> {
    read.exists("SELECT 1 FROM clock WHERE healing IS NOT NULL", [])
}

/// Brings the next rows back from a jump; whether there may be more.
pub fn heal(tx: &Write<'_>) -> Result<bool> {
    let state =
        tx.first("SELECT healing, healing_from, healed_at FROM clock WHERE healing IS NOT NULL", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?;
    let Some((step, from, healed_at)) = state else { return Ok(false) };
    let Some((table, key, columns)) = TIMED.get(step as usize) else {
        tx.run("UPDATE clock SET healing = NULL", [])?;
        return Ok(false);
    };
    let most = tx.number(&format!("SELECT coalesce(max({key}), 0) FROM {table}"), [])?;
    if from >= most {
        tx.run("UPDATE clock SET healing = healing + 1, healing_from = 0", [])?;
        return Ok(true);
    }
    let set: Vec<String> = columns.iter().map(|c| format!("{c} = CASE WHEN {c} > ?1 THEN ?2 ELSE {c} END")).collect();
    let any: Vec<String> = columns.iter().map(|c| format!("{c} > ?1")).collect();
    let sql =
        format!("UPDATE {table} SET {} WHERE {key} > ?3 AND {key} <= ?4 AND ({})", set.join(", "), any.join(" OR "));
    tx.run(&sql, params![tx.now(), healed_at, from, from + PIECE])?;
    tx.run("UPDATE clock SET healing_from = ?1", [from + PIECE])?;
    Ok(true)
}

/// A time a client has got from us, to list what changed since. One of the future is of a jump that was taken back: then
/// all that changed since that moment is meant.
pub fn cursor(read: &Read<'_>, at: i64) -> Result<i64> {
    if at <= read.now() {
        return Ok(at);
    }
    Ok(read.first("SELECT healed_at FROM clock", [], |row| row.get(0))?.flatten().unwrap_or(at))
}

/// The message bears a time of the past.
pub(super) fn unordered(tx: &Write<'_>, message: i64) -> Result<()> {
    tx.run("UPDATE clock SET ordered_after = max(ordered_after, ?1)", [message])?;
    Ok(())
}

/// Messages by their time, as far as it rises with their ids.
#[derive(Clone, Copy, Debug)]
pub struct Ordered {
    /// Those up to this id may bear any time.
    pub after: i64,
    /// messages.id: of later ones than `after`, those from here on are of the time or later, and none before is.
    pub from: i64,
}

/// Finds the messages of a time and later, by halves.
pub fn since(read: &Read<'_>, time: i64) -> Result<Ordered> {
    let (after, newest) = read
        .first("SELECT ordered_after, (SELECT max(id) FROM messages) FROM clock", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(0)))
        })?
        .unwrap_or_default();
    let (mut before, mut from) = (after, newest.max(after) + 1);
    while from - before > 1 {
        let middle = before + (from - before) / 2;
        let next = read.first(
            "SELECT id, sent_at FROM messages WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1",
            [middle, from],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )?;
        match next {
            Some((id, sent_at)) if sent_at < time => before = id,
            _ => from = middle,
        }
    }
    Ok(Ordered { after, from })
}

//! Figures of the server over time: a row a minute for a day and two hours, and of each hour one for 32 days.
//!
//! It is bounded by that: 1560 and 768 rows, 200 KiB. Counts of an hour are the sums of its minutes, states the largest.
//! An app has a row for each hour in which something was sent.

use rusqlite::params;

use super::{Read, Write};
use crate::model::error::Result;

/// A minute, the shorter span.
pub const MINUTE: i64 = 60;
/// An hour, the longer one.
pub const HOUR: i64 = 3600;
/// Seconds that minutes are kept.
pub const MINUTES_KEPT: i64 = 26 * HOUR;
/// Seconds that hours are kept.
pub const HOURS_KEPT: i64 = 32 * 24 * HOUR;

/// How many there are in each app (apps.id).
pub type ByApp = Vec<(i64, i64)>;

/// Figures of a span; see `schema.sql`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// When it began, Unix seconds.
    pub at: i64,
    pub messages: i64,
    pub deliveries: i64,
    pub requests: i64,
    pub commits: i64,
    pub commit_us: i64,
    pub sockets: i64,
    pub online: i64,
    pub queued: i64,
    pub database_bytes: i64,
    pub wal_bytes: i64,
    pub media_bytes: i64,
    pub search_backlog: i64,
    pub memory_bytes: i64,
}

/// Keeps a minute; one of the same time is replaced.
pub fn insert(tx: &Write<'_>, of: &Figures) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO figures (span, at, messages, deliveries, requests, commits, commit_us, sockets, online, queued, database_bytes, wal_bytes, media_bytes, search_backlog, memory_bytes)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    let values = params![
        MINUTE,
        of.at,
        of.messages,
        of.deliveries,
        of.requests,
        of.commits,
        of.commit_us,
        of.sockets,
        of.online,
        of.queued,
        of.database_bytes,
        of.wal_bytes,
        of.media_bytes,
        of.search_backlog,
        of.memory_bytes,
    ];
    tx.run(sql, values)?;
    Ok(())
}

/// Sums up the hours that are over before `hour` and have no row yet, and forgets what is too old.
pub fn roll(tx: &Write<'_>, hour: i64) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO figures (span, at, messages, deliveries, requests, commits, commit_us, sockets, online, queued, database_bytes, wal_bytes, media_bytes, search_backlog, memory_bytes)
         SELECT ?1, at - at % ?1, sum(messages), sum(deliveries), sum(requests), sum(commits), sum(commit_us), max(sockets), max(online), max(queued), max(database_bytes), max(wal_bytes), max(media_bytes), max(search_backlog), max(memory_bytes)
         FROM figures WHERE span = ?2 AND at < ?3 GROUP BY 2",
        [HOUR, MINUTE, hour],
    )?;
    for (span, kept) in [(MINUTE, MINUTES_KEPT), (HOUR, HOURS_KEPT)] {
        tx.run("DELETE FROM figures WHERE span = ?1 AND at < ?2", [span, hour - kept])?;
    }
    tx.run("DELETE FROM app_figures WHERE at < ?1", [hour - HOURS_KEPT])?;
    Ok(())
}

/// Keeps how many messages were sent in apps (apps.id) in the hour.
pub fn insert_of_apps(tx: &Write<'_>, hour: i64, of: &[(i64, i64)]) -> Result<()> {
    for (app, messages) in of {
        // An app may be gone since it was counted.
        let sql = "INSERT OR REPLACE INTO app_figures (app, at, messages) SELECT id, ?2, ?3 FROM apps WHERE id = ?1";
        tx.run(sql, [app, &hour, messages])?;
    }
    Ok(())
}

/// Counted messages of each app (apps.id) in the period, without those that had none.
pub fn messages_of_apps(read: &Read<'_>, from: i64, to: i64) -> Result<ByApp> {
    let sql = "SELECT a.id, (SELECT count(*) FROM messages m WHERE m.app = a.id AND m.sent_at > 0 AND m.sent_at >= ?1
                   AND m.sent_at <= ?2 AND m.category IN ('message','custom','interactive')) AS sent FROM apps a";
    let mut found: ByApp = read.all(sql, [from, to], |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.retain(|(_, sent)| *sent > 0);
    Ok(found)
}

/// The spans of so many seconds from then on, the oldest first.
pub fn since(read: &Read<'_>, span: i64, from: i64) -> Result<Vec<Figures>> {
    let sql = "SELECT at, messages, deliveries, requests, commits, commit_us, sockets, online, queued, database_bytes, wal_bytes, media_bytes, search_backlog, memory_bytes
               FROM figures WHERE span = ?1 AND at >= ?2 ORDER BY at";
    read.all(sql, [span, from], |row| {
        Ok(Figures {
            at: row.get(0)?,
            messages: row.get(1)?,
            deliveries: row.get(2)?,
            requests: row.get(3)?,
            commits: row.get(4)?,
            commit_us: row.get(5)?,
            sockets: row.get(6)?,
            online: row.get(7)?,
            queued: row.get(8)?,
            database_bytes: row.get(9)?,
            wal_bytes: row.get(10)?,
            media_bytes: row.get(11)?,
            search_backlog: row.get(12)?,
            memory_bytes: row.get(13)?,
        })
    })
}

/// Messages of an app in each hour from then on in which there were any, the oldest first.
pub fn of_app(read: &Read<'_>, app: i64, from: i64) -> Result<Vec<(i64, i64)>> {
    let sql = "SELECT at, messages FROM app_figures WHERE app = ?1 AND at >= ?2 ORDER BY at";
    read.all(sql, [app, from], |row| Ok((row.get(0)?, row.get(1)?)))
}

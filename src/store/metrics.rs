//! Figures of an app over time, from indexes alone: what lies outside the period asked for costs nothing.

use rusqlite::ffi;

use super::Read;
use super::receipts::{ALL, Kind};
use crate::model::error::Result;

/// How many counted messages were sent in each step of `step` seconds from `from` on; steps without any are left out.
pub fn messages_by_step(read: &Read<'_>, app: i64, from: i64, step: i64) -> Result<Vec<(i64, i64)>> {
    read.all(
        "SELECT (sent_at - ?2) / ?3, count(*) FROM messages
         WHERE app = ?1 AND sent_at > 0 AND sent_at >= ?2 AND category IN ('message','custom','interactive') GROUP BY 1",
        [app, from, step],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// As `messages_by_step`, for marks of one kind: a mark counts once, however many messages it covers.
pub fn receipts_by_step(read: &Read<'_>, app: i64, kind: Kind, from: i64, step: i64) -> Result<Vec<(i64, i64)>> {
    read.all(
        "SELECT (r.at - ?3) / ?4, count(*) FROM receipts r CROSS JOIN conversations c ON c.id = r.conv_id
         WHERE r.at >= ?3 AND r.kind = ?2 AND r.user_id <> ?5 AND c.app = ?1 GROUP BY 1",
        [app, kind as i64, from, step, ALL],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Users who sent something in the period, or were last seen in it.
pub fn active_users(read: &Read<'_>, app: i64, from: i64, to: i64) -> Result<i64> {
    read.number(
        "SELECT count(*) FROM (
             SELECT sender_id FROM messages WHERE app = ?1 AND sent_at > 0 AND sent_at >= ?2 AND sent_at <= ?3
             UNION SELECT id FROM users WHERE app = ?1 AND last_active_at >= ?2 AND last_active_at <= ?3
             EXCEPT SELECT id FROM users WHERE app = ?1 AND uid = 'app_system')",
        [app, from, to],
    )
}

/// Counted messages sent in the period.
pub fn messages(read: &Read<'_>, app: i64, from: i64, to: i64) -> Result<i64> {
    read.number(
        "SELECT count(*) FROM messages WHERE app = ?1 AND sent_at > 0 AND sent_at >= ?2 AND sent_at <= ?3
         AND category IN ('message','custom','interactive')",
        [app, from, to],
    )
}

/// Counted messages of the whole server, from the conversations' own sums: it costs nothing per message.
pub fn messages_so_far(read: &Read<'_>) -> Result<i64> {
    read.number("SELECT coalesce(sum(total), 0) FROM conversations", [])
}

/// Size of the database file, without what waits beside it for the next checkpoint.
pub fn database_bytes(read: &Read<'_>) -> Result<i64> {
    read.number("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", [])
}

/// Memory that SQLite holds in this process: above all pages of the database, the writer's up to `db::WRITER_CACHE`.
pub fn memory_bytes() -> i64 {
    // SAFETY: asks for a number that SQLite keeps under a lock of its own.
    unsafe { ffi::sqlite3_memory_used() }
}

/// Bytes of all files, arrived or still to come, from the apps' own sums.
pub fn file_bytes(read: &Read<'_>) -> Result<i64> {
    read.number(
        "SELECT coalesce(sum(f.bytes), 0) FROM apps a CROSS JOIN file_bytes f ON f.app = a.id AND f.user_id = -1",
        [],
    )
}

/// How many files there are, arrived or still to come. It walks through an index: not to be asked often.
pub fn files(read: &Read<'_>) -> Result<i64> {
    read.number("SELECT count(*) FROM attachments", [])
}

//! How long an app keeps messages, and the sweep of those that are older.
//!
//! Messages are found by the time they were sent, a stretch of it at a time: of the conversations that are meant a piece is
//! removed, and once nothing of them is left in the stretch the next one is looked at. A round ends at the age that is kept;
//! the next begins anew from the oldest, because an import may have brought older ones.

use rusqlite::params;
use serde::Serialize;

use super::purge::{self, Doomed};
use super::{Read, Write};
use crate::model::error::Result;
use crate::model::party::ReceiverType;

/// Messages that one write looks past, those of one second in any case.
const LOOKS: i64 = 2_000;
/// Seconds between the end of a round and the next: no message is kept longer than that beyond its time.
pub const ROUND: i64 = 3_600;
const DAY: i64 = 86_400;

/// Days after which messages go, by the kind of conversation; none: they stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retention {
    pub user: Option<i64>,
    pub group: Option<i64>,
}

pub fn of_app(read: &Read<'_>, app: i64) -> Result<Retention> {
    let days = |kind: &str| {
        read.first("SELECT days FROM retention WHERE app = ?1 AND kind = ?2", params![app, kind], |row| row.get(0))
    };
    Ok(Retention { user: days("user")?, group: days("group")? })
}

/// Sets or ends it for one kind of conversation; the next round begins at once.
pub fn set(tx: &Write<'_>, app: i64, kind: ReceiverType, days: Option<i64>) -> Result<()> {
    match days {
        Some(days) => tx.run(
            "INSERT INTO retention (app, kind, days) VALUES (?1, ?2, ?3)
             ON CONFLICT (app, kind) DO UPDATE SET days = excluded.days, looked_to = 0, next_at = 0",
            params![app, kind.as_str(), days],
        )?,
        None => tx.run("DELETE FROM retention WHERE app = ?1 AND kind = ?2", params![app, kind.as_str()])?,
    };
    Ok(())
}

/// Whether a round is under way or due.
pub fn is_due(read: &Read<'_>) -> Result<bool> {
    read.exists("SELECT 1 FROM retention WHERE next_at <= ?1", [read.now()])
}

/// Removes about `most` messages that have had their time; whether there may be more to do.
pub fn sweep(tx: &Write<'_>, most: i64) -> Result<bool> {
    let due: Option<(i64, String, i64, i64)> = tx.first(
        "SELECT app, kind, days, looked_to FROM retention WHERE next_at <= ?1 ORDER BY next_at LIMIT 1",
        [tx.now()],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let Some((app, kind, days, from)) = due else { return Ok(false) };
    let before = tx.now() - days * DAY;
    // The first message that is not looked at now; never of the second the stretch begins with.
    let end: Option<i64> = tx.first(
        "SELECT sent_at FROM messages WHERE app = ?1 AND sent_at > 0 AND sent_at >= ?2 AND sent_at < ?3
         ORDER BY sent_at LIMIT 1 OFFSET ?4",
        [app, from, before, LOOKS],
        |row| row.get(0),
    )?;
    let upto = end.map_or(before, |end| {
        let first = tx.number(
            "SELECT sent_at FROM messages WHERE app = ?1 AND sent_at > 0 AND sent_at >= ?2 ORDER BY sent_at LIMIT 1",
            [app, from],
        );
        end.max(first.unwrap_or(from) + 1)
    });
    let doomed = tx.all(
        "SELECT m.id, m.conv_id, m.parent_id, m.deleted_at IS NULL AND m.flags & 512 = 0
         FROM messages m CROSS JOIN conversations c ON c.id = m.conv_id
         WHERE m.app = ?1 AND m.sent_at > 0 AND m.sent_at >= ?2 AND m.sent_at < ?3 AND (c.group_id IS NOT NULL) = ?4
           AND m.conv_id NOT IN (SELECT conv_id FROM gone_conversations)
         ORDER BY m.sent_at LIMIT ?5",
        params![app, from, upto, kind == "group", most],
        |row| Ok(Doomed { id: row.get(0)?, conv: row.get(1)?, parent: row.get(2)?, seen: row.get(3)? }),
    )?;
    purge::remove(tx, &doomed)?;
    if doomed.len() as i64 == most {
        return Ok(true);
    }
    let (looked_to, next_at) = if upto >= before { (0, tx.now() + ROUND) } else { (upto, 0) };
    tx.run(
        "UPDATE retention SET looked_to = ?3, next_at = ?4 WHERE app = ?1 AND kind = ?2",
        params![app, kind, looked_to, next_at],
    )?;
    Ok(true)
}

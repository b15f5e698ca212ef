//! What waits for a time, of whatever kind: for a clock that is turned by hand, and stops at each.

use rusqlite::params;

use super::{Read, outbox, webhooks};
use crate::model::error::Result;
use crate::model::limits::Limits;

/// The next time, after now, at which something is to be done: a webhook to be told once more, somebody to be reminded, a
/// message to disappear, old ones to go, a call to end that rings or lasts too long or that nobody is in.
pub fn next(read: &Read<'_>, limits: &Limits) -> Result<Option<i64>> {
    let sql = "SELECT min(at) FROM (
                 SELECT min(at) AS at FROM due WHERE at > ?1
                 UNION ALL SELECT min(next_at) FROM deliveries WHERE next_at > ?1
                 UNION ALL SELECT min(next_at) FROM retention WHERE next_at > ?1
                 UNION ALL SELECT min(CASE status WHEN 'initiated' THEN initiated_at + ?2
                                                  ELSE coalesce(started_at, initiated_at) + ?3 END)
                           FROM calls WHERE ended_at IS NULL
                 UNION ALL SELECT min(away_since + CASE WHEN seen THEN ?4 ELSE ?5 END) FROM call_participants
                           WHERE state = 'joined' AND away_since IS NOT NULL)
               WHERE at > ?1";
    let (ring, duration, grace, silence) =
        (limits.call_ring, limits.call_duration, limits.call_grace, limits.call_silence);
    Ok(read.first(sql, params![read.now(), ring, duration, grace, silence], |row| row.get(0))?.flatten())
}

/// Whether there is something that a webhook is to be told by now.
pub fn has_untold(read: &Read<'_>) -> Result<bool> {
    for (webhook, app) in webhooks::in_use(read)? {
        let due = "SELECT 1 FROM deliveries WHERE webhook = ?1 AND next_at <= ?2";
        if read.exists(due, [webhook, read.now()])? {
            return Ok(true);
        }
        let passed = webhooks::by_id(read, webhook)?.map_or(0, |stored| stored.passed);
        if !outbox::next(read, (app, webhook), passed, 0, 1)?.events.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

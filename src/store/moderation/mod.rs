//! Reasons for flagging, flags, and reviews.

pub mod blocked;
pub mod imports;
pub mod lists;
pub mod pending;
pub mod rules;
pub mod submitted;

use rusqlite::{Row as SqlRow, params};

use super::messages::{self, Row};
use super::purge::there;
use super::{Read, Write, conversations, threads};
use crate::model::error::Result;
use crate::model::flags;
use crate::model::moderation::{Flag, Reason, USUAL, Verdict};
use crate::model::page::Affix;

fn reason(row: &SqlRow<'_>) -> rusqlite::Result<Reason> {
    Ok(Reason {
        id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        default: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

/// Gives a new app the usual reasons.
pub(super) fn insert_usual(tx: &Write<'_>, app: i64) -> Result<()> {
    for (id, name, description) in USUAL {
        tx.run(
            "INSERT INTO flag_reasons (app, id, name, description, usual, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5)",
            params![app, id, name, description, tx.now()],
        )?;
    }
    Ok(())
}

/// The reasons of an app, the usual ones first.
pub fn reasons(read: &Read<'_>, app: i64) -> Result<Vec<Reason>> {
    read.all(
        "SELECT id, name, description, usual, created_at, updated_at FROM flag_reasons WHERE app = ?1
         ORDER BY usual DESC, created_at, id",
        [app],
        reason,
    )
}

pub fn find_reason(read: &Read<'_>, app: i64, id: &str) -> Result<Option<Reason>> {
    read.first(
        "SELECT id, name, description, usual, created_at, updated_at FROM flag_reasons WHERE app = ?1 AND id = ?2",
        params![app, id],
        reason,
    )
}

pub fn insert_reason(tx: &Write<'_>, app: i64, id: &str, name: &str, description: Option<&str>) -> Result<()> {
    tx.run(
        "INSERT INTO flag_reasons (app, id, name, description, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        params![app, id, name, description, tx.now()],
    )?;
    Ok(())
}

/// `None`: as it was.
pub fn update_reason(tx: &Write<'_>, app: i64, id: &str, name: Option<&str>, description: Option<&str>) -> Result<()> {
    tx.run(
        "UPDATE flag_reasons SET name = coalesce(?3, name), description = coalesce(?4, description), updated_at = ?5
         WHERE app = ?1 AND id = ?2",
        params![app, id, name, description, tx.now()],
    )?;
    Ok(())
}

pub fn delete_reason(tx: &Write<'_>, app: i64, id: &str) -> Result<()> {
    tx.run("DELETE FROM flag_reasons WHERE app = ?1 AND id = ?2", params![app, id])?;
    Ok(())
}

/// Notes the user's flag; a second one replaces his first. A message that was left standing waits for a review again
/// when somebody flags it who had not.
pub fn flag(tx: &Write<'_>, app: i64, message: i64, user: i64, reason: &str, remark: Option<&str>) -> Result<()> {
    let again = tx.run(
        "UPDATE message_flags SET reason = ?3, remark = ?4 WHERE message_id = ?1 AND user_id = ?2",
        params![message, user, reason, remark],
    )?;
    if again > 0 {
        return Ok(());
    }
    tx.run(
        "INSERT INTO message_flags (message_id, user_id, reason, remark, flagged_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![message, user, reason, remark, tx.now()],
    )?;
    tx.run(
        "INSERT INTO flagged_messages (message_id, app) VALUES (?1, ?2)
         ON CONFLICT (message_id) DO UPDATE SET status = NULL, reviewed_at = NULL",
        [message, app],
    )?;
    Ok(())
}

/// The flags on a message, the oldest first.
pub fn flags_on(read: &Read<'_>, message: i64) -> Result<Vec<Flag>> {
    read.all(
        "SELECT u.uid, u.name, u.avatar, u.role, f.reason, r.name, r.description, f.remark, f.flagged_at
         FROM message_flags f JOIN users u ON u.id = f.user_id
         LEFT JOIN flag_reasons r ON r.app = u.app AND r.id = f.reason
         WHERE f.message_id = ?1 AND f.user_id NOT IN (SELECT user_id FROM gone_users)
         ORDER BY f.flagged_at, u.uid",
        [message],
        |row| {
            Ok(Flag {
                uid: row.get(0)?,
                name: row.get(1)?,
                avatar: row.get(2)?,
                role: row.get(3)?,
                reason_id: row.get(4)?,
                reason_name: row.get(5)?,
                description: row.get(6)?,
                remark: row.get(7)?,
                flagged_at: row.get(8)?,
            })
        },
    )
}

/// The condition on flagged messages that they are not gone.
macro_rules! there_of {
    () => {
        concat!(" AND EXISTS (SELECT 1 FROM messages m WHERE m.id = message_id AND ", there!(), ")")
    };
}
use there_of;

/// A flagged message as the lists have it.
pub struct Flagged {
    pub message: i64,
    pub reviewed_at: Option<i64>,
}

/// A page of the messages that wait for a review, or of the reviewed ones, by id: newer or older than `from`.
pub fn list(
    read: &Read<'_>,
    app: i64,
    reviewed: bool,
    (affix, from): (Affix, Option<i64>),
    limit: i64,
) -> Result<Vec<Flagged>> {
    let sql = match (reviewed, affix) {
        (false, Affix::Append) => {
            concat!(
                "SELECT message_id, reviewed_at FROM flagged_messages WHERE app = ?1 AND status IS NULL",
                there_of!(),
                "
             AND message_id > coalesce(?2, 0) ORDER BY message_id LIMIT ?3"
            )
        }
        (false, Affix::Prepend) => {
            concat!(
                "SELECT message_id, reviewed_at FROM flagged_messages WHERE app = ?1 AND status IS NULL",
                there_of!(),
                "
             AND message_id < coalesce(?2, 9223372036854775807) ORDER BY message_id DESC LIMIT ?3"
            )
        }
        (true, Affix::Append) => {
            concat!(
                "SELECT message_id, reviewed_at FROM flagged_messages WHERE app = ?1 AND status IS NOT NULL",
                there_of!(),
                "
             AND message_id > coalesce(?2, 0) ORDER BY message_id LIMIT ?3"
            )
        }
        (true, Affix::Prepend) => {
            concat!(
                "SELECT message_id, reviewed_at FROM flagged_messages WHERE app = ?1 AND status IS NOT NULL",
                there_of!(),
                "
             AND message_id < coalesce(?2, 9223372036854775807) ORDER BY message_id DESC LIMIT ?3"
            )
        }
    };
    let mut found =
        read.all(sql, params![app, from, limit], |row| Ok(Flagged { message: row.get(0)?, reviewed_at: row.get(1)? }))?;
    if affix == Affix::Prepend {
        found.reverse();
    }
    Ok(found)
}

/// Whether the message was ever flagged.
pub fn is_flagged(read: &Read<'_>, message: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM flagged_messages WHERE message_id = ?1", [message])
}

/// Hides a message that was seen until now while an engine is asked about it.
pub fn suspend(tx: &Write<'_>, message: &Row) -> Result<()> {
    set_verdict(tx, message, Verdict::Disapproved)?;
    tx.run("UPDATE messages SET flags = flags | ?2 WHERE id = ?1", [message.id, flags::PENDING])?;
    Ok(())
}

/// Notes what a review decided. A message that is hidden is not unread any more; one that comes back may be.
pub fn set_verdict(tx: &Write<'_>, message: &Row, verdict: Verdict) -> Result<()> {
    tx.run(
        "UPDATE flagged_messages SET status = ?2, reviewed_at = ?3 WHERE message_id = ?1",
        params![message.id, verdict.as_str(), tx.now()],
    )?;
    let hidden = message.flags & flags::DISAPPROVED != 0;
    // What comes back, or comes at last, is found by who asks what changed since.
    let appears = hidden && verdict == Verdict::Approved;
    tx.run(
        "UPDATE messages SET flags = flags & ~?3 | ?2, updated_at = CASE WHEN ?4 THEN max(updated_at, ?5) ELSE updated_at END WHERE id = ?1",
        params![message.id, flags::of_verdict(verdict), flags::MODERATED, appears, tx.now()],
    )?;
    if message.flags & flags::PENDING != 0 {
        pending::delete(tx, message.id)?;
    }
    if let Some(parent) = message.parent.filter(|_| message.deleted_at.is_none()) {
        match verdict {
            Verdict::Disapproved if !hidden => threads::lose_reply(tx, parent)?,
            Verdict::Approved if hidden => threads::regain_reply(tx, parent, message.sent_at)?,
            _ => {}
        }
    }
    if verdict == Verdict::Disapproved && !hidden {
        conversations::refresh_last(tx, message.conv)?;
    }
    match verdict {
        Verdict::Disapproved => messages::leave_hole(tx, message),
        Verdict::Approved if message.deleted_at.is_none() => messages::fill_hole(tx, message),
        Verdict::Approved => Ok(()),
    }
}

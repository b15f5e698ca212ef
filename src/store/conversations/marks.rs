//! How far a conversation is read and delivered: one user's points, and everybody's.

use std::collections::BTreeSet;

use rusqlite::params;

use super::Conv;
use crate::model::error::Result;
use crate::store::{Read, Write};

/// Sets the read point of the user's copy: everything up to message `upto` is read, nothing after it.
/// `total` is the conversation's count at that message.
pub fn set_read(tx: &Write<'_>, conv: &Conv, user: i64, upto: i64, total: i64) -> Result<()> {
    // Nothing stands after the newest message, but something may have that was erased: all of it is behind the point.
    let (total, own_read) = match upto >= conv.last_id {
        true => (conv.total, None),
        false => (total, Some(own_upto(tx, conv.id, user, upto, total)?)),
    };
    tx.run(
        "UPDATE participants SET read_id = ?3, read_total = ?4, own_read = coalesce(?5, own_total),
                delivered_id = max(delivered_id, ?3) WHERE user_id = ?1 AND conv_id = ?2",
        params![user, conv.id, upto, total, own_read],
    )?;
    Ok(())
}

/// Counted messages of one block of the tables `own_marks` and `hole_sums`, as a shift.
pub(in crate::store) const BLOCK: i64 = 8;

/// How many counted messages the user had sent in the conversation when message `upto` was the newest and its count was
/// `total`, whatever was deleted since. Costs a block of messages at most, however long the history is.
fn own_upto(read: &Read<'_>, conv: i64, user: i64, upto: i64, total: i64) -> Result<i64> {
    let now = read.first(
        "SELECT own_total, own_seq FROM participants WHERE user_id = ?1 AND conv_id = ?2",
        [user, conv],
        |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)),
    )?;
    let Some((own_total, newest)) = now else { return Ok(0) };
    if newest <= total {
        return Ok(own_total);
    }
    let block = total >> BLOCK;
    let before = read.first(
        "SELECT own FROM own_marks WHERE conv_id = ?1 AND user_id = ?2 AND block < ?3 ORDER BY block DESC LIMIT 1",
        [conv, user, block],
        |row| row.get::<_, i64>(0),
    )?;
    let first = block << BLOCK;
    // Of this block: what stands there, and what stood there and is gone for good.
    let mut own: BTreeSet<i64> = read
        .all(
            "SELECT seq FROM holes WHERE conv_id = ?1 AND seq BETWEEN ?3 AND ?4 AND sender_id = ?2",
            [conv, user, first, total],
            |row| row.get(0),
        )?
        .into_iter()
        .collect();
    let mut statement = read.statement(
        "SELECT seq, sender_id = ?3 AND category IN ('message','custom','interactive') FROM messages
         WHERE conv_id = ?1 AND id <= ?2 ORDER BY id DESC",
    )?;
    let mut rows = statement.query([conv, upto, user])?;
    while let Some(row) = rows.next()? {
        let (seq, counts): (i64, bool) = (row.get(0)?, row.get(1)?);
        if seq < first {
            break;
        }
        if counts {
            own.insert(seq);
        }
    }
    Ok(before.unwrap_or(0) + own.len() as i64)
}

/// Moves everybody's read point up to message `upto`, at which the conversation's count is `total`.
pub fn set_read_by_all(tx: &Write<'_>, conv: i64, upto: i64, total: i64) -> Result<()> {
    // What they sent after it is not behind their read point.
    let later = tx.all(
        "SELECT user_id FROM participants WHERE conv_id = ?1 AND read_id < ?2 AND own_seq > ?3",
        [conv, upto, total],
        |row| row.get(0),
    )?;
    tx.run(
        "UPDATE participants SET read_id = ?2, read_total = ?3, own_read = own_total, delivered_id = max(delivered_id, ?2)
         WHERE conv_id = ?1 AND read_id < ?2",
        [conv, upto, total],
    )?;
    for user in later {
        let own = own_upto(tx, conv, user, upto, total)?;
        tx.run("UPDATE participants SET own_read = ?3 WHERE user_id = ?1 AND conv_id = ?2", [user, conv, own])?;
    }
    Ok(())
}

pub fn set_delivered_to_all(tx: &Write<'_>, conv: i64, upto: i64) -> Result<()> {
    tx.run("UPDATE participants SET delivered_id = ?2 WHERE conv_id = ?1 AND delivered_id < ?2", [conv, upto])?;
    Ok(())
}

pub fn set_delivered(tx: &Write<'_>, conv: i64, user: i64, upto: i64) -> Result<()> {
    tx.run(
        "UPDATE participants SET delivered_id = max(delivered_id, ?3) WHERE user_id = ?1 AND conv_id = ?2",
        [user, conv, upto],
    )?;
    Ok(())
}

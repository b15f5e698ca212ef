//! How far each user got and read a conversation, and when.
//!
//! A mark covers all messages up to it, so a receipt is one row whatever it covers, and "when was m read" is one seek.

use rusqlite::params;

use super::{Read, Write};
use crate::model::error::Result;

/// Stands for "all other members" in the table.
pub const ALL: i64 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Delivered = 0,
    Read = 1,
}

pub fn insert(tx: &Write<'_>, conv: i64, user: i64, kind: Kind, upto: i64) -> Result<bool> {
    let new = tx.run(
        "INSERT OR IGNORE INTO receipts (conv_id, user_id, kind, upto, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![conv, user, kind as i64, upto, tx.now()],
    )?;
    Ok(new > 0)
}

/// When each message of a page was covered: look up by id.
#[derive(Default)]
pub struct Marks(Vec<(i64, i64)>);

impl Marks {
    pub fn at(&self, message: i64) -> Option<i64> {
        let index = self.0.partition_point(|(upto, _)| *upto < message);
        self.0.get(index).map(|(_, at)| *at)
    }
}

/// The marks of `user` that matter for messages `first..=last`.
pub fn marks(read: &Read<'_>, conv: i64, user: i64, kind: Kind, first: i64, last: i64) -> Result<Marks> {
    let within = read.all(
        "SELECT upto, at FROM receipts WHERE conv_id = ?1 AND user_id = ?2 AND kind = ?3 AND upto >= ?4 AND upto < ?5
         UNION ALL
         SELECT upto, at FROM (SELECT upto, at FROM receipts WHERE conv_id = ?1 AND user_id = ?2 AND kind = ?3 AND upto >= ?5
                               ORDER BY upto LIMIT 1)",
        params![conv, user, kind as i64, first, last],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(Marks(within))
}

/// So many of those who are behind are looked at for one who is not deactivated. A group with more of them says no more
/// that all have read something.
const BEHIND: i64 = 1_000;

/// How far everybody but `except` has come: the least mark of the others who can come further, being not deactivated.
/// `None`: there are no others.
pub fn least(read: &Read<'_>, conv: i64, kind: Kind, except: i64) -> Result<Option<i64>> {
    macro_rules! least {
        ($mark:literal) => {
            concat!(
                "SELECT b.mark FROM (SELECT ",
                $mark,
                " AS mark, user_id FROM participants WHERE conv_id = ?1 ORDER BY ",
                $mark,
                " LIMIT ?3) b WHERE b.user_id <> ?2
                 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = b.user_id AND u.deactivated_at IS NOT NULL)
                 ORDER BY b.mark LIMIT 1"
            )
        };
    }
    let sql = match kind {
        Kind::Delivered => least!("delivered_id"),
        Kind::Read => least!("read_id"),
    };
    read.first(sql, [conv, except, BEHIND], |row| row.get(0))
}

/// When one user got and read a message.
pub struct Had {
    /// users.id
    pub user: i64,
    pub delivered_at: Option<i64>,
    pub read_at: Option<i64>,
}

/// Every member's own marks for one message, for the page "who has it". Who came into the group later has read past it,
/// but never got it.
pub fn of_message(read: &Read<'_>, conv: i64, message: i64, author: i64) -> Result<Vec<Had>> {
    read.all(
        "SELECT p.user_id,
                (SELECT at FROM receipts r WHERE r.conv_id = ?1 AND r.user_id = p.user_id AND r.kind = 0 AND r.upto >= ?2 ORDER BY upto LIMIT 1),
                (SELECT at FROM receipts r WHERE r.conv_id = ?1 AND r.user_id = p.user_id AND r.kind = 1 AND r.upto >= ?2 ORDER BY upto LIMIT 1)
         FROM participants p WHERE p.conv_id = ?1 AND p.user_id <> ?3 AND p.delivered_id >= ?2 AND p.since_id < ?2
         ORDER BY p.user_id LIMIT 1000",
        [conv, message, author],
        |row| Ok(Had { user: row.get(0)?, delivered_at: row.get(1)?, read_at: row.get(2)? }),
    )
}

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

/// Who of a conversation are farthest behind, of those who can come further, being not deactivated: two, so that there is one
/// whoever of them is left out. users.id and mark.
pub struct Last(Vec<(i64, i64)>);

impl Last {
    /// How far everybody but `user` has come. `None`: there are no others.
    pub fn but(&self, user: i64) -> Option<i64> {
        self.0.iter().find(|(who, _)| *who != user).map(|(_, mark)| *mark)
    }
}

pub fn last(read: &Read<'_>, conv: i64, kind: Kind) -> Result<Last> {
    macro_rules! behind {
        ($mark:literal) => {
            concat!(
                "SELECT p.user_id, p.",
                $mark,
                ", EXISTS (SELECT 1 FROM users u WHERE u.id = p.user_id AND u.deactivated_at IS NOT NULL)
                 FROM participants p WHERE p.conv_id = ?1 ORDER BY p.",
                $mark,
                " LIMIT ?2"
            )
        };
    }
    let sql = match kind {
        Kind::Delivered => behind!("delivered_id"),
        Kind::Read => behind!("read_id"),
    };
    let mut statement = read.statement(sql)?;
    let mut rows = statement.query([conv, BEHIND])?;
    let mut found = Vec::new();
    // Read no further than needed: an index has them in this order.
    while found.len() < 2
        && let Some(row) = rows.next()?
    {
        if !row.get::<_, bool>(2)? {
            found.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok(Last(found))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Clock;
    use crate::store::{Hooks, Store, Write, apps};

    /// Whoever is left out: what everybody else has come to is what a look at all of them says.
    #[tokio::test]
    async fn the_last_are_those_who_can_still_come_further() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("t.db"), 1, 9, Hooks::alone(Clock::fixed(1))).unwrap();
        let play = |tx: &mut Write<'_>| {
            let app = apps::insert(tx, "App", "us")?.id;
            let conv = tx.insert(
                "INSERT INTO conversations (app, name, created_at, updated_at) VALUES (?1, 'group_g', 1, 1)",
                [app],
            )?;
            let mut users = Vec::new();
            for n in 0..5 {
                let sql = "INSERT INTO users (app, uid, name, created_at) VALUES (?1, 'user' || ?2, 'x', 1)";
                users.push(tx.insert(sql, [app, n])?);
                let sql = "INSERT INTO participants (user_id, conv_id, created_at, updated_at) VALUES (?1, ?2, 1, 1)";
                tx.run(sql, [users[n as usize], conv])?;
            }
            let (mut dice, mut none) = (5_u64, 0);
            for _ in 0..300 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (who, mark) = (users[(dice >> 40) as usize % users.len()], (dice >> 33) as i64 % 4);
                match (dice >> 50) % 3 {
                    0 => tx.run("UPDATE participants SET read_id = ?2 WHERE user_id = ?1", [who, mark])?,
                    1 => tx.run("UPDATE participants SET delivered_id = ?2 WHERE user_id = ?1", [who, mark])?,
                    _ => tx.run("UPDATE users SET deactivated_at = nullif(?2, 3) WHERE id = ?1", [who, mark])?,
                };
                for (kind, column) in [(Kind::Delivered, "delivered_id"), (Kind::Read, "read_id")] {
                    let found = last(tx, conv, kind)?;
                    for user in &users {
                        let sql = format!(
                            "SELECT min(p.{column}) FROM participants p JOIN users u ON u.id = p.user_id
                             WHERE p.conv_id = ?1 AND p.user_id <> ?2 AND u.deactivated_at IS NULL"
                        );
                        let want: Option<i64> = tx.first(&sql, [conv, *user], |row| row.get(0))?.flatten();
                        assert_eq!(found.but(*user), want);
                        none += usize::from(want.is_none());
                    }
                }
            }
            Ok(none)
        };
        assert!(store.write("t", play).await.unwrap() > 0, "somebody was always there");
        store.close();
    }
}

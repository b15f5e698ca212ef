//! Blocks: made by one side, in effect for both.

use rusqlite::params;

use super::rows::{COLUMNS, columns, user};
use super::{Read, Write};
use crate::model::error::Result;
use crate::model::page::{Page, PageAsk};
use crate::model::user::User;

/// When `blocker` blocked `blocked`, if he did.
pub fn since(read: &Read<'_>, blocker: i64, blocked: i64) -> Result<Option<i64>> {
    read.first("SELECT created_at FROM blocks WHERE user_id = ?1 AND blocked_id = ?2", [blocker, blocked], |row| {
        row.get(0)
    })
}

/// Which of the two (users.id) blocked the other, if one did; of two blocks, the one of `a`.
pub fn who(read: &Read<'_>, a: i64, b: i64) -> Result<Option<i64>> {
    read.first(
        "SELECT user_id FROM blocks WHERE user_id = ?1 AND blocked_id = ?2
         UNION ALL SELECT user_id FROM blocks WHERE user_id = ?2 AND blocked_id = ?1",
        [a, b],
        |row| row.get(0),
    )
}

pub fn between(read: &Read<'_>, a: i64, b: i64) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM blocks WHERE user_id = ?1 AND blocked_id = ?2
         UNION ALL SELECT 1 FROM blocks WHERE user_id = ?2 AND blocked_id = ?1",
        [a, b],
    )
}

/// users.id of all with whom a block exists, either way.
pub fn around(read: &Read<'_>, user: i64) -> Result<Vec<i64>> {
    read.all(
        "SELECT blocked_id FROM blocks WHERE user_id = ?1 UNION SELECT user_id FROM blocks WHERE blocked_id = ?1",
        [user],
        |row| row.get(0),
    )
}

/// Whether this is new.
pub fn insert(tx: &Write<'_>, blocker: i64, blocked: i64) -> Result<bool> {
    let rows = tx.run(
        "INSERT OR IGNORE INTO blocks (user_id, blocked_id, created_at) VALUES (?1, ?2, ?3)",
        [blocker, blocked, tx.now()],
    )?;
    Ok(rows > 0)
}

/// Whether there was a block.
pub fn delete(tx: &Write<'_>, blocker: i64, blocked: i64) -> Result<bool> {
    Ok(tx.run("DELETE FROM blocks WHERE user_id = ?1 AND blocked_id = ?2", [blocker, blocked])? > 0)
}

/// Users `owner` blocked (`by_me`) and users who blocked him (`of_me`).
pub fn list(
    read: &Read<'_>,
    owner: i64,
    by_me: bool,
    of_me: bool,
    search: Option<&str>,
    ask: PageAsk,
) -> Result<Page<User>> {
    let items = read.all(
        concat!(
            "SELECT ",
            columns!(),
            ", mine.created_at, his.created_at FROM users u
         LEFT JOIN blocks mine ON mine.user_id = ?1 AND mine.blocked_id = u.id
         LEFT JOIN blocks his ON his.user_id = u.id AND his.blocked_id = ?1
         WHERE u.id IN (SELECT blocked_id FROM blocks WHERE ?2 AND user_id = ?1
                        UNION SELECT user_id FROM blocks WHERE ?3 AND blocked_id = ?1)
           AND u.deactivated_at IS NULL
           AND (?4 IS NULL OR is_named(?4, u.name, u.uid))
         ORDER BY u.name COLLATE NOCASE, u.id LIMIT ?5 OFFSET ?6"
        ),
        params![owner, by_me, of_me, search, ask.per_page, ask.offset()],
        |row| {
            let (mine, his): (Option<i64>, Option<i64>) = (row.get(COLUMNS)?, row.get(COLUMNS + 1)?);
            Ok(User {
                blocked_by_me: Some(mine.is_some()),
                blocked_by_me_at: mine,
                has_blocked_me: Some(his.is_some()),
                blocked_at: mine.or(his),
                ..user(row)?
            })
        },
    )?;
    let total = read.number(
        "SELECT count(*) FROM users u
         WHERE u.id IN (SELECT blocked_id FROM blocks WHERE ?2 AND user_id = ?1
                        UNION SELECT user_id FROM blocks WHERE ?3 AND blocked_id = ?1)
           AND u.deactivated_at IS NULL
           AND (?4 IS NULL OR is_named(?4, u.name, u.uid))",
        params![owner, by_me, of_me, search],
    )?;
    Ok(Page { items, total })
}

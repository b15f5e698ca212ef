//! Friendships: mutual, so every one is two rows.

use rusqlite::params;

use super::rows::{columns, user};
use super::{Read, Write};
use crate::model::error::Result;
use crate::model::page::{Page, PageAsk};
use crate::model::user::User;

pub fn are(read: &Read<'_>, a: i64, b: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM friends WHERE user_id = ?1 AND friend_id = ?2", [a, b])
}

/// users.id of all friends.
pub fn of(read: &Read<'_>, user: i64) -> Result<Vec<i64>> {
    read.all("SELECT friend_id FROM friends WHERE user_id = ?1", [user], |row| row.get(0))
}

pub fn insert(tx: &Write<'_>, a: i64, b: i64) -> Result<()> {
    tx.run("INSERT INTO friends (user_id, friend_id, created_at) VALUES (?1, ?2, ?3), (?2, ?1, ?3)", [a, b, tx.now()])?;
    Ok(())
}

pub fn delete(tx: &Write<'_>, a: i64, b: i64) -> Result<()> {
    tx.run("DELETE FROM friends WHERE (user_id = ?1 AND friend_id = ?2) OR (user_id = ?2 AND friend_id = ?1)", [a, b])?;
    Ok(())
}

pub fn list(read: &Read<'_>, owner: i64, search: Option<&str>, ask: PageAsk) -> Result<Page<User>> {
    let items = read.all(
        concat!(
            "SELECT ",
            columns!(),
            " FROM friends f JOIN users u ON u.id = f.friend_id
         WHERE f.user_id = ?1 AND u.deactivated_at IS NULL
           AND (?2 IS NULL OR is_named(?2, u.name, u.uid))
         ORDER BY u.name COLLATE NOCASE, u.id LIMIT ?3 OFFSET ?4"
        ),
        params![owner, search, ask.per_page, ask.offset()],
        user,
    )?;
    let total = read.number(
        "SELECT count(*) FROM friends f JOIN users u ON u.id = f.friend_id
         WHERE f.user_id = ?1 AND u.deactivated_at IS NULL
           AND (?2 IS NULL OR is_named(?2, u.name, u.uid))",
        params![owner, search],
    )?;
    Ok(Page { items, total })
}

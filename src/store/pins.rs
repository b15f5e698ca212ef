//! Messages pinned for everybody in a conversation, and messages a user saved for himself.

use std::collections::HashMap;

use rusqlite::params;

use super::rows::ids_text;
use super::{Read, Write};
use crate::model::error::Result;
use crate::model::ids::SYSTEM_UID;

/// Pins the message in the name of `by`, or (`None`) unpins it.
pub fn set_pinned(tx: &Write<'_>, message: i64, by: Option<&str>) -> Result<()> {
    tx.run(
        "UPDATE messages SET pinned_at = ?2, pinned_by = ?3 WHERE id = ?1",
        params![message, by.map(|_| tx.now()), by],
    )?;
    Ok(())
}

/// How many messages of the conversation are pinned, by the app or else by users.
pub fn pinned_in(read: &Read<'_>, conv: i64, by_app: bool) -> Result<i64> {
    read.number(
        "SELECT count(*) FROM messages WHERE conv_id = ?1 AND pinned_at IS NOT NULL AND (pinned_by = ?3) = ?2",
        params![conv, by_app, SYSTEM_UID],
    )
}

/// Whether it was not saved before.
pub fn save(tx: &Write<'_>, user: i64, message: i64) -> Result<bool> {
    let new = tx.run(
        "INSERT OR IGNORE INTO saved_messages (user_id, message_id, saved_at) VALUES (?1, ?2, ?3)",
        [user, message, tx.now()],
    )?;
    Ok(new > 0)
}

/// Whether it was saved before.
pub fn unsave(tx: &Write<'_>, user: i64, message: i64) -> Result<bool> {
    Ok(tx.run("DELETE FROM saved_messages WHERE user_id = ?1 AND message_id = ?2", [user, message])? > 0)
}

/// How many messages the user has saved.
pub fn saved_by(read: &Read<'_>, user: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM saved_messages WHERE user_id = ?1", [user])
}

/// Which of these messages the user has saved, and when.
pub fn saved_among(read: &Read<'_>, user: i64, messages: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, i64>> {
    // Most users have saved nothing.
    if !read.exists("SELECT 1 FROM saved_messages WHERE user_id = ?1", [user])? {
        return Ok(HashMap::new());
    }
    let found = read.all(
        "SELECT s.message_id, s.saved_at FROM json_each(?2) i CROSS JOIN saved_messages s
         ON s.user_id = ?1 AND s.message_id = i.value",
        params![user, ids_text(messages)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(found.into_iter().collect())
}

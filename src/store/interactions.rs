//! Which elements of an interactive message a user has used.

use rusqlite::params;

use super::{Read, Write};
use crate::model::error::Result;
use crate::model::message::Interaction;

pub fn insert(tx: &Write<'_>, message: i64, user: i64, element: &str) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO interactions (message_id, user_id, element_id, interacted_at) VALUES (?1, ?2, ?3, ?4)",
        params![message, user, element, tx.now()],
    )?;
    Ok(())
}

/// Notes that the message is done for the user.
pub fn set_met(tx: &Write<'_>, message: i64, user: i64) -> Result<()> {
    tx.run("INSERT OR IGNORE INTO goals_met (user_id, message_id) VALUES (?1, ?2)", [user, message])?;
    Ok(())
}

pub fn of(read: &Read<'_>, message: i64, user: i64) -> Result<Vec<Interaction>> {
    read.all(
        "SELECT element_id, interacted_at FROM interactions WHERE message_id = ?1 AND user_id = ?2 ORDER BY interacted_at, element_id",
        [message, user],
        |row| Ok(Interaction { element_id: row.get(0)?, interacted_at: row.get(1)? }),
    )
}

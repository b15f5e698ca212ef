//! Who is named in which message.

use std::collections::HashMap;

use rusqlite::params;

use super::conversations::{Conv, Kind};
use super::rows::{COLUMNS, columns, ids_text, user};
use super::{Read, Write};
use crate::model::error::Result;
use crate::model::mention::Named;
use crate::model::user::User;

/// Stands for everybody in the conversation, in place of a users.id.
pub const EVERYBODY: i64 = 0;

/// The users who are really named: those there are, in a group its members. Other names stay plain text.
pub fn resolve(read: &Read<'_>, app: i64, conv: &Conv, named: &Named) -> Result<Vec<i64>> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let group = match conv.kind {
        Kind::Group(group) => Some(group),
        Kind::Pair(..) => None,
    };
    let uids = serde_json::to_string(&named.uids).unwrap_or_default();
    let mut found = read.all(
        "SELECT u.id FROM json_each(?2) n CROSS JOIN users u ON u.app = ?1 AND u.uid = n.value
         WHERE u.deactivated_at IS NULL AND u.system = 0
           AND (?3 IS NULL OR EXISTS (SELECT 1 FROM members s WHERE s.group_id = ?3 AND s.user_id = u.id))",
        params![app, uids, group],
        |row| row.get(0),
    )?;
    if named.everybody && group.is_some() {
        found.push(EVERYBODY);
    }
    Ok(found)
}

/// Notes who is named in the message, instead of whoever was.
pub fn set(tx: &Write<'_>, conv: i64, message: i64, users: &[i64]) -> Result<()> {
    tx.run("DELETE FROM mentions WHERE message_id = ?1", [message])?;
    for user in users {
        tx.run("INSERT INTO mentions (user_id, conv_id, message_id) VALUES (?1, ?2, ?3)", [*user, conv, message])?;
    }
    Ok(())
}

/// Who is named in the message.
pub fn of_message(read: &Read<'_>, message: i64) -> Result<Vec<i64>> {
    read.all("SELECT user_id FROM mentions WHERE message_id = ?1", [message], |row| row.get(0))
}

/// Outside it is still to be told that the message names these, but for those in `told`.
pub fn owe(tx: &Write<'_>, message: i64, told: &[i64]) -> Result<()> {
    tx.run(
        "UPDATE mentions SET owed = 1 WHERE message_id = ?1 AND user_id NOT IN (SELECT value FROM json_each(?2))",
        params![message, ids_text(told.iter().copied())],
    )?;
    Ok(())
}

/// Of whom outside was told already that the message names them; from now on of all.
pub fn settle(tx: &Write<'_>, message: i64) -> Result<Vec<i64>> {
    let told =
        tx.all("SELECT user_id FROM mentions WHERE message_id = ?1 AND owed = 0", [message], |row| row.get(0))?;
    tx.run("UPDATE mentions SET owed = 0 WHERE message_id = ?1 AND owed = 1", [message])?;
    Ok(told)
}

/// The users named in each of these messages.
pub fn among(read: &Read<'_>, messages: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, Vec<User>>> {
    let ids = ids_text(messages);
    let mut found: HashMap<i64, Vec<User>> = HashMap::new();
    if ids == "[]" {
        return Ok(found);
    }
    let rows = read.all(
        concat!(
            "SELECT ",
            columns!(),
            ", x.message_id FROM json_each(?1) i CROSS JOIN mentions x ON x.message_id = i.value
             CROSS JOIN users u ON u.id = x.user_id WHERE u.deleted_at IS NULL ORDER BY x.message_id, u.uid"
        ),
        [ids],
        |row| Ok((row.get::<_, i64>(COLUMNS)?, user(row)?)),
    )?;
    for (message, user) in rows {
        found.entry(message).or_default().push(user);
    }
    Ok(found)
}

/// More unread mentions of one conversation are not counted: the count is taken inside writes, too.
const MOST_UNREAD: i64 = 200;

/// How many messages of others that name the user, or everybody, they have not read: those after `read_id`.
pub fn unread(read: &Read<'_>, user: i64, conv: i64, read_id: i64) -> Result<i64> {
    read.number(
        "SELECT count(DISTINCT id) FROM (SELECT m.id FROM mentions x CROSS JOIN messages m ON m.id = x.message_id
         WHERE x.user_id IN (?1, ?4) AND x.conv_id = ?2 AND x.message_id > ?3 AND m.sender_id <> ?1 AND m.flags & 512 = 0
           AND m.sender_id NOT IN (SELECT user_id FROM gone_users) LIMIT ?5)",
        [user, conv, read_id, EVERYBODY, MOST_UNREAD],
    )
}

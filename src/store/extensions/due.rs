//! What is to happen later: one table, found by its time.

use rusqlite::{Row, params};

use crate::model::error::Result;
use crate::model::reminder::{About, Moment, Reminder};
use crate::store::{Read, Write};

/// What has become due.
#[derive(Clone, Debug)]
pub struct Due {
    pub id: i64,
    /// apps.id
    pub app: i64,
    /// users.id: who is reminded; not read where a message disappears.
    pub user: i64,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Remind(Reminder),
    /// The message.
    Disappear(i64),
}

/// When the next thing is due.
pub fn next(read: &Read<'_>) -> Result<Option<i64>> {
    Ok(read.first("SELECT min(at) FROM due", [], |row| row.get(0))?.flatten())
}

/// What is due by now, the oldest first.
pub fn ready(read: &Read<'_>, most: i64) -> Result<Vec<Due>> {
    read.all(
        "SELECT name, message_id, about, time_ms, created_at, id, app, user_id, kind FROM due
         WHERE at <= ?1 ORDER BY at, id LIMIT ?2",
        [read.now(), most],
        |row| {
            let kind: String = row.get(8)?;
            let what = match kind.as_str() {
                "disappear" => What::Disappear(row.get::<_, Option<i64>>(1)?.unwrap_or(0)),
                _ => What::Remind(reminder(row)?),
            };
            Ok(Due { id: row.get(5)?, app: row.get(6)?, user: row.get(7)?, what })
        },
    )
}

pub fn forget(tx: &Write<'_>, id: i64) -> Result<()> {
    tx.run("DELETE FROM due WHERE id = ?1", [id])?;
    Ok(())
}

/// The message is to disappear then, and not at another time it was to before.
pub fn disappear(tx: &Write<'_>, app: i64, sender: i64, message: i64, time: Moment) -> Result<()> {
    let name = tx.ids().hex(16);
    tx.run("DELETE FROM due WHERE message_id = ?1 AND kind = 'disappear'", [message])?;
    tx.run(
        "INSERT INTO due (at, kind, app, user_id, name, message_id, time_ms, created_at)
         VALUES (?1, 'disappear', ?2, ?3, ?4, ?5, ?6, ?7)",
        params![time.seconds(), app, sender, name, message, time.ms, tx.now()],
    )?;
    Ok(())
}

fn reminder(row: &Row<'_>) -> rusqlite::Result<Reminder> {
    let about = match row.get::<_, Option<i64>>(1)? {
        Some(message) => About::Message(message),
        None => About::Text(row.get::<_, Option<String>>(2)?.unwrap_or_default()),
    };
    Ok(Reminder { id: row.get(0)?, about, time: Moment { ms: row.get(3)? }, created_at: row.get(4)? })
}

/// How many reminders of the user are still to come.
pub fn reminders(read: &Read<'_>, user: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM due WHERE user_id = ?1 AND kind = 'reminder'", [user])
}

/// They, by their time.
pub fn reminders_of(read: &Read<'_>, user: i64, most: i64) -> Result<Vec<Reminder>> {
    read.all(
        "SELECT name, message_id, about, time_ms, created_at FROM due
         WHERE user_id = ?1 AND kind = 'reminder' ORDER BY at, id LIMIT ?2",
        [user, most],
        reminder,
    )
}

/// The user's reminder with this name.
pub fn find(read: &Read<'_>, user: i64, name: &str) -> Result<Option<Reminder>> {
    read.first(
        "SELECT name, message_id, about, time_ms, created_at FROM due
         WHERE name = ?2 AND user_id = ?1 AND kind = 'reminder'",
        params![user, name],
        reminder,
    )
}

pub fn remind(tx: &Write<'_>, app: i64, user: i64, about: &About, time: Moment) -> Result<Reminder> {
    let name = tx.ids().hex(16);
    let (message, text) = parts(about);
    tx.run(
        "INSERT INTO due (at, kind, app, user_id, name, message_id, about, time_ms, created_at)
         VALUES (?1, 'reminder', ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![time.seconds(), app, user, name, message, text, time.ms, tx.now()],
    )?;
    Ok(Reminder { id: name, about: about.clone(), time, created_at: tx.now() })
}

fn parts(about: &About) -> (Option<i64>, Option<&str>) {
    match about {
        About::Message(id) => (Some(*id), None),
        About::Text(text) => (None, Some(text)),
    }
}

/// Changes what the reminder with this name is about, and when it is due.
pub fn change(tx: &Write<'_>, reminder: &Reminder) -> Result<()> {
    let (message, text) = parts(&reminder.about);
    tx.run(
        "UPDATE due SET at = ?2, time_ms = ?3, message_id = ?4, about = ?5 WHERE name = ?1",
        params![reminder.id, reminder.time.seconds(), reminder.time.ms, message, text],
    )?;
    Ok(())
}

/// Forgets the user's reminder with this name; whether there was one.
pub fn cancel(tx: &Write<'_>, user: i64, name: &str) -> Result<bool> {
    let gone = tx.run("DELETE FROM due WHERE name = ?2 AND user_id = ?1 AND kind = 'reminder'", params![user, name])?;
    Ok(gone > 0)
}

//! Messages about which an engine outside is being asked, or will be; and how an app has engines asked.

use rusqlite::params;

use crate::model::error::{Error, Result};
use crate::model::moderation::ask::Settings;
use crate::model::moderation::engine::Asking;
use crate::store::{Read, Write};

/// One that waits.
#[derive(Clone, Debug)]
pub struct Pending {
    /// apps.id
    pub app: i64,
    /// Since when, in Unix seconds.
    pub since: i64,
    pub asks: Vec<Asking>,
}

/// Notes that engines are to be asked about the message; whoever asks them hears of it.
pub fn insert(tx: &Write<'_>, app: i64, message: i64, asks: &[Asking]) -> Result<()> {
    let asks = serde_json::to_string(asks).map_err(|e| Error::internal("moderation_pending", e))?;
    tx.run(
        "INSERT OR REPLACE INTO moderation_pending (message_id, app, since, asks) VALUES (?1, ?2, ?3, ?4)",
        params![message, app, tx.now(), asks],
    )?;
    tx.subscribed.asks();
    Ok(())
}

pub fn find(read: &Read<'_>, message: i64) -> Result<Option<Pending>> {
    let row =
        read.first("SELECT app, since, asks FROM moderation_pending WHERE message_id = ?1", [message], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })?;
    let Some((app, since, asks)) = row else { return Ok(None) };
    let asks = serde_json::from_str(&asks).map_err(|e| Error::internal("moderation_pending", e))?;
    Ok(Some(Pending { app, since, asks }))
}

/// It waits no longer, if it did.
pub fn delete(tx: &Write<'_>, message: i64) -> Result<()> {
    tx.run("DELETE FROM moderation_pending WHERE message_id = ?1", [message])?;
    Ok(())
}

/// Apps (apps.id) of which messages wait.
pub fn apps(read: &Read<'_>) -> Result<Vec<i64>> {
    // One step into the index an app, however many messages wait.
    read.all(
        "WITH RECURSIVE waiting(app) AS (
           SELECT min(app) FROM moderation_pending
           UNION ALL SELECT (SELECT min(app) FROM moderation_pending WHERE app > waiting.app) FROM waiting
           WHERE waiting.app IS NOT NULL)
         SELECT app FROM waiting WHERE app IS NOT NULL",
        [],
        |row| row.get(0),
    )
}

/// The messages (messages.id) of the app that wait, the oldest first.
pub fn waiting(read: &Read<'_>, app: i64, most: usize) -> Result<Vec<i64>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    read.all(
        "SELECT message_id FROM moderation_pending WHERE app = ?1 ORDER BY message_id LIMIT ?2",
        [app, most],
        |row| row.get(0),
    )
}

/// How many messages are looked at for those that say something.
const LOOKED_AT: i64 = 100;

/// What was said in the conversation before the message, by whom (uid) and in which words, the oldest first: of what
/// everybody sees.
pub fn said_before(read: &Read<'_>, conv: i64, message: i64, most: i64) -> Result<Vec<(String, String)>> {
    let mut said = read.all(
        "SELECT u.uid, coalesce(data ->> '$.text', data ->> '$.caption') AS said
         FROM (SELECT id, sender_id, data, category, deleted_at, flags FROM messages WHERE conv_id = ?1 AND id < ?2
               ORDER BY id DESC LIMIT ?4) m JOIN users u ON u.id = m.sender_id
         WHERE m.category = 'message' AND m.deleted_at IS NULL AND m.flags & 512 = 0 AND said IS NOT NULL
         ORDER BY m.id DESC LIMIT ?3",
        [conv, message, most, LOOKED_AT],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    said.reverse();
    Ok(said)
}

/// How the app has engines asked.
pub fn settings(read: &Read<'_>, app: i64) -> Result<Settings> {
    let body =
        read.first("SELECT body FROM moderation_settings WHERE app = ?1", [app], |row| row.get::<_, String>(0))?;
    match body {
        Some(body) => serde_json::from_str(&body).map_err(|e| Error::internal("moderation_settings", e)),
        None => Ok(Settings::default()),
    }
}

pub fn set_settings(tx: &Write<'_>, app: i64, settings: &Settings) -> Result<()> {
    let body = serde_json::to_string(settings).map_err(|e| Error::internal("moderation_settings", e))?;
    tx.run("INSERT OR REPLACE INTO moderation_settings (app, body) VALUES (?1, ?2)", params![app, body])?;
    Ok(())
}

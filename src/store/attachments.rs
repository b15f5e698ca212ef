//! Files kept for messages: promised, arrived, shown by messages, swept.
//!
//! The row is there before the file and goes after it. `expires_at` says which may be swept: it is NULL while a message
//! shows the file, and a file whose time has come cannot be shown by another message any more.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Row, params};

use super::{Digest, Read, Write, erasures};
use crate::model::attachment::{Owner, Profile, keep_url, keep_urls};
use crate::model::erasure::Kind;
use crate::model::error::{Code, Result};
use crate::model::json::Object;

/// A file no message shows is swept after this many seconds.
pub const UNUSED: i64 = 3600;

/// A file as stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: i64,
    pub name: String,
    pub title: String,
    pub mime_type: String,
    pub size: i64,
    pub owner: Owner,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get(0)?,
        name: row.get(1)?,
        title: row.get(2)?,
        mime_type: row.get(3)?,
        size: row.get(4)?,
        owner: (row.get(5)?, row.get(6)?),
    })
}

/// Makes room for a file of at most `size` bytes. With a ticket its content may come in a request of its own.
pub fn promise(tx: &Write<'_>, owner: Owner, profile: &Profile, size: i64, ticket: Option<&Digest>) -> Result<Stored> {
    let mut name = tx.ids().hex(16);
    if !profile.extension.is_empty() {
        name.push('.');
        name.push_str(&profile.extension);
    }
    let id = tx.insert(
        "INSERT INTO attachments (app, user_id, name, title, mime_type, size, ticket, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8 + ?9)",
        params![owner.0, owner.1, name, profile.title, profile.mime_type, size, ticket, tx.now(), UNUSED],
    )?;
    Ok(Stored { id, name, title: profile.title.clone(), mime_type: profile.mime_type.clone(), size, owner })
}

/// Whether an upload to this name is awaited.
pub fn is_expected(read: &Read<'_>, name: &str) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM attachments WHERE name = ?1 AND ticket IS NOT NULL AND arrived_at IS NULL AND created_at + ?2 > ?3",
        params![name, UNUSED, read.now()],
    )
}

/// Bytes of all files of an app, arrived or still to come.
pub fn bytes_of_app(read: &Read<'_>, app: i64) -> Result<i64> {
    bytes(read, app, ALL)
}

/// Bytes of the files a user brought.
pub fn bytes_of_user(read: &Read<'_>, app: i64, user: i64) -> Result<i64> {
    bytes(read, app, user)
}

/// In place of a user in `file_bytes`: all files of the app. Written out in the triggers.
const ALL: i64 = -1;

fn bytes(read: &Read<'_>, app: i64, user: i64) -> Result<i64> {
    let sql = "SELECT bytes FROM file_bytes WHERE app = ?1 AND user_id = ?2";
    Ok(read.first(sql, [app, user], |row| row.get(0))?.unwrap_or(0))
}

/// The file a ticket is for; the ticket is used up.
pub fn redeem(tx: &Write<'_>, name: &str, ticket: &Digest) -> Result<Stored> {
    let found = tx.first(
        "UPDATE attachments SET ticket = NULL
         WHERE name = ?1 AND ticket = ?2 AND arrived_at IS NULL AND created_at + ?3 > ?4
         RETURNING id, name, title, mime_type, size, app, user_id",
        params![name, ticket, UNUSED, tx.now()],
        stored,
    )?;
    found.ok_or_else(|| Code::UploadNotFound.into())
}

/// The file is whole and on disk.
pub fn arrived(tx: &Write<'_>, id: i64, size: i64) -> Result<()> {
    let known = tx.run(
        "UPDATE attachments SET arrived_at = ?2, size = ?3, ticket = NULL WHERE id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        [id, tx.now(), size],
    )?;
    if known == 0 { Err(Code::UploadNotFound.into()) } else { Ok(()) }
}

/// Gives files up: they are swept next.
pub fn drop_all(tx: &Write<'_>, ids: &[i64]) -> Result<()> {
    for id in ids {
        tx.run("UPDATE attachments SET expires_at = 0, ticket = NULL WHERE id = ?1 AND expires_at IS NOT NULL", [id])?;
    }
    Ok(())
}

/// A whole file of an app that exists, by its URL.
pub fn find(read: &Read<'_>, app_id: &str, name: &str) -> Result<Stored> {
    let found = read.first(
        "SELECT f.id, f.name, f.title, f.mime_type, f.size, f.app, f.user_id FROM attachments f JOIN apps a ON a.id = f.app
         WHERE f.name = ?2 AND a.app_id = ?1 AND a.deleted_at IS NULL
           AND f.arrived_at IS NOT NULL AND (f.expires_at IS NULL OR f.expires_at > ?3)",
        params![app_id, name, read.now()],
        stored,
    )?;
    found.ok_or_else(|| Code::FileNotFound.into())
}

/// The message shows these files. Names of files that are not there, or not any more, are left alone: an address may
/// lead nowhere, here as elsewhere.
pub fn show_in(tx: &Write<'_>, app: i64, message: i64, names: &[String]) -> Result<()> {
    for name in names {
        let file = tx.first(
            "UPDATE attachments SET expires_at = NULL WHERE name = ?1 AND app = ?2 AND (expires_at IS NULL OR expires_at > ?3)
             RETURNING id",
            params![name, app, tx.now()],
            |row| row.get::<_, i64>(0),
        )?;
        if let Some(file) = file {
            tx.run(
                "INSERT OR IGNORE INTO attachment_uses (message_id, attachment_id) VALUES (?1, ?2)",
                [message, file],
            )?;
        }
    }
    Ok(())
}

/// The message shows exactly these files from now on.
pub fn show_only(tx: &Write<'_>, app: i64, message: i64, names: &[String]) -> Result<()> {
    show_in(tx, app, message, names)?;
    let kept = serde_json::to_string(names).unwrap_or_default();
    tx.run(
        "DELETE FROM attachment_uses WHERE message_id = ?1 AND attachment_id NOT IN
           (SELECT id FROM attachments WHERE name IN (SELECT value FROM json_each(?2)))",
        params![message, kept],
    )?;
    Ok(())
}

/// Files whose time has come: id and name.
pub fn expired(read: &Read<'_>, most: i64) -> Result<Vec<(i64, String)>> {
    read.all(
        "SELECT id, name FROM attachments WHERE expires_at IS NOT NULL AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
        [read.now(), most],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Forgets files that are gone from the disk.
pub fn forget(tx: &Write<'_>, ids: &[i64]) -> Result<()> {
    for id in ids {
        let gone = tx.first(
            "DELETE FROM attachments WHERE id = ?1 AND expires_at <= ?2 RETURNING user_id, size",
            [*id, tx.now()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if let Some((user, size)) = gone {
            erasures::tally(tx, user, Kind::Erase, &[("files", 1), ("fileBytes", size)])?;
        }
    }
    Ok(())
}

/// SQL functions that put what older versions stored into the form of today (see `model::attachment`):
/// `stored_url(url, app_id)`, and `stored_urls(data, app_id)` for the data of a message.
pub fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("stored_url", 2, flags, |context| {
        let (url, app_id) = (context.get::<String>(0)?, context.get::<Option<String>>(1)?);
        Ok(keep_url(url, &app_id.unwrap_or_default()))
    })?;
    connection.create_scalar_function("stored_urls", 2, flags, |context| {
        let (text, app_id) = (context.get::<String>(0)?, context.get::<Option<String>>(1)?);
        let Some(mut data) = Object::parse(&text) else { return Ok(text) };
        let names = keep_urls(&mut data, &app_id.unwrap_or_default());
        Ok(if names.is_empty() { text } else { data.text() })
    })
}

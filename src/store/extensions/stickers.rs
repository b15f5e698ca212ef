//! Stickers of apps. Their files are attachments that belong to the app; one that was removed is kept, because messages
//! may show it.

use rusqlite::params;

use crate::model::attachment::stored_path;
use crate::model::error::{Code, Result};
use crate::model::sticker::{Sticker, StickerDraft};
use crate::model::time::hex;
use crate::store::{Read, Write, digest};

/// All that the app has, by set.
pub fn list(read: &Read<'_>, app: i64, app_id: &str) -> Result<Vec<Sticker>> {
    let rows = read.all(
        "SELECT s.name, s.title, s.set_title, s.set_position, s.position, s.created_at, f.name
         FROM stickers s CROSS JOIN attachments f ON f.id = s.attachment_id
         WHERE s.app = ?1 AND s.removed_at IS NULL ORDER BY s.set_position, s.set_title, s.position, s.id",
        [app],
        |row| {
            let draft =
                StickerDraft { title: row.get(1)?, set: row.get(2)?, set_position: row.get(3)?, position: row.get(4)? };
            Ok((row.get(0)?, draft, row.get(5)?, row.get::<_, String>(6)?))
        },
    )?;
    let shown = rows.into_iter().map(|(id, draft, created_at, file)| {
        // A set is its name: whatever has the same is together.
        let set = hex(&digest(&draft.set)[..16]);
        Sticker::custom(id, draft, set, stored_path(app_id, &file), created_at)
    });
    Ok(shown.collect())
}

/// How many the app has.
pub fn count(read: &Read<'_>, app: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM stickers WHERE app = ?1 AND removed_at IS NULL", [app])
}

/// Adds one; its name.
pub fn insert(tx: &Write<'_>, app: i64, sticker: &StickerDraft, attachment: i64) -> Result<String> {
    let name = tx.ids().hex(16);
    tx.run(
        "INSERT INTO stickers (app, name, title, set_title, set_position, position, attachment_id, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![app, name, sticker.title, sticker.set, sticker.set_position, sticker.position, attachment, tx.now()],
    )?;
    // It is shown from now on, whether or not a message does.
    tx.run("UPDATE attachments SET expires_at = NULL WHERE id = ?1", [attachment])?;
    Ok(name)
}

/// Takes it out of the list.
pub fn remove(tx: &Write<'_>, app: i64, name: &str) -> Result<()> {
    let known = tx.run(
        "UPDATE stickers SET removed_at = ?3 WHERE app = ?1 AND name = ?2 AND removed_at IS NULL",
        params![app, name, tx.now()],
    )?;
    if known == 0 { Err(Code::StickerNotFound.into()) } else { Ok(()) }
}

//! What extensions keep: which are on, and the things of each by its noun.

pub mod due;
pub mod polls;
pub mod stickers;

use rusqlite::params;

use super::{Read, Write};
use crate::model::error::Result;
use crate::model::extension::Extension;

/// What the app decided about the extension; `None`: nothing.
pub fn choice(read: &Read<'_>, app: i64, extension: Extension) -> Result<Option<bool>> {
    read.first(
        "SELECT enabled FROM app_extensions WHERE app = ?1 AND extension = ?2",
        params![app, extension.slug()],
        |row| row.get(0),
    )
}

/// All that the app decided.
pub fn choices(read: &Read<'_>, app: i64) -> Result<Vec<(Extension, bool)>> {
    let rows = read.all("SELECT extension, enabled FROM app_extensions WHERE app = ?1", [app], |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?))
    })?;
    // One that an older version had is nothing now.
    Ok(rows.into_iter().filter_map(|(slug, on)| Some((Extension::parse(&slug)?, on))).collect())
}

/// Notes what the app decided.
pub fn choose(tx: &Write<'_>, app: i64, extension: Extension, enabled: bool) -> Result<()> {
    tx.run(
        "INSERT OR REPLACE INTO app_extensions (app, extension, enabled) VALUES (?1, ?2, ?3)",
        params![app, extension.slug(), enabled],
    )?;
    Ok(())
}

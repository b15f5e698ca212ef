//! A row that changes with each look at whether the server can write.

use super::Write;
use crate::model::error::Result;

/// Changes the row, so that the commit has something to write and to sync; with `filler` bytes in it, which are gone
/// again with the next beat.
pub fn beat(tx: &Write<'_>, filler: i64) -> Result<()> {
    tx.run("UPDATE health SET beats = beats + 1, filler = CASE WHEN ?1 > 0 THEN zeroblob(?1) END", [filler])?;
    Ok(())
}

/// From now on the database may grow by so many pages and no more: a full disk, for tests.
#[cfg(test)]
pub fn may_grow_by(tx: &Write<'_>, pages: i64) -> Result<()> {
    let now = tx.number("PRAGMA page_count", [])?;
    tx.number(&format!("PRAGMA max_page_count = {}", now + pages), [])?;
    Ok(())
}

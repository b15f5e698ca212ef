//! A database looked over from outside of its server: read only, each look a snapshot of its own.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::counters::{self, Piece};
use super::{Read, Write, backup, migrations, search};
use crate::model::error::{Error, Result};

/// Complaints of SQLite that are listed at most.
const MOST: usize = 5;

/// A database that is open for looks.
pub struct Checkup {
    connection: Connection,
}

impl Checkup {
    /// Opens it; nothing in it is changed, whatever its schema.
    pub fn open(path: &Path) -> Result<Checkup> {
        Ok(Checkup { connection: backup::open(path)? })
    }

    /// What SQLite says is damaged; empty: nothing. Reads every page.
    pub fn damage(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
        let said = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        Ok(said.into_iter().filter(|line| line != "ok").collect())
    }

    /// Tables, indexes and triggers of the current schema that are not there as they should be.
    pub fn missing(&self) -> Result<Vec<String>> {
        migrations::missing(&self.connection)
    }

    /// Tables with rows that refer to what is not there, and how many such rows.
    pub fn broken_references(&self) -> Result<Vec<(String, usize)>> {
        let mut statement = self.connection.prepare("PRAGMA foreign_key_check")?;
        let mut found: Vec<(String, usize)> = Vec::new();
        for table in statement.query_map([], |row| row.get::<_, String>(0))? {
            let table = table?;
            match found.iter_mut().find(|(name, _)| *name == table) {
                Some((_, rows)) => *rows += 1,
                None => found.push((table, 1)),
            }
        }
        Ok(found)
    }

    /// The newest time that was used, Unix seconds; 0: none.
    pub fn newest_time(&self) -> Result<i64> {
        Ok(self.connection.query_row("SELECT last FROM clock", [], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// Messages that wait for the search index, and whether that is more than the server lets wait.
    pub fn search_backlog(&self) -> Result<(i64, bool)> {
        let snapshot = self.connection.unchecked_transaction()?;
        let waiting = search::waiting(&Read { connection: &snapshot, now: 0, watch: None, people: None })?;
        Ok((waiting, waiting > search::FAR_BEHIND))
    }

    /// Hands on the name of every file that a message or a sticker shows.
    pub fn shown_files(&self, mut each: impl FnMut(String)) -> Result<()> {
        let sql = "SELECT name FROM attachments WHERE arrived_at IS NOT NULL AND expires_at IS NULL";
        let mut statement = self.connection.prepare(sql)?;
        for name in statement.query_map([], |row| row.get(0))? {
            each(name?);
        }
        Ok(())
    }

    /// Whether a row speaks of a file of this name.
    pub fn knows_file(&self, name: &str) -> Result<bool> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM attachments WHERE name = ?1")?.exists([name])?)
    }

    /// What can be recounted, in the order in which it is to be mended.
    pub fn pieces(&self) -> Result<Vec<Piece>> {
        counters::pieces(&self.connection)
    }

    /// How many rows of a piece are not what they count.
    pub fn wrong(&self, piece: &Piece) -> Result<usize> {
        let snapshot = self.connection.unchecked_transaction()?;
        let found = counters::fixes(&snapshot, piece)?.wrong;
        // It read only.
        snapshot.rollback()?;
        Ok(found)
    }
}

/// The same for who has the database open for writing.
#[cfg(test)]
pub fn pieces(tx: &Write<'_>) -> Result<Vec<Piece>> {
    counters::pieces(tx.connection)
}

/// Mends a piece; how many rows were wrong. Counted again within the write: what changed since it was looked at counts.
pub fn mend(tx: &Write<'_>, piece: &Piece) -> Result<usize> {
    if tx.connection.is_autocommit() {
        return Err(Error::internal("mend", "no transaction"));
    }
    counters::fixes(tx.connection, piece)?.run(tx.connection)
}

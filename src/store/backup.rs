//! A copy of the database as of one moment, made beside its use.
//!
//! The copy is made from a read transaction that is held until it is whole: writers go on, and what they commit is not in
//! it. Whatever was acknowledged before [`Moment::of`] returns is. The pages are copied a few at a time with a breath between,
//! so that those who wait for the disk get it; the log cannot start over meanwhile and grows by what is written.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::db;
use super::migrations::{self, VERSION};
use crate::model::error::{Code, Error, Result};

/// Pages copied at a time (one MiB), and the breath after them.
const PAGES: i32 = 256;
const BREATH: Duration = Duration::from_millis(2);

/// How much there is of what people would miss.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub apps: i64,
    pub users: i64,
    pub groups: i64,
    pub conversations: i64,
    pub messages: i64,
    pub files: i64,
}

/// The database as it was at one moment, for as long as this is kept.
pub struct Moment {
    pub(super) connection: Connection,
}

impl Moment {
    /// The database at `path` as it is now. One of a newer version is refused.
    pub fn of(path: &Path) -> Result<Moment> {
        let connection = open(path)?;
        // The first read takes the snapshot.
        connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
        let moment = Moment { connection };
        match moment.schema()? {
            // Nothing is in it.
            0 => {}
            schema => migrations::refuse_newer(schema)?,
        }
        Ok(moment)
    }

    /// `PRAGMA user_version`.
    pub fn schema(&self) -> Result<i64> {
        Ok(self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    pub fn counts(&self) -> Result<Counts> {
        counts(&self.connection)
    }

    /// Copies it to `target`, a file that is not there yet; `copied` hears how many bytes there are so far.
    pub fn copy(&self, target: &Path, mut copied: impl FnMut(u64)) -> Result<()> {
        db::private_file(target)?;
        let mut connection = Connection::open(target)?;
        // A copy that is not whole is thrown away: nothing is to be kept safe while it is made.
        connection.pragma_update(None, "synchronous", "OFF")?;
        let backup = Backup::new(&self.connection, &mut connection)?;
        loop {
            let step = backup.step(PAGES)?;
            let progress = backup.progress();
            copied((progress.pagecount - progress.remaining).max(0) as u64 * 4096);
            match step {
                StepResult::Done => break,
                StepResult::More => std::thread::sleep(BREATH),
                // Somebody checkpoints just now.
                _ => std::thread::sleep(10 * BREATH),
            }
        }
        drop(backup);
        connection.close().map_err(|(_, error)| Error::from(error))
    }

    /// Names and sizes of the files that messages may show.
    pub fn files(&self, mut each: impl FnMut(String, i64) -> Result<()>) -> Result<()> {
        let sql = "SELECT name, size FROM attachments WHERE arrived_at IS NOT NULL ORDER BY name";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?, row.get(1)?)?;
        }
        Ok(())
    }
}

/// Whether the database at `path` still has a file of this name: one that went after the moment was to go.
pub fn has_file(path: &Path, name: &str) -> Result<bool> {
    Ok(open(path)?.prepare("SELECT 1 FROM attachments WHERE name = ?1")?.exists([name])?)
}

/// Opens the database at `path` alone and proves it: its pages, its references, its version. What is in it.
///
/// A trigger would run with every write of the server, and a view or a table of a module in place of a table with every
/// read: what Hobnob did not make of that kind is taken out first, with a word in the log.
pub fn prove(path: &Path) -> Result<Counts> {
    let mut connection = open(path)?;
    let schema: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if !(1..=VERSION).contains(&schema) {
        let sentence = format!("its schema is {schema}, and this version of Hobnob knows 1 to {VERSION}");
        return Err(Error::new(Code::BadRequest, sentence));
    }
    let strange = migrations::strange(&connection, schema)?;
    if !strange.is_empty() {
        drop(connection);
        take_out(path, &strange)?;
        connection = open(path)?;
    }
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Error::new(Code::BadRequest, format!("the database is damaged: {found}")));
    }
    if connection.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(Error::new(Code::BadRequest, "the database has broken references"));
    }
    counts(&connection)
}

fn take_out(path: &Path, strange: &[(String, String)]) -> Result<()> {
    let connection = Connection::open(path)?;
    for (kind, name) in strange {
        connection.execute_batch(&format!("DROP {kind} \"{}\"", name.replace('"', "\"\"")))?;
        log::warn!("left out of the database, because Hobnob did not make it: {kind} {name:?}");
    }
    connection.close().map_err(|(_, error)| Error::from(error))
}

pub(super) fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(db::BUSY)?;
    db::add_functions(&connection, std::sync::Arc::new(|_| false))?;
    Ok(connection)
}

fn counts(connection: &Connection) -> Result<Counts> {
    let sql = "SELECT (SELECT count(*) FROM apps WHERE deleted_at IS NULL), (SELECT count(*) FROM users),
                      (SELECT count(*) FROM groups), (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages),
                      (SELECT count(*) FROM attachments WHERE arrived_at IS NOT NULL)";
    Ok(connection.query_row(sql, [], |row| {
        Ok(Counts {
            apps: row.get(0)?,
            users: row.get(1)?,
            groups: row.get(2)?,
            conversations: row.get(3)?,
            messages: row.get(4)?,
            files: row.get(5)?,
        })
    })?)
}

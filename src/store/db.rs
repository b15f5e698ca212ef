//! Opening the database file: settings of the connections, schema, errors, and the digest of secrets.
//!
//! # No statistics
//!
//! The planner is given none: no `ANALYZE`, no `PRAGMA optimize`, and what an earlier release left is dropped at the
//! start. Statistics are a picture of one moment. Taken at the stop of a young server they say that `users` has one row;
//! they are not renewed while the table grows, and a list of conversations then walks through all users. Without them
//! SQLite takes every table for large and every index for selective, which is what is meant here: each statement of the
//! usual paths is written around one index (a `CROSS JOIN` where the order of tables matters), and `actions::plans`
//! holds that no plan walks through a table that grows. A plan is then the same on the first day and on a full disk.

use std::io::{Read as _, Seek, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags, ffi};
use sha2::{Digest as _, Sha256};

use super::migrations::{self, VERSION};
use crate::durable;
use crate::model::error::{Code, Error, Result};

pub(super) const SCHEMA: &str = include_str!("../../schema.sql");

/// Another process (a command-line tool) may hold the write lock for this long before a write gives up.
pub const BUSY: Duration = Duration::from_secs(5);

/// Prepared statements kept per connection: more than the program has on its usual paths.
const STATEMENTS: usize = 200;

/// Pages in memory for the writer, in KiB (SQLite takes them as it needs them): its working set, the ends of the tables
/// and indexes, should not be read again for every batch.
const WRITER_CACHE: i64 = 64 * 1024;

/// The writer checkpoints by itself only when the WAL has grown to this many pages (64 MiB): the checkpointer thread
/// is there to keep it from coming so far.
const WAL_PAGES: i64 = 16_384;

/// Bytes of the log that are written anew at a time.
const REWRITTEN: usize = 1 << 20;

/// Whether a user (users.id) is connected.
pub type Online = Arc<dyn Fn(i64) -> bool + Send + Sync>;

/// How many members of a group (groups.id) have a socket open.
pub type OnlineIn = Arc<dyn Fn(i64) -> usize + Send + Sync>;

/// SHA-256 of a secret: all that is stored of it.
pub type Digest = [u8; 32];

pub fn digest(secret: &str) -> Digest {
    Sha256::digest(secret.as_bytes()).into()
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        // Ended by its watch (see `readers`): no fault of anybody.
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
            return Code::ReadTimeout.into();
        }
        Error::fault(code_of(error.sqlite_error().map_or(0, |error| error.extended_code)), "database", error)
    }
}

/// What a result code of SQLite means for who asked. Which ones say that the disk cannot be relied on any more is
/// argued in `writer`.
fn code_of(extended: i32) -> Code {
    match (extended & 0xff, extended) {
        (ffi::SQLITE_BUSY, _) => Code::Busy,
        (ffi::SQLITE_FULL, _) => Code::StorageFull,
        // The index of the log, which only lives as long as the server does, found no room to grow.
        (_, ffi::SQLITE_IOERR_SHMSIZE) => Code::StorageFull,
        // Nothing was written that could be lost: this one answer fails.
        (_, ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_NOMEM) => Code::Internal,
        (ffi::SQLITE_IOERR, _) | (_, ffi::SQLITE_READONLY_DBMOVED) => Code::StorageFailed,
        _ => Code::Internal,
    }
}

pub fn open_writer(path: &Path, online: Online) -> Result<Connection> {
    private_file(path)?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // Whatever fails before the log is written anew: its pages must not get into the database, from where a power cut would
    // take them half.
    checkpoint_at_closing(&connection, false)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", sureness(path))?;
    renew_log(&connection, path)?;
    checkpoint_at_closing(&connection, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    // What is deleted is overwritten, also on pages that are given up: who asks to be erased must not be found in the file.
    // A message sent gives up no page, so that only the sweeps and the merges of the search index pay for it.
    connection.pragma_update(None, "secure_delete", true)?;
    no_files_beside(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    add_functions(&connection, online)?;
    create(&connection, path)?;
    drop_statistics(&connection)?;
    Ok(connection)
}

/// Writes the log anew, byte for byte, and syncs it.
///
/// A server that stopped because a sync had failed leaves a log whose last pages may be in memory alone, though Linux
/// takes them for written: a later sync passes them over. A start reads them like any others and goes on behind them, and
/// a power cut would then take what was never on disk with everything that was acknowledged after it. Pages that are
/// written once more are dirty again, so this sync is of all that recovery has read. In the usual case, after a clean
/// stop, the log is empty.
///
/// Its name is synced here as well: SQLite does so once, with the first commit, and goes on if that fails.
fn renew_log(connection: &Connection, path: &Path) -> Result<()> {
    // Nobody else writes to the log meanwhile, or starts it over. (The locks are on other files: to close this one does
    // not give them up.)
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let log = format!("{}-wal", path.display());
    let renewed = rewrite(Path::new(&log)).and_then(|()| durable::sync_folder(path.parent().unwrap_or(Path::new(""))));
    connection.execute_batch("ROLLBACK")?;
    renewed.map_err(|e| Error::fault(Code::StorageFailed, "the log of the database", e))
}

/// Writes a file over itself and syncs it; one that is not there is left so.
fn rewrite(path: &Path) -> std::io::Result<()> {
    let mut file = match std::fs::OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut piece = vec![0; REWRITTEN];
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let much = file.read(&mut piece)?;
        if much == 0 {
            return file.sync_all();
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&piece[..much])?;
        at += much as u64;
    }
}

/// Drops what `ANALYZE` left, and what this connection has read of it.
fn drop_statistics(connection: &Connection) -> Result<()> {
    let kept = "SELECT 1 FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')";
    if connection.prepare(kept)?.exists([])? {
        connection.execute_batch(
            "DROP TABLE IF EXISTS sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4; ANALYZE sqlite_schema",
        )?;
    }
    Ok(())
}

/// The log is somebody else's: this connection makes no checkpoint, neither when the log is long nor at closing.
pub fn leave_log(connection: &Connection) -> Result<()> {
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    checkpoint_at_closing(connection, false)?;
    Ok(())
}

/// Whether the connection copies the log into the database when it is the last one to close.
pub fn checkpoint_at_closing(connection: &Connection, does: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !does).map(drop)
}

/// A connection for checkpoints alone. Closing it makes none: whether the log may go is the writer's to say.
pub fn open_checkpointer(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", sureness(path))?;
    checkpoint_at_closing(&connection, false)?;
    Ok(connection)
}

/// What SQLite needs in passing (pages as they were before a job, rows to be sorted) is kept in memory. By default what
/// is more than a little goes to files in the system's folders for such: a full one there, or none that may be
/// written, would then be a failure of the database.
fn no_files_beside(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// What is acknowledged is on disk; but for a database that goes with the process.
fn sureness(path: &Path) -> &'static str {
    if durable::is_passing(path) { "OFF" } else { "FULL" }
}

/// How long a checkpoint that empties the log may hold up writes while it waits for readers.
const EMPTYING: Duration = Duration::from_millis(50);

/// Checkpoints all of the log and cuts it off, unless somebody still reads from it; whether it did.
pub fn empty_log(path: &Path) -> Result<bool> {
    let connection = open_checkpointer(path)?;
    connection.busy_timeout(EMPTYING)?;
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))? == 0)
}

/// Puts the database file together anew (`VACUUM`): nothing but what is in it is in the new one. Writes wait meanwhile.
pub fn compact(path: &Path) -> Result<()> {
    let connection = open_checkpointer(path)?;
    add_functions(&connection, Arc::new(|_| false))?;
    Ok(connection.execute_batch("VACUUM")?)
}

pub fn open_readers(path: &Path, count: u32, online: Online) -> Result<r2d2::Pool<SqliteConnectionManager>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let manager = SqliteConnectionManager::file(path).with_flags(flags).with_init(move |connection| {
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        no_files_beside(connection)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        add_functions(connection, online.clone())
    });
    // Connections to a local file neither age nor go idle, so r2d2's clocks and checks are off. They are opened when
    // first needed: a start pays for one, not for all.
    r2d2::Pool::builder()
        .max_size(count)
        .min_idle(Some(1))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_on_check_out(false)
        .build(manager)
        .map_err(|e| Error::internal("readers", e))
}

/// The schema of the database at `path`, which is left as it is; 0: nothing is in it.
pub fn schema(path: &Path) -> Result<i64> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// The database holds everything: it is its owner's alone.
pub fn private_file(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|e| Error::internal("database file", e))
}

fn create(connection: &Connection, path: &Path) -> Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => {
            // Two processes may start on a new file at once: the lock decides, the second finds the version set.
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if version == 0 {
                connection.execute_batch(SCHEMA)?;
                connection.pragma_update(None, "user_version", VERSION)?;
            }
            Ok(connection.execute_batch("COMMIT")?)
        }
        older => migrations::migrate(connection, path, older),
    }
}

pub(super) fn add_functions(connection: &Connection, online: Online) -> rusqlite::Result<()> {
    super::search::add_functions(connection)?;
    super::reactions::add_functions(connection)?;
    super::attachments::add_functions(connection)?;
    super::rows::add_functions(connection)?;
    super::names::add_functions(connection)?;
    connection.create_scalar_function("online", 1, FunctionFlags::SQLITE_UTF8, move |context| {
        let user = context.get::<i64>(0)?;
        Ok(!super::presence::is_hidden(user) && online(user))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_is_synced_unless_it_goes_with_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let synced = |name: &str| {
            let path = folder.path().join(name);
            durable::make_folder(&path, true).unwrap();
            let writer = open_writer(&path.join("t.db"), Arc::new(|_| false)).unwrap();
            let checkpointer = open_checkpointer(&path.join("t.db")).unwrap();
            [writer, checkpointer]
                .map(|c| c.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap())
        };
        durable::let_go(&folder.path().join("passing"));
        assert_eq!((synced("kept"), synced("passing")), ([2, 2], [0, 0]));
        durable::has_gone(&folder.path().join("passing"));
    }

    #[test]
    fn nothing_is_kept_in_files_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let writer = open_writer(&path, Arc::new(|_| false)).unwrap();
        let readers = open_readers(&path, 1, Arc::new(|_| false)).unwrap();
        for connection in [&writer, &*readers.get().unwrap()] {
            let place: i64 = connection.pragma_query_value(None, "temp_store", |row| row.get(0)).unwrap();
            assert_eq!(place, 2, "MEMORY");
        }
    }

    #[test]
    fn a_full_disk_a_failing_one_and_the_rest_are_told_apart() {
        for full in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            assert_eq!(code_of(full), Code::StorageFull);
        }
        for failed in [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_IOERR_FSTAT,
            ffi::SQLITE_IOERR_LOCK,
            ffi::SQLITE_READONLY_DBMOVED,
        ] {
            assert_eq!(code_of(failed), Code::StorageFailed, "{failed}");
        }
        for busy in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT] {
            assert_eq!(code_of(busy), Code::Busy);
        }
        for other in
            [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_CORRUPT, ffi::SQLITE_READONLY, 0]
        {
            assert_eq!(code_of(other), Code::Internal, "{other}");
        }
    }
}

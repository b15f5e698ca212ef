//! In tests: how SQLite means to run each statement. `actions::plans` holds them against what is promised.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::Connection;

use super::{Read, Store};

static PLANS: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());

/// The database of which statements are noted: other tests run beside, and look at everything on purpose.
static WATCHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// From now on statements of this database are noted, and of no other.
pub fn watch(store: &Store) {
    *WATCHED.lock().unwrap_or_else(|e| e.into_inner()) = Some(store.inner.path.clone());
}

/// Statements with the lines of their plans.
pub fn plans() -> MutexGuard<'static, BTreeMap<String, Vec<String>>> {
    PLANS.lock().unwrap_or_else(|e| e.into_inner())
}

/// Begins to count the steps SQLite takes on this connection, about.
pub fn start(read: &Read<'_>) -> Arc<AtomicU64> {
    const EVERY: i32 = 10;
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let note = move || {
        counted.fetch_add(EVERY as u64, Ordering::Relaxed);
        false
    };
    read.connection.progress_handler(EVERY, Some(note)).expect("an own connection");
    count
}

/// Ends it; how many there were.
pub fn stop(read: &Read<'_>, count: &AtomicU64) -> u64 {
    read.connection.progress_handler(0, None::<fn() -> bool>).expect("an own connection");
    count.load(Ordering::Relaxed)
}

/// Leaves the statistics of the moment in the database, as the stop of an earlier release did.
pub fn analyze(path: &Path) {
    Connection::open(path).and_then(|connection| connection.execute_batch("ANALYZE")).expect("analyzes");
}

/// A database of the first schema, with statistics of when it was nearly empty.
pub fn of_before(path: &Path) {
    let mut bytes = Vec::new();
    let kept: &[u8] = include_bytes!("../../tests/it/fixtures/schema-1.db.gz");
    flate2::read::GzDecoder::new(kept).read_to_end(&mut bytes).expect("unpacks");
    std::fs::write(path, bytes).expect("written");
    analyze(path);
}

/// Notes how SQLite means to run the statement.
pub fn note(connection: &Connection, sql: &str) {
    let watched = WATCHED.lock().unwrap_or_else(|e| e.into_inner()).clone();
    if watched.is_none_or(|path| connection.path() != path.to_str()) || plans().contains_key(sql) {
        return;
    }
    let Ok(mut statement) = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")) else { return };
    // A plan does not depend on the values, so they stay unbound.
    let mut rows = statement.raw_query();
    let mut plan = Vec::new();
    while let Ok(Some(row)) = rows.next() {
        plan.push(row.get::<_, String>(3).unwrap_or_default());
    }
    plans().insert(sql.to_owned(), plan);
}

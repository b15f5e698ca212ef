//! The thread that copies what was committed from the log into the database file.

use std::time::Duration;

use rusqlite::Connection;

use super::failure::Failure;
use super::job::Job;
use super::queue::Queue;
use crate::model::error::{Code, Error};

/// How often the checkpointer moves what was committed from the WAL to the database file.
const CHECKPOINT: Duration = Duration::from_millis(250);

/// Copies committed pages into the database file, so that the writer does not have to inside a commit. Passive: it
/// waits for nobody and nobody waits for it.
pub fn run(connection: &Connection, queue: &Queue<Job>, failure: &Failure) {
    loop {
        std::thread::park_timeout(CHECKPOINT);
        if failure.happened() {
            return leave(connection);
        }
        if queue.is_closed() {
            return;
        }
        // The pragma answers with a row, which says no more than the next look will.
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            failure.checkpoint_failed(&Error::from(error));
        }
    }
}

/// The log stays as it is when this connection closes. (That of the checkpointer never touches it at closing.)
pub fn leave(connection: &Connection) {
    if let Err(error) = super::db::leave_log(connection) {
        log::error!("the log may be touched at closing: {error}");
    }
}

impl Failure {
    /// A checkpoint met this error.
    pub(super) fn checkpoint_failed(&self, error: &Error) {
        if error.code == Code::StorageFailed {
            self.tell(disk_failed(error));
        }
    }
}

pub fn disk_failed(error: &Error) -> String {
    format!(
        "the disk under the database failed ({}): the server stops, because nobody can say what of later writes would be \
         kept. Nothing acknowledged was lost. See to the disk, then start again",
        error.plain()
    )
}

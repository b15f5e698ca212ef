//! What is counted of reads and writes, and what is said of one that took long.
//!
//! The writer counts once for a batch where it can, so a write costs two histograms more and no lock. Names of writes are
//! the program's own; a read is named by the route that asks. Values are never told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::watch::meter::{Counter, Histogram};
use crate::watch::request::{self, Origin};
use crate::watch::tail::{Entry, Kind, Tail};

/// Counters of a store.
pub struct Meters {
    /// From being queued until its turn.
    pub write_wait: Histogram,
    /// A write's own time in the transaction.
    pub write_time: Histogram,
    /// Of a `COMMIT`: it holds the sync.
    pub commit_time: Histogram,
    /// Writes of a commit.
    pub batch: Histogram,
    /// Writes that are on disk, those that were refused by what they found, and those that failed.
    pub kept: Counter,
    pub refused: Counter,
    pub failed: Counter,
    /// Writes and reads that found their queue full.
    pub write_queue_full: Counter,
    pub read_queue_full: Counter,
    pub read_wait: Histogram,
    pub read_time: Histogram,
    /// Tries to tell outside, by how they went: it was taken, the answer was another, there was none. `out` counts them.
    pub told: Counter,
    pub told_refused: Counter,
    pub told_unanswered: Counter,
    /// Events that went before they were told, counted once for each that was to hear of them.
    pub told_dropped: Counter,
    pub slow_reads: Counter,
    pub slow_writes: Counter,
    pub slow_commits: Counter,
    /// Where what is slow is told besides.
    pub tail: Tail,
    /// A batch found the disk full, and nobody has seen since that there is room again.
    pub was_full: AtomicBool,
    /// Nanoseconds from which on something is slow.
    slow: AtomicU64,
}

impl Meters {
    /// `tail`: where what is slow is told.
    pub fn new(tail: Tail) -> Self {
        Meters {
            write_wait: Histogram::of_times(),
            write_time: Histogram::of_times(),
            commit_time: Histogram::of_times(),
            batch: Histogram::of_counts(),
            kept: Counter::default(),
            refused: Counter::default(),
            failed: Counter::default(),
            write_queue_full: Counter::default(),
            read_queue_full: Counter::default(),
            read_wait: Histogram::of_times(),
            read_time: Histogram::of_times(),
            told: Counter::default(),
            told_refused: Counter::default(),
            told_unanswered: Counter::default(),
            told_dropped: Counter::default(),
            slow_reads: Counter::default(),
            slow_writes: Counter::default(),
            slow_commits: Counter::default(),
            tail,
            was_full: AtomicBool::new(false),
            slow: AtomicU64::new(u64::MAX),
        }
    }

    /// Says from when on something is slow; `None`: nothing is.
    pub fn set_slow(&self, from: Option<Duration>) {
        let nanos = from.map_or(u64::MAX, |from| u64::try_from(from.as_nanos()).unwrap_or(u64::MAX));
        self.slow.store(nanos, Ordering::Relaxed);
    }

    fn is_slow(&self, time: Duration) -> bool {
        let from = self.slow.load(Ordering::Relaxed);
        from != u64::MAX && time.as_nanos() >= u128::from(from)
    }

    /// A read is done that waited and took so long. To be called by the thread that read.
    pub fn read(&self, waited: Duration, took: Duration) {
        self.read_wait.time(waited);
        self.read_time.time(took);
        if self.is_slow(waited.max(took)) {
            self.slow_reads.one();
            self.tell("read", None, waited, took);
            let (took, waited) = (seconds(took), seconds(waited));
            // Two places, as the log counts them: what the server does for itself takes no line of a client's.
            match request::current() {
                Some(Origin { method, route, .. }) => {
                    log::warn!(target: SLOW, seconds = took, waited = waited; "slow read of {method} {route}");
                }
                None => log::warn!(target: SLOW, seconds = took, waited = waited; "slow read of the server itself"),
            }
        }
    }

    /// A write of this name had its turn. To be called as long as the thread works for its request.
    pub fn write(&self, name: &'static str, waited: Duration, took: Duration) {
        self.write_wait.time(waited);
        self.write_time.time(took);
        if self.is_slow(waited.max(took)) {
            self.slow_writes.one();
            self.tell("write", Some(name), waited, took);
            log::warn!(target: SLOW, seconds = seconds(took), waited = seconds(waited); "slow write {name}");
        }
    }

    /// Tells who looks of something slow, and for which request it was.
    fn tell(&self, what: &'static str, name: Option<&'static str>, waited: Duration, took: Duration) {
        self.tail.tell(|| {
            let origin = request::current().filter(|_| what != "commit");
            let title = match (name, &origin) {
                (Some(name), _) => format!("slow {what} {name}"),
                (None, Some(origin)) => format!("slow {what} of {} {}", origin.method, origin.route),
                (None, None) => format!("slow {what}"),
            };
            let entry = Entry::new(Kind::Slow, title).fact("seconds", seconds(took)).fact("waited", seconds(waited));
            match origin {
                Some(origin) => entry.fact("request", origin.id.to_string()),
                None => entry,
            }
        });
    }

    /// So many writes were committed.
    pub fn commit(&self, writes: usize, took: Duration) {
        self.commit_time.time(took);
        self.batch.note(writes as u64);
        if self.is_slow(took) {
            self.slow_commits.one();
            self.tell("commit", None, Duration::ZERO, took);
            log::warn!(target: SLOW, seconds = seconds(took), writes = writes; "slow commit: the disk takes its time");
        }
    }
}

/// The target of lines about what was slow.
const SLOW: &str = "hobnob::slow";

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

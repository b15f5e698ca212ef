//! Who reads when, and when a read ends.
//!
//! Reads run on a few connections, and any of them may turn out to be long. So the readers are shared out: whoever asks
//! stands in a queue of their own, the queues take turns, and nobody holds all readers: half of them at most while
//! somebody else waits, all but one otherwise. Who asks for much waits behind themselves.
//!
//! A read ends at its deadline, and as soon as nobody waits for it any more. SQLite asks [`Watch`] every some steps, and
//! every statement asks before it begins. An interrupt from outside would do it too, but might hit the next one who reads
//! on that connection. The reader is free again when its thread is done, not when its answer is not wanted any more.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::db::BUSY;
use crate::model::error::{Code, Error, Result};

/// Steps of SQLite between two looks at the watch: some microseconds.
const STEPS: i32 = 1_000;

/// Opening a connection takes less than this, unless it cannot be opened. Every read may wait so long for one: a shorter
/// deadline is a matter of what it does then.
const OPENING: Duration = Duration::from_secs(1);

/// How many may wait in all, for each who may wait of one.
const QUEUES: usize = 10;

/// Whose read it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// The server's own: credentials, chores. Their reads are few and short, so they have no deadline.
    Server,
    /// A user's (users.id; an app acts as its own user), or that of people without one.
    Of(i64),
}

/// The queues. `T` is what is handed to whoever gets a reader.
struct Turns<T> {
    readers: usize,
    /// Who has how many readers now, and all together.
    running: HashMap<Share, usize>,
    busy: usize,
    queues: HashMap<Share, VecDeque<T>>,
    /// Whose turn is next; each with a queue that is not empty.
    order: VecDeque<Share>,
    waiting: usize,
    /// How many of one may wait.
    most: usize,
}

impl<T> Turns<T> {
    fn new(readers: usize, most: usize) -> Self {
        Turns {
            readers,
            running: HashMap::new(),
            busy: 0,
            queues: HashMap::new(),
            order: VecDeque::new(),
            waiting: 0,
            most,
        }
    }

    /// Stands in the queue; `false`: it is full.
    fn wait(&mut self, share: Share, ticket: T) -> bool {
        let queue = self.queues.entry(share).or_default();
        let own = share == Share::Server;
        if !own && (queue.len() >= self.most || self.waiting >= self.most.saturating_mul(QUEUES)) {
            if queue.is_empty() {
                self.queues.remove(&share);
            }
            return false;
        }
        if queue.is_empty() {
            self.order.push_back(share);
        }
        queue.push_back(ticket);
        self.waiting += 1;
        true
    }

    /// Gives a free reader to the next whose turn it is.
    fn next(&mut self) -> Option<(Share, T)> {
        if self.busy >= self.readers {
            return None;
        }
        for _ in 0..self.order.len() {
            let share = self.order.pop_front()?;
            if self.running.get(&share).copied().unwrap_or(0) >= self.most_of(share) {
                self.order.push_back(share);
                continue;
            }
            let queue = self.queues.get_mut(&share)?;
            let ticket = queue.pop_front()?;
            if queue.is_empty() {
                self.queues.remove(&share);
            } else {
                self.order.push_back(share);
            }
            self.waiting -= 1;
            self.busy += 1;
            *self.running.entry(share).or_default() += 1;
            return Some((share, ticket));
        }
        None
    }

    /// How many readers `share`, whose turn it is, may have. The others that wait stand in `order`.
    fn most_of(&self, share: Share) -> usize {
        match share {
            Share::Server => self.readers,
            Share::Of(_) if self.order.is_empty() => (self.readers - 1).max(1),
            Share::Of(_) => (self.readers / 2).max(1),
        }
    }

    fn done(&mut self, share: Share) {
        self.busy -= 1;
        if let Some(running) = self.running.get_mut(&share) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&share);
            }
        }
    }
}

/// The readers and who waits for them.
pub struct Readers {
    turns: Mutex<Turns<oneshot::Sender<Permit>>>,
    /// How long a read may take once it has a reader.
    deadline: Duration,
}

/// How many reads there are at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// How many may run at once.
    pub readers: usize,
    pub busy: usize,
    pub waiting: usize,
}

/// A reader, until it is dropped.
pub struct Permit {
    readers: Arc<Readers>,
    share: Share,
}

impl Readers {
    /// `count` readers; of one share `most` reads may wait.
    pub fn new(count: usize, deadline: Duration, most: usize) -> Arc<Self> {
        Arc::new(Readers { turns: Mutex::new(Turns::new(count.max(1), most)), deadline })
    }

    pub async fn acquire(self: &Arc<Self>, share: Share) -> Result<Permit> {
        let (ticket, turn) = oneshot::channel();
        if !self.turns().wait(share, ticket) {
            return Err(Error::new(Code::Busy, "Too many of your reads wait already: send fewer at a time."));
        }
        self.hand_out();
        turn.await.map_err(|e| Error::internal("read", e))
    }

    /// What ends a read of this share.
    pub fn watch(&self, share: Share) -> Arc<Watch> {
        let until = match share {
            Share::Server => None,
            Share::Of(_) => Some(Instant::now() + self.deadline),
        };
        Arc::new(Watch { until, left: AtomicBool::new(false) })
    }

    /// How many reads run and wait now.
    pub fn reading(&self) -> Reading {
        let turns = self.turns();
        Reading { readers: turns.readers, busy: turns.busy, waiting: turns.waiting }
    }

    fn hand_out(self: &Arc<Self>) {
        loop {
            let Some((share, ticket)) = self.turns().next() else { return };
            if ticket.is_closed() {
                self.turns().done(share);
                continue;
            }
            // Whoever left just now drops the permit, which hands on.
            let _ = ticket.send(Permit { readers: self.clone(), share });
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns<oneshot::Sender<Permit>>> {
        self.turns.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.readers.turns().done(self.share);
        self.readers.hand_out();
    }
}

/// Whether a read is to end.
pub struct Watch {
    until: Option<Instant>,
    left: AtomicBool,
}

impl Watch {
    fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// How long it may wait for a connection.
    pub fn patience(&self) -> Duration {
        self.until.map_or(BUSY, |until| until.saturating_duration_since(Instant::now()).max(OPENING))
    }

    /// The refusal, if the read is to end.
    pub fn check(&self) -> Result<()> {
        if self.is_over() { Err(Code::ReadTimeout.into()) } else { Ok(()) }
    }
}

/// Whoever waits for a read. Dropped: nobody waits any more.
pub struct Waiting(pub Arc<Watch>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.left.store(true, Ordering::Relaxed);
    }
}

/// A read transaction on a connection, ended however the work ends.
pub struct Snapshot<'c>(&'c Connection);

impl<'c> Snapshot<'c> {
    pub fn begin(connection: &'c Connection, watch: &Arc<Watch>) -> Result<Self> {
        let watch = watch.clone();
        connection.progress_handler(STEPS, Some(move || watch.is_over()))?;
        let snapshot = Snapshot(connection);
        // Deferred: all statements of one read see the same state.
        connection.execute_batch("BEGIN")?;
        Ok(snapshot)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let unwatched = self.0.progress_handler(0, None::<fn() -> bool>);
        let ended = if self.0.is_autocommit() { Ok(()) } else { self.0.execute_batch("ROLLBACK") };
        if let Err(error) = unwatched.and(ended) {
            log::error!("ending a read: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Clock;
    use crate::store::{Hooks, Read, Store};

    const A: Share = Share::Of(1);
    const B: Share = Share::Of(2);

    fn given<T>(turns: &mut Turns<T>) -> Vec<Share> {
        std::iter::from_fn(|| turns.next().map(|(share, _)| share)).collect()
    }

    #[test]
    fn queues_take_turns_and_nobody_has_all() {
        let mut turns = Turns::new(4, 100);
        for _ in 0..10 {
            assert!(turns.wait(A, ()));
        }
        assert_eq!(given(&mut turns), [A, A, A], "one reader is left for somebody else");
        assert!(turns.wait(B, ()) && turns.wait(B, ()));
        assert_eq!(given(&mut turns), [B]);
        turns.done(A);
        assert_eq!(given(&mut turns), [B], "who has half already lets the other go first");
        turns.done(A);
        assert_eq!(given(&mut turns), [A], "nobody else waits");
        assert!(turns.wait(Share::Server, ()));
        turns.done(B);
        assert_eq!(given(&mut turns), [Share::Server]);
        turns.done(B);
        assert_eq!(given(&mut turns), [A]);
        turns.done(A);
        turns.done(A);
        turns.done(Share::Server);
        assert_eq!(given(&mut turns), [A, A], "the third of four");
    }

    #[test]
    fn a_full_queue_is_full_for_one_only() {
        let mut turns = Turns::new(1, 2);
        assert!(turns.wait(A, ()) && turns.wait(A, ()) && !turns.wait(A, ()));
        assert!(turns.wait(B, ()));
        assert_eq!(given(&mut turns), [A]);
        turns.done(A);
        assert_eq!(given(&mut turns), [B]);
        turns.done(B);
        assert_eq!(given(&mut turns), [A]);
        turns.done(A);
        assert_eq!((turns.waiting, turns.busy, turns.queues.len(), turns.running.len()), (0, 0, 0, 0));
    }

    /// A store with one reader.
    fn store(dir: &std::path::Path, deadline: Duration) -> Store {
        let hooks = Hooks::alone(Clock::fixed(1));
        Store::open(&dir.join("db"), 1, 10, hooks).unwrap().with_reads(deadline, 10)
    }

    fn for_ever(read: &Read<'_>) -> Result<i64> {
        read.number("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", [])
    }

    #[tokio::test]
    async fn a_read_ends_at_its_deadline_and_frees_its_reader() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), Duration::ZERO);
        let late = store.shared_by(1).read(for_ever).await;
        assert_eq!(late.err().map(|error| error.code), Some(Code::ReadTimeout));
        assert_eq!(store.read(|read| read.number("SELECT 7", [])).await.unwrap(), 7);
        store.close();
    }

    #[tokio::test]
    async fn a_read_ends_when_nobody_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), Duration::from_secs(1_000_000));
        let (begun, begins) = oneshot::channel();
        let mine = store.shared_by(1);
        let reading = tokio::spawn(async move {
            mine.read(move |read| {
                let _ = begun.send(());
                for_ever(read)
            })
            .await
        });
        begins.await.unwrap();
        reading.abort();
        // The only reader comes free, or this waits for ever.
        let other = store.shared_by(2);
        let next = other.read(|read| read.number("SELECT 7", []));
        assert_eq!(tokio::time::timeout(Duration::from_secs(60), next).await.unwrap().unwrap(), 7);
        store.close();
    }
}

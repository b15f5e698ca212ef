//! The one writer: group commit.
//!
//! A thread owns the only writing connection. It waits for a job, begins a transaction, runs the job, keeps taking jobs
//! that are queued *already*, commits, and only then releases what is to be announced and answers each. There is no
//! timer: a batch is whatever came in while the last commit was being written, so an idle server answers at once and a
//! busy one shares each fsync among many. Jobs of the low lane share one among themselves while nobody waits.
//!
//! Each job but the first has a savepoint of its own: what it did is undone when it fails or panics, and the others go on.
//! To undo the first, its transaction is given up, with nothing else in it; who comes next begins another.
//!
//! # When the disk fails
//!
//! A full disk is the usual case and a clean one: SQLite could not write the pages, the transaction is undone, everybody
//! in the batch is told so, and the next write may succeed.
//!
//! Any other I/O error while writing ends the store. After a failed sync nobody can say what is on disk: Linux reports
//! such an error once, may mark the pages clean although they never arrived, and a second sync then succeeds without
//! having written them. What a read shows comes from that same memory. So trying again, or going on with the next
//! batch, could acknowledge what a power cut takes away, or build on it. The only sound state is the one that a new
//! start reads from disk: the log up to the last commit whose checksums hold. That commit was synced before it was
//! answered, so nothing that was acknowledged is missing there. A failed *read* ends nothing: no page was to be made
//! durable, and a bad sector must not let a client that asks for it stop the server.
//!
//! The same holds when the database file is removed or replaced under the server (see `place`): the writer looks after
//! each commit, before it answers.
//!
//! The store then answers everything with a fault of its own, leaves the log as it is (no checkpoint, not even the one at
//! closing), and says why by [`Failure`], upon which the server exits. The next start writes the log anew before it goes
//! on behind it (see `db`). A tool that works beside a server never makes a checkpoint: it would not know that the server's
//! disk failed, take pages for copied that never arrived, and give up the log that holds them.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::checkpointer;
use super::failure::Failure;
use super::job::Job;
use super::meters::Meters;
use super::moderation::rules::Engines;
use super::outbox::Subscribed;
use super::people::People;
use super::place::Place;
use super::queue::{Lane, Queue, Queued, Refused, Taken};
use super::told::Told;
use super::{Credentials, Hooks, OnlineIn, Read, Write, clock};
use crate::model::error::{Code, Error, Result};
use crate::model::event::Post;
use crate::model::time::{Clock, Ids};
use crate::watch::request;

/// A batch ends after this many jobs or this long, so that the first in it does not wait for ever.
const BATCH_JOBS: usize = 256;
const BATCH_TIME: Duration = Duration::from_millis(20);

/// A batch of low jobs takes more of them for this long only: somebody may come who waits.
const LOW_TIME: Duration = Duration::from_millis(5);

/// How often an idle writer looks whether another process changed the database.
const LOOK: Duration = Duration::from_millis(500);

pub struct Handle {
    queue: Arc<Queue<Job>>,
    meters: Arc<Meters>,
    failure: Arc<Failure>,
    told: Arc<Told>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Handle {
    pub fn submit(&self, lane: Lane, job: Job) -> Result<()> {
        if self.failure.happened() {
            return Err(Code::StorageFailed.into());
        }
        match self.queue.submit(lane, job) {
            Ok(()) => Ok(()),
            Err(Refused::Full) => {
                self.meters.write_queue_full.one();
                Err(Code::Busy.into())
            }
            // Closed by a failure since the look at it above, or by whoever stops the server.
            Err(Refused::Closed) if self.failure.happened() => Err(Code::StorageFailed.into()),
            Err(Refused::Closed) => Err(Error::new(Code::Busy, "The server is stopping.")),
        }
    }

    /// Why the writer stopped by itself, if it has.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// How many jobs of the high lane there have been.
    pub fn asked(&self) -> u64 {
        self.queue.asked()
    }

    /// How many transactions were committed: each is a sync.
    pub fn commits(&self) -> u64 {
        self.queue.commits()
    }

    /// Who tells that there is more in the outbox.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// How many jobs wait.
    pub fn queued(&self) -> Queued {
        self.queue.queued()
    }

    /// Lets the queued jobs finish, then stops. Idempotent.
    pub fn close(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(|e| e.into_inner()));
        for thread in threads {
            thread.thread().unpark();
            if thread.join().is_err() {
                log::error!("a thread of the store stopped by panic");
            }
        }
    }
}

pub fn start(
    connection: Connection,
    checkpointer: Option<Connection>,
    most: usize,
    credentials: Arc<Credentials>,
    place: Place,
    meters: Arc<Meters>,
    hooks: Hooks,
) -> Result<Handle> {
    let Hooks { clock, ids, deliver, online, online_in, .. } = hooks;
    let people = People::new(&connection, online)?;
    let failure = Arc::new(Failure::default());
    let queue = Arc::new(Queue::new(most));
    let failed = failure.clone();
    let told = Arc::<Told>::default();
    let mut writer = Writer {
        connection,
        queue: queue.clone(),
        credentials,
        clock,
        ids,
        deliver,
        place,
        failure: failed,
        meters: meters.clone(),
        keeps_log: checkpointer.is_some(),
        seen: 0,
        noted: 0,
        subscribed: Subscribed::default(),
        engines: Engines::default(),
        online_in,
        told: told.clone(),
        people,
    };
    writer.seen = writer.data_version()?;
    let spawn = |name: &'static str, work: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        thread.map_err(|e| Error::internal(name, e))
    };
    let writing = spawn("hobnob-writer", Box::new(move || writer.run()))?;
    let mut threads = vec![writing];
    if let Some(checkpointer) = checkpointer {
        let (signs, failed) = (queue.clone(), failure.clone());
        // It ends before the writer does, which makes the last checkpoint.
        threads.insert(0, spawn("hobnob-copy", Box::new(move || checkpointer::run(&checkpointer, &signs, &failed)))?);
    }
    Ok(Handle { queue, meters, failure, told, threads: Mutex::new(threads) })
}

struct Writer {
    connection: Connection,
    queue: Arc<Queue<Job>>,
    credentials: Arc<Credentials>,
    clock: Clock,
    ids: Ids,
    deliver: Box<dyn FnMut(Vec<Post>) + Send>,
    place: Place,
    failure: Arc<Failure>,
    meters: Arc<Meters>,
    /// Whether checkpoints are this store's to make.
    keeps_log: bool,
    /// `PRAGMA data_version` as last seen; it moves when another process commits.
    seen: i64,
    /// The time that is in the table `clock`.
    noted: i64,
    subscribed: Subscribed,
    engines: Engines,
    online_in: OnlineIn,
    told: Arc<Told>,
    people: People,
}

/// What became of a job, until its batch is committed.
enum Ran {
    /// What it did stands; whether it changed credentials.
    Kept(bool),
    /// It was refused by what it found, and undone.
    Refused,
    /// It failed by a fault of the server, and was undone.
    Failed,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.queue.wait(LOOK) {
                Taken::Job(lane, job) => self.batch(lane, job),
                Taken::Nothing => self.look_around(),
                Taken::Closed => break,
            }
            if self.failure.happened() {
                return self.give_up();
            }
        }
        if !self.keeps_log {
            return;
        }
        // No PRAGMA optimize: plans rest on no statistics (see `db`).
        if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            log::warn!("checkpoint at the end: {error}");
            // Pages of earlier checkpoints may have been lost with that sync, and nobody would copy them again: SQLite
            // tries once more at closing, for the rest alone, and removes the log.
            checkpointer::leave(&self.connection);
        }
    }

    /// Answers all that is queued, and leaves the files as they are.
    fn give_up(&self) {
        checkpointer::leave(&self.connection);
        while let Some(job) = self.queue.give_up() {
            job.answer(Err(Code::StorageFailed.into()));
        }
    }

    /// `Err`: the database is not where it was.
    fn in_place(&self) -> Result<()> {
        let Some(lost) = self.place.lost() else { return Ok(()) };
        let sentence = format!(
            "{} was removed or replaced while the server ran: it stops, and has acknowledged nothing since",
            lost.display()
        );
        self.failure.tell(sentence);
        Err(Code::StorageFailed.into())
    }

    /// A key revoked by the command-line tool must stop working here, too.
    fn look_around(&mut self) {
        if self.in_place().is_ok() {
            self.look();
        }
    }

    /// What is held of rows is forgotten if another process has committed.
    fn look(&mut self) {
        match self.data_version() {
            Ok(version) if version != self.seen => {
                self.seen = version;
                self.credentials.forget();
                self.subscribed.forget();
                self.engines.forget_all();
                self.people.forget();
                self.told.changed();
            }
            Ok(_) => {}
            Err(error) => log::error!("data_version: {error}"),
        }
    }

    fn data_version(&self) -> Result<i64> {
        Ok(self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    fn batch(&mut self, lane: Lane, first: Job) {
        let started = Instant::now();
        let mut done: Vec<Job> = Vec::new();
        let mut posts = Vec::new();
        let mut credentials_changed = false;
        let (mut refused, mut failed) = (0, 0);

        let mut first = Some(first);
        let committed = self.execute("BEGIN IMMEDIATE").and_then(|()| {
            // From here on nobody else writes. (Outside of a transaction the look would take and give back locks.)
            self.look();
            let mut next = first.take().map(|first| (lane, first));
            // Nobody waits for the batch yet: it is filled up with what may wait.
            let mut low = true;
            let mut at = Instant::now();
            while let Some((lane, mut job)) = next {
                let _entered = request::enter(job.origin.clone());
                let outcome = self.one(&mut job, &mut posts, done.is_empty());
                let now = Instant::now();
                self.meters.write(job.name, at.saturating_duration_since(job.queued), now - at);
                at = now;
                done.push(job);
                match outcome? {
                    Ran::Kept(changed) => credentials_changed |= changed,
                    Ran::Refused => refused += 1,
                    Ran::Failed => failed += 1,
                }
                if self.connection.is_autocommit() {
                    // The first was undone, and there is nothing to commit.
                    return Ok(());
                }
                let spent = now - started;
                let room = done.len() < BATCH_JOBS && spent < BATCH_TIME;
                low &= lane == Lane::Low && spent < LOW_TIME;
                next = if room { self.queue.next(low) } else { None };
            }
            self.note_time()?;
            let begun = Instant::now();
            self.execute("COMMIT")?;
            self.meters.commit(done.len(), begun.elapsed());
            self.queue.committed();
            self.in_place()
        });

        // Where it did not even begin: it failed as any does, and hears of it.
        done.extend(first);
        if let Err(error) = &committed {
            log::error!("a batch of {} writes failed: {error}", done.len());
            posts.clear();
            self.subscribed.forget();
            self.engines.forget_all();
            self.note_full(Some(error.code));
            if error.code == Code::StorageFailed && !self.failure.happened() {
                self.failure.tell(checkpointer::disk_failed(error));
            }
            if !self.connection.is_autocommit() {
                let _ = self.execute("ROLLBACK");
            }
            self.people.forget();
        } else if credentials_changed {
            // Before the answers: who was told of a revocation must not see the revoked work again.
            self.credentials.forget();
        }
        if committed.is_err() {
            self.meters.failed.add(done.len() as u64);
        } else {
            self.meters.kept.add(done.len() as u64 - refused - failed);
            self.meters.refused.add(refused);
            self.meters.failed.add(failed);
        }
        // Handed over before it is answered: a socket that was told it is in, and goes at once, is never taken out of the
        // hub before it was put in.
        if !posts.is_empty() {
            (self.deliver)(posts);
        }
        self.people.settle();
        self.subscribed.tell(&self.told);
        for job in done {
            job.answer(committed.clone());
        }
    }

    /// Notes that the disk is full, if that is why something failed.
    fn note_full(&self, failed: Option<Code>) {
        if failed == Some(Code::StorageFull) {
            self.meters.was_full.store(true, Ordering::Relaxed);
        }
    }

    /// Notes the time of the batch, at most once a second.
    fn note_time(&mut self) -> Result<()> {
        let now = self.clock.now();
        if now != self.noted {
            clock::note(&self.connection, now, self.clock.take_healed())?;
            self.noted = now;
        }
        Ok(())
    }

    /// Runs one job, so that it alone can be undone. `Err`: the transaction itself is broken.
    fn one(&self, job: &mut Job, posts: &mut Vec<Post>, first: bool) -> Result<Ran> {
        if !first {
            self.execute("SAVEPOINT job")?;
        }
        let before = posts.len();
        let read =
            Read { connection: &self.connection, now: self.clock.now(), watch: None, people: Some(&self.people) };
        let (subscribed, engines, online_in) = (&self.subscribed, &self.engines, &self.online_in);
        let mut tx = Write {
            read,
            ids: &self.ids,
            posts,
            credentials_changed: false,
            subscribed,
            webhooks_changed: false,
            engines,
            rules_changed: false,
            noted: Cell::new(false),
            dated: false,
            online_in,
        };
        let kept = job.run(&mut tx, &self.told);
        let changed = tx.credentials_changed;
        // What was made of rules after the last change to them holds if the change does.
        if tx.rules_changed && kept.is_err() {
            engines.forget_all();
        }
        if tx.webhooks_changed {
            subscribed.changed();
        }
        self.note_full(kept.err());
        match kept {
            Ok(()) => {
                if !first {
                    self.execute("RELEASE job")?;
                }
                return Ok(Ran::Kept(changed));
            }
            // SQLite undoes the whole transaction when it cannot write. What the others did is gone with it.
            Err(code) if code == Code::StorageFailed || self.connection.is_autocommit() => return Err(code.into()),
            Err(_) => {}
        }
        posts.truncate(before);
        if first {
            self.execute("ROLLBACK")?;
        } else {
            self.execute("ROLLBACK TO job")?;
            self.execute("RELEASE job")?;
        }
        Ok(if kept.is_err_and(Code::is_fault) { Ran::Failed } else { Ran::Refused })
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use futures_util::FutureExt;

    use super::*;
    use crate::model::event::Move;
    use crate::model::time::Clock;
    use crate::store::{Hooks, Store};

    /// What may wait shares its commits, and steps back for whoever waits.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_low_lane_fills_batches_up_and_keeps_nobody_waiting() {
        const MANY: usize = 1000;
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(1);
        let hooks = Hooks::alone(clock);
        let store = Store::open(&folder.path().join("t.db"), 1, MANY, hooks).unwrap();
        let (go_on, wait) = channel::<()>();
        let (began, begun) = channel();
        let held = store.clone();
        let holding = tokio::spawn(async move {
            held.write("holding", move |_| {
                let _ = began.send(());
                let _ = wait.recv();
                Ok(())
            })
            .await
        });
        begun.recv().unwrap();
        let before = store.commits();
        let order = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..MANY {
            let order = order.clone();
            let queued = store.write_later("low", move |_| {
                order.lock().unwrap().push(Lane::Low);
                Ok(())
            });
            assert!(queued);
        }
        assert!(!store.write_later("low", |_| Ok(())), "the lane is bounded");
        let noted = order.clone();
        let high = store.write("high", move |_| {
            noted.lock().unwrap().push(Lane::High);
            Ok(())
        });
        let mut high = Box::pin(high);
        assert!((&mut high).now_or_never().is_none(), "it is queued");
        go_on.send(()).unwrap();
        high.await.unwrap();
        holding.await.unwrap().unwrap();
        store.close();
        let order = order.lock().unwrap();
        assert_eq!((order.len(), order[0]), (MANY + 1, Lane::High));
        assert!(store.commits() - before < MANY as u64 / 4, "{} commits", store.commits() - before);
    }

    /// Wherever in a batch one fails: what it wrote and told is gone, and what the others did stays.
    #[tokio::test]
    async fn whoever_fails_undoes_its_own_work_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (told, heard) = channel();
        let hooks =
            Hooks { deliver: Box::new(move |posts| told.send(posts.len()).unwrap()), ..Hooks::alone(Clock::fixed(1)) };
        let store = Store::open(&folder.path().join("t.db"), 1, 99, hooks).unwrap();
        let count = |read: &Read<'_>| read.number("SELECT count(*) FROM audit", []);
        let (mut kept, mut expected) = (0, store.read(count).await.unwrap());
        for fails in 0..1 << 4 {
            let acts = (0..4).map(|n| {
                let fails = fails >> n & 1 == 1;
                store.write("t", move |tx| {
                    tx.insert("INSERT INTO audit (at, actor, act) VALUES (?1, 'cli', 'n')", [n])?;
                    tx.shift(Move::CloseApp(n));
                    assert!(!fails || n % 2 == 0, "on purpose");
                    if fails { Err(Code::BadRequest.into()) } else { Ok(()) }
                })
            });
            for (n, done) in futures_util::future::join_all(acts).await.into_iter().enumerate() {
                assert_eq!(done.is_err(), fails >> n & 1 == 1);
                kept += usize::from(done.is_ok());
            }
            expected += 4 - i64::from(i32::count_ones(fails) as i32);
            assert_eq!(store.read(count).await.unwrap(), expected, "{fails:b}");
        }
        assert_eq!(heard.try_iter().sum::<usize>(), kept);
        store.close();
    }

    /// Marks go as soon as anything does, and are not counted among what was asked for.
    #[tokio::test]
    async fn a_mark_is_no_work_that_others_make_way_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("t.db"), 1, 9, Hooks::alone(Clock::fixed(1))).unwrap();
        let before = store.writes();
        store.write_in(Lane::Mark, "mark", |_| Ok(())).await.unwrap();
        store.write_in(Lane::Low, "low", |_| Ok(())).await.unwrap();
        assert_eq!(store.writes(), before);
        store.write("high", |_| Ok(())).await.unwrap();
        assert_eq!(store.writes(), before + 1);
    }

    /// A batch that cannot begin fails the job that it began with: it is answered, and counted.
    #[tokio::test]
    async fn what_cannot_begin_is_counted_as_failed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let store = Store::open(&path, 1, 9, Hooks::alone(Clock::fixed(1))).unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let before = store.meters().failed.value();
        assert!(store.write("it", |_| Ok(())).await.is_err());
        assert_eq!(store.meters().failed.value(), before + 1);
        other.execute_batch("ROLLBACK").unwrap();
        store.write("it", |_| Ok(())).await.unwrap();
    }
}

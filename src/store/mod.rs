//! The database: the only room that knows SQL.
//!
//! Two doors. `read` runs on a pool of read-only connections, `write` in the one writer thread (see `writer`), whose
//! answer means "on disk". The functions by noun are free functions over [`Read`] or [`Write`]; a check and the write
//! that rests on it are in the same closure and so in the same transaction.

mod checkpointer;
mod credentials;
mod db;
mod failure;
mod job;
mod meters;
mod moments;
mod readers;
mod writer;

pub mod admins;
pub mod app_pins;
pub mod apps;
pub mod attachments;
pub mod audit;
pub mod backup;
pub mod bans;
pub mod blocks;
pub mod calls;
pub mod checkup;
pub mod clock;
pub mod conversations;
pub mod counters;
pub mod deliveries;
pub mod erasures;
pub mod exports;
pub mod extensions;
pub mod figures;
pub mod friends;
pub mod groups;
pub mod health;
pub mod history;
pub mod imports;
pub mod interactions;
pub mod kept;
pub mod keys;
pub mod management;
pub mod members;
pub mod mentions;
pub mod messages;
pub mod metrics;
mod migrations;
pub mod moderation;
mod names;
pub mod notifications;
pub mod outbox;
mod people;
pub mod pins;
mod place;
#[cfg(test)]
pub mod plans;
pub mod presence;
pub mod purge;
mod query;
mod queue;
pub mod reactions;
pub mod receipts;
pub mod render;
pub mod retention;
pub mod roles;
mod rows;
pub mod search;
pub mod sight;
#[cfg(test)]
pub mod slow;
pub mod threads;
pub mod tokens;
mod told;
pub mod totp;
pub mod users;
pub mod waits;
pub mod webhooks;

use std::cell::Cell;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{CachedStatement, Connection, Params, Row};
use tokio::sync::oneshot;

use crate::model::caller::Credential;
use crate::model::error::{Code, Error, Result};
use crate::model::event::{Audience, Event, Move, Post};
use crate::model::time::{Clock, Ids};
use crate::model::user::User;
use crate::watch::request;
use crate::watch::tail::Tail;

use credentials::Credentials;
pub use db::{Digest, Online, OnlineIn, digest, schema};
pub use meters::Meters;
pub use migrations::VERSION as SCHEMA;
use people::People;
pub use queue::{Lane, Queued};
pub use readers::Reading;
use readers::{Readers, Share, Snapshot, Waiting, Watch};
pub use told::{Looker, Told, UnderWay};

/// How long a read of a user may take, unless set otherwise.
const READ_TIME: Duration = Duration::from_secs(5);
/// How many reads of one user may wait, unless set otherwise.
const WAITING_READS: usize = 2_000;

/// A handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// users.id of the person who reads through this handle, if one does.
    viewer: Option<i64>,
    /// Whose reads these are.
    share: Share,
    /// What the audit log is told of what is written through this handle.
    note: Option<Arc<audit::Note>>,
}

struct Inner {
    readers: r2d2::Pool<SqliteConnectionManager>,
    /// Hands out the right to use one of them, so that waiting costs no thread.
    turns: Arc<Readers>,
    writer: writer::Handle,
    credentials: Arc<Credentials>,
    clock: Clock,
    ids: Ids,
    meters: Arc<Meters>,
    path: PathBuf,
}

/// Who moves what was committed from the log into the database file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeper {
    /// This store.
    Own,
    /// A server that runs there.
    Server,
}

/// What `server` hands in when it opens the store.
pub struct Hooks {
    /// Hears what every commit released, in commit order, on the writer's thread.
    pub deliver: Box<dyn FnMut(Vec<Post>) + Send>,
    /// Whether a user (users.id) has a socket open; the SQL function `online`.
    pub online: Online,
    /// How many members of a group (groups.id) have a socket open.
    pub online_in: OnlineIn,
    pub clock: Clock,
    pub ids: Ids,
    /// Where it is told what happens.
    pub tail: Tail,
}

impl Hooks {
    /// Nobody hears of what is written, and nobody is online: for tools.
    pub fn alone(clock: Clock) -> Hooks {
        let (online, online_in) = (Arc::new(|_| false), Arc::new(|_| 0));
        let (ids, tail) = (Ids::default(), Tail::default());
        Hooks { deliver: Box::new(drop), online, online_in, clock, ids, tail }
    }
}

/// What came of work on another thread. It is left here, so that all the way there and back is the same whatever it is.
struct Left<T>(Arc<Mutex<Option<T>>>);

impl<T> Left<T> {
    /// After the work is done.
    fn take(self, what: &'static str) -> Result<T> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        left.ok_or_else(|| Error::internal(what, "nothing came of it"))
    }
}

/// Where it is found, and how it is put there.
fn left<T>() -> (Left<T>, impl FnOnce(T)) {
    let found = Arc::new(Mutex::new(None));
    let place = found.clone();
    (Left(found), move |it| *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(it))
}

/// What is told to whoever asked of a database that is another one now.
fn went_back() -> Error {
    Error::new(Code::Busy, "Meanwhile the server went back to an earlier moment.")
}

/// What a reader does.
type Work = dyn FnOnce(&Read<'_>) -> Result<()> + Send;

impl Store {
    /// Opens the database at `path`, making it from `schema.sql` when it is new. `readers` is the number of
    /// connections that read in parallel, `queue` the number of writes that may wait.
    pub fn open(path: &Path, readers: u32, queue: usize, hooks: Hooks) -> Result<Store> {
        Store::open_as(Keeper::Own, path, readers, queue, hooks)
    }

    /// Opens a database that a server has open, for a tool. The log is left to that server, also when it ends first: it
    /// may end because the disk failed, and then only the log still holds what was acknowledged (see `writer`).
    pub fn open_beside(path: &Path, readers: u32, queue: usize, hooks: Hooks) -> Result<Store> {
        Store::open_as(Keeper::Server, path, readers, queue, hooks)
    }

    fn open_as(keeper: Keeper, path: &Path, readers: u32, queue: usize, mut hooks: Hooks) -> Result<Store> {
        let connection = db::open_writer(path, hooks.online.clone())?;
        let checkpointer = match keeper {
            Keeper::Own => Some(db::open_checkpointer(path)?),
            Keeper::Server => {
                db::leave_log(&connection)?;
                None
            }
        };
        hooks.clock = hooks.clock.steady(clock::last(&connection)?);
        let readers_pool = db::open_readers(path, readers, hooks.online.clone())?;
        let (clock, ids) = (hooks.clock.clone(), hooks.ids.clone());
        let credentials = Arc::new(Credentials::default());
        let meters = Arc::new(Meters::new(hooks.tail.clone()));
        let writer = writer::start(
            connection,
            checkpointer,
            queue,
            credentials.clone(),
            place::Place::of(path),
            meters.clone(),
            hooks,
        )?;
        Ok(Store {
            inner: Arc::new(Inner {
                readers: readers_pool,
                turns: Readers::new(readers as usize, READ_TIME, WAITING_READS),
                writer,
                credentials,
                clock,
                ids,
                meters,
                path: path.to_owned(),
            }),
            viewer: None,
            share: Share::Server,
            note: None,
        })
    }

    /// The same store for a user (users.id; 0 and below: for people without one), who gets a fair share of the readers.
    pub fn shared_by(&self, user: i64) -> Store {
        Store { share: Share::Of(user), ..self.clone() }
    }

    /// A handle whose reads show others' presence as this person (users.id) may see it.
    pub fn seen_by(&self, viewer: Option<i64>) -> Store {
        Store { viewer, ..self.clone() }
    }

    /// A handle whose first write is noted in the audit log.
    pub fn noted(&self, note: audit::Note) -> Store {
        Store { note: Some(Arc::new(note)), ..self.clone() }
    }

    /// With another deadline for reads, and room for another number of waiting reads of one user. Asked before the store
    /// is shared.
    pub fn with_reads(mut self, deadline: Duration, waiting: usize) -> Store {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.turns = Readers::new(inner.readers.max_size() as usize, deadline, waiting);
        }
        self
    }

    /// Runs `f` on a snapshot of the database. It ends at the deadline, or when this future is dropped.
    pub async fn read<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Read<'_>) -> Result<T> + Send + 'static,
    {
        let (found, kept) = left();
        let work = move |read: &Read<'_>| {
            kept(f(read)?);
            Ok(())
        };
        self.read_any(Box::new(work)).await?;
        found.take("read")
    }

    /// The same whatever is read, so that the way there is in the program once.
    fn read_any(&self, f: Box<Work>) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let (inner, viewer) = (self.inner.clone(), self.viewer);
            if inner.writer.failure().happened() {
                return Err(Code::StorageFailed.into());
            }
            let asked = Instant::now();
            let permit = inner.turns.acquire(self.share).await.inspect_err(|error| {
                if error.code == Code::Busy {
                    inner.meters.read_queue_full.one();
                }
            })?;
            let waiting = Waiting(inner.turns.watch(self.share));
            let watch = waiting.0.clone();
            let origin = request::current();
            if origin.as_ref().and_then(|origin| origin.times).is_some_and(|times| !inner.writer.told().is_still(times))
            {
                return Err(went_back());
            }
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let _entered = request::enter(origin);
                let began = Instant::now();
                // Where no more files can be opened, those that wait get a reader that came free, or a clear word in time.
                let reader = inner.readers.get_timeout(watch.patience());
                let reader = reader.map_err(|e| Error::fault(Code::Busy, "no connection to read on can be opened", e));
                let result = reader.and_then(|connection| {
                    let _snapshot = Snapshot::begin(&connection, &watch)?;
                    let read =
                        Read { connection: &connection, now: inner.clock.now(), watch: Some(&watch), people: None };
                    presence::veil(&read, viewer).and_then(|_veil| f(&read))
                });
                inner.meters.read(began - asked, began.elapsed());
                result
            })
            .await
            .map_err(|e| Error::internal("read", e))?
        })
    }

    /// Runs `f` in the writer's transaction. The answer comes after the commit that holds it; an `Err` of `f` undoes
    /// what `f` did. `name` is for the log. Full queue: 503 at once.
    pub async fn write<T, F>(&self, name: &'static str, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        self.write_in(Lane::High, name, f).await
    }

    /// As `write`; the low lane waits while there is other work.
    pub async fn write_in<T, F>(&self, lane: Lane, name: &'static str, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        // What a request does it does in the database that it found.
        let times = match request::current().and_then(|origin| origin.times) {
            Some(times) => times,
            None => self.told().settled().await,
        };
        self.write_of(times, lane, name, f).await
    }

    /// As `write_in`, in this database (`Told::times`) or not at all.
    async fn write_of<T, F>(&self, times: u64, lane: Lane, name: &'static str, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        let (done, kept) = left();
        let note = self.note.clone();
        let work = move |tx: &mut Write<'_>| {
            kept(f(tx)?);
            note.map_or(Ok(()), |note| note.settle(tx))
        };
        self.write_any(times, lane, name, Box::new(work)).await?;
        done.take(name)
    }

    /// The same whatever is written.
    async fn write_any(&self, times: u64, lane: Lane, name: &'static str, work: Box<job::Work>) -> Result<()> {
        let (answer, waiting) = oneshot::channel();
        self.inner.writer.submit(lane, job::Job::new(name, work, times, Some(answer)))?;
        waiting.await.map_err(|_| Error::from(Code::Busy))?
    }

    /// Queues a write whose outcome nobody waits for, in the low lane. Whether there was room for it.
    pub fn write_later<F>(&self, name: &'static str, f: F) -> bool
    where
        F: FnOnce(&mut Write<'_>) -> Result<()> + Send + 'static,
    {
        let times = request::current().and_then(|origin| origin.times);
        self.write_later_of(times.unwrap_or_else(|| self.told().times()), name, f)
    }

    /// As `write_later`, in this database (`Told::times`) or not at all.
    pub fn write_later_of<F>(&self, times: u64, name: &'static str, f: F) -> bool
    where
        F: FnOnce(&mut Write<'_>) -> Result<()> + Send + 'static,
    {
        let queued = self.inner.writer.submit(Lane::Low, job::Job::new(name, Box::new(f), times, None));
        if let Err(error) = &queued {
            log::warn!("{name}: not written now: {error}");
        }
        queued.is_ok()
    }

    /// The credential with this digest, from memory or from the database.
    pub async fn credential(&self, digest: Digest) -> Result<Option<Credential>> {
        let (generation, known) = self.inner.credentials.find(&digest);
        if known.is_some() {
            return Ok(known);
        }
        let found = self.read(move |read| apps::credential(read, &digest)).await?;
        if let Some(credential) = &found {
            self.inner.credentials.keep(generation, digest, credential.clone());
        }
        Ok(found)
    }

    /// Waits until the store stops by itself because it can vouch for nothing more, and says why: the disk failed, or the
    /// database was removed under it. It answers nothing from then on. On a sound store this waits for ever.
    pub async fn failed(&self) -> String {
        self.inner.writer.failure().wait().await
    }

    /// How many writes were asked for so far, other than those that may wait.
    pub fn writes(&self) -> u64 {
        self.inner.writer.asked()
    }

    /// How many transactions were committed so far.
    pub fn commits(&self) -> u64 {
        self.inner.writer.commits()
    }

    /// Whether a write failed because the disk was full, and nobody has found since that there is room again.
    pub fn was_full(&self) -> bool {
        self.inner.meters.was_full.load(Ordering::Relaxed)
    }

    /// There is room on the disk again.
    pub fn has_room(&self) {
        self.inner.meters.was_full.store(false, Ordering::Relaxed);
    }

    /// What is counted.
    pub fn meters(&self) -> &Meters {
        &self.inner.meters
    }

    /// Where everybody tells what happens, for who looks.
    pub fn tail(&self) -> &Tail {
        &self.inner.meters.tail
    }

    /// How many writes wait in each lane, and how many may in either.
    pub fn queued(&self) -> Queued {
        self.inner.writer.queued()
    }

    /// How many reads run and wait, and how many may run at once.
    pub fn reading(&self) -> Reading {
        self.inner.turns.reading()
    }

    /// Bytes of the database file and of the log beside it.
    pub fn bytes(&self) -> (u64, u64) {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let mut log = self.inner.path.clone().into_os_string();
        log.push("-wal");
        (size(&self.inner.path), size(Path::new(&log)))
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Who tells that there is more in the outbox.
    pub fn told(&self) -> &Told {
        self.inner.writer.told()
    }

    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Where names and secrets of what is written come from.
    pub fn ids(&self) -> &Ids {
        &self.inner.ids
    }

    /// Puts the database file together anew. All writes wait until it is done; each waits for 5 seconds at most.
    pub async fn compact(&self) -> Result<()> {
        self.beside(db::compact).await
    }

    /// Takes what was committed into the database file and cuts the log off, so that nothing is left of what its pages were.
    /// Whether that could be done now: it waits for no reader.
    pub async fn empty_log(&self) -> Result<bool> {
        self.beside(db::empty_log).await
    }

    /// Does something to the database file on a connection of its own. Where that meets a disk that fails, the store ends.
    async fn beside<T: Send + 'static>(&self, work: fn(&Path) -> Result<T>) -> Result<T> {
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&inner.path);
            if let Err(error) = &done {
                inner.writer.failure().checkpoint_failed(error);
            }
            done
        });
        done.await.map_err(|e| Error::internal("database file", e))?
    }

    /// Finishes what is queued, checkpoints and closes. Later writes are refused. Blocks the thread.
    pub fn close(&self) {
        self.inner.writer.close();
    }
}

/// A snapshot to read from.
pub struct Read<'a> {
    connection: &'a Connection,
    now: i64,
    /// What ends it early; none in a write.
    watch: Option<&'a Watch>,
    /// Users that need not be read; in a write alone.
    people: Option<&'a People>,
}

impl Read<'_> {
    /// Unix seconds at which this transaction takes place.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// A user who is known already, or who is read, and known from then on. `app`: by uid in that one.
    fn known(
        &self,
        app: Option<i64>,
        know: impl FnOnce(&People) -> Option<User>,
        read: impl FnOnce() -> Result<Option<User>>,
    ) -> Result<Option<User>> {
        let Some(people) = self.people else { return read() };
        if let Some(user) = know(people) {
            return Ok(Some(user));
        }
        let found = read()?;
        if let Some(user) = &found {
            people.note(app, user);
        }
        Ok(found)
    }

    fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        f: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params)?;
        Ok(rows.next()?.map(f).transpose()?)
    }

    fn all<T>(&self, sql: &str, params: impl Params, f: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>> {
        let mut statement = self.statement(sql)?;
        let rows = statement.query_map(params, f)?;
        Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>> {
        #[cfg(test)]
        plans::note(self.connection, sql);
        match self.watch {
            Some(watch) => watch.check()?,
            // SQLite undoes a whole transaction by itself when a page cannot be read or written. An act that passes over
            // the failure of one of its parts would go on without one, each statement kept for itself.
            None if self.connection.is_autocommit() => {
                return Err(Error::internal("write", "its transaction was undone"));
            }
            None => {}
        }
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// The number in the first column of the only row.
    fn number(&self, sql: &str, params: impl Params) -> Result<i64> {
        Ok(self.statement(sql)?.query_row(params, |row| row.get(0))?)
    }

    fn exists(&self, sql: &str, params: impl Params) -> Result<bool> {
        Ok(self.statement(sql)?.exists(params)?)
    }
}

/// A transaction that may change things and says what is to be announced.
pub struct Write<'a> {
    read: Read<'a>,
    ids: &'a Ids,
    posts: &'a mut Vec<Post>,
    credentials_changed: bool,
    subscribed: &'a outbox::Subscribed,
    webhooks_changed: bool,
    engines: &'a moderation::rules::Engines,
    rules_changed: bool,
    online_in: &'a OnlineIn,
    /// Whether something was noted in the audit log.
    noted: Cell<bool>,
    /// Whether what is written bears a time of its own: see [`Write::dated`].
    dated: bool,
}

impl<'a> Deref for Write<'a> {
    type Target = Read<'a>;
    fn deref(&self) -> &Read<'a> {
        &self.read
    }
}

impl Write<'_> {
    pub fn ids(&self) -> &Ids {
        self.ids
    }

    /// How many members of a group (groups.id) have a socket open: as far as sockets know of what was committed.
    pub fn online_in(&self, group: i64) -> usize {
        (self.online_in)(group)
    }

    /// Announces `event` once this transaction is on disk.
    pub fn emit(&mut self, audience: Audience, event: Event) {
        self.posts.push(Post::Tell(audience, event));
    }

    /// Changes who hears what, from this point of the stream on.
    pub fn shift(&mut self, step: Move) {
        self.posts.push(Post::Move(step));
    }

    /// Runs `f` so that its refusal undoes what it did and nothing before it: one row of many. Failures that are not the
    /// row's own (faults of the server) end the whole write all the same.
    pub fn attempt<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<Result<T>> {
        let before = self.posts.len();
        self.run("SAVEPOINT attempt", [])?;
        let outcome = f(self);
        match &outcome {
            Ok(_) => {}
            Err(error) if error.code.is_fault() => return outcome.map(Ok),
            Err(_) => {
                self.posts.truncate(before);
                self.run("ROLLBACK TO attempt", [])?;
            }
        }
        self.run("RELEASE attempt", [])?;
        Ok(outcome)
    }

    /// Runs `f` as if it were `at`: what it writes bears that time.
    pub fn dated<T>(&mut self, at: Option<i64>, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let (now, dated) = (self.read.now, self.dated);
        (self.read.now, self.dated) = (at.unwrap_or(now), dated || at.is_some());
        let outcome = f(self);
        (self.read.now, self.dated) = (now, dated);
        outcome
    }

    /// A key, token, app or user changed in a way that cached credentials must not outlive.
    fn credentials_changed(&mut self) {
        self.credentials_changed = true;
    }

    /// Somebody outside is told of other things from now on, or nobody.
    fn webhooks_changed(&mut self) {
        self.webhooks_changed = true;
        self.subscribed.forget();
    }

    /// Messages of the app are moderated by other rules or lists from now on.
    fn rules_changed(&mut self, app: i64) {
        self.rules_changed = true;
        self.engines.forget(app);
    }

    /// Runs one statement; the number of rows it changed.
    fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.read.statement(sql)?.execute(params)?)
    }

    /// Runs an INSERT; the new row's id.
    fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        Ok(self.read.statement(sql)?.insert(params)?)
    }
}

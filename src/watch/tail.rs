//! The live tail: what happens on the server, told to whoever looks while they look.
//!
//! Rooms tell of what they do with [`Tail::tell`]. While nobody looks that is one look at a number: what would be told is not
//! even made. Each who looks has a [`Viewer`] with a queue of its own, bounded in entries and in bytes, which takes what its
//! [`Filter`] lets pass. A viewer that does not keep up loses what no longer fits and is told how much; one that has not looked
//! for a while is gone, so a page that was closed costs nothing either.
//!
//! What is told holds bodies as they passed, with all that is in them: a viewer in another process is shown an entry through
//! [`super::hide`], never as it is.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Notify;

/// Viewers at once: each of them is told of everything.
const VIEWERS: usize = 16;
/// Entries that wait for a viewer, and bytes of their bodies.
const ENTRIES: usize = 2_000;
const BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a body that are kept. A larger one is not: a piece of it could not be looked through for secrets.
const BODY: usize = 16 * 1024;
/// A viewer that has not looked for so long is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call of the REST API, answered.
    Request,
    /// A frame from a client, and one to a client.
    FrameIn,
    FrameOut,
    /// Something was announced to those whom it concerns, whoever of them is there.
    Event,
    /// A webhook was told of something, or was to be.
    Webhook,
    /// A moderation engine outside was asked.
    Engine,
    /// A read, a write or a commit took longer than `--slow-ms`.
    Slow,
}

impl Kind {
    pub const ALL: [Kind; 7] =
        [Kind::Request, Kind::FrameIn, Kind::FrameOut, Kind::Event, Kind::Webhook, Kind::Engine, Kind::Slow];

    /// The word for it in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Request => "request",
            Kind::FrameIn => "frameIn",
            Kind::FrameOut => "frameOut",
            Kind::Event => "event",
            Kind::Webhook => "webhook",
            Kind::Engine => "engine",
            Kind::Slow => "slow",
        }
    }

    /// `None`: there is no such word.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A body as it passed.
#[derive(Clone, Debug)]
pub enum Body {
    Whole(Bytes),
    /// It had so many bytes, and was too large to be kept.
    Large(usize),
}

impl Body {
    /// `None`: there is none.
    pub fn of(bytes: Bytes) -> Option<Body> {
        match bytes.len() {
            0 => None,
            size if size > BODY => Some(Body::Large(size)),
            _ => Some(Body::Whole(bytes)),
        }
    }

    /// A copy of it, if it is kept at all.
    pub fn copy(text: &str) -> Option<Body> {
        match text.len() > BODY {
            true => Some(Body::Large(text.len())),
            false => Body::of(Bytes::copy_from_slice(text.as_bytes())),
        }
    }

    fn size(&self) -> usize {
        match self {
            Body::Whole(bytes) => bytes.len(),
            Body::Large(_) => 0,
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: Kind,
    /// The app's public id, where it is about one.
    pub app: Option<Arc<str>>,
    /// uids of those it concerns: who acts first.
    pub users: Vec<Arc<str>>,
    /// guid.
    pub group: Option<Arc<str>>,
    /// Of HTTP, where there is one.
    pub status: Option<u16>,
    /// It did not go as who acted wished.
    pub failed: bool,
    /// What it is, in a few words; without texts and secrets.
    pub title: String,
    /// What else is to be known: names, numbers and words of the program, no texts and secrets.
    pub facts: Vec<(&'static str, Value)>,
    /// What it carried, by what it is; shown through `hide`.
    pub bodies: Vec<(&'static str, Body)>,
}

impl Entry {
    pub fn new(kind: Kind, title: impl Into<String>) -> Entry {
        Entry {
            kind,
            app: None,
            users: Vec::new(),
            group: None,
            status: None,
            failed: false,
            title: title.into(),
            facts: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// Something to know of it.
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Entry {
        self.facts.push((name, value.into()));
        self
    }

    /// Something it carried, if it did.
    pub fn body(mut self, name: &'static str, body: Option<Body>) -> Entry {
        self.bodies.extend(body.map(|body| (name, body)));
        self
    }

    /// What it takes in a queue, about.
    fn size(&self) -> usize {
        const ITSELF: usize = 512;
        ITSELF + self.title.len() + self.bodies.iter().map(|(_, body)| body.size()).sum::<usize>()
    }
}

/// An entry as a viewer has it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Numbered by the viewer from 1, those that were lost too.
    pub id: u64,
    /// Unix milliseconds.
    pub at: i64,
    pub entry: Arc<Entry>,
}

/// What a viewer wants to see; what is empty lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kinds: Vec<Kind>,
    pub app: Option<String>,
    pub user: Option<String>,
    pub group: Option<String>,
    /// Statuses by their first digits: `4` is all that the client did wrong, `404` one of them.
    pub status: Option<String>,
    /// Only what failed.
    pub failed: bool,
}

impl Filter {
    fn passes(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<String>, has: Option<&Arc<str>>| {
            wanted.as_deref().is_none_or(|wanted| has.is_some_and(|has| **has == *wanted))
        };
        (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && (!self.failed || entry.failed)
            && is(&self.app, entry.app.as_ref())
            && is(&self.group, entry.group.as_ref())
            && self.user.as_deref().is_none_or(|user| entry.users.iter().any(|one| **one == *user))
            && self
                .status
                .as_deref()
                .is_none_or(|wanted| entry.status.is_some_and(|status| status.to_string().starts_with(wanted)))
    }
}

/// What waits for a viewer.
#[derive(Default)]
struct Queue {
    entries: VecDeque<Told>,
    bytes: usize,
    /// The number of the last one.
    last: u64,
    /// How many were lost since the last look.
    lost: u64,
}

struct Looking {
    filter: Filter,
    queue: Mutex<Queue>,
    more: Notify,
    /// When it last looked; never gone if there is none.
    looked: Mutex<Option<Instant>>,
}

impl Looking {
    fn is_gone(&self) -> bool {
        lock(&self.looked).is_some_and(|at| at.elapsed() > PATIENCE)
    }

    fn push(&self, at: i64, entry: &Arc<Entry>) {
        let mut queue = lock(&self.queue);
        queue.last += 1;
        queue.bytes += entry.size();
        let id = queue.last;
        queue.entries.push_back(Told { id, at, entry: entry.clone() });
        // The oldest go: who is late wants to see what happens now.
        while queue.entries.len() > ENTRIES || queue.bytes > BYTES {
            let Some(gone) = queue.entries.pop_front() else { break };
            queue.bytes -= gone.entry.size();
            queue.lost += 1;
        }
        drop(queue);
        self.more.notify_one();
    }
}

struct Inner {
    viewers: AtomicUsize,
    looking: Mutex<Vec<Arc<Looking>>>,
    /// Unix milliseconds now.
    now: Box<dyn Fn() -> i64 + Send + Sync>,
}

/// Where it is told; cheap to clone.
#[derive(Clone)]
pub struct Tail(Arc<Inner>);

impl Default for Tail {
    /// One for tests of rooms, whose clock stands still.
    fn default() -> Self {
        Tail::new(|| 0)
    }
}

impl Tail {
    /// `now`: Unix milliseconds.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Tail {
        Tail(Arc::new(Inner { viewers: AtomicUsize::new(0), looking: Mutex::default(), now: Box::new(now) }))
    }

    /// Whether somebody looks.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.0.viewers.load(Ordering::Relaxed) > 0
    }

    /// Tells of something, if somebody looks: made only then.
    #[inline]
    pub fn tell(&self, make: impl FnOnce() -> Entry) {
        if self.is_watched() {
            self.spread(make());
        }
    }

    #[cold]
    fn spread(&self, entry: Entry) {
        let at = (self.0.now)();
        let entry = Arc::new(entry);
        let mut looking = lock(&self.0.looking);
        looking.retain(|one| !one.is_gone());
        self.0.viewers.store(looking.len(), Ordering::Relaxed);
        for one in looking.iter().filter(|one| one.filter.passes(&entry)) {
            one.push(at, &entry);
        }
    }

    /// Looks from now on. `patience`: a viewer that has not looked for a minute is gone. `None`: there are too many.
    pub fn look(&self, filter: Filter, patience: bool) -> Option<Viewer> {
        let looked = Mutex::new(patience.then(Instant::now));
        let new = Arc::new(Looking { filter, queue: Mutex::default(), more: Notify::new(), looked });
        let mut looking = lock(&self.0.looking);
        looking.retain(|one| !one.is_gone());
        let room = looking.len() < VIEWERS;
        if room {
            looking.push(new.clone());
        }
        self.0.viewers.store(looking.len(), Ordering::Relaxed);
        room.then(|| Viewer { tail: self.clone(), looking: new })
    }
}

/// Somebody who looks; ends when it is dropped.
pub struct Viewer {
    tail: Tail,
    looking: Arc<Looking>,
}

impl Viewer {
    /// At most so many that wait, the oldest first, and as long as they carry so many bytes together; and how many were lost
    /// before them.
    pub fn take(&self, most: usize, bytes: usize) -> (Vec<Told>, u64) {
        if let Some(at) = &mut *lock(&self.looking.looked) {
            *at = Instant::now();
        }
        let mut queue = lock(&self.looking.queue);
        let lost = std::mem::take(&mut queue.lost);
        let mut size = 0;
        let fits = |told: &&Told| {
            let is_first = size == 0;
            size += told.entry.size();
            is_first || size <= bytes
        };
        let many = queue.entries.iter().take(most).take_while(fits).count();
        let taken: Vec<Told> = queue.entries.drain(..many).collect();
        queue.bytes -= taken.iter().map(|told| told.entry.size()).sum::<usize>();
        (taken, lost)
    }

    /// Returns when there is something, or may be.
    pub async fn more(&self) {
        self.looking.more.notified().await;
    }

    /// It did not look for too long: nothing is told to it any more.
    pub fn is_gone(&self) -> bool {
        !lock(&self.tail.0.looking).iter().any(|one| Arc::ptr_eq(one, &self.looking))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut looking = lock(&self.tail.0.looking);
        looking.retain(|one| !Arc::ptr_eq(one, &self.looking));
        self.tail.0.viewers.store(looking.len(), Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, user: &str, status: u16) -> Entry {
        Entry { users: vec![user.into()], status: Some(status), failed: status >= 400, ..Entry::new(kind, "it") }
    }

    #[test]
    fn while_nobody_looks_nothing_is_made() {
        let tail = Tail::default();
        tail.tell(|| unreachable!("nobody looks"));
        let viewer = tail.look(Filter::default(), true).unwrap();
        tail.tell(|| entry(Kind::Event, "ann", 200));
        assert_eq!(viewer.take(10, BYTES).0.len(), 1);
        drop(viewer);
        tail.tell(|| unreachable!("nobody looks any more"));
    }

    #[test]
    fn each_is_told_what_it_wants() {
        let tail = Tail::default();
        let look = |filter| tail.look(filter, true).unwrap();
        let all = look(Filter::default());
        let some = [
            look(Filter { kinds: vec![Kind::Request], ..Filter::default() }),
            look(Filter { user: Some("ann".to_owned()), ..Filter::default() }),
            look(Filter { status: Some("4".to_owned()), ..Filter::default() }),
            look(Filter { failed: true, ..Filter::default() }),
            look(Filter { app: Some("a".to_owned()), ..Filter::default() }),
        ];
        tail.tell(|| entry(Kind::Request, "ann", 200));
        tail.tell(|| entry(Kind::Request, "bob", 404));
        tail.tell(|| Entry { app: Some("a".into()), ..entry(Kind::Webhook, "ann", 410) });
        assert_eq!(all.take(10, BYTES).0.len(), 3);
        let seen = some.map(|viewer| viewer.take(10, BYTES).0.len());
        assert_eq!(seen, [2, 2, 2, 2, 1]);
    }

    #[test]
    fn who_is_slow_loses_the_oldest_and_knows_how_many() {
        let tail = Tail::default();
        let viewer = tail.look(Filter::default(), true).unwrap();
        for _ in 0..ENTRIES + 7 {
            tail.tell(|| entry(Kind::Event, "ann", 200));
        }
        let (taken, lost) = viewer.take(1, 0);
        assert_eq!((taken[0].id, lost), (8, 7));
        assert_eq!(viewer.take(usize::MAX, usize::MAX).0.len(), ENTRIES - 1);
        let large = Bytes::from(vec![b'x'; BODY]);
        for _ in 0..2 * BYTES / BODY {
            tail.tell(|| Entry::new(Kind::FrameOut, "it").body("frame", Body::of(large.clone())));
        }
        let (taken, lost) = viewer.take(usize::MAX, usize::MAX);
        assert!(taken.len() * BODY <= BYTES && lost > 0 && lost as usize + taken.len() == 2 * BYTES / BODY);
    }

    #[test]
    fn who_does_not_look_any_more_is_gone() {
        let tail = Tail::default();
        let viewers: Vec<Viewer> = std::iter::from_fn(|| tail.look(Filter::default(), true)).collect();
        assert_eq!(viewers.len(), VIEWERS);
        let long_ago = Instant::now().checked_sub(2 * PATIENCE).expect("the machine has been on for a while");
        for viewer in &viewers[1..] {
            *lock(&viewer.looking.looked) = Some(long_ago);
        }
        tail.tell(|| entry(Kind::Event, "ann", 200));
        assert!(!viewers[0].is_gone() && viewers[1].is_gone());
        assert!(tail.look(Filter::default(), true).is_some());
    }
}

//! The hub: from the stream of commits to the queues of connections.
//!
//! One thread takes the stream in order and alone changes the index (who is connected, who is in which group), so a
//! message committed after a kick finds the kicked gone. The index is sharded: events that are not stored (typing) are
//! delivered from the sockets' own threads and only read it. Nothing here ever waits for a client.

#[cfg(test)]
mod echo;
mod tested;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::conn::{Close, Conn, Spoil, Subscription};
use super::frame::{self, Encoded};
use super::meters::Meters;
use super::watched;
use crate::model::caller::SERVER_DEVICE;
use crate::model::event::{Attach, Audience, ConnId, Event, Move, Post, Presence};
use crate::model::time::Clock;
use crate::model::user::User;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::mpsc::{Receiver, SyncSender, sync_channel};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Mutex, MutexGuard, RwLock};
use crate::watch::tail::Tail;

const SHARDS: usize = 16;

/// Batches that may wait for the hub; beyond it the writer waits, which slows senders down to what can be told.
const QUEUE: usize = 4096;

/// A handle to the hub; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    stream: SyncSender<Step>,
    thread: Mutex<Option<JoinHandle<()>>>,
    index: Arc<Index>,
    ids: AtomicU64,
    closing: AtomicBool,
}

enum Step {
    Posts(Vec<Post>),
    Detach(ConnId),
    /// Whoever waits for what was before hears of it.
    Reached(oneshot::Sender<()>),
    Stop,
}

/// Called when a connection is gone, and when one came that somebody outside is told of.
pub type OnPresence = Box<dyn Fn(Presence) + Send>;

impl Hub {
    /// `presence_users`: presence is pushed while at most this many users of an app are online. `sockets`: of a user.
    pub fn new(clock: Clock, tail: Tail, presence_users: usize, sockets: usize) -> (Hub, Starter) {
        let (stream, steps) = sync_channel(QUEUE);
        let index = Arc::new(Index { clock, tail, presence_users, sockets, ..Index::default() });
        let hub = Hub {
            inner: Arc::new(Inner {
                stream,
                thread: Mutex::default(),
                index: index.clone(),
                ids: AtomicU64::new(1),
                closing: AtomicBool::new(false),
            }),
        };
        let starter = Starter { hub: hub.clone(), index, steps };
        (hub, starter)
    }

    /// Hands over what a commit released. Called by the writer, in commit order.
    pub fn deliver(&self, posts: Vec<Post>) {
        // The thread is gone only when the server stops; then nobody listens any more.
        self.inner.index.meters.backlog.up();
        let _ = self.inner.stream.send(Step::Posts(posts));
    }

    /// Waits until all that was committed so far has been offered to sockets, and who came and went is in the index.
    pub async fn told(&self) {
        let (tell, told) = oneshot::channel();
        let _ = self.inner.stream.send(Step::Reached(tell));
        // The hub ends with the server; then nothing is told any more.
        let _ = told.await;
    }

    /// Tells an event that is not stored. May be called from any thread.
    pub fn tell(&self, audience: &Audience, event: &Event) {
        self.inner.index.tell(audience, event);
    }

    /// A connection that has not said yet who it is.
    pub fn open(&self) -> Arc<Conn> {
        let conn = Arc::new(Conn::new(self.inner.ids.fetch_add(1, Ordering::Relaxed)));
        lock(&self.inner.index.conns).insert(conn.id, conn.clone());
        // In this order: whoever came too late for the round of `close_all` sees here that there was one.
        if self.inner.closing.load(Ordering::SeqCst) {
            conn.close(Close::Restart);
        }
        conn
    }

    /// The connection is over.
    pub fn gone(&self, conn: &Conn) {
        lock(&self.inner.index.conns).remove(&conn.id);
        let _ = self.inner.stream.send(Step::Detach(conn.id));
    }

    /// Whether a user (users.id) has a connection.
    pub fn is_online(&self, user: i64) -> bool {
        self.inner.index.online.read().unwrap_or_else(|e| e.into_inner()).contains(&user)
    }

    /// How many users of an app, or members of a group, are online.
    pub fn online_in_app(&self, app: i64) -> usize {
        lock(&self.inner.index.apps).get(&app).map_or(0, |app| app.online)
    }

    pub fn online_in_group(&self, group: i64) -> usize {
        lock(self.inner.index.groups.of(group)).get(&group).map_or(0, HashSet::len)
    }

    /// The same without these users: those whose presence the one who asks does not see.
    pub fn online_in_app_but(&self, app: i64, hidden: &[i64]) -> usize {
        self.online_in_app(app).saturating_sub(hidden.iter().filter(|user| self.is_online(**user)).count())
    }

    pub fn online_in_group_but(&self, group: i64, hidden: &[i64]) -> usize {
        lock(self.inner.index.groups.of(group))
            .get(&group)
            .map_or(0, |members| members.len() - hidden.iter().filter(|user| members.contains(user)).count())
    }

    /// Closes every connection, for a restart, and those that come from now on.
    pub fn close_all(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        for conn in lock(&self.inner.index.conns).values() {
            conn.close(Close::Restart);
        }
    }

    /// Whether they are being closed because the server stops.
    pub fn is_closing(&self) -> bool {
        self.inner.closing.load(Ordering::SeqCst)
    }

    /// What is counted.
    pub fn meters(&self) -> &Meters {
        &self.inner.index.meters
    }

    /// How many users have a connection.
    pub fn users_online(&self) -> usize {
        self.inner.index.online.read().unwrap_or_else(|e| e.into_inner()).len()
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        lock(&self.inner.index.conns).len()
    }

    /// Ends the hub's thread after what is queued. Blocks.
    pub fn stop(&self) {
        let _ = self.inner.stream.send(Step::Stop);
        if let Some(thread) = lock(&self.inner.thread).take() {
            let _ = thread.join();
        }
    }
}

/// Starts the hub's thread once the rest of the house stands.
pub struct Starter {
    hub: Hub,
    index: Arc<Index>,
    steps: Receiver<Step>,
}

impl Starter {
    pub fn run(self, on_presence: OnPresence) -> std::io::Result<()> {
        let Starter { hub, index, steps } = self;
        let thread = thread::Builder::new().name("hobnob-hub".to_owned()).spawn(move || {
            // Which user each attached connection belongs to.
            let mut owners: HashMap<ConnId, i64> = HashMap::new();
            while let Ok(step) = steps.recv() {
                match step {
                    Step::Posts(posts) => {
                        index.meters.backlog.down();
                        for post in posts {
                            match post {
                                Post::Tell(audience, event) => index.tell(&audience, &event),
                                Post::Move(Move::Attach(attach)) => {
                                    index.attach(*attach, &mut owners).into_iter().for_each(&on_presence);
                                }
                                Post::Move(step) => index.shift(step),
                            }
                        }
                    }
                    Step::Detach(conn) => {
                        let user = owners.remove(&conn);
                        user.and_then(|user| index.detach(conn, user)).into_iter().for_each(&on_presence);
                    }
                    Step::Reached(tell) => _ = tell.send(()),
                    Step::Stop => break,
                }
            }
            // Whoever is here still was here last now.
            let mut here: HashMap<i64, usize> = HashMap::new();
            owners.values().for_each(|user| *here.entry(*user).or_default() += 1);
            for (conn, user) in owners {
                let left = here.get_mut(&user).map_or(0, |left| {
                    *left -= 1;
                    *left
                });
                index.leaving(conn, user, left).into_iter().for_each(&on_presence);
            }
        })?;
        *lock(&hub.inner.thread) = Some(thread);
        Ok(())
    }
}

struct Shards<T>([Mutex<HashMap<i64, T>>; SHARDS]);

impl<T> Default for Shards<T> {
    fn default() -> Self {
        Shards(std::array::from_fn(|_| Mutex::default()))
    }
}

impl<T> Shards<T> {
    fn of(&self, id: i64) -> &Mutex<HashMap<i64, T>> {
        &self.0[id as usize % SHARDS]
    }
}

/// A lock that a panicking thread held is taken over: what it guards stays consistent between single operations.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

#[derive(Default)]
struct Index {
    /// Everybody, attached or not.
    conns: Mutex<HashMap<ConnId, Arc<Conn>>>,
    users: Shards<Online>,
    /// Members online, by group.
    groups: Shards<HashSet<i64>>,
    apps: Mutex<HashMap<i64, AppIndex>>,
    /// What a test does to what users (users.id) are told.
    spoilt: Mutex<HashMap<i64, Spoil>>,
    /// The keys of `users`, for looks from other threads.
    online: RwLock<HashSet<i64>>,
    clock: Clock,
    tail: Tail,
    presence_users: usize,
    sockets: usize,
    meters: Meters,
}

/// A user with at least one connection.
struct Online {
    app: i64,
    app_id: Arc<str>,
    user: User,
    /// With the login (tokens.id) each connection belongs to.
    conns: Vec<(i64, Arc<Conn>)>,
    groups: HashSet<i64>,
    friends: HashSet<i64>,
    blocked: HashSet<i64>,
}

impl Online {
    /// Closes a socket when there are more than `most`: the oldest of the login that has most, so that no login takes
    /// another one's place. Where each has one, the newest.
    fn make_room(&self, most: usize) {
        if self.conns.len() <= most {
            return;
        }
        let mut logins: HashMap<i64, Vec<&Arc<Conn>>> = HashMap::new();
        for (login, conn) in self.conns.iter().filter(|(_, conn)| !conn.is_closing()) {
            logins.entry(*login).or_default().push(conn);
        }
        if logins.values().map(Vec::len).sum::<usize>() <= most {
            return;
        }
        let fullest = logins.values().max_by_key(|conns| conns.len()).filter(|conns| conns.len() > 1);
        let one = match fullest {
            Some(conns) => conns.iter().copied().min_by_key(|conn| conn.id),
            None => logins.values().flatten().copied().max_by_key(|conn| conn.id),
        };
        if let Some(conn) = one {
            conn.close(Close::Crowded);
        }
    }
}

#[derive(Default)]
struct AppIndex {
    online: usize,
    /// users.id of those who asked for presence, with how many of their connections did.
    subscribers: HashMap<i64, usize>,
}

impl Index {
    fn tell(&self, audience: &Audience, event: &Event) {
        self.tail.tell(|| watched::event(audience, event));
        // Encoded only if somebody is there to hear it, and once for all who are.
        let mut frame: Option<Encoded> = None;
        // The same for sockets that bear the acting session's name without being it.
        let mut masked: Option<Encoded> = None;
        let personal = audience.is_personal();
        let (mut offered, mut dropped) = (0, 0);
        let mut tell = |user: i64| {
            if audience.except.binary_search(&user).is_err()
                && let Some(online) = lock(self.users.of(user)).get(&user)
                && !(personal && online.blocked.contains(&event.by.user))
            {
                for (login, conn) in &online.conns {
                    let frame = match conn.device.get() {
                        Some(device) if *device == event.device => {
                            // The acting session throws its own echo away: it is not sent.
                            if event.is_echo_for(user, *login, device) {
                                if let Some(answer) = &event.answer {
                                    conn.expect(event.about.own(), answer, Instant::now());
                                }
                                continue;
                            }
                            masked.get_or_insert_with(|| frame::encode(event, SERVER_DEVICE))
                        }
                        _ => frame.get_or_insert_with(|| frame::encode(event, &event.device)),
                    };
                    offered += 1;
                    dropped += conn.offer_about(frame, audience.ephemeral, &event.about);
                }
            }
        };
        let members: Vec<i64> = match audience.group {
            Some(group) => {
                lock(self.groups.of(group)).get(&group).map(|set| set.iter().copied().collect()).unwrap_or_default()
            }
            None => Vec::new(),
        };
        for (at, user) in audience.users.iter().enumerate() {
            // Few users are named: looking twice is cheaper than a set.
            let told = audience.users[..at].contains(user) || members.contains(user);
            if !told {
                tell(*user);
            }
        }
        members.into_iter().for_each(tell);
        self.count(offered, dropped);
    }

    /// Counts once what was offered to many.
    fn count(&self, offered: usize, dropped: usize) {
        if offered > 0 {
            self.meters.deliveries.add(offered as u64);
        }
        if dropped > 0 {
            self.meters.dropped.add(dropped as u64);
        }
    }

    /// What those outside are told of, if somebody is.
    fn attach(&self, attach: Attach, owners: &mut HashMap<ConnId, i64>) -> Option<Presence> {
        // A connection that closed meanwhile is not there any more.
        let conn = lock(&self.conns).get(&attach.conn).cloned()?;
        let user = attach.user.id;
        owners.insert(conn.id, user);
        if let Some(spoil) = lock(&self.spoilt).get(&user) {
            conn.spoil(*spoil);
        }
        let told = attach.told.then(|| self.presence(&conn, attach.app, &attach.user, true));
        let subscribes = conn.subscription.get().is_some_and(|wish| *wish != Subscription::Nobody);
        let came = {
            let mut users = lock(self.users.of(user));
            let (online, came) = match users.entry(user) {
                Entry::Occupied(entry) => (entry.into_mut(), false),
                Entry::Vacant(entry) => {
                    let online = Online {
                        app: attach.app,
                        app_id: attach.app_id,
                        user: attach.user.clone(),
                        conns: Vec::new(),
                        groups: attach.groups.iter().copied().collect(),
                        friends: attach.friends.into_iter().collect(),
                        blocked: attach.blocked.into_iter().collect(),
                    };
                    (entry.insert(online), true)
                }
            };
            online.user = attach.user;
            online.conns.push((attach.token, conn));
            online.make_room(self.sockets);
            came
        };
        if came {
            for group in attach.groups {
                lock(self.groups.of(group)).entry(group).or_default().insert(user);
            }
            self.online.write().unwrap_or_else(|e| e.into_inner()).insert(user);
        }
        {
            let mut apps = lock(&self.apps);
            let app = apps.entry(attach.app).or_default();
            app.online += usize::from(came);
            if subscribes {
                *app.subscribers.entry(user).or_default() += 1;
            }
        }
        if came {
            self.tell_presence(user, true);
        }
        told.map(|presence| Presence { online: true, changed: came, ..presence })
    }

    /// A connection of the user as it comes or goes; whether that changes anything is for the caller to say.
    fn presence(&self, conn: &Conn, app: i64, user: &User, connected: bool) -> Presence {
        let client = conn.client.get().map(|client| (**client).clone()).unwrap_or_default();
        let (uid, at) = (user.uid.clone(), self.clock.now_ms());
        Presence { app, user: user.id, uid, client, connected, online: connected, changed: false, at }
    }

    /// As [`Index::detach`], for a stop: nobody is left who would be told. `left`: further connections of the user.
    fn leaving(&self, conn: ConnId, user: i64, left: usize) -> Option<Presence> {
        let users = lock(self.users.of(user));
        let online = users.get(&user)?;
        let (_, conn) = online.conns.iter().find(|(_, other)| other.id == conn)?;
        let presence = self.presence(conn, online.app, &online.user, false);
        Some(Presence { online: left > 0, changed: left == 0, ..presence })
    }

    fn detach(&self, conn: ConnId, user: i64) -> Option<Presence> {
        let mut users = lock(self.users.of(user));
        let online = users.get_mut(&user)?;
        let at = online.conns.iter().position(|(_, other)| other.id == conn)?;
        let (_, conn) = online.conns.swap_remove(at);
        let (app, went) = (online.app, online.conns.is_empty());
        let presence = self.presence(&conn, app, &online.user, false);
        let presence = Presence { online: !went, changed: went, ..presence };
        drop(users);

        if conn.subscription.get().is_some_and(|wish| *wish != Subscription::Nobody)
            && let Some(app) = lock(&self.apps).get_mut(&app)
            && let Entry::Occupied(mut count) = app.subscribers.entry(user)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if !went {
            return Some(presence);
        }
        self.online.write().unwrap_or_else(|e| e.into_inner()).remove(&user);
        self.tell_presence(user, false);
        if let Some(app) = lock(&self.apps).get_mut(&app) {
            app.online = app.online.saturating_sub(1);
        }
        let gone = lock(self.users.of(user)).remove(&user);
        for group in gone.map(|online| online.groups).unwrap_or_default() {
            self.leave(group, user);
        }
        Some(presence)
    }

    fn leave(&self, group: i64, user: i64) {
        let mut groups = lock(self.groups.of(group));
        if let Entry::Occupied(mut members) = groups.entry(group) {
            members.get_mut().remove(&user);
            if members.get().is_empty() {
                members.remove();
            }
        }
    }

    fn shift(&self, step: Move) {
        match step {
            Move::Attach(_) => {}
            Move::Join { group, user } => {
                let online =
                    lock(self.users.of(user)).get_mut(&user).map(|online| online.groups.insert(group)).is_some();
                if online {
                    lock(self.groups.of(group)).entry(group).or_default().insert(user);
                }
            }
            Move::Leave { group, user } => {
                if let Some(online) = lock(self.users.of(user)).get_mut(&user) {
                    online.groups.remove(&group);
                }
                self.leave(group, user);
            }
            Move::Disband { group } => {
                let members = lock(self.groups.of(group)).remove(&group).unwrap_or_default();
                for user in members {
                    if let Some(online) = lock(self.users.of(user)).get_mut(&user) {
                        online.groups.remove(&group);
                    }
                }
            }
            Move::Anew(state) => self.know_anew(*state),
            Move::CloseToken(token) => self.close(None, Some(token)),
            Move::CloseUser(user) => self.close(Some(user), None),
            Move::CloseApp(app) => {
                for shard in &self.users.0 {
                    for online in lock(shard).values().filter(|online| online.app == app) {
                        online.conns.iter().for_each(|(_, conn)| conn.close(Close::Unauthorized));
                    }
                }
            }
            Move::Friends { a, b, on } => self.relate(a, b, on, |online| &mut online.friends),
            Move::Blocked { a, b, on } => self.relate(a, b, on, |online| &mut online.blocked),
        }
    }

    fn relate(&self, a: i64, b: i64, on: bool, set: impl Fn(&mut Online) -> &mut HashSet<i64>) {
        for (user, other) in [(a, b), (b, a)] {
            if let Some(online) = lock(self.users.of(user)).get_mut(&user) {
                if on {
                    set(online).insert(other);
                } else {
                    set(online).remove(&other);
                }
            }
        }
    }

    fn close(&self, user: Option<i64>, token: Option<i64>) {
        let shards: Vec<_> = match user {
            Some(user) => vec![self.users.of(user)],
            None => self.users.0.iter().collect(),
        };
        for shard in shards {
            for (id, online) in lock(shard).iter() {
                for (login, conn) in &online.conns {
                    if user == Some(*id) || token == Some(*login) {
                        conn.close(Close::Unauthorized);
                    }
                }
            }
        }
    }

    /// Tells those who asked, and may see him, that a user came or went. The frame is ephemeral: lists carry status.
    fn tell_presence(&self, user: i64, came: bool) {
        let listeners: Vec<i64> = {
            let apps = lock(&self.apps);
            let app = lock(self.users.of(user)).get(&user).map(|online| online.app);
            match app.and_then(|app| apps.get(&app)) {
                Some(app) if app.online <= self.presence_users => {
                    app.subscribers.keys().copied().filter(|listener| *listener != user).collect()
                }
                _ => return,
            }
        };
        let Some((frame, blocked, friends, role)) = lock(self.users.of(user)).get(&user).map(|online| {
            self.tail.tell(|| watched::presence(&online.app_id, &online.user, came));
            let frame = frame::presence(&online.app_id, &shown(&online.user, came), came, self.clock.now());
            (frame, online.blocked.clone(), online.friends.clone(), online.user.role.clone())
        }) else {
            return;
        };
        let (mut offered, mut dropped) = (0, 0);
        for listener in listeners.into_iter().filter(|listener| !blocked.contains(listener)) {
            if let Some(online) = lock(self.users.of(listener)).get(&listener) {
                for (_, conn) in &online.conns {
                    let wanted = match conn.subscription.get() {
                        Some(Subscription::AllUsers) => true,
                        Some(Subscription::Friends) => friends.contains(&listener),
                        Some(Subscription::Roles(roles)) => roles.contains(&role),
                        Some(Subscription::Nobody) | None => false,
                    };
                    if wanted {
                        offered += 1;
                        dropped += conn.offer(&frame, true);
                    }
                }
            }
        }
        self.count(offered, dropped);
    }
}

fn shown(user: &User, online: bool) -> User {
    use crate::model::user::Status;
    User { status: if online { Status::Available } else { Status::Offline }, ..user.clone() }
}

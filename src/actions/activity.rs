//! When users were here last: noted when their last socket is gone, and written many at once. With it those outside are
//! told that a connection came or went, if somebody is.
//!
//! Ten thousand sockets may go in the same moment. Each would be a write with its share of a commit, so what comes in is
//! collected, by user, and one write takes up to [`PIECE`] of them. A job is queued for every piece that waits and no
//! more, in the low lane. What cannot be written now waits for the next one who leaves, or for the stop.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use super::outbox;
use crate::model::error::Result;
use crate::model::event::Presence;
use crate::store::{Store, Write, users};

/// Users, and connections, that one job writes.
const PIECE: usize = 500;

/// Connections that may wait to be told of. Where that many cannot be written, those that come and go are not told.
const MOST: usize = 100_000;

/// A handle to what waits; cheap to clone.
#[derive(Clone)]
pub struct Activity {
    store: Store,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    /// users.id and when, in Unix seconds.
    marks: HashMap<i64, i64>,
    /// In their order.
    connections: VecDeque<Presence>,
    jobs: usize,
}

impl Waiting {
    fn take(&mut self) -> (Vec<(i64, i64)>, Vec<Presence>) {
        let users: Vec<i64> = self.marks.keys().copied().take(PIECE).collect();
        let marks = users.into_iter().filter_map(|user| self.marks.remove_entry(&user)).collect();
        (marks, self.connections.drain(..PIECE.min(self.connections.len())).collect())
    }
}

impl Activity {
    pub fn new(store: Store) -> Self {
        Activity { store, waiting: Arc::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A connection came or went. Never waits.
    pub fn note(&self, presence: Presence) {
        let mut waiting = self.waiting();
        if !presence.online {
            waiting.marks.insert(presence.user, self.store.clock().now());
        }
        if waiting.connections.len() < MOST {
            waiting.connections.push_back(presence);
        }
        if waiting.jobs * PIECE >= waiting.marks.len().max(waiting.connections.len()) {
            return;
        }
        waiting.jobs += 1;
        drop(waiting);
        let own = self.clone();
        if !self.store.write_later("users.last_active", move |tx| own.write(tx)) {
            self.waiting().jobs -= 1;
        }
    }

    fn write(&self, tx: &mut Write<'_>) -> Result<()> {
        let (marks, connections) = {
            let mut waiting = self.waiting();
            waiting.jobs -= 1;
            waiting.take()
        };
        let mut written = marks.iter().try_for_each(|(user, at)| users::set_last_active(tx, *user, *at));
        if written.is_ok() {
            written = connections.iter().try_for_each(|presence| outbox::users::connection(tx, presence));
        }
        if written.is_err() {
            // What came meanwhile is newer.
            let mut waiting = self.waiting();
            marks.into_iter().for_each(|(user, at)| _ = waiting.marks.entry(user).or_insert(at));
            connections.into_iter().rev().for_each(|presence| waiting.connections.push_front(presence));
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions;
    use crate::model::error::Code;
    use crate::model::ids::Uid;
    use crate::model::limits::Limits;
    use crate::model::time::Clock;
    use crate::model::user::{Profile, UserDraft};
    use crate::store::Hooks;

    const MANY: usize = 2000;
    const NOW: i64 = 1_800_000_000;

    fn open(folder: &std::path::Path) -> Store {
        let clock = Clock::fixed(NOW);
        let hooks = Hooks::alone(clock);
        Store::open(&folder.join("t.db"), 1, MANY, hooks).unwrap()
    }

    fn went(user: i64) -> Presence {
        let client = crate::model::event::Client::default();
        let uid = String::new();
        Presence { app: 1, user, uid, client, connected: false, online: false, changed: true, at: NOW * 1000 }
    }

    async fn people(store: &Store) -> Vec<i64> {
        let made = store.write("people", |tx| {
            let app = actions::apps::create(tx, "T", "us", &Limits::default())?.app_id;
            let app = crate::store::apps::by_app_id(tx, &app)?.ok_or(Code::Internal)?;
            let draft = |n: usize| UserDraft {
                uid: Uid::parse(&format!("u{n}")).unwrap(),
                name: "U".to_owned(),
                role: None,
                profile: Profile::default(),
            };
            (0..MANY).map(|n| Ok(users::insert(tx, app.id, draft(n))?.id)).collect::<Result<Vec<i64>>>()
        });
        made.await.unwrap()
    }

    async fn noted(store: &Store, users: &[i64]) -> usize {
        let users = users.to_vec();
        let read = store.read(move |read| {
            let at = |user: &i64| users::by_id(read, *user).map(|user| user.last_active_at);
            users.iter().map(at).collect::<Result<Vec<_>>>()
        });
        read.await.unwrap().into_iter().filter(|at| *at == Some(NOW)).count()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn those_who_go_together_are_written_together_and_none_is_lost_on_the_stop() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let users = people(&store).await;
        // The writer is busy while they go.
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let (began, begun) = std::sync::mpsc::channel();
        let busy = store.clone();
        let holding = tokio::spawn(async move {
            busy.write("holding", move |_| {
                let _ = began.send(());
                let _ = wait.recv();
                Ok(())
            })
            .await
        });
        begun.recv().unwrap();
        let before = store.commits();
        let activity = Activity::new(store.clone());
        // Twice: each user once, each connection.
        for round in 1..3 {
            users.iter().for_each(|user| activity.note(went(*user)));
            assert_eq!(activity.waiting().jobs, round * MANY / PIECE);
        }
        go_on.send(()).unwrap();
        holding.await.unwrap().unwrap();
        store.close();
        assert!(store.commits() - before <= 1 + (2 * MANY / PIECE) as u64);
        let store = open(folder.path());
        assert_eq!(noted(&store, &users).await, MANY);
        store.close();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_finds_no_room_is_written_with_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let users = people(&store).await;
        let activity = Activity::new(store.clone());
        // As if the queue had been full when these went.
        users[4..].iter().for_each(|user| _ = activity.waiting().marks.insert(*user, NOW));
        users[..4].iter().for_each(|user| activity.note(went(*user)));
        store.close();
        let store = open(folder.path());
        assert_eq!(noted(&store, &users).await, MANY);
        store.close();
    }
}

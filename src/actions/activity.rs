//! When users were here last: noted when their last socket is gone, and written many at once.
//!
//! Ten thousand sockets may go in the same moment. Each would be a write with its share of a commit, so what comes in is
//! collected, by user, and one write takes up to [`PIECE`] of them. A job is queued for every piece that waits and no
//! more, in the low lane. What cannot be written now waits for the next one who leaves, or for the stop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::model::error::Result;
use crate::store::{Store, Write, users};

/// Users that one job writes.
const PIECE: usize = 500;

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
    jobs: usize,
}

impl Waiting {
    fn take(&mut self) -> Vec<(i64, i64)> {
        let users: Vec<i64> = self.marks.keys().copied().take(PIECE).collect();
        users.into_iter().filter_map(|user| self.marks.remove_entry(&user)).collect()
    }
}

impl Activity {
    pub fn new(store: Store) -> Self {
        Activity { store, waiting: Arc::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The user (users.id) has no socket any more. Never waits.
    pub fn left(&self, user: i64) {
        let mut waiting = self.waiting();
        waiting.marks.insert(user, self.store.clock().now());
        if waiting.jobs * PIECE >= waiting.marks.len() {
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
        let taken = {
            let mut waiting = self.waiting();
            waiting.jobs -= 1;
            waiting.take()
        };
        let written = taken.iter().try_for_each(|(user, at)| users::set_last_active(tx, *user, *at));
        if written.is_err() {
            // What came meanwhile is newer.
            let mut waiting = self.waiting();
            taken.into_iter().for_each(|(user, at)| _ = waiting.marks.entry(user).or_insert(at));
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
    use crate::model::time::{Clock, Ids};
    use crate::model::user::{Profile, UserDraft};
    use crate::store::Hooks;

    const MANY: usize = 2000;
    const NOW: i64 = 1_800_000_000;

    fn open(folder: &std::path::Path) -> Store {
        let (clock, ids) = (Clock::fixed(NOW), Ids);
        let hooks = Hooks { deliver: Box::new(drop), online: Arc::new(|_| false), clock, ids };
        Store::open(&folder.join("t.db"), 1, MANY, hooks).unwrap()
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
        for round in 0..2 {
            users.iter().for_each(|user| activity.left(*user));
            assert_eq!(activity.waiting().jobs, MANY / PIECE, "round {round}");
        }
        go_on.send(()).unwrap();
        holding.await.unwrap().unwrap();
        store.close();
        assert!(store.commits() - before <= 1 + (MANY / PIECE) as u64);
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
        users[..4].iter().for_each(|user| activity.left(*user));
        store.close();
        let store = open(folder.path());
        assert_eq!(noted(&store, &users).await, MANY);
        store.close();
    }
}

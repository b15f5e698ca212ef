//! What leaves the server: events of the outbox, sent to those outside who are told of them.
//!
//! Rows are written by actions, with what they tell of; here they are only read, sent and marked. Each destination has a
//! worker of its own (`worker`), so one that hangs or fails delays nobody else, and holds a handful of events in memory,
//! however many wait in the database. What was sent is marked afterwards: after a crash some are sent again, by the same id.

mod note;
mod request;
mod schedule;
mod sign;
mod trial;
mod worker;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};

use crate::model::limits::Limits;
use crate::outgoing::Outgoing;
use crate::store::{Store, webhooks};
pub use request::envelope;
pub use trial::{Outcome, trial};
use worker::Worker;

/// How long after a panic or a failing database anything is tried anew.
const AGAIN: Duration = Duration::from_secs(5);
/// Requests under way at once over all destinations, besides one for each.
const MOST: usize = 512;

/// What workers need.
#[derive(Clone)]
pub struct Needs {
    store: Store,
    outgoing: Outgoing,
    limits: Arc<Limits>,
    /// Where clients find this server: `https://chat.example`.
    base: Arc<str>,
    /// For each request under way besides the first of each destination.
    room: Arc<Semaphore>,
}

impl Needs {
    pub fn new(store: Store, outgoing: &Outgoing, limits: Arc<Limits>, base: &str) -> Needs {
        // The workers bound their requests themselves: one that hangs holds up no preview and no translation.
        let outgoing = outgoing.with_slots(Semaphore::MAX_PERMITS);
        Needs { store, outgoing, limits, base: base.into(), room: Arc::new(Semaphore::new(MOST)) }
    }
}

/// Keeps a worker at work for each webhook in use, until nothing more is to be sent.
pub async fn keep(needs: Needs) {
    let mut changed = needs.store.told().of_webhooks();
    let looker = needs.store.told().looker();
    let mut working = Working::default();
    loop {
        let wakes = needs.store.told().wakes();
        changed.mark_unchanged();
        if needs.store.told().ends() {
            while working.tasks.join_next().await.is_some() {}
            return;
        }
        if needs.store.told().is_between() {
            _ = changed.changed().await;
            continue;
        }
        match needs.store.read(webhooks::in_use).await {
            Ok(wanted) => {
                working.be(&needs, &wanted);
                looker.looked(wakes);
            }
            Err(error) => {
                log::warn!("webhooks: {error}");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        }
        tokio::select! {
            // Whoever holds the other end is there as long as the store is.
            _ = changed.changed() => {}
            // It may be wanted again by now.
            () = working.ended() => {}
        }
    }
}

/// Workers by webhooks.id; they end with this. One whose webhook is not in use any more ends by itself.
#[derive(Default)]
struct Working {
    tasks: JoinSet<()>,
    known: HashMap<i64, Id>,
}

impl Working {
    /// `wanted`: webhooks.id and apps.id of those in use.
    fn be(&mut self, needs: &Needs, wanted: &[(i64, i64)]) {
        for (webhook, app) in wanted {
            if !self.known.contains_key(webhook) {
                // Made here, so that it counts among those who look from now on.
                let task = self.tasks.spawn(work(Worker::new(needs.clone(), *app, *webhook)));
                self.known.insert(*webhook, task.id());
            }
        }
    }

    /// Waits until one ended; without any for ever.
    async fn ended(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => std::future::pending().await,
        };
        self.known.retain(|_, known| *known != id);
    }
}

/// A webhook's worker; after a panic, of which the log has told, it ends a while later.
async fn work(worker: Worker) {
    if AssertUnwindSafe(worker.run()).catch_unwind().await.is_err() {
        tokio::time::sleep(AGAIN).await;
    }
}

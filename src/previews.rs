//! Fetches previews of links, beside everything else: a message is sent first, and what comes of its link follows as an
//! edit. Nothing waits for it and nothing is owed: what does not fit into the queue, or is not there within a second, has no
//! preview.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Semaphore, mpsc};

use crate::actions::extensions::previews;
use crate::model::caller::App;
use crate::model::link::Preview;
use crate::outgoing::{Outgoing, preview};
use crate::store::{Lane, Store, Write};

/// Messages that wait.
const QUEUE: usize = 1000;
/// Pages fetched at once.
const AT_ONCE: usize = 16;
/// Pages that are remembered, and for how many seconds: a link that goes around is asked for once.
const KNOWN: usize = 1000;
const FRESH: i64 = 600;

/// Where messages with links are handed in.
#[derive(Clone)]
pub struct Previews {
    waiting: mpsc::Sender<(App, i64)>,
}

impl Previews {
    /// The queue, and what works it off.
    pub fn new(store: Store, outgoing: Outgoing) -> (Self, impl Future<Output = ()>) {
        let (waiting, messages) = mpsc::channel(QUEUE);
        let worker = Worker { store, outgoing, known: Mutex::default() };
        (Previews { waiting }, run(Arc::new(worker), messages))
    }

    /// A message that may have a link.
    pub fn offer(&self, app: &App, message: i64) {
        // Full: it goes without.
        let _ = self.waiting.try_send((app.clone(), message));
    }
}

struct Worker {
    store: Store,
    outgoing: Outgoing,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Of which database (`Told::times`).
    times: u64,
    /// By link: what came of it, and when.
    links: HashMap<String, (i64, Option<Preview>)>,
}

async fn run(worker: Arc<Worker>, mut messages: mpsc::Receiver<(App, i64)>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    while let Some((app, message)) = messages.recv().await {
        let Ok(turn) = turns.clone().acquire_owned().await else { return };
        let worker = worker.clone();
        tokio::task::spawn_local(async move {
            let _turn = turn;
            worker.look(app, message).await;
        });
    }
}

impl Worker {
    async fn look(&self, app: App, message: i64) {
        let (asked, times) = (app.clone(), self.store.told().times());
        let wanted = self.store.read(move |read| previews::wanted(read, &asked, message)).await;
        let Ok(Some(link)) = wanted else { return };
        let Some(preview) = self.of(&link).await else { return };
        let put = move |tx: &mut Write<'_>| previews::put(tx, &app, message, &preview);
        let put = self.store.write_still(times, Lane::High, "previews.put", put).await;
        if let Err(error) = put {
            log::debug!("a preview came too late: {error}");
        }
    }

    async fn of(&self, link: &str) -> Option<Preview> {
        let now = self.store.clock().now();
        if let Some((_, preview)) = self.known().links.get(link).filter(|(at, _)| now - at < FRESH) {
            return preview.clone();
        }
        let preview = preview::fetch(&self.outgoing, link).await;
        let mut known = self.known();
        if known.links.len() >= KNOWN {
            known.links.clear();
        }
        known.links.insert(link.to_owned(), (now, preview.clone()));
        preview
    }

    /// Of this database: another begins with none.
    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(|e| e.into_inner());
        let times = self.store.told().times();
        if known.times != times {
            *known = Known { times, links: HashMap::new() };
        }
        known
    }
}

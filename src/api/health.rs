//! Whether the server is ready: it can store something and has it on disk.
//!
//! The writer is asked to change a row of its own, by the same commit and the same sync as a message; an answer is good
//! for a second, so that nobody keeps it busy by asking. After the disk was full, one row is not enough: what failed may
//! have left room for a little, so the server is ready again when there is room for a batch of messages.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::actions;
use crate::live::hub::Hub;
use crate::model::error::Code;
use crate::store::{Lane, Store};

const FRESH: Duration = Duration::from_secs(1);
/// A writer that takes longer is not well. Supervisors give up after some seconds, too.
const PATIENCE: Duration = Duration::from_secs(5);

/// The writer is there, or it is not: nothing else says that a restart would help.
pub const NO_ANSWER: &str = "the writer does not answer";

/// `Err`: a plain word, which tells nothing of anybody.
pub type Ready = Result<(), &'static str>;

/// What was last seen of the writer.
#[derive(Default)]
pub struct Health {
    seen: Mutex<Option<(Instant, Ready)>>,
}

impl Health {
    /// Whether the server is ready. It is found out once for all who want to know at the same time.
    pub async fn look(&self, store: &Store, hub: &Hub) -> Ready {
        if hub.is_closing() {
            return Err("the server is stopping");
        }
        let mut seen = self.seen.lock().await;
        if let Some((_, ready)) = seen.filter(|(at, _)| at.elapsed() < FRESH) {
            return ready;
        }
        let ready = beat(store).await;
        *seen = Some((Instant::now(), ready));
        ready
    }
}

async fn beat(store: &Store) -> Ready {
    let was_full = store.was_full();
    let asked = store.write_in(Lane::High, "health", move |tx| actions::health::beat(tx, was_full));
    match timeout(PATIENCE, asked).await {
        Ok(Ok(())) => {
            if was_full {
                store.has_room();
            }
            Ok(())
        }
        Ok(Err(error)) => Err(match error.code {
            Code::StorageFull => "the disk is full",
            Code::StorageFailed => "the disk failed, or the database was removed",
            Code::Busy => "the writer takes nothing",
            _ => "the writer fails",
        }),
        Err(_) => Err(NO_ANSWER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Clock;
    use crate::store::Hooks;

    fn store(folder: &std::path::Path) -> Store {
        let hooks = Hooks::alone(Clock::fixed(1));
        Store::open(&folder.join("t.db"), 1, 10, hooks).unwrap()
    }

    #[tokio::test]
    async fn after_a_full_disk_a_little_room_is_not_enough() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        assert_eq!(beat(&store).await, Ok(()));
        store.write("it", |tx| actions::health::may_grow_by(tx, 4)).await.unwrap();
        assert_eq!(beat(&store).await, Ok(()), "nobody has found it full yet");
        let large = store.write("it", |tx| actions::health::fill(tx, 1 << 20)).await;
        assert_eq!(large.unwrap_err().code, Code::StorageFull);
        assert_eq!(beat(&store).await, Err("the disk is full"));
        assert!(store.write("it", |tx| actions::health::fill(tx, 0)).await.is_ok(), "a small write finds its room");
        assert_eq!(beat(&store).await, Err("the disk is full"));
        store.write("it", |tx| actions::health::may_grow_by(tx, 1_000)).await.unwrap();
        assert_eq!((beat(&store).await, store.was_full()), (Ok(()), false));
        store.close();
    }

    #[tokio::test]
    async fn a_server_that_stops_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (hub, _starter) = Hub::new(Clock::fixed(1), crate::watch::tail::Tail::default(), 10, 10);
        let health = Health::default();
        let before = store.commits();
        for _ in 0..100 {
            assert_eq!(health.look(&store, &hub).await, Ok(()));
        }
        let commits = store.commits() - before;
        assert!((1..100).contains(&commits), "asked often it writes seldom: {commits}");
        hub.close_all();
        assert_eq!(health.look(&store, &hub).await, Err("the server is stopping"), "at once, whatever was seen before");
        store.close();
        assert_eq!(beat(&store).await, Err("the writer takes nothing"));
    }
}

//! A database that goes back to an earlier moment while it is in use: for servers that tests throw away.
//!
//! The pages of a copy are put over those of the database in one transaction beside the writer, as a tool would write: whoever
//! reads meanwhile reads on as it was, and whoever reads afterwards sees the other moment, all of it. What is known in memory
//! of the rows is forgotten before anybody hears that it is done.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};

use super::backup::{self, Moment};
use super::{Lane, Store, Write, db};
use crate::model::error::{Code, Error, Result};

/// How often it is tried to get at the pages, and the breath between.
const TRIES: usize = 2_000;
const BREATH: Duration = Duration::from_millis(1);

impl Store {
    /// Copies the database as it is now to a file that is not there yet. Blocks.
    pub fn copy_to(&self, target: &Path) -> Result<()> {
        Moment::of(self.path())?.copy(target, |_| ())
    }

    /// As `write_in`, as long as the database is the one of then (`Told::times`): what is known of its rows holds for no other.
    /// `None`: it has become another one, and nothing is written.
    pub async fn write_still<T, F>(&self, times: u64, lane: Lane, name: &'static str, f: F) -> Result<Option<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        match self.write_of(times, lane, name, f).await {
            Err(_) if !self.told().is_still(times) => Ok(None),
            done => done.map(Some),
        }
    }

    /// Puts a copy in the place of what the database holds. `last`: the newest time that was used in it. `beside`: what else is
    /// put back before anybody begins anything again.
    pub async fn put_back(
        &self,
        from: &Path,
        last: i64,
        beside: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let (inner, from) = (self.inner.clone(), from.to_owned());
        inner.clock.begin_anew(last);
        let path = inner.path.clone();
        inner.writer.told().begin_anew();
        let done = tokio::task::spawn_blocking(move || replace(&path, &from).and_then(|()| beside())).await;
        inner.credentials.forget();
        inner.writer.told().begin_anew();
        done.map_err(|e| Error::internal("moment", e))??;
        // Before it does anything, the writer looks whether somebody else wrote.
        self.write("moment", |_| Ok(())).await
    }
}

fn replace(path: &Path, from: &Path) -> Result<()> {
    let from = backup::open(from)?;
    let mut into = db::open_checkpointer(path)?;
    let copying = Backup::new(&from, &mut into)?;
    for _ in 0..TRIES {
        match copying.step(-1)? {
            StepResult::Done => return Ok(()),
            // Somebody writes just now.
            _ => std::thread::sleep(BREATH),
        }
    }
    Err(Code::Busy.into())
}

#[cfg(test)]
mod tests {
    use crate::model::caller::KeyScope;
    use crate::model::time::Clock;
    use crate::store::{Hooks, Store, apps, digest, keys};

    #[tokio::test]
    async fn what_was_done_since_a_moment_is_undone_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(1_795_000_000);
        let store = Store::open(&folder.path().join("t.db"), 2, 16, Hooks::alone(clock.clone())).unwrap();
        let app = |name: &'static str| {
            store.write("t", move |tx| {
                let app = apps::insert(tx, name, "us")?;
                keys::insert(tx, app.id, name, KeyScope::Full)
            })
        };
        let first = app("First").await.unwrap();
        let moment = folder.path().join("moment");
        store.copy_to(&moment).unwrap();
        for _ in 0..3 {
            let second = app("Second").await.unwrap();
            assert!(store.credential(digest(&second)).await.unwrap().is_some());
            clock.advance(1000);
            store.write("t", |_| Ok(())).await.unwrap();
            clock.advance(-1000);
            store.put_back(&moment, 1_795_000_000, || Ok(())).await.unwrap();
            assert!(store.credential(digest(&second)).await.unwrap().is_none());
            assert!(store.credential(digest(&first)).await.unwrap().is_some());
            assert_eq!((store.read(apps::list).await.unwrap().len(), store.clock().now()), (1, 1_795_000_000));
        }
        store.close();
    }
}

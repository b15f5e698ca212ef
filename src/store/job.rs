//! A unit of work for the writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tokio::sync::oneshot;

use super::Write;
use super::told::Told;
use crate::model::error::{Code, Error, Result};
use crate::watch::request::{self, Origin};

/// What the writer does in a transaction. What came of it is left where whoever asked finds it.
pub type Work = dyn FnOnce(&mut Write<'_>) -> Result<()> + Send;

/// A unit of work; answered after the commit.
pub struct Job {
    pub(super) name: &'static str,
    pub(super) queued: Instant,
    /// The request it is done for.
    pub(super) origin: Option<Origin>,
    work: Option<Box<Work>>,
    /// Which database it is for (`Told::times`).
    times: u64,
    /// What came of it; with an error nothing that it changed is kept.
    outcome: Result<()>,
    answer: Option<oneshot::Sender<Result<()>>>,
}

impl Job {
    /// `times`: which database it is for.
    pub fn new(name: &'static str, work: Box<Work>, times: u64, answer: Option<oneshot::Sender<Result<()>>>) -> Job {
        let (queued, origin) = (Instant::now(), request::current());
        Job { name, queued, origin, work: Some(work), times, outcome: Ok(()), answer }
    }

    /// Does its work, once. `Err`: what it changed is not to be kept.
    pub(super) fn run(&mut self, tx: &mut Write<'_>, told: &Told) -> Result<(), Code> {
        let work = self.work.take().ok_or(Code::Internal)?;
        self.outcome = match told.is_still(self.times) {
            true => {
                let done = catch_unwind(AssertUnwindSafe(|| work(tx)));
                done.unwrap_or_else(|_| Err(Error::internal(self.name, "panicked")))
            }
            // What it would write is of rows that were.
            false => Err(super::went_back()),
        };
        self.outcome.as_ref().map(|_| ()).map_err(|error| error.code)
    }

    pub(super) fn answer(self, committed: Result<()>) {
        if let Some(answer) = self.answer {
            // Whoever asked may have gone; the commit stands all the same.
            let _ = answer.send(committed.and(self.outcome));
        }
    }
}

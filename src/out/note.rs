//! What came of events, marked in the database.

use std::sync::Arc;

use super::AGAIN;
use crate::model::error::Result;
use crate::store::outbox::{self, Tried};
use crate::store::{Lane, Store, Write, webhooks};

/// Where nothing arrived for so many seconds, all that waits is tried again as soon as something arrives; up to so many.
const LONG_DOWN: i64 = 60;
const HASTENED: i64 = 10_000;

/// What is to be marked.
pub struct Note {
    pub webhook: i64,
    pub tried: Vec<Tried>,
    /// outbox.id up to which nothing waits that was not tried.
    pub passed: i64,
    /// It was down, and something arrived.
    pub is_back: bool,
    pub fails: bool,
    /// It is gone for good, says who answers at this address.
    pub ended: Option<String>,
    /// Which database its events are of.
    pub times: u64,
}

impl Note {
    /// Marks it, however long the database takes no writes, as long as it is the database of these events.
    pub async fn keep(self: Arc<Self>, store: Store) {
        let mut complained = false;
        loop {
            let note = self.clone();
            let written = store.write_still(note.times, Lane::Mark, "webhooks.note", move |tx| note.write(tx));
            let Err(error) = written.await else {
                return;
            };
            if !std::mem::replace(&mut complained, true) {
                log::warn!("webhook {}: cannot note what was sent, and waits: {error}", self.webhook);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn write(&self, tx: &mut Write<'_>) -> Result<()> {
        for one in &self.tried {
            outbox::note(tx, self.webhook, one)?;
        }
        let failing_at = webhooks::tried(tx, self.webhook, self.passed, self.fails)?;
        if self.is_back && failing_at.is_some_and(|since| tx.now() - since >= LONG_DOWN) {
            outbox::hasten(tx, self.webhook, HASTENED)?;
        }
        match &self.ended {
            Some(url) => webhooks::end(tx, self.webhook, url, "It answered 410: it is gone for good."),
            None => Ok(()),
        }
    }
}

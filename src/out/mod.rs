//! What leaves the server: events of the outbox, sent to those outside who are told of them.
//!
//! Rows are written by actions, with what they tell of; here they are only read, sent and marked. Each destination has a
//! worker of its own (`worker`), so one that hangs or fails delays nobody else, and holds a handful of events in memory,
//! however many wait in the database. What was sent is marked afterwards: after a crash some are sent again, by the same id.

mod schedule;
mod sign;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::model::error::Result;
use crate::model::limits::Limits;
use crate::outgoing::Outgoing;
use crate::store::{Store, webhooks};
use worker::Worker;

/// How long after a panic or a failing database a worker begins anew.
const AGAIN: Duration = Duration::from_secs(5);

/// What workers need.
#[derive(Clone)]
pub struct Needs {
    pub store: Store,
    pub outgoing: Outgoing,
    pub limits: Arc<Limits>,
}

/// Keeps a worker at work for each webhook in use.
pub async fn keep(needs: Needs) {
    let mut told = needs.store.told();
    let mut working = Working::default();
    loop {
        told.mark_unchanged();
        match needs.store.read(webhooks::in_use).await {
            Ok(wanted) => working.be(&needs, &wanted),
            Err(error) => log::warn!("webhooks: {error}"),
        }
        // Whoever holds the other end is there as long as the store is.
        let _ = told.changed().await;
    }
}

/// Workers by webhooks.id; they end with this.
#[derive(Default)]
struct Working(HashMap<i64, JoinHandle<()>>);

impl Working {
    fn be(&mut self, needs: &Needs, wanted: &[i64]) {
        self.0.retain(|webhook, worker| {
            let stays = wanted.contains(webhook) && !worker.is_finished();
            if !stays {
                worker.abort();
            }
            stays
        });
        for webhook in wanted {
            self.0.entry(*webhook).or_insert_with(|| {
                let (needs, webhook) = (needs.clone(), *webhook);
                tokio::spawn(async move {
                    while let Err(error) = Worker::new(needs.clone(), webhook).run().await {
                        log::warn!("webhook {webhook}: {error}");
                        tokio::time::sleep(AGAIN).await;
                    }
                })
            });
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.values().for_each(JoinHandle::abort);
    }
}

/// Sends all that can be sent now, and waits for it.
pub async fn round(needs: &Needs) -> Result<()> {
    for webhook in needs.store.read(webhooks::in_use).await? {
        Worker::new(needs.clone(), webhook).finish().await?;
    }
    Ok(())
}

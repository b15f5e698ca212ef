//! What happened, for those outside who are told of it: webhooks now.
//!
//! An action says here what it did, in its own transaction, at the place where it tells the sockets: one act is one event
//! of a trigger, whoever acts (a client, a key, the server itself). What sockets are not told (imports, what retention
//! takes away) is not told outside either. What is told goes to whoever runs the app: as the app sees it, whole, and of
//! what was deleted nothing. Where nobody is told, nothing is made.

pub mod calls;
pub mod groups;
pub mod messages;
pub mod moderation;
pub mod receipts;
pub mod users;

use serde::{Serialize, Serializer};

use crate::model::caller::App;
use crate::model::error::{Error, Result};
use crate::model::trigger::Trigger;
use crate::store::Write;
pub use crate::store::outbox::is_told;
use crate::store::outbox::put;

/// Tells outside of what happened in the app; `data` makes what is said of it.
pub fn tell<T: Serialize>(
    tx: &mut Write<'_>,
    app: &App,
    trigger: Trigger,
    data: impl FnOnce(&mut Write<'_>) -> Result<T>,
) -> Result<()> {
    if !is_told(tx, app.id, trigger)? {
        return Ok(());
    }
    let data = data(tx)?;
    let text = serde_json::to_string(&data).map_err(|e| Error::internal("outbox", e))?;
    put(tx, app.id, trigger, &text)
}

/// Things by their names, in their order: an object, as the contract has members and users.
struct Named<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, thing)| (name, thing)))
    }
}

//! What happened, for those outside who are told of it: webhooks now.
//!
//! An action says here what it did, in its own transaction, at the place where it tells the sockets. What is told outside is
//! told to whoever runs the app: as the app sees it, whole. Where nobody is told, nothing is made.

use serde::Serialize;

use crate::model::caller::App;
use crate::model::error::{Error, Result};
use crate::model::json::{Raw, raw};
use crate::model::message::Sent;
use crate::model::trigger::Trigger;
use crate::store::Write;
use crate::store::outbox::{is_told, put};

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

/// A message, as a trigger's data.
#[derive(Serialize)]
struct Told {
    message: Raw,
}

/// A message was sent; `sent` makes it as the app sees it.
pub fn message_sent(tx: &mut Write<'_>, app: &App, sent: impl FnOnce(&mut Write<'_>) -> Result<Sent>) -> Result<()> {
    tell(tx, app, Trigger::MessageSent, |tx| Ok(Told { message: raw(sent(tx)?.json().to_owned()) }))
}

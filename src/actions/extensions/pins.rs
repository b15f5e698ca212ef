//! Pinning by the older extension: the same pins as everywhere.

use crate::actions::{messages as reading, pins};
use crate::model::caller::Caller;
use crate::model::error::{Error, Result};
use crate::model::limits::Limits;
use crate::model::message::{Message, Receiver};
use crate::model::page::Affix;
use crate::store::history::{self, Filter, Within};
use crate::store::{Read, Write, messages, render};

/// Pins the message or unpins it; `within` is where the caller says that it is.
pub fn set(
    tx: &mut Write<'_>,
    caller: &Caller,
    id: i64,
    on: bool,
    within: Option<&Receiver>,
    limits: &Limits,
) -> Result<()> {
    if let Some(receiver) = within {
        let place = reading::readable(tx, caller, receiver)?;
        let row = messages::accessible(tx, caller.app.id, id, caller.viewer())?;
        if place.is_none_or(|(conv, _)| conv != row.conv) {
            return Err(Error::field("receiver", "The message is not in the conversation with this receiver."));
        }
    }
    pins::pin(tx, &super::heard_by_all(caller), id, on, limits).map(drop)
}

/// What is pinned in the conversation with the receiver, the newest pin first.
pub fn list(read: &Read<'_>, caller: &Caller, receiver: &Receiver, limits: &Limits) -> Result<Vec<Message>> {
    let Some((conv, hidden_id)) = reading::readable(read, caller, receiver)? else { return Ok(Vec::new()) };
    let most = limits.pinned_messages.saturating_add(limits.app_pinned_messages);
    let filter = Filter {
        pinned: true,
        viewer: caller.viewer(),
        bytes: limits.page_bytes,
        ..Filter::new(Affix::Prepend, most.clamp(1, limits.max_per_page))
    };
    let rows = history::list(read, caller.app.id, Within::Conversation { conv, hidden_id }, &filter)?;
    render::all(read, rows, caller.viewer())
}

//! Events are told once more because somebody asks: one, those that failed, those of a time. Many are done in pieces, each
//! a transaction, so that no write of anybody else waits long.

use crate::actions::webhooks::find;
use crate::model::error::{Code, Error, Result};
use crate::store::deliveries::{self as rows, Delivery};
use crate::store::webhooks::Stored;
use crate::store::{Read, Write};

/// Events that one transaction looks at: what is sent meanwhile waits for one of these at most.
const PIECE: i64 = 200;

/// Which are told once more.
#[derive(Clone, Copy, Debug)]
pub struct Which {
    /// Only those that failed.
    pub failed: bool,
    /// Unix seconds, both included.
    pub from: i64,
    pub to: i64,
}

/// What one transaction did.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub replayed: i64,
    /// The event (outbox.id) behind which it goes on; `None`: that was all.
    pub after: Option<i64>,
}

pub fn delivery(read: &Read<'_>, hook: &Stored, event: i64) -> Result<Delivery> {
    rows::find(read, hook.id, event)?.ok_or_else(|| unknown(&event.to_string()))
}

/// The refusal of an event that is not there.
pub fn unknown(event: &str) -> Error {
    let sentence = format!("There is no event {} at this webhook.", crate::model::ids::shown(event));
    Error::new(Code::DeliveryNotFound, sentence)
}

/// One that is switched off is sent nothing.
fn in_use(read: &Read<'_>, app: i64, id: &str) -> Result<Stored> {
    let hook = find(read, app, id)?;
    match hook.hook.enabled {
        true => Ok(hook),
        false => Err(Error::new(Code::BadRequest, "The webhook is switched off: enable it first.")),
    }
}

/// Has one sent now.
pub fn replay(tx: &mut Write<'_>, app: i64, id: &str, event: i64) -> Result<()> {
    let hook = in_use(tx, app, id)?;
    delivery(tx, &hook, event)?;
    match rows::again(tx, &hook, event)? {
        true => Ok(()),
        false => Err(unknown(&event.to_string())),
    }
}

/// Has the next piece of many sent, behind the event `after`. Events it has not come to yet are not among them: they are
/// sent anyway.
pub fn replay_piece(tx: &mut Write<'_>, app: i64, id: &str, which: Which, after: i64) -> Result<Piece> {
    let hook = in_use(tx, app, id)?;
    let (first, last) = rows::of_time(tx, which.from, which.to)?;
    let (after, last) = (after.max(first), last.min(hook.passed));
    let looked: Vec<(i64, bool)> = match which.failed {
        true => rows::failed(tx, hook.id, after, last, PIECE)?.into_iter().map(|event| (event, true)).collect(),
        false => rows::between(tx, &hook, after, last, PIECE)?,
    };
    let mut replayed = 0;
    for (event, told) in &looked {
        if *told && rows::again(tx, &hook, *event)? {
            replayed += 1;
        }
    }
    let more = looked.len() as i64 == PIECE;
    Ok(Piece { replayed, after: looked.last().filter(|_| more).map(|(event, _)| *event) })
}

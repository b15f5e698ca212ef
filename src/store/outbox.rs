//! Events that are told outside, and what became of each at each webhook.
//!
//! An event is written in the transaction of what it tells of, so what is committed is told and what is undone is not. Where
//! nobody is told, nothing is written: which triggers of an app anybody is told of is kept in memory, where the writer alone
//! reads it ([`Subscribed`]), and forgotten whenever a webhook changes.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};

use rusqlite::{Row, params};

use super::{Read, Told, Write};
use crate::model::error::Result;
use crate::model::trigger::{Trigger, Triggers};

/// What the writer knows of who is told outside.
#[derive(Default)]
pub struct Subscribed {
    /// By apps.id.
    known: RefCell<HashMap<i64, Triggers>>,
    /// Apps (apps.id) of which something was put in since [`Subscribed::tell`], committed or not.
    grown: RefCell<BTreeSet<i64>>,
    /// Webhooks changed since then, committed or not.
    changed: Cell<bool>,
    /// An engine is to be asked about more messages, committed or not.
    asks: Cell<bool>,
}

impl Subscribed {
    /// A webhook changed, here or in another process.
    pub fn forget(&self) {
        self.known.borrow_mut().clear();
    }

    /// The same, when the job that changed it has run: whatever becomes of it, what was read meanwhile may not stay.
    pub fn changed(&self) {
        self.forget();
        self.changed.set(true);
    }

    /// An engine is to be asked about a message.
    pub fn asks(&self) {
        self.asks.set(true);
    }

    /// Tells whoever sends and asks, after a commit.
    pub fn tell(&self, told: &Told) {
        if self.asks.take() {
            told.pending();
        }
        let grown = std::mem::take(&mut *self.grown.borrow_mut());
        match self.changed.take() {
            true => told.changed(),
            false if grown.is_empty() => {}
            false => told.grown(grown),
        }
    }
}

/// Whether anybody outside is told when this happens in the app (apps.id).
pub fn is_told(tx: &Write<'_>, app: i64, trigger: Trigger) -> Result<bool> {
    if let Some(known) = tx.subscribed.known.borrow().get(&app) {
        return Ok(known.has(trigger));
    }
    let mut triggers = Triggers::default();
    for name in super::webhooks::subscribed(tx, app)? {
        // One that this release does not know was subscribed to by a newer one.
        if let Ok(trigger) = Trigger::parse(&name) {
            triggers.add(trigger);
        }
    }
    tx.subscribed.known.borrow_mut().insert(app, triggers);
    Ok(triggers.has(trigger))
}

/// Puts an event in; whether anybody is told of it is looked at before. `data`: JSON.
pub fn put(tx: &Write<'_>, app: i64, trigger: Trigger, data: &str) -> Result<()> {
    let event = tx.insert(
        "INSERT INTO outbox (app, name, kind, at, data) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![app, tx.ids().hex(12), trigger.as_str(), tx.now(), data],
    )?;
    for message in messages_in(data) {
        tx.run("INSERT OR IGNORE INTO outbox_messages (event, message) VALUES (?1, ?2)", [event, message])?;
    }
    wake(tx, app);
    Ok(())
}

/// There is more to send of the app, or sooner.
pub fn wake(tx: &Write<'_>, app: i64) {
    tx.subscribed.grown.borrow_mut().insert(app);
}

/// Messages (messages.id) that an event holds: every number that is called an id. Some are ids of other things; then an event
/// goes with a message that it does not tell of, which is rare and safe.
fn messages_in(data: &str) -> Vec<i64> {
    const NAMES: [&str; 2] = ["\"id\":", "\"messageId\":"];
    let mut found: Vec<i64> = Vec::new();
    for name in NAMES {
        for (at, _) in data.match_indices(name) {
            let rest = &data[at + name.len()..];
            let rest = rest.strip_prefix('"').unwrap_or(rest);
            let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
            found.extend(rest[..end].parse::<i64>().ok());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// An event as it is sent.
#[derive(Clone, Debug)]
pub struct Event {
    /// outbox.id
    pub id: i64,
    /// The same on every try, and no other event's.
    pub name: String,
    pub trigger: String,
    pub at: i64,
    /// JSON.
    pub data: String,
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event { id: row.get(0)?, name: row.get(1)?, trigger: row.get(2)?, at: row.get(3)?, data: row.get(4)? })
}

/// outbox.id of the newest event there ever was.
pub fn newest(read: &Read<'_>) -> Result<i64> {
    Ok(read.first("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'", [], |row| row.get(0))?.unwrap_or(0))
}

/// Bytes of events that are held to be sent, about: a worker reads no further.
const BYTES: usize = 256 * 1024;
/// Events that are looked past at a time, and how often in one read.
const LOOKS: i64 = 256;
const TIMES: usize = 64;

/// What waits for a webhook.
pub struct Ahead {
    /// The oldest first.
    pub events: Vec<Event>,
    /// outbox.id up to which it looked.
    pub upto: i64,
    /// There may be more behind it.
    pub more: bool,
}

/// Events of the app behind this one (outbox.id) that the webhook is told of and that were never tried there, from this time
/// on; at most so many.
pub fn next(read: &Read<'_>, (app, webhook): (i64, i64), from: i64, oldest: i64, most: usize) -> Result<Ahead> {
    let (mut ahead, mut bytes) = (Ahead { events: Vec::new(), upto: from, more: true }, 0);
    for _ in 0..TIMES {
        let looked = read.all(
            "SELECT ev.id, t.webhook IS NOT NULL AND ev.id > t.since
             FROM outbox ev LEFT JOIN webhook_triggers t ON t.webhook = ?3 AND t.kind = ev.kind
             WHERE ev.app = ?1 AND ev.id > ?2 ORDER BY ev.id LIMIT ?4",
            [app, ahead.upto, webhook, LOOKS],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)),
        )?;
        let all = (looked.len() as i64) < LOOKS;
        for (id, is_told) in looked {
            let tried = "SELECT 1 FROM deliveries WHERE webhook = ?1 AND event = ?2";
            if !is_told || read.exists(tried, [webhook, id])? {
                ahead.upto = id;
                continue;
            }
            let Some(event) = by_id(read, id)? else { continue };
            if event.at < oldest {
                // It goes in a moment, with a word to whoever waits, and is counted as long as nobody has passed it.
                ahead.more = false;
                return Ok(ahead);
            }
            ahead.upto = id;
            bytes += event.data.len();
            ahead.events.push(event);
            if ahead.events.len() >= most || bytes > BYTES {
                return Ok(ahead);
            }
        }
        if all {
            ahead.more = false;
            break;
        }
    }
    Ok(ahead)
}

fn by_id(read: &Read<'_>, id: i64) -> Result<Option<Event>> {
    read.first("SELECT id, name, kind, at, data FROM outbox WHERE id = ?1", [id], event)
}

/// What becomes of an event at a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Delivered,
    /// It is tried again at this time.
    Waiting(i64),
    /// It is not tried again.
    Failed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Delivered => "delivered",
            State::Waiting(_) => "waiting",
            State::Failed => "failed",
        }
    }

    fn next_at(self) -> Option<i64> {
        match self {
            State::Waiting(at) => Some(at),
            _ => None,
        }
    }
}

/// How a try went.
#[derive(Clone, Debug)]
pub struct Tried {
    /// outbox.id
    pub event: i64,
    pub state: State,
    /// This one counted.
    pub tries: i64,
    pub first_at: i64,
    pub at: i64,
    pub took_ms: i64,
    /// Of HTTP; `None`: there was no answer.
    pub status: Option<u16>,
    /// How the answer began, or why there was none.
    pub answer: String,
}

/// Notes how a try went. Nothing, where the event or the webhook went meanwhile.
pub fn note(tx: &Write<'_>, webhook: i64, tried: &Tried) -> Result<()> {
    tx.run(
        "INSERT INTO deliveries (webhook, event, state, tries, first_at, next_at, tried_at, took_ms, status, answer)
         SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM outbox
         WHERE id = ?2 AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?1)
         ON CONFLICT (webhook, event) DO UPDATE SET state = excluded.state, tries = excluded.tries,
             first_at = excluded.first_at, next_at = excluded.next_at, tried_at = excluded.tried_at,
             took_ms = excluded.took_ms, status = excluded.status, answer = excluded.answer",
        params![
            webhook,
            tried.event,
            tried.state.as_str(),
            tried.tries,
            tried.first_at,
            tried.state.next_at(),
            tried.at,
            tried.took_ms,
            tried.status,
            tried.answer
        ],
    )?;
    Ok(())
}

/// An event that was tried and is to be tried again.
#[derive(Clone, Debug)]
pub struct Again {
    pub event: Event,
    /// So far.
    pub tries: i64,
    /// When the first of them was; `None`: there was none, somebody asked for it.
    pub first_at: Option<i64>,
}

/// What is to be tried again by now, the first that was due first, of events from this time on; at most so many.
pub fn due(read: &Read<'_>, webhook: i64, oldest: i64, most: usize) -> Result<Vec<Again>> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    let due = read.all(
        "SELECT event, tries, first_at FROM deliveries
         WHERE webhook = ?1 AND next_at <= ?2 ORDER BY next_at, event LIMIT ?3",
        [webhook, read.now(), most as i64],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for (id, tries, first_at) in due {
        let Some(event) = by_id(read, id)?.filter(|event| event.at >= oldest) else { continue };
        bytes += event.data.len();
        found.push(Again { event, tries, first_at });
        if bytes > BYTES {
            break;
        }
    }
    Ok(found)
}

/// When the next one is to be tried again that is not due yet.
pub fn next_due(read: &Read<'_>, webhook: i64) -> Result<Option<i64>> {
    let sql = "SELECT next_at FROM deliveries WHERE webhook = ?1 AND next_at > ?2 ORDER BY next_at LIMIT 1";
    read.first(sql, [webhook, read.now()], |row| row.get(0))
}

/// What waits is tried again now, so many: what it is sent to answers again.
pub fn hasten(tx: &Write<'_>, webhook: i64, most: i64) -> Result<()> {
    tx.run(
        "UPDATE deliveries SET next_at = ?2 WHERE webhook = ?1 AND event IN (
             SELECT event FROM deliveries WHERE webhook = ?1 AND next_at > ?2 ORDER BY next_at LIMIT ?3)",
        [webhook, tx.now(), most],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_knows_its_messages() {
        let data =
            r#"{"message":{"id":"12","data":{"on":{"id":7,"uid":"x"}}},"messageId":"9","id":"no","id":"","id":12}"#;
        assert_eq!(messages_in(data), [7, 9, 12]);
        assert!(messages_in(r#"{"id":"99999999999999999999","id":"#).is_empty());
    }
}

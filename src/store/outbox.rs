//! Events that are told outside, and what became of each at each webhook.
//!
//! An event is written in the transaction of what it tells of, so what is committed is told and what is undone is not. Where
//! nobody is told, nothing is written: which triggers of an app anybody is told of is kept in memory, where the writer alone
//! reads it ([`Subscribed`]), and forgotten whenever a webhook changes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use rusqlite::{Row, params};

use super::{Read, Write};
use crate::model::error::Result;
use crate::model::trigger::{Trigger, Triggers};

/// What the writer knows of who is told outside.
#[derive(Default)]
pub struct Subscribed {
    /// By apps.id.
    known: RefCell<HashMap<i64, Triggers>>,
    /// An event was put in since [`Subscribed::take_grown`], committed or not.
    grown: Cell<bool>,
}

impl Subscribed {
    /// A webhook changed, here or in another process.
    pub fn forget(&self) {
        self.known.borrow_mut().clear();
    }

    /// The same, when the job that changed it has run: whatever becomes of it, what was read meanwhile may not stay.
    pub fn changed(&self) {
        self.forget();
        self.grown.set(true);
    }

    pub fn take_grown(&self) -> bool {
        self.grown.take()
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
    tx.insert(
        "INSERT INTO outbox (app, name, kind, at, data) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![app, tx.ids().hex(12), trigger.as_str(), tx.now(), data],
    )?;
    tx.subscribed.grown.set(true);
    Ok(())
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

/// Events of the app behind this one that the webhook is told of, the oldest first, among the next `most`; and up to which
/// it looked: where that is `from`, there are none.
pub fn next(read: &Read<'_>, app: i64, webhook: i64, from: i64, most: i64) -> Result<(Vec<Event>, i64)> {
    let looked = read.all(
        "SELECT o.id, t.webhook IS NOT NULL AND o.id > t.since
         FROM (SELECT id, kind FROM outbox WHERE app = ?1 AND id > ?2 ORDER BY id LIMIT ?4) o
         LEFT JOIN webhook_triggers t ON t.webhook = ?3 AND t.kind = o.kind ORDER BY o.id",
        [app, from, webhook, most],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)),
    )?;
    let to = looked.last().map_or(from, |(id, _)| *id);
    let mut events = Vec::new();
    for (id, _) in looked.into_iter().filter(|(_, told)| *told) {
        events.extend(by_id(read, id)?);
    }
    Ok((events, to))
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

/// Notes how a try went. Nothing, where the event went meanwhile.
pub fn note(tx: &Write<'_>, webhook: i64, tried: &Tried) -> Result<()> {
    tx.run(
        "INSERT INTO deliveries (webhook, event, state, tries, first_at, next_at, tried_at, took_ms, status, answer)
         SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM outbox WHERE id = ?2
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

/// What is to be tried again by now, the oldest first.
pub fn due(read: &Read<'_>, webhook: i64, most: i64) -> Result<Vec<Again>> {
    read.all(
        "SELECT o.id, o.name, o.kind, o.at, o.data, d.tries, d.first_at
         FROM deliveries d CROSS JOIN outbox o ON o.id = d.event
         WHERE d.webhook = ?1 AND d.next_at <= ?2 ORDER BY d.next_at, d.event LIMIT ?3",
        [webhook, read.now(), most],
        |row| Ok(Again { event: event(row)?, tries: row.get(5)?, first_at: row.get(6)? }),
    )
}

/// When the next one is to be tried again.
pub fn next_due(read: &Read<'_>, webhook: i64) -> Result<Option<i64>> {
    Ok(read
        .first("SELECT min(next_at) FROM deliveries WHERE webhook = ?1 AND next_at IS NOT NULL", [webhook], |row| {
            row.get(0)
        })?
        .flatten())
}

/// Whatever waits is tried again now: what it is sent to answers again.
pub fn hasten(tx: &Write<'_>, webhook: i64) -> Result<()> {
    tx.run("UPDATE deliveries SET next_at = ?2 WHERE webhook = ?1 AND next_at > ?2", [webhook, tx.now()])?;
    Ok(())
}

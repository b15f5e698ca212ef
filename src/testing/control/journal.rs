//! What has happened since the server was ready or brought back: calls, frames, events, webhooks. It is a viewer of the live tail
//! (`watch::tail`) that never looks away, and keeps what it saw, whole: all of it is of the tests' own making.
//!
//! A test asks for it, or waits until something is in it, whichever of the two came first. What a clock on the wall would say
//! of it (how long something took) is left out, so that the same acts make the same journal; what several threads tell at the
//! same time has no order, so that `order=stream` gives each kind, and each user's frames, one behind the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use memchr::{memchr, memmem};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::locked;
use crate::model::error::{Code, Error, Result};
use crate::testing::time::duration;
use crate::watch::tail::{Body, Filter, Kind, Tail, Told, Viewer};

/// Entries that are kept, and bytes of what they carry; the oldest go first.
const ENTRIES: usize = 20_000;
const BYTES: usize = 32 << 20;

/// Entries taken at a time.
const PIECE: usize = 500;

/// How long it is waited for something, unless a test says otherwise, and at most.
const WAIT: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// Facts that only the wall clock knows.
const OF_THE_WALL: [&str; 2] = ["seconds", "waited"];

/// Entries that an answer has at most, unless a test says otherwise.
const MOST: usize = 1_000;

#[derive(Default)]
struct Kept {
    entries: VecDeque<Seen>,
    bytes: usize,
    /// The number of the last one, from 1.
    last: u64,
    /// How many went because there were too many.
    lost: u64,
    /// What sockets are called: by the hub's numbers, in the order they were seen.
    sockets: BTreeMap<u64, u64>,
}

struct Seen {
    number: u64,
    kind: Kind,
    size: usize,
    /// All but bodies.
    value: Value,
    /// As they came: read they take many times as much.
    bodies: Vec<(&'static str, Body)>,
}

impl Seen {
    /// All of it.
    fn whole(&self) -> Value {
        let mut value = self.value.clone();
        let read = |body: &Body| match body {
            Body::Whole(bytes) => {
                let text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
                serde_json::from_slice(bytes).unwrap_or_else(|_| text())
            }
            Body::Large(size) => json!({ "bytes": size }),
        };
        value["bodies"] = self.bodies.iter().map(|(name, body)| ((*name).to_owned(), read(body))).collect();
        value
    }

    /// Whether a text is in one of its texts.
    fn says(&self, text: &str) -> bool {
        // JSON writes a text as it is, but for what it escapes.
        let may = |(_, body): &(&'static str, Body)| match body {
            Body::Whole(bytes) => memmem::find(bytes, text.as_bytes()).is_some() || memchr(b'\\', bytes).is_some(),
            Body::Large(_) => false,
        };
        holds(&self.value, text) || self.bodies.iter().any(may) && holds(&self.whole(), text)
    }
}

pub struct Journal {
    viewer: Viewer,
    kept: Mutex<Kept>,
    changed: watch::Sender<bool>,
}

/// What a test asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Asked {
    kind: Option<String>,
    title: Option<String>,
    user: Option<String>,
    group: Option<String>,
    status: Option<u16>,
    failed: Option<bool>,
    /// A text that is somewhere in it.
    text: Option<String>,
    /// What the entry must hold, at least.
    like: Option<Value>,
    /// Entries after this one.
    after: u64,
    /// At most so many; of a wait, so many at least.
    count: Option<usize>,
    /// `time` or `stream`.
    order: Option<String>,
    timeout: Option<Value>,
}

impl Journal {
    /// `None`: too many look at the tail, of which there are none at a start.
    pub fn of(tail: &Tail) -> Option<Journal> {
        let viewer = tail.look(Filter::default(), false)?;
        Some(Journal { viewer, kept: Mutex::default(), changed: watch::Sender::new(false) })
    }

    /// Takes what is told, for as long as the server runs.
    pub async fn keep(&self) {
        loop {
            self.viewer.more().await;
            self.take();
        }
    }

    /// Nobody waits any more: the server stops.
    pub fn end(&self) {
        self.changed.send_replace(true);
    }

    /// Begins anew.
    pub fn clear(&self) {
        self.take();
        let mut kept = locked(&self.kept);
        // A number is never given twice: who waits for what comes after one waits for nothing that has gone.
        *kept = Kept { last: kept.last, ..Kept::default() };
    }

    fn take(&self) {
        let mut kept = locked(&self.kept);
        let before = kept.last;
        loop {
            let (told, lost) = self.viewer.take(PIECE, usize::MAX);
            kept.lost += lost;
            if told.is_empty() {
                break;
            }
            told.iter().for_each(|told| kept.add(told));
        }
        let more = kept.last > before;
        drop(kept);
        if more {
            self.changed.send_modify(|_| ());
        }
    }

    /// What fits.
    pub fn show(&self, asked: &Asked) -> Result<Value> {
        asked.check()?;
        if asked.timeout.is_some() {
            return Err(Error::field("timeout", "It is not waited for here: POST /_test/wait does."));
        }
        self.take();
        let kept = locked(&self.kept);
        let mut found: Vec<&Seen> = kept.after(asked.after).filter(|seen| asked.fits(seen)).collect();
        let most = asked.count.unwrap_or(MOST);
        let more = found.len() > most;
        // Who reads on from one gets the next; anybody else wants to know what happened last.
        match asked.after {
            0 => _ = found.drain(..found.len().saturating_sub(most)),
            _ => found.truncate(most),
        }
        let streams = asked.order.as_deref() == Some("stream");
        if streams {
            found.sort_by_cached_key(|one| stream(one));
        }
        // By streams a number would say which thread was first.
        let shown = |seen: &&Seen| if streams { seen.whole() } else { numbered(seen) };
        let entries: Vec<Value> = found.iter().map(shown).collect();
        Ok(json!({ "last": kept.last, "lost": kept.lost, "more": more, "entries": entries }))
    }

    /// Waits until so many fit, and gives them.
    pub async fn wait(&self, asked: &Asked) -> Result<Value> {
        asked.check()?;
        if asked.order.is_some() {
            return Err(Error::field("order", "What is waited for has no order."));
        }
        let time = match &asked.timeout {
            None => WAIT,
            Some(value) => {
                let ms = duration(value)
                    .map_err(|why| Error::field("timeout", format!("The timeout is not valid: {why}.")))?;
                Some(Duration::from_millis(ms.unsigned_abs())).filter(|time| *time <= LONGEST).ok_or_else(|| {
                    Error::field("timeout", format!("The timeout may be {} seconds at most.", LONGEST.as_secs()))
                })?
            }
        };
        let (until, wanted) = (Instant::now() + time, asked.count.unwrap_or(1));
        let mut changed = self.changed.subscribe();
        // Each entry is looked at once, however many come.
        let (mut looked, mut found) = (asked.after, Vec::new());
        loop {
            let ends = *changed.borrow_and_update();
            self.take();
            {
                let kept = locked(&self.kept);
                found.extend(kept.after(looked).filter(|seen| asked.fits(seen)).map(numbered));
                looked = looked.max(kept.last);
                if found.len() >= wanted {
                    return Ok(json!({ "last": kept.last, "lost": kept.lost, "entries": found }));
                }
            }
            if ends {
                return Err(Error::new(Code::Busy, "The server stops."));
            }
            if !matches!(timeout_at(until, changed.changed()).await, Ok(Ok(()))) {
                return Err(self.vain(asked, found.len(), wanted, time));
            }
        }
    }

    /// It did not happen: what did, at the end.
    fn vain(&self, asked: &Asked, found: usize, wanted: usize, time: Duration) -> Error {
        const SHOWN: usize = 20;
        let kept = locked(&self.kept);
        let others: Vec<String> = kept.after(asked.after).map(in_short).collect();
        let from = others.len().saturating_sub(SHOWN);
        let others = if others.is_empty() { "nothing".to_owned() } else { others[from..].join("; ") };
        let sentence =
            format!("In {} s there were {found} of {wanted}. What happened last: {others}.", time.as_secs_f64());
        Error::new(Code::ReadTimeout, sentence)
    }
}

impl Kept {
    /// Entries with larger numbers.
    fn after(&self, number: u64) -> impl Iterator<Item = &Seen> {
        let from = self.entries.partition_point(|seen| seen.number <= number);
        self.entries.range(from..)
    }

    fn add(&mut self, told: &Told) {
        let entry = &told.entry;
        let facts = entry.facts.iter().filter(|(name, _)| !OF_THE_WALL.contains(name));
        let mut facts: Map<String, Value> = facts.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        // The tests' own calls of the control API are no part of what they look at.
        let is_own = |path: &Value| path.as_str().is_some_and(|path| path.starts_with(crate::api::gate::OWN));
        if entry.kind == Kind::Slow || facts.get("path").is_some_and(is_own) {
            return;
        }
        if let Some(Value::Number(socket)) = facts.get("socket") {
            let next = self.sockets.len() as u64 + 1;
            let named = *self.sockets.entry(socket.as_u64().unwrap_or_default()).or_insert(next);
            facts.insert("socket".to_owned(), json!(named));
        }
        let mut size = 512;
        for (_, body) in &entry.bodies {
            size += if let Body::Whole(bytes) = body { bytes.len() } else { 0 };
        }
        let bodies = entry.bodies.clone();
        self.last += 1;
        let value = json!({
            "at": told.at,
            "kind": entry.kind.as_str(),
            "title": entry.title,
            "users": entry.users.iter().map(|uid| &**uid).collect::<Vec<_>>(),
            "group": entry.group.as_deref(),
            "status": entry.status,
            "failed": entry.failed,
            "facts": facts,
        });
        self.bytes += size;
        self.entries.push_back(Seen { number: self.last, kind: entry.kind, size, value, bodies });
        while self.entries.len() > ENTRIES || self.bytes > BYTES {
            let Some(gone) = self.entries.pop_front() else { break };
            self.bytes -= gone.size;
            self.lost += 1;
        }
    }
}

fn numbered(seen: &Seen) -> Value {
    let mut value = seen.whole();
    value["n"] = json!(seen.number);
    value
}

/// What has an order of its own: each kind, and of frames and webhooks whose they are.
fn stream(seen: &Seen) -> (usize, String) {
    let kind = Kind::ALL.iter().position(|kind| *kind == seen.kind).unwrap_or_default();
    let whose = match seen.kind {
        Kind::FrameIn | Kind::FrameOut => format!("{}{}", seen.value["users"], seen.value["facts"]["deviceId"]),
        Kind::Webhook => seen.value["facts"]["webhook"].to_string(),
        _ => String::new(),
    };
    (kind, whose)
}

fn in_short(seen: &Seen) -> String {
    let users: Vec<&str> = seen.value["users"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    format!("{} {} ({})", seen.kind.as_str(), seen.value["title"].as_str().unwrap_or_default(), users.join(", "))
}

impl Asked {
    /// As the query of a `GET` has it.
    pub fn of_query(query: &str) -> Result<Asked> {
        let mut fields = Map::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| {
                percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
            };
            let value = plain(value);
            let value = match name {
                "status" | "after" | "count" => value.parse::<u64>().map_or(json!(value), |number| json!(number)),
                "failed" => value.parse::<bool>().map_or(json!(value), |is| json!(is)),
                "like" => serde_json::from_str(&value)
                    .map_err(|_| Error::field("like", "The like of a query must be JSON."))?,
                _ => json!(value),
            };
            fields.insert(plain(name), value);
        }
        super::read_value(&Value::Object(fields))
    }

    fn check(&self) -> Result<()> {
        if let Some(kind) = self.kind.as_deref().filter(|kind| Kind::parse(kind).is_none()) {
            let all = Kind::ALL.map(Kind::as_str).join(", ");
            return Err(Error::field("kind", format!("There is no kind {kind:?}: one of {all}.")));
        }
        if !matches!(self.order.as_deref(), None | Some("time" | "stream")) {
            return Err(Error::field("order", "The order must be time or stream."));
        }
        if self.text.as_deref() == Some("") {
            return Err(Error::field("text", "The text is in everything: say some of it."));
        }
        match self.count {
            Some(count) if !(1..=ENTRIES).contains(&count) => {
                Err(Error::field("count", format!("The count must be from 1 to {ENTRIES}.")))
            }
            _ => Ok(()),
        }
    }

    fn fits(&self, seen: &Seen) -> bool {
        let value = &seen.value;
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| value[name].as_str() == Some(wanted))
        };
        is("kind", &self.kind)
            && is("title", &self.title)
            && is("group", &self.group)
            && self.user.as_deref().is_none_or(|uid| {
                value["users"].as_array().is_some_and(|users| users.iter().any(|one| one.as_str() == Some(uid)))
            })
            && self.status.is_none_or(|status| value["status"] == json!(status))
            && self.failed.is_none_or(|failed| value["failed"] == json!(failed))
            && self.text.as_deref().is_none_or(|text| seen.says(text))
            && self.like.as_ref().is_none_or(|like| is_like(&seen.whole(), like))
    }
}

/// Whether a text is in one of the texts of a value.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => own.contains(text),
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(fields) => fields.values().any(|field| holds(field, text)),
        _ => false,
    }
}

/// Whether a value holds all that another does.
fn is_like(value: &Value, like: &Value) -> bool {
    match (value, like) {
        (Value::Object(value), Value::Object(like)) => {
            like.iter().all(|(name, like)| value.get(name).is_some_and(|value| is_like(value, like)))
        }
        (Value::Array(value), Value::Array(like)) => {
            like.iter().all(|like| value.iter().any(|value| is_like(value, like)))
        }
        (value, like) => value == like,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tail::Entry;

    fn told(tail: &Tail, kind: Kind, user: &str, text: &str) {
        tail.tell(|| {
            let entry = Entry { users: vec![user.into()], ..Entry::new(kind, "message") };
            let body = json!({ "data": { "text": text } }).to_string();
            entry.fact("seconds", 0.5).fact("socket", 77).body("frame", Body::copy(&body))
        });
    }

    #[tokio::test]
    async fn what_happened_is_found_whenever_it_happens() {
        let tail = Tail::default();
        let journal = Journal::of(&tail).unwrap();
        told(&tail, Kind::FrameOut, "ann", "hi");
        told(&tail, Kind::FrameIn, "bob", "ho");
        tail.tell(|| Entry::new(Kind::Slow, "read"));
        let ask = |asked: Value| -> Asked { serde_json::from_value(asked).unwrap() };
        let shown = journal.show(&Asked::default()).unwrap();
        assert_eq!((&shown["last"], shown["entries"].as_array().map(Vec::len)), (&json!(2), Some(2)));
        assert_eq!(shown["entries"][0]["facts"], json!({"socket": 1}), "nothing of the wall");
        for (asked, count) in [
            (json!({"user": "ann"}), 1),
            (json!({"kind": "frameIn"}), 1),
            (json!({"text": "h"}), 2),
            (json!({"like": {"bodies": {"frame": {"data": {"text": "ho"}}}}}), 1),
            (json!({"like": {"users": ["ann", "bob"]}}), 0),
            (json!({"after": 1}), 1),
            (json!({"failed": true}), 0),
        ] {
            let found = journal.show(&ask(asked.clone())).unwrap()["entries"].as_array().map(Vec::len);
            assert_eq!(found, Some(count), "{asked}");
        }
        // What was there before, and what is to come.
        journal.wait(&ask(json!({"user": "ann", "timeout": 0}))).await.unwrap();
        let later = ask(json!({"user": "eve", "count": 2}));
        let (waited, ()) = tokio::join!(journal.wait(&later), async {
            told(&tail, Kind::FrameOut, "eve", "1");
            journal.take();
            told(&tail, Kind::FrameOut, "eve", "2");
            journal.take();
        });
        assert_eq!(waited.unwrap()["entries"].as_array().map(Vec::len), Some(2));
        let vain = journal.wait(&ask(json!({"user": "nobody", "timeout": "1ms"}))).await.unwrap_err();
        assert!(vain.message().contains("0 of 1") && vain.message().contains("frameOut message (eve)"), "{vain}");
        journal.clear();
        // Numbers go on, so that nobody who waits for what is after one waits for nothing.
        let shown = journal.show(&Asked::default()).unwrap();
        assert_eq!((&shown["last"], &shown["entries"]), (&json!(4), &json!([])));
        journal.end();
        assert_eq!(journal.wait(&Asked::default()).await.unwrap_err().code, Code::Busy);
    }

    #[test]
    fn streams_have_an_order_whichever_thread_is_first() {
        let journals = [[0, 1, 2], [2, 0, 1], [1, 2, 0]].map(|order| {
            let tail = Tail::default();
            let journal = Journal::of(&tail).unwrap();
            for number in order {
                match number {
                    0 => told(&tail, Kind::FrameOut, "ann", "hi"),
                    1 => told(&tail, Kind::FrameOut, "bob", "hi"),
                    _ => told(&tail, Kind::Event, "ann", "hi"),
                }
            }
            let asked = Asked::of_query("order=stream").unwrap();
            journal.show(&asked).unwrap()["entries"].to_string()
        });
        assert!(journals.windows(2).all(|two| two[0] == two[1]), "{journals:#?}");
    }

    #[test]
    fn a_query_is_read_or_told_what_is_wrong() {
        let asked = Asked::of_query("user=ann+b&after=3&failed=true&like=%7B%22a%22%3A1%7D").unwrap();
        assert_eq!((asked.user.as_deref(), asked.after, asked.failed), (Some("ann b"), 3, Some(true)));
        assert_eq!(asked.like, Some(json!({"a": 1})));
        for wrong in ["kinds=x", "after=x", "like=x"] {
            assert!(Asked::of_query(wrong).is_err(), "{wrong}");
        }
        assert!(Asked::of_query("kind=x").unwrap().check().is_err());
        assert!(Asked::of_query("order=x").unwrap().check().is_err());
    }
}

//! The control API below `/_test`: what a test does to its server, and asks of it.
//!
//! One table of calls ([`CALLS`]), each a `POST` or `GET` with JSON in and JSON out. What they say of themselves is
//! `openapi.json` beside this file; a test holds the two together.

mod act;
mod clock;
mod faults;
mod journal;
mod moments;
mod sockets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Ready;
use crate::api::gate::{Answered, Answering, Befallen, Call, Gate, Inside, Passing};
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::nearest::nearest;
use crate::model::time::{Clock, Ids};
use crate::store::{Store, apps};
use journal::{Asked, Journal};

/// What is asked for, by method and path.
pub const CALLS: &[(&str, &str)] = &[
    ("GET", ""),
    ("GET", "/openapi.json"),
    ("POST", "/reset"),
    ("POST", "/snapshot"),
    ("POST", "/restore"),
    ("GET", "/snapshots"),
    ("GET", "/clock"),
    ("POST", "/clock"),
    ("GET", "/faults"),
    ("POST", "/faults"),
    ("DELETE", "/faults"),
    ("POST", "/sockets"),
    ("POST", "/act"),
    ("GET", "/journal"),
    ("POST", "/wait"),
];

/// The description of these calls.
const OPENAPI: &str = include_str!("openapi.json");

/// What is at the gate of a server for tests.
pub struct Control {
    /// The clock that is turned; the store's own is this one, made steady.
    clock: Clock,
    ids: Ids,
    /// Where copies of the database are.
    folder: PathBuf,
    ready: OnceLock<Ready>,
    faults: Mutex<faults::Faults>,
    moments: Mutex<BTreeMap<String, moments::Moment>>,
    journal: OnceLock<Journal>,
    /// Names by which it may be reached, besides those of this machine.
    others: Vec<String>,
    /// Time is turned, and the past brought back, by one at a time.
    turn: tokio::sync::Mutex<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl Gate for Control {
    fn answer<'g>(&'g self, call: Call, inside: Inside<'g>) -> Answering<'g> {
        Box::pin(async move { self.called(call, inside).await.unwrap_or_else(|error| Answered::refusal(&error)) })
    }

    fn others(&self) -> &[String] {
        &self.others
    }

    fn befalls(&self, passing: Passing<'_>) -> Option<Befallen> {
        locked(&self.faults).befall(passing)
    }
}

impl Control {
    pub fn new(clock: Clock, ids: Ids, folder: PathBuf, others: Vec<String>) -> Control {
        Control {
            others,
            clock,
            ids,
            folder,
            ready: OnceLock::new(),
            faults: Mutex::default(),
            moments: Mutex::default(),
            journal: OnceLock::new(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// It is ready: this is what a test has to know, and the moment that it comes back to.
    pub async fn begin(&self, ready: Ready, store: &Store, media: &Path) -> Result<()> {
        let _ = self.ready.set(ready);
        if let Some(journal) = Journal::of(store.tail()) {
            let _ = self.journal.set(journal);
        }
        moments::begin(self, store, media).await
    }

    /// Keeps the journal, for as long as the server runs.
    pub async fn keep_journal(&self) {
        if let Some(journal) = self.journal.get() {
            journal.keep().await;
        }
    }

    /// Nobody waits for anything any more.
    pub fn end(&self) {
        self.journal.get().into_iter().for_each(Journal::end);
    }

    fn journal(&self) -> Result<&Journal> {
        self.journal.get().ok_or_else(|| Error::new(Code::Busy, "It is not ready yet."))
    }

    fn ready(&self) -> Result<&Ready> {
        self.ready.get().ok_or_else(|| Error::new(Code::Busy, "It is not ready yet."))
    }

    /// The app that tests are about.
    async fn app(&self, inside: &Inside<'_>) -> Result<App> {
        let app_id = self.ready()?.app_id.clone();
        let app = inside.api.store.read(move |read| apps::by_app_id(read, &app_id)).await?;
        app.ok_or_else(|| Error::new(Code::InvalidAppId, "The app of this server was deleted: reset brings it back."))
    }

    async fn called(&self, call: Call, inside: Inside<'_>) -> Result<Answered> {
        if let Some(rest) = call.path.strip_prefix("/as/") {
            return act::on_behalf(self, &call, rest, &inside).await;
        }
        let done = match (call.method.as_str(), call.path.trim_end_matches('/')) {
            ("GET", "") => serde_json::to_value(self.ready()?).map_err(|e| Error::internal("ready", e))?,
            ("GET", "/openapi.json") => return Ok(Answered { status: 200, body: OPENAPI.into() }),
            ("POST", "/reset") => moments::reset(self, body(&call)?, &inside).await?,
            ("POST", "/snapshot") => moments::keep(self, body(&call)?, &inside).await?,
            ("POST", "/restore") => moments::restore(self, body(&call)?, &inside).await?,
            ("GET", "/snapshots") => moments::list(self),
            ("GET", "/clock") => clock::show(self),
            ("POST", "/clock") => clock::turn(self, body(&call)?, &inside).await?,
            ("GET", "/faults") => locked(&self.faults).show(),
            ("POST", "/faults") => {
                let operations = inside.api.router.routes().iter().map(|route| route.operation);
                locked(&self.faults).add(body(&call)?, operations)?
            }
            ("DELETE", "/faults") => locked(&self.faults).clear(),
            ("GET", "/journal") => {
                inside.api.hub.told().await;
                self.journal()?.show(&Asked::of_query(&call.query)?)?
            }
            ("POST", "/wait") => match self.journal()?.wait(&body(&call)?).await {
                Err(error) if error.code == Code::ReadTimeout => {
                    return Ok(Answered { status: 408, ..Answered::refusal(&error) });
                }
                waited => waited?,
            },
            ("POST", "/sockets") => sockets::spoil(self, body(&call)?, &inside).await?,
            ("POST", "/act") => return act::act(self, body(&call)?, &inside).await,
            (method, path) => return Err(unknown(method, path)),
        };
        Ok(Answered::data(&done))
    }
}

/// Says what there is in place of what was asked for.
fn unknown(method: &str, path: &str) -> Error {
    let others: Vec<&str> = CALLS.iter().filter(|(_, known)| *known == path).map(|(method, _)| *method).collect();
    let near = nearest(path, CALLS.iter().map(|(_, path)| *path)).unwrap_or_default();
    let sentence = match others.is_empty() {
        false => format!("/_test{path} takes {}, not {method}.", others.join(" or ")),
        true => {
            format!("There is no /_test{path}. The nearest is /_test{near}; /_test/openapi.json says what there is.")
        }
    };
    Error::new(Code::ApiNotFound, sentence)
}

/// What a call brings; nothing reads as `{}`.
fn body<T: DeserializeOwned>(call: &Call) -> Result<T> {
    let text = call.body.trim_ascii();
    if !text.is_empty() && text[0] != b'{' {
        return Err(Error::new(Code::BadRequest, "The body must be a JSON object."));
    }
    read(if text.is_empty() { b"{}" } else { text })
}

/// JSON of this form. `Err` names the field and says what is wrong with it.
fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    let mut input = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut input).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.is_data() && path != "." {
            true => Error::field(&path, format!("The {path} is not valid: {inner}.")),
            false => Error::new(Code::BadRequest, format!("The body is not what this call takes: {inner}.")),
        }
    })?;
    input.end().map_err(|_| Error::new(Code::BadRequest, "There is something after the JSON body."))?;
    Ok(value)
}

/// The same of a part of it.
fn read_value<T: DeserializeOwned>(value: &Value) -> Result<T> {
    read(value.to_string().as_bytes())
}

/// It is done, and there is nothing to say.
fn done() -> Value {
    json!({})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_described_and_no_other() {
        let described: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut there = Vec::new();
        for (path, item) in described["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
                there.push((method.to_uppercase(), path.clone()));
            }
        }
        let known = |(method, path): &(&str, &str)| (method.to_string(), format!("/_test{path}"));
        for call in CALLS.iter().map(known) {
            assert!(there.contains(&call), "{call:?} is not described");
            there.retain(|other| *other != call);
        }
        there.retain(|(_, path)| path != "/_test/as/{uid}/{path}");
        assert!(there.is_empty(), "{there:?} are described and are not there");
    }

    #[test]
    fn what_is_unknown_is_told_what_there_is() {
        assert!(unknown("GET", "/reset").plain().contains("takes POST"));
        assert!(unknown("POST", "/resett").plain().contains("/_test/reset;"));
        assert!(unknown("POST", "/entirely/other").plain().contains("openapi.json"));
    }
}

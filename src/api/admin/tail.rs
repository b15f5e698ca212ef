//! The live tail over the admin API: an admin opens one with a filter, reads it as often as they like, and closes it.
//!
//! A read waits until there is something, so what happens is seen as it happens, by any client and through any proxy. Who does
//! not read for a minute has no tail any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout};

use super::app;
use crate::actions::audit;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, ack, data};
use crate::model::audit::Act;
use crate::model::error::{Code, Error, Result};
use crate::store::Write;
use crate::watch::hide;
use crate::watch::tail::{Body, Filter, Kind, Told, Viewer};

/// Seconds that a read waits for something, unless it says otherwise, and at most: less than proxies wait.
const WAIT: i64 = 20;
const LONGEST: i64 = 25;
/// How often a read that waits looks whether the server stops.
const LOOK: Duration = Duration::from_millis(500);
/// Entries in an answer at most, and bytes of what they carry.
const MOST: usize = 200;
const BYTES: usize = 512 * 1024;

/// A tail that is open.
struct Open {
    /// admins.id: nobody else reads it.
    admin: i64,
    viewer: Viewer,
    /// With what people wrote.
    texts: bool,
}

/// Those that are open, by their ids.
#[derive(Default)]
pub struct Tails(Mutex<HashMap<String, Arc<Open>>>);

impl Tails {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Open>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, open| !open.viewer.is_gone());
        all
    }

    fn of(&self, id: &str, admin: i64) -> Result<Arc<Open>> {
        let found = self.all().get(id).filter(|open| open.admin == admin).cloned();
        found.ok_or_else(|| {
            Error::new(Code::FileNotFound, "There is no such tail: it was closed, or not read for a minute.")
        })
    }
}

/// Opens one.
pub async fn create(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Asked {
        kinds: Option<Vec<String>>,
        app: Option<String>,
        user: Option<String>,
        group: Option<String>,
        status: Option<String>,
        failed: Option<bool>,
        texts: Option<bool>,
    }
    let asked: Asked = access.json()?;
    let kinds = asked.kinds.unwrap_or_default().into_iter().map(|word| {
        Kind::parse(&word).ok_or_else(|| {
            let all = Kind::ALL.map(Kind::as_str).join(", ");
            Error::field("kinds", format!("The kinds must be some of {all}."))
        })
    });
    let kinds = kinds.collect::<Result<Vec<_>>>()?;
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let status = given(asked.status);
    if status.as_ref().is_some_and(|digits| digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit())) {
        return Err(Error::field("status", "The status must be a status of HTTP, or its first digit."));
    }
    let wanted = given(asked.app).map(|app| app.to_ascii_lowercase());
    if let Some(id) = wanted.clone() {
        access.store().read(move |read| app(read, &id)).await?;
    }
    let texts = asked.texts.unwrap_or(false);
    if texts {
        // Who sees what people write is known to the other admins.
        let (actor, of) = (access.actor(), wanted.clone());
        let note = move |tx: &mut Write<'_>| audit::note(tx, &actor, Act::TailRead, of.as_deref(), None);
        access.store().write("admin.tail", note).await?;
    }
    let (user, group) = (given(asked.user), given(asked.group));
    let filter = Filter { kinds, app: wanted, user, group, status, failed: asked.failed.unwrap_or(false) };
    let viewer = access.store().tail().look(filter, true);
    let full = || Error::new(Code::Busy, "Too many look at the live tail: close one, or wait a minute.");
    let open = Open { admin: access.admin()?.id, viewer: viewer.ok_or_else(full)?, texts };
    let id = access.api().ids.hex(16);
    access.api().tails.all().insert(id.clone(), Arc::new(open));
    Ok(data(&json!({ "id": id, "texts": texts })))
}

/// What happened since the last read, the oldest first; waits until there is something.
pub async fn show(access: Access<Admin>) -> Result<Reply> {
    let wait = access.query().int("wait")?.unwrap_or(WAIT);
    if !(0..=LONGEST).contains(&wait) {
        return Err(Error::field("wait", format!("The wait must be between 0 and {LONGEST} seconds.")));
    }
    let (api, admin) = (access.api(), access.admin()?.id);
    let until = Instant::now() + Duration::from_secs(wait.unsigned_abs());
    let (told, lost, texts) = loop {
        let open = api.tails.of(access.param("id"), admin)?;
        let (told, lost) = open.viewer.take(MOST, BYTES);
        let left = until.saturating_duration_since(Instant::now());
        if !told.is_empty() || lost > 0 || left.is_zero() || api.hub.is_closing() {
            break (told, lost, open.texts);
        }
        let _ = timeout(left.min(LOOK), open.viewer.more()).await;
    };
    let entries: Vec<Value> = told.iter().map(|told| shown(told, texts)).collect();
    Ok(data(&json!({ "lost": lost, "entries": entries })))
}

/// Closes one.
pub async fn delete(access: Access<Admin>) -> Result<Reply> {
    let (id, admin) = (access.param("id"), access.admin()?.id);
    access.api().tails.of(id, admin)?;
    access.api().tails.all().remove(id);
    Ok(ack("The tail is closed."))
}

fn shown(told: &Told, texts: bool) -> Value {
    let entry = &told.entry;
    // Whatever stands in it may be what somebody sent in a wrong place.
    let fact = |value: &Value| value.as_str().map_or_else(|| value.clone(), |text| hide::name(text).into());
    let facts: Map<String, Value> = entry.facts.iter().map(|(name, value)| ((*name).to_owned(), fact(value))).collect();
    let bodies = entry.bodies.iter().map(|(name, body)| {
        let body = match body {
            Body::Whole(bytes) => hide::json(bytes, texts),
            Body::Large(size) => format!("({size} bytes)").into(),
        };
        ((*name).to_owned(), body)
    });
    json!({
        "id": told.id,
        "at": told.at,
        "kind": entry.kind.as_str(),
        "title": hide::name(&entry.title),
        "app": entry.app.as_deref(),
        "users": entry.users.iter().map(|uid| hide::name(uid)).collect::<Vec<_>>(),
        "group": entry.group.as_deref().map(hide::name),
        "status": entry.status,
        "failed": entry.failed,
        "facts": facts,
        "bodies": bodies.collect::<Map<String, Value>>(),
    })
}

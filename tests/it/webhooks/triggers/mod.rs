//! Every trigger fires, once for each act, and says what the contract shows.
//!
//! A webhook is told of everything while people act, so each act is held against the whole list of what it tells. What
//! comes is held against `shapes.tsv`: keys and types of the contract's samples.

mod calls;
mod groups;
mod law;
mod messages;
mod moderation;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hobnob::model::trigger::Trigger;
use serde_json::{Value, json};

use super::hook;
use crate::harness::receiver::Receiver;
use crate::harness::{Harness, User, eventually, name_of};

/// What is left to those who come and go as they like: whoever connects is told by the test that looks at it.
const BESIDE: &str = "user_connection_status_changed";

/// All that happens here, except connections.
fn all() -> Vec<&'static str> {
    let there = Trigger::ALL.iter().filter(|trigger| trigger.absent().is_none());
    there.map(|trigger| trigger.as_str()).filter(|name| *name != BESIDE).collect()
}

#[test]
fn every_trigger_has_a_case_and_a_shape() {
    let cases = [calls::TRIGGERS, groups::TRIGGERS, messages::TRIGGERS, moderation::TRIGGERS, users::TRIGGERS].concat();
    let known: BTreeSet<&str> = cases.iter().copied().collect();
    assert_eq!(known.len(), cases.len(), "each has one case");
    let there: BTreeSet<&str> = all().into_iter().chain([BESIDE]).collect();
    assert_eq!(known, there);
    let shapes = shapes();
    let shaped: BTreeSet<&str> = shapes.iter().map(|shape| shape.trigger).collect();
    assert_eq!(shaped, there);
}

/// A key of a documented sample.
struct Shape {
    trigger: &'static str,
    path: &'static str,
    kind: &'static str,
    /// Why it is otherwise here.
    except: Option<&'static str>,
}

fn shapes() -> Vec<Shape> {
    let lines = include_str!("shapes.tsv").lines().filter(|line| !line.starts_with('#'));
    let shapes = lines.map(|line| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        Shape { trigger: next(), path: next(), kind: next(), except: Some(next()).filter(|why| !why.is_empty()) }
    });
    shapes.collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The values at a path, `None` for each that is not there.
fn at<'v>(value: &'v Value, path: &str) -> Vec<Option<&'v Value>> {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let found: Vec<Option<&Value>> = match (step, step.strip_suffix("[]")) {
        ("*", _) => value.as_object().into_iter().flat_map(|map| map.values()).map(Some).collect(),
        (_, Some(list)) => value[list].as_array().into_iter().flatten().map(Some).collect(),
        (key, None) => vec![value.get(key)],
    };
    let found = found.into_iter().flat_map(|one| match (one, rest) {
        (Some(one), Some(rest)) => at(one, rest),
        (one, _) => vec![one],
    });
    found.collect()
}

/// What of the documented sample is missing in what was told, or of another type.
fn missing(told: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    // The samples are to people.
    let to_group = told["data"]["message"]["receiverType"] == "group";
    let receiver = "data.message.data.entities.receiver.entity.";
    for shape in shapes().iter().filter(|shape| told["trigger"] == shape.trigger && shape.except.is_none()) {
        if to_group && shape.path.starts_with(receiver) {
            continue;
        }
        let found = at(told, shape.path);
        if found.is_empty() || found.iter().any(|one| one.map(kind) != Some(shape.kind)) {
            missing.push(format!("{}: {} is not {}", shape.trigger, shape.path, shape.kind));
        }
    }
    missing
}

#[test]
fn a_shape_is_missed() {
    let told = json!({"trigger": "user_blocked", "appId": "a", "region": "r", "webhook": "w", "data": {
        "users": {"bob": {"uid": "bob", "name": 7}}, "by": {"uid": "ann"}}});
    assert_eq!(
        missing(&told),
        ["user_blocked: data.users.*.name is not string", "user_blocked: data.by.name is not string"]
    );
}

/// Listens to what the app is told.
pub struct Ears {
    receiver: Receiver,
    data: PathBuf,
    heard: usize,
    fired: BTreeSet<String>,
}

impl Ears {
    /// From now on, of these.
    pub async fn of(h: &Harness, triggers: &[&str]) -> Ears {
        let receiver = Receiver::start().await;
        hook(h, "ears", &receiver, json!({}), triggers).await;
        Ears { receiver, data: h.data.clone(), heard: 0, fired: BTreeSet::new() }
    }

    /// Names and triggers of all events there were, in their order.
    fn events(&self) -> Vec<(String, String)> {
        let path = self.data.join("hobnob.db");
        let database = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
        let database = database.expect("opens");
        let mut rows = database.prepare("SELECT name, kind FROM outbox ORDER BY id").expect("sql");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("sql");
        rows.map(|row| row.expect("a row")).collect()
    }

    /// What was told since is this and no more: as it came.
    pub async fn tell(&mut self, triggers: &[&str]) -> Vec<Value> {
        let wanted = self.heard + triggers.len();
        // Mostly it is there with the answer of the act.
        eventually(&format!("{triggers:?} happens"), async || self.events().len() >= wanted).await;
        let events = self.events();
        let kinds: Vec<&str> = events[self.heard..].iter().map(|(_, kind)| &**kind).collect();
        assert_eq!(kinds, triggers);
        let told = self.receiver.expect(wanted).await;
        assert_eq!(told.len(), wanted, "each is told once");
        let mut told: BTreeMap<String, Value> =
            told.into_iter().map(|told| (told.header("webhook-id").to_owned(), told.body)).collect();
        let new = events[self.heard..].iter().map(|(name, _)| told.remove(&format!("msg_{name}")).expect("it came"));
        let new = new.collect();
        self.heard = wanted;
        new
    }

    /// The same, with all that the contract shows of it; the `data` of each.
    pub async fn hear(&mut self, triggers: &[&str]) -> Vec<Value> {
        let told = self.tell(triggers).await;
        for one in &told {
            assert_eq!(missing(one), Vec::<String>::new(), "{one:#}");
            self.fired.insert(one["trigger"].as_str().expect("a trigger").to_owned());
        }
        told.into_iter().map(|mut one| one["data"].take()).collect()
    }

    /// Nothing was told since.
    pub async fn nothing(&mut self) {
        self.tell(&[]).await;
    }

    /// All of these fired and had what the contract shows.
    pub fn all_fired(&self, triggers: &[&str]) {
        let silent: Vec<_> = triggers.iter().filter(|trigger| !self.fired.contains(**trigger)).collect();
        assert!(silent.is_empty(), "{silent:?}");
    }
}

/// Somebody of whom all is known that a sample shows.
async fn whole(h: &Harness, uid: &str) -> User {
    let user = h.user_with(uid, json!({"avatar": format!("https://pictures.example/{uid}.png")})).await;
    assert_eq!(h.get(&format!("/users/{uid}")).await.ok()["name"], name_of(uid));
    user.connect().await.close().await;
    user
}

/// Keys of an object.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
}

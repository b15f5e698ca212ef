//! A world in which every request of [`super::asks`] succeeds, and the people who can make it.
//!
//! `ann` is the one who acts. Whatever the world writes down of itself (ids, keys, tokens) has a name.

use hobnob::model::ids::Uid;
use hobnob::model::limits::Limits;
use hobnob::{actions, store};
use reqwest::Method;
use serde_json::Value;

use super::asks::{Ask, Step, WORLD};
use crate::harness::{Answer, App, Client, Harness, User, hobnob};

/// The ways to ask, each with a credential that is right somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The full key: the app itself.
    Key,
    /// The full key on behalf of `ann`.
    Behalf,
    /// The token of `ann`.
    Token,
    /// The auth-only key.
    AuthKey,
    /// A management key with its secret.
    Management,
}

pub const WAYS: [By; 5] = [By::Key, By::Behalf, By::Token, By::AuthKey, By::Management];

pub struct World {
    pub app: App,
    pub ann: User,
    ops: Client,
    /// What was noted, by name.
    names: Vec<(String, String)>,
}

impl World {
    pub async fn make(h: &Harness) -> World {
        let app = h.another_app().await;
        let made = hobnob(&h.data, &["management-key", "create", &app.app_id, "--json"]);
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        let text = |field: &str| made[field].as_str().expect("a text").to_owned();
        let ops = h.nobody().with("key", &text("key")).with("secret", &text("secret"));
        make_bot(h, &app, "hal").await;
        let mut names = vec![("app".to_owned(), app.app_id.clone())];
        let client = (*app).clone();
        for step in WORLD {
            take(step, &client, &ops, &mut names).await;
        }
        let ann = app.log_in("ann").await;
        World { app, ann, ops, names }
    }

    pub fn caller(&self, by: By) -> Client {
        match by {
            By::Key => (*self.app).clone(),
            By::Behalf => self.app.behalf("ann"),
            By::Token => (*self.ann).clone(),
            By::AuthKey => self.app.auth_only(),
            By::Management => self.ops.clone().with("appId", &self.app.app_id),
        }
    }

    /// What was noted under the name.
    pub fn name(&self, name: &str) -> String {
        filled(&format!("${name}"), &self.names)
    }

    pub fn note(&mut self, name: &str, value: &str) {
        self.names.push((name.to_owned(), value.to_owned()));
    }

    /// The text with what names stand for.
    pub fn fill(&self, text: &str) -> String {
        filled(text, &self.names)
    }

    /// Makes the request as this caller, without what has to happen before.
    pub async fn ask(&self, caller: &Client, method: &str, ask: &Ask) -> Answer {
        let body = (!ask.body.is_empty()).then(|| filled(ask.body, &self.names).into_bytes());
        caller.raw(method.parse().expect("a method"), &filled(ask.path, &self.names), body).await
    }

    /// What has to happen before.
    pub async fn prepare(&mut self, ask: &Ask) {
        let client = (*self.app).clone();
        for step in ask.before {
            take(step, &client, &self.ops, &mut self.names).await;
        }
    }
}

/// Texts of the table with what the names stand for; a name that stands for nothing yet is an id that is not there.
fn filled(text: &str, names: &[(String, String)]) -> String {
    let mut pieces = text.split('$');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(piece.len());
        let value = names.iter().rfind(|(name, _)| *name == piece[..end]).map_or("0", |(_, value)| value);
        filled.push_str(value);
        filled.push_str(&piece[end..]);
    }
    filled
}

async fn take(step: &Step, app: &Client, ops: &Client, names: &mut Vec<(String, String)>) {
    let (who, call, body, note) = *step;
    let (method, path) = call.split_once(' ').expect("a method and a path");
    let caller = match who {
        "app" => app.clone(),
        "ops" => ops.clone(),
        uid => app.clone().with("onBehalfOf", uid),
    };
    let body = (!body.is_empty()).then(|| filled(body, names).into_bytes());
    let method: Method = method.parse().expect("a method");
    let data = caller.raw(method, &filled(path, names), body).await.ok();
    if let Some((name, pointer)) = note.split_once('=') {
        let value = data.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} of {data}"));
        names.push((name.to_owned(), value.to_owned()));
    }
}

async fn make_bot(h: &Harness, app: &App, uid: &'static str) {
    let app_id = app.app_id.clone();
    let made = h.store.write("it", move |tx| {
        let app = store::apps::by_app_id(tx, &app_id)?.expect("the app");
        actions::bots::create(tx, &app, Uid::parse(uid)?, "Hal".into(), &Limits::default()).map(drop)
    });
    made.await.expect("makes a bot");
}

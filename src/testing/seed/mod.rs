//! What is in a server for tests when it is ready: a file, JSON or YAML, that a test suite keeps beside its tests.
//!
//! [`text`] reads it and knows the line of each part, [`lines`] makes of it the lines by which every app is taken over
//! (`actions::transfer`), and here they are put in, in one write: all of it or nothing. Whatever is wrong is told with the
//! file, the line and the field.

mod lines;
mod text;

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::actions::apps::{self, Created};
use crate::actions::transfer::Was;
use crate::actions::{tokens, transfer, webhooks};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::Uid;
use crate::model::limits::Limits;
use crate::model::transfer::{FORM, Head, Line};
use crate::model::trigger::Trigger;
use crate::model::webhook::Webhook;
use crate::passwords::Passwords;
use crate::store::Store;
use crate::testing::time::moment;
use lines::{Lines, Wrong, object};
use text::{Text, below};

/// What `hobnob test init` writes.
pub const EXAMPLE: &str = include_str!("example.yaml");

const WHOLE: &[&str] = &["clock", "app", "extensions", "roles", "users", "groups", "messages", "webhooks", "lines"];
const APP: &[&str] = &["id", "name", "region", "authKey", "apiKey"];
const CLOCK: &[&str] = &["at", "frozen"];
const WEBHOOK: &[&str] = &["id", "name", "url", "triggers", "retries", "enabled", "username", "password", "secret"];

/// Kinds of lines that there is one of.
const ONCE: &[&str] =
    &["role", "user", "group", "member", "block", "message", "webhook", "reason", "list", "rule", "sticker"];

/// The largest file that is read.
const MOST: u64 = 64 << 20;

/// A seed that was read and understood.
#[derive(Debug)]
pub struct Seed {
    /// For sentences about it.
    name: String,
    text: Text,
    /// Where the clock stands at the beginning, in Unix milliseconds, and whether it runs from there.
    pub at: i64,
    pub runs: bool,
    app: apps::Named,
    lines: Lines,
    webhooks: Vec<Hook>,
}

/// A webhook that is to be there.
#[derive(Debug)]
struct Hook {
    path: String,
    hook: Webhook,
    triggers: Vec<String>,
    /// What signs, in base64; none: what is made each time.
    secret: Option<String>,
}

impl Seed {
    /// Without a file: an app, and nobody in it.
    pub fn empty(now: i64) -> Seed {
        let (app, lines) = (apps::Named::default(), Lines::default());
        Seed { name: String::new(), text: Text::default(), at: now, runs: true, app, lines, webhooks: Vec::new() }
    }

    /// Reads a file: by its name JSON, or YAML, of which JSON is nearly a part.
    pub fn read(path: &Path, now: i64) -> Result<Seed, String> {
        let named = |why: &dyn std::fmt::Display| format!("cannot read {}: {why}", path.display());
        let length = std::fs::metadata(path).map_err(|e| named(&e))?.len();
        if length > MOST {
            return Err(named(&format!("a seed has at most {MOST} bytes, and this has {length}")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
        let is_json = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("json"));
        Seed::parse(&path.display().to_string(), &text, is_json, now)
    }

    /// `name`: for sentences about it.
    pub fn parse(name: &str, text: &str, is_json: bool, now: i64) -> Result<Seed, String> {
        let text = Text::read(text, is_json).map_err(|(line, why)| format!("{name}:{line}: {why}"))?;
        let understood = understood(&text, now);
        let (at, runs, app, lines, webhooks) = understood.map_err(|wrong| told(name, &text, &wrong))?;
        Ok(Seed { name: name.to_owned(), text, at, runs, app, lines, webhooks })
    }

    /// Puts it into a new database, and gives the app.
    pub async fn sow(self, store: &Store, region: &str, limits: &Limits) -> Result<Created, String> {
        let Seed { name, text, mut app, mut lines, webhooks, .. } = self;
        app.region.get_or_insert_with(|| region.to_owned());
        hash(&mut lines).await?;
        let mut parsed = Vec::new();
        for made in lines.lines {
            let line =
                Line::parse(&made.line.to_string()).map_err(|why| told(&name, &text, &misread(&made.path, &why)))?;
            parsed.push((made.path, line));
        }
        let (logins, limits) = (lines.logins, limits.clone());
        // Where it stopped, beside the error that undoes all of it.
        let stopped = Arc::new(Mutex::new(None));
        let stops = stopped.clone();
        let done = store.write("seed", move |tx| {
            let stop = |path: String, error: Error| {
                *stops.lock().unwrap_or_else(|e| e.into_inner()) = Some(placed(&path, &error));
                error
            };
            let created = apps::create_named(tx, &app, &limits)?;
            let head = Head {
                form: FORM,
                app_id: format!("seed of {}", created.app_id),
                name: String::new(),
                region: String::new(),
                hobnob: None,
                exported_at: 0,
            };
            let into = transfer::begin(tx, &created.app_id, &head)?;
            let (paths, lines): (Vec<String>, Vec<Line>) = parsed.into_iter().unzip();
            let kinds: Vec<&str> = lines.iter().map(Line::kind).collect();
            for ((outcome, path), kind) in transfer::take(tx, &into, lines, true)?.into_iter().zip(paths).zip(kinds) {
                let was = outcome.map_err(|error| stop(path.clone(), error))?;
                // An export is taken over twice without harm; what a seed says twice is a mistake.
                // Lines of an export say some of what every new app has.
                if was == Was::There && ONCE.contains(&kind) && !path.starts_with("lines[") {
                    let error = Error::new(
                        Code::BadRequest,
                        format!("This {kind} is there already: by what stands above, or in every new app."),
                    );
                    return Err(stop(path, error));
                }
            }
            transfer::finish(tx, &into)?;
            for login in logins {
                let given = Uid::parse(&login.uid).and_then(|uid| tokens::give(tx, &into.app, &uid, &login.token));
                given.map_err(|error| stop(login.path, error))?;
            }
            for Hook { path, hook, triggers, secret } in webhooks {
                let app = into.app.id;
                let made = match &secret {
                    Some(secret) => webhooks::create_with(tx, app, &hook, true, &limits, secret),
                    None => webhooks::create(tx, app, &hook, true, &limits),
                };
                let made = made.and_then(|_| webhooks::add_triggers(tx, into.app.id, &hook.id, &triggers));
                made.map_err(|error| stop(path, error))?;
            }
            Ok(created)
        });
        let done = done.await;
        let stopped = stopped.lock().unwrap_or_else(|e| e.into_inner()).take();
        done.map_err(|error| match stopped {
            Some(wrong) => told(&name, &text, &wrong),
            None => told(&name, &text, &placed("app", &error)),
        })
    }
}

/// Passwords of groups are kept as hashes.
async fn hash(lines: &mut Lines) -> Result<(), String> {
    if lines.passwords.is_empty() {
        return Ok(());
    }
    let passwords = Passwords::new(1, lines.passwords.len()).map_err(|e| format!("cannot start a thread: {e}"))?;
    for (guid, password) in std::mem::take(&mut lines.passwords) {
        let hash = passwords.hash(password).await.map_err(|e| e.plain())?;
        for made in &mut lines.lines {
            if let Some(group) = made.line.get_mut("group").filter(|group| group["guid"] == guid.as_str()) {
                group["passwordHash"] = Value::String(hash.clone());
            }
        }
    }
    Ok(())
}

/// What is wrong with a line that was made of a part, which says `user.name: what at line 1 column 7`.
fn misread(path: &str, why: &str) -> Wrong {
    let why = why.split(" at line ").next().unwrap_or_default();
    // What it is called in this program says nothing to others.
    let why = match why.split_once("expected struct ") {
        Some((before, after)) if !after.contains(' ') => format!("{before}expected an object"),
        _ => why.to_owned(),
    };
    let Some((place, why)) = why.split_once(": ").filter(|(place, _)| !place.contains(' ')) else {
        return (path.to_owned(), why);
    };
    // A line of an export names its kind itself.
    let field = if path.starts_with("lines[") { Some(place) } else { place.split_once('.').map(|(_, field)| field) };
    (field.map_or_else(|| path.to_owned(), |field| below(path, field)), why.to_owned())
}

/// What is wrong with a part, at the field that the error names if it names one.
fn placed(path: &str, error: &Error) -> Wrong {
    let said = serde_json::to_value(error).unwrap_or_default();
    let field = said["details"].as_object().and_then(|fields| fields.keys().next());
    let is_there = |field: &&String| !path.ends_with(field.as_str());
    (field.filter(is_there).map_or_else(|| path.to_owned(), |field| below(path, field)), error.plain())
}

/// File, line, field and what is wrong.
fn told(name: &str, text: &Text, (path, why): &Wrong) -> String {
    let place = text.nearest(path);
    let line = text.line(place);
    // A field that is not there was left out, or made.
    let field = path[place.len()..].trim_start_matches('.');
    let why = if why.contains(field) { why.clone() } else { format!("{field}: {why}") };
    match place {
        "" => format!("{name}:{line}: {why}"),
        path => format!("{name}:{line}: {path}: {why}"),
    }
}

type Understood = (i64, bool, apps::Named, Lines, Vec<Hook>);

fn understood(text: &Text, now: i64) -> Result<Understood, Wrong> {
    let empty = Value::Object(Default::default());
    let whole = if text.value.is_null() { &empty } else { &text.value };
    let whole = object("", whole, WHOLE)?;
    let (at, runs) = clock(whole.get("clock"), now)?;
    let mut app = apps::Named::default();
    if let Some(said) = whole.get("app") {
        let said = object("app", said, APP)?;
        let text = |name: &str| said.get(name).map(|value| text.expect(&below("app", name), value)).transpose();
        app = apps::Named {
            app_id: text("id")?,
            name: text("name")?,
            region: text("region")?,
            auth_key: text("authKey")?,
            api_key: text("apiKey")?,
        };
    }
    Ok((at, runs, app, lines::make(text, at)?, hooks(text, whole.get("webhooks"))?))
}

/// A time: from there it stands; or a time and whether it stands.
fn clock(said: Option<&Value>, now: i64) -> Result<(i64, bool), Wrong> {
    let at = |path: &str, value: &Value| moment(value, now).map_err(|why| (path.to_owned(), why));
    match said {
        None | Some(Value::Null) => Ok((now, true)),
        Some(Value::Object(_)) => {
            let said = object("clock", said.unwrap_or(&Value::Null), CLOCK)?;
            let frozen = match said.get("frozen") {
                None => said.contains_key("at"),
                Some(Value::Bool(frozen)) => *frozen,
                Some(_) => return Err(("clock.frozen".into(), "expected true or false".into())),
            };
            Ok((said.get("at").map_or(Ok(now), |value| at("clock.at", value))?, !frozen))
        }
        Some(value) => Ok((at("clock", value)?, false)),
    }
}

fn hooks(whole: &Text, said: Option<&Value>) -> Result<Vec<Hook>, Wrong> {
    let Some(said) = said.filter(|said| !said.is_null()) else { return Ok(Vec::new()) };
    let Value::Array(list) = said else { return Err(("webhooks".into(), "expected a list".into())) };
    let mut hooks = Vec::new();
    for (number, item) in list.iter().enumerate() {
        let path = format!("webhooks[{number}]");
        let fields = object(&path, item, WEBHOOK)?;
        let text = |name: &str| fields.get(name).map(|value| whole.expect(&below(&path, name), value)).transpose();
        let flag = |name: &str, usual: bool| match fields.get(name) {
            None => Ok(usual),
            Some(Value::Bool(on)) => Ok(*on),
            Some(_) => Err((below(&path, name), "expected true or false".to_owned())),
        };
        let url = text("url")?.ok_or_else(|| (path.clone(), "the field url is required".to_owned()))?;
        let id = text("id")?.unwrap_or_else(|| format!("hook-{}", number + 1));
        if fields.contains_key("password") && !fields.contains_key("username") {
            return Err((below(&path, "password"), "a password goes with a username".to_owned()));
        }
        let (username, password) = (text("username")?.unwrap_or_default(), text("password")?.unwrap_or_default());
        let hook = Webhook {
            name: text("name")?.unwrap_or_else(|| id.clone()),
            id,
            url,
            basic_auth: !username.is_empty(),
            username,
            password,
            enabled: flag("enabled", true)?,
            retries: flag("retries", true)?,
        };
        let Some(Value::Array(names)) = fields.get("triggers") else {
            return Err((path.clone(), "the field triggers, a list, is required".to_owned()));
        };
        let mut triggers = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let path = format!("{path}.triggers[{at}]");
            let name = whole.expect(&path, name)?;
            Trigger::parse(&name).map_err(|error| (path, error.plain()))?;
            triggers.push(name);
        }
        let secret = text("secret")?.map(|text| webhooks::given_secret(&text)).transpose();
        let secret = secret.map_err(|error| (below(&path, "secret"), error.plain()))?;
        hooks.push(Hook { path: path.clone(), hook, triggers, secret });
    }
    Ok(hooks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Clock;
    use crate::store::{Hooks, Read};

    async fn sown(text: &str) -> Result<Created, String> {
        sown_with(text, |_| Ok(())).await.map(|(created, ())| created)
    }

    /// With what is then there.
    async fn sown_with<T: Send + 'static>(
        text: &str,
        look: fn(&Read<'_>) -> Result<T, Error>,
    ) -> Result<(Created, T), String> {
        let folder = tempfile::tempdir().unwrap();
        let seed = Seed::parse("seed.yaml", text, false, 1_795_000_000_000)?;
        let clock = Clock::by_hand(seed.at, seed.runs);
        let store = Store::open(&folder.path().join("t.db"), 1, 16, Hooks::alone(clock)).unwrap();
        let done = seed.sow(&store, "us", &Limits::default()).await;
        let looked = store.read(look).await.unwrap();
        store.close();
        done.map(|created| (created, looked))
    }

    #[tokio::test]
    async fn what_signs_may_be_known() {
        let hook = |id: &str, more: &str| {
            format!("- {{id: {id}, url: 'http://127.0.0.1:1/', triggers: [message_sent]{more}}}\n")
        };
        let secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let text = format!("webhooks:\n{}{}", hook("a", &format!(", secret: whsec_{secret}")), hook("b", ""));
        let look = |read: &Read<'_>| {
            let app_id = crate::store::apps::list(read)?.remove(0).app_id;
            let app = crate::store::apps::by_app_id(read, &app_id)?.unwrap().id;
            Ok(["a", "b"].map(|id| webhooks::find(read, app, id).unwrap().secret))
        };
        let (_, [given, made]) = sown_with(&text, look).await.unwrap();
        assert!(given == secret && made != secret && made.len() > 40, "{given} {made}");
    }

    #[tokio::test]
    async fn the_example_is_one() {
        let app = sown(EXAMPLE).await.unwrap();
        assert_eq!((&*app.app_id, &*app.api_key), ("test-app", "test-api-key"));
        sown("").await.unwrap();
        sown("users: [ann, bob]\nmessages:\n- {from: ann, to: bob, text: x, disappears: {at: +1h, uid: ann}}\n")
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_with_file_line_and_field() {
        for (text, place, word) in [
            ("users:\n- uid: ann\n  friends: [bob]\n", "seed.yaml:3: users[0].friends[0]", "bob"),
            ("users: [ann]\ngroups:\n- guid: g\n  owner: eve\n", "seed.yaml:3: groups[0]", "eve"),
            ("users: [ann]\nmessages:\n- from: ann\n  to: bob\n  text: hi\n", "seed.yaml:3: messages[0]", "bob"),
            ("users: [ann, bob]\nmessages:\n- {from: ann, to: bob}\n", "seed.yaml:3: messages[0]", "text"),
            ("users:\n- uid: a b\n", "seed.yaml:2: users[0]", "uid"),
            ("users:\n- uid: a\n  bot: 7\n", "seed.yaml:3: users[0].bot", "invalid type"),
            ("users:\n- a\n- b\n- uid: a\n", "seed.yaml:4: users[2]", "already"),
            (
                "users: [a]\ngroups:\n- guid: g\n  owner: a\n  banned: [a]\n",
                "seed.yaml:5: groups[0].banned[0]",
                "already",
            ),
            ("users:\n- uid: ann\n  token: 'a b'\n", "seed.yaml:3: users[0].token", "token"),
            ("clock: soon\n", "seed.yaml:1: clock: ", "time"),
            ("clock: {at: 2026-01-01, frozen: 7}\n", "seed.yaml:1: clock.frozen: ", "true or false"),
            ("usres: []\n", "seed.yaml:1: usres: ", "users"),
            (
                "webhooks:\n- url: http://127.0.0.1:1/\n  triggers: [message_snet]\n",
                "seed.yaml:3: webhooks[0].triggers[0]: ",
                "trigger",
            ),
            ("lines:\n- user: {uid: 7}\n", "seed.yaml:2: lines[0].user.uid: ", "string"),
            ("app:\n  id: no good\n", "seed.yaml:2: app.id: ", "id"),
            (
                "webhooks:\n- url: http://127.0.0.1:1/\n  triggers: []\n  secret: whsec_AAAA\n",
                "seed.yaml:4: webhooks[0].secret: ",
                "24 to 64",
            ),
        ] {
            let why = sown(text).await.map(drop).unwrap_err();
            assert!(why.starts_with(place) && why.contains(word), "{text}: {why}");
        }
    }
}

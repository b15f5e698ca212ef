//! What a seed says, as the lines of an export (`model::transfer`): the way by which every app is taken over is the way of a
//! seed, too.
//!
//! A seed is shorter than an export. What it leaves out is filled in here, times are counted from its clock, and whoever
//! reacted or read is named where the message is. Each line keeps the place in the seed that it came from.

mod groups;
mod messages;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::text::{Text, below};
use crate::model::extension::Extension;
use crate::model::limits::Limits;
use crate::model::nearest::nearest;
use crate::model::user::{check_length, check_url};
use crate::testing::time::moment;
use messages::{Known, MOST_ID, Of};

/// What is wrong, and where.
pub type Wrong = (String, String);

type Fields = Map<String, Value>;

/// A line, and the place it came from.
#[derive(Debug)]
pub struct Made {
    pub path: String,
    pub line: Value,
}

/// A login that is to be there.
#[derive(Debug)]
pub struct Login {
    pub path: String,
    pub uid: String,
    pub token: String,
}

#[derive(Debug, Default)]
pub struct Lines {
    pub lines: Vec<Made>,
    pub logins: Vec<Login>,
    /// Passwords of groups by guid: only their hashes are kept.
    pub passwords: Vec<(String, String)>,
}

const USER: &[&str] = &[
    "uid",
    "name",
    "avatar",
    "link",
    "role",
    "metadata",
    "tags",
    "statusMessage",
    "createdAt",
    "updatedAt",
    "lastActiveAt",
    "deactivatedAt",
    "bot",
    "timezone",
    "email",
    "phno",
    "preferences",
    "token",
    "tokens",
    "friends",
    "blocks",
];
const ROLE: &[&str] =
    &["role", "name", "description", "metadata", "settings", "permissions", "createdAt", "updatedAt", "restricted"];

/// Fields that are texts: what looks like a number is one, too.
const TEXTS: &[&str] = &[
    "name",
    "avatar",
    "link",
    "role",
    "statusMessage",
    "timezone",
    "email",
    "phno",
    "type",
    "icon",
    "description",
    "owner",
    "scope",
    "category",
    "muid",
    "sessionId",
    "on",
    "editedBy",
    "deletedBy",
    "pinnedBy",
];

/// Fields that are objects.
const OBJECTS: &[&str] = &["metadata", "preferences", "settings", "poll", "disappears"];

/// Fields that are addresses.
const URLS: &[&str] = &["avatar", "link", "icon"];

struct Maker<'t> {
    text: &'t Text,
    /// The clock of the seed, in Unix milliseconds.
    now: i64,
    made: Lines,
    /// Messages by their keys.
    keys: HashMap<String, Known>,
    /// The id of the message before.
    newest: i64,
    tokens: HashSet<String>,
    limits: Limits,
    members: HashMap<String, Vec<String>>,
    /// The newest message that somebody got and read, with the conversation.
    marks: BTreeMap<(Of, String), (Option<i64>, Option<i64>)>,
}

/// The lines that a seed makes. `now`: its clock, in Unix milliseconds.
pub fn make(text: &Text, now: i64) -> Result<Lines, Wrong> {
    let mut maker = Maker {
        text,
        now,
        made: Lines::default(),
        keys: HashMap::new(),
        newest: 0,
        tokens: HashSet::new(),
        limits: Limits::default(),
        members: HashMap::new(),
        marks: BTreeMap::new(),
    };
    maker.all()?;
    Ok(maker.made)
}

fn wrong<T>(path: &str, sentence: impl Into<String>) -> Result<T, Wrong> {
    Err((path.to_owned(), sentence.into()))
}

/// An object of which every field is known.
pub fn object<'v>(path: &str, value: &'v Value, known: &[&str]) -> Result<&'v Fields, Wrong> {
    let Value::Object(fields) = value else {
        return wrong(path, format!("expected an object with some of: {}", known.join(", ")));
    };
    for name in fields.keys() {
        if !known.contains(&name.as_str()) {
            let near = nearest(name, known.iter().copied()).unwrap_or_default();
            return wrong(&below(path, name), format!("there is no field {name:?} here: did you mean {near:?}?"));
        }
    }
    Ok(fields)
}

fn items<'v>(path: &str, value: &'v Value) -> Result<Vec<(String, &'v Value)>, Wrong> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => Ok(items.iter().enumerate().map(|(at, item)| (format!("{path}[{at}]"), item)).collect()),
        _ => wrong(path, "expected a list"),
    }
}

impl Text {
    /// The part as a text, or what is wrong.
    pub fn expect(&self, path: &str, value: &Value) -> Result<String, Wrong> {
        self.text_of(path, value).map_or_else(|| wrong(path, "expected a text"), Ok)
    }
}

impl Maker<'_> {
    fn all(&mut self) -> Result<(), Wrong> {
        let whole = self.text.value.clone();
        let Value::Object(whole) = whole else { return Ok(()) };
        let part = |name: &str| whole.get(name).unwrap_or(&Value::Null);
        for (path, item) in items("extensions", part("extensions"))? {
            let name = self.text.expect(&path, item)?;
            if Extension::parse(&name).is_none() {
                let near = nearest(&name, Extension::ALL.iter().map(|one| one.slug())).unwrap_or_default();
                return wrong(&path, format!("there is no extension {name:?}: did you mean {near:?}?"));
            }
            self.put(&path, json!({ "extension": { "extension": name, "enabled": true } }));
        }
        for (path, item) in items("roles", part("roles"))? {
            let mut role = object(&path, item, ROLE)?.clone();
            let id = self.required(&path, &role, "role")?;
            role.insert("role".into(), json!(id));
            role.entry("name").or_insert_with(|| json!(id));
            self.check(&path, &mut role)?;
            self.put(&path, json!({ "role": role }));
        }
        let users = items("users", part("users"))?;
        for (path, item) in &users {
            self.user(path, item)?;
        }
        for (path, item) in &users {
            self.ties(path, item)?;
        }
        for (path, item) in items("groups", part("groups"))? {
            self.group(&path, item)?;
        }
        for (path, item) in items("lines", part("lines"))? {
            // Those of short words come behind.
            let id = item["message"]["id"].as_i64().unwrap_or(0);
            self.newest = self.newest.max(id.min(MOST_ID - 1));
            self.put(&path, item.clone());
        }
        let messages = items("messages", part("messages"))?;
        let count = messages.len() as i64;
        let mut timed = Vec::new();
        for (number, (path, item)) in messages.into_iter().enumerate() {
            let usual = self.now.div_euclid(1000) - count + number as i64;
            timed.push((self.sent_at(&path, item, usual)?, path, item));
        }
        // Ids rise with time, in whatever order it is told.
        timed.sort_by_key(|(at, ..)| *at);
        for (at, path, item) in timed {
            self.message(&path, item, at)?;
        }
        self.set_marks();
        Ok(())
    }

    fn put(&mut self, path: &str, line: Value) {
        self.made.lines.push(Made { path: path.to_owned(), line });
    }

    fn required(&self, path: &str, fields: &Fields, name: &str) -> Result<String, Wrong> {
        match fields.get(name) {
            None | Some(Value::Null) => wrong(path, format!("the field {name} is required")),
            Some(value) => self.text.expect(&below(path, name), value),
        }
    }

    /// Unix seconds of a time in a field.
    fn time(&self, path: &str, value: &Value) -> Result<i64, Wrong> {
        moment(value, self.now).map(|ms| ms.div_euclid(1000)).map_err(|why| (path.to_owned(), why))
    }

    /// Looks at fields that stand in several kinds of things, as the API does, and puts them as exports have them.
    fn check(&self, path: &str, fields: &mut Fields) -> Result<(), Wrong> {
        for (name, value) in fields.iter_mut().filter(|(_, value)| !value.is_null()) {
            let path = below(path, name);
            if let ("disappears", Value::Object(due)) = (name.as_str(), &mut *value) {
                let at =
                    due.get("at").ok_or_else(|| (path.clone(), "the field at is required: when it does".to_owned()))?;
                let at = self.time(&below(&path, "at"), at)?;
                due.insert("at".into(), json!(at));
                due.entry("timeMs").or_insert_with(|| json!(at * 1000));
                due.entry("name").or_insert_with(|| json!(format!("seed {path}")));
                due.entry("createdAt").or_insert_with(|| json!(self.now.div_euclid(1000)));
            }
            match name.as_str() {
                name if name.ends_with("At") => *value = json!(self.time(&path, value)?),
                name if OBJECTS.contains(&name) && !value.is_object() => return wrong(&path, "expected an object"),
                "metadata" if value.to_string().len() > self.limits.metadata => {
                    return wrong(&path, format!("it is larger than {} bytes", self.limits.metadata));
                }
                name if TEXTS.contains(&name) => *value = json!(self.text.expect(&path, value)?),
                "tags" => {
                    let tags = items(&path, value)?;
                    let tags = tags.into_iter().map(|(path, tag)| self.text.expect(&path, tag));
                    *value = json!(tags.collect::<Result<Vec<_>, Wrong>>()?);
                }
                _ => {}
            }
            let Some(text) = value.as_str() else { continue };
            let checked = match name.as_str() {
                name if URLS.contains(&name) => check_url(name, text.to_owned(), &self.limits).map(drop),
                "name" => check_length("name", text, self.limits.name),
                _ => Ok(()),
            };
            checked.map_err(|error| (path, error.plain()))?;
        }
        Ok(())
    }

    fn user(&mut self, path: &str, item: &Value) -> Result<(), Wrong> {
        // A name alone is a user.
        let named = json!({ "uid": item });
        let item = if item.is_object() { item } else { &named };
        let mut user = object(path, item, USER)?.clone();
        let uid = self.required(path, &user, "uid")?;
        user.insert("uid".into(), json!(uid));
        user.entry("name").or_insert_with(|| json!(uid));
        self.check(path, &mut user)?;
        let taken = |user: &mut Fields, name: &str| user.remove(name).unwrap_or(Value::Null);
        let one = taken(&mut user, "token");
        let mut tokens = items(&below(path, "tokens"), &taken(&mut user, "tokens"))?
            .into_iter()
            .map(|(path, value)| Ok((self.text.expect(&path, value)?, path)))
            .collect::<Result<Vec<_>, Wrong>>()?;
        if !one.is_null() {
            let path = below(path, "token");
            tokens.insert(0, (self.text.expect(&path, &one)?, path));
        }
        for (token, path) in tokens {
            if !self.tokens.insert(token.clone()) {
                return wrong(&path, "this token stands here a second time: by a token one user is known");
            }
            self.made.logins.push(Login { path, uid: uid.clone(), token });
        }
        for name in ["friends", "blocks"] {
            user.remove(name);
        }
        self.put(path, json!({ "user": user }));
        Ok(())
    }

    /// Friends and blocks, when all users are there.
    fn ties(&mut self, path: &str, item: &Value) -> Result<(), Wrong> {
        let Some(fields) = item.as_object() else { return Ok(()) };
        let uid = self.required(path, fields, "uid")?;
        for (name, kind, other) in [("friends", "friend", "friend"), ("blocks", "block", "blocked")] {
            for (path, value) in items(&below(path, name), fields.get(name).unwrap_or(&Value::Null))? {
                let named = self.text.expect(&path, value)?;
                self.put(&path, json!({ kind: { "uid": uid, other: named } }));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(yaml: &str) -> Result<Lines, Wrong> {
        make(&Text::read(yaml, false).unwrap(), 1_795_000_000_000)
    }

    #[test]
    fn short_words_become_lines() {
        let lines = made(
            "
users: [ann, {uid: bob, name: 007, tags: [1.10], token: t1, tokens: [t2], friends: [ann], createdAt: -1d}]
groups: [{guid: g, owner: ann, members: {bob: moderator}}]
messages:
  - {key: a, from: ann, to: bob, text: hi, at: -1h, reactions: {x: bob}, read: true}
  - {from: bob, group: g, type: custom, data: {customData: {}}, category: custom, delivered: [ann]}
  - {from: bob, to: ann, text: yes, parent: a}
",
        )
        .unwrap();
        let all: Vec<&Value> = lines.lines.iter().map(|made| &made.line).collect();
        let find = |kind: &str| all.iter().filter_map(|line| line.get(kind)).collect::<Vec<_>>();
        assert_eq!(find("user")[1]["createdAt"], 1_794_913_600);
        assert_eq!((&find("user")[1]["name"], &find("user")[1]["tags"]), (&json!("007"), &json!(["1.10"])));
        assert_eq!(lines.logins.iter().map(|login| &*login.token).collect::<Vec<_>>(), ["t1", "t2"]);
        assert_eq!(find("friend"), [&json!({"uid": "bob", "friend": "ann"})]);
        assert_eq!(find("member").iter().map(|one| &one["scope"]).collect::<Vec<_>>(), ["moderator", "admin"]);
        let messages = find("message");
        assert_eq!((&messages[0]["sentAt"], &messages[0]["data"]["text"]), (&json!(1_794_996_400), &json!("hi")));
        assert_eq!((&messages[2]["parentId"], &messages[2]["sentAt"]), (&json!(1), &json!(1_794_999_999)));
        let marks = find("mark");
        assert_eq!(marks.len(), 2);
        assert!(marks.contains(&&json!({"uid": "bob", "users": ["ann", "bob"], "deliveredId": 1, "readId": 1})));
        assert_eq!(find("receipt").len(), 2);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (yaml, path, word) in [
            ("users: [{uid: ann, nmae: Ann}]", "users[0].nmae", "name"),
            ("users: [{name: Ann}]", "users[0]", "uid"),
            ("users: {ann: 1}", "users", "list"),
            ("users: [{uid: ann, createdAt: soon}]", "users[0].createdAt", "time"),
            ("messages: [{from: ann, text: hi}]", "messages[0]", "to"),
            ("messages: [{from: ann, to: bob, parent: x}]", "messages[0].parent", "key"),
            ("messages: [{key: a, from: a, to: b}, {key: a, from: a, to: b}]", "messages[1].key", "another"),
            ("messages: [{key: a, from: a, to: b, text: x, parent: a}]", "messages[0].parent", "before"),
            (
                "messages: [{from: a, to: b, text: x, id: 7}, {from: a, to: b, text: x, id: 7}]",
                "messages[1].id",
                "larger",
            ),
            ("messages: [{from: a, to: b, text: x, id: -5}]", "messages[0].id", "larger"),
            ("messages: [{from: a, to: b, text: x, id: 9007199254740993}]", "messages[0].id", "2^53"),
            (
                "messages: [{key: k, from: a, to: b, text: x}, {from: a, to: c, text: x, quote: k}]",
                "messages[1].quote",
                "other conversation",
            ),
            (
                "messages: [{key: k, from: a, to: b, text: x}, {key: r, from: a, to: b, text: x, parent: k},
                  {from: a, to: b, text: x, parent: r}]",
                "messages[2].parent",
                "reply",
            ),
            (
                "messages: [{key: k, from: a, to: b, text: x, at: -1h}, {from: a, to: b, text: x, at: -2h, parent: k}]",
                "messages[1].parent",
                "before",
            ),
            ("messages: [{from: a, to: b, text: x, at: +1h}]", "messages[0].at", "later"),
            ("groups: [{guid: g, members: [{uid: a, scpoe: admin}]}]", "groups[0].members[0].scpoe", "scope"),
            ("groups: [{guid: g, type: password}]", "groups[0]", "password"),
            ("groups: [{guid: g, password: x}]", "groups[0].password", "type"),
            ("extensions: [pols]", "extensions[0]", "polls"),
            ("users: [{uid: a, token: x}, {uid: b, tokens: [x]}]", "users[1].tokens[0]", "second"),
            ("users: [{uid: a, metadata: 7}]", "users[0].metadata", "object"),
            ("users: [{uid: a, avatar: 'javascript:x'}]", "users[0].avatar", "URL"),
            ("users: [{uid: a, tags: [{}]}]", "users[0].tags[0]", "text"),
        ] {
            let (found, why) = made(yaml).unwrap_err();
            assert_eq!(found, path, "{why}");
            assert!(why.contains(word), "{why}");
        }
    }
}

//! What a seed says, as the lines of an export (`model::transfer`): the way by which every app is taken over is the way of a
//! seed, too.
//!
//! A seed is shorter than an export. What it leaves out is filled in here, times are counted from its clock, and whoever
//! reacted or read is named where the message is. Each line keeps the place in the seed that it came from.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::text::{Text, below};
use crate::model::nearest::nearest;
use crate::testing::time::moment;

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
const GROUP: &[&str] = &[
    "guid",
    "name",
    "type",
    "password",
    "icon",
    "description",
    "owner",
    "metadata",
    "tags",
    "permissions",
    "createdAt",
    "updatedAt",
    "members",
    "banned",
];
const MEMBER: &[&str] = &["uid", "scope", "joinedAt"];
const MESSAGE: &[&str] = &[
    "key",
    "id",
    "from",
    "to",
    "group",
    "text",
    "category",
    "type",
    "data",
    "metadata",
    "tags",
    "muid",
    "at",
    "parent",
    "quote",
    "reactions",
    "delivered",
    "read",
    "editedAt",
    "editedBy",
    "deletedAt",
    "deletedBy",
    "pinnedAt",
    "pinnedBy",
    "sessionId",
    "on",
    "poll",
    "disappears",
    "mentions",
];
const ROLE: &[&str] =
    &["role", "name", "description", "metadata", "settings", "permissions", "createdAt", "updatedAt", "restricted"];

/// Who a conversation is of: two users in the order of their uids, or a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Two(String, String),
    Group(String),
}

impl Of {
    fn named(&self, fields: &mut Fields) {
        match self {
            Of::Two(one, other) => fields.insert("users".into(), json!([one, other])),
            Of::Group(guid) => fields.insert("guid".into(), json!(guid)),
        };
    }
}

struct Maker<'t> {
    text: &'t Text,
    /// The clock of the seed, in Unix milliseconds.
    now: i64,
    made: Lines,
    /// Ids of messages by their keys.
    keys: HashMap<String, i64>,
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

pub fn text_of(path: &str, value: &Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) => Ok(text.clone()),
        // An id that looks like one.
        Value::Number(number) => Ok(number.to_string()),
        _ => wrong(path, "expected a text"),
    }
}

impl Maker<'_> {
    fn all(&mut self) -> Result<(), Wrong> {
        let whole = self.text.value.clone();
        let Value::Object(whole) = whole else { return Ok(()) };
        let part = |name: &str| whole.get(name).unwrap_or(&Value::Null);
        for (path, item) in items("extensions", part("extensions"))? {
            let name = text_of(&path, item)?;
            self.put(&path, json!({ "extension": { "extension": name, "enabled": true } }));
        }
        for (path, item) in items("roles", part("roles"))? {
            let mut role = object(&path, item, ROLE)?.clone();
            let id = self.required(&path, &role, "role")?;
            role.entry("name").or_insert_with(|| json!(id));
            self.times(&path, &mut role)?;
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
            self.put(&path, item.clone());
        }
        let messages = items("messages", part("messages"))?;
        let count = messages.len() as i64;
        for (number, (path, item)) in messages.into_iter().enumerate() {
            let usual = self.now / 1000 - count + number as i64;
            self.message(&path, item, usual)?;
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
            Some(value) => text_of(&below(path, name), value),
        }
    }

    /// Unix seconds of a time in a field.
    fn time(&self, path: &str, value: &Value) -> Result<i64, Wrong> {
        moment(value, self.now).map(|ms| ms.div_euclid(1000)).map_err(|why| (path.to_owned(), why))
    }

    /// Puts all times of an object as exports have them.
    fn times(&self, path: &str, fields: &mut Fields) -> Result<(), Wrong> {
        for (name, value) in fields.iter_mut().filter(|(name, value)| name.ends_with("At") && !value.is_null()) {
            *value = json!(self.time(&below(path, name), value)?);
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
        self.times(path, &mut user)?;
        let taken = |user: &mut Fields, name: &str| user.remove(name).unwrap_or(Value::Null);
        let one = taken(&mut user, "token");
        let mut tokens = items(&below(path, "tokens"), &taken(&mut user, "tokens"))?
            .into_iter()
            .map(|(path, value)| Ok((text_of(&path, value)?, path)))
            .collect::<Result<Vec<_>, Wrong>>()?;
        if !one.is_null() {
            let path = below(path, "token");
            tokens.insert(0, (text_of(&path, &one)?, path));
        }
        for (token, path) in tokens {
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
                let named = text_of(&path, value)?;
                self.put(&path, json!({ kind: { "uid": uid, other: named } }));
            }
        }
        Ok(())
    }

    fn group(&mut self, path: &str, item: &Value) -> Result<(), Wrong> {
        let mut group = object(path, item, GROUP)?.clone();
        let guid = self.required(path, &group, "guid")?;
        group.insert("guid".into(), json!(guid));
        group.entry("name").or_insert_with(|| json!(guid));
        group.entry("type").or_insert_with(|| json!("public"));
        self.times(path, &mut group)?;
        if let Some(password) = group.remove("password") {
            let password = text_of(&below(path, "password"), &password)?;
            self.made.passwords.push((guid.clone(), password));
        }
        let (members, banned) = (group.remove("members"), group.remove("banned"));
        let owner = group.get("owner").and_then(Value::as_str).map(str::to_owned);
        self.put(path, json!({ "group": group }));
        let mut inside = Vec::new();
        let path_of = below(path, "members");
        let listed: Vec<(String, Fields)> = match members.unwrap_or(Value::Null) {
            // By uid, with the scope.
            Value::Object(scopes) => scopes
                .into_iter()
                .map(|(uid, scope)| {
                    (below(&path_of, &uid), Map::from_iter([("uid".into(), json!(uid)), ("scope".into(), scope)]))
                })
                .collect(),
            list => items(&path_of, &list)?
                .into_iter()
                .map(|(path, item)| match item {
                    Value::Object(_) => Ok((path.clone(), object(&path, item, MEMBER)?.clone())),
                    uid => Ok((path.clone(), Map::from_iter([("uid".into(), json!(text_of(&path, uid)?))]))),
                })
                .collect::<Result<_, Wrong>>()?,
        };
        for (path, mut member) in listed {
            let uid = self.required(&path, &member, "uid")?;
            self.times(&path, &mut member)?;
            let usual = if owner.as_deref() == Some(&uid) { "admin" } else { "participant" };
            match member.get("scope") {
                None | Some(Value::Null) => _ = member.insert("scope".into(), json!(usual)),
                Some(_) => {}
            }
            member.insert("guid".into(), json!(guid));
            inside.push(uid);
            self.put(&path, json!({ "member": member }));
        }
        if let Some(owner) = owner.filter(|owner| !inside.contains(owner)) {
            inside.push(owner.clone());
            self.put(&below(path, "owner"), json!({ "member": { "guid": guid, "uid": owner, "scope": "admin" } }));
        }
        for (path, value) in items(&below(path, "banned"), &banned.unwrap_or(Value::Null))? {
            let uid = text_of(&path, value)?;
            self.put(&path, json!({ "member": { "guid": guid, "uid": uid, "isBanned": true } }));
        }
        self.members.insert(guid, inside);
        Ok(())
    }

    fn message(&mut self, path: &str, item: &Value, usual: i64) -> Result<(), Wrong> {
        let mut fields = object(path, item, MESSAGE)?.clone();
        let from = self.required(path, &fields, "from")?;
        let (to, group) = (fields.remove("to"), fields.remove("group"));
        let of = match (&to, &group) {
            (Some(to), None) => {
                let to = text_of(&below(path, "to"), to)?;
                if from < to { Of::Two(from.clone(), to) } else { Of::Two(to, from.clone()) }
            }
            (None, Some(guid)) => Of::Group(text_of(&below(path, "group"), guid)?),
            _ => return wrong(path, "either to, a uid, or group, a guid, is required"),
        };
        let id = match fields.remove("id") {
            None => self.keys.len() as i64 + 1,
            Some(id) => id.as_i64().ok_or_else(|| (below(path, "id"), "expected a whole number".to_owned()))?,
        };
        let id = id.max(self.keys.values().max().map_or(1, |newest| newest + 1));
        let key = match fields.remove("key") {
            Some(key) => text_of(&below(path, "key"), &key)?,
            None => format!("#{id}"),
        };
        if self.keys.insert(key.clone(), id).is_some() {
            return wrong(&below(path, "key"), format!("another message has the key {key:?}"));
        }
        let at = match fields.remove("at") {
            Some(at) => self.time(&below(path, "at"), &at)?,
            None => usual,
        };
        self.times(path, &mut fields)?;
        fields.remove("from");
        let (receiver, kind, others) = match &of {
            Of::Two(one, other) => {
                (if *one == from { other } else { one }, "user", vec![if *one == from { other } else { one }.clone()])
            }
            Of::Group(guid) => (guid, "group", self.members.get(guid).cloned().unwrap_or_default()),
        };
        let mut line = Fields::new();
        line.insert("id".into(), json!(id));
        line.insert("sender".into(), json!(from));
        line.insert("receiver".into(), json!(receiver));
        line.insert("receiverType".into(), json!(kind));
        line.insert("sentAt".into(), json!(at));
        self.content(path, &mut fields, &mut line)?;
        for (name, other) in [("parent", "parentId"), ("quote", "quotedId")] {
            if let Some(key) = fields.remove(name) {
                let path = below(path, name);
                let key = text_of(&path, &key)?;
                let known = self.keys.get(&key).or_else(|| self.keys.get(&format!("#{key}")));
                let id = known.ok_or_else(|| (path, format!("no message before has the key {key:?}")))?;
                line.insert(other.into(), json!(id));
            }
        }
        if let Some(reactions) = fields.remove("reactions") {
            line.insert("reactions".into(), self.reactions(&below(path, "reactions"), &reactions, at)?);
        }
        let receipts = [("delivered", fields.remove("delivered")), ("read", fields.remove("read"))];
        line.extend(fields);
        self.put(path, json!({ "message": line }));
        for (name, said) in receipts {
            let path = below(path, name);
            let who = match said {
                None | Some(Value::Null | Value::Bool(false)) => continue,
                Some(Value::Bool(true)) => others.iter().filter(|uid| **uid != from).cloned().collect(),
                Some(Value::String(uid)) => vec![uid],
                Some(list) => items(&path, &list)?
                    .iter()
                    .map(|(path, uid)| text_of(path, uid))
                    .collect::<Result<Vec<_>, Wrong>>()?,
            };
            for uid in who {
                let mark = self.marks.entry((of.clone(), uid.clone())).or_default();
                // Who has read it has got it.
                mark.0 = Some(id);
                if name == "read" {
                    mark.1 = Some(id);
                }
                let mut receipt = Fields::from_iter([
                    ("uid".into(), json!(uid)),
                    ("kind".into(), json!(name)),
                    ("upto".into(), json!(id)),
                    ("at".into(), json!(at)),
                ]);
                of.named(&mut receipt);
                self.put(&path, json!({ "receipt": receipt }));
            }
        }
        Ok(())
    }

    /// What it says: a text alone is a text message, and anything else is as messages of the API are.
    fn content(&self, path: &str, fields: &mut Fields, line: &mut Fields) -> Result<(), Wrong> {
        let mut data = match fields.remove("data") {
            None => Fields::new(),
            Some(Value::Object(data)) => data,
            Some(_) => return wrong(&below(path, "data"), "expected an object"),
        };
        if let Some(text) = fields.remove("text") {
            data.insert("text".into(), json!(text_of(&below(path, "text"), &text)?));
        }
        if let Some(metadata) = fields.remove("metadata") {
            data.insert("metadata".into(), metadata);
        }
        line.insert("category".into(), fields.remove("category").unwrap_or_else(|| json!("message")));
        line.insert("type".into(), fields.remove("type").unwrap_or_else(|| json!("text")));
        line.insert("data".into(), Value::Object(data));
        Ok(())
    }

    /// `{"👍": [ann, bob]}`
    fn reactions(&self, path: &str, said: &Value, at: i64) -> Result<Value, Wrong> {
        let Value::Object(said) = said else {
            return wrong(path, "expected an object of reactions, each with its uids");
        };
        let mut reactions = Vec::new();
        for (reaction, uids) in said {
            let path = below(path, reaction);
            let alone = json!([uids]);
            for (path, uid) in items(&path, if uids.is_array() { uids } else { &alone })? {
                reactions.push(json!({ "uid": text_of(&path, uid)?, "reaction": reaction, "reactedAt": at }));
            }
        }
        Ok(Value::Array(reactions))
    }

    /// Up to where everybody got and read what.
    fn set_marks(&mut self) {
        for ((of, uid), (delivered, read)) in std::mem::take(&mut self.marks) {
            let mut mark = Fields::from_iter([("uid".into(), json!(uid))]);
            of.named(&mut mark);
            mark.extend(delivered.map(|id| ("deliveredId".into(), json!(id))));
            mark.extend(read.map(|id| ("readId".into(), json!(id))));
            self.put("messages", json!({ "mark": mark }));
        }
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
users: [ann, {uid: bob, token: t1, tokens: [t2], friends: [ann], createdAt: -1d}]
groups: [{guid: g, owner: ann, members: {bob: moderator}}]
messages:
  - {key: a, from: ann, to: bob, text: hi, at: -1h, reactions: {x: bob}, read: true}
  - {from: bob, group: g, type: custom, data: {customData: {}}, category: custom, parent: a, delivered: [ann]}
",
        )
        .unwrap();
        let all: Vec<&Value> = lines.lines.iter().map(|made| &made.line).collect();
        let find = |kind: &str| all.iter().filter_map(|line| line.get(kind)).collect::<Vec<_>>();
        assert_eq!(find("user")[1]["createdAt"], 1_794_913_600);
        assert_eq!(lines.logins.iter().map(|login| &*login.token).collect::<Vec<_>>(), ["t1", "t2"]);
        assert_eq!(find("friend"), [&json!({"uid": "bob", "friend": "ann"})]);
        assert_eq!(find("member").iter().map(|one| &one["scope"]).collect::<Vec<_>>(), ["moderator", "admin"]);
        let messages = find("message");
        assert_eq!((&messages[0]["sentAt"], &messages[0]["data"]["text"]), (&json!(1_794_996_400), &json!("hi")));
        assert_eq!((&messages[1]["parentId"], &messages[1]["sentAt"]), (&json!(1), &json!(1_794_999_999)));
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
            ("groups: [{guid: g, members: [{uid: a, scpoe: admin}]}]", "groups[0].members[0].scpoe", "scope"),
        ] {
            let (found, why) = made(yaml).unwrap_err();
            assert_eq!(found, path, "{why}");
            assert!(why.contains(word), "{why}");
        }
    }
}

//! Messages of a seed, each with what others made of it.

use serde_json::{Value, json};

use super::{Fields, Maker, Wrong, below, items, object, wrong};
use crate::model::user::check_length;

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

/// The largest id of a message: a larger number is not whole in every language.
pub const MOST_ID: i64 = 1 << 53;

/// Who a conversation is of: two users in the order of their uids, or a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
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

/// A message that another refers to.
pub struct Known {
    id: i64,
    of: Of,
    /// It is in a thread itself.
    is_reply: bool,
}

impl Maker<'_> {
    /// When a message was sent, in Unix seconds.
    pub(super) fn sent_at(&self, path: &str, item: &Value, usual: i64) -> Result<i64, Wrong> {
        let Some(at) = item.get("at") else { return Ok(usual) };
        let path = below(path, "at");
        let at = self.time(&path, at)?;
        match at > self.now.div_euclid(1000) {
            true => wrong(&path, "it is later than the clock of the seed"),
            false => Ok(at),
        }
    }

    pub(super) fn message(&mut self, path: &str, item: &Value, at: i64) -> Result<(), Wrong> {
        let mut fields = object(path, item, MESSAGE)?.clone();
        let from = self.required(path, &fields, "from")?;
        let (to, group) = (fields.remove("to"), fields.remove("group"));
        let of = match (&to, &group) {
            (Some(to), None) => {
                let to = self.text.expect(&below(path, "to"), to)?;
                if from < to { Of::Two(from.clone(), to) } else { Of::Two(to, from.clone()) }
            }
            (None, Some(guid)) => Of::Group(self.text.expect(&below(path, "group"), guid)?),
            _ => return wrong(path, "either to, a uid, or group, a guid, is required"),
        };
        let before = self.newest;
        let id = match fields.remove("id") {
            None => before + 1,
            Some(id) => {
                let path = below(path, "id");
                let id = id.as_i64().ok_or_else(|| (path.clone(), "expected a whole number".to_owned()))?;
                if id <= before {
                    return wrong(&path, format!("ids rise: it must be larger than {before}"));
                }
                if id >= MOST_ID {
                    return wrong(&path, "an id is less than 2^53");
                }
                id
            }
        };
        let key = match fields.remove("key") {
            Some(key) => self.text.expect(&below(path, "key"), &key)?,
            None => format!("#{id}"),
        };
        fields.remove("at");
        self.newest = id;
        self.check(path, &mut fields)?;
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
        let mut is_reply = false;
        for (name, other) in [("parent", "parentId"), ("quote", "quotedId")] {
            let Some(key) = fields.remove(name) else { continue };
            let path = below(path, name);
            let key = self.text.expect(&path, &key)?;
            let known = self.keys.get(&key).or_else(|| self.keys.get(&format!("#{key}")));
            let known = known.ok_or_else(|| (path.clone(), format!("no message before has the key {key:?}")))?;
            if known.of != of {
                return wrong(&path, format!("{key:?} is in an other conversation"));
            }
            if name == "parent" {
                is_reply = true;
                if known.is_reply {
                    return wrong(&path, format!("{key:?} is a reply itself: threads have no threads"));
                }
            }
            line.insert(other.into(), json!(known.id));
        }
        if self.keys.insert(key.clone(), Known { id, of: of.clone(), is_reply }).is_some() {
            return wrong(&below(path, "key"), format!("another message has the key {key:?}"));
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
                Some(Value::Bool(true)) => {
                    others.iter().filter(|uid| **uid != from).map(|uid| (uid.clone(), at)).collect()
                }
                Some(Value::String(uid)) => vec![(uid, at)],
                // Each at a time.
                Some(Value::Object(times)) => times
                    .iter()
                    .map(|(uid, time)| Ok((uid.clone(), self.time(&below(&path, uid), time)?)))
                    .collect::<Result<Vec<_>, Wrong>>()?,
                Some(list) => items(&path, &list)?
                    .iter()
                    .map(|(path, uid)| Ok((self.text.expect(path, uid)?, at)))
                    .collect::<Result<Vec<_>, Wrong>>()?,
            };
            for (uid, at) in who {
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
            let path = below(path, "text");
            let text = self.text.expect(&path, &text)?;
            check_length("text", &text, self.limits.text).map_err(|error| (path, error.plain()))?;
            data.insert("text".into(), json!(text));
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
            check_length("reaction", reaction, self.limits.reaction).map_err(|error| (path.clone(), error.plain()))?;
            let alone = json!([uids]);
            for (path, uid) in items(&path, if uids.is_array() { uids } else { &alone })? {
                reactions.push(json!({ "uid": self.text.expect(&path, uid)?, "reaction": reaction, "reactedAt": at }));
            }
        }
        Ok(Value::Array(reactions))
    }

    /// Up to where everybody got and read what.
    pub(super) fn set_marks(&mut self) {
        for ((of, uid), (delivered, read)) in std::mem::take(&mut self.marks) {
            let mut mark = Fields::from_iter([("uid".into(), json!(uid))]);
            of.named(&mut mark);
            mark.extend(delivered.map(|id| ("deliveredId".into(), json!(id))));
            mark.extend(read.map(|id| ("readId".into(), json!(id))));
            self.put("messages", json!({ "mark": mark }));
        }
    }
}

//! Groups of a seed, each with its members and whom it has banned.

use serde_json::{Map, Value, json};

use crate::model::group::GroupType;

use super::{Fields, Maker, Wrong, below, items, object, wrong};

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

impl Maker<'_> {
    pub(super) fn group(&mut self, path: &str, item: &Value) -> Result<(), Wrong> {
        let mut group = object(path, item, GROUP)?.clone();
        let guid = self.required(path, &group, "guid")?;
        group.insert("guid".into(), json!(guid));
        group.entry("name").or_insert_with(|| json!(guid));
        group.entry("type").or_insert_with(|| json!("public"));
        self.check(path, &mut group)?;
        let is_locked = group.get("type").and_then(Value::as_str) == Some(GroupType::Password.as_str());
        match group.remove("password").filter(|password| !password.is_null()) {
            Some(password) => {
                let path = below(path, "password");
                let password = self.text.expect(&path, &password)?;
                if !is_locked {
                    return wrong(&path, "a group with a password is of the type password");
                }
                self.made.passwords.push((guid.clone(), password));
            }
            None if is_locked => return wrong(path, "a group of the type password needs the field password"),
            None => {}
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
                    uid => Ok((path.clone(), Map::from_iter([("uid".into(), json!(self.text.expect(&path, uid)?))]))),
                })
                .collect::<Result<_, Wrong>>()?,
        };
        for (path, mut member) in listed {
            let uid = self.required(&path, &member, "uid")?;
            self.check(&path, &mut member)?;
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
            let uid = self.text.expect(&path, value)?;
            self.put(&path, json!({ "member": { "guid": guid, "uid": uid, "isBanned": true } }));
        }
        self.members.insert(guid, inside);
        Ok(())
    }
}

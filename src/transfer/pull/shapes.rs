//! What the API shows, as lines.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::message::SERVER_KEYS;
use crate::model::transfer::EVERYBODY;
use crate::store::digest;

/// A name for the file at an address: always the same.
pub(super) fn file_name(url: &str, extension: Option<&str>) -> String {
    let name = crate::model::time::hex(&digest(url)[..16]);
    let fits = |end: &&str| (1..=12).contains(&end.len()) && end.bytes().all(|b| b.is_ascii_alphanumeric());
    match extension.filter(fits) {
        Some(extension) => format!("{name}.{}", extension.to_ascii_lowercase()),
        None => name,
    }
}

pub(super) fn items(answer: Option<&Value>) -> Vec<Value> {
    answer.and_then(|answer| answer["data"].as_array()).cloned().unwrap_or_default()
}

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or(0)
}

pub(super) fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// Some fields of an object, those that are there.
fn fields(value: &Value, names: &[&str]) -> Value {
    let pairs = names.iter().filter_map(|name| {
        let field = value.get(*name).filter(|field| !field.is_null() && **field != json!([]))?;
        Some(((*name).to_owned(), field.clone()))
    });
    Value::Object(pairs.collect())
}

pub(super) fn role(item: &Value) -> Option<(&'static str, Value)> {
    item["role"].as_str()?;
    let names = ["role", "name", "description", "metadata", "settings", "createdAt", "updatedAt"];
    Some(("role", fields(item, &names)))
}

pub(super) fn user(item: &Value) -> Option<(&'static str, Value)> {
    item["uid"].as_str().filter(|uid| *uid != "app_system")?;
    let names = [
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
    ];
    Some(("user", fields(item, &names)))
}

pub(super) fn friends(uid: &str, item: &Value) -> Option<(&'static str, Value)> {
    let friend = item["uid"].as_str()?;
    // Each friendship is told by both sides.
    (uid < friend).then(|| ("friend", json!({ "uid": uid, "friend": friend })))
}

pub(super) fn blocks(uid: &str, item: &Value) -> Option<(&'static str, Value)> {
    let mut line = json!({ "uid": uid, "blocked": item["uid"].as_str()? });
    if let Some(at) = item["blockedByMeAt"].as_i64() {
        line["createdAt"] = json!(at);
    }
    // The list may hold those who blocked this one, too.
    (item["blockedByMe"] != json!(false)).then_some(("block", line))
}

pub(super) fn group(item: &Value) -> Option<(&'static str, Value)> {
    item["guid"].as_str()?;
    let names = [
        "guid",
        "name",
        "type",
        "icon",
        "description",
        "owner",
        "metadata",
        "tags",
        "createdAt",
        "updatedAt",
        "updatedBy",
    ];
    Some(("group", fields(item, &names)))
}

pub(super) fn member(guid: &str, item: &Value, banned: bool) -> (&'static str, Value) {
    let mut line = json!({ "guid": guid, "uid": text(item, "uid") });
    if let Some(scope) = item["scope"].as_str() {
        line["scope"] = json!(scope);
    }
    let at = if banned { item["bannedAt"].as_i64().or(item["joinedAt"].as_i64()) } else { item["joinedAt"].as_i64() };
    if let Some(at) = at {
        line["joinedAt"] = json!(at);
    }
    if banned {
        line["isBanned"] = json!(true);
    }
    ("member", line)
}

pub(super) fn call(item: &Value) -> Option<(&'static str, Value)> {
    let session = item["sessionId"].as_str().or(item["sessionid"].as_str())?;
    let mut line = fields(item, &["type", "status", "metadata", "initiatedAt", "startedAt", "endedAt"]);
    line["sessionId"] = json!(session);
    // Somebody's uid, or they themselves.
    let name = |value: &Value, field: &str| value.as_str().or(value[field].as_str()).map(str::to_owned);
    line["initiator"] = json!(name(&item["initiator"], "uid")?);
    match item["receiverType"].as_str()? {
        "group" => line["guid"] = json!(name(&item["receiver"], "guid")?),
        _ => line["callee"] = json!(name(&item["receiver"], "uid")?),
    }
    item["initiatedAt"].as_i64()?;
    let part = |one: &Value| {
        let mut part = fields(one, &["joinedAt", "leftAt"]);
        part["uid"] = json!(one["uid"].as_str()?);
        part["state"] =
            json!(one["state"].as_str().filter(|state| !matches!(*state, "ringing" | "joined")).unwrap_or("ended"));
        Some(part)
    };
    let parts: Vec<Value> = item["participants"].as_array().into_iter().flatten().filter_map(part).collect();
    line["participants"] = json!(parts);
    Some(("call", line))
}

/// `Err`: it cannot come along, and what it is.
pub(super) fn message(item: &Value, reactions: Vec<Value>, calls: &BTreeSet<String>) -> Result<Value, &'static str> {
    let names = [
        "muid",
        "sender",
        "receiver",
        "receiverType",
        "category",
        "type",
        "tags",
        "sentAt",
        "updatedAt",
        "editedAt",
        "editedBy",
        "deletedAt",
        "deletedBy",
        "deliveredAt",
        "readAt",
        "pinnedAt",
        "pinnedBy",
    ];
    let mut line = fields(item, &names);
    line["id"] = json!(number(&item["id"]));
    for (field, from) in [("parentId", "parentId"), ("quotedId", "quotedMessageId")] {
        match number(&item[from]) {
            0 => {}
            id => line[field] = json!(id),
        }
    }
    let mut data = item["data"].as_object().cloned().unwrap_or_default();
    let on = data.get("entities").map(|entities| entities["on"].clone()).unwrap_or_default();
    if let Some(resource) = data.get("resource").and_then(Value::as_str) {
        line["resource"] = json!(resource);
    }
    if let Some(status) = data.get("moderation").and_then(|moderation| moderation["status"].as_str())
        && matches!(status, "approved" | "disapproved" | "pending")
    {
        line["verdict"] = json!(status);
    }
    if matches!(item["category"].as_str(), Some("message" | "custom" | "interactive")) {
        // Who was named and could be: who is a member by now need not have been one.
        let mut named: Vec<&str> =
            data.get("mentions").and_then(Value::as_object).into_iter().flatten().map(|(uid, _)| &**uid).collect();
        let says = |word: &str| data.get("text").and_then(Value::as_str).is_some_and(|text| text.contains(word));
        if item["receiverType"] == "group" && says("<@all:") {
            named.push(EVERYBODY);
        }
        line["mentions"] = json!(named);
    }
    for key in SERVER_KEYS {
        data.remove(key);
    }
    match item["category"].as_str() {
        Some("action") if item["type"] == "groupMember" => {
            if let Some(uid) = on["entity"]["uid"].as_str() {
                line["on"] = json!(uid);
            }
        }
        Some("action") => return Err("note of an edit or deletion, which its message tells itself"),
        Some("call") => {
            let session = on["entity"]["sessionid"].as_str().or(on["entity"]["sessionId"].as_str());
            let Some(session) = session.filter(|session| calls.contains(*session)) else {
                return Err("call message of a call that is not in the list of calls");
            };
            line["sessionId"] = json!(session);
        }
        Some("message" | "custom" | "interactive") => {}
        _ => return Err("message of a category that is not known here"),
    }
    line["data"] = Value::Object(data);
    if !reactions.is_empty() {
        line["reactions"] = json!(reactions);
    }
    Ok(line)
}

pub(super) fn mark(uid: &str, item: &Value) -> Option<(&'static str, Value)> {
    let with = &item["conversationWith"];
    let mut line = fields(item, &["tags", "createdAt", "updatedAt", "pinnedAt"]);
    match item["conversationType"].as_str()? {
        "group" => line["guid"] = json!(with["guid"].as_str()?),
        _ => line["users"] = json!([uid, with["uid"].as_str()?]),
    }
    // What the app pinned is nobody's own.
    if item["pinnedBy"].as_str().is_some_and(|by| by != uid) {
        line.as_object_mut()?.remove("pinnedAt");
    }
    line["uid"] = json!(uid);
    let read = match number(&item["lastReadMessageId"]) {
        0 if number(&item["unreadMessageCount"]) == 0 => number(&item["lastMessage"]["id"]),
        id => id,
    };
    if read > 0 {
        line["readId"] = json!(read);
    }
    Some(("mark", line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_message_becomes_a_line() {
        let live = json!({"id": "12", "sender": "ann", "receiver": "team", "receiverType": "group", "category": "action",
            "type": "groupMember", "sentAt": 5, "tags": [], "data": {"action": "kicked", "extras": {"a": 1},
            "entities": {"on": {"entity": {"uid": "bob"}}}}});
        let line = message(&live, Vec::new(), &BTreeSet::new()).unwrap();
        assert_eq!(
            line,
            json!({"id": 12, "sender": "ann", "receiver": "team", "receiverType": "group", "category": "action",
            "type": "groupMember", "sentAt": 5, "on": "bob", "data": {"action": "kicked", "extras": {"a": 1}}})
        );
        assert!(message(&json!({"category": "action", "type": "message"}), Vec::new(), &BTreeSet::new()).is_err());
    }

    #[test]
    fn what_was_still_being_judged_is_seen_by_nobody_else() {
        use crate::model::moderation::Verdict;
        for (status, verdict) in [
            ("approved", Some(Verdict::Approved)),
            ("disapproved", Some(Verdict::Disapproved)),
            ("pending", Some(Verdict::Disapproved)),
            ("unmoderated", None),
        ] {
            let live = json!({"id": "12", "sender": "ann", "receiver": "bob", "receiverType": "user", "category": "message",
                "type": "text", "sentAt": 5, "data": {"text": "hi", "moderation": {"status": status}}});
            let line = message(&live, Vec::new(), &BTreeSet::new()).unwrap();
            assert_eq!(line["verdict"].as_str().and_then(Verdict::imported), verdict, "{status}");
        }
    }

    #[test]
    fn files_have_names_that_stay() {
        let name = file_name("https://a.example/x.PNG", Some("PNG"));
        assert!(crate::model::attachment::is_name(&name) && name.ends_with(".png"), "{name}");
        assert_eq!(name, file_name("https://a.example/x.PNG", Some("PNG")));
        assert_eq!(file_name("https://a.example/y", Some("not/one")).len(), 32);
    }
}

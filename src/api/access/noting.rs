//! What the audit log says of a change that an admin makes.
//!
//! Every change by an admin's session is noted, in the transaction that makes it: an operation that notes nothing by itself
//! is noted by its name, with what its path names. Secrets in paths (keys, tokens) and ids that are made of names are not.

use super::Parts;
use crate::api::openapi::operation_id;
use crate::model::caller::Caller;
use crate::store::admins::Admission;
use crate::store::audit::Note;

/// Names in paths that are of people, things and settings.
const NAMES: [&str; 13] = [
    "appId",
    "guid",
    "id",
    "loginId",
    "role",
    "ruleId",
    "keywordId",
    "scope",
    "sessionid",
    "slug",
    "stickerId",
    "uid",
    "webhookId",
];

/// Of a request that may change something.
pub fn of(admin: &Admission, caller: &Caller, parts: &Parts) -> Note {
    let named = parts.params.iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
    let mut named: Vec<&(String, String)> = named.collect();
    let of_path = named.iter().position(|(name, _)| name == "appId").map(|at| named.remove(at).1.to_ascii_lowercase());
    let app = if caller.app.id == 0 { of_path } else { Some(caller.app.app_id.to_string()) };
    // A person is what is acted upon wherever one is named, so that the log knows people by one column (see `Note::beside`).
    let at = named.iter().position(|(name, _)| name == "uid").or(named.len().checked_sub(1));
    let target = at.map(|at| named.remove(at).1.clone());
    let around = (!named.is_empty()).then(|| {
        let rest = named.into_iter().map(|(name, value)| (name.clone(), value.clone().into()));
        serde_json::Value::Object(rest.collect()).to_string()
    });
    Note::new(format!("admin {}", admin.name), format!("call.{}", operation_id(parts.operation)))
        .at(app, target)
        .beside(caller.person.then(|| caller.uid.to_string()))
        .with(around)
}

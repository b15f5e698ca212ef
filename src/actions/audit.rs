//! Noting what those do who run the server and its apps: in the write that does it, so that neither is without the other.

use serde::Serialize;

use crate::model::audit::{Act, Actor};
use crate::model::error::Result;
use crate::store::{Read, Write, audit};

/// The actor as the log shows them.
pub fn name(read: &Read<'_>, actor: &Actor) -> Result<String> {
    Ok(match actor {
        Actor::Cli => "cli".to_owned(),
        Actor::Server => "server".to_owned(),
        Actor::Admin(name) => format!("admin {name}"),
        Actor::Management(name) => format!("management {name}"),
        Actor::Key(id) => format!("key {}", audit::key_hint(read, *id)?.unwrap_or_default()),
    })
}

/// Notes an act on `target` in the app (its public id), or on the whole server.
pub fn note(tx: &Write<'_>, actor: &Actor, act: Act, app: Option<&str>, target: Option<&str>) -> Result<()> {
    audit::insert(tx, (&name(tx, actor)?, act.as_str()), app, target, None)
}

/// The same with counts or settings.
pub fn note_with(
    tx: &Write<'_>,
    actor: &Actor,
    act: Act,
    (app, target): (Option<&str>, Option<&str>),
    details: &impl Serialize,
) -> Result<()> {
    let details = serde_json::to_string(details).unwrap_or_default();
    audit::insert(tx, (&name(tx, actor)?, act.as_str()), app, target, Some(&details))
}

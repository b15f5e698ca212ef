//! Who read messages as an admin, and who is kept from logging in, in the audit log: one entry an hour, however often.

use crate::model::audit::{Act, Actor};
use crate::model::caller::App;
use crate::model::error::Result;
use crate::model::ids::Uid;
use crate::store::conversations::{self, Conv, Kind};
use crate::store::{Read, Write, admins, audit, groups, messages, users};

/// An hour, the span in which the same is noted once.
pub const HOUR: i64 = 3600;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// A conversation with this user.
    User(String),
    /// One of this group.
    Group(String),
    /// The conversation of a message.
    Message(i64),
    /// One by its conversationId.
    Conversation(String),
    /// What is of no one conversation.
    List,
}

/// A person as the log names them: who is not there any more by a digest.
fn person(read: &Read<'_>, app: &App, uid: &str) -> Result<String> {
    let known = Uid::from_path(uid).ok().map(|uid| users::any(read, app.id, &uid)).transpose()?.flatten();
    Ok(known.map_or_else(|| super::erasures::digest_of(&app.app_id, uid), |user| user.uid.to_string()))
}

type Entry = (Act, String, Option<String>);

fn of_conversation(read: &Read<'_>, conv: &Conv) -> Result<Entry> {
    Ok(match conv.kind {
        Kind::Group(id) => (Act::GroupRead, groups::by_id(read, id)?.guid.to_string(), None),
        Kind::Pair(one, other) => {
            let uid = |id| Ok::<_, crate::model::error::Error>(users::by_id(read, id)?.uid.to_string());
            pair(uid(one)?, uid(other)?)
        }
    })
}

/// The same whichever side it was read from.
fn pair(one: String, other: String) -> Entry {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    (Act::ConversationRead, first, Some(second))
}

/// Notes that the admin read it, on behalf of a user or as the app, unless that was noted in this hour. What is of no
/// conversation that is there is noted by the operation that shows it: no name in a request keeps an entry away.
pub fn note(
    tx: &mut Write<'_>,
    actor: &Actor,
    app: &App,
    (operation, seen): (&str, Seen),
    behalf: Option<&str>,
) -> Result<()> {
    let behalf = behalf.map(|uid| person(tx, app, uid)).transpose()?;
    // A message that went meanwhile, a name that stands for several conversations: what it was is not known any more.
    let conv = match &seen {
        Seen::Message(id) => messages::find(tx, app.id, *id).and_then(|row| conversations::by_id(tx, row.conv)).ok(),
        Seen::Conversation(name) => conversations::by_name(tx, app.id, name, None).ok().flatten(),
        _ => None,
    };
    let known = conv.and_then(|conv| of_conversation(tx, &conv).ok());
    let (act, target, other) = match (seen, known) {
        (_, Some(entry)) => entry,
        (Seen::User(uid), _) => match (person(tx, app, &uid)?, behalf) {
            (uid, Some(behalf)) => pair(uid, behalf),
            (uid, None) => (Act::ConversationRead, uid, None),
        },
        (Seen::Group(guid), _) => (Act::GroupRead, guid, None),
        (Seen::Message(_) | Seen::Conversation(_) | Seen::List, None) => (Act::ListRead, operation.to_owned(), behalf),
    };
    once_an_hour(tx, actor, act, Some(&app.app_id), (&target, other.as_deref()))
}

/// Notes that somebody tries out passwords of an admin; of a name that is no admin's nothing: people type passwords there.
pub fn locked(tx: &mut Write<'_>, name: &str) -> Result<()> {
    if admins::find(tx, name)?.is_none() {
        return Ok(());
    }
    log::warn!("the admin {name:?} cannot log in for a while: somebody tries out passwords");
    once_an_hour(tx, &Actor::Server, Act::AdminLocked, None, (name, None))
}

fn once_an_hour(
    tx: &mut Write<'_>,
    actor: &Actor,
    act: Act,
    app: Option<&str>,
    (target, other): (&str, Option<&str>),
) -> Result<()> {
    let (actor, since) = (super::audit::name(tx, actor)?, tx.now() - tx.now() % HOUR);
    if audit::is_noted(tx, (&actor, act.as_str()), app, (target, other), since)? {
        return Ok(());
    }
    audit::insert_of(tx, (&actor, act.as_str()), app, (Some(target), other), None)
}

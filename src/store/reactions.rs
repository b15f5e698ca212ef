//! Reactions to messages.

use std::collections::BTreeMap;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::rows::any_of;
use super::{Read, Write, users};
use crate::model::error::Result;
use crate::model::message::as_text;
use crate::model::page::Affix;
use crate::model::text;
use crate::model::user::User;

/// One user's reaction.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    #[serde(serialize_with = "as_text")]
    pub id: i64,
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    #[serde(serialize_with = "as_text")]
    pub message_id: i64,
    pub reaction: String,
    pub uid: String,
    pub reacted_at: i64,
    pub reacted_by: User,
}

/// The new reaction's id, and the form it is shown in: that of whoever reacted so first. `None` if the user reacted so
/// already. Reactions with the same key (`model::text::reaction_key`) are one.
pub fn insert(tx: &Write<'_>, message: i64, user: i64, key: &str, form: &str) -> Result<Option<(i64, String)>> {
    tx.first(
        "INSERT INTO reactions (message_id, user_id, key, reaction, reacted_at)
         VALUES (?1, ?2, ?3, coalesce((SELECT reaction FROM reactions WHERE message_id = ?1 AND key = ?3 LIMIT 1), ?4), ?5)
         ON CONFLICT DO NOTHING RETURNING id, reaction",
        params![message, user, key, form, tx.now()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The reaction that was taken back, if there was one: its id, its time and how it was shown.
pub fn delete(tx: &Write<'_>, message: i64, user: i64, key: &str) -> Result<Option<(i64, i64, String)>> {
    tx.first(
        "DELETE FROM reactions WHERE message_id = ?1 AND user_id = ?2 AND key = ?3 RETURNING id, reacted_at, reaction",
        params![message, user, key],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// How many different reactions a message has, not counting the one with this key.
pub fn others(read: &Read<'_>, message: i64, key: &str) -> Result<i64> {
    read.number("SELECT count(DISTINCT key) FROM reactions WHERE message_id = ?1 AND key <> ?2", params![message, key])
}

/// How many reactions to a message are looked at one by one when something happens to it. Beyond that nobody's are marked
/// as their own until they look again. Reading this many takes the writer less than a millisecond.
const MOST: usize = 1_000;

/// What those who hear of a message reacted to it: users.id, and the reactions as they are shown. In a group (groups.id)
/// its members.
pub fn by_listener(read: &Read<'_>, message: i64, group: Option<i64>) -> Result<BTreeMap<i64, Vec<String>>> {
    let found = read.all(
        "SELECT user_id, reaction FROM reactions
         WHERE message_id = ?1 AND user_id NOT IN (SELECT user_id FROM gone_users) AND (?2 IS NULL OR EXISTS
           (SELECT 1 FROM members WHERE members.group_id = ?2 AND members.user_id = reactions.user_id))
         LIMIT ?3",
        params![message, group, MOST as i64 + 1],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut of: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    if found.len() <= MOST {
        for (user, reaction) in found {
            of.entry(user).or_default().push(reaction);
        }
    }
    Ok(of)
}

/// The rules of the model in SQL, for steps of the schema.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("is_blank", 1, flags, |context| Ok(text::is_blank(context.get_raw(0).as_str()?)))?;
    connection.create_scalar_function("reaction_form", 1, flags, |context| {
        Ok(text::reaction_form(context.get_raw(0).as_str()?))
    })?;
    connection.create_scalar_function("reaction_key", 1, flags, |context| {
        Ok(text::reaction_key(context.get_raw(0).as_str()?))
    })
}

/// Which reactions a list is about.
pub struct Of {
    pub message: i64,
    /// Only the one with this key.
    pub key: Option<String>,
    /// Only of members of this group (groups.id) with one of these scopes; none named: of all.
    pub scopes: Option<(i64, Vec<String>)>,
}

/// The condition on the members who reacted.
macro_rules! by_scope {
    () => {
        " AND (?6 IS NULL OR EXISTS (SELECT 1 FROM members s WHERE s.group_id = ?5 AND s.user_id = reactions.user_id
                                                           AND s.scope IN (SELECT value FROM json_each(?6))))"
    };
}

/// A page of a message's reactions, oldest first: newer or older than the one with id `from`.
pub fn list(read: &Read<'_>, of: &Of, (affix, from): (Affix, Option<i64>), limit: i64) -> Result<Vec<Reaction>> {
    let (group, scopes) = of.scopes.as_ref().map_or((None, None), |(group, scopes)| (Some(group), any_of(scopes)));
    let sql = match affix {
        Affix::Append => {
            concat!(
                "SELECT id, reaction, user_id, reacted_at FROM reactions
                 WHERE message_id = ?1 AND user_id NOT IN (SELECT user_id FROM gone_users) AND (?2 IS NULL OR key = ?2) AND (?3 IS NULL OR id > ?3)",
                by_scope!(),
                " ORDER BY id LIMIT ?4"
            )
        }
        Affix::Prepend => {
            concat!(
                "SELECT id, reaction, user_id, reacted_at FROM reactions
                 WHERE message_id = ?1 AND user_id NOT IN (SELECT user_id FROM gone_users) AND (?2 IS NULL OR key = ?2) AND (?3 IS NULL OR id < ?3)",
                by_scope!(),
                " ORDER BY id DESC LIMIT ?4"
            )
        }
    };
    let mut rows: Vec<(i64, String, i64, i64)> =
        read.all(sql, params![of.message, of.key, from, limit, group, scopes], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    if affix == Affix::Prepend {
        rows.reverse();
    }
    rows.into_iter()
        .map(|(id, reaction, user, reacted_at)| {
            let reacted_by = users::by_id(read, user)?.entity();
            Ok(Reaction { id, message_id: of.message, reaction, uid: reacted_by.uid.clone(), reacted_at, reacted_by })
        })
        .collect()
}

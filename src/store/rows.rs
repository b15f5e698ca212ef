//! What several nouns share of rows: how a user is read, and texts for filters.

use std::borrow::Cow;
use std::collections::HashSet;
use std::convert::Infallible;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::presence;
use crate::model::user::{Status, User, stored};

/// The columns [`user`] reads, from a table named or aliased `u`.
macro_rules! columns {
    () => {
        "u.id, u.uid, u.name, u.avatar, u.link, u.role, u.metadata, u.status_message, u.tags,
         u.created_at, u.updated_at, u.last_active_at, u.deactivated_at, online(u.id)"
    };
}
pub(super) use columns;

/// How many columns `columns!` names: where a caller's own begin.
pub(super) const COLUMNS: usize = 14;

pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let id = row.get(0)?;
    Ok(User {
        id,
        uid: row.get(1)?,
        name: row.get(2)?,
        avatar: row.get(3)?,
        link: row.get(4)?,
        role: row.get(5)?,
        metadata: stored(row.get(6)?),
        status_message: row.get(7)?,
        tags: tags(row.get(8)?),
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        last_active_at: row.get::<_, Option<i64>>(11)?.filter(|_| !presence::is_hidden(id)),
        deactivated_at: row.get(12)?,
        status: if row.get(13)? { Status::Available } else { Status::Offline },
        ..User::default()
    })
}

/// A tags column.
pub(super) fn tags(text: Option<String>) -> Option<Vec<String>> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}

pub(super) fn tags_text(tags: &Option<Vec<String>>) -> Option<String> {
    tags.as_ref().and_then(|tags| serde_json::to_string(tags).ok())
}

/// A list of texts as JSON for `json_each`; `None` when there is nothing to filter by.
pub(super) fn any_of(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| serde_json::to_string(texts).unwrap_or_default())
}

/// The SQL function `any_tag(tags, asked)`: whether a tags column holds one of the tags asked for (a JSON list). The list
/// is read once for a statement, not once for each row.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("any_tag", 2, flags, |context| {
        let asked = context.get_or_create_aux(1, |value| -> rusqlite::Result<HashSet<String>, Infallible> {
            Ok(match value {
                ValueRef::Text(text) => serde_json::from_slice(text).unwrap_or_default(),
                _ => HashSet::new(),
            })
        })?;
        let tags: Vec<Cow<'_, str>> = match context.get_raw(0) {
            ValueRef::Text(text) => serde_json::from_slice(text).unwrap_or_default(),
            _ => Vec::new(),
        };
        Ok(tags.iter().any(|tag| asked.contains(tag.as_ref())))
    })
}

/// Ids as JSON for `json_each`.
pub(super) fn ids_text(ids: impl IntoIterator<Item = i64>) -> String {
    serde_json::to_string(&ids.into_iter().collect::<Vec<_>>()).unwrap_or_default()
}

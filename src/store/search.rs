//! The full-text index over messages, filled a while after them.
//!
//! Sending pays nothing for it: [`index`] runs in the low lane. What the index does not know is known: messages above
//! `search_state.indexed_id`, and those in `search_changes` (edited, deleted or gone since; triggers note them). A list
//! therefore asks in three parts, the index first and then those two sets themselves, and is complete at any moment.
//!
//! A question is of beginnings of words, and the index reads a long one dearly (see [`PREFIX`]). So the nearest messages
//! that fit its first letters are looked at first; only what they leave open is asked of the index in full.
//!
//! App, conversation, sender and thread are tokens of each message, so that a search within one of them is an
//! intersection inside the index and does not walk through the matches of everybody else. Such tokens begin with a
//! private-use character that folding never lets through, neither from a text nor from a question.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params};

use super::{Read, Write};
use crate::model::error::Result;
use crate::model::words::{Question, of_message};

const APP: char = '\u{E000}';
const CONVERSATION: char = '\u{E001}';
const SENDER: char = '\u{E002}';
const THREAD: char = '\u{E003}';

/// Messages put into the index by one write: about a millisecond of the writer's time.
pub const CHUNK: i64 = 100;

/// With more writes in a second than this, messages wait for the index until it is calmer: they are found without it, at
/// the cost of looking at them.
pub const BUSY: u64 = 1_000;

/// With more than this many messages waiting, the index is no longer what gives way.
pub const FAR_BEHIND: i64 = 100_000;

/// Conversations named in one expression.
const CONVERSATIONS: usize = if cfg!(test) { 2 } else { 200 };

/// The SQL function `found_in(data, question)`: whether a message holds what is asked for.
pub fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("found_in", 2, flags, |context| {
        let question =
            context.get_or_create_aux(1, |value| -> rusqlite::Result<Option<Question>, std::str::Utf8Error> {
                let text = match value {
                    rusqlite::types::ValueRef::Text(text) => std::str::from_utf8(text)?,
                    _ => "",
                };
                Ok(Question::parse(text))
            })?;
        let data = context.get_raw(0).as_str().unwrap_or("{}");
        Ok((*question).as_ref().is_some_and(|question| question.found_in(&of_message(data))))
    })
}

/// How many messages wait to be put into the index or looked at again. Where the newest messages are removed the index is
/// ahead of them, and what is to be looked at again waits all the same.
pub fn waiting(read: &Read<'_>) -> Result<i64> {
    read.number(
        "SELECT max(0, (SELECT coalesce(max(id), 0) FROM messages) - (SELECT indexed_id FROM search_state))
              + (SELECT count(*) FROM (SELECT 1 FROM search_changes LIMIT 1000))",
        [],
    )
}

struct Entry {
    id: i64,
    app: i64,
    conv: i64,
    sender: i64,
    parent: Option<i64>,
    data: String,
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        app: row.get(1)?,
        conv: row.get(2)?,
        sender: row.get(3)?,
        parent: row.get(4)?,
        data: row.get(5)?,
    })
}

/// Puts the next messages into the index, at most `most` of each kind; whether that was all.
pub fn index(tx: &mut Write<'_>, most: i64) -> Result<bool> {
    let upto = tx.number("SELECT indexed_id FROM search_state", [])?;
    let changed = tx.all("SELECT message_id FROM search_changes ORDER BY message_id LIMIT ?1", [most], |row| {
        row.get::<_, i64>(0)
    })?;
    for &id in &changed {
        if id <= upto {
            tx.run("DELETE FROM search WHERE rowid = ?1", [id])?;
            let now = tx.first(
                "SELECT id, app, conv_id, sender_id, parent_id, data FROM messages
                 WHERE id = ?1 AND deleted_at IS NULL AND category IN ('message','custom','interactive')",
                [id],
                entry,
            )?;
            if let Some(entry) = now {
                add(tx, &entry)?;
            }
        }
        tx.run("DELETE FROM search_changes WHERE message_id = ?1", [id])?;
    }
    let next = tx.all(
        "SELECT id, app, conv_id, sender_id, parent_id,
                CASE WHEN deleted_at IS NULL AND category IN ('message','custom','interactive') THEN data ELSE '{}' END
         FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2",
        [upto, most],
        entry,
    )?;
    if let Some(last) = next.last() {
        for entry in &next {
            add(tx, entry)?;
        }
        tx.run("UPDATE search_state SET indexed_id = ?1", [last.id])?;
    }
    Ok((changed.len() as i64) < most && (next.len() as i64) < most)
}

fn add(tx: &Write<'_>, entry: &Entry) -> Result<()> {
    let Entry { id, app, conv, sender, .. } = entry;
    let text = of_message(&entry.data);
    if text.is_empty() {
        return Ok(());
    }
    let mut words = format!("{APP}{app} {CONVERSATION}{conv} {SENDER}{sender} ");
    if let Some(parent) = entry.parent {
        words.push_str(&format!("{THREAD}{parent} "));
    }
    words.push_str(&text);
    tx.run("INSERT INTO search (rowid, words) VALUES (?1, ?2)", params![id, words])?;
    Ok(())
}

/// Where a search looks, in the index's terms.
pub enum Place<'a> {
    App(i64),
    Conversation(i64),
    Conversations(&'a [i64]),
    Thread(i64),
}

/// Beginnings of words up to this many characters have lists of their own in the index (`prefix` in schema.sql), which
/// are read only as far as they are needed. For longer ones the lists of all words that begin so are put together first,
/// whole: of a common word that takes many milliseconds.
pub const PREFIX: usize = 3;

/// How many messages that fit the widened question are looked at before that price is paid. A word common enough to be
/// dear is common enough to be met among them. In tests these are soon not enough.
pub const LOOKS: usize = if cfg!(test) { 3 } else { 200 };

/// So many that hold the words are looked at for somebody's own before each of their conversations is asked for itself: as
/// often as that is about worth.
pub fn looks_for(conversations: usize) -> usize {
    (10 * conversations).clamp(10 * LOOKS, 250 * LOOKS)
}

/// Ids of up to `most` indexed messages that fit the expression, the nearest to the edge of a list first.
pub fn nearest(read: &Read<'_>, expression: &str, newer: bool, edge: Option<i64>, most: usize) -> Result<Vec<i64>> {
    let sql = if newer {
        "SELECT s.rowid FROM search s WHERE s.words MATCH ?1 AND s.rowid > ?2
         AND NOT EXISTS (SELECT 1 FROM search_changes x WHERE x.message_id = s.rowid) ORDER BY s.rowid LIMIT ?3"
    } else {
        "SELECT s.rowid FROM search s WHERE s.words MATCH ?1 AND s.rowid < ?2
         AND NOT EXISTS (SELECT 1 FROM search_changes x WHERE x.message_id = s.rowid) ORDER BY s.rowid DESC LIMIT ?3"
    };
    let edge = edge.unwrap_or(if newer { 0 } else { i64::MAX });
    read.all(sql, params![expression, edge, most as i64], |row| row.get(0))
}

/// Of several words the one that fewest of these messages have, which fit all their first letters. Its list is the one to begin
/// with: the index would put the common one's together as well. `None`: there is one word alone, or none is rare.
pub fn rarest(read: &Read<'_>, question: &Question, near: &[i64]) -> Result<Option<Question>> {
    let (mut rarest, mut least) = (None, near.len() as i64 / 4);
    let parts: Vec<Question> = question.parts().collect();
    if parts.len() < 2 {
        return Ok(None);
    }
    let near = super::rows::ids_text(near.iter().copied());
    for part in parts {
        let many = read.number(
            "SELECT count(*) FROM json_each(?1) i CROSS JOIN messages m ON m.id = i.value WHERE found_in(m.data, ?2)",
            params![near, part.text()],
        )?;
        if many < least {
            (rarest, least) = (Some(part), many);
        }
    }
    Ok(rarest)
}

/// What to ask the index, where in it: one expression, or several whose answers together are the answer.
pub fn expressions(asked: &str, place: &Place<'_>, sender: Option<i64>) -> Vec<String> {
    let asked = match sender {
        Some(sender) => format!("{SENDER}{sender} AND {asked}"),
        None => asked.to_owned(),
    };
    match place {
        Place::App(id) => vec![format!("{APP}{id} AND {asked}")],
        Place::Conversation(id) => vec![format!("{CONVERSATION}{id} AND {asked}")],
        Place::Thread(id) => vec![format!("{THREAD}{id} AND {asked}")],
        Place::Conversations(ids) => ids
            .chunks(CONVERSATIONS)
            .map(|some| {
                let any: Vec<String> = some.iter().map(|id| format!("{CONVERSATION}{id}")).collect();
                format!("({}) AND {asked}", any.join(" OR "))
            })
            .collect(),
    }
}

//! Messages: one row each, written, changed, found. Lists of them are in `history`, how they are shown in `render`.

use rusqlite::{Row as SqlRow, params};

use super::conversations::{self, Conv};
use super::purge::there;
use super::rows::{tags, tags_text};
use super::sight::not_hidden;
use super::{Read, Write, clock, mentions, purge, sight, threads};
use crate::model::error::{Code, Error, Result};
use crate::model::flags;
use crate::model::message::Category;

/// A message as stored.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub id: i64,
    pub conv: i64,
    pub sender: i64,
    pub category: Category,
    pub kind: String,
    pub data: String,
    pub subject: Option<i64>,
    pub sent_at: i64,
    pub updated_at: i64,
    pub edited_at: Option<i64>,
    pub edited_by: Option<String>,
    pub deleted_at: Option<i64>,
    pub deleted_by: Option<String>,
    pub parent: Option<i64>,
    pub quoted: Option<i64>,
    pub reply_count: i64,
    pub last_reply_at: Option<i64>,
    pub tags: Option<Vec<String>>,
    pub resource: Option<String>,
    pub muid: Option<String>,
    pub seq: i64,
    pub pinned_at: Option<i64>,
    pub pinned_by: Option<String>,
    /// What it holds; see `model::flags`.
    pub flags: i64,
}

impl Row {
    /// Whether it is there for all who are in the conversation.
    pub fn is_seen_by_all(&self) -> bool {
        self.deleted_at.is_none() && self.flags & flags::DISAPPROVED == 0
    }
}

macro_rules! columns {
    () => {
        "m.id, m.conv_id, m.sender_id, m.category, m.type, m.data, m.subject_id, m.sent_at, m.updated_at, m.edited_at,
         m.edited_by, m.deleted_at, m.deleted_by, m.parent_id, m.quoted_id, m.reply_count, m.tags, m.resource, m.muid,
         m.seq, m.pinned_at, m.pinned_by, m.last_reply_at, m.flags"
    };
}
pub(super) use columns;

pub(super) fn row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let category: String = row.get(3)?;
    Ok(Row {
        id: row.get(0)?,
        conv: row.get(1)?,
        sender: row.get(2)?,
        category: Category::parse(&category).unwrap_or(Category::Message),
        kind: row.get(4)?,
        data: row.get(5)?,
        subject: row.get(6)?,
        sent_at: row.get(7)?,
        updated_at: row.get(8)?,
        edited_at: row.get(9)?,
        edited_by: row.get(10)?,
        deleted_at: row.get(11)?,
        deleted_by: row.get(12)?,
        parent: row.get(13)?,
        quoted: row.get(14)?,
        reply_count: row.get(15)?,
        tags: tags(row.get(16)?),
        resource: row.get(17)?,
        muid: row.get(18)?,
        seq: row.get(19)?,
        pinned_at: row.get(20)?,
        pinned_by: row.get(21)?,
        last_reply_at: row.get(22)?,
        flags: row.get(23)?,
    })
}

/// A message about to be stored in `conv`.
#[derive(Default)]
pub struct New<'a> {
    pub sender: i64,
    pub category: Category,
    pub kind: &'a str,
    /// JSON object text.
    pub data: String,
    pub subject: Option<i64>,
    pub parent: Option<i64>,
    pub quoted: Option<i64>,
    pub tags: Option<Vec<String>>,
    pub resource: Option<&'a str>,
    pub muid: Option<String>,
    /// Users (users.id) who are named in it; see `mentions`.
    pub mentions: Vec<i64>,
    /// Bits beside those of what it holds.
    pub flags: i64,
}

/// Stores a message; `None` if its sender has sent one with this muid to the same conversation before.
pub fn insert(tx: &Write<'_>, app: i64, conv: &Conv, new: New<'_>) -> Result<Option<Row>> {
    let seq = conv.total + i64::from(new.category.counts());
    let flags = flags_of(new.category, new.kind, &new.data, &new.mentions) | new.flags;
    let inserted = tx.run(
        "INSERT INTO messages (app, conv_id, sender_id, category, type, data, subject_id, sent_at, updated_at, parent_id,
                               quoted_id, tags, resource, muid, seq, flags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (sender_id, muid, conv_id) WHERE muid IS NOT NULL DO NOTHING",
        params![
            app,
            conv.id,
            new.sender,
            new.category.as_str(),
            new.kind,
            new.data,
            new.subject,
            tx.now(),
            new.parent,
            new.quoted,
            tags_text(&new.tags),
            new.resource,
            new.muid,
            seq,
            flags
        ],
    )?;
    if inserted == 0 {
        return Ok(None);
    }
    let id = tx.connection.last_insert_rowid();
    if tx.dated {
        clock::unordered(tx, id)?;
    }
    if !new.mentions.is_empty() {
        mentions::set(tx, conv.id, id, &new.mentions)?;
    }
    let row = Row {
        id,
        conv: conv.id,
        sender: new.sender,
        category: new.category,
        kind: new.kind.to_owned(),
        data: new.data,
        subject: new.subject,
        sent_at: tx.now(),
        updated_at: tx.now(),
        edited_at: None,
        edited_by: None,
        deleted_at: None,
        deleted_by: None,
        parent: new.parent,
        quoted: new.quoted,
        reply_count: 0,
        last_reply_at: None,
        tags: new.tags,
        resource: new.resource.map(str::to_owned),
        muid: new.muid,
        seq,
        pinned_at: None,
        pinned_by: None,
        flags,
    };
    if !row.is_seen_by_all() {
        leave_hole(tx, &row)?;
    }
    Ok(Some(row))
}

/// The next message id, for a message that is announced but not stored (an edit, a deletion), or is none of any
/// conversation.
pub fn spend_id(tx: &Write<'_>) -> Result<i64> {
    let id = tx.first("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'messages' RETURNING seq", [], |row| {
        row.get(0)
    })?;
    match id {
        Some(id) => Ok(id),
        None => tx.insert("INSERT INTO sqlite_sequence (name, seq) VALUES ('messages', 1)", []).map(|_| 1),
    }
}

pub fn unknown(id: i64) -> Error {
    Error::new(Code::MessageNotFound, format!("The message id {id} does not exist."))
}

pub fn find(read: &Read<'_>, app: i64, id: i64) -> Result<Row> {
    read.first(
        concat!("SELECT ", columns!(), " FROM messages m WHERE m.id = ?1 AND m.app = ?2 AND ", there!()),
        [id, app],
        row,
    )?
    .ok_or_else(|| unknown(id))
}

/// The message with this muid that its sender sent to the conversation: what a retry means.
pub fn by_muid(read: &Read<'_>, sender: i64, muid: &str, conv: i64) -> Result<Option<Row>> {
    read.first(
        concat!(
            "SELECT ",
            columns!(),
            " FROM messages m WHERE m.sender_id = ?1 AND m.muid = ?2 AND m.conv_id = ?3 AND ",
            there!()
        ),
        params![sender, muid, conv],
        row,
    )
}

/// All messages that their sender gave this muid, one a conversation, the newest first.
pub fn of_muid(read: &Read<'_>, sender: i64, muid: &str) -> Result<Vec<Row>> {
    read.all(
        concat!(
            "SELECT ",
            columns!(),
            " FROM messages m WHERE m.sender_id = ?1 AND m.muid = ?2 AND ",
            there!(),
            " ORDER BY m.id DESC"
        ),
        params![sender, muid],
        row,
    )
}

/// The message, if the viewer sees it (`None`: the app).
pub fn accessible(read: &Read<'_>, app: i64, id: i64, viewer: Option<i64>) -> Result<Row> {
    let found = find(read, app, id)?;
    match sight::sees(read, viewer.into(), &found)? {
        true => Ok(found),
        false => Err(Code::MessageNoAccess.into()),
    }
}

/// What a message holds, as bits.
fn flags_of(category: Category, kind: &str, data: &str, mentions: &[i64]) -> i64 {
    flags::of_message(category, kind, data) | if mentions.is_empty() { 0 } else { flags::MENTION }
}

/// What a message becomes by an edit.
pub struct Edited {
    /// JSON object text.
    pub data: String,
    /// `None`: as they were.
    pub tags: Option<Vec<String>>,
    pub mentions: Vec<i64>,
}

pub fn edit(tx: &Write<'_>, message: &Row, edited: &Edited, by: &str) -> Result<()> {
    let flags = flags_of(message.category, &message.kind, &edited.data, &edited.mentions);
    tx.run(
        "UPDATE messages SET data = ?2, tags = coalesce(?3, tags), edited_at = ?4, edited_by = ?5, updated_at = ?4,
                             flags = flags & ?7 | ?6 WHERE id = ?1",
        params![message.id, edited.data, tags_text(&edited.tags), tx.now(), by, flags, flags::KEPT],
    )?;
    if (message.flags | flags) & flags::MENTION != 0 {
        mentions::set(tx, message.conv, message.id, &edited.mentions)?;
    }
    Ok(())
}

/// Gives the message other data that says nothing else than before: that is no edit of anybody's.
pub fn amend(tx: &Write<'_>, message: i64, data: &str) -> Result<()> {
    tx.run("UPDATE messages SET data = ?2, updated_at = ?3 WHERE id = ?1", params![message, data, tx.now()])?;
    Ok(())
}

/// Empties the message; its shell stays for those who saw it.
pub fn mark_deleted(tx: &Write<'_>, message: &Row, by: &str) -> Result<()> {
    // What was hidden leaves no trace for those it was hidden from.
    tx.run(
        "UPDATE messages SET data = '{}', tags = NULL, flags = flags & ?4, pinned_at = NULL, pinned_by = NULL,
                             deleted_at = ?2, deleted_by = ?3, updated_at = ?2 WHERE id = ?1",
        params![message.id, tx.now(), by, flags::DISAPPROVED],
    )?;
    tx.run("DELETE FROM reactions WHERE message_id = ?1", [message.id])?;
    tx.run("DELETE FROM saved_messages WHERE message_id = ?1", [message.id])?;
    tx.run("DELETE FROM mentions WHERE message_id = ?1", [message.id])?;
    tx.run("DELETE FROM attachment_uses WHERE message_id = ?1", [message.id])?;
    tx.run("DELETE FROM polls WHERE message_id = ?1", [message.id])?;
    if let Some(parent) = message.parent.filter(|_| message.is_seen_by_all()) {
        threads::lose_reply(tx, parent)?;
    }
    leave_hole(tx, message)
}

/// Removes a message for good that was marked as deleted. Replies to it stay, as ordinary messages.
pub fn erase(tx: &Write<'_>, message: &Row) -> Result<()> {
    leave_hole(tx, message)?;
    tx.run("DELETE FROM messages WHERE id = ?1", [message.id])?;
    if let Some(parent) = message.parent {
        threads::forget_reply(tx, parent)?;
    }
    purge::parent(tx, message.id)?;
    conversations::refresh_last(tx, message.conv)
}

/// A deleted message is not unread any more for those who had not read it.
pub(super) fn leave_hole(tx: &Write<'_>, message: &Row) -> Result<()> {
    if message.category.counts() {
        tx.run(
            "INSERT OR IGNORE INTO holes (conv_id, seq, sender_id) VALUES (?1, ?2, ?3)",
            [message.conv, message.seq, message.sender],
        )?;
    }
    Ok(())
}

/// A message that is there again is unread again for those who had not read it.
pub(super) fn fill_hole(tx: &Write<'_>, message: &Row) -> Result<()> {
    tx.run("DELETE FROM holes WHERE conv_id = ?1 AND seq = ?2", [message.conv, message.seq])?;
    Ok(())
}

/// The newest message at or before `id` in the conversation, of those that are not hidden from the viewer (`None`: of all): its
/// id and the conversation's count at it.
pub fn at_or_before(read: &Read<'_>, conv: i64, id: i64, viewer: Option<i64>) -> Result<Option<(i64, i64)>> {
    read.first(
        concat!(
            "SELECT id, seq FROM messages m WHERE conv_id = ?1 AND id <= ?2 AND (?3 IS NULL OR ",
            not_hidden!("m", "?3"),
            ") ORDER BY id DESC LIMIT 1"
        ),
        params![conv, id, viewer],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The newest message of somebody else than `user`.
pub fn newest_of_others(read: &Read<'_>, conv: i64, user: i64) -> Result<Option<i64>> {
    read.first(
        "SELECT id FROM messages WHERE conv_id = ?1 AND sender_id <> ?2 ORDER BY id DESC LIMIT 1",
        [conv, user],
        |row| row.get(0),
    )
}

/// The newest message of one author after `after` and up to `upto` that is not hidden, looking at no more than `most` messages.
pub fn newest_of(read: &Read<'_>, conv: i64, author: i64, (after, upto): (i64, i64), most: i64) -> Result<Option<i64>> {
    read.first(
        "SELECT id FROM (SELECT sender_id, id FROM messages WHERE conv_id = ?1 AND id > ?3 AND id <= ?4 AND flags & 512 = 0
                         ORDER BY id DESC LIMIT ?5)
         WHERE sender_id = ?2 ORDER BY id DESC LIMIT 1",
        [conv, author, after, upto, most],
        |row| row.get(0),
    )
}

/// How far a reader has come who has read up to `upto`, if nothing of others but replies in threads follows: they are
/// behind the reader as well, up to what is hidden from them, which may still come. The id, and the conversation's count at it;
/// looks at no more than `most` messages.
pub fn past_replies(read: &Read<'_>, conv: i64, reader: i64, upto: i64, most: i64) -> Result<Option<(i64, i64)>> {
    let next = read.all(
        "SELECT id, seq, parent_id IS NULL AND sender_id <> ?2 AND category IN ('message','custom','interactive')
                         AND deleted_at IS NULL AND flags & 512 = 0, flags & 512 <> 0 AND sender_id <> ?2
         FROM messages WHERE conv_id = ?1 AND id > ?3 ORDER BY id LIMIT ?4",
        [conv, reader, upto, most],
        |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, bool>(2)?, row.get::<_, bool>(3)?)),
    )?;
    // Who reads on from the middle has not come to the replies.
    match next.iter().any(|(_, waits, _)| *waits) {
        true => Ok(None),
        false => Ok(next.iter().take_while(|(.., hidden)| !hidden).last().map(|(at, ..)| *at)),
    }
}

/// The newest message of each author between two points that is not hidden, newest first, looking at no more than `most` messages.
pub fn authors_between(read: &Read<'_>, conv: i64, after: i64, upto: i64, most: i64) -> Result<Vec<(i64, i64)>> {
    read.all(
        "SELECT sender_id, max(id) FROM (SELECT sender_id, id FROM messages
                                         WHERE conv_id = ?1 AND id > ?2 AND id <= ?3 AND flags & 512 = 0
                                         ORDER BY id DESC LIMIT ?4)
         GROUP BY sender_id ORDER BY 2",
        [conv, after, upto, most],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

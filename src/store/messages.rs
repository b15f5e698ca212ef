//! Messages: writing one, and turning rows into what the contract shows.
//!
//! Rows hold what was said; who said it, reactions and receipts are put in from current rows, a few statements a page.

use std::collections::{HashMap, HashSet};

use rusqlite::{Row as SqlRow, ToSql, params};

use super::conversations::{self, Conv};
use super::gone::there;
use super::receipts::{self, Marks};
use super::rows::{any_of, ids_text, tags, tags_text};
use super::{Read, Write, calls, gone, groups, interactions, mentions, pins, search, threads, users};
use crate::model::call::{CallEntity, CallStatus};
use crate::model::error::{Code, Error, Result};
use crate::model::flags;
use crate::model::group::Group;
use crate::model::json::Object;
use crate::model::message::{
    Category, Data, Entities, Message, Party, ReactionCount, Receipt, Receipts, ReceiverType, Subject,
};
use crate::model::moderation::Verdict;
use crate::model::page::Affix;
use crate::model::user::User;
use crate::model::words::Question;

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
    /// Whether a review has hidden it from this user; its sender and the app (`None`) see it still.
    pub fn is_hidden_from(&self, viewer: Option<i64>) -> bool {
        self.flags & flags::DISAPPROVED != 0 && viewer.is_some_and(|viewer| viewer != self.sender)
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
}

/// Stores a message; `None` if its sender has sent one with this muid before.
pub fn insert(tx: &Write<'_>, app: i64, conv: &Conv, new: New<'_>) -> Result<Option<Row>> {
    let seq = conv.total + i64::from(new.category.counts());
    let flags = flags_of(new.category, new.kind, &new.data, &new.mentions);
    let inserted = tx.run(
        "INSERT INTO messages (app, conv_id, sender_id, category, type, data, subject_id, sent_at, updated_at, parent_id,
                               quoted_id, tags, resource, muid, seq, flags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (sender_id, muid) WHERE muid IS NOT NULL DO NOTHING",
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
        if gone::free_muid(tx, new.sender, new.muid.as_deref())? {
            return insert(tx, app, conv, new);
        }
        return Ok(None);
    }
    let id = tx.connection.last_insert_rowid();
    if !new.mentions.is_empty() {
        mentions::set(tx, conv.id, id, &new.mentions)?;
    }
    Ok(Some(Row {
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
    }))
}

/// The next message id, for a message that is announced but not stored (an edit, a deletion).
pub fn spend_id(tx: &Write<'_>) -> Result<i64> {
    let id = tx.first("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'messages' RETURNING seq", [], |row| {
        row.get(0)
    })?;
    id.ok_or_else(|| Error::internal("messages", "no message was ever stored"))
}

fn unknown(id: i64) -> Error {
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

pub fn by_muid(read: &Read<'_>, sender: i64, muid: &str) -> Result<Option<Row>> {
    read.first(
        concat!("SELECT ", columns!(), " FROM messages m WHERE m.sender_id = ?1 AND m.muid = ?2 AND ", there!()),
        params![sender, muid],
        row,
    )
}

/// The message, if the viewer has a part in its conversation (`None`: the app, which sees all).
pub fn accessible(read: &Read<'_>, app: i64, id: i64, viewer: Option<i64>) -> Result<Row> {
    let found = find(read, app, id)?;
    if let Some(viewer) = viewer {
        let copy = conversations::copy_of(read, found.conv, viewer)?;
        if copy.is_none_or(|copy| copy.hidden_id >= id) || found.is_hidden_from(Some(viewer)) {
            return Err(Code::MessageNoAccess.into());
        }
    }
    Ok(found)
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

/// Empties the message; its shell stays.
pub fn mark_deleted(tx: &Write<'_>, message: &Row, by: &str) -> Result<()> {
    tx.run(
        "UPDATE messages SET data = '{}', tags = NULL, flags = 0, pinned_at = NULL, pinned_by = NULL, deleted_at = ?2,
                             deleted_by = ?3, updated_at = ?2 WHERE id = ?1",
        params![message.id, tx.now(), by],
    )?;
    tx.run("DELETE FROM reactions WHERE message_id = ?1", [message.id])?;
    tx.run("DELETE FROM saved_messages WHERE message_id = ?1", [message.id])?;
    tx.run("DELETE FROM mentions WHERE message_id = ?1", [message.id])?;
    tx.run("DELETE FROM attachment_uses WHERE message_id = ?1", [message.id])?;
    leave_hole(tx, message)
}

/// Removes the message for good.
pub fn erase(tx: &Write<'_>, message: &Row) -> Result<()> {
    leave_hole(tx, message)?;
    tx.run("DELETE FROM messages WHERE id = ?1", [message.id])?;
    if let Some(parent) = message.parent {
        tx.run(
            "UPDATE messages SET reply_count = max(reply_count - 1, 0),
                    last_reply_at = (SELECT r.sent_at FROM messages r WHERE r.parent_id = ?1 ORDER BY r.id DESC LIMIT 1)
             WHERE id = ?1",
            [parent],
        )?;
    }
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

/// The newest message at or before `id` in the conversation: its id and the conversation's count at it.
pub fn at_or_before(read: &Read<'_>, conv: i64, id: i64) -> Result<Option<(i64, i64)>> {
    read.first(
        "SELECT id, seq FROM messages WHERE conv_id = ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1",
        [conv, id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// How many messages of others that count stand after message `after`.
pub fn count_after(read: &Read<'_>, conv: i64, user: i64, after: i64) -> Result<i64> {
    read.number(
        "SELECT count(*) FROM messages WHERE conv_id = ?1 AND id > ?3 AND sender_id <> ?2 AND deleted_at IS NULL
         AND category IN ('message','custom','interactive') AND flags & 512 = 0",
        [conv, user, after],
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

/// The newest message of each author between two points, newest first, looking at no more than `most` messages.
pub fn authors_between(read: &Read<'_>, conv: i64, after: i64, upto: i64, most: i64) -> Result<Vec<(i64, i64)>> {
    read.all(
        "SELECT sender_id, max(id) FROM (SELECT sender_id, id FROM messages WHERE conv_id = ?1 AND id > ?2 AND id <= ?3
                                         ORDER BY id DESC LIMIT ?4)
         GROUP BY sender_id ORDER BY 2",
        [conv, after, upto, most],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Which messages a list is about.
#[derive(Clone, Copy, Debug)]
pub enum Within {
    /// One conversation, of which the viewer does not see what he deleted (up to this id).
    Conversation { conv: i64, hidden_id: i64 },
    /// All conversations of a user.
    User(i64),
    /// The whole app.
    App,
    /// The replies to a message.
    Thread(i64),
}

/// What a list of messages may be narrowed by, and where it starts.
#[derive(Clone, Debug)]
pub struct Filter {
    pub affix: Affix,
    pub id: Option<i64>,
    pub sent_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub limit: i64,
    pub categories: Vec<String>,
    pub types: Vec<String>,
    /// Types that messages of the category `message` are limited to; others are not.
    pub message_types: Vec<String>,
    pub tags: Vec<String>,
    pub receiver_type: Option<ReceiverType>,
    pub sender: Option<i64>,
    pub search: Option<String>,
    pub hide_deleted: bool,
    pub only_deleted: bool,
    pub hide_replies: bool,
    pub hide_quoted: bool,
    pub only_updates: bool,
    /// Messages the viewer has not read / not got.
    pub unread: bool,
    pub undelivered: bool,
    pub hide_blocked: bool,
    pub has_attachments: bool,
    /// Bits of the types asked for (`model::flags`); 0: any.
    pub attachment_types: i64,
    pub has_links: bool,
    pub has_reactions: bool,
    pub has_mentions: bool,
    /// Naming one of these users (users.id, or `mentions::EVERYBODY`); none: any.
    pub mentioned: Vec<i64>,
    /// Pinned for everybody; saved by the viewer.
    pub pinned: bool,
    pub saved: bool,
    /// Of a thread: with the message it hangs on.
    pub with_parent: bool,
    /// Interactive messages that are done for the viewer.
    pub goal_met: bool,
    pub viewer: Option<i64>,
}

impl Filter {
    /// Pinned and saved messages go by when that was, not by id.
    pub fn is_kept(&self) -> bool {
        (self.pinned || self.saved) && self.search.is_none()
    }

    pub fn new(affix: Affix, limit: i64) -> Self {
        Filter {
            affix,
            id: None,
            sent_at: None,
            updated_at: None,
            from: None,
            to: None,
            limit,
            categories: Vec::new(),
            types: Vec::new(),
            message_types: Vec::new(),
            tags: Vec::new(),
            receiver_type: None,
            sender: None,
            search: None,
            hide_deleted: false,
            only_deleted: false,
            hide_replies: false,
            hide_quoted: false,
            only_updates: false,
            unread: false,
            undelivered: false,
            hide_blocked: false,
            has_attachments: false,
            attachment_types: 0,
            has_links: false,
            has_reactions: false,
            has_mentions: false,
            mentioned: Vec::new(),
            pinned: false,
            saved: false,
            with_parent: false,
            goal_met: false,
            viewer: None,
        }
    }
}

/// A statement that grows by the conditions that were asked for; values are always bound.
struct Query<'v> {
    sql: String,
    values: Vec<Box<dyn ToSql + 'v>>,
}

impl<'v> Query<'v> {
    fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// `condition` holds `?` where the value goes.
    fn and_value(&mut self, condition: &str, value: impl ToSql + 'v) {
        self.values.push(Box::new(value));
        self.and(&condition.replace('?', &format!("?{}", self.values.len())));
    }

    /// A point to come [`Query::back_to`].
    fn mark(&self) -> (usize, usize) {
        (self.sql.len(), self.values.len())
    }

    fn back_to(&mut self, mark: &(usize, usize)) {
        self.sql.truncate(mark.0);
        self.values.truncate(mark.1);
    }

    /// The rows `from` that meet the conditions, in the direction of the list by `id`, as many as it shows.
    fn run(&self, read: &Read<'_>, from: &str, id: &str, filter: &Filter) -> Result<Vec<Row>> {
        let order = if filter.affix == Affix::Append { "" } else { " DESC" };
        let (conditions, limit) = (&self.sql, filter.limit);
        let sql = format!(
            concat!("SELECT ", columns!(), " FROM {} WHERE 1{} ORDER BY {}{} LIMIT {}"),
            from, conditions, id, order, limit
        );
        let values: Vec<&dyn ToSql> = self.values.iter().map(|value| &**value).collect();
        read.all(&sql, values.as_slice(), row)
    }
}

/// Messages of a list, oldest first; the edge nearest to the cursor is kept. Pinned and saved ones go by when that was.
pub fn list(read: &Read<'_>, app: i64, within: Within, filter: &Filter) -> Result<Vec<Row>> {
    let kept = filter.is_kept();
    // Where nothing else leads to the messages of a user, each of his conversations is asked for itself.
    let everywhere = match within {
        Within::User(user) if !kept && filter.search.is_none() => Some(user),
        _ => None,
    };
    let query = conditions(read, app, within, filter, everywhere.is_some())?;
    let mut rows = match (filter.search.as_deref(), everywhere) {
        (Some(search), _) => find_words(read, app, within, filter, search, query)?,
        (None, Some(user)) => find_everywhere(read, user, filter, query)?,
        (None, None) if kept => return find_kept(read, filter, query),
        (None, None) => query.run(read, "messages m", "m.id", filter)?,
    };
    if filter.affix == Affix::Prepend {
        rows.reverse();
    }
    Ok(rows)
}

/// How many messages a list without a search has in all.
pub fn count(read: &Read<'_>, app: i64, within: Within, filter: &Filter) -> Result<i64> {
    let query = conditions(read, app, within, filter, false)?;
    let values: Vec<&dyn ToSql> = query.values.iter().map(|value| &**value).collect();
    read.number(&format!("SELECT count(*) FROM messages m WHERE 1{}", query.sql), values.as_slice())
}

/// What a message must meet to be in the list. With `everywhere` whoever asks sees to the conversations himself.
fn conditions<'f>(
    read: &Read<'_>,
    app: i64,
    within: Within,
    filter: &'f Filter,
    everywhere: bool,
) -> Result<Query<'f>> {
    let mut query = Query { sql: String::new(), values: Vec::new() };
    match within {
        Within::Conversation { conv, hidden_id } => {
            query.and_value("m.conv_id = ?", conv);
            if hidden_id > 0 {
                query.and_value("m.id > ?", hidden_id);
            }
        }
        Within::User(_) if everywhere => {}
        Within::User(user) => query.and_value(
            "EXISTS (SELECT 1 FROM participants p WHERE p.user_id = ? AND p.conv_id = m.conv_id AND p.hidden_id < m.id)",
            user,
        ),
        Within::App => query.and_value("m.app = ?", app),
        Within::Thread(parent) if filter.with_parent => query.and_value("(m.parent_id = ? OR m.id = ?)", parent),
        Within::Thread(parent) => query.and_value("m.parent_id = ?", parent),
    }
    let newer = filter.affix == Affix::Append;
    if filter.only_updates {
        // Not by comparing times: an edit may fall into the second of the sending.
        query.and("(m.edited_at IS NOT NULL OR m.deleted_at IS NOT NULL)");
        if let Some(at) = filter.updated_at {
            query.and_value(if newer { "m.updated_at >= ?" } else { "m.updated_at < ?" }, at);
        }
    }
    match (filter.id, filter.updated_at, filter.sent_at) {
        _ if filter.is_kept() => {}
        // The id decides alone: a time beside it would lose other messages of that second.
        (Some(id), _, _) => query.and_value(if newer { "m.id > ?" } else { "m.id < ?" }, id),
        (None, Some(at), _) if !filter.only_updates => {
            query.and_value(if newer { "m.updated_at > ?" } else { "m.updated_at < ?" }, at)
        }
        (None, _, Some(at)) => query.and_value(if newer { "m.sent_at > ?" } else { "m.sent_at < ?" }, at),
        (None, _, None) => {}
    }
    if let Some(from) = filter.from {
        query.and_value("m.sent_at >= ?", from);
    }
    if let Some(to) = filter.to {
        query.and_value("m.sent_at <= ?", to);
    }
    for (condition, list) in [
        ("m.category IN (SELECT value FROM json_each(?))", &filter.categories),
        ("m.type IN (SELECT value FROM json_each(?))", &filter.types),
        ("(m.category <> 'message' OR m.type IN (SELECT value FROM json_each(?)))", &filter.message_types),
        ("EXISTS (SELECT 1 FROM json_each(m.tags) t JOIN json_each(?) w ON t.value = w.value)", &filter.tags),
    ] {
        if let Some(list) = any_of(list) {
            query.and_value(condition, list);
        }
    }
    if gone::any(read)? {
        query.and(there!());
    }
    if let Some(kind) = filter.receiver_type {
        query.and_value(
            "EXISTS (SELECT 1 FROM conversations c WHERE c.id = m.conv_id AND (c.group_id IS NOT NULL) = ?)",
            kind == ReceiverType::Group,
        );
    }
    if let Some(sender) = filter.sender {
        query.and_value("m.sender_id = ?", sender);
    }
    for (asked, condition) in [
        (filter.hide_deleted, "m.deleted_at IS NULL"),
        (filter.only_deleted, "m.deleted_at IS NOT NULL"),
        (filter.hide_replies, "m.parent_id IS NULL"),
        (filter.hide_quoted, "m.quoted_id IS NULL"),
        (filter.has_attachments || filter.attachment_types != 0, "m.flags <> 0 AND m.flags & 2"),
        (filter.has_links, "m.flags <> 0 AND m.flags & 1"),
        (filter.has_reactions, "m.flags <> 0 AND m.flags & 64"),
        (filter.has_mentions || !filter.mentioned.is_empty(), "m.flags <> 0 AND m.flags & 128"),
        (filter.pinned, "m.pinned_at IS NOT NULL"),
    ] {
        if asked {
            query.and(condition);
        }
    }
    if let Some(viewer) = filter.viewer {
        query.and_value("(m.flags & 512 = 0 OR m.sender_id = ?)", viewer);
        if filter.unread {
            query.and_value(
                "m.sender_id <> ? AND m.category IN ('message','custom','interactive') AND m.deleted_at IS NULL",
                viewer,
            );
            query.and_value(
                "m.id > (SELECT p.read_id FROM participants p WHERE p.user_id = ? AND p.conv_id = m.conv_id)",
                viewer,
            );
        }
        if filter.undelivered {
            query.and_value("m.sender_id <> ?", viewer);
            query.and_value(
                "m.id > (SELECT p.delivered_id FROM participants p WHERE p.user_id = ? AND p.conv_id = m.conv_id)",
                viewer,
            );
        }
        if filter.goal_met {
            query.and_value("EXISTS (SELECT 1 FROM goals_met g WHERE g.user_id = ? AND g.message_id = m.id)", viewer);
        }
        if filter.hide_blocked {
            query.and_value(
                "NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = ? AND b.blocked_id = m.sender_id)",
                viewer,
            );
        }
    }
    if !filter.mentioned.is_empty() {
        query.and_value(
            "EXISTS (SELECT 1 FROM mentions x WHERE x.user_id IN (SELECT value FROM json_each(?))
                     AND x.conv_id = m.conv_id AND x.message_id = m.id)",
            ids_text(filter.mentioned.iter().copied()),
        );
    }
    if filter.attachment_types != 0 {
        query.and_value("m.flags & ?", filter.attachment_types);
    }
    Ok(query)
}

/// The messages of all conversations of a user, in the order of the list. Each conversation gives its nearest ones by
/// index, and once there are enough, only those nearer than the farthest: most are then asked for nothing. So it costs
/// what the user's own conversations cost, whatever others say elsewhere.
fn find_everywhere(read: &Read<'_>, user: i64, filter: &Filter, mut query: Query<'_>) -> Result<Vec<Row>> {
    let newer = filter.affix == Affix::Append;
    let own = filter.viewer == Some(user);
    let after = filter.id.filter(|_| newer).unwrap_or(0);
    // Of each conversation: what comes before which it need not be looked at, and its newest message.
    let places: Vec<(i64, i64, i64)> = read.all(
        "SELECT conv_id, floor, last_id FROM (
             SELECT p.conv_id, c.last_id, max(?2, p.hidden_id, CASE WHEN ?3 THEN p.read_id ELSE 0 END,
                                              CASE WHEN ?4 THEN p.delivered_id ELSE 0 END) AS floor
             FROM participants p CROSS JOIN conversations c ON c.id = p.conv_id
             WHERE p.user_id = ?1 AND (?5 IS NULL OR (c.group_id IS NOT NULL) = ?5)
               AND p.conv_id NOT IN (SELECT conv_id FROM gone_conversations))
         WHERE last_id > floor ORDER BY CASE WHEN ?6 THEN conv_id ELSE -last_id END",
        params![
            user,
            after,
            own && filter.unread,
            own && filter.undelivered,
            filter.receiver_type.map(|kind| kind == ReceiverType::Group),
            newer
        ],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let most = filter.limit as usize;
    let general = query.mark();
    let mut rows: Vec<Row> = Vec::new();
    for (conv, floor, last) in places {
        let farthest = rows.last().filter(|_| rows.len() >= most).map(|row| row.id);
        let (floor, ceiling) = match farthest {
            Some(id) if newer => (floor, id),
            // They come by their newest message: all that follow are farther still.
            Some(id) if last < id => break,
            Some(id) => (floor.max(id), i64::MAX),
            None => (floor, i64::MAX),
        };
        query.and_value("m.conv_id = ?", conv);
        query.and_value("m.id > ?", floor);
        query.and_value("m.id < ?", ceiling);
        rows.extend(query.run(read, "messages m", "m.id", filter)?);
        query.back_to(&general);
        rows.sort_by_key(|row| if newer { row.id } else { -row.id });
        rows.truncate(most);
    }
    Ok(rows)
}

/// Pinned or saved messages, the newest pin first; those after the one with the cursor's id.
fn find_kept(read: &Read<'_>, filter: &Filter, mut query: Query<'_>) -> Result<Vec<Row>> {
    let (from, at) = if filter.saved {
        query.and_value("s.user_id = ?", filter.viewer);
        ("saved_messages s CROSS JOIN messages m ON m.id = s.message_id", "s.saved_at")
    } else {
        ("messages m", "m.pinned_at")
    };
    if let Some(id) = filter.id {
        let now = match filter.viewer.filter(|_| filter.saved) {
            Some(viewer) => pins::saved_among(read, viewer, [id])?.remove(&id),
            None => read.first("SELECT pinned_at FROM messages WHERE id = ?1", [id], |row| row.get(0))?.flatten(),
        };
        // What was unpinned since says where it stood by the time in the cursor.
        let Some(since) = now.or(filter.sent_at) else { return Ok(Vec::new()) };
        query.and_value(&format!("{at} <= ?"), since);
        query.and_value(&format!("({at} < ? OR m.id < {id})"), since);
    }
    query.run(read, from, &format!("{at} DESC, m.id"), &Filter { affix: Affix::Prepend, ..filter.clone() })
}

/// The messages of a list that hold what is searched for, in the order of the list. In three parts: see `search`.
fn find_words(
    read: &Read<'_>,
    app: i64,
    within: Within,
    filter: &Filter,
    search: &str,
    mut query: Query<'_>,
) -> Result<Vec<Row>> {
    let Some(question) = Question::parse(search) else { return Ok(Vec::new()) };
    let conversations;
    let place = match within {
        Within::Conversation { conv, .. } => search::Place::Conversation(conv),
        Within::Thread(parent) => search::Place::Thread(parent),
        Within::App => search::Place::App(app),
        Within::User(user) => {
            conversations = conversations::of_user(read, user)?;
            search::Place::Conversations(&conversations)
        }
    };
    let indexed = read.number("SELECT indexed_id FROM search_state", [])?;
    let general = query.mark();

    query.and("m.deleted_at IS NULL");
    query.and_value("found_in(m.data, ?)", search.to_owned());
    let direct = query.mark();
    query.and_value("m.id > ?", indexed);
    let mut rows = query.run(read, "messages m", "m.id", filter)?;
    query.back_to(&direct);
    query.and_value("m.id <= ?", indexed);
    rows.extend(query.run(read, "search_changes x CROSS JOIN messages m ON m.id = x.message_id", "m.id", filter)?);
    query.back_to(&general);

    let newer = filter.affix == Affix::Append;
    // What to ask the index, and from where on.
    let mut asked: Vec<(String, Option<i64>)> = search::expressions(&question.expression(), &place, filter.sender)
        .into_iter()
        .map(|e| (e, filter.id))
        .collect();
    if let Some(widened) = question.widened(search::PREFIX) {
        let mut left = Vec::new();
        query.and("m.deleted_at IS NULL");
        query.and_value("found_in(m.data, ?)", search.to_owned());
        let direct = query.mark();
        for ((exact, _), wide) in asked.into_iter().zip(search::expressions(&widened, &place, filter.sender)) {
            let near = search::nearest(read, &wide, newer, filter.id)?;
            query.values.push(Box::new(ids_text(near.iter().copied())));
            let from = format!("json_each(?{}) i CROSS JOIN messages m ON m.id = i.value", query.values.len());
            let found = query.run(read, &from, "m.id", filter)?;
            query.back_to(&direct);
            if found.len() < filter.limit as usize && near.len() == search::LOOKS {
                left.push((exact, near.last().copied()));
            }
            rows.extend(found);
        }
        query.back_to(&general);
        asked = left;
    }
    query.and("NOT EXISTS (SELECT 1 FROM search_changes x WHERE x.message_id = s.rowid)");
    let general = query.mark();
    for (expression, edge) in asked {
        // The edge of the list, said of the index: it then begins there instead of walking to it.
        if let Some(id) = edge {
            query.and_value(if newer { "s.rowid > ?" } else { "s.rowid < ?" }, id);
        }
        query.and_value("s.words MATCH ?", expression);
        rows.extend(query.run(read, "search s CROSS JOIN messages m ON m.id = s.rowid", "s.rowid", filter)?);
        query.back_to(&general);
    }
    rows.sort_by_key(|row| if newer { row.id } else { -row.id });
    rows.truncate(filter.limit as usize);
    Ok(rows)
}

/// A message just stored, whose sides are at hand: what [`show`] would read again.
pub fn fresh(row: Row, conversation: &str, sender: User, receiver: Party) -> Message {
    let entities = Entities::Sides { sender, receiver };
    assemble(row, conversation, entities, Vec::new())
}

/// The message of a row with the things it refers to; receipts and quotes are put in afterwards.
pub fn assemble(row: Row, conversation: &str, entities: Entities, reactions: Vec<ReactionCount>) -> Message {
    let (sender, receiver) = match &entities {
        Entities::Sides { sender, receiver } => (sender, receiver),
        Entities::Act { by, to, .. } => (by, to),
    };
    Message {
        id: row.id,
        muid: row.muid,
        conversation_id: conversation.to_owned(),
        sender: sender.uid.clone(),
        receiver_type: receiver.kind(),
        receiver: receiver.name().to_owned(),
        category: row.category,
        kind: row.kind,
        data: Data {
            resource: row.resource,
            reactions,
            moderation: Verdict::of(row.flags),
            ..Data::of(row.data, entities)
        },
        sent_at: row.sent_at,
        updated_at: row.updated_at,
        edited_at: row.edited_at,
        edited_by: row.edited_by,
        deleted_at: row.deleted_at,
        deleted_by: row.deleted_by,
        parent_id: row.parent,
        reply_count: (row.reply_count > 0).then_some(row.reply_count),
        quoted_message_id: row.quoted,
        quoted_message: None,
        tags: row.tags,
        delivered_at: None,
        read_at: None,
        my_receipt: None,
        receipts: None,
        pinned_at: row.pinned_at,
        pinned_by: row.pinned_by,
        saved_at: None,
        thread_subscribed: None,
    }
}

/// Through whose eyes messages are shown, and what beside them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// users.id; `None` sees what everybody sees.
    pub viewer: Option<i64>,
    /// Say whether the viewer follows the thread.
    pub subscribed: bool,
    /// Say of users who are named whether there is a block between them and the viewer, and their tags.
    pub mentions_blocked: bool,
    pub mentions_tags: bool,
}

impl From<Option<i64>> for Look {
    fn from(viewer: Option<i64>) -> Self {
        Look { viewer, ..Look::default() }
    }
}

/// Rows into messages.
pub fn show(read: &Read<'_>, rows: Vec<Row>, look: impl Into<Look>) -> Result<Vec<Message>> {
    let look = look.into();
    let (users, groups, conversations) = (HashMap::new(), HashMap::new(), HashMap::new());
    Shown { read, look, viewer: look.viewer, users, groups, conversations }.messages(rows, true)
}

pub fn show_one(read: &Read<'_>, row: Row, look: impl Into<Look>) -> Result<Message> {
    let id = row.id;
    show(read, vec![row], look)?.pop().ok_or_else(|| unknown(id))
}

/// What is looked up once for a page.
struct Shown<'r, 'c> {
    read: &'r Read<'c>,
    look: Look,
    viewer: Option<i64>,
    users: HashMap<i64, User>,
    groups: HashMap<i64, Group>,
    conversations: HashMap<i64, (Conv, Watch)>,
}

/// Receipts that matter for a page of one conversation: of each one's other side, and the viewer's own.
#[derive(Default)]
struct Watch {
    /// By whose messages: the marks that say "the other side has it".
    delivered: HashMap<i64, Marks>,
    read: HashMap<i64, Marks>,
    mine: Option<(Marks, Marks)>,
}

impl Shown<'_, '_> {
    fn user(&mut self, id: i64) -> Result<User> {
        if let Some(user) = self.users.get(&id) {
            return Ok(user.clone());
        }
        let user = users::by_id(self.read, id)?.entity();
        self.users.insert(id, user.clone());
        Ok(user)
    }

    fn group(&mut self, id: i64) -> Result<Group> {
        if let Some(group) = self.groups.get(&id) {
            return Ok(group.clone());
        }
        let group = groups::by_id(self.read, id)?.entity();
        self.groups.insert(id, group.clone());
        Ok(group)
    }

    fn messages(&mut self, rows: Vec<Row>, with_quotes: bool) -> Result<Vec<Message>> {
        self.look_around(&rows)?;
        let mut reactions = self.reactions(&rows)?;
        let naming = rows.iter().filter(|row| row.flags & flags::MENTION != 0).map(|row| row.id);
        let mut mentions = mentions::among(self.read, naming)?;
        let (saved, followed) = match self.viewer {
            Some(viewer) => {
                (pins::saved_among(self.read, viewer, rows.iter().map(|row| row.id))?, self.followed(&rows)?)
            }
            None => Default::default(),
        };
        rows.into_iter()
            .map(|row| {
                let (id, thread) = (row.id, row.parent.unwrap_or(row.id));
                let mut message = self.message(row, reactions.remove(&id).unwrap_or_default(), with_quotes)?;
                for user in mentions.remove(&id).unwrap_or_default() {
                    message.data.mentions.push(self.mentioned(user)?);
                }
                message.saved_at = saved.get(&id).copied();
                message.thread_subscribed = followed.as_ref().map(|followed| followed.contains(&thread));
                Ok(message)
            })
            .collect()
    }

    /// Which threads of the page the viewer follows, if that is asked.
    fn followed(&self, rows: &[Row]) -> Result<Option<HashSet<i64>>> {
        let Some(viewer) = self.viewer.filter(|_| self.look.subscribed) else { return Ok(None) };
        threads::followed_among(self.read, viewer, rows.iter().map(|row| row.parent.unwrap_or(row.id))).map(Some)
    }

    /// Reads conversations and receipts of the page.
    fn look_around(&mut self, rows: &[Row]) -> Result<()> {
        let mut spans: HashMap<i64, (i64, i64)> = HashMap::new();
        for row in rows {
            let span = spans.entry(row.conv).or_insert((row.id, row.id));
            *span = (span.0.min(row.id), span.1.max(row.id));
        }
        for (id, (first, last)) in spans {
            let conv = conversations::by_id(self.read, id)?;
            let mut watch = Watch::default();
            let mark = |user, kind| receipts::marks(self.read, id, user, kind, first, last);
            // (whose messages, whose receipts count for them)
            let watched = match conv.kind {
                conversations::Kind::Pair(a, b) => vec![(a, b), (b, a)],
                conversations::Kind::Group(_) => vec![(receipts::ALL, receipts::ALL)],
            };
            for (author, reader) in watched {
                watch.delivered.insert(author, mark(reader, receipts::Kind::Delivered)?);
                watch.read.insert(author, mark(reader, receipts::Kind::Read)?);
            }
            if let Some(viewer) = self.viewer {
                watch.mine = Some((mark(viewer, receipts::Kind::Delivered)?, mark(viewer, receipts::Kind::Read)?));
            }
            self.conversations.insert(id, (conv, watch));
        }
        Ok(())
    }

    fn reactions(&self, rows: &[Row]) -> Result<HashMap<i64, Vec<ReactionCount>>> {
        let ids: Vec<i64> = rows.iter().filter(|row| row.category.counts()).map(|row| row.id).collect();
        let mut found: HashMap<i64, Vec<ReactionCount>> = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let ids = ids_text(ids);
        let counted = self.read.all(
            "SELECT message_id, reaction, count(*), max(user_id = ?2) FROM reactions
             WHERE message_id IN (SELECT value FROM json_each(?1)) AND user_id NOT IN (SELECT user_id FROM gone_users)
             GROUP BY message_id, reaction ORDER BY message_id, min(id)",
            params![ids, self.viewer.unwrap_or(0)],
            |row| {
                let count = ReactionCount { reaction: row.get(1)?, count: row.get(2)?, reacted_by_me: row.get(3)? };
                Ok((row.get(0)?, count))
            },
        )?;
        for (message, count) in counted {
            found.entry(message).or_default().push(count);
        }
        Ok(found)
    }

    fn message(&mut self, row: Row, reactions: Vec<ReactionCount>, with_quote: bool) -> Result<Message> {
        let sender = self.user(row.sender)?;
        let (kind, name, marks) = {
            let (conv, watch) = self
                .conversations
                .get(&row.conv)
                .ok_or_else(|| Error::internal("messages", format!("conversation {} not read", row.conv)))?;
            let author = match conv.kind {
                conversations::Kind::Pair(..) => row.sender,
                conversations::Kind::Group(_) => receipts::ALL,
            };
            let at = |marks: &HashMap<i64, Marks>| marks.get(&author).and_then(|marks| marks.at(row.id));
            let mine = watch.mine.as_ref().filter(|_| Some(row.sender) != self.viewer).map(|(delivered, read)| {
                Receipt { delivered_at: delivered.at(row.id), read_at: read.at(row.id), recipient: None }
            });
            let mine = mine.filter(|receipt| receipt.delivered_at.is_some() || receipt.read_at.is_some());
            (conv.kind, conv.name.clone(), (at(&watch.delivered), at(&watch.read), mine))
        };
        let receiver = match kind {
            conversations::Kind::Group(group) => Party::Group(self.group(group)?),
            conversations::Kind::Pair(a, b) => {
                let mut user = self.user(if row.sender == a { b } else { a })?;
                user.conversation_id = Some(name.clone());
                Party::User(user)
            }
        };
        let entities = self.entities(&row, &name, sender, receiver)?;
        let quoted = match row.quoted.filter(|_| with_quote) {
            Some(id) => self.quoted(id)?,
            None => None,
        };
        let mut message = assemble(row, &name, entities, reactions);
        if message.category == Category::Interactive
            && let Some(viewer) = self.viewer
        {
            message.data.interactions = Some(interactions::of(self.read, message.id, viewer)?);
        }
        let (delivered_at, read_at, my_receipt) = marks;
        message.quoted_message = quoted.map(Box::new);
        message.delivered_at = delivered_at.or(read_at);
        message.read_at = read_at;
        message.my_receipt = my_receipt;
        Ok(message)
    }

    fn entities(&mut self, row: &Row, conv: &str, sender: User, receiver: Party) -> Result<Entities> {
        Ok(match (row.category, row.subject) {
            (Category::Action, None) => Entities::Act { by: sender, on: None, to: receiver },
            (Category::Action, Some(user)) => {
                Entities::Act { by: sender, on: Some(Subject::User(Box::new(self.user(user)?))), to: receiver }
            }
            (Category::Call, Some(call)) => {
                let call = calls::by_id(self.read, call)?;
                let called = match call.callee {
                    Some(callee) => Party::User(self.user(callee)?),
                    None => receiver.clone(),
                };
                let mut entity = CallEntity {
                    session_id: call.session_id,
                    status: call.status,
                    kind: call.kind,
                    conversation_id: conv.to_owned(),
                    initiator: self.user(call.initiator)?,
                    receiver: called,
                    initiated_at: call.initiated_at,
                    started_at: call.started_at,
                    joined_at: None,
                    ended_at: call.ended_at,
                    metadata: call.metadata,
                };
                // The call as it stood at this message, not as it ended.
                settle(&mut entity, &row.data, row.sent_at);
                Entities::Act { by: sender, on: Some(Subject::Call(Box::new(entity))), to: receiver }
            }
            _ => Entities::Sides { sender, receiver },
        })
    }

    /// A user who is named, with what was asked to be said of him.
    fn mentioned(&mut self, user: User) -> Result<User> {
        let tags = user.tags.clone().filter(|_| self.look.mentions_tags);
        let mut shown = user.entity();
        if let Some(viewer) = self.viewer.filter(|_| self.look.mentions_blocked) {
            shown = users::seen_by(self.read, shown, &self.user(viewer)?)?;
        }
        if self.look.mentions_tags {
            shown.tags = Some(tags.unwrap_or_default());
        }
        Ok(shown)
    }

    fn quoted(&mut self, id: i64) -> Result<Option<Message>> {
        let found = self.read.first(
            concat!("SELECT ", columns!(), " FROM messages m WHERE m.id = ?1 AND ", there!()),
            [id],
            row,
        )?;
        match found {
            Some(row) if !row.is_hidden_from(self.viewer) => Ok(self.messages(vec![row], false)?.pop()),
            _ => Ok(None),
        }
    }
}

fn settle(call: &mut CallEntity, stored: &str, sent_at: i64) {
    let status = Object::parse(stored).and_then(|data| data.read::<String>("action"));
    call.status = status.as_deref().and_then(CallStatus::parse).unwrap_or(call.status);
    match call.status {
        CallStatus::Initiated => (call.started_at, call.ended_at) = (None, None),
        CallStatus::Ongoing => (call.joined_at, call.ended_at) = (Some(sent_at), None),
        _ => call.ended_at = Some(sent_at),
    }
}

/// Adds who has the message to it.
pub fn with_receipts(read: &Read<'_>, mut message: Message, row: &Row) -> Result<Message> {
    let data = receipts::of_message(read, row.conv, row.id, row.sender)?
        .into_iter()
        .map(|had| {
            let recipient = Some(users::by_id(read, had.user)?.entity());
            Ok(Receipt { delivered_at: had.delivered_at.or(had.read_at), read_at: had.read_at, recipient })
        })
        .collect::<Result<Vec<_>>>()?;
    message.receipts = Some(Receipts { data });
    Ok(message)
}

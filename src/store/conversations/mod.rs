//! Conversations: what is shared by all sides, and each user's own copy.
//!
//! A conversation is found by who is in it. Its name (`conversationId`) is for the outside: ids may hold what joins them,
//! so one name can stand for several conversations, and means one only to somebody who has a part in one.
//!
//! An unread count is a subtraction of counters and a message touches only its conversation and its sender's copy,
//! so neither a long history nor a large group makes a message or a list dearer.

mod list;
mod marks;

use rusqlite::{Row, params};

pub use list::{Filter, Pinned, Whose, list};
pub(super) use marks::BLOCK;
pub use marks::{set_delivered, set_delivered_to_all, set_read, set_read_by_all};

use super::rows::{tags, tags_text};
use super::sight::not_hidden;
use super::{Read, Write};
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::event::Audience;
use crate::model::flags;
use crate::model::ids::shown;
use crate::model::user::{User, conversation_name};

/// The shared part of a conversation.
#[derive(Clone, Debug)]
pub struct Conv {
    pub id: i64,
    pub name: String,
    pub kind: Kind,
    pub last_id: i64,
    pub total: i64,
    /// The newest message that shows as the last one.
    pub preview_id: i64,
}

/// Who is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The two users (users.id).
    Pair(i64, i64),
    /// groups.id
    Group(i64),
}

impl Conv {
    /// The other side of a one-on-one conversation.
    pub fn peer(&self, user: i64) -> Option<i64> {
        match self.kind {
            Kind::Pair(a, b) => Some(if user == a { b } else { a }),
            Kind::Group(_) => None,
        }
    }

    /// All devices of all who are in it.
    pub fn audience(&self) -> Audience {
        match self.kind {
            Kind::Pair(a, b) => Audience::users([a, b]),
            Kind::Group(group) => Audience::group(group),
        }
    }
}

pub(super) fn conv(row: &Row<'_>) -> rusqlite::Result<Conv> {
    let group: Option<i64> = row.get(4)?;
    let side = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.unwrap_or(0));
    let kind = match group {
        Some(group) => Kind::Group(group),
        // Of one that is gone nobody is a side any more.
        None => Kind::Pair(side(2)?, side(3)?),
    };
    Ok(Conv {
        id: row.get(0)?,
        name: row.get(1)?,
        kind,
        last_id: row.get(5)?,
        total: row.get(6)?,
        preview_id: row.get(7)?,
    })
}

pub fn by_id(read: &Read<'_>, id: i64) -> Result<Conv> {
    read.first(
        "SELECT id, name, user_a, user_b, group_id, last_id, total, preview_id FROM conversations WHERE id = ?1",
        [id],
        conv,
    )?
    .ok_or_else(|| Error::internal("conversations", format!("no row {id}")))
}

/// The conversation of two users, if they ever spoke.
pub fn between(read: &Read<'_>, one: i64, other: i64) -> Result<Option<Conv>> {
    read.first(
        "SELECT id, name, user_a, user_b, group_id, last_id, total, preview_id FROM conversations
         WHERE user_a = ?1 AND user_b = ?2",
        [one.min(other), one.max(other)],
        conv,
    )
}

/// The conversation that the name means: to `user` (users.id) one he has a part in, to the app (`None`) any. If that are
/// several, it is not guessed which one is meant.
pub fn by_name(read: &Read<'_>, app: i64, name: &str, user: Option<i64>) -> Result<Option<Conv>> {
    let name = name.to_ascii_lowercase();
    let mut found = read.all(
        "SELECT c.id, c.name, c.user_a, c.user_b, c.group_id, c.last_id, c.total, c.preview_id FROM conversations c
         WHERE c.app = ?1 AND c.name = ?2 AND c.id NOT IN (SELECT conv_id FROM gone_conversations)
           AND (?3 IS NULL OR EXISTS (SELECT 1 FROM participants p WHERE p.user_id = ?3 AND p.conv_id = c.id))
         LIMIT 2",
        params![app, name, user],
        conv,
    )?;
    if found.len() > 1 {
        let sentence = format!(
            "The conversation id {} stands for several conversations: name the user or the group instead.",
            shown(&name)
        );
        return Err(Error::new(Code::ConversationAmbiguous, sentence));
    }
    Ok(found.pop())
}

/// The conversation of two users, made now if they never spoke.
pub fn of_pair(tx: &Write<'_>, app: &App, one: &User, other: &User) -> Result<Conv> {
    if let Some(conv) = between(tx, one.id, other.id)? {
        return Ok(conv);
    }
    let name = conversation_name(&one.uid, &other.uid);
    let (a, b) = (one.id.min(other.id), one.id.max(other.id));
    let id = tx.insert(
        "INSERT INTO conversations (app, name, user_a, user_b, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        params![app.id, name, a, b, tx.now()],
    )?;
    join(tx, id, a)?;
    if a != b {
        join(tx, id, b)?;
    }
    Ok(Conv { id, name, kind: Kind::Pair(a, b), last_id: 0, total: 0, preview_id: 0 })
}

pub(super) fn insert_group(tx: &Write<'_>, app: i64, name: &str, group: i64) -> Result<i64> {
    tx.insert(
        "INSERT INTO conversations (app, name, group_id, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        params![app, name, group, tx.now()],
    )
}

/// Gives `user` his copy of the conversation, read up to now.
pub(super) fn join(tx: &Write<'_>, conv: i64, user: i64) -> Result<()> {
    tx.run(
        "INSERT OR REPLACE INTO participants (user_id, conv_id, created_at, updated_at, delivered_id, read_id, read_total,
                                              own_total, own_read, own_seq, since_id)
         SELECT ?1, id, ?3, ?3, last_id, last_id, total, coalesce(o.own, 0), coalesce(o.own, 0), coalesce(o.block << 8 | 255, 0), last_id
         FROM conversations LEFT JOIN (SELECT own, block FROM own_marks WHERE conv_id = ?2 AND user_id = ?1
                                       ORDER BY block DESC LIMIT 1) o WHERE id = ?2",
        [user, conv, tx.now()],
    )?;
    Ok(())
}

pub(super) fn leave(tx: &Write<'_>, conv: i64, user: i64) -> Result<()> {
    // Who comes back has sent what they sent.
    tx.run(
        "INSERT OR REPLACE INTO own_marks SELECT conv_id, user_id, own_seq >> 8, own_total FROM participants
         WHERE user_id = ?1 AND conv_id = ?2 AND own_total > 0",
        [user, conv],
    )?;
    tx.run("DELETE FROM participants WHERE user_id = ?1 AND conv_id = ?2", [user, conv])?;
    Ok(())
}

/// Notes a new message: the conversation moves up in every list if the message shows there, and its sender's own count
/// rises if it counts.
pub fn touch(tx: &Write<'_>, conv: &Conv, message: i64, sender: i64, counts: bool, shows: bool) -> Result<()> {
    tx.run(
        "UPDATE conversations SET last_id = ?2, total = total + ?4, preview_id = CASE WHEN ?5 THEN ?2 ELSE preview_id END,
                updated_at = CASE WHEN ?5 THEN max(updated_at, ?3) ELSE updated_at END WHERE id = ?1",
        params![conv.id, message, tx.now(), counts, shows],
    )?;
    if !counts {
        return Ok(());
    }
    let copies = tx.run(
        "UPDATE participants SET own_total = own_total + 1, own_seq = ?3 WHERE user_id = ?1 AND conv_id = ?2",
        [sender, conv.id, conv.total + 1],
    )?;
    if copies == 0 {
        // A bot, or somebody of the past whose message is imported: who comes (back) in has sent what they sent.
        tx.run(
            "INSERT OR REPLACE INTO own_marks (conv_id, user_id, block, own)
             SELECT ?2, ?1, ?3, 1 + coalesce((SELECT own FROM own_marks WHERE conv_id = ?2 AND user_id = ?1
                                              ORDER BY block DESC LIMIT 1), 0)",
            [sender, conv.id, (conv.total + 1) >> BLOCK],
        )?;
    }
    Ok(())
}

/// The message is seen by all from now on, and shows as the last one if none after it does.
pub fn show(tx: &Write<'_>, conv: i64, message: i64) -> Result<()> {
    tx.run(
        "UPDATE conversations SET preview_id = ?2, updated_at = max(updated_at, ?3) WHERE id = ?1 AND preview_id < ?2",
        [conv, message, tx.now()],
    )?;
    Ok(())
}

/// How far back is looked for a message that shows as the last one, when the one that did was erased: all but silent
/// and hidden messages show. Beyond it the conversation counts as one without.
const SILENT_RUN: i64 = 2_000;

/// Finds the newest message again after one was erased, or hidden by a review.
pub fn refresh_last(tx: &Write<'_>, conv: i64) -> Result<()> {
    // Whatever is newer than the one that shows is silent or hidden, so there is nothing to look for after it.
    tx.run(
        "UPDATE conversations SET last_id = coalesce((SELECT max(id) FROM messages WHERE conv_id = ?1), 0),
                preview_id = CASE WHEN EXISTS (SELECT 1 FROM messages m
                                               WHERE m.id = preview_id AND m.conv_id = ?1 AND m.flags & ?4 = 0) THEN preview_id
                             ELSE coalesce((SELECT max(id) FROM (
                                      SELECT m.id, m.flags FROM messages m WHERE m.conv_id = ?1 AND m.id < preview_id
                                      ORDER BY m.id DESC LIMIT ?3) WHERE flags & ?2 = 0), 0) END
         WHERE id = ?1",
        [conv, flags::SILENT | flags::DISAPPROVED, SILENT_RUN, flags::DISAPPROVED],
    )?;
    Ok(())
}

/// Whether all that was ever said there is hidden from the user, who did nothing with it either (nor is it in a list without a
/// message): to them nobody has spoken yet.
fn is_unspoken(read: &Read<'_>, copy: &Copy) -> Result<bool> {
    let Copy { conv, user, .. } = copy;
    if conv.last_id == 0
        || conv.preview_id > 0
        || copy.hidden_id != 0
        || copy.tags.is_some()
        || copy.pinned_at.is_some()
    {
        return Ok(false);
    }
    let said = concat!("SELECT 1 FROM messages m WHERE m.conv_id = ?1 AND ", not_hidden!("m", "?2"));
    Ok(!read.exists(said, [conv.id, *user])?)
}

/// Whether the user has a part in the conversation.
pub fn has(read: &Read<'_>, conv: i64, user: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM participants WHERE user_id = ?1 AND conv_id = ?2", [user, conv])
}

/// One user's copy, as far as the database knows it. `last` is the id of the message to show, if any.
#[derive(Clone, Debug)]
pub struct Copy {
    pub conv: Conv,
    pub created_at: i64,
    pub updated_at: i64,
    pub delivered_id: i64,
    pub read_id: i64,
    pub hidden_id: i64,
    pub unread: i64,
    pub tags: Option<Vec<String>>,
    /// When it was pinned, by the app or else by the user.
    pub pinned_at: Option<i64>,
    /// The app pinned it for everybody.
    pub pinned_by_app: bool,
    /// users.id of whose copy this is.
    pub user: i64,
}

/// Unread messages of a copy, from `participants p JOIN conversations c`. Of what was deleted it reads a block of
/// messages one by one and the rest by sums, so a long past costs no more than a short one.
macro_rules! unread {
    () => {
        "CASE WHEN c.total > p.read_total THEN (c.total - p.read_total) - (p.own_total - p.own_read)
         - (SELECT count(*) FROM holes h WHERE h.conv_id = c.id AND h.seq > p.read_total
                   AND h.seq < ((p.read_total >> 8) + 1) << 8 AND h.sender_id <> p.user_id)
         - (SELECT coalesce(sum(h.holes), 0) FROM hole_sums h
            WHERE h.conv_id = c.id AND h.sender_id = 0 AND h.block > p.read_total >> 8)
         + (SELECT coalesce(sum(h.holes), 0) FROM hole_sums h
            WHERE h.conv_id = c.id AND h.sender_id = p.user_id AND h.block > p.read_total >> 8) ELSE 0 END"
    };
}

use unread;

#[cfg(test)]
pub(super) const UNREAD: &str = unread!();

/// Columns of [`copy`], from `participants p JOIN conversations c LEFT JOIN app_pins a`.
macro_rules! copy_columns {
    () => {
        concat!(
            "c.id, c.name, c.user_a, c.user_b, c.group_id, c.last_id, c.total, c.preview_id,
         p.created_at, max(p.updated_at, c.updated_at), p.delivered_id, p.read_id, p.hidden_id, p.tags,
         coalesce(a.pinned_at, w.pinned_at, p.pinned_at),
         ",
            unread!(),
            ", coalesce(a.conv_id, w.user_id) IS NOT NULL, p.user_id"
        )
    };
}

fn copy(row: &Row<'_>) -> rusqlite::Result<Copy> {
    Ok(Copy {
        conv: conv(row)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
        delivered_id: row.get(10)?,
        read_id: row.get(11)?,
        hidden_id: row.get(12)?,
        tags: tags(row.get(13)?),
        pinned_at: row.get(14)?,
        unread: row.get::<_, i64>(15)?.max(0),
        pinned_by_app: row.get(16)?,
        user: row.get(17)?,
    })
}

/// The user's copy, if he has one.
pub fn copy_of(read: &Read<'_>, conv: i64, user: i64) -> Result<Option<Copy>> {
    read.first(
        concat!(
            "SELECT ",
            copy_columns!(),
            " FROM participants p JOIN conversations c ON c.id = p.conv_id LEFT JOIN app_pins a ON a.conv_id = p.conv_id
         LEFT JOIN app_peer_pins w ON w.user_id = CASE WHEN c.user_a = p.user_id THEN c.user_b ELSE c.user_a END
                 WHERE p.user_id = ?1 AND p.conv_id = ?2 AND p.conv_id NOT IN (SELECT conv_id FROM gone_conversations)"
        ),
        [user, conv],
        copy,
    )
}

/// The same, unless to the user nobody has spoken there yet.
pub fn spoken(read: &Read<'_>, conv: i64, user: i64) -> Result<Option<Copy>> {
    match copy_of(read, conv, user)? {
        Some(copy) if is_unspoken(read, &copy)? => Ok(None),
        copy => Ok(copy),
    }
}

/// Up to which message the user has deleted the conversation for themselves (0: none of it); `None`: they have no part
/// in it.
pub fn hidden_of(read: &Read<'_>, conv: i64, user: i64) -> Result<Option<i64>> {
    read.first(
        "SELECT hidden_id FROM participants WHERE user_id = ?1 AND conv_id = ?2
         AND conv_id NOT IN (SELECT conv_id FROM gone_conversations)",
        [user, conv],
        |row| row.get(0),
    )
}

/// Who has deleted message `message` for themselves, with up to where: at most `most` of them.
pub fn cleared(read: &Read<'_>, conv: i64, message: i64, most: usize) -> Result<Vec<(i64, i64)>> {
    read.all(
        "SELECT user_id, hidden_id FROM participants
         WHERE conv_id = ?1 AND hidden_id > 0 AND hidden_id >= ?2 ORDER BY hidden_id DESC LIMIT ?3",
        params![conv, message, most as i64],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Hides everything up to message `upto` from the user; the next message brings the conversation back. With `in_place` what
/// decides of its place in the list (its time and the user's pin) stays as it is.
pub fn reset(tx: &Write<'_>, copy: &Copy, upto: i64, in_place: bool) -> Result<()> {
    let upto = upto.max(copy.hidden_id).max(0);
    tx.run(
        "UPDATE participants SET hidden_id = ?3, tags = NULL, pinned_at = CASE WHEN ?5 THEN pinned_at END,
                updated_at = CASE WHEN ?5 THEN updated_at ELSE ?4 END WHERE user_id = ?1 AND conv_id = ?2",
        params![copy.user, copy.conv.id, upto, tx.now(), in_place],
    )?;
    Ok(())
}

/// Puts a conversation nobody has said anything in yet into the lists of its users.
pub fn list_empty(tx: &Write<'_>, conv: &Conv) -> Result<()> {
    // Below the id of every message, also of the one that is not there.
    tx.run("UPDATE participants SET hidden_id = -1 WHERE conv_id = ?1 AND hidden_id = 0", [conv.id])?;
    Ok(())
}

/// Hides everything up to now from everybody; the next message brings the conversation back.
pub fn reset_all(tx: &Write<'_>, conv: &Conv) -> Result<()> {
    tx.run(
        "UPDATE participants SET hidden_id = ?2, delivered_id = ?2, read_id = ?2, read_total = ?3, own_read = own_total,
                tags = NULL, pinned_at = NULL, updated_at = ?4 WHERE conv_id = ?1",
        [conv.id, conv.last_id, conv.total, tx.now()],
    )?;
    Ok(())
}

pub fn set_pinned(tx: &Write<'_>, conv: i64, user: i64, pinned: bool) -> Result<()> {
    tx.run(
        "UPDATE participants SET pinned_at = ?3 WHERE user_id = ?1 AND conv_id = ?2",
        params![user, conv, pinned.then(|| tx.now())],
    )?;
    Ok(())
}

/// How many conversations the user has pinned himself. What the app pinned meanwhile takes none of his places.
pub fn pins_of(read: &Read<'_>, user: i64) -> Result<i64> {
    read.number(
        "SELECT count(*) FROM participants p WHERE p.user_id = ?1 AND p.pinned_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM app_pins a WHERE a.conv_id = p.conv_id)
         AND NOT EXISTS (SELECT 1 FROM conversations c JOIN app_peer_pins w
                         ON w.user_id = CASE WHEN c.user_a = p.user_id THEN c.user_b ELSE c.user_a END WHERE c.id = p.conv_id)",
        [user],
    )
}

pub fn set_tags(tx: &Write<'_>, conv: i64, user: i64, tags: Option<Vec<String>>) -> Result<()> {
    tx.run(
        "UPDATE participants SET tags = ?3 WHERE user_id = ?1 AND conv_id = ?2",
        params![user, conv, tags_text(&tags)],
    )?;
    Ok(())
}

/// The conversations a user has a part in.
pub fn of_user(read: &Read<'_>, user: i64) -> Result<Vec<i64>> {
    read.all(
        "SELECT conv_id FROM participants WHERE user_id = ?1 AND conv_id NOT IN (SELECT conv_id FROM gone_conversations)",
        [user], |row| row.get(0))
}

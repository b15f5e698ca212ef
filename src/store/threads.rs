//! Threads: messages with replies. A thread is named by the message it hangs on and moves up with each reply.

use std::collections::HashSet;

use rusqlite::{params, params_from_iter};

use super::messages::{Row, columns, row};
use super::purge::there;
use super::rows::ids_text;
use super::sight::{Viewer, not_hidden};
use super::{Read, Write, mentions};
use crate::model::error::Result;

/// Notes a reply sent now: the thread moves up, and the one who replied and the one who started it follow it.
pub fn add_reply(tx: &Write<'_>, parent: &Row, by: i64) -> Result<()> {
    tx.run(
        "UPDATE messages SET reply_count = reply_count + 1, last_reply_at = max(coalesce(last_reply_at, 0), ?2) WHERE id = ?1",
        [parent.id, tx.now()],
    )?;
    follow(tx, by, parent.id, true)?;
    // Who left it stays out.
    tx.run(
        "INSERT OR IGNORE INTO thread_subscriptions (user_id, parent_id, subscribed) VALUES (?1, ?2, 1)",
        [parent.sender, parent.id],
    )?;
    Ok(())
}

/// The user follows the thread, unless they said that they do not want to.
pub fn join(tx: &Write<'_>, parent: i64, user: i64) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO thread_subscriptions (user_id, parent_id, subscribed) VALUES (?1, ?2, 1)",
        [user, parent],
    )?;
    Ok(())
}

/// The same of whoever started it, where it is there.
pub fn join_starter(tx: &Write<'_>, parent: i64) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO thread_subscriptions (user_id, parent_id, subscribed)
         SELECT sender_id, id, 1 FROM messages WHERE id = ?1",
        [parent],
    )?;
    Ok(())
}

/// A reply that everybody saw is deleted or hidden. Without any the message has no thread.
pub(super) fn lose_reply(tx: &Write<'_>, parent: i64) -> Result<()> {
    tx.run(
        "UPDATE messages SET reply_count = max(reply_count - 1, 0), last_reply_at = CASE WHEN reply_count > 1 THEN last_reply_at END
         WHERE id = ?1",
        [parent],
    )?;
    Ok(())
}

/// A reply that was hidden is there again.
pub(super) fn regain_reply(tx: &Write<'_>, parent: i64, sent_at: i64) -> Result<()> {
    tx.run(
        "UPDATE messages SET reply_count = reply_count + 1, last_reply_at = max(coalesce(last_reply_at, 0), ?2) WHERE id = ?1",
        [parent, sent_at],
    )?;
    Ok(())
}

/// A deleted reply was removed for good: the thread is as new as the newest that stands there.
pub(super) fn forget_reply(tx: &Write<'_>, parent: i64) -> Result<()> {
    tx.run(
        "UPDATE messages SET last_reply_at = CASE WHEN reply_count > 0 THEN
                (SELECT r.sent_at FROM messages r WHERE r.parent_id = ?1 ORDER BY r.id DESC LIMIT 1) END WHERE id = ?1",
        [parent],
    )?;
    Ok(())
}

/// The user follows the thread from now on, or does not.
pub fn follow(tx: &Write<'_>, user: i64, parent: i64, on: bool) -> Result<()> {
    tx.run(
        "INSERT INTO thread_subscriptions (user_id, parent_id, subscribed) VALUES (?1, ?2, ?3)
         ON CONFLICT (user_id, parent_id) DO UPDATE SET subscribed = ?3 WHERE subscribed <> ?3",
        params![user, parent, on],
    )?;
    Ok(())
}

/// Which of these threads the user follows.
pub fn followed_among(read: &Read<'_>, user: i64, parents: impl IntoIterator<Item = i64>) -> Result<HashSet<i64>> {
    let found = read.all(
        "SELECT s.parent_id FROM json_each(?2) i CROSS JOIN thread_subscriptions s
         ON s.user_id = ?1 AND s.parent_id = i.value WHERE s.subscribed",
        params![user, ids_text(parents)],
        |row| row.get(0),
    )?;
    Ok(found.into_iter().collect())
}

/// Which threads a list is about.
#[derive(Clone, Copy, Debug)]
pub enum Within {
    /// Of one conversation, as far as messages are newer than `hidden_id`; as this user sees it, or (`None`) the app.
    Conversation { conv: i64, hidden_id: i64, viewer: Option<i64> },
    /// Of all conversations of a user.
    User(i64),
    /// Those a user follows, of one conversation or of all.
    Followed { user: i64, conv: Option<i64> },
    /// Of the whole app.
    App(i64),
}

/// The messages that threads hang on, by their newest reply, the newest first: `limit` of them from before `before`
/// (time of the newest reply and id of the message), for as long as `show` takes more.
pub fn each(
    read: &Read<'_>,
    within: Within,
    before: Option<(i64, i64)>,
    limit: i64,
    mut show: impl FnMut(Row) -> Result<bool>,
) -> Result<()> {
    let (at, id) = before.unwrap_or((i64::MAX, i64::MAX));
    let (at, id, limit) = (Some(at), Some(id), Some(limit));
    let (sql, values): (&str, Vec<Option<i64>>) = match within {
        Within::Conversation { conv, hidden_id, viewer } => (
            concat!(
                "SELECT ",
                columns!(),
                " FROM messages m WHERE m.conv_id = ?1 AND m.last_reply_at IS NOT NULL AND (m.last_reply_at, m.id) < (?2, ?3)
                  AND m.id > ?5 AND (?6 IS NULL OR ",
                not_hidden!("m", "?6"),
                ") AND ",
                there!(),
                " ORDER BY m.last_reply_at DESC, m.id DESC LIMIT ?4"
            ),
            vec![Some(conv), at, id, limit, Some(hidden_id), viewer],
        ),
        // No conversation can add more than a page, and each has its own by index.
        Within::User(user) => (
            concat!(
                "SELECT ",
                columns!(),
                " FROM participants p CROSS JOIN messages m ON m.id IN (
                    SELECT t.id FROM messages t WHERE t.conv_id = p.conv_id AND t.last_reply_at IS NOT NULL
                      AND (t.last_reply_at, t.id) < (?2, ?3) AND t.id > p.hidden_id AND ",
                not_hidden!("t", "?1"),
                "
                    ORDER BY t.last_reply_at DESC, t.id DESC LIMIT ?4)
                  WHERE p.user_id = ?1 AND ",
                there!(),
                " ORDER BY m.last_reply_at DESC, m.id DESC LIMIT ?4"
            ),
            vec![Some(user), at, id, limit],
        ),
        Within::Followed { user, conv } => (
            concat!(
                "SELECT ",
                columns!(),
                " FROM thread_subscriptions s CROSS JOIN messages m ON m.id = s.parent_id
                  WHERE s.user_id = ?1 AND s.subscribed AND m.last_reply_at IS NOT NULL AND (m.last_reply_at, m.id) < (?2, ?3)
                  AND (?5 IS NULL OR m.conv_id = ?5) AND ",
                not_hidden!("m", "?1"),
                "
                  AND EXISTS (SELECT 1 FROM participants p WHERE p.user_id = ?1 AND p.conv_id = m.conv_id AND p.hidden_id < m.id)
                  AND ",
                there!(),
                " ORDER BY m.last_reply_at DESC, m.id DESC LIMIT ?4"
            ),
            vec![Some(user), at, id, limit, conv],
        ),
        Within::App(app) => (
            concat!(
                "SELECT ",
                columns!(),
                " FROM messages m WHERE m.app = ?1 AND m.last_reply_at IS NOT NULL AND (m.last_reply_at, m.id) < (?2, ?3)
                  AND ",
                there!(),
                " ORDER BY m.last_reply_at DESC, m.id DESC LIMIT ?4"
            ),
            vec![Some(app), at, id, limit],
        ),
    };
    let mut statement = read.statement(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(next) = rows.next()? {
        if !show(row(next)?)? {
            break;
        }
    }
    Ok(())
}

/// The newest reply in a thread that the viewer sees. Who sees the parent has deleted none of the replies.
pub fn last_reply(read: &Read<'_>, parent: i64, viewer: Viewer) -> Result<Option<Row>> {
    read.first(
        concat!(
            "SELECT ",
            columns!(),
            " FROM messages m WHERE m.parent_id = ?1 AND (?2 OR ",
            not_hidden!("m", "?3"),
            ") AND ",
            there!(),
            " ORDER BY m.id DESC LIMIT 1"
        ),
        params![parent, viewer == Viewer::App, viewer.user()],
        row,
    )
}

/// How many of these name the user, or everybody.
pub fn unread_mentions(read: &Read<'_>, parent: &Row, user: i64) -> Result<i64> {
    read.number(
        "SELECT count(DISTINCT m.id) FROM mentions x CROSS JOIN messages m ON m.id = x.message_id
         WHERE x.user_id IN (?1, ?4) AND x.conv_id = ?2
           AND x.message_id > (SELECT p.read_id FROM participants p WHERE p.user_id = ?1 AND p.conv_id = ?2)
           AND m.parent_id = ?3 AND m.sender_id <> ?1 AND m.deleted_at IS NULL AND m.flags & 512 = 0
           AND m.sender_id NOT IN (SELECT user_id FROM gone_users)",
        [user, parent.conv, parent.id, mentions::EVERYBODY],
    )
}

/// How many replies of others in a thread the user has not read.
pub fn unread_replies(read: &Read<'_>, parent: &Row, user: i64) -> Result<i64> {
    read.number(
        "SELECT count(*) FROM messages m WHERE m.parent_id = ?1 AND m.sender_id <> ?2 AND m.deleted_at IS NULL AND m.flags & 512 = 0
         AND m.sender_id NOT IN (SELECT user_id FROM gone_users)
         AND m.id > (SELECT p.read_id FROM participants p WHERE p.user_id = ?2 AND p.conv_id = ?3)",
        [parent.id, user, parent.conv],
    )
}

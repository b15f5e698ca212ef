//! What was deleted for good and still has rows: conversations, groups and users on their way out.
//!
//! Removing a long history takes seconds, and every other write would wait for it. So deleting only notes the thing here.
//! From that commit on it is gone for everybody: it gives up its name and its sides, which may be taken again at once, and
//! the reads that could meet its rows by another way leave them out ([`there`], or a look into these tables, which are
//! nearly always empty). [`sweep`] then removes the rows a piece at a time, the note last, so it goes on where it was
//! after a stop. It knows ids only, and an id is not given again while the note stands: what took the name over is never
//! touched.

use rusqlite::params;

use super::conversations::{Conv, Kind};
use super::rows::ids_text;
use super::{Read, Write, calls, conversations, erasures, threads};
use crate::model::call::CallStatus;
use crate::model::erasure;
use crate::model::error::Result;
use crate::model::group::Group;

/// Condition on messages `m`: neither it, nor its conversation, nor whom it is by or about is gone.
macro_rules! there {
    () => {
        "m.conv_id NOT IN (SELECT conv_id FROM gone_conversations)
         AND m.sender_id NOT IN (SELECT user_id FROM gone_users)
         AND NOT (m.category = 'action' AND coalesce(m.subject_id, 0) IN (SELECT user_id FROM gone_users))"
    };
}
pub(super) use there;

/// Rows that one write of the sweep removes: some milliseconds of the writer's time.
pub const PIECE: i64 = 500;

/// Messages are looked at, for those of one user, by this many for each that may be removed.
const LOOKS: i64 = 20;

/// Whether anything is left to be swept.
pub fn any(read: &Read<'_>) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM gone_conversations UNION ALL SELECT 1 FROM gone_groups 
         UNION ALL SELECT 1 FROM gone_users WHERE user_id NOT IN (SELECT user_id FROM ending_users)
         UNION ALL SELECT 1 FROM gone_parents UNION ALL SELECT 1 FROM gone_webhooks",
        [],
    )
}

/// The conversation with all that was said in it is gone.
pub fn conversation(tx: &Write<'_>, conv: i64) -> Result<()> {
    let live = tx.all("SELECT id FROM calls WHERE conv_id = ?1 AND ended_at IS NULL", [conv], |row| row.get(0))?;
    for call in live {
        calls::set_status(tx, call, CallStatus::Ended)?;
    }
    tx.run("DELETE FROM app_pins WHERE conv_id = ?1", [conv])?;
    // No name that can be asked for has a slash. Its two sides may begin anew.
    tx.run("UPDATE conversations SET name = '/' || id, user_a = NULL, user_b = NULL WHERE id = ?1", [conv])?;
    tx.run("INSERT OR IGNORE INTO gone_conversations (conv_id) VALUES (?1)", [conv])?;
    Ok(())
}

/// The group is gone, with its conversation and its members.
pub fn group(tx: &Write<'_>, group: &Group) -> Result<()> {
    conversation(tx, group.conv)?;
    tx.run("UPDATE groups SET guid = '/' || id WHERE id = ?1", [group.id])?;
    tx.run("INSERT INTO gone_groups (group_id) VALUES (?1)", [group.id])?;
    Ok(())
}

/// The user is gone, with his one-on-one conversations and all he said elsewhere. He has left his groups, or is noted as
/// leaving them: his row waits for that.
pub fn user(tx: &mut Write<'_>, id: i64) -> Result<()> {
    tx.credentials_changed();
    let live =
        tx.all("SELECT id FROM calls WHERE (initiator_id = ?1 OR callee_id = ?1) AND ended_at IS NULL", [id], |row| {
            row.get(0)
        })?;
    for call in live {
        calls::set_status(tx, call, CallStatus::Ended)?;
    }
    for sql in [
        "DELETE FROM app_pins WHERE conv_id IN (SELECT id FROM conversations WHERE user_a = ?1 OR user_b = ?1)",
        "INSERT OR IGNORE INTO gone_conversations (conv_id, user_id)
         SELECT id, ?1 FROM conversations WHERE user_a = ?1 OR user_b = ?1",
        "UPDATE conversations SET name = '/' || id, user_a = NULL, user_b = NULL WHERE user_a = ?1 OR user_b = ?1",
    ] {
        tx.run(sql, [id])?;
    }
    tx.run("DELETE FROM call_participants WHERE user_id = ?1 AND state IN ('ringing','joined')", [id])?;
    tx.run(
        "UPDATE users SET uid = '/' || id, deactivated_at = coalesce(deactivated_at, ?2), deleted_at = ?2 WHERE id = ?1",
        [id, tx.now()],
    )?;
    tx.run(
        "INSERT INTO gone_users (user_id, looked_from) VALUES (?1, (SELECT coalesce(max(id), 0) + 1 FROM messages))",
        [id],
    )?;
    Ok(())
}

/// Removes every message of the conversation for good. Whoever is in it stays in it, with nothing to read: a new row takes
/// its place, and the old one is gone with all that hangs on it.
pub fn empty(tx: &Write<'_>, conv: &Conv) -> Result<()> {
    let (a, b, group) = match conv.kind {
        Kind::Pair(a, b) => (Some(a), Some(b), None),
        Kind::Group(group) => (None, None, Some(group)),
    };
    tx.run(
        "UPDATE conversations SET name = '/' || id, user_a = NULL, user_b = NULL, group_id = NULL WHERE id = ?1",
        [conv.id],
    )?;
    let fresh = tx.insert(
        "INSERT INTO conversations (app, name, user_a, user_b, group_id, created_at, updated_at)
         SELECT app, ?2, ?4, ?5, ?6, created_at, ?3 FROM conversations WHERE id = ?1",
        params![conv.id, conv.name, tx.now(), a, b, group],
    )?;
    tx.run(
        "INSERT INTO participants (user_id, conv_id, created_at, updated_at)
         SELECT user_id, ?2, created_at, ?3 FROM participants WHERE conv_id = ?1",
        [conv.id, fresh, tx.now()],
    )?;
    // Records of calls are no messages, and what the app pinned stays pinned.
    tx.run("UPDATE calls SET conv_id = ?2 WHERE conv_id = ?1", [conv.id, fresh])?;
    tx.run("UPDATE app_pins SET conv_id = ?2 WHERE conv_id = ?1", [conv.id, fresh])?;
    conversation(tx, conv.id)
}

/// The message was erased: replies to it hang on nothing, and where threads are read nobody would find them. They become
/// ordinary messages of the conversation, the first of them now.
pub fn parent(tx: &Write<'_>, message: i64) -> Result<()> {
    if detach(tx, message, PIECE)? == PIECE {
        tx.run("INSERT OR IGNORE INTO gone_parents (message_id) VALUES (?1)", [message])?;
    }
    Ok(())
}

fn detach(tx: &Write<'_>, message: i64, most: i64) -> Result<i64> {
    let done = tx.run(
        "UPDATE messages SET parent_id = NULL WHERE id IN (SELECT id FROM messages WHERE parent_id = ?1 ORDER BY id LIMIT ?2)",
        [message, most],
    )?;
    Ok(done as i64)
}

fn sweep_parent(tx: &Write<'_>, message: i64, most: i64) -> Result<i64> {
    let done = detach(tx, message, most)?;
    if done < most {
        tx.run("DELETE FROM gone_parents WHERE message_id = ?1", [message])?;
    }
    Ok(done)
}

/// Removes about `most` rows of what is gone; whether there may be more. Conversations go first and users last, because
/// the row of a group or a user would take its conversations along at once.
pub fn sweep(tx: &Write<'_>, most: i64) -> Result<bool> {
    let first = |sql: &str| tx.first(sql, [], |row| row.get::<_, i64>(0));
    let mut left = most;
    while left > 0 {
        let removed = if let Some(conv) = first("SELECT conv_id FROM gone_conversations ORDER BY conv_id LIMIT 1")? {
            sweep_conversation(tx, conv, left)?
        } else if let Some(group) = first("SELECT group_id FROM gone_groups ORDER BY group_id LIMIT 1")? {
            sweep_group(tx, group, left)?
        } else if let Some(user) = first(
            "SELECT user_id FROM gone_users WHERE user_id NOT IN (SELECT user_id FROM ending_users) ORDER BY user_id LIMIT 1",
        )? {
            sweep_user(tx, user, left)?
        } else if let Some(message) = first("SELECT message_id FROM gone_parents ORDER BY message_id LIMIT 1")? {
            sweep_parent(tx, message, left)?
        } else if let Some(webhook) = first("SELECT webhook FROM gone_webhooks ORDER BY webhook LIMIT 1")? {
            sweep_webhook(tx, webhook, left)?
        } else {
            return Ok(false);
        };
        left -= removed.max(1);
    }
    Ok(true)
}

/// Runs the first of these statements that finds rows of `id` to remove; how many it removed, and what those are called when
/// they are counted. What hangs on a message or a conversation is counted with it, and has no name here.
fn piece<'n>(tx: &Write<'_>, id: i64, most: i64, statements: &[(&'n str, &str)]) -> Result<(i64, &'n str)> {
    for (name, sql) in statements {
        let removed = tx.run(sql, [id, most])?;
        if removed > 0 {
            return Ok((removed as i64, name));
        }
    }
    Ok((0, ""))
}

fn sweep_webhook(tx: &Write<'_>, id: i64, most: i64) -> Result<i64> {
    let removed = tx.run(
        "DELETE FROM deliveries WHERE webhook = ?1 AND event IN (SELECT event FROM deliveries WHERE webhook = ?1 LIMIT ?2)",
        [id, most],
    )?;
    if removed == 0 {
        tx.run("DELETE FROM gone_webhooks WHERE webhook = ?1", [id])?;
    }
    Ok(removed as i64)
}

/// Notes what was taken away of somebody who is being erased.
fn tally(tx: &Write<'_>, user: i64, counts: &[(&str, i64)]) -> Result<()> {
    erasures::tally(tx, user, erasure::Kind::Erase, counts)
}

/// Notes what the next piece of a conversation that goes with a user holds: what they wrote, and what was written to them.
fn tally_conversation(tx: &Write<'_>, id: i64, user: i64, most: i64) -> Result<()> {
    let messages = tx.first(
        "SELECT coalesce(sum(sender_id = ?2), 0), coalesce(sum(sender_id <> ?2), 0)
         FROM (SELECT sender_id, category FROM messages WHERE conv_id = ?1 ORDER BY id DESC LIMIT ?3)
         WHERE category IN ('message','custom','interactive')",
        [id, user, most],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (theirs, others): (i64, i64) = messages.unwrap_or_default();
    tally(tx, user, &[("messages", theirs), ("messagesToThem", others)])
}

fn sweep_conversation(tx: &Write<'_>, id: i64, most: i64) -> Result<i64> {
    let with = tx
        .first("SELECT user_id FROM gone_conversations WHERE conv_id = ?1", [id], |row| row.get::<_, Option<i64>>(0))?
        .flatten();
    if let Some(user) = with {
        tally_conversation(tx, id, user, most)?;
    }
    let (removed, name) = piece(
        tx,
        id,
        most,
        &[
            (
                "",
                "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE conv_id = ?1 ORDER BY id DESC LIMIT ?2)",
            ),
            (
                "",
                "DELETE FROM receipts WHERE (conv_id, user_id, kind, upto) IN (
                 SELECT conv_id, user_id, kind, upto FROM receipts WHERE conv_id = ?1 LIMIT ?2)",
            ),
            (
                "",
                "DELETE FROM own_marks WHERE (conv_id, user_id, block) IN (
                 SELECT conv_id, user_id, block FROM own_marks WHERE conv_id = ?1 LIMIT ?2)",
            ),
            (
                "",
                "DELETE FROM holes WHERE (conv_id, seq) IN (SELECT conv_id, seq FROM holes WHERE conv_id = ?1 LIMIT ?2)",
            ),
            (
                "",
                "DELETE FROM hole_sums WHERE (conv_id, sender_id, block) IN (
                 SELECT conv_id, sender_id, block FROM hole_sums WHERE conv_id = ?1 LIMIT ?2)",
            ),
            (
                "",
                "DELETE FROM participants WHERE (user_id, conv_id) IN (
                 SELECT user_id, conv_id FROM participants WHERE conv_id = ?1 LIMIT ?2)",
            ),
            ("calls", "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE conv_id = ?1 LIMIT ?2)"),
        ],
    )?;
    if let Some(user) = with {
        let counts = [(name, removed), ("conversations", i64::from(removed == 0))];
        tally(tx, user, &counts)?;
    }
    if removed == 0 {
        tx.run("DELETE FROM conversations WHERE id = ?1", [id])?;
    }
    Ok(removed)
}

fn sweep_group(tx: &Write<'_>, id: i64, most: i64) -> Result<i64> {
    let (removed, _) = piece(
        tx,
        id,
        most,
        &[
            (
                "",
                "DELETE FROM members WHERE (group_id, user_id) IN (
                 SELECT group_id, user_id FROM members WHERE group_id = ?1 LIMIT ?2)",
            ),
            (
                "",
                "DELETE FROM bans WHERE (group_id, user_id) IN (SELECT group_id, user_id FROM bans WHERE group_id = ?1 LIMIT ?2)",
            ),
            (
                "",
                "DELETE FROM submitted_messages WHERE id IN (
                 SELECT id FROM submitted_messages WHERE group_id = ?1 AND group_id IS NOT NULL LIMIT ?2)",
            ),
        ],
    )?;
    if removed == 0 {
        tx.run("DELETE FROM groups WHERE id = ?1", [id])?;
    }
    Ok(removed)
}

fn sweep_user(tx: &Write<'_>, id: i64, most: i64) -> Result<i64> {
    let from = tx.number("SELECT looked_from FROM gone_users WHERE user_id = ?1", [id])?;
    if from > 1 {
        let upto = sweep_messages(tx, id, from, most)?;
        tx.run("UPDATE gone_users SET looked_from = ?2 WHERE user_id = ?1", [id, upto])?;
        return Ok(most);
    }
    let (removed, name) = piece(
        tx,
        id,
        most,
        &[
            ("reactions", "DELETE FROM reactions WHERE id IN (SELECT id FROM reactions WHERE user_id = ?1 LIMIT ?2)"),
            ("interactions", "DELETE FROM interactions WHERE (message_id, user_id, element_id) IN (
                 SELECT message_id, user_id, element_id FROM interactions WHERE user_id = ?1 LIMIT ?2)"),
            ("saved", "DELETE FROM saved_messages WHERE (user_id, message_id) IN (
                 SELECT user_id, message_id FROM saved_messages WHERE user_id = ?1 LIMIT ?2)"),
            ("", "DELETE FROM thread_subscriptions WHERE (user_id, parent_id) IN (
                 SELECT user_id, parent_id FROM thread_subscriptions WHERE user_id = ?1 LIMIT ?2)"),
            ("flags", "DELETE FROM message_flags WHERE (message_id, user_id) IN (
                 SELECT message_id, user_id FROM message_flags WHERE user_id = ?1 LIMIT ?2)"),
            ("", "DELETE FROM goals_met WHERE (user_id, message_id) IN (
                 SELECT user_id, message_id FROM goals_met WHERE user_id = ?1 LIMIT ?2)"),
            ("", "DELETE FROM mentions WHERE (user_id, conv_id, message_id) IN (
                 SELECT user_id, conv_id, message_id FROM mentions WHERE user_id = ?1 LIMIT ?2)"),
            ("receipts", "DELETE FROM receipts WHERE (conv_id, user_id, kind, upto) IN (
                 SELECT r.conv_id, r.user_id, r.kind, r.upto FROM participants p
                 CROSS JOIN receipts r ON r.conv_id = p.conv_id AND r.user_id = p.user_id WHERE p.user_id = ?1 LIMIT ?2)"),
            ("votes", "DELETE FROM poll_votes WHERE id IN (SELECT id FROM poll_votes WHERE user_id = ?1 LIMIT ?2)"),
            ("reminders", "DELETE FROM due WHERE id IN (SELECT id FROM due WHERE user_id = ?1 LIMIT ?2)"),
            ("calls", "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE initiator_id = ?1 OR callee_id = ?1 LIMIT ?2)"),
            ("", "DELETE FROM call_participants WHERE (call_id, user_id) IN (
                 SELECT call_id, user_id FROM call_participants WHERE user_id = ?1 LIMIT ?2)"),
            ("submitted", "DELETE FROM submitted_messages WHERE id IN (
                 SELECT id FROM submitted_messages WHERE sender_id = ?1 LIMIT ?2)"),
            ("submitted", "DELETE FROM submitted_messages WHERE id IN (
                 SELECT id FROM submitted_messages WHERE user_id = ?1 AND user_id IS NOT NULL LIMIT ?2)"),
        ],
    )?;
    tally(tx, id, &[(name, removed)])?;
    if removed == 0 {
        // These go with the row.
        let friends = tx.number("SELECT count(*) FROM friends WHERE user_id = ?1", [id])?;
        let blocks = tx.number(
            "SELECT (SELECT count(*) FROM blocks WHERE user_id = ?1) + (SELECT count(*) FROM blocks WHERE blocked_id = ?1)",
            [id],
        )?;
        tally(tx, id, &[("friends", friends), ("blocks", blocks)])?;
        tx.run("DELETE FROM users WHERE id = ?1", [id])?;
    }
    Ok(removed)
}

/// Removes the user's messages from before message `from`, as far as one write may look; up to where it has looked. No
/// index leads to the messages of a sender: each message sent would pay for it. Notes about him go with them, and those
/// about his calls: what they tell of will not be there.
fn sweep_messages(tx: &Write<'_>, user: i64, from: i64, most: i64) -> Result<i64> {
    let least = (from - most * LOOKS).max(1);
    let found: Vec<(Doomed, bool)> = tx.all(
        "SELECT id, conv_id, parent_id, deleted_at IS NULL AND flags & 512 = 0,
                category IN ('message','custom','interactive') FROM messages
         WHERE id >= ?2 AND id < ?3
           AND (sender_id = ?1 OR (category = 'action' AND subject_id = ?1)
                OR (category = 'call' AND EXISTS (SELECT 1 FROM calls c WHERE c.id = subject_id AND c.initiator_id = ?1)))
         ORDER BY id DESC LIMIT ?4",
        [user, least, from, most],
        |row| {
            Ok((Doomed { id: row.get(0)?, conv: row.get(1)?, parent: row.get(2)?, seen: row.get(3)? }, row.get(4)?))
        },
    )?;
    let (found, written): (Vec<Doomed>, Vec<bool>) = found.into_iter().unzip();
    tally(tx, user, &[("messages", written.iter().filter(|written| **written).count() as i64)])?;
    remove(tx, &found)?;
    Ok(match found.last() {
        Some(last) if found.len() as i64 == most => last.id,
        _ => least,
    })
}

/// A message that is to be removed.
pub(super) struct Doomed {
    pub id: i64,
    pub conv: i64,
    pub parent: Option<i64>,
    /// Everybody sees it: neither deleted nor hidden by a review.
    pub seen: bool,
}

/// Removes messages with all that hangs on them, and mends what counted them.
pub(super) fn remove(tx: &Write<'_>, doomed: &[Doomed]) -> Result<()> {
    let ids = ids_text(doomed.iter().map(|message| message.id));
    tx.run(
        "INSERT OR IGNORE INTO holes (conv_id, seq, sender_id) SELECT conv_id, seq, sender_id FROM messages
         WHERE id IN (SELECT value FROM json_each(?1)) AND category IN ('message','custom','interactive')",
        [&ids],
    )?;
    tx.run("DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?1))", [&ids])?;
    tx.run(
        "INSERT OR IGNORE INTO gone_parents (message_id) SELECT value FROM json_each(?1) i
         WHERE EXISTS (SELECT 1 FROM messages r WHERE r.parent_id = i.value)",
        [&ids],
    )?;
    let mut convs: Vec<i64> = doomed.iter().map(|message| message.conv).collect();
    convs.sort_unstable();
    convs.dedup();
    for conv in convs {
        conversations::refresh_last(tx, conv)?;
    }
    for message in doomed {
        let Some(parent) = message.parent else { continue };
        if message.seen {
            threads::lose_reply(tx, parent)?;
        }
        threads::forget_reply(tx, parent)?;
    }
    Ok(())
}

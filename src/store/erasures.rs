//! Anonymising and erasing people: what it would touch, and the steps that take it away.
//!
//! What must hold at once does at once (`actions::erasures`): nobody finds them any more. What is left to do is noted in
//! `erasures` and done by [`sweep`] a piece at a time, so that no write waits for it and a restart goes on where it was.
//! The order matters: the uid is forgotten last of what names them, then the search index is put together anew, because
//! it only marks what went; then files go; then the database file is put together anew and the log is emptied, because
//! both hold pieces of pages as they were. The writer's connection overwrites what it frees (see `db`), but not the copies
//! that SQLite leaves in the unused parts of pages when it balances a tree.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rusqlite::params;

use super::moderation::submitted;
use super::rows::ids_text;
use super::{Read, Write, kept};
use crate::model::erasure::{Kind, without_mentions};
use crate::model::error::Result;

/// Messages looked at by one write: some milliseconds.
const MESSAGES: i64 = 1_000;
/// Rows of another kind changed by one write.
const PIECE: i64 = 200;
/// Pages of the search index that one write puts together anew.
const PAGES: i64 = 32;

/// How many there are of each kind, by its name.
pub type Counts = BTreeMap<Cow<'static, str>, i64>;

/// What ends with a login, whichever way.
const ENDS: &[(&str, &str)] = &[
    ("logins", "SELECT count(*) FROM tokens WHERE user_id = ?2 AND ?1 > 0"),
    ("pushTokens", "SELECT count(*) FROM push_tokens WHERE user_id = ?2 AND ?1 > 0"),
    ("memberships", "SELECT count(*) FROM members WHERE user_id = ?2 AND ?1 > 0"),
    ("ownedGroups", "SELECT count(*) FROM groups WHERE owner_id = ?2 AND ?1 > 0"),
];

/// What names them.
const NAMES: &[(&str, &str)] = &[
    (
        "messages",
        "SELECT count(*) FROM messages WHERE app = ?1 AND sent_at > 0 AND sender_id = ?2
         AND category IN ('message','custom','interactive')",
    ),
    ("mentions", "SELECT count(*) FROM mentions WHERE user_id = ?2 AND ?1 > 0"),
    ("conversations", "SELECT count(*) FROM conversations WHERE (user_a = ?2 OR user_b = ?2) AND ?1 > 0"),
    ("reminders", "SELECT count(*) FROM due WHERE user_id = ?2 AND kind = 'reminder' AND ?1 > 0"),
    (
        "submitted",
        "SELECT count(*) FROM (SELECT id FROM submitted_messages WHERE sender_id = ?2 UNION
                               SELECT id FROM submitted_messages WHERE user_id = ?2 AND user_id IS NOT NULL) WHERE ?1 > 0",
    ),
];

/// What is removed besides, when everything is.
const REST: &[(&str, &str)] = &[
    (
        "messagesToThem",
        "SELECT count(*) FROM conversations c CROSS JOIN messages m ON m.conv_id = c.id
         WHERE (c.user_a = ?2 OR c.user_b = ?2) AND m.sender_id <> ?2 AND m.category IN ('message','custom','interactive')
           AND ?1 > 0",
    ),
    ("files", "SELECT count(*) FROM attachments WHERE user_id = ?2 AND user_id > 0 AND ?1 > 0"),
    ("fileBytes", "SELECT coalesce(sum(bytes), 0) FROM file_bytes WHERE app = ?1 AND user_id = ?2"),
    ("reactions", "SELECT count(*) FROM reactions WHERE user_id = ?2 AND ?1 > 0"),
    ("votes", "SELECT count(*) FROM poll_votes WHERE user_id = ?2 AND ?1 > 0"),
    ("flags", "SELECT count(*) FROM message_flags WHERE user_id = ?2 AND ?1 > 0"),
    ("saved", "SELECT count(*) FROM saved_messages WHERE user_id = ?2 AND ?1 > 0"),
    ("interactions", "SELECT count(*) FROM interactions WHERE user_id = ?2 AND ?1 > 0"),
    (
        "receipts",
        "SELECT count(*) FROM participants p CROSS JOIN receipts r ON r.conv_id = p.conv_id AND r.user_id = p.user_id
         WHERE p.user_id = ?2 AND ?1 > 0",
    ),
    (
        "calls",
        "SELECT count(*) FROM (SELECT id FROM calls WHERE initiator_id = ?2 UNION
                               SELECT id FROM calls WHERE callee_id = ?2 AND callee_id IS NOT NULL) WHERE ?1 > 0",
    ),
    ("friends", "SELECT count(*) FROM friends WHERE user_id = ?2 AND ?1 > 0"),
    (
        "blocks",
        "SELECT (SELECT count(*) FROM blocks WHERE user_id = ?2) + (SELECT count(*) FROM blocks WHERE blocked_id = ?2)
         WHERE ?1 > 0",
    ),
];

/// What of the user (users.id) ends at once: no more than their own logins and places in groups, so that a write may count
/// them.
pub fn ends(read: &Read<'_>, app: i64, user: i64) -> Result<Counts> {
    numbers(read, &[ENDS], app, user)
}

/// What that kind of end would touch of the user (users.id). It looks through all messages of the app: for a dry run alone.
pub fn count(read: &Read<'_>, app: i64, user: i64, kind: Kind) -> Result<Counts> {
    let lists: &[&[(&'static str, &str)]] = match kind {
        Kind::Soft => &[ENDS],
        Kind::Anonymise => &[ENDS, NAMES],
        Kind::Erase => &[ENDS, NAMES, REST],
    };
    numbers(read, lists, app, user)
}

fn numbers(read: &Read<'_>, lists: &[&[(&'static str, &str)]], app: i64, user: i64) -> Result<Counts> {
    lists
        .iter()
        .flat_map(|list| list.iter())
        .map(|(name, sql)| Ok(((*name).into(), read.number(sql, [app, user])?)))
        .collect()
}

/// Adds to what was taken away of the user (users.id), or changed, by the names of [`count`]; what has none is not counted.
pub(super) fn tally(tx: &Write<'_>, user: i64, kind: Kind, counts: &[(&str, i64)]) -> Result<()> {
    for (name, more) in counts.iter().filter(|(name, more)| *more > 0 && !name.is_empty()) {
        tx.run(
            "UPDATE erasures SET counts = json_set(counts, '$.' || ?3, coalesce(json_extract(counts, '$.' || ?3), 0) + ?4)
             WHERE user_id = ?1 AND kind = ?2",
            params![user, kind.as_str(), name, more],
        )?;
    }
    Ok(())
}

/// Gives the user the neutral uid and name, and nothing else of a profile.
pub fn anonymise(tx: &mut Write<'_>, user: i64, neutral: &str, name: &str) -> Result<()> {
    tx.credentials_changed();
    tx.run(
        "UPDATE users SET uid = ?2, name = ?3, avatar = NULL, link = NULL, metadata = NULL, status_message = NULL,
                tags = NULL, last_active_at = NULL, updated_at = ?4 WHERE id = ?1",
        params![user, neutral, name, tx.now()],
    )?;
    Ok(())
}

/// What becomes of whom.
pub struct New<'a> {
    pub app: i64,
    pub user: i64,
    pub kind: Kind,
    pub uid: &'a str,
    pub neutral: &'a str,
    pub digest: &'a str,
}

/// Notes that something is left to be taken away.
pub fn insert(tx: &Write<'_>, new: &New<'_>) -> Result<()> {
    tx.run(
        "INSERT INTO erasures (app, user_id, kind, uid, neutral, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![new.app, new.user, new.kind.as_str(), new.uid, new.neutral, new.digest],
    )?;
    Ok(())
}

/// The one at hand.
pub struct Erasure {
    pub id: i64,
    pub app: i64,
    pub user: i64,
    pub kind: Kind,
    uid: Option<String>,
    neutral: String,
    pub digest: String,
    step: i64,
    position: i64,
    /// JSON: how many of what were taken away or changed so far.
    pub counts: String,
}

// The steps, in their order. Kept in the database: new ones get new numbers.
/// Their groups are told that they are no more.
const GROUPS_TOLD: i64 = 0;
/// What names them in and of messages is rewritten, the newest message first.
const REWRITE: i64 = 1;
/// Who changed a group last.
const GROUPS: i64 = 2;
/// Ids of conversations hold their uid.
const CONVERSATIONS: i64 = 3;
/// What is about them in other tables, events that are told outside at last.
const LEFTOVERS: i64 = 4;
/// Files that they brought.
const FILES: i64 = 5;
/// Their rows are removed (`purge`).
const PURGED: i64 = 6;
/// The search index hears of all that.
const INDEXED: i64 = 7;
/// It is put together anew: begun, and gone on with.
const MERGE: i64 = 8;
const MERGING: i64 = 9;
/// Files leave the disk.
const SWEPT: i64 = 10;
/// The file is put together anew: pages that were balanced may hold copies of what went in their unused parts.
const COMPACT: i64 = 11;
/// The log is emptied.
const LOG: i64 = 12;

/// What goes on next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// [`sweep`].
    Write,
    /// Somebody else's work: their groups, the purge, the search index.
    Wait,
    /// Files are swept.
    Files,
    /// The database file is put together anew; then [`compacted`].
    Compact,
    /// The log is emptied; then [`finish`].
    Log,
}

/// The oldest that is not finished; those that only wait for the file to be put together anew come last. Those of deleted
/// apps go with the app.
pub fn next(read: &Read<'_>) -> Result<Option<Erasure>> {
    read.first(
        "SELECT id, app, user_id, kind, uid, neutral, digest, step, position, counts FROM erasures ORDER BY step = ?1, id LIMIT 1",
        [COMPACT],
        |row| {
            let kind: String = row.get(3)?;
            Ok(Erasure {
                id: row.get(0)?,
                app: row.get(1)?,
                user: row.get(2)?,
                kind: if kind == "erase" { Kind::Erase } else { Kind::Anonymise },
                uid: row.get(4)?,
                neutral: row.get(5)?,
                digest: row.get(6)?,
                step: row.get(7)?,
                position: row.get(8)?,
                counts: row.get(9)?,
            })
        },
    )
}

/// What it needs now.
pub fn need(read: &Read<'_>, erasure: &Erasure) -> Result<Need> {
    let waits = match erasure.step {
        GROUPS_TOLD => read.exists("SELECT 1 FROM ending_users WHERE user_id = ?1", [erasure.user])?,
        PURGED => read.exists("SELECT 1 FROM gone_users WHERE user_id = ?1", [erasure.user])?,
        INDEXED => read.exists("SELECT 1 FROM search_changes", [])?,
        SWEPT if read.exists("SELECT 1 FROM attachments WHERE expires_at IS NOT NULL AND expires_at <= 0", [])? => {
            return Ok(Need::Files);
        }
        COMPACT => return Ok(Need::Compact),
        LOG => return Ok(Need::Log),
        _ => false,
    };
    Ok(if waits { Need::Wait } else { Need::Write })
}

/// Does a piece of it.
pub fn sweep(tx: &Write<'_>, erasure: &Erasure) -> Result<()> {
    let uid = erasure.uid.as_deref().unwrap_or_default();
    // Where it goes on; `None`: with the next step.
    let position = match erasure.step {
        GROUPS_TOLD => None,
        REWRITE => rewrite(tx, erasure, uid)?,
        GROUPS => {
            let from = erasure.position;
            let upto = tx.first(
                "SELECT max(id) FROM (SELECT id FROM groups WHERE id > ?1 ORDER BY id LIMIT ?2)",
                [from, MESSAGES],
                |row| row.get::<_, Option<i64>>(0),
            )?;
            let upto = upto.flatten();
            tx.run(
                "UPDATE groups SET updated_by = ?5 WHERE id > ?1 AND id <= ?2 AND app = ?3 AND updated_by = ?4",
                params![from, upto.unwrap_or(from), erasure.app, uid, erasure.neutral],
            )?;
            upto
        }
        CONVERSATIONS => rename_conversations(tx, erasure)?,
        LEFTOVERS => leftovers(tx, erasure, uid)?,
        FILES if erasure.kind == Kind::Erase => disown_files(tx, erasure)?,
        MERGE => {
            merge(tx, -PAGES)?;
            None
        }
        MERGING => merge(tx, PAGES)?.then_some(0),
        _ => None,
    };
    match position {
        Some(position) => tx.run("UPDATE erasures SET position = ?2 WHERE id = ?1", [erasure.id, position])?,
        None => {
            let start = match erasure.step + 1 {
                REWRITE => tx.number("SELECT coalesce(max(id), 0) + 1 FROM messages", [])?,
                _ => 0,
            };
            // From then on nothing says it any more, this row included.
            let named = erasure.step < LEFTOVERS;
            tx.run(
                "UPDATE erasures SET step = step + 1, position = ?2, uid = iif(?3, uid, NULL) WHERE id = ?1",
                params![erasure.id, start, named],
            )?
        }
    };
    Ok(())
}

/// The database file was put together anew, for all that waited for it.
pub fn compacted(tx: &Write<'_>) -> Result<()> {
    tx.run("UPDATE erasures SET step = ?2 WHERE step = ?1", [COMPACT, LOG])?;
    Ok(())
}

/// Nothing is left to be done.
pub fn finish(tx: &Write<'_>, erasure: &Erasure) -> Result<()> {
    tx.run("DELETE FROM erasures WHERE id = ?1", [erasure.id])?;
    Ok(())
}

/// Messages before the position: mentions of them become text, and who edited, deleted or pinned is the neutral one. Of
/// messages that stay under the neutral name goes what their devices said of themselves.
fn rewrite(tx: &Write<'_>, erasure: &Erasure, uid: &str) -> Result<Option<i64>> {
    let (before, least) = (erasure.position, (erasure.position - MESSAGES).max(0));
    let bounds = params![least, before, erasure.app, uid];
    let named: Vec<(i64, String)> = tx.all(
        "SELECT id, data FROM messages
         WHERE id >= ?1 AND id < ?2 AND app = ?3 AND instr(lower(data), '@uid:' || ?4) > 0 ORDER BY id",
        bounds,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut mentions = 0;
    for (id, data) in named {
        if let Some(data) = without_mentions(&data, uid) {
            tx.run("UPDATE messages SET data = ?2 WHERE id = ?1", params![id, data])?;
            mentions += 1;
        }
    }
    tx.run(
        "UPDATE messages SET edited_by = iif(edited_by = ?4, ?5, edited_by), deleted_by = iif(deleted_by = ?4, ?5, deleted_by),
                             pinned_by = iif(pinned_by = ?4, ?5, pinned_by)
         WHERE id >= ?1 AND id < ?2 AND app = ?3 AND (edited_by = ?4 OR deleted_by = ?4 OR pinned_by = ?4)",
        params![least, before, erasure.app, uid, erasure.neutral],
    )?;
    if erasure.kind == Kind::Anonymise {
        tx.run(
            "UPDATE messages SET resource = NULL, muid = NULL
             WHERE id >= ?1 AND id < ?2 AND sender_id = ?3 AND (resource IS NOT NULL OR muid IS NOT NULL)",
            [least, before, erasure.user],
        )?;
        let theirs = tx.number(
            "SELECT count(*) FROM messages WHERE id >= ?1 AND id < ?2 AND sender_id = ?3
             AND category IN ('message','custom','interactive')",
            [least, before, erasure.user],
        )?;
        tally(tx, erasure.user, erasure.kind, &[("messages", theirs)])?;
    }
    tally(tx, erasure.user, erasure.kind, &[("mentions", mentions)])?;
    Ok((least > 0).then_some(least))
}

/// The uid in ids of one-on-one conversations. Those of who is erased have given up their names already.
fn rename_conversations(tx: &Write<'_>, erasure: &Erasure) -> Result<Option<i64>> {
    if erasure.kind == Kind::Erase {
        return Ok(None);
    }
    let found: Vec<(i64, String, String)> = tx.all(
        "SELECT c.id, a.uid, b.uid FROM conversations c CROSS JOIN users a ON a.id = c.user_a CROSS JOIN users b ON b.id = c.user_b
         WHERE c.id IN (SELECT id FROM conversations WHERE user_a = ?1 UNION SELECT id FROM conversations WHERE user_b = ?1 AND user_b IS NOT NULL)
           AND c.id > ?2 ORDER BY c.id LIMIT ?3",
        [erasure.user, erasure.position, PIECE],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for (id, a, b) in &found {
        let name = crate::model::user::conversation_name(a, b);
        tx.run("UPDATE conversations SET name = ?2 WHERE id = ?1", params![id, name])?;
    }
    tally(tx, erasure.user, erasure.kind, &[("conversations", found.len() as i64)])?;
    Ok(found.last().map(|(id, ..)| *id))
}

/// What other tables say of them. `Some`: there may be more.
fn leftovers(tx: &Write<'_>, erasure: &Erasure, uid: &str) -> Result<Option<i64>> {
    let user = erasure.user;
    // Events come last, by their ids; before them what was submitted, by its own, which stand here as negative numbers.
    match erasure.position {
        1.. => return kept::forget_person(tx, erasure.app, uid, erasure.position),
        0 => {}
        after => return forget_submitted(tx, erasure, uid, -after),
    }
    let mutes = ids_text(tx.all(
        "SELECT m.user_id FROM mutes m CROSS JOIN users u ON u.id = m.user_id
         WHERE m.id = ?1 AND m.type = 'oneOnOne' AND u.app = ?2 LIMIT ?3",
        params![uid, erasure.app, PIECE],
        |row| row.get(0),
    )?);
    let mut changed = tx.run(
        "DELETE FROM mutes WHERE user_id IN (SELECT value FROM json_each(?1)) AND type = 'oneOnOne' AND id = ?2",
        params![mutes, uid],
    )?;
    if changed == 0 {
        for (name, sql) in [
            (
                "pushTokens",
                "DELETE FROM push_tokens WHERE id IN (SELECT id FROM push_tokens WHERE user_id = ?1 LIMIT ?2)",
            ),
            (
                "",
                "DELETE FROM mutes WHERE (user_id, type, id) IN (SELECT user_id, type, id FROM mutes WHERE user_id = ?1 LIMIT ?2)",
            ),
            ("", "DELETE FROM notification_choices WHERE user_id = ?1 AND ?2 > 0"),
            (
                "reminders",
                "DELETE FROM due WHERE id IN (SELECT id FROM due WHERE user_id = ?1 AND kind = 'reminder' LIMIT ?2)",
            ),
            (
                "",
                "UPDATE participants SET tags = NULL WHERE (user_id, conv_id) IN (
                 SELECT user_id, conv_id FROM participants WHERE user_id = ?1 AND tags IS NOT NULL LIMIT ?2)",
            ),
        ] {
            changed = tx.run(sql, [user, PIECE])?;
            if changed > 0 {
                tally(tx, user, erasure.kind, &[(name, changed as i64)])?;
                break;
            }
        }
    }
    match changed {
        0 => forget_submitted(tx, erasure, uid, 0),
        _ => Ok(Some(0)),
    }
}

/// What an app asked about, from, to or of them.
fn forget_submitted(tx: &Write<'_>, erasure: &Erasure, uid: &str, after: i64) -> Result<Option<i64>> {
    let (own, upto) = submitted::forget_person(tx, erasure.app, (erasure.user, uid), after)?;
    tally(tx, erasure.user, erasure.kind, &[("submitted", own)])?;
    match upto {
        Some(upto) => Ok(Some(-upto)),
        None => kept::forget_person(tx, erasure.app, uid, 0),
    }
}

/// Files that no message of others shows go; those that one shows are the app's from now on.
fn disown_files(tx: &Write<'_>, erasure: &Erasure) -> Result<Option<i64>> {
    let found: Vec<(i64, i64)> = tx.all(
        "SELECT id, size FROM attachments WHERE user_id = ?1 AND user_id > 0 ORDER BY id LIMIT ?2",
        [erasure.user, PIECE],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (ids, bytes) = (ids_text(found.iter().map(|(id, _)| *id)), found.iter().map(|(_, size)| size).sum::<i64>());
    if found.is_empty() {
        return Ok(None);
    }
    tally(tx, erasure.user, erasure.kind, &[("files", found.len() as i64), ("fileBytes", bytes)])?;
    // Those in their messages go with them: the purge comes next.
    tx.run(
        "UPDATE attachments SET user_id = 0, expires_at = CASE
             WHEN EXISTS (SELECT 1 FROM attachment_uses x WHERE x.attachment_id = attachments.id)
               OR EXISTS (SELECT 1 FROM stickers s WHERE s.attachment_id = attachments.id) THEN expires_at ELSE 0 END
         WHERE id IN (SELECT value FROM json_each(?1))",
        [&ids],
    )?;
    tx.run(
        "INSERT INTO file_bytes (app, user_id, bytes) VALUES (?1, 0, ?2)
         ON CONFLICT (app, user_id) DO UPDATE SET bytes = bytes + excluded.bytes",
        [erasure.app, bytes],
    )?;
    tx.run(
        "UPDATE file_bytes SET bytes = bytes - ?3 WHERE app = ?1 AND user_id = ?2",
        [erasure.app, erasure.user, bytes],
    )?;
    tx.run("DELETE FROM file_bytes WHERE app = ?1 AND user_id = ?2 AND bytes <= 0", [erasure.app, erasure.user])?;
    Ok(Some(0))
}

/// Puts some pages of the search index together anew; whether there may be more. A negative number takes in all of it.
fn merge(tx: &Write<'_>, pages: i64) -> Result<bool> {
    let changes = || tx.number("SELECT total_changes()", []);
    let before = changes()?;
    tx.run("INSERT INTO search (search, rank) VALUES ('merge', ?1)", [pages])?;
    // By its manual: a difference below 2 means that there was nothing to do.
    Ok(changes()? - before >= 2)
}

/// The user with this uid whatever became of them, unless they were erased; the app's own is none. Their users.id.
pub fn whoever(read: &Read<'_>, app: i64, uid: &str) -> Result<Option<i64>> {
    read.first("SELECT id FROM users WHERE app = ?1 AND uid = ?2 AND system = 0", params![app, uid], |row| row.get(0))
}

//! What an import writes beside what the app's own rows are written by: where things came from, and their past.
//!
//! A message keeps its id where that is above every id ever given here; else it gets the next one. Either way which message
//! became which is noted in the same write, so that an import that was stopped goes on without doing anything twice.

use rusqlite::params;

use super::conversations::{Conv, refresh_last, set_delivered, set_read};
use super::messages::{self, Row};
use super::{Read, Write};
use crate::model::error::Result;
use crate::model::flags;
use crate::model::json::Raw;
use crate::model::moderation::Verdict;
use crate::model::transfer::{self, MOST_ID};

fn text(raw: &Option<Raw>) -> Option<&str> {
    raw.as_ref().map(|raw| raw.get())
}

/// The import of an app of this id into the app (apps.id), begun now if it is the first.
pub fn begin(tx: &Write<'_>, app: i64, source: &str) -> Result<i64> {
    tx.run(
        "INSERT INTO imports (app, source, begun_at) VALUES (?1, ?2, ?3) ON CONFLICT (app, source) DO UPDATE SET finished_at = NULL",
        params![app, source, tx.now()],
    )?;
    tx.number("SELECT id FROM imports WHERE app = ?1 AND source = ?2", params![app, source])
}

/// When it was begun, the first time.
pub fn begun_at(read: &Read<'_>, import: i64) -> Result<i64> {
    read.number("SELECT begun_at FROM imports WHERE id = ?1", [import])
}

/// All of it is there. Where no reply came to a thread that had one (it was refused, or is not in the export), it is none.
pub fn finish(tx: &Write<'_>, import: i64) -> Result<()> {
    tx.run(
        "UPDATE messages SET last_reply_at = NULL
         WHERE app = (SELECT app FROM imports WHERE id = ?1) AND last_reply_at IS NOT NULL AND reply_count = 0",
        [import],
    )?;
    tx.run("UPDATE imports SET finished_at = ?2 WHERE id = ?1", [import, tx.now()])?;
    Ok(())
}

/// The app (its public id) of this name into which an import from `source` was begun and not finished.
pub fn unfinished(read: &Read<'_>, source: &str, name: &str) -> Result<Option<String>> {
    read.first(
        "SELECT a.app_id FROM imports i JOIN apps a ON a.id = i.app
         WHERE i.source = ?1 AND a.name = ?2 AND i.finished_at IS NULL AND a.deleted_at IS NULL ORDER BY i.id LIMIT 1",
        params![source, name],
        |row| row.get(0),
    )
}

/// What became of a message.
pub fn message_of(read: &Read<'_>, import: i64, source: i64) -> Result<Option<i64>> {
    read.first(
        "SELECT message_id FROM imported_messages WHERE import = ?1 AND source_id = ?2",
        [import, source],
        |row| row.get(0),
    )
}

/// The newest message of the conversation that is not newer than what became of message `source`: its id and the
/// conversation's count at it.
pub fn upto(read: &Read<'_>, import: i64, conv: i64, source: i64) -> Result<Option<(i64, i64)>> {
    let known = read.first(
        "SELECT message_id FROM imported_messages WHERE import = ?1 AND source_id <= ?2 ORDER BY source_id DESC LIMIT 1",
        [import, source],
        |row| row.get(0),
    )?;
    known.map_or(Ok(None), |id| messages::at_or_before(read, conv, id, None))
}

pub fn note_message(tx: &Write<'_>, import: i64, source: i64, message: i64) -> Result<()> {
    tx.run(
        "INSERT OR REPLACE INTO imported_messages (import, source_id, message_id) VALUES (?1, ?2, ?3)",
        [import, source, message],
    )?;
    Ok(())
}

/// The next message gets this id, if it is above every id there ever was.
pub fn keep_id(tx: &Write<'_>, id: i64) -> Result<()> {
    if !(1..=MOST_ID).contains(&id) {
        return Ok(());
    }
    let known = tx.run("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'messages'", [id - 1])?;
    if known == 0 {
        tx.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('messages', ?1)", [id - 1])?;
    }
    Ok(())
}

/// What a file is called here.
pub fn file_of(read: &Read<'_>, import: i64, name: &str) -> Result<Option<String>> {
    read.first("SELECT name FROM imported_files WHERE import = ?1 AND source_name = ?2", params![import, name], |row| {
        row.get(0)
    })
}

/// Seconds in which a file that was announced is to arrive and to be shown by a message.
const FILE_WAIT: i64 = 90 * 86_400;

/// Makes room for a file under its own name, or another one if that is taken here. Its name, unless it is known.
pub fn promise_file(
    tx: &Write<'_>,
    import: i64,
    app: i64,
    owner: i64,
    file: &transfer::File,
) -> Result<Option<String>> {
    if file_of(tx, import, &file.name)?.is_some() {
        return Ok(None);
    }
    let mut name = file.name.clone();
    if tx.exists("SELECT 1 FROM attachments WHERE name = ?1", [&name])? {
        let extension = name.split_once('.').map_or("", |(_, extension)| extension);
        let dot = if extension.is_empty() { "" } else { "." };
        name = format!("{}{dot}{extension}", tx.ids().hex(16));
    }
    tx.run(
        "INSERT INTO attachments (app, user_id, name, title, mime_type, size, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            app,
            owner,
            name,
            file.title,
            file.mime_type,
            file.size.max(0),
            file.created_at.unwrap_or(tx.now()),
            tx.now() + FILE_WAIT
        ],
    )?;
    tx.run(
        "INSERT INTO imported_files (import, source_name, name) VALUES (?1, ?2, ?3)",
        params![import, file.name, name],
    )?;
    Ok(Some(name))
}

/// Whether the content of a file, by its name here, is still to come.
pub fn awaits_file(read: &Read<'_>, name: &str) -> Result<bool> {
    read.exists("SELECT 1 FROM attachments WHERE name = ?1 AND arrived_at IS NULL", [name])
}

/// The file is whole and on disk.
pub fn file_arrived(tx: &Write<'_>, name: &str, size: i64) -> Result<()> {
    tx.run("UPDATE attachments SET arrived_at = ?3, size = ?2 WHERE name = ?1", params![name, size, tx.now()])?;
    Ok(())
}

/// Whether there was none.
pub fn put_role(tx: &mut Write<'_>, app: i64, role: &transfer::Role) -> Result<bool> {
    let there = tx.exists("SELECT 1 FROM roles WHERE app = ?1 AND role = ?2", params![app, role.role])?;
    // Every app has the default role from the start; what it is here is told by the export.
    if there && role.role != "default" {
        return Ok(false);
    }
    tx.credentials_changed();
    tx.run(
        "INSERT OR REPLACE INTO roles (app, role, name, description, metadata, settings, permissions, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            app,
            role.role,
            role.name,
            role.description,
            text(&role.metadata),
            text(&role.settings),
            text(&role.permissions),
            role.created_at.unwrap_or(tx.now()),
            role.updated_at
        ],
    )?;
    for one in &role.restricted {
        tx.run(
            "INSERT OR IGNORE INTO restricted_features (app, role, feature, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![app, role.role, one.feature, one.created_at],
        )?;
    }
    Ok(!there)
}

/// Whether there was none.
pub fn put_reason(tx: &Write<'_>, app: i64, reason: &transfer::Reason) -> Result<bool> {
    // The usual ones came with the app, at its own time.
    let new = tx.run(
        "INSERT INTO flag_reasons (app, id, name, description, usual, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (app, id) DO UPDATE SET name = ?3, description = ?4, created_at = ?6, updated_at = ?7
         WHERE usual = 1 AND created_at <> ?6",
        params![
            app,
            reason.id,
            reason.name,
            reason.description,
            reason.usual,
            reason.created_at,
            reason.updated_at.unwrap_or(reason.created_at)
        ],
    )?;
    Ok(new > 0)
}

pub fn put_extension(tx: &Write<'_>, app: i64, extension: &transfer::Extension) -> Result<bool> {
    let sql = "INSERT OR IGNORE INTO app_extensions (app, extension, enabled) VALUES (?1, ?2, ?3)";
    Ok(tx.run(sql, params![app, extension.extension, extension.enabled])? > 0)
}

pub fn put_notifications(tx: &Write<'_>, app: i64, settings: &str) -> Result<bool> {
    Ok(tx.run("INSERT OR IGNORE INTO notification_settings (app, settings) VALUES (?1, ?2)", params![app, settings])?
        > 0)
}

/// What an export knows of a user beyond the data import.
pub fn set_user(tx: &mut Write<'_>, id: i64, user: &transfer::User) -> Result<()> {
    tx.credentials_changed();
    tx.run(
        "UPDATE users SET updated_at = ?2, deleted_at = ?3, bot = ?4, deactivated_at = coalesce(deactivated_at, ?3) WHERE id = ?1",
        params![id, user.updated_at, user.deleted_at, user.bot],
    )?;
    if user.preferences.is_some() || user.timezone.is_some() || user.email.is_some() || user.phno.is_some() {
        tx.run(
            "INSERT OR REPLACE INTO notification_choices (user_id, preferences, timezone, email, phno) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, text(&user.preferences), user.timezone, user.email, user.phno],
        )?;
    }
    for mute in &user.mutes {
        tx.run(
            "INSERT OR IGNORE INTO mutes (user_id, type, id, until) VALUES (?1, ?2, ?3, ?4)",
            params![id, mute.kind, mute.id, mute.until],
        )?;
    }
    Ok(())
}

/// Whether they were none.
pub fn put_friends(tx: &Write<'_>, a: i64, b: i64, at: i64) -> Result<bool> {
    let new = tx.run(
        "INSERT OR IGNORE INTO friends (user_id, friend_id, created_at) VALUES (?1, ?2, ?3), (?2, ?1, ?3)",
        [a, b, at],
    )?;
    Ok(new > 0)
}

/// What an export knows of a group beyond the data import.
pub fn set_group(tx: &Write<'_>, id: i64, group: &transfer::Group) -> Result<()> {
    tx.run(
        "UPDATE groups SET permissions = ?2, updated_at = ?3, updated_by = ?4 WHERE id = ?1",
        params![id, text(&group.permissions), group.updated_at, group.updated_by],
    )?;
    Ok(())
}

/// A sticker whose file is `file` here. Whether it is new.
pub fn put_sticker(tx: &Write<'_>, app: i64, sticker: &transfer::Sticker, file: &str) -> Result<bool> {
    let known = tx.exists(
        "SELECT 1 FROM stickers s JOIN attachments f ON f.id = s.attachment_id WHERE s.app = ?1 AND f.name = ?2 AND s.created_at = ?3",
        params![app, file, sticker.created_at],
    )?;
    if known {
        return Ok(false);
    }
    let name = free(tx, "SELECT 1 FROM stickers WHERE name = ?1", &sticker.name)?;
    let new = tx.run(
        "INSERT INTO stickers (app, name, title, set_title, set_position, position, attachment_id, created_at, removed_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, id, ?8, ?9 FROM attachments WHERE name = ?7",
        params![
            app,
            name,
            sticker.title,
            sticker.set_title,
            sticker.set_position,
            sticker.position,
            file,
            sticker.created_at,
            sticker.removed_at
        ],
    )?;
    tx.run("UPDATE attachments SET expires_at = NULL WHERE name = ?1", [file])?;
    Ok(new > 0)
}

/// The name, or another one if it is taken.
fn free(tx: &Write<'_>, taken: &str, name: &str) -> Result<String> {
    Ok(match tx.exists(taken, [name])? {
        true => tx.ids().hex(16),
        false => name.to_owned(),
    })
}

/// A call that is over, without who was in it; `None`: it is there.
pub fn put_call(
    tx: &Write<'_>,
    (app, conv): (i64, i64),
    (initiator, callee): (i64, Option<i64>),
    call: &transfer::Call,
) -> Result<Option<i64>> {
    tx.first(
        "INSERT INTO calls (app, session_id, conv_id, initiator_id, callee_id, type, status, metadata, initiated_at, started_at, ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (app, session_id) DO NOTHING RETURNING id",
        params![
            app,
            call.session_id,
            conv,
            initiator,
            callee,
            call.kind,
            call.status,
            text(&call.metadata),
            call.initiated_at,
            call.started_at,
            call.ended_at.unwrap_or(call.initiated_at)
        ],
        |row| row.get(0),
    )
}

pub fn put_participant(tx: &Write<'_>, call: i64, user: i64, one: &transfer::Participant) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO call_participants (call_id, user_id, state, joined_at, left_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![call, user, one.state, one.joined_at, one.left_at],
    )?;
    Ok(())
}

/// What became of a message since it was sent. It has no replies yet.
pub fn set_message(tx: &Write<'_>, row: &Row, past: &transfer::Message) -> Result<()> {
    let verdict = past.verdict.as_deref().and_then(Verdict::imported).map_or(0, flags::of_verdict);
    tx.run(
        "UPDATE messages SET updated_at = ?2, edited_at = ?3, edited_by = ?4, deleted_at = ?5, deleted_by = ?6,
                last_reply_at = ?7, pinned_at = ?8, pinned_by = ?9, resource = ?10, flags = flags | ?11 WHERE id = ?1",
        params![
            row.id,
            past.updated_at.unwrap_or(past.sent_at),
            past.edited_at,
            past.edited_by,
            past.deleted_at,
            past.deleted_by,
            past.last_reply_at,
            past.pinned_at,
            past.pinned_by,
            past.resource,
            verdict
        ],
    )?;
    // What nobody sees is unread for nobody.
    if past.deleted_at.is_some() || verdict == flags::DISAPPROVED {
        messages::leave_hole(tx, row)?;
    }
    if verdict == flags::DISAPPROVED {
        refresh_last(tx, row.conv)?;
    }
    Ok(())
}

/// A reply that everybody sees stands in the thread.
pub fn add_reply(tx: &Write<'_>, parent: i64, sent_at: i64) -> Result<()> {
    tx.run(
        "UPDATE messages SET reply_count = reply_count + 1, last_reply_at = max(coalesce(last_reply_at, 0), ?2) WHERE id = ?1",
        [parent, sent_at],
    )?;
    Ok(())
}

pub fn put_saved(tx: &Write<'_>, message: i64, user: i64, at: i64) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO saved_messages (user_id, message_id, saved_at) VALUES (?1, ?2, ?3)",
        [user, message, at],
    )?;
    Ok(())
}

pub fn put_flagged(tx: &Write<'_>, app: i64, message: i64, flagged: &transfer::Flagged) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO flagged_messages (message_id, app, status, reviewed_at) VALUES (?1, ?2, ?3, ?4)",
        params![message, app, flagged.status, flagged.reviewed_at],
    )?;
    Ok(())
}

pub fn put_flag(tx: &Write<'_>, message: i64, user: i64, flag: &transfer::Flag) -> Result<()> {
    tx.run(
        "INSERT OR IGNORE INTO message_flags (message_id, user_id, reason, remark, flagged_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![message, user, flag.reason, flag.remark, flag.flagged_at],
    )?;
    Ok(())
}

pub fn put_disappears(tx: &Write<'_>, app: i64, message: i64, user: i64, due: &transfer::Disappears) -> Result<()> {
    let name = free(tx, "SELECT 1 FROM due WHERE name = ?1", &due.name)?;
    tx.run(
        "INSERT OR IGNORE INTO due (at, kind, app, user_id, name, message_id, time_ms, created_at)
         VALUES (?1, 'disappear', ?2, ?3, ?4, ?5, ?6, ?7)",
        params![due.at, app, user, name, message, due.time_ms, due.created_at],
    )?;
    Ok(())
}

/// Whether it is new.
pub fn put_reminder(
    tx: &Write<'_>,
    app: i64,
    user: i64,
    message: Option<i64>,
    due: &transfer::Reminder,
) -> Result<bool> {
    let known = tx.exists(
        "SELECT 1 FROM due WHERE user_id = ?1 AND kind = 'reminder' AND at = ?2 AND created_at = ?3 AND message_id IS ?4 AND about IS ?5",
        params![user, due.at, due.created_at, message, due.about],
    )?;
    if known {
        return Ok(false);
    }
    let name = free(tx, "SELECT 1 FROM due WHERE name = ?1", &due.name)?;
    let new = tx.run(
        "INSERT INTO due (at, kind, app, user_id, name, message_id, about, time_ms, created_at)
         VALUES (?1, 'reminder', ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![due.at, app, user, name, message, due.about, due.time_ms, due.created_at],
    )?;
    Ok(new > 0)
}

/// When it was begun and last moved. Whether that changed anything.
pub fn set_conversation(tx: &Write<'_>, conv: i64, times: &transfer::Conversation) -> Result<bool> {
    let changed = tx.run(
        "UPDATE conversations SET created_at = min(created_at, ?2), updated_at = max(?3, coalesce(
                (SELECT m.sent_at FROM messages m WHERE m.id = preview_id), 0))
         WHERE id = ?1 AND (created_at > ?2 OR updated_at <> ?3)",
        [conv, times.created_at, times.updated_at],
    )?;
    Ok(changed > 0)
}

/// Message ids of a mark as they are here: delivered and read (with the count), hidden, since.
pub struct Points {
    pub delivered: Option<i64>,
    pub read: Option<(i64, i64)>,
    pub hidden: Option<i64>,
    pub since: Option<i64>,
}

/// One user's copy as it was. It never goes back behind what they did here. Whether that changed anything.
pub fn set_mark(tx: &Write<'_>, conv: &Conv, user: i64, points: &Points, mark: &transfer::Mark) -> Result<bool> {
    let own = tx.first(
        "SELECT read_id, delivered_id FROM participants WHERE user_id = ?1 AND conv_id = ?2",
        [user, conv.id],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    let Some((read_id, delivered_id)) = own else { return Ok(false) };
    let changed = tx.run(
        "UPDATE participants SET (created_at, updated_at, hidden_id, since_id, tags, pinned_at) = (n.a, n.b, n.c, n.d, n.e, n.f)
         FROM (SELECT coalesce(?3, created_at) AS a, coalesce(?4, updated_at) AS b,
                      CASE WHEN ?5 > hidden_id THEN ?5 WHEN ?8 AND hidden_id = 0 THEN -1 ELSE hidden_id END AS c,
                      max(since_id, coalesce(?6, 0)) AS d, coalesce(tags, ?7) AS e, coalesce(pinned_at, ?9) AS f
               FROM participants WHERE user_id = ?1 AND conv_id = ?2) n
         WHERE user_id = ?1 AND conv_id = ?2
           AND (created_at, updated_at, hidden_id, since_id, tags, pinned_at) IS NOT (n.a, n.b, n.c, n.d, n.e, n.f)",
        params![
            user,
            conv.id,
            mark.created_at,
            mark.updated_at,
            points.hidden,
            points.since,
            mark.tags.as_ref().and_then(|tags| serde_json::to_string(tags).ok()),
            mark.listed,
            mark.pinned_at
        ],
    )?;
    let read = points.read.filter(|(upto, _)| *upto > read_id);
    if let Some((upto, total)) = read {
        set_read(tx, conv, user, upto, total)?;
    }
    let delivered = points.delivered.filter(|upto| *upto > delivered_id);
    if let Some(upto) = delivered {
        set_delivered(tx, conv.id, user, upto)?;
    }
    Ok(changed > 0 || read.is_some() || delivered.is_some())
}

/// Whether it is new.
pub fn put_pin(tx: &Write<'_>, app: i64, conv: Option<i64>, peer: Option<i64>, pin: &transfer::Pin) -> Result<bool> {
    let new = match (conv, peer) {
        (Some(conv), _) => tx.run(
            "INSERT OR IGNORE INTO app_pins (conv_id, app, position, pinned_at) VALUES (?1, ?2, ?3, ?4)",
            [conv, app, pin.position, pin.pinned_at],
        )?,
        (None, Some(peer)) => tx.run(
            "INSERT OR IGNORE INTO app_peer_pins (user_id, app, position, pinned_at) VALUES (?1, ?2, ?3, ?4)",
            [peer, app, pin.position, pin.pinned_at],
        )?,
        (None, None) => 0,
    };
    Ok(new > 0)
}

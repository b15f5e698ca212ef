//! Numbers that are kept beside what they count, counted again.
//!
//! A counter is right when it equals a recount of the rows it stands for. What has to be changed for that is found out by
//! one function ([`fixes`]), from a snapshot or inside the write that then changes it: so what is reported is what is mended,
//! and a server may run beside it, because its writes come before or after the whole of one piece.
//!
//! A piece is a range of rows, or one conversation: whoever writes waits for no more than that. What is deleted in pieces
//! itself (`gone_…`) is passed over.

mod conversation;

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, Rows, params, params_from_iter};

use crate::model::error::Result;

/// Rows looked at by one piece.
const RANGE: i64 = 10_000;

/// A number in a column, and what it should be.
struct Column {
    name: &'static str,
    table: &'static str,
    /// The column by which rows are found and walked.
    key: &'static str,
    column: &'static str,
    /// Which rows of `t` have the number.
    rows: &'static str,
    /// What it should be in row `t`.
    truth: &'static str,
}

const REPLIES: &str =
    "(SELECT count(*) FROM messages r WHERE r.parent_id = t.id AND r.deleted_at IS NULL AND r.flags & 512 = 0)";

/// Every counter that one expression recounts.
const COLUMNS: &[Column] = &[
    Column {
        name: "groups.members_count",
        table: "groups",
        key: "id",
        column: "members_count",
        rows: "t.id NOT IN (SELECT group_id FROM gone_groups)",
        truth: "(SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id WHERE m.group_id = t.id AND u.deactivated_at IS NULL)",
    },
    Column {
        name: "conversations.last_id",
        table: "conversations",
        key: "id",
        column: "last_id",
        rows: "t.id NOT IN (SELECT conv_id FROM gone_conversations)",
        truth: "coalesce((SELECT max(m.id) FROM messages m WHERE m.conv_id = t.id), 0)",
    },
    // Which message shows as the last one is a matter of its past; that it is there, and not hidden, is not.
    Column {
        name: "conversations.preview_id",
        table: "conversations",
        key: "id",
        column: "preview_id",
        rows: "t.preview_id <> 0 AND t.id NOT IN (SELECT conv_id FROM gone_conversations)",
        truth: "CASE WHEN EXISTS (SELECT 1 FROM messages m WHERE m.id = t.preview_id AND m.conv_id = t.id AND m.flags & 512 = 0) THEN t.preview_id
                ELSE coalesce((SELECT max(m.id) FROM messages m WHERE m.conv_id = t.id AND m.flags & 1536 = 0), 0) END",
    },
    Column {
        name: "messages.app",
        table: "messages",
        key: "id",
        column: "app",
        rows: "1",
        truth: "(SELECT c.app FROM conversations c WHERE c.id = t.conv_id)",
    },
    Column {
        name: "messages.reply_count",
        table: "messages",
        key: "id",
        column: "reply_count",
        rows: "t.conv_id NOT IN (SELECT conv_id FROM gone_conversations)",
        truth: REPLIES,
    },
    // The time of the newest reply outlives that reply; without any there is none.
    Column {
        name: "messages.last_reply_at",
        table: "messages",
        key: "id",
        column: "last_reply_at",
        rows: "t.conv_id NOT IN (SELECT conv_id FROM gone_conversations)",
        truth: "CASE WHEN NOT EXISTS (SELECT 1 FROM messages r WHERE r.parent_id = t.id AND r.deleted_at IS NULL AND r.flags & 512 = 0)
                THEN NULL ELSE coalesce(t.last_reply_at, (SELECT max(r.sent_at) FROM messages r WHERE r.parent_id = t.id)) END",
    },
    Column {
        name: "messages.flags",
        table: "messages",
        key: "id",
        column: "flags",
        rows: "1",
        truth: "(t.flags & ~2112) | CASE WHEN EXISTS (SELECT 1 FROM reactions r WHERE r.message_id = t.id) THEN 64 ELSE 0 END
                | CASE WHEN EXISTS (SELECT 1 FROM polls p WHERE p.message_id = t.id) THEN 2048 ELSE 0 END",
    },
    Column {
        name: "flagged_messages.app",
        table: "flagged_messages",
        key: "message_id",
        column: "app",
        rows: "1",
        truth: "(SELECT m.app FROM messages m WHERE m.id = t.message_id)",
    },
    Column {
        name: "moderation_blocked.app",
        table: "moderation_blocked",
        key: "message_id",
        column: "app",
        rows: "1",
        truth: "(SELECT m.app FROM messages m WHERE m.id = t.message_id)",
    },
    // What everybody sees is not blocked, whatever is noted of it.
    Column {
        name: "moderation_blocked.status",
        table: "moderation_blocked",
        key: "message_id",
        column: "status",
        rows: "EXISTS (SELECT 1 FROM messages m WHERE m.id = t.message_id AND m.deleted_at IS NULL AND m.flags & 512 = 0)",
        truth: "'approved'",
    },
    Column {
        name: "polls.app",
        table: "polls",
        key: "message_id",
        column: "app",
        rows: "1",
        truth: "(SELECT m.app FROM messages m WHERE m.id = t.message_id)",
    },
    Column {
        name: "attachments.expires_at",
        table: "attachments",
        key: "id",
        column: "expires_at",
        rows: "1",
        truth: "CASE WHEN EXISTS (SELECT 1 FROM attachment_uses a WHERE a.attachment_id = t.id)
                  OR EXISTS (SELECT 1 FROM stickers s WHERE s.attachment_id = t.id) THEN NULL ELSE coalesce(t.expires_at, 0) END",
    },
    Column {
        name: "outbox_sums.events",
        table: "outbox_sums",
        key: "app",
        column: "events",
        rows: "1",
        truth: "(SELECT count(*) FROM outbox ev WHERE ev.app = t.app)",
    },
    Column {
        name: "outbox_sums.bytes",
        table: "outbox_sums",
        key: "app",
        column: "bytes",
        rows: "1",
        truth: "(SELECT coalesce(sum(octet_length(ev.data) + 256), 0) FROM outbox ev WHERE ev.app = t.app)",
    },
];

/// What is recounted at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Rows of one of the columns, from after the first key up to the second.
    Rows { counter: &'static str, after: i64, upto: i64 },
    /// Counts, holes and read points of one conversation.
    Conversation(i64),
    /// Options of polls, from after the first message up to the second.
    Votes { after: i64, upto: i64 },
    /// All files: their sums have no range. There are far fewer than messages.
    Files,
    /// Words that should be there of one kind of name ([`NAMED`]), by the ids of who has it.
    Named { kind: usize, after: i64, upto: i64 },
    /// Words that should not be there.
    Words { after: Word, upto: Word },
}

/// A row of `name_words`: app, kind, word, id.
type Word = (i64, i64, String, i64);

/// Table and column of a name, by `name_words.kind`.
const NAMED: [(&str, &str); 4] = [("users", "name"), ("users", "uid"), ("groups", "name"), ("groups", "guid")];

impl Piece {
    /// The counters it is about, as columns of the schema.
    pub fn counters(&self) -> &'static str {
        match self {
            Piece::Rows { counter, .. } => counter,
            Piece::Conversation(_) => "conversations.total, participants, own_marks, holes, hole_sums",
            Piece::Votes { .. } => "poll_options.votes",
            Piece::Files => "file_bytes.bytes",
            Piece::Named { .. } | Piece::Words { .. } => "name_words",
        }
    }
}

/// What has to be done so that a piece is right.
#[derive(Default)]
pub struct Fixes {
    /// Rows whose number is wrong.
    pub wrong: usize,
    statements: Vec<(String, Vec<Value>)>,
}

impl Fixes {
    fn add(&mut self, sql: impl Into<String>, values: impl IntoIterator<Item = i64>) {
        self.statements.push((sql.into(), values.into_iter().map(Value::from).collect()));
    }

    pub(super) fn run(self, connection: &Connection) -> Result<usize> {
        for (sql, values) in self.statements {
            prepare(connection, &sql)?.execute(params_from_iter(values))?;
        }
        Ok(self.wrong)
    }
}

/// All pieces there are now, in the order in which they are mended.
pub(super) fn pieces(connection: &Connection) -> Result<Vec<Piece>> {
    let ranges = |table: &str, key: &str| -> Result<_> {
        let sql = format!("SELECT coalesce(max({key}), 0) FROM {table}");
        let last: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok((0..last).step_by(RANGE as usize).map(|after| (after, after + RANGE)))
    };
    let votes = ranges("poll_options", "message_id")?.map(|(after, upto)| Piece::Votes { after, upto });
    let mut pieces: Vec<Piece> = votes.chain([Piece::Files]).collect();
    for (kind, (table, _)) in NAMED.iter().enumerate() {
        pieces.extend(ranges(table, "id")?.map(|(after, upto)| Piece::Named { kind, after, upto }));
    }
    pieces.extend(words(connection)?);
    for column in COLUMNS {
        let ranges = ranges(column.table, column.key)?;
        pieces.extend(ranges.map(|(after, upto)| Piece::Rows { counter: column.name, after, upto }));
    }
    let sql = "SELECT id FROM conversations WHERE id NOT IN (SELECT conv_id FROM gone_conversations) ORDER BY id";
    let ids = connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    pieces.extend(ids.into_iter().map(Piece::Conversation));
    Ok(pieces)
}

/// The words there are now, so many in a piece.
fn words(connection: &Connection) -> Result<Vec<Piece>> {
    let (mut pieces, mut after) = (Vec::new(), (i64::MIN, 0, String::new(), 0));
    let mut statement =
        connection.prepare("SELECT app, kind, word, id FROM name_words ORDER BY app, kind, word, id")?;
    let mut rows = statement.query([])?;
    let mut number = 0;
    while let Some(row) = rows.next()? {
        number += 1;
        if number % RANGE == 0 {
            let upto: Word = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            pieces.push(Piece::Words { after: std::mem::replace(&mut after, upto.clone()), upto });
        }
    }
    pieces.push(Piece::Words { after, upto: (i64::MAX, 0, String::new(), 0) });
    Ok(pieces)
}

/// A statement of a piece.
fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>> {
    #[cfg(test)]
    super::plans::note(connection, sql);
    Ok(connection.prepare_cached(sql)?)
}

/// What has to be done so that the piece is right.
pub(super) fn fixes(connection: &Connection, piece: &Piece) -> Result<Fixes> {
    match piece {
        Piece::Rows { counter, after, upto } => rows(connection, counter, *after, *upto),
        Piece::Conversation(id) => conversation::fixes(connection, *id),
        Piece::Votes { after, upto } => votes(connection, *after, *upto),
        Piece::Files => files(connection),
        Piece::Named { kind, after, upto } => named(connection, *kind, *after, *upto),
        Piece::Words { after, upto } => surplus(connection, after, upto),
    }
}

fn rows(connection: &Connection, counter: &str, after: i64, upto: i64) -> Result<Fixes> {
    let mut fixes = Fixes::default();
    let Some(Column { table, key, column, rows, truth, .. }) = COLUMNS.iter().find(|one| one.name == counter) else {
        return Ok(fixes);
    };
    let sql = format!(
        "SELECT t.{key}, {truth} FROM {table} t WHERE t.{key} > ?1 AND t.{key} <= ?2 AND {rows} AND t.{column} IS NOT ({truth})"
    );
    let mut statement = prepare(connection, &sql)?;
    let mut found = statement.query([after, upto])?;
    while let Some(row) = found.next()? {
        fixes.wrong += 1;
        let values = vec![row.get::<_, Value>(0)?, row.get::<_, Value>(1)?];
        fixes.statements.push((format!("UPDATE {table} SET {column} = ?2 WHERE {key} = ?1"), values));
    }
    Ok(fixes)
}

fn votes(connection: &Connection, after: i64, upto: i64) -> Result<Fixes> {
    let mut fixes = Fixes::default();
    let sql = "SELECT poll_options.message_id, poll_options.number, (SELECT count(*) FROM poll_votes v WHERE v.message_id = poll_options.message_id AND v.number = poll_options.number)
               FROM poll_options
               WHERE message_id > ?1 AND message_id <= ?2 AND votes <> (SELECT count(*) FROM poll_votes v WHERE v.message_id = poll_options.message_id AND v.number = poll_options.number)";
    let mut statement = prepare(connection, sql)?;
    let mut found = statement.query([after, upto])?;
    while let Some(row) = found.next()? {
        fixes.wrong += 1;
        let values = [row.get(0)?, row.get(1)?, row.get(2)?];
        fixes.add("UPDATE poll_options SET votes = ?3 WHERE message_id = ?1 AND number = ?2", values);
    }
    Ok(fixes)
}

/// The number in the last column by those in the first two.
fn by_two(connection: &Connection, sql: &str) -> Result<BTreeMap<(i64, i64), i64>> {
    let mut statement = prepare(connection, sql)?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn files(connection: &Connection) -> Result<Fixes> {
    let mut fixes = Fixes::default();
    let sums = by_two(
        connection,
        "SELECT app, user_id, sum(size) FROM (SELECT app, -1 AS user_id, size FROM attachments
                                              UNION ALL SELECT app, user_id, size FROM attachments) GROUP BY 1, 2",
    )?;
    let kept = by_two(connection, "SELECT app, user_id, bytes FROM file_bytes")?;
    for (&(app, user), &bytes) in &sums {
        if kept.get(&(app, user)).copied().unwrap_or(0) != bytes {
            fixes.wrong += 1;
            fixes
                .add("INSERT OR REPLACE INTO file_bytes (app, user_id, bytes) VALUES (?1, ?2, ?3)", [app, user, bytes]);
        }
    }
    for (&(app, user), _) in kept.iter().filter(|(key, bytes)| **bytes != 0 && !sums.contains_key(key)) {
        fixes.wrong += 1;
        fixes.add("DELETE FROM file_bytes WHERE app = ?1 AND user_id = ?2", [app, user]);
    }
    Ok(fixes)
}

fn named(connection: &Connection, kind: usize, after: i64, upto: i64) -> Result<Fixes> {
    let Some((table, column)) = NAMED.get(kind) else { return Ok(Fixes::default()) };
    let sql = format!(
        "SELECT n.app, {kind}, w.value, n.id FROM {table} n CROSS JOIN json_each(name_words(n.{column})) w
         WHERE n.id > ?1 AND n.id <= ?2
           AND NOT EXISTS (SELECT 1 FROM name_words x WHERE x.app = n.app AND x.kind = {kind} AND x.word = w.value AND x.id = n.id)
         GROUP BY 1, 2, 3, 4"
    );
    let mut statement = prepare(connection, &sql)?;
    let change = "INSERT OR IGNORE INTO name_words (app, kind, word, id) VALUES (?1, ?2, ?3, ?4)";
    by_word(statement.query([after, upto])?, change)
}

fn surplus(connection: &Connection, after: &Word, upto: &Word) -> Result<Fixes> {
    let sql = "SELECT x.app, x.kind, x.word, x.id FROM name_words x
         LEFT JOIN users u ON x.kind < 2 AND u.id = x.id AND u.app = x.app
         LEFT JOIN groups g ON x.kind >= 2 AND g.id = x.id AND g.app = x.app
         WHERE (x.app, x.kind, x.word, x.id) > (?1, ?2, ?3, ?4) AND (x.app, x.kind, x.word, x.id) <= (?5, ?6, ?7, ?8)
           AND x.word NOT IN (SELECT value FROM json_each(name_words(coalesce(
                 CASE x.kind WHEN 0 THEN u.name WHEN 1 THEN u.uid WHEN 2 THEN g.name ELSE g.guid END, ''))))";
    let mut statement = prepare(connection, sql)?;
    let change = "DELETE FROM name_words WHERE app = ?1 AND kind = ?2 AND word = ?3 AND id = ?4";
    let bounds = params![after.0, after.1, after.2, after.3, upto.0, upto.1, upto.2, upto.3];
    by_word(statement.query(bounds)?, change)
}

/// A change for each word that was found.
fn by_word(mut found: Rows<'_>, change: &str) -> Result<Fixes> {
    let mut fixes = Fixes::default();
    while let Some(row) = found.next()? {
        fixes.wrong += 1;
        let values = (0..4).map(|column| row.get::<_, Value>(column)).collect::<rusqlite::Result<_>>()?;
        fixes.statements.push((change.to_owned(), values));
    }
    Ok(fixes)
}

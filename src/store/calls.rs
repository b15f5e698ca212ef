//! Calls and who takes part in them.

use std::collections::HashMap;

use rusqlite::{Row, params};

use super::{Read, Write};
use crate::model::call::{CallStatus, Participation, Record};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::shown;
use crate::model::json::Raw;
use crate::model::limits::Limits;
use crate::model::message::ReceiverType;
use crate::model::page::{Page, PageAsk};
use crate::model::user::stored;

#[derive(Clone, Debug)]
pub struct Call {
    pub id: i64,
    /// apps.id
    pub app: i64,
    pub session_id: String,
    pub conv: i64,
    pub initiator: i64,
    /// users.id; `None` for a group call.
    pub callee: Option<i64>,
    pub kind: String,
    pub status: CallStatus,
    pub metadata: Option<Raw>,
    pub initiated_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
}

fn call(row: &Row<'_>) -> rusqlite::Result<Call> {
    let status: String = row.get(6)?;
    Ok(Call {
        id: row.get(0)?,
        session_id: row.get(1)?,
        conv: row.get(2)?,
        initiator: row.get(3)?,
        callee: row.get(4)?,
        kind: row.get(5)?,
        status: CallStatus::parse(&status).unwrap_or(CallStatus::Ended),
        metadata: stored(row.get(7)?),
        initiated_at: row.get(8)?,
        started_at: row.get(9)?,
        ended_at: row.get(10)?,
        app: row.get(11)?,
    })
}

/// The columns [`call`] reads.
macro_rules! columns {
    () => {
        "id, session_id, conv_id, initiator_id, callee_id, type, status, metadata, initiated_at, started_at, ended_at, app"
    };
}

pub fn by_id(read: &Read<'_>, id: i64) -> Result<Call> {
    read.first(concat!("SELECT ", columns!(), " FROM calls WHERE id = ?1"), [id], call)?
        .ok_or_else(|| Error::internal("calls", format!("no row {id}")))
}

pub fn by_session(read: &Read<'_>, app: i64, session: &str) -> Result<Call> {
    read.first(
        concat!(
            "SELECT ",
            columns!(),
            " FROM calls WHERE app = ?1 AND session_id = ?2 AND conv_id NOT IN (SELECT conv_id FROM gone_conversations)
              AND initiator_id NOT IN (SELECT user_id FROM gone_users)"
        ),
        params![app, session],
        call,
    )?
    .ok_or_else(|| Error::new(Code::CallNotFound, format!("There is no call {}.", shown(session))))
}

/// A call that is to be made.
pub struct New<'a> {
    pub conv: i64,
    pub initiator: i64,
    pub callee: Option<i64>,
    pub kind: &'a str,
    pub metadata: Option<&'a str>,
}

pub fn insert(tx: &Write<'_>, app: i64, new: New<'_>) -> Result<Call> {
    let session = format!("{}{}", tx.now(), tx.ids().hex(12));
    let id = tx.insert(
        "INSERT INTO calls (app, session_id, conv_id, initiator_id, callee_id, type, status, metadata, initiated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'initiated', ?7, ?8)",
        params![app, session, new.conv, new.initiator, new.callee, new.kind, new.metadata, tx.now()],
    )?;
    by_id(tx, id)
}

/// Sets the status with the times that go with it.
pub fn set_status(tx: &Write<'_>, id: i64, status: CallStatus) -> Result<()> {
    tx.run(
        "UPDATE calls SET status = ?2,
                started_at = CASE WHEN ?2 = 'ongoing' THEN coalesce(started_at, ?3) ELSE started_at END,
                ended_at = CASE WHEN ?4 THEN ?3 ELSE ended_at END WHERE id = ?1",
        params![id, status.as_str(), tx.now(), status.is_over()],
    )?;
    if status.is_over() {
        tx.run(
            "UPDATE call_participants SET left_at = CASE WHEN state = 'joined' THEN ?3 ELSE left_at END,
                    state = CASE state WHEN 'joined' THEN 'ended' WHEN 'ringing' THEN ?2 ELSE state END
             WHERE call_id = ?1",
            params![id, status.as_str(), tx.now()],
        )?;
    }
    Ok(())
}

pub fn set_type(tx: &Write<'_>, id: i64, kind: &str) -> Result<()> {
    tx.run("UPDATE calls SET type = ?2 WHERE id = ?1", params![id, kind])?;
    Ok(())
}

/// Notes where a user stands in a call: `ringing`, `joined`, `left`, `rejected` … and with which client session.
pub fn set_participant(tx: &Write<'_>, call: i64, user: i64, state: &str, device: Option<&str>) -> Result<()> {
    tx.run(
        "INSERT INTO call_participants (call_id, user_id, state, joined_at, device, seen, away_since)
         VALUES (?1, ?2, ?3, CASE WHEN ?3 = 'joined' THEN ?4 END, ?5, online(?2), CASE WHEN NOT online(?2) THEN ?4 END)
         ON CONFLICT DO UPDATE SET state = ?3, device = coalesce(?5, device),
             seen = max(seen, online(?2)), away_since = CASE WHEN NOT online(?2) THEN ?4 END,
             joined_at = CASE WHEN ?3 = 'joined' THEN coalesce(joined_at, ?4) ELSE joined_at END,
             left_at = CASE WHEN ?3 = 'left' THEN ?4 ELSE left_at END",
        params![call, user, state, tx.now(), device],
    )?;
    Ok(())
}

pub fn has_joined(read: &Read<'_>, call: i64, user: i64) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM call_participants WHERE call_id = ?1 AND user_id = ?2 AND state = 'joined'",
        [call, user],
    )
}

/// Whether the user was in the call and went before its end, or as its end.
pub fn has_left(read: &Read<'_>, call: i64, user: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM call_participants WHERE call_id = ?1 AND user_id = ?2 AND state = 'left'", [call, user])
}

/// How many are in the call now.
pub fn joined(read: &Read<'_>, call: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM call_participants WHERE call_id = ?1 AND state = 'joined'", [call])
}

/// Live calls a client session is in. It knows of none itself when it starts another: it has been restarted.
pub fn left_behind(read: &Read<'_>, user: i64, device: &str) -> Result<Vec<i64>> {
    read.all(
        "SELECT c.id FROM call_participants p JOIN calls c ON c.id = p.call_id
         WHERE p.user_id = ?1 AND p.state IN ('ringing','joined') AND p.device = ?2 AND c.ended_at IS NULL",
        params![user, device],
        |row| row.get(0),
    )
}

/// Whether the user is in a live call, or calling, or being called.
pub fn is_busy(read: &Read<'_>, user: i64) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM call_participants p JOIN calls c ON c.id = p.call_id
         WHERE p.user_id = ?1 AND p.state IN ('ringing','joined') AND c.ended_at IS NULL",
        [user],
    )
}

/// The live calls (calls.id) of a conversation: one at most, unless an import or an older version made more.
pub fn live_in(read: &Read<'_>, conv: i64) -> Result<Vec<i64>> {
    read.all("SELECT id FROM calls WHERE conv_id = ?1 AND ended_at IS NULL", [conv], |row| row.get(0))
}

/// The live calls (calls.id) a user is in, calls or is called by.
pub fn live_of(read: &Read<'_>, user: i64) -> Result<Vec<i64>> {
    read.all(
        "SELECT c.id FROM call_participants p JOIN calls c ON c.id = p.call_id
         WHERE p.user_id = ?1 AND p.state IN ('ringing','joined') AND c.ended_at IS NULL",
        [user],
        |row| row.get(0),
    )
}

/// Condition on calls `l`: they rang (?1: since then) or lasted (?2) too long.
macro_rules! overdue {
    () => {
        "l.ended_at IS NULL AND CASE l.status WHEN 'initiated' THEN l.initiated_at <= ?1
                                ELSE coalesce(l.started_at, l.initiated_at) <= ?2 END"
    };
}

/// Whether the live call rang or lasted longer than it may.
pub fn is_overdue(read: &Read<'_>, call: i64, limits: &Limits) -> Result<bool> {
    let (rang, lasted) = (read.now() - limits.call_ring, read.now() - limits.call_duration);
    read.exists(concat!("SELECT 1 FROM calls l WHERE l.id = ?3 AND ", overdue!()), [rang, lasted, call])
}

/// Live calls (calls.id) that ring or last longer than they may.
pub fn overdue(read: &Read<'_>, limits: &Limits, most: i64) -> Result<Vec<i64>> {
    let (rang, lasted) = (read.now() - limits.call_ring, read.now() - limits.call_duration);
    read.all(
        concat!("SELECT l.id FROM calls l INDEXED BY calls_live WHERE ", overdue!(), " LIMIT ?3"),
        [rang, lasted, most],
        |row| row.get(0),
    )
}

/// Whether the user is in the call and had no device there for `grace` seconds.
pub fn is_away(read: &Read<'_>, call: i64, user: i64, grace: i64) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM call_participants WHERE call_id = ?1 AND user_id = ?2 AND state = 'joined' AND NOT online(user_id)
         AND away_since <= ?3",
        [call, user, read.now() - grace],
    )
}

/// Condition on participants of calls `w`: what is noted of their presence is not so any more.
macro_rules! changed {
    () => {
        "w.state IN ('ringing','joined') AND online(w.user_id) = (w.away_since IS NOT NULL)"
    };
}

/// Whether somebody in a live call came or went since it was noted.
pub fn presence_changed(read: &Read<'_>) -> Result<bool> {
    let sql = concat!("SELECT 1 FROM call_participants w INDEXED BY call_participants_live WHERE ", changed!());
    read.exists(sql, [])
}

/// Notes of those in live calls who has a device there, and since when the others have none.
pub fn note_presence(tx: &Write<'_>) -> Result<()> {
    tx.run(
        concat!(
            "UPDATE call_participants AS w INDEXED BY call_participants_live
             SET seen = max(w.seen, online(w.user_id)), away_since = CASE WHEN NOT online(w.user_id) THEN ?1 END WHERE ",
            changed!()
        ),
        [tx.now()],
    )?;
    Ok(())
}

/// The user did something in the call: they are there, with a device or without.
pub fn note_sign(tx: &Write<'_>, call: i64, user: i64) -> Result<()> {
    tx.run(
        "UPDATE call_participants SET away_since = ?3 WHERE call_id = ?1 AND user_id = ?2 AND away_since IS NOT NULL",
        [call, user, tx.now()],
    )?;
    Ok(())
}

/// Who (calls.id, users.id) is in a live call and cannot be: without a device for longer than they may, or without a part
/// in its conversation. One who had none from the beginning speaks over REST and has more time.
pub fn absent(read: &Read<'_>, limits: &Limits, most: i64) -> Result<Vec<(i64, i64)>> {
    read.all(
        "SELECT w.call_id, w.user_id FROM call_participants w INDEXED BY call_participants_live
         WHERE w.state IN ('ringing','joined') AND w.state = 'joined'
           AND ((NOT online(w.user_id) AND w.away_since <= CASE WHEN w.seen THEN ?1 ELSE ?2 END)
                OR NOT EXISTS (SELECT 1 FROM calls l JOIN participants o ON o.conv_id = l.conv_id
                               WHERE l.id = w.call_id AND o.user_id = w.user_id)) LIMIT ?3",
        [read.now() - limits.call_grace, read.now() - limits.call_silence, most],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Who was in a call that is or was answered, and when.
#[derive(Debug)]
pub struct Occupant {
    /// users.id
    pub user: i64,
    pub uid: String,
    pub name: String,
    /// `joined`: is in it; `ended`: was in it when it ended; else they went before.
    pub state: String,
    /// When they came in, or when it was answered, whichever was later.
    pub joined_at: i64,
    pub left_at: Option<i64>,
}

/// All who are or were in the call since it was answered, in the order they came.
pub fn occupants(read: &Read<'_>, call: i64) -> Result<Vec<Occupant>> {
    read.all(
        "SELECT p.user_id, u.uid, u.name, p.state, max(p.joined_at, k.started_at), coalesce(p.left_at, k.ended_at)
         FROM calls k JOIN call_participants p ON p.call_id = k.id JOIN users u ON u.id = p.user_id
         WHERE k.id = ?1 AND k.started_at IS NOT NULL AND p.joined_at IS NOT NULL
         ORDER BY p.joined_at, p.user_id",
        [call],
        |row| {
            Ok(Occupant {
                user: row.get(0)?,
                uid: row.get(1)?,
                name: row.get(2)?,
                state: row.get(3)?,
                joined_at: row.get(4)?,
                left_at: row.get(5)?,
            })
        },
    )
}

/// What a list of call records may be narrowed by.
#[derive(Default)]
pub struct Filter {
    /// users.id of a participant.
    pub user: Option<i64>,
    /// Another one, besides.
    pub with: Option<i64>,
    pub kind: Option<String>,
    pub status: Option<CallStatus>,
    pub groups: Option<bool>,
    pub participants: Option<i64>,
    /// Answered at or after, over at or before.
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
}

macro_rules! listed {
    ($from:literal) => {
        concat!(
            " FROM ",
            $from,
            " AND k.app = ?1 AND k.conv_id NOT IN (SELECT conv_id FROM gone_conversations)
           AND k.initiator_id NOT IN (SELECT user_id FROM gone_users)
           AND (?3 IS NULL OR EXISTS (SELECT 1 FROM call_participants o WHERE o.call_id = k.id AND o.user_id = ?3))
           AND (?4 IS NULL OR k.type = ?4)
           AND (?5 IS NULL OR k.status = ?5)
           AND (?6 IS NULL OR (k.callee_id IS NULL) = ?6)
           AND (?7 IS NULL OR (SELECT count(*) FROM call_participants o WHERE o.call_id = k.id) = ?7)
           AND (?8 IS NULL OR k.started_at >= ?8)
           AND (?9 IS NULL OR k.ended_at <= ?9)"
        )
    };
}

/// Calls of an app or of one user, newest first.
pub fn list(read: &Read<'_>, app: i64, filter: &Filter, ask: PageAsk) -> Result<Page<Record>> {
    let status = filter.status.map(CallStatus::as_str);
    let bound = params![
        app,
        filter.user,
        filter.with,
        filter.kind,
        status,
        filter.groups,
        filter.participants,
        filter.started_at,
        filter.ended_at
    ];
    let (ids, count) = match filter.user {
        None => (
            concat!(
                "SELECT k.id",
                listed!("calls k WHERE ?2 IS NULL"),
                " ORDER BY k.initiated_at DESC, k.id DESC LIMIT ?10 OFFSET ?11"
            ),
            concat!("SELECT count(*)", listed!("calls k WHERE ?2 IS NULL")),
        ),
        Some(_) => (
            concat!(
                "SELECT k.id",
                listed!("call_participants p CROSS JOIN calls k ON k.id = p.call_id WHERE p.user_id = ?2"),
                " ORDER BY p.call_id DESC LIMIT ?10 OFFSET ?11"
            ),
            concat!(
                "SELECT count(*)",
                listed!("call_participants p CROSS JOIN calls k ON k.id = p.call_id WHERE p.user_id = ?2")
            ),
        ),
    };
    let total = read.number(count, bound)?;
    let mut params: Vec<&dyn rusqlite::ToSql> = bound.to_vec();
    let offset = ask.offset();
    params.push(&ask.per_page);
    params.push(&offset);
    let ids = read.all(ids, params.as_slice(), |row| row.get::<_, i64>(0))?;
    Ok(Page { items: records(read, &ids)?, total })
}

/// The record of one call.
pub fn record(read: &Read<'_>, call: &Call) -> Result<Record> {
    records(read, &[call.id])?.pop().ok_or_else(|| Error::internal("calls", format!("no row {}", call.id)))
}

/// Records of these calls, in this order.
fn records(read: &Read<'_>, ids: &[i64]) -> Result<Vec<Record>> {
    let wanted = serde_json::to_string(ids).unwrap_or_default();
    let mut parts: HashMap<i64, Vec<Participation>> = HashMap::new();
    let found = read.all(
        "SELECT p.call_id, u.uid, p.state, p.device, p.joined_at, p.left_at
         FROM json_each(?1) w CROSS JOIN call_participants p ON p.call_id = w.value JOIN users u ON u.id = p.user_id
         WHERE p.user_id NOT IN (SELECT user_id FROM gone_users)
         ORDER BY p.call_id, p.joined_at IS NULL, p.joined_at, p.user_id",
        [&wanted],
        |row| {
            let part = Participation {
                uid: row.get(1)?,
                state: row.get(2)?,
                device: row.get(3)?,
                joined_at: row.get(4)?,
                left_at: row.get(5)?,
            };
            Ok((row.get(0)?, part))
        },
    )?;
    for (call, part) in found {
        parts.entry(call).or_default().push(part);
    }
    read.all(
        "SELECT k.id, k.session_id, i.uid, coalesce(u.uid, g.guid), k.callee_id IS NULL, k.type, k.status, k.metadata,
                k.initiated_at, k.started_at, k.ended_at
         FROM json_each(?1) w CROSS JOIN calls k ON k.id = w.value
         JOIN users i ON i.id = k.initiator_id JOIN conversations c ON c.id = k.conv_id
         LEFT JOIN users u ON u.id = k.callee_id LEFT JOIN groups g ON g.id = c.group_id
         ORDER BY w.key",
        [&wanted],
        |row| {
            let (id, status) = (row.get(0)?, row.get::<_, String>(6)?);
            Ok(Record {
                id,
                session_id: row.get(1)?,
                initiator: row.get(2)?,
                receiver: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
                receiver_type: if row.get(4)? { ReceiverType::Group } else { ReceiverType::User },
                kind: row.get(5)?,
                status: CallStatus::parse(&status).unwrap_or(CallStatus::Ended),
                metadata: stored(row.get(7)?),
                initiated_at: row.get(8)?,
                started_at: row.get(9)?,
                ended_at: row.get(10)?,
                participants: parts.remove(&id).unwrap_or_default(),
            })
        },
    )
}

/// Calls of the app that began in a period.
pub fn between(read: &Read<'_>, app: i64, from: i64, to: i64) -> Result<Vec<Record>> {
    let ids = read.all(
        "SELECT id FROM calls WHERE app = ?1 AND initiated_at >= ?2 AND initiated_at <= ?3
         AND conv_id NOT IN (SELECT conv_id FROM gone_conversations)
         AND initiator_id NOT IN (SELECT user_id FROM gone_users)",
        [app, from, to],
        |row| row.get(0),
    )?;
    records(read, &ids)
}

//! Calls and who takes part in them.

use rusqlite::{Row, params};

use super::{Read, Write};
use crate::model::call::CallStatus;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::shown;
use crate::model::json::Raw;
use crate::model::user::stored;

#[derive(Clone, Debug)]
pub struct Call {
    pub id: i64,
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
    })
}

pub fn by_id(read: &Read<'_>, id: i64) -> Result<Call> {
    read.first(
        "SELECT id, session_id, conv_id, initiator_id, callee_id, type, status, metadata, initiated_at, started_at, ended_at
         FROM calls WHERE id = ?1",
        [id],
        call,
    )?
    .ok_or_else(|| Error::internal("calls", format!("no row {id}")))
}

pub fn by_session(read: &Read<'_>, app: i64, session: &str) -> Result<Call> {
    read.first(
        "SELECT id, session_id, conv_id, initiator_id, callee_id, type, status, metadata, initiated_at, started_at, ended_at
         FROM calls WHERE app = ?1 AND session_id = ?2",
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
        "INSERT INTO call_participants (call_id, user_id, state, joined_at, device)
         VALUES (?1, ?2, ?3, CASE WHEN ?3 = 'joined' THEN ?4 END, ?5)
         ON CONFLICT DO UPDATE SET state = ?3, device = coalesce(?5, device),
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

/// Whether the user is in a live call, or calling, or being called. After `patience` seconds a call that was never
/// answered stops counting, and so does one whose user has no socket any more: he cannot be in it, nor end it.
pub fn is_busy(read: &Read<'_>, user: i64, patience: i64) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM call_participants p JOIN calls c ON c.id = p.call_id
         WHERE p.user_id = ?1 AND p.state IN ('ringing','joined') AND c.ended_at IS NULL
           AND (c.initiated_at > ?2 OR (c.status = 'ongoing' AND (online(?1) OR p.joined_at > ?2)))",
        [user, read.now() - patience],
    )
}

/// Whether the conversation has a live call, as `is_busy` sees it.
pub fn is_live(read: &Read<'_>, conv: i64, patience: i64) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM calls WHERE conv_id = ?1 AND ended_at IS NULL AND (status = 'ongoing' OR initiated_at > ?2)",
        [conv, read.now() - patience],
    )
}

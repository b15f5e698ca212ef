//! Messages that rules blocked.

use rusqlite::{Row, params};

use super::there_of;
use crate::model::error::{Error, Result};
use crate::model::json::{Raw, raw, to_raw};
use crate::model::moderation::engine::Hit;
use crate::model::page::Affix;
use crate::store::purge::there;
use crate::store::{Read, Write};

/// Why a message was blocked.
#[derive(Clone, Debug)]
pub struct Blocked {
    pub message: i64,
    pub rule_id: String,
    pub rule_name: String,
    pub revision_id: String,
    pub condition: Raw,
    pub action: Vec<String>,
    pub created_at: i64,
    pub updated_at: i64,
    /// `approved` or `rejected`, by a moderator.
    pub status: Option<String>,
}

impl Blocked {
    /// Whether a moderator let it pass since.
    pub fn is_approved(&self) -> bool {
        self.status.as_deref() == Some("approved")
    }
}

fn blocked(row: &Row<'_>) -> rusqlite::Result<Blocked> {
    Ok(Blocked {
        message: row.get(0)?,
        rule_id: row.get(1)?,
        rule_name: row.get(2)?,
        revision_id: row.get(3)?,
        condition: raw(row.get(4)?),
        action: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        status: row.get(8)?,
    })
}

/// Notes why the message is blocked.
pub fn insert(tx: &Write<'_>, app: i64, message: i64, hit: &Hit) -> Result<()> {
    let action =
        serde_json::to_string(&hit.applied.rule.action).map_err(|e| Error::internal("moderation_blocked", e))?;
    tx.run(
        "INSERT OR REPLACE INTO moderation_blocked (message_id, app, rule_id, rule_name, revision_id, condition, action,
             created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        params![
            message,
            app,
            hit.applied.rule.id,
            hit.applied.rule.name,
            hit.applied.revision,
            to_raw(hit.condition()).get(),
            action,
            tx.now()
        ],
    )?;
    Ok(())
}

pub fn find(read: &Read<'_>, message: i64) -> Result<Option<Blocked>> {
    read.first(
        "SELECT message_id, rule_id, rule_name, revision_id, condition, action, created_at, updated_at, status
         FROM moderation_blocked WHERE message_id = ?1",
        [message],
        blocked,
    )
}

pub fn set_status(tx: &Write<'_>, message: i64, status: &str) -> Result<()> {
    tx.run(
        "UPDATE moderation_blocked SET status = ?2, updated_at = ?3 WHERE message_id = ?1",
        params![message, status, tx.now()],
    )?;
    Ok(())
}

/// A page of those that are blocked, by id: newer or older than `from`.
pub fn list(read: &Read<'_>, app: i64, (affix, from): (Affix, Option<i64>), limit: i64) -> Result<Vec<Blocked>> {
    let sql = match affix {
        Affix::Append => concat!(
            "SELECT message_id, rule_id, rule_name, revision_id, condition, action, created_at, updated_at, status
             FROM moderation_blocked WHERE app = ?1 AND (status IS NULL OR status <> 'approved')",
            there_of!(),
            " AND message_id > coalesce(?2, 0) ORDER BY message_id LIMIT ?3"
        ),
        Affix::Prepend => concat!(
            "SELECT message_id, rule_id, rule_name, revision_id, condition, action, created_at, updated_at, status
             FROM moderation_blocked WHERE app = ?1 AND (status IS NULL OR status <> 'approved')",
            there_of!(),
            " AND message_id < coalesce(?2, 9223372036854775807) ORDER BY message_id DESC LIMIT ?3"
        ),
    };
    let mut found = read.all(sql, params![app, from, limit], blocked)?;
    if affix == Affix::Prepend {
        found.reverse();
    }
    Ok(found)
}

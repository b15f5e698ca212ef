//! Rules, lists and verdicts that an import brings along, with their own times.

use rusqlite::params;

use crate::model::error::{Error, Result};
use crate::model::moderation::{list, rule, usual};
use crate::model::{flags, transfer};
use crate::store::Write;

/// Whether there was none. The times are when it was made and last changed.
pub fn put_list(
    tx: &mut Write<'_>,
    app: i64,
    list: &list::Draft,
    revision: i64,
    (created_at, updated_at): (i64, i64),
) -> Result<bool> {
    let usual = usual::lists().iter().any(|usual| usual.id == list.id);
    let json = |e| Error::internal("moderation_lists", e);
    let terms = serde_json::to_string(&list.terms).map_err(json)?;
    let place = list.place.as_ref().map(serde_json::to_string).transpose().map_err(json)?;
    let new = tx.run(
        "INSERT OR IGNORE INTO moderation_lists (app, list_id, revision, usual, name, description, category, is_csv, terms,
             created_at, updated_at, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            app,
            list.id,
            revision.max(1),
            usual,
            list.name,
            list.description,
            list.category.as_str(),
            list.is_csv,
            terms,
            created_at,
            updated_at,
            place
        ],
    )?;
    tx.rules_changed(app);
    Ok(new > 0)
}

/// As for a list.
pub fn put_rule(
    tx: &mut Write<'_>,
    app: i64,
    rule: &rule::Rule,
    revision: i64,
    (created_at, updated_at): (i64, i64),
) -> Result<bool> {
    let usual = usual::rules().iter().any(|usual| usual.id == rule.id);
    let body = serde_json::to_string(rule).map_err(|e| Error::internal("moderation_rules", e))?;
    let new = tx.run(
        "INSERT INTO moderation_rules (app, rule_id, revision, active, enabled, usual, body, created_at, updated_at)
         SELECT ?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8
         WHERE NOT EXISTS (SELECT 1 FROM moderation_rules WHERE app = ?1 AND rule_id = ?2)",
        params![app, rule.id, revision.max(1), rule.enabled, usual, body, created_at, updated_at],
    )?;
    tx.rules_changed(app);
    Ok(new > 0)
}

/// Why it is blocked, or was. A message that everybody sees is not.
pub fn put_blocked(tx: &Write<'_>, app: i64, message: i64, blocked: &transfer::Blocked) -> Result<()> {
    let action = serde_json::to_string(&blocked.action).map_err(|e| Error::internal("moderation_blocked", e))?;
    tx.run(
        "INSERT OR IGNORE INTO moderation_blocked (message_id, app, rule_id, rule_name, revision_id, condition, action,
             created_at, updated_at, status)
         SELECT m.id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM messages m
         WHERE m.id = ?1 AND (m.flags & ?11 <> 0 OR ?10 IS 'approved')",
        params![
            message,
            app,
            blocked.rule_id,
            blocked.rule_name,
            blocked.revision_id,
            blocked.condition.get(),
            action,
            blocked.created_at,
            blocked.updated_at,
            blocked.status,
            flags::DISAPPROVED
        ],
    )?;
    Ok(())
}

//! Rules, their revisions, and the engine they make.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Row, params};

use super::lists;
use crate::model::error::{Error, Result};
use crate::model::moderation::engine::Engine;
use crate::model::moderation::rule::Rule;
use crate::model::moderation::usual;
use crate::store::{Read, Write};

/// Revisions of a rule that are kept.
const KEPT: i64 = 50;

/// A rule as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub rule: Rule,
    /// From 1 on.
    pub revision: i64,
    pub active: bool,
    /// The server brings one of this id.
    pub usual: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// `<appId>_<id>_<n>`, as rules and lists are named with their revision.
pub fn revision_id(app_id: &str, id: &str, revision: i64) -> String {
    format!("{app_id}_{id}_{revision}")
}

/// A row as it is read; its body is parsed by [`parsed`].
type Columns = (String, i64, bool, bool, i64, i64);

fn stored(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

fn parsed((body, revision, active, usual, created_at, updated_at): Columns) -> Result<Stored> {
    let rule = serde_json::from_str(&body).map_err(|e| Error::internal("moderation_rules", e))?;
    Ok(Stored { rule, revision, active, usual, created_at, updated_at })
}

/// One that the server brings and nobody changed. It is as old as the app.
fn untouched(read: &Read<'_>, app: i64, rule: Rule) -> Result<Stored> {
    let (_, at) = crate::store::apps::title(read, app)?;
    Ok(Stored { rule, revision: 1, active: true, usual: true, created_at: at, updated_at: at })
}

/// The rules of the app, those of the server first, then the oldest first.
pub fn all(read: &Read<'_>, app: i64) -> Result<Vec<Stored>> {
    let rows = read.all(
        "SELECT body, revision, active, usual, created_at, updated_at FROM moderation_rules
         WHERE app = ?1 AND active = 1 ORDER BY created_at, rule_id",
        [app],
        stored,
    )?;
    let mut own = rows.into_iter().map(parsed).collect::<Result<Vec<_>>>()?;
    let mut rules = Vec::new();
    for rule in usual::rules() {
        match own.iter().position(|own| own.rule.id == rule.id) {
            Some(at) => rules.push(own.remove(at)),
            None => rules.push(untouched(read, app, rule)?),
        }
    }
    rules.extend(own);
    Ok(rules)
}

pub fn find(read: &Read<'_>, app: i64, id: &str) -> Result<Option<Stored>> {
    let row = read.first(
        "SELECT body, revision, active, usual, created_at, updated_at FROM moderation_rules
         WHERE app = ?1 AND rule_id = ?2 ORDER BY revision DESC LIMIT 1",
        params![app, id],
        stored,
    )?;
    match row {
        Some(row) => parsed(row).map(Some),
        None => {
            usual::rules().into_iter().find(|rule| rule.id == id).map(|rule| untouched(read, app, rule)).transpose()
        }
    }
}

/// What it is and was, the newest first.
pub fn revisions(read: &Read<'_>, app: i64, id: &str, most: i64) -> Result<Vec<Stored>> {
    let rows = read.all(
        "SELECT body, revision, active, usual, created_at, updated_at FROM moderation_rules
         WHERE app = ?1 AND rule_id = ?2 ORDER BY revision DESC LIMIT ?3",
        params![app, id, most],
        stored,
    )?;
    let mut found = rows.into_iter().map(parsed).collect::<Result<Vec<_>>>()?;
    if found.is_empty() {
        found.extend(find(read, app, id)?);
    }
    Ok(found)
}

/// How many rules of its own the app has.
pub fn count(read: &Read<'_>, app: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM moderation_rules WHERE app = ?1 AND active = 1 AND usual = 0", [app])
}

/// Stores a rule, or its next revision; the oldest revisions go.
pub fn put(tx: &mut Write<'_>, app: i64, rule: &Rule, was: Option<&Stored>) -> Result<()> {
    let body = serde_json::to_string(rule).map_err(|e| Error::internal("moderation_rules", e))?;
    let revision = was.map_or(1, |was| was.revision + 1);
    let created_at = was.map_or(tx.now(), |was| was.created_at);
    if let Some(was) = was.filter(|was| was.usual && was.revision == 1) {
        // What the server brought is a revision as well.
        let body = serde_json::to_string(&was.rule).map_err(|e| Error::internal("moderation_rules", e))?;
        tx.run(
            "INSERT INTO moderation_rules (app, rule_id, revision, active, enabled, usual, body, created_at, updated_at)
             VALUES (?1, ?2, 1, 0, ?3, 1, ?4, ?5, ?5) ON CONFLICT DO NOTHING",
            params![app, was.rule.id, was.rule.enabled, body, created_at],
        )?;
    }
    tx.run(
        "UPDATE moderation_rules SET active = 0 WHERE app = ?1 AND rule_id = ?2 AND active = 1",
        params![app, rule.id],
    )?;
    tx.run(
        "INSERT INTO moderation_rules (app, rule_id, revision, active, enabled, usual, body, created_at, updated_at)
         VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8)",
        params![app, rule.id, revision, rule.enabled, was.is_some_and(|was| was.usual), body, created_at, tx.now()],
    )?;
    tx.run(
        "DELETE FROM moderation_rules WHERE app = ?1 AND rule_id = ?2 AND revision <= ?3",
        params![app, rule.id, revision - KEPT],
    )?;
    tx.rules_changed(app);
    Ok(())
}

pub fn delete(tx: &mut Write<'_>, app: i64, id: &str) -> Result<()> {
    tx.run("DELETE FROM moderation_rules WHERE app = ?1 AND rule_id = ?2", params![app, id])?;
    tx.rules_changed(app);
    Ok(())
}

/// Engines by apps.id, made once and kept until rules or lists change; `None`: nothing is switched on. Only the writer's.
#[derive(Default)]
pub struct Engines(RefCell<HashMap<i64, Option<Arc<Engine>>>>);

impl Engines {
    /// What was made for the app is made anew when it is asked for.
    pub fn forget(&self, app: i64) {
        self.0.borrow_mut().remove(&app);
    }

    pub fn forget_all(&self) {
        self.0.borrow_mut().clear();
    }
}

/// The rules of the app that are switched on, compiled.
pub fn engine(tx: &Write<'_>, app: i64) -> Result<Option<Arc<Engine>>> {
    if let Some(known) = tx.engines.0.borrow().get(&app) {
        return Ok(known.clone());
    }
    let rows = tx.all(
        "SELECT body, revision, active, usual, created_at, updated_at FROM moderation_rules
         WHERE app = ?1 AND active = 1 AND enabled = 1 ORDER BY created_at, rule_id",
        [app],
        stored,
    )?;
    let mut rules = Vec::new();
    let app_id =
        tx.first("SELECT app_id FROM apps WHERE id = ?1", [app], |row| row.get::<_, String>(0))?.unwrap_or_default();
    for row in rows {
        let stored = parsed(row)?;
        let revision = revision_id(&app_id, &stored.rule.id, stored.revision);
        rules.push((stored.rule, revision));
    }
    let engine = match rules.is_empty() {
        true => None,
        false => Some(Arc::new(Engine::compile(rules, |list| lists::terms(tx, app, list))?)),
    };
    tx.engines.0.borrow_mut().insert(app, engine.clone());
    Ok(engine)
}

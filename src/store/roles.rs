//! Roles of an app.

use rusqlite::{Row, params};
use serde::Serialize;

use super::{Read, Write};
use crate::model::error::Result;
use crate::model::ids::RoleId;
use crate::model::json::Raw;
use crate::model::page::{Page, PageAsk};
use crate::model::patch::Patch;
use crate::model::user::stored;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    pub role: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Raw>,
    pub created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
}

/// The fields of a role that may be left out.
#[derive(Default)]
pub struct Fields {
    pub description: Patch<String>,
    pub metadata: Patch<Raw>,
    pub settings: Patch<Raw>,
}

fn role(row: &Row<'_>) -> rusqlite::Result<Role> {
    Ok(Role {
        role: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        metadata: stored(row.get(3)?),
        settings: stored(row.get(4)?),
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
    })
}

fn text(raw: Option<Raw>) -> Option<String> {
    raw.map(|raw| raw.get().to_owned())
}

pub fn find(read: &Read<'_>, app: i64, id: &RoleId) -> Result<Option<Role>> {
    read.first(
        "SELECT role, name, description, metadata, settings, created_at, updated_at FROM roles WHERE app = ?1 AND role = ?2",
        params![app, id.as_str()],
        role,
    )
}

pub fn count(read: &Read<'_>, app: i64) -> Result<i64> {
    read.number("SELECT count(*) FROM roles WHERE app = ?1", [app])
}

pub fn list(read: &Read<'_>, app: i64, ask: PageAsk) -> Result<Page<Role>> {
    let items = read.all(
        "SELECT role, name, description, metadata, settings, created_at, updated_at FROM roles WHERE app = ?1
         ORDER BY role LIMIT ?2 OFFSET ?3",
        [app, ask.per_page, ask.offset()],
        role,
    )?;
    Ok(Page { items, total: count(read, app)? })
}

pub fn insert(tx: &Write<'_>, app: i64, id: &RoleId, name: &str, fields: Fields) -> Result<()> {
    tx.run(
        "INSERT INTO roles (app, role, name, description, metadata, settings, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            app,
            id.as_str(),
            name,
            fields.description.given(),
            text(fields.metadata.given()),
            text(fields.settings.given()),
            tx.now()
        ],
    )?;
    Ok(())
}

pub fn update(tx: &Write<'_>, app: i64, old: Role, name: Option<String>, fields: Fields) -> Result<()> {
    tx.run(
        "UPDATE roles SET name = ?3, description = ?4, metadata = ?5, settings = ?6, updated_at = ?7 WHERE app = ?1 AND role = ?2",
        params![
            app,
            old.role,
            name.unwrap_or(old.name),
            fields.description.apply(old.description),
            text(fields.metadata.apply(old.metadata)),
            text(fields.settings.apply(old.settings)),
            tx.now()
        ],
    )?;
    Ok(())
}

/// Deletes the role; its users fall back to `default`.
pub fn delete(tx: &Write<'_>, app: i64, id: &RoleId) -> Result<()> {
    tx.run("UPDATE users SET role = 'default' WHERE app = ?1 AND role = ?2", params![app, id.as_str()])?;
    tx.run("DELETE FROM roles WHERE app = ?1 AND role = ?2", params![app, id.as_str()])?;
    Ok(())
}

/// Whether users of this role may write to their friends only.
pub fn writes_to_friends_only(read: &Read<'_>, app: i64, role: &str) -> Result<bool> {
    restricted(read, app, role, "$.sendMessagesTo")
}

/// Whether users of this role see their friends only.
pub fn lists_friends_only(read: &Read<'_>, app: i64, role: &str) -> Result<bool> {
    restricted(read, app, role, "$.listUsers")
}

fn restricted(read: &Read<'_>, app: i64, role: &str, setting: &str) -> Result<bool> {
    read.exists(
        "SELECT 1 FROM roles WHERE app = ?1 AND role = ?2 AND settings ->> ?3 = 'friendsOnly'",
        params![app, role, setting],
    )
}

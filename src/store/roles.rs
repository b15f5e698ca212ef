//! Roles of an app.

use rusqlite::{Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Read, Write};
use crate::model::error::Result;
use crate::model::feature::{Feature, Features, Restricted};
use crate::model::ids::RoleId;
use crate::model::json::Raw;
use crate::model::page::{Page, PageAsk};
use crate::model::patch::Patch;
use crate::model::policy::Settings;
use crate::model::role::Role as Rules;
use crate::model::user::stored;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its id.
    pub role: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Raw>,
    #[schema(value_type = Option<Object>)]
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

pub fn update(tx: &mut Write<'_>, app: i64, old: Role, name: Option<String>, fields: Fields) -> Result<()> {
    tx.credentials_changed();
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
pub fn delete(tx: &mut Write<'_>, app: i64, id: &RoleId) -> Result<()> {
    tx.credentials_changed();
    tx.run("UPDATE users SET role = 'default' WHERE app = ?1 AND role = ?2", params![app, id.as_str()])?;
    tx.run("DELETE FROM roles WHERE app = ?1 AND role = ?2", params![app, id.as_str()])?;
    Ok(())
}

/// What the role means to its users. A role that is gone has no rules but its name.
pub fn rules(read: &Read<'_>, app: i64, id: &str) -> Result<Rules> {
    let found = read.first(
        "SELECT coalesce(settings ->> '$.listUsers' = 'friendsOnly', 0),
                coalesce(settings ->> '$.sendMessagesTo' = 'friendsOnly', 0), permissions
         FROM roles WHERE app = ?1 AND role = ?2",
        params![app, id],
        |row| {
            Ok(Rules {
                id: id.to_owned(),
                restricted: Features::NONE,
                lists_friends: row.get(0)?,
                writes_to_friends: row.get(1)?,
                permissions: Settings::stored(row.get::<_, Option<String>>(2)?.as_deref()),
            })
        },
    )?;
    let mut rules = found.unwrap_or_else(|| Rules { id: id.to_owned(), ..Rules::default() });
    for restricted in restricted(read, app, id)? {
        rules.restricted.insert(restricted.feature);
    }
    Ok(rules)
}

/// Features that are switched off for the role, in the order they were.
pub fn restricted(read: &Read<'_>, app: i64, id: &str) -> Result<Vec<Restricted>> {
    let rows = read.all(
        "SELECT feature, created_at FROM restricted_features WHERE app = ?1 AND role = ?2 ORDER BY created_at, feature",
        params![app, id],
        |row| Ok((row.get::<_, String>(0)?, row.get(1)?)),
    )?;
    // A feature this version does not know restricts nothing here.
    let known = rows
        .into_iter()
        .filter_map(|(name, created_at)| Feature::parse(&name).map(|feature| Restricted { feature, created_at }));
    Ok(known.collect())
}

/// Switches a feature off; whether it was on.
pub fn restrict(tx: &mut Write<'_>, app: i64, id: &str, feature: Feature) -> Result<bool> {
    tx.credentials_changed();
    let new = tx.run(
        "INSERT OR IGNORE INTO restricted_features (app, role, feature, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![app, id, feature.name(), tx.now()],
    )?;
    Ok(new > 0)
}

/// Switches features on again: these, or (`None`) all.
pub fn allow(tx: &mut Write<'_>, app: i64, id: &str, features: Option<&[Feature]>) -> Result<()> {
    tx.credentials_changed();
    let Some(features) = features else {
        tx.run("DELETE FROM restricted_features WHERE app = ?1 AND role = ?2", params![app, id])?;
        return Ok(());
    };
    for feature in features {
        tx.run(
            "DELETE FROM restricted_features WHERE app = ?1 AND role = ?2 AND feature = ?3",
            params![app, id, feature.name()],
        )?;
    }
    Ok(())
}

/// Sets what the role permits, as JSON; `None`: nothing beyond the defaults.
pub fn set_permissions(tx: &mut Write<'_>, app: i64, id: &str, permissions: Option<&str>) -> Result<()> {
    tx.credentials_changed();
    tx.run("UPDATE roles SET permissions = ?3 WHERE app = ?1 AND role = ?2", params![app, id, permissions])?;
    Ok(())
}

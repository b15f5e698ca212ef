//! Apps, and what a credential proves.

use std::sync::Arc;

use rusqlite::{Row, params};

use super::{Digest, Read, Write, roles};
use crate::model::app_limits::AppLimits;
use crate::model::caller::{App, Credential, Holder, KeyScope};
use crate::model::error::{Error, Result};
use crate::model::ids::SYSTEM_UID;
use crate::model::page::{Page, PageAsk};
use subtle::ConstantTimeEq;

/// An app as lists show it.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    #[serde(rename = "id")]
    pub app_id: String,
    pub name: String,
    pub region: String,
    pub created_at: i64,
    pub users: i64,
    pub groups: i64,
}

fn app(row: &Row<'_>) -> rusqlite::Result<App> {
    Ok(App {
        id: row.get(0)?,
        app_id: row.get::<_, String>(1)?.into(),
        region: row.get::<_, String>(2)?.into(),
        system_user: row.get(3)?,
        own_limits: row.get::<_, Option<String>>(4)?.map(|text| AppLimits::parse(&text).into()),
    })
}

/// Makes an app with its own user and its default role.
pub fn insert(tx: &Write<'_>, name: &str, region: &str) -> Result<App> {
    insert_as(tx, &new_id(tx), name, region)
}

/// An id that no app has.
pub fn new_id(tx: &Write<'_>) -> String {
    tx.ids().hex(8)
}

/// The same with an id that was thought of.
pub fn insert_as(tx: &Write<'_>, app_id: &str, name: &str, region: &str) -> Result<App> {
    let id = tx.insert(
        "INSERT INTO apps (app_id, name, region, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![app_id, name, region, tx.now()],
    )?;
    let system_user = tx.insert(
        "INSERT INTO users (app, uid, name, created_at, system) VALUES (?1, ?2, 'System', ?3, 1)",
        params![id, SYSTEM_UID, tx.now()],
    )?;
    tx.run(
        "INSERT INTO roles (app, role, name, description, created_at) VALUES (?1, 'default', 'Default Role', 'Given to users without another role', ?2)",
        params![id, tx.now()],
    )?;
    super::moderation::insert_usual(tx, id)?;
    Ok(App { id, app_id: app_id.into(), region: region.into(), system_user, own_limits: None })
}

pub fn any(read: &Read<'_>) -> Result<bool> {
    read.exists("SELECT 1 FROM apps", [])
}

pub fn by_app_id(read: &Read<'_>, app_id: &str) -> Result<Option<App>> {
    read.first(
        "SELECT a.id, a.app_id, a.region, u.id, a.limits FROM apps a JOIN users u ON u.app = a.id AND u.uid = 'app_system'
         WHERE a.app_id = ?1 AND a.deleted_at IS NULL",
        [app_id],
        app,
    )
}

/// The app with this apps.id, unless it was deleted.
pub fn by_id(read: &Read<'_>, id: i64) -> Result<Option<App>> {
    read.first(
        "SELECT a.id, a.app_id, a.region, u.id, a.limits FROM apps a JOIN users u ON u.app = a.id AND u.uid = 'app_system'
         WHERE a.id = ?1 AND a.deleted_at IS NULL",
        [id],
        app,
    )
}

pub fn list(read: &Read<'_>) -> Result<Vec<Listed>> {
    read.all(
        "SELECT app_id, name, region, created_at,
                (SELECT count(*) FROM users u WHERE u.app = a.id AND u.system = 0 AND u.deleted_at IS NULL),
                (SELECT count(*) FROM groups g WHERE g.app = a.id AND g.id NOT IN (SELECT group_id FROM gone_groups))
         FROM apps a WHERE deleted_at IS NULL ORDER BY a.id",
        [],
        |row| {
            Ok(Listed {
                app_id: row.get(0)?,
                name: row.get(1)?,
                region: row.get(2)?,
                created_at: row.get(3)?,
                users: row.get(4)?,
                groups: row.get(5)?,
            })
        },
    )
}

/// Apps whose id or name holds the text, oldest first.
pub fn page(read: &Read<'_>, search: Option<&str>, ask: PageAsk) -> Result<Page<Listed>> {
    let items = read.all(
        "SELECT app_id, name, region, created_at FROM apps
         WHERE deleted_at IS NULL AND (?1 IS NULL OR instr(app_id, lower(?1)) > 0 OR instr(lower(name), lower(?1)) > 0)
         ORDER BY id LIMIT ?2 OFFSET ?3",
        params![search, ask.per_page, ask.offset()],
        |row| {
            Ok(Listed {
                app_id: row.get(0)?,
                name: row.get(1)?,
                region: row.get(2)?,
                created_at: row.get(3)?,
                users: 0,
                groups: 0,
            })
        },
    )?;
    let total = read.number(
        "SELECT count(*) FROM apps
         WHERE deleted_at IS NULL AND (?1 IS NULL OR instr(app_id, lower(?1)) > 0 OR instr(lower(name), lower(?1)) > 0)",
        [search],
    )?;
    Ok(Page { items, total })
}

/// What the app (apps.id) is called, and since when it is there.
pub fn title(read: &Read<'_>, id: i64) -> Result<(String, i64)> {
    read.first("SELECT name, created_at FROM apps WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .ok_or_else(|| Error::internal("apps", format!("no row {id}")))
}

pub fn rename(tx: &Write<'_>, id: i64, name: &str) -> Result<()> {
    tx.run("UPDATE apps SET name = ?2 WHERE id = ?1", params![id, name])?;
    Ok(())
}

/// Keeps the app's own limits (none: all are the server's). Who is logged in has them from now on.
pub fn set_limits(tx: &mut Write<'_>, id: i64, limits: Option<&str>) -> Result<()> {
    tx.credentials_changed();
    tx.run("UPDATE apps SET limits = ?2 WHERE id = ?1", params![id, limits])?;
    Ok(())
}

/// How many users and groups the app has.
pub fn sizes(read: &Read<'_>, app: i64) -> Result<(i64, i64)> {
    let users =
        read.number("SELECT count(*) FROM users WHERE app = ?1 AND system = 0 AND deleted_at IS NULL", [app])?;
    let groups = read
        .number("SELECT count(*) FROM groups WHERE app = ?1 AND id NOT IN (SELECT group_id FROM gone_groups)", [app])?;
    Ok((users, groups))
}

/// Refused everywhere from now on; what belongs to it is swept later.
pub fn mark_deleted(tx: &mut Write<'_>, id: i64) -> Result<()> {
    tx.credentials_changed();
    tx.webhooks_changed();
    tx.run("UPDATE apps SET deleted_at = ?2 WHERE id = ?1", [id, tx.now()])?;
    Ok(())
}

/// An app (apps.id) that was deleted at `before` or earlier.
pub fn deleted_before(read: &Read<'_>, before: i64) -> Result<Option<i64>> {
    read.first("SELECT id FROM apps WHERE deleted_at <= ?1 ORDER BY id", [before], |row| row.get(0))
}

/// Removes up to `most` rows of a deleted app, from the leaves to the root; whether anything is left of it. Small steps,
/// because each holds up the writes behind it.
pub fn sweep(tx: &Write<'_>, app: i64, most: i64) -> Result<bool> {
    for sql in [
        "DELETE FROM deliveries WHERE (webhook, event) IN (
             SELECT d.webhook, d.event FROM webhooks w CROSS JOIN deliveries d ON d.webhook = w.id WHERE w.app = ?1 LIMIT ?2)",
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE app = ?1 LIMIT ?2)",
        "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE app = ?1 AND sent_at > 0 LIMIT ?2)",
        "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE app = ?1 LIMIT ?2)",
        "DELETE FROM participants WHERE (user_id, conv_id) IN (
             SELECT p.user_id, p.conv_id FROM users u CROSS JOIN participants p ON p.user_id = u.id WHERE u.app = ?1 LIMIT ?2)",
        "DELETE FROM members WHERE (group_id, user_id) IN (
             SELECT m.group_id, m.user_id FROM groups g CROSS JOIN members m ON m.group_id = g.id WHERE g.app = ?1 LIMIT ?2)",
        "DELETE FROM receipts WHERE (conv_id, user_id, kind, upto) IN (
             SELECT r.conv_id, r.user_id, r.kind, r.upto FROM conversations c CROSS JOIN receipts r ON r.conv_id = c.id
             WHERE c.app = ?1 LIMIT ?2)",
        "DELETE FROM imported_messages WHERE (import, source_id) IN (
             SELECT m.import, m.source_id FROM imports i CROSS JOIN imported_messages m ON m.import = i.id WHERE i.app = ?1 LIMIT ?2)",
        "DELETE FROM imported_files WHERE (import, source_name) IN (
             SELECT f.import, f.source_name FROM imports i CROSS JOIN imported_files f ON f.import = i.id WHERE i.app = ?1 LIMIT ?2)",
        "DELETE FROM groups WHERE id IN (SELECT id FROM groups WHERE app = ?1 LIMIT ?2)",
        "DELETE FROM conversations WHERE id IN (SELECT id FROM conversations WHERE app = ?1 LIMIT ?2)",
        "DELETE FROM users WHERE id IN (SELECT id FROM users WHERE app = ?1 LIMIT ?2)",
    ] {
        if tx.run(sql, [app, most])? > 0 {
            return Ok(true);
        }
    }
    tx.run("DELETE FROM apps WHERE id = ?1", [app])?;
    Ok(false)
}

/// What the secret with this digest proves: an API key, or an auth token of a user who may log in.
pub fn credential(read: &Read<'_>, digest: &Digest) -> Result<Option<Credential>> {
    let key = read.first(
        "SELECT a.id, a.app_id, a.region, s.id, a.limits, k.id, k.scope, k.hash
         FROM api_keys k JOIN apps a ON a.id = k.app JOIN users s ON s.app = a.id AND s.uid = 'app_system'
         WHERE k.hash = ?1 AND a.deleted_at IS NULL",
        [digest],
        |row| {
            let scope: String = row.get(6)?;
            let holder = Holder::Key { id: row.get(5)?, scope: KeyScope::parse(&scope).unwrap_or(KeyScope::AuthOnly) };
            Ok((Credential { app: app(row)?, holder }, row.get::<_, Digest>(7)?))
        },
    )?;
    if let Some((credential, hash)) = key {
        return Ok(bool::from(hash.ct_eq(digest)).then_some(credential));
    }
    token(
        read,
        "SELECT a.id, a.app_id, a.region, s.id, a.limits, t.id, u.id, u.uid, t.hash, u.role
         FROM tokens t JOIN users u ON u.id = t.user_id JOIN apps a ON a.id = u.app
         JOIN users s ON s.app = a.id AND s.uid = 'app_system'
         WHERE t.hash = ?1 AND u.deactivated_at IS NULL AND a.deleted_at IS NULL",
        digest,
    )
}

/// What the socket token with this digest proves. It lives exactly as long as the auth token it was made from.
pub fn socket_credential(read: &Read<'_>, digest: &Digest) -> Result<Option<Credential>> {
    token(
        read,
        "SELECT a.id, a.app_id, a.region, s.id, a.limits, t.id, u.id, u.uid, t.jwt_hash, u.role
         FROM tokens t JOIN users u ON u.id = t.user_id JOIN apps a ON a.id = u.app
         JOIN users s ON s.app = a.id AND s.uid = 'app_system'
         WHERE t.jwt_hash = ?1 AND u.deactivated_at IS NULL AND a.deleted_at IS NULL",
        digest,
    )
}

/// The index finds a digest; the comparison that decides takes the same time whatever differs.
fn token(read: &Read<'_>, sql: &str, digest: &Digest) -> Result<Option<Credential>> {
    struct Found {
        app: App,
        token: i64,
        user: i64,
        uid: String,
        hash: Digest,
        role: String,
    }
    let found = read.first(sql, [digest], |row| {
        Ok(Found {
            app: app(row)?,
            token: row.get(5)?,
            user: row.get(6)?,
            uid: row.get(7)?,
            hash: row.get(8)?,
            role: row.get(9)?,
        })
    })?;
    let Some(Found { app, token, user, uid, role, .. }) = found.filter(|found| found.hash.ct_eq(digest).into()) else {
        return Ok(None);
    };
    let role = Arc::new(roles::rules(read, app.id, &role)?);
    Ok(Some(Credential { app, holder: Holder::Token { id: token, user, uid: uid.into(), role } }))
}

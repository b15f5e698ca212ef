//! Apps, and what a credential proves.

use rusqlite::{OptionalExtension, Row, params};

use super::{Digest, Read, Write};
use crate::model::caller::{App, Credential, Holder, KeyScope};
use crate::model::error::{Error, Result};
use crate::model::ids::SYSTEM_UID;
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
    })
}

/// Makes an app with its own user and its default role.
pub fn insert(tx: &Write<'_>, name: &str, region: &str) -> Result<App> {
    let app_id = tx.ids().hex(8);
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
    Ok(App { id, app_id: app_id.into(), region: region.into(), system_user })
}

pub fn any(read: &Read<'_>) -> Result<bool> {
    read.exists("SELECT 1 FROM apps", [])
}

pub fn by_app_id(read: &Read<'_>, app_id: &str) -> Result<Option<App>> {
    read.first(
        "SELECT a.id, a.app_id, a.region, u.id FROM apps a JOIN users u ON u.app = a.id AND u.uid = 'app_system'
         WHERE a.app_id = ?1 AND a.deleted_at IS NULL",
        [app_id],
        app,
    )
}

pub fn list(read: &Read<'_>) -> Result<Vec<Listed>> {
    read.all(
        "SELECT app_id, name, region, created_at,
                (SELECT count(*) FROM users u WHERE u.app = a.id AND u.system = 0 AND u.deleted_at IS NULL),
                (SELECT count(*) FROM groups g WHERE g.app = a.id)
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

/// What the secret with this digest proves: an API key, or an auth token of a user who may log in.
pub fn credential(read: &Read<'_>, digest: &Digest) -> Result<Option<Credential>> {
    let key = read.first(
        "SELECT a.id, a.app_id, a.region, s.id, k.id, k.scope, k.hash
         FROM api_keys k JOIN apps a ON a.id = k.app JOIN users s ON s.app = a.id AND s.uid = 'app_system'
         WHERE k.hash = ?1 AND a.deleted_at IS NULL",
        [digest],
        |row| {
            let scope: String = row.get(5)?;
            let holder = Holder::Key { id: row.get(4)?, scope: KeyScope::parse(&scope).unwrap_or(KeyScope::AuthOnly) };
            Ok((Credential { app: app(row)?, holder }, row.get::<_, Digest>(6)?))
        },
    )?;
    if let Some((credential, hash)) = key {
        return Ok(bool::from(hash.ct_eq(digest)).then_some(credential));
    }
    token(
        read,
        "SELECT a.id, a.app_id, a.region, s.id, t.id, u.id, u.uid, t.hash
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
        "SELECT a.id, a.app_id, a.region, s.id, t.id, u.id, u.uid, t.jwt_hash
         FROM tokens t JOIN users u ON u.id = t.user_id JOIN apps a ON a.id = u.app
         JOIN users s ON s.app = a.id AND s.uid = 'app_system'
         WHERE t.jwt_hash = ?1 AND u.deactivated_at IS NULL AND a.deleted_at IS NULL",
        digest,
    )
}

/// The index finds a digest; the comparison that decides takes the same time whatever differs.
fn token(read: &Read<'_>, sql: &str, digest: &Digest) -> Result<Option<Credential>> {
    let found = read
        .connection
        .prepare_cached(sql)?
        .query_row([digest], |row| {
            let holder = Holder::Token { id: row.get(4)?, user: row.get(5)?, uid: row.get::<_, String>(6)?.into() };
            Ok((Credential { app: app(row)?, holder }, row.get::<_, Digest>(7)?))
        })
        .optional()
        .map_err(Error::from)?;
    Ok(found.filter(|(_, hash)| hash.ct_eq(digest).into()).map(|(credential, _)| credential))
}

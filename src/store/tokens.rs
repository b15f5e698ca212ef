//! Auth tokens: one per login. Kept as digests, like the socket tokens derived from them.

use rusqlite::{Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Digest, Read, Write, digest};
use crate::model::error::Result;
use crate::model::event::Move;
use crate::model::json::Raw;
use crate::model::page::{Page, PageAsk};
use crate::model::user::stored;

/// What a client says of the device it logs in from.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub platform: Option<String>,
    pub device_id: Option<String>,
    pub user_agent: Option<String>,
    /// JSON as sent.
    pub app_info: Option<String>,
}

/// A login. After its creation its token is shown masked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthToken)]
pub struct Token {
    #[serde(skip)]
    pub id: i64,
    pub uid: String,
    /// Whole when it is made, masked afterwards.
    pub auth_token: String,
    pub created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_info: Option<Raw>,
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let hint: String = row.get(2)?;
    Ok(Token {
        id: row.get(0)?,
        uid: row.get(1)?,
        auth_token: format!("{hint}{}", "*".repeat(36)),
        created_at: row.get(3)?,
        platform: row.get(4)?,
        device_id: row.get(5)?,
        user_agent: row.get(6)?,
        app_info: stored(row.get(7)?),
    })
}

/// Keeps a new token of `user`. `secret` is the auth token, `jwt` the socket token made from it.
pub fn insert(tx: &Write<'_>, user: i64, secret: &str, jwt: &str, device: &Device) -> Result<i64> {
    // The part before the secret digits is public (uid and time); four digits tell tokens apart in lists.
    let hint = &secret[..secret.len().saturating_sub(36)];
    tx.insert(
        "INSERT INTO tokens (user_id, hash, jwt_hash, hint, created_at, platform, device_id, user_agent, app_info)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            user,
            digest(secret),
            digest(jwt),
            hint,
            tx.now(),
            device.platform,
            device.device_id,
            device.user_agent,
            device.app_info
        ],
    )
}

/// Ends tokens of `user` until `most` are left: the oldest of the device that has most of them, so that no device's
/// log-ins push out another one. Where each has one, the oldest of all. Devices that say no id count as one.
pub fn trim(tx: &mut Write<'_>, user: i64, most: i64) -> Result<()> {
    let surplus = tx.all(
        "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY device_id ORDER BY id DESC) AS nth
                         FROM tokens WHERE user_id = ?1)
         ORDER BY nth DESC, id LIMIT max(0, (SELECT count(*) FROM tokens WHERE user_id = ?1) - ?2)",
        [user, most],
        |row| row.get::<_, i64>(0),
    )?;
    for id in surplus {
        delete(tx, id)?;
    }
    Ok(())
}

/// Sets what the client says of its device, keeping what it does not mention.
pub fn describe(tx: &Write<'_>, id: i64, device: &Device) -> Result<()> {
    tx.run(
        "UPDATE tokens SET platform = coalesce(?2, platform), device_id = coalesce(?3, device_id),
                user_agent = coalesce(?4, user_agent), app_info = coalesce(?5, app_info) WHERE id = ?1",
        params![id, device.platform, device.device_id, device.user_agent, device.app_info],
    )?;
    Ok(())
}

pub fn created_at(read: &Read<'_>, id: i64) -> Result<Option<i64>> {
    read.first("SELECT created_at FROM tokens WHERE id = ?1", [id], |row| row.get(0))
}

pub fn list(read: &Read<'_>, user: i64, ask: PageAsk) -> Result<Page<Token>> {
    let items = read.all(
        "SELECT t.id, u.uid, t.hint, t.created_at, t.platform, t.device_id, t.user_agent, t.app_info
         FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.user_id = ?1 ORDER BY t.id DESC LIMIT ?2 OFFSET ?3",
        [user, ask.per_page, ask.offset()],
        token,
    )?;
    let total = read.number("SELECT count(*) FROM tokens WHERE user_id = ?1", [user])?;
    Ok(Page { items, total })
}

/// Whether there is such a token (tokens.id) and it is this user's.
pub fn is_of(read: &Read<'_>, id: i64, user: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM tokens WHERE id = ?1 AND user_id = ?2", [id, user])
}

/// The token with this digest, and whose (users.id) it is.
pub fn find(read: &Read<'_>, app: i64, digest: &Digest) -> Result<Option<(i64, Token)>> {
    read.first(
        "SELECT t.id, u.uid, t.hint, t.created_at, t.platform, t.device_id, t.user_agent, t.app_info, u.id
         FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = ?2 AND u.app = ?1",
        params![app, digest],
        |row| Ok((row.get(8)?, token(row)?)),
    )
}

/// Ends a login and closes its sockets.
pub fn delete(tx: &mut Write<'_>, id: i64) -> Result<()> {
    tx.credentials_changed();
    tx.run("DELETE FROM tokens WHERE id = ?1", [id])?;
    tx.shift(Move::CloseToken(id));
    Ok(())
}

/// Ends all logins of a user.
pub fn delete_all(tx: &mut Write<'_>, user: i64) -> Result<()> {
    tx.credentials_changed();
    tx.run("DELETE FROM tokens WHERE user_id = ?1", [user])?;
    tx.shift(Move::CloseUser(user));
    Ok(())
}

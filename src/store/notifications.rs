//! What apps and users chose about notifications.

use rusqlite::{Row, params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Read, Write};
use crate::model::error::Result;
use crate::model::time::iso;

/// A push token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushToken {
    pub uid: String,
    /// The login it belongs to, masked.
    pub auth_token: String,
    pub platform: String,
    pub push_token_type: String,
    pub provider_id: String,
    pub push_token: String,
    /// Date and time, as text.
    pub created_at: String,
    pub updated_at: String,
}

/// A push token to keep.
pub struct NewPushToken {
    pub push_token: String,
    pub platform: String,
    pub provider_id: String,
    pub kind: &'static str,
}

/// Whose push tokens.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// users.id
    User(i64),
    /// tokens.id
    Login(i64),
}

macro_rules! push_tokens {
    () => {
        "SELECT u.uid, t.hint, p.platform, p.type, p.provider_id, p.push_token, p.created_at, p.updated_at
         FROM push_tokens p JOIN tokens t ON t.id = p.token_id JOIN users u ON u.id = p.user_id"
    };
}

fn push_token(row: &Row<'_>) -> rusqlite::Result<PushToken> {
    let hint: String = row.get(1)?;
    Ok(PushToken {
        uid: row.get(0)?,
        auth_token: format!("{hint}{}", "*".repeat(36)),
        platform: row.get(2)?,
        push_token_type: row.get(3)?,
        provider_id: row.get(4)?,
        push_token: row.get(5)?,
        created_at: iso(row.get(6)?),
        updated_at: iso(row.get(7)?),
    })
}

/// Keeps a push token for a login; known to its user already, it moves to this login.
pub fn keep_push_token(tx: &Write<'_>, user: i64, login: i64, new: &NewPushToken) -> Result<()> {
    tx.run(
        "INSERT INTO push_tokens (user_id, token_id, push_token, platform, provider_id, type, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
         ON CONFLICT (user_id, push_token) DO UPDATE
         SET token_id = ?2, platform = ?4, provider_id = ?5, type = ?6, updated_at = ?7",
        params![user, login, new.push_token, new.platform, new.provider_id, new.kind, tx.now()],
    )?;
    Ok(())
}

/// Removes the oldest push tokens of `user` until `most` are left.
pub fn trim_push_tokens(tx: &Write<'_>, user: i64, most: i64) -> Result<()> {
    tx.run(
        "DELETE FROM push_tokens WHERE id IN (SELECT id FROM push_tokens WHERE user_id = ?1
                                              ORDER BY updated_at DESC, id DESC LIMIT -1 OFFSET ?2)",
        [user, most],
    )?;
    Ok(())
}

pub fn push_tokens(read: &Read<'_>, whose: Whose) -> Result<Vec<PushToken>> {
    match whose {
        Whose::User(user) => {
            read.all(concat!(push_tokens!(), " WHERE p.user_id = ?1 ORDER BY p.id"), [user], push_token)
        }
        Whose::Login(login) => {
            read.all(concat!(push_tokens!(), " WHERE p.token_id = ?1 ORDER BY p.id"), [login], push_token)
        }
    }
}

/// Removes push tokens; those that were removed.
pub fn drop_push_tokens(tx: &Write<'_>, whose: Whose) -> Result<Vec<PushToken>> {
    let gone = push_tokens(tx, whose)?;
    match whose {
        Whose::User(user) => tx.run("DELETE FROM push_tokens WHERE user_id = ?1", [user])?,
        Whose::Login(login) => tx.run("DELETE FROM push_tokens WHERE token_id = ?1", [login])?,
    };
    Ok(gone)
}

/// Removes one push token of a user; `None`: there is none.
pub fn drop_push_token(tx: &Write<'_>, user: i64, token: &str) -> Result<Option<PushToken>> {
    let gone = tx.first(
        concat!(push_tokens!(), " WHERE p.user_id = ?1 AND p.push_token = ?2"),
        params![user, token],
        push_token,
    )?;
    tx.run("DELETE FROM push_tokens WHERE user_id = ?1 AND push_token = ?2", params![user, token])?;
    Ok(gone)
}

/// Where a user can be reached besides.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Contact {
    pub email: String,
    pub phno: String,
}

/// What a user chose.
#[derive(Debug, Default)]
pub struct Choices {
    /// What differs from the app's settings; an object, or null.
    pub preferences: Value,
    pub timezone: Option<String>,
    pub contact: Contact,
}

pub fn choices(read: &Read<'_>, user: i64) -> Result<Choices> {
    let found = read.first(
        "SELECT preferences, timezone, email, phno FROM notification_choices WHERE user_id = ?1",
        [user],
        |row| {
            let preferences: Option<String> = row.get(0)?;
            Ok(Choices {
                preferences: preferences.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                timezone: row.get(1)?,
                contact: Contact {
                    email: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                    phno: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
                },
            })
        },
    )?;
    Ok(found.unwrap_or_default())
}

pub fn set_choices(tx: &Write<'_>, user: i64, choices: &Choices) -> Result<()> {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let preferences = choices.preferences.is_object().then(|| choices.preferences.to_string());
    tx.run(
        "INSERT INTO notification_choices (user_id, preferences, timezone, email, phno) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (user_id) DO UPDATE SET preferences = ?2, timezone = ?3, email = ?4, phno = ?5",
        params![user, preferences, choices.timezone, text(&choices.contact.email), text(&choices.contact.phno)],
    )?;
    Ok(())
}

/// A conversation that is muted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Mute {
    /// uid or guid
    pub id: String,
    /// oneOnOne or group
    #[serde(rename = "type")]
    pub kind: String,
    /// Unix milliseconds.
    pub until: i64,
}

/// What the user has muted for now.
pub fn mutes(read: &Read<'_>, user: i64) -> Result<Vec<Mute>> {
    read.all(
        "SELECT id, type, until FROM mutes WHERE user_id = ?1 AND until > ?2 ORDER BY type, id",
        [user, read.now() * 1000],
        |row| Ok(Mute { id: row.get(0)?, kind: row.get(1)?, until: row.get(2)? }),
    )
}

pub fn mute(tx: &Write<'_>, user: i64, mute: &Mute) -> Result<()> {
    tx.run(
        "INSERT INTO mutes (user_id, type, id, until) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (user_id, type, id) DO UPDATE SET until = ?4",
        params![user, mute.kind, mute.id, mute.until],
    )?;
    Ok(())
}

pub fn unmute(tx: &Write<'_>, user: i64, kind: &str, id: &str) -> Result<()> {
    tx.run("DELETE FROM mutes WHERE user_id = ?1 AND type = ?2 AND id = ?3", params![user, kind, id])?;
    Ok(())
}

/// Forgets mutes that are over.
pub fn sweep_mutes(tx: &Write<'_>, user: i64) -> Result<()> {
    tx.run("DELETE FROM mutes WHERE user_id = ?1 AND until <= ?2", [user, tx.now() * 1000])?;
    Ok(())
}

/// What the app chose: the part that differs from the defaults; null: nothing.
pub fn settings(read: &Read<'_>, app: i64) -> Result<Value> {
    let text =
        read.first("SELECT settings FROM notification_settings WHERE app = ?1", [app], |row| row.get::<_, String>(0))?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// `None`: the defaults again.
pub fn set_settings(tx: &Write<'_>, app: i64, settings: Option<&Value>) -> Result<()> {
    match settings {
        Some(settings) => tx.run(
            "INSERT INTO notification_settings (app, settings) VALUES (?1, ?2)
             ON CONFLICT (app) DO UPDATE SET settings = ?2",
            params![app, settings.to_string()],
        )?,
        None => tx.run("DELETE FROM notification_settings WHERE app = ?1", [app])?,
    };
    Ok(())
}

//! Logging users in and out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{Uid, unknown_uid};
use crate::model::limits::Limits;
use crate::model::user::{User, UserPatch};
use crate::store::tokens::{Device, Token};
use crate::store::{Read, Write, digest, tokens, users};

/// Makes an auth token for `user`: the uid, the time and 40 random hex digits. It is seen this once.
pub fn issue(tx: &mut Write<'_>, app_id: &str, user: &User, device: &Device, limits: &Limits) -> Result<String> {
    let created_at = tx.now();
    let secret = format!("{}_{created_at}{}", user.uid, tx.ids().hex(20));
    let jwt = socket_token(&secret, app_id, &user.uid, created_at);
    tokens::insert(tx, user.id, &secret, &jwt, device)?;
    tokens::trim(tx, user.id, limits.tokens)?;
    Ok(secret)
}

/// Characters of a token that somebody thought of.
const MOST_GIVEN: usize = 200;

/// Gives a user an auth token of this value: for servers that tests throw away, where it need be no secret.
pub fn give(tx: &mut Write<'_>, app: &App, uid: &Uid, secret: &str) -> Result<()> {
    if secret.is_empty() || secret.len() > MOST_GIVEN || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::field("token", format!("The token must be 1 to {MOST_GIVEN} letters, digits or signs.")));
    }
    let user = users::person(tx, app, uid)?;
    let jwt = socket_token(secret, &app.app_id, &user.uid, tx.now());
    tokens::insert(tx, user.id, secret, &jwt, &Device::default()).map(drop)
}

/// Logs a user in on a device; he, his auth token, and when.
pub fn log_in(
    tx: &mut Write<'_>,
    app: &App,
    uid: &Uid,
    device: &Device,
    limits: &Limits,
) -> Result<(User, String, i64)> {
    let user = users::person(tx, app, uid)?;
    let token = issue(tx, &app.app_id, &user, device, limits)?;
    Ok((user, token, tx.now()))
}

/// The token with this secret, if it is this user's.
pub fn find(read: &Read<'_>, app: i64, uid: &Uid, secret: &str) -> Result<Token> {
    let user = users::any(read, app, uid)?.ok_or_else(|| unknown_uid(uid.as_str()))?;
    match tokens::find(read, app, &digest(secret))? {
        Some((owner, token)) if owner == user.id => Ok(token),
        Some(_) => Err(Code::TokenNotAccessible.into()),
        None => Err(Code::TokenNotFound.into()),
    }
}

/// Notes what is known of the device.
pub fn describe(tx: &mut Write<'_>, app: i64, uid: &Uid, secret: &str, device: &Device) -> Result<Token> {
    let token = find(tx, app, uid, secret)?;
    tokens::describe(tx, token.id, device)?;
    find(tx, app, uid, secret)
}

/// Ends the login with this token.
pub fn delete(tx: &mut Write<'_>, app: i64, uid: &Uid, secret: &str) -> Result<()> {
    let token = find(tx, app, uid, secret)?;
    tokens::delete(tx, token.id)
}

/// Ends all logins of a user.
pub fn flush(tx: &mut Write<'_>, app: &App, uid: &Uid) -> Result<()> {
    let user = users::person(tx, app, uid)?;
    tokens::delete_all(tx, user.id)
}

/// Ends the login that asks.
pub fn log_out(tx: &mut Write<'_>, caller: &Caller) -> Result<()> {
    tokens::delete(tx, caller.token.ok_or(Code::AuthTokenUnknown)?)
}

/// What a client says of itself when it starts: its device, and changes to its user.
pub fn introduce(tx: &mut Write<'_>, caller: &Caller, device: &Device, mut patch: UserPatch) -> Result<()> {
    patch.profile.keep_urls(&caller.app.app_id);
    let token = caller.token.ok_or(Code::AuthTokenUnknown)?;
    tokens::describe(tx, token, device)?;
    if patch.changes_something() {
        users::update(tx, users::by_id(tx, caller.user)?, patch)?;
    }
    Ok(())
}

/// Ends one login of `user`: the one with this row id (tokens.id).
pub fn end(tx: &mut Write<'_>, user: &User, id: i64) -> Result<()> {
    if !tokens::is_of(tx, id, user.id)? {
        return Err(Code::TokenNotFound.into());
    }
    tokens::delete(tx, id)
}

/// The token a client opens its socket with, in the form of a JWT. It follows from the auth token alone, so it need
/// not be kept, and its signing key is the auth token itself, so nobody else can make it. It has no `exp`: clients
/// store it for good, and it ends with the auth token.
pub fn socket_token(secret: &str, app_id: &str, uid: &str, created_at: i64) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": "HS256", "typ": "JWT"}));
    let claims = part(json!({"sub": uid, "appId": app_id, "iat": created_at}));
    let signed = format!("{head}.{claims}");
    // HMAC takes keys of any length.
    let signature = match <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()) {
        Ok(mut mac) => {
            mac.update(signed.as_bytes());
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        }
        Err(_) => String::new(),
    };
    format!("{signed}.{signature}")
}

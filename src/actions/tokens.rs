//! Logging users in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::model::error::{Code, Result};
use crate::model::limits::Limits;
use crate::model::user::User;
use crate::store::tokens::Device;
use crate::store::{Write, tokens};

/// Makes an auth token for `user`: the uid, the time and 40 random hex digits. It is seen this once.
pub fn issue(tx: &mut Write<'_>, app_id: &str, user: &User, device: &Device, limits: &Limits) -> Result<String> {
    let created_at = tx.now();
    let secret = format!("{}_{created_at}{}", user.uid, tx.ids().hex(20));
    let jwt = socket_token(&secret, app_id, &user.uid, created_at);
    tokens::insert(tx, user.id, &secret, &jwt, device)?;
    tokens::trim(tx, user.id, limits.tokens)?;
    Ok(secret)
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

//! Making, changing and revoking API keys. A key cannot change or end itself.

use crate::model::caller::{App, KeyScope};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::shown;
use crate::model::limits::Limits;
use crate::model::user::check_name;
use crate::store::keys::{self, Key};
use crate::store::{Read, Write};

/// Makes a key; returns the secret.
pub fn create(tx: &mut Write<'_>, app: &App, name: &str, scope: KeyScope, limits: &Limits) -> Result<String> {
    let name = check_name("name", name, limits)?;
    if keys::count(tx, app.id)? >= limits.keys {
        return Err(Error::new(
            Code::QuotaRestriction,
            format!("The number of API keys has reached the allowed limit of {}.", limits.keys),
        ));
    }
    keys::insert(tx, app.id, &name, scope)
}

/// The key with this secret.
pub fn find(read: &Read<'_>, app: i64, secret: &str) -> Result<Key> {
    keys::find(read, app, secret)?
        .ok_or_else(|| Error::new(Code::ApiKeyNotFound, format!("The API key {} does not exist.", shown(secret))))
}

/// `own` is the key that asks.
pub fn update(
    tx: &mut Write<'_>,
    app: i64,
    secret: &str,
    own: Option<i64>,
    name: Option<&str>,
    scope: Option<KeyScope>,
) -> Result<Key> {
    let key = another(tx, app, secret, own)?;
    keys::update(tx, key.id, name, scope)?;
    find(tx, app, secret)
}

/// Ends the key at once; gives back what it was.
pub fn delete(tx: &mut Write<'_>, app: i64, secret: &str, own: Option<i64>) -> Result<Key> {
    let key = another(tx, app, secret, own)?;
    keys::delete(tx, key.id)?;
    Ok(key)
}

fn another(read: &Read<'_>, app: i64, secret: &str, own: Option<i64>) -> Result<Key> {
    let key = find(read, app, secret)?;
    if own == Some(key.id) { Err(Code::ApiKeySelf.into()) } else { Ok(key) }
}

/// Ends the key with this row id (api_keys.id); gives back what it was.
pub fn revoke(tx: &mut Write<'_>, app: i64, id: i64) -> Result<Key> {
    let key = keys::by_id(tx, app, id)?.ok_or(Code::ApiKeyNotFound)?;
    keys::delete(tx, key.id)?;
    Ok(key)
}

/// Ends the one key that is meant by its secret, by the beginning that lists show, or by its row id (api_keys.id); gives
/// back what it was. A beginning that several keys share means none.
pub fn revoke_named(tx: &mut Write<'_>, app: i64, named: &str) -> Result<Key> {
    let mut found = match keys::find(tx, app, named)? {
        Some(key) => vec![key],
        None => keys::by_hint(tx, app, named)?,
    };
    if let (true, Ok(id)) = (found.is_empty(), named.parse()) {
        found.extend(keys::by_id(tx, app, id)?);
    }
    let only = if found.len() == 1 { found.pop() } else { None };
    let only = only.ok_or(Code::ApiKeyNotFound)?;
    keys::delete(tx, only.id)?;
    Ok(only)
}

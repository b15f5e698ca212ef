//! Making apps and their keys.

use serde::Serialize;

use crate::model::caller::{App, KeyScope};
use crate::model::error::{Code, Error, Result};
use crate::model::limits::Limits;
use crate::model::user::check_name;
use crate::store::{Write, apps, keys};

/// An app just made, with its secrets: the only time they are seen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub app_id: String,
    pub region: String,
    pub auth_key: String,
    pub api_key: String,
}

/// Makes an app with its two keys.
pub fn create(tx: &mut Write<'_>, name: &str, region: &str, limits: &Limits) -> Result<Created> {
    let name = check_name("name", name, limits)?;
    let app = apps::insert(tx, &name, region)?;
    Ok(Created {
        app_id: app.app_id.to_string(),
        region: region.to_owned(),
        auth_key: keys::insert(tx, app.id, "Auth Key", KeyScope::AuthOnly)?,
        api_key: keys::insert(tx, app.id, "Rest API Key", KeyScope::Full)?,
    })
}

/// Makes a key; returns the secret.
pub fn create_key(tx: &mut Write<'_>, app: &App, name: &str, scope: KeyScope, limits: &Limits) -> Result<String> {
    let name = check_name("name", name, limits)?;
    if keys::count(tx, app.id)? >= limits.keys {
        return Err(Error::new(
            Code::QuotaRestriction,
            format!("The number of API keys has reached the allowed limit of {}.", limits.keys),
        ));
    }
    keys::insert(tx, app.id, &name, scope)
}

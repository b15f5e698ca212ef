//! Making and ending apps, and their keys.

use serde::Serialize;

use crate::model::caller::{App, KeyScope};
use crate::model::error::{Code, Error, Result};
use crate::model::event::Move;
use crate::model::ids::shown;
use crate::model::limits::Limits;
use crate::model::user::check_name;
use crate::store::{Read, Write, apps, keys};

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

/// What a new app is to be called, with keys of these values; what is left out is made. For servers that tests throw away:
/// keys that somebody thought of are no secrets.
#[derive(Clone, Debug, Default)]
pub struct Named {
    pub app_id: Option<String>,
    pub name: Option<String>,
    pub region: Option<String>,
    pub auth_key: Option<String>,
    pub api_key: Option<String>,
}

/// Characters of an id or a key that somebody thought of.
const MOST_NAMED: usize = 200;

/// Makes an app as it is to be called.
pub fn create_named(tx: &mut Write<'_>, named: &Named, limits: &Limits) -> Result<Created> {
    let fits = |field: &str, text: &Option<String>, also: fn(u8) -> bool| match text {
        Some(text) if text.is_empty() || text.len() > MOST_NAMED || !text.bytes().all(also) => {
            Err(Error::field(field, format!("The {field} must be 1 to {MOST_NAMED} letters, digits or signs.")))
        }
        _ => Ok(()),
    };
    // It stands in host names of clients.
    fits("id", &named.app_id, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')?;
    fits("region", &named.region, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')?;
    fits("authKey", &named.auth_key, |byte| byte.is_ascii_graphic())?;
    fits("apiKey", &named.api_key, |byte| byte.is_ascii_graphic())?;
    if named.auth_key.is_some() && named.auth_key == named.api_key {
        return Err(Error::field("authKey", "The authKey and the apiKey must be different."));
    }
    let name = check_name("name", named.name.as_deref().unwrap_or("Test"), limits)?;
    let region = named.region.as_deref().unwrap_or("us");
    let app_id = named.app_id.clone().unwrap_or_else(|| apps::new_id(tx));
    let app = apps::insert_as(tx, &app_id, &name, region)?;
    let mut key = |name: &str, scope: KeyScope, given: &Option<String>| match given {
        Some(secret) => keys::insert_as(tx, app.id, name, scope, secret).map(|()| secret.clone()),
        None => keys::insert(tx, app.id, name, scope),
    };
    let auth_key = key("Auth Key", KeyScope::AuthOnly, &named.auth_key)?;
    let api_key = key("Rest API Key", KeyScope::Full, &named.api_key)?;
    Ok(Created { app_id, region: region.to_owned(), auth_key, api_key })
}

/// The app with this id that was not deleted.
pub fn find(read: &Read<'_>, app_id: &str) -> Result<App> {
    apps::by_app_id(read, &app_id.to_ascii_lowercase())?
        .ok_or_else(|| Error::new(Code::InvalidAppId, format!("There is no app {}.", shown(app_id))))
}

/// Gives an app another name, and tells it as it is kept.
pub fn rename(tx: &mut Write<'_>, app_id: &str, name: &str, limits: &Limits) -> Result<String> {
    let app = find(tx, app_id)?;
    let name = check_name("name", name, &app.limits(limits))?;
    apps::rename(tx, app.id, &name)?;
    Ok(name)
}

/// Deletes an app: its credentials and sockets end now, its rows after the grace; returns when that is.
pub fn delete(tx: &mut Write<'_>, app_id: &str, limits: &Limits) -> Result<i64> {
    let app = find(tx, app_id)?;
    apps::mark_deleted(tx, app.id)?;
    tx.shift(Move::CloseApp(app.id));
    Ok(tx.now() + limits.app_grace)
}

/// Rows swept in one write.
const SWEEP: i64 = 1000;

/// Removes a piece of an app whose grace is over; whether there may be more to do.
pub fn sweep(tx: &mut Write<'_>, grace: i64) -> Result<bool> {
    let Some(app) = apps::deleted_before(tx, tx.now() - grace)? else { return Ok(false) };
    apps::sweep(tx, app, SWEEP)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::demo;
    use crate::model::time::Clock;
    use crate::store::{Hooks, Store, digest};

    #[tokio::test]
    async fn a_deleted_app_is_refused_at_once_and_swept_after_its_grace() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(1_000);
        let hooks = Hooks::alone(clock.clone());
        let store = Store::open(&folder.path().join("test.db"), 1, 16, hooks).unwrap();
        let limits = Limits::default();
        let grace = limits.app_grace;

        let (gone, kept) = store
            .write("test", |tx| {
                let gone = create(tx, "Gone", "us", &Limits::default())?;
                let kept = create(tx, "Kept", "us", &Limits::default())?;
                for made in [&gone, &kept] {
                    let app = find(tx, &made.app_id)?;
                    demo::fill_app(tx, app)?;
                }
                Ok((gone, kept))
            })
            .await
            .unwrap();
        let key = digest(&gone.api_key);
        assert!(store.credential(key).await.unwrap().is_some());
        let at = store.write("test", move |tx| delete(tx, &gone.app_id, &limits)).await.unwrap();
        assert_eq!(at, 1_000 + grace);
        assert!(store.credential(key).await.unwrap().is_none());

        let sweep_all = || async {
            let mut steps = 0;
            while store.write("test", move |tx| sweep(tx, grace)).await.unwrap() {
                steps += 1;
            }
            steps
        };
        assert_eq!(sweep_all().await, 0);
        clock.advance(grace);
        assert!(sweep_all().await > 3);
        let left = store.read(|read| apps::deleted_before(read, i64::MAX)).await.unwrap();
        assert_eq!(left, None);
        let kept = store.read(move |read| apps::sizes(read, find(read, &kept.app_id)?.id)).await.unwrap();
        assert_eq!(kept, (5, 1));
        store.close();
    }
}

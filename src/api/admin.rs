//! What the admin page asks: its own small API below `/admin/api`, not part of the contract.

use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{ADMIN_HEADER, Access, Admin, Open};
use super::reply::{Reply, ack, data, page};
use crate::actions;
use crate::model::caller::{App, KeyScope};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::shown;
use crate::model::user::{check_length, check_name};
use crate::store::users::Filter;
use crate::store::{Read, admins, apps, digest, groups, keys, users};

/// Shortest password of an admin, in characters.
const MIN_PASSWORD: usize = 8;
/// Longest: argon2 would take more, but nobody types it.
const MAX_PASSWORD: usize = 200;

#[derive(Deserialize)]
struct Credentials {
    link: Option<String>,
    name: Option<String>,
    password: Option<String>,
}

/// Uses the one-time link: makes the admin and logs him in.
pub async fn set_up(access: Access<Open>) -> Result<Reply> {
    let body: Credentials = access.json()?;
    let name = check_name("name", &body.name.unwrap_or_default(), access.limits())?;
    let password = body.password.unwrap_or_default();
    check_length("password", &password, MAX_PASSWORD)?;
    if password.chars().count() < MIN_PASSWORD {
        return Err(Error::field("password", format!("The password must have at least {MIN_PASSWORD} characters.")));
    }
    let link = body.link.unwrap_or_default();
    let hash = access.api().passwords.hash(password).await?;
    let session = access
        .store()
        .write("admin.set_up", move |tx| {
            actions::admin::set_up(tx, &link, &name, &hash)?;
            let (id, _) = admins::find(tx, &name)?.ok_or(Code::Internal)?;
            actions::admin::log_in(tx, id)
        })
        .await?;
    Ok(data(&json!({"session": session})))
}

pub async fn log_in(access: Access<Open>) -> Result<Reply> {
    let body: Credentials = access.json()?;
    let (name, password) = (body.name.unwrap_or_default(), body.password.unwrap_or_default());
    check_length("password", &password, MAX_PASSWORD)?;
    let refused = || Error::new(Code::NoAccess, "The name or the password is wrong.");
    let found = access.store().read(move |read| admins::find(read, name.trim())).await?;
    let Some((id, hash)) = found else {
        // Takes as long as a wrong password, so names cannot be tried out.
        access.api().passwords.hash(password).await?;
        return Err(refused());
    };
    if !access.api().passwords.verify(password, hash).await? {
        return Err(refused());
    }
    let session = access.store().write("admin.log_in", move |tx| actions::admin::log_in(tx, id)).await?;
    Ok(data(&json!({"session": session})))
}

pub async fn log_out(access: Access<Admin>) -> Result<Reply> {
    let session = digest(access.header(ADMIN_HEADER).unwrap_or_default());
    access.store().write("admin.log_out", move |tx| admins::delete_session(tx, &session)).await?;
    Ok(ack("Logged out."))
}

pub async fn overview(access: Access<Admin>) -> Result<Reply> {
    let apps = access.store().read(apps::list).await?;
    Ok(data(&json!({
        "admin": &*access.caller().uid,
        "version": env!("CARGO_PKG_VERSION"),
        "connections": access.api().hub.connections(),
        "apps": apps,
    })))
}

pub async fn create_app(access: Access<Admin>) -> Result<Reply> {
    let body: Credentials = access.json()?;
    let (limits, region) = (access.limits().clone(), access.api().region.clone());
    let name = body.name.unwrap_or_default();
    let created =
        access.store().write("admin.create_app", move |tx| actions::apps::create(tx, &name, &region, &limits)).await?;
    Ok(data(&created))
}

fn app(read: &Read<'_>, app_id: &str) -> Result<App> {
    apps::by_app_id(read, app_id)?
        .ok_or_else(|| Error::new(Code::InvalidAppId, format!("There is no app {}.", shown(app_id))))
}

pub async fn list_keys(access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    let ask = access.page()?;
    let keys = access
        .store()
        .read(move |read| {
            let keys = keys::list(read, app(read, &app_id)?.id, None, None, ask)?;
            Ok(keys.items.into_iter().map(|key| json!({"id": key.id, "key": key})).collect::<Vec<Value>>())
        })
        .await?;
    Ok(data(&keys))
}

pub async fn create_key(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        name: Option<String>,
        scope: Option<String>,
    }
    let body: Body = access.json()?;
    let scope = body.scope.as_deref().and_then(KeyScope::parse);
    let scope = scope.ok_or_else(|| Error::field("scope", "The scope must be fullAccess or authOnly."))?;
    let (app_id, limits) = (access.param("appId").to_owned(), access.limits().clone());
    let name = body.name.unwrap_or_default();
    let secret = access
        .store()
        .write("admin.create_key", move |tx| {
            let app = app(tx, &app_id)?;
            actions::apps::create_key(tx, &app, &name, scope, &limits)
        })
        .await?;
    Ok(data(&json!({"apiKey": secret})))
}

pub async fn revoke_key(access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    let id: i64 = access.param("keyId").parse().map_err(|_| Code::ApiKeyNotFound)?;
    access
        .store()
        .write("admin.revoke_key", move |tx| {
            let app = app(tx, &app_id)?;
            let key = keys::by_id(tx, app.id, id)?.ok_or(Code::ApiKeyNotFound)?;
            keys::delete(tx, key.id)
        })
        .await?;
    Ok(ack("The key has been revoked."))
}

pub async fn list_users(access: Access<Admin>) -> Result<Reply> {
    let (app_id, ask) = (access.param("appId").to_owned(), access.page()?);
    let filter = Filter {
        search: access.query().search("searchKey"),
        in_name: true,
        in_uid: true,
        deactivated: users::Deactivated::With,
        ..Filter::default()
    };
    let found = access.store().read(move |read| users::list(read, app(read, &app_id)?.id, &filter, ask)).await?;
    Ok(page(&found, ask))
}

pub async fn list_groups(access: Access<Admin>) -> Result<Reply> {
    let (app_id, ask) = (access.param("appId").to_owned(), access.page()?);
    let filter = groups::Filter {
        search: access.query().search("searchKey"),
        in_name: true,
        in_guid: true,
        ..groups::Filter::default()
    };
    let found = access.store().read(move |read| groups::list(read, app(read, &app_id)?.id, &filter, ask)).await?;
    Ok(page(&found, ask))
}

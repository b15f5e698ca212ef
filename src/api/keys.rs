//! API keys. A key is shown once, when it is made; afterwards in masked form.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::access::{Access, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, page};
use crate::actions;
use crate::model::audit::Act;
use crate::model::caller::KeyScope;
use crate::model::error::{Error, Result};
use crate::model::user::check_name;
use crate::store::{Write, keys};

#[derive(Deserialize, ToSchema)]
struct Body {
    name: Option<String>,
    scope: Option<String>,
}

fn scope(text: Option<&str>) -> Result<Option<KeyScope>> {
    text.map(|text| {
        KeyScope::parse(text).ok_or_else(|| Error::field("scope", "The scope must be fullAccess or authOnly."))
    })
    .transpose()
}

pub async fn create(access: Access<FullKey>) -> Result<Reply> {
    let body: Body = access.json()?;
    let name = check_name("name", &body.name.unwrap_or_default(), access.limits())?;
    let scope = scope(body.scope.as_deref())?.unwrap_or(KeyScope::AuthOnly);
    let (app, limits, named) = (access.app().clone(), access.limits().clone(), name.clone());
    let create = move |tx: &mut Write<'_>| {
        let secret = actions::keys::create(tx, &app, &named, scope, &limits)?;
        let hint = keys::hint_of(&secret).to_owned();
        Ok(((secret, tx.now()), Some(hint)))
    };
    let (secret, at) = access.audited("keys.create", Act::KeyCreate, Some(&access.app().app_id), create).await?;
    log::info!("an API key {name:?} ({}) was made for the app {}", scope.as_str(), access.app().app_id);
    Ok(data(&json!({"apiKey": secret, "name": name, "scope": scope.as_str(), "createdAt": at})))
}

pub async fn list(access: Access<FullKey>) -> Result<Reply> {
    let ask = access.page()?;
    let scope = scope(access.query().get("scope"))?.map(KeyScope::as_str);
    let (app, search) = (access.app().id, access.query().search("searchKey"));
    let keys = access.store().read(move |read| keys::list(read, app, scope, search.as_deref(), ask)).await?;
    Ok(page(&keys, ask))
}

pub async fn show(access: Access<FullKey>) -> Result<Reply> {
    let (app, secret) = (access.app().id, access.param("apiKey").to_owned());
    Ok(data(&access.store().read(move |read| actions::keys::find(read, app, &secret)).await?))
}

pub async fn update(access: Access<FullKey>) -> Result<Reply> {
    let body: Body = access.json()?;
    let name = body.name.map(|name| check_name("name", &name, access.limits())).transpose()?;
    let scope = scope(body.scope.as_deref())?;
    let (app, secret, own) = (access.app().id, access.param("apiKey").to_owned(), access.key());
    let change = move |tx: &mut Write<'_>| {
        let key = actions::keys::update(tx, app, &secret, own, name.as_deref(), scope)?;
        let hint = key.hint();
        Ok((key, Some(hint)))
    };
    let key = access.audited("keys.update", Act::KeyUpdate, Some(&access.app().app_id), change).await?;
    Ok(data(&key))
}

pub async fn delete(access: Access<FullKey>) -> Result<Reply> {
    let (app, secret, own) = (access.app().id, access.param("apiKey").to_owned(), access.key());
    let delete = move |tx: &mut Write<'_>| {
        let key = actions::keys::delete(tx, app, &secret, own)?;
        let hint = key.hint();
        Ok((key, Some(hint)))
    };
    let key = access.audited("keys.delete", Act::KeyRevoke, Some(&access.app().app_id), delete).await?;
    Ok(ack(format!("The API key {} has been deleted successfully.", key.api_key)))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["create-apikey", "get-apikey", "update-apikey"] {
        doc.reply::<keys::Key>(operation, Shape::One);
    }
    doc.reply::<keys::Key>("list-apikeys", Shape::Page).reply::<Ack>("delete-apikey", Shape::One);
    doc.body::<Body>("create-apikey").body::<Body>("update-apikey");
    doc.query("list-apikeys", &["scope", "searchKey", "perPage", "page"]);
}

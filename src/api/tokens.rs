//! Auth tokens of users.

use serde::Serialize;
use utoipa::ToSchema;

use super::access::{Access, AnyKey, FullKey};
use super::me::DeviceBody;
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, page};
use crate::actions;
use crate::model::error::Result;
use crate::store::{Write, tokens, users};

// Never read: the answer is the same either way.
#[allow(dead_code)]
#[derive(ToSchema)]
struct ForceBody {
    /// Make a new token, which every call does
    force: Option<bool>,
}

/// A new login; the token is whole in this answer only.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewAuthToken)]
struct NewToken {
    uid: String,
    name: String,
    auth_token: String,
    created_at: i64,
}

/// Always makes a new token: only its digest is kept, so there is none to hand out again.
pub async fn create(access: Access<AnyKey>) -> Result<Reply> {
    let uid = access.uid()?;
    let device = access.json::<DeviceBody>()?.parse();
    let (app, limits) = (access.app().clone(), access.limits().clone());
    let log_in = move |tx: &mut Write<'_>| actions::tokens::log_in(tx, &app, &uid, &device, &limits);
    let (user, token, created_at) = access.store().write("tokens.create", log_in).await?;
    Ok(data(&NewToken { uid: user.uid, name: user.name, auth_token: token, created_at }))
}

pub async fn list(access: Access<FullKey>) -> Result<Reply> {
    let (uid, ask, app) = (access.uid()?, access.page()?, access.app().clone());
    let tokens = access.store().read(move |read| tokens::list(read, users::person(read, &app, &uid)?.id, ask)).await?;
    Ok(page(&tokens, ask))
}

pub async fn flush(access: Access<FullKey>) -> Result<Reply> {
    let (uid, app) = (access.uid()?, access.app().clone());
    let named = uid.clone();
    access.store().write("tokens.flush", move |tx| actions::tokens::flush(tx, &app, &uid)).await?;
    Ok(ack(format!("Cleared auth tokens successfully for UID {named}.")))
}

pub async fn show(access: Access<FullKey>) -> Result<Reply> {
    let (uid, secret, app) = (access.uid()?, access.param("authToken").to_owned(), access.app().id);
    Ok(data(&access.store().read(move |read| actions::tokens::find(read, app, &uid, &secret)).await?))
}

pub async fn update(access: Access<FullKey>) -> Result<Reply> {
    let (uid, secret, app) = (access.uid()?, access.param("authToken").to_owned(), access.app().id);
    let device = access.json::<DeviceBody>()?.parse();
    let describe = move |tx: &mut Write<'_>| actions::tokens::describe(tx, app, &uid, &secret, &device);
    let token = access.store().write("tokens.update", describe).await?;
    Ok(data(&token))
}

pub async fn delete(access: Access<FullKey>) -> Result<Reply> {
    let (uid, secret, app) = (access.uid()?, access.param("authToken").to_owned(), access.app().id);
    let named = uid.clone();
    access.store().write("tokens.delete", move |tx| actions::tokens::delete(tx, app, &uid, &secret)).await?;
    Ok(ack(format!("The auth token of UID {named} has been deleted.")))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<NewToken>("create-authtoken", Shape::One).reply::<tokens::Token>("list-authtokens", Shape::Page);
    doc.reply::<tokens::Token>("get-authtoken", Shape::One).reply::<tokens::Token>("update-authtoken", Shape::One);
    doc.reply::<Ack>("flush-authtokens", Shape::One).reply::<Ack>("delete-authtoken", Shape::One);
    doc.body::<ForceBody>("create-authtoken")
        .body::<DeviceBody>("create-authtoken")
        .body::<DeviceBody>("update-authtoken");
    doc.query("list-authtokens", &["perPage", "page"]);
}

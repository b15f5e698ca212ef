//! Auth tokens of users.

use serde_json::json;

use super::access::{Access, AnyKey, FullKey};
use super::me::DeviceBody;
use super::openapi::Doc;
use super::reply::{Reply, ack, data, page};
use crate::actions;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::Uid;
use crate::store::{Read, digest, tokens, users};

/// Always makes a new token: only its digest is kept, so there is none to hand out again.
pub async fn create(access: Access<AnyKey>) -> Result<Reply> {
    let uid = access.uid()?;
    let device = access.json::<DeviceBody>()?.parse();
    let (app, limits) = (access.app().clone(), access.limits().clone());
    let (user, token, created_at) = access
        .store()
        .write("tokens.create", move |tx| {
            let user = users::person(tx, &app, &uid)?;
            let token = actions::tokens::issue(tx, &app.app_id, &user, &device, &limits)?;
            Ok((user, token, tx.now()))
        })
        .await?;
    Ok(data(&json!({"uid": user.uid, "name": user.name, "authToken": token, "createdAt": created_at})))
}

pub async fn list(access: Access<FullKey>) -> Result<Reply> {
    let (uid, ask, app) = (access.uid()?, access.page()?, access.app().clone());
    let tokens = access.store().read(move |read| tokens::list(read, users::person(read, &app, &uid)?.id, ask)).await?;
    Ok(page(&tokens, ask))
}

pub async fn flush(access: Access<FullKey>) -> Result<Reply> {
    let (uid, app) = (access.uid()?, access.app().clone());
    let named = uid.clone();
    access.store().write("tokens.flush", move |tx| tokens::delete_all(tx, users::person(tx, &app, &uid)?.id)).await?;
    Ok(ack(format!("Cleared auth tokens successfully for UID {named}.")))
}

/// The token named in the path, if it is this user's.
fn find(read: &Read<'_>, app: i64, uid: &Uid, secret: &str) -> Result<tokens::Token> {
    let user = users::any(read, app, uid)?.ok_or_else(|| crate::model::ids::unknown_uid(uid.as_str()))?;
    match tokens::find(read, app, &digest(secret))? {
        Some((owner, token)) if owner == user.id => Ok(token),
        Some(_) => Err(Code::TokenNotAccessible.into()),
        None => Err(Error::from(Code::TokenNotFound)),
    }
}

pub async fn show(access: Access<FullKey>) -> Result<Reply> {
    let (uid, secret, app) = (access.uid()?, access.param("authToken").to_owned(), access.app().id);
    Ok(data(&access.store().read(move |read| find(read, app, &uid, &secret)).await?))
}

pub async fn update(access: Access<FullKey>) -> Result<Reply> {
    let (uid, secret, app) = (access.uid()?, access.param("authToken").to_owned(), access.app().id);
    let device = access.json::<DeviceBody>()?.parse();
    let token = access
        .store()
        .write("tokens.update", move |tx| {
            let token = find(tx, app, &uid, &secret)?;
            tokens::describe(tx, token.id, &device)?;
            find(tx, app, &uid, &secret)
        })
        .await?;
    Ok(data(&token))
}

pub async fn delete(access: Access<FullKey>) -> Result<Reply> {
    let (uid, secret, app) = (access.uid()?, access.param("authToken").to_owned(), access.app().id);
    let named = uid.clone();
    access
        .store()
        .write("tokens.delete", move |tx| {
            let token = find(tx, app, &uid, &secret)?;
            tokens::delete(tx, token.id)
        })
        .await?;
    Ok(ack(format!("The auth token of UID {named} has been deleted.")))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.body::<DeviceBody>("create-authtoken").body::<DeviceBody>("update-authtoken");
    doc.query("list-authtokens", &["perPage", "page"]);
}

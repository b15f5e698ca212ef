//! Users of an app as an admin sees them, deactivated ones too, and their logins.

use serde_json::{Value, json};

use super::app;
use crate::actions;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, ack, data, page};
use crate::model::error::{Code, Result};
use crate::model::ids::{Uid, unknown_uid};
use crate::model::page::Page;
use crate::model::user::User;
use crate::store::users::{Deactivated, Filter};
use crate::store::{Read, tokens, users};

pub async fn list_users(access: Access<Admin>) -> Result<Reply> {
    let (app_id, ask) = (access.param("appId").to_owned(), access.page()?);
    let filter = Filter {
        search: access.query().search("searchKey"),
        in_name: true,
        in_uid: true,
        online: (access.query().get("show") == Some("online")).then_some(true),
        deactivated: match access.query().get("show") {
            Some("deactivated") => Deactivated::Only,
            Some("active") => Deactivated::Without,
            _ => Deactivated::With,
        },
        ..Filter::default()
    };
    let found = access.store().read(move |read| users::list(read, app(read, &app_id)?.id, &filter, ask)).await?;
    Ok(page(&found, ask))
}

/// The user of the path, deactivated or not.
fn user(read: &Read<'_>, app_id: &str, uid: &Uid) -> Result<User> {
    let app = app(read, app_id)?;
    users::any(read, app.id, uid)?.filter(|user| user.id != app.system_user).ok_or_else(|| unknown_uid(uid.as_str()))
}

pub async fn show_user(access: Access<Admin>) -> Result<Reply> {
    let (app_id, uid) = (access.param("appId").to_owned(), access.uid()?);
    Ok(data(&access.store().read(move |read| user(read, &app_id, &uid)).await?))
}

/// Ends his logins and hides him; nothing he wrote goes.
pub async fn deactivate_user(access: Access<Admin>) -> Result<Reply> {
    let (app_id, uid) = (access.param("appId").to_owned(), access.uid()?);
    let changed = access.store().write("admin.deactivate_user", move |tx| {
        let id = user(tx, &app_id, &uid)?.id;
        actions::users::deactivate(tx, &app(tx, &app_id)?, &[uid.to_string()], actions::users::PIECE)?;
        users::by_id(tx, id)
    });
    Ok(data(&changed.await?))
}

pub async fn reactivate_user(access: Access<Admin>) -> Result<Reply> {
    let (app_id, uid) = (access.param("appId").to_owned(), access.uid()?);
    let changed = access.store().write("admin.reactivate_user", move |tx| {
        let id = user(tx, &app_id, &uid)?.id;
        actions::users::reactivate(tx, &app(tx, &app_id)?, &[uid.to_string()])?;
        users::by_id(tx, id)
    });
    Ok(data(&changed.await?))
}

/// Ends a user's account as the body asks: as over the REST API.
pub async fn delete_user(access: Access<Admin>) -> Result<Reply> {
    let (app_id, uid) = (access.param("appId").to_owned(), access.uid()?);
    let found = access.store().read(move |read| app(read, &app_id)).await?;
    crate::api::users::remove(&access, found, uid).await
}

/// The logins (auth tokens) of a user, each with a number of its own: the tokens themselves are not kept.
pub async fn list_logins(access: Access<Admin>) -> Result<Reply> {
    let (app_id, uid, ask) = (access.param("appId").to_owned(), access.uid()?, access.page()?);
    let found = access.store().read(move |read| tokens::list(read, user(read, &app_id, &uid)?.id, ask)).await?;
    let items = found.items.into_iter().map(|token| json!({"id": token.id, "login": token})).collect::<Vec<Value>>();
    Ok(page(&Page { items, total: found.total }, ask))
}

pub async fn end_login(access: Access<Admin>) -> Result<Reply> {
    let (app_id, uid) = (access.param("appId").to_owned(), access.uid()?);
    let id: i64 = access.param("loginId").parse().map_err(|_| Code::TokenNotFound)?;
    let ended = access.store().write("admin.end_login", move |tx| {
        let user = user(tx, &app_id, &uid)?;
        actions::tokens::end(tx, &user, id)
    });
    ended.await?;
    Ok(ack("The login has been ended."))
}

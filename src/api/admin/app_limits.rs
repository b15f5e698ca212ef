//! The limits of an app, as an admin sees and changes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::app;
use crate::actions::app_limits;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, data};
use crate::model::error::{Error, Result};
use crate::store::Write;

/// What there may be of its own, with the server's numbers beside.
pub async fn show(access: Access<Admin>) -> Result<Reply> {
    let (app_id, server) = (access.param("appId").to_owned(), access.limits().clone());
    let app = access.store().read(move |read| app(read, &app_id)).await?;
    Ok(data(&app_limits::list(&app, &server)))
}

/// Changes those that are named: a number, or null for the server's.
pub async fn set(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        limits: Option<BTreeMap<String, Option<u64>>>,
    }
    let body: Body = access.json()?;
    let changes = body.limits.ok_or_else(|| Error::field("limits", "The limits field is required."))?;
    let (app_id, server, actor) = (access.param("appId").to_owned(), access.limits().clone(), access.actor());
    let set = move |tx: &mut Write<'_>| {
        let app = app(tx, &app_id)?;
        app_limits::set(tx, (&actor, &app), &changes)
    };
    let app = access.store().write("admin.set_limits", set).await?;
    Ok(data(&app_limits::list(&app, &server)))
}

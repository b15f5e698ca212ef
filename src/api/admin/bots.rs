//! Bots of an app, as admins make and retire them.

use serde::Deserialize;

use super::app;
use crate::actions;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, ack, data};
use crate::model::audit::Act;
use crate::model::error::{Error, Result};
use crate::model::ids::Uid;
use crate::model::user::check_name;
use crate::store::{Write, users};

pub async fn list(access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    Ok(data(&access.store().read(move |read| users::bots(read, app(read, &app_id)?.id)).await?))
}

/// Makes a bot, or a bot of a user who is there already; without a name it is called by its uid.
pub async fn create(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        uid: Option<String>,
        name: Option<String>,
    }
    let body: Body = access.json()?;
    let uid = Uid::parse(&body.uid.ok_or_else(|| Error::field("uid", "The uid field is required."))?)?;
    let (limits, app_id) = (access.limits().clone(), access.param("appId").to_owned());
    let named = body.name.filter(|name| !name.trim().is_empty());
    let create = move |tx: &mut Write<'_>| {
        let app = app(tx, &app_id)?;
        let limits = app.limits(&limits);
        let name = check_name("name", &named.unwrap_or_else(|| uid.to_string()), &limits)?;
        let bot = actions::bots::create(tx, &app, uid, name, &limits)?;
        let uid = bot.uid.to_string();
        Ok((bot, Some(uid)))
    };
    let noted = access.param("appId").to_owned();
    Ok(data(&access.audited("admin.create_bot", Act::BotCreate, Some(&noted), create).await?))
}

/// It stays a user, with all that it said.
pub async fn retire(access: Access<Admin>) -> Result<Reply> {
    let (uid, app_id) = (access.uid()?, access.param("appId").to_owned());
    let retire = move |tx: &mut Write<'_>| {
        actions::bots::retire(tx, &app(tx, &app_id)?, &uid)?;
        Ok(((), Some(uid.to_string())))
    };
    let noted = access.param("appId").to_owned();
    access.audited("admin.retire_bot", Act::BotRetire, Some(&noted), retire).await?;
    Ok(ack("It is no bot any more."))
}

//! Getting in to the admin page, and out: the one-time link, the password, the session.

use serde::Deserialize;
use serde_json::json;

use crate::actions;
use crate::api::access::{ADMIN_HEADER, Access, Admin, Open};
use crate::api::guesses::Of;
use crate::api::reply::{Reply, ack, data};
use crate::model::audit::{Act, Actor};
use crate::model::error::{Code, Error, Result};
use crate::model::user::{check_length, check_name};
use crate::store::{Write, admins, digest};

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

/// A password an admin may choose.
fn check_password(password: Option<String>) -> Result<String> {
    let password = password.unwrap_or_default();
    check_length("password", &password, MAX_PASSWORD)?;
    if password.chars().count() < MIN_PASSWORD {
        return Err(Error::field("password", format!("The password must have at least {MIN_PASSWORD} characters.")));
    }
    Ok(password)
}

/// Uses the one-time link: makes the admin and logs him in.
pub async fn set_up(access: Access<Open>) -> Result<Reply> {
    let body: Credentials = access.json()?;
    let name = check_name("name", &body.name.unwrap_or_default(), access.limits())?;
    let password = check_password(body.password)?;
    let link = body.link.unwrap_or_default();
    let guess = access.guess("admin set-up", Of::Link)?;
    let (asked, named) = (link.clone(), name.clone());
    if let Err(error) = access.store().read(move |read| actions::admin::check_set_up(read, &asked, &named)).await {
        if error.code != Code::NoAccess {
            guess.undo();
        }
        return Err(error);
    }
    guess.right();
    let hash = access.api().passwords.hash(password).await?;
    let made = name.clone();
    let session = access
        .store()
        .write("admin.set_up", move |tx| {
            actions::admin::set_up(tx, &link, &name, &hash)?;
            let (id, _) = admins::find(tx, &name)?.ok_or(Code::Internal)?;
            actions::audit::note(tx, &Actor::Admin(name.clone()), Act::AdminCreate, None, Some(&name))?;
            actions::admin::log_in(tx, id)
        })
        .await?;
    log::info!("{made:?} used a set-up link and is an admin now");
    Ok(data(&json!({"session": session})))
}

pub async fn log_in(access: Access<Open>) -> Result<Reply> {
    let body: Credentials = access.json()?;
    let (name, password) = (body.name.unwrap_or_default(), body.password.unwrap_or_default());
    check_length("password", &password, MAX_PASSWORD)?;
    let guess = access.guess("admin log-in", Of::Admin(name.trim()))?;
    let wanted = name.clone();
    let found = access.store().read(move |read| admins::find(read, wanted.trim())).await;
    let (id, hash) = match found {
        Ok(found) => found.unzip(),
        Err(error) => {
            guess.undo();
            return Err(error);
        }
    };
    // A name that is not there takes as long as a wrong password, so that names cannot be tried out.
    match (access.api().passwords.verify(password, hash).await, id) {
        (Ok(true), Some(_)) => guess.right(),
        (Ok(_), _) => return Err(Error::new(Code::NoAccess, "The name or the password is wrong.")),
        (Err(error), _) => {
            guess.undo();
            return Err(error);
        }
    }
    let id = id.ok_or(Code::Internal)?;
    let session = access.store().write("admin.log_in", move |tx| actions::admin::log_in(tx, id)).await?;
    log::info!("the admin {:?} logged in", name.trim());
    Ok(data(&json!({"session": session})))
}

pub async fn log_out(access: Access<Admin>) -> Result<Reply> {
    let session = digest(access.header(ADMIN_HEADER).unwrap_or_default());
    access.store().write("admin.log_out", move |tx| actions::admin::log_out(tx, &session)).await?;
    Ok(ack("Logged out."))
}

/// Changes the admin's own password; his other sessions end, this one is replaced.
pub async fn change_password(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        current: Option<String>,
        password: Option<String>,
    }
    let body: Body = access.json()?;
    let current = body.current.unwrap_or_default();
    check_length("current", &current, MAX_PASSWORD)?;
    let password = check_password(body.password)?;
    let name = access.caller().uid.clone();
    let (id, old) = access.store().read(move |read| admins::find(read, &name)).await?.ok_or(Code::Internal)?;
    let guess = access.guess("admin password", Of::Admin(&access.caller().uid))?;
    match access.api().passwords.verify(current, Some(old.clone())).await {
        Ok(true) => guess.right(),
        Ok(false) => return Err(Error::field("current", "The current password is wrong.")),
        Err(error) => {
            guess.undo();
            return Err(error);
        }
    }
    let hash = access.api().passwords.hash(password).await?;
    let named = access.caller().uid.to_string();
    let change = move |tx: &mut Write<'_>| Ok((actions::admin::change_password(tx, id, &old, &hash)?, Some(named)));
    let session = access.audited("admin.change_password", Act::AdminPassword, None, change).await?;
    Ok(data(&json!({"session": session})))
}

//! Getting in to the admin page, and out: the one-time link, the password, the session.

use serde::Deserialize;
use serde_json::json;

use crate::actions;
use crate::actions::totp::{self, Wrong};
use crate::api::access::{Access, Admin, Demand, Open};
use crate::api::guesses::Of;
use crate::api::reply::{Reply, ack, data};
use crate::model::audit::{Act, Actor};
use crate::model::error::{Code, Error, Result};
use crate::model::user::{check_length, check_name};
use crate::store::{Read, Write, admins};

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

/// Uses the one-time link: makes the admin, or gives the one it is for a new password, and logs them in.
pub async fn set_up(access: Access<Open>) -> Result<Reply> {
    let body: Credentials = access.json()?;
    let name = body.name.map(|name| check_name("name", &name, access.limits())).transpose()?;
    let password = check_password(body.password)?;
    let link = body.link.unwrap_or_default();
    let guess = access.guess("admin set-up", Of::Link)?;
    let (asked, named) = (link.clone(), name.clone());
    let check = move |read: &Read<'_>| actions::admin::check_set_up(read, &asked, named.as_deref());
    if let Err(error) = access.store().read(check).await {
        if error.code != Code::NoAccess {
            guess.undo();
        }
        return Err(error);
    }
    guess.right();
    let (hash, address) = (access.api().passwords.hash(password).await?, shown_address(&access));
    let (name, session) = access
        .store()
        .write("admin.set_up", move |tx| {
            let (id, name) = actions::admin::set_up(tx, &link, name.as_deref(), &hash)?;
            Ok((name, actions::admin::log_in(tx, id, address.as_deref())?))
        })
        .await?;
    // Whoever was let in by a link on the machine itself need not wait for what others guessed.
    access.api().guesses.forget(Of::Admin(&name));
    admitted(&access, &name);
    log::info!("{name:?} used a set-up link and is an admin now");
    Ok(data(&json!({"session": session})))
}

/// Lets an admin in by name and password, and by a code where they have a device for that.
pub async fn log_in(access: Access<Open>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        name: Option<String>,
        password: Option<String>,
        /// Six digits of their device, or a code that stands in for it.
        code: Option<String>,
    }
    let Body { name, password, code } = access.json()?;
    let (name, password) = (name.unwrap_or_default().trim().to_owned(), password.unwrap_or_default());
    check_length("password", &password, MAX_PASSWORD)?;
    check_length("code", code.as_deref().unwrap_or_default(), MAX_PASSWORD)?;
    let of = access.api().guesses.of_admin(&name, access.address(), access.store().clock().now());
    let guess = access.guess("admin log-in", of);
    let guess = guess.inspect_err(|_| access.api().looks.locked(access.api(), &name))?;
    let wanted = name.clone();
    let found = access.store().read(move |read| admins::find(read, &wanted)).await;
    let (id, hash) = match found {
        Ok(found) => found.unzip(),
        Err(error) => {
            guess.undo();
            return Err(error);
        }
    };
    // A name that is not there takes as long as a wrong password, so that names cannot be tried out.
    let id = match (access.api().passwords.verify(password, hash).await, id) {
        (Ok(true), Some(id)) => id,
        (Ok(_), _) => return Err(Error::new(Code::NoAccess, "The name or the password is wrong.")),
        (Err(error), _) => {
            guess.undo();
            return Err(error);
        }
    };
    let (address, actor) = (shown_address(&access), Actor::Admin(name.clone()));
    let log_in = move |tx: &mut Write<'_>| {
        if let Err(wrong) = totp::check(tx, id, code.as_deref())? {
            return Ok(Err(wrong));
        }
        actions::audit::note(tx, &actor, Act::AdminLogIn, None, None)?;
        Ok(Ok(actions::admin::log_in(tx, id, address.as_deref())?))
    };
    let session = match access.store().write("admin.log_in", log_in).await {
        Ok(Ok(session)) => session,
        // The password was right, so that was no guess; a code that is tried out is one.
        Ok(Err(Wrong::Missing)) => {
            guess.undo();
            return Err(needs_code("missing", "A code of your device is needed as well."));
        }
        Ok(Err(Wrong::Code)) => return Err(needs_code("wrong", "The code is wrong, or was used already.")),
        Err(error) => {
            guess.undo();
            return Err(error);
        }
    };
    guess.right();
    admitted(&access, &name);
    log::info!("the admin {name:?} logged in");
    Ok(data(&json!({"session": session})))
}

/// From where somebody logs in, as their sessions tell it.
fn shown_address<D: Demand>(access: &Access<D>) -> Option<String> {
    access.address().map(|address| address.to_string())
}

/// The admin got in from where this comes from.
fn admitted(access: &Access<Open>, name: &str) {
    access.api().guesses.admitted(name, access.address(), access.store().clock().now());
}

fn needs_code(code: &str, sentence: &str) -> Error {
    Error::new(Code::NoAccess, sentence).with_params(json!({ "code": code }))
}

/// Whether that is the password of the admin who asks: their hash, or the refusal.
pub(super) async fn own_password(access: &Access<Admin>, current: Option<String>) -> Result<String> {
    let current = current.unwrap_or_default();
    check_length("current", &current, MAX_PASSWORD)?;
    let name = access.admin()?.name.clone();
    let wanted = name.clone();
    let (_, hash) = access.store().read(move |read| admins::find(read, &wanted)).await?.ok_or(Code::Internal)?;
    let guess = access.guess("admin password", Of::Own(&name));
    let guess = guess.inspect_err(|_| access.api().looks.locked(access.api(), &name))?;
    match access.api().passwords.verify(current, Some(hash.clone())).await {
        Ok(true) => guess.right(),
        Ok(false) => return Err(Error::field("current", "The current password is wrong.")),
        Err(error) => {
            guess.undo();
            return Err(error);
        }
    }
    Ok(hash)
}

pub async fn log_out(access: Access<Admin>) -> Result<Reply> {
    let (session, actor) = (access.admin()?.session, access.actor());
    let log_out = move |tx: &mut Write<'_>| {
        actions::admin::log_out(tx, &session)?;
        actions::audit::note(tx, &actor, Act::AdminLogOut, None, None)
    };
    access.store().write("admin.log_out", log_out).await?;
    Ok(ack("Logged out."))
}

/// Changes the admin's own password; their other sessions end, this one is replaced.
pub async fn change_password(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        current: Option<String>,
        password: Option<String>,
    }
    let body: Body = access.json()?;
    let password = check_password(body.password)?;
    let (id, old) = (access.admin()?.id, own_password(&access, body.current).await?);
    let hash = access.api().passwords.hash(password).await?;
    let (named, address) = (access.caller().uid.to_string(), shown_address(&access));
    let change = move |tx: &mut Write<'_>| {
        Ok((actions::admin::change_password(tx, id, &old, &hash, address.as_deref())?, Some(named)))
    };
    let session = access.audited("admin.change_password", Act::AdminPassword, None, change).await?;
    Ok(data(&json!({"session": session})))
}

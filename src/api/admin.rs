//! What the admin page asks: its own small API below `/admin/api`, not part of the contract.

use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{ADMIN_HEADER, Access, Admin, Open};
use super::guesses::Of;
use super::reply::{Reply, ack, data, page};
use crate::actions;
use crate::actions::apps::find as app;
use crate::model::audit::{Act, Actor};
use crate::model::caller::KeyScope;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{Uid, unknown_uid};
use crate::model::page::Page;
use crate::model::patch::Patch;
use crate::model::user::{User, check_length, check_name};
use crate::store::users::{Deactivated, Filter};
use crate::store::webhooks::Stored;
use crate::store::{
    Read, Write, admins, apps, audit, digest, groups, keys, members, metrics, retention, tokens, users, webhooks,
};

/// Shortest password of an admin, in characters.
const MIN_PASSWORD: usize = 8;
/// Webhooks that are named as failing, at most.
const FAILING: i64 = 20;
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

pub async fn overview(access: Access<Admin>) -> Result<Reply> {
    let (apps, (messages, bytes), failing) = access
        .store()
        .read(|read| {
            let figures = (metrics::messages_so_far(read)?, metrics::database_bytes(read)?);
            Ok((apps::list(read)?, figures, webhooks::failing(read, None, FAILING)?))
        })
        .await?;
    Ok(data(&json!({
        "admin": &*access.caller().uid,
        "version": env!("CARGO_PKG_VERSION"),
        "connections": access.api().hub.connections(),
        "messages": messages,
        "databaseBytes": bytes,
        "clientHost": client_host(&access),
        "apps": apps,
        "failingWebhooks": shown_failing(failing),
    })))
}

/// Webhooks at which nothing arrives, for people who see them named.
fn shown_failing(failing: Vec<Stored>) -> Vec<Value> {
    let shown = failing.into_iter().map(|Stored { app_id, hook, failing_at, ended, .. }| {
        json!({"appId": app_id, "id": hook.id, "name": hook.name, "failingSince": failing_at, "why": ended})
    });
    shown.collect()
}

/// Where client SDKs find this server: they speak https only, so it is that address even when the page came by http.
fn client_host(access: &Access<Admin>) -> String {
    if let Some(public) = &access.api().public_host {
        return public.host();
    }
    let base = access.base();
    if let Some(host) = base.strip_prefix("https://") {
        return host.to_owned();
    }
    let host = base.strip_prefix("http://").unwrap_or(&base);
    match access.api().https_port.get() {
        Some(port) => {
            // What follows the last colon is a port only if it is a number: a bare IPv6 address ends with a bracket.
            let bare = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
            format!("{}:{port}", bare.map_or(host, |(bare, _)| bare))
        }
        None => host.to_owned(),
    }
}

pub async fn create_app(access: Access<Admin>) -> Result<Reply> {
    let body: Credentials = access.json()?;
    let (limits, region) = (access.limits().clone(), access.api().region.clone());
    let name = body.name.unwrap_or_default();
    let create = move |tx: &mut Write<'_>| {
        let created = actions::apps::create(tx, &name, &region, &limits)?;
        let id = created.app_id.clone();
        Ok((created, Some(id)))
    };
    let created = access.audited("admin.create_app", Act::AppCreate, None, create).await?;
    log::info!("the admin {:?} made the app {}", access.caller().uid, created.app_id);
    Ok(data(&created))
}

/// The app with figures of the last 24 hours.
pub async fn show_app(access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    let hub = access.api().hub.clone();
    let shown = access
        .store()
        .read(move |read| {
            let app = app(read, &app_id)?;
            let (now, day_ago) = (read.now(), read.now() - 24 * 3600);
            let (name, created_at) = apps::title(read, app.id)?;
            let (users, groups) = apps::sizes(read, app.id)?;
            Ok(json!({
                "id": &*app.app_id,
                "name": name,
                "region": &*app.region,
                "createdAt": created_at,
                "users": users,
                "groups": groups,
                "online": hub.online_in_app(app.id),
                "messagesInDay": metrics::messages(read, app.id, day_ago, now)?,
                "activeInDay": metrics::active_users(read, app.id, day_ago, now)?,
                "failingWebhooks": shown_failing(webhooks::failing(read, Some(app.id), FAILING)?),
            }))
        })
        .await?;
    Ok(data(&shown))
}

pub async fn delete_app(access: Access<Admin>) -> Result<Reply> {
    let (app_id, limits) = (access.param("appId").to_owned(), access.limits().clone());
    let delete =
        move |tx: &mut Write<'_>| Ok((actions::apps::delete(tx, &app_id, &limits)?, Some(app_id.to_ascii_lowercase())));
    let at = access.audited("admin.delete_app", Act::AppDelete, None, delete).await?;
    Ok(data(&json!({"success": true, "scheduledToDeleteAt": at})))
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
    let create = move |tx: &mut Write<'_>| {
        let app = app(tx, &app_id)?;
        let secret = actions::keys::create(tx, &app, &name, scope, &limits)?;
        let hint = keys::hint_of(&secret).to_owned();
        Ok((secret, Some(hint)))
    };
    let secret = access.audited("admin.create_key", Act::KeyCreate, Some(access.param("appId")), create).await?;
    let app = access.param("appId");
    log::info!("the admin {:?} made an API key ({}) for the app {app:?}", access.caller().uid, scope.as_str());
    Ok(data(&json!({"apiKey": secret})))
}

pub async fn revoke_key(access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    let id: i64 = access.param("keyId").parse().map_err(|_| Code::ApiKeyNotFound)?;
    let revoke = move |tx: &mut Write<'_>| {
        let app = app(tx, &app_id)?;
        Ok(((), Some(actions::keys::revoke(tx, app.id, id)?.hint())))
    };
    access.audited("admin.revoke_key", Act::KeyRevoke, Some(access.param("appId")), revoke).await?;
    Ok(ack("The key has been revoked."))
}

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
    super::users::remove(&access, found, uid).await
}

/// How long the app keeps messages, in days by kind of conversation.
pub async fn show_retention(access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    Ok(data(&access.store().read(move |read| retention::of_app(read, app(read, &app_id)?.id)).await?))
}

/// Changes it: a number of days, or null for ever.
pub async fn set_retention(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        user: Patch<i64>,
        #[serde(default)]
        group: Patch<i64>,
    }
    let (body, app_id, actor): (Body, _, _) = (access.json()?, access.param("appId").to_owned(), access.actor());
    let set = move |tx: &mut Write<'_>| {
        let app = app(tx, &app_id)?;
        actions::retention::set(tx, (&actor, &app), body.user, body.group)
    };
    Ok(data(&access.store().write("admin.set_retention", set).await?))
}

/// What was done by those who run the server, the newest first; `app` narrows it to one app.
pub async fn list_audit(access: Access<Admin>) -> Result<Reply> {
    let (app_id, ask) = (access.query().get("app").map(str::to_ascii_lowercase), access.page()?);
    let found = access.store().read(move |read| audit::list(read, app_id.as_deref(), ask)).await?;
    Ok(page(&found, ask))
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

pub async fn show_group(access: Access<Admin>) -> Result<Reply> {
    let (app_id, guid) = (access.param("appId").to_owned(), access.guid()?);
    Ok(data(&access.store().read(move |read| groups::by_guid(read, app(read, &app_id)?.id, &guid)).await?))
}

pub async fn list_members(access: Access<Admin>) -> Result<Reply> {
    let (app_id, guid, ask) = (access.param("appId").to_owned(), access.guid()?, access.page()?);
    let filter = members::Filter { search: access.query().search("searchKey"), ..members::Filter::default() };
    let found = access.store().read(move |read| {
        let group = groups::by_guid(read, app(read, &app_id)?.id, &guid)?;
        members::list(read, group.id, &filter, ask)
    });
    Ok(page(&found.await?, ask))
}

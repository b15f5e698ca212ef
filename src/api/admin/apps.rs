//! Apps as an admin makes, sees and deletes them; their keys, and how long they keep messages.

use serde::Deserialize;
use serde_json::{Value, json};

use super::app;
use super::overview::{FAILING, shown_failing};
use crate::actions;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, ack, data};
use crate::model::audit::Act;
use crate::model::caller::KeyScope;
use crate::model::error::{Code, Error, Result};
use crate::model::patch::Patch;
use crate::store::{Write, apps, keys, metrics, retention, webhooks};

pub async fn create_app(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        name: Option<String>,
    }
    let body: Body = access.json()?;
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

/// The app with figures of the last 24 hours; with `brief` without what has to be counted.
pub async fn show_app(access: Access<Admin>) -> Result<Reply> {
    let (app_id, is_brief) = (access.param("appId").to_owned(), access.query().flag("brief"));
    let hub = access.api().hub.clone();
    let shown = access
        .store()
        .read(move |read| {
            let app = app(read, &app_id)?;
            let (now, day_ago) = (read.now(), read.now() - 24 * 3600);
            let (name, created_at) = apps::title(read, app.id)?;
            if is_brief {
                return Ok(json!({"id": &*app.app_id, "name": name, "region": &*app.region, "createdAt": created_at}));
            }
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

/// Gives an app another name.
pub async fn rename_app(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        name: Option<String>,
    }
    let body: Body = access.json()?;
    let (limits, app_id) = (access.limits().clone(), access.param("appId").to_owned());
    let name = body.name.ok_or_else(|| Error::field("name", "The name field is required."))?;
    let noted = app_id.clone();
    let rename = move |tx: &mut Write<'_>| {
        let name = actions::apps::rename(tx, &app_id, &name, &limits)?;
        Ok((json!({"id": app_id.to_ascii_lowercase(), "name": name}), Some(app_id.to_ascii_lowercase())))
    };
    Ok(data(&access.audited("admin.rename_app", Act::AppRename, Some(&noted), rename).await?))
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
        let secret = actions::keys::create(tx, &app, &name, scope, &app.limits(&limits))?;
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

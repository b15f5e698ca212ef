//! Webhooks of an app, for whoever runs apps and for admins of the server.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::access::{Access, Demand};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, data, done, page};
use crate::actions::apps::find as app_of;
use crate::actions::webhooks as act;
use crate::model::audit::Act;
use crate::model::error::{Error, Result};
use crate::model::page::Page;
use crate::model::patch::Patch;
use crate::model::webhook::Webhook;
use crate::store::webhooks::{self as rows, Stored};

/// A webhook. Its password is never shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
struct Shown {
    id: String,
    name: String,
    #[serde(rename = "webhookURL")]
    webhook_url: String,
    enabled: bool,
    use_basic_auth: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    retry_on_failure: bool,
    created_at: i64,
    updated_at: i64,
    /// Signs what is sent (Standard Webhooks); only when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<String>,
    /// Since when nothing arrives there.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<i64>,
    /// Why the server switched it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_because: Option<String>,
    /// Events that were never delivered, because they became too old or too many.
    dropped_events: i64,
}

fn shown(stored: Stored) -> Shown {
    let Stored { hook, created_at, updated_at, failing_at, ended, dropped, .. } = stored;
    Shown {
        id: hook.id,
        name: hook.name,
        webhook_url: hook.url,
        enabled: hook.enabled,
        use_basic_auth: hook.basic_auth,
        username: hook.username,
        retry_on_failure: hook.retries,
        created_at,
        updated_at,
        signing_secret: None,
        failing_since: failing_at,
        disabled_because: ended,
        dropped_events: dropped,
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    id: Option<String>,
    name: Option<String>,
    #[serde(rename = "webhookURL")]
    webhook_url: Option<String>,
    #[serde(default)]
    use_basic_auth: bool,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    retry_on_failure: bool,
}

fn yes() -> bool {
    true
}

fn required(field: &'static str, value: Option<String>) -> Result<String> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Error::field(field, format!("The {field} field is required.")))
}

/// Makes one; the secret that signs what it is told is in this answer only.
pub async fn create<D: Demand>(access: Access<D>) -> Result<Reply> {
    let body: CreateBody = access.json()?;
    let hook = Webhook {
        id: required("id", body.id)?,
        name: required("name", body.name)?,
        url: required("webhookURL", body.webhook_url)?,
        basic_auth: body.use_basic_auth,
        username: body.username,
        password: body.password,
        enabled: body.enabled,
        retries: body.retry_on_failure,
    };
    let (app_id, limits) = (access.param("appId").to_owned(), access.limits().clone());
    let create = move |tx: &mut crate::store::Write<'_>| {
        let app = app_of(tx, &app_id)?;
        let made = act::create(tx, app.id, &hook, &limits)?;
        let target = made.hook.id.clone();
        Ok((made, Some(target)))
    };
    let made = access.audited("webhooks.create", Act::WebhookCreate, Some(access.param("appId")), create).await?;
    let secret = format!("whsec_{}", made.secret);
    Ok(data(&Shown { signing_secret: Some(secret), ..shown(made) }))
}

pub async fn list<D: Demand>(access: Access<D>) -> Result<Reply> {
    let ask = access.page()?;
    let (app_id, search) = (access.param("appId").to_owned(), access.query().search("searchKey"));
    let found = access
        .store()
        .read(move |read| {
            let found = rows::page(read, app_of(read, &app_id)?.id, search.as_deref(), ask)?;
            Ok(Page { items: found.items.into_iter().map(shown).collect::<Vec<_>>(), total: found.total })
        })
        .await?;
    Ok(page(&found, ask))
}

pub async fn show<D: Demand>(access: Access<D>) -> Result<Reply> {
    let (app_id, id) = names(&access);
    let found = access.store().read(move |read| act::find(read, app_of(read, &app_id)?.id, &id)).await?;
    Ok(data(&shown(found)))
}

/// The app and the webhook that the path names.
fn names<D: Demand>(access: &Access<D>) -> (String, String) {
    (access.param("appId").to_owned(), access.param("webhookId").to_owned())
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UpdateBody {
    name: Option<String>,
    #[serde(rename = "webhookURL")]
    webhook_url: Option<String>,
    use_basic_auth: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    username: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Patch<String>,
    enabled: Option<bool>,
    retry_on_failure: Option<bool>,
}

impl UpdateBody {
    fn change(self, hook: &mut Webhook) {
        hook.name = self.name.unwrap_or_else(|| hook.name.clone());
        hook.url = self.webhook_url.unwrap_or_else(|| hook.url.clone());
        hook.basic_auth = self.use_basic_auth.unwrap_or(hook.basic_auth);
        hook.enabled = self.enabled.unwrap_or(hook.enabled);
        hook.retries = self.retry_on_failure.unwrap_or(hook.retries);
        for (field, patch) in [(&mut hook.username, self.username), (&mut hook.password, self.password)] {
            match patch {
                Patch::Keep => {}
                Patch::Clear => field.clear(),
                Patch::Set(value) => *field = value,
            }
        }
    }
}

pub async fn update<D: Demand>(access: Access<D>) -> Result<Reply> {
    let body: UpdateBody = access.json()?;
    let (app_id, id) = names(&access);
    let update = move |tx: &mut crate::store::Write<'_>| {
        let app = app_of(tx, &app_id)?;
        Ok((act::update(tx, app.id, &id, |hook| body.change(hook))?, Some(id)))
    };
    let changed = access.audited("webhooks.update", Act::WebhookUpdate, Some(access.param("appId")), update).await?;
    Ok(data(&shown(changed)))
}

pub async fn delete<D: Demand>(access: Access<D>) -> Result<Reply> {
    let (app_id, id) = names(&access);
    let delete = move |tx: &mut crate::store::Write<'_>| {
        let app = app_of(tx, &app_id)?;
        act::delete(tx, app.id, &id)?;
        Ok(((), Some(id)))
    };
    access.audited("webhooks.delete", Act::WebhookDelete, Some(access.param("appId")), delete).await?;
    Ok(done("Deleted Webhook successfully.", None))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TriggersBody {
    #[serde(default)]
    trigger_ids: Vec<String>,
}

/// What a webhook is told of.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookTrigger)]
struct TriggerShown {
    id: &'static str,
    description: &'static str,
    category: &'static str,
}

fn trigger_ids<D: Demand>(access: &Access<D>) -> Result<Vec<String>> {
    let names = access.json::<TriggersBody>()?.trigger_ids;
    match names.is_empty() {
        true => Err(Error::field("triggerIds", "The triggerIds field is required.")),
        false => Ok(names),
    }
}

pub async fn add_triggers<D: Demand>(access: Access<D>) -> Result<Reply> {
    let names_asked = trigger_ids(&access)?;
    let (app_id, id) = names(&access);
    let outcomes = access
        .store()
        .write("webhooks.add_triggers", move |tx| {
            let app = app_of(tx, &app_id)?;
            act::add_triggers(tx, app.id, &id, &names_asked)
        })
        .await?;
    let shown = outcomes.into_iter().map(|(name, outcome)| {
        let (success, message) = match outcome {
            Ok(_) => (true, "Added trigger successfully.".to_owned()),
            Err(error) => (false, error.message().to_string()),
        };
        (name, json!({ "success": success, "message": message }))
    });
    Ok(data(&Value::Object(shown.collect::<Map<_, _>>())))
}

pub async fn list_triggers<D: Demand>(access: Access<D>) -> Result<Reply> {
    let (ask, (app_id, id)) = (access.page()?, names(&access));
    let found = access.store().read(move |read| act::triggers(read, app_of(read, &app_id)?.id, &id)).await?;
    let total = found.len() as i64;
    let from = usize::try_from(ask.offset()).unwrap_or(usize::MAX);
    let most = usize::try_from(ask.per_page).unwrap_or(usize::MAX);
    let items = found.into_iter().skip(from).take(most).map(|trigger| TriggerShown {
        id: trigger.as_str(),
        description: trigger.description(),
        category: trigger.category(),
    });
    Ok(page(&Page { items: items.collect(), total }, ask))
}

pub async fn remove_triggers<D: Demand>(access: Access<D>) -> Result<Reply> {
    let names_asked = trigger_ids(&access)?;
    let (app_id, id) = names(&access);
    access
        .store()
        .write("webhooks.remove_triggers", move |tx| {
            let app = app_of(tx, &app_id)?;
            act::remove_triggers(tx, app.id, &id, &names_asked)
        })
        .await?;
    Ok(done("Removed trigger successfully.", None))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["create-webhook", "get-webhook", "update-webhook"] {
        doc.reply::<Shown>(operation, Shape::One);
    }
    doc.reply::<Shown>("list-webhooks", Shape::Page).reply::<Ack>("delete-webhook", Shape::Done);
    doc.reply::<std::collections::BTreeMap<String, Ack>>("add-triggers", Shape::One);
    doc.reply::<TriggerShown>("list-triggers", Shape::Page).reply::<Ack>("remove-triggers", Shape::Done);
    doc.body::<CreateBody>("create-webhook").body::<UpdateBody>("update-webhook");
    doc.body::<TriggersBody>("add-triggers").body::<TriggersBody>("remove-triggers");
    doc.query("list-webhooks", &["searchKey", "perPage", "page"]).query("list-triggers", &["perPage", "page"]);
}

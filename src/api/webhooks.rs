//! Webhooks of an app, for whoever runs apps and for admins of the server.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::access::{Access, Demand};
use super::openapi::{Doc, Shape, header};
use super::reply::{Ack, Reply, data, done, page};
use crate::actions::apps::find as app_of;
use crate::actions::webhooks as act;
use crate::model::audit::Act;
use crate::model::error::{Error, Result};
use crate::model::page::Page;
use crate::model::patch::Patch;
use crate::model::trigger::Trigger;
use crate::model::webhook::{Webhook, host_of, is_same_server};
use crate::outgoing::Outgoing;
use crate::store::webhooks::{self as rows, Stored};
use crate::store::{Read, deliveries};

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
    /// Events that are on their way or wait for their next try; 1000: so many or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_events: Option<i64>,
    /// Events that were not delivered and are not tried again; 1000: so many or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_events: Option<i64>,
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
        waiting_events: None,
        failed_events: None,
    }
}

/// With what waits and what failed.
fn counted(read: &Read<'_>, stored: Stored) -> Result<Shown> {
    let (waiting, failed) = deliveries::counts(read, &stored)?;
    Ok(Shown { waiting_events: Some(waiting), failed_events: Some(failed), ..shown(stored) })
}

/// There are webhooks of one kind here: those the contract calls version 2.
fn check_version<D: Demand>(access: &Access<D>) -> Result<()> {
    match access.header("X-Webhook-Version") {
        None | Some("2") => Ok(()),
        Some(_) => {
            let sentence = "The X-Webhook-Version must be 2 or left out: there are no legacy webhooks here.";
            Err(Error::field("X-Webhook-Version", sentence))
        }
    }
}

/// Whether the settings let an address be reached without TLS, wherever it is. `Err`: nothing could ever be sent there.
pub(super) fn plain<D: Demand>(access: &Access<D>, (field, url): (&'static str, &str)) -> Result<bool> {
    // What is no address at all is refused with the rest.
    if let Some(why) = url.contains("://").then(|| Outgoing::complaint(url)).flatten() {
        return Err(Error::field(field, format!("The {field} is no address: {why}.")));
    }
    Ok(access.api().outgoing.allows_private(&host_of(url)))
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
    check_version(&access)?;
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
    let plain = plain(&access, ("webhookURL", &hook.url))?;
    let create = move |tx: &mut crate::store::Write<'_>| {
        let app = app_of(tx, &app_id)?;
        let made = act::create(tx, app.id, &hook, plain, &app.limits(&limits))?;
        let target = made.hook.id.clone();
        Ok((made, Some(target)))
    };
    let made = access.audited("webhooks.create", Act::WebhookCreate, Some(access.param("appId")), create).await?;
    let secret = format!("whsec_{}", made.secret);
    Ok(data(&Shown { signing_secret: Some(secret), ..shown(made) }))
}

pub async fn list<D: Demand>(access: Access<D>) -> Result<Reply> {
    check_version(&access)?;
    let ask = access.page()?;
    let (app_id, search) = (access.param("appId").to_owned(), access.query().search("searchKey"));
    let found = access
        .store()
        .read(move |read| {
            let found = rows::page(read, app_of(read, &app_id)?.id, search.as_deref(), ask)?;
            let items = found.items.into_iter().map(|hook| counted(read, hook)).collect::<Result<Vec<_>>>()?;
            Ok(Page { items, total: found.total })
        })
        .await?;
    Ok(page(&found, ask))
}

pub async fn show<D: Demand>(access: Access<D>) -> Result<Reply> {
    let (app_id, id) = names(&access)?;
    let found = access.store().read(move |read| counted(read, act::find(read, app_of(read, &app_id)?.id, &id)?));
    Ok(data(&found.await?))
}

/// The app and the webhook that the path names.
pub(super) fn names<D: Demand>(access: &Access<D>) -> Result<(String, String)> {
    check_version(access)?;
    Ok((access.param("appId").to_owned(), access.param("webhookId").to_owned()))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UpdateBody {
    /// It stays what it is.
    #[schema(ignore)]
    id: Option<String>,
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
        if let Some(url) = self.webhook_url {
            if !is_same_server(&hook.url, &url) {
                hook.password.clear();
            }
            hook.url = url;
        }
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
    let (app_id, id) = names(&access)?;
    if body.id.as_ref().is_some_and(|other| *other != id) {
        return Err(Error::field("id", "The id of a webhook cannot be changed."));
    }
    let plain = body.webhook_url.as_ref().map_or(Ok(false), |url| plain(&access, ("webhookURL", url)))?;
    let update = move |tx: &mut crate::store::Write<'_>| {
        let app = app_of(tx, &app_id)?;
        Ok((act::update(tx, app.id, &id, plain, |hook| body.change(hook))?, Some(id)))
    };
    let changed = access.audited("webhooks.update", Act::WebhookUpdate, Some(access.param("appId")), update).await?;
    Ok(data(&shown(changed)))
}

pub async fn delete<D: Demand>(access: Access<D>) -> Result<Reply> {
    let (app_id, id) = names(&access)?;
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

impl TriggerShown {
    fn of(trigger: Trigger) -> Self {
        TriggerShown { id: trigger.as_str(), description: trigger.description(), category: trigger.category() }
    }
}

/// All that a webhook can be told of on this server.
pub async fn all_triggers<D: Demand>(access: Access<D>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    access.store().read(move |read| app_of(read, &app_id)).await?;
    let all = Trigger::ALL.iter().copied().filter(|trigger| trigger.absent().is_none());
    Ok(data(&all.map(TriggerShown::of).collect::<Vec<_>>()))
}

/// Another secret signs from now on; for a day the one before signs beside it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookSecret)]
struct SecretShown {
    id: String,
    /// Only in this answer.
    signing_secret: String,
    /// Until then the one before signs, too.
    old_secret_until: i64,
}

pub async fn rotate<D: Demand>(access: Access<D>) -> Result<Reply> {
    let (app_id, id) = names(&access)?;
    let rotate = move |tx: &mut crate::store::Write<'_>| {
        let app = app_of(tx, &app_id)?;
        Ok((act::rotate(tx, app.id, &id)?, Some(id)))
    };
    let app = Some(access.param("appId"));
    let made = access.audited("webhooks.rotate", Act::WebhookRotateSecret, app, rotate).await?;
    let old_secret_until = made.old_secret.map_or(0, |(_, until)| until);
    let signing_secret = format!("whsec_{}", made.secret);
    Ok(data(&SecretShown { id: made.hook.id, signing_secret, old_secret_until }))
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
    let (app_id, id) = names(&access)?;
    let add = move |tx: &mut crate::store::Write<'_>| {
        let app = app_of(tx, &app_id)?;
        Ok((act::add_triggers(tx, app.id, &id, &names_asked)?, Some(id)))
    };
    let app = Some(access.param("appId"));
    let outcomes = access.audited("webhooks.add_triggers", Act::WebhookAddTriggers, app, add).await?;
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
    let (ask, (app_id, id)) = (access.page()?, names(&access)?);
    let found = access.store().read(move |read| act::triggers(read, app_of(read, &app_id)?.id, &id)).await?;
    let total = found.len() as i64;
    let from = usize::try_from(ask.offset()).unwrap_or(usize::MAX);
    let most = usize::try_from(ask.per_page).unwrap_or(usize::MAX);
    let items = found.into_iter().skip(from).take(most).map(TriggerShown::of);
    Ok(page(&Page { items: items.collect(), total }, ask))
}

pub async fn remove_triggers<D: Demand>(access: Access<D>) -> Result<Reply> {
    let names_asked = trigger_ids(&access)?;
    let (app_id, id) = names(&access)?;
    let remove = move |tx: &mut crate::store::Write<'_>| {
        let app = app_of(tx, &app_id)?;
        act::remove_triggers(tx, app.id, &id, &names_asked)?;
        Ok(((), Some(id)))
    };
    let app = Some(access.param("appId"));
    access.audited("webhooks.remove_triggers", Act::WebhookRemoveTriggers, app, remove).await?;
    Ok(done("Removed trigger successfully.", None))
}

/// Operations that look at the version.
const VERSIONED: [&str; 14] = [
    "create-webhook",
    "list-webhooks",
    "get-webhook",
    "update-webhook",
    "delete-webhook",
    "add-triggers",
    "list-triggers",
    "remove-triggers",
    "rotate-webhook-secret",
    "test-webhook",
    "list-deliveries",
    "get-delivery",
    "replay-delivery",
    "replay-deliveries",
];

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["create-webhook", "get-webhook", "update-webhook"] {
        doc.reply::<Shown>(operation, Shape::One);
    }
    doc.reply::<Shown>("list-webhooks", Shape::Page).reply::<Ack>("delete-webhook", Shape::Done);
    doc.reply::<std::collections::BTreeMap<String, Ack>>("add-triggers", Shape::One);
    doc.reply::<TriggerShown>("list-triggers", Shape::Page).reply::<Ack>("remove-triggers", Shape::Done);
    doc.reply::<TriggerShown>("list-all-triggers", Shape::List);
    doc.reply::<SecretShown>("rotate-webhook-secret", Shape::One);
    doc.body::<CreateBody>("create-webhook").body::<UpdateBody>("update-webhook");
    doc.body::<TriggersBody>("add-triggers").body::<TriggersBody>("remove-triggers");
    doc.query("list-webhooks", &["searchKey", "perPage", "page"]).query("list-triggers", &["perPage", "page"]);
    for operation in VERSIONED {
        let means = "The version of webhooks; left out, it is the same. There are none of another.";
        doc.header(operation, "X-Webhook-Version", json!({"type": "string", "enum": ["2"]}), means);
    }
    let text = |example: &str| json!({"type": "string", "examples": [example]});
    let headers = [
        header("webhook-id", &text("msg_5b1e…"), "The event: the same with every try."),
        header("webhook-timestamp", &text("1795000000"), "When it is sent, in Unix seconds."),
        header(
            "webhook-signature",
            &text("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
            "Signatures of Standard Webhooks, parted by spaces: two for a day after a secret was changed.",
        ),
        header("Authorization", &text("Basic …"), "With useBasicAuth: the webhook's username and password."),
    ];
    let field = json!({"type": "string"});
    let body = json!({"type": "object", "required": ["trigger", "data", "appId", "region", "webhook"], "properties": {
        "trigger": field, "data": {"type": "object"}, "appId": field, "region": field, "webhook": field,
    }});
    doc.webhook(
        "event",
        json!({
            "summary": "What a webhook is sent: one event of a trigger that it asked for.",
            "parameters": headers,
            "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
            "responses": {
                "2XX": {"description": "It has arrived."},
                "410": {"description": "The webhook is switched off."},
                "default": {"description": "With retryOnFailure it is tried again for a day; Retry-After is heeded."},
            },
        }),
    );
}

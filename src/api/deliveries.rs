//! What became of events at a webhook: the log of it, events told once more, and tests. For whoever runs apps and for admins
//! of the server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Access, Demand};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, CursorMeta, Point, Reply, ack, data, list as list_reply};
use super::webhooks::names;
use crate::actions::apps::find as app_of;
use crate::actions::deliveries::{self as act, Which};
use crate::actions::webhooks::find;
use crate::model::audit::Act;
use crate::model::error::{Error, Result};
use crate::model::json::{Raw, raw};
use crate::model::page::Affix;
use crate::model::webhook::{TEST, test_data};
use crate::out;
use crate::store::deliveries::{self as rows, Delivery};
use crate::store::outbox::Event;
use crate::store::{Lane, Write};

/// Pieces of a replay that one call does.
const PIECES: usize = 100;

/// What became of an event at a webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
struct Shown {
    id: String,
    /// The header `webhook-id`: the same on every try.
    event_id: String,
    trigger: String,
    /// `delivered`, `waiting` or `failed`.
    state: String,
    tries: i64,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_tried_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tried_at: Option<i64>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<i64>,
    /// Milliseconds of the last try.
    #[serde(skip_serializing_if = "Option::is_none")]
    took: Option<i64>,
    /// Status of the last answer; without one there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<i64>,
    /// How the last answer began, or why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// What is sent; only where one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    body: Option<Raw>,
}

fn shown(delivery: Delivery) -> Shown {
    let Delivery { event, state, tries, first_at, next_at, tried_at, took_ms, status, answer } = delivery;
    Shown {
        id: event.id.to_string(),
        event_id: event_id(&event),
        trigger: event.trigger,
        state,
        tries,
        created_at: event.at,
        first_tried_at: first_at,
        tried_at,
        next_try_at: next_at,
        took: took_ms,
        status,
        answer,
        body: None,
    }
}

fn event_id(event: &Event) -> String {
    format!("msg_{}", event.name)
}

/// The log, the newest first.
pub async fn list<D: Demand>(access: Access<D>) -> Result<Reply> {
    let (app_id, id) = names(&access)?;
    let (query, limits) = (access.query(), access.limits());
    let limit = query.int("limit")?.unwrap_or(limits.per_page).min(limits.max_per_page);
    if limit < 1 {
        return Err(Error::field("limit", "The limit must be at least 1."));
    }
    let before = query.int("id")?.filter(|id| *id > 0).unwrap_or(i64::MAX);
    let which = match query.get("state") {
        None => rows::Shown::All,
        Some("delivered") => rows::Shown::Delivered,
        Some("waiting") => rows::Shown::Waiting,
        Some("failed") => rows::Shown::Failed,
        Some(_) => return Err(Error::field("state", "The state must be delivered, waiting or failed.")),
    };
    let found = access.store().read(move |read| {
        let hook = find(read, app_of(read, &app_id)?.id, &id)?;
        rows::page(read, hook.id, which, before, limit)
    });
    let (found, next) = found.await?;
    let mut meta = CursorMeta::new(limit, found.len());
    meta.next = next.map(|id| Point::new(Affix::Append, id.to_string()));
    Ok(list_reply(&found.into_iter().map(shown).collect::<Vec<_>>(), meta))
}

/// The delivery that the path names.
fn number<D: Demand>(access: &Access<D>) -> Result<i64> {
    let text = access.param("deliveryId");
    text.parse().map_err(|_| act::unknown(text))
}

/// One, with what is sent.
pub async fn show<D: Demand>(access: Access<D>) -> Result<Reply> {
    let ((app_id, id), number) = (names(&access)?, number(&access)?);
    let found = access.store().read(move |read| {
        let hook = find(read, app_of(read, &app_id)?.id, &id)?;
        let delivery = act::delivery(read, &hook, number)?;
        let body = out::envelope(&hook, &delivery.event);
        Ok(Shown { body: Some(raw(body)), ..shown(delivery) })
    });
    Ok(data(&found.await?))
}

/// One is sent once more, now.
pub async fn replay_one<D: Demand>(access: Access<D>) -> Result<Reply> {
    let ((app_id, id), number) = (names(&access)?, number(&access)?);
    let replay = move |tx: &mut Write<'_>| {
        let app = app_of(tx, &app_id)?;
        act::replay(tx, app.id, &id, number)?;
        Ok(((), Some(id)))
    };
    access.audited("webhooks.replay_one", Act::WebhookReplay, Some(access.param("appId")), replay).await?;
    Ok(ack("The event is sent once more."))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReplayBody {
    /// `failed`: only those that failed.
    state: Option<String>,
    /// Unix seconds: of events from then on.
    from: Option<i64>,
    /// Up to then.
    to: Option<i64>,
    /// What the call before answered: it goes on there.
    after: Option<String>,
}

/// What a replay came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookReplay)]
struct Replayed {
    /// Events that are sent once more.
    replayed: i64,
    /// There is more: the same call with this does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// Those that failed, or those of a time, are sent once more; as many as one call may.
pub async fn replay<D: Demand>(access: Access<D>) -> Result<Reply> {
    let ((app_id, id), body) = (names(&access)?, access.json::<ReplayBody>()?);
    let failed = match body.state.as_deref() {
        None => false,
        Some("failed") => true,
        Some(_) => return Err(Error::field("state", "The state must be failed, or left out.")),
    };
    if !failed && body.from.is_none() {
        return Err(Error::field("from", "The from field is required, unless the state is failed."));
    }
    let which = Which { failed, from: body.from.unwrap_or(0), to: body.to.unwrap_or(i64::MAX) };
    let after = body.after.map(|after| after.parse().map_err(|_| Error::field("after", "The after is not known.")));
    let mut after: Option<i64> = Some(after.transpose()?.unwrap_or(0));
    let mut replayed = 0;
    for piece in 0..PIECES {
        let Some(behind) = after else { break };
        let (app_id, id) = (app_id.clone(), id.clone());
        let work = move |tx: &mut Write<'_>| {
            let app = app_of(tx, &app_id)?;
            Ok((act::replay_piece(tx, app.id, &id, which, behind)?, Some(id)))
        };
        let done = match piece {
            0 => access.audited("webhooks.replay", Act::WebhookReplay, Some(access.param("appId")), work).await?,
            _ => access.store().write_in(Lane::Low, "webhooks.replay", move |tx| Ok(work(tx)?.0)).await?,
        };
        replayed += done.replayed;
        after = done.after;
    }
    Ok(data(&Replayed { replayed, after: after.map(|after| after.to_string()) }))
}

/// What came of a test.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookTest)]
struct Tested {
    /// It answered with a status from 200 to 299.
    success: bool,
    event_id: String,
    /// Milliseconds.
    took: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// How the answer began, or why there was none.
    answer: String,
    /// What was sent.
    #[schema(value_type = Object)]
    body: Raw,
}

/// Sends a test now, and tells what came of it.
pub async fn test<D: Demand>(access: Access<D>) -> Result<Reply> {
    let (app_id, id) = names(&access)?;
    let begin = move |tx: &mut Write<'_>| {
        let app = app_of(tx, &app_id)?;
        let hook = find(tx, app.id, &id)?;
        let data = test_data(&hook.app_id, tx.now()).to_string();
        let event = Event { id: 0, name: tx.ids().hex(12), trigger: TEST.to_owned(), at: tx.now(), data };
        Ok(((hook, event), Some(id)))
    };
    let app = Some(access.param("appId"));
    let (hook, event) = access.audited("webhooks.test", Act::WebhookTest, app, begin).await?;
    let outcome = out::trial(&access.api().outgoing, access.limits(), &hook, &event, event.at).await;
    Ok(data(&Tested {
        success: outcome.status.is_some_and(|status| (200..300).contains(&status)),
        event_id: event_id(&event),
        took: i64::try_from(outcome.took.as_millis()).unwrap_or(i64::MAX),
        status: outcome.status,
        answer: outcome.answer,
        body: raw(out::envelope(&hook, &event)),
    }))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Shown>("list-deliveries", Shape::Cursor).reply::<Shown>("get-delivery", Shape::One);
    doc.reply::<Ack>("replay-delivery", Shape::One).reply::<Replayed>("replay-deliveries", Shape::One);
    doc.reply::<Tested>("test-webhook", Shape::One);
    doc.body::<ReplayBody>("replay-deliveries").query("list-deliveries", &["state", "id", "limit"]);
}

//! Flagging messages, reviewing them, and the reasons for it.

pub mod blocked;
pub mod rules;
pub mod submitted;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actions;
use crate::actions::moderation::{FlaggedShown, ReviewedShown};
use crate::api::access::{Access, AsUser, Demand, FullKey};
use crate::api::groups::affix;
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Ack, CursorMeta, Filling, Reply, cut_list, data, done, list as list_reply};
use crate::model::audit::Act;
use crate::model::caller::Caller;
use crate::model::error::{Error, Result};
use crate::model::ids::parse_message_id;
use crate::model::message::Message;
use crate::model::moderation::{Reason, Verdict};
use crate::model::page::Affix;
use crate::model::user::{check_length, check_name};
use crate::store::{Read, Write, moderation as rows};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FlagBody {
    reason_id: Option<String>,
    /// What clients call the reason's id.
    id: Option<String>,
    remark: Option<String>,
}

/// Characters of a remark and of a reason's id.
const MOST_REMARK: usize = 1000;
const MOST_ID: usize = 100;

pub async fn flag(access: Access<AsUser>) -> Result<Reply> {
    let (id, caller) = (access.message_id()?, access.caller().clone());
    let body: FlagBody = access.json()?;
    let reason = body.reason_id.or(body.id).filter(|reason| !reason.is_empty());
    let reason = reason.ok_or_else(|| Error::field("reasonId", "The reasonId field is required."))?;
    let remark = body.remark.filter(|remark| !remark.is_empty());
    check_length("remark", remark.as_deref().unwrap_or_default(), MOST_REMARK)?;
    access
        .store()
        .write("messages.flag", move |tx| actions::moderation::flag(tx, &caller, id, &reason, remark.as_deref()))
        .await?;
    Ok(done(format!("The message id {id} has been flagged."), None))
}

pub async fn list_flagged(access: Access<FullKey>) -> Result<Reply> {
    flagged(access, false, actions::moderation::show, |item| item.message.id).await
}

pub async fn list_reviewed(access: Access<FullKey>) -> Result<Reply> {
    flagged(access, true, actions::moderation::show_reviewed, |item| item.message.id).await
}

async fn flagged<T: Serialize + Send + 'static>(
    access: Access<FullKey>,
    reviewed: bool,
    show: fn(&Read<'_>, &Caller, &rows::Flagged) -> Result<T>,
    id: fn(&T) -> i64,
) -> Result<Reply> {
    let find =
        move |read: &Read<'_>, caller: &Caller, from, limit| rows::list(read, caller.app.id, reviewed, from, limit);
    page(access, PAGE, find, move |read, caller, flagged| show(read, caller, &flagged), id).await
}

/// Rows of these lists when no limit is named (contract).
const PAGE: i64 = 50;

/// A page of messages along their ids: `find` finds so many of them from a point on, in the order of their ids, `show` makes
/// each what is shown, `id` says which one that is.
async fn page<D: Demand, R, T: Serialize + Send + 'static>(
    access: Access<D>,
    usual: i64,
    find: impl FnOnce(&Read<'_>, &Caller, (Affix, Option<i64>), i64) -> Result<Vec<R>> + Send + 'static,
    show: impl Fn(&Read<'_>, &Caller, R) -> Result<T> + Send + 'static,
    id: fn(&T) -> i64,
) -> Result<Reply> {
    let (query, caller, limit) =
        (access.query(), access.caller().clone(), crate::api::messages::limit(&access, usual)?);
    let direction = affix(query.get("affix"))?.unwrap_or(Affix::Append);
    let from = query.get("id").filter(|id| *id != "0").map(parse_message_id).transpose()?;
    let bytes = access.limits().page_bytes;
    let all = move |read: &Read<'_>| {
        let mut found = find(read, &caller, (direction, from), limit)?;
        // What is nearest to the point comes first, and the rest with the next page.
        if direction == Affix::Prepend {
            found.reverse();
        }
        let mut filling = Filling::new(bytes);
        for row in found {
            if !filling.take(show(read, &caller, row)?) {
                break;
            }
        }
        if direction == Affix::Prepend {
            filling.items.reverse();
        }
        Ok(filling.items)
    };
    let items = access.store().read(all).await?;
    let ends = items.first().zip(items.last()).map(|(first, last)| (id(first).to_string(), id(last).to_string()));
    let meta = CursorMeta::new(limit, items.len()).between(ends);
    Ok(cut_list(&items, meta))
}

#[derive(Deserialize, ToSchema)]
struct ReviewBody {
    /// approved: it stays; disapproved: it is hidden
    status: Option<String>,
}

pub async fn review(access: Access<FullKey>) -> Result<Reply> {
    let (id, caller) = (access.message_id()?, access.caller().clone());
    let status = access.json::<ReviewBody>()?.status.unwrap_or_default();
    let verdict =
        Verdict::parse(&status).ok_or_else(|| Error::field("status", "The status must be approved or disapproved."))?;
    let sent = access
        .store()
        .write("moderation.review", move |tx| actions::moderation::review(tx, &caller, id, verdict))
        .await?;
    Ok(done(format!("The message id {id} has been {}.", verdict.as_str()), Some(sent.json())))
}

#[derive(Deserialize, ToSchema)]
struct ReasonBody {
    id: Option<String>,
    name: Option<String>,
    description: Option<String>,
}

impl ReasonBody {
    fn check(&self, access: &Access<FullKey>) -> Result<()> {
        if let Some(name) = &self.name {
            check_name("name", name, access.limits())?;
        }
        check_length("description", self.description.as_deref().unwrap_or_default(), access.limits().description)
    }
}

/// An id may hold what names in addresses hold.
fn check_id(id: Option<String>) -> Result<String> {
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| Error::field("id", "The id field is required."))?;
    check_length("id", &id, MOST_ID)?;
    match id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        true => Ok(id),
        false => Err(Error::field("id", "The id may hold letters, digits, hyphens, dots and underscores.")),
    }
}

pub async fn create_reason(access: Access<FullKey>) -> Result<Reply> {
    let body: ReasonBody = access.json()?;
    body.check(&access)?;
    let (app, limits) = (access.app().id, access.limits().clone());
    let id = check_id(body.id)?;
    let name = body.name.ok_or_else(|| Error::field("name", "The name field is required."))?;
    let description = body.description;
    let make = move |tx: &mut Write<'_>| {
        let made = actions::moderation::create_reason(tx, app, &id, &name, description.as_deref(), &limits)?;
        Ok((made, Some(id)))
    };
    Ok(data(&access.audited("reasons.create", Act::ReasonCreate, Some(&access.app().app_id), make).await?))
}

pub async fn list_reasons(access: Access<FullKey>) -> Result<Reply> {
    let (app, limit) = (access.app().id, access.limits().max_per_page);
    let reasons = access.store().read(move |read| rows::reasons(read, app)).await?;
    Ok(list_reply(&reasons, CursorMeta::new(limit, reasons.len())))
}

pub async fn show_reason(access: Access<FullKey>) -> Result<Reply> {
    let (app, id) = (access.app().id, access.param("id").to_owned());
    Ok(data(&access.store().read(move |read| actions::moderation::reason(read, app, &id)).await?))
}

pub async fn update_reason(access: Access<FullKey>) -> Result<Reply> {
    let body: ReasonBody = access.json()?;
    body.check(&access)?;
    let (app, id) = (access.app().id, access.param("id").to_owned());
    let update = move |tx: &mut Write<'_>| {
        let (name, description) = (body.name.as_deref(), body.description.as_deref());
        Ok((actions::moderation::update_reason(tx, app, &id, name, description)?, Some(id)))
    };
    Ok(data(&access.audited("reasons.update", Act::ReasonUpdate, Some(&access.app().app_id), update).await?))
}

pub async fn delete_reason(access: Access<FullKey>) -> Result<Reply> {
    let (app, id) = (access.app().id, access.param("id").to_owned());
    let sentence = format!("The reason {} has been deleted.", crate::model::ids::shown(&id));
    let delete = move |tx: &mut Write<'_>| Ok((actions::moderation::delete_reason(tx, app, &id)?, Some(id)));
    access.audited("reasons.delete", Act::ReasonDelete, Some(&access.app().app_id), delete).await?;
    Ok(done(sentence, None))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    blocked::describe(doc);
    rules::describe(doc);
    submitted::describe(doc);
    doc.reply::<Ack>("flag-a-message", Shape::Done).reply::<Message>("blockreview-flagged-message", Shape::Done);
    for operation in ["create-reason", "get-reason-details", "update-reason-details"] {
        doc.reply::<Reason>(operation, Shape::One);
    }
    doc.reply::<Reason>("list-reasons", Shape::Cursor).reply::<Ack>("delete-reason", Shape::Done);
    doc.reply::<FlaggedShown>("list-flagged-messages", Shape::Cursor)
        .reply::<ReviewedShown>("list-reviewed-messages", Shape::Cursor);
    doc.body::<FlagBody>("flag-a-message").body::<ReviewBody>("blockreview-flagged-message");
    doc.body::<ReasonBody>("create-reason").body::<ReasonBody>("update-reason-details");
    doc.without("update-reason-details", &["id"]);
    doc.query("list-flagged-messages", &["affix", "id", "limit"]);
    doc.query("list-reviewed-messages", &["affix", "id", "limit"]);
}

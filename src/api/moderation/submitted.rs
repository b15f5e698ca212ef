//! Moderation as a service: an app asks what its rules say of a message that it does not send here.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::actions::moderation::submitted::{self as act, Narrow};
use crate::api::access::{Access, FullKey};
use crate::api::imports::{GroupRow, UserRow, ready_group, time};
use crate::api::messages::object;
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Ack, Reply, ack, data};
use crate::model::caller::Caller;
use crate::model::error::{Error, Result};
use crate::model::ids::Uid;
use crate::model::json::Raw;
use crate::model::message::{Ask, Category, Draft, Message};
use crate::model::moderation::submitted::Submission;
use crate::store::Read;
use crate::store::moderation::submitted as rows;

/// Rows of the list when no limit is named (contract).
const PAGE: i64 = 100;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Body {
    muid: Option<String>,
    /// message, custom or interactive: what rules look at
    category: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    sender: Option<String>,
    receiver: Option<String>,
    receiver_type: Option<String>,
    #[schema(value_type = Option<Object>)]
    data: Option<Raw>,
    tags: Option<Vec<String>>,
    /// When it is sent; now, if it is not said.
    #[serde(default, deserialize_with = "time")]
    #[schema(value_type = Option<i64>)]
    sent_at: Option<i64>,
    /// Of a sender who is not there yet: they are made.
    sender_user_details: Option<UserRow>,
    /// Of a receiver who is not there yet: they are made.
    receiver_user_details: Option<UserRow>,
    /// Of a group that is not there yet: it is made.
    receiver_group_details: Option<GroupRow>,
}

pub async fn create(access: Access<FullKey>) -> Result<Reply> {
    let (body, limits, caller) = (access.json::<Body>()?, access.limits().clone(), access.caller().clone());
    let sender = body.sender.filter(|uid| !uid.is_empty());
    let sender = sender.ok_or_else(|| Error::field("sender", "The sender field is required."))?;
    let ask = Ask {
        receiver: body.receiver.as_deref(),
        receiver_type: body.receiver_type.as_deref(),
        category: body.category.as_deref(),
        kind: body.kind.as_deref(),
        data: object(body.data.as_ref())?,
        tags: body.tags,
        muid: body.muid,
        ..Ask::default()
    };
    let Draft { receiver, content, tags, muid, .. } = Draft::parse(ask, &limits)?;
    let users = [body.sender_user_details, body.receiver_user_details].into_iter().flatten();
    let group = match body.receiver_group_details {
        Some(group) => Some(ready_group(&access, group).await?),
        None => None,
    };
    let submission = Submission {
        sender: Uid::from_path(&sender)?,
        receiver,
        content,
        tags,
        muid,
        sent_at: body.sent_at,
        users: users.map(|user| user.parse(&limits)).collect::<Result<_>>()?,
        group,
    };
    let write = access.store().write("submitted.create", move |tx| act::submit(tx, &caller, submission, &limits));
    Ok(data(&write.await?))
}

pub async fn list(access: Access<FullKey>) -> Result<Reply> {
    let query = access.query();
    let text = |name: &str| query.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let category = text("category").map(|category| {
        let known = Category::parse(&category).filter(|category| category.counts());
        known.ok_or_else(|| Error::field("category", "The category must be message, custom or interactive."))
    });
    let status = text("moderationStatus");
    if status.as_deref().is_some_and(|status| !["approved", "disapproved", "pending"].contains(&status)) {
        let sentence = "The moderationStatus must be approved, disapproved or pending.";
        return Err(Error::field("moderationStatus", sentence));
    }
    let filter =
        rows::Filter { category: category.transpose()?, kind: text("type"), status, ..rows::Filter::default() };
    let narrow =
        Narrow { sender: text("sender"), receiver_uid: text("receiverUID"), receiver_guid: text("receiverGUID") };
    let find = move |read: &Read<'_>, caller: &Caller, from, limit| {
        let filter = narrow.resolve(read, caller, filter)?;
        rows::list(read, caller.app.id, &filter, from, limit)
    };
    super::page(access, PAGE, find, |read, _, submitted| act::show(read, submitted), |message: &Message| message.id)
        .await
}

pub async fn show(access: Access<FullKey>) -> Result<Reply> {
    let (id, app) = (access.message_id()?, access.app().id);
    let shown = access.store().read(move |read| act::show(read, rows::find(read, app, id)?));
    Ok(data(&shown.await?))
}

#[derive(Deserialize, ToSchema)]
struct Change {
    /// Keys that are replaced
    #[schema(value_type = Option<Object>)]
    data: Option<Raw>,
}

pub async fn update(access: Access<FullKey>) -> Result<Reply> {
    let (id, caller, limits) = (access.message_id()?, access.caller().clone(), access.limits().clone());
    let given = access.json::<Change>()?.data;
    if given.is_none() {
        return Err(Error::field("data", "The data field is required."));
    }
    let given = object(given.as_ref())?;
    let write = access.store().write("submitted.edit", move |tx| act::edit(tx, &caller, id, given, &limits));
    Ok(data(&write.await?))
}

pub async fn delete(access: Access<FullKey>) -> Result<Reply> {
    let (id, app) = (access.message_id()?, access.app().id);
    access.store().write("submitted.delete", move |tx| act::delete(tx, app, id)).await?;
    Ok(ack(format!("Message with id {id} has been deleted successfully.")))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["send-message-moderation", "get-message-moderation", "update-message-moderation"] {
        doc.reply::<Message>(operation, Shape::One);
    }
    doc.reply::<Message>("list-message-moderation", Shape::Cursor)
        .reply::<Ack>("delete-message-moderation", Shape::One);
    doc.body::<Body>("send-message-moderation").body::<Change>("update-message-moderation");
    doc.query(
        "list-message-moderation",
        &["sender", "receiverUID", "receiverGUID", "category", "type", "moderationStatus", "affix", "id", "limit"],
    );
}

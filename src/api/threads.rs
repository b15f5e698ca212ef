//! Threads: lists of them, and following one.

use serde::Serialize;
use utoipa::ToSchema;

use super::access::{Access, AsUser, Demand, Either};
use super::groups::affix;
use super::messages::limit;
use super::openapi::{Doc, Shape};
use super::reply::{Ack, CursorMeta, Filling, Point, Reply, ack, cut_list};
use crate::actions;
use crate::model::error::{Error, Result};
use crate::model::ids::parse_message_id;
use crate::model::message::{Message, Receiver};
use crate::model::page::Affix;
use crate::store::Read;
use crate::store::messages::Row;
use crate::store::render::{self, Look};
use crate::store::threads::{self, Within};

pub async fn list(access: Access<Either>) -> Result<Reply> {
    page(access, None).await
}

pub async fn with_user(access: Access<AsUser>) -> Result<Reply> {
    let with = Receiver::User(access.uid()?);
    page(access, Some(with)).await
}

pub async fn in_group(access: Access<AsUser>) -> Result<Reply> {
    let with = Receiver::Group(access.guid()?);
    page(access, Some(with)).await
}

async fn page<D: Demand>(access: Access<D>, with: Option<Receiver>) -> Result<Reply> {
    let (query, caller) = (access.query(), access.caller().clone());
    let limit = limit(&access, access.limits().per_page)?;
    let with_mentions = query.flag("withMentionCount");
    let followed = query.flag("participatedByMe");
    if followed && caller.viewer().is_none() {
        return Err(Error::field("onBehalfOf", "Threads are followed by a user: name him."));
    }
    if affix(query.get("affix"))? == Some(Affix::Append) {
        return Err(Error::field("affix", "A list of threads goes back in time: the affix must be prepend."));
    }
    let before = match (query.int("updatedAt")?, query.get("id")) {
        (Some(at), Some(id)) => Some((at, parse_message_id(id)?)),
        (Some(at), None) => Some((at, 0)),
        (None, _) => None,
    };
    let bytes = access.limits().page_bytes;
    let threads = access
        .store()
        .read(move |read| {
            let conversation = match with {
                None => None,
                Some(with) => match actions::messages::readable(read, &caller, &with)? {
                    Some(place) => Some(place),
                    None => return Ok(Vec::new()),
                },
            };
            let within = match (conversation, caller.viewer()) {
                (conversation, Some(user)) if followed => {
                    Within::Followed { user, conv: conversation.map(|(conv, _)| conv) }
                }
                (Some((conv, hidden_id)), viewer) => Within::Conversation { conv, hidden_id, viewer },
                (None, Some(user)) => Within::User(user),
                (None, None) => Within::App(caller.app.id),
            };
            let mut filling = Filling::new(bytes);
            threads::each(read, within, before, limit, |row| {
                Ok(filling.take(show(read, row, caller.viewer(), with_mentions)?))
            })?;
            Ok(filling.items)
        })
        .await?;
    let mut meta = CursorMeta::new(limit, threads.len());
    meta.next = threads.last().map(|last| Point {
        updated_at: Some(last.message.updated_at),
        ..Point::new(Affix::Prepend, last.message.id.to_string())
    });
    // Where the list goes on is also where older ones begin.
    meta.previous = meta.next.clone();
    Ok(cut_list(&threads, meta))
}

/// A thread: the message it hangs on, with its newest reply. Its `updatedAt` is the time of that reply.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Thread {
    #[serde(flatten)]
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reply: Option<Message>,
    /// The viewer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread_reply_count: Option<i64>,
    /// Of these, how many name the viewer or everybody; where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread_mentions_count: Option<i64>,
}

fn show(read: &Read<'_>, row: Row, viewer: Option<i64>, with_mentions: bool) -> Result<Thread> {
    let look = Look { subscribed: true, ..Look::from(viewer) };
    let last_reply =
        threads::last_reply(read, row.id, viewer.into())?.map(|reply| render::one(read, reply, look)).transpose()?;
    let unread_reply_count = viewer.map(|viewer| threads::unread_replies(read, &row, viewer)).transpose()?;
    let viewer = viewer.filter(|_| with_mentions);
    let unread_mentions_count = viewer.map(|viewer| threads::unread_mentions(read, &row, viewer)).transpose()?;
    let updated_at = row.last_reply_at;
    let mut message = render::one(read, row, look)?;
    message.updated_at = updated_at.unwrap_or(message.updated_at);
    Ok(Thread { message, last_reply, unread_reply_count, unread_mentions_count })
}

pub async fn subscribe(access: Access<AsUser>) -> Result<Reply> {
    set_subscribed(access, true).await
}

pub async fn unsubscribe(access: Access<AsUser>) -> Result<Reply> {
    set_subscribed(access, false).await
}

async fn set_subscribed(access: Access<AsUser>, on: bool) -> Result<Reply> {
    let (id, caller) = (access.message_id()?, access.caller().clone());
    let done = if on { "subscribed to" } else { "unsubscribed from" };
    let sentence = format!("The user {} has been {done} the thread of the message id {id}.", caller.uid);
    access.store().write("threads.follow", move |tx| actions::threads::follow(tx, &caller, id, on)).await?;
    Ok(ack(sentence))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["list-threads", "(client) list-user-threads", "(client) list-group-threads"] {
        doc.reply::<Thread>(operation, Shape::Cursor);
    }
    doc.reply::<Ack>("subscribe-thread", Shape::One).reply::<Ack>("unsubscribe-thread", Shape::One);
    for operation in ["list-threads", "(client) list-user-threads", "(client) list-group-threads"] {
        doc.query(operation, &["participatedByMe", "withMentionCount", "limit", "affix", "updatedAt", "id"]);
    }
}

//! Messages.

mod list;
mod send;

use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Access, AsUser, Either};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, data_json};
use crate::actions;
use crate::actions::messages::Edit;
use crate::model::error::{Code, Error, Result};
use crate::model::json::{Object, Raw};
use crate::model::message::Message;
use crate::model::user::check_tags;
use crate::store::messages;
use crate::store::render::{self, Look};
use list::Count;
pub use list::{in_group, limit, list, thread, with_user};
use send::SendBody;
pub use send::{reply, send, send_as_bot};

pub fn object(raw: Option<&Raw>) -> Result<Object> {
    match raw.filter(|raw| raw.get() != "null") {
        Some(raw) => Object::parse(raw.get())
            .ok_or_else(|| Error::new(Code::InvalidData, "The data of the message must be an object.")),
        None => Ok(Object::default()),
    }
}

pub async fn show(access: Access<Either>) -> Result<Reply> {
    let (id, caller, look) = (access.message_id()?, access.caller().clone(), look(&access));
    let message = access
        .store()
        .read(move |read| {
            let row = messages::accessible(read, caller.app.id, id, caller.viewer())?;
            let message = render::one(read, row.clone(), look)?;
            render::with_receipts(read, message, &row)
        })
        .await?;
    Ok(data(&message))
}

pub async fn by_muid(access: Access<AsUser>) -> Result<Reply> {
    let (muid, caller) = (access.param("muid").to_owned(), access.caller().clone());
    let message = access
        .store()
        .read(move |read| {
            let row = actions::messages::of_muid(read, &caller, &muid)?;
            render::one(read, row, caller.viewer())
        })
        .await?;
    Ok(data(&message))
}

#[derive(Deserialize, ToSchema)]
struct EditBody {
    #[schema(value_type = Option<Object>)]
    data: Option<Raw>,
    tags: Option<Vec<String>>,
}

pub async fn update(access: Access<Either>) -> Result<Reply> {
    let (id, caller, limits) = (access.message_id()?, access.caller().clone(), access.limits().clone());
    let body: EditBody = access.json()?;
    // An edit of nothing would still be announced as one.
    if body.data.is_none() && body.tags.is_none() {
        return Err(Error::field("data", "The data field is required, or else tags."));
    }
    let edit =
        Edit { data: object(body.data.as_ref())?, tags: body.tags.map(|tags| check_tags(tags, &limits)).transpose()? };
    let sent = access
        .store()
        .write("messages.edit", move |tx| actions::messages::edit(tx, &caller, id, edit, &limits))
        .await?;
    if let Some(previews) = &access.api().previews {
        previews.offer(access.app(), id);
    }
    Ok(data_json(sent.json()))
}

#[derive(Deserialize, ToSchema)]
struct DeleteBody {
    #[serde(default)]
    permanent: bool,
}

pub async fn delete(access: Access<Either>) -> Result<Reply> {
    let (id, caller) = (access.message_id()?, access.caller().clone());
    let DeleteBody { permanent } = access.json()?;
    let sent = access
        .store()
        .write("messages.delete", move |tx| actions::messages::delete(tx, &caller, id, permanent))
        .await?;
    Ok(data_json(sent.json()))
}

#[derive(Deserialize, ToSchema)]
struct InteractedBody {
    #[serde(default)]
    interactions: Vec<String>,
}

pub async fn interacted(access: Access<AsUser>) -> Result<Reply> {
    let (id, caller) = (access.message_id()?, access.caller().clone());
    let InteractedBody { interactions } = access.json()?;
    let uid = caller.uid.clone();
    access
        .store()
        .write("messages.interacted", move |tx| actions::interactions::mark(tx, &caller, id, &interactions))
        .await?;
    Ok(ack(format!("The message id {id} has been marked as interacted for the user {uid}.")))
}

/// What the caller wants to see beside the messages.
fn look(access: &Access<Either>) -> Look {
    let query = access.query();
    Look {
        viewer: access.caller().viewer().into(),
        subscribed: query.flag("withThreadSubscribed"),
        mentions_blocked: query.flag("mentionsWithBlockedInfo"),
        // One description spells it differently.
        mentions_tags: query.flag("mentionsWithTagInfo") || query.flag("mentionswithTagInfo"),
    }
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in
        ["list-all-messages", "user-list-user-messages", "user-list-group-messages", "list-all-thread-messages"]
    {
        doc.reply::<Message>(operation, Shape::Cursor).reply::<Count>(operation, Shape::List);
    }
    for operation in ["send-message", "send-thread-message", "send-bot-message"] {
        doc.reply::<Message>(operation, Shape::One).reply::<Message>(operation, Shape::Results);
    }
    for operation in ["get-message-details", "get-message-by-muid", "update-message", "delete-message"] {
        doc.reply::<Message>(operation, Shape::One);
    }
    doc.reply::<Ack>("mark-message-as-interacted", Shape::One);
    // What all lists know, and what only some do.
    macro_rules! filters {
        ($($own:literal),*) => {
            &[
                $($own,)*
                "affix",
                "id",
                "sentAt",
                "updatedAt",
                "limit",
                "page",
                "perPage",
                "fromTimestamp",
                "toTimestamp",
                "category",
                "categories",
                "type",
                "types",
                "receiverType",
                "sender",
                "senders",
                "sentAt[from]",
                "sentAt[to]",
                "updatedAt[from]",
                "updatedAt[to]",
                "editedAt[from]",
                "editedAt[to]",
                "searchKey",
                "tags",
                "withTags",
                "hasAttachments",
                "attachmentTypes",
                "hasLinks",
                "hasReactions",
                "hasMentions",
                "mentionedUids",
                "myMentionsOnly",
                "mentionsWithBlockedInfo",
                "mentionsWithTagInfo",
                "hideReplies",
                "hideQuotedMessages",
                "hideDeleted",
                "onlyDeleted",
                "onlyUpdates",
                "hideMessagesFromBlockedUsers",
                "unread",
                "undelivered",
                "pinned",
                "saved",
                "onlyInteractionGoalCompleted",
                "withThreadSubscribed",
            ]
        };
    }
    doc.query("list-all-messages", filters!("conversationId", "count"));
    doc.query("user-list-user-messages", filters!("count")).query("user-list-group-messages", filters!("count"));
    doc.query("list-all-thread-messages", filters!("withParent"));
    doc.query("get-message-details", &["withThreadSubscribed"]);
    doc.body::<SendBody>("send-bot-message").body::<SendBody>("send-message").body::<SendBody>("send-thread-message");
    // The path names the thread, which is in one conversation.
    doc.without("send-thread-message", &["multipleReceivers", "parentId", "parentMessageId"]);
    doc.body::<EditBody>("update-message");
    doc.body::<DeleteBody>("delete-message");
    doc.body::<InteractedBody>("mark-message-as-interacted");
}

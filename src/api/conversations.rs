//! Conversations, as one user has them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::access::{Access, AsUser, Behalf, Either, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, page};
use crate::actions::conversations as act;
use crate::model::conversation::Conversation;
use crate::model::error::{Error, Result};
use crate::model::ids::{Guid, Uid, parse_message_id};
use crate::model::message::{Party, Receiver};
use crate::model::page::Page;
use crate::model::user::check_tags;
use crate::store::conversations::{self, Filter, Pinned, Whose};
use crate::store::receipts::Kind;

/// A user's conversations; those of all users when the app itself asks.
pub async fn list(access: Access<Either>) -> Result<Reply> {
    let (ask, caller) = (access.page()?, access.caller().clone());
    let query = access.query();
    if query.flag("onlyAgentic") {
        // There are no agents here, so there are no conversations with one.
        return Ok(page(&Page::<Value> { items: Vec::new(), total: 0 }, ask));
    }
    let groups = match query.get("conversationType") {
        None => None,
        Some("user") => Some(false),
        Some("group") => Some(true),
        Some(_) => return Err(Error::field("conversationType", "The conversationType must be user or group.")),
    };
    let filter = Filter {
        groups,
        unread: query.flag("unread"),
        search: query.search("searchKey"),
        tags: query.list("tags"),
        // For the app nothing is hidden.
        with_blocked: query.flag("includeBlockedUsers") || !caller.person,
        with_silent: false,
        user_tags: query.list("userTags"),
        group_tags: query.list("groupTags"),
        pinned: pinned(&query.list("pinnedBy"))?,
    };
    let whose = match (caller.viewer(), query.flag("unique")) {
        (Some(_), true) => {
            return Err(Error::field("unique", "A user has each conversation once: unique is for the app itself."));
        }
        (Some(user), false) => Whose::User(user),
        (None, true) => Whose::AppOnce(caller.app.id),
        (None, false) => Whose::App(caller.app.id),
    };
    let (with_tags, with_own_tags) = (query.flag("withTags"), query.flag("withUserAndGroupTags"));
    let mut found = access
        .store()
        .read(move |read| {
            let copies = conversations::list(read, whose, &filter, ask)?;
            let items =
                copies.items.into_iter().map(|copy| act::show(read, &caller, copy)).collect::<Result<Vec<_>>>()?;
            Ok(Page { items, total: copies.total })
        })
        .await?;
    for conversation in &mut found.items {
        if !with_tags {
            conversation.tags = None;
        }
        if !with_own_tags {
            match &mut conversation.conversation_with {
                Party::User(user) => user.tags = None,
                Party::Group(group) => group.tags = None,
            }
        }
    }
    Ok(page(&found, ask))
}

fn pinned(by: &[String]) -> Result<Option<Pinned>> {
    let mut pinned = Pinned::default();
    for word in by {
        match word.as_str() {
            "me" => pinned.by_user = true,
            "system" => pinned.by_app = true,
            _ => return Err(Error::field("pinnedBy", "The pinnedBy must be me, system or both.")),
        }
    }
    Ok((!by.is_empty()).then_some(pinned))
}

pub async fn show_by_id(access: Access<Behalf>) -> Result<Reply> {
    let (name, caller) = (access.param("conversationId").to_owned(), access.caller().clone());
    let conversation =
        access.store().read(move |read| act::show(read, &caller, act::by_name(read, &caller, &name)?)).await?;
    Ok(data(&conversation))
}

pub async fn delete_by_id(access: Access<Behalf>) -> Result<Reply> {
    let (name, caller) = (access.param("conversationId").to_owned(), access.caller().clone());
    let name = access.store().write("conversations.delete", move |tx| act::delete(tx, &caller, &name)).await?;
    Ok(ack(format!("The conversation {name} has been deleted successfully for all the users.")))
}

pub async fn list_pinned(access: Access<FullKey>) -> Result<Reply> {
    let caller = access.caller().clone();
    Ok(data(&access.store().read(move |read| act::app_pins(read, &caller)).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PinnedBody {
    /// In display order.
    pinned_conversations: Option<Vec<PinBody>>,
    /// The same by conversationId.
    conversation_ids: Option<Vec<String>>,
}

/// A group's conversation, or everybody's with a user.
#[derive(Deserialize, ToSchema)]
struct PinBody {
    guid: Option<String>,
    uid: Option<String>,
}

impl PinBody {
    fn parse(&self) -> Result<act::ToPin> {
        match (self.guid.as_deref(), self.uid.as_deref()) {
            (Some(guid), None) => Ok(act::ToPin::With(Receiver::Group(Guid::from_path(guid)?))),
            (None, Some(uid)) => Ok(act::ToPin::With(Receiver::User(Uid::from_path(uid)?))),
            _ => Err(Error::field("pinnedConversations", "Each of the pinnedConversations must name a guid or a uid.")),
        }
    }
}

pub async fn replace_pinned(access: Access<FullKey>) -> Result<Reply> {
    let pins = match access.json::<PinnedBody>()? {
        PinnedBody { pinned_conversations: Some(pins), conversation_ids: None } => {
            pins.iter().map(PinBody::parse).collect::<Result<Vec<_>>>()?
        }
        PinnedBody { pinned_conversations: None, conversation_ids: Some(names) } => {
            names.into_iter().map(act::ToPin::Conversation).collect()
        }
        _ => {
            let sentence = "The pinnedConversations field is required, or else conversationIds.";
            return Err(Error::field("pinnedConversations", sentence));
        }
    };
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let pins = access
        .store()
        .write("conversations.app_pins", move |tx| {
            act::set_app_pins(tx, &caller, &pins, &limits)?;
            act::app_pins(tx, &caller)
        })
        .await?;
    Ok(data(&pins))
}

fn user(access: &Access<AsUser>) -> Result<Receiver> {
    Ok(Receiver::User(access.uid()?))
}

fn group(access: &Access<AsUser>) -> Result<Receiver> {
    Ok(Receiver::Group(access.guid()?))
}

async fn show(access: Access<AsUser>, with: Receiver) -> Result<Reply> {
    let caller = access.caller().clone();
    let conversation =
        access.store().read(move |read| act::show(read, &caller, act::copy(read, &caller, &with)?)).await?;
    Ok(data(&conversation))
}

#[derive(Deserialize, ToSchema)]
struct TagsBody {
    tags: Option<Vec<String>>,
}

async fn update(access: Access<AsUser>, with: Receiver) -> Result<Reply> {
    let caller = access.caller().clone();
    let tags = access.json::<TagsBody>()?.tags.map(|tags| check_tags(tags, access.limits())).transpose()?;
    let conversation =
        access.store().write("conversations.tags", move |tx| act::set_tags(tx, &caller, &with, tags)).await?;
    Ok(data(&conversation))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ResetBody {
    /// One-on-one only: the messages go for both sides.
    delete_messages_permanently: Option<bool>,
    /// It comes back where it was in the list.
    preserve_order: Option<bool>,
}

async fn reset(access: Access<AsUser>, with: Receiver) -> Result<Reply> {
    let body: ResetBody = access.json()?;
    let (erase, in_place) = (body.delete_messages_permanently.unwrap_or(false), body.preserve_order.unwrap_or(false));
    let caller = access.caller().clone();
    let uid = caller.uid.clone();
    let name =
        access.store().write("conversations.reset", move |tx| act::reset(tx, &caller, &with, erase, in_place)).await?;
    Ok(ack(format!("The conversation {name} has been deleted successfully for UID {uid}.")))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageIdBody {
    #[schema(value_type = Option<String>)]
    message_id: Option<Value>,
}

/// The `messageId` of a body: a number, or one in text.
fn message_id(access: &Access<AsUser>) -> Result<Option<i64>> {
    match access.json::<MessageIdBody>()?.message_id {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => parse_message_id(&text).map(Some),
        Some(other) => parse_message_id(&other.to_string()).map(Some),
    }
}

/// Messages are read, or delivered.
#[derive(Serialize, ToSchema)]
#[schema(as = AckTwice)]
struct Marked {
    success: bool,
    message: String,
    /// The same: samples spell the key both ways.
    #[serde(rename = "Message")]
    again: String,
}

/// Messages are unread again.
#[derive(Serialize, ToSchema)]
#[schema(as = AckWithConversation)]
struct MarkedUnread {
    success: bool,
    message: String,
    conversation: Conversation,
}

async fn mark(access: Access<AsUser>, with: Receiver, kind: Kind) -> Result<Reply> {
    let (id, caller) = (message_id(&access)?, access.caller().clone());
    let uid = caller.uid.clone();
    access.store().write("conversations.mark", move |tx| act::mark_as(tx, &caller, &with, kind, id)).await?;
    let word = if kind == Kind::Read { "read" } else { "delivered" };
    let sentence = format!("The messages of the conversation have been marked as {word} for the user {uid}.");
    Ok(data(&Marked { success: true, message: sentence.clone(), again: sentence }))
}

async fn unread(access: Access<AsUser>, with: Receiver) -> Result<Reply> {
    let caller = access.caller().clone();
    let id = message_id(&access)?.ok_or_else(|| Error::field("messageId", "The messageId field is required."))?;
    let uid = caller.uid.clone();
    let conversation =
        access.store().write("conversations.unread", move |tx| act::mark_unread(tx, &caller, &with, id)).await?;
    let sentence = format!("The messages from the message id {id} on are marked as unread for the user {uid}.");
    Ok(data(&MarkedUnread { success: true, message: sentence, conversation }))
}

pub async fn show_user(access: Access<AsUser>) -> Result<Reply> {
    let with = user(&access)?;
    show(access, with).await
}

pub async fn show_group(access: Access<AsUser>) -> Result<Reply> {
    let with = group(&access)?;
    show(access, with).await
}

pub async fn update_user(access: Access<AsUser>) -> Result<Reply> {
    let with = user(&access)?;
    update(access, with).await
}

pub async fn update_group(access: Access<AsUser>) -> Result<Reply> {
    let with = group(&access)?;
    update(access, with).await
}

pub async fn reset_user(access: Access<AsUser>) -> Result<Reply> {
    let with = user(&access)?;
    reset(access, with).await
}

pub async fn reset_group(access: Access<AsUser>) -> Result<Reply> {
    let with = group(&access)?;
    reset(access, with).await
}

pub async fn delivered_user(access: Access<AsUser>) -> Result<Reply> {
    let with = user(&access)?;
    mark(access, with, Kind::Delivered).await
}

pub async fn delivered_group(access: Access<AsUser>) -> Result<Reply> {
    let with = group(&access)?;
    mark(access, with, Kind::Delivered).await
}

pub async fn read_user(access: Access<AsUser>) -> Result<Reply> {
    let with = user(&access)?;
    mark(access, with, Kind::Read).await
}

pub async fn read_group(access: Access<AsUser>) -> Result<Reply> {
    let with = group(&access)?;
    mark(access, with, Kind::Read).await
}

pub async fn unread_user(access: Access<AsUser>) -> Result<Reply> {
    let with = user(&access)?;
    unread(access, with).await
}

pub async fn unread_group(access: Access<AsUser>) -> Result<Reply> {
    let with = group(&access)?;
    unread(access, with).await
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Conversation>("list-all-conversations", Shape::Page);
    for operation in ["list-global-pinned-conversations", "replace-global-pinned-conversations"] {
        doc.reply::<Conversation>(operation, Shape::List);
    }
    for operation in [
        "get-conversation",
        "get-user-conversations",
        "update-user-conversation",
        "pin-user-conversation",
        "unpin-user-conversation",
        "get-group-conversations",
        "update-group-conversation",
        "pin-group-conversation",
        "unpin-group-conversation",
    ] {
        doc.reply::<Conversation>(operation, Shape::One);
    }
    for operation in ["delete-conversation", "reset-user-conversation", "reset-group-conversation"] {
        doc.reply::<Ack>(operation, Shape::One);
    }
    for operation in [
        "mark-conversation-as-delivered",
        "mark-conversation-as-read",
        "mark-group-conversation-as-delivered",
        "mark-group-conversation-as-read",
    ] {
        doc.reply::<Marked>(operation, Shape::One);
    }
    for operation in ["mark-conversation-as-unread", "mark-group-conversation-as-unread"] {
        doc.reply::<MarkedUnread>(operation, Shape::One);
    }
    doc.query(
        "list-all-conversations",
        &[
            "conversationType",
            "searchKey",
            "unread",
            "tags",
            "withTags",
            "withUserAndGroupTags",
            "includeBlockedUsers",
            "userTags",
            "groupTags",
            "pinnedBy",
            "onlyAgentic",
            "unique",
            "perPage",
            "page",
        ],
    );
    doc.body::<PinnedBody>("replace-global-pinned-conversations");
    doc.body::<ResetBody>("reset-user-conversation").body::<ResetBody>("reset-group-conversation");
    doc.without("reset-group-conversation", &["deleteMessagesPermanently"]);
    doc.body::<TagsBody>("update-user-conversation").body::<TagsBody>("update-group-conversation");
    for operation in [
        "mark-conversation-as-delivered",
        "mark-conversation-as-read",
        "mark-conversation-as-unread",
        "mark-group-conversation-as-delivered",
        "mark-group-conversation-as-read",
        "mark-group-conversation-as-unread",
    ] {
        doc.body::<MessageIdBody>(operation);
    }
}

async fn pin(access: Access<AsUser>, with: Receiver, on: bool) -> Result<Reply> {
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let conversation =
        access.store().write("conversations.pin", move |tx| act::pin(tx, &caller, &with, on, &limits)).await?;
    Ok(data(&conversation))
}

pub async fn pin_user(access: Access<AsUser>) -> Result<Reply> {
    let with = user(&access)?;
    pin(access, with, true).await
}

pub async fn pin_group(access: Access<AsUser>) -> Result<Reply> {
    let with = group(&access)?;
    pin(access, with, true).await
}

pub async fn unpin_user(access: Access<AsUser>) -> Result<Reply> {
    let with = user(&access)?;
    pin(access, with, false).await
}

pub async fn unpin_group(access: Access<AsUser>) -> Result<Reply> {
    let with = group(&access)?;
    pin(access, with, false).await
}

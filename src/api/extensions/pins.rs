//! The older extension for pins: `v1/pin`, `v1/unpin`, `v1/fetch`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::message;
use crate::actions;
use crate::api::access::{Access, AsUser};
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Ack, Reply, ack, data};
use crate::model::error::Result;
use crate::model::message::{Message, Receiver};
use crate::store::Write;

/// A message, and where it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinBody {
    #[schema(value_type = Option<String>)]
    msg_id: Option<Value>,
    receiver: Option<String>,
    receiver_type: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PinnedMessages {
    pinned_messages: Vec<Message>,
}

pub async fn pin(access: Access<AsUser>) -> Result<Reply> {
    set(access, true).await
}

pub async fn unpin(access: Access<AsUser>) -> Result<Reply> {
    set(access, false).await
}

async fn set(access: Access<AsUser>, on: bool) -> Result<Reply> {
    let body: PinBody = access.json()?;
    let id = message("msgId", body.msg_id.as_ref())?;
    let within = match (&body.receiver, &body.receiver_type) {
        (None, None) => None,
        (receiver, kind) => Some(Receiver::parse(kind.as_deref(), receiver.as_deref())?),
    };
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let write = move |tx: &mut Write<'_>| actions::extensions::pins::set(tx, &caller, id, on, within.as_ref(), &limits);
    access.store().write("extension.pin", write).await?;
    Ok(ack(if on { "The message is pinned." } else { "The message is not pinned." }))
}

pub async fn fetch(access: Access<AsUser>) -> Result<Reply> {
    let receiver = Receiver::parse(access.query().get("receiverType"), access.query().get("receiver"))?;
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let list = move |read: &crate::store::Read<'_>| actions::extensions::pins::list(read, &caller, &receiver, &limits);
    let pinned_messages = access.store().read(list).await?;
    Ok(data(&PinnedMessages { pinned_messages }))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.body::<PinBody>("extension-pin-message").body::<PinBody>("extension-unpin-message");
    doc.reply::<Ack>("extension-pin-message", Shape::One).reply::<Ack>("extension-unpin-message", Shape::One);
    doc.reply::<PinnedMessages>("extension-list-pinned-messages", Shape::One);
}

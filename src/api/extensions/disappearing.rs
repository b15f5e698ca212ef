//! Messages that disappear: `v1/disappear`.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{message, number};
use crate::actions;
use crate::api::access::{Access, AsUser};
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Ack, Reply, ack};
use crate::model::error::Result;
use crate::store::Write;

/// Which message, and when.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisappearBody {
    #[schema(value_type = Option<String>)]
    msg_id: Option<Value>,
    /// A Unix time in milliseconds, within a year.
    #[serde(rename = "timeInMS")]
    #[schema(value_type = Option<i64>)]
    time_in_ms: Option<Value>,
}

pub async fn disappear(access: Access<AsUser>) -> Result<Reply> {
    let body: DisappearBody = access.json()?;
    let (id, ms) = (message("msgId", body.msg_id.as_ref())?, number(body.time_in_ms.as_ref()));
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let write = move |tx: &mut Write<'_>| actions::extensions::disappearing::schedule(tx, &caller, id, ms, &limits);
    access.store().write("extension.disappear", write).await?;
    access.api().due.notify_one();
    Ok(ack("The message will disappear."))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.body::<DisappearBody>("extension-delete-message-later");
    doc.reply::<Ack>("extension-delete-message-later", Shape::One);
}

//! Messages that rules blocked, and what moderators decide about them.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::actions::moderation::{self as act, BlockedShown};
use crate::api::access::{Access, Moderator};
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Ack, Reply, done};
use crate::model::caller::Caller;
use crate::model::error::{Error, Result};
use crate::store::Read;
use crate::store::moderation::blocked as rows;

pub async fn list(access: Access<Moderator>) -> Result<Reply> {
    let find = |read: &Read<'_>, caller: &Caller, from, limit| rows::list(read, caller.app.id, from, limit);
    super::page(access, super::PAGE, find, act::show_blocked, |item| item.message.id).await
}

#[derive(Deserialize, ToSchema)]
struct BlockedReview {
    /// approved: it is delivered now; rejected: it stays blocked
    status: Option<String>,
    /// Taken as it is: whoever decides has looked
    #[serde(rename = "reviewed")]
    #[schema(value_type = Option<bool>)]
    _reviewed: Option<serde::de::IgnoredAny>,
}

pub async fn review(access: Access<Moderator>) -> Result<Reply> {
    let (id, caller) = (access.message_id()?, access.caller().clone());
    let status = access.json::<BlockedReview>()?.status.unwrap_or_default();
    let approve = match status.as_str() {
        "approved" => true,
        "rejected" | "disapproved" => false,
        _ => return Err(Error::field("status", "The status must be approved or rejected.")),
    };
    access.store().write("moderation.review_blocked", move |tx| act::review_blocked(tx, &caller, id, approve)).await?;
    let word = if approve { "approved" } else { "rejected" };
    Ok(done(format!("Message with ID {id} has been {word}."), None))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<BlockedShown>("list-moderation-blocked-messages", Shape::Cursor);
    doc.reply::<Ack>("review-blocked-message", Shape::Done).body::<BlockedReview>("review-blocked-message");
    doc.query("list-moderation-blocked-messages", &["affix", "id", "limit"]);
}

//! Messages that rules blocked, and what moderators decide about them.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::actions::moderation::{self as act, BlockedShown};
use crate::api::access::{Access, Moderator};
use crate::api::groups::affix;
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Ack, CursorMeta, Reply, done, list as list_reply};
use crate::model::error::{Error, Result};
use crate::model::ids::parse_message_id;
use crate::model::page::Affix;
use crate::store::moderation::blocked as rows;

pub async fn list(access: Access<Moderator>) -> Result<Reply> {
    let (query, caller) = (access.query(), access.caller().clone());
    let limit = crate::api::messages::limit(&access, super::PAGE)?;
    let direction = affix(query.get("affix"))?.unwrap_or(Affix::Append);
    let from = query.get("id").filter(|id| *id != "0").map(parse_message_id).transpose()?;
    let items = access
        .store()
        .read(move |read| {
            let found = rows::list(read, caller.app.id, (direction, from), limit)?;
            found.into_iter().map(|blocked| act::show_blocked(read, &caller, blocked)).collect::<Result<Vec<_>>>()
        })
        .await?;
    let ends = items.first().zip(items.last());
    let ends = ends.map(|(first, last)| (first.message.id.to_string(), last.message.id.to_string()));
    let meta = CursorMeta::new(limit, items.len()).between(ends);
    Ok(list_reply(&items, meta))
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

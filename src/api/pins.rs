//! Messages pinned for everybody in a conversation, and messages saved for oneself.

use super::access::{Access, AsUser, Demand, Either};
use super::openapi::{Doc, Shape};
use super::reply::{Reply, data};
use crate::actions;
use crate::model::error::Result;
use crate::model::message::Message;
use crate::store::Write;

pub async fn pin(access: Access<Either>) -> Result<Reply> {
    set_pinned(access, true).await
}

pub async fn unpin(access: Access<Either>) -> Result<Reply> {
    set_pinned(access, false).await
}

async fn set_pinned<D: Demand>(access: Access<D>, on: bool) -> Result<Reply> {
    let (id, caller, limits) = (access.message_id()?, access.caller().clone(), access.limits().clone());
    let write = move |tx: &mut Write<'_>| actions::pins::pin(tx, &caller, id, on, &limits);
    Ok(data(&access.store().write("messages.pin", write).await?))
}

pub async fn save(access: Access<AsUser>) -> Result<Reply> {
    set_saved(access, true).await
}

pub async fn unsave(access: Access<AsUser>) -> Result<Reply> {
    set_saved(access, false).await
}

async fn set_saved<D: Demand>(access: Access<D>, on: bool) -> Result<Reply> {
    let (id, caller, limits) = (access.message_id()?, access.caller().clone(), access.limits().clone());
    let write = move |tx: &mut Write<'_>| actions::pins::save(tx, &caller, id, on, &limits);
    Ok(data(&access.store().write("messages.save", write).await?))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["pin-message", "unpin-message", "save-message", "unsave-message"] {
        doc.reply::<Message>(operation, Shape::One);
    }
}

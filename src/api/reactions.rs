//! Reactions to messages.

use super::access::{Access, AsUser, Either};
use super::groups::affix;
use super::openapi::{Doc, Shape};
use super::reply::{CursorMeta, Reply, data, list as list_reply};
use crate::actions;
use crate::model::error::{Error, Result};
use crate::model::ids::parse_message_id;
use crate::model::message::Message;
use crate::model::page::Affix;
use crate::model::permission::Act;
use crate::model::text::reaction_key;
use crate::store::{conversations, groups, messages, reactions};

pub async fn add(access: Access<AsUser>) -> Result<Reply> {
    let (id, reaction) = (access.message_id()?, access.param("reaction").to_owned());
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let message = access
        .store()
        .write("reactions.add", move |tx| actions::reactions::add(tx, &caller, id, &reaction, &limits))
        .await?;
    Ok(data(&message))
}

pub async fn remove(access: Access<AsUser>) -> Result<Reply> {
    let (id, reaction) = (access.message_id()?, access.param("reaction").to_owned());
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let message = access
        .store()
        .write("reactions.remove", move |tx| actions::reactions::remove(tx, &caller, id, &reaction, &limits))
        .await?;
    Ok(data(&message))
}

pub async fn list(access: Access<Either>) -> Result<Reply> {
    page(access, None).await
}

/// Those with one reaction only.
pub async fn list_one(access: Access<Either>) -> Result<Reply> {
    let key = reaction_key(access.param("reaction"));
    page(access, Some(key)).await
}

async fn page(access: Access<Either>, key: Option<String>) -> Result<Reply> {
    let (id, caller, limits) = (access.message_id()?, access.caller().clone(), access.limits().clone());
    let query = access.query();
    let limit = query.int("limit")?.unwrap_or(limits.per_page).min(limits.max_per_page);
    if limit < 1 {
        return Err(Error::field("limit", "The limit must be at least 1."));
    }
    let direction = affix(query.get("affix"))?.unwrap_or(Affix::Append);
    let from = query.get("id").filter(|id| *id != "0").map(parse_message_id).transpose()?;
    let found = access
        .store()
        .read(move |read| {
            let row = messages::accessible(read, caller.app.id, id, caller.viewer())?;
            let mut of = reactions::Of { message: id, key, scopes: None };
            if let Some(group) = groups::of_conversation(read, &conversations::by_id(read, row.conv)?)? {
                actions::groups::permit(read, &caller, &group, Act::ListReactions)?;
                let allowed = actions::groups::allowed_scopes(read, &caller, &group, "listReactions.allowedScopes")?;
                of.scopes = Some((group.id, allowed));
            }
            reactions::list(read, &of, (direction, from), limit)
        })
        .await?;
    let ends = found.first().zip(found.last()).map(|(first, last)| (first.id.to_string(), last.id.to_string()));
    let meta = CursorMeta::new(limit, found.len()).between(ends);
    Ok(list_reply(&found, meta))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<reactions::Reaction>("list-all-reactions", Shape::Cursor);
    doc.reply::<reactions::Reaction>("get-message-reactions", Shape::Cursor);
    doc.reply::<Message>("add-message-reactions", Shape::One).reply::<Message>("remove-message-reactions", Shape::One);
    doc.query("list-all-reactions", &["affix", "id", "limit"]);
    doc.query("get-message-reactions", &["affix", "id", "limit"]);
}

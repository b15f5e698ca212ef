//! Blocked users: of oneself, and by the app in the name of a user.

use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Access, AsUser, Demand, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Reply, data, page_with_cursor};
use crate::actions::{self, OutcomesShown};
use crate::model::error::{Error, Result};
use crate::model::user::User;
use crate::store::{blocks, presence, users};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Body {
    blocked_uids: Option<Vec<String>>,
}

fn uids<D: Demand>(access: &Access<D>) -> Result<Vec<String>> {
    let body: Body = access.json()?;
    let uids = body.blocked_uids.ok_or_else(|| Error::field("blockedUids", "The blockedUids field is required."))?;
    if uids.len() as i64 > access.limits().per_page {
        return Err(Error::field("blockedUids", "These are too many uids for one call."));
    }
    Ok(uids)
}

/// The user named in the path.
async fn named(access: &Access<FullKey>) -> Result<i64> {
    let (uid, app) = (access.uid()?, access.app().clone());
    access.store().read(move |read| Ok(users::person(read, &app, &uid)?.id)).await
}

async fn change<D: Demand>(access: &Access<D>, blocker: i64, on: bool) -> Result<Reply> {
    let (uids, app) = (uids(access)?, access.app().clone());
    let results = access
        .store()
        .write("blocks.change", move |tx| match on {
            true => actions::blocks::block(tx, &app, blocker, &uids),
            false => actions::blocks::unblock(tx, &app, blocker, &uids),
        })
        .await?;
    Ok(data(&results))
}

async fn list_of<D: Demand>(access: &Access<D>, owner: i64, default: &str) -> Result<Reply> {
    let ask = access.page()?;
    let search = access.query().search("searchKey");
    let (by_me, of_me) = match access.query().get("direction").unwrap_or(default) {
        "blockedByMe" => (true, false),
        "hasBlockedMe" => (false, true),
        "both" => (true, true),
        _ => return Err(Error::field("direction", "The direction must be blockedByMe, hasBlockedMe or both.")),
    };
    let page = access
        .store()
        .read(move |read| {
            let me = users::by_id(read, owner)?;
            let _veil = presence::veil(read, Some(owner))?;
            let mut page = blocks::list(read, owner, by_me, of_me, search.as_deref(), ask)?;
            for user in &mut page.items {
                user.conversation_id = Some(crate::model::user::conversation_name(&user.uid, &me.uid));
                *user = std::mem::take(user).in_message();
            }
            Ok(page)
        })
        .await?;
    let last = page.items.last().map(|user| user.updated_at.unwrap_or(user.created_at));
    Ok(page_with_cursor(&page, ask, last, false))
}

pub async fn block_for(access: Access<FullKey>) -> Result<Reply> {
    change(&access, named(&access).await?, true).await
}

pub async fn unblock_for(access: Access<FullKey>) -> Result<Reply> {
    change(&access, named(&access).await?, false).await
}

pub async fn list_for(access: Access<FullKey>) -> Result<Reply> {
    list_of(&access, named(&access).await?, "blockedByMe").await
}

pub async fn block(access: Access<AsUser>) -> Result<Reply> {
    change(&access, access.caller().user, true).await
}

pub async fn unblock(access: Access<AsUser>) -> Result<Reply> {
    change(&access, access.caller().user, false).await
}

pub async fn list(access: Access<AsUser>) -> Result<Reply> {
    list_of(&access, access.caller().user, "both").await
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["block-users", "unblock-users", "(client) block-users", "(client) unblock-users"] {
        doc.reply::<OutcomesShown>(operation, Shape::One);
    }
    doc.reply::<User>("list-blocked-users", Shape::Page).reply::<User>("(client) list-blocked-users", Shape::Page);
    for operation in ["block-users", "unblock-users", "(client) block-users", "(client) unblock-users"] {
        doc.body::<Body>(operation);
    }
    doc.query("list-blocked-users", &["searchKey", "direction", "perPage", "page"]);
    doc.query("(client) list-blocked-users", &["searchKey", "direction", "perPage", "page"]);
}

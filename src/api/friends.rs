//! Friends of a user.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Access, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, page_with_cursor};
use crate::actions::{self, Outcomes, OutcomesShown};
use crate::model::error::{Error, Result};
use crate::model::user::User;
use crate::store::{Write, friends, presence, users};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Body {
    /// Who becomes a friend.
    accepted: Option<Vec<String>>,
    /// New friends have a conversation at once.
    add_to_conversations: Option<bool>,
    /// Who stops being one.
    friends: Option<Vec<String>>,
}

fn required(list: Option<Vec<String>>, field: &str, most: usize) -> Result<Vec<String>> {
    let list = list.ok_or_else(|| Error::field(field, format!("The {field} field is required.")))?;
    if list.len() > most {
        return Err(Error::field(field, format!("No more than {most} uids may be given in one call.")));
    }
    Ok(list)
}

/// How making each friend went.
#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedFriends)]
struct Accepted {
    #[schema(value_type = OutcomesShown)]
    accepted: Outcomes,
}

pub async fn add(access: Access<FullKey>) -> Result<Reply> {
    let (uid, app) = (access.uid()?, access.app().clone());
    let body: Body = access.json()?;
    let talk = body.add_to_conversations.unwrap_or(false);
    let uids = required(body.accepted, "accepted", access.limits().bulk)?;
    let add = move |tx: &mut Write<'_>| actions::friends::add(tx, &app, &uid, &uids, talk);
    let results = access.store().write("friends.add", add).await?;
    Ok(data(&Accepted { accepted: results }))
}

pub async fn remove(access: Access<FullKey>) -> Result<Reply> {
    let (uid, app) = (access.uid()?, access.app().clone());
    let uids = required(access.json::<Body>()?.friends, "friends", access.limits().bulk)?;
    let named = uid.clone();
    access.store().write("friends.remove", move |tx| actions::friends::remove(tx, &app, &uid, &uids)).await?;
    Ok(ack(format!("Deleted the friend relations of UID {named} successfully.")))
}

pub async fn list(access: Access<FullKey>) -> Result<Reply> {
    let (uid, app, ask) = (access.uid()?, access.app().clone(), access.page()?);
    let search = access.query().search("searchKey");
    let page = access
        .store()
        .read(move |read| {
            let owner = users::person(read, &app, &uid)?;
            let _veil = presence::veil(read, Some(owner.id))?;
            let mut page = friends::list(read, owner.id, search.as_deref(), ask)?;
            for friend in &mut page.items {
                friend.conversation_id = Some(crate::model::user::conversation_name(&friend.uid, &owner.uid));
                friend.tags = None;
            }
            Ok(page)
        })
        .await?;
    let last = page.items.last().map(|user| user.updated_at.unwrap_or(user.created_at));
    Ok(page_with_cursor(&page, ask, last, false))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Accepted>("add-friend", Shape::One).reply::<Ack>("remove-friend", Shape::One);
    doc.reply::<User>("list-all-friends", Shape::Page);
    doc.body::<Body>("add-friend").body::<Body>("remove-friend");
    doc.without("add-friend", &["friends"]).without("remove-friend", &["accepted", "addToConversations"]);
    doc.query("list-all-friends", &["searchKey", "perPage", "page"]);
}

//! Members of a group, and who is banned from it.

use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Access, AsUser, Either};
use super::groups::MembersBody;
use super::guesses::Of;
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, data_json, page, page_with_cursor};
use super::users::online;
use crate::actions;
use crate::actions::members::{Added, Changed};
use crate::model::error::{Code, Error, Result};
use crate::model::group::GroupType;
use crate::model::message::Message;
use crate::model::permission::{Act, Scope};
use crate::model::policy::narrow;
use crate::model::user::conversation_name;
use crate::store::members::{self, Filter};
use crate::store::{bans, groups};

/// One call with two meanings: with a key it adds members, with a token the caller joins.
pub async fn add_or_join(access: Access<Either>) -> Result<Reply> {
    let by_token = access.caller().token.is_some();
    let lists = if by_token { Default::default() } else { access.json::<MembersBody>()?.lists() };
    if by_token || (access.caller().person && lists.is_empty()) {
        return join(access).await;
    }
    added(access, lists).await
}

/// Adds members as one of them.
pub async fn add(access: Access<Either>) -> Result<Reply> {
    let lists = access.json::<MembersBody>()?.lists();
    added(access, lists).await
}

async fn added(access: Access<Either>, lists: crate::model::group::MemberLists) -> Result<Reply> {
    let (guid, caller, limits) = (access.guid()?, access.caller().clone(), access.limits().clone());
    if lists.is_empty() {
        return Err(Error::field(
            "participants",
            "At least one of admins, moderators, participants, usersToBan is required.",
        ));
    }
    let added = access
        .store()
        .write("members.add", move |tx| actions::members::add(tx, &caller, &guid, lists, &limits))
        .await?;
    Ok(data(&added))
}

#[derive(Deserialize, ToSchema)]
struct JoinBody {
    password: Option<String>,
}

async fn join(access: Access<Either>) -> Result<Reply> {
    let (guid, caller, limits) = (access.guid()?, access.caller().clone(), access.limits().clone());
    let body: JoinBody = access.json()?;
    let (app, wanted, user, role) = (caller.app.id, guid.clone(), caller.user, caller.role.clone());
    // The password is compared before the write, off the writer's thread; the write checks that it is still the same.
    let stored = access
        .store()
        .read(move |read| {
            let group = groups::by_guid(read, app, &wanted)?;
            if members::find(read, group.id, user)?.is_some() {
                return Err(Code::AlreadyJoined.into());
            }
            if bans::is(read, group.id, user)? {
                return Err(Code::Banned.into());
            }
            role.may_join(group.kind)?;
            let hash = if group.kind == GroupType::Password { groups::password_hash(read, group.id)? } else { None };
            Ok(hash.map(|hash| (group.id, hash)))
        })
        .await?;
    if let Some((group, hash)) = &stored {
        let password = body.password.filter(|password| !password.is_empty()).ok_or(Code::EmptyGroupPass)?;
        let guess = access.guess("group password", Of::Group(*group, user))?;
        if password.chars().count() > limits.password {
            return Err(Code::WrongGroupPass.into());
        }
        match access.api().passwords.verify(password, Some(hash.clone())).await {
            Ok(true) => guess.right(),
            Ok(false) => return Err(Code::WrongGroupPass.into()),
            Err(error) => {
                guess.undo();
                return Err(error);
            }
        }
    }
    let sent = access
        .store()
        .write("members.join", move |tx| {
            actions::members::join(tx, &caller, &guid, stored.as_ref().map(|(_, hash)| hash.as_str()), &limits)
        })
        .await?;
    Ok(data_json(sent.json()))
}

pub async fn leave(access: Access<AsUser>) -> Result<Reply> {
    let (guid, caller) = (access.guid()?, access.caller().clone());
    let message = format!("The user {} has left the group {guid}.", caller.uid);
    access.store().write("members.leave", move |tx| actions::members::leave(tx, &caller, &guid)).await?;
    Ok(ack(message))
}

pub async fn list(access: Access<Either>) -> Result<Reply> {
    let (guid, caller, ask) = (access.guid()?, access.caller().clone(), access.page()?);
    let query = access.query();
    let mut filter = Filter {
        search: query.search("searchKey"),
        scopes: scopes(query.list("scopes"))?,
        online: online(&query.list("status"))?,
    };
    let mut found = access
        .store()
        .read(move |read| {
            let group = groups::by_guid(read, caller.app.id, &guid)?;
            actions::groups::permit(read, &caller, &group, Act::ListMembers)?;
            let allowed = actions::groups::allowed_scopes(read, &caller, &group, "listMembers.allowedScopes")?;
            filter.scopes = narrow(filter.scopes, &allowed);
            members::list(read, group.id, &filter, ask)
        })
        .await?;
    let viewer = access.caller().person.then(|| access.caller().uid.clone());
    for member in &mut found.items {
        if let Some(viewer) = &viewer {
            member.user = std::mem::take(&mut member.user).without_private();
            if member.user.uid != **viewer {
                member.user.conversation_id = Some(conversation_name(&member.user.uid, viewer));
            }
        }
        member.user.tags = None;
    }
    let last = found.items.last().map(|member| member.user.updated_at.unwrap_or(member.user.created_at));
    Ok(page_with_cursor(&found, ask, last, true))
}

fn scopes(names: Vec<String>) -> Result<Vec<String>> {
    match names.iter().all(|name| Scope::parse(name).is_some()) {
        true => Ok(names),
        false => Err(Error::field("scopes", "A scope must be admin, moderator or participant.")),
    }
}

#[derive(Deserialize, ToSchema)]
struct ScopeBody {
    scope: Option<String>,
}

pub async fn change_scope(access: Access<Either>) -> Result<Reply> {
    let (guid, uid, caller) = (access.guid()?, access.uid()?, access.caller().clone());
    let scope = match access.json::<ScopeBody>()?.scope {
        None => Scope::Participant,
        Some(name) => Scope::parse(&name)
            .ok_or_else(|| Error::field("scope", "The scope must be admin, moderator or participant."))?,
    };
    let changed = access
        .store()
        .write("members.scope", move |tx| actions::members::change_scope(tx, &caller, &guid, &uid, scope))
        .await?;
    Ok(data(&changed))
}

pub async fn kick(access: Access<Either>) -> Result<Reply> {
    let (guid, uid, caller) = (access.guid()?, access.uid()?, access.caller().clone());
    let message = format!("The member with UID {uid} has been kicked from the Group with GUID {guid} successfully.");
    access.store().write("members.kick", move |tx| actions::members::kick(tx, &caller, &guid, &uid)).await?;
    Ok(ack(message))
}

pub async fn ban(access: Access<Either>) -> Result<Reply> {
    let (guid, uid, caller) = (access.guid()?, access.uid()?, access.caller().clone());
    let message = format!("The user with UID {uid} has been banned from the Group with GUID {guid} successfully.");
    access.store().write("members.ban", move |tx| actions::members::ban(tx, &caller, &guid, &uid)).await?;
    Ok(ack(message))
}

pub async fn unban(access: Access<Either>) -> Result<Reply> {
    let (guid, uid, caller) = (access.guid()?, access.uid()?, access.caller().clone());
    let message = format!("The user with UID {uid} has been unbanned from the Group with GUID {guid} successfully.");
    access.store().write("members.unban", move |tx| actions::members::unban(tx, &caller, &guid, &uid)).await?;
    Ok(ack(message))
}

pub async fn banned(access: Access<Either>) -> Result<Reply> {
    let (guid, caller, ask) = (access.guid()?, access.caller().clone(), access.page()?);
    let search = access.query().search("searchKey");
    let scopes = scopes(access.query().list("scopes"))?;
    let mut found = access
        .store()
        .read(move |read| {
            let group = groups::by_guid(read, caller.app.id, &guid)?;
            actions::groups::permit(read, &caller, &group, Act::ListBanned)?;
            bans::list(read, group.id, search.as_deref(), &scopes, ask)
        })
        .await?;
    for banned in &mut found.items {
        banned.user = std::mem::take(&mut banned.user).without_private();
        banned.user.tags = None;
    }
    Ok(page(&found, ask))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Added>("add-group-members", Shape::One).reply::<Message>("add-group-members", Shape::One);
    doc.reply::<Added>("(client) add-group-members", Shape::One).reply::<Ack>("(client) leave-group", Shape::One);
    doc.reply::<members::Listed>("list-group-members", Shape::PageAndCursor);
    doc.reply::<bans::Listed>("list-banned-group-users", Shape::Page);
    doc.reply::<Changed>("change-group-member-scope", Shape::One).reply::<Ack>("kick-group-member", Shape::One);
    doc.reply::<Ack>("ban-group-user", Shape::One).reply::<Ack>("unban-group-user", Shape::One);
    doc.body::<MembersBody>("add-group-members").body::<JoinBody>("add-group-members");
    doc.body::<MembersBody>("(client) add-group-members");
    doc.body::<ScopeBody>("change-group-member-scope");
    doc.query("list-group-members", &["searchKey", "scopes", "status", "perPage", "page"]);
    doc.query("list-banned-group-users", &["searchKey", "scopes", "perPage", "page"]);
}

//! Admins and their sessions, as owners see them, and as each sees their own.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::actions;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, ack, data};
use crate::model::admin::AdminRole;
use crate::model::audit::Act;
use crate::model::error::Result;
use crate::store::{Read, Write, admins};

#[derive(Deserialize)]
struct Body {
    role: Option<String>,
}

/// The role of the body, which must name one.
fn role(access: &Access<Admin>) -> Result<AdminRole> {
    let body: Body = access.json()?;
    AdminRole::parse(&body.role.unwrap_or_default())
}

/// The `{adminId}` of the path.
fn id(access: &Access<Admin>) -> Result<i64> {
    access.param("adminId").parse().map_err(|_| admins::unknown())
}

/// Who asks, and what they may do.
pub async fn me(access: Access<Admin>) -> Result<Reply> {
    let id = access.admin()?.id;
    Ok(data(&access.store().read(move |read| admins::known(read, id)).await?))
}

pub async fn list(access: Access<Admin>) -> Result<Reply> {
    Ok(data(&access.store().read(admins::list).await?))
}

/// A link as its maker hands it on: what it holds is seen once.
fn invitation(access: &Access<Admin>, made: &actions::admin::Invitation) -> Value {
    let url = format!("{}/admin/#setup={}", access.base(), made.secret);
    json!({"link": made.secret, "url": url, "expiresAt": made.expires_at})
}

/// Makes a one-time link, by which somebody becomes an admin of this role.
pub async fn create(access: Access<Admin>) -> Result<Reply> {
    let (role, owner) = (role(&access)?, access.admin()?.id);
    let invite = move |tx: &mut Write<'_>| Ok((actions::admin::invite_by(tx, owner, role)?, Some(role.to_string())));
    let made = access.audited("admin.invite", Act::AdminInvite, None, invite).await?;
    let mut shown = invitation(&access, &made);
    shown["role"] = json!(role);
    Ok(data(&shown))
}

/// The links nobody has used yet.
pub async fn invitations(access: Access<Admin>) -> Result<Reply> {
    Ok(data(&access.store().read(actions::admin::invitations).await?))
}

/// Makes one of them good for nothing.
pub async fn withdraw(access: Access<Admin>) -> Result<Reply> {
    let (id, actor) = (access.param("invitationId").to_owned(), access.actor());
    let withdraw = move |tx: &mut Write<'_>| actions::admin::withdraw(tx, &actor, &id);
    access.store().write("admin.withdraw", withdraw).await?;
    Ok(ack("The link is good for nothing any more."))
}

/// Gives an admin another role.
pub async fn update(access: Access<Admin>) -> Result<Reply> {
    let (id, role, actor) = (id(&access)?, role(&access)?, access.actor());
    let set = move |tx: &mut Write<'_>| actions::admin::set_role(tx, &actor, id, role);
    Ok(data(&access.store().write("admin.set_role", set).await?))
}

pub async fn delete(access: Access<Admin>) -> Result<Reply> {
    let (id, actor) = (id(&access)?, access.actor());
    access.store().write("admin.remove", move |tx| actions::admin::remove(tx, &actor, id)).await?;
    Ok(ack("The admin has been removed."))
}

/// Makes a one-time link, by which an admin who lost their password gets another.
pub async fn reset(access: Access<Admin>) -> Result<Reply> {
    let (id, actor) = (id(&access)?, access.actor());
    let made = access.store().write("admin.reset", move |tx| actions::admin::reset(tx, &actor, id)).await?;
    Ok(data(&invitation(&access, &made)))
}

async fn sessions_of(access: &Access<Admin>, id: i64) -> Result<Reply> {
    let current = access.admin()?.session;
    let list = move |read: &Read<'_>| admins::sessions(read, admins::known(read, id)?.id, &current);
    Ok(data(&access.store().read(list).await?))
}

async fn end(access: &Access<Admin>, admin: i64) -> Result<Reply> {
    let (actor, session) = (access.actor(), access.param("sessionId").to_ascii_lowercase());
    // Without one in the path all of them end.
    let session = Some(session).filter(|session| !session.is_empty());
    let end = move |tx: &mut Write<'_>| actions::admin::end_sessions(tx, &actor, admin, session.as_deref());
    access.store().write("admin.end_sessions", end).await?;
    Ok(ack("Done: whoever used it must log in again."))
}

pub async fn own_sessions(access: Access<Admin>) -> Result<Reply> {
    sessions_of(&access, access.admin()?.id).await
}

pub async fn end_own_session(access: Access<Admin>) -> Result<Reply> {
    end(&access, access.admin()?.id).await
}

pub async fn sessions(access: Access<Admin>) -> Result<Reply> {
    sessions_of(&access, id(&access)?).await
}

/// Ends one session of an admin, or all.
pub async fn end_session(access: Access<Admin>) -> Result<Reply> {
    end(&access, id(&access)?).await
}

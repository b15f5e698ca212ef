//! Permissions of roles and of the scopes in a group.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::access::{Access, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Reply, data, page};
use super::roles::from_path;
use crate::actions;
use crate::actions::roles::ChangedShown;
use crate::model::audit::Act;
use crate::model::error::{Error, Result};
use crate::model::page::Page;
use crate::model::permission::Scope;
use crate::model::policy::{Settings, Shown as Permission};
use crate::store::Write;

#[derive(Deserialize, ToSchema)]
struct PermissionsBody {
    #[schema(value_type = Option<Object>)]
    #[serde(default, deserialize_with = "crate::model::json::map")]
    permissions: Option<Map<String, Value>>,
}

/// More keys than there are permissions need not be read.
const MOST: usize = 100;

fn asked(access: &Access<FullKey>) -> Result<Map<String, Value>> {
    let asked = access.json::<PermissionsBody>()?.permissions.filter(|asked| !asked.is_empty());
    let asked = asked.ok_or_else(|| Error::field("permissions", "The permissions field is required."))?;
    match asked.len() > MOST {
        true => Err(Error::field("permissions", format!("No more than {MOST} permissions may be set in one call."))),
        false => Ok(asked),
    }
}

fn scope(access: &Access<FullKey>) -> Result<Scope> {
    Scope::parse(access.param("scope"))
        .ok_or_else(|| Error::field("scope", "The scope must be admin, moderator or participant."))
}

/// The values that are in force.
#[derive(Serialize, ToSchema)]
#[schema(as = PermissionValues)]
struct Left {
    permissions: Settings,
}

pub async fn list_role(access: Access<FullKey>) -> Result<Reply> {
    let (id, app, ask) = (from_path(&access)?, access.app().id, access.page()?);
    let items = access.store().read(move |read| actions::roles::list(read, app, &id)).await?;
    Ok(page(&Page::of(items, ask), ask))
}

pub async fn set_role(access: Access<FullKey>) -> Result<Reply> {
    let (id, app, asked) = (from_path(&access)?, access.app().id, asked(&access)?);
    let changed = {
        let set = move |tx: &mut Write<'_>| Ok((actions::roles::set(tx, app, &id, &asked)?, Some(id.to_string())));
        access.audited("roles.permit", Act::RoleUpdate, Some(&access.app().app_id), set).await?
    };
    Ok(data(&changed))
}

pub async fn unset_role(access: Access<FullKey>) -> Result<Reply> {
    let (id, app, permission) = (from_path(&access)?, access.app().id, access.param("permission").to_owned());
    let left = {
        let unset =
            move |tx: &mut Write<'_>| Ok((actions::roles::unset(tx, app, &id, &permission)?, Some(id.to_string())));
        access.audited("roles.unset", Act::RoleUpdate, Some(&access.app().app_id), unset).await?
    };
    Ok(data(&Left { permissions: left }))
}

pub async fn list_scope(access: Access<FullKey>) -> Result<Reply> {
    let (guid, scope, app, ask) = (access.guid()?, scope(&access)?, access.app().id, access.page()?);
    let items = access.store().read(move |read| actions::roles::list_scope(read, app, &guid, scope)).await?;
    Ok(page(&Page::of(items, ask), ask))
}

pub async fn set_scope(access: Access<FullKey>) -> Result<Reply> {
    let (guid, scope, app, asked) = (access.guid()?, scope(&access)?, access.app().id, asked(&access)?);
    let changed = access
        .store()
        .write("scopes.permit", move |tx| actions::roles::set_scope(tx, app, &guid, scope, &asked))
        .await?;
    Ok(data(&changed))
}

pub async fn unset_scope(access: Access<FullKey>) -> Result<Reply> {
    let (guid, scope, app) = (access.guid()?, scope(&access)?, access.app().id);
    let permission = access.param("permission").to_owned();
    let left = access
        .store()
        .write("scopes.unset", move |tx| actions::roles::unset_scope(tx, app, &guid, scope, &permission))
        .await?;
    Ok(data(&Left { permissions: left }))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Permission>("list-role-permissions", Shape::Page);
    doc.reply::<Permission>("list-scope-permissions", Shape::Page);
    doc.reply::<ChangedShown>("set-role-permissions", Shape::One)
        .reply::<ChangedShown>("set-scope-permissions", Shape::One);
    doc.reply::<Left>("unset-role-permissions", Shape::One).reply::<Left>("unset-scope-permissions", Shape::One);
    doc.body::<PermissionsBody>("set-role-permissions").body::<PermissionsBody>("set-scope-permissions");
    doc.query("list-role-permissions", &["perPage", "page"]);
    doc.query("list-scope-permissions", &["perPage", "page"]);
}

//! Roles.

use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Access, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, page};
use crate::actions::{
    self,
    roles::{find, unknown_role},
};
use crate::model::audit::Act;
use crate::model::error::{Error, Result};
use crate::model::ids::RoleId;
use crate::model::json::{Raw, object};
use crate::model::limits::Limits;
use crate::model::patch::Patch;
use crate::model::user::{check_length, check_name};
use crate::store::{Write, roles};

#[derive(Deserialize, ToSchema)]
struct Body {
    role: Option<String>,
    name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Patch<Raw>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    settings: Patch<Raw>,
    #[serde(default)]
    unset: Vec<String>,
}

/// What a role's users see and may write to.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Settings {
    list_users: Option<String>,
    send_messages_to: Option<String>,
}

impl Body {
    fn fields(&mut self, limits: &Limits) -> Result<roles::Fields> {
        let checked = |field: &'static str| {
            move |raw: Raw| object(raw).ok_or_else(|| Error::field(field, format!("The {field} must be an object.")))
        };
        let mut fields = roles::Fields {
            description: std::mem::take(&mut self.description)
                .try_map(|text| check_length("description", &text, limits.description).map(|()| text))?,
            metadata: std::mem::take(&mut self.metadata).try_map(checked("metadata"))?,
            settings: std::mem::take(&mut self.settings).try_map(checked("settings"))?,
        };
        if let Patch::Set(raw) = &fields.settings {
            let known =
                |value: &Option<String>| value.as_deref().is_none_or(|value| matches!(value, "all" | "friendsOnly"));
            let settings: Settings =
                serde_json::from_str(raw.get()).map_err(|_| Error::field("settings", "The settings are malformed."))?;
            if !known(&settings.list_users) || !known(&settings.send_messages_to) {
                return Err(Error::field("settings", "listUsers and sendMessagesTo must be all or friendsOnly."));
            }
        }
        for field in &self.unset {
            match field.as_str() {
                "description" => fields.description = Patch::Clear,
                "metadata" => fields.metadata = Patch::Clear,
                "settings" => fields.settings = Patch::Clear,
                _ => return Err(Error::field("unset", "Only settings, description and metadata can be unset.")),
            }
        }
        Ok(fields)
    }
}

/// The `{role}` of the path.
pub fn from_path(access: &Access<FullKey>) -> Result<RoleId> {
    RoleId::parse(access.param("role")).map_err(|_| unknown_role(access.param("role")))
}

pub async fn create(access: Access<FullKey>) -> Result<Reply> {
    let mut body: Body = access.json()?;
    let id = RoleId::parse(&body.role.take().ok_or_else(|| Error::field("role", "The role field is required."))?)?;
    let limits = access.limits().clone();
    let name = check_name("name", &body.name.take().unwrap_or_default(), &limits)?;
    let fields = body.fields(&limits)?;
    let app = access.app().id;
    let create = move |tx: &mut Write<'_>| {
        Ok((actions::roles::create(tx, app, &id, &name, fields, &limits)?, Some(id.to_string())))
    };
    let role = access.audited("roles.create", Act::RoleCreate, Some(&access.app().app_id), create).await?;
    Ok(data(&role))
}

pub async fn list(access: Access<FullKey>) -> Result<Reply> {
    let (ask, app) = (access.page()?, access.app().id);
    Ok(page(&access.store().read(move |read| roles::list(read, app, ask)).await?, ask))
}

pub async fn show(access: Access<FullKey>) -> Result<Reply> {
    let (id, app) = (from_path(&access)?, access.app().id);
    Ok(data(&access.store().read(move |read| find(read, app, &id)).await?))
}

pub async fn update(access: Access<FullKey>) -> Result<Reply> {
    let mut body: Body = access.json()?;
    let (id, app) = (from_path(&access)?, access.app().id);
    let name = body.name.take().map(|name| check_name("name", &name, access.limits())).transpose()?;
    let fields = body.fields(access.limits())?;
    let update =
        move |tx: &mut Write<'_>| Ok((actions::roles::update(tx, app, &id, name, fields)?, Some(id.to_string())));
    let role = access.audited("roles.update", Act::RoleUpdate, Some(&access.app().app_id), update).await?;
    Ok(data(&role))
}

pub async fn delete(access: Access<FullKey>) -> Result<Reply> {
    let (id, app) = (from_path(&access)?, access.app().id);
    let named = id.clone();
    let delete = move |tx: &mut Write<'_>| Ok((actions::roles::delete(tx, app, &id)?, Some(id.to_string())));
    access.audited("roles.delete", Act::RoleDelete, Some(&access.app().app_id), delete).await?;
    Ok(ack(format!("The role {named} has been deleted successfully.")))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["create-role", "get-role", "update-role"] {
        doc.reply::<roles::Role>(operation, Shape::One);
    }
    doc.reply::<roles::Role>("list-roles", Shape::Page).reply::<Ack>("delete-role", Shape::One);
    doc.body::<Body>("create-role").body::<Body>("update-role");
    doc.without("create-role", &["unset"]).without("update-role", &["role"]);
    doc.query("list-roles", &["perPage", "page"]);
}

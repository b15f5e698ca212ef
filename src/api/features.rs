//! Features of clients that are switched off for a role.

use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Access, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data, page};
use super::roles::from_path;
use crate::actions::{self, OutcomesShown};
use crate::model::audit::Act;
use crate::model::error::{Error, Result};
use crate::model::feature::RestrictedShown;
use crate::model::page::Page;
use crate::store::{Write, roles};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RestrictBody {
    features_to_restrict: Option<Vec<String>>,
}

/// More names than there are features need not be read.
const MOST: usize = 100;

fn named(field: &str, keys: Option<Vec<String>>) -> Result<Vec<String>> {
    let keys = keys.filter(|keys| !keys.is_empty());
    let keys = keys.ok_or_else(|| Error::field(field, format!("The {field} field is required.")))?;
    match keys.len() > MOST {
        true => Err(Error::field(field, format!("No more than {MOST} features may be named in one call."))),
        false => Ok(keys),
    }
}

pub async fn restrict(access: Access<FullKey>) -> Result<Reply> {
    let (id, app) = (from_path(&access)?, access.app().id);
    let keys = named("featuresToRestrict", access.json::<RestrictBody>()?.features_to_restrict)?;
    let restrict = move |tx: &mut Write<'_>| Ok((actions::roles::restrict(tx, app, &id, &keys)?, Some(id.to_string())));
    let done = access.audited("features.restrict", Act::RoleUpdate, Some(&access.app().app_id), restrict).await?;
    Ok(data(&done))
}

pub async fn list(access: Access<FullKey>) -> Result<Reply> {
    let (id, app, ask) = (from_path(&access)?, access.app().id, access.page()?);
    let items = access
        .store()
        .read(move |read| {
            actions::roles::find(read, app, &id)?;
            roles::restricted(read, app, id.as_str())
        })
        .await?;
    Ok(page(&Page::of(items, ask), ask))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AllowBody {
    features_to_allow: Option<Vec<String>>,
    #[serde(default)]
    allow_all: bool,
}

pub async fn allow(access: Access<FullKey>) -> Result<Reply> {
    let (id, app) = (from_path(&access)?, access.app().id);
    let body: AllowBody = access.json()?;
    let keys = match body.allow_all {
        true => None,
        false => Some(named("featuresToAllow", body.features_to_allow)?),
    };
    let message = format!("The features have been allowed for the role {id} successfully.");
    let allow =
        move |tx: &mut Write<'_>| Ok((actions::roles::allow(tx, app, &id, keys.as_deref())?, Some(id.to_string())));
    access.audited("features.allow", Act::RoleUpdate, Some(&access.app().app_id), allow).await?;
    Ok(ack(message))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<OutcomesShown>("restrict-features", Shape::One).reply::<Ack>("allow-features", Shape::One);
    doc.reply::<RestrictedShown>("get-restrictedfeatures", Shape::Page);
    doc.body::<RestrictBody>("restrict-features").body::<AllowBody>("allow-features");
    doc.query("get-restrictedfeatures", &["perPage", "page"]);
}

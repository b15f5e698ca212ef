//! The management API: apps of this server, for whoever runs them.

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::access::{Access, Management};
use super::openapi::{Doc, Shape};
use super::reply::{Reply, data, page};
use crate::actions::apps as act;
use crate::actions::demo;
use crate::model::audit::Act;
use crate::model::caller::KeyScope;
use crate::model::error::{Error, Result};
use crate::model::ids::SYSTEM_UID;
use crate::model::page::{Page, PageAsk};
use crate::model::time::months;
use crate::store::{Write, apps, keys, metrics};

/// Regions of the contract. They name no place here; clients echo what their app has.
const REGIONS: [&str; 3] = ["us", "eu", "in"];

/// An app. Who owns it and pays has no meaning here.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = App)]
struct Shown {
    id: String,
    name: String,
    plan: &'static str,
    state: &'static str,
    owner: i64,
    region: String,
    created_at: i64,
    app_owner: Owner,
    app_region: Region,
    /// By key; masked, except when the app is made.
    #[serde(serialize_with = "by_key")]
    #[schema(value_type = std::collections::BTreeMap<String, AppKey>)]
    api_keys: Vec<AppKey>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AppOwner)]
struct Owner {
    id: &'static str,
    name: &'static str,
    email: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AppRegion)]
struct Region {
    id: String,
    name: String,
    description: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AppKey {
    api_key: String,
    name: String,
    #[schema(value_type = KeyScope)]
    scope: &'static str,
    created_by: &'static str,
}

/// In the order they have.
fn by_key<S: Serializer>(keys: &[AppKey], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(keys.iter().map(|key| (&key.api_key, key)))
}

/// The app in the contract's words. Who owns and pays has no meaning here: the server itself stands for it.
fn shown(app_id: &str, name: &str, region: &str, created_at: i64, keys: Vec<(String, String, &'static str)>) -> Shown {
    let key = |(api_key, name, scope)| AppKey { api_key, name, scope, created_by: SYSTEM_UID };
    Shown {
        id: app_id.to_owned(),
        name: name.to_owned(),
        plan: "self-hosted",
        state: "active",
        owner: 1,
        region: region.to_owned(),
        created_at,
        app_owner: Owner { id: "1", name: "Hobnob", email: "" },
        app_region: Region { id: region.to_owned(), name: region.to_owned(), description: "This server" },
        api_keys: keys.into_iter().map(key).collect(),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    name: Option<String>,
    region: Option<String>,
    /// Taken as it is: there is one version
    #[serde(rename = "version")]
    #[schema(value_type = Option<String>)]
    _version: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    skip_sample_data: bool,
}

/// Makes an app. Its keys are whole in this answer only.
pub async fn create(access: Access<Management>) -> Result<Reply> {
    let body: CreateBody = access.json()?;
    let default = access.api().region.clone();
    let region = body.region.filter(|region| !region.is_empty()).unwrap_or_else(|| default.clone());
    if region != default && !REGIONS.contains(&&*region) {
        return Err(Error::field("region", "The region must be us, eu or in."));
    }
    let limits = access.limits().clone();
    let name = body.name.unwrap_or_default();
    let (samples, given) = (!body.skip_sample_data, region.clone());
    let create = move |tx: &mut Write<'_>| {
        let created = act::create(tx, &name, &given, &limits)?;
        if samples {
            let app = act::find(tx, &created.app_id)?;
            demo::fill_app(tx, app)?;
        }
        let id = created.app_id.clone();
        Ok(((created, name.trim().to_owned(), tx.now()), Some(id)))
    };
    let (app, name, at) = access.audited("apps.create", Act::AppCreate, None, create).await?;
    log::info!("{:?} made the app {}", access.caller().uid, app.app_id);
    let keys =
        vec![(app.api_key, "Rest API Key".to_owned(), "fullAccess"), (app.auth_key, "Auth Key".to_owned(), "authOnly")];
    Ok(data(&shown(&app.app_id, &name, &region, at, keys)))
}

/// All apps; their keys are masked.
pub async fn list(access: Access<Management>) -> Result<Reply> {
    let ask = access.page()?;
    let search = access.query().search("searchKey");
    let found = access
        .store()
        .read(move |read| {
            let apps = apps::page(read, search.as_deref(), ask)?;
            let items = apps.items.into_iter().map(|app| {
                let id = act::find(read, &app.app_id)?.id;
                let keys = keys::list(read, id, None, None, PageAsk { page: 1, per_page: 100 })?.items;
                let keys: Vec<_> = keys.into_iter().map(|key| (key.api_key, key.name, key.scope)).collect();
                Ok(shown(&app.app_id, &app.name, &app.region, app.created_at, keys))
            });
            Ok(Page { items: items.collect::<Result<Vec<_>>>()?, total: apps.total })
        })
        .await?;
    Ok(page(&found, ask))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AppDeletion)]
struct Deletion {
    success: bool,
    scheduled_to_delete_at: i64,
}

/// Ends an app: refused everywhere at once, its data goes later.
pub async fn delete(access: Access<Management>) -> Result<Reply> {
    let (app_id, limits) = (access.param("appId").to_owned(), access.limits().clone());
    let delete = move |tx: &mut Write<'_>| Ok((act::delete(tx, &app_id, &limits)?, Some(app_id.to_ascii_lowercase())));
    let at = access.audited("apps.delete", Act::AppDelete, None, delete).await?;
    Ok(data(&Deletion { success: true, scheduled_to_delete_at: at }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsageBody {
    #[serde(default)]
    use_previous_billing_cycle: bool,
}

/// How much an app was used in a month.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AppUsage)]
struct Usage {
    from_date: i64,
    to_date: i64,
    users: i64,
    groups: i64,
    active_users: i64,
    messages: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AppUsageReport)]
struct UsageReport {
    success: bool,
    message: &'static str,
    usage: Usage,
}

/// Figures of this month, or of the last one. No mail goes out from here, so the answer holds them.
pub async fn usage(access: Access<Management>) -> Result<Reply> {
    let previous = access.json::<UsageBody>()?.use_previous_billing_cycle;
    let app_id = access.param("appId").to_owned();
    let usage = access
        .store()
        .read(move |read| {
            let app = act::find(read, &app_id)?.id;
            let (month, before) = months(read.now());
            let (from, to) = if previous { (before, month - 1) } else { (month, read.now()) };
            let (users, groups) = apps::sizes(read, app)?;
            Ok(Usage {
                from_date: from,
                to_date: to,
                users,
                groups,
                active_users: metrics::active_users(read, app, from, to)?,
                messages: metrics::messages(read, app, from, to)?,
            })
        })
        .await?;
    Ok(data(&UsageReport { success: true, message: "The usage of the app is in this answer.", usage }))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Shown>("create-app", Shape::One).reply::<Shown>("list-apps", Shape::Page);
    doc.reply::<Deletion>("delete-app", Shape::One).reply::<UsageReport>("fetch-multi-tenant-usage", Shape::One);
    doc.body::<CreateBody>("create-app").body::<UsageBody>("fetch-multi-tenant-usage");
    doc.query("list-apps", &["searchKey", "perPage", "page"]);
}

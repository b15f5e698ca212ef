//! What the admin page asks: its own small API below `/admin/api`, not part of the contract.

pub mod admins;
pub mod app_limits;
pub mod apps;
pub mod bots;
pub mod groups;
pub mod health;
pub mod login;
pub mod management;
pub mod overview;
pub mod series;
pub mod tail;
pub mod totp;
pub mod users;

use super::access::{Access, Admin};
use super::reply::{Reply, page};
use crate::actions::apps::find as app;
use crate::model::error::Result;
use crate::store::audit;

/// What was done by those who run the server, the newest first; `app` narrows it to one app.
pub async fn list_audit(access: Access<Admin>) -> Result<Reply> {
    let (app_id, ask) = (access.query().get("app").map(str::to_ascii_lowercase), access.page()?);
    let found = access.store().read(move |read| audit::list(read, app_id.as_deref(), ask)).await?;
    Ok(page(&found, ask))
}

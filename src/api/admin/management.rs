//! Credentials of the management API, as those who own the server hand them out. They act on all apps, and outlive the
//! session of who made them: hence for owners alone.

use serde::Deserialize;

use crate::actions;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, ack, data};
use crate::model::audit::Act;
use crate::model::error::Result;
use crate::store::{Write, management};

pub async fn list(access: Access<Admin>) -> Result<Reply> {
    Ok(data(&access.store().read(management::list).await?))
}

/// The secret is in this answer and nowhere else.
pub async fn create(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        name: Option<String>,
    }
    let name = access.json::<Body>()?.name.unwrap_or_default();
    let limits = access.limits().clone();
    let create = move |tx: &mut Write<'_>| {
        let created = actions::management::create(tx, &name, &limits)?;
        let key = created.key.clone();
        Ok((created, Some(key)))
    };
    let created = access.audited("admin.create_management_key", Act::ManagementCreate, None, create).await?;
    log::info!("the admin {:?} made the management key {}", access.caller().uid, created.key);
    Ok(data(&created))
}

pub async fn revoke(access: Access<Admin>) -> Result<Reply> {
    let key = access.param("key").to_owned();
    let revoke = move |tx: &mut Write<'_>| Ok((actions::management::revoke(tx, &key)?, Some(key)));
    access.audited("admin.revoke_management_key", Act::ManagementRevoke, None, revoke).await?;
    Ok(ack("The key has been revoked."))
}

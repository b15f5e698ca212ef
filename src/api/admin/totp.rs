//! A code of a device beside the password: each admin's own choice; an owner takes it off another who lost theirs.

use serde::Deserialize;
use serde_json::json;

use super::login::own_password;
use crate::actions::totp;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, ack, data};
use crate::model::error::{Error, Result};
use crate::store::{Write, admins};

#[derive(Deserialize)]
struct Proof {
    current: Option<String>,
}

/// Gives the secret for a device, once. It counts from [`confirm`] on.
pub async fn enrol(access: Access<Admin>) -> Result<Reply> {
    let proof: Proof = access.json()?;
    own_password(&access, proof.current).await?;
    let id = access.admin()?.id;
    let made = access.store().write("admin.enrol_totp", move |tx: &mut Write<'_>| totp::enrol(tx, id)).await?;
    Ok(data(&made))
}

/// Asks for codes from now on, as one was shown that is right; gives those that stand in for the device.
pub async fn confirm(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        code: Option<String>,
    }
    let (body, id, actor): (Body, _, _) = (access.json()?, access.admin()?.id, access.actor());
    let code = body.code.ok_or_else(|| Error::field("code", "The code must not be empty."))?;
    let confirm = move |tx: &mut Write<'_>| totp::confirm(tx, &actor, id, &code);
    let codes = access.store().write("admin.confirm_totp", confirm).await?;
    Ok(data(&json!({"recoveryCodes": codes})))
}

/// Asks for codes no more.
pub async fn remove(access: Access<Admin>) -> Result<Reply> {
    let proof: Proof = access.json()?;
    own_password(&access, proof.current).await?;
    let (id, actor) = (access.admin()?.id, access.actor());
    access.store().write("admin.remove_totp", move |tx: &mut Write<'_>| totp::remove(tx, &actor, id)).await?;
    Ok(ack("No code is asked for any more."))
}

/// The same for another admin.
pub async fn reset(access: Access<Admin>) -> Result<Reply> {
    let id: i64 = access.param("adminId").parse().map_err(|_| admins::unknown())?;
    let actor = access.actor();
    access.store().write("admin.reset_totp", move |tx: &mut Write<'_>| totp::remove(tx, &actor, id)).await?;
    Ok(ack("No code is asked for any more."))
}

//! Calls: signalling by their participants.

use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Access, AsUser};
use super::openapi::Doc;
use super::reply::{Reply, data_json};
use crate::actions;
use crate::model::call::CallStatus;
use crate::model::error::{Code, Error, Result};
use crate::model::json::{Object, Raw};
use crate::model::message::Receiver;
use crate::model::user::{check_length, check_metadata};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InitiateBody {
    receiver: Option<String>,
    receiver_type: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Raw>,
    #[schema(value_type = Option<Object>)]
    data: Option<Raw>,
    muid: Option<String>,
}

pub async fn initiate(access: Access<AsUser>) -> Result<Reply> {
    let body: InitiateBody = access.json()?;
    let receiver = Receiver::parse(body.receiver_type.as_deref(), body.receiver.as_deref())?;
    let kind = body.kind.ok_or(Code::EmptyType)?;
    let inner = body.data.and_then(|raw| Object::parse(raw.get())).and_then(|mut data| data.remove("metadata"));
    let metadata = body.metadata.or(inner).filter(|raw| raw.get() != "null");
    let metadata = metadata.map(|raw| check_metadata(raw, access.limits().data)).transpose()?;
    let muid = body.muid.filter(|muid| !muid.is_empty());
    if let Some(muid) = &muid {
        check_length("muid", muid, access.limits().muid)?;
    }
    let caller = access.caller().clone();
    let sent = access
        .store()
        .write("calls.initiate", move |tx| {
            actions::calls::initiate(tx, &caller, &receiver, &kind, metadata.as_deref(), muid)
        })
        .await?;
    Ok(data_json(sent.json()))
}

#[derive(Deserialize, ToSchema)]
struct UpdateBody {
    status: Option<String>,
}

pub async fn update(access: Access<AsUser>) -> Result<Reply> {
    let status = access.json::<UpdateBody>()?.status.as_deref().and_then(CallStatus::parse);
    let status = status.ok_or_else(|| Error::field("status", "The status is not one a call can have."))?;
    let (session, caller) = (access.param("sessionid").to_owned(), access.caller().clone());
    let sent =
        access.store().write("calls.update", move |tx| actions::calls::update(tx, &caller, &session, status)).await?;
    Ok(data_json(sent.json()))
}

#[derive(Deserialize, ToSchema)]
struct SwitchBody {
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub async fn switch(access: Access<AsUser>) -> Result<Reply> {
    let kind = access.json::<SwitchBody>()?.kind.ok_or(Code::EmptyType)?;
    let (session, caller) = (access.param("sessionid").to_owned(), access.caller().clone());
    let sent =
        access.store().write("calls.switch", move |tx| actions::calls::switch(tx, &caller, &session, &kind)).await?;
    Ok(data_json(sent.json()))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.body::<InitiateBody>("(client) initiate-call");
    doc.body::<UpdateBody>("(client) update-call");
    doc.body::<SwitchBody>("(client) switch-call-type");
}

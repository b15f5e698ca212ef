//! Calls: signalling by their participants, and the records of what was.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::access::{Access, AsUser, Either};
use super::openapi::{Doc, Shape};
use super::reply::{Reply, data, data_json, page};
use crate::actions;
use crate::model::call::{CallStatus, Shown as Record};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{Uid, shown};
use crate::model::json::{Object, Raw};
use crate::model::message::{Message, Receiver, ReceiverType};
use crate::model::page::Page;
use crate::model::time::seconds;
use crate::model::user::{check_length, check_metadata};
use crate::store::calls::{Call, Filter};
use crate::store::{Read, calls, conversations, users};

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
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let sent = access
        .store()
        .write("calls.initiate", move |tx| {
            actions::calls::initiate(tx, &caller, &receiver, &kind, metadata.as_deref(), muid, &limits)
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
    for operation in ["(client) initiate-call", "(client) update-call", "(client) switch-call-type"] {
        doc.reply::<Message>(operation, Shape::One);
    }
    doc.reply::<Record>("list-calls", Shape::Page).reply::<Record>("retrieve-call-details", Shape::One);
    doc.reply_as("retrieve-call-transcriptions", Shape::Page, "Transcription", json!({"type": "object"}));
    doc.body::<InitiateBody>("(client) initiate-call");
    doc.body::<UpdateBody>("(client) update-call");
    doc.body::<SwitchBody>("(client) switch-call-type");
    doc.query(
        "list-calls",
        &[
            "type",
            "mode",
            "receiverType",
            "participantsCount",
            "startedAt",
            "endedAt",
            "hasRecording",
            "hasTranscription",
            "uid",
            "perPage",
            "page",
        ],
    );
    doc.query("retrieve-call-transcriptions", &["perPage", "page"]);
}

/// What can only be one thing here: asking for another finds nothing.
fn only(asked: Option<&str>, here: &str) -> bool {
    asked.is_none_or(|asked| asked == here)
}

/// Records of all calls of the app, or of those the acting user took part in.
pub async fn list(access: Access<Either>) -> Result<Reply> {
    let (ask, query, caller) = (access.page()?, access.query(), access.caller().clone());
    let status = query.get("status").map(|status| {
        CallStatus::parse(status).ok_or_else(|| Error::field("status", "The status is not one a call can have."))
    });
    let groups = query
        .get("receiverType")
        .map(|kind| ReceiverType::parse(kind).map(|kind| kind == ReceiverType::Group).ok_or(Code::InvalidReceiverType));
    let mut filter = Filter {
        user: caller.viewer(),
        with: None,
        kind: query.get("type").map(str::to_owned),
        status: status.transpose()?,
        groups: groups.transpose()?,
        participants: query.int("participantsCount")?,
        started_at: query.int("startedAt")?.map(seconds),
        ended_at: query.int("endedAt")?.map(seconds),
    };
    let media = query.flag("hasRecording") || query.flag("hasTranscription");
    if media || !only(query.get("mode"), "call") {
        return Ok(page(&Page::<()> { items: Vec::new(), total: 0 }, ask));
    }
    let uid = query.get("uid").map(Uid::from_path).transpose()?;
    let found = access
        .store()
        .read(move |read| {
            if let Some(uid) = uid {
                let user = users::any(read, caller.app.id, &uid)?;
                let user = user.ok_or_else(|| crate::model::ids::unknown_uid(uid.as_str()))?.id;
                match filter.user {
                    None => filter.user = Some(user),
                    Some(_) => filter.with = Some(user),
                }
            }
            let found = calls::list(read, caller.app.id, &filter, ask)?;
            let now = read.now();
            let items: Vec<_> = found.items.iter().map(|call| call.shown(now, false)).collect();
            Ok(Page { items, total: found.total })
        })
        .await?;
    Ok(page(&found, ask))
}

/// The call, if the app asks or a user who has a part in its conversation.
fn find(read: &Read<'_>, app: i64, viewer: Option<i64>, session: &str) -> Result<Call> {
    let call = calls::by_session(read, app, session)?;
    match viewer {
        Some(viewer) if !conversations::has(read, call.conv, viewer)? => {
            Err(Error::new(Code::CallNotAPart, format!("You have no part in the call {}.", shown(session))))
        }
        _ => Ok(call),
    }
}

pub async fn show(access: Access<Either>) -> Result<Reply> {
    let (caller, session) = (access.caller().clone(), access.param("sessionid").to_owned());
    let shown = access
        .store()
        .read(move |read| {
            let call = find(read, caller.app.id, caller.viewer(), &session)?;
            Ok(calls::record(read, &call)?.shown(read.now(), true))
        })
        .await?;
    Ok(data(&shown))
}

/// Nothing is transcribed here: the list of a call that exists is empty.
pub async fn transcriptions(access: Access<Either>) -> Result<Reply> {
    let ask = access.page()?;
    let (caller, session) = (access.caller().clone(), access.param("sessionid").to_owned());
    access.store().read(move |read| find(read, caller.app.id, caller.viewer(), &session).map(|_| ())).await?;
    Ok(page(&Page::<()> { items: Vec::new(), total: 0 }, ask))
}

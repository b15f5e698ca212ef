//! Extensions: how a request for one is found, which are on, and the calls of each by its noun.

pub mod boards;
pub mod disappearing;
pub mod pins;
pub mod polls;
pub mod reminders;
pub mod stickers;
pub mod translation;

use actix_web::HttpRequest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Admin, Demand};
use super::openapi::Doc;
use super::reply::{Reply, data};
use super::{Api, me, peer};
use crate::actions;
use crate::actions::extensions::Place;
use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::extension::{self, Extension, ROOT};
use crate::model::ids::parse_message_id;
use crate::model::message::Receiver;
use crate::store::extensions;

/// The path in the route table of a request that names an extension by its host; `None`: it is as it stands. Files are
/// the same below every name of this server.
pub fn route(api: &Api, request: &HttpRequest, path: &str) -> Option<String> {
    peer::with_host(request, &api.trusted, |host| {
        let label = api.extensions.domain.label_of(api.public_host.as_deref(), host)?;
        let elsewhere = ["/media/", "/v3/media/", "/stickers/"].iter().any(|folder| path.starts_with(folder));
        (!elsewhere).then(|| format!("{ROOT}{}{path}", extension::slug_of(label)))
    })
}

/// What is said of a path below [`ROOT`] that is no operation: whether it is the extension that is not there.
pub fn unknown(path: &str) -> Option<Error> {
    let slug = path.strip_prefix(ROOT)?.split('/').next()?;
    match Extension::parse(slug) {
        Some(_) => None,
        None => Some(Extension::absent(crate::model::ids::shown(slug))),
    }
}

/// Refuses an extension that the server does not offer, or that the app has switched off.
pub async fn check(api: &Api, caller: &Caller, extension: Extension) -> Result<()> {
    if !api.extensions.has(extension) {
        return Err(Extension::absent(extension.slug()));
    }
    let app = caller.app.id;
    api.store.read(move |read| actions::extensions::check(read, app, extension)).await
}

/// What clients are told as the domain of extensions; `None`: they would find none.
pub fn domain<D: Demand>(access: &Access<D>) -> Option<String> {
    let (api, host) = (access.api(), access.host());
    let (_, port) = me::split_host(&host);
    let secure = access.base().starts_with("https:");
    // Clients speak https with extensions, even if they came by http.
    let port = match api.https_port.get() {
        Some(port) if !secure => *port,
        _ => port.parse().unwrap_or(443),
    };
    api.extensions.domain.told(api.public_host.as_deref(), &host, port)
}

/// Those that may be listed to this client.
pub fn offered<D: Demand>(access: &Access<D>) -> Vec<Extension> {
    domain(access).map(|_| access.api().extensions.all()).unwrap_or_default()
}

/// Every extension with whether the server has what it needs, and whether the app has it on.
pub async fn list(access: Access<Admin>) -> Result<Reply> {
    let app_id = access.param("appId").to_owned();
    let read = access.store().read(move |read| extensions::choices(read, actions::apps::find(read, &app_id)?.id));
    let choices = read.await?;
    let rows: Vec<Value> = Extension::ALL
        .iter()
        .map(|extension| {
            let available = access.api().extensions.has(*extension);
            let enabled = available && !choices.contains(&(*extension, false));
            json!({"id": extension.slug(), "name": extension.name(), "available": available, "enabled": enabled})
        })
        .collect();
    Ok(data(&rows))
}

pub async fn switch(access: Access<Admin>) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Body {
        enabled: Option<bool>,
    }
    let body: Body = access.json()?;
    let enabled = body.enabled.ok_or_else(|| Error::field("enabled", "The enabled field must be true or false."))?;
    let slug = access.param("slug");
    let extension = Extension::parse(slug).ok_or_else(|| Extension::absent(crate::model::ids::shown(slug)))?;
    if enabled && !access.api().extensions.has(extension) {
        return Err(Error::new(Code::ExtensionInactive, "The settings of the server lack what this extension needs."));
    }
    let app_id = access.param("appId").to_owned();
    access
        .store()
        .write("admin.switch_extension", move |tx| {
            let app = actions::apps::find(tx, &app_id)?;
            actions::extensions::switch(tx, &app, extension, enabled)
        })
        .await?;
    let (by, app) = (&access.caller().uid, access.param("appId"));
    log::info!(
        "the admin {by:?} switched {} {} for the app {app:?}",
        extension.slug(),
        if enabled { "on" } else { "off" }
    );
    Ok(data(&json!({"id": extension.slug(), "name": extension.name(), "available": true, "enabled": enabled})))
}

/// A value that some clients write as a number and others as text, as text. Absent, null and empty are none.
fn word(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Where a client wants something sent.
fn place(kind: &Option<String>, receiver: &Option<String>, quoted: Option<&Value>) -> Result<Place> {
    let receiver = Receiver::parse(kind.as_deref(), receiver.as_deref())?;
    let quoted = word(quoted).filter(|id| id != "0");
    Ok(Place { receiver, quoted: quoted.map(|id| parse_message_id(&id)).transpose()? })
}

/// The same as a whole number.
fn number(value: Option<&Value>) -> Option<i64> {
    let text = word(value)?;
    // Some clients write whole numbers of this size with a fraction of nothing.
    text.strip_suffix(".0").unwrap_or(&text).parse().ok()
}

/// The same as the id of a message.
fn message(name: &'static str, value: Option<&Value>) -> Result<i64> {
    let text = word(value).ok_or_else(|| Error::field(name, format!("The {name} must be the id of a message.")))?;
    parse_message_id(&text)
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    boards::describe(doc);
    disappearing::describe(doc);
    pins::describe(doc);
    polls::describe(doc);
    reminders::describe(doc);
    stickers::describe(doc);
    translation::describe(doc);
}

//! What a logged-in client asks about itself: details, settings, logout.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::access::{Access, AsUser, Demand, Either, Token};
use super::extensions;
use super::openapi::{Doc, Shape};
use super::reply::{Ack, Reply, ack, data};
use super::users::ProfileBody;
use crate::actions::{self, tokens::socket_token};
use crate::model::error::{Code, Error, Result};
use crate::model::extension::{Domain, Extension, Listed};
use crate::model::json::{Raw, is_object, to_raw};
use crate::model::moderation::Reason;
use crate::model::public::PublicHost;
use crate::model::time::hex;
use crate::model::user::{User, UserPatch, check_name};
use crate::store::tokens::Device;
use crate::store::{Read, Write, digest, moderation, tokens, users};

#[derive(Deserialize, ToSchema)]
struct NameBody {
    name: Option<String>,
}

/// What a client says of its device.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceBody {
    platform: Option<String>,
    device_id: Option<String>,
    user_agent: Option<String>,
    #[schema(value_type = Option<Object>)]
    app_info: Option<Raw>,
}

/// Longest device field kept, in characters: more says nothing about a device.
const MAX_DEVICE: usize = 1000;

impl DeviceBody {
    pub fn parse(self) -> Device {
        let cut = |text: Option<String>| text.map(|text| text.chars().take(MAX_DEVICE).collect::<String>());
        // Some clients send it as JSON in text. What is no object says nothing of an app, and is not shown as one later.
        let inside =
            |raw: Raw| serde_json::from_str::<String>(raw.get()).ok().and_then(|text| RawValue::from_string(text).ok());
        let info = self.app_info.and_then(|raw| if is_object(&raw) { Some(raw) } else { inside(raw) });
        let info = info.filter(|raw| is_object(raw)).map(|raw| raw.get().to_owned());
        let agent = info
            .as_deref()
            .and_then(|info| serde_json::from_str::<Value>(info).ok())
            .and_then(|info| info["userAgent"].as_str().map(str::to_owned));
        Device {
            platform: cut(self.platform),
            device_id: cut(self.device_id),
            user_agent: cut(self.user_agent.or(agent)),
            app_info: info.filter(|info| info.len() <= 4 * MAX_DEVICE),
        }
    }
}

/// The caller as he sees himself, with everything a client needs to start.
// What `me` puts together.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Me {
    #[serde(flatten)]
    user: User,
    /// What opens the socket.
    jwt: String,
    /// Not for clients on iOS.
    ws_channel: Option<Channel>,
    settings: Settings,
}

#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = SocketChannel)]
struct Channel {
    identity: String,
    secret: String,
    service: String,
}

/// Where to go and what there is.
// What `settings_of` puts together.
#[allow(dead_code, non_snake_case)]
#[derive(ToSchema)]
#[schema(as = ClientSettings)]
struct Settings {
    CHAT_HOST: String,
    CHAT_WSS_PORT: String,
    /// The same, for clients that look here.
    CHAT_WS_PORT: String,
    CHAT_USE_SSL: bool,
    CLIENT_API_HOST: String,
    ADMIN_API_HOST: String,
    CHAT_API_VERSION: String,
    WS_API_VERSION: String,
    APP_VERSION: String,
    MODE: String,
    ANALYTICS_PING_DISABLED: bool,
    ANALYTICS_HOST: String,
    ANALYTICS_VERSION: String,
    REGION: String,
    EXTENSION_DOMAIN: String,
    appId: String,
    /// Changes when something here does.
    settingsHash: String,
    /// Those that are on.
    extensions: Vec<Listed>,
    flagReasons: Vec<Reason>,
    /// What is switched on, and its limits, by name.
    parameters: BTreeMap<String, Parameter>,
    #[schema(rename = "file.size.max")]
    file_size_max: u64,
    #[schema(rename = "file.count.max")]
    file_count_max: u64,
}

#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = SettingsParameter)]
#[serde(untagged)]
enum Parameter {
    Switch(bool),
    Limit(u64),
}

/// Two kinds of body share this call: device details, and changes to the profile. Each part is read on its own.
pub async fn update(access: Access<Token>) -> Result<Reply> {
    let name = access.json::<NameBody>()?.name.map(|name| check_name("name", &name, access.limits())).transpose()?;
    let patch = UserPatch { name, role: None, profile: access.json::<ProfileBody>()?.parse(access.limits())? };
    let device = access.json::<DeviceBody>()?.parse();
    let caller = access.caller().clone();
    let introduce = move |tx: &mut Write<'_>| actions::tokens::introduce(tx, &caller, &device, patch);
    access.store().write("me.update", introduce).await?;
    me(&access).await
}

pub async fn show(access: Access<Token>) -> Result<Reply> {
    me(&access).await
}

/// The caller as he sees himself, with everything a client needs to start. It replaces what the client stored, so the
/// token and the socket token are always in it.
async fn me(access: &Access<Token>) -> Result<Reply> {
    let caller = access.caller().clone();
    let offered = extensions::offered(access);
    let (user, created_at, lists) = access
        .store()
        .read(move |read| {
            let created_at = match caller.token {
                Some(token) => tokens::created_at(read, token)?,
                None => None,
            };
            let lists = Lists::of(read, caller.app.id, &offered)?;
            Ok((users::by_id(read, caller.user)?, created_at.ok_or(Code::AuthTokenUnknown)?, lists))
        })
        .await?;
    let secret = access.header("authtoken").unwrap_or_default().to_owned();
    let app_id = access.app().app_id.clone();
    let jwt = socket_token(&secret, &app_id, &user.uid, created_at);
    let identity = format!("[{app_id}]{}", user.uid);
    // He is logging in: to himself he is there, socket or not.
    let user = User { auth_token: Some(secret), status: crate::model::user::Status::Available, ..user };
    let mut body = json!(user);
    // Texts that are JSON go in as they are stored.
    body["jwt"] = json!(jwt);
    // Clients on iOS crash on it, the others do without.
    if !access.header("resource").is_some_and(is_ios) {
        body["wsChannel"] = json!({"identity": identity, "secret": "", "service": ""});
    }
    body["settings"] = settings_of(access, &lists);
    Ok(data(&body))
}

pub async fn settings(access: Access<Either>) -> Result<Reply> {
    let (app, offered) = (access.app().id, extensions::offered(&access));
    let lists = access.store().read(move |read| Lists::of(read, app, &offered)).await?;
    Ok(data(&settings_of(&access, &lists)))
}

/// What the settings list that is up to the app.
struct Lists {
    reasons: Vec<Reason>,
    extensions: Vec<Listed>,
}

impl Lists {
    fn of(read: &Read<'_>, app: i64, offered: &[Extension]) -> Result<Self> {
        let extensions = actions::extensions::listed(read, app, offered)?;
        Ok(Lists { reasons: moderation::reasons(read, app)?, extensions })
    }
}

/// Where to go and what there is. Hosts are the ones the client already uses.
fn settings_of<D: Demand>(access: &Access<D>, lists: &Lists) -> Value {
    let public = access.api().public_host.as_deref();
    let host = public.map_or_else(|| access.host(), PublicHost::host);
    let (mut socket_host, port) = socket_place(public, &host);
    if access.header("resource").is_some_and(is_ios) {
        // There it is a name alone: no port, no path.
        socket_host = split_host(socket_host.split('/').next().unwrap_or_default()).0.to_owned();
    }
    let limits = access.limits();
    let mut settings = json!({
        "CHAT_HOST": socket_host,
        "CHAT_WSS_PORT": port,
        "CHAT_WS_PORT": port,
        "CHAT_USE_SSL": access.base().starts_with("https:"),
        "CLIENT_API_HOST": host,
        "ADMIN_API_HOST": host,
        "CHAT_API_VERSION": "v3.0",
        "WS_API_VERSION": "v3.0",
        "APP_VERSION": "4",
        "MODE": "DEFAULT",
        "ANALYTICS_PING_DISABLED": true,
        "ANALYTICS_HOST": host,
        "ANALYTICS_VERSION": "v1",
        "REGION": &*access.app().region,
        "EXTENSION_DOMAIN": extensions::domain(access).unwrap_or_else(Domain::nowhere),
        "appId": &*access.app().app_id,
        "extensions": lists.extensions,
        "flagReasons": lists.reasons,
        "parameters": {
            "core.conversations.updateOnCallActivity": true,
            "core.conversations.updateOnGroupActions": true,
            "core.conversations.updateOnCustomMessage": true,
            "core.conversations.updateOnReplies": true,
            "features.ux.conversations.pinned.enabled": true,
            "features.ux.conversations.pinned.limit": limits.pins,
            "features.ux.conversations.pinned.system.limit": limits.app_pins,
            "features.ux.messages.pinned.enabled": true,
            "features.ux.messages.pinned.limit": limits.pinned_messages,
            "features.ux.messages.pinned.system.limit": limits.app_pinned_messages,
            "features.ux.messages.saved.enabled": true,
            "features.ux.messages.saved.limit": limits.saved_messages,
            // Read here by Android and on top by JavaScript.
            "file.size.max": limits.upload,
            "file.count.max": limits.files,
        },
        "file.size.max": limits.upload,
        "file.count.max": limits.files,
    });
    // Of what there is, wherever the server is reached.
    let mut hashed = settings.clone();
    if let Some(fields) = hashed.as_object_mut() {
        fields.retain(|name, _| !name.contains("HOST") && !name.contains("PORT") && !name.contains("DOMAIN"));
    }
    settings["settingsHash"] = json!(hex(&digest(&hashed.to_string())[..8]));
    settings
}

/// Whether a client says that it runs on iOS: its sessions are named so.
fn is_ios(resource: &str) -> bool {
    resource.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("ios"))
}

/// The two things of which clients make the URL of their socket, `wss://HOST:PORT`. Below a path the host is the whole
/// place, and what then follows as a "port" is a part of the path which is passed over: the server takes sockets
/// anywhere below `/ws`. Clients put their call for who is online there, too.
fn socket_place(public: Option<&PublicHost>, host: &str) -> (String, String) {
    match public.filter(|public| !public.path().is_empty()) {
        Some(public) => (format!("{}/ws", public.host()), public.port().unwrap_or(443).to_string()),
        None => {
            let (name, port) = split_host(host);
            (name.to_owned(), port.to_owned())
        }
    }
}

/// Host and port of `host[:port]`; without a port it is the one of https.
pub fn split_host(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (name, port),
        _ => (host, "443"),
    }
}

pub async fn log_out(access: Access<Token>) -> Result<Reply> {
    let caller = access.caller().clone();
    access.store().write("me.log_out", move |tx| actions::tokens::log_out(tx, &caller)).await?;
    Ok(ack("User logged out successfully."))
}

/// The client session that was reported.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = UserSession, rename_all = "camelCase")]
struct SessionShown {
    session_id: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SessionBody {
    session_id: Option<String>,
}

/// The key to a media session. Media is not carried here, so there is none to give, and clients hear so at once.
pub async fn media_token(_: Access<Token>) -> Result<Reply> {
    Err(Error::new(Code::FeatureNotAccessible, "Media sessions are not available on this server."))
}

/// Clients report their surroundings once per device and want their session id back. Nothing of it is kept.
pub async fn session(access: Access<AsUser>) -> Result<Reply> {
    let body: SessionBody = access.json()?;
    let id = body.session_id.ok_or_else(|| Error::field("sessionId", "The sessionId field is required."))?;
    Ok(data(&json!({"sessionId": to_raw(&id)})))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Me>("get-me", Shape::One).reply::<Me>("update-me", Shape::One).reply::<Ack>("logout", Shape::One);
    doc.reply::<Settings>("get-settings", Shape::One).reply::<SessionShown>("create-user-session", Shape::One);
    doc.body::<NameBody>("update-me").body::<ProfileBody>("update-me").body::<DeviceBody>("update-me");
    doc.body::<SessionBody>("create-user-session");
}

#[cfg(test)]
mod tests {
    use super::split_host;

    #[test]
    fn hosts_with_and_without_port() {
        assert_eq!(split_host("chat.example:8443"), ("chat.example", "8443"));
        assert_eq!(split_host("chat.example"), ("chat.example", "443"));
        assert_eq!(split_host("[::1]:8443"), ("[::1]", "8443"));
        assert_eq!(split_host("[::1]"), ("[::1]", "443"));
    }
}

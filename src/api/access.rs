//! Who asks, and what he may reach.
//!
//! A handler takes an [`Access`] with its demand in the type. It holds the caller and the only handle to the store, so
//! no handler can reach data without having named whom it serves.

use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::http::header::{self, AsHeaderName, HeaderMap, HeaderName};
use actix_web::web::Payload;
use actix_web::{HttpMessage, HttpRequest};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::guesses::{Of, Try};
use super::lenient::Lenient;
use super::query::Query;
use super::rate::Class;
use super::requests::Requests;
use super::room::Client;
use super::{Api, answering, peer};
use crate::actions::audit;
use crate::model::audit::{Act, Actor};
use crate::model::caller::{App, Caller, Credential, Holder, KeyScope, SERVER_DEVICE};
use crate::model::error::{Code, Error, Result};
use crate::model::extension::Extension;
use crate::model::feature::{Feature, Features};
use crate::model::ids::{Guid, Uid, parse_message_id, shown};
use crate::model::json::{self, is_empty_list};
use crate::model::limits::Limits;
use crate::model::page::PageAsk;
use crate::model::public;
use crate::model::role::Role;
use crate::store::{Store, Write, admins, apps, digest, management, roles, users};

/// Whom an operation serves. The word for each stands in the API description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// No credential at all.
    Open,
    /// An API key of scope fullAccess, acting as the app.
    FullKey,
    /// An API key of either scope.
    AnyKey,
    /// A full key, for itself or on behalf of a user; or an auth token.
    Either,
    /// A user: by auth token, or by full key with `onBehalfOf`.
    AsUser,
    /// A user, by full key with `onBehalfOf` only: calls for back ends.
    Behalf,
    /// The auth token itself.
    Token,
    /// An admin of this server, by the session of the admin page.
    Admin,
    /// A logged-in client, by the token of its socket in `Authorization`: the one call it makes where its socket is.
    Socket,
    /// Whoever runs apps on this server, by a management key and its secret.
    Management,
    /// An API key of scope fullAccess, or a management key with its secret where the header `appId` names the app.
    Moderator,
}

/// A type for each [`Who`].
pub trait Demand: 'static {
    const WHO: Who;
}

macro_rules! demands {
    ($($name:ident)*) => {
        $(
            #[doc = concat!("See [`Who::", stringify!($name), "`].")]
            pub struct $name;
            impl Demand for $name {
                const WHO: Who = Who::$name;
            }
        )*
    };
}
demands!(Open FullKey AnyKey Either AsUser Behalf Token Socket Admin Management Moderator);

/// What a request is made of once it has been read.
pub struct Parts {
    /// What the route belongs to; logged-in users whose role has one of them switched off are refused.
    pub features: Features,
    pub class: Class,
    /// The extension the route belongs to, which the server may not offer and the app may have off.
    pub extension: Option<Extension>,
    pub request: HttpRequest,
    pub params: Vec<(String, String)>,
    pub query: Query,
    pub body: Bytes,
    /// A multipart body, not read yet (`body` is empty then).
    pub upload: Option<Payload>,
}

impl Parts {
    fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }
}

/// A request that met its demand.
pub struct Access<D> {
    caller: Caller,
    /// The credential was an API key: its id.
    pub key: Option<i64>,
    /// The caller's share of it, which shows others' presence as they may see it.
    store: Store,
    api: Arc<Api>,
    parts: Parts,
    demand: PhantomData<D>,
}

/// This server as who makes this request reaches it: `https://chat.example/chat`.
pub fn base(api: &Api, request: &HttpRequest) -> String {
    let mut host = peer::host(request, &api.trusted);
    if let Some(main) = api.extensions.domain.main_of(&host) {
        host = main.to_owned();
    }
    public::base(api.public_host.as_deref(), peer::scheme(request, &api.trusted), &host)
}

impl<D: Demand> Access<D> {
    /// Checks the credentials against the demand.
    pub async fn check(api: Arc<Api>, parts: Parts) -> Result<Self> {
        let (mut caller, key) = admit::<D>(&api, &parts).await?;
        answering::begin(&parts.request, &mut caller);
        Requests::note(&parts.request, &caller);
        // Answers to what only reads may be large.
        if D::WHO != Who::Open && parts.request.method().is_safe() {
            Client::note(&parts.request, &caller);
        }
        json::check(&parts.body, &api.limits)?;
        // Whom no app sends (admins, who runs apps) nothing counts.
        if caller.app.id != 0 {
            let local = peer::is_local(&parts.request, &api.trusted);
            let budget = api.meter.count(
                caller.app.id,
                caller.token.map(|_| caller.user),
                parts.class,
                api.store.clock().now(),
                local,
            );
            if let Some(budget) = budget {
                parts.request.extensions_mut().insert(budget);
                budget.check()?;
            }
        }
        parts.query.check(api.limits.list)?;
        if let Some(extension) = parts.extension {
            super::extensions::check(&api, &caller, extension).await?;
        }
        // Who needs no credential waits behind others who need none, not behind admins.
        let share = if D::WHO == Who::Open { NOBODY } else { caller.user };
        let store = api.store.shared_by(share).seen_by(caller.viewer());
        Ok(Access { caller, key, store, api, parts, demand: PhantomData })
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Asks for a feature beside the route's own.
    pub fn may_use(&self, feature: Feature) -> Result<()> {
        match self.caller.token {
            Some(_) => self.caller.role.may_use(Features::of(&[feature])),
            None => Ok(()),
        }
    }

    /// Who asks, for the audit log.
    pub fn actor(&self) -> Actor {
        match (D::WHO, self.key) {
            (Who::Management, _) => Actor::Management(self.caller.uid.to_string()),
            (_, Some(key)) => Actor::Key(key),
            _ => Actor::Admin(self.caller.uid.to_string()),
        }
    }

    /// As a write of the store, noted in the audit log: in the app (its id; none: the server), on the target that `work` tells.
    pub async fn audited<T, F>(&self, name: &'static str, act: Act, app: Option<&str>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<(T, Option<String>)> + Send + 'static,
    {
        let (actor, app) = (self.actor(), app.map(str::to_ascii_lowercase));
        let noted = move |tx: &mut Write<'_>| {
            let (done, target) = work(tx)?;
            audit::note(tx, &actor, act, app.as_deref(), target.as_deref())?;
            Ok(done)
        };
        self.store.write(name, noted).await
    }

    pub fn app(&self) -> &App {
        &self.caller.app
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }

    pub fn limits(&self) -> &Arc<Limits> {
        &self.api.limits
    }

    /// `host[:port]`, as the client named this server.
    pub fn host(&self) -> String {
        peer::host(&self.parts.request, &self.api.trusted)
    }

    /// Begins a try at a password, unless it must wait. The address counts where it is the one's who guesses: a back end's
    /// is that of all its users.
    pub fn guess(&self, what: &str, of: Of<'_>) -> Result<Try<'_>> {
        let direct = self.key.is_none();
        let address = peer::address(&self.parts.request, &self.api.trusted).filter(|_| direct).map(Of::Address);
        let all: Vec<Of<'_>> = [of].into_iter().chain(address).collect();
        self.api.guesses.begin(what, &all, self.api.store.clock().now())
    }

    /// This server as the client reaches it: `https://chat.example`.
    pub fn base(&self) -> String {
        base(&self.api, &self.parts.request)
    }

    /// The multipart body, once.
    pub fn take_upload(&mut self) -> Option<Payload> {
        self.parts.upload.take()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.parts.headers()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.parts.headers(), name)
    }

    pub fn query(&self) -> &Query {
        &self.parts.query
    }

    /// A piece of the path, decoded.
    pub fn param(&self, name: &str) -> &str {
        self.parts.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The `{uid}` of the path.
    pub fn uid(&self) -> Result<Uid> {
        Uid::from_path(self.param("uid"))
    }

    /// The `{guid}` of the path.
    pub fn guid(&self) -> Result<Guid> {
        Guid::from_path(self.param("guid"))
    }

    /// The `{id}` of the path: a message.
    pub fn message_id(&self) -> Result<i64> {
        parse_message_id(self.param("id"))
    }

    /// The JSON body; none at all reads as `{}`, and so does `[]`, by which some say an empty map.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let body = self.parts.body.trim_ascii();
        let empty = body.is_empty() || std::str::from_utf8(body).is_ok_and(is_empty_list);
        let body: &[u8] = if empty { b"{}" } else { body };
        let mut input = serde_json::Deserializer::from_slice(body);
        let value = serde_path_to_error::deserialize(Lenient(&mut input)).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            match inner.classify() {
                serde_json::error::Category::Data if path == "." => {
                    Error::new(Code::BadRequest, "The body must be a JSON object.")
                }
                serde_json::error::Category::Data => Error::field(
                    shown(&path),
                    format!("The {} is not valid: {}.", shown(&path), shown(&inner.to_string())),
                ),
                _ => {
                    Error::new(Code::BadRequest, format!("The body is not valid JSON: {}.", shown(&inner.to_string())))
                }
            }
        })?;
        input.end().map_err(|_| Error::new(Code::BadRequest, "There is something after the JSON body."))?;
        Ok(value)
    }

    /// The page asked for.
    pub fn page(&self) -> Result<PageAsk> {
        let limits = &self.api.limits;
        let query = &self.parts.query;
        let per_page = match query.int("perPage")? {
            Some(number) => number,
            None => query.int("per_page")?.or(query.int("limit")?).unwrap_or(limits.per_page),
        };
        let page = query.int("page")?.unwrap_or(1);
        for (name, number) in [("perPage", per_page), ("page", page)] {
            if number < 1 {
                return Err(Error::field(name, format!("The {name} must be at least 1.")));
            }
        }
        Ok(PageAsk { page, per_page: per_page.min(limits.max_per_page) })
    }
}

/// Who asks, if he meets the demand; with the id of the API key, if it was one.
pub async fn admit<D: Demand>(api: &Api, parts: &Parts) -> Result<(Caller, Option<i64>)> {
    Ok(match D::WHO {
        Who::Open => (nobody(), None),
        Who::Admin => (admin(api, parts.headers()).await?, None),
        Who::Management => (manager(api, parts.headers()).await?, None),
        Who::Socket => (socket(api, parts).await?, None),
        Who::Moderator => moderator(api, parts).await?,
        who => caller(api, parts, who).await?,
    })
}

// Made once: a name that is looked up as text is copied first.
const AUTH_TOKEN: HeaderName = HeaderName::from_static("authtoken");
const API_KEY: HeaderName = HeaderName::from_static("apikey");
const APP_ID: HeaderName = HeaderName::from_static("appid");
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("onbehalfof");
const RESOURCE: HeaderName = HeaderName::from_static("resource");

fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty())
}

/// In place of a users.id, whose reads those are that need no credential.
const NOBODY: i64 = -1;

/// Who acts without a credential: it has no app and reaches nothing that asks for one.
fn nobody() -> Caller {
    Caller {
        app: App { id: 0, app_id: "".into(), region: "".into(), system_user: 0 },
        user: 0,
        uid: "".into(),
        person: false,
        role: Role::free(),
        token: None,
        device: "".into(),
        answer: None,
    }
}

async fn caller(api: &Api, parts: &Parts, who: Who) -> Result<(Caller, Option<i64>)> {
    let headers = parts.headers();
    let takes_token = matches!(who, Who::Either | Who::AsUser | Who::Token);
    let takes_key = who != Who::Token;
    let (secret, by_token) = match (header(headers, AUTH_TOKEN), header(headers, API_KEY)) {
        (Some(token), _) if takes_token => (token, true),
        (_, Some(key)) if takes_key => (key, false),
        (Some(_), None) | (None, Some(_)) => return Err(Code::NoAccess.into()),
        _ if takes_key => return Err(Code::EmptyApiKey.into()),
        _ => return Err(Code::EmptyAuthToken.into()),
    };
    let unknown = if by_token { Code::AuthTokenUnknown } else { Code::ApiKeyUnknown };
    let Credential { app, holder } = api.store.credential(digest(secret)).await?.ok_or(unknown)?;
    check_app(&app, parts)?;
    let device = Arc::from(header(headers, RESOURCE).unwrap_or(SERVER_DEVICE));

    match holder {
        Holder::Token { id, user, uid, role } if by_token => {
            // Restricted features bind who logged in; the app may do on a user's behalf what it likes.
            role.may_use(parts.features)?;
            Ok((Caller { app, user, uid, person: true, role, token: Some(id), device, answer: None }, None))
        }
        Holder::Key { id, scope } if !by_token => {
            if scope == KeyScope::AuthOnly && who != Who::AnyKey {
                return Err(Code::NoAccess.into());
            }
            let behalf =
                header(headers, ON_BEHALF_OF).filter(|_| matches!(who, Who::Either | Who::AsUser | Who::Behalf));
            let caller = match behalf {
                Some(uid) => on_behalf_of(api, app, uid).await?,
                None if matches!(who, Who::AsUser | Who::Behalf) => {
                    return Err(Error::field("onBehalfOf", "The onBehalfOf header must name the user who acts."));
                }
                None => {
                    let user = app.system_user;
                    let uid = crate::model::ids::SYSTEM_UID.into();
                    let (role, device) = (Role::free(), SERVER_DEVICE.into());
                    Caller { app, user, uid, person: false, role, token: None, device, answer: None }
                }
            };
            Ok((caller, Some(id)))
        }
        // A token where a key belongs, or the other way round.
        _ => Err(unknown.into()),
    }
}

async fn on_behalf_of(api: &Api, app: App, uid: &str) -> Result<Caller> {
    let uid = Uid::from_path(uid)?;
    let found = app.clone();
    let (user, role) = api
        .store
        .read(move |read| {
            let user = users::person(read, &found, &uid)?;
            let role = roles::rules(read, found.id, &user.role)?;
            Ok((user, Arc::new(role)))
        })
        .await?;
    let device = SERVER_DEVICE.into();
    Ok(Caller { app, user: user.id, uid: user.uid.into(), person: true, role, token: None, device, answer: None })
}

/// The app is the credential's. Where the request names one besides (header, or first label of an API host), it must
/// be the same.
fn check_app(app: &App, parts: &Parts) -> Result<()> {
    let named = header(parts.headers(), APP_ID);
    let host = header(parts.headers(), header::HOST).or(parts.request.uri().host()).unwrap_or_default();
    let mut labels = host.split('.');
    let from_host = labels
        .next()
        .filter(|_| labels.next().is_some_and(|label| label.starts_with("api-") || label.starts_with("call-")));
    for name in [named, from_host].into_iter().flatten() {
        if !name.eq_ignore_ascii_case(&app.app_id) {
            return Err(Error::new(
                Code::InvalidAppId,
                format!("The app id {} is not the one of these credentials.", shown(name)),
            ));
        }
    }
    Ok(())
}

/// The header that carries an admin's session. A header, not a cookie: no other site can make a browser send it.
pub const ADMIN_HEADER: &str = "x-hobnob-admin";

async fn admin(api: &Api, headers: &HeaderMap) -> Result<Caller> {
    let session = digest(header(headers, ADMIN_HEADER).ok_or(Code::EmptyAuthHeader)?);
    let name = api.store.read(move |read| admins::session(read, &session)).await?;
    let name = name.ok_or_else(|| Error::new(Code::EmptyAuthHeader, "The session is over: log in again."))?;
    Ok(Caller { uid: name.into(), ..nobody() })
}

async fn socket(api: &Api, parts: &Parts) -> Result<Caller> {
    let jwt = header(parts.headers(), header::AUTHORIZATION).ok_or(Code::EmptyAuthToken)?;
    let jwt = digest(jwt.strip_prefix("Bearer ").unwrap_or(jwt));
    let found = api.store.read(move |read| apps::socket_credential(read, &jwt)).await?;
    let Some(Credential { app, holder: Holder::Token { id, user, uid, role } }) = found else {
        return Err(Code::AuthTokenUnknown.into());
    };
    check_app(&app, parts)?;
    Ok(Caller { app, user, uid, person: true, role, token: Some(id), device: SERVER_DEVICE.into(), answer: None })
}

/// Both ways in which the contract has moderation done.
async fn moderator(api: &Api, parts: &Parts) -> Result<(Caller, Option<i64>)> {
    let headers = parts.headers();
    if header(headers, API_KEY).is_some() || header(headers, "key").is_none() {
        return caller(api, parts, Who::FullKey).await;
    }
    let by = manager(api, headers).await?;
    let app_id = header(headers, APP_ID).ok_or(Code::InvalidAppId)?.to_ascii_lowercase();
    let app = api.store.read(move |read| apps::by_app_id(read, &app_id)).await?.ok_or(Code::InvalidAppId)?;
    log::info!("{:?} moderates the app {}", by.uid, app.app_id);
    let (user, uid) = (app.system_user, crate::model::ids::SYSTEM_UID.into());
    Ok((Caller { app, user, uid, device: SERVER_DEVICE.into(), ..nobody() }, None))
}

async fn manager(api: &Api, headers: &HeaderMap) -> Result<Caller> {
    let (Some(key), Some(secret)) = (header(headers, "key"), header(headers, "secret")) else {
        return Err(Code::EmptyAuthHeader.into());
    };
    let (key, secret) = (key.to_owned(), digest(secret));
    let name = api.store.read(move |read| management::check(read, &key, &secret)).await?;
    let name = name.ok_or_else(|| Error::new(Code::ApiKeyUnknown, "The management key or its secret is not valid."))?;
    Ok(Caller { uid: name.into(), ..nobody() })
}

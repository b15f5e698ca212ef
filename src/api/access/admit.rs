//! Whose credential it is, and whether it meets the demand.

use std::sync::Arc;

use actix_web::http::header::{self, AsHeaderName, HeaderMap, HeaderName};

use super::{By, Parts, Who};
use crate::api::{Api, is_own_page};
use crate::model::caller::{App, Caller, Credential, Holder, KeyScope, SERVER_DEVICE};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{Uid, shown};
use crate::model::role::Role;
use crate::store::admins::Admission;
use crate::store::{admins, apps, digest, management, roles, users};

/// Who asks, if they meet the demand, and by what they are known.
pub async fn admit(api: &Api, parts: &Parts, who: Who) -> Result<(Caller, By)> {
    Ok(match who {
        Who::Open => (nobody(), By::Nobody),
        Who::Admin => {
            let admin = admin(api, parts).await?;
            (Caller { uid: admin.name.as_str().into(), ..nobody() }, By::Admin(admin))
        }
        Who::Management => {
            let name = manager(api, parts.headers()).await?;
            (Caller { uid: name.as_str().into(), ..nobody() }, By::Management(name))
        }
        Who::Socket => (socket(api, parts).await?, By::Login),
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

pub(super) fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty())
}

/// In place of a users.id, whose reads those of admins are.
pub(super) const ADMINS: i64 = 0;

/// In place of a users.id, whose reads those are that need no credential.
pub(super) const NOBODY: i64 = -1;

/// Who acts without a credential: it has no app and reaches nothing that asks for one.
fn nobody() -> Caller {
    Caller {
        app: App { id: 0, app_id: "".into(), region: "".into(), system_user: 0, own_limits: None },
        user: 0,
        uid: "".into(),
        person: false,
        role: Role::free(),
        token: None,
        device: "".into(),
        answer: None,
    }
}

async fn caller(api: &Api, parts: &Parts, who: Who) -> Result<(Caller, By)> {
    let headers = parts.headers();
    let takes_token = matches!(who, Who::Either | Who::AsUser | Who::Token);
    let takes_key = who != Who::Token;
    let (secret, by_token) = match (header(headers, AUTH_TOKEN), header(headers, API_KEY)) {
        (Some(token), _) if takes_token => (token, true),
        (_, Some(key)) if takes_key => (key, false),
        (Some(_), None) | (None, Some(_)) => return Err(Code::NoAccess.into()),
        // Looked for where there is no other credential, so that those who have one do not pay for it.
        _ if takes_key && headers.contains_key(SESSION) => return by_session(api, parts, who).await,
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
            Ok((Caller { app, user, uid, person: true, role, token: Some(id), device, answer: None }, By::Login))
        }
        Holder::Key { id, scope } if !by_token => {
            if scope == KeyScope::AuthOnly && who != Who::AnyKey {
                return Err(Code::NoAccess.into());
            }
            Ok((acting(api, app, parts, who).await?, By::Key(id)))
        }
        // A token where a key belongs, or the other way round.
        _ => Err(unknown.into()),
    }
}

/// By what kind of credential somebody wants to be known, in one of the contract's words; `None`: by none.
pub fn credential(headers: &HeaderMap) -> Option<&'static str> {
    let kinds = [(AUTH_TOKEN, "authToken"), (API_KEY, "apiKey"), (SESSION, ADMIN_HEADER)];
    kinds.into_iter().find(|(name, _)| headers.contains_key(name)).map(|(_, word)| word)
}

/// Whom a full key acts for: the user it names where the operation is a user's, or the app.
async fn acting(api: &Api, app: App, parts: &Parts, who: Who) -> Result<Caller> {
    let named = header(parts.headers(), ON_BEHALF_OF);
    match named.filter(|_| matches!(who, Who::Either | Who::AsUser | Who::Behalf)) {
        Some(uid) => on_behalf_of(api, app, uid).await,
        None if matches!(who, Who::AsUser | Who::Behalf) => {
            Err(Error::field("onBehalfOf", "The onBehalfOf header must name the user who acts."))
        }
        None => Ok(Caller::system(app)),
    }
}

/// An admin where a full key is taken: the request names the app.
async fn by_session(api: &Api, parts: &Parts, who: Who) -> Result<(Caller, By)> {
    let admin = admin(api, parts).await?;
    let named = named_apps(parts).into_iter().flatten().next();
    let named = named.ok_or_else(|| Error::new(Code::InvalidAppId, "The header appId must name the app."))?;
    let app_id = named.to_ascii_lowercase();
    let app = api.store.read(move |read| apps::by_app_id(read, &app_id)).await?.ok_or(Code::InvalidAppId)?;
    check_app(&app, parts)?;
    Ok((acting(api, app, parts, who).await?, By::Admin(admin)))
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

/// The apps that the request names, by the header and by the first label of an API host.
fn named_apps(parts: &Parts) -> [Option<&str>; 2] {
    let named = header(parts.headers(), APP_ID);
    let host = header(parts.headers(), header::HOST).or(parts.request.uri().host()).unwrap_or_default();
    let mut labels = host.split('.');
    let from_host = labels
        .next()
        .filter(|_| labels.next().is_some_and(|label| label.starts_with("api-") || label.starts_with("call-")));
    [named, from_host]
}

/// The app is the credential's. Where the request names one besides, it must be the same.
fn check_app(app: &App, parts: &Parts) -> Result<()> {
    for name in named_apps(parts).into_iter().flatten() {
        if !name.eq_ignore_ascii_case(&app.app_id) {
            return Err(Error::new(
                Code::InvalidAppId,
                format!("The app id {} is not the one of these credentials.", shown(name)),
            ));
        }
    }
    Ok(())
}

/// The header that carries an admin's session. A header, not a cookie: a browser sends it by itself to nobody, so a page
/// of another site has to know the session to use it.
pub use crate::model::admin::HEADER as ADMIN_HEADER;
const SESSION: HeaderName = HeaderName::from_static(ADMIN_HEADER);

/// The admin whose session it is, if their role may do what is asked for. From a page of another site it is refused whoever knows it: answers outside the admin
/// API may be read from anywhere.
async fn admin(api: &Api, parts: &Parts) -> Result<Arc<Admission>> {
    let session = digest(header(parts.headers(), SESSION).ok_or(Code::EmptyAuthHeader)?);
    if !is_own_page(&parts.request, api) {
        return Err(Error::new(Code::NoAccess, "An admin's session is for this server's own pages."));
    }
    let found = api.store.read(move |read| admins::session(read, &session)).await?;
    let found = found.ok_or_else(|| Error::new(Code::EmptyAuthHeader, "The session is over: log in again."))?;
    found.role.may(parts.operation, parts.request.method().is_safe())?;
    Ok(Arc::new(found))
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
async fn moderator(api: &Api, parts: &Parts) -> Result<(Caller, By)> {
    let headers = parts.headers();
    if header(headers, API_KEY).is_some() || header(headers, "key").is_none() {
        return caller(api, parts, Who::FullKey).await;
    }
    let by = manager(api, headers).await?;
    let app_id = header(headers, APP_ID).ok_or(Code::InvalidAppId)?.to_ascii_lowercase();
    let app = api.store.read(move |read| apps::by_app_id(read, &app_id)).await?.ok_or(Code::InvalidAppId)?;
    log::info!("{by:?} moderates the app {}", app.app_id);
    Ok((Caller::system(app), By::Management(by)))
}

/// The name of the management key.
async fn manager(api: &Api, headers: &HeaderMap) -> Result<String> {
    let (Some(key), Some(secret)) = (header(headers, "key"), header(headers, "secret")) else {
        return Err(Code::EmptyAuthHeader.into());
    };
    let (key, secret) = (key.to_owned(), digest(secret));
    let name = api.store.read(move |read| management::check(read, &key, &secret)).await?;
    name.ok_or_else(|| Error::new(Code::ApiKeyUnknown, "The management key or its secret is not valid."))
}

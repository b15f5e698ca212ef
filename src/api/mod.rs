//! The REST API: one route table.
//!
//! Every operation is a row of [`routes`]: method, path, the contract's operation name, and its handler. Whom it serves
//! is in the handler's type. Everything enters by [`dispatch`], which also answers what is no operation: preflights,
//! socket upgrades, the admin page. Each request has an id and a name by then; see `requests`.

mod access;
mod admin;
mod answering;
pub mod answers;
mod apps;
pub mod backups;
mod blocks;
mod bodies;
mod calls;
mod conversations;
mod deliveries;
mod extensions;
mod features;
pub mod figures;
mod forms;
mod friends;
pub mod front;
pub mod gate;
mod groups;
pub mod guesses;
pub mod health;
mod imports;
mod keys;
mod lenient;
pub mod looks;
mod me;
mod media;
mod members;
mod messages;
mod metrics;
mod moderation;
mod multipart;
mod notifications;
mod openapi;
mod packed;
mod pages;
pub mod peer;
mod permissions;
mod pins;
mod presence;
mod prometheus;
mod query;
pub mod rate;
mod reactions;
mod reply;
pub mod requests;
mod roles;
pub mod room;
mod router;
mod routes;
mod threads;
mod tokens;
mod unsupported;
mod users;
mod watched;
mod webhooks;

use std::borrow::Cow;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use actix_web::http::{ConnectionType, Method, StatusCode, header};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use tokio::sync::Notify;

use crate::live::command::Context;
use crate::live::hub::Hub;
use crate::live::socket::{self, Refused};
use crate::media::Media;
use crate::model::attachment::show_urls;
use crate::model::error::{Code, Error, Result};
use crate::model::extension::{self, Offer};
use crate::model::json;
use crate::model::limits::Limits;
use crate::model::public::PublicHost;
use crate::model::time::Ids;
use crate::model::user::PRIVATE;
use crate::network::Network;
use crate::outgoing::Outgoing;
use crate::passwords::Passwords;
use crate::previews::Previews;
use crate::store::Store;
use crate::tls::Tokens;
use crate::watch::meter::Counter;
use crate::watch::request::within;
use access::{Met, Parts};
pub use admin::tail::Tails;
use answers::Answers;
use backups::Backups;
use figures::Figures;
use guesses::Guesses;
use looks::Looks;
use peer::Certified;
pub use prometheus::{Metrics, serve as serve_metrics};
use query::Query;
use rate::{Budget, Class, Meter};
use reply::Reply;
use requests::{Place, Requests, Seen};
use room::Room;
pub use router::{Route, Router};
pub use routes::{described, routes};

/// What handlers share.
pub struct Api {
    pub store: Store,
    pub hub: Hub,
    pub passwords: Passwords,
    pub guesses: Guesses,
    pub looks: Looks,
    pub figures: Figures,
    pub limits: Arc<Limits>,
    /// Where clients reach this server, when it is not the address in their requests.
    pub public_host: Option<Arc<PublicHost>>,
    /// Where extensions are found, and which there are.
    pub extensions: Offer,
    pub outgoing: Outgoing,
    /// Where messages with links are handed in, if their previews are fetched.
    pub previews: Option<Previews>,
    /// Told when something is to happen sooner than before; see `server::keep_due`.
    pub due: Arc<Notify>,
    /// Where https is served, once it is; unset: it is not.
    pub https_port: OnceLock<u16>,
    /// Proxies whose word about the client is taken; see `peer`.
    pub trusted: Vec<Network>,
    /// Given to new apps; see `Config::region`.
    pub region: String,
    pub ids: Ids,
    pub router: Router,
    pub meter: Meter,
    pub media: Media,
    pub backups: Backups,
    pub health: health::Health,
    /// Proofs for a certificate authority that asks by plain HTTP.
    pub tokens: Arc<Tokens>,
    /// Told to browsers that came by a certificate they know; see `peer::Certified`.
    pub hsts: Option<header::HeaderValue>,
    pub requests: Requests,
    /// Connections that were closed because their address had as many as it may.
    pub crowded: Arc<Counter>,
    pub metrics: Metrics,
    /// Of the live tail, those that admins look at.
    pub tails: Tails,
    pub answers: Answers,
    /// For bodies on their way in.
    pub bodies: Room,
    /// Who stands before the API, on servers that tests throw away.
    pub gate: Option<Arc<dyn gate::Gate>>,
}

/// What some editors and frameworks write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Answers every request.
pub async fn dispatch(
    request: HttpRequest,
    payload: Payload,
    api: actix_web::web::Data<Api>,
    context: actix_web::web::ThinData<Rc<Context>>,
) -> HttpResponse {
    let times = match &api.gate {
        None => None,
        Some(_) => gate::times(&request, &api).await,
    };
    let seen = api.requests.begin(&request, times);
    let mut response = match &api.gate {
        None => {
            // Pinned here: handed over by value it would have its room twice.
            let answer = pin!(answer(&request, payload, &api, context.0, &seen));
            within(|| seen.origin(), answer).await
        }
        Some(gate) => {
            let passing = Box::pin(gate::pass(gate.as_ref(), &request, payload, &api, context.0, &seen));
            within(|| seen.origin(), passing).await
        }
    };
    api.requests.end(&seen, &request, &mut response, &api.trusted);
    response
}

async fn answer(
    request: &HttpRequest,
    payload: Payload,
    api: &actix_web::web::Data<Api>,
    context: Rc<Context>,
    seen: &Seen,
) -> HttpResponse {
    let path = below(api.public_host.as_deref(), request.path());
    let routed = extensions::route(api, request, path);
    let path = routed.as_deref().unwrap_or(path);
    let mut response = if request.method() == Method::OPTIONS {
        seen.at(Place::Preflight);
        preflight(request, path)
    } else if is_upgrade(request, path) {
        seen.at(Place::Socket);
        match socket::accept(request, context, access::base(api, request)) {
            // A socket's answer belongs to the socket: no more headers on it.
            Ok(response) => return response,
            Err(why) => no_socket(why),
        }
    } else if let Some(page) = pages::find(request, path) {
        seen.at(Place::Page);
        page
    } else if let Some(file) = backups::find(request, path, api).await {
        seen.at(Place::Backup);
        file
    } else if let Some(file) = media::find(request, path, api).await {
        seen.at(Place::File);
        file
    } else if let Some(answer) = front::find(request, path, api, seen).await {
        answer
    } else if let Some(description) = description(request, path, api) {
        seen.at(Place::Description);
        description
    } else {
        let answer = operate(request, path, payload, api.clone().into_inner(), seen);
        let answer = match request.method().is_safe() {
            true => answers::while_there(request, answer).await,
            // What was asked for is done, whoever hears of it.
            false => answer.await,
        };
        match answer {
            Ok(Reply { body, .. }) => {
                seen.answered(&body);
                let body = match show_urls(&body, || access::base(api, request)) {
                    Cow::Borrowed(_) => body,
                    Cow::Owned(shown) => shown,
                };
                HttpResponse::Ok().content_type("application/json").body(body)
            }
            Err(error) => {
                api.requests.refuse(&error, request, seen);
                reply::refusal(&error)
            }
        }
    };
    response = answering::outgoing(request, api.answers.outgoing(request, response, &api.trusted));
    if let Some(budget) = request.extensions().get::<Budget>() {
        budget.tell(&mut response);
    }
    match is_admins(path) {
        true => keep_private(&mut response),
        false => allow_any_origin(&mut response),
    }
    // The framework ends a connection that was to be upgraded and is not, but says that it was.
    if request.head().upgrade() && !response.headers().contains_key(header::UPGRADE) {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    if let Some(hsts) = &api.hsts
        && request.conn_data::<Certified>().is_some()
    {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    response
}

/// The answer to a handshake that is refused.
fn no_socket(why: Refused) -> HttpResponse {
    let refusal = |sentence: &str| reply::refusal(&Error::new(Code::BadRequest, sentence));
    match why {
        Refused::Improper => refusal("This is no proper WebSocket handshake."),
        Refused::Version => {
            let mut answer = refusal("This server speaks version 13 of WebSocket, and no other.");
            *answer.status_mut() = StatusCode::UPGRADE_REQUIRED;
            let headers = answer.headers_mut();
            headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, header::HeaderValue::from_static(socket::VERSION));
            answer
        }
    }
}

async fn operate(request: &HttpRequest, path: &str, payload: Payload, api: Arc<Api>, seen: &Seen) -> Result<Reply> {
    let path = &*as_in_table(path)?;
    if is_admins(path) && !request.method().is_safe() && !is_own_page(request, &api) {
        return Err(Error::new(Code::NoAccess, "The admin API is for this server's own pages."));
    }
    // HEAD is GET without the body, which the framework leaves out.
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let (route, params) = api.router.find(method, path).ok_or_else(|| match unsupported::is(path) {
        true => Code::FeatureNotAccessible.into(),
        false => extensions::unknown(path).unwrap_or(Code::ApiNotFound.into()),
    })?;
    seen.on(route);
    let query = Query::parse(request.query_string());
    let mut parts = Parts {
        operation: route.operation,
        features: route.features,
        class: route.class,
        extension: route.extension,
        request: request.clone(),
        params,
        query,
        body: Bytes::new(),
        upload: None,
    };
    if !request.method().is_safe() && bodies::is_compressed(request) {
        return Err(Error::new(
            Code::BadRequest,
            "Compressed bodies are not read: send it without a Content-Encoding.",
        ));
    }
    let most = if route.class == Class::Import {
        // So much is read only from somebody who may import.
        access::admit(&api, &parts, access::Who::FullKey).await?;
        api.limits.import_body()
    } else {
        api.limits.body
    };
    match route.takes_files && is_multipart(request) {
        true => parts.upload = Some(payload),
        false => parts.body = bodies::read(&api, request, payload, most).await?,
    }
    if let Some(rest) = parts.body.strip_prefix(BYTE_ORDER_MARK) {
        parts.body = parts.body.slice_ref(rest);
    }
    if forms::is(request) {
        parts.body = forms::json(parts.body);
    }
    // Many clients and proxies send no body with a DELETE: what it would say may stand in the query.
    if request.method() == Method::DELETE && parts.body.is_empty() && !request.query_string().is_empty() {
        parts.body = Bytes::from(forms::object(&parts.query).to_string());
    }
    seen.asked(&parts.params, &parts.body);
    let met = Met::check(api.clone(), parts, route.who).await?;
    let mut reply = (route.handler)(met).await?;
    if request.extensions().get::<access::Discreet>().is_some()
        && let Some(body) = json::without(&reply.body, PRIVATE)
    {
        reply.body = body;
    }
    if let Some(look) = looks::take(request) {
        look.done(&api);
    }
    let most = api.limits.page_bytes;
    match reply.is_page && reply.body.len() > most {
        true => Err(too_large_a_page(most)),
        false => Ok(reply),
    }
}

/// What describes the API, if it is asked for.
fn description(request: &HttpRequest, path: &str, api: &Api) -> Option<HttpResponse> {
    match *request.method() {
        Method::GET | Method::HEAD => openapi::written::find(request, path, api.public_host.as_deref()),
        _ => None,
    }
}

/// A page by number cannot end early: what is left out would be on no page.
fn too_large_a_page(most: usize) -> Error {
    let sentence = format!("This page would be larger than {most} bytes: ask for fewer at a time.");
    Error::field("perPage", sentence).with_params(serde_json::json!({ "limit": most }))
}

fn is_multipart(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
}

/// The path below the one of the public address, for proxies that pass it on whole.
fn below<'p>(public: Option<&PublicHost>, path: &'p str) -> &'p str {
    let rest = public.and_then(|public| path.strip_prefix(public.path()));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The path of an operation as the route table has it.
pub fn as_in_table(path: &str) -> Result<Cow<'_, str>> {
    let path = versionless(beside_socket(path))?;
    Ok(extension::plain(path).map_or(Cow::Borrowed(path), Cow::Owned))
}

/// The path without its version: `/v3`, `/v3.0`, both, or none name the same API.
fn versionless(path: &str) -> Result<&str> {
    let mut rest = path;
    loop {
        let segment = rest.strip_prefix('/').map_or("", |rest| rest.split('/').next().unwrap_or(""));
        match segment {
            "v3" | "v3.0" => rest = &rest[segment.len() + 1..],
            _ if is_version(segment) => return Err(Code::InvalidVersion.into()),
            _ => break,
        }
    }
    let rest = if rest.len() > 1 { rest.trim_end_matches('/') } else { rest };
    Ok(if rest.is_empty() { "/" } else { rest })
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// A client whose socket has a path below `/ws` asks for what lives beside sockets (`/api/…`) there, too.
fn beside_socket(path: &str) -> &str {
    let below = path.starts_with("/ws/") || path.starts_with("/ws:");
    if !below {
        return path;
    }
    path.find("/api/").map_or(path, |at| &path[at..])
}

/// Sockets live at `/`; anything below `/ws` is taken, too.
fn is_upgrade(request: &HttpRequest, path: &str) -> bool {
    let asked = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    let here = matches!(path, "/" | "/ws") || path.starts_with("/ws/") || path.starts_with("/ws:");
    request.method() == Method::GET && here && asked.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Whether the path is the admin page's or its API's, which serve no page of another site.
fn is_admins(path: &str) -> bool {
    let path = versionless(beside_socket(path)).unwrap_or(path);
    path == "/admin" || path.starts_with("/admin/")
}

/// Whether a request comes from a page of this server, or from no browser at all. What a browser says of the site comes
/// first; one that says nothing (by plain http from elsewhere) still names the origin.
fn is_own_page(request: &HttpRequest, api: &Api) -> bool {
    let text = |name| request.headers().get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return true };
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let own = peer::host(request, &api.trusted);
    host.eq_ignore_ascii_case(&own)
        || api.public_host.as_deref().is_some_and(|own| host.eq_ignore_ascii_case(&own.authority()))
}

/// Browsers ask first. No cookies are used by clients, so any page may be one.
fn preflight(request: &HttpRequest, path: &str) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::OK);
    if is_admins(path) {
        return response.finish();
    }
    response.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE, OPTIONS"));
    response.insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"));
    if let Some(asked) = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        && !names(asked, access::ADMIN_HEADER)
    {
        response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone()));
    }
    response.finish()
}

/// Whether a header that is a list of names has this one.
fn names(list: &header::HeaderValue, name: &str) -> bool {
    // What is no text is no list that a browser makes.
    list.to_str().map_or(true, |list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(name)))
}

/// Headers that a browser lets its page read.
const EXPOSED: &str = "Retry-After, X-Rate-Limit, X-Rate-Limit-Remaining, X-Rate-Limit-Reset, X-RateLimit-Limit, \
    X-RateLimit-Remaining, X-RateLimit-Limit-For-App, X-RateLimit-Remaining-For-App, Content-Range, ETag, X-Request-Id";

/// Nothing of an admin's is kept on the way or on the disk of a browser, nor taken for anything but what it says it is. The
/// page's own files say themselves how they are kept.
fn keep_private(response: &mut HttpResponse) {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
}

fn allow_any_origin(response: &mut HttpResponse) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, header::HeaderValue::from_static(EXPOSED));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_optional() {
        for path in ["/users/a", "/v3/users/a", "/v3.0/users/a", "/v3/v3.0/users/a", "/v3/users/a/"] {
            assert_eq!(versionless(path).unwrap(), "/users/a", "{path}");
        }
        assert_eq!(versionless("/v3").unwrap(), "/");
        for path in ["/api/v3.0/x", "/ws/api/v3.0/x", "/ws:8443/api/v3.0/x", "/ws/deep/api/v3.0/x"] {
            assert_eq!(beside_socket(path), "/api/v3.0/x", "{path}");
        }
        assert_eq!(beside_socket("/wsx/api/y"), "/wsx/api/y");
        assert_eq!(versionless("/v2/users").unwrap_err().code, Code::InvalidVersion);
    }

    #[test]
    fn what_roles_of_admins_are_about_is_an_operation() {
        let routes = routes();
        for name in crate::model::admin::listed().filter(|name| *name != backups::DOWNLOAD) {
            assert!(routes.iter().any(|route| route.operation == name), "{name}");
        }
    }

    #[test]
    fn the_table_has_no_conflicts() {
        assert!(Router::new(routes()).routes().len() > 50);
    }
}

//! A gate before the API, for servers that tests throw away: who stands there answers what is below [`OWN`] themselves, and
//! says what befalls any other request: that it is held up, refused, or that its answer is cut off.
//!
//! [`dispatch`](super::dispatch) asks for it in one place. A server of `serve` has none.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use actix_web::FromRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody, to_bytes};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::test::TestRequest;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::requests::Seen;
use super::{Api, allow_any_origin, bodies, preflight};
use crate::live::command::Context;
use crate::model::caller::{Credential, Holder};
use crate::model::error::{Code, Error, Result};
use crate::store::digest;
use crate::watch::request::within;

/// Below this the one at the gate answers.
pub const OWN: &str = "/_test";

/// A request to the one at the gate.
pub struct Call {
    pub method: String,
    /// Below [`OWN`], with its slash.
    pub path: String,
    /// As it came; empty: none.
    pub query: String,
    /// Of what kind the body is, if that is said.
    pub kind: Option<String>,
    pub body: Bytes,
}

/// What they say to it.
pub struct Answered {
    pub status: u16,
    /// JSON.
    pub body: Bytes,
}

/// A request that comes by.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'p> {
    pub method: &'p str,
    /// Without a version.
    pub path: &'p str,
    /// The contract's name for what it asks for; none: it is no operation.
    pub operation: Option<&'static str>,
    /// Whose it is, if a user's.
    pub uid: Option<&'p str>,
    /// It wants to become a socket.
    pub is_socket: bool,
}

/// What befalls a request.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// So long it waits first.
    pub delay: Duration,
    pub then: Then,
}

/// What becomes of it then.
#[derive(Clone, Debug, Default)]
pub enum Then {
    /// It passes.
    #[default]
    Pass,
    /// It is answered so, and never gets in.
    Refuse { status: u16, code: String, message: String },
    /// It is done, and the connection ends after so many bytes of the answer's body, before its last.
    Cut(usize),
    /// The connection ends without an answer: nothing is done, or it is.
    Drop { done: bool },
}

/// On an answer that is not to be told: the connection ends in its place.
pub struct Untold;

/// A fault with headers that its answer bears besides its own.
#[derive(Clone, Debug, Default)]
pub struct Befallen {
    pub fault: Fault,
    pub headers: Vec<(String, String)>,
}

pub type Answering<'g> = Pin<Box<dyn Future<Output = Answered> + 'g>>;

/// Who stands at the gate.
pub trait Gate: Send + Sync {
    /// Answers what is below [`OWN`].
    fn answer<'g>(&'g self, call: Call, inside: Inside<'g>) -> Answering<'g>;

    /// Names besides those of this machine, by which and from whose pages it may be reached.
    fn others(&self) -> &[String];

    /// What befalls a request, if anything does.
    fn befalls(&self, passing: Passing<'_>) -> Option<Befallen>;
}

/// What is behind the gate, for who stands there.
pub struct Inside<'g> {
    pub api: &'g Data<Api>,
    context: Rc<Context>,
    host: Option<HeaderValue>,
}

fn own(request: &HttpRequest) -> Option<&str> {
    request.path().strip_prefix(OWN).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Of which database a request is. One to the gate itself is of whichever there is.
pub(super) async fn times(request: &HttpRequest, api: &Api) -> Option<u64> {
    match own(request) {
        Some(_) => None,
        None => Some(api.store.told().settled().await),
    }
}

/// Lets a request pass as the one at the gate has it.
pub(super) async fn pass(
    gate: &dyn Gate,
    request: &HttpRequest,
    payload: Payload,
    api: &Data<Api>,
    context: Rc<Context>,
    seen: &Seen,
) -> HttpResponse {
    let path = request.path();
    let origin = match admitted(request, gate.others()) {
        Ok(origin) => origin,
        Err(why) => return super::reply::refusal(&why),
    };
    if let Some(rest) = own(request) {
        if request.method() == Method::OPTIONS {
            return named(preflight(request, path), origin);
        }
        let answered = match bodies::read(api, request, payload, api.limits.import_body()).await {
            Ok(body) => {
                let (method, query) = (request.method().to_string(), request.query_string().to_owned());
                let host = request.headers().get(header::HOST).cloned();
                let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
                let kind = kind.map(str::to_owned);
                let call = Call { method, path: rest.to_owned(), query, kind, body };
                // Who waits for something and goes leaves nothing behind.
                let waits = call.path.starts_with("/wait");
                let answer = gate.answer(call, Inside { api, context, host });
                let answered = match waits {
                    true => super::answers::while_there(request, async { Ok(answer.await) }).await,
                    false => Ok(answer.await),
                };
                answered.unwrap_or_else(|error| Answered::refusal(&error))
            }
            Err(error) => Answered::refusal(&error),
        };
        let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return named(HttpResponse::build(status).content_type("application/json").body(answered.body), origin);
    }
    let Some(Befallen { fault, headers }) = befallen(gate, request, api, seen).await else {
        return super::answer(request, payload, api, context, seen).await;
    };
    if !fault.delay.is_zero() {
        tokio::time::sleep(fault.delay).await;
    }
    let mut answer = match fault.then {
        Then::Pass => super::answer(request, payload, api, context, seen).await,
        Then::Refuse { status, code, message } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let mut answer = HttpResponse::build(status).json(json!({"error": {"code": code, "message": message}}));
            allow_any_origin(&mut answer);
            answer
        }
        Then::Cut(most) => {
            let answer = super::answer(request, payload, api, context, seen).await;
            let (answer, body) = answer.into_parts();
            let whole = to_bytes(body).await.unwrap_or_default();
            let size = whole.len().max(1);
            answer.set_body(BoxBody::new(Cut { size, given: whole.slice(..most.min(size - 1)), ends: None }))
        }
        Then::Drop { done } => {
            if done {
                super::answer(request, payload, api, context, seen).await;
            }
            let mut untold = HttpResponse::Ok().body(BoxBody::new(Broken));
            untold.extensions_mut().insert(Untold);
            untold
        }
    };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

async fn befallen(gate: &dyn Gate, request: &HttpRequest, api: &Data<Api>, seen: &Seen) -> Option<Befallen> {
    // What a browser asks beforehand is no request of the page's.
    if request.method() == Method::OPTIONS {
        return None;
    }
    let path = super::below(api.public_host.as_deref(), request.path());
    let named = super::extensions::route(api, request, path);
    let path = named.as_deref().unwrap_or(path);
    let is_socket = super::is_upgrade(request, path);
    let path = &*super::as_in_table(path).unwrap_or(path.into());
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let found = api.router.find(method, path);
    let operation = found.as_ref().map(|(route, _)| route.operation);
    let whose = who(request, api).await;
    let uid = whose.as_ref().map(|(_, uid)| &**uid);
    let befallen = gate.befalls(Passing { method: method.as_str(), path, operation, uid, is_socket })?;
    // It may never get to where that is noted.
    if let Some((route, params)) = found {
        seen.on(route);
        seen.asked(&params, &Bytes::new());
    }
    if let Some((app, uid)) = &whose {
        api.requests.note_as(request, app, uid, true);
    }
    Some(befallen)
}

/// Whose request it is, as far as it says (the app's public id, and the uid): whether it may be is looked at inside.
async fn who(request: &HttpRequest, api: &Data<Api>) -> Option<(Arc<str>, Arc<str>)> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let secret = text("authtoken").or(text("apikey"))?;
    let Credential { app, holder } = api.store.credential(digest(secret)).await.ok()??;
    match holder {
        Holder::Token { uid, .. } => Some((app.app_id, uid)),
        Holder::Key { .. } => text("onbehalfof").map(|uid| (app.app_id, uid.into())),
    }
}

/// A server for tests is for this machine, and its keys are known: a page of another site that a developer has open must not
/// reach it, by its own name or by a name of this machine that it had made up. Gives the origin of the page that asks, if one
/// does. `others`: names besides those of this machine.
fn admitted<'r>(request: &'r HttpRequest, others: &[String]) -> Result<Option<&'r HeaderValue>> {
    let refused = |what: &str| {
        let sentence = format!(
            "A server for tests is for this machine, and the {what} of this request is another: `hobnob test --origin` \
             lets others in."
        );
        Err(Error::new(Code::NoAccess, sentence))
    };
    let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    if text(header::HOST).is_some_and(|host| !is_near(host, others)) {
        return refused("Host");
    }
    let origin = text(header::ORIGIN);
    if origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, host)| !is_near(host, others))) {
        return refused("Origin");
    }
    Ok(request.headers().get(header::ORIGIN))
}

/// Whether `host[:port]` is this machine, by a name or an address that leads nowhere else, or one of these others.
fn is_near(host: &str, others: &[String]) -> bool {
    let Some(name) = host_name(host) else { return false };
    name == "localhost"
        || name.ends_with(".localhost")
        || others.contains(&name)
        || name.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// The name in `host[:port]`, in small letters. `None`: it is none that a browser sends.
pub fn host_name(host: &str) -> Option<String> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
    (is_port && is_plain && !name.is_empty()).then(|| name.trim_end_matches('.').to_ascii_lowercase())
}

/// An answer for the page that asked.
fn named(mut answer: HttpResponse, origin: Option<&HeaderValue>) -> HttpResponse {
    if let Some(origin) = origin {
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    answer
}

/// How long what was given has to leave before a connection ends: what is on its way goes with an error of the body.
const LEAVING: Duration = Duration::from_millis(20);

fn broken() -> std::io::Error {
    std::io::Error::other("cut off for a test")
}

/// A body that ends before its end, with the connection.
struct Cut {
    size: usize,
    given: Bytes,
    ends: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl MessageBody for Cut {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.size as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if !self.given.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.given))));
        }
        let ends = self.ends.get_or_insert_with(|| Box::pin(tokio::time::sleep(LEAVING)));
        ready!(ends.as_mut().poll(cx));
        Poll::Ready(Some(Err(broken())))
    }
}

/// A body by which the connection ends before anything has left.
struct Broken;

impl MessageBody for Broken {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(broken())))
    }
}

impl Answered {
    /// `{"data": …}`
    pub fn data(data: &serde_json::Value) -> Answered {
        Answered { status: 200, body: json!({ "data": data }).to_string().into() }
    }

    /// The refusal in the contract's envelope.
    pub fn refusal(error: &Error) -> Answered {
        Answered { status: error.code.status(), body: json!({ "error": error }).to_string().into() }
    }
}

/// A request of the one at the gate, to what is behind it.
pub struct Ask<'a> {
    pub method: &'a str,
    /// With its query.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// Of what kind the body is; none: JSON.
    pub kind: Option<&'a str>,
    pub body: Bytes,
}

impl Inside<'_> {
    /// What commands of sockets need.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Makes a request inside, as if it had come by the gate: nothing befalls it.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answered> {
        let unfit = |what: &str| Error::new(Code::BadRequest, format!("This is no {what} that a request can have."));
        let method = Method::from_bytes(ask.method.as_bytes()).map_err(|_| unfit("method"))?;
        Uri::try_from(ask.path).map_err(|_| unfit("path"))?;
        let mut made = TestRequest::default().method(method).uri(ask.path).peer_addr(([127, 0, 0, 1], 1).into());
        for (name, value) in ask.headers {
            let name = HeaderName::try_from(*name).map_err(|_| unfit("name of a header"))?;
            made = made.insert_header((name, HeaderValue::from_str(value).map_err(|_| unfit("value of a header"))?));
        }
        if let Some(host) = &self.host {
            made = made.insert_header((header::HOST, host.clone()));
        }
        if !ask.body.is_empty() {
            made = made.insert_header((header::CONTENT_TYPE, ask.kind.unwrap_or("application/json")));
            made = made.insert_header((header::CONTENT_LENGTH, ask.body.len())).set_payload(ask.body);
        }
        let (request, mut payload) = made.to_http_parts();
        let payload = Payload::from_request(&request, &mut payload).await;
        let payload = payload.map_err(|e| Error::internal("a request within", e))?;
        let seen = self.api.requests.begin(&request, Some(self.api.store.told().settled().await));
        let answer = Box::pin(super::answer(&request, payload, self.api, self.context.clone(), &seen));
        let answer = within(|| seen.origin(), answer).await;
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body()).await.unwrap_or_default();
        Ok(Answered { status, body })
    }

    /// How many requests there have been.
    pub fn requests(&self) -> u64 {
        self.api.requests.made()
    }

    /// Forgets what was counted and who guessed wrong, as a start would, and calls requests as after so many.
    pub fn forget(&self, requests: u64) {
        self.api.meter.forget();
        self.api.guesses.forget_all();
        self.api.requests.go_to(requests);
    }
}

//! A gate before the API, for servers that tests throw away: who stands there answers what is below [`OWN`] themselves, and
//! says what befalls any other request: that it is held up, refused, or that its answer is cut off.
//!
//! [`dispatch`](super::dispatch) asks for it in one place. A server of `serve` has none.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll};
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
use super::{Api, allow_any_origin, bodies, preflight, versionless};
use crate::live::command::Context;
use crate::model::caller::{Credential, Holder};
use crate::model::error::{Code, Error, Result};
use crate::store::digest;

/// Below this the one at the gate answers.
pub const OWN: &str = "/_test";

/// A request to the one at the gate.
pub struct Call {
    pub method: String,
    /// Below [`OWN`], with its slash.
    pub path: String,
    /// As it came; empty: none.
    pub query: String,
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
    /// It is done, and the connection ends after so many bytes of the answer's body.
    Cut(usize),
    /// The connection ends, and nothing is done.
    Drop,
}

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

    /// What befalls a request, if anything does.
    fn befalls(&self, passing: Passing<'_>) -> Option<Befallen>;
}

/// What is behind the gate, for who stands there.
pub struct Inside<'g> {
    pub api: &'g Data<Api>,
    context: Rc<Context>,
    host: Option<HeaderValue>,
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
    let own = path.strip_prefix(OWN).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(rest) = own {
        if request.method() == Method::OPTIONS {
            let mut answer = preflight(request, path);
            allow_any_origin(&mut answer);
            return answer;
        }
        let answered = match bodies::read(api, request, payload, api.limits.import_body()).await {
            Ok(body) => {
                let (method, query) = (request.method().to_string(), request.query_string().to_owned());
                let host = request.headers().get(header::HOST).cloned();
                let call = Call { method, path: rest.to_owned(), query, body };
                gate.answer(call, Inside { api, context, host }).await
            }
            Err(error) => Answered::refusal(&error),
        };
        let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::build(status).content_type("application/json").body(answered.body);
        allow_any_origin(&mut answer);
        return answer;
    }
    let Some(Befallen { fault, headers }) = befallen(gate, request, api).await else {
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
            answer.set_body(BoxBody::new(Cut { most: most.min(whole.len()), whole, given: false }))
        }
        Then::Drop => {
            HttpResponse::Ok().body(BoxBody::new(Cut { whole: Bytes::from_static(b"{}"), most: 0, given: true }))
        }
    };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

async fn befallen(gate: &dyn Gate, request: &HttpRequest, api: &Data<Api>) -> Option<Befallen> {
    let is_socket = super::is_upgrade(request, request.path());
    let path = versionless(request.path()).unwrap_or(request.path());
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let operation = api.router.find(method, path).map(|(route, _)| route.operation);
    let uid = who(request, api).await;
    gate.befalls(Passing { method: method.as_str(), path, operation, uid: uid.as_deref(), is_socket })
}

/// Whose request it is, as far as it says: whether it may be is looked at inside.
async fn who(request: &HttpRequest, api: &Data<Api>) -> Option<String> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(token) = text("authtoken") else {
        return text("apikey").and(text("onbehalfof")).map(str::to_owned);
    };
    match api.store.credential(digest(token)).await {
        Ok(Some(Credential { holder: Holder::Token { uid, .. }, .. })) => Some(uid.to_string()),
        _ => None,
    }
}

/// A body that ends before its end, with the connection.
struct Cut {
    whole: Bytes,
    most: usize,
    given: bool,
}

impl MessageBody for Cut {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.whole.len().max(1) as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let given = std::mem::replace(&mut self.given, true);
        Poll::Ready(Some(match self.most {
            most if most > 0 && !given => Ok(self.whole.slice(..most)),
            _ => Err(std::io::Error::other("cut off for a test")),
        }))
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
            made = made.insert_header((header::CONTENT_TYPE, "application/json"));
            made = made.insert_header((header::CONTENT_LENGTH, ask.body.len())).set_payload(ask.body);
        }
        let (request, mut payload) = made.to_http_parts();
        let payload = Payload::from_request(&request, &mut payload).await;
        let payload = payload.map_err(|e| Error::internal("a request within", e))?;
        let seen = self.api.requests.begin(&request);
        let answer = Box::pin(super::answer(&request, payload, self.api, self.context.clone(), &seen)).await;
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body()).await.unwrap_or_default();
        Ok(Answered { status, body })
    }

    /// Forgets what was counted and who guessed wrong, as a start would.
    pub fn forget(&self) {
        self.api.meter.forget();
        self.api.guesses.forget_all();
        self.api.requests.begin_anew();
    }
}

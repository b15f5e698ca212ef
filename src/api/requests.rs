//! What is seen of each request: an id, a name without secrets, its time and outcome, and a line in the log when that is
//! asked for.
//!
//! The name is the pattern of the route, never the path: paths hold keys, tokens and names of people, and a client could
//! make as many as it likes. What is no row of the route table has one of the names of [`Place`].

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::peer;
use super::rate::Budget;
use super::router::Route;
use super::watched::{self, Outcome, Watched};
use crate::model::caller::Caller;
use crate::model::error::{Code, Error};
use crate::network::Network;
use crate::watch::meter::{Counter, Histogram};
use crate::watch::request::{self, Origin, RequestId, RequestIds};
use crate::watch::tail::{Body, Tail};

const ID: HeaderName = HeaderName::from_static("x-request-id");

macro_rules! places {
    ($($name:ident $text:literal)*) => {
        /// What is answered outside the route table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Place { $($name),* }

        impl Place {
            const ALL: &'static [Place] = &[$(Place::$name),*];

            /// What it is called in the log and in metrics.
            pub fn name(self) -> &'static str {
                match self { $(Place::$name => $text),* }
            }
        }
    };
}

places! {
    Unknown "(unknown)"
    Preflight "(preflight)"
    Socket "(socket)"
    Page "/admin/{file}"
    File "/media/{file}"
    Backup "/admin/api/backups/{name}"
    Front "/"
    Live "/health/live"
    Ready "/health/ready"
    Description "/openapi.json"
    Metrics "/metrics"
    Proof "/.well-known/acme-challenge/{token}"
}

/// Why something was refused that other meters do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The credentials were missing or not good.
    Credentials,
    /// An app or a user made too many requests.
    RateLimit,
    /// Too many wrong passwords were tried.
    Guesses,
    StorageFull,
    StorageFailed,
    ReadTimeout,
    /// A fault of the server.
    Fault,
}

const REASONS: [(Reason, &str); 7] = [
    (Reason::Credentials, "credentials"),
    (Reason::RateLimit, "rate_limit"),
    (Reason::Guesses, "password_guesses"),
    (Reason::StorageFull, "storage_full"),
    (Reason::StorageFailed, "storage_failed"),
    (Reason::ReadTimeout, "read_timeout"),
    (Reason::Fault, "fault"),
];

/// Classes of statuses, by their first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What is counted of the requests to one route, or to one [`Place`].
pub struct Tally {
    method: &'static str,
    route: &'static str,
    statuses: [Counter; CLASSES.len()],
    pub time: Histogram,
}

impl Tally {
    fn new(method: &'static str, route: &'static str) -> Self {
        Tally { method, route, statuses: Default::default(), time: Histogram::of_times() }
    }

    /// What it is called in metrics.
    pub fn labels(&self) -> [(&'static str, &'static str); 2] {
        [("method", self.method), ("route", self.route)]
    }

    /// How many requests were answered, by the class of the status.
    pub fn statuses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.statuses.iter().map(Counter::value))
    }
}

/// Names and counts requests.
pub struct Requests {
    ids: RequestIds,
    /// Of the routes, in the order of their table, then of the places.
    tallies: Vec<Tally>,
    routes: usize,
    tail: Tail,
    refused: [Counter; REASONS.len()],
}

/// A request under way.
pub struct Seen {
    id: RequestId,
    method: &'static str,
    route: Cell<&'static str>,
    /// Which place it is at, or which row of the route table.
    at: Cell<Result<usize, Place>>,
    began: Instant,
    times: Option<u64>,
    /// What is told of it, while somebody looks.
    watched: Option<Box<RefCell<Watched>>>,
}

/// Whose request it is, for the log and for who looks: the app's public id, the uid, and whether a person acts.
struct Whose(Arc<str>, Arc<str>, bool);

impl Requests {
    /// `seed`: any number that the last start did not have.
    pub fn new(seed: u64, routes: &[Route], tail: Tail) -> Self {
        let rows = routes.iter().map(|route| Tally::new(method(&route.method), route.path));
        let places = Place::ALL.iter().map(|place| Tally::new("any", place.name()));
        Requests {
            ids: RequestIds::new(seed),
            tallies: rows.chain(places).collect(),
            routes: routes.len(),
            tail,
            refused: Default::default(),
        }
    }

    /// Makes the same ids once more: for servers whose past a test brings back.
    pub fn go_to(&self, made: u64) {
        self.ids.go_to(made);
    }

    /// How many there have been.
    pub fn made(&self) -> u64 {
        self.ids.made()
    }

    /// What was counted of each route.
    pub fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// How often something was refused, by the reason.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS.into_iter().map(|(reason, word)| (word, self.refused[reason as usize].value()))
    }

    /// A request is refused for this.
    pub fn refuse(&self, error: &Error, request: &HttpRequest, seen: &Seen) {
        seen.watch(|watched| watched.code = Some(error.code.as_str()));
        let reason = match error.code {
            Code::TooManyRequests => match request.extensions().get::<Budget>() {
                Some(budget) if budget.is_over() => Reason::RateLimit,
                _ => Reason::Guesses,
            },
            Code::StorageFull => Reason::StorageFull,
            Code::StorageFailed => Reason::StorageFailed,
            Code::ReadTimeout => Reason::ReadTimeout,
            Code::Internal => Reason::Fault,
            code if code.status() == 401 => Reason::Credentials,
            _ => return,
        };
        self.refused[reason as usize].one();
    }

    /// A request has come.
    /// `times`: see [`Origin`].
    pub fn begin(&self, request: &HttpRequest, times: Option<u64>) -> Seen {
        let given = request.headers().get(ID).and_then(|id| id.to_str().ok()).and_then(RequestId::parse);
        Seen {
            id: given.unwrap_or_else(|| self.ids.next()),
            method: method(request.method()),
            route: Cell::new(Place::Unknown.name()),
            at: Cell::new(Err(Place::Unknown)),
            began: Instant::now(),
            times,
            watched: self.tail.is_watched().then(Box::default),
        }
    }

    /// It is answered by this.
    pub fn end(&self, seen: &Seen, request: &HttpRequest, response: &mut HttpResponse, trusted: &[Network]) {
        let time = seen.began.elapsed();
        let at = seen.at.get().unwrap_or_else(|place| self.routes + place as usize);
        if let Some(tally) = self.tallies.get(at) {
            tally.time.time(time);
            let class = usize::from(response.status().as_u16() / 100).saturating_sub(1);
            tally.statuses[class.min(CLASSES.len() - 1)].one();
        }
        // A socket's answer belongs to the socket.
        if !response.status().is_informational()
            && let Ok(id) = HeaderValue::try_from(seen.id.to_string())
        {
            response.headers_mut().insert(ID, id);
        }
        if let Some(watched) = &seen.watched {
            self.told(seen, watched.take(), (time, response), request, trusted);
        }
        if !request::is_logged() {
            return;
        }
        let extensions = request.extensions();
        let whose = extensions.get::<Whose>();
        let bytes = size(response);
        let from = peer::address(request, trusted).map(|address| address.to_string());
        let _entered = request::enter(Some(seen.origin()));
        log::info!(
            target: request::TARGET,
            method = seen.method,
            route = seen.route.get(),
            status = response.status().as_u16(),
            seconds = (time.as_secs_f64() * 1e6).round() / 1e6,
            bytes = bytes,
            app = whose.map(|Whose(app, ..)| &**app),
            uid = whose.map(|Whose(_, uid, _)| &**uid),
            from = from.as_deref();
            "request"
        );
    }

    /// Tells who looks of a request that is answered.
    fn told(
        &self,
        seen: &Seen,
        mut watched: Watched,
        (time, response): (Duration, &HttpResponse),
        request: &HttpRequest,
        trusted: &[Network],
    ) {
        // Nothing but being looked at: it would never end.
        if seen.route.get().starts_with(TAIL) {
            return;
        }
        if let Some(Whose(app, uid, person)) = request.extensions().get::<Whose>() {
            watched.whose = Some((app.clone(), uid.clone(), *person));
        }
        let (status, bytes) = (response.status().as_u16(), size(response));
        let outcome = Outcome { origin: seen.origin(), status, time, bytes };
        self.tail.tell(|| watched::request(watched, outcome, request, trusted));
    }

    /// Notes whose request it is, if that is asked for.
    pub fn note(&self, request: &HttpRequest, caller: &Caller) {
        if caller.app.id != 0 {
            self.note_as(request, &caller.app.app_id, &caller.uid, caller.person);
        }
    }

    /// The same by names: the app's public id, a uid, and whether a person acts.
    pub fn note_as(&self, request: &HttpRequest, app: &Arc<str>, uid: &Arc<str>, person: bool) {
        if request::is_logged() || self.tail.is_watched() {
            request.extensions_mut().insert(Whose(app.clone(), uid.clone(), person));
        }
    }
}

impl Seen {
    /// It is for this.
    pub fn at(&self, place: Place) {
        self.route.set(place.name());
        request::on_route(place.name());
        self.at.set(Err(place));
    }

    /// It is for a row of the route table.
    pub fn on(&self, route: &Route) {
        self.route.set(route.path);
        request::on_route(route.path);
        self.at.set(Ok(route.at));
    }

    fn watch(&self, note: impl FnOnce(&mut Watched)) {
        if let Some(watched) = &self.watched {
            note(&mut watched.borrow_mut());
        }
    }

    /// It was asked with this. What admins say and hear is not told: much of it lets people in.
    pub fn asked(&self, params: &[(String, String)], body: &Bytes) {
        self.watch(|watched| {
            watched.params = params.to_vec();
            watched.body = Body::of(body.clone()).filter(|_| !self.is_of_admins());
        });
    }

    /// This is answered.
    pub fn answered(&self, body: &str) {
        self.watch(|watched| watched.answer = Body::copy(body).filter(|_| !self.is_of_admins()));
    }

    fn is_of_admins(&self) -> bool {
        self.route.get().starts_with("/admin")
    }

    pub fn origin(&self) -> Origin {
        Origin { id: self.id.clone(), method: self.method, route: self.route.get(), times: self.times }
    }
}

/// Routes of the live tail.
const TAIL: &str = "/admin/api/tail";

/// Bytes of an answer, if that is known.
fn size(response: &HttpResponse) -> Option<u64> {
    match response.body().size() {
        BodySize::Sized(bytes) => Some(bytes),
        _ => None,
    }
}

/// A method of HTTP; what a client makes up is one word.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

//! What is seen of each request: an id, a name without secrets, its time and outcome, and a line in the log when that is
//! asked for.
//!
//! The name is the pattern of the route, never the path: paths hold keys, tokens and names of people, and a client could
//! make as many as it likes. What is no row of the route table has one of the names of [`Place`].

use std::cell::Cell;
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::peer;
use super::rate::Budget;
use super::router::Route;
use crate::model::caller::Caller;
use crate::model::error::{Code, Error};
use crate::network::Network;
use crate::watch::meter::{Counter, Histogram};
use crate::watch::request::{self, Origin, RequestId, RequestIds};

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
}

/// Whose request it is, for the log alone.
struct Whose {
    app: std::sync::Arc<str>,
    uid: String,
}

impl Requests {
    /// `seed`: any number that the last start did not have.
    pub fn new(seed: u64, routes: &[Route]) -> Self {
        let rows = routes.iter().map(|route| Tally::new(method(&route.method), route.path));
        let places = Place::ALL.iter().map(|place| Tally::new("any", place.name()));
        Requests {
            ids: RequestIds::new(seed),
            tallies: rows.chain(places).collect(),
            routes: routes.len(),
            refused: Default::default(),
        }
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
    pub fn refuse(&self, error: &Error, request: &HttpRequest) {
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
    pub fn begin(&self, request: &HttpRequest) -> Seen {
        let given = request.headers().get(ID).and_then(|id| id.to_str().ok()).and_then(RequestId::parse);
        Seen {
            id: given.unwrap_or_else(|| self.ids.next()),
            method: method(request.method()),
            route: Cell::new(Place::Unknown.name()),
            at: Cell::new(Err(Place::Unknown)),
            began: Instant::now(),
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
        if !request::is_logged() {
            return;
        }
        let extensions = request.extensions();
        let whose = extensions.get::<Whose>();
        let bytes = match response.body().size() {
            BodySize::Sized(bytes) => Some(bytes),
            _ => None,
        };
        let from = peer::address(request, trusted).map(|address| address.to_string());
        let _entered = request::enter(Some(seen.origin()));
        log::info!(
            target: request::TARGET,
            method = seen.method,
            route = seen.route.get(),
            status = response.status().as_u16(),
            seconds = (time.as_secs_f64() * 1e6).round() / 1e6,
            bytes = bytes,
            app = whose.map(|whose| &*whose.app),
            uid = whose.map(|whose| &*whose.uid),
            from = from.as_deref();
            "request"
        );
    }

    /// Notes whose request it is, if that is asked for.
    pub fn note(request: &HttpRequest, caller: &Caller) {
        if request::is_logged() && caller.app.id != 0 {
            let whose = Whose { app: caller.app.app_id.clone(), uid: caller.uid.to_string() };
            request.extensions_mut().insert(whose);
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

    pub fn origin(&self) -> Origin {
        Origin { id: self.id.clone(), method: self.method, route: self.route.get() }
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

//! What is seen of each request: an id, a name without secrets, and a line in the log when that is asked for.
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
use super::router::Route;
use crate::model::caller::Caller;
use crate::network::Network;
use crate::watch::request::{self, Origin, RequestId, RequestIds};

const ID: HeaderName = HeaderName::from_static("x-request-id");

macro_rules! places {
    ($($name:ident $text:literal)*) => {
        /// What is answered outside the route table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Place { $($name),* }

        impl Place {
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
    Front "/"
    Live "/health/live"
    Ready "/health/ready"
    Description "/openapi.json"
}

/// Names requests.
pub struct Requests {
    ids: RequestIds,
}

/// A request under way.
pub struct Seen {
    id: RequestId,
    method: &'static str,
    route: Cell<&'static str>,
    began: Instant,
}

/// Whose request it is, for the log alone.
struct Whose {
    app: std::sync::Arc<str>,
    uid: String,
}

impl Requests {
    /// `seed`: any number that the last start did not have.
    pub fn new(seed: u64) -> Self {
        Requests { ids: RequestIds::new(seed) }
    }

    /// A request has come.
    pub fn begin(&self, request: &HttpRequest) -> Seen {
        let given = request.headers().get(ID).and_then(|id| id.to_str().ok()).and_then(RequestId::parse);
        Seen {
            id: given.unwrap_or_else(|| self.ids.next()),
            method: method(request.method()),
            route: Cell::new(Place::Unknown.name()),
            began: Instant::now(),
        }
    }

    /// It is answered by this.
    pub fn end(&self, seen: &Seen, request: &HttpRequest, response: &mut HttpResponse, trusted: &[Network]) {
        let time = seen.began.elapsed();
        // A socket's answer belongs to the socket.
        if !response.status().is_informational()
            && let Ok(id) = HeaderValue::from_str(&seen.id.to_string())
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
    }

    /// It is for a row of the route table.
    pub fn on(&self, route: &Route) {
        self.route.set(route.path);
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

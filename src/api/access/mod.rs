//! Who asks, and what he may reach.
//!
//! A handler takes an [`Access`] with its demand in the type. It holds the caller and the only handle to the store, so
//! no handler can reach data without having named whom it serves.

mod admit;
mod noting;

use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::web::Payload;
use actix_web::{HttpMessage, HttpRequest};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::guesses::{Of, Try};
use super::lenient::{self, Wrong};
use super::looks::Look;
use super::query::Query;
use super::rate::Class;
use super::room::Client;
use super::{Api, answering, peer};
use crate::actions::audit;
use crate::model::audit::{Act, Actor};
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::extension::Extension;
use crate::model::feature::{Feature, Features};
use crate::model::ids::{Guid, Uid, parse_message_id, shown};
use crate::model::json::{self, is_empty_list};
use crate::model::limits::Limits;
use crate::model::page::PageAsk;
use crate::model::public;
use crate::store::admins::Admission;
use crate::store::{Store, Write};
pub use admit::{ADMIN_HEADER, admit, credential};
use admit::{ADMINS, NOBODY, header};

/// Whom an operation serves. The word for each stands in the API description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// No credential at all.
    Open,
    /// An API key of scope fullAccess, acting as the app. Wherever such a key is taken, the session of an admin is, too, with
    /// the header `appId`.
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

/// By what a caller is known.
#[derive(Clone, Debug)]
pub enum By {
    Nobody,
    /// An auth token or a socket's.
    Login,
    /// An API key (api_keys.id), for the app or on behalf of a user.
    Key(i64),
    /// The session of an admin: on the admin page's own API as themselves, elsewhere as a full key of the app.
    Admin(Arc<Admission>),
    /// A management key, by its name.
    Management(String),
}

impl By {
    /// The admin, if it is one.
    pub fn admin(&self) -> Option<&Arc<Admission>> {
        match self {
            By::Admin(admin) => Some(admin),
            _ => None,
        }
    }
}

/// What a request is made of once it has been read.
pub struct Parts {
    /// The contract's name for the operation.
    pub operation: &'static str,
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

/// Beside a request whose answer is to hold nothing private of people: see [`AdminRole::sees_addresses`].
///
/// [`AdminRole::sees_addresses`]: crate::model::admin::AdminRole::sees_addresses
pub struct Discreet;

/// A request that met its demand.
pub struct Access<D> {
    met: Box<Met>,
    demand: PhantomData<D>,
}

/// A request that met a demand, without the type: what is done for each request is in the program once, not once for each
/// operation.
pub struct Met {
    caller: Caller,
    by: By,
    /// The caller's share of it, which shows others' presence as they may see it.
    store: Store,
    api: Arc<Api>,
    /// Those of the caller's app.
    limits: Arc<Limits>,
    parts: Parts,
}

/// What is wrong with some JSON, a bounded piece of it: it repeats what was given.
fn explained(Wrong { path, error }: Wrong) -> Error {
    const MOST: usize = 400;
    let told: String = error.to_string().chars().take(MOST).collect();
    match error.is_data() {
        true if path.is_empty() => Error::new(Code::BadRequest, "The body must be a JSON object."),
        true => Error::field(shown(&path), format!("The {} is not valid: {told}.", shown(&path))),
        false => Error::new(Code::BadRequest, format!("The body is not valid JSON: {told}.")),
    }
}

/// This server as who makes this request reaches it: `https://chat.example/chat`.
pub fn base(api: &Api, request: &HttpRequest) -> String {
    let mut host = peer::host(request, &api.trusted);
    if let Some(main) = api.extensions.domain.main_of(&host) {
        host = main.to_owned();
    }
    public::base(api.public_host.as_deref(), peer::scheme(request, &api.trusted), &host)
}

impl Met {
    /// Checks the credentials against the demand.
    pub async fn check(api: Arc<Api>, parts: Parts, who: Who) -> Result<Box<Self>> {
        let (mut caller, by) = admit(&api, &parts, who).await?;
        answering::begin(&parts.request, &mut caller);
        api.requests.note(&parts.request, &caller);
        // Answers to what only reads may be large.
        if who != Who::Open && parts.request.method().is_safe() {
            Client::note(&parts.request, &caller);
        }
        json::check(&parts.body, &api.limits)?;
        // Whom no app sends (admins, who runs apps) nothing counts: an app that has used up its share is seen to all the same.
        let admin = by.admin().cloned();
        if caller.app.id != 0 && admin.is_none() {
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
        // Who needs no credential waits behind others who need none, not behind admins; and admins not behind the app.
        let share = match &admin {
            _ if who == Who::Open => NOBODY,
            Some(_) => ADMINS,
            None => caller.user,
        };
        let mut store = api.store.shared_by(share).seen_by(caller.viewer());
        if let Some(admin) = admin {
            if !admin.role.sees_addresses() {
                parts.request.extensions_mut().insert(Discreet);
            }
            if !parts.request.method().is_safe() {
                store = store.noted(noting::of(&admin, &caller, &parts));
            }
            if let Some(look) = Look::of(&admin.name, &caller, &parts) {
                parts.request.extensions_mut().insert(look);
            }
        }
        let limits = match &caller.app.own_limits {
            Some(own) => Arc::new(own.over(&api.limits)),
            None => api.limits.clone(),
        };
        Ok(Box::new(Met { caller, by, store, api, limits, parts }))
    }
}

impl<D: Demand> Access<D> {
    /// Of a request that was checked against this demand: the route table has both from the handler's type.
    pub(super) fn of(met: Box<Met>) -> Self {
        Access { met, demand: PhantomData }
    }

    pub fn caller(&self) -> &Caller {
        &self.met.caller
    }

    /// Asks for a feature beside the route's own.
    pub fn may_use(&self, feature: Feature) -> Result<()> {
        match self.met.caller.token {
            Some(_) => self.met.caller.role.may_use(Features::of(&[feature])),
            None => Ok(()),
        }
    }

    /// Who asks, for the audit log. Those who act for themselves alone are not noted there.
    pub fn actor(&self) -> Actor {
        match &self.met.by {
            By::Management(name) => Actor::Management(name.clone()),
            By::Key(key) => Actor::Key(*key),
            By::Admin(admin) => Actor::Admin(admin.name.clone()),
            By::Nobody | By::Login => Actor::Server,
        }
    }

    /// Whether it is for them where people and receivers are found.
    pub fn sees_addresses(&self) -> bool {
        self.met.by.admin().is_none_or(|admin| admin.role.sees_addresses())
    }

    /// The admin who asks; on operations that only admins may do there is one.
    pub fn admin(&self) -> Result<&Arc<Admission>> {
        self.met.by.admin().ok_or(Error::from(Code::NoAccess))
    }

    /// Where the client is, past proxies that are trusted.
    pub fn address(&self) -> Option<IpAddr> {
        peer::address(&self.met.parts.request, &self.met.api.trusted)
    }

    /// api_keys.id, if the credential was an API key.
    pub fn key(&self) -> Option<i64> {
        match self.met.by {
            By::Key(id) => Some(id),
            _ => None,
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
        self.met.store.write(name, noted).await
    }

    pub fn app(&self) -> &App {
        &self.met.caller.app
    }

    pub fn store(&self) -> &Store {
        &self.met.store
    }

    pub fn api(&self) -> &Arc<Api> {
        &self.met.api
    }

    /// What holds in the caller's app. Who acts on apps from outside (admins, who runs apps) has the server's, and asks the
    /// app it finds for its own.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.met.limits
    }

    /// `host[:port]`, as the client named this server.
    pub fn host(&self) -> String {
        peer::host(&self.met.parts.request, &self.met.api.trusted)
    }

    /// Begins a try at a password, unless it must wait. The address counts where it is the one's who guesses: a back end's
    /// is that of all its users.
    pub fn guess(&self, what: &str, of: Of<'_>) -> Result<Try<'_>> {
        let direct = self.key().is_none();
        let address = self.address().filter(|_| direct).map(Of::Address);
        let all: Vec<Of<'_>> = [of].into_iter().chain(address).collect();
        self.met.api.guesses.begin(what, &all, self.met.api.store.clock().now())
    }

    /// This server as the client reaches it: `https://chat.example`.
    pub fn base(&self) -> String {
        base(&self.met.api, &self.met.parts.request)
    }

    /// The multipart body, once.
    pub fn take_upload(&mut self) -> Option<Payload> {
        self.met.parts.upload.take()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.met.parts.headers()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.met.parts.headers(), name)
    }

    pub fn query(&self) -> &Query {
        &self.met.parts.query
    }

    /// A piece of the path, decoded.
    pub fn param(&self, name: &str) -> &str {
        self.met.parts.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
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
        let body = self.met.parts.body.trim_ascii();
        let empty = body.is_empty() || std::str::from_utf8(body).is_ok_and(is_empty_list);
        let body: &[u8] = if empty { b"{}" } else { body };
        lenient::read(body).map_err(explained)
    }

    /// The page asked for.
    pub fn page(&self) -> Result<PageAsk> {
        let limits = &self.met.api.limits;
        let query = &self.met.parts.query;
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

//! Which reads of admins are noted: those whose answers hold texts of messages.
//!
//! The answer does not wait for it: the entry is written later, when there is nothing better to write. What was noted in this
//! hour is remembered here, so that browsing writes nothing; who forgets it at a restart finds it in the log.

use std::collections::HashSet;
use std::sync::Mutex;

use actix_web::HttpRequest;

use super::Api;
use super::access::Parts;
use crate::actions::looks::{self, HOUR, Seen};
use crate::model::admin::shows_texts;
use crate::model::audit::Actor;
use crate::model::caller::{App, Caller};
use crate::store::{Digest, digest};

/// What is remembered at most. Beyond it every read asks the log: slower, and still once an hour.
const MOST: usize = 10_000;

/// What was noted in this hour.
#[derive(Default)]
pub struct Looks {
    known: Mutex<(i64, HashSet<Digest>)>,
}

impl Looks {
    /// Whether it is new in this hour.
    fn is_new(&self, what: &str, now: i64) -> bool {
        let mut known = self.known.lock().unwrap_or_else(|e| e.into_inner());
        if known.0 != now / HOUR {
            *known = (now / HOUR, HashSet::new());
        }
        let what = digest(what);
        match known.1.len() < MOST {
            true => known.1.insert(what),
            false => !known.1.contains(&what),
        }
    }

    fn forget(&self, what: &str) {
        self.known.lock().unwrap_or_else(|e| e.into_inner()).1.remove(&digest(what));
    }

    /// Notes that a name is tried so often that it must wait.
    pub fn locked(&self, api: &Api, name: &str) {
        let what = format!("locked {}", name.to_lowercase());
        let name = name.to_owned();
        if self.is_new(&what, api.store.clock().now())
            && !api.store.write_later("audit.locked", move |tx| looks::locked(tx, &name))
        {
            self.forget(&what);
        }
    }
}

/// A read under way that will be noted once it is answered.
#[derive(Clone)]
pub struct Look {
    admin: String,
    app: App,
    seen: Seen,
    behalf: Option<String>,
}

impl Look {
    /// Of a request by an admin, if it is one to be noted.
    pub fn of(admin: &str, caller: &Caller, parts: &Parts) -> Option<Look> {
        if caller.app.id == 0 || !parts.request.method().is_safe() || !shows_texts(parts.operation) {
            return None;
        }
        let named = |name: &str| parts.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let id = named("id").filter(|_| parts.request.path().contains("/messages/"));
        let conversation = named("conversationId").or_else(|| parts.query.get("conversationId").map(str::to_owned));
        let seen = named("uid").map(|uid| Seen::User(uid.to_ascii_lowercase()));
        let seen = seen.or_else(|| named("guid").map(|guid| Seen::Group(guid.to_ascii_lowercase())));
        let seen = seen.or_else(|| id?.parse().ok().map(Seen::Message));
        let seen = seen.or(conversation.map(Seen::Conversation)).unwrap_or(Seen::List(parts.operation));
        let behalf = caller.person.then(|| caller.uid.to_string());
        Some(Look { admin: admin.to_owned(), app: caller.app.clone(), seen, behalf })
    }

    /// It was answered.
    pub fn done(self, api: &Api) {
        let what = format!("{} {} {:?} {:?}", self.admin, self.app.app_id, self.seen, self.behalf);
        if !api.looks.is_new(&what, api.store.clock().now()) {
            return;
        }
        let Look { admin, app, seen, behalf } = self;
        let note = move |tx: &mut crate::store::Write<'_>| {
            looks::note(tx, &Actor::Admin(admin), &app, seen, behalf.as_deref())
        };
        if !api.store.write_later("audit.read", note) {
            api.looks.forget(&what);
        }
    }
}

/// What the request is to be noted as, if it is.
pub fn take(request: &HttpRequest) -> Option<Look> {
    use actix_web::HttpMessage;
    request.extensions_mut().remove::<Look>()
}

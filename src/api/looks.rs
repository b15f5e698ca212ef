//! Which reads of admins are noted: those whose answers hold texts of messages.
//!
//! The answer does not wait for it: the entry is written later, when there is nothing better to write. What was noted in this
//! hour is remembered here, so that browsing writes nothing; who forgets it at a restart finds it in the log.

use std::collections::HashSet;
use std::sync::Mutex;

use actix_web::HttpRequest;

use super::Api;
use super::access::Parts;
use crate::actions::apps;
use crate::actions::looks::{self, HOUR, Seen};
use crate::model::admin::shows_texts;
use crate::model::audit::Actor;
use crate::model::caller::Caller;
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
    /// Its public id.
    app: String,
    operation: &'static str,
    seen: Seen,
    behalf: Option<String>,
}

impl Look {
    /// Of a request by an admin, if its answer is one to be noted.
    pub fn of(admin: &str, caller: &Caller, parts: &Parts) -> Option<Look> {
        if !shows_texts(parts.operation) {
            return None;
        }
        let named = |name: &str| parts.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let app = if caller.app.id == 0 { named("appId")? } else { caller.app.app_id.to_string() };
        // What the operation does not go by says nothing of what is read, whatever stands there.
        let seen = match parts.operation {
            "get-message-details" | "list-all-thread-messages" => named("id")?.parse().ok().map(Seen::Message),
            "list-all-messages" => parts.query.get("conversationId").map(|name| Seen::Conversation(name.to_owned())),
            _ => {
                let user = named("uid").map(|uid| Seen::User(uid.to_ascii_lowercase()));
                let group = || named("guid").map(|guid| Seen::Group(guid.to_ascii_lowercase()));
                user.or_else(group).or_else(|| named("conversationId").map(Seen::Conversation))
            }
        };
        Some(Look {
            admin: admin.to_owned(),
            app: app.to_ascii_lowercase(),
            operation: parts.operation,
            seen: seen.unwrap_or(Seen::List),
            behalf: caller.person.then(|| caller.uid.to_string()),
        })
    }

    /// It was answered.
    pub fn done(self, api: &Api) {
        let what = format!("{} {} {} {:?} {:?}", self.admin, self.app, self.operation, self.seen, self.behalf);
        if !api.looks.is_new(&what, api.store.clock().now()) {
            return;
        }
        let Look { admin, app, operation, seen, behalf } = self;
        let note = move |tx: &mut crate::store::Write<'_>| {
            let app = apps::find(tx, &app)?;
            looks::note(tx, &Actor::Admin(admin), &app, (operation, seen), behalf.as_deref())
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

//! Who is asking: the app by one of its keys, or one of its users.

use std::sync::Arc;

use utoipa::ToSchema;

use super::answer::Answer;
use super::app_limits::AppLimits;
use super::event::Origin;
use super::ids::SYSTEM_UID;
use super::role::Role;

/// What an API key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub enum KeyScope {
    /// Every operation ("REST API key").
    #[schema(rename = "fullAccess")]
    Full,
    /// Creating users and logging them in ("Auth Key").
    AuthOnly,
}

impl KeyScope {
    pub fn as_str(self) -> &'static str {
        match self {
            KeyScope::Full => "fullAccess",
            KeyScope::AuthOnly => "authOnly",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [KeyScope::Full, KeyScope::AuthOnly].into_iter().find(|scope| scope.as_str() == text)
    }
}

/// The app a request belongs to; found from its credential.
#[derive(Clone, Debug)]
pub struct App {
    /// apps.id
    pub id: i64,
    pub app_id: Arc<str>,
    pub region: Arc<str>,
    /// users.id of the app's own user, `app_system`.
    pub system_user: i64,
    /// Limits that are not the server's; none: all are.
    pub own_limits: Option<Arc<AppLimits>>,
}

/// What a credential proves. Cached by the digest of the credential.
#[derive(Clone, Debug)]
pub struct Credential {
    pub app: App,
    pub holder: Holder,
}

#[derive(Clone, Debug)]
pub enum Holder {
    Key { id: i64, scope: KeyScope },
    Token { id: i64, user: i64, uid: Arc<str>, role: Arc<Role> },
}

/// Who acts, as far as permissions go.
#[derive(Clone, Debug)]
pub struct Caller {
    pub app: App,
    /// users.id of the actor; the app's own user when no person acts.
    pub user: i64,
    pub uid: Arc<str>,
    /// A person acts (by token, or by key on his behalf); `false`: the app itself, above all group scopes.
    pub person: bool,
    /// The rules of that person's role; of a role without rules when no person acts.
    pub role: Arc<Role>,
    /// The login that acts (tokens.id), if one does.
    pub token: Option<i64>,
    /// The client session that acts. Its own socket ignores events that carry it.
    pub device: Arc<str>,
    /// The answer this session waits for, if its acts can be told of before it.
    pub answer: Option<Arc<Answer>>,
}

/// The device id of acts that no client session made.
pub const SERVER_DEVICE: &str = "server";

impl Caller {
    /// The app itself, with nobody who asked.
    pub fn system(app: App) -> Caller {
        let user = app.system_user;
        Caller { person: false, ..Caller::of(app, user, SYSTEM_UID) }
    }

    /// A user as the one who acts, though none of their sessions does.
    pub fn of(app: App, user: i64, uid: &str) -> Caller {
        Caller {
            app,
            user,
            uid: uid.into(),
            person: true,
            role: Role::free(),
            token: None,
            device: SERVER_DEVICE.into(),
            answer: None,
        }
    }

    /// The client session that acts, if it said its name.
    pub fn session(&self) -> Option<&str> {
        Some(&*self.device).filter(|device| *device != SERVER_DEVICE)
    }

    /// Whose acts these are, for the sockets that hear of them.
    pub fn origin(&self) -> Origin {
        Origin { user: self.user, login: self.token }
    }

    /// users.id of the person who looks, if a person does.
    pub fn viewer(&self) -> Option<i64> {
        self.person.then_some(self.user)
    }
}

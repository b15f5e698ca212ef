//! What is announced after a commit: events for sockets, and moves of the index that says which sockets hear what.
//!
//! Both travel in one ordered stream, so a message committed after a kick finds the kicked already gone.

use std::sync::Arc;

use super::answer::{About, Answer};
use super::caller::SERVER_DEVICE;
use super::message::{ReceiverType, Sent};
use super::user::User;

/// Names a socket within the running server.
pub type ConnId = u64;

/// One step of the stream a commit releases.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are events: a box for each would be an allocation a message")]
pub enum Post {
    Tell(Audience, Event),
    Move(Move),
}

/// Who hears an event: every device of every one of them, once.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// groups.id: all members online.
    pub group: Option<i64>,
    /// users.id, besides the group.
    pub users: Vec<i64>,
    /// Users who hear nothing of it, whatever they are; ascending.
    pub except: Vec<i64>,
    /// It is a group's, though only those who are named hear it.
    pub of_group: bool,
    /// May be dropped for a slow socket: typing and the like. Durable events close it instead.
    pub ephemeral: bool,
}

impl Audience {
    pub fn users(users: impl Into<Vec<i64>>) -> Self {
        Audience { users: users.into(), ..Audience::default() }
    }

    pub fn group(group: i64) -> Self {
        Audience { group: Some(group), of_group: true, ..Audience::default() }
    }

    /// The same, with these users even if they are no members (any more).
    pub fn and(mut self, user: i64) -> Self {
        self.users.push(user);
        self
    }

    pub fn except(mut self, user: i64) -> Self {
        if let Err(at) = self.except.binary_search(&user) {
            self.except.insert(at, user);
        }
        self
    }

    /// Of those who hear it these alone.
    pub fn only(&self, users: impl Into<Vec<i64>>) -> Self {
        Audience { group: None, users: users.into(), except: Vec::new(), ..self.clone() }
    }

    /// Whether this user may hear it: named, or, if it is told to a group, not left out.
    pub fn reaches(&self, user: i64) -> bool {
        self.except.binary_search(&user).is_err() && (self.group.is_some() || self.users.contains(&user))
    }

    /// Whether what is told passes between two people, rather than in a group both are members of: typing, receipts,
    /// everything one-on-one. None of it passes across a block.
    pub fn is_personal(&self) -> bool {
        !self.of_group || self.ephemeral
    }

    pub fn ephemeral(mut self) -> Self {
        self.ephemeral = true;
        self
    }
}

/// A frame for clients, in parts. The hub encodes it once for all who hear it.
#[derive(Clone, Debug)]
pub struct Event {
    pub app_id: Arc<str>,
    /// The wire's frame type: `message`, `receipts` …
    pub kind: &'static str,
    pub sender: Arc<str>,
    /// uid or guid of the conversation.
    pub receiver: Arc<str>,
    pub receiver_type: ReceiverType,
    /// The acting client session, which ignores its own echo. Named by the client: see `is_echo_for`.
    pub device: Arc<str>,
    pub by: Origin,
    /// The answer by which the acting session learns of what this tells.
    pub answer: Option<Arc<Answer>>,
    /// The acting sessions of others hear of these messages only once they know them.
    pub about: About,
    /// Author of the message concerned, on receipts and interactions.
    pub message_sender: Option<Arc<str>>,
    pub body: Body,
}

/// Whose act an event tells of, in keys: names of sessions are known to all and prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// users.id
    pub user: i64,
    /// tokens.id of the login that acted, if one did: none for an act by an API key.
    pub login: Option<i64>,
}

impl Event {
    /// Whether this socket is the very session that acted, which shows its own act already. `device` and `login` are the
    /// socket's. A session without a name is never taken for another one, and nobody else's session ever is.
    pub fn is_echo_for(&self, user: i64, login: i64, device: &str) -> bool {
        *self.device == *device
            && !device.is_empty()
            && device != SERVER_DEVICE
            && self.by.user == user
            && self.by.login.is_none_or(|acting| acting == login)
    }
}

/// What a frame carries.
#[derive(Clone, Debug)]
pub enum Body {
    Message(Sent),
    /// JSON text.
    Json(Arc<str>),
}

impl From<Sent> for Body {
    fn from(sent: Sent) -> Self {
        Body::Message(sent)
    }
}

impl Body {
    pub fn json(&self) -> &str {
        match self {
            Body::Message(sent) => sent.json(),
            Body::Json(text) => text,
        }
    }
}

/// What the hub knows of a user.
#[derive(Clone, Debug)]
pub struct Known {
    pub user: User,
    /// groups.id, and users.id of friends and of those whom a block parts them from.
    pub groups: Vec<i64>,
    pub friends: Vec<i64>,
    pub blocked: Vec<i64>,
}

/// A change of who hears what.
#[derive(Clone, Debug)]
pub enum Move {
    /// A socket has proved who it is and starts to hear.
    Attach(Box<Attach>),
    Join {
        group: i64,
        user: i64,
    },
    Leave {
        group: i64,
        user: i64,
    },
    /// The group is gone.
    Disband {
        group: i64,
    },
    /// All of a user is as it was at another moment: for servers whose past a test brings back.
    Anew(Box<Known>),
    /// A login was ended: its sockets close.
    CloseToken(i64),
    /// A user was deactivated or deleted: all his sockets close.
    CloseUser(i64),
    /// An app was deleted: the sockets of all its users close.
    CloseApp(i64),
    Friends {
        a: i64,
        b: i64,
        on: bool,
    },
    /// Whether anything passes between the two.
    Blocked {
        a: i64,
        b: i64,
        on: bool,
    },
}

/// What the hub must know of a socket's owner, read in the same transaction order as the events.
#[derive(Clone, Debug)]
pub struct Attach {
    pub conn: ConnId,
    pub app: i64,
    pub app_id: Arc<str>,
    pub token: i64,
    pub user: User,
    pub groups: Vec<i64>,
    pub friends: Vec<i64>,
    /// Users with a block between them and this one, either way.
    pub blocked: Vec<i64>,
    /// Somebody outside is told of it.
    pub told: bool,
}

/// What a client said of itself when it connected, cut to some length, and when that was.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub platform: Option<Box<str>>,
    pub user_agent: Option<Box<str>>,
    /// Unix milliseconds.
    pub connected_at: i64,
}

/// A connection came or went.
#[derive(Clone, Debug)]
pub struct Presence {
    /// apps.id
    pub app: i64,
    /// users.id
    pub user: i64,
    pub uid: String,
    pub client: Client,
    pub connected: bool,
    /// Whether the user has a connection now.
    pub online: bool,
    /// Whether that was otherwise before.
    pub changed: bool,
    /// Unix milliseconds.
    pub at: i64,
}

//! Rows of a data import: things as they were elsewhere, with their own times.
//!
//! A row holds what it names besides (a sender, a group with its owner), so that it can be made on the way.

use super::group::GroupDraft;
use super::ids::{Guid, Uid};
use super::message::{Content, Receiver};
use super::permission::Scope;
use super::user::UserDraft;

pub struct User {
    pub draft: UserDraft,
    pub created_at: Option<i64>,
    pub last_active_at: Option<i64>,
    pub deactivated_at: Option<i64>,
}

pub struct Group {
    /// Its password is hashed before it is written, if it is written at all.
    pub draft: GroupDraft,
    pub password: Option<String>,
    pub created_at: Option<i64>,
    pub owner: Option<User>,
}

pub struct Member {
    pub guid: Guid,
    pub uid: Uid,
    pub scope: Scope,
    pub banned: bool,
    pub joined_at: Option<i64>,
    pub group: Option<Group>,
    pub user: Option<User>,
}

pub struct Message {
    /// The sender's own id: the same again is the same message.
    pub muid: Option<String>,
    pub sender: Uid,
    pub receiver: Receiver,
    pub content: Content,
    pub tags: Option<Vec<String>>,
    pub sent_at: i64,
    pub delivered_at: Option<i64>,
    pub read_at: Option<i64>,
    /// Sender, receiver, who is mentioned: as far as given.
    pub users: Vec<User>,
    pub group: Option<Group>,
    /// Of a message that comes out of an export.
    pub past: Option<Past>,
}

/// What an export knows of a message and a data import does not. Ids are those it has here.
#[derive(Default)]
pub struct Past {
    /// The one it had there: kept if it can be.
    pub id: i64,
    /// The two whose conversation it is in, if the sender is neither.
    pub between: Option<(Uid, Uid)>,
    /// Whom an action was done to; the call.
    pub subject: Option<i64>,
    pub parent: Option<i64>,
    pub quoted: Option<i64>,
    /// Who is named in it; `None`: that is worked out.
    pub mentions: Option<Vec<i64>>,
    /// Rules or moderators have hidden it.
    pub hidden: bool,
}

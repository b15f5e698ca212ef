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
    pub muid: String,
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
}

//! A message that an app asks about: judged by its rules, and never sent.

use crate::model::ids::Uid;
use crate::model::import;
use crate::model::message::{Content, Receiver};

/// One as it is submitted, with those it names: who is not there yet is made.
pub struct Submission {
    pub sender: Uid,
    pub receiver: Receiver,
    pub content: Content,
    pub tags: Option<Vec<String>>,
    /// The sender's own id: the same again, to the same receiver, is the same message.
    pub muid: Option<String>,
    /// When it is said to be sent; `None`: now.
    pub sent_at: Option<i64>,
    pub users: Vec<import::User>,
    pub group: Option<import::Group>,
}

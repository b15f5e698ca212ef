//! A message that an app asks about: judged by its rules, and never sent.

use crate::model::error::{Code, Error, Result};
use crate::model::ids::Uid;
use crate::model::import;
use crate::model::message::{Category, Content, Receiver};

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

impl Submission {
    /// What no rule looks at is not asked about: it would pass unseen.
    ///
    /// # Errors
    /// A category that rules do not look at.
    pub fn check(&self) -> Result<()> {
        match self.content.category {
            Category::Message | Category::Custom => Ok(()),
            _ => Err(Error::new(Code::InvalidCategory, "Rules look at messages of category message or custom.")),
        }
    }
}

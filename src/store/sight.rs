//! Who sees which message: the one rule, for all that leaves the server.
//!
//! A user sees a message as long as they have a part in its conversation (one who was kicked, banned or has left has
//! none), have not deleted it for themselves, and no review has hidden it; a hidden one is still seen by its sender. The
//! app sees all. What was deleted shows an empty shell to whoever saw it.
//!
//! The rule is about what is *shown*, not about what is asked for: a quote, a last message or a newest reply is put
//! beside another message only if the viewer could have asked for it. An event says one thing to many
//! ([`Viewer::All`]), so it holds what everybody sees who hears it, and [`hearing`] says who does.

use super::conversations::Conv;
use super::messages::Row;
use super::{Read, conversations};
use crate::model::error::Result;
use crate::model::event::Audience;
use crate::model::flags;

/// Through whose eyes a message is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Viewer {
    /// The app itself, which sees everything.
    #[default]
    App,
    /// users.id
    User(i64),
    /// All who hear an event about it, at once.
    All,
}

impl From<Option<i64>> for Viewer {
    /// Of a caller: no person is the app.
    fn from(person: Option<i64>) -> Self {
        person.map_or(Viewer::App, Viewer::User)
    }
}

impl Viewer {
    /// users.id of the one person who looks.
    pub fn user(self) -> Option<i64> {
        match self {
            Viewer::User(user) => Some(user),
            Viewer::App | Viewer::All => None,
        }
    }
}

/// The part of the rule that a message's own row decides, as a condition on messages `$m` for the user `$viewer`.
macro_rules! not_hidden {
    ($m:literal, $viewer:literal) => {
        concat!("(", $m, ".flags & 512 = 0 OR ", $m, ".sender_id = ", $viewer, ")")
    };
}
pub(super) use not_hidden;

/// The same for a row at hand: whether it is hidden from the viewer.
pub fn is_hidden(message: &Row, viewer: Viewer) -> bool {
    message.flags & flags::DISAPPROVED != 0 && viewer != Viewer::App && viewer != Viewer::User(message.sender)
}

/// Whether the message with this id is hidden from the user, who is not its sender.
pub fn is_hidden_from(read: &Read<'_>, message: i64, user: i64) -> Result<bool> {
    read.exists(concat!("SELECT 1 FROM messages m WHERE m.id = ?1 AND NOT ", not_hidden!("m", "?2")), [message, user])
}

/// Whether the viewer sees the message.
pub fn sees(read: &Read<'_>, viewer: Viewer, message: &Row) -> Result<bool> {
    if is_hidden(message, viewer) {
        return Ok(false);
    }
    match viewer {
        Viewer::App | Viewer::All => Ok(true),
        Viewer::User(user) => {
            let upto = conversations::hidden_of(read, message.conv, user)?;
            Ok(upto.is_some_and(|upto| upto < message.id))
        }
    }
}

/// Whether the message may be shown as the quote of another one.
pub fn sees_quoted(read: &Read<'_>, viewer: Viewer, quoting: &Row, quoted: &Row) -> Result<bool> {
    Ok(quoted.conv == quoting.conv && sees(read, viewer, quoted)?)
}

/// Who hears of a message.
#[derive(Debug)]
pub struct Hearing {
    pub audience: Audience,
    /// Those who see the message, but not what it quotes: they hear of it without.
    pub unquoted: Vec<i64>,
}

impl Hearing {
    /// All who hear of it, where what it quotes does not matter.
    pub fn everybody(mut self) -> Audience {
        self.audience.except.retain(|user| !self.unquoted.contains(user));
        self.audience
    }
}

/// How many people who have deleted a message for themselves are left out one by one. Beyond that nobody hears of what
/// happens to it: clients find it with their next look. Reading this many takes the writer less than a millisecond.
const MOST: usize = 1_000;

/// Who hears of something that happens to the message: those who see it.
pub fn hearing(read: &Read<'_>, conv: &Conv, message: &Row) -> Result<Hearing> {
    if message.flags & flags::DISAPPROVED != 0 {
        let sender = sees(read, Viewer::User(message.sender), message)?.then_some(message.sender);
        return Ok(Hearing { audience: conv.audience().only(sender.as_slice()), unquoted: Vec::new() });
    }
    let quoted = message.quoted.unwrap_or(message.id).min(message.id);
    // Mostly nobody.
    let cleared = conversations::cleared(read, conv.id, quoted, MOST)?;
    if cleared.len() >= MOST {
        return Ok(Hearing { audience: Audience::default(), unquoted: Vec::new() });
    }
    let mut hearing = Hearing { audience: conv.audience(), unquoted: Vec::new() };
    for (user, upto) in cleared {
        hearing.audience = hearing.audience.except(user);
        if upto < message.id {
            hearing.unquoted.push(user);
        }
    }
    Ok(hearing)
}

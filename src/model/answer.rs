//! The answer to a request that acts, for what must not be heard before it.
//!
//! A client learns the id of what it sends from the answer to its POST, and drops whatever a socket tells of an id it
//! does not know. On a fast network the receiver's receipt can be back before that answer has been read: it goes by
//! another connection. So what happens to a message is told to the session that sent it only a moment after the answer
//! was written.
//!
//! What it costs a message nobody says anything about: this value and the guard in the answer's body, two small
//! allocations; and one entry pushed under the lock of the sender's own socket, if that is open. No lock is shared
//! between senders, and nothing is woken.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a client has to read an answer after it was written. A receipt was seen 0.2 ms behind the answer; in a
/// browser a reply passes through several tasks more than a frame does.
pub const SETTLE: Duration = Duration::from_millis(50);

/// Nothing waits longer than this for an answer that is not written: a client may leave it unread.
pub const LONGEST: Duration = Duration::from_secs(5);

/// When the answer to one request went out.
#[derive(Debug)]
pub struct Answer {
    made: Instant,
    written: OnceLock<Instant>,
}

impl Answer {
    pub fn new(now: Instant) -> Self {
        Answer { made: now, written: OnceLock::new() }
    }

    /// It has been written, or never will be. Only the first time counts.
    pub fn end(&self, now: Instant) {
        let _ = self.written.set(now);
    }

    /// `None`: the client knows it. Otherwise the time to ask again.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let known = match self.written.get() {
            Some(written) => *written + SETTLE,
            None => self.made + LONGEST,
        };
        (known > now).then(|| known.min(now + SETTLE))
    }
}

/// The messages an event is about, by id: that one, its parent, the one it quotes. A call counts as one, by its own id
/// below zero. 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About([i64; 3]);

impl About {
    /// What happened to one message.
    pub fn message(id: i64) -> Self {
        About([id, 0, 0])
    }

    /// A message with those it hangs on.
    pub fn reply(id: i64, parent: Option<i64>, quoted: Option<i64>) -> Self {
        About([id, parent.unwrap_or(0), quoted.unwrap_or(0)])
    }

    /// A call, whose every step is a message of its own. calls.id
    pub fn call(id: i64) -> Self {
        About([-id, 0, 0])
    }

    /// Itself, without what it hangs on.
    pub fn own(&self) -> i64 {
        self.0[0]
    }

    pub fn touches(&self, id: i64) -> bool {
        id != 0 && self.0.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_a_moment_after_it_was_written_and_awaited_within_bounds() {
        let now = Instant::now();
        let answer = Answer::new(now);
        assert_eq!(answer.due(now), Some(now + SETTLE));
        assert_eq!(answer.due(now + LONGEST - SETTLE / 2), Some(now + LONGEST));
        assert_eq!(answer.due(now + LONGEST), None);
        answer.end(now + SETTLE);
        answer.end(now + LONGEST);
        assert_eq!(answer.due(now + SETTLE), Some(now + SETTLE * 2));
        assert_eq!(answer.due(now + SETTLE * 2), None);
    }

    #[test]
    fn nothing_is_about_no_message() {
        assert!(!About::default().touches(0));
        assert!(About::reply(9, Some(7), None).touches(7) && !About::reply(9, Some(7), None).touches(0));
        assert!(!About::call(7).touches(7));
    }
}

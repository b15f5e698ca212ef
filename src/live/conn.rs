//! One connection's outgoing queue: bounded in frames and in bytes, so that a slow reader costs nobody else anything.
//!
//! When it is full, frames that only mattered just now (typing, presence) go first; a durable one that still does not
//! fit closes the connection with a reason, and the client fetches what it missed over REST.
//!
//! A frame about a message that this client session sent itself waits until the session can know the message: see
//! `model::answer`. All behind it waits with it, so the order stays that of the commits.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::sync::Notify;

use super::frame::Encoded;
use crate::model::answer::{About, Answer};
use crate::model::event::{Client, ConnId};
use crate::sync::{Mutex, MutexGuard};

/// Frames and bytes a connection may have waiting.
pub const MAX_FRAMES: usize = 1024;
pub const MAX_BYTES: usize = 1024 * 1024;

/// So many acts of its own a session may have unanswered before the oldest is no longer waited for.
/// A message to many receivers is one for each.
const MAX_UNANSWERED: usize = 128;

/// Whose presence a connection wants to hear of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subscription {
    #[default]
    Nobody,
    AllUsers,
    Friends,
    Roles(Vec<String>),
}

/// Why a connection is closed by the server: close code and reason on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The auth token was not good, or is not any more.
    Unauthorized,
    /// No auth frame came in time, or no heartbeat.
    Silent,
    /// The client reads more slowly than it is spoken to.
    TooSlow,
    /// The server is going down; come again.
    Restart,
    /// The server could not tell now whether the client may come in: it is to try again, logged in as it is.
    TryLater,
    /// Binary frames mean nothing here.
    Binary,
    /// The frame is too large.
    TooLarge,
    /// The frame is no JSON object.
    Malformed,
    /// What came is no frame as the protocol has it (RFC 6455).
    Protocol,
    /// More frames than a client may write.
    TooMany,
    /// The user has more sockets than one may have.
    Crowded,
}

impl Close {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Close; 11] = [
        Close::Unauthorized,
        Close::Silent,
        Close::TooSlow,
        Close::Restart,
        Close::TryLater,
        Close::Binary,
        Close::TooLarge,
        Close::Malformed,
        Close::Protocol,
        Close::TooMany,
        Close::Crowded,
    ];

    /// A word for it, for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Close::Unauthorized => "unauthorized",
            Close::Silent => "silent",
            Close::TooSlow => "too_slow",
            Close::Restart => "restart",
            Close::TryLater => "try_later",
            Close::Binary => "binary",
            Close::TooLarge => "too_large",
            Close::Malformed => "malformed",
            Close::Protocol => "protocol",
            Close::TooMany => "too_many_frames",
            Close::Crowded => "too_many_sockets",
        }
    }

    /// RFC 6455 codes; 4000 and above are the application's own.
    pub fn code(self) -> (u16, &'static str) {
        match self {
            Close::Unauthorized => (4001, "not authorized"),
            Close::Silent => (4002, "no sign of life"),
            Close::TooSlow => (4003, "too slow: fetch what was missed"),
            Close::Restart => (1012, "server restart"),
            Close::TryLater => (1013, "try again later"),
            Close::Binary => (1003, "text frames only"),
            Close::TooLarge => (1009, "frame too large"),
            Close::TooMany => (4004, "too many frames"),
            Close::Crowded => (4005, "too many sockets"),
            Close::Malformed => (1007, "not a JSON object"),
            Close::Protocol => (1002, "not a WebSocket frame"),
        }
    }
}

/// What is done to what a connection is told, by a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spoil {
    #[default]
    Nothing,
    /// Frames wait.
    Hold,
    /// Each is told twice.
    Twice,
    /// They wait, and there is room for so many: as if it did not read, and what it does not read had filled its queue so far.
    Full(usize),
}

/// A connection as the hub knows it.
pub struct Conn {
    pub id: ConnId,
    /// Set with the auth frame, before the connection is attached.
    pub subscription: OnceLock<Subscription>,
    /// The client session, set with the auth frame.
    pub device: OnceLock<Arc<str>>,
    /// What it said of itself, set with the auth frame.
    pub client: OnceLock<Box<Client>>,
    queue: Mutex<Queue>,
    ready: Notify,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Waiting>,
    bytes: usize,
    close: Option<Close>,
    /// What the session did last, by the own id of [`About`]; those it knows by now are removed with the next.
    unanswered: VecDeque<(i64, Arc<Answer>)>,
    spoil: Spoil,
    /// The first in the queue has been told once.
    once: bool,
    /// It ends without a good-bye.
    is_cut: bool,
}

struct Waiting {
    frame: Encoded,
    ephemeral: bool,
    /// The answer that this session is to have first.
    after: Option<Arc<Answer>>,
}

/// What the connection's task is to do next.
pub enum Next {
    Send(Encoded),
    Close(Close),
    /// Nothing is to be sent before then, unless something happens.
    Hold(Instant),
    Wait,
}

impl Conn {
    pub fn new(id: ConnId) -> Self {
        Conn {
            id,
            subscription: OnceLock::new(),
            device: OnceLock::new(),
            client: OnceLock::new(),
            queue: Mutex::default(),
            ready: Notify::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// This session does something and has no answer yet: what is said about it is held until it can have read one.
    pub fn expect(&self, act: i64, answer: &Arc<Answer>, now: Instant) {
        if answer.due(now).is_none() {
            return;
        }
        let unanswered = &mut self.queue().unanswered;
        unanswered.retain(|(_, answer)| answer.due(now).is_some());
        if unanswered.len() == MAX_UNANSWERED {
            unanswered.pop_front();
        }
        unanswered.push_back((act, answer.clone()));
    }

    /// Queues a frame; never waits. How many frames were thrown away for want of room.
    pub fn offer(&self, frame: &Encoded, ephemeral: bool) -> usize {
        self.offer_about(frame, ephemeral, &About::default())
    }

    /// Queues a frame that tells of these messages; never waits. How many frames were thrown away for want of room.
    pub fn offer_about(&self, frame: &Encoded, ephemeral: bool, about: &About) -> usize {
        let mut queue = self.queue();
        if queue.close.is_some() {
            return 0;
        }
        let mut dropped = 0;
        let size = frame.text.len();
        if !queue.fits(size) {
            if ephemeral {
                return 1;
            }
            dropped = queue.frames.len();
            queue.drop_ephemeral();
            dropped -= queue.frames.len();
            let size = frame.text.len();
            if !queue.fits(size) {
                dropped += queue.frames.len() + 1;
                queue.close(Close::TooSlow);
                drop(queue);
                self.ready.notify_one();
                return dropped;
            }
        }
        queue.bytes += size;
        let unanswered = queue.unanswered.iter().find(|(act, _)| about.touches(*act));
        let after = unanswered.map(|(_, answer)| answer.clone());
        queue.frames.push_back(Waiting { frame: frame.clone(), ephemeral, after });
        let first = queue.frames.len() == 1;
        drop(queue);
        // The task drains until the queue is empty, so only the first frame needs to wake it.
        if first {
            self.ready.notify_one();
        }
        dropped
    }

    /// Drops what waits and closes.
    pub fn close(&self, why: Close) {
        let mut queue = self.queue();
        if queue.close.is_none() {
            queue.close(why);
        }
        drop(queue);
        self.ready.notify_one();
    }

    /// Ends without a good-bye, as where a network fails.
    pub fn cut(&self) {
        self.queue().is_cut = true;
        self.close(Close::Restart);
    }

    /// Whether it is to end without a good-bye.
    pub fn is_cut(&self) -> bool {
        self.queue().is_cut
    }

    /// Throws away what waits.
    pub fn forget(&self) {
        let mut queue = self.queue();
        queue.frames = VecDeque::new();
        queue.bytes = 0;
        queue.once = false;
    }

    /// Does this to what it is told from now on.
    pub fn spoil(&self, spoil: Spoil) {
        self.queue().spoil = spoil;
        self.ready.notify_one();
    }

    /// Whether it was told to close and has not gone yet.
    pub fn is_closing(&self) -> bool {
        self.queue().close.is_some()
    }

    pub fn next(&self, now: impl FnOnce() -> Instant) -> Next {
        let mut queue = self.queue();
        if let Some(why) = queue.close {
            return Next::Close(why);
        }
        if matches!(queue.spoil, Spoil::Hold | Spoil::Full(_)) {
            return Next::Wait;
        }
        if let Some(answer) = queue.frames.front().and_then(|waiting| waiting.after.as_ref())
            && let Some(due) = answer.due(now())
        {
            return Next::Hold(due);
        }
        if queue.spoil == Spoil::Twice
            && !queue.once
            && let Some(first) = queue.frames.front().map(|waiting| waiting.frame.clone())
        {
            queue.once = true;
            return Next::Send(first);
        }
        queue.once = false;
        match queue.frames.pop_front() {
            Some(waiting) => {
                queue.bytes -= waiting.frame.text.len();
                if queue.frames.is_empty() {
                    // An idle connection keeps no memory for the busy moment it once had.
                    queue.frames = VecDeque::new();
                }
                Next::Send(waiting.frame)
            }
            None => Next::Wait,
        }
    }

    /// Returns when `next` may have something.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }
}

impl Queue {
    fn fits(&self, bytes: usize) -> bool {
        let most = if let Spoil::Full(room) = self.spoil { room } else { MAX_FRAMES };
        self.frames.len() < most && self.bytes + bytes <= MAX_BYTES
    }

    fn drop_ephemeral(&mut self) {
        self.frames.retain(|waiting| !waiting.ephemeral);
        self.bytes = self.frames.iter().map(|waiting| waiting.frame.text.len()).sum();
    }

    fn close(&mut self, why: Close) {
        self.frames = VecDeque::new();
        self.unanswered = VecDeque::new();
        self.bytes = 0;
        self.close = Some(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: String) -> Encoded {
        bytestring::ByteString::from(text).into()
    }

    fn drained(conn: &Conn) -> usize {
        std::iter::from_fn(|| matches!(conn.next(Instant::now), Next::Send(_)).then_some(())).count()
    }

    #[test]
    fn ephemeral_frames_give_way_and_durable_ones_close() {
        let conn = Conn::new(1);
        let frame = encoded("x".to_owned());
        for _ in 0..MAX_FRAMES - 1 {
            conn.offer(&frame, false);
        }
        assert_eq!(conn.offer(&frame, true), 0);
        assert_eq!(conn.offer(&frame, true), 1, "the new one");
        assert_eq!(conn.offer(&frame, false), 1, "the one that waited");
        assert!(matches!(conn.next(Instant::now), Next::Send(_)));
        conn.offer(&frame, false);
        assert_eq!(drained(&conn), MAX_FRAMES);
        let dropped: usize = (0..=MAX_FRAMES).map(|_| conn.offer(&frame, false)).sum();
        assert_eq!(dropped, MAX_FRAMES + 1, "all of them, with the connection");
        assert!(matches!(conn.next(Instant::now), Next::Close(Close::TooSlow)));
    }

    #[test]
    fn what_is_held_waits_and_what_is_told_twice_is_told_twice() {
        let conn = Conn::new(1);
        conn.spoil(Spoil::Hold);
        conn.offer(&encoded("a".to_owned()), false);
        conn.offer(&encoded("b".to_owned()), false);
        assert_eq!(drained(&conn), 0);
        conn.spoil(Spoil::Twice);
        let said: Vec<String> = std::iter::from_fn(|| match conn.next(Instant::now) {
            Next::Send(frame) => Some(frame.text.to_string()),
            _ => None,
        })
        .collect();
        assert_eq!(said, ["a", "a", "b", "b"]);
        conn.spoil(Spoil::Nothing);
        conn.offer(&encoded("c".to_owned()), false);
        assert_eq!((drained(&conn), conn.is_cut()), (1, false));
        conn.cut();
        assert!(conn.is_cut() && matches!(conn.next(Instant::now), Next::Close(Close::Restart)));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let conn = Conn::new(1);
        conn.offer(&encoded("x".repeat(MAX_BYTES)), false);
        assert!(matches!(conn.next(Instant::now), Next::Send(_)));
        conn.offer(&encoded("x".repeat(MAX_BYTES)), false);
        conn.offer(&encoded("y".to_owned()), true);
        assert_eq!(drained(&conn), 1);
    }
}

//! What is counted of connections and of what they are told.

use super::conn::Close;
use crate::watch::meter::{Counter, Gauge};

/// Counters of a hub.
#[derive(Default)]
pub struct Meters {
    /// Batches of events that the hub has not taken yet.
    pub backlog: Gauge,
    /// Frames put into the queues of connections.
    pub deliveries: Counter,
    /// Frames thrown away because a queue was full.
    pub dropped: Counter,
    /// Frames written to sockets.
    pub frames: Counter,
    /// Sockets whose auth frame was refused.
    pub unauthorized: Counter,
    closed_by_server: [Counter; Close::ALL.len()],
    closed_by_client: Counter,
}

impl Meters {
    /// A socket ended; `None`: by the client, or with its connection.
    pub fn closed(&self, why: Option<Close>) {
        match why {
            Some(why) => self.closed_by_server[why as usize].one(),
            None => self.closed_by_client.one(),
        }
    }

    /// How many sockets ended for each reason.
    pub fn endings(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let by_server = Close::ALL.iter().zip(&self.closed_by_server);
        let by_server = by_server.map(|(why, count)| (why.word(), count.value()));
        by_server.chain([("client", self.closed_by_client.value())])
    }
}

/// Counts frames where they are written, and adds them up when it is dropped: once for all that were waiting.
pub struct Tally<'m> {
    of: &'m Counter,
    frames: u64,
}

impl<'m> Tally<'m> {
    pub fn new(of: &'m Counter) -> Self {
        Tally { of, frames: 0 }
    }

    pub fn one(&mut self) {
        self.frames += 1;
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        if self.frames > 0 {
            self.of.add(self.frames);
        }
    }
}

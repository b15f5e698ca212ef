//! How long the server waits for a word from a client.
//!
//! Who a socket belongs to must be said within a time that counts from its opening, whatever else is said. After that a
//! client that says nothing for three ticks is gone. Ticks rather than one long wait, because the server itself may have
//! been stopped (SIGSTOP, a machine that slept): however long that was, it is one tick, and what came meanwhile and waits
//! to be read is heard before the next.

use std::time::Duration;

use tokio::time::Instant;

/// A client may take this long to prove who it is.
const AUTH_TIME: Duration = Duration::from_secs(10);
/// Clients send a heartbeat every 15 seconds.
const TICK: Duration = Duration::from_secs(15);
const TICKS: u32 = 3;

pub struct Patience {
    opened: Instant,
    /// Whether it is known whose socket it is.
    known: bool,
    /// Ticks without a word.
    silent: u32,
    due: Instant,
}

impl Patience {
    pub fn new(now: Instant) -> Self {
        Patience { opened: now, known: false, silent: 0, due: now + AUTH_TIME }
    }

    /// When to call `elapsed`, if nothing is heard.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Something was heard and obeyed; `known`: whose socket it is. Whether to go on.
    pub fn heard(&mut self, known: bool, now: Instant) -> bool {
        self.known = known;
        if !known {
            return now < self.opened + AUTH_TIME;
        }
        self.silent = 0;
        self.due = now + TICK;
        true
    }

    /// Nothing was heard until the time was due. Whether to go on.
    pub fn elapsed(&mut self, now: Instant) -> bool {
        self.silent += 1;
        self.due = now + TICK;
        self.known && self.silent < TICKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn talking_does_not_put_off_the_proof() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        for second in 0..10 {
            assert!(patience.heard(false, start + SECOND * second));
            assert_eq!(patience.due(), start + AUTH_TIME);
        }
        assert!(!patience.heard(false, start + AUTH_TIME));
        assert!(!Patience::new(start).elapsed(start + AUTH_TIME));
    }

    #[test]
    fn the_silent_one_is_gone_after_three_ticks() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        assert!(patience.heard(true, start));
        assert!(patience.elapsed(patience.due()));
        assert!(patience.elapsed(patience.due()));
        assert_eq!(patience.due(), start + SECOND * 45);
        assert!(!patience.elapsed(patience.due()));
    }

    #[test]
    fn a_pause_of_any_length_leaves_time_to_read_what_waits() {
        let start = Instant::now();
        for seconds in [20, 50, 3600] {
            let mut patience = Patience::new(start);
            assert!(patience.heard(true, start));
            let resumed = start + SECOND * seconds;
            assert!(patience.elapsed(resumed), "{seconds} seconds");
            assert!(patience.due() >= resumed + SECOND, "what waits is read meanwhile");
            assert!(patience.heard(true, resumed));
        }
    }
}

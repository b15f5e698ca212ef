//! How many frames a client may write: so many a second, and the budget of some seconds at once.

use std::time::Duration;

use tokio::time::Instant;

/// Seconds whose budget may be spent at once: a client that comes back marks much as read in one go.
const BURST: f64 = 10.0;

pub struct Pace {
    /// Frames a second.
    rate: f64,
    left: f64,
    counted: Instant,
}

impl Pace {
    pub fn new(rate: u32, now: Instant) -> Self {
        let rate = f64::from(rate);
        Pace { rate, left: rate * BURST, counted: now }
    }

    /// Counts a frame; whether it is within the budget.
    pub fn spend(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.counted);
        self.counted = now;
        self.left = (self.left + passed.as_secs_f64() * self.rate).min(self.rate * BURST);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut pace = Pace::new(5, start);
        assert!((0..50).all(|_| pace.spend(start)));
        assert!(!pace.spend(start));
        let later = start + Duration::from_secs(2);
        assert_eq!((0..20).filter(|_| pace.spend(later)).count(), 10);
        let much_later = later + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| pace.spend(much_later)).count(), 50);
    }
}

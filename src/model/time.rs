//! Where time and chance enter. Both are made once at the border and passed down, so that the same inputs give the
//! same rows and a test can hold the clock still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day in Unix seconds; a test may set it.
#[derive(Clone, Default)]
pub struct Clock {
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// A clock that stands at `seconds` until it is moved.
    pub fn fixed(seconds: i64) -> Self {
        Clock { fixed: Some(Arc::new(AtomicI64::new(seconds))) }
    }

    /// Moves a fixed clock; a real one cannot be moved.
    pub fn advance(&self, seconds: i64) {
        if let Some(at) = &self.fixed {
            at.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        match &self.fixed {
            Some(at) => at.load(Ordering::SeqCst),
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64),
        }
    }
}

/// A Unix time in seconds, given in seconds or in milliseconds: no date of these years is ambiguous.
pub fn seconds(at: i64) -> i64 {
    const MILLISECONDS: i64 = 100_000_000_000;
    if at >= MILLISECONDS { at / 1000 } else { at }
}

/// Random names and secrets from the operating system.
#[derive(Clone, Default)]
pub struct Ids;

impl Ids {
    /// `bytes` random bytes as lower-case hex (two digits each).
    pub fn hex(&self, bytes: usize) -> String {
        let mut buffer = vec![0u8; bytes];
        // Without the system's randomness no secret may be made: stopping is the only safe answer.
        getrandom::fill(&mut buffer).expect("the operating system gives random bytes");
        hex(&buffer)
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[(b >> 4) as usize] as char, DIGITS[(b & 15) as usize] as char]).collect()
}

//! Where time and chance enter. Both are made once at the border and passed down, so that the same inputs give the
//! same rows and a test can hold the clock still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ::time::OffsetDateTime;

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

/// The first second of the month (UTC) that holds `at`, and of the one before it.
pub fn months(at: i64) -> (i64, i64) {
    let first_of_month = |at: i64| {
        date_and_time(at).replace_day(1).map_or(at, |first| first.date().midnight().assume_utc().unix_timestamp())
    };
    let first = first_of_month(at);
    (first, first_of_month(first - 1))
}

/// The date and time (UTC) of a Unix time in seconds; of what lies beyond the calendar, its beginning.
pub fn date_and_time(at: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_on_their_first_day() {
        // 2024-03-15 12:00, a leap year; then the first and the last second of 2023.
        assert_eq!(months(1_710_504_000), (1_709_251_200, 1_706_745_600));
        assert_eq!(months(1_672_531_200), (1_672_531_200, 1_669_852_800));
        assert_eq!(months(1_704_067_199), (1_701_388_800, 1_698_796_800));
    }

    #[test]
    fn both_units_of_time() {
        assert_eq!((seconds(1_700_000_000), seconds(1_700_000_000_123)), (1_700_000_000, 1_700_000_000));
    }
}

//! When what failed is tried again: after 10 and after 30 seconds, as the contract says, and then on for a day.

/// Seconds after the first try.
const AFTER: [i64; 9] = [10, 30, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 16 * HOUR, 24 * HOUR];
const HOUR: i64 = 3600;

/// Of a time that is not documented, up to this part more: so that not all come at once to one that was away.
const SPREAD: i64 = 10;

/// The longest time that an answer may ask for with `Retry-After`.
pub const LONGEST_ASKED: i64 = HOUR;

/// When it is tried again, after `tries` that failed, the first of them at `first_at`; `None`: no more. `chance`: any number.
pub fn next(tries: i64, first_at: i64, now: i64, chance: u64) -> Option<i64> {
    let after = *AFTER.get(usize::try_from(tries - 1).ok()?)?;
    let more = if after > 30 { (chance % (after / SPREAD) as u64) as i64 } else { 0 };
    Some((first_at + after + more).max(now + 1))
}

/// For how many seconds one is left alone where this many tries in a row failed.
pub fn pause(failed: u32) -> i64 {
    match failed {
        0..=4 => 0,
        more => (5 << (more - 5).min(4)).min(60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_for_a_day() {
        let (mut at, mut tries, mut times) = (1000, 1, Vec::new());
        while let Some(next) = next(tries, 1000, at, u64::MAX) {
            times.push(next - 1000);
            (at, tries) = (next, tries + 1);
        }
        assert_eq!(times[..2], [10, 30]);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        assert!((24 * HOUR..27 * HOUR).contains(times.last().unwrap()), "{times:?}");
        // One that was away itself tries at once, and not twice.
        assert_eq!(next(3, 1000, 1_000_000, 7), Some(1_000_001));
    }

    #[test]
    fn one_that_is_down_is_looked_at_every_minute() {
        assert_eq!([4, 5, 6, 7, 8, 9, 400].map(pause), [0, 5, 10, 20, 40, 60, 60]);
    }
}

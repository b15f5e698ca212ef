//! Where time and chance enter. Both are made once at the border and passed down, so that the same inputs give the
//! same rows and a test can hold the clock still.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use ::time::OffsetDateTime;
use sha2::{Digest, Sha256};

/// The time of day in Unix seconds; a test may set it.
#[derive(Clone, Default)]
pub struct Clock {
    /// Of a clock that is turned by hand; none: the time of day.
    hands: Option<Arc<Mutex<Hands>>>,
    steady: Option<Arc<Mutex<Steady>>>,
}

/// Where a clock that is turned by hand stands, in Unix milliseconds, and since when it goes on by itself from there.
struct Hands {
    at: i64,
    running: Option<Instant>,
}

impl Hands {
    fn now(&self) -> i64 {
        self.at + self.running.map_or(0, |since| since.elapsed().as_millis() as i64)
    }

    fn turn(&mut self, to: i64, runs: bool) {
        *self = Hands { at: to, running: runs.then(Instant::now) };
    }
}

/// What a clock that never runs backwards knows.
#[derive(Default)]
struct Steady {
    /// The newest time it gave.
    last: i64,
    /// The time of day when it was first found to be behind that.
    behind: Option<i64>,
    /// A jump forward was taken back, and nobody has asked for that yet.
    healed: bool,
}

/// A clock that is behind for so many seconds is right: it was ahead before. A machine that starts with a wrong clock
/// has asked others for the time by then.
const HEALS_AFTER: i64 = 600;

/// Before this time (2025) no clock is right: a machine without a battery begins at some date of long ago.
const EARLIEST: i64 = 1_735_689_600;

impl Steady {
    fn at(&mut self, now: i64) -> i64 {
        if now >= self.last {
            (self.last, self.behind) = (now, None);
            return now;
        }
        let since = *self.behind.get_or_insert(now);
        if now < since {
            // Set back once more.
            self.behind = Some(now);
        } else if now - since >= HEALS_AFTER && now >= EARLIEST {
            *self = Steady { last: now, behind: None, healed: true };
        }
        self.last
    }
}

impl Clock {
    /// A clock that stands at `seconds` until it is moved.
    pub fn fixed(seconds: i64) -> Self {
        Clock::by_hand(seconds * 1000, false)
    }

    /// A clock that is turned by hand, at first to this time in Unix milliseconds. `runs`: between turns it goes on as time
    /// does.
    pub fn by_hand(ms: i64, runs: bool) -> Self {
        let mut hands = Hands { at: ms, running: None };
        hands.turn(ms, runs);
        Clock { hands: Some(Arc::new(Mutex::new(hands))), steady: None }
    }

    /// The same clock, which from now on never gives a time before `last` or before one it gave: it stands still until
    /// the time of day has caught up. If that takes long, the clock was ahead before, and it goes on from where it is.
    pub fn steady(&self, last: i64) -> Self {
        let steady = Steady { last, ..Steady::default() };
        Clock { hands: self.hands.clone(), steady: Some(Arc::new(Mutex::new(steady))) }
    }

    /// Whether a steady clock has gone back since this was asked last.
    pub fn take_healed(&self) -> bool {
        self.steady.as_ref().is_some_and(|steady| std::mem::take(&mut locked(steady).healed))
    }

    /// Whether [`Clock::take_healed`] has something to say.
    pub fn has_healed(&self) -> bool {
        self.steady.as_ref().is_some_and(|steady| locked(steady).healed)
    }

    /// Moves a clock that is turned by hand; a real one cannot be moved.
    pub fn advance(&self, seconds: i64) {
        if let Some(hands) = &self.hands {
            locked(hands).at += seconds * 1000;
        }
    }

    /// Turns a clock that is turned by hand to a time in Unix milliseconds, and has it run or stand.
    pub fn turn(&self, ms: i64, runs: bool) {
        if let Some(hands) = &self.hands {
            locked(hands).turn(ms, runs);
        }
    }

    /// Whether it stands until it is turned.
    pub fn stands(&self) -> bool {
        self.hands.as_ref().is_some_and(|hands| locked(hands).running.is_none())
    }

    /// Forgets which times were given: what is kept now was never later than `last`.
    pub fn begin_anew(&self, last: i64) {
        if let Some(steady) = &self.steady {
            *locked(steady) = Steady { last, ..Steady::default() };
        }
    }

    /// Unix milliseconds, in the second that [`Clock::now`] gives: beside the time of day they are not to be had.
    pub fn now_ms(&self) -> i64 {
        let of_day = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        let (ms, now) = (self.hands.as_ref().map_or_else(of_day, |hands| locked(hands).now()), self.now());
        if ms.div_euclid(1000) == now { ms } else { now * 1000 }
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        let now = || match &self.hands {
            Some(hands) => locked(hands).now().div_euclid(1000),
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64),
        };
        match &self.steady {
            // Read under its lock: who read a time before the clock was turned back would make it the newest afterwards.
            Some(steady) => {
                let mut steady = locked(steady);
                steady.at(now())
            }
            None => now(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
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

/// A Unix time in seconds as a date and time in UTC: `2026-03-01T12:00:00.000Z`.
pub fn iso(at: i64) -> String {
    let at = date_and_time(at);
    let (date, time) = (at.date(), at.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// The same as a part of a file's name, by which files sort: `20260301T120000Z`.
pub fn stamp(at: i64) -> String {
    let at = date_and_time(at);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", at.hour(), at.minute(), at.second())
}

/// Whether [`stamp`] may have made this.
pub fn is_stamp(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 16 && text.bytes().enumerate().all(fits)
}

/// Random names and secrets: from the operating system, or the same ones each time where a test wants them so.
#[derive(Clone, Default)]
pub struct Ids {
    same: Option<Arc<Mutex<u64>>>,
}

impl Ids {
    /// The same ones each time. Nothing made of these is secret.
    pub fn same() -> Ids {
        Ids { same: Some(Arc::default()) }
    }

    /// Whether they are the same ones each time.
    pub fn are_same(&self) -> bool {
        self.same.is_some()
    }

    /// How many of the same ones have been taken; they can be taken once more from there ([`Ids::go_to`]).
    pub fn taken(&self) -> u64 {
        self.same.as_ref().map_or(0, |taken| *locked(taken))
    }

    /// Goes to a place among the same ones.
    pub fn go_to(&self, place: u64) {
        if let Some(taken) = &self.same {
            *locked(taken) = place;
        }
    }

    /// `bytes` random bytes as lower-case hex (two digits each).
    pub fn hex(&self, bytes: usize) -> String {
        hex(&self.bytes(bytes))
    }

    /// `bytes` random bytes as base64.
    pub fn base64(&self, bytes: usize) -> String {
        STANDARD.encode(self.bytes(bytes))
    }

    /// So many random bytes.
    pub fn bytes(&self, bytes: usize) -> Vec<u8> {
        let mut buffer = vec![0u8; bytes];
        if let Some(taken) = &self.same {
            let mut taken = locked(taken);
            for piece in buffer.chunks_mut(32) {
                *taken += 1;
                piece.copy_from_slice(&Sha256::digest(taken.to_be_bytes())[..piece.len()]);
            }
            return buffer;
        }
        // Without the system's randomness no secret may be made: stopping is the only safe answer.
        getrandom::fill(&mut buffer).expect("the operating system gives random bytes");
        buffer
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
    fn times_are_dates_to_people() {
        assert_eq!(iso(1_710_504_000), "2024-03-15T12:00:00.000Z");
    }

    #[test]
    fn a_steady_clock_stands_still_until_it_has_caught_up() {
        let clock = Clock::fixed(EARLIEST + 10_000);
        let steady = clock.steady(EARLIEST + 10_005);
        assert_eq!(steady.now(), EARLIEST + 10_005, "what was used before a stop counts");
        clock.advance(100);
        assert_eq!(steady.now(), EARLIEST + 10_100);
        clock.advance(-500);
        assert_eq!(steady.now(), EARLIEST + 10_100);
        clock.advance(499);
        assert_eq!(steady.now(), EARLIEST + 10_100);
        clock.advance(2);
        assert_eq!((steady.now(), steady.take_healed()), (EARLIEST + 10_101, false));
    }

    #[test]
    fn a_steady_clock_comes_back_from_a_jump() {
        const YEAR: i64 = 365 * 86_400;
        let clock = Clock::fixed(EARLIEST + 10_000);
        let steady = clock.steady(0);
        clock.advance(YEAR);
        let ahead = steady.now();
        clock.advance(-YEAR);
        assert_eq!(steady.now(), ahead);
        clock.advance(HEALS_AFTER - 1);
        assert_eq!((steady.now(), steady.has_healed()), (ahead, false));
        // Set back again meanwhile: that is looked at as long.
        clock.advance(-5_000);
        assert_eq!(steady.now(), ahead);
        clock.advance(HEALS_AFTER);
        assert_eq!(steady.now(), EARLIEST + 10_000 + HEALS_AFTER - 1 - 5_000 + HEALS_AFTER);
        assert!(steady.take_healed() && !steady.take_healed());
        // Of long ago it never is.
        clock.advance(-50_000);
        let last = steady.now();
        clock.advance(HEALS_AFTER);
        assert_eq!(steady.now(), last);
        clock.advance(HEALS_AFTER);
        assert_eq!((steady.now(), steady.has_healed()), (last, false));
    }

    #[test]
    fn a_clock_is_turned_by_hand_and_forgets_what_it_gave() {
        let clock = Clock::by_hand((EARLIEST + 5) * 1000 + 250, false);
        let steady = clock.steady(0);
        assert_eq!((steady.now(), steady.now_ms()), (EARLIEST + 5, (EARLIEST + 5) * 1000 + 250));
        clock.turn(EARLIEST * 1000, false);
        assert_eq!(steady.now(), EARLIEST + 5);
        steady.begin_anew(EARLIEST - 1);
        assert_eq!(steady.now(), EARLIEST);
        clock.turn(EARLIEST * 1000, true);
        assert!(steady.now_ms() >= EARLIEST * 1000);
    }

    #[test]
    fn the_same_ids_come_again_and_others_never() {
        let (one, other) = (Ids::same(), Ids::same());
        let first = one.hex(40);
        assert_eq!((first.len(), &first), (80, &other.hex(40)));
        let place = one.taken();
        let next = one.hex(8);
        assert_ne!(first[..16], next);
        one.go_to(place);
        assert_eq!(one.hex(8), next);
        assert_ne!(Ids::default().hex(8), Ids::default().hex(8));
        assert_eq!(Ids::default().taken(), 0);
    }

    #[test]
    fn both_units_of_time() {
        assert_eq!((seconds(1_700_000_000), seconds(1_700_000_000_123)), (1_700_000_000, 1_700_000_000));
    }
}

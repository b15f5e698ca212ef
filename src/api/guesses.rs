//! Guesses at passwords, slowed: after a few wrong ones the next must wait, each time longer, for a name and for an
//! address.
//!
//! Whoever knows the name of an admin can have it wait, and at last lock it. So tries from where that admin got in lately
//! count by themselves, and so do those by somebody who is in: what strangers do elsewhere keeps neither out.
//!
//! A try counts as wrong before it is made, so that many at once are no way around; the right one takes that back. While
//! one must wait, a right password is refused like a wrong one and nothing is computed. What is known is bounded: names
//! are kept as digests, the least troublesome go first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use serde_json::json;

use crate::model::error::{Code, Error, Result};
use crate::network::owner;
use crate::store::{Digest, digest};

/// How many names and addresses are known at most: some 2 MB.
const MOST: usize = 20_000;

/// What had to wait is forgotten this many seconds after the wait was over.
const MEMORY: i64 = 3600;

/// From where admins got in: how many such places are remembered, and for how many seconds: a month.
const PLACES: usize = 1_000;
const FAMILIAR: i64 = 30 * 24 * 3600;

/// Wrong ones for the name of an admin after which it is locked.
const LOCKS: u32 = 20;

/// At most one line in so many seconds goes to the log, with a count.
const LOG_EVERY: i64 = 60;

/// When it begins, and where it ends.
#[derive(Clone, Copy, Debug)]
pub struct Slowing {
    /// Wrong ones for a name before the next must wait.
    pub for_name: u32,
    /// The same for an address, which many may share.
    pub for_address: u32,
    /// Longest wait in seconds; the first is one, each further twice the one before.
    pub longest: i64,
    /// Seconds that the name of an admin is locked after [`LOCKS`] wrong ones: each further one costs as much.
    pub lock: i64,
}

/// What is guessed at, or from where.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    /// An admin's password, by name.
    Admin(&'a str),
    /// The same from an address where that admin got in lately.
    AdminFrom(&'a str, IpAddr),
    /// The same by somebody who is in, by name.
    Own(&'a str),
    /// Links that make an admin.
    Link,
    /// A group's password, by groups.id and users.id of who guesses.
    Group(i64, i64),
    Address(IpAddr),
}

impl Of<'_> {
    fn key(&self) -> Digest {
        digest(&match self {
            Of::Admin(name) => format!("admin {}", name.to_lowercase()),
            Of::AdminFrom(name, address) => format!("from {} {}", owner(*address), name.to_lowercase()),
            Of::Own(name) => format!("own {}", name.to_lowercase()),
            Of::Link => "link".to_owned(),
            Of::Group(group, user) => format!("group {group} {user}"),
            Of::Address(address) => format!("address {}", owner(*address)),
        })
    }
}

#[derive(Clone, Copy)]
struct Tries {
    wrong: u32,
    /// Unix seconds before which there is no other.
    until: i64,
}

#[derive(Default)]
struct State {
    known: HashMap<Digest, Tries>,
    /// From where admins got in, as keys of [`Of::AdminFrom`], and when.
    places: HashMap<Digest, i64>,
    logged_at: i64,
    slowed: u64,
}

pub struct Guesses {
    slowing: Slowing,
    state: Mutex<State>,
}

/// A try that is under way.
#[must_use]
pub struct Try<'g> {
    guesses: &'g Guesses,
    /// Each with the wait it made and the one before.
    counted: Vec<(Digest, i64, i64)>,
}

impl Guesses {
    pub fn new(slowing: Slowing) -> Self {
        Guesses { slowing, state: Mutex::default() }
    }

    /// Begins a try at `now`, unless one of these must wait. The first is what is guessed at.
    pub fn begin(&self, what: &str, of: &[Of<'_>], now: i64) -> Result<Try<'_>> {
        let mut state = self.lock();
        let keys: Vec<(Digest, &Of<'_>)> = of.iter().map(|of| (of.key(), of)).collect();
        let waits = keys.iter().filter_map(|(key, of)| {
            let tries = state.known.get_mut(key)?;
            // A clock that was set back makes nobody wait longer.
            tries.until = tries.until.min(now + self.longest(of, tries.wrong));
            Some(tries.until - now)
        });
        let wait = waits.max().unwrap_or(0);
        if wait > 0 {
            state.slowed += 1;
            state.log(what, now);
            let sentence = format!("Too many wrong passwords; the next try may be made in {wait} seconds.");
            return Err(Error::new(Code::TooManyRequests, sentence)
                .with_params(json!({ "retryAfter": wait }))
                .after(wait));
        }
        let counted = keys.into_iter().map(|(key, of)| {
            if !state.known.contains_key(&key) {
                state.make_room(now);
            }
            let tries = state.known.entry(key).or_insert(Tries { wrong: 0, until: now });
            if now >= tries.until + MEMORY {
                tries.wrong = 0;
            }
            tries.wrong = tries.wrong.saturating_add(1);
            let before = tries.until;
            tries.until = now + self.wait(of, tries.wrong);
            (key, tries.until, before)
        });
        let counted = counted.collect();
        Ok(Try { guesses: self, counted })
    }

    /// Begins anew with everybody.
    pub fn forget_all(&self) {
        *self.lock() = State::default();
    }

    /// An admin's password, as it is counted from there.
    pub fn of_admin<'a>(&self, name: &'a str, address: Option<IpAddr>, now: i64) -> Of<'a> {
        let from = address.map(|address| Of::AdminFrom(name, address));
        let is_familiar = |of: &Of<'_>| self.lock().places.get(&of.key()).is_some_and(|at| now < at + FAMILIAR);
        from.filter(is_familiar).unwrap_or(Of::Admin(name))
    }

    /// An admin got in from there, and begins anew.
    pub fn admitted(&self, name: &str, address: Option<IpAddr>, now: i64) {
        let mut state = self.lock();
        state.known.remove(&Of::Own(name).key());
        let Some(address) = address else { return };
        state.known.remove(&Of::AdminFrom(name, address).key());
        if state.places.len() >= PLACES
            && let Some(oldest) = state.places.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key)
        {
            state.places.remove(&oldest);
        }
        state.places.insert(Of::AdminFrom(name, address).key(), now);
    }

    /// Begins anew with what is guessed at.
    pub fn forget(&self, of: Of<'_>) {
        self.lock().known.remove(&of.key());
    }

    fn free(&self, of: &Of<'_>) -> u32 {
        match of {
            Of::Address(_) => self.slowing.for_address,
            // Links cannot be guessed; the one who tries is slowed, not the others.
            Of::Link => u32::MAX,
            Of::Admin(_) | Of::AdminFrom(..) | Of::Own(_) | Of::Group(..) => self.slowing.for_name,
        }
    }

    /// Seconds to wait after so many wrong ones.
    fn wait(&self, of: &Of<'_>, wrong: u32) -> i64 {
        match wrong.checked_sub(self.free(of)) {
            None => 0,
            Some(_) if locks(of, wrong) => self.longest(of, wrong),
            Some(over) => 1_i64.checked_shl(over.min(40)).unwrap_or(i64::MAX).min(self.slowing.longest),
        }
    }

    /// Seconds to wait at most after so many wrong ones.
    fn longest(&self, of: &Of<'_>, wrong: u32) -> i64 {
        match locks(of, wrong) {
            true => self.slowing.lock.max(self.slowing.longest),
            false => self.slowing.longest,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Whether so many wrong ones lock what is guessed at.
fn locks(of: &Of<'_>, wrong: u32) -> bool {
    matches!(of, Of::Admin(_) | Of::AdminFrom(..) | Of::Own(_)) && wrong >= LOCKS
}

impl State {
    /// Forgets what is over; if that is not enough, those with the fewest wrong ones.
    fn make_room(&mut self, now: i64) {
        if self.known.len() < MOST {
            return;
        }
        self.known.retain(|_, tries| now < tries.until + MEMORY);
        if self.known.len() < MOST {
            return;
        }
        let mut wrong: Vec<u32> = self.known.values().map(|tries| tries.wrong).collect();
        let (_, few, _) = wrong.select_nth_unstable(MOST / 10);
        let (few, mut left) = (*few, MOST / 10);
        self.known.retain(|_, tries| {
            let goes = left > 0 && tries.wrong <= few;
            left -= usize::from(goes);
            !goes
        });
    }

    /// Names are not logged: people type passwords into the wrong field.
    fn log(&mut self, what: &str, now: i64) {
        if now < self.logged_at + LOG_EVERY && now >= self.logged_at {
            return;
        }
        log::warn!("{what}: wrong passwords are slowed, {} tries refused since the last such line", self.slowed);
        (self.logged_at, self.slowed) = (now, 0);
    }
}

impl Try<'_> {
    /// It was right: what was guessed at begins anew, the address gets this one back.
    pub fn right(self) {
        let mut state = self.guesses.lock();
        if let Some((key, ..)) = self.counted.first() {
            state.known.remove(key);
        }
        take_back(&mut state, self.counted.get(1..).unwrap_or_default());
    }

    /// It was not made.
    pub fn undo(self) {
        take_back(&mut self.guesses.lock(), &self.counted);
    }
}

fn take_back(state: &mut State, counted: &[(Digest, i64, i64)]) {
    for (key, made, before) in counted {
        let Some(tries) = state.known.get_mut(key) else { continue };
        tries.wrong = tries.wrong.saturating_sub(1);
        if tries.until == *made {
            tries.until = *before;
        }
        if tries.wrong == 0 {
            state.known.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses() -> Guesses {
        Guesses::new(Slowing { for_name: 3, for_address: 5, longest: 60, lock: 600 })
    }

    fn address(last: u8) -> Of<'static> {
        Of::Address(IpAddr::from([203, 0, 113, last]))
    }

    /// A wrong one; the seconds to wait if it was refused.
    fn wrong(guesses: &Guesses, of: &[Of<'_>], now: i64) -> Option<i64> {
        guesses.begin("it", of, now).err().map(|error| error.retry_after().unwrap())
    }

    #[test]
    fn each_wait_is_twice_the_one_before_up_to_the_longest() {
        let guesses = guesses();
        let of = [Of::Admin("root"), address(1)];
        let mut now = 1000;
        assert_eq!(
            [wrong(&guesses, &of[..1], now), wrong(&guesses, &of[..1], now), wrong(&guesses, &of[..1], now)],
            [None; 3]
        );
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(wrong(&guesses, &of[..1], now), Some(wait));
            assert_eq!(wrong(&guesses, &[Of::Admin("ROOT")], now), Some(wait), "refused ones do not count");
            now += wait;
            assert_eq!(wrong(&guesses, &of[..1], now), None);
        }
        assert_eq!(wrong(&guesses, &[Of::Admin("other")], now), None);
        assert_eq!(wrong(&guesses, &of[..1], now + 60 + MEMORY), None, "and at last it is forgotten");
        assert_eq!(wrong(&guesses, &of[..1], now + 60 + MEMORY), None);
    }

    #[test]
    fn the_name_of_an_admin_is_locked_at_last() {
        let guesses = guesses();
        let mut now = 1000;
        for wrong_ones in 1..=40 {
            assert_eq!(wrong(&guesses, &[Of::Admin("root")], now), None, "{wrong_ones}");
            if wrong_ones < 3 {
                continue;
            }
            let wait = wrong(&guesses, &[Of::Admin("root")], now).unwrap();
            assert_eq!(wait > 60, wrong_ones >= LOCKS, "{wrong_ones}: {wait}");
            now += wait;
        }
        assert_eq!(wrong(&guesses, &[Of::Admin("root")], now), None);
        assert_eq!(wrong(&guesses, &[Of::Admin("root")], now), Some(600));
        guesses.forget(Of::Admin("ROOT"));
        assert_eq!(wrong(&guesses, &[Of::Admin("root")], now), None, "a link lets the admin in");
        // A group, which a user guesses at, only slows.
        for _ in 0..40 {
            now += 60;
            assert_eq!(wrong(&guesses, &[Of::Group(1, 1)], now), None);
        }
        assert_eq!(wrong(&guesses, &[Of::Group(1, 1)], now), Some(60));
    }

    #[test]
    fn strangers_lock_no_admin_out_from_where_they_got_in() {
        let guesses = guesses();
        let [home, there] = [1, 2].map(|last| Some(IpAddr::from([203, 0, 113, last])));
        let waits = |from: Option<IpAddr>, now: i64| wrong(&guesses, &[guesses.of_admin("root", from, now)], now);
        for _ in 0..3 {
            waits(there, 1);
        }
        assert_eq!((waits(there, 1), waits(home, 1)), (Some(1), Some(1)));
        guesses.admitted("Root", home, 1);
        assert_eq!((waits(there, 1), waits(home, 1)), (Some(1), None));
        // It is counted there as well, however the name is written, and longest for a month.
        for _ in 0..2 {
            waits(home, 1);
        }
        assert_eq!(wrong(&guesses, &[guesses.of_admin("ROOT", home, 1)], 1), Some(1));
        assert!(matches!(guesses.of_admin("root", home, FAMILIAR), Of::AdminFrom(..)));
        assert!(matches!(guesses.of_admin("root", home, FAMILIAR + 1), Of::Admin("root")));
        // The newest places stay.
        for one in 0..2 * PLACES {
            guesses.admitted(&one.to_string(), home, 1 + one as i64);
        }
        assert_eq!(guesses.lock().places.len(), PLACES);
        let newest = (2 * PLACES - 1).to_string();
        assert!(matches!(guesses.of_admin(&newest, home, 1), Of::AdminFrom(..)));
        assert!(matches!(guesses.of_admin("root", home, 1), Of::Admin(_)));
    }

    #[test]
    fn an_address_waits_whatever_it_guesses_at() {
        let guesses = guesses();
        for name in ["a", "b", "c", "d", "e"] {
            assert_eq!(wrong(&guesses, &[Of::Admin(name), address(1)], 1), None);
        }
        assert_eq!(wrong(&guesses, &[Of::Group(1, 2), address(1)], 1), Some(1));
        assert_eq!(wrong(&guesses, &[Of::Group(1, 2), address(2)], 1), None);
        // The same half of a version 6 address is the same place.
        let six = |last: u16| Of::Address(IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, last]));
        for last in 0..5 {
            assert_eq!(wrong(&guesses, &[six(last)], 1), None);
        }
        assert_eq!(wrong(&guesses, &[six(9)], 1), Some(1));
    }

    #[test]
    fn a_right_one_frees_the_name_but_not_the_address() {
        let guesses = guesses();
        let of = [Of::Admin("root"), address(1)];
        for _ in 0..2 {
            let _ = wrong(&guesses, &of, 1);
        }
        guesses.begin("it", &of, 1).ok().unwrap().right();
        assert_eq!((wrong(&guesses, &of, 1), wrong(&guesses, &of, 1)), (None, None));
        // Four wrong ones from there so far: one's own account does not buy more.
        for _ in 0..9 {
            guesses.begin("it", &[Of::Group(1, 1), address(1)], 1).ok().unwrap().right();
        }
        assert_eq!(wrong(&guesses, &[Of::Group(1, 1), address(1)], 1), None);
        assert_eq!(wrong(&guesses, &[Of::Group(1, 1), address(1)], 1), Some(1));
        // What was not made did not count.
        let other = [Of::Admin("other")];
        (0..9).for_each(|_| guesses.begin("it", &other, 1).ok().unwrap().undo());
        assert_eq!(wrong(&guesses, &other, 1), None);
    }

    #[test]
    fn many_at_once_are_no_way_around() {
        let guesses = guesses();
        let taken = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        if wrong(&guesses, &[Of::Admin("root")], 1).is_none() {
                            taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 3);
    }

    #[test]
    fn what_is_known_is_bounded_and_the_most_troublesome_stay() {
        let guesses = guesses();
        (0..3).for_each(|_| _ = wrong(&guesses, &[Of::Admin("root")], 1));
        for name in 0..3 * MOST {
            let _ = wrong(&guesses, &[Of::Admin(&name.to_string())], 1);
        }
        assert!(guesses.lock().known.len() <= MOST);
        assert_eq!(wrong(&guesses, &[Of::Admin("root")], 1), Some(1));
    }
}

//! How many requests an app may make in a minute, by the weight of the operation; and how many of them one logged-in
//! user, so that a user's flood is refused to that user and not to the app's back end.
//!
//! One number per app and class holds the minute and the count in it, so a request is counted by one atomic step, on a
//! map that is written only when an app is seen for the first time. Only requests with a credential that holds are
//! counted: the map cannot grow beyond the apps there are. Users are forgotten with their minute.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use serde_json::json;

use crate::model::error::{Code, Error, Result};
use crate::model::limits::{RateLimits, Rates};

/// The public description has one spelling, recorded answers have others.
const LIMIT: [HeaderName; 3] = [
    HeaderName::from_static("x-rate-limit"),
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-limit-for-app"),
];
const REMAINING: [HeaderName; 3] = [
    HeaderName::from_static("x-rate-limit-remaining"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-remaining-for-app"),
];
const RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");

const WINDOW: i64 = 60;

/// What an operation counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    #[default]
    Standard,
    /// Logins, and making, ending and entering users and groups.
    Core,
    Import,
}

/// What is left to an app after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: u32,
    remaining: u32,
    /// When the next window begins, and how many seconds that is away; of a refusal only.
    reset: Option<(i64, i64)>,
    /// Who has this much; `None`: nobody, it is not counted.
    whose: Option<&'static str>,
}

/// Requests of all apps in their current minute.
pub struct Meter {
    limits: RateLimits,
    apps: RwLock<HashMap<i64, Arc<Counts>>>,
    users: [Mutex<Minute>; SHARDS],
}

/// Users are spread over so many locks.
const SHARDS: usize = 16;

/// Requests of users (users.id) in one minute.
#[derive(Default)]
struct Minute {
    minute: i64,
    counts: HashMap<i64, u32>,
}

/// For each class the minute (upper half) and the requests in it.
type Counts = [AtomicU64; 3];

impl Meter {
    pub fn new(limits: RateLimits) -> Self {
        Meter { limits, apps: RwLock::default(), users: Default::default() }
    }

    /// Counts a request of the app (apps.id), and of the user (users.id) if one is logged in, at `now`; `None` where
    /// nothing is counted at all. A client on this machine is counted only when that is asked for. What is refused to the
    /// user does not count for the app.
    pub fn count(&self, app: i64, user: Option<i64>, class: Class, now: i64, local: bool) -> Option<Budget> {
        let RateLimits { rates, standard, core, import, user: each } = self.limits;
        let limit = match class {
            Class::Standard => standard,
            Class::Core => core,
            Class::Import => import,
        };
        match rates {
            Rates::Off => return None,
            Rates::Remote if local => return Some(Budget { limit, remaining: limit, reset: None, whose: None }),
            Rates::Remote | Rates::All => {}
        }
        let minute = now.div_euclid(WINDOW);
        let next = (minute + 1) * WINDOW;
        let budget = |limit: u32, used: u32, whose| Budget {
            limit,
            remaining: limit.saturating_sub(used),
            reset: (used > limit).then_some((next, (next - now).max(1))),
            whose: Some(whose),
        };
        let own = user.map(|user| budget(each, self.of_user(user, minute), "a user"));
        if let Some(over) = own.filter(|own| own.reset.is_some()) {
            return Some(over);
        }
        let all = budget(limit, step(&self.counts(app)[class as usize], minute as u32), "an app");
        Some(own.filter(|own| own.remaining < all.remaining).unwrap_or(all))
    }

    /// Forgets what was counted.
    pub fn forget(&self) {
        self.apps.write().unwrap_or_else(|e| e.into_inner()).clear();
        for shard in &self.users {
            *shard.lock().unwrap_or_else(|e| e.into_inner()) = Minute::default();
        }
    }

    /// Counts one of the user in `minute`; how many that makes.
    fn of_user(&self, user: i64, minute: i64) -> u32 {
        let mut shard = self.users[user.unsigned_abs() as usize % SHARDS].lock().unwrap_or_else(|e| e.into_inner());
        if shard.minute != minute {
            *shard = Minute { minute, counts: HashMap::new() };
        }
        let count = shard.counts.entry(user).or_default();
        *count = count.saturating_add(1);
        *count
    }

    fn counts(&self, app: i64) -> Arc<Counts> {
        if let Some(known) = self.apps.read().unwrap_or_else(|e| e.into_inner()).get(&app) {
            return known.clone();
        }
        self.apps.write().unwrap_or_else(|e| e.into_inner()).entry(app).or_default().clone()
    }
}

/// Counts one in `minute`; how many that makes.
fn step(count: &AtomicU64, minute: u32) -> u32 {
    let next = |old: u64| match (old >> 32) as u32 == minute {
        true => (old as u32).saturating_add(1),
        false => 1,
    };
    let pack = |old: u64| u64::from(minute) << 32 | u64::from(next(old));
    let old = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(pack(old)));
    next(old.unwrap_or_else(|old| old))
}

impl Budget {
    /// Whether this request was one too many.
    pub fn is_over(&self) -> bool {
        self.reset.is_some()
    }

    /// Refuses what went over.
    pub fn check(&self) -> Result<()> {
        let Budget { limit, reset: Some(_), whose: Some(whose), .. } = *self else { return Ok(()) };
        let sentence =
            format!("The number of requests of {whose} per minute has reached the allowed limit of {limit}.");
        Err(Error::new(Code::TooManyRequests, sentence).with_params(json!({ "limit": limit })))
    }

    /// Puts what is left into the headers of the answer.
    pub fn tell(&self, response: &mut HttpResponse) {
        let headers = response.headers_mut();
        // Where nothing is counted there is nothing to read from: the description's own names do.
        let spellings = if self.whose.is_some() { LIMIT.len() } else { 1 };
        for (names, number) in [(LIMIT, self.limit), (REMAINING, self.remaining)] {
            for name in names.into_iter().take(spellings) {
                headers.insert(name, HeaderValue::from(number));
            }
        }
        if let Some((at, after)) = self.reset {
            headers.insert(RESET, HeaderValue::from(at));
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(rates: Rates) -> Meter {
        Meter::new(RateLimits { rates, standard: 3, core: 2, import: 1, user: 2 })
    }

    #[test]
    fn a_minute_has_its_budget_and_the_next_one_another() {
        let meter = meter(Rates::All);
        let at = |app, class, now| meter.count(app, None, class, now, true).unwrap();
        for (now, remaining) in [(60, 2), (61, 1), (119, 0)] {
            let budget = at(1, Class::Standard, now);
            assert_eq!((budget.remaining, budget.check().is_ok()), (remaining, true));
        }
        let over = at(1, Class::Standard, 110);
        assert_eq!((over.remaining, over.reset), (0, Some((120, 10))));
        assert_eq!(over.check().unwrap_err().code, Code::TooManyRequests);
        // Classes and apps are counted apart, and so is the next minute.
        assert!(at(1, Class::Core, 110).check().is_ok());
        assert!(at(2, Class::Standard, 110).check().is_ok());
        assert_eq!(at(1, Class::Standard, 120).remaining, 2);
    }

    #[test]
    fn a_users_flood_is_his_own() {
        let meter = meter(Rates::All);
        let by = |user, now| meter.count(1, user, Class::Standard, now, true).unwrap();
        assert_eq!((by(Some(7), 60).remaining, by(Some(7), 60).remaining), (1, 0));
        for _ in 0..9 {
            let over = by(Some(7), 61).check().unwrap_err();
            assert!(over.message().contains("of a user") && over.message().ends_with("limit of 2."), "{over}");
        }
        // Of the app's three one is left: refused ones took nothing.
        assert!(by(None, 62).check().is_ok());
        assert!(by(None, 62).check().unwrap_err().message().contains("of an app"));
        // The next minute is another, and who was there before is forgotten.
        assert!(by(Some(7), 120).check().is_ok());
        assert!(by(Some(7 + SHARDS as i64), 180).check().is_ok());
        assert_eq!(meter.users[7].lock().unwrap().counts.len(), 1);
    }

    #[test]
    fn who_is_not_counted() {
        assert_eq!(meter(Rates::Off).count(1, None, Class::Standard, 1, false), None);
        let meter = meter(Rates::Remote);
        for _ in 0..9 {
            let budget = meter.count(1, None, Class::Import, 1, true).unwrap();
            assert_eq!((budget.remaining, budget.reset), (1, None));
        }
        assert!(meter.count(1, None, Class::Import, 1, false).unwrap().check().is_ok());
        assert!(meter.count(1, None, Class::Import, 1, false).unwrap().check().is_err());
    }

    #[test]
    fn none_is_lost_when_many_count_at_once() {
        let meter = Meter::new(RateLimits { rates: Rates::All, standard: 10_000, core: 1, import: 1, user: 1 });
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| _ = meter.count(1, None, Class::Standard, 5, false)));
            }
        });
        assert_eq!(meter.count(1, None, Class::Standard, 5, false).unwrap().remaining, 10_000 - 4001);
    }
}

//! How many requests an app may make in a minute, by the weight of the operation.
//!
//! One number per app and class holds the minute and the count in it, so a request is counted by one atomic step, on a
//! map that is written only when an app is seen for the first time. Only requests with a credential that holds are
//! counted: the map cannot grow beyond the apps there are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use serde_json::json;

use crate::model::error::{Code, Error, Result};
use crate::model::limits::{RateLimits, Rates};

const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
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
}

/// Requests of all apps in their current minute.
pub struct Meter {
    limits: RateLimits,
    apps: RwLock<HashMap<i64, Arc<Counts>>>,
}

/// For each class the minute (upper half) and the requests in it.
type Counts = [AtomicU64; 3];

impl Meter {
    pub fn new(limits: RateLimits) -> Self {
        Meter { limits, apps: RwLock::default() }
    }

    /// Counts a request of the app (apps.id) at `now`; `None` where nothing is counted at all. A client on this machine
    /// is counted only when that is asked for.
    pub fn count(&self, app: i64, class: Class, now: i64, local: bool) -> Option<Budget> {
        let RateLimits { rates, standard, core, import } = self.limits;
        let limit = match class {
            Class::Standard => standard,
            Class::Core => core,
            Class::Import => import,
        };
        match rates {
            Rates::Off => return None,
            Rates::Remote if local => return Some(Budget { limit, remaining: limit, reset: None }),
            Rates::Remote | Rates::All => {}
        }
        let minute = now.div_euclid(WINDOW);
        let used = step(&self.counts(app)[class as usize], minute as u32);
        let next = (minute + 1) * WINDOW;
        Some(Budget {
            limit,
            remaining: limit.saturating_sub(used),
            reset: (used > limit).then_some((next, (next - now).max(1))),
        })
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
    /// Refuses what went over.
    pub fn check(&self) -> Result<()> {
        let Budget { limit, reset, .. } = *self;
        if reset.is_none() {
            return Ok(());
        }
        let sentence = format!("The number of requests per minute has reached the allowed limit of {limit}.");
        Err(Error::new(Code::TooManyRequests, sentence).with_params(json!({ "limit": limit })))
    }

    /// Puts what is left into the headers of the answer.
    pub fn tell(&self, response: &mut HttpResponse) {
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
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
        Meter::new(RateLimits { rates, standard: 3, core: 2, import: 1 })
    }

    #[test]
    fn a_minute_has_its_budget_and_the_next_one_another() {
        let meter = meter(Rates::All);
        let at = |app, class, now| meter.count(app, class, now, true).unwrap();
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
    fn who_is_not_counted() {
        assert_eq!(meter(Rates::Off).count(1, Class::Standard, 1, false), None);
        let meter = meter(Rates::Remote);
        for _ in 0..9 {
            let budget = meter.count(1, Class::Import, 1, true).unwrap();
            assert_eq!((budget.remaining, budget.reset), (1, None));
        }
        assert!(meter.count(1, Class::Import, 1, false).unwrap().check().is_ok());
        assert!(meter.count(1, Class::Import, 1, false).unwrap().check().is_err());
    }

    #[test]
    fn none_is_lost_when_many_count_at_once() {
        let meter = Meter::new(RateLimits { rates: Rates::All, standard: 10_000, core: 1, import: 1 });
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| _ = meter.count(1, Class::Standard, 5, false)));
            }
        });
        assert_eq!(meter.count(1, Class::Standard, 5, false).unwrap().remaining, 10_000 - 4001);
    }
}

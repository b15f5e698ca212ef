//! Numbers that many threads raise and somebody may look at.
//!
//! Each step is one or two relaxed atomics: no lock, no memory, no order. What belongs together may be read a step apart.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How often something happened.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn one(&self) {
        self.add(1);
    }

    pub fn add(&self, times: u64) {
        self.0.fetch_add(times, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many there are now.
#[derive(Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Buckets of a histogram at most, with the one for all that is above the others.
const BUCKETS: usize = 16;

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;

/// Upper ends of buckets in nanoseconds: half a millisecond, as a sync on a good disk takes, to the ten seconds after
/// which everybody has given up.
const TIMES: &[u64] = &[
    500 * MICROSECOND,
    MILLISECOND,
    2_500 * MICROSECOND,
    5 * MILLISECOND,
    10 * MILLISECOND,
    25 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    250 * MILLISECOND,
    500 * MILLISECOND,
    1_000 * MILLISECOND,
    2_500 * MILLISECOND,
    5_000 * MILLISECOND,
    10_000 * MILLISECOND,
];

/// The same for counts, up to the largest batch.
const COUNTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// How values are spread.
pub struct Histogram {
    bounds: &'static [u64],
    /// What a value is divided by to be shown.
    scale: f64,
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

/// What a histogram holds at a moment.
pub struct Reading {
    /// Upper end of each bucket and how many values lie below it, of all buckets but the last.
    pub below: Vec<(f64, u64)>,
    pub count: u64,
    pub sum: f64,
}

impl Histogram {
    /// Of times, shown in seconds.
    pub fn of_times() -> Self {
        Histogram::new(TIMES, 1e9)
    }

    /// Of counts.
    pub fn of_counts() -> Self {
        Histogram::new(COUNTS, 1.0)
    }

    fn new(bounds: &'static [u64], scale: f64) -> Self {
        Histogram { bounds, scale, buckets: Default::default(), sum: AtomicU64::new(0) }
    }

    /// One more value; nanoseconds of a time.
    pub fn note(&self, value: u64) {
        let at = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.buckets[at.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub fn time(&self, time: Duration) {
        self.note(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn read(&self) -> Reading {
        let mut count = 0;
        let mut below = Vec::with_capacity(self.bounds.len());
        for (at, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(bound) = self.bounds.get(at) {
                below.push((*bound as f64 / self.scale, count));
            }
        }
        Reading { below, count, sum: self.sum.load(Ordering::Relaxed) as f64 / self.scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_below_all_ends_it_does_not_reach() {
        const { assert!(TIMES.len() < BUCKETS && COUNTS.len() < BUCKETS) };
        let times = Histogram::of_times();
        for milliseconds in [1, 3, 30_000] {
            times.time(Duration::from_millis(milliseconds));
        }
        let read = times.read();
        assert_eq!((read.count, read.sum), (3, 30.004));
        let below = |end: f64| read.below.iter().find(|(bound, _)| *bound == end).unwrap().1;
        assert_eq!([0.0005, 0.001, 0.0025, 0.005, 10.0].map(below), [0, 1, 1, 2, 2], "an end belongs to its bucket");
        let counts = Histogram::of_counts();
        counts.note(256);
        assert_eq!(counts.read().below.last(), Some(&(256.0, 1)));
    }
}

//! The writer's queue: two lanes of jobs, bounded, closed once. What a job is, is not known here.
//!
//! What is taken is given out once, each lane in its order, the high one first; what comes too late is refused. So every
//! job has an end: `tests/shuttle` tries that with the threads in many orders.

use std::collections::VecDeque;
use std::time::Duration;

use crate::sync::{Condvar, Mutex, MutexGuard};

/// Which lane a job stands in. Low: sweeps and marks that may wait. Mark: in the high one, and not counted among what is
/// asked for, because it follows what was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    High,
    Mark,
    Low,
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Closed,
    Full,
}

/// What waiting brought.
pub enum Taken<J> {
    Job(Lane, J),
    /// Nothing came for a while.
    Nothing,
    /// Nothing is left, and nothing will come.
    Closed,
}

/// How many jobs wait at a moment, and how many may in each lane.
#[derive(Clone, Copy, Debug)]
pub struct Queued {
    pub high: usize,
    pub low: usize,
    pub most: usize,
}

struct Lanes<J> {
    high: VecDeque<J>,
    low: VecDeque<J>,
    closed: bool,
    /// Somebody waits for a job, and has not been told of one: who puts one in while nobody does tells nobody, which would
    /// be a call of the system for each.
    waits: bool,
    /// Jobs that stood in the high lane so far.
    asked: u64,
    /// Transactions committed so far.
    commits: u64,
}

pub struct Queue<J> {
    lanes: Mutex<Lanes<J>>,
    ready: Condvar,
    most: usize,
}

impl<J> Lanes<J> {
    fn take(&mut self) -> Option<(Lane, J)> {
        let high = self.high.pop_front().map(|job| (Lane::High, job));
        high.or_else(|| self.low.pop_front().map(|job| (Lane::Low, job)))
    }
}

impl<J> Queue<J> {
    /// `most`: jobs that may wait in each lane.
    pub fn new(most: usize) -> Self {
        let (high, low) = (VecDeque::new(), VecDeque::new());
        Queue {
            lanes: Mutex::new(Lanes { high, low, closed: false, waits: false, asked: 0, commits: 0 }),
            ready: Condvar::new(),
            most,
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<J>> {
        self.lanes.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Puts a job at the end of its lane.
    pub fn submit(&self, lane: Lane, job: J) -> Result<(), Refused> {
        let mut lanes = self.lanes();
        if lanes.closed {
            return Err(Refused::Closed);
        }
        let queue = match lane {
            Lane::High | Lane::Mark => &mut lanes.high,
            Lane::Low => &mut lanes.low,
        };
        if queue.len() >= self.most {
            return Err(Refused::Full);
        }
        queue.push_back(job);
        lanes.asked += u64::from(lane == Lane::High);
        let waits = std::mem::take(&mut lanes.waits);
        drop(lanes);
        if waits {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for a job, for so long.
    pub fn wait(&self, long: Duration) -> Taken<J> {
        let mut lanes = self.lanes();
        loop {
            if let Some((lane, job)) = lanes.take() {
                return Taken::Job(lane, job);
            }
            if lanes.closed {
                return Taken::Closed;
            }
            lanes.waits = true;
            let (guard, timeout) = self.ready.wait_timeout(lanes, long).unwrap_or_else(|e| e.into_inner());
            lanes = guard;
            lanes.waits = false;
            if timeout.timed_out() && lanes.high.is_empty() && lanes.low.is_empty() && !lanes.closed {
                return Taken::Nothing;
            }
        }
    }

    /// A job that is there already. One of the low lane only with `low`: where nobody waits for the batch.
    pub fn next(&self, low: bool) -> Option<(Lane, J)> {
        let mut lanes = self.lanes();
        match lanes.high.pop_front() {
            Some(job) => Some((Lane::High, job)),
            None if low => lanes.low.pop_front().map(|job| (Lane::Low, job)),
            None => None,
        }
    }

    /// Takes no more, and gives out what is left, one at a time.
    pub fn give_up(&self) -> Option<J> {
        let mut lanes = self.lanes();
        lanes.closed = true;
        lanes.take().map(|(_, job)| job)
    }

    /// Takes no more. What is there is still given out.
    pub fn close(&self) {
        self.lanes().closed = true;
        self.ready.notify_one();
    }

    pub fn is_closed(&self) -> bool {
        self.lanes().closed
    }

    /// Counts a transaction.
    pub fn committed(&self) {
        self.lanes().commits += 1;
    }

    /// How many jobs of the high lane there have been.
    pub fn asked(&self) -> u64 {
        self.lanes().asked
    }

    /// How many transactions were committed.
    pub fn commits(&self) -> u64 {
        self.lanes().commits
    }

    /// How many jobs wait.
    pub fn queued(&self) -> Queued {
        let lanes = self.lanes();
        Queued { high: lanes.high.len(), low: lanes.low.len(), most: self.most }
    }
}

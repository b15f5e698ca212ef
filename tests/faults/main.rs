//! A file system that forgets: power cuts and failing disks under the real store, told by seeds. What must hold is in
//! `storm`; the disk is in `disk`, and how it is put under SQLite and everything else in `vfs` and `calls`.
//!
//! `HOBNOB_FAULT_RUNS=5000 cargo test --test faults -- --nocapture power` plays so many seeds, and
//! `HOBNOB_FAULT_SEED=7` one of them.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod beside;
mod calls;
mod disk;
mod each;
mod files;
mod play;
mod storm;
mod vfs;
mod watchdog;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use disk::Lie;
use storm::Tally;

/// Seeds played when nothing else is asked for.
const RUNS: u64 = 200;

/// Plays at the same time.
const THREADS: usize = 2;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a whole number"))
}

#[test]
fn power_cuts_and_failing_disks_take_nothing_that_was_acknowledged() {
    vfs::install();
    let (first, end) = match number("HOBNOB_FAULT_SEED") {
        Some(seed) => (seed, seed + number("HOBNOB_FAULT_RUNS").unwrap_or(1)),
        None => (0, number("HOBNOB_FAULT_RUNS").unwrap_or(RUNS)),
    };
    let (next, tally, failed) = (AtomicU64::new(first), Mutex::new(Tally::default()), Mutex::new(None));
    let work = || {
        let mut own = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let played = catch_unwind(AssertUnwindSafe(|| storm::play(seed, None, &mut own)));
            if let Err(why) = played.unwrap_or_else(|_| Err(format!("seed {seed} panics: HOBNOB_FAULT_SEED={seed}"))) {
                next.store(end, Ordering::Relaxed);
                *failed.lock().expect("not poisoned") = Some(why);
            }
        }
        tally.lock().expect("not poisoned").add(&own);
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
    println!("{:?}", tally.into_inner().expect("not poisoned"));
    let failed = failed.into_inner().expect("not poisoned");
    assert!(failed.is_none(), "{}", failed.unwrap_or_default());
}

/// The proof can fail: a disk whose syncs do nothing is found out.
#[test]
fn a_disk_that_lies_is_caught() {
    vfs::install();
    for lie in [Lie::Files, Lie::Folders] {
        let mut tally = Tally::default();
        let caught = (0..40).find_map(|seed| storm::play(seed, Some(lie), &mut tally).err().map(|why| (seed, why)));
        println!("{lie:?}: {:?}", caught.as_ref().map(|(seed, why)| (seed, why.lines().rev().nth(1))));
        assert!(caught.is_some(), "{lie:?} was not noticed");
    }
}

/// SQLite is built to sync what it wrote and not also the time of it, which on a file system with a journal is a second write.
#[test]
fn a_commit_syncs_what_was_written_alone() {
    // On no disk of ours: the calls are SQLite's own.
    let folder = play::stage();
    let store = play::open(folder.path(), &Default::default()).expect("opens");
    let before = calls::DATA_SYNCS.load(Ordering::Relaxed);
    let act = play::Act::Send { by: 1, to: None, size: 10, parent: None, quoted: None };
    play::wait(store.write("sync", move |tx| act.perform(tx, 1))).expect("sent");
    assert!(calls::DATA_SYNCS.load(Ordering::Relaxed) > before);
    store.close();
}

//! One play under faults, told by its seed: acts in batches, checkpoints and readers beside them, a disk that fails or a
//! power that goes at some moment, and then the start that must find everything. Several times in a row, on what is left.
//!
//! A second store that nothing happens to does the same acts, and says what must be there and what must have been heard.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use hobnob::model::error::Code;
use hobnob::store::Store;
use rusqlite::Connection;

use crate::disk::{Dice, Disk, Errno, Fault, Lie, Op};
use crate::play::{self, Act, DATABASE, Heard};
use crate::vfs;

/// What happened in the plays.
#[derive(Default, Debug)]
pub struct Tally {
    pub plays: u64,
    pub acts: u64,
    pub acknowledged: u64,
    pub crashes: u64,
    pub restarts: u64,
    /// Faults that struck.
    pub faults: u64,
    /// Acts whose end nobody was told, and which were there.
    pub unknown_kept: u64,
    /// Stores that ended by themselves.
    pub ended: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.plays += other.plays;
        self.acts += other.acts;
        self.acknowledged += other.acknowledged;
        self.crashes += other.crashes;
        self.restarts += other.restarts;
        self.faults += other.faults;
        self.unknown_kept += other.unknown_kept;
        self.ended += other.ended;
    }
}

/// How an act went for the one who asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Acknowledged,
    /// Nothing of it is there.
    Refused,
    /// The server failed and nobody may rely on either.
    Unknown,
}

struct Storm<'t> {
    dice: Dice,
    /// Numbers acts.
    acts: u64,
    /// The same acts without a fault.
    calm: Store,
    calm_heard: Heard,
    calm_folder: tempfile::TempDir,
    /// The last act that must be there.
    last: u64,
    /// Those after it that may be there, each only with all before it.
    unknown: Vec<(u64, Act)>,
    tally: &'t mut Tally,
    log: Vec<String>,
}

/// Plays a seed; `Err`: what does not hold, and how it came.
pub fn play(seed: u64, lie: Option<Lie>, tally: &mut Tally) -> Result<(), String> {
    let (calm_folder, calm_heard) = (play::stage(), Heard::default());
    let calm = play::open(calm_folder.path(), &calm_heard).expect("opens");
    tally.plays += 1;
    let (dice, unknown, log) = (Dice::new(seed), Vec::new(), Vec::new());
    let mut storm = Storm { dice, acts: 0, calm, calm_heard, calm_folder, last: 0, unknown, tally, log };
    let outcome = storm.run(lie);
    storm.calm.close();
    let log = storm.log.join("\n");
    outcome.map_err(|what| {
        format!(
            "{log}\nseed {seed}: {what}\nagain: HOBNOB_FAULT_SEED={seed} cargo test --test faults -- --nocapture power"
        )
    })
}

impl Storm<'_> {
    fn run(&mut self, lie: Option<Lie>) -> Result<(), String> {
        let mut folder = play::stage();
        for _ in 0..2 {
            let disk = Disk::of(folder.path());
            if let Some(lie) = lie {
                disk.lie(lie);
            }
            // It may start again on the same disk, which has lost what it could not write.
            while self.life(folder.path(), &disk)? {
                disk.restart();
                self.tally.restarts += 1;
                self.log.push("it starts again on the same disk".to_owned());
            }
            let wreck = play::folder();
            disk.wreck(&mut self.dice, wreck.path());
            drop(disk);
            self.tally.crashes += 1;
            self.log.push("the power goes".to_owned());
            self.check(wreck.path())?;
            folder = wreck;
        }
        Ok(())
    }

    /// A server's life on this disk. `true`: it ended without a power cut, and starts again.
    fn life(&mut self, folder: &Path, disk: &Arc<Disk>) -> Result<bool, String> {
        self.misfortune(disk);
        let before = disk.fired();
        let (heard, mut ends) = (Heard::default(), Vec::new());
        let opened = play::open(folder, &heard);
        match &opened {
            Ok(store) => {
                // What nobody was told is there for good only once a server has started on it.
                if !disk.is_gone() {
                    self.resolve(folder)?;
                }
                self.work(folder, disk, store, &mut ends)?;
            }
            Err(error) => self.log.push(format!("it does not start: {}", error.plain())),
        }
        let again = !disk.is_gone() && self.dice.chance(50);
        if !again && self.dice.chance(70) {
            // Not even a good-bye.
            disk.crash();
        }
        if let Ok(store) = opened {
            self.tally.ended += u64::from(store.failed().now_or_never().is_some());
            store.close();
        }
        self.tally.faults += disk.fired() - before;
        self.settle(ends, &heard)?;
        Ok(again && !disk.is_gone())
    }

    /// Decides what will go wrong.
    fn misfortune(&mut self, disk: &Disk) {
        let dice = &mut self.dice;
        if dice.chance(60) {
            let most = if dice.chance(20) { 12 } else { 250 };
            let after = 1 + dice.roll(most);
            self.log.push(format!("the power will go at change {after}"));
            disk.crash_after(after);
        }
        if dice.chance(60) {
            let ops = [Op::Write, Op::Write, Op::Sync, Op::Sync, Op::Cut, Op::Open, Op::Read, Op::Name];
            let op = ops[dice.roll(ops.len() as u64) as usize];
            let often = if matches!(op, Op::Write | Op::Read) { 150 } else { 25 };
            let errno = if dice.chance(40) { Errno::Full } else { Errno::Io };
            let fault = Fault { op, after: 1 + dice.roll(often), errno, forever: dice.chance(40) };
            self.log.push(format!("{fault:?}"));
            disk.fail(fault);
        }
    }

    /// Acts, in batches, until there were enough or the store has ended.
    fn work(
        &mut self,
        folder: &Path,
        disk: &Disk,
        store: &Store,
        ends: &mut Vec<(u64, Act, End)>,
    ) -> Result<(), String> {
        let mut reader: Option<Connection> = None;
        for _ in 0..6 + self.dice.roll(8) {
            let size = 1 + self.dice.roll(6);
            let number = |storm: &mut Self| {
                storm.acts += 1;
                (storm.acts, Act::any(&mut storm.dice, storm.acts))
            };
            let batch: Vec<(u64, Act)> = (0..size).map(|_| number(self)).collect();
            self.tally.acts += size;
            let outcomes = together(store, &batch);
            let mut over = false;
            for ((n, act), outcome) in batch.into_iter().zip(outcomes) {
                let (end, said) = match outcome {
                    Ok(()) => (End::Acknowledged, "yes".to_owned()),
                    Err(error) if error.code == Code::StorageFailed => (End::Unknown, error.plain()),
                    Err(error) => (End::Refused, error.plain()),
                };
                over |= end == End::Unknown;
                self.log.push(format!("{n} {act:?}: {said}"));
                ends.push((n, act, end));
            }
            if over {
                return if disk.is_gone() { Ok(()) } else { self.ended(store) };
            }
            match self.dice.roll(10) {
                0 | 1 => {
                    let kind = ["PASSIVE", "PASSIVE", "RESTART", "TRUNCATE"][self.dice.roll(4) as usize];
                    let done = checkpoint(folder, kind);
                    self.log.push(format!("checkpoint {kind}: {done:?}"));
                }
                // Holds a moment, so that the log cannot start over.
                2 => reader = hold(folder),
                3 => reader = None,
                4 => drop(play::wait(store.read(hobnob::store::purge::any))),
                _ => {}
            }
        }
        drop(reader);
        Ok(())
    }

    /// A store that could not write says so, and answers nothing more.
    fn ended(&mut self, store: &Store) -> Result<(), String> {
        let why = store.failed().now_or_never().ok_or("an act has an unknown end, and the store goes on")?;
        if !why.contains("the disk under the database failed") {
            return Err(format!("it ended, and said {why:?}"));
        }
        let write = play::wait(store.write("after", |_| Ok(()))).map_err(|error| error.code);
        let read = play::wait(store.read(|_| Ok(()))).map_err(|error| error.code);
        match (write, read) {
            (Err(Code::StorageFailed), Err(Code::StorageFailed)) => Ok(()),
            other => Err(format!("after its end it answers {other:?}")),
        }
    }

    /// Announced is what was acknowledged, in that order. What was acknowledged the calm store does, too.
    fn settle(&mut self, ends: Vec<(u64, Act, End)>, heard: &Heard) -> Result<(), String> {
        self.calm_heard.lock().expect("not poisoned").clear();
        for (n, act, end) in ends {
            match end {
                End::Unknown => self.unknown.push((n, act)),
                End::Refused => {}
                End::Acknowledged if !self.unknown.is_empty() => {
                    return Err(format!("{n} was acknowledged after one whose end is unknown"));
                }
                End::Acknowledged => {
                    self.tally.acknowledged += 1;
                    calmly(&self.calm, n, &act).map_err(|e| format!("{n} was acknowledged and cannot be done: {e}"))?;
                    self.last = n;
                }
            }
        }
        let (said, must) = (heard.lock().expect("not poisoned"), self.calm_heard.lock().expect("not poisoned"));
        let same = said.iter().zip(must.iter()).take_while(|(said, must)| said == must).count();
        match said.len() == must.len() && same == must.len() {
            true => Ok(()),
            false => Err(format!("heard: {:?}, and should: {:?}", said.get(same), must.get(same))),
        }
    }

    /// What became of the acts whose end nobody was told.
    fn resolve(&mut self, folder: &Path) -> Result<(), String> {
        let found = vfs::inside(|| play::last_act(&play::look(folder)));
        let unknown = std::mem::take(&mut self.unknown);
        if found != self.last && unknown.iter().all(|(n, _)| *n != found) {
            return Err(format!("{} must be there, and the last is {found}", self.last));
        }
        for (n, act) in unknown.iter().take_while(|(n, _)| *n <= found) {
            // Of those before the last some were refused, and not told either.
            let kept = calmly(&self.calm, *n, act).is_ok();
            self.tally.unknown_kept += u64::from(kept);
        }
        self.last = found;
        Ok(())
    }

    /// The server starts, proves itself, and holds what the calm one does.
    fn check(&mut self, folder: &Path) -> Result<(), String> {
        let store = play::open(folder, &Heard::default()).map_err(|e| format!("it does not start: {}", e.plain()))?;
        self.resolve(folder)?;
        let proved = play::prove(folder);
        if let Err(why) = proved {
            store.close();
            return Err(why);
        }
        let (is, must) = (play::dump(&play::look(folder)), play::dump(&play::look(self.calm_folder.path())));
        store.close();
        match is.iter().zip(&must).find(|(is, must)| is != must) {
            Some((is, must)) => Err(format!("there is\n{is}\nand should be\n{must}")),
            None if is.len() != must.len() => Err(format!("{} rows instead of {}", is.len(), must.len())),
            None => Ok(()),
        }
    }
}

fn calmly(calm: &Store, n: u64, act: &Act) -> Result<(), String> {
    let act = act.clone();
    play::wait(calm.write("calm", move |tx| act.perform(tx, n))).map_err(|error| error.plain())
}

/// Hands all of a batch in before the first of them goes on, so that they share a commit.
fn together(store: &Store, batch: &[(u64, Act)]) -> Vec<hobnob::model::error::Result<()>> {
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let mut wait = Some(wait);
    let writes = batch.iter().map(|(n, act)| {
        let (n, act, wait) = (*n, act.clone(), wait.take());
        Box::pin(store.write("storm", move |tx| {
            if let Some(wait) = wait {
                let _ = wait.recv();
            }
            act.perform(tx, n)
        }))
    });
    let mut writes: Vec<_> = writes.collect();
    play::wait(async {
        let mut early: Vec<_> = writes.iter_mut().map(|write| write.now_or_never()).collect();
        drop(go_on);
        for (write, outcome) in writes.iter_mut().zip(&mut early) {
            if outcome.is_none() {
                *outcome = Some(write.await);
            }
        }
        early.into_iter().map(|outcome| outcome.expect("awaited")).collect()
    })
}

/// Another process copies the log into the database: whether somebody was in the way, frames in the log, frames copied.
fn checkpoint(folder: &Path, kind: &str) -> rusqlite::Result<(i64, i64, i64)> {
    let connection = Connection::open(folder.join(DATABASE))?;
    // Nobody waits for whoever holds a moment.
    connection.busy_timeout(std::time::Duration::ZERO)?;
    connection
        .query_row(&format!("PRAGMA wal_checkpoint({kind})"), [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

fn hold(folder: &Path) -> Option<Connection> {
    let connection = Connection::open(folder.join(DATABASE)).ok()?;
    connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").ok()?;
    Some(connection)
}

//! A disk that keeps what was synced, and of the rest what it likes.
//!
//! The files a test works on are real, and are what the running process sees: the page cache. Beside them a [`Disk`]
//! keeps what would be there after a power cut: of each file the bytes as of its last sync, and of each folder the names
//! as of its last sync, with everything that was done since, in order. At a crash a random part of that survives: whole
//! writes are lost, come without those before them, or are torn at the size of a sector. A sync that fails marks some
//! of the waiting writes as lost for good, though the process goes on seeing them: what Linux does with pages it could
//! not write.
//!
//! Who calls is `vfs` (what SQLite does) and `calls` (what everything else does).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock, Weak};

use crate::vfs::inside;

/// Bytes that reach the medium together.
const SECTOR: u64 = 512;

/// xorshift64*: the same numbers everywhere.
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        let mut dice = Dice(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        dice.next();
        dice
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

/// What is asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    Open,
    Read,
    Write,
    Cut,
    Sync,
    Name,
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    Io,
    Full,
}

/// The `after`-th operation of a kind from now on fails, and with `forever` all that follow.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub op: Op,
    pub after: u64,
    pub errno: Errno,
    pub forever: bool,
}

/// A disk that does not do what it says: the proof must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Syncs of files do nothing.
    Files,
    /// Syncs of folders do nothing.
    Folders,
}

type Id = usize;
/// Stands for a folder.
const FOLDER: Id = usize::MAX;

enum Change {
    Write { at: u64, bytes: Vec<u8>, lost: bool },
    Cut(u64),
}

#[derive(Default)]
struct File {
    kept: Vec<u8>,
    waiting: Vec<Change>,
}

enum Step {
    Make(PathBuf, Id),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Step {
    fn is_in(&self, folder: &Path) -> bool {
        let inside = |path: &Path| path.parent() == Some(folder);
        match self {
            Step::Make(path, _) | Step::Remove(path) => inside(path),
            Step::Rename(from, to) => inside(from) || inside(to),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Id>) {
        match self {
            Step::Make(path, id) => drop(names.insert(path.clone(), *id)),
            Step::Remove(path) => drop(names.remove(path)),
            Step::Rename(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
        }
    }
}

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, Id>,
    kept: BTreeMap<PathBuf, Id>,
    steps: Vec<Step>,
    faults: Vec<Fault>,
    fired: u64,
    lie: Option<Lie>,
    /// Changes so far, and at how many the power goes.
    changes: u64,
    crash_at: Option<u64>,
    gone: bool,
}

/// A folder on such a disk.
pub struct Disk {
    root: PathBuf,
    state: Mutex<State>,
    /// Whether syncs wait, and who tells them to go on.
    hangs: Mutex<bool>,
    goes_on: Condvar,
}

static DISKS: RwLock<Vec<Weak<Disk>>> = RwLock::new(Vec::new());

impl Disk {
    /// The folder as it is now, all of it kept.
    pub fn of(root: &Path) -> Arc<Disk> {
        let mut state = State::default();
        scan(root, &mut state);
        state.kept = state.names.clone();
        let disk = Arc::new(Disk {
            root: root.to_owned(),
            state: Mutex::new(state),
            hangs: Mutex::new(false),
            goes_on: Condvar::new(),
        });
        let mut disks = DISKS.write().unwrap_or_else(|e| e.into_inner());
        disks.retain(|disk| disk.strong_count() > 0);
        disks.push(Arc::downgrade(&disk));
        disk
    }

    /// The disk that this path is on.
    pub fn find(path: &Path) -> Option<Arc<Disk>> {
        let disks = DISKS.read().unwrap_or_else(|e| e.into_inner());
        disks.iter().filter_map(Weak::upgrade).find(|disk| path.starts_with(&disk.root))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// The power goes at the `after`-th change from now on.
    pub fn crash_after(&self, after: u64) {
        let mut state = self.state();
        state.crash_at = Some(state.changes + after);
    }

    pub fn lie(&self, lie: Lie) {
        self.state().lie = Some(lie);
    }

    /// How many faults have struck.
    pub fn fired(&self) -> u64 {
        self.state().fired
    }

    pub fn is_gone(&self) -> bool {
        self.state().gone
    }

    /// No more than an answer of the disk: it fails, or the power has gone.
    pub fn ask(&self, op: Op) -> Result<(), Errno> {
        self.state().ask(op)
    }

    /// The file of this name, made if `make`. One that came about behind our back was made now.
    pub fn open(&self, path: &Path, made: bool) -> Result<Id, Errno> {
        let (folder, bytes) = inside(|| (path.is_dir(), std::fs::read(path).unwrap_or_default()));
        let mut state = self.state();
        state.ask(Op::Open)?;
        if path == self.root {
            return Ok(FOLDER);
        }
        if let Some(id) = state.names.get(path).filter(|_| !made) {
            return Ok(*id);
        }
        if folder {
            state.step(Step::Make(path.to_owned(), FOLDER));
            return Ok(FOLDER);
        }
        let id = state.files.len();
        state.files.push(File::default());
        if !bytes.is_empty() {
            state.files[id].waiting.push(Change::Write { at: 0, bytes, lost: false });
        }
        state.step(Step::Make(path.to_owned(), id));
        Ok(id)
    }

    /// Bytes are about to be written: how many of them will be, and what the caller hears then.
    pub fn write(&self, id: Id, at: u64, bytes: &[u8]) -> (usize, Result<(), Errno>) {
        let mut state = self.state();
        let answer = state.ask(Op::Write);
        let much = match answer {
            Ok(()) => bytes.len(),
            // A full disk takes what it has room for.
            Err(Errno::Full) => bytes.len() / 2,
            Err(Errno::Io) => 0,
        };
        if much > 0 && !state.gone {
            state.files[id].waiting.push(Change::Write { at, bytes: bytes[..much].to_vec(), lost: false });
            state.changed();
        }
        (much, answer)
    }

    pub fn cut(&self, id: Id, length: u64) -> Result<(), Errno> {
        let mut state = self.state();
        state.ask(Op::Cut)?;
        state.files[id].waiting.push(Change::Cut(length));
        state.changed();
        Ok(())
    }

    /// From now on no sync of a file ends; or all that wait do.
    pub fn hang(&self, on: bool) {
        *self.hangs.lock().unwrap_or_else(|e| e.into_inner()) = on;
        self.goes_on.notify_all();
    }

    pub fn sync(&self, id: Id) -> Result<(), Errno> {
        let hangs = self.hangs.lock().unwrap_or_else(|e| e.into_inner());
        drop(self.goes_on.wait_while(hangs, |hangs| *hangs));
        let mut state = self.state();
        // The power may go before anything of it is done as well as after.
        state.changed();
        let answer = state.ask(Op::Sync);
        if state.gone {
            return answer;
        }
        let (lie, seed) = (state.lie, state.changes);
        let file = &mut state.files[id];
        if answer.is_err() {
            let mut dice = Dice::new(seed);
            for change in &mut file.waiting {
                if let Change::Write { lost, .. } = change {
                    *lost |= dice.chance(50);
                }
            }
            return answer;
        }
        if lie != Some(Lie::Files) {
            for change in std::mem::take(&mut file.waiting) {
                apply(&mut file.kept, &change);
            }
        }
        state.changed();
        Ok(())
    }

    /// The names in this folder are kept from now on.
    pub fn sync_folder(&self, folder: &Path) -> Result<(), Errno> {
        let mut state = self.state();
        state.ask(Op::Sync)?;
        if state.lie != Some(Lie::Folders) {
            let steps = std::mem::take(&mut state.steps);
            for step in steps {
                match step.is_in(folder) {
                    true => step.apply(&mut state.kept),
                    false => state.steps.push(step),
                }
            }
        }
        state.changed();
        Ok(())
    }

    pub fn made_folder(&self, path: &Path) {
        self.state().step(Step::Make(path.to_owned(), FOLDER));
    }

    pub fn removed(&self, path: &Path) {
        self.state().step(Step::Remove(path.to_owned()));
    }

    pub fn renamed(&self, from: &Path, to: &Path) {
        self.state().step(Step::Rename(from.to_owned(), to.to_owned()));
    }

    /// The power goes now, if it has not yet.
    pub fn crash(&self) {
        self.state().gone = true;
    }

    /// Writes what is left after the crash to `target`, an empty folder.
    pub fn wreck(&self, dice: &mut Dice, target: &Path) {
        let mut state = self.state();
        state.gone = true;
        // All, none, or this share of what was not synced.
        let share = [0, 100, 50, 90, 10][dice.roll(5) as usize];
        let torn = dice.chance(50);
        let mut names = state.kept.clone();
        state.steps.iter().filter(|_| dice.chance(share)).for_each(|step| step.apply(&mut names));
        for (path, id) in &names {
            let below = path.strip_prefix(&self.root).expect("on this disk");
            let mut above = path.ancestors().skip(1).take_while(|folder| *folder != self.root);
            if !above.all(|folder| names.get(folder) == Some(&FOLDER)) {
                continue;
            }
            let path = target.join(below);
            if *id == FOLDER {
                std::fs::create_dir(path).expect("a folder");
                continue;
            }
            let file = &state.files[*id];
            let mut bytes = file.kept.clone();
            for change in &file.waiting {
                survive(&mut bytes, change, dice, share, torn);
            }
            std::fs::write(path, bytes).expect("a file");
        }
    }

    /// The folder as the process sees it, as far as it is files: what a start without a power cut finds. The disk goes on.
    pub fn restart(&self) {
        let mut state = self.state();
        (state.faults, state.crash_at) = (Vec::new(), None);
    }
}

impl State {
    fn ask(&mut self, op: Op) -> Result<(), Errno> {
        if self.gone {
            return Err(Errno::Io);
        }
        let mut answer = Ok(());
        for fault in self.faults.iter_mut().filter(|fault| fault.op == op) {
            fault.after = fault.after.saturating_sub(1);
            if fault.after == 0 {
                answer = Err(fault.errno);
                self.fired += 1;
            }
        }
        self.faults.retain(|fault| fault.after > 0 || fault.forever);
        answer
    }

    fn changed(&mut self) {
        self.changes += 1;
        self.gone |= self.crash_at.is_some_and(|at| self.changes >= at);
    }

    fn step(&mut self, step: Step) {
        if !self.gone {
            step.apply(&mut self.names);
            self.steps.push(step);
            self.changed();
        }
    }
}

fn scan(folder: &Path, state: &mut State) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            state.names.insert(path.clone(), FOLDER);
            scan(&path, state);
            continue;
        }
        // The index of the log lives in memory and is made anew.
        if path.extension().is_some_and(|end| end == "db-shm") {
            std::fs::remove_file(&path).expect("removed");
            continue;
        }
        state.files.push(File { kept: std::fs::read(&path).expect("reads"), waiting: Vec::new() });
        state.names.insert(path, state.files.len() - 1);
    }
}

fn put(bytes: &mut Vec<u8>, at: u64, piece: &[u8]) {
    let (at, end) = (at as usize, at as usize + piece.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(piece);
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { lost: true, .. } => {}
        Change::Write { at, bytes: piece, .. } => put(bytes, *at, piece),
        Change::Cut(length) => bytes.resize(*length as usize, 0),
    }
}

/// What of a change that was not synced is there after a crash.
fn survive(bytes: &mut Vec<u8>, change: &Change, dice: &mut Dice, share: u64, torn: bool) {
    let Change::Write { at, bytes: piece, lost: false } = change else {
        if dice.chance(share) {
            apply(bytes, change);
        }
        return;
    };
    if !torn {
        if dice.chance(share) {
            apply(bytes, change);
        }
        return;
    }
    let (mut from, end) = (*at, *at + piece.len() as u64);
    while from < end {
        let to = ((from / SECTOR + 1) * SECTOR).min(end);
        if dice.chance(share) {
            put(bytes, from, &piece[(from - at) as usize..(to - at) as usize]);
        }
        from = to;
    }
}

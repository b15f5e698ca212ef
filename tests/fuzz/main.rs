//! Hostile bytes, without a tool: the seeds of each target and some hundred mutations of them, the same at every run. What
//! they are thrown at, and the laws, is in `targets`; `fuzz/` runs the same with coverage.
//!
//! `HOBNOB_FUZZ_SECONDS=600 cargo test --test fuzz -- --nocapture queries` goes on for ten minutes, and
//! `HOBNOB_FUZZ_SEED=7` begins elsewhere. `HOBNOB_FUZZ_CORPUS=fuzz cargo test --test fuzz` writes the seeds and words for
//! libFuzzer and throws nothing.

mod targets;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

/// Mutations of each target when nothing else is asked for.
const MUTATIONS: u64 = 300;

/// Panics of any thread: those of the server's are no panics here.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// xorshift64*: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// One to four changes: a byte, a bit, a word put in, a piece taken out, doubled, or moved in from another.
fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        let to = at + dice.roll((bytes.len() - at).min(64) + 1);
        match dice.roll(7) {
            0 if at < bytes.len() => bytes[at] = dice.roll(256) as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
            2 => drop(bytes.splice(at..at, dice.pick(targets::WORDS).bytes())),
            3 => drop(bytes.splice(at..to, dice.pick(targets::WORDS).bytes())),
            4 => drop(bytes.drain(at..to)),
            5 => {
                let piece = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                let from = dice.roll(other.len() + 1);
                let piece = &other[from..from + dice.roll((other.len() - from).min(64) + 1)];
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a whole number"))
}

/// What libFuzzer begins with: `corpus/NAME/*`, and its dictionary `words.dict`.
fn write_corpus(folder: &Path, name: &str, seeds: &[Vec<u8>]) -> std::io::Result<()> {
    let corpus = folder.join("corpus").join(name);
    std::fs::create_dir_all(&corpus)?;
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(corpus.join(format!("seed-{number}")), seed)?;
    }
    let quoted =
        |word: &&str| format!("\"{}\"\n", word.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>());
    std::fs::write(folder.join("words.dict"), targets::WORDS.iter().map(quoted).collect::<String>())
}

fn throw(name: &str) {
    // One at a time: a panic must be known to be of this input.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            usual(info);
        }));
    });
    let (_, run, seeds) = targets::TARGETS.into_iter().find(|(own, ..)| *own == name).expect("a target");
    let mut dice = Dice(number("HOBNOB_FUZZ_SEED").unwrap_or(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let seeds = seeds();
    if let Ok(folder) = std::env::var("HOBNOB_FUZZ_CORPUS") {
        return write_corpus(Path::new(&folder), name, &seeds).expect("written");
    }
    let until = number("HOBNOB_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut runs = 0;
    loop {
        let bytes = match seeds.get(runs as usize) {
            Some(seed) => seed.clone(),
            None => {
                let mut bytes = dice.pick(&seeds).clone();
                mutate(&mut dice, &mut bytes, &seeds[runs as usize % seeds.len()]);
                bytes
            }
        };
        let before = PANICS.load(Ordering::SeqCst);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&bytes)));
        if outcome.is_err() || PANICS.load(Ordering::SeqCst) != before {
            panic!("{name}, input {runs} ({} bytes): {:?}", bytes.len(), String::from_utf8_lossy(&bytes));
        }
        runs += 1;
        match until {
            Some(until) if Instant::now() < until => {}
            None if runs < MUTATIONS => {}
            _ => break,
        }
    }
    println!("{name}: {runs} inputs");
}

#[test]
fn frames_of_sockets() {
    throw("frames");
}

#[test]
fn drafts_of_messages() {
    throw("drafts");
}

#[test]
fn queries_of_lists() {
    throw("queries");
}

#[test]
fn multipart_bodies() {
    throw("multipart");
}

#[test]
fn imports_of_data() {
    throw("imports");
}

#[test]
fn backups_of_others() {
    throw("backups");
}

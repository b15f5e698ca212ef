//! A simulated town: many people, groups, sockets, crashes and days, in one process with a clock that is turned, against an
//! oracle of plain maps. Whatever is played is chosen by a seed; a seed under which a law breaks is shrunk to a short play
//! and printed.
//!
//! `cargo test` plays a few seeds for a few seconds. A long run of the same code:
//!
//! ```text
//! HOBNOB_TOWN_SECONDS=3600 cargo test --release --test town -- --nocapture
//! HOBNOB_TOWN_SEED=17 cargo test --test town -- --nocapture
//! ```

mod acts;
mod dice;
mod folk;
mod laws;
mod marks;
mod model;
mod play;
mod rooms;
mod sabotage;
mod shrink;
mod talk;
mod world;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use acts::{Act, WORDS};
use dice::Dice;
use model::{PEOPLE, Step};
use play::{Breach, Play};
use world::World;

/// Steps after which everything a few people see is looked at.
const LOOK: usize = 40;
/// People looked at then.
const VIEWERS: usize = 3;
/// Steps of one play, and of one in a long run: then the town begins anew, with the next seed.
const STEPS: usize = 1000;
const LONG: usize = 3000;

/// What was played.
#[derive(Default)]
struct Tally {
    plays: u64,
    steps: u64,
    seconds: i64,
    crashes: u64,
    restarts: u64,
    frames: u64,
}

/// A play that broke a law.
pub struct Broken {
    pub breach: Breach,
    pub steps: Vec<(Step, Act)>,
}

/// A place for a database: in memory if there is such a thing.
fn folder() -> PathBuf {
    static TOWNS: AtomicUsize = AtomicUsize::new(0);
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() { memory } else { env!("CARGO_TARGET_TMPDIR").into() };
    base.join(format!("hobnob-town-{}-{}", std::process::id(), TOWNS.fetch_add(1, Ordering::Relaxed)))
}

/// How the play begins: with people who are logged in, and two groups.
fn opening() -> Vec<Act> {
    let mut acts = Vec::new();
    for who in 0..PEOPLE * 3 / 4 {
        acts.push(Act::CreateUser { who });
        acts.push(Act::LogIn { who });
    }
    for g in 0..3 {
        let kind = [model::GroupKind::Public, model::GroupKind::Private, model::GroupKind::Password][g];
        acts.push(Act::CreateGroup { g, owner: g, kind });
        for whom in 3..9 {
            acts.push(Act::Add { g, who: g, whom, scope: model::Scope::Participant });
        }
    }
    acts
}

/// Looks at the town, and at what some people see.
async fn look(play: &mut Play, viewers: impl Iterator<Item = usize>, word: usize) -> Result<(), Breach> {
    play.check_town().await?;
    for p in viewers {
        play.check_viewer(p, word).await?;
    }
    Ok(())
}

/// Plays the steps that are given, or else those that the seed chooses.
async fn play(seed: u64, given: Option<&[(Step, Act)]>, most: usize, tally: &mut Tally) -> Result<(), Broken> {
    let mut play = Play::new(World::new(&folder()).await);
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66);
    let opening = opening();
    let mut played = Vec::new();
    let length = given.map_or(most, <[_]>::len);
    for at in 0..length {
        let (step, act) = match given {
            Some(given) => given[at].clone(),
            None => (at as Step, opening.get(at).cloned().unwrap_or_else(|| dice::next(&mut dice, &play.model))),
        };
        played.push((step, act.clone()));
        let mut outcome = play.perform(step, &act).await;
        tally.steps += 1;
        match act {
            Act::Clock { seconds } => tally.seconds += seconds.max(0),
            Act::Crash { .. } => tally.crashes += 1,
            Act::Restart => tally.restarts += 1,
            Act::Chores if outcome.is_ok() => outcome = play.check_overdue(),
            _ => {}
        }
        let end = at + 1 == length;
        // A short play is looked at more often, so that it can get shorter still.
        let looks = end || (step as usize).is_multiple_of(LOOK) || matches!(act, Act::Crash { .. });
        if outcome.is_ok() && looks {
            let some = if end || given.is_some() { PEOPLE } else { VIEWERS };
            let first = step as usize / LOOK * VIEWERS;
            let viewers = (0..some).map(|n| (first + n) % PEOPLE);
            outcome = look(&mut play, viewers, (step as usize / LOOK) % WORDS.len()).await;
        }
        if let Err(breach) = outcome {
            tally.frames += play.frames;
            return Err(Broken { breach, steps: played });
        }
    }
    tally.plays += 1;
    tally.frames += play.frames;
    Ok(())
}

/// Plays in a runtime of its own, as `play` does.
pub fn run(seed: u64, given: Option<&[(Step, Act)]>, most: usize) -> Result<(), Broken> {
    run_for(seed, given, most, &mut Tally::default())
}

fn run_for(seed: u64, given: Option<&[(Step, Act)]>, most: usize, tally: &mut Tally) -> Result<(), Broken> {
    // A play that ends by a panic has no steps to show, but it has a seed.
    struct Playing(u64, usize);
    impl Drop for Playing {
        fn drop(&mut self) {
            let Playing(seed, most) = self;
            if std::thread::panicking() {
                eprintln!("a panic, again: HOBNOB_TOWN_SEED={seed} HOBNOB_TOWN_STEPS={most} cargo test --test town");
            }
        }
    }
    let _playing = Playing(seed, most);
    actix_web::rt::System::new().block_on(play(seed, given, most, tally))
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn the_town_keeps_its_laws() {
    let seconds = setting("HOBNOB_TOWN_SECONDS");
    let one = setting("HOBNOB_TOWN_SEED");
    let most =
        setting("HOBNOB_TOWN_STEPS").map_or(if seconds.is_some() { LONG } else { STEPS }, |steps| steps as usize);
    let (started, mut tally) = (Instant::now(), Tally::default());
    let first = one.unwrap_or(1);
    // Without a time: two plays, whatever they take, so that a slow machine tries the same as a fast one.
    let last = if one.is_some() { first } else { first + 1 };
    let mut seed = first;
    loop {
        if let Err(broken) = run_for(seed, None, most, &mut tally) {
            let short =
                shrink::shorten(seed, &broken, Duration::from_secs(setting("HOBNOB_TOWN_SHRINK").unwrap_or(60)));
            panic!("{}", shrink::report(seed, &broken, &short));
        }
        seed += 1;
        match seconds {
            Some(seconds) if started.elapsed() < Duration::from_secs(seconds) => {}
            None if seed <= last => {}
            _ => break,
        }
    }
    let Tally { plays, steps, seconds, crashes, restarts, frames } = tally;
    println!(
        "{plays} plays, {steps} steps, {} days, {crashes} crashes, {restarts} restarts, {frames} frames heard, seeds {first} to {}",
        seconds / 86_400,
        seed - 1
    );
    assert!(steps > 200 && frames > 0, "nothing happened");
}

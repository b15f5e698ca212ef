//! Makes a play that breaks a law short: takes steps out for as long as the same law breaks.

use std::time::{Duration, Instant};

use super::acts::Act;
use super::model::Step;
use super::{Broken, run};

/// The shortest play found within `time` that breaks the same law.
pub fn shorten(seed: u64, broken: &Broken, time: Duration) -> Broken {
    let started = Instant::now();
    let law = broken.breach.law;
    let fails = |steps: &[(Step, Act)]| match run(seed, Some(steps), steps.len()) {
        Err(broken) if broken.breach.law == law => Some(broken),
        _ => None,
    };
    let mut best = Broken { breach: broken.breach.clone(), steps: broken.steps.clone() };
    let mut piece = best.steps.len() / 2;
    while piece > 0 && started.elapsed() < time {
        let (mut at, mut shorter) = (0, false);
        while at < best.steps.len() && started.elapsed() < time {
            let end = (at + piece).min(best.steps.len());
            let without: Vec<_> = best.steps[..at].iter().chain(&best.steps[end..]).cloned().collect();
            match fails(&without) {
                // It may have broken before its end.
                Some(broken) => (best, shorter) = (broken, true),
                None => at = end,
            }
        }
        if piece > 1 || !shorter {
            piece /= 2;
        }
    }
    best
}

/// What to print.
pub fn report(seed: u64, first: &Broken, short: &Broken) -> String {
    let lines: Vec<String> = short.steps.iter().map(|(step, act)| format!("  #{step} {act}")).collect();
    format!(
        "seed {seed} broke a law after {} steps: {}\n{}\n\nshortened to {} steps: {}\n{}\n\nagain: HOBNOB_TOWN_SEED={seed} HOBNOB_TOWN_STEPS={} cargo test --test town",
        first.steps.len(),
        first.breach.law,
        first.breach.what,
        short.steps.len(),
        short.breach.what,
        lines.join("\n"),
        first.steps.len()
    )
}

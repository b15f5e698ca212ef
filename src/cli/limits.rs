//! `hobnob limits`: what `--limit` can change.

use super::{Outcome, say};
use crate::model::limits::Limits;

/// Lists the limits with their defaults.
pub fn run() -> Outcome {
    for (name, meaning, default) in Limits::TABLE {
        say(&format!("{name:<16} {default:>10} {meaning}"));
    }
    Ok(())
}

//! One app in a file, and out of it: export, import, and the pull from a hosted app.
//!
//! The file is a tar in zstd. Its lines (`model::transfer`) lie in parts by their kind, `app.jsonl` first and `end.jsonl`
//! last, so that who unpacks it finds plain JSON lines; files of messages lie at `media/ab/abcd….png` between. A folder of
//! the same form is as good, and so are lines in one file, without media.
//!
//! An export shows one moment, beside a running server. An import writes a batch of lines at a time, notes in the same
//! write where they came from, and does nothing twice: killed anywhere and started again it goes on.

pub mod pull;
mod read;
mod take;
mod write;

pub use read::{At, Item, read};
pub use take::{Report, Take, Told, Where};
pub use write::{Counts, export};

/// What the `number`th part (from 1) of the lines of a kind is called.
fn part_name(kind: &str, number: u32) -> String {
    if number == 1 { format!("{kind}.jsonl") } else { format!("{kind}.{number}.jsonl") }
}

/// `Err`: what went wrong, for people.
pub type Outcome<T> = Result<T, String>;

/// How far it has come: what is done, and how much of it.
pub type Progress<'p> = &'p mut dyn FnMut(&str, u64);

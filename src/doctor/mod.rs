//! What may be wrong with a data folder, the machine around it and the way in, found out and named.
//!
//! Looks change nothing; `counters` mends what it is told to, in writes of its own that a running server takes like those of
//! any tool. A finding is a sentence and, unless all is well, what to do about it.

pub mod certificate;
pub mod database;
pub mod folder;
pub mod machine;
pub mod outside;

use serde::Serialize;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// It works, and may not for long, or not as well as it could.
    Warn,
    /// Something is broken or lost.
    Fail,
}

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub verdict: Verdict,
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    pub fn ok(check: &'static str, says: impl Into<String>) -> Finding {
        Finding { check, verdict: Verdict::Ok, says: says.into(), advice: None }
    }

    pub fn warn(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { check, verdict: Verdict::Warn, says: says.into(), advice: Some(advice.into()) }
    }

    pub fn fail(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { check, verdict: Verdict::Fail, says: says.into(), advice: Some(advice.into()) }
    }
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} bytes"),
        1024..=1_048_575 => format!("{} KiB", bytes >> 10),
        1_048_576..=10_737_418_239 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

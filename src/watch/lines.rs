//! The newest lines of the log, in memory, for whoever looks at the server from afar.
//!
//! Bounded in lines and in the length of each: half a megabyte. A line is here as it was written; what is secret is in
//! none.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

/// Lines that are kept.
pub const MOST: usize = 500;
/// Bytes of a line that are kept.
const LONGEST: usize = 1000;

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which it is, from 1: a number is never given twice.
    pub id: u64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    pub text: String,
}

struct Kept {
    lines: VecDeque<Line>,
    next: u64,
}

static KEPT: Mutex<Kept> = Mutex::new(Kept { lines: VecDeque::new(), next: 1 });

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(|e| e.into_inner())
}

/// Keeps a line, and forgets the oldest if there are too many.
pub fn keep(level: &'static str, text: &str) {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default().trim_end().to_owned();
    let mut kept = kept();
    let id = kept.next;
    kept.next += 1;
    if kept.lines.len() >= MOST {
        kept.lines.pop_front();
    }
    kept.lines.push_back(Line { id, level, text });
}

/// Those after a number, the oldest first.
pub fn after(id: u64) -> Vec<Line> {
    kept().lines.iter().filter(|line| line.id > id).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_none_is_long() {
        keep("info", &"ä".repeat(LONGEST));
        let last = after(0).pop().unwrap();
        assert!(last.text.len() <= LONGEST && last.text.ends_with('ä'));
        for number in 0..2 * MOST {
            keep("warn", &format!("{number}\n"));
        }
        let lines = after(last.id);
        assert_eq!(lines.len(), MOST);
        assert_eq!(lines[MOST - 1].text, (2 * MOST - 1).to_string());
        assert!(after(lines[MOST - 1].id).is_empty());
    }
}

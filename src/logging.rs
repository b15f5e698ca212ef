//! The log: lines to standard error, and a line that comes too often becomes one with a count.
//!
//! Clients cause some lines, and there may be ten thousand of them. That is decided here for every line there is, by the
//! place in the code it comes from, so no place has to think of it. The memory is bounded by the number of such places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use log::{Level, Log, Metadata, Record};

/// Lines of one place within a window; more are counted.
const MOST: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);

/// Writes the lines of `HOBNOB_LOG` from now on.
pub fn install(default: &str) {
    let inner = env_logger::Builder::from_env(env_logger::Env::new().filter_or("HOBNOB_LOG", default)).build();
    let level = inner.filter();
    let quiet = Arc::new(Quiet { inner, places: Mutex::default() });
    let held_back = quiet.clone();
    if log::set_boxed_logger(Box::new(Shared(quiet))).is_ok() {
        log::set_max_level(level);
    }
    // What was held back is told even if no more lines come.
    let _ = std::thread::Builder::new().name("hobnob-log".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(WINDOW);
            held_back.tell_counts(Instant::now());
        }
    });
}

struct Shared<L>(Arc<Quiet<L>>);

impl<L: Log> Log for Shared<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.0.log(record, Instant::now());
    }

    fn flush(&self) {
        self.0.tell_counts(Instant::now() + WINDOW);
        self.0.inner.flush();
    }
}

struct Quiet<L> {
    inner: L,
    places: Mutex<HashMap<Place, Count>>,
}

/// Where in the code a line comes from.
type Place = (String, u32);

struct Count {
    since: Instant,
    lines: u32,
    held: u64,
    level: Level,
    target: String,
}

impl<L: Log> Quiet<L> {
    fn places(&self) -> MutexGuard<'_, HashMap<Place, Count>> {
        self.places.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn log(&self, record: &Record<'_>, now: Instant) {
        if !self.inner.enabled(record.metadata()) {
            return;
        }
        let place = (record.file().unwrap_or_else(|| record.target()).to_owned(), record.line().unwrap_or(0));
        let mut places = self.places();
        let new = || Count { since: now, lines: 0, held: 0, level: record.level(), target: record.target().to_owned() };
        let count = places.entry(place.clone()).or_insert_with(new);
        let before = if now.saturating_duration_since(count.since) >= WINDOW {
            Some(std::mem::replace(count, new())).filter(|before| before.held > 0)
        } else {
            None
        };
        count.lines += 1;
        let told = count.lines <= MOST;
        count.held += u64::from(!told);
        drop(places);
        if let Some(before) = before {
            self.tell(&place, &before);
        }
        if told {
            self.inner.log(record);
        }
    }

    /// Tells how many lines were held back in windows that are over.
    fn tell_counts(&self, now: Instant) {
        let mut over = Vec::new();
        self.places().retain(|place, count| {
            let is_over = now.saturating_duration_since(count.since) >= WINDOW;
            if is_over && count.held > 0 {
                over.push((place.clone(), count.held, count.level, count.target.clone()));
            }
            !is_over
        });
        for (place, held, level, target) in over {
            self.tell(&place, &Count { since: now, lines: 0, held, level, target });
        }
    }

    fn tell(&self, (file, line): &Place, count: &Count) {
        let record = |arguments: std::fmt::Arguments<'_>| {
            self.inner.log(&Record::builder().level(count.level).target(&count.target).args(arguments).build());
        };
        record(format_args!("{} more lines like these ({file}:{line})", count.held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl Log for Kept {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            self.0.lock().unwrap().push(record.args().to_string());
        }

        fn flush(&self) {}
    }

    fn line(quiet: &Quiet<Kept>, number: u32, text: &str, now: Instant) {
        let (file, line) = (Some("src/x.rs"), Some(number));
        let record = |arguments: std::fmt::Arguments<'_>| {
            let record = Record::builder().level(Level::Warn).file(file).line(line).args(arguments).build();
            quiet.log(&record, now);
        };
        record(format_args!("{text}"));
    }

    #[test]
    fn ten_thousand_lines_are_a_few_and_a_count() {
        let quiet = Quiet { inner: Kept::default(), places: Mutex::default() };
        let start = Instant::now();
        for number in 0..10_000 {
            line(&quiet, 1, &format!("user {number} dropped"), start);
        }
        line(&quiet, 2, "another place", start);
        assert_eq!(quiet.inner.0.lock().unwrap().len(), MOST as usize + 1);
        quiet.tell_counts(start);
        assert_eq!(quiet.inner.0.lock().unwrap().len(), MOST as usize + 1, "the window is not over");
        quiet.tell_counts(start + WINDOW);
        assert_eq!(quiet.inner.0.lock().unwrap().last().unwrap(), "9990 more lines like these (src/x.rs:1)");
        assert!(quiet.places().is_empty(), "what is over is forgotten");
        // The same when more lines come.
        for _ in 0..15 {
            line(&quiet, 1, "again", start);
        }
        line(&quiet, 1, "later", start + WINDOW);
        let kept = quiet.inner.0.lock().unwrap();
        assert_eq!(kept[kept.len() - 2..], ["5 more lines like these (src/x.rs:1)", "later"]);
    }
}

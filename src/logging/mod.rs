//! The log: lines to standard error, and a line that comes too often becomes one with a count.
//!
//! Clients cause some lines, and there may be ten thousand of them. That is decided here for every line there is, by the
//! place in the code it comes from, so no place has to think of it. The memory is bounded by the number of such places.
//!
//! The request log is not thinned out: a log of requests that leaves some out answers no question, whoever switches it on
//! asked for each, and there are never more lines than requests were answered.

mod levels;
mod line;

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};
use std::time::{Duration, Instant, SystemTime};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::watch::{lines, request};
pub use levels::{DEFAULT, Levels};
pub use line::{Format, json_line, moves};

/// Lines of one place within a window; more are counted.
const MOST: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);

static LINES: OnceLock<Arc<Quiet<Lines>>> = OnceLock::new();

/// Writes lines from now on, by what `HOBNOB_LOG` and `HOBNOB_LOG_FORMAT` say.
pub fn install() {
    let set = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
    let levels = set("HOBNOB_LOG").map(|text| Levels::parse(&text).map_err(|e| format!("HOBNOB_LOG: {e}")));
    let format =
        set("HOBNOB_LOG_FORMAT").map(|text| Format::parse(&text).map_err(|e| format!("HOBNOB_LOG_FORMAT: {e}")));
    let (levels, format) = (levels.unwrap_or_else(|| Levels::parse(DEFAULT)), format.unwrap_or(Ok(Format::Text)));
    let quiet = LINES.get_or_init(|| Arc::new(Quiet { inner: Lines::default(), places: Mutex::default() })).clone();
    let held_back = quiet.clone();
    if log::set_boxed_logger(Box::new(Shared(quiet))).is_ok() {
        let _ = reload(DEFAULT);
    }
    match levels {
        Ok(levels) => apply(levels),
        Err(error) => log::warn!("{error}"),
    }
    match format {
        Ok(format) => set_format(format),
        Err(error) => log::warn!("{error}"),
    }
    // Of a panic the log tells as of anything else: one line, with the request it ended.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let trace = std::backtrace::Backtrace::capture();
        let trace = match trace.status() {
            std::backtrace::BacktraceStatus::Captured => format!("\n{trace}"),
            _ => String::new(),
        };
        let payload = panic.payload();
        let text =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(|text| &**text));
        log::error!("panic at {place}: {}{trace}", text.unwrap_or("(no text)"));
    }));
    // What was held back is told even if no more lines come.
    let _ = std::thread::Builder::new().name("hobnob-log".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(WINDOW);
            held_back.tell_counts(Instant::now());
        }
    });
}

/// Tells why the program ends, to whoever reads standard error: whatever the levels, in the form of the other lines.
pub fn last_word(error: &str) {
    let json = LINES.get().is_some_and(|quiet| quiet.inner.json.load(Ordering::Relaxed));
    match json {
        true => {
            let write = |arguments: std::fmt::Arguments<'_>| {
                let record = Record::builder().level(Level::Error).target("hobnob").args(arguments).build();
                write(&line::render(Format::Json, &record, None, SystemTime::now()));
            };
            write(format_args!("{error}"));
        }
        false => write(&format!("hobnob: {}\n", printable(error))),
    }
}

/// A text for a terminal: lines stay lines, and nothing in it moves the cursor. What a file from elsewhere holds may be
/// in an error about it.
pub fn printable(text: &str) -> String {
    text.split('\n').map(line::escaped).collect::<Vec<_>>().join("\n")
}

/// The same of what is to stand within one line: a name is no line of its own.
pub fn in_line(text: &str) -> String {
    line::escaped(text)
}

/// In one piece, so that lines of several threads stay apart. A reader that has gone is no reason to fail.
fn write(line: &str) {
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// Other levels from now on, as [`Levels::parse`] reads them; `Err` changes nothing and says what was expected. Before
/// [`install`] nothing is written, whatever the levels.
pub fn reload(levels: &str) -> Result<(), String> {
    apply(Levels::parse(levels)?);
    Ok(())
}

/// For a program that does one thing and goes: it says itself what went wrong, in a sentence at its end. Who named levels has
/// those.
pub fn of_tool() {
    if std::env::var_os("HOBNOB_LOG").is_none_or(|text| text.is_empty()) {
        let _ = reload("hobnob::model::error=off");
    }
}

/// Another form of lines from now on.
pub fn set_format(format: Format) {
    if let Some(quiet) = LINES.get() {
        quiet.inner.json.store(format == Format::Json, Ordering::Relaxed);
    }
}

fn apply(levels: Levels) {
    let Some(quiet) = LINES.get() else { return };
    let most = levels.most();
    request::set_logged(levels.of(request::TARGET) >= LevelFilter::Info);
    *quiet.inner.levels.write().unwrap_or_else(|e| e.into_inner()) = Some(levels);
    log::set_max_level(most);
}

/// Lines to standard error.
#[derive(Default)]
struct Lines {
    levels: RwLock<Option<Levels>>,
    json: AtomicBool,
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let levels = self.levels.read().unwrap_or_else(|e| e.into_inner());
        levels.as_ref().is_some_and(|levels| metadata.level() <= levels.of(metadata.target()))
    }

    fn log(&self, record: &Record<'_>) {
        let format = if self.json.load(Ordering::Relaxed) { Format::Json } else { Format::Text };
        let (id, now) = (request::current().map(|origin| origin.id), SystemTime::now());
        let line = line::render(format, record, id.as_ref(), now);
        write(&line);
        // A line for each request would soon be all there is.
        if record.target() == request::TARGET {
            return;
        }
        match format {
            Format::Text => lines::keep(level(record.level()), &line),
            Format::Json => lines::keep(level(record.level()), &line::render(Format::Text, record, id.as_ref(), now)),
        }
    }

    fn flush(&self) {}
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
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
        if record.target() == request::TARGET {
            return self.inner.log(record);
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
        // They came by other requests than the one at hand.
        let _nobody = request::enter(None);
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

    #[test]
    fn the_request_log_has_a_line_for_each() {
        let quiet = Quiet { inner: Kept::default(), places: Mutex::default() };
        for _ in 0..100 {
            let record = |arguments: std::fmt::Arguments<'_>| {
                let record = Record::builder().level(Level::Info).target(request::TARGET).args(arguments).build();
                quiet.log(&record, Instant::now());
            };
            record(format_args!("request"));
        }
        assert_eq!(quiet.inner.0.lock().unwrap().len(), 100);
    }
}

//! Import: lines and files into an app of this server, a batch in each write.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::read::{At, Item, read};
use super::{Outcome, Progress};
use crate::actions::apps::{self, Created};
use crate::actions::transfer::{self as act, Was};
use crate::backup::{Incoming, private, private_folder};
use crate::durable::sync_folder;
use crate::model::attachment::folder_of;
use crate::model::error::Error;
use crate::model::json;
use crate::model::limits::Limits;
use crate::model::transfer::{Head, Line};
use crate::store::{Lane, Store};

/// Lines in one write, and bytes of them: some milliseconds of the database's time.
const LINES: usize = 100;
const BYTES: usize = 1 << 20;

/// The longest breath between two writes, in which a running server gets at its database.
const BREATH: Duration = Duration::from_millis(50);

/// The app that takes it.
#[derive(Clone, Debug)]
pub enum Where {
    /// One that is there, by its id.
    App(String),
    /// A new one of this name and region; one of this name into which the same was begun and not finished goes on.
    New(String, String, Box<Limits>),
}

/// An import that is to be made.
pub struct Take {
    pub store: Store,
    /// Where files of messages go; `None`: nowhere, it is only tried.
    pub media: Option<PathBuf>,
    pub to: Where,
    /// Go on after a line that is refused.
    pub keep_going: bool,
    /// Somebody else writes to the database: leave them room.
    pub gently: bool,
    /// What the server takes.
    pub limits: Limits,
}

/// Objects and lists that a line puts around what a request brought.
const AROUND: usize = 8;

/// What became of it.
#[derive(Debug, Default)]
pub struct Report {
    pub app_id: String,
    /// The app was made for it.
    pub created: Option<Created>,
    /// By kind: lines that are new, and that were there.
    pub new: BTreeMap<String, u64>,
    pub there: BTreeMap<String, u64>,
    pub refused: u64,
    /// Files of messages that were put in their place.
    pub files: u64,
}

/// What is told on the way.
pub enum Told<'t> {
    /// The app, before anything is in it.
    App(&'t Report),
    /// A line is refused, and why.
    Refused(&'t At, &'t str),
}

struct Running<'r> {
    take: &'r Take,
    checks: Limits,
    handle: Handle,
    into: Option<act::Into>,
    head: Option<Head>,
    batch: Vec<(At, Line)>,
    bytes: usize,
    lines: u64,
    ended: bool,
    report: Report,
    tell: &'r mut dyn FnMut(Told<'_>),
}

fn plain(error: Error) -> String {
    error.plain()
}

impl Take {
    /// Reads `from` through and takes it over. Blocks its thread, which must be one that may wait for `handle`'s work.
    pub fn run(
        &self,
        from: &Path,
        handle: Handle,
        progress: Progress<'_>,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Outcome<Report> {
        let mut running = Running {
            take: self,
            checks: Limits { depth: self.limits.depth.saturating_add(AROUND), ..self.limits.clone() },
            handle,
            into: None,
            head: None,
            batch: Vec::new(),
            bytes: 0,
            lines: 0,
            ended: false,
            report: Report::default(),
            tell,
        };
        read(from, progress, &mut |item| match item {
            Item::Line(at, text) => running.line(at, text),
            Item::File(name, content) => running.file(name, content),
        })?;
        running.flush()?;
        let Some(head) = running.head.take() else { return Err(format!("{} holds no lines", from.display())) };
        // What Hobnob exports ends by saying so.
        if head.hobnob.is_some() && !running.ended {
            return Err(
                "this export ends before its end: it was cut off. What it holds is taken over so far".to_owned()
            );
        }
        if let Some(into) = running.into.take() {
            let store = &self.store;
            running.handle.block_on(store.write("import end", move |tx| act::finish(tx, &into))).map_err(plain)?;
        }
        Ok(running.report)
    }
}

impl Running<'_> {
    fn line(&mut self, at: At, text: &str) -> Outcome<()> {
        self.lines += 1;
        // What breaks parsers would break those of everybody who reads it here.
        if let Err(error) = json::check(text.as_bytes(), &self.checks) {
            self.flush()?;
            return self.refused(&at, &error.plain());
        }
        let line = match Line::parse(text) {
            Ok(line) => line,
            Err(_) if self.head.is_none() => {
                return Err(format!("{at}: this is no export of Hobnob: its first line names the app"));
            }
            Err(why) => {
                self.flush()?;
                return self.refused(&at, &why);
            }
        };
        match (&line, self.head.is_some()) {
            (Line::App(head), false) => return self.begin(head.clone()),
            (_, false) => return Err(format!("{at}: this is no export of Hobnob: its first line names the app")),
            (Line::App(_), true) => return Err(format!("{at}: a second app begins here")),
            (Line::End(end), true) => {
                self.ended = true;
                return match end.lines + 1 == self.lines {
                    true => Ok(()),
                    false => Err(format!(
                        "{at}: there should be {} lines before this, and there are {}",
                        end.lines,
                        self.lines - 1
                    )),
                };
            }
            _ => {}
        }
        self.bytes += text.len();
        self.batch.push((at, line));
        if self.batch.len() >= LINES || self.bytes >= BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// The app is named: it is looked up, or made.
    fn begin(&mut self, head: Head) -> Outcome<()> {
        let (store, to, named) = (&self.take.store, self.take.to.clone(), head.clone());
        let begun = self.handle.block_on(store.write("import", move |tx| {
            let mut created = None;
            let app_id = match to {
                Where::App(app_id) => app_id,
                Where::New(name, region, limits) => match act::unfinished(tx, &named, &name)? {
                    Some(app_id) => app_id,
                    None => created.insert(apps::create(tx, &name, &region, &limits)?).app_id.clone(),
                },
            };
            Ok((act::begin(tx, &app_id, &named)?, created))
        }));
        let (into, created) = begun.map_err(plain)?;
        self.report.app_id = into.app.app_id.to_string();
        self.report.created = created;
        (self.tell)(Told::App(&self.report));
        (self.into, self.head) = (Some(into), Some(head));
        Ok(())
    }

    fn refused(&mut self, at: &At, why: &str) -> Outcome<()> {
        self.report.refused += 1;
        (self.tell)(Told::Refused(at, why));
        match self.take.keep_going {
            true => Ok(()),
            false => Err(format!(
                "{at}: {why}. It stops here; what stands before is taken over. --keep-going leaves such lines out"
            )),
        }
    }

    fn flush(&mut self) -> Outcome<()> {
        let Some(into) = self.into.clone().filter(|_| !self.batch.is_empty()) else { return Ok(()) };
        self.bytes = 0;
        let (places, lines): (Vec<(At, &'static str)>, Vec<Line>) =
            std::mem::take(&mut self.batch).into_iter().map(|(at, line)| ((at, line.kind()), line)).unzip();
        let (store, stop, began) = (&self.take.store, !self.take.keep_going, Instant::now());
        let work = store.write_in(Lane::High, "import", move |tx| act::take(tx, &into, lines, stop));
        let outcomes = self.handle.block_on(work).map_err(plain)?;
        for ((at, kind), outcome) in places.iter().zip(outcomes) {
            match outcome {
                Ok(was) => {
                    let counts = if was == Was::New { &mut self.report.new } else { &mut self.report.there };
                    *counts.entry((*kind).to_owned()).or_default() += 1;
                }
                Err(error) => self.refused(at, &format!("{kind}: {}", error.plain()))?,
            }
        }
        if self.take.gently {
            std::thread::sleep(began.elapsed().min(BREATH));
        }
        Ok(())
    }

    /// Puts a file in its place, if one of the lines announced it and it is not there yet.
    fn file(&mut self, name: &str, content: &mut dyn Read) -> Outcome<()> {
        self.flush()?;
        let Some(into) = self.into.clone() else {
            return Err("this is no export of Hobnob: files come first".to_owned());
        };
        let (store, wanted) = (&self.take.store, name.to_owned());
        let awaited =
            self.handle.block_on(store.read(move |read| act::awaited(read, &into, &wanted))).map_err(plain)?;
        let Some(here) = awaited else { return Ok(()) };
        let size = match &self.take.media {
            None => io::copy(content, &mut io::sink()).map_err(|e| unread(name, &e))?,
            Some(media) => put(media, &here, content)?,
        };
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let done = store.write("import file", move |tx| act::arrived(tx, &here, size));
        self.handle.block_on(done).map_err(plain)?;
        self.report.files += 1;
        Ok(())
    }
}

/// Writes a file durably under its name.
fn put(media: &Path, name: &str, content: &mut dyn Read) -> Outcome<u64> {
    let folder = media.join(folder_of(name));
    private_folder(&folder)?;
    let path = folder.join(name);
    let mut content = Incoming::new(content);
    let written = (|| {
        let mut file = private(&path)?;
        let size = io::copy(&mut content, &mut file)?;
        file.flush()?;
        file.sync_all()?;
        sync_folder(&folder)?;
        sync_folder(media)?;
        Ok(size)
    })();
    written.map_err(|e: io::Error| match content.broke {
        true => unread(name, &e),
        false => format!("cannot write {}: {e}", path.display()),
    })
}

fn unread(name: &str, error: &io::Error) -> String {
    format!("this is no whole export of Hobnob: {name}: {error}")
}

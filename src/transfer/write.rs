//! Export: all of an app as of one moment into one file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Outcome, Progress, part_name};
use crate::backup::{Incoming, Target};
use crate::model::attachment::folder_of;
use crate::model::error::Error;
use crate::model::time::{Clock, stamp};
use crate::store::backup::{Moment, has_file};
use crate::store::exports::{Exported, KINDS};

/// How many lines there are of each kind, and `media`: files.
pub type Counts = BTreeMap<String, u64>;

/// Bytes of lines in one part: as much as is held in memory.
const PART: usize = 4 << 20;

/// Fast, and text becomes a fifth of its size.
const LEVEL: i32 = 3;

/// Exports the app with this id from the data folder, which may be in use. The file that was made, and what is in it.
pub fn export(
    data: &Path,
    app_id: &str,
    to: &Target,
    clock: &Clock,
    progress: Progress<'_>,
) -> Outcome<(Option<PathBuf>, Counts)> {
    let plain = |error: Error| error.plain();
    let database = data.join("hobnob.db");
    let moment = Moment::of(&database).map_err(plain)?;
    let Some(app) = moment.app(&app_id.to_ascii_lowercase()).map_err(plain)? else {
        let known = moment.apps().map_err(plain)?;
        let known: String = known.iter().map(|(id, name)| format!("\n  {id}  {name}")).collect();
        return Err(format!("there is no app {app_id}. There are:{known}"));
    };
    let source = Source { moment, database: &database, media: data.join("media"), app, now: clock.now() };
    let stem = format!("{}-{}", source.app.app_id, stamp(source.now));
    to.fill(&stem, |output, _| source.write(output, progress))
}

struct Source<'s> {
    moment: Moment,
    database: &'s Path,
    media: PathBuf,
    app: Exported,
    now: i64,
}

/// Why a walk over rows ended.
enum Ended {
    Store(Error),
    Here(String),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Ended::Store(error)
    }
}

impl Ended {
    fn plain(self) -> String {
        match self {
            Ended::Store(error) => error.plain(),
            Ended::Here(why) => why,
        }
    }
}

impl Source<'_> {
    fn write(&self, to: &mut dyn Write, progress: Progress<'_>) -> Outcome<Counts> {
        let mut encoder = zstd::Encoder::new(to, LEVEL).map_err(unwritten)?;
        encoder.include_checksum(true).map_err(unwritten)?;
        let mut parts =
            Parts { tar: tar::Builder::new(encoder), now: self.now, part: Vec::new(), named: ("", 0), lines: 0 };
        let mut counts = Counts::new();
        parts.line("app", &self.app.head(self.now))?;
        for kind in KINDS {
            let count = counts.entry(kind.name.to_owned()).or_default();
            let walked = self.moment.lines(kind, &self.app, self.now, |line| {
                parts.line(kind.name, line).map_err(Ended::Here)?;
                *count += 1;
                if parts.lines % 1000 == 0 {
                    progress("lines", parts.lines);
                }
                Ok(())
            });
            walked.map_err(Ended::plain)?;
            if kind.name == "file" {
                parts.flush()?;
                let files = self.media(&mut parts, progress)?;
                counts.insert("media".to_owned(), files);
            }
        }
        let end = format!("{{\"end\":{{\"lines\":{}}}}}", parts.lines);
        parts.line("end", &end)?;
        parts.flush()?;
        parts.tar.into_inner().and_then(|encoder| encoder.finish()?.flush()).map_err(unwritten)?;
        Ok(counts)
    }

    fn media<W: Write>(&self, parts: &mut Parts<W>, progress: Progress<'_>) -> Outcome<u64> {
        let (mut files, mut bytes) = (0, 0);
        let walked = self.moment.files_of(&self.app, |name| {
            let folder = folder_of(name);
            let path = self.media.join(folder).join(name);
            match parts.file(&format!("media/{folder}/{name}"), &path) {
                Ok(size) => {
                    files += 1;
                    bytes += size;
                    progress("bytes of files", bytes);
                    Ok(())
                }
                // Its row goes before the file does: the message was deleted meanwhile.
                Err(_) if !path.exists() && !has_file(self.database, name)? => Ok(()),
                Err(error) => Err(Ended::Here(error)),
            }
        });
        walked.map_err(Ended::plain)?;
        Ok(files)
    }
}

/// The archive, with the part that is being filled.
struct Parts<W: Write> {
    tar: tar::Builder<W>,
    now: i64,
    part: Vec<u8>,
    /// Of which kind the part is, and the how manieth of it.
    named: (&'static str, u32),
    lines: u64,
}

impl<W: Write> Parts<W> {
    fn line(&mut self, kind: &'static str, line: &str) -> Outcome<()> {
        if self.named.0 != kind {
            self.flush()?;
            self.named = (kind, 0);
        } else if self.part.len() + line.len() > PART {
            self.flush()?;
        }
        self.part.extend_from_slice(line.as_bytes());
        self.part.push(b'\n');
        self.lines += 1;
        Ok(())
    }

    fn flush(&mut self) -> Outcome<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        self.named.1 += 1;
        let (kind, number) = self.named;
        let name = part_name(kind, number);
        let mut header = self.header(self.part.len() as u64);
        let added = self.tar.append_data(&mut header, name, &*self.part);
        self.part.clear();
        added.map_err(unwritten)
    }

    fn header(&self, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.now.unsigned_abs());
        header
    }

    fn file(&mut self, name: &str, path: &Path) -> Outcome<u64> {
        let failed = |e: io::Error| format!("cannot take {} into the export: {e}", path.display());
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut header = self.header(size);
        let mut content = Incoming::new(file.take(size));
        let added = self.tar.append_data(&mut header, name, &mut content);
        added.map_err(|e| if content.broke { failed(e) } else { unwritten(e) })?;
        Ok(size)
    }
}

fn unwritten(error: io::Error) -> String {
    format!("cannot write the export: {error}")
}

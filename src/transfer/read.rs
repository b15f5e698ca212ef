//! Reading an export: lines and files in their order, from an archive, a folder, or plain lines.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{Outcome, Progress, part_name};
use crate::backup::plain_entries;
use crate::model::attachment::{folder_of, is_name};
use crate::store::exports::KINDS;

/// The longest line that is read, in bytes. The longest that are written hold a message with all reactions to it.
const MOST_LINE: u64 = 256 << 20;

/// How an archive in zstd begins.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Where a line stands.
#[derive(Clone, Debug)]
pub struct At {
    pub file: String,
    /// From 1.
    pub line: u64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.file, self.line)
    }
}

/// What an export holds.
pub enum Item<'i> {
    Line(At, &'i str),
    /// A file of a message, by its name, with its content.
    File(&'i str, &'i mut dyn Read),
}

type Each<'e> = &'e mut dyn FnMut(Item<'_>) -> Outcome<()>;

/// Reads it through. `-` is standard input. `progress` hears of bytes read.
pub fn read(from: &Path, progress: Progress<'_>, each: Each<'_>) -> Outcome<()> {
    if from.is_dir() {
        return folder(from, each);
    }
    let failed = |e: io::Error| format!("cannot read {}: {e}", from.display());
    let source: Box<dyn Read> = match from == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(from).map_err(failed)?),
    };
    let mut source = BufReader::with_capacity(1 << 20, Counted { source, bytes: 0, progress });
    let begins = source.fill_buf().map_err(failed)?.starts_with(&ZSTD);
    match begins {
        true => archive(source, each),
        false => lines(source, &from.display().to_string(), each),
    }
}

struct Counted<'p> {
    source: Box<dyn Read>,
    bytes: u64,
    progress: Progress<'p>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.bytes += read as u64;
        (self.progress)("bytes read", self.bytes);
        Ok(read)
    }
}

fn archive(source: impl BufRead, each: Each<'_>) -> Outcome<()> {
    let damaged = |e: io::Error| format!("this is no whole export of Hobnob: {e}");
    let mut tar = tar::Archive::new(zstd::Decoder::with_buffer(source).map_err(damaged)?);
    for entry in plain_entries(&mut tar).map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.to_string_lossy().into_owned();
        if !entry.header().entry_type().is_file() {
            return Err(format!("this is no export of Hobnob: {name:?} in it is no file"));
        }
        if is_part(&name) {
            lines(BufReader::new(&mut entry), &name, each)?;
            continue;
        }
        match name.split('/').collect::<Vec<_>>()[..] {
            ["media", folder, file] if is_name(file) && folder_of(file) == folder => {
                each(Item::File(file, &mut entry))?;
            }
            ["manifest.json"] | ["hobnob.db"] => {
                return Err("this is a backup of all apps: hobnob restore reads it".to_owned());
            }
            _ => return Err(format!("this is no export of Hobnob: there is {name:?} in it")),
        }
    }
    // To the end, where the checksum of all of it is.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(damaged)?;
    Ok(())
}

/// Whether lines are called so: `message.jsonl`, `message.2.jsonl`.
fn is_part(name: &str) -> bool {
    let stem = name.strip_prefix("./").unwrap_or(name).strip_suffix(".jsonl");
    stem.is_some_and(|stem| stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'))
}

fn lines(mut source: impl BufRead, name: &str, each: Each<'_>) -> Outcome<()> {
    let mut at = At { file: name.to_owned(), line: 0 };
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        at.line += 1;
        let read = source.by_ref().take(MOST_LINE).read_until(b'\n', &mut bytes);
        let read = read.map_err(|e| format!("{at}: cannot read on: {e}"))?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 == MOST_LINE {
            return Err(format!("{at}: longer than {MOST_LINE} bytes"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| format!("{at}: not UTF-8"))?.trim();
        if !text.is_empty() {
            each(Item::Line(at.clone(), text))?;
        }
    }
}

/// The parts of a folder in their order, and its files after those lines that announce them.
fn folder(from: &Path, each: Each<'_>) -> Outcome<()> {
    if !from.join("app.jsonl").exists() {
        return Err(format!("{} is no export of Hobnob: there is no app.jsonl in it", from.display()));
    }
    let mut kinds: Vec<&str> = ["app"].into_iter().chain(KINDS.iter().map(|kind| kind.name)).chain(["end"]).collect();
    kinds.dedup();
    for kind in kinds {
        for number in 1.. {
            let name = part_name(kind, number);
            let path = from.join(&name);
            if !path.exists() {
                break;
            }
            lines(BufReader::new(plain_file(&path)?), &name, each)?;
        }
        if kind == "file" {
            media(&from.join("media"), each)?;
        }
    }
    Ok(())
}

/// A file of a folder that somebody else may have packed. A link would bring in what it leads to, wherever that is.
fn plain_file(path: &Path) -> Outcome<File> {
    let failed = |e: io::Error| format!("cannot read {}: {e}", path.display());
    match fs::symlink_metadata(path).map_err(failed)?.is_file() {
        true => File::open(path).map_err(failed),
        false => Err(format!("this is no export of Hobnob: {} is no plain file", path.display())),
    }
}

fn media(root: &Path, each: Each<'_>) -> Outcome<()> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    for path in list(root).iter().filter(|path| path.is_dir()).flat_map(|folder| list(folder)) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| is_name(name)) else { continue };
        each(Item::File(name, &mut plain_file(&path)?))?;
    }
    Ok(())
}

//! Backups: all of a data folder as of one moment in one file, and the way back.
//!
//! The file is a tar in zstd: `hobnob.db`, `tls/…`, `media/…` and last `manifest.json`, with the size and SHA-256 of each
//! file and the counts of what is in the database. It is written in a draft, synced, and then takes its name, so a file of
//! that name is whole. An archive without its manifest was cut off and is refused.
//!
//! The database is copied as of one moment ([`crate::store::backup`]), the files after it. A file is removed only after
//! its row, so one that is missing then belongs to a message that was deleted meanwhile; the manifest names it.
//!
//! A restore holds the folder as a server does, and marks it from its first moment to its last: a folder in which one was
//! interrupted is not served, and the next restore begins it anew.
//!
//! Nothing is believed that an archive says about where to put things: names are taken only in the forms that are written
//! here.

mod files;

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::draft::Draft;
use crate::durable;
use crate::lock::{self, Lock};
use crate::model::attachment::{folder_of, is_name};
use crate::model::error::{Code, Error};
use crate::model::time::{Clock, hex, stamp};
use crate::store::backup::{self, Counts, Moment};
use files::PREFIX;
pub use files::{Target, list, prune};

/// The form of the archive. Another one is refused.
const FORMAT: u32 = 1;

/// Fast, and text becomes a fourth of its size.
const LEVEL: i32 = 3;

const DATABASE: &str = "hobnob.db";
const MANIFEST: &str = "manifest.json";

/// Bytes a manifest may have, and more for each file before it: as much as it may say of them, and the names of a million
/// files that were removed meanwhile.
const MOST_MANIFEST: u64 = 64 << 20;
const MOST_OF_FILE: u64 = 1 << 10;

/// The database of a restore that is not finished.
const RESTORING: &str = "restoring.db";

/// `Err`: what went wrong, for people.
type Outcome<T> = Result<T, String>;

/// What an archive holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub format: u32,
    /// Release that made it.
    pub hobnob: String,
    /// Version of the database's schema.
    pub schema: i64,
    /// The moment it shows, in seconds.
    pub made_at: i64,
    pub counts: Counts,
    pub files: Vec<Entry>,
    /// Names of files that were removed, with their messages, while the backup was made.
    pub removed: Vec<String>,
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub path: String,
    pub size: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// How far it has come: what is done, and bytes of it.
pub type Progress<'p> = &'p mut dyn FnMut(&str, u64);

/// Makes a backup of the data folder, which may be in use. The file that was made, and what is in it.
pub fn make(data: &Path, to: &Target, clock: &Clock, progress: Progress<'_>) -> Outcome<(Option<PathBuf>, Manifest)> {
    let database = data.join(DATABASE);
    // Not opened: a process that closes a file loses all locks it has on it, and this may be the server.
    fs::metadata(&database).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => format!("there is no database at {}", database.display()),
        _ => format!("cannot read {}: {e}", database.display()),
    })?;
    let source = Source { data, database: &database, at: clock.now() };
    to.fill(&format!("{PREFIX}{}", stamp(source.at)), |output, folder| write(&source, output, folder, progress))
}

/// What is backed up, and when.
struct Source<'s> {
    data: &'s Path,
    database: &'s Path,
    at: i64,
}

/// `scratch`: a folder with room for the database.
fn write(source: &Source<'_>, to: &mut dyn Write, scratch: &Path, progress: Progress<'_>) -> Outcome<Manifest> {
    let Source { data, database, at: made_at } = *source;
    let plain = |e: Error| e.plain();
    let moment = Moment::of(database).map_err(plain)?;
    let counts = moment.counts().map_err(plain)?;
    let draft = Draft::new(scratch).map_err(|e| format!("cannot write in {}: {e}", scratch.display()))?;
    let copy = draft.path(DATABASE);
    let copied = moment.copy(&copy, |bytes| progress("database", bytes));
    copied.map_err(|e| format!("cannot copy the database into {}: {}", scratch.display(), e.plain()))?;
    let mut encoder = zstd::Encoder::new(to, LEVEL).map_err(unwritten)?;
    // What no digest of the manifest covers (names, the manifest itself) is covered by this.
    encoder.include_checksum(true).map_err(unwritten)?;
    let mut archive = Archive { tar: tar::Builder::new(encoder), files: Vec::new(), made_at };
    archive.add(DATABASE, &copy)?;
    drop(draft);
    if let Ok(entries) = fs::read_dir(data.join("tls")) {
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|p| p.is_file()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if is_tls_name(name) {
                archive.add(&format!("tls/{name}"), &path)?;
            }
        }
    }
    let (mut removed, mut bytes, mut trouble) = (Vec::new(), 0, None);
    let walked = moment.files(|name, size| {
        let folder = folder_of(&name);
        let path = data.join("media").join(folder).join(&name);
        match archive.add(&format!("media/{folder}/{name}"), &path) {
            Ok(()) => {
                bytes += size.unsigned_abs();
                progress("files", bytes);
            }
            // Its row goes before the file does.
            Err(_) if !path.exists() && !backup::has_file(database, &name)? => removed.push(name),
            Err(error) => {
                trouble = Some(error);
                return Err(Code::Internal.into());
            }
        }
        Ok(())
    });
    if let Some(trouble) = trouble {
        return Err(trouble);
    }
    walked.map_err(plain)?;
    let manifest = Manifest {
        format: FORMAT,
        hobnob: env!("CARGO_PKG_VERSION").to_owned(),
        schema: moment.schema().map_err(plain)?,
        made_at,
        counts,
        files: std::mem::take(&mut archive.files),
        removed,
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|e| e.to_string())?;
    archive.tar.append_data(&mut header(text.len() as u64, made_at), MANIFEST, &*text).map_err(unwritten)?;
    archive.tar.into_inner().and_then(|encoder| encoder.finish()?.flush()).map_err(unwritten)?;
    Ok(manifest)
}

fn unwritten(error: io::Error) -> String {
    format!("cannot write the backup: {error}")
}

struct Archive<W: Write> {
    tar: tar::Builder<W>,
    files: Vec<Entry>,
    made_at: i64,
}

impl<W: Write> Archive<W> {
    fn add(&mut self, name: &str, path: &Path) -> Outcome<()> {
        let failed = |e: io::Error| format!("cannot take {} into the backup: {e}", path.display());
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut reader = Digesting::new(file.take(size));
        let added = self.tar.append_data(&mut header(size, self.made_at), name, &mut reader);
        added.map_err(|e| if reader.inner.broke { failed(e) } else { unwritten(e) })?;
        if reader.bytes != size {
            return Err(format!("{} changed while it was read", path.display()));
        }
        self.files.push(Entry { path: name.to_owned(), size, sha256: reader.finish() });
        Ok(())
    }
}

fn header(size: u64, made_at: i64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(made_at.unsigned_abs());
    header
}

/// What is read, and whether that failed: who copies it elsewhere hears of one error only.
pub(crate) struct Incoming<R> {
    inner: R,
    pub(crate) broke: bool,
}

impl<R: Read> Incoming<R> {
    pub(crate) fn new(inner: R) -> Self {
        Incoming { inner, broke: false }
    }
}

impl<R: Read> Read for Incoming<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        self.broke |= read.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        read
    }
}

/// What passes through, counted and digested.
struct Digesting<R> {
    inner: Incoming<R>,
    digest: Sha256,
    bytes: u64,
}

impl<R: Read> Digesting<R> {
    fn new(inner: R) -> Self {
        Digesting { inner: Incoming::new(inner), digest: Sha256::new(), bytes: 0 }
    }

    fn finish(self) -> String {
        hex(&self.digest.finalize())
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Puts a backup into an empty folder, or one that is not there yet, or one in which a restore was interrupted. What was
/// in it. Where that fails nothing of it stays.
pub fn restore(archive: impl Read, data: &Path, progress: Progress<'_>) -> Outcome<Manifest> {
    may_restore(data)?;
    private_folder(data)?;
    // No server, and no other restore, meanwhile; from here on nothing can come between.
    let _lock = Lock::take(data)?;
    may_restore(data)?;
    let unproved = data.join(RESTORING);
    let failed = |e: io::Error| format!("cannot write in {}: {e}", data.display());
    private(&unproved).and_then(|_| durable::sync_folder(data)).map_err(failed)?;
    let done = (|| {
        clear(data).map_err(failed)?;
        let manifest = unpack(archive, Some(data), &unproved, progress)?;
        prove(&unproved, &manifest)?;
        remove_sides(&unproved);
        // Last of all, and synced: where this file is, all of it is.
        durable::place(&unproved, &data.join(DATABASE)).map_err(failed)?;
        Ok(manifest)
    })();
    if done.is_err() && is_interrupted(data) && clear(data).is_ok() {
        remove_sides(&unproved);
        let _ = fs::remove_file(&unproved);
    }
    done
}

/// Whether nothing is in the folder that a restore would mix with or take the place of.
fn may_restore(data: &Path) -> Outcome<()> {
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("cannot read {}: {error}", data.display())),
    };
    let interrupted = is_interrupted(data);
    let is_free = |name: &str| match name {
        // A file system of its own begins with the first.
        "lost+found" | lock::NAME => true,
        "tls" | "media" => interrupted,
        other => interrupted && other.starts_with(RESTORING),
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    match names.into_iter().all(|name| name.to_str().is_some_and(is_free)) {
        true => Ok(()),
        false => Err(format!("{} is not empty: a backup is restored into a folder of its own", data.display())),
    }
}

/// Whether a restore into this folder began and did not end.
pub fn is_interrupted(data: &Path) -> bool {
    data.join(RESTORING).exists() && !data.join(DATABASE).exists()
}

/// Removes what an interrupted restore has put there besides the database.
fn clear(data: &Path) -> io::Result<()> {
    for folder in ["tls", "media"] {
        match fs::remove_dir_all(data.join(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a backup through, opens the database in it and counts. What is in it.
pub fn check(archive: impl Read, progress: Progress<'_>) -> Outcome<Manifest> {
    check_in(&std::env::temp_dir(), archive, progress)
}

/// The same, in a folder that has room for the database.
pub fn check_in(folder: &Path, archive: impl Read, progress: Progress<'_>) -> Outcome<Manifest> {
    let draft = Draft::new(folder).map_err(|e| format!("cannot write in {}: {e}", folder.display()))?;
    let database = draft.path(DATABASE);
    let manifest = unpack(archive, None, &database, progress)?;
    prove(&database, &manifest)?;
    Ok(manifest)
}

fn prove(database: &Path, manifest: &Manifest) -> Outcome<()> {
    let found = backup::prove(database).map_err(|e| format!("this backup is no good: {}", e.plain()))?;
    if found != manifest.counts {
        return Err(format!("this backup is no good: it should hold {:?} and holds {found:?}", manifest.counts));
    }
    Ok(())
}

/// Takes the archive apart: the database to `database`, the rest into `data`, if that is wanted. Everything is compared with
/// the manifest.
fn unpack(archive: impl Read, data: Option<&Path>, database: &Path, progress: Progress<'_>) -> Outcome<Manifest> {
    let damaged = |e: io::Error| format!("this is no whole backup of Hobnob: {e}");
    let mut tar = tar::Archive::new(zstd::Decoder::new(archive).map_err(damaged)?);
    let (mut found, mut manifest, mut bytes) = (Vec::new(), None, 0);
    let (mut folders, mut names) = (BTreeSet::new(), HashSet::new());
    for entry in plain_entries(&mut tar).map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.to_string_lossy().into_owned();
        if !entry.header().entry_type().is_file() {
            return Err(format!("this is no backup of Hobnob: {name:?} in it is no file"));
        }
        if name == MANIFEST {
            let most = MOST_MANIFEST + MOST_OF_FILE * found.len() as u64;
            if entry.size() > most {
                return Err(format!("this is no backup of Hobnob: its manifest is larger than {most} bytes"));
            }
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(damaged)?;
            manifest = Some(
                serde_json::from_slice::<Manifest>(&text)
                    .map_err(|e| format!("this is no whole backup of Hobnob: its manifest: {e}"))?,
            );
            break;
        }
        let target = match place(&name) {
            None => return Err(format!("this is no backup of Hobnob: there is {name:?} in it")),
            Some(_) if name == DATABASE => Some(database.to_owned()),
            Some(place) => data.map(|data| data.join(place)),
        };
        if !names.insert(name.clone()) {
            return Err(format!("this backup is damaged: {name} is in it twice"));
        }
        let size = entry.size();
        let mut reader = Digesting::new(&mut entry);
        match target {
            None => io::copy(&mut reader, &mut io::sink()).map_err(damaged)?,
            Some(path) => {
                let failed = |e: io::Error| format!("cannot write {}: {e}", path.display());
                if let Some(folder) = path.parent() {
                    private_folder(folder)?;
                    // An archive of a few kilobytes may hold more than fits.
                    if let Some(room) = durable::room(folder).filter(|room| size > *room) {
                        let folder = folder.display();
                        return Err(format!("{name} has {size} bytes, and {folder} has room for {room}"));
                    }
                    folders.insert(folder.to_owned());
                }
                let mut file = private(&path).map_err(failed)?;
                let copied = io::copy(&mut reader, &mut file);
                let copied = copied.map_err(|e| if reader.inner.broke { damaged(e) } else { failed(e) })?;
                file.sync_all().map_err(failed)?;
                copied
            }
        };
        bytes += reader.bytes;
        progress("read", bytes);
        found.push(Entry { path: name, size: reader.bytes, sha256: reader.finish() });
    }
    for folder in folders {
        durable::sync_folder(&folder).map_err(|e| format!("cannot write {}: {e}", folder.display()))?;
    }
    // To the end, where the checksum of all of it is.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(damaged)?;
    let manifest = manifest.ok_or("this is no whole backup of Hobnob: it ends before its manifest")?;
    if manifest.format != FORMAT {
        return Err(format!("this backup is of form {}, and this version of Hobnob reads {FORMAT}", manifest.format));
    }
    if let Some((is, should)) = found.iter().zip(&manifest.files).find(|(is, should)| is != should) {
        return Err(format!("this backup is damaged: {} is not {:?} as it was taken", is.path, should.path));
    }
    match found.len() == manifest.files.len() && found.iter().any(|entry| entry.path == DATABASE) {
        true => Ok(manifest),
        false => Err("this backup is damaged: files are missing".to_owned()),
    }
}

/// The entries of an archive as they stand there. What some of them may say of the next one (a long name, attributes) is
/// not needed here, and would be read into memory at whatever length the archive claims.
pub(crate) fn plain_entries<R: Read>(archive: &mut tar::Archive<R>) -> io::Result<tar::Entries<'_, R>> {
    Ok(archive.entries()?.raw(true))
}

/// Where a file of an archive belongs in the data folder; `None`: nowhere.
fn place(name: &str) -> Option<PathBuf> {
    match name.split('/').collect::<Vec<_>>()[..] {
        [DATABASE] => Some(DATABASE.into()),
        ["tls", file] if is_tls_name(file) => Some(Path::new("tls").join(file)),
        ["media", folder, file] if is_name(file) && folder_of(file) == folder => {
            Some(Path::new("media").join(folder).join(file))
        }
        _ => None,
    }
}

/// Whatever lies there, by a plain name.
fn is_tls_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    // With its folder it must fit into the header of a tar.
    (1..=96).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain)
}

/// What SQLite puts beside a database that is opened. Nothing is in them: it was only read.
const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

fn remove_sides(database: &Path) {
    for end in SIDES {
        let mut path = database.as_os_str().to_owned();
        path.push(end);
        let _ = fs::remove_file(path);
    }
}

pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(crate) fn private_folder(path: &Path) -> Outcome<()> {
    durable::make_folder(path, true).map_err(|e| format!("cannot make {}: {e}", path.display()))
}

//! One server to a data folder.
//!
//! Two servers on one database would both work, and each would announce to its own sockets only: a message sent through
//! one never reaches the clients of the other. So the serving process holds a lock on `hobnob.lock` in the folder, and so
//! does a restore, which puts a database there. The system lets go of it when the process ends, however it ends; the file stays, and says nothing then. Tools do not take
//! the lock: they write beside the server, which notices. The file also remembers that the folder has been served.

use std::cell::Cell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A server that is being replaced may take this long to end.
const PATIENCE: Duration = Duration::from_millis(1500);
const RETRY: Duration = Duration::from_millis(50);

/// Held while the folder is served.
pub struct Lock {
    file: File,
    served: Cell<bool>,
}

/// The third line of the file of a folder that has been served: there was a database, whatever is there now.
const SERVED: &str = "served";

/// The server that holds a folder, as it says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub process: String,
    /// How clients reach it, once it listens: `https://chat.example/chat`.
    pub base: Option<String>,
    /// It, or one before it, has been reached.
    pub served: bool,
}

/// The file's name.
pub const NAME: &str = "hobnob.lock";

fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}

fn open(data: &Path, create: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path(data))
}

impl Lock {
    /// Takes the folder for this process. `Err` says who has it.
    pub fn take(data: &Path) -> Result<Lock, String> {
        let explain = |error: &dyn std::fmt::Display| format!("cannot use {}: {error}", path(data).display());
        let file = open(data, true).map_err(|e| explain(&e))?;
        let asked = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if asked.elapsed() < PATIENCE => std::thread::sleep(RETRY),
                Err(TryLockError::WouldBlock) => return Err(taken(data)),
                // Some network and shared folders know no locks. Better served without than not at all.
                Err(TryLockError::Error(error)) => {
                    log::warn!(
                        "{}: no lock ({error}): see to it that no other server uses this folder",
                        data.display()
                    );
                    break;
                }
            }
        }
        let lock = Lock { file, served: Cell::new(read(data).is_some_and(|last| last.served)) };
        lock.say(None).map_err(|e| explain(&e))?;
        Ok(lock)
    }

    /// Whether an earlier server came so far that clients could reach it.
    pub fn served(&self) -> bool {
        self.served.get()
    }

    /// Tells tools, and whoever wants the folder too, how the server is reached.
    pub fn say(&self, base: Option<&str>) -> std::io::Result<()> {
        self.served.set(self.served.get() || base.is_some());
        let served = if self.served.get() { SERVED } else { "" };
        self.file.set_len(0)?;
        let mut file = &self.file;
        std::io::Seek::rewind(&mut file)?;
        file.write_all(format!("{}\n{}\n{served}\n", std::process::id(), base.unwrap_or_default()).as_bytes())
    }
}

fn taken(data: &Path) -> String {
    let (process, at) = match read(data) {
        Some(Holder { process, base: Some(base), .. }) => (format!(" (process {process}"), format!(", at {base})")),
        Some(Holder { process, base: None, .. }) => (format!(" (process {process}"), ")".to_owned()),
        None => Default::default(),
    };
    format!(
        "another Hobnob{process}{at} serves {}: stop it first, or give this one another --data folder",
        data.display()
    )
}

fn read(data: &Path) -> Option<Holder> {
    let mut text = String::new();
    open(data, false).ok()?.read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    let process = lines.next().filter(|line| !line.is_empty())?.to_owned();
    let base = lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    let served = base.is_some() || lines.next() == Some(SERVED);
    Some(Holder { process, base, served })
}

/// The server that serves this folder now, if one does.
pub fn holder(data: &Path) -> Option<Holder> {
    let file = open(data, false).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read(data),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_server_at_a_time() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(holder(dir.path()), None);
        let lock = Lock::take(dir.path()).expect("free");
        lock.say(Some("https://chat.example/chat")).expect("says");
        let process = std::process::id().to_string();
        assert_eq!(
            holder(dir.path()),
            Some(Holder { process: process.clone(), base: Some("https://chat.example/chat".into()), served: true })
        );
        let refused = Lock::take(dir.path()).err().expect("taken");
        assert!(refused.contains(&process) && refused.contains("https://chat.example/chat"), "{refused}");
        drop(lock);
        assert_eq!(holder(dir.path()), None);
        Lock::take(dir.path()).expect("free again").say(None).expect("says");
    }

    #[test]
    fn a_folder_remembers_that_it_was_served() {
        let dir = tempfile::tempdir().expect("a folder");
        for reached in [false, false, true] {
            let lock = Lock::take(dir.path()).expect("free");
            assert!(!lock.served());
            lock.say(reached.then_some("http://127.0.0.1:8080")).expect("says");
        }
        // Also by servers that were started and did not come so far.
        for _ in 0..2 {
            assert!(Lock::take(dir.path()).expect("free").served());
        }
    }
}

//! What is being made and is not whole yet: in a folder of its own, beside the place where it will be.
//!
//! It goes with the one who makes it, and whoever is killed removes nothing. So each holds a lock on a file in its folder:
//! the system lets go of it however the process ends, and a folder whose lock is free is nobody's any more. The next draft
//! beside it removes it, and so does a server that starts: copies of a database are in such folders, also of people who
//! were erased since.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::model::time::Ids;

/// How the folders begin; 16 digits follow.
const PREFIX: &str = ".hobnob-";
const LOCK: &str = "lock";
/// Somebody who looks for old ones may take a new one for old, once in a blue moon.
const TRIES: u32 = 10;

/// A folder for what is being made; it goes, with all that is in it, when this is dropped.
pub struct Draft {
    folder: PathBuf,
    _lock: File,
}

impl Draft {
    /// In the folder `beside`, which is there. What others left there who were killed goes.
    pub fn new(beside: &Path) -> io::Result<Draft> {
        sweep(beside);
        for _ in 0..TRIES {
            let folder = beside.join(format!("{PREFIX}{}", Ids::default().hex(8)));
            let mut builder = DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&folder)?;
            let made = OpenOptions::new().write(true).create_new(true).open(folder.join(LOCK));
            let Ok(lock) = made else {
                let _ = fs::remove_dir(&folder);
                return Err(made.err().unwrap_or_else(|| io::ErrorKind::Other.into()));
            };
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) => continue,
                // Where there are no locks nobody takes it for old either.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            if folder.join(LOCK).exists() {
                return Ok(Draft { folder, _lock: lock });
            }
        }
        Err(io::Error::other("others remove what is made here"))
    }

    /// Where a file of this name is made.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes drafts of this user in a folder whose makers are gone.
pub fn sweep(beside: &Path) {
    for entry in fs::read_dir(beside).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let is_draft = digits.is_some_and(|d| d.len() == 16 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        // Not through links, and in a folder for all nothing of others.
        if !is_draft || !entry.metadata().is_ok_and(|found| found.is_dir() && is_mine(&found)) {
            continue;
        }
        let Ok(lock) = OpenOptions::new().write(true).open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(unix)]
fn is_mine(found: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(found) == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_mine(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut found: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        found
    }

    #[test]
    fn a_draft_goes_with_its_maker_or_with_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".hobnob-0123456789abcdef");
        let others = [".hobnob-0123", ".hobnob-x123456789abcdef", "0123456789abcdef"];
        for path in others.iter().map(|name| folder.path().join(name)).chain([left.clone()]) {
            fs::create_dir(&path).unwrap();
            fs::write(path.join(LOCK), b"").unwrap();
            fs::write(path.join("hobnob.db"), b"of somebody who was killed").unwrap();
        }
        // Between its folder and its lock: somebody may be about to take it.
        let empty = folder.path().join(".hobnob-1123456789abcdef");
        fs::create_dir(&empty).unwrap();
        let one = Draft::new(folder.path()).unwrap();
        assert!(!left.exists() && empty.exists());
        fs::write(one.path("a"), b"a").unwrap();
        let two = Draft::new(folder.path()).unwrap();
        sweep(folder.path());
        assert!(one.path("a").exists() && two.path(LOCK).exists(), "what is being made stays");
        drop((one, two));
        assert_eq!(names(folder.path()), [others[0], ".hobnob-1123456789abcdef", others[1], others[2]]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_draft() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join(LOCK), b"").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join(".hobnob-0123456789abcdef")).unwrap();
        sweep(folder.path());
        assert!(elsewhere.path().join(LOCK).exists());
    }
}

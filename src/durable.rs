//! Files that are still there, and whole, after a power cut.
//!
//! The bytes of a file are kept for sure once it is synced, and its name once its folder is; the folder's name in turn
//! once the one above is. So a file that others may find is written under another name, synced, named, and then the folder
//! is synced; and a folder is synced into the one above when it is made. What was only written may be there in part or
//! not at all, in any order.
//!
//! What is in a folder that goes with the process ([`let_go`]) need not outlive it: nothing there is synced.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::RwLock;

/// Folders that go with the process.
static PASSING: RwLock<Vec<PathBuf>> = RwLock::new(Vec::new());

/// Nothing in this folder is kept for sure from now on: it goes with the process. For servers that tests throw away, and
/// named by their room alone.
pub fn let_go(folder: &Path) {
    PASSING.write().unwrap_or_else(|e| e.into_inner()).push(folder.to_owned());
}

/// The folder has gone.
pub fn has_gone(folder: &Path) {
    PASSING.write().unwrap_or_else(|e| e.into_inner()).retain(|passing| passing != folder);
}

/// Whether this is in a folder that goes with the process.
pub fn is_passing(path: &Path) -> bool {
    PASSING.read().unwrap_or_else(|e| e.into_inner()).iter().any(|folder| path.starts_with(folder))
}

/// Keeps the names in a folder. Where folders cannot be synced the system sees to it.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) && !is_passing(folder) { File::open(or_here(folder))?.sync_all() } else { Ok(()) }
}

/// Makes a folder with those above it that are not there yet, each kept by the one above. `private`: for the owner alone.
pub fn make_folder(path: &Path, private: bool) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_folder(above, private)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    if private {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    }
    match builder.create(path) {
        // Somebody else makes it just now.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => return Err(error),
        _ => {}
    }
    sync_folder(above.unwrap_or(Path::new("")))
}

/// Gives a file that is written its name, in the same folder or another; what had that name before goes.
pub fn place(from: &Path, to: &Path) -> io::Result<()> {
    if !is_passing(from) {
        File::open(from)?.sync_all()?;
    }
    fs::rename(from, to)?;
    sync_folder(to.parent().unwrap_or(Path::new("")))
}

/// As [`place`], unless something has that name already: that stays, and this is an error (`AlreadyExists`). Who else does
/// this in the folder waits, where there are locks.
pub fn place_new(from: &Path, to: &Path) -> io::Result<()> {
    let folder = File::open(or_here(to.parent().unwrap_or(Path::new(""))));
    let _turn = folder.and_then(|folder| folder.lock().map(|()| folder));
    match to.exists() {
        true => Err(io::ErrorKind::AlreadyExists.into()),
        false => place(from, to),
    }
}

/// Puts a small file in place, whole or not at all. `mode`: what the owner and others may do with it.
pub fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let draft = Path::new(&name);
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(draft)?.write_all(bytes)?;
    place(draft, path)
}

/// Bytes for which there is room on the disk of a folder; `None`: nobody knows.
pub fn room(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::statvfs(or_here(folder)).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    #[cfg(not(unix))]
    return Some(folder).and(None);
}

/// The folder of a bare name is the one we are in.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_replaces_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a").join("b");
        make_folder(&below, true).unwrap();
        make_folder(&below, true).unwrap();
        let file = below.join("file");
        put(&file, b"one", 0o600).unwrap();
        put(&file, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(&below).unwrap().count(), 1);
        assert!(make_folder(&file, true).is_err());
    }

    #[test]
    fn what_is_placed_anew_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, b"new").unwrap();
        place_new(&from, &to).unwrap();
        assert_eq!((fs::read(&to).unwrap(), from.exists()), (b"new".to_vec(), false));
        fs::write(&from, b"newer").unwrap();
        assert_eq!(place_new(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((fs::read(&to).unwrap(), from.exists()), (b"new".to_vec(), true));
    }

    #[test]
    fn what_is_let_go_is_all_below_it_until_it_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let passing = folder.path().join("a");
        let_go(&passing);
        assert!(is_passing(&passing.join("media").join("ab")) && !is_passing(folder.path()));
        assert!(!is_passing(&folder.path().join("ab")), "another folder whose name begins so");
        has_gone(&passing);
        assert!(!is_passing(&passing));
    }

    #[cfg(unix)]
    #[test]
    fn private_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("a");
        make_folder(&made, true).unwrap();
        put(&made.join("key"), b"", 0o600).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&made), mode(&made.join("key"))), (0o700, 0o600));
    }
}

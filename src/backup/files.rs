//! Where backups and exports go, and what they are called there.
//!
//! A name is only given to a whole file, and never taken from another: two may be made within one second, by two processes.
//! What is removed to keep so many of them is only what has a name that is given here.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Outcome, private, private_folder};
use crate::draft::Draft;
use crate::durable;
use crate::model::time::is_stamp;

/// How the files that [`super::make`] names itself begin, and they and exports end.
pub(super) const PREFIX: &str = "hobnob-";
const SUFFIX: &str = ".tar.zst";

/// Files of one second in one folder, at most.
const MOST_NUMBER: u32 = 1000;

/// Where a backup goes.
pub enum Target {
    /// A file, or a folder in which it gets a name by its time.
    Path(PathBuf),
    /// Standard output.
    Output,
}

impl Target {
    /// Where a path leads: `-` to the output; one that ends with a slash to a folder, which is made if it is not there.
    pub fn of(path: &Path) -> Outcome<Target> {
        if path == Path::new("-") {
            return Ok(Target::Output);
        }
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            private_folder(path)?;
        }
        Ok(Target::Path(path.to_owned()))
    }

    /// Has it written. A file in a folder is called `stem` and the ending, with a number if others have that name; it has no
    /// name before it is whole and on disk, and takes none from another. `write` is told of a folder with room for it. The
    /// file that was made, and what `write` says.
    pub(crate) fn fill<T>(
        &self,
        stem: &str,
        write: impl FnOnce(&mut dyn Write, &Path) -> Outcome<T>,
    ) -> Outcome<(Option<PathBuf>, T)> {
        let (path, is_folder) = match self {
            Target::Output => return Ok((None, write(&mut io::stdout().lock(), &std::env::temp_dir())?)),
            Target::Path(path) if path.is_dir() => (path.join(format!("{stem}{SUFFIX}")), true),
            Target::Path(path) => (path.clone(), false),
        };
        let failed = |e: io::Error| format!("cannot write {}: {e}", path.display());
        let taken = || format!("{} is there already", path.display());
        if !is_folder && path.exists() {
            return Err(taken());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let draft = Draft::new(folder).map_err(failed)?;
        let whole = draft.path("whole");
        let mut file = private(&whole).map_err(failed)?;
        let done = write(&mut file, folder)?;
        drop(file);
        // It moves from one folder to another: the one it leaves has to know it before the other does.
        durable::sync_folder(whole.parent().unwrap_or(folder)).map_err(failed)?;
        for number in 1..=if is_folder { MOST_NUMBER } else { 1 } {
            let name = match number {
                1 => path.clone(),
                more => path.with_file_name(format!("{stem}_{more}{SUFFIX}")),
            };
            match durable::place_new(&whole, &name) {
                Ok(()) => return Ok((Some(name), done)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(taken())
    }
}

/// The time and the number in a name that [`super::make`] gave; `None`: the file is somebody else's.
fn named(path: &Path) -> Option<(String, u32)> {
    let stem = path.file_name()?.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (time, number) = match stem.split_once('_') {
        None => (stem, 1),
        Some((time, number)) => (time, number.parse().ok().filter(|n: &u32| *n > 1 && n.to_string() == number)?),
    };
    is_stamp(time).then(|| (time.to_owned(), number))
}

/// Backups that [`super::make`] named itself in a folder, the oldest first.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        found.extend(named(&path).map(|named| (named, path)));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Removes all but the newest `keep` of them, and never `made`, whatever the clock said before; which went.
pub fn prune(folder: &Path, keep: usize, made: &Path) -> io::Result<Vec<PathBuf>> {
    let mut others = list(folder)?;
    others.retain(|path| path.file_name() != made.file_name());
    others.truncate((others.len() + 1).saturating_sub(keep));
    let mut gone = Vec::new();
    for path in others {
        match fs::remove_file(&path) {
            Ok(()) => gone.push(path),
            // Another backup keeps as many.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(to: &Path, stem: &str, text: &str) -> Outcome<PathBuf> {
        let (path, ()) = Target::Path(to.to_owned())
            .fill(stem, |file, _| file.write_all(text.as_bytes()).map_err(|e| e.to_string()))?;
        path.ok_or_else(|| "no file".to_owned())
    }

    fn names(paths: &[PathBuf]) -> Vec<&str> {
        paths.iter().filter_map(|path| path.file_name()?.to_str()).collect()
    }

    #[test]
    fn two_of_one_second_have_two_names() {
        let folder = tempfile::tempdir().unwrap();
        let stem = "hobnob-20260101T000000Z";
        let made = [1, 2, 3].map(|n| fill(folder.path(), stem, &n.to_string()).unwrap());
        let called = [1, 2, 3].map(|n| if n == 1 { format!("{stem}.tar.zst") } else { format!("{stem}_{n}.tar.zst") });
        assert_eq!(names(&made), called);
        assert_eq!(made.map(|path| fs::read_to_string(path).unwrap()), ["1", "2", "3"]);
        // Of the same name while it was made: whoever was first keeps it.
        let path = folder.path().join("mine");
        let (_, refused) = (fs::write(&path, "first").unwrap(), fill(&path, stem, "second").unwrap_err());
        assert!(refused.contains("is there already"), "{refused}");
        let late = Target::Path(folder.path().join("late"))
            .fill(stem, |_, folder| fs::write(folder.join("late"), "first").map_err(|e| e.to_string()));
        assert!(late.unwrap_err().contains("is there already"));
        assert_eq!(fs::read_to_string(folder.path().join("late")).unwrap(), "first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "no draft is left");
    }

    #[test]
    fn what_others_named_is_neither_counted_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let ours = ["20260101T000000Z", "20260101T000000Z_2", "20260101T000000Z_10", "20260102T000000Z"];
        let others =
            ["before-the-upgrade", "20260101", "20260101T000000Z_1", "20260101T000000Z_02", "zzzzzzzzTzzzzzzZ"];
        let path = |stem: &str| folder.path().join(format!("hobnob-{stem}.tar.zst"));
        for stem in ours.iter().chain(&others) {
            fs::write(path(stem), "x").unwrap();
        }
        assert_eq!(list(folder.path()).unwrap(), ours.map(path));
        // A clock that once was years ahead has left the newest name.
        let gone = prune(folder.path(), 2, &path(ours[1])).unwrap();
        assert_eq!(gone, [ours[0], ours[2]].map(path));
        assert_eq!(list(folder.path()).unwrap(), [ours[1], ours[3]].map(path));
        assert!(others.iter().all(|stem| path(stem).exists()));
        assert_eq!(prune(folder.path(), 1, &path(ours[1])).unwrap(), [path(ours[3])]);
    }

    #[test]
    fn a_folder_is_made_where_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let Target::Path(path) = Target::of(&folder.path().join("a/b/")).unwrap() else { panic!("a path") };
        assert!(path.is_dir());
        assert!(!folder.path().join("c").exists() && Target::of(&folder.path().join("c")).is_ok());
        assert!(!folder.path().join("c").exists());
    }
}

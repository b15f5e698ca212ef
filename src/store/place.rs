//! Whether the database is still the file its path names.
//!
//! A file that is removed or renamed under a running server goes on being written, and what it holds is lost when the
//! server ends. So the writer looks after each commit and before it answers: what is acknowledged was in the file of
//! that name at that moment. Two `stat` calls are some microseconds; the sync before them is a hundred times that, so
//! there is no reason to look less often and acknowledge something into nothing meanwhile.

use std::path::{Path, PathBuf};

/// What tells a file from another that took its name: device and inode.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = ();

/// The files of an open database.
pub struct Place {
    files: Vec<(PathBuf, Identity)>,
}

impl Place {
    /// The database at `path` as it is now, with its log. Both are there once a connection in WAL mode has read.
    pub fn of(path: &Path) -> Self {
        let log = PathBuf::from(format!("{}-wal", path.display()));
        let files = [path.to_owned(), log].into_iter();
        Place { files: files.filter_map(|file| Some((identity(&file)?, file))).map(|(id, file)| (file, id)).collect() }
    }

    /// The file that is not there any more, or is another one.
    pub fn lost(&self) -> Option<&Path> {
        self.files.iter().find(|(file, was)| identity(file) != Some(*was)).map(|(file, _)| file.as_path())
    }
}

/// `None`: there is no such file, or nobody can tell.
fn identity(path: &Path) -> Option<Identity> {
    let found = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = found;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_goes_or_is_another_is_missed() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, log) = (dir.path().join("a.db"), dir.path().join("a.db-wal"));
        let write = |path: &Path, text: &str| std::fs::write(path, text).expect("written");
        write(&path, "1");
        write(&log, "1");
        let place = Place::of(&path);
        assert_eq!(place.lost(), None);
        write(&path, "more in the same file");
        assert_eq!(place.lost(), None);
        std::fs::rename(&log, dir.path().join("away")).expect("renamed");
        assert_eq!(place.lost(), Some(&*log));
        std::fs::rename(dir.path().join("away"), &log).expect("renamed back");
        assert_eq!(place.lost(), None);
        write(&dir.path().join("b.db"), "another");
        std::fs::rename(dir.path().join("b.db"), &path).expect("replaced");
        assert_eq!(place.lost(), Some(&*path));
    }
}

//! Certificate files that are read again when they change.
//!
//! Whoever renews a certificate writes two files, one after the other. So they are read only when nothing about them has
//! changed since the last look, and both together; a pair that does not fit leaves the old one in use, and is told of once.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rustls::sign::CertifiedKey;

use super::{Certificates, Files, dates, read};
use crate::model::time::{Clock, iso};

/// What tells one state of the files from another: when they were written, how long they are, and which they are.
type Stamp = [Option<(SystemTime, u64, u64)>; 2];

/// The files, and which state of them was read last.
pub struct Watched {
    files: Files,
    certificates: Arc<Certificates>,
    clock: Clock,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Read, and used if it was good.
    read: Stamp,
    /// At the last look.
    last: Stamp,
}

/// What a look came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// There was nothing to read.
    Same,
    /// New handshakes get another certificate.
    Changed,
    /// What is there is no good: the old one stays. Why.
    Kept(String),
}

impl Watched {
    /// Reads the files. `Err`: there is nothing good to begin with.
    pub fn open(files: Files, clock: Clock) -> Result<Watched, String> {
        // Before they are read: what changes meanwhile is seen later.
        let stamp = stamp(&files);
        let key = read(&files)?;
        warn_of_end(&files.cert, &key, &clock);
        let certificates = Arc::new(Certificates::new(key, true));
        Ok(Watched { files, certificates, clock, seen: Mutex::new(Seen { read: stamp, last: stamp }) })
    }

    /// Where handshakes ask.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// Reads the files if they have changed and are at rest; `now`: whatever they are.
    pub fn look(&self, now: bool) -> Look {
        let mut seen = self.seen.lock().unwrap_or_else(|e| e.into_inner());
        let stamp = stamp(&self.files);
        let at_rest = std::mem::replace(&mut seen.last, stamp) == stamp;
        if !now && (stamp == seen.read || !at_rest) {
            return Look::Same;
        }
        seen.read = stamp;
        match read(&self.files) {
            Ok(key) => {
                warn_of_end(&self.files.cert, &key, &self.clock);
                let until = key.cert.first().and_then(|cert| dates::of(cert));
                let until = until.map_or_else(String::new, |dates| format!(", good until {}", iso(dates.until)));
                self.certificates.change(key);
                log::info!("new connections get the certificate of {}{until}", self.files.cert.display());
                Look::Changed
            }
            Err(why) => {
                log::warn!("{why}; the certificate read before stays in use");
                Look::Kept(why)
            }
        }
    }
}

fn stamp(files: &Files) -> Stamp {
    [&files.cert, &files.key].map(|path| {
        let file = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let which = std::os::unix::fs::MetadataExt::ino(&file);
        #[cfg(not(unix))]
        let which = 0;
        Some((file.modified().ok()?, file.len(), which))
    })
}

/// Says when a certificate is over: clients will not connect, and nobody else tells the operator why.
fn warn_of_end(path: &Path, key: &CertifiedKey, clock: &Clock) {
    let Some(dates) = key.cert.first().and_then(|cert| dates::of(cert)) else { return };
    if dates.until < clock.now() {
        log::warn!("the certificate of {} was good until {} only: clients refuse it", path.display(), iso(dates.until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate for this name and its key, as PEM.
    fn made(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn files_are_read_when_they_are_at_rest_and_fit() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        let place = |path: &Path, text: &str| {
            // A new file each time, as tools that renew do it: another inode, however coarse the clock of the disk.
            let new = dir.path().join("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(&new, path).unwrap();
        };
        assert!(Watched::open(files.clone(), Clock::fixed(1)).err().unwrap().contains("cert.pem"));
        let (first, second) = (made("a.example"), made("b.example"));
        place(&files.cert, &first.0);
        place(&files.key, &second.1);
        let refused = Watched::open(files.clone(), Clock::fixed(1)).err().unwrap();
        assert!(refused.contains("belongs to another certificate"), "{refused}");
        place(&files.key, &first.1);
        let watched = Watched::open(files.clone(), Clock::fixed(1)).unwrap();
        assert_eq!(watched.look(false), Look::Same);
        // One is there, the other not yet.
        place(&files.cert, &second.0);
        assert_eq!(watched.look(false), Look::Same, "not at rest");
        assert!(matches!(watched.look(false), Look::Kept(why) if why.contains("belongs to another certificate")));
        assert_eq!(watched.look(false), Look::Same, "told once");
        place(&files.key, &second.1);
        assert_eq!((watched.look(false), watched.look(false)), (Look::Same, Look::Changed));
        assert_eq!(watched.look(false), Look::Same);
        // Who says so gets them read at once, and a file that has gone changes nothing.
        assert_eq!(watched.look(true), Look::Changed);
        std::fs::remove_file(&files.key).unwrap();
        assert!(matches!(watched.look(true), Look::Kept(why) if why.contains("key.pem")));
        place(&files.key, "nonsense");
        assert_eq!(watched.look(false), Look::Same);
        assert!(matches!(watched.look(false), Look::Kept(_)));
    }
}

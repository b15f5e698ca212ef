//! Moments that a test comes back to: the one in which the server was ready, and those it keeps under a name.
//!
//! A moment is a copy of the database, the files of messages, where the clock stood and how many ids had been made: whoever
//! does the same after it gets the same, byte for byte.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Control, done, locked};
use crate::api::Api;
use crate::api::gate::Inside;
use crate::live::conn::Close;
use crate::model::error::{Code, Error, Result};
use crate::store::Store;

/// The moment in which the server was ready.
const READY: &str = "";

/// Moments that may be kept.
const MOST: usize = 100;

/// How long sockets may take to go.
const LEAVING: Duration = Duration::from_secs(2);

/// Of a name, in characters.
const LONGEST: usize = 100;

#[derive(Clone)]
pub struct Moment {
    /// The copy, beside whose name that of the folder with files begins.
    path: PathBuf,
    /// Of the clock, in Unix milliseconds, and whether it stood.
    at: i64,
    stood: bool,
    /// Ids that had been made, and requests.
    ids: u64,
    requests: u64,
    /// In the store's time.
    last: i64,
}

/// What becomes of sockets.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Sockets {
    /// They are told that the server starts anew (1012), and may come again.
    #[default]
    Close,
    /// Those stay whose login is there at that moment, too.
    Keep,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Reset {
    sockets: Sockets,
    /// Faults stay as they are.
    faults: Faults,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Faults {
    #[default]
    Clear,
    Keep,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    name: String,
    #[serde(default)]
    sockets: Sockets,
    #[serde(default)]
    faults: Faults,
}

/// Notes the moment in which the server is ready, with its files in this folder.
pub async fn begin(control: &Control, store: &Store, media: &Path) -> Result<()> {
    take(control, store, media, READY, 0).await
}

pub async fn reset(control: &Control, asked: Reset, inside: &Inside<'_>) -> Result<Value> {
    back(control, inside, READY, asked.sockets, asked.faults).await
}

pub async fn keep(control: &Control, asked: Keep, inside: &Inside<'_>) -> Result<Value> {
    if asked.name.is_empty() || asked.name.chars().count() > LONGEST {
        return Err(Error::field("name", format!("The name must have 1 to {LONGEST} characters.")));
    }
    let _alone = control.turn.lock().await;
    let is_one_too_many = {
        let kept = locked(&control.moments);
        kept.len() > MOST && !kept.contains_key(&asked.name)
    };
    if is_one_too_many {
        return Err(Error::field("name", format!("There are {MOST} moments already: take one of their names.")));
    }
    take(control, &inside.api.store, inside.api.media.folder(), &asked.name, inside.requests()).await?;
    Ok(done())
}

pub async fn restore(control: &Control, asked: Restore, inside: &Inside<'_>) -> Result<Value> {
    back(control, inside, &asked.name, asked.sockets, asked.faults).await
}

pub fn list(control: &Control) -> Value {
    let kept = locked(&control.moments);
    json!(kept.keys().filter(|name| *name != READY).collect::<Vec<_>>())
}

async fn take(control: &Control, store: &Store, media: &Path, name: &str, requests: u64) -> Result<()> {
    // A new file each time: one that is replaced would be there in part if that failed.
    let number = locked(&control.moments).len();
    let path = match locked(&control.moments).get(name) {
        Some(known) => known.path.clone(),
        None => control.folder.join(format!("moment-{number}")),
    };
    let (ms, stood, last) = (control.clock.now_ms(), control.clock.stands(), store.clock().now());
    let (store, media, target) = (store.clone(), media.to_owned(), path.clone());
    blocking(move || {
        let fresh = target.with_extension("new");
        let _ = std::fs::remove_file(&fresh);
        store.copy_to(&fresh)?;
        std::fs::rename(&fresh, &target).map_err(|e| Error::internal("moment", e))?;
        files(&media, &target.with_extension("media")).map_err(|e| Error::internal("moment", e))
    })
    .await?;
    // Of all that it holds: none is made once more after it.
    let moment = Moment { path, at: ms, stood, ids: control.ids.taken(), requests, last };
    locked(&control.moments).insert(name.to_owned(), moment);
    Ok(())
}

async fn back(control: &Control, inside: &Inside<'_>, name: &str, sockets: Sockets, faults: Faults) -> Result<Value> {
    let api = inside.api;
    let _alone = control.turn.lock().await;
    let known = locked(&control.moments).get(name).cloned();
    let moment = known.ok_or_else(|| {
        let names = list(control);
        Error::field("name", format!("No moment was kept under this name. There are: {names}."))
    })?;
    if sockets == Sockets::Close {
        leave(api).await;
    }
    // What was asked for before is written before.
    api.store.write("moment", |_| Ok(())).await?;
    control.clock.turn(moment.at, !moment.stood);
    let (media, kept) = (api.media.folder().to_owned(), moment.path.with_extension("media"));
    // What is under way makes ids still: they are those of the moment when nothing of before is done any more.
    let (ids, taken) = (control.ids.clone(), moment.ids);
    let beside = move || {
        files(&kept, &media).map_err(|e| Error::internal("moment", e))?;
        ids.go_to(taken);
        Ok(())
    };
    api.store.put_back(&moment.path, moment.last, beside).await?;
    inside.forget(moment.requests);
    api.hub.told().await;
    api.hub.forget_waiting();
    if faults == Faults::Clear {
        locked(&control.faults).clear();
        api.hub.mend();
    }
    control.journal()?.clear();
    // Also those that came again meanwhile.
    super::sockets::stay(api).await?;
    api.hub.told().await;
    Ok(super::clock::show(control))
}

/// Closes all sockets, and waits until they have gone.
async fn leave(api: &Api) {
    let begun = Instant::now();
    api.hub.send_away(Close::Restart);
    while api.hub.connections() > 0 && begun.elapsed() < LEAVING {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // That they were here last now is written before the past comes back.
    api.hub.told().await;
}

/// Makes one folder hold the files of another. Names are the same each time, so that a file of a name may be another one: the
/// same is what is linked.
fn files(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    let names = |folder: &Path| -> std::io::Result<Vec<(PathBuf, bool)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            found.push((entry.file_name().into(), entry.file_type()?.is_dir()));
        }
        Ok(found)
    };
    if !from.exists() {
        return Ok(());
    }
    let wanted = names(from)?;
    for (name, is_folder) in names(to)? {
        match wanted.contains(&(name.clone(), is_folder)) {
            true => {}
            false if is_folder => std::fs::remove_dir_all(to.join(name))?,
            false => std::fs::remove_file(to.join(name))?,
        }
    }
    for (name, is_folder) in wanted {
        let (from, to) = (from.join(&name), to.join(&name));
        match is_folder {
            true => files(&from, &to)?,
            false if is_same(&from, &to)? => {}
            false => {
                if to.exists() {
                    std::fs::remove_file(&to)?;
                }
                std::fs::hard_link(&from, &to).or_else(|_| std::fs::copy(&from, &to).map(drop))?;
            }
        }
    }
    Ok(())
}

/// Whether two names are of one file.
fn is_same(one: &Path, other: &Path) -> std::io::Result<bool> {
    if !other.exists() {
        return Ok(false);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (one, other) = (std::fs::metadata(one)?, std::fs::metadata(other)?);
        Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
    }
    // There it is put in its place anew.
    #[cfg(not(unix))]
    Ok(false)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::new(Code::Internal, e.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_what_another_does() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::fs::create_dir_all(one.join("ab")).unwrap();
        std::fs::write(one.join("ab").join("a.png"), b"a").unwrap();
        files(&one, &other).unwrap();
        std::fs::write(other.join("ab").join("later.png"), b"b").unwrap();
        std::fs::create_dir_all(other.join("cd")).unwrap();
        files(&one, &other).unwrap();
        assert_eq!(std::fs::read(other.join("ab").join("a.png")).unwrap(), b"a");
        assert!(!other.join("ab").join("later.png").exists() && !other.join("cd").exists());
        // Another of the same name.
        std::fs::remove_file(other.join("ab").join("a.png")).unwrap();
        std::fs::write(other.join("ab").join("a.png"), b"other").unwrap();
        files(&one, &other).unwrap();
        assert_eq!(std::fs::read(other.join("ab").join("a.png")).unwrap(), b"a");
        std::fs::remove_file(other.join("ab").join("a.png")).unwrap();
        files(&one, &other).unwrap();
        assert!(other.join("ab").join("a.png").exists() && one.join("ab").join("a.png").exists());
    }
}

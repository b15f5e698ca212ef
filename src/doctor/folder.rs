//! The data folder: whose it is, what it lies on, how much room and how fast.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Finding, size};
use crate::durable;

/// With less than this left, a busy server may stop within the hour.
const LITTLE: u64 = 1 << 30;
/// With less than this, the next upload or checkpoint may fail.
const TOO_LITTLE: u64 = 64 << 20;
/// A log beyond this means that something holds the checkpoints back.
const LONG_LOG: u64 = 256 << 20;
/// Syncs that are timed, and how large each is: about a batch of messages.
const SYNCS: usize = 50;
const SYNCED: usize = 4096;
/// Senders wait for one sync; beyond this they notice.
const SLOW: Duration = Duration::from_millis(50);

/// All checks of the folder.
pub fn check(data: &Path, config: Option<&Path>) -> Vec<Finding> {
    let mut found = vec![permissions(data)];
    found.extend(config.and_then(settings_file));
    #[cfg(unix)]
    found.extend([space(data), file_system(data)]);
    found.push(syncs(data));
    found.push(log_size(data));
    found
}

/// Files that nobody else may read: all that is said, and the keys.
fn private_files(data: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [data.to_owned(), data.join("tls")] {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("hobnob.")
                || name.starts_with("acme")
                || name.ends_with("key.pem")
                || name.ends_with(".key")
        }));
    }
    files.push(data.join("media"));
    files
}

/// Files and folders of the server that are not whose the database is.
#[cfg(unix)]
fn strangers(data: &Path, database: &Path) -> Vec<PathBuf> {
    let owner = |path: &Path| std::fs::metadata(path).ok().map(|found| std::os::unix::fs::MetadataExt::uid(&found));
    let list = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let Some(whose) = owner(database) else { return Vec::new() };
    let mut all = private_files(data);
    all.extend(list(&data.join("tls")));
    for folder in list(&data.join("media")) {
        all.extend(list(&folder));
        all.push(folder);
    }
    all.retain(|path| owner(path).is_some_and(|owner| owner != whose));
    all.sort();
    all
}

#[cfg(not(unix))]
fn strangers(_: &Path, _: &Path) -> Vec<PathBuf> {
    Vec::new()
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

fn permissions(data: &Path) -> Finding {
    const CHECK: &str = "permissions";
    if let Err(error) = std::fs::read_dir(data) {
        let advice = "name the folder of the server with --data, and run this as the user who serves it";
        return Finding::fail(CHECK, format!("{}: {error}", data.display()), advice);
    }
    let database = data.join("hobnob.db");
    if database.exists()
        && let Err(error) = OpenOptions::new().read(true).append(true).open(&database)
    {
        let advice = "run this as the user who serves the folder, or give it to them: chown -R USER FOLDER";
        return Finding::fail(CHECK, format!("{}: {error}", database.display()), advice);
    }
    let strange = strangers(data, &database);
    if let Some(first) = strange.first() {
        let more = if strange.len() > 1 { format!(" and {} more", strange.len() - 1) } else { String::new() };
        let says = format!("{}{more} belong to another user than the database", first.display());
        let advice = format!("what root did there its server cannot read: chown -R USER {}", data.display());
        return Finding::fail(CHECK, says, advice);
    }
    let open: Vec<PathBuf> = private_files(data).into_iter().filter(|path| is_open_to_others(path)).collect();
    match open.as_slice() {
        [] => Finding::ok(CHECK, format!("what is private in {} is its owner's alone", data.display())),
        open => {
            let names: Vec<String> = open.iter().map(|path| path.display().to_string()).collect();
            let says = format!("others on this machine may read {}", names.join(", "));
            Finding::fail(CHECK, says, format!("chmod go= {}", names.join(" ")))
        }
    }
}

/// A settings file may hold secrets.
fn settings_file(path: &Path) -> Option<Finding> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let holds_secret = text.lines().any(|line| {
        let key = line.split('=').next().unwrap_or_default().trim();
        !key.starts_with('#') && (key.ends_with("_key") || key.ends_with("_token")) && key != "tls_key"
    });
    (holds_secret && is_open_to_others(path)).then(|| {
        let says = format!("others on this machine may read the secrets in {}", path.display());
        Finding::fail("settings", says, format!("chmod go= {}", path.display()))
    })
}

#[cfg(unix)]
fn space(data: &Path) -> Finding {
    const CHECK: &str = "space";
    let advice = "make room, or move the folder: a full disk refuses messages (507) and loses none";
    match durable::room(data) {
        None => Finding::warn(CHECK, "the free space is not known", "look with df"),
        Some(free) => {
            let says = format!("{} free", size(free));
            match free {
                free if free < TOO_LITTLE => Finding::fail(CHECK, says, advice),
                free if free < LITTLE => Finding::warn(CHECK, says, advice),
                _ => Finding::ok(CHECK, says),
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn file_system(data: &Path) -> Finding {
    match rustix::fs::statfs(data) {
        Ok(found) => by_kind(found.f_type as u64 & 0xffff_ffff),
        Err(error) => Finding::warn("file system", format!("its kind is not known: {error}"), "look with df -T"),
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn file_system(_: &Path) -> Finding {
    Finding::ok("file system", "its kind is not looked at on this system")
}

/// What a kind of file system (the magic numbers of Linux, `statfs(2)`) means for a database.
#[cfg(target_os = "linux")]
fn by_kind(kind: u64) -> Finding {
    const CHECK: &str = "file system";
    let network = "SQLite's locks and log need a local disk: move the folder to one";
    match kind {
        0x6969 => Finding::fail(CHECK, "the folder is on NFS", network),
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => Finding::fail(CHECK, "the folder is on SMB/CIFS", network),
        0x0102_1997 => Finding::fail(CHECK, "the folder is on 9p, shared by a host", network),
        0x6573_5546 => {
            Finding::warn(CHECK, "the folder is on FUSE", "see that it syncs and locks, or use a local disk")
        }
        0x794c_7630 => {
            let advice =
                "mount a volume for the data: what is written to a container's own layer goes with the container";
            Finding::warn(CHECK, "the folder is on an overlay", advice)
        }
        0x0102_1994 | 0x8584_58f6 => Finding::fail(
            CHECK,
            "the folder is in memory (tmpfs)",
            "move it to a disk: a restart of the machine loses all of it",
        ),
        0xef53 => Finding::ok(CHECK, "ext"),
        0x5846_5342 => Finding::ok(CHECK, "XFS"),
        0x9123_683e => Finding::ok(CHECK, "Btrfs"),
        0x2fc1_2fc1 => Finding::ok(CHECK, "ZFS"),
        other => Finding::ok(CHECK, format!("no network file system (kind {other:#x})")),
    }
}

/// Times some syncs like those that senders wait for.
fn syncs(data: &Path) -> Finding {
    const CHECK: &str = "sync";
    let path = data.join(format!(".doctor-{}", std::process::id()));
    let timed = time_syncs(&path);
    let _ = std::fs::remove_file(&path);
    match timed {
        Err(error) => Finding::fail(
            CHECK,
            format!("cannot write and sync in {}: {error}", data.display()),
            "see to the disk first",
        ),
        Ok(mut times) => {
            times.sort_unstable();
            let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
            let says = format!("{:.1} ms at the median, {:.1} ms at p99", millis(at(50)), millis(at(99)));
            match at(50) > SLOW {
                true => {
                    Finding::warn(CHECK, says, "every message waits for a sync: a disk with a faster cache helps most")
                }
                false => Finding::ok(CHECK, says),
            }
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn time_syncs(path: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[0; SYNCED])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(times)
}

fn log_size(data: &Path) -> Finding {
    const CHECK: &str = "log";
    let bytes = std::fs::metadata(data.join("hobnob.db-wal")).map_or(0, |found| found.len());
    let says = format!("the log of the database (hobnob.db-wal) has {}", size(bytes));
    match bytes > LONG_LOG {
        true => {
            let advice = "something reads for a long time (a backup, another program that has the database open): end it; \
                          the log is then taken back by itself";
            Finding::warn(CHECK, says, advice)
        }
        false => Finding::ok(CHECK, says),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn what_databases_are_not_kept_on_is_named() {
        for (kind, verdict) in [
            (0x6969, Verdict::Fail),
            (0xff53_4d42, Verdict::Fail),
            (0xfe53_4d42, Verdict::Fail),
            (0x794c_7630, Verdict::Warn),
            (0x0102_1994, Verdict::Fail),
            (0xef53, Verdict::Ok),
        ] {
            assert_eq!(by_kind(kind).verdict, verdict, "{kind:#x}");
        }
    }
}

//! The machine around the server: its ports, how many files may be open, memory.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::{Finding, size};
use crate::config::Config;
use crate::lock;

/// Files besides those of connections: database, log, files on their way, standard streams.
const OTHER_FILES: u64 = 256;
/// With less memory than this, passwords (19 MiB each) and large answers do not fit beside one another.
const LITTLE: u64 = 256 << 20;

/// All checks of the machine.
pub fn check(config: &Config) -> Vec<Finding> {
    let mut found = ports(config);
    #[cfg(unix)]
    found.push(open_files(config));
    #[cfg(target_os = "linux")]
    found.push(memory());
    found
}

fn ports(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "ports";
    match config.addresses() {
        Err(why) => vec![Finding::fail(CHECK, why, "say ADDRESS:PORT or off")],
        Ok((http, https)) => {
            let both = [("--http", http), ("--https", https)];
            both.into_iter().filter_map(|(flag, at)| Some(port(flag, at?, config.data()))).collect()
        }
    }
}

fn port(flag: &str, at: SocketAddr, data: &Path) -> Finding {
    const CHECK: &str = "ports";
    let holder = lock::holder(data);
    match (TcpListener::bind(at), holder) {
        (Ok(_), None) => Finding::ok(CHECK, format!("{at} ({flag}) is free")),
        (Ok(_), Some(holder)) if at.port() == 0 => {
            Finding::ok(CHECK, format!("process {} serves the folder; {flag} takes any free port", holder.process))
        }
        (Ok(_), Some(holder)) => Finding::warn(
            CHECK,
            format!("process {} serves the folder, and not at {at} ({flag})", holder.process),
            "give this tool the settings of the server: --config FILE, or its flags",
        ),
        (Err(error), Some(holder)) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Finding::ok(CHECK, format!("{at} ({flag}) is in use while process {} serves the folder", holder.process))
        }
        (Err(error), _) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::fail(
            CHECK,
            format!("{at} ({flag}) is taken by another program, and no server runs on this folder"),
            format!("end that program (ss -ltnp 'sport = :{}' names it), or say {flag} ADDRESS:PORT", at.port()),
        ),
        (Err(error), _) if error.kind() == std::io::ErrorKind::PermissionDenied => Finding::fail(
            CHECK,
            format!("{at} ({flag}) may not be listened at by this user"),
            "take a port from 1024 on, or give the program CAP_NET_BIND_SERVICE",
        ),
        (Err(error), _) => {
            Finding::fail(CHECK, format!("cannot listen at {at} ({flag}): {error}"), "name an address of this machine")
        }
    }
}

/// How many files the server that runs may have open, as Linux tells it; it was started otherwise than this tool.
#[cfg(unix)]
fn limit_of(process: &str) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(unix)]
fn open_files(config: &Config) -> Finding {
    const CHECK: &str = "open files";
    let wanted = config.connections as u64 + u64::from(config.readers) + OTHER_FILES;
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match lock::holder(config.data()).and_then(|holder| limit_of(&holder.process)).or(own) {
        Some(may) if may < wanted => Finding::warn(
            CHECK,
            format!("a process may have {may} files open; {} connections need {wanted}", config.connections),
            format!("ulimit -n {wanted} before the start (LimitNOFILE={wanted} in a unit), or lower --connections"),
        ),
        Some(may) => Finding::ok(CHECK, format!("a process may have {may}; {wanted} are needed")),
        None => Finding::ok(CHECK, "as many as are needed"),
    }
}

#[cfg(target_os = "linux")]
fn memory() -> Finding {
    const CHECK: &str = "memory";
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let machine = read("/proc/meminfo");
    let machine = machine.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let machine = machine.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).map(|kib| kib << 10);
    // Of the container, if it is one.
    let group = read("/sys/fs/cgroup/memory.max").trim().parse::<u64>().ok();
    match machine.into_iter().chain(group).min() {
        None => Finding::warn(CHECK, "how much there is is not known", "look with free"),
        Some(bytes) if bytes < LITTLE => {
            let advice = "give it more, or lower --limit answers=N and --limit bodies=N";
            Finding::warn(CHECK, format!("{} available", size(bytes)), advice)
        }
        Some(bytes) => Finding::ok(CHECK, format!("{} available", size(bytes))),
    }
}

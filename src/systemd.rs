//! A supervisor that starts the server and looks after it: what it is told, and the sockets it hands over.
//!
//! The protocol is systemd's (sd_notify(3), sd_listen_fds(3)): datagrams to the socket in `NOTIFY_SOCKET`, and open sockets
//! from the third descriptor on. Without those variables nothing happens, so every start may call this.

use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

/// Tells the supervisor something, e.g. `READY=1`; several things with a line each.
pub fn notify(state: &str) {
    #[cfg(unix)]
    if let Err(error) = send(state) {
        log::warn!("cannot tell the supervisor {state:?}: {error}");
    }
    #[cfg(not(unix))]
    let _ = state;
}

#[cfg(unix)]
fn send(state: &str) -> std::io::Result<()> {
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let Some(path) = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else { return Ok(()) };
    let bytes = path.as_encoded_bytes();
    let address = match bytes.strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(&path)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

/// How often the supervisor wants to hear that the server lives: twice within the time after which it would end it.
/// `None`: it does not look.
pub fn watchdog() -> Option<Duration> {
    if !is_for_me("WATCHDOG_PID").unwrap_or(true) {
        return None;
    }
    let limit: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    (limit > 0).then(|| Duration::from_micros(limit / 2))
}

/// Whether a variable names this process; `None`: it is not set.
fn is_for_me(variable: &str) -> Option<bool> {
    let process = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(process.parse() == Ok(std::process::id()))
}

/// A listening socket that was handed over, with its name.
type Named = (String, TcpListener);

/// What [`adopt`] found.
static ADOPTED: Mutex<Option<Result<Vec<Named>, String>>> = Mutex::new(None);

/// Takes over the sockets that were handed over. Before anything else in a process: by their numbers alone they cannot be told
/// from what it opens itself.
pub fn adopt() {
    #[cfg(unix)]
    {
        *ADOPTED.lock().unwrap_or_else(|e| e.into_inner()) = Some(find());
    }
}

/// The sockets that were handed over and adopted; each is given away once.
pub fn sockets() -> Result<Vec<Named>, String> {
    ADOPTED.lock().unwrap_or_else(|e| e.into_inner()).take().unwrap_or(Ok(Vec::new()))
}

#[cfg(unix)]
fn find() -> Result<Vec<Named>, String> {
    if is_for_me("LISTEN_PID") != Some(true) {
        return Ok(Vec::new());
    }
    let text = |name: &str| std::env::var(name).unwrap_or_default();
    let count: usize = text("LISTEN_FDS").parse().map_err(|_| "LISTEN_FDS is not a number".to_owned())?;
    let names = text("LISTEN_FDNAMES");
    let mut names = names.split(':');
    (FIRST..).take(count.min(MOST)).map(|number| take(number, names.next().unwrap_or_default())).collect()
}

/// The first descriptor that is handed over (SD_LISTEN_FDS_START).
#[cfg(unix)]
const FIRST: std::os::fd::RawFd = 3;
/// More than this server has a use for; it says so then.
#[cfg(unix)]
const MOST: usize = 8;

#[cfg(unix)]
fn take(number: std::os::fd::RawFd, name: &str) -> Result<Named, String> {
    use std::os::fd::{FromRawFd, OwnedFd};
    // The supervisor says that it is there; a variable that was set by hand might not be true.
    let known = std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok() || !cfg!(target_os = "linux");
    if !known {
        return Err(format!("LISTEN_FDS names the descriptor {number}, which is not open"));
    }
    // SAFETY: it is open, and nothing in this process has opened it: that is why this comes first.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    let listener = TcpListener::from(descriptor);
    match listener.local_addr() {
        Ok(_) => Ok((name.to_owned(), listener)),
        Err(error) => Err(format!("the socket {name:?} that was handed over is no TCP socket: {error}")),
    }
}

//! A supervisor as the server sees it: told when it is ready, alive and about to end; sockets that are handed over.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use crate::harness::{DEADLINE, Process, Visit, temp_dir};

/// What is told until something of it is `wanted`.
fn hear(socket: &UnixDatagram, wanted: &str) -> String {
    let mut bytes = [0; 1024];
    loop {
        let length = socket.recv(&mut bytes).unwrap_or_else(|e| panic!("waiting for {wanted}: {e}"));
        let told = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if told.lines().any(|line| line == wanted) {
            return told;
        }
    }
}

#[tokio::test]
async fn a_supervisor_hears_how_the_server_is() {
    let dir = temp_dir();
    let path = std::env::temp_dir().join(format!("hobnob-notify-{}", std::process::id()));
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let told = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let server = Process::start_with(dir.path(), &[], &told);
    let ready = hear(&socket, "READY=1");
    assert!(ready.contains(&format!("STATUS=Reached at {}", server.site.base)), "{ready}");
    hear(&socket, "WATCHDOG=1");
    hear(&socket, "WATCHDOG=1");
    server.signal("HUP");
    hear(&socket, "RELOADING=1");
    hear(&socket, "READY=1");
    server.terminate();
    hear(&socket, "STOPPING=1");
    assert!(server.wait().success());
    std::fs::remove_file(path).unwrap();
}

/// systemd's own socket may have a name in place of a path.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_supervisor_may_listen_without_a_file() {
    use std::os::linux::net::SocketAddrExt;
    let (dir, name) = (temp_dir(), format!("hobnob-notify-{}", std::process::id()));
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    // The watchdog of another process is none of ours.
    let told = [("NOTIFY_SOCKET", &*format!("@{name}")), ("WATCHDOG_USEC", "1"), ("WATCHDOG_PID", "1")];
    let server = Process::start_with(dir.path(), &[], &told);
    hear(&socket, "READY=1");
    server.terminate();
    let mut bytes = [0; 1024];
    let length = socket.recv(&mut bytes).unwrap();
    assert_eq!(&bytes[..length], b"STOPPING=1");
    assert!(server.wait().success());
}

/// Starts the server with two sockets as its third and fourth descriptor; its standard streams carried them there.
fn handed_over(data: &std::path::Path, names: &str, first: TcpListener, second: TcpListener) -> Process {
    let mut command = Command::new("sh");
    let script = "exec 3<&0 4<&2 0</dev/null 2>&1; export LISTEN_PID=$$; exec \"$@\"";
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_hobnob")]);
    command.stdin(Stdio::from(OwnedFd::from(first))).stderr(Stdio::from(OwnedFd::from(second)));
    command.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", names).env("HOBNOB_LOG", "off");
    Process::of(command, data)
}

#[tokio::test]
async fn sockets_are_handed_over() {
    // By name in any order; without names the plain one is the first.
    for (names, swapped) in [("https:http", true), ("http:https", false), ("hobnob.socket:hobnob.socket", false)] {
        let dir = temp_dir();
        let (plain, secure) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let (http, https) = (plain.local_addr().unwrap(), secure.local_addr().unwrap());
        let (first, second) = if swapped { (secure, plain) } else { (plain, secure) };
        let mut server = handed_over(dir.path(), names, first, second);
        assert_eq!((server.site.base.clone(), server.https()), (format!("http://{http}"), https), "{names}");
        let answer = reqwest::get(format!("{}/health", server.site.base)).await.unwrap();
        assert_eq!(answer.status(), 200, "{names}");
        assert!(Visit::to(https, "localhost").get("/health").starts_with("http/1.1 200"), "{names}");
        server.stop();
    }
    let dir = temp_dir();
    let output = Command::new("sh")
        .args(["-c", "export LISTEN_PID=$$; exec \"$@\" 3<&-", "sh", env!("CARGO_BIN_EXE_hobnob")])
        .args(["serve", "--http", "127.0.0.1:0", "--https", "off", "--data"])
        .arg(dir.path())
        .env("LISTEN_FDS", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("LISTEN_FDS names the descriptor 3"), "{said}");
}

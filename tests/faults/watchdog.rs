//! A disk that hangs: the supervisor hears nothing of the server until its writer answers again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hobnob::model::time::Clock;
use hobnob::server::Server;

use crate::disk::Disk;
use crate::play::{self, NOW};
use crate::vfs;

/// How long the supervisor waits for a word at most.
const DEADLINE: Duration = Duration::from_secs(60);
/// An answer that takes longer waited for the writer; the others are of what was seen within the last second.
const ANEW: Duration = Duration::from_secs(2);

/// A process of its own, because what a supervisor says stands in its environment. Ends with its input.
#[test]
#[ignore = "the server of the test below"]
fn a_server_whose_disk_can_hang() {
    vfs::install();
    let folder = play::folder();
    let disk = Disk::of(folder.path());
    let config = play::config(folder.path());
    actix_web::rt::System::new().block_on(async {
        let server = Server::start(&config, Clock::fixed(NOW)).await.expect("it starts");
        println!("\nat {}", server.base);
        let told = actix_web::rt::task::spawn_blocking(move || {
            for line in std::io::stdin().lock().lines() {
                disk.hang(line.expect("a line") == "hang");
            }
            disk.hang(false);
        });
        told.await.expect("hears");
        server.stop().await;
    });
}

fn is_ready(address: &str) -> bool {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("asks");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer.starts_with("HTTP/1.1 200")
}

/// Asks until an answer is as it should be.
fn until(what: &str, mut fits: impl FnMut() -> bool) {
    let asked = Instant::now();
    while !fits() {
        assert!(asked.elapsed() < DEADLINE, "{what}");
    }
}

/// What was told since the last look.
fn told(socket: &UnixDatagram) -> Vec<String> {
    socket.set_nonblocking(true).expect("is set");
    let mut bytes = [0; 1024];
    let told = std::iter::from_fn(|| socket.recv(&mut bytes).ok().map(|n| String::from_utf8_lossy(&bytes[..n]).into()));
    let told = told.collect();
    socket.set_nonblocking(false).expect("is set");
    told
}

#[test]
fn the_watchdog_is_silent_while_the_writer_hangs() {
    let folder = play::folder();
    let socket = UnixDatagram::bind(folder.path().join("notify")).expect("binds");
    socket.set_read_timeout(Some(DEADLINE)).expect("is set");
    let alive = || {
        let mut bytes = [0; 1024];
        let length = socket.recv(&mut bytes).expect("it lives");
        assert_eq!(&bytes[..length], b"WATCHDOG=1");
    };
    let mut server = Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "--nocapture", "watchdog::a_server_whose_disk_can_hang"])
        .envs([("WATCHDOG_USEC", "200000"), ("HOBNOB_LOG", "off")])
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut orders = server.stdin.take().expect("is piped");
    let mut lines = BufReader::new(server.stdout.take().expect("is piped")).lines().map_while(Result::ok);
    let address = lines.find_map(|line| Some(line.strip_prefix("at http://")?.to_owned())).expect("it starts");
    alive();
    writeln!(orders, "hang").expect("hears");
    until("a writer that hangs is not ready", || !is_ready(&address));
    // Readiness and watchdog go by the same look: from here on both find that the writer does not answer.
    told(&socket);
    until("the writer is asked again", || {
        let asked = Instant::now();
        assert!(!is_ready(&address), "it hangs");
        asked.elapsed() > ANEW
    });
    assert_eq!(told(&socket), Vec::<String>::new());
    writeln!(orders, "go").expect("hears");
    alive();
    until("it is well again", || is_ready(&address));
    drop(orders);
    lines.for_each(drop);
    assert!(server.wait().expect("ends").success());
}

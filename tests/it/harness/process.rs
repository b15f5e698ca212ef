//! The built binary, for what only a process can show: signals, crashes, the command line.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use serde_json::Value;

use super::{App, Site};

/// Runs `hobnob` to its end on a data folder.
pub fn hobnob(data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    command.args(args).arg("--data").arg(data).output().expect("runs")
}

/// A server as a process of its own; killed when dropped.
pub struct Process {
    child: Child,
    pub site: Arc<Site>,
    printed: String,
    lines: Receiver<String>,
    complaints: Receiver<String>,
}

impl Process {
    /// Starts `hobnob serve` and waits until it says where.
    pub fn start(data: &Path, more: &[&str]) -> Process {
        Process::launch(Command::new(env!("CARGO_BIN_EXE_hobnob")), data, more)
    }

    /// Where no file may grow beyond this: the write that would fails, as on a disk that fails.
    pub fn start_limited(data: &Path, bytes: u64) -> Process {
        let mut command = Command::new("sh");
        // In blocks of 512 bytes. Without the signal that comes with the failure, which would end the process.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", bytes / 512);
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_hobnob")]);
        Process::launch(command, data, &[])
    }

    /// With variables besides those of the test.
    pub fn start_with(data: &Path, more: &[&str], variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
        command.envs(variables.iter().copied());
        Process::launch(command, data, more)
    }

    /// By a command that has its standard streams: only what it prints is read.
    pub fn of(mut command: Command, data: &Path) -> Process {
        let child = command.args(["serve", "--data"]).arg(data).stdout(Stdio::piped()).spawn().expect("starts");
        Process::begun(child)
    }

    fn launch(mut command: Command, data: &Path, more: &[&str]) -> Process {
        let child = command
            .args(["serve", "--data"])
            .arg(data)
            .args(if more.contains(&"--http") { &[][..] } else { &["--http", "127.0.0.1:0"] })
            .args(if more.contains(&"--https") { &[][..] } else { &["--https", "off"] })
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        Process::begun(child)
    }

    fn begun(mut child: Child) -> Process {
        let received = lines_of(child.stdout.take().expect("a pipe"));
        let complaints = match child.stderr.take() {
            Some(pipe) => lines_of(pipe),
            None => lines_of(std::io::empty()),
        };
        let mut printed = String::new();
        let mut address = None;
        while address.is_none() {
            let line = received.recv_timeout(super::DEADLINE).expect("the server says where it is");
            address = line.trim().strip_prefix("http://").map(str::to_owned);
            printed.push_str(&line);
            printed.push('\n');
        }
        let address = address.expect("found");
        Process { child, site: Site::at(&address), printed, lines: received, complaints }
    }

    /// Where https is, as it says after where plain HTTP is.
    pub fn https(&mut self) -> std::net::SocketAddr {
        loop {
            let line = self.lines.recv_timeout(super::DEADLINE).expect("the server says where https is");
            self.printed.push_str(&line);
            self.printed.push('\n');
            if let Some(address) = line.trim().strip_prefix("https://") {
                return address.parse().expect("an address");
            }
        }
    }

    /// The next line of its log that has these words in it.
    pub fn logged(&self, words: &str) -> String {
        let mut before = Vec::new();
        loop {
            let line = self.complaints.recv_timeout(super::DEADLINE);
            let line = line.unwrap_or_else(|_| panic!("it never said {words:?}, but: {before:#?}"));
            if line.contains(words) {
                return line;
            }
            before.push(line);
        }
    }

    /// Sends it a signal, e.g. `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until it ends by itself; gives how it went and what it said of it.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("ends");
        (status, self.complaints.iter().map(|line| line + "\n").collect())
    }

    /// Asks it to stop and waits for its end; gives all it printed.
    pub fn stop(mut self) -> String {
        self.terminate();
        let status = self.child.wait().expect("ends");
        assert!(status.success(), "{status}");
        let mut printed = std::mem::take(&mut self.printed);
        // Ends with the pipe.
        printed.extend(self.lines.iter().map(|line| line + "\n"));
        printed
    }

    /// Makes an app by the command line, beside the running server.
    pub fn app(&self, data: &Path) -> App {
        let made = hobnob(data, &["app", "create", "It", "--json"]);
        assert!(made.status.success(), "{made:?}");
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        let text = |field: &str| made[field].as_str().expect("a text").to_owned();
        App::new(&self.site, &text("appId"), &text("authKey"), &text("apiKey"))
    }

    /// Asks it to stop and waits for its end; gives what it logged.
    pub fn stop_and_log(mut self) -> String {
        self.terminate();
        self.child.wait().expect("ends");
        self.complaints.iter().map(|line| line + "\n").collect()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("kills");
        self.child.wait().expect("is gone");
    }

    /// Asks it to stop; does not wait.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Waits for its end. Blocks.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("ends")
    }
}

/// The lines of a pipe as they come, until it closes.
fn lines_of(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (lines, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
    received
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

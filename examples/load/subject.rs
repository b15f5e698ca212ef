//! The program under test: started on an empty data directory of its own, asked for an application, watched from
//! outside, and ended with everything it left behind. Or a server that runs already and is only used.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, PipeReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::{Options, Result, process};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(5);

pub enum Subject {
    Program { path: PathBuf, serve_args: Vec<String>, data_root: PathBuf },
    Running { target: SocketAddr, app: App, pid: Option<u32> },
}

/// The application all users of a run belong to.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    #[serde(rename = "appId")]
    pub id: String,
    pub api_key: String,
}

impl Subject {
    pub fn of_server(options: &Options) -> Result<Self> {
        if let Some(path) = &options.server {
            return Self::program(path, options.serve_arg.clone(), &options.data_root);
        }
        let missing = "give --server, or --url with --app-id and --api-key";
        let url = options.url.as_deref().ok_or(missing)?;
        let host = url.strip_prefix("http://").ok_or("--url must begin with http://")?;
        Ok(Self::Running {
            target: host.trim_end_matches('/').parse()?,
            app: App { id: options.app_id.clone().ok_or(missing)?, api_key: options.api_key.clone().ok_or(missing)? },
            pid: options.pid,
        })
    }

    pub fn program(path: &Path, serve_args: Vec<String>, data_root: &Path) -> Result<Self> {
        let found = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self::Program { path: found, serve_args, data_root: data_root.to_owned() })
    }

    pub fn name(&self) -> String {
        match self {
            Self::Program { path, .. } => {
                path.file_name().map_or_else(|| "server".into(), |name| name.to_string_lossy().into_owned())
            }
            Self::Running { target, .. } => target.to_string(),
        }
    }

    pub fn start(&self) -> Result<Server> {
        self.start_as(Tracing::Off)
    }

    /// Started under strace, which counts fsyncs.
    pub fn start_traced(&self) -> Result<Server> {
        self.start_as(Tracing::Fsyncs)
    }

    fn start_as(&self, tracing: Tracing) -> Result<Server> {
        match self {
            Self::Program { path, serve_args, data_root } => {
                let data = DataDir::create(data_root)?;
                let launch = Launch { path: path.clone(), serve_args: serve_args.clone(), tracing };
                let process = launch.run(&data)?;
                // Beside the running server: a tool makes no database of its own.
                let app = create_app(path, &data)?;
                Ok(Server {
                    target: process.target,
                    app,
                    pid: Some(process.pid),
                    owned: Some(Owned { process, launch, data }),
                })
            }
            Self::Running { target, app, pid } => {
                Ok(Server { target: *target, app: app.clone(), pid: *pid, owned: None })
            }
        }
    }

    /// Only starts the program on `data`, for measuring just that.
    pub fn launch(&self, data: &DataDir) -> Result<Process> {
        let Self::Program { path, serve_args, .. } = self else {
            return Err("a running server cannot be started".into());
        };
        let launch = Launch { path: path.clone(), serve_args: serve_args.clone(), tracing: Tracing::Off };
        launch.run(data)
    }

    pub fn data_dir(&self) -> Result<DataDir> {
        match self {
            Self::Program { data_root, .. } => DataDir::create(data_root),
            Self::Running { .. } => Err("a running server has its own data directory".into()),
        }
    }
}

fn create_app(path: &Path, data: &DataDir) -> Result<App> {
    let output = Command::new(path).args(["app", "create", "bench", "--json", "--data"]).arg(&data.0).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let created = text.lines().find_map(|line| serde_json::from_str(line).ok());
    created.ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        format!("`app create` printed no keys ({}): {text}{errors}", output.status).into()
    })
}

pub struct Server {
    pub target: SocketAddr,
    pub app: App,
    pub pid: Option<u32>,
    /// Absent for a server that was running before.
    owned: Option<Owned>,
}

struct Owned {
    // In this order they are dropped: the process ends before its data goes.
    process: Process,
    launch: Launch,
    data: DataDir,
}

/// Counters read from outside, to be subtracted from a later reading.
#[derive(Clone, Copy)]
pub struct Counters {
    pub server_seconds: Option<f64>,
    pub generator_seconds: Option<f64>,
    pub fsyncs: Option<u64>,
}

impl Server {
    /// Makes a key of those who run apps: key and secret.
    pub fn management_key(&self) -> Result<(String, String)> {
        let owned = self.owned.as_ref().ok_or("a running server has its own management keys")?;
        let mut command = Command::new(&owned.launch.path);
        command.args(["management-key", "create", "bench", "--json", "--data"]).arg(&owned.data.0);
        let made: serde_json::Value = serde_json::from_slice(&command.output()?.stdout)?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).ok_or("`management-key create` printed no key");
        Ok((text("key")?, text("secret")?))
    }

    pub fn read(&self) -> Counters {
        let traced = self.owned.as_ref().filter(|owned| owned.launch.tracing == Tracing::Fsyncs);
        Counters {
            server_seconds: self.pid.and_then(process::processor_seconds),
            generator_seconds: process::processor_seconds(std::process::id()),
            fsyncs: traced.and_then(|owned| owned.data.count_fsyncs()),
        }
    }

    pub fn resident(&self) -> Result<u64> {
        self.pid.and_then(process::resident).ok_or_else(|| "the memory of the server cannot be read".into())
    }

    /// Ends the program and starts it again on the same data. Does nothing to a server that was running before.
    pub fn restart(&mut self) -> Result<()> {
        if let Some(owned) = &mut self.owned {
            owned.process.stop();
            owned.process = owned.launch.run(&owned.data)?;
            self.target = owned.process.target;
            self.pid = Some(owned.process.pid);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tracing {
    Off,
    Fsyncs,
}

struct Launch {
    path: PathBuf,
    serve_args: Vec<String>,
    tracing: Tracing,
}

impl Launch {
    /// Starts the program and waits until it says where it listens.
    fn run(&self, data: &DataDir) -> Result<Process> {
        let mut command = match self.tracing {
            Tracing::Off => Command::new(&self.path),
            Tracing::Fsyncs => {
                let mut strace = Command::new("strace");
                strace
                    .args(["-f", "--seccomp-bpf", "-qq"])
                    .args(["-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o"])
                    .arg(data.trace_file())
                    .arg(&self.path);
                strace
            }
        };
        command
            .arg("serve")
            .arg("--data")
            .arg(&data.0)
            .args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"])
            .args(&self.serve_args);
        let mut process = Process::spawn(command)?;
        if self.tracing == Tracing::Fsyncs {
            process.pid = process::child_of(process.child.id()).ok_or("strace has no child")?;
        }
        Ok(process)
    }
}

pub struct Process {
    child: Child,
    /// Of the server itself, also when `child` is strace.
    pub pid: u32,
    pub target: SocketAddr,
    /// From the start of the program to its address in the output.
    pub spawned: Instant,
}

impl Process {
    fn spawn(mut command: Command) -> Result<Self> {
        let (output, input) = std::io::pipe()?;
        command.stdout(input.try_clone()?).stderr(input);
        let spawned = Instant::now();
        let mut child = command.spawn()?;
        // It holds the writing end of the pipe, whose end tells that the program has ended.
        drop(command);
        let (said, heard) = mpsc::channel();
        let last_lines = Arc::new(Mutex::new(VecDeque::new()));
        let keep = Arc::clone(&last_lines);
        std::thread::spawn(move || listen(output, &said, &keep));
        let Ok(target) = heard.recv_timeout(START_LIMIT) else {
            let _ = child.kill();
            let _ = child.wait();
            let lines = last_lines.lock().map(|lines| lines.iter().cloned().collect::<Vec<_>>());
            let lines = lines.unwrap_or_default().join("\n");
            return Err(format!("the server did not say where it listens:\n{lines}").into());
        };
        Ok(Self { pid: child.id(), child, target, spawned })
    }

    pub fn stop(&mut self) {
        process::signal(self.pid, "TERM");
        let patience = Instant::now() + STOP_LIMIT;
        while Instant::now() < patience {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        eprintln!("the server did not end within {STOP_LIMIT:?} of SIGTERM: killed");
        self.kill();
    }

    fn kill(&mut self) {
        if self.pid != self.child.id() {
            process::signal(self.pid, "KILL");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

/// Reads all the program prints, so that it never waits for a full pipe. The last lines are kept to explain a failure.
fn listen(output: PipeReader, said: &mpsc::Sender<SocketAddr>, keep: &Mutex<VecDeque<String>>) {
    const KEPT: usize = 20;
    const BEFORE: &str = "http://";
    for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
        if let Some(at) = line.find("http://127.0.0.1:") {
            let address = &line[at + BEFORE.len()..];
            let end = address.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(address.len());
            if let Ok(target) = address[..end].parse() {
                let _ = said.send(target);
            }
        }
        if let Ok(mut lines) = keep.lock() {
            lines.push_back(line);
            if lines.len() > KEPT {
                lines.pop_front();
            }
        }
    }
}

/// A directory that goes away with its owner.
pub struct DataDir(PathBuf);

impl DataDir {
    fn create(root: &Path) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("load-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Beside the directory, which belongs to the program under test.
    fn trace_file(&self) -> PathBuf {
        self.0.with_extension("strace")
    }

    fn count_fsyncs(&self) -> Option<u64> {
        let trace = std::fs::read_to_string(self.trace_file()).ok()?;
        // A call interrupted by another thread's takes two lines; the second says "resumed".
        let begun = |line: &&str| line.contains("sync(") && !line.contains("resumed");
        Some(trace.lines().filter(begun).count() as u64)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        let _ = std::fs::remove_file(self.trace_file());
    }
}

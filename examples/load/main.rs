//! A load generator for a running server, over real sockets on the loopback interface.
//!
//! It answers four questions with figures: how many messages a second arrive and how late (`pairs`), how fast one
//! message reaches a whole group (`fanout`), what an idle connection costs (`idle`), how fast history is read
//! (`history`); and besides how fast the program starts (`start`), how many fsyncs a message takes (`fsyncs`), and what
//! webhooks cost and how late they are told (`webhooks`).
//!
//!     cargo build --release --bin hobnob --example bare --example load
//!     target/release/examples/load --server target/release/hobnob --baseline target/release/examples/bare
//!
//! The generator shares the machine with what it measures, so it is built to be cheap: one thread, hand-made HTTP and
//! WebSocket clients, frames searched for a marker instead of parsed. Every table shows the processors used by the
//! server and by the generator itself, so that a figure limited by the generator can be told from one that is not.
//! `server, each` is the processor time one message, delivery or page cost the server: rates swing with whatever else
//! the machine does, this figure hardly.
//!
//! Every run of every scenario starts its own server on its own empty data directory. With `--baseline` a second
//! program takes turns with the first (A B A B ...), so that a noisy machine disturbs both alike; what counts is the
//! ratio of the medians.
//!
//! Where things are: `subject` is the program under test, `cast` its users and groups; `http` and `socket` are the
//! clients, `traffic` sends and waits for deliveries; one file per scenario; `report` makes the tables.

mod cast;
mod fanout;
mod fsyncs;
mod history;
mod http;
mod idle;
mod marker;
mod pairs;
mod process;
mod report;
mod socket;
mod start;
mod subject;
mod traffic;
mod webhooks;

use std::{os::unix::process::CommandExt, path::PathBuf, process::Command, time::Duration};

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{self, SignalKind};

use report::{Finding, Report, Side};
use subject::Subject;

type Error = Box<dyn std::error::Error>;
type Result<T> = std::result::Result<T, Error>;

#[derive(Parser)]
#[command(about = "Load generator: messages, fan-out, idle connections, history, start, fsyncs, webhooks")]
struct Options {
    /// What to measure; everything when none is named
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,

    /// The program to start and measure
    #[arg(long, value_name = "PATH", required_unless_present = "url")]
    server: Option<PathBuf>,
    /// One more argument for `PATH serve` (may be repeated)
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    serve_arg: Vec<String>,
    /// A program to take turns with, usually the bare baseline
    #[arg(long, value_name = "PATH")]
    baseline: Option<PathBuf>,

    /// A server that is already running, e.g. http://127.0.0.1:8080 (instead of --server)
    #[arg(long, conflicts_with = "server", requires_all = ["app_id", "api_key"])]
    url: Option<String>,
    /// Application of the running server
    #[arg(long)]
    app_id: Option<String>,
    /// Its REST API key of scope fullAccess
    #[arg(long)]
    api_key: Option<String>,
    /// Process of the running server: without it its processor time is not reported
    #[arg(long)]
    pid: Option<u32>,

    /// How often everything is measured; medians are reported
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Seconds before measuring starts
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Seconds measured
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,

    /// pairs: how many pairs of users
    #[arg(long, default_value_t = 50)]
    pairs: usize,
    /// pairs: messages in flight per pair
    #[arg(long, value_delimiter = ',', default_value = "1,8")]
    in_flight: Vec<usize>,
    /// fanout: connected members of the group
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    members: Vec<usize>,
    /// fanout: messages in flight in the group
    #[arg(long, value_delimiter = ',', default_value = "1,8")]
    sends: Vec<usize>,
    /// idle: open sockets
    #[arg(long, value_delimiter = ',', default_value = "1000,5000")]
    sockets: Vec<usize>,
    /// history: messages in the conversation
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// history: clients reading at the same time
    #[arg(long, value_delimiter = ',', default_value = "1,8")]
    readers: Vec<usize>,

    /// Where data directories are made; on a file system in memory an fsync costs nothing and the figures say little
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    data_root: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl Options {
    fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }

    fn measure(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Cold start and memory at rest
    Start,
    /// Messages between pairs of users
    Pairs,
    /// Messages to one large group
    Fanout,
    /// Memory of an idle connection
    Idle,
    /// Pages of a long conversation
    History,
    /// Fsyncs per message in `pairs`, counted by strace
    Fsyncs,
    /// The same as `pairs` with none, one and ten webhooks, and how late they are told
    Webhooks,
}

impl Scenario {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    async fn run(self, subject: &Subject, options: &Options) -> Result<Vec<Finding>> {
        match self {
            Self::Start => start::run(subject).await,
            Self::Pairs => pairs::run(subject, options).await,
            Self::Fanout => fanout::run(subject, options).await,
            Self::Idle => idle::run(subject, options).await,
            Self::History => history::run(subject, options).await,
            Self::Fsyncs => fsyncs::run(subject, options).await,
            Self::Webhooks => webhooks::run(subject, options).await,
        }
    }
}

fn main() -> Result<()> {
    raise_open_files()?;
    let mut options = Options::parse();
    if options.scenarios.is_empty() {
        options.scenarios = Scenario::value_variants().to_vec();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = tokio::task::LocalSet::new().block_on(&runtime, async {
        // Leaving by return ends the servers started here and removes their data.
        tokio::select! {
            report = measure(&options) => report,
            () = asked_to_end() => Err("interrupted".into()),
        }
    })?;
    if options.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    if report.failures() > 0 {
        return Err(format!("{} measurement(s) failed", report.failures()).into());
    }
    Ok(())
}

async fn asked_to_end() {
    let signal = |kind| async move {
        match unix::signal(kind) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = signal(SignalKind::interrupt()) => {}
        _ = signal(SignalKind::terminate()) => {}
    }
}

async fn measure(options: &Options) -> Result<Report> {
    let mut subjects = vec![(Side::Server, Subject::of_server(options)?)];
    if let Some(path) = &options.baseline {
        subjects.push((Side::Baseline, Subject::program(path, Vec::new(), &options.data_root)?));
    }
    let names = subjects.iter().map(|(_, subject)| subject.name()).collect();
    let mut report = Report::new(names, options.runs, &options.data_root);

    for scenario in &options.scenarios {
        if let Some(reason) = unmeasurable(*scenario, options) {
            report.skip(&scenario.name(), reason);
            continue;
        }
        for run in 1..=options.runs {
            for (side, subject) in &subjects {
                let (scenario_name, name) = (scenario.name(), subject.name());
                eprintln!("{scenario_name}, run {run} of {}: {name}", options.runs);
                match scenario.run(subject, options).await {
                    Ok(findings) => report.add(*side, findings),
                    Err(error) => {
                        eprintln!("{scenario_name}: {name}: FAILED: {error}");
                        report.fail(&scenario_name, &name, &error.to_string());
                    }
                }
            }
        }
    }
    Ok(report)
}

/// Why a scenario cannot be measured here, if so.
fn unmeasurable(scenario: Scenario, options: &Options) -> Option<&'static str> {
    match scenario {
        Scenario::Start if options.url.is_some() => Some("needs --server: it starts the program"),
        Scenario::Idle if options.url.is_some() => {
            Some("needs --server: only a fresh process shows what connections need")
        }
        Scenario::Webhooks if options.url.is_some() => Some("needs --server: it makes a management key"),
        Scenario::Webhooks if options.baseline.as_ref().is_some_and(|path| path.ends_with("bare")) => {
            Some("the baseline has no webhooks")
        }
        Scenario::Fsyncs if options.url.is_some() => Some("needs --server: it starts the program under strace"),
        Scenario::Fsyncs if !process::strace_works() => Some("strace is not installed or not permitted to trace here"),
        _ => None,
    }
}

/// Thousands of sockets need thousands of file descriptors, here and in the server. The limit is raised by starting
/// over through a shell: it is inherited by the programs started from here, and needs no call outside of `std`.
fn raise_open_files() -> Result<()> {
    const MARK: &str = "LOAD_OPEN_FILES_RAISED";
    if std::env::var_os(MARK).is_some() {
        return Ok(());
    }
    Err(Command::new("sh")
        .arg("-c")
        .arg(r#"ulimit -n "$(ulimit -Hn)"; exec "$0" "$@""#)
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(MARK, "1")
        .exec()
        .into())
}

//! `hobnob test`: a server for a test suite, which ends with the suite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::serve::Signals;
use super::{Outcome, say};
use crate::logging;
use crate::testing::{Chat, EXAMPLE, Options};

/// How often it is looked whether the process that started it is there.
const LOOK: Duration = Duration::from_millis(100);

/// Lines of the log until it is known what is wanted of it.
const QUIET: &str = "warn";

/// How it is started.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Test {
    #[command(subcommand)]
    command: Option<Command>,
    /// What is in it when it is ready: users, groups, messages …, as JSON or YAML. `hobnob test init` writes an example
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Go on when standard input closes or the process that started this ends
    #[arg(long)]
    stay: bool,
    /// Pages and names that may reach it besides those of this machine, e.g. `--origin https://app.test`; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Flags of `hobnob serve` after `--`, e.g. `-- --limit members=5`; it listens on loopback alone
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write an example of a seed
    Init {
        /// Where to; `-` prints it
        #[arg(default_value = "hobnob-test.yaml", value_name = "FILE")]
        file: PathBuf,
    },
}

/// Writes an example where nothing is.
fn init(file: &Path) -> Outcome {
    if file == Path::new("-") {
        say(EXAMPLE.trim_end());
        return Ok(());
    }
    let explain = |error: std::io::Error| format!("cannot write {}: {error}", file.display());
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    std::io::Write::write_all(&mut made.map_err(explain)?, EXAMPLE.as_bytes()).map_err(explain)?;
    say(&format!("{} is an example of a seed: hobnob test --seed {0}", file.display()));
    Ok(())
}

/// Serves until nobody needs it any more.
pub async fn run(Test { command, seed, stay, origin, flags }: Test) -> Outcome {
    if let Some(Command::Init { file }) = command {
        return init(&file);
    }
    let mut signals = Signals::listen()?;
    let ended = Ended::watch(stay);
    logging::reload(QUIET)?;
    let chat = Chat::start(&Options { flags, seed, origins: origin }).await?;
    logging::reload(&chat.log)?;
    leave_start();
    say(&serde_json::to_string(&chat.ready).map_err(|e| e.to_string())?);
    let failed = tokio::select! {
        // A terminal that was closed, too.
        _ = signals.next() => None,
        () = ended.wait() => None,
        why = chat.failed() => Some(why),
    };
    chat.stop().await;
    failed.map_or(Ok(()), Err)
}

/// Takes the program's code out of this process's memory, most of which only a start needs: what is used is found again in the
/// system's cache of files, where all servers have it in common. Half of the memory that it is seen to have would be that.
#[cfg(target_os = "linux")]
fn leave_start() {
    use rustix::mm::{Advice, madvise};
    let own = std::env::current_exe().unwrap_or_default();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines() {
        // `from-to r-xp offset device inode path`
        let mut fields = line.split_ascii_whitespace();
        let (Some(range), Some("r-xp"), Some(path)) = (fields.next(), fields.next(), fields.nth(3)) else { continue };
        let Some((from, to)) = range.split_once('-').filter(|_| Path::new(path) == own) else { continue };
        if let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16)) {
            // SAFETY: it is a mapping of a file that cannot be written to, so each page is what the file holds, before and after.
            let _ = unsafe { madvise(from as *mut std::ffi::c_void, to - from, Advice::LinuxDontNeed) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn leave_start() {}

/// Tells when whoever started this has gone: by standard input, where that is a pipe from there, and by the process.
struct Ended {
    input: Option<tokio::sync::oneshot::Receiver<()>>,
    parent: Option<Parent>,
}

impl Ended {
    fn watch(stay: bool) -> Ended {
        if stay {
            return Ended { input: None, parent: None };
        }
        let input = is_pipe().then(|| {
            let (tell, told) = tokio::sync::oneshot::channel();
            // Nobody waits for this thread: it may stand in a read when the process ends.
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                let _ = tell.send(());
            });
            told
        });
        Ended { input, parent: Parent::now() }
    }

    async fn wait(self) {
        let input = async {
            match self.input {
                Some(told) => _ = told.await,
                None => std::future::pending().await,
            }
        };
        let parent = async {
            let Some(parent) = self.parent else { return std::future::pending().await };
            while Parent::now().as_ref() == Some(&parent) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = input => {}
            () = parent => {}
        }
    }
}

/// The process that started this one; what is left without one is given to another.
#[derive(PartialEq, Eq)]
struct Parent(u32);

impl Parent {
    fn now() -> Option<Parent> {
        #[cfg(unix)]
        return Some(Parent(std::os::unix::process::parent_id()));
        #[cfg(not(unix))]
        return None;
    }
}

/// Whether somebody holds the other end of standard input: a shell gives `/dev/null` to what it starts beside itself, which
/// ends at once and says nothing.
fn is_pipe() -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{FileType, fstat};
        let kind = fstat(std::io::stdin()).map(|found| FileType::from_raw_mode(found.st_mode));
        matches!(kind, Ok(FileType::Fifo | FileType::Socket))
    }
    #[cfg(not(unix))]
    !std::io::IsTerminal::is_terminal(&std::io::stdin())
}

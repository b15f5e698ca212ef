//! The command line: flags, variables and the settings file, then serve, or do one thing and go.
//!
//! One noun a file. A tool takes only the flags it has a use for; those of the server are the server's. Tools open the
//! database beside a running server: SQLite's locks order their writes with its own.

mod admin;
mod app;
mod audit;
mod backup;
mod bot;
mod compact;
mod config;
mod doctor;
mod export;
mod health;
mod import;
mod key;
mod limits;
mod management_key;
mod paper;
mod restore;
mod serve;
mod tail;
mod test;
mod user;
mod webhook;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::actions::audit as noting;
use crate::config::{Config, Folder};
use crate::lock;
use crate::logging::{self, in_line, printable};
use crate::model::audit::{Act, Actor};
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::time::Clock;
use crate::settings::{self, Effective, Gathered, Refusal};
use crate::store::{self, Hooks, Read, Store, apps};

/// Hobnob: a self-hosted chat back end in one binary.
#[derive(Parser)]
#[command(name = "hobnob", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Serve,
    /// Of the command that was asked for, as they are in force.
    #[arg(skip)]
    settings: Vec<Effective>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (the default)
    Serve(Box<serve::Serve>),
    /// Start a server for a test suite, which is thrown away with all that is in it
    Test(test::Test),
    /// Make and list apps
    App {
        #[command(subcommand)]
        command: app::Command,
    },
    /// Make, list and revoke API keys
    Key {
        #[command(subcommand)]
        command: key::Command,
    },
    /// End people's accounts
    User {
        #[command(subcommand)]
        command: user::Command,
    },
    /// What was done by those who run the server
    Audit {
        #[command(subcommand)]
        command: audit::Command,
    },
    /// See what became of events at webhooks, and have them sent once more
    Webhook {
        #[command(subcommand)]
        command: webhook::Command,
    },
    /// Make, list and retire bots: users in whose name an app writes
    Bot {
        #[command(subcommand)]
        command: bot::Command,
    },
    /// Make, list and revoke credentials of the management API
    ManagementKey {
        #[command(subcommand)]
        command: management_key::Command,
    },
    /// Show the settings in force, look over a settings file, or print one to begin with
    Config {
        #[command(subcommand)]
        command: config::Command,
    },
    /// Ask a running server whether it is ready; fails if it is not
    Health(health::Health),
    /// List the limits that --limit changes, with their defaults
    Limits(limits::Table),
    /// Copy everything into one file, beside a running server
    Backup(backup::Backup),
    /// Put a backup into an empty folder, or only prove that it is good
    Restore(restore::Restore),
    /// Write one app into a file: users, groups, messages, files
    Export(export::Export),
    /// Take over an app from an export
    Import(Box<import::Import>),
    /// Put the database file together anew, without what was deleted; the server must be stopped
    Compact(compact::Compact),
    /// Say what is wrong with the folder, the machine and the way in; exit code 1 if anything is
    Doctor(Box<doctor::Doctor>),
    /// Tell what happens on a running server, as it happens
    Tail(Box<tail::Tail>),
    /// Print what a shell needs to complete commands and flags
    Completions(paper::Completions),
    /// Print the manual page, or write those of all subcommands to a folder
    Man(paper::Pages),
    /// Let admins in, give them new passwords, list them
    Admin {
        #[command(subcommand)]
        command: admin::Command,
    },
    /// Print a one-time link that makes an owner: `admin create --role owner`
    AdminLink(admin::Link),
}

/// The database a tool works on; it may be in use by a running server.
#[derive(clap::Args)]
struct Target {
    #[command(flatten)]
    folder: Folder,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// How the process ends that was asked for something there is not; the parser's own number.
const USAGE: i32 = 2;

/// `Err`: what went wrong, for people.
type Outcome = Result<(), String>;

/// The command line as it is read: every flag and variable, for whoever has to know what there is.
pub fn described() -> clap::Command {
    settings::with_switches(Cli::command())
}

/// What this process's flags, variables and settings file say.
fn gather() -> std::result::Result<Gathered, Refusal> {
    settings::gather(&described(), std::env::args_os().collect(), &|name| std::env::var_os(name))
}

impl Cli {
    /// What was asked for by flags and variables; says what is wrong with them and ends the process if they are.
    pub fn of_process() -> Cli {
        let gathered = gather().unwrap_or_else(|refusal| match refusal {
            Refusal::Parser(error) => error.exit(),
            Refusal::Plain(why) => {
                eprintln!("hobnob: {why}");
                std::process::exit(USAGE)
            }
        });
        let mut cli = Cli::from_arg_matches(&gathered.matches).unwrap_or_else(|error| error.exit());
        cli.settings = gathered.settings;
        cli
    }

    /// The settings of the server as they are now: those of a file may have changed since the start.
    fn again() -> std::result::Result<Config, String> {
        let gathered = gather().map_err(|refusal| match refusal {
            Refusal::Parser(error) => error.to_string(),
            Refusal::Plain(why) => why,
        })?;
        let cli = Cli::from_arg_matches(&gathered.matches).map_err(|e| e.to_string())?;
        Ok(match cli.command {
            Some(Command::Serve(serve)) => serve.config,
            _ => cli.serve.config,
        })
    }

    /// Does what was asked for.
    pub async fn run(self) -> Outcome {
        let serves = matches!(self.command, None | Some(Command::Serve(_)));
        if !serves {
            logging::of_tool();
        }
        self.act().await?;
        match UNSAID.get() {
            Some(why) if !serves => Err(format!("it is done, but what there is to say of it cannot be written: {why}")),
            _ => Ok(()),
        }
    }

    async fn act(self) -> Outcome {
        match self.command {
            None => serve::run(self.serve).await,
            Some(Command::Serve(serve)) => serve::run(*serve).await,
            Some(Command::Test(test)) => test::run(test).await,
            Some(Command::App { command }) => app::run(command).await,
            Some(Command::Key { command }) => key::run(command).await,
            Some(Command::User { command }) => user::run(command).await,
            Some(Command::Audit { command }) => audit::run(command).await,
            Some(Command::Webhook { command }) => webhook::run(command).await,
            Some(Command::Bot { command }) => bot::run(command).await,
            Some(Command::ManagementKey { command }) => management_key::run(command).await,
            Some(Command::Config { command }) => config::run(command, &self.settings),
            Some(Command::Health(health)) => health::run(health).await,
            Some(Command::Limits(table)) => limits::run(table),
            Some(Command::Backup(backup)) => backup.run().await,
            Some(Command::Restore(restore)) => restore.run().await,
            Some(Command::Export(export)) => export.run(),
            Some(Command::Import(import)) => import.run().await,
            Some(Command::Compact(compact)) => compact.run().await,
            Some(Command::Doctor(doctor)) => doctor::run(*doctor).await,
            Some(Command::Tail(tail)) => tail::run(*tail).await,
            Some(Command::Completions(args)) => paper::completions(args),
            Some(Command::Man(args)) => paper::pages(args),
            Some(Command::Admin { command }) => admin::run(command).await,
            Some(Command::AdminLink(target)) => admin::link(target).await,
        }
    }
}

/// Why something could not be printed, the first time: a key that nobody saw is not well made.
static UNSAID: OnceLock<String> = OnceLock::new();

/// Prints a line; a reader that has gone is no reason to fail. Nothing in it moves the cursor; what strangers named goes
/// through [`in_line`] first, so that it makes no line of its own.
fn say(line: &str) {
    let line = printable(line);
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{line}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => _ = UNSAID.set(error.to_string()),
        _ => {}
    }
}

/// Opens the database without serving.
fn open(target: &Target) -> Result<Store, String> {
    let database = existing(target)?;
    match lock::holder(&target.folder.data) {
        Some(_) => opened(&database, Store::open_beside),
        None => open_at(&database),
    }
}

/// Opens the database in this file.
fn open_at(database: &Path) -> Result<Store, String> {
    opened(database, Store::open)
}

fn opened(
    database: &Path,
    open: impl FnOnce(&Path, u32, usize, Hooks) -> crate::model::error::Result<Store>,
) -> Result<Store, String> {
    let hooks = Hooks::alone(Clock::default());
    open(database, 1, 16, hooks).map_err(|e| format!("cannot open {}: {}", database.display(), e.plain()))
}

/// The database file a tool works on, if there is one of this schema.
fn existing(target: &Target) -> Result<PathBuf, String> {
    existing_in(&target.folder)
}

/// The same of a folder.
fn existing_in(folder: &Folder) -> Result<PathBuf, String> {
    let database = folder.database();
    if let Err(error) = std::fs::File::open(&database) {
        let looked = std::path::absolute(&database).unwrap_or(database);
        return Err(match error.kind() {
            ErrorKind::NotFound => format!(
                "there is no database at {}: start the server there first, or name its folder with --data",
                looked.display()
            ),
            _ => format!("cannot read {}: {error}", looked.display()),
        });
    }
    // Only a server brings a database to another schema: it holds the folder, so that no other uses it meanwhile.
    match store::schema(&database).map_err(|e| format!("cannot open {}: {}", database.display(), e.plain()))? {
        0 => Err(format!("{} is empty: start the server there first", database.display())),
        older if older < store::SCHEMA => Err(format!(
            "{} is of an older Hobnob (schema {older}): stop that one, and start the server of this one there, which \
                 brings it to schema {} and keeps a copy",
            database.display(),
            store::SCHEMA
        )),
        _ => Ok(database),
    }
}

/// Refuses to put files into a folder as root whose server is another user: they could not be read there, nor what it makes
/// itself beside them.
fn not_as_root(folder: &Folder) -> Outcome {
    let owner = owner(&folder.database()).filter(|owner| *owner != 0 && is_root());
    owner.map_or(Ok(()), |owner| {
        Err(format!(
            "{} belongs to user {owner}, who could not read what root puts there: run this as them, as with sudo -u '#{owner}'",
            folder.data.display()
        ))
    })
}

/// Whose a file or folder is, if it is there and files are somebody's.
#[cfg(unix)]
fn owner(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|found| std::os::unix::fs::MetadataExt::uid(&found))
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn owner(_: &Path) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Notes in the audit log what a tool did to the whole folder. That it was done is not undone where it cannot be noted: by an
/// older database, say.
async fn note(folder: &Folder, act: Act, on: &str) {
    let noted = async {
        let store = open(&Target { folder: folder.clone(), json: false })?;
        let on = on.to_owned();
        let done = store.write("audit", move |tx| noting::note(tx, &Actor::Cli, act, None, Some(&on))).await;
        store.close();
        done.map_err(|e| e.plain())
    };
    if let Err(error) = noted.await {
        log::warn!("{act} of {on} is not in the audit log: {error}");
    }
}

fn find_app(read: &Read<'_>, app_id: &str) -> Result<App> {
    match apps::by_app_id(read, &app_id.to_ascii_lowercase())? {
        Some(app) => Ok(app),
        None => Err(Error::new(Code::InvalidAppId, format!("there is no app {app_id}. {}", known_apps(read)?))),
    }
}

/// For who named none, or another: ids and names of the apps there are.
fn known_apps(read: &Read<'_>) -> Result<String> {
    let apps = apps::list(read)?;
    let lines: Vec<String> = apps.iter().map(|app| format!("\n  {}  {}", app.app_id, app.name)).collect();
    Ok(match lines.is_empty() {
        true => "There are none: hobnob app create NAME makes one.".to_owned(),
        false => format!("The app is named by its id. There are:{}", lines.concat()),
    })
}

//! The command line: flags and variables into a `Config`, then serve, or do one thing and go.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use hobnob::actions::{self, demo};
use hobnob::config::Config;
use hobnob::model::caller::KeyScope;
use hobnob::model::ids::Uid;
use hobnob::model::limits::{Limits, Rates};
use hobnob::model::page::PageAsk;
use hobnob::model::time::{Clock, Ids};
use hobnob::model::user::check_name;
use hobnob::server::Server;
use hobnob::store::{Hooks, Store, apps, keys, management, users};
use hobnob::tls;

/// Hobnob: a self-hosted chat back end in one binary.
#[derive(Parser)]
#[command(name = "hobnob", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (the default)
    Serve(Serve),
    /// Make an app
    App {
        #[command(subcommand)]
        command: AppCommand,
    },
    /// Make, list and revoke API keys
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Make, list and retire bots: users in whose name an app writes
    Bot {
        #[command(subcommand)]
        command: BotCommand,
    },
    /// Make, list and revoke credentials of the management API
    ManagementKey {
        #[command(subcommand)]
        command: ManagementCommand,
    },
    /// List the limits that --limit changes, with their defaults
    Limits,
    /// Print a one-time link that makes an admin
    AdminLink(Target),
}

#[derive(clap::Args)]
struct Serve {
    #[command(flatten)]
    config: Config,
    /// Add five users and a public group to try things with
    #[arg(long)]
    demo: bool,
}

/// The database a tool works on; it may be in use by a running server.
#[derive(clap::Args)]
struct Target {
    #[command(flatten)]
    config: Config,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum AppCommand {
    /// Make an app with its two keys and print them (once)
    Create {
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// List apps
    List {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Make a key and print it (once)
    Create {
        /// App id
        app: String,
        /// What the key is for
        name: String,
        /// fullAccess or authOnly
        #[arg(long, default_value = "authOnly")]
        scope: String,
        #[command(flatten)]
        target: Target,
    },
    /// List the keys of an app, masked
    List {
        /// App id
        app: String,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a key of an app: the whole key, its first four digits, or its number in the list
    Revoke {
        /// App id
        app: String,
        key: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Subcommand)]
enum BotCommand {
    /// Make a bot, or a bot of a user who is there already
    Create {
        /// App id
        app: String,
        uid: String,
        /// What it is called; the uid if left out
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List the bots of an app
    List {
        /// App id
        app: String,
        #[command(flatten)]
        target: Target,
    },
    /// Make a bot a user like others; what it said stays
    Retire {
        /// App id
        app: String,
        uid: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Subcommand)]
enum ManagementCommand {
    /// Make a key with its secret and print them (once)
    Create {
        /// What it is for
        #[arg(default_value = "Management")]
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// List keys
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a key
    Revoke {
        key: String,
        #[command(flatten)]
        target: Target,
    },
}

type Outcome = Result<(), String>;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::new().filter_or("HOBNOB_LOG", "warn,actix_http=off")).init();
    let cli = Cli::parse();
    let outcome = actix_web::rt::System::new().block_on(async {
        match cli.command {
            None => serve(cli.serve).await,
            Some(Command::Serve(serve_args)) => serve(serve_args).await,
            Some(Command::App { command }) => app(command).await,
            Some(Command::Key { command }) => key(command).await,
            Some(Command::Bot { command }) => bot(command).await,
            Some(Command::ManagementKey { command }) => management_key(command).await,
            Some(Command::Limits) => limits(),
            Some(Command::AdminLink(target)) => admin_link(target).await,
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hobnob: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line; a reader that has gone is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
    let _ = std::io::stdout().flush();
}

async fn serve(args: Serve) -> Outcome {
    let mut config = args.config;
    if args.demo {
        // Who tries things out is not counted, unless that is what he tries.
        config.rates.rate_limits.get_or_insert(Rates::Off);
    }
    let server = Server::start(&config, Clock::default()).await?;
    let limits = config.limits()?;
    let (region, demo) = (config.region.clone(), args.demo);
    let first = server
        .store
        .write("first start", move |tx| {
            if apps::any(tx)? {
                return Ok(None);
            }
            let app = actions::apps::create(tx, "First app", &region, &limits)?;
            let link = actions::admin::invite(tx)?;
            Ok(Some((app, link)))
        })
        .await
        .map_err(|e| e.to_string())?;
    if demo {
        server.store.write("demo", demo::fill).await.map_err(|e| e.to_string())?;
    }

    say(&format!("Hobnob {} is running. Data: {}", env!("CARGO_PKG_VERSION"), config.data.display()));
    if let Some(address) = server.http {
        say(&format!("  http://{address}"));
    }
    if let Some(address) = server.https {
        say(&format!("  https://{address}"));
        if config.tls_cert.is_none() {
            say(&format!("  certificate authority to trust: {}", tls::authority(&config.data).display()));
        }
    }
    if let Some((app, link)) = first {
        welcome(&server, &app, &link);
    }
    if demo {
        say(&format!("Demo: users {} in the group {}.", demo::UIDS.join(", "), demo::GUID));
    }

    wait_for_signal().await?;
    say("Stopping.");
    server.stop().await;
    Ok(())
}

fn limits() -> Outcome {
    for (name, meaning, default) in Limits::TABLE {
        say(&format!("{name:<16} {default:>10} {meaning}"));
    }
    Ok(())
}

/// What a newcomer needs, shown once: the keys are stored as digests and cannot be read again.
fn welcome(server: &Server, app: &actions::apps::Created, link: &str) {
    let secure = server.https.or(server.http).map(|address| address.to_string()).unwrap_or_default();
    let plain = match (server.http, server.https) {
        (Some(address), _) => format!("http://{address}"),
        (None, Some(address)) => format!("https://{address}"),
        (None, None) => String::new(),
    };
    say(&format!(
        "
This is the first start. Keep these, they are shown only now:
  app id        {app_id}
  region        {region}
  auth key      {auth_key}
  REST API key  {api_key}
  admin set-up  {plain}/admin/#setup={link}

To point a client at this server:
  const settings = new CometChat.AppSettingsBuilder()
    .setRegion('{region}')
    .subscribePresenceForAllUsers()
    .autoEstablishSocketConnection(true)
    .overrideAdminHost('{secure}/v3')
    .overrideClientHost('{secure}/v3')
    .build();
  await CometChat.init('{app_id}', settings);
  await CometChat.login('some-uid', '{auth_key}');
",
        app_id = app.app_id,
        region = app.region,
        auth_key = app.auth_key,
        api_key = app.api_key,
    ));
}

async fn wait_for_signal() -> Outcome {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
        tokio::select! {
            _ = terminate.recv() => {}
            result = tokio::signal::ctrl_c() => result.map_err(|e| e.to_string())?,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(|e| e.to_string())?;
    Ok(())
}

/// Opens the database without serving.
fn open(config: &Config) -> Result<Store, String> {
    std::fs::create_dir_all(&config.data).map_err(|e| format!("cannot make {}: {e}", config.data.display()))?;
    let hooks = Hooks { deliver: Box::new(drop), online: Arc::new(|_| false), clock: Clock::default(), ids: Ids };
    Store::open(&config.database(), 1, 16, hooks)
        .map_err(|e| format!("cannot open {}: {e}", config.database().display()))
}

async fn app(command: AppCommand) -> Outcome {
    match command {
        AppCommand::Create { name, target } => {
            let store = open(&target.config)?;
            let (region, limits) = (target.config.region.clone(), target.config.limits()?);
            let created = store
                .write("app create", move |tx| actions::apps::create(tx, &name, &region, &limits))
                .await
                .map_err(|e| e.to_string())?;
            store.close();
            if target.json {
                say(&serde_json::to_string(&created).map_err(|e| e.to_string())?);
            } else {
                say(&format!(
                    "app id        {}\nregion        {}\nauth key      {}\nREST API key  {}",
                    created.app_id, created.region, created.auth_key, created.api_key
                ));
            }
        }
        AppCommand::List { target } => {
            let store = open(&target.config)?;
            let apps = store.read(apps::list).await.map_err(|e| e.to_string())?;
            store.close();
            if target.json {
                say(&serde_json::to_string(&apps).map_err(|e| e.to_string())?);
            } else {
                for app in apps {
                    say(&format!("{}  {}  {} users, {} groups", app.app_id, app.name, app.users, app.groups));
                }
            }
        }
    }
    Ok(())
}

async fn key(command: KeyCommand) -> Outcome {
    match command {
        KeyCommand::Create { app, name, scope, target } => {
            let scope = KeyScope::parse(&scope).ok_or("--scope must be fullAccess or authOnly")?;
            let (store, limits) = (open(&target.config)?, target.config.limits()?);
            let secret = store
                .write("key create", move |tx| {
                    let app = find_app(tx, &app)?;
                    actions::keys::create(tx, &app, &name, scope, &limits)
                })
                .await
                .map_err(|e| e.to_string())?;
            store.close();
            let line = if target.json { serde_json::json!({ "apiKey": secret }).to_string() } else { secret };
            say(&line);
        }
        KeyCommand::List { app, target } => {
            let store = open(&target.config)?;
            let all = PageAsk { page: 1, per_page: 1000 };
            let keys = store
                .read(move |read| keys::list(read, find_app(read, &app)?.id, None, None, all))
                .await
                .map_err(|e| e.to_string())?;
            store.close();
            if target.json {
                say(&serde_json::to_string(&keys.items).map_err(|e| e.to_string())?);
            } else {
                for key in keys.items {
                    say(&format!("{:>4}  {}  {:<10}  {}", key.id, key.api_key, key.scope, key.name));
                }
            }
        }
        KeyCommand::Revoke { app, key, target } => {
            let store = open(&target.config)?;
            let revoked = store
                .write("key revoke", move |tx| {
                    let app = find_app(tx, &app)?.id;
                    let mut found = match keys::find(tx, app, &key)? {
                        Some(key) => vec![key],
                        None => keys::by_hint(tx, app, &key)?,
                    };
                    if let (true, Ok(id)) = (found.is_empty(), key.parse()) {
                        found.extend(keys::by_id(tx, app, id)?);
                    }
                    let only = if found.len() == 1 { found.pop() } else { None };
                    let only = only.ok_or(hobnob::model::Code::ApiKeyNotFound)?;
                    keys::delete(tx, only.id)?;
                    Ok(only)
                })
                .await
                .map_err(|e| e.to_string())?;
            store.close();
            let line = if target.json {
                serde_json::json!({ "revoked": revoked.api_key }).to_string()
            } else {
                format!("Revoked {}.", revoked.name)
            };
            say(&line);
        }
    }
    Ok(())
}

async fn bot(command: BotCommand) -> Outcome {
    let line = match command {
        BotCommand::Create { app, uid, name, target } => {
            let (store, limits) = (open(&target.config)?, target.config.limits()?);
            let made = store.write("bot create", move |tx| {
                let app = find_app(tx, &app)?;
                let name = check_name("name", name.as_deref().unwrap_or(&uid), &limits)?;
                actions::bots::create(tx, &app, Uid::parse(&uid)?, name, &limits)
            });
            let made = made.await;
            store.close();
            let made = made.map_err(|e| e.to_string())?;
            match target.json {
                true => serde_json::to_string(&made).map_err(|e| e.to_string())?,
                false => format!("The bot {} is there. Write in its name with POST /v3/bots/{0}/messages.", made.uid),
            }
        }
        BotCommand::List { app, target } => {
            let store = open(&target.config)?;
            let bots = store.read(move |read| users::bots(read, find_app(read, &app)?.id)).await;
            store.close();
            let bots = bots.map_err(|e| e.to_string())?;
            match target.json {
                true => serde_json::to_string(&bots).map_err(|e| e.to_string())?,
                false => bots.iter().map(|bot| format!("{}  {}", bot.uid, bot.name)).collect::<Vec<_>>().join("\n"),
            }
        }
        BotCommand::Retire { app, uid, target } => {
            let store = open(&target.config)?;
            let named = uid.clone();
            let retired = store.write("bot retire", move |tx| {
                let app = find_app(tx, &app)?;
                actions::bots::retire(tx, &app, &Uid::parse(&named)?)
            });
            let retired = retired.await;
            store.close();
            retired.map_err(|e| e.to_string())?;
            match target.json {
                true => serde_json::json!({ "retired": uid }).to_string(),
                false => format!("{uid} is no bot any more."),
            }
        }
    };
    say(&line);
    Ok(())
}

async fn management_key(command: ManagementCommand) -> Outcome {
    let line = match command {
        ManagementCommand::Create { name, target } => {
            let store = open(&target.config)?;
            let created = store.write("management-key create", move |tx| management::insert(tx, &name)).await;
            store.close();
            let created = created.map_err(|e| e.to_string())?;
            match target.json {
                true => serde_json::to_string(&created).map_err(|e| e.to_string())?,
                false => format!("key     {}\nsecret  {}", created.key, created.secret),
            }
        }
        ManagementCommand::List { target } => {
            let store = open(&target.config)?;
            let keys = store.read(management::list).await;
            store.close();
            let keys = keys.map_err(|e| e.to_string())?;
            match target.json {
                true => serde_json::to_string(&keys).map_err(|e| e.to_string())?,
                false => keys.iter().map(|key| format!("{}  {}", key.key, key.name)).collect::<Vec<_>>().join("\n"),
            }
        }
        ManagementCommand::Revoke { key, target } => {
            let store = open(&target.config)?;
            let found = key.clone();
            let revoked = store.write("management-key revoke", move |tx| management::delete(tx, &found)).await;
            store.close();
            if !revoked.map_err(|e| e.to_string())? {
                return Err(format!("there is no management key {key}"));
            }
            match target.json {
                true => serde_json::json!({ "revoked": key }).to_string(),
                false => format!("Revoked {key}."),
            }
        }
    };
    say(&line);
    Ok(())
}

fn find_app(read: &hobnob::store::Read<'_>, app_id: &str) -> hobnob::model::Result<hobnob::model::caller::App> {
    apps::by_app_id(read, app_id)?.ok_or_else(|| {
        hobnob::model::Error::new(hobnob::model::Code::InvalidAppId, format!("there is no app {app_id}"))
    })
}

async fn admin_link(target: Target) -> Outcome {
    let store = open(&target.config)?;
    let link = store.write("admin link", actions::admin::invite).await.map_err(|e| e.to_string())?;
    store.close();
    let line =
        if target.json { serde_json::json!({ "setup": link }).to_string() } else { format!("/admin/#setup={link}") };
    say(&line);
    Ok(())
}

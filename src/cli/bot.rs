//! `hobnob bot`: users in whose name an app writes.

use clap::Subcommand;

use super::{Outcome, Target, find_app, in_line, open, say};
use crate::actions::{self, audit as noting};
use crate::config::LimitArgs;
use crate::model::audit::{Act, Actor};
use crate::model::ids::Uid;
use crate::model::user::check_name;
use crate::store::users;

/// What can be done with bots.
#[derive(Subcommand)]
pub enum Command {
    /// Make a bot, or a bot of a user who is there already
    Create {
        /// App id
        app: String,
        uid: String,
        /// What it is called; the uid if left out
        name: Option<String>,
        #[command(flatten)]
        limits: LimitArgs,
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

/// Does it.
pub async fn run(command: Command) -> Outcome {
    let line = match command {
        Command::Create { app, uid, name, limits, target } => {
            let (store, limits) = (open(&target)?, limits.limits()?);
            let made = store.write("bot create", move |tx| {
                let app = find_app(tx, &app)?;
                let limits = app.limits(&limits);
                let name = check_name("name", name.as_deref().unwrap_or(&uid), &limits)?;
                let made = actions::bots::create(tx, &app, Uid::parse(&uid)?, name, &limits)?;
                noting::note(tx, &Actor::Cli, Act::BotCreate, Some(&app.app_id), Some(&made.uid))?;
                Ok(made)
            });
            let made = made.await;
            store.close();
            let made = made.map_err(|e| e.plain())?;
            match target.json {
                true => serde_json::to_string(&made).map_err(|e| e.to_string())?,
                false => format!("The bot {} is there. Write in its name with POST /v3/bots/{0}/messages.", made.uid),
            }
        }
        Command::List { app, target } => {
            let store = open(&target)?;
            let bots = store.read(move |read| users::bots(read, find_app(read, &app)?.id)).await;
            store.close();
            let bots = bots.map_err(|e| e.plain())?;
            match target.json {
                true => serde_json::to_string(&bots).map_err(|e| e.to_string())?,
                false => {
                    bots.iter().map(|bot| format!("{}  {}", bot.uid, in_line(&bot.name))).collect::<Vec<_>>().join("\n")
                }
            }
        }
        Command::Retire { app, uid, target } => {
            let store = open(&target)?;
            let named = uid.clone();
            let retired = store.write("bot retire", move |tx| {
                let app = find_app(tx, &app)?;
                actions::bots::retire(tx, &app, &Uid::parse(&named)?)?;
                noting::note(tx, &Actor::Cli, Act::BotRetire, Some(&app.app_id), Some(&named))
            });
            let retired = retired.await;
            store.close();
            retired.map_err(|e| e.plain())?;
            match target.json {
                true => serde_json::json!({ "retired": uid }).to_string(),
                false => format!("{uid} is no bot any more."),
            }
        }
    };
    say(&line);
    Ok(())
}

//! `hobnob app`: apps of this server.

use std::collections::BTreeMap;

use clap::Subcommand;

use super::backup::many;
use super::{Outcome, Target, find_app, in_line, open, say};
use crate::actions::{self, apps::Created};
use crate::config::{LimitArgs, RegionArg};
use crate::model::audit::{Act, Actor};
use crate::model::patch::Patch;
use crate::store::{apps, retention};

/// What can be done with apps.
#[derive(Subcommand)]
pub enum Command {
    /// Make an app with its two keys and print them (once)
    Create {
        /// What it is called; clients name it by its id
        name: String,
        #[command(flatten)]
        region: RegionArg,
        #[command(flatten)]
        limits: LimitArgs,
        #[command(flatten)]
        target: Target,
    },
    /// How long an app keeps messages; set by --user and --group
    Retention {
        /// App id
        app: String,
        /// Days that messages of one-on-one conversations are kept; off: for ever
        #[arg(long, value_name = "DAYS|off", value_parser = days)]
        user: Option<Days>,
        /// Days that messages of groups are kept; off: for ever
        #[arg(long, value_name = "DAYS|off", value_parser = days)]
        group: Option<Days>,
        #[command(flatten)]
        target: Target,
    },
    /// The limits of an app; --set gives it one of its own
    Limits {
        /// App id
        app: String,
        /// A limit and its number in this app; off: as the server has it; may be given several times
        #[arg(long = "set", value_name = "NAME=NUMBER|off", value_parser = own)]
        changes: Vec<(String, Option<u64>)>,
        #[command(flatten)]
        limits: LimitArgs,
        #[command(flatten)]
        target: Target,
    },
    /// List apps
    List {
        #[command(flatten)]
        target: Target,
    },
}

/// Days, or for ever.
#[derive(Clone, Copy, Debug)]
pub struct Days(Option<i64>);

fn days(text: &str) -> Result<Days, String> {
    match text {
        "off" => Ok(Days(None)),
        _ => text.parse().map(|days| Days(Some(days))).map_err(|_| format!("{text:?} is no number of days, nor off")),
    }
}

fn own(text: &str) -> Result<(String, Option<u64>), String> {
    let (name, number) = text.split_once('=').ok_or(format!("{text:?} is no NAME=NUMBER"))?;
    let number = match number {
        "off" => None,
        _ => Some(number.parse().map_err(|_| format!("{number:?} is no number, nor off"))?),
    };
    Ok((name.to_owned(), number))
}

impl Days {
    fn patch(asked: Option<Days>) -> Patch<i64> {
        asked.map_or(Patch::Keep, |Days(days)| days.map_or(Patch::Clear, Patch::Set))
    }
}

/// An app that was made, with its keys, for people.
pub fn shown(created: &Created) -> String {
    let Created { app_id, region, auth_key, api_key } = created;
    format!("app id        {app_id}\nregion        {region}\nauth key      {auth_key}\nREST API key  {api_key}")
}

/// Does it.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Create { name, region, limits, target } => {
            let store = open(&target)?;
            let (region, limits) = (region.region, limits.limits()?);
            let created = store
                .write("app create", move |tx| {
                    let created = actions::apps::create(tx, &name, &region, &limits)?;
                    actions::audit::note(tx, &Actor::Cli, Act::AppCreate, None, Some(&created.app_id))?;
                    Ok(created)
                })
                .await
                .map_err(|e| e.plain())?;
            store.close();
            if target.json {
                say(&serde_json::to_string(&created).map_err(|e| e.to_string())?);
            } else {
                say(&shown(&created));
            }
        }
        Command::Retention { app, user, group, target } => {
            let store = open(&target)?;
            let changes = user.is_some() || group.is_some();
            let (user, group) = (Days::patch(user), Days::patch(group));
            let kept = match changes {
                true => {
                    let set = store.write("app retention", move |tx| {
                        actions::retention::set(tx, (&Actor::Cli, &find_app(tx, &app)?), user, group)
                    });
                    set.await
                }
                false => store.read(move |read| retention::of_app(read, find_app(read, &app)?.id)).await,
            };
            store.close();
            let kept = kept.map_err(|e| e.plain())?;
            if target.json {
                say(&serde_json::to_string(&kept).map_err(|e| e.to_string())?);
            } else {
                let words = |days: Option<i64>| days.map_or("off".to_owned(), |days| many(days, "day"));
                say(&format!("user   {}\ngroup  {}", words(kept.user), words(kept.group)));
            }
        }
        Command::Limits { app, changes, limits, target } => {
            let (store, server) = (open(&target)?, limits.limits()?);
            let found = match changes.is_empty() {
                true => store.read(move |read| find_app(read, &app)).await,
                false => {
                    let changes: BTreeMap<_, _> = changes.into_iter().collect();
                    let set = store.write("app limits", move |tx| {
                        actions::app_limits::set(tx, (&Actor::Cli, &find_app(tx, &app)?), &changes)
                    });
                    set.await
                }
            };
            store.close();
            let all = actions::app_limits::list(&found.map_err(|e| e.plain())?, &server);
            if target.json {
                say(&serde_json::to_string(&all).map_err(|e| e.to_string())?);
            } else {
                for one in all {
                    let whose = if one.own.is_some() { "its own" } else { "" };
                    say(&format!("{:<19} {:>13} {whose:<7} {}", one.name, one.own.unwrap_or(one.server), one.meaning));
                }
            }
        }
        Command::List { target } => {
            let store = open(&target)?;
            let apps = store.read(apps::list).await.map_err(|e| e.plain())?;
            store.close();
            if target.json {
                say(&serde_json::to_string(&apps).map_err(|e| e.to_string())?);
            } else {
                for app in apps {
                    let (users, groups) = (many(app.users, "user"), many(app.groups, "group"));
                    say(&format!("{}  {}  {users}, {groups}", app.app_id, in_line(&app.name)));
                }
            }
        }
    }
    Ok(())
}

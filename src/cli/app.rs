//! `hobnob app`: apps of this server.

use clap::Subcommand;

use super::{Outcome, Target, open, say};
use crate::actions;
use crate::config::{LimitArgs, RegionArg};
use crate::store::apps;

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
    /// List apps
    List {
        #[command(flatten)]
        target: Target,
    },
}

/// Does it.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Create { name, region, limits, target } => {
            let store = open(&target)?;
            let (region, limits) = (region.region, limits.limits()?);
            let created = store
                .write("app create", move |tx| actions::apps::create(tx, &name, &region, &limits))
                .await
                .map_err(|e| e.plain())?;
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
        Command::List { target } => {
            let store = open(&target)?;
            let apps = store.read(apps::list).await.map_err(|e| e.plain())?;
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

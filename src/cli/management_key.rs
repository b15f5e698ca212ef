//! `hobnob management-key`: credentials of the management API.

use clap::Subcommand;

use super::{Outcome, Target, in_line, open, say};
use crate::actions;
use crate::model::audit::{Act, Actor};
use crate::model::limits::Limits;
use crate::store::{Write, management};

/// What can be done with them.
#[derive(Subcommand)]
pub enum Command {
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
        /// The key as it is listed
        key: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Does it.
pub async fn run(command: Command) -> Outcome {
    let line = match command {
        Command::Create { name, target } => {
            let store = open(&target)?;
            let created = store
                .write("management-key create", move |tx| {
                    let created = actions::management::create(tx, &name, &Limits::default())?;
                    actions::audit::note(tx, &Actor::Cli, Act::ManagementCreate, None, Some(&created.key))?;
                    Ok(created)
                })
                .await;
            store.close();
            let created = created.map_err(|e| e.plain())?;
            match target.json {
                true => serde_json::to_string(&created).map_err(|e| e.to_string())?,
                false => format!("key     {}\nsecret  {}", created.key, created.secret),
            }
        }
        Command::List { target } => {
            let store = open(&target)?;
            let keys = store.read(management::list).await;
            store.close();
            let keys = keys.map_err(|e| e.plain())?;
            match target.json {
                true => serde_json::to_string(&keys).map_err(|e| e.to_string())?,
                false => {
                    keys.iter().map(|key| format!("{}  {}", key.key, in_line(&key.name))).collect::<Vec<_>>().join("\n")
                }
            }
        }
        Command::Revoke { key, target } => {
            let store = open(&target)?;
            let found = key.clone();
            let revoke = move |tx: &mut Write<'_>| {
                actions::management::revoke(tx, &found)?;
                actions::audit::note(tx, &Actor::Cli, Act::ManagementRevoke, None, Some(&found))
            };
            let revoked = store.write("management-key revoke", revoke).await;
            store.close();
            revoked.map_err(|e| e.plain())?;
            match target.json {
                true => serde_json::json!({ "revoked": key }).to_string(),
                false => format!("Revoked {key}."),
            }
        }
    };
    say(&line);
    Ok(())
}

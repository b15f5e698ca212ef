//! `hobnob key`: API keys of an app.

use clap::Subcommand;

use super::{Outcome, Target, find_app, in_line, known_apps, open, say};
use crate::actions;
use crate::config::LimitArgs;
use crate::model::audit::{Act, Actor};
use crate::model::caller::KeyScope;
use crate::model::page::PageAsk;
use crate::store::keys;

/// What can be done with keys.
#[derive(Subcommand)]
pub enum Command {
    /// Make a key and print it (once)
    Create {
        /// App id
        app: String,
        /// What the key is for
        name: Option<String>,
        /// fullAccess or authOnly
        #[arg(long, default_value = "authOnly")]
        scope: String,
        #[command(flatten)]
        limits: LimitArgs,
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
    /// Revoke a key of an app
    Revoke {
        /// App id
        app: String,
        /// The whole key, its first four digits, or its number in the list
        key: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Does it.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Create { app, name, scope, limits, target } => {
            let scope = KeyScope::parse(&scope).ok_or("--scope must be fullAccess or authOnly")?;
            let (store, limits) = (open(&target)?, limits.limits()?);
            let Some(name) = name else {
                let apps = store.read(known_apps).await.map_err(|e| e.plain())?;
                store.close();
                return Err(format!(
                    "expected hobnob key create APP NAME: the id of the app, then what the key is for. {apps}"
                ));
            };
            let secret = store
                .write("key create", move |tx| {
                    let app = find_app(tx, &app)?;
                    let secret = actions::keys::create(tx, &app, &name, scope, &app.limits(&limits))?;
                    actions::audit::note(
                        tx,
                        &Actor::Cli,
                        Act::KeyCreate,
                        Some(&app.app_id),
                        Some(keys::hint_of(&secret)),
                    )?;
                    Ok(secret)
                })
                .await
                .map_err(|e| e.plain())?;
            store.close();
            let line = if target.json { serde_json::json!({ "apiKey": secret }).to_string() } else { secret };
            say(&line);
        }
        Command::List { app, target } => {
            let store = open(&target)?;
            let all = PageAsk { page: 1, per_page: 1000 };
            let keys = store
                .read(move |read| keys::list(read, find_app(read, &app)?.id, None, None, all))
                .await
                .map_err(|e| e.plain())?;
            store.close();
            if target.json {
                say(&serde_json::to_string(&keys.items).map_err(|e| e.to_string())?);
            } else {
                for key in keys.items {
                    say(&format!("{:>4}  {}  {:<10}  {}", key.id, key.api_key, key.scope, in_line(&key.name)));
                }
            }
        }
        Command::Revoke { app, key, target } => {
            let store = open(&target)?;
            let revoked = store
                .write("key revoke", move |tx| {
                    let app = find_app(tx, &app)?;
                    let revoked = actions::keys::revoke_named(tx, app.id, &key)?;
                    actions::audit::note(tx, &Actor::Cli, Act::KeyRevoke, Some(&app.app_id), Some(&revoked.hint()))?;
                    Ok(revoked)
                })
                .await
                .map_err(|e| e.plain())?;
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

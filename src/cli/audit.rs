//! `hobnob audit`: what was done by those who run the server.

use clap::Subcommand;

use super::{Outcome, Target, in_line, open, say};
use crate::model::page::PageAsk;
use crate::model::time::iso;
use crate::store::audit;

/// What can be done with the log.
#[derive(Subcommand)]
pub enum Command {
    /// List what was done, the newest first
    List {
        /// Of this app only: its id
        #[arg(long, value_name = "APP")]
        app: Option<String>,
        /// How many entries
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        last: i64,
        #[command(flatten)]
        target: Target,
    },
}

/// Does it.
pub async fn run(command: Command) -> Outcome {
    let Command::List { app, last, target } = command;
    let store = open(&target)?;
    let (app, ask) = (app.map(|app| app.to_ascii_lowercase()), PageAsk { page: 1, per_page: last });
    let found = store.read(move |read| audit::list(read, app.as_deref(), ask)).await;
    store.close();
    let entries = found.map_err(|e| e.plain())?.items;
    if target.json {
        say(&serde_json::to_string(&entries).map_err(|e| e.to_string())?);
        return Ok(());
    }
    for entry in entries {
        let words = [
            Some(iso(entry.at)),
            Some(entry.actor),
            Some(entry.act),
            entry.app,
            entry.target,
            entry.other,
            entry.details.map(|details| details.get().to_owned()),
        ];
        say(&in_line(&words.into_iter().flatten().collect::<Vec<_>>().join("  ")));
    }
    Ok(())
}

//! `hobnob user`: ending people's accounts.

use clap::Subcommand;

use super::{Outcome, Target, find_app, open, say};
use crate::actions::erasures;
use crate::lock;
use crate::model::audit::Actor;
use crate::model::erasure::Kind;
use crate::model::ids::Uid;
use crate::store::erasures::Counts;

/// What can be done with users.
#[derive(Subcommand)]
pub enum Command {
    /// End a user's account; without --yes it counts what that would touch
    Delete {
        /// App id
        app: String,
        uid: String,
        /// soft: cannot log in, stays named. anonymise: what they wrote stays, under no name. erase: everything goes
        #[arg(long, value_parser = Kind::WORDS)]
        kind: String,
        /// Only count what it would touch
        #[arg(long)]
        dry_run: bool,
        /// Do it; without, as with --dry-run
        #[arg(long, conflicts_with = "dry_run")]
        yes: bool,
        #[command(flatten)]
        target: Target,
    },
}

/// Does it.
pub async fn run(command: Command) -> Outcome {
    let Command::Delete { app, uid, kind, dry_run: _, yes, target } = command;
    let (kind, store) = (Kind::parse(&kind).map_err(|e| e.plain())?, open(&target)?);
    let (of, named) = (app.clone(), uid.clone());
    let counts = if yes {
        // Groups are told by the server, whose sockets hear it.
        let done = store.write("user delete", move |tx| {
            erasures::end(tx, (&Actor::Cli, &find_app(tx, &of)?), &Uid::parse(&named)?, kind, 0)
        });
        done.await.map(|()| None)
    } else {
        let counted = store.read(move |read| erasures::count(read, &find_app(read, &of)?, &Uid::parse(&named)?, kind));
        counted.await.map(Some)
    };
    let counts: Option<Counts> = counts.map_err(|e| e.plain())?;
    store.close();
    if target.json {
        let mut said = serde_json::json!({ "kind": kind.as_str(), "done": yes });
        if let Some(counts) = counts {
            said["counts"] = serde_json::json!(counts);
        }
        say(&said.to_string());
        return Ok(());
    }
    for (name, count) in counts.iter().flatten().filter(|(_, count)| **count > 0) {
        say(&format!("{count:>8}  {name}"));
    }
    say(&match (yes, lock::holder(&target.folder.data).is_some()) {
        (false, _) => "Nothing was done: this is what it would touch. --yes does it.".to_owned(),
        (true, _) if kind == Kind::Soft => {
            format!("{uid} cannot log in any more. What they wrote stays, under their name.")
        }
        (true, true) => format!("{uid} is gone for everybody. The server that runs here removes the rest."),
        (true, false) => format!("{uid} is gone for everybody. The rest is removed when the server runs again."),
    });
    Ok(())
}

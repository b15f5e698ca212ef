//! `hobnob webhook`: what becomes of events at the webhooks of an app, and sending them once more.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Outcome, Target, find_app, in_line, open, say};
use crate::actions;
use crate::actions::deliveries::Which;
use crate::model::audit::{Act, Actor};
use crate::model::page::PageAsk;
use crate::model::time::iso;
use crate::store::deliveries::{self, Delivery, Shown};
use crate::store::webhooks::{self, Stored};

/// What can be done with webhooks.
#[derive(Subcommand)]
pub enum Command {
    /// List the webhooks of an app, and how each does
    List {
        /// App id
        app: String,
        #[command(flatten)]
        target: Target,
    },
    /// List what became of events at a webhook, the newest first
    Log {
        /// App id
        app: String,
        /// Its id
        webhook: String,
        /// Only those in this state
        #[arg(long)]
        state: Option<State>,
        /// How many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        last: i64,
        #[command(flatten)]
        target: Target,
    },
    /// Have events sent once more: all that failed, or those of a time
    Replay {
        /// App id
        app: String,
        /// Its id
        webhook: String,
        /// Only those that failed; this, --from or both
        #[arg(long)]
        failed: bool,
        /// Of events from this time on, in Unix seconds
        #[arg(long, value_name = "SECONDS")]
        from: Option<i64>,
        /// Up to this time
        #[arg(long, value_name = "SECONDS", requires = "from")]
        to: Option<i64>,
        #[command(flatten)]
        target: Target,
    },
}

/// What became of an event.
#[derive(Clone, Copy, ValueEnum)]
pub enum State {
    Delivered,
    Waiting,
    Failed,
}

/// Does it.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::List { app, target } => {
            let store = open(&target)?;
            let all = PageAsk { page: 1, per_page: 1000 };
            let found = store.read(move |read| {
                let hooks = webhooks::page(read, find_app(read, &app)?.id, None, all)?.items;
                hooks
                    .into_iter()
                    .map(|hook| Ok((deliveries::counts(read, &hook)?, hook)))
                    .collect::<Result<Vec<_>, _>>()
            });
            let found = found.await.map_err(|e| e.plain());
            store.close();
            let rows = found?.into_iter().map(|(counts, hook)| listed(counts, hook));
            print(rows.collect(), target.json);
        }
        Command::Log { app, webhook, state, last, target } => {
            let store = open(&target)?;
            let shown = match state {
                None => Shown::All,
                Some(State::Delivered) => Shown::Delivered,
                Some(State::Waiting) => Shown::Waiting,
                Some(State::Failed) => Shown::Failed,
            };
            let found = store.read(move |read| {
                let hook = actions::webhooks::find(read, find_app(read, &app)?.id, &webhook)?;
                deliveries::page(read, hook.id, shown, i64::MAX, last)
            });
            let found = found.await.map_err(|e| e.plain());
            store.close();
            print(found?.0.into_iter().map(logged).collect(), target.json);
        }
        Command::Replay { app, webhook, failed, from, to, target } => {
            if !failed && from.is_none() {
                return Err("say which: --failed, --from SECONDS, or both".into());
            }
            if from.zip(to).is_some_and(|(from, to)| from > to) {
                return Err("--to lies before --from".into());
            }
            let which = Which { failed, from: from.unwrap_or(0), to: to.unwrap_or(i64::MAX) };
            let store = open(&target)?;
            let (mut after, mut replayed, mut is_first) = (Some(0), 0, true);
            while let Some(behind) = after {
                let (app, webhook, noted) = (app.clone(), webhook.clone(), std::mem::take(&mut is_first));
                let piece = store.write("webhook replay", move |tx| {
                    let app = find_app(tx, &app)?;
                    let piece = actions::deliveries::replay_piece(tx, app.id, &webhook, which, behind)?;
                    if noted {
                        let (act, on) = (Act::WebhookReplay, Some(&*webhook));
                        actions::audit::note(tx, &Actor::Cli, act, Some(&app.app_id), on)?;
                    }
                    Ok(piece)
                });
                let piece = piece.await.map_err(|e| e.plain())?;
                replayed += piece.replayed;
                after = piece.after;
            }
            store.close();
            say(&match target.json {
                true => json!({ "replayed": replayed }).to_string(),
                false if replayed == 1 => "1 is sent once more.".to_owned(),
                false => format!("{replayed} are sent once more."),
            });
        }
    }
    Ok(())
}

/// Rows as people and as scripts read them.
fn print(rows: Vec<(String, Value)>, as_json: bool) {
    if as_json {
        return say(&Value::from_iter(rows.into_iter().map(|(_, row)| row)).to_string());
    }
    rows.iter().for_each(|(line, _)| say(&in_line(line)));
}

fn listed((waiting, failed): (i64, i64), stored: Stored) -> (String, Value) {
    let Stored { hook, failing_at, ended, dropped, .. } = stored;
    let state = match (hook.enabled, failing_at) {
        (false, _) => "off",
        (true, Some(_)) => "failing",
        (true, None) => "in use",
    };
    let counts = format!("{waiting} waiting, {failed} failed, {dropped} dropped");
    let since = failing_at.map(|at| format!("since {}", iso(at)));
    let words =
        [Some(hook.id.clone()), Some(state.to_owned()), since, Some(counts), Some(hook.url.clone()), ended.clone()];
    let row = json!({
        "id": hook.id, "name": hook.name, "webhookURL": hook.url, "enabled": hook.enabled, "failingSince": failing_at,
        "disabledBecause": ended, "waitingEvents": waiting, "failedEvents": failed, "droppedEvents": dropped,
    });
    (words.into_iter().flatten().collect::<Vec<_>>().join("  "), row)
}

fn logged(delivery: Delivery) -> (String, Value) {
    let Delivery { event, state, tries, tried_at, next_at, took_ms, status, answer, .. } = delivery;
    // An answer is a stranger's: one line of it, in quotes.
    let answered = answer.as_deref().filter(|answer| !answer.is_empty()).map(|answer| format!("{answer:?}"));
    let words = [
        Some(iso(event.at)),
        Some(event.id.to_string()),
        Some(event.trigger.clone()),
        Some(state.clone()),
        Some(if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") }),
        status.map(|status| status.to_string()),
        answered,
    ];
    let row = json!({
        "id": event.id.to_string(), "eventId": format!("msg_{}", event.name), "trigger": event.trigger, "state": state,
        "tries": tries, "createdAt": event.at, "triedAt": tried_at, "nextTryAt": next_at, "took": took_ms,
        "status": status, "answer": answer,
    });
    (words.into_iter().flatten().collect::<Vec<_>>().join("  "), row)
}

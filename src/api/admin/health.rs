//! How the server is: what can be found out without working for it, and the newest lines of its log.

use serde_json::{Value, json};

use crate::api::access::{Access, Admin};
use crate::api::backups;
use crate::api::reply::{Reply, data};
use crate::model::error::{Error, Result};
use crate::store::{SCHEMA, search, webhooks};
use crate::watch::lines;

/// A backup older than so many seconds is told of: a week.
const OLD_BACKUP: i64 = 7 * 24 * 3600;

fn finding(check: &str, is_well: bool, says: String, advice: &str) -> Value {
    match is_well {
        true => json!({"check": check, "verdict": "ok", "says": says}),
        false => json!({"check": check, "verdict": "warn", "says": says, "advice": advice}),
    }
}

/// What is well and what is not. `fail`: nothing can be written.
pub async fn health(access: Access<Admin>) -> Result<Reply> {
    let api = access.api();
    let ready = api.health.look(&api.store, &api.hub).await;
    let mut findings = vec![match ready {
        Ok(()) => json!({"check": "writer", "verdict": "ok", "says": "What is written is on disk."}),
        Err(why) => json!({"check": "writer", "verdict": "fail", "says": format!("Nothing can be written: {why}."),
            "advice": "See the log, and run hobnob doctor on the machine."}),
    }];
    let (queued, backlog) = (api.store.queued(), api.hub.meters().backlog.value());
    let waits = queued.high.max(queued.low);
    findings.push(finding(
        "queue",
        waits * 2 < queued.most,
        format!("{waits} writes wait, of {} that may.", queued.most),
        "The disk is slower than what is asked of it: see commit times.",
    ));
    findings.push(finding(
        "sockets",
        backlog < 1000,
        format!("{backlog} commits are still to be told to sockets."),
        "More is sent than this machine can tell.",
    ));
    let (waiting, failing) = access
        .store()
        .read(|read| Ok((search::waiting(read)?, webhooks::failing(read, None, super::overview::FAILING)?.len())))
        .await?;
    findings.push(finding(
        "search",
        waiting <= search::FAR_BEHIND,
        format!("{waiting} messages wait for the search index."),
        "They are found later; it catches up when less is written.",
    ));
    findings.push(finding(
        "webhooks",
        failing == 0,
        format!("At {failing} webhooks nothing arrives."),
        "See their deliveries.",
    ));
    let made = backups::newest(access.api().clone()).await?;
    let age = made.map(|at| access.store().clock().now() - at);
    findings.push(finding(
        "backup",
        age.is_some_and(|age| age < OLD_BACKUP),
        match age {
            Some(age) => format!("The newest backup here is {} days old.", age.max(0) / 86_400),
            None => "There is no backup in the folder for them.".to_owned(),
        },
        "Make one here, or with hobnob backup on the machine.",
    ));
    Ok(data(&json!({
        "ready": ready.is_ok(),
        "version": env!("CARGO_PKG_VERSION"),
        "schema": SCHEMA,
        "startedAt": api.metrics.started_at(),
        "findings": findings,
    })))
}

/// The newest lines of the log after the line of this `id`, the oldest first; of a `level` and those above it.
pub async fn logs(access: Access<Admin>) -> Result<Reply> {
    const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
    let level = access.query().get("level").unwrap_or("trace");
    let most = LEVELS.iter().position(|known| *known == level);
    let most = most.ok_or_else(|| Error::field("level", "The level must be error, warn, info, debug or trace."))?;
    let after = access.query().int("id")?.unwrap_or(0);
    let found = lines::after(u64::try_from(after).unwrap_or(0)).into_iter();
    let shown = found.filter(|line| LEVELS.iter().position(|known| *known == line.level).is_some_and(|at| at <= most));
    let shown = shown.map(|line| json!({"id": line.id, "level": line.level, "text": line.text}));
    Ok(data(&shown.collect::<Vec<_>>()))
}

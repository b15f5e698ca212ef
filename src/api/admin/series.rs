//! Figures over time, in columns as charts take them.

use serde_json::{Map, Value, json};

use crate::actions;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, data};
use crate::model::error::{Error, Result};
use crate::store::figures::{self, Figures, HOUR, MINUTE, MINUTES_KEPT};
use crate::store::metrics;

/// A column: its name and what it shows of a row.
type Column = (&'static str, fn(&Figures) -> Value);

/// All there are. Counts are of the whole span, states of its end (of an hour the largest).
const COLUMNS: [Column; 13] = [
    ("messages", |row| row.messages.into()),
    ("deliveries", |row| row.deliveries.into()),
    ("requests", |row| row.requests.into()),
    ("commits", |row| row.commits.into()),
    ("commitMillis", |row| (row.commits > 0).then(|| row.commit_us as f64 / 1e3 / row.commits as f64).into()),
    ("sockets", |row| row.sockets.into()),
    ("online", |row| row.online.into()),
    ("queued", |row| row.queued.into()),
    ("databaseBytes", |row| row.database_bytes.into()),
    ("walBytes", |row| row.wal_bytes.into()),
    ("mediaBytes", |row| row.media_bytes.into()),
    ("searchBacklog", |row| row.search_backlog.into()),
    ("memoryBytes", |row| row.memory_bytes.into()),
];

/// Figures of the server since a time, `of` some columns (or all); of one `app` its messages. By minutes, or by hours if
/// it is longer ago than minutes are kept.
pub async fn series(access: Access<Admin>) -> Result<Reply> {
    let now = access.store().clock().now();
    let since = access.query().int("since")?.unwrap_or(now - HOUR);
    if since < 0 {
        return Err(Error::field("since", "The since must be Unix seconds."));
    }
    let asked = access.query().get("of").filter(|of| !of.is_empty());
    let named: Vec<&str> = asked.map(|of| of.split(',').map(str::trim).collect()).unwrap_or_default();
    if let Some(unknown) = named.iter().find(|name| !COLUMNS.iter().any(|(known, _)| known == *name)) {
        let all = COLUMNS.map(|(name, _)| name).join(", ");
        return Err(Error::field("of", format!("There is no {unknown}, but {all}.")));
    }
    let step = if now - since > MINUTES_KEPT { HOUR } else { MINUTE };
    let from = since - since % step;
    if let Some(app) = access.query().get("app") {
        if named.iter().any(|name| *name != "messages") {
            return Err(Error::field("of", "Of an app there are messages."));
        }
        let app = app.to_ascii_lowercase();
        let found = access.store().read(move |read| {
            let app = actions::apps::find(read, &app)?.id;
            match step {
                HOUR => figures::of_app(read, app, from),
                _ => Ok(metrics::messages_by_step(read, app, from, MINUTE)?
                    .into_iter()
                    .map(|(at, sent)| (from + at * MINUTE, sent))
                    .collect()),
            }
        });
        let (at, sent): (Vec<i64>, Vec<i64>) = found.await?.into_iter().unzip();
        return Ok(data(&json!({"since": from, "step": step, "at": at, "messages": sent})));
    }
    let rows = access.store().read(move |read| figures::since(read, step, from)).await?;
    let mut shown = Map::new();
    shown.insert("since".to_owned(), from.into());
    shown.insert("step".to_owned(), step.into());
    shown.insert("at".to_owned(), rows.iter().map(|row| row.at).collect());
    for (name, column) in COLUMNS.iter().filter(|(name, _)| named.is_empty() || named.contains(name)) {
        shown.insert((*name).to_owned(), rows.iter().map(column).collect());
    }
    Ok(data(&shown))
}

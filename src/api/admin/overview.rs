//! The server at a glance.

use serde_json::{Value, json};

use crate::api::access::{Access, Admin};
use crate::api::figures;
use crate::api::reply::{Reply, data};
use crate::model::error::Result;
use crate::store::webhooks::Stored;
use crate::store::{SCHEMA, apps, metrics, webhooks};

/// Webhooks that are named as failing, at most.
pub(super) const FAILING: i64 = 20;

pub async fn overview(access: Access<Admin>) -> Result<Reply> {
    let (apps, (messages, bytes), failing) = access
        .store()
        .read(|read| {
            let figures = (metrics::messages_so_far(read)?, metrics::database_bytes(read)?);
            Ok((apps::list(read)?, figures, webhooks::failing(read, None, FAILING)?))
        })
        .await?;
    let now = figures::now(access.api()).await?;
    Ok(data(&json!({
        "admin": &*access.caller().uid,
        "version": env!("CARGO_PKG_VERSION"),
        "connections": access.api().hub.connections(),
        "messages": messages,
        "databaseBytes": bytes,
        "clientHost": client_host(&access),
        "apps": apps,
        "failingWebhooks": shown_failing(failing),
        "schema": SCHEMA,
        "now": {
            "messagesPerSecond": now.messages,
            "deliveriesPerSecond": now.deliveries,
            "requestsPerSecond": now.requests,
            "commitMillis": now.commit_millis,
            "online": now.row.online,
            "queued": now.row.queued,
            "databaseBytes": now.row.database_bytes,
            "walBytes": now.row.wal_bytes,
            "mediaBytes": now.row.media_bytes,
            "searchBacklog": now.row.search_backlog,
            "memoryBytes": now.row.memory_bytes,
        },
    })))
}

/// Webhooks at which nothing arrives, for people who see them named.
pub(super) fn shown_failing(failing: Vec<Stored>) -> Vec<Value> {
    let shown = failing.into_iter().map(|Stored { app_id, hook, failing_at, ended, .. }| {
        json!({"appId": app_id, "id": hook.id, "name": hook.name, "failingSince": failing_at, "why": ended})
    });
    shown.collect()
}

/// Where client SDKs find this server: they speak https only, so it is that address even when the page came by http.
fn client_host(access: &Access<Admin>) -> String {
    if let Some(public) = &access.api().public_host {
        return public.host();
    }
    let base = access.base();
    if let Some(host) = base.strip_prefix("https://") {
        return host.to_owned();
    }
    let host = base.strip_prefix("http://").unwrap_or(&base);
    match access.api().https_port.get() {
        Some(port) => {
            // What follows the last colon is a port only if it is a number: a bare IPv6 address ends with a bracket.
            let bare = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
            format!("{}:{port}", bare.map_or(host, |(bare, _)| bare))
        }
        None => host.to_owned(),
    }
}

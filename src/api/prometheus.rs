//! `/metrics`: what is counted, for Prometheus.
//!
//! It is nobody's unless somebody asks for it: on a listener of its own (`--metrics`), and on the main port only with a
//! token (`--metrics-token`), which then both want to see. Every family is there from the start, documented in
//! docs/operations.md; a route appears with its first request, so that the page does not begin with two thousand zeros.
//!
//! What can be asked when somebody looks is asked then: sizes, queues, the process. If the store does not answer in time
//! its numbers are left out, and the rest is told all the same.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::Api;
use crate::store::{Digest, Store, digest, kept, metrics, search};
use crate::watch::meter::Histogram;
use crate::watch::process::Process;
use crate::watch::text::{Kind, Page, TYPE};

/// How long the page waits for the store.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a count of files is good.
const COUNTED: Duration = Duration::from_secs(300);

/// Who may read metrics.
pub struct Metrics {
    /// Digest of the token. `None`: whoever comes to the listener of its own.
    token: Option<Digest>,
    started: SystemTime,
    /// Files of messages when they were last counted.
    files: Mutex<Option<(Instant, i64)>>,
}

impl Metrics {
    /// `token`: what must be shown, if anything must.
    pub fn new(token: Option<&str>) -> Self {
        Metrics { token: token.map(digest), started: SystemTime::now(), files: Mutex::default() }
    }

    /// When the server started, in Unix seconds.
    pub fn started_at(&self) -> u64 {
        self.started.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// How many files of messages there are, or were a short while ago: to count them, an index is walked through.
    async fn files(&self, store: &Store) -> Option<i64> {
        let mut files = self.files.lock().await;
        if let Some((_, known)) = files.filter(|(at, _)| at.elapsed() < COUNTED) {
            return Some(known);
        }
        let counted = timeout(PATIENCE, store.read(metrics::files)).await.ok()?.ok()?;
        *files = Some((Instant::now(), counted));
        Some(counted)
    }

    fn admits(&self, request: &HttpRequest) -> bool {
        let Some(token) = &self.token else { return true };
        let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.split_once(' ')).filter(|(how, _)| how.eq_ignore_ascii_case("bearer"));
        // Of equal length, whatever is shown.
        shown.is_some_and(|(_, shown)| bool::from(digest(shown.trim()).ct_eq(token)))
    }
}

/// Everything on the listener of its own.
pub async fn serve(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    match (request.path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => answer(&request, &api).await,
        _ => HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("Metrics are at /metrics.\n"),
    }
}

/// The page, for whoever may read it.
pub async fn answer(request: &HttpRequest, api: &Api) -> HttpResponse {
    if !api.metrics.admits(request) {
        let mut refusal = HttpResponse::build(StatusCode::UNAUTHORIZED);
        refusal.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        return refusal.content_type("text/plain; charset=utf-8").body("The bearer token is missing or wrong.\n");
    }
    HttpResponse::Ok().content_type(TYPE).insert_header((header::CACHE_CONTROL, "no-store")).body(page(api).await)
}

async fn page(api: &Api) -> String {
    let mut page = Page::default();
    requests(&mut page, api);
    refusals(&mut page, api);
    writes(&mut page, api);
    reads(&mut page, api);
    sizes(&mut page, api).await;
    outside(&mut page, api).await;
    sockets(&mut page, api);
    process(&mut page, api);
    page.into_text()
}

fn counter(page: &mut Page, name: &'static str, help: &'static str, count: u64) {
    page.family(name, Kind::Counter, help).count(&[], count);
}

fn gauge(page: &mut Page, name: &'static str, help: &'static str, value: impl Into<f64>) {
    page.family(name, Kind::Gauge, help).value(&[], value.into());
}

fn histogram(page: &mut Page, name: &'static str, help: &'static str, of: &Histogram) {
    page.family(name, Kind::Histogram, help).histogram(&[], of);
}

fn requests(page: &mut Page, api: &Api) {
    let tallies = api.requests.tallies();
    let mut family =
        page.family("hobnob_http_requests_total", Kind::Counter, "Requests answered, by route and status.");
    for tally in tallies {
        let [method, route] = tally.labels();
        for (class, count) in tally.statuses().filter(|(_, count)| *count > 0) {
            family.count(&[method, route, ("status", class)], count);
        }
    }
    let help = "Time until an answer began to leave, by route.";
    let mut family = page.family("hobnob_http_request_duration_seconds", Kind::Histogram, help);
    for tally in tallies.iter().filter(|tally| tally.time.read().count > 0) {
        family.histogram(&tally.labels(), &tally.time);
    }
}

fn refusals(page: &mut Page, api: &Api) {
    let (store, hub) = (api.store.meters(), api.hub.meters());
    let mut family = page.family("hobnob_refusals_total", Kind::Counter, "What was refused, by reason.");
    let mut say = |reason: &'static str, count: u64| _ = family.count(&[("reason", reason)], count);
    for (reason, count) in api.requests.refusals() {
        say(reason, count);
    }
    say("socket_credentials", hub.unauthorized.value());
    say("address_connections", api.crowded.value());
    say("write_queue_full", store.write_queue_full.value());
    say("read_queue_full", store.read_queue_full.value());
    say("waiting_answers", api.answers.waiting.refused.value());
    say("waiting_bodies", api.bodies.refused.value());
    say("waiting_passwords", api.passwords.refused.value());
}

fn writes(page: &mut Page, api: &Api) {
    let (meters, queued) = (api.store.meters(), api.store.queued());
    let lane = |lane| [("lane", lane)];
    page.family("hobnob_store_queued_writes", Kind::Gauge, "Writes that wait for the writer; low may wait longer.")
        .count(&lane("high"), queued.high as u64)
        .count(&lane("low"), queued.low as u64);
    gauge(page, "hobnob_store_queue_limit", "Writes that may wait in each lane.", queued.most as f64);
    let outcome = |outcome| [("outcome", outcome)];
    page.family(
        "hobnob_store_writes_total",
        Kind::Counter,
        "Writes by outcome: on disk, refused by what they found, failed.",
    )
    .count(&outcome("kept"), meters.kept.value())
    .count(&outcome("refused"), meters.refused.value())
    .count(&outcome("failed"), meters.failed.value());
    histogram(page, "hobnob_store_write_wait_seconds", "Time a write waited for its turn.", &meters.write_wait);
    histogram(page, "hobnob_store_write_duration_seconds", "Time of a write in its transaction.", &meters.write_time);
    histogram(page, "hobnob_store_commit_duration_seconds", "Time of a commit with its sync.", &meters.commit_time);
    histogram(page, "hobnob_store_commit_writes", "Writes that shared a commit.", &meters.batch);
    let kind = |kind| [("kind", kind)];
    page.family("hobnob_store_slow_total", Kind::Counter, "Reads, writes and commits that took longer than --slow-ms.")
        .count(&kind("read"), meters.slow_reads.value())
        .count(&kind("write"), meters.slow_writes.value())
        .count(&kind("commit"), meters.slow_commits.value());
    let full = u8::from(api.store.was_full());
    gauge(page, "hobnob_store_disk_full", "1 from when a write found the disk full until there is room again.", full);
}

fn reads(page: &mut Page, api: &Api) {
    let (meters, now) = (api.store.meters(), api.store.reading());
    gauge(page, "hobnob_store_readers", "Reads that may run at once.", now.readers as f64);
    gauge(page, "hobnob_store_busy_readers", "Reads that run.", now.busy as f64);
    gauge(page, "hobnob_store_waiting_reads", "Reads that wait for a reader.", now.waiting as f64);
    histogram(page, "hobnob_store_read_wait_seconds", "Time a read waited for a reader.", &meters.read_wait);
    histogram(page, "hobnob_store_read_duration_seconds", "Time of a read.", &meters.read_time);
}

async fn sizes(page: &mut Page, api: &Api) {
    let asked = api.store.read(|read| Ok((search::waiting(read)?, metrics::file_bytes(read)?)));
    let known = timeout(PATIENCE, asked).await.ok().and_then(Result::ok);
    let files = api.metrics.files(&api.store).await;
    let (database, log) = api.store.bytes();
    gauge(page, "hobnob_database_bytes", "Size of the database file.", database as f64);
    let help = "Memory that SQLite holds, most of it pages of the database.";
    gauge(page, "hobnob_sqlite_memory_bytes", help, metrics::memory_bytes() as f64);
    gauge(page, "hobnob_wal_bytes", "Size of the write-ahead log beside it.", log as f64);
    let mut told = |name, help, value: Option<i64>| {
        let mut family = page.family(name, Kind::Gauge, help);
        if let Some(value) = value {
            family.value(&[], value as f64);
        }
    };
    told(
        "hobnob_media_bytes",
        "Bytes of all files of messages, arrived or still to come.",
        known.map(|(_, files)| files),
    );
    told("hobnob_media_files", "Files of messages, counted every five minutes.", files);
    told("hobnob_search_backlog", "Messages that wait for the search index.", known.map(|(waiting, _)| waiting));
}

/// What is told outside: of all webhooks together, however many there are.
async fn outside(page: &mut Page, api: &Api) {
    let known = timeout(PATIENCE, api.store.read(kept::kept)).await.ok().and_then(Result::ok);
    let now = api.store.clock().now();
    let mut told = |name, help, value: Option<i64>| {
        let mut family = page.family(name, Kind::Gauge, help);
        if let Some(value) = value {
            family.value(&[], value as f64);
        }
    };
    told("hobnob_outbox_events", "Events that are kept to be told outside.", known.map(|kept| kept.events));
    told("hobnob_outbox_bytes", "Bytes of these.", known.map(|kept| kept.bytes));
    let help = "Events that a webhook has not taken yet, at most 1000 of each.";
    told("hobnob_outbox_waiting", help, known.map(|kept| kept.waiting));
    let age = known.map(|kept| kept.oldest.map_or(0, |oldest| (now - oldest).max(0)));
    told("hobnob_outbox_oldest_seconds", "Age of the oldest of these.", age);
    let (meters, outcome) = (api.store.meters(), |outcome| [("outcome", outcome)]);
    page.family("hobnob_webhook_tries_total", Kind::Counter, "Tries to tell a webhook of an event, by outcome.")
        .count(&outcome("taken"), meters.told.value())
        .count(&outcome("refused"), meters.told_refused.value())
        .count(&outcome("unanswered"), meters.told_unanswered.value());
    let help = "Events that went before a webhook had taken them.";
    counter(page, "hobnob_outbox_dropped_total", help, meters.told_dropped.value());
}

fn sockets(page: &mut Page, api: &Api) {
    let (hub, meters) = (&api.hub, api.hub.meters());
    gauge(page, "hobnob_sockets", "Sockets that are open.", hub.connections() as f64);
    gauge(page, "hobnob_users_online", "Users with at least one socket.", hub.users_online() as f64);
    let mut family = page.family("hobnob_sockets_closed_total", Kind::Counter, "Sockets that ended, by reason.");
    for (reason, count) in meters.endings() {
        family.count(&[("reason", reason)], count);
    }
    counter(page, "hobnob_socket_frames_total", "Frames written to sockets.", meters.frames.value());
    gauge(page, "hobnob_hub_backlog", "Commits that the hub has not told yet.", meters.backlog.value() as f64);
    let help = "Frames put into the queues of sockets.";
    counter(page, "hobnob_hub_deliveries_total", help, meters.deliveries.value());
    let help = "Frames thrown away because the queue of a socket was full.";
    counter(page, "hobnob_hub_dropped_frames_total", help, meters.dropped.value());
}

fn process(page: &mut Page, api: &Api) {
    page.family("hobnob_build_info", Kind::Gauge, "1, with the version.")
        .count(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let started = api.metrics.started.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let help = "When the server started, in Unix seconds.";
    gauge(page, "process_start_time_seconds", help, started.as_secs_f64());
    let now = Process::look();
    let now = now.as_ref();
    let mut told = |name, kind, help, value: Option<f64>| {
        let mut family = page.family(name, kind, help);
        if let Some(value) = value {
            family.value(&[], value);
        }
    };
    let help = "Processor time.";
    told("process_cpu_seconds_total", Kind::Counter, help, now.map(|now| now.cpu_seconds));
    let help = "Memory that is its own now.";
    told("process_resident_memory_bytes", Kind::Gauge, help, now.map(|now| now.resident_bytes as f64));
    told("process_threads", Kind::Gauge, "Threads.", now.map(|now| now.threads as f64));
    told("process_open_fds", Kind::Gauge, "Open files and connections.", now.map(|now| now.open_files as f64));
    let most = now.and_then(|now| now.most_files).map(|most| most as f64);
    told("process_max_fds", Kind::Gauge, "Files and connections it may have open.", most);
}

//! Metrics as a Prometheus server reads them: well-formed, documented, raised by what was done, and nobody's business
//! unless they were asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{Client, Harness, Site, eventually, text_to};

const TOKEN: &str = "a-token-of-sixteen-and-more";
const HANDBOOK: &str = include_str!("../../docs/operations.md");

/// A page of metrics.
struct Metrics {
    /// The kind of each family.
    families: BTreeMap<String, String>,
    /// Each series, labels and all, as it stands on the page.
    series: BTreeMap<String, f64>,
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Metrics {
    /// Reads the format as strictly as it is written down.
    fn parse(text: &str) -> Metrics {
        let mut page = Metrics { families: BTreeMap::new(), series: BTreeMap::new() };
        assert!(text.ends_with('\n'), "the last line ends");
        let (mut family, mut helped) = (String::new(), String::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, sentence) = help.split_once(' ').expect("a help");
                assert!(is_name(name) && sentence.ends_with('.'), "{line}");
                helped = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind) && name == helped, "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(page.families.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                family = name.to_owned();
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} stands below {family}"));
                let suffixes: &[&str] =
                    if page.families[&family] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(suffixes.contains(&suffix), "{line}");
                labels_of(labels.strip_suffix('}').expect("labels end"));
                let value: f64 = value.parse().unwrap_or_else(|e| panic!("{e}: {line}"));
                assert!(page.series.insert(series.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        page.check_histograms();
        page
    }

    /// Buckets rise, and the last is the count.
    fn check_histograms(&self) {
        let mut groups: BTreeMap<(String, String), Vec<(f64, f64)>> = BTreeMap::new();
        for (series, value) in self.series.iter().filter(|(series, _)| series.contains("_bucket{")) {
            let (name, labels) = series.split_once("_bucket{").expect("a bucket");
            let mut labels = labels_of(labels.strip_suffix('}').expect("labels end"));
            let (le, end) = labels.pop().expect("an end");
            assert_eq!(le, "le", "{series}");
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let end = if end == "+Inf" { f64::INFINITY } else { end.parse().expect("a number") };
            groups.entry((name.to_owned(), labels.join(","))).or_default().push((end, *value));
        }
        for ((name, labels), mut buckets) in groups {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{name}{{{labels}}}: {buckets:?}");
            let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let (last, count) = (buckets.last().expect("one"), self.value(&format!("{name}_count{braced}")));
            assert_eq!(*last, (f64::INFINITY, count), "{name}");
            assert!(self.value(&format!("{name}_sum{braced}")) >= 0.0);
        }
    }

    /// The value of a series; one that has not begun is 0.
    fn value(&self, series: &str) -> f64 {
        self.series.get(series).copied().unwrap_or(0.0)
    }
}

/// `a="b",c="d"`, with escapes.
fn labels_of(text: &str) -> Vec<(String, String)> {
    let (mut labels, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (name, more) = rest.split_once("=\"").expect("a label");
        assert!(is_name(name), "{text}");
        let (mut value, mut chars) = (String::new(), more.chars());
        loop {
            match chars.next().expect("the value ends") {
                '"' => break,
                '\\' => value.push(chars.next().filter(|c| "\\\"n".contains(*c)).expect("an escape")),
                c => value.push(c),
            }
        }
        labels.push((name.to_owned(), value));
        rest = chars.as_str();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    labels
}

async fn read(who: &Client) -> Metrics {
    let page = who.at_path("/metrics").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    Metrics::parse(&page.text)
}

fn bearer(h: &Harness) -> Client {
    h.nobody().with("Authorization", &format!("Bearer {TOKEN}"))
}

#[tokio::test]
async fn metrics_are_nobodys_unless_asked_for() {
    let h = Harness::start().await;
    assert_eq!(h.nobody().at_path("/metrics").await.status, 404, "not on the port everybody reaches");
    h.stop().await;

    let h = Harness::with(&["--metrics", "127.0.0.1:0"]).await;
    assert_eq!(h.nobody().at_path("/metrics").await.status, 404, "not there either");
    let own = Client::nobody(&Site::at(&h.metrics.expect("a listener").to_string()));
    read(&own).await;
    for elsewhere in ["/", "/health", "/v3/users", "/admin/"] {
        assert_eq!(own.at_path(elsewhere).await.status, 404, "{elsewhere}");
    }
    h.stop().await;

    let h = Harness::with(&["--metrics", "127.0.0.1:0", "--metrics-token", TOKEN]).await;
    let own = Client::nobody(&Site::at(&h.metrics.expect("a listener").to_string()));
    let wrong = format!("Bearer {TOKEN}x");
    for (who, status) in [
        (h.nobody(), 401),
        (own.clone(), 401),
        (own.with("Authorization", &wrong), 401),
        (h.nobody().with("Authorization", TOKEN), 401),
        (h.nobody().with("Authorization", &format!("Basic {TOKEN}")), 401),
        (bearer(&h), 200),
    ] {
        let page = who.at_path("/metrics").await;
        assert_eq!((page.status, page.text.contains("hobnob_")), (status, status == 200), "{}", page.text);
    }
}

#[tokio::test]
async fn metrics_rise_by_what_was_done_and_name_nobody() {
    let h = Harness::with(&["--metrics-token", TOKEN]).await;
    let scraper = bearer(&h);
    let (ann, bob) = (h.user("peculiar-ann").await, h.user("peculiar-bob").await);
    let before = read(&scraper).await;
    let mut sock = bob.connect().await;
    for text in ["one", "two", "peculiar-text"] {
        ann.send("peculiar-bob", text).await;
    }
    sock.expect(|frame| frame["body"]["data"]["text"] == "peculiar-text").await;
    let open = read(&scraper).await;
    assert_eq!((open.value("hobnob_sockets"), open.value("hobnob_users_online")), (1.0, 1.0));
    sock.close().await;
    ann.post("/messages", text_to("user", "peculiar-nobody", "x")).await.envelope();
    h.nobody().with("appId", &h.app_id).with("apiKey", "peculiar-key").get("/users").await.envelope();
    h.nobody().at_path("/peculiar-path").await;
    let call = |method: &str| reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
    ann.call(call("PECULIAR"), "/users/peculiar-ann", None).await;
    eventually("the socket has ended", async || read(&scraper).await.value("hobnob_sockets") == 0.0).await;

    let after = read(&scraper).await;
    let rise = |series: &str| after.value(series) - before.value(series);
    for (series, by) in [
        (r#"hobnob_http_requests_total{method="POST",route="/messages",status="2xx"}"#, 3.0),
        (r#"hobnob_http_requests_total{method="POST",route="/messages",status="4xx"}"#, 1.0),
        (r#"hobnob_http_requests_total{method="any",route="(socket)",status="1xx"}"#, 1.0),
        (r#"hobnob_http_requests_total{method="any",route="(unknown)",status="4xx"}"#, 2.0),
        (r#"hobnob_http_request_duration_seconds_count{method="POST",route="/messages"}"#, 4.0),
        (r#"hobnob_refusals_total{reason="credentials"}"#, 1.0),
        (r#"hobnob_refusals_total{reason="rate_limit"}"#, 0.0),
        (r#"hobnob_store_writes_total{outcome="refused"}"#, 1.0),
        (r#"hobnob_store_writes_total{outcome="failed"}"#, 0.0),
        (r#"hobnob_sockets_closed_total{reason="client"}"#, 1.0),
        ("hobnob_hub_dropped_frames_total", 0.0),
    ] {
        assert_eq!(rise(series), by, "{series}");
    }
    // What the server does for itself comes on top.
    for (series, by) in [
        (r#"hobnob_store_writes_total{outcome="kept"}"#, 4.0),
        ("hobnob_store_commit_duration_seconds_count", 1.0),
        ("hobnob_store_commit_writes_sum", 4.0),
        ("hobnob_store_write_duration_seconds_count", 5.0),
        ("hobnob_store_write_wait_seconds_count", 5.0),
        ("hobnob_store_read_duration_seconds_count", 1.0),
        ("hobnob_hub_deliveries_total", 3.0),
        ("hobnob_socket_frames_total", 3.0),
    ] {
        assert!(rise(series) >= by, "{series} rose by {}", rise(series));
    }
    assert_eq!(rise("hobnob_store_commit_duration_seconds_count"), rise("hobnob_store_commit_writes_count"));
    let written: f64 = ["kept", "refused", "failed"]
        .iter()
        .map(|outcome| rise(&format!(r#"hobnob_store_writes_total{{outcome="{outcome}"}}"#)))
        .sum();
    assert_eq!(written, rise("hobnob_store_write_duration_seconds_count"), "each write has an outcome");
    assert!(after.value("hobnob_database_bytes") > 0.0 && after.value("hobnob_wal_bytes") > 0.0);
    for series in after.series.keys() {
        let lower = series.to_lowercase();
        assert!(!lower.contains("peculiar") && !lower.contains(&h.app_id), "{series} holds what a user gave");
    }
}

/// Who looks after a server needs its metrics most when it fails.
#[tokio::test]
async fn a_server_that_failed_tells_what_it_still_knows() {
    let h = Harness::with(&["--metrics-token", TOKEN]).await;
    let whole = read(&bearer(&h)).await;
    let numbers = ["hobnob_search_backlog", "hobnob_media_bytes", "hobnob_media_files"];
    assert!(numbers.iter().all(|name| whole.series.contains_key(*name)), "{:?}", whole.series);
    std::fs::remove_file(h.data.join("hobnob.db")).expect("removes");
    eventually("the writer has noticed", async || h.nobody().at_path("/health/ready").await.status == 503).await;
    let rest = read(&bearer(&h)).await;
    assert_eq!(whole.families, rest.families);
    assert!(!rest.series.contains_key("hobnob_search_backlog"), "a number it cannot know is not made up");
    assert_eq!(rest.value("hobnob_database_bytes"), 0.0);
    assert!(rest.value(r#"hobnob_http_requests_total{method="any",route="/health/ready",status="5xx"}"#) >= 1.0);
}

/// Each thing that is slow is counted; here everything is.
#[tokio::test]
async fn what_is_slow_is_counted() {
    for (slow, counted) in [("0", true), ("off", false)] {
        let h = Harness::with(&["--metrics-token", TOKEN, "--slow-ms", slow]).await;
        let ann = h.user("ann").await;
        ann.get("/users").await.ok();
        let metrics = read(&bearer(&h)).await;
        for kind in ["read", "write", "commit"] {
            let series = format!("hobnob_store_slow_total{{kind=\"{kind}\"}}");
            assert_eq!(metrics.value(&series) > 0.0, counted, "{series} with {slow}");
        }
    }
}

#[tokio::test]
async fn what_has_no_room_is_counted() {
    let h = Harness::with(&["--metrics-token", TOKEN, "--rate-limits", "all", "--rate-user", "2"]).await;
    let ann = h.user("ann").await;
    for _ in 0..4 {
        ann.get("/users").await;
    }
    let metrics = read(&bearer(&h)).await;
    // The first of two was the login's own look at itself.
    assert_eq!(metrics.value(r#"hobnob_refusals_total{reason="rate_limit"}"#), 3.0);
}

/// Rows of the handbook's table: name and kind.
fn documented() -> BTreeMap<String, String> {
    let (_, table) = HANDBOOK.split_once("| metric | type |").expect("the table of metrics");
    let rows = table.lines().take_while(|line| line.starts_with('|') || line.contains('|'));
    let rows = rows.filter_map(|row| {
        let mut cells = row.split('|').map(str::trim).filter(|cell| !cell.is_empty());
        let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        let name = name.split_once('{').map_or(name, |(name, _)| name);
        Some((name.to_owned(), cells.next()?.to_owned()))
    });
    rows.collect()
}

#[tokio::test]
async fn the_handbook_has_every_metric_and_no_other() {
    let h = Harness::with(&["--metrics-token", TOKEN]).await;
    let served = read(&bearer(&h)).await.families;
    assert_eq!(documented(), served);
}

/// Names of metrics in an expression of Prometheus.
fn named(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("hobnob_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str().filter(|text| key == "expr" || (key == "query" && text.contains('('))) {
                    Some(expression) => found.push(expression.to_owned()),
                    None => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

#[test]
fn dashboard_and_alerts_use_only_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(include_str!("../../docs/grafana.json")).expect("JSON");
    let mut panels = Vec::new();
    expressions(&dashboard, &mut panels);
    assert!(panels.len() > 10, "{panels:?}");
    let alerts: Vec<String> =
        HANDBOOK.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned).collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    let exists = documented();
    for expression in panels.iter().chain(&alerts) {
        let names = named(expression);
        assert!(!names.is_empty() || expression.contains("up{") || expression.contains("up "), "{expression}");
        for name in names {
            let of_histogram = ["_bucket", "_sum", "_count"].iter().any(|suffix| {
                let family = name.strip_suffix(suffix).and_then(|family| exists.get(family));
                family.is_some_and(|kind| kind == "histogram")
            });
            let plain = exists.get(&name).is_some_and(|kind| kind != "histogram");
            assert!(plain || of_histogram, "{name} of {expression}");
        }
    }
    // Every panel has its place and its source by a variable, so that it can be imported anywhere.
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(panel["title"].is_string() && panel["gridPos"]["w"].is_number(), "{panel}");
        assert!(panel["type"] == "row" || panel["datasource"]["uid"] == "${datasource}", "{panel}");
    }
    assert_eq!(dashboard["templating"]["list"][0]["type"], json!("datasource"));
}

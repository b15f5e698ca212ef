//! The log as who runs the server reads it: a line for each request when that is asked for, the same id in all that
//! belongs to one, and nothing secret in any.

use serde_json::{Value, json};

use crate::harness::{Process, hobnob, temp_dir};

/// The lines of a log in JSON.
fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn of_requests(log: &str) -> Vec<Value> {
    lines(log).into_iter().filter(|line| line["target"] == "hobnob::requests").collect()
}

#[tokio::test]
async fn each_request_is_a_line_without_secrets() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &["--log", "hobnob::requests=info", "--log-format", "json"]);
    let app = process.app(dir.path());
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    let sent = ann
        .with_header("X-Request-Id", "trace-7")
        .post("/messages", crate::harness::text_to("user", "bob", "psst"))
        .await;
    assert_eq!((sent.status, &sent.headers["x-request-id"]), (200, &"trace-7".parse().unwrap()));
    // Far more of one kind than the log has of others.
    for _ in 0..40 {
        ann.get("/users?searchKey=sought").await.ok();
    }
    ann.at_path(&format!("/v3/apikeys/{}?apiKey={}", app.api_key, app.api_key)).await;
    ann.at_path(&format!("/nothing/{}", ann.token)).await;
    let odd = ann.with_header("X-Request-Id", "two words").get("/me").await;
    let own = odd.headers["x-request-id"].to_str().unwrap().to_owned();
    assert!(own.len() == 16 && own.bytes().all(|byte| byte.is_ascii_hexdigit()), "{own}");
    ann.connect().await.close().await;

    let log = process.stop_and_log();
    let requests = of_requests(&log);
    let found: Vec<&Value> = requests.iter().filter(|line| line["request"] == "trace-7").collect();
    assert_eq!(found.len(), 1, "{log}");
    let line = found[0];
    for (field, value) in [
        ("level", json!("info")),
        ("message", json!("request")),
        ("method", json!("POST")),
        ("route", json!("/messages")),
        ("status", json!(200)),
        ("bytes", json!(sent.text.len())),
        ("app", json!(app.app_id)),
        ("uid", json!("ann")),
        ("from", json!("127.0.0.1")),
    ] {
        assert_eq!(line[field], value, "{field} of {line}");
    }
    assert!(line["seconds"].is_f64() && line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    let of = |route: &str| requests.iter().filter(|line| line["route"] == route).count();
    assert_eq!((of("/users"), of("/apikeys/{apiKey}"), of("(unknown)"), of("(socket)")), (42, 1, 1, 1), "{log}");
    assert!(requests.iter().any(|line| line["request"] == *own && line["route"] == "/me"));
    for secret in [&*app.api_key, &*app.auth_key, &*ann.token, &*ann.jwt, "psst", "sought"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn what_goes_wrong_bears_the_id_that_the_client_has() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    let message = ann.send("bob", "hi").await;
    let database = rusqlite::Connection::open(dir.path().join("hobnob.db")).expect("opens");
    database.execute_batch("PRAGMA foreign_keys = off; DROP TABLE reactions").expect("drops");
    let path = format!("/messages/{}/reactions", crate::harness::id_of(&message));
    let read = ann.with_header("X-Request-Id", "of-a-read").get(&path).await;
    let written = ann.with_header("X-Request-Id", "of-a-write").post(&format!("{path}/x"), json!({})).await;
    assert_eq!((read.status, written.status), (500, 500), "{} {}", read.text, written.text);
    let log = process.stop_and_log();
    for id in ["of-a-read", "of-a-write"] {
        let told = |line: &&str| line.contains("no such table") && line.ends_with(&format!(" request={id}"));
        assert_eq!(log.lines().filter(told).count(), 1, "{id}: {log}");
    }
    assert!(!log.contains("hobnob::requests"), "requests are not logged unless that is asked for: {log}");
}

#[tokio::test]
async fn what_is_slow_is_told_by_its_name() {
    let dir = temp_dir();
    // Everything is.
    let process = Process::start(dir.path(), &["--slow-ms", "0", "--log-format", "json"]);
    let app = process.app(dir.path());
    let ann = app.user("secretive").await;
    ann.with_header("X-Request-Id", "of-the-read").get("/users/secretive").await.ok();
    ann.with_header("X-Request-Id", "of-the-write").put("/me", json!({"name": "Secretive"})).await.ok();
    let log = process.stop_and_log();
    let slow: Vec<Value> = lines(&log).into_iter().filter(|line| line["target"] == "hobnob::slow").collect();
    let of = |id: &str| slow.iter().filter(|line| line["request"] == id).collect::<Vec<_>>();
    let read = of("of-the-read");
    assert!(read.iter().all(|line| line["message"] == "slow read of GET /users/{uid}"), "{read:?}");
    let written = of("of-the-write");
    let told = |line: &&&Value| line["message"].as_str().is_some_and(|text| text.starts_with("slow write "));
    // Lines of one place are bounded; there are fewer reads and writes than that here.
    assert!(!read.is_empty() && written.iter().filter(told).count() == 1, "{slow:?}");
    for line in slow.iter().filter(|line| !line["message"].as_str().unwrap().contains("more lines like these")) {
        assert!(line["level"] == "warn" && line["seconds"].is_f64(), "{line}");
        assert!(!line.to_string().to_lowercase().contains("secretive"), "{line}");
    }
}

#[test]
fn why_it_ends_is_told_in_the_form_of_the_log() {
    let dir = temp_dir();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("an address").to_string();
    let failed = hobnob(dir.path(), &["serve", "--https", "off", "--log-format", "json", "--http", &address]);
    assert!(!failed.status.success());
    let last = lines(&String::from_utf8_lossy(&failed.stderr)).pop().expect("a line");
    assert!(last["level"] == "error" && last["message"].as_str().unwrap().contains("cannot listen"), "{last}");
}

#[test]
fn levels_that_are_none_are_refused() {
    let dir = temp_dir();
    for (flag, value, expected) in
        [("--log", "loud", "expected off, error"), ("--log-format", "xml", "expected text or json")]
    {
        let refused = hobnob(dir.path(), &["serve", flag, value]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(expected), "{said}");
    }
}

//! Figures of now and over time, health, and lines of the log.

use hobnob::model::Code;
use hobnob::store::figures::{self, Figures, HOURS_KEPT, MINUTES_KEPT};
use serde_json::{Value, json};

use super::{PASSWORD, another_session, root};
use crate::harness::{Client, Harness, NOW, Process, eventually, hobnob, temp_dir};

async fn series(root: &Client, query: &str) -> Value {
    root.get(&format!("/admin/api/series{query}")).await.ok()
}

/// The value of a column at that time.
fn value(series: &Value, column: &str, at: i64) -> Value {
    let found = series["at"].as_array().unwrap().iter().position(|known| *known == at);
    found.map_or(Value::Null, |found| series[column][found].clone())
}

#[tokio::test]
async fn a_minute_and_an_hour_are_kept_when_they_are_over() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let other = h.another_app().await;
    // The server looked before the first is sent: until then no minute has begun.
    let minute = NOW / 60 * 60 + 60;
    h.clock.advance(minute - NOW);
    let kept = async |at: i64| !value(&series(&root, "?of=messages").await, "messages", at).is_null();
    eventually("the first minute is kept", async || kept(minute - 60).await).await;
    let mut sock = bob.connect().await;
    for text in ["one", "two", "three"] {
        ann.send("bob", text).await;
        sock.expect_text(text).await;
    }
    other.user("cat").await;
    other.post("/messages", crate::harness::text_to("user", "cat", "elsewhere")).await.ok();
    let now = root.get("/admin/api/overview").await.ok()["now"].clone();
    assert_eq!(now["messagesPerSecond"], 4.0 / 60.0, "{now}");
    for name in ["deliveriesPerSecond", "requestsPerSecond", "commitMillis", "databaseBytes", "memoryBytes"] {
        assert!(now[name].as_f64().is_some_and(|value| value > 0.0), "{name}: {now}");
    }
    for name in ["queued", "walBytes", "mediaBytes", "searchBacklog", "online"] {
        assert!(now[name].as_i64().is_some_and(|value| value >= 0), "{name}: {now}");
    }
    h.clock.advance(60);
    eventually("the minute is kept", async || kept(minute).await).await;
    let all = series(&root, "").await;
    assert_eq!((&all["step"], &all["since"]), (&json!(60), &json!((minute + 60 - 3600) / 60 * 60)));
    assert_eq!(value(&all, "messages", minute), 4);
    assert!(value(&all, "deliveries", minute).as_i64().unwrap() >= 3);
    assert!(value(&all, "commitMillis", minute).as_f64().unwrap() > 0.0);
    assert_eq!((value(&all, "sockets", minute), value(&all, "online", minute)), (json!(1), json!(1)));
    let some = series(&root, "?of=messages,online").await;
    assert_eq!(some.as_object().unwrap().keys().collect::<Vec<_>>(), ["since", "step", "at", "messages", "online"]);
    let app = series(&root, &format!("?app={}", h.app_id)).await;
    assert_eq!((value(&app, "messages", minute), app["at"].as_array().unwrap().len()), (json!(3), 1));

    // The hour, once another began; and what is asked of long ago comes by hours.
    h.clock.advance(3600);
    let hour = minute / 3600 * 3600;
    let root = another_session(&h).await;
    let of_app = format!("?app={}&since={}", h.app_id, hour - MINUTES_KEPT - 3600);
    eventually("the hour is kept", async || value(&series(&root, &of_app).await, "messages", hour) == 3).await;
    let long = series(&root, &format!("?since={}", hour - MINUTES_KEPT - 3600)).await;
    assert_eq!((&long["step"], value(&long, "messages", hour)), (&json!(3600), json!(4)));
    assert_eq!(value(&long, "sockets", hour), 1);
    for (query, field) in [("?of=messages,x", "of"), ("?since=-1", "since"), ("?since=x", "since")] {
        let refused = root.get(&format!("/admin/api/series{query}")).await.refused(Code::BadRequest);
        assert!(
            refused["message"].as_str().unwrap().contains(field) || refused["details"][field].is_array(),
            "{refused}"
        );
    }
    root.get(&format!("/admin/api/series?of=online&app={}", h.app_id)).await.refused(Code::BadRequest);
    root.get("/admin/api/series?app=0000").await.refused(Code::InvalidAppId);
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let h = Harness::start().await;
    let begin = NOW / 3600 * 3600;
    // 40 days of minutes with a look every hour, as they come; in one write, for the time it takes.
    let kept = h.store.write("it", move |tx| {
        let mut most = 0;
        for hour in 0..40 * 24 {
            let at = begin + hour * 3600;
            for minute in [0, 1, 30, 59] {
                figures::insert(
                    tx,
                    &Figures { at: at + minute * 60, messages: 2, queued: minute, ..Figures::default() },
                )?;
            }
            figures::roll(tx, at + 3600)?;
            let rows = |tx: &hobnob::store::Write<'_>, span| figures::since(tx, span, 0).map(|rows| rows.len());
            most = most.max(rows(tx, 60)? + rows(tx, 3600)?);
        }
        let last = figures::since(tx, 3600, 0)?.pop().expect("an hour");
        Ok((most, last.messages, last.queued))
    });
    let bound = 4 * (MINUTES_KEPT / 3600) as usize + (HOURS_KEPT / 3600) as usize;
    let (most, messages, queued) = kept.await.unwrap();
    assert!(most <= bound + 1, "{most} rows, of {bound}");
    assert_eq!((messages, queued), (8, 59), "counts are summed up, states are the most");
}

#[tokio::test]
async fn health_says_what_is_well_and_what_is_not() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let found = root.get("/admin/api/health").await.ok();
    assert_eq!((&found["ready"], &found["version"]), (&json!(true), &json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(found["schema"], hobnob::store::SCHEMA);
    let verdicts = |found: &Value| {
        let list = found["findings"].as_array().unwrap().iter();
        list.map(|one| (one["check"].as_str().unwrap().to_owned(), one["verdict"].as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = verdicts(&found);
    let bad: Vec<_> = all.iter().filter(|(_, verdict)| verdict != "ok").collect();
    assert_eq!(bad, [&("backup".to_owned(), "warn".to_owned())], "{found}");
    root.post("/admin/api/backups", json!({})).await.ok();
    let found = root.get("/admin/api/health").await.ok();
    assert!(verdicts(&found).iter().all(|(_, verdict)| verdict == "ok"), "{found}");
}

#[tokio::test]
async fn the_database_is_read_through() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    ann.send("bob", "hi").await;
    let found = root.post("/admin/api/integrity", json!({})).await.ok();
    assert_eq!(found, json!({"ok": true, "damage": [], "brokenReferences": []}));
    let database = rusqlite::Connection::open(h.data.join("hobnob.db")).unwrap();
    let broken = "PRAGMA foreign_keys = OFF; INSERT INTO friends (user_id, friend_id, created_at) VALUES (999, 998, 1)";
    database.execute_batch(broken).unwrap();
    let found = root.post("/admin/api/integrity", json!({})).await.ok();
    assert_eq!((&found["ok"], &found["brokenReferences"][0]["table"]), (&json!(false), &json!("friends")), "{found}");
}

#[tokio::test]
async fn the_newest_lines_of_the_log_are_shown() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let made = hobnob(dir.path(), &["admin", "create", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let body = json!({"link": made["setup"], "name": "root", "password": PASSWORD});
    let session = app.nobody().post("/admin/api/setup", body).await.ok()["session"].as_str().unwrap().to_owned();
    let root = app.nobody().with("X-Hobnob-Admin", &session);
    let lines = root.get("/admin/api/logs").await.list();
    let last = lines.last().unwrap();
    assert!(
        last["text"].as_str().unwrap().contains("\"root\" used a set-up link") && last["level"] == "info",
        "{last}"
    );
    assert!(lines.iter().any(|line| line["text"].as_str().unwrap().contains("listening at http://")));
    assert!(root.get(&format!("/admin/api/logs?id={}", last["id"])).await.list().is_empty());
    assert!(root.get("/admin/api/logs?level=error").await.list().is_empty());
    root.get("/admin/api/logs?level=loud").await.refused(Code::BadRequest);
    let all = root.get("/admin/api/logs").await.text;
    for secret in [session.as_str(), made["setup"].as_str().unwrap(), PASSWORD] {
        assert!(!all.contains(secret));
    }
    process.stop();
}

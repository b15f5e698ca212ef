//! What goes wrong around the telling: a database that takes no writes, a receiver that takes some events and not others, a
//! certificate of one's own, an app in which nearly everything is told to nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::hook;
use crate::harness::receiver::{Does, Receiver, Told, well};
use crate::harness::{App, Client, Dice, Harness, NOW, Process, eventually, hobnob, id_of, temp_dir, text_to};

fn database(data: &Path) -> Connection {
    Connection::open(data.join("hobnob.db")).expect("opens")
}

#[tokio::test]
async fn where_nothing_can_be_noted_nothing_is_told_twice() {
    let h = Harness::start().await;
    let (ann, receiver) = (h.user("ann").await, Receiver::start().await);
    h.user("bob").await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    let let_go = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    receiver.be(Does::When(let_go.clone()));
    for each in 0..100 {
        ann.send("bob", &each.to_string()).await;
    }
    receiver.expect(8).await;
    // Somebody else holds the database.
    let held = database(&h.data);
    held.execute_batch("BEGIN IMMEDIATE").expect("holds it");
    let_go.add_permits(1000);
    receiver.expect(16).await;
    // Its turn comes after that of what is to be noted.
    let refused = ann.post("/messages", text_to("user", "bob", "meanwhile")).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    let told = receiver.told().len();
    assert!((16..=64).contains(&told), "no more is told than can be noted later: {told}");
    held.execute_batch("ROLLBACK").expect("lets it go");
    eventually("all are told", async || h.count("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == 100)
        .await;
    assert_eq!(receiver.told().len(), 100, "each once");
}

#[tokio::test]
async fn an_event_that_always_fails_has_its_day_beside_others_that_arrive() {
    let h = Harness::start().await;
    let (ann, receiver) = (h.user("ann").await, Receiver::start().await);
    h.user("bob").await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    receiver.be(Does::Answer(500, "", String::new()));
    ann.send("bob", "never").await;
    eventually("it failed", async || h.count("SELECT count(*) FROM deliveries") == 1).await;
    receiver.be(well());
    for each in 1..=20 {
        ann.send("bob", "always").await;
        let sql = "SELECT count(*) FROM deliveries WHERE state = 'delivered'";
        eventually("it is told", async || h.count(sql) == each).await;
    }
    let next = format!("SELECT count(*) FROM deliveries WHERE tries = 1 AND next_at = {}", NOW + 10);
    assert_eq!(h.count(&next), 1, "its next try is where it was");
    assert_eq!(h.count("SELECT count(*) FROM webhooks WHERE failing_at IS NOT NULL"), 0);
}

#[tokio::test]
async fn who_is_told_of_little_waits_for_nothing_else() {
    let h = Harness::start().await;
    let (ann, receiver, all) = (h.user("ann").await, Receiver::start().await, Receiver::start().await);
    h.user("bob").await;
    all.be(Does::Hang);
    hook(&h, "all", &all, json!({}), &["message_edited"]).await;
    // Far more than a worker looks past at a time, all of them told to somebody else.
    database(&h.data)
        .execute_batch(
            "WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40000)
             INSERT INTO outbox (app, name, kind, at, data) SELECT 1, 'e' || n, 'message_edited', 9999999999, '{}' FROM n",
        )
        .expect("runs");
    hook(&h, "few", &receiver, json!({}), &["message_sent"]).await;
    // As if it had been there before all of them.
    let few = "UPDATE webhooks SET passed = 0 WHERE webhook_id = 'few';
               UPDATE webhook_triggers SET since = 0 WHERE kind = 'message_sent'";
    database(&h.data).execute_batch(few).expect("runs");
    ann.send("bob", "hello").await;
    receiver.expect(1).await;
    assert!(all.told().len() <= 8);
    eventually("it is noted", async || h.count("SELECT passed FROM webhooks WHERE webhook_id = 'few'") > 40_000).await;
}

#[tokio::test]
async fn what_is_told_again_in_masses_holds_up_nothing_new() {
    let h = Harness::start().await;
    let (ann, receiver) = (h.user("ann").await, Receiver::start().await);
    h.user("bob").await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": false}), &["message_sent"]).await;
    for each in 0..200 {
        ann.send("bob", &each.to_string()).await;
    }
    let delivered = "SELECT count(*) FROM deliveries WHERE state = 'delivered'";
    eventually("all are told", async || h.count(delivered) == 200).await;
    let let_go = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    receiver.be(Does::When(let_go.clone()));
    let again = format!("UPDATE deliveries SET state = 'waiting', tries = 0, first_at = NULL, next_at = {NOW}");
    database(&h.data).execute_batch(&again).expect("runs");
    receiver.expect(208).await;
    ann.send("bob", "new").await;
    let_go.add_permits(1000);
    eventually("all are told once more", async || h.count(delivered) == 201).await;
    let place = receiver.told().iter().position(|told| told.body["data"]["message"]["data"]["text"] == "new");
    assert!(place.is_some_and(|place| place < 240), "{place:?}");
}

/// Makes a webhook by the command line's key, beside a server that is a process of its own.
async fn subscribe(process: &Process, data: &Path, app: &App, url: &str) {
    let made = hobnob(data, &["management-key", "create", "ops", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let text = |field: &str| made[field].as_str().expect("a text").to_owned();
    let ops = Client::nobody(&process.site).with("key", &text("key")).with("secret", &text("secret"));
    let hook = json!({"id": "w", "name": "w", "webhookURL": url, "retryOnFailure": false});
    ops.post(&format!("/apps/{}/webhooks", app.app_id), hook).await.ok();
    let triggers = json!({"triggerIds": ["message_sent"]});
    ops.post(&format!("/apps/{}/webhooks/w/triggers", app.app_id), triggers).await.ok();
}

#[tokio::test]
async fn a_certificate_is_looked_at_and_may_be_by_an_authority_of_ones_own() {
    // Another server with its local certificate, which knows no such route: that it says so shows that it was reached.
    let there = temp_dir();
    let mut other = Process::start(there.path(), &["--https", "127.0.0.1:0"]);
    let url = format!("https://127.0.0.1:{}/v3/nothing", other.https().port());
    let authority = there.path().join("tls").join("ca.pem");
    let authority = authority.to_str().expect("a plain path");
    for (more, reached) in [(&[][..], false), (&["--outgoing-ca", authority][..], true)] {
        let here = temp_dir();
        let process = Process::start(here.path(), &[&["--outgoing-private", "127.0.0.0/8"], more].concat());
        let app = process.app(here.path());
        for uid in ["ann", "bob"] {
            app.post("/users", json!({"uid": uid, "name": uid})).await.ok();
        }
        subscribe(&process, here.path(), &app, &url).await;
        app.behalf("ann").post("/messages", text_to("user", "bob", "hello")).await.ok();
        let count = |sql: &str| -> i64 { database(here.path()).query_row(sql, [], |row| row.get(0)).expect("counts") };
        eventually("it was tried", async || count("SELECT count(*) FROM deliveries") == 1).await;
        assert_eq!(count("SELECT coalesce(status, 0) >= 400 FROM deliveries") == 1, reached);
        if !reached {
            assert_eq!(count("SELECT count(*) FROM deliveries WHERE answer LIKE '%certificate%'"), 1);
        }
        process.kill();
    }
    // A file that is none is told of at the start.
    let here = temp_dir();
    let refused =
        hobnob(here.path(), &["serve", "--http", "127.0.0.1:0", "--https", "off", "--outgoing-ca", "/nowhere.pem"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("/nowhere.pem"), "{said}");
    let refused = hobnob(here.path(), &["serve", "--http", "127.0.0.1:0", "--outgoing-proxy", "socks5://x"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--outgoing-proxy"));
}

#[tokio::test]
async fn a_restored_server_may_be_held_back_and_tells_what_waits_by_the_old_ids() {
    let (dir, receiver) = (temp_dir(), Receiver::start().await);
    let count = |sql: &str| -> i64 { database(dir.path()).query_row(sql, [], |row| row.get(0)).expect("counts") };
    let mut process = Process::start(dir.path(), &["--hold-webhooks"]);
    let app = process.app(dir.path());
    for uid in ["ann", "bob"] {
        app.post("/users", json!({"uid": uid, "name": uid})).await.ok();
    }
    subscribe(&process, dir.path(), &app, &receiver.url).await;
    for each in 0..3 {
        app.behalf("ann").post("/messages", text_to("user", "bob", &each.to_string())).await.ok();
    }
    let made = hobnob(dir.path(), &["backup", "--to", dir.path().join("b.tar.zst").to_str().expect("a plain path")]);
    assert!(made.status.success(), "{made:?}");
    assert_eq!((receiver.told().len(), count("SELECT count(*) FROM outbox")), (0, 3), "they wait");
    process.kill();
    process = Process::start(dir.path(), &[]);
    let told = receiver.expect(3).await;
    eventually("it is noted", async || count("SELECT count(*) FROM deliveries") == 3).await;
    process.kill();
    // The backup knows nothing of that: they are told once more, and are known by their ids.
    let restored = temp_dir();
    let data = restored.path().join("data");
    let made = hobnob(&data, &["restore", dir.path().join("b.tar.zst").to_str().expect("a plain path")]);
    assert!(made.status.success(), "{made:?}");
    let process = Process::start(&data, &[]);
    let again = receiver.expect(6).await.split_off(3);
    let ids = |told: &[Told]| {
        let mut ids: Vec<String> = told.iter().map(|one| one.header("webhook-id").to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&told), ids(&again));
    process.kill();
}

#[tokio::test]
async fn a_stop_waits_a_moment_for_those_who_are_being_told() {
    let (dir, receiver) = (temp_dir(), Receiver::start().await);
    let count = |sql: &str| -> i64 { database(dir.path()).query_row(sql, [], |row| row.get(0)).expect("counts") };
    for answers in [true, false] {
        let process = Process::start(dir.path(), &[]);
        let app = process.app(dir.path());
        for uid in ["ann", "bob"] {
            app.post("/users", json!({"uid": uid, "name": uid})).await.ok();
        }
        subscribe(&process, dir.path(), &app, &receiver.url).await;
        let let_go = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        receiver.be(Does::When(let_go.clone()));
        let before = (receiver.told().len(), count("SELECT count(*) FROM deliveries"));
        for each in 0..20 {
            app.behalf("ann").post("/messages", text_to("user", "bob", &each.to_string())).await.ok();
        }
        receiver.expect(before.0 + 8).await;
        process.terminate();
        process.logged("stopping");
        if answers {
            let_go.add_permits(8);
        }
        let ended = tokio::task::spawn_blocking(move || process.wait()).await.expect("waits");
        assert!(ended.success(), "{ended}");
        assert_eq!(receiver.told().len(), before.0 + 8, "nothing more is sent");
        let noted = count("SELECT count(*) FROM deliveries") - before.1;
        assert_eq!(noted, if answers { 8 } else { 0 });
        // Of the next round nothing waits here.
        database(dir.path()).execute_batch("DELETE FROM webhooks; DELETE FROM outbox").expect("runs");
    }
}

/// Whatever a receiver does, and whatever is done to its webhook short of switching it off: in the end it has taken each
/// event, each has one id, and nothing was told that had not happened.
#[tokio::test]
async fn in_the_end_each_event_has_arrived() {
    for seed in [3, 88_172_645_463_325_252] {
        let h = Harness::start().await;
        let (ann, receiver) = (h.user("ann").await, Receiver::start().await);
        h.user("bob").await;
        let ops = hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
        let mut dice = Dice::new(seed);
        let mut sent = BTreeSet::new();
        for step in 0..150 {
            match dice.roll(10) {
                0 => receiver.be(well()),
                1 => receiver.be(Does::Answer(500, "", String::new())),
                2 => receiver.be(Does::Answer(429, "Retry-After: 7\r\n", String::new())),
                3 => receiver.be(Does::Answer(302, "Location: /elsewhere\r\n", String::new())),
                4 => receiver.be(Does::Reset),
                5 => h.clock.advance(dice.roll(40) as i64),
                6 if step % 3 == 0 => {
                    let elsewhere = json!({"webhookURL": format!("{}/{step}", receiver.url)});
                    ops.put(&format!("/apps/{}/webhooks/w1", h.app_id), elsewhere).await.ok();
                }
                _ => _ = sent.insert(id_of(&ann.send("bob", &step.to_string()).await)),
            }
        }
        receiver.be(well());
        // Every next try lies within that, and nothing is given up before a day has passed.
        h.clock.advance(4 * 3600);
        let arrived = "SELECT count(*) FROM deliveries WHERE state = 'delivered'";
        eventually("all have arrived", async || h.count(arrived) == sent.len() as i64).await;
        let mut ids = BTreeMap::new();
        for told in receiver.told() {
            let (event, message) = (told.header("webhook-id").to_owned(), id_of(&told.body["data"]["message"]));
            assert!(sent.contains(&message), "{seed}: nobody sent {message}");
            assert_eq!(*ids.entry(message).or_insert(event.clone()), event, "{seed}: an event has one id");
        }
        assert_eq!(ids.len(), sent.len(), "{seed}");
        let left =
            "SELECT (SELECT count(*) FROM deliveries WHERE next_at IS NOT NULL) + (SELECT sum(dropped) FROM webhooks)
                           + (SELECT count(*) FROM webhooks WHERE failing_at IS NOT NULL)";
        assert_eq!(h.count(left), 0, "{seed}");
        h.stop().await;
    }
}

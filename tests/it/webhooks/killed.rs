//! The server is killed under load: whatever it had said yes to is told, nothing else is, and what is told twice has the same
//! id both times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::receiver::{Does, Receiver, well};
use crate::harness::{App, Client, Process, eventually, hobnob, id_of, temp_dir, text_to};

const CLIENTS: usize = 4;

/// Sends until the server does not answer any more; ids of the messages that it acknowledged.
async fn send_until_gone(app: App, client: usize, done: Arc<Semaphore>) -> Vec<i64> {
    let sender = app.behalf(&format!("u{client}"));
    let mut acknowledged = Vec::new();
    loop {
        let body = text_to("user", "bob", "hello").to_string().into_bytes();
        match sender.try_raw(Method::POST, "/messages", Some(body)).await {
            Ok(answer) if answer.status == 200 => {
                acknowledged.push(id_of(&answer.ok()));
                done.add_permits(1);
            }
            Ok(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
            Err(_) => return acknowledged,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_all_that_was_committed_is_told() {
    let dir = temp_dir();
    let receiver = Receiver::start().await;
    let mut process = Process::start(dir.path(), &[]);
    let mut app = process.app(dir.path());
    for client in 0..CLIENTS {
        app.post("/users", json!({"uid": format!("u{client}"), "name": "U"})).await.ok();
    }
    app.post("/users", json!({"uid": "bob", "name": "Bob"})).await.ok();
    let made = hobnob(dir.path(), &["management-key", "create", "ops", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let ops = Client::nobody(&process.site)
        .with("key", made["key"].as_str().expect("a key"))
        .with("secret", made["secret"].as_str().expect("a secret"));
    let hook = json!({"id": "w", "name": "w", "webhookURL": receiver.url, "retryOnFailure": true});
    ops.post(&format!("/apps/{}/webhooks", app.app_id), hook).await.ok();
    let triggers = json!({"triggerIds": ["message_sent"]});
    ops.post(&format!("/apps/{}/webhooks/w/triggers", app.app_id), triggers).await.ok();

    let mut acknowledged = BTreeSet::new();
    for does in [well(), Does::Hang, well()] {
        receiver.be(does);
        let done = Arc::new(Semaphore::new(0));
        let sending: Vec<_> =
            (0..CLIENTS).map(|client| tokio::spawn(send_until_gone(app.clone(), client, done.clone()))).collect();
        let enough = done.acquire_many(100).await.expect("open");
        process.kill();
        drop(enough);
        for sending in sending {
            acknowledged.extend(sending.await.expect("sends"));
        }
        process = Process::start(dir.path(), &[]);
        app = App::new(&process.site, &app.app_id, &app.auth_key, &app.api_key);
    }
    receiver.be(well());
    let count = |sql: &str| -> i64 {
        let database = rusqlite::Connection::open(dir.path().join("hobnob.db")).expect("opens");
        database.query_row(sql, [], |row| row.get(0)).expect("counts")
    };
    // What was stored without a yes is told, too.
    let stored = count("SELECT count(*) FROM messages WHERE category = 'message'");
    eventually("all are told", async || count("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == stored)
        .await;

    let mut events: BTreeMap<String, i64> = BTreeMap::new();
    let mut messages: BTreeMap<i64, String> = BTreeMap::new();
    for told in receiver.told() {
        let (event, message) = (told.header("webhook-id").to_owned(), id_of(&told.body["data"]["message"]));
        assert_eq!(*events.entry(event.clone()).or_insert(message), message, "an id is of one event");
        assert_eq!(*messages.entry(message).or_insert(event.clone()), event, "an event has one id");
    }
    assert!(acknowledged.iter().all(|message| messages.contains_key(message)), "what was acknowledged is told");
    assert_eq!(messages.len() as i64, stored, "and nothing that was not stored");
    assert!(acknowledged.len() >= 300 && acknowledged.len() as i64 <= stored);
}

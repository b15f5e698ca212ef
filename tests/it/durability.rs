//! Acknowledged means on disk: the process is killed under load, and everything it said yes to is there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::{App, Harness, Process, id_of, temp_dir, text_to};

const CLIENTS: usize = 4;

fn message(client: usize, n: usize) -> Value {
    let mut body = text_to("group", "team", &format!("{client}-{n}"));
    body["muid"] = json!(format!("m-{client}-{n}"));
    body
}

/// Sends until the server does not answer any more; gives muid -> id of what it acknowledged, and how many were tried.
async fn send_until_gone(app: App, client: usize, from: usize, done: Arc<Semaphore>) -> (BTreeMap<usize, i64>, usize) {
    let sender = app.behalf(&format!("u{client}"));
    let mut acknowledged = BTreeMap::new();
    for n in from.. {
        let body = message(client, n).to_string().into_bytes();
        match sender.try_raw(Method::POST, "/messages", Some(body)).await {
            Ok(answer) if answer.status == 200 => {
                acknowledged.insert(n, id_of(&answer.ok()));
                done.add_permits(1);
            }
            Ok(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
            Err(_) => return (acknowledged, n + 1),
        }
    }
    unreachable!("the server goes before the numbers do")
}

/// Every text of the group, by muid, walked page by page.
async fn history(app: &App) -> Vec<(i64, String)> {
    let reader = app.behalf("u0");
    let mut found: Vec<(i64, String)> = Vec::new();
    loop {
        let after = found.last().map_or(0, |(id, _)| *id);
        let path = format!("/groups/team/messages?affix=append&id={after}&categories=message&limit=1000");
        let page = reader.get(&path).await.list();
        if page.is_empty() {
            return found;
        }
        found.extend(page.iter().map(|message| (id_of(message), message["muid"].as_str().unwrap().to_owned())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_nothing_acknowledged_is_lost() {
    let dir = temp_dir();
    let mut process = Process::start(dir.path(), &[]);
    let mut app = process.app(dir.path());
    for client in 0..CLIENTS {
        app.post("/users", json!({"uid": format!("u{client}"), "name": "U"})).await.ok();
    }
    let uids: Vec<String> = (1..CLIENTS).map(|client| format!("u{client}")).collect();
    app.post(
        "/groups",
        json!({"guid": "team", "name": "T", "type": "public", "owner": "u0", "members": {"participants": uids}}),
    )
    .await
    .ok();

    let mut acknowledged: HashMap<String, i64> = HashMap::new();
    let mut tried = [0; CLIENTS];
    for _ in 0..3 {
        let done = Arc::new(Semaphore::new(0));
        let sending: Vec<_> = (0..CLIENTS)
            .map(|client| tokio::spawn(send_until_gone(app.clone(), client, tried[client], done.clone())))
            .collect();
        let enough = done.acquire_many(100).await.unwrap();
        process.kill();
        drop(enough);
        for (client, sending) in sending.into_iter().enumerate() {
            let (ids, n) = sending.await.unwrap();
            assert!(ids.values().is_sorted_by(|a, b| a < b), "one client's ids rise");
            acknowledged.extend(ids.into_iter().map(|(n, id)| (format!("m-{client}-{n}"), id)));
            tried[client] = n;
        }

        process = Process::start(dir.path(), &[]);
        app = App::new(&process.site, &app.app_id, &app.auth_key, &app.api_key);
        let found = history(&app).await;
        assert!(found.is_sorted_by(|a, b| a.0 < b.0));
        let by_muid: HashMap<&str, i64> = found.iter().map(|(id, muid)| (muid.as_str(), *id)).collect();
        assert_eq!(by_muid.len(), found.len(), "no message is there twice");
        for (muid, id) in &acknowledged {
            assert_eq!(by_muid.get(muid.as_str()), Some(id), "{muid} was acknowledged");
        }
    }

    // Everybody repeats everything: those that had been stored give the same id, and nothing is doubled.
    let before = history(&app).await;
    let by_muid: HashMap<String, i64> = before.into_iter().map(|(id, muid)| (muid, id)).collect();
    for (client, tried) in tried.into_iter().enumerate() {
        for n in 0..tried {
            let again = app.behalf(&format!("u{client}")).post("/messages", message(client, n)).await.ok();
            if let Some(id) = by_muid.get(&format!("m-{client}-{n}")) {
                assert_eq!(id_of(&again), *id);
            }
        }
    }
    let after = history(&app).await;
    assert_eq!(
        after.len(),
        tried.iter().sum::<usize>(),
        "each tried message is there once, now that all were repeated"
    );
}

#[tokio::test]
async fn asked_to_stop_it_says_good_bye_and_keeps_everything() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (sock, other) = (ann.connect().await, bob.connect().await);
    let sent = ann.send("bob", "hi").await;
    process.terminate();
    assert_eq!(sock.closed().await.1, Some(1012));
    let (heard, code) = other.closed().await;
    assert_eq!(code, Some(1012));
    assert!(heard.len() <= 1, "{heard:?}");
    let ended = tokio::task::spawn_blocking(move || process.wait());
    let status =
        tokio::time::timeout(Duration::from_secs(5), ended).await.expect("it stops within five seconds").unwrap();
    assert!(status.success(), "{status}");
    let log = std::fs::metadata(dir.path().join("hobnob.db-wal")).map_or(0, |file| file.len());
    assert_eq!(log, 0, "the log was written back");

    let process = Process::start(dir.path(), &[]);
    let app = App::new(&process.site, &app.app_id, &app.auth_key, &app.api_key);
    assert_eq!(app.get(&format!("/messages/{}", id_of(&sent))).await.ok()["data"]["text"], "hi");
    // Tokens live on: the client comes back with what it stored.
    let ann = ann.at(&app);
    let mut sock = app.socket().await;
    assert_eq!(sock.authenticate(&ann, json!({})).await["body"]["code"], "200");
}

#[tokio::test]
async fn every_socket_hears_that_the_server_goes() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let mut socks = Vec::new();
    for _ in 0..20 {
        socks.push(ann.connect().await);
    }
    // One that has not said who it is, too.
    socks.push(h.socket().await);
    let stopping = tokio::spawn(h.stop());
    for sock in socks {
        assert_eq!(sock.closed().await.1, Some(1012));
    }
    stopping.await.unwrap();
}

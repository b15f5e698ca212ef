//! Blocks between users, and their connections.

use serde_json::{Value, json};

use super::{BESIDE, Ears, keys, whole};
use crate::harness::receiver::Receiver;
use crate::harness::{Client, Harness, NOW, Process, hobnob, temp_dir};

pub const TRIGGERS: &[&str] = &["user_blocked", "user_unblocked", BESIDE];

#[tokio::test]
async fn blocks_and_connections_are_told() {
    let h = Harness::start().await;
    let ann = whole(&h, "ann").await;
    h.user("bob").await;
    h.user("cy").await;
    let mut ears = Ears::of(&h, &TRIGGERS[..2]).await;
    let block = |uids: &[&str]| json!({ "blockedUids": uids });
    ann.post("/blockedusers", block(&["bob", "cy", "none", "ann"])).await.ok();
    let told = ears.hear(&["user_blocked"]).await;
    assert_eq!((keys(&told[0]["users"]), &told[0]["by"]["uid"]), (vec!["bob", "cy"], &json!("ann")));
    ann.post("/blockedusers", block(&["bob"])).await.ok();
    ears.nothing().await;
    h.behalf("ann").delete_with("/blockedusers", block(&["bob"])).await.ok();
    let told = ears.hear(&["user_unblocked"]).await;
    assert_eq!((keys(&told[0]["users"]), &told[0]["by"]["uid"]), (vec!["bob"], &json!("ann")));
    ann.delete_with("/blockedusers", block(&["bob"])).await.ok();
    ears.nothing().await;
    let fired = ears.fired;
    connections(fired).await;
}

async fn connections(mut fired: std::collections::BTreeSet<String>) {
    let h = Harness::start().await;
    let ann = whole(&h, "ann").await;
    crate::harness::eventually("she is gone", async || h.get("/users/ann").await.ok()["status"] == "offline").await;
    let mut ears = Ears::of(&h, &[BESIDE]).await;
    let says = |told: &Value| {
        let (connection, user) = (&told["currentConnection"], &told["user"]);
        json!([connection["action"], told["status"], told["userPresenceChanged"], user["uid"], user["status"]])
    };
    let phone = ann.connect_with(json!({"params": {"platform": "android", "userAgent": "Phone 1"}})).await;
    let told = ears.hear(&[BESIDE]).await;
    assert_eq!(says(&told[0]), json!(["connected", "online", true, "ann", "available"]));
    assert_eq!(told[0]["currentConnection"]["userAgent"], "Phone 1");
    h.clock.advance(5);
    let laptop = ann.again().await.connect().await;
    let told = ears.hear(&[BESIDE]).await;
    assert_eq!(says(&told[0]), json!(["connected", "online", false, "ann", "available"]));
    h.clock.advance(5);
    phone.close().await;
    let told = ears.hear(&[BESIDE]).await;
    assert_eq!(says(&told[0]), json!(["disconnected", "online", false, "ann", "available"]));
    let connection = &told[0]["currentConnection"];
    assert_eq!((&connection["platform"], &connection["connectedAt"]), (&json!("android"), &json!(NOW * 1000)));
    assert_eq!(told[0]["timestamp"], (NOW + 10) * 1000);
    laptop.close().await;
    let told = ears.hear(&[BESIDE]).await;
    assert_eq!(says(&told[0]), json!(["disconnected", "offline", true, "ann", "offline"]));
    assert_eq!(told[0]["currentConnection"]["platform"], "javascript");
    // A client that says nothing of itself, or nonsense.
    let odd = ann.connect_with(json!({"params": {"platform": 7, "userAgent": "x".repeat(9_000)}})).await;
    let told = ears.tell(&[BESIDE]).await;
    let connection = &told[0]["data"]["currentConnection"];
    assert_eq!((connection.get("platform"), connection["userAgent"].as_str().map(str::len)), (None, Some(256)));
    odd.close().await;
    ears.tell(&[BESIDE]).await;
    // Whoever is deleted is not told of.
    let _open = ann.connect().await;
    ears.tell(&[BESIDE]).await;
    h.delete("/users/ann").await.ok();
    let _bob = h.user("bob").await.connect().await;
    let told = ears.tell(&[BESIDE]).await;
    assert_eq!(told[0]["data"]["user"]["uid"], "bob");
    fired.extend(ears.fired);
    assert!(TRIGGERS.iter().all(|trigger| fired.contains(*trigger)), "{fired:?}");
}

/// Sockets that end because the server does are told of by the next one.
#[tokio::test]
async fn a_stop_ends_connections() {
    let dir = temp_dir();
    let receiver = Receiver::start().await;
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let ann = app.user("ann").await;
    let made = hobnob(dir.path(), &["management-key", "create", "ops", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let ops = Client::nobody(&process.site)
        .with("key", made["key"].as_str().expect("a key"))
        .with("secret", made["secret"].as_str().expect("a secret"));
    let hook = json!({"id": "w", "name": "w", "webhookURL": receiver.url});
    ops.post(&format!("/apps/{}/webhooks", app.app_id), hook).await.ok();
    ops.post(&format!("/apps/{}/webhooks/w/triggers", app.app_id), json!({"triggerIds": [BESIDE]})).await.ok();
    let (one, two) = (ann.connect().await, ann.again().await.connect().await);
    receiver.expect(2).await;
    process.stop();
    drop((one, two));
    let _process = Process::start(dir.path(), &[]);
    let told: Vec<Value> = receiver.expect(4).await[2..].iter().map(|told| told.body["data"].clone()).collect();
    assert!(told.iter().all(|told| told["currentConnection"]["action"] == "disconnected"), "{told:#?}");
    let mut last: Vec<&Value> = told.iter().map(|told| &told["userPresenceChanged"]).collect();
    last.sort_by_key(|last| last.as_bool());
    assert_eq!(last, [&json!(false), &json!(true)]);
}

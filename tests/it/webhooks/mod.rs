//! Webhooks: what happens in an app is told outside, to those who asked for it.

mod bounds;
mod counted;
mod delivery;
mod killed;
mod manage;
mod triggers;
mod trouble;

use serde_json::{Value, json};

use crate::apps::manager;
use crate::harness::receiver::{Does, Receiver, well};
use crate::harness::{Client, Harness, eventually};

/// A webhook of the app that is told of these.
pub async fn hook(h: &Harness, id: &str, to: &Receiver, more: Value, triggers: &[&str]) -> Client {
    let ops = manager(h).await;
    let mut body = json!({"id": id, "name": id, "webhookURL": format!("{}/{id}", to.url)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ops.post(&format!("/apps/{}/webhooks", h.app_id), body).await.ok();
    let added =
        ops.post(&format!("/apps/{}/webhooks/{id}/triggers", h.app_id), json!({"triggerIds": triggers})).await.ok();
    assert!(triggers.iter().all(|trigger| added[trigger]["success"] == true), "{added}");
    ops
}

#[tokio::test]
async fn a_message_is_told_to_those_who_asked_for_it() {
    let h = Harness::start().await;
    let (ann, receiver) = (h.user("ann").await, Receiver::start().await);
    h.user("bob").await;
    ann.send("bob", "before").await;
    let basic = json!({"useBasicAuth": true, "username": "us", "password": "pw"});
    hook(&h, "w1", &receiver, basic, &["message_sent"]).await;
    let sent = ann.send("bob", "hello").await;
    let told = receiver.expect(1).await.remove(0);
    assert_eq!(told.path, "/w1");
    assert_eq!(told.header("authorization"), "Basic dXM6cHc=");
    assert_eq!(told.header("content-type"), "application/json");
    let body = &told.body;
    assert_eq!(
        (&body["trigger"], &body["appId"], &body["webhook"]),
        (&json!("message_sent"), &json!(h.app_id), &json!("w1"))
    );
    assert_eq!(
        (&body["data"]["message"]["id"], &body["data"]["message"]["data"]["text"]),
        (&sent["id"], &json!("hello"))
    );
    assert_eq!(h.count("SELECT count(*) FROM outbox"), 1, "what nobody is told of is not written");
    eventually("it is noted", async || h.count("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == 1).await;
}

#[tokio::test]
async fn what_fails_is_tried_again_by_the_same_id() {
    let h = Harness::start().await;
    let (ann, receiver) = (h.user("ann").await, Receiver::start().await);
    h.user("bob").await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    receiver.be(Does::Answer(500, "", "no".to_owned()));
    ann.send("bob", "hello").await;
    receiver.expect(1).await;
    eventually("it waits", async || h.count("SELECT count(*) FROM deliveries WHERE state = 'waiting'") == 1).await;
    receiver.be(well());
    h.clock.advance(10);
    let told = receiver.expect(2).await;
    assert_eq!(told[0].header("webhook-id"), told[1].header("webhook-id"));
    assert_eq!(told[0].text, told[1].text);
    eventually("it is noted", async || {
        h.count("SELECT coalesce(max(tries), 0) FROM deliveries WHERE state = 'delivered'") == 2
    })
    .await;
}

#[tokio::test]
async fn one_that_hangs_or_breaks_delays_nobody_else() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    let (well, hangs, resets) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    hangs.be(Does::Hang);
    resets.be(Does::Reset);
    for (id, to) in [("hangs", &hangs), ("resets", &resets), ("well", &well)] {
        hook(&h, id, to, json!({}), &["message_sent"]).await;
    }
    for each in 0..30 {
        ann.send("bob", &each.to_string()).await;
    }
    well.expect(30).await;
    assert!(well.triggers().iter().all(|trigger| trigger == "message_sent"));
    assert!(hangs.told().len() <= 8, "it is given no more than it has room for");
}

//! How many events are kept, what is counted of them, and that they go with what they tell of.

use std::sync::Arc;

use hobnob::chores;
use hobnob::media::Media;
use hobnob::model::limits::Limits;
use serde_json::json;

use super::hook;
use crate::harness::receiver::{Does, Receiver};
use crate::harness::{Harness, eventually, id_of};

/// Everything there is to be done in the background.
async fn settle(h: &Harness, limits: Limits) {
    let media = Media::open(&h.data, 1).expect("opens");
    chores::round(&h.store, &Arc::new(limits), &media).await.expect("done");
}

/// The sums are what they are sums of.
fn adds_up(h: &Harness) {
    let sums = "SELECT (SELECT coalesce(sum(events), 0) FROM outbox_sums) = (SELECT count(*) FROM outbox)
                   AND (SELECT coalesce(sum(bytes), 0) FROM outbox_sums)
                     = (SELECT coalesce(sum(octet_length(data) + 256), 0) FROM outbox)";
    assert_eq!(h.count(sums), 1);
    assert_eq!(h.count("SELECT count(*) FROM outbox_messages WHERE event NOT IN (SELECT id FROM outbox)"), 0);
}

#[tokio::test]
async fn what_is_too_old_goes_and_is_counted() {
    let h = Harness::start().await;
    let (ann, receiver, down) = (h.user("ann").await, Receiver::start().await, Receiver::start().await);
    h.user("bob").await;
    down.be(Does::Reset);
    hook(&h, "well", &receiver, json!({}), &["message_sent"]).await;
    hook(&h, "down", &down, json!({"retryOnFailure": true}), &["message_sent"]).await;
    hook(&h, "other", &down, json!({"retryOnFailure": true}), &["message_edited"]).await;
    for each in 0..300 {
        ann.send("bob", &each.to_string()).await;
    }
    eventually("one has all", async || h.count("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == 300)
        .await;
    let bounds = Limits::default();
    settle(&h, bounds.clone()).await;
    assert_eq!(h.count("SELECT count(*) FROM outbox"), 300, "they are kept to be told again");
    adds_up(&h);
    let dropped = |id: &str| h.count(&format!("SELECT dropped FROM webhooks WHERE webhook_id = '{id}'"));
    assert_eq!([dropped("well"), dropped("down"), dropped("other")], [0; 3]);
    h.clock.advance(bounds.events_age);
    ann.send("bob", "new").await;
    receiver.expect(301).await;
    h.clock.advance(1);
    settle(&h, bounds).await;
    eventually("the old ones are gone", async || h.count("SELECT count(*) FROM outbox") == 1).await;
    adds_up(&h);
    assert_eq!([dropped("well"), dropped("other")], [0; 2]);
    let failed = h.count("SELECT count(*) FROM deliveries WHERE state = 'failed'");
    assert_eq!(dropped("down") + failed, 300, "each that was to hear of it, once");
}

#[tokio::test]
async fn an_app_keeps_no_more_than_its_bytes() {
    let h = Harness::with(&["--limit", "events_bytes=100000"]).await;
    let (ann, down) = (h.user("ann").await, Receiver::start().await);
    h.user("bob").await;
    down.be(Does::Hang);
    hook(&h, "down", &down, json!({}), &["message_sent"]).await;
    let other = h.another_app().await;
    let (cy, hears) = (other.user("cy").await, Receiver::start().await);
    other.user("dan").await;
    let ops = crate::apps::manager(&h).await;
    let hook = json!({"id": "w", "name": "w", "webhookURL": hears.url});
    ops.post(&format!("/apps/{}/webhooks", other.app_id), hook).await.ok();
    let triggers = json!({"triggerIds": ["message_sent"]});
    ops.post(&format!("/apps/{}/webhooks/w/triggers", other.app_id), triggers).await.ok();
    cy.send("dan", "of another app").await;
    for each in 0..150 {
        ann.send("bob", &format!("{each} {}", "x".repeat(2000))).await;
    }
    eventually("no more are kept", async || h.count("SELECT max(bytes) FROM outbox_sums") <= 100_000).await;
    adds_up(&h);
    assert!(h.count("SELECT max(bytes) FROM outbox_sums") > 90_000, "nor fewer than may be");
    assert_eq!(h.count("SELECT count(*) FROM outbox WHERE data LIKE '%of another app%'"), 1);
    let kept = h.count("SELECT events FROM outbox_sums ORDER BY bytes DESC LIMIT 1");
    assert_eq!(h.count("SELECT max(dropped) FROM webhooks") + kept, 150, "the oldest went, and are counted");
    let newest = "SELECT min(id) FROM (SELECT id FROM outbox WHERE data LIKE '%xxx%')";
    assert_eq!(h.count("SELECT max(id) FROM outbox") - h.count(newest) + 1, kept);
}

#[tokio::test]
async fn what_tells_of_a_message_goes_with_it() {
    let h = Harness::start().await;
    let (ann, bob, down) = (h.user("ann").await, h.user("bob").await, Receiver::start().await);
    down.be(Does::Answer(500, "", "it was zqsecret".to_owned()));
    hook(&h, "down", &down, json!({"retryOnFailure": true}), &["message_sent"]).await;
    let first = ann.send("bob", "zqsecret").await;
    ann.send("bob", "another").await;
    let mut reply = crate::harness::text_to("user", "ann", "a reply");
    reply["quotedMessageId"] = json!(id_of(&first));
    bob.post("/messages", reply).await.ok();
    eventually("they wait", async || h.count("SELECT count(*) FROM deliveries WHERE state = 'waiting'") == 3).await;
    h.delete_with(&format!("/messages/{}", id_of(&first)), json!({"permanent": true})).await.ok();
    assert_eq!(h.count("SELECT count(*) FROM outbox WHERE data LIKE '%zqsecret%'"), 0);
    assert_eq!(h.count("SELECT count(*) FROM deliveries WHERE event NOT IN (SELECT id FROM outbox)"), 0);
    assert_eq!(h.count("SELECT count(*) FROM outbox WHERE data LIKE '%another%'"), 1, "others stay");
    adds_up(&h);
}

#[tokio::test]
async fn a_deleted_app_tells_nobody_and_its_events_go() {
    let h = Harness::start().await;
    let (ann, hangs) = (h.user("ann").await, Receiver::start().await);
    h.user("bob").await;
    hangs.be(Does::Hang);
    let ops = hook(&h, "w", &hangs, json!({"retryOnFailure": true}), &["message_sent"]).await;
    for each in 0..20 {
        ann.send("bob", &each.to_string()).await;
    }
    hangs.expect(8).await;
    ops.delete(&format!("/apps/{}", h.app_id)).await.ok();
    let limits = Limits::default();
    h.clock.advance(limits.app_grace + 1);
    settle(&h, limits).await;
    for table in ["outbox", "outbox_sums", "outbox_messages", "deliveries", "webhooks", "gone_webhooks"] {
        eventually(table, async || h.count(&format!("SELECT count(*) FROM {table}")) == 0).await;
    }
    assert_eq!(hangs.told().len(), 8);
}

#[tokio::test]
async fn figures_tell_of_what_waits() {
    let h = Harness::with(&["--metrics", "127.0.0.1:0"]).await;
    let (ann, well, down) = (h.user("ann").await, Receiver::start().await, Receiver::start().await);
    h.user("bob").await;
    down.be(Does::Answer(500, "", String::new()));
    hook(&h, "well", &well, json!({}), &["message_sent"]).await;
    hook(&h, "down", &down, json!({"retryOnFailure": true}), &["message_sent"]).await;
    for each in 0..3 {
        ann.send("bob", &each.to_string()).await;
    }
    eventually("all were tried", async || h.count("SELECT count(*) FROM deliveries") == 6).await;
    h.clock.advance(5);
    let page = format!("http://{}/metrics", h.metrics.expect("a listener"));
    let page = reqwest::get(page).await.expect("answers").text().await.expect("a text");
    for line in [
        "hobnob_outbox_events 3",
        "hobnob_outbox_waiting 3",
        "hobnob_outbox_oldest_seconds 5",
        "hobnob_webhook_tries_total{outcome=\"taken\"} 3",
        "hobnob_webhook_tries_total{outcome=\"refused\"} 3",
        "hobnob_webhook_tries_total{outcome=\"unanswered\"} 0",
        "hobnob_outbox_dropped_total 0",
    ] {
        assert!(page.lines().any(|known| known == line), "{line}\n{page}");
    }
}

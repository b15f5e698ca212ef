//! The law of deliveries: at rest every event is in the log once, a count equals the list it counts, and whatever failed
//! arrives when it is sent once more.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::hook;
use crate::harness::receiver::{Does, Receiver, well};
use crate::harness::{Client, Dice, Harness, eventually};

/// The whole log, or what of it is in this state, in pieces of this size; the newest first.
async fn log(ops: &Client, one: &str, state: Option<&str>, limit: usize) -> Vec<Value> {
    let (mut all, mut at) = (Vec::new(), String::new());
    let state = state.map_or(String::new(), |state| format!("&state={state}"));
    loop {
        let piece = ops.get(&format!("{one}/deliveries?limit={limit}{state}{at}")).await;
        let next = piece.body["meta"]["next"]["id"].as_str().map(str::to_owned);
        let items = piece.list();
        assert!(items.len() <= limit);
        all.extend(items);
        match next {
            Some(next) => at = format!("&id={next}"),
            None => return all,
        }
    }
}

fn numbers(list: &[Value]) -> Vec<i64> {
    list.iter().map(|one| one["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn whatever_happens_counts_equal_their_lists() {
    let (h, receiver) = (Harness::start().await, Receiver::start().await);
    let ann = h.user("ann").await;
    h.user("bob").await;
    hook(&h, "again", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    let ops = hook(&h, "once", &receiver, json!({}), &["message_sent"]).await;
    let one = format!("/apps/{}/webhooks/once", h.app_id);
    let told_once = "SELECT count(*) FROM outbox o WHERE NOT EXISTS (
         SELECT 1 FROM deliveries d JOIN webhooks w ON w.id = d.webhook AND w.webhook_id = 'once'
         WHERE d.event = o.id AND d.state <> 'waiting')";
    let (mut dice, mut sent) = (Dice::new(20), 0);
    for step in 0..60 {
        receiver.be(match dice.roll(3) {
            0 => well(),
            1 => Does::Answer(503, "", "busy".to_owned()),
            _ => Does::Reset,
        });
        match dice.roll(6) {
            0..=2 => {
                for _ in 0..=dice.roll(3) {
                    ann.send("bob", "hello").await;
                    sent += 1;
                }
            }
            3 => _ = ops.post(&format!("{one}/replay"), json!({"state": "failed"})).await.ok(),
            4 => {
                let from = h.clock.now() - dice.roll(60) as i64;
                let range = json!({"from": from, "to": from + dice.roll(60) as i64});
                ops.post(&format!("{one}/replay"), range).await.ok();
            }
            _ => {
                if let Some(last) = log(&ops, &one, None, 100).await.last() {
                    let id = last["id"].as_str().unwrap();
                    ops.post(&format!("{one}/deliveries/{id}/replay"), json!({})).await.ok();
                }
            }
        }
        h.clock.advance(dice.roll(20) as i64);
        eventually("it is at rest", async || h.count(told_once) == 0).await;
        let all = log(&ops, &one, None, 1 + dice.roll(9)).await;
        assert_eq!(all.len(), sent, "step {step}");
        assert!(numbers(&all).windows(2).all(|pair| pair[0] > pair[1]), "step {step}");
        let shown = ops.get(&one).await.ok();
        let mut parts = 0;
        for (state, count) in
            [("delivered", None), ("waiting", Some("waitingEvents")), ("failed", Some("failedEvents"))]
        {
            let some = log(&ops, &one, Some(state), 1 + dice.roll(9)).await;
            let same: Vec<_> = all.iter().filter(|one| one["state"] == state).cloned().collect();
            assert_eq!(some, same, "step {step}: {state}");
            assert!(count.is_none_or(|count| shown[count] == some.len()), "step {step}: {state}: {shown}");
            parts += some.len();
        }
        assert_eq!(parts, sent, "step {step}");
    }
    assert!(sent > 30);
    receiver.be(well());
    ops.post(&format!("{one}/replay"), json!({"state": "failed"})).await.ok();
    eventually("it is at rest", async || h.count(told_once) == 0).await;
    assert!(log(&ops, &one, Some("failed"), 100).await.is_empty());
    let delivered = format!("/apps/{}/webhooks/again", h.app_id);
    eventually("the other has all, too", async || {
        h.clock.advance(60);
        log(&ops, &delivered, Some("delivered"), 100).await.len() == sent
    })
    .await;
    let told = receiver.told();
    for path in ["/once", "/again"] {
        let ids: BTreeSet<_> = told.iter().filter(|it| it.path == path).map(|it| it.header("webhook-id")).collect();
        assert_eq!(ids.len(), sent, "{path}");
    }
}

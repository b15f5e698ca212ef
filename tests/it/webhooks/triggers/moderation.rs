//! What rules and moderators decide.

use serde_json::json;

use super::{Ears, all, whole};
use crate::harness::receiver::{Does, Receiver};
use crate::harness::{Harness, id_of};

pub const TRIGGERS: &[&str] = &[
    "moderation_engine_approved",
    "moderation_engine_blocked",
    "moderation_engine_failed",
    "moderation_manual_approved",
];

#[tokio::test]
async fn what_rules_decide_is_told() {
    let h = Harness::with(&["--outgoing-private", "127.0.0.0/8"]).await;
    let (ann, bob) = (whole(&h, "ann").await, whole(&h, "bob").await);
    let mut ears = Ears::of(&h, &all()).await;
    // Without a rule nothing is decided.
    ann.send("bob", "buy now").await;
    ears.hear(&["message_sent"]).await;
    let condition = json!({"operand": "text", "category": "word", "value": ["buy"], "message": "No trade"});
    let rule =
        json!({"id": "trade", "name": "Trade", "action": ["blockMessage"], "enabled": true, "conditions": [condition]});
    h.post("/moderation/rules", rule).await.ok();
    let passed = id_of(&ann.send("bob", "hello").await);
    let told = ears.hear(&["message_sent", "moderation_engine_approved"]).await;
    assert_eq!(told[1]["message"]["data"]["moderation"]["status"], "approved");
    // Blocked is not sent: outside that is told as it is inside, when somebody lets it pass.
    let blocked = id_of(&ann.send("bob", "buy, <@uid:bob>").await);
    let told = ears.hear(&["moderation_engine_blocked"]).await;
    let message = &told[0]["message"];
    assert_eq!(
        (&message["id"], &message["data"]["moderation"]["status"]),
        (&json!(blocked.to_string()), &json!("disapproved"))
    );
    let approve = async |id: i64| {
        h.patch(&format!("/moderation/blocked-messages/{id}"), json!({"status": "approved"})).await.ok();
    };
    approve(blocked).await;
    let told = ears.hear(&["message_sent", "user_mentioned", "moderation_manual_approved"]).await;
    assert!(told.iter().all(|told| id_of(&told["message"]) == blocked));
    let cause = &told[2]["moderation"][0];
    assert_eq!((&cause["rule"]["id"], &cause["rule"]["action"]), (&json!("trade"), &json!(["blockMessage"])));
    assert_eq!((&cause["condition"]["value"], &cause["condition"]["message"]), (&json!(["buy"]), &json!("No trade")));
    // What an edit made blocked is known already; the edit is told when it is seen.
    ann.put(&format!("/messages/{passed}"), json!({"data": {"text": "buy"}})).await.ok();
    ears.hear(&["moderation_engine_blocked"]).await;
    approve(passed).await;
    let told = ears.hear(&["message_edited", "moderation_manual_approved"]).await;
    let edit = &told[0]["message"]["data"]["entities"];
    assert_eq!((&edit["by"]["entity"]["uid"], id_of(&edit["on"]["entity"])), (&json!("ann"), passed));
    // Whom such an edit names is told of then, and once.
    ann.put(&format!("/messages/{passed}"), json!({"data": {"text": "buy, <@uid:bob>"}})).await.ok();
    ears.hear(&["moderation_engine_blocked"]).await;
    approve(passed).await;
    let told = ears.hear(&["message_edited", "user_mentioned", "moderation_manual_approved"]).await;
    let named = told[1]["message"]["data"]["mentions"].as_object().expect("who is named");
    assert_eq!(named.keys().collect::<Vec<_>>(), ["bob"]);
    ann.put(&format!("/messages/{passed}"), json!({"data": {"text": "buy now, <@uid:bob>"}})).await.ok();
    ears.hear(&["moderation_engine_blocked"]).await;
    approve(passed).await;
    ears.hear(&["message_edited", "moderation_manual_approved"]).await;
    h.delete("/moderation/rules/trade").await.ok();

    // An engine that gives no verdict; the message is seen all the same.
    let engine = Receiver::start().await;
    engine.be(Does::Answer(500, "", "{}".to_owned()));
    let list = json!({"id": "e", "name": "E", "category": "custom-api", "url": engine.url});
    h.post("/moderation/keywords", list).await.ok();
    let condition = json!({"operand": "text", "category": "custom-api", "value": "e_greaterThan_80", "message": "Ask"});
    h.post("/moderation/rules", json!({"id": "asks", "name": "Asks", "conditions": [condition]})).await.ok();
    let unsure = id_of(&ann.send("bob", "who knows").await);
    let told = ears.hear(&["message_sent", "moderation_engine_approved", "moderation_engine_failed"]).await;
    assert_eq!(id_of(&told[2]["resource"]), unsure);
    h.delete("/moderation/rules/asks").await.ok();

    // People flag one, and it is hidden and shown again.
    let flagged = id_of(&bob.send("ann", "anything").await);
    ears.hear(&["message_sent"]).await;
    ann.post(&format!("/messages/{flagged}/flagged"), json!({"reasonId": "spam"})).await.ok();
    let review = async |status: &str| {
        h.patch(&format!("/moderation/flagged-messages/{flagged}"), json!({"status": status})).await.ok();
    };
    review("approved").await;
    review("disapproved").await;
    ears.nothing().await;
    review("approved").await;
    let told = ears.tell(&["moderation_manual_approved"]).await;
    assert_eq!(told[0]["data"]["moderation"], json!([]), "no rule had hidden it");
    ears.all_fired(TRIGGERS);
}

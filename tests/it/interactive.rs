//! Interactive messages: elements used, goals met.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, User, id_of};

async fn form(ann: &User, goal: Value, more: Value) -> String {
    let mut data = json!({"interactiveData": {"title": "T", "formFields": []}, "interactionGoal": goal});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body =
        json!({"receiver": "bob", "receiverType": "user", "category": "interactive", "type": "form", "data": data});
    let sent = ann.post("/messages", body).await.ok();
    assert_eq!(sent["data"]["interactiveData"]["title"], "T");
    id_of(&sent).to_string()
}

async fn uses(user: &User, id: &str, elements: &[&str]) {
    user.patch(&format!("/messages/{id}/interacted"), json!({"interactions": elements})).await.ok();
}

#[tokio::test]
async fn the_author_hears_once_when_the_goal_is_met() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_ann = ann.connect().await;
    let mut other_bob = bob.again().await.connect().await;
    let id = form(&ann, json!({"type": "allOf", "elementIds": ["a", "b"]}), json!({})).await;
    uses(&bob, &id, &["a"]).await;
    uses(&bob, &id, &["a"]).await;
    uses(&bob, &id, &["b", "c"]).await;
    uses(&bob, &id, &["b"]).await;
    bob.send("ann", "fence").await;
    let heard = at_ann.before_text("fence").await;
    assert_eq!(heard.len(), 1, "{heard:#?}");
    let frame = &heard[0];
    assert_eq!(
        (&frame["type"], &frame["messageSender"], &frame["sender"]),
        (&json!("interaction_completed"), &json!("ann"), &json!("bob"))
    );
    assert_eq!((&frame["body"]["messageId"], &frame["body"]["user"]["uid"]), (&json!(id), &json!("bob")));
    let used: Vec<_> =
        frame["body"]["interactions"].as_array().unwrap().iter().map(|i| i["elementId"].as_str().unwrap()).collect();
    assert_eq!(used.len(), 3);
    other_bob.expect(|frame| frame["type"] == "interaction_completed").await;
    let done = bob.get("/messages?onlyInteractionGoalCompleted=1").await.each("id");
    assert_eq!(done, [&*id]);
    assert!(ann.get("/messages?onlyInteractionGoalCompleted=1").await.list().is_empty());
    // What each used, he sees himself.
    assert_eq!(bob.get(&format!("/messages/{id}")).await.ok()["data"]["interactions"].as_array().unwrap().len(), 3);
    let of_ann = ann.get(&format!("/messages/{id}")).await.ok();
    assert!(of_ann["data"].get("interactions").is_none_or(|list| list == &json!([])), "{of_ann}");
}

#[tokio::test]
async fn every_kind_of_goal() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_ann = ann.connect().await;
    for (goal, elements, met) in [
        (json!({"type": "anyAction"}), vec!["x"], true),
        (json!({"type": "anyOf", "elementIds": ["a", "b"]}), vec!["b"], true),
        (json!({"type": "anyOf", "elementIds": ["a", "b"]}), vec!["x"], false),
        (json!({"type": "oneOf", "elementIds": ["a"]}), vec!["a"], true),
        (json!({"type": "allOf", "elementIds": ["a", "b"]}), vec!["a"], false),
        (json!({"type": "none"}), vec!["a"], false),
    ] {
        let id = form(&ann, goal.clone(), json!({})).await;
        uses(&bob, &id, &elements).await;
        bob.send("ann", &id).await;
        assert_eq!(at_ann.before_text(&id).await.len(), usize::from(met), "{goal} {elements:?}");
    }
}

#[tokio::test]
async fn who_may_not() {
    let h = Harness::start().await;
    let (ann, bob, eve) = (h.user("ann").await, h.user("bob").await, h.user("eve").await);
    let id = form(&ann, json!({"type": "anyAction"}), json!({})).await;
    let path = format!("/messages/{id}/interacted");
    let body = json!({"interactions": ["a"]});
    ann.patch(&path, body.clone()).await.refused(Code::MessageAction);
    eve.patch(&path, body.clone()).await.refused(Code::MessageNoAccess);
    bob.patch(&path, json!({"interactions": []})).await.refused(Code::BadRequest);
    bob.patch(&path, json!({"interactions": ["x".repeat(101)]})).await.refused(Code::BadRequest);
    bob.patch("/messages/9999/interacted", body.clone()).await.refused(Code::MessageNotFound);
    let plain = id_of(&ann.send("bob", "hi").await);
    bob.patch(&format!("/messages/{plain}/interacted"), body.clone()).await.refused(Code::MessageAction);
    let open = form(&ann, json!({"type": "anyAction"}), json!({"allowSenderInteraction": true})).await;
    ann.patch(&format!("/messages/{open}/interacted"), body).await.ok();
    let bad = json!({"receiver": "bob", "receiverType": "user", "category": "interactive", "type": "form", "data": {"interactionGoal": {"type": "odd"}, "interactiveData": {}}});
    ann.post("/messages", bad).await.envelope();
}

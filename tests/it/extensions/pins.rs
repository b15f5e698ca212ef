//! The older extension for pins leads to the pins that there are.

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};

use super::{get, post};
use crate::harness::{Answer, Harness, User, id_of};

async fn unpin(user: &User, body: Value) -> Answer {
    user.extension("pin-message", Method::DELETE, "v1/unpin", Some(body)).await
}

async fn pinned(user: &User, kind: &str, receiver: &str) -> Vec<String> {
    let path = format!("v1/fetch?receiverType={kind}&receiver={receiver}");
    let all = get(user, "pin-message", &path).await.ok()["pinnedMessages"].clone();
    all.as_array().expect("a list").iter().map(|message| message["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn both_ways_lead_to_the_same_pins() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    let direct = id_of(&ann.send("bob", "one").await);
    let grouped = id_of(&bob.send_group("team", "two").await);
    let mut at_bob = bob.connect().await;
    assert_eq!(post(&bob, "pin-message", "v1/pin", json!({"msgId": direct})).await.ok()["success"], true);
    // The session that pinned hears of it, too.
    at_bob.expect(|frame| frame["type"] == "message_pinned").await;
    assert_eq!(pinned(&ann, "user", "bob").await, [direct.to_string()]);
    assert_eq!(ann.get("/users/bob/messages?pinned=1").await.each("id"), [direct.to_string()]);
    post(&bob, "pin-message", "v1/pin", json!({"msgId": grouped})).await.refused(Code::PermissionDenied);
    post(&ann, "pin-message", "v1/pin", json!({"msgId": grouped.to_string()})).await.ok();
    assert_eq!(pinned(&bob, "group", "team").await, [grouped.to_string()]);

    // Who may not read it may do neither, nor see what is pinned.
    post(&cy, "pin-message", "v1/pin", json!({"msgId": direct})).await.refused(Code::MessageNoAccess);
    get(&cy, "pin-message", "v1/fetch?receiverType=user&receiver=nobody").await.refused(Code::UidNotFound);
    assert!(pinned(&cy, "user", "bob").await.is_empty());
    get(&cy, "pin-message", "v1/fetch?receiver=bob").await.refused(Code::InvalidReceiverType);

    let wrong = json!({"msgId": direct, "receiverType": "user", "receiver": "cy"});
    unpin(&ann, wrong).await.refused(Code::BadRequest);
    let right = json!({"msgId": direct, "receiverType": "user", "receiver": "bob"});
    assert_eq!(unpin(&ann, right).await.ok()["success"], true);
    assert!(pinned(&ann, "user", "bob").await.is_empty());
    for id in [json!("x"), json!(0), json!(999_999)] {
        post(&ann, "pin-message", "v1/pin", json!({"msgId": id})).await.refused(Code::MessageNotFound);
    }
    post(&ann, "pin-message", "v1/pin", json!({})).await.refused(Code::BadRequest);
}

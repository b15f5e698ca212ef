//! Echoes: the acting session does not hear itself, and no name it gives makes anybody else deaf.

use serde_json::json;

use crate::harness::{Harness, text_to};

#[tokio::test]
async fn an_act_in_the_name_of_anothers_session_reaches_that_session() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    ann.with_header("resource", &bob.device).post("/messages", text_to("user", "bob", "hidden?")).await.ok();
    let frame = at_bob.expect_text("hidden?").await;
    assert_ne!(frame["deviceId"], bob.device, "clients throw away what bears their own name");
    at_ann.expect_text("hidden?").await;
    // The same over the socket, where each frame may name a session.
    at_ann
        .say(&json!({"type": "typing_indicator", "receiver": "bob", "receiverType": "user", "deviceId": bob.device,
                     "body": {"action": "started", "user": {}}}))
        .await;
    let frame = at_bob.expect(|frame| frame["type"] == "typing_indicator").await;
    assert_ne!(frame["deviceId"], bob.device);
    // The key acts for somebody under the name of their session: that one is told by its own reply. Another login is not.
    let second = bob.again().await.named(&bob.device);
    let mut at_second = second.connect().await;
    bob.post("/messages", text_to("user", "ann", "from the first")).await.ok();
    at_second.expect_text("from the first").await;
    bob.send("ann", "fence").await;
    assert!(at_bob.before_pong().await.iter().all(|frame| frame["body"]["data"]["text"] != "fence"));
}

#[tokio::test]
async fn sessions_without_a_name_hear_each_other() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await.named(""), h.user("bob").await.named(""));
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    ann.post("/messages", text_to("user", "bob", "hello")).await.ok();
    at_bob.expect_text("hello").await;
    at_ann.expect_text("hello").await;
    at_ann.command("typing_indicator", "user", "bob", json!({"action": "started", "user": {}})).await;
    at_bob.expect(|frame| frame["type"] == "typing_indicator").await;
}

//! The order law: everybody sees the same messages in the same order, and nothing after he was put out.

use crate::harness::Harness;

#[tokio::test]
async fn a_message_arrives_at_every_device_but_the_acting_one() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let other = ann.again().await;
    let (mut at_ann, mut at_other, mut at_bob) = (ann.connect().await, other.connect().await, bob.connect().await);
    let sent = ann.send("bob", "hi").await;
    for sock in [&mut at_other, &mut at_bob] {
        let frame = sock.expect_text("hi").await;
        assert_eq!(frame["body"]["id"], sent["id"]);
        assert_eq!(frame["deviceId"], *ann.device);
    }
    bob.send("ann", "fence").await;
    assert_eq!(at_ann.before_text("fence").await, Vec::<serde_json::Value>::new());
}

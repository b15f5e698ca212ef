//! Messages pinned for everybody, and saved for oneself.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::{Harness, id_of};

#[tokio::test]
async fn a_pin_is_for_both_sides_and_said_once() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let first = id_of(&ann.send("bob", "one").await);
    let second = id_of(&bob.send("ann", "two").await);
    let mut at_ann = ann.connect().await;
    let pinned = bob.post(&format!("/messages/{first}/pin"), json!({})).await.ok();
    assert_eq!((&pinned["pinnedBy"], pinned["pinnedAt"].is_i64()), (&json!("bob"), true));
    let frame = at_ann.expect(|frame| frame["type"] == "message_pinned").await;
    assert_eq!(
        (&frame["body"]["action"], &frame["body"]["message"]["id"]),
        (&json!("pinned"), &json!(first.to_string()))
    );
    assert_eq!(frame["body"]["message"]["pinnedBy"], "bob");
    bob.post(&format!("/messages/{first}/pin"), json!({})).await.ok();
    h.clock.advance(1);
    h.post(&format!("/messages/{second}/pin"), json!({})).await.ok();
    assert_eq!(at_ann.expect(|frame| frame["type"] == "message_pinned").await["sender"], "app_system");

    for viewer in [&ann, &bob] {
        let peer = if viewer.uid == "ann" { "bob" } else { "ann" };
        let list = viewer.get(&format!("/users/{peer}/messages?pinned=1&per_page=10")).await;
        assert!(list.body["meta"]["cursor"]["id"].is_string());
        assert_eq!(list.each("pinnedBy"), ["app_system", "bob"]);
        let page = viewer.get(&format!("/users/{peer}/messages?pinned=1&per_page=1")).await;
        let cursor = &page.body["meta"]["cursor"];
        let query = format!("id={}&sentAt={}&affix=append", cursor["id"].as_str().unwrap(), cursor["sentAt"]);
        let next = viewer.get(&format!("/users/{peer}/messages?pinned=1&per_page=1&{query}")).await;
        assert_eq!(next.each("id"), [first.to_string()]);
    }
    // Pinned again by another one, it is his.
    assert_eq!(ann.post(&format!("/messages/{first}/pin"), json!({})).await.ok()["pinnedBy"], "ann");
    cy.post(&format!("/messages/{first}/pin"), json!({})).await.refused(Code::MessageNoAccess);
    let unpinned = ann.delete(&format!("/messages/{first}/pin")).await.ok();
    assert!(unpinned.get("pinnedAt").is_none() && unpinned.get("pinnedBy").is_none());
    // What is deleted is not pinned any more, and cannot be.
    bob.delete(&format!("/messages/{second}")).await.ok();
    assert!(ann.get("/users/bob/messages?pinned=1").await.list().is_empty());
    bob.post(&format!("/messages/{second}/pin"), json!({})).await.refused(Code::MessageAction);
}

#[tokio::test]
async fn in_a_group_those_who_moderate_pin() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let id = id_of(&bob.send_group("team", "mine").await);
    bob.post(&format!("/messages/{id}/pin"), json!({})).await.refused(Code::PermissionDenied);
    let mut at_bob = bob.connect().await;
    ann.post(&format!("/messages/{id}/pin"), json!({})).await.ok();
    let frame = at_bob.expect(|frame| frame["type"] == "message_pinned").await;
    assert_eq!((&frame["receiver"], &frame["receiverType"]), (&json!("team"), &json!("group")));
    assert_eq!(bob.get("/groups/team/messages?pinned=1").await.each("id"), [id.to_string()]);
    bob.delete(&format!("/messages/{id}/pin")).await.refused(Code::PermissionDenied);
}

#[tokio::test]
async fn what_is_saved_is_seen_by_the_one_who_saved_it() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let direct = id_of(&ann.send("bob", "one").await);
    let grouped = id_of(&ann.send_group("team", "two").await);
    let other = bob.again().await;
    let (mut at_other, mut at_ann) = (other.connect().await, ann.connect().await);
    for id in [direct, grouped] {
        let saved = bob.post(&format!("/messages/{id}/save"), json!({})).await.ok();
        assert!(saved["savedAt"].is_i64());
        let frame = at_other.expect(|frame| frame["type"] == "message_saved").await;
        assert_eq!(frame["body"]["message"]["id"], id.to_string());
    }
    bob.post(&format!("/messages/{direct}/save"), json!({})).await.ok();
    assert_eq!(bob.get("/messages?saved=1").await.each("id"), [grouped.to_string(), direct.to_string()]);
    assert_eq!(bob.get("/messages?saved=1&limit=1").await.each("id"), [grouped.to_string()]);
    let before = bob.get(&format!("/messages?saved=1&limit=1&affix=append&id={grouped}")).await;
    assert_eq!(before.each("id"), [direct.to_string()]);
    assert!(ann.get("/messages?saved=1").await.list().is_empty());
    assert!(ann.get(&format!("/messages/{direct}")).await.ok().get("savedAt").is_none());
    assert!(bob.get(&format!("/messages/{direct}")).await.ok()["savedAt"].is_i64());
    h.get("/messages?saved=1").await.refused(Code::BadRequest);

    // Who is out of the group has nothing of it in his list.
    ann.delete("/groups/team/members/bob").await.ok();
    assert_eq!(bob.get("/messages?saved=1").await.each("id"), [direct.to_string()]);
    assert!(bob.delete(&format!("/messages/{direct}/save")).await.ok().get("savedAt").is_none());
    at_other.expect(|frame| frame["type"] == "message_unsaved").await;
    assert!(bob.get("/messages?saved=1").await.list().is_empty());
    // Nobody else heard of it.
    ann.send_group("team", "fence").await;
    bob.send("ann", "fence").await;
    let heard = at_ann.before_text("fence").await;
    assert!(heard.iter().all(|frame| !frame["type"].as_str().is_some_and(|kind| kind.contains("save"))), "{heard:#?}");
}

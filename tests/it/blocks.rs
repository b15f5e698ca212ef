//! Blocks: one way to make, two ways in effect.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, text_to};

#[tokio::test]
async fn nothing_passes_in_either_direction_while_a_block_lasts() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    let done = ann.post("/blockedusers", json!({"blockedUids": ["bob", "none", "ann"]})).await.ok();
    assert_eq!(done["bob"]["success"], true);
    assert_eq!(done["none"]["error"]["code"], "ERR_UID_NOT_FOUND");
    assert_eq!(done["ann"]["error"]["code"], "ERR_CANNOT_BLOCK_SELF");
    ann.post("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();

    ann.post("/messages", text_to("user", "bob", "x")).await.refused(Code::BlockedReceiver);
    bob.post("/messages", text_to("user", "ann", "x")).await.refused(Code::BlockedSender);
    let call = |uid: &str| json!({"receiver": uid, "receiverType": "user", "type": "audio"});
    ann.post("/calls", call("bob")).await.refused(Code::BlockedReceiver);
    bob.post("/calls", call("ann")).await.refused(Code::BlockedSender);
    for (sock, to) in [(&mut at_ann, "bob"), (&mut at_bob, "ann")] {
        sock.command("typing_indicator", "user", to, json!({"action": "started", "user": {}})).await;
        sock.command("transient_message", "user", to, json!({"data": {}, "user": {}})).await;
        assert_eq!(sock.before_pong().await, Vec::<Value>::new());
    }
    // In a group both still speak, and may ask not to see it.
    ann.send_group("team", "to all").await;
    at_bob.expect_text("to all").await;
    bob.send_group("team", "to all, too").await;
    let hidden = ann.get("/groups/team/messages?hideMessagesFromBlockedUsers=1&categories=message").await;
    assert_eq!(hidden.each("sender"), ["ann"]);
    assert_eq!(ann.get("/groups/team/messages?categories=message").await.each("sender"), ["ann", "bob"]);
    // The app stands above it.
    h.post("/messages", text_to("user", "bob", "news")).await.ok();

    ann.delete_with("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();
    bob.send("ann", "at last").await;
    at_ann.expect_text("at last").await;
}

#[tokio::test]
async fn each_side_sees_who_blocked_whom() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    ann.post("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();
    cy.post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    assert_eq!(ann.get("/blockedusers").await.each("uid"), ["bob", "cy"]);
    assert_eq!(ann.get("/blockedusers?direction=blockedByMe").await.each("uid"), ["bob"]);
    assert_eq!(ann.get("/blockedusers?direction=hasBlockedMe").await.each("uid"), ["cy"]);
    ann.get("/blockedusers?direction=up").await.refused(Code::BadRequest);
    let listed = h.get("/users/ann/blockedusers").await.list();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["uid"], &listed[0]["blockedByMe"]), (&json!("bob"), &json!(true)));
    let flags = |user: Value| (user["blockedByMe"] == true, user["hasBlockedMe"] == true);
    assert_eq!(flags(ann.get("/users/bob").await.ok()), (true, false));
    assert_eq!(flags(ann.get("/users/cy").await.ok()), (false, true));
    assert_eq!(flags(bob.get("/users/ann").await.ok()), (false, true));
    assert_eq!(ann.get("/users?hideBlockedUsers=1").await.each("uid"), Vec::<String>::new());
    // The app blocks for somebody, too.
    h.post("/users/bob/blockedusers", json!({"blockedUids": ["cy"]})).await.ok();
    bob.post("/messages", text_to("user", "cy", "x")).await.refused(Code::BlockedReceiver);
    h.delete_with("/users/bob/blockedusers", json!({"blockedUids": ["cy"]})).await.ok();
    bob.send("cy", "x").await;
    // Unblocking does not lift the other's block.
    bob.post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    ann.delete_with("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();
    ann.post("/messages", text_to("user", "bob", "x")).await.refused(Code::BlockedSender);
}

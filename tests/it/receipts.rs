//! Receipts: over the socket and by REST, one to one and in groups.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, NOW, id_of};

fn is_receipt(frame: &Value, action: &str) -> bool {
    frame["type"] == "receipts" && frame["body"]["action"] == action
}

#[tokio::test]
async fn one_to_one_by_socket() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let other = bob.again().await;
    let (mut at_ann, mut at_bob, mut other_bob) = (ann.connect().await, bob.connect().await, other.connect().await);
    let first = id_of(&ann.send("bob", "one").await);
    let second = id_of(&ann.send("bob", "two").await);
    h.clock.advance(4);
    at_bob.receipt("delivered", "user", "ann", second).await;
    let frame = at_ann.expect(|frame| is_receipt(frame, "delivered")).await;
    assert_eq!(
        (&frame["sender"], &frame["receiver"], &frame["receiverType"]),
        (&json!("bob"), &json!("ann"), &json!("user"))
    );
    assert_eq!((&frame["messageSender"], &frame["deviceId"]), (&json!("ann"), &json!(bob.device)));
    let body = &frame["body"];
    assert_eq!(
        (&body["messageId"], &body["timestamp"], &body["user"]["name"]),
        (&json!(second.to_string()), &json!(NOW + 4), &json!("Bob"))
    );
    h.clock.advance(4);
    at_bob.receipt("read", "user", "ann", first).await;
    assert_eq!(at_ann.expect(|frame| is_receipt(frame, "read")).await["body"]["messageId"], first.to_string());
    other_bob.expect(|frame| is_receipt(frame, "read")).await;
    let list = ann.get("/users/bob/messages").await.list();
    assert_eq!((&list[0]["deliveredAt"], &list[0]["readAt"]), (&json!(NOW + 4), &json!(NOW + 8)));
    assert_eq!((&list[1]["deliveredAt"], list[1].get("readAt")), (&json!(NOW + 4), None));
    assert_eq!(bob.get("/users/ann/conversation").await.ok()["unreadMessageCount"], "1");
    // Again, and backwards: nothing more is told.
    at_bob.receipt("read", "user", "ann", first).await;
    at_bob.receipt("delivered", "user", "ann", first).await;
    at_bob.before_pong().await;
    bob.send("ann", "fence").await;
    assert_eq!(at_ann.before_text("fence").await, Vec::<Value>::new());
    let receipts = ann.get(&format!("/messages/{first}")).await.ok()["receipts"]["data"].clone();
    assert_eq!(receipts[0]["recipient"]["uid"], "bob");
    assert_eq!((&receipts[0]["deliveredAt"], &receipts[0]["readAt"]), (&json!(NOW + 4), &json!(NOW + 8)));
    assert_eq!(bob.get(&format!("/messages/{first}")).await.ok()["myReceipt"]["readAt"], NOW + 8);
}

#[tokio::test]
async fn one_to_one_by_rest() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_ann = ann.connect().await;
    bob.post("/users/ann/conversation/read", json!({})).await.ok();
    let first = id_of(&ann.send("bob", "one").await);
    let second = id_of(&ann.send("bob", "two").await);
    let answer = bob.post("/users/ann/conversation/delivered", json!({"messageId": first})).await.ok();
    assert!(answer["message"].is_string() && answer["Message"].is_string());
    assert_eq!(at_ann.expect(|frame| is_receipt(frame, "delivered")).await["body"]["messageId"], first.to_string());
    bob.post("/users/ann/conversation/read", json!({})).await.ok();
    let frame = at_ann.expect(|frame| is_receipt(frame, "read")).await;
    assert_eq!(frame["body"]["messageId"], second.to_string());
    let seen = ann.get(&format!("/messages/{second}")).await.ok();
    assert_eq!((&seen["deliveredAt"], &seen["readAt"]), (&json!(NOW), &json!(NOW)), "read is delivered, too");
    bob.post("/users/ann/conversation/read", json!({"messageId": "99999"})).await.refused(Code::MessageNotFound);
    bob.post("/users/none/conversation/read", json!({})).await.refused(Code::UidNotFound);
    bob.post("/groups/none/conversation/read", json!({})).await.refused(Code::GuidNotFound);
}

#[tokio::test]
async fn in_a_group_each_reader_and_then_all() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let (mut at_ann, mut at_bob, mut at_cy) = (ann.connect().await, bob.connect().await, cy.connect().await);
    let id = id_of(&ann.send_group("team", "all").await);
    at_bob.receipt("delivered", "group", "team", id).await;
    let frame = at_ann.expect(|frame| frame["type"] == "receipts").await;
    assert_eq!(
        (&frame["body"]["action"], &frame["sender"], &frame["receiver"], &frame["receiverType"]),
        (&json!("delivered"), &json!("bob"), &json!("team"), &json!("group"))
    );
    assert_eq!(ann.get(&format!("/messages/{id}")).await.ok().get("deliveredAt"), None, "not all have it");
    h.clock.advance(2);
    at_cy.receipt("delivered", "group", "team", id).await;
    at_ann.expect(|frame| is_receipt(frame, "delivered") && frame["sender"] == "cy").await;
    let all = at_ann.expect(|frame| frame["type"] == "receipts").await;
    assert_eq!((&all["body"]["action"], &all["body"]["messageId"]), (&json!("deliveredToAll"), &json!(id.to_string())));
    assert!(all["body"]["user"]["uid"].is_string());
    assert_eq!(ann.get(&format!("/messages/{id}")).await.ok()["deliveredAt"], NOW + 2);
    h.clock.advance(2);
    cy.post("/groups/team/conversation/read", json!({})).await.ok();
    at_ann.expect(|frame| is_receipt(frame, "read") && frame["sender"] == "cy").await;
    at_bob.receipt("read", "group", "team", id).await;
    at_ann.expect(|frame| is_receipt(frame, "read") && frame["sender"] == "bob").await;
    at_ann.expect(|frame| is_receipt(frame, "readByAll")).await;
    let seen = ann.get(&format!("/messages/{id}")).await.ok();
    assert_eq!(seen["readAt"], NOW + 4);
    assert_eq!(seen["receipts"]["data"].as_array().unwrap().len(), 2);
    // The other reader is told of nobody's reading but his own.
    ann.send_group("team", "fence").await;
    let heard = at_cy.before_text("fence").await;
    assert!(heard.iter().all(|frame| frame["type"] != "receipts" || frame["sender"] == "cy"), "{heard:#?}");
}

#[tokio::test]
async fn who_leaves_does_not_hold_up_the_rest() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    ann.delete("/groups/team/members/cy").await.ok();
    let mut at_ann = ann.connect().await;
    let id = id_of(&ann.send_group("team", "all").await);
    bob.post("/groups/team/conversation/read", json!({})).await.ok();
    assert_eq!(at_ann.expect(|frame| is_receipt(frame, "readByAll")).await["body"]["messageId"], id.to_string());
}

#[tokio::test]
async fn who_is_gone_is_waited_for_no_more_and_who_came_late_never_got_it() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    for (round, cause) in ["kick", "ban", "leave", "deactivate", "delete"].into_iter().enumerate() {
        let uid = format!("guest{round}");
        let guest = h.user(&uid).await;
        guest.post("/groups/team/members", json!({})).await.ok();
        let mut at_ann = ann.again().await.connect().await;
        let first = id_of(&ann.send_group("team", "first").await);
        let second = id_of(&ann.send_group("team", "second").await);
        bob.post("/groups/team/conversation/read", json!({"messageId": first})).await.ok();
        assert!(ann.get(&format!("/messages/{first}")).await.ok().get("readAt").is_none(), "{cause}");
        match cause {
            "kick" => drop(ann.delete(&format!("/groups/team/members/{uid}")).await.ok()),
            "ban" => drop(ann.post(&format!("/groups/team/bannedusers/{uid}"), json!({})).await.ok()),
            "leave" => drop(guest.delete("/groups/team/members").await.ok()),
            "deactivate" => drop(h.delete_with("/users", json!({"uidsToDeactivate": [uid]})).await.ok()),
            _ => drop(h.delete(&format!("/users/{uid}")).await.ok()),
        }
        let all = at_ann.expect(|frame| is_receipt(frame, "readByAll")).await;
        assert_eq!((&all["body"]["messageId"], &all["body"]["user"]["uid"]), (&json!(first.to_string()), &json!(uid)));
        assert_eq!(ann.get(&format!("/messages/{first}")).await.ok()["readAt"], NOW, "{cause}");
        assert!(ann.get(&format!("/messages/{second}")).await.ok().get("readAt").is_none(), "{cause}");
        bob.post("/groups/team/conversation/read", json!({})).await.ok();
        at_ann.expect(|frame| is_receipt(frame, "readByAll")).await;
        assert_eq!(ann.get(&format!("/messages/{second}")).await.ok()["readAt"], NOW, "{cause}");

        // Whoever comes now has nothing unread, and stands not among those who got what was said before.
        let late = h.user(&format!("late{round}")).await;
        late.post("/groups/team/members", json!({})).await.ok();
        late.post("/groups/team/conversation/read", json!({})).await.ok();
        let seen = ann.get(&format!("/messages/{second}")).await.ok();
        let who = seen["receipts"]["data"].as_array().cloned().unwrap_or_default();
        assert!(who.iter().all(|one| one["recipient"]["uid"] != late.uid), "{cause}: {who:#?}");
        late.delete("/groups/team/members").await.ok();
    }
}

/// Who is out of the group, or has deleted what they said for themselves, hears nothing of who reads it.
#[tokio::test]
async fn an_author_who_does_not_see_the_message_hears_no_receipt() {
    let h = Harness::start().await;
    let (owner, ann, bob) = (h.user("owner").await, h.user("ann").await, h.user("bob").await);
    h.group("team", &owner, &[&ann, &bob]).await;
    let mut sock = ann.connect().await;
    ann.send_group("team", "mine").await;
    ann.delete("/groups/team/members").await.ok();
    bob.post("/groups/team/conversation/read", json!({})).await.ok();
    owner.post("/groups/team/conversation/read", json!({})).await.ok();
    ann.send("bob", "to bob").await;
    ann.delete("/users/bob/conversation").await.ok();
    bob.post("/users/ann/conversation/read", json!({})).await.ok();
    bob.send("ann", "the end").await;
    let frames = sock.until(|frame| frame["body"]["data"]["text"] == "the end").await;
    assert!(frames.iter().all(|frame| frame["type"] != "receipts"), "{frames:#?}");
}

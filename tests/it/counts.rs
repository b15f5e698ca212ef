//! What conversations count: made by the first message, counted, marked, tagged, reset, each side for itself.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, User, id_of};

async fn unread(user: &User, path: &str) -> String {
    user.get(&format!("{path}/conversation")).await.ok()["unreadMessageCount"]
        .as_str()
        .expect("a number in text")
        .to_owned()
}

#[tokio::test]
async fn the_first_message_makes_it_for_both() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    ann.get("/users/bob/conversation").await.refused(Code::ConversationNotAccessible);
    ann.get("/users/none/conversation").await.refused(Code::UidNotFound);
    let sent = ann.send("bob", "hi").await;
    for (me, other, count) in [(&ann, "bob", "0"), (&bob, "ann", "1")] {
        let found = me.get(&format!("/users/{}/conversation", other.to_uppercase())).await.ok();
        assert_eq!((&found["conversationId"], &found["conversationType"]), (&json!("ann_user_bob"), &json!("user")));
        assert_eq!((&found["unreadMessageCount"], &found["conversationWith"]["uid"]), (&json!(count), &json!(other)));
        assert_eq!((&found["lastMessage"]["id"], &found["latestMessageId"]), (&sent["id"], &sent["id"]));
        assert_eq!(me.get("/conversations").await.each("conversationId"), ["ann_user_bob"]);
    }
    h.get("/users/bob/conversation").await.refused(Code::BadRequest);
}

#[tokio::test]
async fn whatever_was_erased_behind_the_newest_is_read_with_it() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    // Where each of the two finds the same conversation.
    for (at_ann, at_bob) in [("/users/bob", "/users/ann"), ("/groups/team", "/groups/team")] {
        for (eraser, at) in [(&ann, at_ann), (&bob, at_bob)] {
            let (kind, name) = at[1..].split_once("s/").expect("a kind and a name");
            let say = |text: &str| json!({"receiver": name, "receiverType": kind, "data": {"text": text}});
            let stays = eraser.post("/messages", say("stays")).await.ok();
            let gone = id_of(&eraser.post("/messages", say("goes")).await.ok());
            eraser.delete_with(&format!("/messages/{gone}"), json!({"permanent": true})).await.ok();
            for (reader, at) in [(&ann, at_ann), (&bob, at_bob)] {
                for upto in [json!({"messageId": stays["id"]}), json!({})] {
                    reader.post(&format!("{at}/conversation/read"), upto).await.ok();
                    assert_eq!(unread(reader, at).await, "0", "{} reads {at}, {} erased", reader.uid, eraser.uid);
                }
            }
        }
    }
}

#[tokio::test]
async fn counts_rise_fall_and_never_lie() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(id_of(&ann.send_group("team", &n.to_string()).await));
    }
    assert_eq!([unread(&ann, "/groups/team").await, unread(&bob, "/groups/team").await], ["0", "5"]);
    // One's own do not count, nor does what happens in the group.
    bob.send_group("team", "mine").await;
    ann.put("/groups/team/members/cy", json!({"scope": "moderator"})).await.ok();
    assert_eq!([unread(&ann, "/groups/team").await, unread(&bob, "/groups/team").await], ["1", "5"]);
    // A deleted one does not count any more, for nobody who had not read it.
    ann.delete(&format!("/messages/{}", ids[1])).await.ok();
    assert_eq!([unread(&bob, "/groups/team").await, unread(&cy, "/groups/team").await], ["4", "5"]);
    bob.post("/groups/team/conversation/read", json!({"messageId": ids[2].to_string()})).await.ok();
    assert_eq!(unread(&bob, "/groups/team").await, "2");
    ann.delete_with(&format!("/messages/{}", ids[0]), json!({"permanent": true})).await.ok();
    assert_eq!(unread(&bob, "/groups/team").await, "2", "that one was read");
    ann.delete_with(&format!("/messages/{}", ids[3]), json!({"permanent": true})).await.ok();
    assert_eq!(unread(&bob, "/groups/team").await, "1");
    // Unread again from a message on, that one included.
    let marked = bob.delete_with("/groups/team/conversation/read", json!({"messageId": ids[2]})).await.ok();
    assert_eq!(marked["conversation"]["unreadMessageCount"], "2");
    assert_eq!(unread(&bob, "/groups/team").await, "2");
    bob.post("/groups/team/conversation/read", json!({})).await.ok();
    assert_eq!(unread(&bob, "/groups/team").await, "0");
    ann.send_group("team", "more").await;
    assert_eq!(unread(&bob, "/groups/team").await, "1");
    let reply = crate::harness::text_to("group", "team", "re");
    ann.post(&format!("/messages/{}/thread", ids[4]), reply).await.ok();
    let found = bob.get("/groups/team/conversation").await.ok();
    let last_read: i64 = found["lastReadMessageId"].as_str().unwrap().parse().unwrap();
    assert!(last_read >= ids[4], "{found}");
}

#[tokio::test]
async fn counts_agree_with_the_unread_lists() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    ann.send("bob", "1").await;
    let second = id_of(&ann.send("bob", "2").await);
    ann.send_group("team", "3").await;
    bob.post("/users/ann/conversation/read", json!({"messageId": second - 1})).await.ok();
    let counts = bob.get("/messages?unread=1&count=1").await.list();
    let of = |id: &str| {
        counts
            .iter()
            .find(|count| count["entityId"] == id)
            .map(|count| (count["entityType"].clone(), count["count"].clone()))
    };
    assert_eq!(of("ann"), Some((json!("user"), json!(1))));
    assert_eq!(of("team"), Some((json!("group"), json!(1))));
    assert_eq!(bob.get("/messages?unread=1&count=1&receiverType=user").await.list().len(), 1);
    assert_eq!(bob.get("/users/ann/messages?unread=1&count=1").await.list()[0]["count"], 1);
    assert_eq!(ann.get("/messages?unread=1&count=1").await.list(), Vec::<Value>::new());
    // What was not delivered is counted for itself.
    let undelivered = |counts: Vec<Value>| counts.iter().map(|one| one["count"].as_i64().unwrap()).sum::<i64>();
    let before = undelivered(bob.get("/messages?undelivered=1&count=1").await.list());
    assert!(before > 0);
    bob.post("/users/ann/conversation/delivered", json!({})).await.ok();
    assert_eq!(bob.get("/users/ann/messages?undelivered=1&count=1").await.list(), Vec::<Value>::new());
    assert_eq!(bob.get("/users/ann/messages?unread=1&count=1").await.list()[0]["count"], 1);
    assert_eq!(undelivered(bob.get("/messages?undelivered=1&count=1").await.list()), before - 1);
    assert_eq!(bob.get("/users/ann/messages?unread=1").await.each("id"), [second.to_string()]);
    assert_eq!(bob.get("/conversations?unread=true").await.list().len(), 2);
    assert_eq!(ann.get("/conversations?unread=true").await.list().len(), 0);
}

#[tokio::test]
async fn lists_are_newest_first_and_narrowed() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    bob.send("ann", "1").await;
    h.clock.advance(1);
    ann.send_group("team", "2").await;
    h.clock.advance(1);
    cy.send("ann", "3").await;
    let ids = async |query: &str| ann.get(&format!("/conversations?{query}")).await.each("conversationId");
    assert_eq!(ids("").await, ["ann_user_cy", "group_team", "ann_user_bob"]);
    assert_eq!(ids("conversationType=group").await, ["group_team"]);
    assert_eq!(ids("conversationType=user&perPage=1&page=2").await, ["ann_user_bob"]);
    assert_eq!(ids("searchKey=bo").await, ["ann_user_bob"]);
    assert_eq!(ids("unread=1").await, ["ann_user_cy", "ann_user_bob"]);
    ann.get("/conversations?conversationType=odd").await.refused(Code::BadRequest);
    ann.post("/blockedusers", json!({"blockedUids": ["cy"]})).await.ok();
    assert_eq!(ids("").await, ["group_team", "ann_user_bob"]);
    assert_eq!(ids("includeBlockedUsers=true").await.len(), 3);
    // Out of the group, out of the list.
    bob.delete("/groups/team/members").await.ok();
    assert_eq!(bob.get("/conversations").await.each("conversationId"), ["ann_user_bob"]);
    let group = &ann.get("/conversations?conversationType=group").await.list()[0]["conversationWith"];
    assert_eq!(
        (&group["guid"], &group["type"], &group["scope"], &group["hasJoined"]),
        (&json!("team"), &json!("public"), &json!("admin"), &json!(true))
    );
}

#[tokio::test]
async fn tags_are_each_ones_own() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    ann.send("bob", "hi").await;
    let tagged = ann.put("/users/bob/conversation", json!({"tags": ["work", "x"]})).await.ok();
    assert_eq!(tagged["tags"], json!(["work", "x"]));
    assert_eq!(ann.get("/conversations?tags=work").await.list().len(), 1);
    assert_eq!(ann.get("/conversations?tags=other").await.list().len(), 0);
    assert_eq!(ann.get("/conversations?withTags=true").await.list()[0]["tags"], json!(["work", "x"]));
    assert_eq!(bob.get("/conversations?tags=work").await.list().len(), 0);
    ann.put("/users/bob/conversation", json!({"tags": vec!["t"; 26]})).await.refused(Code::BadRequest);
    assert_eq!(ann.put("/users/bob/conversation", json!({"tags": []})).await.ok()["tags"], json!([]));
}

#[tokio::test]
async fn a_reset_is_for_oneself_and_the_next_message_begins_anew() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let old = id_of(&ann.send("bob", "old").await);
    ann.send_group("team", "old").await;
    for path in ["/users/ann", "/groups/team"] {
        bob.delete(&format!("{path}/conversation")).await.ok();
        assert!(bob.get(&format!("{path}/messages")).await.list().is_empty());
    }
    assert!(bob.get("/conversations").await.list().is_empty());
    assert!(bob.get("/messages?unread=1&count=1").await.list().is_empty());
    assert_eq!(ann.get("/conversations").await.list().len(), 2);
    assert_eq!(ann.get("/users/bob/messages").await.each("id"), [old.to_string()]);
    let new = id_of(&ann.send("bob", "new").await);
    assert_eq!(bob.get("/conversations").await.each("conversationId"), ["ann_user_bob"]);
    assert_eq!(bob.get("/users/ann/messages").await.each("id"), [new.to_string()]);
    assert_eq!(bob.get("/messages").await.each("id"), [new.to_string()]);
    assert_eq!(unread(&bob, "/users/ann").await, "1");
}

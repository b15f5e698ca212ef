//! A conversation outlives the other side: what is listed can be opened, whatever became of them. Nothing can be sent.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, User, id_of, text_to};

/// All that can be done with a conversation with `peer` that has `unread` messages of theirs, and what cannot.
async fn still_there(h: &Harness, me: &User, peer: &str, unread: usize) {
    let unread = unread.to_string();
    let listed = me.get("/conversations").await.list();
    let one = listed.iter().find(|one| one["conversationWith"]["uid"] == peer).expect("it is listed");
    assert_eq!(one["unreadMessageCount"], *unread, "{one}");
    let name = one["conversationId"].as_str().expect("a name").to_owned();

    let with = format!("/users/{peer}/conversation");
    assert_eq!(me.get(&with).await.ok()["conversationId"], *name);
    let messages = me.get(&format!("/users/{peer}/messages")).await.list();
    let theirs = messages.iter().rfind(|message| message["sender"] == peer).expect("their message");
    let id = id_of(theirs);
    assert_eq!(me.get(&format!("/messages?sender={peer}")).await.list().len(), unread.parse::<usize>().unwrap_or(0));
    me.get(&format!("/users/{peer}/threads")).await.list();
    me.get(&format!("/messages/{id}")).await.ok();
    me.post(&format!("{with}/delivered"), json!({})).await.ok();
    me.post(&format!("{with}/read"), json!({})).await.ok();
    let count = async || me.get(&with).await.ok()["unreadMessageCount"].clone();
    assert_eq!(count().await, "0");
    me.delete_with(&format!("{with}/read"), json!({"messageId": id.to_string()})).await.ok();
    assert_eq!(count().await, "1");
    me.put(&with, json!({"tags": ["old"]})).await.ok();
    me.post(&format!("{with}/pin"), json!({})).await.ok();
    me.delete(&format!("{with}/pin")).await.ok();
    me.post(&format!("/messages/{id}/save"), json!({})).await.ok();
    h.behalf(&me.uid).get(&format!("/conversations/{name}")).await.ok();

    let code = Code::UidNotFound;
    me.post("/messages", text_to("user", peer, "hello?")).await.refused(code);
    me.post("/calls", json!({"receiver": peer, "receiverType": "user", "type": "audio"})).await.refused(code);
    me.get(&format!("/users/{peer}")).await.refused(code);
    // To somebody who never spoke to them they are nobody.
    let stranger = h.user(&format!("stranger-of-{peer}")).await;
    stranger.get(&with).await.refused(code);
    stranger.get(&format!("/users/{peer}/messages")).await.refused(code);

    me.delete(&with).await.ok();
    assert!(me.get(&format!("/users/{peer}/messages")).await.list().is_empty());
    assert!(me.get("/conversations").await.list().iter().all(|one| one["conversationWith"]["uid"] != peer));
}

#[tokio::test]
async fn a_chat_with_somebody_who_left_the_app_is_a_chat() {
    let h = Harness::start().await;
    let me = h.user("me").await;
    for (n, way) in ["deactivated", "deleted"].into_iter().enumerate() {
        let peer = h.user(way).await;
        me.send(way, "hi").await;
        for text in ["one", "two"] {
            peer.send("me", text).await;
        }
        me.post("/blockedusers", json!({"blockedUids": [way]})).await.ok();
        match n {
            0 => h.delete_with("/users", json!({"uidsToDeactivate": [way]})).await.ok(),
            _ => h.delete_with(&format!("/users/{way}"), json!({"permanent": false})).await.ok(),
        };
        let freed = me.delete_with("/blockedusers", json!({"blockedUids": [way]})).await.ok();
        assert_eq!(freed[way]["success"], true, "{freed}");
        still_there(&h, &me, way, 2).await;
    }
    let nobody = me.delete_with("/blockedusers", json!({"blockedUids": ["nobody"]})).await.ok();
    assert_eq!(nobody["nobody"]["error"]["code"], Code::UidNotFound.as_str());
}

#[tokio::test]
async fn what_the_app_itself_wrote_can_be_opened() {
    let h = Harness::start().await;
    let me = h.user("me").await;
    h.post("/messages", text_to("user", "me", "welcome")).await.ok();
    let listed = me.get("/conversations").await.list();
    assert_eq!(listed[0]["conversationWith"]["uid"], "app_system");
    let texts = |list: &[Value]| list.iter().map(|message| message["data"]["text"].clone()).collect::<Vec<_>>();
    assert_eq!(texts(&me.get("/users/app_system/messages").await.list()), ["welcome"]);
    me.post("/users/app_system/conversation/read", json!({})).await.ok();
    assert_eq!(me.get("/users/app_system/conversation").await.ok()["unreadMessageCount"], "0");
}

#[tokio::test]
async fn who_left_and_who_is_banned_is_not_everybodys_to_know() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    h.delete_with("/users", json!({"uidsToDeactivate": ["cy"]})).await.ok();
    for flag in ["withDeactivated", "onlyDeactivated"] {
        let path = format!("/users?{flag}=true");
        for who in [&*bob, &h.behalf("bob")] {
            who.get(&path).await.refused(Code::NoAccess);
        }
        assert!(h.get(&path).await.each("uid").contains(&cy.uid));
        bob.get(&format!("/users?{flag}=false")).await.list();
    }
    h.user("dee").await;
    h.post("/groups/team/bannedusers/dee", json!({})).await.ok();
    bob.get("/groups/team/bannedusers").await.refused(Code::NoModeratorScope);
    assert_eq!(ann.get("/groups/team/bannedusers").await.each("uid"), ["dee"]);
    h.put("/groups/team/members/bob", json!({"scope": "moderator"})).await.ok();
    assert_eq!(bob.get("/groups/team/bannedusers").await.each("uid"), ["dee"]);
}

//! Threads: who follows one, and the lists of them.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, User, id_of};

async fn reply(user: &User, parent: i64, kind: &str, to: &str, text: &str) -> Value {
    let body =
        json!({"receiver": to, "receiverType": kind, "category": "message", "type": "text", "data": {"text": text}});
    user.post(&format!("/messages/{parent}/thread"), body).await.ok()
}

async fn follows(user: &User, id: i64) -> bool {
    user.get(&format!("/messages/{id}?withThreadSubscribed=true")).await.ok()["threadSubscribed"] == true
}

#[tokio::test]
async fn who_starts_or_replies_follows() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let parent = id_of(&ann.send_group("team", "a question").await);
    assert!(!follows(&ann, parent).await);
    let answer = id_of(&reply(&bob, parent, "group", "team", "an answer").await);
    assert!(follows(&ann, parent).await && follows(&bob, parent).await && !follows(&cy, parent).await);
    // Of a reply it says so, too; unasked nothing is said.
    assert!(follows(&bob, answer).await);
    assert!(bob.get(&format!("/messages/{parent}")).await.ok().get("threadSubscribed").is_none());

    let path = format!("/messages/{parent}/thread/subscription");
    cy.post(&path, json!({})).await.ok();
    cy.post(&path, json!({})).await.ok();
    assert!(follows(&cy, parent).await);
    // The starter leaves it and stays out, whoever replies; who replies himself is in again.
    ann.delete(&path).await.ok();
    reply(&cy, parent, "group", "team", "another").await;
    assert!(!follows(&ann, parent).await);
    reply(&ann, parent, "group", "team", "well").await;
    assert!(follows(&ann, parent).await);

    cy.post(&format!("/messages/{answer}/thread/subscription"), json!({})).await.refused(Code::ThreadNesting);
    let outside = h.user("dee").await;
    outside.post(&path, json!({})).await.refused(Code::MessageNoAccess);
    let lone = id_of(&ann.send_group("team", "no replies yet").await);
    bob.post(&format!("/messages/{lone}/thread/subscription"), json!({})).await.ok();
    assert!(follows(&bob, lone).await);
}

#[tokio::test]
async fn lists_go_by_the_newest_reply() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    let (mut parents, mut last) = (Vec::new(), 0);
    for n in 0..4 {
        parents.push(id_of(&ann.send_group("team", &format!("question {n}")).await));
    }
    let direct = id_of(&ann.send("bob", "you?").await);
    for &parent in [&parents[2], &parents[0], &parents[1]] {
        h.clock.advance(1);
        last = id_of(&reply(&bob, parent, "group", "team", "yes").await);
    }
    reply(&bob, direct, "user", "ann", "me").await;
    let text = |id: i64| id.to_string();
    let order = [parents[1], parents[0], parents[2]].map(text);

    let list = ann.get("/groups/team/threads?limit=10").await;
    assert_eq!(list.body["meta"]["current"], json!({"limit": 10, "count": 3}));
    let threads = list.list();
    assert_eq!(threads.iter().map(|thread| thread["id"].as_str().unwrap()).collect::<Vec<_>>(), order);
    let newest = &threads[0];
    assert_eq!((&newest["replyCount"], &newest["unreadReplyCount"]), (&json!(1), &json!(1)));
    assert_eq!((&newest["lastReply"]["id"], &newest["lastReply"]["data"]["text"]), (&json!(text(last)), &json!("yes")));
    assert_eq!(newest["updatedAt"], newest["lastReply"]["sentAt"]);

    // Pages meet, also where threads share a second: the two newest do.
    let all = ann.get("/threads?limit=10").await.each("id");
    assert_eq!(all, [text(direct), order[0].clone(), order[1].clone(), order[2].clone()]);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann.get(&format!("/threads?participatedByMe=true&limit=1{cursor}")).await.list();
        let Some(thread) = page.first() else { break };
        seen.push(thread["id"].as_str().unwrap().to_owned());
        cursor = format!("&affix=prepend&updatedAt={}&id={}", thread["updatedAt"], thread["id"].as_str().unwrap());
    }
    assert_eq!(seen, all);
    assert_eq!(bob.get("/users/ann/threads").await.each("id"), [text(direct)]);
    assert_eq!(h.get("/threads?limit=2").await.each("id"), all[..2]);

    // Read replies count no more; one's own never did.
    ann.post("/groups/team/conversation/read", json!({})).await.ok();
    assert_eq!(ann.get("/groups/team/threads").await.each("unreadReplyCount"), ["0", "0", "0"]);
    assert_eq!(bob.get("/groups/team/threads").await.each("unreadReplyCount"), ["0", "0", "0"]);
    // A thread one left is in the list of all, not among one's own.
    ann.delete(&format!("/messages/{}/thread/subscription", parents[0])).await.ok();
    assert_eq!(ann.get("/groups/team/threads?participatedByMe=true").await.each("id"), [&*order[0], &*order[2]]);
    assert_eq!(ann.get("/groups/team/threads").await.each("id"), order);

    cy.get("/groups/team/threads").await.refused(Code::GroupNotJoined);
    assert!(cy.get("/threads").await.list().is_empty());
    h.get("/threads?participatedByMe=true").await.refused(Code::BadRequest);
    // With its parent a thread begins with it.
    let replies = bob.get(&format!("/messages/{}/thread?withParent=1", parents[1])).await.each("id");
    assert_eq!(replies, [text(parents[1]), text(last)]);
    // When the only reply is erased there is no thread any more.
    h.delete_with(&format!("/messages/{last}"), json!({"permanent": true})).await.ok();
    assert_eq!(ann.get("/groups/team/threads").await.each("id"), order[1..]);
}

#[tokio::test]
async fn reading_to_the_end_covers_replies_and_an_erased_message_leaves_none_behind() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let unread = async || bob.get("/users/ann/conversation").await.ok()["unreadMessageCount"].clone();
    let reply = |text: &str, parent: i64| {
        let mut body = crate::harness::text_to("user", "bob", text);
        body["parentId"] = json!(parent);
        body
    };
    let first = id_of(&ann.send("bob", "first").await);
    let last = id_of(&ann.send("bob", "last").await);
    for text in ["one", "two"] {
        ann.post("/messages", reply(text, first)).await.ok();
    }
    // From the middle nothing more than what was read; at the end what stands behind it in threads, too.
    bob.post("/users/ann/conversation/read", json!({"messageId": first})).await.ok();
    assert_eq!(unread().await, "3");
    bob.post("/users/ann/conversation/read", json!({"messageId": last})).await.ok();
    assert_eq!(unread().await, "0");

    let replies =
        [ann.post("/messages", reply("three", last)).await.ok(), ann.post("/messages", reply("four", last)).await.ok()];
    ann.delete_with(&format!("/messages/{last}"), json!({"permanent": true})).await.ok();
    assert_eq!(unread().await, "2");
    let seen = bob.get("/users/ann/messages?unread=1&hideReplies=true").await.each("id");
    assert_eq!(seen, replies.each_ref().map(|reply| id_of(reply).to_string()), "they can be reached");
    assert!(bob.get(&format!("/messages/{}", id_of(&replies[0]))).await.ok().get("parentId").is_none());

    // A deleted reply is no reply, and without any there is no thread.
    let threads = async || bob.get("/users/ann/threads").await.list();
    assert_eq!((threads().await.len(), &threads().await[0]["replyCount"]), (1, &json!(2)));
    let ids = bob.get(&format!("/messages/{first}/thread")).await.each("id");
    ann.delete(&format!("/messages/{}", ids[0])).await.ok();
    assert_eq!(threads().await[0]["replyCount"], 1);
    ann.delete_with(&format!("/messages/{}", ids[1]), json!({"permanent": true})).await.ok();
    assert_eq!(threads().await.len(), 0);
    assert!(bob.get(&format!("/messages/{first}")).await.ok().get("replyCount").is_none());
}

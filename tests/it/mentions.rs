//! Mentions: who is named, how unread ones are counted, lists of them.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::{Harness, User, id_of};

async fn count(user: &User, path: &str) -> i64 {
    user.get(&format!("{path}/conversation")).await.ok()["unreadMentionsCount"].as_i64().expect("a number")
}

#[tokio::test]
async fn who_is_named_is_shown_and_counted() {
    let h = Harness::start().await;
    let (ann, bob, cy, dee) = (h.user("ann").await, h.user("bob").await, h.user("cy").await, h.user("dee").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let mut at_bob = bob.connect().await;
    let sent = ann.send_group("team", "<@uid:Bob> ask <@uid:dee>, <@uid:nobody> or <@uid:bob>").await;
    // Neither strangers to the group nor nobody at all.
    assert_eq!(sent["data"]["mentions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["bob"]);
    assert_eq!(sent["data"]["mentions"]["bob"]["name"], "Bob");
    let frame = at_bob.expect(|frame| frame["body"]["id"] == sent["id"]).await;
    assert_eq!(frame["body"]["data"]["mentions"]["bob"]["uid"], "bob");
    let everybody = id_of(&ann.send_group("team", "<@all:team> lunch").await);
    let plain = id_of(&ann.send_group("team", "just so").await);

    assert_eq!((count(&bob, "/groups/team").await, count(&cy, "/groups/team").await), (2, 1));
    assert_eq!(count(&ann, "/groups/team").await, 0);
    let list = bob.get("/conversations").await.list();
    assert_eq!(list[0]["unreadMentionsCount"], 2);
    bob.post("/groups/team/conversation/read", json!({"messageId": id_of(&sent)})).await.ok();
    assert_eq!(count(&bob, "/groups/team").await, 1);

    let ids = |list: &[i64]| list.iter().map(|id| id.to_string()).collect::<Vec<_>>();
    assert_eq!(bob.get("/groups/team/messages?hasMentions=1").await.each("id"), ids(&[id_of(&sent), everybody]));
    assert_eq!(cy.get("/groups/team/messages?mentionedUids=bob,cy").await.each("id"), ids(&[id_of(&sent)]));
    assert_eq!(cy.get("/groups/team/messages?myMentionsOnly=true").await.each("id"), ids(&[everybody]));
    assert_eq!(bob.get("/messages?myMentionsOnly=true").await.each("id"), ids(&[id_of(&sent), everybody]));
    cy.get("/groups/team/messages?mentionedUids=nobody").await.refused(Code::UidNotFound);

    // An edit names somebody else; a deletion nobody.
    let path = format!("/messages/{plain}");
    ann.put(&path, json!({"data": {"text": "just so, <@uid:cy>"}})).await.ok();
    assert_eq!((count(&cy, "/groups/team").await, count(&bob, "/groups/team").await), (2, 1));
    ann.put(&path, json!({"data": {"text": "just so, <@uid:bob>"}})).await.ok();
    assert_eq!((count(&cy, "/groups/team").await, count(&bob, "/groups/team").await), (1, 2));
    ann.delete(&path).await.ok();
    assert_eq!(count(&bob, "/groups/team").await, 1);

    // One to one it is whoever there is; everybody means nothing there.
    let direct = dee.send("ann", "<@uid:ann>, <@uid:cy> <@all:x>").await;
    assert_eq!(direct["data"]["mentions"].as_object().unwrap().len(), 2);
    assert_eq!(count(&ann, "/users/dee").await, 1);
}

#[tokio::test]
async fn more_is_said_of_who_is_named_when_asked() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let bob = h.user_with("bob", json!({"tags": ["vip"]})).await;
    h.group("team", &ann, &[&bob]).await;
    let id = id_of(&ann.send_group("team", "<@uid:bob>").await);
    let seen = |query: &'static str| {
        let ann = ann.clone();
        async move {
            ann.get(&format!("/groups/team/messages?{query}")).await.list().pop().unwrap()["data"]["mentions"]["bob"]
                .clone()
        }
    };
    let plain = seen("limit=5").await;
    assert!(plain.get("tags").is_none() && plain.get("blockedByMe").is_none());
    assert_eq!(seen("mentionsWithTagInfo=1").await["tags"], json!(["vip"]));
    assert_eq!(seen("mentionsWithBlockedInfo=1").await["blockedByMe"], false);
    ann.post("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();
    assert_eq!(seen("mentionsWithBlockedInfo=1").await["blockedByMe"], true);

    let ten = (0..10).map(|n| format!("<@uid:u{n}>")).collect::<String>();
    ann.send_group("team", &ten).await;
    let body = json!({"receiver": "team", "receiverType": "group", "data": {"text": format!("{ten}<@uid:u10>")}});
    let error = ann.post("/messages", body).await.refused(Code::BadRequest);
    assert_eq!(error["params"]["limit"], 10);
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": format!("{ten}<@uid:u10>")}}))
        .await
        .refused(Code::BadRequest);
}

#[tokio::test]
async fn a_mention_in_a_thread_makes_one_follow_it() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let parent = id_of(&ann.send_group("team", "?").await);
    let reply = json!({"receiver": "team", "receiverType": "group", "data": {"text": "ask <@uid:cy>"}});
    bob.post(&format!("/messages/{parent}/thread"), reply).await.ok();
    assert_eq!(cy.get("/threads?participatedByMe=true").await.each("id"), [parent.to_string()]);
}

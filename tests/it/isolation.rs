//! Two apps in one file: nothing of one is seen, reached or heard with the credentials of the other.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{App, Harness, User, id_of};

/// The same cast in each app, with a word that tells them apart.
struct Cast {
    app: App,
    ann: User,
    bob: User,
    word: &'static str,
    direct: i64,
    in_group: i64,
    token_of_cy: String,
}

async fn cast(app: App, word: &'static str) -> Cast {
    let ann = app.user_with("ann", json!({"name": word, "metadata": {"word": word}, "tags": [word]})).await;
    let (bob, cy) = (app.user("bob").await, app.user("cy").await);
    app.post(
        "/groups",
        json!({"guid": "team", "name": word, "type": "public", "owner": "ann", "members": {"participants": ["bob"]}}),
    )
    .await
    .ok();
    app.post("/users/ann/friends", json!({"accepted": ["bob"]})).await.ok();
    let direct = id_of(&ann.send("bob", word).await);
    let in_group = id_of(&bob.send_group("team", word).await);
    app.post("/roles", json!({"role": "guest", "name": word})).await.ok();
    Cast { app, ann, bob, word, direct, in_group, token_of_cy: cy.token.clone() }
}

async fn two(h: &Harness) -> (Cast, Cast) {
    (cast(h.app.clone(), "first").await, cast(h.another_app().await, "second").await)
}

#[tokio::test]
async fn the_same_names_mean_different_things() {
    let h = Harness::start().await;
    let (a, b) = two(&h).await;
    for (mine, other) in [(&a, &b), (&b, &a)] {
        for path in [
            "/users",
            "/users?withTags=1",
            "/users/ann",
            "/groups",
            "/groups/team",
            "/groups/team/members",
            "/messages?limit=100",
            "/users/ann/messages",
            "/groups/team/messages",
            "/users/ann/friends",
            "/roles",
            "/apikeys",
            "/users/ann/auth_tokens",
        ] {
            let text = mine.app.get(path).await.ok().to_string();
            assert!(!text.contains(other.word), "{path} of {}: {text}", mine.word);
        }
        for path in [
            "/conversations",
            "/messages?limit=100",
            "/users",
            "/users/ann",
            "/groups",
            "/me",
            "/messages?unread=1&count=1",
        ] {
            let text = mine.bob.get(path).await.ok().to_string();
            assert!(!text.contains(other.word), "{path} of {}: {text}", mine.word);
        }
        assert_eq!(mine.app.get("/users/ann").await.ok()["name"], mine.word);
        assert_eq!(mine.bob.get("/groups/team").await.ok()["name"], mine.word);
    }
}

#[tokio::test]
async fn what_has_an_id_is_not_there_for_the_other() {
    let h = Harness::start().await;
    let (a, b) = two(&h).await;
    let before = h.snapshot().await;
    for (mine, other) in [(&a, &b), (&b, &a)] {
        for id in [other.direct, other.in_group] {
            for caller in [&*mine.app, &mine.app.behalf("ann"), &*mine.ann] {
                caller.get(&format!("/messages/{id}")).await.refused(Code::MessageNotFound);
                caller.get(&format!("/messages/{id}/thread")).await.refused(Code::MessageNotFound);
                let text = json!({"data": {"text": "mine"}});
                caller.put(&format!("/messages/{id}"), text).await.refused(Code::MessageNotFound);
                caller.delete(&format!("/messages/{id}")).await.refused(Code::MessageNotFound);
            }
            let reply = crate::harness::text_to("user", "bob", "re");
            mine.ann.post(&format!("/messages/{id}/thread"), reply.clone()).await.refused(Code::MessageNotFound);
            let quote = json!({"quotedMessageId": id.to_string(), "receiver": "bob", "receiverType": "user",
                               "category": "message", "type": "text", "data": {"text": "q"}});
            mine.ann.post("/messages", quote).await.refused(Code::MessageNotFound);
            let mark = json!({"messageId": id.to_string()});
            for path in ["/users/ann/conversation/read", "/users/ann/conversation/delivered"] {
                mine.bob.post(path, mark.clone()).await.refused(Code::MessageNotFound);
            }
            mine.bob.delete_with("/users/ann/conversation/read", mark).await.refused(Code::MessageNotFound);
            let used = json!({"interactions": ["ok"]});
            mine.ann.patch(&format!("/messages/{id}/interacted"), used).await.refused(Code::MessageNotFound);
        }
        mine.app.get(&format!("/users/cy/auth_tokens/{}", other.token_of_cy)).await.refused(Code::TokenNotFound);
        mine.app.delete(&format!("/users/cy/auth_tokens/{}", other.token_of_cy)).await.refused(Code::TokenNotFound);
        mine.app.get(&format!("/apikeys/{}", other.app.api_key)).await.refused(Code::ApiKeyNotFound);
        mine.app.delete(&format!("/apikeys/{}", other.app.auth_key)).await.refused(Code::ApiKeyNotFound);
        mine.app
            .put(&format!("/apikeys/{}", other.app.auth_key), json!({"name": "x"}))
            .await
            .refused(Code::ApiKeyNotFound);
    }
    before.still(h.snapshot().await, "all of it was refused");
}

#[tokio::test]
async fn who_is_only_in_one_is_unknown_in_the_other() {
    let h = Harness::start().await;
    let (a, b) = two(&h).await;
    b.app.user("zed").await;
    b.app.post("/groups", json!({"guid": "club", "name": "Club", "type": "public"})).await.ok();
    let before = h.snapshot().await;
    a.app.get("/users/zed").await.refused(Code::UidNotFound);
    a.app.behalf("zed").get("/conversations").await.refused(Code::UidNotFound);
    a.ann.post("/messages", crate::harness::text_to("user", "zed", "hi")).await.refused(Code::UidNotFound);
    a.ann.post("/messages", crate::harness::text_to("group", "club", "hi")).await.refused(Code::GuidNotFound);
    a.ann.post("/groups/club/members", json!({})).await.refused(Code::GuidNotFound);
    a.ann.get("/groups/club/messages").await.refused(Code::GuidNotFound);
    let added = a.app.post("/groups/team/members", json!({"participants": ["zed"]})).await.ok();
    assert_eq!(added["participants"]["zed"]["error"]["code"], "ERR_UID_NOT_FOUND");
    let added = a.app.post("/users/ann/friends", json!({"accepted": ["zed"]})).await.ok();
    assert_eq!(added["accepted"]["zed"]["error"]["code"], "ERR_UID_NOT_FOUND");
    let blocked = a.ann.post("/blockedusers", json!({"blockedUids": ["zed"]})).await.ok();
    assert_eq!(blocked["zed"]["error"]["code"], "ERR_UID_NOT_FOUND");
    a.ann.put("/groups/team/members/zed", json!({"scope": "admin"})).await.refused(Code::UidNotFound);
    a.ann.post("/groups/team/bannedusers/zed", json!({})).await.refused(Code::UidNotFound);
    a.ann.patch("/groups/team/owner", json!({"owner": "zed"})).await.refused(Code::UidNotFound);
    let call = json!({"receiver": "zed", "receiverType": "user", "type": "audio"});
    a.ann.post("/calls", call).await.refused(Code::UidNotFound);
    a.app.auth_only().post("/users/zed/auth_tokens", json!({})).await.refused(Code::UidNotFound);
    before.still(h.snapshot().await, "all of it was refused");
}

#[tokio::test]
async fn nothing_crosses_on_the_sockets() {
    let h = Harness::start().await;
    let (a, b) = two(&h).await;
    let all = json!({"presenceSubscription": "ALL_USERS"});
    let mut at_first = a.bob.connect_with(all.clone()).await;
    let mut at_second = b.bob.connect_with(all).await;
    // Everything that makes events happens in the first app.
    let mut ann = a.ann.connect().await;
    a.ann.send("bob", "hi").await;
    a.ann.send_group("team", "hi all").await;
    ann.command("typing_indicator", "user", "bob", json!({"action": "started", "user": {}})).await;
    ann.command("typing_indicator", "group", "team", json!({"action": "started", "user": {}})).await;
    ann.command("transient_message", "user", "bob", json!({"data": {"x": 1}, "user": {}})).await;
    ann.before_pong().await;
    a.app.post("/groups/team/members", json!({"participants": ["cy"]})).await.ok();
    a.ann.delete("/groups/team/members/cy").await.ok();
    a.bob.post("/users/ann/conversation/read", json!({})).await.ok();
    // She is seen to go only if she was seen to come.
    a.bob.send("ann", "here").await;
    ann.expect_text("here").await;
    ann.close().await;
    at_first.expect(|frame| frame["type"] == "presence" && frame["body"]["action"] == "offline").await;
    b.ann.send("bob", "fence").await;
    let heard = at_second.before_text("fence").await;
    assert_eq!(heard, Vec::<Value>::new());
    // Presence is told within an app.
    let ann = b.ann.connect().await;
    let came = at_second.expect(|frame| frame["type"] == "presence").await;
    assert_eq!((&came["appId"], &came["sender"]), (&json!(b.app.app_id), &json!("ann")));
    a.ann.send("bob", "fence").await;
    let heard = at_first.before_text("fence").await;
    assert!(heard.iter().all(|frame| frame["appId"] == *a.app.app_id && frame["type"] != "presence"), "{heard:#?}");
    drop(ann);
}

#[tokio::test]
async fn a_socket_token_opens_its_own_app_only() {
    let h = Harness::start().await;
    let (a, b) = two(&h).await;
    let mut sock = h.socket().await;
    let jwt = a.ann.jwt.clone();
    sock.say(&json!({"appId": b.app.app_id, "type": "auth", "sender": "ann", "deviceId": "d", "body": {"auth": jwt}}))
        .await;
    let answer = sock.expect(|frame| frame["type"] == "auth").await;
    assert_ne!(answer["body"]["code"], "200");
    assert_eq!(sock.closed().await.1, Some(4001));
}

#[tokio::test]
async fn ending_a_user_in_one_leaves_his_namesake_alone() {
    let h = Harness::start().await;
    let (a, b) = two(&h).await;
    let (gone, mut stays) = (a.bob.connect().await, b.bob.connect().await);
    a.app.delete_with("/users/bob", json!({"permanent": true})).await.ok();
    assert_eq!(gone.closed().await.1, Some(4001));
    b.ann.send("bob", "still here").await;
    stays.expect_text("still here").await;
    a.app.delete("/groups/team").await.ok();
    assert_eq!(b.app.get("/groups/team").await.ok()["membersCount"], 2);
    b.bob.get(&format!("/messages/{}", b.in_group)).await.ok();
    a.app.get("/users/bob").await.refused(Code::UidNotFound);
}

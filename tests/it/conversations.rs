//! Conversation lists: pins, everybody's for the app, and the ways a conversation goes.

use hobnob::model::Code;
use serde_json::{Value, json};

use crate::harness::{Client, Harness, id_of, text_to};

async fn names(who: &Client, query: &str) -> Vec<String> {
    who.get(&format!("/conversations{query}")).await.each("conversationId")
}

#[tokio::test]
async fn a_custom_message_may_leave_the_conversation_where_it_stands() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let first = ann.send("bob", "hi").await;
    h.clock.advance(1);
    cy.send("bob", "later").await;
    h.clock.advance(1);
    let custom = |update: bool| {
        json!({"receiver": "bob", "receiverType": "user", "category": "custom", "type": "location",
               "data": {"customData": {"lat": 1}, "updateConversation": update}})
    };
    let silent = ann.post("/messages", custom(false)).await.ok();
    let seen = bob.get("/conversations").await.list();
    assert_eq!(
        (&seen[0]["conversationId"], &seen[1]["conversationId"]),
        (&json!("bob_user_cy"), &json!("ann_user_bob"))
    );
    assert_eq!((&seen[1]["lastMessage"]["id"], &seen[1]["latestMessageId"]), (&first["id"], &silent["id"]));
    assert_eq!(seen[1]["unreadMessageCount"], "2");
    assert_eq!(bob.get("/users/ann/messages").await.list().len(), 2);
    // What it showed before shows again when a later one is erased.
    let loud = ann.post("/messages", custom(true)).await.ok();
    assert_eq!(bob.get("/users/ann/conversation").await.ok()["lastMessage"]["id"], loud["id"]);
    let path = format!("/messages/{}", loud["id"].as_str().unwrap());
    h.delete_with(&path, json!({"permanent": true})).await.ok();
    assert_eq!(bob.get("/users/ann/conversation").await.ok()["lastMessage"]["id"], first["id"]);
    bob.post("/users/ann/conversation/read", json!({})).await.ok();
    assert_eq!(bob.get("/users/ann/conversation").await.ok()["unreadMessageCount"], "0");
}

#[tokio::test]
async fn pinned_ones_come_first_and_the_other_devices_hear_of_it() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    ann.send("bob", "1").await;
    h.clock.advance(1);
    ann.send("cy", "2").await;
    assert_eq!(names(&ann, "").await, ["ann_user_cy", "ann_user_bob"]);

    let (mut acting, mut other) = (ann.connect().await, ann.again().await.connect().await);
    let pinned = ann.post("/users/bob/conversation/pin", json!({})).await.ok();
    assert_eq!((&pinned["pinnedAt"], &pinned["pinnedBy"]), (&json!(h.clock.now()), &json!("ann")));
    let frame = other.expect(|frame| frame["type"] == "conversation_pinned").await;
    assert_eq!(frame["body"]["action"], "pinned");
    assert_eq!(frame["body"]["conversation"]["conversationId"], "ann_user_bob");
    assert_eq!(names(&ann, "").await, ["ann_user_bob", "ann_user_cy"]);
    assert_eq!(names(&ann, "?pinnedBy=me,system").await, ["ann_user_bob"]);
    assert_eq!(names(&bob, "?pinnedBy=me").await, Vec::<String>::new());
    ann.get("/conversations?pinnedBy=him").await.refused(Code::BadRequest);

    // Again: nothing changes, nothing is told. Unpinned: both fields are gone.
    ann.post("/users/bob/conversation/pin", json!({})).await.ok();
    let unpinned = ann.delete("/users/bob/conversation/pin").await.ok();
    assert!(unpinned.get("pinnedAt").is_none() && unpinned.get("pinnedBy").is_none(), "{unpinned}");
    let frame = other.expect(|frame| frame["type"].as_str().is_some_and(|kind| kind.contains("pin"))).await;
    assert_eq!(frame["type"], "conversation_unpinned");
    cy.send("ann", "fence").await;
    assert_eq!(acting.before_text("fence").await, Vec::<Value>::new());
}

#[tokio::test]
async fn each_cap_on_pins_has_its_code_and_the_apps_pins_take_no_place() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    for at in 0..7 {
        h.group(&format!("g{at}"), &ann, &[]).await;
        ann.send_group(&format!("g{at}"), "x").await;
    }
    for at in 0..5 {
        ann.post(&format!("/groups/g{at}/conversation/pin"), json!({})).await.ok();
    }
    let refused = ann.post("/groups/g5/conversation/pin", json!({})).await.refused(Code::PinsLimit);
    assert_eq!(refused["params"]["limit"], 5);

    let list = |ids: &[&str]| json!({ "conversationIds": ids });
    let pins = h.put("/conversations/pinned", list(&["group_g6", "GROUP_G0"])).await.each("conversationId");
    assert_eq!(pins, ["group_g6", "group_g0"]);
    let all: Vec<String> = (0..6).map(|at| format!("group_g{at}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    h.put("/conversations/pinned", list(&all)).await.refused(Code::AppPinsLimit);
    h.put("/conversations/pinned", list(&["nope"])).await.refused(Code::ConversationNotFound);
    h.put("/conversations/pinned", list(&["group_g1", "group_g1"])).await.refused(Code::BadRequest);
    h.put("/conversations/pinned", json!({})).await.refused(Code::BadRequest);
    ann.get("/conversations/pinned").await.refused(Code::NoAccess);
    assert_eq!(h.get("/conversations/pinned").await.each("conversationId"), ["group_g6", "group_g0"]);

    ann.delete("/groups/g6/conversation/pin").await.refused(Code::AppPinned);
    ann.post("/groups/g0/conversation/pin", json!({})).await.refused(Code::AppPinned);
    // g0 is the app's now: it holds none of her five places.
    ann.post("/groups/g5/conversation/pin", json!({})).await.ok();
    let by = ann.get("/conversations").await.each("pinnedBy");
    assert_eq!(by, ["app_system", "app_system", "ann", "ann", "ann", "ann", "ann"]);
    assert_eq!(names(&ann, "?pinnedBy=system").await, ["group_g6", "group_g0"]);
}

#[tokio::test]
async fn the_app_sees_everybodys_conversations_by_uid() {
    let h = Harness::start().await;
    let ann = h.user_with("ann", json!({"tags": ["vip"]})).await;
    let bob = h.user("bob").await;
    ann.send("bob", "hi").await;
    h.clock.advance(1);
    h.group("team", &bob, &[&ann]).await;
    h.put("/groups/team", json!({"tags": ["work"]})).await.ok();
    bob.send_group("team", "hello").await;
    let seen: Vec<(String, String)> = h
        .get("/conversations")
        .await
        .list()
        .iter()
        .map(|row| (row["conversationId"].to_string(), row["unreadMessageCount"].to_string()))
        .collect();
    let row = |name: &str, unread: &str| (format!("\"{name}\""), format!("\"{unread}\""));
    // ann's two, then bob's two; each newest first, with that user's own count.
    assert_eq!(
        seen,
        [row("group_team", "1"), row("ann_user_bob", "0"), row("group_team", "0"), row("ann_user_bob", "1")]
    );
    assert_eq!(names(&bob, "?userTags=vip").await, ["ann_user_bob"]);
    assert_eq!(names(&bob, "?groupTags=work,play").await, ["group_team"]);
    assert_eq!(names(&bob, "?userTags=vip&groupTags=work").await.len(), 2);
    assert_eq!(names(&bob, "?hideAgentic=true&withBlockedInfo=true").await.len(), 2);
    assert_eq!(names(&bob, "?onlyAgentic=true").await.len(), 0);
    h.auth_only().get("/conversations").await.refused(Code::NoAccess);
}

#[tokio::test]
async fn a_conversation_goes_for_one_for_both_or_for_all() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    ann.send("bob", "secret").await;
    ann.send_group("team", "news").await;

    // A group's messages belong to its members: only the copy goes.
    ann.delete_with("/groups/team/conversation", json!({"deleteMessagesPermanently": true})).await.ok();
    assert!(!names(&ann, "").await.contains(&"group_team".to_owned()));
    assert_eq!(bob.get("/groups/team/messages?categories=message").await.list().len(), 1);

    ann.delete_with("/users/bob/conversation", json!({"deleteMessagesPermanently": true})).await.ok();
    assert_eq!(bob.get("/users/ann/messages").await.list(), Vec::<Value>::new());
    assert!(!names(&bob, "").await.contains(&"ann_user_bob".to_owned()));
    ann.send("bob", "again").await;
    let back = bob.get("/users/ann/conversation").await.ok();
    assert_eq!((&back["unreadMessageCount"], &back["lastMessage"]["data"]["text"]), (&json!("1"), &json!("again")));

    // The two old calls are for back ends.
    let behalf = h.behalf("bob");
    assert_eq!(behalf.get("/conversations/ANN_user_bob").await.ok()["conversationId"], "ann_user_bob");
    bob.get("/conversations/ann_user_bob").await.refused(Code::NoAccess);
    bob.delete("/conversations/ann_user_bob").await.refused(Code::NoAccess);
    h.behalf("cy").get("/conversations/ann_user_bob").await.refused(Code::ConversationNotFound);
    h.behalf("cy").delete("/conversations/group_team").await.refused(Code::ConversationNotFound);
    behalf.delete("/conversations/ann_user_bob").await.ok();
    assert!(!names(&ann, "").await.contains(&"ann_user_bob".to_owned()));
    assert!(!names(&bob, "").await.contains(&"ann_user_bob".to_owned()));
    cy.post("/messages", text_to("user", "ann", "hello")).await.ok();
    bob.send("ann", "new").await;
    assert_eq!(ann.get("/users/bob/conversation").await.ok()["unreadMessageCount"], "1");
}

#[tokio::test]
async fn each_once_for_the_app() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    ann.send("bob", "hi").await;
    h.clock.advance(1);
    bob.send_group("team", "hi").await;
    // Whoever deleted it is not the one it is shown as.
    ann.delete("/users/bob/conversation").await.ok();
    let all = h.get("/conversations").await.each("conversationId");
    assert_eq!(all.len(), 3, "{all:?}");
    let once = h.get("/conversations?unique=1").await;
    assert_eq!(once.body["meta"]["pagination"]["total"], 2);
    assert_eq!(once.each("conversationId"), ["group_team", "ann_user_bob"]);
    for client in [h.app.behalf("ann"), (*ann).clone()] {
        client.get("/conversations?unique=1").await.refused(Code::BadRequest);
    }
}

#[tokio::test]
async fn friends_can_begin_with_an_empty_conversation() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.user("cy").await;
    h.post("/users/ann/friends", json!({"accepted": ["cy"]})).await.ok();
    h.post("/users/ann/friends", json!({"accepted": ["bob"], "addToConversations": true})).await.ok();
    for (of, peer) in [(&ann, "bob"), (&bob, "ann")] {
        let listed = of.get("/conversations").await.list();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(listed[0]["conversationWith"]["uid"], peer);
        assert_eq!((&listed[0]["unreadMessageCount"], listed[0].get("lastMessage")), (&json!("0"), None));
        of.get(&format!("/users/{peer}/conversation")).await.ok();
        assert!(of.get(&format!("/users/{peer}/messages")).await.list().is_empty());
    }
    // From then on it is one like the others.
    ann.send("bob", "hi").await;
    assert_eq!(bob.get("/conversations").await.list()[0]["unreadMessageCount"], "1");
    bob.delete("/users/ann/conversation").await.ok();
    assert!(bob.get("/conversations").await.list().is_empty());
}

#[tokio::test]
async fn a_deleted_conversation_can_keep_its_place() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    for (body, kept) in [(json!({}), false), (json!({"preserveOrder": true}), true)] {
        ann.send("bob", "hi").await;
        bob.post("/users/ann/conversation/pin", json!({})).await.ok();
        let before = bob.get("/users/ann/conversation").await.ok();
        h.clock.advance(100);
        bob.delete_with("/users/ann/conversation", body).await.ok();
        let after = bob.get("/users/ann/conversation").await.ok();
        assert_eq!(after["updatedAt"] == before["updatedAt"], kept);
        assert_eq!(after.get("pinnedAt").is_some(), kept);
        assert!(bob.get("/conversations").await.list().is_empty());
    }
}

/// `uid` is everybody's conversation with that user, also one that comes later; not that user's own with others.
#[tokio::test]
async fn the_app_pins_by_guid_and_uid() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    ann.send_group("team", "hi").await;
    ann.send("bob", "hi").await;
    h.clock.advance(1);
    ann.send("cy", "hi").await;
    let pins = json!({"pinnedConversations": [{"uid": "bob"}, {"guid": "team"}]});
    let set = h.put("/conversations/pinned", pins).await.ok();
    assert_eq!(
        (&set[0]["conversationWith"]["uid"], &set[1]["conversationWith"]["guid"]),
        (&json!("bob"), &json!("team"))
    );
    assert_eq!(h.get("/conversations/pinned").await.list().len(), 2);
    cy.send("bob", "later").await;
    let by_app = |conversations: Vec<Value>| -> Vec<String> {
        let pinned = conversations.iter().filter(|one| one["pinnedBy"] == "app_system");
        pinned.map(|one| one["conversationId"].as_str().unwrap().to_owned()).collect()
    };
    for (of, pinned) in [
        (&ann, vec!["ann_user_bob", "group_team"]),
        (&cy, vec!["bob_user_cy", "group_team"]),
        (&bob, vec!["group_team"]),
    ] {
        let listed = of.get("/conversations").await.list();
        assert_eq!(by_app(listed.clone()), pinned);
        assert_eq!(listed[0]["conversationId"], pinned[0], "they come first");
        assert_eq!(by_app(of.get("/conversations?pinnedBy=system").await.list()), pinned);
    }
    ann.post("/users/bob/conversation/pin", json!({})).await.refused(Code::AppPinned);
    for bad in [
        json!({"pinnedConversations": [{}]}),
        json!({"pinnedConversations": [{"uid": "bob", "guid": "team"}]}),
        json!({"pinnedConversations": [{"uid": "bob"}, {"uid": "BOB"}]}),
        json!({"pinnedConversations": [], "conversationIds": []}),
        json!({}),
    ] {
        h.put("/conversations/pinned", bad).await.refused(Code::BadRequest);
    }
    h.put("/conversations/pinned", json!({"pinnedConversations": [{"uid": "none"}]})).await.refused(Code::UidNotFound);
    h.put("/conversations/pinned", json!({"pinnedConversations": []})).await.ok();
    assert!(by_app(ann.get("/conversations").await.list()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_marked_unread_under_either_name_of_its_conversation() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let first = id_of(&ann.send("bob", "one").await);
    ann.send("bob", "two").await;
    // One client names the sender, another one the receiver, which is whoever marks it.
    for name in ["ann", "bob"] {
        bob.post("/users/ann/conversation/read", json!({})).await.ok();
        let marked =
            bob.delete_with(&format!("/users/{name}/conversation/read"), json!({"messageId": first})).await.ok();
        assert_eq!(marked["conversation"]["conversationId"], "ann_user_bob");
        assert_eq!(marked["conversation"]["unreadMessageCount"], "2");
    }
    let path = "/users/bob/conversation/read";
    bob.delete_with(path, json!({"messageId": first + 1000})).await.refused(Code::MessageNotFound);
    let cy = h.user("cy").await;
    let theirs = id_of(&ann.send("cy", "private").await);
    cy.get("/me").await.ok();
    bob.delete_with(path, json!({"messageId": theirs})).await.refused(Code::MessageNoAccess);
}

//! Messages: sent, retried, replied to, quoted, edited, deleted, listed.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, NOW, User, id_of, text_to};

#[tokio::test]
async fn a_message_holds_what_clients_need_and_is_the_same_everywhere() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = bob.connect().await;
    let body = json!({
        "receiver": "BOB", "receiverType": "user", "category": "message", "type": "text", "muid": "_m1", "tags": ["t"],
        "data": {"text": "hi", "metadata": {"k": 1}, "own": [1, {"a": null}]},
        "sender": {"uid": "eve", "authToken": "secret"}, "sentAt": 5, "id": "7", "status": "x", "conversationId": "eve",
    });
    let sent = ann.post("/messages", body).await.ok();
    let user = |uid: &str, name: &str| json!({"uid": uid, "name": name, "role": "default"});
    assert_eq!(
        (&sent["sender"], &sent["receiver"], &sent["conversationId"]),
        (&json!("ann"), &json!("bob"), &json!("ann_user_bob"))
    );
    assert_eq!(
        (&sent["muid"], &sent["tags"], &sent["sentAt"], &sent["updatedAt"]),
        (&json!("_m1"), &json!(["t"]), &json!(NOW), &json!(NOW))
    );
    let data = &sent["data"];
    assert_eq!(
        (&data["text"], &data["metadata"], &data["own"]),
        (&json!("hi"), &json!({"k": 1}), &json!([1, {"a": null}]))
    );
    assert_eq!(data["resource"], *ann.device);
    for (side, expected) in [("sender", user("ann", "Ann")), ("receiver", user("bob", "Bob"))] {
        let entity = &data["entities"][side];
        assert_eq!(entity["entityType"], "user");
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&entity["entity"][key], value, "{side}");
        }
    }
    assert!(!sent.to_string().contains("secret"), "{sent}");
    assert_eq!(at_bob.expect_text("hi").await["body"], sent);
    assert_eq!(h.count("SELECT count(*) FROM messages WHERE data LIKE '%secret%' OR data LIKE '%entities%'"), 0);
    let mut listed = bob.get("/users/ann/messages?withTags=1").await.list();
    for side in ["sender", "receiver"] {
        // People are shown as they are now: online, since.
        for message in [&mut listed[0], &mut sent.clone()] {
            message["data"]["entities"][side]["entity"]["status"] = Value::Null;
        }
    }
    assert_eq!(
        (&listed[0]["id"], &listed[0]["data"]["own"], &listed[0]["tags"]),
        (&sent["id"], &data["own"], &sent["tags"])
    );
    assert!(bob.get("/users/ann/messages").await.list()[0].get("tags").is_none());
}

#[tokio::test]
async fn a_retry_with_the_same_muid_is_the_same_message() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = bob.connect().await;
    let mut body = text_to("user", "bob", "once");
    body["muid"] = json!("m-1");
    let first = ann.post("/messages", body.clone()).await.ok();
    body["data"]["text"] = json!("twice");
    let again = ann.post("/messages", body.clone()).await.ok();
    assert_eq!((&again["id"], &again["data"]["text"]), (&first["id"], &json!("once")));
    assert_eq!(ann.get("/user/messages/m-1").await.ok()["id"], first["id"]);
    ann.get("/user/messages/none").await.refused(Code::MessageNotFound);
    bob.get("/user/messages/m-1").await.refused(Code::MessageNotFound);
    // Another sender may use the same word.
    body["receiver"] = json!("ann");
    assert_ne!(bob.post("/messages", body).await.ok()["id"], first["id"]);
    ann.send("bob", "fence").await;
    let heard = at_bob.before_text("fence").await;
    assert_eq!(heard.len(), 1, "{heard:#?}");
    assert_eq!(bob.get("/users/ann/conversation").await.ok()["unreadMessageCount"], "2");
}

#[tokio::test]
async fn many_retries_at_once_make_one_message() {
    let h = Harness::start().await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    let mut body = text_to("user", "bob", "once");
    body["muid"] = json!("m-1");
    let all = futures_util::future::join_all((0..20).map(|_| ann.post("/messages", body.clone()))).await;
    let ids: std::collections::HashSet<i64> = all.into_iter().map(|answer| id_of(&answer.ok())).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(h.count("SELECT count(*) FROM messages"), 1);
}

#[tokio::test]
async fn every_kind_of_content_goes_through_untouched() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = bob.connect().await;
    let attachment = json!({"url": "https://x.example/cat.png", "name": "cat.png", "mimeType": "image/png", "extension": "png", "size": 5120});
    for (category, kind, data) in [
        ("message", "image", json!({"attachments": [attachment], "text": "look"})),
        ("message", "file", json!({"attachments": [attachment, attachment]})),
        (
            "custom",
            "location",
            json!({"customData": {"lat": 1.5, "deep": {"a": [null, "ü"]}}, "subType": "pin", "text": "a place"}),
        ),
        ("custom", "poll", json!({"customData": {}})),
        ("message", "text", json!({"text": "emoji 👩‍👩‍👧 \u{202e} \" \\ \n\t \u{1}"})),
    ] {
        let body = json!({"receiver": "bob", "receiverType": "user", "category": category, "type": kind, "data": data});
        let sent = ann.post("/messages", body).await.ok();
        let frame = at_bob.expect(|frame| frame["body"]["id"] == sent["id"]).await;
        let listed = bob.get("/users/ann/messages?limit=1").await.list();
        for shown in [&sent, &frame["body"], &listed[0]] {
            assert_eq!((&shown["category"], &shown["type"]), (&json!(category), &json!(kind)));
            for (key, value) in data.as_object().unwrap() {
                assert_eq!(&shown["data"][key], value, "{kind}.{key}");
            }
        }
    }
}

#[tokio::test]
async fn the_app_and_somebody_to_himself_may_write() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &bob, &[]).await;
    let mut at_ann = ann.connect().await;
    let sent = h.post("/messages", text_to("user", "ann", "news")).await.ok();
    assert_eq!(
        (&sent["sender"], &sent["data"]["entities"]["sender"]["entity"]["name"]),
        (&json!("app_system"), &json!("System"))
    );
    assert_eq!(at_ann.expect_text("news").await["body"]["sender"], "app_system");
    h.post("/messages", text_to("group", "team", "news")).await.ok();
    let as_ann = h.behalf("ann").post("/messages", text_to("user", "bob", "by key")).await.ok();
    assert_eq!(as_ann["sender"], "ann");
    // Her own devices hear of it: no session of hers did it.
    at_ann.expect_text("by key").await;
    let note = ann.send("ann", "a note to myself").await;
    assert_eq!(note["conversationId"], "ann_user_ann");
    assert_eq!(ann.get("/users/ann/messages").await.each("id"), [note["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn mentions_name_users_as_they_are() {
    let h = Harness::start().await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    let sent = ann.send("bob", "hi <@uid:bob>, <@uid:none> and <@uid:bob>").await;
    assert_eq!(sent["data"]["mentions"]["bob"]["name"], "Bob");
    assert_eq!(sent["data"]["mentions"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn threads_are_one_level_deep_and_count_their_replies() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let mut at_bob = bob.connect().await;
    let parent = id_of(&ann.send_group("team", "parent").await);
    let path = format!("/messages/{parent}/thread");
    let first = bob.post(&path, text_to("group", "team", "first")).await.ok();
    assert_eq!(first["parentId"], parent.to_string());
    let mut body = text_to("group", "team", "second");
    body["parentMessageId"] = json!(parent.to_string());
    let second = ann.post("/messages", body).await.ok();
    assert_eq!(at_bob.expect_text("second").await["body"]["parentId"], parent.to_string());
    assert_eq!(ann.get(&path).await.each("id"), [first["id"].as_str().unwrap(), second["id"].as_str().unwrap()]);
    assert_eq!(ann.get(&format!("/messages/{parent}")).await.ok()["replyCount"], 2);
    let plain = bob.get("/groups/team/messages?hideReplies=true&categories=message").await;
    assert_eq!(plain.each("id"), [parent.to_string()]);
    bob.post(&format!("/messages/{}/thread", id_of(&first)), text_to("group", "team", "x"))
        .await
        .refused(Code::ThreadNesting);
    bob.post(&path, text_to("user", "ann", "x")).await.refused(Code::WrongThread);
    bob.post("/messages/99999/thread", text_to("user", "ann", "x")).await.refused(Code::MessageNotFound);
    h.user("eve").await.get(&path).await.refused(Code::MessageNoAccess);
}

#[tokio::test]
async fn a_quote_carries_the_quoted() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let first = id_of(&ann.send("bob", "first").await);
    let mut body = text_to("user", "ann", "yes");
    body["quotedMessageId"] = json!(first.to_string());
    let quoting = bob.post("/messages", body.clone()).await.ok();
    assert_eq!(
        (&quoting["quotedMessageId"], &quoting["quotedMessage"]["data"]["text"]),
        (&json!(first.to_string()), &json!("first"))
    );
    let eve = h.user("eve").await;
    body["receiver"] = json!("bob");
    eve.post("/messages", body).await.refused(Code::MessageNoAccess);
}

#[tokio::test]
async fn an_edit_is_told_as_an_action_with_the_message_as_it_is_now() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = bob.connect().await;
    let body = json!({"receiver": "bob", "receiverType": "user", "category": "message", "type": "text",
                      "data": {"text": "tpyo", "metadata": {"k": 1}, "own": 7}});
    let sent = ann.post("/messages", body).await.ok();
    let id = id_of(&sent);
    h.clock.advance(9);
    let act = ann
        .put(&format!("/messages/{id}"), json!({"data": {"text": "typo", "entities": 1}, "tags": ["fixed"]}))
        .await
        .ok();
    assert_eq!(
        (&act["category"], &act["type"], &act["data"]["action"]),
        (&json!("action"), &json!("message"), &json!("edited"))
    );
    assert!(id_of(&act) > id);
    assert_eq!(act["data"]["entities"]["by"]["entity"]["uid"], "ann");
    assert_eq!(act["data"]["entities"]["for"]["entity"]["uid"], "bob");
    let on = &act["data"]["entities"]["on"];
    assert_eq!(on["entityType"], "message");
    let edited = &on["entity"];
    assert_eq!(
        (&edited["id"], &edited["data"]["text"], &edited["data"]["metadata"], &edited["data"]["own"]),
        (&sent["id"], &json!("typo"), &json!({"k": 1}), &json!(7))
    );
    assert_eq!(
        (&edited["editedAt"], &edited["editedBy"], &edited["updatedAt"], &edited["sentAt"]),
        (&json!(NOW + 9), &json!("ann"), &json!(NOW + 9), &json!(NOW))
    );
    assert_eq!(edited["data"]["entities"]["sender"]["entity"]["uid"], "ann");
    assert_eq!(at_bob.expect_action("edited").await["body"], act);
    assert_eq!(bob.get("/users/ann/messages").await.list().len(), 1, "the act is no message of its own");
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": " "}})).await.refused(Code::EmptyText);
    assert_eq!(bob.get(&format!("/messages/{id}")).await.ok()["data"]["text"], "typo");
    let by_app = h.put(&format!("/messages/{id}"), json!({"data": {"text": "by app"}})).await.ok();
    assert_eq!(by_app["data"]["entities"]["on"]["entity"]["editedBy"], "app_system");
    // Whoever was away asks what changed since.
    let updates = bob.get(&format!("/users/ann/messages?onlyUpdates=1&updatedAt={NOW}&affix=append")).await;
    assert_eq!(updates.each("id"), [id.to_string()]);
}

#[tokio::test]
async fn a_deleted_message_keeps_its_shell_only() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = bob.connect().await;
    let id = id_of(&ann.send("bob", "regret").await);
    let act = ann.delete_with(&format!("/messages/{id}"), json!({"id": id.to_string()})).await.ok();
    assert_eq!(act["data"]["action"], "deleted");
    let shell = &act["data"]["entities"]["on"]["entity"];
    assert_eq!((&shell["deletedAt"], &shell["deletedBy"]), (&json!(NOW), &json!("ann")));
    assert!(
        shell["data"].get("text").is_none() && shell["data"]["entities"]["sender"]["entity"]["uid"] == "ann",
        "{shell}"
    );
    at_bob.expect_action("deleted").await;
    assert!(!h.snapshot().await.0.contains("regret"), "nothing of it is kept");
    assert_eq!(bob.get("/users/ann/messages").await.list()[0]["deletedBy"], "ann");
    assert_eq!(bob.get("/users/ann/messages?hideDeleted=1").await.list().len(), 0);
    assert_eq!(bob.get("/users/ann/messages?onlyDeleted=1").await.list().len(), 1);
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "x"}})).await.refused(Code::MessageAction);
    ann.delete(&format!("/messages/{id}")).await.refused(Code::MessageAction);

    let gone = id_of(&ann.send("bob", "for good").await);
    ann.delete_with(&format!("/messages/{gone}"), json!({"permanent": true})).await.ok();
    ann.get(&format!("/messages/{gone}")).await.refused(Code::MessageNotFound);
    assert_eq!(bob.get("/users/ann/messages").await.list().len(), 1);
    assert_eq!(bob.get("/users/ann/conversation").await.ok()["unreadMessageCount"], "0");
}

/// Some messages of every kind, and the ids by name.
async fn library(h: &Harness) -> (User, User, Vec<(&'static str, String)>) {
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let mut ids = Vec::new();
    let mut put = |name: &'static str, message: Value| ids.push((name, message["id"].as_str().unwrap().to_owned()));
    put("plain", ann.send("bob", "plain words").await);
    h.clock.advance(10);
    put("link", bob.send("ann", "see https://x.example now").await);
    let image = json!({"attachments": [{"url": "https://x/a.png", "name": "a.png", "mimeType": "image/png", "extension": "png", "size": 1}]});
    let image = json!({"receiver": "bob", "receiverType": "user", "category": "message", "type": "image", "data": image, "tags": ["pic"]});
    put("image", ann.post("/messages", image).await.ok());
    h.clock.advance(10);
    let custom = json!({"receiver": "bob", "receiverType": "user", "category": "custom", "type": "location", "data": {"customData": {"x": 1}}});
    put("custom", ann.post("/messages", custom).await.ok());
    put("group", bob.send_group("team", "in the group").await);
    (ann, bob, ids)
}

#[tokio::test]
async fn lists_are_narrowed() {
    let h = Harness::start().await;
    let (ann, bob, ids) = library(&h).await;
    let names = |found: Vec<String>| -> Vec<&str> {
        found.iter().filter_map(|id| ids.iter().find(|(_, known)| known == id).map(|(name, _)| *name)).collect()
    };
    for (query, expected) in [
        ("", vec!["plain", "link", "image", "custom"]),
        ("categories=custom", vec!["custom"]),
        ("category=message&type=text", vec!["plain", "link"]),
        ("types=image,location", vec!["image", "custom"]),
        ("searchKey=WORDS", vec!["plain"]),
        ("searchKey=100%25", vec![]),
        ("tags=pic,none", vec!["image"]),
        ("hasAttachments=1", vec!["image"]),
        ("hasLinks=1", vec!["link"]),
        ("sender=bob", vec!["link"]),
        (&format!("fromTimestamp={}", NOW + 5), vec!["link", "image", "custom"]),
        (&format!("fromTimestamp={}&toTimestamp={}", NOW + 5, NOW + 15), vec!["link", "image"]),
        ("limit=2", vec!["image", "custom"]),
        ("limit=2&affix=append&id=0", vec!["plain", "link"]),
    ] {
        let found = ann.get(&format!("/users/bob/messages?{query}")).await.each("id");
        assert_eq!(names(found), expected, "{query}");
    }
    let all = names(ann.get("/messages?categories=message,custom&limit=50").await.each("id"));
    assert_eq!(all, ["plain", "link", "image", "custom", "group"]);
    let groups = names(bob.get("/messages?receiverType=group&categories=message").await.each("id"));
    assert_eq!(groups, ["group"]);
    // The app sees everything; somebody else nothing.
    assert_eq!(names(h.get("/messages?categories=message,custom&limit=50").await.each("id")).len(), 5);
    let eve = h.user("eve").await;
    assert!(eve.get("/messages").await.list().is_empty());
    assert!(eve.get("/users/ann/messages").await.list().is_empty());
    eve.get("/users/none/messages").await.refused(Code::UidNotFound);
}

/// Sizes as clients send them: they are shown as whole numbers, or not at all.
#[tokio::test]
async fn sizes_of_files_come_in_many_forms() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    for (size, shown) in [
        (json!(7), json!(7)),
        (json!("7"), json!(7)),
        (json!("350.2"), json!(350)),
        (json!(350.7), json!(350)),
        (json!("unknown"), Value::Null),
        (json!(""), Value::Null),
        (json!("-3"), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let file = json!({"url": "https://a.example/c.png", "name": "c.png", "mimeType": "image/png", "extension": "png", "size": size});
        let body = json!({"receiver": "bob", "receiverType": "user", "type": "image", "data": {"attachments": [file]}});
        let sent = ann.post("/messages", body).await.ok();
        assert_eq!(sent["data"]["attachments"][0]["size"], shown, "{size}");
    }
    for size in [json!(-1), json!({}), json!([]), json!(true)] {
        let file = json!({"url": "https://a.example/c.png", "size": size});
        let body = json!({"receiver": "bob", "receiverType": "user", "type": "image", "data": {"attachments": [file]}});
        ann.post("/messages", body).await.refused(Code::InvalidMedia);
    }
}

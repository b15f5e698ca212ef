//! Rules: what is blocked is seen by its sender and the app, and by nobody else in any way.

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::root;
use crate::apps::manager;
use crate::harness::{Client, Harness, Sock, User, hobnob, id_of, text_to};

/// The next frame of this type.
async fn next(sock: &mut Sock, kind: &str) -> Value {
    sock.expect(|frame| frame["type"] == kind).await
}

/// A rule that blocks these words, wherever they are said.
async fn forbid(h: &Harness, id: &str, words: &str, more: Value) -> Value {
    let list = json!({"id": format!("{id}-list"), "name": "L", "category": "word", "searchTerms": words});
    h.post("/moderation/keywords", list).await.ok();
    let mut rule = json!({
        "id": id, "name": format!("Rule {id}"), "enabled": true,
        "conditions": [{
            "operand": "text", "category": "word", "operator": "contains",
            "isKeywordReferencePresent": true, "value": format!("{id}-list"),
        }],
    });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    h.post("/moderation/rules", rule).await.ok()
}

fn status(message: &Value) -> &Value {
    &message["data"]["moderation"]["status"]
}

async fn texts(user: &User, with: &str) -> Vec<String> {
    let found = user.get(&format!("/users/{with}/messages")).await.list();
    found.iter().map(|message| message["data"]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn what_comes_at_last_comes_as_if_it_were_sent_then() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    forbid(&h, "r1", "heck", json!({})).await;
    let approve = async |id: i64| {
        let approved = json!({"status": "approved"});
        h.patch(&format!("/moderation/blocked-messages/{id}"), approved).await
    };
    let unread = async |user: &User, path: &str| user.get(&format!("{path}/messages?unread=1")).await.each("id");
    for (path, send) in [("/users/ann", "bob"), ("/groups/team", "team")] {
        let say = async |text: &str| {
            id_of(&if send == "bob" { ann.send(send, text).await } else { ann.send_group(send, text).await })
        };
        let first = say("hello").await;
        let hidden = say("heck").await;
        // Who reads, and who clears, comes no further than to what they see, and hears of no other.
        let (mut at_ann, mut at_bob) = (ann.connect().await, bob.again().await.connect().await);
        bob.post(&format!("{path}/conversation/read"), json!({})).await.ok();
        cy.post("/groups/team/conversation/read", json!({})).await;
        for sock in [&mut at_ann, &mut at_bob] {
            let heard = sock.before_pong().await;
            let names = |id: i64| heard.iter().any(|frame| frame["body"]["messageId"] == json!(id.to_string()));
            assert!(names(first) && !names(hidden), "{heard:?}");
        }
        assert_eq!(bob.get(&format!("{path}/conversation")).await.ok()["lastReadMessageId"], first.to_string());
        bob.post(&format!("{path}/conversation/read"), json!({"messageId": hidden}))
            .await
            .refused(Code::MessageNotFound);
        bob.delete(&format!("{path}/conversation")).await.ok();
        let mine = ann.get(&format!("/messages/{hidden}")).await.ok();
        assert!(mine.get("readAt").is_none() && mine.get("deliveredAt").is_none(), "{mine}");
        h.clock.advance(5);
        let since = h.clock.now() - 1;
        approve(hidden).await.ok();
        assert_eq!(unread(&bob, path).await, [hidden.to_string()]);
        assert_eq!(bob.get(&format!("{path}/conversation")).await.ok()["unreadMessageCount"], "1");
        assert_eq!(bob.get(&format!("{path}/messages")).await.each("id"), [hidden.to_string()]);
        // Who was away finds it among what changed.
        let changed = bob.get(&format!("{path}/messages?updatedAt={since}&affix=append")).await.each("id");
        assert_eq!(changed, [hidden.to_string()]);
    }
    // Nothing passes between two while one has blocked the other.
    let hidden = id_of(&ann.send("bob", "heck again").await);
    bob.post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    approve(hidden).await.refused(Code::BlockedReceiver);
    bob.delete_with("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    approve(hidden).await.ok();
    // A conversation that is in a list without a message stays what it is.
    h.user("dan").await;
    h.post("/users/dan/friends", json!({"accepted": ["cy"], "addToConversations": true})).await.ok();
    h.behalf("dan").post("/messages", text_to("user", "cy", "heck")).await.ok();
    cy.get("/users/dan/conversation").await.ok();
}

#[tokio::test]
async fn a_conversation_tells_nothing_of_what_is_blocked_in_it() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    forbid(&h, "r1", "heck", json!({})).await;
    ann.send("bob", "heck").await;
    // To him nobody has spoken yet; to her there is a conversation.
    let path = "/users/ann/conversation";
    bob.get(path).await.refused(Code::ConversationNotAccessible);
    bob.put(path, json!({"tags": ["x"]})).await.refused(Code::ConversationNotAccessible);
    ann.get("/users/bob/conversation").await.ok();
    let mut ids = Vec::new();
    for text in ["one", "two"] {
        ids.push(id_of(&ann.send("bob", text).await));
    }
    let last = async || {
        let conversation = bob.get(path).await.ok();
        (id_of(&conversation["lastMessage"]), conversation["latestMessageId"].clone())
    };
    assert_eq!(last().await, (ids[1], json!(ids[1].to_string())));
    // What does not show as the last one is the newest all the same.
    let silent = json!({"receiver": "bob", "receiverType": "user", "category": "custom", "type": "place",
        "data": {"customData": {"n": 1}, "updateConversation": false}});
    let silent = ann.post("/messages", silent).await.ok()["id"].clone();
    ann.send("bob", "heck, no").await;
    assert_eq!(last().await, (ids[1], silent.clone()));
    ann.delete_with(&format!("/messages/{}", silent.as_str().unwrap()), json!({"permanent": true})).await.ok();
    // One that is edited into what is blocked leaves the last place to the one before it.
    ann.put(&format!("/messages/{}", ids[1]), json!({"data": {"text": "two, heck"}})).await.ok();
    assert_eq!(last().await, (ids[0], json!(ids[0].to_string())));
    ann.put(&format!("/messages/{}", ids[0]), json!({"data": {"text": "one, heck"}})).await.ok();
    bob.get(path).await.refused(Code::ConversationNotAccessible);
    for id in ids.iter().rev() {
        let approved = json!({"status": "approved"});
        h.patch(&format!("/moderation/blocked-messages/{id}"), approved).await.ok();
        assert_eq!(last().await, (ids[1], json!(ids[1].to_string())));
    }
}

#[tokio::test]
async fn a_blocked_message_is_its_senders_alone() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    forbid(&h, "r1", "darn, heck", json!({})).await;
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    let blocked = ann.send("bob", "oh HECK!").await;
    assert_eq!(status(&blocked), "disapproved");
    let told = next(&mut at_ann, "on_moderation_status_changed").await;
    assert_eq!((status(&told["body"]), &told["body"]["id"]), (&json!("disapproved"), &blocked["id"]));
    let fine = ann.send("bob", "hello").await;
    assert_eq!(status(&fine), "approved");
    // It is the next thing that is heard of.
    let heard = next(&mut at_bob, "message").await;
    assert_eq!(heard["body"]["id"], fine["id"]);
    assert_eq!(
        (texts(&ann, "bob").await, texts(&bob, "ann").await),
        (vec!["oh HECK!".into(), "hello".into()], vec!["hello".to_owned()])
    );
    bob.get(&format!("/messages/{}", id_of(&blocked))).await.refused(Code::MessageNoAccess);
    let listed = bob.get("/conversations").await.list();
    assert_eq!((&listed[0]["unreadMessageCount"], &listed[0]["lastMessage"]["id"]), (&json!("1"), &fine["id"]));

    let waiting = h.get("/moderation/blocked-messages").await.list();
    assert_eq!((waiting.len(), &waiting[0]["message"]["id"], &waiting[0]["ruleId"]), (1, &blocked["id"], &json!("r1")));
    assert_eq!(waiting[0]["action"], json!(["blockMessage"]));
    let path = format!("/moderation/blocked-messages/{}", id_of(&blocked));
    h.patch(&path, json!({"status": "approved"})).await.ok();
    let heard = next(&mut at_bob, "message").await;
    assert_eq!((&heard["body"]["id"], status(&heard["body"])), (&blocked["id"], &json!("approved")));
    assert_eq!(status(&next(&mut at_ann, "on_moderation_status_changed").await["body"]), "approved");
    assert_eq!(texts(&bob, "ann").await, ["oh HECK!", "hello"]);
    assert_eq!(bob.get("/conversations").await.list()[0]["unreadMessageCount"], "2");
    assert!(h.get("/moderation/blocked-messages").await.list().is_empty());
    h.patch(&path, json!({"status": "approved"})).await.refused(Code::MessageNotFound);
}

#[tokio::test]
async fn rules_are_looked_at_when_they_change_and_for_whom_they_are() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let filters = json!([{"entity": "user", "type": "sender", "operand": "uid", "operator": "in", "value": "ann,cy"}]);
    let made = forbid(&h, "r1", "darn", json!({"filters": filters})).await;
    assert_eq!(made["revisionId"], format!("{}_r1_1", h.app_id));
    assert_eq!(status(&ann.send("bob", "darn").await), "disapproved");
    assert_eq!(status(&bob.send("ann", "darn").await), "approved");
    let list = json!({"searchTerms": "heck"});
    h.put("/moderation/keywords/r1-list", list).await.ok();
    assert_eq!(status(&ann.send("bob", "darn").await), "approved");
    assert_eq!(status(&ann.send("bob", "heck").await), "disapproved");
    // Nothing the app says by itself is moderated.
    let by_app = h.post("/messages", text_to("user", "bob", "heck")).await.ok();
    assert_eq!(status(&by_app), &Value::Null);
    let changed = h.put("/moderation/rules/r1", json!({"enabled": false})).await.ok();
    assert_eq!(changed["revisionId"], format!("{}_r1_2", h.app_id));
    assert_eq!(status(&ann.send("bob", "heck").await), &Value::Null, "nothing is switched on");
    let revisions = h.get("/moderation/rules/r1/revisions").await.list();
    let active: Vec<_> = revisions.iter().map(|rule| (&rule["active"], &rule["enabled"])).collect();
    assert_eq!(active, [(&json!(true), &json!(false)), (&json!(false), &json!(true))]);
    h.delete("/moderation/keywords/r1-list").await.refused(Code::PermissionDenied);
    h.delete("/moderation/rules/r1").await.ok();
    h.delete("/moderation/keywords/r1-list").await.ok();
    h.get("/moderation/rules/r1").await.refused(Code::RuleNotFound);
}

#[tokio::test]
async fn an_edit_is_looked_at_as_well() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let said = id_of(&ann.send("bob", "hello").await);
    forbid(&h, "r1", "darn", json!({})).await;
    let mut at_bob = bob.connect().await;
    ann.put(&format!("/messages/{said}"), json!({"data": {"text": "darn"}})).await.ok();
    let told = next(&mut at_bob, "on_moderation_status_changed").await;
    assert_eq!((&told["body"]["id"], told["body"]["data"].get("text")), (&json!(said.to_string()), None));
    assert!(texts(&bob, "ann").await.is_empty());
    assert_eq!(texts(&ann, "bob").await, ["darn"]);
    // Those who had it are told of it as of a review, and not as of something new.
    h.patch(&format!("/moderation/blocked-messages/{said}"), json!({"status": "approved"})).await.ok();
    let told = next(&mut at_bob, "on_moderation_status_changed").await;
    assert_eq!((&told["body"]["id"], &told["body"]["data"]["text"]), (&json!(said.to_string()), &json!("darn")));
    // What a moderator let pass is not taken away again, as long as it says the same.
    let path = format!("/messages/{said}");
    ann.put(&path, json!({"data": {"text": "darn", "metadata": {"a": 1}}})).await.ok();
    assert_eq!(texts(&bob, "ann").await, ["darn"]);
    ann.put(&path, json!({"data": {"text": "darn it"}})).await.ok();
    assert!(texts(&bob, "ann").await.is_empty());
}

#[tokio::test]
async fn what_else_rules_do() {
    let h = Harness::start().await;
    let (ann, bob, cy, dan) = (h.user("ann").await, h.user("bob").await, h.user("cy").await, h.user("dan").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    forbid(&h, "flags", "flagme", json!({"action": ["flagMessage"]})).await;
    forbid(&h, "kicks", "kickme", json!({"action": ["blockMessage", "kickUser"]})).await;
    forbid(&h, "bans", "banme", json!({"action": ["banUser"]})).await;
    forbid(&h, "blocks", "blockme", json!({"action": ["blockMessage", "blockUser"]})).await;
    let flagged = ann.send_group("team", "flagme").await;
    assert_eq!(h.get("/moderation/flagged-messages").await.list()[0]["id"], flagged["id"]);
    assert_eq!(bob.get("/groups/team/messages").await.list().last().unwrap()["id"], flagged["id"]);
    bob.send_group("team", "kickme").await;
    bob.get("/groups/team/messages").await.refused(Code::GroupNotJoined);
    cy.send_group("team", "banme").await;
    assert_eq!(h.get("/groups/team/bannedusers").await.each("uid"), ["cy"]);
    // Its owner stays.
    ann.send_group("team", "kickme").await;
    assert_eq!(h.get("/groups/team/members").await.each("uid"), ["ann"]);
    dan.send("ann", "blockme").await;
    dan.get("/me").await.refused(Code::AuthTokenUnknown);
}

#[tokio::test]
async fn a_blocked_reply_makes_no_thread_until_it_is_approved() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    forbid(&h, "r1", "darn", json!({})).await;
    let parent = id_of(&ann.send_group("team", "fine").await);
    let body = json!({"receiver": "team", "receiverType": "group", "type": "text", "data": {"text": "darn"}});
    let reply = id_of(&bob.post(&format!("/messages/{parent}/thread"), body).await.ok());
    assert!(ann.get(&format!("/messages/{parent}")).await.ok().get("replyCount").is_none());
    assert!(ann.get("/threads").await.list().is_empty());
    h.patch(&format!("/moderation/blocked-messages/{reply}"), json!({"status": "approved"})).await.ok();
    assert_eq!(ann.get(&format!("/messages/{parent}")).await.ok()["replyCount"], 1);
    for one in [&ann, &bob] {
        assert_eq!(one.get("/threads").await.each("id"), [parent.to_string()]);
    }
}

#[tokio::test]
async fn what_people_approve_rules_block_no_more() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    forbid(&h, "r1", "darn", json!({})).await;
    let mut at_bob = bob.connect().await;
    let id = id_of(&ann.send("bob", "darn").await);
    assert!(bob.get("/conversations").await.list().is_empty());
    ann.post(&format!("/messages/{id}/flagged"), json!({"reasonId": "other"})).await.ok();
    h.patch(&format!("/moderation/flagged-messages/{id}"), json!({"status": "approved"})).await.ok();
    assert!(h.get("/moderation/blocked-messages").await.list().is_empty());
    assert_eq!(next(&mut at_bob, "message").await["body"]["id"], id.to_string());
    let listed = bob.get("/conversations").await.list();
    assert_eq!(
        (&listed[0]["unreadMessageCount"], &listed[0]["lastMessage"]["id"]),
        (&json!("1"), &json!(id.to_string()))
    );
}

#[tokio::test]
async fn a_list_grows_no_further_than_its_rules_can_use() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    let list = json!({"id": "l", "name": "L", "category": "pattern", "searchTerms": "darn"});
    h.post("/moderation/keywords", list).await.ok();
    let condition = json!({"operand": "text", "category": "pattern", "operator": "equals",
        "isKeywordReferencePresent": true, "value": "l"});
    h.post("/moderation/rules", json!({"id": "r", "name": "R", "enabled": true, "conditions": [condition]})).await.ok();
    // It is one by itself, and none where it is to be the whole text.
    h.put("/moderation/keywords/l", json!({"searchTerms": "(?x) heck # strong"})).await.refused(Code::BadRequest);
    assert_eq!(status(&ann.send("bob", "darn").await), "disapproved");
    assert_eq!(status(&ann.send("bob", "heck").await), "approved");
}

/// A message of a category with this data.
async fn of(user: &User, category: &str, kind: &str, data: Value) -> Value {
    let message = json!({"receiver": "bob", "receiverType": "user", "category": category, "type": kind, "data": data});
    user.post("/messages", message).await.ok()
}

#[tokio::test]
async fn a_word_is_found_wherever_people_would_read_it() {
    let h = Harness::start().await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    let (conditions, file) = (
        json!([
            {"operand": "text", "category": "word", "value": ["darn"]},
            {"operand": "custom", "category": "word", "value": ["darn"]},
            {"operand": "text", "category": "pattern", "value": [r"(?i)secret\d+"]},
        ]),
        |name: &str| json!([{"name": name, "extension": "png", "mimeType": "image/png", "url": "https://a.example/a"}]),
    );
    h.post("/moderation/rules", json!({"id": "r1", "name": "R", "conditions": conditions})).await.ok();
    let picture = |text: &str, name: &str| json!({"text": "nice", "caption": text, "attachments": file(name)});
    for (category, kind, data) in [
        ("message", "text", json!({"text": "d\u{430}rn"})),
        ("message", "text", json!({"text": "da\u{2061}rn"})),
        ("message", "text", json!({"text": "se\u{200B}cret\u{FF11}"})),
        ("message", "image", picture("darn", "a.png")),
        ("message", "image", picture("fine", "darn.png")),
        ("custom", "place", json!({"customData": {"at": "x\ndarn"}})),
        ("interactive", "form", json!({"interactiveData": {"formFields": [{"label": "darn"}]}})),
    ] {
        let sent = of(&ann, category, kind, data.clone()).await;
        assert_eq!(status(&sent), "disapproved", "{data}");
    }
    for (category, kind, data) in [
        ("message", "image", picture("fine", "a.png")),
        ("custom", "place", json!({"customData": {"at": [52.5200066, 13.404954], "since": 1_795_913_980}})),
        ("interactive", "form", json!({"interactiveData": {"formFields": []}})),
    ] {
        assert_eq!(status(&of(&ann, category, kind, data.clone()).await), "approved", "{data}");
    }
    // As it came, escapes and all: what it says is what counts.
    let raw = r#"{"receiver":"bob","receiverType":"user","category":"custom","type":"x","data":{"customData":{"a":"d\u0061rn"}}}"#;
    let sent = ann.raw(Method::POST, "/messages", Some(raw.into())).await.ok();
    assert_eq!(status(&sent), "disapproved");
}

#[tokio::test]
async fn what_all_rules_of_an_app_look_for_is_bounded() {
    let h = Harness::start().await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    // Five lists of almost a megabyte each.
    for list in 0..5 {
        let words: Vec<String> = (0..10_000).map(|n| format!("{list}word{n}{}", "x".repeat(88))).collect();
        let field = |name: &str, value: &str| {
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let list =
            [("id", &*format!("l{list}")), ("name", "L"), ("category", "word"), ("searchTerms", &words.join(","))];
        let body = list.map(|(name, value)| field(name, value)).concat() + "--XX--\r\n";
        let key: &Client = &h.app;
        let form = key.clone().with("Content-Type", "multipart/form-data; boundary=XX");
        form.raw(Method::POST, "/moderation/keywords", Some(body.into())).await.ok();
    }
    let rule = |id: &str, lists: &[&str]| {
        let on = |operand| json!({"operand": operand, "category": "word", "isKeywordsReferencePresent": true, "value": lists});
        json!({"id": id, "name": "R", "conditions": [on("text"), on("custom")]})
    };
    // However often a list is named, it is looked for once.
    h.post("/moderation/rules", rule("r1", &["l0", "l1", "l0", "l1", "l0", "l1"])).await.ok();
    h.post("/moderation/rules", rule("r2", &["l2"])).await.ok();
    let refused = h.post("/moderation/rules", rule("r3", &["l3", "l4"])).await;
    assert!(refused.refused(Code::BadRequest).to_string().contains("allowed"));
    h.get("/moderation/rules/r3").await.refused(Code::RuleNotFound);
    assert_eq!(status(&ann.send("bob", "hello").await), "approved");
    assert_eq!(status(&ann.send("bob", &format!("2word7{}", "x".repeat(88))).await), "disapproved");
}

/// Whoever changes what is moderated is in the log: an app's key, a management key, an admin.
#[tokio::test]
async fn changes_of_rules_lists_and_reasons_are_noted() {
    let h = Harness::start().await;
    let ops = manager(&h).await.with("appId", &h.app_id);
    let admin = root(&h).await.with("appId", &h.app_id);
    let looks = json!([{"operand": "text", "category": "word", "value": "darn"}]);
    let makes = [
        ("rule", "/moderation/rules", json!({"id": "r", "name": "R", "conditions": looks})),
        ("keywords", "/moderation/keywords", json!({"id": "r", "name": "L", "category": "word", "searchTerms": "a"})),
        ("reason", "/moderation/reasons", json!({"id": "r", "name": "R"})),
    ];
    let noted = async |actor: &str| {
        let entries = root_log(&h).await;
        let of = entries.iter().filter(|entry| entry["actor"].as_str().unwrap().starts_with(actor));
        let of = of.filter(|entry| entry["target"] == "r");
        let mut acts: Vec<String> = of.map(|entry| entry["act"].as_str().unwrap().to_owned()).collect();
        acts.reverse();
        acts
    };
    for (who, actor) in [(&*h.app as &Client, "key "), (&ops, "management "), (&admin, "admin root")] {
        let mut wanted = Vec::new();
        for (noun, path, body) in &makes {
            if *noun == "reason" && actor.starts_with("management") {
                continue;
            }
            let one = format!("{path}/r");
            who.post(path, body.clone()).await.ok();
            // What is refused is not noted.
            who.post(path, body.clone()).await.envelope();
            who.put(&one, json!({"name": "Other"})).await.ok();
            who.put(&one, json!({"name": ""})).await.envelope();
            who.delete(&one).await.ok();
            who.delete(&one).await.envelope();
            wanted.extend(["create", "update", "delete"].map(|verb| format!("{noun}.{verb}")));
        }
        assert_eq!(noted(actor).await, wanted, "{actor}");
    }
}

async fn root_log(h: &Harness) -> Vec<Value> {
    let log = hobnob(&h.data, &["audit", "list", "--app", &h.app_id, "--json"]);
    serde_json::from_slice(&log.stdout).expect("JSON")
}

#[tokio::test]
async fn lists_come_as_tables_and_as_they_are_shown() {
    let h = Harness::start().await;
    let key: &Client = &h.app;
    let form = key.clone().with("Content-Type", "multipart/form-data; boundary=XX");
    let table = |id: &str, file: &[u8]| {
        let field = |name: &str, value: &str| {
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
        };
        let head = b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n".to_vec();
        [
            field("id", id),
            field("name", "T"),
            field("category", "word"),
            head,
            file.to_vec(),
            b"\r\n--XX--\r\n".to_vec(),
        ]
        .concat()
    };
    let made =
        form.raw(Method::POST, "/moderation/keywords", Some(table("t", b"darn\r\n\"heck, no\";hell"))).await.ok();
    assert_eq!((&made["searchTerms"], &made["isCSV"]), (&json!(["darn", "heck, no", "hell"]), &json!(true)));
    let refused = form.raw(Method::POST, "/moderation/keywords", Some(table("u", b"d\xe9j\xe0"))).await;
    assert!(refused.refused(Code::BadRequest)["message"].as_str().is_some_and(|said| said.contains("UTF-8")));
    // What is read can be written.
    let terms = json!(["heck, no", "say \"oh\""]);
    let list = json!({"id": "l", "name": "L", "category": "word", "searchTerms": terms});
    assert_eq!(h.post("/moderation/keywords", list).await.ok()["searchTerms"], terms);
    let patterns = json!({"id": "p", "name": "P", "category": "pattern", "searchTerms": ["a{1,3}", "^\"b\"$"]});
    assert_eq!(h.post("/moderation/keywords", patterns.clone()).await.ok()["searchTerms"], patterns["searchTerms"]);
    // What may be said is all named.
    let rule = json!({"id": "r", "name": "R", "conditions": [], "action": ["block"]});
    let details = h.post("/moderation/rules", rule).await.refused(Code::BadRequest)["details"].to_string();
    assert!(details.contains("kickUser") && details.contains("blockUser"), "{details}");
}

#[tokio::test]
async fn not_even_the_id_of_what_is_blocked_is_told() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    forbid(&h, "r1", "darn", json!({})).await;
    let fine = ann.send("bob", "hello").await;
    let blocked = ann.send("bob", "darn").await;
    for (user, with, latest) in [(&ann, "bob", &blocked), (&bob, "ann", &fine)] {
        let found = user.get(&format!("/users/{with}/conversation")).await.ok();
        assert_eq!(found["latestMessageId"], latest["id"]);
        assert_eq!(user.get("/conversations").await.list()[0]["latestMessageId"], latest["id"]);
    }
}

/// The method, the path and the body of each command of the handbook that moderates.
fn handbook() -> Vec<(Method, String, Option<Value>)> {
    let lines = include_str!("../../docs/operations.md").lines().filter(|line| line.starts_with("    curl "));
    let command = |line: &str| {
        let path = line.split_once("/v3/moderation/")?.1.split(' ').next()?;
        let body = line.split_once(" -d '").map(|(_, body)| serde_json::from_str(body.trim_end_matches('\'')).unwrap());
        let method = line.split_once("-X ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let method = method.unwrap_or(if body.is_some() { Method::POST } else { Method::GET });
        Some((method, format!("/moderation/{path}"), body))
    };
    lines.filter_map(command).collect()
}

#[tokio::test]
async fn the_handbook_moderates() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut commands = handbook().into_iter();
    for (method, path, body) in commands.by_ref().take(2) {
        h.call(method, &path, body).await.ok();
    }
    let blocked = ann.send("bob", "Oh, heck!").await;
    assert_eq!((status(&blocked), texts(&bob, "ann").await.len()), (&json!("disapproved"), 0));
    assert_eq!(status(&ann.send("bob", "a@b.example").await), "approved");
    let mut done = 0;
    for (method, path, body) in commands {
        let path = path.replace("/ID", &format!("/{}", id_of(&blocked)));
        let answer = h.call(method, &path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        done += 1;
    }
    // The engine is of whoever reads it.
    h.put("/moderation/rules/judged", json!({"enabled": false})).await.ok();
    assert_eq!((done, texts(&bob, "ann").await), (7, vec!["Oh, heck!".to_owned(), "a@b.example".to_owned()]));
    assert_eq!(status(&ann.send("bob", "a@b.example").await), "disapproved");
    assert_eq!(status(&ann.send("bob", "Oh, heck!").await), "approved");
}

#[tokio::test]
async fn what_was_hidden_is_deleted_without_a_trace() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    forbid(&h, "r1", "darn", json!({})).await;
    let mut at_bob = bob.connect().await;
    let (first, second) = (ann.send("bob", "darn").await, ann.send("bob", "darn, darn").await);
    ann.delete(&format!("/messages/{}", id_of(&first))).await.ok();
    h.delete_with(&format!("/messages/{}", id_of(&second)), json!({"permanent": true})).await.ok();
    // An edit made it so: who saw it has taken it away.
    let edited = ann.send("bob", "hello").await;
    ann.put(&format!("/messages/{}", id_of(&edited)), json!({"data": {"text": "darn"}})).await.ok();
    ann.delete(&format!("/messages/{}", id_of(&edited))).await.ok();
    let fine = ann.send("bob", "bye").await;
    for kind in ["message", "on_moderation_status_changed", "message"] {
        let heard =
            at_bob.expect(|frame| frame["type"] == "message" || frame["type"] == "on_moderation_status_changed").await;
        assert_eq!((&heard["type"], heard["body"]["category"] == "action"), (&json!(kind), false), "{heard}");
    }
    let seen = bob.get("/users/ann/messages").await.list();
    assert_eq!(seen.iter().map(|message| &message["id"]).collect::<Vec<_>>(), [&fine["id"]]);
    assert_eq!(bob.get("/conversations").await.list()[0]["unreadMessageCount"], "1");
    let own = ann.get("/users/bob/messages").await.list();
    assert_eq!(own.iter().filter(|message| message.get("deletedAt").is_some()).count(), 2);
}

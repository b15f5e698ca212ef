//! What the clients for Android and iOS send, and the keys they unwrap, as read in their public source: neither runs here.
//!
//! They differ from the JavaScript client in small things: every value of a body is text, ports are text, files have no type,
//! the version stands twice in a path, and a socket is left with a protocol error's code.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::harness::{Client, Harness, User, id_of};
use crate::media::{PNG, Part, picture, post, to_bob};

const ANDROID: &str = "ANDROID-4_1_8-5b0c-1795000000000";
const IOS: &str = "iOS-4_1_7-5b0c-1795000000000";

/// The login of a telephone: a token by the Auth Key, then `PUT me`, both with the version twice.
async fn log_in(h: &Harness, uid: &str, session: &str) -> (User, Value) {
    let user = h.user(uid).await.named(session);
    let body =
        json!({"platform": "android", "deviceId": "d-1", "appInfo": {"version": "v4.1.8", "apiVersion": "v3.0"}});
    let made = h.auth_only().post(&format!("/v3.0/users/{uid}/auth_tokens"), body.clone()).await.ok();
    assert!(made["authToken"].is_string() && made["uid"] == uid);
    let me = user.put("/v3.0/me", body).await.ok();
    (user, me)
}

/// A text that reads as a whole number.
fn is_number_in_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<u16>().is_ok())
}

#[tokio::test]
async fn the_settings_each_of_them_reads() {
    let h = Harness::start().await;
    for (uid, session) in [("ann", ANDROID), ("bob", IOS)] {
        let (user, me) = log_in(&h, uid, session).await;
        for key in ["uid", "name", "authToken", "jwt", "status"] {
            assert!(me[key].is_string(), "{key}: {me}");
        }
        assert_eq!(me["authToken"], user.token);
        let settings = &me["settings"];
        for key in
            ["CHAT_HOST", "CHAT_API_VERSION", "CLIENT_API_HOST", "ADMIN_API_HOST", "REGION", "MODE", "settingsHash"]
        {
            assert!(settings[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {settings}");
        }
        assert!(is_number_in_text(&settings["CHAT_WS_PORT"]) && is_number_in_text(&settings["CHAT_WSS_PORT"]));
        assert!(settings["CHAT_USE_SSL"].is_boolean());
        // A name alone: they put scheme and port around it.
        assert!(!settings["CHAT_HOST"].as_str().unwrap().contains(['/', ':']));
        for key in ["file.size.max", "file.count.max"] {
            assert!(settings["parameters"][key].is_u64(), "Android looks in the parameters for {key}");
        }
        for extension in settings["extensions"].as_array().unwrap() {
            assert!(extension["id"].is_string() && extension["enabled"] == true, "{extension}");
        }
        assert_eq!(me.get("wsChannel").is_some(), session == ANDROID, "a channel made iOS 4.1.7 crash");
    }
}

#[tokio::test]
async fn bodies_whose_values_are_all_text() {
    let h = Harness::start().await;
    let ((ann, _), (bob, _)) = (log_in(&h, "ann", ANDROID).await, log_in(&h, "bob", IOS).await);
    let mut at_bob = bob.connect().await;
    let mut send = json!({
        "receiver": "bob", "receiverType": "user", "category": "message", "type": "text", "muid": "m-1", "sentAt": "0",
        "parentMessageId": "0", "data": {"text": "hi", "metadata": {"k": "1"}},
    });
    let sent = ann.post("/v3.0/messages", send.clone()).await.ok();
    assert!(
        sent["id"].is_string() && sent["sentAt"].is_i64() && sent["muid"] == "m-1" && sent.get("parentId").is_none()
    );
    // Both sides are built from the entities.
    for (side, uid) in [("sender", "ann"), ("receiver", "bob")] {
        assert_eq!(sent["data"]["entities"][side]["entity"]["uid"], uid);
        assert!(sent["data"]["entities"][side]["entity"]["name"].is_string());
    }
    let heard = at_bob.expect_text("hi").await;
    assert_eq!((&heard["body"]["id"], &heard["deviceId"]), (&sent["id"], &json!(ANDROID)));
    send["parentMessageId"] = sent["id"].clone();
    send["muid"] = json!("m-2");
    assert_eq!(ann.post("/v3.0/messages", send).await.ok()["parentId"], sent["id"]);

    let group = json!({"guid": "team", "name": "Team", "type": "public", "hasJoined": "false", "membersCount": "0"});
    assert_eq!(ann.post("/v3.0/groups", group).await.ok()["membersCount"], 1);
    let mark = json!({"messageId": sent["id"]});
    bob.post("/v3.0/users/ann/conversation/read", mark).await.ok();
    let found = bob.get("/v3.0/users/ann/conversation").await.ok();
    assert!(found["unreadMessageCount"].is_string() && found["lastMessage"]["id"].is_string(), "{found}");
    // Receipts over the socket: the id is text here as well.
    at_bob.receipt("read", "user", "ann", id_of(&sent)).await;
    at_bob.before_pong().await;
    assert!(ann.get(&format!("/v3.0/messages/{}", id_of(&sent))).await.ok()["readAt"].is_i64());
}

#[tokio::test]
async fn files_without_a_type() {
    let h = Harness::start().await;
    let ((ann, _), _) = (log_in(&h, "ann", ANDROID).await, log_in(&h, "bob", IOS).await);
    let photo = picture(20, 10);
    let mut parts: Vec<Part<'_>> = to_bob("image", r#"{"metadata":{"k":"1"}}"#);
    parts.push(("files[]", Some(("photo.png", "*/*")), &photo));
    parts.push(("files[]", Some(("notes.txt", "*/*")), b"hello"));
    let (status, body) = post(&ann, "/v3.0/messages", &parts).await;
    assert_eq!(status, 200, "{body}");
    let files = body["data"]["data"]["attachments"].as_array().unwrap();
    let kinds: Vec<_> =
        files.iter().map(|file| (file["mimeType"].as_str().unwrap(), file["extension"].as_str().unwrap())).collect();
    assert_eq!(kinds, [(PNG, "png"), ("text/plain", "txt")]);
    for file in files {
        assert!(file["size"].is_u64() && file["url"].is_string() && file["name"].is_string(), "{file}");
    }
    assert_eq!(body["data"]["data"]["url"], files[0]["url"]);
}

/// Walks a list as Android does: by `current_page` and `total_pages`, which it reads as numbers.
async fn walked(who: &Client, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..20 {
        let body = who.get(&format!("{path}&affix=prepend{cursor}")).await.body;
        let page = body["data"].as_array().unwrap().clone();
        let pagination = &body["meta"]["pagination"];
        let number = |key: &str| pagination[key].as_i64().unwrap_or_else(|| panic!("{key}: {body}"));
        let last = number("current_page") >= number("total_pages");
        assert!(body["meta"]["cursor"].is_object());
        if let Some(first) = page.first() {
            cursor = format!("&id={}&sentAt={}", id_of(first), first["sentAt"]);
        }
        all.splice(0..0, page);
        if last {
            return all;
        }
    }
    panic!("{path} does not come to an end");
}

#[tokio::test]
async fn lists_are_followed_to_their_end() {
    let h = Harness::start().await;
    let ((ann, _), _) = (log_in(&h, "ann", ANDROID).await, log_in(&h, "bob", IOS).await);
    let mut sent = Vec::new();
    for at in 0..7 {
        sent.push(id_of(&ann.send("bob", &at.to_string()).await));
    }
    for size in [3, 7, 10] {
        let all = walked(&ann, &format!("/v3.0/users/bob/messages?per_page={size}")).await;
        assert_eq!(all.iter().map(id_of).collect::<Vec<_>>(), sent, "pages of {size}");
    }
    let quote = json!({"receiver": "bob", "receiverType": "user", "category": "message", "type": "text",
        "data": {"text": "quoting"}, "quotedMessageId": sent[0].to_string()});
    ann.post("/messages", quote).await.ok();
    let without = walked(&ann, "/v3.0/users/bob/messages?per_page=30&hideQuotedMessage=1").await;
    assert_eq!(without.len(), sent.len(), "Android spells it in the singular");
    assert!(walked(&ann, "/v3.0/users/bob/messages?per_page=30&searchKey=nothing").await.is_empty());
}

#[tokio::test]
async fn a_socket_left_with_1002_is_left_all_the_same() {
    let h = Harness::start().await;
    let ((ann, _), (bob, _)) = (log_in(&h, "ann", ANDROID).await, log_in(&h, "bob", IOS).await);
    let mut at_bob = bob.connect_with(json!({"presenceSubscription": "ALL_USERS"})).await;
    let about_ann =
        |action: &'static str| move |frame: &Value| frame["type"] == "presence" && frame["body"]["action"] == action;
    for _ in 0..2 {
        let mut at_ann = ann.connect().await;
        at_bob.expect(about_ann("online")).await;
        at_ann.write(Message::Close(Some(CloseFrame { code: 1002.into(), reason: "".into() }))).await;
        at_bob.expect(about_ann("offline")).await;
        assert_eq!(ann.get("/me").await.status, 200, "the login goes on");
    }
    assert_eq!(h.app.nobody().call(Method::GET, "/v3/v3.0/settings", None).await.code(), Some("AUTH_ERR_EMPTY_APIKEY"));
}

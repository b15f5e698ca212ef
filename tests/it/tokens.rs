//! Auth tokens: one per login, kept as digests, ended one by one or all at once.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::{Harness, NOW};

#[tokio::test]
async fn a_login_from_key_to_socket() {
    let h = Harness::start().await;
    h.post("/users", json!({"uid": "ann", "name": "Ann"})).await.ok();
    let device = json!({"platform": "WEB", "deviceId": "d-1", "appInfo": {"version": "v4.2.0", "userAgent": "UA/1"}});
    let made = h.auth_only().post("/users/ANN/auth_tokens", device.clone()).await.ok();
    let token = made["authToken"].as_str().unwrap().to_owned();
    assert_eq!((&made["uid"], &made["createdAt"]), (&json!("ann"), &json!(NOW)));
    let rest = token.strip_prefix(&format!("ann_{NOW}")).unwrap();
    assert!(rest.len() == 40 && rest.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
    let client = h.nobody().with("appId", &h.app_id).with("authToken", &token);
    let me = client.put("/me", device).await.ok();
    assert_eq!((&me["uid"], &me["authToken"], &me["name"]), (&json!("ann"), &json!(token), &json!("Ann")));
    let settings = &me["settings"];
    assert!(settings["APP_VERSION"].as_i64() >= Some(3) || settings["APP_VERSION"].as_str() >= Some("3"), "{settings}");
    assert_eq!(settings["CHAT_API_VERSION"], "v3.0");
    assert_eq!(settings["ANALYTICS_PING_DISABLED"], true);
    let host = h.base().trim_start_matches("http://");
    assert_eq!(settings["CLIENT_API_HOST"], host);
    assert_eq!(settings["ADMIN_API_HOST"], host);
    assert!(settings["CHAT_HOST"].is_string() && settings.get("CHAT_WSS_PORT").is_some());
    // What mobile clients look for.
    assert_eq!((&settings["CHAT_WS_PORT"], &settings["CHAT_USE_SSL"]), (&settings["CHAT_WSS_PORT"], &json!(false)));
    assert!(settings["CHAT_WS_PORT"].is_string() && !settings["CHAT_HOST"].as_str().unwrap().contains([':', '/']));
    for size in ["file.size.max", "file.count.max"] {
        assert!(settings[size].is_u64());
        assert_eq!(settings["parameters"][size], settings[size]);
    }
    assert_eq!(settings["settingsHash"].as_str().map(str::len), Some(16));
    assert!(me["wsChannel"].is_object());
    let phone = client.clone().with("resource", "iOS-4_1_7-abc").put("/me", json!({})).await.ok();
    assert!(phone.get("wsChannel").is_none());
    assert_eq!(client.get("/settings").await.ok(), *settings);
    assert_eq!(client.get("/me").await.ok()["jwt"], me["jwt"]);
    let session = client.post("/user_sessions", json!({"sessionId": "abc", "data": {}})).await.ok();
    assert_eq!(session["sessionId"], "abc");
    // The secrets are nowhere at rest.
    let stored = h.snapshot().await.0;
    for secret in [token.as_str(), me["jwt"].as_str().unwrap(), &h.api_key, &h.auth_key] {
        assert!(!stored.contains(secret));
    }
}

#[tokio::test]
async fn the_app_lists_changes_and_ends_them() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let second = ann.again().await;
    let path = |token: &str| format!("/users/ann/auth_tokens/{token}");
    assert_eq!(h.get("/users/ann/auth_tokens").await.list().len(), 2);
    let text = h.get("/users/ann/auth_tokens").await.text;
    assert!(!text.contains(&ann.token) && !text.contains(&second.token), "shown once, when it is made");
    let changed =
        h.put(&path(&ann.token), json!({"platform": "ios", "userAgent": "UA", "appInfo": {"v": 1}})).await.ok();
    assert_eq!((&changed["platform"], &changed["userAgent"]), (&json!("ios"), &json!("UA")));
    h.put(&path(&ann.token), json!({"appInfo": 7})).await.ok();
    let shown = h.get(&path(&ann.token)).await.ok();
    assert_eq!((&shown["platform"], &shown["appInfo"]), (&json!("ios"), &json!({"v": 1})), "what is no object is left");
    h.get(&path(&bob.token)).await.refused(Code::TokenNotAccessible);
    h.delete(&path(&bob.token)).await.refused(Code::TokenNotAccessible);
    h.get(&path("none")).await.refused(Code::TokenNotFound);
    h.delete(&path(&ann.token)).await.ok();
    ann.get("/me").await.refused(Code::AuthTokenUnknown);
    second.get("/me").await.ok();
    h.delete("/users/ann/auth_tokens").await.ok();
    second.get("/me").await.refused(Code::AuthTokenUnknown);
    bob.get("/me").await.ok();
    assert!(h.get("/users/ann/auth_tokens").await.list().is_empty());
    h.get("/users/none/auth_tokens").await.refused(Code::UidNotFound);
    h.auth_only().post("/users/none/auth_tokens", json!({})).await.refused(Code::UidNotFound);
}

#[tokio::test]
async fn one_more_than_there_may_be_ends_the_oldest() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let sock = ann.connect().await;
    for _ in 0..99 {
        h.auth_only().post("/users/ann/auth_tokens", json!({"force": true})).await.ok();
    }
    ann.get("/me").await.ok();
    h.auth_only().post("/users/ann/auth_tokens", json!({"force": true})).await.ok();
    ann.get("/me").await.refused(Code::AuthTokenUnknown);
    assert_eq!(sock.closed().await.1, Some(4001));
    assert_eq!(h.count("SELECT count(*) FROM tokens"), 100);
}

#[tokio::test]
async fn log_ins_of_one_device_push_out_no_other_device() {
    let h = Harness::with(&["--limit", "tokens=3"]).await;
    let phone = h.user("ann").await;
    phone.put("/me", json!({"deviceId": "phone"})).await.ok();
    let device = json!({"platform": "javascript", "deviceId": "browser"});
    let mut made = Vec::new();
    for _ in 0..5 {
        let login = h.auth_only().post("/users/ann/auth_tokens", device.clone()).await.ok();
        made.push(login["authToken"].as_str().expect("a token").to_owned());
    }
    phone.get("/me").await.ok();
    for (at, token) in made.iter().enumerate() {
        let asked = h.nobody().with("appId", &h.app_id).with("authToken", token).get("/me").await;
        assert_eq!(asked.status == 200, at >= 3, "login {at}");
    }
}

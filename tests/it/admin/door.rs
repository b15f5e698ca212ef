//! The REST API by an admin's session: wherever a full key of an app is taken, and nowhere for a page of another site.

use hobnob::model::Code;
use hobnob::model::admin::AdminRole;
use reqwest::Method;
use serde_json::{Value, json};

use super::roles::admin_of;
use super::root;
use crate::harness::{App, Client, Harness, id_of, text_to};

/// The admin in an app.
pub fn within(admin: &Client, app: &App) -> Client {
    admin.clone().with("appId", &app.app_id)
}

#[tokio::test]
async fn an_admin_does_in_an_app_what_its_key_does() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group_of("secret", "private", &ann, &[&bob]).await;
    let app = within(&root, &h);
    let as_ann = app.clone().with("onBehalfOf", "ann");

    assert_eq!(app.put("/users/bob", json!({"name": "Robert"})).await.ok()["name"], "Robert");
    assert_eq!(app.get("/v3/users/bob").await.ok()["name"], "Robert", "any version of the path");
    let mut sock = bob.connect().await;
    let sent = as_ann.post("/messages", text_to("user", "bob", "by hand")).await.ok();
    assert_eq!(sent["sender"], "ann");
    sock.expect_text("by hand").await;
    let id = id_of(&sent);
    app.put(&format!("/messages/{id}"), json!({"data": {"text": "edited"}})).await.ok();
    assert_eq!(as_ann.get("/users/bob/messages").await.list()[0]["data"]["text"], "edited");
    app.delete(&format!("/messages/{id}")).await.ok();
    app.delete("/groups/secret/members/bob").await.ok();
    assert_eq!(app.get("/groups/secret/members").await.each("uid"), ["ann"]);

    // The app is named, by the header or by the host, and by both as the same.
    root.get("/users/bob").await.refused(Code::InvalidAppId);
    root.clone().with("appId", "0000").get("/users/bob").await.refused(Code::InvalidAppId);
    let host = format!("{}.api-us.chat.example", h.app_id);
    root.clone().with("Host", &host).get("/users/bob").await.ok();
    app.clone().with("Host", "0000.api-us.chat.example").get("/users/bob").await.refused(Code::InvalidAppId);
    let other = h.another_app().await;
    within(&root, &other).get("/users/bob").await.refused(Code::UidNotFound);
    // A user acts only where one is named; what is a login's own is for the login.
    app.post("/messages", text_to("user", "bob", "x")).await.ok();
    app.post("/users/ann/conversation/read", json!({})).await.refused(Code::BadRequest);
    as_ann.get("/me").await.refused(Code::EmptyAuthToken);
    // A credential of the app comes first, good or not.
    app.clone().with("apiKey", "0123").get("/users/bob").await.refused(Code::ApiKeyUnknown);
    // When the session is over, so is this.
    root.post("/admin/api/logout", json!({})).await.ok();
    app.get("/users/bob").await.refused(Code::EmptyAuthHeader);
}

#[tokio::test]
async fn what_an_admin_changes_is_noted_with_their_name() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let app = within(&root, &h);
    let ann = h.user("ann").await;
    let bob = h.user("bob").await;
    h.group("team", &ann, &[&bob]).await;
    let entries = async || {
        let all = root.get(&format!("/admin/api/audit?app={}", h.app_id)).await.list();
        let shown = |entry: &Value| {
            let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {} {}", text("actor"), text("act"), text("target"), text("other"), entry["details"])
        };
        all.iter().map(shown).collect::<Vec<_>>()
    };
    app.get("/users").await.ok();
    app.put("/users/nobody", json!({"name": "x"})).await.refused(Code::UidNotFound);
    assert_eq!(entries().await, [""; 0], "neither what only looks at users nor what was refused");

    app.put("/users/bob", json!({"name": "Robert"})).await.ok();
    app.delete("/groups/team/members/bob").await.ok();
    let as_ann = app.clone().with("onBehalfOf", "ann");
    as_ann.post("/messages", text_to("user", "bob", "hi")).await.ok();
    let made = app.post("/apikeys", json!({"name": "more", "scope": "fullAccess"})).await.ok();
    let secret = made["apiKey"].as_str().unwrap();
    root.post(&super::of(&h, "/users/bob/deactivate"), json!({})).await.ok();
    let noted = entries().await;
    assert_eq!(noted[0], "admin root call.admin-deactivate-user bob - null");
    assert!(noted[1].starts_with("admin root key.create "), "its own entry, and only that: {noted:?}");
    assert_eq!(noted[2], "admin root call.send-message - ann null");
    assert_eq!(noted[3], r#"admin root call.kick-group-member bob - {"guid":"team"}"#);
    assert_eq!(noted[4], "admin root call.update-user bob - null");
    assert_eq!(noted.len(), 5);
    // Not a word of a secret that stands in a path.
    app.delete(&format!("/apikeys/{secret}")).await.ok();
    app.post("/users/ann/auth_tokens", json!({})).await.ok();
    app.delete(&format!("/users/ann/auth_tokens/{}", ann.token)).await.ok();
    let noted = entries().await;
    assert_eq!(noted[0], "admin root call.delete-authtoken ann - null");
    assert!(!noted.iter().any(|entry| entry.contains(secret) || entry.contains(&ann.token)));

    // Who is erased is in no entry, on neither side.
    app.delete_with("/users/ann", json!({"kind": "erase"})).await.ok();
    app.delete_with("/users/bob", json!({"kind": "erase"})).await.ok();
    let noted = entries().await;
    assert!(!noted.iter().any(|entry| entry.contains("bob") || entry.contains(" ann")), "{noted:?}");
    assert_eq!(noted.iter().filter(|entry| entry.contains("call.send-message - #")).count(), 1);
}

/// Where people and receivers are found is for admins and owners, whichever way one asks.
#[tokio::test]
async fn the_lower_roles_see_no_address() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let bob = h.user("bob").await;
    h.group("team", &ann, &[&bob]).await;
    for (uid, key) in [("ann", "@private"), ("bob", "\\u0040private")] {
        let metadata = format!(r#"{{"metadata":{{"{key}":{{"email":"at@home.example"}},"size":"tall"}}}}"#);
        h.raw(Method::PUT, &format!("/users/{uid}"), Some(metadata.into_bytes())).await.ok();
    }
    // Other people see nothing of it either, however it was written.
    assert!(!ann.get("/users/bob").await.text.contains("home.example"));
    h.post("/users/ann/friends", json!({"accepted": ["bob"]})).await.ok();
    let engine = json!({"id": "engine", "name": "engine", "category": "custom-api", "url": "https://engine.example/token",
        "basicAuthEnabled": true, "username": "us-name", "password": "pw"});
    within(&root(&h).await, &h).post("/moderation/keywords", engine).await.ok();

    let people = [
        "/users".to_owned(),
        "/users/ann".to_owned(),
        "/users/bob".to_owned(),
        "/users/ann/friends".to_owned(),
        "/groups/team/members".to_owned(),
        super::of(&h, "/users"),
        super::of(&h, "/users/bob"),
    ];
    let engines = ["/moderation/keywords", "/moderation/keywords/engine"].map(str::to_owned);
    for role in AdminRole::ALL {
        let admin = admin_of(&h, role).await.with("appId", &h.app_id);
        let sees = role >= AdminRole::Admin;
        for path in people.iter().chain(&engines) {
            let text = admin.get(path).await.text;
            let secret = ["home.example", "engine.example", "us-name"].iter().any(|word| text.contains(word));
            assert_eq!(secret, sees, "{role} at {path}: {text}");
        }
        let as_ann = admin.clone().with("onBehalfOf", "ann").get("/users/ann").await.text;
        assert_eq!(as_ann.contains("home.example"), sees, "{role}: {as_ann}");
        assert!(as_ann.contains("tall"), "the rest is there: {as_ann}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_reaches_nothing_with_it() {
    let h = Harness::start().await;
    let root = root(&h).await;
    h.user("bob").await;
    let app = within(&root, &h);
    let own = h.base().to_owned();
    let before = h.snapshot().await;
    for foreign in [
        &[("Origin", "https://evil.example")][..],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", &*own)],
    ] {
        let client = foreign.iter().fold(app.clone(), |client, (name, value)| client.with(name, value));
        client.get("/users/bob").await.refused(Code::NoAccess);
        client.put("/users/bob", json!({"name": "Mallory"})).await.refused(Code::NoAccess);
        client.delete("/users/bob").await.refused(Code::NoAccess);
        client.get("/admin/api/overview").await.refused(Code::NoAccess);
    }
    // Nor is it sent by a browser that was asked to: it is no cookie, and as a header it is not allowed to others.
    h.nobody()
        .with("appId", &h.app_id)
        .with("Cookie", "x-hobnob-admin=1")
        .put("/users/bob", json!({}))
        .await
        .refused(Code::EmptyApiKey);
    before.still(h.snapshot().await, "from another site");
    for (asked, allowed) in [("apikey, appid", true), ("appid, X-Hobnob-Admin", false), ("x-hobnob-admin", false)] {
        let preflight = h.nobody().with("Origin", "https://evil.example").with("Access-Control-Request-Headers", asked);
        let answer = preflight.raw(Method::OPTIONS, "/v3/users/bob", None).await;
        assert_eq!(answer.headers.get("access-control-allow-headers").is_some(), allowed, "{asked}");
    }
    for fine in [&[("Origin", &*own)][..], &[("Origin", "https://x.example"), ("Sec-Fetch-Site", "same-origin")]] {
        let client = fine.iter().fold(app.clone(), |client, (name, value)| client.with(name, value));
        client.put("/users/bob", json!({"name": "Robert"})).await.ok();
    }
}

#[tokio::test]
async fn an_app_that_used_up_its_requests_is_seen_to_all_the_same() {
    let settings = ["--rate-limits", "all", "--rate-standard", "2", "--rate-core", "9", "--rate-import", "1"];
    let h = Harness::with(&settings).await;
    let app = within(&root(&h).await, &h);
    for _ in 0..4 {
        app.get("/users").await.ok();
    }
    // None of it was the app's.
    h.get("/users").await.ok();
    h.get("/users").await.ok();
    h.get("/users").await.refused(Code::TooManyRequests);
    app.get("/users").await.ok();
}

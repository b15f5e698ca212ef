//! The management API: apps come and go.

use hobnob::model::Code;
use serde_json::{Value, json};

use crate::harness::{App, Client, Harness, Site, hobnob};

/// Whoever runs apps here.
pub async fn manager(h: &Harness) -> Client {
    let made = hobnob(&h.data, &["management-key", "create", "ops", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let text = |field: &str| made[field].as_str().expect("a text").to_owned();
    h.nobody().with("key", &text("key")).with("secret", &text("secret"))
}

fn app_of(h: &Harness, made: &Value) -> App {
    let key = |scope: &str| {
        let keys = made["apiKeys"].as_object().expect("keys");
        keys.iter().find(|(_, key)| key["scope"] == scope).expect("a key").0.clone()
    };
    let site = Site::at(h.base().strip_prefix("http://").expect("plain HTTP"));
    App::new(&site, made["id"].as_str().expect("an id"), &key("authOnly"), &key("fullAccess"))
}

#[tokio::test]
async fn only_a_management_key_with_its_secret_opens_it() {
    let h = Harness::start().await;
    let ops = manager(&h).await;
    for path in ["/apps", "/apps?searchKey=x"] {
        h.nobody().get(path).await.refused(Code::EmptyAuthHeader);
        h.get(path).await.refused(Code::EmptyAuthHeader);
        ops.clone().with("secret", "x").get(path).await.refused(Code::ApiKeyUnknown);
        ops.get(path).await.ok();
    }
    h.nobody().post("/apps", json!({"name": "x"})).await.refused(Code::EmptyAuthHeader);
    h.nobody().delete(&format!("/apps/{}", h.app_id)).await.refused(Code::EmptyAuthHeader);
    // The secret is nowhere in the database.
    assert_eq!(h.count("SELECT count(*) FROM management_keys WHERE typeof(hash) = 'blob' AND length(hash) = 32"), 1);
}

#[tokio::test]
async fn a_made_app_works_and_its_keys_are_seen_once() {
    let h = Harness::start().await;
    let ops = manager(&h).await;
    let made = ops.post("/apps", json!({"name": "Shop", "region": "eu", "version": "3"})).await.ok();
    assert_eq!((&made["name"], &made["region"], &made["state"]), (&json!("Shop"), &json!("eu"), &json!("active")));
    let shop = app_of(&h, &made);
    assert_eq!(shop.get("/users").await.list().len(), 5);
    assert_eq!(shop.get("/groups").await.list().len(), 1);
    let bare = ops.post("/apps", json!({"name": "Bare", "skipSampleData": true})).await.ok();
    assert_eq!(app_of(&h, &bare).get("/users").await.list().len(), 0);
    ops.post("/apps", json!({})).await.refused(Code::BadRequest);
    ops.post("/apps", json!({"name": "x", "region": "mars"})).await.refused(Code::BadRequest);

    let listed = ops.get("/apps?searchKey=SHO").await.list();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], made["id"]);
    assert!(!listed[0].to_string().contains(&shop.api_key), "keys are masked");
    assert_eq!(ops.get("/apps?perPage=2&page=2").await.body["meta"]["pagination"]["total"], 3);

    shop.post("/messages", json!({"receiver": "mira", "receiverType": "user", "data": {"text": "hi"}})).await.ok();
    let usage = ops.post(&format!("/apps/{}/usage", shop.app_id), json!({})).await.ok()["usage"].clone();
    assert_eq!((&usage["users"], &usage["groups"], &usage["messages"]), (&json!(5), &json!(1), &json!(1)));
    let last = json!({"usePreviousBillingCycle": true});
    let usage = ops.post(&format!("/apps/{}/usage", shop.app_id), last).await.ok()["usage"].clone();
    assert_eq!(usage["messages"], 0);
    ops.post("/apps/unknown/usage", json!({})).await.refused(Code::InvalidAppId);
}

#[tokio::test]
async fn a_deleted_app_is_refused_at_once_and_its_sockets_close() {
    let h = Harness::start().await;
    let ops = manager(&h).await;
    let app = app_of(&h, &ops.post("/apps", json!({"name": "Gone", "skipSampleData": true})).await.ok());
    let (eve, ann) = (app.user("eve").await, h.user("ann").await);
    let (at_eve, mut at_ann) = (eve.connect().await, ann.connect().await);

    let gone = ops.delete(&format!("/apps/{}", app.app_id)).await.ok();
    assert_eq!((&gone["success"], &gone["scheduledToDeleteAt"]), (&json!(true), &json!(h.clock.now() + 86_400)));
    at_eve.closed().await;
    app.get("/users").await.refused(Code::ApiKeyUnknown);
    eve.get("/me").await.refused(Code::AuthTokenUnknown);
    ops.delete(&format!("/apps/{}", app.app_id)).await.refused(Code::InvalidAppId);
    assert_eq!(ops.get("/apps").await.each("name"), ["It"]);

    // The other app goes on.
    h.user("bob").await.send("ann", "still here").await;
    at_ann.expect_text("still here").await;
}

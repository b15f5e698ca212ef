//! An app's name, its bots and its limits; keys of the management API.

use hobnob::model::Code;
use serde_json::json;

use super::root;
use crate::harness::Harness;

#[tokio::test]
async fn an_app_gets_another_name() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let app = format!("/admin/api/apps/{}", h.app_id);
    assert_eq!(root.put(&app, json!({"name": "  Another "})).await.ok()["name"], "Another");
    assert_eq!(root.get(&app).await.ok()["name"], "Another");
    for body in [json!({}), json!({"name": " "}), json!({"name": "x".repeat(101)})] {
        root.put(&app, body).await.refused(Code::BadRequest);
    }
    root.put("/admin/api/apps/0000", json!({"name": "x"})).await.refused(Code::InvalidAppId);
    assert_eq!(root.get(&app).await.ok()["name"], "Another");
    let log = root.get("/admin/api/audit").await.ok();
    let noted = log.as_array().unwrap().iter().filter(|one| one["act"] == "app.rename").collect::<Vec<_>>();
    assert_eq!((noted.len(), &noted[0]["app"]), (1, &json!(h.app_id)));
}

#[tokio::test]
async fn bots_are_made_and_retired() {
    let h = Harness::start().await;
    let root = root(&h).await;
    h.user("ann").await;
    let bots = format!("/admin/api/apps/{}/bots", h.app_id);
    let uids = async || {
        let all = root.get(&bots).await.ok();
        all.as_array().unwrap().iter().map(|bot| bot["uid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(root.post(&bots, json!({"uid": "helper", "name": "Helper"})).await.ok()["name"], "Helper");
    assert_eq!(root.post(&bots, json!({"uid": "quiet"})).await.ok()["name"], "quiet");
    root.post(&bots, json!({"uid": "ann"})).await.ok();
    assert_eq!(uids().await, ["ann", "helper", "quiet"]);
    root.post(&bots, json!({"uid": "helper"})).await.refused(Code::BotExists);
    root.post(&bots, json!({"name": "x"})).await.refused(Code::BadRequest);
    root.delete(&format!("{bots}/helper")).await.ok();
    root.delete(&format!("{bots}/helper")).await.refused(Code::BotNotFound);
    assert_eq!(uids().await, ["ann", "quiet"]);
}

#[tokio::test]
async fn an_app_has_limits_of_its_own() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let limits = format!("/admin/api/apps/{}/limits", h.app_id);
    let of = async |name: &str| {
        let all = root.get(&limits).await.ok();
        all.as_array().unwrap().iter().find(|one| one["name"] == name).expect("it is listed").clone()
    };
    assert_eq!(of("text").await["own"], json!(null));
    let text = |long: usize| json!({"receiver": "bob", "receiverType": "user", "type": "text", "data": {"text": "x".repeat(long)}});
    ann.post("/messages", text(11)).await.ok();

    let changes = json!({"limits": {"text": 10, "tokens": 1, "roles": 1, "bots": 0, "webhooks": 0, "keys": 2}});
    root.put(&limits, changes).await.ok();
    assert_eq!((&of("text").await["own"], &of("tags").await["own"]), (&json!(10), &json!(null)));
    // At once, for those who were logged in before, and for the app's key.
    ann.post("/messages", text(11)).await.refused(Code::BadRequest);
    h.behalf("bob")
        .post(
            "/messages",
            json!({"receiver": "ann", "receiverType": "user", "type": "text", "data": {"text": "x".repeat(11)}}),
        )
        .await
        .refused(Code::BadRequest);
    ann.post("/messages", text(10)).await.ok();
    h.post("/roles", json!({"role": "guest", "name": "Guest"})).await.refused(Code::QuotaRestriction);
    let app = format!("/admin/api/apps/{}", h.app_id);
    root.post(&format!("{app}/bots"), json!({"uid": "helper"})).await.refused(Code::QuotaRestriction);
    root.post(&format!("{app}/keys"), json!({"name": "third", "scope": "authOnly"}))
        .await
        .refused(Code::QuotaRestriction);
    let hook = json!({"id": "w", "name": "w", "webhookURL": "https://hooks.example/"});
    root.post(&format!("{app}/webhooks"), hook).await.refused(Code::QuotaRestriction);

    // Another app keeps the server's.
    let other = h.another_app().await;
    let free = other.post("/users", json!({"uid": "zoe", "name": "Zoe"})).await.ok();
    assert_eq!(free["uid"], "zoe");
    other.post("/roles", json!({"role": "guest", "name": "Guest"})).await.ok();

    // Refused whole: nothing of it is set.
    for (name, value) in
        [("body", json!(5000)), ("txet", json!(1)), ("keys", json!(1)), ("tags", json!(-1)), ("tags", json!(1.5))]
    {
        root.put(&limits, json!({"limits": {"name": 50, name: value}})).await.refused(Code::BadRequest);
    }
    root.put(&limits, json!({})).await.refused(Code::BadRequest);
    assert_eq!(of("name").await["own"], json!(null));

    // Back to the server's.
    root.put(&limits, json!({"limits": {"text": null}})).await.ok();
    ann.post("/messages", text(11)).await.ok();
    let log = root.get("/admin/api/audit").await.ok();
    let noted: Vec<_> = log.as_array().unwrap().iter().filter(|one| one["act"] == "limits.set").collect();
    assert_eq!(noted.len(), 2);
    assert_eq!((&noted[0]["app"], &noted[0]["details"]), (&json!(h.app_id), &json!({"text": null})));
    drop(bob);
}

#[tokio::test]
async fn management_keys_are_made_and_revoked() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let keys = "/admin/api/management-keys";
    let made = root.post(keys, json!({"name": "Billing"})).await.ok();
    let (key, secret) = (made["key"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let listed = root.get(keys).await.ok();
    assert_eq!((&listed[0]["key"], &listed[0]["name"]), (&json!(key), &json!("Billing")));
    assert!(!listed.to_string().contains(secret), "a secret is shown once");
    let manager = h.nobody().with("key", key).with("secret", secret);
    manager.get("/apps").await.ok();
    for body in [json!({}), json!({"name": " "}), json!({"name": "x".repeat(101)})] {
        root.post(keys, body).await.refused(Code::BadRequest);
    }
    root.delete(&format!("{keys}/{key}")).await.ok();
    root.delete(&format!("{keys}/{key}")).await.refused(Code::BadRequest);
    manager.get("/apps").await.refused(Code::ApiKeyUnknown);
    let log = root.get("/admin/api/audit").await.ok();
    let acts: Vec<_> =
        log.as_array().unwrap().iter().filter(|one| one["target"] == key).map(|one| &one["act"]).collect();
    assert_eq!(acts, ["management-key.revoke", "management-key.create"]);
}

//! API keys and roles.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn a_key_is_shown_once_and_works_until_it_is_deleted() {
    let h = Harness::start().await;
    let made = h.post("/apikeys", json!({"name": "Backup", "scope": "fullAccess"})).await.ok();
    let secret = made["apiKey"].as_str().unwrap().to_owned();
    assert!(secret.len() == 40 && secret.bytes().all(|b| b.is_ascii_hexdigit()), "{secret}");
    let by_it = h.nobody().with("apiKey", &secret);
    by_it.get("/users").await.ok();
    let listed = h.get("/apikeys").await;
    assert!(!listed.text.contains(&secret));
    assert_eq!(listed.list().len(), 3);
    assert_eq!(h.get("/apikeys?scope=authOnly").await.list().len(), 1);
    assert_eq!(h.get("/apikeys?searchKey=back").await.each("name"), ["Backup"]);
    assert_eq!(h.get(&format!("/apikeys/{secret}")).await.ok()["name"], "Backup");
    let changed = h.put(&format!("/apikeys/{secret}"), json!({"name": "Old", "scope": "authOnly"})).await.ok();
    assert_eq!((&changed["name"], &changed["scope"]), (&json!("Old"), &json!("authOnly")));
    by_it.get("/users").await.refused(Code::NoAccess);
    by_it.delete(&format!("/apikeys/{secret}")).await.refused(Code::NoAccess);
    h.delete(&format!("/apikeys/{secret}")).await.ok();
    by_it.get("/users").await.refused(Code::ApiKeyUnknown);
    h.delete(&format!("/apikeys/{secret}")).await.refused(Code::ApiKeyNotFound);
    h.put(&format!("/apikeys/{}", h.api_key), json!({"name": "x"})).await.refused(Code::ApiKeySelf);
    h.delete(&format!("/apikeys/{}", h.api_key)).await.refused(Code::ApiKeySelf);
    h.post("/apikeys", json!({"scope": "authOnly"})).await.refused(Code::BadRequest);
}

#[tokio::test]
async fn roles_come_and_go_and_their_users_fall_back_to_default() {
    let h = Harness::start().await;
    assert_eq!(h.get("/roles").await.each("role"), ["default"]);
    let made =
        h.post("/roles", json!({"role": "VIP", "name": "Vip", "description": "d", "metadata": {"k": 1}})).await.ok();
    assert_eq!(
        (&made["role"], &made["description"], &made["metadata"]),
        (&json!("vip"), &json!("d"), &json!({"k": 1}))
    );
    h.post("/roles", json!({"role": "vip", "name": "Again"})).await.refused(Code::RoleExists);
    h.user_with("ann", json!({"role": "vip"})).await;
    let changed = h.put("/roles/vip", json!({"name": "Very", "unset": ["metadata"]})).await.ok();
    assert_eq!(
        (&changed["name"], changed.get("metadata"), &changed["description"]),
        (&json!("Very"), None, &json!("d"))
    );
    h.put("/roles/none", json!({"name": "x"})).await.refused(Code::RoleNotFound);
    h.put("/users/ann", json!({"role": "none"})).await.refused(Code::RoleNotFound);
    h.delete("/roles/default").await.refused(Code::RoleDeleteDenied);
    h.delete("/roles/vip").await.ok();
    h.get("/roles/vip").await.refused(Code::RoleNotFound);
    assert_eq!(h.get("/users/ann").await.ok()["role"], "default");
    for n in 0..24 {
        h.post("/roles", json!({"role": format!("r{n}"), "name": "R"})).await.ok();
    }
    h.post("/roles", json!({"role": "one-more", "name": "R"})).await.refused(Code::QuotaRestriction);
}

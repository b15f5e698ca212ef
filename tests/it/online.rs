//! How many are online, asked where the socket is.

use hobnob::model::Code;
use serde_json::json;

use crate::harness::{Client, Harness, User};

fn by_jwt(user: &User) -> Client {
    user.app.nobody().with("appId", &user.app.app_id).with("Authorization", &user.jwt)
}

#[tokio::test]
async fn clients_count_who_is_online() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    h.group("other", &cy, &[]).await;
    let (_at_ann, _at_bob, _at_cy) = (ann.connect().await, bob.connect().await, cy.connect().await);
    let client = by_jwt(&ann);
    for path in ["/api/v3.0/online-members", "/ws/api/v3.0/online-members", "/ws:8443/api/v3.0/online-members"] {
        let answer = client.post_at(path, json!({})).await;
        assert_eq!(answer.body["onlineUsersCount"], 3, "{path} {}", answer.text);
        assert_eq!(answer.body["data"]["onlineUsersCount"], 3, "{path}");
    }
    // Of groups she is not in nothing is said.
    let body = json!({"groups": ["team", "other", "none", "not a guid"]});
    let answer = client.post_at("/api/v3.0/online-members", body).await;
    assert_eq!(answer.body["groups"], json!({"team": 2}), "{}", answer.text);
    let bearer = h.nobody().with("Authorization", &format!("Bearer {}", ann.jwt));
    assert_eq!(bearer.post_at("/api/v3.0/online-members", json!({})).await.status, 200);

    let path = "/api/v3.0/online-members";
    let wrong = h.nobody().with("Authorization", "x");
    wrong.post_at(path, json!({})).await.refused(Code::AuthTokenUnknown);
    h.nobody().post_at(path, json!({})).await.refused(Code::EmptyAuthToken);
    client.clone().with("appId", "0").post_at(path, json!({})).await.refused(Code::InvalidAppId);
    let many: Vec<String> = (0..101).map(|at| format!("g{at}")).collect();
    client.post_at(path, json!({ "groups": many })).await.refused(Code::BadRequest);
    ann.delete("/me").await.ok();
    client.post_at(path, json!({})).await.refused(Code::AuthTokenUnknown);
}

#[tokio::test]
async fn who_is_let_in_is_online() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let mut here = Vec::new();
    for at in 0..40 {
        let uid = format!("user-{at}");
        let user = h.user(&uid).await;
        here.push(user.connect().await);
        let shown = ann.get(&format!("/users/{uid}")).await.ok();
        assert_eq!(shown["status"], "available", "{shown}");
        // Another of theirs makes no difference, and leaves none when it goes.
        here.push(user.connect().await);
    }
    assert_eq!(by_jwt(&ann).post_at("/api/v3.0/online-members", json!({})).await.body["onlineUsersCount"], 40);
}

#[tokio::test]
async fn there_is_no_media_and_clients_hear_so_at_once() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let body = json!({"passthrough": {"uid": "ann", "sessionId": "s"}});
    ann.post("/me/jwt", body).await.refused(Code::FeatureNotAccessible);
}

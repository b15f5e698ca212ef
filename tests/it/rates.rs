//! How many requests an app may make in a minute: headers on every answer, refusals, the next minute.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::{Answer, Harness, NOW};

fn number(answer: &Answer, name: &str) -> i64 {
    answer.headers[name].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_minute_ends_and_the_next_one_begins() {
    let h = Harness::with(&["--rate-limits", "all", "--rate-standard", "3", "--rate-core", "9", "--rate-import", "1"])
        .await;
    let other = h.another_app().await;
    for left in [2, 1, 0] {
        let answer = h.get("/users").await;
        assert_eq!((number(&answer, "x-rate-limit"), number(&answer, "x-rate-limit-remaining")), (3, left));
        for suffix in ["", "-for-app"] {
            let spelled = |word: &str| number(&answer, &format!("x-ratelimit-{word}{suffix}"));
            assert_eq!((spelled("limit"), spelled("remaining")), (3, left));
        }
        assert!(!answer.headers.contains_key("x-rate-limit-reset"));
        answer.ok();
    }
    let next = (NOW / 60 + 1) * 60;
    let refused = h.get("/users").await;
    assert_eq!(number(&refused, "x-rate-limit-remaining"), 0);
    assert_eq!(number(&refused, "x-rate-limit-reset"), next);
    assert_eq!(number(&refused, "retry-after"), next - NOW);
    let exposed = refused.headers["access-control-expose-headers"].to_str().unwrap().to_ascii_lowercase();
    assert!(
        [
            "retry-after",
            "x-rate-limit",
            "x-rate-limit-remaining",
            "x-rate-limit-reset",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-limit-for-app",
            "x-ratelimit-remaining-for-app"
        ]
        .iter()
        .all(|name| exposed.split(", ").any(|known| known == *name))
    );
    let error = refused.refused(Code::TooManyRequests);
    assert_eq!(error["params"]["limit"], 3);
    assert!(error["message"].as_str().unwrap().contains("reached the allowed limit of 3"));
    // What is refused is not done, and other classes and apps have budgets of their own.
    h.put("/users/ann", json!({"name": "Ann"})).await.refused(Code::TooManyRequests);
    let made = h.post("/users", json!({"uid": "ann", "name": "Ann"})).await;
    assert_eq!((number(&made, "x-rate-limit"), number(&made, "x-rate-limit-remaining")), (9, 8));
    assert_eq!(made.status, 200);
    let users = json!({"users": {}});
    assert_ne!(h.post("/data_import/users", users.clone()).await.status, 429);
    h.post("/data_import/users", users).await.refused(Code::TooManyRequests);
    other.get("/users").await.ok();
    // Refusals for other reasons count and carry the headers as well; who is nobody is not counted.
    let missing = other.get("/users/none").await;
    assert_eq!(number(&missing, "x-rate-limit-remaining"), 1);
    missing.refused(Code::UidNotFound);
    assert!(!h.nobody().get("/users").await.headers.contains_key("x-rate-limit"));
    h.clock.advance(next - NOW);
    assert_eq!(number(&h.get("/users").await, "x-rate-limit-remaining"), 2);
}

#[tokio::test]
async fn a_users_flood_does_not_reach_the_back_end() {
    let h = Harness::with(&["--rate-limits", "all", "--rate-user", "3"]).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    // The harness has asked for `/me` once.
    for left in [1, 0] {
        let answer = ann.get("/users").await;
        assert_eq!((number(&answer, "x-rate-limit"), number(&answer, "x-rate-limit-remaining")), (3, left));
        answer.ok();
    }
    let mut at_bob = bob.connect().await;
    let refused = ann.post("/messages", crate::harness::text_to("user", "bob", "too many")).await;
    assert_eq!(number(&refused, "retry-after"), (NOW / 60 + 1) * 60 - NOW);
    assert_eq!(refused.refused(Code::TooManyRequests)["params"]["limit"], 3);
    // Another device is the same user; the app acts for him without counting against him, and others are untouched.
    let token = h.auth_only().post("/users/ann/auth_tokens", json!({})).await.ok()["authToken"].clone();
    let again = h.nobody().with("authToken", token.as_str().unwrap());
    again.get("/users").await.refused(Code::TooManyRequests);
    h.behalf("ann").post("/messages", crate::harness::text_to("user", "bob", "from the app")).await.ok();
    at_bob.expect_text("from the app").await;
    bob.get("/users").await.ok();
    h.clock.advance(60);
    ann.get("/users").await.ok();
}

#[tokio::test]
async fn who_is_on_this_machine_is_not_counted_unless_asked() {
    let h = Harness::with(&["--rate-standard", "1"]).await;
    for _ in 0..3 {
        let answer = h.get("/users").await;
        assert_eq!((number(&answer, "x-rate-limit"), number(&answer, "x-rate-limit-remaining")), (1, 1));
        answer.ok();
    }
    let h = Harness::with(&["--rate-standard", "1", "--rate-limits", "off"]).await;
    for _ in 0..3 {
        let answer = h.get("/users").await;
        assert!(!answer.headers.contains_key("x-rate-limit"));
        answer.ok();
    }
}

//! The clock of the machine is set: back, and far ahead and back. What a client asks "since" a time is complete all the
//! same, and no time stays in the future.

use serde_json::json;

use crate::harness::{Harness, NOW, eventually, id_of};

const YEAR: i64 = 365 * 86_400;

#[tokio::test]
async fn after_a_step_back_edits_are_found_and_time_goes_on() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let id = id_of(&ann.send("bob", "one").await);
    h.clock.advance(100);
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "two"}})).await.ok();
    let path = "/users/ann/messages?onlyUpdates=1&affix=append&updatedAt=";
    let seen = bob.get(&format!("{path}1")).await.list()[0]["updatedAt"].as_i64().unwrap();
    assert_eq!(seen, NOW + 100);
    h.clock.advance(-90);
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "three"}})).await.ok();
    let found = bob.get(&format!("{path}{seen}")).await.list();
    assert_eq!((found.len(), &found[0]["data"]["text"]), (1, &json!("three")));
    assert_eq!(ann.send("bob", "later").await["sentAt"], seen, "time stands still");
    h.clock.advance(200);
    assert_eq!(ann.send("bob", "caught up").await["sentAt"], NOW + 210);
}

#[tokio::test]
async fn after_a_jump_ahead_no_time_stays_in_the_future() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.clock.advance(YEAR);
    let id = id_of(&ann.send("bob", "one").await);
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "two"}})).await.ok();
    bob.post("/users/ann/conversation/read", json!({})).await.ok();
    let path = "/users/ann/messages?onlyUpdates=1&affix=append&updatedAt=";
    let seen = bob.get(&format!("{path}1")).await.list()[0]["updatedAt"].as_i64().unwrap();
    assert_eq!(seen, NOW + YEAR);
    h.clock.advance(-YEAR);
    cy.send("ann", "meanwhile").await;
    h.clock.advance(600);
    eventually("the times are brought back", async || {
        let list = ann.get("/conversations").await.list();
        list.iter().all(|conversation| conversation["updatedAt"].as_i64() <= Some(NOW + 600))
            && h.count("SELECT count(*) FROM clock WHERE healing IS NULL AND healed_at IS NOT NULL") == 1
    })
    .await;
    let message = ann.get(&format!("/messages/{id}")).await.ok();
    for name in ["sentAt", "updatedAt", "editedAt", "readAt"] {
        assert!(message[name].as_i64().unwrap() <= NOW + 600, "{name} {message}");
    }
    h.clock.advance(5);
    // Who saw the future hears of what comes now, and the list goes by what was said last.
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "three"}})).await.ok();
    let found = bob.get(&format!("{path}{seen}")).await.list();
    assert_eq!(found.iter().map(|message| &message["data"]["text"]).collect::<Vec<_>>(), ["three"]);
    assert_eq!(ann.send("bob", "now").await["sentAt"], NOW + 605);
    assert_eq!(ann.get("/conversations").await.each("conversationId"), ["ann_user_bob", "ann_user_cy"]);
    cy.send("ann", "and now").await;
    assert_eq!(ann.get("/conversations").await.each("conversationId"), ["ann_user_cy", "ann_user_bob"]);
}

/// The newest time is kept: a server that starts with a clock behind goes on from there.
#[tokio::test]
async fn time_does_not_run_backwards_across_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let open = |at: i64| {
        let hooks = hobnob::store::Hooks::alone(hobnob::model::time::Clock::fixed(at));
        hobnob::store::Store::open(&dir.path().join("db"), 1, 10, hooks).unwrap()
    };
    let store = open(NOW);
    store.write("it", |_| Ok(())).await.unwrap();
    store.close();
    let store = open(NOW - 50);
    assert_eq!(store.write("it", |tx| Ok(tx.now())).await.unwrap(), NOW);
    assert_eq!(store.read(|read| Ok(read.now())).await.unwrap(), NOW);
    store.close();
}

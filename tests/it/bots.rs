//! Bots, and messages to many receivers.

use hobnob::model::error::Code;
use hobnob::model::ids::Uid;
use hobnob::model::limits::Limits;
use hobnob::{actions, store};
use serde_json::json;

use crate::harness::{Harness, id_of, text_to};

async fn make_bot(h: &Harness, uid: &'static str) -> Result<(), Code> {
    let app_id = h.app_id.clone();
    let made = h.store.write("it", move |tx| {
        let app = store::apps::by_app_id(tx, &app_id)?.expect("the app");
        actions::bots::create(tx, &app, Uid::parse(uid)?, "Helper".into(), &Limits::default()).map(drop)
    });
    made.await.map_err(|error| error.code)
}

#[tokio::test]
async fn a_bot_writes_to_whom_it_likes() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group_of("team", "private", &ann, &[]).await;
    make_bot(&h, "helper").await.unwrap();
    assert_eq!(make_bot(&h, "helper").await, Err(Code::BotExists));
    let mut at_ann = ann.connect().await;
    for (kind, to) in [("user", "ann"), ("group", "team")] {
        let sent = h.post("/bots/helper/messages", text_to(kind, to, "how can I help?")).await.ok();
        assert_eq!(
            (&sent["sender"], &sent["data"]["entities"]["sender"]["entity"]["name"]),
            (&json!("helper"), &json!("Helper"))
        );
        assert_eq!(at_ann.expect_text("how can I help?").await["body"]["id"], sent["id"]);
    }
    assert_eq!(ann.get("/users/helper/conversation").await.ok()["unreadMessageCount"], "1");
    h.post("/bots/bob/messages", text_to("user", "ann", "no")).await.refused(Code::BotNotFound);
    h.post("/bots/nobody/messages", text_to("user", "ann", "no")).await.refused(Code::BotNotFound);
    bob.post("/bots/helper/messages", text_to("user", "ann", "no")).await.refused(Code::NoAccess);
}

#[tokio::test]
async fn one_message_to_many() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &bob, &[&ann]).await;
    h.group("other", &bob, &[]).await;
    bob.post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    let mut at_cy = cy.connect().await;
    let body = json!({"category": "message", "type": "text", "data": {"text": "hello all"}, "muid": "m1",
                      "multipleReceivers": {"uids": ["bob", "cy", "nobody", "cy"], "guids": ["team", "other"]}});
    let results = ann.post("/messages", body.clone()).await.ok();
    assert_eq!(results.as_object().unwrap().keys().collect::<Vec<_>>(), ["bob", "cy", "nobody", "team", "other"]);
    for (name, code) in [("bob", Code::BlockedSender), ("nobody", Code::UidNotFound), ("other", Code::GroupNotJoined)] {
        assert_eq!(
            (&results[name]["success"], &results[name]["error"]["code"]),
            (&json!(false), &json!(code.as_str()))
        );
    }
    for name in ["cy", "team"] {
        assert_eq!((&results[name]["success"], &results[name]["data"]["receiver"]), (&json!(true), &json!(name)));
    }
    at_cy.expect_text("hello all").await;
    // A retry changes nothing.
    let again = ann.post("/messages", body).await.ok();
    assert_eq!(id_of(&again["cy"]["data"]), id_of(&results["cy"]["data"]));
    assert_eq!(cy.get("/users/ann/messages").await.list().len(), 1);
    assert!(ann.get("/users/bob/messages").await.list().is_empty());

    let many: Vec<String> = (0..101).map(|n| format!("u{n}")).collect();
    let body = json!({"data": {"text": "x"}, "multipleReceivers": {"uids": many}});
    assert_eq!(ann.post("/messages", body).await.refused(Code::BadRequest)["params"]["limit"], 100);
    let parent = id_of(&results["team"]["data"]);
    let body = json!({"data": {"text": "x"}, "multipleReceivers": {"uids": ["cy"]}, "parentId": parent});
    ann.post("/messages", body).await.refused(Code::BadRequest);
    ann.post("/messages", json!({"data": {"text": "x"}, "multipleReceivers": {}}))
        .await
        .refused(Code::InvalidReceiverType);
}

//! What the audit log says of reading: who looked into which conversation, once an hour, and who is kept from logging in.

use hobnob::actions::looks::{self, Seen};
use hobnob::model::Code;
use hobnob::model::audit::Actor;
use serde_json::{Value, json};

use super::door::within;
use super::{another_session, root};
use crate::harness::receiver::Receiver;
use crate::harness::{Client, Harness, eventually, id_of};
use crate::webhooks::hook;

/// What the log holds of reading and locking, the oldest first.
async fn looked(root: &Client) -> Vec<String> {
    let all = root.get("/admin/api/audit?perPage=100").await.list();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("-").to_owned();
    let found =
        all.iter().rev().filter(|entry| text(entry, "act").contains("read") || text(entry, "act").contains("locked"));
    found.map(|entry| ["actor", "act", "target", "other"].map(|name| text(entry, name)).join(" ")).collect()
}

/// Waits for as many entries: they are written after the answers.
async fn noted(root: &Client, wanted: &[&str]) {
    eventually("it is noted", async || looked(root).await.len() >= wanted.len()).await;
    assert_eq!(looked(root).await, wanted);
}

#[tokio::test]
async fn what_an_admin_reads_is_noted_once_an_hour() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let id = id_of(&ann.send("bob", "between us").await);
    ann.send_group("team", "to all").await;
    let app = within(&root, &h);
    let (as_ann, as_bob) = (app.clone().with("onBehalfOf", "ann"), app.clone().with("onBehalfOf", "bob"));

    // Neither what an app reads nor what holds no message.
    h.behalf("ann").get("/users/bob/messages").await.ok();
    h.get("/messages").await.ok();
    app.get("/users/ann").await.ok();
    as_ann.get("/groups").await.ok();
    as_ann.get("/users/nobody/messages").await.refused(Code::UidNotFound);
    // However often, and from whichever side.
    for _ in 0..3 {
        as_ann.get("/users/bob/messages").await.ok();
        as_bob.get("/users/ann/messages").await.ok();
        as_ann.get("/users/bob/conversation").await.ok();
        app.get(&format!("/messages/{id}")).await.ok();
    }
    as_bob.get("/groups/team/messages").await.ok();
    as_ann.get("/groups/team/messages").await.ok();
    as_ann.get("/conversations").await.ok();
    app.get("/messages?searchKey=us").await.ok();
    let pair = "admin root conversation.read ann bob";
    let first = [
        pair,
        "admin root group.read team -",
        "admin root list.read list-all-conversations ann",
        "admin root list.read list-all-messages -",
    ];
    noted(&root, &first).await;

    // By another session all the same, and again in the next hour.
    let again = within(&another_session(&h).await, &h).with("onBehalfOf", "ann");
    again.get("/users/bob/messages").await.ok();
    h.clock.advance(looks::HOUR);
    again.get("/users/bob/messages").await.ok();
    noted(&root, &[&first[..], &[pair]].concat()).await;
    // What a server forgot that was started anew stands in the log.
    let found = h.store.read({
        let id = h.app_id.clone();
        move |read| hobnob::actions::apps::find(read, &id)
    });
    let found = found.await.unwrap();
    let once_more = move |tx: &mut hobnob::store::Write<'_>| {
        looks::note(tx, &Actor::Admin("root".into()), &found, ("list", Seen::User("ann".into())), Some("bob"))
    };
    h.store.write("it", once_more).await.unwrap();
    assert_eq!(looked(&root).await.len(), 5);

    // Who is erased is named no more, and not by a note that comes late.
    app.delete_with("/users/ann", json!({"kind": "erase"})).await.ok();
    let found = looked(&root).await;
    assert!(!found.iter().any(|entry| entry.contains("ann")), "{found:?}");
    let late = h.store.read({
        let id = h.app_id.clone();
        move |read| hobnob::actions::apps::find(read, &id)
    });
    let late = late.await.unwrap();
    let note = move |tx: &mut hobnob::store::Write<'_>| {
        looks::note(tx, &Actor::Admin("root".into()), &late, ("list", Seen::User("bob".into())), Some("ann"))
    };
    h.store.write("it", note).await.unwrap();
    assert!(!looked(&root).await.iter().any(|entry| entry.contains("ann")));
}

/// Every way to texts leaves an entry, whatever else the request names.
#[tokio::test]
async fn no_name_in_a_request_keeps_an_entry_away() {
    let receiver = Receiver::start().await;
    let h = Harness::start().await;
    let root = root(&h).await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    let app = within(&root, &h);
    let text = json!({"sender": "ann", "receiver": "bob", "receiverType": "user", "category": "message", "type": "text",
        "data": {"text": "submitted"}});
    let submitted = id_of(&h.post("/moderation/messages", text).await.ok());
    hook(&h, "w1", &receiver, json!({}), &["message_sent"]).await;
    let id = id_of(&ann.send("bob", "between us").await);
    receiver.expect(1).await;
    let deliveries = super::of(&h, "/webhooks/w1/deliveries");
    eventually("it is noted", async || !root.get(&deliveries).await.list().is_empty()).await;
    let delivery = root.get(&deliveries).await.list()[0]["id"].as_str().unwrap().to_owned();

    for (path, text) in [
        ("/conversations?conversationId=none", "between us"),
        ("/conversations?conversationId=ann_user_bob", "between us"),
        ("/threads?conversationId=none", "data"),
        ("/messages/0/thread?conversationId=none", "error"),
        (&*format!("/messages/{id}?conversationId=none"), "between us"),
        ("/moderation/messages?conversationId=none", "submitted"),
        (&*format!("/moderation/messages/{submitted}"), "submitted"),
        (&*format!("{deliveries}/{delivery}"), "between us"),
    ] {
        let answer = app.get(path).await;
        assert!(answer.text.contains(text), "{path}: {}", answer.text);
    }
    let lists = ["list-all-conversations", "list-threads", "list-message-moderation", "get-message-moderation"];
    let mut wanted: Vec<String> = lists.map(|list| format!("admin root list.read {list} -")).into();
    wanted.insert(2, "admin root conversation.read ann bob".to_owned());
    wanted.push("admin root list.read admin-get-delivery -".to_owned());
    noted(&root, &wanted.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_name_that_is_tried_out_is_noted() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let open = h.nobody();
    let try_out = async |name: &str| open.post("/admin/api/login", json!({"name": name, "password": "wrong"})).await;
    for name in ["hunter2", "root"] {
        for _ in 0..5 {
            try_out(name).await.refused(Code::NoAccess);
        }
        for _ in 0..5 {
            try_out(name).await.refused(Code::TooManyRequests);
        }
    }
    noted(&root, &["server admin.locked root -"]).await;
    let all = root.get("/admin/api/audit").await.text;
    assert!(!all.contains("hunter2"), "what is no name may be a password");
}

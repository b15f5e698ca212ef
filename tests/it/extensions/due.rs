//! What happens at a time that was named: reminders are sent, messages disappear, also when the server was away meanwhile.

use std::time::{SystemTime, UNIX_EPOCH};

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};

use super::{get, post};
use crate::admin::{of, root};
use crate::harness::{Answer, Harness, NOW, Process, User, eventually, id_of, temp_dir};

async fn disappear(user: &User, message: impl serde::Serialize, ms: impl serde::Serialize) -> Answer {
    let body = json!({"msgId": message, "timeInMS": ms});
    user.extension("disappearing-messages", Method::DELETE, "v1/disappear", Some(body)).await
}

async fn remind(user: &User, about: Value, custom: bool, ms: i64) -> Answer {
    post(user, "reminders", "v1/reminder", json!({"about": about, "isCustom": custom, "timeInMS": ms})).await
}

async fn change(user: &User, method: Method, body: Value) -> Answer {
    user.extension("reminders", method, "v1/reminder", Some(body)).await
}

async fn waiting(user: &User) -> Vec<Value> {
    get(user, "reminders", "v1/fetch").await.list()
}

/// So many seconds after the clock of the test began, in milliseconds.
fn after(seconds: i64) -> i64 {
    (NOW + seconds) * 1000
}

#[tokio::test]
async fn a_message_disappears_for_all_when_its_time_has_come() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    let first = id_of(&ann.send("bob", "soon").await);
    let moved = id_of(&ann.send("bob", "later").await);
    disappear(&ann, first, after(60)).await.ok();
    disappear(&ann, moved.to_string(), after(30)).await.ok();
    disappear(&ann, moved, after(500).to_string()).await.ok();
    assert_eq!(h.count("SELECT count(*) FROM due"), 2);
    h.clock.advance(60);
    for sock in [&mut at_ann, &mut at_bob] {
        let deleted = sock.expect_action("deleted").await["body"]["data"]["entities"]["on"]["entity"].clone();
        assert_eq!((&deleted["id"], &deleted["deletedBy"]), (&json!(first.to_string()), &json!("app_system")));
    }
    let left = bob.get("/users/ann/messages").await.list();
    assert_eq!((&left[1]["data"]["text"], left[0]["data"].get("text")), (&json!("later"), None));
    assert_eq!(h.count("SELECT count(*) FROM due"), 1);

    // What its sender deleted before is not deleted again.
    ann.delete(&format!("/messages/{moved}")).await.ok();
    at_bob.expect_action("deleted").await;
    h.clock.advance(500);
    eventually("it is passed over", async || h.count("SELECT count(*) FROM due") == 0).await;
    ann.send("bob", "fence").await;
    assert!(at_bob.before_text("fence").await.iter().all(|frame| frame["body"]["category"] != "action"));

    let id = id_of(&ann.send_group("team", "mine").await);
    disappear(&bob, id, after(3600)).await.envelope();
    disappear(&cy, id, after(3600)).await.refused(Code::MessageNoAccess);
    let now = after(560);
    for ms in [json!(now), json!(60_000), json!("soon"), Value::Null, json!(now + 366 * 86_400_000)] {
        disappear(&ann, id, ms).await.refused(Code::BadRequest);
    }
    disappear(&ann, 999_999, after(3600)).await.refused(Code::MessageNotFound);
    disappear(&ann, moved, after(3600)).await.refused(Code::MessageAction);
    assert_eq!(h.count("SELECT count(*) FROM due"), 0);
}

#[tokio::test]
async fn a_bot_reminds_of_messages_and_of_anything() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let id = id_of(&ann.send("bob", "water the plants").await);
    let own = remind(&ann, json!("drink"), true, after(60) + 500).await.ok();
    assert_eq!(
        (&own["about"], &own["isCustom"], &own["timeInMS"]),
        (&json!("drink"), &json!(true), &json!(after(60) + 500))
    );
    let message = remind(&bob, json!(id), false, after(120)).await.ok();
    remind(&bob, json!(id.to_string()), false, after(90)).await.ok();
    let ids = |list: Vec<Value>| list.iter().map(|one| one["about"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(waiting(&bob).await), [json!(id), json!(id)]);
    assert_eq!(ids(waiting(&ann).await), [json!("drink")]);

    // Changed and deleted by whose they are only.
    let name = &own["reminderId"];
    let changed = json!({"reminderId": name, "about": "eat", "isCustom": true, "timeInMS": after(30)});
    change(&bob, Method::PUT, changed.clone()).await.refused(Code::ReminderNotFound);
    change(&bob, Method::DELETE, json!({"reminderId": name})).await.refused(Code::ReminderNotFound);
    assert_eq!(change(&ann, Method::PUT, changed).await.ok()["about"], "eat");
    let sooner = json!({"reminderId": message["reminderId"], "about": id, "isCustom": false, "timeInMS": after(20)});
    change(&bob, Method::PUT, sooner).await.ok();
    let other = json!({"reminderId": message["reminderId"], "about": id + 1, "isCustom": false, "timeInMS": after(20)});
    change(&bob, Method::PUT, other).await.envelope();
    let dropped = waiting(&bob).await[1]["reminderId"].clone();
    change(&bob, Method::DELETE, json!({"reminderId": dropped})).await.ok();

    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    h.clock.advance(20);
    let heard = at_bob.expect(|frame| frame["body"]["type"] == "extension_reminders").await["body"].clone();
    assert_eq!((&heard["sender"], &heard["category"]), (&json!("cc_reminder_bot"), &json!("custom")));
    let custom = &heard["data"]["customData"];
    assert_eq!((&custom["about"], &custom["reminderId"]), (&json!(id), &message["reminderId"]));
    assert_eq!(heard["data"]["metadata"]["incrementUnreadCount"], true);
    h.clock.advance(10);
    let heard = at_ann.expect(|frame| frame["body"]["type"] == "extension_reminders").await["body"].clone();
    assert_eq!(heard["data"]["customData"]["about"], "eat");
    assert!(waiting(&ann).await.is_empty() && waiting(&bob).await.is_empty());
    assert_eq!(h.get("/users/cc_reminder_bot").await.ok()["name"], "Reminder Bot");

    // Who may not read a message is not reminded of it: neither on asking nor when the time comes.
    remind(&cy, json!(id), false, after(900)).await.refused(Code::MessageNoAccess);
    remind(&ann, json!(999_999), false, after(900)).await.refused(Code::MessageNotFound);
    remind(&bob, json!(id), false, after(900)).await.ok();
    remind(&bob, json!("after it"), true, after(901)).await.ok();
    ann.delete(&format!("/messages/{id}")).await.ok();
    h.clock.advance(1000);
    let heard = at_bob.expect(|frame| frame["body"]["type"] == "extension_reminders").await["body"].clone();
    assert_eq!(heard["data"]["customData"]["about"], "after it");
    eventually("both are over", async || h.count("SELECT count(*) FROM due") == 0).await;

    let later = after(99_999);
    for (about, custom, ms) in [
        (json!(""), true, later),
        (Value::Null, true, later),
        (json!("x".repeat(1001)), true, later),
        (json!("x"), true, 0),
    ] {
        remind(&ann, about, custom, ms).await.refused(Code::BadRequest);
    }
    remind(&ann, json!("x"), false, later).await.envelope();
    change(&ann, Method::DELETE, json!({})).await.refused(Code::BadRequest);
}

#[tokio::test]
async fn switched_off_blocked_or_gone_nobody_is_reminded() {
    let h = Harness::with(&["--limit", "reminders=3"]).await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let admin = root(&h).await;
    for at in [10, 20, 30] {
        remind(&ann, json!(format!("at {at}")), true, after(at)).await.ok();
    }
    remind(&ann, json!("one more"), true, after(40)).await.refused(Code::QuotaRestriction);
    remind(&bob, json!("gone"), true, after(10)).await.ok();
    h.call(Method::DELETE, "/users/bob", Some(json!({"permanent": true}))).await.ok();
    let other = h.another_app().await;
    let dee = other.user("dee").await;
    remind(&dee, json!("elsewhere"), true, after(20)).await.ok();

    let (mut at_ann, mut at_dee) = (ann.connect().await, dee.connect().await);
    let switch = of(&h.app, "/extensions/reminders");
    h.clock.advance(10);
    at_ann.expect(|frame| frame["body"]["data"]["customData"]["about"] == "at 10").await;
    admin.put(&switch, json!({"enabled": false})).await.ok();
    get(&ann, "reminders", "v1/fetch").await.refused(Code::ExtensionInactive);
    h.clock.advance(10);
    at_dee.expect(|frame| frame["body"]["data"]["customData"]["about"] == "elsewhere").await;
    eventually("it is passed over", async || h.count("SELECT count(*) FROM due") == 1).await;
    admin.put(&switch, json!({"enabled": true})).await.ok();
    ann.post("/blockedusers", json!({"blockedUids": ["cc_reminder_bot"]})).await.ok();
    h.clock.advance(10);
    eventually("the last one, too", async || h.count("SELECT count(*) FROM due") == 0).await;
    cy.send("ann", "fence").await;
    let heard = at_ann.before_text("fence").await;
    assert!(heard.iter().all(|frame| frame["body"]["type"] != "extension_reminders"), "{heard:#?}");
}

#[tokio::test]
async fn what_came_due_while_the_server_was_away_is_done_at_its_start() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let (ann, _) = (app.user("ann").await, app.user("bob").await);
    let id = id_of(&ann.send("bob", "gone soon").await);
    let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64 + 1500;
    disappear(&ann, id, soon).await.ok();
    remind(&ann, json!("wake up"), true, soon).await.ok();
    remind(&ann, json!("far away"), true, soon + 86_400_000).await.ok();
    process.kill();

    let process = Process::start(dir.path(), &[]);
    let ann = ann.at(&process.app(dir.path()));
    eventually("the reminder is sent", async || {
        let from_bot = ann.get("/users/cc_reminder_bot/messages").await;
        from_bot.body["data"].as_array().is_some_and(|all| all.len() == 1)
    })
    .await;
    eventually("the message is gone", async || ann.get(&format!("/messages/{id}")).await.ok()["deletedAt"].is_i64())
        .await;
    let about = |list: Vec<Value>| list.iter().map(|one| one["about"].clone()).collect::<Vec<_>>();
    assert_eq!(about(waiting(&ann).await), [json!("far away")]);
    process.stop();
}

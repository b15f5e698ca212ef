//! Engines outside: a message about which one is asked is its sender's alone until it has answered.

use std::sync::Arc;

use hobnob::model::error::Code;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::receiver::{Does, Receiver, well};
use crate::harness::{App, Harness, Process, Sock, User, eventually, id_of, temp_dir};
use crate::webhooks::hook;

/// With an app's key no engine is named on this machine otherwise.
const OPEN: &[&str] = &["--outgoing-private", "127.0.0.0/8"];

/// A rule that asks an engine about texts.
async fn ask(h: &App, id: &str, engine: &Receiver, more: Value) {
    let list = json!({
        "id": format!("{id}-list"), "name": "Engine", "category": "custom-api", "url": format!("{}/{id}?key=s3cret", engine.url),
        "basicAuthEnabled": true, "username": "us", "password": "pw",
    });
    h.post("/moderation/keywords", list).await.ok();
    let mut rule = json!({
        "id": id, "name": format!("Rule {id}"),
        "conditions": [{"operand": "text", "category": "custom-api", "value": format!("{id}-list_greaterThan_80")}],
    });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    h.post("/moderation/rules", rule).await.ok();
}

/// An answer of the engine.
fn says(matches: bool, confidence: f64) -> Does {
    let body = json!({"isMatchingCondition": matches, "confidence": confidence, "reason": "so"});
    Does::Answer(200, "Content-Type: application/json\r\n", body.to_string())
}

fn status(message: &Value) -> &str {
    message["data"]["moderation"]["status"].as_str().unwrap_or_default()
}

async fn next(sock: &mut Sock, kind: &str) -> Value {
    sock.expect(|frame| frame["type"] == kind).await["body"].take()
}

async fn texts(user: &User, with: &str) -> Vec<String> {
    let found = user.get(&format!("/users/{with}/messages")).await.list();
    found.iter().map(|message| message["data"]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn settled(h: &Harness) {
    eventually("all are judged", async || h.count("SELECT count(*) FROM moderation_pending") == 0).await;
}

#[tokio::test]
async fn it_is_its_senders_alone_until_the_engine_has_answered() {
    let h = Harness::with(OPEN).await;
    let (ann, bob, engine) = (h.user("ann").await, h.user("bob").await, Receiver::start().await);
    ann.send("bob", "before").await;
    ask(&h, "r1", &engine, json!({})).await;
    h.put("/moderation/settings", json!({"contextMessages": 2})).await.ok();
    let hooked = Receiver::start().await;
    let triggers = ["message_sent", "moderation_engine_approved", "moderation_engine_blocked"];
    hook(&h, "w1", &hooked, json!({}), &triggers).await;
    let gate = Arc::new(Semaphore::new(0));
    engine.be(Does::When(gate.clone()));
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    let sent = ann.send("bob", "hello").await;
    assert_eq!(status(&sent), "pending");
    let told = engine.expect(1).await.remove(0);
    assert_eq!((told.path.as_str(), told.header("authorization")), ("/r1?key=s3cret", "Basic dXM6cHc="));
    let context = told.body["contextMessages"].as_array().unwrap();
    assert_eq!(context[0], json!({"ann": "before"}));
    assert_eq!((&context[1]["ann"]["id"], status(&context[1]["ann"])), (&sent["id"], "pending"));
    // Nobody else knows of it.
    let id = id_of(&sent);
    assert_eq!(texts(&bob, "ann").await, ["before"]);
    bob.get(&format!("/messages/{id}")).await.refused(Code::MessageNoAccess);
    assert_eq!(bob.get("/conversations").await.list()[0]["unreadMessageCount"], "1");
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "other"}})).await.refused(Code::MessageAction);
    assert!(hooked.told().is_empty());
    // An answer that is none counts as no match, as the settings are.
    gate.add_permits(1);
    let heard = next(&mut at_bob, "message").await;
    assert_eq!((&heard["id"], status(&heard)), (&sent["id"], "approved"));
    assert_eq!(status(&next(&mut at_ann, "on_moderation_status_changed").await), "approved");
    assert_eq!(bob.get("/conversations").await.list()[0]["unreadMessageCount"], "2");
    hooked.expect(2).await;
    assert_eq!(hooked.triggers(), ["message_sent", "moderation_engine_approved"]);

    engine.be(says(true, 0.95));
    let bad = ann.send("bob", "bad").await;
    assert_eq!(status(&bad), "pending");
    assert_eq!(status(&next(&mut at_ann, "on_moderation_status_changed").await), "disapproved");
    assert_eq!(texts(&bob, "ann").await, ["before", "hello"]);
    let blocked = h.get("/moderation/blocked-messages").await.list();
    assert_eq!((&blocked[0]["message"]["id"], &blocked[0]["ruleId"]), (&bad["id"], &json!("r1")));
    h.patch(&format!("/moderation/blocked-messages/{}", id_of(&bad)), json!({"status": "approved"})).await.ok();
    assert_eq!(next(&mut at_bob, "message").await["id"], bad["id"]);

    engine.be(says(true, 0.8));
    ann.send("bob", "not sure").await;
    assert_eq!(status(&next(&mut at_bob, "message").await), "approved");
    engine.be(says(false, 0.99));
    ann.send("bob", "sure of the opposite").await;
    assert_eq!(status(&next(&mut at_bob, "message").await), "approved");
}

#[tokio::test]
async fn what_words_block_is_not_asked_about_and_what_else_rules_say_waits() {
    let h = Harness::with(OPEN).await;
    let (ann, bob, engine) = (h.user("ann").await, h.user("bob").await, Receiver::start().await);
    h.group("team", &bob, &[&ann]).await;
    let words = |id: &str, word: &str, action: &str| json!({"id": id, "name": id, "action": [action], "conditions": [{"operand": "text", "category": "word", "value": word}]});
    h.post("/moderation/rules", words("w1", "darn", "blockMessage")).await.ok();
    h.post("/moderation/rules", words("w2", "hmm", "flagMessage")).await.ok();
    ask(&h, "r1", &engine, json!({"action": ["kickUser", "blockMessage"]})).await;
    engine.be(says(false, 1.0));
    assert_eq!(status(&ann.send_group("team", "darn").await), "disapproved");
    let flagged = ann.send_group("team", "hmm").await;
    assert_eq!(status(&flagged), "pending");
    settled(&h).await;
    assert_eq!(h.get("/moderation/flagged-messages").await.list()[0]["id"], flagged["id"]);
    assert_eq!(engine.told().len(), 1, "what is blocked anyway is asked about nowhere");
    engine.be(says(true, 1.0));
    ann.send_group("team", "out").await;
    settled(&h).await;
    ann.get("/groups/team/messages").await.refused(Code::GroupNotJoined);
}

#[tokio::test]
async fn an_edit_hides_it_until_the_engine_has_answered() {
    let h = Harness::with(OPEN).await;
    let (ann, bob, engine) = (h.user("ann").await, h.user("bob").await, Receiver::start().await);
    let said = id_of(&ann.send("bob", "hello").await);
    ask(&h, "r1", &engine, json!({})).await;
    let hooked = Receiver::start().await;
    hook(&h, "w1", &hooked, json!({}), &["message_sent", "message_edited"]).await;
    let gate = Arc::new(Semaphore::new(0));
    engine.be(Does::When(gate.clone()));
    let mut at_bob = bob.connect().await;
    let edited = ann.put(&format!("/messages/{said}"), json!({"data": {"text": "changed"}})).await.ok();
    assert_eq!(status(&edited["data"]["entities"]["on"]["entity"]), "pending");
    let told = next(&mut at_bob, "on_moderation_status_changed").await;
    assert_eq!((&told["id"], told["data"].get("text")), (&json!(said.to_string()), None));
    assert!(texts(&bob, "ann").await.is_empty() && hooked.told().is_empty());
    gate.add_permits(1);
    let told = next(&mut at_bob, "on_moderation_status_changed").await;
    assert_eq!((status(&told), &told["data"]["text"]), ("approved", &json!("changed")));
    assert_eq!(texts(&bob, "ann").await, ["changed"]);
    hooked.expect(1).await;
    assert_eq!(hooked.triggers(), ["message_edited"]);
}

#[tokio::test]
async fn a_failure_is_told_and_the_settings_decide() {
    let h = Harness::with(OPEN).await;
    let (ann, engine, hooked) = (h.user("ann").await, Receiver::start().await, Receiver::start().await);
    h.user("bob").await;
    ask(&h, "r1", &engine, json!({})).await;
    hook(&h, "w1", &hooked, json!({}), &["moderation_engine_failed"]).await;
    let failed = async |many: usize| hooked.expect(many).await.remove(many - 1).body["data"].take();
    engine.be(Does::Answer(503, "", "x".repeat(3000)));
    ann.send("bob", "one").await;
    let told = failed(1).await;
    assert_eq!((&told["contentType"], &told["outcome"]), (&json!("text"), &json!("approved")));
    assert_eq!(told["resource"].get("data"), None);
    let failure = &told["failures"][0];
    assert_eq!((&failure["category"], &failure["httpStatus"]), (&json!("http_5xx"), &json!(503)));
    assert_eq!(failure["responseBody"].as_str().unwrap().len(), 2048);
    assert_eq!((&failure["responseBodyTruncated"], &failure["timeoutMs"]), (&json!(true), &json!(2000)));
    let context = &failure["context"];
    assert_eq!(context["request"]["url"], format!("{}/r1", engine.url), "its query may hold a secret");
    assert_eq!((&context["setting"], &context["request"]["basicAuthSent"]), (&json!("approve-message"), &json!(true)));
    assert_eq!(context["condition"]["threshold"], json!({"comparison": "greaterThan", "percent": 80}));
    h.put("/moderation/settings", json!({"onCustomApiError": "drop-message"})).await.ok();
    for (at, (does, category)) in [
        (Does::Answer(404, "", String::new()), "http_4xx"),
        (well(), "invalid_response"),
        (Does::Reset, "connection_error"),
        (Does::Hang, "timeout"),
    ]
    .into_iter()
    .enumerate()
    {
        engine.be(does);
        ann.send("bob", category).await;
        let told = failed(at + 2).await;
        assert_eq!((&told["failures"][0]["category"], &told["outcome"]), (&json!(category), &json!("disapproved")));
    }
    h.put("/moderation/keywords/r1-list", json!({"url": ""})).await.ok();
    ann.send("bob", "nobody to ask").await;
    assert_eq!(failed(6).await["failures"][0]["category"], "not_configured");
    assert_eq!(h.get("/moderation/blocked-messages").await.list().len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_asked_about_after_a_crash() {
    let (dir, engine) = (temp_dir(), Receiver::start().await);
    let process = Process::start(dir.path(), OPEN);
    let app = process.app(dir.path());
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ask(&app, "r1", &engine, json!({})).await;
    engine.be(Does::Hang);
    let sent = ann.send("bob", "hello").await;
    engine.expect(1).await;
    assert!(bob.get("/users/ann/messages").await.list().is_empty());
    process.kill();
    engine.be(says(false, 1.0));
    let process = Process::start(dir.path(), OPEN);
    let bob = bob.at(&App::new(&process.site, &app.app_id, &app.auth_key, &app.api_key));
    eventually("it is judged", async || bob.get("/users/ann/messages").await.list().len() == 1).await;
    assert_eq!(bob.get("/users/ann/messages").await.list()[0]["id"], sent["id"]);
    assert_eq!(engine.told().len(), 2);
}

#[tokio::test]
async fn one_that_is_deleted_or_reviewed_meanwhile_stays_as_it_was_left() {
    let h = Harness::with(OPEN).await;
    let (ann, bob, engine) = (h.user("ann").await, h.user("bob").await, Receiver::start().await);
    ask(&h, "r1", &engine, json!({})).await;
    let gate = Arc::new(Semaphore::new(0));
    engine.be(Does::When(gate.clone()));
    let deleted = id_of(&ann.send("bob", "one").await);
    ann.delete(&format!("/messages/{deleted}")).await.ok();
    let reviewed = id_of(&ann.send("bob", "two").await);
    ann.post(&format!("/messages/{reviewed}/flagged"), json!({"reasonId": "spam"})).await.ok();
    h.patch(&format!("/moderation/flagged-messages/{reviewed}"), json!({"status": "disapproved"})).await.ok();
    gate.add_permits(10);
    settled(&h).await;
    assert_eq!(bob.get("/users/ann/messages").await.list(), Vec::<Value>::new());
    assert_eq!(status(&ann.get(&format!("/messages/{reviewed}")).await.ok()), "disapproved");
}

#[tokio::test]
async fn a_rule_that_changes_meanwhile_is_asked_about_anew() {
    let h = Harness::with(OPEN).await;
    let (ann, bob, engine) = (h.user("ann").await, h.user("bob").await, Receiver::start().await);
    ask(&h, "r1", &engine, json!({})).await;
    let gate = Arc::new(Semaphore::new(0));
    engine.be(Does::When(gate.clone()));
    ann.send("bob", "hello").await;
    engine.expect(1).await;
    h.put("/moderation/rules/r1", json!({"name": "Another"})).await.ok();
    engine.be(says(true, 1.0));
    gate.add_permits(1);
    settled(&h).await;
    assert_eq!(engine.told().len(), 2, "what was said of a rule as it was says nothing of it as it is");
    assert!(texts(&bob, "ann").await.is_empty());
}

#[tokio::test]
async fn what_is_submitted_waits_as_well_and_is_sent_nowhere() {
    let h = Harness::with(OPEN).await;
    let (bob, engine, hooked) = (h.user("bob").await, Receiver::start().await, Receiver::start().await);
    h.user("ann").await;
    ask(&h, "r1", &engine, json!({})).await;
    let triggers =
        ["message_sent", "moderation_engine_approved", "moderation_engine_blocked", "moderation_engine_failed"];
    hook(&h, "w1", &hooked, json!({}), &triggers).await;
    let submit = async |text: &str| {
        let body = json!({"sender": "ann", "receiver": "bob", "receiverType": "user", "data": {"text": text}});
        let submitted = h.post("/moderation/messages", body).await.ok();
        assert_eq!(status(&submitted), "pending");
        format!("/moderation/messages/{}", id_of(&submitted))
    };
    engine.be(says(true, 0.9));
    let bad = submit("bad").await;
    settled(&h).await;
    assert_eq!(status(&h.get(&bad).await.ok()), "disapproved");
    engine.be(says(false, 1.0));
    let fine = submit("fine").await;
    settled(&h).await;
    assert_eq!(status(&h.get(&fine).await.ok()), "approved");
    engine.be(Does::Hang);
    let waits = submit("waits").await;
    h.put(&waits, json!({"data": {"text": "other"}})).await.refused(Code::MessageAction);
    assert_eq!(h.get("/moderation/messages?moderationStatus=pending").await.list().len(), 1);
    h.delete(&waits).await.ok();
    engine.be(Does::Reset);
    let lost = submit("lost").await;
    settled(&h).await;
    assert_eq!(status(&h.get(&lost).await.ok()), "approved");
    hooked.expect(4).await;
    let mut told = hooked.triggers();
    told.sort();
    let (approved, failed) = ("moderation_engine_approved", "moderation_engine_failed");
    assert_eq!(told, [approved, approved, "moderation_engine_blocked", failed]);
    assert!(bob.get("/users/ann/messages").await.list().is_empty());
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let h = Harness::start().await;
    let list = |more: Value| {
        let mut list = json!({"id": "l1", "name": "L", "category": "custom-api", "url": "https://a.example/x"});
        list.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        list
    };
    for wrong in [
        json!({"url": "http://a.example/"}),
        json!({"url": "ftp://a.example/"}),
        json!({"url": "http://127.0.0.1:6379/"}),
        json!({"url": "https://LOCALHOST/"}),
        json!({"url": "http://[::1]:2375/"}),
        json!({"url": null}),
        json!({"basicAuthEnabled": true}),
        json!({"category": "word", "searchTerms": "a"}),
    ] {
        h.post("/moderation/keywords", list(wrong)).await.refused(Code::BadRequest);
    }
    let made = h.post("/moderation/keywords", list(json!({"username": "us", "password": "pw"}))).await.ok();
    assert_eq!(
        (&made["url"], &made["username"], made.get("password")),
        (&json!("https://a.example/x"), &json!("us"), None)
    );
    assert_eq!(h.get("/moderation/keywords/l1").await.ok().get("password"), None);
    // Nor told to another server than the one it was given for.
    let l1 = "/moderation/keywords/l1";
    h.put(l1, json!({"basicAuthEnabled": true, "url": "https://a.example/elsewhere"})).await.ok();
    h.put(l1, json!({"url": "https://b.example/"})).await.refused(Code::BadRequest);
    h.put(l1, json!({"url": "https://b.example/", "basicAuthEnabled": false})).await.ok();
    h.put(l1, json!({"basicAuthEnabled": true})).await.refused(Code::BadRequest);
    h.put(l1, json!({"basicAuthEnabled": true, "password": "pw"})).await.ok();
    h.put(l1, json!({"basicAuthEnabled": false, "url": "https://a.example/x"})).await.ok();
    // Whoever runs the server may name an engine on it; whoever has an app's key cannot turn one of theirs there.
    let ops = crate::apps::manager(&h).await.with("appId", &h.app_id);
    ops.post("/moderation/keywords", list(json!({"id": "l2", "url": "http://127.0.0.1:5000/"}))).await.ok();
    h.put("/moderation/keywords/l1", json!({"url": "http://localhost:5000/"})).await.refused(Code::BadRequest);
    let rule = |condition: Value| json!({"id": "r1", "name": "R", "conditions": [condition]});
    for wrong in [
        json!({"operand": "text", "category": "custom-api", "value": "gone_greaterThan_80"}),
        json!({"operand": "text", "category": "custom-api", "value": "l1_greaterThan_101"}),
        json!({"operand": "image", "category": "word", "value": "x"}),
        json!({"operand": "text", "category": "word", "isKeywordsReferencePresent": true, "value": "l1"}),
    ] {
        let refused = h.post("/moderation/rules", rule(wrong.clone())).await;
        assert!(refused.status >= 400 && refused.status < 500, "{wrong}");
    }
    let image = json!({"operand": "image", "category": "custom-api", "value": "l1"});
    let made = h.post("/moderation/rules", rule(image)).await.ok();
    assert_eq!(made["conditions"][0]["isMediaPresent"], true);
    h.delete("/moderation/keywords/l1").await.refused(Code::PermissionDenied);
    h.put("/moderation/settings", json!({"contextMessages": 11})).await.refused(Code::BadRequest);
}

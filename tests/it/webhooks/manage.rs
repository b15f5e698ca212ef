//! What those who run apps do with webhooks, over the management API and on the admin page: what may be kept, the log of
//! deliveries, events told once more, tests, secrets.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use super::hook;
use crate::admin::root;
use crate::apps::manager;
use crate::harness::receiver::{Does, Receiver, well};
use crate::harness::{Client, Harness, eventually, hobnob};

fn fails() -> Does {
    Does::Answer(500, "", "no such table: orders".to_owned())
}

/// Waits until so many deliveries are in this state.
async fn until(h: &Harness, state: &str, many: i64) {
    let count = format!("SELECT count(*) FROM deliveries WHERE state = '{state}'");
    eventually(&format!("{many} are {state}"), async || h.count(&count) == many).await;
}

fn texts(list: &[Value], field: &str) -> Vec<String> {
    list.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn what_may_be_kept() {
    let h = Harness::with(&["--limit", "webhooks=3"]).await;
    let ops = manager(&h).await;
    let hooks = format!("/apps/{}/webhooks", h.app_id);
    let made = |more: Value| {
        let mut body = json!({"id": "w", "name": "W", "webhookURL": "https://hooks.example/w"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (field, more) in [
        ("id", json!({"id": "a b"})),
        ("id", json!({"id": ".."})),
        ("id", json!({"id": ""})),
        ("id", json!({"id": "a".repeat(51)})),
        ("name", json!({"name": ""})),
        ("name", json!({"name": "n".repeat(51)})),
        ("webhookURL", json!({"webhookURL": "http://hooks.example/"})),
        ("webhookURL", json!({"webhookURL": "http://10.0.0.1/"})),
        ("webhookURL", json!({"webhookURL": "https://us:pw@hooks.example/"})),
        ("name", json!({"name": "a\r\nb"})),
        ("webhookURL", json!({"webhookURL": "https://hooks.example/#x"})),
        ("webhookURL", json!({"webhookURL": "https://hooks.example:443:80/"})),
        ("webhookURL", json!({"webhookURL": "https://xn--/"})),
        ("webhookURL", json!({"webhookURL": "https://[fe80::1%25eth0]/"})),
        ("webhookURL", json!({"webhookURL": format!("https://hooks.example/{}", "x".repeat(255))})),
        ("username", json!({"username": "a:b"})),
        ("username", json!({"useBasicAuth": true, "username": "us"})),
        ("password", json!({"password": "p".repeat(101)})),
    ] {
        let error = ops.post(&hooks, made(more.clone())).await.refused(Code::BadRequest);
        assert!(error["details"][field].is_array(), "{more}: {error}");
    }
    let versioned = |version: &str| ops.clone().with("X-Webhook-Version", version);
    versioned("1").post(&hooks, made(json!({}))).await.refused(Code::BadRequest);
    let answer = versioned("2").post(&hooks, made(json!({"password": "hush", "username": "us"}))).await.ok();
    assert!(answer["signingSecret"].as_str().unwrap().starts_with("whsec_"), "{answer}");
    versioned("1").get(&format!("{hooks}/w")).await.refused(Code::BadRequest);

    // Any field but the id; what is left out stays, and the password is seen by nobody.
    let one = format!("{hooks}/w");
    ops.put(&one, json!({"id": "v"})).await.refused(Code::BadRequest);
    let changed = ops.put(&one, json!({"id": "w", "name": "Other", "useBasicAuth": true})).await.ok();
    assert_eq!((&changed["name"], &changed["username"]), (&json!("Other"), &json!("us")));
    ops.put(&one, json!({"password": null})).await.refused(Code::BadRequest);
    ops.put(&one, json!({"webhookURL": "http://hooks.example/"})).await.refused(Code::BadRequest);
    // Nor is it sent to another server than the one it was given for.
    ops.put(&one, json!({"webhookURL": "https://hooks.example/else"})).await.ok();
    ops.put(&one, json!({"webhookURL": "https://elsewhere.example/"})).await.refused(Code::BadRequest);
    let moved = json!({"webhookURL": "https://elsewhere.example/", "useBasicAuth": false});
    ops.put(&one, moved).await.ok();
    ops.put(&one, json!({"useBasicAuth": true})).await.refused(Code::BadRequest);
    ops.put(&one, json!({"webhookURL": "https://hooks.example/w", "useBasicAuth": true, "password": "hush"}))
        .await
        .ok();
    for text in [ops.get(&one).await.text, ops.get(&hooks).await.text, answer.to_string(), changed.to_string()] {
        assert!(!text.contains("hush") && !text.contains("assword"), "{text}");
    }
    assert_eq!(ops.get(&one).await.ok().get("signingSecret"), None);

    // Triggers: those it has, those there never were, and those of other kinds of webhooks.
    let triggers = format!("{one}/triggers");
    let ids = |names: &[&str]| json!({ "triggerIds": names });
    let names = ["message_sent", "message_sent", "nothing", "before_message", "recording_generated"];
    let added = ops.post(&triggers, ids(&names)).await.ok();
    assert_eq!(added["message_sent"], json!({"success": true, "message": "Added trigger successfully."}));
    for name in &names[2..] {
        assert_eq!(added[name]["success"], false, "{added}");
    }
    assert!(added["before_message"]["message"].as_str().unwrap().contains("legacy"), "{added}");
    assert_eq!(ops.post(&triggers, ids(&["message_sent"])).await.ok()["message_sent"]["success"], true);
    assert_eq!(texts(&ops.get(&triggers).await.list(), "id"), ["message_sent"]);
    ops.delete_with(&triggers, ids(&["message_sent", "nothing"])).await.refused(Code::TriggerNotFound);
    assert_eq!(ops.get(&triggers).await.list().len(), 1, "all of it or nothing");
    ops.delete_with(&triggers, ids(&["message_edited"])).await.ok();
    ops.delete_with(&triggers, ids(&["message_sent"])).await.ok();
    ops.post(&triggers, ids(&vec!["x"; 101])).await.refused(Code::BadRequest);
    ops.post(&triggers, json!({})).await.refused(Code::BadRequest);
    assert_eq!(ops.get(&triggers).await.list().len(), 0);
    let all = ops.get(&format!("/apps/{}/triggers", h.app_id)).await.list();
    assert!(all.len() > 40 && all.iter().all(|one| one["category"] != "campaign"), "{all:?}");
    let every = ops.post(&triggers, json!({"triggerIds": texts(&all, "id")})).await.ok();
    assert!(every.as_object().unwrap().values().all(|one| one["success"] == true), "{every}");

    ops.post(&hooks, made(json!({"id": "w2"}))).await.ok();
    ops.post(&hooks, made(json!({"id": "w3"}))).await.ok();
    assert_eq!(ops.post(&hooks, made(json!({"id": "w4"}))).await.refused(Code::QuotaRestriction)["params"]["limit"], 3);
    ops.delete(&one).await.ok();
    ops.get(&one).await.refused(Code::WebhookNotFound);
    let acts = h.count("SELECT count(DISTINCT act) FROM audit WHERE act LIKE 'webhook.%'");
    assert_eq!(acts, 5, "made, changed, told of more and of less, removed");
    ops.delete(&format!("/apps/{}", h.app_id)).await.ok();
    assert_ne!(ops.get(&hooks).await.status, 200);
}

#[tokio::test]
async fn where_private_networks_are_allowed_so_is_plain_http_there() {
    let h = Harness::with(&["--outgoing-private", "10.0.0.0/8"]).await;
    let ops = manager(&h).await;
    let make = async |id: &str, url: &str| {
        let body = json!({"id": id, "name": id, "webhookURL": url, "enabled": false});
        ops.post(&format!("/apps/{}/webhooks", h.app_id), body).await
    };
    make("a", "http://10.1.2.3:8080/x").await.ok();
    make("b", "http://crm.internal/x").await.ok();
    for url in ["http://192.168.0.1/", "http://hooks.example/", "http://8.8.8.8/"] {
        make("c", url).await.refused(Code::BadRequest);
    }
}

/// A webhook at which three events failed and one arrived, and who looks after it.
async fn logged(h: &Harness, to: &Receiver) -> (Client, String) {
    let ann = h.user("ann").await;
    h.user("bob").await;
    let ops = hook(h, "w1", to, json!({}), &["message_sent"]).await;
    to.be(fails());
    for (many, text) in [(1, "one"), (2, "two"), (3, "three")] {
        ann.send("bob", text).await;
        until(h, "failed", many).await;
        h.clock.advance(100);
    }
    to.be(well());
    ann.send("bob", "four").await;
    until(h, "delivered", 1).await;
    (ops, format!("/apps/{}/webhooks/w1", h.app_id))
}

#[tokio::test]
async fn the_log_says_what_became_of_each() {
    let (h, receiver) = (Harness::start().await, Receiver::start().await);
    let (ops, one) = logged(&h, &receiver).await;
    let log = format!("{one}/deliveries");
    let all = ops.get(&log).await.list();
    assert_eq!(texts(&all, "state"), ["delivered", "failed", "failed", "failed"]);
    let told = receiver.told();
    let (first, last) = (&all[3], &all[0]);
    assert_eq!(first["eventId"], told[0].header("webhook-id"));
    assert_eq!((&first["status"], &first["answer"]), (&json!(500), &json!("no such table: orders")));
    assert_eq!((&first["tries"], &first["trigger"]), (&json!(1), &json!("message_sent")));
    assert_eq!((&last["eventId"], &last["status"]), (&json!(told[3].header("webhook-id")), &json!(200)));
    let id = first["id"].as_str().unwrap();
    let whole = ops.get(&format!("{log}/{id}")).await.ok();
    assert_eq!(whole["body"], told[0].body);
    assert!(first.get("body").is_none());

    // Piece by piece it is the same list, and each state has its own.
    let mut pieces = Vec::new();
    let mut at = String::new();
    loop {
        let piece = ops.get(&format!("{log}?limit=1{at}")).await;
        let next = piece.body["meta"]["next"]["id"].as_str().map(str::to_owned);
        pieces.extend(piece.list());
        let Some(next) = next else { break };
        at = format!("&id={next}");
    }
    assert_eq!(pieces, all);
    for (state, many) in [("failed", 3), ("delivered", 1), ("waiting", 0)] {
        let some = ops.get(&format!("{log}?state={state}")).await.list();
        let same: Vec<_> = all.iter().filter(|one| one["state"] == state).cloned().collect();
        assert_eq!((some.len(), &some), (many, &same), "{state}");
    }
    let shown = ops.get(&one).await.ok();
    assert_eq!((&shown["failedEvents"], &shown["waitingEvents"]), (&json!(3), &json!(0)));
    ops.get(&format!("{log}?state=lost")).await.refused(Code::BadRequest);
    ops.get(&format!("{log}?limit=0")).await.refused(Code::BadRequest);
    for none in ["999", "x", "-1"] {
        ops.get(&format!("{log}/{none}")).await.refused(Code::DeliveryNotFound);
        ops.post(&format!("{log}/{none}/replay"), json!({})).await.refused(Code::DeliveryNotFound);
    }
    // Nobody else's.
    hook(&h, "w2", &receiver, json!({}), &["message_sent"]).await;
    ops.get(&format!("/apps/{}/webhooks/w2/deliveries/{id}", h.app_id)).await.refused(Code::DeliveryNotFound);
}

#[tokio::test]
async fn what_is_asked_for_is_told_once_more() {
    let (h, receiver) = (Harness::start().await, Receiver::start().await);
    let began = h.clock.now();
    let (ops, one) = logged(&h, &receiver).await;
    let all = ops.get(&format!("{one}/deliveries")).await.list();
    let told = receiver.told();

    // One of them.
    let id = all[3]["id"].as_str().unwrap();
    ops.post(&format!("{one}/deliveries/{id}/replay"), json!({})).await.ok();
    let again = receiver.expect(5).await;
    assert_eq!((again[4].header("webhook-id"), &again[4].text), (told[0].header("webhook-id"), &told[0].text));
    until(&h, "delivered", 2).await;

    // All that failed: the two that are left. One that fails again has failed again.
    receiver.be(fails());
    assert_eq!(ops.post(&format!("{one}/replay"), json!({"state": "failed"})).await.ok(), json!({"replayed": 2}));
    receiver.expect(7).await;
    until(&h, "failed", 2).await;
    receiver.be(well());
    assert_eq!(ops.post(&format!("{one}/replay"), json!({"state": "failed"})).await.ok(), json!({"replayed": 2}));
    receiver.expect(9).await;
    until(&h, "delivered", 4).await;
    assert_eq!(ops.post(&format!("{one}/replay"), json!({"state": "failed"})).await.ok(), json!({"replayed": 0}));

    // Those of a time, whatever became of them.
    let range = json!({"from": began + 100, "to": began + 200});
    assert_eq!(ops.post(&format!("{one}/replay"), range).await.ok(), json!({"replayed": 2}));
    let again = receiver.expect(11).await;
    let mut names: Vec<_> = again[9..].iter().map(|told| told.header("webhook-id")).collect();
    let mut same = vec![told[1].header("webhook-id"), told[2].header("webhook-id")];
    names.sort_unstable();
    same.sort_unstable();
    assert_eq!(names, same);
    until(&h, "delivered", 4).await;
    let after = json!({"from": 0, "after": all[1]["id"]});
    assert_eq!(ops.post(&format!("{one}/replay"), after).await.ok(), json!({"replayed": 1}), "only the newest");
    receiver.expect(12).await;

    for bad in [json!({}), json!({"state": "delivered"}), json!({"from": 0, "after": "x"})] {
        ops.post(&format!("{one}/replay"), bad).await.refused(Code::BadRequest);
    }
    ops.put(&one, json!({"enabled": false})).await.ok();
    ops.post(&format!("{one}/replay"), json!({"state": "failed"})).await.refused(Code::BadRequest);
    ops.post(&format!("{one}/deliveries/{id}/replay"), json!({})).await.refused(Code::BadRequest);
}

#[tokio::test]
async fn a_test_is_sent_at_once_and_is_no_event() {
    let (h, receiver) = (Harness::start().await, Receiver::start().await);
    let ops = hook(&h, "w1", &receiver, json!({"enabled": false}), &["message_sent"]).await;
    let test = format!("/apps/{}/webhooks/w1/test", h.app_id);
    let outcome = ops.post(&test, json!({})).await.ok();
    let told = receiver.expect(1).await.remove(0);
    assert_eq!((&outcome["success"], &outcome["status"], &outcome["body"]), (&json!(true), &json!(200), &told.body));
    assert_eq!((told.trigger(), told.header("webhook-id")), ("test", outcome["eventId"].as_str().unwrap()));
    assert!(told.header("webhook-signature").starts_with("v1,"));
    receiver.be(fails());
    let outcome = ops.post(&test, json!({})).await.ok();
    assert_eq!((&outcome["success"], &outcome["status"]), (&json!(false), &json!(500)));
    receiver.be(Does::Reset);
    let outcome = ops.post(&test, json!({})).await.ok();
    assert_eq!((&outcome["success"], outcome.get("status")), (&json!(false), None), "{outcome}");
    assert_ne!(outcome["answer"], "");
    assert_eq!(h.count("SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM deliveries)"), 0);
}

#[tokio::test]
async fn for_a_day_the_old_secret_signs_beside_the_new_one() {
    let (h, receiver) = (Harness::start().await, Receiver::start().await);
    let ops = hook(&h, "w1", &receiver, json!({}), &["message_sent"]).await;
    let one = format!("/apps/{}/webhooks/w1", h.app_id);
    let signatures = async |many: usize| {
        ops.post(&format!("{one}/test"), json!({})).await.ok();
        let told = receiver.expect(many).await.pop().unwrap();
        told.header("webhook-signature").split(' ').count()
    };
    assert_eq!(signatures(1).await, 1);
    let made = ops.post(&format!("{one}/secret"), json!({})).await.ok();
    assert!(made["signingSecret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(made["oldSecretUntil"], h.clock.now() + 24 * 3600);
    assert_eq!(signatures(2).await, 2);
    h.clock.advance(24 * 3600);
    assert_eq!(signatures(3).await, 1);
}

#[tokio::test]
async fn one_that_is_gone_is_switched_off_and_named_until_it_is_enabled() {
    let (h, receiver) = (Harness::start().await, Receiver::start().await);
    let ann = h.user("ann").await;
    h.user("bob").await;
    let ops = hook(&h, "w1", &receiver, json!({}), &["message_sent"]).await;
    let admin = root(&h).await;
    let (one, app) = (format!("/apps/{}/webhooks/w1", h.app_id), format!("/admin/api/apps/{}", h.app_id));
    let failing = async || {
        let of_app = admin.get(&app).await.ok()["failingWebhooks"].clone();
        let of_all = admin.get("/admin/api/overview").await.ok()["failingWebhooks"].clone();
        assert_eq!(of_app, of_all);
        of_app
    };
    assert_eq!(failing().await, json!([]));
    receiver.be(Does::Answer(410, "", String::new()));
    ann.send("bob", "hello").await;
    eventually("it is off", async || ops.get(&one).await.ok()["enabled"] == false).await;
    assert!(ops.get(&one).await.ok()["disabledBecause"].as_str().unwrap().contains("410"));
    let named = failing().await;
    assert_eq!((&named[0]["id"], &named[0]["appId"]), (&json!("w1"), &json!(h.app_id)));
    assert!(named[0]["why"].as_str().unwrap().contains("410"), "{named}");
    receiver.be(well());
    let enabled = ops.put(&one, json!({"enabled": true})).await.ok();
    assert_eq!((enabled.get("disabledBecause"), enabled.get("failingSince")), (None, None));
    assert_eq!(failing().await, json!([]));
    ann.send("bob", "again").await;
    receiver.expect(2).await;
}

#[tokio::test]
async fn admins_do_the_same_on_their_page() {
    let (h, receiver) = (Harness::start().await, Receiver::start().await);
    let (ops, _) = logged(&h, &receiver).await;
    let admin = root(&h).await;
    for below in ["/webhooks", "/webhooks/w1", "/webhooks/w1/triggers", "/webhooks/w1/deliveries", "/triggers"] {
        let path = format!("/apps/{}{below}", h.app_id);
        let (here, there) = (ops.get(&path).await, admin.get(&format!("/admin/api{path}")).await);
        assert_eq!((here.status, &here.body), (200, &there.body), "{below}");
    }
    let base = format!("/admin/api/apps/{}/webhooks", h.app_id);
    admin.post(&base, json!({"id": "w2", "name": "W", "webhookURL": "https://hooks.example/"})).await.ok();
    admin.put(&format!("{base}/w2"), json!({"enabled": false})).await.ok();
    admin.post(&format!("{base}/w2/triggers"), json!({"triggerIds": ["message_sent"]})).await.ok();
    admin.delete_with(&format!("{base}/w2/triggers"), json!({"triggerIds": ["message_sent"]})).await.ok();
    admin.post(&format!("{base}/w2/secret"), json!({})).await.ok();
    admin.delete(&format!("{base}/w2")).await.ok();
    admin.post(&format!("{base}/w1/test"), json!({})).await.ok();
    admin.post(&format!("{base}/w1/replay"), json!({"state": "failed"})).await.ok();
    let by = h.count("SELECT count(*) FROM audit WHERE act LIKE 'webhook.%' AND actor = 'admin root'");
    assert_eq!(by, 8, "each is noted");
}

#[tokio::test]
async fn the_command_line_shows_and_sends_beside_a_running_server() {
    let (h, receiver) = (Harness::start().await, Receiver::start().await);
    // The command line goes by the machine's clock: what it wants at once is not to lie ahead of the server's.
    let machine = std::time::UNIX_EPOCH.elapsed().expect("a time").as_secs() as i64;
    h.clock.advance((machine + 3600 - h.clock.now()).max(0));
    let (ops, one) = logged(&h, &receiver).await;
    let run = |words: &[&str]| {
        let output = hobnob(&h.data, words);
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let json_of = |words: &[&str]| -> Vec<Value> {
        let (well, text) = run(&[words, &["--json"]].concat());
        assert!(well, "{words:?}");
        serde_json::from_str(&text).expect("a list")
    };
    let listed = json_of(&["webhook", "list", &h.app_id]);
    assert_eq!((&listed[0]["id"], &listed[0]["failedEvents"]), (&json!("w1"), &json!(3)));
    let log = json_of(&["webhook", "log", &h.app_id, "w1", "--state", "failed", "--last", "2"]);
    let same = ops.get(&format!("{one}/deliveries?state=failed&limit=2")).await.list();
    assert_eq!(texts(&log, "eventId"), texts(&same, "eventId"));
    let (_, lines) = run(&["webhook", "log", &h.app_id, "w1"]);
    assert_eq!((lines.lines().count(), lines.matches("\"no such table: orders\"").count()), (4, 3), "{lines}");
    let (_, said) = run(&["webhook", "replay", &h.app_id, "w1", "--failed"]);
    assert_eq!(said.trim(), "3 are sent once more.");
    receiver.expect(7).await;
    until(&h, "delivered", 4).await;
    assert_eq!(h.count("SELECT count(*) FROM audit WHERE act = 'webhook.replay' AND actor = 'cli'"), 1);
    for bad in [&["webhook", "replay", &h.app_id, "w1"][..], &["webhook", "log", &h.app_id, "none"]] {
        assert!(!run(bad).0, "{bad:?}");
    }
}

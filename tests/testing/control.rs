//! The control API: back in time, forward in time, faults, acts.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::program::{Chat, folder, program};
use crate::wire::{Receiver, Sock};

pub const SEED: &str = "
clock: 2026-03-01T12:00:00Z
app: {id: app, apiKey: key, authKey: auth}
users:
- {uid: ann, token: ann-token}
- {uid: bob, token: bob-token}
groups:
- {guid: g, owner: ann, members: [bob]}
messages:
- {from: ann, to: bob, text: first}
";

/// A server with this seed, beside nobody.
pub fn seeded(seed: &str) -> (tempfile::TempDir, Chat) {
    let beside = folder();
    let file = beside.path().join("seed.yaml");
    std::fs::write(&file, seed).expect("writes");
    let chat = Chat::start(beside.path(), &["--seed", file.to_str().expect("a plain path")]);
    (beside, chat)
}

pub async fn texts(chat: &Chat) -> Vec<String> {
    let (status, page) = chat.call(Method::GET, "/users/bob/messages", Some("ann"), Value::Null).await;
    assert_eq!(status, 200, "{page}");
    let list = page["data"].as_array().expect("a list").iter();
    list.filter_map(|one| one["data"]["text"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_reset_brings_everything_back() {
    let (_beside, chat) = seeded(SEED);
    let before = chat.control(Method::GET, "/clock", Value::Null).await;
    assert_eq!((&before["iso"], &before["frozen"]), (&json!("2026-03-01T12:00:00.000Z"), &json!(true)));
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let mut bob = Sock::of(&chat, "bob-token").await;
        let sent = chat.send("ann", "bob", "second").await;
        bob.expect_text("second").await;
        let (_, made) = chat.call(Method::POST, "/users", None, json!({"uid": "eve", "name": "Eve"})).await;
        let (_, login) = chat.call(Method::POST, "/users/eve/auth_tokens", None, json!({})).await;
        chat.advance("1h").await;
        chat.control(Method::POST, "/faults", json!({"status": 503})).await;
        assert_eq!(chat.call(Method::GET, "/users", None, Value::Null).await.0, 503);
        rounds.push((sent, made, login.clone()));
        let clock = chat.control(Method::POST, "/reset", Value::Null).await;
        assert_eq!(clock, before);
        assert_eq!(bob.closed().await, Some(1012), "sockets are told to come again");
        assert_eq!(texts(&chat).await, ["first"]);
        assert_eq!(chat.call(Method::GET, "/users/eve", None, Value::Null).await.0, 404);
        // What was known of logins is forgotten.
        let token = login["data"]["authToken"].as_str().expect("a token").to_owned();
        let me = chat.http.get(format!("{}/v3/me", chat.text("url"))).header("authToken", token);
        assert_eq!(crate::program::answered(me.header("appId", "app")).await.0, 401);
    }
    assert!(rounds.windows(2).all(|two| two[0] == two[1]), "the same ids, tokens and times: {rounds:#?}");
}

#[tokio::test]
async fn sockets_stay_where_that_is_asked_for_and_know_what_was() {
    let (_beside, chat) = seeded(SEED);
    let mut bob = Sock::of(&chat, "bob-token").await;
    chat.call(Method::DELETE, "/groups/g/members/bob", None, Value::Null).await;
    bob.before_pong().await;
    chat.control(Method::POST, "/reset", json!({"sockets": "keep"})).await;
    let send = json!({"as": "ann", "send": {"group": "g", "text": "who was kicked is a member again"}});
    chat.control(Method::POST, "/act", send).await;
    bob.expect_text("who was kicked is a member again").await;
}

#[tokio::test]
async fn a_thousand_resets_leave_nothing_behind() {
    let (_beside, chat) = seeded(SEED);
    let held = |chat: &Chat| {
        let pid = chat.ready["pid"].as_u64().expect("a pid");
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count());
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned();
        (files, line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0))
    };
    let round = async |count: usize| {
        let begun = Instant::now();
        for _ in 0..count {
            chat.send("ann", "bob", "more").await;
            chat.control(Method::POST, "/reset", Value::Null).await;
        }
        begun.elapsed()
    };
    round(100).await;
    let before = held(&chat);
    let took = round(900).await;
    let after = held(&chat);
    eprintln!("900 resets and messages: {took:?}, files and KiB {before:?} -> {after:?}");
    assert_eq!(texts(&chat).await, ["first"]);
    assert!(after.0 <= before.0 + 4, "files: {before:?} -> {after:?}");
    assert!(after.1 <= before.1 + 8 * 1024, "memory: {before:?} -> {after:?}");
}

#[tokio::test]
async fn moments_are_kept_by_name() {
    let (_beside, chat) = seeded(SEED);
    chat.send("ann", "bob", "second").await;
    chat.advance("1d").await;
    chat.control(Method::POST, "/snapshot", json!({"name": "later"})).await;
    let there = chat.control(Method::GET, "/clock", Value::Null).await;
    chat.control(Method::POST, "/reset", Value::Null).await;
    assert_eq!(texts(&chat).await, ["first"]);
    assert_eq!(chat.control(Method::POST, "/restore", json!({"name": "later"})).await, there);
    assert_eq!(texts(&chat).await, ["first", "second"]);
    assert_eq!(chat.control(Method::GET, "/snapshots", Value::Null).await, json!(["later"]));
    let (status, refused) = chat.try_control(Method::POST, "/restore", json!({"name": "other"})).await;
    assert!(status == 400 && refused.to_string().contains("later"), "{refused}");
}

#[tokio::test]
async fn a_call_that_nobody_answers_ends_in_its_time_and_not_before() {
    let (_beside, chat) = seeded(SEED);
    let (mut ann, mut bob) = (Sock::of(&chat, "ann-token").await, Sock::of(&chat, "bob-token").await);
    let (status, call) = chat.try_control(Method::POST, "/act", json!({"as": "ann", "call": {"to": "bob"}})).await;
    assert_eq!(status, 200, "{call}");
    let rings = |frame: &Value| frame["body"]["category"] == "call";
    bob.expect(rings).await;
    chat.advance("59s").await;
    assert!(!bob.before_pong().await.iter().any(rings));
    chat.advance("1s").await;
    let ended = bob.expect(rings).await;
    let status = ended["body"]["data"]["action"].as_str().unwrap_or_default();
    assert_eq!(status, "unanswered", "{ended}");
    ann.expect(|frame| rings(frame) && frame["body"]["data"]["action"] == "unanswered").await;
}

#[tokio::test]
async fn a_day_of_tries_of_a_webhook_takes_as_long_as_the_tries() {
    let receiver = Receiver::answering(500).await;
    let hook = format!("webhooks:\n- {{url: '{}', triggers: [message_sent]}}\n", receiver.url);
    let (_beside, chat) = seeded(&format!("{SEED}{hook}"));
    chat.send("ann", "bob", "second").await;
    chat.advance("0s").await;
    assert_eq!(receiver.told().len(), 1);
    chat.advance("9s").await;
    assert_eq!(receiver.told().len(), 1, "not before its time");
    chat.advance("1s").await;
    assert_eq!(receiver.told().len(), 2);
    let begun = Instant::now();
    let clock = chat.advance("27h").await;
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let told = receiver.told();
    assert_eq!(told.len(), 10, "{clock}");
    // After a reset nothing is left of it, and what happens then is told.
    chat.control(Method::POST, "/reset", Value::Null).await;
    chat.send("ann", "bob", "third").await;
    chat.advance("0s").await;
    let told = receiver.told();
    assert_eq!(told.len(), 11);
    assert!(told[10].to_string().contains("third"), "{}", told[10]);
}

#[tokio::test]
async fn one_that_never_answers_holds_no_clock_up() {
    let receiver = Receiver::silent().await;
    let hook = format!("webhooks:\n- {{url: '{}', triggers: [message_sent]}}\n", receiver.url);
    let (_beside, chat) = seeded(&format!("{SEED}{hook}"));
    chat.send("ann", "bob", "second").await;
    let turn = json!({"advance": "30d", "patience": "50ms"});
    let clock = chat.control(Method::POST, "/clock", turn).await;
    assert_eq!(clock["iso"], "2026-03-31T12:00:00.000Z");
    assert!(clock["stops"].as_u64().expect("a number") < 50, "{clock}");
}

#[tokio::test]
async fn the_clock_goes_forward_alone_and_runs_or_stands() {
    let (_beside, chat) = seeded(SEED);
    let (status, refused) = chat.try_control(Method::POST, "/clock", json!({"set": "2025-01-01"})).await;
    assert!(status == 400 && refused.to_string().contains("reset"), "{refused}");
    for wrong in [json!({"set": "soon"}), json!({"advance": "5"}), json!({"set": 1, "advance": 1}), json!({"stop": 1})]
    {
        assert_eq!(chat.try_control(Method::POST, "/clock", wrong.clone()).await.0, 400, "{wrong}");
    }
    let set = chat.control(Method::POST, "/clock", json!({"set": "2026-03-02T00:00:00.250Z", "freeze": false})).await;
    assert_eq!(set["frozen"], false);
    let sent = chat.send("ann", "bob", "second").await;
    assert!(sent["sentAt"].as_i64().expect("a time") >= 1_772_409_600, "{sent}");
}

/// A page of another site that a developer has open, by its own name or by a name of this machine that it had made up.
#[tokio::test]
async fn a_file_is_sent_as_a_user_and_a_path_is_needed() {
    let (_beside, chat) = seeded(SEED);
    // Names of files are the same each time, and what is behind them is that of the moment.
    let send = async |bytes: &str| {
        let part = reqwest::multipart::Part::bytes(bytes.as_bytes().to_vec()).file_name("a.gif");
        let form = reqwest::multipart::Form::new()
            .text("receiver", "bob")
            .text("receiverType", "user")
            .text("type", "image")
            .part("files", part);
        let sent = chat.http.post(format!("{}/as/ann/messages", chat.text("controlUrl"))).multipart(form);
        let (status, sent) = crate::program::answered(sent).await;
        assert!(status == 200 && sent["data"]["data"]["attachments"][0]["extension"] == "gif", "{sent}");
        sent["data"]["data"]["attachments"][0]["url"].as_str().expect("a URL").to_owned()
    };
    let held = async |url: &str| chat.http.get(url).send().await.expect("answers").text().await.expect("text");
    let mut urls = Vec::new();
    for name in ["one", "two"] {
        urls.push(send(&format!("GIF89a {name}")).await);
        chat.control(Method::POST, "/snapshot", json!({ "name": name })).await;
        chat.control(Method::POST, "/reset", Value::Null).await;
        let gone = chat.http.get(&urls[0]).send().await.expect("answers");
        assert_eq!(gone.status(), 404);
    }
    assert_eq!(urls[0], urls[1]);
    for name in ["one", "two", "one"] {
        chat.control(Method::POST, "/restore", json!({ "name": name })).await;
        assert_eq!(held(&urls[0]).await, format!("GIF89a {name}"));
    }
    for path in ["/as/ann", "/as/ann/", "/as//me"] {
        assert_eq!(chat.try_control(Method::GET, path, Value::Null).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_test_acts_as_a_user_without_a_client() {
    let (_beside, chat) = seeded(SEED);
    let mut bob = Sock::of(&chat, "bob-token").await;
    let act = async |what: Value| chat.control(Method::POST, "/act", what).await;
    act(json!({"as": "ann", "type": {"to": "bob"}})).await;
    bob.expect(|frame| frame["type"] == "typing_indicator" && frame["body"]["action"] == "started").await;
    let sent = act(json!({"as": "ann", "send": {"to": "bob", "text": "hi", "metadata": {"a": 1}}})).await;
    assert_eq!((&sent["sender"], &sent["data"]["text"]), (&json!("ann"), &json!("hi")), "{sent}");
    let id = sent["id"].clone();
    bob.expect_text("hi").await;
    act(json!({"as": "bob", "read": {"messageId": id}})).await;
    act(json!({"as": "bob", "react": {"messageId": id, "reaction": "👍"}})).await;
    act(json!({"as": "ann", "edit": {"messageId": id, "text": "ho"}})).await;
    let path = format!("/as/ann/messages/{}", id.as_str().expect("an id"));
    let shown = chat.control(Method::GET, &path, Value::Null).await;
    assert_eq!((&shown["data"]["text"], shown["readAt"].is_number()), (&json!("ho"), true), "{shown}");
    assert!(shown.to_string().contains("👍"), "{shown}");
    act(json!({"as": "ann", "delete": {"messageId": id}})).await;
    for to in [json!({"to": "nobody"}), json!({"group": "none"})] {
        let (status, refused) = chat.try_control(Method::POST, "/act", json!({"as": "ann", "type": to})).await;
        assert_eq!(status, 404, "{refused}");
    }
    // Any request of the API, as any user, with what the API says to it.
    let (status, refused) = chat.try_control(Method::GET, "/as/nobody/conversations", Value::Null).await;
    assert!(status == 404 && refused["error"]["code"] == "ERR_UID_NOT_FOUND", "{refused}");
    let page = chat.control(Method::GET, "/as/bob/users?perPage=1", Value::Null).await;
    assert_eq!(page.as_array().map(Vec::len), Some(1), "{page}");
    for (what, word) in [
        (json!({"send": {}}), "as"),
        (json!({"as": "ann"}), "send"),
        (json!({"as": "ann", "sned": {}}), "send"),
        (json!({"as": "ann", "send": {"text": "hi"}}), "group"),
        (json!({"as": "ann", "read": {}}), "messageId"),
        (json!({"as": "", "send": {"to": "bob", "text": "hi"}}), "uid"),
        (json!({"as": "é", "send": {"to": "bob", "text": "hi"}}), "uid"),
    ] {
        let (status, refused) = chat.try_control(Method::POST, "/act", what.clone()).await;
        assert!(status == 400 && refused.to_string().contains(word), "{what}: {refused}");
    }
}

/// What a test does in the two that follow.
async fn play(chat: &Chat) {
    let mut bob = Sock::of(chat, "bob-token").await;
    let sent = chat.send("ann", "bob", "one").await;
    let act = async |what: Value| chat.control(Method::POST, "/act", what).await;
    act(json!({"as": "ann", "type": {"to": "bob"}})).await;
    act(json!({"as": "ann", "edit": {"messageId": sent["id"], "text": "one!"}})).await;
    act(json!({"as": "bob", "read": {"messageId": sent["id"]}})).await;
    act(json!({"as": "ann", "type": {"to": "bob", "ended": true}})).await;
    bob.expect_text("one").await;
    chat.call(Method::GET, "/users/bob/messages", Some("ann"), Value::Null).await;
    chat.advance("1h").await;
    chat.send("ann", "bob", "two").await;
    bob.expect_text("two").await;
    bob.before_pong().await;
    drop(bob);
    chat.control(Method::POST, "/wait", json!({"kind": "event", "title": "offline"})).await;
    // All that is told of it.
    chat.advance("0s").await;
}

/// What a worker knew of the events before must not stand in the way of those after.
#[tokio::test]
async fn webhooks_are_told_after_a_reset_whatever_was_under_way() {
    let receiver = Receiver::answering(200).await;
    let hook = format!("webhooks:\n- {{url: '{}', triggers: [message_sent]}}\n", receiver.url);
    let (_beside, chat) = seeded(&format!("{SEED}{hook}"));
    for round in 0..40 {
        for number in 0..5 {
            chat.send("ann", "bob", &format!("before {round} {number}")).await;
        }
        chat.control(Method::POST, "/reset", Value::Null).await;
        let text = format!("after {round}");
        chat.send("ann", "bob", &text).await;
        let wait = json!({"kind": "webhook", "text": text});
        chat.control(Method::POST, "/wait", wait).await;
    }
}

#[tokio::test]
async fn the_same_acts_make_the_same_journal() {
    let receiver = Receiver::answering(200).await;
    let hook =
        |id: &str| format!("- {{id: {id}, url: '{}', triggers: [message_sent, message_edited]}}\n", receiver.url);
    let seed = format!("{SEED}webhooks:\n{}{}", hook("h1"), hook("h2"));
    let (_one, one) = seeded(&seed);
    let (_other, other) = seeded(&seed);
    let journal = async |chat: &Chat| {
        play(chat).await;
        // The answer to the heartbeat is the last frame that is told.
        chat.control(Method::POST, "/wait", json!({"kind": "frameOut", "title": "pong"})).await;
        let entries = chat.control(Method::GET, "/journal?order=stream", Value::Null).await["entries"].take();
        let port = |field: &str| chat.text(field).rsplit(':').next().expect("a port").to_owned();
        entries.to_string().replace(&port("url"), "HTTP").replace(&port("httpsUrl"), "HTTPS")
    };
    let first = journal(&one).await;
    assert!(
        first.contains("\"one\"") && first.contains("frameOut") && first.contains("GET /users/bob/messages"),
        "{first}"
    );
    assert_eq!(first.matches(r#""kind":"webhook""#).count(), 6, "{first}");
    let same = |other: String, when: &str| {
        let differs = first.bytes().zip(other.bytes()).position(|(one, other)| one != other);
        let around =
            |text: &str| text[differs.unwrap_or(0).saturating_sub(200)..].chars().take(400).collect::<String>();
        assert!(first == other, "{when}: {} | {}", around(&first), around(&other));
    };
    same(journal(&other).await, "of two servers");
    for _ in 0..5 {
        one.control(Method::POST, "/reset", Value::Null).await;
        same(journal(&one).await, "after a reset");
    }
}

#[tokio::test]
async fn what_happens_is_waited_for_and_not_slept_for() {
    let (_beside, chat) = seeded(SEED);
    let mut bob = Sock::of(&chat, "bob-token").await;
    let asked =
        json!({"kind": "frameOut", "user": "bob", "like": {"bodies": {"frame": {"body": {"data": {"text": "hi"}}}}}});
    let (found, _) = tokio::join!(chat.control(Method::POST, "/wait", asked.clone()), chat.send("ann", "bob", "hi"));
    assert_eq!(found["entries"][0]["title"], "message", "{found}");
    // It has happened already.
    assert_eq!(chat.control(Method::POST, "/wait", asked).await["entries"], found["entries"]);
    bob.expect_text("hi").await;
    let (status, refused) = chat.try_control(Method::POST, "/wait", json!({"user": "eve", "timeout": "1ms"})).await;
    assert!(status >= 400 && refused.to_string().contains("0 of 1"), "{status}: {refused}");
    let (status, refused) = chat.try_control(Method::GET, "/journal?kind=frames", Value::Null).await;
    assert!(status == 400 && refused.to_string().contains("frameOut"), "{refused}");
}

#[tokio::test]
async fn the_control_api_describes_itself_and_says_what_it_does_not_know() {
    let (_beside, chat) = seeded(SEED);
    let (_, described) = chat.try_control(Method::GET, "/openapi.json", Value::Null).await;
    assert_eq!(described["openapi"], "3.1.0");
    assert_eq!(chat.control(Method::GET, "", Value::Null).await, chat.ready);
    let (status, refused) = chat.try_control(Method::POST, "/rest", json!({})).await;
    assert!(status == 404 && refused.to_string().contains("/_test/reset"), "{refused}");
    let (status, refused) = chat.try_control(Method::POST, "/reset", json!({"sockets": "open"})).await;
    assert!(status == 400 && refused.to_string().contains("sockets"), "{refused}");
}

#[test]
fn a_seed_that_is_wrong_is_told_with_file_line_and_field() {
    let beside = folder();
    for (name, text, place) in [
        ("a.yaml", "users:\n- uid: ann\n  nmae: Ann\n", "a.yaml:3: users[0].nmae: "),
        ("a.json", "{\"users\": [\n{\"uid\": \"ann\", \"friends\": [\n\"bob\"]}]}", "a.json:3: users[0].friends[0]: "),
        ("b.json", "{\"users\":\n [}", "b.json:2: "),
    ] {
        let file = beside.path().join(name);
        std::fs::write(&file, text).expect("writes");
        let ended = program(beside.path(), &["--seed", file.to_str().expect("plain")]).output().expect("ends");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && said.contains(place) && ended.stdout.is_empty(), "{said}");
    }
    let ended = program(beside.path(), &["--seed", "nowhere.yaml"]).output().expect("ends");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("nowhere.yaml"));
}

#[tokio::test]
async fn the_example_is_written_and_works() {
    let beside = folder();
    let file = beside.path().join("seed.yaml");
    let name = file.to_str().expect("plain");
    let init = || program(beside.path(), &["init", name]).output().expect("ends");
    assert!(init().status.success());
    assert!(!init().status.success(), "what is there stays");
    let chat = Chat::start(beside.path(), &["--seed", name]);
    assert_eq!((chat.text("appId"), chat.text("authKey")), ("test-app", "test-auth-key"));
    let mut ann = Sock::of(&chat, "ann-token").await;
    chat.send("bob", "ann", "it works").await;
    ann.expect_text("it works").await;
    let page = chat.control(Method::GET, "/as/ann/conversations", Value::Null).await;
    let page = page.to_string();
    assert!(page.contains("it works") && page.contains("The team"), "{page}");
}

//! Polls: what is shown to whom, votes that move, and how little one costs when there are many.

use hobnob::model::error::Code;
use hobnob::model::poll::{VOTER_BYTES, VOTERS};
use reqwest::Method;
use serde_json::{Value, json};

use super::{get, injected, post};
use crate::harness::{Answer, Harness, User, id_of};

async fn ask(user: &User, kind: &str, receiver: &str) -> Value {
    let body = json!({"question": "Tea?", "options": ["green", "black"], "receiver": receiver, "receiverType": kind});
    post(user, "polls", "v2/create", body).await.ok()
}

async fn vote(user: &User, poll: &Value, vote: Value) -> Answer {
    post(user, "polls", "v2/vote", json!({"id": poll, "vote": vote})).await
}

/// Voters of each option and its count.
fn votes(poll: &Value) -> Vec<(Vec<String>, i64)> {
    let options = poll["results"]["options"].as_object().expect("options");
    let one = |option: &Value| {
        let voters = option["voters"].as_object().expect("voters of every option");
        (voters.keys().cloned().collect(), option["count"].as_i64().expect("a count"))
    };
    options.values().map(one).collect()
}

fn of(names: &[&str]) -> (Vec<String>, i64) {
    (names.iter().map(|name| name.to_string()).collect(), names.len() as i64)
}

#[tokio::test]
async fn a_poll_is_a_message_and_each_vote_an_edit_that_all_hear() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user_with("bob", json!({"avatar": "https://x.example/b.png"})).await);
    h.group("team", &ann, &[&bob]).await;
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    let made = ask(&ann, "group", "team").await;
    // Also for the session that asked: its page shows nothing before it hears of it.
    for sock in [&mut at_ann, &mut at_bob] {
        let frame = sock.expect(|frame| frame["body"]["type"] == "extension_poll").await;
        let message = &frame["body"];
        assert_eq!((&message["category"], &message["sender"]), (&json!("custom"), &json!("ann")));
        assert_eq!(message["id"], made["messageId"]);
        assert_eq!(message["data"]["metadata"]["incrementUnreadCount"], true);
        let poll = injected(message, "polls");
        assert_eq!((&poll["question"], &poll["options"]), (&json!("Tea?"), &json!({"1": "green", "2": "black"})));
        assert_eq!((&poll["id"], votes(poll)), (&made["id"], vec![of(&[]), of(&[])]));
        let custom = &message["data"]["customData"];
        assert_eq!((&custom["id"], &custom["question"]), (&made["id"], &json!("Tea?")));
    }
    assert_eq!(bob.get("/groups/team/conversation").await.ok()["unreadMessageCount"], "1");

    vote(&bob, &made["id"], json!("2")).await.ok();
    for sock in [&mut at_ann, &mut at_bob] {
        let edited = sock.expect_action("edited").await["body"].clone();
        let message = &edited["data"]["entities"]["on"]["entity"];
        assert_eq!((&message["id"], &message["editedBy"]), (&made["messageId"], &json!("app_system")));
        let poll = injected(message, "polls");
        assert_eq!(votes(poll), [of(&[]), of(&["bob"])]);
        assert_eq!(poll["results"]["total"], 1);
        let voter = &poll["results"]["options"]["2"]["voters"]["bob"];
        assert_eq!(*voter, json!({"name": "Bob", "avatar": "https://x.example/b.png"}));
    }
    // It moves, by either id and either way to write a number, and the same again says nothing.
    vote(&bob, &made["messageId"], json!(1)).await.ok();
    vote(&bob, &made["id"], json!("1")).await.ok();
    let answer = vote(&ann, &made["id"], json!(1)).await.ok();
    assert_eq!(votes(&answer["poll"]), [of(&["ann", "bob"]), of(&[])]);
    let heard: Vec<Value> = [at_ann.expect_action("edited").await, at_ann.expect_action("edited").await]
        .iter()
        .map(|frame| injected(&frame["body"]["data"]["entities"]["on"]["entity"], "polls")["results"]["total"].clone())
        .collect();
    assert_eq!(heard, [1, 2]);

    // Who reads later, or catches up, sees the same.
    let id = made["messageId"].as_str().unwrap();
    for path in [format!("/messages/{id}"), format!("/messages/{id}?")] {
        assert_eq!(votes(injected(&bob.get(&path).await.ok(), "polls")), [of(&["ann", "bob"]), of(&[])]);
    }
    let changed = bob.get("/groups/team/messages?onlyUpdates=1&updatedAt=1&affix=append").await.list();
    assert_eq!(votes(injected(&changed[0], "polls"))[0].1, 2);
    let last = bob.get("/groups/team/conversation").await.ok()["lastMessage"].clone();
    assert_eq!(votes(injected(&last, "polls"))[0].1, 2);
    let results = get(&ann, "polls", &format!("v2/results?id={}", made["id"].as_str().unwrap())).await.ok();
    assert_eq!(votes(&results["polls"])[0].1, 2);
    get(&bob, "polls", &format!("v2/results?id={id}")).await.refused(Code::NotASender);

    // An edit by its sender leaves the votes as they are.
    let own = json!({"data": {"metadata": {"own": 1, "@injected": {"extensions": {"polls": {"results": 9}}}}}});
    ann.put(&format!("/messages/{id}"), own).await.ok();
    let message = bob.get(&format!("/messages/{id}")).await.ok();
    assert_eq!((votes(injected(&message, "polls"))[0].1, &message["data"]["metadata"]["own"]), (2, &json!(1)));
}

#[tokio::test]
async fn who_may_not_read_a_poll_may_not_vote() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    let direct = ask(&ann, "user", "bob").await;
    let grouped = ask(&ann, "group", "team").await;
    for poll in [&direct, &grouped] {
        for id in [&poll["id"], &poll["messageId"]] {
            vote(&cy, id, json!(1)).await.refused(Code::MessageNoAccess);
        }
    }
    let other = h.another_app().await;
    let dee = other.user("dee").await;
    for id in [&direct["id"], &direct["messageId"]] {
        vote(&dee, id, json!(1)).await.refused(Code::PollNotFound);
    }
    // Kicked, blocked, deleted: no vote any more.
    vote(&bob, &grouped["id"], json!(1)).await.ok();
    ann.delete("/groups/team/members/bob").await.ok();
    vote(&bob, &grouped["id"], json!(2)).await.refused(Code::MessageNoAccess);
    bob.post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    vote(&bob, &direct["id"], json!(1)).await.refused(Code::BlockedReceiver);
    vote(&ann, &direct["id"], json!(1)).await.refused(Code::BlockedSender);
    ann.delete(&format!("/messages/{}", grouped["messageId"].as_str().unwrap())).await.ok();
    vote(&ann, &grouped["id"], json!(1)).await.envelope();
    assert_eq!(h.count("SELECT count(*) FROM poll_votes"), 0);

    let asked = async |body: Value| post(&ann, "polls", "v2/create", body).await;
    let good = json!({"question": "q", "options": ["a", "b"], "receiver": "cy", "receiverType": "user"});
    asked(good.clone()).await.ok();
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    for (key, value, code) in [
        ("question", json!(" "), Code::BadRequest),
        ("question", json!(true), Code::BadRequest),
        ("question", json!("x".repeat(1001)), Code::BadRequest),
        ("options", json!(["a"]), Code::BadRequest),
        ("options", json!(["a", ""]), Code::BadRequest),
        ("options", json!("a"), Code::BadRequest),
        ("options", json!(vec!["a"; 26]), Code::BadRequest),
        ("receiver", json!("nobody"), Code::UidNotFound),
        ("receiver", Value::Null, Code::EmptyReceiver),
        ("receiverType", json!("planet"), Code::InvalidReceiverType),
        ("quotedMessageId", json!(999_999), Code::MessageNotFound),
    ] {
        asked(with(key, value.clone())).await.refused(code);
    }
    let text = id_of(&ann.send("cy", "no poll").await).to_string();
    vote(&cy, &json!(text), json!(1)).await.refused(Code::PollNotFound);
    let poll = asked(with("quotedMessageId", json!(text))).await.ok()["id"].clone();
    for (id, number) in
        [(poll.clone(), json!(3)), (poll.clone(), json!("x")), (poll, Value::Null), (Value::Null, json!(1))]
    {
        vote(&cy, &id, number).await.refused(Code::BadRequest);
    }
    post(&h.behalf("dee"), "polls", "v2/create", good).await.envelope();
}

#[tokio::test]
async fn what_was_voted_on_stays_what_was_asked() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let made = ask(&ann, "group", "team").await;
    vote(&bob, &made["id"], json!(1)).await.ok();
    let path = format!("/messages/{}", made["messageId"].as_str().unwrap());
    let before = ann.get(&path).await.ok()["data"]["customData"].clone();
    let other = json!({"id": "x", "question": "Fire Bob?", "options": {"1": "yes", "2": "no"}});
    for who in [&*ann, &**h] {
        let edit = json!({"data": {"customData": other, "metadata": {"seen": true}}});
        who.put(&path, edit).await.ok();
        let after = bob.get(&path).await.ok()["data"].clone();
        assert_eq!(after["customData"], before);
        assert_eq!(after["metadata"]["seen"], true, "the rest may change");
    }
}

#[tokio::test]
async fn votes_outlast_a_restart_and_go_with_their_voter() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let made = ask(&ann, "group", "team").await;
    for user in [&ann, &bob, &cy] {
        vote(user, &made["id"], json!(1)).await.ok();
    }
    h.call(Method::DELETE, "/users/bob", Some(json!({"permanent": true}))).await.ok();
    let path = format!("/messages/{}", made["messageId"].as_str().unwrap());
    // From that moment nobody sees them, and the count follows as they are swept.
    assert_eq!(votes(injected(&ann.get(&path).await.ok(), "polls"))[0].0, ["cy", "ann"]);
    drop(h.snapshot().await);
    let poll = injected(&ann.get(&path).await.ok(), "polls").clone();
    assert_eq!((votes(&poll), &poll["results"]["total"]), (vec![of(&["cy", "ann"]), of(&[])], &json!(2)));
    assert_eq!(h.count("SELECT count(*) FROM poll_votes"), 2);
    ann.delete(&path).await.ok();
    assert_eq!(h.count("SELECT count(*) FROM polls") + h.count("SELECT count(*) FROM poll_options"), 0);
}

#[tokio::test]
async fn a_vote_among_many_tells_a_bounded_message() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let made = ask(&ann, "group", "team").await;
    vote(&bob, &made["id"], json!(1)).await.ok();
    let most = 20_000;
    let fill = rusqlite::Connection::open(h.data.join("hobnob.db")).unwrap();
    let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
    // Nobody looks for them by name.
    fill.create_scalar_function("name_words", 1, flags, |_| Ok("[]")).unwrap();
    fill.execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})
         INSERT INTO users (app, uid, name, avatar, created_at)
           SELECT (SELECT app FROM polls), 'crowd' || i, 'Crowd', 'https://x.example/' || printf('%0300d', i), 1 FROM n;
         INSERT INTO poll_votes (message_id, user_id, number)
           SELECT (SELECT message_id FROM polls), id, 1 FROM users WHERE uid LIKE 'crowd%';"
    ))
    .unwrap();
    let mut at_bob = bob.connect().await;
    vote(&ann, &made["id"], json!(1)).await.ok();
    let frame = at_bob.expect_action("edited").await;
    let poll = injected(&frame["body"]["data"]["entities"]["on"]["entity"], "polls");
    let (voters, count) = votes(poll).swap_remove(0);
    assert_eq!((count, &poll["results"]["total"]), (most + 2, &json!(most + 2)));
    assert_eq!(voters[0], "ann", "the newest is among them");
    assert!(voters.len() > 10 && voters.len() as i64 <= VOTERS, "{}", voters.len());
    assert!(frame.to_string().len() < VOTER_BYTES + 8 * 1024, "{}", frame.to_string().len());
    // Whoever looks finds their own vote, however old.
    let path = format!("/messages/{}", made["messageId"].as_str().unwrap());
    assert!(votes(injected(&bob.get(&path).await.ok(), "polls"))[0].0.contains(&"bob".to_owned()));
    assert!(!votes(injected(&ann.get(&path).await.ok(), "polls"))[0].0.contains(&"bob".to_owned()));
}

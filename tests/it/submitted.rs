//! Moderation as a service: rules answer what they say of a message, and nobody but the app hears of it.

use hobnob::chores;
use hobnob::media::Media;
use hobnob::model::error::Code;
use hobnob::model::limits::Limits;
use serde_json::{Value, json};

use crate::harness::{Client, Dice, Harness, id_of, text_to};

const PATH: &str = "/moderation/messages";

/// A rule that blocks the word, with more to it.
async fn forbid(app: &Client, word: &str, more: Value) {
    let mut rule =
        json!({"id": word, "name": word, "conditions": [{"operand": "text", "category": "word", "value": word}]});
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post("/moderation/rules", rule).await.ok();
}

fn asked(sender: &str, kind: &str, to: &str, text: &str) -> Value {
    let mut body = text_to(kind, to, text);
    body["sender"] = sender.into();
    body
}

fn status(message: &Value) -> &str {
    message["data"]["moderation"]["status"].as_str().unwrap_or_default()
}

async fn texts(app: &Client, query: &str) -> Vec<String> {
    let found = app.get(&format!("{PATH}{query}")).await.list();
    found.iter().map(|message| message["data"]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_app_is_answered_and_nobody_else_hears() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    // No rule speaks against it, for there is none. No message was ever sent here.
    let first = h.post(PATH, asked("ann", "user", "bob", "darn")).await.ok();
    assert_eq!((status(&first), &first["conversationId"]), ("approved", &json!("ann_user_bob")));
    forbid(&h, "darn", json!({"action": ["blockMessage", "kickUser", "blockUser", "flagMessage"]})).await;
    let mut sock = bob.connect().await;
    let bad = h.post(PATH, asked("ann", "group", "team", "Darn!")).await.ok();
    assert_eq!(
        (status(&bad), &bad["receiver"], &bad["receiverType"]),
        ("disapproved", &json!("team"), &json!("group"))
    );
    assert_eq!(bad["data"]["entities"]["sender"]["entity"]["uid"], "ann");
    assert!(id_of(&bad) > id_of(&first));
    let path = format!("{PATH}/{}", id_of(&bad));
    assert_eq!(h.get(&path).await.ok(), bad);
    // An edit is judged again.
    h.clock.advance(5);
    let better = h.put(&path, json!({"data": {"text": "Goodness!", "moderation": {"status": "x"}}})).await.ok();
    assert_eq!((status(&better), &better["data"]["text"]), ("approved", &json!("Goodness!")));
    assert_eq!((&better["sentAt"], &better["editedBy"]), (&bad["sentAt"], &json!("app_system")));
    assert_eq!(better["editedAt"].as_i64(), bad["sentAt"].as_i64().map(|at| at + 5));
    assert_eq!(status(&h.put(&path, json!({"data": {"text": "darn"}})).await.ok()), "disapproved");
    h.put(&path, json!({"data": {"text": ""}})).await.refused(Code::EmptyText);
    // It is in no conversation, in no queue, and nothing was done to who would have sent it.
    let real = ann.send("bob", "hello").await;
    assert!(id_of(&real) > id_of(&bad), "an id is one message");
    let heard = sock.expect(|frame| frame["type"] == "message").await;
    assert_eq!(heard["body"]["id"], real["id"]);
    for path in ["/messages?limit=100", "/moderation/blocked-messages", "/moderation/flagged-messages"] {
        assert!(!h.get(path).await.text.to_lowercase().contains("darn"), "{path}");
    }
    bob.get(&format!("/messages/{}", id_of(&bad))).await.refused(Code::MessageNotFound);
    h.delete(&format!("/messages/{}", id_of(&bad))).await.refused(Code::MessageNotFound);
    assert_eq!(ann.get("/groups/team").await.ok()["membersCount"], 2);
    let gone = h.delete(&path).await.ok();
    assert_eq!(gone["message"], format!("Message with id {} has been deleted successfully.", id_of(&bad)));
    for answer in [h.get(&path).await, h.delete(&path).await, h.put(&path, json!({"data": {"text": "x"}})).await] {
        answer.refused(Code::MessageNotFound);
    }
    assert_eq!(texts(&h, "").await, ["darn"]);
}

#[tokio::test]
async fn who_is_not_there_yet_is_made() {
    let h = Harness::start().await;
    h.user("ann").await;
    let mut body = asked("new", "user", "newer", "hello");
    h.post(PATH, body.clone()).await.refused(Code::UidNotFound);
    body["senderUserDetails"] = json!({"uid": "new", "name": "New", "role": "nobody"});
    body["receiverUserDetails"] = json!({"uid": "newer", "name": "Newer"});
    h.post(PATH, body.clone()).await.refused(Code::RoleNotFound);
    body["senderUserDetails"]["role"] = "default".into();
    let made = h.post(PATH, body.clone()).await.ok();
    assert_eq!(made["data"]["entities"]["receiver"]["entity"]["name"], "Newer");
    // Whoever is there stays as they are.
    body["senderUserDetails"]["name"] = "Old".into();
    assert_eq!(h.post(PATH, body).await.ok()["data"]["entities"]["sender"]["entity"]["name"], "New");

    let mut body = asked("ann", "group", "club", "hello");
    h.post(PATH, body.clone()).await.refused(Code::GuidNotFound);
    let details = json!({"guid": "club", "name": "Club", "type": "password", "password": "open", "owner": "ann"});
    body["receiverGroupDetails"] = details;
    assert_eq!(h.post(PATH, body.clone()).await.ok()["conversationId"], "group_club");
    h.behalf("new").post("/groups/club/members", json!({"password": "open"})).await.ok();
    h.post(PATH, body).await.ok();

    // Again with the same muid is the same; to somebody else it is another.
    let mut body = asked("ann", "user", "new", "one");
    body["muid"] = "m1".into();
    let first = h.post(PATH, body.clone()).await.ok();
    body["data"]["text"] = "two".into();
    assert_eq!(h.post(PATH, body.clone()).await.ok(), first);
    body["receiver"] = "newer".into();
    assert_ne!(h.post(PATH, body).await.ok()["id"], first["id"]);
    // Whatever a rule looks at is looked at here.
    let carried = json!([{"operand": "custom", "category": "word", "value": "darn"}]);
    h.post("/moderation/rules", json!({"id": "forms", "name": "F", "conditions": carried})).await.ok();
    let mut form = asked("ann", "user", "new", "x");
    (form["category"], form["type"]) = ("interactive".into(), "form".into());
    form["data"] = json!({"interactiveData": {"title": "Darn"}});
    assert_eq!(status(&h.post(PATH, form).await.ok()), "disapproved");
    let mut action = asked("ann", "user", "new", "x");
    action["category"] = "action".into();
    h.post(PATH, action).await.refused(Code::InvalidCategory);
    for (body, code) in [
        (asked("app_system", "user", "new", "x"), Code::UidNotFound),
        (asked("", "user", "new", "x"), Code::BadRequest),
        (asked("ann", "room", "new", "x"), Code::InvalidReceiverType),
        (asked("ann", "user", "new", " "), Code::EmptyText),
    ] {
        h.post(PATH, body).await.refused(code);
    }
    for query in ["moderationStatus=bad", "category=action", "affix=up", "limit=0"] {
        assert_eq!(h.get(&format!("{PATH}?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn the_newest_stay_and_those_of_who_goes_go() {
    let h = Harness::with(&["--limit", "submitted_messages=5"]).await;
    let other = h.another_app().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.user("cy").await;
    h.group("team", &ann, &[&bob]).await;
    other.user("ann").await;
    let others = other.post(PATH, asked("ann", "user", "ann", "other")).await.ok();
    for (sender, kind, to) in [
        ("ann", "user", "bob"),
        ("ann", "user", "cy"),
        ("bob", "user", "ann"),
        ("cy", "group", "team"),
        ("bob", "group", "team"),
        ("ann", "user", "cy"),
        ("cy", "user", "bob"),
    ] {
        h.post(PATH, asked(sender, kind, to, &format!("{sender} {to}"))).await.ok();
    }
    assert_eq!(texts(&h, "").await, ["bob ann", "cy team", "bob team", "ann cy", "cy bob"]);
    // Another app has its own.
    assert_eq!(texts(&other, "").await, ["other"]);
    h.get(&format!("{PATH}/{}", id_of(&others))).await.refused(Code::MessageNotFound);
    // At once, and in the end from the file.
    h.delete_with("/users/bob", json!({"permanent": true})).await.ok();
    assert_eq!(texts(&h, "").await, ["cy team", "ann cy"]);
    h.delete("/groups/team").await.ok();
    assert_eq!(texts(&h, "").await, ["ann cy"]);
    let (media, limits) = (Media::open(&h.data, 1).expect("opens"), std::sync::Arc::new(Limits::default()));
    for _ in 0..50 {
        chores::round(&h.store, &limits, &media).await.expect("done");
    }
    assert_eq!(h.count("SELECT count(*) FROM submitted_messages"), 2);
}

/// A list narrowed in whatever way has what was asked about and fits, in its order, each once whatever the pages.
#[tokio::test]
async fn lists_have_what_fits() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    forbid(&h, "bad", json!({"filters": [{"entity": "user", "type": "sender", "operand": "uid", "operator": "equals", "value": "ann"}]}))
        .await;
    let mut dice = Dice::new(11);
    let mut model: Vec<(i64, [&str; 5])> = Vec::new();
    for _ in 0..60 {
        let (sender, to) = (*dice.of(&["ann", "bob"]), *dice.of(&["ann", "bob", "team"]));
        let kind = if to == "team" { "group" } else { "user" };
        let word = *dice.of(&["good", "bad"]);
        let (category, of) = *dice.of(&[("message", "text"), ("custom", "place")]);
        let mut body = asked(sender, kind, to, word);
        (body["category"], body["type"]) = (category.into(), of.into());
        body["data"]["customData"] = json!({});
        let verdict = if word == "bad" && sender == "ann" { "disapproved" } else { "approved" };
        let made = h.post(PATH, body).await.ok();
        assert_eq!(status(&made), verdict, "{made}");
        model.push((id_of(&made), [sender, to, category, of, verdict]));
        match dice.roll(5) {
            0 => {
                let at = dice.roll(model.len());
                let (id, [sender, ..]) = model[at];
                let word = *dice.of(&["good", "bad"]);
                h.put(&format!("{PATH}/{id}"), json!({"data": {"text": word}})).await.ok();
                model[at].1[4] = if word == "bad" && sender == "ann" { "disapproved" } else { "approved" };
            }
            1 => {
                let (id, _) = model.remove(dice.roll(model.len()));
                h.delete(&format!("{PATH}/{id}")).await.ok();
            }
            _ => {}
        }
    }
    let names = ["sender", "receiver", "category", "type", "moderationStatus"];
    for _ in 0..40 {
        let mut wanted: Vec<(usize, &str)> = Vec::new();
        for at in 0..5 {
            let value = dice.of(&model).1[at];
            if dice.roll(3) == 0 {
                wanted.push((at, value));
            }
        }
        let mut query = String::new();
        for (at, value) in &wanted {
            let name = match (names[*at], *value) {
                ("receiver", "team") => "receiverGUID",
                ("receiver", _) => "receiverUID",
                (name, _) => name,
            };
            query.push_str(&format!("&{name}={value}"));
        }
        let fits = model.iter().filter(|(_, of)| wanted.iter().all(|(at, value)| of[*at] == *value));
        let fits: Vec<i64> = fits.map(|(id, _)| *id).collect();
        let backwards = dice.roll(2) == 0;
        let affix = if backwards { "prepend" } else { "append" };
        let (mut found, mut from) = (Vec::new(), 0);
        // As many pages as it can have, and one that is empty.
        for _ in 0..model.len() {
            let page = h.get(&format!("{PATH}?limit=7&affix={affix}&id={from}{query}")).await.list();
            let mut ids: Vec<i64> = page.iter().map(id_of).collect();
            if ids.is_empty() {
                break;
            }
            from = if backwards { ids[0] } else { ids[ids.len() - 1] };
            if backwards {
                ids.extend(found);
                found = ids;
            } else {
                found.extend(ids);
            }
        }
        assert_eq!(found, fits, "{affix}{query}");
    }
    assert_eq!(texts(&h, "?sender=nobody").await, [""; 0]);
    assert_eq!(texts(&h, "?receiverGUID=nobody").await, [""; 0]);
    assert_eq!(texts(&h, "?moderationStatus=pending").await, [""; 0]);
}

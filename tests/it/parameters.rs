//! Every query parameter that the API description names: a case in which it changes the answer (`parameters.tsv`). What
//! is described and changes nothing is accepted and ignored, and whoever asks for it is misled.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::endpoints::{By, World};
use crate::harness::receiver::{Does, Receiver};
use crate::harness::{Client, Harness, NOW, eventually};

/// A row of the table.
struct Case {
    operation: &'static str,
    parameter: &'static str,
    by: By,
    method: &'static str,
    without: &'static str,
    with: &'static str,
}

fn cases() -> Vec<Case> {
    let rows =
        include_str!("parameters.tsv").lines().skip(1).map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [operation, parameter, by, method, without, with] => {
                let by = match by {
                    "app" => By::Key,
                    "ann" => By::Token,
                    "for ann" => By::Behalf,
                    "ops" => By::Management,
                    other => panic!("who: {other}"),
                };
                Case { operation, parameter, by, method, without, with }
            }
            _ => panic!("six columns: {line}"),
        });
    rows.collect()
}

/// Operation, method, path and parameter, as described.
fn described() -> Vec<(String, String, String, String)> {
    let (description, _) = hobnob::api::described();
    let mut found = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" {
                    let text = |value: &Value| value.as_str().expect("a text").to_owned();
                    let (id, name) = (text(&operation["operationId"]), text(&parameter["name"]));
                    found.push((id, method.to_uppercase(), path.clone(), name));
                }
            }
        }
    }
    found
}

#[test]
fn every_parameter_has_a_case() {
    let cases = cases();
    let named: BTreeSet<_> = cases.iter().map(|case| (case.operation.to_owned(), case.parameter.to_owned())).collect();
    assert_eq!(named.len(), cases.len(), "one case each");
    let described: BTreeSet<_> = described().into_iter().map(|(id, _, _, name)| (id, name)).collect();
    let missing: Vec<_> = described.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&described).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "without a case: {missing:#?}\nnot described: {unknown:#?}");
}

/// A world with something of everything that lists can be narrowed by, made at two times.
async fn world(h: &Harness) -> World {
    let mut world = World::make(h).await;
    let app = world.caller(By::Key);
    let behalf = |uid: &str| app.clone().with("onBehalfOf", uid);
    let (ann, bob, cy, zed) = (behalf("ann"), behalf("bob"), behalf("cy"), behalf("zed"));
    h.clock.advance(100);
    app.post("/users", json!({"uid": "zed", "name": "Zed", "tags": ["late"]})).await.ok();
    app.put("/users/cy", json!({"name": "Renamed Cyd"})).await.ok();
    app.post("/users/cy/friends", json!({"accepted": ["bob"]})).await.ok();
    app.post("/users/ann/friends", json!({"accepted": ["cy"]})).await.ok();
    app.post("/users/bob/auth_tokens", json!({"force": true})).await.ok();
    app.post("/groups", json!({"guid": "late", "name": "Renamed", "type": "public", "owner": "zed"})).await.ok();
    app.put("/groups/den", json!({"description": "dark"})).await.ok();
    app.post("/groups/team/members", json!({"participants": ["fay", "gus"]})).await.ok();
    zed.post("/messages", text("ann", "user", "before the block")).await.ok();
    ann.post("/blockedusers", json!({"blockedUids": ["zed"]})).await.ok();
    behalf("gus").post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    app.post("/groups/team/bannedusers/gus", json!({})).await.ok();
    let (m1, m2, g1, g2) = (world.name("m1"), world.name("m2"), world.name("g1"), world.name("g2"));
    let reaction = app.get(&format!("/messages/{m1}/reactions")).await.list()[0]["id"].clone();
    world.note("reaction", reaction.as_str().expect("an id"));
    let login = app.post("/users/ann/auth_tokens", json!({"force": true})).await.ok()["authToken"].clone();
    world.note("other_login", login.as_str().expect("a token"));
    for id in [&m2, &g2] {
        ann.post(&format!("/messages/{id}/flagged"), json!({"reasonId": "rude"})).await.ok();
    }
    // Two that a rule blocked.
    app.put("/moderation/rules/manners", json!({"enabled": true})).await.ok();
    for name in ["oath", "other_oath"] {
        let said = behalf("fay").post("/messages", text("cy", "user", "gadzooks")).await.ok()["id"].clone();
        world.note(name, said.as_str().expect("an id"));
    }
    // Asked about besides: from another, to another, of another kind, and one that a rule speaks against.
    for (name, sender, more) in [
        ("asked2", "bob", json!({"data": {"text": "gadzooks"}})),
        ("asked3", "ann", json!({"category": "custom", "type": "place", "data": {"customData": {"k": 1}}})),
    ] {
        let mut body = text("bob", "user", "x");
        body["sender"] = sender.into();
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let asked = app.post("/moderation/messages", body).await.ok()["id"].clone();
        world.note(name, asked.as_str().expect("an id"));
    }
    app.put("/moderation/rules/manners", json!({"enabled": false})).await.ok();
    // Two wait for a review and two had theirs.
    let again =
        cy.post("/messages", text("team", "group", "worse")).await.ok()["id"].as_str().expect("an id").to_owned();
    ann.post(&format!("/messages/{again}/flagged"), json!({"reasonId": "rude"})).await.ok();
    app.patch(&format!("/moderation/flagged-messages/{again}"), json!({"status": "approved"})).await.ok();

    for (to, kind, thread) in [("bob", "user", None), ("team", "group", None), ("team", "group", Some(&g1))] {
        let from = |uid: &str| if (kind, uid) == ("user", "bob") { "ann".to_owned() } else { to.to_owned() };
        let path = thread.map_or("/messages".to_owned(), |parent| format!("/messages/{parent}/thread"));
        let say = async |client: &Client, uid: &str, more: Value| {
            let mut body = text(&from(uid), kind, "plain");
            for (key, value) in more.as_object().expect("an object") {
                body[key] = value.clone();
            }
            client.post(&path, body).await.ok()["id"].as_str().expect("an id").to_owned()
        };
        let alpha = say(&bob, "bob", json!({"data": {"text": "alpha"}, "tags": ["t"]})).await;
        ann.post(&format!("/messages/{alpha}/pin"), json!({})).await.ok();
        ann.post(&format!("/messages/{alpha}/save"), json!({})).await.ok();
        ann.post(&format!("/messages/{alpha}/reactions/%E2%9D%A4"), json!({})).await.ok();
        say(&bob, "bob", json!({"quotedMessageId": alpha, "data": {"text": "see https://a.example"}})).await;
        let slip = say(&bob, "bob", json!({})).await;
        bob.delete(&format!("/messages/{slip}")).await.ok();
        let edited = say(&bob, "bob", json!({})).await;
        say(&bob, "bob", json!({"category": "custom", "type": "place", "data": {"customData": {"k": 1}}})).await;
        let picture = json!([{"url": "https://a.example/c.png", "name": "c.png", "mimeType": "image/png", "extension": "png", "size": "1"}]);
        say(&bob, "bob", json!({"type": "image", "data": {"attachments": picture}})).await;
        say(&ann, "ann", json!({"data": {"text": "<@uid:bob>"}})).await;
        h.clock.advance(1);
        bob.put(&format!("/messages/{edited}"), json!({"data": {"text": "better"}})).await.ok();
        h.clock.advance(1);
        let named = say(&bob, "bob", json!({"data": {"text": "<@uid:ann>"}})).await;
        bob.put(&format!("/messages/{named}"), json!({"data": {"text": "well, <@uid:ann>"}})).await.ok();
        if kind == "group" {
            say(&behalf("fay"), "fay", json!({})).await;
            say(&cy, "cy", json!({})).await;
        }
        world.note("middle", &edited);
    }
    // A thread ann has no part in, one she left unread, and one in each place.
    say_thread(&bob, &cy, "team", "group").await;
    say_thread(&bob, &bob, "ann", "user").await;
    let parent = bob.post("/messages", text("ann", "user", "?")).await.ok()["id"].as_str().expect("an id").to_owned();
    bob.post(&format!("/messages/{parent}/thread"), text("ann", "user", "<@uid:ann>")).await.ok();
    app.put("/groups/late", json!({"description": "later"})).await.ok();
    assert_eq!(h.clock.now(), NOW + 106);
    // A webhook at which two events failed.
    let (ops, receiver) = (world.caller(By::Management), Receiver::start().await);
    let hooks = world.fill("/apps/$app/webhooks");
    receiver.be(Does::Answer(500, "", String::new()));
    ops.post(&hooks, json!({"id": "told", "name": "Told", "webhookURL": receiver.url})).await.ok();
    ops.post(&format!("{hooks}/told/triggers"), json!({"triggerIds": ["message_sent"]})).await.ok();
    for _ in 0..2 {
        bob.post("/messages", text("ann", "user", "told")).await.ok();
    }
    eventually("both failed", async || h.count("SELECT count(*) FROM deliveries WHERE state = 'failed'") == 2).await;
    let deliveries = ops.get(&format!("{hooks}/told/deliveries")).await.list();
    world.note("delivery", deliveries[0]["id"].as_str().expect("an id"));
    world
}

fn text(receiver: &str, kind: &str, text: &str) -> Value {
    json!({"receiver": receiver, "receiverType": kind, "type": "text", "data": {"text": text}})
}

async fn say_thread(starter: &Client, other: &Client, to: &str, kind: &str) {
    let parent = starter.post("/messages", text(to, kind, "?")).await.ok()["id"].as_str().expect("an id").to_owned();
    other.post(&format!("/messages/{parent}/thread"), text(to, kind, "!")).await.ok();
}

#[tokio::test]
async fn no_parameter_is_accepted_and_ignored() {
    let h = Harness::start().await;
    let world = world(&h).await;
    let _there = world.ann.connect().await;
    let mut wrong = Vec::new();
    for case in cases() {
        let caller = world.caller(case.by);
        let method: Method = case.method.parse().expect("a method");
        let mut answers = Vec::new();
        for path in [case.without, case.with] {
            let body = (method != Method::GET).then(|| b"{}".to_vec());
            let answer = caller.raw(method.clone(), &world.fill(path), body).await;
            answers.push((answer.status, answer.body));
        }
        if answers[0] == answers[1] {
            wrong.push(format!("{} {}: {} answers like {}", case.operation, case.parameter, case.with, case.without));
        }
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
}

/// What nobody knows changes nothing.
#[tokio::test]
async fn an_unknown_parameter_is_harmless() {
    let h = Harness::start().await;
    let world = world(&h).await;
    let mut seen = BTreeSet::new();
    for case in cases().iter().filter(|case| case.method == "GET" && seen.insert(case.operation)) {
        let (caller, path) = (world.caller(case.by), world.fill(case.without));
        let and = if path.contains('?') { '&' } else { '?' };
        let plain = caller.raw(Method::GET, &path, None).await;
        for more in ["unheard=1", "unheard[from]=x&unheard%5Beq%5D=%zz", "&&=&[]=1", "LIMIT=0"] {
            let answer = caller.raw(Method::GET, &format!("{path}{and}{more}"), None).await;
            assert_eq!((answer.status, &answer.body), (plain.status, &plain.body), "{path} with {more}");
        }
    }
}

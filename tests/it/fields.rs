//! Every field of a body that the API description names: a case in which it does something (`fields.tsv`). What is
//! described and does nothing is accepted and ignored, and whoever sends it is misled.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Harness, hobnob};

/// Fields whose effect one request cannot show, with the test that does, and those that docs/compatibility.md says have
/// none here: clients of the contract send them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("create-app", "version"),
    ("create-authtoken", "force"),
    // apps::a_made_app_works_and_its_keys_are_seen_once
    ("create-app", "skipSampleData"),
    // rules::a_blocked_message_is_its_senders_alone; whoever decides has looked.
    ("review-blocked-message", "reviewed"),
    ("review-blocked-message", "status"),
    // asked::it_is_its_senders_alone_until_the_engine_has_answered
    ("create-rule-keyword", "password"),
    ("update-rule-keyword", "password"),
    // webhooks: it is never shown, and sent to who is told.
    ("create-webhook", "password"),
    ("update-webhook", "password"),
    // webhooks::manage::what_is_asked_for_is_told_once_more
    ("replay-deliveries", "state"),
    ("replay-deliveries", "from"),
    ("replay-deliveries", "to"),
    ("replay-deliveries", "after"),
    // presence and online tests: it needs a socket's token.
    ("client-online-members", "groups"),
];

/// A request with the field, and where what it did is seen.
struct Case {
    operation: &'static str,
    field: &'static str,
    by: &'static str,
    /// Method, path and body; `-`: the request of the row before did it.
    request: &'static str,
    /// Another request whose answer shows it, perhaps `as` somebody else; `-`: the answer itself does.
    look: &'static str,
    /// JSON pointer into `data`.
    at: &'static str,
    /// What is to be there; `*`: anything.
    what: &'static str,
}

fn cases() -> Vec<Case> {
    let rows = include_str!("fields.tsv").lines().skip(1).map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
        [operation, field, by, request, look, at, what] => Case { operation, field, by, request, look, at, what },
        _ => panic!("seven columns: {line}"),
    });
    rows.collect()
}

/// Names of properties, also of those that are put together from several types.
fn properties(description: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        properties(description, &description["components"]["schemas"][name], found);
    }
    for part in ["allOf", "oneOf", "anyOf"] {
        for inner in schema[part].as_array().into_iter().flatten() {
            properties(description, inner, found);
        }
    }
    found.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
}

#[test]
fn every_field_has_a_case() {
    let (description, _) = hobnob::api::described();
    let mut described = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        // Extensions have bodies of their own and tests of their own.
        for operation in methods.as_object().expect("methods").values().filter(|_| !path.starts_with("/extensions/")) {
            let mut fields = BTreeSet::new();
            properties(&description, &operation["requestBody"]["content"]["application/json"]["schema"], &mut fields);
            let id = operation["operationId"].as_str().expect("an id");
            described.extend(fields.into_iter().map(|field| (id.to_owned(), field)));
        }
    }
    assert!(described.len() > 150, "the bodies were not found");
    let first = |field: &str| field.split(['.', ' ']).next().unwrap_or_default().to_owned();
    let mut named: BTreeSet<_> = cases().iter().map(|case| (case.operation.to_owned(), first(case.field))).collect();
    named.extend(ELSEWHERE.iter().map(|(operation, field)| ((*operation).to_owned(), (*field).to_owned())));
    let missing: Vec<_> = described.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&described).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "without a case: {missing:#?}\nnot described: {unknown:#?}");
}

/// Who asks, and what stands for `$name` in the table.
struct World {
    app: Client,
    ops: Client,
    me: Client,
    names: BTreeMap<&'static str, String>,
}

impl World {
    async fn make(h: &Harness) -> World {
        let app: Client = (*h.app).clone();
        for uid in ["ann", "bob", "cy", "dan", "eve", "fay"] {
            app.post("/users", json!({"uid": uid, "name": uid})).await.ok();
        }
        app.post("/roles", json!({"role": "vip", "name": "Vip"})).await.ok();
        let team = json!({"guid": "team", "name": "Team", "type": "public", "owner": "ann", "members": {"participants": ["bob"]}});
        app.post("/groups", team).await.ok();
        assert!(hobnob(&h.data, &["bot", "create", &h.app_id, "helper"]).status.success());
        let made = hobnob(&h.data, &["management-key", "create", "--json"]);
        let key: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let ops = h.nobody().with("key", &text(&key["key"])).with("secret", &text(&key["secret"]));

        let mut names = BTreeMap::from([("app", h.app_id.clone())]);
        let to = |receiver: &str, kind: &str, more: Value| {
            let mut body = json!({"receiver": receiver, "receiverType": kind, "data": {"text": "x"}});
            for (field, value) in more.as_object().expect("an object") {
                body[field] = value.clone();
            }
            body
        };
        let custom = json!({"category": "custom", "type": "x", "data": {"customData": {"a": 1}}});
        let form = json!({"category": "interactive", "type": "form", "data": {"interactiveData": {"title": "t"}}});
        for (name, by, body) in [
            ("before", "ann", to("bob", "user", json!({}))),
            ("gone", "ann", to("bob", "user", json!({}))),
            ("after", "ann", to("bob", "user", json!({}))),
            ("m", "ann", to("bob", "user", json!({}))),
            ("g", "ann", to("team", "group", json!({}))),
            ("custom", "ann", to("bob", "user", custom)),
            ("form", "ann", to("bob", "user", form)),
            ("tocy", "eve", to("cy", "user", json!({}))),
        ] {
            let sent = app.clone().with("onBehalfOf", by).post("/messages", body).await.ok();
            names.insert(name, text(&sent["id"]));
        }
        let made = app.post("/apikeys", json!({"name": "k", "scope": "authOnly"})).await.ok();
        names.insert("key", text(&made["apiKey"]));
        for name in ["token", "mine"] {
            let login = app.post("/users/bob/auth_tokens", json!({})).await.ok();
            names.insert(name, text(&login["authToken"]));
        }
        let ring = json!({"receiver": "fay", "receiverType": "user", "type": "audio"});
        let call = app.clone().with("onBehalfOf", "eve").post("/calls", ring).await.ok();
        names.insert("call", text(&call["data"]["entities"]["on"]["entity"]["sessionid"]));
        let mut asked = to("bob", "user", json!({"sender": "ann"}));
        asked["data"]["text"] = "may I?".into();
        let asked = app.post("/moderation/messages", asked).await.ok();
        names.insert("asked", text(&asked["id"]));
        let me = h.nobody().with("authToken", &names["mine"]);
        World { app, ops, me, names }
    }

    fn fill(&self, text: &str) -> String {
        // The longest first: one name may begin another.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.into_iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }

    async fn ask(&self, request: &str, by: &str) -> Answer {
        let request = self.fill(request);
        let (request, by) = match request.rsplit_once(" as ") {
            Some((request, other)) if !other.contains('"') => (request, other),
            _ => (request.as_str(), by),
        };
        let caller = match by {
            "app" => self.app.clone(),
            "ops" => self.ops.clone(),
            "me" => self.me.clone(),
            uid => self.app.clone().with("onBehalfOf", uid),
        };
        let mut words = request.splitn(3, ' ');
        let method: Method = words.next().unwrap_or_default().parse().expect("a method");
        let path = words.next().expect("a path");
        let body = words.next().map(|body| serde_json::from_str(body).unwrap_or_else(|e| panic!("{request}: {e}")));
        caller.call(method, path, body).await
    }
}

#[tokio::test]
async fn no_field_is_accepted_and_ignored() {
    let h = Harness::start().await;
    let world = World::make(&h).await;
    let mut wrong = Vec::new();
    for Case { operation, field, by, request, look, at, what } in cases() {
        let mut answer = None;
        if request != "-" {
            answer = Some(world.ask(request, by).await);
            if let Some(refused) = answer.as_ref().filter(|answer| answer.status != 200) {
                wrong.push(format!("{operation} {field}: {}", refused.text));
                continue;
            }
        }
        if look != "-" {
            answer = Some(world.ask(look, by).await);
        }
        let answer = answer.expect("a request or a look");
        let found = answer.body["data"].pointer(at).cloned().unwrap_or_default();
        let fits = match what {
            "*" => !found.is_null(),
            what => found == serde_json::from_str::<Value>(&world.fill(what)).expect("JSON"),
        };
        if !fits {
            wrong.push(format!("{operation} {field}: {found} at {at} of {}, expected {what}", answer.text));
        }
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
}

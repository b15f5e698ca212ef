//! Export and import: what goes out comes in, once, wherever it is stopped.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Output;

use hobnob::doctor::database::recount;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::apps::manager;
use crate::count_law::World;
use crate::harness::{App, Harness, Process, hobnob, id_of, temp_dir, text_to};
use crate::media::{Part, picture, post};

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub fn good(output: Output) -> Output {
    assert!(output.status.success(), "{}", said(&output));
    output
}

fn export(data: &Path, app_id: &str, to: &Path) -> PathBuf {
    let output = good(hobnob(data, &["export", app_id, "--json", "--to", to.to_str().unwrap()]));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    said["file"].as_str().unwrap().into()
}

fn import(data: &Path, file: &Path, more: &[&str]) -> Output {
    let args: Vec<&str> =
        ["import", file.to_str().unwrap(), "--json"].into_iter().chain(more.iter().copied()).collect();
    hobnob(data, &args)
}

pub fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

/// The parts of an export by their names.
fn parts(file: &Path) -> Vec<(String, Vec<u8>)> {
    let plain = zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap();
    let mut parts = Vec::new();
    for entry in tar::Archive::new(&*plain).entries().unwrap() {
        let mut entry = entry.unwrap();
        let (name, mut bytes) = (entry.path().unwrap().to_string_lossy().into_owned(), Vec::new());
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        parts.push((name, bytes));
    }
    parts
}

/// All lines but the first and the last, which say of which app and when.
fn lines(file: &Path) -> Vec<String> {
    let text = parts(file)
        .into_iter()
        .filter(|(name, _)| name.ends_with(".jsonl") && name != "app.jsonl" && name != "end.jsonl");
    text.flat_map(|(_, bytes)| String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn same(found: &[String], expected: &[String], what: &str) {
    for (one, other) in found.iter().zip(expected) {
        assert_eq!(one, other, "{what}");
    }
    assert_eq!(found.len(), expected.len(), "{what}");
}

/// The same lines with each id by its place, and names of the server's own making by what they stand for.
fn placed(lines: &[String]) -> Vec<Value> {
    let (mut ids, mut names) = (HashMap::new(), BTreeMap::new());
    let mut values: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for value in &values {
        if let Some(id) = value["message"]["id"].as_i64() {
            ids.insert(id, ids.len() as i64 + 1);
        }
        if let (Some(name), Some(title)) = (value["file"]["name"].as_str(), value["file"]["title"].as_str()) {
            names.insert(name.to_owned(), title.to_owned());
        }
    }
    fn walk(value: &mut Value, ids: &HashMap<i64, i64>) {
        const IDS: [&str; 9] =
            ["id", "parentId", "quotedId", "deliveredId", "readId", "hiddenId", "sinceId", "upto", "messageId"];
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    // Conditions of rules are counted from 1 on.
                    if key == "conditions" || key == "condition" {
                        continue;
                    }
                    match value.as_i64().filter(|_| IDS.contains(&key.as_str())) {
                        Some(id) => *value = json!(ids[&id]),
                        None => walk(value, ids),
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| walk(value, ids)),
            _ => {}
        }
    }
    for value in &mut values {
        walk(value, &ids);
        for kind in ["reminder", "sticker"] {
            value.get_mut(kind).and_then(Value::as_object_mut).map(|map| map.remove("name"));
        }
        let due = value.get_mut("message").and_then(|message| message.get_mut("disappears"));
        due.and_then(Value::as_object_mut).map(|map| map.remove("name"));
        let text = names.iter().fold(value.to_string(), |text, (name, title)| text.replace(name, title));
        *value = serde_json::from_str(&text).unwrap();
    }
    // Files come by their names, which are the server's.
    values.sort_by_key(|value| value["file"]["title"].as_str().map(str::to_owned));
    values
}

/// What the random play does not touch: one of everything that an app may hold.
async fn furnish(h: &Harness, people: &[crate::harness::User]) {
    let (ann, bob, cy) = (&people[0], &people[1], &people[2]);
    h.post("/roles", json!({"role": "guide", "name": "Guide", "description": "leads", "metadata": {"a": 1.50}}))
        .await
        .ok();
    h.put("/users/bob", json!({"role": "guide", "tags": ["x", "y"], "metadata": {"@private": {"p": 1}, "n": 1.0}, "link": "https://b.example",
        "avatar": "https://b.example/a.png", "statusMessage": "busy"})).await.ok();
    h.post("/users/ann/friends", json!({"accepted": ["bob", "cy"]})).await.ok();
    bob.post("/blockedusers", json!({"blockedUids": ["dee"]})).await.ok();
    h.group_of("vault", "password", ann, &[bob]).await;
    h.group_of("den", "private", cy, &[ann]).await;
    h.put("/groups/vault", json!({"description": "secret", "tags": ["v"], "icon": "https://b.example/i.png"}))
        .await
        .ok();
    h.post("/groups/den/bannedusers/ann", json!({})).await.ok();
    let photo = picture(30, 20);
    let files: [Part<'_>; 4] = [
        ("receiver", None, b"bob"),
        ("receiverType", None, b"user"),
        ("type", None, b"image"),
        ("files[]", Some(("photo.png", "image/png")), &photo),
    ];
    assert_eq!(post(ann, "/messages", &files).await.0, 200);
    let asked = ann.send("bob", "did you see <@uid:bob>?\nhttps://x.example \u{1F600}").await;
    let id = id_of(&asked);
    for (who, reaction) in [(bob, "👍"), (ann, "🎉"), (bob, "🎉")] {
        who.post(&format!("/messages/{id}/reactions/{reaction}"), json!({})).await.ok();
    }
    bob.post(&format!("/messages/{id}/save"), json!({})).await;
    ann.post(&format!("/messages/{id}/pin"), json!({})).await.ok();
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "edited", "metadata": {"k": [1, 2.50]}}})).await.ok();
    let mut reply = text_to("user", "ann", "yes");
    reply["parentId"] = json!(id);
    reply["muid"] = json!("m-1");
    reply["quotedMessageId"] = json!(id);
    bob.post("/messages", reply).await.ok();
    let card = json!({"receiver": "bob", "receiverType": "user", "category": "interactive", "type": "card",
        "data": {"interactiveData": {"text": "x"}, "interactionGoal": {"type": "anyAction", "elementIds": ["e1"]}}});
    let card = ann.post("/messages", card).await.ok();
    bob.patch(&format!("/messages/{}/interacted", id_of(&card)), json!({"interactions": ["e1"]})).await;
    let poll = json!({"question": "Tea?", "options": ["green", "black"], "receiver": "team", "receiverType": "group"});
    let poll = ann.extension("polls", Method::POST, "v2/create", Some(poll)).await.ok();
    bob.extension("polls", Method::POST, "v2/vote", Some(json!({"id": poll["id"], "vote": "2"}))).await.ok();
    let call = json!({"receiver": "bob", "receiverType": "user", "type": "audio"});
    let call = ann.post("/calls", call).await.ok();
    let session = call["data"]["entities"]["on"]["entity"]["sessionid"].as_str().unwrap_or_default().to_owned();
    assert!(!session.is_empty(), "{call}");
    bob.put(&format!("/calls/{session}"), json!({"status": "rejected"})).await.ok();
    bob.post("/users/ann/conversation/read", json!({})).await.ok();
    cy.post("/groups/team/conversation/read", json!({})).await;
    // What is looked for, what was found, and who is told.
    h.post("/moderation/reasons", json!({"id": "rude", "name": "Rude", "description": "Hurts"})).await.ok();
    let list = json!({"id": "oaths", "name": "Oaths", "category": "word", "searchTerms": "gadzooks, odds bodikins"});
    h.post("/moderation/keywords", list).await.ok();
    let condition =
        json!({"operand": "text", "category": "word", "isKeywordsReferencePresent": true, "value": ["oaths"]});
    let filter = json!({"entity": "user", "type": "sender", "operand": "uid", "operator": "equals", "value": "ann"});
    let rule = json!({"id": "manners", "name": "Manners", "conditions": [condition], "filters": [filter]});
    h.post("/moderation/rules", rule).await.ok();
    h.put("/moderation/rules/manners", json!({"description": "Good ones"})).await.ok();
    h.put("/moderation/rules/email_filter", json!({"enabled": true})).await.ok();
    let oaths = ["gadzooks", "oh gadzooks", "gadzooks!"];
    let mut said = Vec::new();
    for oath in oaths {
        said.push(id_of(&ann.send("bob", oath).await));
    }
    for (id, status) in said.iter().zip(["approved", "rejected"]) {
        h.patch(&format!("/moderation/blocked-messages/{id}"), json!({"status": status})).await.ok();
    }
    let ops = manager(h).await;
    let hooks = format!("/apps/{}/webhooks", h.app_id);
    let hook = json!({"id": "crm", "name": "Customers", "webhookURL": "https://hooks.example/crm", "useBasicAuth": true,
        "username": "hob", "password": "sesame-hook", "retryOnFailure": true, "enabled": false});
    ops.post(&hooks, hook).await.ok();
    let triggers = json!({"triggerIds": ["message_sent", "group_created"]});
    ops.post(&format!("{hooks}/crm/triggers"), triggers).await.ok();
    // The app's own words.
    h.post("/messages", text_to("user", "ann", "from the app")).await;
    ann.post("/groups/team/conversation/pin", json!({})).await;
}

pub async fn lived(seed: u64, steps: usize, clears: bool) -> World {
    let mut world = World::start(seed).await;
    world.clears = clears;
    let people = world.people.clone();
    furnish(&world.h, &people).await;
    for step in 0..steps {
        world.act(step).await;
        world.h.clock.advance(7);
    }
    world
}

/// A data folder with an empty database.
pub fn fresh() -> TempDir {
    let dir = temp_dir();
    Process::start(dir.path(), &[]).stop();
    dir
}

/// Logs everybody in at the app that took them over.
pub async fn at(world: &mut World, app: App) {
    for index in 0..world.people.len() {
        if world.away != Some(index) {
            world.people[index] = app.log_in(&world.people[index].uid.clone()).await;
        }
    }
    world.app = app;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_out_comes_in() {
    for seed in [4, 23] {
        let mut world = lived(seed, 220, true).await;
        let to = temp_dir();
        let first = export(&world.h.data, &world.h.app_id, &to.path().join("first"));
        let expected = lines(&first);
        for kind in [
            "reason",
            "list",
            "rule",
            "webhook",
            "role",
            "user",
            "friend",
            "block",
            "group",
            "member",
            "file",
            "call",
            "message",
            "conversation",
            "mark",
            "receipt",
        ] {
            assert!(expected.iter().any(|line| line.starts_with(&format!("{{\"{kind}\":"))), "no {kind}");
        }
        let secrets = [&*world.h.api_key, &*world.h.auth_key, &*world.people[0].token, "sesame", "sesame-hook"];
        assert!(!expected.iter().any(|line| secrets.iter().any(|secret| line.contains(secret))), "a secret goes out");

        // Elsewhere: the very same, ids and all.
        let other = fresh();
        let output = good(import(other.path(), &first, &["--new-app", "It"]));
        let told = report(&output);
        assert_eq!((&told["refused"], &told["files"]), (&json!(0), &json!(1)), "{told}");
        let app_id = told["appId"].as_str().unwrap();
        let second = export(other.path(), app_id, &to.path().join("second"));
        same(&lines(&second), &expected, "elsewhere");
        let media =
            |file: &Path| parts(file).into_iter().filter(|(name, _)| name.starts_with("media/")).collect::<Vec<_>>();
        assert_eq!(media(&second), media(&first));
        // It is told of nothing until somebody gives it what it needs, and its secret is another.
        let db = rusqlite::Connection::open(other.path().join("hobnob.db")).unwrap();
        let (enabled, password, secret): (bool, String, String) = db
            .query_row("SELECT enabled, password, secret FROM webhooks", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        let here = rusqlite::Connection::open(world.h.data.join("hobnob.db")).unwrap();
        let old: String = here.query_row("SELECT secret FROM webhooks", [], |row| row.get(0)).unwrap();
        drop(here);
        assert!(!enabled && password.is_empty() && !secret.is_empty() && secret != old);
        assert!(!expected.iter().any(|line| line.contains(&old)), "a secret goes out");
        drop(db);
        // Twice is once.
        let again = report(&good(import(other.path(), &first, &["--app", app_id])));
        assert_eq!((&again["files"], &again["new"]), (&json!(0), &json!({})), "{again}");
        same(&lines(&export(other.path(), app_id, &to.path().join("third"))), &expected, "twice");

        // Beside a running server, where ids and names are taken.
        let told = report(&good(import(&world.h.data, &first, &["--new-app", "Twin"])));
        assert_eq!(told["refused"], 0, "{told}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (twin, created) = (text(&told["appId"]), &told["created"]);
        let copy = export(&world.h.data, &twin, &to.path().join("copy"));
        let (found, wanted) = (placed(&lines(&copy)), placed(&expected));
        for (one, other) in found.iter().zip(&wanted) {
            assert_eq!(one, other);
        }
        assert_eq!(found.len(), wanted.len());
        // Its counters equal its lists, and everybody reads what they read before.
        let before = seen(&world).await;
        let site = crate::harness::Site::at(world.h.base().strip_prefix("http://").unwrap());
        let app = App::new(&site, &twin, &text(&created["authKey"]), &text(&created["apiKey"]));
        at(&mut world, app).await;
        world.check(0).await;
        for (now, before) in seen(&world).await.iter().zip(&before) {
            assert_eq!(now, before);
        }
        let ann = &world.people[0];
        if world.away != Some(0) {
            assert!(!ann.get("/messages?searchKey=edited").await.list().is_empty(), "search");
        }
    }
}

/// What everybody is shown, but for ids, logins and addresses.
pub async fn seen(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    for (index, one) in world.people.iter().enumerate() {
        if world.away == Some(index) {
            continue;
        }
        for path in [
            "/conversations?includeBlockedUsers=true&perPage=100",
            "/users?perPage=100",
            "/groups?perPage=100",
            "/users?friendsOnly=true&perPage=100",
            "/blockedusers",
            "/messages?limit=1000",
        ] {
            let mut list = one.get(path).await.body["data"].clone();
            strip(&mut list);
            all.push(json!([one.uid, path, list]));
        }
    }
    all
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // The app itself is as old as it is.
            let system = map.get("uid").is_some_and(|uid| uid == "app_system");
            map.retain(|key, _| !(system && key == "createdAt"));
            map.retain(|key, _| {
                let id =
                    ["id", "messageId", "parentId", "quotedMessageId", "lastActiveAt", "status", "url", "thumbnail"];
                !(id.contains(&key.as_str()) || key.ends_with("MessageId") || key.starts_with("url_"))
            });
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_goes_on_where_it_was_stopped() {
    let world = lived(9, 60, true).await;
    let to = temp_dir();
    let file = export(&world.h.data, &world.h.app_id, &to.path().join("whole"));
    let expected = lines(&file);
    let head = String::from_utf8(parts(&file).remove(0).1).unwrap();
    let other = fresh();
    // As if killed after so many lines, again and again.
    let step = expected.len() / 7 + 1;
    for cut in (1..expected.len()).step_by(step) {
        let part = to.path().join(format!("cut-{cut}.jsonl"));
        std::fs::write(&part, format!("{head}{}\n", expected[..cut].join("\n"))).unwrap();
        let output = import(other.path(), &part, &["--new-app", "It"]);
        assert!(!output.status.success() && said(&output).contains("cut off"), "{}", said(&output));
    }
    let told = report(&good(import(other.path(), &file, &["--new-app", "It"])));
    // It went on in the app that was made at first.
    assert!(told["created"].is_null(), "{told}");
    let apps = good(hobnob(other.path(), &["app", "list", "--json"]));
    let apps: Vec<Value> = serde_json::from_slice(&apps.stdout).unwrap();
    assert_eq!(apps.iter().filter(|app| app["name"] == "It").count(), 1, "{apps:?}");
    same(&lines(&export(other.path(), told["appId"].as_str().unwrap(), &to.path().join("back"))), &expected, "stopped");
    // A whole one is whole: the next of this name is another app.
    let told = report(&good(import(other.path(), &file, &["--new-app", "It"])));
    assert!(told["created"]["appId"].is_string(), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_with_its_line_and_field() {
    let h = Harness::start().await;
    let dir = temp_dir();
    let head = json!({"app": {"form": 1, "appId": "other", "name": "Other"}});
    let user = |uid: &str| json!({"user": {"uid": uid, "name": "N"}});
    let message = json!({"message": {"id": 7, "sender": "ann", "receiver": "bob", "receiverType": "user", "category": "message",
        "type": "text", "data": {"text": "hi"}, "sentAt": 1_700_000_000}});
    let write = |lines: &[Value]| {
        let path = dir.path().join("lines.jsonl");
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&path, text.join("\n")).unwrap();
        path
    };
    let app = &*h.app_id;
    for (lines, word) in [
        (vec![user("ann")], "its first line names the app"),
        (vec![json!({"app": {"form": 2, "appId": "x", "name": "X"}})], "of form 2"),
    ] {
        let output = import(&h.data, &write(&lines), &["--app", app]);
        assert!(!output.status.success() && said(&output).contains(word), "{word}: {}", said(&output));
    }
    let before = h.snapshot().await;
    let whole = [head.clone(), user("ann"), user("bob"), message.clone()];
    let told = report(&good(import(&h.data, &write(&whole), &["--app", app, "--dry-run"])));
    assert_eq!((&told["new"]["user"], &told["new"]["message"], &told["dryRun"]), (&json!(2), &json!(1), &json!(true)));
    before.still(h.snapshot().await, "a dry run");
    let left: Vec<_> = std::fs::read_dir(&h.data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".hobnob-")), "{left:?}");

    // What no request could bring in, no line does.
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for (value, refused) in [
        (deep(60), false),
        (deep(100), true),
        ("1e999".to_owned(), true),
        ("\"\\ud800\"".to_owned(), true),
        ("1".repeat(2000), true),
    ] {
        let path = dir.path().join("odd.jsonl");
        let odd = format!("{head}\n{{\"user\":{{\"uid\":\"odd\",\"name\":\"O\",\"metadata\":{{\"a\":{value}}}}}}}\n");
        std::fs::write(&path, odd).unwrap();
        let output = import(&h.data, &path, &["--app", app, "--dry-run"]);
        assert_eq!(output.status.success(), !refused, "{value}: {}", said(&output));
        assert!(!refused || said(&output).contains("odd.jsonl line 2"), "{value}: {}", said(&output));
    }

    let mut stranger = message.clone();
    (stranger["message"]["id"], stranger["message"]["sender"]) = (json!(8), json!("zoe"));
    stranger["message"]["parentId"] = json!(7);
    let mut message = message;
    message["message"]["lastReplyAt"] = json!(1_700_000_500);
    let bad = [
        head.clone(),
        user("ann"),
        json!({"user": {"uid": "b b", "name": "B"}}),
        json!({"user": {"uid": "cy", "name": 7}}),
        user("bob"),
        message,
        stranger,
    ];
    let output = import(&h.data, &write(&bad), &["--app", app]);
    let told = said(&output);
    assert!(!output.status.success() && told.contains("lines.jsonl line 3: user: The uid must"), "{told}");
    assert_eq!(h.get("/users").await.each("uid"), ["ann"], "what stands before is taken over");
    let output = import(&h.data, &write(&bad), &["--app", app, "--keep-going"]);
    let told = said(&output);
    for word in [
        "line 3: user: The uid must",
        "line 4: user.name: invalid type",
        "line 7: message: The uid zoe does not exist",
        "3 lines were refused",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(!output.status.success());
    assert_eq!(report_of(&output)["new"], json!({"message": 1, "user": 1}));
    assert_eq!(h.behalf("bob").get("/users/ann/messages").await.list().len(), 1);
    // Its only reply was refused: it has no thread.
    assert_eq!(h.behalf("bob").get("/threads").await.list(), Vec::<Value>::new());
    assert!(recount(&h.data.join("hobnob.db")).expect("counts").0.is_empty());
    for (args, word) in [
        (vec!["import", "/nowhere"], "expected --app"),
        (vec!["import", "/nowhere", "--app", app], "cannot read /nowhere"),
        (vec!["export", "0000000000000000"], "there is no app"),
        (vec!["export", app, "--to", "/nowhere/at/all"], "cannot write"),
    ] {
        let output = hobnob(&h.data, &args);
        assert!(!output.status.success() && said(&output).contains(word), "{args:?}: {}", said(&output));
    }
}

fn report_of(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{}", said(output)))
}

#[tokio::test]
async fn an_archive_from_elsewhere_is_taken_for_no_more_than_it_is() {
    let h = Harness::start().await;
    let dir = temp_dir();
    let head = json!({"app": {"form": 1, "appId": "other", "name": "Other"}}).to_string();
    let packed = |kind: tar::EntryType, name: &str, content: &[u8]| {
        let mut tar = tar::Builder::new(Vec::new());
        for (kind, name, content) in [(tar::EntryType::Regular, "app.jsonl", head.as_bytes()), (kind, name, content)] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(content.len() as u64);
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, content).unwrap();
        }
        let path = dir.path().join("packed");
        std::fs::write(&path, zstd::encode_all(&*tar.into_inner().unwrap(), 1).unwrap()).unwrap();
        path
    };
    use tar::EntryType as Kind;
    for (kind, name) in [
        (Kind::GNULongName, "././@LongLink"),
        (Kind::XHeader, "x"),
        (Kind::XGlobalHeader, "x"),
        (Kind::Symlink, "user.jsonl"),
        (Kind::Link, "user.jsonl"),
        (Kind::Directory, "media"),
        (Kind::Fifo, "user.jsonl"),
        (Kind::Regular, "../user.jsonl"),
        (Kind::Regular, "/etc/user.jsonl"),
        (Kind::Regular, "\u{1b}[31muser.jsonl"),
        (Kind::Regular, "media/aa/../../x"),
    ] {
        let output = import(&h.data, &packed(kind, name, b"{}"), &["--app", &h.app_id]);
        let said = said(&output);
        assert!(!output.status.success() && said.contains("no export of Hobnob"), "{kind:?} {name}: {said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
    // What it says itself does not reach the terminal as it is, either.
    let output = import(&h.data, &packed(Kind::Regular, "user.jsonl", b"{\"\\u001b[31m\":1}"), &["--app", &h.app_id]);
    let said = said(&output);
    assert!(said.contains("u{1b}[31m") && !said.contains('\u{1b}'), "{said:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_brings_in_nothing_by_a_link() {
    let h = Harness::start().await;
    let (dir, elsewhere) = (temp_dir(), temp_dir());
    let name = "00112233445566778899aabbccddeeff.txt";
    std::fs::write(elsewhere.path().join("secret"), "secret").unwrap();
    std::fs::create_dir_all(dir.path().join("media/00")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("secret"), dir.path().join("media/00").join(name)).unwrap();
    let head = json!({"app": {"form": 1, "appId": "other", "name": "Other"}});
    let file = json!({"file": {"name": name, "title": "a", "mimeType": "text/plain", "size": 6}});
    std::fs::write(dir.path().join("app.jsonl"), head.to_string()).unwrap();
    std::fs::write(dir.path().join("file.jsonl"), file.to_string()).unwrap();
    let output = import(&h.data, dir.path(), &["--app", &h.app_id]);
    assert!(!output.status.success() && said(&output).contains("is no plain file"), "{}", said(&output));
    std::fs::remove_file(dir.path().join("media/00").join(name)).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("secret"), dir.path().join("user.jsonl")).unwrap();
    let output = import(&h.data, dir.path(), &["--app", &h.app_id]);
    assert!(!output.status.success() && said(&output).contains("is no plain file"), "{}", said(&output));
}

/// Who was erased stays so, whether their rows have gone already or wait for a server, and goes out in no export.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_erased_is_not_brought_back() {
    let (dir, to) = (temp_dir(), temp_dir());
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    app.post("/groups", json!({"guid": "team", "name": "Team", "type": "public", "owner": "bob"})).await.ok();
    app.post("/groups/team/members", json!({"participants": ["ann"]})).await.ok();
    app.post("/users/ann/friends", json!({"accepted": ["bob"]})).await.ok();
    bob.send("ann", "from bob to ann").await;
    for (who, kind, receiver) in [(&ann, "group", "team"), (&bob, "group", "team")] {
        who.post("/messages", text_to(kind, receiver, "to the team")).await.ok();
    }
    let parts_of: [Part<'_>; 4] = [
        ("receiver", None, b"team"),
        ("receiverType", None, b"group"),
        ("type", None, b"file"),
        ("files[]", Some(("a.txt", "text/plain")), b"a file of ann"),
    ];
    assert_eq!(post(&ann, "/messages", &parts_of).await.0, 200);
    let before = export(dir.path(), &app.app_id, &to.path().join("before"));
    let told = report(&good(import(dir.path(), &before, &["--new-app", "Other"])));
    let other = told["appId"].as_str().unwrap().to_owned();
    assert_eq!((&told["new"]["user"], &told["files"]), (&json!(2), &json!(1)), "{told}");
    process.stop();
    let erased = ["user", "delete", &other, "ann", "--kind", "erase", "--yes"];
    good(hobnob(dir.path(), &erased));
    let holds = |name: &str| {
        let file = export(dir.path(), &other, &to.path().join(name));
        let parts = parts(&file);
        let text = parts.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect::<String>();
        assert!(!parts.iter().any(|(name, _)| name.starts_with("media/")), "{name}: a file of hers");
        assert!(!text.contains("\"ann\"") && !text.contains("of ann"), "{name}: {text}");
        assert!(text.contains("\"bob\""), "{name}: {text}");
    };
    holds("at once");
    for name in ["before a server", "after it"] {
        let again = report(&good(import(dir.path(), &before, &["--app", &other])));
        assert_eq!((&again["new"], &again["files"]), (&json!({}), &json!(0)), "{name}: {again}");
        holds(name);
        let process = Process::start(dir.path(), &[]);
        crate::harness::eventually("her rows are gone", async || {
            String::from_utf8_lossy(&hobnob(dir.path(), &["audit", "list"]).stdout).contains("user.gone")
        })
        .await;
        process.stop();
    }
    // The app it is of would have everything twice.
    let refused = import(dir.path(), &before, &["--app", &app.app_id]);
    assert!(!refused.status.success() && said(&refused).contains("that very app"), "{}", said(&refused));
    // Who is made anew is somebody else, and elsewhere nobody was erased.
    let told = report(&good(import(dir.path(), &before, &["--new-app", "Third"])));
    assert_eq!(told["new"]["user"], 2, "{told}");
}

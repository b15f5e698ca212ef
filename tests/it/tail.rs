//! The live tail: all that happens is told to who looks, told apart, as far as they ask for it; texts only where they do.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use hobnob::model::Code;
use serde_json::{Value, json};

use crate::admin::root;
use crate::harness::receiver::Receiver;
use crate::harness::{Client, Harness, Process, eventually, temp_dir, text_to};
use crate::webhooks::hook;

/// Opens a tail; the path it is read at.
async fn open(admin: &Client, filter: Value) -> String {
    let opened = admin.post("/admin/api/tail", filter).await.ok();
    format!("/admin/api/tail/{}", opened["id"].as_str().expect("an id"))
}

/// What it tells until something fits, which comes last.
async fn until(admin: &Client, tail: &str, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let told = admin.get(&format!("{tail}?wait=10")).await.ok();
        let entries = told["entries"].as_array().expect("entries");
        assert!(!entries.is_empty(), "it never came: {all:#?}");
        for entry in entries {
            all.push(entry.clone());
            if fits(entry) {
                return all;
            }
        }
    }
}

#[tokio::test]
async fn all_that_happens_is_told_apart() {
    let h = Harness::start().await;
    let (ann, bob, admin) = (h.user("ann").await, h.user("bob").await, root(&h).await);
    let receiver = Receiver::start().await;
    hook(&h, "w1", &receiver, json!({}), &["message_sent"]).await;
    let tail = open(&admin, json!({})).await;
    h.store.meters().set_slow(Some(Duration::ZERO));
    let mut sock = bob.connect().await;
    sock.command("typing_indicator", "user", "ann", json!({"action": "started"})).await;
    ann.with_header("X-Request-Id", "mine").post("/messages", text_to("user", "bob", "psst")).await.ok();
    sock.expect_text("psst").await;
    // The webhook may be told before the answer has gone out, and both before it is noted that the frame has.
    let (call, hook, frame) = (Cell::new(false), Cell::new(false), Cell::new(false));
    let told = until(&admin, &tail, |entry| {
        call.set(call.get() || entry["facts"]["requestId"] == "mine" && entry["kind"] == "request");
        hook.set(hook.get() || entry["kind"] == "webhook");
        frame.set(frame.get() || entry["kind"] == "frameOut" && entry["title"] == "message");
        call.get() && hook.get() && frame.get()
    })
    .await;
    let of = |kind: &str| told.iter().filter(|entry| entry["kind"] == kind).cloned().collect::<Vec<Value>>();
    let request = of("request").into_iter().find(|entry| entry["facts"]["requestId"] == "mine").expect("the call");
    assert_eq!((&request["title"], &request["status"]), (&json!("POST /messages"), &json!(200)));
    assert_eq!((&request["app"], &request["users"]), (&json!(h.app_id), &json!(["ann", "bob"])));
    assert_eq!(request["bodies"]["body"]["data"]["text"], "(4 characters)");
    assert_eq!(request["facts"]["credential"], "authToken");
    let event = of("event").into_iter().find(|entry| entry["title"] == "message").expect("the event");
    assert_eq!((&event["users"], &event["facts"]["isStored"]), (&json!(["ann", "bob"]), &json!(true)));
    let titles =
        |kind: &str| of(kind).iter().map(|entry| entry["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(titles("frameIn")[..2], ["auth", "typing_indicator"]);
    assert!(titles("frameOut").contains(&"auth".to_owned()) && titles("frameOut").contains(&"message".to_owned()));
    assert!(titles("event").contains(&"online".to_owned()) || h.store.tail().is_watched(), "{:?}", titles("event"));
    assert!(titles("slow").contains(&"slow write messages.send".to_owned()), "{:?}", titles("slow"));
    let webhook = &of("webhook")[0];
    assert_eq!((&webhook["title"], &webhook["status"]), (&json!("message_sent to w1"), &json!(200)));
    let text = serde_json::to_string(&told).unwrap();
    assert!(!text.contains("psst") && !text.contains(&*bob.jwt) && !text.contains(&*ann.token), "{text}");
}

#[tokio::test]
async fn texts_are_shown_to_who_asks_and_that_is_noted() {
    let h = Harness::start().await;
    let (ann, admin) = (h.user("ann").await, root(&h).await);
    h.user("bob").await;
    let tail = open(&admin, json!({"texts": true, "app": h.app_id})).await;
    ann.get("/users?searchKey=bo&perPage=7").await.ok();
    ann.send("bob", "psst").await;
    let told = until(&admin, &tail, |entry| entry["title"] == "POST /messages").await;
    let text = serde_json::to_string(&told).unwrap();
    assert!(text.contains("psst") && text.contains(r#""searchKey":"bo""#), "{text}");
    let noted = admin.get(&format!("/admin/api/audit?app={}", h.app_id)).await.list();
    assert!(noted.iter().any(|act| act["act"] == "tail.read"), "{noted:#?}");
    // Nobody else reads it, and nothing is told once it is closed.
    let link = h.store.write("it", hobnob::actions::admin::invite).await.expect("a link").secret;
    let body = json!({"link": link, "name": "another", "password": "correct horse"});
    let other = h.nobody().post("/admin/api/setup", body).await.ok();
    let other = h.nobody().with("X-Hobnob-Admin", other["session"].as_str().expect("a session"));
    other.get(&tail).await.refused(Code::FileNotFound);
    other.delete(&tail).await.refused(Code::FileNotFound);
    admin.delete(&tail).await.ok();
    admin.get(&tail).await.refused(Code::FileNotFound);
    assert!(!h.store.tail().is_watched());
}

#[tokio::test]
async fn a_tail_tells_what_is_asked_for() {
    let h = Harness::start().await;
    let (ann, bob, admin) = (h.user("ann").await, h.user("bob").await, root(&h).await);
    h.group("g", &ann, &[&bob]).await;
    let filters = [
        (json!({"user": "bob", "kinds": ["request"]}), vec!["GET /me", "POST /messages", "GET /groups/g"]),
        (json!({"group": "g", "kinds": ["request"]}), vec!["POST /messages", "GET /groups/g"]),
        (json!({"status": "4"}), vec!["GET /groups/nothing"]),
        (json!({"failed": true, "status": "404"}), vec!["GET /groups/nothing"]),
        (json!({"kinds": ["event"]}), vec!["message"]),
    ];
    let mut tails = Vec::new();
    for (filter, expected) in filters {
        tails.push((open(&admin, filter).await, expected));
    }
    bob.get("/me").await.ok();
    ann.get("/me").await.ok();
    bob.send_group("g", "hi").await;
    ann.get("/groups/nothing").await.refused(Code::GuidNotFound);
    bob.get("/groups/g").await.ok();
    for (tail, expected) in tails {
        let told = admin.get(&format!("{tail}?wait=10")).await.ok();
        let titles: Vec<&str> =
            told["entries"].as_array().unwrap().iter().filter_map(|e| e["title"].as_str()).collect();
        assert_eq!(titles, expected);
    }
    for wrong in [json!({"kinds": ["x"]}), json!({"status": "x"})] {
        admin.post("/admin/api/tail", wrong).await.refused(Code::BadRequest);
    }
    admin.post("/admin/api/tail", json!({"app": "nothing"})).await.refused(Code::InvalidAppId);
    let tail = open(&admin, json!({})).await;
    admin.get(&format!("{tail}?wait=26")).await.refused(Code::BadRequest);
    assert_eq!(admin.get(&format!("{tail}?wait=0")).await.ok()["lost"], 0);
}

#[tokio::test]
async fn it_is_read_in_a_terminal() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    let tail = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
        command.arg("tail").args(args).arg("--data").arg(dir.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let nobody = tail(&[]).output().expect("runs");
    assert!(!nobody.status.success() && String::from_utf8_lossy(&nobody.stderr).contains("there is no admin yet"));
    let link = crate::harness::hobnob(dir.path(), &["admin", "create", "--json"]);
    let link: Value = serde_json::from_slice(&link.stdout).expect("JSON");
    let body = json!({"link": link["setup"], "name": "root", "password": "correct horse"});
    Client::nobody(&process.site).post("/admin/api/setup", body).await.ok();

    let follow = |args: &[&str]| {
        let mut child = tail(args).spawn().expect("runs");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut began = String::new();
        said.read_line(&mut began).expect("reads");
        assert!(began.contains("from now on"), "{began}");
        let told = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        (child, told.map_while(Result::ok))
    };
    // As the handbook has it.
    let (mut all, mut of_all) = follow(&[]);
    let (mut narrow, mut of_ann) = follow(&["--user", "ann", "--kind", "request,event"]);
    let (mut failed, mut of_failed) = follow(&["--failed", "--json"]);
    ann.get("/users/nobody").await.refused(Code::UidNotFound);
    ann.send("bob", "psst").await;
    let line = of_ann.find(|line| line.contains("POST /messages")).expect("it is told");
    assert!(line.contains("ann > bob") && line.contains("  200  "), "{line}");
    assert!(of_all.any(|line| line.contains("GET /users/nobody") && line.contains("ERR_UID_NOT_FOUND")));
    let line: Value = serde_json::from_str(&of_failed.next().expect("it is told")).expect("JSON");
    assert_eq!((&line["title"], &line["facts"]["code"]), (&json!("GET /users/nobody"), &json!("ERR_UID_NOT_FOUND")));
    // One ends by a signal, one when nobody reads it any more; neither leaves its session.
    drop((of_ann, of_all));
    std::process::Command::new("kill").arg(failed.id().to_string()).status().expect("signals");
    drop(of_failed);
    eventually("they end", async || {
        ann.send("bob", "psst").await;
        narrow.try_wait().expect("waits").is_some() && all.try_wait().expect("waits").is_some()
    })
    .await;
    assert!(failed.wait().expect("ends").success());
    let admins = crate::harness::hobnob(dir.path(), &["admin", "list", "--json"]);
    let admins: Value = serde_json::from_slice(&admins.stdout).expect("JSON");
    assert_eq!(admins[0]["sessions"], 1, "root's own alone");
}

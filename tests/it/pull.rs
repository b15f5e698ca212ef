//! Moving away from a live app by its REST key: what everybody sees is the same on both sides, however bad the way.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{App, Process, hobnob, temp_dir};
use crate::transfer::{at, fresh, good, lived, report, said, seen};

/// A bad way to the server: now and then it cuts a request off, answers for the server, or says "too many".
struct Way {
    address: SocketAddr,
    asked: Arc<AtomicU64>,
    /// How many requests come through from now on; then all are refused.
    left: Arc<AtomicU64>,
}

impl Way {
    async fn to(server: &str) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, left) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(u64::MAX)));
        let (count, rest, server) = (asked.clone(), left.clone(), server.to_owned());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed);
                let open = rest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
                tokio::spawn(carry(socket, server.clone(), number, open));
            }
        });
        Way { address, asked, left }
    }

    fn url(&self) -> String {
        format!("http://{}/v3/", self.address)
    }
}

async fn carry(mut socket: TcpStream, server: String, number: u64, open: bool) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut some = [0; 4096];
        let read = socket.read(&mut some).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&some[..read]);
    }
    let says = |line: &str| format!("HTTP/1.1 {line}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
    if !open {
        return socket.write_all(says("403 Forbidden").as_bytes()).await.ok();
    }
    match number % 11 {
        3 => return socket.write_all(says("500 Internal Server Error").as_bytes()).await.ok(),
        6 => return socket.write_all(says("429 Too Many Requests\r\nRetry-After: 0").as_bytes()).await.ok(),
        9 => return None,
        _ => {}
    }
    let mut upstream = TcpStream::connect(server).await.ok()?;
    let end = head.len() - 2;
    upstream.write_all(&head[..end]).await.ok()?;
    upstream.write_all(b"connection: close\r\n\r\n").await.ok()?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await.ok()?;
    // Part of an answer, and no more.
    let whole = if number % 11 == 1 { answer.len() / 2 } else { answer.len() };
    socket.write_all(&answer[..whole]).await.ok()
}

fn pull(data: &Path, source: &App, url: &str, key: &Path, more: &[&str]) -> Output {
    let fixed = [
        "import",
        "--from-cometchat",
        "--json",
        "--app-id",
        &*source.app_id,
        "--url",
        url,
        "--key-file",
        key.to_str().unwrap(),
    ];
    hobnob(data, &fixed.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
}

/// Without what the API does not tell another app: single receipts in groups, saved messages, used elements.
fn told(mut all: Vec<Value>) -> Vec<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| !["myReceipt", "savedAt", "interactions"].contains(&key.as_str()));
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    all.iter_mut().for_each(strip);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_sees_the_same_after_a_move() {
    let mut world = lived(6, 150, false).await;
    let source = world.h.app.clone();
    let before = told(seen(&world).await);
    let way = Way::to(source.base().strip_prefix("http://").unwrap()).await;
    let (keys, target) = (temp_dir(), fresh());
    let (key, wrong) = (keys.path().join("key"), keys.path().join("wrong"));
    std::fs::write(&key, format!("{}\n", source.api_key)).unwrap();
    std::fs::write(&wrong, "0123").unwrap();
    let run = |key: &Path, more: &[&str]| pull(target.path(), &source, &way.url(), key, more);
    let refused = run(&wrong, &["--new-app", "Moved"]);
    assert!(!refused.status.success() && said(&refused).contains("refused with 401"), "{}", said(&refused));
    // Stopped again and again, it goes on where it was.
    let mut stops = 0;
    loop {
        way.left.store(17, Ordering::Relaxed);
        let output = run(&key, &["--new-app", "Moved", "--dry-run"]);
        if output.status.success() {
            let tried = report(&output);
            assert_eq!(
                (&tried["dryRun"], &tried["refused"], &tried["created"]),
                (&json!(true), &json!(0), &Value::Null)
            );
            break;
        }
        assert!(said(&output).contains("refused with 403"), "{}", said(&output));
        stops += 1;
        assert!(stops < 30, "it does not get on: {}", said(&output));
    }
    assert!(stops > 1, "it was never stopped");
    way.left.store(u64::MAX, Ordering::Relaxed);
    let asked = way.asked.load(Ordering::Relaxed);
    let done = report(&good(run(&key, &["--new-app", "Moved"])));
    assert_eq!((&done["refused"], &done["files"]), (&json!(0), &json!(1)), "{done}");
    assert_eq!(way.asked.load(Ordering::Relaxed), asked, "what was pulled is not pulled again");

    let process = Process::start(target.path(), &[]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let created = &done["created"];
    let app = App::new(&process.site, &text(&done["appId"]), &text(&created["authKey"]), &text(&created["apiKey"]));
    let old = world.people[0].clone();
    at(&mut world, app.clone()).await;
    world.check(0).await;
    for (now, before) in told(seen(&world).await).iter().zip(&before) {
        assert_eq!(now, before);
    }
    // The file lies here now.
    let image = app.get("/messages?types=image&limit=10").await.list();
    let url = image[0]["data"]["attachments"][0]["url"].as_str().unwrap();
    assert!(url.contains(&format!("/media/{}/", app.app_id)), "{url}");
    let path = &url[url.find("/media/").unwrap()..];
    assert_eq!(reqwest::get(format!("{}{path}", process.site.base)).await.unwrap().status(), 200);

    // Once more, beside the running server: what was said since, and nothing twice.
    world.h.post("/messages", crate::harness::text_to("user", &old.uid, "the last word")).await;
    let again = report(&good(run(&key, &["--app", &app.app_id])));
    assert_eq!((&again["new"]["message"], &again["refused"]), (&json!(1), &json!(0)), "{again}");
    let newest = app.get("/messages?limit=1").await.list();
    assert_eq!(newest[0]["data"]["text"], "the last word");
    // Another app has nothing yet, whatever the first one has: not even one that goes on with what was begun for the first.
    world.h.post("/messages", crate::harness::text_to("user", &old.uid, "and one more")).await;
    way.left.store(7, Ordering::Relaxed);
    assert!(!run(&key, &["--app", &app.app_id]).status.success());
    way.left.store(u64::MAX, Ordering::Relaxed);
    let other = report(&good(run(&key, &["--new-app", "Other"])));
    let all = done["new"]["message"].as_u64().unwrap() + 2;
    assert_eq!((&other["new"]["message"], &other["files"]), (&json!(all), &json!(1)), "{other}");
    let again = report(&good(run(&key, &["--app", &app.app_id])));
    assert_eq!(again["new"]["message"], 1, "{again}");
    process.stop();
    for (args, word) in [
        (vec!["import", "--from-cometchat"], "--app-id"),
        (vec!["import", "--from-cometchat", "--app-id", "x", "--new-app", "N"], "expected --key-file"),
        (
            vec![
                "import",
                "--from-cometchat",
                "--app-id",
                "a/b",
                "--new-app",
                "N",
                "--key-file",
                key.to_str().unwrap(),
            ],
            "letters and digits",
        ),
    ] {
        let output = hobnob(target.path(), &args);
        assert!(!output.status.success() && said(&output).contains(word), "{args:?}: {}", said(&output));
    }
}

/// A server that gives the same page of roles whichever is asked for, and of all else nothing; and where it is.
async fn on_one_page() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let read = socket.read(&mut head).await.unwrap_or(0);
            let roles: Vec<Value> = (0..100).map(|n| json!({"role": format!("r{n}"), "name": "R"})).collect();
            let list = if head[..read].starts_with(b"GET /v3/roles?") { roles } else { Vec::new() };
            let body = json!({ "data": list }).to_string();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = socket.write_all((head + &body).as_bytes()).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_does_not_go_on_ends() {
    let (keys, target) = (temp_dir(), fresh());
    let key = keys.path().join("key");
    std::fs::write(&key, "k").unwrap();
    let url = format!("http://{}/v3", on_one_page().await);
    let fixed = ["import", "--from-cometchat", "--app-id", "other", "--new-app", "X", "--url", &url, "--key-file"];
    let output = hobnob(target.path(), &fixed.into_iter().chain(key.to_str()).collect::<Vec<_>>());
    assert!(!output.status.success() && said(&output).contains("GET /roles: the list has no end"), "{}", said(&output));
}

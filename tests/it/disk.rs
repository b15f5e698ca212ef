//! A disk that is full, one that fails, and a folder that goes away or has another server: what is acknowledged is kept,
//! whatever the disk does, and nobody is told that they are not authorised.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::{App, DEADLINE, Process, hobnob, id_of, temp_dir, text_to};

async fn ended(process: Process) -> (ExitStatus, String) {
    let ended = tokio::task::spawn_blocking(move || process.ended());
    tokio::time::timeout(DEADLINE, ended).await.expect("the server ends by itself").expect("joins")
}

fn text(size: usize) -> serde_json::Value {
    text_to("user", "bob", &"x".repeat(size))
}

/// A small disk of its own; `None`: this machine does not let us make one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<SmallDisk> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "none"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| SmallDisk(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_says_so_and_logs_nobody_out() {
    let dir = temp_dir();
    let Some(_disk) = SmallDisk::mount(dir.path()) else {
        eprintln!("SKIPPED: mounting a small disk needs root; the test of a full disk did not run");
        return;
    };
    let data = dir.path().join("data");
    let process = Process::start(&data, &[]);
    let app = process.app(&data);
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let kept = id_of(&ann.send("bob", "before").await);

    let filler = dir.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let mut refused = None;
    for _ in 0..2000 {
        let answer = ann.post("/messages", text(2000)).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the disk is full");
    assert_eq!(refused.headers["retry-after"], "1");
    let error = refused.refused(Code::StorageFull);
    assert!(error["message"].as_str().unwrap().contains("full"), "{error}");
    app.get(&format!("/messages/{kept}")).await.ok();

    // A client that comes now hears "try again", never "not authorised": that would make it forget its login.
    let mut later = 0;
    for _ in 0..200 {
        let mut sock = app.socket().await;
        let body = json!({"auth": ann.jwt, "deviceId": ann.device, "params": {"platform": "javascript"}});
        sock.say(&json!({"appId": app.app_id, "deviceId": ann.device, "type": "auth", "sender": "ann", "body": body}))
            .await;
        // Whatever the answer, it comes before this is obeyed.
        sock.write(tokio_tungstenite::tungstenite::Message::binary(vec![0])).await;
        let (frames, code) = sock.closed().await;
        assert!(frames.iter().all(|frame| frame["body"]["code"] == "200"), "{frames:?}");
        assert!(matches!(code, Some(1003 | 1013)), "{code:?}");
        later += usize::from(code == Some(1013));
        if later > 0 {
            break;
        }
        ann.post("/messages", text(10)).await;
    }
    assert!(later > 0, "no log-in met the full disk");
    // A small write may find a gap; the server is not ready for all that.
    crate::harness::eventually("the full disk is told", async || {
        let ready = app.nobody().at_path("/health/ready").await;
        ready.status == 503 && ready.body["data"]["status"] == "the disk is full"
    })
    .await;
    assert_eq!(app.nobody().at_path("/health/live").await.status, 200);

    drop(file);
    std::fs::remove_file(filler).unwrap();
    crate::harness::eventually("there is room again", async || {
        app.nobody().at_path("/health/ready").await.status == 200
    })
    .await;
    ann.send("bob", "after").await;
    ann.connect().await.close().await;
    drop(bob);
    process.stop();
}

#[tokio::test]
async fn a_failing_disk_ends_the_server_with_a_clear_word_and_loses_nothing() {
    let dir = temp_dir();
    let process = Process::start_limited(dir.path(), 2 << 20);
    let app = process.app(dir.path());
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    let mut acknowledged = Vec::new();
    for _ in 0..2000 {
        let body = text(4000).to_string().into_bytes();
        match ann.try_raw(reqwest::Method::POST, "/messages", Some(body)).await {
            Ok(answer) if answer.status == 200 => acknowledged.push(id_of(&answer.ok())),
            Ok(answer) => {
                answer.refused(Code::StorageFailed);
                break;
            }
            Err(_) => break,
        }
    }
    let (status, said) = ended(process).await;
    assert!(!status.success(), "{status}");
    assert!(said.contains("the disk under the database failed") && said.contains("the server stops"), "{said}");

    let process = Process::start(dir.path(), &[]);
    let app = App::new(&process.site, &app.app_id, &app.auth_key, &app.api_key);
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    for id in acknowledged {
        app.get(&format!("/messages/{id}")).await.ok();
    }
}

#[tokio::test]
async fn a_folder_that_goes_ends_the_server() {
    for (what, act) in [
        ("removed", Box::new(|data: &Path| std::fs::remove_dir_all(data).unwrap()) as Box<dyn Fn(&Path)>),
        ("moved away", Box::new(|data: &Path| std::fs::rename(data, data.with_extension("old")).unwrap())),
        (
            "database replaced",
            Box::new(|data: &Path| {
                std::fs::write(data.join("new"), b"").unwrap();
                std::fs::rename(data.join("new"), data.join("hobnob.db")).unwrap();
            }),
        ),
        ("log removed", Box::new(|data: &Path| std::fs::remove_file(data.join("hobnob.db-wal")).unwrap())),
    ] {
        let dir = temp_dir();
        let data = dir.path().join("data");
        let process = Process::start(&data, &[]);
        let app = process.app(&data);
        let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
        ann.send("bob", "before").await;
        act(&data);
        // Not one write is acknowledged from here on, not even the first.
        let body = text(10).to_string().into_bytes();
        if let Ok(answer) = ann.try_raw(reqwest::Method::POST, "/messages", Some(body)).await {
            answer.refused(Code::StorageFailed);
        }
        let (status, said) = ended(process).await;
        assert!(!status.success() && said.contains("was removed or replaced"), "{what}: {status} {said}");
    }
}

#[tokio::test]
async fn an_idle_server_notices_too() {
    let dir = temp_dir();
    let data = dir.path().join("data");
    let process = Process::start(&data, &[]);
    std::fs::remove_dir_all(&data).unwrap();
    let (status, said) = ended(process).await;
    assert!(!status.success() && said.contains("was removed or replaced"), "{status} {said}");
}

#[tokio::test]
async fn a_folder_has_one_server() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let second = hobnob(dir.path(), &["serve", "--http", "127.0.0.1:0", "--https", "off"]);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success(), "{said}");
    let at = process.site.base.as_str();
    assert!(said.contains("another Hobnob") && said.contains("--data") && said.contains(at), "{said}");
    // The first is none the worse for it, and tools still work beside it.
    app.get("/users").await.ok();
    assert!(hobnob(dir.path(), &["app", "list"]).status.success());
    process.kill();
    // A crash leaves no lock behind.
    Process::start(dir.path(), &[]).stop();
}

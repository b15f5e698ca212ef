//! The first minutes: what a server says when it starts, and what it refuses to start on.

use std::path::Path;

use serde_json::Value;

use crate::harness::{App, Harness, Process, hobnob, temp_dir};

fn serve(data: &Path, more: &[&str]) -> String {
    let mut args = vec!["serve", "--http", "127.0.0.1:0"];
    args.extend(if more.contains(&"--https") { &[][..] } else { &["--https", "off"] });
    args.extend(more);
    let output = hobnob(data, &args);
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn words_after(text: &str, label: &str) -> String {
    let line = text.lines().find(|line| line.trim_start().starts_with(label));
    line.and_then(|line| line.split_whitespace().last()).unwrap_or_else(|| panic!("{label} in {text}")).to_owned()
}

#[tokio::test]
async fn demo_people_come_to_the_first_app_of_a_new_server_only() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &["--demo"]);
    let other = process.app(dir.path());
    let said = process.stop();
    let process = Process::start(dir.path(), &["--demo"]);
    let first = App::new(
        &process.site,
        &words_after(&said, "app id"),
        &words_after(&said, "auth key"),
        &words_after(&said, "REST API key"),
    );
    assert_eq!(first.get("/users").await.list().len(), 5);
    let other = App::new(&process.site, &other.app_id, &other.auth_key, &other.api_key);
    assert_eq!(other.get("/users").await.list().len(), 0, "a customer's app stays as it is");
    assert!(process.stop().contains("--demo adds nobody"));
}

#[test]
fn the_snippet_is_one_that_works() {
    let told = |more: &[&str]| {
        let dir = temp_dir();
        let printed = Process::start(dir.path(), more).stop();
        assert!(
            !printed.contains("0.0.0.0:")
                || printed.lines().filter(|l| l.contains("0.0.0.0")).all(|l| l.trim().starts_with("http"))
        );
        printed
    };
    // SDKs speak https only: without it there is no host to tell them.
    let without = told(&["--demo"]);
    assert!(!without.contains("overrideAdminHost") && without.contains("--public-host"), "{without}");
    let printed = told(&["--demo", "--https", "127.0.0.1:0"]);
    let https = words_after(&printed, "https://").replace("https://", "");
    assert!(printed.contains(&format!(".overrideClientHost('{https}/v3')")), "{printed}");
    assert!(printed.contains("login('mira'"), "an existing user: {printed}");
    let everywhere = told(&["--https", "0.0.0.0:0"]);
    let port = words_after(&everywhere, "https://").rsplit(':').next().expect("a port").to_owned();
    assert!(everywhere.contains(&format!(":{port}/v3')")) && !everywhere.contains("'0.0.0.0"), "{everywhere}");
    let public = told(&["--demo", "--public-host", "https://chat.example/chat"]);
    assert!(public.contains("overrideAdminHost('chat.example/chat/v3')"), "{public}");
    assert!(public.contains("https://chat.example/chat/admin/#setup="), "{public}");
}

#[test]
fn a_start_that_fails_says_why_and_what_to_do() {
    let dir = temp_dir();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = taken.local_addr().expect("bound").to_string();
    let said = serve(dir.path(), &["--https", &at]);
    assert!(said.contains(&at) && said.contains("--https ADDRESS:PORT"), "{said}");
    let said = serve(dir.path(), &["--public-host", "https://chat.example/v3"]);
    assert!(said.contains("--public-host") && said.contains("leave out /v3"), "{said}");

    let broken = temp_dir();
    std::fs::write(broken.path().join("hobnob.db"), vec![b'x'; 8192]).expect("written");
    let said = serve(broken.path(), &[]);
    assert!(said.contains("not a database") && !said.contains("Something went wrong"), "{said}");
    let folder = temp_dir();
    std::fs::create_dir(folder.path().join("hobnob.db")).expect("made");
    let said = serve(folder.path(), &[]);
    assert!(said.contains("directory") && !said.contains("Something went wrong"), "{said}");
}

#[test]
fn settings_no_server_can_work_with_are_refused() {
    let dir = temp_dir();
    for (args, word) in [
        (["--write-queue", "0"], "from 1 on"),
        (["--connections", "0"], "from 1 on"),
        (["--rate-user", "0"], "--rate-user"),
        (["--limit", "body=0"], "at least 1024"),
        (["--limit", "name=5"], "at least 16"),
        (["--limit", "per_page=0"], "at least 1"),
        (["--region", "EU West"], "small letters"),
        (["--region", ""], "small letters"),
    ] {
        let said = serve(dir.path(), &args);
        assert!(said.contains(word), "{args:?}: {said}");
    }
    assert!(!dir.path().join("hobnob.db").exists());
    // As people write lists.
    Process::start(dir.path(), &["--limit", "members = 5, files=3"]).stop();
}

/// `${NAME:-}` in a compose file.
#[test]
fn a_variable_that_is_empty_is_not_set() {
    let dir = temp_dir();
    Process::start(dir.path(), &[]).stop();
    let mut tool = std::process::Command::new(env!("CARGO_BIN_EXE_hobnob"));
    tool.args(["app", "create", "Second", "--json", "--data"]).arg(dir.path());
    for name in ["HOBNOB_DATA", "HOBNOB_REGION", "HOBNOB_LIMITS", "HOBNOB_PUBLIC_HOST", "HOBNOB_HTTP", "HOBNOB_WORKERS"]
    {
        tool.env(name, "");
    }
    let output = tool.output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains(r#""region":"us""#), "{output:?}");
    // With a value it counts.
    let output = tool.env("HOBNOB_REGION", "eu").output().expect("runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#""region":"eu""#), "{output:?}");
}

#[test]
fn tools_do_not_make_a_database_where_there_is_none() {
    let dir = temp_dir();
    let wrong = dir.path().join("wrong");
    for args in [
        &["admin-link"][..],
        &["app", "list"],
        &["app", "create", "X"],
        &["key", "list", "x"],
        &["bot", "list", "x"],
        &["management-key", "list"],
        &["user", "delete", "x", "y", "--kind", "soft"],
        &["audit", "list"],
        &["compact"],
    ] {
        let output = hobnob(&wrong, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(wrong.to_str().expect("plain")) && said.contains("--data"),
            "{said}"
        );
        assert!(!wrong.exists(), "{args:?}");
    }
}

#[test]
fn an_emptied_database_is_not_taken_for_a_new_server() {
    let dir = temp_dir();
    // With a certificate of its own and without.
    for https in ["127.0.0.1:0", "off"] {
        let _ = std::fs::remove_dir_all(dir.path().join("tls"));
        Process::start(dir.path(), &["--https", https, "--new-database"]).stop();
        let database = dir.path().join("hobnob.db");
        for what in ["emptied", "removed"] {
            match what {
                "emptied" => std::fs::write(&database, b"").expect("emptied"),
                _ => std::fs::remove_file(&database).expect("removed"),
            }
            let said = serve(dir.path(), &[]);
            assert!(said.contains("--new-database") && said.contains("hobnob.db"), "{what}: {said}");
            let tool = hobnob(dir.path(), &["app", "list"]);
            assert!(!tool.status.success(), "{what}: {tool:?}");
        }
        assert!(!database.exists(), "the refusal makes nothing");
    }
    let printed = Process::start(dir.path(), &["--new-database"]).stop();
    assert!(printed.contains("first start"), "{printed}");
    // Nothing is in the way of a start on what is there.
    Process::start(dir.path(), &[]).stop();
}

#[tokio::test]
async fn who_asks_without_a_credential_hears_where_things_are_and_whether_it_is_well() {
    let h = Harness::start().await;
    let open = h.nobody();
    let front = open.at_path("/").await;
    assert_eq!(front.status, 200);
    let front: Value = front.body["data"].clone();
    assert_eq!(front["api"], format!("{}/v3", h.base()));
    for page in ["apiPage", "admin", "openapi", "health"] {
        let path = front[page].as_str().expect("a url").strip_prefix(h.base()).expect("here").to_owned();
        assert_eq!(open.at_path(&path).await.status, 200, "{page}");
    }
    for path in ["/health", "/health/ready", "/health/live"] {
        let health = open.at_path(path).await;
        assert_eq!((health.status, health.text.as_str()), (200, r#"{"data":{"status":"ok"}}"#), "{path}");
    }
    assert!(h.count("SELECT beats FROM health") > 0, "something was written");
    // A writer that is gone is told, once what was seen of it is old.
    h.store.close();
    crate::harness::eventually("the server says that it is not well", async || {
        open.at_path("/health").await.status == 503
    })
    .await;
    let ready = open.at_path("/health/ready").await;
    assert_eq!((ready.status, &ready.body["data"]["status"]), (503, &Value::from("the writer takes nothing")));
    assert_eq!(open.at_path("/health/live").await.status, 200, "it answers all the same");
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_but_not_ready() {
    let h = Harness::start().await;
    std::fs::remove_file(h.data.join("hobnob.db")).expect("removes");
    let open = h.nobody();
    crate::harness::eventually("the server says that it is not ready", async || {
        open.at_path("/health/ready").await.status == 503
    })
    .await;
    let ready = open.at_path("/health/ready").await;
    assert_eq!(ready.body["data"]["status"], "the disk failed, or the database was removed");
    assert_eq!(open.at_path("/health/live").await.status, 200);
}

#[tokio::test]
async fn the_log_tells_what_was_done_and_no_secrets() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let made = app.post("/apikeys", serde_json::json!({"name": "Backup", "scope": "authOnly"})).await.ok();
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    ann.send("bob", "a private text").await;
    let link = hobnob(dir.path(), &["admin-link", "--json"]);
    let link: Value = serde_json::from_slice(&link.stdout).expect("JSON");
    let body = serde_json::json!({"link": link["setup"], "name": "root", "password": "correct horse"});
    app.nobody().post("/admin/api/setup", body).await.ok();
    app.nobody().post("/admin/api/login", serde_json::json!({"name": "root", "password": "correct horse"})).await.ok();
    let log = process.stop_and_log();
    for word in [
        "starts on",
        "listening at http://127.0.0.1:",
        "\"Backup\"",
        "\"root\" used a set-up link",
        "\"root\" logged in",
        "stopped",
    ] {
        assert!(log.contains(word), "{word} in {log}");
    }
    let secrets = [
        made["apiKey"].as_str().unwrap(),
        &app.api_key,
        &ann.token,
        link["setup"].as_str().unwrap(),
        "correct horse",
        "private text",
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "{log}");
    }
}

//! How it starts, what it says when it is ready, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use reqwest::{Certificate, Method};
use serde_json::Value;

use crate::program::{Chat, PROGRAM, answered, folder, program};

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("reads").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.file_name().into_string().expect("a name")).collect()
}

#[tokio::test]
async fn one_line_says_all_and_nothing_is_left() {
    let beside = folder();
    let chat = Chat::start(beside.path(), &[]);
    assert_eq!(names(beside.path()).len(), 1);
    chat.user("ann").await;
    // By https as the line says, which trusts no other authority.
    let authority = Certificate::from_pem(chat.text("caPem").as_bytes()).expect("a certificate");
    let secure = reqwest::Client::builder().no_proxy().tls_built_in_root_certs(false).add_root_certificate(authority);
    let secure = secure.build().expect("a client");
    let host = chat.ready["settings"]["adminHost"].as_str().expect("a host").to_owned();
    assert_eq!(format!("https://{host}"), format!("{}/v3", chat.text("httpsUrl")));
    let request = secure.get(format!("https://{host}/users/ann")).header("apiKey", chat.text("apiKey"));
    let (status, body) = answered(request).await;
    assert_eq!((status, &body["data"]["uid"]), (200, &Value::from("ann")), "{body}");
    // The auth key logs in, and does no more.
    let log_in = chat.http.post(format!("{}/v3/users/ann/auth_tokens", chat.text("url")));
    let (status, body) = answered(log_in.header("apiKey", chat.text("authKey"))).await;
    assert_eq!(status, 200, "{body}");
    for (field, start) in [("wsUrl", "ws://127.0.0.1:"), ("wssUrl", "wss://127.0.0.1:"), ("region", "us")] {
        assert!(chat.text(field).starts_with(start), "{}", chat.ready);
    }
    assert_eq!(chat.end(), (String::new(), true));
    assert!(names(beside.path()).is_empty());
}

#[tokio::test]
async fn eight_at_once_never_meet_and_are_the_same() {
    let beside = folder();
    let chats: Vec<Chat> = (0..8).map(|_| Chat::start(beside.path(), &[])).collect();
    assert_eq!(names(beside.path()).len(), 8);
    for (number, chat) in chats.iter().enumerate() {
        chat.user(&format!("u{number}")).await;
        let (_, users) = chat.call(Method::GET, "/users", None, Value::Null).await;
        let uids: Vec<&str> =
            users["data"].as_array().expect("a list").iter().filter_map(|u| u["uid"].as_str()).collect();
        assert_eq!(uids, [format!("u{number}")]);
        assert_eq!(chat.text("apiKey"), chats[0].text("apiKey"));
        assert_eq!(chats.iter().filter(|other| other.text("url") == chat.text("url")).count(), 1);
    }
    drop(chats);
    assert!(names(beside.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn it_ends_with_whoever_started_it() {
    let beside = folder();
    // Of a shell, which gives it no input to close.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$0" test </dev/null & wait"#, PROGRAM]).env("TMPDIR", beside.path());
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut output = BufReader::new(shell.stdout.take().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert!(line.starts_with('{') && names(beside.path()).len() == 1, "{line}");
    shell.kill().expect("kills");
    shell.wait().expect("is gone");
    // The pipe ends with the last who holds it.
    output.read_to_string(&mut line).expect("reads");
    assert!(names(beside.path()).is_empty());
}

#[test]
fn variables_of_the_machine_are_nothing_to_it() {
    let beside = folder();
    let mut command = program(beside.path(), &["--", "--limit", "members=5"]);
    let chat =
        Chat::of(command.env("HOBNOB_HTTP", "0.0.0.0:1").env("HOBNOB_REGION", "eu").env("HOBNOB_DATA", "/nowhere"));
    assert!(chat.text("url").starts_with("http://127.0.0.1:"));
    assert_eq!(chat.text("region"), "us");
}

#[test]
fn it_listens_on_loopback_alone_and_keeps_nothing_elsewhere() {
    let beside = folder();
    for (flag, word) in [("--http=0.0.0.0:0", "loopback"), ("--data=/srv", "thrown away"), ("--nonsense", "--nonsense")]
    {
        let ended = program(beside.path(), &["--", flag]).output().expect("ends");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && said.contains(word) && ended.stdout.is_empty(), "{said}");
        assert!(names(beside.path()).is_empty());
    }
}

/// None of it is there where a server serves.
#[tokio::test]
async fn a_server_that_serves_has_no_control_api() {
    let beside = folder();
    let mut command = Command::new(PROGRAM);
    command.args(["--http", "127.0.0.1:0", "--https", "off", "--data"]).arg(beside.path().join("data"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let base = lines.find_map(|line| line.trim().strip_prefix("http://").map(|at| format!("http://{at}")));
    let base = base.expect("it says where it is");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for (method, path) in [(Method::GET, ""), (Method::POST, "/reset"), (Method::GET, "/as/ann/me")] {
        let (status, body) = answered(client.request(method, format!("{base}/_test{path}"))).await;
        assert_eq!((status, &body["error"]["code"]), (404, &Value::from("ERR_API_NOT_FOUND")), "{path}: {body}");
    }
    child.kill().expect("kills");
    child.wait().expect("is gone");
}

//! The program, and a client for it. Nothing here sleeps: what is awaited is read.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use reqwest::{Client, Method};
use serde_json::{Value, json};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_hobnob");

/// A server for tests that runs. It ends when this is dropped: its standard input closes.
pub struct Chat {
    pub ready: Value,
    child: Child,
    output: BufReader<ChildStdout>,
    pub http: Client,
}

/// The program with these arguments, beside whose folders nobody else makes any.
pub fn program(beside: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("test").args(arguments).env("TMPDIR", beside);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("testing-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

impl Chat {
    pub fn start(beside: &std::path::Path, arguments: &[&str]) -> Chat {
        Chat::of(&mut program(beside, arguments))
    }

    pub fn of(command: &mut Command) -> Chat {
        let mut child = command.spawn().expect("starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        if line.is_empty() {
            let ended = child.wait_with_output().expect("ends");
            panic!("it never was ready: {}", String::from_utf8_lossy(&ended.stderr));
        }
        let ready = serde_json::from_str(&line).unwrap_or_else(|e| panic!("one line of JSON: {line}: {e}"));
        Chat { ready, child, output, http: Client::builder().no_proxy().build().expect("a client") }
    }

    pub fn text(&self, field: &str) -> &str {
        self.ready[field].as_str().unwrap_or_else(|| panic!("{field} in {}", self.ready))
    }

    /// A request with the full key.
    pub async fn call(&self, method: Method, path: &str, on_behalf_of: Option<&str>, body: Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}/v3{path}", self.text("url")));
        let mut request = request.header("appId", self.text("appId")).header("apiKey", self.text("apiKey"));
        if let Some(uid) = on_behalf_of {
            request = request.header("onBehalfOf", uid);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        answered(request).await
    }

    pub async fn user(&self, uid: &str) {
        let (status, body) = self.call(Method::POST, "/users", None, json!({"uid": uid, "name": uid})).await;
        assert_eq!(status, 200, "{body}");
    }

    /// Lets go of its standard input and waits for its end; what else it printed, and whether it ended well.
    pub fn end(mut self) -> (String, bool) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("reads");
        (rest, self.child.wait().expect("ends").success())
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        if let Some(mut input) = self.child.stdin.take() {
            let _ = input.flush();
        }
        let _ = self.child.wait();
    }
}

pub async fn answered(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

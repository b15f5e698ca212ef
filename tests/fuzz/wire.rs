//! A server in this process and the smallest clients that can say anything to it: HTTP/1.1 and WebSocket by hand, so that
//! nothing between the bytes of a target and the server mends them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use hobnob::actions;
use hobnob::config::Config;
use hobnob::model::limits::Limits;
use hobnob::model::time::Clock;
use hobnob::server::Server;
use serde_json::{Value, json};

/// How long an answer may take before the server counts as hung.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running server with an app, people who have talked, and a group.
pub struct Stage {
    pub address: SocketAddr,
    pub app_id: String,
    pub api_key: String,
    pub jwt: String,
}

/// The settings a command line would make: those of a default server, but for what counts how much one client asks.
fn config(data: &Path) -> Config {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }
    let data = data.to_str().expect("a plain path");
    let fixed = ["fuzz", "--data", data, "--http", "127.0.0.1:0", "--https", "off", "--workers", "1", "--readers", "2"];
    let limits = ["--rate-limits", "off", "--limit", "frames=1000000"];
    <Cli as clap::Parser>::parse_from(fixed.into_iter().chain(limits)).config
}

impl Stage {
    /// Starts it in a thread of its own; it runs until the process ends.
    pub fn start(data: &Path) -> Stage {
        let config = config(data);
        let (ready, started) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = Server::start(&config, Clock::fixed(1_795_000_000)).await.expect("the server starts");
                let made = server.store.write("fuzz", |tx| actions::apps::create(tx, "Fuzz", "us", &Limits::default()));
                let made = made.await.expect("makes an app");
                let address = server.http.expect("plain HTTP is on");
                ready.send((address, made.app_id.to_string(), made.api_key.to_string())).expect("somebody waits");
                panic!("{}", server.failed().await);
            });
        });
        let (address, app_id, api_key) = started.recv().expect("the server starts");
        let mut stage = Stage { address, app_id, api_key, jwt: String::new() };
        let mut http = Http::new(&stage);
        for uid in ["ann", "bob", "cy"] {
            http.post("/users", None, &json!({"uid": uid, "name": uid}));
        }
        let members = json!({"participants": ["bob"]});
        http.post(
            "/groups",
            None,
            &json!({"guid": "team", "name": "Team", "type": "public", "owner": "ann", "members": members}),
        );
        for (to, kind) in [("bob", "user"), ("team", "group")] {
            for text in ["first", "a link https://example.org", "third"] {
                let body = json!({"receiver": to, "receiverType": kind, "data": {"text": text}});
                http.post("/messages", Some("ann"), &body);
            }
        }
        let token = http.post("/users/ann/auth_tokens", None, &json!({}));
        let token = token["authToken"].as_str().expect("a token").to_owned();
        let me = http.ask("GET", "/me", &[("authToken", &token)], b"");
        stage.jwt = me.body["data"]["jwt"].as_str().expect("a jwt").to_owned();
        stage
    }
}

/// A connection that is used again and again.
pub struct Http {
    address: SocketAddr,
    app_id: String,
    api_key: String,
    connection: Option<BufReader<TcpStream>>,
}

/// What the server said.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub body: Value,
}

impl Http {
    pub fn new(stage: &Stage) -> Http {
        Http { address: stage.address, app_id: stage.app_id.clone(), api_key: stage.api_key.clone(), connection: None }
    }

    fn post(&mut self, path: &str, behalf: Option<&str>, body: &Value) -> Value {
        let mut headers = vec![("Content-Type", "application/json"), ("apiKey", "")];
        headers.extend(behalf.map(|uid| ("onBehalfOf", uid)));
        let said = self.ask("POST", path, &headers, body.to_string().as_bytes());
        assert_eq!(said.status, 200, "{path}: {said:?}");
        said.body["data"].clone()
    }

    /// Asks with these headers; an empty `apiKey` stands for the app's own. Fails when there is no proper answer.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Said {
        let mut head = format!("{method} /v3{path} HTTP/1.1\r\nHost: fuzz\r\nappId: {}\r\n", self.app_id);
        for (name, value) in headers {
            let value = if (*name, *value) == ("apiKey", "") { &self.api_key } else { *value };
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        // A server may close a connection that it has kept for long enough: once is no failure.
        let kept = self.connection.is_some();
        match self.exchange(&request) {
            Some(said) => said,
            None if kept => self.exchange(&request).expect("the server answers"),
            None => panic!("the server closed the connection without an answer"),
        }
    }

    fn exchange(&mut self, request: &[u8]) -> Option<Said> {
        let mut connection = self.connection.take().unwrap_or_else(|| BufReader::new(connect(self.address)));
        // A server that refuses a body by its head may close before all of it is there, and has answered all the same.
        let _ = connection.get_mut().write_all(request);
        let mut line = String::new();
        connection.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let (mut length, mut stays) = (0, true);
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).expect("headers");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().expect("a length"),
                "connection" if value.eq_ignore_ascii_case("close") => stays = false,
                "transfer-encoding" => panic!("an answer of the API has a length: {value}"),
                _ => {}
            }
        }
        let mut bytes = vec![0; length];
        connection.read_exact(&mut bytes).expect("a whole answer");
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{status} with no JSON ({e}): {bytes:?}"));
        self.connection = stays.then_some(connection);
        Some(Said { status, body })
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).expect("connects");
    connection.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    connection.set_write_timeout(Some(DEADLINE)).expect("a deadline");
    connection.set_nodelay(true).expect("no delay");
    connection
}

/// A socket that takes any bytes.
pub struct Sock {
    stream: BufReader<TcpStream>,
}

impl Sock {
    pub fn open(address: SocketAddr) -> Sock {
        let mut stream = BufReader::new(connect(address));
        let head = "GET / HTTP/1.1\r\nHost: fuzz\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.get_mut().write_all(head.as_bytes()).expect("asks");
        let mut line = String::new();
        stream.read_line(&mut line).expect("answers");
        assert!(line.starts_with("HTTP/1.1 101"), "{line}");
        while line.trim_end() != "" {
            line.clear();
            stream.read_line(&mut line).expect("headers");
        }
        Sock { stream }
    }

    /// Says who it is.
    pub fn log_in(&mut self, stage: &Stage) {
        let body = json!({"auth": stage.jwt, "deviceId": "fuzz", "params": {"platform": "javascript"}});
        let auth = json!({"appId": stage.app_id, "deviceId": "fuzz", "type": "auth", "sender": "ann", "body": body});
        self.frame(0x81, auth.to_string().as_bytes());
        match self.until_pong() {
            Answer::Text(text) if text.contains(r#""code":"200""#) => {}
            other => panic!("no log-in: {other:?}"),
        }
    }

    /// Whatever it is; the server may have closed.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// A frame with this first byte, masked with zeroes.
    pub fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            small @ 0..126 => frame.push(0x80 | small as u8),
            middle @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend((middle as u16).to_be_bytes());
            }
            large => {
                frame.push(0x80 | 127);
                frame.extend((large as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        self.raw(&frame);
    }

    /// Reads until the answer to a heartbeat, a text of another kind at the log-in, or the end.
    pub fn until_pong(&mut self) -> Answer {
        loop {
            let mut head = [0; 2];
            if self.stream.read_exact(&mut head).is_err() {
                return Answer::Gone;
            }
            let length = match head[1] & 0x7f {
                126 => {
                    let mut bytes = [0; 2];
                    self.stream.read_exact(&mut bytes).expect("a length");
                    u16::from_be_bytes(bytes) as usize
                }
                127 => {
                    let mut bytes = [0; 8];
                    self.stream.read_exact(&mut bytes).expect("a length");
                    u64::from_be_bytes(bytes) as usize
                }
                small => small as usize,
            };
            let mut payload = vec![0; length];
            self.stream.read_exact(&mut payload).expect("a whole frame");
            match head[0] & 0x0f {
                8 => return Answer::Closed(payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]))),
                1 => {
                    let text = String::from_utf8(payload).expect("text is UTF-8");
                    let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                    if frame["action"] == "pong" {
                        return Answer::Pong;
                    }
                    if frame["type"] == "auth" {
                        return Answer::Text(text);
                    }
                }
                _ => {}
            }
        }
    }
}

/// How the server answered a socket.
#[derive(Debug)]
pub enum Answer {
    Pong,
    Text(String),
    /// With a good-bye, and its code if it had one.
    Closed(Option<u16>),
    /// Without a word.
    Gone,
}

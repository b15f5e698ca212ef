//! Sockets of clients, and a web server that webhooks are sent to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::program::{Chat, answered};

/// Generous: it only costs time when a test fails.
const DEADLINE: Duration = Duration::from_secs(20);

pub struct Sock(WebSocketStream<TcpStream>);

impl Sock {
    /// Of a user with this auth token.
    pub async fn of(chat: &Chat, token: &str) -> Sock {
        let request = chat.http.get(format!("{}/v3/me", chat.text("url"))).header("authToken", token);
        let (status, me) = answered(request.header("appId", chat.text("appId"))).await;
        assert_eq!(status, 200, "{me}");
        let address = chat.text("url").trim_start_matches("http://").to_owned();
        let tcp = TcpStream::connect(&address).await.expect("connects");
        let (stream, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), tcp).await.expect("upgrades");
        let mut sock = Sock(stream);
        let device = format!("D-{token}");
        let body = json!({"auth": me["data"]["jwt"], "deviceId": device, "params": {"platform": "javascript"}});
        sock.say(&json!({"appId": chat.text("appId"), "deviceId": device, "type": "auth", "body": body})).await;
        let accepted = sock.expect(|frame| frame["type"] == "auth").await;
        assert_eq!(accepted["body"]["code"], "200", "{accepted}");
        sock
    }

    pub async fn say(&mut self, frame: &Value) {
        timeout(DEADLINE, self.0.send(Message::text(frame.to_string()))).await.expect("in time").expect("writes");
    }

    /// Frames up to and with the first that fits.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut seen = Vec::new();
        let reading = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text).expect("JSON");
                        let found = fits(&frame);
                        seen.push(frame);
                        if found {
                            return true;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
                    Some(Ok(_)) => {}
                }
            }
        };
        match timeout(DEADLINE, reading).await {
            Ok(true) => seen,
            other => panic!("{other:?}; seen: {seen:#?}"),
        }
    }

    pub async fn expect(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        self.until(fits).await.pop().expect("one")
    }

    pub async fn expect_text(&mut self, text: &str) -> Value {
        self.expect(|frame| frame["body"]["data"]["text"] == text).await
    }

    /// Everything before the answer to a heartbeat.
    pub async fn before_pong(&mut self) -> Vec<Value> {
        self.say(&json!({"action": "ping", "ack": "true"})).await;
        let mut seen = self.until(|frame| frame["action"] == "pong").await;
        seen.pop();
        seen
    }

    /// Reads to the end: the close code, if there was a good-bye.
    pub async fn closed(mut self) -> Option<u16> {
        let reading = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        timeout(DEADLINE, reading).await.expect("it ends")
    }
}

/// Answers every request with a status, and keeps what came.
pub struct Receiver {
    pub url: String,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    pub async fn answering(status: u16) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let told = Arc::new(Mutex::new(Vec::new()));
        let notes = told.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, status, notes.clone()));
            }
        });
        Receiver { url, told }
    }

    /// Takes requests and says nothing to them.
    pub async fn silent() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
        Receiver { url, told: Arc::default() }
    }

    pub fn told(&self) -> Vec<Value> {
        self.told.lock().expect("free").clone()
    }
}

async fn serve(mut stream: TcpStream, status: u16, told: Arc<Mutex<Vec<Value>>>) {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                told.lock().expect("free").push(serde_json::from_str(body).unwrap_or(Value::Null));
                read.clear();
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\n{{}}");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(more) => read.extend_from_slice(&piece[..more]),
        }
    }
}

impl Chat {
    /// What comes for `METHOD /path` to the end of the connection.
    pub async fn raw(&self, what: &str, headers: &[(&str, &str)]) -> String {
        let address = self.text("url").trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).await.expect("connects");
        let mut head = format!("{what} HTTP/1.1\r\n");
        for (name, value) in [("host", address.as_str()), ("connection", "close"), ("content-length", "0")] {
            if !headers.iter().any(|(own, _)| *own == name) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        stream.write_all(format!("{head}\r\n").as_bytes()).await.expect("writes");
        let mut answer = Vec::new();
        // However it ends.
        let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("it ends");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A call of the control API that is well.
    pub async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.try_control(method, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer["data"].clone()
    }

    pub async fn try_control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.text("controlUrl")));
        if !body.is_null() {
            request = request.json(&body);
        }
        answered(request).await
    }

    pub async fn advance(&self, by: &str) -> Value {
        self.control(Method::POST, "/clock", json!({ "advance": by })).await
    }

    /// One user sends another a text; the message.
    pub async fn send(&self, from: &str, to: &str, text: &str) -> Value {
        let (status, answer) =
            self.try_control(Method::POST, "/act", json!({"as": from, "send": {"to": to, "text": text}})).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }
}

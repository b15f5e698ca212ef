//! A client's socket: frames as JSON, in the order they came.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{DEADLINE, User};

pub struct Sock {
    pub stream: WebSocketStream<TcpStream>,
    app_id: String,
    uid: String,
    device: String,
}

impl Sock {
    pub async fn open(address: &str) -> Sock {
        let tcp = TcpStream::connect(address).await.expect("connects");
        let url = format!("ws://{address}/");
        let (stream, _) = tokio_tungstenite::client_async(url, tcp).await.expect("upgrades");
        Sock { stream, app_id: String::new(), uid: String::new(), device: String::new() }
    }

    /// At a path of the server, as a client that calls it `host`.
    pub async fn open_at(address: &str, host: &str, path: &str) -> Sock {
        let tcp = TcpStream::connect(address).await.expect("connects");
        let url = format!("ws://{host}{path}");
        let (stream, _) = tokio_tungstenite::client_async(url, tcp).await.expect("upgrades");
        Sock { stream, app_id: String::new(), uid: String::new(), device: String::new() }
    }

    /// As `open`, with as little room for what it has not read as the system lets it have.
    pub async fn open_narrow(address: &str) -> Sock {
        let tcp = TcpSocket::new_v4().expect("a socket");
        tcp.set_recv_buffer_size(4096).expect("a small buffer");
        let tcp = tcp.connect(address.parse().expect("an address")).await.expect("connects");
        let url = format!("ws://{address}/");
        let (stream, _) = tokio_tungstenite::client_async(url, tcp).await.expect("upgrades");
        Sock { stream, app_id: String::new(), uid: String::new(), device: String::new() }
    }

    /// Says who it is; gives the server's answer.
    pub async fn authenticate(&mut self, user: &User, more: Value) -> Value {
        self.app_id = user.app.app_id.clone();
        self.uid = user.uid.clone();
        self.device = user.device.clone();
        let mut body = json!({"auth": user.jwt, "deviceId": self.device, "params": {"platform": "javascript"}});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let frame =
            json!({"appId": self.app_id, "deviceId": self.device, "type": "auth", "sender": self.uid, "body": body});
        self.say(&frame).await;
        self.expect(|frame| frame["type"] == "auth").await
    }

    /// Writes a frame.
    pub async fn say(&mut self, frame: &Value) {
        self.write(Message::text(frame.to_string())).await;
    }

    pub async fn write(&mut self, message: Message) {
        timeout(DEADLINE, self.stream.send(message)).await.expect("writes in time").expect("writes");
    }

    /// Writes to a socket that the server may have closed.
    pub async fn try_write(&mut self, message: Message) -> tokio_tungstenite::tungstenite::Result<()> {
        timeout(DEADLINE, self.stream.send(message)).await.expect("writes in time")
    }

    /// Writes a command in the contract's envelope: `command("typing_indicator", "user", "bob", body)`.
    pub async fn command(&mut self, kind: &str, receiver_type: &str, receiver: &str, body: Value) {
        self.say(&json!({
            "appId": self.app_id, "type": kind, "sender": self.uid, "receiver": receiver,
            "receiverType": receiver_type, "deviceId": self.device, "body": body,
        }))
        .await;
    }

    /// Marks a message `read` or `delivered`, as the client does.
    pub async fn receipt(&mut self, action: &str, receiver_type: &str, receiver: &str, id: i64) {
        let body = json!({"action": action, "messageId": id.to_string(), "user": {"uid": self.uid, "name": self.uid}});
        self.command("receipts", receiver_type, receiver, body).await;
    }

    /// The next text frame, whatever it is. `None`: the server closed.
    async fn read(&mut self) -> Option<Value> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON in a frame")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Frames up to and with the first that fits. Fails when none comes in time.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut seen = Vec::new();
        let found = timeout(DEADLINE, async {
            while let Some(frame) = self.read().await {
                let found = fits(&frame);
                seen.push(frame);
                if found {
                    return true;
                }
            }
            false
        });
        let outcome = found.await;
        match outcome {
            Ok(true) => seen,
            Ok(false) => panic!("{}: closed before the frame came; seen: {seen:#?}", self.device),
            Err(_) => panic!("{}: the frame did not come; seen: {seen:#?}", self.device),
        }
    }

    /// The first frame that fits; those before it are passed over.
    pub async fn expect(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        self.until(fits).await.pop().expect("until gives one at least")
    }

    /// The message with this text.
    pub async fn expect_text(&mut self, text: &str) -> Value {
        self.expect(|frame| is_text(frame, text)).await
    }

    /// The action message of this kind: `joined`, `kicked`, `edited` …
    pub async fn expect_action(&mut self, action: &str) -> Value {
        self.expect(|frame| frame["body"]["category"] == "action" && frame["body"]["data"]["action"] == action).await
    }

    /// Everything before the message with this text, which some test sent as a fence.
    pub async fn before_text(&mut self, text: &str) -> Vec<Value> {
        let mut seen = self.until(|frame| is_text(frame, text)).await;
        seen.pop();
        seen
    }

    /// Asks for a pong: everything that came before it. The socket obeys in turn, so commands said before are done.
    pub async fn before_pong(&mut self) -> Vec<Value> {
        self.say(&json!({"action": "ping", "ack": "true"})).await;
        let mut seen = self.until(|frame| frame["action"] == "pong").await;
        seen.pop();
        seen
    }

    /// Reads to the end: the frames, and the close code if there was a proper good-bye.
    pub async fn closed(mut self) -> (Vec<Value>, Option<u16>) {
        let mut seen = Vec::new();
        let code = timeout(DEADLINE, async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        seen.push(serde_json::from_str(&text).expect("JSON in a frame"));
                    }
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        });
        let code = code.await.unwrap_or_else(|_| panic!("the socket stays open; seen: {seen:#?}"));
        (seen, code)
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        let _ = self.stream.close(None).await;
        let _ = timeout(DEADLINE, async { while self.read().await.is_some() {} }).await;
    }
}

fn is_text(frame: &Value, text: &str) -> bool {
    frame["type"] == "message" && frame["body"]["data"]["text"] == text
}

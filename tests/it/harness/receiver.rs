//! A web server outside that webhooks are sent to: it notes what comes, and answers as it is told.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::eventually;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Told {
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub body: Value,
}

impl Told {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The name of the event.
    pub fn trigger(&self) -> &str {
        self.body["trigger"].as_str().unwrap_or_default()
    }
}

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Does {
    /// Status, further header lines (each with its end), body.
    Answer(u16, &'static str, String),
    /// It never answers.
    Hang,
    /// It goes away without a word.
    Reset,
    /// It says this and then nothing more, with the connection open.
    Say(&'static str),
    /// It answers well, and its answer never ends.
    Endless,
    /// It answers well when it is let, one request for each permit.
    When(Arc<Semaphore>),
}

pub fn well() -> Does {
    Does::Answer(200, "", "{}".to_owned())
}

pub struct Receiver {
    /// Its address, without a path.
    pub url: String,
    told: Arc<Mutex<Vec<Told>>>,
    does: Arc<Mutex<Does>>,
}

impl Receiver {
    /// One that answers well until it is told otherwise.
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (told, does) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(well())));
        let (notes, acts) = (told.clone(), does.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, notes.clone(), acts.clone()));
            }
        });
        Receiver { url, told, does }
    }

    /// From now on.
    pub fn be(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// All that came so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Names of the events that came so far.
    pub fn triggers(&self) -> Vec<String> {
        self.told().iter().map(|told| told.trigger().to_owned()).collect()
    }

    /// Waits until so many came; all of them.
    pub async fn expect(&self, many: usize) -> Vec<Told> {
        eventually(&format!("{many} are told"), async || self.told.lock().unwrap().len() >= many).await;
        self.told()
    }
}

async fn serve(mut socket: TcpStream, told: Arc<Mutex<Vec<Told>>>, does: Arc<Mutex<Does>>) {
    let mut bytes = Vec::new();
    while let Some(asked) = request(&mut socket, &mut bytes).await {
        told.lock().unwrap().push(asked);
        let does = does.lock().unwrap().clone();
        match does {
            Does::Answer(status, headers, body) => {
                let length = body.len();
                let all = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
                if socket.write_all(all.as_bytes()).await.is_err() {
                    return;
                }
            }
            Does::Hang => std::future::pending().await,
            Does::Reset => return,
            Does::Say(text) => {
                let _ = socket.write_all(text.as_bytes()).await;
                std::future::pending().await
            }
            Does::Endless => {
                let mut sent = socket.write_all(b"HTTP/1.1 200 X\r\n\r\n").await;
                while sent.is_ok() {
                    sent = socket.write_all(&[b'x'; 4096]).await;
                }
                return;
            }
            Does::When(let_go) => {
                let_go.acquire().await.expect("open").forget();
                if socket.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n").await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The next request of a connection.
async fn request(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Told> {
    loop {
        if let Some((asked, taken)) = parse(bytes) {
            bytes.drain(..taken);
            return Some(asked);
        }
        let mut piece = [0; 16 * 1024];
        let read = socket.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    }
}

fn parse(bytes: &[u8]) -> Option<(Told, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    let text = String::from_utf8_lossy(body).into_owned();
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    Some((Told { path, headers, text, body }, end + 4 + length))
}

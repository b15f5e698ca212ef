//! A minimal WebSocket client: it opens, authenticates as an SDK does, and hands text frames to a closure without
//! copying them. All sockets read into one shared buffer; only the beginning of a frame whose end has not arrived is
//! kept per socket, so thousands of them cost the generator little.

use std::{
    cell::RefCell,
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    rc::Rc,
    task::{Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
};

use crate::{Result, cast::User, http};

/// The SDK pings this often, and gives up on a server that does not answer.
const PING_EVERY: Duration = Duration::from_secs(15);
const PING: &str = r#"{"action":"ping","ack":"true"}"#;

thread_local! {
    /// Where everything is read. The generator has one thread.
    static INPUT: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

pub struct Socket {
    read: OwnedReadHalf,
    write: Outgoing,
    /// The beginning of a frame, until the rest arrives.
    partial: Vec<u8>,
}

/// The sending side, shared with the pinger.
#[derive(Clone)]
pub struct Outgoing(Rc<OwnedWriteHalf>);

impl Socket {
    /// Opens a socket for `user` and waits until the server has accepted its token.
    pub async fn open(target: SocketAddr, source: Option<IpAddr>, app_id: &str, user: &User) -> Result<Self> {
        let mut stream = http::connect(target, source).await?;
        let upgrade = http::request(
            "GET",
            "/",
            &[
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "bG9hZCBnZW5lcmF0b3IgIQ=="),
            ],
            "",
        );
        stream.write_all(&upgrade).await?;
        let mut input = Vec::new();
        let head = loop {
            if let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut input).await? == 0 {
                return Err("the server closed the connection during the upgrade".into());
            }
        };
        if !input.starts_with(b"HTTP/1.1 101") {
            let answer = String::from_utf8_lossy(&input).into_owned();
            return Err(format!("no upgrade: {answer}").into());
        }
        let (read, write) = stream.into_split();
        let mut socket = Self { read, write: Outgoing(Rc::new(write)), partial: input[head..].to_vec() };
        socket.authenticate(app_id, user).await?;
        Ok(socket)
    }

    async fn authenticate(&mut self, app_id: &str, user: &User) -> Result<()> {
        let User { uid, jwt, .. } = user;
        let device = format!("LOAD-{uid}");
        self.write.text(
            &serde_json::json!({
                "appId": app_id, "deviceId": device, "type": "auth", "sender": uid,
                "body": {"auth": jwt, "deviceId": device, "params": {
                    "appInfo": {"version": "4.2.0", "apiVersion": "v3.0", "origin": "", "uts": 0},
                    "userAgent": "load", "deviceId": device, "platform": "javascript"}}
            })
            .to_string(),
        )?;
        let mut answer = None;
        while answer.is_none() {
            self.frames(|frame| {
                let frame = String::from_utf8_lossy(frame);
                if frame.contains(r#""auth""#) {
                    answer = Some(frame.contains(r#""200""#).then_some(()).ok_or(frame.into_owned()));
                }
            })
            .await?;
        }
        match answer {
            Some(Err(frame)) => Err(format!("the socket refused {uid}: {frame}").into()),
            _ => Ok(()),
        }
    }

    pub fn outgoing(&self) -> Outgoing {
        self.write.clone()
    }

    /// Waits for input and calls `each` with every text frame that is complete. An end of the connection is an error.
    pub async fn frames(&mut self, mut each: impl FnMut(&[u8])) -> Result<()> {
        poll_fn(|context| {
            INPUT.with_borrow_mut(|input| {
                let kept = self.partial.len();
                input[..kept].copy_from_slice(&self.partial);
                let mut buffer = ReadBuf::new(input);
                buffer.set_filled(kept);
                ready!(Pin::new(&mut self.read).poll_read(context, &mut buffer))?;
                let filled = buffer.filled().len();
                if filled == kept {
                    return Poll::Ready(Err("the server closed the socket".into()));
                }
                let used = take_frames(&input[..filled], &self.write, &mut each)?;
                self.partial.clear();
                self.partial.extend_from_slice(&input[used..filled]);
                Poll::Ready(Ok(()))
            })
        })
        .await
    }
}

/// Calls `each` with the text frames in `input`; how many bytes were complete frames.
fn take_frames(input: &[u8], write: &Outgoing, each: &mut impl FnMut(&[u8])) -> Result<usize> {
    const FINAL: u8 = 0x80;
    let mut used = 0;
    while let [first, second, rest @ ..] = &input[used..] {
        let (head, length) = match (second & 0x7f, rest) {
            (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize),
            (126 | 127, _) => break,
            (length, _) => (2, usize::from(length)),
        };
        let Some(payload) = input.get(used + head..used + head + length) else {
            break;
        };
        match *first {
            0x81 => each(payload),
            0x88 => {
                let (code, reason) = payload.split_at(payload.len().min(2));
                let code = code.iter().fold(0, |code, byte| code * 256 + u32::from(*byte));
                let reason = String::from_utf8_lossy(reason);
                return Err(format!("the server closed the socket: {code} {reason}").into());
            }
            0x89 => write.frame(FINAL | 0x0a, payload)?,
            0x8a => {}
            other => return Err(format!("a frame beginning with {other:#x}").into()),
        }
        used += head + length;
    }
    Ok(used)
}

impl Outgoing {
    pub fn ping(&self) -> Result<()> {
        self.text(PING)
    }

    fn text(&self, text: &str) -> Result<()> {
        self.frame(0x81, text.as_bytes())
    }

    /// Sends one short frame, masked as clients must. It fits into an empty socket buffer, so there is no waiting.
    fn frame(&self, first: u8, payload: &[u8]) -> Result<()> {
        const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
        let mut frame = Vec::with_capacity(payload.len() + 14);
        frame.push(first);
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(length)?.to_be_bytes());
            }
        }
        frame.extend_from_slice(&MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
        let sent = self.0.try_write(&frame)?;
        if sent < frame.len() {
            return Err("a short frame did not fit into the socket buffer".into());
        }
        Ok(())
    }
}

/// Pings every socket every 15 s, evenly spread. Runs until dropped; a socket that is gone is its reader's matter.
pub async fn keep_alive(sockets: Vec<Outgoing>) {
    const TICKS: usize = 150;
    let mut tick = tokio::time::interval(PING_EVERY / TICKS as u32);
    for turn in (0..TICKS).cycle() {
        tick.tick().await;
        for socket in sockets.iter().skip(turn).step_by(TICKS) {
            let _ = socket.ping();
        }
    }
}

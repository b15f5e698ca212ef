//! A keep-alive HTTP/1.1 client with nothing in it: the request is bytes that are already there, the answer is a status
//! and a body. One connection carries one request at a time, so messages in flight means connections.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::Result;

pub struct Http {
    target: SocketAddr,
    stream: TcpStream,
    input: Vec<u8>,
    /// The server announced that it closes the connection: the next request needs another.
    closing: bool,
}

pub struct Reply<'a> {
    pub status: u16,
    pub body: Cow<'a, [u8]>,
}

impl Reply<'_> {
    /// The body as text, for errors and for searching.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// A TCP connection to `target` without Nagle's delay, from the address `source` when given.
pub async fn connect(target: SocketAddr, source: Option<IpAddr>) -> Result<TcpStream> {
    let stream = match source {
        None => TcpStream::connect(target).await?,
        Some(source) => {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(source, 0))?;
            socket.connect(target).await?
        }
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The bytes of a request.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut out = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n");
    for (name, value) in headers {
        out += &format!("{name}: {value}\r\n");
    }
    if method != "GET" {
        out += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    out += "\r\n";
    out += body;
    out.into_bytes()
}

impl Http {
    pub async fn open(target: SocketAddr) -> Result<Self> {
        Ok(Self { target, stream: connect(target, None).await?, input: Vec::with_capacity(4096), closing: false })
    }

    pub async fn exchange(&mut self, request: &[u8]) -> Result<Reply<'_>> {
        self.input.clear();
        if self.closing {
            self.stream = connect(self.target, None).await?;
        }
        self.stream.write_all(request).await?;
        let head = loop {
            self.more().await?;
            if let Some(head) = Head::parse(&self.input)? {
                break head;
            }
        };
        self.closing = head.closing;
        let body = match head.length {
            Length::Known(length) => {
                self.input.reserve(length);
                while self.input.len() < head.end + length {
                    self.more().await?;
                }
                Cow::Borrowed(&self.input[head.end..head.end + length])
            }
            Length::Chunked => loop {
                if let Some(body) = unchunk(&self.input[head.end..]) {
                    break Cow::Owned(body);
                }
                self.more().await?;
            },
        };
        Ok(Reply { status: head.status, body })
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err("the server closed the HTTP connection".into()),
            _ => Ok(()),
        }
    }
}

struct Head {
    status: u16,
    end: usize,
    length: Length,
    closing: bool,
}

enum Length {
    Known(usize),
    Chunked,
}

impl Head {
    /// `None` while incomplete.
    fn parse(input: &[u8]) -> Result<Option<Self>> {
        let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&input[..end])?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("no HTTP status")?.parse()?;
        let mut length = Length::Known(0);
        let mut closing = false;
        for line in lines {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = Length::Known(value.trim().parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunked;
            } else if name.eq_ignore_ascii_case("connection") {
                closing = value.trim().eq_ignore_ascii_case("close");
            }
        }
        Ok(Some(Self { status, end: end + 4, length, closing }))
    }
}

/// The body of a chunked answer, `None` while incomplete.
fn unchunk(mut input: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = input.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = std::str::from_utf8(&input[..line]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let chunk = input.get(line + 2..line + 2 + size)?;
        input = input.get(line + 2 + size + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
    }
}

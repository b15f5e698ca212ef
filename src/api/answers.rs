//! Large answers on their way out: written piece by piece, within a time, and bounded in what waits for slow readers.
//!
//! The framework would copy a whole answer into the buffer of its connection and keep it there for as long as the client
//! likes. Here it goes out in pieces, is cut off with its connection when its time is over, and counts until then: what
//! waits has a bound in all and for each client; beyond it large answers are refused with 503. Small ones fit into the
//! buffers every connection has anyway, which the framework drops with an idle connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::reply;
use super::room::{Client, Held, Room};
use crate::model::error::{Code, Error, Result};
use crate::network::Network;

/// An answer up to this size is a small one: as much as the framework buffers for a connection.
const SMALL: u64 = 32 * 1024;

/// A file from disk, which has no bound of its own, has a second more for so many bytes.
const FILE_RATE: u64 = 16 * 1024;

/// Large answers of all connections.
pub struct Answers {
    pub waiting: Room,
    time: Duration,
}

impl Answers {
    /// `most`: bytes that may wait in all. `time`: how long a client may read.
    pub fn new(most: usize, time: Duration) -> Self {
        Answers { waiting: Room::new(most), time }
    }

    /// The answer as it goes out, or a refusal in its place.
    pub fn outgoing(&self, request: &HttpRequest, response: HttpResponse, trusted: &[Network]) -> HttpResponse {
        let size = match response.body().size() {
            BodySize::Sized(size) if size > SMALL => size,
            _ => return response,
        };
        let (head, body) = response.into_parts();
        match body.try_into_bytes() {
            Ok(bytes) => match self.waiting.reserve(Client::of(request, trusted), bytes.len()) {
                Some(held) => head
                    .set_body(Whole { bytes, at: 0, _held: held, _cut: Cut::after(request, self.time) })
                    .map_into_boxed_body(),
                None => reply::refusal(&Error::new(
                    Code::Busy,
                    "Too many large answers are waiting to be read; read them, or try again.",
                )),
            },
            Err(body) => {
                let time = self.time + Duration::from_secs(size / FILE_RATE);
                head.set_body(Streamed { body, _cut: Cut::after(request, time) }).map_into_boxed_body()
            }
        }
    }
}

/// An answer that is in memory, in pieces.
struct Whole {
    bytes: Bytes,
    at: usize,
    _held: Held,
    _cut: Option<Cut>,
}

impl MessageBody for Whole {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.at == self.bytes.len() {
            return Poll::Ready(None);
        }
        let end = self.bytes.len().min(self.at + SMALL as usize);
        let piece = self.bytes.slice(self.at..end);
        self.at = end;
        Poll::Ready(Some(Ok(piece)))
    }
}

/// A file that is read while it is sent.
struct Streamed {
    body: BoxBody,
    _cut: Option<Cut>,
}

impl MessageBody for Streamed {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(cx)
    }
}

/// The connection below a request, so that it can be ended while its buffer is full and nobody asks the body.
#[derive(Clone, Copy)]
pub struct Wire {
    #[cfg(unix)]
    descriptor: std::os::fd::RawFd,
}

impl Wire {
    /// To be kept with the connection it is of.
    #[cfg(unix)]
    pub fn of(stream: &impl std::os::fd::AsRawFd) -> Self {
        Wire { descriptor: stream.as_raw_fd() }
    }

    /// A second handle to the connection. To be called by who answers a request of it.
    #[cfg(unix)]
    fn again(&self) -> std::io::Result<std::net::TcpStream> {
        use std::os::fd::BorrowedFd;
        // SAFETY: this value is kept with its connection and found by the connection's own requests; while one of them is
        // being answered, the task that does it owns the stream, so the descriptor is open and is no other's.
        let stream = unsafe { BorrowedFd::borrow_raw(self.descriptor) };
        stream.try_clone_to_owned().map(std::net::TcpStream::from)
    }

    /// Ends the connection in both directions. To be called while its stream is at hand.
    #[cfg(unix)]
    pub fn end(&self) {
        let _ = self.again().and_then(|stream| stream.shutdown(std::net::Shutdown::Both));
    }

    /// Whether the client has closed its direction, or all of it. To be called by who answers a request of it.
    #[cfg(unix)]
    fn has_ended(&self) -> bool {
        match self.again().and_then(|stream| stream.peek(&mut [0])) {
            Ok(bytes) => bytes == 0,
            Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted),
        }
    }

    #[cfg(not(unix))]
    fn has_ended(&self) -> bool {
        false
    }
}

/// How often it is looked whether the other end of a connection still writes, and how many looks in a row must say no: a
/// client that closed only its own direction is still answered, if the answer takes no longer than that.
const LOOK: Duration = Duration::from_millis(250);
const LOOKS: u32 = 4;

/// The answer, unless the client goes before it is there. The framework goes on with a request whose client is gone, so a
/// read that is waited for would hold its reader up to the deadline of reads.
pub async fn while_there<T>(request: &HttpRequest, answer: impl Future<Output = Result<T>>) -> Result<T> {
    let wire = request.conn_data::<Wire>().copied();
    unless_gone(answer, || wire.is_some_and(|wire| wire.has_ended())).await
}

async fn unless_gone<T>(answer: impl Future<Output = Result<T>>, has_ended: impl Fn() -> bool) -> Result<T> {
    let gone = async {
        let mut looks = 0;
        while looks < LOOKS {
            tokio::time::sleep(LOOK).await;
            looks = if has_ended() { looks + 1 } else { 0 };
        }
    };
    tokio::select! {
        biased;
        answer = answer => answer,
        () = gone => Err(Code::ReadTimeout.into()),
    }
}

/// Ends the connection when the time is over, unless it is dropped before: with the body, which has then gone out.
struct Cut(JoinHandle<()>);

impl Cut {
    #[cfg(unix)]
    fn after(request: &HttpRequest, time: Duration) -> Option<Cut> {
        let stream = request.conn_data::<Wire>()?.again().ok()?;
        Some(Cut(actix_web::rt::spawn(async move {
            tokio::time::sleep(time).await;
            log::debug!("a client read too slowly and was cut off");
            let _ = stream.shutdown(std::net::Shutdown::Both);
        })))
    }

    #[cfg(not(unix))]
    fn after(_: &HttpRequest, _: Duration) -> Option<Cut> {
        None
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn an_answer_ends_with_the_client() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let wire = Wire::of(&server);
        assert!(!wire.has_ended());
        // Who has closed one direction only is still answered.
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let quick = unless_gone(async { Ok(7) }, || wire.has_ended()).await;
        assert_eq!(quick.unwrap(), 7);
        let slow = unless_gone(std::future::pending::<Result<()>>(), || wire.has_ended()).await;
        assert_eq!(slow.unwrap_err().code, Code::ReadTimeout);
    }
}

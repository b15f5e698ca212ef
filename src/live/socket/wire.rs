//! The wire of one socket: WebSocket frames over a connection that was HTTP before.
//!
//! Nothing is kept while nothing happens, because thousands of sockets are idle at any time. What comes in is read into one
//! buffer of the thread, and only the beginning of an unfinished frame is kept with the socket; what goes out is put together
//! in another one, all that waits in one write, and only what the client does not take yet is kept.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_codec::{Decoder, Encoder};
use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Item, Message, ProtocolError};
use actix_web::web::{Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::inbound::{FIRST, Walk};

/// Bytes read at once, and put together for one write. A TLS record holds a quarter of it.
const BUFFER: usize = 64 * 1024;

/// A client may take this long to go after the good-bye.
const LINGER: Duration = Duration::from_secs(2);

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into());
    static WRITE: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(BUFFER));
}

/// What a client said, fragments put together.
#[derive(Debug)]
pub enum Heard {
    Text(ByteString),
    Binary,
    Ping(Bytes),
    Pong,
    /// The client says good-bye, with its code if it gives one.
    Close(Option<CloseCode>),
}

/// Why nothing more is heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Silence {
    /// A frame or message claims more than it may.
    TooLarge,
    /// What came is no frame, or none that may come here.
    NoProtocol,
    /// A text is not UTF-8.
    NoText,
    /// The client has gone.
    Gone,
}

/// Frames in and out of a connection.
pub struct Wire<T> {
    io: T,
    codec: Codec,
    walk: Walk,
    /// What came behind the handshake claims more than it may.
    refused: bool,
    /// The beginning of a frame.
    read: BytesMut,
    /// What is still to be written.
    write: BytesMut,
    /// The fragments of a message so far, and whether it is text.
    fragments: Option<(bool, BytesMut)>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    /// `before`: bytes that came behind the handshake. A message may have `most` bytes; less until [`Wire::trust`].
    pub fn new(io: T, before: BytesMut, most: usize) -> Self {
        let mut walk = Walk::new(most.min(FIRST));
        let refused = walk.over(&before).is_err();
        // Copied: the buffer of the request may be large.
        let (read, write) = (BytesMut::from(&before[..]), BytesMut::new());
        Wire { io, codec: Codec::new().max_size(most), walk, refused, read, write, fragments: None }
    }

    /// It is known whose socket it is: messages may have `most` bytes.
    pub fn trust(&mut self, most: usize) {
        self.walk.allow(most);
    }

    /// Waits for the next message. Nothing is lost if the future is dropped.
    pub async fn hear(&mut self) -> Result<Heard, Silence> {
        poll_fn(|cx| self.poll_hear(cx)).await
    }

    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, Silence>> {
        if self.refused {
            return Poll::Ready(Err(Silence::TooLarge));
        }
        loop {
            while !self.read.is_empty() {
                let frame = match self.codec.decode(&mut self.read) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(ProtocolError::Overflow) => return Poll::Ready(Err(Silence::TooLarge)),
                    Err(_) => return Poll::Ready(Err(Silence::NoProtocol)),
                };
                if let Some(heard) = self.whole(frame)? {
                    return Poll::Ready(Ok(heard));
                }
            }
            if self.read.is_empty() {
                self.read = BytesMut::new();
            }
            let Wire { io, walk, read, .. } = self;
            let more = READ.with_borrow_mut(|buffer| {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(io).poll_read(cx, &mut buffer)).map_err(|_| Silence::Gone)?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(Err(Silence::Gone));
                }
                walk.over(buffer.filled()).map_err(|_| Silence::TooLarge)?;
                read.extend_from_slice(buffer.filled());
                Poll::Ready(Ok(()))
            });
            ready!(more)?;
        }
    }

    /// The message this frame makes whole, if it does.
    fn whole(&mut self, frame: Frame) -> Result<Option<Heard>, Silence> {
        let text = |bytes: Bytes| ByteString::try_from(bytes).map(Heard::Text).map_err(|_| Silence::NoText);
        Ok(Some(match frame {
            Frame::Text(bytes) => text(bytes)?,
            Frame::Binary(_) => Heard::Binary,
            Frame::Ping(bytes) => Heard::Ping(bytes),
            Frame::Pong(_) => Heard::Pong,
            Frame::Close(reason) => Heard::Close(reason.map(|reason| reason.code)),
            Frame::Continuation(Item::FirstText(bytes)) => return Ok(self.begin(true, &bytes)),
            Frame::Continuation(Item::FirstBinary(bytes)) => return Ok(self.begin(false, &bytes)),
            Frame::Continuation(Item::Continue(bytes)) => {
                self.go_on(&bytes)?;
                return Ok(None);
            }
            Frame::Continuation(Item::Last(bytes)) => {
                self.go_on(&bytes)?;
                match self.fragments.take() {
                    Some((true, all)) => text(all.freeze())?,
                    _ => Heard::Binary,
                }
            }
        }))
    }

    fn begin(&mut self, is_text: bool, bytes: &[u8]) -> Option<Heard> {
        self.fragments = Some((is_text, BytesMut::from(bytes)));
        None
    }

    fn go_on(&mut self, bytes: &[u8]) -> Result<(), Silence> {
        let (_, all) = self.fragments.as_mut().ok_or(Silence::NoProtocol)?;
        if all.len() + bytes.len() > self.walk.most() {
            return Err(Silence::TooLarge);
        }
        all.extend_from_slice(bytes);
        Ok(())
    }

    /// Puts the frames that `next` gives into one write, until it gives none or they fill the buffer, and begins it.
    /// Whether all was taken: if not, [`Wire::flush`] goes on.
    pub async fn gather(&mut self, mut next: impl FnMut() -> Option<ByteString>) -> io::Result<bool> {
        poll_fn(|cx| Poll::Ready(self.begin_write(cx, &mut next))).await
    }

    fn begin_write(&mut self, cx: &mut Context<'_>, next: &mut dyn FnMut() -> Option<ByteString>) -> io::Result<bool> {
        WRITE.with_borrow_mut(|buffer| {
            buffer.clear();
            while buffer.len() < BUFFER
                && let Some(text) = next()
            {
                self.codec.encode(Message::Text(text), buffer).map_err(io::Error::other)?;
            }
            // Behind what is still to be written, if anything is.
            let mut taken = 0;
            while self.write.is_empty() && taken < buffer.len() {
                match Pin::new(&mut self.io).poll_write(cx, &buffer[taken..])? {
                    Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(count) => taken += count,
                    Poll::Pending => break,
                }
            }
            self.write.extend_from_slice(&buffer[taken..]);
            if buffer.capacity() > 2 * BUFFER {
                // A large message is no reason to keep so much for ever.
                *buffer = BytesMut::with_capacity(BUFFER);
            }
            Ok::<_, io::Error>(())
        })?;
        Ok(self.poll_flush(cx)?.is_ready())
    }

    /// Waits until all that is to be written has been taken.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.write.is_empty() {
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.write))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => drop(self.write.split_to(count)),
            }
        }
        self.write = BytesMut::new();
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Writes a frame.
    pub async fn say(&mut self, message: Message) -> io::Result<()> {
        self.codec.encode(message, &mut self.write).map_err(io::Error::other)?;
        self.flush().await
    }

    /// Says good-bye, and parts.
    pub async fn close(mut self, reason: Option<CloseReason>) -> io::Result<()> {
        self.say(Message::Close(reason)).await?;
        part(&mut self.io, LINGER).await
    }
}

/// Says nothing more and waits up to a time for the client to go, too; what still comes is thrown away. Closing while
/// something unread waits would make the system tell the client of a broken connection, and it might never read why.
pub async fn part<T: AsyncRead + AsyncWrite + Unpin>(io: &mut T, time: Duration) -> io::Result<()> {
    let gone = async {
        poll_fn(|cx| Pin::new(&mut *io).poll_shutdown(cx)).await?;
        poll_fn(|cx| {
            READ.with_borrow_mut(|buffer| {
                loop {
                    let mut unread = ReadBuf::new(buffer);
                    ready!(Pin::new(&mut *io).poll_read(cx, &mut unread))?;
                    if unread.filled().is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                }
            })
        })
        .await
    };
    timeout(time, gone).await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const MOST: usize = 32 * 1024;

    fn pair(size: usize) -> (Wire<DuplexStream>, DuplexStream) {
        let (ours, client) = duplex(size);
        let wire = Wire::new(ours, BytesMut::new(), MOST);
        (wire, client)
    }

    /// A frame as a client writes it.
    fn masked(first: u8, content: &[u8]) -> Vec<u8> {
        let mask = [7, 1, 9, 4];
        let mut bytes = vec![first];
        match content.len() {
            short @ 0..126 => bytes.push(0x80 | short as u8),
            long => {
                bytes.push(0x80 | 126);
                bytes.extend((long as u16).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(content.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn text(heard: Result<Heard, Silence>) -> String {
        match heard {
            Ok(Heard::Text(text)) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn an_idle_wire_keeps_nothing() {
        let (mut wire, mut client) = pair(MOST);
        let frame = masked(0x81, &[b'x'; 5000]);
        client.write_all(&frame[..3000]).await.unwrap();
        assert!(futures_util::poll!(std::pin::pin!(wire.hear())).is_pending());
        assert!(wire.read.len() == 3000, "the beginning waits for the rest");
        client.write_all(&frame[3000..]).await.unwrap();
        assert_eq!(text(wire.hear().await).len(), 5000);
        assert!(futures_util::poll!(std::pin::pin!(wire.hear())).is_pending());
        wire.say(Message::Text("y".into())).await.unwrap();
        assert_eq!((wire.read.capacity(), wire.write.capacity()), (0, 0));
    }

    #[tokio::test]
    async fn what_came_behind_the_handshake_is_heard_first() {
        let (ours, mut client) = duplex(MOST);
        let before = [masked(0x81, b"one"), masked(0x81, b"two")].concat();
        let mut wire = Wire::new(ours, BytesMut::from(&before[..8]), MOST);
        client.write_all(&before[8..]).await.unwrap();
        assert_eq!([text(wire.hear().await), text(wire.hear().await)], ["one", "two"]);
        let claim = BytesMut::from(&[0x81, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4][..]);
        assert_eq!(Wire::new(duplex(1).0, claim, MOST).hear().await.unwrap_err(), Silence::TooLarge);
    }

    #[tokio::test]
    async fn fragments_make_one_message_whatever_comes_between() {
        let (mut wire, mut client) = pair(MOST);
        let frames = [masked(0x01, "gr\u{fc}".as_bytes()), masked(0x89, b"?"), masked(0, "\u{df}".as_bytes())];
        client.write_all(&frames.concat()).await.unwrap();
        client.write_all(&masked(0x80, b"e")).await.unwrap();
        assert!(matches!(wire.hear().await, Ok(Heard::Ping(bytes)) if bytes == "?"));
        assert_eq!(text(wire.hear().await), "gr\u{fc}\u{df}e");
        client.write_all(&masked(0x02, b"1")).await.unwrap();
        client.write_all(&masked(0x80, b"2")).await.unwrap();
        assert!(matches!(wire.hear().await, Ok(Heard::Binary)));
        // Before it is known whose socket it is, no message of fragments is longer than another.
        client.write_all(&masked(0x01, &[b'x'; 10_000])).await.unwrap();
        client.write_all(&masked(0x80, &[b'x'; 10_000])).await.unwrap();
        assert_eq!(wire.hear().await.unwrap_err(), Silence::TooLarge);
    }

    #[tokio::test]
    async fn what_is_no_protocol_is_told_from_a_client_that_has_gone() {
        let heard = async |bytes: &[u8]| {
            let (mut wire, mut client) = pair(MOST);
            client.write_all(bytes).await.unwrap();
            drop(client);
            wire.hear().await
        };
        let one_byte_of_a_code = masked(0x88, &[3]);
        let no_code = masked(0x88, &1005u16.to_be_bytes());
        let frames = [masked(0x80, b"no beginning"), masked(0x83, b"reserved"), masked(0xC1, b"{}"), masked(0x09, b"")];
        for bytes in frames.iter().chain([&one_byte_of_a_code, &no_code, &b"\x81\x02no".to_vec()]) {
            assert_eq!(heard(bytes).await.unwrap_err(), Silence::NoProtocol, "{bytes:?}");
        }
        assert_eq!(heard(&masked(0x81, &[0xFF, 0xFE])).await.unwrap_err(), Silence::NoText);
        assert_eq!(heard(&masked(0x81, b"half")[..5]).await.unwrap_err(), Silence::Gone);
        assert!(matches!(heard(&masked(0x88, b"")).await, Ok(Heard::Close(None))));
        let good_bye = [&4321u16.to_be_bytes()[..], b"bye"].concat();
        assert!(matches!(heard(&masked(0x88, &good_bye)).await, Ok(Heard::Close(Some(CloseCode::Other(4321))))));
    }

    #[tokio::test]
    async fn all_that_waits_is_one_write_and_a_slow_reader_gets_it_in_order() {
        let frames: Vec<String> = (0..200).map(|number| format!("{number:04}{}", "x".repeat(number))).collect();
        let (mut wire, mut client) = pair(1000);
        let mut left = frames.iter();
        let all = wire.gather(|| left.next().map(|text| text.as_str().into())).await.unwrap();
        assert!(!all && left.next().is_none(), "taken from the queue, though the client is slow");
        let reading = tokio::spawn(async move {
            let mut bytes = Vec::new();
            client.read_to_end(&mut bytes).await.unwrap();
            bytes
        });
        wire.flush().await.unwrap();
        drop(wire);
        let (mut codec, mut bytes) = (Codec::new().client_mode(), BytesMut::from(&reading.await.unwrap()[..]));
        for expected in frames {
            let frame = codec.decode(&mut bytes).unwrap();
            assert!(matches!(frame, Some(Frame::Text(text)) if text == expected));
        }
        assert!(bytes.is_empty());
    }

    #[tokio::test]
    async fn a_good_bye_is_heard_although_something_unread_waits() {
        let (wire, mut client) = pair(MOST);
        client.write_all(&masked(0x81, b"unread")).await.unwrap();
        let closing = tokio::spawn(wire.close(None));
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, [0x88, 0]);
        assert!(!closing.is_finished(), "until the client goes, too");
        drop(client);
        closing.await.unwrap().unwrap();
    }
}

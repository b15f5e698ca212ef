//! Multipart bodies, part by part, within bounds: bytes in all (whatever they are: contents, names, headers, what stands
//! between parts), number of parts, time without anything new.
//!
//! The bytes are counted below the parser, as they come from the connection, so there is nothing in a body that is not.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde_json::json;
use tokio::time::timeout;

use crate::model::error::{Code, Error, Result};
use crate::model::ids::shown;

/// A body that brings nothing for this long is given up.
const STALL: Duration = Duration::from_secs(30);

/// Room for boundaries, headers and fields beside the files.
pub const FRAMING: u64 = 64 * 1024;

/// Bytes the body may still bring.
struct Room {
    left: Cell<u64>,
    most: Cell<u64>,
    over: Cell<bool>,
}

/// Passes the body on until there is no room for more.
struct Metered {
    payload: Payload,
    room: Rc<Room>,
}

impl Stream for Metered {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(self.payload.poll_next_unpin(cx));
        if let Some(Ok(bytes)) = &chunk {
            match self.room.left.get().checked_sub(bytes.len() as u64) {
                Some(left) => self.room.left.set(left),
                None => {
                    self.room.over.set(true);
                    return Poll::Ready(Some(Err(PayloadError::Overflow)));
                }
            }
        }
        Poll::Ready(chunk)
    }
}

/// The parts of a body.
pub struct Parts {
    parts: Multipart,
    room: Rc<Room>,
    left: usize,
    most: usize,
}

impl Parts {
    /// At most `bytes` with everything, in at most `most` parts.
    pub fn new(headers: &HeaderMap, payload: Payload, bytes: u64, most: usize) -> Self {
        let room = Rc::new(Room { left: Cell::new(bytes), most: Cell::new(bytes), over: Cell::new(false) });
        let parts = Multipart::new(headers, Metered { payload, room: room.clone() });
        Parts { parts, room, left: most, most }
    }

    /// Lets the body bring `bytes` more.
    pub fn allow(&self, bytes: u64) {
        self.room.left.set(self.room.left.get().saturating_add(bytes));
        self.room.most.set(self.room.most.get().saturating_add(bytes));
    }

    /// The next part; `None`: that was all.
    pub async fn next(&mut self) -> Result<Option<Field>> {
        let part = awaited(&self.room, &mut self.parts).await?;
        if part.is_some() {
            self.left = self.left.checked_sub(1).ok_or_else(|| {
                let most = self.most;
                let sentence = format!("The number of parts has reached the allowed limit of {most}.");
                Error::field("parts", sentence).with_params(json!({ "limit": most }))
            })?;
        }
        Ok(part)
    }

    /// The next piece of a part.
    pub async fn chunk(&self, part: &mut Field) -> Result<Option<Bytes>> {
        awaited(&self.room, part).await
    }

    /// A part as text of at most `most` bytes.
    pub async fn text(&self, part: &mut Field, most: usize) -> Result<String> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(part).await? {
            if bytes.len() + chunk.len() > most {
                return Err(Error::new(Code::TooLarge, format!("A field may not be larger than {most} bytes.")));
            }
            bytes.extend_from_slice(&chunk);
        }
        let name = part.name().unwrap_or_default().to_owned();
        String::from_utf8(bytes)
            .map_err(|_| Error::new(Code::BadRequest, format!("What {} holds is not UTF-8.", shown(&name))))
    }
}

async fn awaited<T>(
    room: &Room,
    stream: &mut (impl Stream<Item = Result<T, MultipartError>> + Unpin),
) -> Result<Option<T>> {
    match timeout(STALL, stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(item))) => Ok(Some(item)),
        Ok(Some(Err(_))) if room.over.get() => Err(too_large(room.most.get())),
        Ok(Some(Err(_))) => Err(broken()),
        Err(_) => Err(Error::new(Code::BadRequest, "The upload did not go on.")),
    }
}

pub fn too_large(most: u64) -> Error {
    Error::new(Code::TooLarge, format!("The upload may not be larger than {most} bytes."))
        .with_params(json!({ "limit": most }))
}

pub fn broken() -> Error {
    Error::new(Code::BadRequest, "The upload is not valid multipart/form-data.")
}

/// What the sender calls the file in this part; `None`: it is a plain field.
pub fn title_of(part: &Field) -> Option<String> {
    let disposition = part.content_disposition()?;
    let extended = disposition.get_filename_ext().map(|name| String::from_utf8_lossy(&name.value).into_owned());
    // Browsers escape quotes and line ends in names, and nothing else.
    let plain =
        || disposition.get_filename().map(|name| name.replace("%22", "\"").replace("%0D", "").replace("%0A", ""));
    extended.or_else(plain)
}

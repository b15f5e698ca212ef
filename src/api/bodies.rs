//! Bodies on their way in: bounded each, in time, and in what all of them hold together.
//!
//! A body is read before it is known who sends it, since most requests bring it with their head. So what is large has
//! room reserved in the sender's share while it comes, or a handful of connections that send nothing but the beginning
//! of bodies would fill the memory.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

use super::Api;
use super::room::{Client, Room};
use crate::model::error::{Code, Error, Result};

/// A body must be there within this time.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// A body up to this size is a small one, which needs no room of its own: a buffer that every connection may have.
const SMALL_BODY: usize = 16 * 1024;

/// Whether the request says that its body is compressed. Bodies are read as they come, so that a few bytes of one never
/// become many; those who say `utf-8` there mean something else and are read.
pub fn is_compressed(request: &HttpRequest) -> bool {
    let said = request.headers().get_all(header::CONTENT_ENCODING).filter_map(|how| how.to_str().ok());
    said.flat_map(|how| how.split(',')).any(|how| {
        let how = how.trim().to_ascii_lowercase();
        matches!(how.as_str(), "gzip" | "x-gzip" | "deflate" | "br" | "zstd" | "compress" | "x-compress")
    })
}

/// Reads the body, if it is within `most` bytes.
pub async fn read(api: &Api, request: &HttpRequest, payload: Payload, most: usize) -> Result<Bytes> {
    let too_large = || Error::new(Code::TooLarge, format!("The body may not be larger than {most} bytes."));
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    // Nobody knows yet who it is, and it may come as slowly as it likes.
    let client = || Client::at(request, &api.trusted);
    let reading = async { collect(&api.bodies, client, payload, announced, most).await?.ok_or_else(too_large) };
    match tokio::time::timeout(BODY_TIME, reading).await {
        Ok(read) => read,
        Err(_) => Err(Error::new(Code::BadRequest, "The body did not arrive in time.")),
    }
}

fn unreadable() -> Error {
    Error::new(Code::BadRequest, "The body could not be read.")
}

/// The pieces in one, `None` if that is too large. What is more than small has room reserved while it comes.
async fn collect(
    room: &Room,
    client: impl Fn() -> Client,
    mut payload: Payload,
    announced: Option<usize>,
    most: usize,
) -> Result<Option<Bytes>> {
    // A small one usually comes in one piece, and with its length before it.
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(SMALL_BODY));
    let mut held = None;
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| unreadable())?;
        let size = body.len() + piece.len();
        if size > most {
            return Ok(None);
        }
        if size > SMALL_BODY && held.is_none() {
            let full =
                || Error::new(Code::Busy, "Too many large bodies are on their way; let them arrive, or try again.");
            held = Some(room.reserve(client(), announced.unwrap_or(most)).ok_or_else(full)?);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body.freeze()))
}

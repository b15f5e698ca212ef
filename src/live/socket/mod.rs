//! One socket: frames in, frames out, and the ways it ends.
//!
//! A single task per connection reads and writes in turn, so a client that does not read is not read from either, and
//! its queue in the hub fills up to its bound. `inbound`, `pace` and `patience` bound what it makes the server hold and
//! do, and how long the server waits for it.

mod inbound;
mod pace;
mod patience;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, rt};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use bytestring::ByteString;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::command::{Command, Context, obey};
use super::conn::{Close, Conn, Next};
use super::frame::{self, Encoded};
use super::meters::Tally;
use crate::actions::sockets::{Identity, attach};
use crate::model::attachment::show_urls;
use inbound::Bound;
use pace::Pace;
use patience::Patience;

/// A frame must leave for the wire within this time.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// Upgrades the request and serves the socket until it ends. `base`: where the client reached this server.
pub async fn accept(
    request: &HttpRequest,
    payload: Payload,
    context: Rc<Context>,
    base: String,
) -> actix_web::Result<HttpResponse> {
    let most = context.limits.frame;
    let bound = Bound::new(most.min(inbound::FIRST).into());
    let payload = inbound::bounded(request, payload, bound.clone()).await?;
    let (response, session, stream) = actix_ws::handle(request, payload)?;
    let stream = stream.max_frame_size(most).aggregate_continuations().max_continuation_size(most);
    rt::spawn(async move {
        let conn = context.hub.open();
        let identity = None;
        let mut socket = Socket { conn: conn.clone(), session, context: context.clone(), base, bound, identity };
        let why = socket.run(stream).await;
        context.hub.meters().closed(why);
        // First out of the index, then the good-bye: nothing more is queued for it.
        context.hub.gone(&conn);
        let reason = why.map(|why| {
            let (code, text) = why.code();
            CloseReason { code: CloseCode::from(code), description: Some(text.to_owned()) }
        });
        let _ = timeout(WRITE_TIME, socket.session.close(reason)).await;
    });
    Ok(response)
}

/// Returns when the connection may have something to send.
async fn woken(conn: &Conn, held: Option<Instant>) {
    match held {
        Some(due) => _ = timeout_at(due, conn.ready()).await,
        None => conn.ready().await,
    }
}

struct Socket {
    conn: Arc<Conn>,
    /// Where the client reached this server: URLs of files in frames begin so.
    base: String,
    session: Session,
    context: Rc<Context>,
    bound: Bound,
    /// Who it is, and the client session named in the auth frame.
    identity: Option<(Identity, Arc<str>)>,
}

impl Socket {
    /// `Some`: the server ends it, for this reason.
    async fn run(&mut self, mut stream: AggregatedMessageStream) -> Option<Close> {
        let (mut patience, mut pace) = {
            let now = Instant::now();
            (Patience::new(now), Pace::new(self.context.limits.frames, now))
        };
        let due = sleep_until(patience.due());
        tokio::pin!(due);
        // Until when what waits is held.
        let mut held = None;
        loop {
            tokio::select! {
                biased;
                () = woken(&self.conn, held) => {
                    held = None;
                    let context = self.context.clone();
                    let mut written = Tally::new(&context.hub.meters().frames);
                    loop {
                        match self.conn.next(|| Instant::now().into_std()) {
                            Next::Send(frame) => match timeout(WRITE_TIME, self.session.text(self.shown(frame))).await {
                                Ok(Ok(())) => written.one(),
                                Ok(Err(_)) => return None,
                                Err(_) => return Some(Close::TooSlow),
                            },
                            Next::Close(why) => return Some(why),
                            Next::Hold(due) => {
                                held = Some(due.into());
                                break;
                            }
                            Next::Wait => break,
                        }
                    }
                }
                message = stream.next() => match message {
                    Some(Ok(message)) => {
                        if !pace.spend(Instant::now()) {
                            return Some(Close::TooMany);
                        }
                        if let Err(why) = self.hear(message).await {
                            return why;
                        }
                        if !patience.heard(self.identity.is_some(), Instant::now()) {
                            return Some(Close::Silent);
                        }
                        due.as_mut().reset(patience.due());
                    }
                    Some(Err(error)) if inbound::is_too_large(&error) => return Some(Close::TooLarge),
                    Some(Err(_)) | None => return None,
                },
                () = &mut due => {
                    if !patience.elapsed(Instant::now()) {
                        return Some(Close::Silent);
                    }
                    due.as_mut().reset(patience.due());
                }
            }
        }
    }

    /// All who hear of an event share one frame, but a file has a URL for each way to this server.
    fn shown(&self, Encoded { text, has_urls }: Encoded) -> ByteString {
        match has_urls {
            true => show_urls(&text, || self.base.clone()).into_owned().into(),
            false => text,
        }
    }

    /// `Err`: the socket ends.
    async fn hear(&mut self, message: AggregatedMessage) -> Result<(), Option<Close>> {
        match message {
            AggregatedMessage::Text(text) => {
                let command = Command::parse(&text, &self.context.limits).ok_or(Some(Close::Malformed))?;
                match &self.identity {
                    None => self.authenticate(&command).await,
                    Some((identity, device)) => match obey(&self.context, identity, device, command).await {
                        Some(answer) => self.say(answer).await,
                        None => Ok(()),
                    },
                }
            }
            AggregatedMessage::Ping(bytes) => self.session.pong(&bytes).await.map_err(|_| None),
            AggregatedMessage::Pong(_) => Ok(()),
            AggregatedMessage::Binary(_) => Err(Some(Close::Binary)),
            AggregatedMessage::Close(_) => Err(None),
        }
    }

    async fn authenticate(&mut self, command: &Command<'_>) -> Result<(), Option<Close>> {
        if command.is_ping() {
            return self.say(frame::PONG).await;
        }
        let Some(ask) = command.auth() else { return Err(Some(Close::Unauthorized)) };
        let device: Arc<str> = ask.device.as_str().into();
        let _ = self.conn.subscription.set(ask.subscription);
        let _ = self.conn.device.set(device.clone());
        let (conn, app_id, jwt) = (self.conn.id, ask.app_id.clone(), ask.jwt);
        let attached = self.context.store.write("socket.attach", move |tx| attach(tx, conn, &app_id, &jwt)).await;
        match attached {
            Ok(identity) => {
                let answer = frame::auth(&identity.app.app_id, &identity.uid, &ask.device, true);
                self.identity = Some((identity, device));
                self.bound.set(self.context.limits.frame);
                self.say(answer).await
            }
            // A fault of ours says nothing about the client: "not authorised" would log it out.
            Err(error) if error.code.is_fault() => Err(Some(Close::TryLater)),
            Err(_) => {
                self.context.hub.meters().unauthorized.one();
                self.say(frame::auth(&ask.app_id, "", &ask.device, false)).await?;
                Err(Some(Close::Unauthorized))
            }
        }
    }

    async fn say(&mut self, frame: ByteString) -> Result<(), Option<Close>> {
        match timeout(WRITE_TIME, self.session.text(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(Close::TooSlow)),
        }
    }
}

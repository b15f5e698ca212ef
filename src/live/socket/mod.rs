//! One socket: frames in, frames out, and the ways it ends.
//!
//! The connection's task reads and writes in turn, so a client that does not read is not read from either, and
//! its queue in the hub fills up to its bound. `inbound`, `pace` and `patience` bound what it makes the server hold and
//! do, and how long the server waits for it.

mod inbound;
mod pace;
mod patience;
mod wire;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, HandshakeError, Message, handshake};
use actix_web::http::Version;
use actix_web::web::BytesMut;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use bytestring::ByteString;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::command::{Command, Context, obey};
use super::conn::{Close, Conn, Next};
use super::frame::{self, Encoded};
use super::meters::Tally;
use super::watched;
use crate::actions::sockets::{Identity, attach};
use crate::model::attachment::show_urls;
use crate::model::event::Client;
use crate::watch::tail::Kind;
use pace::Pace;
use patience::Patience;
pub use wire::part;
use wire::{Heard, Silence, Wire};

/// A frame must leave for the wire within this time.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// What a request carries whose connection is to be had: nothing of HTTP goes on beside its answer.
pub struct Alone;

/// A handshake that was answered: what its connection becomes.
pub struct Accepted {
    context: Rc<Context>,
    base: String,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is for another version of the protocol than [`VERSION`], or for none.
    Version,
    /// It is no proper one, or its connection is not to be had.
    Improper,
}

/// The version of the protocol (RFC 6455, section 4.1).
pub const VERSION: &str = "13";

/// Answers a handshake, with an [`Accepted`] among the answer's extensions for who has the connection. `base`: where the
/// client reached this server.
pub fn accept(request: &HttpRequest, context: Rc<Context>, base: String) -> Result<HttpResponse, Refused> {
    // A handshake with a body stays in its HTTP connection. Were it accepted, a proxy would pass on whatever follows as a
    // socket's, and here it would be read as further requests, past all that the proxy forbids. HTTP/1.0 has no upgrades.
    if request.extensions().get::<Alone>().is_none() || request.version() < Version::HTTP_11 {
        return Err(Refused::Improper);
    }
    let mut answer = handshake(request.head()).map_err(|why| match why {
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => Refused::Version,
        _ => Refused::Improper,
    })?;
    let mut answer = HttpResponse::from(answer.finish().map_into_boxed_body());
    answer.extensions_mut().insert(Accepted { context, base });
    Ok(answer)
}

/// Why a socket ends.
enum End {
    /// The server ends it.
    Ours(Close),
    /// The client said good-bye, with its code if it gave one.
    Theirs(Option<CloseCode>),
    /// The connection is gone.
    Lost,
}

impl End {
    /// What the client is told: the server's reason, or its own code again, as the protocol has it.
    fn reason(&self) -> Option<CloseReason> {
        match self {
            End::Ours(why) => {
                let (code, text) = why.code();
                Some(CloseReason { code: CloseCode::from(code), description: Some(text.to_owned()) })
            }
            End::Theirs(code) => code.map(CloseReason::from),
            End::Lost => None,
        }
    }
}

impl From<Close> for End {
    fn from(why: Close) -> Self {
        End::Ours(why)
    }
}

impl From<Silence> for End {
    fn from(why: Silence) -> Self {
        match why {
            Silence::TooLarge => Close::TooLarge.into(),
            Silence::NoProtocol => Close::Protocol.into(),
            Silence::NoText => Close::Malformed.into(),
            Silence::Gone => End::Lost,
        }
    }
}

/// Serves a socket until it ends. `before`: what the client wrote behind its handshake.
pub async fn serve<T: AsyncRead + AsyncWrite + Unpin>(Accepted { context, base }: Accepted, io: T, before: BytesMut) {
    let conn = context.hub.open();
    let wire = Wire::new(io, before, context.limits.frame);
    let mut socket = Socket { conn: conn.clone(), wire, context: context.clone(), base, identity: None };
    let end = socket.run().await;
    context.hub.meters().closed(match end {
        End::Ours(why) => Some(why),
        End::Theirs(_) | End::Lost => None,
    });
    // First out of the index, then the good-bye: nothing more is queued for it.
    context.hub.gone(&conn);
    if conn.is_cut() {
        return;
    }
    let _ = timeout(WRITE_TIME, socket.wire.close(end.reason())).await;
}

/// Returns when the connection may have something to send.
async fn woken(conn: &Conn, held: Option<Instant>) {
    match held {
        Some(due) => _ = timeout_at(due, conn.ready()).await,
        None => conn.ready().await,
    }
}

struct Socket<T> {
    conn: Arc<Conn>,
    /// Where the client reached this server: URLs of files in frames begin so.
    base: String,
    wire: Wire<T>,
    context: Rc<Context>,
    /// Who it is, and the client session named in the auth frame.
    identity: Option<(Identity, Arc<str>)>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    async fn run(&mut self) -> End {
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
                    match self.tell().await {
                        Ok(until) => held = until,
                        Err(end) => return end,
                    }
                }
                heard = self.wire.hear() => match heard {
                    Ok(heard) => {
                        if !pace.spend(Instant::now()) {
                            return Close::TooMany.into();
                        }
                        // Boxed, because an idle socket would keep room for it.
                        if let Err(end) = Box::pin(self.hear(heard)).await {
                            return end;
                        }
                        if !patience.heard(self.identity.is_some(), Instant::now()) {
                            return Close::Silent.into();
                        }
                        due.as_mut().reset(patience.due());
                    }
                    Err(why) => return why.into(),
                },
                () = &mut due => {
                    if !patience.elapsed(Instant::now()) {
                        return Close::Silent.into();
                    }
                    due.as_mut().reset(patience.due());
                }
            }
        }
    }

    /// Writes what waits. `Ok`: until when the rest is held, if it is; `Err`: the socket ends.
    async fn tell(&mut self) -> Result<Option<Instant>, End> {
        loop {
            let mut then = None;
            let Socket { conn, wire, base, context, identity } = self;
            let mut written = Tally::new(&context.hub.meters().frames);
            let next = || match conn.next(|| Instant::now().into_std()) {
                Next::Send(frame) => {
                    written.one();
                    let text = shown(frame, base);
                    context.store.tail().tell(|| watched::frame(Kind::FrameOut, conn, known(identity), &text));
                    Some(text)
                }
                other => {
                    then = Some(other);
                    None
                }
            };
            if !wire.gather(next).await.map_err(|_| End::Lost)? {
                in_time(wire.flush()).await?;
            }
            match then {
                // The buffer is full.
                None | Some(Next::Send(_)) => {}
                Some(Next::Close(why)) => return Err(why.into()),
                Some(Next::Hold(due)) => return Ok(Some(due.into())),
                Some(Next::Wait) => return Ok(None),
            }
        }
    }

    /// `Err`: the socket ends.
    async fn hear(&mut self, heard: Heard) -> Result<(), End> {
        match heard {
            Heard::Text(text) => {
                self.context
                    .store
                    .tail()
                    .tell(|| watched::frame(Kind::FrameIn, &self.conn, known(&self.identity), &text));
                let command = Command::parse(&text, &self.context.limits).ok_or(Close::Malformed)?;
                match &self.identity {
                    None => self.authenticate(&command).await,
                    Some((identity, device)) => match obey(&self.context, identity, device, command).await {
                        Some(answer) => self.say(answer).await,
                        None => Ok(()),
                    },
                }
            }
            Heard::Ping(bytes) => in_time(self.wire.say(Message::Pong(bytes))).await,
            Heard::Pong => Ok(()),
            Heard::Binary => Err(Close::Binary.into()),
            Heard::Close(code) => Err(End::Theirs(code)),
        }
    }

    async fn authenticate(&mut self, command: &Command<'_>) -> Result<(), End> {
        if command.is_ping() {
            return self.say(frame::PONG).await;
        }
        let Some(ask) = command.auth() else { return Err(Close::Unauthorized.into()) };
        let device: Arc<str> = ask.device.as_str().into();
        let _ = self.conn.subscription.set(ask.subscription);
        let _ = self.conn.device.set(device.clone());
        let connected_at = self.context.store.clock().now_ms();
        let _ = self.conn.client.set(Box::new(Client { connected_at, ..ask.client }));
        let (conn, app_id, jwt) = (self.conn.id, ask.app_id.clone(), ask.jwt);
        let attached = self.context.store.write("socket.attach", move |tx| attach(tx, conn, &app_id, &jwt)).await;
        match attached {
            Ok(identity) => {
                let answer = frame::auth(&identity.app.app_id, &identity.uid, &ask.device, true);
                self.identity = Some((identity, device));
                self.wire.trust(self.context.limits.frame);
                // Whoever knows that this one was let in finds them online.
                self.context.hub.told().await;
                self.say(answer).await
            }
            // A fault of ours says nothing about the client: "not authorised" would log it out.
            Err(error) if error.code.is_fault() => Err(Close::TryLater.into()),
            Err(_) => {
                self.context.hub.meters().unauthorized.one();
                self.say(frame::auth(&ask.app_id, "", &ask.device, false)).await?;
                Err(Close::Unauthorized.into())
            }
        }
    }

    async fn say(&mut self, frame: ByteString) -> Result<(), End> {
        self.context.store.tail().tell(|| watched::frame(Kind::FrameOut, &self.conn, known(&self.identity), &frame));
        in_time(self.wire.say(Message::Text(frame))).await
    }
}

/// Whose socket it is: the app's id, the uid and the session.
fn known(identity: &Option<(Identity, Arc<str>)>) -> Option<(&Arc<str>, &Arc<str>, &Arc<str>)> {
    identity.as_ref().map(|(identity, device)| (&identity.app.app_id, &identity.uid, device))
}

/// `Err`: the socket ends, because the client has gone or takes too long.
async fn in_time(write: impl Future<Output = io::Result<()>>) -> Result<(), End> {
    match timeout(WRITE_TIME, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Lost),
        Err(_) => Err(Close::TooSlow.into()),
    }
}

/// All who hear of an event share one frame, but a file has a URL for each way to this server.
fn shown(Encoded { text, has_urls }: Encoded, base: &str) -> ByteString {
    match has_urls {
        true => show_urls(&text, || base.to_owned()).into_owned().into(),
        false => text,
    }
}

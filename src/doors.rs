//! The doors: listeners, and what comes in by them. HTTP goes to `api::dispatch`; a connection that becomes a socket is
//! taken out of HTTP and given to `live::socket`.
//!
//! This is what actix-web's own `HttpServer` does, put together from the same parts, because that one leaves a socket inside
//! its HTTP connection, with the buffers of a request and a response, for as long as it is open.

mod paced;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_codec::{AsyncRead, AsyncWrite, Framed, FramedParts};
use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::h1::{self, ExpectHandler, UpgradeHandler};
use actix_http::{HttpService, HttpServiceBuilder, Protocol, Request, Response};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_factory, fn_service,
    map_config,
};
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream, reexports::ServerConfig};
use actix_tls::accept::{TlsError, max_concurrent_tls_connect};
use actix_web::dev::{self, AppConfig, Extensions, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Bytes, Data, ThinData};
use actix_web::{App, Error, HttpMessage};
use futures_util::future::{Either, ready};
use futures_util::{FutureExt, SinkExt, Stream};
use tokio::time::timeout;

use crate::api::answers::Wire;
use crate::api::gate::Untold;
use crate::api::peer::{Certified, Door};
use crate::api::{self, Api};
use crate::live::command;
use crate::live::socket::{self, Accepted, Alone};
use crate::seats::Seats;
use crate::tls::Certificates;
use paced::{Asked, Course, Paced};

/// A connection on which nothing is asked is kept for this long. Longer than proxies keep theirs (60 seconds is usual),
/// so that none of them sends a request down a connection that ends at that moment; and longer than a short sleep of the
/// machine, after which a request that waited would find its connection closed instead of an answer.
const KEEP_ALIVE: Duration = Duration::from_secs(90);
/// The head of a request must be there within this time. Under load it counts from the moment the
/// system accepts, not from when there is time to read: with a short one, upgrades that waited their turn are told 408.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// A TLS handshake likewise. Shorter, because nothing but the handshake is waited for.
const TLS_TIME: Duration = Duration::from_secs(10);

/// A request refused before its body was read: what still comes is read and thrown away for so long. To close at once
/// would be quicker than the answer, and who sends a large body would hear of a broken connection instead of why.
const LINGER: Duration = Duration::from_secs(30);

/// Who complains in the log when an answer is cut off.
pub const COMPLAINS: &str = "actix_http::h1::dispatcher";

/// Requests in progress have this long to finish when the server stops, in seconds; sockets are told at once.
pub const GRACE: u64 = 10;

/// The same of a server that is thrown away: what is under way is nobody's any more.
const SHORT_GRACE: u64 = 1;

/// What all doors lead to.
#[derive(Clone)]
pub struct Inside {
    pub api: Data<Api>,
    pub context: command::Context,
    pub seats: Seats,
    /// What handshakes choose from, if there is https.
    pub certificates: Option<Arc<Certificates>>,
}

/// The doors of a server that does not run yet.
pub struct Doors {
    server: ServerBuilder,
    inside: Inside,
}

impl Doors {
    /// `connections`: most at once. So many threads serve them.
    pub fn new(inside: Inside, workers: usize, connections: usize) -> Self {
        let share = connections.div_ceil(workers);
        // A thread that has as many handshakes under way as it may takes no connection at all, not even a plain one. With
        // its usual bound, 256, a client that opens connections and says nothing would close every door.
        max_concurrent_tls_connect(share);
        let server = Server::build()
            .workers(workers)
            .max_concurrent_connections(share)
            .shutdown_timeout(if inside.api.gate.is_some() { SHORT_GRACE } else { GRACE })
            .disable_signals();
        Doors { server, inside }
    }

    /// Plain HTTP and WebSocket.
    pub fn plain(mut self, listener: TcpListener) -> io::Result<Self> {
        let (inside, stopping) = (self.inside.clone(), self.server.graceful_shutdown_signal());
        let door = Door { address: listener.local_addr()?, secure: false };
        self.server = self.server.listen("http", listener, move || {
            let service = http(door, stopping.clone())
                .on_connect_ext(move |stream: &Paced<TcpStream>, data| prepare(door, stream.get_ref(), stream, data))
                .upgrade(upgrades(inside.clone()))
                .finish(app(inside.clone()));
            let paced = |stream: TcpStream| {
                let peer = stream.peer_addr().ok();
                ready(Ok::<_, DispatchError>((Paced::new(stream), Protocol::Http1, peer)))
            };
            seated(inside.clone(), fn_service(paced).and_then(service))
        })?;
        Ok(self)
    }

    /// HTTPS and secure WebSocket.
    pub fn secure(mut self, listener: TcpListener, mut tls: ServerConfig) -> io::Result<Self> {
        tls.alpn_protocols.insert(0, b"http/1.1".to_vec());
        let (inside, stopping) = (self.inside.clone(), self.server.graceful_shutdown_signal());
        let door = Door { address: listener.local_addr()?, secure: true };
        self.server = self.server.listen("https", listener, move || {
            let certificates = inside.certificates.clone();
            let service = http(door, stopping.clone())
                .on_connect_ext(move |stream: &Paced<TlsStream<TcpStream>>, data| {
                    let (tcp, session) = stream.get_ref().get_ref();
                    if certificates.as_ref().is_some_and(|known| known.is_public(session.server_name())) {
                        data.insert(Certified);
                    }
                    prepare(door, tcp, stream, data);
                })
                .upgrade(upgrades(inside.clone()))
                .finish(app(inside.clone()));
            let mut acceptor = Acceptor::new(tls.clone());
            acceptor.set_handshake_timeout(TLS_TIME);
            let paced = |stream: TlsStream<TcpStream>| {
                let peer = stream.get_ref().0.peer_addr().ok();
                ready(Ok((Paced::new(stream), Protocol::Http1, peer)))
            };
            let accepting = acceptor.map_init_err(|_| ()).map_err(TlsError::into_service_error);
            seated(inside.clone(), accepting.and_then(paced).and_then(service.map_err(TlsError::Service)))
        })?;
        Ok(self)
    }

    /// Opens them.
    pub fn run(self) -> Server {
        self.server.run()
    }
}

/// Gives each connection a seat for as long as it is served, its TLS handshake included; one too many of its address is
/// closed.
fn seated<S>(
    Inside { api, seats, .. }: Inside,
    service: S,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = S::Error, InitError = S::InitError>
where
    S: ServiceFactory<TcpStream, Config = (), Response = ()>,
{
    apply_fn_factory(service, move |stream: TcpStream, service: &S::Service| {
        let seat = match stream.peer_addr().map(|peer| seats.take(peer.ip())) {
            Ok(Some(seat)) => Some(seat),
            Ok(None) => {
                api.crowded.one();
                log::debug!("an address has as many connections as it may");
                return Either::Right(ready(Ok(())));
            }
            // It has gone.
            Err(_) => None,
        };
        Either::Left(service.call(stream).map(move |done| {
            drop(seat);
            done
        }))
    })
}

/// What both kinds have in common.
fn http<T, S>(door: Door, stopping: GracefulShutdownSignal) -> HttpServiceBuilder<T, S, ExpectHandler, UpgradeHandler>
where
    S: ServiceFactory<Request, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + 'static,
    S::Service: 'static,
{
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIME)
        .client_disconnect_timeout(LINGER)
        .local_addr(door.address)
}

/// Answers requests.
fn app(
    Inside { api, context, .. }: Inside,
) -> impl ServiceFactory<Request, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> {
    let app = App::new()
        .app_data(api)
        .app_data(ThinData(Rc::new(context)))
        .default_service(web::to(api::dispatch))
        .into_factory();
    apply_fn_factory(map_config(app, |()| AppConfig::default()), |mut request: Request, app| {
        let course = request.conn_data::<Rc<Course>>().cloned().unwrap_or_default();
        let body = Body::share(&mut request, &course);
        let asked = (course.begin(body.is_some()), body);
        let answering = app.call(request);
        async move {
            let answer = answering.await?;
            Ok::<_, Error>(answer.map_body(|_, body| BoxBody::new(Answer { body, _asked: asked })))
        }
    })
}

/// The body of a request, shared with the answer to it. Of a body in chunks that is given up the framework would read whatever
/// still comes, however long that takes: a client that went away in the middle would keep its connection for ever. While it
/// is kept, the framework closes the connection behind the answer, as it does with other bodies.
#[derive(Clone)]
struct Body {
    payload: Rc<RefCell<dev::Payload>>,
    course: Rc<Course>,
}

impl Body {
    /// Takes the place of the body in a request, if that has one.
    fn share(request: &mut Request, course: &Rc<Course>) -> Option<Body> {
        let payload = match request.take_payload() {
            dev::Payload::None => return None,
            payload => Rc::new(RefCell::new(payload)),
        };
        let body = Body { payload, course: course.clone() };
        *request.payload() = dev::Payload::Stream { payload: Box::pin(body.clone()) };
        Some(body)
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(Pin::new(&mut *self.payload.borrow_mut()).poll_next(cx));
        if !matches!(next, Some(Ok(_))) {
            self.course.whole();
        }
        Poll::Ready(next)
    }
}

/// An answer's body, with the request's.
struct Answer {
    body: BoxBody,
    _asked: (Asked, Option<Body>),
}

impl MessageBody for Answer {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(cx)
    }
}

/// Takes connections whose clients ask for another protocol. They are answered as any request is; a handshake that was
/// accepted makes a socket of the connection, anything else ends it.
fn upgrades<T: AsyncRead + AsyncWrite + Unpin + 'static>(
    inside: Inside,
) -> impl ServiceFactory<(Request, Framed<Paced<T>, h1::Codec>), Config = (), Response = (), Error = Error, InitError = ()>
{
    fn_factory(move || {
        let starting = app(inside.clone()).new_service(());
        async move {
            let app = Rc::new(starting.await?);
            Ok(fn_service(move |(request, connection): (Request, Framed<Paced<T>, h1::Codec>)| {
                let app = app.clone();
                // Boxed, because the HTTP connection it replaces keeps room for it.
                Box::pin(async move {
                    request.extensions_mut().insert(Alone);
                    let answer = app.call(request).await?;
                    // A client that has gone needs no more.
                    let _ = serve(answer, connection).await;
                    Ok(())
                })
            }))
        }
    })
}

async fn serve<T: AsyncRead + AsyncWrite + Unpin>(
    answer: ServiceResponse,
    mut connection: Framed<Paced<T>, h1::Codec>,
) -> Result<(), Error> {
    let (_, mut answer) = answer.into_parts();
    if answer.extensions().contains::<Untold>() {
        return Ok(());
    }
    let accepted = answer.extensions_mut().remove::<Accepted>();
    let (head, body) = Response::from(answer).into_parts();
    match accepted {
        Some(accepted) => {
            drop(body);
            // Answers to requests before it may still wait for a client that does not read. (Boxed, as below, because an idle
            // socket would keep room for it.)
            let told = Box::pin(timeout(LINGER, connection.send(h1::Message::Item((head, BodySize::None))))).await;
            told.map_err(io::Error::other)??;
            // Taken out at once: what is left of the parts, a buffer of HTTP, would live as long as the socket.
            let FramedParts { io, read_buf, .. } = connection.into_parts();
            Box::pin(socket::serve(accepted, io.into_inner(), read_buf)).await;
        }
        None => {
            connection.send(h1::Message::Item((head, body.size()))).await?;
            let mut body = pin!(body);
            while let Some(part) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
                connection.send(h1::Message::Chunk(Some(part?))).await?;
            }
            connection.send(h1::Message::Chunk(None)).await?;
            Box::pin(socket::part(&mut connection.into_parts().io.into_inner(), LINGER)).await?;
        }
    }
    Ok(())
}

/// Small frames must leave at once: without this, fan-out to 100 members is several times slower. Requests find the
/// connection they came by.
fn prepare<T>(door: Door, stream: &TcpStream, paced: &Paced<T>, data: &mut Extensions) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("TCP_NODELAY: {error}");
    }
    data.insert(door);
    data.insert(paced.course());
    #[cfg(unix)]
    data.insert(Wire::of(stream));
}

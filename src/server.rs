//! The running server: opens store and hub, binds, serves, stops in order.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::dev::{Extensions, ServerHandle};
use actix_web::web::{self, Data, ThinData};
use actix_web::{App, HttpServer};

use tokio::sync::Notify;

use crate::actions;
use crate::actions::activity::Activity;
use crate::api::answers::{Answers, Wire};
use crate::api::guesses::{Guesses, Slowing};
use crate::api::rate::Meter;
use crate::api::room::Room;
use crate::api::{self, Api, Router};
use crate::config::Config;
use crate::live::command::Context;
use crate::live::hub::Hub;
use crate::lock::Lock;
use crate::media::Media;
use crate::model::limits::Limits;
use crate::model::time::{Clock, Ids};
use crate::model::{error, extension};
use crate::outgoing::Outgoing;
use crate::passwords::Passwords;
use crate::previews::Previews;
use crate::seats::Seats;
use crate::store::extensions::due;
use crate::store::{Hooks, Lane, Store, Write, apps, attachments, clock, purge, search};
use crate::tls;

/// Requests in progress have this long to finish when the server stops, in seconds; sockets are told at once.
const GRACE: u64 = 10;

/// A connection on which nothing is asked is kept for this long. Longer than proxies keep theirs (60 seconds is usual),
/// so that none of them sends a request down a connection that ends at that moment; and longer than a short sleep of the
/// machine, after which a request that waited would find its connection closed instead of an answer.
const KEEP_ALIVE: Duration = Duration::from_secs(90);
/// The head of a request must be there within this time. Under load it counts from the moment the
/// system accepts, not from when there is time to read: with a short one, upgrades that waited their turn are told 408.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// A TLS handshake likewise. Shorter, because a thread has no more than 256 of them under way.
const TLS_TIME: Duration = Duration::from_secs(10);

/// How often the server looks for what was deleted and has rows left, and for calls that nobody is in.
const SWEEP: Duration = Duration::from_secs(1);
/// How often new messages are looked for that wait for the search index.
const INDEX: Duration = Duration::from_secs(1);

/// How often files are looked for that nothing shows any more, and how many go at a time.
const MEDIA_SWEEP: Duration = Duration::from_secs(60);
const SWEEP_FILES: i64 = 100;

/// Passwords hashed at the same time, 19 MiB each.
const MOST_HASHES: usize = 4;

/// A server that serves until it is stopped.
pub struct Server {
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    pub store: Store,
    /// How people reach it: `https://chat.example/chat`, or one of its addresses.
    pub base: String,
    /// What client SDKs are told, which speak https only: `chat.example/chat`. `None`: there is no https.
    pub client_host: Option<String>,
    hub: Hub,
    handle: ServerHandle,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    chores: Vec<tokio::task::JoinHandle<()>>,
    lock: Lock,
}

impl Server {
    /// Starts in the current actix system. Port 0 takes any free one.
    pub async fn start(config: &Config, clock: Clock) -> Result<Server, String> {
        let (http, https) = config.addresses()?;
        std::fs::create_dir_all(config.data()).map_err(|e| format!("cannot make {}: {e}", config.data().display()))?;
        // Before anything in the folder is looked at, let alone changed.
        let lock = Lock::take(config.data())?;
        if !config.new_database {
            refuse_emptied(config, &lock)?;
        }
        log::info!("Hobnob {} starts on {}", env!("CARGO_PKG_VERSION"), config.data().display());
        let limits = Arc::new(config.limits()?);
        let (store, hub) = open(config, &limits, clock)?;
        let (app_grace, call_limits) = (limits.app_grace, limits.clone());
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let media = Media::open(config.data(), cores.div_ceil(2))
            .map_err(|e| format!("cannot use {}: {e}", config.data().join("media").display()))?;

        let public_host = config.public.public_host.clone().map(Arc::new);
        let outgoing = Outgoing::new(config.extensions.private()?)?;
        let (previews, fetching) =
            config.extensions.link_previews.then(|| Previews::new(store.clone(), outgoing.clone())).unzip();
        let (offer, due, due_limits) = (config.extensions.offer(), Arc::new(Notify::new()), limits.clone());
        let context = Context { store: store.clone(), hub: hub.clone(), limits: limits.clone() };
        let router = Router::new(api::routes());
        let seats = Seats::new(limits.address_connections, config.trusted()?);
        let api = Data::new(Api {
            store: store.clone(),
            hub: hub.clone(),
            passwords: Passwords::new(cores.div_ceil(2).min(MOST_HASHES), limits.waiting_passwords)
                .map_err(|e| format!("cannot start a thread: {e}"))?,
            guesses: Guesses::new(Slowing {
                for_name: limits.guesses,
                for_address: limits.address_guesses,
                longest: limits.guess_wait.max(1),
            }),
            answers: Answers::new(limits.answers, Duration::from_secs(limits.answer_seconds)),
            bodies: Room::new(limits.bodies),
            limits,
            public_host,
            extensions: offer.clone(),
            outgoing,
            previews,
            due: due.clone(),
            https_port: OnceLock::new(),
            trusted: config.trusted()?,
            region: config.region.region.clone(),
            meter: Meter::new(config.rate_limits()),
            ids: Ids,
            media: media.clone(),
            health: Default::default(),
            description: OnceLock::new(),
            router,
        });
        let shared = api.clone();
        let workers = if config.workers == 0 { cores } else { config.workers };
        let mut server = HttpServer::new(move || {
            App::new()
                .app_data(api.clone())
                .app_data(ThinData(Rc::new(context.clone())))
                .default_service(web::to(api::dispatch))
        })
        .workers(workers)
        .max_connections(config.connections.div_ceil(workers))
        .shutdown_timeout(GRACE)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIME)
        .tls_handshake_timeout(TLS_TIME)
        .disable_signals()
        .on_connect(move |connection, data| prepare(&seats, connection, data));

        let listen = |flag: &str, address: SocketAddr| {
            let listener = TcpListener::bind(address).map_err(|e| {
                format!("cannot listen at {address}: {e}. {flag} ADDRESS:PORT names another place, {flag} off none")
            })?;
            let real = listener.local_addr().map_err(|e| e.to_string())?;
            Ok::<_, String>((listener, real))
        };
        let mut bound = (None, None);
        if let Some(address) = http {
            let (listener, real) = listen("--http", address)?;
            server = server.listen(listener).map_err(|e| e.to_string())?;
            bound.0 = Some(real);
        }
        if let Some(address) = https {
            let files = match (&config.tls_cert, &config.tls_key) {
                (Some(cert), Some(key)) => tls::Files { cert: cert.clone(), key: key.clone() },
                _ => {
                    let mut names = vec![reachable(address).ip().to_string()];
                    names.extend(config.public.public_host.as_ref().map(|public| public.name().to_owned()));
                    names.push(format!("*.{}", extension::LOCAL));
                    names.extend(offer.domain.wildcard(config.public.public_host.as_ref()));
                    tls::local(config.data(), &names)?
                }
            };
            let (listener, real) = listen("--https", address)?;
            server = server.listen_rustls_0_23(listener, tls::server_config(&files)?).map_err(|e| e.to_string())?;
            let _ = shared.https_port.set(real.port());
            bound.1 = Some(real);
        }
        let plain = bound.0.map(|at| format!("http://{}", reachable(at)));
        let secure = bound.1.map(|at| reachable(at).to_string());
        let (base, client_host) = match &config.public.public_host {
            Some(public) => (public.base("https"), Some(public.host())),
            None => (plain.or(secure.as_ref().map(|at| format!("https://{at}"))).unwrap_or_default(), secure),
        };
        for (scheme, at) in [("http", bound.0), ("https", bound.1)] {
            if let Some(at) = at {
                log::info!("listening at {scheme}://{at}");
            }
        }
        lock.say(Some(&base)).map_err(|e| format!("cannot write to {}: {e}", config.data().display()))?;
        let server = server.run();
        let handle = server.handle();
        let serving = actix_web::rt::spawn(server);
        let mut chores = vec![
            actix_web::rt::spawn(sweep(store.clone(), app_grace)),
            actix_web::rt::spawn(sweep_calls(store.clone(), call_limits)),
            actix_web::rt::spawn(keep_indexed(store.clone())),
            actix_web::rt::spawn(keep_swept(store.clone(), media)),
            actix_web::rt::spawn(keep_due(store.clone(), due, due_limits)),
        ];
        chores.extend(fetching.map(actix_web::rt::spawn));
        Ok(Server { http: bound.0, https: bound.1, store, base, client_host, hub, handle, serving, chores, lock })
    }

    /// Waits until the server cannot go on, and says why; see [`Store::failed`].
    pub async fn failed(&self) -> String {
        self.store.failed().await
    }

    /// Stops accepting, closes sockets with 1012, finishes what is being written, checkpoints.
    pub async fn stop(self) {
        log::info!("stopping: sockets are closed, requests are finished");
        self.chores.iter().for_each(|chore| chore.abort());
        let accepting = self.handle.stop(true);
        self.hub.close_all();
        accepting.await;
        let _ = self.serving.await;
        let (store, hub, lock) = (self.store, self.hub, self.lock);
        let done = tokio::task::spawn_blocking(move || {
            // The hub first: it notes for everybody still there that they were, and the store writes it.
            hub.stop();
            store.close();
            // Not before the last write, however long that takes.
            drop(lock);
        });
        match tokio::time::timeout(Duration::from_secs(GRACE), done).await {
            Ok(_) => log::info!("stopped"),
            Err(_) => log::warn!("stopped before everything was written back: the next start does that"),
        }
    }
}

/// Stops a start that would quietly make a new database where there was one: everybody would be logged out, and the
/// old data might be one `mv` away.
fn refuse_emptied(config: &Config, lock: &Lock) -> Result<(), String> {
    let database = config.database();
    if std::fs::metadata(&database).is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    let files = std::fs::read_dir(config.data().join("media")).into_iter().flatten().flatten();
    // The certificate and the files tell it of servers from before the lock did.
    let served = lock.served()
        || tls::authority(config.data()).exists()
        || files.into_iter().any(|entry| entry.file_name() != "drafts");
    if !served {
        return Ok(());
    }
    Err(format!(
        "{} is empty or not there, though this folder has been served before. Put the database back; or start with \
         --new-database to begin anew, without the apps, users and messages there were",
        database.display()
    ))
}

/// The address others can use for one that is listened at: no client can go to 0.0.0.0.
fn reachable(at: SocketAddr) -> SocketAddr {
    if !at.ip().is_unspecified() {
        return at;
    }
    // Nothing is sent: the system only says by which of its addresses it would go to that one (documentation, RFC 5737).
    let ours = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let ip = ours.map_or(std::net::Ipv4Addr::LOCALHOST.into(), |ours| ours.ip());
    SocketAddr::new(if ip.is_unspecified() { std::net::Ipv4Addr::LOCALHOST.into() } else { ip }, at.port())
}

/// Removes the rows of what was deleted, piece by piece, while there is nothing better to write.
async fn sweep(store: Store, grace: i64) {
    loop {
        if let Ok(true) = store.read(actions::users::is_due).await {
            let more = |tx: &mut Write<'_>| actions::users::sweep(tx, actions::users::PIECE);
            while let Ok(true) = store.write_in(Lane::Low, "users.sweep", more).await {}
        }
        if let Ok(true) = store.read(purge::any).await {
            let more = |tx: &mut Write<'_>| purge::sweep(tx, purge::PIECE);
            while let Ok(true) = store.write_in(Lane::Low, "gone.sweep", more).await {}
        }
        let due = store.read(move |read| apps::deleted_before(read, read.now() - grace)).await;
        if matches!(due, Ok(Some(_))) {
            let more = move |tx: &mut Write<'_>| actions::apps::sweep(tx, grace);
            while let Ok(true) = store.write_in(Lane::Low, "apps.sweep", more).await {}
        }
        // Noticed first, then noted by a write, then brought back.
        let healing = store.read(clock::is_healing).await;
        if store.clock().has_healed() || matches!(healing, Ok(true)) {
            while let Ok(true) = store.write_in(Lane::Low, "clock.heal", |tx| clock::heal(tx)).await {}
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// Ends calls that nobody is in any more.
async fn sweep_calls(store: Store, limits: Arc<Limits>) {
    loop {
        let asked = limits.clone();
        if let Ok(true) = store.read(move |read| actions::calls::is_due(read, &asked)).await {
            let limits = limits.clone();
            let more = move |tx: &mut Write<'_>| actions::calls::sweep(tx, &limits);
            while let Ok(true) = store.write_in(Lane::Low, "calls.sweep", more.clone()).await {}
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// Feeds the search index while there is nothing better to write; when it has fallen far behind, beside other writes.
async fn keep_indexed(store: Store) {
    let (mut writes, mut since, mut busy) = (store.writes(), Instant::now(), false);
    loop {
        if since.elapsed() >= INDEX {
            let now = store.writes();
            busy = (now - writes) as f64 > search::BUSY as f64 * since.elapsed().as_secs_f64();
            (writes, since) = (now, Instant::now());
        }
        let waiting = store.read(search::waiting).await.unwrap_or(0);
        let far_behind = waiting > search::FAR_BEHIND;
        if waiting > 0 && (far_behind || !busy) {
            let lane = if far_behind { Lane::High } else { Lane::Low };
            let done = store.write_in(lane, "search.index", |tx| search::index(tx, search::CHUNK)).await;
            if matches!(done, Ok(false)) {
                continue;
            }
        }
        tokio::time::sleep(INDEX).await;
    }
}

/// Does what has become due. It reads when the next thing is, and until then only looks at the clock: however much waits
/// costs nothing. `sooner` says that something was put before it.
async fn keep_due(store: Store, sooner: Arc<Notify>, limits: Arc<Limits>) {
    loop {
        let limits = limits.clone();
        let more = move |tx: &mut Write<'_>| actions::extensions::due::sweep(tx, &limits);
        let next = match store.read(due::next).await {
            Ok(Some(at)) if at <= store.clock().now() => {
                if store.write_in(Lane::Low, "due.sweep", more).await.is_err() {
                    tokio::time::sleep(SWEEP).await;
                }
                continue;
            }
            Ok(next) => next.unwrap_or(i64::MAX),
            Err(_) => store.clock().now() + 1,
        };
        let come = async {
            while store.clock().now() < next {
                tokio::time::sleep(SWEEP).await;
            }
        };
        tokio::select! {
            () = sooner.notified() => {}
            () = come => {}
        }
    }
}

async fn keep_swept(store: Store, media: Media) {
    loop {
        if let Err(error) = sweep_files(&store, &media).await {
            log::warn!("sweeping files: {error}");
        }
        tokio::time::sleep(MEDIA_SWEEP).await;
    }
}

/// Removes the files that no message shows any more or ever showed: each first from the disk, then its row.
pub async fn sweep_files(store: &Store, media: &Media) -> error::Result<()> {
    loop {
        let due = store.read(|read| attachments::expired(read, SWEEP_FILES)).await?;
        if due.is_empty() {
            return Ok(());
        }
        let (ids, names): (Vec<i64>, Vec<String>) = due.into_iter().unzip();
        media.remove(names).await?;
        store.write_in(Lane::Low, "attachments.forget", move |tx| attachments::forget(tx, &ids)).await?;
    }
}

/// Store and hub, each with its end of the stream.
fn open(config: &Config, limits: &Limits, clock: Clock) -> Result<(Store, Hub), String> {
    let (hub, starter) = Hub::new(clock.clone(), limits.presence_users, limits.sockets);
    let (online, deliver) = (hub.clone(), hub.clone());
    let hooks = Hooks {
        deliver: Box::new(move |posts| deliver.deliver(posts)),
        online: Arc::new(move |user| online.is_online(user)),
        clock,
        ids: Ids,
    };
    let store = Store::open(&config.database(), config.readers, config.write_queue, hooks)
        .map_err(|e| format!("cannot open {}: {}", config.database().display(), e.plain()))?
        .with_reads(Duration::from_secs(limits.read_seconds), limits.waiting_reads);
    let activity = Activity::new(store.clone());
    starter.run(Box::new(move |user| activity.left(user))).map_err(|e| e.to_string())?;
    Ok((store, hub))
}

/// Small frames must leave at once: without this, fan-out to 100 members is several times slower. Requests find the
/// connection they came by. One too many of its address is closed.
fn prepare(seats: &Seats, connection: &dyn std::any::Any, data: &mut Extensions) {
    use actix_tls::accept::rustls_0_23::TlsStream;
    use actix_web::rt::net::TcpStream;
    let stream = match connection.downcast_ref::<TcpStream>() {
        Some(stream) => Some(stream),
        None => connection.downcast_ref::<TlsStream<TcpStream>>().map(|stream| stream.get_ref().0),
    };
    let Some(stream) = stream else { return };
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("TCP_NODELAY: {error}");
    }
    #[cfg(unix)]
    data.insert(Wire::of(stream));
    match stream.peer_addr().map(|peer| seats.take(peer.ip())) {
        Ok(Some(seat)) => _ = data.insert(seat),
        Ok(None) => {
            #[cfg(unix)]
            Wire::of(stream).end();
            log::debug!("an address has as many connections as it may");
        }
        // It has gone.
        Err(_) => {}
    }
}

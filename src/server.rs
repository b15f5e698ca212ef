//! The running server: opens store and hub, binds, serves, stops in order.

mod places;
mod secure;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_server::ServerHandle;
use actix_web::http::header::HeaderValue;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};

use tokio::sync::Notify;

use crate::actions::activity::Activity;
use crate::api::answers::Answers;
use crate::api::backups::{self, Backups};
use crate::api::figures::{self, Figures};
use crate::api::gate::Gate;
use crate::api::guesses::{Guesses, Slowing};
use crate::api::health::NO_ANSWER;
use crate::api::looks::Looks;
use crate::api::rate::Meter;
use crate::api::requests::Requests;
use crate::api::room::Room;
use crate::api::{self, Api, Metrics, Router, Tails};
use crate::chores::{self, Chore, Needs};
use crate::config::Config;
pub use crate::doors::COMPLAINS;
use crate::doors::{Doors, GRACE, Inside};
use crate::durable;
use crate::live::command::Context;
use crate::live::hub::Hub;
use crate::lock::Lock;
use crate::media::Media;
use crate::model::error;
use crate::model::limits::Limits;
use crate::model::time::{Clock, Ids};
use crate::outgoing::Outgoing;
use crate::passwords::Passwords;
use crate::previews::Previews;
use crate::seats::Seats;
use crate::store::{Hooks, Store};
use crate::watch::tail::Tail;
use crate::{backup, draft, systemd, tls};
use places::{Place, Places, reachable};
use secure::{Reload, Secure};

/// Connections of those who read metrics, at once.
const METRICS_CONNECTIONS: usize = 32;

/// Passwords hashed at the same time, 19 MiB each.
const MOST_HASHES: usize = 4;

/// How long a stop waits for webhooks that are being told, besides the time that requests take to end.
const ANSWERS: Duration = Duration::from_secs(2);

/// What a server stands on that no setting says: the time of day and the system's randomness. Servers for tests stand on other
/// ground, which they bring.
#[derive(Default)]
pub struct Ground {
    pub clock: Clock,
    pub ids: Ids,
    /// Who stands before its API.
    pub gate: Option<Arc<dyn Gate>>,
}

/// A server that serves until it is stopped.
pub struct Server {
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    pub store: Store,
    /// How people reach it: `https://chat.example/chat`, or one of its addresses.
    pub base: String,
    /// What client SDKs are told, which speak https only: `chat.example/chat`. `None`: there is no https.
    pub client_host: Option<String>,
    /// Where metrics are served on a listener of their own, and the handle of that.
    metrics: Option<(SocketAddr, ServerHandle)>,
    hub: Hub,
    handle: ServerHandle,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    /// Tells those outside.
    telling: tokio::task::JoinHandle<()>,
    chores: Vec<tokio::task::JoinHandle<()>>,
    lock: Lock,
    reload: Reload,
}

impl Server {
    /// Starts in the current actix system. Port 0 takes any free one; sockets that a supervisor hands over take the place of
    /// the addresses in the settings.
    pub async fn start(config: &Config, clock: Clock) -> Result<Server, String> {
        Server::start_on(config, Ground { clock, ..Ground::default() }).await
    }

    /// The same on other ground.
    pub async fn start_on(config: &Config, ground: Ground) -> Result<Server, String> {
        config.sound()?;
        let config = &config.settled()?;
        let places = Places::plan(config)?;
        durable::make_folder(config.data(), false)
            .map_err(|e| format!("cannot make {}: {e}", config.data().display()))?;
        // Before anything in the folder is looked at, let alone changed.
        let lock = Lock::take(config.data())?;
        // Whoever is killed leaves a copy of the database behind.
        draft::sweep(config.data());
        draft::sweep(&backups::place(config.data(), config.backups.clone()));
        if !config.new_database {
            refuse_emptied(config, &lock)?;
        }
        log::info!("Hobnob {} starts on {}", env!("CARGO_PKG_VERSION"), config.data().display());
        House::open_on(config, ground)?.serve(config, lock, places)
    }
}

/// A server without its doors: everything between a request and the disk. [`Server::start`] opens them; a test may live
/// in it as it is, and turn its clock.
pub struct House {
    pub store: Store,
    pub hub: Hub,
    /// What handlers share, for `api::dispatch`.
    pub api: Data<Api>,
    /// What commands of sockets need, for `live::command::obey`.
    pub context: Context,
    /// Fetches previews.
    fetching: Option<Chore>,
}

impl House {
    /// Opens what is in the data folder. Whose folder it is, the caller has made sure of.
    pub fn open(config: &Config, clock: Clock) -> Result<House, String> {
        House::open_on(config, Ground { clock, ..Ground::default() })
    }

    /// The same on other ground.
    fn open_on(config: &Config, ground: Ground) -> Result<House, String> {
        let limits = Arc::new(config.limits()?);
        let (ids, gate) = (ground.ids.clone(), ground.gate.clone());
        let (store, hub) = open(config, &limits, ground)?;
        store.meters().set_slow(config.watch.slow_ms.0);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let media = Media::open(config.data(), cores.div_ceil(2))
            .map_err(|e| format!("cannot use {}: {e}", config.data().join("media").display()))?;

        let public_host = config.public.public_host.clone().map(Arc::new);
        let outgoing = Outgoing::by(&config.outgoing.settings()?)?;
        let (previews, fetching) =
            config.extensions.link_previews.then(|| Previews::new(store.clone(), outgoing.clone())).unzip();
        let context = Context { store: store.clone(), hub: hub.clone(), limits: limits.clone() };
        let router = Router::new(api::routes());
        let api = Data::new(Api {
            store: store.clone(),
            hub: hub.clone(),
            passwords: Passwords::new(cores.div_ceil(2).min(MOST_HASHES), limits.waiting_passwords)
                .map_err(|e| format!("cannot start a thread: {e}"))?,
            guesses: Guesses::new(Slowing {
                for_name: limits.guesses,
                for_address: limits.address_guesses,
                longest: limits.guess_wait.max(1),
                lock: limits.guess_lock.max(1),
            }),
            looks: Looks::default(),
            figures: Figures::default(),
            answers: Answers::new(limits.answers, Duration::from_secs(limits.answer_seconds)),
            bodies: Room::new(limits.bodies),
            limits,
            public_host,
            extensions: config.extensions.offer(),
            outgoing,
            previews,
            due: Arc::new(Notify::new()),
            https_port: OnceLock::new(),
            trusted: config.trusted()?,
            region: config.region.region.clone(),
            meter: Meter::new(config.rate_limits()),
            requests: Requests::new(seed(&ids), router.routes(), store.tail().clone()),
            ids,
            media,
            backups: Backups::new(config.data(), config.backups.clone()),
            health: Default::default(),
            tokens: Default::default(),
            hsts: hsts(config),
            tails: Tails::default(),
            crowded: Arc::default(),
            metrics: Metrics::new(config.watch.metrics_token.as_deref()),
            gate,
            router,
        });
        let fetching = fetching.map(|fetching| Box::pin(fetching) as Chore);
        Ok(House { store, hub, api, context, fetching })
    }

    /// One round of what is done beside the requests, all that is due now. A server repeats the parts, each at its pace.
    pub async fn chores(&self) -> error::Result<()> {
        chores::round(&self.store, &self.api.limits, &self.api.media).await
    }

    /// Ends it in order: all that is queued is done and written. Blocks.
    pub fn close(self) {
        self.hub.close_all();
        close(&self.hub, &self.store);
    }

    /// Opens the doors.
    fn serve(self, config: &Config, lock: Lock, places: Places) -> Result<Server, String> {
        let House { store, hub, api, context, fetching } = self;
        let limits = api.limits.clone();
        let seats = Seats::new(limits.address_connections, config.trusted()?);
        let (http, https) = places.open()?;
        let secure = match &https {
            Some(place) => Some(Secure::open(config, (http.as_ref().map(|place| place.at), place.at), &api)?),
            None => None,
        };
        let certificates = secure.as_ref().map(|secure| secure.certificates.clone());
        let shared = api.clone();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let workers = if config.workers == 0 { cores } else { config.workers };
        let inside = Inside { api, context, seats, certificates };
        let mut doors = Doors::new(inside, workers, config.connections);

        let bound = (http.as_ref().map(|place| place.at), https.as_ref().map(|place| place.at));
        if let Some(place) = http {
            doors = doors.plain(place.listener).map_err(|e| e.to_string())?;
        }
        let (mut more, mut reload) = (Vec::new(), Reload::default());
        if let (Some(place), Some(secure)) = (https, secure) {
            doors = doors.secure(place.listener, secure.tls()?).map_err(|e| e.to_string())?;
            let _ = shared.https_port.set(place.at.port());
            reload = secure.reload();
            more = secure.chores();
        }
        more.push(Box::pin(figures::keep(shared.clone())));
        more.extend(systemd::watchdog().map(|every| Box::pin(keep_alive(shared.clone(), every)) as Chore));
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
        let metrics = config.metrics()?.map(|address| serve_metrics(address, shared.clone())).transpose()?;
        lock.say(Some(&base)).map_err(|e| format!("cannot write to {}: {e}", config.data().display()))?;
        let server = doors.run();
        let handle = server.handle();
        let serving = actix_web::rt::spawn(server);
        let (media, sooner, outgoing) = (shared.media.clone(), shared.due.clone(), shared.outgoing.clone());
        let (base_of_files, holds) = (base.clone(), config.outgoing.hold_webhooks);
        let previews = shared.previews.clone();
        let needs =
            Needs { store: store.clone(), limits, media, sooner, outgoing, previews, base: base_of_files, holds };
        let telling = actix_web::rt::spawn(chores::telling(&needs));
        let chores = chores::all(&needs);
        let mut chores: Vec<_> = chores.into_iter().map(actix_web::rt::spawn).collect();
        chores.extend(fetching.into_iter().chain(more).map(actix_web::rt::spawn));
        let (http, https) = bound;
        Ok(Server {
            http,
            https,
            store,
            base,
            client_host,
            metrics,
            hub,
            handle,
            serving,
            telling,
            chores,
            lock,
            reload,
        })
    }
}

/// A listener of its own for metrics: nothing else is there.
fn serve_metrics(address: SocketAddr, api: Data<Api>) -> Result<(SocketAddr, ServerHandle), String> {
    let Place { listener, at: real } = places::listen("--metrics", address)?;
    let page = move || App::new().app_data(api.clone()).default_service(web::to(api::serve_metrics));
    let server = HttpServer::new(page).workers(1).max_connections(METRICS_CONNECTIONS).shutdown_timeout(1);
    let server = server.disable_signals().listen(listener).map_err(|e| e.to_string())?.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    log::info!("metrics at http://{real}/metrics");
    Ok((real, handle))
}

impl Server {
    /// Where metrics are served, if they have a listener of their own.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(address, _)| *address)
    }

    /// Reads certificate files again, and repeats at once what failed with a certificate authority.
    pub fn reload(&self) {
        self.reload.now();
    }

    /// Waits until the server cannot go on, and says why; see [`Store::failed`].
    pub async fn failed(&self) -> String {
        self.store.failed().await
    }

    /// Stops accepting, closes sockets with 1012, finishes what is being written, checkpoints.
    pub async fn stop(self) {
        log::info!("stopping: sockets are closed, requests are finished");
        self.chores.iter().for_each(|chore| chore.abort());
        self.store.told().end();
        let accepting = self.handle.stop(true);
        self.hub.close_all();
        accepting.await;
        let _ = self.serving.await;
        if let Some((_, metrics)) = &self.metrics {
            metrics.stop(false).await;
        }
        // What webhooks were told and have not answered by then, they are told again.
        let mut telling = self.telling;
        if tokio::time::timeout(ANSWERS, &mut telling).await.is_err() {
            telling.abort();
        }
        let (store, hub, lock) = (self.store, self.hub, self.lock);
        let done = tokio::task::spawn_blocking(move || {
            close(&hub, &store);
            // Not before the last write, however long that takes.
            drop(lock);
        });
        match tokio::time::timeout(Duration::from_secs(GRACE), done).await {
            Ok(_) => log::info!("stopped"),
            Err(_) => log::warn!("stopped before everything was written back: the next start does that"),
        }
    }
}

/// The hub first: it notes for everybody still there that they were, and the store writes it.
fn close(hub: &Hub, store: &Store) {
    hub.stop();
    store.close();
}

/// Stops a start that would quietly make a new database where there was one: everybody would be logged out, and the
/// old data might be one `mv` away.
fn refuse_emptied(config: &Config, lock: &Lock) -> Result<(), String> {
    let database = config.database();
    if std::fs::metadata(&database).is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    if backup::is_interrupted(config.data()) {
        return Err(format!(
            "a restore into {} did not come to its end: hobnob restore begins it anew",
            config.data().display()
        ));
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

/// A number that no other start has, for the ids of its requests.
fn seed(ids: &Ids) -> u64 {
    let random = u64::from_str_radix(&ids.hex(8), 16);
    random.unwrap_or_default()
}

/// What browsers are told about https, if there may ever be a certificate that they know.
fn hsts(config: &Config) -> Option<HeaderValue> {
    if config.tls_cert.is_none() && config.acme.domains.is_empty() {
        return None;
    }
    HeaderValue::from_str(&format!("max-age={}", config.acme.hsts.0?)).ok()
}

/// Tells the supervisor that the server lives, as long as its writer answers. A full disk is an answer: no restart would
/// make room.
async fn keep_alive(api: Data<Api>, every: Duration) {
    loop {
        if api.health.look(&api.store, &api.hub).await != Err(NO_ANSWER) {
            systemd::notify("WATCHDOG=1");
        }
        tokio::time::sleep(every).await;
    }
}

/// Store and hub, each with its end of the stream.
fn open(config: &Config, limits: &Limits, Ground { clock, ids, .. }: Ground) -> Result<(Store, Hub), String> {
    let of_tail = clock.clone();
    let tail = Tail::new(move || of_tail.now_ms());
    let (hub, starter) = Hub::new(clock.clone(), tail.clone(), limits.presence_users, limits.sockets);
    let (online, members, deliver) = (hub.clone(), hub.clone(), hub.clone());
    let hooks = Hooks {
        deliver: Box::new(move |posts| deliver.deliver(posts)),
        online: Arc::new(move |user| online.is_online(user)),
        online_in: Arc::new(move |group| members.online_in_group(group)),
        clock,
        ids,
        tail,
    };
    let store = Store::open(&config.database(), config.readers, config.write_queue, hooks)
        .map_err(|e| format!("cannot open {}: {}", config.database().display(), e.plain()))?
        .with_reads(Duration::from_secs(limits.read_seconds), limits.waiting_reads);
    let activity = Activity::new(store.clone());
    starter.run(Box::new(move |presence| activity.note(presence))).map_err(|e| e.to_string())?;
    Ok((store, hub))
}

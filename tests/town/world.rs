//! Where the town stands: a real server without doors, in one process. Requests go through the real router, sockets are
//! the hub's own connections, and the database is a real file. Time stands still until it is turned.
//!
//! A crash is what is on disk at that moment, in another folder: with a write half done, without an orderly end.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::to_bytes;
use actix_web::dev::Service;
use actix_web::http::Method;
use actix_web::test::{self, TestRequest};
use actix_web::web::{self, ThinData};
use hobnob::actions::sockets::{Identity, attach};
use hobnob::actions::tokens::socket_token;
use hobnob::actions::{self};
use hobnob::config::Config;
use hobnob::live::command::{Command, Context, obey};
use hobnob::live::conn::{Close, Conn, Next, Subscription};
use hobnob::model::answer::About;
use hobnob::model::caller::{Caller, SERVER_DEVICE};
use hobnob::model::error::Code;
use hobnob::model::event::{Audience, Body, Event, Move, Post};
use hobnob::model::ids::{Guid, Uid};
use hobnob::model::limits::Limits;
use hobnob::model::message::ReceiverType;
use hobnob::model::time::Clock;
use hobnob::model::user::{Profile, UserDraft};
use hobnob::server::House;
use hobnob::store::{apps, groups, users};
use serde_json::{Value, json};

/// Where the clock starts.
pub const NOW: i64 = 1_795_000_000;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn ok(&self) -> bool {
        self.status == 200
    }

    /// The items of a list, or one field of the answer.
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub fn list(&self) -> &[Value] {
        self.data().as_array().map_or(&[], Vec::as_slice)
    }
}

/// Who makes a request.
#[derive(Clone, Copy, Debug)]
pub enum As<'a> {
    /// The app itself.
    App,
    /// The app on behalf of this uid.
    Behalf(&'a str),
    /// A login: its token and the name of its session.
    Token(&'a str, &'a str),
}

type Answering = Pin<Box<dyn Future<Output = Answer>>>;

/// One socket of a user, as the hub has it.
pub struct Wire {
    conn: Arc<Conn>,
    identity: Identity,
    device: Arc<str>,
}

/// A user of another app, told of something last: what it has heard, all others have.
struct Fence {
    conn: Arc<Conn>,
    caller: Caller,
}

pub struct World {
    house: House,
    service: Rc<dyn Fn(TestRequest) -> Answering>,
    fence: Fence,
    pub clock: Clock,
    root: PathBuf,
    /// How often the database was opened; names the folder it is in after a crash.
    opened: usize,
    app_id: String,
    api_key: String,
    /// apps.id
    app: i64,
    fence_jwt: (String, String),
}

impl World {
    /// A new town below `root`, which is emptied.
    pub async fn new(root: &Path) -> World {
        let _ = std::fs::remove_dir_all(root);
        std::fs::create_dir_all(root.join("0")).expect("makes a folder");
        let clock = Clock::fixed(NOW);
        let house = open(&root.join("0"), &clock);
        let made = house.store.write("town", |tx| {
            let town = actions::apps::create(tx, "Town", "us", &Limits::default())?;
            let id = apps::by_app_id(tx, &town.app_id)?.ok_or(Code::Internal)?.id;
            let other = actions::apps::create(tx, "Fence", "us", &Limits::default())?;
            let fence = apps::by_app_id(tx, &other.app_id)?.ok_or(Code::Internal)?;
            let draft =
                UserDraft { uid: Uid::parse("fence")?, name: "Fence".into(), role: None, profile: Profile::default() };
            let user = actions::users::create(tx, &fence, draft)?;
            let token = actions::tokens::issue(tx, &other.app_id, &user, &Default::default(), &Limits::default())?;
            Ok((town.app_id, town.api_key, id, socket_token(&token, &other.app_id, "fence", tx.now()), other.app_id))
        });
        let (app_id, api_key, app, jwt, other) = made.await.expect("makes the apps");
        let fence = fence(&house, &other, &jwt).await;
        let service = serve(&house).await;
        let root = root.to_owned();
        World { house, service, fence, clock, root, opened: 0, app_id, api_key, app, fence_jwt: (other, jwt) }
    }

    pub async fn call(&self, who: As<'_>, method: Method, path: &str, body: Value) -> Answer {
        let mut request = TestRequest::default().method(method).uri(&format!("/v3{path}"));
        request = request.peer_addr(([127, 0, 0, 1], 1).into()).insert_header(("appid", self.app_id.as_str()));
        request = match who {
            As::App => request.insert_header(("apikey", self.api_key.as_str())),
            As::Behalf(uid) => {
                request.insert_header(("apikey", self.api_key.as_str())).insert_header(("onbehalfof", uid))
            }
            As::Token(token, device) => request.insert_header(("authtoken", token)).insert_header(("resource", device)),
        };
        if !body.is_null() {
            request = request.insert_header(("content-type", "application/json")).set_payload(body.to_string());
        }
        (self.service)(request).await
    }

    pub async fn get(&self, who: As<'_>, path: &str) -> Answer {
        self.call(who, Method::GET, path, Value::Null).await
    }

    /// Logs the user in; token and what opens a socket.
    pub async fn log_in(&self, uid: &str, device: &str) -> Option<(String, String)> {
        let body = json!({"deviceId": device});
        let made = self.call(As::App, Method::POST, &format!("/users/{uid}/auth_tokens"), body).await;
        let token = made.data()["authToken"].as_str()?.to_owned();
        let me = self.get(As::Token(&token, device), "/me").await;
        Some((token, me.data()["jwt"].as_str()?.to_owned()))
    }

    /// A socket; `None`: it was refused.
    pub async fn connect(&self, jwt: &str, device: &str, presence: Subscription) -> Option<Wire> {
        let (conn, device) = (self.house.hub.open(), Arc::<str>::from(device));
        let _ = conn.subscription.set(presence);
        let _ = conn.device.set(device.clone());
        let (id, jwt, app) = (conn.id, jwt.to_owned(), self.app_id.clone());
        match self.house.store.write("socket.attach", move |tx| attach(tx, id, &app, &jwt)).await {
            Ok(identity) => Some(Wire { conn, identity, device }),
            Err(_) => {
                self.house.hub.gone(&conn);
                None
            }
        }
    }

    pub fn hang_up(&self, wire: &Wire) {
        self.house.hub.gone(&wire.conn);
    }

    /// What the socket says.
    pub async fn say(&self, wire: &Wire, frame: &Value) {
        let text = frame.to_string();
        let command = Command::parse(&text, &self.context().limits).expect("a frame");
        obey(self.context(), &wire.identity, &wire.device, command).await;
    }

    fn context(&self) -> &Context {
        &self.house.context
    }

    /// Waits until the hub has told everything that is committed.
    pub async fn settle(&self) {
        let event = Event {
            app_id: self.fence.caller.app.app_id.clone(),
            kind: "fence",
            sender: self.fence.caller.uid.clone(),
            receiver: self.fence.caller.uid.clone(),
            receiver_type: ReceiverType::User,
            device: SERVER_DEVICE.into(),
            by: self.fence.caller.origin(),
            answer: None,
            about: About::default(),
            message_sender: None,
            body: Body::Json("{}".into()),
        };
        self.house.hub.deliver(vec![Post::Tell(Audience::users([self.fence.caller.user]), event)]);
        loop {
            match self.fence.conn.next(Instant::now) {
                Next::Send(_) => return,
                Next::Close(_) => panic!("the fence fell"),
                Next::Hold(_) | Next::Wait => self.fence.conn.ready().await,
            }
        }
    }

    /// What the socket has heard since, and whether the server has closed it.
    pub fn hear(&self, wire: &Wire) -> (Vec<Value>, Option<Close>) {
        let mut frames = Vec::new();
        // Late enough for whatever waits for an answer: all of them have been read.
        let now = || Instant::now() + Duration::from_secs(3600);
        loop {
            match wire.conn.next(now) {
                Next::Send(frame) => frames.push(serde_json::from_str(&frame.text).expect("a frame is JSON")),
                Next::Close(why) => return (frames, Some(why)),
                Next::Hold(_) => panic!("held in spite of the hour"),
                Next::Wait => return (frames, None),
            }
        }
    }

    /// Whether the hub has the user for online; how many members of the group it has.
    pub async fn is_online(&self, uid: &str) -> Option<bool> {
        let (app, uid) = (self.app, Uid::parse(uid).expect("a uid"));
        let user = self.house.store.read(move |read| users::ever(read, app, &uid)).await.expect("reads")?;
        Some(self.house.hub.is_online(user.id))
    }

    pub async fn online_in(&self, guid: &str) -> usize {
        let (app, guid) = (self.app, Guid::parse(guid).expect("a guid"));
        let group = self.house.store.read(move |read| groups::by_guid(read, app, &guid)).await.expect("reads");
        self.house.hub.online_in_group(group.id)
    }

    /// The time of the server, which stands still while its clock is behind.
    pub fn now(&self) -> i64 {
        self.house.store.clock().now()
    }

    /// A change of who hears what that no act made.
    pub fn forge(&self, step: Move) {
        self.house.hub.deliver(vec![Post::Move(step)]);
    }

    /// groups.id and users.id
    pub async fn ids(&self, guid: &str, uid: &str) -> (i64, i64) {
        let app = self.app;
        let (guid, uid) = (Guid::parse(guid).expect("a guid"), Uid::parse(uid).expect("a uid"));
        let found = self.house.store.read(move |read| {
            let user = users::ever(read, app, &uid)?.ok_or(Code::Internal)?;
            Ok((groups::by_guid(read, app, &guid)?.id, user.id))
        });
        found.await.expect("reads")
    }

    /// Changes rows behind the server's back.
    pub fn tamper(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.folder().join("hobnob.db")).expect("opens");
        database.busy_timeout(Duration::from_secs(10)).expect("waits");
        database.execute_batch(sql).expect("sql");
    }

    pub async fn chores(&self) {
        self.house.chores().await.expect("chores are done");
    }

    /// Stops in order and starts again.
    pub async fn restart(&mut self) {
        self.reopen().await;
    }

    /// Ends in the middle of a write of `uid`, which nobody was told of, and starts from what is on disk.
    pub async fn crash(&mut self, uid: &str) {
        let (from, to) = (self.folder(), self.root.join((self.opened + 1).to_string()));
        std::fs::create_dir_all(&to).expect("makes a folder");
        let (app, uid) = (self.app, Uid::parse(uid).expect("a uid"));
        let into = to.clone();
        let cut = self.house.store.write("town.crash", move |tx| {
            if let Some(user) = users::any(tx, app, &uid)? {
                users::set_last_active(tx, user.id, 1)?;
                // Who is deactivated has none.
                let _ = actions::tokens::flush(tx, &apps::by_id(tx, app)?.ok_or(Code::Internal)?, &uid);
            }
            // In this order: what is moved from the log to the database meanwhile is still in the log.
            for name in ["hobnob.db", "hobnob.db-wal"] {
                if from.join(name).exists() {
                    std::fs::copy(from.join(name), into.join(name)).expect("copies");
                }
            }
            Err::<(), _>(Code::Busy.into())
        });
        let cut = cut.await;
        assert!(to.join("hobnob.db").exists(), "the server ended before it was to: {cut:?}");
        self.opened += 1;
        self.reopen().await;
        let _ = std::fs::remove_dir_all(self.root.join((self.opened - 1).to_string()));
    }

    fn folder(&self) -> PathBuf {
        self.root.join(self.opened.to_string())
    }

    async fn reopen(&mut self) {
        // Not both at a time: the old one ends first.
        let empty: Rc<dyn Fn(TestRequest) -> Answering> = Rc::new(|_| unreachable!("closed"));
        self.service = empty;
        let folder = self.folder();
        // A folder of its own for the one that is left behind keeps its last writes out of the new one.
        self.house.hub.close_all();
        let (hub, store) = (self.house.hub.clone(), self.house.store.clone());
        tokio::task::spawn_blocking(move || {
            hub.stop();
            store.close();
        })
        .await
        .expect("closes");
        self.house = open(&folder, &self.clock);
        self.fence = fence(&self.house, &self.fence_jwt.0, &self.fence_jwt.1).await;
        self.service = serve(&self.house).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.house.hub.stop();
        self.house.store.close();
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

fn open(folder: &Path, clock: &Clock) -> House {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }
    let data = folder.to_str().expect("a plain path");
    // A read may take as long as a busy machine needs: how long that is, is no matter of the town.
    let settings = ["town", "--data", data, "--readers", "1", "--rate-limits", "off", "--limit", "read_seconds=3600"];
    let Cli { config } = <Cli as clap::Parser>::parse_from(settings);
    House::open(&config, clock.clone()).expect("opens")
}

async fn fence(house: &House, app_id: &str, jwt: &str) -> Fence {
    let conn = house.hub.open();
    let _ = conn.subscription.set(Subscription::Nobody);
    let _ = conn.device.set("fence".into());
    let (id, app, jwt) = (conn.id, app_id.to_owned(), jwt.to_owned());
    let identity = house.store.write("socket.attach", move |tx| attach(tx, id, &app, &jwt)).await.expect("attaches");
    Fence { conn, caller: Caller::of(identity.app, identity.user, &identity.uid) }
}

async fn serve(house: &House) -> Rc<dyn Fn(TestRequest) -> Answering> {
    let app = actix_web::App::new()
        .app_data(house.api.clone())
        .app_data(ThinData(Rc::new(house.context.clone())))
        .default_service(web::to(hobnob::api::dispatch));
    let service = Rc::new(test::init_service(app).await);
    Rc::new(move |request: TestRequest| {
        let service = service.clone();
        Box::pin(async move {
            let response = service.call(request.to_request()).await.expect("an answer");
            let status = response.status().as_u16();
            let bytes = to_bytes(response.into_body()).await.unwrap_or_default();
            Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
        })
    })
}

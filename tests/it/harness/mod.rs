//! The stage: a server on a free port with a fresh database, and the people who use it.
//!
//! ```ignore
//! let h = Harness::start().await;
//! let (ann, bob) = (h.user("ann").await, h.user("bob").await);
//! let mut sock = ann.connect().await;
//! bob.send("ann", "hi").await;
//! sock.expect(|frame| frame["body"]["data"]["text"] == "hi").await;
//! ```
//!
//! Nothing here sleeps. What must arrive is awaited up to [`DEADLINE`]; that nothing arrives is shown by a fence: a
//! later message that comes first.

pub mod described;
mod dice;
mod pebble;
mod process;
pub mod receiver;
mod socket;
mod visit;

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hobnob::actions;
use hobnob::config::Config;
use hobnob::model::error::Code;
use hobnob::model::limits::Limits;
use hobnob::model::time::Clock;
use hobnob::server::Server;
use hobnob::store::{Store, purge};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

#[allow(unused_imports)] // Not every state of the suite needs a process.
pub use dice::Dice;
pub use pebble::{Pebble, free_port};
pub use process::{Process, hobnob};
pub use socket::Sock;
pub use visit::Visit;

/// How long anything awaited may take. Generous: it only costs time when a test fails.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Where a fixed clock starts.
pub const NOW: i64 = 1_795_000_000;

/// A temporary folder inside the build's own.
pub fn temp_dir() -> TempDir {
    tempfile::Builder::new().prefix("it-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

/// The settings a command line would make.
pub fn config(data: &Path, more: &[&str]) -> Config {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }
    let data = data.to_str().expect("a plain path");
    let fixed = ["it", "--data", data, "--http", "127.0.0.1:0", "--workers", "2", "--readers", "2"];
    let https: &[&str] = if more.contains(&"--https") { &[] } else { &["--https", "off"] };
    <Cli as clap::Parser>::parse_from(fixed.iter().chain(https).chain(more)).config
}

/// A running server inside this process, with one app.
pub struct Harness {
    /// The app most tests need only one of.
    pub app: App,
    pub store: Store,
    /// Stands still until a test moves it.
    pub clock: Clock,
    pub data: PathBuf,
    /// Where metrics have a listener of their own, if they do.
    pub metrics: Option<SocketAddr>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Harness {
    pub async fn start() -> Harness {
        Harness::with(&[]).await
    }

    /// With settings, as on the command line.
    pub async fn with(settings: &[&str]) -> Harness {
        let dir = temp_dir();
        let data = dir.path().to_owned();
        let config = config(&data, settings);
        let clock = Clock::fixed(NOW);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (ready, started) = tokio::sync::oneshot::channel();
        let in_thread = clock.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = Server::start(&config, in_thread).await.expect("the server starts");
                let address = server.http.expect("plain HTTP is on");
                ready.send((address, server.metrics(), server.store.clone())).ok().expect("the test waits");
                let _ = stopped.await;
                server.stop().await;
            });
            drop(dir);
        });
        let (address, metrics, store) = started.await.expect("the server starts");
        let site = Arc::new(Site { base: format!("http://{address}"), http: http() });
        let app = make_app(&site, &store).await;
        Harness { app, store, clock, data, metrics, stop: Some(stop), thread: Some(thread) }
    }

    /// A second app beside the first.
    pub async fn another_app(&self) -> App {
        make_app(&self.app.client.site, &self.store).await
    }

    /// Stops the server as a signal would, and waits until it has.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        let thread = self.thread.take().expect("stops once");
        tokio::task::spawn_blocking(move || thread.join()).await.expect("joins").expect("the server ends well");
    }

    /// Everything that is stored, as text: what is refused must leave it as it is. Without the search index and figures, which
    /// are derived from it at their own pace.
    pub async fn snapshot(&self) -> Snapshot {
        // What was deleted is removed at its own pace: not while two snapshots are compared.
        while let Ok(true) = self.store.write("it", |tx| purge::sweep(tx, purge::PIECE)).await {}
        let path = self.data.join("hobnob.db");
        let database = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
        let database = database.expect("opens");
        let mut tables = database
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'search%' AND name NOT LIKE '%figures' ORDER BY name")
            .expect("sql");
        let tables: Vec<String> =
            tables.query_map([], |row| row.get(0)).expect("sql").map(|row| row.expect("row")).collect();
        let mut text = String::new();
        for table in tables {
            let mut rows = database.prepare(&format!("SELECT * FROM \"{table}\"")).expect("sql");
            let width = rows.column_count();
            let mut rows = rows.query([]).expect("sql");
            while let Some(row) = rows.next().expect("row") {
                text.push_str(&table);
                for at in 0..width {
                    match row.get_ref(at).expect("value") {
                        rusqlite::types::ValueRef::Text(bytes) => {
                            text.push_str(&format!(" '{}'", String::from_utf8_lossy(bytes)));
                        }
                        other => text.push_str(&format!(" {other:?}")),
                    }
                }
                text.push('\n');
            }
        }
        Snapshot(text)
    }

    /// One number from the database: `SELECT count(*) …`.
    pub fn count(&self, sql: &str) -> i64 {
        let database = rusqlite::Connection::open_with_flags(
            self.data.join("hobnob.db"),
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
        );
        database.expect("opens").query_row(sql, [], |row| row.get(0)).expect("counts")
    }
}

/// All rows of a database, a line each.
#[derive(PartialEq)]
pub struct Snapshot(pub String);

impl Snapshot {
    /// Fails with the rows that differ.
    #[track_caller]
    pub fn still(&self, now: Snapshot, what: &str) {
        let rows = |text: &'_ str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
        let (before, after) = (rows(&self.0), rows(&now.0));
        let gone: Vec<_> = before.difference(&after).collect();
        let new: Vec<_> = after.difference(&before).collect();
        assert!(gone.is_empty() && new.is_empty(), "{what}: it wrote. Gone: {gone:#?}. New: {new:#?}");
    }
}

/// `h.user("ann")` is `h.app.user("ann")`.
impl Deref for Harness {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

/// Asks again until the answer fits: for what follows an acknowledgement at its own pace, like who is online.
pub async fn eventually(what: &str, mut fits: impl AsyncFnMut() -> bool) {
    let asked = tokio::time::timeout(DEADLINE, async {
        while !fits().await {
            tokio::task::yield_now().await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

fn http() -> reqwest::Client {
    // Shorter than the server keeps an idle connection: one that it is about to close is not used again.
    let idle = Duration::from_secs(2);
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).pool_idle_timeout(idle);
    client.build().expect("an HTTP client")
}

async fn make_app(site: &Arc<Site>, store: &Store) -> App {
    let made = store.write("it", |tx| actions::apps::create(tx, "It", "us", &Limits::default())).await;
    let made = made.expect("makes an app");
    App::new(site, &made.app_id, &made.auth_key, &made.api_key)
}

/// Where the server is.
pub struct Site {
    pub base: String,
    http: reqwest::Client,
}

impl Site {
    pub fn at(address: &str) -> Arc<Site> {
        Arc::new(Site { base: format!("http://{address}"), http: http() })
    }
}

/// An app with its two keys. As a [`Client`] it acts with the full one.
#[derive(Clone)]
pub struct App {
    pub app_id: String,
    pub auth_key: String,
    pub api_key: String,
    client: Client,
}

impl Deref for App {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl App {
    pub fn new(site: &Arc<Site>, app_id: &str, auth_key: &str, api_key: &str) -> App {
        let client = Client::nobody(site).with("appId", app_id).with("apiKey", api_key);
        App { app_id: app_id.into(), auth_key: auth_key.into(), api_key: api_key.into(), client }
    }

    /// A caller without any header.
    pub fn nobody(&self) -> Client {
        Client::nobody(&self.client.site)
    }

    /// The auth-only key.
    pub fn auth_only(&self) -> Client {
        self.nobody().with("appId", &self.app_id).with("apiKey", &self.auth_key)
    }

    /// The full key on behalf of a user.
    pub fn behalf(&self, uid: &str) -> Client {
        self.client.clone().with("onBehalfOf", uid)
    }

    /// A new user, logged in. The name is the uid with a capital.
    pub async fn user(&self, uid: &str) -> User {
        self.user_with(uid, json!({})).await
    }

    pub async fn user_with(&self, uid: &str, more: Value) -> User {
        let mut body = json!({"uid": uid, "name": name_of(uid)});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.post("/users", body).await.ok();
        self.log_in(uid).await
    }

    /// One more login of a user that exists: another device.
    pub async fn log_in(&self, uid: &str) -> User {
        static DEVICES: AtomicU32 = AtomicU32::new(1);
        let made = self.auth_only().post(&format!("/users/{uid}/auth_tokens"), json!({})).await.ok();
        let token = made["authToken"].as_str().expect("a token").to_owned();
        let device = format!("IT-{uid}-{}", DEVICES.fetch_add(1, Ordering::Relaxed));
        let client = self.nobody().with("appId", &self.app_id).with("authToken", &token).with("resource", &device);
        let me = client.get("/me").await.ok();
        let jwt = me["jwt"].as_str().expect("a jwt").to_owned();
        User { uid: uid.to_owned(), token, jwt, device, app: self.clone(), client }
    }

    /// A public group of `owner` with participants.
    pub async fn group(&self, guid: &str, owner: &User, participants: &[&User]) {
        self.group_of(guid, "public", owner, participants).await;
    }

    pub async fn group_of(&self, guid: &str, kind: &str, owner: &User, participants: &[&User]) {
        let uids: Vec<&str> = participants.iter().map(|user| &*user.uid).collect();
        let mut body = json!({"guid": guid, "name": name_of(guid), "type": kind, "owner": owner.uid});
        if kind == "password" {
            body["password"] = json!("sesame");
        }
        self.post("/groups", body).await.ok();
        for some in uids.chunks(25) {
            self.post(&format!("/groups/{guid}/members"), json!({"participants": some})).await.ok();
        }
    }
}

/// `ann` is called Ann.
pub fn name_of(id: &str) -> String {
    let mut letters = id.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A logged-in user on one device. As a [`Client`] it acts with its auth token.
#[derive(Clone)]
pub struct User {
    pub uid: String,
    pub token: String,
    pub jwt: String,
    /// The client session: `resource` header and the socket's deviceId.
    pub device: String,
    pub app: App,
    client: Client,
}

impl Deref for User {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl User {
    /// The same login at a server that was started again.
    pub fn at(&self, app: &App) -> User {
        let client = Client { site: app.client.site.clone(), headers: self.client.headers.clone() };
        User { app: app.clone(), client, ..self.clone() }
    }

    /// The same login with another value of a header.
    pub fn with_header(&self, name: &str, value: &str) -> Client {
        self.client.clone().with(name, value)
    }

    /// The same user and login, whose session gives itself another name.
    pub fn named(&self, device: &str) -> User {
        let client = self.with_header("resource", device);
        User { device: device.to_owned(), client, ..self.clone() }
    }

    /// The same user on another device.
    pub async fn again(&self) -> User {
        self.app.log_in(&self.uid).await
    }

    /// A socket, authenticated, without presence.
    pub async fn connect(&self) -> Sock {
        self.connect_with(json!({})).await
    }

    /// A socket with more in the auth frame's body, e.g. `presenceSubscription`.
    pub async fn connect_with(&self, more: Value) -> Sock {
        let mut sock = self.app.socket().await;
        let accepted = sock.authenticate(self, more).await;
        assert_eq!(accepted["body"]["code"], "200", "{accepted}");
        sock
    }

    /// Sends a text to a user; gives the message.
    pub async fn send(&self, uid: &str, text: &str) -> Value {
        self.post("/messages", text_to("user", uid, text)).await.ok()
    }

    /// Sends a text to a group; gives the message.
    pub async fn send_group(&self, guid: &str, text: &str) -> Value {
        self.post("/messages", text_to("group", guid, text)).await.ok()
    }
}

/// The body of a text message.
pub fn text_to(kind: &str, receiver: &str, text: &str) -> Value {
    json!({"receiver": receiver, "receiverType": kind, "category": "message", "type": "text", "data": {"text": text}})
}

/// The id of a message, which stands in JSON as text.
#[track_caller]
pub fn id_of(message: &Value) -> i64 {
    let id = &message["id"];
    id.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("a message id in {message}"))
}

/// Somebody who makes requests with a set of headers.
#[derive(Clone)]
pub struct Client {
    site: Arc<Site>,
    headers: Vec<(String, String)>,
}

impl Client {
    pub fn nobody(site: &Arc<Site>) -> Client {
        Client { site: site.clone(), headers: Vec::new() }
    }

    /// The same with one header more, or another value of it.
    pub fn with(mut self, name: &str, value: &str) -> Client {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn base(&self) -> &str {
        &self.site.base
    }

    /// A socket that has not said who it is.
    pub async fn socket(&self) -> Sock {
        Sock::open(self.site.base.strip_prefix("http://").expect("plain HTTP")).await
    }

    pub async fn narrow_socket(&self) -> Sock {
        Sock::open_narrow(self.site.base.strip_prefix("http://").expect("plain HTTP")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// GET of a path as it is, without the version in front.
    pub async fn at_path(&self, path: &str) -> Answer {
        self.fetch(Method::GET, path.to_owned(), None).await.expect("an answer")
    }

    /// POST to a path as it is.
    pub async fn post_at(&self, path: &str, body: Value) -> Answer {
        self.fetch(Method::POST, path.to_owned(), Some(body.to_string().into_bytes())).await.expect("an answer")
    }

    /// A call of an extension, as a client makes it: by a name of its own. The region is echoed and says nothing.
    pub async fn extension(&self, slug: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let named = self.clone().with("host", &format!("{slug}-us.ext.localhost:8443"));
        let body = body.map(|body| body.to_string().into_bytes());
        named.fetch(method, format!("/{path}"), body).await.expect("an answer")
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub async fn delete_with(&self, path: &str, body: Value) -> Answer {
        self.call(Method::DELETE, path, Some(body)).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.raw(method, path, body.map(|body| body.to_string().into_bytes())).await
    }

    /// With any bytes as the body.
    pub async fn raw(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Answer {
        self.try_raw(method, path, body).await.expect("an answer")
    }

    /// As `raw`, for when the server may be gone.
    pub async fn try_raw(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> reqwest::Result<Answer> {
        self.fetch(method, format!("/v3{path}"), body).await
    }

    async fn fetch(&self, method: Method, path: String, body: Option<Vec<u8>>) -> reqwest::Result<Answer> {
        let what = format!("{method} {path}");
        let mut request = self.site.http.request(method.clone(), format!("{}{path}", self.site.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            let typed = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            request = if typed { request } else { request.header("Content-Type", "application/json") }.body(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status == 200 {
            let wrong = described::complaints(&method, &path, &body);
            assert!(wrong.is_empty(), "{what} is described otherwise: {wrong:#?} {text}");
        }
        Ok(Answer { what, status, headers, body, text })
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub what: String,
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The `data` of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status == 200, "{} -> {} {}", self.what, self.status, self.text);
        assert!(self.body["data"] != Value::Null, "{}: no data in {}", self.what, self.text);
        self.body["data"].clone()
    }

    /// The items of a list.
    #[track_caller]
    pub fn list(self) -> Vec<Value> {
        self.ok().as_array().expect("a list").clone()
    }

    /// One field of each item of a list.
    #[track_caller]
    pub fn each(self, field: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.list().iter().map(|item| text(&item[field])).collect()
    }

    /// The contract's code of a refusal; `None`: it was a success.
    pub fn code(&self) -> Option<&str> {
        self.body["error"]["code"].as_str()
    }

    /// Checks that it was refused for this reason, in the contract's envelope. Gives the `error` object.
    #[track_caller]
    pub fn refused(self, code: Code) -> Value {
        assert_eq!(self.code(), Some(code.as_str()), "{} -> {} {}", self.what, self.status, self.text);
        assert_eq!(self.status, code.status(), "{} -> {}", self.what, self.text);
        self.error()
    }

    /// Checks the form of a refusal, whichever it is. Gives the `error` object.
    #[track_caller]
    pub fn envelope(self) -> Value {
        assert!((400..500).contains(&self.status), "{} -> {} {}", self.what, self.status, self.text);
        self.error()
    }

    #[track_caller]
    fn error(self) -> Value {
        let error = &self.body["error"];
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{}: {}", self.what, self.text);
        assert!(error["code"].is_string() && self.body.get("data").is_none(), "{}: {}", self.what, self.text);
        error.clone()
    }
}

//! The bare baseline: what actix-web, actix-ws and rusqlite can do on this machine with Hobnob's durability and
//! nothing else. No permissions, no limits, no receipts, no conversations: the difference between this program's
//! figures and the server's is what the contract costs.
//!
//! It answers just enough of the same wire (users, tokens, `me`, groups, members, messages, the socket) for
//! `examples/load` to run on it unmodified, and it keeps the three promises that decide the figures:
//!
//! - **Acknowledged means on disk**: WAL, `synchronous=FULL`, one writer thread with group commit (take what is queued,
//!   one transaction, commit, only then answer and deliver).
//! - **Delivered in commit order**: the writer thread itself offers the frames to the sockets.
//! - **Bounded queues**: a socket that does not keep up loses its queue and is closed; a full writer answers 503.
//!
//! A token is the uid with a suffix, so nothing about users has to be remembered; groups live in memory only.

use std::{
    any::Any,
    cell::RefCell,
    collections::HashMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
        mpsc as std_mpsc,
    },
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, http::header, rt, web};
use actix_ws::Message;
use bytestring::ByteString;
use clap::{Parser, Subcommand};
use futures_util::StreamExt;
use rusqlite::{Connection, OpenFlags, params};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::sync::{mpsc, oneshot};

/// Most messages in one transaction. With more queued than this, the rest waits for the next commit.
const BATCH: usize = 512;
/// Jobs waiting for the writer; one more is answered with 503.
const WRITER_QUEUE: usize = 8192;
/// Frames waiting for one socket; one more closes it.
const SOCKET_QUEUE: usize = 512;

const APP_ID: &str = "bare";

#[derive(Parser)]
#[command(about = "The bare baseline for the load generator")]
enum Cli {
    /// Serve the data directory
    Serve {
        #[arg(long)]
        data: PathBuf,
        #[arg(long, default_value = "127.0.0.1:0")]
        http: String,
        /// Taken and ignored, so that the load generator can start both programs alike
        #[arg(long)]
        https: Option<String>,
    },
    /// Applications
    #[command(subcommand)]
    App(AppCommand),
}

#[derive(Subcommand)]
enum AppCommand {
    /// Print the keys of the one application there is
    Create {
        name: String,
        #[arg(long)]
        data: PathBuf,
        #[arg(long)]
        json: bool,
    },
}

fn main() -> std::io::Result<()> {
    match Cli::parse() {
        Cli::App(AppCommand::Create { .. }) => {
            println!("{}", json!({"appId": APP_ID, "region": "us", "authKey": "bare", "apiKey": "bare"}));
            Ok(())
        }
        Cli::Serve { data, http, .. } => rt::System::new().block_on(serve(&data, &http)),
    }
}

async fn serve(data: &Path, address: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(data)?;
    let file = data.join("bare.db");
    let hub = Arc::new(Hub::default());
    let bare = web::Data::new(Bare {
        writer: start_writer(&file, Arc::clone(&hub)).map_err(std::io::Error::other)?,
        hub,
        file,
    });

    let server = HttpServer::new(move || {
        App::new().app_data(bare.clone()).route("/", web::get().to(socket)).service(
            web::scope("/v3")
                .route("/settings", web::get().to(settings))
                .route("/users", web::post().to(create_user))
                .route("/users/{uid}/auth_tokens", web::post().to(create_token))
                .route("/users/{uid}/messages", web::get().to(user_history))
                .route("/me", web::put().to(me))
                .route("/groups", web::post().to(create_group))
                .route("/groups/{guid}/members", web::post().to(add_members))
                .route("/groups/{guid}/messages", web::get().to(group_history))
                .route("/messages", web::post().to(send)),
        )
    })
    // Without this every small answer may wait for the peer's delayed acknowledgement.
    .on_connect(|io: &dyn Any, _| {
        if let Some(stream) = io.downcast_ref::<rt::net::TcpStream>() {
            let _ = stream.set_nodelay(true);
        }
    })
    .bind(address)?;

    for address in server.addrs() {
        println!("bare: listening on http://{address}");
    }
    server.run().await
}

struct Bare {
    writer: std_mpsc::SyncSender<Job>,
    hub: Arc<Hub>,
    file: PathBuf,
}

// ---- users, tokens, groups: answered from the request itself or from memory ----

async fn settings() -> impl Responder {
    HttpResponse::Ok().json(json!({"data": {}}))
}

#[derive(Deserialize)]
struct NewUser {
    uid: String,
    name: String,
}

async fn create_user(body: web::Json<NewUser>) -> impl Responder {
    HttpResponse::Ok()
        .json(json!({"data": {"uid": body.uid, "name": body.name, "status": "offline", "role": "default"}}))
}

// The bodies nobody needs are read all the same: actix closes a connection whose request body was left unread.
async fn create_token(uid: web::Path<String>, _body: web::Bytes) -> impl Responder {
    let uid = uid.into_inner();
    let token = format!("{uid}_{:0>40x}", now());
    HttpResponse::Ok().json(json!({"data": {"uid": uid, "authToken": token, "createdAt": now()}}))
}

async fn me(request: HttpRequest, _body: web::Bytes) -> impl Responder {
    let Some((token, uid)) = caller(&request) else {
        return HttpResponse::Unauthorized().finish();
    };
    HttpResponse::Ok()
        .json(json!({"data": {"uid": uid, "name": uid, "authToken": token, "jwt": token, "settings": {}}}))
}

#[derive(Deserialize)]
struct NewGroup {
    guid: String,
    name: String,
    owner: Option<String>,
}

async fn create_group(bare: web::Data<Bare>, body: web::Json<NewGroup>) -> impl Responder {
    bare.hub.lock().add_members(&body.guid, body.owner.as_slice());
    HttpResponse::Ok().json(json!({"data": {"guid": body.guid, "name": body.name, "type": "public"}}))
}

#[derive(Deserialize)]
struct NewMembers {
    participants: Vec<String>,
}

async fn add_members(bare: web::Data<Bare>, guid: web::Path<String>, body: web::Json<NewMembers>) -> impl Responder {
    bare.hub.lock().add_members(&guid, &body.participants);
    let added: serde_json::Map<_, _> =
        body.participants.iter().map(|uid| (uid.clone(), json!({"success": true}))).collect();
    HttpResponse::Ok().json(json!({"data": {"participants": added}}))
}

/// The token of the request and the uid in it.
fn caller(request: &HttpRequest) -> Option<(&str, &str)> {
    let token = request.headers().get("authToken")?.to_str().ok()?;
    Some((token, uid_in(token)?))
}

fn uid_in(token: &str) -> Option<&str> {
    Some(token.rsplit_once('_')?.0)
}

// ---- messages ----

#[derive(Deserialize)]
struct NewMessage<'a> {
    receiver: &'a str,
    #[serde(rename = "receiverType")]
    receiver_type: &'a str,
    #[serde(borrow)]
    muid: Option<&'a RawValue>,
    #[serde(borrow)]
    data: NewData<'a>,
}

#[derive(Deserialize)]
struct NewData<'a> {
    #[serde(borrow)]
    text: &'a RawValue,
}

async fn send(bare: web::Data<Bare>, request: HttpRequest, body: web::Bytes) -> impl Responder {
    let Some((_, sender)) = caller(&request) else {
        return HttpResponse::Unauthorized().finish();
    };
    let Ok(new) = serde_json::from_slice::<NewMessage>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let to_group = new.receiver_type == "group";
    let (answer, answered) = oneshot::channel();
    let job = Job {
        message: Row {
            id: 0,
            sender: sender.into(),
            receiver: new.receiver.into(),
            to_group,
            text: new.data.text.get().into(),
            sent_at: now(),
        },
        muid: new.muid.map_or("null", RawValue::get).into(),
        answer,
    };
    if bare.writer.try_send(job).is_err() {
        return HttpResponse::ServiceUnavailable().finish();
    }
    match answered.await {
        Ok(body) => json_reply(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
    id: Option<i64>,
}

async fn user_history(
    bare: web::Data<Bare>,
    request: HttpRequest,
    uid: web::Path<String>,
    page: web::Query<Page>,
) -> impl Responder {
    match caller(&request) {
        Some((_, me)) => history(&bare, conversation(me, &uid, false), page.into_inner()).await,
        None => HttpResponse::Unauthorized().finish(),
    }
}

async fn group_history(bare: web::Data<Bare>, guid: web::Path<String>, page: web::Query<Page>) -> impl Responder {
    history(&bare, conversation("", &guid, true), page.into_inner()).await
}

/// The newest page before `id`, oldest first.
async fn history(bare: &Bare, conversation: String, page: Page) -> HttpResponse {
    thread_local!(static READER: RefCell<Option<Connection>> = const { RefCell::new(None) });
    let file = bare.file.clone();
    let rows = web::block(move || {
        READER.with_borrow_mut(|reader| {
            let db = match reader {
                Some(db) => db,
                None => reader.insert(Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?),
            };
            read_page(db, &conversation, &page)
        })
    })
    .await;
    match rows {
        Ok(Ok(body)) => json_reply(body.into()),
        _ => HttpResponse::InternalServerError().finish(),
    }
}

fn read_page(db: &Connection, conversation: &str, page: &Page) -> rusqlite::Result<String> {
    let limit = page.limit.unwrap_or(50).min(1000);
    let mut query = db.prepare_cached(
        "SELECT id, sender, receiver, to_group, body, sent_at FROM messages
         WHERE conversation = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let mut rows = query
        .query_map(params![conversation, page.id.unwrap_or(i64::MAX), limit as i64], |row| {
            Ok(Row {
                id: row.get(0)?,
                sender: row.get(1)?,
                receiver: row.get(2)?,
                to_group: row.get(3)?,
                text: row.get(4)?,
                sent_at: row.get(5)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    rows.reverse();

    let mut out = String::with_capacity(rows.len() * 700 + 100);
    out.push_str(r#"{"data":["#);
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        row.encode("null", &mut out);
    }
    let _ = write!(out, r#"],"meta":{{"current":{{"limit":{limit},"count":{}}}}}}}"#, rows.len());
    Ok(out)
}

fn json_reply(body: ByteString) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(body)
}

struct Row {
    id: i64,
    sender: String,
    receiver: String,
    to_group: bool,
    /// The text as JSON, quotes included: it is never looked into.
    text: String,
    sent_at: i64,
}

impl Row {
    /// The message object of the contract, with the entities a client needs.
    fn encode(&self, muid: &str, out: &mut String) {
        let Row { id, sender, receiver, text, sent_at, .. } = self;
        let conversation = self.conversation();
        let _ = write!(
            out,
            r#"{{"id":"{id}","muid":{muid},"conversationId":"{conversation}","sender":"{sender}","receiver":"{receiver}","receiverType":"{}","category":"message","type":"text","data":{{"text":{text},"entities":{{"sender":{{"entity":{{"uid":"{sender}","name":"{sender}","status":"available","role":"default","createdAt":1795000000}},"entityType":"user"}},"receiver":{{"entity":"#,
            self.receiver_type(),
        );
        let _ = if self.to_group {
            write!(
                out,
                r#"{{"guid":"{receiver}","name":"{receiver}","type":"public","owner":"app_system","membersCount":1,"conversationId":"{conversation}","createdAt":1795000000}},"entityType":"group"}}"#
            )
        } else {
            write!(
                out,
                r#"{{"uid":"{receiver}","name":"{receiver}","status":"available","role":"default","conversationId":"{conversation}","createdAt":1795000000}},"entityType":"user"}}"#
            )
        };
        let _ = write!(out, r#"}}}},"sentAt":{sent_at},"updatedAt":{sent_at}}}"#);
    }

    /// The frame that carries `message` to the sockets.
    fn frame(&self, message: &str) -> ByteString {
        format!(
            r#"{{"appId":"{APP_ID}","type":"message","sender":"{}","receiver":"{}","receiverType":"{}","deviceId":"rest","body":{message}}}"#,
            self.sender, self.receiver, self.receiver_type(),
        )
        .into()
    }

    fn receiver_type(&self) -> &'static str {
        if self.to_group { "group" } else { "user" }
    }

    fn conversation(&self) -> String {
        conversation(&self.sender, &self.receiver, self.to_group)
    }
}

fn conversation(sender: &str, receiver: &str, to_group: bool) -> String {
    if to_group {
        format!("group_{receiver}")
    } else if sender < receiver {
        format!("{sender}_user_{receiver}")
    } else {
        format!("{receiver}_user_{sender}")
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs() as i64)
}

// ---- the writer: one thread, group commit ----

struct Job {
    message: Row,
    muid: String,
    answer: oneshot::Sender<ByteString>,
}

fn start_writer(file: &Path, hub: Arc<Hub>) -> rusqlite::Result<std_mpsc::SyncSender<Job>> {
    let db = Connection::open(file)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         CREATE TABLE IF NOT EXISTS messages (
           id INTEGER PRIMARY KEY,
           conversation TEXT NOT NULL,
           sender TEXT NOT NULL,
           receiver TEXT NOT NULL,
           to_group INTEGER NOT NULL,
           body TEXT NOT NULL,
           sent_at INTEGER NOT NULL
         ) STRICT;
         CREATE INDEX IF NOT EXISTS messages_by_conversation ON messages (conversation, id);",
    )?;
    let (sender, jobs) = std_mpsc::sync_channel(WRITER_QUEUE);
    std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || write_batches(&db, &jobs, &hub))
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    Ok(sender)
}

fn write_batches(db: &Connection, jobs: &std_mpsc::Receiver<Job>, hub: &Hub) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = jobs.recv() {
        batch.push(first);
        match commit(db, jobs, &mut batch) {
            Ok(()) => publish(&mut batch, hub),
            // Dropping the jobs drops their answers: the waiting requests become 500.
            Err(error) => {
                eprintln!("bare: commit failed: {error}");
                let _ = db.execute_batch("ROLLBACK");
                batch.clear();
            }
        }
    }
}

/// Writes `batch`, and what arrives while it does, in one transaction.
fn commit(db: &Connection, jobs: &std_mpsc::Receiver<Job>, batch: &mut Vec<Job>) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO messages (conversation, sender, receiver, to_group, body, sent_at) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut written = 0;
    while written < batch.len() {
        let row = &mut batch[written].message;
        insert.execute(params![row.conversation(), row.sender, row.receiver, row.to_group, row.text, row.sent_at])?;
        row.id = db.last_insert_rowid();
        written += 1;
        if batch.len() < BATCH
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
    }
    db.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

/// Tells receivers and senders, in commit order.
fn publish(batch: &mut Vec<Job>, hub: &Hub) {
    let mut hub = hub.lock();
    for Job { message, muid, answer } in batch.drain(..) {
        let mut reply = String::with_capacity(1024);
        reply.push_str(r#"{"data":"#);
        message.encode(&muid, &mut reply);
        let frame = message.frame(&reply[r#"{"data":"#.len()..]);
        reply.push('}');
        hub.offer(&message, &frame);
        let _ = answer.send(reply.into());
    }
}

// ---- the hub: who is connected, by user and by group ----

#[derive(Default)]
struct Hub(Mutex<Index>);

#[derive(Default)]
struct Index {
    users: HashMap<String, Vec<Outlet>>,
    groups: HashMap<String, Vec<Outlet>>,
    /// uid -> the groups it is in
    memberships: HashMap<String, Vec<String>>,
}

/// One connection's queue.
#[derive(Clone)]
struct Outlet {
    connection: u64,
    queue: mpsc::Sender<ByteString>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Index> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Index {
    fn add_members(&mut self, guid: &str, uids: &[String]) {
        let group = self.groups.entry(guid.into()).or_default();
        for uid in uids {
            let joined = self.memberships.entry(uid.clone()).or_default();
            if joined.iter().any(|known| known == guid) {
                continue;
            }
            joined.push(guid.into());
            group.extend(self.users.get(uid).into_iter().flatten().cloned());
        }
    }

    fn attach(&mut self, uid: &str, outlet: Outlet) {
        for guid in self.memberships.get(uid).into_iter().flatten() {
            self.groups.entry(guid.clone()).or_default().push(outlet.clone());
        }
        self.users.entry(uid.into()).or_default().push(outlet);
    }

    fn detach(&mut self, uid: &str, connection: u64) {
        let keep = |outlet: &Outlet| outlet.connection != connection;
        for guid in self.memberships.get(uid).into_iter().flatten() {
            if let Some(group) = self.groups.get_mut(guid) {
                group.retain(keep);
            }
        }
        if let Some(outlets) = self.users.get_mut(uid) {
            outlets.retain(keep);
            if outlets.is_empty() {
                self.users.remove(uid);
            }
        }
    }

    /// A queue that is full or gone leaves the index; with its last sender its socket task ends.
    fn offer(&mut self, message: &Row, frame: &ByteString) {
        let outlets = if message.to_group {
            self.groups.get_mut(&message.receiver)
        } else {
            self.users.get_mut(&message.receiver)
        };
        if let Some(outlets) = outlets {
            outlets.retain(|outlet| outlet.queue.try_send(frame.clone()).is_ok());
        }
    }
}

// ---- the socket ----

async fn socket(bare: web::Data<Bare>, request: HttpRequest, body: web::Payload) -> actix_web::Result<HttpResponse> {
    if !request.headers().contains_key(header::UPGRADE) {
        return Ok(HttpResponse::Ok().body("bare"));
    }
    let (response, session, incoming) = actix_ws::handle(&request, body)?;
    rt::spawn(converse(Arc::clone(&bare.hub), session, incoming));
    Ok(response)
}

#[derive(Deserialize)]
struct Auth<'a> {
    #[serde(borrow)]
    body: AuthBody<'a>,
}

#[derive(Deserialize)]
struct AuthBody<'a> {
    auth: &'a str,
}

async fn converse(hub: Arc<Hub>, mut session: actix_ws::Session, mut incoming: actix_ws::MessageStream) {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

    let Some(Ok(Message::Text(first))) = incoming.next().await else {
        return;
    };
    let Some(uid) =
        serde_json::from_str::<Auth>(&first).ok().and_then(|auth| uid_in(auth.body.auth).map(str::to_owned))
    else {
        let _ = session.close(None).await;
        return;
    };
    drop(first);
    let accepted = format!(
        r#"{{"appId":"{APP_ID}","type":"auth","sender":"{uid}","receiver":"{uid}","receiverType":"user","body":{{"action":"auth","code":"200","status":"OK"}}}}"#
    );
    if session.text(accepted).await.is_err() {
        return;
    }

    let connection = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    let (queue, mut frames) = mpsc::channel(SOCKET_QUEUE);
    hub.lock().attach(&uid, Outlet { connection, queue });
    relay(&mut session, &mut incoming, &mut frames).await;
    hub.lock().detach(&uid, connection);
    let _ = session.close(None).await;
}

/// Until either side ends: frames out, pings answered.
async fn relay(
    session: &mut actix_ws::Session,
    incoming: &mut actix_ws::MessageStream,
    frames: &mut mpsc::Receiver<ByteString>,
) {
    loop {
        let sent = tokio::select! {
            frame = frames.recv() => {
                let Some(mut frame) = frame else { return };
                loop {
                    if session.text(frame).await.is_err() {
                        return;
                    }
                    match frames.try_recv() {
                        Ok(next) => frame = next,
                        Err(_) => break Ok(()),
                    }
                }
            }
            message = incoming.next() => match message {
                Some(Ok(Message::Text(text))) if text.contains(r#""ping""#) => {
                    session.text(ByteString::from_static(r#"{"action":"pong"}"#)).await
                }
                Some(Ok(Message::Ping(bytes))) => session.pong(&bytes).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => Ok(()),
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

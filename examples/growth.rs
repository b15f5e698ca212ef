//! One group with very many members, and one user with very many conversations: how long what is done with them takes, over HTTP.
//!
//! ```text
//! cargo run --release --example growth -- --users 100000 --conversations 5000
//! ```
//!
//! The group `everybody` has all users; `user1` has a conversation with each of the next ones, and with it a share of the messages.
//! Words follow Zipf's law. Beside what a request takes, a column says how long other writes had to wait meanwhile: a write
//! that does nothing is asked for every millisecond. Prints a Markdown table; nothing is kept.

#[path = "shared/ask.rs"]
mod ask;
#[path = "shared/chance.rs"]
mod chance;
#[path = "shared/stage.rs"]
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ask::{Asker, Times};
use chance::{Dice, word};
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use hobnob::actions;
use hobnob::config::{Config, Folder};
use hobnob::model::caller::Caller;
use hobnob::model::error::Result;
use hobnob::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use hobnob::model::ids::Guid;
use hobnob::model::json::Object;
use hobnob::model::limits::Limits;
use hobnob::model::message::{Ask, Draft};
use hobnob::model::time::Clock;
use hobnob::server::Server;
use hobnob::store::{Store, Write, search};
use stage::{BATCH, name, users};
use tokio_tungstenite::tungstenite::Message;

#[derive(Parser)]
struct Cli {
    /// All of them are in the group
    #[arg(long, default_value_t = 100_000)]
    users: usize,
    /// Of one user
    #[arg(long, default_value_t = 5_000)]
    conversations: usize,
    /// Half of them in the group, the others in these conversations
    #[arg(long, default_value_t = 200_000)]
    messages: usize,
    /// Requests for each line
    #[arg(long, default_value_t = 50)]
    requests: usize,
    /// Folder for the database; removed afterwards
    #[arg(long, default_value = "target/growth")]
    folder: std::path::PathBuf,
    #[command(flatten)]
    config: Config,
}

const VOCABULARY: usize = 30_000;

fn draft(kind: &str, receiver: &str, text: &str) -> Result<Draft> {
    let data = format!(r#"{{"text":"{text}"}}"#);
    let ask = Ask {
        receiver: Some(receiver),
        receiver_type: Some(kind),
        kind: Some("text"),
        data: Object::parse(&data).unwrap_or_default(),
        ..Ask::default()
    };
    Draft::parse(ask, &Limits::default())
}

/// The app, its key, and the first people.
async fn fill(cli: &Cli, store: &Store) -> Result<(String, String, Vec<Caller>)> {
    let limits = Limits { bulk: BATCH, members: cli.users as i64 + 10, ..Limits::default() };
    let (app, key) = store
        .write("growth", |tx| {
            let made = actions::apps::create(tx, "Growth", "us", &Limits::default())?;
            Ok((actions::apps::find(tx, &made.app_id)?, made.api_key))
        })
        .await?;
    let people = users(store, &app, 0..cli.users, cli.conversations + 2).await?;
    for from in (1..cli.users).step_by(BATCH) {
        let (upto, owner, limits) = ((from + BATCH).min(cli.users), people[0].clone(), limits.clone());
        let add = move |tx: &mut Write<'_>| {
            let participants = (from..upto).map(|n| format!("user{n}")).collect();
            let (guid, members) = (Guid::parse("everybody")?, MemberLists { participants, ..MemberLists::default() });
            if from == 1 {
                let (name, profile) = ("Everybody".to_owned(), GroupProfile::default());
                let kind = GroupType::Public;
                let group = GroupDraft { guid, name, kind, password_hash: None, owner: None, profile, members };
                return actions::groups::create(tx, &owner, group, &limits).map(drop);
            }
            actions::members::add(tx, &owner, &guid, members, &limits).map(drop)
        };
        store.write("growth", add).await?;
    }
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    for from in (0..cli.messages).step_by(BATCH) {
        let mut drafts = Vec::new();
        for n in from..(from + BATCH).min(cli.messages) {
            let words: Vec<String> = (0..4 + dice.below(12)).map(|_| common_word(&mut dice)).collect();
            let text = words.join(" ");
            // Each of the conversations first has one, in turn.
            let other = 2 + (n / 2) % cli.conversations;
            drafts.push(match n % 4 {
                1 => (people[1].clone(), draft("user", &people[other].uid, &text)?),
                3 => (people[other].clone(), draft("user", "user1", &text)?),
                _ => (people[dice.below(people.len())].clone(), draft("group", "everybody", &text)?),
            });
        }
        let send = move |tx: &mut Write<'_>| {
            drafts.into_iter().try_for_each(|(caller, draft)| actions::messages::send(tx, &caller, draft).map(drop))
        };
        store.write("growth", send).await?;
    }
    while store.read(search::waiting).await? > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok((app.app_id.to_string(), key, people))
}

/// A word by Zipf's law; number 0 is the most common.
fn common_word(dice: &mut Dice) -> String {
    word(((VOCABULARY as f64).powf(dice.roll()) - 1.0) as usize)
}

/// The longest that a write which does nothing waited since it was last asked.
struct Waits {
    longest: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Waits {
    fn watch(store: &Store) -> Waits {
        let waits = Waits { longest: Arc::default(), over: Arc::default() };
        let (store, longest, over) = (store.clone(), waits.longest.clone(), waits.over.clone());
        actix_web::rt::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                let _ = store.write("wait", |_| Ok(())).await;
                longest.fetch_max(began.elapsed().as_micros() as u64, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        waits
    }

    fn ms(&self) -> f64 {
        self.longest.swap(0, Ordering::Relaxed) as f64 / 1e3
    }
}

/// What a client is told about who is logged in, and what it connects with.
async fn me(base: &str, app: &str, token: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = http.put(format!("http://{base}/v3/me")).header("appId", app).header("authToken", token);
    let body = r#"{"platform":"WEB","deviceId":"growth"}"#;
    let answer = request.header("content-type", "application/json").body(body).send().await.expect("an answer");
    answer.text().await.expect("text")
}

/// Logs in and connects; how long each took.
async fn log_in(asker: &Asker, base: &str, app: &str, uid: &str) -> (Duration, Duration) {
    let field = |text: &str, name: &str| -> String {
        let answer: serde_json::Value = serde_json::from_str(text).expect("JSON");
        answer["data"][name].as_str().expect(name).to_owned()
    };
    let (text, login) = asker.ask("POST", &format!("/users/{uid}/auth_tokens"), "", "{}").await;
    let jwt = field(&me(base, app, &field(&text, "authToken")).await, "jwt");
    let began = Instant::now();
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{base}/")).await.expect("a socket");
    let frame = serde_json::json!({
        "appId": app, "deviceId": "growth", "type": "auth", "sender": uid,
        "body": {"auth": jwt, "deviceId": "growth", "params": {"appInfo": {"version": "4.0.0"}, "platform": "javascript"}},
    });
    socket.send(Message::text(frame.to_string())).await.expect("sent");
    while let Some(Ok(frame)) = socket.next().await {
        let text = frame.into_text().unwrap_or_default();
        if text.contains("\"auth\"") {
            assert!(text.contains("200"), "{text}");
            break;
        }
    }
    (login, began.elapsed())
}

async fn measure(cli: &Cli, server: &Server, (app, key, people): (String, String, Vec<Caller>)) {
    let base = server.http.expect("plain HTTP").to_string();
    let asker = Asker::new(format!("http://{base}"), app.clone(), key);
    let waits = Waits::watch(&server.store);
    let line = |what: &str, times: Times| {
        println!("| {what} | {:.2} | {:.2} | {:.1} |", times.p50, times.p99, waits.ms());
    };
    println!("| what | p50 ms | p99 ms | longest wait of a write, ms |\n| --- | ---: | ---: | ---: |");
    let group = "/groups/everybody";
    let writes = |method: &'static str, paths: Vec<(String, String, String)>| {
        let asker = &asker;
        async move {
            let mut times = Vec::new();
            for (path, uid, body) in paths {
                times.push(asker.ask(method, &path, &uid, &body).await.1);
            }
            Times::of(times)
        }
    };
    let some = || (0..cli.requests).map(|n| n + cli.users / 2);
    let text =
        r#"{"receiver":"everybody","receiverType":"group","category":"message","type":"text","data":{"text":"hello"}}"#;
    waits.ms();
    let sends = (0..cli.requests).map(|_| ("/messages".to_owned(), "user1".to_owned(), text.to_owned())).collect();
    line("group: send into it", writes("POST", sends).await);
    let kicks = some().map(|n| (format!("{group}/members/user{n}"), "user0".to_owned(), String::new())).collect();
    line("” kick one", writes("DELETE", kicks).await);
    let joins = some().map(|n| (format!("{group}/members"), format!("user{n}"), "{}".to_owned())).collect();
    line("” join", writes("POST", joins).await);
    let reads = some().map(|n| (format!("{group}/conversation/read"), format!("user{}", n + 1000), "{}".to_owned()));
    line("” mark it read", writes("POST", reads.collect()).await);

    let sought = name(777).split(' ').next().unwrap_or_default().to_lowercase();
    let last = cli.users / 30;
    let word0 = word(0);
    let all = "/messages?limit=30";
    for (what, path, uid) in [
        ("” the group, by a member", group.to_owned(), "user7"),
        ("” members, first page", format!("{group}/members?perPage=30"), "user7"),
        ("” members, last page", format!("{group}/members?perPage=30&page={last}"), "user7"),
        ("” members, search", format!("{group}/members?perPage=30&searchKey={sought}"), "user7"),
        ("” members who are online", format!("{group}/members?perPage=30&status=available"), "user7"),
        ("” admins", format!("{group}/members?perPage=30&scopes=admin"), "user7"),
        ("” newest page", format!("{group}/messages?limit=30"), "user7"),
        ("” unread counts of a member", "/messages?unread=true&count=true".to_owned(), "user7"),
        ("user: conversations, first page", "/conversations?perPage=30".to_owned(), "user1"),
        ("” conversations, last page", format!("/conversations?perPage=30&page={}", cli.conversations / 30), "user1"),
        ("” conversations, unread", "/conversations?perPage=30&unread=true".to_owned(), "user1"),
        ("” conversations, search", format!("/conversations?perPage=30&searchKey={sought}"), "user1"),
        ("” unread counts", "/messages?unread=true&count=true".to_owned(), "user1"),
        ("” newest page over all", all.to_owned(), "user1"),
        ("” a common word", format!("{all}&searchKey={word0}"), "user1"),
        ("” a rarer word", format!("{all}&searchKey={}", word(VOCABULARY / 100)), "user1"),
        ("” a rare word", format!("{all}&searchKey={}", word(VOCABULARY - 5)), "user1"),
        ("” no such word", format!("{all}&searchKey=unheardof"), "user1"),
        ("” a common and a rare word", format!("{all}&searchKey={word0}%20{}", word(VOCABULARY - 5)), "user1"),
        ("app: users", "/users?perPage=30".to_owned(), ""),
        ("” users by status", "/users?perPage=30&sortBy=status".to_owned(), "user1"),
        ("” users, last page", format!("/users?perPage=30&page={last}"), ""),
        ("” conversations, each once", "/conversations?perPage=30&unique=1".to_owned(), ""),
        ("” conversations of all", "/conversations?perPage=30".to_owned(), ""),
    ] {
        waits.ms();
        let (times, _) = asker.measure(&[path], uid, cli.requests).await;
        line(what, times);
    }
    let (mut logins, mut sockets) = (Vec::new(), Vec::new());
    for _ in 0..cli.requests.min(20) {
        let (login, socket) = log_in(&asker, &base, &app, "user1").await;
        logins.push(login);
        sockets.push(socket);
    }
    line("user: login", Times::of(logins));
    line("” socket connect", Times::of(sockets));
    line("group: delete", writes("DELETE", vec![(group.to_owned(), people[0].uid.to_string(), String::new())]).await);
    let began = Instant::now();
    while server.store.read(hobnob::store::purge::any).await.expect("reads") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    line("” its rows swept", Times::of(vec![began.elapsed()]));
    waits.over.store(true, Ordering::Relaxed);
}

fn main() {
    let cli = Cli::parse();
    let _ = std::fs::remove_dir_all(&cli.folder);
    let config = Config {
        folder: Folder { data: cli.folder.clone(), config: None },
        http: "127.0.0.1:0".into(),
        https: "off".into(),
        ..cli.config.clone()
    };
    actix_web::rt::System::new().block_on(async {
        let server = Server::start(&config, Clock::default()).await.expect("starts");
        let filled = fill(&cli, &server.store).await.expect("fills");
        measure(&cli, &server, filled).await;
        server.stop().await;
    });
    let _ = std::fs::remove_dir_all(&cli.folder);
}

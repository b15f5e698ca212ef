//! Measures the longest write when something with a long history is deleted: a group, a conversation, a user.
//!
//! ```text
//! cargo run --release --example erase -- 200000
//! ```
//!
//! Everything else that is written waits for such a write. Prints a Markdown table; nothing is kept.

use std::time::{Duration, Instant};

use clap::Parser;
use hobnob::actions;
use hobnob::model::audit::Actor;
use hobnob::model::caller::{App, Caller};
use hobnob::model::erasure::Kind;
use hobnob::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use hobnob::model::ids::{Guid, Uid};
use hobnob::model::json::Object;
use hobnob::model::limits::Limits;
use hobnob::model::message::{Ask, Draft, Receiver};
use hobnob::model::role::Role;
use hobnob::model::time::Clock;
use hobnob::model::user::{Profile, UserDraft};
use hobnob::store::{Hooks, Store, Write, apps, purge};

#[derive(Parser)]
struct Cli {
    /// Messages of each history
    #[arg(default_value_t = 200_000)]
    messages: usize,
    /// Folder for the database; removed afterwards
    #[arg(long, default_value = "target/erase")]
    folder: std::path::PathBuf,
}

const BATCH: usize = 500;

fn caller(app: &App, user: i64, uid: &str) -> Caller {
    Caller {
        app: app.clone(),
        user,
        uid: uid.into(),
        person: true,
        role: Role::free(),
        token: None,
        device: "erase".into(),
        answer: None,
    }
}

/// Sends `count` messages, by turns; each has a muid, as those of clients have.
async fn send(store: &Store, by: &[&Caller], kind: &'static str, receiver: &'static str, count: usize) {
    for start in (0..count).step_by(BATCH) {
        let callers: Vec<Caller> = by.iter().map(|&caller| caller.clone()).collect();
        let send = move |tx: &mut Write<'_>| {
            for n in start..(start + BATCH).min(count) {
                let text = format!(r#"{{"text":"message number {n}, about as long as people's messages are"}}"#);
                let ask = Ask {
                    receiver: Some(receiver),
                    receiver_type: Some(kind),
                    data: Object::parse(&text).expect("an object"),
                    muid: Some(format!("{kind}-{receiver}-{n}")),
                    ..Ask::default()
                };
                let draft = Draft::parse(ask, &Limits::default())?;
                actions::messages::send(tx, &callers[n % callers.len()], draft)?;
            }
            Ok(())
        };
        store.write("erase", send).await.expect("sends");
    }
}

/// The time one write takes.
async fn timed<F>(store: &Store, write: F) -> Duration
where
    F: FnOnce(&mut Write<'_>) -> hobnob::model::error::Result<()> + Send + 'static,
{
    let started = Instant::now();
    store.write("erase", write).await.expect("deletes");
    started.elapsed()
}

/// Sweeps up after a delete and prints what all of it took.
async fn report(store: &Store, what: &str, took: Duration) {
    let started = Instant::now();
    let mut pieces = Vec::new();
    let mut more = true;
    while more {
        let started = Instant::now();
        more = store.write("erase", |tx| purge::sweep(tx, purge::PIECE)).await.expect("sweeps");
        pieces.push(started.elapsed().as_secs_f64() * 1e3);
    }
    pieces.sort_by(f64::total_cmp);
    println!(
        "| {what} | {:.1} | {} | {:.1} | {:.1} | {:.1} |",
        took.as_secs_f64() * 1e3,
        pieces.len(),
        pieces[pieces.len() / 2],
        pieces[pieces.len() - 1],
        started.elapsed().as_secs_f64()
    );
}

async fn run(cli: &Cli) {
    let _ = std::fs::remove_dir_all(&cli.folder);
    std::fs::create_dir_all(&cli.folder).expect("a folder");
    let hooks = Hooks::alone(Clock::default());
    let store = Store::open(&cli.folder.join("erase.db"), 2, 1000, hooks).expect("opens");
    let (app, people) = store
        .write("erase", |tx| {
            let made = actions::apps::create(tx, "Erase", "us", &Limits::default())?;
            let app = apps::by_app_id(tx, &made.app_id)?.expect("just made");
            let mut people = Vec::new();
            for uid in ["ann", "bob", "cat"] {
                let draft =
                    UserDraft { uid: Uid::parse(uid)?, name: uid.into(), role: None, profile: Profile::default() };
                people.push(caller(&app, actions::users::create(tx, &app, draft)?.id, uid));
            }
            for guid in ["team", "club"] {
                let group = GroupDraft {
                    guid: Guid::parse(guid)?,
                    name: guid.into(),
                    kind: GroupType::Public,
                    password_hash: None,
                    owner: None,
                    profile: GroupProfile::default(),
                    members: MemberLists { participants: vec!["bob".into(), "cat".into()], ..Default::default() },
                };
                actions::groups::create(tx, &people[0], group, &Limits::default())?;
            }
            Ok((app, people))
        })
        .await
        .expect("sets the stage");
    let [ann, bob, cat] = &people[..] else { unreachable!("three of them") };
    send(&store, &[ann, bob], "group", "team", cli.messages).await;
    send(&store, &[ann], "user", "bob", cli.messages).await;
    // Every other message of this group is of the one who goes.
    send(&store, &[ann, cat], "group", "club", cli.messages).await;

    println!(
        "| {} messages | delete ms | sweep: writes | p50 ms | longest ms | in all s |\n| --- | ---: | ---: | ---: | ---: | ---: |",
        cli.messages
    );
    let by = ann.clone();
    let took = timed(&store, move |tx| actions::groups::delete(tx, &by, &Guid::parse("team")?)).await;
    report(&store, "a group", took).await;
    let by = ann.clone();
    let with = Receiver::User(Uid::parse("bob").expect("a uid"));
    let took = timed(&store, move |tx| actions::conversations::reset(tx, &by, &with, true, false).map(drop)).await;
    report(&store, "a conversation of two, for both", took).await;
    let took = timed(&store, move |tx| {
        actions::erasures::end(tx, (&Actor::Cli, &app), &Uid::parse("cat")?, Kind::Erase, purge::PIECE)
    })
    .await;
    report(&store, "a user who wrote every other message of a group", took).await;
    store.close();
    let _ = std::fs::remove_dir_all(&cli.folder);
}

fn main() {
    let cli = Cli::parse();
    tokio::runtime::Builder::new_multi_thread().build().expect("a runtime").block_on(run(&cli));
}

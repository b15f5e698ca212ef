//! Processor time of a plain message between two users in the store: action, rows, commit. No HTTP, no sockets.
//!
//! ```text
//! cargo run --release --example sending -- --at-once 8
//! ```
//!
//! What the rest of a message costs is the business of `examples/load`; this one hardly depends on what else the machine does,
//! so it shows what a change in the write path gives. Nothing is kept.

use clap::Parser;
use futures_util::future::join_all;
use hobnob::actions;
use hobnob::model::caller::Caller;
use hobnob::model::ids::Uid;
use hobnob::model::json::Object;
use hobnob::model::limits::Limits;
use hobnob::model::message::{Ask, Draft};
use hobnob::model::time::Clock;
use hobnob::model::user::{Profile, UserDraft};
use hobnob::store::{Hooks, Store, Write, apps};
use hobnob::watch::process::Process;

/// As in the program.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
struct Cli {
    /// Pairs of users who write to each other
    #[arg(long, default_value_t = 50)]
    pairs: usize,
    /// Writes on their way at any time: about so many share a commit
    #[arg(long, default_value_t = 8)]
    at_once: usize,
    /// Messages of a run
    #[arg(long, default_value_t = 50_000)]
    messages: usize,
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

/// Processor time of the process so far, in microseconds.
fn processor_time() -> f64 {
    Process::look().expect("a system that says so").cpu_seconds * 1e6
}

async fn people(store: &Store, pairs: usize) -> Vec<Caller> {
    let make = move |tx: &mut Write<'_>| {
        let made = actions::apps::create(tx, "Sending", "us", &Limits::default())?;
        let app = apps::by_app_id(tx, &made.app_id)?.expect("just made");
        let mut people = Vec::new();
        for number in 0..2 * pairs {
            let uid = format!("user{number}");
            let draft =
                UserDraft { uid: Uid::parse(&uid)?, name: uid.clone(), role: None, profile: Profile::default() };
            let user = actions::users::create(tx, &app, draft)?.id;
            people.push(Caller { device: "sending".into(), ..Caller::of(app.clone(), user, &uid) });
        }
        Ok(people)
    };
    store.write("people", make).await.expect("people")
}

fn draft(number: usize, to: &Caller) -> Draft {
    let text =
        format!(r#"{{"text":"message {number} of many, about as long as people write","metadata":{{"n":{number}}}}}"#);
    let muid = format!("muid-{number}");
    let ask = Ask {
        receiver: Some(&to.uid),
        receiver_type: Some("user"),
        data: Object::parse(&text).expect("an object"),
        muid: Some(muid),
        ..Ask::default()
    };
    Draft::parse(ask, &Limits::default()).expect("a message")
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cli = Cli::parse();
    let folder = tempfile::tempdir().expect("a folder");
    let hooks = Hooks::alone(Clock::default());
    let store = Store::open(&folder.path().join("sending.db"), 1, 10_000, hooks).expect("opens");
    let people = people(&store, cli.pairs).await;
    let (mut number, mut figures) = (0, Vec::new());
    for run in 0..=cli.runs {
        let (began, commits) = (processor_time(), store.commits());
        let mut left = cli.messages;
        while left > 0 {
            let some = left.min(cli.at_once);
            left -= some;
            join_all((0..some).map(|_| {
                number += 1;
                let from = people[number % people.len()].clone();
                let draft = draft(number, &people[(number % people.len()) ^ 1]);
                store.write("send", move |tx| actions::messages::send(tx, &from, draft).map(drop))
            }))
            .await
            .into_iter()
            .for_each(|sent| sent.expect("sends"));
        }
        let each = (processor_time() - began) / cli.messages as f64;
        // The first one warms up.
        if run > 0 {
            figures.push(each);
        }
        let shared = cli.messages as f64 / (store.commits() - commits) as f64;
        eprintln!("run {run}: {each:.1} us a message, {shared:.1} messages a commit");
    }
    figures.sort_by(f64::total_cmp);
    println!("{:.1} us a message (median of {}; least {:.1})", figures[figures.len() / 2], figures.len(), figures[0]);
}

//! Fills a data folder with many users, groups, conversations, messages and audit entries, and keeps it: what the admin page
//! is measured with (`tests/browser/scale.mjs`).
//!
//! ```text
//! cargo run --release --example crowd -- target/crowd --users 100000 --messages 1000000
//! ```
//!
//! Half of all messages are in one group of 2,000, a quarter in 1,000 groups of 20, a quarter between pairs of the first
//! 5,000 users. `crowd.json` in the folder has what a client needs: the app's id and key, and a link for an admin.

#[path = "shared/chance.rs"]
mod chance;
#[path = "shared/stage.rs"]
mod stage;

use std::path::PathBuf;
use std::time::Instant;

use chance::{Dice, word};
use clap::Parser;
use hobnob::actions;
use hobnob::config::{Config, Folder};
use hobnob::model::audit::{Act, Actor};
use hobnob::model::caller::Caller;
use hobnob::model::error::Result;
use hobnob::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use hobnob::model::ids::Guid;
use hobnob::model::json::Object;
use hobnob::model::limits::Limits;
use hobnob::model::message::{Ask, Draft};
use hobnob::model::time::Clock;
use hobnob::server::Server;
use hobnob::store::{Write, search};
use stage::{BATCH, name, users};

#[derive(Parser)]
struct Cli {
    /// Folder that is made; there must be none
    to: PathBuf,
    #[arg(long, default_value_t = 100_000)]
    users: usize,
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// Entries of the audit log
    #[arg(long, default_value_t = 100_000)]
    acts: usize,
    #[command(flatten)]
    config: Config,
}

const ACTIVE: usize = 5_000;
const MEMBERS: usize = 2_000;
const GROUPS: usize = 1_000;

fn message(dice: &mut Dice, people: &[Caller]) -> Result<(Caller, Draft)> {
    let (sender, kind, receiver) = match dice.below(4) {
        0 | 1 => (dice.below(MEMBERS.min(people.len())), "group", "everybody".to_owned()),
        2 => {
            let group = dice.below(GROUPS);
            ((group + dice.below(20) * 97) % people.len(), "group", format!("group{group}"))
        }
        _ => {
            let one = dice.below(people.len());
            (one, "user", format!("user{}", (one + 1 + dice.below(20)) % people.len()))
        }
    };
    let words: Vec<String> = (0..4 + dice.below(12)).map(|_| word(dice.below(30_000))).collect();
    let data = format!(r#"{{"text":"{}"}}"#, words.join(" "));
    let ask = Ask {
        receiver: Some(&receiver),
        receiver_type: Some(kind),
        kind: Some("text"),
        data: Object::parse(&data).unwrap_or_default(),
        ..Ask::default()
    };
    Ok((people[sender].clone(), Draft::parse(ask, &Limits::default())?))
}

async fn fill(cli: &Cli, server: &Server) -> Result<serde_json::Value> {
    let limits = Limits { bulk: MEMBERS + 1, ..Limits::default() };
    let store = &server.store;
    let (app, key, link) = store
        .write("crowd", |tx| {
            let made = actions::apps::create(tx, "Crowd", "us", &Limits::default())?;
            Ok((actions::apps::find(tx, &made.app_id)?, made.api_key, actions::admin::invite(tx)?.secret))
        })
        .await?;
    let people = users(store, &app, 0..cli.users, ACTIVE).await?;
    for n in 0..=GROUPS {
        let (first, count) = (people[n % people.len()].clone(), people.len());
        let (guid, title, who): (String, String, Vec<usize>) = match n {
            GROUPS => ("everybody".into(), "Everybody".into(), (0..MEMBERS.min(count)).collect()),
            _ => (format!("group{n}"), name(n + 17), (0..20).map(|at| (n + at * 97) % count).collect()),
        };
        let limits = limits.clone();
        let owner = first.uid.to_string();
        let make = move |tx: &mut Write<'_>| {
            let participants = who.into_iter().map(|n| format!("user{n}")).filter(|uid| *uid != owner).collect();
            let group = GroupDraft {
                guid: Guid::parse(&guid)?,
                name: title,
                kind: GroupType::Public,
                password_hash: None,
                owner: None,
                profile: GroupProfile::default(),
                members: MemberLists { participants, ..MemberLists::default() },
            };
            actions::groups::create(tx, &first, group, &limits).map(drop)
        };
        store.write("crowd", make).await?;
    }
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let mut left = cli.messages;
    while left > 0 {
        let drafts = (0..left.min(BATCH)).map(|_| message(&mut dice, &people)).collect::<Result<Vec<_>>>()?;
        left -= drafts.len();
        let send = move |tx: &mut Write<'_>| {
            drafts.into_iter().try_for_each(|(caller, draft)| actions::messages::send(tx, &caller, draft).map(drop))
        };
        store.write("crowd", send).await?;
    }
    for from in (0..cli.acts).step_by(BATCH) {
        let (app, upto) = (app.app_id.clone(), (from + BATCH).min(cli.acts));
        let note = move |tx: &mut Write<'_>| {
            (from..upto).try_for_each(|n| {
                let (actor, target) = (Actor::Admin(format!("admin{}", n % 7)), format!("user{n}"));
                actions::audit::note(tx, &actor, Act::UserDelete, Some(&app), Some(&target))
            })
        };
        store.write("crowd", note).await?;
    }
    while store.read(search::waiting).await? > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Ok(serde_json::json!({"app": &*app.app_id, "key": key, "link": link}))
}

fn main() {
    let cli = Cli::parse();
    assert!(!cli.to.exists(), "{} is there already", cli.to.display());
    let config = Config {
        folder: Folder { data: cli.to.clone(), config: None },
        http: "127.0.0.1:0".into(),
        https: "off".into(),
        ..cli.config.clone()
    };
    let started = Instant::now();
    actix_web::rt::System::new().block_on(async {
        let server = Server::start(&config, Clock::default()).await.expect("starts");
        let made = fill(&cli, &server).await.expect("fills");
        server.stop().await;
        std::fs::write(cli.to.join("crowd.json"), made.to_string()).expect("writes");
    });
    println!("made in {:.0} s", started.elapsed().as_secs_f64());
}

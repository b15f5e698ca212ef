//! Fills a database with messages and measures how long lists and searches take, over HTTP.
//!
//! ```text
//! cargo run --release --example fill -- 10000 1000000
//! ```
//!
//! One group holds half of all messages, one pair an eighth, 100 groups and the other pairs share the rest. One user has
//! few messages, and those are the oldest: what the others say should cost him nothing. Words follow Zipf's law, as in a language.
//! Prints a Markdown table. Nothing is kept, unless `--keep` is given.

#[path = "shared/ask.rs"]
mod ask;
#[path = "shared/chance.rs"]
mod chance;

use std::time::{Duration, Instant};

use chance::{Dice, word};
use clap::Parser;
use hobnob::actions;
use hobnob::config::{Config, Folder};
use hobnob::model::caller::Caller;
use hobnob::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use hobnob::model::ids::{Guid, Uid};
use hobnob::model::json::Object;
use hobnob::model::limits::Limits;
use hobnob::model::message::{Ask, Draft};
use hobnob::model::time::Clock;
use hobnob::model::user::{Profile, UserDraft};
use hobnob::server::Server;
use hobnob::store::{Store, Write, apps, search};

#[derive(Parser)]
struct Cli {
    /// Numbers of messages to measure with
    #[arg(default_values_t = [10_000, 1_000_000])]
    messages: Vec<usize>,
    /// Requests for each line
    #[arg(long, default_value_t = 200)]
    requests: usize,
    /// Folder for the databases; removed afterwards
    #[arg(long, default_value = "target/fill")]
    folder: std::path::PathBuf,
    /// Keep the databases, and measure with those that were kept
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    config: Config,
}

const USERS: usize = 50;
const GROUPS: usize = 100;
const VOCABULARY: usize = 30_000;
const BATCH: usize = 500;

/// A word by Zipf's law; number 0 is the most common.
fn common_word(dice: &mut Dice) -> String {
    word(((VOCABULARY as f64).powf(dice.roll()) - 1.0) as usize)
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Filled {
    app_id: String,
    api_key: String,
    took: Duration,
    indexed: Duration,
}

async fn fill(store: &Store, count: usize) -> Filled {
    let limits = Limits::default();
    let (app, api_key, people) = store
        .write("fill", move |tx| {
            let made = actions::apps::create(tx, "Fill", "us", &limits)?;
            let app = apps::by_app_id(tx, &made.app_id)?.expect("just made");
            let mut people = Vec::new();
            for n in 0..=USERS {
                let uid = if n < USERS { format!("user{n}") } else { "quiet".to_owned() };
                let draft =
                    UserDraft { uid: Uid::parse(&uid)?, name: uid.clone(), role: None, profile: Profile::default() };
                let user = actions::users::create(tx, &app, draft)?.id;
                people.push(Caller { device: "fill".into(), ..Caller::of(app.clone(), user, &uid) });
            }
            for n in 0..=GROUPS {
                let group = GroupDraft {
                    guid: Guid::parse(&format!("group{n}"))?,
                    name: format!("Group {n}"),
                    kind: GroupType::Public,
                    password_hash: None,
                    owner: None,
                    profile: GroupProfile::default(),
                    members: MemberLists {
                        participants: (1..USERS).map(|n| format!("user{n}")).collect(),
                        ..MemberLists::default()
                    },
                };
                actions::groups::create(tx, &people[0], group, &Limits { bulk: USERS, ..limits.clone() })?;
            }
            for n in 0..40 {
                let text = format!(r#"{{"text":"long ago {n}"}}"#);
                let ask = Ask {
                    receiver: Some("user1"),
                    receiver_type: Some("user"),
                    data: Object::parse(&text).expect("an object"),
                    ..Ask::default()
                };
                actions::messages::send(tx, &people[USERS], Draft::parse(ask, &limits)?)?;
            }
            Ok((app, made.api_key, people))
        })
        .await
        .expect("sets the stage");
    let started = Instant::now();
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let mut left = count;
    while left > 0 {
        let drafts: Vec<(Caller, Draft)> = (0..left.min(BATCH)).map(|_| draft(&mut dice, &people)).collect();
        left -= drafts.len();
        let send = move |tx: &mut Write<'_>| {
            drafts.into_iter().try_for_each(|(caller, draft)| actions::messages::send(tx, &caller, draft).map(drop))
        };
        store.write("fill", send).await.expect("sends");
    }
    let took = started.elapsed();
    while store.read(search::waiting).await.expect("reads") > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Filled { app_id: app.app_id.to_string(), api_key, took, indexed: started.elapsed() }
}

/// A message and its sender.
fn draft(dice: &mut Dice, people: &[Caller]) -> (Caller, Draft) {
    let words: Vec<String> = (0..4 + dice.below(12)).map(|_| common_word(dice)).collect();
    let mut text = words.join(" ");
    if dice.below(100) == 0 {
        text.push_str(" https://a.example/page");
    }
    let sender = dice.below(USERS);
    let (sender, kind, receiver) = match dice.below(8) {
        0..4 => (sender, "group", "group0".to_owned()),
        4 | 5 => (sender, "group", format!("group{}", 1 + dice.below(GROUPS))),
        6 => (1 + sender % 2, "user", format!("user{}", 2 - sender % 2)),
        _ => (sender, "user", format!("user{}", dice.below(USERS))),
    };
    let data = match dice.below(200) {
        0 => format!(
            r#"{{"text":"{text}","attachments":[{{"url":"https://a.example/f.png","name":"{}.png","mimeType":"image/png","extension":"png"}}]}}"#,
            common_word(dice)
        ),
        _ => format!(r#"{{"text":"{text}"}}"#),
    };
    let kind_of = if data.contains("attachments") { "image" } else { "text" };
    let ask = Ask {
        receiver: Some(&receiver),
        receiver_type: Some(kind),
        kind: Some(kind_of),
        data: Object::parse(&data).expect("an object"),
        ..Ask::default()
    };
    (people[sender].clone(), Draft::parse(ask, &Limits::default()).expect("a message"))
}

async fn round(cli: &Cli, count: usize) {
    let folder = cli.folder.join(count.to_string());
    // What a database that was kept is asked with; written when it is whole.
    let card = folder.join("fill.json");
    let kept = std::fs::read_to_string(&card).ok().filter(|_| cli.keep);
    if kept.is_none() {
        let _ = std::fs::remove_dir_all(&folder);
    }
    let config = Config {
        folder: Folder { data: folder.clone(), config: None },
        http: "127.0.0.1:0".into(),
        https: "off".into(),
        ..cli.config.clone()
    };
    let server = Server::start(&config, Clock::default()).await.expect("starts");
    let base = format!("http://{}", server.http.expect("plain HTTP"));
    let filled = match kept {
        Some(card) => serde_json::from_str(&card).expect("what was kept"),
        None => fill(&server.store, count).await,
    };
    std::fs::write(&card, serde_json::to_string(&filled).expect("JSON")).expect("writes");
    let database = rusqlite::Connection::open(config.database()).expect("opens");
    let number = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("counts");
    let newest = number("SELECT max(id) FROM messages");
    let index = number("SELECT sum(length(block)) FROM search_data");
    let pages = number("PRAGMA page_count") * number("PRAGMA page_size");
    println!(
        "\n{count} messages: stored in {:.1} s, all in the index after {:.1} s; database {} MB, of it index {} MB\n",
        filled.took.as_secs_f64(),
        filled.indexed.as_secs_f64(),
        pages / 1_000_000,
        index / 1_000_000
    );
    println!("| what | p50 ms | p99 ms | found |\n| --- | ---: | ---: | ---: |");
    let group = "/groups/group0/messages?limit=30";
    let all = "/messages?limit=30";
    let pair = "/users/user2/messages?limit=30";
    let anywhere = |path: &str| -> Vec<String> {
        (1..20).map(|n| format!("{path}&affix=prepend&id={}", newest * n / 20)).collect()
    };
    let (common, rare) = (word(0), word(VOCABULARY - 5));
    let newest_at = number("SELECT max(sent_at) FROM messages");
    let halfway = number(&format!("SELECT sent_at FROM messages WHERE id >= {} ORDER BY id LIMIT 1", newest / 2));
    let mut lines: Vec<(&str, Vec<String>, &str)> = vec![
        ("newest page of the large group", vec![group.to_owned()], "user1"),
        ("pages anywhere in it", anywhere(group), "user1"),
        ("newest page of the large pair", vec![pair.to_owned()], "user1"),
        ("pages anywhere in it", anywhere(pair), "user1"),
        ("newest page over all conversations", vec![all.to_owned()], "user1"),
        ("pages anywhere in them", anywhere(all), "user1"),
        (
            "what came after a point anywhere",
            (1..20).map(|n| format!("{all}&affix=append&id={}", newest * n / 20)).collect(),
            "user1",
        ),
        ("unread over all conversations", vec![format!("{all}&unread=1")], "user1"),
        ("newest page of a user with few messages", vec![all.to_owned()], "quiet"),
        ("newest page of the whole app", vec![all.to_owned()], ""),
        ("conversation list", vec!["/conversations?perPage=30".to_owned()], "user1"),
        ("conversation list, unread", vec!["/conversations?perPage=30&unread=true".to_owned()], "user1"),
        ("unread counts", vec!["/messages?unread=true&count=true".to_owned()], "user1"),
        ("group: common word", vec![format!("{group}&searchKey={common}")], "user1"),
        ("group: rare word", vec![format!("{group}&searchKey={rare}")], "user1"),
        ("group: no such word", vec![format!("{group}&searchKey=unheardof")], "user1"),
        ("group: prefix of 1", vec![format!("{group}&searchKey=b")], "user1"),
        ("group: prefix of 3", vec![format!("{group}&searchKey=bat")], "user1"),
        ("group: prefix of 5", vec![format!("{group}&searchKey={}", &common[..5])], "user1"),
        ("group: common and rare word", vec![format!("{group}&searchKey={common}%20{rare}")], "user1"),
        (
            "group: common word, 2nd half",
            vec![format!("{group}&affix=prepend&id={}&searchKey={common}", newest / 2)],
            "user1",
        ),
        ("group: common word of a sender", vec![format!("{group}&sender=user7&searchKey={common}")], "user1"),
        ("group: with links", vec![format!("{group}&hasLinks=1")], "user1"),
        (
            "group: with pictures, common word",
            vec![format!("{group}&attachmentTypes=image&searchKey={common}")],
            "user1",
        ),
        ("small group: common word", vec![format!("/groups/group5/messages?limit=30&searchKey={common}")], "user1"),
        ("small group: rare word", vec![format!("/groups/group5/messages?limit=30&searchKey={rare}")], "user1"),
        ("all conversations: common word", vec![format!("{all}&searchKey={common}")], "user1"),
        ("all conversations: rare word", vec![format!("{all}&searchKey={rare}")], "user1"),
        ("all conversations: prefix of 3", vec![format!("{all}&searchKey=bat")], "user1"),
        ("all conversations: with links", vec![format!("{all}&hasLinks=1")], "user1"),
        ("whole app: common word", vec![format!("{all}&searchKey={common}")], ""),
    ];
    // By what few messages are, by times, and by numbers.
    for (what, list, uid, asked) in [
        ("group: with reactions", group, "user1", "hasReactions=true".to_owned()),
        ("group: naming the one who asks", group, "user1", "myMentionsOnly=1".to_owned()),
        ("group: with files", group, "user1", "attachmentTypes=file".to_owned()),
        ("group: tagged", group, "user1", "tags=x".to_owned()),
        ("group: of the category custom", group, "user1", "category=custom".to_owned()),
        ("group: of the type image", group, "user1", "type=image".to_owned()),
        ("group: after the newest second", group, "user1", format!("affix=append&sentAt={newest_at}")),
        ("group: before a time halfway", group, "user1", format!("affix=prepend&sentAt={halfway}")),
        ("group: changed since the newest second", group, "user1", format!("affix=append&updatedAt={newest_at}")),
        ("group: second page by number", group, "user1", "page=2".to_owned()),
        ("all conversations: with reactions", all, "user1", "hasReactions=true".to_owned()),
        ("all conversations: tagged", all, "user1", "tags=x".to_owned()),
        ("all conversations: of the category custom", all, "user1", "category=custom".to_owned()),
        ("all conversations: after the newest second", all, "user1", format!("affix=append&sentAt={newest_at}")),
        ("all conversations: changed since it", all, "user1", format!("affix=append&updatedAt={newest_at}")),
        ("all conversations: second page by number", all, "user1", "page=2".to_owned()),
        ("whole app: with reactions", all, "", "hasReactions=true".to_owned()),
        ("whole app: tagged", all, "", "tags=x".to_owned()),
        ("whole app: of the category action", all, "", "category=action".to_owned()),
        ("whole app: deleted", all, "", "onlyDeleted=true".to_owned()),
    ] {
        lines.push((what, vec![format!("{list}&{asked}")], uid));
    }
    let asker = ask::Asker::new(base, filled.app_id, filled.api_key);
    for (what, paths, uid) in lines {
        let (times, last) = asker.measure(&paths, uid, cli.requests).await;
        let found = last.matches("\"conversationId\":\"").count().min(last.matches("\"sentAt\":").count());
        println!("| {what} | {:.2} | {:.2} | {found} |", times.p50, times.p99);
    }
    server.stop().await;
    if !cli.keep {
        let _ = std::fs::remove_dir_all(&folder);
    }
}

fn main() {
    let cli = Cli::parse();
    actix_web::rt::System::new().block_on(async {
        for &count in &cli.messages {
            round(&cli, count).await;
        }
    });
}

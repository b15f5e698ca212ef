//! What a mass disconnect costs the writer: so many users go at once, each noted as a write of its own, or collected.
//!
//!     cargo run --release --example leave [USERS]

use std::time::Instant;

use hobnob::actions;
use hobnob::actions::activity::Activity;
use hobnob::model::event::{Client, Presence};
use hobnob::model::ids::Uid;
use hobnob::model::limits::Limits;
use hobnob::model::time::Clock;
use hobnob::model::user::{Profile, UserDraft};
use hobnob::store::{Hooks, Store, apps, users};

/// The last connection of this user went.
fn gone(user: i64) -> Presence {
    let (uid, client) = (format!("u{user}"), Client::default());
    Presence { app: 1, user, uid, client, connected: false, online: false, changed: true, at: 0 }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let many: usize = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let clock = Clock::default();
    let hooks = Hooks::alone(clock);
    let store = Store::open(&folder.path().join("leave.db"), 1, many, hooks)?;
    let app = store.write("app", |tx| actions::apps::create(tx, "T", "us", &Limits::default())).await?.app_id;
    let mut people = Vec::new();
    for first in (0..many).step_by(500) {
        let app = app.clone();
        let made = store.write("people", move |tx| {
            let app = apps::by_app_id(tx, &app)?.ok_or(hobnob::model::error::Code::Internal)?;
            let one = |n: usize| {
                let draft = UserDraft {
                    uid: Uid::parse(&format!("u{n}"))?,
                    name: "U".to_owned(),
                    role: None,
                    profile: Profile::default(),
                };
                Ok(users::insert(tx, app.id, draft)?.id)
            };
            (first..many.min(first + 500)).map(one).collect::<hobnob::model::error::Result<Vec<i64>>>()
        });
        people.extend(made.await?);
    }

    for collected in [false, true] {
        let (commits, started) = (store.commits(), Instant::now());
        let activity = Activity::new(store.clone());
        let mut dropped = 0;
        for user in people.clone() {
            match collected {
                true => activity.note(gone(user)),
                false => {
                    let write = move |tx: &mut hobnob::store::Write<'_>| users::set_last_active(tx, user, tx.now());
                    dropped += usize::from(!store.write_later("leave", write));
                }
            }
        }
        // A write of the low lane behind them all: when it is answered, so is the rest.
        while store.write_in(hobnob::store::Lane::Low, "fence", |_| Ok(())).await.is_err() {}
        let how = if collected { "collected" } else { "a write each" };
        let (commits, took) = (store.commits() - commits, started.elapsed());
        println!("{many} users, {how}: {commits} commits, {took:?}, {dropped} found the queue full");
    }
    store.close();
    Ok(())
}

//! Users of many groups are deactivated and deleted in pieces: what others see is right before, during and after, over a
//! stop of the server, and who is reactivated in between stays.

use std::path::Path;
use std::sync::{Arc, Mutex};

use hobnob::actions;
use hobnob::model::audit::Actor;
use hobnob::model::caller::{App, Caller};
use hobnob::model::erasure;
use hobnob::model::error::Result;
use hobnob::model::event::{Move, Post};
use hobnob::model::group::{Group, GroupDraft, GroupProfile, GroupType, MemberLists};
use hobnob::model::ids::{Guid, Uid};
use hobnob::model::json::Object;
use hobnob::model::limits::Limits;
use hobnob::model::message::{Ask, Draft};
use hobnob::model::page::PageAsk;
use hobnob::model::time::Clock;
use hobnob::model::user::{Profile, UserDraft};
use hobnob::store::receipts::Kind;
use hobnob::store::{Hooks, Read, Store, Write, apps, conversations, groups, members, purge, users};

use crate::harness::{NOW, temp_dir};

const GROUPS: usize = 7;
const PIECE: i64 = 2;

/// What was told: new admins, messages read by all, memberships that ended in the hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    admins: usize,
    read: Vec<String>,
    left: usize,
}

fn open(folder: &Path, told: &Arc<Mutex<Told>>) -> Store {
    let told = told.clone();
    let deliver = move |posts: Vec<Post>| {
        let mut told = told.lock().expect("no panic before");
        for post in posts {
            match post {
                Post::Move(Move::Leave { .. }) => told.left += 1,
                Post::Tell(_, event) => {
                    let body = format!("{:?}", event.body);
                    told.admins += usize::from(body.contains("scopeChanged"));
                    if body.contains("readByAll") {
                        told.read.push(event.sender.to_string());
                    }
                }
                Post::Move(_) => {}
            }
        }
    };
    let hooks = Hooks { deliver: Box::new(deliver), ..Hooks::alone(Clock::fixed(NOW)) };
    Store::open(&folder.join("endings.db"), 1, 16, hooks).expect("opens")
}

fn app(read: &Read<'_>) -> Result<App> {
    let listed = apps::list(read)?.remove(0);
    Ok(apps::by_app_id(read, &listed.app_id)?.expect("was made"))
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).expect("a uid")
}

fn guid(n: usize) -> Guid {
    Guid::parse(&format!("team{n}")).expect("a guid")
}

/// ann owns groups with bob and cy; cy wrote in each, and bob has read it.
fn begin(tx: &mut Write<'_>) -> Result<()> {
    let limits = Limits::default();
    actions::apps::create(tx, "App", "us", &limits)?;
    let app = app(tx)?;
    let mut people = Vec::new();
    for name in ["ann", "bob", "cy"] {
        let draft = UserDraft { uid: uid(name), name: name.into(), role: None, profile: Profile::default() };
        let user = actions::users::create(tx, &app, draft)?;
        people.push(Caller::of(app.clone(), user.id, name));
    }
    for n in 0..GROUPS {
        let draft = GroupDraft {
            guid: guid(n),
            name: "Team".into(),
            kind: GroupType::Public,
            password_hash: None,
            owner: None,
            profile: GroupProfile::default(),
            members: MemberLists { participants: vec!["bob".into(), "cy".into()], ..MemberLists::default() },
        };
        let (group, _) = actions::groups::create(tx, &people[0], draft, &limits)?;
        let data = Object::parse(r#"{"text":"hello"}"#).expect("an object");
        let ask = Ask { receiver: Some(&group.guid), receiver_type: Some("group"), data, ..Ask::default() };
        actions::messages::send(tx, &people[2], Draft::parse(ask, &limits)?)?;
        let copy = conversations::copy_of(tx, group.conv, people[1].user)?.expect("bob is in it");
        actions::receipts::mark(tx, &people[1], &copy, Kind::Read, None)?;
    }
    Ok(())
}

/// The groups, each with as many members as it lists.
fn seen(read: &Read<'_>) -> Result<Vec<(Group, Vec<String>)>> {
    let app = app(read)?;
    let mut all = Vec::new();
    for n in 0..GROUPS {
        let group = groups::by_guid(read, app.id, &guid(n))?;
        let page = members::list(read, group.id, &members::Filter::default(), PageAsk { page: 1, per_page: 10 })?;
        let names: Vec<String> = page.items.into_iter().map(|member| member.user.uid).collect();
        assert_eq!((group.members_count, page.total), (names.len() as i64, names.len() as i64));
        all.push((group, names));
    }
    Ok(all)
}

/// How many groups nobody has taken over yet. ann is in no list and no count.
async fn waiting(store: &Store) -> usize {
    let all = store.read(seen).await.expect("reads");
    let mut waiting = 0;
    for (group, names) in all {
        assert_eq!(names, ["bob", "cy"]);
        assert!(["ann", "bob", "app_system"].contains(&group.owner.as_str()), "{}", group.owner);
        waiting += usize::from(group.owner != "bob");
    }
    let listed = store.read(|read| {
        let ask = PageAsk { page: 1, per_page: 10 };
        users::list(read, app(read)?.id, &users::Filter::default(), ask)
    });
    let listed: Vec<String> = listed.await.expect("lists").items.into_iter().map(|user| user.uid).collect();
    assert_eq!(listed, ["bob", "cy"]);
    waiting
}

fn end(tx: &mut Write<'_>, way: &str) -> Result<()> {
    let app = app(tx)?;
    match way {
        "deactivate" => actions::users::deactivate(tx, &app, &["ann".into()], PIECE).map(drop),
        "delete" => actions::erasures::end(tx, (&Actor::Cli, &app), &uid("ann"), erasure::Kind::Soft, PIECE),
        _ => actions::erasures::end(tx, (&Actor::Cli, &app), &uid("ann"), erasure::Kind::Erase, PIECE),
    }
}

async fn sweep(store: &Store) -> bool {
    store.write("it", |tx| actions::users::sweep(tx, PIECE)).await.expect("sweeps")
}

#[tokio::test]
async fn the_groups_of_who_is_gone_hear_of_it_in_pieces_over_a_stop() {
    for way in ["deactivate", "delete", "erase"] {
        let folder = temp_dir();
        let told = Arc::new(Mutex::new(Told::default()));
        let mut store = open(folder.path(), &told);
        store.write("it", begin).await.expect("begins");
        assert_eq!(store.read(seen).await.expect("reads")[0].1, ["ann", "bob", "cy"]);
        *told.lock().expect("whole") = Told::default();

        store.write("it", move |tx| end(tx, way)).await.expect("ends");
        assert!(waiting(&store).await > GROUPS / 2, "{way}: all at once");
        let mut stops = 0;
        while store.read(actions::users::is_due).await.expect("reads") {
            // The row of the user stays while the groups name it.
            while store.write("it", |tx| purge::sweep(tx, PIECE)).await.expect("purges") {}
            waiting(&store).await;
            store.close();
            store = open(folder.path(), &told);
            assert!(sweep(&store).await);
            stops += 1;
        }
        assert!(stops >= GROUPS / PIECE as usize, "{way}: {stops}");
        assert_eq!(waiting(&store).await, 0, "{way}");
        assert!(!sweep(&store).await);
        while store.write("it", |tx| purge::sweep(tx, PIECE)).await.expect("purges") {}
        let rest = store.read(|read| {
            let ann = users::ever(read, app(read)?.id, &uid("ann"))?;
            let groups = ann.as_ref().map(|ann| groups::of_user(read, ann.id)).transpose()?;
            Ok(groups.map(|groups| groups.len()))
        });
        let rest = rest.await.expect("reads");
        let left = match way {
            "deactivate" => (Some(GROUPS), 0),
            "delete" => (Some(0), GROUPS),
            _ => (None, GROUPS),
        };
        store.close();
        let told = told.lock().expect("whole").clone();
        let expected = Told { admins: GROUPS, read: vec!["ann".to_owned(); GROUPS], left: left.1 };
        assert_eq!((rest, told), (left.0, expected), "{way}");
    }
}

#[tokio::test]
async fn who_is_reactivated_in_between_keeps_what_was_not_taken_yet() {
    let folder = temp_dir();
    let told = Arc::new(Mutex::new(Told::default()));
    let store = open(folder.path(), &told);
    store.write("it", begin).await.expect("begins");
    store.write("it", |tx| end(tx, "deactivate")).await.expect("ends");
    let back = store.write("it", |tx| {
        let app = app(tx)?;
        actions::users::reactivate(tx, &app, &["ann".into()])
    });
    assert_eq!(back.await.expect("is back"), ["ann"]);
    for _ in 0..2 {
        let all = store.read(seen).await.expect("reads");
        assert!(all.iter().all(|(_, names)| *names == ["ann", "bob", "cy"]));
        assert_eq!(all.iter().filter(|(group, _)| group.owner == "ann").count(), GROUPS - PIECE as usize);
        assert!(!sweep(&store).await);
    }
    // Deactivated in the middle, then deleted: the memberships end as well.
    store.write("it", |tx| end(tx, "deactivate")).await.expect("ends");
    store.write("it", |tx| end(tx, "delete")).await.expect("ends");
    while sweep(&store).await {}
    assert_eq!(waiting(&store).await, 0);
    let left = store.read(|read| {
        let ann = users::ever(read, app(read)?.id, &uid("ann"))?.expect("has a row");
        groups::of_user(read, ann.id)
    });
    assert_eq!(left.await.expect("reads"), Vec::<i64>::new());
    store.close();
}

//! Holds the promise that costs do not grow with history: in tests the store notes every statement's plan, and no plan
//! of the usual paths may walk through a table that grows.

use std::sync::Arc;

use crate::actions;
use crate::model::caller::{App, Caller};
use crate::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use crate::model::ids::{Guid, Uid};
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::message::{Ask, Draft, Receiver};
use crate::model::page::{Affix, PageAsk};
use crate::model::role::Role;
use crate::model::time::{Clock, Ids};
use crate::model::user::{Profile, UserDraft};
use crate::store::{Hooks, Store, apps, conversations, members, messages, plans::plans, receipts, users};

/// Tables that grow without bound, with the aliases they have in statements.
const GROWING: [&str; 15] = [
    "messages",
    "m",
    "participants",
    "p",
    "receipts",
    "r",
    "reactions",
    "conversations",
    "c",
    "members",
    "users",
    "u",
    "holes",
    "h",
    "tokens",
];

fn caller(app: &App, user: i64, uid: &str) -> Caller {
    Caller {
        app: app.clone(),
        user,
        uid: uid.into(),
        person: true,
        role: Role::free(),
        token: None,
        device: "d".into(),
    }
}

fn text(receiver: &str, kind: &str, parent: Option<i64>) -> Draft {
    let data = Object::parse(r#"{"text":"hello"}"#).unwrap();
    let ask = Ask {
        receiver: Some(receiver),
        receiver_type: Some(kind),
        data,
        parent,
        muid: Some(format!("{receiver}{parent:?}")),
        ..Ask::default()
    };
    Draft::parse(ask, &Limits::default()).unwrap()
}

#[tokio::test]
async fn nothing_usual_walks_through_a_table_that_grows() {
    let dir = tempfile::tempdir().unwrap();
    let hooks = Hooks { deliver: Box::new(drop), online: Arc::new(|_| false), clock: Clock::fixed(1), ids: Ids };
    let store = Store::open(&dir.path().join("db"), 1, 10, hooks).unwrap();
    let limits = Limits::default();
    store
        .write("play", move |tx| {
            actions::apps::create(tx, "app", "us", &limits)?;
            let app = apps::list(tx)?.remove(0).app_id;
            let app = apps::by_app_id(tx, &app)?.unwrap();
            let mut people = Vec::new();
            for uid in ["ann", "bob"] {
                let draft =
                    UserDraft { uid: Uid::parse(uid)?, name: uid.into(), role: None, profile: Profile::default() };
                people.push(caller(&app, actions::users::create(tx, &app, draft)?.id, uid));
            }
            let group = GroupDraft {
                guid: Guid::parse("team")?,
                name: "team".into(),
                kind: GroupType::Public,
                password_hash: None,
                owner: None,
                profile: GroupProfile::default(),
                members: MemberLists { participants: vec!["bob".into()], ..Default::default() },
            };
            let (group, _) = actions::groups::create(tx, &people[0], group, &limits)?;
            let with = Receiver::Group(Guid::parse("team")?);

            plans().clear();
            let parent = actions::messages::send(tx, &people[0], text("team", "group", None))?.id;
            actions::messages::send(tx, &people[0], text("team", "group", Some(parent)))?;
            actions::messages::send(tx, &people[0], text("bob", "user", None))?;
            let copy = actions::conversations::copy(tx, &people[1], &with)?;
            actions::receipts::mark(tx, &people[1], &copy, receipts::Kind::Delivered, None)?;
            actions::receipts::mark(tx, &people[1], &copy, receipts::Kind::Read, Some(parent))?;
            let ask = PageAsk { page: 1, per_page: 30 };
            for copy in conversations::list(
                tx,
                conversations::Whose::User(people[1].user),
                &conversations::Filter::default(),
                ask,
            )?
            .items
            {
                actions::conversations::show(tx, &people[1], copy)?;
            }
            let unread = conversations::Filter { unread: true, ..Default::default() };
            conversations::list(tx, conversations::Whose::User(people[1].user), &unread, ask)?;
            let within = messages::Within::Conversation { conv: group.conv, hidden_id: 0 };
            for affix in [Affix::Append, Affix::Prepend] {
                let filter = messages::Filter { id: Some(parent), ..messages::Filter::new(affix, 30) };
                let rows = messages::list(tx, app.id, within, &filter)?;
                messages::show(tx, rows, Some(people[1].user))?;
                messages::list(tx, app.id, messages::Within::Thread(parent), &filter)?;
            }
            members::list(tx, group.id, &members::Filter::default(), ask)?;
            users::active(tx, app.id, &Uid::parse("ann")?)?;
            Ok(())
        })
        .await
        .unwrap();

    let noted = plans().clone();
    assert!(noted.len() > 20, "the statements were not noted: {}", noted.len());
    for (sql, plan) in noted {
        for line in plan {
            let walked = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            assert!(!walked.is_some_and(|table| GROWING.contains(&table)), "{line}\nin {sql}");
        }
    }
    store.close();
}

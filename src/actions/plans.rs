//! Holds the promise that costs do not grow with history: in tests the store notes every statement's plan, and no plan
//! of the usual paths may walk through a table that grows. They are looked at on a new database, on one that a server of
//! an earlier release stopped with when it was nearly empty, and on one of the first schema.

use std::path::Path;

use crate::actions;
use crate::model::audit::Actor;
use crate::model::call::CallStatus;
use crate::model::caller::{App, Caller};
use crate::model::erasure::Kind;
use crate::model::error::Result;
use crate::model::extension::Extension;
use crate::model::ids::{Guid, Uid};
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::message::{Ask, Category, Draft, Receiver};
use crate::model::moderation::submitted::Submission;
use crate::model::page::{Affix, PageAsk, Range};
use crate::model::patch::Patch;
use crate::model::poll::Poll;
use crate::model::reminder::About;
use crate::model::role::Role;
use crate::model::time::Clock;
use crate::model::trigger::Trigger;
use crate::model::user::{Profile, UserDraft};
use crate::model::webhook::Webhook;
use crate::store::erasures::Need;
use crate::store::kept::Bounds;
use crate::store::outbox::{State, Tried};
use crate::store::{
    Hooks, Store, Write, attachments, calls, checkup, conversations, groups, history, kept, members, mentions,
    messages, moderation, outbox, plans, purge, receipts, render, search, threads, users, webhooks,
};

/// Tables that grow without bound, with the aliases they have in statements.
const GROWING: [&str; 44] = [
    "groups",
    "g",
    "nw",
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
    "mentions",
    "x",
    "saved_messages",
    "thread_subscriptions",
    "s",
    "t",
    "flagged_messages",
    "message_flags",
    "calls",
    "call_participants",
    "polls",
    "poll_options",
    "poll_votes",
    "due",
    "v",
    "attachments",
    "f",
    "name_words",
    "n",
    "own_marks",
    "hole_sums",
    "outbox",
    "ev",
    "deliveries",
    "d",
    "submitted_messages",
];

fn hook() -> Webhook {
    Webhook {
        id: "w".into(),
        name: "w".into(),
        url: "https://hooks.example".into(),
        basic_auth: false,
        username: String::new(),
        password: String::new(),
        enabled: true,
        retries: true,
    }
}

/// What is told outside: written, sent, tried again, bounded, erased.
fn events(tx: &mut Write<'_>, app: &App) -> Result<()> {
    let webhook = webhooks::insert(tx, app.id, &hook(), "")?;
    webhooks::add_trigger(tx, webhook, Trigger::MessageSent)?;
    for text in ["{}", r#"{"message":{"id":"1","sender":"ann"}}"#] {
        outbox::put(tx, app.id, Trigger::MessageSent, text)?;
    }
    let ahead = outbox::next(tx, (app.id, webhook), 0, 0, 9)?;
    assert_eq!(ahead.events.len(), 2);
    for event in &ahead.events {
        let (state, at) = (State::Waiting(tx.now() + 9), tx.now());
        let answer = String::new();
        let tried = Tried { event: event.id, state, tries: 1, first_at: at, at, took_ms: 1, status: Some(500), answer };
        outbox::note(tx, webhook, &tried)?;
    }
    webhooks::tried(tx, webhook, ahead.upto, true)?;
    webhooks::pass(tx, webhook, ahead.upto)?;
    outbox::next_due(tx, webhook)?;
    outbox::hasten(tx, webhook, 9)?;
    assert_eq!(outbox::due(tx, webhook, 0, 9)?.len(), 2);
    assert_eq!(kept::kept(tx)?.waiting, 2);
    kept::forget_person(tx, app.id, "ann", 0)?;
    for bounds in [Bounds { age: 9, bytes: 0 }, Bounds { age: -9, bytes: 0 }] {
        outbox::put(tx, app.id, Trigger::MessageSent, "{}")?;
        assert!(kept::is_due(tx, bounds)?);
        while kept::sweep(tx, bounds)?.is_some() {}
    }
    assert_eq!(kept::kept(tx)?.events, 0);
    webhooks::in_use(tx)?;
    webhooks::delete(tx, webhook)
}

/// A message that an app asks about: judged twice, listed by each side, and gone.
fn submitted(tx: &mut Write<'_>, caller: &Caller, limits: &Limits) -> Result<()> {
    use crate::store::moderation::submitted::{self, Filter};
    for to in [Receiver::User(Uid::parse("bob")?), Receiver::Group(Guid::parse("team")?)] {
        let asked = Submission {
            sender: Uid::parse("ann")?,
            receiver: to,
            content: text("bob", "user", None).content,
            tags: None,
            muid: Some("asked".into()),
            sent_at: None,
            users: Vec::new(),
            group: None,
        };
        let id = actions::moderation::submitted::submit(tx, caller, asked, limits)?.id;
        actions::moderation::submitted::edit(tx, caller, id, Object::default(), limits)?;
    }
    let app = caller.app.id;
    for affix in [Affix::Append, Affix::Prepend] {
        let filter = Filter { sender: Some(caller.user), category: Some(Category::Message), ..Filter::default() };
        assert_eq!(submitted::list(tx, app, &filter, (affix, None), 9)?.len(), 2);
    }
    submitted::forget_person(tx, app, (caller.user, "ann"), 0)?;
    assert!(submitted::list(tx, app, &Filter::default(), (Affix::Append, None), 9)?.is_empty());
    Ok(())
}

/// A webhook at which events failed, looked at and told once more.
fn deliveries(tx: &mut Write<'_>, app: &App, limits: &Limits) -> Result<()> {
    use crate::store::deliveries::{self, Shown};
    let made = actions::webhooks::create(tx, app.id, &hook(), false, limits)?;
    actions::webhooks::add_triggers(tx, app.id, "w", &["group_created".to_owned()])?;
    let from = outbox::newest(tx)?;
    for state in [State::Failed, State::Waiting(1), State::Delivered] {
        outbox::put(tx, app.id, Trigger::GroupCreated, "{}")?;
        let event = outbox::newest(tx)?;
        let (first_at, at, status) = (tx.now(), tx.now(), Some(500));
        let tried = Tried { event, state, tries: 1, first_at, at, took_ms: 1, status, answer: String::new() };
        outbox::note(tx, made.id, &tried)?;
        webhooks::pass(tx, made.id, event)?;
    }
    for shown in [Shown::All, Shown::Delivered, Shown::Waiting, Shown::Failed] {
        let many = if shown == Shown::All { 3 } else { 1 };
        assert_eq!(deliveries::page(tx, made.id, shown, i64::MAX, 9)?.0.len(), many, "{shown:?}");
    }
    let hook = actions::webhooks::find(tx, app.id, "w")?;
    assert_eq!(deliveries::counts(tx, &hook)?, (1, 1));
    actions::deliveries::delivery(tx, &hook, from + 1)?;
    for failed in [true, false] {
        let which = actions::deliveries::Which { failed, from: 0, to: i64::MAX };
        let piece = actions::deliveries::replay_piece(tx, app.id, "w", which, from)?;
        assert_eq!(piece.replayed, if failed { 1 } else { 3 });
    }
    webhooks::failing(tx, Some(app.id), 9)?;
    actions::webhooks::rotate(tx, app.id, "w")?;
    actions::webhooks::delete(tx, app.id, "w")
}

pub(super) fn caller(app: &App, user: i64, uid: &str) -> Caller {
    Caller {
        app: app.clone(),
        user,
        uid: uid.into(),
        person: true,
        role: Role::free(),
        token: None,
        device: "d".into(),
        answer: None,
    }
}

pub(super) fn text(receiver: &str, kind: &str, parent: Option<i64>) -> Draft {
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

pub(super) fn open(path: &Path) -> Store {
    let hooks = Hooks::alone(Clock::fixed(1));
    Store::open(path, 1, 10, hooks).unwrap()
}

#[tokio::test]
async fn nothing_usual_walks_through_a_table_that_grows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    hold(open(&path)).await;

    // Once stopped with nobody in it but the app's own user.
    let path = dir.path().join("young.db");
    let young = open(&path);
    young.write("app", |tx| actions::apps::create(tx, "app", "us", &Limits::default()).map(drop)).await.unwrap();
    young.close();
    plans::analyze(&path);
    hold(open(&path)).await;

    let path = dir.path().join("old.db");
    plans::of_before(&path);
    hold(open(&path)).await;
}

/// What extensions do, in the group of `people`.
fn extensions(tx: &mut Write<'_>, people: &[Caller], limits: &Limits) -> Result<()> {
    use actions::extensions::polls;
    let poll = Poll::parse(Some("q".into()), Some(vec!["a".into(), "b".into()]), limits)?;
    let place = || actions::extensions::Place { receiver: Receiver::Group(Guid::parse("team").unwrap()), quoted: None };
    let (message, made) = polls::create(tx, &people[0], &poll, place(), limits)?;
    for (person, number) in [(0, 1), (1, 1), (1, 2)] {
        polls::vote(tx, &people[person], &made.id, number)?;
    }
    polls::results(tx, &people[0], &message.to_string())?;
    use actions::extensions::{disappearing, due, reminders};
    // A kept database has a time of its own.
    let later = |tx: &Write<'_>, seconds: i64| Some((tx.now() + seconds) * 1000);
    for about in [About::Message(message), About::Text("x".into())] {
        let (first, second) = (later(tx, 10), later(tx, 20));
        let made = reminders::create(tx, &people[0], &about, first, limits)?;
        reminders::update(tx, &people[0], &made.id, None, second)?;
    }
    let list = reminders::list(tx, &people[0], limits)?;
    reminders::delete(tx, &people[0], &list[0].id)?;
    let soon = later(tx, 10);
    disappearing::schedule(tx, &people[0], message, soon, limits)?;
    crate::store::extensions::due::next(tx)?;
    let minute_on = Some(tx.now() + 60);
    tx.dated(minute_on, |tx| due::sweep(tx, limits))?;
    let app = people[0].app.clone();
    actions::extensions::switch(tx, &app, Extension::Polls, true)?;
    actions::extensions::check(tx, app.id, Extension::Polls)?;
    actions::extensions::listed(tx, app.id, Extension::ALL)?;
    Ok(())
}

/// What is done piece by piece beside the requests, and by tools: each piece finds its rows by an index, however many there
/// are besides.
fn in_pieces(tx: &mut Write<'_>, person: &Caller) -> Result<()> {
    // Bob is being erased already; cy is anonymised, with something of each kind that is theirs.
    let app = &person.app;
    let draft = UserDraft { uid: Uid::parse("cy")?, name: "cy".into(), role: None, profile: Profile::default() };
    let cy = caller(app, actions::users::create(tx, app, draft)?.id, "cy");
    let sent = actions::messages::send(tx, &cy, text("ann", "user", None))?.id;
    let mut named = text("cy", "user", None);
    named.content.data = Object::parse(r#"{"text":"<@uid:cy>"}"#).unwrap();
    actions::messages::send(tx, person, named)?;
    for kind in [Kind::Anonymise, Kind::Erase] {
        actions::erasures::count(tx, app, &uid_of(tx, cy.user)?, kind)?;
        actions::erasures::end(tx, (&Actor::Cli, app), &uid_of(tx, cy.user)?, kind, 0)?;
        while let Some(need) = actions::erasures::need(tx)? {
            match need {
                Need::Write => drop(actions::erasures::sweep(tx)?),
                Need::Wait => {
                    while actions::users::sweep(tx, 1)? {}
                    while purge::sweep(tx, 2)? {}
                    while !search::index(tx, search::CHUNK)? {}
                }
                Need::Files => {
                    let (ids, _): (Vec<i64>, Vec<String>) = attachments::expired(tx, 100)?.into_iter().unzip();
                    attachments::forget(tx, &ids)?;
                }
                Need::Compact => actions::erasures::compacted(tx)?,
                Need::Log => actions::erasures::finish(tx)?,
            }
        }
    }
    assert!(messages::find(tx, app.id, sent).is_err(), "all of it was done");
    let days = || Patch::Set(1);
    actions::retention::set(tx, (&Actor::Cli, app), days(), days())?;
    let (old, later) = (actions::messages::send(tx, person, text("ann", "user", None))?.id, tx.now() + 10 * 86_400);
    tx.dated(Some(later), |tx| {
        actions::retention::is_due(tx)?;
        while actions::retention::sweep(tx)? {}
        Ok(())
    })?;
    assert!(messages::find(tx, app.id, old).is_err(), "it was old");
    for piece in checkup::pieces(tx)? {
        // The one that is a sum of everything says so itself.
        if piece.counters() != "file_bytes.bytes" {
            checkup::mend(tx, &piece)?;
        }
    }
    Ok(())
}

/// The uid of who is anonymised changes.
fn uid_of(tx: &Write<'_>, id: i64) -> Result<Uid> {
    Uid::parse(&users::by_id(tx, id)?.uid)
}

/// Walks the usual paths in the database, and closes it.
async fn hold(store: Store) {
    plans::watch(&store);
    let limits = Limits::default();
    store
        .write("play", move |tx| {
            let people = super::stage::people(tx, &["ann", "bob"])?;
            let app = people[0].app.clone();
            let group = groups::by_guid(tx, app.id, &Guid::parse("team")?)?;
            let with = Receiver::Group(Guid::parse("team")?);

            plans::plans().clear();
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
            // The outer conversations of an app are walked by their index.
            conversations::list(tx, conversations::Whose::AppOnce(app.id), &conversations::Filter::default(), ask)?;
            let within = history::Within::Conversation { conv: group.conv, hidden_id: 0 };
            for affix in [Affix::Append, Affix::Prepend] {
                let filter = history::Filter { id: Some(parent), ..history::Filter::new(affix, 30) };
                let rows = history::list(tx, app.id, within, &filter)?;
                render::all(tx, rows, Some(people[1].user))?;
                history::list(tx, app.id, history::Within::Thread(parent), &filter)?;
                for of in [people[0].user, people[1].user] {
                    let filter = history::Filter { viewer: Some(of), unread: of == people[1].user, ..filter.clone() };
                    history::list(tx, app.id, history::Within::User(of), &filter)?;
                }
            }
            // A retry, a quote that some have deleted, and what names lead to.
            let with_bob = Receiver::User(Uid::parse("bob")?);
            let first = actions::messages::send(tx, &people[0], text("bob", "user", None))?.id;
            actions::messages::of_muid(tx, &people[0], "bobNone")?;
            let mut quoting = text("team", "group", None);
            (quoting.muid, quoting.quoted) = (None, Some(parent));
            let quoting = actions::messages::send(tx, &people[0], quoting)?.id;
            let change = || actions::messages::Edit { data: text("x", "user", None).content.data, tags: None };
            for id in [first, quoting] {
                actions::messages::edit(tx, &people[0], id, change(), &limits)?;
            }
            actions::conversations::copy(tx, &people[0], &with_bob)?;
            for of in [None, Some(people[0].user)] {
                conversations::by_name(tx, app.id, "ann_user_bob", of)?;
            }
            // What is pinned, saved, followed, named, flagged.
            let mut named = text("team", "group", None);
            named.content.data = Object::parse(r#"{"text":"<@uid:bob> <@all:x>"}"#).unwrap();
            named.muid = None;
            let named = actions::messages::send(tx, &people[0], named)?.id;
            actions::pins::pin(tx, &people[0], named, true, &limits)?;
            actions::pins::save(tx, &people[1], named, true, &limits)?;
            actions::moderation::flag(tx, &people[1], named, "spam", None)?;
            mentions::unread(tx, people[1].user, group.conv, 0)?;
            let viewer = Some(people[1].user);
            let base = history::Filter { viewer, ..history::Filter::new(Affix::Prepend, 30) };
            let mentioned = vec![people[1].user, mentions::EVERYBODY];
            let filters = [
                history::Filter { pinned: true, ..base.clone() },
                history::Filter { saved: true, ..base.clone() },
                history::Filter { mentioned, ..base.clone() },
                history::Filter { only_updates: true, ..base.clone() },
                history::Filter { goal_met: true, ..base.clone() },
                history::Filter { senders: vec![people[0].user, people[1].user], ..base.clone() },
                history::Filter {
                    updated: Range { from: Some(1), to: None },
                    edited: Range { from: None, to: Some(9) },
                    ..base.clone()
                },
            ];
            for filter in filters {
                let rows = history::list(tx, app.id, within, &filter)?;
                render::all(tx, rows, render::Look { viewer: viewer.into(), subscribed: true, ..Default::default() })?;
            }
            let user = people[1].user;
            for threads in [
                threads::Within::Conversation { conv: group.conv, hidden_id: 0, viewer },
                threads::Within::User(user),
                threads::Within::Followed { user, conv: None },
                threads::Within::App(app.id),
            ] {
                threads::each(tx, threads, Some((i64::MAX, 1)), 30, |row| {
                    threads::last_reply(tx, row.id, viewer.into())?;
                    threads::unread_replies(tx, &row, user)?;
                    threads::unread_mentions(tx, &row, user)?;
                    Ok(true)
                })?;
            }
            for reviewed in [false, true] {
                moderation::list(tx, app.id, reviewed, (Affix::Append, None), 30)?;
            }
            members::list(tx, group.id, &members::Filter::default(), ask)?;
            submitted(tx, &people[0], &limits)?;
            extensions(tx, &people, &limits)?;
            events(tx, &app)?;
            // Calls, and what ends them when nobody does.
            for to in [&with, &Receiver::User(Uid::parse("bob")?)] {
                let call = actions::calls::initiate(tx, &people[0], to, "audio", None, None, &limits)?;
                let session = calls::by_id(tx, calls::live_of(tx, people[0].user)?[0])?.session_id;
                actions::calls::update(tx, &people[1], &session, CallStatus::Ongoing)?;
                // A kept database may have calls of its own that are due.
                actions::calls::is_due(tx, &limits)?;
                assert!(call.id > 0);
                actions::calls::sweep(tx, &limits)?;
                actions::calls::depart_all(tx, &app, people[1].user)?;
            }
            deliveries(tx, &app, &limits)?;
            let search = Some("an b".to_owned());
            let filter = users::Filter { search: search.clone(), in_name: true, in_uid: true, ..Default::default() };
            users::list(tx, app.id, &filter, ask)?;
            let filter = groups::Filter { search, in_name: true, in_guid: true, ..Default::default() };
            groups::list(tx, app.id, &filter, ask)?;
            users::active(tx, app.id, &Uid::parse("ann")?)?;
            actions::groups::delete(tx, &people[0], &Guid::parse("team")?)?;
            actions::erasures::end(tx, (&Actor::Cli, &app), &Uid::parse("bob")?, Kind::Erase, 0)?;
            while actions::users::sweep(tx, 1)? {}
            for affix in [Affix::Append, Affix::Prepend] {
                history::list(tx, app.id, within, &history::Filter::new(affix, 30))?;
            }
            actions::users::is_due(tx)?;
            crate::store::metrics::file_bytes(tx)?;
            crate::store::search::waiting(tx)?;
            actions::health::beat(tx, true)?;
            while purge::sweep(tx, 2)? {}
            in_pieces(tx, &people[0])
        })
        .await
        .unwrap();

    let noted = plans::plans().clone();
    assert!(noted.len() > 20, "the statements were not noted: {}", noted.len());
    let mut walks = Vec::new();
    for (sql, plan) in &noted {
        for line in plan {
            // A JSON list is no table.
            let walked = line
                .strip_prefix("SCAN ")
                .filter(|rest| !rest.contains("VIRTUAL TABLE"))
                .and_then(|rest| rest.split(' ').next());
            if walked.is_some_and(|table| GROWING.contains(&table)) {
                walks.push(format!("{line}\nin {sql}"));
            }
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n\n"));
    store.close();
}

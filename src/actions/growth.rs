//! Holds the promise that nothing in the writer grows with history: the same writes, in a conversation with a short past
//! and in one with a long past, take about as many steps of SQLite. And that a read point set anywhere in such a past
//! counts right.

use std::cell::RefCell;

use super::plans::{open, text};
use super::stage;
use crate::actions;
use crate::model::audit::Actor;
use crate::model::erasure::Kind;
use crate::model::error::Result;
use crate::model::ids::{Guid, Uid};
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::message::{Category, Draft, Receiver};
use crate::model::page::Affix;
use crate::model::permission::Scope;
use crate::store::{Write, conversations, history, messages, plans, purge, receipts};

fn plain(receiver: &str, kind: &str, parent: Option<i64>) -> Draft {
    Draft { muid: None, ..text(receiver, kind, parent) }
}

/// A message that does not show as the last one.
fn silent() -> Draft {
    let mut draft = plain("team", "group", None);
    draft.content.category = Category::Custom;
    draft.content.kind = "quiet".into();
    draft.content.data =
        Object::parse(r#"{"customData":{},"metadata":{"incrementUnreadCount":false},"updateConversation":false}"#)
            .unwrap();
    draft
}

fn team() -> Receiver {
    Receiver::Group(Guid::parse("team").unwrap())
}

/// The steps of each usual write after `past` messages in a group and between two, with a thread and mentions.
async fn costs(past: usize) -> Vec<(&'static str, u64)> {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("db"));
    let found = store.write("play", move |tx| {
        let limits = Limits::default();
        let p = stage::people(tx, &["ann", "bob", "cy"])?;
        let (ann, bob, cy) = (&p[0], &p[1], &p[2]);
        let first = actions::messages::send(tx, ann, plain("team", "group", None))?.id;
        let to_bob = actions::messages::send(tx, ann, plain("bob", "user", None))?.id;
        for n in 0..past {
            actions::messages::send(tx, &p[n % 2], plain("team", "group", None))?;
            actions::messages::send(
                tx,
                if n % 2 == 0 { ann } else { bob },
                plain(["bob", "ann"][n % 2], "user", None),
            )?;
            if n % 4 == 0 {
                let mut named = plain("team", "group", Some(first));
                named.content.data = Object::parse(r#"{"text":"<@uid:bob> <@all:x>"}"#).unwrap();
                actions::messages::send(tx, ann, named)?;
            }
            if n % 2 == 0 {
                let gone = actions::messages::send(tx, ann, plain("team", "group", None))?.id;
                actions::messages::delete(tx, ann, gone, true)?;
                actions::messages::send(tx, ann, silent())?;
            }
        }
        let last = actions::messages::send(tx, ann, plain("team", "group", None))?.id;
        let found = RefCell::new(Vec::new());
        let see = |name: &'static str, tx: &mut Write<'_>, act: &mut dyn FnMut(&mut Write<'_>) -> Result<()>| {
            let counter = plans::start(tx);
            let done = act(tx);
            found.borrow_mut().push((name, plans::stop(tx, &counter)));
            done
        };
        let with_ann = Receiver::User(Uid::parse("ann")?);
        see("send", tx, &mut |tx| actions::messages::send(tx, bob, plain("team", "group", None)).map(drop))?;
        see("reply", tx, &mut |tx| actions::messages::send(tx, bob, plain("team", "group", Some(first))).map(drop))?;
        see("delivered", tx, &mut |tx| {
            actions::conversations::mark_as(tx, bob, &team(), receipts::Kind::Delivered, None)
        })?;
        see("read an old one", tx, &mut |tx| {
            actions::conversations::mark_as(tx, bob, &team(), receipts::Kind::Read, Some(first))
        })?;
        see("read all", tx, &mut |tx| actions::conversations::mark_as(tx, bob, &team(), receipts::Kind::Read, None))?;
        see("mark unread", tx, &mut |tx| actions::conversations::mark_unread(tx, bob, &team(), first).map(drop))?;
        see("mark unread, two", tx, &mut |tx| {
            actions::conversations::mark_unread(tx, bob, &with_ann, to_bob).map(drop)
        })?;
        see("tags", tx, &mut |tx| {
            actions::conversations::set_tags(tx, bob, &team(), Some(vec!["x".into()])).map(drop)
        })?;
        see("pin", tx, &mut |tx| actions::conversations::pin(tx, bob, &team(), true, &limits).map(drop))?;
        see("edit", tx, &mut |tx| {
            let data = Object::parse(r#"{"text":"new"}"#).unwrap();
            actions::messages::edit(tx, ann, first, actions::messages::Edit { data, tags: None }, &limits).map(drop)
        })?;
        see("react", tx, &mut |tx| actions::reactions::add(tx, bob, first, "x", &limits).map(drop))?;
        see("pin a message", tx, &mut |tx| actions::pins::pin(tx, ann, first, true, &limits).map(drop))?;
        see("delete", tx, &mut |tx| actions::messages::delete(tx, ann, last, false).map(drop))?;
        see("delete for good", tx, &mut |tx| actions::messages::delete(tx, ann, last, true).map(drop))?;
        see("reset", tx, &mut |tx| actions::conversations::reset(tx, cy, &team(), false, false).map(drop))?;
        see("scope", tx, &mut |tx| {
            actions::members::change_scope(tx, ann, &Guid::parse("team")?, &Uid::parse("cy")?, Scope::Moderator)
                .map(drop)
        })?;
        see("ban", tx, &mut |tx| actions::members::ban(tx, ann, &Guid::parse("team")?, &Uid::parse("cy")?).map(drop))?;
        see("leave", tx, &mut |tx| actions::members::leave(tx, bob, &Guid::parse("team")?).map(drop))?;
        see("join", tx, &mut |tx| actions::members::join(tx, bob, &Guid::parse("team")?, None, &limits).map(drop))?;
        see("erase", tx, &mut |tx| actions::conversations::reset(tx, bob, &with_ann, true, false).map(drop))?;
        see("delete a group", tx, &mut |tx| actions::groups::delete(tx, ann, &Guid::parse("team")?).map(drop))?;
        see("deactivate", tx, &mut |tx| {
            actions::users::deactivate(tx, &ann.app, &["cy".into()], purge::PIECE).map(drop)
        })?;
        see("delete a user", tx, &mut |tx| {
            let uid = Uid::parse("bob")?;
            actions::erasures::end(tx, (&Actor::Cli, &ann.app), &uid, Kind::Erase, purge::PIECE)
        })?;
        Ok(found.into_inner())
    });
    let found = found.await.unwrap();
    store.close();
    found
}

#[tokio::test]
async fn writes_cost_the_same_after_a_long_past() {
    let (young, old) = (costs(100).await, costs(2_000).await);
    for ((name, few), (_, many)) in young.iter().zip(&old) {
        // A block of 256 messages may be looked at, or as many mentions: some twenty steps each.
        assert!(*many <= few * 2 + 6_000, "{name}: {few} steps after a short past, {many} after a long one");
    }
}

/// What is unread for the user, counted message by message.
fn unread(tx: &Write<'_>, conv: i64, user: i64, read_id: i64) -> i64 {
    let new = history::Filter::new(Affix::Append, 1);
    let filter = history::Filter { id: Some(read_id), unread: true, viewer: Some(user), ..new };
    history::count(tx, 0, history::Within::Conversation { conv, hidden_id: 0 }, &filter).unwrap()
}

#[tokio::test]
async fn a_read_point_anywhere_in_a_long_past_counts_right() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("db"));
    let played = store.write("play", |tx| {
        let p = stage::people(tx, &["ann", "bob", "cy"])?;
        // xorshift: the same game each time.
        let mut seed = 88_172_645_463_325_252_u64;
        let mut random = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let (limits, guid) = (Limits::default(), Guid::parse("team")?);
        let mut sent = Vec::new();
        let conv = conversations::by_id(tx, crate::store::groups::by_guid(tx, p[0].app.id, &guid)?.conv)?.id;
        for n in 0..1_500_u64 {
            // Bob writes now and then, with long pauses.
            let who = if n % 700 < 300 && random(6) == 0 { 1 } else { 2 * random(2) as usize };
            sent.push(actions::messages::send(tx, &p[who], plain("team", "group", None))?.id);
            if random(9) == 0 {
                let id = sent[random(sent.len() as u64) as usize];
                // Some are gone already, or not the caller's: no matter.
                let _ = actions::messages::delete(tx, &p[0], id, random(2) == 0);
            }
            if n % 400 == 399 {
                actions::members::leave(tx, &p[1], &guid)?;
                actions::members::join(tx, &p[1], &guid, None, &limits)?;
            }
            if random(12) == 0 {
                let from = sent[random(sent.len() as u64) as usize];
                let Ok(row) = messages::find(tx, p[0].app.id, from) else { continue };
                let shown = if random(2) == 0 {
                    actions::conversations::mark_unread(tx, &p[1], &team(), row.id)?
                } else {
                    actions::conversations::mark_as(tx, &p[1], &team(), receipts::Kind::Read, Some(row.id))?;
                    let copy = actions::conversations::copy(tx, &p[1], &team())?;
                    actions::conversations::show(tx, &p[1], copy)?
                };
                let read_id = actions::conversations::copy(tx, &p[1], &team())?.read_id;
                assert_eq!(shown.unread_message_count, unread(tx, conv, p[1].user, read_id), "after {n}");
            }
        }
        Ok(())
    });
    played.await.unwrap();
    store.close();
}

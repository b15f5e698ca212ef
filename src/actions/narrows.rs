//! Holds narrowed lists of messages against a look at every message: whichever index leads to them, and however their times
//! are found among the ids, the same messages are listed and counted. Messages bear times of the past as imported ones do, and
//! the clock jumps ahead and comes back.

use super::plans::text;
use super::stage::{self, Dice};
use crate::actions;
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::ids::Guid;
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::message::{Category, Content, Draft};
use crate::model::moderation::Verdict;
use crate::model::page::{Affix, Range};
use crate::model::time::Clock;
use crate::store::history::{self, Filter, Within};
use crate::store::messages::Row;
use crate::store::{Hooks, Read, Store, Write, clock, groups};

const USERS: [&str; 4] = ["user0", "user1", "user2", "user3"];
const TAGS: [&str; 3] = ["red", "blue", "green"];

/// What messages are, mostly text.
const KINDS: [(Category, &str, &str); 6] = [
    (Category::Message, "text", r#"{"text":"hello"}"#),
    (Category::Message, "text", r#"{"text":"see https://a.example"}"#),
    (Category::Message, "image", r#"{"attachments":[{"mimeType":"image/png","url":"https://a.example/a.png"}]}"#),
    (Category::Message, "file", r#"{"attachments":[{"mimeType":"text/plain","url":"https://a.example/a.txt"}]}"#),
    (Category::Custom, "place", r#"{"customData":{}}"#),
    (Category::Custom, "text", r#"{"customData":{}}"#),
];

fn say(tx: &mut Write<'_>, dice: &mut Dice, people: &[Caller]) -> Result<()> {
    let (one, other) = (dice.below(USERS.len()), USERS[dice.below(USERS.len())]);
    let to = if dice.one_in(2) { ("team", "group") } else { (other, "user") };
    let (category, kind, data) = if dice.one_in(2) { KINDS[0] } else { KINDS[dice.below(KINDS.len())] };
    let content = Content { category, kind: kind.into(), data: Object::parse(data).unwrap() };
    let tags = dice.one_in(5).then(|| vec![TAGS[dice.below(TAGS.len())].to_owned()]);
    let draft = Draft { muid: None, content, tags, ..text(to.0, to.1, None) };
    let at = dice.one_in(12).then(|| tx.now() - dice.below(40) as i64);
    let sent = tx.dated(at, |tx| actions::messages::send(tx, &people[one], draft))?.id;
    match dice.below(16) {
        0 => actions::messages::delete(tx, &people[one], sent, dice.one_in(2)).map(drop),
        1 => actions::reactions::add(tx, &people[one], sent, "x", &Limits::default()).map(drop),
        2 => {
            actions::moderation::flag(tx, &people[(one + 1) % USERS.len()], sent, "spam", None)?;
            actions::moderation::review(tx, &people[0], sent, Verdict::Disapproved).map(drop)
        }
        4 => {
            // One of their own, if it is theirs.
            (0..4).try_for_each(|_| {
                let earlier = sent - dice.below(30) as i64;
                let data = Object::parse(r#"{"text":"hello again"}"#).unwrap();
                let edit = actions::messages::Edit { data, tags: None };
                tx.attempt(|tx| actions::messages::edit(tx, &people[one], earlier, edit, &Limits::default())).map(drop)
            })
        }
        3 if dice.one_in(6) => {
            let with = crate::model::message::Receiver::Group(Guid::parse("team")?);
            actions::conversations::reset(tx, &people[one], &with, false, false).map(drop)
        }
        _ => Ok(()),
    }
}

/// What a row must be.
type Fits = Box<dyn Fn(&Row) -> bool>;

/// What a list is narrowed by, and which rows that leaves.
fn narrow(dice: &mut Dice, (newest, now): (i64, i64), times: &[i64], filter: &mut Filter) -> Vec<Fits> {
    let newer = filter.affix == Affix::Append;
    let mut left: Vec<Fits> = Vec::new();
    // About when something was sent or changed.
    let time = |dice: &mut Dice| {
        let near = times.get(dice.below(times.len().max(1))).copied().unwrap_or(1);
        near + dice.below(3) as i64 - 1
    };
    for _ in 0..1 + dice.below(3) {
        match dice.below(15) {
            0 if filter.categories.is_empty() => {
                let named = [vec!["custom"], vec!["action"], vec!["message"], vec!["message", "custom"], vec!["call"]];
                filter.categories = named[dice.below(named.len())].iter().map(|name| (*name).to_owned()).collect();
                let of = filter.categories.clone();
                left.push(Box::new(move |row| of.iter().any(|name| name == row.category.as_str())));
            }
            1 if filter.types.is_empty() => {
                let named = [vec!["image"], vec!["text"], vec!["place", "file"], vec!["text", "image"]];
                filter.types = named[dice.below(named.len())].iter().map(|name| (*name).to_owned()).collect();
                let of = filter.types.clone();
                left.push(Box::new(move |row| of.contains(&row.kind)));
            }
            2 if filter.message_types.is_empty() => {
                filter.message_types = vec![["image", "text"][dice.below(2)].to_owned()];
                let of = filter.message_types.clone();
                left.push(Box::new(move |row| row.category != Category::Message || of.contains(&row.kind)));
            }
            3 if filter.tags.is_empty() => {
                filter.tags = TAGS[..1 + dice.below(2)].iter().map(|tag| (*tag).to_owned()).collect();
                let of = filter.tags.clone();
                left.push(Box::new(move |row| row.tags.iter().flatten().any(|tag| of.contains(tag))));
            }
            4 => {
                filter.has_links = true;
                left.push(Box::new(|row| row.flags & 1 != 0));
            }
            5 => {
                filter.has_reactions = true;
                left.push(Box::new(|row| row.flags & 64 != 0));
            }
            6 => {
                filter.attachment_types = 32;
                left.push(Box::new(|row| row.flags & 32 != 0));
            }
            7 if filter.id.is_none() && filter.sent_at.is_none() && filter.updated_at.is_none() => {
                let at = time(dice);
                filter.sent_at = Some(at);
                left.push(Box::new(move |row| if newer { row.sent_at > at } else { row.sent_at < at }));
            }
            8 if filter.from.is_none() && filter.to.is_none() => {
                let (from, to) = (dice.one_in(2).then(|| time(dice)), dice.one_in(2).then(|| time(dice)));
                (filter.from, filter.to) = (from, to);
                left.push(Box::new(move |row| {
                    from.is_none_or(|from| row.sent_at >= from) && to.is_none_or(|to| row.sent_at <= to)
                }));
            }
            9 if filter.id.is_none() && filter.sent_at.is_none() && filter.updated_at.is_none() => {
                let id = dice.below(newest as usize + 2) as i64;
                filter.id = Some(id);
                left.push(Box::new(move |row| if newer { row.id > id } else { row.id < id }));
            }
            10 => {
                filter.only_deleted = true;
                left.push(Box::new(|row| row.deleted_at.is_some()));
            }
            11 if filter.updated.is_open() => {
                let (from, to) = (dice.one_in(2).then(|| time(dice)), dice.one_in(2).then(|| time(dice)));
                filter.updated = Range { from, to };
                left.push(Box::new(move |row| {
                    from.is_none_or(|from| row.updated_at >= from) && to.is_none_or(|to| row.updated_at <= to)
                }));
            }
            12 if filter.edited.is_open() => {
                let to = time(dice);
                filter.edited = Range { from: Some(1), to: Some(to) };
                left.push(Box::new(move |row| row.edited_at.is_some_and(|at| at <= to)));
            }
            13 if filter.updated_at.is_none() && filter.id.is_none() && filter.sent_at.is_none() => {
                // One of the future would stand for another.
                let at = time(dice).min(now);
                (filter.updated_at, filter.only_updates) = (Some(at), true);
                left.push(Box::new(move |row| {
                    let changed = row.edited_at.is_some() || row.deleted_at.is_some();
                    changed && if newer { row.updated_at >= at } else { row.updated_at < at }
                }));
            }
            14 if filter.updated_at.is_none() && filter.id.is_none() && filter.sent_at.is_none() => {
                let at = time(dice).min(now);
                filter.updated_at = Some(at);
                left.push(Box::new(move |row| if newer { row.updated_at > at } else { row.updated_at < at }));
            }
            _ => {}
        }
    }
    left
}

fn hold(read: &Read<'_>, people: &[Caller], dice: &mut Dice) -> Result<usize> {
    let app = people[0].app.id;
    let team = groups::by_guid(read, app, &Guid::parse("team")?)?.conv;
    let mut seen = 0;
    for _ in 0..150 {
        let viewer = (!dice.one_in(4)).then(|| people[dice.below(USERS.len())].user);
        let within = match dice.below(4) {
            0 => Within::App,
            1 => Within::User(viewer.unwrap_or(people[1].user)),
            2 => Within::Conversation { conv: team, hidden_id: dice.below(40) as i64 },
            _ => Within::Conversation { conv: team, hidden_id: 0 },
        };
        let affix = [Affix::Append, Affix::Prepend][dice.below(2)];
        let all = Filter { viewer, ..Filter::new(affix, 1_000_000) };
        let rows = history::list(read, app, within, &all)?;
        let times: Vec<i64> = rows.iter().flat_map(|row| [row.sent_at, row.updated_at]).collect();
        let newest = rows.last().map_or(0, |row| row.id);
        let mut filter = Filter { limit: 1 + dice.below(20) as i64, ..all };
        let left = narrow(dice, (newest, read.now()), &times, &mut filter);
        let mut slow: Vec<i64> =
            rows.iter().filter(|row| left.iter().all(|fits| fits(row))).map(|row| row.id).collect();
        assert_eq!(history::count(read, app, within, &filter)?, slow.len() as i64, "{within:?} {filter:?}");
        let cut = slow.len().saturating_sub(filter.limit as usize);
        match affix {
            Affix::Append => slow.truncate(filter.limit as usize),
            Affix::Prepend => drop(slow.drain(..cut)),
        }
        let quick: Vec<i64> = history::list(read, app, within, &filter)?.iter().map(|row| row.id).collect();
        assert_eq!(quick, slow, "{within:?} {filter:?}");
        seen += quick.len();
    }
    Ok(seen)
}

#[tokio::test]
async fn whatever_a_list_is_narrowed_by_it_is_the_same_as_by_looking_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let hands = Clock::fixed(1_800_000_000);
    let store = Store::open(&dir.path().join("db"), 1, 10, Hooks::alone(hands.clone())).unwrap();
    let people = store.write("people", |tx| stage::people(tx, &USERS)).await.unwrap();
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let (mut seen, mut healed) = (0, false);
    for turn in 0..1_200_u64 {
        let (mut own, mine) = (Dice(dice.0.wrapping_add(turn)), people.clone());
        if dice.one_in(3) {
            hands.advance(1 + dice.below(3) as i64);
        }
        match turn {
            500 => hands.advance(100_000),
            520 => hands.advance(-99_900),
            521..700 => hands.advance(20),
            _ => {}
        }
        // Some are refused: no matter.
        let _ = store.write("say", move |tx| say(tx, &mut own, &mine)).await;
        if turn > 620 && !dice.one_in(3) {
            healed |= store.write("heal", |tx| clock::heal(tx)).await.unwrap();
        }
        if turn % 100 == 99 || (500..640).contains(&turn) && turn % 10 == 0 {
            let (mut own, mine) = (Dice(dice.0.wrapping_add(turn)), people.clone());
            seen += store.read(move |read| hold(read, &mine, &mut own)).await.unwrap();
        }
    }
    assert!(healed, "the clock did not come back from its jump");
    assert!(seen > 10_000, "hardly anything was found: {seen}");
    store.close();
}

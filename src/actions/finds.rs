//! Holds searches against a look at every message: whatever way the index is asked, the same messages are found in the same
//! order, page by page.

use super::plans::{open, text};
use super::stage::{self, Dice};
use crate::actions;
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::ids::{Guid, Uid};
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::message::{Draft, Receiver};
use crate::model::page::Affix;
use crate::model::words::{Question, of_message};
use crate::store::history::{self, Filter, Within};
use crate::store::{Read, Write, groups, search};

const USERS: [&str; 7] = ["user0", "user1", "user2", "user3", "user4", "user5", "user6"];

/// Some begin like others; the first are common.
const WORDS: [&str; 12] = [
    "common", "comet", "common", "compass", "an", "common", "commune", "andrew", "rarely", "comb", "commons", "unique",
];

fn say(tx: &mut Write<'_>, dice: &mut Dice, people: &[Caller]) -> Result<()> {
    let said: Vec<&str> = (0..1 + dice.below(4)).map(|_| WORDS[dice.below(WORDS.len()).min(dice.below(14))]).collect();
    let (one, other) = (dice.below(USERS.len()), USERS[dice.below(USERS.len())]);
    let to = if dice.below(2) == 0 { ("team", "group") } else { (other, "user") };
    let mut draft = Draft { muid: None, ..text(to.0, to.1, None) };
    draft.content.data = Object::parse(&format!(r#"{{"text":"{}"}}"#, said.join(" "))).unwrap();
    let sent = actions::messages::send(tx, &people[one], draft)?.id;
    match dice.below(12) {
        0 => actions::messages::delete(tx, &people[one], sent, dice.below(2) == 0).map(drop),
        1 => {
            let data = Object::parse(r#"{"text":"unique once more"}"#).unwrap();
            let edit = actions::messages::Edit { data, tags: None };
            actions::messages::edit(tx, &people[one], sent, edit, &Limits::default()).map(drop)
        }
        2 if dice.below(4) == 0 => {
            let with = Receiver::User(Uid::parse(other)?);
            actions::conversations::reset(tx, &people[one], &with, false, false).map(drop)
        }
        _ => Ok(()),
    }
}

fn hold(read: &Read<'_>, people: &[Caller]) -> Result<usize> {
    let app = people[0].app.id;
    let team = groups::by_guid(read, app, &Guid::parse("team")?)?.conv;
    let mut seen = 0;
    for within in [
        Within::App,
        Within::Conversation { conv: team, hidden_id: 0 },
        Within::User(people[0].user),
        Within::User(people[1].user),
    ] {
        for words in
            ["common", "comm", "commons", "unique", "rarely", "common rarely", "common unique an", "an", "nothing"]
        {
            let question = Question::parse(words).unwrap();
            for (affix, sender) in
                [(Affix::Append, None), (Affix::Prepend, None), (Affix::Prepend, Some(people[2].user))]
            {
                let all = Filter { sender, hide_deleted: true, ..Filter::new(affix, 100_000) };
                let mut slow: Vec<i64> = history::list(read, app, within, &all)?
                    .into_iter()
                    .filter(|row| question.found_in(&of_message(&row.data)))
                    .map(|row| row.id)
                    .collect();
                if affix == Affix::Prepend {
                    slow.reverse();
                }
                let (mut quick, mut id) = (Vec::new(), None);
                loop {
                    let page = Filter { sender, id, search: Some(words.into()), ..Filter::new(affix, 4) };
                    let mut rows: Vec<i64> =
                        history::list(read, app, within, &page)?.iter().map(|row| row.id).collect();
                    if affix == Affix::Prepend {
                        rows.reverse();
                    }
                    id = rows.last().copied();
                    let is_end = rows.len() < 4;
                    quick.extend(rows);
                    if is_end {
                        break;
                    }
                }
                assert_eq!(quick, slow, "{words:?} in {within:?}, {affix:?}");
                seen += quick.len();
            }
        }
    }
    Ok(seen)
}

#[tokio::test]
async fn whichever_way_the_index_is_asked_all_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("db"));
    let people = store.write("people", |tx| stage::people(tx, &USERS)).await.unwrap();
    let mut dice = Dice(88_172_645_463_325_252);
    let mut seen = 0;
    for turn in 0..400_u64 {
        let (mut own, mine) = (Dice(dice.0.wrapping_add(turn)), people.clone());
        dice.below(2);
        // Some are refused: no matter.
        let _ = store.write("say", move |tx| say(tx, &mut own, &mine)).await;
        if turn % 100 == 99 {
            // Most of it is in the index, and some is not yet.
            let mine = people.clone();
            seen += store.read(move |read| hold(read, &mine)).await.unwrap();
            store.write("index", |tx| search::index(tx, 300)).await.unwrap();
        }
    }
    let mine = people.clone();
    seen += store.read(move |read| hold(read, &mine)).await.unwrap();
    assert!(seen > 2_000, "hardly anything was found: {seen}");
    store.close();
}

//! Holds lists of an app and of a user against statements that look at everything (`store::slow`): whatever was done, a quick
//! list has the same rows in the same order, and counts them right.

use super::plans::{caller, open, text};
use super::stage::Dice;
use crate::actions;
use crate::model::audit::Actor;
use crate::model::caller::Caller;
use crate::model::erasure::Kind;
use crate::model::error::Result;
use crate::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use crate::model::ids::{Guid, Uid};
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::message::{Category, Draft, Receiver};
use crate::model::page::{PageAsk, Range};
use crate::model::patch::Patch;
use crate::model::user::{Profile, UserDraft};
use crate::store::conversations::{Pinned, Whose};
use crate::store::users::Deactivated;
use crate::store::{Read, Write, apps, conversations, groups, members, purge, slow, users};

const USERS: usize = 8;
const GROUPS: usize = 5;

fn uid(n: usize) -> Uid {
    Uid::parse(&format!("user{n}")).unwrap()
}

fn guid(n: usize) -> Guid {
    Guid::parse(&format!("group{n}")).unwrap()
}

fn people(tx: &mut Write<'_>) -> Result<Vec<Caller>> {
    let limits = Limits::default();
    actions::apps::create(tx, "app", "us", &limits)?;
    actions::apps::create(tx, "other", "us", &limits)?;
    let app = apps::list(tx)?.remove(0).app_id;
    let app = apps::by_app_id(tx, &app)?.unwrap();
    (0..USERS)
        .map(|n| {
            let tags = if n % 3 == 0 { Patch::Set(vec!["x".to_owned()]) } else { Patch::Keep };
            let profile = Profile { tags, ..Profile::default() };
            let draft = UserDraft { uid: uid(n), name: format!("Name {}", n * 5 % 7), role: None, profile };
            Ok(caller(&app, actions::users::create(tx, &app, draft)?.id, uid(n).as_str()))
        })
        .collect()
}

/// Something that may be refused: no matter.
fn act(tx: &mut Write<'_>, dice: &mut Dice, people: &[Caller]) -> Result<()> {
    let limits = Limits::default();
    let (one, other, group) = (dice.below(USERS), dice.below(USERS), dice.below(GROUPS));
    let who = &people[one];
    let with = match dice.one_in(2) {
        true => Receiver::User(uid(other)),
        false => Receiver::Group(guid(group)),
    };
    match dice.below(24) {
        0..10 => {
            let (kind, name) = (with.kind().as_str(), with.name().to_owned());
            let mut draft = Draft { muid: None, ..text(&name, kind, None) };
            if dice.one_in(4) {
                draft.content.category = Category::Custom;
                draft.content.kind = "quiet".into();
                let quiet = r#"{"customData":{},"metadata":{"incrementUnreadCount":false},"updateConversation":false}"#;
                draft.content.data = Object::parse(quiet).unwrap();
            }
            actions::messages::send(tx, who, draft).map(drop)
        }
        10 | 11 => {
            let owner = Some(uid(one));
            let kind = if dice.one_in(2) { GroupType::Public } else { GroupType::Private };
            let draft = GroupDraft {
                guid: guid(group),
                name: format!("Name {}", group % 3),
                kind,
                password_hash: None,
                owner,
                profile: GroupProfile::default(),
                members: MemberLists { participants: vec![uid(other).to_string()], ..Default::default() },
            };
            actions::groups::create(tx, who, draft, &limits).map(drop)
        }
        12 | 13 => actions::members::join(tx, who, &guid(group), None, &limits).map(drop),
        14 => actions::members::leave(tx, who, &guid(group)),
        15 | 16 => actions::conversations::reset(tx, who, &with, dice.one_in(4), dice.one_in(2)).map(drop),
        17 if dice.one_in(3) => {
            let name = actions::conversations::copy(tx, who, &with)?.conv.name;
            actions::conversations::delete(tx, who, &name).map(drop)
        }
        18 => actions::friends::add(tx, &who.app, &uid(one), &[uid(other).to_string()], dice.one_in(2)).map(drop),
        19 => actions::conversations::pin(tx, who, &with, dice.one_in(2), &limits).map(drop),
        20 => actions::blocks::block(tx, &who.app, who.user, &[uid(other).to_string()]).map(drop),
        21 if dice.one_in(8) => actions::groups::delete(tx, who, &guid(group)),
        22 => {
            let uids = [uid(other).to_string()];
            match dice.one_in(2) {
                true => actions::users::deactivate(tx, &who.app, &uids, purge::PIECE).map(drop),
                false => actions::users::reactivate(tx, &who.app, &uids).map(drop),
            }
        }
        23 if dice.one_in(12) => {
            actions::erasures::end(tx, (&Actor::Cli, &who.app), &uid(other), Kind::Erase, purge::PIECE).map(drop)
        }
        23 if dice.one_in(4) => purge::sweep(tx, 3).map(drop),
        _ => actions::conversations::set_tags(tx, who, &with, Some(vec!["y".into()])).map(drop),
    }
}

/// Every page of a list, which says on each how many there are in all.
fn all<T>(mut page: impl FnMut(PageAsk) -> Result<crate::model::page::Page<T>>) -> Result<Vec<T>> {
    let (mut items, mut number) = (Vec::new(), 1);
    loop {
        let found = page(PageAsk { page: number, per_page: 3 })?;
        let is_end = found.items.len() < 3;
        items.extend(found.items);
        if is_end {
            assert_eq!(found.total, items.len() as i64);
            return Ok(items);
        }
        number += 1;
    }
}

fn hold_conversations(read: &Read<'_>, whose: Whose, filter: &conversations::Filter) -> Result<usize> {
    let quick = all(|ask| conversations::list(read, whose, filter, ask))?;
    let quick: Vec<(i64, i64)> = quick.into_iter().map(|copy| (copy.conv.id, copy.user)).collect();
    assert_eq!(quick, slow::conversations(read, whose, filter)?, "{whose:?}");
    Ok(quick.len())
}

fn hold(read: &Read<'_>, people: &[Caller]) -> Result<usize> {
    let app = people[0].app.id;
    let mut seen = 0;
    for whose in [Whose::AppOnce(app), Whose::App(app), Whose::User(people[0].user), Whose::User(people[1].user)] {
        let of = |name: &str| conversations::Filter { with_blocked: name != "unblocked", ..Default::default() };
        for filter in [
            of("all"),
            of("unblocked"),
            conversations::Filter { groups: Some(true), ..of("groups") },
            conversations::Filter { groups: Some(false), ..of("pairs") },
            conversations::Filter { unread: true, with_silent: true, ..of("unread") },
            conversations::Filter { search: Some("name 2".into()), ..of("search") },
            conversations::Filter { tags: vec!["y".into()], ..of("tags") },
            conversations::Filter { user_tags: vec!["x".into()], ..of("tags of users") },
            conversations::Filter { pinned: Some(Pinned { by_user: true, by_app: true }), ..of("pinned") },
        ] {
            seen += hold_conversations(read, whose, &filter)?;
        }
    }
    let viewer = Some(people[2].user);
    for filter in [
        users::Filter::default(),
        users::Filter { deactivated: Deactivated::With, descending: true, ..Default::default() },
        users::Filter { deactivated: Deactivated::Only, by_status: true, ..Default::default() },
        users::Filter { viewer, friends_only: true, ..Default::default() },
        users::Filter { viewer, hide_blocked: true, online: Some(false), ..Default::default() },
        users::Filter { search: Some("name".into()), in_name: true, viewer, friends_only: true, ..Default::default() },
        users::Filter { search: Some("na 2".into()), in_name: true, in_uid: true, ..Default::default() },
        users::Filter { search: Some("user1".into()), in_name: true, ..Default::default() },
        users::Filter { search: Some("user1".into()), ..Default::default() },
        users::Filter { search: Some("-".into()), in_uid: true, ..Default::default() },
        users::Filter { uids: vec!["user1".into(), "user3".into()], tags: vec!["x".into()], ..Default::default() },
        users::Filter {
            roles: vec!["default".into()],
            created: Range { from: Some(1), to: None },
            ..Default::default()
        },
    ] {
        let quick: Vec<i64> = all(|ask| users::list(read, app, &filter, ask))?.iter().map(|user| user.id).collect();
        assert_eq!(quick, slow::users(read, app, &filter)?, "{filter:?}");
        seen += quick.len();
    }
    for filter in [
        groups::Filter::default(),
        groups::Filter { descending: false, viewer, ..Default::default() },
        groups::Filter { viewer, joined_only: true, ..Default::default() },
        groups::Filter { joined_only: true, ..Default::default() },
        groups::Filter { search: Some("name".into()), in_name: true, viewer, joined_only: true, ..Default::default() },
        groups::Filter { search: Some("group1".into()), in_guid: true, ..Default::default() },
        groups::Filter {
            types: vec!["private".into()],
            members: Range { from: Some(2), to: None },
            ..Default::default()
        },
        groups::Filter { guids: vec!["group1".into()], after: Some(1), ..Default::default() },
    ] {
        let quick: Vec<i64> = all(|ask| groups::list(read, app, &filter, ask))?.iter().map(|group| group.id).collect();
        assert_eq!(quick, slow::groups(read, app, &filter)?, "{filter:?}");
        seen += quick.len();
    }
    for group in slow::groups(read, app, &groups::Filter::default())? {
        for filter in [
            members::Filter::default(),
            members::Filter { search: Some("name".into()), ..Default::default() },
            members::Filter { search: Some("na 2".into()), ..Default::default() },
            members::Filter { search: Some("-".into()), ..Default::default() },
            members::Filter { scopes: vec!["admin".into(), "moderator".into()], ..Default::default() },
            members::Filter { online: Some(false), search: Some("user".into()), ..Default::default() },
        ] {
            let quick: Vec<i64> =
                all(|ask| members::list(read, group, &filter, ask))?.iter().map(|member| member.user.id).collect();
            assert_eq!(quick, slow::members(read, group, &filter)?, "{filter:?}");
            seen += quick.len();
        }
    }
    Ok(seen)
}

#[tokio::test]
async fn quick_lists_are_what_slow_ones_are() {
    for seed in [88_172_645_463_325_252_u64, 3, 77] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("db"));
        let people = store.write("people", people).await.unwrap();
        let mut dice = Dice(seed.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let mut seen = 0;
        for turn in 0..400_i64 {
            // A write each, so that one that is refused leaves nothing. Some happen in the same second.
            let (mut own, mine) = (Dice(dice.0), people.clone());
            dice.below(2);
            let _ = store.write("act", move |tx| tx.dated(Some(1_000 + turn / 2), |tx| act(tx, &mut own, &mine))).await;
            if turn % 20 == 19 {
                let mine = people.clone();
                seen += store.read(move |read| hold(read, &mine)).await.unwrap();
            }
        }
        assert!(seen > 2_000, "hardly anything was listed: {seen}");
        store.close();
    }
}

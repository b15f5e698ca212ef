//! In tests of whole actions: who is there, and what chance does.

use super::plans::caller;
use crate::actions;
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use crate::model::ids::{Guid, Uid};
use crate::model::limits::Limits;
use crate::model::user::{Profile, UserDraft};
use crate::store::{Write, apps};

/// Xorshift: the same game each time.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }

    pub fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

/// A new app with these users, all in the group `team` of the first.
pub(super) fn people(tx: &mut Write<'_>, uids: &[&str]) -> Result<Vec<Caller>> {
    let limits = Limits::default();
    actions::apps::create(tx, "app", "us", &limits)?;
    let app = apps::list(tx)?.pop().unwrap().app_id;
    let app = apps::by_app_id(tx, &app)?.unwrap();
    let mut people = Vec::new();
    for uid in uids {
        let draft =
            UserDraft { uid: Uid::parse(uid)?, name: (*uid).to_owned(), role: None, profile: Profile::default() };
        people.push(caller(&app, actions::users::create(tx, &app, draft)?.id, uid));
    }
    let participants = uids[1..].iter().map(|uid| (*uid).to_owned()).collect();
    let group = GroupDraft {
        guid: Guid::parse("team")?,
        name: "team".into(),
        kind: GroupType::Public,
        password_hash: None,
        owner: None,
        profile: GroupProfile::default(),
        members: MemberLists { participants, ..Default::default() },
    };
    actions::groups::create(tx, &people[0], group, &limits)?;
    Ok(people)
}

//! `--demo` and the sample data of a new app: a few people and a group, to try things with. Filling twice changes nothing.

use super::{groups as act, users as people};
use crate::model::caller::{App, Caller};
use crate::model::error::Result;
use crate::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use crate::model::ids::{Guid, SYSTEM_UID, Uid};
use crate::model::limits::Limits;
use crate::model::role::Role;
use crate::model::user::{Profile, UserDraft};
use crate::store::{Write, groups, users};

pub const UIDS: [&str; 5] = ["mira", "tomas", "ines", "kofi", "yuki"];
const NAMES: [&str; 5] = ["Mira Lindqvist", "Tomás Ferreira", "Inès Moreau", "Kofi Mensah", "Yuki Tanabe"];
pub const GUID: &str = "kitchen-table";

/// Fills an app.
pub fn fill_app(tx: &mut Write<'_>, app: App) -> Result<()> {
    for (uid, name) in UIDS.into_iter().zip(NAMES) {
        let uid = Uid::parse(uid)?;
        if users::any(tx, app.id, &uid)?.is_none() {
            let draft = UserDraft { uid, name: name.to_owned(), role: None, profile: Profile::default() };
            people::create(tx, &app, draft)?;
        }
    }
    let guid = Guid::parse(GUID)?;
    if groups::by_guid(tx, app.id, &guid).is_ok() {
        return Ok(());
    }
    let draft = GroupDraft {
        guid,
        name: "Kitchen table".to_owned(),
        kind: GroupType::Public,
        password_hash: None,
        owner: Some(Uid::parse(UIDS[0])?),
        profile: GroupProfile::default(),
        members: MemberLists {
            participants: UIDS[1..].iter().map(|uid| uid.to_string()).collect(),
            ..Default::default()
        },
    };
    let user = app.system_user;
    let caller = Caller {
        app,
        user,
        uid: SYSTEM_UID.into(),
        person: false,
        role: Role::free(),
        token: None,
        device: "server".into(),
        answer: None,
    };
    act::create(tx, &caller, draft, &Limits::default())?;
    Ok(())
}

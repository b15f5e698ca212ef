//! Groups and who is in them. A call that takes many is one event, with its people by uid.

use serde::Serialize;

use super::messages::actor;
use super::{Named, tell};
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::group::Group;
use crate::model::permission::Scope;
use crate::model::trigger::Trigger;
use crate::model::user::{User, conversation_name};
use crate::store::{Write, groups, users};

/// A group, with what only events say of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    group: Group,
    /// As the sockets are now: who joins by this act is not counted yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    online_members_count: Option<usize>,
    /// uid
    #[serde(skip_serializing_if = "Option::is_none")]
    old_owner: Option<String>,
}

impl Shown {
    fn of(tx: &Write<'_>, mut group: Group) -> Shown {
        group.updated_at.get_or_insert(group.created_at);
        let online_members_count = Some(tx.online_in(group.id));
        Shown { group: group.in_message(), online_members_count, old_owner: None }
    }

    /// With who did it, which the group itself knows of some changes only.
    fn by(tx: &Write<'_>, group: Group, caller: &Caller) -> Shown {
        let (updated_at, updated_by) = (Some(tx.now()), Some(caller.uid.to_string()));
        Shown::of(tx, Group { updated_at, updated_by, ..group })
    }
}

#[derive(Serialize)]
struct Told {
    group: Shown,
}

/// Members that something happened to.
#[derive(Serialize)]
struct Members<T> {
    group: Shown,
    members: Named<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<User>,
}

/// A group was made, with its owner (users.id) alone so far: as the owner sees it.
pub fn created(tx: &mut Write<'_>, caller: &Caller, group: i64, owner: Option<i64>) -> Result<()> {
    tell(tx, &caller.app, Trigger::GroupCreated, |tx| {
        let mut group = groups::by_id(tx, group)?;
        let mut members = Vec::new();
        if let Some(owner) = owner {
            group = groups::seen_by(tx, group, owner)?;
            let owner = users::by_id(tx, owner)?.entity();
            members.push((owner.uid.clone(), owner));
        }
        let group = Shown { group, online_members_count: None, old_owner: None };
        Ok(Members { group, members: Named(members), by: None })
    })
}

pub fn updated(tx: &mut Write<'_>, caller: &Caller, group: i64) -> Result<()> {
    tell(tx, &caller.app, Trigger::GroupUpdated, |tx| Ok(Told { group: Shown::of(tx, groups::by_id(tx, group)?) }))
}

/// The group is about to go.
pub fn deleted(tx: &mut Write<'_>, caller: &Caller, group: i64) -> Result<()> {
    tell(tx, &caller.app, Trigger::GroupDeleted, |tx| {
        Ok(Told { group: Shown::by(tx, groups::by_id(tx, group)?, caller) })
    })
}

/// The group has another owner than this one (uid).
pub fn transferred(tx: &mut Write<'_>, caller: &Caller, group: i64, old_owner: String) -> Result<()> {
    tell(tx, &caller.app, Trigger::GroupOwnerTransferred, |tx| {
        let group = Shown::by(tx, groups::by_id(tx, group)?, caller);
        Ok(Told { group: Shown { old_owner: Some(old_owner), ..group } })
    })
}

/// The caller came in or went, by themselves.
pub fn moved(tx: &mut Write<'_>, caller: &Caller, trigger: Trigger, group: i64) -> Result<()> {
    tell(tx, &caller.app, trigger, |tx| {
        let group = Shown::of(tx, groups::by_id(tx, group)?);
        Ok(Members { group, members: Named(vec![(caller.uid.to_string(), actor(tx, caller)?)]), by: None })
    })
}

/// The caller did something to these (users.id), all of one call.
pub fn acted(tx: &mut Write<'_>, caller: &Caller, trigger: Trigger, group: i64, on: &[i64]) -> Result<()> {
    if on.is_empty() {
        return Ok(());
    }
    tell(tx, &caller.app, trigger, |tx| {
        let group = Shown::of(tx, groups::by_id(tx, group)?);
        let members = on.iter().map(|user| {
            let user = beside(tx, caller, *user)?;
            Ok((user.uid.clone(), user))
        });
        Ok(Members { group, members: Named(members.collect::<Result<_>>()?), by: Some(actor(tx, caller)?) })
    })
}

/// Somebody with the conversation that the caller has with them.
fn beside(tx: &Write<'_>, caller: &Caller, user: i64) -> Result<User> {
    let user = users::as_known(tx, user)?.entity();
    let conversation = conversation_name(&caller.uid, &user.uid);
    Ok(User { conversation_id: Some(conversation), ..user })
}

/// The caller took a member out.
pub fn kicked(tx: &mut Write<'_>, caller: &Caller, group: i64, user: i64) -> Result<()> {
    acted(tx, caller, Trigger::GroupMemberKicked, group, &[user])?;
    acted(tx, caller, Trigger::GroupMemberRemoved, group, &[user])
}

/// A member has another scope.
pub fn rescoped(
    tx: &mut Write<'_>,
    caller: &Caller,
    group: i64,
    user: i64,
    (old_scope, scope): (Scope, Scope),
) -> Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Rescoped {
        #[serde(flatten)]
        user: User,
        scope: Scope,
        old_scope: Scope,
    }
    tell(tx, &caller.app, Trigger::GroupMemberScopeChanged, |tx| {
        let group = Shown::of(tx, groups::by_id(tx, group)?);
        let user = beside(tx, caller, user)?;
        let members = Named(vec![(user.uid.clone(), Rescoped { user, scope, old_scope })]);
        Ok(Members { group, members, by: Some(actor(tx, caller)?) })
    })
}

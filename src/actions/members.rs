//! Who is in a group: join, leave, add, kick, ban, unban, scopes. Each writes an action message into the group.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::standing::{permit, standing};
use super::{AnnouncedShown, Outcome, OutcomeShown, Outcomes, outbox, tell_message};
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::event::{Audience, Move};
use crate::model::group::{Group, GroupType, MemberLists};
use crate::model::ids::{Guid, Uid};
use crate::model::limits::Limits;
use crate::model::message::{Category, Entities, Party, Sent, Subject};
use crate::model::permission::{Act, Rank, Scope, may};
use crate::model::trigger::Trigger;
use crate::model::user::User;
use crate::store::{Write, bans, conversations, groups, members, messages, render, users};

/// Per-uid results of adding, in the contract's four lists.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = AddedMembers)]
pub struct Added {
    #[schema(value_type = BTreeMap<String, AnnouncedShown>)]
    pub admins: Outcomes,
    #[schema(value_type = BTreeMap<String, AnnouncedShown>)]
    pub moderators: Outcomes,
    #[schema(value_type = BTreeMap<String, AnnouncedShown>)]
    pub participants: Outcomes,
    #[serde(rename = "usersToBan")]
    #[schema(value_type = BTreeMap<String, OutcomeShown>)]
    pub users_to_ban: Outcomes,
}

/// A membership after a change of scope, or an import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Membership)]
pub struct Changed {
    pub guid: String,
    pub uid: String,
    pub scope: Scope,
    pub joined_at: i64,
    /// Of an import only: banned, and no member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_banned: Option<bool>,
}

/// Stores and announces a `groupMember` action, with the group as it is after the act. `also` hears it even if he is
/// no member (any more).
fn announce(
    tx: &mut Write<'_>,
    caller: &Caller,
    group: i64,
    action: &str,
    on: Option<&User>,
    extras: Option<serde_json::Value>,
    also: Option<i64>,
) -> Result<Sent> {
    let group = groups::by_id(tx, group)?;
    let conv = conversations::by_id(tx, group.conv)?;
    let mut data = json!({ "action": action });
    if let Some(extras) = extras {
        data["extras"] = extras;
    }
    let new = messages::New {
        sender: caller.user,
        category: Category::Action,
        kind: "groupMember",
        data: data.to_string(),
        subject: on.map(|user| user.id),
        ..Default::default()
    };
    let row = messages::insert(tx, caller.app.id, &conv, new)?.ok_or(Code::Internal)?;
    conversations::touch(tx, &conv, row.id, caller.user, false, true)?;
    let by = users::by_id(tx, caller.user)?.in_message();
    let on = on
        .map(|user| Subject::User(Box::new(user.clone().in_message().without_presence().in_conversation(&conv.name))));
    let id = group.id;
    let entities = Entities::Act { by, on, to: Party::Group(group.in_message()) };
    let message = render::assemble(row, &conv.name, entities, Vec::new());
    let audience = Audience { users: also.into_iter().collect(), ..Audience::group(id) };
    Ok(tell_message(tx, caller, audience, message))
}

/// The caller joins. `checked` is the stored password hash that the given password was found to fit, if one was given.
pub fn join(tx: &mut Write<'_>, caller: &Caller, guid: &Guid, checked: Option<&str>, limits: &Limits) -> Result<Sent> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    if members::find(tx, group.id, caller.user)?.is_some() {
        return Err(Code::AlreadyJoined.into());
    }
    if bans::is(tx, group.id, caller.user)? {
        return Err(Code::Banned.into());
    }
    caller.role.may_join(group.kind)?;
    match group.kind {
        GroupType::Private => return Err(Code::JoinNotAllowed.into()),
        // The password was compared outside this transaction: it must be the same still.
        GroupType::Password if groups::password_hash(tx, group.id)?.as_deref() != checked => {
            return Err(Code::WrongGroupPass.into());
        }
        GroupType::Password if checked.is_none() => return Err(Code::EmptyGroupPass.into()),
        _ => {}
    }
    enter(tx, &group, caller.user, Scope::Participant, limits)?;
    outbox::groups::moved(tx, caller, Trigger::GroupMemberJoined, group.id)?;
    announce(tx, caller, group.id, "joined", None, None, None)
}

fn enter(tx: &mut Write<'_>, group: &Group, user: i64, scope: Scope, limits: &Limits) -> Result<()> {
    if groups::by_id(tx, group.id)?.members_count >= limits.members {
        return Err(Code::NoVacancy.into());
    }
    members::insert(tx, group.id, group.conv, user, scope)?;
    tx.shift(Move::Join { group: group.id, user });
    Ok(())
}

/// The caller leaves. An owner hands the group over first.
pub fn leave(tx: &mut Write<'_>, caller: &Caller, guid: &Guid) -> Result<()> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    if members::find(tx, group.id, caller.user)?.is_none() {
        return Err(Code::GroupNotJoined.into());
    }
    if group.owner_id == caller.user && group.members_count > 1 {
        return Err(Error::new(
            Code::NoClearance,
            "The owner must transfer the group to another member before leaving.",
        ));
    }
    remove(tx, &caller.app, &group, caller.user)?;
    announce(tx, caller, group.id, "left", None, None, Some(caller.user))?;
    outbox::groups::moved(tx, caller, Trigger::GroupMemberLeft, group.id)?;
    if group.owner_id == caller.user && members::any(tx, group.id)? {
        // Those who are deactivated may come back: to a group that somebody rules.
        super::groups::give(tx, caller, group.id, caller.app.system_user)?;
    }
    tx.shift(Move::Leave { group: group.id, user: caller.user });
    Ok(())
}

/// Ends a membership, whatever the reason, and with it what the member had part in there.
fn remove(tx: &mut Write<'_>, app: &App, group: &Group, user: i64) -> Result<()> {
    super::calls::depart(tx, app, group.conv, user)?;
    let copy = conversations::copy_of(tx, group.conv, user)?;
    members::delete(tx, group.id, group.conv, user)?;
    match copy {
        Some(copy) => super::receipts::no_longer_awaited(tx, app, &copy),
        None => Ok(()),
    }
}

/// Takes a user who is deleted out of up to `most` groups, without a word in them; how many these were.
pub fn leave_some(tx: &mut Write<'_>, app: &App, user: i64, most: i64) -> Result<i64> {
    let left = groups::some_of_user(tx, user, 0, most)?;
    for &group in &left {
        let group = groups::by_id(tx, group)?;
        remove(tx, app, &group, user)?;
        tx.shift(Move::Leave { group: group.id, user });
    }
    Ok(left.len() as i64)
}

/// Adds (or bans) many, each with a result of its own.
pub fn add(tx: &mut Write<'_>, caller: &Caller, guid: &Guid, lists: MemberLists, limits: &Limits) -> Result<Added> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    permit(tx, caller, &group, Act::AddMembers)?;
    add_all(tx, caller, &group, lists, limits)
}

/// As `add`, for a caller who is known to be allowed. A uid in several lists is taken once, by the highest of them.
pub fn add_all(
    tx: &mut Write<'_>,
    caller: &Caller,
    group: &Group,
    lists: MemberLists,
    limits: &Limits,
) -> Result<Added> {
    if lists.len() > limits.bulk {
        return Err(Error::field("members", format!("No more than {} uids may be given in one call.", limits.bulk)));
    }
    let mut taken = HashSet::new();
    let mut added = Added::default();
    let (mut new, mut banned) = (Vec::new(), Vec::new());
    for (uids, scope, results) in [
        (lists.admins, Some(Scope::Admin), &mut added.admins),
        (lists.moderators, Some(Scope::Moderator), &mut added.moderators),
        (lists.participants, Some(Scope::Participant), &mut added.participants),
        (lists.ban, None, &mut added.users_to_ban),
    ] {
        for text in uids {
            if !taken.insert(text.to_ascii_lowercase()) {
                continue;
            }
            let outcome = match scope {
                Some(scope) => add_one(tx, caller, group, &text, scope, limits).map(|(user, sent)| {
                    new.push(user);
                    Outcome::Announced(sent)
                }),
                None => ban_one(tx, caller, group, &text).map(|user| {
                    banned.push(user);
                    Outcome::Done(None)
                }),
            };
            results.0.push((text, outcome.unwrap_or_else(Outcome::Refused)));
        }
    }
    outbox::groups::acted(tx, caller, Trigger::GroupMemberAdded, group.id, &new)?;
    outbox::groups::acted(tx, caller, Trigger::GroupMemberBanned, group.id, &banned)?;
    Ok(added)
}

/// Who (users.id) is a member now, and what the group is told.
fn add_one(
    tx: &mut Write<'_>,
    caller: &Caller,
    group: &Group,
    text: &str,
    scope: Scope,
    limits: &Limits,
) -> Result<(i64, Sent)> {
    let user = users::person(tx, &caller.app, &Uid::from_path(text)?)?;
    if members::find(tx, group.id, user.id)?.is_some() {
        return Err(Code::AlreadyJoined.into());
    }
    if bans::is(tx, group.id, user.id)? {
        return Err(Code::Banned.into());
    }
    enter(tx, group, user.id, scope, limits)?;
    Ok((user.id, announce(tx, caller, group.id, "added", Some(&user), None, None)?))
}

/// The member named in the path and his rank.
fn target(
    tx: &Write<'_>,
    caller: &Caller,
    group: &Group,
    uid: &Uid,
) -> Result<(User, Option<(Rank, members::Member)>)> {
    let user = users::any(tx, caller.app.id, uid)?.ok_or_else(|| crate::model::ids::unknown_uid(uid.as_str()))?;
    let member = members::find(tx, group.id, user.id)?;
    Ok((user.clone(), member.map(|member| (Rank::of(member.scope, group.owner_id == user.id), member))))
}

fn not_oneself(caller: &Caller, user: &User) -> Result<()> {
    if caller.person && caller.user == user.id { Err(Code::GroupSelf.into()) } else { Ok(()) }
}

pub fn kick(tx: &mut Write<'_>, caller: &Caller, guid: &Guid, uid: &Uid) -> Result<()> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    let rank = standing(tx, caller, &group)?;
    let (user, member) = target(tx, caller, &group, uid)?;
    not_oneself(caller, &user)?;
    let (of, _) = member.ok_or(Code::NotAMember)?;
    if let Some(rank) = rank {
        may(rank, Act::Kick(of))?;
    }
    remove(tx, &caller.app, &group, user.id)?;
    announce(tx, caller, group.id, "kicked", Some(&user), None, Some(user.id))?;
    outbox::groups::kicked(tx, caller, group.id, user.id)?;
    tx.shift(Move::Leave { group: group.id, user: user.id });
    Ok(())
}

pub fn ban(tx: &mut Write<'_>, caller: &Caller, guid: &Guid, uid: &Uid) -> Result<()> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    // One who is no member may not ban anybody, whatever else is wrong with the call.
    standing(tx, caller, &group)?;
    let banned = ban_one(tx, caller, &group, uid.as_str())?;
    outbox::groups::acted(tx, caller, Trigger::GroupMemberBanned, group.id, &[banned])
}

/// Who (users.id) is banned now.
fn ban_one(tx: &mut Write<'_>, caller: &Caller, group: &Group, text: &str) -> Result<i64> {
    let (user, member) = target(tx, caller, group, &Uid::from_path(text)?)?;
    not_oneself(caller, &user)?;
    let act = member.map_or(Act::BanOutsider, |(rank, _)| Act::Ban(rank));
    // A group being created bans on behalf of whoever may create it with bans.
    permit(tx, caller, group, act)?;
    if bans::is(tx, group.id, user.id)? {
        return Err(Code::AlreadyBanned.into());
    }
    if member.is_some() {
        remove(tx, &caller.app, group, user.id)?;
    }
    bans::insert(tx, group.id, user.id, member.map(|(_, member)| member.scope))?;
    announce(tx, caller, group.id, "banned", Some(&user), None, Some(user.id))?;
    tx.shift(Move::Leave { group: group.id, user: user.id });
    Ok(user.id)
}

pub fn unban(tx: &mut Write<'_>, caller: &Caller, guid: &Guid, uid: &Uid) -> Result<()> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    permit(tx, caller, &group, Act::Unban)?;
    let (user, _) = target(tx, caller, &group, uid)?;
    if !bans::delete(tx, group.id, user.id)? {
        return Err(Code::NotBanned.into());
    }
    announce(tx, caller, group.id, "unbanned", Some(&user), None, Some(user.id))?;
    outbox::groups::acted(tx, caller, Trigger::GroupMemberUnbanned, group.id, &[user.id])
}

/// Makes the member an admin, if they are not one, and tells the group.
pub(super) fn promote(tx: &mut Write<'_>, caller: &Caller, group: i64, user: i64) -> Result<()> {
    let Some(member) = members::find(tx, group, user)?.filter(|member| member.scope != Scope::Admin) else {
        return Ok(());
    };
    rescope(tx, caller, group, &users::by_id(tx, user)?, (member.scope, Scope::Admin))
}

fn rescope(tx: &mut Write<'_>, caller: &Caller, group: i64, user: &User, (old, new): (Scope, Scope)) -> Result<()> {
    members::set_scope(tx, group, user.id, new)?;
    let extras = json!({"scope": {"old": old, "new": new}});
    announce(tx, caller, group, "scopeChanged", Some(user), Some(extras), None)?;
    outbox::groups::rescoped(tx, caller, group, user.id, (old, new))
}

pub fn change_scope(tx: &mut Write<'_>, caller: &Caller, guid: &Guid, uid: &Uid, scope: Scope) -> Result<Changed> {
    let group = groups::by_guid(tx, caller.app.id, guid)?;
    let rank = standing(tx, caller, &group)?;
    let (user, member) = target(tx, caller, &group, uid)?;
    not_oneself(caller, &user)?;
    let (of, member) = member.ok_or(Code::NotAMember)?;
    if let Some(rank) = rank {
        may(rank, Act::ChangeScope { of, to: scope })?;
    }
    if member.scope == scope {
        return Err(Code::SameScope.into());
    }
    rescope(tx, caller, group.id, &user, (member.scope, scope))?;
    Ok(Changed { guid: group.guid, uid: user.uid, scope, joined_at: member.joined_at, is_banned: None })
}

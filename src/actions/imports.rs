//! Taking over what was elsewhere: users, groups, members and messages with their own times.
//!
//! Each row stands or falls alone. Nothing is announced. A user, group or member that is there already is left as it is
//! and counts as done, so that an import can be repeated; a message that is there already is refused by its muid.

use std::collections::HashMap;

use super::members::Changed;
use super::{Outcome, Outcomes};
use crate::model::attachment::keep_urls;
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::event::Move;
use crate::model::flags;
use crate::model::group::Group;
use crate::model::ids::{Guid, Uid, unknown_uid};
use crate::model::import;
use crate::model::json::{Raw, to_raw};
use crate::model::limits::Limits;
use crate::model::mention::Named;
use crate::model::message::Receiver;
use crate::model::permission::Scope;
use crate::model::user::User;
use crate::store::conversations::{self, Conv, Kind as ConvKind};
use crate::store::messages::{self as message_rows, New};
use crate::store::receipts::{self, Kind};
use crate::store::sight::Viewer;
use crate::store::{
    Read, Write, attachments, bans, groups as group_rows, imports as import_rows, members as member_rows, mentions,
    render, users as user_rows,
};

/// A row under its key, or why it cannot be one.
pub type Row<T> = (String, Result<T>);

fn each<T>(
    tx: &mut Write<'_>,
    rows: Vec<Row<T>>,
    mut f: impl FnMut(&mut Write<'_>, T) -> Result<Raw>,
) -> Result<Outcomes> {
    let mut outcomes = Outcomes::default();
    for (key, row) in rows {
        let outcome = match row {
            Ok(row) => tx.attempt(|tx| f(tx, row))?,
            Err(error) => Err(error),
        };
        outcomes.0.push((key, outcome.map_or_else(Outcome::Refused, Outcome::Stored)));
    }
    Ok(outcomes)
}

pub fn users(tx: &mut Write<'_>, app: &App, rows: Vec<Row<import::User>>, _: &Limits) -> Result<Outcomes> {
    each(tx, rows, |tx, row| Ok(to_raw(&user(tx, app, row)?)))
}

pub fn groups(tx: &mut Write<'_>, app: &App, rows: Vec<Row<import::Group>>, _: &Limits) -> Result<Outcomes> {
    each(tx, rows, |tx, row| Ok(to_raw(&group(tx, app, row)?)))
}

pub fn members(tx: &mut Write<'_>, app: &App, rows: Vec<Row<import::Member>>, limits: &Limits) -> Result<Outcomes> {
    each(tx, rows, |tx, row| member(tx, app, row, limits))
}

/// In the order of their times, whatever the order of the rows: ids rise with time.
pub fn messages(tx: &mut Write<'_>, app: &App, mut rows: Vec<Row<import::Message>>, _: &Limits) -> Result<Outcomes> {
    let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
    rows.sort_by_key(|(_, row)| row.as_ref().map_or(0, |row| row.sent_at));
    let mut marks = GroupMarks::default();
    let outcomes = each(tx, rows, |tx, row| {
        let (shown, mark) = message(tx, app, row)?;
        marks.note(mark);
        Ok(shown)
    })?;
    marks.set(tx)?;
    let mut by_key: HashMap<String, Outcome> = outcomes.0.into_iter().collect();
    Ok(Outcomes(keys.into_iter().filter_map(|key| by_key.remove(&key).map(|outcome| (key, outcome))).collect()))
}

/// The user, made now if there is none of this uid.
pub(super) fn user(tx: &mut Write<'_>, app: &App, row: import::User) -> Result<User> {
    if let Some(user) = user_rows::any(tx, app.id, &row.draft.uid)? {
        return Ok(user);
    }
    let import::User { draft, created_at, last_active_at, deactivated_at } = row;
    let user = tx.dated(created_at, |tx| super::users::create(tx, app, draft))?;
    user_rows::set_past(tx, user.id, last_active_at, deactivated_at)?;
    user_rows::by_id(tx, user.id)
}

fn known(read: &Read<'_>, app: &App, uid: &Uid) -> Result<User> {
    user_rows::any(read, app.id, uid)?.ok_or_else(|| unknown_uid(uid.as_str()))
}

fn known_group(read: &Read<'_>, app: &App, guid: &Guid) -> Result<Option<Group>> {
    match group_rows::by_guid(read, app.id, guid) {
        Err(error) if error.code == Code::GuidNotFound => Ok(None),
        found => found.map(Some),
    }
}

/// The group, made now if there is none of this guid. Its owner is its first admin.
pub(super) fn group(tx: &mut Write<'_>, app: &App, mut row: import::Group) -> Result<Group> {
    if let Some(group) = known_group(tx, app, &row.draft.guid)? {
        return Ok(group);
    }
    row.draft.profile.keep_urls(&app.app_id);
    if let Some(owner) = row.owner {
        user(tx, app, owner)?;
    }
    let owner = match &row.draft.owner {
        Some(uid) => known(tx, app, uid)?.id,
        None => app.system_user,
    };
    let group = tx.dated(row.created_at, |tx| {
        let group = group_rows::insert(tx, app, &row.draft, owner)?;
        if owner != app.system_user {
            member_rows::insert(tx, group.id, group.conv, owner, Scope::Admin)?;
            tx.shift(Move::Join { group: group.id, user: owner });
        }
        Ok(group)
    })?;
    group_rows::by_id(tx, group.id)
}

fn member(tx: &mut Write<'_>, app: &App, row: import::Member, limits: &Limits) -> Result<Raw> {
    if let Some(details) = row.user {
        user(tx, app, details)?;
    }
    if let Some(details) = row.group {
        group(tx, app, details)?;
    }
    let group = group_rows::by_guid(tx, app.id, &row.guid)?;
    let user = known(tx, app, &row.uid)?;
    if user.id == app.system_user {
        return Err(unknown_uid(&user.uid));
    }
    let shown = |scope: Scope, joined_at: i64| {
        let (guid, uid) = (group.guid.clone(), user.uid.clone());
        Ok(to_raw(&Changed { guid, uid, scope, joined_at, is_banned: row.banned.then_some(true) }))
    };
    let joined_at = row.joined_at.unwrap_or(tx.now());
    match (member_rows::find(tx, group.id, user.id)?, bans::is(tx, group.id, user.id)?) {
        (Some(member), _) if !row.banned => return shown(member.scope, member.joined_at),
        (Some(_), _) => return Err(Code::AlreadyJoined.into()),
        (None, true) if row.banned => return shown(row.scope, joined_at),
        (None, true) => return Err(Code::Banned.into()),
        (None, false) => {}
    }
    if joined_at < group.created_at || joined_at > tx.now() {
        return Err(Code::ImportJoinedAt.into());
    }
    if row.banned {
        tx.dated(Some(joined_at), |tx| bans::insert(tx, group.id, user.id, Some(row.scope)))?;
        return shown(row.scope, joined_at);
    }
    if group.members_count >= limits.members {
        return Err(Code::NoVacancy.into());
    }
    tx.dated(Some(joined_at), |tx| member_rows::insert(tx, group.id, group.conv, user.id, row.scope))?;
    tx.shift(Move::Join { group: group.id, user: user.id });
    shown(row.scope, joined_at)
}

/// A message in a group that everybody got, or read. The marks of all members move once per import, not per message.
pub(super) struct GroupMark {
    conv: i64,
    message: i64,
    /// The conversation's count at it.
    total: i64,
    delivered: bool,
    read: bool,
}

#[derive(Default)]
pub(super) struct GroupMarks {
    delivered: HashMap<i64, i64>,
    read: HashMap<i64, (i64, i64)>,
}

impl GroupMarks {
    pub(super) fn note(&mut self, mark: Option<GroupMark>) {
        let Some(mark) = mark else { return };
        if mark.delivered {
            self.delivered.insert(mark.conv, mark.message);
        }
        if mark.read {
            self.read.insert(mark.conv, (mark.message, mark.total));
        }
    }

    pub(super) fn set(self, tx: &Write<'_>) -> Result<()> {
        for (conv, message) in self.delivered {
            conversations::set_delivered_to_all(tx, conv, message)?;
        }
        for (conv, (message, total)) in self.read {
            conversations::set_read_by_all(tx, conv, message, total)?;
        }
        Ok(())
    }
}

fn message(tx: &mut Write<'_>, app: &App, row: import::Message) -> Result<(Raw, Option<GroupMark>)> {
    let (stored, mark) = store(tx, app, row)?;
    Ok((to_raw(&render::one(tx, stored, Viewer::App)?), mark))
}

/// Of an export also who is gone since.
fn sender_of(read: &Read<'_>, app: &App, uid: &Uid, past: bool) -> Result<User> {
    match past {
        true => user_rows::ever(read, app.id, uid)?.ok_or_else(|| unknown_uid(uid.as_str())),
        false => known(read, app, uid),
    }
}

/// Stores the message with its own time, and who has it.
pub(super) fn store(
    tx: &mut Write<'_>,
    app: &App,
    row: import::Message,
) -> Result<(message_rows::Row, Option<GroupMark>)> {
    for details in row.users {
        user(tx, app, details)?;
    }
    if let Some(details) = row.group {
        group(tx, app, details)?;
    }
    let told = row.past.is_some();
    let past = row.past.unwrap_or_default();
    let sender = sender_of(tx, app, &row.sender, told)?;
    let (receiver, mut content, tags, muid) = (row.receiver, row.content, row.tags, row.muid);
    let files = keep_urls(&mut content.data, &app.app_id);
    let (conv, stored) = tx.dated(Some(row.sent_at), |tx| {
        let conv = match (&receiver, &past.between) {
            (_, Some((one, other))) => {
                let (one, other) = (sender_of(tx, app, one, told)?, sender_of(tx, app, other, told)?);
                conversations::of_pair(tx, app, &one, &other)?
            }
            (Receiver::User(uid), None) => conversations::of_pair(tx, app, &sender, &sender_of(tx, app, uid, told)?)?,
            (Receiver::Group(guid), None) => conversations::by_id(tx, group_rows::by_guid(tx, app.id, guid)?.conv)?,
        };
        let mentions = match past.mentions {
            Some(mentions) => mentions,
            None => mentions::resolve(tx, app.id, &conv, &Named::in_data(&content.data))?,
        };
        let again = || {
            let muid = muid.as_deref().unwrap_or_default();
            Error::new(Code::ImportMuidExists, format!("A message with the muid {muid} is there already."))
        };
        // Stricter than for live messages: an import that names another receiver is a mistake, not a second message. An
        // export holds what once was live.
        if let Some(muid) = muid.as_deref().filter(|_| !told)
            && !message_rows::of_muid(tx, sender.id, muid)?.is_empty()
        {
            return Err(again());
        }
        if told {
            import_rows::keep_id(tx, past.id)?;
        }
        let new = New {
            sender: sender.id,
            category: content.category,
            kind: &content.kind,
            data: content.data.text(),
            subject: past.subject,
            parent: past.parent,
            quoted: past.quoted,
            tags,
            muid: muid.clone(),
            mentions,
            ..New::default()
        };
        let stored = message_rows::insert(tx, app.id, &conv, new)?.ok_or_else(again)?;
        attachments::show_in(tx, app.id, stored.id, &files)?;
        let counts = content.category.counts();
        let shows = stored.flags & flags::SILENT == 0 && !past.hidden;
        conversations::touch(tx, &conv, stored.id, sender.id, counts, shows)?;
        Ok((Conv { last_id: stored.id, total: stored.seq, ..conv }, stored))
    })?;
    let marked = [(row.delivered_at, Kind::Delivered), (row.read_at, Kind::Read)];
    let mark = match conv.kind {
        ConvKind::Pair(..) => {
            let other = conv.peer(sender.id).filter(|other| *other != sender.id);
            for (at, kind) in marked {
                let (Some(other), Some(_)) = (other, at) else { continue };
                tx.dated(at, |tx| receipts::insert(tx, conv.id, other, kind, stored.id))?;
                match kind {
                    Kind::Delivered => conversations::set_delivered(tx, conv.id, other, stored.id)?,
                    Kind::Read => conversations::set_read(tx, &conv, other, stored.id, stored.seq)?,
                }
            }
            None
        }
        ConvKind::Group(_) => {
            for (at, kind) in marked {
                if at.is_some() {
                    tx.dated(at, |tx| receipts::insert(tx, conv.id, receipts::ALL, kind, stored.id))?;
                }
            }
            Some(GroupMark {
                conv: conv.id,
                message: stored.id,
                total: stored.seq,
                delivered: row.delivered_at.is_some(),
                read: row.read_at.is_some(),
            })
        }
    };
    Ok((stored, mark))
}

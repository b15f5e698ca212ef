//! Group members.

use rusqlite::params;
use serde::Serialize;
use utoipa::ToSchema;

use super::rows::{COLUMNS, any_of, columns, user};
use super::{Read, Write};
use crate::model::error::Result;
use crate::model::page::{Page, PageAsk};
use crate::model::permission::Scope;
use crate::model::user::User;

/// A membership.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub scope: Scope,
    pub joined_at: i64,
}

/// A member of a group.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Member)]
pub struct Listed {
    #[serde(flatten)]
    pub user: User,
    pub scope: Scope,
    pub joined_at: i64,
}

fn scope(text: String) -> Scope {
    Scope::parse(&text).unwrap_or(Scope::Participant)
}

pub fn find(read: &Read<'_>, group: i64, user: i64) -> Result<Option<Member>> {
    read.first("SELECT scope, joined_at FROM members WHERE group_id = ?1 AND user_id = ?2", [group, user], |row| {
        Ok(Member { scope: scope(row.get(0)?), joined_at: row.get(1)? })
    })
}

/// Makes the user a member, and gives him his copy of the conversation: what was said before is not unread.
pub fn insert(tx: &Write<'_>, group: i64, conv: i64, user: i64, scope: Scope) -> Result<()> {
    tx.run(
        "INSERT INTO members (group_id, user_id, scope, joined_at) VALUES (?1, ?2, ?3, ?4)",
        params![group, user, scope.as_str(), tx.now()],
    )?;
    count(tx, group, user, 1)?;
    super::conversations::join(tx, conv, user)
}

/// Ends the membership and the user's copy of the conversation.
pub fn delete(tx: &Write<'_>, group: i64, conv: i64, user: i64) -> Result<()> {
    tx.run("DELETE FROM members WHERE group_id = ?1 AND user_id = ?2", [group, user])?;
    count(tx, group, user, -1)?;
    super::conversations::leave(tx, conv, user)
}

/// One member more or less, if it is one that lists show.
fn count(tx: &Write<'_>, group: i64, user: i64, step: i64) -> Result<()> {
    tx.run(
        "UPDATE groups SET members_count = members_count + ?3 * (SELECT deactivated_at IS NULL FROM users WHERE id = ?2)
         WHERE id = ?1",
        [group, user, step],
    )?;
    Ok(())
}

/// The user was deactivated (`step` -1) or is back (1): the groups they are in have one member less or more to show.
pub(super) fn count_everywhere(tx: &Write<'_>, user: i64, step: i64) -> Result<()> {
    tx.run(
        "UPDATE groups SET members_count = members_count + ?2
         WHERE id IN (SELECT group_id FROM members WHERE user_id = ?1)",
        [user, step],
    )?;
    Ok(())
}

/// Whether the group has any member, deactivated ones included.
pub fn any(read: &Read<'_>, group: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM members WHERE group_id = ?1", [group])
}

/// Who has been in the group longest among those of the highest scope there is.
pub fn senior(read: &Read<'_>, group: i64) -> Result<Option<i64>> {
    for scope in [Scope::Admin, Scope::Moderator, Scope::Participant] {
        let found = read.first(
            "SELECT m.user_id FROM members m WHERE m.group_id = ?1 AND m.scope = ?2
             AND EXISTS (SELECT 1 FROM users u WHERE u.id = m.user_id AND u.deactivated_at IS NULL AND u.system = 0)
             ORDER BY m.joined_at, m.user_id LIMIT 1",
            params![group, scope.as_str()],
            |row| row.get(0),
        )?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

pub fn set_scope(tx: &Write<'_>, group: i64, user: i64, scope: Scope) -> Result<()> {
    tx.run("UPDATE members SET scope = ?3 WHERE group_id = ?1 AND user_id = ?2", params![group, user, scope.as_str()])?;
    Ok(())
}

/// What a list of members may be narrowed by.
#[derive(Default)]
pub struct Filter {
    pub search: Option<String>,
    pub scopes: Vec<String>,
    pub online: Option<bool>,
}

macro_rules! listed {
    () => {
        " FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.group_id = ?1 AND u.deactivated_at IS NULL
           AND (?2 IS NULL OR is_named(?2, u.name, u.uid))
           AND (?3 IS NULL OR m.scope IN (SELECT value FROM json_each(?3)))
           AND (?4 IS NULL OR online(u.id) = ?4)"
    };
}

pub fn list(read: &Read<'_>, group: i64, filter: &Filter, ask: PageAsk) -> Result<Page<Listed>> {
    let search = filter.search.as_deref();
    let scopes = any_of(&filter.scopes);
    let items = read.all(
        concat!(
            "SELECT ",
            columns!(),
            ", m.scope, m.joined_at",
            listed!(),
            " ORDER BY u.name COLLATE NOCASE, u.id LIMIT ?5 OFFSET ?6"
        ),
        params![group, search, scopes, filter.online, ask.per_page, ask.offset()],
        |row| Ok(Listed { user: user(row)?, scope: scope(row.get(COLUMNS)?), joined_at: row.get(COLUMNS + 1)? }),
    )?;
    let total = read.number(concat!("SELECT count(*)", listed!()), params![group, search, scopes, filter.online])?;
    Ok(Page { items, total })
}

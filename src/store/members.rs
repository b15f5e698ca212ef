//! Group members.

use rusqlite::params;
use serde::Serialize;
use utoipa::ToSchema;

use super::names::{self, Search};
use super::query::Query;
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
#[derive(Debug, Default)]
pub struct Filter {
    pub search: Option<String>,
    pub scopes: Vec<String>,
    pub online: Option<bool>,
}

/// Groups of more members than this are searched by the words of names, and walked in the order of names. In tests few are many.
const MANY: i64 = if cfg!(test) { 1 } else { 1_000 };

/// The members of a group by name, and how many there are.
///
/// Sorting costs what the group's size is. In a large one of a not much larger app the app's users, who stand by name in an
/// index, are walked instead, and each is asked whether they are in it.
pub fn list(read: &Read<'_>, group: i64, filter: &Filter, ask: PageAsk) -> Result<Page<Listed>> {
    let (app, shown) = read
        .first("SELECT app, members_count FROM groups WHERE id = ?1", [group], |row| Ok((row.get(0)?, row.get(1)?)))?
        .unwrap_or((0, 0));
    let (mut query, mut from) = (Query::default(), "members m CROSS JOIN users u ON u.id = m.user_id".to_owned());
    query.and_value("m.group_id = ?", group);
    query.and_any("online(m.user_id) = ?", filter.online);
    if let Some(scopes) = any_of(&filter.scopes) {
        from = format!("members m INDEXED BY members_by_scope{}", from.trim_start_matches("members m"));
        query.and_value("m.scope IN (SELECT value FROM json_each(?))", scopes);
    }
    query.and("u.deactivated_at IS NULL");
    if let Some(text) = filter.search.as_deref() {
        let search = Search::parse(read, app, [0, 1], text)?;
        match search.range {
            Some(range) if shown > MANY => {
                from = names::entered(&mut query, "users u", [(true, 0), (true, 1)], app, range);
                from += " CROSS JOIN members m ON m.user_id = u.id";
                query.and_any("is_named(?, u.name, u.uid)", search.key);
            }
            _ => query.and_value("is_named(?, u.name, u.uid)", text),
        }
    }
    let is_whole = filter.search.is_none() && filter.scopes.is_empty() && filter.online.is_none();
    let total = if is_whole { shown } else { query.count(read, &from)? };
    if is_whole && shown > MANY && is_most(read, app, shown)? {
        from =
            query.bound("users u INDEXED BY users_by_name CROSS JOIN members m ON m.user_id = u.id AND u.app = ?", app);
        query.and("u.system = 0 AND u.deleted_at IS NULL");
    }
    let columns = concat!(columns!(), ", m.scope, m.joined_at");
    let items = query.page(read, (columns, &from, "u.name COLLATE NOCASE, u.id"), ask, |row| {
        Ok(Listed { user: user(row)?, scope: scope(row.get(COLUMNS)?), joined_at: row.get(COLUMNS + 1)? })
    })?;
    Ok(Page { items, total })
}

/// Whether the app has not many more users than these.
fn is_most(read: &Read<'_>, app: i64, members: i64) -> Result<bool> {
    let most = members.saturating_mul(8);
    let sql = "SELECT count(*) FROM (SELECT 1 FROM users u INDEXED BY users_by_name
               WHERE u.app = ?1 AND u.system = 0 AND u.deleted_at IS NULL LIMIT ?2)";
    Ok(read.number(sql, [app, most])? < most)
}

//! Bans from groups.

use rusqlite::params;
use serde::Serialize;
use utoipa::ToSchema;

use super::rows::{COLUMNS, any_of, columns, user};
use super::{Read, Write};
use crate::model::error::Result;
use crate::model::page::{Page, PageAsk};
use crate::model::permission::Scope;
use crate::model::user::User;

/// A banned user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BannedUser)]
pub struct Listed {
    #[serde(flatten)]
    pub user: User,
    /// The one he had.
    pub scope: Scope,
    pub is_banned: bool,
    pub banned_at: i64,
}

pub fn is(read: &Read<'_>, group: i64, user: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM bans WHERE group_id = ?1 AND user_id = ?2", [group, user])
}

pub fn insert(tx: &Write<'_>, group: i64, user: i64, scope: Option<Scope>) -> Result<()> {
    tx.run(
        "INSERT INTO bans (group_id, user_id, scope, banned_at) VALUES (?1, ?2, ?3, ?4)",
        params![group, user, scope.map(Scope::as_str), tx.now()],
    )?;
    Ok(())
}

/// Whether there was a ban.
pub fn delete(tx: &Write<'_>, group: i64, user: i64) -> Result<bool> {
    Ok(tx.run("DELETE FROM bans WHERE group_id = ?1 AND user_id = ?2", [group, user])? > 0)
}

macro_rules! listed {
    () => {
        " FROM bans b JOIN users u ON u.id = b.user_id
         WHERE b.group_id = ?1 AND u.deactivated_at IS NULL
           AND (?2 IS NULL OR is_named(?2, u.name, u.uid))
           AND (?3 IS NULL OR b.scope IN (SELECT value FROM json_each(?3)))"
    };
}

pub fn list(
    read: &Read<'_>,
    group: i64,
    search: Option<&str>,
    scopes: &[String],
    ask: PageAsk,
) -> Result<Page<Listed>> {
    let scopes = any_of(scopes);
    let items = read.all(
        concat!(
            "SELECT ",
            columns!(),
            ", b.scope, b.banned_at",
            listed!(),
            " ORDER BY u.name COLLATE NOCASE, u.id LIMIT ?4 OFFSET ?5"
        ),
        params![group, search, scopes, ask.per_page, ask.offset()],
        |row| {
            let scope: Option<String> = row.get(COLUMNS)?;
            Ok(Listed {
                user: user(row)?,
                scope: scope.as_deref().and_then(Scope::parse).unwrap_or(Scope::Participant),
                is_banned: true,
                banned_at: row.get(COLUMNS + 1)?,
            })
        },
    )?;
    let total = read.number(concat!("SELECT count(*)", listed!()), params![group, search, scopes])?;
    Ok(Page { items, total })
}

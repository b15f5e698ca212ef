//! Users: rows, look-ups, lists.

use rusqlite::params;

use super::names::Search;
use super::query::Query;
pub(super) use super::rows::{any_of, columns, tags_text, user};
use super::{Read, Write};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{Uid, unknown_uid};
use crate::model::page::{Page, PageAsk, Range};
use crate::model::user::{Profile, User, UserDraft, UserPatch, conversation_name};

/// The user with this row id, whatever his state.
pub fn by_id(read: &Read<'_>, id: i64) -> Result<User> {
    read.known(
        None,
        |people| people.by_id(id),
        || read.first(concat!("SELECT ", columns!(), " FROM users u WHERE u.id = ?1"), [id], user),
    )?
    .ok_or_else(|| Error::internal("users", format!("no row {id}")))
}

/// The user with this uid who is neither deactivated nor deleted.
pub fn active(read: &Read<'_>, app: i64, uid: &Uid) -> Result<User> {
    any(read, app, uid)?.filter(|user| user.deactivated_at.is_none()).ok_or_else(|| unknown_uid(uid.as_str()))
}

/// As `active`, for a person: the app's own user is none.
pub fn person(read: &Read<'_>, app: &crate::model::caller::App, uid: &Uid) -> Result<User> {
    active(read, app.id, uid)
        .and_then(|user| if user.id == app.system_user { Err(unknown_uid(uid.as_str())) } else { Ok(user) })
}

/// The user with this uid, deactivated or not; deleted ones are gone.
pub fn any(read: &Read<'_>, app: i64, uid: &Uid) -> Result<Option<User>> {
    read.known(
        Some(app),
        |people| people.by_uid(app, uid.as_str()),
        || {
            read.first(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM users u WHERE u.app = ?1 AND u.uid = ?2 AND u.deleted_at IS NULL"
                ),
                params![app, uid.as_str()],
                user,
            )
        },
    )
}

/// The user with this uid whatever became of them, the app's own as well; only who was deleted for good is gone. For what
/// one has with them already: a conversation, a block.
pub fn ever(read: &Read<'_>, app: i64, uid: &Uid) -> Result<Option<User>> {
    read.first(
        concat!("SELECT ", columns!(), " FROM users u WHERE u.app = ?1 AND u.uid = ?2"),
        params![app, uid.as_str()],
        user,
    )
}

pub fn insert(tx: &Write<'_>, app: i64, draft: UserDraft) -> Result<User> {
    let taken = tx.exists("SELECT 1 FROM users WHERE app = ?1 AND uid = ?2", params![app, draft.uid.as_str()])?;
    if taken {
        return Err(Error::new(Code::UidExists, format!("A user with the uid {} already exists.", draft.uid)));
    }
    let Profile { avatar, link, status_message, metadata, tags } = draft.profile;
    let id = tx.insert(
        "INSERT INTO users (app, uid, name, avatar, link, role, metadata, status_message, tags, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            app,
            draft.uid.as_str(),
            draft.name,
            avatar.given(),
            link.given(),
            draft.role.as_ref().map_or("default", |role| role.as_str()),
            metadata.given().map(|raw| raw.get().to_owned()),
            status_message.given(),
            tags_text(&tags.given()),
            tx.now()
        ],
    )?;
    by_id(tx, id)
}

/// Writes the patched user back; the user as he is now.
pub fn update(tx: &mut Write<'_>, old: User, patch: UserPatch) -> Result<User> {
    let profile = patch.profile;
    // Of what is changed here credentials hold only the role.
    if patch.role.as_ref().is_some_and(|role| role.as_str() != old.role) {
        tx.credentials_changed();
    }
    tx.run(
        "UPDATE users SET name = ?2, avatar = ?3, link = ?4, role = ?5, metadata = ?6, status_message = ?7, tags = ?8,
                updated_at = ?9 WHERE id = ?1",
        params![
            old.id,
            patch.name.unwrap_or(old.name),
            profile.avatar.apply(old.avatar),
            profile.link.apply(old.link),
            patch.role.map_or(old.role, |role| role.to_string()),
            profile.metadata.apply(old.metadata).map(|raw| raw.get().to_owned()),
            profile.status_message.apply(old.status_message),
            tags_text(&profile.tags.apply(old.tags)),
            tx.now()
        ],
    )?;
    by_id(tx, old.id)
}

/// Sets or clears `deactivated_at`.
pub fn set_deactivated(tx: &mut Write<'_>, id: i64, deactivated: bool) -> Result<()> {
    tx.credentials_changed();
    tx.run(
        "UPDATE users SET deactivated_at = ?2, updated_at = ?3 WHERE id = ?1",
        params![id, deactivated.then(|| tx.now()), tx.now()],
    )?;
    super::members::count_everywhere(tx, id, if deactivated { -1 } else { 1 })
}

/// What an import knows of a user's past.
pub fn set_past(tx: &mut Write<'_>, id: i64, last_active_at: Option<i64>, deactivated_at: Option<i64>) -> Result<()> {
    tx.run(
        "UPDATE users SET last_active_at = ?2, deactivated_at = ?3 WHERE id = ?1",
        params![id, last_active_at, deactivated_at],
    )?;
    Ok(())
}

pub fn is_bot(read: &Read<'_>, id: i64) -> Result<bool> {
    read.exists("SELECT 1 FROM users WHERE id = ?1 AND bot = 1", [id])
}

pub fn set_bot(tx: &Write<'_>, id: i64, bot: bool) -> Result<()> {
    tx.run("UPDATE users SET bot = ?2 WHERE id = ?1", params![id, bot])?;
    Ok(())
}

/// The bots of an app, by uid.
pub fn bots(read: &Read<'_>, app: i64) -> Result<Vec<User>> {
    read.all(
        concat!(
            "SELECT ",
            columns!(),
            " FROM users u WHERE u.app = ?1 AND u.bot = 1 AND u.deleted_at IS NULL ORDER BY u.uid"
        ),
        [app],
        user,
    )
}

/// Soft deletion: the row stays for the messages that name it.
pub fn mark_deleted(tx: &mut Write<'_>, id: i64) -> Result<()> {
    tx.credentials_changed();
    if tx.exists("SELECT 1 FROM users WHERE id = ?1 AND deactivated_at IS NULL", [id])? {
        super::members::count_everywhere(tx, id, -1)?;
    }
    tx.run(
        "UPDATE users SET deactivated_at = coalesce(deactivated_at, ?2), deleted_at = ?2 WHERE id = ?1",
        [id, tx.now()],
    )?;
    Ok(())
}

/// A user who is no more, and whose groups are still to be told.
pub struct Ending {
    pub user: i64,
    /// Deleted: their memberships end.
    pub leaves: bool,
    /// groups.id up to which nobody waits for their receipts any more.
    pub past_group: i64,
}

/// Notes that the user's groups are to be told of their end. Deleting goes beyond deactivating.
pub fn begin_ending(tx: &Write<'_>, user: &User, leaves: bool) -> Result<()> {
    tx.run(
        "INSERT INTO ending_users (user_id, uid, leaves) VALUES (?1, ?2, ?3)
         ON CONFLICT (user_id) DO UPDATE SET leaves = max(leaves, excluded.leaves)",
        params![user.id, user.uid, leaves],
    )?;
    Ok(())
}

/// One whose groups are still to be told, if there is any, and users.app. Those of a deleted app go with the app.
pub fn next_ending(read: &Read<'_>) -> Result<Option<(Ending, i64)>> {
    read.first(
        "SELECT e.user_id, e.leaves, e.past_group, u.app
         FROM ending_users e CROSS JOIN users u ON u.id = e.user_id JOIN apps a ON a.id = u.app
         WHERE a.deleted_at IS NULL ORDER BY e.user_id LIMIT 1",
        [],
        |row| Ok((Ending { user: row.get(0)?, leaves: row.get(1)?, past_group: row.get(2)? }, row.get(3)?)),
    )
}

pub fn ending(read: &Read<'_>, user: i64) -> Result<Option<Ending>> {
    read.first("SELECT user_id, leaves, past_group FROM ending_users WHERE user_id = ?1", [user], |row| {
        Ok(Ending { user: row.get(0)?, leaves: row.get(1)?, past_group: row.get(2)? })
    })
}

pub fn set_past_group(tx: &Write<'_>, user: i64, group: i64) -> Result<()> {
    tx.run("UPDATE ending_users SET past_group = ?2 WHERE user_id = ?1", [user, group])?;
    Ok(())
}

/// Nothing of it is left to do, or the user is back.
pub fn forget_ending(tx: &Write<'_>, user: i64) -> Result<()> {
    tx.run("DELETE FROM ending_users WHERE user_id = ?1", [user])?;
    Ok(())
}

/// As [`by_id`], called as they were before their end gave up the uid, and not yet deactivated by a deletion.
pub fn as_known(read: &Read<'_>, id: i64) -> Result<User> {
    let user = by_id(read, id)?;
    let noted = read.first("SELECT uid, leaves FROM ending_users WHERE user_id = ?1", [id], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?))
    })?;
    Ok(match noted {
        Some((uid, leaves)) => User { uid, deactivated_at: user.deactivated_at.filter(|_| !leaves), ..user },
        None => user,
    })
}

pub fn set_last_active(tx: &Write<'_>, id: i64, at: i64) -> Result<()> {
    tx.run("UPDATE users SET last_active_at = ?2 WHERE id = ?1", [id, at])?;
    Ok(())
}

/// What a list of users may be narrowed by.
#[derive(Debug, Default)]
pub struct Filter {
    pub search: Option<String>,
    pub in_name: bool,
    pub in_uid: bool,
    pub online: Option<bool>,
    pub roles: Vec<String>,
    pub tags: Vec<String>,
    pub uids: Vec<String>,
    pub created: Range,
    /// When they were last changed, which is first when they were made.
    pub updated: Range,
    pub deactivated: Deactivated,
    /// The user who looks: he is not in his own list.
    pub viewer: Option<i64>,
    pub friends_only: bool,
    pub hide_blocked: bool,
    pub by_status: bool,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deactivated {
    #[default]
    Without,
    With,
    Only,
}

/// The users of an app, and what of the filter applies. Without more than whether they are deactivated all of it is in the
/// index by name: it counts them, and a page begins where it begins there.
fn listed<'f>(app: i64, filter: &'f Filter, search: Option<Search>) -> (Query<'f>, String) {
    let mut query = Query::default();
    query.and_value("u.app = ?", app);
    query.and("u.system = 0 AND u.deleted_at IS NULL");
    match filter.deactivated {
        Deactivated::Without => query.and("u.deactivated_at IS NULL"),
        Deactivated::Only => query.and("u.deactivated_at IS NOT NULL"),
        Deactivated::With => {}
    }
    let mut from = "users u".to_owned();
    if let Some(Search { key, range }) = search {
        let looked = [(filter.in_name, "u.name", 0), (filter.in_uid, "u.uid", 1)];
        if let Some(key) = key {
            query.and_value(&super::names::named(looked.map(|(is, column, _)| (is, column))), key);
        }
        if let Some(range) = range {
            from = super::names::entered(&mut query, "users u", looked.map(|(is, _, kind)| (is, kind)), app, range);
        }
    } else if filter.friends_only {
        from = query.bound("friends f CROSS JOIN users u ON f.user_id = ? AND u.id = f.friend_id", filter.viewer);
    }
    query.and_any("online(u.id) = ?", filter.online);
    query.and_any("u.role IN (SELECT value FROM json_each(?))", any_of(&filter.roles));
    query.and_any("any_tag(u.tags, ?)", any_of(&filter.tags));
    query.and_any("u.uid IN (SELECT value FROM json_each(?))", any_of(&filter.uids));
    query.and_any("u.id <> ?", filter.viewer);
    if filter.friends_only && !from.starts_with("friends") {
        query.and_value("EXISTS (SELECT 1 FROM friends f WHERE f.user_id = ? AND f.friend_id = u.id)", filter.viewer);
    }
    if filter.hide_blocked {
        query.and_value(
            "NOT EXISTS (SELECT 1 FROM blocks b WHERE (b.user_id = ? AND b.blocked_id = u.id)
                                                OR (b.user_id = u.id AND b.blocked_id = ?))",
            filter.viewer,
        );
    }
    query.and_within("u.created_at", filter.created);
    query.and_within("coalesce(u.updated_at, u.created_at)", filter.updated);
    (query, from)
}

pub fn list(read: &Read<'_>, app: i64, filter: &Filter, ask: PageAsk) -> Result<Page<User>> {
    let search = filter.search.as_deref().map(|text| Search::parse(read, app, [0, 1], text)).transpose()?;
    let (mut query, from) = listed(app, filter, search);
    let total = query.count(read, &from)?;
    let order = match (filter.by_status, filter.descending) {
        (false, false) => "u.name COLLATE NOCASE, u.id",
        (false, true) => "u.name COLLATE NOCASE DESC, u.id DESC",
        (true, false) => "online(u.id) DESC, u.name COLLATE NOCASE, u.id",
        (true, true) => "online(u.id), u.name COLLATE NOCASE, u.id",
    };
    if !filter.by_status {
        let items = query.page(read, (columns!(), &from, order), ask, user)?;
        return Ok(Page { items, total });
    }
    // Sorted by what no index knows: by ids first, so that only the page is read.
    let ids = query.page(read, ("u.id", &from, order), ask, |row| row.get::<_, i64>(0))?;
    let items = ids.into_iter().map(|id| by_id(read, id)).collect::<Result<_>>()?;
    Ok(Page { items, total })
}

/// Sets what depends on who looks: the common conversation and blocks between the two. Private metadata goes.
pub fn seen_by(read: &Read<'_>, mut seen: User, viewer: &User) -> Result<User> {
    if seen.id != viewer.id {
        seen = seen.without_private();
        seen.conversation_id = Some(conversation_name(&seen.uid, &viewer.uid));
        let mine = super::blocks::since(read, viewer.id, seen.id)?;
        let his = super::blocks::since(read, seen.id, viewer.id)?;
        seen.blocked_by_me = Some(mine.is_some());
        seen.blocked_by_me_at = mine;
        seen.has_blocked_me = Some(his.is_some());
        seen.blocked_at = mine.or(his);
        if seen.blocked_at.is_some() {
            // In a write nothing was hidden while they were read.
            seen = seen.without_presence();
        }
    }
    Ok(seen)
}

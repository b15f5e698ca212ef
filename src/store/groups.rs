//! Groups: rows, look-ups, lists.

use rusqlite::{Row, params};

use super::conversations::{Conv, Kind};
use super::names::Search;
use super::query::Query;
use super::rows::{any_of, tags, tags_text};
use super::{Read, Write};
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::group::{Group, GroupDraft, GroupPatch, GroupProfile, GroupType, conversation_name};
use crate::model::ids::{Guid, unknown_guid};
use crate::model::page::{Page, PageAsk, Range};
use crate::model::permission::Scope;
use crate::model::user::stored;

/// The columns [`group`] reads, from `groups g` joined with `users o` (its owner). An owner who was deleted for good has
/// given up the uid: until the group has another, it is the app's.
macro_rules! columns {
    () => {
        "g.id, g.conv_id, g.owner_id, g.guid, g.name, g.type, iif(substr(o.uid, 1, 1) = '/', 'app_system', o.uid), g.members_count, g.icon, g.description,
         g.metadata, g.tags, g.created_at, g.updated_at, g.updated_by, g.permissions"
    };
}

const COLUMNS: usize = 16;

pub(super) fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
    let guid: String = row.get(3)?;
    let kind: String = row.get(5)?;
    Ok(Group {
        id: row.get(0)?,
        conv: row.get(1)?,
        owner_id: row.get(2)?,
        conversation_id: conversation_name(&guid),
        guid,
        name: row.get(4)?,
        kind: GroupType::parse(&kind).unwrap_or(GroupType::Private),
        owner: row.get(6)?,
        members_count: row.get(7)?,
        icon: row.get(8)?,
        description: row.get(9)?,
        metadata: stored(row.get(10)?),
        tags: tags(row.get(11)?),
        created_at: row.get(12)?,
        updated_at: row.get(13)?,
        updated_by: row.get(14)?,
        permissions: row.get(15)?,
        has_joined: None,
        scope: None,
        joined_at: None,
        is_banned: None,
    })
}

/// The group with its last two columns: the viewer's scope and joining time.
fn group_for_viewer(row: &Row<'_>) -> rusqlite::Result<Group> {
    let scope: Option<String> = row.get(COLUMNS)?;
    Ok(Group {
        has_joined: Some(scope.is_some()),
        scope: scope.as_deref().and_then(Scope::parse),
        joined_at: row.get(COLUMNS + 1)?,
        ..group(row)?
    })
}

pub fn by_id(read: &Read<'_>, id: i64) -> Result<Group> {
    read.first(
        concat!("SELECT ", columns!(), " FROM groups g JOIN users o ON o.id = g.owner_id WHERE g.id = ?1"),
        [id],
        group,
    )?
    .ok_or_else(|| Error::internal("groups", format!("no row {id}")))
}

pub fn by_guid(read: &Read<'_>, app: i64, guid: &Guid) -> Result<Group> {
    read.first(
        concat!(
            "SELECT ",
            columns!(),
            " FROM groups g JOIN users o ON o.id = g.owner_id WHERE g.app = ?1 AND g.guid = ?2"
        ),
        params![app, guid.as_str()],
        group,
    )?
    .ok_or_else(|| unknown_guid(guid.as_str()))
}

/// The group with the viewer's own standing in it.
pub fn seen_by(read: &Read<'_>, mut group: Group, viewer: i64) -> Result<Group> {
    let own = super::members::find(read, group.id, viewer)?;
    group.has_joined = Some(own.is_some());
    group.is_banned = super::bans::is(read, group.id, viewer)?.then_some(true);
    if let Some(own) = own {
        group.scope = Some(own.scope);
        group.joined_at = Some(own.joined_at);
    }
    Ok(group)
}

/// The PHC string of a password group.
pub fn password_hash(read: &Read<'_>, id: i64) -> Result<Option<String>> {
    Ok(read.first("SELECT password_hash FROM groups WHERE id = ?1", [id], |row| row.get(0))?.flatten())
}

/// Refuses a guid that is taken.
pub fn check_free(read: &Read<'_>, app: i64, guid: &Guid) -> Result<()> {
    match read.exists("SELECT 1 FROM groups WHERE app = ?1 AND guid = ?2", params![app, guid.as_str()])? {
        true => Err(Error::new(Code::GuidExists, format!("The guid {guid} is taken."))),
        false => Ok(()),
    }
}

/// Makes the group and its conversation, without members.
pub fn insert(tx: &Write<'_>, app: &App, draft: &GroupDraft, owner: i64) -> Result<Group> {
    check_free(tx, app.id, &draft.guid)?;
    let GroupProfile { icon, description, metadata, tags } = &draft.profile;
    let id = tx.insert(
        "INSERT INTO groups (app, guid, name, type, password_hash, icon, description, metadata, tags, owner_id, conv_id, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11)",
        params![
            app.id,
            draft.guid.as_str(),
            draft.name,
            draft.kind.as_str(),
            draft.password_hash,
            icon.clone().given(),
            description.clone().given(),
            metadata.clone().given().map(|raw| raw.get().to_owned()),
            tags_text(&tags.clone().given()),
            owner,
            tx.now()
        ],
    )?;
    let conv = super::conversations::insert_group(tx, app.id, &conversation_name(draft.guid.as_str()), id)?;
    tx.run("UPDATE groups SET conv_id = ?2 WHERE id = ?1", [id, conv])?;
    by_id(tx, id)
}

pub fn update(tx: &Write<'_>, old: Group, patch: GroupPatch, by: &str) -> Result<Group> {
    let profile = patch.profile;
    let kind = patch.kind.unwrap_or(old.kind);
    tx.run(
        "UPDATE groups SET name = ?2, type = ?3, password_hash = CASE WHEN ?3 = 'password' THEN coalesce(?4, password_hash) END,
                icon = ?5, description = ?6, metadata = ?7, tags = ?8, updated_at = ?9, updated_by = ?10 WHERE id = ?1",
        params![
            old.id,
            patch.name.unwrap_or(old.name),
            kind.as_str(),
            patch.password_hash,
            profile.icon.apply(old.icon),
            profile.description.apply(old.description),
            profile.metadata.apply(old.metadata).map(|raw| raw.get().to_owned()),
            tags_text(&profile.tags.apply(old.tags)),
            tx.now(),
            by
        ],
    )?;
    by_id(tx, old.id)
}

/// Sets what the group's scopes are permitted, as JSON; `None`: nothing beyond the defaults.
pub fn set_permissions(tx: &Write<'_>, id: i64, permissions: Option<&str>) -> Result<()> {
    tx.run("UPDATE groups SET permissions = ?2 WHERE id = ?1", params![id, permissions])?;
    Ok(())
}

pub fn set_owner(tx: &Write<'_>, id: i64, owner: i64) -> Result<()> {
    tx.run("UPDATE groups SET owner_id = ?2, updated_at = ?3 WHERE id = ?1", [id, owner, tx.now()])?;
    Ok(())
}

/// How a list of groups is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Name,
    Guid,
    CreatedAt,
    /// By the time of the last change: for a list that is followed by it.
    UpdatedAt,
}

/// What a list of groups may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub search: Option<String>,
    pub in_name: bool,
    pub in_guid: bool,
    pub types: Vec<String>,
    pub tags: Vec<String>,
    pub guids: Vec<String>,
    pub created: Range,
    /// When they were last changed, which is first when they were made.
    pub updated: Range,
    pub members: Range,
    /// The user who looks: private groups he has not joined are not there for him.
    pub viewer: Option<i64>,
    pub joined_only: bool,
    /// Updated (or created) after / before this time.
    pub after: Option<i64>,
    pub before: Option<i64>,
    pub order: Order,
    pub descending: bool,
}

/// The groups of an app, what of the filter applies, and where they are looked for. Who looks is joined only where it matters.
fn listed<'f>(app: i64, filter: &'f Filter, search: Option<Search>) -> (Query<'f>, String) {
    let mut query = Query::default();
    query.and_value("g.app = ?", app);
    query.and("g.id NOT IN (SELECT group_id FROM gone_groups)");
    let mut from = "groups g".to_owned();
    let mut is_joined = false;
    if let Some(Search { key, range }) = search {
        let looked = [(filter.in_name, "g.name", 2), (filter.in_guid, "g.guid", 3)];
        if let Some(key) = key {
            query.and_value(&super::names::named(looked.map(|(is, column, _)| (is, column))), key);
        }
        if let Some(range) = range {
            from = super::names::entered(&mut query, "groups g", looked.map(|(is, _, kind)| (is, kind)), app, range);
        }
    } else if filter.joined_only {
        is_joined = true;
        from = query.bound("members m CROSS JOIN groups g ON m.user_id = ? AND g.id = m.group_id", filter.viewer);
    }
    if let Some(viewer) = filter.viewer.filter(|_| !is_joined) {
        from += &query.bound(" LEFT JOIN members m ON m.group_id = g.id AND m.user_id = ?", viewer);
        query.and(if filter.joined_only {
            "m.user_id IS NOT NULL"
        } else {
            "(g.type <> 'private' OR m.user_id IS NOT NULL)"
        });
    } else if filter.joined_only && !is_joined {
        query.and("0");
    }
    query.and_any("g.type IN (SELECT value FROM json_each(?))", any_of(&filter.types));
    query.and_any("any_tag(g.tags, ?)", any_of(&filter.tags));
    query.and_any("coalesce(g.updated_at, g.created_at) > ?", filter.after);
    query.and_any("coalesce(g.updated_at, g.created_at) < ?", filter.before);
    query.and_any("g.guid IN (SELECT value FROM json_each(?))", any_of(&filter.guids));
    query.and_within("g.created_at", filter.created);
    query.and_within("coalesce(g.updated_at, g.created_at)", filter.updated);
    query.and_within("g.members_count", filter.members);
    (query, from)
}

/// Groups changed in one second that one page takes at most beyond its size.
const SAME_SECOND: i64 = 10_000;

/// Groups by when they were changed. A cursor that names a second skips what is left of it, so a page that starts at one
/// goes on to the end of its last second.
pub fn list_by_change(read: &Read<'_>, app: i64, filter: &Filter, ask: PageAsk) -> Result<Page<Group>> {
    let changed = |group: &Group| group.updated_at.unwrap_or(group.created_at);
    let mut found = list(read, app, filter, ask)?;
    let full = found.items.len() as i64 == ask.per_page && ask.page == 1;
    if let Some(last) = found.items.last().map(changed).filter(|_| full) {
        let second = Filter { after: Some(last - 1), before: Some(last + 1), ..filter.clone() };
        found.items.retain(|group| changed(group) != last);
        found.items.extend(list(read, app, &second, PageAsk { page: 1, per_page: SAME_SECOND })?.items);
    }
    Ok(found)
}

pub fn list(read: &Read<'_>, app: i64, filter: &Filter, ask: PageAsk) -> Result<Page<Group>> {
    let search = filter.search.as_deref().map(|text| Search::parse(read, app, [2, 3], text)).transpose()?;
    let (mut query, from) = listed(app, filter, search);
    let total = query.count(read, &from)?;
    let order = match (filter.order, filter.descending) {
        (Order::Name, false) => "g.name COLLATE NOCASE, g.id",
        (Order::Name, true) => "g.name COLLATE NOCASE DESC, g.id DESC",
        (Order::Guid, false) => "g.guid",
        (Order::Guid, true) => "g.guid DESC",
        (Order::CreatedAt, false) => "g.created_at, g.id",
        (Order::CreatedAt, true) => "g.created_at DESC, g.id DESC",
        (Order::UpdatedAt, false) => "coalesce(g.updated_at, g.created_at), g.id",
        (Order::UpdatedAt, true) => "coalesce(g.updated_at, g.created_at) DESC, g.id DESC",
    };
    let from = from + " JOIN users o ON o.id = g.owner_id";
    let items = match filter.viewer.is_some() {
        true => {
            query.page(read, (concat!(columns!(), ", m.scope, m.joined_at"), &from, order), ask, group_for_viewer)?
        }
        false => query.page(read, (columns!(), &from, order), ask, group)?,
    };
    Ok(Page { items, total })
}

/// groups.id of up to `most` groups the user owns.
pub fn owned_by(read: &Read<'_>, user: i64, most: i64) -> Result<Vec<i64>> {
    read.all(
        "SELECT id FROM groups WHERE owner_id = ?1 AND id NOT IN (SELECT group_id FROM gone_groups) LIMIT ?2",
        [user, most],
        |row| row.get(0),
    )
}

/// groups.id of up to `most` groups the user is in, by id, from after group `after` on.
pub fn some_of_user(read: &Read<'_>, user: i64, after: i64, most: i64) -> Result<Vec<i64>> {
    read.all(
        "SELECT group_id FROM members WHERE user_id = ?1 AND group_id > ?2
           AND group_id NOT IN (SELECT group_id FROM gone_groups) ORDER BY group_id LIMIT ?3",
        [user, after, most],
        |row| row.get(0),
    )
}

/// groups.id of all groups the user is in.
pub fn of_user(read: &Read<'_>, user: i64) -> Result<Vec<i64>> {
    read.all(
        "SELECT group_id FROM members WHERE user_id = ?1 AND group_id NOT IN (SELECT group_id FROM gone_groups)",
        [user],
        |row| row.get(0),
    )
}

/// The group behind a conversation, if it is a group's.
pub fn of_conversation(read: &Read<'_>, conv: &Conv) -> Result<Option<Group>> {
    match conv.kind {
        Kind::Group(group) => by_id(read, group).map(Some),
        Kind::Pair(..) => Ok(None),
    }
}

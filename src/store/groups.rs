//! Groups: rows, look-ups, lists.

use rusqlite::{Row, params};

use super::conversations::{Conv, Kind};
use super::names::Search;
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
#[derive(Clone, Default)]
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

macro_rules! listed {
    () => {
        " JOIN users o ON o.id = g.owner_id
         LEFT JOIN members m ON m.group_id = g.id AND m.user_id = ?2
         WHERE g.app = ?1 AND g.id NOT IN (SELECT group_id FROM gone_groups)
           AND (?2 IS NULL OR g.type <> 'private' OR m.user_id IS NOT NULL)
           AND (NOT ?3 OR m.user_id IS NOT NULL)
           AND (?4 IS NULL OR is_named(?4, CASE WHEN ?5 THEN g.name END, CASE WHEN ?6 THEN g.guid END))
           AND (?7 IS NULL OR g.type IN (SELECT value FROM json_each(?7)))
           AND (?8 IS NULL OR any_tag(g.tags, ?8))
           AND (?9 IS NULL OR coalesce(g.updated_at, g.created_at) > ?9)
           AND (?10 IS NULL OR coalesce(g.updated_at, g.created_at) < ?10)
           AND (?11 IS NULL OR g.guid IN (SELECT value FROM json_each(?11)))
           AND (?12 IS NULL OR g.created_at >= ?12) AND (?13 IS NULL OR g.created_at <= ?13)
           AND (?14 IS NULL OR coalesce(g.updated_at, g.created_at) >= ?14)
           AND (?15 IS NULL OR coalesce(g.updated_at, g.created_at) <= ?15)
           AND (?16 IS NULL OR g.members_count >= ?16) AND (?17 IS NULL OR g.members_count <= ?17)"
    };
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
    let key = search.as_ref().and_then(|search| search.key.as_deref());
    let range = search.as_ref().and_then(|search| search.range.as_ref());
    let (types, tags, guids) = (any_of(&filter.types), any_of(&filter.tags), any_of(&filter.guids));
    let bound = params![
        app,
        filter.viewer,
        filter.joined_only,
        key,
        filter.in_name,
        filter.in_guid,
        types,
        tags,
        filter.after,
        filter.before,
        guids,
        filter.created.from,
        filter.created.to,
        filter.updated.from,
        filter.updated.to,
        filter.members.from,
        filter.members.to
    ];
    let mut params: Vec<&dyn rusqlite::ToSql> = bound.to_vec();
    // By the words of names, or all of the app.
    let mut from = " FROM groups g".to_owned();
    if let Some((first, end)) = range {
        let at = params.len();
        params.extend([first as &dyn rusqlite::ToSql, end]);
        from = super::names::entered("groups g", "iif(?5, 2, NULL), iif(?6, 3, NULL)", at);
    }
    let total = read.number(&format!(concat!("SELECT count(*){}", listed!()), from), params.as_slice())?;
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
    let (at, offset) = (params.len(), ask.offset());
    params.extend([&ask.per_page as &dyn rusqlite::ToSql, &offset]);
    let sql = format!(
        concat!("SELECT ", columns!(), ", m.scope, m.joined_at{}", listed!(), " ORDER BY {} LIMIT ?{} OFFSET ?{}"),
        from,
        order,
        at + 1,
        at + 2
    );
    let items = if filter.viewer.is_some() {
        read.all(&sql, params.as_slice(), group_for_viewer)?
    } else {
        read.all(&sql, params.as_slice(), group)?
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

//! In tests: lists as one statement says them that looks at every row and at every condition, asked for or not. `actions::lists`
//! holds the quick ones against them.

use rusqlite::params;

use super::conversations::{self, Whose};
use super::rows::any_of;
use super::{Read, groups, members, users};
use crate::model::error::Result;

/// users.id of a list of users.
pub fn users(read: &Read<'_>, app: i64, filter: &users::Filter) -> Result<Vec<i64>> {
    let order = match (filter.by_status, filter.descending) {
        (false, false) => "u.name COLLATE NOCASE, u.id",
        (false, true) => "u.name COLLATE NOCASE DESC, u.id DESC",
        (true, false) => "online(u.id) DESC, u.name COLLATE NOCASE, u.id",
        (true, true) => "online(u.id), u.name COLLATE NOCASE, u.id",
    };
    let sql = format!(
        "SELECT u.id FROM users u WHERE u.app = ?1 AND u.system = 0 AND u.deleted_at IS NULL
           AND (?2 IS NULL OR is_named(?2, CASE WHEN ?3 THEN u.name END, CASE WHEN ?4 THEN u.uid END))
           AND (?5 IS NULL OR online(u.id) = ?5)
           AND (?6 IS NULL OR u.role IN (SELECT value FROM json_each(?6)))
           AND (?7 IS NULL OR any_tag(u.tags, ?7))
           AND (?8 IS NULL OR u.uid IN (SELECT value FROM json_each(?8)))
           AND CASE ?9 WHEN 0 THEN u.deactivated_at IS NULL WHEN 2 THEN u.deactivated_at IS NOT NULL ELSE 1 END
           AND u.id IS NOT ?10
           AND (NOT ?11 OR EXISTS (SELECT 1 FROM friends f WHERE f.user_id = ?10 AND f.friend_id = u.id))
           AND (NOT ?12 OR NOT EXISTS (SELECT 1 FROM blocks b WHERE (b.user_id = ?10 AND b.blocked_id = u.id)
                                                               OR (b.user_id = u.id AND b.blocked_id = ?10)))
           AND (?13 IS NULL OR u.created_at >= ?13) AND (?14 IS NULL OR u.created_at <= ?14)
           AND (?15 IS NULL OR coalesce(u.updated_at, u.created_at) >= ?15)
           AND (?16 IS NULL OR coalesce(u.updated_at, u.created_at) <= ?16) ORDER BY {order}"
    );
    let values = params![
        app,
        filter.search,
        filter.in_name,
        filter.in_uid,
        filter.online,
        any_of(&filter.roles),
        any_of(&filter.tags),
        any_of(&filter.uids),
        filter.deactivated as i64,
        filter.viewer,
        filter.friends_only,
        filter.hide_blocked,
        filter.created.from,
        filter.created.to,
        filter.updated.from,
        filter.updated.to
    ];
    read.all(&sql, values, |row| row.get(0))
}

/// groups.id of a list of groups by name.
pub fn groups(read: &Read<'_>, app: i64, filter: &groups::Filter) -> Result<Vec<i64>> {
    let values = params![
        app,
        filter.viewer,
        filter.joined_only,
        filter.search,
        filter.in_name,
        filter.in_guid,
        any_of(&filter.types),
        any_of(&filter.tags),
        filter.after,
        filter.before,
        any_of(&filter.guids),
        filter.created.from,
        filter.created.to,
        filter.updated.from,
        filter.updated.to,
        filter.members.from,
        filter.members.to
    ];
    read.all(
        "SELECT g.id FROM groups g JOIN users o ON o.id = g.owner_id
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
           AND (?16 IS NULL OR g.members_count >= ?16) AND (?17 IS NULL OR g.members_count <= ?17)
         ORDER BY g.name COLLATE NOCASE, g.id",
        values,
        |row| row.get(0),
    )
}

/// users.id of a list of members.
pub fn members(read: &Read<'_>, group: i64, filter: &members::Filter) -> Result<Vec<i64>> {
    read.all(
        "SELECT u.id FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.group_id = ?1 AND u.deactivated_at IS NULL
           AND (?2 IS NULL OR is_named(?2, u.name, u.uid))
           AND (?3 IS NULL OR m.scope IN (SELECT value FROM json_each(?3)))
           AND (?4 IS NULL OR online(u.id) = ?4)
         ORDER BY u.name COLLATE NOCASE, u.id",
        params![group, filter.search, any_of(&filter.scopes), filter.online],
        |row| row.get(0),
    )
}

/// conversations.id and users.id of a list of copies.
pub fn conversations(read: &Read<'_>, whose: Whose, filter: &conversations::Filter) -> Result<Vec<(i64, i64)>> {
    let (of, from, order) = match whose {
        Whose::User(user) => (
            user,
            "participants p JOIN conversations c ON p.user_id = ?1 AND c.id = p.conv_id",
            "coalesce(a.position, w.position) IS NULL, coalesce(a.position, w.position), p.pinned_at IS NULL, p.pinned_at DESC,
             max(p.updated_at, c.updated_at) DESC, c.preview_id DESC",
        ),
        Whose::App(app) => (
            app,
            "users o JOIN participants p ON o.app = ?1 AND o.deleted_at IS NULL AND p.user_id = o.id JOIN conversations c ON c.id = p.conv_id",
            "o.uid, max(p.updated_at, c.updated_at) DESC, c.name",
        ),
        Whose::AppOnce(app) => (
            app,
            "conversations c JOIN participants p ON c.app = ?1 AND p.conv_id = c.id AND p.user_id = (
                 SELECT min(q.user_id) FROM participants q WHERE q.conv_id = c.id AND q.hidden_id < c.preview_id)",
            "max(p.updated_at, c.updated_at) DESC, c.preview_id DESC, c.id",
        ),
    };
    let sql = format!(
        "SELECT c.id, p.user_id FROM {from} LEFT JOIN app_pins a ON a.conv_id = p.conv_id
         LEFT JOIN app_peer_pins w ON w.user_id = CASE WHEN c.user_a = p.user_id THEN c.user_b ELSE c.user_a END
         LEFT JOIN groups g ON g.id = c.group_id
         LEFT JOIN users u ON u.id = CASE WHEN c.user_a = p.user_id THEN c.user_b ELSE c.user_a END
         WHERE (c.preview_id > p.hidden_id OR (?10 AND c.last_id > p.hidden_id)) AND p.conv_id NOT IN (SELECT conv_id FROM gone_conversations)
           AND (?2 IS NULL OR (c.group_id IS NOT NULL) = ?2)
           AND (NOT ?3 OR {unread} > 0)
           AND (?4 IS NULL OR is_named(?4, coalesce(g.name, u.name)))
           AND (?5 IS NULL OR any_tag(p.tags, ?5))
           AND (?6 OR u.id IS NULL OR NOT EXISTS (SELECT 1 FROM blocks b WHERE (b.user_id = p.user_id AND b.blocked_id = u.id)
                                                                         OR (b.user_id = u.id AND b.blocked_id = p.user_id)))
           AND (coalesce(?7, ?8) IS NULL OR any_tag(u.tags, ?7) OR any_tag(g.tags, ?8))
           AND (?9 IS NULL OR (?9 & 1 AND p.pinned_at IS NOT NULL) OR (?9 & 2 AND coalesce(a.conv_id, w.user_id) IS NOT NULL))
         ORDER BY {order}",
        unread = conversations::UNREAD
    );
    let pinned = filter.pinned.map(|pinned| i64::from(pinned.by_user) + 2 * i64::from(pinned.by_app));
    let values = params![
        of,
        filter.groups,
        filter.unread,
        filter.search,
        any_of(&filter.tags),
        filter.with_blocked,
        any_of(&filter.user_tags),
        any_of(&filter.group_tags),
        pinned,
        filter.with_silent
    ];
    read.all(&sql, values, |row| Ok((row.get(0)?, row.get(1)?)))
}

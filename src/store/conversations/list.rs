//! Lists of conversations: of one user, or of everybody in an app.
//!
//! A list counts all there are and shows a page of them. Both look at no more of each conversation than what was asked for
//! needs: who it is with, what is pinned and how much is unread is read of the page alone.
//!
//! An app's own list with each conversation once costs what its conversations cost, however many are in them. It takes each
//! as the first of its users has it in whose list it is. Of a pair nobody of whom ever cleared it that is its first side,
//! and nothing of the copy has to be read. `participants_changed` names the others; they are looked at one by one, and so
//! are groups, by the order of their members.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Copy, copy_of, unread};
use crate::model::error::{Error, Result};
use crate::model::page::{Page, PageAsk};
use crate::store::Read;
use crate::store::query::Query;
use crate::store::rows::any_of;

/// What a list of conversations may be narrowed by.
#[derive(Default)]
pub struct Filter {
    pub groups: Option<bool>,
    pub unread: bool,
    pub search: Option<String>,
    pub tags: Vec<String>,
    pub with_blocked: bool,
    /// Also those in which nothing shows as the last message, but something may be unread.
    pub with_silent: bool,
    /// Tags of the other user, of the group. One of them given, the other sort of conversation is left out.
    pub user_tags: Vec<String>,
    pub group_tags: Vec<String>,
    /// Only what is pinned: by the user, by the app.
    pub pinned: Option<Pinned>,
}

/// By whom a listed conversation is to be pinned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pinned {
    pub by_user: bool,
    pub by_app: bool,
}

/// Whose conversations a list is about.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// users.id
    User(i64),
    /// Everybody's in the app (apps.id), by uid.
    App(i64),
    /// The same, each conversation once: as the first of those has it in whose list it is.
    AppOnce(i64),
}

/// The other side of copy `p`.
const PEER: &str = "CASE WHEN c.user_a = p.user_id THEN c.user_b ELSE c.user_a END";
const PINNED_BY_APP: &str = " LEFT JOIN app_pins a ON a.conv_id = p.conv_id LEFT JOIN app_peer_pins w ON w.user_id = ";

/// Where the copies are, and how a page is sorted.
struct Source {
    from: String,
    order: &'static str,
    /// `from` are the rows of [`once`], complete as they are.
    is_once: bool,
}

/// Conversations of the app, each once: `conv` as `user` has it, `at` its time and `preview` its newest message that shows.
fn once(query: &mut Query<'_>, app: i64, groups: Option<bool>) -> String {
    let app = query.bound("?", app);
    // With nobody's clearing, a pair is there since its first message that shows; its sides came with it.
    let pairs = format!(
        "SELECT c.id AS conv, c.user_a AS user, c.updated_at AS at, c.preview_id AS preview
         FROM conversations c INDEXED BY conversations_pairs
         WHERE c.app = {app} AND c.user_a IS NOT NULL AND c.preview_id > 0
           AND c.id NOT IN (SELECT changed.conv_id FROM participants changed INDEXED BY participants_changed
                            WHERE changed.hidden_id <> 0 OR changed.updated_at > changed.created_at)"
    );
    let changed = format!(
        "SELECT c.id AS conv, p.user_id AS user, max(p.updated_at, c.updated_at) AS at, c.preview_id AS preview
         FROM (SELECT DISTINCT changed.conv_id FROM participants changed INDEXED BY participants_changed
               WHERE changed.hidden_id <> 0 OR changed.updated_at > changed.created_at) k
         CROSS JOIN conversations c ON c.id = k.conv_id
         CROSS JOIN participants p ON p.conv_id = c.id AND p.user_id = CASE
             WHEN EXISTS (SELECT 1 FROM participants q WHERE q.user_id = c.user_a AND q.conv_id = c.id AND q.hidden_id < c.preview_id)
             THEN c.user_a ELSE c.user_b END
         WHERE c.app = {app} AND c.user_a IS NOT NULL AND p.hidden_id < c.preview_id"
    );
    let of_groups = format!(
        "SELECT c.id AS conv, p.user_id AS user, max(p.updated_at, c.updated_at) AS at, c.preview_id AS preview
         FROM groups g CROSS JOIN conversations c ON c.group_id = g.id
         CROSS JOIN participants p ON p.conv_id = c.id AND p.user_id = (
             SELECT m.user_id FROM members m CROSS JOIN participants q ON q.user_id = m.user_id AND q.conv_id = c.id
             WHERE m.group_id = g.id AND q.hidden_id < c.preview_id ORDER BY m.user_id LIMIT 1)
         WHERE g.app = {app} AND c.id NOT IN (SELECT conv_id FROM gone_conversations)"
    );
    let parts = match groups {
        None => vec![pairs, changed, of_groups],
        Some(false) => vec![pairs, changed],
        Some(true) => vec![of_groups],
    };
    format!("({}) k", parts.join(" UNION ALL "))
}

/// What of the filter applies, and where to look.
fn listed<'f>(whose: Whose, filter: &'f Filter) -> (Query<'f>, Source) {
    let mut query = Query::default();
    let narrowed = filter.unread
        || filter.search.is_some()
        || !(filter.tags.is_empty() && filter.user_tags.is_empty() && filter.group_tags.is_empty())
        || !filter.with_blocked
        || filter.pinned.is_some();
    let (mut from, order) = match whose {
        Whose::User(user) => (
            query.bound("participants p CROSS JOIN conversations c ON p.user_id = ? AND c.id = p.conv_id", user),
            "coalesce(a.position, w.position) IS NULL, coalesce(a.position, w.position), p.pinned_at IS NULL, p.pinned_at DESC,
             max(p.updated_at, c.updated_at) DESC, c.preview_id DESC",
        ),
        // The users stay outside: their index has them by uid, so a page sorts few rows.
        Whose::App(app) => (
            query.bound(
                "users o CROSS JOIN participants p ON o.app = ? AND o.deleted_at IS NULL AND p.user_id = o.id
                 CROSS JOIN conversations c ON c.id = p.conv_id",
                app,
            ),
            "o.uid, max(p.updated_at, c.updated_at) DESC, c.name",
        ),
        Whose::AppOnce(app) => (once(&mut query, app, filter.groups), "k.at DESC, k.preview DESC, k.conv"),
    };
    let is_once = matches!(whose, Whose::AppOnce(_));
    if is_once {
        if !narrowed {
            return (query, Source { from, order, is_once });
        }
        from += " CROSS JOIN participants p ON p.user_id = k.user AND p.conv_id = k.conv CROSS JOIN conversations c ON c.id = p.conv_id";
    } else {
        query.and(match filter.with_silent {
            false => "c.preview_id > p.hidden_id",
            true => "(c.preview_id > p.hidden_id OR c.last_id > p.hidden_id)",
        });
        query.and("c.id NOT IN (SELECT conv_id FROM gone_conversations)");
        query.and_any("(c.group_id IS NOT NULL) = ?", filter.groups);
    }
    let pinned_by_app = filter.pinned.is_some_and(|pinned| pinned.by_app);
    if pinned_by_app {
        from += &format!("{PINNED_BY_APP}{PEER}");
    }
    let tagged = !(filter.user_tags.is_empty() && filter.group_tags.is_empty());
    if filter.search.is_some() || tagged {
        from += &format!(" LEFT JOIN groups g ON g.id = c.group_id LEFT JOIN users u ON u.id = {PEER}");
    }
    if filter.unread {
        query.and(concat!("(", unread!(), ") > 0"));
    }
    query.and_any("is_named(?, coalesce(g.name, u.name))", filter.search.as_deref());
    query.and_any("any_tag(p.tags, ?)", any_of(&filter.tags));
    if !filter.with_blocked {
        query.and(&format!(
            "(c.user_a IS NULL OR NOT EXISTS (SELECT 1 FROM blocks b WHERE (b.user_id = p.user_id AND b.blocked_id = {PEER})
                                                                 OR (b.user_id = {PEER} AND b.blocked_id = p.user_id)))"
        ));
    }
    if tagged {
        let tags = [("u.tags", &filter.user_tags), ("g.tags", &filter.group_tags)];
        let any: Vec<String> = tags
            .into_iter()
            .filter_map(|(column, tags)| Some(query.bound(&format!("any_tag({column}, ?)"), any_of(tags)?)))
            .collect();
        query.and(&format!("({})", any.join(" OR ")));
    }
    match filter.pinned {
        None => {}
        Some(Pinned { by_user: true, by_app: false }) => query.and("p.pinned_at IS NOT NULL"),
        Some(Pinned { by_user: false, by_app: true }) => query.and("coalesce(a.conv_id, w.user_id) IS NOT NULL"),
        Some(Pinned { by_user: true, by_app: true }) => {
            query.and("(p.pinned_at IS NOT NULL OR coalesce(a.conv_id, w.user_id) IS NOT NULL)");
        }
        Some(Pinned { by_user: false, by_app: false }) => query.and("0"),
    }
    (query, Source { from, order, is_once })
}

/// Conversations: a user's with the pinned ones first, then the newest; or everybody's, by uid.
pub fn list(read: &Read<'_>, whose: Whose, filter: &Filter, ask: PageAsk) -> Result<Page<Copy>> {
    let (mut query, Source { mut from, order, is_once }) = listed(whose, filter);
    if is_once && ask.offset().saturating_add(ask.per_page) <= HELD {
        let (total, page) = counted(read, &query, &from, ask)?;
        return Ok(Page { items: copies(read, page)?, total });
    }
    let total = query.count(read, &from)?;
    if matches!(whose, Whose::User(_)) && !from.contains(PINNED_BY_APP) {
        from += &format!("{PINNED_BY_APP}{PEER}");
    }
    let columns = if is_once { "k.conv, k.user" } else { "p.conv_id, p.user_id" };
    let page = query.page(read, (columns, &from, order), ask, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Page { items: copies(read, page)?, total })
}

/// conversations.id and users.id of some copies.
type Named = Vec<(i64, i64)>;

fn copies(read: &Read<'_>, named: Named) -> Result<Vec<Copy>> {
    let copy = |(conv, user)| {
        copy_of(read, conv, user)?.ok_or_else(|| Error::internal("conversations", "a copy that is not there"))
    };
    named.into_iter().map(copy).collect()
}

/// Rows of [`once`] that are held at most, to find a page among them.
const HELD: i64 = if cfg!(test) { 7 } else { 200_000 };

/// How many rows of [`once`] there are, and a page of them: what is counted is looked at in any case, so it is sorted on the way.
fn counted(read: &Read<'_>, query: &Query<'_>, from: &str, ask: PageAsk) -> Result<(i64, Named)> {
    let sql = format!("SELECT k.at, k.preview, k.conv, k.user FROM {from} WHERE 1{}", query.sql);
    let (mut statement, mut total, mut first) = (read.statement(&sql)?, 0, BinaryHeap::new());
    let most = usize::try_from(ask.offset() + ask.per_page).unwrap_or(0);
    let mut rows = statement.query(query.bind().as_slice())?;
    while let Some(row) = rows.next()? {
        total += 1;
        let next = (Reverse(row.get::<_, i64>(0)?), Reverse(row.get::<_, i64>(1)?), row.get(2)?, row.get(3)?);
        if first.len() < most {
            first.push(next);
        } else if first.peek().is_some_and(|last| next < *last) {
            first.pop();
            first.push(next);
        }
    }
    let skipped = usize::try_from(ask.offset()).unwrap_or(usize::MAX);
    let page = first.into_sorted_vec().into_iter().skip(skipped).map(|(.., conv, user)| (conv, user));
    Ok((total, page.collect()))
}

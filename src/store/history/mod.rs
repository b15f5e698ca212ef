//! Lists of messages: where they look, what narrows them, and how each is found without walking past the rest.

mod filter;
mod span;
mod words;

use rusqlite::params;

pub use self::filter::Filter;
use self::span::Span;
use super::messages::{Row, columns, row};
use super::purge::there;
use super::query::Query;
use super::rows::{any_of, ids_text};
use super::sight::not_hidden;
use super::{Read, clock, pins, purge};
use crate::model::error::Result;
use crate::model::message::ReceiverType;
use crate::model::page::Affix;

/// Which messages a list is about.
#[derive(Clone, Copy, Debug)]
pub enum Within {
    /// One conversation, of which the viewer does not see what he deleted (up to this id).
    Conversation { conv: i64, hidden_id: i64 },
    /// All conversations of a user.
    User(i64),
    /// The whole app.
    App,
    /// The replies to a message.
    Thread(i64),
}

impl Query<'_> {
    /// The rows `from` that meet the conditions, in the direction of the list by `id`, as many as it shows.
    fn run(&self, read: &Read<'_>, from: &str, id: &str, filter: &Filter) -> Result<Vec<Row>> {
        let order = if filter.affix == Affix::Append { "" } else { " DESC" };
        let (conditions, limit) = (&self.sql, filter.limit);
        let sql = format!(
            concat!("SELECT ", columns!(), " FROM {} WHERE 1{} ORDER BY {}{} LIMIT {}"),
            from, conditions, id, order, limit
        );
        let sql = if filter.bare { sql.replacen("m.data", "''", 1) } else { sql };
        let values = self.bind();
        let (mut statement, mut found, mut bytes) = (read.statement(&sql)?, Vec::new(), 0usize);
        let mut rows = statement.query(values.as_slice())?;
        while let Some(next) = rows.next()? {
            let next = row(next)?;
            bytes += next.data.len();
            found.push(next);
            if bytes > filter.bytes && found.len() >= 2 {
                break;
            }
        }
        Ok(found)
    }
}

/// Messages of a list, oldest first; the edge nearest to the cursor is kept. Pinned and saved ones go by when that was.
pub fn list(read: &Read<'_>, app: i64, within: Within, filter: &Filter) -> Result<Vec<Row>> {
    let kept = filter.is_kept();
    // Where nothing else leads to the messages of a user, each of his conversations is asked for itself.
    let everywhere = match within {
        Within::User(user) if !kept && filter.search.is_none() => Some(user),
        _ => None,
    };
    let span = Span::of(read, within, filter)?;
    let asked = if everywhere.is_some() { Asked::Each } else { Asked::One };
    let mut query = conditions(read, app, within, filter, asked)?;
    let mut rows = match (filter.search.as_deref(), everywhere) {
        (None, Some(user)) => find_everywhere(read, user, filter, query, span)?,
        (Some(search), _) => {
            span.narrow(&mut query);
            words::find(read, app, within, filter, search, query)?
        }
        (None, None) if kept => {
            span.narrow(&mut query);
            return find_kept(read, filter, query);
        }
        (None, None) => match filter.rare().filter(|_| matches!(within, Within::App)) {
            Some(rare) => find_rare(read, filter, query, span, rare)?,
            None => find(read, filter, &mut query, span, within)?,
        },
    };
    if filter.affix == Affix::Prepend {
        rows.reverse();
    }
    Ok(rows)
}

/// Rows that were read bare, whole, in their order; at most `bytes` of `data`, and `None` if that is not enough for all.
pub fn whole(read: &Read<'_>, rows: &[Row], bytes: usize) -> Result<Option<Vec<Row>>> {
    let ids = ids_text(rows.iter().map(|row| row.id));
    let size = read.number(
        "SELECT coalesce(sum(octet_length(data)), 0) FROM messages WHERE id IN (SELECT value FROM json_each(?1))",
        [&ids],
    )?;
    if size > bytes as i64 {
        return Ok(None);
    }
    let sql =
        concat!("SELECT ", columns!(), " FROM json_each(?1) i CROSS JOIN messages m ON m.id = i.value ORDER BY i.key");
    read.all(sql, [ids], row).map(Some)
}

/// Messages that hold what is searched for, or are pinned or saved, are counted up to so many.
const MOST_FOUND: i64 = 100_000;

/// How many messages a list has in all.
pub fn count(read: &Read<'_>, app: i64, within: Within, filter: &Filter) -> Result<i64> {
    if filter.search.is_some() || filter.is_kept() {
        let all = Filter { limit: MOST_FOUND, bare: true, ..filter.clone() };
        return Ok(list(read, app, within, &all)?.len() as i64);
    }
    let span = Span::of(read, within, filter)?;
    let places = match within {
        Within::User(user) => places(read, user, filter, span)?,
        Within::Conversation { conv, .. } => vec![Place { conv, floor: span.after, last: 0 }],
        _ => {
            let mut query = conditions(read, app, within, filter, Asked::One)?;
            span.narrow(&mut query);
            return query.count(read, filter.source(within));
        }
    };
    let mut query = conditions(read, app, within, filter, Asked::EachWithHidden)?;
    let general = query.mark();
    let mut total = 0;
    for place in places {
        query.and_value("m.conv_id = ?", place.conv);
        Span { after: place.floor, ..span }.narrow(&mut query);
        let found = query.count(read, filter.source(within))?;
        total += found;
        // To look at each message whether it is hidden would take the messages; those that are, are few.
        if let Some(viewer) = filter.viewer.filter(|_| found > 0) {
            query.and("m.flags <> 0 AND m.flags & 512");
            query.and_value("m.sender_id <> ?", viewer);
            total -= query.count(read, "messages m INDEXED BY messages_by_flags")?;
        }
        query.back_to(&general);
    }
    Ok(total)
}

/// Which conversations a statement is about.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    /// Those of the list.
    One,
    /// Whoever asks names them one after the other.
    Each,
    /// The same, with what is hidden from the viewer.
    EachWithHidden,
}

/// What a message must meet to be in the list, but for its place among the ids (see [`Span`]).
fn conditions<'f>(read: &Read<'_>, app: i64, within: Within, filter: &'f Filter, asked: Asked) -> Result<Query<'f>> {
    let mut query = Query::default();
    let everywhere = asked != Asked::One;
    match within {
        _ if everywhere => {}
        Within::Conversation { conv, .. } => query.and_value("m.conv_id = ?", conv),
        Within::User(user) => query.and_value(
            "EXISTS (SELECT 1 FROM participants p WHERE p.user_id = ? AND p.conv_id = m.conv_id AND p.hidden_id < m.id)",
            user,
        ),
        Within::App => query.and_value("m.app = ?", app),
        Within::Thread(parent) if filter.with_parent => query.and_value("(m.parent_id = ? OR m.id = ?)", parent),
        Within::Thread(parent) => query.and_value("m.parent_id = ?", parent),
    }
    let newer = filter.affix == Affix::Append;
    let updated_at = filter.updated_at.map(|at| if newer { clock::cursor(read, at) } else { Ok(at) }).transpose()?;
    if filter.only_updates {
        // Not by comparing times: an edit may fall into the second of the sending.
        query.and("(m.edited_at IS NOT NULL OR m.deleted_at IS NOT NULL)");
        if let Some(at) = updated_at {
            query.and_value(if newer { "m.updated_at >= ?" } else { "m.updated_at < ?" }, at);
        }
    }
    if let Some(at) = updated_at.filter(|_| !filter.only_updates && !filter.is_kept() && filter.id.is_none()) {
        query.and_value(if newer { "m.updated_at > ?" } else { "m.updated_at < ?" }, at);
    }
    if let Some(at) = filter.sent_at.filter(|_| filter.goes_by_time()) {
        query.and_value(if newer { "m.sent_at > ?" } else { "m.sent_at < ?" }, at);
    }
    if let Some(from) = filter.from {
        query.and_value("m.sent_at >= ?", from);
    }
    if let Some(to) = filter.to {
        query.and_value("m.sent_at <= ?", to);
    }
    for (condition, list) in [
        ("m.category IN (SELECT value FROM json_each(?))", &filter.categories),
        ("m.type IN (SELECT value FROM json_each(?))", &filter.types),
        ("(m.category <> 'message' OR m.type IN (SELECT value FROM json_each(?)))", &filter.message_types),
        ("any_tag(m.tags, ?)", &filter.tags),
    ] {
        if let Some(list) = any_of(list) {
            query.and_value(condition, list);
        }
    }
    if !filter.tags.is_empty() {
        query.and("m.tags IS NOT NULL");
    }
    if filter.has_no_plain_text() {
        query.and("(m.category <> 'message' OR m.type <> 'text')");
    }
    if purge::any(read)? {
        query.and(there!());
    }
    if let Some(kind) = filter.receiver_type {
        query.and_value(
            "EXISTS (SELECT 1 FROM conversations c WHERE c.id = m.conv_id AND (c.group_id IS NOT NULL) = ?)",
            kind == ReceiverType::Group,
        );
    }
    if let Some(sender) = filter.sender {
        query.and_value("m.sender_id = ?", sender);
    }
    if !filter.senders.is_empty() {
        let senders = ids_text(filter.senders.iter().copied());
        query.and_value("m.sender_id IN (SELECT value FROM json_each(?))", senders);
    }
    query.and_within("m.updated_at", filter.updated);
    query.and_within("m.edited_at", filter.edited);
    for (asked, condition) in [
        (filter.hide_deleted, "m.deleted_at IS NULL"),
        (filter.only_deleted, "m.deleted_at IS NOT NULL"),
        (filter.hide_replies, "m.parent_id IS NULL"),
        (filter.hide_quoted, "m.quoted_id IS NULL"),
        (filter.has_attachments || filter.attachment_types != 0, "m.flags <> 0 AND m.flags & 2"),
        (filter.has_links, "m.flags <> 0 AND m.flags & 1"),
        (filter.has_reactions, "m.flags <> 0 AND m.flags & 64"),
        (filter.has_mentions || !filter.mentioned.is_empty(), "m.flags <> 0 AND m.flags & 128"),
        (filter.pinned, "m.pinned_at IS NOT NULL"),
    ] {
        if asked {
            query.and(condition);
        }
    }
    // A list of what is saved goes by that itself.
    if filter.saved && !filter.is_kept() {
        query.and_value(
            "EXISTS (SELECT 1 FROM saved_messages s WHERE s.user_id = ? AND s.message_id = m.id)",
            filter.viewer,
        );
    }
    if let Some(viewer) = filter.viewer {
        if asked != Asked::EachWithHidden {
            query.and_value(not_hidden!("m", "?"), viewer);
        }
        // Where each conversation is asked for itself it is from there on. Said again, SQLite would begin at it in place of what
        // the page has come to, and walk through all between.
        let from_floor = everywhere && matches!(within, Within::User(user) if user == viewer);
        if filter.unread {
            query.and_value(
                "m.sender_id <> ? AND m.category IN ('message','custom','interactive') AND m.deleted_at IS NULL",
                viewer,
            );
            if !from_floor {
                query.and_value(
                    "m.id > (SELECT p.read_id FROM participants p WHERE p.user_id = ? AND p.conv_id = m.conv_id)",
                    viewer,
                );
            }
        }
        if filter.undelivered {
            query.and_value(
                "m.sender_id <> ? AND m.category IN ('message','custom','interactive') AND m.deleted_at IS NULL",
                viewer,
            );
            if !from_floor {
                query.and_value(
                    "m.id > (SELECT p.delivered_id FROM participants p WHERE p.user_id = ? AND p.conv_id = m.conv_id)",
                    viewer,
                );
            }
        }
        if filter.goal_met {
            query.and_value("EXISTS (SELECT 1 FROM goals_met g WHERE g.user_id = ? AND g.message_id = m.id)", viewer);
        }
        if filter.hide_blocked {
            query.and_value(
                "NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = ? AND b.blocked_id = m.sender_id)",
                viewer,
            );
        }
    }
    if !filter.mentioned.is_empty() {
        query.and_value(
            "EXISTS (SELECT 1 FROM mentions x WHERE x.user_id IN (SELECT value FROM json_each(?))
                     AND x.conv_id = m.conv_id AND x.message_id = m.id)",
            ids_text(filter.mentioned.iter().copied()),
        );
    }
    if filter.attachment_types != 0 {
        query.and_value("m.flags & ?", filter.attachment_types);
    }
    Ok(query)
}

/// The messages of one place. What was changed since a time is what was sent since, and what was changed after it was sent.
fn find(read: &Read<'_>, filter: &Filter, query: &mut Query<'_>, span: Span, within: Within) -> Result<Vec<Row>> {
    let general = query.mark();
    let Some((changed, ids)) = span.changed.filter(|_| !matches!(within, Within::Thread(_))) else {
        span.narrow(query);
        let rows = query.run(read, filter.source(within), "m.id", filter)?;
        query.back_to(&general);
        return Ok(rows);
    };
    span.narrow(query);
    query.and("m.updated_at > m.sent_at");
    query.and_value("m.updated_at >= ?", changed);
    let mut rows = query.run(read, "messages m INDEXED BY messages_by_update", "m.id", filter)?;
    query.back_to(&general);
    let mut sent = span;
    sent.since(ids);
    sent.narrow(query);
    rows.extend(query.run(read, filter.source(within), "m.id", filter)?);
    query.back_to(&general);
    rows.sort_by_key(|row| if filter.affix == Affix::Append { row.id } else { -row.id });
    rows.dedup_by_key(|row| row.id);
    filter.cut(&mut rows);
    Ok(rows)
}

/// A conversation of a user, for a list of all of them.
struct Place {
    conv: i64,
    /// What comes before this message need not be looked at.
    floor: i64,
    /// Its newest message.
    last: i64,
}

/// The conversations in which a user's list may have messages, in its order.
fn places(read: &Read<'_>, user: i64, filter: &Filter, span: Span) -> Result<Vec<Place>> {
    let own = filter.viewer == Some(user);
    read.all(
        "SELECT conv_id, floor, last_id FROM (
             SELECT p.conv_id, c.last_id, max(?2, p.hidden_id, CASE WHEN ?3 THEN p.read_id ELSE 0 END,
                                              CASE WHEN ?4 THEN p.delivered_id ELSE 0 END) AS floor
             FROM participants p CROSS JOIN conversations c ON c.id = p.conv_id
             WHERE p.user_id = ?1 AND (?5 IS NULL OR (c.group_id IS NOT NULL) = ?5)
               AND p.conv_id NOT IN (SELECT conv_id FROM gone_conversations))
         WHERE last_id > floor ORDER BY CASE WHEN ?6 THEN conv_id ELSE -last_id END",
        params![
            user,
            span.after,
            own && filter.unread,
            own && filter.undelivered,
            filter.receiver_type.map(|kind| kind == ReceiverType::Group),
            filter.affix == Affix::Append
        ],
        |row| Ok(Place { conv: row.get(0)?, floor: row.get(1)?, last: row.get(2)? }),
    )
}

/// The messages of all conversations of a user, in the order of the list. Each conversation gives its nearest ones by
/// index, and once there are enough, only those nearer than the farthest: most are then asked for nothing. So it costs
/// what the user's own conversations cost, whatever others say elsewhere.
fn find_everywhere(read: &Read<'_>, user: i64, filter: &Filter, mut query: Query<'_>, span: Span) -> Result<Vec<Row>> {
    let newer = filter.affix == Affix::Append;
    let general = query.mark();
    let (mut rows, mut full) = (Vec::<Row>::new(), false);
    for Place { conv, floor, last } in places(read, user, filter, span)? {
        let farthest = rows.last().filter(|_| full).map(|row| row.id);
        let (after, before) = match farthest {
            Some(id) if newer => (floor, span.before.min(id)),
            // They come by their newest message: all that follow are farther still.
            Some(id) if last < id => break,
            Some(id) => (floor.max(id), span.before),
            None => (floor, span.before),
        };
        query.and_value("m.conv_id = ?", conv);
        rows.extend(find(read, filter, &mut query, Span { after, before, ..span }, Within::User(user))?);
        query.back_to(&general);
        rows.sort_by_key(|row| if newer { row.id } else { -row.id });
        full = filter.cut(&mut rows);
    }
    Ok(rows)
}

/// Ids within which what may be rare in an app is looked for by walking.
const NEAR: i64 = if cfg!(test) { 20 } else { 5_000 };

/// What may be rare, in the whole app. What is not is met among the nearest messages; for the rest all of the index of what is
/// rare is walked, which has it by conversations.
fn find_rare(read: &Read<'_>, filter: &Filter, mut query: Query<'_>, span: Span, rare: &str) -> Result<Vec<Row>> {
    let newest = read.number("SELECT coalesce(max(id), 0) FROM messages", [])?;
    let (mut near, mut far) = (span, span);
    if filter.affix == Affix::Append {
        near.before = span.before.min(span.after.saturating_add(NEAR));
        far.after = near.before - 1;
    } else {
        near.after = span.after.max(span.before.min(newest + 1) - NEAR);
        far.before = near.after + 1;
    }
    let general = query.mark();
    near.narrow(&mut query);
    let mut rows = query.run(read, "messages m", "m.id", filter)?;
    query.back_to(&general);
    if !filter.cut(&mut rows) && far.after < far.before {
        far.narrow(&mut query);
        rows.extend(query.run(read, rare, "m.id", filter)?);
        filter.cut(&mut rows);
    }
    Ok(rows)
}

/// Pinned or saved messages, the newest pin first; those after the one with the cursor's id.
fn find_kept(read: &Read<'_>, filter: &Filter, mut query: Query<'_>) -> Result<Vec<Row>> {
    let (from, at) = if filter.saved {
        query.and_value("s.user_id = ?", filter.viewer);
        ("saved_messages s CROSS JOIN messages m ON m.id = s.message_id", "s.saved_at")
    } else {
        ("messages m", "m.pinned_at")
    };
    if let Some(id) = filter.id {
        let now = match filter.viewer.filter(|_| filter.saved) {
            Some(viewer) => pins::saved_among(read, viewer, [id])?.remove(&id),
            None => read.first("SELECT pinned_at FROM messages WHERE id = ?1", [id], |row| row.get(0))?.flatten(),
        };
        // What was unpinned since says where it stood by the time in the cursor.
        let Some(since) = now.or(filter.sent_at) else { return Ok(Vec::new()) };
        query.and_value(&format!("{at} <= ?"), since);
        query.and_value(&format!("({at} < ? OR m.id < {id})"), since);
    }
    query.run(read, from, &format!("{at} DESC, m.id"), &Filter { affix: Affix::Prepend, ..filter.clone() })
}

//! Lists of messages: where they look, what narrows them, and how each is found without walking past the rest.

mod words;

use rusqlite::params;

use super::clock::Ordered;
use super::messages::{Row, columns, row};
use super::purge::there;
use super::query::Query;
use super::rows::{any_of, ids_text};
use super::sight::not_hidden;
use super::{Read, clock, pins, purge};
use crate::model::error::Result;
use crate::model::message::{Category, ReceiverType};
use crate::model::page::{Affix, Range};

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

/// What a list of messages may be narrowed by, and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub affix: Affix,
    pub id: Option<i64>,
    pub sent_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub limit: i64,
    /// Bytes of `data` after which reading ends, though there may be more: with the message that goes beyond, so that who
    /// asks can tell. Two messages are read in any case.
    pub bytes: usize,
    /// Leave `data` empty, for rows that are only counted past.
    pub bare: bool,
    pub categories: Vec<String>,
    pub types: Vec<String>,
    /// Types that messages of the category `message` are limited to; others are not.
    pub message_types: Vec<String>,
    pub tags: Vec<String>,
    pub receiver_type: Option<ReceiverType>,
    pub sender: Option<i64>,
    /// Sent by one of these (users.id); none: by anybody.
    pub senders: Vec<i64>,
    pub updated: Range,
    /// Edited within this time; what was never edited is not.
    pub edited: Range,
    pub search: Option<String>,
    pub hide_deleted: bool,
    pub only_deleted: bool,
    pub hide_replies: bool,
    pub hide_quoted: bool,
    pub only_updates: bool,
    /// Messages the viewer has not read / not got.
    pub unread: bool,
    pub undelivered: bool,
    pub hide_blocked: bool,
    pub has_attachments: bool,
    /// Bits of the types asked for (`model::flags`); 0: any.
    pub attachment_types: i64,
    pub has_links: bool,
    pub has_reactions: bool,
    pub has_mentions: bool,
    /// Naming one of these users (users.id, or `mentions::EVERYBODY`); none: any.
    pub mentioned: Vec<i64>,
    /// Pinned for everybody; saved by the viewer.
    pub pinned: bool,
    pub saved: bool,
    /// Of a thread: with the message it hangs on.
    pub with_parent: bool,
    /// Interactive messages that are done for the viewer.
    pub goal_met: bool,
    pub viewer: Option<i64>,
}

impl Filter {
    /// Cuts rows, the nearest first, to what this asks for; whether there is no room for farther ones. What is read in
    /// several parts is cut like this after each: a part that ended for its bytes ends no nearer than the whole.
    fn cut(&self, rows: &mut Vec<Row>) -> bool {
        let mut bytes = 0usize;
        let full = rows.iter().position(|row| {
            bytes += row.data.len();
            bytes > self.bytes
        });
        let most = full.map_or(usize::MAX, |at| (at + 1).max(2)).min(self.limit as usize);
        let is_full = rows.len() >= most;
        rows.truncate(most);
        is_full
    }

    /// Pinned and saved messages go by when that was, not by id.
    pub fn is_kept(&self) -> bool {
        (self.pinned || self.saved) && self.search.is_none()
    }

    /// Whether the time in the cursor decides. Beside an id it would lose other messages of that second.
    fn goes_by_time(&self) -> bool {
        !self.is_kept() && self.id.is_none() && (self.updated_at.is_none() || self.only_updates)
    }

    /// Whether no plain text message can be in the list.
    fn has_no_plain_text(&self) -> bool {
        let lacks = |list: &[String], what: &str| !list.is_empty() && !list.iter().any(|one| one == what);
        lacks(&self.categories, Category::Message.as_str())
            || [&self.types, &self.message_types].into_iter().any(|types| lacks(types, "text"))
            || (self.goal_met && self.viewer.is_some())
    }

    /// Whether something is asked for that few messages of a conversation have.
    fn is_flagged(&self) -> bool {
        self.has_attachments
            || self.attachment_types != 0
            || self.has_links
            || self.has_reactions
            || self.has_mentions
            || !self.mentioned.is_empty()
    }

    /// Where the messages of a conversation are taken from: the index of what is rare where that is asked for, which the
    /// planner without statistics takes for none better than that of all.
    fn source(&self, within: Within) -> &'static str {
        match within {
            Within::App | Within::Thread(_) => "messages m",
            _ => self.rare().unwrap_or("messages m"),
        }
    }

    /// The index of what is rare that leads to all that is asked for.
    fn rare(&self) -> Option<&'static str> {
        Some(match self {
            _ if self.is_kept() => return None,
            _ if !self.tags.is_empty() => "messages m INDEXED BY messages_by_tags",
            _ if self.is_flagged() => "messages m INDEXED BY messages_by_flags",
            _ if self.has_no_plain_text() => "messages m INDEXED BY messages_by_kind",
            _ if self.only_updates || self.only_deleted || !self.edited.is_open() => {
                "messages m INDEXED BY messages_by_change"
            }
            _ => return None,
        })
    }

    /// Whether it asks for what is unread and nothing else narrows it, so that the counters of conversations answer it.
    pub fn is_plainly_unread(&self) -> bool {
        let Filter { affix, limit, receiver_type, viewer, .. } = *self;
        *self == Filter { unread: true, receiver_type, viewer, ..Filter::new(affix, limit) }
    }

    pub fn new(affix: Affix, limit: i64) -> Self {
        Filter {
            affix,
            id: None,
            sent_at: None,
            updated_at: None,
            from: None,
            to: None,
            limit,
            bytes: usize::MAX,
            bare: false,
            categories: Vec::new(),
            types: Vec::new(),
            message_types: Vec::new(),
            tags: Vec::new(),
            receiver_type: None,
            sender: None,
            senders: Vec::new(),
            updated: Range::default(),
            edited: Range::default(),
            search: None,
            hide_deleted: false,
            only_deleted: false,
            hide_replies: false,
            hide_quoted: false,
            only_updates: false,
            unread: false,
            undelivered: false,
            hide_blocked: false,
            has_attachments: false,
            attachment_types: 0,
            has_links: false,
            has_reactions: false,
            has_mentions: false,
            mentioned: Vec::new(),
            pinned: false,
            saved: false,
            with_parent: false,
            goal_met: false,
            viewer: None,
        }
    }
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

/// Rows that were read bare, whole; at most `bytes` of `data`, and `None` if that is not enough for all.
pub fn whole(read: &Read<'_>, rows: &[Row], bytes: usize) -> Result<Option<Vec<Row>>> {
    let ids = ids_text(rows.iter().map(|row| row.id));
    let size = read.number(
        "SELECT coalesce(sum(octet_length(data)), 0) FROM messages WHERE id IN (SELECT value FROM json_each(?1))",
        [&ids],
    )?;
    if size > bytes as i64 {
        return Ok(None);
    }
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM messages m WHERE m.id IN (SELECT value FROM json_each(?1)) ORDER BY m.id"
    );
    read.all(sql, [ids], row).map(Some)
}

/// How many messages a list without a search has in all.
pub fn count(read: &Read<'_>, app: i64, within: Within, filter: &Filter) -> Result<i64> {
    let span = Span::of(read, within, filter)?;
    let places = match within {
        Within::User(user) if !filter.is_kept() => places(read, user, filter, span)?,
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

/// Ids between which the messages of a list are.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Above this one.
    after: i64,
    /// Below this one.
    before: i64,
    /// Up to this one and from that one on: what is between bears no time that is asked for.
    gap: Option<(i64, i64)>,
    /// Changed at this time or later.
    changed: Option<i64>,
}

impl Span {
    /// By the cursor of the list, and by the times it asks for. One range of ids, so that whatever index is walked begins in it.
    fn of(read: &Read<'_>, within: Within, filter: &Filter) -> Result<Span> {
        let newer = filter.affix == Affix::Append;
        let mut span = Span { after: 0, before: i64::MAX, gap: None, changed: None };
        if let Within::Conversation { hidden_id, .. } = within {
            span.after = hidden_id;
        }
        let id = filter.id.filter(|_| !filter.is_kept());
        match id {
            Some(id) if newer => span.after = span.after.max(id),
            Some(id) => span.before = id,
            None => {}
        }
        let cursor = filter.sent_at.filter(|_| filter.goes_by_time());
        let from = filter.from.max(cursor.filter(|_| newer).map(|at| at.saturating_add(1)));
        let edge = filter.updated_at.filter(|_| !filter.is_kept() && (filter.only_updates || id.is_none()));
        if let Some(at) = edge.filter(|_| newer && !filter.only_updates) {
            span.changed = Some(clock::cursor(read, at)?.saturating_add(1));
        }
        span.changed = span.changed.max(filter.updated.from);
        // Nothing is changed before it is sent.
        let upto =
            [filter.to, filter.updated.to, filter.edited.to].into_iter().flatten().map(|to| to.saturating_add(1));
        let to = upto.chain(cursor.filter(|_| !newer)).chain(edge.filter(|_| !newer)).min();
        if let Some(to) = to {
            span.before = span.before.min(clock::since(read, to)?.from);
        }
        if let Some(from) = from {
            span.since(&clock::since(read, from)?);
        }
        Ok(span)
    }

    /// Nothing from before a time, as far as ids tell.
    fn since(&mut self, time: &Ordered) {
        match time.after <= self.after {
            true => self.after = self.after.max(time.from - 1),
            false => self.gap = Some((time.after, self.gap.map_or(time.from, |(_, from)| from.max(time.from)))),
        }
    }

    fn narrow(self, query: &mut Query<'_>) {
        if self.after > 0 {
            query.and_value("m.id > ?", self.after);
        }
        if self.before < i64::MAX {
            query.and_value("m.id < ?", self.before);
        }
        if let Some((upto, from)) = self.gap {
            let either = [query.bound("m.id <= ?", upto), query.bound("m.id >= ?", from)].join(" OR ");
            query.and(&format!("({either})"));
        }
    }
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
    let Some(changed) = span.changed.filter(|_| !matches!(within, Within::Thread(_))) else {
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
    sent.since(&clock::since(read, changed)?);
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

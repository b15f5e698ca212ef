//! Lists of messages: what the query asks for, and where each list looks.

use serde::Serialize;
use utoipa::ToSchema;

use super::look;
use crate::actions;
use crate::api::access::{Access, Demand, Either};
use crate::api::groups::affix;
use crate::api::reply::{Cursor, CursorMeta, META, Point, Reply, cut_list, data, size};
use crate::api::too_large_a_page;
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::flags;
use crate::model::ids::{Uid, parse_message_id, unknown_uid};
use crate::model::message::{Message, Receiver, ReceiverType};
use crate::model::page::{Affix, PageAsk, Pagination, Range};
use crate::model::policy::narrow;
use crate::store::conversations::{Copy, Kind};
use crate::store::history::{self, Filter, Within};
use crate::store::messages::Row;
use crate::store::render::Look;
use crate::store::{Read, conversations, groups, mentions, messages, render, users};

/// How many rows a list that goes by a cursor shows; `usual` if no number is named.
pub fn limit<D: Demand>(access: &Access<D>, usual: i64) -> Result<i64> {
    let (query, limits) = (access.query(), access.limits());
    let limit = match query.int("limit")? {
        Some(limit) => limit,
        None => query.int("per_page")?.or(query.int("perPage")?).unwrap_or(usual),
    };
    match limit {
        1.. => Ok(limit.min(limits.max_per_page)),
        _ => Err(Error::field("limit", "The limit must be at least 1.")),
    }
}

/// The filters of a message list, from the query.
fn filter(access: &Access<Either>) -> Result<Filter> {
    let query = access.query();
    let limit = limit(access, access.limits().page_messages)?;
    // 0 comes before every message: no cursor yet.
    let cursor = query.get("id").filter(|id| *id != "0").map(parse_message_id).transpose()?;
    // Without a direction: what comes after the point that is named, and where none is, the newest messages.
    let point = ["id", "sentAt", "updatedAt"].iter().any(|name| query.get(name).is_some());
    let affix = affix(query.get("affix"))?.unwrap_or(if point { Affix::Append } else { Affix::Prepend });
    let mut filter = Filter::new(affix, limit);
    filter.id = cursor;
    filter.sent_at = query.int("sentAt")?;
    filter.updated_at = query.int("updatedAt")?;
    (filter.from, filter.to) = (query.int("fromTimestamp")?, query.int("toTimestamp")?);
    filter.updated = query.range("updatedAt")?;
    filter.edited = query.range("editedAt")?;
    let role = &access.caller().role;
    filter.categories = narrow(query.either("category", "categories"), role.listed_categories());
    filter.message_types = role.listed_types().to_vec();
    filter.types = query.either("type", "types");
    filter.tags = query.list("tags");
    filter.receiver_type = match query.get("receiverType") {
        Some(text) => Some(ReceiverType::parse(text).ok_or(Code::InvalidReceiverType)?),
        None => None,
    };
    filter.search = query.search("searchKey");
    filter.hide_deleted = query.flag("hideDeleted");
    filter.only_deleted = query.flag("onlyDeleted");
    filter.hide_replies = query.flag("hideReplies");
    filter.hide_quoted = query.flag("hideQuotedMessages") || query.flag("hideQuotedMessage");
    filter.only_updates = query.flag("onlyUpdates");
    filter.unread = query.flag("unread");
    filter.undelivered = query.flag("undelivered");
    filter.hide_blocked = query.flag("hideMessagesFromBlockedUsers");
    filter.has_attachments = query.flag("hasAttachments");
    for name in query.list("attachmentTypes") {
        match flags::of_type(&name) {
            0 => {
                return Err(Error::field(
                    "attachmentTypes",
                    "The attachmentTypes must be of image, video, audio, file.",
                ));
            }
            flag => filter.attachment_types |= flag,
        }
    }
    filter.has_links = query.flag("hasLinks");
    filter.has_reactions = query.flag("hasReactions");
    filter.has_mentions = query.flag("hasMentions");
    filter.pinned = query.flag("pinned");
    filter.saved = query.flag("saved");
    filter.with_parent = query.flag("withParent");
    filter.goal_met = query.flag("onlyInteractionGoalCompleted");
    filter.viewer = access.caller().viewer();
    Ok(filter)
}

/// Where a list looks, before that has been checked.
enum Place {
    Everywhere,
    With(Receiver),
    Thread(i64),
}

pub async fn list(access: Access<Either>) -> Result<Reply> {
    page(access, Place::Everywhere).await
}

pub async fn with_user(access: Access<Either>) -> Result<Reply> {
    let place = Place::With(Receiver::User(access.uid()?));
    page(access, place).await
}

pub async fn in_group(access: Access<Either>) -> Result<Reply> {
    let place = Place::With(Receiver::Group(access.guid()?));
    page(access, place).await
}

pub async fn thread(access: Access<Either>) -> Result<Reply> {
    let place = Place::Thread(access.message_id()?);
    page(access, place).await
}

/// The page asked for by number, where a list is asked for like that.
fn numbered(access: &Access<Either>, filter: &Filter) -> Result<Option<PageAsk>> {
    let cursor = filter.id.or(filter.sent_at).or(filter.updated_at).is_some();
    if access.query().get("page").is_none() || cursor {
        return Ok(None);
    }
    let ask = access.page()?;
    match ask.page.saturating_mul(ask.per_page) {
        ..=MOST_BY_NUMBER => Ok(Some(ask)),
        _ => Err(Error::field("page", format!("Beyond {MOST_BY_NUMBER} messages a list goes by cursor."))),
    }
}

/// How far a list can be read by page numbers: what comes before a page has to be read for it.
const MOST_BY_NUMBER: i64 = 10_000;

/// The people a list names, before they have been looked up.
struct People {
    sender: Option<Uid>,
    senders: Vec<Uid>,
    named: Vec<Uid>,
    my_mentions: bool,
}

impl People {
    fn narrow(&self, read: &Read<'_>, caller: &Caller, filter: &mut Filter) -> Result<()> {
        if let Some(sender) = &self.sender {
            filter.sender = Some(known(read, &caller.app, sender)?);
        }
        for sender in &self.senders {
            filter.senders.push(users::person(read, &caller.app, sender)?.id);
        }
        for uid in &self.named {
            filter.mentioned.push(known(read, &caller.app, uid)?);
        }
        if let Some(viewer) = caller.viewer().filter(|_| self.my_mentions) {
            filter.mentioned = vec![viewer, mentions::EVERYBODY];
        }
        Ok(())
    }
}

/// Messages of a page.
#[derive(Default)]
struct Found {
    messages: Vec<Message>,
    /// In all; counted for numbered pages only.
    total: i64,
    /// There are others beyond, in the direction of the list.
    more: bool,
}

/// Leaves `limit` rows of `bytes` in all, but one in any case: those at the near end of a list that goes on after
/// (`onward`) or before them; whether any had to go.
fn cut<T>(rows: &mut Vec<T>, limit: i64, bytes: usize, onward: bool, size: impl Fn(&T) -> usize) -> bool {
    let mut left = bytes;
    let mut fits = |row: &T| {
        let fitting = left.checked_sub(size(row));
        left = fitting.unwrap_or(0);
        fitting.is_some()
    };
    let fitting = match onward {
        true => rows.iter().take_while(|row| fits(row)).count(),
        false => rows.iter().rev().take_while(|row| fits(row)).count(),
    };
    let limit = fitting.max(1).min(limit as usize);
    let excess = rows.len().saturating_sub(limit);
    match onward {
        true => rows.truncate(limit),
        false => drop(rows.drain(..excess)),
    }
    excess > 0
}

/// Rows that are rendered at once. What is shown beside a message (what it quotes) may be as large as one: a long page is not
/// rendered whole to be cut then.
const PIECE: usize = 100;

/// The rows as messages, from the near end of the list; whether there were `bytes` of them before they were all.
fn rendered(
    read: &Read<'_>,
    mut rows: Vec<Row>,
    look: Look,
    onward: bool,
    bytes: usize,
) -> Result<(Vec<Message>, bool)> {
    if rows.len() <= PIECE {
        return Ok((render::all(read, rows, look)?, false));
    }
    let mut messages = Vec::with_capacity(rows.len());
    let mut left = Some(bytes);
    while left.is_some() && !rows.is_empty() {
        let rest = match onward {
            true => rows.split_off(rows.len().min(PIECE)),
            false => rows.drain(..rows.len().saturating_sub(PIECE)).collect(),
        };
        let piece = render::all(read, std::mem::replace(&mut rows, rest), look)?;
        left = left.and_then(|left| left.checked_sub(piece.iter().map(size).sum()));
        match onward {
            true => messages.extend(piece),
            false => drop(messages.splice(..0, piece)),
        }
    }
    Ok((messages, !rows.is_empty()))
}

/// users.id of somebody a list is narrowed by: what they wrote stays, whatever became of them.
fn known(read: &Read<'_>, app: &App, uid: &Uid) -> Result<i64> {
    users::ever(read, app.id, uid)?.map(|user| user.id).ok_or_else(|| unknown_uid(uid.as_str()))
}

async fn page(access: Access<Either>, place: Place) -> Result<Reply> {
    let mut filter = filter(&access)?;
    let numbered = numbered(&access, &filter)?;
    if let Some(ask) = numbered {
        (filter.affix, filter.limit) = (Affix::Prepend, ask.page * ask.per_page);
    }
    let sender = access.query().get("sender").map(Uid::from_path).transpose()?;
    let senders = access.query().list("senders");
    let senders = senders.iter().map(|uid| Uid::from_path(uid)).collect::<Result<Vec<_>>>()?;
    let conversation = access.query().get("conversationId").map(str::to_ascii_lowercase);
    let named = access.query().list("mentionedUids");
    let named = named.iter().map(|uid| Uid::from_path(uid)).collect::<Result<Vec<_>>>()?;
    let my_mentions = access.query().flag("myMentionsOnly");
    let count = access.query().flag("count") && (filter.unread || filter.undelivered);
    let with_tags = access.query().flag("withTags");
    let look = look(&access);
    if filter.saved && filter.viewer.is_none() {
        return Err(Error::field("onBehalfOf", "Saved messages are a user's: name him."));
    }
    let caller = access.caller().clone();
    let (affix, limit) = (filter.affix, numbered.map_or(filter.limit, |ask| ask.per_page));
    let by_client = caller.token.is_some();
    let saved = filter.saved;
    let kept = filter.is_kept();
    // Whether the list goes on after its last message; it is before its first otherwise.
    let onward = kept || affix == Affix::Append;
    let people = People { sender, senders, named, my_mentions };
    if matches!(place, Place::Everywhere) && filter.from.is_none() {
        filter.to = None;
    }
    let sent = access.query().range("sentAt")?.and(Range { from: filter.from, to: filter.to });
    (filter.from, filter.to) = (sent.from, sent.to);
    if count {
        return counts(access, place, filter, people, conversation).await;
    }
    let bytes = access.limits().page_bytes;
    if numbered.is_none() {
        // One more than is shown tells whether anything is left.
        (filter.limit, filter.bytes) = (filter.limit + 1, bytes);
    }
    // What comes before a numbered page is not worth its text.
    filter.bare = numbered.is_some();
    let Found { mut messages, total, mut more } = access
        .store()
        .read(move |read| {
            let within = match place {
                Place::Everywhere => match conversation {
                    None => caller.viewer().map_or(Within::App, Within::User),
                    Some(name) => match actions::messages::readable_by_name(read, &caller, &name)? {
                        Some((conv, hidden_id)) => Within::Conversation { conv, hidden_id },
                        None => return Ok(Found::default()),
                    },
                },
                Place::With(Receiver::User(uid)) if !caller.person => {
                    // To the app this is whatever he said and heard one to one.
                    if filter.receiver_type == Some(ReceiverType::Group) {
                        return Ok(Found::default());
                    }
                    filter.receiver_type = Some(ReceiverType::User);
                    Within::User(users::any(read, caller.app.id, &uid)?.ok_or_else(|| unknown_uid(uid.as_str()))?.id)
                }
                Place::With(receiver) => match actions::messages::readable(read, &caller, &receiver)? {
                    Some((conv, hidden_id)) => Within::Conversation { conv, hidden_id },
                    None => return Ok(Found::default()),
                },
                Place::Thread(parent) => {
                    messages::accessible(read, caller.app.id, parent, caller.viewer())?;
                    Within::Thread(parent)
                }
            };
            people.narrow(read, &caller, &mut filter)?;
            let mut rows = history::list(read, caller.app.id, within, &filter)?;
            let (mut total, mut more) = (0, false);
            match numbered {
                Some(ask) => {
                    let before = rows.len().min(ask.offset() as usize);
                    match kept {
                        true => drop(rows.drain(..before)),
                        false => rows.truncate(rows.len() - before),
                    }
                    rows = history::whole(read, &rows, bytes)?.ok_or_else(|| too_large_a_page(bytes))?;
                    total = history::count(read, caller.app.id, within, &filter)?;
                }
                None => more = cut(&mut rows, limit, bytes, onward, |row| row.data.len()),
            }
            let (mut messages, cut) = rendered(read, rows, look, onward, bytes)?;
            more |= cut;
            if !with_tags {
                messages.iter_mut().for_each(|message| message.tags = None);
            }
            Ok(Found { messages, total, more })
        })
        .await?;
    let answer = |messages: &[Message], more: bool| {
        let (mut meta, shown) = (CursorMeta::new(limit, messages.len()), messages.len() as i64);
        meta.pagination = match numbered {
            Some(ask) => Some(Pagination::counted(shown, total, ask)),
            None => by_client.then(|| Pagination::ahead(shown, limit, more)),
        };
        meta.cursor = by_client.then(Cursor::default);
        if let (Some(first), Some(last)) = (messages.first(), messages.last()) {
            let point = |message: &Message, affix: Affix| Point {
                sent_at: Some(message.sent_at),
                ..Point::new(affix, message.id.to_string())
            };
            let (near, far) = if onward { (first, last) } else { (last, first) };
            let mut edge = point(far, affix);
            if kept {
                // These go by when they were kept, which is what clients give back from here.
                edge.sent_at = last.saved_at.filter(|_| saved).or(last.pinned_at);
            }
            let back = if affix == Affix::Append { Affix::Prepend } else { Affix::Append };
            meta.previous = (!kept).then(|| point(near, back));
            meta.next = Some(edge.clone());
            // Back ends take a list with a `pagination` or a `cursor` for one that goes by page number.
            meta.cursor = (by_client || numbered.is_some()).then(|| edge.into());
        }
        cut_list(&messages, meta)
    };
    let reply = answer(&messages, more);
    // What is shown with the messages (people, quotes) counts as well.
    let room = bytes.saturating_sub(META);
    if reply.body.len() <= bytes {
        return Ok(reply);
    }
    if numbered.is_some() {
        return Err(too_large_a_page(bytes));
    }
    more |= cut(&mut messages, limit, room, onward, size);
    Ok(answer(&messages, more))
}

/// How many messages from one side are unread, or not delivered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UnreadCount)]
pub struct Count {
    /// uid or guid
    entity_id: String,
    entity_type: ReceiverType,
    count: i64,
}

/// Conversations that are counted in one answer at most.
const MOST_COUNTED: i64 = 100_000;

/// Counts by the other side of what is unread, or not delivered: for `unread=1&count=1`. Each is the number of messages
/// that the same question without `count` lists: the counter where nothing narrows it, the list itself otherwise.
async fn counts(
    access: Access<Either>,
    place: Place,
    mut filter: Filter,
    people: People,
    conversation: Option<String>,
) -> Result<Reply> {
    let caller = access.caller().clone();
    let viewer = caller.viewer().ok_or_else(|| Error::field("onBehalfOf", "Unread counts are a user's: name him."))?;
    let counts = access
        .store()
        .read(move |read| {
            people.narrow(read, &caller, &mut filter)?;
            let plain = filter.is_plainly_unread();
            let mut counts = Vec::new();
            for (copy, within) in counted(read, &caller, viewer, &place, &filter, conversation)? {
                let count = match within {
                    Within::Conversation { .. } if plain => copy.unread,
                    _ => history::count(read, caller.app.id, within, &filter)?,
                };
                if count == 0 {
                    continue;
                }
                let (id, kind) = match copy.conv.kind {
                    Kind::Group(group) => (groups::by_id(read, group)?.guid, ReceiverType::Group),
                    Kind::Pair(..) => {
                        (users::by_id(read, copy.conv.peer(viewer).unwrap_or(viewer))?.uid, ReceiverType::User)
                    }
                };
                counts.push(Count { entity_id: id, entity_type: kind, count });
            }
            Ok(counts)
        })
        .await?;
    Ok(data(&counts))
}

/// The viewer's conversations that a list is about, each with where in it the list looks.
fn counted(
    read: &Read<'_>,
    caller: &Caller,
    viewer: i64,
    place: &Place,
    filter: &Filter,
    conversation: Option<String>,
) -> Result<Vec<(Copy, Within)>> {
    let copies = match (place, conversation) {
        (Place::With(receiver), _) => match actions::conversations::copy(read, caller, receiver) {
            Ok(copy) => vec![copy],
            Err(error) if error.code == Code::ConversationNotAccessible => Vec::new(),
            Err(error) => return Err(error),
        },
        (Place::Thread(parent), _) => {
            let conv = messages::accessible(read, caller.app.id, *parent, Some(viewer))?.conv;
            conversations::copy_of(read, conv, viewer)?.into_iter().collect()
        }
        (Place::Everywhere, Some(name)) => match actions::messages::readable_by_name(read, caller, &name)? {
            Some((conv, _)) => conversations::copy_of(read, conv, viewer)?.into_iter().collect(),
            None => Vec::new(),
        },
        (Place::Everywhere, None) => {
            let filter = conversations::Filter {
                groups: filter.receiver_type.map(|kind| kind == ReceiverType::Group),
                unread: filter.unread,
                with_blocked: true,
                with_silent: true,
                ..Default::default()
            };
            let ask = PageAsk { page: 1, per_page: MOST_COUNTED };
            conversations::list(read, conversations::Whose::User(viewer), &filter, ask)?.items
        }
    };
    let is_asked = |copy: &Copy| {
        filter
            .receiver_type
            .is_none_or(|kind| (kind == ReceiverType::Group) == matches!(copy.conv.kind, Kind::Group(_)))
    };
    let within = |copy: &Copy| match place {
        Place::Thread(parent) => Within::Thread(*parent),
        _ => Within::Conversation { conv: copy.conv.id, hidden_id: copy.hidden_id },
    };
    let asked = copies.into_iter().filter(is_asked);
    let asked = asked.map(|copy| {
        let within = within(&copy);
        (copy, within)
    });
    Ok(asked.collect())
}

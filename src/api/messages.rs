//! Messages.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::access::{Access, AsUser, Demand, Either, FullKey};
use super::groups::affix;
use super::media::{self, Form};
use super::openapi::{Doc, Shape};
use super::reply::{Ack, CursorMeta, Point, Reply, ack, data, data_json, list as list_reply};
use crate::actions::messages::Edit;
use crate::actions::{self, Outcomes};
use crate::model::error::{Code, Error, Result};
use crate::model::feature::Feature;
use crate::model::flags;
use crate::model::ids::{Guid, Uid, parse_message_id};
use crate::model::json::{Object, Raw, to_raw};
use crate::model::limits::Limits;
use crate::model::message::{Ask, Draft, Message, Receiver, ReceiverType, Sent};
use crate::model::page::{Affix, Page, PageAsk, Pagination};
use crate::model::policy::narrow;
use crate::model::user::check_tags;
use crate::store::history::{self, Filter, Within};
use crate::store::shown::{self, Look};
use crate::store::{Write, mentions, messages, users};

/// A message as sent. Of the many fields clients send only these count.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SendBody {
    receiver: Option<String>,
    receiver_type: Option<String>,
    category: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[schema(value_type = Option<Object>)]
    data: Option<Raw>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Raw>,
    tags: Option<Vec<String>>,
    muid: Option<String>,
    #[schema(value_type = Option<String>)]
    parent_id: Option<Value>,
    #[schema(value_type = Option<String>)]
    parent_message_id: Option<Value>,
    #[schema(value_type = Option<String>)]
    quoted_message_id: Option<Value>,
    multiple_receivers: Option<Receivers>,
}

/// Many receivers at once, in place of `receiver`.
#[derive(Deserialize, Clone, ToSchema)]
struct Receivers {
    #[serde(default)]
    uids: Vec<String>,
    #[serde(default)]
    guids: Vec<String>,
}

impl Receivers {
    /// Each once.
    fn parse(&self, limits: &Limits) -> Result<Vec<Receiver>> {
        let most = limits.receivers;
        if self.uids.len() + self.guids.len() > most {
            let sentence = format!("The number of receivers has reached the allowed limit of {most}.");
            return Err(Error::field("multipleReceivers", sentence).with_params(json!({ "limit": most })));
        }
        let mut seen = HashSet::new();
        let uids = self.uids.iter().map(|uid| Uid::from_path(uid).map(Receiver::User));
        let guids = self.guids.iter().map(|guid| Guid::from_path(guid).map(Receiver::Group));
        let all: Vec<Receiver> = uids.chain(guids).collect::<Result<_>>()?;
        Ok(all.into_iter().filter(|to| seen.insert((to.kind().as_str(), to.name().to_owned()))).collect())
    }
}

/// A checked message with all who are to get it. Many receivers are answered one by one.
struct Letter {
    draft: Draft,
    receivers: Option<Vec<Receiver>>,
}

/// An id that may come as a number or as text; absent, null, empty and 0 mean none.
fn id(value: Option<&Value>) -> Result<Option<i64>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() || text == "0" => Ok(None),
        Some(Value::String(text)) => parse_message_id(text).map(Some),
        Some(Value::Number(number)) if number.as_i64() == Some(0) => Ok(None),
        Some(other) => parse_message_id(&other.to_string()).map(Some),
    }
}

fn object(raw: Option<&Raw>) -> Result<Object> {
    match raw.filter(|raw| raw.get() != "null") {
        Some(raw) => Object::parse(raw.get())
            .ok_or_else(|| Error::new(Code::InvalidData, "The data of the message must be an object.")),
        None => Ok(Object::default()),
    }
}

/// The message of the request: JSON, or a form with files.
fn letter<D: Demand>(access: &Access<D>, form: Option<&Form>, parent: Option<i64>) -> Result<Letter> {
    let body: SendBody = match form {
        Some(form) => of_form(form)?,
        None => access.json()?,
    };
    let parent = match parent {
        Some(parent) => Some(parent),
        None => id(body.parent_message_id.as_ref())?.or(id(body.parent_id.as_ref())?),
    };
    if parent.is_some() {
        // Whichever of the two routes it came by.
        access.may_use(Feature::CreateMessageThread)?;
    }
    let mut data = object(body.data.as_ref())?;
    let mut kind = body.kind;
    if let Some(form) = form {
        let attachments = form.attachments(access);
        if let Some(first) = attachments.first() {
            data.set("url", to_raw(&first.url));
            data.set("attachments", to_raw(&attachments));
            kind = kind.filter(|kind| !kind.is_empty()).or_else(|| Some(flags::kind_of(&first.mime_type).to_owned()));
        }
        if let Some(caption) = form.get("caption").filter(|caption| !caption.is_empty() && data.get("text").is_none()) {
            data.set("text", to_raw(&caption));
        }
    }
    let receivers = body.multiple_receivers.as_ref().map(|all| all.parse(access.limits())).transpose()?;
    let receivers = receivers.filter(|all| !all.is_empty());
    // The first stands for all while the message itself is checked.
    let (receiver, receiver_type) = match receivers.as_ref().and_then(|all| all.first()) {
        Some(_) if parent.is_some() => {
            return Err(Error::field("multipleReceivers", "A reply goes to the conversation of its thread."));
        }
        Some(first) => (Some(first.name()), Some(first.kind().as_str())),
        None => (body.receiver.as_deref(), body.receiver_type.as_deref()),
    };
    let ask = Ask {
        receiver,
        receiver_type,
        category: body.category.as_deref(),
        kind: kind.as_deref(),
        data,
        metadata: body.metadata.as_deref().filter(|raw| raw.get() != "null"),
        tags: body.tags,
        muid: body.muid,
        parent,
        quoted: id(body.quoted_message_id.as_ref())?,
    };
    Ok(Letter { draft: Draft::parse(ask, access.limits())?, receivers })
}

fn of_form(form: &Form) -> Result<SendBody> {
    let text = |name: &str| form.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let json = |name: &str| {
        let malformed = || Error::new(Code::InvalidData, format!("The {name} of the message is not valid JSON."));
        text(name).map(|value| RawValue::from_string(value).map_err(|_| malformed())).transpose()
    };
    let number = |name: &str| text(name).map(Value::String);
    let tags = form.list("tags");
    Ok(SendBody {
        receiver: text("receiver"),
        receiver_type: text("receiverType"),
        category: text("category"),
        kind: text("type"),
        data: json("data")?,
        metadata: json("metadata")?,
        tags: (!tags.is_empty()).then_some(tags),
        muid: text("muid"),
        parent_id: number("parentId"),
        parent_message_id: number("parentMessageId"),
        quoted_message_id: number("quotedMessageId"),
        multiple_receivers: json("multipleReceivers")?
            .map(|raw| serde_json::from_str(raw.get()))
            .transpose()
            .map_err(|_| Error::field("multipleReceivers", "The multipleReceivers must hold uids and guids."))?,
    })
}

pub async fn send(access: Access<Either>) -> Result<Reply> {
    post(access, None, None).await
}

/// A reply in the thread of the message in the path.
pub async fn reply(access: Access<AsUser>) -> Result<Reply> {
    let parent = access.message_id()?;
    post(access, Some(parent), None).await
}

/// In the name of the bot in the path.
pub async fn send_as_bot(access: Access<FullKey>) -> Result<Reply> {
    let bot = access.uid()?;
    post(access, None, Some(bot)).await
}

async fn post<D: Demand>(mut access: Access<D>, parent: Option<i64>, bot: Option<Uid>) -> Result<Reply> {
    let form = media::receive(&mut access).await?;
    let stored = store_message(&access, form.as_ref(), parent, bot).await;
    if let (Err(_), Some(form)) = (&stored, &form) {
        form.give_up(access.api());
    }
    match stored? {
        Stored::One(sent) => Ok(data_json(sent.json())),
        Stored::Many(outcomes) => Ok(data(&outcomes)),
    }
}

enum Stored {
    One(Sent),
    Many(Outcomes),
}

async fn store_message<D: Demand>(
    access: &Access<D>,
    form: Option<&Form>,
    parent: Option<i64>,
    bot: Option<Uid>,
) -> Result<Stored> {
    let Letter { draft, receivers } = letter(access, form, parent)?;
    let mut caller = access.caller().clone();
    let files = form.map(Form::arrived).unwrap_or_default();
    let send = move |tx: &mut Write<'_>| {
        if let Some(bot) = bot {
            caller = actions::bots::as_bot(tx, &caller, &bot)?;
        }
        actions::attachments::arrive(tx, &files)?;
        match receivers {
            None => actions::messages::send(tx, &caller, draft).map(Stored::One),
            Some(all) => actions::messages::send_to_all(tx, &caller, &draft, all).map(Stored::Many),
        }
    };
    access.store().write("messages.send", send).await
}

pub async fn show(access: Access<Either>) -> Result<Reply> {
    let (id, caller, look) = (access.message_id()?, access.caller().clone(), look(&access));
    let message = access
        .store()
        .read(move |read| {
            let row = messages::accessible(read, caller.app.id, id, caller.viewer())?;
            let message = shown::one(read, row.clone(), look)?;
            shown::with_receipts(read, message, &row)
        })
        .await?;
    Ok(data(&message))
}

pub async fn by_muid(access: Access<AsUser>) -> Result<Reply> {
    let (muid, caller) = (access.param("muid").to_owned(), access.caller().clone());
    let message = access
        .store()
        .read(move |read| {
            let row = messages::by_muid(read, caller.user, &muid)?.ok_or(Code::MessageNotFound)?;
            shown::one(read, row, caller.viewer())
        })
        .await?;
    Ok(data(&message))
}

#[derive(Deserialize, ToSchema)]
struct EditBody {
    #[schema(value_type = Option<Object>)]
    data: Option<Raw>,
    tags: Option<Vec<String>>,
}

pub async fn update(access: Access<Either>) -> Result<Reply> {
    let (id, caller, limits) = (access.message_id()?, access.caller().clone(), access.limits().clone());
    let body: EditBody = access.json()?;
    let edit =
        Edit { data: object(body.data.as_ref())?, tags: body.tags.map(|tags| check_tags(tags, &limits)).transpose()? };
    let sent = access
        .store()
        .write("messages.edit", move |tx| actions::messages::edit(tx, &caller, id, edit, &limits))
        .await?;
    Ok(data_json(sent.json()))
}

#[derive(Deserialize, ToSchema)]
struct DeleteBody {
    #[serde(default)]
    permanent: bool,
}

pub async fn delete(access: Access<Either>) -> Result<Reply> {
    let (id, caller) = (access.message_id()?, access.caller().clone());
    let DeleteBody { permanent } = access.json()?;
    let sent = access
        .store()
        .write("messages.delete", move |tx| actions::messages::delete(tx, &caller, id, permanent))
        .await?;
    Ok(data_json(sent.json()))
}

#[derive(Deserialize, ToSchema)]
struct InteractedBody {
    #[serde(default)]
    interactions: Vec<String>,
}

pub async fn interacted(access: Access<AsUser>) -> Result<Reply> {
    let (id, caller) = (access.message_id()?, access.caller().clone());
    let InteractedBody { interactions } = access.json()?;
    let uid = caller.uid.clone();
    access
        .store()
        .write("messages.interacted", move |tx| actions::interactions::mark(tx, &caller, id, &interactions))
        .await?;
    Ok(ack(format!("The message id {id} has been marked as interacted for the user {uid}.")))
}

/// What the caller wants to see beside the messages.
fn look(access: &Access<Either>) -> Look {
    let query = access.query();
    Look {
        viewer: access.caller().viewer(),
        subscribed: query.flag("withThreadSubscribed"),
        mentions_blocked: query.flag("mentionsWithBlockedInfo"),
        // One description spells it differently.
        mentions_tags: query.flag("mentionsWithTagInfo") || query.flag("mentionswithTagInfo"),
    }
}

/// How many rows a list that goes by a cursor shows.
pub fn limit<D: Demand>(access: &Access<D>) -> Result<i64> {
    let (query, limits) = (access.query(), access.limits());
    let limit = match query.int("limit")? {
        Some(limit) => limit,
        None => query.int("per_page")?.or(query.int("perPage")?).unwrap_or(limits.page_messages),
    };
    match limit {
        1.. => Ok(limit.min(limits.max_per_page)),
        _ => Err(Error::field("limit", "The limit must be at least 1.")),
    }
}

/// The filters of a message list, from the query.
fn filter(access: &Access<Either>) -> Result<Filter> {
    let query = access.query();
    let limit = limit(access)?;
    // 0 comes before every message: no cursor yet.
    let cursor = query.get("id").filter(|id| *id != "0").map(parse_message_id).transpose()?;
    // Without a direction: a first page is the newest messages, a cursor goes on from there.
    let affix = affix(query.get("affix"))?.unwrap_or(Affix::Prepend);
    let mut filter = Filter::new(affix, limit);
    let both = |one: &str, many: &str| {
        let mut list = query.list(many);
        list.extend(query.list(one));
        list
    };
    filter.id = cursor;
    filter.sent_at = query.int("sentAt")?;
    filter.updated_at = query.int("updatedAt")?;
    filter.from = query.int("fromTimestamp")?;
    filter.to = query.int("toTimestamp")?;
    let role = &access.caller().role;
    filter.categories = narrow(both("category", "categories"), role.listed_categories());
    filter.message_types = role.listed_types().to_vec();
    filter.types = both("type", "types");
    filter.tags = query.list("tags");
    filter.receiver_type = match query.get("receiverType") {
        Some(text) => Some(ReceiverType::parse(text).ok_or(Code::InvalidReceiverType)?),
        None => None,
    };
    filter.search = query.search("searchKey");
    filter.hide_deleted = query.flag("hideDeleted");
    filter.only_deleted = query.flag("onlyDeleted");
    filter.hide_replies = query.flag("hideReplies");
    filter.hide_quoted = query.flag("hideQuotedMessages");
    filter.only_updates = query.flag("onlyUpdates");
    filter.unread = query.flag("unread");
    filter.undelivered = query.flag("undelivered");
    filter.hide_blocked = query.flag("hideMessagesFromBlockedUsers");
    filter.has_attachments = query.flag("hasAttachments");
    filter.attachment_types =
        query.list("attachmentTypes").iter().map(|name| flags::of_type(name)).fold(0, |a, b| a | b);
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
    if access.query().get("page").is_none() || cursor || filter.is_kept() || filter.search.is_some() {
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

async fn page(access: Access<Either>, place: Place) -> Result<Reply> {
    let mut filter = filter(&access)?;
    let numbered = numbered(&access, &filter)?;
    if let Some(ask) = numbered {
        (filter.affix, filter.limit) = (Affix::Prepend, ask.page * ask.per_page);
    }
    let sender = access.query().get("sender").map(Uid::from_path).transpose()?;
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
    let saved = filter.saved;
    let kept = filter.is_kept();
    if count {
        return counts(access, place).await;
    }
    if matches!(place, Place::Everywhere) && filter.from.is_none() {
        filter.to = None;
    }
    let Page { items: messages, total } = access
        .store()
        .read(move |read| {
            let within = match place {
                Place::Everywhere => match conversation {
                    None => caller.viewer().map_or(Within::App, Within::User),
                    Some(name) => match actions::messages::readable_by_name(read, &caller, &name)? {
                        Some((conv, hidden_id)) => Within::Conversation { conv, hidden_id },
                        None => return Ok(Page { items: Vec::new(), total: 0 }),
                    },
                },
                Place::With(Receiver::User(uid)) if !caller.person => {
                    // To the app this is whatever he said and heard one to one.
                    filter.receiver_type = Some(ReceiverType::User);
                    Within::User(users::person(read, &caller.app, &uid)?.id)
                }
                Place::With(receiver) => match actions::messages::readable(read, &caller, &receiver)? {
                    Some((conv, hidden_id)) => Within::Conversation { conv, hidden_id },
                    None => return Ok(Page { items: Vec::new(), total: 0 }),
                },
                Place::Thread(parent) => {
                    messages::accessible(read, caller.app.id, parent, caller.viewer())?;
                    Within::Thread(parent)
                }
            };
            if let Some(sender) = sender {
                filter.sender = Some(users::person(read, &caller.app, &sender)?.id);
            }
            for uid in &named {
                filter.mentioned.push(users::person(read, &caller.app, uid)?.id);
            }
            if let Some(viewer) = caller.viewer().filter(|_| my_mentions) {
                filter.mentioned = vec![viewer, mentions::EVERYBODY];
            }
            let mut rows = history::list(read, caller.app.id, within, &filter)?;
            let mut total = 0;
            if let Some(ask) = numbered {
                rows.truncate(rows.len().saturating_sub(ask.offset() as usize));
                total = history::count(read, caller.app.id, within, &filter)?;
            }
            let mut messages = shown::all(read, rows, look)?;
            if !with_tags {
                messages.iter_mut().for_each(|message| message.tags = None);
            }
            Ok(Page { items: messages, total })
        })
        .await?;
    let mut meta = CursorMeta::new(limit, messages.len());
    meta.pagination = numbered.map(|ask| Pagination::counted(messages.len() as i64, total, ask));
    if let (Some(first), Some(last)) = (messages.first(), messages.last()) {
        let point = |message: &Message, affix: Affix| Point {
            sent_at: Some(message.sent_at),
            ..Point::new(affix, message.id.to_string())
        };
        meta.next = Some(point(last, Affix::Append));
        meta.previous = Some(point(first, Affix::Prepend));
        let mut edge = point(if kept || affix == Affix::Append { last } else { first }, affix);
        if kept {
            // These go by when they were kept, which is what clients give back from here.
            edge.sent_at = last.saved_at.filter(|_| saved).or(last.pinned_at);
        }
        meta.cursor = Some(edge);
    }
    Ok(list_reply(&messages, meta))
}

/// How many messages from one side are unread, or not delivered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UnreadCount)]
struct Count {
    /// uid or guid
    entity_id: String,
    entity_type: ReceiverType,
    count: i64,
}

/// Counts by the other side of what is unread, or not delivered: for `unread=1&count=1`.
async fn counts(access: Access<Either>, place: Place) -> Result<Reply> {
    use crate::store::conversations::{self, Kind};
    use crate::store::groups;
    let caller = access.caller().clone();
    let kind = access.query().get("receiverType").and_then(ReceiverType::parse);
    let (most, unread) = (access.limits().max_per_page, access.query().flag("unread"));
    let viewer = caller.viewer().ok_or_else(|| Error::field("onBehalfOf", "Unread counts are a user's: name him."))?;
    let counts = access
        .store()
        .read(move |read| {
            let copies = match place {
                Place::With(receiver) => match actions::conversations::copy(read, &caller, &receiver) {
                    Ok(copy) => vec![copy],
                    Err(error) if error.code == Code::ConversationNotAccessible => Vec::new(),
                    Err(error) => return Err(error),
                },
                _ => {
                    let filter = conversations::Filter {
                        groups: kind.map(|kind| kind == ReceiverType::Group),
                        unread,
                        with_blocked: true,
                        ..Default::default()
                    };
                    conversations::list(
                        read,
                        conversations::Whose::User(viewer),
                        &filter,
                        PageAsk { page: 1, per_page: most },
                    )?
                    .items
                }
            };
            let mut counts = Vec::new();
            for copy in copies {
                let count = match unread {
                    true => copy.unread,
                    false => messages::count_after(read, copy.conv.id, viewer, copy.delivered_id.max(copy.hidden_id))?,
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

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in
        ["list-all-messages", "user-list-user-messages", "user-list-group-messages", "list-all-thread-messages"]
    {
        doc.reply::<Message>(operation, Shape::Cursor).reply::<Count>(operation, Shape::List);
    }
    for operation in ["send-message", "send-thread-message", "send-bot-message"] {
        doc.reply::<Message>(operation, Shape::One).reply::<Message>(operation, Shape::Results);
    }
    for operation in ["get-message-details", "get-message-by-muid", "update-message", "delete-message"] {
        doc.reply::<Message>(operation, Shape::One);
    }
    doc.reply::<Ack>("mark-message-as-interacted", Shape::One);
    const FILTERS: &[&str] = &[
        "affix",
        "id",
        "sentAt",
        "updatedAt",
        "limit",
        "page",
        "perPage",
        "fromTimestamp",
        "toTimestamp",
        "category",
        "categories",
        "type",
        "types",
        "receiverType",
        "sender",
        "searchKey",
        "tags",
        "withTags",
        "hasAttachments",
        "attachmentTypes",
        "hasLinks",
        "hasReactions",
        "hasMentions",
        "mentionedUids",
        "myMentionsOnly",
        "mentionsWithBlockedInfo",
        "mentionsWithTagInfo",
        "conversationId",
        "hideReplies",
        "hideQuotedMessages",
        "hideDeleted",
        "onlyDeleted",
        "onlyUpdates",
        "hideMessagesFromBlockedUsers",
        "unread",
        "undelivered",
        "count",
        "pinned",
        "saved",
        "withParent",
        "onlyInteractionGoalCompleted",
        "withThreadSubscribed",
    ];
    for operation in
        ["list-all-messages", "user-list-user-messages", "user-list-group-messages", "list-all-thread-messages"]
    {
        doc.query(operation, FILTERS);
    }
    doc.query("get-message-details", &["withThreadSubscribed"]);
    doc.body::<SendBody>("send-bot-message").body::<SendBody>("send-message").body::<SendBody>("send-thread-message");
    doc.body::<EditBody>("update-message");
    doc.body::<DeleteBody>("delete-message");
    doc.body::<InteractedBody>("mark-message-as-interacted");
}

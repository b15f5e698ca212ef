//! Sending a message: a body or a form becomes a draft, and the draft one write.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::object;
use crate::actions::{self, Outcome, Outcomes};
use crate::api::access::{Access, AsUser, Demand, Either, FullKey};
use crate::api::media::{self, Form};
use crate::api::reply::{Reply, data, data_json};
use crate::model::error::{Code, Error, Result};
use crate::model::extension::keep_injected;
use crate::model::feature::Feature;
use crate::model::flags;
use crate::model::ids::{Guid, Uid, parse_message_id};
use crate::model::json::{self, Raw, to_raw};
use crate::model::limits::Limits;
use crate::model::message::{Ask, Draft, Receiver, Sent};
use crate::store::Write;

/// A message as sent. Of the many fields clients send only these count.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendBody {
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

/// The message of the request: JSON, or a form with files.
fn letter<D: Demand>(access: &Access<D>, form: Option<&Form>, parent: Option<i64>) -> Result<Letter> {
    let body: SendBody = match form {
        Some(form) => of_form(form, access.limits())?,
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
    let mut draft = Draft::parse(ask, access.limits())?;
    if access.caller().token.is_some() {
        // An app may well bring what extensions said elsewhere.
        keep_injected(&mut draft.content.data, None);
    }
    Ok(Letter { draft, receivers })
}

fn of_form(form: &Form, limits: &Limits) -> Result<SendBody> {
    let text = |name: &str| form.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let json = |name: &str| {
        let malformed = || Error::new(Code::InvalidData, format!("The {name} of the message is not valid JSON."));
        let Some(value) = text(name) else { return Ok(None) };
        json::check(value.as_bytes(), limits)?;
        RawValue::from_string(value).map(Some).map_err(|_| malformed())
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

impl Stored {
    /// The messages that were sent.
    fn ids(&self) -> impl Iterator<Item = i64> {
        let (one, many) = match self {
            Stored::One(sent) => (Some(sent.id), &[][..]),
            Stored::Many(outcomes) => (None, &*outcomes.0),
        };
        one.into_iter().chain(many.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Announced(sent) => Some(sent.id),
            _ => None,
        }))
    }
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
    let previews = access.api().previews.as_ref().filter(|_| {
        let text = draft.content.data.get("text");
        text.is_some_and(|text| text.get().contains("http"))
    });
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
    let stored = access.store().write("messages.send", send).await?;
    if let Some(previews) = previews {
        stored.ids().for_each(|id| previews.offer(access.app(), id));
    }
    Ok(stored)
}

//! Messages: the five categories, what may be sent, and how one is shown.
//!
//! `data` is kept as it was sent. What the server knows better (entities, reactions, mentions …) is taken out on the
//! way in and put back on the way out, from rows that are current.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::call::{CallEntity, EntityShown as CallShown};
use super::error::{Code, Error, Result};
use super::group::Group;
use super::ids::{Guid, Uid};
use super::json::{self, Object};
use super::limits::Limits;
use super::mention::Named;
use super::moderation::State;
pub use super::party::{Party, ReceiverType};
use super::text::is_blank;
use super::user::{User, check_length, check_metadata, check_tags};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    #[default]
    Message,
    Custom,
    Interactive,
    Action,
    Call,
}

impl Category {
    pub const ALL: [Category; 5] =
        [Category::Message, Category::Custom, Category::Interactive, Category::Action, Category::Call];

    pub fn as_str(self) -> &'static str {
        match self {
            Category::Message => "message",
            Category::Custom => "custom",
            Category::Interactive => "interactive",
            Category::Action => "action",
            Category::Call => "call",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Category::ALL.into_iter().find(|category| category.as_str() == text)
    }

    /// Whether others count it as unread. Actions and calls inform, they do not wait to be read.
    pub fn counts(self) -> bool {
        matches!(self, Category::Message | Category::Custom | Category::Interactive)
    }
}

/// Whom a message is for.
#[derive(Clone, Debug)]
pub enum Receiver {
    User(Uid),
    Group(Guid),
}

impl Receiver {
    pub fn kind(&self) -> ReceiverType {
        match self {
            Receiver::User(_) => ReceiverType::User,
            Receiver::Group(_) => ReceiverType::Group,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Receiver::User(uid) => uid.as_str(),
            Receiver::Group(guid) => guid.as_str(),
        }
    }

    pub fn parse(kind: Option<&str>, name: Option<&str>) -> Result<Self> {
        let kind = kind.and_then(ReceiverType::parse).ok_or(Code::InvalidReceiverType)?;
        let name = name.filter(|name| !name.is_empty()).ok_or(Code::EmptyReceiver)?;
        Ok(match kind {
            ReceiverType::User => Receiver::User(Uid::from_path(name)?),
            ReceiverType::Group => Receiver::Group(Guid::from_path(name)?),
        })
    }
}

/// A message that may be sent, as far as its own content goes.
#[derive(Clone, Debug)]
pub struct Draft {
    pub receiver: Receiver,
    pub content: Content,
    pub tags: Option<Vec<String>>,
    pub muid: Option<String>,
    pub parent: Option<i64>,
    pub quoted: Option<i64>,
}

/// What a message says: category, type and checked data.
#[derive(Clone, Debug)]
pub struct Content {
    pub category: Category,
    pub kind: String,
    pub data: Object,
}

/// Keys of `data` that only the server writes.
pub const SERVER_KEYS: [&str; 7] =
    ["entities", "reactions", "mentions", "moderation", "interactions", "resource", "quotedMessage"];

const MEDIA_TYPES: [&str; 4] = ["image", "video", "audio", "file"];
const INTERACTIVE_TYPES: [&str; 4] = ["form", "card", "scheduler", "customInteractive"];
const GOAL_TYPES: [&str; 5] = ["anyAction", "anyOf", "allOf", "none", "oneOf"];

/// Longest developer-defined type of a custom message, in characters.
const MAX_TYPE: usize = 100;

impl Content {
    /// Checks what a client wants to send. `category` is `message` when absent; a `message` of type `custom` is the old
    /// way to send a custom one.
    pub fn parse(category: Option<&str>, kind: Option<&str>, mut data: Object, limits: &Limits) -> Result<Self> {
        let category = match (category, kind) {
            (None | Some("message"), Some("custom")) => Category::Custom,
            (None, _) => Category::Message,
            (Some(text), _) => {
                Category::parse(text).filter(|category| category.counts()).ok_or(Code::InvalidCategory)?
            }
        };
        for key in SERVER_KEYS {
            data.remove(key);
        }
        let kind = match (category, kind.filter(|kind| !is_blank(kind))) {
            (_, Some(kind)) => kind.to_owned(),
            (Category::Message, None) => "text".to_owned(),
            (Category::Interactive, None) => "card".to_owned(),
            _ => return Err(Code::EmptyType.into()),
        };
        let mut content = Content { category, kind, data };
        content.check(limits)?;
        Ok(content)
    }

    /// The same checks again after an edit.
    pub fn check(&mut self, limits: &Limits) -> Result<()> {
        // None at all, however it is said: what is shown is an object, or not there.
        for key in ["text", "attachments", "metadata", "interactionGoal"] {
            if self.data.get(key).is_some_and(|raw| raw.get() == "null") {
                self.data.remove(key);
            }
        }
        for key in ["customData", "interactiveData", "interactionGoal", "metadata"] {
            if self.data.get(key).is_some_and(|raw| json::is_empty_list(raw.get())) {
                self.data.set(key, json::raw("{}".to_owned()));
            }
        }
        self.check_form()?;
        match self.category {
            Category::Message if self.kind == "text" => self.check_text(limits)?,
            Category::Message if MEDIA_TYPES.contains(&&*self.kind) => self.check_attachments()?,
            Category::Message => return Err(Code::InvalidType.into()),
            Category::Custom => {
                check_length("type", &self.kind, MAX_TYPE)?;
                let data = self.data.get("customData").ok_or(Code::EmptyCustomData)?;
                if !json::is_object(data) {
                    return Err(Code::InvalidCustomData.into());
                }
            }
            Category::Interactive => self.check_interactive()?,
            Category::Action | Category::Call => return Err(Code::InvalidCategory.into()),
        }
        if let Some(metadata) = self.data.get("metadata") {
            check_metadata(metadata.to_owned(), limits.data)?;
        }
        let named = Named::in_data(&self.data).uids.len();
        if named > limits.mentions {
            let most = limits.mentions;
            let sentence = format!("The number of mentions in a message has reached the allowed limit of {most}.");
            return Err(Error::field("text", sentence).with_params(serde_json::json!({ "limit": most })));
        }
        let size: usize = self.data.0.iter().map(|(key, value)| key.len() + value.get().len() + 4).sum();
        if size > limits.data {
            return Err(Error::field("data", format!("The data may not be larger than {} bytes.", limits.data)));
        }
        Ok(())
    }

    fn check_text(&self, limits: &Limits) -> Result<()> {
        let raw = self.data.get("text").ok_or(Code::EmptyText)?;
        let text: Cow<'_, str> = serde_json::from_str(raw.get()).map_err(|_| Code::InvalidText)?;
        if is_blank(&text) {
            return Err(Code::EmptyText.into());
        }
        check_length("text", &text, limits.text)
    }

    /// What is shown of any message in a form that clients rely on: its text or caption, and its files. Sizes of files may
    /// come as text; they are shown as whole numbers, and not at all where the text says none.
    fn check_form(&mut self) -> Result<()> {
        if let Some(raw) = self.data.get("text") {
            serde_json::from_str::<Cow<'_, str>>(raw.get()).map_err(|_| Code::InvalidText)?;
        }
        let Some(raw) = self.data.get("attachments") else { return Ok(()) };
        let mut attachments: Vec<serde_json::Map<String, Value>> =
            serde_json::from_str(raw.get()).map_err(|_| Code::InvalidMedia)?;
        let mut changed = false;
        for attachment in &mut attachments {
            let before = attachment.len();
            attachment.retain(|_, value| !value.is_null());
            changed |= attachment.len() < before;
            let texts = ["url", "name", "mimeType", "extension"];
            if texts.iter().any(|key| attachment.get(*key).is_some_and(|value| !value.is_string())) {
                return Err(Code::InvalidMedia.into());
            }
            let Some(size) = attachment.get("size") else { continue };
            let bytes = match size {
                // Some write what they do not know in words.
                Value::String(text) => text.trim().parse().ok().filter(|bytes: &f64| *bytes >= 0.0),
                other => Some(other.as_f64().filter(|bytes| *bytes >= 0.0).ok_or(Code::InvalidMedia)?),
            };
            match bytes.map(|bytes| Value::from(bytes as u64)) {
                Some(whole) if *size == whole => {}
                Some(whole) => {
                    attachment.insert("size".to_owned(), whole);
                    changed = true;
                }
                None => {
                    attachment.remove("size");
                    changed = true;
                }
            }
        }
        if changed {
            self.data.set("attachments", json::to_raw(&attachments));
        }
        Ok(())
    }

    fn check_attachments(&self) -> Result<()> {
        let Some(raw) = self.data.get("attachments") else {
            // Older clients name the file by `url` alone.
            return match self.data.read::<String>("url") {
                Some(url) if !url.is_empty() => Ok(()),
                _ => Err(Code::EmptyFile.into()),
            };
        };
        #[derive(serde::Deserialize)]
        struct Addressed {
            #[serde(default)]
            url: String,
        }
        let attachments: Vec<Addressed> = serde_json::from_str(raw.get()).map_err(|_| Code::InvalidMedia)?;
        match attachments.iter().all(|attachment| !attachment.url.is_empty()) {
            _ if attachments.is_empty() => Err(Code::EmptyFile.into()),
            true => Ok(()),
            false => Err(Code::InvalidMedia.into()),
        }
    }

    /// The MIME type of each attachment, as far as it is told. A file named by `url` alone tells none.
    pub fn mime_types(&self) -> Vec<Option<String>> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Attachment {
            mime_type: Option<String>,
        }
        match self.data.read::<Vec<Attachment>>("attachments") {
            Some(attachments) => attachments.into_iter().map(|attachment| attachment.mime_type).collect(),
            None if MEDIA_TYPES.contains(&&*self.kind) => vec![None],
            None => Vec::new(),
        }
    }

    fn check_interactive(&self) -> Result<()> {
        if !INTERACTIVE_TYPES.contains(&&*self.kind) {
            return Err(Code::InvalidType.into());
        }
        if !self.data.get("interactiveData").is_some_and(json::is_object) {
            return Err(Error::new(Code::InvalidData, "The interactiveData of the message must be an object."));
        }
        if let Some(goal) = self.data.get("interactionGoal") {
            let goal: Goal = serde_json::from_str(goal.get())
                .map_err(|_| Error::new(Code::InvalidData, "The interactionGoal of the message is malformed."))?;
            if !GOAL_TYPES.contains(&&*goal.kind) {
                return Err(Error::new(Code::InvalidData, "The type of the interactionGoal is not known."));
            }
        }
        Ok(())
    }
}

/// When an interactive message counts as done for a user.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    element_ids: Vec<String>,
}

impl Goal {
    /// Whether the elements a user has used by now satisfy the goal.
    pub fn met_by(&self, used: &[String]) -> bool {
        match self.kind.as_str() {
            "anyAction" => !used.is_empty(),
            "anyOf" | "oneOf" => self.element_ids.iter().any(|id| used.contains(id)),
            "allOf" => !self.element_ids.is_empty() && self.element_ids.iter().all(|id| used.contains(id)),
            _ => false,
        }
    }
}

/// The fields of a send that stand outside `data`, as texts; turned into a [`Draft`] by [`Draft::parse`].
#[derive(Default)]
pub struct Ask<'a> {
    pub receiver: Option<&'a str>,
    pub receiver_type: Option<&'a str>,
    pub category: Option<&'a str>,
    pub kind: Option<&'a str>,
    pub data: Object,
    pub metadata: Option<&'a RawValue>,
    pub tags: Option<Vec<String>>,
    pub muid: Option<String>,
    pub parent: Option<i64>,
    pub quoted: Option<i64>,
}

impl Draft {
    pub fn parse(mut ask: Ask<'_>, limits: &Limits) -> Result<Self> {
        let receiver = Receiver::parse(ask.receiver_type, ask.receiver)?;
        if let Some(metadata) = ask.metadata.filter(|_| ask.data.get("metadata").is_none()) {
            ask.data.set("metadata", metadata.to_owned());
        }
        let muid = ask.muid.filter(|muid| !muid.is_empty());
        if let Some(muid) = &muid {
            check_length("muid", muid, limits.muid)?;
        }
        Ok(Draft {
            receiver,
            content: Content::parse(ask.category, ask.kind, ask.data, limits)?,
            tags: ask.tags.map(|tags| check_tags(tags, limits)).transpose()?,
            muid,
            parent: ask.parent,
            quoted: ask.quoted,
        })
    }
}

/// A message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    #[serde(serialize_with = "as_text")]
    pub id: i64,
    /// The sender's own id for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muid: Option<String>,
    pub conversation_id: String,
    /// uid
    pub sender: String,
    pub receiver_type: ReceiverType,
    /// uid or guid
    pub receiver: String,
    pub category: Category,
    /// Of a `message`: text, image, audio, video or file; what a custom one means is up to those who send it.
    #[serde(rename = "type")]
    pub kind: String,
    #[schema(value_type = DataShown)]
    pub data: Data,
    pub sent_at: i64,
    pub updated_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<String>,
    /// The message whose thread it is in.
    #[schema(value_type = Option<String>, pattern = "^[0-9]+$")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text_option")]
    pub parent_id: Option<i64>,
    /// Replies in its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_count: Option<i64>,
    #[schema(value_type = Option<String>, pattern = "^[0-9]+$")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text_option")]
    pub quoted_message_id: Option<i64>,
    #[schema(no_recursion)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted_message: Option<Box<Message>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// When somebody else got it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<i64>,
    /// When somebody else read it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<i64>,
    /// The viewer's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub my_receipt: Option<Receipt>,
    /// Who has it, asked for one message at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<Receipts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_by: Option<String>,
    /// When the viewer saved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_at: Option<i64>,
    /// Whether the viewer follows its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_subscribed: Option<bool>,
    /// Of an interactive message: the elements the viewer has used, as in `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactions: Option<Vec<Interaction>>,
}

impl Message {
    /// Sets what the viewer has used of it: clients look for it in either place.
    pub fn interact(&mut self, interactions: Vec<Interaction>) {
        self.data.interactions = Some(interactions.clone());
        self.interactions = Some(interactions);
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Receipts {
    pub data: Vec<Receipt>,
}

/// When one user got and read a message.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<User>,
}

/// What was sent, and what the server adds to it.
#[derive(Clone, Debug)]
pub struct Data {
    /// JSON object text as stored.
    pub stored: String,
    pub entities: Entities,
    /// The client session that sent it.
    pub resource: Option<String>,
    pub reactions: Vec<ReactionCount>,
    pub mentions: Vec<User>,
    pub interactions: Option<Vec<Interaction>>,
    /// What moderation says of it, if it was asked.
    pub moderation: Option<State>,
}

/// What a message says, and what the server adds to it: besides these there is what was sent.
// `Data` and `Entities` as they are serialised, for the API description.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = MessageData, rename_all = "camelCase")]
pub struct DataShown {
    entities: EntitiesShown,
    text: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<()>,
    attachments: Option<Vec<AttachmentShown>>,
    /// Of a custom message: what was sent.
    #[schema(value_type = Option<Object>)]
    custom_data: Option<()>,
    /// Of an interactive message: the form or card.
    #[schema(value_type = Option<Object>)]
    interactive_data: Option<()>,
    /// Of an interactive message: when it is done.
    #[schema(value_type = Option<Object>)]
    interaction_goal: Option<()>,
    /// Of an action: more about it, such as the old and the new scope.
    #[schema(value_type = Option<Object>)]
    extras: Option<()>,
    /// Of an action or a call: what happened.
    action: Option<String>,
    /// The client session that sent it.
    resource: Option<String>,
    reactions: Option<Vec<ReactionCount>>,
    /// Users named in the text, by uid.
    mentions: Option<BTreeMap<String, User>>,
    interactions: Option<Vec<Interaction>>,
    moderation: Option<ModerationShown>,
}

/// A file, as its sender told of it.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = MessageAttachment, rename_all = "camelCase")]
struct AttachmentShown {
    url: String,
    name: Option<String>,
    mime_type: Option<String>,
    extension: Option<String>,
    /// Bytes.
    size: Option<u64>,
}

/// What moderation says of a message.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = Moderation)]
struct ModerationShown {
    status: State,
}

/// Who and what a message refers to, as they are now: `sender` and `receiver`, or of actions and calls `by`, `for` and
/// mostly `on`.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = MessageEntities)]
struct EntitiesShown {
    sender: Option<EntityShown>,
    receiver: Option<EntityShown>,
    /// Who did it.
    by: Option<EntityShown>,
    /// What it was done to.
    on: Option<EntityShown>,
    /// Where it was done.
    r#for: Option<EntityShown>,
}

#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = MessageEntity, rename_all = "camelCase")]
struct EntityShown {
    entity_type: EntityType,
    entity: OneEntity,
}

#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum EntityType {
    User,
    Group,
    Message,
    Call,
}

#[allow(dead_code)]
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = Entity)]
enum OneEntity {
    User(User),
    Group(Group),
    #[schema(no_recursion)]
    Message(Box<Message>),
    Call(CallShown<'static>),
}

impl Data {
    pub fn of(stored: String, entities: Entities) -> Self {
        Data {
            stored,
            entities,
            resource: None,
            reactions: Vec::new(),
            mentions: Vec::new(),
            interactions: None,
            moderation: None,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReactionCount {
    pub reaction: String,
    pub count: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reacted_by_me: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interaction {
    pub element_id: String,
    pub interacted_at: i64,
}

/// The things a message refers to, as they are now.
#[derive(Clone, Debug)]
pub enum Entities {
    Sides { sender: User, receiver: Party },
    Act { by: User, on: Option<Subject>, to: Party },
}

/// What an action or a call message is about.
#[derive(Clone, Debug)]
pub enum Subject {
    User(Box<User>),
    Message(Box<Message>),
    Call(Box<CallEntity>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entity<'a, T: Serialize> {
    entity: &'a T,
    entity_type: &'static str,
}

fn entity<'a, T: Serialize>(entity: &'a T, entity_type: &'static str) -> Entity<'a, T> {
    Entity { entity, entity_type }
}

impl Serialize for Entities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Entities::Sides { sender, receiver } => {
                map.serialize_entry("sender", &entity(sender, "user"))?;
                map.serialize_entry("receiver", &entity(receiver, receiver.kind().as_str()))?;
            }
            Entities::Act { by, on, to } => {
                map.serialize_entry("by", &entity(by, "user"))?;
                match on {
                    Some(Subject::User(user)) => map.serialize_entry("on", &entity(user, "user"))?,
                    Some(Subject::Message(message)) => map.serialize_entry("on", &entity(message, "message"))?,
                    Some(Subject::Call(call)) => map.serialize_entry("on", &entity(call, "call"))?,
                    None => {}
                }
                map.serialize_entry("for", &entity(to, to.kind().as_str()))?;
            }
        }
        map.end()
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        json::copy_entries(&self.stored, &mut map);
        if let Some(resource) = &self.resource {
            map.serialize_entry("resource", resource)?;
        }
        map.serialize_entry("entities", &self.entities)?;
        if !self.reactions.is_empty() {
            map.serialize_entry("reactions", &self.reactions)?;
        }
        if !self.mentions.is_empty() {
            map.serialize_entry("mentions", &ByUid(&self.mentions))?;
        }
        if let Some(interactions) = &self.interactions {
            map.serialize_entry("interactions", interactions)?;
        }
        if let Some(state) = &self.moderation {
            map.serialize_entry("moderation", &serde_json::json!({ "status": state }))?;
        }
        map.end()
    }
}

struct ByUid<'a>(&'a [User]);

impl Serialize for ByUid<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|user| (&user.uid, user)))
    }
}

/// Ids travel as decimal text.
pub fn as_text<S: Serializer>(id: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

pub fn as_text_option<S: Serializer>(id: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

/// A message with its JSON made once: the sender's reply and every receiver's frame are the same bytes.
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: i64,
    message: Arc<Encoded>,
}

#[derive(Debug)]
struct Encoded {
    message: Message,
    json: OnceLock<Box<str>>,
}

impl Sent {
    pub fn of(message: Message) -> Self {
        Sent { id: message.id, message: Arc::new(Encoded { message, json: OnceLock::new() }) }
    }

    /// Made by whoever needs it first, which is never the writer's thread.
    pub fn json(&self) -> &str {
        self.message
            .json
            .get_or_init(|| serde_json::to_string(&self.message.message).unwrap_or_else(|_| "{}".into()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(category: &str, kind: &str, data: &str) -> Result<Content> {
        Content::parse(Some(category), Some(kind), Object::parse(data).unwrap(), &Limits::default())
    }

    #[test]
    fn contents_are_checked_by_type() {
        let code = |category, kind, data| parse(category, kind, data).unwrap_err().code;
        assert!(parse("message", "text", r#"{"text":"hi"}"#).is_ok());
        assert_eq!(code("message", "text", "{}"), Code::EmptyText);
        assert_eq!(code("message", "text", r#"{"text":" "}"#), Code::EmptyText);
        assert_eq!(code("message", "text", r#"{"text":7}"#), Code::InvalidText);
        assert_eq!(code("message", "image", "{}"), Code::EmptyFile);
        assert_eq!(code("message", "image", r#"{"attachments":[{}]}"#), Code::InvalidMedia);
        assert_eq!(code("message", "song", "{}"), Code::InvalidType);
        assert_eq!(code("custom", "location", "{}"), Code::EmptyCustomData);
        assert_eq!(code("custom", "location", r#"{"customData":"{"}"#), Code::InvalidCustomData);
        assert_eq!(code("action", "groupMember", "{}"), Code::InvalidCategory);
        assert_eq!(code("message", "text", r#"{"text":"a","metadata":[1]}"#), Code::InvalidMetadata);
        assert_eq!(code("interactive", "poll", r#"{"interactiveData":{}}"#), Code::InvalidType);
        assert_eq!(parse("message", "custom", r#"{"customData":{}}"#).unwrap().category, Category::Custom);
    }

    #[test]
    fn sizes_of_files_are_whole_numbers() {
        let size = |size: &str| {
            let data = format!(r#"{{"attachments":[{{"url":"https://a.example/f","size":{size},"k":1.0}}]}}"#);
            let shown = parse("message", "file", &data).unwrap().data.text();
            shown.split("\"size\":").nth(1).and_then(|rest| rest.split(',').next()).unwrap().to_owned()
        };
        for (given, shown) in [("5120", "5120"), ("\"5120\"", "5120"), ("\"350.2\"", "350"), ("350.7", "350")] {
            assert_eq!(size(given), shown);
        }
        for odd in [r#""size":{}"#, r#""size":-1"#, r#""name":7"#, r#""mimeType":{}"#] {
            let data = format!(r#"{{"attachments":[{{"url":"https://a.example/f",{odd}}}]}}"#);
            assert_eq!(parse("message", "file", &data).unwrap_err().code, Code::InvalidMedia, "{odd}");
        }
        let kept = parse("message", "file", r#"{"attachments":[{"url":"u","name":null}]}"#).unwrap().data.text();
        assert_eq!(kept, r#"{"attachments":[{"url":"u"}]}"#);
        let code = |data| parse("custom", "x", data).unwrap_err().code;
        assert_eq!(code(r#"{"customData":{},"text":7}"#), Code::InvalidText);
        assert_eq!(code(r#"{"customData":{},"attachments":7}"#), Code::InvalidMedia);
    }

    #[test]
    fn what_the_server_writes_is_not_taken_from_clients() {
        let content = parse("message", "text", r#"{"text":"a","entities":{"x":1},"reactions":[],"k":1.0}"#).unwrap();
        assert_eq!(content.data.text(), r#"{"text":"a","k":1.0}"#);
        let content = parse("message", "text", r#"{"text":"a","metadata":null,"k":null}"#).unwrap();
        assert_eq!(content.data.text(), r#"{"text":"a","k":null}"#);
    }

    #[test]
    fn goals() {
        let goal = |kind: &str| Goal { kind: kind.into(), element_ids: vec!["a".into(), "b".into()] };
        let used = |ids: &[&str]| ids.iter().map(|id| id.to_string()).collect::<Vec<_>>();
        assert!(goal("anyAction").met_by(&used(&["z"])));
        assert!(goal("anyOf").met_by(&used(&["b"])) && !goal("anyOf").met_by(&used(&["z"])));
        assert!(goal("allOf").met_by(&used(&["b", "a"])) && !goal("allOf").met_by(&used(&["a"])));
        assert!(!goal("none").met_by(&used(&["a", "b"])));
    }
}

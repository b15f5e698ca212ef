//! What a test does as a user, without a client of theirs: any request on their behalf, and short words for the usual ones.

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Control, read_value};
use crate::actions::sockets::Identity;
use crate::api::gate::{Answered, Ask, Call, Inside};
use crate::live::command::{Command, obey};
use crate::model::caller::SERVER_DEVICE;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{Guid, Uid, unknown_uid};
use crate::model::nearest::nearest;
use crate::store::{Read, groups, users};

/// `/_test/as/{uid}/…`: any request of the API, as this user.
pub async fn on_behalf(control: &Control, call: &Call, rest: &str, inside: &Inside<'_>) -> Result<Answered> {
    let (uid, path) = rest.split_once('/').unwrap_or((rest, ""));
    let uid = percent_encoding::percent_decode_str(uid).decode_utf8_lossy().into_owned();
    let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
    if uid.is_empty() || path.is_empty() {
        return Err(Error::new(
            Code::ApiNotFound,
            "It is /_test/as/{uid}/{path}, with a path of the API such as messages.",
        ));
    }
    let path = format!("/{path}{query}");
    request(control, inside, &uid, (&call.method, &path), (call.kind.as_deref(), call.body.clone())).await
}

/// `body`: of what kind it is (none: JSON), and what.
async fn request(
    control: &Control,
    inside: &Inside<'_>,
    uid: &str,
    (method, path): (&str, &str),
    (kind, body): (Option<&str>, Bytes),
) -> Result<Answered> {
    // Without one, or with one that is no uid, the app itself would act.
    Uid::parse(uid).map_err(|error| Error::field("as", error.plain()))?;
    let ready = control.ready()?;
    let headers = [("appid", ready.app_id.as_str()), ("apikey", ready.api_key.as_str()), ("onbehalfof", uid)];
    let answered = inside.ask(Ask { method, path, headers: &headers, kind, body }).await;
    // Whoever does one thing after the other hears of them in this order.
    inside.api.hub.told().await;
    answered
}

/// Who is spoken to.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct To {
    to: Option<String>,
    group: Option<String>,
}

impl To {
    /// What the contract calls the receiver, and its type.
    fn receiver(&self) -> Result<(&str, &'static str)> {
        match (&self.to, &self.group) {
            (Some(uid), None) => Ok((uid, "user")),
            (None, Some(guid)) => Ok((guid, "group")),
            _ => Err(Error::field("to", "Either to, a uid, or group, a guid.")),
        }
    }
}

/// A message, by its id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct About {
    message_id: Value,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    reaction: Option<String>,
}

impl About {
    fn id(&self) -> String {
        self.message_id.as_str().map_or_else(|| self.message_id.to_string(), piece)
    }
}

/// A call, by its session.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Session {
    session_id: String,
}

/// A text that is not empty, of the field of this name.
fn required<'t>(name: &str, text: &'t str) -> Result<&'t str> {
    match text.trim().is_empty() {
        true => Err(Error::field(name, format!("The {name} field is required."))),
        false => Ok(text),
    }
}

/// A piece of a path.
fn piece(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Words there are.
const WORDS: [&str; 17] = [
    "send", "type", "deliver", "read", "edit", "delete", "react", "unreact", "call", "answer", "reject", "cancel",
    "end", "join", "leave", "block", "unblock",
];

/// Does what one word says: `{"as": "ann", "send": {"to": "bob", "text": "hi"}}`.
pub async fn act(control: &Control, asked: Value, inside: &Inside<'_>) -> Result<Answered> {
    let object = asked.as_object().ok_or_else(|| Error::new(Code::BadRequest, "The body must be a JSON object."))?;
    let uid = object.get("as").and_then(Value::as_str);
    let uid = uid.ok_or_else(|| Error::field("as", "The field as must name the user who acts."))?;
    let mut words = object.iter().filter(|(name, _)| *name != "as");
    let (Some((word, said)), None) = (words.next(), words.next()) else {
        return Err(Error::new(Code::BadRequest, format!("Beside as there must be one of: {}.", WORDS.join(", "))));
    };
    let (method, path, body) = match word.as_str() {
        "type" => return typing(control, inside, uid, said).await,
        "send" => ("POST", "/messages".to_owned(), message(said)?),
        "deliver" | "read" => {
            let about: About = read_value(said)?;
            return receipt(control, inside, uid, &about, word == "read").await;
        }
        "edit" => {
            let about: About = read_value(said)?;
            let text = about.text.as_ref().ok_or_else(|| Error::field("text", "The text field is required."))?;
            ("PUT", format!("/messages/{}", about.id()), json!({ "data": { "text": text } }))
        }
        "delete" => ("DELETE", format!("/messages/{}", read_value::<About>(said)?.id()), Value::Null),
        "react" | "unreact" => {
            let about: About = read_value(said)?;
            let reaction = about.reaction.as_deref();
            let reaction = required("reaction", reaction.unwrap_or_default())?;
            let method = if word == "react" { "POST" } else { "DELETE" };
            (method, format!("/messages/{}/reactions/{}", about.id(), piece(reaction)), Value::Null)
        }
        "call" => {
            let mut fields = said.as_object().cloned().unwrap_or_default();
            let kind = fields.remove("type").unwrap_or_else(|| json!("audio"));
            let to: To = read_value(&Value::Object(fields))?;
            let (receiver, of) = to.receiver()?;
            ("POST", "/calls".to_owned(), json!({ "receiver": receiver, "receiverType": of, "type": kind }))
        }
        "answer" | "reject" | "cancel" | "end" => {
            let Session { session_id } = read_value(said)?;
            let status = match word.as_str() {
                "answer" => "ongoing",
                "reject" => "rejected",
                "cancel" => "cancelled",
                _ => "ended",
            };
            ("PUT", format!("/calls/{}", piece(required("sessionId", &session_id)?)), json!({ "status": status }))
        }
        "join" | "leave" => {
            let to: To = read_value(said)?;
            let guid = to.group.ok_or_else(|| Error::field("group", "The group field must name a group."))?;
            let method = if word == "join" { "POST" } else { "DELETE" };
            (method, format!("/groups/{}/members", piece(required("group", &guid)?)), Value::Null)
        }
        "block" | "unblock" => {
            let to: To = read_value(said)?;
            let other = to.to.ok_or_else(|| Error::field("to", "The field to must name a user."))?;
            required("to", &other)?;
            let method = if word == "block" { "POST" } else { "DELETE" };
            (method, "/blockedusers".to_owned(), json!({ "blockedUids": [other] }))
        }
        other => {
            let near =
                nearest(other, WORDS.into_iter()).map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
            return Err(Error::field(other, format!("There is no {other:?}.{near} There are: {}.", WORDS.join(", "))));
        }
    };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    request(control, inside, uid, (method, &path), (None, body.into())).await
}

/// As the contract has it. A text alone is a text message.
fn message(said: &Value) -> Result<Value> {
    let mut fields =
        said.as_object().cloned().ok_or_else(|| Error::field("send", "The field send must be an object."))?;
    let mut to = serde_json::Map::new();
    for name in ["to", "group"] {
        to.extend(fields.remove(name).map(|value| (name.to_owned(), value)));
    }
    let to: To = read_value(&Value::Object(to))?;
    let (receiver, kind) = to.receiver()?;
    if let Some(text) = fields.remove("text") {
        fields.entry("category").or_insert_with(|| json!("message"));
        fields.entry("type").or_insert_with(|| json!("text"));
        let data = fields.entry("data").or_insert_with(|| json!({}));
        data.as_object_mut()
            .ok_or_else(|| Error::field("data", "The data must be an object."))?
            .insert("text".into(), text);
    }
    fields.insert("receiver".into(), json!(receiver));
    fields.insert("receiverType".into(), json!(kind));
    Ok(Value::Object(fields))
}

/// Up to a message, in its conversation.
async fn receipt(control: &Control, inside: &Inside<'_>, uid: &str, about: &About, read: bool) -> Result<Answered> {
    let shown =
        request(control, inside, uid, ("GET", &format!("/messages/{}", about.id())), Default::default()).await?;
    if shown.status != 200 {
        return Ok(shown);
    }
    let message: Value = serde_json::from_slice(&shown.body).map_err(|e| Error::internal("message", e))?;
    let text = |name: &str| message["data"][name].as_str().unwrap_or_default().to_owned();
    let whose = match text("receiverType").as_str() {
        "group" => format!("/groups/{}", piece(&text("receiver"))),
        _ if text("sender") == uid => format!("/users/{}", piece(&text("receiver"))),
        _ => format!("/users/{}", piece(&text("sender"))),
    };
    let path = format!("{whose}/conversation/{}", if read { "read" } else { "delivered" });
    let body = json!({ "messageId": about.message_id }).to_string();
    request(control, inside, uid, ("POST", &path), (None, body.into())).await
}

/// As a socket of theirs would say it.
async fn typing(control: &Control, inside: &Inside<'_>, uid: &str, said: &Value) -> Result<Answered> {
    let mut fields = said.as_object().cloned().unwrap_or_default();
    let ended = fields.remove("ended").unwrap_or(Value::Bool(false));
    let ended = ended.as_bool().ok_or_else(|| Error::field("ended", "The field ended must be true or false."))?;
    let to: To = read_value(&Value::Object(fields))?;
    let (receiver, kind) = to.receiver()?;
    let app = control.app(inside).await?;
    let (named, of) = (Uid::parse(uid).map_err(|error| Error::field("as", error.plain()))?, app.id);
    let user =
        inside.api.store.read(move |read| users::any(read, of, &named)).await?.ok_or_else(|| unknown_uid(uid))?;
    let (other, is_group) = (receiver.to_owned(), kind == "group");
    let find = move |read: &Read<'_>| match is_group {
        true => groups::by_guid(read, of, &Guid::from_path(&other)?).map(drop),
        false => users::any(read, of, &Uid::from_path(&other)?)?.map(drop).ok_or_else(|| unknown_uid(&other)),
    };
    inside.api.store.read(find).await?;
    let identity = Identity { app, user: user.id, uid: user.uid.as_str().into(), token: 0 };
    let action = if ended { "ended" } else { "started" };
    let frame = json!({
        "type": "typing_indicator", "receiver": receiver, "receiverType": kind, "body": { "action": action, "metadata": null }
    });
    let (text, device) = (frame.to_string(), Arc::from(SERVER_DEVICE));
    // What was committed before is told before.
    inside.api.hub.told().await;
    let context = inside.context();
    let command = Command::parse(&text, &context.limits).ok_or(Code::BadRequest)?;
    obey(context, &identity, &device, command).await;
    Ok(Answered::data(&json!({})))
}

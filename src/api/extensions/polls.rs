//! Polls, as clients ask for them: `v2/create`, `v2/vote`, `v2/results`.

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{place, word};
use crate::actions;
use crate::api::access::{Access, AsUser};
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Reply, data};
use crate::model::error::{Error, Result};
use crate::model::poll::Poll;
use crate::store::Write;

/// A question to a user or a group.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollBody {
    question: Option<String>,
    options: Option<Vec<String>>,
    receiver: Option<String>,
    receiver_type: Option<String>,
    /// The message it is an answer to.
    #[schema(value_type = Option<String>)]
    quoted_message_id: Option<Value>,
}

/// A vote. Both may come as a number or as text.
#[derive(Deserialize, ToSchema)]
pub struct VoteBody {
    /// The number of the option.
    #[schema(value_type = Option<String>)]
    vote: Option<Value>,
    /// The poll's id, or that of its message.
    #[schema(value_type = Option<String>)]
    id: Option<Value>,
}

/// Asks. A client closes its form only where `success` is said.
pub async fn create(access: Access<AsUser>) -> Result<Reply> {
    let body: PollBody = access.json()?;
    let poll = Poll::parse(body.question, body.options, access.limits())?;
    let place = place(&body.receiver_type, &body.receiver, body.quoted_message_id.as_ref())?;
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let write = move |tx: &mut Write<'_>| actions::extensions::polls::create(tx, &caller, &poll, place, &limits);
    let (message, poll) = access.store().write("polls.create", write).await?;
    Ok(data(&json!({"success": true, "id": poll.id, "messageId": message.to_string(), "poll": poll})))
}

pub async fn vote(access: Access<AsUser>) -> Result<Reply> {
    let body: VoteBody = access.json()?;
    let number = word(body.vote.as_ref()).and_then(|vote| vote.parse().ok());
    let number: i64 = number.ok_or_else(|| Error::field("vote", "The vote must be the number of an option."))?;
    let poll = word(body.id.as_ref()).ok_or_else(|| Error::field("id", "The id of the poll is missing."))?;
    let caller = access.caller().clone();
    let poll = access
        .store()
        .write("polls.vote", move |tx| actions::extensions::polls::vote(tx, &caller, &poll, number))
        .await?;
    Ok(data(&json!({"success": true, "poll": poll})))
}

pub async fn results(access: Access<AsUser>) -> Result<Reply> {
    let poll = access.query().get("id").ok_or_else(|| Error::field("id", "The id of the poll is missing."))?.to_owned();
    let caller = access.caller().clone();
    let poll = access.store().read(move |read| actions::extensions::polls::results(read, &caller, &poll)).await?;
    Ok(data(&json!({"success": true, "polls": poll})))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.body::<PollBody>("extension-create-poll").body::<VoteBody>("extension-vote-in-poll");
    let votes = json!({"type": "object", "required": ["text", "count", "voters"], "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer", "description": "All votes for it."},
        "voters": {"type": "object", "description": "The newest of those who chose it, by uid.",
                   "additionalProperties": {"type": "object", "required": ["name"], "properties": {
                       "name": {"type": "string"}, "avatar": {"type": "string"}}}},
    }});
    let results = json!({"type": "object", "required": ["total", "options"], "properties": {
        "total": {"type": "integer"}, "options": {"type": "object", "additionalProperties": votes}}});
    let poll = json!({"type": "object", "required": ["id", "question", "options", "results"], "properties": {
        "id": {"type": "string"}, "question": {"type": "string"},
        "options": {"type": "object", "additionalProperties": {"type": "string"}}, "results": results}});
    let answer = |key: &str, more: &[&str]| {
        let mut required = vec!["success", key];
        required.extend(more);
        let mut properties = json!({"success": {"type": "boolean"}, key: poll});
        for name in more {
            properties[name] = json!({"type": "string"});
        }
        json!({"type": "object", "required": required, "properties": properties})
    };
    doc.reply_as("extension-create-poll", Shape::One, "PollMade", answer("poll", &["id", "messageId"]));
    doc.reply_as("extension-vote-in-poll", Shape::One, "PollVoted", answer("poll", &[]));
    doc.reply_as("extension-poll-results", Shape::One, "PollResults", answer("polls", &[]));
}

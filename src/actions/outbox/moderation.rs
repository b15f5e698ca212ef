//! Moderation: what rules and people decided about messages.

use serde::Serialize;

use super::tell;
use crate::actions::moderation::asked::Failed;
use crate::model::caller::App;
use crate::model::error::Result;
use crate::model::message::{Category, Message, ReceiverType, as_text};
use crate::model::moderation::State;
use crate::model::moderation::rule::Condition;
use crate::model::trigger::Trigger;
use crate::store::messages::Row;
use crate::store::moderation::blocked::Blocked;
use crate::store::sight::Viewer;
use crate::store::{Write, messages, render};

/// A moderator approved the message of this row, which was hidden until now; `blocked`: which rule had hidden it and why,
/// none where people had flagged it.
pub fn approved_by_hand(tx: &mut Write<'_>, app: &App, row: &Row, blocked: Option<&Blocked>) -> Result<()> {
    #[derive(Serialize)]
    struct Approved<'b> {
        message: Message,
        moderation: Vec<Cause<'b>>,
        reviewed: bool,
    }
    tell(tx, app, Trigger::ModerationManualApproved, |tx| {
        let message = render::one(tx, row.clone(), Viewer::App)?;
        Ok(Approved { message, moderation: blocked.map(Cause::of).into_iter().collect(), reviewed: true })
    })
}

/// Why a message had been blocked.
#[derive(Serialize)]
struct Cause<'b> {
    /// `None`: it is of another release.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Met>,
    rule: Of<'b>,
}

/// A condition that was met. What people are told of it is one text here, and never missing.
#[derive(Serialize)]
struct Met {
    #[serde(flatten)]
    condition: Condition,
    message: String,
}

/// The rule it is of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Of<'b> {
    id: &'b str,
    name: &'b str,
    revision_id: &'b str,
    action: &'b [String],
    blocked_at: i64,
}

impl<'b> Cause<'b> {
    fn of(blocked: &'b Blocked) -> Self {
        let Blocked { rule_id, rule_name, revision_id, condition, action, created_at, .. } = blocked;
        let rule = Of { id: rule_id, name: rule_name, revision_id, action, blocked_at: *created_at };
        Cause { condition: serde_json::from_str(condition.get()).ok().map(Met::of), rule }
    }
}

impl Met {
    fn of(mut condition: Condition) -> Met {
        let message = match std::mem::take(&mut condition.message) {
            said if said.is_empty() => format!("A {} of: {}", condition.category.as_str(), condition.value.join(", ")),
            said => said.join(" "),
        };
        Met { condition, message }
    }
}

/// Engines gave no verdict about a message, of one kind of its content; what became of it all the same.
pub fn failed(
    tx: &mut Write<'_>,
    app: &App,
    (content_type, outcome): (&str, State),
    failures: &[Failed<'_>],
    message: impl FnOnce(&mut Write<'_>) -> Result<Message>,
) -> Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Told<'f> {
        resource: Resource,
        content_type: &'f str,
        outcome: State,
        completed_at: i64,
        failures: &'f [Failed<'f>],
    }
    tell(tx, app, Trigger::ModerationEngineFailed, |tx| {
        let message = message(tx)?;
        Ok(Told { resource: Resource::of(message), content_type, outcome, completed_at: tx.now(), failures })
    })
}

/// Which message it is about, without what it says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    #[serde(serialize_with = "as_text")]
    id: i64,
    conversation_id: String,
    sender: String,
    receiver_type: ReceiverType,
    receiver: String,
    category: Category,
    #[serde(rename = "type")]
    kind: String,
    sent_at: i64,
}

impl Resource {
    fn of(message: Message) -> Resource {
        let Message { id, conversation_id, sender, receiver_type, receiver, category, kind, sent_at, .. } = message;
        Resource { id, conversation_id, sender, receiver_type, receiver, category, kind, sent_at }
    }
}

/// Rules let the message pass, or block it.
pub fn judged(
    tx: &mut Write<'_>,
    app: &App,
    trigger: Trigger,
    message: impl FnOnce(&mut Write<'_>) -> Result<Message>,
) -> Result<()> {
    #[derive(Serialize)]
    struct Judged {
        message: Message,
    }
    tell(tx, app, trigger, |tx| Ok(Judged { message: message(tx)? }))
}

/// The message as the app sees it.
pub fn whole(tx: &Write<'_>, app: &App, message: i64) -> Result<Message> {
    render::one(tx, messages::find(tx, app.id, message)?, Viewer::App)
}

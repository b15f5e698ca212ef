//! Marking elements of an interactive message as used.

use serde_json::json;

use super::body;
use crate::model::answer::About;
use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::event::{Audience, Event};
use crate::model::json::Object;
use crate::model::message::{Category, Goal};
use crate::model::user::check_length;
use crate::store::{Write, conversations, groups, interactions, messages, users};

/// Longest element id, in characters, and most elements of one call.
const MAX_ELEMENT: usize = 100;
const MAX_ELEMENTS: usize = 100;

/// Notes the elements; repeating is harmless. The author hears of it when the user's own goal is met by this call.
pub fn mark(tx: &mut Write<'_>, caller: &Caller, id: i64, elements: &[String]) -> Result<()> {
    let row = messages::accessible(tx, caller.app.id, id, caller.viewer())?;
    if row.category != Category::Interactive || row.deleted_at.is_some() {
        return Err(Code::MessageAction.into());
    }
    if elements.is_empty() || elements.len() > MAX_ELEMENTS {
        return Err(Error::field("interactions", "The interactions must name the elements that were used."));
    }
    for element in elements {
        check_length("interactions", element, MAX_ELEMENT)?;
    }
    let data = Object::parse(&row.data).unwrap_or_default();
    let own = row.sender == caller.user;
    if own && !data.read::<bool>("allowSenderInteraction").unwrap_or(false) {
        return Err(Error::new(Code::MessageAction, "The sender may not interact with this message."));
    }
    let goal: Option<Goal> = data.read("interactionGoal");
    let met = |used: &[String]| goal.as_ref().is_some_and(|goal| goal.met_by(used));
    let names =
        |list: &[crate::model::message::Interaction]| list.iter().map(|i| i.element_id.clone()).collect::<Vec<_>>();

    let before = names(&interactions::of(tx, id, caller.user)?);
    for element in elements {
        interactions::insert(tx, id, caller.user, element)?;
    }
    let after = interactions::of(tx, id, caller.user)?;
    if met(&before) || !met(&names(&after)) {
        return Ok(());
    }
    interactions::set_met(tx, id, caller.user)?;
    let author = users::by_id(tx, row.sender)?;
    let user = users::by_id(tx, caller.user)?.entity();
    let conv = conversations::by_id(tx, row.conv)?;
    let group = groups::of_conversation(tx, &conv)?;
    let (receiver_type, receiver) = match &group {
        Some(group) => (crate::model::message::ReceiverType::Group, group.guid.as_str()),
        None => (crate::model::message::ReceiverType::User, author.uid.as_str()),
    };
    let event = Event {
        app_id: caller.app.app_id.clone(),
        kind: "interaction_completed",
        sender: caller.uid.clone(),
        receiver: receiver.into(),
        receiver_type,
        device: caller.device.clone(),
        by: caller.origin(),
        answer: None,
        about: About::message(id),
        message_sender: Some(author.uid.as_str().into()),
        body: body(&json!({"messageId": id.to_string(), "user": user, "interactions": after})),
    };
    tx.emit(Audience::users([author.id, caller.user]), event);
    Ok(())
}

//! Reminders: `v1/reminder` and `v1/fetch`.

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{message, number, word};
use crate::actions;
use crate::api::access::{Access, AsUser};
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Ack, Reply, ack, data};
use crate::model::error::{Error, Result};
use crate::model::limits::Limits;
use crate::model::reminder::About;
use crate::store::{Read, Write};

/// What to be reminded of, and when.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReminderBody {
    /// Of a reminder that is there already.
    reminder_id: Option<String>,
    /// The id of a message, or with `isCustom` any text.
    #[schema(value_type = Option<String>)]
    about: Option<Value>,
    is_custom: Option<bool>,
    /// A Unix time in milliseconds.
    #[serde(rename = "timeInMS")]
    #[schema(value_type = Option<i64>)]
    time_in_ms: Option<Value>,
}

impl ReminderBody {
    fn about(&self, limits: &Limits) -> Result<Option<About>> {
        let Some(about) = word(self.about.as_ref()) else { return Ok(None) };
        match self.is_custom.unwrap_or(false) {
            true => About::text(about, limits).map(Some),
            false => message("about", self.about.as_ref()).map(|id| Some(About::Message(id))),
        }
    }

    fn id(&self) -> Result<String> {
        let id = self.reminder_id.clone().filter(|id| !id.is_empty());
        id.ok_or_else(|| Error::field("reminderId", "The reminderId is missing."))
    }
}

pub async fn create(access: Access<AsUser>) -> Result<Reply> {
    let body: ReminderBody = access.json()?;
    let about = body.about(access.limits())?;
    let about = about.ok_or_else(|| Error::field("about", "The about field is missing."))?;
    let ms = number(body.time_in_ms.as_ref());
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let write = move |tx: &mut Write<'_>| actions::extensions::reminders::create(tx, &caller, &about, ms, &limits);
    let reminder = access.store().write("reminders.create", write).await?;
    access.api().due.notify_one();
    Ok(data(&reminder))
}

pub async fn update(access: Access<AsUser>) -> Result<Reply> {
    let body: ReminderBody = access.json()?;
    let (id, about, ms) = (body.id()?, body.about(access.limits())?, number(body.time_in_ms.as_ref()));
    if body.time_in_ms.is_some() && ms.is_none() {
        return Err(Error::field("timeInMS", "The timeInMS must be a Unix time in milliseconds."));
    }
    let caller = access.caller().clone();
    let write = move |tx: &mut Write<'_>| actions::extensions::reminders::update(tx, &caller, &id, about, ms);
    let reminder = access.store().write("reminders.update", write).await?;
    access.api().due.notify_one();
    Ok(data(&reminder))
}

pub async fn delete(access: Access<AsUser>) -> Result<Reply> {
    let body: ReminderBody = access.json()?;
    let (id, caller) = (body.id()?, access.caller().clone());
    let write = move |tx: &mut Write<'_>| actions::extensions::reminders::delete(tx, &caller, &id);
    access.store().write("reminders.delete", write).await?;
    Ok(ack("The reminder has been deleted."))
}

pub async fn fetch(access: Access<AsUser>) -> Result<Reply> {
    let (caller, limits) = (access.caller().clone(), access.limits().clone());
    let list = move |read: &Read<'_>| actions::extensions::reminders::list(read, &caller, &limits);
    Ok(data(&access.store().read(list).await?))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    for operation in ["extension-create-reminder", "extension-update-reminder", "extension-delete-reminder"] {
        doc.body::<ReminderBody>(operation);
    }
    let reminder = json!({"type": "object", "required": ["reminderId", "about", "isCustom", "timeInMS", "createdAt"],
        "properties": {
            "reminderId": {"type": "string"}, "about": {"type": ["integer", "string"]}, "isCustom": {"type": "boolean"},
            "timeInMS": {"type": "integer"}, "createdAt": {"type": "integer"}}});
    doc.reply_as("extension-create-reminder", Shape::One, "Reminder", reminder.clone());
    doc.reply_as("extension-update-reminder", Shape::One, "Reminder", reminder.clone());
    doc.reply_as("extension-list-reminders", Shape::List, "Reminder", reminder);
    doc.reply::<Ack>("extension-delete-reminder", Shape::One);
}

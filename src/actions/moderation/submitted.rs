//! Messages that an app asks about: whoever it names is made, rules judge it, and nobody hears of it but the app.
//!
//! What rules say is all that comes of it. Nothing is done to its sender, and it is in no queue of moderators: whoever asks
//! decides what to make of the answer.

use super::judge::{self, Judged};
use crate::actions::{imports, messages as sent, outbox};
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::flags;
use crate::model::group;
use crate::model::ids::{SYSTEM_UID, unknown_uid};
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::message::{Content, Message, Party, Receiver};
use crate::model::moderation::engine::Asking;
use crate::model::moderation::submitted::Submission;
use crate::model::moderation::{Sides, State, To};
use crate::model::trigger::Trigger;
use crate::model::user::{User, conversation_name};
use crate::store::messages::Row;
use crate::store::moderation::pending;
use crate::store::moderation::submitted::{self as rows, Submitted};
use crate::store::{Read, Write, groups, render, users};

/// Judges a message. One that was submitted before, with the same muid between the same two, is not judged again.
pub fn submit(tx: &mut Write<'_>, caller: &Caller, submission: Submission, limits: &Limits) -> Result<Message> {
    let app = &caller.app;
    for user in submission.users {
        imports::user(tx, app, user)?;
    }
    if let Some(group) = submission.group {
        imports::group(tx, app, group)?;
    }
    let person = |read: &Read<'_>, uid| {
        let found = users::any(read, app.id, uid)?.filter(|user| user.id != app.system_user);
        found.map(|user| user.id).ok_or_else(|| unknown_uid(uid.as_str()))
    };
    let sender = person(tx, &submission.sender)?;
    let to = match &submission.receiver {
        Receiver::User(uid) => To::User(person(tx, uid)?),
        Receiver::Group(guid) => To::Group(groups::by_guid(tx, app.id, guid)?.id),
    };
    let sides = Sides { sender, to };
    if let Some(muid) = &submission.muid
        && let Some(first) = rows::of_muid(tx, sides, muid)?
    {
        return show(tx, first);
    }
    let Content { category, kind, data } = submission.content;
    let judged = judge::weigh(tx, app.id, &sides, (category, &kind, &data))?;
    let mut new = Submitted {
        id: 0,
        sides,
        category,
        kind,
        state: judged.state(),
        data: data.text(),
        tags: submission.tags,
        muid: submission.muid,
        sent_at: submission.sent_at.unwrap_or(tx.now()),
        updated_at: tx.now(),
        edited_at: None,
    };
    new.id = rows::insert(tx, app.id, &new, limits.submitted_messages)?;
    told(tx, app, new, &judged)
}

/// Shows it, and tells outside what became of it: as of a message that is sent. Engines are asked, if they are to be.
fn told(tx: &mut Write<'_>, app: &App, submitted: Submitted, judged: &Judged) -> Result<Message> {
    let (id, state) = (submitted.id, submitted.state);
    let message = show(tx, submitted)?;
    let trigger = match state {
        State::Approved => Trigger::ModerationEngineApproved,
        State::Disapproved => Trigger::ModerationEngineBlocked,
        State::Pending => {
            pending::insert(tx, app.id, id, judged.asks())?;
            return Ok(message);
        }
    };
    outbox::moderation::judged(tx, app, trigger, |_| Ok(message.clone()))?;
    Ok(message)
}

/// Engines have answered about one that waits (what was asked, and what is met); what becomes of it, and the message.
pub(super) fn settle(
    tx: &mut Write<'_>,
    app: &App,
    submitted: Submitted,
    answers: (&[Asking], &[Asking]),
) -> Result<(State, Message)> {
    let data = Object::parse(&submitted.data).unwrap_or_default();
    let content = (submitted.category, submitted.kind.as_str(), &data);
    let judged = judge::judge_with(tx, app.id, &submitted.sides, content, answers)?;
    let state = judged.state();
    rows::set_state(tx, submitted.id, state)?;
    let message = told(tx, app, Submitted { state, ..submitted }, &judged)?;
    Ok((state, message))
}

/// Replaces keys of its data, and judges what it says now.
pub fn edit(tx: &mut Write<'_>, caller: &Caller, id: i64, given: Object, limits: &Limits) -> Result<Message> {
    let was = rows::find(tx, caller.app.id, id)?;
    if was.state == State::Pending {
        return Err(Error::new(
            Code::MessageAction,
            "An engine is being asked about it: edit it when that has answered.",
        ));
    }
    let stored = Object::parse(&was.data).unwrap_or_default();
    let mut content = Content { category: was.category, kind: was.kind, data: stored };
    for (key, value) in sent::strip(given).0 {
        content.data.set(&key, value);
    }
    content.check(limits)?;
    let what = (content.category, content.kind.as_str(), &content.data);
    let judged = judge::weigh(tx, caller.app.id, &was.sides, what)?;
    rows::update(tx, id, &content.data.text(), judged.state())?;
    let now = rows::find(tx, caller.app.id, id)?;
    told(tx, &caller.app, now, &judged)
}

pub fn delete(tx: &Write<'_>, app: i64, id: i64) -> Result<()> {
    rows::find(tx, app, id)?;
    rows::delete(tx, id)
}

/// One as messages are shown, with its sides as they are now.
pub fn show(read: &Read<'_>, submitted: Submitted) -> Result<Message> {
    let sender = users::by_id(read, submitted.sides.sender)?.in_message();
    let (conversation, receiver) = match submitted.sides.to {
        To::User(user) => {
            let user = users::by_id(read, user)?.in_message();
            let name = conversation_name(&sender.uid, &user.uid);
            let user = User { conversation_id: Some(name.clone()), ..user };
            (name, Party::User(user))
        }
        To::Group(group) => {
            let group = groups::by_id(read, group)?.in_message();
            (group::conversation_name(&group.guid), Party::Group(group))
        }
    };
    let row = Row {
        id: submitted.id,
        conv: 0,
        sender: submitted.sides.sender,
        category: submitted.category,
        kind: submitted.kind,
        data: submitted.data,
        subject: None,
        sent_at: submitted.sent_at,
        updated_at: submitted.updated_at,
        edited_at: submitted.edited_at,
        edited_by: submitted.edited_at.map(|_| SYSTEM_UID.to_owned()),
        deleted_at: None,
        deleted_by: None,
        parent: None,
        quoted: None,
        reply_count: 0,
        last_reply_at: None,
        tags: submitted.tags,
        resource: None,
        muid: submitted.muid,
        seq: 0,
        pinned_at: None,
        pinned_by: None,
        flags: flags::of_state(submitted.state),
    };
    Ok(render::fresh(row, &conversation, sender, receiver))
}

/// What a list is narrowed by, as it is asked for.
#[derive(Default)]
pub struct Narrow {
    pub sender: Option<String>,
    pub receiver_uid: Option<String>,
    pub receiver_guid: Option<String>,
}

/// No row is of it: nobody has the name that was asked for.
const NOBODY: i64 = -1;

impl Narrow {
    /// The filter with the row ids of those who are named.
    pub fn resolve(&self, read: &Read<'_>, caller: &Caller, filter: rows::Filter) -> Result<rows::Filter> {
        use crate::model::ids::{Guid, Uid};
        let app = caller.app.id;
        let user = |uid: &Option<String>| -> Result<Option<i64>> {
            let Some(uid) = uid else { return Ok(None) };
            let found = users::any(read, app, &Uid::from_path(uid)?)?;
            Ok(Some(found.map_or(NOBODY, |user| user.id)))
        };
        let group = match &self.receiver_guid {
            None => None,
            Some(guid) => match groups::by_guid(read, app, &Guid::from_path(guid)?) {
                Err(Error { code: Code::GuidNotFound, .. }) => Some(NOBODY),
                found => Some(found?.id),
            },
        };
        Ok(rows::Filter { sender: user(&self.sender)?, user: user(&self.receiver_uid)?, group, ..filter })
    }
}

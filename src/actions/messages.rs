//! Sending, editing and deleting messages.

use super::moderation::judge::{Judged, judge};
use super::standing::{permit, permit_rank, standing};
use super::{Outcome, Outcomes, moderation, outbox, tell_message, tell_of};
use crate::model::attachment::keep_urls;
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::extension::{injected, keep_injected};
use crate::model::flags;
use crate::model::ids::Uid;
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::mention::Named;
use crate::model::message::{Category, Content, Data, Draft, Entities, Message, Party, Receiver, Sent, Subject};
use crate::model::moderation::said::says_the_same;
use crate::model::permission::Act;
use crate::model::role::Contact;
use crate::model::trigger::Trigger;
use crate::model::user::User;
use crate::store::conversations::Conv;
use crate::store::messages::{self, Edited, Row};
use crate::store::{Read, Write, attachments, conversations, friends, groups, mentions, render, sight, threads, users};

/// Sends a message. A retry (same sender, receiver and muid) gets the first one back and announces nothing.
pub fn send(tx: &mut Write<'_>, caller: &Caller, draft: Draft) -> Result<Sent> {
    send_with(tx, caller, draft, |_, _| Ok(()))
}

/// The same for a message that has more to it than its row: `more` writes that before anybody hears of the message.
pub(super) fn send_with(
    tx: &mut Write<'_>,
    caller: &Caller,
    draft: Draft,
    more: impl FnOnce(&mut Write<'_>, &mut Row) -> Result<()>,
) -> Result<Sent> {
    caller.role.may_send(draft.receiver.kind(), &draft.content)?;
    let sender = users::by_id(tx, caller.user)?.in_message();
    let act = if draft.parent.is_some() { Act::Reply } else { Act::Send };
    let (conv, receiver) = open(tx, caller, &sender, &draft.receiver, act)?;
    let parent = draft.parent.map(|parent| parent_of(tx, caller, parent, &conv)).transpose()?;
    if let Some(quoted) = draft.quoted {
        let quoted = messages::find(tx, caller.app.id, quoted)?;
        if quoted.conv != conv.id {
            return Err(Error::new(Code::MessageNoAccess, "The quoted message is in another conversation."));
        }
        if !sight::sees(tx, caller.viewer().into(), &quoted)? {
            return Err(Error::new(Code::MessageNoAccess, "You do not see the quoted message any more."));
        }
    }
    let Content { category, kind, mut data } = draft.content;
    let mentions = mentions::resolve(tx, caller.app.id, &conv, &Named::in_data(&data))?;
    let files = keep_urls(&mut data, &caller.app.app_id);
    if !files.is_empty() {
        super::extensions::thumbnails::put_in(tx, &caller.app, &kind, &mut data)?;
    }
    let judged = judge(tx, caller, &conv, (category, &kind, &data))?;
    let new = messages::New {
        sender: sender.id,
        category,
        kind: &kind,
        data: data.text(),
        subject: None,
        parent: draft.parent,
        quoted: draft.quoted,
        tags: draft.tags,
        resource: caller.session(),
        muid: draft.muid.clone(),
        mentions: mentions.clone(),
        flags: judged.flags(),
    };
    let Some(mut row) = messages::insert(tx, caller.app.id, &conv, new)? else {
        let first = first_sent(tx, caller, draft.muid.as_deref().unwrap_or_default(), &conv)?;
        return Ok(first.ok_or(Code::Internal)?);
    };
    more(tx, &mut row)?;
    let shows = row.flags & flags::SILENT == 0 && !judged.is_hidden();
    conversations::touch(tx, &conv, row.id, sender.id, true, shows)?;
    if let Some(parent) = parent.as_ref().filter(|_| !judged.is_hidden()) {
        threads::add_reply(tx, parent, sender.id)?;
        for user in mentions.iter().filter(|user| **user != mentions::EVERYBODY) {
            threads::follow(tx, *user, parent.id, true)?;
        }
    }
    if !files.is_empty() {
        attachments::show_in(tx, caller.app.id, row.id, &files)?;
    }
    if judged.is_hidden() {
        return moderation::hide(tx, caller, &conv, row, &judged);
    }
    let id = row.id;
    // What needs no look-up is not looked up: this is the path every message takes.
    let sent = if row.quoted.is_none() && mentions.is_empty() && row.flags & flags::POLL == 0 {
        let message = render::fresh(row, &conv.name, sender, receiver);
        let sent = tell_message(tx, caller, conv.audience(), message);
        outbox::messages::sent_as(tx, &caller.app, &sent)?;
        sent
    } else {
        outbox::messages::sent(tx, &caller.app, &row, &mentions)?;
        tell_of(tx, caller, &row, "message", Sent::of)?
    };
    moderation::passed(tx, caller, &conv, id, &judged)?;
    Ok(sent)
}

/// What a retry is answered with: the message that the caller sent to this conversation with this muid, if there is one.
pub fn first_sent(read: &Read<'_>, caller: &Caller, muid: &str, conv: &Conv) -> Result<Option<Sent>> {
    let Some(first) = messages::by_muid(read, caller.user, muid, conv.id)? else { return Ok(None) };
    if !sight::sees(read, caller.viewer().into(), &first)? {
        return Err(Error::new(Code::MessageNoAccess, "You sent this before and have deleted it for yourself since."));
    }
    Ok(Some(Sent::of(render::one(read, first, caller.viewer())?)))
}

/// The newest message that the caller gave this muid and still sees.
pub fn of_muid(read: &Read<'_>, caller: &Caller, muid: &str) -> Result<Row> {
    let mut refused = Code::MessageNotFound;
    for row in messages::of_muid(read, caller.user, muid)? {
        if sight::sees(read, caller.viewer().into(), &row)? {
            return Ok(row);
        }
        refused = Code::MessageNoAccess;
    }
    Err(refused.into())
}

/// Sends the same message to several receivers; each has a result of its own, by uid or guid. With a muid each message
/// has its own, so that a retry is harmless here as well.
pub fn send_to_all(tx: &mut Write<'_>, caller: &Caller, draft: &Draft, receivers: Vec<Receiver>) -> Result<Outcomes> {
    let mut outcomes = Outcomes::default();
    for receiver in receivers {
        let name = receiver.name().to_owned();
        let muid = draft.muid.as_ref().map(|muid| format!("{muid}:{}:{name}", receiver.kind().as_str()));
        let draft = Draft { receiver, muid, ..draft.clone() };
        let outcome = match tx.attempt(|tx| send(tx, caller, draft))? {
            Ok(sent) => Outcome::Announced(sent),
            Err(error) => Outcome::Refused(error),
        };
        outcomes.0.push((name, outcome));
    }
    Ok(outcomes)
}

/// The conversation with this receiver and the receiver as its other side, if the caller may do `act` there.
pub fn open(
    tx: &mut Write<'_>,
    caller: &Caller,
    sender: &User,
    receiver: &Receiver,
    act: Act,
) -> Result<(Conv, Party)> {
    match receiver {
        Receiver::User(uid) => {
            let contact = if matches!(act, Act::Call { .. }) { Contact::Call } else { Contact::Message };
            let user = reachable(tx, caller, sender, uid, contact)?;
            let conv = conversations::of_pair(tx, &caller.app, sender, &user)?;
            let user = User { conversation_id: Some(conv.name.clone()), ..user.in_message() };
            Ok((conv, Party::User(user)))
        }
        Receiver::Group(guid) => {
            let group = groups::by_guid(tx, caller.app.id, guid)?;
            permit(tx, caller, &group, act)?;
            let conv = conversations::by_id(tx, group.conv)?;
            Ok((conv, Party::Group(group.in_message())))
        }
    }
}

/// The user, if nothing stands between him and the sender: blocks, or what the sender's role may not.
pub fn reachable(read: &Read<'_>, caller: &Caller, sender: &User, uid: &Uid, contact: Contact) -> Result<User> {
    let user = users::person(read, &caller.app, uid)?;
    if caller.person && user.id != sender.id {
        super::blocks::check(read, caller, user.id)?;
        caller.role.may_reach(contact, &user.role, || friends::are(read, sender.id, user.id))?;
    }
    Ok(user)
}

/// The message that a reply hangs on.
fn parent_of(read: &Read<'_>, caller: &Caller, parent: i64, conv: &Conv) -> Result<Row> {
    let parent = messages::find(read, caller.app.id, parent)?;
    if parent.conv != conv.id {
        return Err(Code::WrongThread.into());
    }
    if !sight::sees(read, caller.viewer().into(), &parent)? {
        return Err(Code::MessageNoAccess.into());
    }
    if parent.parent.is_some() {
        return Err(Code::ThreadNesting.into());
    }
    if !parent.category.counts() {
        return Err(Code::ThreadCategory.into());
    }
    Ok(parent)
}

/// What an edit may bring: keys of `data` to replace, and tags.
pub struct Edit {
    pub data: Object,
    pub tags: Option<Vec<String>>,
}

/// Edits a message; the answer is an action message that holds the message as it is now.
pub fn edit(tx: &mut Write<'_>, caller: &Caller, id: i64, edit: Edit, limits: &Limits) -> Result<Sent> {
    let row = changeable(tx, caller, id, Change::Edit)?;
    if row.deleted_at.is_some() || row.flags & flags::DISAPPROVED != 0 {
        return Err(Code::MessageAction.into());
    }
    let mut content =
        Content { category: row.category, kind: row.kind.clone(), data: Object::parse(&row.data).unwrap_or_default() };
    // The same checks and the same keys left out as on sending.
    let injected = injected(&content.data);
    let mut given = strip(edit.data);
    if row.flags & flags::POLL != 0 {
        // What was voted on stays what was asked.
        given.remove("customData");
    }
    let files_given = given.get("attachments").is_some() || given.get("url").is_some();
    for (key, value) in given.0 {
        content.data.set(&key, value);
    }
    // Clients send back the metadata they were shown; what extensions said stays theirs.
    keep_injected(&mut content.data, injected);
    super::extensions::previews::refresh(&mut content.data);
    content.check(limits)?;
    let conv = conversations::by_id(tx, row.conv)?;
    super::blocks::check_in(tx, caller, &conv)?;
    let mentions = mentions::resolve(tx, caller.app.id, &conv, &Named::in_data(&content.data))?;
    let files = keep_urls(&mut content.data, &caller.app.app_id);
    if files_given {
        super::extensions::thumbnails::put_in(tx, &caller.app, &row.kind, &mut content.data)?;
    }
    let before = outbox::messages::named(tx, &caller.app, id)?;
    // What was let pass stays so, also by a moderator, where it says the same.
    let stays = row.flags & flags::APPROVED != 0
        && Object::parse(&row.data).is_some_and(|was| says_the_same(&was, &content.data));
    let judged = match stays {
        true => Judged::default(),
        false => judge(tx, caller, &conv, (row.category, &row.kind, &content.data))?,
    };
    let edited = Edited { data: content.data.text(), tags: edit.tags, mentions };
    messages::edit(tx, &row, &edited, &caller.uid)?;
    if files_given {
        attachments::show_only(tx, caller.app.id, id, &files)?;
    }
    if judged.is_hidden() {
        moderation::hide_edited(tx, caller, &conv, &row, &judged)?;
        if outbox::is_told(tx, caller.app.id, Trigger::UserMentioned)? {
            mentions::owe(tx, id, &before)?;
        }
        return announce(tx, caller, row, Change::Edit);
    }
    let sent = announce(tx, caller, row, Change::Edit)?;
    moderation::passed(tx, caller, &conv, id, &judged)?;
    outbox::messages::mentioned(tx, &caller.app, id, &before, &edited.mentions)?;
    Ok(sent)
}

/// Without what only the server writes.
pub(super) fn strip(mut data: Object) -> Object {
    for key in crate::model::message::SERVER_KEYS {
        data.remove(key);
    }
    data
}

/// Deletes a message: its content, or (`permanent`) every trace.
pub fn delete(tx: &mut Write<'_>, caller: &Caller, id: i64, permanent: bool) -> Result<Sent> {
    let row = changeable(tx, caller, id, Change::Delete)?;
    if row.deleted_at.is_some() && !permanent {
        return Err(Code::MessageAction.into());
    }
    if row.deleted_at.is_none() {
        messages::mark_deleted(tx, &row, &caller.uid)?;
    }
    let sent = announce(tx, caller, row.clone(), Change::Delete)?;
    if permanent {
        messages::erase(tx, &row)?;
    }
    Ok(sent)
}

/// The message, if the caller may delete it and it is still there.
pub(super) fn deletable(tx: &Write<'_>, caller: &Caller, id: i64) -> Result<Row> {
    let row = changeable(tx, caller, id, Change::Delete)?;
    match row.deleted_at {
        None => Ok(row),
        Some(_) => Err(Code::MessageAction.into()),
    }
}

/// What is done to a message that stands already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Edit,
    Delete,
}

/// The message, if the caller may change it: his own, or the group allows him.
fn changeable(tx: &Write<'_>, caller: &Caller, id: i64, change: Change) -> Result<Row> {
    let row = messages::accessible(tx, caller.app.id, id, caller.viewer())?;
    if !row.category.counts() {
        return Err(Code::MessageAction.into());
    }
    if !caller.person {
        return Ok(row);
    }
    let own = row.sender == caller.user;
    let group = groups::of_conversation(tx, &conversations::by_id(tx, row.conv)?)?;
    let rank = match &group {
        Some(group) => standing(tx, caller, group)?,
        None => None,
    };
    let scope = rank.map(|rank| rank.scope());
    match change {
        Change::Edit => caller.role.may_edit(scope)?,
        Change::Delete => caller.role.may_delete(scope)?,
    }
    let act = match (change, own) {
        (Change::Edit, true) => Act::EditOwn,
        (Change::Edit, false) => Act::EditOthers,
        (Change::Delete, true) => Act::DeleteOwn,
        (Change::Delete, false) => Act::DeleteOthers,
    };
    match (group, rank) {
        (Some(group), Some(rank)) => permit_rank(caller, &group, rank, act)?,
        _ if own => {}
        _ => return Err(Code::NotASender.into()),
    }
    Ok(row)
}

/// Announces what was done to a message. Such an action has an id but is not stored: it says nothing that the message
/// does not say itself.
pub(super) fn announce(tx: &mut Write<'_>, caller: &Caller, row: Row, change: Change) -> Result<Sent> {
    let (id, by) = (messages::spend_id(tx)?, users::by_id(tx, caller.user)?.in_message());
    let (row, now) = (messages::find(tx, caller.app.id, row.id)?, tx.now());
    let (trigger, action) = match change {
        Change::Edit => (Trigger::MessageEdited, "edited"),
        Change::Delete => (Trigger::MessageDeleted, "deleted"),
    };
    let act = |message| act_on(message, (id, now), by.clone(), action);
    // Outside it is told when it is seen again.
    if change == Change::Delete || row.flags & flags::DISAPPROVED == 0 {
        outbox::messages::changed(tx, &caller.app, trigger, &row, act)?;
    }
    tell_of(tx, caller, &row, "message", |message| Sent::of(act(message)))
}

/// Tells those outside of an edit that was hidden until now.
pub(super) fn edited_outside(tx: &mut Write<'_>, app: &App, row: &Row) -> Result<()> {
    let editor = row.edited_by.as_deref().and_then(|uid| Uid::parse(uid).ok());
    let editor = editor.map(|uid| users::ever(tx, app.id, &uid)).transpose()?.flatten();
    // Whoever edited it may be gone.
    let by = editor.map_or_else(|| users::by_id(tx, app.system_user), Ok)?.in_message();
    let (id, now) = (messages::spend_id(tx)?, row.edited_at.unwrap_or_else(|| tx.now()));
    let act = |message| act_on(message, (id, now), by, "edited");
    outbox::messages::changed(tx, app, Trigger::MessageEdited, row, act)
}

/// The action message that tells what somebody did to a message.
fn act_on(message: Message, (id, at): (i64, i64), by: User, action: &str) -> Message {
    let to = match &message.data.entities {
        Entities::Sides { receiver, .. } => receiver.clone(),
        Entities::Act { to, .. } => to.clone(),
    };
    Message {
        id,
        muid: None,
        conversation_id: message.conversation_id.clone(),
        sender: by.uid.clone(),
        receiver_type: to.kind(),
        receiver: to.name().to_owned(),
        category: Category::Action,
        kind: "message".to_owned(),
        sent_at: at,
        updated_at: at,
        parent_id: message.parent_id,
        data: Data::of(
            serde_json::json!({ "action": action }).to_string(),
            Entities::Act { by, on: Some(Subject::Message(Box::new(message))), to },
        ),
        edited_at: None,
        edited_by: None,
        deleted_at: None,
        deleted_by: None,
        reply_count: None,
        quoted_message_id: None,
        quoted_message: None,
        tags: None,
        delivered_at: None,
        read_at: None,
        my_receipt: None,
        receipts: None,
        pinned_at: None,
        pinned_by: None,
        saved_at: None,
        interactions: None,
        thread_subscribed: None,
    }
}

/// Where the viewer reads in the conversation with this id; `None`: there is none, or none of his.
pub fn readable_by_name(read: &Read<'_>, caller: &Caller, name: &str) -> Result<Option<(i64, i64)>> {
    let Some(conv) = conversations::by_name(read, caller.app.id, name, caller.viewer())? else { return Ok(None) };
    match caller.viewer() {
        None => Ok(Some((conv.id, 0))),
        Some(viewer) => Ok(conversations::copy_of(read, conv.id, viewer)?.map(|copy| (conv.id, copy.hidden_id))),
    }
}

/// Where the viewer reads: the conversation with this user or group, if he may.
pub fn readable(read: &Read<'_>, caller: &Caller, receiver: &Receiver) -> Result<Option<(i64, i64)>> {
    match receiver {
        Receiver::Group(guid) => {
            let group = groups::by_guid(read, caller.app.id, guid)?;
            standing(read, caller, &group)?;
            let hidden = match caller.viewer() {
                Some(viewer) => conversations::copy_of(read, group.conv, viewer)?.map_or(0, |copy| copy.hidden_id),
                None => 0,
            };
            Ok(Some((group.conv, hidden)))
        }
        Receiver::User(uid) => {
            let copy = super::conversations::with_user(read, caller, uid)?;
            Ok(copy.map(|copy| (copy.conv.id, copy.hidden_id)))
        }
    }
}

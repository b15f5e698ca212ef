//! One user's copy of a conversation: marks, tags, deletion.

use serde_json::json;

use super::receipts::mark;
use crate::model::answer::About;
use crate::model::caller::Caller;
use crate::model::conversation::Conversation;
use crate::model::error::{Code, Error, Result};
use crate::model::event::{Audience, Event};
use crate::model::ids::{SYSTEM_UID, Uid, shown};
use crate::model::limits::Limits;
use crate::model::message::{Message, Party, Receiver};
use crate::model::user::conversation_name;
use crate::store::conversations::{self as rows, Conv, Copy, Kind};
use crate::store::receipts;
use crate::store::{Read, Write, app_pins, groups, mentions, messages, purge, render, sight, users};

/// The caller's copy of his conversation with this user or group, or the refusal.
pub fn copy(read: &Read<'_>, caller: &Caller, with: &Receiver) -> Result<Copy> {
    let copy = match with {
        Receiver::User(uid) => with_user(read, caller, uid)?,
        Receiver::Group(guid) => {
            let group = groups::by_guid(read, caller.app.id, guid)?;
            super::groups::standing(read, caller, &group)?;
            rows::copy_of(read, group.conv, caller.user)?
        }
    };
    copy.ok_or_else(|| {
        let sentence = format!("There is no conversation with the {} {}.", with.kind().as_str(), shown(with.name()));
        Error::new(Code::ConversationNotAccessible, sentence)
    })
}

/// The caller's copy of his conversation with this user; `None`: they never spoke. What one has one keeps, whatever became
/// of the other: a conversation that is listed can be opened. Anybody else must be there.
pub fn with_user(read: &Read<'_>, caller: &Caller, uid: &Uid) -> Result<Option<Copy>> {
    if let Some(peer) = users::ever(read, caller.app.id, uid)?
        && let Some(conv) = rows::between(read, caller.user, peer.id)?
        && let Some(copy) = rows::spoken(read, conv.id, caller.user)?
    {
        return Ok(Some(copy));
    }
    users::person(read, &caller.app, uid).map(|_| None)
}

/// Marks it delivered or read. A conversation that does not exist yet has nothing to mark.
pub fn mark_as(
    tx: &mut Write<'_>,
    caller: &Caller,
    with: &Receiver,
    kind: receipts::Kind,
    upto: Option<i64>,
) -> Result<()> {
    match copy(tx, caller, with) {
        Ok(copy) => mark(tx, caller, &copy, kind, upto),
        Err(error) if error.code == Code::ConversationNotAccessible => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes `from` and everything after it unread again. What others were told stays told.
pub fn mark_unread(tx: &mut Write<'_>, caller: &Caller, with: &Receiver, from: i64) -> Result<Conversation> {
    let named = match with {
        // The Ionic client 4.0 names the receiver of the message, which is who marks it.
        Receiver::User(uid) if *uid.as_str() == *caller.uid => None,
        _ => Some(copy(tx, caller, with)?),
    };
    let row = messages::accessible(tx, caller.app.id, from, Some(caller.user))?;
    let copy = match named {
        Some(copy) => copy,
        None => rows::copy_of(tx, row.conv, caller.user)?.ok_or(Code::MessageNoAccess)?,
    };
    if row.conv != copy.conv.id {
        return Err(Code::MessageNoAccess.into());
    }
    let total = row.seq - i64::from(row.category.counts());
    rows::set_read(tx, &copy.conv, caller.user, from - 1, total)?;
    show(tx, caller, rows::copy_of(tx, row.conv, caller.user)?.ok_or(Code::MessageNoAccess)?)
}

pub fn set_tags(
    tx: &mut Write<'_>,
    caller: &Caller,
    with: &Receiver,
    tags: Option<Vec<String>>,
) -> Result<Conversation> {
    let found = copy(tx, caller, with)?;
    rows::set_tags(tx, found.conv.id, caller.user, tags)?;
    let mut shown = show(tx, caller, copy(tx, caller, with)?)?;
    shown.tags.get_or_insert_default();
    Ok(shown)
}

/// Removes the caller's copy: what was said so far is gone for him, the other side keeps it. With `erase` the messages
/// of a one-on-one conversation go for both; a group's belong to all its members and stay. With `in_place` it comes back
/// where it was.
pub fn reset(tx: &mut Write<'_>, caller: &Caller, with: &Receiver, erase: bool, in_place: bool) -> Result<String> {
    let copy = copy(tx, caller, with)?;
    if erase && let Kind::Pair(..) = copy.conv.kind {
        super::blocks::check_in(tx, caller, &copy.conv)?;
        purge::empty(tx, &copy.conv)?;
        return Ok(copy.conv.name);
    }
    // What is hidden from them now was not said yet: it may still come.
    let (upto, total) = messages::at_or_before(tx, copy.conv.id, i64::MAX, Some(caller.user))?.unwrap_or_default();
    rows::reset(tx, &copy, upto, in_place)?;
    if upto > 0 {
        rows::set_read(tx, &copy.conv, caller.user, upto, total)?;
    }
    Ok(copy.conv.name)
}

/// The caller's copy of the conversation with this id, for the two old calls that name one.
pub fn by_name(read: &Read<'_>, caller: &Caller, name: &str) -> Result<Copy> {
    let unknown =
        || Error::new(Code::ConversationNotFound, format!("The conversation id {} does not exist.", shown(name)));
    let conv = rows::by_name(read, caller.app.id, name, Some(caller.user))?.ok_or_else(unknown)?;
    rows::spoken(read, conv.id, caller.user)?.ok_or_else(unknown)
}

/// Takes the conversation out of everybody's list, with all that was said so far.
pub fn delete(tx: &mut Write<'_>, caller: &Caller, name: &str) -> Result<String> {
    let copy = by_name(tx, caller, name)?;
    super::blocks::check_in(tx, caller, &copy.conv)?;
    rows::reset_all(tx, &copy.conv)?;
    Ok(copy.conv.name)
}

/// Pins the conversation in the caller's list, or unpins it. Again: nothing happens. His devices hear of it.
pub fn pin(tx: &mut Write<'_>, caller: &Caller, with: &Receiver, on: bool, limits: &Limits) -> Result<Conversation> {
    let old = copy(tx, caller, with)?;
    if old.pinned_by_app {
        return Err(Code::AppPinned.into());
    }
    if old.pinned_at.is_some() == on {
        return show(tx, caller, old);
    }
    if on && rows::pins_of(tx, caller.user)? >= limits.pins {
        return Err(over(Code::PinsLimit, limits.pins));
    }
    rows::set_pinned(tx, old.conv.id, caller.user, on)?;
    let conversation = show(tx, caller, copy(tx, caller, with)?)?;
    let (kind, action) = if on { ("conversation_pinned", "pinned") } else { ("conversation_unpinned", "unpinned") };
    let event = Event {
        app_id: caller.app.app_id.clone(),
        kind,
        sender: caller.uid.clone(),
        receiver: conversation.conversation_with.name().into(),
        receiver_type: conversation.conversation_type,
        device: caller.device.clone(),
        by: caller.origin(),
        answer: None,
        about: About::default(),
        message_sender: None,
        body: super::body(&json!({"action": action, "conversation": conversation})),
    };
    tx.emit(Audience::users([caller.user]), event);
    super::outbox::messages::conversation_pinned(tx, caller, on, &conversation)?;
    Ok(conversation)
}

fn over(code: Code, limit: i64) -> Error {
    Error::over(code, "pinned conversations", limit)
}

/// What an app names to be pinned.
#[derive(Clone, Debug)]
pub enum ToPin {
    /// By its conversationId.
    Conversation(String),
    With(Receiver),
}

/// Replaces what the app pins for everybody. Lists show it from now on; nobody is told.
pub fn set_app_pins(tx: &mut Write<'_>, caller: &Caller, asked: &[ToPin], limits: &Limits) -> Result<()> {
    if asked.len() > limits.app_pins {
        return Err(over(Code::AppPinsLimit, limits.app_pins as i64));
    }
    let mut seen = Vec::new();
    let mut pins = Vec::new();
    for one in asked {
        let (key, pin) = match one {
            ToPin::Conversation(name) => {
                let conv = rows::by_name(tx, caller.app.id, name, None)?.ok_or_else(|| {
                    Error::new(
                        Code::ConversationNotFound,
                        format!("The conversation id {} does not exist.", shown(name)),
                    )
                })?;
                (conv.name.clone(), whole(conv))
            }
            ToPin::With(Receiver::Group(guid)) => {
                let conv = rows::by_id(tx, groups::by_guid(tx, caller.app.id, guid)?.conv)?;
                (conv.name.clone(), whole(conv))
            }
            ToPin::With(Receiver::User(uid)) => {
                let user = users::person(tx, &caller.app, uid)?;
                (format!(" {}", user.uid), app_pins::Of::Peer(user.id))
            }
        };
        if seen.contains(&key) {
            let sentence = format!("The conversation with {} is given twice.", key.trim());
            return Err(Error::field("pinnedConversations", sentence));
        }
        seen.push(key);
        pins.push(pin);
    }
    app_pins::set(tx, caller.app.id, &pins)
}

fn whole(conv: Conv) -> app_pins::Of {
    app_pins::Of::Conversation { conv, created_at: 0, updated_at: 0 }
}

/// What the app pins for everybody, as the app sees it: a one-on-one conversation under the second of its two users, and
/// everybody's with one user as the app's own with them.
pub fn app_pins(read: &Read<'_>, caller: &Caller) -> Result<Vec<Conversation>> {
    let shown = app_pins::list(read, caller.app.id)?.into_iter().map(|pin| {
        let (with, conv, (created_at, updated_at)) = match pin.of {
            app_pins::Of::Peer(user) => (Party::User(users::by_id(read, user)?), None, (pin.pinned_at, pin.pinned_at)),
            app_pins::Of::Conversation { conv, created_at, updated_at } => {
                let with = match conv.kind {
                    Kind::Group(group) => Party::Group(groups::by_id(read, group)?),
                    Kind::Pair(a, b) => {
                        let (a, b) = (users::by_id(read, a)?, users::by_id(read, b)?);
                        Party::User(if a.uid > b.uid { a } else { b })
                    }
                };
                (with, Some(conv), (created_at, updated_at))
            }
        };
        let last_id = conv.as_ref().map_or(0, |conv| conv.last_id);
        let preview = conv.as_ref().map_or(0, |conv| conv.preview_id);
        Ok(Conversation {
            conversation_id: conv.map_or_else(|| conversation_name(SYSTEM_UID, with.name()), |conv| conv.name),
            conversation_type: with.kind(),
            unread_message_count: 0,
            unread_mentions_count: 0,
            last_read_message_id: None,
            latest_message_id: (last_id > 0).then_some(last_id),
            last_message: last_message(read, caller, preview, None)?,
            conversation_with: with,
            tags: None,
            pinned_at: Some(pin.pinned_at),
            pinned_by: Some(SYSTEM_UID.to_owned()),
            created_at,
            updated_at,
        })
    });
    shown.collect()
}

fn last_message(read: &Read<'_>, caller: &Caller, id: i64, viewer: Option<i64>) -> Result<Option<Message>> {
    if id == 0 {
        return Ok(None);
    }
    match messages::find(read, caller.app.id, id) {
        Ok(row) if row.deleted_at.is_some() || !sight::sees(read, viewer.into(), &row)? => Ok(None),
        Ok(row) => render::one(read, row, viewer).map(Some),
        Err(error) if error.code == Code::MessageNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Message `id`, or the newest before it that is not hidden from the viewer: of one that is, not even the id is told.
fn not_hidden(read: &Read<'_>, copy: &Copy, id: i64, viewer: i64) -> Result<Option<i64>> {
    // Mostly it is the one that shows as the last one, or one before that.
    if id > copy.conv.preview_id && sight::is_hidden_from(read, id, viewer)? {
        return Ok(messages::at_or_before(read, copy.conv.id, id, Some(viewer))?.map(|(id, _)| id));
    }
    Ok(Some(id).filter(|id| *id > 0))
}

/// The copy as the contract shows it to its owner, who need not be the caller.
pub fn show(read: &Read<'_>, caller: &Caller, copy: Copy) -> Result<Conversation> {
    let viewer = users::by_id(read, copy.user)?;
    let with = match copy.conv.kind {
        Kind::Group(group) => Party::Group(groups::seen_by(read, groups::by_id(read, group)?, viewer.id)?),
        Kind::Pair(..) => {
            let peer = users::by_id(read, copy.conv.peer(viewer.id).unwrap_or(viewer.id))?;
            Party::User(users::seen_by(read, peer, &viewer)?)
        }
    };
    let last = match copy.conv.preview_id {
        id if id > copy.hidden_id => last_message(read, caller, id, Some(viewer.id))?,
        _ => None,
    };
    Ok(Conversation {
        latest_message_id: not_hidden(read, &copy, copy.conv.last_id, viewer.id)?,
        last_read_message_id: not_hidden(read, &copy, copy.read_id, viewer.id)?,
        unread_mentions_count: mentions::unread(read, viewer.id, copy.conv.id, copy.read_id)?,
        conversation_id: copy.conv.name,
        conversation_type: with.kind(),
        unread_message_count: copy.unread,
        last_message: last,
        conversation_with: with,
        tags: copy.tags,
        pinned_at: copy.pinned_at,
        pinned_by: copy.pinned_at.map(|_| if copy.pinned_by_app { SYSTEM_UID.to_owned() } else { viewer.uid }),
        created_at: copy.created_at,
        updated_at: copy.updated_at,
    })
}

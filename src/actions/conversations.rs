//! One user's copy of a conversation: marks, tags, deletion.

use super::receipts::mark;
use crate::model::caller::Caller;
use crate::model::conversation::Conversation;
use crate::model::error::Result;
use crate::model::message::{Party, Receiver, ReceiverType};
use crate::store::conversations::{self as rows, Copy, Kind};
use crate::store::receipts;
use crate::store::{Read, Write, groups, messages, users};

/// The caller's copy of his conversation with this user or group, or the refusal.
pub fn copy(read: &Read<'_>, caller: &Caller, with: &Receiver) -> Result<Copy> {
    let name = match with {
        Receiver::User(uid) => {
            let peer = users::person(read, &caller.app, uid)?;
            crate::model::user::conversation_name(&caller.uid, &peer.uid)
        }
        Receiver::Group(guid) => {
            let group = groups::by_guid(read, caller.app.id, guid)?;
            super::groups::standing(read, caller, &group)?;
            group.conversation_id
        }
    };
    rows::accessible(read, caller.app.id, &name, caller.user)
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
        Err(error) if error.code == crate::model::Code::ConversationNotAccessible => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes `from` and everything after it unread again. What others were told stays told.
pub fn mark_unread(tx: &mut Write<'_>, caller: &Caller, with: &Receiver, from: i64) -> Result<Conversation> {
    let copy = copy(tx, caller, with)?;
    let row = messages::accessible(tx, caller.app.id, from, Some(caller.user))?;
    if row.conv != copy.conv.id {
        return Err(crate::model::Code::MessageNoAccess.into());
    }
    let total = row.seq - i64::from(row.category.counts());
    rows::set_read(tx, &copy.conv, caller.user, from - 1, total)?;
    show(tx, caller, self::copy(tx, caller, with)?)
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

/// Removes the caller's copy: what was said so far is gone for him, the other side keeps it.
pub fn reset(tx: &mut Write<'_>, caller: &Caller, with: &Receiver) -> Result<String> {
    let copy = copy(tx, caller, with)?;
    rows::reset(tx, &copy.conv, caller.user)?;
    rows::set_read(tx, &copy.conv, caller.user, copy.conv.last_id, copy.conv.total)?;
    Ok(copy.conv.name)
}

/// The copy as the contract shows it.
pub fn show(read: &Read<'_>, caller: &Caller, copy: Copy) -> Result<Conversation> {
    let with = match copy.conv.kind {
        Kind::Group(group) => Party::Group(groups::seen_by(read, groups::by_id(read, group)?, caller.user)?),
        Kind::Pair(..) => {
            let viewer = users::by_id(read, caller.user)?;
            let peer = users::by_id(read, copy.conv.peer(caller.user).unwrap_or(caller.user))?;
            Party::User(users::seen_by(read, peer, &viewer)?)
        }
    };
    let last = match copy.conv.last_id {
        id if id > copy.hidden_id => match messages::find(read, caller.app.id, id) {
            Ok(row) => Some(messages::show_one(read, row, caller.viewer())?),
            Err(error) if error.code == crate::model::Code::MessageNotFound => None,
            Err(error) => return Err(error),
        },
        _ => None,
    };
    Ok(Conversation {
        conversation_id: copy.conv.name,
        conversation_type: if matches!(with, Party::Group(_)) { ReceiverType::Group } else { ReceiverType::User },
        unread_message_count: copy.unread,
        unread_mentions_count: 0,
        last_read_message_id: (copy.read_id > 0).then_some(copy.read_id),
        latest_message_id: (copy.conv.last_id > 0).then_some(copy.conv.last_id),
        last_message: last,
        conversation_with: with,
        tags: copy.tags,
        pinned_at: copy.pinned_at,
        pinned_by: copy.pinned_at.map(|_| caller.uid.to_string()),
        created_at: copy.created_at,
        updated_at: copy.updated_at,
    })
}

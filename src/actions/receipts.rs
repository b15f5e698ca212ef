//! Marking messages as delivered and read. A mark covers everything before it.

use serde_json::json;

use super::body;
use super::outbox::{self, receipts::Receipt};
use crate::model::answer::About;
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::event::{Audience, Event};
use crate::model::message::ReceiverType;
use crate::model::user::User;
use crate::store::conversations::{Conv, Copy, Kind as ConvKind};
use crate::store::receipts::{self, Kind};
use crate::store::sight::Viewer;
use crate::store::{Write, conversations, groups, messages, sight, users};

/// How far back the "everybody has it" notice looks for further authors when one mark covers many messages.
const AUTHORS_WITHIN: i64 = 200;

/// How many replies in threads are looked at behind the newest message outside of them: reading that one covers them.
const REPLIES_WITHIN: i64 = 500;

/// Moves the caller's mark in a conversation up to message `upto` (`None`: the newest). Older than the mark: nothing
/// happens, so repeating is harmless. The authors hear of it, and the caller's other devices.
pub fn mark(tx: &mut Write<'_>, caller: &Caller, copy: &Copy, kind: Kind, upto: Option<i64>) -> Result<()> {
    let conv = &copy.conv;
    if let Some(id) = upto {
        let row = messages::find(tx, caller.app.id, id)?;
        if sight::is_hidden(&row, Viewer::User(caller.user)) {
            return Err(messages::unknown(id));
        }
        if row.conv != conv.id {
            return Err(Error::new(Code::MessageNotFound, format!("The message id {id} is not in this conversation.")));
        }
    }
    let wanted = upto.unwrap_or(i64::MAX);
    let newest = messages::at_or_before(tx, conv.id, wanted, Some(caller.user))?;
    let Some((mut upto, mut total)) = newest else { return Ok(()) };
    if kind == Kind::Read
        && upto < conv.last_id
        && let Some(end) = messages::past_replies(tx, conv.id, caller.user, upto, REPLIES_WITHIN)?
    {
        (upto, total) = end;
    }
    let old = match kind {
        Kind::Read => copy.read_id,
        Kind::Delivered => copy.delivered_id,
    };
    if upto <= old {
        return Ok(());
    }
    match kind {
        Kind::Read => conversations::set_read(tx, conv, caller.user, upto, total)?,
        Kind::Delivered => conversations::set_delivered(tx, conv.id, caller.user, upto)?,
    }
    // Their own unread messages are counted anew; that they were here, the other does not learn across a block.
    if super::blocks::is_parted(tx, caller, conv)? {
        return Ok(());
    }
    receipts::insert(tx, conv.id, caller.user, kind, upto)?;
    let me = users::by_id(tx, caller.user)?.entity();
    // Each author hears of his newest message that the mark covers.
    for (author, message) in messages::authors_between(tx, conv.id, old, upto, AUTHORS_WITHIN)? {
        if author != caller.user {
            tell(tx, caller, conv, &me, (author, message), word(kind))?;
        }
    }
    if let ConvKind::Group(_) = conv.kind {
        if kind == Kind::Read && upto > copy.delivered_id {
            all(tx, caller, conv, &me, Kind::Delivered, (copy.delivered_id, upto))?;
        }
        all(tx, caller, conv, &me, kind, (old, upto))?;
    }
    Ok(())
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Delivered => "delivered",
        Kind::Read => "read",
    }
}

/// Tells each author whose message everybody else now has.
fn all(
    tx: &mut Write<'_>,
    caller: &Caller,
    conv: &Conv,
    me: &User,
    kind: Kind,
    (after, upto): (i64, i64),
) -> Result<()> {
    let action = match kind {
        Kind::Delivered => "deliveredToAll",
        Kind::Read => "readByAll",
    };
    let last = receipts::last(tx, conv.id, kind)?;
    for (author, _) in messages::authors_between(tx, conv.id, after, upto, AUTHORS_WITHIN)? {
        // Others may be behind the author's newest message and past an older one.
        let least = last.but(author).filter(|least| *least > after && author != caller.user);
        let Some(least) = least else { continue };
        let newest = messages::newest_of(tx, conv.id, author, (after, least.min(upto)), AUTHORS_WITHIN)?;
        if let Some(message) = newest {
            receipts::insert(tx, conv.id, receipts::ALL, kind, message)?;
            tell(tx, caller, conv, me, (author, message), action)?;
        }
    }
    Ok(())
}

/// The user is out of the group, or deactivated, with these marks: nobody waits for them any more, so what all others
/// have read is now read by all.
pub fn no_longer_awaited(tx: &mut Write<'_>, app: &App, copy: &Copy) -> Result<()> {
    let me = users::as_known(tx, copy.user)?.entity();
    let caller = Caller::of(app.clone(), me.id, &me.uid);
    let end = copy.conv.last_id;
    for (kind, mark) in [(Kind::Delivered, copy.delivered_id), (Kind::Read, copy.read_id)] {
        if mark < end {
            all(tx, &caller, &copy.conv, &me, kind, (mark, end))?;
        }
    }
    Ok(())
}

/// As `no_longer_awaited`, for up to `most` groups, from after group `after` on, of a user who was deactivated; these groups.
pub fn no_longer_awaited_in(tx: &mut Write<'_>, app: &App, user: i64, after: i64, most: i64) -> Result<Vec<i64>> {
    let some = groups::some_of_user(tx, user, after, most)?;
    for &group in &some {
        let conv = groups::by_id(tx, group)?.conv;
        if let Some(copy) = conversations::copy_of(tx, conv, user)? {
            no_longer_awaited(tx, app, &copy)?;
        }
    }
    Ok(some)
}

fn tell(
    tx: &mut Write<'_>,
    caller: &Caller,
    conv: &Conv,
    me: &User,
    (author, message): (i64, i64),
    action: &str,
) -> Result<()> {
    // Who is out of the group, or has deleted the message for themselves, hears nothing of it.
    let hears = conversations::hidden_of(tx, conv.id, author)?.is_some_and(|upto| upto < message);
    let audience = Audience::users(if hears { vec![author, caller.user] } else { vec![caller.user] });
    let author = users::by_id(tx, author)?;
    let group = groups::of_conversation(tx, conv)?;
    let receiver = group.as_ref().map_or(author.uid.as_str(), |group| group.guid.as_str());
    let receiver_type = if group.is_some() { ReceiverType::Group } else { ReceiverType::User };
    let told = Receipt { action, by: me, author: &author.uid, message, receiver, receiver_type };
    outbox::receipts::marked(tx, &caller.app, &told)?;
    let event = Event {
        app_id: caller.app.app_id.clone(),
        kind: "receipts",
        sender: caller.uid.clone(),
        receiver: receiver.into(),
        receiver_type,
        device: caller.device.clone(),
        by: caller.origin(),
        answer: None,
        about: About::message(message),
        message_sender: Some(author.uid.as_str().into()),
        body: body(&json!({"action": action, "messageId": message.to_string(), "user": me, "timestamp": tx.now()})),
    };
    tx.emit(audience, event);
    Ok(())
}

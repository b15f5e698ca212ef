//! Flagging messages, reviewing what was flagged or blocked, and the reasons users can give.

pub mod asked;
pub mod judge;
pub mod rules;
pub mod submitted;

use serde::Serialize;
use utoipa::ToSchema;

use super::{outbox, tell_message_as, tell_of};
use crate::model::caller::Caller;
use crate::model::error::{Code, Error, Result};
use crate::model::flags;
use crate::model::ids::shown;
use crate::model::json::Raw;
use crate::model::limits::Limits;
use crate::model::message::{Message, Sent};
use crate::model::moderation::rule::Condition;
use crate::model::moderation::{Flag, Reason, State, Verdict};
use crate::model::trigger::Trigger;
use crate::store::conversations::Conv;
use crate::store::messages::Row;
use crate::store::moderation::blocked::{self, Blocked};
use crate::store::moderation::{self as rows, Flagged, pending};
use crate::store::sight::{self, Hearing, Viewer};
use crate::store::{Read, Write, blocks, conversations, mentions, messages, render, threads};
use judge::Judged;

/// Flags a message for a review; it stays visible until then.
pub fn flag(tx: &Write<'_>, caller: &Caller, id: i64, reason: &str, remark: Option<&str>) -> Result<()> {
    let row = messages::accessible(tx, caller.app.id, id, caller.viewer())?;
    if !row.category.counts() || row.deleted_at.is_some() {
        return Err(Code::MessageAction.into());
    }
    if rows::find_reason(tx, caller.app.id, reason)?.is_none() {
        return Err(Error::field("reasonId", format!("There is no reason {}.", shown(reason))));
    }
    rows::flag(tx, caller.app.id, id, caller.user, reason, remark)
}

/// Decides about a flagged message, and may decide otherwise later. Its conversation hears of it: who must not read it any
/// more is told which one it is and nothing of what it says.
pub fn review(tx: &mut Write<'_>, caller: &Caller, id: i64, verdict: Verdict) -> Result<Sent> {
    let row = messages::find(tx, caller.app.id, id)?;
    if !rows::is_flagged(tx, id)? {
        return Err(Error::new(Code::MessageNotFound, format!("The message id {id} was not flagged.")));
    }
    let was_hidden = row.flags & flags::DISAPPROVED != 0;
    if was_hidden && verdict == Verdict::Approved && row.deleted_at.is_none() {
        let blocked = blocked::find(tx, id)?.filter(|blocked| !blocked.is_approved());
        if blocked.is_some() || row.flags & flags::PENDING != 0 {
            return approve(tx, caller, row, blocked.as_ref());
        }
    }
    // Those who saw it until now are to take it away.
    let hearing = sight::hearing(tx, &conversations::by_id(tx, row.conv)?, &row)?;
    rows::set_verdict(tx, &row, verdict)?;
    let row = messages::find(tx, caller.app.id, id)?;
    if was_hidden && verdict == Verdict::Approved {
        take_last_place(tx, &row)?;
        // Nobody but people had a word in it.
        outbox::moderation::approved_by_hand(tx, &caller.app, &row, None)?;
    }
    if verdict == Verdict::Disapproved {
        take_away(tx, caller, hearing, &row)?;
    }
    tell_of(tx, caller, &row, MODERATED, Sent::of)?;
    Ok(Sent::of(render::one(tx, row, Viewer::App)?))
}

/// Tells those who saw the message until now, and may not any more, which one it is and nothing of what it says.
fn take_away(tx: &mut Write<'_>, caller: &Caller, saw: Hearing, row: &Row) -> Result<()> {
    let shell = render::shell(render::one(tx, row.clone(), Viewer::All)?);
    tell_message_as(tx, caller, saw.everybody().except(row.sender), MODERATED, shell);
    Ok(())
}

/// The message is stored, and rules block it, or engines are to be asked about it: its sender hears of it, and what became of
/// it, and nobody else.
pub(super) fn hide(tx: &mut Write<'_>, caller: &Caller, conv: &Conv, row: Row, judged: &Judged) -> Result<Sent> {
    let sent = tell_of(tx, caller, &row, "message", Sent::of)?;
    match judged.asks() {
        [] => verdict(tx, caller, conv, &row, judged)?,
        asks => pending::insert(tx, caller.app.id, row.id, asks)?,
    }
    Ok(sent)
}

/// The same of what a message says since it was edited: who saw it does not any more.
pub(super) fn hide_edited(tx: &mut Write<'_>, caller: &Caller, conv: &Conv, row: &Row, judged: &Judged) -> Result<()> {
    let saw = sight::hearing(tx, conv, row)?;
    match judged.asks() {
        [] => rows::set_verdict(tx, row, Verdict::Disapproved)?,
        asks => {
            rows::suspend(tx, row)?;
            pending::insert(tx, caller.app.id, row.id, asks)?;
        }
    }
    let row = messages::find(tx, caller.app.id, row.id)?;
    take_away(tx, &judge::app_itself(&caller.app), saw, &row)?;
    match judged.asks() {
        [] => verdict(tx, caller, conv, &row, judged),
        _ => Ok(()),
    }
}

/// Notes that rules block the message, tells its sender, and does what else they say.
fn verdict(tx: &mut Write<'_>, caller: &Caller, conv: &Conv, row: &Row, judged: &Judged) -> Result<()> {
    // Also the session that sent it: what clients call the verdict comes after the answer, from the server.
    let app = Caller { answer: caller.answer.clone(), ..judge::app_itself(&caller.app) };
    tell_of(tx, &app, row, MODERATED, Sent::of)?;
    let whole = |tx: &mut Write<'_>| outbox::moderation::whole(tx, &caller.app, row.id);
    outbox::moderation::judged(tx, &caller.app, Trigger::ModerationEngineBlocked, whole)?;
    judged.carry_out(tx, caller, conv, row.id)
}

/// The message was sent or edited, and everybody was told; where rules let it pass, what else they say is done.
pub(super) fn passed(tx: &mut Write<'_>, caller: &Caller, conv: &Conv, message: i64, judged: &Judged) -> Result<()> {
    if !judged.is_approved() {
        return Ok(());
    }
    let whole = |tx: &mut Write<'_>| outbox::moderation::whole(tx, &caller.app, message);
    outbox::moderation::judged(tx, &caller.app, Trigger::ModerationEngineApproved, whole)?;
    judged.carry_out(tx, caller, conv, message)
}

/// A message that rules blocked, and why.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BlockedMessage)]
pub struct BlockedShown {
    pub message: Message,
    rule_id: String,
    rule_name: String,
    revision_id: String,
    #[schema(value_type = Condition)]
    condition: Raw,
    action: Vec<String>,
    created_at: i64,
    updated_at: i64,
    /// `rejected`, where a moderator has looked at it and left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
}

/// A blocked message, as those who review see it.
pub fn show_blocked(read: &Read<'_>, caller: &Caller, blocked: Blocked) -> Result<BlockedShown> {
    let message = render::one(read, messages::find(read, caller.app.id, blocked.message)?, Viewer::App)?;
    let Blocked { rule_id, rule_name, revision_id, condition, action, created_at, updated_at, status, .. } = blocked;
    Ok(BlockedShown { message, rule_id, rule_name, revision_id, condition, action, created_at, updated_at, status })
}

/// Decides about a message that rules blocked. One that is approved is delivered now; its sender hears of that.
pub fn review_blocked(tx: &mut Write<'_>, caller: &Caller, id: i64, approved: bool) -> Result<()> {
    let row = messages::find(tx, caller.app.id, id)?;
    let blocked = blocked::find(tx, id)?.filter(|_| row.flags & flags::DISAPPROVED != 0 && row.deleted_at.is_none());
    let Some(blocked) = blocked else {
        return Err(Error::new(Code::MessageNotFound, format!("The message id {id} is not blocked.")));
    };
    if !approved {
        return blocked::set_status(tx, id, "rejected");
    }
    approve(tx, caller, row, Some(&blocked)).map(drop)
}

/// A moderator lets pass what a rule blocked, or what an engine is being asked about: everybody else is told of it as of a new message, and its sender that it was
/// approved. What was there until an edit made it blocked all are told of as of a review.
fn approve(tx: &mut Write<'_>, caller: &Caller, row: Row, blocked: Option<&Blocked>) -> Result<Sent> {
    if is_across_a_block(tx, &conversations::by_id(tx, row.conv)?, &row)? {
        let sentence = "A block stands between the two: nothing passes while it lasts.";
        return Err(Error::new(Code::BlockedReceiver, sentence));
    }
    blocked::set_status(tx, row.id, "approved")?;
    let row = release(tx, caller, &row)?;
    outbox::moderation::approved_by_hand(tx, &caller.app, &row, blocked)?;
    Ok(Sent::of(render::one(tx, row, Viewer::App)?))
}

/// Whether one of the two blocked the other since the message was sent.
fn is_across_a_block(read: &Read<'_>, conv: &Conv, row: &Row) -> Result<bool> {
    conv.peer(row.sender).map_or(Ok(false), |peer| blocks::between(read, row.sender, peer))
}

/// A hidden message is seen by all from now on, and all hear of it; so do those outside.
fn release(tx: &mut Write<'_>, caller: &Caller, row: &Row) -> Result<Row> {
    rows::set_verdict(tx, row, Verdict::Approved)?;
    let row = messages::find(tx, caller.app.id, row.id)?;
    appear(tx, &row)?;
    if row.edited_at.is_some() {
        tell_of(tx, caller, &row, MODERATED, Sent::of)?;
        super::messages::edited_outside(tx, &caller.app, &row)?;
        let told = mentions::settle(tx, row.id)?;
        outbox::messages::mentioned(tx, &caller.app, row.id, &told, &mentions::of_message(tx, row.id)?)?;
    } else {
        deliver(tx, caller, &row)?;
        // Outside it was never told that it is there. What an edit made hidden was told before.
        let named = outbox::messages::named(tx, &caller.app, row.id)?;
        outbox::messages::sent(tx, &caller.app, &row, &named)?;
    }
    Ok(row)
}

fn deliver(tx: &mut Write<'_>, caller: &Caller, row: &Row) -> Result<()> {
    let conv = conversations::by_id(tx, row.conv)?;
    let Hearing { audience, unquoted } = sight::hearing(tx, &conv, row)?;
    let message = render::one(tx, row.clone(), Viewer::All)?;
    let bare = Message { quoted_message: None, ..message.clone() };
    let unquoted: Vec<i64> = unquoted.into_iter().filter(|user| *user != row.sender).collect();
    if !unquoted.is_empty() {
        tell_message_as(tx, caller, audience.only(unquoted), "message", bare);
    }
    tell_message_as(tx, caller, audience.clone().except(row.sender), "message", message.clone());
    tell_message_as(tx, caller, audience.only([row.sender]), MODERATED, message);
    Ok(())
}

/// What a message does when it is sent, and one that rules blocked does when everybody sees it: it is the last of its
/// conversation, if none after it is, and whom it makes follow its thread follow it.
fn appear(tx: &Write<'_>, row: &Row) -> Result<()> {
    if row.deleted_at.is_some() {
        return Ok(());
    }
    take_last_place(tx, row)?;
    let Some(parent) = row.parent else { return Ok(()) };
    threads::join(tx, parent, row.sender)?;
    for user in mentions::of_message(tx, row.id)?.into_iter().filter(|user| *user != mentions::EVERYBODY) {
        threads::join(tx, parent, user)?;
    }
    threads::join_starter(tx, parent)
}

/// The message is the last one of its conversation, if it shows as such and none after it is.
fn take_last_place(tx: &Write<'_>, row: &Row) -> Result<()> {
    match row.flags & flags::SILENT == 0 && row.deleted_at.is_none() {
        true => conversations::show(tx, row.conv, row.id),
        false => Ok(()),
    }
}

/// The frame that tells of a review.
const MODERATED: &str = "on_moderation_status_changed";

/// Who flagged a message, and why.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flags {
    flagged_by: Vec<Flag>,
    flagged_count: usize,
    app_id: String,
}

/// A message that waits for a review.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FlaggedMessage)]
pub struct FlaggedShown {
    #[serde(flatten)]
    pub message: Message,
    #[serde(flatten)]
    flags: Flags,
}

/// A message that was reviewed. No rule did it: people flagged it and somebody looked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReviewedMessage)]
pub struct ReviewedShown {
    pub message: Message,
    /// What was done about it: `blockMessage` if it was disapproved, nothing if not.
    action: Vec<&'static str>,
    /// When it was first flagged.
    created_at: i64,
    /// When it was reviewed.
    updated_at: i64,
    /// Of a disapproved one: when, as a decimal whose fraction ends with the id, so that each is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_at: Option<String>,
    #[serde(flatten)]
    flags: Flags,
}

fn flags(read: &Read<'_>, caller: &Caller, id: i64) -> Result<Flags> {
    let flagged_by = rows::flags_on(read, id)?;
    Ok(Flags { flagged_count: flagged_by.len(), flagged_by, app_id: caller.app.app_id.to_string() })
}

/// A flagged message with its flags, as those who review see it.
pub fn show(read: &Read<'_>, caller: &Caller, flagged: &Flagged) -> Result<FlaggedShown> {
    let message = render::one(read, messages::find(read, caller.app.id, flagged.message)?, Viewer::App)?;
    Ok(FlaggedShown { message, flags: flags(read, caller, flagged.message)? })
}

/// A reviewed message with what became of it.
pub fn show_reviewed(read: &Read<'_>, caller: &Caller, flagged: &Flagged) -> Result<ReviewedShown> {
    let message = render::one(read, messages::find(read, caller.app.id, flagged.message)?, Viewer::App)?;
    let flags = flags(read, caller, flagged.message)?;
    let updated_at = flagged.reviewed_at.unwrap_or(message.updated_at);
    let blocked = message.data.moderation == Some(State::Disapproved);
    Ok(ReviewedShown {
        action: if blocked { vec!["blockMessage"] } else { Vec::new() },
        created_at: flags.flagged_by.first().map_or(updated_at, |flag| flag.flagged_at),
        updated_at,
        blocked_at: blocked.then(|| format!("{updated_at}.{:015}", message.id)),
        message,
        flags,
    })
}

pub fn reason(read: &Read<'_>, app: i64, id: &str) -> Result<Reason> {
    rows::find_reason(read, app, id)?
        .ok_or_else(|| Error::new(Code::ReasonNotFound, format!("The reason {} does not exist.", shown(id))))
}

pub fn create_reason(
    tx: &Write<'_>,
    app: i64,
    id: &str,
    name: &str,
    description: Option<&str>,
    limits: &Limits,
) -> Result<Reason> {
    let known = rows::reasons(tx, app)?;
    if known.iter().any(|reason| reason.id == id) {
        return Err(Error::new(Code::ReasonExists, format!("The reason {id} exists already.")));
    }
    if known.len() >= limits.reasons {
        return Err(Error::over(Code::QuotaRestriction, "reasons", limits.reasons));
    }
    rows::insert_reason(tx, app, id, name, description)?;
    reason(tx, app, id)
}

pub fn update_reason(
    tx: &Write<'_>,
    app: i64,
    id: &str,
    name: Option<&str>,
    description: Option<&str>,
) -> Result<Reason> {
    reason(tx, app, id)?;
    rows::update_reason(tx, app, id, name, description)?;
    reason(tx, app, id)
}

/// Flags that gave it keep its id.
pub fn delete_reason(tx: &Write<'_>, app: i64, id: &str) -> Result<()> {
    reason(tx, app, id)?;
    rows::delete_reason(tx, app, id)
}

//! Receipts: each author whose message a mark covers is one event, as on the sockets.

use serde::Serialize;

use super::tell;
use crate::model::caller::App;
use crate::model::error::Result;
use crate::model::message::{ReceiverType, as_text};
use crate::model::trigger::Trigger;
use crate::model::user::{Status, User};
use crate::store::Write;

/// What was marked, and whose mark it is.
pub struct Receipt<'a> {
    /// `delivered`, `read`, `deliveredToAll` or `readByAll`.
    pub action: &'a str,
    pub by: &'a User,
    /// uid
    pub author: &'a str,
    pub message: i64,
    pub receiver: &'a str,
    pub receiver_type: ReceiverType,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    receiver: &'a str,
    receiver_type: ReceiverType,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    sender: &'a str,
    message_sender: &'a str,
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    action: &'a str,
    #[serde(serialize_with = "as_text")]
    message_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Reader<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
}

/// Whose mark it is, in the words of clients.
#[derive(Serialize)]
struct Reader<'a> {
    uid: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<&'a str>,
    status: &'a str,
}

/// A mark was set. That all have a message says nothing of the one whose mark was the last: who it was is chance.
pub fn marked(tx: &mut Write<'_>, app: &App, receipt: &Receipt<'_>) -> Result<()> {
    let Receipt { action, by, author, message, receiver, receiver_type } = *receipt;
    let (trigger, alone) = match action {
        "delivered" => (Trigger::MessageDeliveryReceipt, true),
        "read" => (Trigger::MessageReadReceipt, true),
        "deliveredToAll" => (Trigger::MessageDeliveredToAll, false),
        _ => (Trigger::MessageReadByAll, false),
    };
    let status = if by.status == Status::Available { "online" } else { "offline" };
    let user = Reader { uid: &by.uid, name: &by.name, avatar: by.avatar.as_deref(), status };
    tell(tx, app, trigger, |tx| {
        let (user, timestamp) = (alone.then_some(user), alone.then(|| tx.now()));
        Ok(Told {
            receiver,
            receiver_type,
            kind: alone.then_some("receipts"),
            sender: &by.uid,
            message_sender: author,
            body: Body { action, message_id: message, user, timestamp },
        })
    })
}

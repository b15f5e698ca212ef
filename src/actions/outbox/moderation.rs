//! Moderation: what rules and people decided about messages.

use serde::Serialize;

use super::tell;
use crate::model::caller::App;
use crate::model::error::Result;
use crate::model::message::Message;
use crate::model::trigger::Trigger;
use crate::store::messages::Row;
use crate::store::sight::Viewer;
use crate::store::{Write, messages, render};

/// A moderator approved the message of this row, which was hidden until now; `causes`: which rules had hidden it and why,
/// none where people had flagged it.
pub fn approved_by_hand(tx: &mut Write<'_>, app: &App, row: &Row, causes: &[impl Serialize]) -> Result<()> {
    #[derive(Serialize)]
    struct Approved<'a, T> {
        message: Message,
        moderation: &'a [T],
        reviewed: bool,
    }
    tell(tx, app, Trigger::ModerationManualApproved, |tx| {
        let message = render::one(tx, row.clone(), Viewer::App)?;
        Ok(Approved { message, moderation: causes, reviewed: true })
    })
}

/// Rules let the message pass, or block it.
pub fn judged(tx: &mut Write<'_>, app: &App, trigger: Trigger, message: i64) -> Result<()> {
    #[derive(Serialize)]
    struct Judged {
        message: Message,
    }
    tell(tx, app, trigger, |tx| {
        let row = messages::find(tx, app.id, message)?;
        Ok(Judged { message: render::one(tx, row, Viewer::App)? })
    })
}

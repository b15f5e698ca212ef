//! Moderation: what rules and people decided about messages.

use serde::Serialize;

use super::tell;
use crate::model::caller::App;
use crate::model::error::Result;
use crate::model::message::Message;
use crate::model::trigger::Trigger;
use crate::store::messages::Row;
use crate::store::sight::Viewer;
use crate::store::{Write, render};

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

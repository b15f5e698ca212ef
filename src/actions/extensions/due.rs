//! Does what has become due, a few things a write.

use crate::model::error::Result;
use crate::model::limits::Limits;
use crate::store::extensions::due::{self, Due, What};
use crate::store::{Write, apps};

/// Things done in one write: some milliseconds of the writer's time.
const PIECE: i64 = 50;

/// Does some of what is due, each for itself: one that cannot be done any more is passed over. Whether there may be more.
pub fn sweep(tx: &mut Write<'_>, limits: &Limits) -> Result<bool> {
    let ready = due::ready(tx, PIECE)?;
    for due in &ready {
        due::forget(tx, due.id)?;
        if let Err(error) = tx.attempt(|tx| fall(tx, due, limits))? {
            log::debug!("what was due is not there any more: {error}");
        }
    }
    Ok(ready.len() as i64 == PIECE)
}

fn fall(tx: &mut Write<'_>, due: &Due, limits: &Limits) -> Result<()> {
    // With its app everything of it has gone.
    let Some(app) = apps::by_id(tx, due.app)? else { return Ok(()) };
    match &due.what {
        What::Disappear(message) => super::disappearing::fall(tx, app, *message),
        What::Remind(reminder) => super::reminders::fall(tx, app.clone(), due.user, reminder, &app.limits(limits)),
    }
}

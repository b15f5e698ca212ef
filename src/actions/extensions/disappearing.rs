//! Messages that are deleted at a time their sender names.

use crate::actions::messages;
use crate::model::caller::{App, Caller};
use crate::model::error::Result;
use crate::model::limits::Limits;
use crate::model::reminder::Moment;
use crate::store::Write;
use crate::store::extensions::due;

/// Has the message deleted then, if the caller may delete it. Named again, the time is another one.
pub fn schedule(tx: &mut Write<'_>, caller: &Caller, message: i64, ms: Option<i64>, limits: &Limits) -> Result<()> {
    let time = Moment::parse(ms, tx.now(), Some(limits.disappear))?;
    let row = messages::deletable(tx, caller, message)?;
    due::disappear(tx, caller.app.id, row.sender, row.id, time)
}

/// Its time has come. It goes whatever its sender may do by now: that was asked for when they might.
pub fn fall(tx: &mut Write<'_>, app: App, message: i64) -> Result<()> {
    messages::delete(tx, &Caller::system(app), message, false).map(drop)
}

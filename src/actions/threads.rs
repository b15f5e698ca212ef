//! Following threads.

use crate::model::caller::Caller;
use crate::model::error::{Code, Result};
use crate::store::{Write, messages, threads};

/// The caller follows the thread of the message from now on, or does not. It need not have replies yet.
pub fn follow(tx: &Write<'_>, caller: &Caller, parent: i64, on: bool) -> Result<()> {
    let row = messages::accessible(tx, caller.app.id, parent, caller.viewer())?;
    if row.parent.is_some() {
        return Err(Code::ThreadNesting.into());
    }
    if !row.category.counts() {
        return Err(Code::ThreadCategory.into());
    }
    threads::follow(tx, caller.user, parent, on)
}

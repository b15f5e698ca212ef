//! Keeping figures of the server.

use crate::model::error::Result;
use crate::store::Write;
use crate::store::figures::{self, ByApp, Figures, HOUR};

/// Keeps a minute. Where an hour began after it, the one that is over is kept as well, with the messages of apps (apps.id)
/// in it.
pub fn keep(tx: &mut Write<'_>, minute: &Figures, over: Option<(i64, ByApp)>) -> Result<()> {
    figures::insert(tx, minute)?;
    if let Some((hour, of_apps)) = over {
        figures::roll(tx, hour + HOUR)?;
        figures::insert_of_apps(tx, hour, &of_apps)?;
    }
    Ok(())
}

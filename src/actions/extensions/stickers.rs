//! Stickers of apps, as admins keep them.

use crate::actions::attachments::Arrived;
use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::limits::Limits;
use crate::model::sticker::StickerDraft;
use crate::store::Write;
use crate::store::extensions::stickers;

/// Adds one whose file has arrived; its id.
pub fn create(tx: &mut Write<'_>, app: &App, sticker: &StickerDraft, file: Arrived, limits: &Limits) -> Result<String> {
    let most = limits.stickers;
    if stickers::count(tx, app.id)? >= most {
        return Err(Error::over(Code::QuotaRestriction, "stickers", most));
    }
    crate::actions::attachments::arrive(tx, &[file])?;
    stickers::insert(tx, app.id, sticker, file.id)
}

/// Takes it out of the list; messages that show it go on doing so.
pub fn remove(tx: &mut Write<'_>, app: &App, name: &str) -> Result<()> {
    stickers::remove(tx, app.id, name)
}

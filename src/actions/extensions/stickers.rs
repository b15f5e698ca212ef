//! Stickers of apps, as admins keep them.

use serde_json::json;

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
        let sentence = format!("The number of stickers has reached the allowed limit of {most}.");
        return Err(Error::new(Code::QuotaRestriction, sentence).with_params(json!({ "limit": most })));
    }
    crate::actions::attachments::arrive(tx, &[file])?;
    stickers::insert(tx, app.id, sticker, file.id)
}

/// Takes it out of the list; messages that show it go on doing so.
pub fn remove(tx: &mut Write<'_>, app: &App, name: &str) -> Result<()> {
    stickers::remove(tx, app.id, name)
}

//! What extensions do. Each is a noun of its own; what they share is here.

pub mod boards;
pub mod disappearing;
pub mod due;
pub mod pins;
pub mod polls;
pub mod previews;
pub mod reminders;
pub mod stickers;
pub mod thumbnails;

use crate::model::caller::{App, Caller, SERVER_DEVICE};
use crate::model::error::{Code, Error, Result};
use crate::model::extension::{Extension, Listed};
use crate::model::message::Receiver;
use crate::store::{Read, Write, extensions};

/// The caller without their client session. A client that called an extension shows what came of it when it hears of it,
/// like everybody else: its own session must not be left out.
pub fn heard_by_all(caller: &Caller) -> Caller {
    Caller { device: SERVER_DEVICE.into(), token: None, ..caller.clone() }
}

/// Where a message that an extension sends for a user goes.
pub struct Place {
    pub receiver: Receiver,
    pub quoted: Option<i64>,
}

/// Refuses what the app has switched off.
pub fn check(read: &Read<'_>, app: i64, extension: Extension) -> Result<()> {
    match extensions::choice(read, app, extension)? {
        Some(false) => {
            let sentence = format!("The extension {} is switched off for this app.", extension.slug());
            Err(Error::new(Code::ExtensionInactive, sentence))
        }
        _ => Ok(()),
    }
}

/// Which of these the app has on.
pub fn listed(read: &Read<'_>, app: i64, offered: &[Extension]) -> Result<Vec<Listed>> {
    let choices = extensions::choices(read, app)?;
    let on = |extension: &&Extension| !choices.contains(&(**extension, false));
    Ok(offered.iter().filter(on).map(|extension| Listed::from(*extension)).collect())
}

/// Switches an extension on or off for the app.
pub fn switch(tx: &mut Write<'_>, app: &App, extension: Extension, enabled: bool) -> Result<()> {
    extensions::choose(tx, app.id, extension, enabled)
}

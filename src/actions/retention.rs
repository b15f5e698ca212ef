//! Setting how long messages are kept, and taking away those that are older.
//!
//! Nobody is told of each: clients have no event for it that would not look like somebody's act, and a day's worth of them
//! would come at once. They see it when they read next. Pins and saved copies keep nothing: the setting is a promise that
//! it goes.

use crate::model::audit::{Act, Actor};
use crate::model::caller::App;
use crate::model::error::{Error, Result};
use crate::model::party::ReceiverType;
use crate::model::patch::Patch;
use crate::store::retention::{self, Retention};
use crate::store::{Read, Write};

/// Longest time that can be asked for: a hundred years.
pub const MOST_DAYS: i64 = 36_525;

/// Messages removed by one write: some milliseconds.
const PIECE: i64 = 200;

/// Changes the days of either kind of conversation, or ends them; what holds then.
pub fn set(tx: &mut Write<'_>, (actor, app): (&Actor, &App), user: Patch<i64>, group: Patch<i64>) -> Result<Retention> {
    for (kind, days) in [(ReceiverType::User, user), (ReceiverType::Group, group)] {
        let days = match days {
            Patch::Keep => continue,
            Patch::Clear => None,
            Patch::Set(days) => Some(days),
        };
        if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            return Err(Error::field(kind.as_str(), format!("The days must be from 1 to {MOST_DAYS}.")));
        }
        retention::set(tx, app.id, kind, days)?;
    }
    let now = retention::of_app(tx, app.id)?;
    super::audit::note_with(tx, actor, Act::RetentionSet, (Some(&*app.app_id), None), &now)?;
    Ok(now)
}

pub fn is_due(read: &Read<'_>) -> Result<bool> {
    retention::is_due(read)
}

/// Removes a piece of what is older; whether there may be more.
pub fn sweep(tx: &mut Write<'_>) -> Result<bool> {
    retention::sweep(tx, PIECE)
}

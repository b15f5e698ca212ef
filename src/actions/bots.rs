//! Bots: users whose messages the app writes in their name.

use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::Uid;
use crate::model::limits::Limits;
use crate::model::user::{Profile, User, UserDraft};
use crate::store::{Read, Write, users};

/// Makes a bot, or a bot of a user who is there already.
pub fn create(tx: &mut Write<'_>, app: &App, uid: Uid, name: String, limits: &Limits) -> Result<User> {
    if users::bots(tx, app.id)?.len() as i64 >= limits.bots {
        return Err(Error::over(Code::QuotaRestriction, "bots", limits.bots));
    }
    let user = match users::any(tx, app.id, &uid)? {
        Some(user) if users::is_bot(tx, user.id)? => {
            return Err(Error::new(Code::BotExists, format!("The user {uid} is a bot already.")));
        }
        Some(user) => user,
        None => users::insert(tx, app.id, UserDraft { uid, name, role: None, profile: Profile::default() })?,
    };
    users::set_bot(tx, user.id, true)?;
    Ok(user)
}

/// The bot stays a user with all that it said.
pub fn retire(tx: &mut Write<'_>, app: &App, uid: &Uid) -> Result<()> {
    let bot = find(tx, app, uid)?;
    users::set_bot(tx, bot.id, false)
}

fn find(read: &Read<'_>, app: &App, uid: &Uid) -> Result<User> {
    let unknown = || Error::new(Code::BotNotFound, format!("The uid {uid} is no bot."));
    let user = users::any(read, app.id, uid)?.filter(|user| user.deactivated_at.is_none()).ok_or_else(unknown)?;
    if users::is_bot(read, user.id)? { Ok(user) } else { Err(unknown()) }
}

/// The caller with the bot in place of the app: it stands as far above groups and blocks as the app does.
pub fn as_bot(read: &Read<'_>, caller: &Caller, uid: &Uid) -> Result<Caller> {
    let bot = find(read, &caller.app, uid)?;
    Ok(Caller { user: bot.id, uid: bot.uid.into(), ..caller.clone() })
}

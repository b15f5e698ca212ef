//! Reminders: of a message or of anything, sent by a bot when their time has come.

use serde_json::json;

use crate::actions::messages as sending;
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::extension::Extension;
use crate::model::ids::{Uid, shown};
use crate::model::json::{Object, to_raw};
use crate::model::limits::Limits;
use crate::model::message::{Category, Content, Draft, Receiver};
use crate::model::reminder::{About, BOT_NAME, BOT_UID, Moment, Reminder, TYPE};
use crate::model::user::{Profile, User, UserDraft};
use crate::store::extensions::due;
use crate::store::{Read, Write, messages, users};

/// Sets a reminder.
pub fn create(
    tx: &mut Write<'_>,
    caller: &Caller,
    about: &About,
    ms: Option<i64>,
    limits: &Limits,
) -> Result<Reminder> {
    let time = Moment::parse(ms, tx.now(), None)?;
    check(tx, caller, about)?;
    let most = limits.reminders;
    if due::reminders(tx, caller.user)? >= most {
        return Err(Error::over(Code::QuotaRestriction, "reminders", most));
    }
    due::remind(tx, caller.app.id, caller.user, about, time)
}

/// What a change may bring: another time, and of a reminder that is about no message another text.
pub fn update(
    tx: &mut Write<'_>,
    caller: &Caller,
    name: &str,
    about: Option<About>,
    ms: Option<i64>,
) -> Result<Reminder> {
    let old = due::find(tx, caller.user, name)?.ok_or_else(|| unknown(name))?;
    let time = match ms {
        Some(_) => Moment::parse(ms, tx.now(), None)?,
        None => old.time,
    };
    let about = about.unwrap_or_else(|| old.about.clone());
    if about != old.about && !(about.is_custom() && old.about.is_custom()) {
        return Err(Error::field("about", "What a reminder of a message is about cannot be changed."));
    }
    check(tx, caller, &about)?;
    let new = Reminder { about, time, ..old };
    due::change(tx, &new)?;
    Ok(new)
}

pub fn delete(tx: &mut Write<'_>, caller: &Caller, name: &str) -> Result<()> {
    if due::cancel(tx, caller.user, name)? { Ok(()) } else { Err(unknown(name)) }
}

pub fn list(read: &Read<'_>, caller: &Caller, limits: &Limits) -> Result<Vec<Reminder>> {
    due::reminders_of(read, caller.user, limits.reminders)
}

fn unknown(name: &str) -> Error {
    Error::new(Code::ReminderNotFound, format!("There is no reminder {}.", shown(name)))
}

/// Nobody is reminded of what they do not see, or of what is not there any more.
fn check(read: &Read<'_>, caller: &Caller, about: &About) -> Result<()> {
    let About::Message(id) = about else { return Ok(()) };
    let row = messages::accessible(read, caller.app.id, *id, caller.viewer())?;
    if !row.category.counts() || row.deleted_at.is_some() {
        return Err(Code::MessageAction.into());
    }
    Ok(())
}

/// Its time has come: the bot sends it. Refused where the app has the extension off by now, where the message is not
/// there for its user any more, or where they have blocked the bot.
pub fn fall(tx: &mut Write<'_>, app: App, user: i64, reminder: &Reminder, limits: &Limits) -> Result<()> {
    super::check(tx, app.id, Extension::Reminders)?;
    let whose = users::by_id(tx, user)?;
    check(tx, &Caller::of(app.clone(), user, &whose.uid), &reminder.about)?;
    let bot = bot(tx, &app)?;
    let mut data = Object::default();
    data.set("customData", to_raw(reminder));
    data.set("metadata", to_raw(&json!({"incrementUnreadCount": true})));
    let mut content = Content { category: Category::Custom, kind: TYPE.to_owned(), data };
    content.check(limits)?;
    // The same again after a stop in between would be a retry.
    let muid = Some(format!("reminder:{}", reminder.id));
    let receiver = Receiver::User(Uid::from_path(&whose.uid)?);
    let draft = Draft { receiver, content, tags: None, muid, parent: None, quoted: None };
    sending::send(tx, &Caller::of(app, bot.id, &bot.uid), draft).map(drop)
}

/// The user who sends reminders; made where the app has none.
fn bot(tx: &mut Write<'_>, app: &App) -> Result<User> {
    let uid = Uid::parse(BOT_UID)?;
    if let Some(bot) = users::any(tx, app.id, &uid)? {
        return Ok(bot);
    }
    let draft = UserDraft { uid, name: BOT_NAME.to_owned(), role: None, profile: Profile::default() };
    let bot = users::insert(tx, app.id, draft)?;
    users::set_bot(tx, bot.id, true)?;
    Ok(bot)
}

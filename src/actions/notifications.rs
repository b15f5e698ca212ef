//! Choices about notifications: of apps and of users. They are kept and answered, nothing is sent.

use serde_json::{Value, json};

use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::{Guid, Uid};
use crate::model::notification::{SETTINGS, default_preferences, fit, merge};
use crate::store::notifications::{self as rows, Contact, Mute, NewPushToken, PushToken, Whose};
use crate::store::{Digest, Read, Write, groups, tokens, users};

/// Push tokens kept of a user; one more removes the oldest.
const MOST_PUSH_TOKENS: i64 = 100;

/// The settings of the app with all defaults.
pub fn settings(read: &Read<'_>, app: i64) -> Result<Value> {
    let mut settings = SETTINGS.clone();
    let own = rows::settings(read, app)?;
    if own.is_object() {
        merge(&mut settings, &own);
    }
    Ok(settings)
}

pub fn change_settings(tx: &Write<'_>, app: i64, given: &Value) -> Result<()> {
    let mut own = rows::settings(tx, app)?;
    if !own.is_object() {
        own = json!({});
    }
    merge(&mut own, &fit(&SETTINGS, given, "settings")?);
    rows::set_settings(tx, app, Some(&own))
}

/// The defaults again.
pub fn reset_settings(tx: &Write<'_>, app: i64) -> Result<()> {
    rows::set_settings(tx, app, None)
}

/// The app's settings and the user's own part.
pub fn preferences(read: &Read<'_>, app: i64, user: i64) -> Result<(Value, Value)> {
    let own = rows::choices(read, user)?.preferences;
    Ok((settings(read, app)?, if own.is_object() { own } else { json!({}) }))
}

pub fn change_preferences(tx: &Write<'_>, app: i64, user: i64, given: &Value) -> Result<(Value, Value)> {
    let (settings, mut own) = preferences(tx, app, user)?;
    merge(&mut own, &fit(&default_preferences(&settings), given, "preferences")?);
    let mut choices = rows::choices(tx, user)?;
    choices.preferences = own.clone();
    rows::set_choices(tx, user, &choices)?;
    Ok((settings, own))
}

/// Forgets the user's own preferences; the ones that hold then.
pub fn reset_preferences(tx: &Write<'_>, app: i64, user: i64) -> Result<Value> {
    let mut choices = rows::choices(tx, user)?;
    choices.preferences = Value::Null;
    rows::set_choices(tx, user, &choices)?;
    Ok(default_preferences(&settings(tx, app)?))
}

pub fn set_timezone(tx: &Write<'_>, user: i64, timezone: String) -> Result<()> {
    let choices = rows::Choices { timezone: Some(timezone), ..rows::choices(tx, user)? };
    rows::set_choices(tx, user, &choices)
}

/// Sets what is given of the user's contact details; an empty text clears.
pub fn set_contact(tx: &Write<'_>, user: i64, email: Option<String>, phno: Option<String>) -> Result<Contact> {
    let mut choices = rows::choices(tx, user)?;
    let old = choices.contact;
    choices.contact = Contact { email: email.unwrap_or(old.email), phno: phno.unwrap_or(old.phno) };
    rows::set_choices(tx, user, &choices)?;
    Ok(choices.contact)
}

/// Mutes conversations until a time that is still to come.
pub fn mute(tx: &Write<'_>, app: &App, user: i64, mutes: Vec<Mute>) -> Result<()> {
    rows::sweep_mutes(tx, user)?;
    for mut mute in mutes {
        if mute.until <= tx.now() * 1000 {
            return Err(Error::field("until", "The until must be a time to come, in Unix milliseconds."));
        }
        mute.id = match mute.kind.as_str() {
            "group" => groups::by_guid(tx, app.id, &Guid::from_path(&mute.id)?)?.guid,
            _ => users::person(tx, app, &Uid::from_path(&mute.id)?)?.uid,
        };
        rows::mute(tx, user, &mute)?;
    }
    Ok(())
}

pub fn unmute(tx: &Write<'_>, user: i64, mutes: &[(String, String)]) -> Result<()> {
    for (kind, id) in mutes {
        rows::unmute(tx, user, kind, &id.to_ascii_lowercase())?;
    }
    rows::sweep_mutes(tx, user)
}

/// A login: users.id and tokens.id.
pub type Login = (i64, i64);

/// How a login was named.
#[derive(Clone, Copy)]
pub enum Named {
    /// By its auth token alone, which a key may do.
    Token(Digest),
    /// It is the one that asks, or another of the same user by its auth token.
    Own { user: i64, login: i64, token: Option<Digest> },
}

pub fn login(read: &Read<'_>, app: i64, named: Named) -> Result<Login> {
    let find = |digest: &Digest| {
        tokens::find(read, app, digest)?.map(|(user, token)| (user, token.id)).ok_or(Error::from(Code::TokenNotFound))
    };
    match named {
        Named::Token(digest) => find(&digest),
        Named::Own { user, login, token: None } => Ok((user, login)),
        Named::Own { user, token: Some(digest), .. } => {
            let found = find(&digest)?;
            if found.0 == user { Ok(found) } else { Err(Code::TokenNotAccessible.into()) }
        }
    }
}

pub fn register(tx: &Write<'_>, app: i64, named: Named, new: &NewPushToken, timezone: Option<String>) -> Result<()> {
    let (user, login) = login(tx, app, named)?;
    rows::keep_push_token(tx, user, login, new)?;
    rows::trim_push_tokens(tx, user, MOST_PUSH_TOKENS)?;
    match timezone {
        Some(timezone) => set_timezone(tx, user, timezone),
        None => Ok(()),
    }
}

/// Removes the push tokens of a login, or of all logins of its user.
pub fn unregister(tx: &Write<'_>, app: i64, named: Named, all: bool) -> Result<Vec<PushToken>> {
    let (user, login) = login(tx, app, named)?;
    rows::drop_push_tokens(tx, if all { Whose::User(user) } else { Whose::Login(login) })
}

pub fn unregister_one(tx: &Write<'_>, app: i64, named: Named, token: &str) -> Result<PushToken> {
    let (user, _) = login(tx, app, named)?;
    rows::drop_push_token(tx, user, token)?.ok_or(Code::PushTokenNotFound.into())
}

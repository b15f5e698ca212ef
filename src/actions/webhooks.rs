//! Webhooks of an app, and what each is told of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::error::{Code, Error, Result};
use crate::model::limits::Limits;
use crate::model::trigger::Trigger;
use crate::model::webhook::{Webhook, absent};
use crate::store::webhooks::{self as rows, Stored};
use crate::store::{Read, Write};

/// Random bytes of a secret; Standard Webhooks asks for 24 to 64.
const SECRET: usize = 32;

/// Seconds in which the old secret signs beside the new one.
const BESIDE: i64 = 24 * 3600;
/// Names in one list of triggers; there are fewer.
const MOST_NAMES: usize = 100;

/// A new one, in base64.
pub(super) fn secret(tx: &Write<'_>) -> String {
    tx.ids().base64(SECRET)
}

/// What `whsec_…` is made of: base64 of 24 to 64 bytes.
pub fn given_secret(text: &str) -> Result<String> {
    let bytes = text.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
    match bytes.filter(|bytes| (24..=64).contains(&bytes.len())) {
        Some(bytes) => Ok(STANDARD.encode(bytes)),
        None => Err(Error::field("secret", "The secret must be whsec_ and base64 of 24 to 64 bytes.")),
    }
}

fn check_names(names: &[String]) -> Result<()> {
    match names.len() <= MOST_NAMES {
        true => Ok(()),
        false => Err(Error::field("triggerIds", format!("The triggerIds must be at most {MOST_NAMES}."))),
    }
}

pub fn find(read: &Read<'_>, app: i64, id: &str) -> Result<Stored> {
    rows::find(read, app, id)?.ok_or_else(|| absent(id))
}

/// Makes one. It is told of nothing yet.
/// `plain`: it may be reached without TLS, wherever it is.
pub fn create(tx: &mut Write<'_>, app: i64, hook: &Webhook, plain: bool, limits: &Limits) -> Result<Stored> {
    let secret = secret(tx);
    create_with(tx, app, hook, plain, limits, &secret)
}

/// The same with a secret that is known: what signs, in base64, as [`given_secret`] takes it.
pub fn create_with(
    tx: &mut Write<'_>,
    app: i64,
    hook: &Webhook,
    plain: bool,
    limits: &Limits,
    secret: &str,
) -> Result<Stored> {
    hook.check(plain)?;
    if rows::find(tx, app, &hook.id)?.is_some() {
        return Err(Error::new(Code::WebhookExists, format!("The webhook with id {} exists already.", hook.id)));
    }
    if rows::count(tx, app)? >= limits.webhooks {
        return Err(Error::over(Code::QuotaRestriction, "webhooks", limits.webhooks));
    }
    rows::insert(tx, app, hook, secret)?;
    find(tx, app, &hook.id)
}

/// Changes one; `change` gets it as it is. `plain`: as for [`create`].
pub fn update(
    tx: &mut Write<'_>,
    app: i64,
    id: &str,
    plain: bool,
    change: impl FnOnce(&mut Webhook),
) -> Result<Stored> {
    let was = find(tx, app, id)?;
    let mut hook = was.hook.clone();
    change(&mut hook);
    // Where it leads already it may stay.
    hook.check(plain || hook.url == was.hook.url)?;
    rows::update(tx, &was, &hook)?;
    find(tx, app, id)
}

/// Another secret signs what is sent from now on, for [`BESIDE`] both do. The new one.
pub fn rotate(tx: &mut Write<'_>, app: i64, id: &str) -> Result<Stored> {
    let was = find(tx, app, id)?;
    let (secret, until) = (secret(tx), tx.now() + BESIDE);
    rows::rotate(tx, was.id, &secret, until)?;
    find(tx, app, id)
}

pub fn delete(tx: &mut Write<'_>, app: i64, id: &str) -> Result<()> {
    let was = find(tx, app, id)?;
    rows::delete(tx, was.id)
}

/// It is told of these, too; how that went, by name.
pub fn add_triggers(
    tx: &mut Write<'_>,
    app: i64,
    id: &str,
    names: &[String],
) -> Result<Vec<(String, Result<Trigger>)>> {
    check_names(names)?;
    let was = find(tx, app, id)?;
    let mut outcomes = Vec::new();
    for name in names {
        let outcome = match Trigger::parse(name) {
            Ok(trigger) => match trigger.absent() {
                Some(why) => Err(Error::new(Code::FeatureNotAccessible, why)),
                None => rows::add_trigger(tx, was.id, trigger).map(|()| trigger),
            },
            Err(error) => Err(error),
        };
        if outcome.as_ref().is_err_and(|error| error.code.is_fault()) {
            return outcome.map(|_| Vec::new());
        }
        outcomes.push((name.clone(), outcome));
    }
    Ok(outcomes)
}

/// It is not told of these any more.
pub fn remove_triggers(tx: &mut Write<'_>, app: i64, id: &str, names: &[String]) -> Result<()> {
    check_names(names)?;
    let was = find(tx, app, id)?;
    for name in names {
        rows::remove_trigger(tx, was.id, Trigger::parse(name)?)?;
    }
    Ok(())
}

/// What it is told of, in the contract's order.
pub fn triggers(read: &Read<'_>, app: i64, id: &str) -> Result<Vec<Trigger>> {
    let names = rows::triggers(read, find(read, app, id)?.id)?;
    Ok(Trigger::ALL.iter().copied().filter(|trigger| names.iter().any(|name| name == trigger.as_str())).collect())
}

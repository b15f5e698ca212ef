//! Webhooks of an app, and what each is told of.

use crate::model::error::{Code, Error, Result};
use crate::model::limits::Limits;
use crate::model::trigger::Trigger;
use crate::model::webhook::{Webhook, absent};
use crate::store::webhooks::{self as rows, Stored};
use crate::store::{Read, Write};
use serde_json::json;

/// Random bytes of a secret; Standard Webhooks asks for 24 to 64.
const SECRET: usize = 32;

pub fn find(read: &Read<'_>, app: i64, id: &str) -> Result<Stored> {
    rows::find(read, app, id)?.ok_or_else(|| absent(id))
}

/// Makes one. It is told of nothing yet.
pub fn create(tx: &mut Write<'_>, app: i64, hook: &Webhook, limits: &Limits) -> Result<Stored> {
    hook.check()?;
    if rows::find(tx, app, &hook.id)?.is_some() {
        return Err(Error::new(Code::WebhookExists, format!("The webhook with id {} exists already.", hook.id)));
    }
    if rows::count(tx, app)? >= limits.webhooks {
        let most = limits.webhooks;
        let sentence = format!("The number of webhooks has reached the allowed limit of {most}.");
        return Err(Error::new(Code::QuotaRestriction, sentence).with_params(json!({ "limit": most })));
    }
    let secret = tx.ids().base64(SECRET);
    rows::insert(tx, app, hook, &secret)?;
    find(tx, app, &hook.id)
}

/// Changes one; `change` gets it as it is.
pub fn update(tx: &mut Write<'_>, app: i64, id: &str, change: impl FnOnce(&mut Webhook)) -> Result<Stored> {
    let was = find(tx, app, id)?;
    let mut hook = was.hook.clone();
    change(&mut hook);
    hook.check()?;
    rows::update(tx, &was, &hook)?;
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

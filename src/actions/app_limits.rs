//! Limits of one app: what holds in it, and changing that.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::app_limits::{AppLimits, OF_APPS};
use crate::model::audit::{Act, Actor};
use crate::model::caller::App;
use crate::model::error::{Error, Result};
use crate::model::limits::Limits;
use crate::store::{Write, apps};

/// A limit as it is in an app.
#[derive(Debug, Serialize)]
pub struct Shown {
    pub name: &'static str,
    pub meaning: String,
    /// What holds where the app has no number of its own.
    pub server: u64,
    pub own: Option<u64>,
    pub least: u64,
}

/// All that an app may have of its own, with the server's numbers.
pub fn list(app: &App, server: &Limits) -> Vec<Shown> {
    let rows = OF_APPS.iter().filter_map(|name| Limits::TABLE.iter().find(|(known, ..)| known == name));
    let shown = |(name, meaning, _): &(&'static str, &str, u64)| Shown {
        name,
        meaning: meaning.trim().to_owned(),
        server: server.number(name).unwrap_or_default(),
        own: app.own_limits.as_ref().and_then(|own| own.own(name)),
        least: Limits::least(name),
    };
    rows.map(shown).collect()
}

/// Gives the app numbers of its own, or (none) the server's; what is not named stays. The app as it is then.
pub fn set(tx: &mut Write<'_>, (actor, app): (&Actor, &App), changes: &BTreeMap<String, Option<u64>>) -> Result<App> {
    let mut own: AppLimits = app.own_limits.as_deref().cloned().unwrap_or_default();
    for (name, value) in changes {
        own.set(name, *value).map_err(|why| Error::field(name, format!("This cannot be: {why}.")))?;
    }
    if !changes.is_empty() {
        apps::set_limits(tx, app.id, own.text().as_deref())?;
        super::audit::note_with(tx, actor, Act::LimitsSet, (Some(&app.app_id), None), changes)?;
    }
    let own_limits = own.text().map(|_| own.into());
    Ok(App { own_limits, ..app.clone() })
}

//! Rules and lists of an app.

use crate::model::caller::App;
use crate::model::error::{Code, Error, Result};
use crate::model::ids::shown;
use crate::model::limits::Limits;
use crate::model::moderation::ask::Settings;
use crate::model::moderation::list::{Draft, Keywords};
use crate::model::moderation::rule::{Condition, Rule};
use crate::store::moderation::rules::{self as rows, Stored};
use crate::store::moderation::{lists, pending};
use crate::store::{Read, Write};

pub fn find(read: &Read<'_>, app: &App, id: &str) -> Result<Stored> {
    rows::find(read, app.id, id)?
        .ok_or_else(|| Error::new(Code::RuleNotFound, format!("The rule with id {} does not exist.", shown(id))))
}

pub fn create(tx: &mut Write<'_>, app: &App, mut rule: Rule, limits: &Limits) -> Result<Stored> {
    rule.check()?;
    if rows::find(tx, app.id, &rule.id)?.is_some() {
        return Err(Error::new(Code::RuleExists, format!("The rule with id {} exists already.", rule.id)));
    }
    if rows::count(tx, app.id)? >= limits.rules {
        return Err(Error::over(Code::QuotaRestriction, "rules", limits.rules));
    }
    keep(tx, app, &rule, None)
}

/// Changes one; `change` gets it as it is.
pub fn update(tx: &mut Write<'_>, app: &App, id: &str, change: impl FnOnce(&mut Rule)) -> Result<Stored> {
    let was = find(tx, app, id)?;
    let mut rule = was.rule.clone();
    change(&mut rule);
    rule.check()?;
    keep(tx, app, &rule, Some(&was))
}

fn keep(tx: &mut Write<'_>, app: &App, rule: &Rule, was: Option<&Stored>) -> Result<Stored> {
    check_lists(tx, app, rule)?;
    rows::put(tx, app.id, rule, was)?;
    try_out(tx, app)?;
    find(tx, app, &rule.id)
}

/// Whether the lists that a rule names are there, and hold what it looks for.
pub(in crate::actions) fn check_lists(read: &Read<'_>, app: &App, rule: &Rule) -> Result<()> {
    for condition in &rule.conditions {
        for id in condition.lists() {
            let list = find_list(read, app, &id)?;
            if list.category != condition.category {
                let sentence = format!("The list {} is not of the category {}.", list.id, condition.category.as_str());
                return Err(Error::field("conditions", sentence));
            }
        }
    }
    Ok(())
}

/// Whether all rules can be applied as they are now, with what their lists hold, which together may be more than any of them.
/// What cannot would fail every message of the app.
pub(in crate::actions) fn try_out(tx: &Write<'_>, app: &App) -> Result<()> {
    rows::engine(tx, app.id).map(drop)
}

/// Whether a rule names the list.
fn refers(rule: &Rule, list: &str) -> bool {
    rule.conditions.iter().flat_map(Condition::lists).any(|named| named == list)
}

/// Those that the server brings can be switched off, and changed; not deleted.
pub fn delete(tx: &mut Write<'_>, app: &App, id: &str) -> Result<()> {
    match find(tx, app, id)?.usual {
        true => Err(Error::new(Code::PermissionDenied, "A default rule can be disabled, not deleted.")),
        false => rows::delete(tx, app.id, id),
    }
}

pub fn find_list(read: &Read<'_>, app: &App, id: &str) -> Result<Keywords> {
    lists::find(read, (app.id, &app.app_id), id)?
        .ok_or_else(|| Error::new(Code::KeywordsNotFound, format!("The list with id {} does not exist.", shown(id))))
}

/// `plain`: an engine may be reached without TLS, wherever it is.
pub fn create_list(tx: &mut Write<'_>, app: &App, draft: &Draft, plain: bool, limits: &Limits) -> Result<Keywords> {
    draft.check(plain)?;
    if lists::find(tx, (app.id, &app.app_id), &draft.id)?.is_some() {
        return Err(Error::new(Code::KeywordsExists, format!("The list with id {} exists already.", draft.id)));
    }
    if lists::count(tx, app.id)? >= limits.keyword_lists {
        return Err(Error::over(Code::QuotaRestriction, "lists", limits.keyword_lists));
    }
    lists::put(tx, app.id, draft, false)?;
    find_list(tx, app, &draft.id)
}

/// Changes one; `change` gets it as it is. Its kind stays: rules rest on it. `plain`: as for [`create_list`].
pub fn update_list(
    tx: &mut Write<'_>,
    app: &App,
    id: &str,
    plain: bool,
    change: impl FnOnce(&mut Draft),
) -> Result<Keywords> {
    let was = find_list(tx, app, id)?;
    let mut draft = Draft {
        id: was.id.clone(),
        name: was.name,
        description: was.description,
        category: was.category,
        is_csv: was.is_csv,
        terms: was.search_terms,
        place: was.place,
    };
    change(&mut draft);
    draft.check(plain)?;
    if draft.category != was.category {
        return Err(Error::field("category", "The category of a list cannot be changed."));
    }
    lists::put(tx, app.id, &draft, was.default)?;
    try_out(tx, app).map_err(|error| match error.code.is_fault() {
        true => error,
        false => {
            Error::field("searchTerms", "With this list the rules that name it look for more than fits into memory.")
        }
    })?;
    find_list(tx, app, id)
}

/// Changes how the app has engines asked; `change` gets it as it is.
pub fn update_settings(tx: &Write<'_>, app: i64, change: impl FnOnce(&mut Settings)) -> Result<Settings> {
    let mut settings = pending::settings(tx, app)?;
    change(&mut settings);
    settings.check()?;
    pending::set_settings(tx, app, &settings)?;
    Ok(settings)
}

/// Not while a rule refers to it, and not one that the server brings.
pub fn delete_list(tx: &mut Write<'_>, app: &App, id: &str) -> Result<()> {
    if find_list(tx, app, id)?.default {
        return Err(Error::new(Code::PermissionDenied, "A default list can be changed, not deleted."));
    }
    if let Some(used) = rows::all(tx, app.id)?.iter().find(|stored| refers(&stored.rule, id)) {
        let sentence = format!("The rule {} refers to the list.", used.rule.id);
        return Err(Error::new(Code::PermissionDenied, sentence));
    }
    lists::delete(tx, app.id, id)
}

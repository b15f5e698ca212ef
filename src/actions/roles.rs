//! Roles, and what a role or a scope in a group is kept from: features switched off, permissions set.
//!
//! A call may name several; each has a result of its own. If none can be done the call is refused, so that nobody takes
//! a list of failures for a success.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Outcome, OutcomeShown, Outcomes};
use crate::model::error::{Code, Error, Result};
use crate::model::feature::Feature;
use crate::model::ids::{Guid, RoleId, shown};
use crate::model::limits::Limits;
use crate::model::permission::Scope;
use crate::model::policy::{Definition, ROLE, SCOPE, Scopes, Setting, Settings, Shown};
use crate::store::{Read, Write, groups, roles};

pub fn unknown_role(role: &str) -> Error {
    Error::new(Code::RoleNotFound, format!("The role {} does not exist.", shown(role)))
}

pub fn find(read: &Read<'_>, app: i64, id: &RoleId) -> Result<roles::Role> {
    roles::find(read, app, id)?.ok_or_else(|| unknown_role(id.as_str()))
}

pub fn create(
    tx: &mut Write<'_>,
    app: i64,
    id: &RoleId,
    name: &str,
    fields: roles::Fields,
    limits: &Limits,
) -> Result<roles::Role> {
    if roles::find(tx, app, id)?.is_some() {
        return Err(Error::new(Code::RoleExists, format!("The role {id} exists already.")));
    }
    if roles::count(tx, app)? >= limits.roles {
        let sentence = format!("The number of roles has reached the allowed limit of {}.", limits.roles);
        return Err(Error::new(Code::QuotaRestriction, sentence));
    }
    roles::insert(tx, app, id, name, fields)?;
    find(tx, app, id)
}

pub fn update(
    tx: &mut Write<'_>,
    app: i64,
    id: &RoleId,
    name: Option<String>,
    fields: roles::Fields,
) -> Result<roles::Role> {
    let old = find(tx, app, id)?;
    roles::update(tx, app, old, name, fields)?;
    find(tx, app, id)
}

/// Its users fall back to the default role, which is never deleted.
pub fn delete(tx: &mut Write<'_>, app: i64, id: &RoleId) -> Result<()> {
    if id.as_str() == "default" {
        return Err(Code::RoleDeleteDenied.into());
    }
    find(tx, app, id)?;
    roles::delete(tx, app, id)
}

fn unknown_feature(key: &str) -> Error {
    Error::new(Code::BadRequest, format!("There is no feature {}.", shown(key)))
}

/// Switches features off for the users of a role.
pub fn restrict(tx: &mut Write<'_>, app: i64, id: &RoleId, keys: &[String]) -> Result<Outcomes> {
    find(tx, app, id)?;
    let mut outcomes = Outcomes::default();
    for key in keys {
        let Some(feature) = Feature::parse(key) else {
            outcomes.0.push((shown(key).to_owned(), Outcome::Refused(unknown_feature(key))));
            continue;
        };
        let said = match roles::restrict(tx, app, id.as_str(), feature)? {
            true => "has been restricted",
            false => "was restricted already",
        };
        let sentence = format!("The feature {} {said} for the role {id}.", feature.key());
        outcomes.0.push((feature.key().to_owned(), Outcome::Done(Some(sentence))));
    }
    some_done("featuresToRestrict", outcomes)
}

/// Switches features on again: these, or (`None`) all.
pub fn allow(tx: &mut Write<'_>, app: i64, id: &RoleId, keys: Option<&[String]>) -> Result<()> {
    find(tx, app, id)?;
    let features: Option<Vec<Feature>> = keys
        .map(|keys| keys.iter().map(|key| Feature::parse(key).ok_or_else(|| unknown_feature(key))).collect())
        .transpose()?;
    roles::allow(tx, app, id.as_str(), features.as_deref())
}

/// The outcomes, unless all of them are refusals.
fn some_done(field: &str, outcomes: Outcomes) -> Result<Outcomes> {
    let mut first = None;
    for (_, outcome) in &outcomes.0 {
        match outcome {
            Outcome::Refused(error) => first = first.or(Some(error)),
            _ => return Ok(outcomes),
        }
    }
    let sentence = first.map_or_else(|| format!("The {field} field is required."), |error| error.message().to_owned());
    Err(Error::field(field, sentence))
}

/// What was done with each permission of a call, and all values that are in force after it.
pub struct Changed {
    pub outcomes: Outcomes,
    pub settings: Settings,
}

/// What was done with each permission, by its name, and under `permissions` the values in force after it.
// A `Changed` as it is serialised, for the API description.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = PermissionsSet)]
pub struct ChangedShown {
    permissions: Settings,
    #[serde(flatten)]
    outcomes: BTreeMap<String, OutcomeShown>,
}

impl serde::Serialize for Changed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let named = self.outcomes.0.iter().map(|(key, outcome)| (key.as_str(), json!(outcome)));
        serializer.collect_map(named.chain([("permissions", json!(self.settings))]))
    }
}

/// Puts the values that `asked` has into `settings`.
fn apply(table: &'static [Definition], settings: &mut Settings, asked: &Map<String, Value>) -> Result<Outcomes> {
    let mut outcomes = Outcomes::default();
    for (key, value) in asked {
        let outcome = match definition(table, key).and_then(|definition| definition.parse(value)) {
            Ok(setting) => {
                settings.0.insert(key.clone(), setting);
                Outcome::Done(Some(format!("The permission {key} has been set.")))
            }
            Err(error) => Outcome::Refused(error),
        };
        outcomes.0.push((shown(key).to_owned(), outcome));
    }
    some_done("permissions", outcomes)
}

fn definition(table: &'static [Definition], id: &str) -> Result<&'static Definition> {
    Definition::find(table, id)
        .ok_or_else(|| Error::new(Code::BadRequest, format!("There is no permission {}.", shown(id))))
}

/// The permissions of a role: definitions with what is set.
pub fn list(read: &Read<'_>, app: i64, id: &RoleId) -> Result<Vec<Shown>> {
    let role = find(read, app, id)?;
    let settings = roles::rules(read, app, id.as_str())?.permissions;
    Ok(shown_all(ROLE, "role", &settings, (role.created_at, role.updated_at)))
}

fn shown_all(
    table: &'static [Definition],
    kind: &'static str,
    settings: &Settings,
    (since, changed): (i64, Option<i64>),
) -> Vec<Shown> {
    let show = |definition: &Definition| {
        let value: Option<&Setting> = settings.0.get(definition.id);
        definition.show(kind, value, since, changed.unwrap_or(since))
    };
    table.iter().map(show).collect()
}

pub fn set(tx: &mut Write<'_>, app: i64, id: &RoleId, asked: &Map<String, Value>) -> Result<Changed> {
    find(tx, app, id)?;
    let mut settings = roles::rules(tx, app, id.as_str())?.permissions;
    let outcomes = apply(ROLE, &mut settings, asked)?;
    keep(tx, app, id, &settings)?;
    Ok(Changed { outcomes, settings })
}

/// Puts a permission back to its default; the values in force after it.
pub fn unset(tx: &mut Write<'_>, app: i64, id: &RoleId, permission: &str) -> Result<Settings> {
    find(tx, app, id)?;
    definition(ROLE, permission)?;
    let mut settings = roles::rules(tx, app, id.as_str())?.permissions;
    settings.0.remove(permission);
    keep(tx, app, id, &settings)?;
    Ok(settings)
}

fn keep(tx: &mut Write<'_>, app: i64, id: &RoleId, settings: &Settings) -> Result<()> {
    let text = (!settings.is_empty()).then(|| json!(settings).to_string());
    roles::set_permissions(tx, app, id.as_str(), text.as_deref())
}

/// The permissions of a scope in a group: definitions with what is set.
pub fn list_scope(read: &Read<'_>, app: i64, guid: &Guid, scope: Scope) -> Result<Vec<Shown>> {
    let group = groups::by_guid(read, app, guid)?;
    let scopes = Scopes::stored(group.permissions.as_deref());
    Ok(shown_all(SCOPE, "scope", scopes.of(scope), (group.created_at, group.updated_at)))
}

pub fn set_scope(
    tx: &mut Write<'_>,
    app: i64,
    guid: &Guid,
    scope: Scope,
    asked: &Map<String, Value>,
) -> Result<Changed> {
    let group = groups::by_guid(tx, app, guid)?;
    let mut scopes = Scopes::stored(group.permissions.as_deref());
    let outcomes = apply(SCOPE, scopes.of_mut(scope), asked)?;
    keep_scopes(tx, group.id, &scopes)?;
    Ok(Changed { outcomes, settings: scopes.of(scope).clone() })
}

/// Puts a permission back to its default; the values in force after it.
pub fn unset_scope(tx: &mut Write<'_>, app: i64, guid: &Guid, scope: Scope, permission: &str) -> Result<Settings> {
    let group = groups::by_guid(tx, app, guid)?;
    definition(SCOPE, permission)?;
    let mut scopes = Scopes::stored(group.permissions.as_deref());
    scopes.of_mut(scope).0.remove(permission);
    keep_scopes(tx, group.id, &scopes)?;
    Ok(scopes.of(scope).clone())
}

fn keep_scopes(tx: &Write<'_>, group: i64, scopes: &Scopes) -> Result<()> {
    let text = (!scopes.is_empty()).then(|| json!(scopes).to_string());
    groups::set_permissions(tx, group, text.as_deref())
}

//! Holds every success the tests see against the API description.
//!
//! The schema of an operation's reply says what is always there and of what form the rest is; what it does not name is
//! not noticed by it, so fields are looked up by name as well.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use hobnob::api::{Route, routes};
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

struct Described {
    routes: Vec<Route>,
    description: Value,
    /// Of each route.
    validators: Vec<Option<Validator>>,
}

fn described() -> &'static Described {
    static DESCRIBED: OnceLock<Described> = OnceLock::new();
    DESCRIBED.get_or_init(|| {
        let (mut description, admin) = hobnob::api::described();
        // Both name the same things: one description of all operations.
        for part in ["/paths", "/components/schemas"] {
            let more = admin.pointer(part).and_then(Value::as_object).expect("an object").clone();
            let all = description.pointer_mut(part).and_then(Value::as_object_mut).expect("an object");
            for (name, value) in more {
                let known = all.insert(name.clone(), value.clone());
                assert!(known.is_none_or(|known| known == value), "{name} is two things");
            }
        }
        let validator = |route: &Route| {
            let schema = schema_of(&description, route)?;
            let schema = json!({"allOf": [schema], "components": description["components"]});
            Some(jsonschema::draft202012::new(&schema).expect("a schema"))
        };
        let validators = routes().iter().map(validator).collect();
        Described { routes: routes(), description, validators }
    })
}

/// The schema of an operation's success.
fn schema_of<'a>(description: &'a Value, route: &Route) -> Option<&'a Value> {
    let operation = description["paths"].get(route.path)?.get(route.method.as_str().to_ascii_lowercase())?;
    operation.pointer("/responses/200/content/application~1json/schema")
}

fn fits(row: &str, path: &str) -> bool {
    let mut pieces = path.split('/');
    row.split('/').all(|known| pieces.next().is_some_and(|it| known.starts_with('{') || known == it))
        && pieces.next().is_none()
}

/// What is wrong with a success by the description of its operation. Paths as they are in requests; those that are no
/// operation are not described.
pub fn complaints(method: &Method, path: &str, body: &Value) -> Vec<String> {
    let Described { routes, description, validators } = described();
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("/v3").unwrap_or(path);
    let fits = |route: &Route| route.method == method.as_str() && fits(route.path, path);
    // Where two rows fit, the one with a word where the other has a name.
    let rows = routes.iter().enumerate().filter(|(_, route)| fits(route));
    let Some((at, route)) = rows.min_by_key(|(_, route)| route.path.matches('{').count()) else { return Vec::new() };
    let Some(validator) = &validators[at] else { return Vec::new() };
    let mut wrong: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if let Some(schema) = schema_of(description, route) {
        unnamed(body, &[schema], "", description, &mut wrong);
    }
    wrong
}

/// The schema with its parts: what it refers to, and its alternatives.
fn parts<'a>(schema: &'a Value, description: &'a Value, all: &mut Vec<&'a Value>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return parts(description.pointer(&reference[1..]).expect("a component"), description, all);
    }
    all.push(schema);
    for kind in ["allOf", "anyOf", "oneOf"] {
        schema[kind].as_array().into_iter().flatten().for_each(|part| parts(part, description, all));
    }
}

/// Notes the fields that no schema names. An object schema that names no field is open; so is what a sender puts into
/// `data` of a message.
fn unnamed(value: &Value, schemas: &[&Value], at: &str, description: &Value, wrong: &mut Vec<String>) {
    let mut all = Vec::new();
    schemas.iter().for_each(|schema| parts(schema, description, &mut all));
    match value {
        Value::Object(fields) => {
            let open = all.iter().all(|part| part["properties"].is_null() && part["additionalProperties"].is_null());
            let is_data = all.iter().any(|part| !part["properties"]["entities"].is_null());
            for (name, value) in fields {
                let named: Vec<&Value> = all.iter().filter_map(|part| part["properties"].get(name)).collect();
                let named = match named.is_empty() {
                    true => all.iter().map(|part| &part["additionalProperties"]).filter(|it| it.is_object()).collect(),
                    false => named,
                };
                match named.is_empty() {
                    true if open || is_data => {}
                    true => wrong.push(format!("{at}/{name} is not described")),
                    false => unnamed(value, &named, &format!("{at}/{name}"), description, wrong),
                }
            }
        }
        Value::Array(items) => {
            let each: Vec<&Value> = all.iter().map(|part| &part["items"]).filter(|it| it.is_object()).collect();
            for (n, item) in items.iter().enumerate() {
                unnamed(item, &each, &format!("{at}/{n}"), description, wrong);
            }
        }
        _ => {}
    }
}

/// The operation a request is for, as "METHOD path" of its row.
pub fn operation(method: &str, path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("/v3").unwrap_or(path);
    let rows = described().routes.iter().filter(|route| route.method == method && fits(route.path, path));
    rows.min_by_key(|route| route.path.matches('{').count()).map(|route| format!("{method} {}", route.path))
}

/// The operations whose success can hold a message, however deep.
pub fn showing_messages() -> BTreeSet<String> {
    fn holds(schema: &Value, description: &Value, seen: &mut BTreeSet<String>) -> bool {
        match schema {
            Value::Object(fields) => fields.iter().any(|(key, value)| match (key.as_str(), value.as_str()) {
                ("$ref", Some("#/components/schemas/Message")) => true,
                ("$ref", Some(name)) if seen.insert(name.to_owned()) => {
                    holds(description.pointer(&name[1..]).expect("a component"), description, seen)
                }
                _ => holds(value, description, seen),
            }),
            Value::Array(items) => items.iter().any(|item| holds(item, description, seen)),
            _ => false,
        }
    }
    let Described { routes, description, .. } = described();
    let shows = |route: &&Route| {
        schema_of(description, route).is_some_and(|schema| holds(schema, description, &mut BTreeSet::new()))
    };
    routes.iter().filter(shows).map(|route| format!("{} {}", route.method, route.path)).collect()
}

/// The operations whose success has the schema that says nothing.
pub fn without_reply() -> BTreeSet<String> {
    let described = &described().description;
    let operations = described["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = operations.flat_map(|item| item.as_object().into_iter().flat_map(|methods| methods.values()));
    let generic = json!({"$ref": "#/components/schemas/Success"});
    operations
        .filter(|it| it["responses"]["200"]["content"]["application/json"]["schema"] == generic)
        .filter_map(|it| it["operationId"].as_str().map(str::to_owned))
        .collect()
}

//! The API description, made from the route table: `GET /openapi.json`.
//!
//! Paths, operations and credentials come from the rows, bodies from the types the handlers read (each noun describes its
//! own), so the description cannot name what is not there. The page that shows it is `static/api.html`.
//!
//! `examples/describe` makes it and writes it down; what is written down is served ([`written`]). So what makes it is no part of the
//! program: it was a twentieth of it.

mod admin;
mod admin_replies;
mod parameters;
pub mod written;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::Route;
use super::access::Who;
use super::reply::{CursorMeta, PageMeta, TimeCursor};
use crate::actions::OutcomeShown;
use crate::model::error;
pub use admin::describe as describe_admin;
#[cfg(test)]
use parameters::PARAMETERS;
use parameters::parameter;

/// What the nouns add to the rows of the table: bodies and query parameters by operation.
#[derive(Default)]
pub struct Doc {
    /// One schema, or several that are read from the same body.
    bodies: HashMap<&'static str, Vec<Value>>,
    queries: HashMap<&'static str, &'static [&'static str]>,
    /// Headers that an operation reads beside credentials, each with its schema and what it means.
    headers: HashMap<&'static str, Vec<(&'static str, Value, &'static str)>>,
    /// Requests that this server makes, by what they tell of.
    webhooks: Map<String, Value>,
    /// What comes back; several where it depends on what was asked.
    replies: HashMap<&'static str, Vec<Value>>,
    schemas: BTreeMap<String, Value>,
    /// Names that two different schemas have.
    clashes: BTreeSet<String>,
}

/// How a reply holds its objects: what stands under `data`, and what beside it.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    One,
    List,
    /// By page number.
    Page,
    /// The same, with the time cursor beside `meta` as well.
    PageAndCursor,
    /// By cursor.
    Cursor,
    /// Results of a bulk call by id, each with an object if it went well.
    Results,
    /// Without an envelope, and in one as well.
    Bare,
    /// With `success` and `message` beside `data`.
    Done,
}

impl Doc {
    /// The operation reads this type from its JSON body; called again, that type as well.
    pub fn body<T: ToSchema + PartialSchema>(&mut self, operation: &'static str) -> &mut Self {
        let mut inner: Vec<(String, RefOr<Schema>)> = Vec::new();
        T::schemas(&mut inner);
        inner.into_iter().for_each(|(name, schema)| self.define(name, json!(schema)));
        self.bodies.entry(operation).or_default().push(json!(T::schema()));
        self
    }

    /// The operation shares its body's type with others and has no use for these fields: they are not described for it.
    pub fn without(&mut self, operation: &'static str, fields: &[&str]) -> &mut Self {
        for schema in self.bodies.get_mut(operation).into_iter().flatten() {
            if let Some(properties) = schema["properties"].as_object_mut() {
                properties.retain(|name, _| !fields.contains(&name.as_str()));
            }
        }
        self
    }

    /// The operation answers with this type in this shape; called again, that is another answer it can give.
    pub fn reply<T: ToSchema>(&mut self, operation: &'static str, shape: Shape) -> &mut Self {
        let object = self.component::<T>();
        self.answer(operation, shape, object)
    }

    /// The operation answers with an object of this name and schema, which is made of what is there at run time.
    pub fn reply_as(&mut self, operation: &'static str, shape: Shape, name: &str, schema: Value) -> &mut Self {
        self.define(name.to_owned(), schema);
        self.answer(operation, shape, json!({"$ref": format!("#/components/schemas/{name}")}))
    }

    fn answer(&mut self, operation: &'static str, shape: Shape, object: Value) -> &mut Self {
        let list = json!({"type": "array", "items": object});
        let envelope = |data: Value, beside: &[(&str, Value)]| {
            let mut schema = json!({"type": "object", "required": ["data"], "properties": {"data": data}});
            for (name, beside) in beside {
                schema["properties"][name] = beside.clone();
            }
            schema
        };
        let with_meta = |meta: Value, more: &[(&str, Value)]| {
            let mut schema = envelope(list.clone(), more);
            schema["required"] = json!(["data", "meta"]);
            schema["properties"]["meta"] = meta;
            schema
        };
        let schema = match shape {
            Shape::One => envelope(object, &[]),
            Shape::Done => {
                let mut schema = envelope(
                    object,
                    &[("success", json!({"type": "boolean"})), ("message", json!({"type": "string"}))],
                );
                schema["required"] = json!(["success", "message", "data"]);
                schema
            }
            Shape::List => envelope(list, &[]),
            Shape::Page => with_meta(self.component::<PageMeta>(), &[]),
            Shape::PageAndCursor => {
                with_meta(self.component::<PageMeta>(), &[("cursor", self.component::<TimeCursor>())])
            }
            Shape::Cursor => with_meta(self.component::<CursorMeta>(), &[]),
            Shape::Results => {
                let result = self.component::<OutcomeShown>();
                let data = json!({"type": "object", "properties": {"data": object}});
                let each = json!({"allOf": [result, data]});
                envelope(json!({"type": "object", "additionalProperties": each}), &[])
            }
            Shape::Bare => json!({"allOf": [object, envelope(object.clone(), &[])]}),
        };
        self.replies.entry(operation).or_default().push(schema);
        self
    }

    /// A reference to the type, which is described with all that is in it.
    fn component<T: ToSchema>(&mut self) -> Value {
        let mut inner: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut inner);
        for (name, schema) in inner {
            let mut schema = json!(schema);
            never_null(&mut schema);
            self.define(name, schema);
        }
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }

    fn define(&mut self, name: String, schema: Value) {
        match self.schemas.get(&name) {
            Some(known) if *known != schema => {
                self.clashes.insert(name);
            }
            _ => {
                self.schemas.insert(name, schema);
            }
        }
    }

    /// The operation reads this header.
    pub fn header(
        &mut self,
        operation: &'static str,
        name: &'static str,
        schema: Value,
        means: &'static str,
    ) -> &mut Self {
        self.headers.entry(operation).or_default().push((name, schema, means));
        self
    }

    /// The server makes this request.
    pub fn webhook(&mut self, name: &str, request: Value) -> &mut Self {
        self.webhooks.insert(name.to_owned(), json!({ "post": request }));
        self
    }

    /// The operation reads these query parameters; what each means stands in [`PARAMETERS`].
    pub fn query(&mut self, operation: &'static str, names: &'static [&'static str]) -> &mut Self {
        self.queries.insert(operation, names);
        self
    }
}

/// In a reply a field that has nothing to say is left out; it is never null.
fn never_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(kinds) = fields.get_mut("type").and_then(Value::as_array_mut) {
                kinds.retain(|kind| kind != "null");
                if let [only] = &kinds[..] {
                    fields["type"] = only.clone();
                }
            }
            if let Some(choices) = fields.get_mut("oneOf").and_then(Value::as_array_mut) {
                choices.retain(|choice| choice["type"] != "null");
                if let [Value::Object(only)] = &choices[..] {
                    let only = only.clone();
                    fields.shift_remove("oneOf");
                    fields.extend(only);
                }
            }
            fields.values_mut().for_each(never_null);
        }
        Value::Array(items) => items.iter_mut().for_each(never_null),
        _ => {}
    }
}

/// The schema of everything that has the form of `value`: all its fields are there, an object without any is open.
pub fn schema_like(value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.is_empty() => json!({"type": "object"}),
        Value::Object(fields) => {
            let names: Vec<&String> = fields.keys().collect();
            let properties: Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), schema_like(value))).collect();
            json!({"type": "object", "required": names, "properties": properties})
        }
        Value::Array(items) => json!({"type": "array", "items": items.first().map_or(json!({}), schema_like)}),
        Value::String(_) => json!({"type": "string"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Null => json!({}),
    }
}

/// A header as a parameter.
pub fn header(name: &str, schema: &Value, means: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": means, "schema": schema})
}

/// The `{names}` of a path.
fn path_parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}))
        .collect()
}

fn security(who: Who) -> Value {
    let key = json!({"apikey": []});
    let behalf = json!({"apikey": [], "onBehalfOf": []});
    let token = json!({"authToken": []});
    let admin = json!({"admin": [], "appId": []});
    let admin_for = json!({"admin": [], "appId": [], "onBehalfOf": []});
    match who {
        Who::Open => json!([]),
        Who::FullKey | Who::AnyKey => json!([key, admin]),
        Who::Either => json!([key, behalf, token, admin, admin_for]),
        Who::AsUser => json!([behalf, token, admin_for]),
        Who::Behalf => json!([behalf, admin_for]),
        Who::Token => json!([token]),
        Who::Admin => json!([{"admin": []}]),
        Who::Socket => json!([{"socketToken": []}]),
        Who::Management => json!([{"managementKey": [], "managementSecret": []}]),
        Who::Moderator => json!([key, {"managementKey": [], "managementSecret": []}, admin]),
    }
}

fn who_sentence(who: Who) -> &'static str {
    match who {
        Who::Open => "No credential.",
        Who::FullKey => "REST API key.",
        Who::AnyKey => "REST API key or Auth Key.",
        Who::Either => "REST API key, for itself or with onBehalfOf; or an auth token.",
        Who::AsUser => "Auth token, or REST API key with onBehalfOf.",
        Who::Behalf => "REST API key with onBehalfOf.",
        Who::Token => "Auth token.",
        Who::Moderator => "REST API key; or management key, its secret and the header appId.",
        Who::Admin => "Session of the admin page.",
        Who::Socket => "Socket token (jwt) of a logged-in client.",
        Who::Management => "Management key and its secret.",
    }
}

/// An operation's name as generated clients can have it: `(client) block-users` is `client-block-users`.
pub fn operation_id(operation: &str) -> String {
    operation.replace("(client) ", "client-")
}

/// The parts that operations refer to, with those that all of them share.
fn schemas(doc: &Doc) -> Map<String, Value> {
    let mut schemas: Map<String, Value> =
        doc.schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect();
    schemas.insert(
        "Success".to_owned(),
        json!({
            "type": "object",
            "required": ["data"],
            "properties": {"data": {"type": ["object", "array"]}, "meta": {"type": "object"}},
        }),
    );
    schemas.insert(
        "Refusal".to_owned(),
        json!({
            "type": "object",
            "required": ["error"],
            "properties": {"error": {"$ref": "#/components/schemas/Error"}},
        }),
    );
    schemas
}

/// What an operation answers.
fn reply(doc: &Doc, operation: &str) -> Value {
    match doc.replies.get(operation).map(Vec::as_slice) {
        None => json!({"$ref": "#/components/schemas/Success"}),
        Some([only]) => only.clone(),
        Some(several) => json!({ "anyOf": several }),
    }
}

/// The whole description. The admin page's own calls are no part of it: they have their own ([`describe_admin`]).
pub fn describe(routes: &[Route], mut doc: Doc) -> Value {
    doc.component::<error::Shown>();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes.iter().filter(|route| route.who != Who::Admin && !route.path.starts_with("/admin/")) {
        let mut parameters = path_parameters(route.path);
        parameters.extend(
            doc.queries.get(route.operation).into_iter().flat_map(|names| names.iter().map(|name| parameter(name))),
        );
        let headers = doc.headers.get(route.operation).into_iter().flatten();
        parameters.extend(headers.map(|(name, schema, means)| header(name, schema, means)));
        let reply = reply(&doc, route.operation);
        let tag = route.path.split('/').nth(1).unwrap_or_default();
        let mut operation = json!({
            "operationId": operation_id(route.operation),
            "tags": [tag],
            "summary": who_sentence(route.who),
            "parameters": parameters,
            "security": security(route.who),
            "responses": {
                "200": {"description": "Done", "content": {"application/json": {"schema": reply}}},
                "default": {"description": "Refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}},
            },
        });
        if let Some(parts) = doc.bodies.get(route.operation) {
            let schema = if let [only] = &parts[..] { only.clone() } else { json!({ "allOf": parts }) };
            operation["requestBody"] = json!({"required": false, "content": {"application/json": {"schema": schema}}});
        }
        let item = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    let schemas = schemas(&doc);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hobnob",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A self-hosted chat back end, compatible with the CometChat REST API v3.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": written::API}],
        "paths": paths,
        "webhooks": doc.webhooks,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "apikey": {"type": "apiKey", "in": "header", "name": "apikey"},
                "admin": admin::scheme(),
                "appId": {"type": "apiKey", "in": "header", "name": "appId", "description": "Which app an admin acts in."},
                "onBehalfOf": {"type": "apiKey", "in": "header", "name": "onBehalfOf"},
                "authToken": {"type": "apiKey", "in": "header", "name": "authToken"},
                "socketToken": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "managementKey": {"type": "apiKey", "in": "header", "name": "key"},
                "managementSecret": {"type": "apiKey", "in": "header", "name": "secret"},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::{describe_nouns, routes};

    #[test]
    fn every_row_is_described_and_every_description_has_a_row() {
        let routes = routes();
        let doc = describe_nouns();
        assert!(doc.clashes.is_empty(), "described twice: {:?}", doc.clashes);
        for operation in doc.bodies.keys().chain(doc.queries.keys()).chain(doc.replies.keys()) {
            assert!(routes.iter().any(|route| route.operation == *operation), "no route {operation}");
        }
        for names in doc.queries.values() {
            for name in *names {
                assert!(PARAMETERS.iter().any(|(known, _, _)| known == name), "parameter {name} is not explained");
            }
        }
        for (at, (name, ..)) in PARAMETERS.iter().enumerate() {
            assert!(!PARAMETERS[..at].iter().any(|(other, ..)| other == name), "parameter {name} twice");
        }
        let description = describe(&routes, doc);
        for route in routes.iter().filter(|route| !route.path.starts_with("/admin/")) {
            let method = route.method.as_str().to_ascii_lowercase();
            assert_eq!(description["paths"][route.path][&method]["operationId"], operation_id(route.operation));
        }
    }

    #[test]
    fn operations_are_named_once() {
        let routes = routes();
        for (at, route) in routes.iter().enumerate() {
            let id = operation_id(route.operation);
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{id} is no name");
            assert!(!routes[..at].iter().any(|other| operation_id(other.operation) == id), "{id} twice");
        }
    }
}

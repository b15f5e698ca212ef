//! The description of the admin API: `GET /admin/openapi.json`.
//!
//! Paths and roles come from the route table and from `model::admin`; what each operation is for, and what it is asked, is
//! said here, a row an operation. What it has in common with one of the public API is taken from there.

use serde_json::{Map, Value, json};

use super::parameters::parameter;
use super::{Doc, admin_replies, operation_id, path_parameters, reply, schemas};
use crate::api::Route;
use crate::api::access::{ADMIN_HEADER, Who};
use crate::api::backups;
use crate::model::admin::{AdminRole, least};
use crate::model::error;
use crate::watch::tail::Kind;

/// What an operation is for, its query parameters, and the fields of its body.
struct Row {
    operation: &'static str,
    does: &'static str,
    query: &'static [&'static str],
    body: &'static [Field],
}

/// A field: name, JSON type, whether it must be there.
type Field = (&'static str, &'static str, bool);

const fn row(
    operation: &'static str,
    does: &'static str,
    query: &'static [&'static str],
    body: &'static [Field],
) -> Row {
    Row { operation, does, query, body }
}

const ROLE: Field = ("role", "role", true);
const PASSWORD: Field = ("password", "string", true);
const CURRENT: Field = ("current", "string", true);

const PAGED: &[&str] = &["page", "perPage"];
const SEARCHED: &[&str] = &["searchKey", "page", "perPage"];

const ROWS: &[Row] = &[
    row(
        "admin-setup",
        "Uses a one-time link: makes an admin, or gives one a new password, and starts a session.",
        &[],
        &[("link", "string", true), ("name", "string", false), PASSWORD],
    ),
    row(
        "admin-login",
        "Starts a session: its secret goes in the header of the others.",
        &[],
        &[("name", "string", true), PASSWORD, ("code", "string", false)],
    ),
    row("admin-logout", "Ends the session.", &[], &[]),
    row(
        "admin-change-password",
        "Changes one's password; other sessions end, this one is replaced.",
        &[],
        &[CURRENT, PASSWORD],
    ),
    row("admin-overview", "The server at a glance: sizes, rates, apps.", &[], &[]),
    row(
        "admin-series",
        "Figures over time, in columns: by minutes for a day, by hours for a month.",
        &["of", "since", "app"],
        &[],
    ),
    row("admin-health", "What is well with the server and what is not.", &[], &[]),
    row("admin-logs", "The newest lines of the log after the one of this id.", &["id", "level"], &[]),
    row(
        "admin-create-tail",
        "Opens a live tail: what happens from now on, as far as it is asked for. With texts what people write is shown, and it is noted in the audit log who looks; secrets are not shown.",
        &[],
        &[
            ("kinds", "tailKinds", false),
            ("app", "string", false),
            ("user", "string", false),
            ("group", "string", false),
            ("status", "string", false),
            ("failed", "boolean", false),
            ("texts", "boolean", false),
        ],
    ),
    row(
        "admin-show-tail",
        "What happened since the last read, and how much was lost because it was not read in time. Waits for something; a tail that is not read for a minute is closed.",
        &["wait"],
        &[],
    ),
    row("admin-delete-tail", "Closes a live tail.", &[], &[]),
    row("admin-check-database", "Reads all of the database and says what is damaged.", &[], &[]),
    row("admin-me", "Who asks, and their role.", &[], &[]),
    row("admin-list-own-sessions", "One's own sessions.", &[], &[]),
    row("admin-end-own-session", "Ends one of them.", &[], &[]),
    row("admin-enrol-totp", "Gives a secret for an authenticator, which counts once it is confirmed.", &[], &[CURRENT]),
    row(
        "admin-confirm-totp",
        "Asks for codes of it from now on; gives codes that stand in for it.",
        &[],
        &[("code", "string", true)],
    ),
    row("admin-remove-totp", "Asks for codes no more.", &[], &[CURRENT]),
    row("admin-reset-totp", "Asks another admin for codes no more.", &[], &[]),
    row("admin-list-admins", "All admins.", &[], &[]),
    row("admin-create-admin", "Makes a one-time link by which somebody becomes an admin.", &[], &[ROLE]),
    row("admin-update-admin", "Gives an admin another role.", &[], &[ROLE]),
    row("admin-delete-admin", "Removes an admin; the last owner stays.", &[], &[]),
    row("admin-reset-admin", "Makes a one-time link that gives an admin a new password.", &[], &[]),
    row("admin-list-admin-sessions", "The sessions of an admin.", &[], &[]),
    row("admin-end-admin-sessions", "Ends all sessions of an admin.", &[], &[]),
    row("admin-end-admin-session", "Ends one session of an admin.", &[], &[]),
    row("admin-create-app", "Makes an app; its keys are shown this once.", &[], &[("name", "string", true)]),
    row("admin-show-app", "An app with figures of the last 24 hours.", &["brief"], &[]),
    row("admin-rename-app", "Gives an app another name.", &[], &[("name", "string", true)]),
    row("admin-list-bots", "The bots of an app.", &[], &[]),
    row(
        "admin-create-bot",
        "Makes a bot, or a bot of a user who is there already.",
        &[],
        &[("uid", "string", true), ("name", "string", false)],
    ),
    row("admin-retire-bot", "Makes a bot a user like others.", &[], &[]),
    row("admin-delete-app", "Deletes an app and, after a grace, all that is in it.", &[], &[]),
    row("admin-list-keys", "The API keys of an app, masked.", PAGED, &[]),
    row(
        "admin-create-key",
        "Makes an API key, shown this once.",
        &[],
        &[("name", "string", true), ("scope", "scope", true)],
    ),
    row("admin-revoke-key", "Revokes an API key.", &[], &[]),
    row("admin-list-extensions", "The extensions, and which are on.", &[], &[]),
    row("admin-switch-extension", "Switches an extension on or off.", &[], &[("enabled", "boolean", true)]),
    row("admin-list-stickers", "The stickers of an app.", &[], &[]),
    row("admin-create-sticker", "Adds a sticker: a form with a file.", &[], &[]),
    row("admin-delete-sticker", "Takes a sticker away.", &[], &[]),
    row(
        "admin-list-users",
        "The users of an app, deactivated ones too.",
        &["searchKey", "show", "page", "perPage"],
        &[],
    ),
    row("admin-show-user", "A user, deactivated or not.", &[], &[]),
    row("admin-delete-user", "Ends a user's account: softly, anonymised, or with everything.", &[], &[]),
    row("admin-deactivate-user", "Ends a user's logins and hides them.", &[], &[]),
    row("admin-reactivate-user", "Lets a user in again.", &[], &[]),
    row("admin-list-logins", "The logins of a user.", PAGED, &[]),
    row("admin-end-login", "Ends one of them.", &[], &[]),
    row("admin-list-groups", "The groups of an app, private ones too.", SEARCHED, &[]),
    row("admin-show-group", "A group.", &[], &[]),
    row("admin-list-members", "The members of a group.", SEARCHED, &[]),
    row("admin-show-retention", "How many days an app keeps messages, by kind of conversation.", &[], &[]),
    row(
        "admin-set-retention",
        "Changes it; null is for ever.",
        &[],
        &[("user", "days", false), ("group", "days", false)],
    ),
    row("admin-show-limits", "The limits that an app may have of its own, beside the server's.", &[], &[]),
    row(
        "admin-set-limits",
        "Gives an app limits of its own, by name; null is the server's again.",
        &[],
        &[("limits", "limits", true)],
    ),
    row("admin-list-management-keys", "The keys of the management API.", &[], &[]),
    row(
        "admin-create-management-key",
        "Makes a key of the management API; its secret is shown this once.",
        &[],
        &[("name", "string", true)],
    ),
    row("admin-revoke-management-key", "Revokes a key of the management API.", &[], &[]),
    row("admin-create-backup", "Makes a backup now.", &[], &[]),
    row("admin-list-backups", "The backups, the newest first.", &[], &[]),
    row("admin-check-backup", "Proves that a backup is good.", &[], &[]),
    row("admin-download-backup", "The file: with a session, or by a one-time link.", &["ticket"], &[]),
    row(
        "admin-link-backup",
        "Makes a one-time link to the file, good for a minute: browsers save what it leads to.",
        &[],
        &[],
    ),
    row("admin-list-invitations", "The one-time links that nobody has used yet.", &[], &[]),
    row("admin-withdraw-invitation", "Makes one of them good for nothing.", &[], &[]),
    row(
        "admin-list-audit",
        "What was done by those who run the server, the newest first.",
        &["app", "page", "perPage"],
        &[],
    ),
    row("admin-create-webhook", "Makes a webhook; its secret is shown this once.", &[], &[]),
    row("admin-list-webhooks", "The webhooks of an app.", &[], &[]),
    row("admin-get-webhook", "A webhook, and how it goes.", &[], &[]),
    row("admin-update-webhook", "Changes a webhook.", &[], &[]),
    row("admin-delete-webhook", "Takes a webhook away.", &[], &[]),
    row("admin-add-triggers", "Tells a webhook of more.", &[], &[]),
    row("admin-list-triggers", "What a webhook is told of.", &[], &[]),
    row("admin-remove-triggers", "Tells a webhook of less.", &[], &[]),
    row("admin-list-all-triggers", "All that webhooks can be told of.", &[], &[]),
    row("admin-rotate-webhook-secret", "Makes another secret; the one before signs beside it for a day.", &[], &[]),
    row("admin-test-webhook", "Sends a webhook a test.", &[], &[]),
    row("admin-list-deliveries", "What became of events at a webhook.", &[], &[]),
    row("admin-get-delivery", "What became of one.", &[], &[]),
    row("admin-replay-delivery", "Sends it once more.", &[], &[]),
    row("admin-replay-deliveries", "Sends many once more.", &[], &[]),
];

/// What the public API calls the same operation.
fn alike(operation: &str) -> &str {
    operation.strip_prefix("admin-").unwrap_or(operation)
}

/// The scheme of an admin's session.
pub fn scheme() -> Value {
    json!({
        "type": "apiKey",
        "in": "header",
        "name": ADMIN_HEADER,
        "description": "Session of an admin of this server, from its own pages or from no browser. It stands for a REST API key, as far as the admin's role allows.",
    })
}

fn schema(kind: &str) -> Value {
    match kind {
        "role" => json!({"type": "string", "enum": AdminRole::ALL}),
        "scope" => json!({"type": "string", "enum": ["fullAccess", "authOnly"]}),
        "limits" => json!({"type": "object", "additionalProperties": {"type": ["integer", "null"], "minimum": 0}}),
        "tailKinds" => json!({"type": "array", "items": {"type": "string", "enum": Kind::ALL.map(Kind::as_str)}}),
        "days" => json!({"type": ["integer", "null"]}),
        other => json!({ "type": other }),
    }
}

fn body(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, kind, _)| ((*name).to_owned(), schema(kind))).collect();
    let required: Vec<&str> = fields.iter().filter(|(_, _, required)| *required).map(|(name, ..)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn operation(doc: &Doc, method: &str, path: &str, operation: &str, who: Who) -> Value {
    let row = ROWS.iter().find(|row| row.operation == operation);
    let mut parameters = path_parameters(path);
    let shared =
        doc.queries.get(alike(operation)).filter(|_| operation.contains("webhook") || operation.contains("deliver"));
    let own = row.map(|row| row.query).unwrap_or_default();
    parameters.extend(shared.copied().unwrap_or_default().iter().chain(own).map(|name| parameter(name)));
    let role = match who {
        Who::Admin => format!("Takes the role {}.", least(operation, method == "get")),
        _ => "Takes no credential.".to_owned(),
    };
    let content = match operation {
        backups::DOWNLOAD => json!({"application/zstd": {"schema": {"type": "string", "format": "binary"}}}),
        _ => {
            let told = if doc.replies.contains_key(operation) { operation } else { alike(operation) };
            json!({"application/json": {"schema": reply(doc, told)}})
        }
    };
    let mut described = json!({
        "operationId": operation_id(operation),
        "tags": [path.split('/').nth(if path.contains("{appId}/") { 5 } else { 3 }).unwrap_or_default()],
        "summary": row.map(|row| row.does).unwrap_or_default(),
        "description": role,
        "parameters": parameters,
        "security": if who == Who::Admin { json!([{"admin": []}]) } else { json!([]) },
        "responses": {
            "200": {"description": "Done", "content": content},
            "default": {"description": "Refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}},
        },
    });
    let own = row.filter(|row| !row.body.is_empty()).map(|row| body(row.body));
    let shared = || {
        doc.bodies.get(alike(operation)).map(|parts| match &parts[..] {
            [only] => only.clone(),
            _ => json!({ "allOf": parts }),
        })
    };
    if let Some(schema) = own.or_else(shared) {
        described["requestBody"] = json!({"required": false, "content": {"application/json": {"schema": schema}}});
    }
    described
}

/// The whole description.
pub fn describe(routes: &[Route], mut doc: Doc) -> Value {
    doc.component::<error::Shown>();
    admin_replies::describe(&mut doc);
    let mut paths: Map<String, Value> = Map::new();
    let rows = routes.iter().filter(|route| route.path.starts_with("/admin/"));
    let rows = rows.map(|route| (route.method.as_str().to_ascii_lowercase(), route.path, route.operation, route.who));
    let download = ("get".to_owned(), "/admin/api/backups/{name}", backups::DOWNLOAD, Who::Admin);
    for (method, path, name, who) in rows.chain([download]) {
        let described = operation(&doc, &method, path, name, who);
        paths.entry(path.to_owned()).or_insert_with(|| json!({}))[method] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hobnob: admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the admin page of this server asks, beside the REST API, which takes an admin's session with the header appId.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": super::written::ADMIN}],
        "paths": paths,
        "components": {"schemas": schemas(&doc), "securitySchemes": {"admin": scheme()}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::openapi::parameters::PARAMETERS;
    use crate::api::routes::{describe_nouns, routes};

    #[test]
    fn every_row_says_what_it_is_for_and_every_word_is_about_a_row() {
        let routes = routes();
        let all: Vec<&str> =
            routes.iter().filter(|route| route.path.starts_with("/admin/")).map(|route| route.operation).collect();
        for name in &all {
            assert!(ROWS.iter().any(|row| row.operation == *name), "{name}: say what it is for");
        }
        for (at, row) in ROWS.iter().enumerate() {
            assert!(all.contains(&row.operation) || row.operation == backups::DOWNLOAD, "no route {}", row.operation);
            assert!(!ROWS[..at].iter().any(|other| other.operation == row.operation), "{} twice", row.operation);
            for name in row.query {
                assert!(PARAMETERS.iter().any(|(known, ..)| known == name), "parameter {name} is not explained");
            }
        }
        let mut doc = describe_nouns();
        admin_replies::describe(&mut doc);
        assert!(doc.clashes.is_empty(), "described twice: {:?}", doc.clashes);
        let description = describe(&routes, describe_nouns());
        // A path is an operation of each method.
        for (path, methods) in description["paths"].as_object().into_iter().flatten() {
            for (method, one) in methods.as_object().into_iter().flatten() {
                let reply = &one["responses"]["200"]["content"]["application/json"]["schema"];
                assert_ne!(reply["$ref"], "#/components/schemas/Success", "{method} {path}: say what it answers");
            }
        }
        let text = description.to_string();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name = text[at + "#/components/schemas/".len()..].split('"').next().unwrap();
            assert!(description["components"]["schemas"].get(name).is_some(), "{name} is not described");
        }
        let made = &description["paths"]["/admin/api/admins"]["post"];
        assert_eq!(made["description"], "Takes the role owner.");
    }
}

//! What the admin API answers.
//!
//! Most of it is made for the page alone and has no type that others share, so its forms are written here, a line an object.
//! Every success that the tests see is held against them (`tests/it/harness/described.rs`): a field that is not said here,
//! or is said and missing, fails there.

use serde_json::{Map, Value, json};

use super::{Doc, Shape};
use crate::api::reply::Ack;
use crate::model::admin::AdminRole;
use crate::model::group::Group;
use crate::model::sticker::Sticker;
use crate::model::user::User;
use crate::store::members::Listed as Member;

/// An object: its name and its fields, each with its kind. `?`: it may be missing; `|null`: it may be null; `[…]`: a list of
/// them; `{…}`: them by any name. What begins with a capital is an object of that name.
type Object = (&'static str, &'static [(&'static str, &'static str)]);

const OBJECTS: &[Object] = &[
    ("AdminSessionSecret", &[("session", "string")]),
    (
        "AdminOverview",
        &[
            ("admin", "string"),
            ("version", "string"),
            ("schema", "integer"),
            ("connections", "integer"),
            ("messages", "integer"),
            ("databaseBytes", "integer"),
            ("clientHost", "string"),
            ("apps", "[AppListed]"),
            ("failingWebhooks", "[FailingWebhook]"),
            ("now", "FiguresNow"),
        ],
    ),
    (
        "AppListed",
        &[
            ("id", "string"),
            ("name", "string"),
            ("region", "string"),
            ("createdAt", "integer"),
            ("users", "integer"),
            ("groups", "integer"),
        ],
    ),
    (
        "FailingWebhook",
        &[
            ("appId", "string"),
            ("id", "string"),
            ("name", "string"),
            ("failingSince", "integer|null"),
            ("why", "string|null"),
        ],
    ),
    (
        "FiguresNow",
        &[
            ("messagesPerSecond", "number"),
            ("deliveriesPerSecond", "number"),
            ("requestsPerSecond", "number"),
            ("commitMillis", "number|null"),
            ("online", "integer"),
            ("queued", "integer"),
            ("databaseBytes", "integer"),
            ("walBytes", "integer"),
            ("mediaBytes", "integer"),
            ("searchBacklog", "integer"),
            ("memoryBytes", "integer"),
        ],
    ),
    (
        "Series",
        &[
            ("since", "integer"),
            ("step", "integer"),
            ("at", "[integer]"),
            ("messages", "[integer]?"),
            ("deliveries", "[integer]?"),
            ("requests", "[integer]?"),
            ("commits", "[integer]?"),
            ("commitMillis", "[number|null]?"),
            ("sockets", "[integer]?"),
            ("online", "[integer]?"),
            ("queued", "[integer]?"),
            ("databaseBytes", "[integer]?"),
            ("walBytes", "[integer]?"),
            ("mediaBytes", "[integer]?"),
            ("searchBacklog", "[integer]?"),
            ("memoryBytes", "[integer]?"),
        ],
    ),
    (
        "Health",
        &[
            ("ready", "boolean"),
            ("version", "string"),
            ("schema", "integer"),
            ("startedAt", "integer"),
            ("findings", "[Finding]"),
        ],
    ),
    ("Finding", &[("check", "string"), ("verdict", "string"), ("says", "string"), ("advice", "string?")]),
    ("LogLine", &[("id", "integer"), ("level", "string"), ("text", "string")]),
    ("DatabaseCheck", &[("ok", "boolean"), ("damage", "[string]"), ("brokenReferences", "[BrokenReferences]")]),
    ("BrokenReferences", &[("table", "string"), ("rows", "integer")]),
    (
        "AdminListed",
        &[
            ("id", "integer"),
            ("name", "string"),
            ("role", "AdminRole"),
            ("createdAt", "integer"),
            ("totp", "boolean"),
            ("sessions", "integer"),
        ],
    ),
    (
        "AdminSession",
        &[
            ("id", "string"),
            ("createdAt", "integer"),
            ("expiresAt", "integer"),
            ("address", "string?"),
            ("current", "boolean"),
        ],
    ),
    ("TotpEnrolment", &[("secret", "string"), ("url", "string"), ("picture", "string?")]),
    ("RecoveryCodes", &[("recoveryCodes", "[string]")]),
    ("AdminLink", &[("link", "string"), ("url", "string"), ("expiresAt", "integer"), ("role", "AdminRole?")]),
    (
        "AdminInvitation",
        &[
            ("id", "string"),
            ("role", "AdminRole?"),
            ("admin", "string?"),
            ("madeBy", "string?"),
            ("createdAt", "integer"),
            ("expiresAt", "integer"),
        ],
    ),
    ("AppCreated", &[("appId", "string"), ("region", "string"), ("authKey", "string"), ("apiKey", "string")]),
    (
        "AppShown",
        &[
            ("id", "string"),
            ("name", "string"),
            ("region", "string"),
            ("createdAt", "integer"),
            ("users", "integer?"),
            ("groups", "integer?"),
            ("online", "integer?"),
            ("messagesInDay", "integer?"),
            ("activeInDay", "integer?"),
            ("failingWebhooks", "[FailingWebhook]?"),
        ],
    ),
    ("AppNamed", &[("id", "string"), ("name", "string")]),
    ("ApiKeyNumbered", &[("id", "integer"), ("key", "ApiKey")]),
    ("ApiKeySecret", &[("apiKey", "string")]),
    ("ExtensionState", &[("id", "string"), ("name", "string"), ("available", "boolean"), ("enabled", "boolean")]),
    ("StickerCreated", &[("id", "string")]),
    ("Login", &[("id", "integer"), ("login", "AuthToken")]),
    ("Retention", &[("user", "integer|null"), ("group", "integer|null")]),
    (
        "AppLimit",
        &[
            ("name", "string"),
            ("meaning", "string"),
            ("server", "integer"),
            ("own", "integer|null"),
            ("least", "integer"),
        ],
    ),
    ("ManagementKey", &[("key", "string"), ("name", "string"), ("createdAt", "integer")]),
    ("ManagementKeySecret", &[("key", "string"), ("secret", "string")]),
    ("Backup", &[("name", "string"), ("size", "integer")]),
    (
        "BackupRead",
        &[
            ("name", "string"),
            ("size", "integer"),
            ("madeAt", "integer"),
            ("schema", "integer"),
            ("counts", "{integer}"),
        ],
    ),
    ("BackupLink", &[("path", "string"), ("expiresAt", "integer")]),
    ("TailOpened", &[("id", "string"), ("texts", "boolean")]),
    ("TailRead", &[("lost", "integer"), ("entries", "[TailEntry]")]),
    (
        "TailEntry",
        &[
            ("id", "integer"),
            ("at", "integer"),
            ("kind", "string"),
            ("title", "string"),
            ("app", "string|null"),
            ("users", "[string]"),
            ("group", "string|null"),
            ("status", "integer|null"),
            ("failed", "boolean"),
            ("facts", "{any}"),
            ("bodies", "{any}"),
        ],
    ),
    (
        "AuditEntry",
        &[
            ("id", "integer"),
            ("at", "integer"),
            ("actor", "string"),
            ("act", "string"),
            ("app", "string?"),
            ("target", "string?"),
            ("other", "string?"),
            ("details", "any?"),
        ],
    ),
];

/// The answers of these operations are objects of these names, one or a list.
const ANSWERS: &[(&str, Shape, &str)] = &[
    ("admin-setup", Shape::One, "AdminSessionSecret"),
    ("admin-login", Shape::One, "AdminSessionSecret"),
    ("admin-change-password", Shape::One, "AdminSessionSecret"),
    ("admin-overview", Shape::One, "AdminOverview"),
    ("admin-series", Shape::One, "Series"),
    ("admin-health", Shape::One, "Health"),
    ("admin-logs", Shape::List, "LogLine"),
    ("admin-create-tail", Shape::One, "TailOpened"),
    ("admin-show-tail", Shape::One, "TailRead"),
    ("admin-check-database", Shape::One, "DatabaseCheck"),
    ("admin-me", Shape::One, "AdminListed"),
    ("admin-list-admins", Shape::List, "AdminListed"),
    ("admin-update-admin", Shape::One, "AdminListed"),
    ("admin-list-own-sessions", Shape::List, "AdminSession"),
    ("admin-list-admin-sessions", Shape::List, "AdminSession"),
    ("admin-enrol-totp", Shape::One, "TotpEnrolment"),
    ("admin-confirm-totp", Shape::One, "RecoveryCodes"),
    ("admin-create-admin", Shape::One, "AdminLink"),
    ("admin-reset-admin", Shape::One, "AdminLink"),
    ("admin-list-invitations", Shape::List, "AdminInvitation"),
    ("admin-create-app", Shape::One, "AppCreated"),
    ("admin-show-app", Shape::One, "AppShown"),
    ("admin-rename-app", Shape::One, "AppNamed"),
    ("admin-delete-app", Shape::One, "AppDeletion"),
    ("admin-list-keys", Shape::List, "ApiKeyNumbered"),
    ("admin-create-key", Shape::One, "ApiKeySecret"),
    ("admin-list-extensions", Shape::List, "ExtensionState"),
    ("admin-switch-extension", Shape::One, "ExtensionState"),
    ("admin-create-sticker", Shape::One, "StickerCreated"),
    ("admin-delete-user", Shape::One, "UserDeletion"),
    ("admin-list-logins", Shape::Page, "Login"),
    ("admin-show-retention", Shape::One, "Retention"),
    ("admin-set-retention", Shape::One, "Retention"),
    ("admin-show-limits", Shape::List, "AppLimit"),
    ("admin-set-limits", Shape::List, "AppLimit"),
    ("admin-list-management-keys", Shape::List, "ManagementKey"),
    ("admin-create-management-key", Shape::One, "ManagementKeySecret"),
    ("admin-create-backup", Shape::One, "BackupRead"),
    ("admin-check-backup", Shape::One, "BackupRead"),
    ("admin-list-backups", Shape::List, "Backup"),
    ("admin-link-backup", Shape::One, "BackupLink"),
    ("admin-list-audit", Shape::Page, "AuditEntry"),
];

/// These say that it is done, and nothing else.
const DONE: &[&str] = &[
    "admin-delete-tail",
    "admin-logout",
    "admin-end-own-session",
    "admin-remove-totp",
    "admin-reset-totp",
    "admin-delete-admin",
    "admin-end-admin-sessions",
    "admin-end-admin-session",
    "admin-withdraw-invitation",
    "admin-retire-bot",
    "admin-revoke-key",
    "admin-delete-sticker",
    "admin-end-login",
    "admin-revoke-management-key",
];

fn schema(kind: &str) -> Value {
    if let Some(of) = kind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return json!({"type": "array", "items": schema(of)});
    }
    if let Some(of) = kind.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return json!({"type": "object", "additionalProperties": schema(of)});
    }
    if let Some(of) = kind.strip_suffix("|null") {
        return json!({"type": [of, "null"]});
    }
    match kind {
        "any" => json!({}),
        "AdminRole" => json!({"type": "string", "enum": AdminRole::ALL}),
        _ if kind.starts_with(char::is_uppercase) => json!({"$ref": format!("#/components/schemas/{kind}")}),
        _ => json!({ "type": kind }),
    }
}

fn object(fields: &[(&str, &str)]) -> Value {
    let required: Vec<&str> = fields.iter().filter(|(_, kind)| !kind.ends_with('?')).map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        fields.iter().map(|(name, kind)| ((*name).to_owned(), schema(kind.trim_end_matches('?')))).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

/// Says of every operation below `/admin/api` what it answers. Those of webhooks are described with the management API.
pub fn describe(doc: &mut Doc) {
    for (name, fields) in OBJECTS {
        doc.define((*name).to_owned(), object(fields));
    }
    for (operation, shape, name) in ANSWERS {
        doc.answer(operation, *shape, schema(name));
    }
    for operation in DONE {
        doc.reply::<Ack>(operation, Shape::One);
    }
    doc.reply::<User>("admin-list-bots", Shape::List).reply::<User>("admin-create-bot", Shape::One);
    doc.reply::<Sticker>("admin-list-stickers", Shape::List);
    doc.reply::<User>("admin-list-users", Shape::Page);
    for operation in ["admin-show-user", "admin-deactivate-user", "admin-reactivate-user"] {
        doc.reply::<User>(operation, Shape::One);
    }
    doc.reply::<Group>("admin-list-groups", Shape::Page).reply::<Group>("admin-show-group", Shape::One);
    doc.reply::<Member>("admin-list-members", Shape::Page);
}

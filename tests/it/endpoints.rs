//! Every row of the contract's endpoint list (`endpoints.tsv`): it has a route or belongs to what is left out, whoever
//! may call it can, nobody else can, and the API description says so.

mod asks;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::harness::{Client, Harness, described};
use asks::{ASKS, Ask};
use world::WAYS;
pub use world::{By, World};

/// A row of the list.
#[derive(Debug)]
pub struct Row {
    pub tag: &'static str,
    method: &'static str,
    path: &'static str,
    pub operation: &'static str,
    auth: &'static str,
}

fn rows() -> Vec<Row> {
    let text = include_str!("endpoints.tsv");
    let rows = text.lines().skip(1).map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
        [tag, method, path, operation, auth] => Row { tag, method, path, operation, auth },
        _ => panic!("five columns: {line}"),
    });
    rows.collect()
}

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    let pieces = path.split('/').map(|piece| if piece.starts_with('{') { "*" } else { piece });
    pieces.collect::<Vec<_>>().join("/")
}

/// Parts of the contract this server does not have. It says so at once, to everybody.
const LEFT_OUT: &[(&str, &str)] = &[
    ("/notifications/push/v1/providers", "nothing is pushed"),
    ("/notifications/sms/v1/providers", "no text messages are sent"),
    ("/notifications/email/v1/providers", "no mail is sent"),
];

fn left_out(path: &str) -> bool {
    let path = shape(path);
    LEFT_OUT
        .iter()
        .any(|(root, _)| path.strip_prefix(&shape(root)).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Routes that are in no row: what clients ask beside the public description, and what is this server's own.
const NO_ROW: &[(&str, &str, &str)] = &[
    ("GET", "/me", "clients: who is logged in"),
    ("PUT", "/me", "clients: login, and changes to oneself"),
    ("DELETE", "/me", "clients: logout"),
    ("POST", "/me/jwt", "clients: the key to a media session, refused"),
    ("GET", "/settings", "clients: where to go"),
    ("POST", "/user_sessions", "clients: a report of their surroundings"),
    ("POST", "/api/{version}/online-members", "clients: how many are online"),
    ("GET", "/apps/{appId}/triggers", "ours: all there are"),
    ("POST", "/apps/{appId}/webhooks/{webhookId}/secret", "ours: another one signs"),
    ("POST", "/apps/{appId}/webhooks/{webhookId}/test", "ours: it is sent a test"),
    ("GET", "/apps/{appId}/webhooks/{webhookId}/deliveries", "ours: what became of events"),
    ("GET", "/apps/{appId}/webhooks/{webhookId}/deliveries/{deliveryId}", "ours: of one"),
    ("POST", "/apps/{appId}/webhooks/{webhookId}/deliveries/{deliveryId}/replay", "ours: it is sent once more"),
    ("POST", "/apps/{appId}/webhooks/{webhookId}/replay", "ours: many are sent once more"),
    ("GET", "/moderation/settings", "ours: how engines are asked"),
    ("PUT", "/moderation/settings", "ours: the same"),
    ("POST", "/files/upload-url", "clients: where to put files"),
    ("POST", "/files/uploads/{appId}/{name}", "where they are put"),
    ("GET", "/notifications/push/v1/preferences", "clients: their name for the preferences"),
    ("PATCH", "/notifications/push/v1/preferences", "clients: the same"),
    ("DELETE", "/notifications/push/v1/preferences", "clients: the same"),
    ("GET", "/notifications/push/v1/preferences/mute", "clients: the same"),
    ("PUT", "/notifications/push/v1/preferences/mute", "clients: the same"),
    ("DELETE", "/notifications/push/v1/preferences/mute", "clients: the same"),
    ("GET", "/notifications/push/v1/preferences/timezone", "clients: the same"),
    ("PATCH", "/notifications/push/v1/preferences/timezone", "clients: the same"),
];

/// The admin page's own calls.
fn is_admin(path: &str) -> bool {
    path.starts_with("/admin/api/")
}

/// What clients reach by `callExtension`, beside the public description: tests/it/extensions.
fn is_extension(path: &str) -> bool {
    path.starts_with("/extensions/")
}

/// Who may call, by the `auth` column.
fn allowed(auth: &str) -> Vec<By> {
    use By::{AuthKey, Behalf, Key, Management, Token};
    match auth {
        "mgmt key+secret" => vec![Management],
        "key:full or mgmt key+secret" => vec![Key, Management],
        "key:full" | "key:full+uid query" => vec![Key],
        "key:any" => vec![Key, AuthKey],
        "key:full; authToken" => vec![Key, Token],
        "key:full[+onBehalfOf]" => vec![Key, Behalf],
        "key:full[+onBehalfOf]; authToken" => vec![Key, Behalf, Token],
        "key:full+onBehalfOf(required)" => vec![Behalf],
        "key:full+onBehalfOf(required); authToken" => vec![Behalf, Token],
        "authToken" => vec![Token],
        other => panic!("who may call: {other}"),
    }
}

/// Whom a route serves. Where the app acts, `onBehalfOf` changes nothing.
fn served(who: &str) -> Vec<By> {
    use By::{AuthKey, Behalf, Key, Management, Token};
    match who {
        "Management" => vec![Management],
        "Moderator" => vec![Key, Management],
        "FullKey" => vec![Key],
        "AnyKey" => vec![Key, AuthKey],
        "Either" => vec![Key, Behalf, Token],
        "AsUser" => vec![Behalf, Token],
        "Behalf" => vec![Behalf],
        "Token" => vec![Token],
        other => panic!("a row of the contract cannot be for {other}"),
    }
}

/// Rows whose route serves more than the row says: which, whom, and why.
const SERVES_MORE: &[(&[&str], &[By], &str)] = &[
    (
        &[
            "(client) block-users",
            "(client) unblock-users",
            "(client) list-blocked-users",
            "(client) leave-group",
            "(client) get-message-by-muid",
            "(client) list-user-threads",
            "(client) list-group-threads",
            "(client) initiate-call",
            "(client) update-call",
            "(client) switch-call-type",
        ],
        &[By::Behalf],
        "what a user may do the app may do on his behalf",
    ),
    (
        &["(client) join-group", "(client) add-group-members"],
        &[By::Key, By::Behalf],
        "the same call adds members when a key makes it, and an app may do so by either method",
    ),
    (&["add-group-members"], &[By::Token], "the same call joins when a token makes it"),
    (
        &["list-calls", "retrieve-call-details", "retrieve-call-transcriptions"],
        &[By::Token],
        "clients have a feature for it: they see the calls they have a part in",
    ),
    (
        &[
            "notifications-push-list-preferences",
            "notifications-push-update-preferences",
            "notifications-push-reset-preferences",
            "notifications-push-list-muted",
            "notifications-push-mute-conversations",
            "notifications-push-unmute-conversations",
            "notifications-get-timezone",
            "notifications-update-timezone",
        ],
        &[By::Behalf, By::Token],
        "clients ask for their own, some of it at this very address",
    ),
    (
        &["notifications-push-register-token", "notifications-push-unregister-tokens"],
        &[By::Behalf],
        "the auth token in the body says whose login it is",
    ),
    (
        &["notifications-push-list-tokens", "notifications-push-delete-token"],
        &[By::Behalf, By::Token],
        "a login sees and removes its own",
    ),
];

struct Served {
    row: Row,
    route: hobnob::api::Route,
    ask: &'static Ask,
}

/// The rows that are served, each with its route and its request.
fn walked() -> Vec<Served> {
    let rows = rows().into_iter().filter(|row| !left_out(row.path));
    let served = rows.map(|row| {
        let mut routes = hobnob::api::routes();
        let at = routes.iter().position(|route| same(&row, route)).unwrap_or_else(|| panic!("no route: {row:?}"));
        let ask = ASKS.iter().find(|ask| ask.operation == row.operation);
        let ask = ask.unwrap_or_else(|| panic!("no request for {row:?}"));
        let path = ask.path.split('?').next().unwrap_or_default();
        let mut pieces = path.split('/');
        let fits =
            row.path.split('/').all(|known| pieces.next().is_some_and(|it| known.starts_with('{') || known == it));
        assert!(fits && pieces.next().is_none(), "the request for {row:?} goes elsewhere: {path}");
        Served { row, route: routes.swap_remove(at), ask }
    });
    let mut served: Vec<Served> = served.collect();
    // Reads first, then in the order of the requests.
    let place = |it: &Served| ASKS.iter().position(|ask| ask.operation == it.row.operation);
    served.sort_by_key(place);
    served
}

fn same(row: &Row, route: &hobnob::api::Route) -> bool {
    route.method == row.method && shape(route.path) == shape(row.path)
}

#[test]
fn every_row_has_a_route_and_every_route_a_row() {
    let (rows, routes) = (rows(), hobnob::api::routes());
    let mut wrong = Vec::new();
    for row in &rows {
        match (routes.iter().find(|route| same(row, route)), left_out(row.path)) {
            (None, true) => {}
            (None, false) => wrong.push(format!("{} {} has no route", row.method, row.path)),
            (Some(_), true) => wrong.push(format!("{} {} is left out, and has a route", row.method, row.path)),
            (Some(route), false) => {
                // Where one route serves several rows it has the name of the first.
                let name = |operation: &'static str| operation.strip_prefix("(client) ").unwrap_or(operation);
                let first = rows.iter().find(|other| same(other, route)).expect("this one");
                if name(route.operation) != name(first.operation) {
                    wrong.push(format!("{} is called {}", first.operation, route.operation));
                }
            }
        }
    }
    for route in &routes {
        let here = |(method, path, _): &&(&str, &str, &str)| route.method == **method && route.path == *path;
        let explained = NO_ROW.iter().any(|it| here(&it)) || is_admin(route.path) || is_extension(route.path);
        if rows.iter().any(|row| same(row, route)) == explained {
            wrong.push(format!("{} {}: a row or a reason, one of them", route.method, route.path));
        }
    }
    for (method, path, _) in NO_ROW {
        if !routes.iter().any(|route| route.method == **method && route.path == *path) {
            wrong.push(format!("{method} {path} is no route"));
        }
    }
    for (root, _) in LEFT_OUT {
        assert!(rows.iter().any(|row| row.path.starts_with(root)), "{root} is in no row");
    }
    let asked: BTreeSet<_> = ASKS.iter().map(|ask| ask.operation).collect();
    let known: BTreeSet<_> = walked().iter().map(|it| it.row.operation).collect();
    assert_eq!((asked.len(), asked), (ASKS.len(), known), "one request for each row");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_is_left_out_is_refused_at_once() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let before = h.snapshot().await;
    for row in rows().iter().filter(|row| left_out(row.path)) {
        let mut path = row.path.to_owned();
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, "x1");
        }
        for caller in [&h.nobody(), &*h.app, &*ann] {
            let method: Method = row.method.parse().unwrap();
            caller.raw(method, &path, Some(b"{".to_vec())).await.refused(Code::FeatureNotAccessible);
        }
    }
    before.still(h.snapshot().await, "what is left out");
}

#[test]
fn a_route_serves_whom_its_row_names() {
    let mut more = BTreeMap::new();
    for Served { row, route, .. } in walked() {
        let (named, served) = (allowed(row.auth), served(&format!("{:?}", route.who)));
        let missing: Vec<_> = named.iter().filter(|by| !served.contains(by)).collect();
        assert!(missing.is_empty(), "{row:?} does not serve {missing:?}");
        let others: Vec<By> = served.into_iter().filter(|by| !named.contains(by)).collect();
        if !others.is_empty() {
            more.insert(row.operation, others);
        }
    }
    let explained =
        SERVES_MORE.iter().flat_map(|(operations, ways, _)| operations.iter().map(|it| (*it, ways.to_vec())));
    assert_eq!(more, explained.collect::<BTreeMap<_, _>>());
}

/// A caller who is wrong here, and what he is told.
struct Wrong {
    what: &'static str,
    caller: Client,
    codes: &'static [Code],
}

/// Everybody who may not call where only `right` may.
fn wrong_callers(world: &World, other: &World, right: &[By]) -> Vec<Wrong> {
    let may = |by: By| right.contains(&by);
    let nobody = world.app.nobody().with("appId", &world.app.app_id);
    let key = |key: &str| nobody.clone().with("apiKey", key);
    let token = |token: &str| nobody.clone().with("authToken", token);
    let mut wrong = Vec::new();
    let mut add = |what, caller: Client, codes| wrong.push(Wrong { what, caller, codes });
    if right == [By::Management] {
        const EMPTY: &[Code] = &[Code::EmptyAuthHeader];
        add("nobody", nobody.clone(), EMPTY);
        add("the full key", world.caller(By::Key), EMPTY);
        add("the auth key", world.caller(By::AuthKey), EMPTY);
        add("a token", world.caller(By::Token), EMPTY);
        add("a management key without its secret", nobody.clone().with("key", "x"), EMPTY);
        add("a wrong secret", world.caller(By::Management).with("secret", "0123"), &[Code::ApiKeyUnknown]);
        return wrong;
    }
    let (by_key, by_token) = (may(By::Key) || may(By::Behalf), may(By::Token));
    let none: &[Code] = match (by_key, by_token) {
        (false, true) => &[Code::EmptyAuthToken],
        _ => &[Code::EmptyApiKey],
    };
    add("nobody", nobody.clone(), none);
    add("an empty key and an empty token", key("").with("authToken", ""), none);
    if !may(By::Management) {
        add("a management key", world.caller(By::Management), none);
    }
    let of_keys = |code: &'static [Code]| if by_key { code } else { &[Code::NoAccess] };
    let of_tokens = |code: &'static [Code]| if by_token { code } else { &[Code::NoAccess] };
    add("an unknown key", key("0123456789"), of_keys(&[Code::ApiKeyUnknown]));
    add("a token as the key", key(&world.ann.token), of_keys(&[Code::ApiKeyUnknown]));
    add("the key of another app", key(&other.app.api_key), of_keys(&[Code::InvalidAppId]));
    add("an unknown token", token("ann_1_0123"), of_tokens(&[Code::AuthTokenUnknown]));
    add("a key as the token", token(&world.app.api_key), of_tokens(&[Code::AuthTokenUnknown]));
    add("the token of another app", token(&other.ann.token), of_tokens(&[Code::InvalidAppId]));
    if !may(By::AuthKey) {
        add("the auth key", world.caller(By::AuthKey), &[Code::NoAccess]);
        add("the auth key for a user", world.caller(By::AuthKey).with("onBehalfOf", "ann"), &[Code::NoAccess]);
    }
    if !by_token {
        add("a token", world.caller(By::Token), &[Code::NoAccess]);
    }
    if may(By::Behalf) {
        add("the full key for nobody", world.app.behalf("nobody"), &[Code::UidNotFound]);
        add("the full key for somebody deactivated", world.app.behalf("dan"), &[Code::UidNotFound]);
        if !may(By::Key) {
            add("the full key for itself", world.caller(By::Key), &[Code::BadRequest]);
        }
    }
    wrong
}

#[tokio::test]
async fn nobody_else_is_served() {
    let h = Harness::start().await;
    let (world, other) = (World::make(&h).await, World::make(&h).await);
    let mut wrong = Vec::new();
    for Served { row, route, ask } in walked() {
        let before = h.snapshot().await;
        for Wrong { what, caller, codes } in wrong_callers(&world, &other, &served(&format!("{:?}", route.who))) {
            let answer = world.ask(&caller, row.method, ask).await;
            let fits = codes.iter().any(|code| answer.code() == Some(code.as_str()) && answer.status == code.status());
            if !fits {
                let (status, text) = (answer.status, answer.text);
                wrong.push(format!("{} as {what}: expected {codes:?}, got {status} {text}", row.operation));
            }
        }
        before.still(h.snapshot().await, row.operation);
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// What came back in the walk.
pub struct Reply {
    pub tag: &'static str,
    pub operation: &'static str,
    pub shape: &'static str,
    pub by: By,
    pub status: u16,
    pub body: Value,
}

/// The walk: every row asked in every way it allows, each way in a world of its own. Made once for all who look at it.
pub async fn replies() -> &'static [Reply] {
    static REPLIES: OnceCell<Vec<Reply>> = OnceCell::const_new();
    REPLIES.get_or_init(walk).await
}

async fn walk() -> Vec<Reply> {
    let h = Harness::start().await;
    let mut replies = Vec::new();
    for by in WAYS {
        let mut world = World::make(&h).await;
        for Served { row, ask, .. } in walked().into_iter().filter(|it| allowed(it.row.auth).contains(&by)) {
            world.prepare(ask).await;
            let answer = world.ask(&world.caller(by), row.method, ask).await;
            replies.push(Reply {
                tag: row.tag,
                operation: row.operation,
                shape: ask.shape,
                by,
                status: answer.status,
                body: answer.body,
            });
        }
    }
    replies
}

#[tokio::test]
async fn whoever_may_call_can() {
    let mut wrong = Vec::new();
    for reply in replies().await {
        let data = &reply.body["data"];
        if reply.status != 200 || !(data.is_object() || data.is_array()) {
            let Reply { tag, operation, shape, by, status, body } = reply;
            wrong.push(format!("{tag}, {operation} by {by:?}: {shape} expected, got {status} {body}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

#[tokio::test]
async fn the_api_description_has_every_operation_and_no_other() {
    let h = Harness::start().await;
    let described = h.nobody().at_path("/openapi.json").await.body;
    assert_eq!(described["openapi"], "3.1.0");
    let mut paths: BTreeMap<(String, String), Value> = BTreeMap::new();
    for (path, item) in described["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            paths.insert((method.to_uppercase(), path.clone()), operation.clone());
        }
    }
    let routes = hobnob::api::routes();
    let routes = routes.iter().filter(|route| !is_admin(route.path));
    let routed: BTreeMap<_, _> =
        routes.map(|route| ((route.method.to_string(), route.path.to_owned()), route)).collect();
    assert_eq!(paths.keys().collect::<Vec<_>>(), routed.keys().collect::<Vec<_>>());
    for row in rows().iter().filter(|row| !left_out(row.path)) {
        let here = paths.keys().any(|(method, path)| method == row.method && shape(path) == shape(row.path));
        assert!(here, "{row:?} is not described");
    }
    for ((method, path), operation) in &paths {
        let what = format!("{method} {path}");
        let name = routed[&(method.clone(), path.clone())].operation;
        assert_eq!(operation["operationId"], name.replace("(client) ", "client-"), "{what}");
        let parameters = operation["parameters"].as_array().expect("parameters");
        let in_path = parameters.iter().filter(|it| it["in"] == "path").count();
        assert_eq!(in_path, path.matches('{').count(), "{what}");
        assert!(operation["summary"].is_string() && operation["responses"]["200"].is_object(), "{what}");
        assert_resolved(operation, &described, &what);
    }
    assert_resolved(&described["components"], &described, "components");
}

/// What is served was written down; whoever changes the API writes it down anew.
#[test]
fn the_api_descriptions_are_those_of_the_sources() {
    let (api, admin) = hobnob::api::described();
    for (name, made) in [("openapi.json", api), ("admin-openapi.json", admin)] {
        let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
        let written: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("it is there")).expect("JSON");
        assert!(written == made, "docs/{name} is not of these sources: cargo run --example describe");
    }
}

/// Operations whose success is not described, and why.
const NO_REPLY: &[(&str, &str)] = &[("client-create-media-token", "it is always refused")];

#[test]
fn the_api_description_says_what_every_operation_answers() {
    let known: BTreeSet<String> = NO_REPLY.iter().map(|(operation, _)| operation.to_string()).collect();
    assert_eq!(described::without_reply(), known);
}

#[test]
fn a_reply_that_is_described_otherwise_is_noticed() {
    let user = json!({"uid": "ann", "name": "Ann", "status": "offline", "role": "default", "createdAt": 1});
    let wrong = |change: fn(&mut Value)| {
        let mut user = user.clone();
        change(&mut user);
        described::complaints(&Method::GET, "/v3/users/ann?x=1", &json!({ "data": user }))
    };
    assert_eq!(wrong(|_| {}), Vec::<String>::new());
    for change in [
        |user: &mut Value| user["uid"] = json!(1),
        |user: &mut Value| user["avatar"] = Value::Null,
        |user: &mut Value| user["status"] = json!("asleep"),
        |user: &mut Value| *user = json!({"uid": "ann"}),
        |user: &mut Value| user["shoes"] = json!("brown"),
    ] {
        assert!(!wrong(change).is_empty());
    }
}

#[tokio::test]
async fn the_api_description_names_what_requests_hold() {
    let h = Harness::start().await;
    let described = h.nobody().at_path("/openapi.json").await.body;
    let mut wrong = Vec::new();
    for Served { row, route, ask } in walked() {
        let operation = &described["paths"][route.path][row.method.to_lowercase()];
        let named: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
        for pair in ask.path.split_once('?').map(|(_, query)| query.split('&')).into_iter().flatten() {
            let name = pair.split('=').next().unwrap_or_default();
            if !named.iter().any(|it| it["in"] == "query" && it["name"] == name) {
                wrong.push(format!("{}: the parameter {name}", row.operation));
            }
        }
        let Ok(Value::Object(body)) = serde_json::from_str(ask.body) else { continue };
        let fields = fields_of(&operation["requestBody"]["content"]["application/json"]["schema"], &described);
        for name in body.keys().filter(|name| !fields.contains(*name)) {
            wrong.push(format!("{}: {name} of the body", row.operation));
        }
    }
    assert!(wrong.is_empty(), "not described: {wrong:#?}");
}

/// The names of an object schema's fields, those of its parts as well.
fn fields_of(schema: &Value, described: &Value) -> BTreeSet<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return described.pointer(&reference[1..]).map(|found| fields_of(found, described)).unwrap_or_default();
    }
    let parts = ["allOf", "oneOf"].into_iter().filter_map(|kind| schema[kind].as_array()).flatten();
    let own = schema["properties"].as_object().into_iter().flat_map(|fields| fields.keys().cloned());
    parts.flat_map(|part| fields_of(part, described)).chain(own).collect()
}

/// Whatever a reference names is there.
#[track_caller]
fn assert_resolved(value: &Value, described: &Value, what: &str) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("inside");
                assert!(described.pointer(pointer).is_some(), "{what}: {reference} leads nowhere");
            }
            fields.values().for_each(|value| assert_resolved(value, described, what));
        }
        Value::Array(items) => items.iter().for_each(|value| assert_resolved(value, described, what)),
        _ => {}
    }
}

/// Texts of an answer or a body that let somebody in.
fn secrets(value: &Value, into: &mut BTreeSet<String>) {
    const NAMES: [&str; 8] = ["apiKey", "authToken", "jwt", "password", "secret", "fcmToken", "token", "refreshToken"];
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                match value.as_str() {
                    Some(text) if NAMES.contains(&name.as_str()) && !text.contains("***") && text.len() > 3 => {
                        _ = into.insert(text.to_owned())
                    }
                    _ => secrets(value, into),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| secrets(value, into)),
        _ => {}
    }
}

#[tokio::test]
async fn who_looks_sees_every_call_and_no_secret() {
    let h = Harness::start().await;
    let root = crate::admin::root(&h).await;
    let mut told = String::new();
    let mut held = BTreeSet::new();
    let (mut calls, mut seen) = (0, 0);
    for by in [By::Key, By::Token, By::Management] {
        // Opened before the world is made: that is where most secrets pass.
        let opened = root.post("/admin/api/tail", json!({"texts": true})).await.ok();
        let tail = format!("/admin/api/tail/{}?wait=0", opened["id"].as_str().expect("an id"));
        let mut world = World::make(&h).await;
        held.extend([
            world.app.api_key.clone(),
            world.app.auth_key.clone(),
            world.ann.token.clone(),
            world.ann.jwt.clone(),
        ]);
        let mut asked = 0;
        for Served { row, ask, .. } in walked().into_iter().filter(|it| allowed(it.row.auth).contains(&by)) {
            world.prepare(ask).await;
            let with = format!("x-{asked}");
            let answer = world.ask(&world.caller(by).with("X-Request-Id", &with), row.method, ask).await;
            asked += 1;
            secrets(&answer.body, &mut held);
            if let Ok(body) = serde_json::from_str(&world.fill(ask.body)) {
                secrets(&body, &mut held);
            }
            loop {
                let more = root.get(&tail).await.ok();
                assert_eq!(more["lost"], 0, "{}", row.operation);
                let entries = more["entries"].as_array().expect("entries");
                seen += entries.iter().filter(|entry| entry["facts"]["requestId"] == *with).count();
                if entries.is_empty() {
                    break;
                }
                told.push_str(&more.to_string());
            }
        }
        calls += asked;
    }
    assert_eq!(seen, calls, "each call is told once");
    assert!(held.len() > 12, "{held:?}");
    let leaked: Vec<_> = held.iter().filter(|secret| told.contains(secret.as_str())).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
}

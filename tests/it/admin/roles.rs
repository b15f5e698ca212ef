//! What admins of each role may do: every row of the route table by every role, and who becomes what.

use std::collections::{BTreeMap, BTreeSet};

use hobnob::model::Code;
use hobnob::model::admin::{AdminRole, least};
use hobnob::store::admins;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, another_session, link, root, session};
use crate::harness::{Client, Harness, Process, hobnob, temp_dir};

/// An admin of this role, called by it, logged in without the time a password takes. Again: another session of theirs.
pub async fn admin_of(h: &Harness, role: AdminRole) -> Client {
    let made = h.store.write("it", move |tx| {
        admins::insert(tx, role.as_str(), role, "$argon2id$none")?;
        let (id, _) = admins::find(tx, role.as_str())?.expect("they are there");
        hobnob::actions::admin::log_in(tx, id, None)
    });
    h.nobody().with("X-Hobnob-Admin", &made.await.expect("a session"))
}

/// Which role each operation takes, as it was decided.
fn decided() -> BTreeMap<&'static str, AdminRole> {
    let rows = include_str!("roles.tsv").lines().skip(1).map(|line| line.split_once('\t').expect("two columns"));
    let rows: Vec<_> = rows.collect();
    let table: BTreeMap<_, _> = rows.iter().map(|(name, role)| (*name, AdminRole::parse(role).unwrap())).collect();
    assert_eq!(table.len(), rows.len(), "an operation stands there twice");
    table
}

const BACKUP: &str = "admin-download-backup";

#[tokio::test]
async fn every_route_for_every_role() {
    let h = Harness::start().await;
    h.user("ann").await;
    let table = decided();
    let mut rest: BTreeSet<&str> = table.keys().copied().collect();
    let mut wrong = Vec::new();
    let refuses =
        |body: &Value| body["error"]["message"].as_str().is_some_and(|text| text.starts_with("This takes the role"));
    let mut routes: Vec<(Method, String, &str)> = vec![(Method::GET, "/admin/api/backups/none".into(), BACKUP)];
    for route in hobnob::api::routes() {
        let who = format!("{:?}", route.who);
        if !matches!(&*who, "Open" | "Token" | "Management" | "Socket") {
            let method = route.method.as_str().parse().unwrap();
            routes.push((method, crate::permissions::filled(route.path), route.operation));
        }
    }
    for (method, path, operation) in routes {
        let Some(wanted) = table.get(operation).copied() else {
            wrong.push(format!("{operation}: who may do it? Decide in src/model/admin.rs and write it in roles.tsv"));
            continue;
        };
        rest.remove(operation);
        if wanted != least(operation, method == Method::GET) {
            wrong.push(format!(
                "{operation}: {wanted} in roles.tsv, {} in the server",
                least(operation, method == Method::GET)
            ));
        }
        for role in AdminRole::ALL {
            let caller = admin_of(&h, role).await.with("appId", &h.app_id).with("onBehalfOf", "ann");
            let answer = caller.call(method.clone(), &path, Some(json!({}))).await;
            let refused = refuses(&answer.body) && answer.code() == Some(Code::NoAccess.as_str());
            if refused != (role < wanted) || answer.status >= 500 {
                wrong.push(format!("{method} {path} ({operation}) by {role}: {}", answer.text));
            }
        }
    }
    assert!(rest.is_empty(), "no such operation: {rest:?}");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

async fn set_up(h: &Harness, link: &Value, name: Option<&str>, password: &str) -> crate::harness::Answer {
    let mut body = json!({"link": link, "password": password});
    if let Some(name) = name {
        body["name"] = json!(name);
    }
    h.nobody().post("/admin/api/setup", body).await
}

async fn log_in(h: &Harness, name: &str, password: &str) -> crate::harness::Answer {
    h.nobody().post("/admin/api/login", json!({"name": name, "password": password})).await
}

#[tokio::test]
async fn the_first_is_an_owner_and_owners_let_others_in() {
    let h = Harness::start().await;
    // Whatever the link says.
    let viewers = h.store.write("it", |tx| hobnob::actions::admin::invite_as(tx, AdminRole::Viewer)).await.unwrap();
    let made = set_up(&h, &json!(viewers.secret), Some("root"), PASSWORD).await.ok();
    let root = session(&h, &made);
    assert_eq!(root.get("/admin/api/me").await.ok()["role"], "owner");

    root.post("/admin/api/admins", json!({"role": "king"})).await.refused(Code::BadRequest);
    root.post("/admin/api/admins", json!({})).await.refused(Code::BadRequest);
    let invited = root.post("/admin/api/admins", json!({"role": "viewer"})).await.ok();
    assert_eq!(invited["expiresAt"], h.clock.now() + hobnob::actions::admin::LINK);
    assert!(
        invited["url"].as_str().unwrap().ends_with(&format!("/admin/#setup={}", invited["link"].as_str().unwrap()))
    );
    set_up(&h, &invited["link"], None, PASSWORD).await.refused(Code::BadRequest);
    let eve = session(&h, &set_up(&h, &invited["link"], Some("eve"), PASSWORD).await.ok());
    let me = eve.get("/admin/api/me").await.ok();
    assert_eq!(
        (&me["name"], &me["role"], &me["totp"], &me["sessions"]),
        (&json!("eve"), &json!("viewer"), &json!(false), &json!(1))
    );
    eve.get("/admin/api/admins").await.refused(Code::NoAccess);
    eve.post("/admin/api/apps", json!({"name": "x"})).await.refused(Code::NoAccess);
    let id = &me["id"];

    // Another role counts at once, for sessions there are.
    let changed = root.put(&format!("/admin/api/admins/{id}"), json!({"role": "admin"})).await.ok();
    assert_eq!((&changed["name"], &changed["role"]), (&json!("eve"), &json!("admin")));
    eve.post("/admin/api/apps", json!({"name": "x"})).await.ok();
    let all = eve.get("/admin/api/admins").await.list();
    assert_eq!(
        all.iter().map(|one| (one["name"].as_str().unwrap(), one["role"].as_str().unwrap())).collect::<Vec<_>>(),
        [("root", "owner"), ("eve", "admin")]
    );
    eve.put(&format!("/admin/api/admins/{id}"), json!({"role": "owner"})).await.refused(Code::NoAccess);

    // The last owner neither goes nor becomes less, until there is another.
    let own = format!("/admin/api/admins/{}", all[0]["id"]);
    root.delete(&own).await.refused(Code::PermissionDenied);
    root.put(&own, json!({"role": "admin"})).await.refused(Code::PermissionDenied);
    root.put(&own, json!({"role": "owner"})).await.ok();
    root.put(&format!("/admin/api/admins/{id}"), json!({"role": "owner"})).await.ok();
    eve.delete(&own).await.ok();
    root.get("/admin/api/me").await.refused(Code::EmptyAuthHeader);
    log_in(&h, "root", PASSWORD).await.refused(Code::NoAccess);
    eve.delete(&own).await.refused(Code::UidNotFound);
    eve.delete("/admin/api/admins/x").await.refused(Code::UidNotFound);
    let acts = eve.get("/admin/api/audit?perPage=50").await.each("act");
    for act in ["admin.delete", "admin.role", "admin.create", "admin.invite"] {
        assert!(acts.iter().any(|found| found == act), "{act} in {acts:?}");
    }
}

#[tokio::test]
async fn who_lost_their_password_gets_another_by_a_link() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let invited = root.post("/admin/api/admins", json!({"role": "moderator"})).await.ok();
    let eve = session(&h, &set_up(&h, &invited["link"], Some("eve"), PASSWORD).await.ok());
    let id = eve.get("/admin/api/me").await.ok()["id"].clone();
    let path = format!("/admin/api/admins/{id}/reset");
    let reset = async |root: &Client| root.post(&path, json!({})).await.ok()["link"].clone();
    let (early, late) = (reset(&root).await, reset(&root).await);
    set_up(&h, &early, Some("eve"), "battery staple").await.refused(Code::NoAccess);
    set_up(&h, &late, Some("mallory"), "battery staple").await.refused(Code::BadRequest);
    eve.get("/admin/api/me").await.ok();
    // Somebody has tried so many that she must wait; the link lets her in, and then so does her password.
    for _ in 0..5 {
        log_in(&h, "eve", "wrong").await.refused(Code::NoAccess);
    }
    log_in(&h, "eve", PASSWORD).await.refused(Code::TooManyRequests);
    let back = session(&h, &set_up(&h, &late, None, "battery staple").await.ok());
    assert_eq!(back.get("/admin/api/me").await.ok()["role"], "moderator", "nobody becomes more by it");
    eve.get("/admin/api/me").await.refused(Code::EmptyAuthHeader);
    set_up(&h, &late, None, "battery staple").await.refused(Code::NoAccess);
    log_in(&h, "eve", PASSWORD).await.refused(Code::NoAccess);
    log_in(&h, "eve", "battery staple").await.ok();

    // On the machine itself, for an owner whom nobody else can let in.
    for _ in 0..5 {
        log_in(&h, "root", "wrong").await;
    }
    log_in(&h, "root", PASSWORD).await.refused(Code::TooManyRequests);
    let made = hobnob(&h.data, &["admin", "reset", "root", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let root = session(&h, &set_up(&h, &made["setup"], None, "staple horse").await.ok());
    assert_eq!(root.get("/admin/api/me").await.ok()["role"], "owner");
    // A link goes with its admin.
    let link = reset(&root).await;
    root.delete(&format!("/admin/api/admins/{id}")).await.ok();
    set_up(&h, &link, None, "battery staple").await.refused(Code::NoAccess);
}

/// Whoever may let nobody in any more leaves no way in behind, and a new password leaves no other.
#[tokio::test]
async fn links_go_with_the_owner_who_made_them() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let [second, third] = [AdminRole::Owner, AdminRole::Viewer].map(|role| admin_of(&h, role));
    let (second, third) = (second.await, third.await);
    let id = async |admin: &Client| admin.get("/admin/api/me").await.ok()["id"].clone();
    let ids = [id(&second).await, id(&third).await];
    let path = |id: &Value| format!("/admin/api/admins/{id}");
    let invite = async |by: &Client| by.post("/admin/api/admins", json!({"role": "owner"})).await.ok()["link"].clone();
    let reset = async |by: &Client| by.post(&(path(&ids[1]) + "/reset"), json!({})).await.ok()["link"].clone();
    let is_good = async |link: &Value| {
        // A name that is wrong or taken uses no link up.
        let refused = set_up(&h, link, Some("root"), PASSWORD).await;
        refused.code() == Some(Code::BadRequest.as_str())
    };
    let (by_root, by_hand) = (invite(&root).await, json!(link(&h).await));
    let theirs = [invite(&second).await, reset(&second).await];
    for link in [&by_root, &by_hand, &theirs[0], &theirs[1]] {
        assert!(is_good(link).await);
    }
    root.put(&path(&ids[0]), json!({"role": "admin"})).await.ok();
    for link in &theirs {
        assert!(!is_good(link).await);
    }
    root.put(&path(&ids[0]), json!({"role": "owner"})).await.ok();
    let theirs = [invite(&second).await, reset(&second).await];
    root.delete(&path(&ids[0])).await.ok();
    for link in &theirs {
        assert!(!is_good(link).await);
    }
    assert!(is_good(&by_root).await && is_good(&by_hand).await, "others' links stay");

    let link = reset(&root).await;
    let back = session(&h, &set_up(&h, &link, None, PASSWORD).await.ok());
    let link = reset(&root).await;
    back.post("/admin/api/password", json!({"current": PASSWORD, "password": "battery staple"})).await.ok();
    assert!(!is_good(&link).await);
}

#[tokio::test]
async fn the_sessions_of_an_admin_are_bounded() {
    let h = Harness::start().await;
    let first = root(&h).await;
    h.clock.advance(1);
    let second = another_session(&h).await;
    h.clock.advance(1);
    for _ in 0..98 {
        another_session(&h).await;
    }
    first.get("/admin/api/me").await.ok();
    let last = another_session(&h).await;
    first.get("/admin/api/me").await.refused(Code::EmptyAuthHeader);
    second.get("/admin/api/me").await.ok();
    assert_eq!(last.get("/admin/api/me").await.ok()["sessions"], 100);
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let h = Harness::start().await;
    let root = root(&h).await;
    h.clock.advance(1);
    let elsewhere = session(&h, &log_in(&h, "root", PASSWORD).await.ok());
    let own = root.get("/admin/api/sessions").await.list();
    assert_eq!(own.iter().map(|one| one["current"].as_bool().unwrap()).collect::<Vec<_>>(), [false, true]);
    assert!(own.iter().all(|one| one["address"] == "127.0.0.1"), "{own:?}");
    assert_eq!(own[0]["createdAt"], h.clock.now());
    let eve = admin_of(&h, AdminRole::Viewer).await;
    let other = format!("/admin/api/sessions/{}", own[0]["id"].as_str().unwrap());
    eve.delete(&other).await.refused(Code::TokenNotFound);
    root.delete(&other).await.ok();
    elsewhere.get("/admin/api/me").await.refused(Code::EmptyAuthHeader);
    root.delete(&other).await.refused(Code::TokenNotFound);
    root.delete("/admin/api/sessions/%25").await.refused(Code::TokenNotFound);

    // An owner ends another's, one or all.
    let id = eve.get("/admin/api/me").await.ok()["id"].clone();
    let second = admin_of(&h, AdminRole::Viewer).await;
    let theirs = format!("/admin/api/admins/{id}/sessions");
    let found = root.get(&theirs).await.list();
    assert_eq!((found.len(), found.iter().filter(|one| one["current"] == true).count()), (2, 0));
    root.delete(&format!("{theirs}/{}", found[0]["id"].as_str().unwrap())).await.ok();
    assert_eq!(root.get(&theirs).await.list().len(), 1);
    root.delete(&theirs).await.ok();
    for gone in [eve, second] {
        gone.get("/admin/api/me").await.refused(Code::EmptyAuthHeader);
    }
    let shown = root.get("/admin/api/sessions").await.text;
    assert!(!shown.contains("session\":"), "no secret in it: {shown}");
}

#[tokio::test]
async fn the_command_line_makes_lists_and_resets_admins() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    let output = |args: &[&str]| {
        let output = hobnob(dir.path(), args);
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let json_of = |args: &[&str]| serde_json::from_str::<Value>(&output(args).1).expect("JSON");
    let body = |link: &Value, name: &str| json!({"link": link, "name": name, "password": PASSWORD});
    let first = json_of(&["admin", "create", "--json"]);
    app.nobody().post("/admin/api/setup", body(&first["setup"], "root")).await.ok();
    let second = json_of(&["admin", "create", "--role", "viewer", "--json"]);
    app.nobody().post("/admin/api/setup", body(&second["setup"], "eve")).await.ok();
    let listed = json_of(&["admin", "list", "--json"]);
    let roles: Vec<_> = listed.as_array().unwrap().iter().map(|one| (&one["name"], &one["role"])).collect();
    assert_eq!(roles, [(&json!("root"), &json!("owner")), (&json!("eve"), &json!("viewer"))]);
    assert!(output(&["admin", "list"]).1.contains("viewer      1 sessions  eve\n"), "{}", output(&["admin", "list"]).1);
    let (done, said) = output(&["admin", "reset", "eve", "--role", "admin"]);
    assert!(done && said.contains("/admin/#setup=") && said.contains("good once"), "{said}");
    assert_eq!(json_of(&["admin", "list", "--json"])[1]["role"], "admin");
    for (args, word) in [
        (&["admin", "reset", "nobody"][..], "no such admin"),
        (&["admin", "create", "--role", "king"], "must be owner"),
        (&["admin", "reset", "root", "--role", "viewer"], "last owner"),
    ] {
        let (done, said) = output(args);
        assert!(!done && said.contains(word), "{args:?}: {said}");
    }
    process.stop();
}

#[tokio::test]
async fn a_link_made_before_there_were_roles_makes_an_owner() {
    let h = Harness::start().await;
    root(&h).await;
    let before = link(&h).await;
    let made = set_up(&h, &json!(before), Some("second"), PASSWORD).await.ok();
    assert_eq!(session(&h, &made).get("/admin/api/me").await.ok()["role"], "owner");
}

#[tokio::test]
async fn the_admin_api_describes_itself() {
    let h = Harness::start().await;
    let answer = h.nobody().at_path("/admin/openapi.json").await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    let described = answer.body;
    for route in hobnob::api::routes().iter().filter(|route| route.path.starts_with("/admin/")) {
        let operation = &described["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["operationId"], route.operation);
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{}", route.path);
    }
    assert_eq!(described["components"]["securitySchemes"]["admin"]["name"], "x-hobnob-admin");
    // What the REST API says of the same session.
    let public = h.nobody().at_path("/openapi.json").await.body;
    let scheme = &public["components"]["securitySchemes"]["admin"];
    assert_eq!(scheme, &described["components"]["securitySchemes"]["admin"]);
    let security = public["paths"]["/users/{uid}"]["put"]["security"].as_array().unwrap().clone();
    assert!(security.contains(&json!({"admin": [], "appId": []})), "{security:?}");
    assert!(public["paths"].get("/admin/api/login").is_none());
}

#[tokio::test]
async fn open_invitations_are_listed_and_withdrawn() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let path = "/admin/api/invitations";
    assert!(root.get(path).await.list().is_empty(), "the one that was used is none");
    let viewer = root.post("/admin/api/admins", json!({"role": "viewer"})).await.ok();
    h.clock.advance(60);
    let id = root.get("/admin/api/me").await.ok()["id"].clone();
    let reset = root.post(&format!("/admin/api/admins/{id}/reset"), json!({})).await.ok();
    let open = root.get(path).await.list();
    let shown: Vec<_> = open.iter().map(|one| (&one["role"], &one["admin"], &one["expiresAt"])).collect();
    assert_eq!(
        shown,
        [(&Value::Null, &json!("root"), &reset["expiresAt"]), (&json!("viewer"), &Value::Null, &viewer["expiresAt"])]
    );
    assert!(open.iter().all(|one| one["madeBy"] == "root"));
    let told = json!(open).to_string();
    for secret in [&viewer["link"], &reset["link"]] {
        assert!(!told.contains(secret.as_str().unwrap()), "a link is shown once");
    }

    let first = format!("{path}/{}", open[1]["id"].as_str().unwrap());
    root.delete(&first).await.ok();
    root.delete(&first).await.refused(Code::TokenNotFound);
    set_up(&h, &viewer["link"], Some("eve"), PASSWORD).await.refused(Code::NoAccess);
    assert_eq!(root.get(path).await.list().len(), 1);
    // What is over is not open any more, and cannot be withdrawn.
    h.clock.advance(hobnob::actions::admin::LINK);
    let root = super::another_session(&h).await;
    assert!(root.get(path).await.list().is_empty());
    root.delete(&format!("{path}/{}", open[0]["id"].as_str().unwrap())).await.refused(Code::TokenNotFound);
    let log = root.get("/admin/api/audit").await.ok();
    let noted: Vec<_> = log.as_array().unwrap().iter().filter(|one| one["act"] == "admin.withdraw").collect();
    assert_eq!((noted.len(), &noted[0]["target"]), (1, &json!("viewer")));
}

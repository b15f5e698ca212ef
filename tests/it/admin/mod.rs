//! The admin page's own API: who gets in and for how long, what an admin sees, and what he can do to whom.

mod apps;
pub mod door;
mod figures;
mod looks;
pub mod roles;
mod totp;

use std::io::Read as _;

use hobnob::actions;
use hobnob::model::Code;
use serde_json::{Value, json};

use crate::harness::{App, Client, Harness, eventually, hobnob};

const PASSWORD: &str = "correct horse";

async fn link(h: &Harness) -> String {
    h.store.write("it", actions::admin::invite).await.expect("a link").secret
}

fn session(h: &Harness, data: &Value) -> Client {
    h.nobody().with("X-Hobnob-Admin", data["session"].as_str().expect("a session"))
}

/// A new admin called root, logged in.
pub async fn root(h: &Harness) -> Client {
    let body = json!({"link": link(h).await, "name": "root", "password": PASSWORD});
    session(h, &h.nobody().post("/admin/api/setup", body).await.ok())
}

async fn log_in(h: &Harness, password: &str) -> Client {
    let body = json!({"name": "root", "password": password});
    session(h, &h.nobody().post("/admin/api/login", body).await.ok())
}

/// Another session of root, without the time a password takes.
pub async fn another_session(h: &Harness) -> Client {
    let made = h.store.write("it", |tx| {
        let (id, _) = hobnob::store::admins::find(tx, "root")?.expect("root is there");
        actions::admin::log_in(tx, id, None)
    });
    h.nobody().with("X-Hobnob-Admin", &made.await.expect("a session"))
}

/// A path below the app's own.
pub fn of(app: &App, rest: &str) -> String {
    format!("/admin/api/apps/{}{rest}", app.app_id)
}

#[tokio::test]
async fn a_link_makes_one_admin_and_a_session_lasts_a_working_day() {
    let h = Harness::start().await;
    let (open, first) = (h.nobody(), link(&h).await);
    let set_up = async |link: &str, name: &str, password: &str| {
        open.post("/admin/api/setup", json!({"link": link, "name": name, "password": password})).await
    };
    set_up(&first, "root", "short").await.refused(Code::BadRequest);
    set_up(&first, " ", PASSWORD).await.refused(Code::BadRequest);
    set_up("0123", "root", PASSWORD).await.refused(Code::NoAccess);
    let root = session(&h, &set_up(&first, "root", PASSWORD).await.ok());
    set_up(&first, "second", PASSWORD).await.refused(Code::NoAccess);
    assert_eq!(root.get("/admin/api/overview").await.ok()["admin"], "root");
    // A name that is taken, or looks as if it were one that is, does not use the link up; nor one that is more than a line.
    let second = link(&h).await;
    for name in ["Root", "r\u{43e}\u{43e}t", "ro\u{200b}ot", "new\u{1b}[2J", "new\nroot"] {
        set_up(&second, name, PASSWORD).await.refused(Code::BadRequest);
    }
    set_up(&second, "root", PASSWORD).await.refused(Code::BadRequest);
    set_up(&second, "second", PASSWORD).await.ok();
    assert_eq!(h.count("SELECT count(*) FROM admin_setup"), 0);
    assert_eq!(h.count("SELECT count(*) FROM admins WHERE password_hash NOT LIKE '$argon2id$%'"), 0);

    for (name, password) in [("root", "wrong password"), ("nobody", PASSWORD), ("", "")] {
        let refused = open.post("/admin/api/login", json!({"name": name, "password": password})).await;
        assert_eq!(refused.refused(Code::NoAccess)["message"], "The name or the password is wrong.");
    }
    open.post("/admin/api/login", json!({"name": "root", "password": "x".repeat(201)})).await.refused(Code::BadRequest);
    let again = log_in(&h, PASSWORD).await;
    root.post("/admin/api/logout", json!({})).await.ok();
    root.get("/admin/api/overview").await.refused(Code::EmptyAuthHeader);
    again.get("/admin/api/overview").await.ok();
    h.clock.advance(actions::admin::SESSION - 1);
    again.get("/admin/api/overview").await.ok();
    h.clock.advance(1);
    again.get("/admin/api/overview").await.refused(Code::EmptyAuthHeader);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let elsewhere = log_in(&h, PASSWORD).await;
    let change = async |current: &str, password: &str| {
        root.post("/admin/api/password", json!({"current": current, "password": password})).await
    };
    change("wrong password", "battery staple").await.refused(Code::BadRequest);
    change(PASSWORD, "short").await.refused(Code::BadRequest);
    change(PASSWORD, &"x".repeat(201)).await.refused(Code::BadRequest);
    elsewhere.get("/admin/api/overview").await.ok();
    let fresh = session(&h, &change(PASSWORD, "battery staple").await.ok());
    fresh.get("/admin/api/overview").await.ok();
    root.get("/admin/api/overview").await.refused(Code::EmptyAuthHeader);
    elsewhere.get("/admin/api/overview").await.refused(Code::EmptyAuthHeader);
    h.nobody().post("/admin/api/login", json!({"name": "root", "password": PASSWORD})).await.refused(Code::NoAccess);
    log_in(&h, "battery staple").await;
}

#[tokio::test]
async fn figures_follow_what_happens() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    ann.send("bob", "long ago").await;
    h.clock.advance(24 * 3600 + 1);
    let root = match root.get("/admin/api/overview").await.status {
        200 => panic!("the session is over after a day"),
        _ => log_in(&h, PASSWORD).await,
    };
    ann.send("bob", "now").await;
    h.group("team", &ann, &[&bob]).await;
    let _sock = ann.connect().await;

    let overview = root.get("/admin/api/overview").await.ok();
    assert_eq!((&overview["connections"], &overview["messages"]), (&json!(1), &json!(2)));
    assert!(overview["databaseBytes"].as_i64().is_some_and(|bytes| bytes > 100_000), "{overview}");
    // Clients speak https; this server does not, so what the page was asked by must do.
    assert_eq!(overview["clientHost"], h.base().strip_prefix("http://").unwrap());
    assert_eq!(overview["apps"][0]["users"], 2);

    eventually("ann is online", async || root.get(&of(&h, "")).await.ok()["online"] == 1).await;
    let app = root.get(&of(&h, "")).await.ok();
    let figures = ["users", "groups", "online", "messagesInDay", "activeInDay"].map(|name| app[name].as_i64().unwrap());
    assert_eq!(figures, [2, 1, 1, 1, 1], "{app}");
    assert_eq!((&app["id"], &app["name"]), (&json!(h.app_id), &json!("It")));
    let brief = root.get(&of(&h, "?brief=1")).await.ok();
    assert_eq!((&brief["id"], &brief["name"], brief.get("users")), (&app["id"], &app["name"], None));
    root.get("/admin/api/apps/0000").await.refused(Code::InvalidAppId);
}

#[tokio::test]
async fn a_deactivated_user_is_out_until_he_is_reactivated() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    let sock = ann.connect().await;
    eventually("ann is online", async || root.get(&of(&h, "/users?show=online")).await.each("uid") == ["ann"]).await;

    let gone = root.post(&of(&h, "/users/ann/deactivate"), json!({})).await.ok();
    assert_eq!((&gone["uid"], &gone["deactivatedAt"]), (&json!("ann"), &json!(h.clock.now())));
    sock.closed().await;
    ann.get("/me").await.refused(Code::AuthTokenUnknown);
    assert_eq!(root.get(&of(&h, "/users")).await.each("uid"), ["ann", "bob"]);
    assert_eq!(root.get(&of(&h, "/users?show=active")).await.each("uid"), ["bob"]);
    assert_eq!(root.get(&of(&h, "/users?show=deactivated")).await.each("uid"), ["ann"]);
    assert_eq!(root.get(&of(&h, "/users/ann")).await.ok()["deactivatedAt"], h.clock.now());

    let back = root.post(&of(&h, "/users/ann/reactivate"), json!({})).await.ok();
    assert!(back.get("deactivatedAt").is_none(), "{back}");
    h.log_in("ann").await.get("/me").await.ok();

    // The app's own user is no person; what is not there is not found.
    for uid in ["app_system", "nobody", "a%20b"] {
        root.get(&of(&h, &format!("/users/{uid}"))).await.refused(Code::UidNotFound);
        root.get(&of(&h, &format!("/users/{uid}/logins"))).await.refused(Code::UidNotFound);
        for what in ["deactivate", "reactivate"] {
            root.post(&of(&h, &format!("/users/{uid}/{what}")), json!({})).await.refused(Code::UidNotFound);
        }
    }
}

#[tokio::test]
async fn one_login_ends_and_the_others_go_on() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let other = ann.again().await;
    let (sock, mut kept) = (ann.connect().await, other.connect().await);

    let logins = root.get(&of(&h, "/users/ann/logins")).await.list();
    assert_eq!(logins.len(), 2);
    assert!(logins.iter().all(|login| login["login"]["authToken"].as_str().unwrap().ends_with('*')), "masked");
    // Newest first: the last is the one ann came with.
    let first = &logins[1]["id"];
    let his = root.get(&of(&h, "/users/bob/logins")).await.list()[0]["id"].clone();
    root.delete(&of(&h, &format!("/users/ann/logins/{his}"))).await.refused(Code::TokenNotFound);
    root.delete(&of(&h, "/users/ann/logins/x")).await.refused(Code::TokenNotFound);
    let stranger = h.another_app().await;
    stranger.user("ann").await;
    root.delete(&of(&stranger, &format!("/users/ann/logins/{first}"))).await.refused(Code::TokenNotFound);

    root.delete(&of(&h, &format!("/users/ann/logins/{first}"))).await.ok();
    sock.closed().await;
    ann.get("/me").await.refused(Code::AuthTokenUnknown);
    bob.send("ann", "still there?").await;
    kept.expect_text("still there?").await;
    assert_eq!(root.get(&of(&h, "/users/ann/logins")).await.list().len(), 1);
}

#[tokio::test]
async fn groups_show_their_members_even_private_ones() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group_of("secret", "private", &ann, &[&bob]).await;
    let group = root.get(&of(&h, "/groups/secret")).await.ok();
    assert_eq!(
        (&group["type"], &group["membersCount"], &group["owner"]),
        (&json!("private"), &json!(2), &json!("ann"))
    );
    assert_eq!(root.get(&of(&h, "/groups/secret/members")).await.each("uid"), ["ann", "bob"]);
    assert_eq!(root.get(&of(&h, "/groups/secret/members?searchKey=bo")).await.each("scope"), ["participant"]);
    let second = root.get(&of(&h, "/groups/secret/members?perPage=1&page=2")).await;
    assert_eq!(second.body["meta"]["pagination"]["total"], 2);
    assert_eq!(second.each("uid"), ["bob"]);
    root.get(&of(&h, "/groups/none")).await.refused(Code::GuidNotFound);
    root.get(&of(&h, "/groups/none/members")).await.refused(Code::GuidNotFound);
    let stranger = h.another_app().await;
    root.get(&of(&stranger, "/groups/secret/members")).await.refused(Code::GuidNotFound);
}

#[tokio::test]
async fn a_deleted_app_is_gone_at_once() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let made = root.post("/admin/api/apps", json!({"name": "Shop"})).await.ok();
    let id = made["appId"].as_str().unwrap();
    let shop = h.nobody().with("apiKey", made["apiKey"].as_str().unwrap());
    shop.get("/users").await.ok();
    root.delete(&format!("/admin/api/apps/{id}")).await.ok();
    shop.get("/users").await.refused(Code::ApiKeyUnknown);
    root.get(&format!("/admin/api/apps/{id}")).await.refused(Code::InvalidAppId);
    root.delete(&format!("/admin/api/apps/{id}")).await.refused(Code::InvalidAppId);
    assert_eq!(root.get("/admin/api/overview").await.ok()["apps"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_from_the_command_line_works_while_the_server_runs() {
    let h = Harness::start().await;
    let made: Value = serde_json::from_slice(&hobnob(&h.data, &["admin-link", "--json"]).stdout).expect("JSON");
    let body = json!({"link": made["setup"], "name": "ops", "password": PASSWORD});
    h.nobody().post("/admin/api/setup", body).await.ok();
}

/// Files of the program go packed to who takes them so, and not again to who has them.
#[tokio::test]
async fn a_browser_loads_the_page_packed_and_once() {
    let h = Harness::start().await;
    let http = reqwest::Client::new();
    for path in ["/admin/", "/admin/admin.css", "/stickers/01-smile.svg", "/openapi.json", "/admin/openapi.json"] {
        let ask = async |name: &str, value: &str| {
            let answer = http.get(format!("{}{path}", h.app.base())).header(name, value).send().await.unwrap();
            assert_eq!(answer.headers()["vary"], "Accept-Encoding", "{path}");
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            (status, headers, answer.bytes().await.unwrap())
        };
        let (status, headers, plain) = ask("accept-encoding", "br, gzip;q=0").await;
        assert!(
            status == 200 && !headers.contains_key("content-encoding") && std::str::from_utf8(&plain).is_ok(),
            "{path}"
        );
        let (status, packing, packed) = ask("accept-encoding", "br, gzip;q=0.5").await;
        assert_eq!((status, &packing["content-encoding"]), (200, &"gzip".parse().unwrap()), "{path}");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain && packed.len() < plain.len(), "{path}");
        assert_eq!(packing["content-type"], headers["content-type"], "{path}");

        let tag = headers["etag"].to_str().unwrap();
        let (status, told, nothing) = ask("if-none-match", &format!("\"other\", {tag}")).await;
        assert_eq!((status, &told["etag"], nothing.len()), (304, &headers["etag"], 0), "{path}");
        assert_eq!(
            (told.get("cache-control"), told.get("content-security-policy")),
            (headers.get("cache-control"), headers.get("content-security-policy"))
        );
        let (status, _, again) = ask("if-none-match", "\"other\"").await;
        assert!(status == 200 && again == plain, "{path}");
    }
}

#[tokio::test]
async fn the_page_is_served_under_a_strict_policy() {
    let h = Harness::start().await;
    let page = h.nobody().at_path("/admin/").await;
    assert_eq!(page.status, 200);
    for (name, parts) in [
        ("content-security-policy", &["default-src 'self'", "require-trusted-types-for 'script'"][..]),
        ("content-security-policy", &["frame-ancestors 'none'", "base-uri 'none'"]),
        ("x-content-type-options", &["nosniff"]),
        ("referrer-policy", &["no-referrer"]),
    ] {
        let value = page.headers[name].to_str().unwrap();
        assert!(parts.iter().all(|part| value.contains(part)) && !value.contains("unsafe"), "{name}: {value}");
    }
    // What the API answers is kept nowhere, refusals as well.
    let root = root(&h).await;
    for answer in [root.get("/admin/api/me").await, h.nobody().get("/v3/admin/api/me").await] {
        assert_eq!(
            (&answer.headers["cache-control"], &answer.headers["x-content-type-options"]),
            (&"no-store".parse().unwrap(), &"nosniff".parse().unwrap())
        );
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    // Whatever the page names is there, and it names nothing elsewhere. What is carried from others is held by checksums.
    let mut names: Vec<String> = vec!["".into()];
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("static").join(&folder);
        for entry in std::fs::read_dir(place).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(format!("{name}/")),
                false => names.push(name),
            }
        }
    }
    for name in &names {
        let file = h.nobody().at_path(&format!("/admin/{name}")).await;
        assert_eq!(file.status, 200, "{name}");
        if name.starts_with("vendor/") {
            continue;
        }
        assert!(!file.text.contains("innerHTML") && !file.text.contains("style=\""), "{name}");
        for (at, _) in file.text.match_indices("://") {
            assert!(file.text[at..].starts_with("://www.w3.org/2000/svg"), "{name} names another place");
        }
        let is_file = |piece: &&str| [".js", ".css", ".svg"].iter().any(|ending| piece.ends_with(ending));
        for piece in file.text.split('"').filter(is_file) {
            let mut way: Vec<&str> = name.split('/').collect();
            way.pop();
            for step in piece.split('/') {
                match step {
                    "." => {}
                    ".." => assert!(way.pop().is_some(), "{name} leads out of the page: {piece}"),
                    _ => way.push(step),
                }
            }
            let found = way.join("/");
            assert!(names.contains(&found), "{name} names {piece}, which is not there");
        }
    }
    assert!(names.len() >= 40, "{names:?}");
    for path in ["/admin/none.js", "/admin/../Cargo.toml", "/admin/%2e%2e/Cargo.toml", "/admin/api/none"] {
        h.nobody().at_path(path).await.refused(Code::ApiNotFound);
    }
}

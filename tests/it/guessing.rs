//! Passwords cannot be guessed: wrong ones make the next wait, whoever asks and however; and the admin API is for this
//! server's own pages.

use hobnob::actions;
use hobnob::model::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Harness, hobnob};

const PASSWORD: &str = "correct horse";

async fn link(h: &Harness) -> String {
    h.store.write("it", actions::admin::invite).await.expect("a link").secret
}

async fn set_up(client: &Client, link: &str, name: &str) -> Answer {
    client.post("/admin/api/setup", json!({"link": link, "name": name, "password": PASSWORD})).await
}

async fn log_in(client: &Client, name: &str, password: &str) -> Answer {
    client.post("/admin/api/login", json!({"name": name, "password": password})).await
}

/// The seconds a refusal asks to wait for.
#[track_caller]
fn wait(answer: Answer) -> i64 {
    let header = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(answer.refused(Code::TooManyRequests)["params"]["retryAfter"], header);
    header
}

/// As somebody at this address sends it through a proxy.
fn from(client: Client, address: &str) -> Client {
    client.with("X-Forwarded-For", address)
}

#[tokio::test]
async fn an_admins_password_is_not_guessed() {
    let h = Harness::start().await;
    let open = h.nobody();
    set_up(&from(open.clone(), "203.0.113.1"), &link(&h).await, "root").await.ok();
    for _ in 0..5 {
        log_in(&open, "root", "wrong").await.refused(Code::NoAccess);
    }
    let mut waits = Vec::new();
    for _ in 0..11 {
        // Not even the right one, from nowhere, and the answer does not tell which it was.
        let refused = log_in(&open, "root", PASSWORD).await;
        assert_eq!(refused.body, log_in(&from(open.clone(), "203.0.113.9"), " ROOT ", "wrong").await.body);
        waits.push(wait(refused));
        h.clock.advance(waits.last().unwrap() - 1);
        assert_eq!(wait(log_in(&open, "root", PASSWORD).await), 1);
        h.clock.advance(1);
        log_in(&open, "root", "wrong").await.refused(Code::NoAccess);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    // Others are not concerned, and the right one makes an end of it.
    log_in(&open, "other", "wrong").await.refused(Code::NoAccess);
    h.clock.advance(300);
    log_in(&open, "root", PASSWORD).await.ok();
    for _ in 0..5 {
        log_in(&open, "root", "wrong").await.refused(Code::NoAccess);
    }
    assert_eq!(wait(log_in(&open, "root", PASSWORD).await), 1);
}

#[tokio::test]
async fn strangers_keep_no_admin_out() {
    let h = Harness::start().await;
    let (home, stranger) = (from(h.nobody(), "203.0.113.1"), from(h.nobody(), "203.0.113.2"));
    let made = set_up(&home, &link(&h).await, "root").await.ok();
    let root = home.clone().with("X-Hobnob-Admin", made["session"].as_str().unwrap());
    for _ in 0..5 {
        log_in(&stranger, "root", "wrong").await.refused(Code::NoAccess);
    }
    wait(log_in(&stranger, "root", PASSWORD).await);
    wait(log_in(&from(h.nobody(), "203.0.113.3"), "root", PASSWORD).await);
    // From where they got in they do, and who is in changes the password, wherever they are now.
    log_in(&home, "root", PASSWORD).await.ok();
    let moved = from(root, "203.0.113.4");
    moved.post("/admin/api/password", json!({"current": PASSWORD, "password": PASSWORD})).await.ok();
    wait(log_in(&stranger, "root", PASSWORD).await);
    // There as well they are counted, and a session is no way to guess.
    for _ in 0..5 {
        log_in(&home, "Root", "wrong").await.refused(Code::NoAccess);
    }
    wait(log_in(&home, "root", PASSWORD).await);
    let other = set_up(&home, &link(&h).await, "other").await.ok();
    let other = home.clone().with("X-Hobnob-Admin", other["session"].as_str().unwrap());
    let change =
        async |from: &Client| from.post("/admin/api/password", json!({"current": "wrong", "password": PASSWORD})).await;
    for _ in 0..5 {
        change(&other).await.refused(Code::BadRequest);
    }
    wait(change(&from(other, "203.0.113.5")).await);
}

#[tokio::test]
async fn many_guesses_at_once_are_as_few() {
    let h = Harness::start().await;
    let open = h.nobody();
    set_up(&open, &link(&h).await, "root").await.ok();
    let all = (0..40).map(|_| log_in(&open, "root", "wrong"));
    let all = futures_util::future::join_all(all).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 403).count(), 5);
    assert_eq!(all.iter().filter(|answer| answer.status == 429).count(), 35);
}

#[tokio::test]
async fn an_address_waits_whichever_names_and_links_it_tries() {
    let h = Harness::with(&["--limit", "address_guesses=6"]).await;
    let one = from(h.nobody(), "203.0.113.1");
    let good = link(&h).await;
    for name in ["a", "b", "c"] {
        log_in(&one, name, "wrong").await.refused(Code::NoAccess);
        set_up(&one, &format!("{name}0123"), "root").await.refused(Code::NoAccess);
    }
    assert_eq!(wait(log_in(&one, "d", "wrong").await), 1);
    assert_eq!(wait(set_up(&one, &good, "root").await), 1);
    set_up(&from(h.nobody(), "203.0.113.2"), &good, "root").await.ok();
    // What a client makes up about itself does not make it another.
    let untrusting = Harness::with(&["--limit", "address_guesses=6", "--trusted-proxies", "none"]).await;
    for last in 0..6 {
        let made_up = from(untrusting.nobody(), &format!("203.0.113.{last}"));
        log_in(&made_up, &format!("n{last}"), "wrong").await.refused(Code::NoAccess);
    }
    wait(log_in(&from(untrusting.nobody(), "203.0.113.77"), "other", "wrong").await);
}

#[tokio::test]
async fn a_groups_password_is_not_guessed() {
    let h = Harness::with(&["--limit", "address_guesses=9"]).await;
    let (ann, bob, cat) = (h.user("ann").await, h.user("bob").await, h.user("cat").await);
    h.group_of("secret", "password", &ann, &[]).await;
    h.group_of("other", "password", &ann, &[]).await;
    let join = async |who: &Client, guid: &str, password: &str| {
        who.post(&format!("/groups/{guid}/members"), json!({"password": password})).await
    };
    for _ in 0..5 {
        join(&bob, "secret", "wrong").await.refused(Code::WrongGroupPass);
    }
    assert_eq!(wait(join(&bob, "secret", "sesame").await), 1);
    // Another login and the app on his behalf are the same user; another group and another user are not.
    assert_eq!(wait(join(&*bob.again().await, "secret", "sesame").await), 1);
    join(&cat, "secret", "sesame").await.ok();
    for _ in 0..4 {
        join(&bob, "other", &"x".repeat(101)).await.refused(Code::WrongGroupPass);
    }
    // By now the address has had its nine.
    assert_eq!(wait(join(&bob, "other", "sesame").await), 1);
    assert_eq!(wait(join(&*h.user("dan").await, "secret", "sesame").await), 1, "whoever asks from there");
    h.clock.advance(1);
    join(&bob, "secret", "sesame").await.ok();
    // A back end is at one address for all.
    for at in 0..20 {
        let uid = format!("u{at}");
        h.user(&uid).await;
        let body = json!({"password": "wrong"});
        let refused = h.behalf(&uid).post("/groups/other/members", body).await;
        assert_ne!(refused.status, 429, "{}", refused.text);
    }
}

#[tokio::test]
async fn a_link_ends_after_a_day() {
    let h = Harness::start().await;
    let (early, late) = (link(&h).await, link(&h).await);
    h.clock.advance(actions::admin::LINK - 1);
    set_up(&h.nobody(), &early, "root").await.ok();
    h.clock.advance(1);
    let refused = set_up(&h.nobody(), &late, "other").await.refused(Code::NoAccess);
    assert!(refused["message"].as_str().unwrap().contains("is over"), "{refused}");
    assert_eq!(h.count("SELECT count(*) FROM admin_setup"), 1);
    link(&h).await;
    assert_eq!(h.count("SELECT count(*) FROM admin_setup"), 1, "and is forgotten");
}

#[tokio::test]
async fn the_command_says_until_when_a_link_is_good() {
    let h = Harness::start().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let made: Value = serde_json::from_slice(&hobnob(&h.data, &["admin-link", "--json"]).stdout).unwrap();
    let left = made["expiresAt"].as_u64().unwrap() - now;
    assert!((86_390..=86_410).contains(&left) && made["setup"].is_string(), "{made}");
    let said = String::from_utf8(hobnob(&h.data, &["admin-link"]).stdout).unwrap();
    assert!(said.contains("It is good once, until 20"), "{said}");
}

#[tokio::test]
async fn the_admin_api_is_for_its_own_pages() {
    let h = Harness::start().await;
    let root = set_up(&h.nobody(), &link(&h).await, "root").await.ok();
    let root = h.nobody().with("X-Hobnob-Admin", root["session"].as_str().unwrap());
    let own = h.base().strip_prefix("http://").unwrap().to_owned();
    for path in ["/admin/api/overview", "/admin/api/login", "/v3/admin/api/overview", "/admin/"] {
        for client in [root.clone(), root.clone().with("Origin", "https://evil.example")] {
            for method in [Method::GET, Method::OPTIONS, Method::POST] {
                let path = path.strip_prefix("/v3").unwrap_or(path);
                let answer = client.raw(method.clone(), path, Some(b"{}".to_vec())).await;
                let allowed = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(allowed, None, "{method} {path}");
            }
        }
    }
    // Everywhere else any page may be a client.
    assert_eq!(h.get("/users").await.headers["access-control-allow-origin"], "*");

    let make = async |headers: &[(&str, &str)]| {
        let client = headers.iter().fold(root.clone(), |client, (name, value)| client.with(name, value));
        client.post("/admin/api/apps", json!({"name": "made"})).await
    };
    let apps = async || root.get("/admin/api/overview").await.ok()["apps"].as_array().unwrap().len();
    let before = apps().await;
    for foreign in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", h.base())],
    ] {
        make(foreign).await.refused(Code::NoAccess);
    }
    assert_eq!(apps().await, before);
    for fine in [
        &[][..],
        &[("Origin", h.base())],
        &[("Origin", "https://chat.example"), ("Sec-Fetch-Site", "same-origin")],
        &[("Origin", &*format!("https://{own}"))],
        &[("Origin", "https://chat.example"), ("X-Forwarded-Host", "chat.example")],
    ] {
        make(fine).await.ok();
    }
    let elsewhere = root.clone().with("Sec-Fetch-Site", "cross-site");
    elsewhere.get("/admin/api/overview").await.refused(Code::NoAccess);
}

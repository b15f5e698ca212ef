//! Extensions: how a call finds one, which are on, and each by its noun.

mod boards;
mod due;
mod pins;
mod polls;
mod previews;
mod stickers;
mod thumbnails;
mod translation;

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::admin::{of, root};
use crate::harness::{Answer, Client, Harness, User};

/// A web server beside the one under test, which answers as it is told: `(path, body)` into status, headers and body.
async fn site(answer: impl Fn(&str, &str) -> (u16, &'static str, String) + Send + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut text = Vec::new();
            let (head, body) = loop {
                let mut piece = [0; 4096];
                let read = socket.read(&mut piece).await.unwrap_or(0);
                text.extend_from_slice(&piece[..read]);
                let so_far = String::from_utf8_lossy(&text).into_owned();
                let Some((head, body)) = so_far.split_once("\r\n\r\n") else { continue };
                let length = head.to_ascii_lowercase().split_once("content-length: ").map_or(0, |(_, rest)| {
                    rest.split("\r\n").next().and_then(|length| length.parse().ok()).unwrap_or(0)
                });
                if read == 0 || body.len() >= length {
                    break (head.to_owned(), body.to_owned());
                }
            };
            let path = head.split(' ').nth(1).unwrap_or_default();
            let (status, headers, said) = answer(path, &body);
            let length = said.len();
            let all =
                format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{said}");
            let _ = socket.write_all(all.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    });
    at
}

/// POST to an extension by its name.
async fn post(user: &Client, slug: &str, path: &str, body: Value) -> Answer {
    user.extension(slug, Method::POST, path, Some(body)).await
}

async fn get(user: &Client, slug: &str, path: &str) -> Answer {
    user.extension(slug, Method::GET, path, None).await
}

/// What the settings list, by id.
async fn listed(client: &Client) -> Vec<String> {
    let settings = client.get("/settings").await.ok();
    let all = settings["extensions"].as_array().expect("a list").clone();
    assert!(all.iter().all(|one| one["enabled"] == true && one["name"].is_string()), "{all:?}");
    all.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

/// The result of an extension in a message.
fn injected<'m>(message: &'m Value, slug: &str) -> &'m Value {
    &message["data"]["metadata"]["@injected"]["extensions"][slug]
}

/// The smallest good request to some extension, for tests about what all of them share.
async fn ask_something(user: &User) -> Answer {
    let body = json!({"question": "Tea?", "options": ["yes", "no"], "receiver": "bob", "receiverType": "user"});
    post(user, "polls", "v2/create", body).await
}

#[tokio::test]
async fn a_name_or_a_path_leads_to_an_extension_and_nothing_else_does() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let body = json!({"question": "Tea?", "options": ["yes", "no"], "receiver": "bob", "receiverType": "user"});
    for path in ["v2/create", "v1/create", "/v2/create"] {
        assert_eq!(post(&ann, "polls", path, body.clone()).await.ok()["success"], true, "{path}");
    }
    for path in ["/extensions/polls/v2/create", "/v3/extensions/polls/v2/create", "/extensions/polls/create"] {
        assert_eq!(ann.post_at(path, body.clone()).await.ok()["success"], true, "{path}");
    }
    for slug in ["voice-transcription", "smart-reply", "rich-media", "e2ee", "nothing"] {
        post(&ann, slug, "v1/create", body.clone()).await.refused(Code::ExtensionNotFound);
    }
    post(&ann, "polls", "v2/burn", json!({})).await.refused(Code::ApiNotFound);
    get(&ann, "polls", "v2/create").await.refused(Code::ApiNotFound);
    // What else this server has is not below those names.
    get(&ann, "polls", "v3/users").await.refused(Code::ApiNotFound);
    get(&ann, "polls", "admin/").await.refused(Code::ApiNotFound);
    // Bad input has the envelope, and no credential is no way in.
    post(&ann, "polls", "v2/create", json!([1])).await.refused(Code::BadRequest);
    post(&h.nobody(), "polls", "v2/create", body.clone()).await.refused(Code::EmptyApiKey);
    post(&h.app, "polls", "v2/create", body.clone()).await.refused(Code::BadRequest);
    assert_eq!(post(&h.behalf("ann"), "polls", "v2/create", body).await.ok()["success"], true);
}

#[tokio::test]
async fn browsers_may_ask_and_read_even_a_refusal() {
    let h = Harness::start().await;
    let page =
        h.nobody().with("origin", "https://app.example").with("access-control-request-headers", "appid,authtoken");
    for slug in ["polls", "nothing"] {
        let preflight = page.extension(slug, Method::OPTIONS, "v2/create", None).await;
        assert_eq!((preflight.status, &preflight.headers["access-control-allow-origin"]), (200, &"*".parse().unwrap()));
        assert_eq!(preflight.headers["access-control-allow-headers"], "appid,authtoken");
        assert!(preflight.headers["access-control-allow-methods"].to_str().unwrap().contains("DELETE"));
        let refused = post(&page, slug, "v2/create", json!({})).await;
        assert_eq!(refused.headers["access-control-allow-origin"], "*");
        refused.envelope();
    }
}

#[tokio::test]
async fn an_app_switches_its_extensions_for_itself() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let admin = root(&h).await;
    assert!(listed(&ann).await.contains(&"polls".to_owned()));
    let here = |rest: &str| of(&h.app, &format!("/extensions{rest}"));
    let off = admin.put(&here("/polls"), json!({"enabled": false})).await.ok();
    assert_eq!(off["enabled"], false);
    assert!(!listed(&ann).await.contains(&"polls".to_owned()));
    ask_something(&ann).await.refused(Code::ExtensionInactive);
    let rows = admin.get(&here("")).await.list();
    let polls = rows.iter().find(|row| row["id"] == "polls").unwrap();
    assert_eq!((&polls["enabled"], &polls["available"]), (&json!(false), &json!(true)));

    let other = h.another_app().await;
    let (cy, _) = (other.user("cy").await, other.user("bob").await);
    assert!(listed(&cy).await.contains(&"polls".to_owned()));
    ask_something(&cy).await.ok();

    admin.put(&here("/polls"), json!({"enabled": true})).await.ok();
    ask_something(&ann).await.ok();
    for (slug, body, code) in [
        ("nothing", json!({"enabled": true}), Code::ExtensionNotFound),
        ("polls", json!({}), Code::BadRequest),
        ("polls", json!({"enabled": "yes"}), Code::BadRequest),
    ] {
        admin.put(&here(&format!("/{slug}")), body).await.refused(code);
    }
    ann.put(&here("/polls"), json!({"enabled": false})).await.envelope();
}

#[tokio::test]
async fn clients_are_told_a_domain_only_where_they_can_reach_it() {
    let told = async |settings: &[&str], host: &str| {
        let h = Harness::with(settings).await;
        let ann = h.user("ann").await;
        let client = ann.with_header("host", host);
        let domain = client.get("/settings").await.ok()["EXTENSION_DOMAIN"].as_str().unwrap().to_owned();
        (domain, !listed(&client).await.is_empty())
    };
    assert_eq!(told(&[], "localhost:9000").await, ("ext.localhost:9000".to_owned(), true));
    assert_eq!(told(&[], "192.0.2.7:9000").await, ("extensions.invalid".to_owned(), false));
    assert_eq!(told(&["--public-host", "https://chat.example"], "x").await, ("ext.chat.example".to_owned(), true));
    let named = ["--extension-domain", "more.example:7443"];
    assert_eq!(told(&named, "x").await, ("more.example:7443".to_owned(), true));
    assert_eq!(told(&["--extension-domain", "off"], "localhost:1").await, ("extensions.invalid".to_owned(), false));

    // Told and found are the same, whatever the region.
    let h = Harness::with(&named).await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let body = json!({"question": "Tea?", "options": ["yes", "no"], "receiver": "bob", "receiverType": "user"});
    let there = ann.with_header("host", "polls-eu-west.more.example:7443");
    assert_eq!(there.post_at("/v2/create", body.clone()).await.ok()["success"], true);
    ann.with_header("host", "polls-us.ext.localhost").post_at("/v2/create", body).await.envelope();
}

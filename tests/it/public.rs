//! Where the server is, as those who use it see it: by several names, behind a proxy, below a path.

use hobnob::actions;
use hobnob::model::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, Sock, User, id_of};

async fn uploaded(user: &User) -> Value {
    let files = json!({"files": {"a": {"name": "a.png", "size": 5, "mimeType": "image/png"}}});
    let invited = user.post("/files/upload-url", files).await.ok();
    invited["a"].clone()
}

/// A message with the file, sent without uploading it: an address may lead nowhere.
async fn send_file(user: &User, to: &str, url: &Value) -> Value {
    let data = json!({"text": "see it", "url": url, "attachments": [{"name": "a.png", "extension": "png", "mimeType": "image/png",
        "size": 5, "url": url}]});
    let body = json!({"receiver": to, "receiverType": "user", "category": "message", "type": "image", "data": data});
    user.post("/messages", body).await.ok()
}

fn urls(message: &Value) -> [&str; 2] {
    [&message["data"]["url"], &message["data"]["attachments"][0]["url"]].map(|url| url.as_str().expect("a url"))
}

#[tokio::test]
async fn a_file_has_the_address_of_the_one_who_looks() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let at = ann.base().strip_prefix("http://").expect("plain").to_owned();
    let (mut near, mut far) = (bob.connect().await, Sock::open_at(&at, "chat.lan:9", "/").await);
    far.authenticate(&bob.again().await, json!({})).await;
    let file = uploaded(&ann).await["attachment"]["url"].clone();
    let path = file.as_str().expect("a url").strip_prefix(ann.base()).expect("ann's own address").to_owned();
    let here = [format!("{}{path}", ann.base()), format!("{}{path}", ann.base())];
    let there = [format!("http://chat.lan:9{path}"), format!("http://chat.lan:9{path}")];

    let sent = send_file(&ann, "bob", &file).await;
    assert_eq!(urls(&sent), here);
    let by_id = format!("/messages/{}", id_of(&sent));
    assert_eq!(urls(&bob.get(&by_id).await.ok()), here);
    let lan = bob.with_header("Host", "chat.lan:9");
    assert_eq!(urls(&lan.get(&by_id).await.ok()), there);
    assert_eq!(urls(&lan.get("/users/ann/messages").await.list()[0]), there);
    assert_eq!(urls(&lan.get("/conversations").await.list()[0]["lastMessage"]), there);
    assert_eq!(urls(&near.expect_text("see it").await["body"]), here);
    assert_eq!(urls(&far.expect_text("see it").await["body"]), there);
    // Said again by a client that has it from elsewhere, it is the same file.
    let again = send_file(&ann, "bob", &json!(there[0])).await;
    assert_eq!(urls(&again), here);
    assert_eq!(h.count("SELECT count(*) FROM attachment_uses"), 2);
    // What is stored names no host.
    assert_eq!(h.count("SELECT count(*) FROM messages WHERE data LIKE '%http%'"), 0);
    // An edit keeps the file, and hands out the same addresses.
    let edited = ann.put(&by_id, json!({"data": {"text": "look"}})).await.ok();
    let edited = &edited["data"]["entities"]["on"]["entity"];
    assert_eq!(urls(edited), here, "{edited}");

    // Pictures of people and groups, too; those from elsewhere stay as they are.
    let elsewhere = format!("https://pictures.example{}", path.replace(&h.app.app_id, "00112233445566aa"));
    for (avatar, seen) in [(here[0].as_str(), there[0].as_str()), (&elsewhere, &elsewhere)] {
        h.put("/users/ann", json!({"avatar": avatar})).await.ok();
        assert_eq!(lan.get("/users/ann").await.ok()["avatar"], *seen);
        ann.put("/me", json!({"avatar": avatar})).await.ok();
        assert_eq!(lan.get("/users/ann").await.ok()["avatar"], *seen);
    }
    h.post("/groups", json!({"guid": "g", "name": "G", "type": "public", "icon": here[0]})).await.ok();
    assert_eq!(lan.get("/groups/g").await.ok()["icon"], there[0]);
}

#[tokio::test]
async fn below_a_path_everything_is_found() {
    let h = Harness::with(&["--public-host", "https://chat.example/chat"]).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let base = "https://chat.example/chat";
    let settings = ann.get("/settings").await.ok();
    assert_eq!(settings["CLIENT_API_HOST"], "chat.example/chat");
    assert_eq!(settings["ADMIN_API_HOST"], "chat.example/chat");
    // A client makes wss://CHAT_HOST:CHAT_WSS_PORT of these: below /ws anything is a socket.
    assert_eq!((&settings["CHAT_HOST"], &settings["CHAT_WSS_PORT"]), (&json!("chat.example/chat/ws"), &json!("443")));

    let promised = uploaded(&ann).await;
    assert!(promised["attachment"]["url"].as_str().unwrap().starts_with(&format!("{base}/media/")), "{promised}");
    assert!(promised["request"]["url"].as_str().unwrap().starts_with(&format!("{base}/v3/files/")), "{promised}");

    let at = ann.base().strip_prefix("http://").expect("plain").to_owned();
    // A proxy may take the path away or pass it on.
    for path in ["/ws:443", "/chat/ws:443", "/chat", "/chat/", "/"] {
        let mut sock = Sock::open_at(&at, "chat.example", path).await;
        let answer = sock.authenticate(&bob, json!({})).await;
        assert_eq!(answer["body"]["code"], "200", "{path}");
        let sent = send_file(&ann, "bob", &promised["attachment"]["url"]).await;
        assert!(urls(&sent)[0].starts_with(base), "{sent}");
        let heard = sock.expect_text("see it").await;
        assert_eq!(urls(&heard["body"]), urls(&sent));
    }
    for path in ["/v3/me", "/chat/v3/me", "/chat/me"] {
        assert_eq!(ann.at_path(path).await.ok()["uid"], "ann", "{path}");
    }
    ann.at_path("/chatter/v3/me").await.refused(Code::ApiNotFound);
    let online =
        ann.with_header("Authorization", &ann.jwt).post_at("/chat/ws/api/v3.0/online-members", json!({})).await;
    assert!(online.ok()["onlineUsersCount"].is_number());
    let described = ann.at_path("/chat/openapi.json").await.body;
    assert_eq!(described["servers"][0]["url"], format!("{base}/v3"));

    let link = h.store.write("it", actions::admin::invite).await.expect("a link");
    let made = json!({"link": link.secret, "name": "root", "password": "correct horse"});
    let session = h.nobody().post("/admin/api/setup", made).await.ok()["session"].clone();
    let root = h.nobody().with("X-Hobnob-Admin", session.as_str().expect("a session"));
    assert_eq!(root.get("/admin/api/overview").await.ok()["clientHost"], "chat.example/chat");
}

#[tokio::test]
async fn pages_lead_to_each_other_wherever_they_are() {
    let h = Harness::start().await;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for path in ["/", "/admin"] {
        let moved = client.get(format!("{}{path}", h.base())).header("Accept", "text/html").send().await.unwrap();
        // Relative: it holds below any path.
        assert_eq!(
            (moved.status().as_u16(), &moved.headers()["location"]),
            (307, &"admin/".parse().unwrap()),
            "{path}"
        );
    }
    for page in [
        "/admin/",
        "/admin/api.html",
        "/admin/screens/app.js",
        "/admin/api-page.js",
        "/admin/ui/base.js",
        "/admin/vendor/htm-preact.js",
    ] {
        let text = h.nobody().at_path(page).await.text;
        assert!(!text.is_empty(), "{page}");
        for absolute in ["href=\"/", "src=\"/", "fetch(\"/", "fetch('/", "fetch(`/", "from \"/"] {
            assert!(!text.contains(absolute), "{page} leads to {absolute}…: below a path that is somewhere else");
        }
    }
}

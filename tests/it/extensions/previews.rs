//! Previews of links: off unless the settings say so, fetched after the message was sent, heard as an edit that is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hobnob::actions::{self, extensions::previews};
use hobnob::model::error::Code;
use serde_json::{Value, json};

use super::{injected, listed, site};
use crate::admin::{of, root};
use crate::harness::{Harness, eventually, id_of};

const PAGE: &str = r#"<html><head><title>Own</title><meta property="og:title" content="A &amp; B">
    <meta name="description" content="What it is"><meta property="og:image" content="/i.png"></head><body>x</body></html>"#;

#[tokio::test]
async fn a_link_is_followed_by_what_its_page_says() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let html = "Content-Type: text/html; charset=utf-8\r\n";
    let pages = site(move |path, _| {
        count.fetch_add(1, Ordering::SeqCst);
        match path {
            "/moved" => (302, "Location: /page\r\n", String::new()),
            "/inside" => (302, "Location: http://10.9.9.9/\r\n", String::new()),
            "/picture" => (200, "Content-Type: image/png\r\n", "png".to_owned()),
            "/gone" => (404, html, PAGE.to_owned()),
            "/lures" => {
                (200, html, r#"<title>T</title><meta property="og:image" content="http://192.168.0.1/x">"#.to_owned())
            }
            _ => (200, html, PAGE.to_owned()),
        }
    })
    .await;
    let h = Harness::with(&["--link-previews", "--outgoing-private", "127.0.0.0/8"]).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    assert!(listed(&ann).await.contains(&"link-preview".to_owned()));
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);

    let link = format!("http://{pages}/page");
    let sent = ann.send("bob", &format!("look: {link}, and http://{pages}/other")).await;
    assert_eq!(sent["data"].get("metadata"), None, "it waits for nothing");
    for sock in [&mut at_ann, &mut at_bob] {
        let message = sock.expect_action("edited").await["body"]["data"]["entities"]["on"]["entity"].clone();
        let preview = json!({"url": link, "title": "A & B", "description": "What it is",
            "image": format!("http://127.0.0.1:{}/i.png", pages.rsplit_once(':').unwrap().1),
            "favicon": format!("http://{pages}/favicon.ico")});
        let mut expected = preview.clone();
        // Nobody is led to what only the server may reach.
        expected["image"] = injected(&message, "link-preview")["links"][0]["image"].clone();
        assert_eq!(injected(&message, "link-preview")["links"], json!([expected]));
        assert_eq!((&message["id"], message.get("editedAt")), (&sent["id"], None), "its sender edited nothing");
    }
    let path = format!("/messages/{}", sent["id"].as_str().unwrap());
    assert_eq!(injected(&bob.get(&path).await.ok(), "link-preview")["links"][0]["title"], "A & B");

    // The same link again is known; what leads to no page, or inside, has none.
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    for text in ["gone", "picture", "inside"] {
        ann.send("bob", &format!("http://{pages}/{text}")).await;
    }
    ann.send("bob", &format!("again {link}")).await;
    let edited = at_bob.expect_action("edited").await;
    assert!(edited["body"]["data"]["entities"]["on"]["entity"]["data"]["text"].as_str().unwrap().starts_with("again"));
    ann.send("bob", &format!("http://{pages}/moved")).await;
    let edited = at_bob.expect_action("edited").await["body"]["data"]["entities"]["on"]["entity"].clone();
    assert_eq!(injected(&edited, "link-preview")["links"][0]["url"], format!("http://{pages}/moved"));
    ann.send("bob", &format!("http://{pages}/lures")).await;
    let edited = at_bob.expect_action("edited").await["body"]["data"]["entities"]["on"]["entity"].clone();
    let lured = &injected(&edited, "link-preview")["links"][0];
    assert_eq!((&lured["title"], &lured["image"], &lured["description"]), (&json!("T"), &json!(""), &json!("")));
    // gone, picture, inside, moved and its page, lures; the first page was known by its link.
    eventually("all are asked", async || asked.load(Ordering::SeqCst) == 1 + 6).await;

    // An edit takes it along, or out, and gets another.
    ann.put(&path, json!({"data": {"text": "no link"}})).await.ok();
    at_bob.expect_action("edited").await;
    assert_eq!(injected(&bob.get(&path).await.ok(), "link-preview"), &Value::Null);
    ann.put(&path, json!({"data": {"text": format!("http://{pages}/new")}})).await.ok();
    at_bob.expect_action("edited").await;
    let edited = at_bob.expect_action("edited").await["body"]["data"]["entities"]["on"]["entity"].clone();
    assert_eq!(injected(&edited, "link-preview")["links"][0]["url"], format!("http://{pages}/new"));
    assert_eq!(edited["editedBy"], "ann", "by its own edit before");

    // An app that wants none has none.
    let admin = root(&h).await;
    let app_id = h.app.app_id.clone();
    let id = id_of(&sent);
    let wanted = async || {
        let app_id = app_id.clone();
        let read = h.store.read(move |read| previews::wanted(read, &actions::apps::find(read, &app_id)?, id));
        read.await.map_err(|error| error.code)
    };
    assert_eq!(wanted().await, Ok(None), "it has one");
    admin.put(&of(&h.app, "/extensions/link-preview"), json!({"enabled": false})).await.ok();
    assert!(!listed(&ann).await.contains(&"link-preview".to_owned()));
    assert_eq!(wanted().await, Err(Code::ExtensionInactive));
}

//! Stickers: those in the program, and those an admin adds to an app.

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};

use super::get;
use crate::admin::{of, root};
use crate::harness::{Answer, Client, Harness};

/// The smallest picture there is.
pub const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

async fn add(admin: &Client, path: &str, kind: &str, fields: &[(&str, &str)]) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.bytes());
    }
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"wave.gif\"\r\n";
    body.extend(format!("{head}Content-Type: {kind}\r\n\r\n").bytes());
    body.extend(GIF);
    body.extend(b"\r\n--b--\r\n");
    let form = admin.clone().with("content-type", "multipart/form-data; boundary=b");
    form.raw(Method::POST, path, Some(body)).await
}

fn path_of(url: &Value) -> String {
    let url = url.as_str().expect("a url");
    url[url.find("://").unwrap() + 3..].split_once('/').map(|(_, path)| format!("/{path}")).expect("a path")
}

#[tokio::test]
async fn the_program_has_some_that_any_page_can_show() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let all = get(&ann, "stickers", "v1/fetch").await.ok();
    let own = all["defaultStickers"].as_array().unwrap().clone();
    assert!(own.len() >= 10 && all["customStickers"] == json!([]), "{all}");
    for (at, sticker) in own.iter().enumerate() {
        assert_eq!(sticker["stickerOrder"], (at + 1).to_string());
        assert_eq!((&sticker["stickerSetName"], &sticker["stickerSetOrder"]), (&json!("Hobnob"), &json!("1")));
        // Not below the extension's own name: messages keep it.
        assert!(sticker["stickerUrl"].as_str().unwrap().starts_with("http://localhost:8443/stickers/"), "{sticker}");
        let picture = h.nobody().at_path(&path_of(&sticker["stickerUrl"])).await;
        assert_eq!((picture.status, &picture.headers["content-type"]), (200, &"image/svg+xml".parse().unwrap()));
        assert_eq!(picture.headers["access-control-allow-origin"], "*");
        assert!(picture.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
        assert!(picture.text.starts_with("<svg"));
    }
    h.nobody().at_path("/stickers/../index.html").await.envelope();
    h.nobody().at_path("/stickers/none.svg").await.refused(Code::ApiNotFound);
}

#[tokio::test]
async fn an_admin_adds_and_removes_and_messages_keep_theirs() {
    let h = Harness::with(&["--limit", "stickers=2"]).await;
    let (ann, admin) = (h.user("ann").await, root(&h).await);
    let at = of(&h.app, "/stickers");
    let made = add(&admin, &at, "image/gif", &[("name", "Wave"), ("set", "Cats"), ("order", "2")]).await.ok();
    add(&admin, &at, "image/gif", &[("set", "Cats"), ("order", "1")]).await.ok();
    add(&admin, &at, "image/gif", &[("name", "Third"), ("set", "Cats")]).await.refused(Code::QuotaRestriction);

    let custom = get(&ann, "stickers", "v1/fetch").await.ok()["customStickers"].clone();
    let names: Vec<&str> = custom.as_array().unwrap().iter().map(|one| one["stickerName"].as_str().unwrap()).collect();
    assert_eq!(names, ["wave.gif", "Wave"]);
    let wave = &custom[1];
    assert_eq!((&wave["id"], &wave["stickerOrder"], &wave["stickerSetOrder"]), (&made["id"], &json!("2"), &json!("1")));
    assert_eq!((&wave["stickerSetName"], &wave["stickerSetId"]), (&json!("Cats"), &custom[0]["stickerSetId"]));
    assert_eq!(wave["createdAt"], "2026-11-18T11:06:40.000Z");
    let file = path_of(&wave["stickerUrl"]);
    assert_eq!(h.nobody().at_path(&file).await.status, 200);

    // Another app has none of it, and nobody else may add.
    let other = h.another_app().await;
    let dee = other.user("dee").await;
    assert_eq!(get(&dee, "stickers", "v1/fetch").await.ok()["customStickers"], json!([]));
    add(&ann, &at, "image/gif", &[("name", "x"), ("set", "x")]).await.envelope();

    // Sent as a picture and deleted, it stays a sticker; removed, it stays where messages show it.
    h.user("bob").await;
    let url = &wave["stickerUrl"];
    let picture = json!({"receiver": "bob", "receiverType": "user", "category": "message", "type": "image",
        "data": {"url": url, "attachments": [{"url": url, "name": "w", "mimeType": "image/gif", "extension": "gif", "size": 1}]}});
    let sent = ann.post("/messages", picture).await.ok();
    ann.delete(&format!("/messages/{}", sent["id"].as_str().unwrap())).await.ok();
    let swept =
        "SELECT count(*) FROM stickers s JOIN attachments a ON a.id = s.attachment_id WHERE a.expires_at IS NOT NULL";
    assert_eq!(h.count(swept), 0);
    admin.delete(&format!("{at}/{}", made["id"].as_str().unwrap())).await.ok();
    admin.delete(&format!("{at}/{}", made["id"].as_str().unwrap())).await.refused(Code::StickerNotFound);
    assert_eq!(admin.get(&at).await.list().len(), 1);
    assert_eq!(h.nobody().at_path(&file).await.status, 200);

    for (kind, fields, code) in [
        ("image/svg+xml", &[("name", "x"), ("set", "x")][..], Code::FileType),
        ("text/html", &[("name", "x"), ("set", "x")], Code::FileType),
        ("image/gif", &[("name", "x")], Code::BadRequest),
        ("image/gif", &[("name", " "), ("set", "x")], Code::BadRequest),
        ("image/gif", &[("name", "x"), ("set", "x"), ("order", "first")], Code::BadRequest),
    ] {
        add(&admin, &at, kind, fields).await.refused(code);
    }
    admin.post(&at, json!({"name": "x"})).await.refused(Code::BadRequest);
}

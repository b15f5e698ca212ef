//! Addresses of smaller pictures, where clients of that extension look; and what extensions say in general, which no
//! client can make up.

use reqwest::Method;
use serde_json::{Value, json};

use super::injected;
use super::stickers::GIF;
use crate::admin::{of, root};
use crate::harness::{Harness, User};

/// Sends a message with files of these names and types.
async fn send(user: &User, kind: &str, files: &[(&str, &str)]) -> Value {
    let mut body = Vec::new();
    for (name, value) in [("receiver", "bob"), ("receiverType", "user"), ("category", "message"), ("type", kind)] {
        let part = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.bytes());
    }
    for (name, mime) in files {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"files[]\"; filename=\"{name}\"\r\n");
        body.extend(format!("{head}Content-Type: {mime}\r\n\r\n").bytes());
        body.extend(GIF);
        body.extend(b"\r\n");
    }
    body.extend(b"--b--\r\n");
    let form = user.with_header("content-type", "multipart/form-data; boundary=b");
    form.raw(Method::POST, "/messages", Some(body)).await.ok()
}

#[tokio::test]
async fn pictures_name_their_smaller_versions() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = bob.connect().await;
    let sent = send(&ann, "image", &[("a.gif", "image/gif"), ("b.mp4", "video/mp4")]).await;
    let heard = at_bob.expect(|frame| frame["body"]["id"] == sent["id"]).await["body"].clone();
    for message in [&sent, &heard] {
        let thumbnails = injected(message, "thumbnail-generation");
        let url = message["data"]["attachments"][0]["url"].as_str().unwrap();
        let all = thumbnails["attachments"].as_array().unwrap();
        for size in ["small", "medium", "large"] {
            let key = format!("url_{size}");
            assert_eq!(thumbnails[&key], format!("{url}?size={size}"));
            assert_eq!(all[0]["data"]["thumbnails"][&key], thumbnails[&key]);
        }
        assert_eq!((&all[0]["error"], &all[0]["data"]["url"]), (&Value::Null, &json!(url)));
        assert_eq!((&all[1]["data"]["thumbnails"], &all[1]["data"]["mimeType"]), (&Value::Null, &json!("video/mp4")));
        assert_eq!(all[1]["error"]["code"], "ERR_FILETYPE_NOT_SUPPORTED");
    }
    let small = injected(&sent, "thumbnail-generation")["url_small"].as_str().unwrap().to_owned();
    let path = small.split_once("/media/").map(|(_, path)| format!("/media/{path}")).unwrap();
    assert_eq!(h.nobody().at_path(&path).await.status, 200);

    // Without a picture of this server there is nothing to say.
    let elsewhere = json!([{"url": "https://a.example/c.png", "name": "c.png", "mimeType": "image/png", "extension": "png", "size": 1}]);
    let data = json!({"attachments": elsewhere});
    let linked = json!({"receiver": "bob", "receiverType": "user", "type": "image", "data": data});
    for message in [send(&ann, "file", &[("a.pdf", "application/pdf")]).await, ann.post("/messages", linked).await.ok()]
    {
        assert_eq!(message["data"].get("metadata"), None);
    }
    // Another picture by an edit has other thumbnails, and none if it has none.
    let path = format!("/messages/{}", sent["id"].as_str().unwrap());
    ann.put(&path, json!({"data": {"attachments": elsewhere}})).await.ok();
    assert_eq!(*injected(&bob.get(&path).await.ok(), "thumbnail-generation"), Value::Null);

    let admin = root(&h).await;
    admin.put(&of(&h.app, "/extensions/thumbnail-generation"), json!({"enabled": false})).await.ok();
    assert_eq!(send(&ann, "image", &[("a.gif", "image/gif")]).await["data"].get("metadata"), None);
}

#[tokio::test]
async fn a_client_cannot_say_what_extensions_say() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let lie =
        json!({"own": 1, "@injected": {"extensions": {"link-preview": {"links": [{"url": "https://bank.example"}]}}}});
    let body =
        json!({"receiver": "bob", "receiverType": "user", "type": "text", "data": {"text": "x", "metadata": lie}});
    let sent = ann.post("/messages", body.clone()).await.ok();
    assert_eq!(sent["data"]["metadata"], json!({"own": 1}));
    let path = format!("/messages/{}", sent["id"].as_str().unwrap());
    ann.put(&path, json!({"data": {"metadata": lie}})).await.ok();
    assert_eq!(ann.get(&path).await.ok()["data"]["metadata"], json!({"own": 1}));
    // An app brings what was said elsewhere.
    assert_eq!(h.behalf("ann").post("/messages", body).await.ok()["data"]["metadata"], lie);

    // What is said stays when a client sends back other metadata.
    let sent = send(&ann, "image", &[("a.gif", "image/gif")]).await;
    let path = format!("/messages/{}", sent["id"].as_str().unwrap());
    ann.put(&path, json!({"data": {"metadata": {"own": 2}}})).await.ok();
    let edited = ann.get(&path).await.ok();
    assert_eq!(edited["data"]["metadata"]["own"], 2);
    assert_eq!(injected(&edited, "thumbnail-generation"), injected(&sent, "thumbnail-generation"));
}

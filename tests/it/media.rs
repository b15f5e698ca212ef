//! Files of messages: up, down, small, and gone.

use hobnob::chores::sweep_files;
use hobnob::media::Media;
use hobnob::model::error::Code;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::{Harness, User, id_of};

pub const PNG: &str = "image/png";

/// A part of a form: name, file name and type, content.
pub type Part<'a> = (&'a str, Option<(&'a str, &'a str)>, &'a [u8]);

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        body.extend(format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"").bytes());
        if let Some((title, kind)) = file {
            body.extend(format!("; filename=\"{title}\"\r\nContent-Type: {kind}").bytes());
        }
        body.extend(b"\r\n\r\n");
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--XX--\r\n");
    body
}

async fn request(method: Method, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = client.request(method, url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

async fn get(url: &str) -> Response {
    request(Method::GET, url, &[], Vec::new()).await
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("plain"))
}

/// Posts a form as the user; status and body.
pub async fn post(user: &User, path: &str, parts: &[Part<'_>]) -> (u16, Value) {
    let headers = [
        ("appId", &*user.app.app_id),
        ("authToken", &*user.token),
        ("Content-Type", "multipart/form-data; boundary=XX"),
    ];
    let response = request(Method::POST, &format!("{}/v3{path}", user.base()), &headers, form(parts)).await;
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

pub fn to_bob<'a>(kind: &'a str, data: &'a str) -> Vec<Part<'a>> {
    vec![
        ("receiver", None, b"bob"),
        ("receiverType", None, b"user"),
        ("category", None, b"message"),
        ("type", None, kind.as_bytes()),
        ("data", None, data.as_bytes()),
    ]
}

pub fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(width, height, image::Rgb([200, 30, 30]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("encodes");
    bytes.into_inner()
}

/// How many files lie in the media folder.
fn on_disk(h: &Harness) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }
    count(&h.data.join("media"))
}

async fn sweep(h: &Harness) {
    sweep_files(&h.store, &Media::open(&h.data, 1).expect("opens")).await.expect("sweeps");
}

#[tokio::test]
async fn a_message_with_files_as_clients_send_it() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut sock = bob.connect().await;
    let mut parts = to_bob("image", r#"{"metadata":{"k":1},"text":"look"}"#);
    let photo = picture(20, 10);
    parts.push(("files[]", Some(("Grüße \u{1F600}.PNG", PNG)), &photo));
    parts.push(("files[]", Some(("../notes.txt", "text/plain")), b"hello notes"));
    parts.extend([("tags[]", None, &b"a"[..]), ("tags[]", None, b"b"), ("muid", None, b"m1")]);
    let (status, body) = post(&ann, "/messages", &parts).await;
    assert_eq!(status, 200, "{body}");
    let data = &body["data"]["data"];
    let files = data["attachments"].as_array().expect("files").clone();
    assert_eq!((&files[0]["name"], &files[0]["extension"]), (&json!("Grüße \u{1F600}.PNG"), &json!("png")));
    assert_eq!((&files[0]["mimeType"], &files[0]["size"]), (&json!(PNG), &json!(photo.len())));
    assert_eq!((&files[1]["name"], &files[1]["size"]), (&json!("notes.txt"), &json!(11)));
    assert_eq!(data["url"], files[0]["url"]);
    assert_eq!((&data["text"], &data["metadata"]["k"]), (&json!("look"), &json!(1)));
    assert_eq!((&body["data"]["tags"], &body["data"]["muid"]), (&json!(["a", "b"]), &json!("m1")));
    sock.expect(|frame| frame["body"]["data"]["attachments"][1]["name"] == "notes.txt").await;

    // The picture, whole, in part, and not again.
    let url = data["url"].as_str().expect("a url");
    assert!(url.starts_with(&format!("{}/media/{}/", ann.base(), ann.app.app_id)), "{url}");
    let whole = get(url).await;
    assert_eq!((header(&whole, "content-type"), header(&whole, "x-content-type-options")), (PNG, "nosniff"));
    assert_eq!(header(&whole, "access-control-allow-origin"), "*");
    assert!(header(&whole, "content-disposition").starts_with("inline; filename*=UTF-8''Gr%C3%BC"));
    let etag = header(&whole, "etag").to_owned();
    assert_eq!(whole.bytes().await.expect("bytes"), photo);
    let part = request(Method::GET, url, &[("Range", "bytes=1-3")], Vec::new()).await;
    assert_eq!(part.status(), 206);
    assert_eq!(header(&part, "content-range"), format!("bytes 1-3/{}", photo.len()));
    assert_eq!(part.bytes().await.expect("bytes"), photo[1..4]);
    let beyond = request(Method::GET, url, &[("Range", "bytes=999999-")], Vec::new()).await;
    assert_eq!(beyond.status(), 416);
    let same = request(Method::GET, url, &[("If-None-Match", &etag)], Vec::new()).await;
    assert_eq!(same.status(), 304);
    let head = request(Method::HEAD, url, &[], Vec::new()).await;
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, &*photo.len().to_string()));

    // What is no picture, sound or film is only ever downloaded.
    let notes = get(files[1]["url"].as_str().expect("a url")).await;
    assert_eq!(header(&notes, "content-type"), "application/octet-stream");
    assert!(header(&notes, "content-disposition").starts_with("attachment;"));
    assert_eq!(notes.text().await.expect("text"), "hello notes");
    h.stop().await;
}

#[tokio::test]
async fn threads_take_files_and_a_type_is_told_by_them() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let parent = id_of(&ann.send("bob", "parent").await);
    let parts: Vec<Part<'_>> = vec![
        ("receiver", None, b"bob"),
        ("receiverType", None, b"user"),
        ("caption", None, b"a caption"),
        ("files", Some(("x.mp3", "application/octet-stream")), b"sound"),
    ];
    let (status, body) = post(&ann, &format!("/messages/{parent}/thread"), &parts).await;
    assert_eq!(status, 200, "{body}");
    let message = &body["data"];
    assert_eq!((&message["type"], &message["parentId"]), (&json!("audio"), &json!(parent.to_string())));
    assert_eq!(
        (&message["data"]["text"], &message["data"]["attachments"][0]["mimeType"]),
        (&json!("a caption"), &json!("audio/mpeg"))
    );
    h.stop().await;
}

#[tokio::test]
async fn uploads_have_limits() {
    let h = Harness::with(&["--limit", "upload=4000,files=2", "--file-types-denied", "exe,image/svg+xml"]).await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let large = vec![7u8; 5000];
    let file = |title: &'static str, content: &'static [u8]| ("files[]", Some((title, "x/y")), content);
    let with = |files: &[Part<'static>]| [to_bob("file", "{}"), files.to_vec()].concat();
    let code = |body: &Value| body["error"]["code"].as_str().unwrap_or_default().to_owned();

    let mut parts = to_bob("file", "{}");
    parts.push(("files[]", Some(("large", "x/y")), &large));
    let (status, body) = post(&ann, "/messages", &parts).await;
    assert_eq!((status, &*code(&body)), (413, Code::TooLarge.as_str()));
    let (status, _) = post(&ann, "/messages", &with(&[file("a", b"a"), file("b", b"b"), file("c", b"c")])).await;
    assert_eq!(status, 400);
    let (_, body) = post(&ann, "/messages", &with(&[file("setup.EXE", b"a")])).await;
    assert_eq!(code(&body), Code::FileType.as_str());
    let (_, body) = post(&ann, "/messages", &to_bob("file", "{}")).await;
    assert_eq!(code(&body), Code::EmptyFile.as_str());
    let (_, body) = post(&ann, "/messages", &to_bob("file", "{oops")).await;
    assert_eq!(code(&body), Code::InvalidData.as_str());
    let (status, body) = post(&ann, "/users", &to_bob("file", "{}")).await;
    assert!((400..500).contains(&status), "{body}");
    // Cut off, and no form at all.
    for body in [
        b"--XX\r\nContent-Disposition: form-data; name=\"files[]\"; filename=\"a\"\r\n\r\nabc".to_vec(),
        Vec::new(),
        b"?".to_vec(),
    ] {
        let headers = [("authToken", &*ann.token), ("Content-Type", "multipart/form-data; boundary=XX")];
        let answer = request(Method::POST, &format!("{}/messages", ann.base()), &headers, body).await;
        assert!(answer.status().is_client_error());
    }
    // Nothing of all that stays.
    assert_eq!(h.count("SELECT count(*) FROM messages"), 0);
    h.clock.advance(3601);
    sweep(&h).await;
    assert_eq!((on_disk(&h), h.count("SELECT count(*) FROM attachments")), (0, 0));
    h.stop().await;
}

#[tokio::test]
async fn an_upload_before_its_message() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let wanted = json!({"files": {
        "f1": {"fileId": "f1", "name": "cat.png", "size": 100_000, "mimeType": PNG},
        "f2": {"fileId": "f2", "name": "whale.mp4", "size": 1_000_000_000_000u64, "mimeType": "video/mp4"},
    }});
    let invited = ann.post("/files/upload-url", wanted).await.ok();
    assert_eq!(invited["f2"]["error"]["code"], Code::TooLarge.as_str());
    let (asked, file) = (&invited["f1"]["request"], &invited["f1"]["attachment"]);
    let url = asked["url"].as_str().expect("a url");
    let shown = file["url"].as_str().expect("a url");
    let ticket = asked["body"]["ticket"].as_str().expect("a ticket");
    let kind = [("Content-Type", "multipart/form-data; boundary=XX"), ("Origin", "https://app.example")];
    let put = async |ticket: &str, content: &[u8]| {
        let parts: [Part<'_>; 2] = [("ticket", None, ticket.as_bytes()), ("file", Some(("cat.png", PNG)), content)];
        request(Method::POST, url, &kind, form(&parts)).await
    };

    assert_eq!(get(shown).await.status(), 404);
    assert_eq!(put("0123", b"x").await.status(), 403);
    let photo = picture(500, 250);
    let done = put(ticket, &photo).await;
    assert_eq!((done.status().as_u16(), header(&done, "access-control-allow-origin")), (200, "*"));
    assert_eq!(put(ticket, b"again").await.status(), 403, "a ticket is for one upload");
    assert_eq!(get(shown).await.bytes().await.expect("bytes"), photo);

    // A message that shows it keeps it; forwarding makes it two.
    let message = json!({"receiver": "bob", "receiverType": "user", "type": "image", "data": {"attachments": [file]}});
    let first = id_of(&ann.post("/messages", message.clone()).await.ok());
    let forwarded =
        json!({"receiver": "ann", "receiverType": "user", "type": "image", "data": {"attachments": [file]}});
    let second = id_of(&bob.post("/messages", forwarded).await.ok());
    let other = ann.post("/files/upload-url", json!({"files": {"x": {"name": "never.txt", "size": 3}}})).await.ok();
    assert!(other["x"]["request"]["url"].is_string());
    h.clock.advance(3601);
    sweep(&h).await;
    assert_eq!((get(shown).await.status().as_u16(), h.count("SELECT count(*) FROM attachments")), (200, 1));

    // Small versions.
    for (size, width) in [("small", 160), ("medium", 480), ("large", 500), ("odd", 500)] {
        let picture = get(&format!("{shown}?size={size}")).await;
        assert_eq!(header(&picture, "content-type"), if width < 500 { "image/jpeg" } else { PNG }, "{size}");
        let picture = image::load_from_memory(&picture.bytes().await.expect("bytes")).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (width, width / 2), "{size}");
    }

    // It goes with the last message that shows it, small versions and all.
    ann.delete(&format!("/messages/{first}")).await.ok();
    sweep(&h).await;
    assert_eq!(get(shown).await.status(), 200);
    bob.delete_with(&format!("/messages/{second}"), json!({"permanent": true})).await.ok();
    assert_eq!(get(shown).await.status(), 404, "at once");
    ann.post("/messages", message).await.ok();
    assert_eq!(get(shown).await.status(), 404, "what goes does not come back");
    sweep(&h).await;
    assert_eq!((on_disk(&h), h.count("SELECT count(*) FROM attachments")), (0, 0));
    h.stop().await;
}

#[tokio::test]
async fn files_that_lie_about_being_pictures() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    // A header that claims 60000 x 60000 pixels, and no picture at all.
    let mut bomb = picture(1, 1);
    bomb[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let html = b"<script>alert(1)</script>".to_vec();
    for (kind, content, inline) in
        [(PNG, &bomb, true), (PNG, &html, true), ("text/html", &html, false), ("image/svg+xml", &html, false)]
    {
        let mut parts = to_bob("image", "{}");
        parts.push(("files[]", Some(("x", kind)), content));
        let (_, body) = post(&ann, "/messages", &parts).await;
        let url = body["data"]["data"]["url"].as_str().expect("a url").to_owned();
        for _ in 0..2 {
            let answer = get(&format!("{url}?size=small")).await;
            assert_eq!(header(&answer, "content-disposition").starts_with("inline"), inline, "{kind}");
            assert_eq!(header(&answer, "content-type") == kind, inline);
            assert!(header(&answer, "content-security-policy").contains("sandbox"));
            assert_eq!(answer.bytes().await.expect("bytes"), *content);
        }
    }
    for path in ["/media/x/y", "/media/../hobnob.db", "/media/%2e%2e/hobnob.db", "/media/a/../../hobnob.db"] {
        assert!(get(&format!("{}{path}", ann.base())).await.status().is_client_error(), "{path}");
    }
    h.stop().await;
}

#[tokio::test]
async fn an_edit_changes_which_files_are_kept() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let mut parts = to_bob("file", "{}");
    parts.extend([("files[]", Some(("a", "x/y")), &b"a"[..]), ("files[]", Some(("b", "x/y")), b"b")]);
    let (_, body) = post(&ann, "/messages", &parts).await;
    let message = &body["data"];
    let kept = json!({"data": {"attachments": [message["data"]["attachments"][1]], "url": message["data"]["attachments"][1]["url"]}});
    ann.put(&format!("/messages/{}", id_of(message)), kept).await.ok();
    sweep(&h).await;
    assert_eq!(on_disk(&h), 1);
    assert_eq!(
        get(message["data"]["attachments"][1]["url"].as_str().expect("a url")).await.text().await.expect("text"),
        "b"
    );
    // With the conversation's rows the file goes, too.
    ann.delete_with(&format!("/messages/{}", id_of(message)), json!({"permanent": true})).await.ok();
    sweep(&h).await;
    assert_eq!(on_disk(&h), 0);
    h.stop().await;
}

//! What a client may bring: endless bodies end, what breaks parsers is refused wherever JSON passes through, files are
//! counted, and a proxy is believed only when it is trusted.

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{DEADLINE, Harness, Process, User, eventually, temp_dir};

/// More than any of the bounds below.
const ENDLESS: usize = 64 << 20;

/// Sends `start` and then `piece` again and again, chunked, until there is an answer. Its status, and how much was sent.
async fn pour(user: &User, path: &str, credentials: bool, start: &[u8], piece: &[u8]) -> (u16, usize) {
    let address = user.base().strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let credentials = if credentials { format!("authToken: {}\r\n", user.token) } else { String::new() };
    let head = format!(
        "POST /v3{path} HTTP/1.1\r\nHost: {address}\r\n{credentials}Content-Type: multipart/form-data; boundary=XX\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let answer = tokio::spawn(async move {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
            match reading.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(some) => answer.extend_from_slice(&buffer[..some]),
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    });
    let mut chunk = Vec::new();
    while chunk.len() < 32 * 1024 {
        chunk.extend_from_slice(piece);
    }
    let framed = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let mut sent = 0;
    let _ = writing.write_all(&[head.as_bytes(), &framed(start)].concat()).await;
    let mut answer = answer;
    let chunk = framed(&chunk);
    let pouring = async {
        while sent < ENDLESS && writing.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        // Keeps the connection as it is until there is an answer.
        std::future::pending::<()>().await
    };
    let answered = tokio::time::timeout(DEADLINE, async {
        tokio::select! {
            answer = &mut answer => answer.unwrap(),
            () = pouring => unreachable!(),
        }
    });
    let answer = answered.await.unwrap_or_else(|_| panic!("{path}: no answer after {sent} bytes"));
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{path}: no answer but {answer:?} after {sent} bytes")), sent)
}

const FIELD: &str = "--XX\r\nContent-Disposition: form-data; name=";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_without_end_ends() {
    let h = Harness::with(&["--limit", "upload=1000000"]).await;
    let ann = h.user("ann").await;
    let invited = ann.post("/files/upload-url", json!({"files": {"x": {"name": "x.txt", "size": 900_000}}})).await.ok();
    let url = invited["x"]["request"]["url"].as_str().unwrap();
    let expected = &url[url.find("/files/").unwrap()..];
    let unexpected = format!("/files/uploads/{}/{}.txt", h.app_id, "0".repeat(32));

    let empty = format!("{FIELD}\"a\"\r\n\r\n\r\n");
    let long = format!("{FIELD}\"{}\"\r\n\r\n\r\n", "n".repeat(20_000));
    let headers = format!("X-{}: y\r\n", "h".repeat(50));
    let file = format!("{FIELD}\"f\"; filename=\"a\"\r\n\r\n");
    for (what, start, piece) in [
        ("empty fields", "", &*empty),
        ("long names", "", &*long),
        ("no boundary", "", "what comes before the first part\r\n"),
        ("no line end", "", "x"),
        ("headers", &*format!("{FIELD}\"a\"\r\n"), &*headers),
        ("one value", &*format!("{FIELD}\"a\"\r\n\r\n"), "x"),
        ("one file", &*file, "x"),
    ] {
        for (path, credentials, most) in
            [("/messages", true, 2 << 20), (expected, false, 256 << 10), (&*unexpected, false, 256 << 10)]
        {
            let (status, sent) = pour(&ann, path, credentials, start.as_bytes(), piece.as_bytes()).await;
            assert!((400..500).contains(&status), "{what} to {path}: {status}");
            // What was under way on the wire comes on top.
            assert!(sent <= most + (24 << 20), "{what} to {path}: {sent} bytes were taken");
        }
    }
    // None of that used the ticket up, and nothing of it stays.
    let ticket = invited["x"]["request"]["body"]["ticket"].as_str().unwrap();
    let form = format!("{FIELD}\"ticket\"\r\n\r\n{ticket}\r\n{file}hello\r\n--XX--\r\n");
    let sent = reqwest::Client::builder().no_proxy().build().unwrap().post(url).body(form);
    let sent = sent.header("Content-Type", "multipart/form-data; boundary=XX").send().await.unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(h.count("SELECT count(*) FROM messages"), 0);
    assert_eq!(h.count("SELECT count(*) FROM attachments WHERE arrived_at IS NOT NULL"), 1);
}

async fn send_form(user: &User, fields: &[(&str, &str)], file: usize) -> (u16, Value) {
    let mut form: String = fields.iter().map(|(name, value)| format!("{FIELD}\"{name}\"\r\n\r\n{value}\r\n")).collect();
    if file > 0 {
        form += &format!("{FIELD}\"f\"; filename=\"a.txt\"\r\n\r\n{}\r\n", "x".repeat(file));
    }
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(format!("{}/v3/messages", user.base()));
    let request = request.header("authToken", &user.token).header("Content-Type", "multipart/form-data; boundary=XX");
    let answer = request.body(form + "--XX--\r\n").send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Removes what was given up.
async fn sweep(h: &Harness) {
    // What was given up is noted in the low lane, and nobody waits for that: this comes after it.
    h.store.write_in(hobnob::store::Lane::Low, "it", |_| Ok(())).await.expect("written");
    let media = hobnob::media::Media::open(&h.data, 1).unwrap();
    hobnob::chores::sweep_files(&h.store, &media).await.unwrap();
}

const TO_BOB: [(&str, &str); 4] =
    [("receiver", "bob"), ("receiverType", "user"), ("category", "message"), ("type", "file")];

#[tokio::test]
async fn a_form_has_so_many_parts() {
    let h = Harness::with(&["--limit", "parts=6"]).await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let with = |more: usize| [TO_BOB.to_vec(), vec![("tags[]", "t"); more]].concat();
    assert_eq!(send_form(&ann, &with(1), 3).await.0, 200);
    let (status, body) = send_form(&ann, &with(2), 3).await;
    assert_eq!((status, &body["error"]["params"]["limit"]), (400, &json!(6)), "{body}");
}

#[tokio::test]
async fn json_that_breaks_parsers_is_refused_wherever_it_enters() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = bob.connect().await;
    let mut at_ann = ann.connect().await;
    let long = "9".repeat(5000);
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let before = h.snapshot().await;
    for bad in ["1e400", "-1E+309", &*long, &*deep, r#""\ud83d""#] {
        let to = r#""receiver":"bob","receiverType":"user""#;
        for (method, path, body) in [
            (Method::POST, "/messages", format!(r#"{{{to},"type":"text","data":{{"text":"x","k":{bad}}}}}"#)),
            (
                Method::POST,
                "/messages",
                format!(r#"{{{to},"type":"text","data":{{"text":"x"}},"metadata":{{"k":{bad}}}}}"#),
            ),
            (
                Method::POST,
                "/messages",
                format!(r#"{{{to},"category":"custom","type":"t","data":{{"customData":{{"k":[{bad}]}}}}}}"#),
            ),
            (
                Method::POST,
                "/messages",
                format!(
                    r#"{{{to},"category":"interactive","type":"form","data":{{"interactiveData":{{"k":{bad}}}}}}}"#
                ),
            ),
            (Method::PUT, "/me", format!(r#"{{"metadata":{{"k":{bad}}}}}"#)),
            (Method::POST, "/groups", format!(r#"{{"guid":"g","name":"G","type":"public","metadata":{{"k":{bad}}}}}"#)),
            (Method::POST, "/calls", format!(r#"{{{to},"type":"audio","metadata":{{"k":{bad}}}}}"#)),
        ] {
            let refused = ann.raw(method, path, Some(body.clone().into_bytes())).await.refused(Code::BadRequest);
            assert!(refused["message"].as_str().unwrap().contains("JSON"), "{body}: {refused}");
        }
        let import = format!(r#"{{"users":{{"zoe":{{"uid":"zoe","name":"Zoe","metadata":{{"k":{bad}}}}}}}}}"#);
        h.raw(Method::POST, "/data_import/users", Some(import.into_bytes())).await.refused(Code::BadRequest);
        for name in ["data", "metadata"] {
            let value = format!(r#"{{"k":{bad}}}"#);
            let (status, body) = send_form(&ann, &[&TO_BOB[..], &[(name, &value)]].concat(), 3).await;
            assert_eq!((status, &body["error"]["code"]), (400, &json!(Code::BadRequest.as_str())), "{name}: {body}");
        }
        // Over the socket it costs the socket, like anything that is no JSON.
        let mut other = ann.connect().await;
        let frame = format!(
            r#"{{"appId":"{}","type":"transient_message","receiver":"bob","receiverType":"user","body":{{"data":{bad}}}}}"#,
            h.app_id
        );
        other.write(Message::text(&frame)).await;
        let (heard, code) = other.closed().await;
        assert!(heard.is_empty() && code.is_some(), "{bad}");
    }
    sweep(&h).await;
    before.still(h.snapshot().await, "refused JSON");
    at_ann.before_pong().await;
    ann.send("bob", "fence").await;
    let heard = at_bob.until(|frame| frame["body"]["data"]["text"] == "fence").await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    // What is long but can be read passes as it came.
    let number = "123456789012345678901234567890.000";
    let body =
        format!(r#"{{"receiver":"bob","receiverType":"user","type":"text","data":{{"text":"x","k":{number}}}}}"#);
    let sent = ann.raw(Method::POST, "/messages", Some(body.into_bytes())).await;
    assert!(sent.text.contains(number), "{}", sent.text);
}

#[tokio::test]
async fn files_of_a_user_and_of_an_app_have_a_share() {
    let h = Harness::with(&["--limit", "user_files=1000,app_files=2500"]).await;
    let (ann, bob, cat) = (h.user("ann").await, h.user("bob").await, h.user("cat").await);
    assert_eq!(send_form(&ann, &TO_BOB, 600).await.0, 200);
    let (status, body) = send_form(&ann, &TO_BOB, 401).await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!(Code::QuotaRestriction.as_str())), "{body}");
    assert_eq!(body["error"]["params"]["limit"], 1000);
    assert!(body["error"]["message"].as_str().unwrap().contains("of the user"), "{body}");
    // What was refused gives its room back once it is swept; what fits exactly is taken.
    sweep(&h).await;
    assert_eq!(send_form(&ann, &TO_BOB, 400).await.0, 200);
    let refused = ann.post("/files/upload-url", json!({"files": {"x": {"name": "x", "size": 1}}})).await.ok();
    assert_eq!(refused["x"]["error"]["code"], Code::QuotaRestriction.as_str());
    // Others have shares of their own, and the app one for all.
    assert_eq!(send_form(&cat, &[("receiver", "ann"), ("receiverType", "user"), ("type", "file")], 1000).await.0, 200);
    let to_ann = [("receiver", "ann"), ("receiverType", "user"), ("type", "file")];
    assert_eq!(send_form(&bob, &to_ann, 500).await.0, 200);
    let (status, body) = send_form(&bob, &to_ann, 100).await;
    assert_eq!((status, &body["error"]["params"]["limit"]), (403, &json!(2500)), "{body}");
    // Text goes on, and a deleted file makes room.
    ann.send("bob", "no file").await;
    let last = ann.get("/users/cat/messages?limit=1").await.list()[0]["id"].as_str().unwrap().to_owned();
    cat.delete_with(&format!("/messages/{last}"), json!({"permanent": true})).await.ok();
    sweep(&h).await;
    assert_eq!(send_form(&bob, &to_ann, 100).await.0, 200);
    let sums = "SELECT sum(bytes) FROM file_bytes WHERE user_id";
    let stored = h.count("SELECT sum(size) FROM attachments");
    assert_eq!((h.count(&format!("{sums} = -1")), h.count(&format!("{sums} >= 0"))), (stored, stored));
}

#[tokio::test]
async fn a_proxy_is_believed_when_it_is_trusted() {
    let stranger =
        [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "chat.example")];
    for (settings, believed) in
        [(&[][..], true), (&["--trusted-proxies", "none"], false), (&["--trusted-proxies", "10.0.0.0/8"], false)]
    {
        let settings = [settings, &["--rate-standard", "2"]].concat();
        let h = Harness::with(&settings).await;
        let ann = h.user("ann").await;
        let proxied = stranger.iter().fold(h.behalf("ann"), |client, (name, value)| client.with(name, value));
        let asked = json!({"files": {"x": {"name": "x.txt", "size": 1}}});
        let invited = proxied.post("/files/upload-url", asked).await.ok();
        let url = invited["x"]["request"]["url"].as_str().unwrap().to_owned();
        assert_eq!(url.starts_with("https://chat.example/"), believed, "{url}");
        // This machine's own requests are not counted; those a proxy passes on are.
        let statuses =
            [proxied.get("/users").await.status, proxied.get("/users").await.status, ann.get("/me").await.status];
        assert_eq!(statuses, if believed { [200, 429, 200] } else { [200, 200, 200] });
    }
}

/// The head of a request and the beginning of its body; the rest never comes.
async fn begin_a_body(user: &User, length: &str, sent: usize) -> TcpStream {
    let address = user.base().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("POST /v3/messages HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; sent]).await.unwrap();
    stream
}

#[tokio::test]
async fn who_is_refused_while_he_sends_hears_why() {
    let h = Harness::start().await;
    let address = h.base().strip_prefix("http://").unwrap();
    let large = vec![b' '; 8 << 20];
    for (path, refused) in [("/v3/data_import/messages", "401"), ("/v3/messages", "413"), ("/v3/nowhere", "404")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = large.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        for piece in large.chunks(length / 32) {
            stream.write_all(piece).await.unwrap_or_else(|error| panic!("{path}: {error} in the middle of the body"));
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap_or_else(|error| panic!("{path}: {error} instead of an answer"));
        assert_eq!(String::from_utf8_lossy(&status), format!("HTTP/1.1 {refused}"), "{path}");
    }
}

#[tokio::test]
async fn a_body_in_chunks_that_is_given_up_keeps_no_connection() {
    let h = Harness::start().await;
    let address = h.base().strip_prefix("http://").unwrap();
    let (key, app) = (&h.api_key, &h.app.app_id);
    let head = |path: &str| {
        format!(
            "POST /v3{path} HTTP/1.1\r\nHost: {address}\r\nappId: {app}\r\napiKey: {key}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
    };
    let answer = async |request: String| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}}") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "an answer");
        }
        String::from_utf8(answer).unwrap()
    };
    let refused = answer(head("/nowhere") + "40\r\nthe beginning of a chunk").await;
    assert!(refused.starts_with("HTTP/1.1 404") && refused.contains("\r\nconnection: close\r\n"), "{refused}");
    let whole = head("/users") + "10\r\n{\"uid\": \"chunky\"\r\n10;and=more\r\n, \"name\": \"Chu\"}\r\n0\r\n\r\n";
    let taken = answer(whole).await;
    assert!(taken.starts_with("HTTP/1.1 200") && !taken.contains("connection: close"), "{taken}");
}

#[tokio::test]
async fn bodies_compressed_are_told_apart_from_bad_ones() {
    let h = Harness::start().await;
    let create = async |how: &str, uid: &str| {
        let app = h.nobody().with("appId", &h.app.app_id).with("apiKey", &h.api_key);
        app.with("Content-Encoding", how).post("/users", json!({"uid": uid, "name": "N"})).await
    };
    let refused = create("gzip", "z").await.refused(Code::BadRequest);
    assert!(refused["message"].as_str().unwrap().contains("Content-Encoding"), "{refused}");
    // Some clients name the characters there.
    create("utf-8", "u").await.ok();
}

#[tokio::test]
async fn bodies_that_do_not_come_fill_one_share() {
    // A quarter of it is one address's.
    let h = Harness::with(&["--limit", "bodies=320000"]).await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    let text = |size: usize| {
        json!({"receiver": "bob", "receiverType": "user", "category": "message", "type": "text",
            "data": {"text": "x".repeat(size)}})
    };
    let full = async || ann.post("/messages", text(40_000)).await.status == 503;
    let small = async || ann.post("/messages", text(10_000)).await.ok();
    // What is announced is reserved when more than a small body has come, and so is what may come where nothing is said.
    for (length, sent) in [("Content-Length: 80000", 20_000), ("Transfer-Encoding: chunked", 0)] {
        let mut slow = begin_a_body(&ann, length, sent).await;
        if sent == 0 {
            slow.write_all(format!("4e20\r\n{}\r\n", " ".repeat(20_000)).as_bytes()).await.unwrap();
        }
        eventually(&format!("{length}: no room"), full).await;
        let refused = ann.post("/messages", text(40_000)).await;
        assert!(refused.headers.contains_key("retry-after"));
        assert!(refused.refused(Code::Busy)["message"].as_str().unwrap().contains("large bodies"));
        small().await;
        drop(slow);
        eventually(&format!("{length}: it is free again"), async || !full().await).await;
    }
    // Who has begun no more than a small one holds nobody up.
    let idle = begin_a_body(&ann, "Content-Length: 80000", 10_000).await;
    ann.post("/messages", text(40_000)).await.ok();
    drop(idle);
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    // This machine is a trusted proxy unless that is said.
    let h = Harness::with(&["--trusted-proxies", "none", "--limit", "address_connections=3"]).await;
    let address = h.base().strip_prefix("http://").unwrap().to_owned();
    // Whether a new connection is answered.
    let answered = async || {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n").await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("an end");
        answer.starts_with(b"HTTP/1.1 200")
    };
    let mut held = Vec::new();
    for _ in 0..9 {
        held.push(TcpStream::connect(&address).await.unwrap());
    }
    eventually("all places are taken", async || !answered().await).await;
    drop(held);
    eventually("they are free again", answered).await;
    assert!(answered().await);
}

#[tokio::test]
async fn who_never_ends_a_tls_handshake_keeps_nobody_out() {
    // More than a thread lets wait by itself.
    const SILENT: usize = 300;
    let dir = temp_dir();
    let mut process = Process::start(dir.path(), &["--https", "127.0.0.1:0", "--workers", "1"]);
    let secure = process.https();
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(secure).await.unwrap());
    }
    let plain = process.site.base.strip_prefix("http://").unwrap();
    let answer = async {
        let mut stream = TcpStream::connect(plain).await.unwrap();
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: it\r\n\r\n").await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        status
    };
    tokio::select! {
        biased;
        status = answer => assert_eq!(&status, b"HTTP/1.1 200"),
        _ = silent[0].read_u8() => panic!("nobody was answered before the handshakes were given up"),
    }
    drop(silent);
    process.stop();
}

#[tokio::test]
async fn a_tls_handshake_has_a_seat() {
    let dir = temp_dir();
    // One thread takes them in their order.
    let settings = "--https 127.0.0.1:0 --trusted-proxies none --limit address_connections=2 --workers 1";
    let settings: Vec<&str> = settings.split(' ').collect();
    let mut process = Process::start(dir.path(), &settings);
    let secure = process.https();
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(TcpStream::connect(secure).await.unwrap());
    }
    let mut more = TcpStream::connect(secure).await.unwrap();
    let (first, second) = silent.split_at_mut(1);
    tokio::select! {
        ended = more.read_u8() => assert!(ended.is_err()),
        _ = first[0].read_u8() => panic!("who came first is closed"),
        _ = second[0].read_u8() => panic!("who came second is closed"),
    }
    process.stop();
}

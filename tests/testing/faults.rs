//! Faults that a test orders: of requests, of sockets; and whom the control API is not for.

use reqwest::Method;
use serde_json::{Value, json};

use crate::control::{SEED, seeded, texts};
use crate::program::Chat;
use crate::wire::Sock;

#[tokio::test]
async fn faults_befall_requests_as_they_are_ordered() {
    let (_beside, chat) = seeded(SEED);
    let send = json!({"receiver": "bob", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}});
    let fault = json!({
        "on": {"method": "POST", "path": "/messages", "user": "ann"}, "after": 1, "times": 1,
        "status": 429, "headers": {"retry-after": "7"}
    });
    chat.control(Method::POST, "/faults", fault).await;
    let ask = || {
        let request = chat.http.post(format!("{}/v3.0/messages", chat.text("url"))).header("authToken", "ann-token");
        request.header("appId", "app").json(&send).send()
    };
    assert_eq!(ask().await.expect("an answer").status(), 200);
    let refused = ask().await.expect("an answer");
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().ok()), (429, Some("7")));
    let said: Value = refused.json().await.expect("JSON");
    assert_eq!(said["error"]["code"], "ERR_TOO_MANY_REQUESTS", "{said}");
    assert_eq!(ask().await.expect("an answer").status(), 200);
    assert_eq!(chat.control(Method::GET, "/faults", Value::Null).await[0]["hits"], 1);
    chat.control(Method::DELETE, "/faults", Value::Null).await;
    // An answer that is cut off: it was done.
    let before = texts(&chat).await.len();
    for (fault, done) in [(json!({"cut": 5}), 1), (json!({"drop": "after"}), 1), (json!({"drop": "before"}), 0)] {
        let mut ordered = fault.clone();
        ordered["on"] = json!({"method": "POST", "path": "/messages"});
        ordered["times"] = json!(1);
        let count = texts(&chat).await.len();
        chat.control(Method::POST, "/faults", ordered).await;
        let broken = match ask().await {
            Ok(answer) => answer.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(broken, "{fault}");
        assert_eq!(texts(&chat).await.len(), count + done, "{fault}");
        chat.control(Method::DELETE, "/faults", Value::Null).await;
    }
    assert_eq!(texts(&chat).await.len(), before + 2);
    // A socket that is not let in, by the operation's word and with a delay.
    chat.control(Method::POST, "/faults", json!({"on": {"socket": true}, "times": 1, "status": 503, "delay": "1ms"}))
        .await;
    let address = chat.text("url").trim_start_matches("http://").to_owned();
    let connect = async || {
        let tcp = tokio::net::TcpStream::connect(&address).await.expect("connects");
        tokio_tungstenite::client_async(format!("ws://{address}/"), tcp).await
    };
    let refused = connect().await.expect_err("refused");
    assert!(refused.to_string().contains("503"), "{refused}");
    assert!(connect().await.is_ok());
    chat.control(Method::POST, "/faults", json!({"on": {"socket": true}, "times": 1, "drop": "before"})).await;
    let dropped = connect().await.expect_err("dropped").to_string();
    assert!(!dropped.contains("200"), "no answer at all: {dropped}");
    let (status, refused) = chat.try_control(Method::POST, "/faults", json!({"on": [], "status": 500})).await;
    assert!(status == 400 && refused.to_string().contains("object"), "{refused}");
    let (status, refused) = chat.try_control(Method::POST, "/faults", json!({"status": 200})).await;
    assert!(status == 400 && refused.to_string().contains("400 to 599"), "{refused}");
}

#[tokio::test]
async fn an_answer_is_cut_off_where_that_was_ordered() {
    let (_beside, chat) = seeded(SEED);
    let whole = chat.call(Method::GET, "/users/ann", None, Value::Null).await.1.to_string().len();
    for (cut, come) in [(0, 0), (5, 5), (1_000_000, whole - 1)] {
        chat.control(Method::POST, "/faults", json!({"on": {"path": "/v3/users/*"}, "times": 1, "cut": cut})).await;
        let head = [("apikey", "key"), ("appid", "app"), ("connection", "close")];
        let answer = chat.raw("GET /v3/users/ann", &head).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200") && body.len() == come, "{cut}: {answer}");
    }
    // An extension, by its own host and with a version in the middle.
    chat.control(Method::POST, "/faults", json!({"on": {"path": "/extensions/polls/v2/*"}, "times": 1, "status": 503}))
        .await;
    let answer = chat.raw("POST /v2/create", &[("host", "polls-us.ext.localhost")]).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    chat.control(Method::POST, "/faults", json!({"times": 1, "drop": "after"})).await;
    assert_eq!(chat.raw("GET /v3/users/ann", &[("apikey", "key"), ("appid", "app")]).await, "");
}

#[tokio::test]
async fn no_page_of_another_site_reaches_the_control_api() {
    let (_beside, chat) = seeded(SEED);
    let (_, port) =
        chat.text("url").rsplit_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).expect("a port");
    for (headers, may) in [
        (vec![("origin", "https://evil.example")], false),
        (vec![("origin", "null")], false),
        (vec![("origin", "http://localhost.evil.example")], false),
        (vec![("host", "rebind.evil.example")], false),
        (vec![("host", "127.0.0.1.evil.example")], false),
        (vec![("origin", "http://localhost:5173")], true),
        (vec![("origin", "https://127.0.0.1:1")], true),
        (vec![("host", "app.localhost:99")], true),
        (vec![("host", "[::1]:99")], true),
    ] {
        for what in ["GET /_test", "OPTIONS /_test/reset", "POST /_test/as/ann/messages"] {
            let answer = chat.raw(what, &headers).await;
            assert_eq!(!answer.starts_with("HTTP/1.1 403"), may, "{port} {headers:?} {what}: {answer}");
            let named = answer.lines().find_map(|line| line.strip_prefix("access-control-allow-origin: "));
            let origin = headers.iter().find(|(name, _)| *name == "origin").map(|(_, origin)| *origin);
            assert_eq!(named, origin.filter(|_| may), "{answer}");
        }
        // Nor the API: its keys are the same on every machine.
        let answer = chat.raw("GET /v3/users", &[&headers[..], &[("apikey", "key"), ("appid", "app")]].concat()).await;
        assert!(answer.starts_with(if may { "HTTP/1.1 200" } else { "HTTP/1.1 403" }), "{headers:?}: {answer}");
    }
    let beside = crate::program::folder();
    let chat = Chat::start(beside.path(), &["--origin", "https://app.test"]);
    for (origin, status) in [("https://app.test:8443", "200"), ("https://other.test", "403")] {
        let answer = chat.raw("GET /_test", &[("origin", origin)]).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{origin}: {answer}");
    }
}

/// What is under way when the past comes back belongs to what was.
#[tokio::test]
async fn a_request_does_nothing_in_another_past() {
    let (_beside, chat) = seeded(SEED);
    let send = json!({"receiver": "bob", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}});
    for _ in 0..60 {
        let made = chat.call(Method::POST, "/users", None, json!({"uid": "temp", "name": "Temp"})).await;
        assert_eq!(made.0, 200, "{}", made.1);
        let one = |path: &'static str| {
            let request =
                chat.http.post(format!("{}{path}", chat.text("url"))).header("apikey", "key").header("appid", "app");
            crate::program::answered(request.header("onbehalfof", "temp").json(&send))
        };
        let asked = futures_util::future::join_all([
            one("/v3/messages"),
            one("/v3/messages"),
            one("/_test/as/temp/messages"),
            one("/_test/as/ann/messages"),
        ]);
        let (sent, _) = tokio::join!(asked, chat.control(Method::POST, "/reset", Value::Null));
        for (status, answer) in sent {
            assert!([200, 404, 503].contains(&status), "{status}: {answer}");
        }
        let told = chat.control(Method::GET, "/journal?kind=event&title=message", Value::Null).await;
        let told = told["entries"].as_array().expect("entries").len();
        // One that came after the reset is whole: in the database and in the journal.
        assert_eq!(texts(&chat).await.len() - 1, told);
        chat.control(Method::POST, "/reset", Value::Null).await;
    }
}

#[tokio::test]
async fn who_does_not_read_is_closed_when_the_room_is_full() {
    let (_beside, chat) = seeded(SEED);
    let mut bob = Sock::of(&chat, "bob-token").await;
    chat.control(Method::POST, "/sockets", json!({"user": "bob", "do": "slow", "room": 2})).await;
    chat.send("ann", "bob", "one").await;
    chat.send("ann", "bob", "two").await;
    assert!(bob.before_pong().await.is_empty());
    chat.send("ann", "bob", "three").await;
    assert_eq!(bob.closed().await, Some(4003), "too slow");
}

#[tokio::test]
async fn what_was_held_back_is_not_told_after_a_reset() {
    let (_beside, chat) = seeded(SEED);
    let mut bob = Sock::of(&chat, "bob-token").await;
    chat.control(Method::POST, "/sockets", json!({"user": "bob", "do": "hold"})).await;
    chat.send("ann", "bob", "of the past").await;
    chat.control(Method::POST, "/reset", json!({"sockets": "keep"})).await;
    chat.send("ann", "bob", "of now").await;
    let told = bob.until(|frame| frame["body"]["data"]["text"] == "of now").await;
    assert!(!json!(told).to_string().contains("of the past"), "{told:#?}");
}

#[tokio::test]
async fn sockets_are_dropped_held_and_told_twice() {
    let (_beside, chat) = seeded(SEED);
    let sockets = async |what: &str| chat.control(Method::POST, "/sockets", json!({"user": "bob", "do": what})).await;
    let mut bob = Sock::of(&chat, "bob-token").await;
    assert_eq!(sockets("hold").await, json!({"sockets": 1}));
    chat.send("ann", "bob", "held").await;
    assert!(bob.before_pong().await.is_empty());
    sockets("mend").await;
    bob.expect_text("held").await;
    sockets("twice").await;
    chat.send("ann", "bob", "twice").await;
    bob.expect_text("twice").await;
    bob.expect_text("twice").await;
    // It lasts: also for one that comes.
    sockets("drop").await;
    assert_eq!(bob.closed().await, None, "without a good-bye");
    let mut bob = Sock::of(&chat, "bob-token").await;
    chat.send("ann", "bob", "again").await;
    bob.expect_text("again").await;
    bob.expect_text("again").await;
    sockets("close").await;
    assert_eq!(bob.closed().await, Some(1012));
    let (status, _) = chat.try_control(Method::POST, "/sockets", json!({"user": "nobody", "do": "drop"})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn what_was_refused_is_told_as_what_was_not() {
    let (_beside, chat) = seeded(SEED);
    chat.control(Method::POST, "/faults", json!({"on": {"path": "/users/*"}, "times": 1, "status": 503})).await;
    // What a browser asks beforehand is no request of its page.
    let asked = [("origin", "http://localhost:1"), ("access-control-request-method", "GET")];
    let answer = chat.raw("OPTIONS /v3/users/bob", &asked).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let told = |entry: &Value| (entry["title"].clone(), entry["users"].clone());
    for _ in 0..2 {
        chat.call(Method::GET, "/users/bob", Some("ann"), Value::Null).await;
    }
    let entries = chat.control(Method::GET, "/journal?kind=request&title=GET%20/users/bob", Value::Null).await;
    let (refused, done) = (&entries["entries"][0], &entries["entries"][1]);
    assert_eq!((&refused["status"], &done["status"]), (&json!(503), &json!(200)), "{entries}");
    assert_eq!(told(refused), told(done));
}

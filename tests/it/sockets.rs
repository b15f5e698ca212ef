//! What one client may make a socket hold and do.

use futures_util::SinkExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{DEADLINE, Harness, Sock, User};

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: it\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A connection that speaks WebSocket, byte by byte.
async fn upgraded(h: &Harness) -> TcpStream {
    let address = h.base().strip_prefix("http://").expect("plain HTTP");
    let mut tcp = TcpStream::connect(address).await.expect("connects");
    tcp.write_all(HANDSHAKE.as_bytes()).await.expect("writes");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(DEADLINE, tcp.read_u8()).await.expect("in time").expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    tcp
}

/// What the server says to a handshake that is not the usual one, and to what is written behind it, to the end.
async fn refused(h: &Harness, handshake: &str, behind: &[u8]) -> String {
    let address = h.base().strip_prefix("http://").expect("plain HTTP");
    let mut tcp = TcpStream::connect(address).await.expect("connects");
    tcp.write_all(handshake.as_bytes()).await.expect("writes");
    for piece in behind.chunks(behind.len().div_ceil(32).max(1)) {
        tcp.write_all(piece).await.expect("the server still reads");
    }
    tcp.shutdown().await.expect("says that this was all");
    let mut answer = Vec::new();
    timeout(DEADLINE, tcp.read_to_end(&mut answer)).await.expect("in time").expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_handshake_that_is_refused_is_told_why() {
    let h = Harness::start().await;
    let (host, version) = ("Host: it\r\n", "Sec-WebSocket-Version: 13\r\n");
    for other in ["Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Version: 13, 8\r\n", ""] {
        let answer = refused(&h, &HANDSHAKE.replace(version, other), b"").await;
        assert!(answer.starts_with("HTTP/1.1 426 "), "{other:?}: {answer}");
        assert!(answer.contains("\r\nsec-websocket-version: 13\r\n"), "{other:?}: {answer}");
        assert!(answer.contains("\r\nupgrade: websocket\r\n"), "{other:?}: {answer}");
        assert!(answer.contains("ERR_BAD_REQUEST"), "{other:?}: {answer}");
    }
    // A body in chunks would not end where the frames begin: who speaks so gets no socket that nobody serves.
    let chunked = HANDSHAKE.replace(host, "Host: it\r\nTransfer-Encoding: chunked\r\n");
    let no_key = HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short");
    let elsewhere = HANDSHAKE.replace("GET /", "GET /nowhere");
    for (handshake, behind, status) in [(chunked, &b"0\r\n\r\n"[..], 400), (no_key, b"", 400), (elsewhere, b"", 404)] {
        let answer = refused(&h, &handshake, behind).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{handshake}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{handshake}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{handshake}: {answer}");
    }
    // A proxy that asks for an upgrade with each request and names none is told that its connection ends.
    let answer = refused(&h, "GET /health HTTP/1.1\r\nHost: it\r\nConnection: upgrade\r\n\r\n", b"").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn who_is_refused_a_socket_hears_it_whatever_was_written_already() {
    let h = Harness::start().await;
    let answer = refused(&h, &HANDSHAKE.replace("GET /", "GET /nowhere"), &vec![b' '; 16 << 20]).await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("ERR_API_NOT_FOUND"), "{answer}");
}

#[tokio::test]
async fn a_good_bye_is_answered_with_its_own_code() {
    let h = Harness::start().await;
    let good_bye = |code: &[u8]| [&[0x88, 0x80 | code.len() as u8, 0, 0, 0, 0], code].concat();
    let protocol = || Some(1002u16.to_be_bytes().to_vec());
    for (said, heard) in [
        (good_bye(&1000u16.to_be_bytes()), Some(1000u16.to_be_bytes().to_vec())),
        (good_bye(&[&4321u16.to_be_bytes()[..], b"bye"].concat()), Some(4321u16.to_be_bytes().to_vec())),
        (good_bye(&[]), None),
        (good_bye(&[3]), protocol()),
        (good_bye(&1005u16.to_be_bytes()), protocol()),
        // Not masked; a reserved bit; a reserved kind; a fragment of nothing; a ping in fragments.
        (vec![0x81, 2, b'{', b'}'], protocol()),
        (vec![0xC1, 0x80, 0, 0, 0, 0], protocol()),
        (vec![0x83, 0x80, 0, 0, 0, 0], protocol()),
        (vec![0x80, 0x80, 0, 0, 0, 0], protocol()),
        (vec![0x09, 0x80, 0, 0, 0, 0], protocol()),
    ] {
        let mut tcp = upgraded(&h).await;
        tcp.write_all(&said).await.expect("writes");
        let mut answer = Vec::new();
        timeout(DEADLINE, tcp.read_to_end(&mut answer)).await.expect("the server ends it").expect("a good-bye");
        assert_eq!(answer[0], 0x88, "{said:?}: {answer:?}");
        let code = answer.get(2..4).map(<[u8]>::to_vec);
        assert_eq!(code, heard, "{said:?}: {answer:?}");
    }
    h.user("ann").await.connect().await;
}

/// Writes for as long as the server takes it; the close code that comes back.
async fn flooded(tcp: TcpStream, first: &[u8], then: &[u8]) -> Option<u16> {
    let (mut reading, mut writing) = tcp.into_split();
    writing.write_all(first).await.expect("writes");
    let close = async {
        let mut heard = Vec::new();
        let _ = reading.read_to_end(&mut heard).await;
        // A close frame: 0x88, its length, the code.
        heard.get(..4).filter(|frame| frame[0] == 0x88).map(|frame| u16::from_be_bytes([frame[2], frame[3]]))
    };
    let flood = async {
        while writing.write_all(then).await.is_ok() {}
        std::future::pending::<()>().await
    };
    let ended = async {
        tokio::select! {
            code = close => code,
            () = flood => None,
        }
    };
    timeout(DEADLINE, ended).await.expect("the server ends it")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_header_claims_is_not_waited_for() {
    let h = Harness::start().await;
    let chunk = [0u8; 16 * 1024];
    for claim in [1u64 << 62, 1 << 30, 65_537] {
        let mut header = vec![0x81, 0xFF];
        header.extend(claim.to_be_bytes());
        header.extend([1, 2, 3, 4]);
        let code = flooded(upgraded(&h).await, &header, &chunk).await;
        assert!(code.is_none() || code == Some(1009), "{claim}: {code:?}");
    }
    // With nothing behind it the refusal can always be read.
    let mut tcp = upgraded(&h).await;
    tcp.write_all(&[0x81, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]).await.expect("writes");
    let mut heard = Vec::new();
    let _ = timeout(DEADLINE, tcp.read_to_end(&mut heard)).await.expect("the server ends it");
    assert_eq!(heard.get(2..4), Some(&1009u16.to_be_bytes()[..]), "{heard:?}");
}

#[tokio::test]
async fn a_stranger_has_less_room_than_one_who_is_known() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let large = |deep: &str| {
        let (data, receiver) = (json!({"deep": deep}), "bob");
        json!({"appId": h.app.app_id, "type": "transient_message", "sender": "ann", "receiver": receiver,
            "receiverType": "user", "deviceId": "d", "body": {"user": {"uid": "ann", "name": "Ann"}, "data": data}})
        .to_string()
    };
    let mut stranger = ann.socket().await;
    stranger.stream.send(Message::text(large(&"x".repeat(17_000)))).await.expect("writes");
    let (_, code) = stranger.closed().await;
    assert!(code.is_none() || code == Some(1009), "{code:?}");
    let (mut at_bob, mut known) = (bob.connect().await, ann.connect().await);
    known.stream.send(Message::text(large(&"x".repeat(60_000)))).await.expect("writes");
    at_bob.expect(|frame| frame["type"] == "transient_message").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_without_end_are_not_kept() {
    let h = Harness::start().await;
    // A first fragment, and then empty ones and pings.
    let first = [0x01, 0x81, 0, 0, 0, 0, b'x'];
    let rest = [0x00, 0x80, 0, 0, 0, 0, 0x89, 0x80, 0, 0, 0, 0].repeat(500);
    let code = flooded(upgraded(&h).await, &first, &rest).await;
    assert!(matches!(code, None | Some(1009 | 4004)), "{code:?}");
}

#[tokio::test]
async fn a_flood_of_frames_closes_its_socket_and_no_other() {
    let h = Harness::with(&["--limit", "frames=5"]).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    for _ in 0..200 {
        if at_ann.try_write(Message::text(r#"{"action":"ping"}"#)).await.is_err() {
            break;
        }
    }
    assert_eq!(at_ann.closed().await.1, Some(4004));
    ann.send("bob", "still here").await;
    at_bob.expect_text("still here").await;
}

#[tokio::test]
async fn a_login_with_many_sockets_pushes_out_its_own() {
    let h = Harness::with(&["--limit", "sockets=3"]).await;
    let phone = h.user("ann").await;
    let browser = phone.again().await;
    let mut at_phone = phone.connect().await;
    let mut tabs: Vec<Sock> = Vec::new();
    for _ in 0..6 {
        tabs.push(browser.connect().await);
    }
    let newest = tabs.split_off(4);
    for tab in tabs {
        assert_eq!(tab.closed().await.1, Some(4005));
    }
    h.post("/messages", crate::harness::text_to("user", "ann", "hello")).await.ok();
    at_phone.expect_text("hello").await;
    for mut tab in newest {
        tab.expect_text("hello").await;
    }
}

#[tokio::test]
async fn where_each_login_has_one_socket_the_newest_is_refused() {
    let h = Harness::with(&["--limit", "sockets=2"]).await;
    let mut logins: Vec<User> = vec![h.user("ann").await];
    logins.push(logins[0].again().await);
    logins.push(logins[0].again().await);
    let (mut first, mut second) = (logins[0].connect().await, logins[1].connect().await);
    let third = logins[2].connect().await;
    assert_eq!(third.closed().await.1, Some(4005));
    logins[0].send("ann", "to oneself").await;
    second.expect_text("to oneself").await;
    first.before_pong().await;
}

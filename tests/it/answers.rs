//! Large answers: pages end at a size and nothing is lost, and who does not read is bounded and cut off.

use std::collections::BTreeSet;

use hobnob::model::error::Code;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{Client, DEADLINE, Harness, User, eventually, id_of};

/// Bytes of a page in these tests.
const PAGE: usize = 100_000;

/// Reads a list of messages to its end, page by page; all ids in the order they came.
async fn walk(client: &Client, path: &str, affix: &str, limit: usize) -> Vec<i64> {
    // The first message of each of these worlds is in none of the lists.
    let (mut seen, mut cursor) = (Vec::new(), if affix == "append" { "&id=1" } else { "" }.to_owned());
    loop {
        let with = if path.contains('?') { '&' } else { '?' };
        let answer = client.get(&format!("{path}{with}affix={affix}&limit={limit}{cursor}")).await;
        let (size, meta) = (answer.text.len(), answer.body["meta"].clone());
        let page = answer.list();
        assert!(size <= PAGE || page.len() == 1, "{path}: {} messages in {size} bytes", page.len());
        assert!(page.len() <= limit);
        assert_eq!(meta["current"]["count"], page.len());
        let more = meta["pagination"]["total_pages"].as_i64().unwrap() > 1;
        let ids: Vec<i64> = page.iter().map(id_of).collect();
        let Some(edge) = (if affix == "append" { ids.last() } else { ids.first() }) else { break };
        if !path.contains("pinned") {
            assert_eq!(meta["cursor"]["id"], edge.to_string(), "{meta}");
        }
        let at = &meta["cursor"];
        cursor = format!("&id={}&sentAt={}", at["id"].as_str().unwrap(), at["sentAt"]);
        match affix {
            "append" => seen.extend(ids),
            _ => drop(seen.splice(0..0, ids)),
        }
        if !more {
            break;
        }
    }
    seen
}

/// Texts of sizes that fill pages in different ways; always the same ones.
fn sizes(count: usize) -> impl Iterator<Item = usize> {
    let mut state = 7u64;
    (0..count).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        [5, 400, 9_000, 33_000, 49_000, 60_000][(state >> 33) as usize % 6]
    })
}

#[tokio::test]
async fn pages_end_at_a_size_and_nothing_is_lost() {
    let h = Harness::with(&["--limit", "page_bytes=100000"]).await;
    let (ann, bob, cat) = (h.user("ann").await, h.user("bob").await, h.user("cat").await);
    cat.send("bob", "the first").await;
    h.group("team", &ann, &[&bob]).await;
    let (mut with_bob, mut in_team, mut all, mut thread) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let parent = id_of(&ann.send("bob", "parent").await);
    with_bob.push(parent);
    all.push(parent);
    for (at, size) in sizes(36).enumerate() {
        let text = format!("word {}", "x".repeat(size));
        let id = match at % 4 {
            0 | 1 => ann.send("bob", &text).await,
            2 => bob.send_group("team", &text).await,
            _ => {
                let reply = json!({"receiver": "bob", "receiverType": "user", "category": "message", "type": "text",
                    "data": {"text": text}, "parentMessageId": parent.to_string()});
                ann.post("/messages", reply).await.ok()
            }
        };
        let id = id_of(&id);
        all.push(id);
        match at % 4 {
            2 => in_team.push(id),
            3 => (thread.push(id), with_bob.push(id)).1,
            _ => with_bob.push(id),
        }
    }
    // What belongs to others is between.
    cat.send("bob", "not for ann").await;
    let words: Vec<i64> = all.iter().copied().filter(|id| *id != parent).collect();
    for (path, should) in [
        ("/users/bob/messages", &with_bob),
        ("/groups/team/messages", &in_team),
        ("/messages", &all),
        (&*format!("/messages/{parent}/thread"), &thread),
        ("/messages?searchKey=word", &words),
        ("/users/bob/messages?searchKey=word&types=text", &with_bob[1..].to_vec()),
    ] {
        let mut known: Vec<i64> = should.clone();
        if matches!(path, "/groups/team/messages" | "/messages") {
            // What the group says of itself.
            known.extend(ann.get("/groups/team/messages?categories=action&limit=100").await.list().iter().map(id_of));
            known.sort_unstable();
        }
        for (affix, limit) in [("prepend", 3), ("prepend", 1000), ("append", 3), ("append", 1000)] {
            assert_eq!(walk(&ann, path, affix, limit).await, known, "{path} {affix} by {limit}");
        }
    }
    // A back end that goes by `meta.next`.
    let mut seen = BTreeSet::new();
    let mut next = "affix=prepend".to_owned();
    loop {
        let answer = h.get(&format!("/groups/team/messages?limit=1000&{next}")).await;
        let meta = answer.body["meta"].clone();
        let page = answer.list();
        if page.is_empty() {
            break;
        }
        assert!(page.iter().all(|message| seen.insert(id_of(message))), "one came twice");
        next = format!("affix={}&id={}", meta["next"]["affix"].as_str().unwrap(), meta["next"]["id"].as_str().unwrap());
    }
    assert!(in_team.iter().all(|id| seen.contains(id)));
}

/// What is shown beside messages counts as well: what they quote, and the replies of threads.
#[tokio::test]
async fn pages_of_quotes_and_of_threads_end_at_a_size_and_nothing_is_lost() {
    let h = Harness::with(&["--limit", "page_bytes=100000"]).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.user("cat").await.send("bob", "the first").await;
    let quoted = id_of(&ann.send("bob", &"q".repeat(1_500)).await).to_string();
    let mut all = vec![quoted.parse().unwrap()];
    for n in 0..230 {
        let body = json!({"receiver": "bob", "receiverType": "user", "data": {"text": n.to_string()}, "quotedMessageId": quoted});
        all.push(id_of(&ann.post("/messages", body).await.ok()));
    }
    for (affix, limit) in [("prepend", 70), ("prepend", 1000), ("append", 70), ("append", 1000)] {
        assert_eq!(walk(&ann, "/users/bob/messages", affix, limit).await, all, "{affix} by {limit}");
    }
    ann.get("/users/bob/messages?page=1&perPage=200").await.refused(Code::BadRequest);
    // One that is larger than a page comes alone.
    let parents: Vec<i64> = all.iter().copied().filter(|id| id % 9 == 0).collect();
    for (at, parent) in parents.iter().enumerate() {
        let text = "r".repeat([9_000, 60_000][at % 2]);
        let body = json!({"receiver": "ann", "receiverType": "user", "data": {"text": text}});
        bob.post(&format!("/messages/{parent}/thread"), body).await.ok();
        h.clock.advance(1);
    }
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let answer = ann.get(&format!("/threads?limit=1000{next}")).await;
        let (size, meta) = (answer.text.len(), answer.body["meta"].clone());
        let page = answer.list();
        assert!(size <= PAGE || page.len() == 1, "{} threads in {size} bytes", page.len());
        if page.is_empty() {
            break;
        }
        found.extend(page.iter().map(id_of));
        next = format!("&updatedAt={}&id={}", meta["next"]["updatedAt"], meta["next"]["id"].as_str().unwrap());
    }
    found.reverse();
    assert_eq!(found, parents);
    // What waits for a review, from either end.
    for id in &all {
        bob.post(&format!("/messages/{id}/flagged"), json!({"reasonId": "spam"})).await.ok();
    }
    for (affix, go_on) in [("append", "next"), ("prepend", "previous")] {
        let (mut found, mut from) = (Vec::new(), String::new());
        loop {
            let answer = h.get(&format!("/moderation/flagged-messages?limit=1000&affix={affix}{from}")).await;
            let (size, meta) = (answer.text.len(), answer.body["meta"].clone());
            let page: Vec<i64> = answer.list().iter().map(id_of).collect();
            assert!(size <= PAGE, "{} messages in {size} bytes", page.len());
            let Some(edge) = meta[go_on]["id"].as_str() else { break };
            assert!(page.is_sorted() && page.len() < all.len());
            from = format!("&id={edge}");
            match affix {
                "append" => found.extend(page),
                _ => drop(found.splice(0..0, page)),
            }
        }
        assert_eq!(found, all, "{affix}");
    }
}

#[tokio::test]
async fn a_numbered_page_is_whole_or_refused() {
    let h = Harness::with(&["--limit", "page_bytes=100000"]).await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let mut ids = Vec::new();
    for at in 0..12 {
        ids.push(id_of(&ann.send("bob", &format!("{at} {}", "x".repeat(30_000))).await));
    }
    for (per_page, pages) in [(1, 12), (2, 6)] {
        let mut seen = Vec::new();
        for page in 1..=pages + 1 {
            let answer = h.behalf("ann").get(&format!("/users/bob/messages?page={page}&perPage={per_page}")).await;
            let some: Vec<i64> = answer.list().iter().map(id_of).collect();
            seen.splice(0..0, some);
        }
        assert_eq!(seen, ids, "by {per_page}");
    }
    let refused = h.behalf("ann").get("/users/bob/messages?page=1&perPage=5").await.refused(Code::BadRequest);
    assert_eq!(refused["params"]["limit"], PAGE, "{refused}");
    // The same for lists of other things.
    for at in 0..30 {
        let metadata = json!({"k": "x".repeat(4000)});
        h.post("/users", json!({"uid": format!("u{at}"), "name": "U", "metadata": metadata})).await.ok();
    }
    assert_eq!(h.get("/users?perPage=20").await.list().len(), 20);
    let refused = h.get("/users?perPage=1000").await.refused(Code::BadRequest);
    assert!(refused["details"]["perPage"].is_array(), "{refused}");
}

/// Asks, and reads nothing of the answer.
async fn ask_and_stare(user: &User, path: &str, claim: &str) -> TcpStream {
    let address = user.base().strip_prefix("http://").unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let request = format!("GET /v3{path} HTTP/1.1\r\nHost: {address}\r\nauthToken: {}\r\n{claim}\r\n", user.token);
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The beginning of an answer.
async fn status_of(stream: &mut TcpStream) -> String {
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    String::from_utf8_lossy(&status).into_owned()
}

/// Messages that make an answer larger than the system keeps for a connection.
const MANY: usize = 112;

async fn much_said(h: &Harness) -> (User, User) {
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let text = "x".repeat(64_000);
    futures_util::future::join_all((0..MANY).map(|_| ann.send("bob", &text))).await;
    (ann, bob)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_bounded() {
    // An answer is some 7 MB; one client may have 9 that wait.
    let h = Harness::with(&["--limit", "page_bytes=8000000,answers=36000000"]).await;
    let (ann, bob) = much_said(&h).await;
    let path = "/users/bob/messages?limit=1000";

    let mut staring = ask_and_stare(&ann, path, "").await;
    // Its answer has begun: the next one is the second.
    assert_eq!(status_of(&mut staring).await, "HTTP/1.1 200");
    eventually("the client's share is full", async || ann.get(path).await.status == 503).await;
    // There is no room for another large one of the same client; small ones and other clients go on.
    let refused = ann.get(path).await;
    let headers = refused.headers.clone();
    assert!(headers.contains_key("retry-after") && headers.contains_key("access-control-allow-origin"));
    assert!(refused.refused(Code::Busy)["message"].as_str().unwrap().contains("large answers"));
    // Nor is there for one who claims to be somebody else besides.
    for name in ["onBehalfOf", "apikey", "x-hobnob-admin", "x-forwarded-for"] {
        let mut again = ask_and_stare(&ann, path, &format!("{name}: 9.9.9.9\r\n")).await;
        assert_eq!(status_of(&mut again).await, "HTTP/1.1 503", "{name}");
    }
    ann.get("/me").await.ok();
    assert_eq!(bob.get("/users/ann/messages?limit=1000").await.list().len(), MANY);
    // With the one who stares goes what waited for it.
    drop(staring);
    eventually("it is free again", async || ann.get(path).await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_too_long_is_cut_off() {
    // No time at all: whatever does not leave in one go is late.
    let h = Harness::with(&["--limit", "page_bytes=8000000,answer_seconds=0"]).await;
    let (ann, _) = much_said(&h).await;
    let mut slow = ask_and_stare(&ann, "/users/bob/messages?limit=1000", "").await;
    let mut got = Vec::new();
    let end = tokio::time::timeout(DEADLINE, slow.read_to_end(&mut got)).await.expect("the connection ends");
    assert!(end.is_err() || got.len() < MANY * 64_000, "{} bytes came", got.len());
    // Small ones are not concerned.
    assert_eq!(ann.get("/users/bob/messages?limit=1").await.status, 200);
}

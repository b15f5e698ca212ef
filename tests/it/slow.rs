//! A client that does not read costs itself its socket, and nobody else anything.

use serde_json::{Value, json};

use crate::harness::{Harness, Sock, User, id_of};

/// A text near the largest there may be.
fn long_text() -> String {
    "x".repeat(60_000)
}

/// Enough of them to fill every buffer between server and client, and the queue besides.
const MANY: usize = 300;

async fn connect_narrow(user: &User) -> Sock {
    let mut sock = user.narrow_socket().await;
    assert_eq!(sock.authenticate(user, json!({})).await["body"]["code"], "200");
    sock
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_does_not_read_is_put_out_and_the_others_miss_nothing() {
    let h = Harness::start().await;
    let (ann, bob, slow) = (h.user("ann").await, h.user("bob").await, h.user("slow").await);
    h.group("team", &ann, &[&bob, &slow]).await;
    let mut at_bob = bob.connect().await;
    let unread = connect_narrow(&slow).await;

    let reading = tokio::spawn(async move {
        let mut ids = Vec::new();
        while ids.len() < MANY {
            ids.push(id_of(&at_bob.expect(|frame| frame["type"] == "message").await["body"]));
        }
        (at_bob, ids)
    });
    let text = long_text();
    let mut sent = Vec::new();
    for chunk in (0..MANY).collect::<Vec<_>>().chunks(4) {
        let sends = chunk.iter().map(|_| ann.send_group("team", &text));
        sent.extend(futures_util::future::join_all(sends).await.iter().map(id_of));
    }
    sent.sort_unstable();
    let (mut at_bob, seen) = reading.await.unwrap();
    assert_eq!(seen, sent, "the one who reads gets all, in order");

    let (heard, code) = unread.closed().await;
    assert!(code.is_none() || code == Some(4003), "{code:?}");
    let heard: Vec<i64> = heard.iter().map(|frame| id_of(&frame["body"])).collect();
    assert_eq!(heard, sent[..heard.len()], "what came before the end came in order and without a gap");
    assert!(heard.len() < MANY / 2, "{} messages of 60 KB were kept for one who did not read", heard.len());

    // He comes back, and goes on where everybody is; what he missed is in the history.
    let mut again = slow.connect().await;
    ann.send_group("team", "back").await;
    again.expect_text("back").await;
    at_bob.expect_text("back").await;
    // A page ends at a size, so it takes more than one.
    let (mut after, mut missed) = (sent[heard.len() - 1], 0);
    loop {
        let page = slow.get(&format!("/groups/team/messages?affix=append&id={after}&limit=1000")).await.list();
        let Some(last) = page.last() else { break };
        (after, missed) = (id_of(last), missed + page.len());
    }
    assert_eq!(missed, MANY - heard.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mattered_only_just_now_gives_way_to_what_stays() {
    let h = Harness::start().await;
    let (ann, slow) = (h.user("ann").await, h.user("slow").await);
    let mut at_ann = ann.connect().await;
    let mut unread = connect_narrow(&slow).await;
    let typing = json!({"action": "started", "user": {"uid": "ann", "name": "Ann"}, "metadata": {"x": long_text()}});
    for _ in 0..MANY {
        at_ann.command("typing_indicator", "user", "slow", typing.clone()).await;
    }
    at_ann.before_pong().await;
    for text in ["one", "two", "three"] {
        ann.send("slow", text).await;
    }
    let heard = unread.until(|frame| frame["body"]["data"]["text"] == "three").await;
    let texts: Vec<&Value> =
        heard.iter().filter(|f| f["type"] == "message").map(|f| &f["body"]["data"]["text"]).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(heard.len() < MANY, "no typing was dropped");
}

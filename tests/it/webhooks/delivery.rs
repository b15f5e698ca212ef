//! How a webhook is told: what counts as told, when what failed is tried again, what it is signed with, and that nobody
//! waits for anybody else.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, HeaderName};
use rusqlite::Connection;
use serde_json::json;
use tokio::sync::Semaphore;

use super::hook;
use crate::harness::receiver::{Does, Receiver, Told, well};
use crate::harness::{Harness, NOW, User, eventually};

/// Two who write to one another.
async fn pair(settings: &[&str]) -> (Harness, User) {
    let h = Harness::with(settings).await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    (h, ann)
}

/// Waits until so many of the events have come to this.
async fn come_to(h: &Harness, state: &str, many: i64) {
    let sql = format!("SELECT count(*) FROM deliveries WHERE state = '{state}'");
    eventually(&format!("{many} are {state}"), async || h.count(&sql) == many).await;
}

fn text(h: &Harness, sql: &str) -> String {
    let database = Connection::open(h.data.join("hobnob.db")).expect("opens");
    database.query_row(sql, [], |row| row.get(0)).expect("a text")
}

#[tokio::test]
async fn any_2xx_is_taken_and_nothing_else() {
    let (h, ann) = pair(&[]).await;
    let receiver = Receiver::start().await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": false}), &["message_sent"]).await;
    let (mut taken, mut failed) = (0, 0);
    for (at, status) in
        [200, 201, 202, 204, 299, 300, 301, 302, 307, 304, 400, 401, 404, 500, 503].into_iter().enumerate()
    {
        receiver.be(Does::Answer(status, "Location: /elsewhere\r\n", String::new()));
        ann.send("bob", "hello").await;
        receiver.expect(at + 1).await;
        if status < 300 {
            taken += 1
        } else {
            failed += 1
        }
        come_to(&h, "delivered", taken).await;
        come_to(&h, "failed", failed).await;
        assert_eq!(h.count("SELECT status FROM deliveries ORDER BY event DESC LIMIT 1"), i64::from(status));
    }
    assert!(receiver.told().iter().all(|told| told.path == "/w1"), "no redirect is followed");
    assert_eq!(h.count("SELECT count(*) FROM deliveries WHERE next_at IS NOT NULL"), 0, "it asked for no second try");
}

#[tokio::test]
async fn the_status_decides_however_the_rest_of_an_answer_goes() {
    let (h, ann) = pair(&["--limit", "webhook_seconds=2"]).await;
    let receiver = Receiver::start().await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": false}), &["message_sent"]).await;
    // Bodies that are huge, endless, or break off.
    let taken = [
        Does::Answer(200, "", "x".repeat(3_000_000)),
        Does::Endless,
        Does::Say("HTTP/1.1 202 X\r\nContent-Length: 9\r\n\r\nstuck"),
    ];
    let refused = [
        Does::Say("HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\nstuck"),
        Does::Hang,
        Does::Say("HTTP/1.1 20"),
        Does::Say("what?\r\n\r\n"),
        Does::Reset,
    ];
    for (at, does) in taken.iter().enumerate() {
        receiver.be(does.clone());
        ann.send("bob", "hello").await;
        come_to(&h, "delivered", at as i64 + 1).await;
        assert!(h.count("SELECT max(length(answer)) FROM deliveries") <= 1024, "only how it begins is kept");
    }
    assert_eq!(text(&h, "SELECT answer FROM deliveries ORDER BY event DESC LIMIT 1"), "stuck");
    for (at, does) in refused.iter().enumerate() {
        receiver.be(does.clone());
        ann.send("bob", "hello").await;
        come_to(&h, "failed", at as i64 + 1).await;
    }
    assert_eq!(h.count("SELECT count(*) FROM deliveries WHERE answer = 'it takes too long'"), 2);
    receiver.be(well());
    ann.send("bob", "hello").await;
    come_to(&h, "delivered", 4).await;
}

#[tokio::test]
async fn what_fails_is_tried_for_a_day_at_its_times() {
    let (h, ann) = pair(&[]).await;
    let receiver = Receiver::start().await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    receiver.be(Does::Answer(500, "", "no".to_owned()));
    ann.send("bob", "hello").await;
    let mut now = NOW;
    let least = [10, 30, 300, 1800, 7200, 18_000, 36_000, 57_600, 86_400];
    for (at, least) in least.into_iter().enumerate() {
        let tries = at as i64 + 1;
        eventually("it was tried", async || h.count("SELECT coalesce(max(tries), 0) FROM deliveries") == tries).await;
        let next = h.count("SELECT next_at FROM deliveries");
        // The first two times are the contract's; the others are up to a tenth later.
        let most = if least <= 30 { least } else { least + least / 10 };
        assert!((NOW + least..=NOW + most).contains(&next), "try {tries}: {}", next - NOW);
        h.clock.advance(next - now);
        now = next;
    }
    eventually("it is given up", async || h.count("SELECT count(*) FROM deliveries WHERE state = 'failed'") == 1).await;
    assert_eq!(h.count("SELECT tried_at FROM deliveries"), now, "no try was early");
    let told = receiver.told();
    assert_eq!(told.len(), 10);
    assert!(
        told.iter().all(|one| one.header("webhook-id") == told[0].header("webhook-id") && one.text == told[0].text)
    );
    let times: Vec<&str> = told.iter().map(|one| one.header("webhook-timestamp")).collect();
    assert!(times.is_sorted() && times[0] == NOW.to_string(), "{times:?}");
}

#[tokio::test]
async fn who_asks_for_a_rest_gets_it() {
    let (h, ann) = pair(&[]).await;
    let receiver = Receiver::start().await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    receiver.be(Does::Answer(503, "Retry-After: 120\r\n", String::new()));
    ann.send("bob", "one").await;
    eventually("it waits", async || h.count("SELECT coalesce(max(next_at), 0) FROM deliveries") == NOW + 120).await;
    // Others wait with it.
    receiver.be(well());
    ann.send("bob", "two").await;
    h.clock.advance(120);
    let told = receiver.expect(3).await;
    assert_eq!(told[1].header("webhook-timestamp"), (NOW + 120).to_string());
    assert_eq!(told[2].header("webhook-timestamp"), (NOW + 120).to_string());
    come_to(&h, "delivered", 2).await;
}

#[tokio::test]
async fn who_is_gone_is_told_nothing_more() {
    let (h, ann) = pair(&[]).await;
    let receiver = Receiver::start().await;
    let ops = hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    receiver.be(Does::Answer(410, "", String::new()));
    ann.send("bob", "one").await;
    eventually("it is off", async || h.count("SELECT enabled FROM webhooks") == 0).await;
    assert_eq!(h.count("SELECT count(*) FROM webhooks WHERE ended IS NOT NULL"), 1);
    ann.send("bob", "two").await;
    // Switched on again it is told what happens from then on.
    receiver.be(well());
    ops.put(&format!("/apps/{}/webhooks/w1", h.app_id), json!({"enabled": true})).await.ok();
    ann.send("bob", "three").await;
    eventually("it is told", async || h.count("SELECT count(*) FROM deliveries WHERE state = 'delivered'") >= 1).await;
    let texts: Vec<String> = receiver.told().iter().map(said).collect();
    assert!(texts.contains(&"three".to_owned()) && !texts.contains(&"two".to_owned()), "{texts:?}");
}

/// What the message says that is told of.
fn said(told: &Told) -> String {
    told.body["data"]["message"]["data"]["text"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn one_that_is_down_is_told_in_order_when_it_is_back() {
    let (h, ann) = pair(&[]).await;
    let receiver = Receiver::start().await;
    hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    receiver.be(Does::Reset);
    for each in 0..40 {
        ann.send("bob", &each.to_string()).await;
    }
    eventually("it is down", async || h.count("SELECT coalesce(max(tries), 0) FROM deliveries") > 0).await;
    // A minute later nearly all of them wait where they were: it is not run into.
    h.clock.advance(61);
    eventually("it was looked at again", async || {
        h.count(&format!("SELECT count(*) FROM deliveries WHERE tried_at > {NOW}")) > 0
    })
    .await;
    assert!(h.count("SELECT count(*) FROM deliveries") <= 16, "{}", h.count("SELECT count(*) FROM deliveries"));
    receiver.be(well());
    h.clock.advance(61);
    come_to(&h, "delivered", 40).await;
    let mut texts: Vec<String> = receiver.told().iter().map(said).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 40);
    assert_eq!(h.count("SELECT count(*) FROM webhooks WHERE failing_at IS NOT NULL"), 0);
}

#[tokio::test]
async fn whoever_is_told_can_check_by_whom() {
    let (h, ann) = pair(&[]).await;
    // Those who check look at the time.
    let today = SystemTime::now().duration_since(UNIX_EPOCH).expect("later than 1970").as_secs() as i64;
    h.clock.advance(today - NOW);
    let receiver = Receiver::start().await;
    hook(&h, "w1", &receiver, json!({}), &["message_sent"]).await;
    ann.send("bob", "grüße 😀").await;
    let first = receiver.expect(1).await.remove(0);
    let old = text(&h, "SELECT secret FROM webhooks");
    let holds = |secret: &str, told: &Told, body: &str| {
        let headers: HeaderMap = told
            .headers
            .iter()
            .map(|(name, value)| (HeaderName::try_from(name.as_str()).unwrap(), value.parse().unwrap()))
            .collect();
        let webhook = standardwebhooks::Webhook::new(&format!("whsec_{secret}")).expect("a secret");
        webhook.verify(body.as_bytes(), &headers).is_ok()
    };
    assert!(holds(&old, &first, &first.text));
    assert!(!holds(&old, &first, &first.text.replace("bob", "eve")));
    // Another secret; the old one signs beside it for a while.
    let new = "bmV3IHNlY3JldCB0aGF0IGlzIGxvbmcgZW5vdWdo";
    let database = Connection::open(h.data.join("hobnob.db")).expect("opens");
    let rotate = "UPDATE webhooks SET old_secret = secret, old_until = ?1, secret = ?2";
    database.execute(rotate, rusqlite::params![today + 100, new]).expect("rotates");
    ann.send("bob", "two").await;
    let second = receiver.expect(2).await.remove(1);
    assert!(holds(&old, &second, &second.text) && holds(new, &second, &second.text));
    h.clock.advance(100);
    ann.send("bob", "three").await;
    let third = receiver.expect(3).await.remove(2);
    assert!(!holds(&old, &third, &third.text) && holds(new, &third, &third.text));
}

#[tokio::test]
async fn many_that_hang_hold_up_nobody_else() {
    let (h, ann) = pair(&[]).await;
    let (hangs, well) = (Receiver::start().await, Receiver::start().await);
    hangs.be(Does::Hang);
    for each in 0..24 {
        hook(&h, &format!("hangs{each}"), &hangs, json!({}), &["message_sent"]).await;
    }
    hook(&h, "well", &well, json!({}), &["message_sent"]).await;
    for each in 0..10 {
        ann.send("bob", &each.to_string()).await;
    }
    hangs.expect(24 * 8).await;
    for each in 10..30 {
        ann.send("bob", &each.to_string()).await;
    }
    well.expect(30).await;
    assert_eq!(hangs.told().len(), 24 * 8, "each has what it has room for");
}

#[tokio::test]
async fn what_changes_under_way_holds_from_then_on() {
    let (h, ann) = pair(&[]).await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let path = format!("/apps/{}/webhooks/w1", h.app_id);
    let ops = hook(&h, "w1", &receiver, json!({"retryOnFailure": true}), &["message_sent"]).await;
    let let_go = Arc::new(Semaphore::new(0));
    receiver.be(Does::When(let_go.clone()));
    for each in 0..12 {
        ann.send("bob", &each.to_string()).await;
    }
    receiver.expect(8).await;
    // The eight are under way to the old address, the others go to the new one.
    ops.put(&path, json!({"webhookURL": format!("{}/new", other.url)})).await.ok();
    let_go.add_permits(100);
    come_to(&h, "delivered", 12).await;
    assert!(other.told().len() >= 4 && receiver.told().len() + other.told().len() == 12);
    // One that is switched off under way: what is on its way counts, and nothing more is sent.
    let let_go = Arc::new(Semaphore::new(0));
    other.be(Does::When(let_go.clone()));
    let before = other.told().len();
    for each in 0..12 {
        ann.send("bob", &each.to_string()).await;
    }
    other.expect(before + 8).await;
    ops.put(&path, json!({"enabled": false})).await.ok();
    let_go.add_permits(8);
    come_to(&h, "delivered", 20).await;
    ops.put(&path, json!({"enabled": true})).await.ok();
    let_go.add_permits(100);
    ann.send("bob", "once more").await;
    come_to(&h, "delivered", 21).await;
    assert_eq!((other.told().len(), other.told().last().map(said)), (before + 9, Some("once more".to_owned())));
    // One that is deleted under way: nothing of it stays.
    let let_go = Arc::new(Semaphore::new(0));
    other.be(Does::When(let_go.clone()));
    let before = other.told().len();
    for each in 0..12 {
        ann.send("bob", &each.to_string()).await;
    }
    other.expect(before + 8).await;
    ops.delete(&path).await.ok();
    let_go.add_permits(100);
    eventually("nothing of it is left", async || {
        h.count("SELECT (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM gone_webhooks)") == 0
    })
    .await;
    assert_eq!(other.told().len(), before + 8);
}

#[tokio::test]
async fn it_leads_to_no_place_that_is_not_public() {
    let (h, ann) = pair(&[]).await;
    let receiver = Receiver::start().await;
    let port = receiver.url.rsplit_once(':').expect("a port").1.to_owned();
    let mut hosts = ["10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433"].map(str::to_owned).to_vec();
    // Names that this machine knows for itself.
    let known = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let inside = known.lines().filter(|line| line.starts_with("127.")).flat_map(|line| line.split_whitespace().skip(1));
    hosts.extend(inside.filter(|name| *name != "localhost" && !name.starts_with('#')).map(str::to_owned).take(1));
    for (at, host) in hosts.iter().enumerate() {
        let named = json!({"webhookURL": format!("https://{host}:{port}/"), "retryOnFailure": false});
        let ops = hook(&h, &format!("w{at}"), &receiver, named, &["message_sent"]).await;
        ann.send("bob", host).await;
        come_to(&h, "failed", 1).await;
        let said = text(&h, "SELECT answer FROM deliveries");
        assert!(said.contains("a place that is not public") && said.contains("--outgoing-private"), "{host}: {said}");
        ops.delete(&format!("/apps/{}/webhooks/w{at}", h.app_id)).await.ok();
        eventually("it is gone", async || h.count("SELECT count(*) FROM deliveries") == 0).await;
    }
    assert!(receiver.told().is_empty());
}

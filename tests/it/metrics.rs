//! Figures of an app over time.

use hobnob::model::Code;
use serde_json::json;

use crate::harness::{Harness, NOW};

#[tokio::test]
async fn the_last_hour_falls_into_twelve_steps() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    ann.send("bob", "too old").await;
    h.clock.advance(3601);
    ann.send("bob", "first").await;
    bob.post("/users/ann/conversation/delivered", json!({})).await.ok();
    h.clock.advance(3300);
    ann.send("bob", "second").await;
    ann.send("bob", "third").await;
    bob.post("/users/ann/conversation/read", json!({})).await.ok();
    h.another_app().await.user("eve").await;

    let stats = h.get("/stats/messages").await.ok();
    let end = NOW + 6901;
    assert_eq!(stats["appId"], *h.app_id);
    assert_eq!((&stats["startTime"], &stats["endTime"]), (&json!(ms(end - 3600)), &json!(ms(end))));
    let points = stats["dataPoints"].as_array().expect("points");
    let column = |name: &str| points.iter().map(|point| point[name].as_i64().expect("a number")).collect::<Vec<_>>();
    assert_eq!(column("messagesSent"), [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(column("deliveryReceipts"), [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(column("readReceipts"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(points[1]["startTime"], ms(end - 3300));
    bob.get("/stats/messages").await.refused(Code::NoAccess);
}

fn ms(seconds: i64) -> String {
    (seconds * 1000).to_string()
}

#[tokio::test]
async fn usage_counts_minutes_and_people_of_the_period() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.user("idle").await;
    let _online = bob.connect().await;
    h.clock.advance(1000);
    let call = json!({"receiver": "bob", "receiverType": "user", "type": "video"});
    let call = ann.post("/calls", call).await.ok();
    let session = call["data"]["entities"]["on"]["entity"]["sessionid"].as_str().expect("a session").to_owned();
    bob.put(&format!("/calls/{session}"), json!({"status": "ongoing"})).await.ok();
    h.clock.advance(600);
    bob.put(&format!("/calls/{session}"), json!({"status": "ended"})).await.ok();

    // Seconds and milliseconds name the same times.
    let usage = h.get(&format!("/stats?fromDate={}&toDate={}", NOW, (NOW + 1600) * 1000)).await.ok();
    assert_eq!(
        usage["metrics"],
        json!({"audio_minutes": 0, "video_minutes": 20, "recorded_minutes": 0, "active_users": 2, "concurrent_users": 1})
    );
    assert_eq!(usage["time_range"], json!({"fromDate": NOW * 1000, "toDate": (NOW + 1600) * 1000}));
    let before = h.get(&format!("/stats?fromDate=1&toDate={}", NOW - 1)).await.ok();
    assert_eq!((&before["metrics"]["active_users"], &before["metrics"]["video_minutes"]), (&json!(0), &json!(0)));
    h.get("/stats?fromDate=5").await.refused(Code::BadRequest);
    h.get("/stats?fromDate=5&toDate=4").await.refused(Code::BadRequest);
}

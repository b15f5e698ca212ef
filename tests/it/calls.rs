//! Call records: who was there, for how long, and who may look.

use hobnob::model::Code;
use serde_json::json;

use crate::harness::Harness;

fn session(message: &serde_json::Value) -> String {
    message["data"]["entities"]["on"]["entity"]["sessionid"].as_str().expect("a session").to_owned()
}

#[tokio::test]
async fn records_tell_times_and_people() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let to_bob = json!({"receiver": "bob", "receiverType": "user", "type": "audio", "metadata": {"k": 1}});
    let first = session(&ann.post("/calls", to_bob).await.ok());
    h.clock.advance(10);
    bob.put(&format!("/calls/{first}"), json!({"status": "ongoing"})).await.ok();
    h.clock.advance(90);
    bob.put(&format!("/calls/{first}"), json!({"status": "ended"})).await.ok();
    h.group("team", &ann, &[&cy]).await;
    let to_team = json!({"receiver": "team", "receiverType": "group", "type": "video"});
    let second = session(&cy.post("/calls", to_team).await.ok());

    assert_eq!(h.get("/calls").await.each("sessionId"), [&*second, &first]);
    let record = h.get(&format!("/calls/{first}")).await.ok();
    assert_eq!(record["totalDuration"], "00:01:30");
    assert_eq!(record["totalAudioMinutes"], 3.0);
    assert_eq!(record["metaData"], json!({"k": 1}));
    assert_eq!((&record["initiator"], &record["receiver"]), (&json!("ann"), &json!("bob")));
    for part in record["participants"].as_array().expect("participants") {
        assert_eq!((&part["isJoined"], &part["totalDuration"]), (&json!(true), &json!(1.5)), "{part}");
    }
    let ringing = h.get(&format!("/calls/{second}")).await.ok();
    assert_eq!((&ringing["status"], &ringing["totalDuration"]), (&json!("initiated"), &json!("00:00:00")));
    assert_eq!(ringing["participants"][0]["isJoined"], false);

    for (query, found) in [
        ("type=audio", vec![&*first]),
        ("status=ended", vec![&*first]),
        ("receiverType=group", vec![&*second]),
        ("uid=bob", vec![&*first]),
        ("participantsCount=1", vec![&*second]),
        ("mode=meet", vec![]),
        ("hasRecording=true", vec![]),
        ("startedAt=9999999999", vec![]),
        ("perPage=1&page=2", vec![&*first]),
    ] {
        assert_eq!(h.get(&format!("/calls?{query}")).await.each("sessionId"), found, "{query}");
    }
    h.get("/calls?status=lost").await.refused(Code::BadRequest);
    h.get("/calls?uid=nobody").await.refused(Code::UidNotFound);

    // A user has his own list; who is no part of a call learns nothing of it.
    assert_eq!(bob.get("/calls").await.each("sessionId"), [&*first]);
    cy.get(&format!("/calls/{first}")).await.refused(Code::CallNotAPart);
    h.get("/calls/unknown").await.refused(Code::CallNotFound);
    assert_eq!(h.get(&format!("/calls/{first}/transcriptions")).await.list().len(), 0);
    h.get("/calls/unknown/transcriptions").await.refused(Code::CallNotFound);
    h.another_app().await.get(&format!("/calls/{first}")).await.refused(Code::CallNotFound);
}

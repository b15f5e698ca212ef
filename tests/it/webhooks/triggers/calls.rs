//! Calls, and meetings: calls in groups.

use serde_json::{Value, json};

use super::{Ears, all, whole};
use crate::harness::{Harness, NOW, User};

pub const TRIGGERS: &[&str] = &[
    "call_initiated",
    "call_busy",
    "call_cancelled",
    "call_rejected",
    "call_unanswered",
    "call_started",
    "call_participant_joined",
    "call_participant_left",
    "call_ended",
    "meeting_started",
    "meeting_participant_joined",
    "meeting_participant_left",
    "meeting_ended",
];

async fn ring(who: &User, kind: &str, to: &str, ears: &mut Ears) -> String {
    who.post("/calls", json!({"receiver": to, "receiverType": kind, "type": "audio"})).await.ok();
    let told = ears.hear(&["call_initiated"]).await;
    let call = &told[0]["call"];
    assert_eq!((&call["sender"], &call["type"]), (&json!(who.uid), &json!("audio")));
    call["data"]["entities"]["on"]["entity"]["sessionid"].as_str().expect("a session").to_owned()
}

async fn set(who: &User, session: &str, status: &str) {
    who.put(&format!("/calls/{session}"), json!({"status": status})).await.ok();
}

fn name(told: &Value) -> &str {
    told["occupant"]["name"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn calls_between_two_are_told() {
    let h = Harness::start().await;
    let (ann, bob) = (whole(&h, "ann").await, whole(&h, "bob").await);
    let mut ears = Ears::of(&h, &all()).await;
    for (who, status) in [(&bob, "busy"), (&ann, "cancelled"), (&bob, "rejected")] {
        let session = ring(&ann, "user", "bob", &mut ears).await;
        set(who, &session, status).await;
        let told = ears.hear(&[&format!("call_{status}")]).await;
        let call = &told[0]["call"];
        assert_eq!((&call["sender"], &call["data"]["action"]), (&json!(who.uid), &json!(status)));
    }
    // Nobody answers: the server says so by itself.
    ring(&ann, "user", "bob", &mut ears).await;
    h.clock.advance(61);
    h.store.write("it", |tx| hobnob::actions::calls::sweep(tx, &Default::default())).await.unwrap();
    ears.hear(&["call_unanswered"]).await;

    let session = ring(&ann, "user", "bob", &mut ears).await;
    h.clock.advance(5);
    let at = NOW + 66;
    set(&bob, &session, "ongoing").await;
    let told = ears.hear(&["call_started", "call_participant_joined", "call_participant_joined"]).await;
    assert_eq!((&told[0]["created_at"], &told[0]["sessionId"]), (&json!(at), &json!(session)));
    assert_eq!((name(&told[1]), name(&told[2])), ("Ann", "Bob"));
    assert_eq!((&told[1]["occupant"]["joined_at"], &told[1]["occupant"]["audio_call"]), (&json!(at), &json!("true")));
    // It is the same call.
    ann.patch(&format!("/calls/{session}/type"), json!({"type": "video"})).await.ok();
    ears.nothing().await;
    h.clock.advance(60);
    set(&ann, &session, "ended").await;
    let told = ears.hear(&["call_participant_left", "call_participant_left", "call_ended"]).await;
    assert_eq!((name(&told[0]), name(&told[1])), ("Ann", "Bob"));
    let ended = &told[2];
    assert_eq!((&ended["created_at"], &ended["destroyed_at"]), (&json!(at), &json!(at + 60)));
    let all = ended["all_occupants"].as_array().unwrap();
    assert!(
        all.len() == 2 && all.iter().all(|one| one["left_at"] == at + 60 && one["audio_call"] == "false"),
        "{ended}"
    );

    // One who is blocked is out of it.
    let session = ring(&bob, "user", "ann", &mut ears).await;
    set(&ann, &session, "ongoing").await;
    ears.hear(&["call_started", "call_participant_joined", "call_participant_joined"]).await;
    ann.post("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();
    ears.hear(&["call_participant_left", "call_participant_left", "call_ended", "user_blocked"]).await;
    ears.all_fired(&TRIGGERS[..9]);
}

#[tokio::test]
async fn meetings_are_told() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (whole(&h, "ann").await, whole(&h, "bob").await, whole(&h, "cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let mut ears = Ears::of(&h, &all()).await;
    let session = ring(&ann, "group", "team", &mut ears).await;
    set(&cy, &session, "rejected").await;
    ears.hear(&["call_rejected"]).await;
    set(&bob, &session, "ongoing").await;
    let told = ears.hear(&["meeting_started", "meeting_participant_joined", "meeting_participant_joined"]).await;
    assert_eq!((name(&told[1]), name(&told[2])), ("Ann", "Bob"));
    h.clock.advance(5);
    set(&cy, &session, "ongoing").await;
    let told = ears.hear(&["meeting_participant_joined"]).await;
    assert_eq!((name(&told[0]), &told[0]["occupant"]["joined_at"]), ("Cy", &json!(NOW + 5)));
    set(&cy, &session, "ended").await;
    let told = ears.hear(&["meeting_participant_left"]).await;
    assert_eq!((name(&told[0]), &told[0]["occupant"]["left_at"]), ("Cy", &json!(NOW + 5)));
    // One who comes back has not left.
    set(&cy, &session, "ongoing").await;
    let told = ears.hear(&["meeting_participant_joined"]).await;
    assert_eq!(told[0]["occupant"].get("left_at"), None);
    set(&cy, &session, "ended").await;
    ears.hear(&["meeting_participant_left"]).await;
    // With one who is kicked it is over: nobody talks alone.
    ann.delete("/groups/team/members/bob").await.ok();
    let ended = ["meeting_participant_left", "meeting_participant_left", "meeting_ended"];
    let told = ears.hear(&[&ended[..], &["group_member_kicked", "group_member_removed"]].concat()).await;
    assert_eq!((name(&told[0]), name(&told[1])), ("Bob", "Ann"));
    assert_eq!(told[2]["all_occupants"].as_array().map(Vec::len), Some(3));

    // What is over before anybody came was no meeting, and with its group a call goes.
    let session = ring(&ann, "group", "team", &mut ears).await;
    set(&ann, &session, "cancelled").await;
    ears.hear(&["call_cancelled"]).await;
    let session = ring(&ann, "group", "team", &mut ears).await;
    set(&cy, &session, "ongoing").await;
    ears.tell(&["meeting_started", "meeting_participant_joined", "meeting_participant_joined"]).await;
    ann.delete("/groups/team").await.ok();
    ears.hear(&[&ended[..], &["group_deleted"]].concat()).await;
    ears.all_fired(&TRIGGERS[9..]);
}

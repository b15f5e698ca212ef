//! Calls: every step of the state machine over REST, and who hears of it.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Answer, Harness, User};

async fn call(who: &User, kind: &str, to: &str) -> Answer {
    who.post("/calls", json!({"receiver": to, "receiverType": kind, "type": "audio", "category": "call", "status": "initiated", "metadata": {"m": 1}})).await
}

async fn ring(who: &User, kind: &str, to: &str) -> String {
    session(&call(who, kind, to).await.ok())
}

fn session(message: &Value) -> String {
    entity(message)["sessionid"].as_str().unwrap_or_else(|| panic!("{message:#}")).to_owned()
}

fn entity(message: &Value) -> &Value {
    &message["data"]["entities"]["on"]["entity"]
}

async fn set(who: &User, session: &str, status: &str) -> Answer {
    who.put(&format!("/calls/{session}"), json!({"status": status})).await
}

#[tokio::test]
async fn a_call_from_ringing_to_its_end() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut other_ann = ann.again().await.connect().await;
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    let made = call(&ann, "user", "bob").await.ok();
    assert_eq!(
        (&made["category"], &made["type"], &made["data"]["action"]),
        (&json!("call"), &json!("audio"), &json!("initiated"))
    );
    let on = entity(&made);
    assert_eq!((&on["status"], &on["sender"], &on["receiver"]), (&json!("initiated"), &json!("ann"), &json!("bob")));
    assert_eq!(on["data"]["entities"]["sender"]["entity"]["uid"], "ann");
    assert_eq!(made["data"]["entities"]["by"]["entity"]["uid"], "ann");
    assert_eq!(made["data"]["entities"]["for"]["entity"]["uid"], "bob");
    assert_eq!(made["data"]["metadata"], json!({"m": 1}));
    let session = session(&made);
    assert!(!session.contains("v1."));
    for sock in [&mut at_bob, &mut other_ann] {
        assert_eq!(sock.expect(|frame| frame["body"]["data"]["action"] == "initiated").await["body"], made);
    }
    h.clock.advance(5);
    let accepted = set(&bob, &session, "ongoing").await.ok();
    assert_eq!((&accepted["sender"], &accepted["receiver"]), (&json!("bob"), &json!("ann")), "the actor is the sender");
    assert_eq!(entity(&accepted)["sender"], "ann", "the initiator stays who he is");
    for sock in [&mut at_ann, &mut other_ann] {
        sock.expect(|frame| frame["body"]["data"]["action"] == "ongoing").await;
    }
    let switched = ann.patch(&format!("/calls/{session}/type"), json!({"type": "video"})).await.ok();
    assert_eq!(entity(&switched)["type"], "video");
    h.clock.advance(60);
    let ended = set(&ann, &session, "ended").await.ok();
    assert_eq!((&entity(&ended)["status"], &entity(&ended)["duration"]), (&json!("ended"), &json!(60)));
    at_bob.expect(|frame| frame["body"]["data"]["action"] == "ended").await;
    let history = bob.get("/users/ann/messages?categories=call").await.list();
    let actions: Vec<_> = history.iter().map(|message| message["data"]["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["initiated", "ongoing", "ongoing", "ended"]);
    // Both are free again.
    ring(&bob, "user", "ann").await;
}

/// Brings a fresh call between `ann` and `bob` to a status.
async fn brought_to(ann: &User, bob: &User, status: &str) -> String {
    let session = ring(ann, "user", "bob").await;
    match status {
        "initiated" => {}
        "ongoing" | "rejected" | "busy" => _ = set(bob, &session, status).await.ok(),
        "cancelled" | "unanswered" => _ = set(ann, &session, status).await.ok(),
        "ended" => {
            set(bob, &session, "ongoing").await.ok();
            set(ann, &session, "ended").await.ok();
        }
        _ => unreachable!(),
    }
    session
}

#[tokio::test]
async fn every_step_between_two() {
    let h = Harness::start().await;
    let statuses = ["initiated", "ongoing", "rejected", "cancelled", "busy", "unanswered", "ended"];
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    for from in statuses {
        for to in statuses {
            for (side, who) in [("initiator", &ann), ("callee", &bob)] {
                let expected = match (from, to, side) {
                    ("initiated", "ongoing" | "rejected" | "busy", "callee") => None,
                    ("initiated", "cancelled", "initiator") => None,
                    ("initiated", "unanswered", _) => None,
                    ("ongoing", "ended", _) => None,
                    ("initiated" | "ongoing", "initiated", _) => Some(Code::CallInvalidInit),
                    ("initiated", "ended", _) => Some(Code::CallNotStarted),
                    ("initiated", "ongoing", _) => Some(Code::CallUserJoined),
                    ("initiated", ..) => Some(Code::PermissionDenied),
                    ("ongoing", "ongoing", _) => Some(Code::CallUserJoined),
                    ("ongoing", ..) => Some(Code::CallOngoing),
                    _ => Some(Code::CallTerminated),
                };
                let session = brought_to(&ann, &bob, from).await;
                let before = h.count("SELECT count(*) FROM messages");
                let answer = set(who, &session, to).await;
                assert_eq!(answer.code(), expected.map(Code::as_str), "{from} -> {to} by the {side}: {answer:?}");
                let added = h.count("SELECT count(*) FROM messages") - before;
                assert_eq!(added, i64::from(expected.is_none()), "{from} -> {to} by the {side}");
                // Make room for the next one.
                let _ = set(&bob, &session, "rejected").await;
                let _ = set(&bob, &session, "ended").await;
            }
        }
    }
    let session = ring(&ann, "user", "bob").await;
    assert_eq!(entity(&set(&ann, &session, "canceled").await.ok())["status"], "cancelled", "both spellings are taken");
}

#[tokio::test]
async fn who_is_in_a_call_is_busy() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let session = ring(&ann, "user", "bob").await;
    call(&ann.again().await, "user", "cy").await.refused(Code::CallBusySelf);
    call(&bob, "user", "cy").await.refused(Code::CallBusySelf);
    call(&cy, "user", "ann").await.refused(Code::CallBusyUser);
    call(&cy, "user", "bob").await.refused(Code::CallBusyUser);
    set(&cy, &session, "ongoing").await.refused(Code::CallNotAPart);
    cy.patch(&format!("/calls/{session}/type"), json!({"type": "video"})).await.refused(Code::CallNotAPart);
    set(&bob, &session, "rejected").await.ok();
    ring(&cy, "user", "bob").await;
    call(&ann, "user", "ann").await.refused(Code::CallingSelf);
    call(&ann, "user", "none").await.refused(Code::UidNotFound);
    let odd = json!({"receiver": "cy", "receiverType": "user", "type": "smoke"});
    ann.post("/calls", odd).await.refused(Code::InvalidType);
    set(&ann, &session, "odd").await.refused(Code::BadRequest);
    set(&ann, "none", "ended").await.refused(Code::CallNotFound);
}

#[tokio::test]
async fn a_call_nobody_answered_keeps_nobody_busy_for_ever() {
    let h = Harness::start().await;
    let (ann, bob, _cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    ring(&ann, "user", "bob").await;
    h.clock.advance(120);
    ring(&bob, "user", "cy").await;
}

#[tokio::test]
async fn two_who_call_each_other_at_once_make_one_call() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let (one, two) = futures_util::future::join(call(&ann, "user", "bob"), call(&bob, "user", "ann")).await;
    let codes: Vec<_> = [&one, &two].iter().filter_map(|answer| answer.code().map(str::to_owned)).collect();
    assert_eq!(codes.len(), 1, "{one:?} {two:?}");
    assert!(codes[0] == Code::CallBusySelf.as_str() || codes[0] == Code::CallBusyUser.as_str(), "{codes:?}");
}

#[tokio::test]
async fn a_group_call_goes_on_until_one_is_alone_in_it() {
    let h = Harness::start().await;
    let (ann, bob, cy, out) = (h.user("ann").await, h.user("bob").await, h.user("cy").await, h.user("out").await);
    let dee = h.user("dee").await;
    h.group("team", &ann, &[&bob, &cy, &dee]).await;
    let (mut at_ann, mut at_bob, mut at_cy) = (ann.connect().await, bob.connect().await, cy.connect().await);
    let session = ring(&ann, "group", "team").await;
    for sock in [&mut at_bob, &mut at_cy] {
        let frame = sock.expect(|frame| frame["body"]["data"]["action"] == "initiated").await;
        assert_eq!((&frame["receiver"], &frame["receiverType"]), (&json!("team"), &json!("group")));
    }
    call(&bob, "group", "team").await.refused(Code::CallBusyGroup);
    call(&out, "group", "team").await.refused(Code::GroupNotJoined);
    set(&out, &session, "ongoing").await.refused(Code::CallNotAPart);
    set(&bob, &session, "busy").await.refused(Code::CallGroupStatus);
    set(&bob, &session, "ongoing").await.ok();
    at_ann.expect(|frame| frame["body"]["data"]["action"] == "ongoing").await;
    set(&bob, &session, "ongoing").await.refused(Code::CallGroupJoined);
    set(&cy, &session, "ended").await.refused(Code::CallGroupLeft);
    set(&cy, &session, "rejected").await.ok();
    set(&dee, &session, "ongoing").await.ok();
    set(&ann, &session, "ended").await.ok();
    // For bob and dee it goes on: they hear of no end before their own.
    ann.send_group("team", "fence").await;
    let heard = at_bob.before_text("fence").await;
    assert!(heard.iter().all(|frame| frame["body"]["data"]["action"] != "ended"), "{heard:#?}");
    call(&bob.again().await, "group", "team").await.refused(Code::CallBusySelf);
    // One alone talks to nobody: that is the end, and bob hears it.
    set(&dee, &session, "ended").await.ok();
    at_bob.expect(|frame| frame["body"]["data"]["action"] == "ended").await;
    at_cy.expect(|frame| frame["body"]["data"]["action"] == "ended").await;
    set(&cy, &session, "ongoing").await.refused(Code::CallTerminated);
    ring(&cy, "group", "team").await;
}

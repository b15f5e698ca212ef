//! Calls that nobody ends: they end when nobody is left in them. Each cause by itself, told once, and nobody stays busy.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Answer, Harness, Sock, User, eventually};

async fn call(who: &User, kind: &str, to: &str) -> Answer {
    who.post("/calls", json!({"receiver": to, "receiverType": kind, "type": "audio"})).await
}

async fn ring(who: &User, kind: &str, to: &str) -> String {
    let made = call(who, kind, to).await.ok();
    made["data"]["entities"]["on"]["entity"]["sessionid"].as_str().expect("a session").to_owned()
}

async fn take(who: &User, session: &str) {
    who.put(&format!("/calls/{session}"), json!({"status": "ongoing"})).await.ok();
}

async fn status(h: &Harness, session: &str) -> Value {
    h.get(&format!("/calls/{session}")).await.ok()["status"].clone()
}

async fn until(h: &Harness, session: &str, wanted: &str) {
    eventually(wanted, async || status(h, session).await == wanted).await;
}

/// Waits until the server has noted that so many in live calls have no socket.
async fn noted_away(h: &Harness, number: i64) {
    let sql = "SELECT count(*) FROM call_participants WHERE state = 'joined' AND seen = 1 AND away_since IS NOT NULL";
    eventually("presence is noted", async || h.count(sql) == number).await;
}

/// How often it was said that the call came to an end.
fn ends(h: &Harness, session: &str) -> i64 {
    let over = "'ended','cancelled','unanswered','rejected','busy'";
    h.count(&format!(
        "SELECT count(*) FROM messages m JOIN calls c ON c.id = m.subject_id
         WHERE m.category = 'call' AND c.session_id = '{session}' AND m.data ->> 'action' IN ({over})"
    ))
}

async fn hears(sock: &mut Sock, action: &str, by: &str) -> Value {
    let frame =
        sock.expect(|frame| frame["body"]["data"]["action"] == action && frame["body"]["category"] == "call").await;
    assert_eq!(frame["sender"], by, "{frame:#}");
    frame
}

/// A group call of these, all of them in it.
async fn together(people: &[&User]) -> String {
    let session = ring(people[0], "group", "team").await;
    for one in &people[1..] {
        take(one, &session).await;
    }
    session
}

#[tokio::test]
async fn who_is_out_of_the_group_is_out_of_its_call() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    for (round, cause) in ["kick", "ban", "leave", "deactivate", "delete"].into_iter().enumerate() {
        let uid = format!("guest{round}");
        let guest = h.user(&uid).await;
        guest.post("/groups/team/members", json!({})).await.ok();
        let mut at_guest = guest.connect().await;
        let session = together(&[&ann, &bob, &guest]).await;
        match cause {
            "kick" => drop(ann.delete(&format!("/groups/team/members/{uid}")).await.ok()),
            "ban" => drop(ann.post(&format!("/groups/team/bannedusers/{uid}"), json!({})).await.ok()),
            "leave" => drop(guest.delete("/groups/team/members").await.ok()),
            "deactivate" => drop(h.delete_with("/users", json!({"uidsToDeactivate": [uid]})).await.ok()),
            _ => drop(h.delete(&format!("/users/{uid}")).await.ok()),
        }
        // Who may stay connected hears of the end; the others go on.
        if matches!(cause, "kick" | "ban" | "leave") {
            hears(&mut at_guest, "ended", &uid).await;
        }
        assert_eq!((status(&h, &session).await, ends(&h, &session)), (json!("ongoing"), 0), "{cause}");
        if matches!(cause, "kick" | "ban" | "leave") {
            let private = ring(&guest, "user", "cy").await;
            guest.put(&format!("/calls/{private}"), json!({"status": "cancelled"})).await.ok();
        }
        // Of two, the end of one is the end of it.
        let mut at_ann = ann.connect().await;
        bob.put(&format!("/calls/{session}"), json!({"status": "ended"})).await.ok();
        hears(&mut at_ann, "ended", "bob").await;
        assert_eq!((status(&h, &session).await, ends(&h, &session)), (json!("ended"), 1), "{cause}");
    }
}

#[tokio::test]
async fn whoever_is_left_alone_by_a_removal_hears_it_and_is_free() {
    let h = Harness::start().await;
    let (ann, bob, _cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    let mut at_ann = ann.again().await.connect().await;
    let session = together(&[&ann, &bob]).await;
    ann.delete("/groups/team/members/bob").await.ok();
    let frames = at_ann.until(|frame| frame["body"]["data"]["action"] == "kicked").await;
    let ended = frames.iter().filter(|frame| frame["body"]["data"]["action"] == "ended").count();
    assert_eq!((ended, ends(&h, &session)), (1, 1), "{frames:#?}");
    ring(&ann, "user", "cy").await;
    call(&bob, "group", "team").await.refused(Code::GroupNotJoined);
}

#[tokio::test]
async fn a_deleted_group_ends_its_call() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    together(&[&ann, &bob]).await;
    h.delete("/groups/team").await.ok();
    hears(&mut at_ann, "ended", "ann").await;
    hears(&mut at_bob, "ended", "ann").await;
    ring(&ann, "user", "bob").await;
    call(&cy, "user", "ann").await.refused(Code::CallBusyUser);
}

#[tokio::test]
async fn a_peer_who_is_deactivated_deleted_or_blocked_ends_the_call_of_two() {
    let h = Harness::start().await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_ann = ann.connect().await;
    for (round, (cause, taken)) in ["deactivate", "delete", "erase", "block", "blocked"]
        .into_iter()
        .flat_map(|cause| [(cause, true), (cause, false)])
        .enumerate()
    {
        let uid = format!("guest{round}");
        let guest = h.user(&uid).await;
        let session = ring(&ann, "user", &uid).await;
        if taken {
            take(&guest, &session).await;
        }
        let (action, by) = match (cause, taken) {
            ("block", true) => ("ended", "ann"),
            ("block", false) => ("cancelled", "ann"),
            (_, true) => ("ended", &*uid),
            (_, false) => ("unanswered", &*uid),
        };
        match cause {
            "deactivate" => drop(h.delete_with("/users", json!({"uidsToDeactivate": [uid]})).await.ok()),
            "delete" => drop(h.delete(&format!("/users/{uid}")).await.ok()),
            "erase" => drop(h.delete_with(&format!("/users/{uid}"), json!({"permanent": true})).await.ok()),
            "block" => drop(ann.post("/blockedusers", json!({"blockedUids": [uid]})).await.ok()),
            _ => drop(guest.post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok()),
        }
        hears(&mut at_ann, action, by).await;
        if cause != "erase" {
            assert_eq!((status(&h, &session).await, ends(&h, &session)), (json!(action), 1), "{cause}");
        }
        let next = ring(&ann, "user", "bob").await;
        ann.put(&format!("/calls/{next}"), json!({"status": "cancelled"})).await.ok();
    }
}

#[tokio::test]
async fn whose_devices_are_gone_is_out_after_the_grace_and_not_before() {
    let h = Harness::with(&["--limit", "call_grace=40"]).await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let mut at_ann = ann.connect().await;
    let at_bob = bob.connect().await;
    eventually("both are there", async || h.get("/users?status=available").await.list().len() == 2).await;
    let session = ring(&ann, "user", "bob").await;
    take(&bob, &session).await;
    at_bob.close().await;
    noted_away(&h, 1).await;
    // Back in time: nothing has happened.
    h.clock.advance(39);
    let again = bob.connect().await;
    noted_away(&h, 0).await;
    h.clock.advance(100);
    let at_cy = cy.connect().await;
    assert_eq!(status(&h, &session).await, "ongoing");
    call(&cy, "user", "bob").await.refused(Code::CallBusyUser);
    again.close().await;
    noted_away(&h, 1).await;
    h.clock.advance(40);
    // The other one hears of it, once.
    hears(&mut at_ann, "ended", "bob").await;
    until(&h, &session, "ended").await;
    assert_eq!(ends(&h, &session), 1);
    ring(&cy, "user", "bob").await;

    // Both gone at once: neither is busy, and that is said once.
    let session = h.get("/calls").await.each("sessionId").remove(0);
    let at_bob = bob.connect().await;
    eventually("all are there", async || h.get("/users?status=available").await.list().len() == 3).await;
    take(&bob, &session).await;
    for sock in [at_bob, at_ann, at_cy] {
        sock.close().await;
    }
    eventually("all are away", async || h.get("/users?status=available").await.list().is_empty()).await;
    noted_away(&h, 2).await;
    h.clock.advance(40);
    until(&h, &session, "ended").await;
    assert_eq!(ends(&h, &session), 1);
    let _back = (bob.connect().await, cy.connect().await);
    ring(&bob, "user", "cy").await;
}

#[tokio::test]
async fn who_speaks_over_rest_alone_is_given_time() {
    let h = Harness::with(&["--limit", "call_silence=500"]).await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let watcher = h.user("watcher").await;
    watcher.post("/groups/team/members", json!({})).await.ok();
    let mut sock = watcher.connect().await;
    let session = together(&[&ann, &bob]).await;
    h.clock.advance(499);
    // A sign of life counts.
    ann.patch(&format!("/calls/{session}/type"), json!({"type": "video"})).await.ok();
    h.clock.advance(1);
    until(&h, &session, "ended").await;
    hears(&mut sock, "ended", "bob").await;

    // A new call of their own is worth more than an old one nobody has heard of since the grace.
    let session = together(&[&ann, &bob]).await;
    let elsewhere = ann.again().await;
    call(&elsewhere, "user", "watcher").await.refused(Code::CallBusySelf);
    h.clock.advance(61);
    assert_eq!(status(&h, &session).await, "ongoing");
    ring(&elsewhere, "user", "watcher").await;
    assert_eq!((status(&h, &session).await, ends(&h, &session)), (json!("ended"), 1));
}

#[tokio::test]
async fn a_call_rings_and_lasts_as_long_as_it_may() {
    let h = Harness::with(&["--limit", "call_ring=50", "--limit", "call_duration=1000"]).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    for (kind, to) in [("user", "bob"), ("group", "team")] {
        let session = ring(&ann, kind, to).await;
        h.clock.advance(49);
        call(&bob, "user", "ann").await.refused(if kind == "user" { Code::CallBusySelf } else { Code::CallBusyUser });
        h.clock.advance(1);
        for sock in [&mut at_ann, &mut at_bob] {
            hears(sock, "unanswered", "ann").await;
        }
        assert_eq!((status(&h, &session).await, ends(&h, &session)), (json!("unanswered"), 1), "{kind}");

        let session = ring(&ann, kind, to).await;
        take(&bob, &session).await;
        h.clock.advance(999);
        assert_eq!(status(&h, &session).await, "ongoing");
        h.clock.advance(1);
        for sock in [&mut at_ann, &mut at_bob] {
            hears(sock, "ended", "ann").await;
        }
        assert_eq!((status(&h, &session).await, ends(&h, &session)), (json!("ended"), 1), "{kind}");
    }
}

#[tokio::test]
async fn a_caller_who_vanishes_while_it_rings_takes_the_call_along() {
    let h = Harness::with(&["--limit", "call_ring=60", "--limit", "call_grace=20"]).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    for (kind, to) in [("user", "bob"), ("group", "team")] {
        let (at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
        eventually("both are there", async || h.get("/users?status=available").await.list().len() == 2).await;
        let session = ring(&ann, kind, to).await;
        at_ann.close().await;
        noted_away(&h, 1).await;
        h.clock.advance(20);
        hears(&mut at_bob, "cancelled", "ann").await;
        assert_eq!((status(&h, &session).await, ends(&h, &session)), (json!("cancelled"), 1), "{kind}");
        at_bob.close().await;
        eventually("all are away", async || h.get("/users?status=available").await.list().is_empty()).await;
    }
}

#[tokio::test]
async fn a_restart_leaves_no_ghosts() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let _socks = (ann.connect().await, bob.connect().await);
    eventually("both are there", async || h.get("/users?status=available").await.list().len() == 2).await;
    let session = ring(&ann, "user", "bob").await;
    take(&bob, &session).await;
    // What a start finds: people in a call whose sockets are not there.
    let limits = hobnob::model::limits::Limits::default();
    let folder = h.data.clone();
    let copy = crate::harness::temp_dir();
    h.store.close();
    std::fs::copy(folder.join("hobnob.db"), copy.path().join("hobnob.db")).expect("copies");
    let clock = hobnob::model::time::Clock::fixed(h.clock.now());
    let hooks = hobnob::store::Hooks::alone(clock.clone());
    let store = hobnob::store::Store::open(&copy.path().join("hobnob.db"), 1, 10, hooks).expect("opens");
    let (one, two) = (limits.clone(), limits.clone());
    store.write("it", move |tx| hobnob::actions::calls::sweep(tx, &one)).await.expect("sweeps");
    clock.advance(limits.call_grace - 1);
    let due = |limits: hobnob::model::limits::Limits| {
        let store = store.clone();
        async move { store.read(move |read| hobnob::actions::calls::is_due(read, &limits)).await.expect("reads") }
    };
    assert!(!due(limits.clone()).await, "not before the grace");
    clock.advance(1);
    assert!(due(limits.clone()).await);
    store.write("it", move |tx| hobnob::actions::calls::sweep(tx, &two)).await.expect("sweeps");
    let live = store.read(|read| hobnob::store::calls::is_busy(read, 2)).await.expect("reads");
    assert!(!live && !due(limits).await);
    store.close();
}

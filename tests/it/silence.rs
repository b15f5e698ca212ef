//! Blocks, as a matrix: every kind of thing that passes between two users, in both directions, whoever blocked.
//!
//! Nothing arrives at the other's socket, REST shows no presence, and after unblocking all of it flows again.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Answer, Harness, Sock, User, eventually, id_of, text_to};

/// How an act across a block ends for the one who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Refused,
    /// It is done, and the other hears nothing.
    Quiet,
}

/// Every kind of act, how it ends across a block, and what tells its frame at the other side.
const ACTS: &[(&str, Ends, &str)] = &[
    ("send", Ends::Refused, "sent"),
    ("reply", Ends::Refused, "replied"),
    ("edit", Ends::Refused, "edited"),
    ("delete", Ends::Quiet, "deleted"),
    ("react", Ends::Refused, "message_reaction_added"),
    ("take the reaction back", Ends::Quiet, "message_reaction_removed"),
    ("pin", Ends::Refused, "message_pinned"),
    ("unpin", Ends::Refused, "message_unpinned"),
    ("use a form", Ends::Quiet, "interaction_completed"),
    ("mark delivered", Ends::Quiet, "delivered"),
    ("mark read", Ends::Quiet, "read"),
    ("mark read in a group", Ends::Quiet, "read in group"),
    ("type", Ends::Quiet, "typing_indicator user"),
    ("type in a group", Ends::Quiet, "typing_indicator group"),
    ("wave", Ends::Quiet, "transient_message user"),
    ("wave in a group", Ends::Quiet, "transient_message group"),
    ("call", Ends::Refused, "initiated"),
];

/// What a frame tells, in the words of [`ACTS`].
fn told(frame: &Value) -> String {
    let body = &frame["body"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match frame["type"].as_str().unwrap_or_default() {
        "message" => match text(&body["data"]["action"]) {
            action if action.is_empty() && body.get("parentId").is_some() => "replied".to_owned(),
            action if action.is_empty() => "sent".to_owned(),
            action => action,
        },
        "receipts" if frame["receiverType"] == "group" => format!("{} in group", text(&body["action"])),
        "receipts" | "reaction" => text(&body["action"]),
        kind @ ("typing_indicator" | "transient_message") => format!("{kind} {}", text(&frame["receiverType"])),
        kind => kind.to_owned(),
    }
}

/// Messages that are there to be acted upon.
struct Stage {
    own: i64,
    erased: i64,
    others: i64,
    reacted: i64,
    pinned: i64,
    form: i64,
    in_group: i64,
}

async fn stage(actor: &User, other: &User) -> Stage {
    let body = json!({"receiver": actor.uid, "receiverType": "user", "category": "interactive", "type": "form",
        "data": {"interactiveData": {"title": "T", "formFields": []},
                 "interactionGoal": {"type": "anyAction", "elementIds": []}}});
    let stage = Stage {
        own: id_of(&actor.send(&other.uid, "own").await),
        erased: id_of(&actor.send(&other.uid, "erased").await),
        pinned: id_of(&actor.send(&other.uid, "pinned").await),
        reacted: id_of(&other.send(&actor.uid, "reacted").await),
        form: id_of(&other.post("/messages", body).await.ok()),
        others: id_of(&other.send(&actor.uid, "others").await),
        in_group: id_of(&other.send_group("team", "in group").await),
    };
    actor.post(&format!("/messages/{}/reactions/x", stage.reacted), json!({})).await.ok();
    actor.post(&format!("/messages/{}/pin", stage.pinned), json!({})).await.ok();
    stage
}

async fn act(name: &str, actor: &User, at: &mut Sock, other: &User, stage: &Stage) -> Option<Answer> {
    let Stage { own, erased, others, reacted, pinned, form, in_group } = stage;
    let typing = json!({"action": "started", "user": {}});
    let wave = json!({"data": {}, "user": {}});
    Some(match name {
        "send" => actor.post("/messages", text_to("user", &other.uid, "x")).await,
        "reply" => actor.post(&format!("/messages/{others}/thread"), text_to("user", &other.uid, "x")).await,
        "edit" => actor.put(&format!("/messages/{own}"), json!({"data": {"text": "other"}})).await,
        "delete" => actor.delete(&format!("/messages/{erased}")).await,
        "react" => actor.post(&format!("/messages/{others}/reactions/y"), json!({})).await,
        "take the reaction back" => actor.delete(&format!("/messages/{reacted}/reactions/x")).await,
        "pin" => actor.post(&format!("/messages/{others}/pin"), json!({})).await,
        "unpin" => actor.delete(&format!("/messages/{pinned}/pin")).await,
        "use a form" => actor.patch(&format!("/messages/{form}/interacted"), json!({"interactions": ["a"]})).await,
        "call" => actor.post("/calls", json!({"receiver": other.uid, "receiverType": "user", "type": "audio"})).await,
        _ => {
            match name {
                "mark delivered" => at.receipt("delivered", "user", &other.uid, *others).await,
                "mark read" => at.receipt("read", "user", &other.uid, *others).await,
                "mark read in a group" => at.receipt("read", "group", "team", *in_group).await,
                "type" => at.command("typing_indicator", "user", &other.uid, typing).await,
                "type in a group" => at.command("typing_indicator", "group", "team", typing).await,
                "wave" => at.command("transient_message", "user", &other.uid, wave).await,
                "wave in a group" => at.command("transient_message", "group", "team", wave).await,
                _ => panic!("no such act: {name}"),
            }
            at.before_pong().await;
            return None;
        }
    })
}

/// Everything the socket hears of `from` up to a word of the app, which stands above blocks.
async fn heard(h: &Harness, sock: &mut Sock, uid: &str, from: &str) -> Vec<String> {
    h.post("/messages", text_to("user", uid, "fence")).await.ok();
    let frames = sock.before_text("fence").await;
    frames.iter().filter(|frame| frame["sender"] == from).map(told).collect()
}

#[tokio::test]
async fn nothing_passes_and_then_all_of_it_again() {
    for ann_blocks in [true, false] {
        for ann_acts in [true, false] {
            let h = Harness::start().await;
            let (ann, bob) = (h.user("ann").await, h.user("bob").await);
            h.group("team", &ann, &[&bob]).await;
            let (actor, other) = if ann_acts { (&ann, &bob) } else { (&bob, &ann) };
            let (blocker, blocked) = if ann_blocks { (&ann, &bob) } else { (&bob, &ann) };
            let (mut at_actor, mut at_other) = (actor.connect().await, other.connect().await);
            let first = stage(actor, other).await;
            let uids = json!({"blockedUids": [blocked.uid]});
            blocker.post("/blockedusers", uids.clone()).await.ok();
            heard(&h, &mut at_other, &other.uid, &actor.uid).await;

            let code = if blocker.uid == actor.uid { Code::BlockedReceiver } else { Code::BlockedSender };
            for (name, ends, _) in ACTS {
                match (act(name, actor, &mut at_actor, other, &first).await, ends) {
                    (Some(answer), Ends::Refused) => _ = answer.refused(code),
                    (Some(answer), Ends::Quiet) => _ = answer.ok(),
                    (None, _) => {}
                }
                let told = heard(&h, &mut at_other, &other.uid, &actor.uid).await;
                assert!(told.is_empty(), "{name} by {}, blocked by {}: {told:?}", actor.uid, blocker.uid);
            }
            // What they read they have read, and the other is not told by REST either.
            let own = actor.get(&format!("/users/{}/conversation", other.uid)).await.ok();
            assert_eq!(own["unreadMessageCount"], "0", "{own}");
            let shown = other.get(&format!("/messages/{}", first.others)).await.ok();
            assert!(shown.get("readAt").is_none() && shown.get("deliveredAt").is_none(), "{shown}");
            // The group goes on.
            actor.send_group("team", "to all").await;
            at_other.expect_text("to all").await;

            blocker.delete_with("/blockedusers", uids).await.ok();
            let second = stage(actor, other).await;
            heard(&h, &mut at_other, &other.uid, &actor.uid).await;
            for (name, _, tells) in ACTS {
                if let Some(answer) = act(name, actor, &mut at_actor, other, &second).await {
                    answer.ok();
                }
                let told = heard(&h, &mut at_other, &other.uid, &actor.uid).await;
                assert!(told.iter().any(|one| one == tells), "{name} by {}: {told:?}", actor.uid);
            }
        }
    }
}

#[tokio::test]
async fn a_live_call_ends_with_the_block() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let call = json!({"receiver": "bob", "receiverType": "user", "type": "audio"});
    ann.post("/calls", call).await.ok();
    let mut at_bob = bob.connect().await;
    ann.post("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();
    // The block ends it, and that is the last that passes.
    h.post("/messages", text_to("user", "bob", "fence")).await.ok();
    let told: Vec<_> = at_bob.before_text("fence").await.iter().map(told).collect();
    assert_eq!(told, ["cancelled"]);
}

/// The users in an answer who say that somebody is there.
fn present(value: &Value, uid: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if object.get("uid").is_some_and(|own| own == uid)
                && (object.get("status").is_some_and(|status| status == "available")
                    || object.contains_key("lastActiveAt"))
            {
                found.push(value.to_string());
            }
            object.values().for_each(|value| present(value, uid, found));
        }
        Value::Array(list) => list.iter().for_each(|value| present(value, uid, found)),
        _ => {}
    }
}

#[tokio::test]
async fn rest_shows_no_presence_across_a_block() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    h.post("/users/ann/friends", json!({"accepted": ["bob"]})).await.ok();
    h.post("/users/bob/friends", json!({"accepted": ["cy"]})).await.ok();
    let sent = id_of(&bob.send("ann", "hello").await);
    ann.send("bob", "hello, too").await;
    bob.send("cy", "hello, cy").await;
    let in_group = id_of(&bob.send_group("team", "to all").await);
    cy.send_group("team", "<@uid:bob>").await;
    ann.post(&format!("/messages/{sent}/reactions/x"), json!({})).await.ok();
    bob.post(&format!("/messages/{sent}/reactions/x"), json!({})).await.ok();
    bob.post(&format!("/messages/{in_group}/reactions/x"), json!({})).await.ok();
    let _socks = (ann.connect().await, bob.connect().await, cy.connect().await);
    eventually("bob is there", async || cy.get("/users/bob").await.ok()["status"] == "available").await;
    let paths = [
        "/users/bob".to_owned(),
        "/users".to_owned(),
        "/users?sortBy=status".to_owned(),
        "/users?uids=bob".to_owned(),
        "/users?friendsOnly=1".to_owned(),
        "/groups/team/members".to_owned(),
        "/conversations?includeBlockedUsers=true&withBlockedInfo=true".to_owned(),
        "/users/bob/conversation".to_owned(),
        "/users/bob/messages".to_owned(),
        "/groups/team/messages?mentionsWithBlockedInfo=1".to_owned(),
        "/messages".to_owned(),
        format!("/messages/{in_group}"),
        format!("/messages/{in_group}/reactions"),
        "/blockedusers".to_owned(),
    ];
    let seen_by = async |who: &User, path: &str| {
        let mut found = Vec::new();
        present(&who.get(path).await.body, "bob", &mut found);
        found
    };
    let mut shown = 0;
    for path in &paths {
        shown += usize::from(!seen_by(&ann, path).await.is_empty());
    }
    assert!(shown + 2 >= paths.len(), "only {shown} of the answers show presence at all");
    let counts = async |who: &User| {
        let app = who.with_header("Authorization", &who.jwt).post_at("/api/v3.0/online-members", json!({})).await.body;
        let groups = json!({"groups": ["team"]});
        let group = who.with_header("Authorization", &who.jwt).post_at("/api/v3.0/online-members", groups).await.body;
        (app["onlineUsersCount"].clone(), group["groups"]["team"].clone())
    };
    assert_eq!(counts(&ann).await, (json!(3), json!(3)));

    for (blocker, blocked) in [(&ann, "bob"), (&bob, "ann")] {
        let uids = json!({"blockedUids": [blocked]});
        blocker.post("/blockedusers", uids.clone()).await.ok();
        for path in &paths {
            let found = seen_by(&ann, path).await;
            assert!(found.is_empty(), "{path}: {found:?}");
        }
        assert!(!ann.get("/users?status=available").await.each("uid").contains(&"bob".to_owned()));
        assert!(ann.get("/users?status=offline").await.each("uid").contains(&"bob".to_owned()));
        assert!(!ann.get("/groups/team/members?status=available").await.each("uid").contains(&"bob".to_owned()));
        assert_eq!(counts(&ann).await, (json!(2), json!(2)));
        assert_eq!(counts(&cy).await, (json!(3), json!(3)));
        // A write answers with what a read would.
        let mut found = Vec::new();
        let conversation = ann.delete_with("/users/bob/conversation/read", json!({"messageId": sent})).await.ok();
        present(&conversation, "bob", &mut found);
        let reaction = ann.post(&format!("/messages/{in_group}/reactions/y"), json!({})).await.ok();
        present(&reaction, "bob", &mut found);
        assert!(found.is_empty(), "{found:?}");
        // The app sees all, and so do others.
        assert_eq!(h.get("/users/bob").await.ok()["status"], "available");
        assert!(!seen_by(&cy, "/users/bob").await.is_empty());
        blocker.delete_with("/blockedusers", uids).await.ok();
        assert!(!seen_by(&ann, "/users/bob").await.is_empty());
    }
}

#[tokio::test]
async fn what_others_tell_of_somebody_shows_no_presence_to_all_who_hear_it() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &cy, &[&ann, &bob]).await;
    let said = id_of(&bob.send_group("team", "said").await);
    ann.post("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();
    let (_at_bob, mut at_ann) = (bob.connect().await, ann.connect().await);
    eventually("bob is there", async || cy.get("/users/bob").await.ok()["status"] == "available").await;
    cy.send_group("team", "<@uid:bob> is named").await;
    let mut quoting = text_to("group", "team", "quoting");
    quoting["quotedMessageId"] = json!(said);
    cy.post("/messages", quoting).await.ok();
    cy.put("/groups/team/members/bob", json!({"scope": "moderator"})).await.ok();
    cy.delete("/groups/team/members/bob").await.ok();
    let frames = at_ann.until(|frame| frame["body"]["data"]["action"] == "kicked").await;
    let about_bob: Vec<_> = frames.iter().filter(|frame| frame.to_string().contains("\"bob\"")).collect();
    assert!(about_bob.len() >= 4, "{frames:#?}");
    let mut found = Vec::new();
    frames.iter().for_each(|frame| present(frame, "bob", &mut found));
    assert!(found.is_empty(), "{found:#?}");
}

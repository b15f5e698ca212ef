//! Presence: who hears that somebody came or went.

use serde_json::{Value, json};

use crate::harness::{Harness, NOW, Sock, User};

async fn subscribed(user: &User, to: Value) -> Sock {
    user.connect_with(to).await
}

fn comings(frames: &[Value]) -> Vec<String> {
    let told = frames.iter().filter(|frame| frame["type"] == "presence");
    told.map(|frame| format!("{} {}", frame["sender"].as_str().unwrap(), frame["body"]["action"].as_str().unwrap()))
        .collect()
}

/// Waits until this socket has its place in the stream of events. One that goes before that was never there.
async fn settled(user: &User, mut sock: Sock) -> Sock {
    user.app.post("/messages", crate::harness::text_to("user", &user.uid, "settled")).await.ok();
    sock.expect_text("settled").await;
    sock
}

/// Comes and goes.
async fn visit(user: &User) {
    settled(user, user.connect().await).await.close().await;
}

#[tokio::test]
async fn each_subscription_hears_its_own() {
    let h = Harness::start().await;
    h.post("/roles", json!({"role": "vip", "name": "Vip"})).await.ok();
    let (all, some, role, none) =
        (h.user("all").await, h.user("some").await, h.user("role").await, h.user("none").await);
    let (friend, vip) = (h.user("friend").await, h.user_with("vip", json!({"role": "vip"})).await);
    h.post("/users/some/friends", json!({"accepted": ["friend"]})).await.ok();
    let mut to_all = subscribed(&all, json!({"presenceSubscription": "ALL_USERS"})).await;
    let mut to_friends = subscribed(&some, json!({"presenceSubscription": "FRIENDS"})).await;
    let mut to_roles = subscribed(&role, json!({"presenceSubscription": "ROLES", "roles": ["vip"]})).await;
    let mut to_nobody = none.connect().await;
    to_all.expect(|frame| frame["type"] == "presence" && frame["sender"] == "none").await;
    for user in [&friend, &vip] {
        visit(user).await;
        let last = to_all.expect(|frame| frame["sender"] == *user.uid && frame["body"]["action"] == "offline").await;
        assert_eq!(
            (&last["body"]["timestamp"], &last["body"]["user"]["name"]),
            (&json!(NOW), &json!(crate::harness::name_of(&user.uid)))
        );
        assert_eq!(last["deviceId"], "server");
    }
    for to in ["all", "some", "role", "none"] {
        h.post("/messages", crate::harness::text_to("user", to, "fence")).await.ok();
    }
    assert_eq!(comings(&to_friends.before_text("fence").await), ["friend online", "friend offline"]);
    assert_eq!(comings(&to_roles.before_text("fence").await), ["vip online", "vip offline"]);
    assert_eq!(comings(&to_nobody.before_text("fence").await), Vec::<String>::new());
    assert_eq!(comings(&to_all.before_text("fence").await), Vec::<String>::new(), "not of oneself, and each once");
}

#[tokio::test]
async fn the_first_socket_comes_and_the_last_one_goes() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = subscribed(&bob, json!({"presenceSubscription": "ALL_USERS"})).await;
    let first = settled(&ann, ann.connect().await).await;
    let mut second = settled(&ann, ann.again().await.connect().await).await;
    first.close().await;
    second.before_pong().await;
    ann.send("bob", "between").await;
    assert_eq!(comings(&at_bob.before_text("between").await), ["ann online"]);
    assert_eq!(bob.get("/users/ann").await.ok()["status"], "available");
    h.clock.advance(7);
    second.close().await;
    let went = at_bob.expect(|frame| frame["type"] == "presence").await;
    assert_eq!((&went["body"]["action"], &went["body"]["timestamp"]), (&json!("offline"), &json!(NOW + 7)));
    crate::harness::eventually("it is noted when he was here last", async || {
        bob.get("/users/ann").await.ok()["lastActiveAt"] == NOW + 7
    })
    .await;
    assert_eq!(bob.get("/users/ann").await.ok()["status"], "offline");
}

#[tokio::test]
async fn nothing_between_blocked_users_or_former_friends() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.post("/users/bob/friends", json!({"accepted": ["ann", "cy"]})).await.ok();
    let mut at_bob = subscribed(&bob, json!({"presenceSubscription": "FRIENDS"})).await;
    let mut at_cy = subscribed(&cy, json!({"presenceSubscription": "ALL_USERS"})).await;
    visit(&ann).await;
    at_bob.expect(|frame| frame["sender"] == "ann" && frame["body"]["action"] == "offline").await;
    at_cy.expect(|frame| frame["sender"] == "ann" && frame["body"]["action"] == "offline").await;
    bob.post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    visit(&ann).await;
    at_cy.expect(|frame| frame["sender"] == "ann" && frame["body"]["action"] == "offline").await;
    cy.send("bob", "fence").await;
    assert_eq!(comings(&at_bob.before_text("fence").await), Vec::<String>::new());
    bob.delete_with("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    h.delete_with("/users/bob/friends", json!({"friends": ["ann"]})).await.ok();
    visit(&ann).await;
    at_cy.expect(|frame| frame["sender"] == "ann" && frame["body"]["action"] == "offline").await;
    cy.send("bob", "fence").await;
    assert_eq!(comings(&at_bob.before_text("fence").await), Vec::<String>::new());
}

#[tokio::test]
async fn a_crowd_is_not_announced() {
    let h = Harness::with(&["--limit", "presence_users=2"]).await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let mut at_ann = subscribed(&ann, json!({"presenceSubscription": "ALL_USERS"})).await;
    let at_bob = bob.connect().await;
    at_ann.expect(|frame| frame["sender"] == "bob").await;
    let at_cy = cy.connect().await;
    bob.send("ann", "fence").await;
    assert_eq!(comings(&at_ann.before_text("fence").await), Vec::<String>::new());
    drop((at_bob, at_cy));
}

#[tokio::test]
async fn typing_and_transient_messages_reach_the_others_who_are_there() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    let (mut at_ann, mut at_bob, mut at_cy) = (ann.connect().await, bob.connect().await, cy.connect().await);
    let before = h.count("SELECT count(*) FROM messages");
    let typing = |action: &str| json!({"action": action, "user": {"uid": "x"}, "metadata": {"m": 1}});
    at_ann.command("typing_indicator", "user", "bob", typing("started")).await;
    let frame = at_bob.expect(|frame| frame["type"] == "typing_indicator").await;
    assert_eq!((&frame["body"]["action"], &frame["body"]["metadata"]), (&json!("started"), &json!({"m": 1})));
    assert_eq!(
        (&frame["sender"], &frame["body"]["user"]["name"], &frame["deviceId"]),
        (&json!("ann"), &json!("Ann"), &json!(ann.device))
    );
    at_ann.command("typing_indicator", "groupchat", "team", typing("ended")).await;
    let frame = at_bob.expect(|frame| frame["type"] == "typing_indicator").await;
    assert_eq!(
        (&frame["body"]["action"], &frame["receiver"], &frame["receiverType"]),
        (&json!("ended"), &json!("team"), &json!("group"))
    );
    at_ann.command("transient_message", "user", "bob", json!({"data": {"x": [1]}, "user": {}})).await;
    let frame = at_bob.expect(|frame| frame["type"] == "transient_message").await;
    assert_eq!((&frame["body"]["data"], &frame["body"]["user"]["uid"]), (&json!({"x": [1]}), &json!("ann")));
    assert_eq!(h.count("SELECT count(*) FROM messages"), before, "none of it is stored");
    bob.send("cy", "fence").await;
    assert_eq!(at_cy.before_text("fence").await, Vec::<Value>::new());
    bob.send("ann", "fence").await;
    assert_eq!(at_ann.before_text("fence").await, Vec::<Value>::new());
}

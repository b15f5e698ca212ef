//! Membership: each act answers as the contract says, writes an action message, and is told to everybody it concerns.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Harness, NOW, id_of};

/// What an action message must hold for clients to make a sentence of it.
#[track_caller]
fn check_action(message: &Value, action: &str, by: &str, on: Option<&str>, members: i64) {
    assert_eq!(message["category"], "action", "{message:#}");
    assert_eq!(message["type"], "groupMember");
    assert_eq!((&message["receiverType"], &message["receiver"]), (&json!("group"), &json!("team")));
    let data = &message["data"];
    assert_eq!(data["action"], action);
    let entities = &data["entities"];
    assert_eq!((&entities["by"]["entity"]["uid"], &entities["by"]["entityType"]), (&json!(by), &json!("user")));
    assert!(entities["by"]["entity"]["name"].is_string());
    assert_eq!(entities["on"]["entity"]["uid"].as_str(), on);
    assert_eq!((&entities["for"]["entity"]["guid"], &entities["for"]["entityType"]), (&json!("team"), &json!("group")));
    assert_eq!(entities["for"]["entity"]["membersCount"], members, "the count after the act");
}

#[tokio::test]
async fn every_act_is_told_to_those_it_concerns() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[]).await;
    let other = ann.again().await;
    let (mut here, mut there, mut at_bob) = (ann.connect().await, other.connect().await, bob.connect().await);
    let mut at_cy = cy.connect().await;

    let joined = bob.post("/groups/team/members", json!({"guid": "team", "name": "name", "type": "public"})).await.ok();
    check_action(&joined, "joined", "bob", None, 2);
    assert_eq!(joined["data"]["entities"]["for"]["entity"]["name"], "Team");
    for sock in [&mut here, &mut there] {
        let frame = sock.expect_action("joined").await;
        assert_eq!(frame["body"], joined);
        assert_eq!(frame["deviceId"], *bob.device);
    }

    let added = ann.put("/groups/team/members", json!({"moderators": ["cy"], "participants": ["none"]})).await.ok();
    let message = added["moderators"]["cy"]["data"].clone();
    check_action(&message, "added", "ann", Some("cy"), 3);
    for list in ["admins", "moderators", "participants", "usersToBan"] {
        assert!(added[list].is_object(), "clients wait for all four: {added}");
    }
    for sock in [&mut there, &mut at_bob, &mut at_cy] {
        assert_eq!(sock.expect_action("added").await["body"], message);
    }

    h.clock.advance(3);
    let changed = ann.put("/groups/team/members/bob", json!({"scope": "moderator"})).await.ok();
    assert_eq!(changed, json!({"guid": "team", "uid": "bob", "scope": "moderator", "joinedAt": NOW}));
    for sock in [&mut there, &mut at_bob, &mut at_cy] {
        let body = sock.expect_action("scopeChanged").await["body"].clone();
        check_action(&body, "scopeChanged", "ann", Some("bob"), 3);
        assert_eq!(body["data"]["extras"]["scope"], json!({"old": "participant", "new": "moderator"}));
    }

    ann.delete("/groups/team/members/cy").await.ok();
    for sock in [&mut there, &mut at_bob, &mut at_cy] {
        check_action(&sock.expect_action("kicked").await["body"], "kicked", "ann", Some("cy"), 2);
    }
    ann.post("/groups/team/bannedusers/bob", json!({})).await.ok();
    for sock in [&mut there, &mut at_bob] {
        check_action(&sock.expect_action("banned").await["body"], "banned", "ann", Some("bob"), 1);
    }
    ann.delete("/groups/team/bannedusers/bob").await.ok();
    for sock in [&mut there, &mut at_bob] {
        check_action(&sock.expect_action("unbanned").await["body"], "unbanned", "ann", Some("bob"), 1);
    }
    cy.post("/groups/team/members", json!({})).await.ok();
    cy.delete("/groups/team/members").await.ok();
    check_action(&there.expect_action("left").await["body"], "left", "cy", None, 1);
    // The session that acts hears only of what others did.
    ann.send("bob", "x").await;
    bob.send("ann", "fence").await;
    let heard = here.before_text("fence").await;
    let by_others: Vec<_> = heard.iter().map(|frame| frame["body"]["data"]["action"].as_str().unwrap()).collect();
    assert_eq!(by_others, ["joined", "left"]);

    // All of it is in the history, in order.
    let history = ann.get("/groups/team/messages?categories=action&limit=100").await.list();
    let actions: Vec<_> = history.iter().map(|message| message["data"]["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["joined", "added", "scopeChanged", "kicked", "banned", "unbanned", "joined", "left"]);
    assert!(history.is_sorted_by_key(id_of));
}

#[tokio::test]
async fn the_app_adds_in_its_own_name() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    h.group("team", &ann, &[]).await;
    let mut sock = ann.connect().await;
    let added =
        h.post("/groups/team/members", json!({"participants": ["bob", "BOB"], "usersToBan": ["none"]})).await.ok();
    check_action(&added["participants"]["bob"]["data"], "added", "app_system", Some("bob"), 2);
    assert_eq!(added["usersToBan"]["none"]["error"]["code"], "ERR_UID_NOT_FOUND");
    check_action(&sock.expect_action("added").await["body"], "added", "app_system", Some("bob"), 2);
}

#[tokio::test]
async fn joining_by_kind_of_group() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group_of("open", "public", &ann, &[]).await;
    h.group_of("safe", "password", &ann, &[]).await;
    h.group_of("quiet", "private", &ann, &[]).await;
    bob.post("/groups/open/members", json!({})).await.ok();
    bob.post("/groups/open/members", json!({})).await.refused(Code::AlreadyJoined);
    for (password, code) in [
        (json!({}), Code::EmptyGroupPass),
        (json!({"password": ""}), Code::EmptyGroupPass),
        (json!({"password": "Sesame"}), Code::WrongGroupPass),
    ] {
        bob.post("/groups/safe/members", password).await.refused(code);
    }
    bob.post("/groups/safe/members", json!({"password": "x".repeat(1000)})).await.refused(Code::WrongGroupPass);
    bob.post("/groups/safe/members", json!({"password": "sesame"})).await.ok();
    bob.post("/groups/quiet/members", json!({})).await.refused(Code::JoinNotAllowed);
    bob.post("/groups/none/members", json!({})).await.refused(Code::GuidNotFound);
    // A key in somebody's name joins when it names no list.
    h.behalf("cy").post("/groups/open/members", json!({})).await.ok();
    assert_eq!(cy.get("/groups/open").await.ok()["hasJoined"], true);
}

#[tokio::test]
async fn a_ban_lasts_until_it_is_lifted_and_brings_nobody_back() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    ann.put("/groups/team/members/bob", json!({"scope": "moderator"})).await.ok();
    ann.post("/groups/team/bannedusers/bob", json!({})).await.ok();
    ann.post("/groups/team/bannedusers/bob", json!({})).await.refused(Code::AlreadyBanned);
    let banned = ann.get("/groups/team/bannedusers").await.list();
    assert_eq!(
        (&banned[0]["uid"], &banned[0]["scope"], &banned[0]["isBanned"]),
        (&json!("bob"), &json!("moderator"), &json!(true))
    );
    assert_eq!(ann.get("/groups/team/bannedusers?searchKey=c").await.list().len(), 0);
    bob.post("/groups/team/members", json!({})).await.refused(Code::Banned);
    let added = ann.put("/groups/team/members", json!({"participants": ["bob"]})).await.ok();
    assert_eq!(added["participants"]["bob"]["error"]["code"], "ERR_BANNED_GROUPMEMBER");
    assert_eq!(bob.get("/groups/team").await.ok()["isBanned"], true);
    ann.delete("/groups/team/bannedusers/bob").await.ok();
    ann.delete("/groups/team/bannedusers/bob").await.refused(Code::NotBanned);
    assert_eq!(h.get("/groups/team/members").await.each("uid"), ["ann"]);
    bob.post("/groups/team/members", json!({})).await.ok();
    assert_eq!(bob.get("/groups/team").await.ok()["scope"], "participant");
    ann.delete("/groups/team/members/none").await.refused(Code::UidNotFound);
    h.user("cy").await;
    ann.delete("/groups/team/members/cy").await.refused(Code::NotAMember);
    ann.put("/groups/team/members/cy", json!({"scope": "admin"})).await.refused(Code::NotAMember);
}

#[tokio::test]
async fn member_lists_are_narrowed() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let (bob, cy) = (h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    ann.put("/groups/team/members/bob", json!({"scope": "moderator"})).await.ok();
    let uids = async |query: &str| ann.get(&format!("/groups/team/members?{query}")).await.each("uid");
    assert_eq!(uids("").await, ["ann", "bob", "cy"]);
    assert_eq!(uids("scopes=admin,moderator").await, ["ann", "bob"]);
    assert_eq!(uids("searchKey=c").await, ["cy"]);
    assert_eq!(uids("perPage=1&page=3").await, ["cy"]);
    let sock = bob.connect().await;
    crate::harness::eventually("bob is online", async || uids("status=available").await == ["bob"]).await;
    assert_eq!(uids("status=offline").await, ["ann", "cy"]);
    sock.close().await;
    let member = &ann.get("/groups/team/members?searchKey=bob").await.list()[0];
    assert_eq!((&member["scope"], &member["joinedAt"]), (&json!("moderator"), &json!(NOW)));
}

#[tokio::test]
async fn a_full_group_takes_nobody() {
    let h = Harness::with(&["--limit", "members=2"]).await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    cy.post("/groups/team/members", json!({})).await.refused(Code::NoVacancy);
    ann.delete("/groups/team/members/bob").await.ok();
    cy.post("/groups/team/members", json!({})).await.ok();
}

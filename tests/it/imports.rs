//! Data import: everything keeps its times and its order, each row has its own result, twice is once.

use hobnob::model::Code;
use serde_json::{Map, Value, json};

use crate::harness::{App, Harness, NOW, id_of};

async fn import(app: &App, what: &str, rows: Vec<(&str, Value)>) -> Value {
    let rows: Map<String, Value> = rows.into_iter().map(|(key, row)| (key.to_owned(), row)).collect();
    app.post(&format!("/data_import/{what}"), json!({ what: rows })).await.ok()
}

#[track_caller]
fn done(results: &Value, key: &str) -> Value {
    assert_eq!(results[key]["success"], true, "{key}: {results}");
    results[key]["data"].clone()
}

#[track_caller]
fn refused(results: &Value, key: &str, code: Code) {
    assert_eq!(results[key]["success"], false, "{key}: {results}");
    assert_eq!(results[key]["error"]["code"], code.as_str(), "{key}: {results}");
}

/// Everything an import may touch.
fn sizes(h: &Harness) -> Vec<i64> {
    let tables = ["users", "groups", "members", "bans", "messages", "conversations", "participants", "receipts"];
    tables.iter().map(|table| h.count(&format!("SELECT count(*) FROM {table}"))).collect()
}

fn text(muid: &str, from: &str, to: (&str, &str), sent_at: i64) -> Value {
    json!({"muid": muid, "sender": from, "receiverType": to.0, "receiver": to.1, "sentAt": sent_at,
           "category": "message", "type": "text", "data": {"text": muid}})
}

#[tokio::test]
async fn users_and_groups_keep_their_times_and_stand_row_by_row() {
    let h = Harness::start().await;
    let users = vec![
        (
            "Ann",
            json!({"uid": "ann", "name": "Ann", "createdAt": "1600000000", "lastActiveAt": 1_600_000_100_000_i64,
                       "metadata": {"n": 1.0}, "tags": ["vip"], "avatar": "https://a.example/a.png"}),
        ),
        ("gone", json!({"uid": "gone", "name": "Gone", "createdAt": 1_600_000_000, "deactivatedAt": 1_600_000_001})),
        ("bob", json!({"uid": "bobby", "name": "Bob"})),
        ("cy", json!({"uid": "cy"})),
        ("dee", json!({"uid": "dee", "name": "Dee", "role": "none"})),
        ("eve", json!({"uid": "eve", "name": "Eve", "createdAt": "soon"})),
        ("fox", json!("no object")),
    ];
    let results = import(&h, "users", users.clone()).await;
    let ann = done(&results, "Ann");
    assert_eq!((&ann["uid"], &ann["createdAt"]), (&json!("ann"), &json!(1_600_000_000)));
    assert_eq!((&ann["lastActiveAt"], &ann["metadata"]), (&json!(1_600_000_100), &json!({"n": 1.0})));
    assert_eq!(done(&results, "gone")["deactivatedAt"], 1_600_000_001);
    for key in ["bob", "cy", "eve", "fox"] {
        refused(&results, key, Code::ImportUser);
    }
    refused(&results, "dee", Code::RoleNotFound);
    assert_eq!(h.get("/users").await.each("uid"), ["ann"]);
    h.get("/users/gone").await.refused(Code::UidNotFound);

    let groups = vec![
        ("team", json!({"guid": "team", "name": "Team", "type": "public", "owner": "ann", "createdAt": 1_600_000_200})),
        (
            "safe",
            json!({"guid": "safe", "name": "Safe", "type": "password", "password": "sesame", "owner": "zoe",
                        "groupOwnerDetails": {"uid": "zoe", "name": "Zoe"}}),
        ),
        ("bad", json!({"guid": "bad", "name": "Bad", "type": "password"})),
        ("lost", json!({"guid": "lost", "name": "Lost", "type": "public", "owner": "nobody"})),
        ("odd", json!({"guid": "odd", "name": "Odd", "type": "round"})),
    ];
    let results = import(&h, "groups", groups.clone()).await;
    let team = done(&results, "team");
    assert_eq!((&team["createdAt"], &team["owner"]), (&json!(1_600_000_200), &json!("ann")));
    assert_eq!(done(&results, "safe")["owner"], "zoe");
    refused(&results, "bad", Code::EmptyGroupPass);
    refused(&results, "lost", Code::UidNotFound);
    refused(&results, "odd", Code::ImportGroup);
    // The owner is its admin; the password works.
    assert_eq!(h.behalf("ann").get("/groups/team").await.ok()["scope"], "admin");
    h.behalf("ann").post("/groups/safe/members", json!({"password": "wrong"})).await.refused(Code::WrongGroupPass);
    h.behalf("ann").post("/groups/safe/members", json!({"password": "sesame"})).await.ok();

    let before = sizes(&h);
    done(&import(&h, "users", users).await, "Ann");
    done(&import(&h, "groups", groups).await, "safe");
    assert_eq!(sizes(&h), before);
}

#[tokio::test]
async fn members_come_with_their_group_and_their_ban() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let mut at_ann = ann.connect().await;
    let group = json!({"guid": "team", "name": "Team", "type": "private", "owner": "boss", "createdAt": 1000,
                       "groupOwnerDetails": {"uid": "boss", "name": "Boss"}});
    let row = |uid: &str, more: Value| {
        let mut row = json!({"memberId": format!("team_member_{uid}"), "guid": "team", "uid": uid});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let rows = vec![
        ("team_member_ann", row("ann", json!({"joinedAt": 2000, "scope": "moderator", "groupDetails": group}))),
        ("team_member_cy", row("cy", json!({"joinedAt": "2001", "userDetails": {"uid": "cy", "name": "Cy"}}))),
        (
            "team_member_eve",
            row("eve", json!({"isBanned": true, "joinedAt": 2002, "userDetails": {"uid": "eve", "name": "Eve"}})),
        ),
        ("team_member_early", row("early", json!({"joinedAt": 999, "userDetails": {"uid": "early", "name": "E"}}))),
        ("team_member_late", row("ann", json!({}))),
        ("team_member_who", row("who", json!({}))),
        ("none_member_ann", json!({"memberId": "none_member_ann", "guid": "none", "uid": "ann"})),
        ("team_member_king", row("king", json!({"scope": "king"}))),
    ];
    let results = import(&h, "members", rows.clone()).await;
    assert_eq!(
        done(&results, "team_member_ann"),
        json!({"guid": "team", "uid": "ann", "scope": "moderator", "joinedAt": 2000})
    );
    assert_eq!(done(&results, "team_member_cy")["joinedAt"], 2001);
    assert_eq!(done(&results, "team_member_eve")["isBanned"], true);
    refused(&results, "team_member_early", Code::ImportJoinedAt);
    refused(&results, "team_member_late", Code::ImportMember);
    refused(&results, "team_member_who", Code::UidNotFound);
    refused(&results, "none_member_ann", Code::GuidNotFound);
    refused(&results, "team_member_king", Code::ImportMember);
    // What a refused row would have made on the way is not there.
    h.get("/users/early").await.refused(Code::UidNotFound);
    assert_eq!(h.get("/groups/team").await.ok()["membersCount"], 3);
    h.behalf("eve").get("/groups/team/members").await.refused(Code::Banned);

    let before = sizes(&h);
    let again = import(&h, "members", rows).await;
    assert_eq!(done(&again, "team_member_ann"), done(&results, "team_member_ann"));
    done(&again, "team_member_eve");
    assert_eq!(sizes(&h), before);

    // Nobody was told, but who is online hears the group from now on.
    h.behalf("boss")
        .post("/messages", json!({"receiver": "team", "receiverType": "group", "data": {"text": "fence"}}))
        .await
        .ok();
    assert_eq!(at_ann.before_text("fence").await, Vec::<Value>::new());
}

#[tokio::test]
async fn messages_keep_time_order_and_marks() {
    let h = Harness::start().await;
    let bob = h.user("bob").await;
    let mut at_bob = bob.connect().await;
    let ann = json!({"uid": "ann", "name": "Ann"});
    let mut first = text("m1", "ann", ("user", "bob"), 1000);
    first["senderUserDetails"] = ann.clone();
    first["deliveredAt"] = json!(1001);
    first["readAt"] = json!("1002");
    let mut second = text("m2", "bob", ("user", "ann"), 1010);
    second["data"]["text"] = json!("hi <@uid:cy>");
    second["mentionedUserDetails"] = json!({"cy": {"uid": "cy", "name": "Cy"}});
    let rows = vec![
        // Given newest first.
        ("m4", text("m4", "ann", ("user", "bob"), 1030)),
        ("m3", text("m3", "ann", ("user", "bob"), 1020)),
        ("m2", second),
        ("m1", first),
        ("bad", text("bad", "nobody", ("user", "bob"), 1040)),
        ("m6", text("other", "ann", ("user", "bob"), 1040)),
        ("empty", json!({"muid": "empty", "sender": "bob", "receiverType": "user", "receiver": "ann", "sentAt": 1})),
        (
            "timeless",
            json!({"muid": "timeless", "sender": "bob", "receiverType": "user", "receiver": "ann", "data": {"text": "x"}}),
        ),
    ];
    let results = import(&h, "messages", rows.clone()).await;
    let m1 = done(&results, "m1");
    assert_eq!((&m1["muid"], &m1["sentAt"]), (&json!("m1"), &json!(1000)));
    assert_eq!((&m1["deliveredAt"], &m1["readAt"]), (&json!(1001), &json!(1002)));
    assert_eq!(done(&results, "m2")["data"]["mentions"]["cy"]["name"], "Cy");
    refused(&results, "bad", Code::UidNotFound);
    refused(&results, "m6", Code::ImportMessage);
    refused(&results, "empty", Code::EmptyText);
    refused(&results, "timeless", Code::ImportMessage);
    let ids: Vec<i64> = ["m1", "m2", "m3", "m4"].iter().map(|muid| id_of(&done(&results, muid))).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(bob.get("/users/ann/messages").await.each("muid"), ["m1", "m2", "m3", "m4"]);

    let conversation = bob.get("/users/ann/conversation").await.ok();
    assert_eq!(conversation["unreadMessageCount"], "2");
    assert_eq!((&conversation["updatedAt"], &conversation["createdAt"]), (&json!(1030), &json!(1000)));
    assert_eq!(h.behalf("ann").get("/users/bob/conversation").await.ok()["unreadMessageCount"], "1");

    let before = sizes(&h);
    let again = import(&h, "messages", rows).await;
    for muid in ["m1", "m2", "m3", "m4"] {
        refused(&again, muid, Code::ImportMuidExists);
    }
    assert_eq!(sizes(&h), before);
    assert_eq!(bob.get("/users/ann/conversation").await.ok(), conversation);

    // Live messages go on where the import ended, and nobody heard of the import.
    h.log_in("ann").await.send("bob", "live").await;
    assert_eq!(bob.get("/users/ann/conversation").await.ok()["unreadMessageCount"], "3");
    assert_eq!(at_bob.before_text("live").await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_a_group_has_read_is_read_by_all() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let to = ("group", "team");
    let mut second = text("g2", "bob", to, 1010);
    second["readAt"] = json!(1100);
    let rows = vec![
        ("g1", text("g1", "ann", to, 1000)),
        ("g2", second),
        ("g3", text("g3", "bob", to, 1020)),
        ("g4", text("g4", "ann", to, 1030)),
    ];
    let results = import(&h, "messages", rows).await;
    assert_eq!(done(&results, "g2")["readAt"], 1100);
    assert!(done(&results, "g3").get("readAt").is_none());
    for (who, unread) in [(&ann, "1"), (&bob, "1"), (&cy, "2")] {
        assert_eq!(who.get("/groups/team/conversation").await.ok()["unreadMessageCount"], unread, "{}", who.uid);
    }
    ann.send_group("team", "live").await;
    assert_eq!(cy.get("/groups/team/conversation").await.ok()["unreadMessageCount"], "3");
    assert_eq!(ann.get("/groups/team/conversation").await.ok()["unreadMessageCount"], "1");
    cy.post("/groups/team/conversation/read", json!({})).await.ok();
    assert_eq!(cy.get("/groups/team/conversation").await.ok()["unreadMessageCount"], "0");

    // A group and its owner can come with their first message.
    let mut new = text("n1", "zoe", ("group", "new"), 1000);
    new["senderUserDetails"] = json!({"uid": "zoe", "name": "Zoe"});
    new["receiverGroupDetails"] =
        json!({"guid": "new", "name": "New", "type": "public", "owner": "zed", "createdAt": 900});
    new["receiverGroupOwnerDetails"] = json!({"uid": "zed", "name": "Zed"});
    done(&import(&h, "messages", vec![("n1", new)]).await, "n1");
    assert_eq!(h.behalf("zed").get("/groups/new/conversation").await.ok()["unreadMessageCount"], "1");
}

#[tokio::test]
async fn the_number_of_rows_is_a_setting_and_the_body_fits() {
    let h = Harness::start().await;
    let rows = |count: usize| -> Value {
        let row = |at: usize| (format!("u{at}"), json!({"uid": format!("u{at}"), "name": "U"}));
        json!({"users": (0..count).map(row).collect::<Map<_, _>>()})
    };
    h.post("/data_import/users", rows(50)).await.ok();
    let error = h.post("/data_import/users", rows(51)).await.refused(Code::BadRequest);
    assert_eq!(error["params"]["limit"], 50);
    h.post("/data_import/users", json!({})).await.refused(Code::BadRequest);
    h.post("/data_import/users", json!({"users": [1]})).await.refused(Code::ImportUser);
    // What PHP writes for an empty map.
    assert_eq!(h.post("/data_import/users", json!({"users": []})).await.ok(), json!({}));
    h.post("/data_import/groups", json!({"groups": 7})).await.refused(Code::ImportGroup);
    h.post("/data_import/members", json!({"members": "x"})).await.refused(Code::ImportMember);
    h.post("/data_import/messages", json!({"messages": null})).await.refused(Code::ImportMessage);
    h.auth_only().post("/data_import/users", rows(1)).await.refused(Code::NoAccess);

    let wide = Harness::with(&["--limit", "import_rows=1000"]).await;
    let results = wide.post("/data_import/users", rows(1000)).await.ok();
    assert_eq!(results.as_object().expect("results").len(), 1000);
    // A thousand messages of several kilobytes: far beyond what other calls may bring.
    let long = "x".repeat(4000);
    let message = |at: usize| {
        let mut row = text(&format!("m{at}"), "u1", ("user", "u2"), NOW - 5000 + at as i64);
        row["data"]["text"] = json!(long);
        (format!("m{at}"), row)
    };
    let body = json!({"messages": (0..1000).map(message).collect::<Map<_, _>>()});
    wide.nobody().post("/data_import/messages", body.clone()).await.refused(Code::EmptyApiKey);
    let results = wide.post("/data_import/messages", body).await.ok();
    assert!(results.as_object().expect("results").values().all(|row| row["success"] == true));
    assert_eq!(wide.behalf("u2").get("/users/u1/conversation").await.ok()["unreadMessageCount"], "1000");
    let page = wide.behalf("u2").get("/users/u1/messages?limit=3&affix=append&id=0").await.each("muid");
    assert_eq!(page, ["m0", "m1", "m2"]);
}

//! Flagging messages, reviewing them, and the reasons that can be given.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::{Harness, id_of};

#[tokio::test]
async fn a_flagged_message_waits_and_is_decided_about() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let first = id_of(&ann.send_group("team", "buy now").await);
    let second = id_of(&ann.send_group("team", "buy this as well").await);
    let path = format!("/messages/{second}/flagged");
    bob.post(&path, json!({"reasonId": "spam", "remark": "again"})).await.ok();
    cy.post(&path, json!({"id": "other"})).await.ok();
    cy.post(&path, json!({"id": "harassment"})).await.ok();
    bob.post(&format!("/messages/{first}/flagged"), json!({"reasonId": "spam"})).await.ok();
    let stranger = h.user("dee").await;
    stranger.post(&path, json!({"reasonId": "spam"})).await.refused(Code::MessageNoAccess);
    bob.post(&path, json!({"reasonId": "boredom"})).await.refused(Code::BadRequest);
    bob.post(&path, json!({})).await.refused(Code::BadRequest);
    // It stands until somebody decides.
    assert_eq!(cy.get("/groups/team/messages?categories=message").await.each("id").len(), 2);

    let waiting = h.get("/moderation/flagged-messages?limit=10").await;
    assert_eq!(waiting.body["meta"]["current"], json!({"limit": 10, "count": 2}));
    let items = waiting.list();
    assert_eq!((&items[0]["id"], &items[1]["id"]), (&json!(first.to_string()), &json!(second.to_string())));
    let flags = items[1]["flaggedBy"].as_array().unwrap();
    assert_eq!((&items[1]["flaggedCount"], &items[1]["appId"]), (&json!(2), &json!(h.app_id)));
    assert_eq!(
        (&flags[0]["uid"], &flags[0]["reasonId"], &flags[0]["remark"]),
        (&json!("bob"), &json!("spam"), &json!("again"))
    );
    assert_eq!(
        (&flags[0]["reasonName"], &flags[0]["name"], &flags[0]["role"]),
        (&json!("Spam"), &json!("Bob"), &json!("default"))
    );
    assert!(flags[0]["description"].is_string());
    assert_eq!(h.get("/moderation/flagged-messages").await.body["meta"]["current"]["limit"], 50);
    assert_eq!((&flags[1]["uid"], &flags[1]["reasonId"]), (&json!("cy"), &json!("harassment")));
    assert_eq!(
        h.get(&format!("/moderation/flagged-messages?limit=1&affix=append&id={first}")).await.each("id"),
        [second.to_string()]
    );

    let unread = async |user: &crate::harness::User| {
        user.get("/groups/team/conversation").await.ok()["unreadMessageCount"].clone()
    };
    assert_eq!(unread(&cy).await, "2");
    let mut at_cy = cy.connect().await;
    let hidden = h.patch(&format!("/moderation/flagged-messages/{second}"), json!({"status": "disapproved"})).await;
    // Beside `data`, where the description has it.
    assert_eq!(hidden.body["success"], true);
    assert!(hidden.body["message"].as_str().unwrap().contains(&second.to_string()));
    let hidden = hidden.ok();
    assert_eq!(hidden["data"]["moderation"]["status"], "disapproved");
    let frame = at_cy.expect(|frame| frame["type"] == "on_moderation_status_changed").await;
    assert_eq!(
        (&frame["body"]["id"], &frame["body"]["data"]["moderation"]["status"]),
        (&json!(second.to_string()), &json!("disapproved"))
    );
    // Gone for the others: from lists, by itself, as last message, from what is unread.
    assert_eq!(cy.get("/groups/team/messages?categories=message").await.each("id"), [first.to_string()]);
    cy.get(&format!("/messages/{second}")).await.refused(Code::MessageNoAccess);
    let last = async || {
        let conversation = cy.get("/groups/team/conversation").await.ok();
        (id_of(&conversation["lastMessage"]), conversation["latestMessageId"].clone())
    };
    assert_eq!(last().await, (first, json!(first.to_string())));
    assert_eq!(unread(&cy).await, "1");
    // Its sender sees what became of it, and cannot talk it away.
    let mine = ann.get(&format!("/messages/{second}")).await.ok();
    assert_eq!(mine["data"]["moderation"]["status"], "disapproved");
    ann.put(&format!("/messages/{second}"), json!({"data": {"text": "nothing"}})).await.refused(Code::MessageAction);
    assert_eq!(h.get("/moderation/flagged-messages").await.each("id"), [first.to_string()]);
    let reviewed = h.get("/moderation/reviewed-messages").await.list();
    let (item, limit) =
        (&reviewed[0], h.get("/moderation/reviewed-messages").await.body["meta"]["current"]["limit"].clone());
    assert_eq!((reviewed.len(), limit), (1, json!(50)));
    assert_eq!(item["message"]["data"]["moderation"]["status"], "disapproved");
    assert_eq!((&item["action"], &item["appId"]), (&json!(["blockMessage"]), &json!(h.app_id)));
    assert!(item["createdAt"].is_i64() && item["updatedAt"].is_i64());
    // A decimal that ends with the id.
    let blocked = item["blockedAt"].as_str().unwrap();
    assert!(blocked.starts_with(&item["updatedAt"].to_string()) && blocked.ends_with(&second.to_string()), "{blocked}");

    // A second thought brings it back.
    h.patch(&format!("/moderation/flagged-messages/{second}"), json!({"status": "approved"})).await.ok();
    assert_eq!(cy.get(&format!("/messages/{second}")).await.ok()["data"]["moderation"]["status"], "approved");
    assert_eq!(unread(&cy).await, "2");
    assert_eq!(last().await, (second, json!(second.to_string())));
    let approved = &h.get("/moderation/reviewed-messages").await.list()[0];
    assert_eq!((&approved["action"], approved.get("blockedAt")), (&json!([]), None));
    // Another one's flag asks again; the same one's does not.
    bob.post(&path, json!({"reasonId": "other"})).await.ok();
    assert_eq!(h.get("/moderation/flagged-messages").await.each("id"), [first.to_string()]);
    h.behalf("ann").post(&path, json!({"reasonId": "other"})).await.ok();
    assert_eq!(h.get("/moderation/flagged-messages").await.each("id").len(), 2);
    h.patch(&format!("/moderation/flagged-messages/{first}"), json!({"status": "rejected"}))
        .await
        .refused(Code::BadRequest);
    let third = id_of(&ann.send_group("team", "fine").await);
    h.patch(&format!("/moderation/flagged-messages/{third}"), json!({"status": "approved"}))
        .await
        .refused(Code::MessageNotFound);
}

#[tokio::test]
async fn reasons_are_the_apps_and_reach_clients() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let usual = h.get("/moderation/reasons").await.list();
    assert!(usual.len() >= 3 && usual.iter().all(|reason| reason["default"] == true && reason["name"].is_string()));
    let made =
        h.post("/moderation/reasons", json!({"id": "off-topic", "name": "Off topic", "description": "d"})).await.ok();
    assert_eq!((&made["id"], &made["default"], made["createdAt"].is_i64()), (&json!("off-topic"), &json!(false), true));
    h.post("/moderation/reasons", json!({"id": "off-topic", "name": "x"})).await.refused(Code::ReasonExists);
    for bad in [json!({"id": "x"}), json!({"name": "x"}), json!({"id": "a b", "name": "x"})] {
        h.post("/moderation/reasons", bad).await.refused(Code::BadRequest);
    }
    let changed = h.put("/moderation/reasons/off-topic", json!({"name": "Elsewhere"})).await.ok();
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Elsewhere"), &json!("d")));
    let settings = ann.get("/settings").await.ok();
    assert!(settings["flagReasons"].as_array().unwrap().iter().any(|reason| reason["name"] == "Elsewhere"));
    assert_eq!(h.get("/moderation/reasons/off-topic").await.ok()["name"], "Elsewhere");
    assert_eq!(h.delete("/moderation/reasons/off-topic").await.ok()["success"], true);
    h.get("/moderation/reasons/off-topic").await.refused(Code::ReasonNotFound);
    // Another app has its own.
    let other = h.another_app().await;
    assert_eq!(other.get("/moderation/reasons").await.list().len(), usual.len());
}

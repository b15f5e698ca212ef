//! An app's name, and its bots.

use hobnob::model::Code;
use serde_json::json;

use super::root;
use crate::harness::Harness;

#[tokio::test]
async fn an_app_gets_another_name() {
    let h = Harness::start().await;
    let root = root(&h).await;
    let app = format!("/admin/api/apps/{}", h.app_id);
    assert_eq!(root.put(&app, json!({"name": "  Another "})).await.ok()["name"], "Another");
    assert_eq!(root.get(&app).await.ok()["name"], "Another");
    for body in [json!({}), json!({"name": " "}), json!({"name": "x".repeat(101)})] {
        root.put(&app, body).await.refused(Code::BadRequest);
    }
    root.put("/admin/api/apps/0000", json!({"name": "x"})).await.refused(Code::InvalidAppId);
    assert_eq!(root.get(&app).await.ok()["name"], "Another");
    let log = root.get("/admin/api/audit").await.ok();
    let noted = log.as_array().unwrap().iter().filter(|one| one["act"] == "app.rename").collect::<Vec<_>>();
    assert_eq!((noted.len(), &noted[0]["app"]), (1, &json!(h.app_id)));
}

#[tokio::test]
async fn bots_are_made_and_retired() {
    let h = Harness::start().await;
    let root = root(&h).await;
    h.user("ann").await;
    let bots = format!("/admin/api/apps/{}/bots", h.app_id);
    let uids = async || {
        let all = root.get(&bots).await.ok();
        all.as_array().unwrap().iter().map(|bot| bot["uid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(root.post(&bots, json!({"uid": "helper", "name": "Helper"})).await.ok()["name"], "Helper");
    assert_eq!(root.post(&bots, json!({"uid": "quiet"})).await.ok()["name"], "quiet");
    root.post(&bots, json!({"uid": "ann"})).await.ok();
    assert_eq!(uids().await, ["ann", "helper", "quiet"]);
    root.post(&bots, json!({"uid": "helper"})).await.refused(Code::BotExists);
    root.post(&bots, json!({"name": "x"})).await.refused(Code::BadRequest);
    root.delete(&format!("{bots}/helper")).await.ok();
    root.delete(&format!("{bots}/helper")).await.refused(Code::BotNotFound);
    assert_eq!(uids().await, ["ann", "quiet"]);
}

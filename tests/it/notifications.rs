//! Choices about notifications are kept and answered; what this server does not have is refused at once.

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Harness, NOW};

#[tokio::test]
async fn preferences_are_kept_for_each_user_and_reset() {
    let h = Harness::start().await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    let (client, back_end) = ("/notifications/push/v1/preferences", "/notifications/v1/preferences");
    let first = ann.get(client).await.ok();
    assert_eq!(first["groupPreferences"]["groupMessages"], 2);
    assert_eq!(first["mutePreferences"]["schedule"]["monday"], json!({"from": 0, "to": 2359, "dnd": false}));
    let change = json!({
        "groupPreferences": {"groupMessages": 3, "groupMemberLeft": 2}, "usePrivacyTemplate": true,
        "mutePreferences": {"dnd": 2, "schedule": {"sunday": {"from": 900, "to": 1700, "dnd": true}}}, "noise": "x",
    });
    ann.patch(client, change).await.ok();
    ann.patch(client, json!({"oneOnOnePreferences": {"oneOnOneReactions": 1}})).await.ok();
    for kept in [ann.get(client).await.ok(), h.get(&format!("{back_end}?uid=ann")).await.ok()] {
        assert_eq!(kept["groupPreferences"]["groupMessages"], 3);
        assert_eq!(kept["groupPreferences"]["groupReplies"], 2);
        assert_eq!(kept["oneOnOnePreferences"]["oneOnOneReactions"], 1);
        assert_eq!(kept["mutePreferences"]["schedule"]["sunday"]["from"], 900);
        assert_eq!(kept["usePrivacyTemplate"], true);
        assert_eq!(kept["preferences"]["group"]["messagesSetting"], 3);
        assert_eq!(kept["noise"], Value::Null);
    }
    assert_eq!(h.behalf("bob").get(back_end).await.ok()["groupPreferences"]["groupMessages"], 2);
    for bad in [
        json!({"groupPreferences": {"groupMessages": 9}}),
        json!({"mutePreferences": [1]}),
        json!({"usePrivacyTemplate": "yes"}),
        json!([1]),
    ] {
        ann.patch(client, bad).await.refused(Code::BadRequest);
    }
    h.get(back_end).await.refused(Code::BadRequest);
    h.get(&format!("{back_end}?uid=none")).await.refused(Code::UidNotFound);
    assert_eq!(ann.delete(client).await.ok()["groupPreferences"]["groupMessages"], 2);
    assert_eq!(ann.get(client).await.ok(), first);
}

#[tokio::test]
async fn settings_of_the_app_are_what_users_begin_with() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let path = "/notifications/v1/settings";
    let first = h.get(path).await.ok();
    assert_eq!(first["preferences"]["email"]["intervalInSeconds"], 7200);
    let change = json!({
        "preferences": {"group": {"messagesSetting": 1}, "push": {"customJson": {"a": [1]}}}, "sound": {"chat": "bell"},
    });
    assert_eq!(h.patch(path, change).await.ok()["success"], true);
    h.patch(path, json!({"templates": {"usePrivacyTemplate": 2}})).await.ok();
    let kept = h.get(path).await.ok();
    assert_eq!(kept["preferences"]["push"]["customJson"], json!({"a": [1]}));
    assert_eq!((&kept["sound"]["chat"], &kept["sound"]["call"]), (&json!("bell"), &json!("default")));
    let mine = ann.get("/notifications/v1/preferences").await.ok();
    assert_eq!(mine["groupPreferences"]["groupMessages"], 1);
    assert_eq!(mine["usePrivacyTemplate"], true);
    h.patch(path, json!({"sound": "loud"})).await.refused(Code::BadRequest);
    ann.get(path).await.refused(Code::NoAccess);
    h.delete(path).await.ok();
    assert_eq!(h.get(path).await.ok(), first);
    let other = h.another_app().await;
    assert_eq!(other.get(path).await.ok(), first);
    assert_eq!(h.get("/notifications/v1/logs").await.ok(), json!([]));
}

#[tokio::test]
async fn conversations_are_muted_until_a_time() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let path = "/notifications/push/v1/preferences/mute";
    let until = (NOW + 100) * 1000;
    let both = json!([{"id": "BOB", "type": "oneOnOne", "until": until}, {"id": "team", "type": "group", "until": until + 100_000}]);
    assert_eq!(ann.put(path, json!({"conversations": both})).await.ok()["success"], true);
    let muted = h.get("/notifications/v1/preferences/mute?uid=ann").await.ok();
    assert_eq!(muted["mutedConversations"].as_array().unwrap().len(), 2);
    assert_eq!(muted["mutedConversations"][1], json!({"id": "bob", "type": "oneOnOne", "until": until}));
    assert_eq!(bob.get(path).await.ok()["mutedConversations"], json!([]));
    for (bad, code) in [
        (json!({"id": "none", "type": "group", "until": until}), Code::GuidNotFound),
        (json!({"id": "none", "type": "oneOnOne", "until": until}), Code::UidNotFound),
        (json!({"id": "bob", "type": "user", "until": until}), Code::BadRequest),
        (json!({"id": "bob", "type": "oneOnOne", "until": NOW * 1000}), Code::BadRequest),
        (json!({"id": "bob", "type": "oneOnOne"}), Code::BadRequest),
    ] {
        ann.put(path, json!({"conversations": [bad]})).await.refused(code);
    }
    ann.put(path, json!({})).await.refused(Code::BadRequest);
    h.clock.advance(100);
    assert_eq!(ann.get(path).await.ok()["mutedConversations"][0]["id"], "team");
    assert_eq!(ann.get(path).await.ok()["mutedConversations"].as_array().unwrap().len(), 1);
    ann.delete_with(path, json!({"conversations": [{"id": "team", "type": "group"}]})).await.ok();
    assert_eq!(ann.get(path).await.ok()["mutedConversations"], json!([]));
}

#[tokio::test]
async fn time_zone_and_contact_details_are_kept() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    for path in ["/notifications/v1/preferences/timezone", "/notifications/push/v1/preferences/timezone"] {
        assert_eq!(ann.get(path).await.ok(), json!({"success": true, "timezone": "UTC"}), "clients look for success");
        assert_eq!(ann.patch(path, json!({"timezone": "Asia/Tokyo"})).await.ok()["timezone"], "Asia/Tokyo");
        assert_eq!(h.get(&format!("{path}?uid=ann")).await.ok()["timezone"], "Asia/Tokyo");
        ann.patch(path, json!({"timezone": "here"})).await.refused(Code::BadRequest);
        ann.patch(path, json!({})).await.refused(Code::BadRequest);
        ann.patch(path, json!({"timezone": "UTC"})).await.ok();
    }
    let (path, for_ann) = ("/notifications/v1/contact-details", h.behalf("ann"));
    assert_eq!(for_ann.get(path).await.ok(), json!({"email": "", "phno": ""}));
    for_ann.patch(path, json!({"email": "ann@chat.example"})).await.ok();
    let kept = for_ann.patch(path, json!({"phno": "+15550100"})).await.ok();
    assert_eq!(kept, json!({"email": "ann@chat.example", "phno": "+15550100"}));
    for_ann.patch(path, json!({"email": "ann"})).await.refused(Code::BadRequest);
    for_ann.patch(path, json!({"phno": "5550100"})).await.refused(Code::BadRequest);
    h.get(path).await.refused(Code::BadRequest);
    assert_eq!(for_ann.delete(path).await.ok()["success"], true);
    assert_eq!(for_ann.get(path).await.ok(), json!({"email": "", "phno": ""}));
    // What was kept beside it stays.
    assert_eq!(ann.get("/notifications/v1/preferences/timezone").await.ok()["timezone"], "UTC");
}

#[tokio::test]
async fn push_tokens_belong_to_logins() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let path = "/notifications/push/v1/tokens";
    let web = json!({"platform": "fcm_web", "providerId": "main", "fcmToken": "f:1", "timezone": "Asia/Tokyo"});
    ann.post(path, web.clone()).await.ok();
    ann.post(path, web).await.ok();
    let second = ann.again().await;
    let voip = json!({"platform": "apns_ios_voip", "providerId": "main", "voipToken": "v1", "authToken": second.token});
    h.post(path, voip).await.ok();
    let list = |query: &str| {
        let (h, path) = (&h, format!("{path}?authToken={}{query}", ann.token));
        async move { h.get(&path).await.ok()["pushTokens"].clone() }
    };
    let own = list("").await;
    assert_eq!(own.as_array().unwrap().len(), 1, "{own}");
    assert_eq!(own[0]["pushToken"], "f:1");
    assert_eq!((&own[0]["uid"], &own[0]["pushTokenType"]), (&json!("ann"), &json!("chat")));
    assert!(own[0]["createdAt"].as_str().unwrap().ends_with(".000Z"));
    assert!(own[0]["authToken"] != ann.token, "a token is shown once only");
    assert_eq!(list("&all=true").await.as_array().unwrap().len(), 2);
    assert_eq!(ann.get("/notifications/v1/preferences/timezone").await.ok()["timezone"], "Asia/Tokyo");

    for bad in [
        json!({"platform": "pigeon", "fcmToken": "x"}),
        json!({"platform": "fcm_web", "deviceToken": "x"}),
        json!({"fcmToken": "x"}),
        json!({"platform": "fcm_web", "fcmToken": "x", "timezone": "here"}),
        json!({"platform": "fcm_web", "fcmToken": "x".repeat(5000)}),
    ] {
        ann.post(path, bad).await.refused(Code::BadRequest);
    }
    h.post(path, json!({"platform": "fcm_web", "fcmToken": "x"})).await.refused(Code::BadRequest);
    h.get(&format!("{path}?authToken=none")).await.refused(Code::TokenNotFound);
    bob.delete_with(path, json!({"authToken": ann.token})).await.refused(Code::TokenNotAccessible);
    bob.delete(&format!("{path}/f:1")).await.refused(Code::PushTokenNotFound);

    let gone = ann.delete(&format!("{path}/f%3A1")).await.ok();
    assert_eq!(gone["pushTokens"][0]["pushToken"], "f:1");
    ann.post(path, json!({"platform": "fcm_web", "fcmToken": "f:2"})).await.ok();
    // A login that ends takes its push tokens with it.
    second.delete("/me").await.ok();
    assert_eq!(list("&all=true").await.as_array().unwrap().len(), 1);
    let gone = h.delete_with(&format!("{path}?all=true"), json!({"authToken": ann.token})).await.ok();
    assert_eq!(gone["pushTokens"].as_array().unwrap().len(), 1);
    assert_eq!(list("&all=true").await, json!([]));
}

#[tokio::test]
async fn what_is_absent_is_refused_at_once() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    for path in [
        "/ai/smart-replies",
        "/ai/agents/x/runs",
        "/campaigns/feed",
        "/notifications/push/v1/providers/fcm",
        "/notifications/sms/v1/providers/twilio",
        "/notifications/email/v1/providers/sendgrid",
    ] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            ann.call(method.clone(), path, Some(json!({}))).await.refused(Code::FeatureNotAccessible);
            h.call(method, path, None).await.refused(Code::FeatureNotAccessible);
        }
    }
    ann.get("/moderation/nothing").await.refused(Code::ApiNotFound);
}

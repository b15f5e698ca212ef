//! Bad input: the contract's envelope, a fitting 4xx, and nothing written. Every code, once for real.

use std::collections::HashSet;

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, coding};

use crate::apps::manager;
use crate::harness::{Answer, Client, DEADLINE, Harness, User, id_of, text_to};

/// What a running server does not say today, or only when something breaks.
const NOT_PRODUCED: &[(Code, &str)] = &[
    (Code::BotExists, "bots are made on the command line: tests/it/bots.rs"),
    (Code::FileType, "uploads have a play of their own: tests/it/media.rs"),
    (Code::FileNotFound, "uploads have a play of their own: tests/it/media.rs"),
    (Code::UploadNotFound, "uploads have a play of their own: tests/it/media.rs"),
    (Code::StorageFull, "needs a disk that is full: tests/it/disk.rs"),
    (Code::StorageFailed, "needs a disk that fails: tests/it/disk.rs"),
    (Code::ExtensionInactive, "needs an admin: tests/it/extensions"),
    (Code::StickerNotFound, "needs an admin: tests/it/extensions"),
    (Code::TranslationUnsupported, "needs a service: tests/it/extensions"),
    (Code::TranslationFailed, "needs a service that fails: tests/it/extensions"),
    (Code::Internal, "a bug or a broken disk: a test that could make one would be one"),
];

struct World {
    h: Harness,
    ann: User,
    bob: User,
    seen: HashSet<Code>,
}

impl World {
    async fn make() -> World {
        let h = Harness::with(&["--limit", "members=6,pinned_messages=2,saved_messages=2"]).await;
        let (ann, bob) = (h.user("ann").await, h.user("bob").await);
        World { h, ann, bob, seen: HashSet::new() }
    }

    #[track_caller]
    fn is(&mut self, code: Code, answer: Answer) -> Value {
        self.seen.insert(code);
        answer.refused(code)
    }

    /// One item of a bulk answer.
    #[track_caller]
    fn item(&mut self, code: Code, item: &Value) {
        assert_eq!(item["success"], false, "{item}");
        assert_eq!(item["error"]["code"], code.as_str(), "{item}");
        self.seen.insert(code);
    }

    async fn user(&self, uid: &str) -> User {
        self.h.user(uid).await
    }
}

#[tokio::test]
async fn every_code_is_said_once() {
    let mut w = World::make().await;
    let (ann, bob) = (w.ann.clone(), w.bob.clone());
    credentials(&mut w).await;
    keys_tokens_roles(&mut w).await;
    groups(&mut w).await;
    messages(&mut w, &ann, &bob).await;
    friends_and_blocks(&mut w).await;
    calls(&mut w).await;
    pins(&mut w).await;
    kept_messages(&mut w, &ann).await;
    imports(&mut w).await;
    webhooks(&mut w).await;
    general(&mut w).await;
    let missing: Vec<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|code| !w.seen.contains(code) && NOT_PRODUCED.iter().all(|(known, _)| known != code))
        .collect();
    assert!(missing.is_empty(), "say these for real, or say why not in NOT_PRODUCED: {missing:?}");
}

async fn credentials(w: &mut World) {
    let nobody = w.h.nobody();
    w.is(Code::InvalidAppId, w.ann.clone().with_header("appId", "no").get("/me").await);
    w.is(Code::EmptyApiKey, nobody.get("/apikeys").await);
    w.is(Code::ApiKeyUnknown, nobody.clone().with("apiKey", "x").get("/apikeys").await);
    w.is(Code::NoAccess, w.h.auth_only().get("/apikeys").await);
    w.is(Code::EmptyAuthToken, nobody.get("/me").await);
    w.is(Code::AuthTokenUnknown, nobody.clone().with("authToken", "x").get("/me").await);
    w.is(Code::EmptyAuthHeader, nobody.get("/admin/api/overview").await);
    w.is(Code::FeatureNotAccessible, w.ann.post("/me/jwt", json!({})).await);
}

async fn pins(w: &mut World) {
    let app = w.h.app.clone();
    let mut names = Vec::new();
    let pinner = w.user("pinner").await;
    for n in 0..6 {
        w.user(&format!("peer{n}")).await;
        pinner.send(&format!("peer{n}"), "hi").await;
        names.push(format!("peer{n}_user_pinner"));
    }
    w.is(Code::ConversationNotFound, app.behalf("pinner").get("/conversations/none").await);
    w.is(Code::AppPinsLimit, app.put("/conversations/pinned", json!({"conversationIds": names})).await);
    for n in 0..5 {
        pinner.post(&format!("/users/peer{n}/conversation/pin"), json!({})).await.ok();
    }
    w.is(Code::PinsLimit, pinner.post("/users/peer5/conversation/pin", json!({})).await);
    app.put("/conversations/pinned", json!({"conversationIds": [names[5]]})).await.ok();
    w.is(Code::AppPinned, pinner.post("/users/peer5/conversation/pin", json!({})).await);
    for (one, other) in [("k", "m_user_n"), ("k_user_m", "n")] {
        let (one, _) = (w.user(one).await, w.user(other).await);
        one.send(other, "hi").await;
    }
    w.is(Code::ConversationAmbiguous, app.get("/messages?conversationId=k_user_m_user_n").await);
}

async fn kept_messages(w: &mut World, ann: &User) {
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(id_of(&ann.send("bob", &format!("keep {n}")).await));
    }
    for id in &ids[..2] {
        ann.post(&format!("/messages/{id}/pin"), json!({})).await.ok();
        ann.post(&format!("/messages/{id}/save"), json!({})).await.ok();
    }
    let error = w.is(Code::PinnedMessagesLimit, ann.post(&format!("/messages/{}/pin", ids[2]), json!({})).await);
    assert_eq!(error["params"]["limit"], 2);
    w.is(Code::BotNotFound, w.h.post("/bots/bob/messages", text_to("user", "ann", "hi")).await);
    w.is(Code::ExtensionNotFound, ann.post("/extensions/smart-reply/v1/ask", json!({})).await);
    let forgotten = ann.delete_with("/extensions/reminders/v1/reminder", json!({"reminderId": "none"})).await;
    w.is(Code::ReminderNotFound, forgotten);
    w.is(Code::PollNotFound, ann.post("/extensions/polls/v2/vote", json!({"id": "none", "vote": "1"})).await);
    w.is(Code::RuleNotFound, w.h.get("/moderation/rules/none").await);
    w.is(Code::KeywordsNotFound, w.h.get("/moderation/keywords/none").await);
    let list = json!({"id": "profanity-list", "name": "L", "category": "word", "searchTerms": "a"});
    w.is(Code::KeywordsExists, w.h.post("/moderation/keywords", list).await);
    let looks = json!([{"operand": "text", "category": "word", "value": "a"}]);
    let rule = json!({"id": "email_filter", "name": "R", "conditions": looks});
    w.is(Code::RuleExists, w.h.post("/moderation/rules", rule).await);
    w.is(Code::ReasonNotFound, w.h.get("/moderation/reasons/none").await);
    w.is(Code::ReasonExists, w.h.post("/moderation/reasons", json!({"id": "spam", "name": "Spam"})).await);
    w.is(Code::SavedMessagesLimit, ann.post(&format!("/messages/{}/save", ids[2]), json!({})).await);
}

async fn webhooks(w: &mut World) {
    let ops = manager(&w.h).await;
    let hooks = format!("/apps/{}/webhooks", w.h.app_id);
    let hook = json!({"id": "w", "name": "w", "webhookURL": "https://hooks.example/"});
    ops.post(&hooks, hook.clone()).await.ok();
    w.is(Code::WebhookExists, ops.post(&hooks, hook).await);
    w.is(Code::WebhookNotFound, ops.get(&format!("{hooks}/none")).await);
    w.is(Code::DeliveryNotFound, ops.get(&format!("{hooks}/w/deliveries/1")).await);
    let none = json!({"triggerIds": ["none"]});
    w.is(Code::TriggerNotFound, ops.delete_with(&format!("{hooks}/w/triggers"), none).await);
}

async fn keys_tokens_roles(w: &mut World) {
    let app = w.h.app.clone();
    w.is(Code::ApiKeyNotFound, app.get("/apikeys/none").await);
    w.is(Code::ApiKeySelf, app.delete(&format!("/apikeys/{}", app.api_key)).await);
    w.is(Code::TokenNotFound, app.get("/users/ann/auth_tokens/none").await);
    w.is(Code::TokenNotAccessible, app.get(&format!("/users/bob/auth_tokens/{}", w.ann.token)).await);
    for n in 0..23 {
        app.post("/apikeys", json!({"name": format!("k{n}"), "scope": "authOnly"})).await.ok();
    }
    let error = w.is(Code::QuotaRestriction, app.post("/apikeys", json!({"name": "k", "scope": "authOnly"})).await);
    assert!(error["message"].as_str().unwrap().contains("has reached the allowed limit of 25"), "{error}");
    w.is(Code::RoleNotFound, app.get("/roles/none").await);
    w.is(Code::RoleExists, app.post("/roles", json!({"role": "default", "name": "D"})).await);
    w.is(Code::RoleDeleteDenied, app.delete("/roles/default").await);
    w.is(Code::UidNotFound, app.get("/users/none").await);
    w.is(Code::UidExists, app.post("/users", json!({"uid": "ANN", "name": "Ann"})).await);
    let friendly = json!({"role": "shy", "name": "Shy", "settings": {"sendMessagesTo": "friendsOnly"}});
    app.post("/roles", friendly).await.ok();
    let shy = app.user_with("shy", json!({"role": "shy"})).await;
    w.is(Code::PermissionDenied, shy.post("/messages", text_to("user", "ann", "hi")).await);
}

async fn groups(w: &mut World) {
    let (ann, bob, app) = (w.ann.clone(), w.bob.clone(), w.h.app.clone());
    w.is(Code::GuidNotFound, ann.get("/groups/none").await);
    w.h.group("team", &ann, &[&bob]).await;
    w.h.group_of("safe", "password", &ann, &[]).await;
    w.h.group_of("quiet", "private", &ann, &[]).await;
    w.is(Code::GuidExists, ann.post("/groups", json!({"guid": "TEAM", "name": "T", "type": "public"})).await);
    w.is(Code::EmptyGroupPass, bob.post("/groups/safe/members", json!({})).await);
    w.is(Code::WrongGroupPass, bob.post("/groups/safe/members", json!({"password": "x"})).await);
    w.is(Code::NotAMember, ann.delete("/groups/safe/members/bob").await);
    w.is(Code::GroupNotJoined, bob.get("/groups/safe/messages").await);
    w.is(Code::AlreadyJoined, bob.post("/groups/team/members", json!({})).await);
    w.is(Code::JoinNotAllowed, bob.post("/groups/quiet/members", json!({})).await);
    for n in 0..4 {
        let user = w.user(&format!("m{n}")).await;
        user.post("/groups/team/members", json!({})).await.ok();
    }
    let late = w.user("late").await;
    w.is(Code::NoVacancy, late.post("/groups/team/members", json!({})).await);
    let added = app.post("/groups/team/members", json!({"participants": ["late", "none", "bob"]})).await.ok();
    w.item(Code::NoVacancy, &added["participants"]["late"]);
    w.item(Code::UidNotFound, &added["participants"]["none"]);
    w.item(Code::AlreadyJoined, &added["participants"]["bob"]);
    w.is(Code::SameScope, ann.put("/groups/team/members/bob", json!({"scope": "participant"})).await);
    let m0 = w.h.log_in("m0").await;
    w.is(Code::NoClearance, bob.delete("/groups/team/members/m0").await);
    w.is(Code::NoAdminScope, bob.delete("/groups/team").await);
    w.is(Code::NoModeratorScope, bob.put("/groups/team", json!({"name": "x"})).await);
    w.is(Code::NoScopeClearance, bob.put("/groups/team/members/m0", json!({"scope": "admin"})).await);
    w.is(Code::GroupSelf, bob.delete("/groups/team/members/bob").await);
    w.is(Code::NotBanned, ann.delete("/groups/team/bannedusers/m0").await);
    ann.post("/groups/team/bannedusers/m0", json!({})).await.ok();
    w.is(Code::AlreadyBanned, ann.post("/groups/team/bannedusers/m0", json!({})).await);
    w.is(Code::Banned, m0.post("/groups/team/members", json!({})).await);
}

async fn messages(w: &mut World, ann: &User, bob: &User) {
    let send = async |body: Value| ann.post("/messages", body).await;
    let body = |category: &str, kind: &str, data: Value| json!({"receiver": "bob", "receiverType": "user", "category": category, "type": kind, "data": data});
    w.is(Code::EmptyReceiver, send(json!({"receiverType": "user", "category": "message", "type": "text"})).await);
    w.is(Code::InvalidReceiverType, send(json!({"receiver": "bob", "receiverType": "all", "type": "text"})).await);
    w.is(Code::InvalidCategory, send(body("action", "groupMember", json!({}))).await);
    w.is(Code::EmptyType, send(body("custom", "", json!({"customData": {}}))).await);
    w.is(Code::InvalidType, send(body("message", "song", json!({"text": "la"}))).await);
    w.is(Code::InvalidData, send(body("message", "text", json!("no object"))).await);
    w.is(Code::EmptyText, send(body("message", "text", json!({"text": "  "}))).await);
    w.is(Code::InvalidText, send(body("message", "text", json!({"text": 7}))).await);
    w.is(Code::EmptyFile, send(body("message", "image", json!({}))).await);
    w.is(Code::InvalidMedia, send(body("message", "image", json!({"attachments": [{"url": 1}]}))).await);
    w.is(Code::EmptyCustomData, send(body("custom", "location", json!({}))).await);
    w.is(Code::InvalidCustomData, send(body("custom", "location", json!({"customData": [1]}))).await);
    w.is(Code::InvalidMetadata, send(body("message", "text", json!({"text": "x", "metadata": "y"}))).await);
    w.is(Code::MessageNotFound, ann.get("/messages/999999").await);
    let id = id_of(&ann.send("bob", "hi").await);
    let eve = w.user("eve").await;
    w.is(Code::MessageNoAccess, eve.get(&format!("/messages/{id}")).await);
    w.is(Code::NotASender, bob.put(&format!("/messages/{id}"), json!({"data": {"text": "x"}})).await);
    let deleted = id_of(&ann.send("bob", "gone").await);
    ann.delete(&format!("/messages/{deleted}")).await.ok();
    w.is(Code::MessageAction, ann.put(&format!("/messages/{deleted}"), json!({"data": {"text": "x"}})).await);
    w.is(Code::WrongThread, ann.post(&format!("/messages/{id}/thread"), text_to("user", "eve", "re")).await);
    let reply = id_of(&ann.post(&format!("/messages/{id}/thread"), text_to("user", "bob", "re")).await.ok());
    w.is(Code::ThreadNesting, ann.post(&format!("/messages/{reply}/thread"), text_to("user", "bob", "re")).await);
    let listed = ann.get("/groups/team/messages?categories=action&limit=1").await.list();
    let action = id_of(&listed[0]);
    w.is(Code::ThreadCategory, ann.post(&format!("/messages/{action}/thread"), text_to("group", "team", "re")).await);
    w.is(Code::ConversationNotAccessible, eve.get("/users/ann/conversation").await);
}

async fn friends_and_blocks(w: &mut World) {
    let (ann, bob, app) = (w.ann.clone(), w.bob.clone(), w.h.app.clone());
    app.post("/users/ann/friends", json!({"accepted": ["bob"]})).await.ok();
    let added = app.post("/users/ann/friends", json!({"accepted": ["bob", "ann"]})).await.ok();
    w.item(Code::AlreadyFriend, &added["accepted"]["bob"]);
    w.item(Code::SelfRelation, &added["accepted"]["ann"]);
    w.is(Code::NotAFriend, app.delete_with("/users/ann/friends", json!({"friends": ["eve"]})).await);
    let blocked = ann.post("/blockedusers", json!({"blockedUids": ["ann", "bob"]})).await.ok();
    w.item(Code::BlockSelf, &blocked["ann"]);
    w.is(Code::BlockedReceiver, ann.post("/messages", text_to("user", "bob", "hi")).await);
    w.is(Code::BlockedSender, bob.post("/messages", text_to("user", "ann", "hi")).await);
    ann.delete_with("/blockedusers", json!({"blockedUids": ["bob"]})).await.ok();
}

async fn calls(w: &mut World) {
    let (ann, bob, eve) = (w.ann.clone(), w.bob.clone(), w.h.log_in("eve").await);
    let call = async |who: &User, kind: &str, to: &str| {
        who.post("/calls", json!({"receiver": to, "receiverType": kind, "type": "audio"})).await
    };
    let status = async |who: &User, session: &str, status: &str| {
        who.put(&format!("/calls/{session}"), json!({"status": status})).await
    };
    let session =
        |message: Value| message["data"]["entities"]["on"]["entity"]["sessionid"].as_str().unwrap().to_owned();
    w.is(Code::CallNotFound, status(&ann, "none", "ended").await);
    w.is(Code::CallingSelf, call(&ann, "user", "ann").await);
    let one = session(call(&ann, "user", "bob").await.ok());
    // From another device: the same session would take up from a call it lost.
    w.is(Code::CallBusySelf, call(&ann.again().await, "user", "eve").await);
    w.is(Code::CallBusyUser, call(&eve, "user", "bob").await);
    w.is(Code::CallNotAPart, status(&eve, &one, "ongoing").await);
    w.is(Code::CallNotStarted, status(&ann, &one, "ended").await);
    w.is(Code::CallInvalidInit, status(&bob, &one, "initiated").await);
    status(&bob, &one, "ongoing").await.ok();
    w.is(Code::CallUserJoined, status(&bob, &one, "ongoing").await);
    w.is(Code::CallOngoing, status(&bob, &one, "busy").await);
    status(&bob, &one, "ended").await.ok();
    w.is(Code::CallTerminated, status(&ann, &one, "ongoing").await);
    let group = session(call(&ann, "group", "team").await.ok());
    w.is(Code::CallGroupStatus, status(&bob, &group, "busy").await);
    w.is(Code::CallBusyGroup, call(&bob, "group", "team").await);
    status(&bob, &group, "ongoing").await.ok();
    w.is(Code::CallGroupJoined, status(&bob, &group, "ongoing").await);
    status(&bob, &group, "ended").await.ok();
    w.is(Code::CallGroupLeft, status(&bob, &group, "ended").await);
}

async fn imports(w: &mut World) {
    let app = w.h.app.clone();
    for (what, code) in [
        ("users", Code::ImportUser),
        ("groups", Code::ImportGroup),
        ("members", Code::ImportMember),
        ("messages", Code::ImportMessage),
    ] {
        w.is(code, app.post(&format!("/data_import/{what}"), json!({ what: "rows" })).await);
    }
    let member =
        json!({"memberId": "safe_member_eve", "guid": "safe", "uid": "eve", "joinedAt": 1, "scope": "participant"});
    let results = app.post("/data_import/members", json!({"members": {"safe_member_eve": member}})).await.ok();
    w.item(Code::ImportJoinedAt, &results["safe_member_eve"]);
    let message = json!({"muid": "m", "sender": "ann", "receiverType": "user", "receiver": "bob", "sentAt": 1, "data": {"text": "x"}});
    let body = json!({"messages": {"m": message}});
    app.post("/data_import/messages", body.clone()).await.ok();
    let results = app.post("/data_import/messages", body).await.ok();
    w.item(Code::ImportMuidExists, &results["m"]);
}

async fn general(w: &mut World) {
    w.is(Code::InvalidVersion, w.ann.at_path("/v2/me").await);
    w.is(Code::ApiNotFound, w.ann.get("/nothing").await);
    w.is(Code::BadRequest, w.ann.get("/users?page=0").await);
    w.is(Code::FeatureNotAccessible, w.ann.post("/ai/smart-replies", json!({})).await);
    let gone = w.ann.delete("/notifications/push/v1/tokens/none").await;
    w.is(Code::PushTokenNotFound, gone);
    let large = vec![b' '; 300_000];
    w.is(Code::TooLarge, w.ann.raw(Method::POST, "/messages", Some(large)).await);
    let strict = Harness::with(&["--rate-limits", "all", "--rate-standard", "1"]).await;
    strict.get("/users").await.ok();
    w.is(Code::TooManyRequests, strict.get("/users").await);
    let hasty = Harness::with(&["--limit", "read_seconds=0"]).await;
    let late = hasty.get("/users").await;
    assert_eq!(late.headers["retry-after"], "1");
    w.is(Code::ReadTimeout, late);
    // With no room to wait, some of many writes at once are turned away, and say when to come again.
    let narrow = Harness::with(&["--write-queue", "1"]).await;
    let (a, b) = (narrow.user("a").await, narrow.user("b").await);
    let mut busy = 0;
    for _ in 0..50 {
        let sends = (0..40).map(|_| a.post("/messages", text_to("user", "b", "x")));
        for answer in futures_util::future::join_all(sends).await {
            if answer.status != 200 {
                assert_eq!(answer.headers["retry-after"], "1");
                w.is(Code::Busy, answer);
                busy += 1;
            }
        }
        if busy > 0 {
            break;
        }
    }
    assert!(busy > 0, "nobody was turned away");
    drop(b);
}

/// Requests that can do nothing but be refused: what, by whom, and for which code.
fn hopeless() -> Vec<(Method, &'static str, Vec<u8>, Code)> {
    use Code::*;
    let text = |text: &str| text.as_bytes().to_vec();
    let long = |field: &str, most: usize| {
        json!({"uid": "new", "name": "New", field: "x".repeat(most + 1)}).to_string().into_bytes()
    };
    let (post, put, get, delete, patch) = (Method::POST, Method::PUT, Method::GET, Method::DELETE, Method::PATCH);
    let users = "/users";
    let mut all = vec![
        // Malformed.
        (post.clone(), users, text("{"), BadRequest),
        (post.clone(), users, text("[]"), BadRequest),
        (post.clone(), users, text("null"), BadRequest),
        (post.clone(), users, text("\"uid\""), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":\"New\"} more"), BadRequest),
        (post.clone(), users, b"{\"uid\":\"new\",\"name\":\"\xff\xfe\"}".to_vec(), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"uid\":\"new2\",\"name\":\"New\"}"), BadRequest),
        (post.clone(), users, vec![0; 100], BadRequest),
        (post.clone(), users, "[".repeat(100_000).into_bytes(), BadRequest),
        (post.clone(), users, format!("{{\"metadata\":{}", "{\"a\":".repeat(50_000)).into_bytes(), BadRequest),
        (post.clone(), users, text("uid=new&name=New"), BadRequest),
        // Missing and wrong types.
        (post.clone(), users, text("{}"), BadRequest),
        (post.clone(), users, text(""), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\"}"), BadRequest),
        (post.clone(), users, text("{\"uid\":true,\"name\":\"New\"}"), BadRequest),
        (post.clone(), users, text("{\"uid\":null,\"name\":\"New\"}"), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":[]}"), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":\"   \"}"), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":\"N\",\"tags\":{\"a\":1}}"), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":\"N\",\"tags\":[true]}"), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":\"N\",\"metadata\":[1]}"), InvalidMetadata),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":\"N\",\"avatar\":\"javascript:alert(1)\"}"), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":\"N\",\"withAuthToken\":\"yes\"}"), BadRequest),
        (post.clone(), users, text("{\"uid\":\"new\",\"name\":\"N\",\"role\":\"none\"}"), RoleNotFound),
        (put.clone(), "/users/ann", text("{\"unset\":[\"name\"]}"), BadRequest),
        (put.clone(), "/users/ann", text("{\"name\":\"\"}"), BadRequest),
        (delete.clone(), users, text("{\"uidsToDeactivate\":true}"), BadRequest),
        (post.clone(), "/groups", text("{\"guid\":\"g\",\"name\":\"G\",\"type\":\"odd\"}"), BadRequest),
        (post.clone(), "/groups", text("{\"guid\":\"g\",\"name\":\"G\",\"type\":\"password\"}"), EmptyGroupPass),
        (post.clone(), "/groups", text("{\"guid\":\"g\",\"name\":\"G\",\"owner\":\"none\"}"), UidNotFound),
        (
            post.clone(),
            "/groups",
            text("{\"guid\":\"g\",\"name\":\"G\",\"members\":{\"admins\":{\"a\":\"ann\"}}}"),
            BadRequest,
        ),
        (put.clone(), "/groups/team/members/bob", text("{\"scope\":\"king\"}"), BadRequest),
        (post.clone(), "/groups/team/members", text("{}"), BadRequest),
        (patch.clone(), "/groups/team/owner", text("{}"), BadRequest),
        (post.clone(), "/apikeys", text("{\"name\":\"k\",\"scope\":\"all\"}"), BadRequest),
        (post.clone(), "/users/ann/friends", text("{}"), BadRequest),
        (post.clone(), "/users/ann/blockedusers", text("{}"), BadRequest),
        (
            post.clone(),
            "/roles",
            text("{\"role\":\"r\",\"name\":\"R\",\"settings\":{\"listUsers\":\"some\"}}"),
            BadRequest,
        ),
        // Ids that cannot be.
        (get.clone(), "/messages/abc", vec![], MessageNotFound),
        (get.clone(), "/messages/-1", vec![], MessageNotFound),
        (get.clone(), "/messages/99999999999999999999999", vec![], MessageNotFound),
        (get.clone(), "/messages/1%00", vec![], MessageNotFound),
        (get.clone(), "/users/%FF%FE", vec![], UidNotFound),
        (get.clone(), "/users/a%00b", vec![], UidNotFound),
        (get.clone(), "/users/a'%20OR%201=1--", vec![], UidNotFound),
        (get.clone(), "/groups/..%2F..%2Fetc", vec![], GuidNotFound),
        (get.clone(), "/users?perPage=x", vec![], BadRequest),
        (get.clone(), "/users?perPage=0", vec![], BadRequest),
        (get.clone(), "/users?page=-1", vec![], BadRequest),
        (get.clone(), "/users?page=99999999999999999999", vec![], BadRequest),
        (get.clone(), "/messages?limit=0", vec![], BadRequest),
        (get.clone(), "/messages?affix=sideways", vec![], BadRequest),
        (get.clone(), "/messages?receiverType=x", vec![], InvalidReceiverType),
        (get.clone(), "/messages?sentAt=soon", vec![], BadRequest),
        (get.clone(), "/users?status=sleepy", vec![], BadRequest),
        (get.clone(), "/groups/team/members?scopes=king", vec![], BadRequest),
        // Nothing there.
        (get.clone(), "/", vec![], ApiNotFound),
        (get.clone(), "/userz", vec![], ApiNotFound),
        (patch.clone(), "/users", text("{}"), ApiNotFound),
        (post.clone(), "/users/ann", text("{}"), ApiNotFound),
        (get.clone(), "/users/ann/bob/cy/dee", vec![], ApiNotFound),
        (Method::HEAD, "/userz", vec![], ApiNotFound),
        (Method::TRACE, "/users", vec![], ApiNotFound),
        // Too long.
        (post.clone(), users, long("name", 100), BadRequest),
        (post.clone(), users, long("uid", 100), BadRequest),
        (post.clone(), users, long("statusMessage", 255), BadRequest),
        (
            post.clone(),
            users,
            json!({"uid": "new", "name": "N", "avatar": format!("https://x/{}", "x".repeat(3000))})
                .to_string()
                .into_bytes(),
            BadRequest,
        ),
        (
            post.clone(),
            users,
            json!({"uid": "new", "name": "N", "tags": vec!["t"; 26]}).to_string().into_bytes(),
            BadRequest,
        ),
        (
            post.clone(),
            users,
            json!({"uid": "new", "name": "N", "tags": ["t".repeat(101)]}).to_string().into_bytes(),
            BadRequest,
        ),
        (
            post.clone(),
            users,
            json!({"uid": "new", "name": "N", "metadata": {"x": "y".repeat(6000)}}).to_string().into_bytes(),
            BadRequest,
        ),
        (
            post.clone(),
            "/groups",
            json!({"guid": "g", "name": "G", "description": "x".repeat(256)}).to_string().into_bytes(),
            BadRequest,
        ),
        (
            post.clone(),
            "/groups",
            json!({"guid": "g", "name": "G", "type": "password", "password": "x".repeat(101)}).to_string().into_bytes(),
            BadRequest,
        ),
        (
            post.clone(),
            "/groups/team/members",
            json!({"participants": vec!["x"; 26]}).to_string().into_bytes(),
            BadRequest,
        ),
        (post.clone(), "/users/ann/friends", json!({"accepted": vec!["x"; 26]}).to_string().into_bytes(), BadRequest),
    ];
    for uid in ["", " ", "a b", "a/b", "ä", "a.b", "a@b", "\u{0}", "app\u{202e}"] {
        all.push((post.clone(), users, json!({"uid": uid, "name": "New"}).to_string().into_bytes(), BadRequest));
    }
    all.push((post.clone(), users, text("{\"uid\":\"app_system\",\"name\":\"New\"}"), UidExists));
    all
}

#[tokio::test]
async fn what_is_refused_is_refused_well_and_writes_nothing() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let before = h.snapshot().await;
    let mut wrong = Vec::new();
    for (method, path, body, code) in hopeless() {
        let what = format!("{method} {path} {}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        let head = method == Method::HEAD;
        let caller: Client = if path.starts_with("/groups/team/owner") { (*ann).clone() } else { (*h.app).clone() };
        let answer = caller.raw(method, path, Some(body)).await;
        let fits = answer.status == code.status() && (head || answer.code() == Some(code.as_str()));
        if !fits {
            wrong.push(format!("{what}: expected {code:?}, got {} {}", answer.status, answer.text));
            continue;
        }
        if !head {
            let error = answer.envelope();
            assert!(error.to_string().len() < 1500, "{what}: it repeats too much of what it got");
        }
        if before != h.snapshot().await {
            before.still(h.snapshot().await, &what);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn messages_that_are_too_long() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let before = h.count("SELECT count(*) FROM messages");
    let mut long = text_to("user", "bob", &"x".repeat(65_537));
    ann.post("/messages", long.clone()).await.envelope();
    long["data"] = json!({"text": "x", "metadata": {"y": "z".repeat(65_536)}});
    ann.post("/messages", long).await.envelope();
    let mut muid = text_to("user", "bob", "x");
    muid["muid"] = json!("m".repeat(256));
    ann.post("/messages", muid).await.refused(Code::BadRequest);
    let mut tags = text_to("user", "bob", "x");
    tags["tags"] = json!(vec!["t"; 26]);
    ann.post("/messages", tags).await.refused(Code::BadRequest);
    assert_eq!(h.count("SELECT count(*) FROM messages"), before);
    // The longest that fits does.
    let most = "ä".repeat(30_000);
    assert_eq!(ann.send("bob", &most).await["data"]["text"], most);
}

/// Writes raw bytes; gives the answer's text.
async fn raw_http(h: &Harness, bytes: &[u8]) -> String {
    let mut tcp = tokio::net::TcpStream::connect(h.base().trim_start_matches("http://")).await.unwrap();
    // The server may answer and close before it has taken everything.
    let _ = tcp.write_all(bytes).await;
    let mut answer = Vec::new();
    // To the end of the connection, or of the refusal: after one the server may wait for what was announced.
    let read = tokio::time::timeout(DEADLINE, async {
        while !answer.ends_with(b"}}") && tcp.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {}
    });
    read.await.expect("an answer in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_is_hardly_http() {
    let h = Harness::start().await;
    let before = h.snapshot().await;
    let key = &h.api_key;
    let announced = format!(
        "POST /users HTTP/1.1\r\nHost: x\r\napiKey: {key}\r\nContent-Length: 999999999\r\nConnection: close\r\n\r\n"
    );
    let answer = raw_http(&h, announced.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("ERR_REQUEST_TOO_LARGE"), "{answer}");
    let endless = format!(
        "POST /users HTTP/1.1\r\nHost: x\r\napiKey: {key}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{}",
        format!("8000\r\n{}\r\n", "x".repeat(0x8000)).repeat(12)
    );
    let answer = raw_http(&h, endless.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    for nonsense in ["hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n"] {
        let answer = raw_http(&h, nonsense.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{nonsense:?}: {answer}");
    }
    before.still(h.snapshot().await, "all of it was refused");
    h.get("/users").await.ok();
}

#[tokio::test]
async fn preflights_and_refusals_carry_what_browsers_need() {
    let h = Harness::start().await;
    let asked = "appid,authtoken,content-type,resource,sdk";
    let preflight = h.nobody().with("Origin", "https://app.example").with("Access-Control-Request-Headers", asked);
    for path in ["/me", "/nothing/at/all"] {
        let answer = preflight.raw(Method::OPTIONS, path, None).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.headers["access-control-allow-headers"], asked);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains(method));
        }
    }
    assert_eq!(preflight.get("/me").await.headers["access-control-allow-origin"], "*");
    assert_eq!(preflight.get("/nothing").await.headers["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn bad_frames_end_the_socket_they_came_by_and_no_other() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_bob = bob.connect().await;
    let before = h.count("SELECT count(*) FROM messages");
    let bad = || {
        vec![
            (Message::binary(vec![1, 2, 3]), Some(1003)),
            (Message::text("no json"), Some(1007)),
            (Message::text("[1,2]"), Some(1007)),
            (Message::text("\"text\""), Some(1007)),
            (Message::text("null"), Some(1007)),
            (Message::text("{\"type\":7}"), Some(1007)),
            (Message::text("{".repeat(50_000)), Some(1007)),
            (Message::text(json!({"x": "y".repeat(70_000)}).to_string()), Some(1009)),
            (
                Message::Frame(Frame::message(vec![0xff, 0xfe], coding::OpCode::Data(coding::Data::Text), true)),
                Some(1007),
            ),
        ]
    };
    for (message, code) in bad() {
        let what = format!("{message:?}").chars().take(80).collect::<String>();
        let mut sock = ann.connect().await;
        sock.write(message).await;
        let (heard, why) = sock.closed().await;
        assert_eq!(why, code, "{what}");
        assert_eq!(heard, Vec::<Value>::new(), "{what}");
    }
    // Before it said who it is, the same; and nothing but who it is will do.
    for (message, _) in bad() {
        let mut sock = h.socket().await;
        sock.write(message).await;
        sock.closed().await;
    }
    for frame in
        [json!({}), json!({"type": "message"}), json!({"type": "auth"}), json!({"type": "auth", "body": {"auth": 7}})]
    {
        let mut sock = h.socket().await;
        sock.say(&frame).await;
        assert_eq!(sock.closed().await.1, Some(4001), "{frame}");
    }
    ann.send("bob", "still here").await;
    at_bob.expect_text("still here").await;
    assert_eq!(h.count("SELECT count(*) FROM messages"), before + 1);
}

#[tokio::test]
async fn commands_that_may_not_be_are_passed_over() {
    let h = Harness::start().await;
    let (ann, bob, eve) = (h.user("ann").await, h.user("bob").await, h.user("eve").await);
    h.group("team", &ann, &[&bob]).await;
    let id = id_of(&ann.send("bob", "hi").await);
    let (mut at_ann, mut at_bob, mut at_eve) = (ann.connect().await, bob.connect().await, eve.connect().await);
    let before = h.snapshot().await;
    let user = json!({"uid": "ann", "name": "Ann"});
    for (kind, receiver_type, receiver, body) in [
        ("receipts", "user", "ann", json!({"action": "read", "messageId": id.to_string(), "user": user})),
        ("receipts", "user", "bob", json!({"action": "read", "messageId": "999999", "user": user})),
        ("receipts", "user", "bob", json!({"action": "eaten", "messageId": id.to_string()})),
        ("receipts", "user", "bob", json!({"action": "read"})),
        ("receipts", "group", "team", json!({"action": "read", "messageId": id.to_string()})),
        ("typing_indicator", "group", "team", json!({"action": "started", "user": user})),
        ("typing_indicator", "group", "none", json!({"action": "started", "user": user})),
        ("typing_indicator", "user", "none", json!({"action": "started", "user": user})),
        ("typing_indicator", "odd", "bob", json!({"action": "started", "user": user})),
        ("transient_message", "group", "team", json!({"data": {}, "user": user})),
        ("message", "user", "bob", json!({"text": "over the socket"})),
        ("presence", "user", "bob", json!({"action": "online", "user": user})),
        ("no_such_thing", "user", "bob", json!({})),
        ("typing_indicator", "user", "bob", json!("no object")),
        ("typing_indicator", "user", "bob", json!(null)),
    ] {
        at_eve.command(kind, receiver_type, receiver, body).await;
    }
    assert_eq!(at_eve.before_pong().await, Vec::<Value>::new(), "there are no answers");
    before.still(h.snapshot().await, "all of it was refused");
    eve.send("bob", "fence").await;
    eve.send("ann", "fence").await;
    assert_eq!(at_bob.before_text("fence").await, Vec::<Value>::new());
    assert_eq!(at_ann.before_text("fence").await, Vec::<Value>::new());
    // The sender of a frame is who the socket is, whatever the frame says.
    at_eve
        .say(&json!({"type": "typing_indicator", "sender": "ann", "receiver": "bob", "receiverType": "user",
                     "deviceId": "x", "body": {"action": "started", "user": {"uid": "ann", "name": "Ann"}}}))
        .await;
    let typing = at_bob.expect(|frame| frame["type"] == "typing_indicator").await;
    assert_eq!((&typing["sender"], &typing["body"]["user"]["uid"]), (&json!("eve"), &json!("eve")));
}

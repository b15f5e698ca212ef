//! What a role, or a scope in a group, is kept from: restricted features and permissions, set over REST and felt by
//! users.

use hobnob::model::error::Code;
use hobnob::model::feature::Feature;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Harness, User, id_of, text_to};

async fn role(h: &Harness, role: &str) {
    h.post("/roles", json!({"role": role, "name": role})).await.ok();
}

async fn permit(h: &Harness, role: &str, permissions: Value) -> Value {
    h.put(&format!("/roles/{role}/permissions"), json!({ "permissions": permissions })).await.ok()
}

async fn permit_scope(h: &Harness, guid: &str, scope: &str, permissions: Value) -> Value {
    h.put(&format!("/groups/{guid}/scopes/{scope}/permissions"), json!({ "permissions": permissions })).await.ok()
}

/// Refused by the role for this.
#[track_caller]
fn by_role(answer: Answer, action: &str) {
    let error = answer.refused(Code::PermissionDenied);
    assert_eq!(error["params"], json!({"action": action, "role": "guest", "restrictionSource": "role"}));
}

#[track_caller]
fn by_scope(answer: Answer, action: &str, scope: &str) {
    let error = answer.refused(Code::PermissionDenied);
    let params = json!({
        "action": action, "role": "default", "restrictionSource": "scope", "guid": "team", "scope": scope,
    });
    assert_eq!(error["params"], params);
}

fn uids(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|user| user["uid"].as_str().expect("a uid")).collect()
}

#[tokio::test]
async fn features_are_restricted_listed_and_allowed_again() {
    let h = Harness::start().await;
    role(&h, "guest").await;
    let path = "/roles/guest/restrictedfeatures";
    let done = h.post(path, json!({"featuresToRestrict": ["u.listUsers", "deleteGroup", "u.fly"]})).await.ok();
    assert_eq!(done["u.listUsers"]["success"], true);
    assert_eq!(done["u.deleteGroup"]["success"], true);
    assert_eq!(done["u.fly"]["success"], false);
    h.post(path, json!({"featuresToRestrict": ["u.listUsers"]})).await.ok();
    let listed = h.get(path).await;
    let listed = listed.body;
    assert_eq!(listed["meta"]["pagination"]["total"], 2, "{listed}");
    let rows = listed["data"].as_array().unwrap();
    assert_eq!(rows[0]["key"], "u.deleteGroup");
    assert_eq!(rows[0]["path"], "/v3/groups/{{guid}}");
    assert!(rows[0]["createdAt"].is_i64() && rows[0]["title"].is_string() && rows[0]["description"].is_string());

    h.delete_with(path, json!({"featuresToAllow": ["listUsers"]})).await.ok();
    assert_eq!(h.get(path).await.ok().as_array().unwrap().len(), 1);
    h.delete_with(path, json!({"allowAll": true})).await.ok();
    assert_eq!(h.get(path).await.ok(), json!([]));

    for body in [json!({}), json!({"featuresToRestrict": []}), json!({"featuresToRestrict": ["u.fly"]})] {
        h.post(path, body).await.refused(Code::BadRequest);
    }
    h.delete_with(path, json!({})).await.refused(Code::BadRequest);
    h.delete_with(path, json!({"featuresToAllow": ["fly"]})).await.refused(Code::BadRequest);
    h.post("/roles/none/restrictedfeatures", json!({"featuresToRestrict": ["u.ban"]}))
        .await
        .refused(Code::RoleNotFound);
    // A role that is deleted takes its restrictions with it.
    h.post(path, json!({"featuresToRestrict": ["u.ban"]})).await.ok();
    h.delete("/roles/guest").await.ok();
    assert_eq!(h.count("SELECT count(*) FROM restricted_features"), 0);
}

#[tokio::test]
async fn every_feature_a_route_has_can_be_switched_off_for_who_is_logged_in() {
    let h = Harness::start().await;
    role(&h, "guest").await;
    let ann = h.user_with("ann", json!({"role": "guest"})).await;
    let all: Vec<&str> = Feature::ALL.iter().map(|feature| feature.key()).collect();
    h.post("/roles/guest/restrictedfeatures", json!({"featuresToRestrict": all})).await.ok();
    let mut bound = 0;
    for route in hobnob::api::routes() {
        let restricted = Feature::ALL.iter().any(|feature| route.features.common(feature.alone()).is_some());
        let takes_token = matches!(format!("{:?}", route.who).as_str(), "Either" | "AsUser" | "Token");
        if !restricted || !takes_token {
            continue;
        }
        bound += 1;
        let path = route.path.replace("{uid}", "ann").replace("{guid}", "none").replace("{id}", "1");
        let method: Method = route.method.as_str().parse().unwrap();
        let error = ann.call(method.clone(), &path, Some(json!({}))).await.refused(Code::PermissionDenied);
        assert_eq!(error["params"]["role"], "guest", "{}", route.operation);
        assert_eq!(error["params"]["restrictionSource"], "role");
        let action = error["params"]["action"].as_str().unwrap();
        assert!(route.features.common(Feature::parse(action).unwrap().alone()).is_some());
        if route.operation != "logout" {
            // The app on her behalf is not bound by it.
            let answer = h.behalf("ann").call(method, &path, Some(json!({}))).await;
            assert_ne!(answer.code(), Some("ERR_PERMISSION_DENIED"), "{}", route.operation);
        }
    }
    assert!(bound > 40, "{bound}");
    // Allowed again, at once; another role never was bound.
    h.delete_with("/roles/guest/restrictedfeatures", json!({"featuresToAllow": ["u.listUsers"]})).await.ok();
    ann.get("/users").await.ok();
    ann.get("/groups").await.refused(Code::PermissionDenied);
    h.user("bob").await.get("/groups").await.ok();
    h.put("/users/ann", json!({"role": "default"})).await.ok();
    ann.get("/groups").await.ok();
}

#[tokio::test]
async fn a_reply_by_the_short_way_is_a_reply_still() {
    let h = Harness::start().await;
    role(&h, "guest").await;
    let (ann, _bob) = (h.user_with("ann", json!({"role": "guest"})).await, h.user("bob").await);
    let parent = id_of(&ann.send("bob", "hi").await);
    h.post("/roles/guest/restrictedfeatures", json!({"featuresToRestrict": ["createMessageThread"]})).await.ok();
    let mut body = text_to("user", "bob", "hi");
    body["parentId"] = json!(parent);
    by_role(ann.post("/messages", body).await, "createMessageThread");
    ann.send("bob", "hi").await;
}

#[tokio::test]
async fn permissions_are_defined_set_and_unset() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, role(&h, "guest").await);
    h.group("team", &ann, &[]).await;
    for (path, kind, total) in
        [("/roles/guest/permissions", "role", 28), ("/groups/team/scopes/participant/permissions", "scope", 11)]
    {
        let listed = h.get(path).await;
        let listed = listed.body;
        assert_eq!(listed["meta"]["pagination"]["total"], total);
        for row in listed["data"].as_array().unwrap() {
            assert_eq!(row["type"], kind);
            for field in ["id", "title", "description", "dataType", "availableValues", "defaultValue", "createdAt"] {
                assert!(!row[field].is_null(), "{field} in {row}");
            }
        }
        let second = h.get(&format!("{path}?perPage=10&page=2")).await.ok();
        assert_eq!(second.as_array().unwrap().len(), if total == 28 { 10 } else { 1 });
    }
    let set = permit(
        &h,
        "guest",
        json!({
            "sendMessage.allowedMessageTypes": "text", "listUsers": ["deny"], "listUsers.allowedRoles": ["VIP", "vip"],
            "editMessage": "perhaps", "fly": "allow",
        }),
    )
    .await;
    for (key, success) in
        [("sendMessage.allowedMessageTypes", true), ("listUsers", true), ("editMessage", false), ("fly", false)]
    {
        assert_eq!(set[key]["success"], success, "{key}");
        assert!(set[key]["message"].is_string());
    }
    let values =
        json!({"sendMessage.allowedMessageTypes": ["text"], "listUsers": "deny", "listUsers.allowedRoles": ["vip"]});
    assert_eq!(set["permissions"], values);
    let left = h.delete("/roles/guest/permissions/listUsers.allowedRoles").await.ok();
    assert_eq!(left["permissions"], json!({"sendMessage.allowedMessageTypes": ["text"], "listUsers": "deny"}));
    // Values of another scope or group stay.
    permit_scope(&h, "team", "admin", json!({"initiateCall.allowedType": "video"})).await;
    permit_scope(&h, "team", "participant", json!({"sendMessage": "deny"})).await;
    let left = h.delete("/groups/team/scopes/participant/permissions/sendMessage").await.ok();
    assert_eq!(left["permissions"], json!({}));
    let set = permit_scope(&h, "team", "admin", json!({"listMembers": "allow"})).await;
    assert_eq!(set["permissions"], json!({"initiateCall.allowedType": ["video"], "listMembers": "allow"}));

    for body in [
        json!({}),
        json!({"permissions": {}}),
        json!({"permissions": []}),
        json!({"permissions": {"listUsers": "friends"}}),
        json!({"permissions": {"listUsers": 1}}),
        json!({"permissions": {"listUsers": ["allow", "deny"]}}),
        json!({"permissions": {"joinGroup.allowedGroupTypes": ["open"]}}),
        json!({"permissions": {"sendThreadedMessage": "deny"}}),
    ] {
        h.put("/roles/guest/permissions", body).await.refused(Code::BadRequest);
    }
    h.delete("/roles/guest/permissions/fly").await.refused(Code::BadRequest);
    h.get("/roles/none/permissions").await.refused(Code::RoleNotFound);
    h.get("/groups/none/scopes/admin/permissions").await.refused(Code::GuidNotFound);
    h.get("/groups/team/scopes/king/permissions").await.refused(Code::BadRequest);
    // Nothing of it shows in the group.
    assert!(!h.get("/groups/team").await.text.contains("initiateCall"));
}

#[tokio::test]
async fn a_role_limits_whom_its_users_see_and_reach() {
    let h = Harness::start().await;
    for name in ["guest", "vip"] {
        role(&h, name).await;
    }
    let ann = h.user_with("ann", json!({"role": "guest"})).await;
    let _ = (h.user("bob").await, h.user_with("cleo", json!({"role": "vip"})).await, h.user("dan").await);
    h.post("/users/ann/friends", json!({"accepted": ["bob"]})).await.ok();

    permit(&h, "guest", json!({"listUsers.mode": "friends", "getUserDetails.mode": "friends"})).await;
    assert_eq!(uids(&ann.get("/users").await.ok()), ["bob"]);
    ann.get("/users/bob").await.ok();
    ann.get("/users/ann").await.ok();
    by_role(ann.get("/users/cleo").await, "getUserDetails.mode");
    permit(
        &h,
        "guest",
        json!({
            "listUsers.mode": "all", "listUsers.allowedRoles": "vip",
            "getUserDetails.mode": "all", "getUserDetails.allowedRoles": ["vip"],
        }),
    )
    .await;
    assert_eq!(uids(&ann.get("/users").await.ok()), ["cleo"]);
    assert_eq!(uids(&ann.get("/users?roles=default").await.ok()), [""; 0]);
    by_role(ann.get("/users/bob").await, "getUserDetails.allowedRoles");
    permit(&h, "guest", json!({"listUsers": "deny"})).await;
    by_role(ann.get("/users").await, "listUsers");
    // The app sees all, and so does who has another role.
    assert_eq!(h.get("/users").await.ok().as_array().unwrap().len(), 4);

    permit(&h, "guest", json!({"sendMessage.mode": "friends"})).await;
    ann.send("bob", "hi").await;
    by_role(ann.post("/messages", text_to("user", "dan", "hi")).await, "sendMessage.mode");
    permit(&h, "guest", json!({"sendMessage.mode": "all", "sendMessage.allowedReceiverRoles": ["vip"]})).await;
    ann.send("cleo", "hi").await;
    by_role(ann.post("/messages", text_to("user", "bob", "hi")).await, "sendMessage.allowedReceiverRoles");
    let call = |uid: &str| json!({"receiver": uid, "receiverType": "user", "type": "audio"});
    permit(&h, "guest", json!({"initiateCall.mode": "friends"})).await;
    by_role(ann.post("/calls", call("dan")).await, "initiateCall.mode");
    permit(&h, "guest", json!({"initiateCall.mode": "all", "initiateCall.allowedReceiverRoles": ["vip"]})).await;
    by_role(ann.post("/calls", call("dan")).await, "initiateCall.allowedReceiverRoles");
    permit(&h, "guest", json!({"initiateCall": "deny"})).await;
    by_role(ann.post("/calls", call("cleo")).await, "initiateCall");
    h.delete("/roles/guest/permissions/initiateCall").await.ok();
    ann.post("/calls", call("cleo")).await.ok();
}

#[tokio::test]
async fn a_role_limits_what_is_sent_and_changed() {
    let h = Harness::start().await;
    role(&h, "guest").await;
    let (ann, bob) = (h.user_with("ann", json!({"role": "guest"})).await, h.user("bob").await);
    h.group("team", &bob, &[&ann]).await;
    let message = |more: Value| {
        let mut body = json!({"receiver": "bob", "receiverType": "user"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let media = |mime: Value| {
        message(json!({"category": "message", "type": "image",
            "data": {"attachments": [{"url": "https://files.example/a", "name": "a", "mimeType": mime}]}}))
    };
    let custom = |kind: &str| message(json!({"category": "custom", "type": kind, "data": {"customData": {}}}));
    let one = id_of(&ann.send("bob", "hi").await);
    let in_team = id_of(&ann.send_group("team", "hi").await);

    permit(&h, "guest", json!({"sendMessage.allowedReceiverTypes": ["user"]})).await;
    by_role(ann.post("/messages", text_to("group", "team", "hi")).await, "sendMessage.allowedReceiverTypes");
    permit(&h, "guest", json!({"sendMessage.allowedMessageTypes": ["image"]})).await;
    by_role(ann.post("/messages", text_to("user", "bob", "hi")).await, "sendMessage.allowedMessageTypes");
    permit(&h, "guest", json!({"sendMessage.allowedMimeTypes": ["image/png", "audio/*"]})).await;
    by_role(ann.post("/messages", media(json!("image/gif"))).await, "sendMessage.allowedMimeTypes");
    by_role(ann.post("/messages", media(Value::Null)).await, "sendMessage.allowedMimeTypes");
    for fits in ["image/png", "IMAGE/PNG; a=b", "audio/ogg"] {
        ann.post("/messages", media(json!(fits))).await.ok();
    }
    permit(&h, "guest", json!({"sendMessage.allowedCustomTypes": ["place"]})).await;
    by_role(ann.post("/messages", custom("poll")).await, "sendMessage.allowedCustomTypes");
    ann.post("/messages", custom("place")).await.ok();
    permit(&h, "guest", json!({"sendMessage.allowedMessageCategories": "message"})).await;
    by_role(ann.post("/messages", custom("place")).await, "sendMessage.allowedMessageCategories");
    permit(&h, "guest", json!({"sendMessage": "deny"})).await;
    by_role(ann.post("/messages", media(json!("image/png"))).await, "sendMessage");
    // On her behalf as well: what a role permits is a rule about people, whoever carries the message.
    by_role(h.behalf("ann").post("/messages", media(json!("image/png"))).await, "sendMessage");
    bob.send("ann", "hi").await;

    let edit = json!({"data": {"text": "ho"}});
    permit(
        &h,
        "guest",
        json!({"editMessage.denyForScopes": "participant", "deleteMessage.denyForScopes": ["participant"]}),
    )
    .await;
    ann.put(&format!("/messages/{one}"), edit.clone()).await.ok();
    by_role(ann.put(&format!("/messages/{in_team}"), edit.clone()).await, "editMessage.denyForScopes");
    by_role(ann.delete(&format!("/messages/{in_team}")).await, "deleteMessage.denyForScopes");
    permit(&h, "guest", json!({"editMessage": "deny", "deleteMessage": "deny"})).await;
    by_role(ann.put(&format!("/messages/{one}"), edit).await, "editMessage");
    by_role(ann.delete(&format!("/messages/{one}")).await, "deleteMessage");
    h.delete("/roles/guest/permissions/deleteMessage").await.ok();
    ann.delete(&format!("/messages/{one}")).await.ok();

    let kinds = |list: &Value| -> Vec<String> {
        let kind = |message: &Value| format!("{} {}", message["category"], message["type"]).replace('"', "");
        list.as_array().unwrap().iter().map(kind).collect()
    };
    permit(&h, "guest", json!({"listMessages.allowedMessageTypes": ["image"]})).await;
    let listed = ann.get("/users/bob/messages?limit=100").await.ok();
    let mut found = kinds(&listed);
    found.dedup();
    assert_eq!(found, ["message image", "custom place"], "types limit the category message alone");
    permit(&h, "guest", json!({"listMessages.allowedMessageCategories": ["custom"]})).await;
    assert_eq!(kinds(&ann.get("/messages").await.ok()), ["custom place"]);
    assert_eq!(kinds(&ann.get("/messages?category=message").await.ok()), [""; 0]);
}

#[tokio::test]
async fn a_role_limits_groups() {
    let h = Harness::start().await;
    role(&h, "guest").await;
    let (ann, bob) = (h.user_with("ann", json!({"role": "guest"})).await, h.user("bob").await);
    h.group("open", &bob, &[]).await;
    h.group_of("safe", "password", &bob, &[]).await;
    let group = |kind: &str| json!({"guid": format!("own-{kind}"), "name": "Own", "type": kind});

    permit(
        &h,
        "guest",
        json!({
            "createGroup.allowedGroupTypes": "private", "listGroups.allowedGroupTypes": ["password"],
            "joinGroup.allowedGroupTypes": ["password"],
        }),
    )
    .await;
    by_role(ann.post("/groups", group("public")).await, "createGroup.allowedGroupTypes");
    ann.post("/groups", group("private")).await.ok();
    let listed = ann.get("/groups").await.ok();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["guid"], "safe");
    assert_eq!(ann.get("/groups?type=public").await.ok(), json!([]));
    by_role(ann.post("/groups/open/members", json!({})).await, "joinGroup.allowedGroupTypes");
    ann.post("/groups/safe/members", json!({"password": "sesame"})).await.ok();
    permit(&h, "guest", json!({"createGroup": "deny", "listGroups": "deny", "joinGroup": "deny"})).await;
    by_role(ann.post("/groups", group("private")).await, "createGroup");
    by_role(ann.get("/groups").await, "listGroups");
    by_role(ann.post("/groups/open/members", json!({})).await, "joinGroup");
}

#[tokio::test]
async fn a_scope_limits_what_members_do_in_one_group() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    h.group("other", &ann, &[&bob]).await;
    let parent = id_of(&ann.send_group("team", "hi").await);
    let own = id_of(&bob.send_group("team", "hi").await);
    let set = |permissions: Value| permit_scope(&h, "team", "participant", permissions);
    let reply = |user: &User| {
        let user = user.clone();
        async move { user.post(&format!("/messages/{parent}/thread"), text_to("group", "team", "re")).await }
    };

    set(json!({"sendThreadedMessage": "deny"})).await;
    by_scope(reply(&bob).await, "sendThreadedMessage", "participant");
    bob.send_group("team", "hi").await;
    set(json!({"sendThreadedMessage": "allow", "sendMessage": "deny"})).await;
    by_scope(bob.post("/messages", text_to("group", "team", "hi")).await, "sendMessage", "participant");
    by_scope(reply(&bob).await, "sendMessage", "participant");
    // Others, elsewhere and the app are free.
    ann.send_group("team", "hi").await;
    bob.send_group("other", "hi").await;
    h.post("/messages", text_to("group", "team", "hi")).await.ok();

    set(json!({"editMessage": "deny", "addReaction": "deny", "listReactions": "deny", "listMembers": "deny"})).await;
    by_scope(bob.put(&format!("/messages/{own}"), json!({"data": {"text": "ho"}})).await, "editMessage", "participant");
    by_scope(bob.post(&format!("/messages/{parent}/reactions/x"), json!({})).await, "addReaction", "participant");
    by_scope(bob.get(&format!("/messages/{parent}/reactions")).await, "listReactions", "participant");
    by_scope(bob.get("/groups/team/members").await, "listMembers", "participant");
    set(json!({"addReaction": "allow", "listReactions": "allow", "listMembers": "allow",
               "listReactions.allowedScopes": "admin", "listMembers.allowedScopes": ["admin"]}))
    .await;
    assert_eq!(uids(&bob.get("/groups/team/members").await.ok()), ["ann"]);
    assert_eq!(uids(&bob.get("/groups/team/members?scopes=participant").await.ok()), [""; 0]);
    assert_eq!(uids(&ann.get("/groups/team/members").await.ok()), ["ann", "bob"]);
    for user in [&ann, &bob] {
        user.post(&format!("/messages/{parent}/reactions/x"), json!({})).await.ok();
    }
    assert_eq!(uids(&bob.get(&format!("/messages/{parent}/reactions")).await.ok()), ["ann"]);
    assert_eq!(uids(&ann.get(&format!("/messages/{parent}/reactions")).await.ok()), ["ann", "bob"]);

    let call = |kind: &str| json!({"receiver": "team", "receiverType": "group", "type": kind});
    set(json!({"initiateCall.allowedScopes": ["admin"]})).await;
    by_scope(bob.post("/calls", call("audio")).await, "initiateCall.allowedScopes", "participant");
    set(json!({"initiateCall.allowedScopes": [], "initiateCall.allowedType": "audio"})).await;
    by_scope(bob.post("/calls", call("video")).await, "initiateCall.allowedType", "participant");
    set(json!({"initiateCall": "deny"})).await;
    by_scope(bob.post("/calls", call("audio")).await, "initiateCall", "participant");
    set(json!({"initiateCall": "allow"})).await;
    let made = bob.post("/calls", call("audio")).await.ok();
    let session = made["data"]["entities"]["on"]["entity"]["sessionid"].as_str().expect("a session").to_owned();
    let switched = bob.patch(&format!("/calls/{session}/type"), json!({"type": "video"})).await;
    by_scope(switched, "initiateCall.allowedType", "participant");
    // A new scope brings its own rules, at once; the owner counts as an admin.
    h.put("/groups/team/members/bob", json!({"scope": "moderator"})).await.ok();
    bob.send_group("team", "hi").await;
    permit_scope(&h, "team", "admin", json!({"sendMessage": "deny"})).await;
    by_scope(ann.post("/messages", text_to("group", "team", "hi")).await, "sendMessage", "admin");
}

//! Users: made, found, changed, switched off; and what of them others may see.

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Harness, NOW, eventually, id_of};

#[tokio::test]
async fn a_user_is_what_was_given() {
    let h = Harness::start().await;
    let given = json!({
        "uid": "Ann_1", "name": " Ann ", "avatar": "https://x.example/a.png", "link": "https://x.example", "statusMessage": "hi",
        "metadata": {"k": 1, "z": [true]}, "tags": ["b", "a"], "deactivatedAt": 0, "hasBlockedMe": false, "noise": {},
    });
    let made = h.post("/users", given).await.ok();
    assert_eq!(
        made,
        json!({
            "uid": "ann_1", "name": "Ann", "status": "offline", "role": "default", "avatar": "https://x.example/a.png",
            "link": "https://x.example", "statusMessage": "hi", "metadata": {"k": 1, "z": [true]}, "tags": ["b", "a"], "createdAt": NOW,
        })
    );
    assert_eq!(h.get("/users/ANN_1").await.ok()["uid"], "ann_1", "look-ups do not mind the case");
    assert!(made.get("authToken").is_none(), "a token only when asked for");
    let with = h.post("/users", json!({"uid": "bob", "name": "Bob", "withAuthToken": true})).await.ok();
    let token = with["authToken"].as_str().unwrap();
    assert!(token.starts_with("bob_"), "{token}");
    assert_eq!(h.nobody().with("authToken", token).get("/me").await.ok()["uid"], "bob");
    h.post("/users", json!({"uid": "bob", "name": "Again"})).await.refused(Code::UidExists);
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let h = Harness::start().await;
    let ann =
        h.user_with("ann", json!({"avatar": "https://x.example/a.png", "metadata": {"k": 1}, "tags": ["t"]})).await;
    h.clock.advance(10);
    let changed = h.put("/users/ann", json!({"name": "Anna"})).await.ok();
    assert_eq!(
        (&changed["name"], &changed["metadata"], &changed["tags"]),
        (&json!("Anna"), &json!({"k": 1}), &json!(["t"]))
    );
    assert_eq!(changed["updatedAt"], NOW + 10);
    let replaced = h.put("/users/ann", json!({"metadata": {"new": true}, "tags": []})).await.ok();
    assert_eq!((&replaced["metadata"], &replaced["tags"]), (&json!({"new": true}), &json!([])));
    let cleared = h.put("/users/ann", json!({"unset": ["avatar", "metadata"]})).await.ok();
    assert!(cleared.get("avatar").is_none() && cleared.get("metadata").is_none(), "{cleared}");
    // He changes himself, but not his role.
    h.post("/roles", json!({"role": "vip", "name": "Vip"})).await.ok();
    let me = ann.put("/me", json!({"name": "Annie", "role": "vip", "uid": "bob", "deactivatedAt": 5})).await.ok();
    assert_eq!((&me["name"], &me["role"], &me["uid"]), (&json!("Annie"), &json!("default"), &json!("ann")));
    assert_eq!(me["authToken"], *ann.token);
    assert_eq!(me["jwt"], *ann.jwt, "the stored one stays good");
    let vip = h.put("/users/ann", json!({"role": "vip"})).await.ok();
    assert_eq!(vip["role"], "vip");
    h.put("/users/none", json!({"name": "x"})).await.refused(Code::UidNotFound);
}

/// Fails when the word stands anywhere in the value.
#[track_caller]
fn silent_about(value: &Value, word: &str) {
    assert!(!value.to_string().contains(word), "{value:#}");
}

#[tokio::test]
async fn private_metadata_is_never_shown_to_others() {
    let h = Harness::start().await;
    let private = json!({"metadata": {"open": 1, "@private": {"email": "hush@x.example"}}});
    let ann = h.user_with("ann", private.clone()).await;
    let bob = h.user("bob").await;
    let mut at_bob = bob.connect_with(json!({"presenceSubscription": "ALL_USERS"})).await;
    h.group("team", &ann, &[&bob]).await;
    h.group("other", &bob, &[&ann]).await;
    h.post("/users/bob/friends", json!({"accepted": ["ann"]})).await.ok();
    let sock = ann.connect().await;
    let sent = ann.send("bob", "hi <@uid:ann>").await;
    let id = id_of(&sent);
    ann.send_group("team", "hi").await;
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "hi2 <@uid:ann>"}})).await.ok();
    let call = json!({"receiver": "bob", "receiverType": "user", "type": "audio"});
    let made = ann.post("/calls", call).await.ok();
    let session = made["data"]["entities"]["on"]["entity"]["sessionid"].as_str().unwrap().to_owned();
    bob.put(&format!("/calls/{session}"), json!({"status": "rejected"})).await.ok();
    bob.post("/users/ann/conversation/read", json!({})).await.ok();
    ann.delete("/groups/team/members/bob").await.ok();
    bob.post("/groups/team/members", json!({})).await.ok();
    bob.delete("/groups/other/members/ann").await.ok();
    bob.post("/groups/other/bannedusers/ann", json!({})).await.ok();
    for path in [
        "/users",
        "/users?withTags=1&uids=ann",
        "/users/ann",
        "/groups/team",
        "/groups/team/members",
        "/groups/other/bannedusers",
        "/conversations",
        "/users/ann/conversation",
        "/messages?limit=100",
        "/users/ann/messages?limit=100",
        &format!("/messages/{id}"),
        "/groups/team/messages?limit=100",
        "/groups",
        "/blockedusers",
    ] {
        silent_about(&bob.get(path).await.ok(), "hush");
        silent_about(&h.behalf("bob").get(path).await.ok(), "hush");
    }
    bob.post("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    silent_about(&bob.get("/blockedusers").await.ok(), "hush");
    sock.close().await;
    bob.delete_with("/blockedusers", json!({"blockedUids": ["ann"]})).await.ok();
    ann.send("bob", "fence").await;
    for frame in at_bob.before_text("fence").await {
        silent_about(&frame, "hush");
    }
    // He himself and the app see all of it; and what is open is open.
    assert_eq!(ann.get("/me").await.ok()["metadata"], private["metadata"]);
    assert_eq!(h.get("/users/ann").await.ok()["metadata"], private["metadata"]);
    assert_eq!(bob.get("/users/ann").await.ok()["metadata"], json!({"open": 1}));
}

#[tokio::test]
async fn lists_are_narrowed_and_paged() {
    let h = Harness::start().await;
    h.post("/roles", json!({"role": "vip", "name": "Vip"})).await.ok();
    let ann = h.user_with("ann", json!({"tags": ["red"]})).await;
    h.user_with("bob", json!({"tags": ["red", "blue"], "role": "vip"})).await;
    h.user_with("carl", json!({"tags": ["green"]})).await;
    h.user_with("anna", json!({"name": "Zoe 50% off"})).await;
    h.user_with("x_1", json!({"name": "ann's twin"})).await;
    let uids = async |query: &str| h.get(&format!("/users?{query}")).await.each("uid");
    assert_eq!(uids("").await, ["ann", "x_1", "bob", "carl", "anna"], "by name, without the app's own user");
    assert_eq!(uids("searchKey=ann").await, ["ann", "x_1", "anna"]);
    assert_eq!(uids("searchKey=ann&searchIn=uid").await, ["ann", "anna"]);
    assert_eq!(uids("searchKey=ANN&searchIn=name").await, ["ann", "x_1"]);
    assert_eq!(uids("searchKey=Zoe%2050%25").await, ["anna"]);
    assert_eq!(uids("searchKey=Zoe%252050%2525").await, ["anna"], "encoded once more");
    assert_eq!(uids("searchKey=%25").await, Vec::<String>::new(), "a percent sign is no wildcard");
    assert_eq!(uids("searchKey=x_").await, ["x_1"]);
    assert_eq!(uids("tags=red,green").await, ["ann", "bob", "carl"]);
    assert_eq!(uids("tags[]=blue").await, ["bob"]);
    assert_eq!(uids("role=vip").await, ["bob"]);
    assert_eq!(uids("roles=vip,none").await, ["bob"]);
    assert_eq!(uids("uids=carl,bob").await, ["bob", "carl"]);
    assert_eq!(uids("sortBy=name&sortOrder=desc&perPage=2").await, ["anna", "carl"]);
    assert_eq!(ann.get("/users").await.each("uid"), ["x_1", "bob", "carl", "anna"], "not oneself");
    assert!(h.get("/users").await.list().iter().all(|user| user.get("tags").is_none()));
    assert_eq!(h.get("/users?withTags=1&uids=bob").await.list()[0]["tags"], json!(["red", "blue"]));
    // Who is there.
    let sock = ann.connect().await;
    eventually("ann is online", async || uids("status=available").await == ["ann"]).await;
    assert_eq!(uids("status=offline&searchKey=b").await, ["bob"]);
    assert_eq!(h.get("/users/ann").await.ok()["status"], "available");
    sock.close().await;
    let answer = h.get("/users?perPage=2&page=2").await;
    assert_eq!(
        answer.body["meta"]["pagination"],
        json!({"total": 5, "count": 2, "per_page": 2, "current_page": 2, "total_pages": 3})
    );
    assert_eq!(answer.each("uid"), ["bob", "carl"]);
}

#[tokio::test]
async fn friends_only_roles_see_and_write_to_friends_only() {
    let h = Harness::start().await;
    let settings = json!({"listUsers": "friendsOnly", "sendMessagesTo": "friendsOnly"});
    h.post("/roles", json!({"role": "shy", "name": "Shy", "settings": settings})).await.ok();
    let shy = h.user_with("shy", json!({"role": "shy"})).await;
    let (bob, _carl) = (h.user("bob").await, h.user("carl").await);
    h.post("/users/shy/friends", json!({"accepted": ["bob"]})).await.ok();
    assert_eq!(shy.get("/users").await.each("uid"), ["bob"]);
    shy.send("bob", "hi").await;
    shy.post("/messages", crate::harness::text_to("user", "carl", "hi")).await.refused(Code::PermissionDenied);
    bob.send("shy", "others may write to him").await;
}

#[tokio::test]
async fn deactivated_users_are_gone_until_they_are_back() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &bob, &[&ann]).await;
    let id = id_of(&ann.send("bob", "before").await);
    let done = h.delete_with("/users", json!({"uidsToDeactivate": ["ann", "none"]})).await.ok();
    assert_eq!(done, json!({"deactivatedUids": ["ann"]}));
    ann.get("/me").await.refused(Code::AuthTokenUnknown);
    h.auth_only().post("/users/ann/auth_tokens", json!({})).await.refused(Code::UidNotFound);
    h.behalf("ann").get("/conversations").await.refused(Code::UidNotFound);
    bob.get("/users/ann").await.refused(Code::UidNotFound);
    assert_eq!(h.get("/users").await.each("uid"), ["bob"]);
    assert_eq!(h.get("/users?onlyDeactivated=true").await.each("uid"), ["ann"]);
    assert_eq!(h.get("/users?withDeactivated=true").await.each("uid"), ["ann", "bob"]);
    assert_eq!(bob.get(&format!("/messages/{id}")).await.ok()["data"]["text"], "before", "what he said stays");
    assert_eq!(h.put("/users", json!({"uidsToActivate": ["ann"]})).await.ok(), json!({"nonDeactivatedUids": ["ann"]}));
    ann.get("/me").await.refused(Code::AuthTokenUnknown);
    let ann = h.log_in("ann").await;
    assert_eq!(ann.get("/groups?hasJoined=1").await.each("guid"), ["team"], "memberships were kept");
}

#[tokio::test]
async fn deleted_users_never_come_back_and_permanently_deleted_ones_leave_nothing() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let direct = id_of(&ann.send("bob", "direct").await);
    let in_group = id_of(&ann.send_group("team", "in group").await);
    let of_cy = id_of(&cy.send("bob", "of cy").await);
    h.delete("/users/cy").await.ok();
    assert_eq!(h.put("/users", json!({"uidsToActivate": ["cy"]})).await.status, 200);
    h.get("/users/cy").await.refused(Code::UidNotFound);
    h.auth_only().post("/users/cy/auth_tokens", json!({})).await.refused(Code::UidNotFound);
    assert_eq!(h.get("/users?withDeactivated=1").await.each("uid"), ["ann", "bob"]);
    assert_eq!(bob.get(&format!("/messages/{of_cy}")).await.ok()["data"]["text"], "of cy");
    assert_eq!(h.get("/groups/team").await.ok()["membersCount"], 2);

    h.delete_with("/users/ann", json!({"permanent": true})).await.ok();
    h.get("/users/ann").await.refused(Code::UidNotFound);
    for id in [direct, in_group] {
        h.get(&format!("/messages/{id}")).await.refused(Code::MessageNotFound);
    }
    let group = bob.get("/groups/team").await.ok();
    assert_eq!((&group["owner"], &group["membersCount"]), (&json!("bob"), &json!(1)));
    bob.get("/users/ann/conversation").await.refused(Code::UidNotFound);
    assert!(bob.get("/conversations").await.list().iter().all(|c| !c.to_string().contains("\"ann\"")));
    crate::purge::sweep(&h).await;
    assert_eq!(bob.get("/groups/team/conversation").await.ok()["unreadMessageCount"], "0");
    // The name is free again, and its new owner has nothing of the old one.
    let ann = h.user("ann").await;
    assert_eq!(ann.get("/conversations").await.list(), Vec::<Value>::new());
    assert_eq!(ann.get("/messages").await.list(), Vec::<Value>::new());
}

/// What back ends in PHP send: an empty map as `[]`, and forms.
#[tokio::test]
async fn bodies_that_other_back_ends_send() {
    let h = Harness::start().await;
    let raw = |method: Method, path: &'static str, body: &'static str| h.raw(method, path, Some(body.into()));
    raw(Method::POST, "/users", r#"{"uid": "ann", "name": "Ann", "metadata": []}"#).await.ok();
    assert_eq!(h.get("/users/ann").await.ok()["metadata"], json!({}));
    // An empty body, however it is said.
    for body in ["[]", " [ ] ", "{}", ""] {
        raw(Method::POST, "/users/ann/auth_tokens", body).await.ok();
        assert_eq!(raw(Method::PUT, "/users/ann", body).await.ok()["name"], "Ann");
        raw(Method::POST, "/users", body).await.refused(Code::BadRequest);
    }
    raw(Method::PUT, "/users/ann", "[1]").await.refused(Code::BadRequest);
    raw(
        Method::POST,
        "/groups",
        r#"{"guid": "team", "name": "Team", "type": "public", "owner": "ann", "metadata": [], "members": []}"#,
    )
    .await
    .ok();
    assert_eq!(h.get("/groups/team").await.ok()["metadata"], json!({}));
    raw(Method::POST, "/roles", r#"{"role": "vip", "name": "Vip", "metadata": [], "settings": []}"#).await.ok();
    assert_eq!(h.get("/roles/vip").await.ok()["metadata"], json!({}));
    let ann = h.log_in("ann").await;
    let custom = r#"{"receiver": "team", "receiverType": "group", "category": "custom", "type": "x", "data": {"customData": [], "metadata": []}}"#;
    let sent = ann.raw(Method::POST, "/messages", Some(custom.into())).await.ok();
    assert_eq!((&sent["data"]["customData"], &sent["data"]["metadata"]), (&json!({}), &json!({})));
    let row = r#"{"messages": {"m1": {"muid": "m1", "sender": "ann", "receiver": "team", "receiverType": "group", "category": "message",
        "type": "text", "data": {"text": "x", "metadata": []}, "sentAt": 1795000000, "mentionedUserDetails": []}}}"#;
    let imported = raw(Method::POST, "/data_import/messages", row).await.ok();
    assert_eq!(imported["m1"]["success"], true, "{imported}");
    raw(Method::PATCH, "/notifications/v1/preferences?uid=ann", r#"{"groupPreferences": []}"#).await.ok();

    let form = (**h).clone().with("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let made = form
        .raw(
            Method::POST,
            "/users",
            Some(b"uid=bob&name=Bob+B&metadata%5Bk%5D=1&tags[]=t&withAuthToken=true&avatar=https%3A%2F%2Fa.example%2Fb.png".to_vec()),
        )
        .await
        .ok();
    assert_eq!((&made["uid"], &made["name"], &made["tags"]), (&json!("bob"), &json!("Bob B"), &json!(["t"])));
    assert_eq!((&made["metadata"], &made["avatar"]), (&json!({"k": "1"}), &json!("https://a.example/b.png")));
    assert!(made["authToken"].is_string());
    let changed = form.raw(Method::PUT, "/users/bob", Some(b"name=Robert".to_vec())).await.ok();
    assert_eq!(changed["name"], "Robert");
    // Taken: back ends look for the status or for the word.
    let taken = form.raw(Method::POST, "/users", Some(b"uid=bob&name=Bob".to_vec())).await;
    assert_eq!(taken.status, 400);
    assert!(taken.refused(Code::UidExists)["message"].as_str().unwrap().contains("already exists"));
}

/// Languages without strict types: numbers and texts for one another, words for flags, one text for a list.
#[tokio::test]
async fn fields_are_read_for_what_they_stand_for() {
    let h = Harness::start().await;
    let made =
        h.post("/users", json!({"uid": 7, "name": 42, "tags": "a, b", "withAuthToken": "1", "role": null})).await.ok();
    assert_eq!((&made["uid"], &made["name"], &made["tags"]), (&json!("7"), &json!("42"), &json!(["a", "b"])));
    assert!(made["authToken"].is_string());
    for (at, (flag, taken)) in
        [(json!("false"), true), (json!(0), true), (json!(null), true), (json!("true"), false), (json!(1), false)]
            .into_iter()
            .enumerate()
    {
        let user = json!({"uid": format!("gone{at}"), "name": "Gone"});
        h.post("/users", user.clone()).await.ok();
        h.delete_with(&format!("/users/gone{at}"), json!({ "permanent": flag })).await.ok();
        // Softly deleted, the uid stays taken.
        assert_eq!(h.post("/users", user).await.code().is_some(), taken, "{flag}");
    }
    // What PHP makes of a list from which an element was taken.
    let given =
        json!({"guid": "team", "name": "Team", "type": "public", "members": {"participants": {"0": 7, "3": "x"}}});
    assert_eq!(h.post("/groups", given).await.ok()["members"]["participants"]["7"]["success"], true);
    let bob = h.user("bob").await;
    let sent = bob
        .post("/messages", json!({"receiver": 7, "receiverType": "user", "muid": 5, "data": {"text": "x"}}))
        .await
        .ok();
    assert_eq!((&sent["receiver"], &sent["muid"]), (&json!("7"), &json!("5")));
    // The content of a message is what it is.
    let wrong = json!({"receiver": 7, "receiverType": "user", "data": {"text": 5}});
    bob.post("/messages", wrong).await.refused(Code::InvalidText);
    for wrong in ["[\"x\", \"X\"]", "\"x\"", "7"] {
        let said = h.raw(Method::POST, "/users", Some(wrong.into())).await.refused(Code::BadRequest);
        assert_eq!(said["message"], "The body must be a JSON object.", "{wrong}");
    }
    h.raw(Method::POST, "/users", Some("\u{feff}{\"uid\": \"mark\", \"name\": \"Mark\"}".into())).await.ok();
    h.raw(Method::PUT, "/users/mark", Some("null".into())).await.ok();
}

/// Forms say everything a JSON body does, to every operation; a DELETE may say it in its query.
#[tokio::test]
async fn forms_and_queries_stand_for_bodies() {
    let h = Harness::start().await;
    let (_ann, bob) = (h.user("ann").await, h.user("bob").await);
    let kind = "application/x-www-form-urlencoded";
    let (app, by_bob) = ((**h).clone().with("content-type", kind), bob.with_header("content-type", kind));
    let group = "guid=team&name=Team&type=password&password=pw&owner=ann&members[participants][0]=bob&metadata[a][b]=1&tags=x,y";
    let made = app.raw(Method::POST, "/groups", Some(group.into())).await.ok();
    assert_eq!((&made["metadata"], &made["tags"]), (&json!({"a": {"b": "1"}}), &json!(["x", "y"])));
    let text = "receiver=team&receiverType=group&data[text]=%5B1%5D+hello&data[metadata][k]=v&tags[]=t";
    let sent = by_bob.raw(Method::POST, "/messages", Some(text.into())).await.ok();
    assert_eq!((&sent["data"]["text"], &sent["data"]["metadata"]), (&json!("[1] hello"), &json!({"k": "v"})));
    let id = sent["id"].as_str().expect("an id");
    let path = format!("/messages/{id}");
    by_bob.raw(Method::PUT, &path, Some(b"data={\"text\":\"changed\"}".to_vec())).await.ok();
    assert_eq!(bob.get(&path).await.ok()["data"]["text"], "changed");
    bob.raw(Method::DELETE, &format!("{path}?permanent=true"), None).await.ok();
    bob.get(&path).await.refused(Code::MessageNotFound);
    // An edit of nothing would be announced all the same.
    let path = format!(
            "/messages/{}",
            bob.post("/messages", json!({"receiver": "team", "receiverType": "group", "data": {"text": "x"}}))
                .await
                .ok()["id"]
                .as_str()
                .expect("an id")
        );
    for nothing in [json!({}), json!({"text": "y"}), json!({"data": null})] {
        bob.put(&path, nothing).await.refused(Code::BadRequest);
    }
    bob.put(&path, json!({"tags": []})).await.ok();
}

/// `http_build_query` of PHP numbers the values of a list.
#[tokio::test]
async fn lists_in_queries_may_be_numbered() {
    let h = Harness::start().await;
    for uid in ["ann", "bob", "cy"] {
        h.user(uid).await;
    }
    for query in ["uids[0]=ann&uids[1]=bob", "uids%5B0%5D=ann&uids%5B1%5D=bob", "uids[]=ann&uids[]=bob", "uids=ann,bob"]
    {
        assert_eq!(h.get(&format!("/users?{query}")).await.list().len(), 2, "{query}");
    }
    let many: String = (0..300).map(|n| format!("&uids[{n}]=u{n}")).collect();
    h.get(&format!("/users?{many}")).await.refused(Code::BadRequest);
    h.get("/messages?attachmentTypes=picture").await.refused(Code::BadRequest);
    h.get("/messages?attachmentTypes[0]=image").await.ok();
}

#[tokio::test]
async fn what_can_be_got_has_a_head() {
    let h = Harness::start().await;
    for path in ["/users", "/users/none"] {
        let (head, got) = (h.raw(Method::HEAD, path, None).await, h.raw(Method::GET, path, None).await);
        assert_eq!((head.status, head.body), (got.status, serde_json::Value::Null), "{path}");
    }
}

//! Groups: made, listed, changed, handed over, ended.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::{Harness, NOW};

#[tokio::test]
async fn a_group_is_what_was_given_and_its_maker_owns_it() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let given = json!({
        "guid": "Team-1", "name": "Team", "type": "public", "icon": "https://x.example/i.png", "description": "d",
        "metadata": {"k": 1}, "tags": ["t"], "hasJoined": false, "membersCount": 0, "isBanned": false,
    });
    let made = ann.post("/groups", given).await.ok();
    assert_eq!(
        made,
        json!({
            "guid": "team-1", "name": "Team", "type": "public", "icon": "https://x.example/i.png", "description": "d",
            "metadata": {"k": 1}, "tags": ["t"], "owner": "ann", "membersCount": 1, "conversationId": "group_team-1",
            "hasJoined": true, "scope": "admin", "joinedAt": NOW, "createdAt": NOW,
        })
    );
    ann.post("/groups", json!({"guid": "TEAM-1", "name": "T"})).await.refused(Code::GuidExists);
    let of_app = h.post("/groups", json!({"guid": "apps", "name": "Apps", "type": "public"})).await.ok();
    assert_eq!((&of_app["owner"], &of_app["membersCount"]), (&json!("app_system"), &json!(0)));
    assert!(of_app.get("scope").is_none() && of_app.get("hasJoined").is_none(), "{of_app}");
    let owned = h.post("/groups", json!({"guid": "owned", "name": "O", "owner": "ann"})).await.ok();
    assert_eq!((&owned["owner"], &owned["membersCount"], &owned["type"]), (&json!("ann"), &json!(1), &json!("public")));
    let named = ann.post("/groups", json!({"name": "No guid"})).await.ok();
    assert!(!named["guid"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn members_given_at_the_start_are_taken_once_by_the_highest_rank() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    for uid in ["bob", "cy", "dee", "eve"] {
        h.user(uid).await;
    }
    let made = ann
        .post("/groups", json!({"guid": "team", "name": "T", "type": "public", "members": {
            "admins": ["bob"], "moderators": ["bob", "cy"], "participants": ["cy", "dee", "none"], "usersToBan": ["dee", "eve"],
        }}))
        .await
        .ok();
    let lists = &made["members"]["data"];
    assert_eq!(lists["admins"]["bob"]["success"], true);
    assert_eq!(lists["moderators"]["cy"]["success"], true);
    assert_eq!(lists["participants"]["dee"]["success"], true);
    assert_eq!(lists["participants"]["none"]["error"]["code"], "ERR_UID_NOT_FOUND");
    assert_eq!(lists["usersToBan"]["eve"]["success"], true);
    assert!(lists["moderators"].get("bob").is_none() && lists["usersToBan"].get("dee").is_none(), "{lists}");
    assert_eq!(made["membersCount"], 4);
    let scopes = h.get("/groups/team/members").await.list();
    let of = |uid: &str| scopes.iter().find(|member| member["uid"] == uid).unwrap()["scope"].clone();
    assert_eq!([of("ann"), of("bob"), of("cy"), of("dee")], ["admin", "admin", "moderator", "participant"]);
    assert_eq!(h.get("/groups/team/bannedusers").await.each("uid"), ["eve"]);
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name_and_ignores_noise() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    ann.post(
        "/groups",
        json!({"guid": "g", "name": "G", "icon": "https://x.example/i", "metadata": {"k": 1}, "tags": ["t"]}),
    )
    .await
    .ok();
    h.clock.advance(5);
    let noise = json!({"name": "New", "membersCount": 0, "hasJoined": false, "isBanned": false, "owner": "bob", "createdAt": 1});
    let changed = ann.put("/groups/g", noise).await.ok();
    assert_eq!(
        (&changed["name"], &changed["metadata"], &changed["tags"]),
        (&json!("New"), &json!({"k": 1}), &json!(["t"]))
    );
    assert_eq!(
        (&changed["owner"], &changed["membersCount"], &changed["hasJoined"]),
        (&json!("ann"), &json!(1), &json!(true))
    );
    assert_eq!(
        (&changed["createdAt"], &changed["updatedAt"], &changed["updatedBy"]),
        (&json!(NOW), &json!(NOW + 5), &json!("ann"))
    );
    let cleared = ann.put("/groups/g", json!({"unset": ["icon", "metadata"]})).await.ok();
    assert!(cleared.get("icon").is_none() && cleared.get("metadata").is_none(), "{cleared}");
    ann.put("/groups/g", json!({"type": "password"})).await.refused(Code::EmptyGroupPass);
    ann.put("/groups/g", json!({"type": "password", "password": "sesame"})).await.ok();
    let bob = h.user("bob").await;
    bob.post("/groups/g/members", json!({"password": "wrong"})).await.refused(Code::WrongGroupPass);
    bob.post("/groups/g/members", json!({"password": "sesame"})).await.ok();
    ann.put("/groups/none", json!({"name": "x"})).await.refused(Code::GuidNotFound);
}

#[tokio::test]
async fn passwords_are_kept_as_hashes_and_never_shown() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group_of("safe", "password", &ann, &[]).await;
    bob.post("/groups/safe/members", json!({"password": "sesame"})).await.ok();
    for text in [ann.get("/groups/safe").await.text, ann.get("/groups").await.text, h.get("/groups/safe").await.text] {
        assert!(!text.contains("sesame") && !text.contains("argon2") && !text.contains("assword_"), "{text}");
    }
    let stored = h.snapshot().await.0;
    assert!(!stored.contains("sesame"));
    assert!(stored.contains("$argon2id$"));
}

#[tokio::test]
async fn private_groups_are_seen_by_members_only() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group_of("open", "public", &ann, &[]).await;
    h.group_of("safe", "password", &ann, &[]).await;
    h.group_of("quiet", "private", &ann, &[]).await;
    assert_eq!(bob.get("/groups").await.each("guid"), ["open", "safe"]);
    assert_eq!(ann.get("/groups").await.each("guid"), ["open", "quiet", "safe"]);
    assert_eq!(h.get("/groups").await.each("guid"), ["open", "quiet", "safe"]);
    bob.get("/groups/quiet").await.refused(Code::GroupNotJoined);
    bob.post("/groups/quiet/members", json!({})).await.refused(Code::JoinNotAllowed);
    let seen = bob.get("/groups/open").await.ok();
    assert!(seen["hasJoined"] != true && seen.get("scope").is_none(), "{seen}");
    ann.put("/groups/quiet/members", json!({"participants": ["bob"]})).await.ok();
    assert_eq!(bob.get("/groups/quiet").await.ok()["scope"], "participant");
    assert_eq!(bob.get("/groups?hasJoined=1").await.each("guid"), ["quiet"]);
    assert_eq!(bob.get("/groups?hasJoined=false").await.list().len(), 3);
}

#[tokio::test]
async fn lists_are_narrowed_sorted_and_paged() {
    let h = Harness::start().await;
    for (guid, name, kind, tags) in [
        ("a1", "Zebra", "public", json!(["x"])),
        ("b2", "Yak", "private", json!(["y"])),
        ("c3", "a1 fans", "public", json!([])),
    ] {
        h.post("/groups", json!({"guid": guid, "name": name, "type": kind, "tags": tags})).await.ok();
        h.clock.advance(1);
    }
    let guids = async |query: &str| h.get(&format!("/groups?{query}")).await.each("guid");
    assert_eq!(guids("").await, ["c3", "b2", "a1"]);
    assert_eq!(guids("searchKey=a1").await, ["c3", "a1"]);
    assert_eq!(guids("searchKey=a1&searchIn=guid").await, ["a1"]);
    assert_eq!(guids("sortBy=guid&sortOrder=desc").await, ["c3", "b2", "a1"]);
    assert_eq!(guids("sortBy=createdAt").await, ["a1", "b2", "c3"]);
    assert_eq!(guids("types=private").await, ["b2"]);
    assert_eq!(guids("type=public&sortBy=guid").await, ["a1", "c3"]);
    assert_eq!(guids("tags=x,y&sortBy=guid").await, ["a1", "b2"]);
    assert_eq!(guids("perPage=1&page=2").await, ["b2"]);
    assert_eq!(h.get("/groups?withTags=1&searchKey=a1&searchIn=guid").await.list()[0]["tags"], json!(["x"]));
    assert!(h.get("/groups").await.list().iter().all(|group| group.get("tags").is_none()));
}

#[tokio::test]
async fn ownership_goes_to_a_member_and_gives_the_owner_leave() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.user("cy").await;
    h.group("team", &ann, &[&bob]).await;
    ann.delete("/groups/team/members").await.refused(Code::NoClearance);
    ann.patch("/groups/team/owner", json!({"owner": "cy"})).await.refused(Code::NotAMember);
    ann.patch("/groups/team/owner", json!({"owner": "bob"})).await.ok();
    let group = bob.get("/groups/team").await.ok();
    assert_eq!((&group["owner"], &group["scope"]), (&json!("bob"), &json!("admin")));
    ann.patch("/groups/team/owner", json!({"owner": "ann"})).await.refused(Code::NoClearance);
    ann.delete("/groups/team/members").await.ok();
    // The last one may go, owner or not.
    bob.delete("/groups/team/members").await.ok();
    assert_eq!(h.get("/groups/team").await.ok()["membersCount"], 0);
}

#[tokio::test]
async fn a_deleted_group_takes_everything_with_it() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let sent = ann.send_group("team", "hi").await;
    bob.delete("/groups/team").await.refused(Code::NoAdminScope);
    ann.delete("/groups/team").await.ok();
    ann.get("/groups/team").await.refused(Code::GuidNotFound);
    ann.get("/groups/team/messages").await.refused(Code::GuidNotFound);
    ann.get(&format!("/messages/{}", crate::harness::id_of(&sent))).await.refused(Code::MessageNotFound);
    assert!(bob.get("/conversations").await.list().is_empty());
    crate::purge::sweep(&h).await;
    assert_eq!(h.count("SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM members) + (SELECT count(*) FROM conversations)"), 0);
}

#[tokio::test]
async fn a_group_whose_owner_is_gone_is_ruled_by_the_next() {
    let h = Harness::start().await;
    for (round, cause) in ["deactivate", "delete", "erase"].into_iter().enumerate() {
        let guid = format!("team{round}");
        let uid = |name: &str| format!("{name}{round}");
        let (owner, old) = (h.user(&uid("owner")).await, h.user(&uid("old")).await);
        let (young, admin) = (h.user(&uid("young")).await, h.user(&uid("admin")).await);
        let watcher = h.user(&uid("watcher")).await;
        h.group(&guid, &owner, &[]).await;
        for one in [&watcher, &old, &young, &admin] {
            h.clock.advance(1);
            one.post(&format!("/groups/{guid}/members"), json!({})).await.ok();
        }
        owner.put(&format!("/groups/{guid}/members/{}", uid("admin")), json!({"scope": "admin"})).await.ok();
        owner.put(&format!("/groups/{guid}/members/{}", uid("young")), json!({"scope": "moderator"})).await.ok();
        let mut sock = watcher.connect().await;
        // An admin, then a moderator, then whoever came first, then the app.
        let mut members = 5;
        for (gone, heir) in
            [("owner", "admin"), ("admin", "young"), ("young", "watcher"), ("watcher", "old"), ("old", "")]
        {
            let gone = uid(gone);
            match cause {
                "deactivate" => drop(h.delete_with("/users", json!({"uidsToDeactivate": [gone]})).await.ok()),
                "delete" => drop(h.delete(&format!("/users/{gone}")).await.ok()),
                _ => drop(h.delete_with(&format!("/users/{gone}"), json!({"permanent": true})).await.ok()),
            }
            members -= 1;
            let group = h.get(&format!("/groups/{guid}")).await.ok();
            let list = h.get(&format!("/groups/{guid}/members")).await.list();
            assert_eq!((&group["membersCount"], list.len()), (&json!(members), members), "{cause} {gone}");
            if heir.is_empty() {
                assert_eq!(group["owner"], "app_system", "{cause}");
                continue;
            }
            assert_eq!(group["owner"], uid(heir), "{cause}");
            let scope = list.iter().find(|member| member["uid"] == uid(heir)).map(|member| member["scope"].clone());
            assert_eq!(scope, Some(json!("admin")), "{cause}");
            // Who becomes an admin by it is announced as one.
            if heir == "young" {
                let frame = sock.expect_action("scopeChanged").await;
                let (on, by) = (&frame["body"]["data"]["entities"]["on"]["entity"]["uid"], &frame["sender"]);
                assert_eq!((on, by), (&json!(uid("young")), &json!("app_system")));
            }
        }
        if cause == "deactivate" {
            h.put("/users", json!({"uidsToActivate": [uid("old")]})).await.ok();
            assert_eq!(h.get(&format!("/groups/{guid}")).await.ok()["membersCount"], 1);
        }
    }
}

#[tokio::test]
async fn names_and_texts_that_show_nothing_are_empty() {
    let h = Harness::start().await;
    let (ann, _bob) = (h.user("ann").await, h.user("bob").await);
    for nothing in [" ", "\u{200B}", "\u{FEFF}\u{2060}", "\u{3164}", "\u{1}", "\u{FE0F}"] {
        h.post("/users", json!({"uid": "cy", "name": nothing})).await.refused(Code::BadRequest);
        h.put("/users/ann", json!({"name": nothing})).await.refused(Code::BadRequest);
        h.post("/groups", json!({"guid": "team", "name": nothing, "type": "public"})).await.refused(Code::BadRequest);
        h.post("/roles", json!({"role": "staff", "name": nothing})).await.refused(Code::BadRequest);
        let text = crate::harness::text_to("user", "bob", nothing);
        ann.post("/messages", text).await.refused(Code::EmptyText);
        let custom = json!({"receiver": "bob", "receiverType": "user", "category": "custom", "type": nothing,
                            "data": {"customData": {}}});
        ann.post("/messages", custom).await.refused(Code::EmptyType);
    }
}

#[tokio::test]
async fn a_list_followed_by_its_cursor_skips_no_group_of_one_second() {
    let h = Harness::start().await;
    for n in 0..17 {
        h.post("/groups", json!({"guid": format!("g{n}"), "name": format!("{}", 99 - n), "type": "public"})).await.ok();
        if n % 6 == 5 {
            h.clock.advance(1);
        }
    }
    h.put("/groups/g3", json!({"name": "again"})).await.ok();
    for (affix, start) in [("append", "&updatedAt=0"), ("append", ""), ("prepend", "&updatedAt=9999999999")] {
        let mut seen = Vec::new();
        let mut from = start.to_owned();
        for _ in 0..20 {
            let page = h.get(&format!("/groups?perPage=4&affix={affix}{from}")).await;
            let cursor = page.body["meta"]["cursor"]["updatedAt"].clone();
            let guids = page.each("guid");
            if guids.is_empty() {
                break;
            }
            seen.extend(guids);
            from = format!("&updatedAt={cursor}");
        }
        assert_eq!(seen.len(), 17, "{affix}: {seen:?}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 17, "{affix}");
    }
}

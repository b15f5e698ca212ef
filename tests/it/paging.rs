//! Pages: walked in both directions, nothing is missed and nothing comes twice, whatever happens meanwhile.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{Client, Harness, id_of};

/// Walks by the cursor the server gives, as clients do: `id` and `sentAt` of the edge of the last page.
async fn walk(client: &Client, path: &str, affix: &str, limit: usize) -> Vec<i64> {
    // Forward from before everything, backward from the newest.
    let start = if affix == "append" { "&id=0" } else { "" };
    let (mut found, mut cursor) = (Vec::new(), start.to_owned());
    loop {
        let answer = client.get(&format!("{path}?per_page={limit}&affix={affix}&categories=message{cursor}")).await;
        let edge = answer.body["meta"]["cursor"].clone();
        let current = answer.body["meta"]["current"].clone();
        let page: Vec<i64> = answer.list().iter().map(id_of).collect();
        assert!(page.is_sorted_by(|a, b| a < b), "oldest first, in both directions: {page:?}");
        assert_eq!(current, json!({"limit": limit, "count": page.len()}));
        if page.is_empty() {
            return found;
        }
        let expected = if affix == "prepend" { page[0] } else { page[page.len() - 1] };
        assert_eq!(edge["id"].to_string().trim_matches('"'), expected.to_string());
        cursor = format!("&id={expected}&sentAt={}", edge["sentAt"]);
        match affix {
            "prepend" => found.splice(0..0, page),
            _ => found.splice(found.len().., page),
        };
    }
}

#[tokio::test]
async fn messages_forth_and_back() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let (mut direct, mut grouped) = (Vec::new(), Vec::new());
    for n in 0..23 {
        direct.push(id_of(&ann.send("bob", &n.to_string()).await));
        grouped.push(id_of(&bob.send_group("team", &n.to_string()).await));
        // Several in one second: the id decides, not the time.
        if n % 5 == 0 {
            h.clock.advance(1);
        }
    }
    for limit in [1, 7, 23, 100] {
        for affix in ["prepend", "append"] {
            assert_eq!(walk(&bob, "/users/ann/messages", affix, limit).await, direct, "{affix} {limit}");
            assert_eq!(walk(&ann, "/groups/team/messages", affix, limit).await, grouped, "{affix} {limit}");
        }
    }
    let mut all: Vec<i64> = direct.iter().chain(&grouped).copied().collect();
    all.sort_unstable();
    assert_eq!(walk(&ann, "/messages", "prepend", 10).await, all);
    let first = ann.get("/groups/team/messages").await;
    assert_eq!(first.body["meta"]["current"]["limit"], 10);
    assert_eq!(first.list().len(), 10);
    // More than there may be is cut, less is refused.
    assert_eq!(ann.get("/messages?limit=5000").await.body["meta"]["current"]["limit"], 1000);
    ann.get("/messages?limit=-1").await.refused(Code::BadRequest);
    // An empty page needs no cursor.
    let end = ann.get(&format!("/users/bob/messages?affix=append&id={}", direct[22])).await;
    assert_eq!(end.list(), Vec::<Value>::new());
}

#[tokio::test]
async fn going_back_while_new_ones_come() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut before = Vec::new();
    for n in 0..10 {
        before.push(id_of(&ann.send("bob", &n.to_string()).await));
    }
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = bob.get(&format!("/users/ann/messages?affix=prepend&limit=3{cursor}")).await.list();
        if page.is_empty() {
            break;
        }
        let ids: Vec<i64> = page.iter().map(id_of).collect();
        cursor = format!("&id={}", ids[0]);
        found.splice(0..0, ids);
        ann.send("bob", "meanwhile").await;
    }
    assert_eq!(found, before);
}

#[tokio::test]
async fn numbered_pages_cover_every_list() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let uids: Vec<String> = (0..7).map(|n| format!("u{n}")).collect();
    for uid in &uids {
        let user = h.user(uid).await;
        user.send("ann", "hi").await;
        h.post("/users/ann/friends", json!({"accepted": [uid]})).await.ok();
        h.post("/roles", json!({"role": uid, "name": uid})).await.ok();
        h.post("/apikeys", json!({"name": uid, "scope": "authOnly"})).await.ok();
        h.post("/groups", json!({"guid": format!("g-{uid}"), "name": "same", "owner": "ann"})).await.ok();
        h.log_in("ann").await;
    }
    h.post("/groups/g-u0/members", json!({"participants": uids[..4], "usersToBan": uids[4..]})).await.ok();
    ann.post("/blockedusers", json!({"blockedUids": uids[5..]})).await.ok();
    for (client, path, id, total) in [
        (&**h, "/users", "uid", 8),
        (&**h, "/groups", "guid", 7),
        (&**h, "/roles", "role", 8),
        (&**h, "/apikeys", "name", 9),
        (&**h, "/users/ann/friends", "uid", 7),
        (&**h, "/users/ann/auth_tokens", "authToken", 8),
        (&**h, "/groups/g-u0/members", "uid", 5),
        (&**h, "/groups/g-u0/bannedusers", "uid", 3),
        (&**h, "/users/ann/blockedusers", "uid", 2),
        (&*ann, "/conversations?includeBlockedUsers=1", "conversationId", 8),
        (&*ann, "/users?friendsOnly=1", "uid", 7),
        (&*ann, "/groups?hasJoined=1", "guid", 7),
    ] {
        let (mut found, pages) = (Vec::new(), usize::div_ceil(total, 3));
        let and = if path.contains('?') { '&' } else { '?' };
        for page in 1..20 {
            let answer = client.get(&format!("{path}{and}per_page=3&page={page}")).await;
            let meta = answer.body["meta"]["pagination"].clone();
            let items = answer.each(id);
            let count = items.len();
            assert_eq!(
                meta,
                json!({"total": total, "count": count, "per_page": 3, "current_page": page, "total_pages": pages}),
                "{path}"
            );
            if items.is_empty() {
                break;
            }
            found.extend(items);
        }
        assert_eq!(found.len(), total, "{path}: {found:?}");
        if id != "authToken" {
            let distinct: std::collections::HashSet<&String> = found.iter().collect();
            assert_eq!(distinct.len(), total, "{path}: {found:?}");
        }
        // The most there may be, and beyond the end.
        assert_eq!(
            client.get(&format!("{path}{and}perPage=100000")).await.body["meta"]["pagination"]["per_page"],
            1000
        );
        assert!(client.get(&format!("{path}{and}page=9223372036854775807")).await.list().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn replies_come_by_page_as_well() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let parent = id_of(&ann.send("bob", "?").await);
    let mut replies = Vec::new();
    for n in 0..5 {
        let body = json!({"receiver": "bob", "receiverType": "user", "data": {"text": n.to_string()}});
        replies.push(id_of(&ann.post(&format!("/messages/{parent}/thread"), body).await.ok()).to_string());
    }
    // The newest come first, oldest first within a page.
    for (page, expected) in [(1, &replies[3..]), (2, &replies[1..3]), (3, &replies[..1]), (4, &replies[..0])] {
        let answer = bob.get(&format!("/messages/{parent}/thread?perPage=2&page={page}")).await;
        let meta = answer.body["meta"]["pagination"].clone();
        let count = expected.len();
        assert_eq!(meta, json!({"total": 5, "count": count, "per_page": 2, "current_page": page, "total_pages": 3}));
        assert_eq!(answer.each("id"), expected);
    }
    let all = h.get("/users/bob/messages?perPage=4&page=1").await;
    assert_eq!(all.body["meta"]["pagination"]["total"], 6);
    assert_eq!(all.each("id"), replies[1..]);
    // With a cursor the page number means nothing, and far pages are for cursors.
    let older = bob.get(&format!("/messages/{parent}/thread?page=3&limit=2&affix=prepend&id={}", replies[4])).await;
    assert_eq!(older.body["meta"]["pagination"]["per_page"], 2);
    assert_eq!(older.each("id"), replies[2..4]);
    bob.get(&format!("/messages/{parent}/thread?perPage=1000&page=11")).await.refused(Code::BadRequest);
}

#[tokio::test]
async fn what_is_searched_for_and_what_is_kept_come_by_page_as_well() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(id_of(&ann.send("bob", if n % 2 == 0 { "even" } else { "odd" }).await).to_string());
    }
    // Not in the order they were sent in.
    for at in [3, 0, 6, 2, 5] {
        h.post(&format!("/messages/{}/pin", ids[at]), json!({})).await.ok();
        bob.post(&format!("/messages/{}/save", ids[at]), json!({})).await.ok();
        h.clock.advance(1);
    }
    let kept = [5, 2, 6, 0, 3];
    for (asked, pages) in [
        ("pinned=1", [&kept[..2], &kept[2..4], &kept[4..], &[]]),
        ("saved=1", [&kept[..2], &kept[2..4], &kept[4..], &[]]),
        ("searchKey=even", [&[4, 6][..], &[0, 2], &[], &[]]),
        ("searchKey=even&pinned=1", [&[2, 6][..], &[0], &[], &[]]),
        ("searchKey=even&saved=1", [&[2, 6][..], &[0], &[], &[]]),
    ] {
        let total: usize = pages.iter().map(|page| page.len()).sum();
        for path in ["/messages", "/users/ann/messages"] {
            for (at, page) in pages.iter().enumerate() {
                let answer = bob.get(&format!("{path}?{asked}&perPage=2&page={}", at + 1)).await;
                assert_eq!(answer.body["meta"]["pagination"]["total"], total, "{path} {asked}: {}", answer.text);
                let expected: Vec<&String> = page.iter().map(|&at| &ids[at]).collect();
                assert_eq!(answer.each("id").iter().collect::<Vec<_>>(), expected, "{path} {asked}");
            }
        }
    }
}

/// Clients before 4.2.0 hang without both, on empty pages as well; they stop at the last page.
#[tokio::test]
async fn clients_are_told_whether_more_is_left() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(id_of(&ann.send_group("team", &n.to_string()).await));
    }
    let parent = ids[0];
    let body = json!({"receiver": "team", "receiverType": "group", "data": {"text": "reply"}});
    ann.post(&format!("/messages/{parent}/thread"), body).await.ok();
    let pages = |more: bool, count: i64, limit: i64| {
        json!({"total": count + i64::from(more), "count": count, "per_page": limit, "current_page": 1,
               "total_pages": 1 + i64::from(more)})
    };
    let list = "/groups/team/messages?hideReplies=1&categories=message";
    let (first, last) = (ids[0], ids[4]);
    for (query, more, count) in [
        (format!("{list}&limit=5"), false, 5),
        (format!("{list}&limit=4"), true, 4),
        (format!("{list}&limit=2&affix=append&id={}", ids[2]), false, 2),
        (format!("{list}&limit=2&affix=append&id={}", ids[1]), true, 2),
        (format!("{list}&limit=2&affix=prepend&id={}", ids[2]), false, 2),
        (format!("{list}&limit=2&affix=prepend&id={}", ids[3]), true, 2),
        (format!("{list}&limit=2&searchKey=1"), false, 1),
        (format!("{list}&limit=2&affix=prepend&id={first}"), false, 0),
        (format!("{list}&limit=2&affix=append&id={last}"), false, 0),
        ("/messages?limit=2".to_owned(), true, 2),
        ("/messages?limit=2&affix=append&id=99999999".to_owned(), false, 0),
        ("/users/ann/messages?limit=2".to_owned(), false, 0),
        (format!("/messages/{parent}/thread?limit=2"), false, 1),
        (format!("/messages/{}/thread?limit=2", ids[1]), false, 0),
        ("/messages?pinned=1&limit=2".to_owned(), false, 0),
        ("/messages?conversationId=nowhere_user_bob&limit=2".to_owned(), false, 0),
    ] {
        let page = bob.get(&query).await;
        let meta = page.body["meta"].clone();
        let shown = page.list().len() as i64;
        assert_eq!(shown, count, "{query}");
        assert_eq!(meta["pagination"], pages(more, count, meta["current"]["limit"].as_i64().unwrap()), "{query}");
        assert!(meta["cursor"].is_object(), "{query}");
        assert_eq!(meta["cursor"].get("id").is_some(), count > 0, "{query}");
        // For back ends it is another kind of list.
        let theirs = h.app.behalf("bob").get(&query).await.body["meta"].clone();
        assert!(theirs.get("pagination").or(theirs.get("cursor")).is_none(), "{query}: {theirs}");
        assert_eq!(theirs.get("next").is_some(), count > 0, "{query}: {theirs}");
    }
}

/// Whoever goes on by `meta.next` alone comes through everything, from either end.
#[tokio::test]
async fn next_leads_through_the_whole_list() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    let mut sent = Vec::new();
    for n in 0..7 {
        sent.push(id_of(&ann.send("bob", &n.to_string()).await));
        h.clock.advance(1);
    }
    let at = h.get(&format!("/messages/{}", sent[2])).await.ok()["sentAt"].clone();
    for (start, expected) in [
        (String::new(), &sent[..]),
        ("&affix=append".to_owned(), &sent[..]),
        // A point without a direction: what comes after it.
        (format!("&id={}", sent[2]), &sent[3..]),
        ("&id=0".to_owned(), &sent[..]),
        (format!("&sentAt={at}"), &sent[3..]),
        (format!("&updatedAt={at}"), &sent[3..]),
        (format!("&affix=prepend&sentAt={at}"), &sent[..2]),
    ] {
        let (mut found, mut point) = (Vec::new(), start.clone());
        loop {
            let page = h.get(&format!("/users/bob/messages?limit=3{point}")).await;
            let next = page.body["meta"]["next"].clone();
            let ids: Vec<i64> = page.list().iter().map(id_of).collect();
            assert_eq!(next.is_null(), ids.is_empty(), "{start}");
            if ids.is_empty() {
                break;
            }
            found.extend(ids);
            point = format!("&affix={}&id={}", next["affix"].as_str().unwrap(), next["id"].as_str().unwrap());
        }
        found.sort_unstable();
        assert_eq!(found, expected, "{start}");
    }
}

/// Lists are bounded wherever they stand, and the refusal names them. What is searched for is no list.
#[tokio::test]
async fn long_lists_are_refused_by_name() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let list = |count: usize| vec!["x"; count].join(",");
    for (path, name) in [("/users", "tags"), ("/users", "uids"), ("/groups", "tags"), ("/conversations", "tags")] {
        ann.get(&format!("{path}?{name}={}", list(250))).await.ok();
        let refused = ann.get(&format!("{path}?{name}={}", list(251))).await;
        refused.refused(Code::BadRequest);
    }
    ann.get(&format!("/users?{}", vec!["tags[]=x"; 251].join("&"))).await.refused(Code::BadRequest);
    ann.get(&format!("/users?searchKey={}", list(300))).await.ok();
}

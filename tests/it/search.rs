//! Search in messages: complete at any moment, whether the index has caught up or not.

use hobnob::store::search;
use serde_json::json;

use crate::harness::{Harness, User, id_of};

/// Puts everything into the index, a few at a time.
async fn index(h: &Harness) {
    while !h.store.write("it", |tx| search::index(tx, 3)).await.expect("indexes") {}
}

/// Texts found, oldest first.
async fn found(user: &User, path: &str, words: &str, more: &str) -> Vec<String> {
    let words: String = words.bytes().map(|b| format!("%{b:02x}")).collect();
    let page = user.get(&format!("{path}?limit=100&searchKey={words}{more}")).await.list();
    page.iter().map(|message| message["data"]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn what_was_said_is_found_before_and_after_it_is_indexed() {
    let h = Harness::start().await;
    let (ann, bob, eve) = (h.user("ann").await, h.user("bob").await, h.user("eve").await);
    for text in ["Crème brûlée recipe", "the cream is bad", "今天天气很好", "ship it 🚀", "see https://a.example"]
    {
        ann.send("bob", text).await;
    }
    eve.send("ann", "cream between eve and ann").await;
    let edited = id_of(&bob.send("ann", "nothing of note").await);
    let deleted = id_of(&bob.send("ann", "cream that will go").await);
    for round in 0..3 {
        let with_bob = "/users/bob/messages";
        assert_eq!(found(&ann, with_bob, "creme", "").await, ["Crème brûlée recipe"], "{round}");
        assert_eq!(found(&ann, with_bob, "CRE bru", "").await, ["Crème brûlée recipe"]);
        assert_eq!(found(&ann, with_bob, "天气", "").await, ["今天天气很好"]);
        assert_eq!(found(&ann, with_bob, "🚀", "").await, ["ship it 🚀"]);
        assert_eq!(found(&ann, with_bob, "see", "&hasLinks=1").await, ["see https://a.example"]);
        for odd in ["\"", "*", "NEAR(", "words:", "a AND", "(((", "'; --", "\u{E001}1", "^x", "-"] {
            found(&ann, with_bob, odd, "").await;
        }
        let everywhere = found(&ann, "/messages", "cream", "").await;
        assert!(everywhere.contains(&"cream between eve and ann".to_owned()));
        let of_bob = found(&bob, "/messages", "cream", "").await;
        assert!(of_bob.contains(&"the cream is bad".to_owned()) && !of_bob.iter().any(|text| text.contains("eve")));
        assert_eq!(found(&ann, "/messages", "cream", "&sender=eve").await, ["cream between eve and ann"]);
        let gone = of_bob.contains(&"cream that will go".to_owned());
        let changed = found(&bob, "/messages", "cheesecake", "").await;
        match round {
            0 => {
                assert!(gone && changed.is_empty());
                index(&h).await;
                assert_eq!(
                    h.count("SELECT count(*) FROM messages WHERE id > (SELECT indexed_id FROM search_state)"),
                    0
                );
            }
            1 => {
                bob.put(&format!("/messages/{edited}"), json!({"data": {"text": "cheesecake"}})).await.ok();
                bob.delete(&format!("/messages/{deleted}")).await.ok();
                assert_eq!(found(&bob, "/messages", "cheesecake", "").await, ["cheesecake"]);
                assert!(found(&bob, "/messages", "note", "").await.is_empty());
                index(&h).await;
            }
            _ => assert!(!gone && changed == ["cheesecake"]),
        }
    }
    h.stop().await;
}

#[tokio::test]
async fn pages_of_a_search_meet_without_gap() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut ids = Vec::new();
    for n in 0..25 {
        ids.push(id_of(&ann.send("bob", &format!("tea number {n}")).await).to_string());
        ann.send("bob", "coffee").await;
        if n == 12 {
            index(&h).await;
        }
    }
    for affix in ["prepend", "append"] {
        let mut cursor = String::new();
        let mut seen: Vec<String> = Vec::new();
        loop {
            let path = format!("/users/ann/messages?searchKey=tea&limit=4&affix={affix}{cursor}");
            let page = bob.get(&path).await.each("id");
            let edge = if affix == "prepend" { page.first() } else { page.last() };
            let Some(edge) = edge else { break };
            cursor = format!("&id={edge}");
            if affix == "prepend" {
                seen.splice(0..0, page);
            } else {
                seen.extend(page);
            }
        }
        assert_eq!(seen, ids, "{affix}");
    }
    h.stop().await;
}

/// Words that begin alike are told apart, however many lie between: first those nearest are looked at, then the index
/// is asked for the whole word.
#[tokio::test]
async fn a_rare_word_is_found_among_many_that_begin_like_it() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut ids = Vec::new();
    for n in 0..search::LOOKS + 60 {
        let rare = n == 3 || n == 7 || n % 50 == 49;
        let text = if rare { format!("catapult {n}") } else { format!("catalogue {n}") };
        let id = id_of(&ann.send("bob", &text).await).to_string();
        if rare {
            ids.push(id);
        }
    }
    index(&h).await;
    for (who, path) in [(&ann, "/users/bob/messages"), (&bob, "/messages"), (&bob, "/users/ann/messages")] {
        for affix in ["prepend", "append"] {
            for limit in [2, 100] {
                let mut cursor = String::new();
                let mut seen: Vec<String> = Vec::new();
                loop {
                    let path = format!("{path}?searchKey=catapu&limit={limit}&affix={affix}{cursor}");
                    let page = who.get(&path).await.each("id");
                    let edge = if affix == "prepend" { page.first() } else { page.last() };
                    let Some(edge) = edge else { break };
                    cursor = format!("&id={edge}");
                    let at = if affix == "prepend" { 0 } else { seen.len() };
                    seen.splice(at..at, page);
                }
                assert_eq!(seen, ids, "{path} {affix} {limit}");
            }
        }
    }
    assert!(found(&bob, "/messages", "catapult cat", "").await.len() == ids.len());
    assert!(found(&bob, "/messages", "catapulted", "").await.is_empty());
    h.stop().await;
}

#[tokio::test]
async fn files_are_found_by_name_and_by_type() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let file = |name: &str, kind: &str, mime: &str| {
        json!({"receiver": "bob", "receiverType": "user", "type": kind,
            "data": {"attachments": [{"name": name, "mimeType": mime, "extension": "x", "url": "https://x.example/f"}]}})
    };
    ann.send("bob", "plain").await;
    ann.post("/messages", file("Holiday Plan.pdf", "file", "application/pdf")).await.ok();
    ann.post("/messages", file("beach.png", "image", "image/png")).await.ok();
    for _ in 0..2 {
        assert_eq!(bob.get("/users/ann/messages?searchKey=holiday").await.each("type"), ["file"]);
        assert_eq!(bob.get("/users/ann/messages?attachmentTypes=image,video").await.each("type"), ["image"]);
        assert_eq!(bob.get("/users/ann/messages?hasAttachments=1").await.each("type"), ["file", "image"]);
        assert_eq!(bob.get("/messages?hasAttachments=1&searchKey=plan").await.each("type"), ["file"]);
        index(&h).await;
    }
    h.stop().await;
}

/// By any word of a name or an id, whatever its case, marks and script, wherever people and groups are listed.
#[tokio::test]
async fn people_and_groups_are_found_by_any_word_of_their_names() {
    let h = Harness::start().await;
    let names = [
        ("zed_quartz", "Zed Quartz Miller"),
        ("olga-1", "Ольга Ёлкина"),
        ("elo", "Élodie D'Arc"),
        ("ode", "ΟΔΥΣΣΕΎΣ"),
        ("muh", "مُحَمَّد أحمد"),
        ("lod", "Łukasz Straße"),
        ("wei", "天气王"),
        ("odd", "!!! 100%_\\ \"x'"),
    ];
    let ann = h.user("ann").await;
    let mut members = Vec::new();
    for (uid, name) in names {
        h.post("/users", json!({"uid": uid, "name": name})).await.ok();
        h.post("/groups", json!({"guid": format!("g_{uid}"), "name": name, "type": "public"})).await.ok();
        members.push(uid);
    }
    h.post("/groups", json!({"guid": "all", "name": "all", "type": "public", "owner": "ann"})).await.ok();
    h.post("/groups/all/members", json!({"participants": members})).await.ok();
    h.post("/users/ann/friends", json!({"accepted": members})).await.ok();
    for uid in members {
        ann.send(uid, "hi").await;
    }
    let key = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    for (asked, uid) in [
        ("Miller", "zed_quartz"),
        ("mil qua", "zed_quartz"),
        ("zed quartz m", "zed_quartz"),
        ("ольга", "olga-1"),
        ("ЕЛК", "olga-1"),
        ("elodie", "elo"),
        ("arc", "elo"),
        ("d'a", "elo"),
        ("οδυσσευς", "ode"),
        ("محمد", "muh"),
        ("احمد", "muh"),
        ("lukasz", "lod"),
        ("STRASSE", "lod"),
        ("气", "wei"),
        ("100%", "odd"),
        ("!!!", "odd"),
    ] {
        let asked = key(asked);
        for (path, of) in [("/users", "uid"), ("/groups/all/members", "uid"), ("/users/ann/friends", "uid")] {
            assert_eq!(h.get(&format!("{path}?searchKey={asked}")).await.each(of), [uid], "{path} {asked}");
        }
        assert_eq!(h.get(&format!("/groups?searchKey={asked}")).await.each("guid"), [format!("g_{uid}")]);
        assert_eq!(h.get(&format!("/users?searchKey={asked}&searchIn=name")).await.each("uid"), [uid]);
    }
    // By words of the id, by all of it, and not by what is inside a word.
    for (asked, uids) in
        [("quartz", &["zed_quartz"][..]), ("zed_quartz", &["zed_quartz"]), ("olga-1", &["olga-1"]), ("artz", &[])]
    {
        assert_eq!(h.get(&format!("/users?searchKey={asked}")).await.each("uid"), uids, "{asked}");
    }
    assert_eq!(h.get("/users?searchKey=miller&searchIn=uid").await.each("uid"), Vec::<String>::new());
    // Odd keys are keys.
    for odd in ["%", "_", "\\", "\"", "'", "*", "(", "%_", "\u{10FFFF}", "\u{E000}", "a\u{0}b", "' OR 1=1 --"] {
        for path in ["/users", "/groups", "/groups/all/members", "/users/ann/friends"] {
            h.get(&format!("{path}?searchKey={}", key(odd))).await.ok();
        }
    }
    // Renamed and gone.
    h.put("/users/elo", json!({"name": "Zoë"})).await.ok();
    h.put("/groups/g_elo", json!({"name": "Zoë"})).await.ok();
    assert_eq!(h.get("/users?searchKey=elodie").await.each("uid"), Vec::<String>::new());
    assert_eq!(h.get("/users?searchKey=zoe").await.each("uid"), ["elo"]);
    assert_eq!(h.get("/groups?searchKey=zoe").await.each("guid"), ["g_elo"]);
    assert_eq!(h.get("/groups?searchKey=elodie").await.each("guid"), Vec::<String>::new());
    h.delete_with("/users/elo", json!({"permanent": true})).await.ok();
    h.delete("/groups/g_elo").await.ok();
    h.snapshot().await;
    assert_eq!(h.get("/users?searchKey=zoe").await.each("uid"), Vec::<String>::new());
    assert_eq!(h.get("/groups?searchKey=zoe").await.each("guid"), Vec::<String>::new());
    let words =
        "SELECT count(*) FROM name_words w WHERE NOT EXISTS (SELECT 1 FROM users u WHERE w.kind < 2 AND u.id = w.id)
                 AND NOT EXISTS (SELECT 1 FROM groups g WHERE w.kind > 1 AND g.id = w.id)";
    assert_eq!(h.count(words), 0, "no word of who is gone stays");
}

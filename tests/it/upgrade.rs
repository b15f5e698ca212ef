//! A database of before opens, and what two conversations of one name had shared is told apart: nobody reads what
//! strangers wrote.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::harness::{App, Client, Process, hobnob, temp_dir};

/// As the first release with schema 1 left it.
const SCHEMA_1: &[u8] = include_bytes!("fixtures/schema-1.db.gz");
const APP: &str = "5703e37cf4ddfd6b";
const PAIRS: &str = "app_user_a_user_app_user_z";
const MIXED: &str = "group_zed_user_yak";

fn kept(data: &Path, change: impl FnOnce(&rusqlite::Connection)) {
    let path = data.join("hobnob.db");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(SCHEMA_1).read_to_end(&mut bytes).expect("unpacks");
    std::fs::write(&path, bytes).expect("written");
    change(&rusqlite::Connection::open(path).expect("opens"));
}

fn start(data: &Path) -> (Process, App) {
    // A server of the old schema may still run: tools leave the database as it is.
    let tool = hobnob(data, &["app", "list"]);
    let said = String::from_utf8_lossy(&tool.stderr).into_owned();
    assert!(!tool.status.success() && said.contains("older Hobnob (schema 1)"), "{said}");
    assert!(!data.join("hobnob.schema-1.db").exists());
    let process = Process::start(data, &[]);
    let made = hobnob(data, &["key", "create", APP, "it", "--scope", "fullAccess", "--json"]);
    assert!(made.status.success(), "{made:?}");
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let key = made["apiKey"].as_str().expect("a key").to_owned();
    let app = App::new(&process.site, APP, &key, &key);
    (process, app)
}

fn said(list: &[Value]) -> Vec<&str> {
    list.iter().map(|message| message["data"]["text"].as_str().unwrap_or_default()).collect()
}

/// Every text this user can come upon, by list and by search, with the lists in full.
async fn sees(who: &Client) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in ["/messages?limit=1000", "/messages?limit=1000&searchKey=a", "/messages?limit=1000&searchKey=to"] {
        found.extend(said(&who.get(path).await.list()).iter().map(|text| (*text).to_owned()));
    }
    for conversation in who.get("/conversations").await.list() {
        found.extend(conversation["lastMessage"]["data"]["text"].as_str().map(str::to_owned));
    }
    found.sort();
    found.dedup();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_pairs_had_shared_is_told_apart() {
    let dir = temp_dir();
    kept(dir.path(), |_| {});
    let (process, app) = start(dir.path());
    let (one, answer) = ("between app_user_a and app_user_z", "an answer of app_user_z");
    let (out, back) = ("z to a stranger", "the stranger to z");
    let people = [
        ("app_user_a", "app_user_z", [one, answer]),
        ("app_user_z", "app_user_a", [one, answer]),
        ("z", "app_user_a_user_app", [out, back]),
        ("app_user_a_user_app", "z", [out, back]),
    ];
    for (uid, peer, heard) in people {
        let who = app.behalf(uid);
        let mut all = sees(&who).await;
        all.sort_by_key(|text| heard.iter().position(|known| known == text));
        assert_eq!(all, heard, "{uid}");
        assert_eq!(said(&who.get(&format!("/users/{peer}/messages")).await.list()), heard, "{uid}");
        let conversations = who.get("/conversations").await.list();
        assert_eq!(conversations.len(), 1, "{uid}");
        let conversation = &conversations[0];
        assert_eq!(conversation["conversationId"], PAIRS);
        assert_eq!(conversation["conversationWith"]["uid"], peer);
        // One of each is the user's own, none is read.
        assert_eq!(conversation["unreadMessageCount"], "1", "{uid}: {conversation}");
        assert_eq!(conversation["lastMessage"]["data"]["text"], heard[1], "{uid}");
        who.post(&format!("/users/{peer}/conversation/read"), serde_json::json!({})).await.ok();
        assert_eq!(who.get(&format!("/conversations/{PAIRS}")).await.ok()["unreadMessageCount"], "0", "{uid}");
    }
    for (uid, peer, _) in people {
        let who = app.behalf(uid);
        who.post("/messages", crate::harness::text_to("user", peer, "and on")).await.ok();
        let there = app.behalf(peer).get(&format!("/conversations/{PAIRS}")).await.ok();
        assert_eq!(there["unreadMessageCount"], "1", "{uid}");
        app.behalf(peer).post(&format!("/users/{uid}/conversation/read"), serde_json::json!({})).await.ok();
    }
    process.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_group_and_a_pair_had_shared_is_told_apart() {
    let dir = temp_dir();
    kept(dir.path(), |_| {});
    let (process, app) = start(dir.path());
    let (inside, direct) = ("inside the group", "group_zed to yak");
    let mira = app.behalf("mira");
    assert_eq!(said(&mira.get("/groups/zed_user_yak/messages").await.list()), [inside]);
    assert!(!sees(&mira).await.iter().any(|text| text == direct));
    assert_eq!(mira.get("/groups/zed_user_yak/conversation").await.ok()["unreadMessageCount"], "0");
    for (uid, peer, unread) in [("group_zed", "yak", "0"), ("yak", "group_zed", "1")] {
        let who = app.behalf(uid);
        assert_eq!(sees(&who).await, [direct], "{uid}");
        assert_eq!(said(&who.get(&format!("/users/{peer}/messages")).await.list()), [direct]);
        let conversation = who.get(&format!("/conversations/{MIXED}")).await.ok();
        assert_eq!(
            (&conversation["conversationType"], &conversation["unreadMessageCount"]),
            (&"user".into(), &unread.into())
        );
    }
    // Nothing else has changed hands.
    let tomas = app.behalf("tomas");
    let talk = tomas.get("/users/mira/messages?categories=message").await.list();
    assert_eq!(talk.len(), 8);
    assert_eq!((said(&talk)[0], &talk[0]["replyCount"]), ("Good morning", &2.into()));
    process.stop();
}

/// What hangs on such messages: replies, quotes, reactions, saved copies, deleted ones, calls, somebody who is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hangs_on_them_goes_with_them_or_is_cut() {
    let dir = temp_dir();
    kept(dir.path(), |database| {
        database
            .execute_batch(
                "-- The first of the pair replies to a stranger, a stranger quotes the first, and wrote what was deleted.
                 UPDATE messages SET reply_count = 2, last_reply_at = sent_at WHERE id = 29;
                 INSERT INTO messages (id, app, conv_id, sender_id, category, type, data, sent_at, updated_at, parent_id, quoted_id, deleted_at, seq)
                 VALUES (40, 1, 6, 7, 'message', 'text', '{\"text\":\"a reply of a\"}', 1795855098, 1795855098, 29, NULL, NULL, 5),
                        (41, 1, 6, 10, 'message', 'text', '{\"text\":\"a reply of the stranger\"}', 1795855098, 1795855098, 29, 27, NULL, 6),
                        (42, 1, 6, 9, 'message', 'text', '{}', 1795855098, 1795855098, NULL, NULL, 1795855099, 7),
                        (43, 1, 6, 6, 'message', 'text', '{\"text\":\"to somebody who is gone\"}', 1795855098, 1795855098, NULL, NULL, NULL, 8),
                        (44, 1, 6, 9, 'call', 'audio', '{\"action\":\"initiated\"}', 1795855098, 1795855098, NULL, NULL, NULL, 8);
                 INSERT INTO calls (id, app, session_id, conv_id, initiator_id, callee_id, type, status, initiated_at, ended_at)
                 VALUES (9, 1, 'x', 6, 9, 10, 'audio', 'ended', 1795855098, 1795855098);
                 INSERT INTO call_participants (call_id, user_id, state) VALUES (9, 9, 'ended'), (9, 10, 'ended');
                 UPDATE messages SET subject_id = 9 WHERE id = 44;
                 INSERT INTO holes VALUES (6, 7, 9);
                 INSERT INTO reactions (message_id, user_id, reaction, reacted_at) VALUES (29, 8, 'x', 1795855098), (29, 10, 'y', 1795855098);
                 INSERT INTO saved_messages VALUES (8, 29, 1795855098);
                 UPDATE conversations SET last_id = 44, preview_id = 44, total = 8 WHERE id = 6;
                 UPDATE participants SET own_total = 2 WHERE conv_id = 6 AND user_id = 7;",
            )
            .expect("the fixture takes it");
    });
    let (process, app) = start(dir.path());
    let (a, b, z, stranger) =
        (app.behalf("app_user_a"), app.behalf("app_user_z"), app.behalf("z"), app.behalf("app_user_a_user_app"));
    let of = |who: &Client, peer: &str| {
        let (who, path) = (who.clone(), format!("/users/{peer}/messages?categories=message"));
        async move { who.get(&path).await.list() }
    };
    let first = of(&b, "app_user_a").await;
    assert_eq!(said(&first), ["between app_user_a and app_user_z", "an answer of app_user_z", "a reply of a"]);
    assert_eq!(first[2]["parentId"], Value::Null);
    assert_eq!(b.get(&format!("/conversations/{PAIRS}")).await.ok()["unreadMessageCount"], "2");
    assert_eq!(b.get("/messages?saved=1").await.list(), Vec::<Value>::new());
    let second = of(&z, "app_user_a_user_app").await;
    assert_eq!(said(&second), ["z to a stranger", "the stranger to z", "a reply of the stranger", ""]);
    let (root, reply) = (&second[0], &second[2]);
    assert_eq!((&root["replyCount"], &reply["parentId"]), (&1.into(), &root["id"]));
    assert_eq!((&reply["quotedMessageId"], &reply["quotedMessage"]), (&Value::Null, &Value::Null));
    assert_eq!(root["data"]["reactions"].as_array().map(Vec::len), Some(1), "{root}");
    let shown = stranger.get(&format!("/conversations/{PAIRS}")).await.ok();
    // "z to a stranger" only: what was deleted is not unread, a call never was.
    assert_eq!((&shown["unreadMessageCount"], &shown["lastMessage"]["category"]), (&"1".into(), &"call".into()));
    assert_eq!(z.get("/calls").await.list().len(), 1);
    for who in [&a, &b, &z, &stranger, &app.behalf("yuki"), &app] {
        let all = who.get("/messages?limit=1000").await.text;
        assert!(!all.contains("who is gone"), "{all}");
    }
    process.stop();
}

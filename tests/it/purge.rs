//! Groups, users and conversations that are deleted for good: gone at once for everybody, their rows removed later in
//! pieces, and nothing of what takes their names over.

use hobnob::actions;
use hobnob::model::Code;
use hobnob::model::caller::Caller;
use hobnob::model::group::{GroupDraft, GroupProfile, GroupType, MemberLists};
use hobnob::model::ids::Guid;
use hobnob::model::json::Object;
use hobnob::model::limits::Limits;
use hobnob::model::message::{Ask, Draft};
use hobnob::model::role::Role;
use hobnob::model::time::Clock;
use hobnob::store::{Hooks, Store, Write, apps, purge};
use serde_json::{Value, json};

use crate::harness::{Client, Harness, NOW, User, id_of, temp_dir, text_to};

/// Sweeps until nothing is left, in pieces so small that every kind of row is met in the middle.
pub async fn sweep(h: &Harness) {
    while h.store.write("it", |tx| purge::sweep(tx, 3)).await.expect("sweeps") {}
    assert_eq!(
        h.count(
            "SELECT (SELECT count(*) FROM gone_conversations) + (SELECT count(*) FROM gone_groups)
                  + (SELECT count(*) FROM gone_users)"
        ),
        0
    );
}

async fn texts(who: &Client, path: &str) -> Vec<String> {
    let list = who.get(path).await.list();
    list.iter().filter_map(|message| message["data"]["text"].as_str().map(str::to_owned)).collect()
}

async fn reply(user: &User, parent: i64, guid: &str, text: &str) -> i64 {
    id_of(&user.post(&format!("/messages/{parent}/thread"), text_to("group", guid, text)).await.ok())
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[tokio::test]
async fn a_group_is_gone_at_once_and_its_namesake_keeps_what_is_said() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let parent = id_of(&ann.send_group("team", "old question").await);
    let answer = reply(&bob, parent, "team", "old answer").await;
    for n in 0..8 {
        let id = id_of(&ann.send_group("team", &format!("old {n}")).await);
        bob.post(&format!("/messages/{id}/reactions/x"), json!({})).await.ok();
    }
    bob.post("/groups/team/conversation/read", json!({})).await.ok();
    bob.post(&format!("/messages/{parent}/saved"), json!({})).await;
    let body = json!({"receiver": "team", "receiverType": "group", "type": "audio"});
    ann.post("/calls", body.clone()).await.ok();
    h.put("/conversations/pinned", json!({"conversationIds": ["group_team"]})).await.ok();
    ann.send("bob", "between us").await;
    let mut sock = bob.connect().await;

    ann.delete("/groups/team").await.ok();
    // Twice: as it is right after, and when its rows are gone.
    for _ in 0..2 {
        for who in [&*ann, &*bob, &**h] {
            who.get("/groups/team").await.refused(Code::GuidNotFound);
            who.get("/groups/team/members").await.refused(Code::GuidNotFound);
            who.get(&format!("/messages/{parent}")).await.refused(Code::MessageNotFound);
            who.get(&format!("/messages/{answer}/reactions")).await.refused(Code::MessageNotFound);
            assert_eq!(texts(who, "/messages").await, ["between us"]);
            assert_eq!(texts(who, "/messages?searchKey=old").await, nothing());
            assert_eq!(who.get("/groups").await.each("guid"), nothing());
            assert_eq!(who.get("/threads").await.list().len(), 0);
            assert_eq!(who.get("/calls").await.list().len(), 0);
        }
        for user in [&ann, &bob] {
            assert_eq!(user.get("/conversations").await.each("conversationId"), ["ann_user_bob"]);
            user.post("/messages", text_to("group", "team", "too late")).await.refused(Code::GuidNotFound);
        }
        assert_eq!(h.get("/conversations/pinned").await.list().len(), 0);
        sweep(&h).await;
    }
    assert_eq!(h.count("SELECT count(*) FROM messages"), 1);
    assert_eq!(
        h.count(
            "SELECT (SELECT count(*) FROM groups) + (SELECT count(*) FROM members) + (SELECT count(*) FROM reactions)
                  + (SELECT count(*) FROM calls) + (SELECT count(*) FROM conversations WHERE group_id IS NOT NULL)"
        ),
        0
    );

    // The same again, with a namesake made before the sweep.
    h.group("team", &ann, &[&bob]).await;
    ann.send_group("team", "old too").await;
    ann.delete("/groups/team").await.ok();
    h.group("team", &bob, &[&ann]).await;
    let first = id_of(&ann.send_group("team", "new").await);
    sock.expect_text("new").await;
    let _ = reply(&ann, first, "team", "new answer").await;
    bob.post("/calls", body).await.ok();
    for _ in 0..2 {
        assert_eq!(texts(&ann, "/groups/team/messages").await, ["new", "new answer"]);
        assert_eq!(texts(&ann, "/messages").await, ["between us", "new", "new answer"]);
        assert_eq!(ann.get("/groups/team/conversation").await.ok()["conversationId"], "group_team");
        assert_eq!(h.get("/groups/team").await.ok()["membersCount"], 2);
        assert_eq!(h.get("/calls").await.list().len(), 1);
        sweep(&h).await;
    }
    assert_eq!(h.count("SELECT count(*) FROM messages WHERE data LIKE '%old%'"), 0);
}

#[tokio::test]
async fn a_retry_is_no_repetition_of_what_is_gone() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let mut body = text_to("group", "team", "once");
    body["muid"] = json!("m1");
    for _ in 0..2 {
        h.group("team", &ann, &[]).await;
        let sent = ann.post("/messages", body.clone()).await.ok();
        assert_eq!(id_of(&ann.post("/messages", body.clone()).await.ok()), id_of(&sent));
        assert_eq!(texts(&ann, "/groups/team/messages").await, ["once"]);
        ann.delete("/groups/team").await.ok();
        ann.get("/user/messages/m1").await.refused(Code::MessageNotFound);
    }
}

#[tokio::test]
async fn a_user_is_gone_at_once_and_his_namesake_is_nobody_yet() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &bob, &[&cy]).await;
    h.post("/groups/team/members", json!({"participants": ["ann"]})).await.ok();
    let question = id_of(&bob.send_group("team", "question").await);
    let kept = reply(&cy, question, "team", "answer of cy").await;
    let gone_reply = reply(&ann, question, "team", "answer of ann").await;
    ann.post(&format!("/messages/{question}/reactions/x"), json!({})).await.ok();
    cy.post(&format!("/messages/{question}/reactions/x"), json!({})).await.ok();
    ann.post("/calls", json!({"receiver": "team", "receiverType": "group", "type": "audio"})).await.ok();
    let call = ann.post("/calls", json!({"receiver": "cy", "receiverType": "user", "type": "audio"})).await;
    assert!(call.status == 200 || call.status < 500);
    ann.send("bob", "to bob").await;
    bob.send("ann", "to ann").await;
    bob.post("/groups/team/conversation/read", json!({})).await.ok();
    for n in 0..8 {
        ann.send_group("team", &format!("mine {n}")).await;
    }
    let sock = ann.connect().await;

    h.delete_with("/users/ann", json!({"permanent": true})).await.ok();
    sock.closed().await;
    for _ in 0..2 {
        for who in [&*bob, &*cy, &**h] {
            who.get("/users/ann").await.refused(Code::UidNotFound);
            who.get(&format!("/messages/{gone_reply}")).await.refused(Code::MessageNotFound);
            assert_eq!(texts(who, "/groups/team/messages?hideReplies=true").await, ["question"]);
            assert_eq!(texts(who, "/messages").await, ["question", "answer of cy"]);
            assert_eq!(texts(who, "/messages?searchKey=mine").await, nothing());
            assert_eq!(texts(who, &format!("/messages/{question}/thread")).await, ["answer of cy"]);
            let seen = who.get(&format!("/messages/{question}")).await.ok();
            assert_eq!(seen["data"]["reactions"][0]["count"], 1, "{seen}");
            assert_eq!(who.get(&format!("/messages/{question}/reactions")).await.each("uid"), ["cy"]);
            assert_eq!(who.get("/calls").await.list().len(), 0);
            let page = who.get("/groups/team/messages").await;
            assert!(!page.text.contains("\"ann\""), "{}", page.text);
        }
        assert_eq!(bob.get("/conversations").await.each("conversationId"), ["group_team"]);
        assert_eq!(h.get("/users?withDeactivated=1").await.each("uid"), ["bob", "cy"]);
        assert_eq!(h.get("/groups/team").await.ok()["membersCount"], 2);
        sweep(&h).await;
    }
    let conversation = bob.get("/groups/team/conversation").await.ok();
    assert_eq!(
        (&conversation["unreadMessageCount"], &conversation["latestMessageId"]),
        (&json!("0"), &json!(kept.to_string()))
    );
    assert_eq!(bob.get(&format!("/messages/{question}")).await.ok()["replyCount"], 1);

    // Again, with a namesake made before the sweep.
    let ann = h.user("ann").await;
    ann.send("bob", "first life").await;
    h.delete_with("/users/ann", json!({"permanent": true})).await.ok();
    let ann = h.user("ann").await;
    assert_eq!(ann.get("/conversations").await.list(), Vec::<Value>::new());
    assert_eq!(bob.get("/conversations").await.each("conversationId"), ["group_team"]);
    ann.send("bob", "second life").await;
    for _ in 0..2 {
        assert_eq!(texts(&bob, "/users/ann/messages").await, ["second life"]);
        assert_eq!(bob.get("/users/ann/conversation").await.ok()["unreadMessageCount"], "1");
        assert_eq!(texts(&ann, "/messages").await, ["second life"]);
        sweep(&h).await;
    }
    assert_eq!(h.count("SELECT count(*) FROM users WHERE system = 0"), 3);
    assert_eq!(h.count("SELECT count(*) FROM messages WHERE data LIKE '%first life%' OR data LIKE '%mine%'"), 0);
}

#[tokio::test]
async fn an_emptied_conversation_starts_anew() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    for n in 0..8 {
        ann.send("bob", &format!("secret {n}")).await;
    }
    h.put("/conversations/pinned", json!({"conversationIds": ["ann_user_bob"]})).await.ok();
    ann.post("/calls", json!({"receiver": "bob", "receiverType": "user", "type": "audio"})).await.ok();
    ann.delete_with("/users/bob/conversation", json!({"deleteMessagesPermanently": true})).await.ok();
    for _ in 0..2 {
        for who in [&*ann, &*bob] {
            assert_eq!(texts(who, "/messages").await, nothing());
            assert_eq!(texts(who, "/messages?searchKey=secret").await, nothing());
            assert_eq!(who.get("/conversations").await.list(), Vec::<Value>::new());
        }
        assert_eq!(texts(&h, "/messages").await, nothing());
        assert_eq!(h.get("/calls").await.list().len(), 1);
        assert_eq!(h.get("/conversations/pinned").await.list().len(), 1);
        sweep(&h).await;
    }
    assert_eq!(h.count("SELECT count(*) FROM messages"), 0);
    assert_eq!(h.count("SELECT count(*) FROM conversations"), 1);
    ann.send("bob", "again").await;
    ann.delete_with("/users/bob/conversation", json!({"deleteMessagesPermanently": true})).await.ok();
    ann.send("bob", "once more").await;
    sweep(&h).await;
    assert_eq!(texts(&bob, "/users/ann/messages").await, ["once more"]);
    assert_eq!(bob.get("/users/ann/conversation").await.ok()["unreadMessageCount"], "1");
}

#[tokio::test]
async fn a_sweep_goes_on_after_a_stop() {
    let folder = temp_dir();
    let open = || {
        let hooks = Hooks::alone(Clock::fixed(NOW));
        Store::open(&folder.path().join("gone.db"), 1, 16, hooks).expect("opens")
    };
    fn play(tx: &mut Write<'_>, ann: &Caller, messages: usize) -> hobnob::model::error::Result<()> {
        let group = GroupDraft {
            guid: Guid::parse("team")?,
            name: "Team".into(),
            kind: GroupType::Public,
            password_hash: None,
            owner: None,
            profile: GroupProfile::default(),
            members: MemberLists::default(),
        };
        actions::groups::create(tx, ann, group, &Limits::default())?;
        for _ in 0..messages {
            let data = Object::parse(r#"{"text":"hello"}"#).expect("an object");
            let ask = Ask { receiver: Some("team"), receiver_type: Some("group"), data, ..Ask::default() };
            actions::messages::send(tx, ann, Draft::parse(ask, &Limits::default())?)?;
        }
        Ok(())
    }
    let store = open();
    let deleted = store.write("it", |tx| {
        let made = actions::apps::create(tx, "App", "us", &Limits::default())?;
        let app = apps::by_app_id(tx, &made.app_id)?.expect("just made");
        let ann = Caller {
            user: app.system_user,
            app,
            uid: "app_system".into(),
            person: false,
            role: Role::free(),
            token: None,
            device: "it".into(),
            answer: None,
        };
        play(tx, &ann, 25)?;
        actions::groups::delete(tx, &ann, &Guid::parse("team")?)?;
        play(tx, &ann, 5)
    });
    deleted.await.expect("deletes");
    let messages = |store: &Store| {
        let store = store.clone();
        async move { store.read(|read| hobnob::store::metrics::messages(read, 1, 0, i64::MAX)).await.expect("counts") }
    };
    assert_eq!(messages(&store).await, 30);
    assert!(store.write("it", |tx| purge::sweep(tx, 10)).await.expect("sweeps"));
    assert_eq!(messages(&store).await, 20);
    store.close();

    let store = open();
    assert!(store.read(purge::any).await.expect("reads"));
    while store.write("it", |tx| purge::sweep(tx, 10)).await.expect("sweeps") {}
    assert_eq!(messages(&store).await, 5);
    assert!(!store.read(purge::any).await.expect("reads"));
    store.close();
}

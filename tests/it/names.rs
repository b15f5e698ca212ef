//! Names of conversations are for the outside: ids may hold what joins them, so that one name stands for several. Inside a
//! conversation is its two users, or its group.

use hobnob::model::error::Code;
use serde_json::{Value, json};

use crate::harness::{App, Client, Harness, User, id_of, text_to};

const PAIRS: &str = "app_user_a_user_app_user_z";
const MIXED: &str = "group_zed_user_yak";

async fn texts(who: &Client, path: &str) -> Vec<String> {
    let list = who.get(path).await.list();
    list.iter().filter_map(|message| message["data"]["text"].as_str().map(str::to_owned)).collect()
}

/// Conversations in the list, with what they show last and how much is unread.
async fn listed(who: &Client) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |one: &Value| {
        (text(&one["conversationId"]), text(&one["lastMessage"]["data"]["text"]), text(&one["unreadMessageCount"]))
    };
    who.get("/conversations").await.list().iter().map(row).collect()
}

fn row(name: &str, last: &str, unread: &str) -> (String, String, String) {
    (name.to_owned(), last.to_owned(), unread.to_owned())
}

async fn four(app: &App) -> [User; 4] {
    [
        app.user("app_user_a").await,
        app.user("app_user_z").await,
        app.user("z").await,
        app.user("app_user_a_user_app").await,
    ]
}

#[tokio::test]
async fn two_pairs_of_one_name_do_not_hear_each_other() {
    let h = Harness::start().await;
    let [a, b, c, d] = four(&h).await;
    let mut socks = [a.connect().await, b.connect().await, c.connect().await, d.connect().await];
    assert_eq!(a.send("app_user_z", "to b").await["conversationId"], PAIRS);
    assert_eq!(c.send("app_user_a_user_app", "to d").await["conversationId"], PAIRS);
    d.send("z", "to c").await;

    socks[1].expect_text("to b").await;
    socks[2].expect_text("to c").await;
    socks[3].expect_text("to d").await;
    for (who, peer, heard) in [
        (&a, "app_user_z", vec!["to b"]),
        (&b, "app_user_a", vec!["to b"]),
        (&c, "app_user_a_user_app", vec!["to d", "to c"]),
        (&d, "z", vec!["to d", "to c"]),
    ] {
        assert_eq!(texts(who, &format!("/users/{peer}/messages")).await, heard);
        assert_eq!(texts(who, "/messages").await, heard);
        // The name means the one of whoever asks.
        assert_eq!(texts(who, &format!("/messages?conversationId={PAIRS}")).await, heard);
        let one = h.behalf(&who.uid).get(&format!("/conversations/{PAIRS}")).await.ok();
        assert_eq!(one["conversationWith"]["uid"], *peer);
    }
    assert_eq!(listed(&b).await, [row(PAIRS, "to b", "1")]);
    assert_eq!(listed(&d).await, [row(PAIRS, "to c", "1")]);

    // To the app it means neither.
    h.get(&format!("/messages?conversationId={PAIRS}")).await.refused(Code::ConversationAmbiguous);
    let pins = json!({"conversationIds": [PAIRS]});
    h.put("/conversations/pinned", pins).await.refused(Code::ConversationAmbiguous);

    // Gone for good, the one gives its place up and leaves the other alone.
    let erase = json!({"deleteMessagesPermanently": true});
    a.delete_with("/users/app_user_z/conversation", erase).await.ok();
    assert_eq!(texts(&b, "/messages").await, Vec::<String>::new());
    assert_eq!(texts(&d, "/messages").await, ["to d", "to c"]);
    a.send("app_user_z", "anew").await;
    assert_eq!(texts(&b, "/users/app_user_a/messages").await, ["anew"]);
    h.behalf("z").delete(&format!("/conversations/{PAIRS}")).await.ok();
    assert_eq!(listed(&b).await, [row(PAIRS, "anew", "1")]);
    assert_eq!(listed(&d).await, []);
}

#[tokio::test]
async fn a_group_and_a_pair_of_one_name_do_not_hear_each_other() {
    let h = Harness::start().await;
    let (zed, yak, mira) = (h.user("group_zed").await, h.user("yak").await, h.user("mira").await);
    // Whichever comes first.
    for (first, guid) in [("pair", "zed_user_yak"), ("group", "zed_user_kim")] {
        let kim = if first == "pair" { yak.clone() } else { h.user("kim").await };
        if first == "pair" {
            zed.send(&kim.uid, "between us").await;
            h.group_of(guid, "private", &mira, &[]).await;
        } else {
            h.group_of(guid, "private", &mira, &[]).await;
            zed.send(&kim.uid, "between us").await;
        }
        mira.send_group(guid, "inside").await;
        assert_eq!(texts(&mira, &format!("/groups/{guid}/messages")).await, ["inside"]);
        assert_eq!(texts(&kim, "/messages").await, ["between us"]);
        assert_eq!(texts(&kim, "/users/group_zed/messages").await, ["between us"]);
        zed.get(&format!("/groups/{guid}/messages")).await.refused(Code::GroupNotJoined);
    }

    // One who has both must say which.
    h.post("/groups/zed_user_yak/members", json!({"participants": ["group_zed"]})).await.ok();
    let path = format!("/conversations/{MIXED}");
    let before = h.snapshot().await;
    h.behalf("group_zed").get(&path).await.refused(Code::ConversationAmbiguous);
    h.behalf("group_zed").delete(&path).await.refused(Code::ConversationAmbiguous);
    zed.get(&format!("/messages?conversationId={MIXED}")).await.refused(Code::ConversationAmbiguous);
    before.still(h.snapshot().await, "an ambiguous name");
    assert_eq!(h.behalf("yak").get(&path).await.ok()["conversationType"], "user");
    assert_eq!(h.behalf("mira").get(&path).await.ok()["conversationType"], "group");
    assert_eq!(texts(&zed, "/groups/zed_user_yak/messages").await, ["inside"]);
    assert_eq!(texts(&zed, "/users/yak/messages").await, ["between us"]);
}

#[tokio::test]
async fn a_muid_is_its_senders_in_one_conversation() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob]).await;
    let send = async |to: (&str, &str), text: &str| {
        let mut body = text_to(to.0, to.1, text);
        body["muid"] = json!("m");
        ann.post("/messages", body).await.ok()
    };
    let first = send(("user", "bob"), "to bob").await;
    assert_eq!(id_of(&send(("user", "bob"), "again").await), id_of(&first));
    let second = send(("user", "cy"), "to cy").await;
    let third = send(("group", "team"), "to all").await;
    assert_eq!((&second["data"]["text"], &third["data"]["text"]), (&json!("to cy"), &json!("to all")));
    assert_eq!(id_of(&send(("user", "cy"), "again").await), id_of(&second));
    assert_eq!(texts(&bob, "/users/ann/messages").await, ["to bob"]);
    assert_eq!(texts(&cy, "/users/ann/messages").await, ["to cy"]);
    assert_eq!(texts(&bob, "/groups/team/messages").await, ["to all"]);
    assert_eq!(id_of(&ann.get("/user/messages/m").await.ok()), id_of(&third));

    // A call is a message, too.
    let call = |to: &str| json!({"receiver": to, "receiverType": "user", "type": "audio", "muid": "k"});
    let ringing = ann.post("/calls", call("bob")).await.ok();
    assert_eq!(id_of(&ann.post("/calls", call("bob")).await.ok()), id_of(&ringing));
    let other = ann.post("/calls", call("cy")).await.ok();
    assert_eq!((&other["receiver"], id_of(&other) > id_of(&ringing)), (&json!("cy"), true));
}

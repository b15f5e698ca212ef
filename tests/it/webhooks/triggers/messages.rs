//! Messages, receipts, reactions and pins.

use hobnob::actions::extensions::due;
use hobnob::model::limits::Limits;
use serde_json::{Value, json};

use super::{Ears, all, keys, whole};
use crate::harness::{Harness, NOW, id_of, text_to};
use crate::media::{picture, post, to_bob};

pub const TRIGGERS: &[&str] = &[
    "message_sent",
    "message_edited",
    "message_deleted",
    "message_reaction_added",
    "message_reaction_removed",
    "message_delivery_receipt",
    "message_read_receipt",
    "message_delivered_to_all",
    "message_read_by_all",
    "message_pinned",
    "message_unpinned",
    "user_mentioned",
    "conversation_pinned",
    "conversation_unpinned",
];

/// Nothing of it may be changed on its way.
const TEXT: &str = "h\u{e9}llo <b>&amp;</b> \"\\/\u{2028}\u{1F600} \u{0}";

#[tokio::test]
async fn messages_are_told() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (whole(&h, "ann").await, whole(&h, "bob").await, whole(&h, "cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    // What the app itself wrote into it is read by now.
    for user in [&bob, &cy] {
        user.post("/groups/team/conversation/read", json!({})).await.ok();
    }
    let mut ears = Ears::of(&h, &all()).await;

    let first = id_of(&ann.send("bob", TEXT).await);
    let told = ears.hear(&["message_sent"]).await;
    assert_eq!(told[0]["message"]["data"]["text"], TEXT);
    let path = format!("/messages/{first}");
    ann.put(&path, json!({"data": {"text": "new"}})).await.ok();
    let told = ears.hear(&["message_edited"]).await;
    let on = &told[0]["message"]["data"]["entities"]["on"]["entity"];
    assert_eq!((&on["id"], &on["data"]["text"]), (&json!(first.to_string()), &json!("new")));
    // A retry is the same message.
    let named = json!({"receiver": "bob", "receiverType": "user", "muid": "m1", "data": {"text": "once"}});
    ann.post("/messages", named.clone()).await.ok();
    ears.hear(&["message_sent"]).await;
    ann.post("/messages", named).await.ok();
    ears.nothing().await;
    // To many: one for each, as for their clients. A back end speaks for somebody, or as the app.
    let many = json!({"multipleReceivers": {"uids": ["bob", "cy"], "guids": ["team"]}, "data": {"text": "all"}});
    h.behalf("ann").post("/messages", many).await.ok();
    assert_eq!(ears.hear(&["message_sent"; 3]).await[2]["message"]["sender"], "ann");
    h.post("/messages", text_to("user", "bob", "news")).await.ok();
    assert_eq!(ears.tell(&["message_sent"]).await[0]["data"]["message"]["sender"], "app_system");

    // A file is where it can be fetched.
    let photo = picture(4, 4);
    let mut parts = to_bob("image", r#"{"text":"look"}"#);
    parts.push(("files[]", Some(("a.png", "image/png")), &photo));
    assert_eq!(post(&ann, "/messages", &parts).await.0, 200);
    let told = ears.hear(&["message_sent"]).await;
    let url = told[0]["message"]["data"]["attachments"][0]["url"].as_str().expect("a URL");
    let fetched = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.expect("an answer");
    assert_eq!(fetched.bytes().await.unwrap(), photo);

    for (reaction, on, told) in [("ok", true, true), ("ok", true, false), ("ok", false, true), ("ok", false, false)] {
        let path = format!("/messages/{first}/reactions/{reaction}");
        let answer = if on { bob.post(&path, json!({})).await } else { bob.delete(&path).await };
        answer.ok();
        match (on, told) {
            (true, true) => {
                let added = ears.hear(&["message_reaction_added"]).await;
                assert_eq!(
                    (&added[0]["reaction"]["uid"], &added[0]["reaction"]["reaction"]),
                    (&json!("bob"), &json!("ok"))
                );
            }
            (false, true) => drop(ears.hear(&["message_reaction_removed"]).await),
            _ => ears.nothing().await,
        }
    }
    bob.post(&format!("{path}/pin"), json!({})).await.ok();
    let pinned = ears.hear(&["message_pinned"]).await;
    assert_eq!((&pinned[0]["message"]["pinnedBy"], &pinned[0]["by"]["uid"]), (&json!("bob"), &json!("bob")));
    bob.delete(&format!("{path}/pin")).await.ok();
    ears.hear(&["message_unpinned"]).await;
    bob.post("/users/ann/conversation/pin", json!({})).await.ok();
    let pinned = ears.hear(&["conversation_pinned"]).await;
    assert_eq!(pinned[0]["conversation"]["conversationWith"]["uid"], "ann");
    bob.post("/users/ann/conversation/pin", json!({})).await.ok();
    ears.nothing().await;
    bob.delete("/users/ann/conversation/pin").await.ok();
    ears.hear(&["conversation_unpinned"]).await;

    // Nothing is told again of what it said, nor of who was told of it before.
    ann.delete(&path).await.ok();
    let told = ears.hear(&["message_deleted"]).await;
    assert!(!told[0].to_string().contains("new"), "{:#}", told[0]);
    assert_eq!(told[0]["message"]["data"]["entities"]["on"]["entity"]["deletedBy"], "ann");
    let second = id_of(&ann.send("bob", "for a minute").await);
    ears.hear(&["message_sent"]).await;
    let at = json!({"msgId": second, "timeInMS": (NOW + 30) * 1000});
    ann.extension("disappearing-messages", reqwest::Method::DELETE, "v1/disappear", Some(at)).await.ok();
    ears.nothing().await;
    h.clock.advance(31);
    h.store.write("it", |tx| due::sweep(tx, &Limits::default())).await.unwrap();
    let told = ears.hear(&["message_deleted"]).await;
    assert_eq!(told[0]["message"]["sender"], "app_system");

    mentions(&h, &mut ears).await;
    receipts(&h, &mut ears).await;
    ears.all_fired(TRIGGERS);
}

async fn mentions(h: &Harness, ears: &mut Ears) {
    let (ann, named) = (h.log_in("ann").await, |told: &Value| keys(&told["message"]["data"]["mentions"]).join(" "));
    let sent = id_of(&ann.send_group("team", "<@uid:bob>, look").await);
    assert_eq!(named(&ears.hear(&["message_sent", "user_mentioned"]).await[1]), "bob");
    let text = |text: &str| json!({"data": {"text": text}});
    let path = format!("/messages/{sent}");
    // Only whoever is new in it, and once.
    ann.put(&path, text("<@uid:bob> and <@uid:cy>, look")).await.ok();
    assert_eq!(named(&ears.hear(&["message_edited", "user_mentioned"]).await[1]), "cy");
    for again in ["<@uid:cy>, <@uid:bob>: look", "nobody", "<@uid:none>"] {
        ann.put(&path, text(again)).await.ok();
        ears.hear(&["message_edited"]).await;
    }
    // Everybody is named by nobody's uid.
    ann.send_group("team", "<@all:team>").await;
    assert_eq!(named(&ears.tell(&["message_sent", "user_mentioned"]).await[1]["data"]), "");
}

async fn receipts(h: &Harness, ears: &mut Ears) {
    let (ann, bob, cy) = (h.log_in("ann").await, h.log_in("bob").await, h.log_in("cy").await);
    let mut at_bob = bob.connect().await;
    let one = id_of(&ann.send("bob", "one").await);
    ears.hear(&["message_sent"]).await;
    for (action, trigger) in [("delivered", "message_delivery_receipt"), ("read", "message_read_receipt")] {
        at_bob.receipt(action, "user", "ann", one).await;
        let told = ears.hear(&[trigger]).await;
        assert_eq!(
            (&told[0]["sender"], &told[0]["messageSender"], &told[0]["receiver"], &told[0]["body"]["messageId"]),
            (&json!("bob"), &json!("ann"), &json!("ann"), &json!(one.to_string()))
        );
        assert_eq!(
            (&told[0]["body"]["action"], &told[0]["body"]["user"]["status"]),
            (&json!(action), &json!("online"))
        );
        // Again, and older: it is marked already.
        at_bob.receipt(action, "user", "ann", one).await;
        at_bob.before_pong().await;
        ears.nothing().await;
    }
    let two = id_of(&ann.send_group("team", "two").await);
    ears.hear(&["message_sent"]).await;
    bob.post("/groups/team/conversation/read", json!({"messageId": two.to_string()})).await.ok();
    ears.hear(&["message_read_receipt"]).await;
    cy.post("/groups/team/conversation/delivered", json!({"messageId": two.to_string()})).await.ok();
    let told = ears.hear(&["message_delivery_receipt", "message_delivered_to_all"]).await;
    assert_eq!((&told[1]["receiver"], &told[1]["body"]["action"]), (&json!("team"), &json!("deliveredToAll")));
    cy.post("/groups/team/conversation/read", json!({"messageId": two.to_string()})).await.ok();
    ears.hear(&["message_read_receipt", "message_read_by_all"]).await;
    at_bob.close().await;
}

/// What sockets are not told.
#[tokio::test]
async fn what_comes_in_or_goes_in_silence_is_not_told() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &bob, &[&ann]).await;
    ann.send("bob", "old").await;
    let mut ears = Ears::of(&h, &all()).await;
    let import = async |what: &str, key: &str, row: Value| {
        let results = h.post(&format!("/data_import/{what}"), json!({ what: {key: row} })).await.ok();
        assert_eq!(results[key]["success"], true, "{results}");
    };
    import("users", "cy", json!({"uid": "cy", "name": "Cy"})).await;
    import("groups", "club", json!({"guid": "club", "name": "Club", "type": "public", "owner": "cy"})).await;
    import(
        "members",
        "club_member_ann",
        json!({"memberId": "club_member_ann", "guid": "club", "uid": "ann", "scope": "participant"}),
    )
    .await;
    let text = json!({"muid": "m1", "sender": "ann", "receiverType": "group", "receiver": "club", "sentAt": NOW - 60,
                      "category": "message", "type": "text", "data": {"text": "<@uid:cy>"}});
    import("messages", "m1", text).await;
    ann.delete("/users/bob/conversation").await.ok();
    let app_id = h.app_id.clone();
    h.store
        .write("it", move |tx| {
            let app = hobnob::store::apps::by_app_id(tx, &app_id)?.expect("the app");
            let days = || hobnob::model::patch::Patch::Set(1);
            hobnob::actions::retention::set(tx, (&hobnob::model::audit::Actor::Server, &app), days(), days()).map(drop)
        })
        .await
        .unwrap();
    h.clock.advance(3 * 86_400);
    while h.store.write("it", hobnob::actions::retention::sweep).await.unwrap() {}
    // One who leaves with their account leaves without a word.
    h.delete("/users/ann").await.ok();
    h.post("/messages", text_to("user", "bob", "the end")).await.ok();
    let told = ears.tell(&["message_sent"]).await;
    assert_eq!(told[0]["data"]["message"]["data"]["text"], "the end");
}

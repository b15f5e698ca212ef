//! Reactions: what the message shows, who hears of it, the limits.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::{Harness, id_of};

#[tokio::test]
async fn a_reaction_is_counted_told_and_taken_back() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let mut at_ann = ann.connect().await;
    let id = id_of(&ann.send("bob", "hi").await);
    let path = format!("/messages/{id}/reactions/%F0%9F%91%8D");

    let message = bob.post(&path, json!({})).await.ok();
    assert_eq!(message["data"]["reactions"], json!([{"reaction": "👍", "count": 1, "reactedByMe": true}]));
    let frame = at_ann.expect(|frame| frame["type"] == "reaction").await;
    assert_eq!(frame["body"]["action"], "message_reaction_added");
    assert_eq!(frame["body"]["reaction"], "👍");
    assert_eq!(frame["body"]["reactedBy"]["name"], "Bob");
    assert_eq!((&frame["receiver"], &frame["receiverType"]), (&json!("bob"), &json!("user")));

    // Twice is the same as once, and said once.
    bob.post(&path, json!({})).await.ok();
    let seen = ann.get(&format!("/messages/{id}")).await.ok();
    assert_eq!(seen["data"]["reactions"], json!([{"reaction": "👍", "count": 1}]));
    let all = ann.get(&format!("/messages/{id}/reactions")).await;
    assert_eq!(all.body["meta"]["next"]["affix"], "append");
    assert_eq!(all.each("uid"), ["bob"]);
    assert!(ann.get(&format!("/messages/{id}/reactions/x")).await.list().is_empty());

    bob.delete(&path).await.ok();
    let frames = at_ann.until(|frame| frame["body"]["action"] == "message_reaction_removed").await;
    assert_eq!(frames.len(), 1, "{frames:#?}");
    assert!(ann.get(&format!("/messages/{id}")).await.ok()["data"].get("reactions").is_none());
}

#[tokio::test]
async fn reactions_are_bounded_and_for_those_who_see_the_message() {
    let h = Harness::start().await;
    let (ann, _bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    let id = id_of(&ann.send("bob", "hi").await);
    cy.post(&format!("/messages/{id}/reactions/x"), json!({})).await.refused(Code::MessageNoAccess);
    ann.post(&format!("/messages/{id}/reactions/{}", "x".repeat(46)), json!({})).await.refused(Code::BadRequest);
    for n in 0..25 {
        ann.post(&format!("/messages/{id}/reactions/r{n}"), json!({})).await.ok();
    }
    let error =
        ann.post(&format!("/messages/{id}/reactions/one-more"), json!({})).await.refused(Code::QuotaRestriction);
    assert_eq!(error["params"]["limit"], 25);
    ann.post(&format!("/messages/{id}/reactions/r7"), json!({})).await.ok();

    let page = ann.get(&format!("/messages/{id}/reactions?limit=10")).await;
    let next = page.body["meta"]["next"]["id"].as_str().unwrap().to_owned();
    let first = page.each("reaction");
    let second = ann.get(&format!("/messages/{id}/reactions?limit=10&affix=append&id={next}")).await.each("reaction");
    assert_eq!((first[0].as_str(), second[0].as_str()), ("r0", "r10"));

    ann.delete(&format!("/messages/{id}")).await.ok();
    ann.post(&format!("/messages/{id}/reactions/r1"), json!({})).await.refused(Code::MessageAction);
}

#[tokio::test]
async fn what_looks_the_same_is_one_reaction() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let id = id_of(&ann.send("bob", "hi").await);
    let path = |reaction: &str| {
        let bytes: String = reaction.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("/messages/{id}/reactions/{bytes}")
    };
    for (one, other) in [("❤\u{FE0F}", "❤"), ("☀", "☀\u{FE0F}"), ("caf\u{E9}", "cafe\u{301}")] {
        let mut at_ann = ann.connect().await;
        ann.post(&path(one), json!({})).await.ok();
        let seen = bob.post(&path(other), json!({})).await.ok();
        let shown = seen["data"]["reactions"].as_array().expect("reactions").clone();
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!((&shown[0]["reaction"], &shown[0]["count"]), (&json!(one), &json!(2)));
        // One form, whichever was given: in frames, in lists, and when it is taken back.
        let frame = at_ann.expect(|frame| frame["type"] == "reaction").await;
        assert_eq!((&frame["body"]["reaction"], &frame["body"]["uid"]), (&json!(one), &json!("bob")));
        for form in [one, other] {
            assert_eq!(ann.get(&path(form)).await.each("uid"), ["ann", "bob"]);
        }
        bob.delete(&path(one)).await.ok();
        ann.delete(&path(other)).await.ok();
        assert!(ann.get(&format!("/messages/{id}")).await.ok()["data"].get("reactions").is_none());
    }
    // The tone of a skin is seen.
    ann.post(&path("👍"), json!({})).await.ok();
    let seen = ann.post(&path("👍🏽"), json!({})).await.ok();
    assert_eq!(seen["data"]["reactions"].as_array().map(Vec::len), Some(2));
    for broken in ["\u{200B}", "\u{FE0F}", "\u{7}", "a\u{7}b", "👍\u{200D}", "🇩", "\u{301}", " "] {
        ann.post(&path(broken), json!({})).await.refused(Code::BadRequest);
    }
    // Bytes that are no text.
    ann.post(&format!("/messages/{id}/reactions/%F0%9F%91"), json!({})).await.refused(Code::BadRequest);
}

#[tokio::test]
async fn whatever_happens_to_a_message_everybody_s_own_reaction_stays_theirs() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let id = id_of(&ann.send_group("team", "hi").await);
    for (user, reaction) in [(&ann, "a"), (&bob, "a"), (&cy, "c")] {
        user.post(&format!("/messages/{id}/reactions/{reaction}"), json!({})).await.ok();
    }
    let mut sockets = [bob.connect().await, cy.connect().await];
    let shown = [
        json!([{"reaction": "a", "count": 2, "reactedByMe": true}, {"reaction": "c", "count": 1}]),
        json!([{"reaction": "a", "count": 2}, {"reaction": "c", "count": 1, "reactedByMe": true}]),
    ];
    let answer = ann.put(&format!("/messages/{id}"), json!({"data": {"text": "hello"}})).await.ok();
    assert_eq!(answer["data"]["entities"]["on"]["entity"]["data"]["reactions"], shown[0]);
    for (socket, shown) in sockets.iter_mut().zip(&shown) {
        let frame = socket.expect(|frame| frame["body"]["data"]["action"] == "edited").await;
        assert_eq!(frame["body"]["data"]["entities"]["on"]["entity"]["data"]["reactions"], *shown);
    }
    ann.post(&format!("/messages/{id}/pin"), json!({})).await.ok();
    for (socket, shown) in sockets.iter_mut().zip(&shown) {
        let frame = socket.expect(|frame| frame["body"]["action"] == "pinned").await;
        assert_eq!(frame["body"]["message"]["data"]["reactions"], *shown);
    }

    // Who is not in the group any more hears nothing, reaction or not.
    cy.delete("/groups/team/members").await.ok();
    ann.put(&format!("/messages/{id}"), json!({"data": {"text": "hello again"}})).await.ok();
    sockets[0].expect(|frame| frame["body"]["data"]["action"] == "edited").await;
    ann.send("cy", "fence").await;
    let heard = sockets[1].until(|frame| frame["body"]["data"]["text"] == "fence").await;
    assert!(heard.iter().all(|frame| frame["body"]["data"]["action"] != "edited"), "{heard:#?}");
}

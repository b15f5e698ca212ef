//! The list over all conversations of a user: whatever it is asked, it is what his conversations hold together, and its
//! pages join without a gap or a repetition.

use serde_json::{Value, json};

use crate::harness::{Client, Harness, User, id_of, text_to};

/// Ids of all messages a query brings, page by page in either direction, in the order of the pages.
async fn pages(who: &Client, query: &str, affix: &str) -> Vec<i64> {
    let mut found = Vec::new();
    let mut id = if affix == "append" { 0 } else { i64::MAX };
    loop {
        let page = who.get(&format!("/messages?limit=3&affix={affix}&id={id}{query}")).await.list();
        let ids: Vec<i64> = page.iter().map(id_of).collect();
        assert!(ids.is_sorted(), "{query}: {ids:?}");
        let Some(edge) = (if affix == "append" { ids.last() } else { ids.first() }) else { return found };
        id = *edge;
        found.splice(if affix == "append" { found.len()..found.len() } else { 0..0 }, ids);
    }
}

/// What the conversations hold of it, each asked for itself.
async fn together(who: &User, query: &str, with: &[&str]) -> Vec<i64> {
    let mut found = Vec::new();
    for place in with {
        let list = who.get(&format!("{place}/messages?limit=100&affix=append&id=0{query}")).await.list();
        found.extend(list.iter().map(id_of));
    }
    found.sort_unstable();
    found
}

#[tokio::test]
async fn it_is_what_the_conversations_hold_together() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &bob, &[&ann, &cy]).await;
    h.group("club", &cy, &[&bob]).await;
    h.group("past", &ann, &[&bob]).await;
    // Conversations of very different length and age, mixed with what ann has no part in.
    ann.send("cy", "the only one").await;
    for n in 0..24 {
        h.clock.advance(1);
        let text = if n % 5 == 0 { "see https://a.example/x".to_owned() } else { format!("number {n}") };
        let sent = match n % 6 {
            0 | 1 => bob.send_group("team", &text).await,
            2 => ann.send_group("team", &text).await,
            3 => cy.send_group("club", &text).await,
            4 => ann.send("bob", &text).await,
            _ => bob.send("ann", &text).await,
        };
        let id = id_of(&sent);
        if n % 7 == 0 && n % 6 != 3 {
            bob.post(&format!("/messages/{id}/thread"), text_to_the_same(&sent)).await.ok();
        }
        match n {
            14 => drop(ann.delete(&format!("/messages/{id}")).await.ok()),
            9 => drop(ann.delete_with("/users/bob/conversation", json!({})).await.ok()),
            12 => drop(ann.post("/groups/team/conversation/read", json!({})).await.ok()),
            _ => {}
        }
        if n < 6 {
            bob.send_group("past", &text).await;
        }
    }
    cy.send("bob", "not for ann").await;

    let with = ["/users/bob", "/users/cy", "/groups/team", "/groups/past"];
    for query in [
        "",
        "&hideReplies=1",
        "&hideDeleted=true",
        "&categories=message",
        "&category=action",
        "&types=text",
        "&receiverType=group",
        "&receiverType=user",
        "&unread=1",
        "&undelivered=1",
        "&hasLinks=1",
        "&sender=bob",
        "&onlyUpdates=1",
        "&hasMentions=1",
        "&searchKey=number",
    ] {
        let mut expected = together(&ann, query, &with).await;
        if let Some(kind) = query.strip_prefix("&receiverType=") {
            let some: Vec<&str> = with.into_iter().filter(|place| place[1..].starts_with(kind)).collect();
            expected = together(&ann, "", &some).await;
        }
        for affix in ["append", "prepend"] {
            assert_eq!(pages(&ann, query, affix).await, expected, "{affix}{query}");
        }
        assert!(!expected.is_empty() || query.contains("Mentions"), "{query} finds nothing to compare");
    }

    // By time, too, and with nothing at all.
    let middle = h.clock.now() - 12;
    let newer = ann.get(&format!("/messages?limit=100&affix=append&sentAt={middle}")).await.list();
    let older = ann.get(&format!("/messages?limit=100&affix=prepend&sentAt={middle}")).await.list();
    assert!(newer.iter().all(|message| message["sentAt"].as_i64().unwrap() > middle) && !newer.is_empty());
    assert!(older.iter().all(|message| message["sentAt"].as_i64().unwrap() < middle) && !older.is_empty());
    let dee = h.user("dee").await;
    assert_eq!(dee.get("/messages").await.list(), Vec::<Value>::new());
}

/// A text to where the message went.
fn text_to_the_same(sent: &Value) -> Value {
    text_to(sent["receiverType"].as_str().unwrap(), sent["receiver"].as_str().unwrap(), "a reply")
}

//! The order law: everybody sees the same messages in the same order, and nothing after he was put out.

use serde_json::{Value, json};

use crate::harness::{Harness, User, id_of, name_of};

#[tokio::test]
async fn a_message_arrives_at_every_device_but_the_acting_one() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let other = ann.again().await;
    let (mut at_ann, mut at_other, mut at_bob) = (ann.connect().await, other.connect().await, bob.connect().await);
    let sent = ann.send("bob", "hi").await;
    for sock in [&mut at_other, &mut at_bob] {
        let frame = sock.expect_text("hi").await;
        assert_eq!(frame["body"]["id"], sent["id"]);
        assert_eq!(frame["deviceId"], *ann.device);
    }
    bob.send("ann", "fence").await;
    assert_eq!(at_ann.before_text("fence").await, Vec::<Value>::new());
}

/// Each of `senders` sends `each` messages to the group, all at once.
fn send_at_once(senders: &[User], guid: &'static str, each: usize) -> Vec<tokio::task::JoinHandle<Vec<i64>>> {
    let senders = senders.iter().cloned().map(|sender| {
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for n in 0..each {
                ids.push(id_of(&sender.send_group(guid, &format!("{} {n}", sender.uid)).await));
            }
            ids
        })
    });
    senders.collect()
}

async fn five(h: &Harness) -> Vec<User> {
    let mut users = Vec::new();
    for uid in ["s1", "s2", "s3", "s4", "s5"] {
        users.push(h.user(uid).await);
    }
    users
}

fn texts_of(frames: &[Value]) -> Vec<i64> {
    frames.iter().filter(|frame| frame["body"]["type"] == "text").map(|frame| id_of(&frame["body"])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sockets_see_one_order_and_it_is_the_one_of_the_history() {
    let h = Harness::start().await;
    let senders = five(&h).await;
    let (zoe, yan) = (h.user("zoe").await, h.user("yan").await);
    let mut members: Vec<&User> = senders.iter().collect();
    members.extend([&zoe, &yan]);
    h.group("team", &senders[0], &members[1..]).await;
    let (mut at_zoe, mut at_yan) = (zoe.connect().await, yan.connect().await);

    let mut acknowledged = Vec::new();
    for sender in send_at_once(&senders, "team", 30) {
        let ids = sender.await.unwrap();
        assert!(ids.is_sorted(), "one sender's messages keep their order: {ids:?}");
        acknowledged.extend(ids);
    }
    senders[0].send_group("team", "end").await;
    let (zoe_saw, yan_saw) = (texts_of(&at_zoe.before_text("end").await), texts_of(&at_yan.before_text("end").await));
    assert_eq!(zoe_saw, yan_saw);
    assert!(zoe_saw.is_sorted_by(|a, b| a < b), "{zoe_saw:?}");
    acknowledged.sort_unstable();
    assert_eq!(zoe_saw, acknowledged, "each exactly once");

    let mut history = Vec::new();
    loop {
        let cursor = history.last().map(|id| format!("&id={id}")).unwrap_or_else(|| "&id=0".to_owned());
        let page = zoe.get(&format!("/groups/team/messages?affix=append&categories=message&limit=40{cursor}")).await;
        let page = page.list();
        if page.is_empty() {
            break;
        }
        history.extend(page.iter().map(id_of));
    }
    assert_eq!(history.pop().map(|end| end > zoe_saw[zoe_saw.len() - 1]), Some(true));
    assert_eq!(history, zoe_saw);
}

/// Puts `eve` out while others write, and checks that she heard everything before it, of it, and nothing after.
async fn out_under_fire(action: &str, put_out: impl AsyncFnOnce(&User)) {
    let h = Harness::start().await;
    let senders = five(&h).await;
    let eve = h.user("eve").await;
    let witness = h.user("wit").await;
    let mut members: Vec<&User> = senders.iter().skip(1).collect();
    members.extend([&eve, &witness]);
    h.group("team", &senders[0], &members).await;
    let (mut at_eve, mut at_witness) = (eve.connect().await, witness.connect().await);

    let writing = send_at_once(&senders, "team", 20);
    // In the midst of it: some are through, most are to come.
    at_witness.expect(|frame| frame["body"]["type"] == "text").await;
    put_out(&senders[0]).await;
    let mut all = Vec::new();
    for sender in writing {
        all.extend(sender.await.unwrap());
    }
    senders[0].send("eve", "fence").await;
    let heard = at_eve.before_text("fence").await;

    let last = heard.last().unwrap_or_else(|| panic!("eve heard nothing"));
    assert_eq!(last["body"]["data"]["action"], action, "the last she hears of the group: {last}");
    assert_eq!(last["body"]["data"]["entities"]["on"]["entity"]["uid"], "eve");
    let end = id_of(&last["body"]);
    all.retain(|id| *id < end);
    all.sort_unstable();
    assert_eq!(texts_of(&heard), all, "everything before it, in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_after_a_kick() {
    out_under_fire("kicked", async |owner: &User| {
        owner.delete("/groups/team/members/eve").await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_after_a_ban() {
    out_under_fire("banned", async |owner: &User| {
        owner.post("/groups/team/bannedusers/eve", json!({})).await.ok();
    })
    .await;
}

#[tokio::test]
async fn nothing_before_joining_and_nothing_after_leaving() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[]).await;
    let mut at_bob = bob.connect().await;
    ann.send_group("team", "before").await;
    bob.post("/groups/team/members", json!({})).await.ok();
    ann.send_group("team", "between").await;
    bob.delete("/groups/team/members").await.ok();
    ann.send_group("team", "after").await;
    ann.send("bob", "fence").await;
    let heard = at_bob.before_text("fence").await;
    let texts: Vec<_> = heard.iter().filter_map(|frame| frame["body"]["data"]["text"].as_str()).collect();
    assert_eq!(texts, ["between"]);
    // He acted himself, by the session of this very socket: no echo.
    assert!(heard.iter().all(|frame| frame["body"]["category"] != "action"), "{heard:#?}");
}

#[tokio::test]
async fn a_group_that_is_gone_says_nothing_more() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    let mut at_bob = bob.connect().await;
    ann.delete("/groups/team").await.ok();
    // The same name again, without bob.
    h.group("team", &ann, &[]).await;
    ann.send_group("team", "anew").await;
    ann.send("bob", "fence").await;
    assert_eq!(at_bob.before_text("fence").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_revoked_token_closes_its_sockets_and_no_others() {
    let h = Harness::start().await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    let other = ann.again().await;
    let (first, second, mut at_other) = (ann.connect().await, ann.connect().await, other.connect().await);
    h.delete(&format!("/users/ann/auth_tokens/{}", ann.token)).await.ok();
    bob.send("ann", "after").await;
    for sock in [first, second] {
        let (heard, code) = sock.closed().await;
        assert_eq!(code, Some(4001));
        assert_eq!(heard, Vec::<Value>::new());
    }
    at_other.expect_text("after").await;
    let mut again = h.socket().await;
    assert_eq!(again.authenticate(&ann, json!({})).await["body"]["code"], "401");
    assert_eq!(again.closed().await.1, Some(4001));
}

#[tokio::test]
async fn logging_out_ends_one_device() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    let other = ann.again().await;
    let (sock, mut at_other) = (ann.connect().await, other.connect().await);
    ann.delete("/me").await.ok();
    assert_eq!(sock.closed().await.1, Some(4001));
    assert_eq!(at_other.before_pong().await, Vec::<Value>::new());
}

#[tokio::test]
async fn all_sockets_of_a_user_end_with_his_tokens_or_his_account() {
    let h = Harness::start().await;
    let bob = h.user("bob").await;
    let flush = async |uid: &str| h.delete(&format!("/users/{uid}/auth_tokens")).await.ok();
    let deactivate = async |uid: &str| h.delete_with("/users", json!({"uidsToDeactivate": [uid]})).await.ok();
    let delete = async |uid: &str| h.delete(&format!("/users/{uid}")).await.ok();
    for (uid, how) in [("flushed", 0), ("deactivated", 1), ("deleted", 2)] {
        let user = h.user(uid).await;
        h.group(&format!("group-{uid}"), &bob, &[&user]).await;
        let socks = [user.connect().await, user.again().await.connect().await];
        match how {
            0 => flush(uid).await,
            1 => deactivate(uid).await,
            _ => delete(uid).await,
        };
        bob.send_group(&format!("group-{uid}"), "after").await;
        for sock in socks {
            let (heard, code) = sock.closed().await;
            assert_eq!((code, heard), (Some(4001), Vec::new()), "{}", name_of(uid));
        }
    }
}

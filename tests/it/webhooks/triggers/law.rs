//! The law of what is told: sockets and webhooks are told the same.
//!
//! People, a back end and the app act at random (the same way each run). What any socket hears is told outside exactly
//! once, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Ears, all, calls, groups, messages};
use crate::harness::{App, Client, Dice, Harness, User, id_of, text_to};

const UIDS: [&str; 4] = ["ann", "bob", "cy", "dee"];

/// What is told of a call before it is answered, and instead of an answer.
const RINGS: [&str; 4] = ["initiated", "cancelled", "rejected", "busy"];

/// What nobody does in this play: it is told outside alone, or takes time.
const BESIDES: [&str; 7] = [
    "conversation_pinned",
    "conversation_unpinned",
    "group_created",
    "group_updated",
    "group_deleted",
    "group_owner_transferred",
    "call_unanswered",
];

/// What happened, with what tells it from all else of its kind, and how often.
type Told = BTreeMap<String, usize>;

/// What a frame tells; `None`: nothing of what is told outside.
fn by_socket(frame: &Value) -> Option<String> {
    let (body, text) = (&frame["body"], |value: &Value| value.as_str().unwrap_or_default().to_owned());
    let (id, action) = (text(&body["id"]), text(&body["data"]["action"]));
    let on = &body["data"]["entities"]["on"]["entity"];
    Some(match (frame["type"].as_str()?, body["category"].as_str().unwrap_or_default()) {
        ("message", "action") if body["type"] == "message" => format!("message_{action} {id}"),
        ("message", "action") => {
            let whom = if on.is_null() { &body["sender"] } else { &on["uid"] };
            format!("group_{action} {} {}", text(&body["receiver"]), text(whom))
        }
        ("message", "call") if RINGS.contains(&&*action) => format!("call_{action} {id}"),
        ("message", "call") => return None,
        ("message", _) => format!("message_sent {id}"),
        ("receipts", _) => {
            let (by, of) = (text(&frame["sender"]), text(&frame["messageSender"]));
            format!("{} {} {by} {of}", text(&body["action"]), text(&body["messageId"]))
        }
        ("reaction", _) => format!("{} {id}", text(&body["action"])),
        (kind @ ("message_pinned" | "message_unpinned"), _) => format!("{kind} {}", text(&body["message"]["id"])),
        _ => return None,
    })
}

/// What an event tells, each of its members for itself.
fn by_webhook(told: &Value) -> Vec<String> {
    let (data, text) = (&told["data"], |value: &Value| value.as_str().unwrap_or_default().to_owned());
    let message = &data["message"];
    let trigger = text(&told["trigger"]);
    let action = match trigger.strip_prefix("group_member_") {
        Some("scope_changed") => "scopeChanged".to_owned(),
        Some(action) => action.to_owned(),
        None => String::new(),
    };
    match &*trigger {
        "message_sent" => vec![format!("message_sent {}", text(&message["id"]))],
        "message_edited" | "message_deleted" => vec![format!("{trigger} {}", text(&message["id"]))],
        "message_pinned" | "message_unpinned" => vec![format!("{trigger} {}", text(&message["id"]))],
        "message_reaction_added" | "message_reaction_removed" => {
            vec![format!("{trigger} {}", text(&data["reaction"]["id"]))]
        }
        "group_member_removed" | "user_mentioned" | "group_created" => Vec::new(),
        _ if trigger.starts_with("call_") && data["call"].is_object() => {
            vec![format!("{trigger} {}", text(&data["call"]["id"]))]
        }
        _ if trigger.starts_with("call_") || trigger.starts_with("meeting_") => Vec::new(),
        _ if !action.is_empty() => {
            let members = super::keys(&data["members"]);
            members.iter().map(|uid| format!("group_{action} {} {uid}", text(&data["group"]["guid"]))).collect()
        }
        _ => {
            let (body, by, of) = (&data["body"], text(&data["sender"]), text(&data["messageSender"]));
            vec![format!("{} {} {by} {of}", text(&body["action"]), text(&body["messageId"]))]
        }
    }
}

/// Whoever came into a call leaves it, once for each time, and it starts before and ends after that.
fn check_sessions(told: &[Value]) {
    let mut inside: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in told {
        let (data, trigger) = (&one["data"], one["trigger"].as_str().unwrap_or_default());
        let (session, who) = (data["sessionId"].as_str(), data["occupant"]["uid"].as_str().unwrap_or_default());
        let (Some(session), Some((_, step))) = (session, trigger.split_once('_')) else { continue };
        let before = inside.remove(session);
        let after = match (step, before) {
            ("started", None) => Vec::new(),
            ("participant_joined", Some(mut people)) if !people.contains(&who) => {
                people.push(who);
                people
            }
            ("participant_left", Some(mut people)) if people.contains(&who) => {
                people.retain(|one| *one != who);
                people
            }
            ("ended", Some(people)) if people.is_empty() => continue,
            (_, before) => panic!("{trigger} of {who} in {session}, where {before:?} are"),
        };
        inside.insert(session, after);
    }
}

struct World {
    dice: Dice,
    app: App,
    people: Vec<User>,
    sent: Vec<i64>,
}

impl World {
    /// Somebody, a back end for them, or the app.
    fn caller(&mut self) -> (Client, &'static str) {
        let who = self.dice.roll(UIDS.len());
        match self.dice.roll(5) {
            0 => (self.app.behalf(UIDS[who]), UIDS[who]),
            1 => ((*self.app).clone(), ""),
            _ => ((*self.people[who]).clone(), UIDS[who]),
        }
    }

    /// Something, which may be refused.
    async fn act(&mut self) {
        let (caller, me) = self.caller();
        let whom = UIDS[self.dice.roll(UIDS.len())];
        // The owner stays: an act in a group of nobody is heard by nobody.
        let other = UIDS[1 + self.dice.roll(UIDS.len() - 1)];
        // One of the newest, so that more than one thing happens to it.
        let back = 1 + self.dice.roll(4);
        let id = self.sent.get(self.sent.len().saturating_sub(back)).copied().unwrap_or_default();
        let path = format!("/messages/{id}");
        let choice = self.dice.roll(25);
        let _ = match choice {
            0..=2 if whom != me => {
                let answer = caller.post("/messages", text_to("user", whom, &format!("hi <@uid:{other}>"))).await;
                self.sent.extend((answer.status == 200).then(|| id_of(&answer.body["data"])));
                answer
            }
            0..=5 => {
                let answer = caller.post("/messages", text_to("group", "team", "hi")).await;
                self.sent.extend((answer.status == 200).then(|| id_of(&answer.body["data"])));
                answer
            }
            6 => caller.put(&path, json!({"data": {"text": format!("now <@uid:{whom}>")}})).await,
            7 => caller.delete(&path).await,
            8 | 9 => {
                caller.post(&format!("{path}/reactions/ok"), json!({})).await;
                match self.dice.roll(2) {
                    0 => caller.post(&format!("{path}/reactions/ok"), json!({})).await,
                    _ => caller.delete(&format!("{path}/reactions/ok")).await,
                }
            }
            10 | 11 => {
                caller.post(&format!("{path}/pin"), json!({})).await;
                match self.dice.roll(2) {
                    0 => caller.post(&format!("{path}/pin"), json!({})).await,
                    _ => caller.delete(&format!("{path}/pin")).await,
                }
            }
            12 => caller.post("/groups/team/conversation/read", json!({})).await,
            13 => caller.post(&format!("/users/{whom}/conversation/delivered"), json!({})).await,
            14 => {
                let lists = json!({"participants": ["bob", "cy"], "moderators": ["dee"]});
                self.app.post("/groups/team/members", lists).await
            }
            15 => caller.delete(&format!("/groups/team/members/{other}")).await,
            16 => caller.post(&format!("/groups/team/bannedusers/{other}"), json!({})).await,
            17 => self.app.delete(&format!("/groups/team/bannedusers/{other}")).await,
            18 => caller.put(&format!("/groups/team/members/{other}"), json!({"scope": "moderator"})).await,
            19..=22 if !me.is_empty() => {
                let to = if self.dice.roll(2) == 0 { ("group", "team") } else { ("user", whom) };
                let call = json!({"receiver": to.1, "receiverType": to.0, "type": "audio"});
                let answer = caller.post("/calls", call).await;
                let on = &answer.body["data"]["data"]["entities"]["on"]["entity"];
                let path = format!("/calls/{}", on["sessionid"].as_str().unwrap_or("none"));
                for statuses in [["ongoing", "rejected", "busy"], ["ended", "cancelled", "ongoing"], ["ended"; 3]] {
                    let status = json!({"status": statuses[self.dice.roll(3)]});
                    let who = if self.dice.roll(3) == 0 { self.caller().0 } else { self.app.behalf(whom) };
                    who.put(&path, status).await;
                }
                let last = ["cancelled", "ended"][self.dice.roll(2)];
                caller.put(&path, json!({ "status": last })).await
            }
            _ if me != "ann" && !me.is_empty() => match self.dice.roll(2) {
                0 => caller.post("/groups/team/members", json!({})).await,
                _ => caller.delete("/groups/team/members").await,
            },
            _ => return,
        };
    }
}

#[tokio::test]
async fn sockets_and_webhooks_are_told_the_same() {
    let mut happened = BTreeSet::new();
    for seed in 1..=3 {
        let h = Harness::start().await;
        let mut people = Vec::new();
        for uid in UIDS {
            people.push(h.user(uid).await);
        }
        h.user("zed").await;
        h.group("team", &people[0], &[&people[1], &people[2]]).await;
        let mut socks = Vec::new();
        for user in &people {
            // Another device: the one that acts hears nothing of its own acts.
            socks.push(user.again().await.connect().await);
        }
        let mut ears = Ears::of(&h, &all()).await;
        let mut world = World { dice: Dice::new(seed), app: h.app.clone(), people, sent: Vec::new() };
        for _ in 0..200 {
            world.act().await;
        }
        for uid in UIDS {
            h.behalf("zed").post("/messages", text_to("user", uid, "the end")).await.ok();
        }
        let mut heard = Told::new();
        for sock in &mut socks {
            let mut own = Told::new();
            sock.before_text("the end")
                .await
                .iter()
                .filter_map(by_socket)
                .for_each(|key| *own.entry(key).or_default() += 1);
            for (key, times) in own {
                let most = heard.entry(key).or_default();
                *most = times.max(*most);
            }
        }
        let events: Vec<String> = ears.events().into_iter().map(|(_, kind)| kind).collect();
        let kinds: Vec<&str> = events.iter().map(String::as_str).collect();
        let mut told = Told::new();
        let all = ears.tell(&kinds).await;
        let ends = |told: &Value| told["data"]["message"]["data"]["text"] == "the end";
        all.iter().filter(|told| !ends(told)).flat_map(by_webhook).for_each(|key| *told.entry(key).or_default() += 1);
        let count = |trigger: &str| kinds.iter().filter(|kind| **kind == trigger).count();
        assert_eq!(count("group_member_kicked"), count("group_member_removed"));
        assert!(told.len() > 60, "seed {seed}: little happened: {told:?}");
        assert_eq!(heard, told, "seed {seed}");
        check_sessions(&all);
        happened.extend(events.iter().cloned());
    }
    // What nobody did says nothing.
    let wanted = [messages::TRIGGERS, groups::TRIGGERS, calls::TRIGGERS].concat().into_iter();
    let wanted = wanted.filter(|trigger| !BESIDES.contains(trigger));
    let missing: Vec<_> = wanted.filter(|trigger| !happened.contains(*trigger)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

//! The law of counters: a count equals the list it counts.
//!
//! People act at random (the same way each run): they write of every kind, in threads and out, delete, erase, mark as
//! read and unread, block, review, come, go and are deactivated. Now and then every counter that REST shows is held
//! against the list of the same question, for everybody and under every filter.

use std::collections::BTreeMap;
use std::sync::Arc;

use hobnob::chores;
use hobnob::doctor::database::recount;
use hobnob::media::Media;
use hobnob::model::Code;
use hobnob::model::limits::Limits;

use serde_json::{Value, json};

use crate::admin::{of, root};
use crate::harness::{App, Dice, Harness, User, hobnob, id_of};

const GROUPS: [&str; 2] = ["team", "club"];

pub struct World {
    pub h: Harness,
    /// The one whose counters are checked.
    pub app: App,
    dice: Dice,
    pub people: Vec<User>,
    /// Messages that were sent, by whom.
    sent: Vec<(usize, i64)>,
    /// Who is deactivated now.
    pub away: Option<usize>,
    /// People delete conversations for themselves.
    pub clears: bool,
    /// Messages of the past are imported, by whoever is no member as well.
    imports: bool,
}

impl World {
    pub async fn start(seed: u64) -> World {
        World::of(seed, &["ann", "bob", "cy", "dee"], false).await
    }

    /// The same with one more, who is in no group yet, and imports.
    pub async fn with_imports(seed: u64) -> World {
        World::of(seed, &["ann", "bob", "cy", "dee", "eve"], true).await
    }

    async fn of(seed: u64, uids: &[&str], imports: bool) -> World {
        let h = Harness::start().await;
        let mut people = Vec::new();
        for uid in uids {
            people.push(h.user(uid).await);
        }
        h.group("team", &people[0], &[&people[1], &people[2]]).await;
        h.group("club", &people[3], &[&people[0], &people[1], &people[2]]).await;
        World {
            app: h.app.clone(),
            h,
            dice: Dice::new(seed),
            people,
            sent: Vec::new(),
            away: None,
            clears: true,
            imports,
        }
    }

    fn earlier(&mut self) -> Option<(usize, i64)> {
        // Mostly the newest: there the counters are.
        let near = self.sent.len().min(if self.dice.roll(3) == 0 { usize::MAX } else { 12 });
        (near > 0).then(|| self.sent[self.sent.len() - 1 - self.dice.roll(near)])
    }

    /// A group or another person, as paths and bodies name it.
    fn other(&mut self, who: usize) -> (&'static str, String) {
        match self.dice.roll(3) {
            0 => {
                let other = (who + 1 + self.dice.roll(self.people.len() - 1)) % self.people.len();
                ("user", self.people[other].uid.clone())
            }
            _ => ("group", (*self.dice.of(&GROUPS)).to_owned()),
        }
    }

    pub async fn act(&mut self, step: usize) {
        let who = self.dice.roll(self.people.len());
        let (kind, name) = self.other(who);
        let path = format!("/{kind}s/{name}");
        let earlier = self.earlier();
        let one = self.people[who].clone();
        let other = self.dice.of(&self.people).uid.clone();
        let group = *self.dice.of(&GROUPS);
        let text = match self.dice.roll(5) {
            0 => format!("{step} for <@uid:{other}>"),
            1 => format!("{step} for <@all:{name}> https://example.org"),
            _ => format!("step {step}"),
        };
        let mut body = json!({"receiver": name, "receiverType": kind, "data": {"text": text}, "tags": ["t"]});
        match self.dice.roll(if self.imports { 27 } else { 24 }) {
            24..=26 => {
                // Of the past, by whoever is no member as well.
                let muid = format!("old-{step}");
                let sent_at = 1_700_000_000 + step;
                let line = json!({"muid": muid, "sender": other, "receiver": group, "receiverType": "group", "category": "message",
                                  "type": "text", "data": {"text": text}, "sentAt": sent_at});
                self.h.post("/data_import/messages", json!({"messages": {muid.as_str(): line}})).await.ok();
            }
            0..=5 => self.send(who, body).await,
            6 | 7 => {
                let shows = self.dice.roll(2) == 0;
                body["category"] = json!("custom");
                body["type"] = json!("place");
                body["data"] = json!({"customData": {"n": step}, "updateConversation": shows});
                self.send(who, body).await;
            }
            8..=10 => {
                body["parentId"] = json!(earlier.map(|(_, id)| id));
                // Where the parent is: a reply elsewhere is refused.
                if let Some((author, id)) = earlier {
                    let parent = self.people[author].get(&format!("/messages/{id}")).await;
                    if parent.status == 200 {
                        let parent = &parent.body["data"];
                        let own = parent["receiverType"] == "user" && parent["receiver"] == one.uid.as_str();
                        body["receiver"] = if own { parent["sender"].clone() } else { parent["receiver"].clone() };
                        body["receiverType"] = parent["receiverType"].clone();
                    }
                }
                self.send(who, body).await;
            }
            11 => {
                if let Some((author, id)) = earlier {
                    self.people[author].delete(&format!("/messages/{id}")).await;
                }
            }
            12 => {
                if let Some((author, id)) = earlier {
                    let whole = json!({"permanent": true});
                    self.people[author].delete_with(&format!("/messages/{id}"), whole).await;
                }
            }
            13 | 14 => {
                let body = match earlier.filter(|_| self.dice.roll(2) == 0) {
                    Some((_, id)) => json!({"messageId": id}),
                    None => json!({}),
                };
                one.post(&format!("{path}/conversation/read"), body).await;
            }
            15 | 16 => {
                if let Some((_, id)) = earlier {
                    one.delete_with(&format!("{path}/conversation/read"), json!({"messageId": id})).await;
                }
            }
            17 => drop(one.post(&format!("{path}/conversation/delivered"), json!({})).await),
            18 => {
                if let Some((_, id)) = earlier {
                    one.post(&format!("/messages/{id}/flagged"), json!({"reasonId": "spam"})).await;
                    let status = ["approved", "disapproved"][self.dice.roll(2)];
                    self.h.patch(&format!("/moderation/flagged-messages/{id}"), json!({"status": status})).await;
                }
            }
            19 => {
                let uids = json!({"blockedUids": [other]});
                match self.dice.roll(2) {
                    0 => drop(one.post("/blockedusers", uids).await),
                    _ => drop(one.delete_with("/blockedusers", uids).await),
                }
            }
            20 => drop(self.h.delete(&format!("/groups/{group}/members/{other}")).await),
            21 => drop(one.post(&format!("/groups/{group}/members"), json!({})).await),
            22 if !self.clears => {}
            22 => drop(one.delete(&format!("{path}/conversation")).await),
            _ => match self.away.take() {
                Some(back) => {
                    let uid = self.people[back].uid.clone();
                    self.h.put("/users", json!({"uidsToActivate": [uid]})).await.ok();
                    self.people[back] = self.h.log_in(&uid).await;
                }
                None => {
                    let uids = json!({"uidsToDeactivate": [one.uid]});
                    self.h.delete_with("/users", uids).await.ok();
                    self.away = Some(who);
                }
            },
        }
    }

    async fn send(&mut self, who: usize, body: Value) {
        let answer = self.people[who].post("/messages", body).await;
        if answer.status == 200 {
            self.sent.push((who, id_of(&answer.body["data"])));
        }
    }

    /// Every counter against its list, for everybody.
    pub async fn check(&self, step: usize) {
        for (index, one) in self.people.iter().enumerate() {
            if self.away != Some(index) {
                self.check_conversations(one, step).await;
                self.check_messages(one, step).await;
                self.check_threads(one, step).await;
            }
        }
        for group in GROUPS {
            let shown = self.app.get(&format!("/groups/{group}")).await.ok()["membersCount"].as_u64();
            let list = self.app.get(&format!("/groups/{group}/members?perPage=100")).await.list().len();
            assert_eq!(shown, Some(list as u64), "{step}: members of {group}");
        }
        let (wrong, finding) = recount(&self.h.data.join("hobnob.db")).expect("counts");
        assert!(wrong.is_empty(), "{step}: {finding:?}");
        let users = self.app.get("/users?count=true").await.ok()["count"].as_u64();
        assert_eq!(users, Some(self.app.get("/users").await.list().len() as u64), "{step}: users");
    }

    /// What a conversation and the list of conversations say.
    async fn check_conversations(&self, one: &User, step: usize) {
        let all = one.get("/conversations?includeBlockedUsers=true&perPage=100").await.list();
        let mut unread = Vec::new();
        for conversation in &all {
            let with = &conversation["conversationWith"];
            let path = match conversation["conversationType"].as_str() {
                Some("user") => format!("/users/{}", with["uid"].as_str().expect("a uid")),
                _ => format!("/groups/{}", with["guid"].as_str().expect("a guid")),
            };
            let what = format!("{step}: {} in {path}", one.uid);
            if one.get(&format!("{path}/conversation")).await.status != 200 {
                continue;
            }
            let list = one.get(&format!("{path}/messages?unread=1&limit=1000&affix=append")).await.list();
            assert_eq!(conversation["unreadMessageCount"], list.len().to_string(), "{what}");
            let naming = one.get(&format!("{path}/messages?unread=1&myMentionsOnly=1&limit=1000")).await.list();
            assert_eq!(conversation["unreadMentionsCount"], naming.len(), "{what}: mentions");
            if !list.is_empty() {
                unread.push(conversation["conversationId"].clone());
            }
        }
        let listed = one.get("/conversations?unread=true&includeBlockedUsers=true&perPage=100").await.list();
        let listed: Vec<Value> = listed
            .iter()
            .filter(|one| all.iter().any(|other| other["conversationId"] == one["conversationId"]))
            .filter(|conversation| conversation["unreadMessageCount"] != "0")
            .map(|one| one["conversationId"].clone())
            .collect();
        for conversation in unread {
            assert!(listed.contains(&conversation), "{step}: {conversation} is not among the unread of {}", one.uid);
        }
    }

    /// `count=1` under every filter: what the same question lists.
    async fn check_messages(&self, one: &User, step: usize) {
        for state in ["unread=1", "undelivered=1"] {
            for more in [
                "",
                "&hideMessagesFromBlockedUsers=1",
                "&receiverType=group",
                "&receiverType=user",
                "&category=custom",
                "&types=text",
                "&hideReplies=true",
                "&myMentionsOnly=1",
                "&hasLinks=1",
                "&tags=t",
                "&sender=bob",
                "&searchKey=step",
                "&hideDeleted=1",
                "&hideMessagesFromBlockedUsers=1&hideReplies=true",
            ] {
                let asked = format!("{state}{more}");
                let list = one.get(&format!("/messages?{asked}&limit=1000")).await.list();
                let mut expected: BTreeMap<(String, String), i64> = BTreeMap::new();
                for message in &list {
                    let kind = message["receiverType"].as_str().expect("a type").to_owned();
                    let name = match kind.as_str() {
                        "user" => message["sender"].as_str(),
                        _ => message["receiver"].as_str(),
                    };
                    *expected.entry((kind, name.expect("a name").to_owned())).or_default() += 1;
                }
                let counts: BTreeMap<(String, String), i64> = one
                    .get(&format!("/messages?{asked}&count=1"))
                    .await
                    .list()
                    .iter()
                    .map(|count| {
                        let text = |key: &str| count[key].as_str().expect("text").to_owned();
                        ((text("entityType"), text("entityId")), count["count"].as_i64().expect("a number"))
                    })
                    .collect();
                assert_eq!(counts, expected, "{step}: {} asks {asked}", one.uid);
                let peers = self.people.iter().map(|peer| ("user", peer.uid.as_str()));
                for (kind, name) in GROUPS.iter().map(|group| ("group", *group)).chain(peers) {
                    let one_count = one.get(&format!("/{kind}s/{name}/messages?{asked}&count=1")).await;
                    if one_count.status == 200 {
                        let one_count = one_count.list().first().and_then(|count| count["count"].as_i64());
                        let key = (kind.to_owned(), name.to_owned());
                        assert_eq!(one_count, expected.get(&key).copied(), "{step}: {} asks {name} {asked}", one.uid);
                    }
                }
            }
        }
    }

    /// Replies of a thread, in all and unread.
    async fn check_threads(&self, one: &User, step: usize) {
        for thread in one.get("/threads?limit=100").await.list() {
            let id = id_of(&thread);
            let replies = one.get(&format!("/messages/{id}/thread?limit=1000&hideDeleted=1")).await.list();
            // Its sender sees a reply that a review has hidden.
            let seen = replies.iter().filter(|reply| reply["data"]["moderation"]["status"] != "disapproved").count();
            assert_eq!(thread["replyCount"].as_u64(), Some(seen as u64), "{step}: replies to {id}");
            let unread = one.get(&format!("/messages/{id}/thread?limit=1000&unread=1")).await.list();
            assert_eq!(thread["unreadReplyCount"], unread.len(), "{step}: unread of {} under {id}", one.uid);
            let counted = one.get(&format!("/messages/{id}/thread?unread=1&count=1")).await.list();
            let counted = counted.first().and_then(|count| count["count"].as_u64()).unwrap_or(0);
            assert_eq!(counted, unread.len() as u64, "{step}: counted under {id}");
        }
    }
}

/// As long as the messages of groups are kept, in days.
const KEPT: i64 = 30;

/// The same while old messages go: those of groups only, with their files, and those of people stay.
#[tokio::test]
async fn a_count_equals_its_list_while_old_messages_go() {
    for seed in [3, 29] {
        let mut world = World::with_imports(seed).await;
        let root = root(&world.h).await;
        let path = of(&world.h.app, "/retention");
        root.put(&path, json!({"group": 0})).await.refused(Code::BadRequest);
        root.put(&path, json!({"group": 40_000})).await.refused(Code::BadRequest);
        root.put(&path, json!({"user": 7, "group": KEPT})).await.ok();
        assert_eq!(root.put(&path, json!({"user": null})).await.ok(), json!({"user": null, "group": KEPT}));
        let media = Media::open(&world.h.data, 1).expect("opens");
        let limits = Arc::new(Limits::default());
        for step in 0..200 {
            world.act(step).await;
            world.h.clock.advance(86_400 / 4);
            if step % 25 != 24 {
                continue;
            }
            let group = |h: &Harness, more: &str| {
                h.count(&format!(
                    "SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conv_id WHERE c.group_id IS NOT NULL {more}"
                ))
            };
            let of_people =
                "SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conv_id WHERE c.group_id IS NULL";
            let old = format!("AND m.sent_at < {}", world.h.clock.now() - KEPT * 86_400);
            let young = format!("AND m.sent_at >= {}", world.h.clock.now() - KEPT * 86_400);
            let (before, people) = (group(&world.h, &young), world.h.count(of_people));
            chores::round(&world.h.store, &limits, &media).await.expect("done");
            assert_eq!((group(&world.h, &young), group(&world.h, &old)), (before, 0), "{step}");
            assert_eq!(world.h.count(of_people), people, "{step}");
            assert!(step < 150 || world.h.count("SELECT count(*) FROM messages") < world.sent.len() as i64, "{step}");
            // What shows as the last message is one that is there.
            assert_eq!(
                world.h.count(
                    "SELECT count(*) FROM conversations c WHERE preview_id > 0 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = c.preview_id)"
                ),
                0
            );
            world.check(step).await;
        }
        // Switched off by the tool, nothing goes any more.
        let set = hobnob(&world.h.data, &["app", "retention", &world.h.app_id, "--group", "off", "--json"]);
        assert_eq!(String::from_utf8_lossy(&set.stdout).trim(), r#"{"user":null,"group":null}"#);
        let all = world.h.count("SELECT count(*) FROM messages");
        world.h.clock.advance(90 * 86_400);
        chores::round(&world.h.store, &limits, &media).await.expect("done");
        assert_eq!(world.h.count("SELECT count(*) FROM messages"), all);
    }
}

#[tokio::test]
async fn a_count_equals_its_list() {
    for seed in [5, 17] {
        let mut world = World::with_imports(seed).await;
        for step in 0..400 {
            world.act(step).await;
            if step % 30 == 29 {
                world.check(step).await;
            }
        }
        assert!(world.sent.len() > 60, "the play was too short: {}", world.sent.len());
    }
}

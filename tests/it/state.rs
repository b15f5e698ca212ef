//! The state law: what a client makes of the events it heard equals what REST then says.
//!
//! Several users act at random (the same way each run) in a group and one to one: they write, reply, mention, edit, delete,
//! react, pin, read, flag, come and go. One socket folds every frame over an empty state, and at the end the folded state
//! is compared with the lists and the counts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Dice, Harness, User, id_of};

/// The one who watches.
const ME: &str = "owner";

/// What a client keeps of a message, as far as events can tell.
fn shape(message: &Value) -> Value {
    let data = &message["data"];
    let by = &data["entities"]["by"]["entity"]["uid"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let reactions: BTreeMap<String, i64> = list(&data["reactions"])
        .iter()
        .map(|one| (one["reaction"].as_str().unwrap_or_default().to_owned(), one["count"].as_i64().unwrap_or_default()))
        .collect();
    let mentions: Vec<&String> = data["mentions"].as_object().into_iter().flat_map(|all| all.keys()).collect();
    json!({
        "category": message["category"], "type": message["type"], "sender": message["sender"], "receiver": message["receiver"],
        "conversationId": message["conversationId"], "text": data["text"], "action": data["action"], "by": by,
        "on": data["entities"]["on"]["entity"]["uid"], "editedAt": message["editedAt"], "editedBy": message["editedBy"],
        "deletedAt": message["deletedAt"], "deletedBy": message["deletedBy"], "parentId": message["parentId"],
        "tags": message["tags"], "reactions": reactions, "mentions": mentions, "pinnedBy": message["pinnedBy"],
        "replyCount": message["replyCount"].as_i64().unwrap_or(0), "moderation": data["moderation"]["status"],
    })
}

/// What one client knows.
#[derive(Default)]
struct Folded {
    messages: BTreeMap<i64, Value>,
    /// uid -> scope
    members: BTreeMap<String, String>,
    /// The newest message read, by conversation.
    read: BTreeMap<String, i64>,
}

impl Folded {
    fn fold(&mut self, frame: &Value) {
        let body = &frame["body"];
        match frame["type"].as_str().unwrap_or_default() {
            "message" => self.fold_message(body),
            "on_moderation_status_changed" => self.change(body),
            "message_pinned" | "message_unpinned" => {
                let message = &body["message"];
                self.messages.insert(id_of(message), shape(message));
            }
            "reaction" => {
                let id: i64 = body["messageId"].as_str().and_then(|id| id.parse().ok()).expect("an id");
                let message = self.messages.get_mut(&id).expect("a message that is known");
                let reactions = message["reactions"].as_object_mut().expect("reactions");
                let name = body["reaction"].as_str().expect("a reaction");
                let step = if body["action"] == "message_reaction_added" { 1 } else { -1 };
                let count = reactions.get(name).and_then(Value::as_i64).unwrap_or(0) + step;
                match count {
                    0 => drop(reactions.remove(name)),
                    _ => drop(reactions.insert(name.to_owned(), json!(count))),
                }
            }
            // One's own reading, on another device.
            "receipts" if body["action"] == "read" && frame["sender"] == ME => {
                let id: i64 = body["messageId"].as_str().and_then(|id| id.parse().ok()).expect("an id");
                let conversation = &self.messages[&id]["conversationId"];
                let upto = self.read.entry(conversation.as_str().expect("a conversation").to_owned()).or_default();
                *upto = id.max(*upto);
            }
            _ => {}
        }
    }

    /// How many messages of a conversation are unread, and how many of those name the one who watches.
    fn unread(&self, conversation: &str) -> (usize, usize) {
        let upto = self.read.get(conversation).copied().unwrap_or(0);
        let unread: Vec<&Value> = self
            .messages
            .range(upto + 1..)
            .map(|(_, message)| message)
            .filter(|message| message["conversationId"] == conversation && message["category"] == "message")
            .filter(|message| message["sender"] != ME && message["deletedAt"].is_null())
            .filter(|message| message["moderation"] != "disapproved")
            .collect();
        let named = |message: &&&Value| {
            let everybody = conversation.starts_with("group_")
                && message["text"].as_str().is_some_and(|text| text.contains("<@all:"));
            everybody || message["mentions"].as_array().is_some_and(|names| names.contains(&json!(ME)))
        };
        (unread.len(), unread.iter().filter(named).count())
    }

    /// A message is not as it was. Its thread counts it while everybody sees it.
    fn change(&mut self, message: &Value) {
        let counts = |shape: &Value| i64::from(shape["deletedAt"].is_null() && shape["moderation"] != "disapproved");
        let now = shape(message);
        let step = counts(&now) - self.messages.get(&id_of(message)).map_or(0, counts);
        if let Some(parent) = now["parentId"].as_str().and_then(|id| id.parse::<i64>().ok()) {
            let parent = self.messages.get_mut(&parent).expect("a parent that is known");
            parent["replyCount"] = json!(parent["replyCount"].as_i64().unwrap_or(0) + step);
        }
        self.messages.insert(id_of(message), now);
    }

    fn fold_message(&mut self, message: &Value) {
        let entities = &message["data"]["entities"];
        if message["category"] == "action" && message["type"] == "message" {
            let changed = &entities["on"]["entity"];
            self.change(changed);
            return;
        }
        self.messages.insert(id_of(message), shape(message));
        if let Some(parent) = message["parentId"].as_str().and_then(|id| id.parse::<i64>().ok()) {
            let parent = self.messages.get_mut(&parent).expect("a parent that is known");
            parent["replyCount"] = json!(parent["replyCount"].as_i64().unwrap_or(0) + 1);
        }
        let uid = |who: &str| entities[who]["entity"]["uid"].as_str().unwrap_or_default().to_owned();
        match message["data"]["action"].as_str() {
            Some("joined") => drop(self.members.insert(uid("by"), "participant".into())),
            Some("added") => drop(self.members.insert(uid("on"), "participant".into())),
            Some("left") => drop(self.members.remove(&uid("by"))),
            Some("kicked" | "banned") => drop(self.members.remove(&uid("on"))),
            Some("scopeChanged") => {
                let scope = message["data"]["extras"]["scope"]["new"].as_str().unwrap_or_default();
                self.members.insert(uid("on"), scope.to_owned());
            }
            _ => {}
        }
    }
}

/// One random act; refusals are part of the game.
async fn act(
    h: &Harness,
    dice: &mut Dice,
    (people, owner): (&[User], &User),
    sent: &mut Vec<(usize, i64)>,
    step: usize,
) {
    let who = dice.roll(people.len());
    let other = &people[dice.roll(people.len())];
    let one = &people[who];
    let text = match dice.roll(8) {
        0 => format!("step {step} for <@uid:owner>"),
        1 => format!("step {step} for <@all:team>"),
        _ => format!("step {step}"),
    };
    let earlier = |dice: &mut Dice| (!sent.is_empty()).then(|| sent[dice.roll(sent.len())]);
    let message = match dice.roll(20) {
        0..=3 => Some(
            one.post("/messages", json!({"receiver": "team", "receiverType": "group", "data": {"text": text}})).await,
        ),
        4 => Some(
            owner.post("/messages", json!({"receiver": one.uid, "receiverType": "user", "data": {"text": text}})).await,
        ),
        5 => {
            if let Some((author, id)) = earlier(dice) {
                let change = json!({"data": {"text": format!("edited at {step}")}, "tags": ["t"]});
                people[author].put(&format!("/messages/{id}"), change).await;
            }
            None
        }
        6 => {
            if let Some((author, id)) = earlier(dice) {
                people[author].delete(&format!("/messages/{id}")).await;
            }
            None
        }
        7 => {
            let parent = earlier(dice).map(|(_, id)| id);
            let body = json!({"receiver": "team", "receiverType": "group", "data": {"text": text}, "parentId": parent});
            Some(one.post("/messages", body).await)
        }
        8 => {
            owner.delete(&format!("/groups/team/members/{}", other.uid)).await;
            None
        }
        9 => {
            other.post("/groups/team/members", json!({})).await;
            None
        }
        10 => {
            let scope = ["participant", "moderator", "admin"][dice.roll(3)];
            owner.put(&format!("/groups/team/members/{}", other.uid), json!({"scope": scope})).await;
            None
        }
        11..=13 => {
            if let Some((_, id)) = earlier(dice) {
                let path = format!("/messages/{id}/reactions/{}", ["a", "b"][dice.roll(2)]);
                match dice.roll(3) {
                    0 => drop(one.delete(&path).await),
                    _ => drop(one.post(&path, json!({})).await),
                }
            }
            None
        }
        14 | 15 => {
            if let Some((_, id)) = earlier(dice) {
                let path = format!("/messages/{id}/pin");
                match dice.roll(3) {
                    0 => drop(owner.delete(&path).await),
                    1 => drop(h.post(&path, json!({})).await),
                    _ => drop(owner.post(&path, json!({})).await),
                }
            }
            None
        }
        16 => {
            if let Some((_, id)) = earlier(dice) {
                one.post(&format!("/messages/{id}/flagged"), json!({"reasonId": "spam"})).await;
                let status = ["approved", "disapproved", "disapproved"][dice.roll(3)];
                h.patch(&format!("/moderation/flagged-messages/{id}"), json!({"status": status})).await;
            }
            None
        }
        17 => {
            owner.post("/groups/team/conversation/read", json!({})).await.ok();
            None
        }
        18 => {
            one.post("/messages", json!({"receiver": "owner", "receiverType": "user", "data": {"text": text}})).await;
            None
        }
        _ => {
            let path = format!("/groups/team/bannedusers/{}", other.uid);
            owner.post(&path, json!({})).await;
            owner.delete(&path).await;
            None
        }
    };
    if let Some(answer) = message
        && answer.status == 200
    {
        sent.push((who, id_of(&answer.body["data"])));
    }
}

/// A whole history, page by page, oldest last, as a client would read it.
async fn history(user: &User, path: &str) -> BTreeMap<i64, Value> {
    let mut all = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = user.get(&format!("{path}?limit=30&affix=prepend&withTags=1{cursor}")).await.list();
        let Some(first) = page.first() else { return all };
        cursor = format!("&id={}", id_of(first));
        all.extend(page.iter().map(|message| (id_of(message), shape(message))));
    }
}

#[tokio::test]
async fn folded_events_equal_what_rest_says() {
    for seed in [7, 11, 23] {
        play(seed).await;
    }
}

async fn play(seed: u64) {
    let h = Harness::start().await;
    let owner = h.user("owner").await;
    let mut people = Vec::new();
    for uid in ["ann", "bob", "cy", "dee"] {
        people.push(h.user(uid).await);
    }
    h.group("team", &owner, &[]).await;
    // The one who watches is the owner on another device: always a member, and it hears his own acts, too.
    let watcher = owner.again().await;
    let mut sock = watcher.connect().await;
    for one in &people {
        one.post("/groups/team/members", json!({})).await.ok();
    }
    let mut dice = Dice::new(seed);
    let mut sent = Vec::new();
    for step in 0..400 {
        act(&h, &mut dice, (&people, &owner), &mut sent, step).await;
    }
    owner.send_group("team", "the end").await;

    let mut folded = Folded::default();
    folded.members.insert("owner".into(), "admin".into());
    for frame in sock.until(|frame| frame["body"]["data"]["text"] == "the end").await {
        folded.fold(&frame);
    }
    let mut said = history(&watcher, "/groups/team/messages").await;
    for one in &people {
        said.extend(history(&watcher, &format!("/users/{}/messages", one.uid)).await);
    }
    assert!(said.len() > 100, "the play was too short: {}", said.len());
    // What a review has hidden is told of and then not listed.
    let hidden = |message: &Value| message["moderation"] == "disapproved" && message["sender"] != ME;
    for (id, message) in &said {
        assert_eq!(folded.messages.get(id), Some(message), "message {id}");
    }
    let seen = folded.messages.values().filter(|message| !hidden(message)).count();
    assert_eq!(seen, said.len());
    assert!(seen < folded.messages.len(), "nothing was hidden");

    for conversation in watcher.get("/conversations").await.list() {
        let name = conversation["conversationId"].as_str().expect("a name");
        let unread = conversation["unreadMessageCount"].as_str().and_then(|text| text.parse().ok());
        let mentions = conversation["unreadMentionsCount"].as_u64().map(|count| count as usize);
        let (expected, named) = folded.unread(name);
        assert_eq!((unread, mentions), (Some(expected), Some(named)), "{name}");
    }

    let members: BTreeMap<String, String> = watcher
        .get("/groups/team/members?perPage=100")
        .await
        .list()
        .iter()
        .map(|member| {
            (
                member["uid"].as_str().unwrap_or_default().to_owned(),
                member["scope"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    assert_eq!(folded.members, members);
}

//! The state law: what a client makes of the events it heard equals what REST then says.
//!
//! Several users act at random (the same way each run) in a group and one to one; one socket folds every frame over an
//! empty state, and at the end the folded state is compared with the lists.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Harness, User, id_of};

/// What a client keeps of a message, as far as events can tell.
fn shape(message: &Value) -> Value {
    let data = &message["data"];
    let by = &data["entities"]["by"]["entity"]["uid"];
    json!({
        "category": message["category"], "type": message["type"], "sender": message["sender"], "receiver": message["receiver"],
        "conversationId": message["conversationId"], "text": data["text"], "action": data["action"], "by": by,
        "on": data["entities"]["on"]["entity"]["uid"], "editedAt": message["editedAt"], "editedBy": message["editedBy"],
        "deletedAt": message["deletedAt"], "deletedBy": message["deletedBy"], "parentId": message["parentId"],
        "tags": message["tags"],
    })
}

/// What one client knows.
#[derive(Default)]
struct Folded {
    messages: BTreeMap<i64, Value>,
    /// uid -> scope
    members: BTreeMap<String, String>,
}

impl Folded {
    fn fold(&mut self, frame: &Value) {
        let message = &frame["body"];
        if frame["type"] != "message" {
            return;
        }
        let entities = &message["data"]["entities"];
        if message["category"] == "action" && message["type"] == "message" {
            let changed = &entities["on"]["entity"];
            self.messages.insert(id_of(changed), shape(changed));
            return;
        }
        self.messages.insert(id_of(message), shape(message));
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

/// A small generator of numbers, the same each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// One random act; refusals are part of the game.
async fn act(dice: &mut Dice, people: &[User], owner: &User, sent: &mut Vec<(usize, i64)>, step: usize) {
    let who = dice.roll(people.len());
    let other = &people[dice.roll(people.len())];
    let one = &people[who];
    let text = format!("step {step}");
    let earlier = |dice: &mut Dice| (!sent.is_empty()).then(|| sent[dice.roll(sent.len())]);
    let message = match dice.roll(12) {
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
    let mut dice = Dice(7);
    let mut sent = Vec::new();
    for step in 0..240 {
        act(&mut dice, &people, &owner, &mut sent, step).await;
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
    for (id, message) in &said {
        assert_eq!(folded.messages.get(id), Some(message), "message {id}");
    }
    assert_eq!(folded.messages.len(), said.len());

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

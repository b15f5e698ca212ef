//! The law of sight: no text of a message that somebody may not see stands in any answer or frame they get, wherever it is
//! put: lists, quotes, last messages, newest replies, pins, saved copies, searches, retries, edits told to many.
//!
//! Several people act at random (the same way each run) in two groups and one to one: they write, quote, reply, edit,
//! delete, react, pin, save, retry, call, clear their chats, come, go, are kicked and banned, and messages are hidden by
//! reviews and come back. Each text is a word of its own, so a leak is found by looking for it. The test knows by a model
//! of its own who may read which, and asks for the other direction as well: what one may see, one finds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hobnob::model::error::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::described::{operation, showing_messages};
use crate::harness::receiver::{Does, Receiver};
use crate::harness::{Answer, Client, Dice, Harness, Sock, User, eventually, id_of};

const PEOPLE: [&str; 4] = ["ann", "bob", "cy", "dee"];
/// Of the people: an engine outside is asked about what they write.
const ASKED: usize = 3;
const GROUPS: [&str; 2] = ["team", "club"];

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Place {
    Group(usize),
    /// The two, in order.
    Pair(usize, usize),
}

struct Said {
    place: Place,
    sender: usize,
    muid: String,
    /// What it says now; `None`: deleted.
    word: Option<String>,
    hidden: bool,
}

/// Who may read what, as the contract has it.
#[derive(Default)]
struct Model {
    said: BTreeMap<i64, Said>,
    /// Every word there ever was, with the message it was in.
    words: HashMap<String, i64>,
    members: BTreeSet<(usize, usize)>,
    cleared: HashMap<(usize, Place), i64>,
}

impl Model {
    fn is_in(&self, who: usize, place: Place) -> bool {
        match place {
            Place::Group(group) => self.members.contains(&(group, who)),
            Place::Pair(a, b) => who == a || who == b,
        }
    }

    fn may_read(&self, who: usize, id: i64) -> bool {
        let Some(said) = self.said.get(&id) else { return false };
        self.is_in(who, said.place)
            && self.cleared.get(&(who, said.place)).is_none_or(|upto| *upto < id)
            && (!said.hidden || said.sender == who)
    }

    fn newest(&self, place: Place) -> i64 {
        self.said.iter().rev().find(|(_, said)| said.place == place).map_or(0, |(id, _)| *id)
    }

    /// The words of a text, as far as they are messages'.
    fn words_in<'t>(&self, text: &'t str) -> impl Iterator<Item = (&'t str, i64)> {
        text.split(|c: char| !c.is_ascii_alphanumeric())
            .filter_map(|word| self.words.get(word).map(|id| (word, *id)))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Fails if the text holds what `who` may not read; how many words they read there.
    fn check(&self, who: usize, what: &str, text: &str) -> usize {
        let mut read = 0;
        for (word, id) in self.words_in(text) {
            let now = self.said.get(&id).and_then(|said| said.word.as_deref()) == Some(word);
            assert!(now, "{what}: {} reads {word}, which message {id} does not say any more: {text}", PEOPLE[who]);
            assert!(self.may_read(who, id), "{what}: {} reads {word} of message {id}: {text}", PEOPLE[who]);
            read += 1;
        }
        read
    }

    /// All that `who` may read.
    fn readable(&self, who: usize) -> BTreeSet<String> {
        let mine = self.said.iter().filter(|(id, _)| self.may_read(who, **id));
        mine.filter_map(|(_, said)| said.word.clone()).collect()
    }
}

struct Play {
    h: Harness,
    people: Vec<User>,
    socks: Vec<Sock>,
    model: Model,
    dice: Dice,
    /// Operations that answered, and how many words were read in them and in frames.
    visited: BTreeSet<String>,
    read: usize,
    heard: usize,
    quotes: usize,
    /// Asked about what the last of the people writes.
    engine: Receiver,
    /// How many messages waited for it, and how many it let pass.
    asked: [usize; 2],
}

impl Play {
    async fn set(seed: u64) -> Play {
        let h = Harness::with(&["--outgoing-private", "127.0.0.0/8"]).await;
        let mut people = Vec::new();
        for uid in PEOPLE {
            people.push(h.user(uid).await);
        }
        let [ann, others @ ..] = &people[..] else { unreachable!() };
        let others: Vec<&User> = others.iter().collect();
        for guid in GROUPS.iter().chain(&["fence"]) {
            h.group(guid, ann, &others).await;
        }
        // Whoever swears is heard by nobody, until somebody lets it pass.
        let condition = json!({"operand": "text", "category": "word", "value": "zounds"});
        h.post("/moderation/rules", json!({"id": "oaths", "name": "O", "enabled": true, "conditions": [condition]}))
            .await
            .ok();
        // What the last one writes is seen when the engine has let it pass, and not at all where it hangs.
        let engine = Receiver::start().await;
        let list = json!({"id": "engine", "name": "E", "category": "custom-api", "url": engine.url});
        h.post("/moderation/keywords", list).await.ok();
        h.put("/moderation/settings", json!({"onCustomApiError": "drop-message"})).await.ok();
        let rule = json!({
            "id": "asks", "name": "A",
            "filters": [{"entity": "user", "type": "sender", "operand": "uid", "operator": "equals", "value": PEOPLE[ASKED]}],
            "conditions": [{"operand": "text", "category": "custom-api", "value": "engine"}],
        });
        h.post("/moderation/rules", rule).await.ok();
        let mut socks = Vec::new();
        for one in &people {
            // On another device: it hears what the first one does.
            socks.push(one.again().await.connect().await);
        }
        let members = (0..GROUPS.len()).flat_map(|group| (0..PEOPLE.len()).map(move |who| (group, who))).collect();
        let model = Model { members, ..Model::default() };
        Play {
            h,
            people,
            socks,
            model,
            dice: Dice::new(seed),
            visited: BTreeSet::new(),
            read: 0,
            heard: 0,
            quotes: 0,
            engine,
            asked: [0; 2],
        }
    }

    /// Has the engine pass or hang, before `who` writes.
    fn set_engine(&mut self, who: usize) -> bool {
        let passes = self.dice.roll(2) == 0;
        if who == ASKED {
            let body = json!({"isMatchingCondition": false, "confidence": 1}).to_string();
            self.engine.be(if passes { Does::Answer(200, "", body) } else { Does::Hang });
        }
        passes
    }

    /// Whether what was written is hidden, once the engine has answered, if it does.
    async fn is_hidden(&mut self, who: usize, id: i64, (swears, passes): (bool, bool)) -> bool {
        if swears || who != ASKED {
            return swears;
        }
        self.asked[usize::from(passes)] += 1;
        if !passes {
            // From then on it hangs, however the next one is answered.
            let asked: usize = self.asked.iter().sum();
            eventually("it is asked", async || self.engine.told().len() >= asked).await;
        } else {
            let waits = format!("SELECT count(*) FROM moderation_pending WHERE message_id = {id}");
            eventually("it is judged", async || self.h.count(&waits) == 0).await;
        }
        !passes
    }

    fn place(&mut self, who: usize) -> Place {
        match self.dice.roll(3) {
            0 => {
                let other = (who + 1 + self.dice.roll(PEOPLE.len() - 1)) % PEOPLE.len();
                Place::Pair(who.min(other), who.max(other))
            }
            group => Place::Group(group - 1),
        }
    }

    fn some_id(&mut self) -> Option<i64> {
        let ids: Vec<i64> = self.model.said.keys().rev().take(25).copied().collect();
        (!ids.is_empty()).then(|| ids[self.dice.roll(ids.len())])
    }

    /// Receiver and its type, seen by `who`.
    fn receiver(place: Place, who: usize) -> (&'static str, &'static str) {
        match place {
            Place::Group(group) => (GROUPS[group], "group"),
            Place::Pair(a, b) => (PEOPLE[if who == a { b } else { a }], "user"),
        }
    }

    fn path(place: Place, who: usize) -> String {
        let (name, kind) = Play::receiver(place, who);
        format!("/{kind}s/{name}")
    }

    /// A request of `who`, whose answer is looked through once the model knows what it did.
    async fn ask(&mut self, who: usize, method: Method, path: &str, body: Option<Value>) -> Answer {
        let answer = self.people[who].call(method.clone(), path, body).await;
        assert!(answer.status < 500, "{answer:?}");
        if answer.status == 200 {
            self.visited.extend(operation(method.as_str(), path));
        }
        answer
    }

    fn look(&mut self, who: usize, answer: &Answer) {
        self.read += self.model.check(who, &answer.what, &answer.text);
    }

    /// Everything that was heard since the last time, by everybody.
    async fn listen(&mut self, step: usize) {
        let fence = format!("fence {step}");
        let body = json!({"receiver": "fence", "receiverType": "group", "data": {"text": fence}});
        self.h.post("/messages", body).await.ok();
        for who in 0..PEOPLE.len() {
            for frame in self.socks[who].before_text(&fence).await {
                self.heard += self.model.check(who, &format!("a frame at step {step}"), &frame.to_string());
            }
        }
    }

    async fn send(&mut self, who: usize, step: usize) {
        let place = self.place(who);
        let (receiver, kind) = Play::receiver(place, who);
        let word = format!("w{step}w");
        let muid = format!("muid{step}");
        let text = match self.dice.roll(4) {
            0 => format!("{word} <@uid:{}>", PEOPLE[self.dice.roll(PEOPLE.len())]),
            _ => word.clone(),
        };
        let swears = self.dice.roll(6) == 0;
        let text = if swears { format!("Zounds! {text}") } else { text };
        let mut body = json!({"receiver": receiver, "receiverType": kind, "muid": muid, "data": {"text": text}});
        // Mostly one that can be leant on.
        let here =
            self.model.said.iter().rev().filter(|(id, said)| said.place == place && self.model.may_read(who, **id));
        let near: Vec<i64> = here.take(8).map(|(id, _)| *id).collect();
        let earlier = match near.is_empty() || self.dice.roll(5) == 0 {
            true => self.some_id(),
            false => Some(near[self.dice.roll(near.len())]),
        };
        match (self.dice.roll(4), earlier) {
            (0 | 2, Some(id)) => body["quotedMessageId"] = json!(id.to_string()),
            (1, Some(id)) => body["parentMessageId"] = json!(id.to_string()),
            _ => {}
        }
        let path = match body.get("parentMessageId").and_then(Value::as_str) {
            Some(parent) if self.dice.roll(2) == 0 => format!("/messages/{parent}/thread"),
            _ => "/messages".to_owned(),
        };
        let passes = self.set_engine(who);
        let answer = self.ask(who, Method::POST, &path, Some(body.clone())).await;
        if let Some(id) = earlier.filter(|_| answer.status == 200)
            && (body.get("quotedMessageId").is_some() || body.get("parentMessageId").is_some())
        {
            assert!(self.model.may_read(who, id), "one can lean on what one does not see: {answer:?}");
        }
        if answer.status == 200 {
            let id = id_of(&answer.body["data"]);
            self.quotes += usize::from(answer.body["data"]["quotedMessage"].is_object());
            self.model.words.insert(word.clone(), id);
            let hidden = self.is_hidden(who, id, (swears, passes)).await;
            self.model.said.insert(id, Said { place, sender: who, muid, word: Some(word), hidden });
        } else {
            self.model.words.insert(word, 0);
        }
        self.look(who, &answer);
    }

    /// Changes a message, as its sender, as one who may, or as one who may not.
    async fn change(&mut self, step: usize) {
        let Some(id) = self.some_id() else { return };
        let who = match self.dice.roll(3) {
            0 => self.dice.roll(PEOPLE.len()),
            1 => 0,
            _ => self.model.said[&id].sender,
        };
        let path = format!("/messages/{id}");
        match self.dice.roll(8) {
            0..=3 => {
                let word = format!("w{step}w");
                let swears = self.dice.roll(6) == 0;
                let text = if swears { format!("{word} zounds") } else { word.clone() };
                let passes = self.set_engine(who);
                let answer = self.ask(who, Method::PUT, &path, Some(json!({"data": {"text": text}}))).await;
                self.model.words.insert(word.clone(), id);
                let mut hidden = false;
                if answer.status == 200 {
                    hidden = self.is_hidden(who, id, (swears, passes)).await;
                    let said = self.model.said.get_mut(&id).expect("known");
                    (said.word, said.hidden) = (Some(word), hidden);
                }
                // The answer tells whoever edited what they wrote just now, even where it is another's message.
                if !hidden {
                    self.look(who, &answer);
                }
            }
            4 => {
                let permanent = self.dice.roll(2) == 0;
                let answer = self.ask(who, Method::DELETE, &path, Some(json!({"permanent": permanent}))).await;
                if answer.status == 200 {
                    let said = self.model.said.get_mut(&id).expect("known");
                    (said.word, said.hidden) = (None, false);
                }
                self.look(who, &answer);
            }
            kind => {
                let (path, method) = match kind {
                    5 => (format!("{path}/reactions/x"), [Method::POST, Method::DELETE]),
                    6 => (format!("{path}/pin"), [Method::POST, Method::DELETE]),
                    _ => (format!("{path}/save"), [Method::POST, Method::DELETE]),
                };
                let method = method[usize::from(self.dice.roll(3) == 0)].clone();
                if kind == 6 && self.dice.roll(3) == 0 {
                    // The app sees all and pins what it likes.
                    self.h.call(method, &path, Some(json!({}))).await;
                    return;
                }
                let answer = self.ask(who, method, &path, Some(json!({}))).await;
                self.look(who, &answer);
            }
        }
    }

    async fn review(&mut self) {
        let Some(id) = self.some_id() else { return };
        let said = &self.model.said[&id];
        let (place, sender) = (said.place, said.sender);
        for who in 0..PEOPLE.len() {
            if who != sender && self.model.is_in(who, place) {
                self.ask(who, Method::POST, &format!("/messages/{id}/flagged"), Some(json!({"reasonId": "spam"})))
                    .await;
            }
        }
        let status = ["approved", "disapproved", "disapproved"][self.dice.roll(3)];
        let answer = self.h.patch(&format!("/moderation/flagged-messages/{id}"), json!({"status": status})).await;
        if answer.status == 200 {
            let said = self.model.said.get_mut(&id).expect("known");
            said.hidden = status == "disapproved" && said.word.is_some();
            // The app sees it whole.
            if let Some(word) = &said.word {
                assert!(answer.text.contains(word.as_str()), "{}", answer.text);
            }
        }
    }

    async fn come_and_go(&mut self) {
        let (group, who) = (self.dice.roll(GROUPS.len()), 1 + self.dice.roll(PEOPLE.len() - 1));
        let (guid, uid) = (GROUPS[group], PEOPLE[who]);
        let members = format!("/groups/{guid}/members");
        let out = match self.dice.roll(9) {
            0 => self.ask(0, Method::DELETE, &format!("{members}/{uid}"), None).await.status == 200,
            1 => self.ask(who, Method::DELETE, &members, None).await.status == 200,
            2 => {
                self.ask(0, Method::POST, &format!("/groups/{guid}/bannedusers/{uid}"), Some(json!({}))).await.status
                    == 200
            }
            _ => {
                self.ask(0, Method::DELETE, &format!("/groups/{guid}/bannedusers/{uid}"), None).await;
                if self.ask(who, Method::POST, &members, Some(json!({}))).await.status == 200 {
                    self.model.members.insert((group, who));
                }
                false
            }
        };
        if out {
            self.model.members.remove(&(group, who));
            self.model.cleared.remove(&(who, Place::Group(group)));
        }
    }

    async fn clear(&mut self, who: usize) {
        let place = self.place(who);
        let path = format!("{}/conversation", Play::path(place, who));
        let newest = self.model.newest(place);
        match (self.dice.roll(8), place) {
            (0, Place::Pair(..)) => {
                let erase = json!({"deleteMessagesPermanently": true});
                if self.ask(who, Method::DELETE, &path, Some(erase)).await.status == 200 {
                    self.model.said.values_mut().filter(|said| said.place == place).for_each(|said| said.word = None);
                }
            }
            (1, _) => {
                let name = match place {
                    Place::Group(group) => format!("group_{}", GROUPS[group]),
                    Place::Pair(a, b) => format!("{}_user_{}", PEOPLE[a], PEOPLE[b]),
                };
                let everybody = self.h.behalf(PEOPLE[who]).delete(&format!("/conversations/{name}")).await;
                if everybody.status == 200 {
                    let all = (0..PEOPLE.len()).filter(|other| self.model.is_in(*other, place)).collect::<Vec<_>>();
                    self.model.cleared.extend(all.into_iter().map(|other| ((other, place), newest)));
                }
            }
            _ => {
                if self.ask(who, Method::DELETE, &path, Some(json!({}))).await.status == 200 {
                    self.model.cleared.insert((who, place), newest);
                }
            }
        }
    }

    /// What was sent before is sent again, as a message or as a call.
    async fn again(&mut self) {
        let Some(id) = self.some_id() else { return };
        let said = &self.model.said[&id];
        let (who, place, muid, erased) = (said.sender, said.place, said.muid.clone(), said.word.is_none());
        if erased {
            return;
        }
        let (receiver, kind) = Play::receiver(place, who);
        let mut body = json!({"receiver": receiver, "receiverType": kind, "muid": muid});
        let path = match self.dice.roll(2) {
            0 => {
                body["type"] = json!("audio");
                "/calls"
            }
            _ => {
                body["data"] = json!({"text": "again"});
                "/messages"
            }
        };
        let answer = self.ask(who, Method::POST, path, Some(body)).await;
        match self.model.may_read(who, id) {
            true => assert_eq!(id_of(&answer.body["data"]), id, "{answer:?}"),
            false => assert_ne!(answer.status, 200, "{answer:?}"),
        }
        self.look(who, &answer);
    }

    /// Everybody looks everywhere.
    async fn look_around(&mut self, step: usize) {
        let ids: Vec<i64> = self.model.said.keys().rev().take(20).copied().collect();
        for (who, uid) in PEOPLE.into_iter().enumerate() {
            // A socket that says nothing for long is closed, and these speak only when they are listened to.
            self.listen(1_000 * (who + 1) + step).await;
            let mut found = BTreeSet::new();
            let mut paths: Vec<String> = [
                "/messages?limit=1000",
                "/messages?limit=1000&affix=append&id=1",
                "/messages?limit=1000&unread=1",
                "/messages?limit=1000&undelivered=1",
                "/messages?limit=1000&searchKey=w",
                "/messages?limit=1000&pinned=1",
                "/messages?limit=1000&saved=1",
                "/messages?limit=1000&onlyUpdates=1&updatedAt=1",
                "/messages?limit=1000&hasReactions=1",
                "/messages?limit=1000&hasMentions=1",
                "/messages?limit=1000&myMentionsOnly=1",
                "/messages?page=1&perPage=100",
                "/conversations",
                "/conversations?unread=1",
                "/threads?limit=100",
                "/threads?limit=100&participatedByMe=1",
                "/calls",
            ]
            .map(str::to_owned)
            .into();
            let places = [Place::Group(0), Place::Group(1)].into_iter().chain(
                (0..PEOPLE.len())
                    .filter(|other| *other != who)
                    .map(|other| Place::Pair(who.min(other), who.max(other))),
            );
            for place in places {
                let with = Play::path(place, who);
                for list in [
                    "messages?limit=1000",
                    "messages?limit=1000&pinned=1",
                    "messages?searchKey=w",
                    "threads",
                    "conversation",
                ] {
                    paths.push(format!("{with}/{list}"));
                }
                let (name, kind) = Play::receiver(place, who);
                paths.push(format!("/extensions/pin-message/fetch?receiverType={kind}&receiver={name}"));
                let pin = format!("{with}/conversation/pin");
                for method in [Method::POST, Method::DELETE] {
                    let answer = self.ask(who, method, &pin, Some(json!({}))).await;
                    self.look(who, &answer);
                }
                let tags =
                    self.ask(who, Method::PUT, &format!("{with}/conversation"), Some(json!({"tags": ["t"]}))).await;
                self.look(who, &tags);
            }
            for id in &ids {
                let muid = self.model.said[id].muid.clone();
                paths.extend([
                    format!("/messages/{id}"),
                    format!("/messages/{id}/thread?withParent=1&limit=1000"),
                    format!("/user/messages/{muid}"),
                ]);
            }
            for path in paths {
                let answer = self.ask(who, Method::GET, &path, None).await;
                self.look(who, &answer);
                if path == "/messages?limit=1000" {
                    found = self.model.words_in(&answer.text).map(|(word, _)| word.to_owned()).collect();
                }
                if let Some(id) = path.strip_prefix("/messages/").and_then(|id| id.parse().ok()) {
                    let there = self.model.said[&id].word.is_some();
                    assert!(!there || self.model.may_read(who, id) == (answer.status == 200), "{answer:?}");
                }
            }
            // A whole page is what one may read: nothing is lost.
            assert_eq!(found, self.model.readable(who), "{uid}");
            for id in &ids {
                let (place, path) = (self.model.said[id].place, Play::path(self.model.said[id].place, who));
                if self.model.is_in(who, place) {
                    let unread = json!({"messageId": id.to_string()});
                    let answer =
                        self.ask(who, Method::DELETE, &format!("{path}/conversation/read"), Some(unread)).await;
                    self.look(who, &answer);
                }
            }
            let behalf = self.h.behalf(uid);
            for group in GROUPS {
                let path = format!("/conversations/group_{group}");
                let answer = behalf.get(&path).await;
                if answer.status == 200 {
                    self.visited.extend(operation("GET", &path));
                }
                self.look(who, &answer);
            }
        }
    }

    async fn act(&mut self, step: usize) {
        let who = self.dice.roll(PEOPLE.len());
        match self.dice.roll(20) {
            0..=7 => self.send(who, step).await,
            8..=12 => self.change(step).await,
            13 | 14 => self.review().await,
            15 | 16 => self.come_and_go().await,
            17 | 18 => self.again().await,
            _ => self.clear(who).await,
        }
    }
}

/// What only the app can ask for, which sees all.
const THE_APPS: [&str; 12] = [
    "POST /bots/{uid}/messages",
    "POST /data_import/messages",
    "GET /moderation/flagged-messages",
    "GET /moderation/reviewed-messages",
    "GET /moderation/blocked-messages",
    "POST /moderation/messages",
    "GET /moderation/messages",
    "GET /moderation/messages/{id}",
    "PUT /moderation/messages/{id}",
    "PATCH /moderation/flagged-messages/{id}",
    "GET /conversations/pinned",
    "PUT /conversations/pinned",
];

/// What answers with an action, a call or what is new, none of which says anything yet.
const WORDLESS: [&str; 5] = [
    "POST /groups",
    "POST /groups/{guid}/members",
    "PUT /groups/{guid}/members",
    "PUT /calls/{sessionid}",
    "PATCH /calls/{sessionid}/type",
];

#[tokio::test]
async fn nobody_reads_what_they_may_not_see() {
    let mut visited = BTreeSet::new();
    for seed in [3, 14] {
        let mut play = Play::set(seed).await;
        for step in 0..200 {
            play.act(step).await;
            play.listen(step).await;
            if step % 100 == 99 {
                play.look_around(step).await;
                play.listen(10_000 + step).await;
            }
        }
        let hidden = play.model.said.values().filter(|said| said.hidden).count();
        assert!(hidden > 0 && !play.model.cleared.is_empty(), "nothing was hidden: {hidden}");
        assert!(play.asked.iter().all(|times| *times > 0), "the engine was not asked: {:?}", play.asked);
        assert!(play.model.members.len() < 8, "nobody was out at the end");
        assert!(play.read > 500 && play.heard > 150 && play.quotes > 5, "{} {} {}", play.read, play.heard, play.quotes);
        visited.extend(play.visited);
    }
    visited.extend(THE_APPS.iter().chain(&WORDLESS).map(|name| (*name).to_owned()));
    let missing: Vec<String> = showing_messages().difference(&visited).cloned().collect();
    assert!(missing.is_empty(), "operations that can show a message and were not looked at: {missing:#?}");
}

#[tokio::test]
async fn a_quote_is_no_way_around_a_review() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    let quoting = |quoted: i64, text: &str| json!({"receiver": "team", "receiverType": "group", "data": {"text": text}, "quotedMessageId": quoted.to_string()});
    let first = id_of(&bob.send_group("team", "offence").await);
    let second = ann.post("/messages", quoting(first, "look at this")).await.ok();
    assert_eq!(second["quotedMessage"]["data"]["text"], "offence");
    cy.post(&format!("/messages/{first}/flagged"), json!({"reasonId": "spam"})).await.ok();
    h.patch(&format!("/moderation/flagged-messages/{first}"), json!({"status": "disapproved"})).await.ok();

    let mut sock = cy.connect().await;
    cy.post("/messages", quoting(first, "what?")).await.refused(Code::MessageNoAccess);
    // Its sender sees it and may quote it; nobody else reads it there.
    bob.post("/messages", quoting(first, "mine")).await.ok();
    ann.put(&format!("/messages/{}", id_of(&second)), json!({"data": {"text": "edited"}})).await.ok();
    h.post(&format!("/messages/{first}/pin"), json!({})).await.ok();
    h.post("/messages", quoting(first, "the end")).await.ok();
    let frames = sock.before_text("the end").await;
    assert_eq!(frames.len(), 2, "{frames:#?}");
    for frame in &frames {
        assert!(!frame.to_string().contains("offence"), "{frame}");
    }
    for who in [&*ann, &*cy, &h.behalf("cy") as &Client] {
        let page = who.get("/groups/team/messages").await;
        assert!(!page.text.contains("offence") && page.text.contains("mine"), "{}", page.text);
    }
    assert!(bob.get("/groups/team/messages").await.text.contains("offence"));
    assert!(h.get("/moderation/reviewed-messages").await.text.contains("offence"));
}

#[tokio::test]
async fn who_has_cleared_a_chat_hears_the_rest_without_it() {
    let h = Harness::start().await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    h.group("team", &ann, &[&bob, &cy]).await;
    for (kind, name, path) in [("group", "team", "/groups/team"), ("user", "cy", "/users/ann")] {
        let to = |text: &str, quoted: Option<i64>| {
            let quoted = quoted.map(|id| id.to_string());
            json!({"receiver": name, "receiverType": kind, "data": {"text": text}, "quotedMessageId": quoted})
        };
        let first = id_of(&ann.post("/messages", to("before", None)).await.ok());
        let mut at_cy = cy.connect().await;
        let mut at_ann = ann.again().await.connect().await;
        cy.delete(&format!("{path}/conversation")).await.ok();
        let second = ann.post("/messages", to("after", Some(first))).await.ok();
        assert_eq!(second["quotedMessage"]["data"]["text"], "before");
        let heard = at_cy.expect_text("after").await;
        assert_eq!(heard["body"]["quotedMessageId"], *first.to_string());
        assert!(heard["body"].get("quotedMessage").is_none() && !heard.to_string().contains("before"), "{heard}");
        assert_eq!(at_ann.expect_text("after").await["body"]["quotedMessage"]["data"]["text"], "before");
        // What cy has not deleted changes: they hear of it, without the quote again. Of the other nothing.
        for id in [first, id_of(&second)] {
            ann.put(&format!("/messages/{id}"), json!({"data": {"text": format!("{id} edited")}})).await.ok();
            ann.post(&format!("/messages/{id}/reactions/x"), json!({})).await.ok();
        }
        ann.post("/messages", to("the end", None)).await.ok();
        let frames = at_cy.before_text("the end").await;
        assert_eq!(frames.len(), 2, "{frames:#?}");
        assert!(frames.iter().all(|frame| !frame.to_string().contains(&format!("{first} edited"))), "{frames:#?}");
        assert_eq!(at_ann.before_text("the end").await.len(), 4);
        // Nor do they miss that a review takes such a message away.
        let third = id_of(&ann.post("/messages", to("third", Some(first))).await.ok());
        cy.post(&format!("/messages/{third}/flagged"), json!({"reasonId": "spam"})).await.ok();
        h.patch(&format!("/moderation/flagged-messages/{third}"), json!({"status": "disapproved"})).await.ok();
        let told = |frame: &Value| frame["type"] == "on_moderation_status_changed";
        assert_eq!(at_cy.expect(told).await["body"]["id"], *third.to_string());
        at_cy.close().await;
    }
}

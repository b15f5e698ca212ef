//! The laws that take a look at everything somebody sees: their lists, counts, searches and threads, and what their
//! sockets made of it, are what the oracle says; and so is who is where.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::acts::WORDS;
use super::model::{GROUPS, GroupKind, Message, Model, P, PEOPLE, Place, State, guid, number, uid};
use super::play::{Breach, Play, breach, id_of, shape};
use super::world::{Answer, As};

/// Seconds a call rings, and lasts, at most (limits `call_ring`, `call_duration`); a little is left for the sweep.
const RING: i64 = 60;
const DURATION: i64 = 86_400;

fn equal<T: PartialEq + std::fmt::Debug>(law: &'static str, whose: &str, shown: T, right: T) -> Result<(), Breach> {
    match shown == right {
        true => Ok(()),
        false => breach(law, format!("{whose}: {shown:?}, not {right:?}")),
    }
}

fn int(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0)
}

/// A message as a list shows it, in the words of the oracle.
fn shown(message: &Value) -> String {
    let data = &message["data"];
    let counts = data["reactions"].as_array().into_iter().flatten().map(|r| {
        let mine = if r["reactedByMe"] == Value::Bool(true) { "!" } else { "" };
        format!("{}{}{mine}", r["reaction"].as_str().unwrap_or_default(), r["count"])
    });
    let mut counts: Vec<String> = counts.collect();
    counts.sort();
    format!(
        "m{} {} {} {:?} deleted {} edited {} parent {} replies {} quote {} reactions {}",
        id_of(message),
        message["sender"].as_str().unwrap_or_default(),
        message["category"].as_str().unwrap_or_default(),
        data["text"].as_str().unwrap_or_default(),
        !message["deletedAt"].is_null(),
        !message["editedAt"].is_null(),
        int(&message["parentId"]),
        int(&message["replyCount"]),
        id_of(&data["quotedMessage"]).max(id_of(&message["quotedMessage"])),
        counts.join(" ")
    )
}

fn right(model: &Model, viewer: P, id: i64, message: &Message) -> String {
    let counts = message.reactions.iter().filter(|(_, who)| !who.is_empty()).map(|(name, who)| {
        let mine = if who.contains(&viewer) { "!" } else { "" };
        format!("{name}{}{mine}", who.len())
    });
    let replies = model.replies(id).filter(|(_, reply)| !reply.deleted && !reply.hidden).count();
    let quoted = message.quoted.filter(|quoted| model.sees(viewer, *quoted)).unwrap_or(0);
    format!(
        "m{id} {} {} {:?} deleted {} edited {} parent {} replies {replies} quote {quoted} reactions {}",
        message.sender.map_or("app_system".to_owned(), uid),
        message.kind.category(),
        message.text,
        message.deleted,
        message.edited,
        message.parent.unwrap_or(0),
        counts.collect::<Vec<_>>().join(" ")
    )
}

impl Play {
    async fn view(&self, who: As<'_>, path: &str) -> Result<Answer, Breach> {
        let answer = self.world.get(who, path).await;
        match answer.status < 500 && !answer.body.is_null() {
            true => Ok(answer),
            false => breach("no fault of the server", format!("GET {path} by {who:?}: {answer:?}")),
        }
    }

    /// What is the same for everybody.
    pub async fn check_town(&mut self) -> Result<(), Breach> {
        let app = As::App;
        let listed = self.view(app, "/users?perPage=1000").await?;
        let names: BTreeSet<P> = listed.list().iter().filter_map(|user| number(user["uid"].as_str()?)).collect();
        let active: BTreeSet<P> = (0..PEOPLE).filter(|p| self.model.active(*p)).collect();
        equal("the list of users is who is there", "users", names, active)?;
        for g in 0..GROUPS {
            let Some(group) = self.model.group(g).cloned() else {
                let answer = self.view(app, &format!("/groups/{}", guid(g))).await?;
                equal("a deleted group is gone", &guid(g), answer.ok(), false)?;
                continue;
            };
            let name = guid(g);
            let active = |p: &P| self.model.active(*p);
            let shown = self.view(app, &format!("/groups/{name}")).await?;
            let there = group.members.keys().filter(|p| active(p)).count() as i64;
            equal("counts equal lists", &name, int(&shown.data()["membersCount"]), there)?;
            let owner = shown.data()["owner"].as_str().and_then(number);
            equal("a group has one owner", &name, owner, group.owner)?;
            let members = self.view(app, &format!("/groups/{name}/members?perPage=1000")).await?;
            let members: BTreeMap<P, String> = members
                .list()
                .iter()
                .filter_map(|m| Some((number(m["uid"].as_str()?)?, m["scope"].as_str()?.to_owned())))
                .collect();
            let expected = group.members.iter().filter(|(p, _)| active(p));
            let expected = expected.map(|(p, scope)| (*p, scope.word().to_owned())).collect();
            equal("the list of members is who is in the group", &name, members, expected)?;
            let banned = self.view(app, &format!("/groups/{name}/bannedusers?perPage=1000")).await?;
            let banned: BTreeSet<P> = banned.list().iter().filter_map(|m| number(m["uid"].as_str()?)).collect();
            let banned = banned.into_iter().filter(active).collect::<BTreeSet<P>>();
            let expected = group.banned.iter().copied().filter(active).collect();
            equal("the list of who is banned is right", &name, banned, expected)?;
            let online = group.members.keys().filter(|p| self.model.online(**p)).count();
            equal("the hub's index is the members online", &name, self.world.online_in(&name).await, online)?;
        }
        for p in (0..PEOPLE).filter(|p| self.model.people[*p] != State::Free) {
            let online = self.world.is_online(&uid(p)).await;
            equal("the hub knows who is online", &uid(p), online, Some(self.model.online(p)))?;
        }
        self.check_calls().await
    }

    /// Calls are as far as the oracle knows, and none rings or lasts for ever.
    async fn check_calls(&mut self) -> Result<(), Breach> {
        let recent: Vec<_> = self.model.calls.iter().rev().take(5).map(|(step, call)| (*step, call.clone())).collect();
        for (step, call) in recent {
            let shown = self.view(As::App, &format!("/calls/{}", call.session)).await?;
            let status = shown.data()["status"].as_str().unwrap_or_default().to_owned();
            equal("a call is as it was told", &format!("#{step}"), status, call.status.clone())?;
        }
        Ok(())
    }

    /// To be asked right after chores: whatever is overdue is over.
    pub fn check_overdue(&self) -> Result<(), Breach> {
        for call in self.model.calls.values().filter(|call| call.live()) {
            let rings = call.status == "initiated" && self.model.now - call.began > RING;
            let lasts = call.answered.is_some_and(|at| self.model.now - at > DURATION);
            let Place::Pair(a, b) = call.place else { continue };
            let parted = self.model.parted(a, b) || !self.model.active(a) || !self.model.active(b);
            if rings || lasts || parted {
                return breach("no call outlives its time or its people", format!("{call:?} at {}", self.model.now));
            }
        }
        Ok(())
    }

    /// What one person sees.
    pub async fn check_viewer(&mut self, p: P, word: usize) -> Result<(), Breach> {
        let name = uid(p);
        let me = As::Behalf(&name);
        if !self.model.active(p) {
            let answer = self.view(me, "/conversations").await?;
            return equal("who is not there sees nothing", &name, answer.ok(), false);
        }
        let places = self.model.places_of(p);
        for place in &places {
            self.check_history(p, *place).await?;
        }
        for g in (0..GROUPS).filter(|g| self.model.group(*g).is_some() && !self.model.member(*g, p)) {
            let answer = self.view(me, &format!("/groups/{}/messages", guid(g))).await?;
            equal("an outsider reads nothing", &format!("{name} of {}", guid(g)), answer.ok(), false)?;
            let answer = self.view(me, &format!("/groups/{}/members", guid(g))).await?;
            equal("an outsider sees no members", &format!("{name} of {}", guid(g)), answer.ok(), false)?;
        }
        self.check_conversations(p, &places).await?;
        self.check_search(p, word).await?;
        self.check_relations(p).await?;
        let shown = self.view(me, "/groups?perPage=1000").await?;
        let listed: BTreeSet<usize> = shown.list().iter().filter_map(|g| number(g["guid"].as_str()?)).collect();
        let visible = |g: &usize| {
            self.model.group(*g).is_some_and(|group| group.kind != GroupKind::Private || self.model.member(*g, p))
        };
        equal("private groups are listed for members", &name, listed, (0..GROUPS).filter(visible).collect())
    }

    async fn check_history(&mut self, p: P, place: Place) -> Result<(), Breach> {
        let (name, path) = (uid(p), format!("{}/messages?limit=1000&affix=prepend", place.path(p)));
        let answer = self.view(As::Behalf(&name), &path).await?;
        if !answer.ok() {
            return breach("what one has one can read", format!("{name} {path}: {}", answer.body));
        }
        let lines: Vec<String> = answer.list().iter().map(shown).collect();
        let model = &self.model;
        let expected: Vec<String> = model
            .in_place(place)
            .filter(|(id, _)| model.sees(p, *id))
            .map(|(id, message)| right(model, p, id, message))
            .collect();
        if lines != expected {
            let wrong: Vec<_> = lines.iter().filter(|line| !expected.contains(line)).collect();
            let missing: Vec<_> = expected.iter().filter(|line| !lines.contains(line)).collect();
            return breach(
                "everybody sees what is theirs to see",
                format!("{name} {path}: {wrong:#?}, not {missing:#?}"),
            );
        }
        // What sockets made of what they heard.
        let parted = place.peer(p).is_some_and(|peer| model.parted(p, peer));
        for (step, socket) in &self.sockets {
            if parted || model.socks.get(step).is_none_or(|sock| sock.who != p) {
                continue;
            }
            for message in answer.list() {
                if let Some(known) = socket.known.get(&id_of(message))
                    && *known != shape(message)
                {
                    let what = format!("#{step} of {name}: {known:?}, not {:?} of {message}", shape(message));
                    return breach("old state and frames make new state", what);
                }
            }
        }
        let parents: Vec<i64> =
            model.in_place(place).filter(|(id, _)| model.replies(*id).next().is_some()).map(|(id, _)| id).collect();
        for parent in parents.into_iter().rev().take(3).filter(|id| model.sees(p, *id)) {
            let path = format!("/messages/{parent}/thread?limit=1000");
            let answer = self.view(As::Behalf(&name), &path).await?;
            let ids: Vec<i64> = answer.list().iter().map(id_of).collect();
            let expected = model.replies(parent).filter(|(id, _)| model.sees(p, *id)).map(|(id, _)| id).collect();
            equal("a thread is its replies", &format!("{name} {path}"), ids, expected)?;
        }
        Ok(())
    }

    async fn check_conversations(&mut self, p: P, places: &[Place]) -> Result<(), Breach> {
        let (name, model) = (uid(p), &self.model);
        let answer = self.view(As::Behalf(&name), "/conversations?perPage=1000&includeBlockedUsers=1").await?;
        let line = |conversation: &Value| {
            let unread = (int(&conversation["unreadMessageCount"]), int(&conversation["unreadMentionsCount"]));
            (
                conversation["conversationId"].as_str().unwrap_or_default().to_owned(),
                (unread, id_of(&conversation["lastMessage"])),
            )
        };
        let listed: BTreeMap<String, ((i64, i64), i64)> = answer.list().iter().map(line).collect();
        let mut expected = BTreeMap::new();
        for place in places {
            let (preview, part) = (model.preview(*place), model.part(*place, p).unwrap_or_default());
            if preview > part.hidden {
                let (unread, named) = model.unread(*place, p);
                let shows = model.messages.get(&preview).is_some_and(|m| !m.deleted) && model.sees(p, preview);
                let last = if shows { preview } else { 0 };
                expected.insert(place.name(), ((unread as i64, named as i64), last));
            }
        }
        equal("conversations, unread counts and last messages are right", &name, &listed, &expected)?;
        let times: Vec<i64> = answer.list().iter().map(|c| int(&c["updatedAt"])).collect();
        equal("the newest conversation comes first", &name, times.is_sorted_by(|a, b| a >= b), true)?;
        let shut = |place: &Place| place.peer(p).is_some_and(|peer| model.parted(p, peer));
        let answer = self.view(As::Behalf(&name), "/conversations?perPage=1000").await?;
        let open: BTreeSet<String> = answer.list().iter().map(|c| line(c).0).collect();
        let all = places.iter().filter(|place| !shut(place)).map(|place| place.name());
        let expected_open = all.filter(|name| expected.contains_key(name)).collect();
        equal("conversations across a block are left out", &name, open, expected_open)?;
        let answer = self.view(As::Behalf(&name), "/messages?unread=1&count=1").await?;
        let count = |c: &Value| (c["entityId"].as_str().unwrap_or_default().to_owned(), int(&c["count"]));
        let counted: BTreeMap<String, i64> = answer.list().iter().map(count).collect();
        let mut expected = BTreeMap::new();
        for place in places {
            let unread = model.unread(*place, p).0 as i64;
            let other = match place {
                Place::Group(g) => guid(*g),
                Place::Pair(..) => uid(place.peer(p).unwrap_or(p)),
            };
            if unread > 0 {
                expected.insert(other, unread);
            }
        }
        equal("unread counts are the unread messages", &name, counted, expected)
    }

    async fn check_search(&mut self, p: P, word: usize) -> Result<(), Breach> {
        let (name, word) = (uid(p), WORDS[word]);
        let path = format!("/messages?searchKey={word}&limit=1000&affix=prepend");
        let answer = self.view(As::Behalf(&name), &path).await?;
        let found: Vec<i64> = answer.list().iter().map(id_of).collect();
        let model = &self.model;
        let holds = |(id, m): &(&i64, &Message)| !m.deleted && m.text.starts_with(word) && model.sees(p, **id);
        let expected: Vec<i64> = model.messages.iter().filter(holds).map(|(id, _)| *id).collect();
        equal("a search finds what one sees and nothing else", &format!("{name} {word}"), found, expected)?;
        let answer = self.view(As::Behalf(&name), "/messages?saved=1&limit=1000").await?;
        let found: BTreeSet<i64> = answer.list().iter().map(id_of).collect();
        let kept = model.messages.iter().filter(|(id, m)| m.saved.contains(&p) && model.sees(p, **id));
        equal("saved is what was saved", &name, found, kept.map(|(id, _)| *id).collect())
    }

    async fn check_relations(&mut self, p: P) -> Result<(), Breach> {
        let name = uid(p);
        let people = |answer: &Answer| -> BTreeSet<P> {
            answer.list().iter().filter_map(|user| number(user["uid"].as_str()?)).collect()
        };
        let model = &self.model;
        let shown = self.view(As::App, &format!("/users/{name}/friends?perPage=1000")).await?;
        let friends = (0..PEOPLE).filter(|q| model.active(*q) && model.friends.contains(&Model::friend(p, *q)));
        equal("friends are friends", &name, people(&shown), friends.collect())?;
        let path = format!("/users/{name}/blockedusers?perPage=1000&direction=blockedByMe");
        let shown = people(&self.view(As::App, &path).await?);
        let shown: BTreeSet<P> = shown.into_iter().filter(|q| model.active(*q)).collect();
        let blocked = model.blocks.iter().filter(|(by, of)| *by == p && model.active(*of)).map(|(_, of)| *of);
        equal("who is blocked is listed", &name, shown, blocked.collect())
    }
}

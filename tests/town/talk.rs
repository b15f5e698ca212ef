//! What is said, and what happens to it: whether it may be, and what comes of it.

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::acts::{Act, To, WORDS};
use super::model::{Call, Kind, Message, P, Part, Place, Scope, Step, guid, uid};
use super::play::{Breach, Play, breach, id_of};

fn to_json(to: To) -> (String, &'static str) {
    match to {
        To::User(p) => (uid(p), "user"),
        To::Group(g) => (guid(g), "group"),
    }
}

/// The text that a step writes.
fn text(step: Step, word: usize, mention: Option<P>) -> String {
    let named = mention.map_or(String::new(), |p| format!(" <@uid:{}>", uid(p)));
    format!("{} of step{step}{named}", WORDS[word])
}

impl Play {
    pub async fn talk(&mut self, step: Step, act: &Act) -> Result<(), Breach> {
        match *act {
            Act::Send { .. } => self.send(step, step, act).await,
            Act::Retry { send } => match self.model.sends.get(&send).cloned() {
                Some(first) => self.send(step, send, &first).await,
                None => Ok(()),
            },
            Act::Rush { ref sends, word } => self.rush(step, sends, word).await,
            Act::Edit { who, message, word } => self.edit(step, who, message, word).await,
            Act::Delete { who, message, permanent } => self.delete(step, who, message, permanent).await,
            Act::React { who, message, reaction, on } => self.react(step, who, message, reaction, on).await,
            Act::Pin { who, message, on } => self.pin(step, who, message, on).await,
            Act::Save { who, message, on } => self.save(step, who, message, on).await,
            Act::Review { who, message, hide } => self.review(step, who, message, hide).await,
            Act::Read { who, to, upto, on_socket } => self.read(step, who, to, upto, on_socket).await,
            Act::Unread { who, to, message } => self.unread(step, who, to, message).await,
            Act::Hide { who, to } => self.hide(step, who, to).await,
            Act::HideForAll { who, to } => self.hide_for_all(step, who, to).await,
            Act::Erase { who, peer } => self.erase(step, who, peer).await,
            Act::Type { sock, to } => self.type_to(sock, to).await,
            Act::Call { who, peer } => self.call(step, who, peer).await,
            Act::CallStep { who, call, status } => self.call_step(step, who, call, status).await,
            _ => Ok(()),
        }
    }

    /// Whether a message (or a sign that one is being written) can pass.
    pub fn may_reach(&self, who: P, to: To) -> bool {
        let model = &self.model;
        model.active(who)
            && match to {
                To::User(p) => model.active(p) && !model.parted(who, p),
                To::Group(g) => model.member(g, who),
            }
    }

    /// `first` is the step that sent it for the first time.
    async fn send(&mut self, step: Step, first: Step, act: &Act) -> Result<(), Breach> {
        let Act::Send { who, to, kind, word, mention, parent, quoted } = *act else { return Ok(()) };
        let place = to.place(who);
        let muid = format!("step{first}");
        // What it hangs on may have gone since.
        let (parent_id, quoted_id) =
            match (parent.map(|p| self.model.made.get(&p)), quoted.map(|q| self.model.made.get(&q))) {
                (Some(None), _) | (_, Some(None)) => return Ok(()),
                (parent, quoted) => (parent.flatten().copied(), quoted.flatten().copied()),
            };
        let seen_here =
            |id: i64| self.model.messages.get(&id).is_some_and(|m| m.place == place) && self.model.sees(who, id);
        let hangs = parent_id.is_none_or(|id| {
            seen_here(id) && self.model.messages.get(&id).is_some_and(|m| m.parent.is_none() && m.kind.counts())
        });
        let mut may = self.may_reach(who, to) && hangs && quoted_id.is_none_or(seen_here);
        let before = self
            .model
            .in_place(place)
            .find(|(_, m)| m.sender == Some(who) && m.muid.as_deref() == Some(&*muid))
            .map(|(id, _)| id);
        if let Some(before) = before {
            may &= self.model.sees(who, before);
        }
        let (receiver, receiver_type) = to_json(to);
        let data = match kind {
            Kind::Text => json!({"text": text(first, word, mention)}),
            Kind::Silent => {
                json!({"customData": {}, "metadata": {"incrementUnreadCount": false}, "updateConversation": false})
            }
            _ => json!({"customData": {"n": first}}),
        };
        let mut body = json!({"receiver": receiver, "receiverType": receiver_type, "category": kind.category(),
            "type": if kind == Kind::Text { "text" } else { "quiet" }, "data": data, "muid": muid});
        for (field, id) in [("parentId", parent_id), ("quotedMessageId", quoted_id)] {
            if let Some(id) = id {
                body[field] = json!(id.to_string());
            }
        }
        let call = (Method::POST, "/messages".to_owned());
        let Some(answer) = self.ask(step, Some(who), call, body, may).await? else { return Ok(()) };
        if let Some(before) = before {
            if id_of(answer.data()) != before {
                return breach("a retry is the first message", format!("m{before} became {}", answer.body));
            }
            return Ok(());
        }
        self.model.open(place);
        let id = self.take(step, place, Some(who), kind, None, None)?;
        if id_of(answer.data()) != id {
            return breach("what is answered is stored", format!("m{id} is not {}", answer.body));
        }
        let counted = mention.filter(|p| match place {
            Place::Pair(..) => self.model.active(*p),
            Place::Group(g) => self.model.active(*p) && self.model.member(g, *p),
        });
        let said = if kind == Kind::Text { text(first, word, mention) } else { String::new() };
        if let Some(message) = self.model.messages.get_mut(&id) {
            message.text = said;
            (message.parent, message.quoted, message.mention) = (parent_id, quoted_id, counted);
            message.muid = Some(muid);
        }
        self.model.sends.insert(first, act.clone());
        let echo = self.echo;
        self.model.say_of(id, format!("m{id}"), Some(who), echo);
        Ok(())
    }

    /// All at once: they share commits, and everybody hears them in the order in which they were stored.
    async fn rush(&mut self, step: Step, sends: &[(P, To)], word: usize) -> Result<(), Breach> {
        let said = text(step, word, None);
        let names: Vec<String> = sends.iter().map(|(who, _)| uid(*who)).collect();
        let calls = sends.iter().zip(&names).map(|((who, to), name)| {
            let (receiver, receiver_type) = to_json(*to);
            let body = json!({"receiver": receiver, "receiverType": receiver_type, "category": "message", "type": "text",
                "data": {"text": said}});
            self.world.call(self.speaks(step, *who, name), Method::POST, "/messages", body)
        });
        let answers = join_all(calls).await;
        let mut left = Vec::new();
        for ((who, to), answer) in sends.iter().zip(&answers) {
            let may = self.may_reach(*who, *to);
            if answer.ok() != may || answer.status >= 500 {
                return breach("who may send at the same time does", format!("{} to {to}: {}", uid(*who), answer.body));
            }
            if may {
                self.model.open(to.place(*who));
                left.push((*who, to.place(*who)));
            }
        }
        let first = left.first().copied();
        self.read_log().await?;
        while let Some(logged) = self.log.pop_front() {
            let at = left.iter().position(|(who, place)| logged.sender == Some(*who) && logged.place == *place);
            let Some(at) = at.filter(|_| logged.category == "message") else {
                return breach("only what is done is stored", format!("{logged:?}"));
            };
            let (who, place) = left.swap_remove(at);
            self.store(logged.id, place, Some(who), Kind::Text, None);
            // Whichever came first: the same play speaks of the same message each time.
            if first == Some((who, place)) {
                self.model.made.insert(step, logged.id);
            }
            if let Some(message) = self.model.messages.get_mut(&logged.id) {
                message.text = said.clone();
            }
            let echo = self.login_for(step, who);
            self.model.say_of(logged.id, format!("m{}", logged.id), Some(who), echo);
        }
        match left.is_empty() {
            true => Ok(()),
            false => breach("what is done is stored", format!("{left:?} are not")),
        }
    }

    /// Whether `who` may change the message: their own, or the group lets them.
    fn may_change(&self, who: P, id: i64, message: &Message) -> bool {
        let own = message.sender == Some(who);
        let ruled = match message.place {
            Place::Group(g) => self.model.rank(g, who).is_some_and(|rank| rank >= Scope::Moderator as u8),
            Place::Pair(..) => false,
        };
        self.model.active(who) && self.model.sees(who, id) && message.kind.counts() && (own || ruled)
    }

    pub fn parted_in(&self, who: P, place: Place) -> bool {
        place.peer(who).is_some_and(|peer| self.model.parted(who, peer))
    }

    async fn edit(&mut self, step: Step, who: P, made: Step, word: usize) -> Result<(), Breach> {
        let Some((id, message)) = self.message(made) else { return Ok(()) };
        let may = self.may_change(who, id, &message)
            && !message.deleted
            && !message.hidden
            && !self.parted_in(who, message.place);
        let body = json!({"data": {"text": text(step, word, None)}});
        let call = (Method::PUT, format!("/messages/{id}"));
        if self.ask(step, Some(who), call, body, may).await?.is_none() {
            return Ok(());
        }
        if let Some(message) = self.model.messages.get_mut(&id) {
            message.text = text(step, word, None);
            (message.mention, message.edited) = (None, true);
        }
        let echo = self.echo;
        self.model.say_of(id, format!("edited m{id}"), Some(who), echo);
        Ok(())
    }

    async fn delete(&mut self, step: Step, who: P, made: Step, permanent: bool) -> Result<(), Breach> {
        let Some((id, message)) = self.message(made) else { return Ok(()) };
        let may = self.may_change(who, id, &message) && (permanent || !message.deleted);
        let call = (Method::DELETE, format!("/messages/{id}"));
        if self.ask(step, Some(who), call, json!({"permanent": permanent}), may).await?.is_none() {
            return Ok(());
        }
        if let Some(message) = self.model.messages.get_mut(&id) {
            message.text.clear();
            // What was hidden stays hidden: nobody hears that it is gone who could not see it.
            (message.deleted, message.mention) = (true, None);
            message.reactions.values_mut().for_each(|who| who.clear());
            message.pinned = None;
            message.saved.clear();
        }
        let echo = self.echo;
        self.model.say_of(id, format!("deleted m{id}"), Some(who), echo);
        if permanent {
            self.model.erase(id);
            self.sockets.values_mut().for_each(|socket| _ = socket.known.remove(&id));
        }
        Ok(())
    }

    async fn read(
        &mut self,
        step: Step,
        who: P,
        to: To,
        upto: Option<Step>,
        on_socket: Option<Step>,
    ) -> Result<(), Breach> {
        let place = to.place(who);
        let upto = match upto.map(|step| self.model.made.get(&step).copied()) {
            Some(None) => return Ok(()),
            upto => upto.flatten(),
        };
        let seen = |id| self.model.messages.get(&id).filter(|m| !m.hidden || m.sender == Some(who));
        let here = upto.is_none_or(|id| seen(id).is_some_and(|m| m.place == place));
        let has = self.model.active(who) && self.model.part(place, who).is_some();
        if let Some(on_socket) = on_socket {
            let (Some(socket), Some(id)) = (self.sockets.get(&on_socket), upto) else { return Ok(()) };
            let (receiver, receiver_type) = to_json(to);
            let frame = json!({"type": "receipts", "receiver": receiver, "receiverType": receiver_type,
                "body": {"action": "read", "messageId": id.to_string()}});
            self.world.say(&socket.wire, &frame).await;
            if has && here {
                self.model.read(place, who, upto);
            }
            return self.read_log().await;
        }
        let body = upto.map_or(json!({}), |id| json!({"messageId": id.to_string()}));
        // Where nothing was ever said there is nothing to read, and no harm in it.
        let fresh = self.model.active(who) && matches!(to, To::User(p) if self.model.active(p));
        let may = if has { here } else { fresh };
        let call = (Method::POST, format!("{}/conversation/read", place.path(who)));
        if self.ask(step, Some(who), call, body, may).await?.is_some() && has {
            self.model.read(place, who, upto);
        }
        Ok(())
    }

    async fn unread(&mut self, step: Step, who: P, to: To, made: Step) -> Result<(), Breach> {
        let Some((id, message)) = self.message(made) else { return Ok(()) };
        let place = to.place(who);
        // To name oneself stands for the message's own conversation.
        let place = if to == To::User(who) { message.place } else { place };
        let may = self.model.active(who) && message.place == place && self.model.sees(who, id);
        let call = (Method::DELETE, format!("{}/conversation/read", to.place(who).path(who)));
        let asked = self.ask(step, Some(who), call, json!({"messageId": id.to_string()}), may).await?;
        if let (Some(_), Some(part)) = (asked, self.model.part_mut(place, who)) {
            part.read = id - 1;
        }
        Ok(())
    }

    async fn hide(&mut self, step: Step, who: P, to: To) -> Result<(), Breach> {
        let place = to.place(who);
        let may = self.model.active(who) && self.model.part(place, who).is_some();
        let call = (Method::DELETE, format!("{}/conversation", place.path(who)));
        if self.ask(step, Some(who), call, json!({}), may).await?.is_none() {
            return Ok(());
        }
        let last = self.model.newest_seen(place, who);
        if let Some(part) = self.model.part_mut(place, who) {
            let read = if last > 0 { last } else { part.read };
            *part = Part { hidden: last.max(part.hidden), read };
        }
        Ok(())
    }

    async fn hide_for_all(&mut self, _step: Step, who: P, to: To) -> Result<(), Breach> {
        let place = to.place(who);
        let has = self.model.active(who) && self.model.part(place, who).is_some();
        let call = (Method::DELETE, format!("/conversations/{}", place.name()));
        // By the key only: an old call that no login has.
        if self.ask(0, Some(who), call, Value::Null, has && !self.parted_in(who, place)).await?.is_none() {
            return Ok(());
        }
        let last = self.model.newest(place);
        for part in self.model.parts.get_mut(&place).into_iter().flat_map(|parts| parts.values_mut()) {
            *part = Part { hidden: last, read: last };
        }
        Ok(())
    }

    async fn erase(&mut self, step: Step, who: P, peer: P) -> Result<(), Breach> {
        let place = Place::pair(who, peer);
        let has = self.model.active(who) && self.model.part(place, who).is_some();
        let may = has && !self.parted_in(who, place);
        let call = (Method::DELETE, format!("/users/{}/conversation", uid(peer)));
        let body = json!({"deleteMessagesPermanently": true});
        if self.ask(step, Some(who), call, body, may).await?.is_none() {
            return Ok(());
        }
        self.model.erase_where(|message| message.place == place);
        for part in self.model.parts.get_mut(&place).into_iter().flat_map(|parts| parts.values_mut()) {
            *part = Part::default();
        }
        Ok(())
    }

    async fn type_to(&mut self, sock: Step, to: To) -> Result<(), Breach> {
        let (Some(socket), Some(known)) = (self.sockets.get(&sock), self.model.socks.get(&sock).cloned()) else {
            return Ok(());
        };
        let (receiver, receiver_type) = to_json(to);
        let frame = json!({"type": "typing_indicator", "receiver": receiver, "receiverType": receiver_type,
            "body": {"action": "started"}});
        self.world.say(&socket.wire, &frame).await;
        if self.may_reach(known.who, to) {
            let mut hearers = match to {
                To::User(p) => [p].into(),
                To::Group(g) => self.model.audience(Place::Group(g)),
            };
            if let To::Group(_) = to {
                hearers.remove(&known.who);
            }
            let what = format!("typing of {} to {receiver}", uid(known.who));
            self.model.say((0, what), hearers, Some(known.who), true, Some(known.login));
        }
        self.read_log().await
    }

    async fn call(&mut self, step: Step, who: P, peer: P) -> Result<(), Breach> {
        let may = (!self.may_reach(who, To::User(peer)) || who == peer).then_some(false);
        let body = json!({"receiver": uid(peer), "receiverType": "user", "type": "audio"});
        let place = Place::pair(who, peer);
        let Some(answer) = self.ask(step, Some(who), (Method::POST, "/calls".to_owned()), body, may).await? else {
            return Ok(());
        };
        self.model.open(place);
        let session = answer.data()["data"]["entities"]["on"]["entity"]["sessionid"].as_str().unwrap_or_default();
        let (status, began) = ("initiated".to_owned(), self.model.now);
        let call = Call { session: session.to_owned(), place, caller: who, status, began, answered: None };
        let id = self.take(step, place, Some(who), Kind::Call, Some("initiated"), Some(who))?;
        let busy = |p: P| {
            self.model.calls.values().any(|call| call.live() && call.place.peer(p).is_some() && in_call(call, p))
        };
        if busy(who) || busy(peer) {
            return breach("nobody is in two calls", format!("{who} and {peer}: {:?}", self.model.calls));
        }
        self.model.calls.insert(step, call);
        let echo = self.echo;
        self.model.say_of(id, format!("m{id}"), Some(who), echo);
        Ok(())
    }

    async fn call_step(&mut self, step: Step, who: P, call: Step, status: &'static str) -> Result<(), Breach> {
        let Some(known) = self.model.calls.get(&call).cloned() else { return Ok(()) };
        let side = in_call(&known, who);
        let callee = side && who != known.caller;
        let step_exists = match (&*known.status, status) {
            ("initiated", "ongoing" | "rejected" | "busy") => callee,
            ("initiated", "cancelled") => !callee,
            ("initiated", "unanswered") | ("ongoing", "ended") => true,
            _ => false,
        };
        let may =
            self.model.active(who) && side && step_exists && (status != "ongoing" || !self.parted_in(who, known.place));
        let path = format!("/calls/{}", known.session);
        if self.ask(step, Some(who), (Method::PUT, path), json!({"status": status}), may).await?.is_none() {
            return Ok(());
        }
        let id = self.take(step, known.place, Some(who), Kind::Call, Some(status), Some(known.caller))?;
        let now = self.model.now;
        if let Some(call) = self.model.calls.get_mut(&call) {
            call.status = status.to_owned();
            call.answered = (status == "ongoing").then_some(now);
        }
        let echo = self.echo;
        self.model.say_of(id, format!("m{id}"), Some(who), echo);
        Ok(())
    }
}

fn in_call(call: &Call, p: P) -> bool {
    matches!(call.place, Place::Pair(a, b) if a == p || b == p)
}

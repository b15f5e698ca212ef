//! One step of the play: it is asked of the server, the oracle says whether it may be, and both are compared: what was
//! answered, what was stored, and what each socket heard.

use std::collections::{BTreeMap, VecDeque};

use actix_web::http::Method;
use hobnob::live::conn::Close;
use serde_json::{Value, json};

use super::acts::{Act, REACTIONS};
use super::model::{Kind, Message, Model, P, Place, Scope, Step, number, uid};
use super::world::{Answer, As, Wire, World};

/// A law that did not hold.
#[derive(Clone, Debug)]
pub struct Breach {
    pub law: &'static str,
    pub what: String,
}

pub fn breach<T>(law: &'static str, what: impl Into<String>) -> Result<T, Breach> {
    Err(Breach { law, what: what.into() })
}

/// What the log of the app says of a message that is new.
#[derive(Debug)]
pub struct Logged {
    pub id: i64,
    pub place: Place,
    pub sender: Option<P>,
    pub category: String,
    pub action: Option<String>,
    pub about: Option<P>,
    pub session: Option<String>,
    pub scope: Option<String>,
}

/// What a client keeps of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub text: Option<String>,
    pub deleted: bool,
    pub edited: bool,
    /// How many, and whether the viewer is among them.
    pub reactions: BTreeMap<String, (i64, bool)>,
}

pub fn shape(message: &Value) -> Shape {
    let reactions = message["data"]["reactions"].as_array().into_iter().flatten();
    let one = |r: &Value| {
        let name = r["reaction"].as_str().unwrap_or_default().to_owned();
        (name, (r["count"].as_i64().unwrap_or(0), r["reactedByMe"].as_bool().unwrap_or(false)))
    };
    Shape {
        text: message["data"]["text"].as_str().map(str::to_owned),
        deleted: !message["deletedAt"].is_null(),
        edited: !message["editedAt"].is_null(),
        reactions: reactions.map(one).collect(),
    }
}

pub fn id_of(message: &Value) -> i64 {
    let id = &message["id"];
    id.as_str().and_then(|text| text.parse().ok()).or(id.as_i64()).unwrap_or(0)
}

pub fn place_of(message: &Value) -> Place {
    let name = |field: &str| number(message[field].as_str().unwrap_or_default()).unwrap_or(usize::MAX);
    match message["receiverType"].as_str() {
        Some("group") => Place::Group(name("receiver")),
        _ => Place::pair(name("sender"), name("receiver")),
    }
}

/// An open socket with what its client knows.
pub struct Socket {
    pub wire: Wire,
    pub known: BTreeMap<i64, Shape>,
}

pub struct Play {
    pub world: World,
    pub model: Model,
    pub sockets: BTreeMap<Step, Socket>,
    pub log: VecDeque<Logged>,
    /// The session that acts.
    pub echo: Option<Step>,
    /// Who was deleted for good by this step.
    pub gone: Option<P>,
    pub frames: u64,
}

impl Play {
    pub fn new(world: World) -> Play {
        let (model, sockets) = (Model { now: world.now(), ..Model::default() }, BTreeMap::new());
        Play { world, model, sockets, log: VecDeque::new(), echo: None, gone: None, frames: 0 }
    }

    /// Does it, and checks what can be checked at once.
    pub async fn perform(&mut self, step: Step, act: &Act) -> Result<(), Breach> {
        self.model.said.clear();
        (self.echo, self.gone) = (None, None);
        self.act(step, act).await?;
        while let Some(logged) = self.log.pop_front() {
            self.absorb(logged)?;
        }
        self.listen().await
    }

    async fn act(&mut self, step: Step, act: &Act) -> Result<(), Breach> {
        match act {
            Act::CreateUser { .. }
            | Act::Deactivate { .. }
            | Act::Reactivate { .. }
            | Act::DeleteUser { .. }
            | Act::LogIn { .. }
            | Act::LogOut { .. }
            | Act::Flush { .. }
            | Act::Try { .. }
            | Act::Connect { .. }
            | Act::Disconnect { .. }
            | Act::Block { .. }
            | Act::Unblock { .. }
            | Act::Befriend { .. }
            | Act::Unfriend { .. }
            | Act::Clock { .. }
            | Act::Chores
            | Act::Restart
            | Act::Crash { .. } => self.live(step, act).await,
            Act::CreateGroup { .. }
            | Act::DeleteGroup { .. }
            | Act::Join { .. }
            | Act::Leave { .. }
            | Act::Add { .. }
            | Act::Kick { .. }
            | Act::Ban { .. }
            | Act::Unban { .. }
            | Act::Rescope { .. }
            | Act::Transfer { .. }
            | Act::Retype { .. } => self.gather(step, act).await,
            _ => self.talk(step, act).await,
        }
    }

    /// Asks the server in the name of `who` (none: the app), by a login or by the key, and reads what was stored. `may`:
    /// whether it must be granted; none: it depends on what the oracle does not know. `None`: it was refused.
    pub async fn ask(
        &mut self,
        step: Step,
        who: Option<P>,
        (method, path): (Method, String),
        body: Value,
        may: impl Into<Option<bool>>,
    ) -> Result<Option<Answer>, Breach> {
        let login = who.and_then(|who| self.login_for(step, who));
        let name = who.map(uid);
        let asks = who.zip(name.as_deref()).map_or(As::App, |(who, name)| self.speaks(step, who, name));
        let answer = self.world.call(asks, method.clone(), &path, body).await;
        let shown = format!("{method} {path} by {asks:?}: {} {}", answer.status, answer.body);
        self.echo = login;
        if answer.status >= 500 || answer.status == 401 || answer.body.is_null() {
            return breach("no fault of the server", shown);
        }
        if may.into().is_some_and(|may| may != answer.ok()) {
            let law = if answer.ok() { "what may not be done is refused" } else { "what may be done is done" };
            return breach(law, shown);
        }
        self.read_log().await?;
        if !answer.ok() && !self.log.is_empty() {
            return breach("a refusal writes nothing", format!("{shown} left {:?}", self.log));
        }
        Ok(answer.ok().then_some(answer))
    }

    /// The login by which somebody acts in a step; by the key now and then.
    pub fn login_for(&self, step: Step, who: P) -> Option<Step> {
        self.model.login_of(who).filter(|_| !step.is_multiple_of(3))
    }

    pub fn speaks<'a>(&'a self, step: Step, who: P, name: &'a str) -> As<'a> {
        match self.login_for(step, who).map(|login| &self.model.logins[&login]) {
            Some(login) => As::Token(&login.token, &login.device),
            None => As::Behalf(name),
        }
    }

    pub async fn read_log(&mut self) -> Result<(), Breach> {
        let path = format!("/messages?affix=append&limit=1000&id={}", self.model.last_id);
        let path = if self.model.last_id == 0 { "/messages?affix=append&limit=1000&sentAt=1".into() } else { path };
        let answer = self.world.get(As::App, &path).await;
        if !answer.ok() {
            return breach("no fault of the server", format!("{path}: {}", answer.body));
        }
        for message in answer.list() {
            let entities = &message["data"]["entities"];
            let (on, category) = (&entities["on"]["entity"], message["category"].as_str().unwrap_or_default());
            let person = |value: &Value| value.as_str().and_then(number);
            self.log.push_back(Logged {
                id: id_of(message),
                place: place_of(message),
                sender: person(&message["sender"]),
                category: category.to_owned(),
                action: message["data"]["action"].as_str().map(str::to_owned),
                about: person(if category == "call" { &on["sender"] } else { &on["uid"] }),
                session: on["sessionid"].as_str().map(str::to_owned),
                scope: message["data"]["extras"]["scope"]["new"].as_str().map(str::to_owned),
            });
            self.model.last_id = self.model.last_id.max(id_of(message));
        }
        Ok(())
    }

    /// The message that the act must have stored, now one of the oracle's; what the server did by itself comes before it.
    pub fn take(
        &mut self,
        step: Step,
        place: Place,
        sender: Option<P>,
        kind: Kind,
        action: Option<&str>,
        about: Option<P>,
    ) -> Result<i64, Breach> {
        while let Some(logged) = self.log.pop_front() {
            let fits = logged.place == place
                && logged.sender == sender
                && logged.category == kind.category()
                && action.is_none_or(|action| logged.action.as_deref() == Some(action));
            if fits && (kind == Kind::Call || logged.about == about) {
                self.store(logged.id, place, sender, kind, about);
                self.model.made.insert(step, logged.id);
                return Ok(logged.id);
            }
            self.absorb(logged)?;
        }
        breach("what is done is stored", format!("no {kind:?} {action:?} by {sender:?} in {place:?}"))
    }

    pub fn store(&mut self, id: i64, place: Place, sender: Option<P>, kind: Kind, about: Option<P>) {
        let message = Message {
            place,
            sender,
            kind,
            text: String::new(),
            about,
            parent: None,
            quoted: None,
            mention: None,
            muid: None,
            deleted: false,
            edited: false,
            hidden: false,
            reactions: REACTIONS.iter().map(|name| (*name, Default::default())).collect(),
            pinned: None,
            saved: Default::default(),
        };
        self.model.messages.insert(id, message);
    }

    /// What the server did by itself: ended a call, or found a new owner for a group.
    pub fn absorb(&mut self, logged: Logged) -> Result<(), Breach> {
        let call = logged
            .session
            .as_deref()
            .and_then(|session| self.model.calls.values_mut().find(|call| call.session == session && call.live()));
        match (call, logged.action.as_deref()) {
            (Some(call), Some(status)) => {
                let legal = match &*call.status {
                    "initiated" => matches!(status, "cancelled" | "unanswered" | "rejected"),
                    _ => status == "ended",
                };
                if !legal {
                    return breach("calls go from step to step", format!("{call:?} became {status}"));
                }
                call.status = status.to_owned();
                let (place, caller) = (call.place, call.caller);
                self.store(logged.id, place, logged.sender, Kind::Call, Some(caller));
                let to = self.model.audience(place);
                self.model.say((logged.id, format!("m{}", logged.id)), to, logged.sender, true, None);
                self.model.said.iter_mut().rev().take(1).for_each(|said| said.ends_call = true);
            }
            (None, Some("scopeChanged")) if logged.sender.is_none() => {
                let (Place::Group(g), Some(p)) = (logged.place, logged.about) else {
                    return breach("only what is done is stored", format!("{logged:?}"));
                };
                let scope = self.model.groups[g].as_mut().and_then(|group| group.members.get_mut(&p));
                match scope {
                    Some(scope) if logged.scope.as_deref() == Some("admin") => *scope = Scope::Admin,
                    _ => return breach("heirs are members and become admins", format!("{logged:?}")),
                }
                self.store(logged.id, logged.place, None, Kind::Action, Some(p));
                let to = self.model.audience(logged.place);
                self.model.say((logged.id, format!("m{}", logged.id)), to, None, false, None);
            }
            _ => return breach("only what is done is stored", format!("{logged:?}")),
        }
        Ok(())
    }

    /// What all sockets heard is what the oracle says they hear, in that order.
    async fn listen(&mut self) -> Result<(), Breach> {
        self.world.settle().await;
        let mut sockets = std::mem::take(&mut self.sockets);
        for (step, socket) in &mut sockets {
            let (frames, closed) = self.world.hear(&socket.wire);
            let Some(sock) = self.model.socks.get(step).cloned() else {
                if closed != Some(Close::Unauthorized) {
                    return breach("a login that ends closes its sockets", format!("socket #{step}: {closed:?}"));
                }
                self.world.hang_up(&socket.wire);
                continue;
            };
            if let Some(why) = closed {
                return breach("sockets stay open", format!("#{step} of {}: {why:?}", uid(sock.who)));
            }
            self.frames += frames.len() as u64;
            let mut heard = Vec::new();
            for frame in &frames {
                match frame["type"].as_str().unwrap_or_default() {
                    "receipts" => self.check_receipt(sock.who, frame)?,
                    "presence" => self.check_presence(*step, sock.who, frame)?,
                    // The end of a call with who is gone for good: told, and gone with them.
                    "message" if self.gone.is_some_and(|gone| is_call_with(&frame["body"], gone, sock.who)) => {}
                    _ => heard.push(what(frame)),
                }
                fold(&mut socket.known, frame, sock.who);
            }
            let is_own = |said: &&super::model::Said| said.to.contains(&sock.who);
            let mut expected = Vec::new();
            for said in self.model.said.iter().filter(is_own) {
                let own = said.echo == Some(sock.login);
                if own {
                    // It shows its own act already, by the answer it had.
                    socket.known.remove(&said.id);
                }
                // What the session itself left behind it ends itself: whether that is so here, the oracle does not know.
                let ended = self.echo == Some(sock.login) && said.ends_call && heard.contains(&said.what);
                if !own && (!said.ends_call || self.echo != Some(sock.login)) || ended {
                    expected.push(said.what.clone());
                }
            }
            if heard != expected {
                let who = uid(sock.who);
                let what = format!("#{step} of {who} (login #{}) heard {heard:?}, not {expected:?}", sock.login);
                return breach("everybody hears what they see, in order", what);
            }
        }
        sockets.retain(|step, _| self.model.socks.contains_key(step));
        self.sockets = sockets;
        // Those that were closed are out of the index now.
        self.world.settle().await;
        Ok(())
    }

    fn check_receipt(&self, listener: P, frame: &Value) -> Result<(), Breach> {
        let person = |value: &Value| value.as_str().and_then(number);
        let (reader, author) = (person(&frame["body"]["user"]["uid"]), person(&frame["messageSender"]));
        let id = frame["body"]["messageId"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
        let concerns = reader == Some(listener) || author == Some(listener);
        let across = reader.is_some_and(|reader| reader != listener && self.model.parted(reader, listener));
        let gone = !self.model.messages.contains_key(&id);
        let sees = gone || reader == Some(listener) || self.model.sees(listener, id);
        match concerns && !across && sees {
            true => Ok(()),
            false => breach("receipts are for those they concern", format!("{} heard {frame}", uid(listener))),
        }
    }

    fn check_presence(&self, step: Step, listener: P, frame: &Value) -> Result<(), Breach> {
        let who = frame["body"]["user"]["uid"].as_str().and_then(number);
        let asked = self.model.socks.get(&step).is_some_and(|sock| sock.presence);
        match who.is_some_and(|who| asked && who != listener && !self.model.parted(who, listener)) {
            true => Ok(()),
            false => breach("presence is for those who ask and may", format!("{} heard {frame}", uid(listener))),
        }
    }

    /// The message of a step, if it is there.
    pub fn message(&self, step: Step) -> Option<(i64, Message)> {
        let id = *self.model.made.get(&step)?;
        Some((id, self.model.messages.get(&id)?.clone()))
    }
}

fn is_call_with(message: &Value, one: P, other: P) -> bool {
    message["category"] == "call" && place_of(message) == Place::pair(one, other)
}

/// A frame in few words.
fn what(frame: &Value) -> String {
    let body = &frame["body"];
    match frame["type"].as_str().unwrap_or_default() {
        "message" if body["category"] == "action" && body["type"] == "message" => {
            let on = &body["data"]["entities"]["on"]["entity"];
            format!("{} m{}", body["data"]["action"].as_str().unwrap_or_default(), id_of(on))
        }
        "message" => format!("m{}", id_of(body)),
        "on_moderation_status_changed" => format!("moderated m{}", id_of(body)),
        "message_pinned" | "message_unpinned" | "message_saved" | "message_unsaved" => {
            format!("{} m{}", body["action"].as_str().unwrap_or_default(), id_of(&body["message"]))
        }
        "reaction" => {
            let sign = if body["action"] == "message_reaction_added" { '+' } else { '-' };
            let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
            format!("{sign}{} m{} by {}", text("reaction"), text("messageId"), text("uid"))
        }
        "typing_indicator" => {
            let text = |field: &str| frame[field].as_str().unwrap_or_default().to_owned();
            format!("typing of {} to {}", text("sender"), text("receiver"))
        }
        other => format!("a frame {other}"),
    }
}

/// What a client makes of a frame.
fn fold(known: &mut BTreeMap<i64, Shape>, frame: &Value, me: P) {
    let body = &frame["body"];
    match frame["type"].as_str().unwrap_or_default() {
        "message" if body["category"] == "action" && body["type"] == "message" => {
            let on = &body["data"]["entities"]["on"]["entity"];
            known.insert(id_of(on), shape(on));
        }
        "message" | "on_moderation_status_changed" => _ = known.insert(id_of(body), shape(body)),
        "message_pinned" | "message_unpinned" | "message_saved" | "message_unsaved" => {
            known.insert(id_of(&body["message"]), shape(&body["message"]));
        }
        "reaction" => {
            let id = body["messageId"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
            let Some(shape) = known.get_mut(&id) else { return };
            let name = body["reaction"].as_str().unwrap_or_default().to_owned();
            let added = body["action"] == "message_reaction_added";
            let (count, mine) = shape.reactions.entry(name).or_default();
            *count += if added { 1 } else { -1 };
            if body["uid"] == json!(uid(me)) {
                *mine = added;
            }
            shape.reactions.retain(|_, (count, _)| *count != 0);
        }
        _ => {}
    }
}

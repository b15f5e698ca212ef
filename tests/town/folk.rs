//! People, their logins and sockets, what they are to one another; and what happens to the server.

use actix_web::http::Method;
use hobnob::live::conn::Subscription;
use serde_json::{Value, json};

use super::acts::Act;
use super::model::{Login, Model, P, PEOPLE, Place, Sock, State, Step, guid, number, uid};
use super::play::{Breach, Play, Socket, breach};
use super::world::As;

impl Play {
    pub async fn live(&mut self, step: Step, act: &Act) -> Result<(), Breach> {
        match *act {
            Act::CreateUser { who } => {
                let body = json!({"uid": uid(who), "name": uid(who)});
                let may = self.model.people[who] == State::Free;
                if self.ask(step, None, (Method::POST, "/users".to_owned()), body, may).await?.is_some() {
                    self.model.people[who] = State::Active;
                }
                Ok(())
            }
            Act::Deactivate { who } => {
                if !self.model.active(who) {
                    return Ok(());
                }
                let call = (Method::DELETE, "/users".to_owned());
                self.ask(step, None, call, json!({"uidsToDeactivate": [uid(who)]}), true).await?;
                self.ends(who, State::Deactivated).await
            }
            Act::Reactivate { who } => {
                if self.model.people[who] != State::Deactivated {
                    return Ok(());
                }
                let call = (Method::PUT, "/users".to_owned());
                self.ask(step, None, call, json!({"uidsToActivate": [uid(who)]}), true).await?;
                self.model.people[who] = State::Active;
                Ok(())
            }
            Act::DeleteUser { who, permanent } => self.delete_user(step, who, permanent).await,
            Act::LogIn { who } => {
                let device = format!("D{step}");
                let made = self.world.log_in(&uid(who), &device).await;
                if made.is_some() != self.model.active(who) {
                    return breach("who is there can log in", format!("{}: {made:?}", uid(who)));
                }
                if let Some((token, jwt)) = made {
                    self.model.logins.insert(step, Login { who, device, token, jwt, alive: true });
                }
                Ok(())
            }
            Act::LogOut { login } => {
                let Some(known) = self.model.logins.get(&login).filter(|login| login.alive).cloned() else {
                    return Ok(());
                };
                let me = As::Token(&known.token, &known.device);
                let answer = self.world.call(me, Method::DELETE, "/me", Value::Null).await;
                if !answer.ok() {
                    return breach("a login can end itself", format!("{}", answer.body));
                }
                self.model.end_login(login);
                Ok(())
            }
            Act::Flush { who } => {
                let call = (Method::DELETE, format!("/users/{}/auth_tokens", uid(who)));
                let may = self.model.active(who);
                if self.ask(step, None, call, Value::Null, may).await?.is_some() {
                    self.model.end_logins(who);
                }
                Ok(())
            }
            Act::Try { login } => {
                let Some(known) = self.model.logins.get(&login).cloned() else { return Ok(()) };
                let answer = self.world.get(As::Token(&known.token, &known.device), "/me").await;
                let wire = self.world.connect(&known.jwt, &known.device, Subscription::Nobody).await;
                if answer.ok() != known.alive || wire.is_some() != known.alive || (!known.alive && answer.status != 401)
                {
                    let what = format!("login #{login} alive {}: {} {}", known.alive, answer.status, wire.is_some());
                    return breach("a login holds until it ends", what);
                }
                wire.iter().for_each(|wire| self.world.hang_up(wire));
                Ok(())
            }
            Act::Connect { login, presence } => {
                let Some(known) = self.model.logins.get(&login).cloned() else { return Ok(()) };
                let wish = if presence { Subscription::AllUsers } else { Subscription::Nobody };
                let wire = self.world.connect(&known.jwt, &known.device, wish).await;
                if wire.is_some() != known.alive {
                    return breach("a login holds until it ends", format!("a socket of login #{login}"));
                }
                if let Some(wire) = wire {
                    self.model.socks.insert(step, Sock { who: known.who, login, presence });
                    self.sockets.insert(step, Socket { wire, known: Default::default() });
                }
                Ok(())
            }
            Act::Disconnect { sock } => {
                if let Some(socket) = self.sockets.remove(&sock) {
                    self.world.hang_up(&socket.wire);
                    self.model.socks.remove(&sock);
                }
                Ok(())
            }
            Act::Block { who, whom } => self.block(step, who, whom, true).await,
            Act::Unblock { who, whom } => self.block(step, who, whom, false).await,
            Act::Befriend { who, whom } => {
                let call = (Method::POST, format!("/users/{}/friends", uid(who)));
                let may = self.model.active(who);
                let Some(answer) = self.ask(step, None, call, json!({"accepted": [uid(whom)]}), may).await? else {
                    return Ok(());
                };
                let pair = Model::friend(who, whom);
                let fits = self.model.active(whom) && who != whom && !self.model.friends.contains(&pair);
                let done = answer.data()["accepted"][uid(whom)]["success"] == json!(true);
                if done != fits {
                    return breach("who may be a friend becomes one", format!("{}", answer.body));
                }
                if done {
                    self.model.friends.insert(pair);
                }
                Ok(())
            }
            Act::Unfriend { who, whom } => {
                let pair = Model::friend(who, whom);
                let known = matches!(self.model.people[whom], State::Active | State::Deactivated);
                let may = self.model.active(who) && known && self.model.friends.contains(&pair);
                let call = (Method::DELETE, format!("/users/{}/friends", uid(who)));
                if self.ask(step, None, call, json!({"friends": [uid(whom)]}), may).await?.is_some() {
                    self.model.friends.remove(&pair);
                }
                Ok(())
            }
            Act::Clock { seconds } => {
                self.world.clock.advance(seconds);
                let now = self.world.now();
                self.model.now = now;
                // A clock that was ahead is taken back, and with it what bears its times.
                for call in self.model.calls.values_mut() {
                    call.began = call.began.min(now);
                    call.answered = call.answered.map(|at| at.min(now));
                }
                Ok(())
            }
            Act::Chores => {
                self.world.chores().await;
                self.read_log().await
            }
            Act::Restart => {
                self.lose_sockets();
                self.world.restart().await;
                Ok(())
            }
            Act::Crash { who } => {
                self.lose_sockets();
                self.world.crash(&uid(who)).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn lose_sockets(&mut self) {
        self.sockets.clear();
        self.model.socks.clear();
    }

    async fn delete_user(&mut self, step: Step, who: P, permanent: bool) -> Result<(), Breach> {
        let may = match self.model.people[who] {
            State::Active | State::Deactivated => true,
            // What is left of them can still be taken away.
            State::Deleted => permanent,
            State::Free => false,
        };
        let call = (Method::DELETE, format!("/users/{}", uid(who)));
        if self.ask(step, None, call, json!({"permanent": permanent}), may).await?.is_none() {
            return Ok(());
        }
        self.ends(who, State::Deleted).await?;
        if permanent {
            self.gone = Some(who);
            self.world.chores().await;
            self.read_log().await?;
            while let Some(logged) = self.log.pop_front() {
                self.absorb(logged)?;
            }
            self.forget(who);
        }
        Ok(())
    }

    /// No trace is left of who was deleted for good.
    fn forget(&mut self, who: P) {
        let model = &mut self.model;
        model.people[who] = State::Free;
        let pairs: Vec<Place> = model
            .parts
            .keys()
            .copied()
            .filter(|place| matches!(place, Place::Pair(a, b) if *a == who || *b == who))
            .collect();
        for place in pairs {
            model.parts.remove(&place);
            model.erase_where(|message| message.place == place);
            model.calls.retain(|_, call| call.place != place);
        }
        model.erase_where(|message| message.sender == Some(who) || message.about == Some(who));
        for message in model.messages.values_mut() {
            message.reactions.values_mut().for_each(|set| _ = set.remove(&who));
            message.mention = message.mention.filter(|p| *p != who);
            message.saved.remove(&who);
            message.text = message.text.replace(&format!("<@uid:{}>", uid(who)), "@Deleted user");
            // Pinned it stays, by nobody there is.
            message.pinned = message.pinned.map(|p| if p == who { PEOPLE } else { p });
        }
        model.blocks.retain(|(a, b)| *a != who && *b != who);
        model.friends.retain(|(a, b)| *a != who && *b != who);
        model.groups.iter_mut().flatten().for_each(|group| _ = group.banned.remove(&who));
        self.sockets.values_mut().for_each(|socket| socket.known.clear());
    }

    /// Who is deactivated or deleted has no logins, and what was theirs to rule is somebody else's.
    async fn ends(&mut self, who: P, state: State) -> Result<(), Breach> {
        let before = self.model.groups.clone();
        while let Some(logged) = self.log.pop_front() {
            self.absorb(logged)?;
        }
        self.model.people[who] = state;
        self.model.end_logins(who);
        for (g, group) in before.iter().enumerate() {
            if state == State::Deleted && self.model.member(g, who) {
                self.exit(g, who);
            }
            let Some(group) = group.as_ref().filter(|group| group.owner == Some(who)) else { continue };
            let heirs = group.members.iter().filter(|(p, _)| self.model.active(**p));
            let best = heirs.map(|(_, scope)| *scope).max();
            let shown = self.world.get(As::App, &format!("/groups/{}", guid(g))).await;
            let owner = shown.data()["owner"].as_str().and_then(number);
            let fits = match owner {
                Some(heir) => best.is_some() && group.members.get(&heir).copied() == best && self.model.active(heir),
                None => best.is_none(),
            };
            if !fits {
                return breach("a group has the highest of its members to rule it", format!("{group:?}: {owner:?}"));
            }
            if let Some(group) = &mut self.model.groups[g] {
                group.owner = owner;
            }
        }
        Ok(())
    }

    async fn block(&mut self, step: Step, who: P, whom: P, on: bool) -> Result<(), Breach> {
        let method = if on { Method::POST } else { Method::DELETE };
        let call = (method, format!("/users/{}/blockedusers", uid(who)));
        let body = json!({"blockedUids": [uid(whom)]});
        let may = self.model.active(who);
        let Some(answer) = self.ask(step, None, call, body, may).await? else { return Ok(()) };
        let there = match on {
            true => self.model.active(whom) && who != whom,
            false => self.model.people[whom] != State::Free,
        };
        let done = answer.data()[uid(whom)]["success"] == json!(true);
        if done != there {
            return breach("who may be blocked is blocked", format!("{}", answer.body));
        }
        // The end of their call is the last thing that passes.
        while let Some(logged) = self.log.pop_front() {
            self.absorb(logged)?;
        }
        if done {
            match on {
                true => self.model.blocks.insert((who, whom)),
                false => self.model.blocks.remove(&(who, whom)),
            };
            // What happened meanwhile is found when it is looked for.
            let place = Place::pair(who, whom);
            let here: Vec<i64> = self.model.in_place(place).map(|(id, _)| id).collect();
            for socket in self.sockets.values_mut() {
                here.iter().for_each(|id| _ = socket.known.remove(id));
            }
        }
        Ok(())
    }
}

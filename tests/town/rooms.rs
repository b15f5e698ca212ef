//! Groups: who may come, go and rule.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::acts::Act;
use super::model::{G, Group, GroupKind, Kind, P, Place, Scope, Step, guid, uid};
use super::play::{Breach, Play, breach};

/// Ranks, from `Model::rank`.
const MODERATOR: u8 = 1;
const ADMIN: u8 = 2;
const OWNER: u8 = 3;

/// Whether one of this rank may remove one of that.
fn may_remove(rank: u8, of: u8) -> bool {
    match rank {
        0 => false,
        MODERATOR => of == 0,
        ADMIN => of < OWNER,
        _ => true,
    }
}

impl Play {
    pub async fn gather(&mut self, step: Step, act: &Act) -> Result<(), Breach> {
        match *act {
            Act::CreateGroup { g, owner, kind } => self.create_group(step, g, owner, kind).await,
            Act::DeleteGroup { g, who } => {
                let may = self.ranks(g, who, ADMIN);
                let call = (Method::DELETE, format!("/groups/{}", guid(g)));
                if self.ask(step, Some(who), call, Value::Null, may).await?.is_some() {
                    self.model.groups[g] = None;
                    self.model.parts.remove(&Place::Group(g));
                    self.model.erase_where(|message| message.place == Place::Group(g));
                }
                Ok(())
            }
            Act::Join { g, who } => {
                let open = self.model.group(g).is_some_and(|group| group.kind != GroupKind::Private);
                let free = !self.model.member(g, who) && !self.is_banned(g, who);
                let may = self.model.active(who) && open && free;
                let call = (Method::POST, format!("/groups/{}/members", guid(g)));
                if self.ask(step, Some(who), call, json!({"password": "sesame"}), may).await?.is_some() {
                    self.model.enter(g, who, Scope::Participant);
                    self.noted(step, g, Some(who), "joined", None, None)?;
                    // What one does oneself is read.
                }
                Ok(())
            }
            Act::Leave { g, who } => self.leave(step, g, who).await,
            Act::Add { g, who, whom, scope } => self.add(step, g, who, whom, scope).await,
            Act::Kick { g, who, whom } => {
                let may = self
                    .standing(g, who)
                    .is_some_and(|rank| who != whom && self.model.rank(g, whom).is_some_and(|of| may_remove(rank, of)));
                let call = (Method::DELETE, format!("/groups/{}/members/{}", guid(g), uid(whom)));
                if self.ask(step, Some(who), call, Value::Null, may).await?.is_some() {
                    self.exit(g, whom);
                    self.noted(step, g, Some(who), "kicked", Some(whom), Some(whom))?;
                }
                Ok(())
            }
            Act::Ban { g, who, whom } => self.ban(step, g, who, whom).await,
            Act::Unban { g, who, whom } => {
                let may = self.ranks(g, who, MODERATOR) && self.is_banned(g, whom) && self.is_known(whom);
                let call = (Method::DELETE, format!("/groups/{}/bannedusers/{}", guid(g), uid(whom)));
                if self.ask(step, Some(who), call, Value::Null, may).await?.is_some() {
                    if let Some(group) = &mut self.model.groups[g] {
                        group.banned.remove(&whom);
                    }
                    self.noted(step, g, Some(who), "unbanned", Some(whom), Some(whom))?;
                }
                Ok(())
            }
            Act::Rescope { g, who, whom, scope } => self.rescope(step, g, who, whom, scope).await,
            Act::Transfer { g, who, whom } => {
                let may = self.ranks(g, who, OWNER) && self.model.active(whom) && self.model.member(g, whom);
                let call = (Method::PATCH, format!("/groups/{}/owner", guid(g)));
                if self.ask(step, Some(who), call, json!({"owner": uid(whom)}), may).await?.is_some() {
                    self.promote(step, g, Some(who), whom)?;
                    if let Some(group) = &mut self.model.groups[g] {
                        group.owner = Some(whom);
                    }
                }
                Ok(())
            }
            Act::Retype { g, who, open } => {
                let may = self.ranks(g, who, MODERATOR);
                let call = (Method::PUT, format!("/groups/{}", guid(g)));
                let kind = if open { GroupKind::Public } else { GroupKind::Private };
                if self.ask(step, Some(who), call, json!({"type": kind.word()}), may).await?.is_some()
                    && let Some(group) = &mut self.model.groups[g]
                {
                    group.kind = kind;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Out of the group; what happens there from now on is not theirs to know.
    pub fn exit(&mut self, g: G, p: P) {
        self.model.exit(g, p);
        let messages = &self.model.messages;
        let inside = |id: &i64| messages.get(id).is_some_and(|message| message.place == Place::Group(g));
        for (step, socket) in &mut self.sockets {
            if self.model.socks.get(step).is_some_and(|sock| sock.who == p) {
                socket.known.retain(|id, _| !inside(id));
            }
        }
    }

    /// The rank of one who can act.
    fn standing(&self, g: G, who: P) -> Option<u8> {
        self.model.rank(g, who).filter(|_| self.model.active(who))
    }

    fn ranks(&self, g: G, who: P, least: u8) -> bool {
        self.standing(g, who).is_some_and(|rank| rank >= least)
    }

    fn is_banned(&self, g: G, who: P) -> bool {
        self.model.group(g).is_some_and(|group| group.banned.contains(&who))
    }

    /// There, deactivated or not.
    fn is_known(&self, p: P) -> bool {
        use super::model::State;
        matches!(self.model.people[p], State::Active | State::Deactivated)
    }

    /// The action message about a membership, heard by the members and by `also`.
    fn noted(
        &mut self,
        step: Step,
        g: G,
        by: Option<P>,
        action: &str,
        on: Option<P>,
        also: Option<P>,
    ) -> Result<(), Breach> {
        let id = self.take(step, Place::Group(g), by, Kind::Action, Some(action), on)?;
        let mut to = self.model.audience(Place::Group(g));
        to.extend(also);
        let echo = self.echo;
        self.model.say((id, format!("m{id}")), to, by, false, echo);
        Ok(())
    }

    async fn create_group(&mut self, step: Step, g: G, owner: P, kind: GroupKind) -> Result<(), Breach> {
        let may = self.model.groups[g].is_none() && self.model.active(owner);
        let mut body = json!({"guid": guid(g), "name": guid(g), "type": kind.word(), "owner": uid(owner)});
        if kind == GroupKind::Password {
            body["password"] = json!("sesame");
        }
        if self.ask(step, None, (Method::POST, "/groups".to_owned()), body, may).await?.is_some() {
            let (members, banned) = Default::default();
            self.model.groups[g] = Some(Group { kind, owner: Some(owner), members, banned });
            self.model.enter(g, owner, Scope::Admin);
        }
        Ok(())
    }

    async fn leave(&mut self, step: Step, g: G, who: P) -> Result<(), Breach> {
        let group = self.model.group(g).cloned();
        let owns = group.as_ref().is_some_and(|group| group.owner == Some(who));
        let others = |group: &Group| group.members.keys().filter(|p| **p != who && self.model.active(**p)).count();
        let alone = group.as_ref().is_none_or(|group| others(group) == 0);
        let may = self.standing(g, who).is_some() && (!owns || alone);
        let call = (Method::DELETE, format!("/groups/{}/members", guid(g)));
        if self.ask(step, Some(who), call, Value::Null, may).await?.is_none() {
            return Ok(());
        }
        self.exit(g, who);
        self.noted(step, g, Some(who), "left", None, Some(who))?;
        if let Some(group) = self.model.groups[g].as_mut().filter(|group| owns && !group.members.is_empty()) {
            group.owner = None;
        }
        Ok(())
    }

    async fn add(&mut self, step: Step, g: G, who: P, whom: P, scope: Scope) -> Result<(), Breach> {
        let may = self.ranks(g, who, ADMIN);
        let list = format!("{}s", scope.word());
        let call = (Method::PUT, format!("/groups/{}/members", guid(g)));
        let Some(answer) = self.ask(step, Some(who), call, json!({&*list: [uid(whom)]}), may).await? else {
            return Ok(());
        };
        let fits = self.model.active(whom) && !self.model.member(g, whom) && !self.is_banned(g, whom);
        let done = answer.data()[&list][uid(whom)]["success"] == json!(true);
        if fits != done {
            return breach("who may be added is added", format!("{}: {}", uid(whom), answer.body));
        }
        if done {
            self.model.enter(g, whom, scope);
            self.noted(step, g, Some(who), "added", Some(whom), None)?;
        }
        Ok(())
    }

    async fn ban(&mut self, step: Step, g: G, who: P, whom: P) -> Result<(), Breach> {
        let may = self.standing(g, who).is_some_and(|rank| match self.model.rank(g, whom) {
            Some(of) => may_remove(rank, of),
            None => rank >= MODERATOR,
        });
        let may = may && who != whom && self.is_known(whom) && !self.is_banned(g, whom);
        let call = (Method::POST, format!("/groups/{}/bannedusers/{}", guid(g), uid(whom)));
        if self.ask(step, Some(who), call, json!({}), may).await?.is_none() {
            return Ok(());
        }
        self.exit(g, whom);
        if let Some(group) = &mut self.model.groups[g] {
            group.banned.insert(whom);
        }
        self.noted(step, g, Some(who), "banned", Some(whom), Some(whom))
    }

    async fn rescope(&mut self, step: Step, g: G, who: P, whom: P, scope: Scope) -> Result<(), Breach> {
        let old = self.model.group(g).and_then(|group| group.members.get(&whom)).copied();
        let may = self.standing(g, who).zip(self.model.rank(g, whom)).is_some_and(|(rank, of)| match rank {
            0 => false,
            MODERATOR => of <= MODERATOR && scope <= Scope::Moderator,
            ADMIN => of < OWNER,
            _ => true,
        });
        let call = (Method::PUT, format!("/groups/{}/members/{}", guid(g), uid(whom)));
        let may = may && who != whom && old != Some(scope);
        if self.ask(step, Some(who), call, json!({"scope": scope.word()}), may).await?.is_none() {
            return Ok(());
        }
        if let Some(group) = &mut self.model.groups[g] {
            group.members.insert(whom, scope);
        }
        self.noted(step, g, Some(who), "scopeChanged", Some(whom), None)
    }

    /// The new owner is an admin, and it is said if they were none.
    fn promote(&mut self, step: Step, g: G, by: Option<P>, whom: P) -> Result<(), Breach> {
        let scope = self.model.groups[g].as_mut().and_then(|group| group.members.get_mut(&whom));
        match scope {
            Some(scope) if *scope != Scope::Admin => {
                *scope = Scope::Admin;
                self.noted(step, g, by, "scopeChanged", Some(whom), None)
            }
            _ => Ok(()),
        }
    }
}

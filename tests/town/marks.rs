//! What is put on a message by others: reactions, pins, flags.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::model::{Message, P, Place, Scope, Step, uid};
use super::play::{Breach, Play};

impl Play {
    /// Whether the message says something to them still.
    fn stands(&self, who: P, id: i64, message: &Message) -> bool {
        self.model.active(who) && self.model.sees(who, id) && message.kind.counts() && !message.deleted
    }

    pub async fn react(
        &mut self,
        step: Step,
        who: P,
        made: Step,
        reaction: &'static str,
        on: bool,
    ) -> Result<(), Breach> {
        let Some((id, message)) = self.message(made) else { return Ok(()) };
        let mut may = self.stands(who, id, &message);
        may &= !on || !self.parted_in(who, message.place);
        let method = if on { Method::POST } else { Method::DELETE };
        let call = (method, format!("/messages/{id}/reactions/{reaction}"));
        if self.ask(step, Some(who), call, Value::Null, may).await?.is_none() {
            return Ok(());
        }
        let Some(message) = self.model.messages.get_mut(&id) else { return Ok(()) };
        let set = message.reactions.entry(reaction).or_default();
        let changed = if on { set.insert(who) } else { set.remove(&who) };
        if changed {
            let (echo, sign) = (self.echo, if on { '+' } else { '-' });
            self.model.say_of(id, format!("{sign}{reaction} m{id} by {}", uid(who)), Some(who), echo);
        }
        Ok(())
    }

    pub async fn review(&mut self, step: Step, who: P, made: Step, hide: bool) -> Result<(), Breach> {
        let Some((id, message)) = self.message(made) else { return Ok(()) };
        let may = self.stands(who, id, &message);
        let call = (Method::POST, format!("/messages/{id}/flagged"));
        if self.ask(step, Some(who), call, json!({"reasonId": "spam"}), may).await?.is_none() {
            return Ok(());
        }
        let saw: Vec<P> = self.model.audience(message.place).into_iter().filter(|p| self.model.sees(*p, id)).collect();
        let status = if hide { "disapproved" } else { "approved" };
        let call = (Method::PATCH, format!("/moderation/flagged-messages/{id}"));
        self.ask(step, None, call, json!({"status": status}), true).await?;
        if let Some(message) = self.model.messages.get_mut(&id) {
            message.hidden = hide;
        }
        let what = format!("moderated m{id}");
        if hide {
            let to = saw.into_iter().filter(|p| message.sender != Some(*p)).collect();
            self.model.say((id, what.clone()), to, None, false, None);
        }
        self.model.say_of(id, what, None, None);
        Ok(())
    }

    pub async fn pin(&mut self, step: Step, who: P, made: Step, on: bool) -> Result<(), Breach> {
        let Some((id, message)) = self.message(made) else { return Ok(()) };
        let ruled = match message.place {
            Place::Group(g) => self.model.rank(g, who).is_some_and(|rank| rank >= Scope::Moderator as u8),
            Place::Pair(..) => true,
        };
        let may = self.stands(who, id, &message) && ruled && !self.parted_in(who, message.place);
        let call = (if on { Method::POST } else { Method::DELETE }, format!("/messages/{id}/pin"));
        if self.ask(step, Some(who), call, json!({}), may).await?.is_none() {
            return Ok(());
        }
        let pinned = on.then_some(who);
        // Whoever pins it last has pinned it; to unpin what is not pinned changes nothing.
        if message.pinned == pinned {
            return Ok(());
        }
        if let Some(message) = self.model.messages.get_mut(&id) {
            message.pinned = pinned;
        }
        let (echo, word) = (self.echo, if on { "pinned" } else { "unpinned" });
        self.model.say_of(id, format!("{word} m{id}"), Some(who), echo);
        Ok(())
    }

    pub async fn save(&mut self, step: Step, who: P, made: Step, on: bool) -> Result<(), Breach> {
        let Some((id, message)) = self.message(made) else { return Ok(()) };
        let may = self.stands(who, id, &message);
        let call = (if on { Method::POST } else { Method::DELETE }, format!("/messages/{id}/save"));
        if self.ask(step, Some(who), call, json!({}), may).await?.is_none() {
            return Ok(());
        }
        let Some(message) = self.model.messages.get_mut(&id) else { return Ok(()) };
        if if on { message.saved.insert(who) } else { message.saved.remove(&who) } {
            let (echo, word) = (self.echo, if on { "saved" } else { "unsaved" });
            self.model.say((id, format!("{word} m{id}")), [who].into(), Some(who), true, echo);
        }
        Ok(())
    }
}

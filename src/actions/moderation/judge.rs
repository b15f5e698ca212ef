//! What rules say of a message that is being sent or edited, and what is done about it.
//!
//! It is decided in the write that stores the message, so nobody sees one that a rule blocks, not for a moment. An app
//! without rules that are switched on pays one look at a map. What the app itself sends is not moderated.
//!
//! Where an engine outside is to be asked, the message is hidden just the same until it has answered ([`super::asked`]);
//! then all rules are looked at again, with its answers.

use crate::actions::{members, users as people};
use crate::model::caller::{App, Caller, SERVER_DEVICE};
use crate::model::error::Result;
use crate::model::flags;
use crate::model::group::Group;
use crate::model::ids::{Guid, SYSTEM_UID, Uid};
use crate::model::json::Object;
use crate::model::message::Category;
use crate::model::moderation::engine::{Asking, Engine, Hit};
use crate::model::moderation::rule::{Action, Entity, Filter, FilterOperand, FilterOperator, Side};
use crate::model::moderation::{Sides, State, To};
use crate::model::role::Role;
use crate::model::user::User;
use crate::store::conversations::{Conv, Kind};
use crate::store::moderation::{self as rows, blocked, rules};
use crate::store::{Write, groups, users};

/// What rules say.
#[derive(Default)]
pub struct Judged {
    /// Whether there are rules at all.
    is_moderated: bool,
    /// The first rule that blocks it.
    blocked: Option<Hit>,
    /// The name of the first rule that has it reviewed.
    flagged: Option<String>,
    /// What is done to its sender.
    against: Vec<Action>,
    /// What engines are to be asked about it before it is seen; nothing where it is blocked anyway.
    asks: Vec<Asking>,
}

/// What is looked at: category, type, data.
pub type Content<'a> = (Category, &'a str, &'a Object);

impl Judged {
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// What engines are to be asked about it; empty: nothing.
    pub fn asks(&self) -> &[Asking] {
        &self.asks
    }

    /// Whether only its sender and the app may see it, as far as is known.
    pub fn is_hidden(&self) -> bool {
        self.is_blocked() || !self.asks.is_empty()
    }

    /// Whether rules let it pass.
    pub fn is_approved(&self) -> bool {
        self.is_moderated && !self.is_hidden()
    }

    /// What becomes of the message; where no rule is switched on nothing speaks against it.
    pub fn state(&self) -> State {
        match self.is_blocked() {
            true => State::Disapproved,
            false if self.is_hidden() => State::Pending,
            false => State::Approved,
        }
    }

    /// The bits that are kept with the message.
    pub fn flags(&self) -> i64 {
        if self.is_moderated { flags::of_state(self.state()) } else { 0 }
    }
}

/// What the rules of the app say of what this caller sends or edits. Engines outside are to be asked, if nothing blocks it
/// yet.
pub fn judge(tx: &Write<'_>, caller: &Caller, conv: &Conv, content: Content<'_>) -> Result<Judged> {
    match caller.person {
        true => weigh(tx, caller.app.id, &sides(caller, conv), content),
        false => Ok(Judged::default()),
    }
}

/// The same now that engines were asked and found these conditions met. What rules that changed since would have asked is
/// asked anew.
pub(super) fn judge_with(
    tx: &Write<'_>,
    app: i64,
    sides: &Sides,
    content: Content<'_>,
    (asked, met): (&[Asking], &[Asking]),
) -> Result<Judged> {
    let Some(engine) = rules::engine(tx, app)? else { return Ok(Judged::by(&[])) };
    let mut judged = judge_by(tx, &engine, sides, content, met)?;
    judged.asks.retain(|asking| !asked.contains(asking));
    Ok(judged)
}

pub(super) fn sides(caller: &Caller, conv: &Conv) -> Sides {
    let to = match &conv.kind {
        Kind::Pair(a, b) => To::User(if *a == caller.user { *b } else { *a }),
        Kind::Group(group) => To::Group(*group),
    };
    Sides { sender: caller.user, to }
}

/// What the rules of the app say of a message between these two, whether it is sent or only asked about.
pub fn weigh(tx: &Write<'_>, app: i64, sides: &Sides, content: Content<'_>) -> Result<Judged> {
    if !matches!(content.0, Category::Message | Category::Custom | Category::Interactive) {
        return Ok(Judged::default());
    }
    let Some(engine) = rules::engine(tx, app)? else { return Ok(Judged::default()) };
    judge_by(tx, &engine, sides, content, &[])
}

/// `met`: conditions that engines outside found met.
fn judge_by(tx: &Write<'_>, engine: &Engine, sides: &Sides, content: Content<'_>, met: &[Asking]) -> Result<Judged> {
    let mut hits = engine.hits(content.2);
    hits.extend(met.iter().filter_map(|asking| engine.answered(asking)));
    let hits = concerning(tx, sides, hits)?;
    let mut judged = Judged::by(&hits);
    if !judged.is_blocked() {
        let questions = concerning(tx, sides, engine.questions(content, &hits))?;
        judged.asks = questions.iter().map(Hit::asked).collect();
    }
    Ok(judged)
}

/// Those of rules that are for this sender and this receiver.
fn concerning(tx: &Write<'_>, sides: &Sides, hits: Vec<Hit>) -> Result<Vec<Hit>> {
    let mut concerning = Vec::new();
    for hit in hits {
        if concerns(tx, sides, &hit)? {
            concerning.push(hit);
        }
    }
    Ok(concerning)
}

impl Judged {
    /// Of a message to which these rules apply.
    fn by(hits: &[Hit]) -> Judged {
        let mut judged = Judged { is_moderated: true, ..Judged::default() };
        for hit in hits {
            judged.add(hit);
        }
        judged
    }

    fn add(&mut self, hit: &Hit) {
        let rule = &hit.applied.rule;
        for action in &rule.action {
            match action {
                Action::FlagMessage => _ = self.flagged.get_or_insert_with(|| rule.name.clone()),
                action if action.blocks() => _ = self.blocked.get_or_insert_with(|| hit.clone()),
                action => self.against.push(*action),
            }
        }
    }
}

/// Whether all filters of the rule fit.
fn concerns(tx: &Write<'_>, sides: &Sides, hit: &Hit) -> Result<bool> {
    for filter in &hit.applied.rule.filters {
        let fits = match (filter.side, filter.entity, &sides.to) {
            (Side::Sender, ..) => fits_user(filter, &users::by_id(tx, sides.sender)?),
            (Side::Receiver, Entity::User, To::User(other)) => fits_user(filter, &users::by_id(tx, *other)?),
            (Side::Receiver, Entity::Group, To::Group(group)) => {
                let group = groups::by_id(tx, *group)?;
                fits(filter, |on| match on {
                    FilterOperand::Guid => vec![group.guid.clone()],
                    FilterOperand::Name => vec![group.name.clone()],
                    FilterOperand::Type => vec![group.kind.as_str().to_owned()],
                    FilterOperand::Tags => group.tags.clone().unwrap_or_default(),
                    FilterOperand::CreatedAt => vec![group.created_at.to_string()],
                    FilterOperand::Uid | FilterOperand::Role => Vec::new(),
                })
            }
            // It is about the others: those of people are not for groups.
            (Side::Receiver, ..) => false,
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fits_user(filter: &Filter, user: &User) -> bool {
    fits(filter, |on| match on {
        FilterOperand::Uid => vec![user.uid.clone()],
        FilterOperand::Name => vec![user.name.clone()],
        FilterOperand::Role => vec![user.role.clone()],
        FilterOperand::Tags => user.tags.clone().unwrap_or_default(),
        FilterOperand::CreatedAt => vec![user.created_at.to_string()],
        FilterOperand::Guid | FilterOperand::Type => Vec::new(),
    })
}

fn fits(filter: &Filter, has: impl Fn(FilterOperand) -> Vec<String>) -> bool {
    use FilterOperator as By;
    let has = has(filter.operand);
    let any = |holds: fn(&str, &str) -> bool| has.iter().any(|have| filter.values().any(|value| holds(have, value)));
    let at = || has.first().and_then(|at| at.parse::<i64>().ok()).zip(filter.time());
    match filter.operator {
        By::Equals | By::In => any(|have, value| have == value),
        By::NotEquals | By::NotIn => !any(|have, value| have == value),
        By::StartsWith => any(|have, value| have.starts_with(value)),
        By::EndsWith => any(|have, value| have.ends_with(value)),
        By::LessThan => at().is_some_and(|(have, value)| have < value),
        By::GreaterThan => at().is_some_and(|(have, value)| have > value),
    }
}

/// The app itself, which does what rules say. What it tells, every session of a user is told: none of them did it.
pub(super) fn app_itself(app: &App) -> Caller {
    Caller {
        app: app.clone(),
        user: app.system_user,
        uid: SYSTEM_UID.into(),
        person: false,
        role: Role::free(),
        token: None,
        device: SERVER_DEVICE.into(),
        answer: None,
    }
}

impl Judged {
    /// Notes it with the message, which is stored, and does to its sender what is to be done. Who cannot be removed from a
    /// group (its owner) stays.
    pub(super) fn carry_out(&self, tx: &mut Write<'_>, caller: &Caller, conv: &Conv, message: i64) -> Result<()> {
        if let Some(hit) = &self.blocked {
            blocked::insert(tx, caller.app.id, message, hit)?;
        } else if let Some(name) = &self.flagged {
            rows::flag(tx, caller.app.id, message, caller.app.system_user, RULE, Some(name))?;
        }
        if self.against.is_empty() {
            return Ok(());
        }
        let app = app_itself(&caller.app);
        // Whose group it is stays in it.
        let group = groups::of_conversation(tx, conv)?.filter(|group| group.owner_id != caller.user);
        for action in &self.against {
            let done = match (action, &group) {
                (Action::BanUser, Some(group)) => {
                    let (guid, uid) = names(group, caller)?;
                    tx.attempt(|tx| members::ban(tx, &app, &guid, &uid))?
                }
                (Action::KickUser, Some(group)) => {
                    let (guid, uid) = names(group, caller)?;
                    tx.attempt(|tx| members::kick(tx, &app, &guid, &uid))?
                }
                (Action::BlockUser, _) => {
                    let uids = [caller.uid.to_string()];
                    tx.attempt(|tx| people::deactivate(tx, &caller.app, &uids, people::PIECE))?.map(|_| ())
                }
                _ => Ok(()),
            };
            if let Err(error) = done {
                log::info!("moderation: {} stays: {error}", caller.uid);
            }
        }
        Ok(())
    }
}

/// Reason of a flag that a rule gave; its remark is the rule's name.
const RULE: &str = "rule";

fn names(group: &Group, caller: &Caller) -> Result<(Guid, Uid)> {
    Ok((Guid::parse(&group.guid)?, Uid::parse(&caller.uid)?))
}

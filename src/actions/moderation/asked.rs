//! What engines outside are asked about a message, and what becomes of it by their answers.
//!
//! [`case`] gathers what they are asked and told, [`settle`] brings in what they said; who asks is between
//! ([`engines`](crate::engines)). A message is settled once: whoever reviews it meanwhile has decided.

use serde::Serialize;

use super::judge::{app_itself, judge_with, sides};
use super::{MODERATED, State, Verdict, is_across_a_block, passed, release, verdict};
use crate::actions::{outbox, tell_of};
use crate::model::caller::{App, Caller};
use crate::model::error::{Code, Error, Result};
use crate::model::ids::Uid;
use crate::model::json::{Object, to_raw};
use crate::model::message::{Message, Sent};
use crate::model::moderation::ask::{Asked, Failure, OnError, Place, Request, Settings, Threshold};
use crate::model::moderation::engine::Asking;
use crate::model::moderation::rule::{Condition, Operator};
use crate::model::user::User;
use crate::store::messages::Row;
use crate::store::moderation::submitted::{self, Submitted};
use crate::store::moderation::{self as rows, lists, pending, rules};
use crate::store::sight::Viewer;
use crate::store::{Read, Write, apps, conversations, messages, render, users};

/// A message, and all that engines are asked about it, in the order of the rules.
#[derive(Clone, Debug)]
pub struct Case {
    /// messages.id
    pub message: i64,
    /// Since when it is hidden, in Unix seconds.
    pub since: i64,
    pub questions: Vec<Question>,
    /// What each engine is told: JSON.
    pub body: String,
    pub settings: Settings,
}

/// One engine that is asked for one condition of a rule.
#[derive(Clone, Debug)]
pub struct Question {
    pub asking: Asking,
    pub asked: Asked,
    /// `None`: the list is gone, or names no address.
    pub place: Option<Place>,
    rule_name: String,
    condition: Condition,
}

/// What an engine said: whether the condition is met.
#[derive(Clone, Debug)]
pub struct Said {
    /// Of the case's questions, by position.
    pub question: usize,
    pub is_met: bool,
    /// It gave no verdict, so the settings have.
    pub failure: Option<(Failure, Option<Request>)>,
}

/// Whatever engines are asked about.
enum Subject {
    Sent(Box<Row>),
    Submitted(Box<Submitted>),
}

impl Subject {
    /// `None`: it is gone.
    fn find(read: &Read<'_>, app: i64, id: i64) -> Result<Option<Subject>> {
        let is_gone = |error: &Error| error.code == Code::MessageNotFound;
        match messages::find(read, app, id) {
            Err(error) if is_gone(&error) => {}
            row => return Ok(Some(Subject::Sent(Box::new(row?)))),
        }
        match submitted::find(read, app, id) {
            Err(error) if is_gone(&error) => Ok(None),
            one => Ok(Some(Subject::Submitted(Box::new(one?)))),
        }
    }
}

/// What is to be asked about the message; `None`: it does not wait any more.
pub fn case(read: &Read<'_>, message: i64) -> Result<Option<Case>> {
    let Some(pending) = pending::find(read, message)? else { return Ok(None) };
    let settings = pending::settings(read, pending.app)?;
    let (mut told, shown) = match Subject::find(read, pending.app, message)? {
        Some(Subject::Sent(row)) => {
            (context(read, &row, settings.context_messages)?, Some(render::one(read, *row, Viewer::App)?))
        }
        Some(Subject::Submitted(one)) => (Vec::new(), Some(super::submitted::show(read, *one)?)),
        // Nobody is asked, and it is settled.
        None => (Vec::new(), None),
    };
    let mut questions = Vec::new();
    if let Some(shown) = shown {
        for asking in pending.asks {
            questions.extend(question(read, pending.app, asking)?);
        }
        told.push(Object(vec![(shown.sender.clone(), to_raw(&shown))]));
    }
    let body = to_raw(&Told { context_messages: told }).get().to_owned();
    Ok(Some(Case { message, since: pending.since, questions, body, settings }))
}

/// What an engine is told: who said what, and the message itself last.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    context_messages: Vec<Object>,
}

/// One for each engine that the condition names; none, if the rule was changed since.
fn question(read: &Read<'_>, app: i64, asking: Asking) -> Result<Vec<Question>> {
    let stored = match rules::find(read, app, &asking.rule)? {
        Some(stored) if stored.rule.enabled => stored,
        _ => return Ok(Vec::new()),
    };
    let Some(app_id) = apps::by_id(read, app)?.map(|app| app.app_id) else { return Ok(Vec::new()) };
    if rules::revision_id(&app_id, &asking.rule, stored.revision) != asking.revision {
        return Ok(Vec::new());
    }
    let condition = stored.rule.conditions.iter().find(|condition| condition.id == asking.condition);
    let Some(condition) = condition else { return Ok(Vec::new()) };
    let mut questions = Vec::new();
    for asked in condition.value.iter().filter_map(|value| Asked::parse(value)) {
        let list = lists::find(read, (app, &app_id), &asked.list)?;
        let place = list.and_then(|list| list.place).filter(|place| !place.url.is_empty());
        let (rule_name, condition) = (stored.rule.name.clone(), condition.clone());
        questions.push(Question { asking: asking.clone(), asked, place, rule_name, condition });
    }
    Ok(questions)
}

/// What was said before in the conversation, the oldest first: by whom, and the text.
fn context(read: &Read<'_>, row: &Row, most: i64) -> Result<Vec<Object>> {
    let before = pending::said_before(read, row.conv, row.id, most)?;
    Ok(before.into_iter().map(|(uid, text)| Object(vec![(uid, to_raw(&text))])).collect())
}

/// Brings in what engines said. Where the message does not wait any more, nothing happens; the message (messages.id), if it was
/// sent and is seen by all from now on.
pub fn settle(tx: &mut Write<'_>, case: &Case, said: &[Said]) -> Result<Option<(App, i64)>> {
    let Some(pending) = pending::find(tx, case.message)? else { return Ok(None) };
    pending::delete(tx, case.message)?;
    let Some(app) = apps::by_id(tx, pending.app)? else { return Ok(None) };
    let met: Vec<Asking> =
        said.iter().filter(|said| said.is_met).map(|said| case.questions[said.question].asking.clone()).collect();
    match Subject::find(tx, app.id, case.message)? {
        Some(Subject::Sent(row)) if row.deleted_at.is_none() => {
            let state = settle_sent(tx, &app, &row, (&pending.asks, &met))?;
            let shown = |tx: &mut Write<'_>| outbox::moderation::whole(tx, &app, row.id);
            failures(tx, &app, (case, said), state, shown)?;
            Ok((state == State::Approved).then_some((app, case.message)))
        }
        Some(Subject::Submitted(one)) => {
            let (state, message) = super::submitted::settle(tx, &app, *one, (&pending.asks, &met))?;
            failures(tx, &app, (case, said), state, |_| Ok(message.clone()))?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// What becomes of it. It waits on where a rule that changed meanwhile has more to ask.
fn settle_sent(tx: &mut Write<'_>, app: &App, row: &Row, answers: (&[Asking], &[Asking])) -> Result<State> {
    let author = author(tx, app, row)?;
    let caller = Caller::of(app.clone(), author.id, &author.uid);
    let conv = conversations::by_id(tx, row.conv)?;
    let data = Object::parse(&row.data).unwrap_or_default();
    let content = (row.category, row.kind.as_str(), &data);
    let judged = judge_with(tx, app.id, &sides(&caller, &conv), content, answers)?;
    if judged.is_blocked() {
        // It stays hidden, and does not wait any more.
        rows::set_verdict(tx, row, Verdict::Disapproved)?;
        let row = messages::find(tx, app.id, row.id)?;
        verdict(tx, &caller, &conv, &row, &judged)?;
        return Ok(State::Disapproved);
    }
    if !judged.asks().is_empty() {
        pending::insert(tx, app.id, row.id, judged.asks())?;
        return Ok(State::Pending);
    }
    if is_across_a_block(tx, &conv, row)? {
        rows::set_verdict(tx, row, Verdict::Disapproved)?;
        let row = messages::find(tx, app.id, row.id)?;
        tell_of(tx, &app_itself(app), &row, MODERATED, Sent::of)?;
        return Ok(State::Disapproved);
    }
    let row = release(tx, &app_itself(app), row)?;
    passed(tx, &caller, &conv, row.id, &judged)?;
    Ok(State::Approved)
}

/// Whoever wrote what the message says now: its sender, or who edited it.
fn author(read: &Read<'_>, app: &App, row: &Row) -> Result<User> {
    let editor = row.edited_by.as_deref().and_then(|uid| Uid::parse(uid).ok());
    let editor = editor.map(|uid| users::ever(read, app.id, &uid)).transpose()?.flatten();
    editor.map_or_else(|| users::by_id(read, row.sender), Ok)
}

/// Engines that gave no verdict, once it is known what becomes of the message: an event for each kind of content they were
/// asked about.
fn failures(
    tx: &mut Write<'_>,
    app: &App,
    (case, said): (&Case, &[Said]),
    outcome: State,
    shown: impl Fn(&mut Write<'_>) -> Result<Message>,
) -> Result<()> {
    if outcome == State::Pending {
        return Ok(());
    }
    let mut passes: Vec<(&'static str, Vec<Failed<'_>>)> = Vec::new();
    for (question, (failure, request)) in
        said.iter().filter_map(|said| Some((&case.questions[said.question], said.failure.as_ref()?)))
    {
        let operand = question.condition.operand;
        let content = if operand.is_media() { operand.as_str() } else { "text" };
        let failed = Failed { failure, context: question.context(case.settings.on_custom_api_error, request.as_ref()) };
        match passes.iter_mut().find(|(of, _)| *of == content) {
            Some((_, failures)) => failures.push(failed),
            None => passes.push((content, vec![failed])),
        }
    }
    for (content, failures) in passes {
        outbox::moderation::failed(tx, app, (content, outcome), &failures, &shown)?;
    }
    Ok(())
}

/// An engine that gave no verdict, and what it had been asked.
#[derive(Serialize)]
pub struct Failed<'c> {
    #[serde(flatten)]
    failure: &'c Failure,
    context: Context<'c>,
}

#[derive(Serialize)]
struct Context<'c> {
    engine: &'static str,
    setting: OnError,
    rule: RuleOf<'c>,
    condition: ConditionOf<'c>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'c Request>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleOf<'c> {
    id: &'c str,
    name: &'c str,
    revision_id: &'c str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionOf<'c> {
    entity: &'c str,
    operand: &'static str,
    category: &'static str,
    operator: Operator,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: String,
    list_id: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<Threshold>,
}

impl Question {
    fn context<'c>(&'c self, setting: OnError, request: Option<&'c Request>) -> Context<'c> {
        let condition = &self.condition;
        Context {
            engine: "custom_api",
            setting,
            rule: RuleOf { id: &self.asking.rule, name: &self.rule_name, revision_id: &self.asking.revision },
            condition: ConditionOf {
                entity: &condition.entity,
                operand: condition.operand.as_str(),
                category: condition.category.as_str(),
                operator: condition.operator,
                message: condition.message.join(" "),
                list_id: &self.asked.list,
                threshold: self.asked.threshold,
            },
            request,
        }
    }
}

//! The worker of one webhook.
//!
//! It takes events in the order of their commits, no more than it sends at once, and sends up to [`AT_ONCE`] beside one
//! another. What fails waits in the database for its next try, and those behind it go on. Where everything fails, the
//! destination is down: it gets one try in a while and the events wait where they are, until something arrives again.
//!
//! Only what is under way is in memory, so what is erased or changed meanwhile is not sent from an old copy. What was sent
//! is marked while more is sent, but no more than [`UNMARKED`]: where the database takes no writes it ends there, or a
//! receiver would be told the same things again and again.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use reqwest::header;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::note::Note;
use super::request::{request, said};
use super::schedule::{self, LONGEST_ASKED};
use super::{AGAIN, Needs};
use crate::model::attachment::{has_urls, show_urls};
use crate::model::error::Result;
use crate::model::time::Ids;
use crate::model::webhook::Webhook;
use crate::outgoing::{Answer, Failure};
use crate::store::outbox::{self, Again, Event, State, Tried};
use crate::store::webhooks::{self, Stored};
use crate::store::{Looker, Read, UnderWay, Write};
use crate::watch::tail::{Body, Entry, Kind};

/// Requests under way to one destination.
const AT_ONCE: usize = 8;
/// Events that are under way or were sent and are not marked yet.
const UNMARKED: usize = 64;
/// A destination of which more than so many tries in a row failed is down.
const DOWN: u32 = 4;
/// Where so many events are passed over that it is not told of, that is noted.
const PASSED: i64 = 1000;
/// How often a worker that waits for a time looks at the clock.
const LOOK: Duration = Duration::from_secs(1);

/// An event on its way.
struct Task {
    event: Event,
    /// Before this one.
    tries: i64,
    first_at: Option<i64>,
    /// It was never tried.
    is_fresh: bool,
}

/// What a request came to.
struct Done {
    task: Task,
    /// Where it went.
    url: String,
    at: i64,
    took: Duration,
    answer: Result<Answer, Failure>,
    /// Until it is noted.
    under_way: UnderWay,
}

/// What is to be done now.
struct Work {
    stored: Stored,
    tasks: Vec<Task>,
    /// outbox.id up to which events were taken.
    front: i64,
    /// There may be more at once.
    more: bool,
    /// When the next one is due again.
    next: Option<i64>,
}

pub struct Worker {
    needs: Needs,
    /// webhooks.id
    webhook: i64,
    /// Hears of more events.
    told: watch::Receiver<()>,
    /// Hears of changes.
    changed: watch::Receiver<()>,
    /// outbox.id of those that are not marked yet: each is tried by nobody else.
    taken: BTreeSet<i64>,
    /// Those that were never tried before, of these.
    fresh: BTreeSet<i64>,
    running: JoinSet<Done>,
    /// What came back and is not being marked yet.
    tried: Vec<Tried>,
    /// What came back is under way until it is marked, and what is begun next has begun.
    held: Vec<UnderWay>,
    /// The marking that is under way, and outbox.id of what it marks.
    noting: JoinSet<Vec<UnderWay>>,
    noted: Vec<i64>,
    /// outbox.id up to which events were taken.
    front: i64,
    /// New ones have their turn before those that are tried again.
    is_fair: bool,
    /// As it was when something was last sent.
    hook: Option<Webhook>,
    /// The app's public id, as of then.
    app_id: String,
    /// Tries in a row that failed.
    failed: u32,
    /// It was down and something arrived: not noted yet.
    is_back: bool,
    /// Which address said that it is gone for good: not noted yet.
    ended: Option<String>,
    /// It is left alone until then.
    rests_until: i64,
    /// Which database its events are of.
    times: u64,
    looker: Looker,
}

impl Worker {
    /// `app`: apps.id, `webhook`: webhooks.id.
    pub fn new(needs: Needs, app: i64, webhook: i64) -> Worker {
        let (told, changed) = (needs.store.told().of_app(app), needs.store.told().of_webhooks());
        let (times, looker) = (needs.store.told().times(), needs.store.told().looker());
        Worker {
            needs,
            webhook,
            told,
            changed,
            taken: BTreeSet::new(),
            fresh: BTreeSet::new(),
            running: JoinSet::new(),
            tried: Vec::new(),
            held: Vec::new(),
            noting: JoinSet::new(),
            noted: Vec::new(),
            front: 0,
            is_fair: false,
            hook: None,
            app_id: String::new(),
            failed: 0,
            is_back: false,
            ended: None,
            rests_until: 0,
            times,
            looker,
        }
    }

    /// Works until the webhook is not in use any more, or nothing more is to be sent.
    pub async fn run(mut self) {
        // What was marked stays under way until what follows has begun.
        let mut marked = Vec::new();
        loop {
            let wakes = self.needs.store.told().wakes();
            self.told.mark_unchanged();
            self.changed.mark_unchanged();
            if !self.needs.store.told().is_still(self.times) {
                // What is under way is of what was.
                return;
            }
            if self.needs.store.told().ends() {
                return self.finish().await;
            }
            let next = match self.begin().await {
                Ok(Some(next)) => next,
                Ok(None) => return self.finish().await,
                Err(error) => {
                    log::warn!("webhook {}: {error}", self.webhook);
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            marked.clear();
            self.looker.looked(wakes);
            let (busy, notes) = (!self.running.is_empty(), !self.noting.is_empty());
            // Where there is no room, more events or time change nothing, but the end of a request does.
            let free = self.room() > 0;
            let rests = self.needs.store.clock().now() < self.rests_until;
            tokio::select! {
                Some(done) = self.running.join_next(), if busy => self.settle(done.ok()),
                Some(held) = self.noting.join_next(), if notes => {
                    self.marked();
                    marked = held.unwrap_or_default();
                }
                _ = self.told.changed(), if free && !rests => {}
                _ = self.changed.changed() => {}
                () = come(&self.needs, next), if free => {}
            }
            self.mark();
        }
    }

    /// Waits for what is under way, and marks it.
    async fn finish(&mut self) {
        while let Some(done) = self.running.join_next().await {
            self.settle(done.ok());
        }
        self.mark();
        while self.noting.join_next().await.is_some() {
            self.marked();
            self.mark();
        }
    }

    /// How many requests may be begun.
    fn room(&self) -> usize {
        // One that is down gets one request, and the next when that has failed and some time has passed. Where ids are the
        // same each time the order is, too.
        let one = self.failed > DOWN || self.needs.store.ids().are_same();
        let most = if one { 1 } else { AT_ONCE };
        most.saturating_sub(self.running.len()).min(UNMARKED.saturating_sub(self.taken.len()))
    }

    /// Sends as much as may be under way; when there is more to do, if that is a matter of time. `None`: it is not in use.
    async fn begin(&mut self) -> Result<Option<Option<i64>>> {
        let mut next = None;
        while self.room() > 0 {
            let Some(work) = self.look().await? else { return Ok(None) };
            self.is_fair = !self.is_fair;
            let now = self.needs.store.clock().now();
            if self.hook.as_ref().is_some_and(|hook| *hook != work.stored.hook) {
                // Whatever was wrong may be right now.
                (self.failed, self.rests_until) = (0, 0);
            }
            self.hook = Some(work.stored.hook.clone());
            self.app_id.clone_from(&work.stored.app_id);
            if now < self.rests_until {
                return Ok(Some(Some(self.rests_until)));
            }
            if work.tasks.is_empty() && self.taken.is_empty() && work.front - work.stored.passed >= PASSED {
                let (webhook, front) = (self.webhook, work.front);
                let pass = move |tx: &mut Write<'_>| webhooks::pass(tx, webhook, front);
                self.needs.store.write_later_of(self.times, "webhooks.pass", pass);
            }
            let Work { stored, tasks, front, more, next: due } = work;
            let all = tasks.into_iter().all(|task| self.send(&stored, task, now));
            if !all {
                // The rest is taken once more when one of the others has ended.
                break;
            }
            (self.front, next) = (front, due);
            if !more {
                break;
            }
        }
        Ok(Some(next))
    }

    /// What is to be done, as it is now. `None`: it is not in use.
    async fn look(&self) -> Result<Option<Work>> {
        let (webhook, room, taken, front) = (self.webhook, self.room(), self.taken.clone(), self.front);
        let (age, rests_until) = (self.needs.limits.events_age, self.rests_until);
        let is_same = |was: &Option<Webhook>, is: &Webhook| was.as_ref().is_none_or(|was| was == is);
        // One that fails is looked at by what failed.
        let fair = self.is_fair && self.failed == 0;
        let hook = self.hook.clone();
        let look = move |read: &Read<'_>| {
            let Some(stored) = webhooks::by_id(read, webhook)?.filter(|stored| stored.hook.enabled) else {
                return Ok(None);
            };
            // What happened before it was switched on again it is not told.
            let front = front.max(stored.passed);
            if read.now() < rests_until && is_same(&hook, &stored.hook) {
                return Ok(Some(Work { stored, tasks: Vec::new(), front, more: false, next: Some(rests_until) }));
            }
            let oldest = read.now() - age;
            let again = outbox::due(read, webhook, oldest, room + taken.len())?.into_iter();
            let again = again.filter(|again| !taken.contains(&again.event.id)).take(room);
            let again = again.map(|Again { event, tries, first_at }| Task { event, tries, first_at, is_fresh: false });
            let mut tasks: Vec<Task> = again.collect();
            // However many are tried again, every other one is new.
            let rest = tasks.split_off(tasks.len().min(if fair { room / 2 } else { room }));
            let (mut upto, mut more) = (front, true);
            if tasks.len() < room {
                let ahead = outbox::next(read, (stored.app, webhook), front, oldest, room - tasks.len())?;
                let fresh = |event| Task { event, tries: 0, first_at: None, is_fresh: true };
                tasks.extend(ahead.events.into_iter().map(fresh));
                (upto, more) = (ahead.upto, ahead.more);
            }
            let left = room - tasks.len();
            tasks.extend(rest.into_iter().take(left));
            let next = outbox::next_due(read, webhook)?;
            Ok(Some(Work { stored, tasks, front: upto, more, next }))
        };
        self.needs.store.read(look).await
    }

    /// Sends one; whether there was room for it among those of all webhooks.
    fn send(&mut self, stored: &Stored, mut task: Task, now: i64) -> bool {
        // The first may always go, so that those that hang hold up nobody else.
        let slot = match self.running.is_empty() {
            true => None,
            false => match self.needs.room.clone().try_acquire_owned() {
                Ok(slot) => Some(slot),
                Err(_) => return false,
            },
        };
        self.taken.insert(task.event.id);
        if task.is_fresh {
            self.fresh.insert(task.event.id);
            self.front = task.event.id;
        }
        // Files are found where the server says that it is.
        if has_urls(&task.event.data) {
            task.event.data = show_urls(&task.event.data, || self.needs.base.to_string()).into_owned();
        }
        let request = request(stored, &task.event, now, Duration::from_secs(self.needs.limits.webhook_seconds));
        let (outgoing, url) = (self.needs.outgoing.clone(), stored.hook.url.clone());
        let under_way = self.needs.store.told().one_more();
        self.running.spawn(async move {
            let _slot = slot;
            let began = Instant::now();
            let answer = AssertUnwindSafe(outgoing.send(request)).catch_unwind().await;
            let answer = answer.unwrap_or_else(|_| Err(Failure::Broken("it could not be sent".to_owned())));
            Done { task, url, at: now, took: began.elapsed(), answer, under_way }
        });
        true
    }

    /// Takes in what came back, with all else that has.
    fn settle(&mut self, first: Option<Done>) {
        let mut done: Vec<Done> = first.into_iter().collect();
        while let Some(more) = self.running.try_join_next() {
            done.extend(more.ok());
        }
        let retries = self.hook.as_ref().is_some_and(|hook| hook.retries);
        for one in done {
            let status = one.answer.as_ref().ok().map(|answer| answer.status);
            let arrived = status.is_some_and(|status| (200..300).contains(&status));
            self.is_back |= arrived && self.failed > DOWN;
            self.failed = if arrived { 0 } else { self.failed.saturating_add(1) };
            let meters = self.needs.store.meters();
            match status {
                _ if arrived => meters.told.one(),
                Some(_) => meters.told_refused.one(),
                None => meters.told_unanswered.one(),
            }
            if status == Some(410) {
                self.ended = Some(one.url.clone());
            }
            let hook = self.hook.as_ref().map_or("", |hook| &hook.id);
            self.needs.store.tail().tell(|| watched(&one, (&self.app_id, hook), arrived));
            let tried = self.judge(one, retries, arrived);
            self.tried.push(tried);
        }
        if retries {
            let rest = self.needs.store.clock().now() + schedule::pause(self.failed);
            self.rests_until = self.rests_until.max(rest);
        }
    }

    /// Begins to mark what came back, unless that is being done: then it is marked with what comes until then.
    fn mark(&mut self) {
        if self.tried.is_empty() || !self.noting.is_empty() {
            return;
        }
        let tried = std::mem::take(&mut self.tried);
        self.noted = tried.iter().map(|one| one.event).collect();
        for event in &self.noted {
            self.fresh.remove(event);
        }
        let note = Note {
            webhook: self.webhook,
            tried,
            passed: self.fresh.first().map_or(self.front, |first| first - 1),
            is_back: std::mem::take(&mut self.is_back),
            fails: self.failed > 0,
            ended: self.ended.take(),
            times: self.times,
        };
        let (store, held) = (self.needs.store.clone(), std::mem::take(&mut self.held));
        self.noting.spawn(async move {
            Arc::new(note).keep(store).await;
            held
        });
    }

    fn marked(&mut self) {
        // Not before it is marked: until then it reads as due.
        for event in std::mem::take(&mut self.noted) {
            self.taken.remove(&event);
        }
    }

    fn judge(&mut self, done: Done, retries: bool, arrived: bool) -> Tried {
        let Done { task, url: _, at, took, answer, under_way } = done;
        self.held.push(under_way);
        let (tries, first_at, now) = (task.tries + 1, task.first_at.unwrap_or(at), self.needs.store.clock().now());
        let asked = answer.as_ref().ok().and_then(|answer| rest_asked(answer, now)).filter(|_| retries);
        self.rests_until = self.rests_until.max(asked.unwrap_or(0));
        let state = match arrived {
            true => State::Delivered,
            false if !retries => State::Failed,
            false => match schedule::next(tries, first_at, now, chance(self.needs.store.ids())) {
                Some(next) => State::Waiting(next.max(asked.unwrap_or(0))),
                None => State::Failed,
            },
        };
        let (status, answer) = said(answer);
        let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        Tried { event: task.event.id, state, tries, first_at, at, took_ms, status, answer }
    }
}

/// A try as the live tail has it. `of`: the app's public id, and what it calls the webhook.
fn watched(done: &Done, of: (&str, &str), arrived: bool) -> Entry {
    let Task { event, tries, .. } = &done.task;
    let (app, webhook) = of;
    let entry = Entry {
        app: Some(app.into()),
        status: done.answer.as_ref().ok().map(|answer| answer.status),
        failed: !arrived,
        ..Entry::new(Kind::Webhook, format!("{} to {webhook}", event.trigger))
    };
    let entry = entry
        .fact("webhook", webhook)
        .fact("trigger", event.trigger.as_str())
        .fact("eventId", format!("msg_{}", event.name))
        .fact("try", tries + 1)
        .fact("seconds", (done.took.as_secs_f64() * 1e6).round() / 1e6)
        .body("data", Body::copy(&event.data));
    match &done.answer {
        Ok(_) => entry,
        Err(failure) => entry.fact("failure", failure.to_string()),
    }
}

/// Waits until then; without a time for ever.
async fn come(needs: &Needs, next: Option<i64>) {
    let Some(next) = next else { return std::future::pending().await };
    while needs.store.clock().now() < next {
        tokio::time::sleep(LOOK).await;
    }
}

/// Until when an answer asks to be left alone: by seconds, or by a time, which is held against the answer's own where it has
/// one, so that no clock need be right.
fn rest_asked(answer: &Answer, now: i64) -> Option<i64> {
    if !matches!(answer.status, 429 | 502 | 503 | 504) {
        return None;
    }
    let header = |name| answer.headers.get(name)?.to_str().ok().map(str::trim);
    let time = |text: &str| {
        let time: SystemTime = httpdate::parse_http_date(text).ok()?;
        i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
    };
    let asked = header(header::RETRY_AFTER)?;
    let seconds = match asked.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => time(asked)? - header(header::DATE).and_then(time).unwrap_or(now),
    };
    Some(now + seconds.clamp(0, LONGEST_ASKED))
}

/// None where the same ids come each time: what else is made there would depend on when it is asked.
fn chance(ids: &Ids) -> u64 {
    if ids.are_same() { 0 } else { u64::from_str_radix(&ids.hex(4), 16).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

    #[test]
    fn an_answer_may_ask_for_a_rest() {
        let answer = |status, headers: &[(&'static str, &str)]| {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            Answer { status, headers, url: String::new(), body: Vec::new(), is_cut: false }
        };
        let asked = |status, headers: &[(&'static str, &str)]| rest_asked(&answer(status, headers), 1000);
        assert_eq!(asked(503, &[("retry-after", " 120 ")]), Some(1120));
        assert_eq!(asked(429, &[("retry-after", "999999999999")]), Some(1000 + LONGEST_ASKED));
        assert_eq!(asked(429, &[("retry-after", "-5")]), Some(1000));
        // 1970-01-01T00:20:00Z is 1200; by the answer's own clock it is 90 seconds on.
        let at = ("retry-after", "Thu, 01 Jan 1970 00:20:00 GMT");
        assert_eq!(asked(503, &[at]), Some(1200));
        assert_eq!(asked(503, &[at, ("date", "Thu, 01 Jan 1970 00:18:30 GMT")]), Some(1090));
        assert_eq!(asked(503, &[("retry-after", "tomorrow")]), None);
        assert_eq!(asked(500, &[("retry-after", "120")]), None, "only where it is busy");
        assert_eq!(asked(503, &[]), None);
    }
}

//! The worker of one webhook.
//!
//! It takes events in the order of their commits, a few at a time, and sends up to [`AT_ONCE`] beside one another. What
//! fails waits in the database for its next try, and those behind it go on. Where everything fails, the destination is
//! down: it gets one try in a while and the events wait where they are, until something arrives again.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::schedule::{self, LONGEST_ASKED};
use super::{Needs, sign};
use crate::model::error::Result;
use crate::model::time::Ids;
use crate::model::trigger::Trigger;
use crate::model::webhook::is_local;
use crate::outgoing::{Answer, Failure, Reach, Request};
use crate::store::outbox::{self, Again, Event, State, Tried};
use crate::store::webhooks::{self, Stored};

/// Requests under way to one destination.
const AT_ONCE: usize = 8;
/// Events that are read at a time.
const READ: i64 = 16;
/// Bytes of an answer that are kept for people to read.
const ANSWER: usize = 1024;
/// How often a worker that waits for a time looks at the clock.
const LOOK: Duration = Duration::from_secs(1);

/// An event on its way.
struct Task {
    event: Event,
    /// Before this one.
    tries: i64,
    first_at: Option<i64>,
}

/// What a request came to.
struct Done {
    task: Task,
    at: i64,
    took: Duration,
    answer: Result<Answer, Failure>,
}

pub struct Worker {
    needs: Needs,
    /// webhooks.id
    webhook: i64,
    told: watch::Receiver<()>,
    ready: VecDeque<Task>,
    /// outbox.id of those taken that are not marked yet: each is tried by nobody else.
    taken: BTreeSet<i64>,
    /// Those that were never tried before, of these.
    fresh: BTreeSet<i64>,
    running: JoinSet<Done>,
    /// outbox.id up to which events were taken; `None`: not read yet.
    front: Option<i64>,
    /// Tries in a row that failed.
    failed: u32,
    /// It is left alone until then.
    rests_until: i64,
}

impl Worker {
    pub fn new(needs: Needs, webhook: i64) -> Worker {
        let told = needs.store.told();
        Worker {
            needs,
            webhook,
            told,
            ready: VecDeque::new(),
            taken: BTreeSet::new(),
            fresh: BTreeSet::new(),
            running: JoinSet::new(),
            front: None,
            failed: 0,
            rests_until: 0,
        }
    }

    /// Works until the webhook is not in use any more.
    pub async fn run(mut self) -> Result<()> {
        loop {
            self.told.mark_unchanged();
            let Some(stored) = self.stored().await? else { return Ok(()) };
            let next = self.begin(&stored).await?;
            let busy = !self.running.is_empty();
            tokio::select! {
                Some(done) = self.running.join_next(), if busy => self.settle(&stored, done.ok()).await?,
                _ = self.told.changed() => {}
                () = come(&self.needs, next), if !busy => {}
            }
        }
    }

    /// Sends what can be sent now, and waits for it.
    pub async fn finish(mut self) -> Result<()> {
        while let Some(stored) = self.stored().await? {
            self.begin(&stored).await?;
            let Some(done) = self.running.join_next().await else { break };
            self.settle(&stored, done.ok()).await?;
        }
        Ok(())
    }

    async fn stored(&self) -> Result<Option<Stored>> {
        let webhook = self.webhook;
        let stored = self.needs.store.read(move |read| webhooks::by_id(read, webhook)).await?;
        Ok(stored.filter(|stored| stored.hook.enabled))
    }

    /// Sends as much as may be under way. When there is more to do, if that is a matter of time.
    async fn begin(&mut self, stored: &Stored) -> Result<Option<i64>> {
        let now = self.needs.store.clock().now();
        if now < self.rests_until {
            return Ok(Some(self.rests_until));
        }
        // One that is down gets one request, and the next when that has failed and some time has passed.
        let most = if self.failed > 4 { 1 } else { AT_ONCE };
        let mut next = None;
        while self.running.len() < most {
            if self.ready.is_empty() {
                next = self.take(stored).await?;
            }
            let Some(task) = self.ready.pop_front() else { break };
            self.send(stored, task, now);
        }
        Ok(next)
    }

    /// Takes what is to be sent, first what is due again. When the next is due again.
    async fn take(&mut self, stored: &Stored) -> Result<Option<i64>> {
        let (app, webhook) = (stored.app, self.webhook);
        let from = *self.front.get_or_insert(stored.passed);
        let (again, next, (fresh, to)) = self
            .needs
            .store
            .read(move |read| {
                let again = outbox::due(read, webhook, READ + AT_ONCE as i64)?;
                let fresh = outbox::next(read, app, webhook, from, READ)?;
                Ok((again, outbox::next_due(read, webhook)?, fresh))
            })
            .await?;
        self.front = Some(to);
        for Again { event, tries, first_at } in again {
            if self.taken.insert(event.id) {
                self.ready.push_back(Task { event, tries, first_at });
            }
        }
        for event in fresh {
            self.taken.insert(event.id);
            self.fresh.insert(event.id);
            self.ready.push_back(Task { event, tries: 0, first_at: None });
        }
        // There may be more behind those it is not told of.
        match self.ready.is_empty() && to > from {
            true => Box::pin(self.take(stored)).await,
            false => Ok(next),
        }
    }

    fn send(&mut self, stored: &Stored, task: Task, now: i64) {
        let request = request(stored, &task.event, now, Duration::from_secs(self.needs.limits.webhook_seconds));
        let outgoing = self.needs.outgoing.clone();
        self.running.spawn(async move {
            let began = Instant::now();
            let answer = outgoing.send(request).await;
            Done { task, at: now, took: began.elapsed(), answer }
        });
    }

    /// Marks what came back, with all else that has.
    async fn settle(&mut self, stored: &Stored, first: Option<Done>) -> Result<()> {
        let mut done: Vec<Done> = first.into_iter().collect();
        while let Some(more) = self.running.try_join_next() {
            done.extend(more.ok());
        }
        let was_down = self.failed > 0;
        let (mut tried, mut ended) = (Vec::new(), None);
        for one in done {
            let status = one.answer.as_ref().ok().map(|answer| answer.status);
            let arrived = status.is_some_and(|status| (200..300).contains(&status));
            self.failed = if arrived { 0 } else { self.failed.saturating_add(1) };
            if status == Some(410) {
                ended = Some("It answered 410: it is gone for good.");
            }
            tried.push(self.judge(stored, one, arrived));
        }
        if stored.hook.retries {
            let rest = self.needs.store.clock().now() + schedule::pause(self.failed);
            self.rests_until = self.rests_until.max(rest);
        }
        let ids: Vec<i64> = tried.iter().map(|tried| tried.event).collect();
        for id in &ids {
            self.fresh.remove(id);
        }
        let passed = self.fresh.first().map_or(self.front.unwrap_or(0), |first| first - 1);
        let (webhook, fails, recovered) = (self.webhook, self.failed > 0, was_down && self.failed == 0);
        let failing_at = stored.failing_at;
        let note = move |tx: &mut crate::store::Write<'_>| {
            for one in &tried {
                outbox::note(tx, webhook, one)?;
            }
            if recovered {
                outbox::hasten(tx, webhook)?;
            }
            webhooks::pass(tx, webhook, passed, fails.then(|| failing_at.unwrap_or(tx.now())))?;
            if let Some(why) = ended {
                webhooks::end(tx, webhook, why)?;
            }
            Ok(())
        };
        self.needs.store.write("webhooks.note", note).await?;
        // Not before it is marked: until then it reads as due.
        for id in ids {
            self.taken.remove(&id);
        }
        Ok(())
    }

    fn judge(&mut self, stored: &Stored, done: Done, arrived: bool) -> Tried {
        let Done { task, at, took, answer } = done;
        let (tries, first_at, now) = (task.tries + 1, task.first_at.unwrap_or(at), self.needs.store.clock().now());
        let asked = answer.as_ref().ok().and_then(|answer| rest_asked(answer, now));
        if let Some(until) = asked.filter(|_| stored.hook.retries) {
            self.rests_until = self.rests_until.max(until);
        }
        let state = match arrived {
            true => State::Delivered,
            false if !stored.hook.retries => State::Failed,
            false => match schedule::next(tries, first_at, now, chance()) {
                Some(next) => State::Waiting(next.max(asked.unwrap_or(0))),
                None => State::Failed,
            },
        };
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let answer = match answer {
            Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
            Err(failure) => failure.to_string(),
        };
        let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        Tried { event: task.event.id, state, tries, first_at, at, took_ms, status, answer }
    }
}

/// Waits until then; without a time for ever.
async fn come(needs: &Needs, next: Option<i64>) {
    let Some(next) = next else { return std::future::pending().await };
    while needs.store.clock().now() < next {
        tokio::time::sleep(LOOK).await;
    }
}

/// Until when an answer asks to be left alone.
fn rest_asked(answer: &Answer, now: i64) -> Option<i64> {
    if !matches!(answer.status, 429 | 502 | 503 | 504) {
        return None;
    }
    let seconds: i64 = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(now + seconds.clamp(0, LONGEST_ASKED))
}

fn chance() -> u64 {
    u64::from_str_radix(&Ids.hex(4), 16).unwrap_or_default()
}

/// The request that tells of an event.
fn request(stored: &Stored, event: &Event, now: i64, time: Duration) -> Request {
    let body = envelope(stored, event).into_bytes();
    let id = format!("msg_{}", event.name);
    let old = stored.old_secret.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
    let signatures: Vec<String> = [Some(&stored.secret), old]
        .into_iter()
        .flatten()
        .filter_map(|secret| sign::sign(secret, &id, now, &body))
        .collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("webhook-id", id);
    put("webhook-timestamp", now.to_string());
    put("webhook-signature", signatures.join(" "));
    if stored.hook.basic_auth {
        put("authorization", basic(&stored.hook.username, &stored.hook.password));
    }
    let url = &stored.hook.url;
    let reach = if is_local(url) { Reach::around(url) } else { Reach::Public };
    Request { method: reqwest::Method::POST, headers, body, time, bytes: ANSWER, ..Request::get(url, reach) }
}

fn basic(username: &str, password: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// What is sent, as the contract has it.
fn envelope(stored: &Stored, event: &Event) -> String {
    let session = Trigger::parse(&event.trigger).ok().and_then(Trigger::session);
    let kind = session.map_or_else(String::new, |kind| format!(r#","type":"{kind}""#));
    let text = |value: &str| serde_json::Value::from(value).to_string();
    format!(
        r#"{{"trigger":{},"data":{},"appId":{},"region":{},"webhook":{}{kind}}}"#,
        text(&event.trigger),
        event.data,
        text(&stored.app_id),
        text(&stored.region),
        text(&stored.hook.id),
    )
}

//! Engines outside that are asked about messages: a list of the category `custom-api` names where one is.
//!
//! What waits stands in the database, written with the message, so after a crash it is asked anew; here are only those that
//! are under way. An app's engines have so many questions at once ([`OF_APP`]), so one that hangs delays no other app, and
//! no message waits for longer than [`LATEST`]: what comes after that counts as a failure without having been asked, and
//! the app's settings say what becomes of it.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, Url};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};

use crate::actions::moderation::asked::{self, Case, Question, Said};
use crate::model::attachment::show_urls;
use crate::model::error::Result;
use crate::model::moderation::ask::{ANSWER, Answer, Category, Failure, OnError, PATIENCE, Place, Request, VERDICT};
use crate::outgoing::{self, Outgoing, Reach, basic};
use crate::previews::Previews;
use crate::store::moderation::pending;
use crate::store::{Lane, Store, Write};
use crate::watch::tail::{Body, Entry, Kind};

/// Messages of one app about which is asked at once.
const OF_APP: usize = 32;
/// Seconds that a message may wait for its turn.
const LATEST: i64 = 30;
/// How long after a failing database anything is tried anew.
const AGAIN: Duration = Duration::from_secs(5);

/// What asking needs.
#[derive(Clone)]
pub struct Needs {
    store: Store,
    outgoing: Outgoing,
    previews: Option<Previews>,
    /// Where clients find this server: `https://chat.example`.
    base: String,
    /// Nobody outside is asked anything: every question fails.
    holds: bool,
    /// Since when anybody could be asked, in Unix seconds.
    begun: i64,
}

impl Needs {
    /// `base`: where clients find this server; `holds`: nobody outside is asked.
    pub fn new(store: Store, outgoing: &Outgoing, previews: Option<Previews>, base: String, holds: bool) -> Needs {
        let begun = store.clock().now();
        // The bound is by app: what hangs here holds up nothing else.
        let outgoing = outgoing.with_slots(Semaphore::MAX_PERMITS);
        Needs { store, outgoing, previews, base, holds, begun }
    }
}

/// Asks about whatever waits, for as long as the store is there.
pub async fn keep(needs: Needs) {
    let mut changed = needs.store.told().of_asks();
    let (mut asking, mut times) = (Asking::default(), needs.store.told().times());
    loop {
        changed.mark_unchanged();
        if std::mem::replace(&mut times, needs.store.told().times()) != times {
            // The messages are others than those about which is being asked.
            asking = Asking::default();
        }
        if needs.store.told().is_between() {
            _ = changed.changed().await;
            continue;
        }
        if let Err(error) = asking.begin(&needs).await {
            log::warn!("moderation: {error}");
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        tokio::select! {
            _ = changed.changed() => {}
            () = asking.ended() => {}
        }
    }
}

/// Messages about which is being asked.
#[derive(Default)]
struct Asking {
    tasks: JoinSet<()>,
    /// apps.id and messages.id.
    known: HashMap<Id, (i64, i64)>,
}

impl Asking {
    /// Begins with those that wait, as many as there is room for.
    async fn begin(&mut self, needs: &Needs) -> Result<()> {
        for app in needs.store.read(pending::apps).await? {
            let known: HashSet<i64> =
                self.known.values().filter(|(of, _)| *of == app).map(|(_, message)| *message).collect();
            let room = OF_APP.saturating_sub(known.len());
            if room == 0 {
                continue;
            }
            let most = OF_APP + known.len();
            let waiting = needs.store.read(move |read| pending::waiting(read, app, most)).await?;
            for message in waiting.into_iter().filter(|id| !known.contains(id)).take(room) {
                let task = self.tasks.spawn(judge(needs.clone(), message));
                self.known.insert(task.id(), (app, message));
            }
        }
        Ok(())
    }

    /// Waits until one is done; without any for ever.
    async fn ended(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            // The log has told of it. It waits still, and is begun with anew.
            Some(Err(error)) => error.id(),
            None => std::future::pending().await,
        };
        self.known.remove(&id);
    }
}

/// Has a message judged. Where that fails it ends a while later: it waits still, and would be tried again at once.
async fn judge(needs: Needs, message: i64) {
    let asked = AssertUnwindSafe(ask_about(&needs, message)).catch_unwind().await;
    if let Ok(Err(error)) = &asked {
        log::warn!("moderation of the message {message}: {error}");
    }
    if !matches!(asked, Ok(Ok(()))) {
        tokio::time::sleep(AGAIN).await;
    }
}

/// Asks all there is to ask about a message, and has done what follows from it.
async fn ask_about(needs: &Needs, message: i64) -> Result<()> {
    let times = needs.store.told().times();
    let Some(mut case) = needs.store.read(move |read| asked::case(read, message)).await? else { return Ok(()) };
    case.body = show_urls(&case.body, || needs.base.clone()).into_owned();
    let said = ask(needs, &case).await;
    let settle = move |tx: &mut Write<'_>| asked::settle(tx, &case, &said);
    let settled = needs.store.write_still(times, Lane::High, "moderation.settle", settle).await?;
    if let (Some((app, message)), Some(previews)) = (settled.flatten(), &needs.previews) {
        previews.offer(&app, message);
    }
    Ok(())
}

/// What the engines say, in the order of the questions. One of a rule that is met already is not asked.
async fn ask(needs: &Needs, case: &Case) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    let mut known: HashMap<&str, std::result::Result<Answer, (Failure, Option<Request>)>> = HashMap::new();
    for (at, question) in case.questions.iter().enumerate() {
        let rule = |at: usize| &case.questions[at].asking.rule;
        if all.iter().any(|said| said.is_met && rule(said.question) == rule(at)) {
            continue;
        }
        // One that several conditions ask is asked once.
        let list = question.asked.list.as_str();
        let answer = match known.get(list) {
            Some(answer) => answer.clone(),
            None => {
                let answer = put(needs, case, question).await;
                known.insert(list, answer.clone());
                answer
            }
        };
        match answer {
            Ok(answer) => all.push(Said { question: at, is_met: question.asked.is_met(&answer), failure: None }),
            Err(failure) => {
                let is_met = case.settings.on_custom_api_error == OnError::DropMessage;
                all.push(Said { question: at, is_met, failure: Some(failure) });
                if is_met {
                    break;
                }
            }
        }
    }
    all
}

/// Puts one question.
async fn put(
    needs: &Needs,
    case: &Case,
    question: &Question,
) -> std::result::Result<Answer, (Failure, Option<Request>)> {
    let clock = needs.store.clock();
    let fails = |category, sentence: &str| Failure {
        category,
        http_status: None,
        error_message: sentence.to_owned(),
        response_body: None,
        response_body_truncated: false,
        timeout_ms: None,
        validation_errors: Vec::new(),
        failed_at: clock.now(),
    };
    let Some(place) = &question.place else {
        return Err((fails(Category::NotConfigured, "The list names no address to ask."), None));
    };
    let asked = asked_of(place, case);
    if needs.holds {
        let sentence = "This server asks nobody outside: it runs with --hold-webhooks.";
        return Err((fails(Category::ConnectionError, sentence), Some(asked)));
    }
    let fails = |category, sentence: &str| Failure { timeout_ms: Some(PATIENCE), ..fails(category, sentence) };
    if clock.now() - case.since.max(needs.begun) > LATEST {
        let sentence = "The message waited too long for its turn: the engine is slower than messages come.";
        return Err((fails(Category::Timeout, sentence), Some(asked)));
    }
    let answer = needs.outgoing.send(request(place, case)).await;
    needs.store.tail().tell(|| {
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let failed = !status.is_some_and(|status| (200..300).contains(&status));
        let entry =
            Entry { status, failed, ..Entry::new(Kind::Engine, format!("asked about message {}", case.message)) };
        let entry = entry.fact("messageId", case.message).body("question", Body::copy(&case.body));
        match &answer {
            Ok(answer) => entry.body("answer", Body::of(answer.body.clone().into())),
            Err(failure) => entry.fact("failure", failure.to_string()),
        }
    });
    match answer {
        Ok(answer) => verdict(&answer, fails).map_err(|failure| (failure, Some(asked))),
        Err(outgoing::Failure::Timeout) => {
            Err((fails(Category::Timeout, "There was no answer within 2 seconds."), Some(asked)))
        }
        Err(failure) => Err((fails(Category::ConnectionError, &failure.to_string()), Some(asked))),
    }
}

fn request(place: &Place, case: &Case) -> outgoing::Request {
    let mut headers = header::HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if place.basic_auth
        && let Ok(value) = HeaderValue::from_str(&basic(&place.username, &place.password))
    {
        headers.insert(header::AUTHORIZATION, value);
    }
    outgoing::Request {
        method: Method::POST,
        headers,
        body: case.body.clone().into_bytes(),
        time: Duration::from_millis(PATIENCE),
        bytes: VERDICT,
        keeps_open: true,
        ..outgoing::Request::get(&place.url, Reach::of_app(&place.url))
    }
}

/// The request, as it is told of where it failed.
fn asked_of(place: &Place, case: &Case) -> Request {
    // A query may hold a secret.
    let bare = Url::parse(&place.url).map(|mut url| {
        url.set_query(None);
        url.to_string()
    });
    Request {
        url: bare.unwrap_or_default(),
        method: "POST",
        body_bytes: case.body.len(),
        basic_auth_sent: place.basic_auth,
    }
}

/// What an answer says. Only one of the 2xx says anything: no other status means "block" or "pass".
fn verdict(
    answer: &outgoing::Answer,
    fails: impl Fn(Category, &str) -> Failure,
) -> std::result::Result<Answer, Failure> {
    let (category, sentence, wrong) = match answer.status {
        200..300 if answer.is_cut => {
            let wrong = vec![format!("The body must be {VERDICT} bytes at most.")];
            (Category::InvalidResponse, "The answer held no verdict that can be read.".to_owned(), wrong)
        }
        200..300 => match Answer::parse(&answer.body) {
            Ok(answer) => return Ok(answer),
            Err(wrong) => (Category::InvalidResponse, "The answer held no verdict that can be read.".to_owned(), wrong),
        },
        status => {
            let category = match status {
                400..500 => Category::Http4xx,
                500.. => Category::Http5xx,
                _ => Category::InvalidResponse,
            };
            let sentence = format!("The engine answered with the status {status}: only 2xx holds a verdict.");
            (category, sentence, Vec::new())
        }
    };
    let kept = &answer.body[..answer.body.len().min(ANSWER)];
    Err(Failure {
        http_status: Some(answer.status),
        response_body: Some(String::from_utf8_lossy(kept).into_owned()),
        response_body_truncated: answer.is_cut || answer.body.len() > ANSWER,
        validation_errors: wrong,
        ..fails(category, &sentence)
    })
}

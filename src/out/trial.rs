//! A test of a webhook: sent at once, beside the queue, and what came of it is told to who asked. It is no event: it is
//! never tried again, and nothing is marked.

use std::time::{Duration, Instant};

use crate::model::limits::Limits;
use crate::outgoing::Outgoing;
use crate::store::outbox::Event;
use crate::store::webhooks::Stored;

use super::request::{request, said};

/// What came of a test.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub took: Duration,
    /// Of HTTP; `None`: there was no answer.
    pub status: Option<u16>,
    /// How the answer began, or why there was none.
    pub answer: String,
}

/// Sends this to the webhook now (Unix seconds), whether it is in use or not.
pub async fn trial(outgoing: &Outgoing, limits: &Limits, hook: &Stored, event: &Event, now: i64) -> Outcome {
    let request = request(hook, event, now, Duration::from_secs(limits.webhook_seconds));
    let began = Instant::now();
    let answer = outgoing.send(request).await;
    let took = began.elapsed();
    let (status, answer) = said(answer);
    Outcome { took, status, answer }
}

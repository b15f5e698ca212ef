//! The request that tells a webhook of an event: the contract's body, and the headers of Standard Webhooks beside it.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::sign;
use crate::model::trigger::Trigger;
use crate::outgoing::{Answer, Failure, Reach, Request, basic};
use crate::store::outbox::Event;
use crate::store::webhooks::Stored;

/// Bytes of an answer that are kept for people to read.
const ANSWER: usize = 1024;

/// The request, which is to be answered within `time`.
pub fn request(stored: &Stored, event: &Event, now: i64, time: Duration) -> Request {
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
    let reach = Reach::of_app(url);
    // The status decides; of what comes behind it, what is there in time.
    let (method, bytes) = (Method::POST, ANSWER);
    Request { method, headers, body, time, bytes, keeps_open: true, is_patient: false, ..Request::get(url, reach) }
}

/// What is sent, as the contract has it.
pub fn envelope(stored: &Stored, event: &Event) -> String {
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

/// What came back, for people to read: the status of HTTP, if there was an answer, and how it began, or why there was none.
pub fn said(answer: Result<Answer, Failure>) -> (Option<u16>, String) {
    match answer {
        Ok(answer) => (Some(answer.status), String::from_utf8_lossy(&answer.body).into_owned()),
        Err(failure) => (None, failure.to_string()),
    }
}

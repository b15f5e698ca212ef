//! Asking the other side: waiting when told to, and trying again.

use std::time::Duration;

use serde_json::Value;

use super::Source;
use crate::outgoing::{Answer, Failure, Outgoing, Reach, Request};
use crate::transfer::Outcome;

/// How often a request is tried, and the first wait between; each further one is twice as long, up to the last.
const TRIES: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(30);

/// The longest that the other side may make us wait at a time, in seconds.
const MOST_WAIT: u64 = 600;

/// A GET of the API. `None`: there is no such thing.
pub(super) async fn get(
    outgoing: &Outgoing,
    source: &Source,
    path: &str,
    behalf: Option<&str>,
) -> Outcome<Option<Value>> {
    let mut request = Request {
        bytes: 64 << 20,
        time: Duration::from_secs(60),
        ..Request::get(&format!("{}{path}", source.url), Reach::Anywhere)
    };
    let mut header = |name: &'static str, value: &str| match value.parse() {
        Ok(value) => {
            request.headers.insert(name, value);
            Ok(())
        }
        Err(_) => Err(format!("{name} holds what no header may")),
    };
    header("accept", "application/json")?;
    header("appid", &source.app_id)?;
    header("apikey", &source.key)?;
    if let Some(uid) = behalf {
        header("onbehalfof", uid)?;
    }
    let plain = path.split('?').next().unwrap_or(path);
    let answer = send(outgoing, request).await.map_err(|why| format!("GET {plain}: {why}"))?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.status {
        200 if !answer.is_cut && body["data"].is_array() => Ok(Some(body)),
        200 => Err(format!("GET {plain}: the answer is no list of this API")),
        404 => Ok(None),
        status => {
            let code = body["error"]["code"].as_str().unwrap_or("no code");
            Err(format!("GET {plain}: refused with {status} ({code})"))
        }
    }
}

/// Sends it, waits when told to, and tries again when the other side or the way there fails.
pub(super) async fn send(outgoing: &Outgoing, request: Request) -> Result<Answer, String> {
    let mut wait = FIRST_WAIT;
    let mut tries = 0;
    loop {
        let why = match outgoing.send(request.clone()).await {
            Ok(answer) if answer.status == 429 => {
                let seconds = |name: &str| {
                    answer
                        .headers
                        .get(name)
                        .and_then(|value| value.to_str().ok())
                        .and_then(|text| text.trim().parse::<u64>().ok())
                };
                // A refusal for being too fast is no failure: it is not counted.
                if let Some(seconds) = seconds("retry-after") {
                    tokio::time::sleep(Duration::from_secs(seconds.min(MOST_WAIT))).await;
                    if seconds > 0 {
                        continue;
                    }
                }
                "it says that it is asked too often".to_owned()
            }
            Ok(answer) if answer.status >= 500 => format!("status {}", answer.status),
            Ok(answer) => return Ok(answer),
            Err(failure @ (Failure::Url | Failure::Forbidden | Failure::Redirects)) => return Err(failure.to_string()),
            Err(failure) => failure.to_string(),
        };
        tries += 1;
        if tries == TRIES {
            return Err(format!("{why}, {TRIES} times"));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LAST_WAIT);
    }
}

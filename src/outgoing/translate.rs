//! Translations by a service that speaks LibreTranslate's API: `POST /translate {q, source, target, format, api_key}`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Outgoing, Reach, Request};
use crate::model::extension::Translator;

/// For one language. A model that is loaded for the first time takes its time.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of a translation that are read: a text of the largest size, in whatever script, and then some.
const BYTES: usize = 2 * 1024 * 1024;

/// How a translation went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The text, and the language that it was in, if the service says so.
    Done { text: String, from: Option<String> },
    /// It does not do that, in its own words.
    Unsupported(String),
    /// It does not answer as it should.
    Failed(String),
}

/// Translates `text` into one language; `from` is the language it is in, if that is known already.
pub async fn translate(outgoing: &Outgoing, by: &Translator, text: &str, from: Option<&str>, into: &str) -> Outcome {
    let mut body = json!({"q": text, "source": from.unwrap_or("auto"), "target": into, "format": "text"});
    if let Some(key) = &by.key {
        body["api_key"] = json!(key);
    }
    let request = Request { time: TIME, bytes: BYTES, ..Request::post_json(&by.url, Reach::Anywhere, &body) };
    let answer = match outgoing.send(request).await {
        Ok(answer) => answer,
        Err(failure) => return Outcome::Failed(failure.to_string()),
    };
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match (answer.status, said["translatedText"].as_str()) {
        (200, Some(text)) => {
            let from = said["detectedLanguage"]["language"].as_str().map(str::to_owned);
            Outcome::Done { text: text.to_owned(), from }
        }
        (400, _) => Outcome::Unsupported(said["error"].as_str().unwrap_or("The language is not supported.").to_owned()),
        (status, _) => Outcome::Failed(format!("it answers with {status}")),
    }
}

//! Engines that are asked: a list of the category `custom-api` names an address outside, which is told of a message and
//! answers whether it meets the condition. While it is asked the message is pending: its sender sees it, and nobody else.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::model::error::{Error, Result};
use crate::model::webhook;

/// Milliseconds an engine has for its answer (contract).
pub const PATIENCE: u64 = 2_000;
/// Earlier messages that an engine may be told (contract).
pub const MOST_CONTEXT: i64 = 10;
/// Bytes of a failed answer that events hold (contract).
pub const ANSWER: usize = 2 * 1024;
/// Bytes of an answer that is read as a verdict: it is three fields.
pub const VERDICT: usize = 64 * 1024;

/// Where an engine is, as it is kept with its list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Place {
    pub url: String,
    /// Whether name and password are sent.
    pub basic_auth: bool,
    pub username: String,
    pub password: String,
}

impl Place {
    /// Whether it may be kept; none yet is none to ask, which is a failure of its own. `plain`: it may be reached without
    /// TLS, wherever it is.
    pub fn check(&self, plain: bool) -> Result<()> {
        if !self.url.is_empty() {
            webhook::check_url("url", &self.url, plain)?;
        }
        webhook::check_basic(("basicAuthEnabled", self.basic_auth), &self.username, &self.password)
    }
}

/// How the confidence of an answer is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    GreaterThan,
    LessThan,
}

/// From which confidence on an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Threshold {
    pub comparison: Comparison,
    pub percent: u32,
}

/// Which engine a condition asks: `<list>_greaterThan_<percent>`, `<list>_lessThan_<percent>`, or the list alone, whose
/// every match counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub list: String,
    pub threshold: Option<Threshold>,
}

impl Asked {
    /// `None`: the percentage is none.
    pub fn parse(value: &str) -> Option<Asked> {
        let value = value.trim();
        for (word, comparison) in [("_greaterThan_", Comparison::GreaterThan), ("_lessThan_", Comparison::LessThan)] {
            let Some((list, percent)) = value.rsplit_once(word) else { continue };
            let percent = percent.parse().ok().filter(|percent| *percent <= 100)?;
            return Some(Asked { list: list.to_owned(), threshold: Some(Threshold { comparison, percent }) });
        }
        Some(Asked { list: value.to_owned(), threshold: None })
    }

    /// Whether an answer meets the condition.
    pub fn is_met(&self, answer: &Answer) -> bool {
        let percent = answer.confidence * 100.0;
        answer.is_matching_condition
            && self.threshold.is_none_or(|threshold| match threshold.comparison {
                Comparison::GreaterThan => percent > f64::from(threshold.percent),
                Comparison::LessThan => percent < f64::from(threshold.percent),
            })
    }
}

/// What an engine answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    pub is_matching_condition: bool,
    /// 0.0 to 1.0
    pub confidence: f64,
}

impl Answer {
    /// Reads one; what is wrong with it, a sentence each.
    pub fn parse(body: &[u8]) -> std::result::Result<Answer, Vec<String>> {
        let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(body) else {
            return Err(vec!["The body must be a JSON object.".to_owned()]);
        };
        let mut wrong = Vec::new();
        let matching = fields.get("isMatchingCondition").and_then(Value::as_bool);
        if matching.is_none() {
            wrong.push("isMatchingCondition must be true or false.".to_owned());
        }
        let confidence = fields.get("confidence").and_then(Value::as_f64).filter(|one| (0.0..=1.0).contains(one));
        if confidence.is_none() {
            wrong.push("confidence must be a number from 0 to 1.".to_owned());
        }
        if fields.get("reason").is_some_and(|reason| !reason.is_string() && !reason.is_null()) {
            wrong.push("reason must be a text, where there is one.".to_owned());
        }
        match (matching, confidence) {
            (Some(is_matching_condition), Some(confidence)) if wrong.is_empty() => {
                Ok(Answer { is_matching_condition, confidence })
            }
            _ => Err(wrong),
        }
    }
}

/// What happens to a message where an engine gives no verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = OnEngineError)]
pub enum OnError {
    /// The condition counts as not met.
    #[default]
    ApproveMessage,
    /// The condition counts as met, and nothing further is asked.
    DropMessage,
}

/// How an app has engines asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = ModerationSettings)]
pub struct Settings {
    /// Earlier messages of the conversation that an engine is told, 0 to 10.
    pub context_messages: i64,
    pub on_custom_api_error: OnError,
}

impl Settings {
    pub fn check(&self) -> Result<()> {
        match (0..=MOST_CONTEXT).contains(&self.context_messages) {
            true => Ok(()),
            false => Err(Error::field("contextMessages", format!("The contextMessages must be 0 to {MOST_CONTEXT}."))),
        }
    }
}

/// Why an engine gave no verdict (contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Category {
    #[serde(rename = "http_4xx")]
    Http4xx,
    #[serde(rename = "http_5xx")]
    Http5xx,
    #[serde(rename = "timeout")]
    Timeout,
    #[serde(rename = "connection_error")]
    ConnectionError,
    #[serde(rename = "invalid_response")]
    InvalidResponse,
    #[serde(rename = "not_configured")]
    NotConfigured,
}

/// An engine that gave no verdict, as events tell of it. What is not there is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub category: Category,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    pub error_message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    pub response_body_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation_errors: Vec<String>,
    /// Unix seconds.
    pub failed_at: i64,
}

/// A request to an engine, as events tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Without its query, which may hold a secret.
    pub url: String,
    pub method: &'static str,
    pub body_bytes: usize,
    pub basic_auth_sent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_name_an_engine_and_how_sure_it_has_to_be() {
        let of = |value: &str| Asked::parse(value);
        let threshold = |comparison, percent| Some(Threshold { comparison, percent });
        let is = |list: &str, threshold| Some(Asked { list: list.to_owned(), threshold });
        assert_eq!(of("my_list_greaterThan_80"), is("my_list", threshold(Comparison::GreaterThan, 80)));
        assert_eq!(of(" a_lessThan_5"), is("a", threshold(Comparison::LessThan, 5)));
        assert_eq!(of("a"), is("a", None));
        assert_eq!((of("a_greaterThan_101"), of("a_greaterThan_x")), (None, None));
        let met = |value: &str, is_matching_condition, confidence| {
            of(value).is_some_and(|asked| asked.is_met(&Answer { is_matching_condition, confidence }))
        };
        assert!(met("a_greaterThan_80", true, 0.81) && !met("a_greaterThan_80", true, 0.8));
        assert!(!met("a_greaterThan_80", false, 0.99) && met("a", true, 0.0) && met("a_lessThan_5", true, 0.01));
    }

    #[test]
    fn answers_that_are_none_say_why() {
        let of = |text: &str| Answer::parse(text.as_bytes());
        let good = Answer { is_matching_condition: true, confidence: 0.5 };
        assert_eq!(of(r#"{"isMatchingCondition":true,"confidence":0.5,"reason":"","more":[]}"#), Ok(good));
        assert_eq!(of("<html>").unwrap_err().len(), 1);
        assert_eq!(of(r#"{"isMatchingCondition":1,"confidence":1.5,"reason":2}"#).unwrap_err().len(), 3);
    }
}

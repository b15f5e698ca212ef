//! Answers in the contract's envelopes.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::error::{Code, Error};
use crate::model::page::{Page, PageAsk, Pagination};

/// A successful answer: the JSON text of the whole body. Success is always 200.
#[derive(Debug)]
pub struct Reply(pub String);

#[derive(Serialize)]
struct Envelope<'a, T: Serialize, M: Serialize> {
    data: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<M>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Value>,
}

fn text(value: &impl Serialize) -> Reply {
    Reply(serde_json::to_string(value).unwrap_or_else(|_| r#"{"data":{}}"#.to_owned()))
}

/// `{"data": …}`
pub fn data(value: &impl Serialize) -> Reply {
    text(&Envelope { data: value, meta: None::<Value>, cursor: None })
}

/// `{"data": …}` of JSON that is made already.
pub fn data_json(json: &str) -> Reply {
    let mut body = String::with_capacity(json.len() + 9);
    body.push_str("{\"data\":");
    body.push_str(json);
    body.push('}');
    Reply(body)
}

/// `{"data": {"success": true, "message": …}}`
pub fn ack(sentence: impl Into<String>) -> Reply {
    data(&json!({"success": true, "message": sentence.into()}))
}

/// A list with any `meta`.
pub fn list(items: &impl Serialize, meta: Value) -> Reply {
    text(&Envelope { data: items, meta: Some(meta), cursor: None })
}

/// A page by number.
pub fn page<T: Serialize>(page: &Page<T>, ask: PageAsk) -> Reply {
    list(&page.items, json!({"pagination": Pagination::of(page, ask)}))
}

/// A page by number with the time cursor that some lists have: inside `meta`, and (`beside`) next to it as well.
pub fn page_with_cursor<T: Serialize>(page: &Page<T>, ask: PageAsk, updated_at: Option<i64>, beside: bool) -> Reply {
    let mut meta = json!({"pagination": Pagination::of(page, ask)});
    let cursor = updated_at.map(|at| json!({"updatedAt": at, "affix": "append"}));
    if let Some(cursor) = &cursor {
        meta["cursor"] = cursor.clone();
    }
    text(&Envelope { data: &page.items, meta: Some(meta), cursor: cursor.filter(|_| beside) })
}

/// The HTTP form of a refusal.
pub fn refusal(error: &Error) -> HttpResponse {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if error.code == Code::Busy || error.code == Code::TooManyRequests {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    response.json(json!({"error": error}))
}

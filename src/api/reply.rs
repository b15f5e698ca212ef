//! Answers in the contract's envelopes.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::model::error::{Code, Error};
use crate::model::json::to_raw;
use crate::model::page::{Affix, Page, PageAsk, Pagination};

/// A successful answer: the JSON text of the whole body. Success is always 200.
#[derive(Debug)]
pub struct Reply {
    pub body: String,
    /// A page of a list that is not bounded in bytes by whoever made it.
    pub is_page: bool,
}

impl Reply {
    pub fn new(body: String) -> Self {
        Reply { body, is_page: false }
    }
}

#[derive(Serialize)]
struct Envelope<'a, T: Serialize, M: Serialize> {
    data: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<M>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<TimeCursor>,
}

/// What stands beside a page by number.
#[derive(Serialize, ToSchema)]
pub struct PageMeta {
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<TimeCursor>,
}

/// The time of the last row.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeCursor {
    updated_at: i64,
    affix: Affix,
}

/// What stands beside a list that goes by a cursor.
#[derive(Serialize, ToSchema)]
pub struct CursorMeta {
    current: Current,
    /// Where this list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Point>,
    /// Where it goes on the other way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Point>,
    /// For clients: where this list goes on; with nothing in it on an empty page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// For clients, and where the list was asked for by page number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// How many rows there may be, and how many there are.
#[derive(Serialize, ToSchema)]
#[schema(as = CursorCount)]
struct Current {
    limit: i64,
    count: usize,
}

/// What to give back for what lies beyond.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CursorPoint)]
pub struct Point {
    pub affix: Affix,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    pub id: String,
}

/// [`Point`] for clients that want an object even when there is no point.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClientCursor)]
pub struct Cursor {
    #[serde(skip_serializing_if = "Option::is_none")]
    affix: Option<Affix>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl From<Point> for Cursor {
    fn from(point: Point) -> Self {
        Cursor { affix: Some(point.affix), sent_at: point.sent_at, id: Some(point.id) }
    }
}

impl Point {
    pub fn new(affix: Affix, id: impl Into<String>) -> Self {
        Point { affix, sent_at: None, updated_at: None, id: id.into() }
    }
}

impl CursorMeta {
    pub fn new(limit: i64, count: usize) -> Self {
        CursorMeta { current: Current { limit, count }, next: None, previous: None, cursor: None, pagination: None }
    }

    /// With the ids of the first and the last row.
    pub fn between(mut self, ends: Option<(String, String)>) -> Self {
        if let Some((first, last)) = ends {
            self.next = Some(Point::new(Affix::Append, last));
            self.previous = Some(Point::new(Affix::Prepend, first));
        }
        self
    }
}

/// It is done.
#[derive(Serialize, ToSchema)]
pub struct Ack {
    success: bool,
    /// For people.
    message: String,
}

fn text(value: &impl Serialize) -> Reply {
    Reply::new(serde_json::to_string(value).unwrap_or_else(|_| r#"{"data":{}}"#.to_owned()))
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
    Reply::new(body)
}

/// `{"data": {"success": true, "message": …}}`
pub fn ack(sentence: impl Into<String>) -> Reply {
    data(&Ack { success: true, message: sentence.into() })
}

/// `{"success": true, "message": …, "data": …}`: the description has the first two here, clients look for `data`. Without
/// an object of its own that says the same again.
pub fn done(sentence: impl Into<String>, object: Option<&str>) -> Reply {
    let ack = Ack { success: true, message: sentence.into() };
    let object = object.map_or_else(|| text(&ack).body, str::to_owned);
    Reply::new(format!(r#"{{"success":true,"message":{},"data":{object}}}"#, to_raw(&ack.message).get()))
}

/// A list with any `meta`.
pub fn list(items: &impl Serialize, meta: impl Serialize) -> Reply {
    Reply { is_page: true, ..cut_list(items, meta) }
}

/// What a list by cursor shows, up to the bytes that a page may have.
pub struct Filling<T> {
    left: Option<usize>,
    pub items: Vec<T>,
}

impl<T: Serialize> Filling<T> {
    /// `bytes`: of a whole page.
    pub fn new(bytes: usize) -> Self {
        Filling { left: Some(bytes.saturating_sub(META)), items: Vec::new() }
    }

    /// Takes one more, if it fits; the first in any case, for whoever goes on from it comes to the next. Whether there may be
    /// room for another.
    pub fn take(&mut self, item: T) -> bool {
        self.left = self.left.and_then(|left| left.checked_sub(size(&item)));
        if self.left.is_some() || self.items.is_empty() {
            self.items.push(item);
        }
        self.left.is_some()
    }
}

/// Bytes of an item in a list, with its comma.
pub fn size(item: &impl Serialize) -> usize {
    serde_json::to_string(item).map_or(0, |text| text.len() + 1)
}

/// Room for what stands beside the items of a page.
pub const META: usize = 1024;

/// A list that was cut to the bytes a page may have.
pub fn cut_list(items: &impl Serialize, meta: impl Serialize) -> Reply {
    text(&Envelope { data: items, meta: Some(meta), cursor: None })
}

/// A page by number.
pub fn page<T: Serialize>(page: &Page<T>, ask: PageAsk) -> Reply {
    list(&page.items, PageMeta { pagination: Pagination::of(page, ask), cursor: None })
}

/// A page by number with the time cursor that some lists have: inside `meta`, and (`beside`) next to it as well.
pub fn page_with_cursor<T: Serialize>(page: &Page<T>, ask: PageAsk, updated_at: Option<i64>, beside: bool) -> Reply {
    let cursor = updated_at.map(|updated_at| TimeCursor { updated_at, affix: Affix::Append });
    let meta = PageMeta { pagination: Pagination::of(page, ask), cursor };
    let text = text(&Envelope { data: &page.items, meta: Some(meta), cursor: cursor.filter(|_| beside) });
    Reply { is_page: true, ..text }
}

/// The HTTP form of a refusal.
pub fn refusal(error: &Error) -> HttpResponse {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if matches!(
        error.code,
        Code::Busy
            | Code::ReadTimeout
            | Code::TooManyRequests
            | Code::StorageFull
            | Code::StorageFailed
            | Code::TranslationFailed
    ) {
        response.insert_header((header::RETRY_AFTER, error.retry_after().unwrap_or(1)));
    }
    response.json(json!({"error": error}))
}

//! Notes when the answer to a session's act was written: see `model::answer`.
//!
//! The guard is kept with the request while it is worked on and goes out with the answer's body, so whatever ends either
//! (the last byte is in the connection's buffer, an error, a client that went away) ends the waiting.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use bytes::Bytes;

use crate::model::answer::Answer;
use crate::model::caller::Caller;

/// Until it is dropped the answer is under way.
struct Answering(Arc<Answer>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.end(Instant::now());
    }
}

/// A session that makes something is told of what becomes of it after the answer. Ids are made by `POST` only.
pub fn begin(request: &HttpRequest, caller: &mut Caller) {
    if request.method() != Method::POST || caller.session().is_none_or(str::is_empty) {
        return;
    }
    let answer = Arc::new(Answer::new(Instant::now()));
    caller.answer = Some(answer.clone());
    request.extensions_mut().insert(Answering(answer));
}

/// The response, which ends the waiting for it when it has gone out.
pub fn outgoing(request: &HttpRequest, response: HttpResponse) -> HttpResponse {
    match request.extensions_mut().remove::<Answering>() {
        Some(answering) => response.map_body(|_, body| BoxBody::new(Answered { body, _answering: answering })),
        None => response,
    }
}

struct Answered {
    body: BoxBody,
    _answering: Answering,
}

impl MessageBody for Answered {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::model::answer::SETTLE;
    use crate::model::caller::App;

    fn caller(device: &str) -> Caller {
        let app = App { id: 1, app_id: "a".into(), region: "r".into(), system_user: 1, own_limits: None };
        Caller { device: device.into(), ..Caller::of(app, 2, "ann") }
    }

    #[test]
    fn an_answer_is_under_way_until_its_body_is_gone() {
        let request = TestRequest::post().to_http_request();
        let mut ann = caller("phone");
        begin(&request, &mut ann);
        let answer = ann.answer.unwrap();
        let unwritten = |answer: &Answer| answer.due(Instant::now() + SETTLE * 2).is_some();
        let response = outgoing(&request, HttpResponse::Ok().body("{}"));
        drop(request);
        assert!(unwritten(&answer));
        drop(response);
        assert!(!unwritten(&answer));
    }

    #[test]
    fn a_request_that_ends_without_an_answer_is_not_waited_for() {
        let request = TestRequest::post().to_http_request();
        let mut ann = caller("phone");
        begin(&request, &mut ann);
        drop(request);
        assert_eq!(ann.answer.unwrap().due(Instant::now() + SETTLE), None);
    }

    #[test]
    fn only_what_makes_something_in_a_session_of_its_own_is_waited_for() {
        let server = crate::model::caller::SERVER_DEVICE;
        for (request, device) in
            [(TestRequest::get(), "phone"), (TestRequest::post(), server), (TestRequest::post(), "")]
        {
            let mut ann = caller(device);
            begin(&request.to_http_request(), &mut ann);
            assert!(ann.answer.is_none(), "{device}");
        }
    }
}

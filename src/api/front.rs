//! What the server says of itself to whoever asks, without a credential: where things are, and whether it is well.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::requests::{Place, Seen};
use super::{Api, access, peer, prometheus};

/// Where a certificate authority looks for a proof (RFC 8555, section 8.3).
const PROOFS: &str = "/.well-known/acme-challenge/";

/// The answer at this path, if it is one of these.
pub async fn find(request: &HttpRequest, path: &str, api: &Api, seen: &Seen) -> Option<HttpResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    match path {
        "/" => {
            seen.at(Place::Front);
            let base = access::base(api, request);
            let client = peer::seen(request, &api.trusted);
            Some(HttpResponse::Ok().json(json!({"data": {
                "name": "Hobnob",
                "version": env!("CARGO_PKG_VERSION"),
                "api": format!("{base}/v3"),
                "apiPage": format!("{base}/admin/api.html"),
                "openapi": format!("{base}/openapi.json"),
                "admin": format!("{base}/admin/"),
                "health": format!("{base}/health"),
                // Their own, and no more: for the doctor.
                "client": {
                    "address": client.address.map(|address| address.to_string()),
                    "forwarded": client.forwarded,
                    "believed": client.believed,
                },
            }})))
        }
        "/metrics" if api.metrics.has_token() => {
            seen.at(Place::Metrics);
            Some(prometheus::answer(request, api).await)
        }
        "/health/live" => {
            seen.at(Place::Live);
            Some(health(None))
        }
        "/health" | "/health/ready" => {
            seen.at(Place::Ready);
            Some(health(api.health.look(&api.store, &api.hub).await.err()))
        }
        _ => {
            let token = path.strip_prefix(PROOFS)?;
            seen.at(Place::Proof);
            let proof = api.tokens.find(token)?;
            Some(HttpResponse::Ok().content_type("application/octet-stream").body(proof))
        }
    }
}

/// `complaint`: why it is not well.
fn health(complaint: Option<&str>) -> HttpResponse {
    let status = if complaint.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(json!({"data": {"status": complaint.unwrap_or("ok")}}))
}

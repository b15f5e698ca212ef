//! What the server says of itself to whoever asks, without a credential: where things are, and whether it is well.

use std::time::{Duration, Instant};

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{Api, access};
use crate::store::{Lane, Store};

/// An answer of the writer is good for this long, so that nobody keeps it busy by asking.
const FRESH: Duration = Duration::from_secs(1);
/// A writer that takes longer is not well. Supervisors give up after some seconds, too.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was last seen of the writer.
#[derive(Default)]
pub struct Health {
    seen: Mutex<Option<(Instant, bool)>>,
}

impl Health {
    /// Whether the writer answers. It is asked once for all who want to know at the same time.
    async fn is_well(&self, store: &Store) -> bool {
        let mut seen = self.seen.lock().await;
        if let Some((_, well)) = seen.filter(|(at, _)| at.elapsed() < FRESH) {
            return well;
        }
        // Changes nothing, so it costs no sync; but it waits its turn, begins and commits.
        let asked = timeout(PATIENCE, store.write_in(Lane::High, "health", |_| Ok(()))).await;
        let well = matches!(asked, Ok(Ok(())));
        *seen = Some((Instant::now(), well));
        well
    }
}

/// The answer at this path, if it is one of these.
pub async fn find(request: &HttpRequest, path: &str, api: &Api) -> Option<HttpResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    match path {
        "/" => {
            let base = access::base(api, request);
            Some(HttpResponse::Ok().json(json!({"data": {
                "name": "Hobnob",
                "version": env!("CARGO_PKG_VERSION"),
                "api": format!("{base}/v3"),
                "apiPage": format!("{base}/admin/api.html"),
                "openapi": format!("{base}/openapi.json"),
                "admin": format!("{base}/admin/"),
                "health": format!("{base}/health"),
            }})))
        }
        "/health" => {
            let (status, word) = match api.health.is_well(&api.store).await {
                true => (StatusCode::OK, "ok"),
                false => (StatusCode::SERVICE_UNAVAILABLE, "the writer does not answer"),
            };
            Some(HttpResponse::build(status).json(json!({"data": {"status": word}})))
        }
        _ => None,
    }
}

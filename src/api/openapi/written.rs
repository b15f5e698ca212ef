//! The descriptions as they are served: written down by `examples/describe`, with where this server is reached.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use crate::api::packed;
use crate::model::public::PublicHost;

/// Where the operations are found, as it is written down. One who reads it from the server itself needs no more.
pub const API: &str = "/v3";
/// The same for `/admin/api`.
pub const ADMIN: &str = "/";

/// The description at this path, if there is one. `public`: where the server is reached, if that was said.
pub fn find(request: &HttpRequest, path: &str, public: Option<&PublicHost>) -> Option<HttpResponse> {
    let (written, place) = match path {
        "/openapi.json" => (API, "/v3"),
        "/admin/openapi.json" => (ADMIN, ""),
        _ => return None,
    };
    let file = packed::find(path)?;
    let Some(public) = public else { return Some(file.answer(request, [(header::CACHE_CONTROL, "no-cache")])) };
    let told = placed(&file.unpacked(), written, &format!("{}{place}", public.base("https")));
    Some(HttpResponse::Ok().content_type("application/json").body(told))
}

/// A description whose operations are found at `server` instead.
fn placed(description: &[u8], written: &str, server: &str) -> String {
    let url = |place: &str| serde_json::json!([{ "url": place }]).to_string();
    String::from_utf8_lossy(description).replacen(&url(written), &url(server), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn where_the_server_is_stands_in_it() {
        for (path, written) in [("/openapi.json", API), ("/admin/openapi.json", ADMIN)] {
            let plain = packed::find(path).expect("it is packed").unpacked();
            let before: Value = serde_json::from_slice(&plain).expect("JSON");
            let mut after: Value =
                serde_json::from_str(&placed(&plain, written, "https://chat.example/x")).expect("JSON");
            assert_eq!(before["servers"][0]["url"], written);
            assert_eq!(after["servers"][0]["url"].take(), "https://chat.example/x");
            after["servers"] = before["servers"].clone();
            assert_eq!(before, after, "nothing else changes");
        }
    }
}

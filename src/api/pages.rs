//! The pages inside the binary: the admin page, from `static/`.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};

use super::packed;

/// Scripts, styles and pictures come from here only: an avatar's address would tell strangers who looks. No page may
/// frame this one, and no script can turn text into markup.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A sticker is only looked at, whichever page shows it.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/// The names of the stickers in the program, in their order.
pub fn stickers() -> Vec<String> {
    packed::all().filter_map(|file| file.name.strip_prefix("stickers/").map(str::to_owned)).collect()
}

/// One of them, if the path is its address.
fn sticker(request: &HttpRequest, path: &str) -> Option<HttpResponse> {
    let file = packed::find(path.strip_prefix('/').filter(|name| name.starts_with("stickers/"))?)?;
    let headers = [
        (header::CONTENT_SECURITY_POLICY, PICTURE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    Some(file.answer(request, headers))
}

/// The file at this path, if there is one.
pub fn find(request: &HttpRequest, path: &str) -> Option<HttpResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    if let Some(picture) = sticker(request, path) {
        return Some(picture);
    }
    if path == "/admin" || (path == "/" && accepts_html(request)) {
        // Relative, because a proxy may have this server below a path of its own.
        let mut moved = HttpResponse::TemporaryRedirect();
        return Some(moved.insert_header((header::LOCATION, "admin/")).finish());
    }
    let name = path.strip_prefix("/admin/").filter(|name| !name.starts_with("api/"))?;
    let name = if name.is_empty() { "index.html" } else { name };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Some(packed::find(name)?.answer(request, headers))
}

fn accepts_html(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

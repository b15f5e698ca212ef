//! The pages inside the binary: the admin page, from `static/`.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "static/"]
struct Files;

/// Scripts, styles and pictures come from here only: an avatar's address would tell strangers who looks. No page may
/// frame this one, and no script can turn text into markup.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The file at this path, if there is one.
pub fn find(request: &HttpRequest, path: &str) -> Option<HttpResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    if path == "/admin" || (path == "/" && accepts_html(request)) {
        // Relative, because a proxy may have this server below a path of its own.
        let mut moved = HttpResponse::TemporaryRedirect();
        return Some(moved.insert_header((header::LOCATION, "admin/")).finish());
    }
    let name = path.strip_prefix("/admin/").filter(|name| !name.starts_with("api/"))?;
    let name = if name.is_empty() { "index.html" } else { name };
    let file = Files::get(name)?;
    let mut response = HttpResponse::Ok();
    response
        .content_type(file.metadata.mimetype())
        .insert_header(("Content-Security-Policy", POLICY))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    Some(response.body(file.data.into_owned()))
}

fn accepts_html(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

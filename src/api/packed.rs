//! Files inside the program, packed by `build.rs`: they go out as they are to who can unpack them, and not again to who has them.

use std::io::Read;

use actix_web::http::header::{
    self, AcceptEncoding, ContentEncoding, Encoding, EntityTag, Header, HeaderName, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::bufread::GzDecoder;

/// A file.
pub struct File {
    /// Its path below `static/`; of an API description that where it is served, with a slash before it.
    pub name: &'static str,
    /// Another one for other contents.
    tag: &'static str,
    /// By gzip.
    packed: &'static [u8],
}

static FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// All of them.
pub fn all() -> impl Iterator<Item = &'static File> {
    FILES.iter()
}

/// The file of this name.
pub fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

impl File {
    /// As it was written.
    pub fn unpacked(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        // What `build.rs` packed is whole: it is part of the program.
        let _ = GzDecoder::new(self.packed).read_to_end(&mut plain);
        plain
    }

    /// Answers a request for it, with these headers.
    pub fn answer<const N: usize>(
        &self,
        request: &HttpRequest,
        headers: [(HeaderName, &'static str); N],
    ) -> HttpResponse {
        let tag = EntityTag::new_weak(self.tag.to_owned());
        let has_it = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => request.headers().contains_key(header::IF_NONE_MATCH),
            Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&tag)),
            Err(_) => false,
        };
        let mut response = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        headers.into_iter().for_each(|header| _ = response.insert_header(header));
        response.insert_header((header::ETAG, tag)).insert_header((header::VARY, "Accept-Encoding"));
        if has_it {
            return response.finish();
        }
        response.content_type(mime_guess::from_path(self.name).first_or_octet_stream());
        match takes_packed(request) {
            true => response.insert_header(ContentEncoding::Gzip).body(Bytes::from_static(self.packed)),
            false => response.body(self.unpacked()),
        }
    }
}

fn takes_packed(request: &HttpRequest) -> bool {
    let ways = [Encoding::gzip(), Encoding::identity()];
    AcceptEncoding::parse(request).is_ok_and(|accepted| accepted.negotiate(ways.iter()) == Some(Encoding::gzip()))
}

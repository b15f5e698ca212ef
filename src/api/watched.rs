//! Requests as the live tail has them.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::access::credential;
use super::peer;
use super::query::Query;
use crate::network::Network;
use crate::watch::hide;
use crate::watch::request::Origin;
use crate::watch::tail::{Body, Entry, Kind};

/// What is told of a request that is not known before it is worked on.
#[derive(Default)]
pub struct Watched {
    /// What the path names.
    pub params: Vec<(String, String)>,
    pub body: Option<Body>,
    pub answer: Option<Body>,
    /// The error it was refused with.
    pub code: Option<&'static str>,
    /// The app's public id, the uid, and whether a person acts.
    pub whose: Option<(Arc<str>, Arc<str>, bool)>,
}

/// How it went.
pub struct Outcome {
    pub origin: Origin,
    pub status: u16,
    pub time: Duration,
    /// Bytes of the answer, if that is known.
    pub bytes: Option<u64>,
}

/// All of a request that was answered.
pub fn request(watched: Watched, outcome: Outcome, request: &HttpRequest, trusted: &[Network]) -> Entry {
    let Outcome { origin, status, time, bytes } = outcome;
    let path = path(request.path(), origin.route, &watched.params);
    let mut users: Vec<Arc<str>> = Vec::new();
    let mut add = |uid: &str| {
        if !uid.is_empty() && !users.iter().any(|known| **known == *uid) {
            users.push(uid.into());
        }
    };
    if let Some((_, uid, true)) = &watched.whose {
        add(uid);
    }
    let named = |name: &str| watched.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    named("uid").into_iter().for_each(&mut add);
    let mut group = named("guid").map(str::to_owned);
    if let Some(Body::Whole(bytes)) = &watched.body
        && let Ok(body) = serde_json::from_slice::<Value>(bytes)
        && let Some(receiver) = body["receiver"].as_str()
    {
        match body["receiverType"].as_str() {
            Some("group") => group = Some(receiver.to_owned()),
            _ => add(receiver),
        }
    }
    let query = Query::parse(request.query_string());
    let query: Map<String, Value> = query.pairs().map(|(name, value)| (name.to_owned(), plain(value))).collect();
    let query = (!query.is_empty()).then(|| Body::copy(&Value::Object(query).to_string())).flatten();
    let entry = Entry {
        app: watched.whose.as_ref().map(|(app, ..)| app.clone()),
        users,
        group: group.map(Arc::from),
        status: Some(status),
        failed: status >= 400,
        ..Entry::new(Kind::Request, format!("{} {path}", origin.method))
    };
    let credential = credential(request.headers());
    let behalf = watched.whose.as_ref().filter(|whose| whose.2 && credential != Some("authToken"));
    let facts = [
        ("method", json!(origin.method)),
        ("path", json!(path)),
        ("requestId", json!(origin.id.to_string())),
        ("seconds", json!((time.as_secs_f64() * 1e6).round() / 1e6)),
        ("bytes", json!(bytes)),
        ("code", json!(watched.code)),
        ("credential", json!(credential)),
        ("onBehalfOf", json!(behalf.map(|(_, uid, _)| &**uid))),
        ("from", json!(peer::address(request, trusted).map(|address| address.to_string()))),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_null());
    facts
        .fold(entry, |entry, (name, value)| entry.fact(name, value))
        .body("query", query)
        .body("body", watched.body)
        .body("answer", watched.answer)
}

/// Numbers and yes or no as what they are, so that they are shown.
fn plain(value: &str) -> Value {
    match value {
        "true" => true.into(),
        "false" => false.into(),
        _ => value.parse::<i64>().map_or_else(|_| value.into(), Into::into),
    }
}

/// The path without what is secret in it: keys and tokens stand in some.
fn path(path: &str, route: &str, params: &[(String, String)]) -> String {
    let named = |segment: &str| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        params.iter().find(|(key, _)| key == name).map(|(_, value)| hide::word(name, value, true))
    };
    let shown: Vec<String> = match route.starts_with('/') {
        true => route.split('/').map(|segment| named(segment).unwrap_or_else(|| segment.to_owned())).collect(),
        // It is no route: what a client made up may hold anything.
        false => path
            .split('/')
            .take(20)
            .map(|segment| hide::word("", &percent_decode_str(segment).decode_utf8_lossy(), true))
            .collect(),
    };
    let shown = shown.join("/");
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// Characters of a path that are shown.
const LONGEST: usize = 300;

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn no_key_is_read_in_a_path() {
        let params = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(path("/v3/users/ann", "/users/{uid}", &params("uid", "ann")), "/users/ann");
        assert_eq!(path("/apikeys/x", "/apikeys/{apiKey}", &params("apiKey", "x")), "/apikeys/…");
        let token = "ann_17643948390123456789abcdef0123456789abcdef";
        assert_eq!(path(&format!("/v3/nothing/{token}"), "(unknown)", &[]), "/v3/nothing/…");
        assert_eq!(path("/media/secret", "/media/{file}", &[]), "/media/{file}");
    }
}

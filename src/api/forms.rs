//! Bodies as HTML forms send them, for back ends that know no JSON: turned into the JSON object they stand for.
//!
//! Fields that hold more than a text come as JSON in text, as a list with commas, or in brackets (`metadata[k]=v`,
//! `tags[]=a`), which go one level deep.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, http::header};
use serde_json::{Map, Value, json};

use super::access::Query;

/// What a field of a user holds, where that is no text.
const FLAGS: [&str; 1] = ["withAuthToken"];
const LISTS: [&str; 2] = ["tags", "unset"];
const OBJECTS: [&str; 1] = ["metadata"];

pub fn is(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

/// The form as JSON. A body that is JSON in spite of its type stays what it is: command-line tools say they send a form.
pub fn json(body: Bytes) -> Bytes {
    let text = String::from_utf8_lossy(&body);
    if text.trim_start().starts_with(['{', '[']) {
        return body;
    }
    let mut object = Map::new();
    for (key, value) in Query::parse(&text).pairs() {
        let (name, inside) = match key.split_once('[') {
            Some((name, rest)) => (name, rest.strip_suffix(']')),
            None => (key, None),
        };
        match inside {
            Some(key) if OBJECTS.contains(&name) => {
                let entry = object.entry(name).or_insert_with(|| json!({}));
                if let Some(map) = entry.as_object_mut() {
                    map.insert(key.to_owned(), json!(value));
                }
            }
            Some(_) if LISTS.contains(&name) => {
                let entry = object.entry(name).or_insert_with(|| json!([]));
                if let Some(list) = entry.as_array_mut() {
                    list.push(json!(value));
                }
            }
            _ => {
                object.insert(key.to_owned(), whole(name, value));
            }
        }
    }
    Bytes::from(Value::Object(object).to_string())
}

fn whole(name: &str, value: &str) -> Value {
    if FLAGS.contains(&name) {
        return json!(matches!(value, "1" | "true" | "TRUE" | "True"));
    }
    let parsed = || serde_json::from_str::<Value>(value).ok();
    if LISTS.contains(&name) {
        let pieces = || value.split(',').map(str::trim).filter(|piece| !piece.is_empty()).map(Value::from).collect();
        return parsed().filter(Value::is_array).unwrap_or_else(|| Value::Array(pieces()));
    }
    if OBJECTS.contains(&name)
        && let Some(given) = parsed()
    {
        return given;
    }
    json!(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_stand_for_objects() {
        let of = |text: &str| -> Value { serde_json::from_slice(&json(Bytes::from(text.to_owned()))).unwrap() };
        assert_eq!(of("uid=a&name=A+B%26&withAuthToken=1"), json!({"uid": "a", "name": "A B&", "withAuthToken": true}));
        assert_eq!(of("tags=a,b&metadata=%7B%22k%22%3A1%7D"), json!({"tags": ["a", "b"], "metadata": {"k": 1}}));
        assert_eq!(of("tags[]=a&tags%5B1%5D=b&metadata[k]=1"), json!({"tags": ["a", "b"], "metadata": {"k": "1"}}));
        assert_eq!(of("tags=[%22a%22]&metadata=none"), json!({"tags": ["a"], "metadata": "none"}));
        assert_eq!(of(r#" {"uid": "a"}"#), json!({"uid": "a"}));
        assert_eq!(of(""), json!({}));
    }
}

//! Bodies as HTML forms send them, for back ends that know no JSON: turned into the JSON object they stand for.
//!
//! Brackets say what is inside, as deep as they go: `metadata[a][b]=v`, `tags[]=a`, `tags[0]=a`, `data[text]=hello`. What
//! holds more than a text may come as JSON in text as well. Everything else stays a text: whoever reads the body takes
//! texts for flags, numbers and lists ([`super::lenient`]).

use actix_web::web::Bytes;
use actix_web::{HttpRequest, http::header};
use serde_json::{Map, Value, json};

use super::query::Query;

/// Fields that hold objects or lists, and so may come as JSON in text. No text a person writes has one of these names.
const STRUCTURED: [&str; 16] = [
    "appInfo",
    "attachments",
    "conversations",
    "customData",
    "data",
    "interactionGoal",
    "interactions",
    "interactiveData",
    "members",
    "metadata",
    "multipleReceivers",
    "permissions",
    "preferences",
    "settings",
    "tags",
    "unset",
];

/// Names inside names go so deep; deeper ones are taken as they stand.
const DEPTH: usize = 16;

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
    Bytes::from(object(&Query::parse(&text)).to_string())
}

/// What the pairs stand for. Of a name that comes twice the last counts.
pub fn object(pairs: &Query) -> Value {
    let mut object = Map::new();
    for (key, value) in pairs.pairs() {
        put(&mut object, &names_of(key), value);
    }
    Value::Object(object.into_iter().map(|(name, value)| (name, with_lists(value))).collect())
}

fn put(object: &mut Map<String, Value>, names: &[&str], value: &str) {
    let Some((first, rest)) = names.split_first() else { return };
    // The empty name is the next number.
    let name = if first.is_empty() { object.len().to_string() } else { (*first).to_owned() };
    if rest.is_empty() {
        object.insert(name, whole(first, value));
        return;
    }
    let entry = object.entry(name).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    if let Some(inside) = entry.as_object_mut() {
        put(inside, rest, value);
    }
}

/// `a[b][]` is `a`, `b` and the empty name.
fn names_of(key: &str) -> Vec<&str> {
    let Some((first, rest)) = key.split_once('[') else { return vec![key] };
    let Some(rest) = rest.strip_suffix(']') else { return vec![key] };
    let mut names = vec![first];
    names.extend(rest.split("]["));
    match first.is_empty() || names.len() > DEPTH {
        true => vec![key],
        false => names,
    }
}

/// An object whose names are numbers is a list.
fn with_lists(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let is_list = !map.is_empty() && map.keys().all(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let values = map.into_iter().map(|(name, value)| (name, with_lists(value)));
    match is_list {
        true => Value::Array(values.map(|(_, value)| value).collect()),
        false => Value::Object(values.collect()),
    }
}

fn whole(name: &str, value: &str) -> Value {
    let structured = STRUCTURED.contains(&name) && value.trim_start().starts_with(['{', '[']);
    structured.then(|| serde_json::from_str(value).ok()).flatten().unwrap_or_else(|| json!(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_stand_for_objects() {
        let of = |text: &str| -> Value { serde_json::from_slice(&json(Bytes::from(text.to_owned()))).unwrap() };
        assert_eq!(of("uid=a&name=A+B%26&withAuthToken=1"), json!({"uid": "a", "name": "A B&", "withAuthToken": "1"}));
        assert_eq!(of("tags=a,b&metadata=%7B%22k%22%3A1%7D"), json!({"tags": "a,b", "metadata": {"k": 1}}));
        assert_eq!(of("tags[]=a&tags[]=b&metadata[k]=1"), json!({"tags": ["a", "b"], "metadata": {"k": "1"}}));
        assert_eq!(of("tags%5B0%5D=a&tags%5B1%5D=b"), json!({"tags": ["a", "b"]}));
        assert_eq!(of("metadata[a][b]=1&metadata[a][c][]=2"), json!({"metadata": {"a": {"b": "1", "c": ["2"]}}}));
        assert_eq!(of("data[text]=[1]&receiver=b"), json!({"data": {"text": "[1]"}, "receiver": "b"}));
        assert_eq!(of("a=1&a[b]=2"), json!({"a": {"b": "2"}}));
        assert_eq!(of("a[=1&[b]=2&c]=3"), json!({"a[": "1", "[b]": "2", "c]": "3"}));
        assert_eq!(of("tags=[%22a%22]&metadata=none"), json!({"tags": ["a"], "metadata": "none"}));
        assert_eq!(of(r#" {"uid": "a"}"#), json!({"uid": "a"}));
        assert_eq!(of(""), json!({}));
        let deep = format!("a{}=1", "[b]".repeat(5000));
        assert!(of(&deep).as_object().unwrap().contains_key(deep.trim_end_matches("=1")));
    }
}

//! JSON that is passed through untouched: metadata, custom payloads, message data.
//!
//! Kept as raw text so that numbers, key order and unknown keys come back exactly as they were sent. What other parsers
//! would stumble over is refused where it enters ([`check`]), once for the whole body, form field or frame: whoever gets
//! it could read nothing of what stands beside it.

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::error::{Code, Error, Result};
use super::limits::Limits;

/// A JSON value as text.
pub type Raw = Box<RawValue>;

/// The entries of a JSON object, values untouched, in the order they were sent.
#[derive(Clone, Debug, Default)]
pub struct Object(pub Vec<(String, Raw)>);

impl Object {
    /// `None` unless the text is a JSON object, or an empty list: PHP writes an empty map so. Of repeated keys the last one
    /// counts.
    pub fn parse(text: &str) -> Option<Self> {
        if is_empty_list(text) {
            return Some(Object::default());
        }
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::default();
                while let Some((key, value)) = map.next_entry::<String, Raw>()? {
                    object.set(&key, value);
                }
                Ok(object)
            }
        }
        let mut input = serde_json::Deserializer::from_str(text);
        let object = input.deserialize_map(Entries).ok()?;
        input.end().ok()?;
        Some(object)
    }

    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| &**v)
    }

    /// The value of `key` read as `T`; `None` when absent or of another shape.
    pub fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    pub fn set(&mut self, key: &str, value: Raw) {
        match self.0.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<Raw> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(at).1)
    }

    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// Whether an object in the JSON may have this key: written as it is, or with signs of it escaped.
pub fn may_name(text: &str, key: &str) -> bool {
    text.contains(key) || text.contains("\\u")
}

/// The JSON without the values of `key`, however deep; `None` where there are none.
pub fn without(text: &str, key: &str) -> Option<String> {
    if !may_name(text, key) {
        return None;
    }
    match text.trim_start().as_bytes().first()? {
        b'{' => {
            let mut object = Object::parse(text)?;
            let mut changed = object.remove(key).is_some();
            for (_, value) in &mut object.0 {
                changed |= put_without(value, key);
            }
            changed.then(|| object.text())
        }
        b'[' => {
            let mut all: Vec<Raw> = serde_json::from_str(text).ok()?;
            let mut changed = false;
            all.iter_mut().for_each(|value| changed |= put_without(value, key));
            changed.then(|| serde_json::to_string(&all).unwrap_or_default())
        }
        _ => None,
    }
}

fn put_without(value: &mut Raw, key: &str) -> bool {
    let found = without(value.get(), key).and_then(|text| RawValue::from_string(text).ok());
    found.map(|raw| *value = raw).is_some()
}

impl Serialize for Object {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Copies the entries of the JSON object in `text` into `map` without building them.
pub fn copy_entries<M: SerializeMap>(text: &str, map: &mut M) {
    struct Copy<'m, M>(&'m mut M);
    impl<'de, M: SerializeMap> Visitor<'de> for Copy<'_, M> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<(), A::Error> {
            while let Some(key) = source.next_key::<std::borrow::Cow<'de, str>>()? {
                let value: &'de RawValue = source.next_value()?;
                self.0.serialize_entry(&*key, value).map_err(serde::de::Error::custom)?;
            }
            Ok(())
        }
    }
    // Only text that this program stored comes here; were it damaged, the reply would just lack the rest of it.
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(Copy(map));
}

/// Refuses what is JSON and yet breaks parsers: numbers that a double cannot hold or that are very long, values very deep
/// in one another, halves of surrogate pairs. Whether it is JSON at all is not looked at.
pub fn check(text: &[u8], limits: &Limits) -> Result<()> {
    let refused = |sentence: String| Err(Error::new(Code::BadRequest, sentence));
    let (mut at, mut depth) = (0, 0usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                let Some(end) = end_of_string(text, at + 1) else {
                    return refused("The JSON holds one half of a surrogate pair, which is no character.".to_owned());
                };
                at = end;
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > limits.depth {
                    return refused(format!("The JSON is nested deeper than the allowed limit of {}.", limits.depth));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let rest = &text[at..];
                let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
                let number = &rest[..end.unwrap_or(rest.len())];
                if number.len() > limits.number {
                    let most = limits.number;
                    return refused(format!(
                        "A number in the JSON is longer than the allowed limit of {most} characters."
                    ));
                }
                // Shorter ones without an exponent fit in any case.
                let may_be_huge = number.len() > 300 || number.iter().any(|byte| matches!(byte, b'e' | b'E'));
                let value =
                    std::str::from_utf8(number).ok().filter(|_| may_be_huge).and_then(|n| n.parse::<f64>().ok());
                if value.is_some_and(f64::is_infinite) {
                    return refused("A number in the JSON is too large for a double.".to_owned());
                }
                at += number.len();
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Where the string that begins at `at` is over; `None`: it holds half a surrogate pair.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    // Most of a body is the inside of strings: what means nothing there is leapt over.
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => return None,
            Some(_) => at += 6,
            None => at += 2,
        }
    }
    // Unfinished: no JSON, and refused as such.
    Some(text.len())
}

/// Text that is JSON already, as a raw value; `null` were it damaged.
pub fn raw(text: String) -> Raw {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Any value as raw JSON.
pub fn to_raw(value: &impl Serialize) -> Raw {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// `[]`, which PHP writes for an empty map as well.
pub fn is_empty_list(text: &str) -> bool {
    let inside = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

/// For a field that is a map or nothing: an empty list is an empty map.
pub fn map<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let Some(raw) = Option::<Raw>::deserialize(input)? else { return Ok(None) };
    if is_empty_list(raw.get()) {
        return Ok(Some(T::default()));
    }
    serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)
}

/// The value where an object belongs: an empty list is an empty one. What is neither is no object.
pub fn object(raw: Raw) -> Option<Raw> {
    match is_empty_list(raw.get()) {
        true => Some(self::raw("{}".to_owned())),
        false => is_object(&raw).then_some(raw),
    }
}

/// Whether the text is a JSON object (it is known to be JSON).
pub fn is_object(raw: &RawValue) -> bool {
    raw.get().trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(text: &str) -> bool {
        check(text.as_bytes(), &Limits::default()).is_ok()
    }

    #[test]
    fn a_key_goes_from_wherever_it_is() {
        let none = |text: &str| without(text, "@p");
        assert_eq!(
            none(r#"{"a":[{"@p":{"x":1},"b":1.50},2],"@p":3,"c":{"d":{"@p":4}}}"#).unwrap(),
            r#"{"a":[{"b":1.50},2],"c":{"d":{}}}"#
        );
        assert_eq!(none(r#"{"\u0040p":1,"t":"\u0040p"}"#).unwrap(), r#"{"t":"\u0040p"}"#, "however it is written");
        assert_eq!(none(r#"[[{"\u0040\u0070":1}]]"#).unwrap(), "[[{}]]");
        for whole in [r#"{"t":"@p"}"#, r#"{"t":"{\"@p\":1}"}"#, "[]", "\"@p\"", "1"] {
            assert_eq!(none(whole), None, "{whole}");
        }
    }

    #[test]
    fn what_breaks_parsers_is_refused_and_nothing_else() {
        let digits = "9".repeat(64);
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        for good in [
            r#"{"a":-1.7976931348623157e+308,"b":5e-324,"c":1e-400,"d":0.1}"#,
            &digits,
            r#""1e400 [[[ and \" 1e400 \\""#,
            r#"{"a":"\ud83d\ude00 \u0041 \\ud83d"}"#,
            r#"{"1e999":"\n"}"#,
            &deep(64),
            "",
            "\"open",
            "\"open \\",
        ] {
            assert!(passes(good), "{good}");
        }
        for bad in [
            r#"{"a":1e400}"#,
            "[-1E+309]",
            &format!("9{digits}"),
            &format!("{{\"a\":0.{}}}", "1".repeat(5000)),
            &deep(65),
            r#""\ud83d""#,
            r#""\ude00\ud83d""#,
            r#"["\uD83D\u0041"]"#,
        ] {
            assert!(!passes(bad), "{bad}");
        }
        // With a limit that allows long ones the size still counts.
        let limits = Limits { number: 10_000, ..Limits::default() };
        assert!(check("9".repeat(308).as_bytes(), &limits).is_ok());
        assert!(check("9".repeat(310).as_bytes(), &limits).is_err());
    }
}

//! JSON that is passed through untouched: metadata, custom payloads, message data.
//!
//! Kept as raw text so that numbers, key order and unknown keys come back exactly as they were sent.

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserializer, Serialize};
use serde_json::value::RawValue;

/// A JSON value as text.
pub type Raw = Box<RawValue>;

/// The entries of a JSON object, values untouched, in the order they were sent.
#[derive(Clone, Debug, Default)]
pub struct Object(pub Vec<(String, Raw)>);

impl Object {
    /// `None` unless the text is a JSON object. Of repeated keys the last one counts.
    pub fn parse(text: &str) -> Option<Self> {
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

/// Text that is JSON already, as a raw value; `null` were it damaged.
pub fn raw(text: String) -> Raw {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Any value as raw JSON.
pub fn to_raw(value: &impl Serialize) -> Raw {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Whether the text is a JSON object (it is known to be JSON).
pub fn is_object(raw: &RawValue) -> bool {
    raw.get().trim_start().starts_with('{')
}

//! Reads JSON bodies the way many back ends write them.
//!
//! Languages without strict types send `1` or `"true"` for true, numbers as text and text as numbers, one text with
//! commas for a list, an object with numbers for keys (PHP, once an element was taken out of an array), `[]` for an empty
//! object and `null` for what they leave out. Each stands for what the field holds and is taken for it, in whatever body:
//! [`Lenient`] wraps the deserializer, so that no field needs an attribute. Raw JSON (`data`, `metadata`) and untagged
//! types pass untouched: there the client's own types are the content.
//!
//! What is wrong is told with its place. A body that is right pays nothing for that but a count of entries: where one is not
//! taken, each level notes the how manieth it is, and the keys are looked up in the text afterwards ([`trail`]).

mod trail;

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};

/// A value that is not as it should be.
pub struct Wrong {
    /// Its place, as in `receivers.uids[2]`; empty: the whole.
    pub path: String,
    pub error: serde_json::Error,
}

/// Reads JSON. Nothing may follow it.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Wrong> {
    trail::begin();
    let mut input = serde_json::Deserializer::from_slice(text);
    let read = T::deserialize(Lenient(&mut input)).map_err(|error| Wrong { path: trail::path(text), error });
    read.and_then(|value| match input.end() {
        Ok(()) => Ok(value),
        Err(error) => Err(Wrong { path: String::new(), error }),
    })
}

/// Names of newtypes that mean something to `serde_json` alone begin so.
const PRIVATE: &str = "$serde_json::private::";

/// A deserializer that takes what stands for a value as well as the value.
struct Lenient<D>(D);

/// The visitor of the one who asks, with what is offered instead of what it expects turned into that.
struct As<V> {
    visitor: V,
    what: What,
}

/// What is expected.
#[derive(Clone, Copy)]
enum What {
    Flag,
    Number,
    Text,
    List,
    Object,
    /// Nothing in particular: what is inside is read leniently.
    Inside,
}

macro_rules! expecting {
    ($what:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_any(As { visitor, what: What::$what })
        })*
    };
}

macro_rules! forward {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Lenient<D> {
    type Error = D::Error;

    expecting!(Flag: deserialize_bool);
    expecting!(Number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64);
    expecting!(Text: deserialize_str deserialize_string);
    expecting!(List: deserialize_seq);
    expecting!(Object: deserialize_map);
    forward!(deserialize_any deserialize_char deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier deserialize_ignored_any deserialize_i128 deserialize_u128);

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(As { visitor, what: What::Object })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(As { visitor, what: What::Inside })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        match name.starts_with(PRIVATE) {
            true => self.0.deserialize_newtype_struct(name, visitor),
            false => self.0.deserialize_newtype_struct(name, As { visitor, what: What::Inside }),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }
}

fn flag_of(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" | "" => Some(false),
        word if word.eq_ignore_ascii_case("true") => Some(true),
        word if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

impl<V> As<V> {
    /// The visitor itself for a value that stands alone, which is neither a list nor an object.
    fn plain<'de, E: Error>(self, value: Unexpected<'_>) -> Result<V, E>
    where
        V: Visitor<'de>,
    {
        match self.what {
            What::List | What::Object => Err(E::invalid_type(value, &self)),
            _ => Ok(self.visitor),
        }
    }

    /// `None`: a text says nothing about what is expected.
    fn text<'de, E: Error>(self, text: &str) -> Result<Result<V::Value, E>, V>
    where
        V: Visitor<'de>,
    {
        let visitor = self.visitor;
        match self.what {
            What::Flag => match flag_of(text) {
                Some(flag) => Ok(visitor.visit_bool(flag)),
                None => Err(visitor),
            },
            What::Number => {
                match (text.trim().parse::<i64>(), text.trim().parse::<u64>(), text.trim().parse::<f64>()) {
                    (Ok(number), _, _) => Ok(visitor.visit_i64(number)),
                    (_, Ok(number), _) => Ok(visitor.visit_u64(number)),
                    (_, _, Ok(number)) if number.is_finite() => Ok(visitor.visit_f64(number)),
                    _ => Err(visitor),
                }
            }
            What::List => {
                let pieces = text.split(',').map(str::trim).filter(|piece| !piece.is_empty());
                let pieces = pieces.map(|piece| Lenient(piece.into_deserializer()));
                Ok(visitor.visit_seq(SeqDeserializer::<_, E>::new(pieces)))
            }
            What::Text | What::Object | What::Inside => Err(visitor),
        }
    }
}

impl<'de, D: Deserializer<'de>> IntoDeserializer<'de, D::Error> for Lenient<D> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for As<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::List => formatter.write_str("a list"),
            What::Object => formatter.write_str("an object"),
            _ => self.visitor.expecting(formatter),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.plain(Unexpected::Bool(value))?.visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        match (self.what, value) {
            (What::Flag, 0 | 1) => self.visitor.visit_bool(value == 1),
            (What::Text, _) => self.visitor.visit_string(value.to_string()),
            _ => self.plain(Unexpected::Signed(value))?.visit_i64(value),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        match (self.what, value) {
            (What::Flag, 0 | 1) => self.visitor.visit_bool(value == 1),
            (What::Text, _) => self.visitor.visit_string(value.to_string()),
            _ => self.plain(Unexpected::Unsigned(value))?.visit_u64(value),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.plain(Unexpected::Float(value))?.visit_f64(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        let what = self.what;
        match self.text(value) {
            Ok(answer) => answer,
            Err(visitor) => As { visitor, what }.plain(Unexpected::Str(value))?.visit_str(value),
        }
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<V::Value, E> {
        match self.what {
            // By far the most: no copy.
            What::Text => self.visitor.visit_borrowed_str(value),
            _ => self.visit_str(value),
        }
    }

    fn visit_string<E: Error>(self, value: String) -> Result<V::Value, E> {
        match self.what {
            What::Text => self.visitor.visit_string(value),
            _ => self.visit_str(&value),
        }
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Lenient(value))
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        match self.what {
            What::Flag => self.visitor.visit_bool(false),
            What::List => self.visitor.visit_seq(SeqDeserializer::<_, E>::new(std::iter::empty::<()>())),
            What::Object => self.visitor.visit_map(nothing()),
            _ => self.visitor.visit_unit(),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Lenient(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<V::Value, A::Error> {
        if !matches!(self.what, What::Object) {
            return self.visitor.visit_seq(Items::of(items));
        }
        // By its place in an array no field is meant.
        match items.next_element::<serde::de::IgnoredAny>()? {
            None => self.visitor.visit_map(nothing()),
            Some(_) => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        match self.what {
            What::List => self.visitor.visit_seq(Numbered(Items::of(items))),
            _ => self.visitor.visit_map(Items::of(items)),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(data)
    }
}

fn nothing<'de, E: Error>() -> MapDeserializer<'de, std::iter::Empty<(&'de str, &'de str)>, E> {
    MapDeserializer::new(std::iter::empty())
}

/// What is inside, each read leniently.
struct Items<A> {
    items: A,
    /// How many were asked for.
    asked: usize,
}

impl<A> Items<A> {
    fn of(items: A) -> Items<A> {
        Items { items, asked: 0 }
    }

    /// Leaves a trail where the one asked for last is not taken.
    fn noted<T, E>(&self, taken: Result<T, E>) -> Result<T, E> {
        if taken.is_err() {
            trail::note(self.asked - 1);
        }
        taken
    }
}

/// The seed of the one who asks, given a lenient deserializer.
struct Inner<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Inner<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Lenient(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.asked += 1;
        let taken = self.items.next_element_seed(Inner(seed));
        self.noted(taken)
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Items<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.asked += 1;
        let taken = self.items.next_key_seed(seed);
        self.noted(taken)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let taken = self.items.next_value_seed(Inner(seed));
        self.noted(taken)
    }
}

/// An object that stands for a list: its keys are numbers.
struct Numbered<A>(Items<A>);

impl<'de, A: MapAccess<'de>> SeqAccess<'de> for Numbered<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let Some(key) = self.0.next_key::<std::borrow::Cow<'de, str>>()? else {
            return Ok(None);
        };
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(A::Error::invalid_type(Unexpected::Map, &"a list"));
        }
        self.0.next_value_seed(seed).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::value::RawValue;

    #[derive(Deserialize, Debug, Default)]
    #[serde(default)]
    struct Body {
        flag: bool,
        maybe: Option<bool>,
        text: Option<String>,
        number: Option<i64>,
        list: Vec<String>,
        members: Option<Inner>,
        raw: Option<Box<RawValue>>,
    }

    #[derive(Deserialize, Debug, Default)]
    #[serde(default)]
    struct Inner {
        uids: Option<Vec<String>>,
    }

    fn read(text: &str) -> Result<Body, String> {
        super::read(text.as_bytes()).map_err(|wrong| format!("{}: {}", wrong.path, wrong.error))
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (given, place) in [
            (r#"{"flag": 2}"#, "flag"),
            (r#"{"flag": 1, "members": {"uids": ["a", {}]}}"#, "members.uids[1]"),
            (r#"{"list": {"0": "a", "3": []}, "flag": 1}"#, "list.3"),
            (r#"{"raw": {"x": [1, {}]}, "\u006eumber" : "x" }"#, "number"),
            (r#"{"members": {"uids": 7}}"#, "members.uids"),
            (r#"{"members": 7}"#, "members"),
            ("7", ""),
        ] {
            let told = read(given).unwrap_err();
            assert_eq!(told.split(": ").next(), Some(place), "{given}: {told}");
        }
        // One that was told before says nothing about the next.
        assert!(read("{}").is_ok() && read("[1]").unwrap_err().starts_with(": "));
    }

    #[test]
    fn flags_come_as_words_and_numbers() {
        for (given, expected) in [
            ("true", true),
            ("false", false),
            ("1", true),
            ("0", false),
            (r#""1""#, true),
            (r#""True""#, true),
            (r#""false""#, false),
            (r#""""#, false),
            ("null", false),
        ] {
            assert_eq!(read(&format!(r#"{{"flag": {given}}}"#)).unwrap().flag, expected, "{given}");
        }
        assert_eq!(read(r#"{"maybe": null}"#).unwrap().maybe, None);
        assert_eq!(read(r#"{"maybe": "0"}"#).unwrap().maybe, Some(false));
        for wrong in ["2", r#""yes please""#, "[]", "{}"] {
            assert!(read(&format!(r#"{{"flag": {wrong}}}"#)).unwrap_err().contains("a boolean"), "{wrong}");
        }
    }

    #[test]
    fn numbers_and_texts_stand_for_one_another() {
        assert_eq!(read(r#"{"text": 42}"#).unwrap().text.as_deref(), Some("42"));
        assert_eq!(read(r#"{"text": "42"}"#).unwrap().text.as_deref(), Some("42"));
        assert_eq!(read(r#"{"number": "42"}"#).unwrap().number, Some(42));
        assert!(read(r#"{"number": "x"}"#).unwrap_err().contains("number"));
        assert!(read(r#"{"text": true}"#).unwrap_err().contains("a string"));
        assert!(read(r#"{"text": ["a"]}"#).unwrap_err().contains("a string"));
        assert!(read(r#"{"text": 1.5}"#).unwrap_err().contains("a string"));
    }

    #[test]
    fn lists_come_as_texts_and_as_objects_with_numbers() {
        for given in [r#"["a","7"]"#, r#"["a",7]"#, r#""a, 7""#, r#"{"0":"a","2":7}"#] {
            assert_eq!(read(&format!(r#"{{"list": {given}}}"#)).unwrap().list, ["a", "7"], "{given}");
        }
        for given in ["null", r#""""#, "[]", "{}"] {
            assert!(read(&format!(r#"{{"list": {given}}}"#)).unwrap().list.is_empty(), "{given}");
        }
        let inner = read(r#"{"members": {"uids": "a,b"}}"#).unwrap().members.unwrap();
        assert_eq!(inner.uids.unwrap(), ["a", "b"]);
        assert!(read(r#"{"list": {"a": "b"}}"#).unwrap_err().contains("a list"));
    }

    #[test]
    fn objects_come_as_empty_lists_and_never_by_place() {
        assert!(read(r#"{"members": []}"#).unwrap().members.unwrap().uids.is_none());
        assert!(!read("null").unwrap().flag);
        for wrong in [r#"[true, true]"#, r#""x""#, "7"] {
            assert!(read(wrong).unwrap_err().contains("an object"), "{wrong}");
        }
    }

    #[test]
    fn raw_json_stays_as_it_is() {
        assert_eq!(
            read(r#"{"raw": {"n": 1, "t": "1", "b": "true"}}"#).unwrap().raw.unwrap().get(),
            r#"{"n": 1, "t": "1", "b": "true"}"#
        );
        assert_eq!(read(r#"{"raw": 7}"#).unwrap().raw.unwrap().get(), "7");
    }
}

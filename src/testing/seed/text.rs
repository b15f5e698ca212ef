//! A seed as it was written: JSON or YAML, as a value of which it is known on which line each part stands.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// Parts in one text, those that an alias repeats counted each time.
const MOST: usize = 2_000_000;
const DEEPEST: usize = 100;

/// A text that was read.
#[derive(Debug, Default)]
pub struct Text {
    pub value: Value,
    /// The line of each part, by its path.
    lines: BTreeMap<String, usize>,
    /// How numbers were written, where that says more than their value: `007`.
    written: BTreeMap<String, String>,
}

/// What is wrong, and on which line.
type Unread = (usize, String);

/// The path of an entry below another.
pub fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Text {
    /// Reads it. `Err`: line and what is wrong.
    pub fn read(text: &str, is_json: bool) -> Result<Text, Unread> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if is_json { Text::of_json(text) } else { Yaml::read(text) }
    }

    /// The path of this part, if it stands there, or the nearest around it.
    pub fn nearest<'p>(&self, path: &'p str) -> &'p str {
        let mut path = path;
        while !self.lines.contains_key(path) {
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
            if path.is_empty() {
                break;
            }
        }
        path
    }

    /// The line on which this part stands, or the nearest around it.
    pub fn line(&self, path: &str) -> usize {
        self.lines.get(self.nearest(path)).copied().unwrap_or(1)
    }

    /// The part as a text. A number that stands where a text belongs, such as an id, is what was written.
    pub fn text_of(&self, path: &str, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(self.written.get(path).cloned().unwrap_or_else(|| number.to_string())),
            _ => None,
        }
    }

    fn of_json(text: &str) -> Result<Text, Unread> {
        let root: &RawValue = serde_json::from_str(text).map_err(|error| {
            let sentence = error.to_string();
            let sentence = sentence.split(" at line ").next().unwrap_or_default().to_owned();
            (error.line().max(1), sentence)
        })?;
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        let mut json = Json { whole: text, ends, lines: BTreeMap::new(), written: BTreeMap::new() };
        let value = json.part(root, "", 0)?;
        Ok(Text { value, lines: json.lines, written: json.written })
    }
}

struct Json<'t> {
    whole: &'t str,
    /// Where its lines end, in bytes.
    ends: Vec<usize>,
    lines: BTreeMap<String, usize>,
    written: BTreeMap<String, String>,
}

impl<'t> Json<'t> {
    fn part(&mut self, raw: &'t RawValue, path: &str, depth: usize) -> Result<Value, Unread> {
        let at = raw.get().as_ptr() as usize - self.whole.as_ptr() as usize;
        let line = 1 + self.ends.partition_point(|end| *end < at);
        self.lines.insert(path.to_owned(), line);
        if depth > DEEPEST {
            return Err((line, format!("a seed is at most {DEEPEST} deep")));
        }
        // It is known to be JSON: nothing but its form is looked at, and what is no JSON for others.
        let unread = |error: serde_json::Error| (line, error.to_string());
        Ok(match Inside::deserialize(raw).map_err(unread)? {
            Inside::Object(fields) => {
                let mut object = Map::new();
                for (key, raw) in fields {
                    let path = below(path, &key);
                    let value = self.part(raw, &path, depth + 1)?;
                    if object.contains_key(&key) {
                        return Err((self.lines[&path], format!("{key} stands here a second time")));
                    }
                    object.insert(key, value);
                }
                Value::Object(object)
            }
            Inside::List(items) => {
                let items = items.into_iter().enumerate();
                let items = items.map(|(number, raw)| self.part(raw, &format!("{path}[{number}]"), depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Inside::Plain => {
                let value: Value = serde_json::from_str(raw.get()).map_err(unread)?;
                if is_lost(&value, raw.get()) {
                    self.written.insert(path.to_owned(), raw.get().to_owned());
                }
                value
            }
        })
    }
}

/// Whether a number does not say how it was written.
fn is_lost(value: &Value, written: &str) -> bool {
    let Value::Number(number) = value else { return false };
    let plain = number.to_string();
    plain != written
}

/// A level of some JSON.
enum Inside<'t> {
    Object(Vec<(String, &'t RawValue)>),
    List(Vec<&'t RawValue>),
    Plain,
}

impl<'t> Deserialize<'t> for Inside<'t> {
    fn deserialize<D: Deserializer<'t>>(input: D) -> Result<Self, D::Error> {
        struct Level;
        impl<'t> Visitor<'t> for Level {
            type Value = Inside<'t>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Inside<'t>, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Inside::Object(fields))
            }

            fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<Inside<'t>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Inside::List(items))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Inside<'t>, E> {
                Ok(Inside::Plain)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Inside<'t>, E> {
                Ok(Inside::Plain)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Inside<'t>, E> {
                Ok(Inside::Plain)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Inside<'t>, E> {
                Ok(Inside::Plain)
            }

            fn visit_str<E>(self, _: &str) -> Result<Inside<'t>, E> {
                Ok(Inside::Plain)
            }

            fn visit_unit<E>(self) -> Result<Inside<'t>, E> {
                Ok(Inside::Plain)
            }
        }
        input.deserialize_any(Level)
    }
}

type Next<'t> = (Event<'t>, usize);

struct Yaml<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    lines: BTreeMap<String, usize>,
    written: BTreeMap<String, String>,
    /// What stands at an anchor, by its number.
    anchors: BTreeMap<usize, (Value, usize)>,
    parts: usize,
    /// The line that was read last.
    line: usize,
}

impl<'t> Yaml<'t> {
    fn read(text: &'t str) -> Result<Text, Unread> {
        let mut yaml = Yaml {
            parser: Parser::new_from_str(text),
            lines: BTreeMap::new(),
            written: BTreeMap::new(),
            anchors: BTreeMap::new(),
            parts: 0,
            line: 1,
        };
        let mut value = None;
        loop {
            match yaml.next()? {
                (Event::StreamEnd, _) => break,
                (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
                (_, line) if value.is_some() => return Err((line, "a second document begins here".to_owned())),
                next => value = Some(yaml.part(next, "", 0)?),
            }
        }
        Ok(Text { value: value.unwrap_or(Value::Null), lines: yaml.lines, written: yaml.written })
    }

    fn next(&mut self) -> Result<Next<'t>, Unread> {
        match self.parser.next() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok((event, self.line))
            }
            Some(Err(error)) => Err((error.marker().line(), error.info().to_owned())),
            None => Ok((Event::StreamEnd, self.line)),
        }
    }

    fn count(&mut self, parts: usize, depth: usize, line: usize) -> Result<(), Unread> {
        self.parts = self.parts.saturating_add(parts);
        match self.parts > MOST || depth > DEEPEST {
            true => Err((line, format!("a seed has at most {MOST} parts, {DEEPEST} deep"))),
            false => Ok(()),
        }
    }

    fn part(&mut self, (event, line): Next<'t>, path: &str, depth: usize) -> Result<Value, Unread> {
        self.count(1, depth, line)?;
        self.lines.insert(path.to_owned(), line);
        let before = self.parts;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = scalar(&text, style);
                if is_lost(&value, &text) {
                    self.written.insert(path.to_owned(), text.into_owned());
                }
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        next => {
                            let path = format!("{path}[{}]", items.len());
                            items.push(self.part(next, &path, depth + 1)?);
                        }
                    }
                }
                (Value::Array(items), anchor)
            }
            Event::MappingStart(anchor, _) => {
                let mut fields = Map::new();
                loop {
                    let (key, line) = match self.next()? {
                        (Event::MappingEnd, _) => break,
                        (Event::Scalar(text, ..), line) => (text.into_owned(), line),
                        (_, line) => return Err((line, "a key must be a plain word".to_owned())),
                    };
                    if fields.contains_key(&key) {
                        return Err((line, format!("{key} stands here a second time")));
                    }
                    let path = below(path, &key);
                    let next = self.next()?;
                    let value = self.part(next, &path, depth + 1)?;
                    // Where its key stands, not what may begin on a later line.
                    self.lines.insert(path, line);
                    fields.insert(key, value);
                }
                (Value::Object(fields), anchor)
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let (value, parts) = known.ok_or_else(|| (line, "what this refers to is not there yet".to_owned()))?;
                self.count(parts, depth, line)?;
                (value, 0)
            }
            _ => return Err((line, "this is no value".to_owned())),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), self.parts - before + 1));
        }
        Ok(value)
    }
}

/// By the core schema of YAML 1.2: `yes` and `no` are words.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let is_number = text.strip_prefix(['-', '+']).unwrap_or(text).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let fits = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if is_number && fits {
        if let Ok(number) = text.parse::<i64>() {
            return Value::Number(number.into());
        }
        if let Some(number) = text.parse().ok().and_then(Number::from_f64) {
            return Value::Number(number);
        }
    }
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const YAML: &str = "
users:
  - uid: ann   # first
    tags: [a, 'b']
  - {uid: bob, name: \"Bob\\n\"}
more: &it
  n: 1
  f: -1.5
  date: 2026-01-01
  none: ~
  text: |
    two
    lines
again: *it
";

    #[test]
    fn both_ways_of_writing_it_are_read_with_their_lines() {
        let text = Text::read(YAML, false).unwrap();
        let more = json!({"n": 1, "f": -1.5, "date": "2026-01-01", "none": null, "text": "two\nlines\n"});
        let users = json!([{"uid": "ann", "tags": ["a", "b"]}, {"uid": "bob", "name": "Bob\n"}]);
        assert_eq!(text.value, json!({"users": users, "more": more, "again": more}));
        let lines =
            ["users", "users[0].uid", "users[0].tags[1]", "users[1].name", "more.text", "again", "users[1].x.y"];
        assert_eq!(lines.map(|path| text.line(path)), [2, 3, 4, 5, 11, 14, 5]);
        let text = Text::read("{\n \"users\": [\n  {\"uid\":\n\"ann\"}, 7\n]}", true).unwrap();
        assert_eq!(text.value, json!({"users": [{"uid": "ann"}, 7]}));
        for (text, is_json) in
            [("a: [007, 1.10, +49, 12345678901234567890, 5, '1.0', x]", false), ("{\"a\": [1.10, 5]}", true)]
        {
            let read = Text::read(text, is_json).unwrap();
            let items = read.value["a"].as_array().unwrap().iter().enumerate();
            let texts = items.map(|(at, item)| read.text_of(&format!("a[{at}]"), item).unwrap());
            assert!(
                texts.eq(text
                    .trim_matches(['{', '}'])
                    .split(['[', ']'])
                    .nth(1)
                    .unwrap()
                    .split(", ")
                    .map(|t| t.trim_matches('\''))),
                "{text}"
            );
        }
        assert_eq!(["users", "users[0]", "users[0].uid", "users[1]"].map(|path| text.line(path)), [2, 3, 4, 4]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, is_json, line) in [
            ("{\n \"a\": }", true, 2),
            ("a: 1\na: 2\n", false, 2),
            ("{\"a\": 1,\n\"a\": 2}", true, 2),
            ("a: [1,\nb: }", false, 2),
            ("a: 1\n---\nb: 2\n", false, 3),
            ("a: *b\n", false, 1),
        ] {
            let (found, why) = Text::read(text, is_json).map(drop).unwrap_err();
            assert_eq!(found, line, "{text}: {why}");
        }
        // A few lines that would be billions of parts.
        let mut bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for n in 1..20 {
            let refs = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{refs}]\n"));
        }
        assert!(Text::read(&bomb, false).unwrap_err().1.contains("parts"));
        assert!(Text::read(&"[".repeat(5000), false).is_err());
        assert_eq!(Text::read("", false).unwrap().value, Value::Null);
    }
}

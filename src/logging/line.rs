//! A line of the log, for people or for machines: whatever it tells, it stays one line.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::Record;
use log::kv::{self, Key, Value, VisitSource, VisitValue};
use serde_json::{Map, Value as Json};

use crate::model::time::iso;
use crate::watch::request::RequestId;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `[2026-11-28T13:00:00.123Z INFO hobnob::server] stopped`, and what belongs to it as `name=value` behind.
    #[default]
    Text,
    /// An object a line, with the same as `time`, `level`, `target`, `message` and a field for each value.
    Json,
}

impl Format {
    /// `text` or `json`.
    pub fn parse(text: &str) -> Result<Format, String> {
        match text {
            "text" => Ok(Format::Text),
            "json" => Ok(Format::Json),
            _ => Err("expected text or json".to_owned()),
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Format::Text => "text",
            Format::Json => "json",
        })
    }
}

/// The line, with its end.
pub fn render(format: Format, record: &Record<'_>, request: Option<&RequestId>, now: SystemTime) -> String {
    let time = stamp(now);
    let mut fields = Fields(Map::new());
    if let Some(id) = request {
        fields.0.insert("request".to_owned(), id.to_string().into());
    }
    // What cannot be read is left out; the line is worth more than its fields.
    let _ = record.key_values().visit(&mut fields);
    let message = record.args().to_string();
    match format {
        Format::Text => {
            let mut line = format!("[{time} {:<5} {}] ", record.level(), record.target());
            escape(&mut line, &message);
            for (name, value) in &fields.0 {
                let _ = write!(line, " {name}=");
                match value {
                    Json::String(text) if is_plain(text) => line.push_str(text),
                    other => _ = write!(line, "{other}"),
                }
            }
            line.push('\n');
            line
        }
        Format::Json => {
            let mut object = Map::new();
            object.insert("time".to_owned(), time.into());
            object.insert("level".to_owned(), record.level().as_str().to_ascii_lowercase().into());
            object.insert("target".to_owned(), record.target().into());
            object.insert("message".to_owned(), message.into());
            for (name, value) in fields.0 {
                object.entry(name).or_insert(value);
            }
            let mut line = json_line(&Json::Object(object).to_string());
            line.push('\n');
            line
        }
    }
}

fn stamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = iso(since.as_secs() as i64);
    format!("{}.{:03}Z", seconds.trim_end_matches(".000Z"), since.subsec_millis())
}

/// Whether a character moves others on a terminal: what controls it, ends lines, or turns the direction of writing.
pub fn moves(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON in which nothing moves a terminal: such characters stand in strings alone, where they may be escaped.
pub fn json_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        match moves(c) {
            // All of them are in the first plane.
            true => _ = write!(line, "\\u{:04x}", u32::from(c)),
            false => line.push(c),
        }
    }
    line
}

/// Without what would end the line, move the cursor of a terminal or turn the writing round.
fn escape(line: &mut String, text: &str) {
    for c in text.chars() {
        match moves(c) {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
}

/// The same as a text of its own.
pub fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    escape(&mut line, text);
    line
}

/// Whether a value needs no quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '"' && c != '=')
}

struct Fields(Map<String, Json>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let mut one = One(Json::Null);
        value.visit(&mut one)?;
        if !one.0.is_null() {
            self.0.insert(key.to_string(), one.0);
        }
        Ok(())
    }
}

struct One(Json);

impl VisitValue<'_> for One {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        self.0 = value.to_string().into();
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.0 = value.into();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of everything that could go wrong with one.
    fn line(format: Format) -> String {
        let pairs: &[(&str, Value<'_>)] = &[
            ("status", Value::from(200u16)),
            ("seconds", Value::from(0.25)),
            ("uid", Value::from("ann lee\n")),
            ("nobody", Value::null()),
            ("message", Value::from("not this one")),
        ];
        let id = RequestId::parse("r-1");
        let now = UNIX_EPOCH + Duration::from_millis(1_710_504_000_042);
        let level = log::Level::Info;
        let build = |arguments: std::fmt::Arguments<'_>| {
            let record = Record::builder().level(level).target("t").args(arguments).key_values(&pairs).build();
            render(format, &record, id.as_ref(), now)
        };
        build(format_args!("one\n\x1b[31mtwo"))
    }

    #[test]
    fn a_line_is_one_line_for_people() {
        let expected = "[2024-03-15T12:00:00.042Z INFO  t] one\\n\\u{1b}[31mtwo request=r-1 status=200 seconds=0.25 \
                        uid=\"ann lee\\n\" message=\"not this one\"\n";
        assert_eq!(line(Format::Text), expected);
    }

    #[test]
    fn a_line_is_one_object_for_machines() {
        let text = line(Format::Json);
        assert_eq!(text.matches('\n').count(), 1);
        let object: Json = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "time": "2024-03-15T12:00:00.042Z", "level": "info", "target": "t", "message": "one\n\u{1b}[31mtwo",
            "request": "r-1", "status": 200, "seconds": 0.25, "uid": "ann lee\n",
        });
        assert_eq!(object, expected);
    }
}

//! A settings file (TOML): its keys with their values as text, and the line each stands in.
//!
//! What a value must be is the setting's to say (`super`); here only what the file itself can get wrong is refused. Each
//! error names file, line and key, because whoever reads it has an editor open, not the source.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What kind a value was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Switch,
}

impl Kind {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "a text in quotes",
            Kind::Number => "a whole number",
            Kind::Switch => "true or false",
        }
    }
}

/// One value, and where it stands.
#[derive(Clone, Debug)]
pub struct Value {
    pub text: String,
    pub kind: Kind,
    /// From 1.
    pub line: usize,
}

/// What a key was given.
#[derive(Clone, Debug)]
pub enum Given {
    One(Value),
    List(Vec<Value>),
    /// The names and values of a table.
    Table(Vec<(String, Value)>),
}

/// A key of the file.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    /// From 1.
    pub line: usize,
    pub given: Given,
}

/// A settings file that was read.
#[derive(Clone, Debug)]
pub struct File {
    pub path: PathBuf,
    pub entries: Vec<Entry>,
}

impl File {
    /// Reads it. `Err`: one sentence that names the file, and the line if there is one.
    pub fn read(path: &Path) -> Result<File, String> {
        let text = text(path).map_err(|e| format!("cannot read the settings in {}: {e}", path.display()))?;
        File::parse(path, &text)
    }

    /// The same of `text`; `path` is what errors call it.
    pub fn parse(path: &Path, text: &str) -> Result<File, String> {
        let at = |offset: usize| line_of(text, offset);
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| at(span.start));
            format!("{}:{line}: this is not TOML: {}", path.display(), error.message())
        })?;
        let mut entries = Vec::new();
        for (key, value) in table.into_inner() {
            let line = at(key.span().start);
            let key = key.into_inner().into_owned();
            let given = given(value, &at).map_err(|why| format!("{}:{line}: {key}: {why}", path.display()))?;
            entries.push(Entry { key, line, given });
        }
        entries.sort_by_key(|entry| entry.line);
        Ok(File { path: path.to_owned(), entries })
    }

    /// The start of an error about something in `line`.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

/// Bytes of a file of settings, or of one with a secret: more is something else.
const MOST: u64 = 1 << 20;

/// What is in a small file. It need not be one on disk (shells and supervisors hand secrets over by pipes), so how long it
/// is shows only when it is read.
pub fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MOST {
        true => Err(io::Error::other(format!("it is larger than {MOST} bytes"))),
        false => Ok(text),
    }
}

/// The line, from 1, that holds a byte of a text.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

fn given(value: Spanned<DeValue<'_>>, at: &impl Fn(usize) -> usize) -> Result<Given, String> {
    let start = value.span().start;
    match value.into_inner() {
        DeValue::Array(list) => {
            Ok(Given::List(list.into_iter().map(|value| single(value, at)).collect::<Result<_, _>>()?))
        }
        DeValue::Table(table) => {
            let rows = table.into_iter().map(|(name, value)| {
                let value = single(value, at).map_err(|why| format!("{}: {why}", name.get_ref()))?;
                Ok((name.into_inner().into_owned(), value))
            });
            let mut rows = rows.collect::<Result<Vec<_>, String>>()?;
            rows.sort_by_key(|(_, value): &(String, Value)| value.line);
            Ok(Given::Table(rows))
        }
        other => Ok(Given::One(plain(other, at(start))?)),
    }
}

fn single(value: Spanned<DeValue<'_>>, at: &impl Fn(usize) -> usize) -> Result<Value, String> {
    let start = value.span().start;
    plain(value.into_inner(), at(start))
}

fn plain(value: DeValue<'_>, line: usize) -> Result<Value, String> {
    let (text, kind) = match value {
        DeValue::String(text) => (text.into_owned(), Kind::Text),
        DeValue::Boolean(is) => (is.to_string(), Kind::Switch),
        // Settings are written in tens; other radices would have to be converted, and nobody needs them.
        DeValue::Integer(number) if number.radix() == 10 => (number.as_str().replace('_', ""), Kind::Number),
        DeValue::Integer(_) => return Err("expected a number in decimal digits".to_owned()),
        DeValue::Float(number) => return Err(format!("expected a whole number, found {}", number.as_str())),
        DeValue::Datetime(time) => return Err(format!("{time} is a time, and no setting is one: put it in quotes")),
        DeValue::Array(_) => return Err("found a list in a list".to_owned()),
        DeValue::Table(_) => return Err("found a table where a value is expected".to_owned()),
    };
    Ok(Value { text, kind, line })
}

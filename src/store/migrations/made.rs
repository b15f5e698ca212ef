//! What Hobnob makes in a database, by its statements: what is there besides, and what is not.

use rusqlite::{Connection, OptionalExtension};

use super::{SCHEMA, STEPS};
use crate::model::error::{Code, Error, Result};

/// What runs by itself in a database of this schema and is not of Hobnob's making: triggers, views, tables of SQLite's
/// modules. What it is (as `DROP` calls it), and its name. `Err`: something bears a name of ours and is another thing.
pub fn strange(connection: &Connection, schema: i64) -> Result<Vec<(String, String)>> {
    let made: Vec<&str> = statements(SCHEMA).into_iter().filter_map(made_by).collect();
    // A step makes it anew.
    let later = |kind: &str, name: &str| {
        let steps = STEPS.iter().skip(usize::try_from(schema - 1).unwrap_or(0));
        let begins = format!("CREATE {kind} {name} ");
        steps.flat_map(|step| statements(step)).filter_map(made_by).any(|made| made.starts_with(&begins))
    };
    let mut listed = connection.prepare(
        "SELECT upper(type), name, sql FROM sqlite_schema
         WHERE type IN ('trigger', 'view') OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%')",
    )?;
    let rows = listed.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?)))?;
    let mut strange = Vec::new();
    for row in rows {
        let (kind, name, sql): (String, String, _) = row?;
        if made.contains(&sql.unwrap_or_default().trim_end()) || later(&kind, &name) {
            continue;
        }
        if made.iter().any(|made| made.starts_with(&format!("CREATE {kind} {name} "))) {
            let sentence = format!("the {} {name:?} in it is not the one that Hobnob makes", kind.to_ascii_lowercase());
            return Err(Error::new(Code::BadRequest, sentence));
        }
        strange.push((kind, name));
    }
    Ok(strange)
}

/// What a database of the current schema should have and has not, or has as another thing, as `index messages_by_time`:
/// tables, and the indexes and triggers on them.
pub fn missing(connection: &Connection) -> Result<Vec<String>> {
    let mut find = connection.prepare("SELECT sql FROM sqlite_schema WHERE type = ?1 AND name = ?2")?;
    let mut missing = Vec::new();
    for made in statements(SCHEMA).into_iter().filter_map(made_by) {
        let said = words(made);
        let mut rest = said.split(' ').skip(1).skip_while(|word| ["UNIQUE", "VIRTUAL"].contains(word));
        let (Some(kind), Some(name)) = (rest.next(), rest.next()) else { continue };
        let kind = kind.to_ascii_lowercase();
        let there: Option<String> = find.query_row([&*kind, name], |row| row.get(0)).optional()?;
        // A table that was changed on the way keeps how it was changed.
        if !there.is_some_and(|there| kind == "table" || words(&there) == said) {
            missing.push(format!("{kind} {name}"));
        }
    }
    Ok(missing)
}

/// A statement in its words, whatever its lines, quotes and comments.
pub(super) fn words(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join(" ").replace(['"', '`'], "");
    let spaced: String =
        text.chars().flat_map(|c| if "(),=<>".contains(c) { vec![' ', c, ' '] } else { vec![c] }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A statement as SQLite keeps it: without the comments before and the sign behind it.
fn made_by(statement: &str) -> Option<&str> {
    let statement = &statement[statement.find("CREATE ")?..];
    Some(statement.trim_end().trim_end_matches(';'))
}

/// The statements of a step, each with the comments before it: one ends with its line, a trigger with `END;`.
pub(super) fn statements(sql: &str) -> Vec<&str> {
    let (mut all, mut start, mut at, mut in_trigger) = (Vec::new(), 0, 0, false);
    for line in sql.split_inclusive('\n') {
        at += line.len();
        let code = line.split("--").next().unwrap_or_default().trim();
        in_trigger |= code.starts_with("CREATE TRIGGER");
        let ends = if in_trigger { code == "END;" || code.ends_with("; END;") } else { code.ends_with(';') };
        if ends {
            all.push(&sql[start..at]);
            (start, in_trigger) = (at, false);
        }
    }
    if !sql[start..].trim().is_empty() {
        all.push(&sql[start..]);
    }
    all
}

//! People and groups by the words of their names.
//!
//! `name_words` holds every word of every name and uid (guid), folded as messages are (`model::words`); triggers keep it,
//! so no way of making or renaming somebody can forget it. A search goes in by its rarest word, which is one range of
//! the primary key, and the SQL function `is_named` looks at what comes out for the rest. In lists that are small by
//! themselves (members, friends …) the function alone is enough.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::Read;
use super::query::Query;
use crate::model::error::Result;
use crate::model::words::{Question, of_name, tokens};

/// What is searched for among names.
pub(super) struct Search {
    /// For `is_named`; `None`: whoever is found by `range` fits.
    pub key: Option<String>,
    /// Words from the first up to before the second; `None`: no word is asked for, so every name is looked at.
    pub range: Option<(String, String)>,
}

impl Search {
    /// Of an app's names of these kinds (`name_words.kind`).
    pub fn parse(read: &Read<'_>, app: i64, kinds: [i64; 2], text: &str) -> Result<Self> {
        let Some(question) = Question::parse(text) else {
            return Ok(Search { key: Some(text.to_owned()), range: None });
        };
        let key = (!question.is_single()).then(|| text.to_owned());
        Ok(Search { key, range: Some(rarest(read, app, kinds, &question)?) })
    }
}

/// Names that a word is counted in at most: of two that more have, either is as good.
const COUNTED: i64 = 2_000;
/// Words of a search that are looked at.
const LOOKED: usize = 8;

/// From and to which word the fewest names are that have it.
fn rarest(read: &Read<'_>, app: i64, kinds: [i64; 2], question: &Question) -> Result<(String, String)> {
    // No character is greater, and none of a name is this one.
    let range = |word: &str| (word.to_owned(), format!("{word}\u{10FFFF}"));
    let tokens = question.tokens();
    let mut best = range(tokens.first().copied().unwrap_or_default());
    if tokens.len() < 2 {
        return Ok(best);
    }
    let mut least = COUNTED;
    for token in tokens.into_iter().take(LOOKED) {
        let (first, end) = range(token);
        let sql = "SELECT count(*) FROM (SELECT 1 FROM name_words WHERE app = ?1 AND kind IN (?2, ?3) AND word >= ?4
                                            AND word < ?5 LIMIT ?6)";
        let many = read.number(sql, params![app, kinds[0], kinds[1], first, end, least])?;
        if many < least {
            (least, best) = (many, (first, end));
        }
    }
    Ok(best)
}

/// A key as it is looked for in names.
struct Key {
    text: String,
    question: Option<Question>,
}

impl Key {
    /// Whether the words of these names together hold it. What has no words is the beginning of a name, as it stands.
    fn fits<'n>(&self, names: impl Iterator<Item = &'n str>) -> bool {
        match &self.question {
            Some(question) => {
                let mut words = String::new();
                names.for_each(|name| words.push_str(&of_name(name)));
                question.found_in(&words)
            }
            None => names.into_iter().any(|name| name.to_lowercase().starts_with(&self.text)),
        }
    }
}

/// The SQL functions `is_named(key, name…)`, whether the key is found in these names, and `name_words(name)`, the words
/// of a name as a JSON list.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    // Triggers use them, so they must count as harmless in a schema that is not trusted.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("is_named", -1, flags, |context| {
        let key = context.get_or_create_aux(0, |value| -> rusqlite::Result<Key, std::convert::Infallible> {
            let text = match value {
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            };
            Ok(Key { question: Question::parse(&text), text: text.to_lowercase() })
        })?;
        let names = (1..context.len()).filter_map(|at| context.get_raw(at).as_str().ok());
        Ok(key.fits(names))
    })?;
    connection.create_scalar_function("name_words", 1, flags, |context| {
        let folded = of_name(context.get_raw(0).as_str().unwrap_or_default());
        Ok(serde_json::to_string(&tokens(&folded)).unwrap_or_default())
    })
}

/// Where a search begins: `table` (with its alias) entered by words of the app's names, of those kinds that are asked for.
pub(super) fn entered(
    query: &mut Query<'_>,
    table: &str,
    kinds: [(bool, i64); 2],
    app: i64,
    (first, end): (String, String),
) -> String {
    let alias = table.rsplit(' ').next().unwrap_or(table);
    let kinds = kinds.map(|(asked, kind)| if asked { kind.to_string() } else { "NULL".to_owned() });
    let [app, first, end] = [query.bound("?", app), query.bound("?", first), query.bound("?", end)];
    format!(
        "(SELECT DISTINCT nw.id FROM name_words nw WHERE nw.app = {app} AND nw.kind IN ({})
              AND nw.word >= {first} AND nw.word < {end}) k CROSS JOIN {table} ON {alias}.id = k.id",
        kinds.join(", ")
    )
}

/// The condition that those columns that are asked for hold the key, which is `?`.
pub(super) fn named(columns: [(bool, &str); 2]) -> String {
    let asked: Vec<&str> = columns.iter().filter(|(asked, _)| *asked).map(|(_, column)| *column).collect();
    match asked.is_empty() {
        true => "is_named(?, NULL)".to_owned(),
        false => format!("is_named(?, {})", asked.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Clock;
    use crate::store::{Hooks, Store};

    #[tokio::test]
    async fn a_search_goes_in_by_its_rarest_word() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("t.db"), 2, 16, Hooks::alone(Clock::fixed(1))).unwrap();
        let fill = |tx: &mut crate::store::Write<'_>| {
            let many = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
                        INSERT INTO name_words SELECT 1, 0, 'person', n FROM n UNION ALL SELECT 1, 0, n, n FROM n";
            tx.run(many, [])
        };
        store.write("t", fill).await.unwrap();
        let entered = |text: &'static str| {
            let parse = move |read: &Read<'_>| Search::parse(read, 1, [0, 1], text);
            let (store, first) = (store.clone(), |search: Search| search.range.unwrap().0);
            async move { first(store.read(parse).await.unwrap()) }
        };
        assert_eq!(entered("Person 4999").await, "4999");
        assert_eq!(entered("4 Person").await, "4", "a thousand against five");
        assert_eq!(entered("Person Nobody").await, "nobody");
        assert_eq!(entered("Person").await, "person");
        store.close();
    }
}

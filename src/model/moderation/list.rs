//! Lists of words or patterns that rules refer to.

use std::collections::HashSet;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::ask::Place;
use super::patterns::Patterns;
use super::rule::{Category, MOST_DESCRIPTION, MOST_ID};
use crate::model::error::{Error, Result};
use crate::model::user::check_length;

/// Bytes of a list as it is sent (contract), and how many words or patterns it may hold.
pub const MOST_BYTES: usize = 1024 * 1024;
const MOST_WORDS: usize = 50_000;
const MOST_PATTERNS: usize = 500;
/// Characters of a word and of a pattern.
const MOST_WORD: usize = 100;
const MOST_PATTERN: usize = 1000;

/// A list as it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KeywordList)]
pub struct Keywords {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub category: Category,
    /// It came as a file.
    #[serde(rename = "isCSV")]
    pub is_csv: bool,
    pub search_terms: Vec<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub revision_id: String,
    pub active: bool,
    /// It came with the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Of the category custom-api: the engine that is asked. Its password is never shown.
    #[serde(flatten, serialize_with = "shown")]
    #[schema(value_type = PlaceShown<'static>)]
    pub place: Option<Place>,
}

/// An engine as it is shown; of other lists nothing.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PlaceShown<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basic_auth_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'p str>,
}

fn shown<S: Serializer>(place: &Option<Place>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let shown = place.as_ref().map(|place| PlaceShown {
        url: Some(&place.url),
        basic_auth_enabled: Some(place.basic_auth),
        username: Some(&place.username),
    });
    shown.unwrap_or_default().serialize(serializer)
}

/// A list that may be kept.
#[derive(Clone, Debug)]
pub struct Draft {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub category: Category,
    pub is_csv: bool,
    pub terms: Vec<String>,
    /// Of the category custom-api, and of no other.
    pub place: Option<Place>,
}

impl Draft {
    /// `plain`: an engine may be reached without TLS, wherever it is.
    pub fn check(&self, plain: bool) -> Result<()> {
        is_id(&self.id)?;
        if self.name.trim().is_empty() {
            return Err(Error::field("name", "The name field is required."));
        }
        check_length("name", &self.name, MOST_ID)?;
        check_length("description", self.description.as_deref().unwrap_or_default(), MOST_DESCRIPTION)?;
        match (self.category, &self.place) {
            (Category::CustomApi, Some(place)) => place.check(plain),
            (Category::CustomApi, None) => Err(Error::field("url", "The url field is required.")),
            (_, None) => check_terms("searchTerms", self.category, &self.terms),
            (_, Some(_)) => Err(Error::field("url", "A url is only for lists of the category custom-api.")),
        }
    }
}

/// An id of a rule or a list.
pub fn is_id(id: &str) -> Result<()> {
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
        return Err(Error::field("id", "The id must hold letters, digits, hyphens and underscores."));
    }
    check_length("id", id, MOST_ID)
}

/// The words of a text in which commas, semicolons, tabs or lines part them, or its patterns, one a line. What stands in quotes is one of
/// them, as tables write it; a mark of the byte order before all is none.
pub fn terms_of(category: Category, text: &str) -> Vec<String> {
    let parts = |c: char| matches!(c, '\n' | '\r') || (category == Category::Word && matches!(c, ',' | ';' | '\t'));
    let (mut terms, mut seen) = (Vec::new(), HashSet::new());
    let mut rest = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    while !rest.is_empty() {
        let quoted = rest.trim_start_matches(' ').strip_prefix('"').and_then(quoted);
        let ends = |after: &str| after.trim_start_matches(' ').chars().next().is_none_or(parts);
        let (term, after) = match quoted.filter(|(_, after)| ends(after)) {
            Some(found) => found,
            None => {
                let end = rest.find(parts).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        let term = term.trim();
        if !term.is_empty() && seen.insert(term.to_owned()) {
            terms.push(term.to_owned());
        }
        rest = after.trim_start_matches(' ');
        rest = rest.strip_prefix(parts).unwrap_or(rest);
    }
    terms
}

/// What stands up to the quote that closes it (two are one that does not), and what is behind that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut term, mut rest) = (String::new(), text);
    loop {
        let (before, behind) = rest.split_once('"')?;
        term.push_str(before);
        match behind.strip_prefix('"') {
            None => return Some((term, behind)),
            Some(more) => {
                term.push('"');
                rest = more;
            }
        }
    }
}

/// Whether all of these can be looked for.
pub fn check_terms(field: &'static str, category: Category, terms: &[String]) -> Result<()> {
    let (most, longest) = match category {
        Category::Word => (MOST_WORDS, MOST_WORD),
        Category::Pattern => (MOST_PATTERNS, MOST_PATTERN),
        // An engine has no terms.
        Category::CustomApi => return Ok(()),
    };
    if terms.is_empty() {
        return Err(Error::field(field, format!("The {field} field is required.")));
    }
    if terms.len() > most {
        return Err(Error::field(field, format!("The {field} may be {most} at most.")));
    }
    if let Some(long) = terms.iter().find(|term| term.chars().count() > longest) {
        let start: String = long.chars().take(20).collect();
        return Err(Error::field(field, format!("What begins with {start:?} is longer than {longest} characters.")));
    }
    match category {
        Category::CustomApi => Ok(()),
        Category::Word => match terms.iter().find(|term| super::said::phrase(term).is_empty()) {
            Some(empty) => Err(Error::field(field, format!("There is no word in {empty:?}."))),
            None => Ok(()),
        },
        Category::Pattern => {
            let compiled = Patterns::compile(terms);
            compiled.map(|_| ()).map_err(|why| Error::field(field, format!("A pattern cannot be used: {why}.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_parted_by_what_they_hold() {
        assert_eq!(terms_of(Category::Word, "a, \"b\"\nc c,,a\r\n"), ["a", "b", "c c"]);
        assert_eq!(terms_of(Category::Pattern, "a{1,3}\n\nb|c\n"), ["a{1,3}", "b|c"]);
        // As programs for tables write it.
        let table = "\u{FEFF}darn;heck\r\n\"oh, no\",\"she said \"\"hell\"\"\" ,x\"y, \"z\r\nlast\tone\r\n";
        let words = ["darn", "heck", "oh, no", "she said \"hell\"", "x\"y", "\"z", "last", "one"];
        assert_eq!(terms_of(Category::Word, table), words);
        assert_eq!(terms_of(Category::Pattern, "\"a{1,3};\"\r\n\"b\"\"c\"\n\"d\"e\n"), ["a{1,3};", "b\"c", "\"d\"e"]);
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        let words = |terms: &[&str]| {
            check_terms("searchTerms", Category::Word, &terms.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>())
        };
        assert!(words(&["a", "坏"]).is_ok());
        assert!(words(&[]).is_err() && words(&["!?"]).is_err() && words(&["x".repeat(101).as_str()]).is_err());
        let pattern = |text: &str| check_terms("searchTerms", Category::Pattern, &[text.to_owned()]);
        assert!(pattern(r"\d+@\w+").is_ok());
        assert!(pattern("(").is_err() && pattern(r"(a)\1").is_err());
        assert!(pattern(r"(\w{1000}){1000}").is_err(), "it would take too much memory");
    }
}

//! The query of a request, read as clients of all kinds write it.

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::model::error::{Error, Result};
use crate::model::ids::shown;
use crate::model::page::Range;

/// The query of a request. Values are decoded; a stray `%` stands for itself.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Some clients encode a search text once more on every further page: decode until nothing changes.
    pub fn search(&self, name: &str) -> Option<String> {
        let mut text = self.get(name)?.to_owned();
        for _ in 0..8 {
            let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
            if decoded == text {
                break;
            }
            text = decoded;
        }
        Some(text)
    }

    /// Refuses lists of more than `most` values. A text that is searched for may have its commas.
    pub fn check(&self, most: usize) -> Result<()> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (key, value) in &self.0 {
            let name = unnumbered(key).unwrap_or(key);
            if matches!(name, "searchKey" | "searchKeyword" | "text") {
                continue;
            }
            let count = counts.entry(name).or_default();
            *count += value.split(',').count();
            if *count > most {
                return Err(Error::field(shown(name), format!("The {} may hold at most {most} values.", shown(name))));
            }
        }
        Ok(())
    }

    /// `1` and `true` are true; anything else is not.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true" | "TRUE" | "True"))
    }

    /// A list: comma-separated, repeated, as `name[]` or as `name[0]`.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(key, _)| key == name || unnumbered(key) == Some(name));
        let pieces = values.flat_map(|(_, value)| value.split(','));
        pieces.map(str::trim).filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
    }

    /// What stands under either of two names.
    pub fn either(&self, one: &str, other: &str) -> Vec<String> {
        let mut values = self.list(other);
        values.extend(self.list(one));
        values
    }

    /// What a number is to lie within: `name[from]`, `name[to]`, `name[gt]`, `name[gte]`, `name[lt]`, `name[lte]`,
    /// `name[eq]`, each a whole number. All that are given must hold.
    pub fn range(&self, name: &str) -> Result<Range> {
        let mut range = Range::default();
        for (word, least, most) in [
            ("from", Some(0), None),
            ("to", None, Some(0)),
            ("gte", Some(0), None),
            ("gt", Some(1), None),
            ("lte", None, Some(0)),
            ("lt", None, Some(-1)),
            ("eq", Some(0), Some(0)),
        ] {
            if let Some(number) = self.int(&format!("{name}[{word}]"))? {
                let end = |by: Option<i64>| by.map(|by| number.saturating_add(by));
                range = range.and(Range { from: end(least), to: end(most) });
            }
        }
        Ok(range)
    }

    pub fn int(&self, name: &str) -> Result<Option<i64>> {
        self.get(name)
            .map(|text| text.parse().map_err(|_| Error::field(name, format!("The {name} must be a whole number."))))
            .transpose()
    }
}

/// `name` of `name[]` and `name[0]`: an element of a list.
fn unnumbered(key: &str) -> Option<&str> {
    let (name, number) = key.strip_suffix(']')?.rsplit_once('[')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(name)
}

fn decode(text: &str) -> String {
    let text = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_forgiving() {
        let query = Query::parse("a=x%20y&tags=a,b&tags=c&n[]=1&bad=%zz%&searchKey=%2520hi&flag=1&empty=");
        assert_eq!(query.get("a"), Some("x y"));
        assert_eq!(query.list("tags"), ["a", "b", "c"]);
        assert_eq!(query.list("n"), ["1"]);
        assert_eq!(Query::parse("u[0]=a&u%5B1%5D=b&u[x]=c&u[0][1]=d&v[0]=e").list("u"), ["a", "b"]);
        assert_eq!(query.get("bad"), Some("%zz%"));
        assert_eq!(query.search("searchKey").as_deref(), Some(" hi"));
        assert!(query.flag("flag") && !query.flag("empty"));
        assert!(query.int("a").is_err());
    }

    #[test]
    fn ranges_stand_in_brackets() {
        let range = |text: &str| Query::parse(text).range("n").unwrap();
        let of = |from, to| Range { from, to };
        assert_eq!(range("n=1&m[eq]=2&n[what]=3&n[from]="), Range::default());
        assert_eq!(range("n[from]=3&n[to]=9"), of(Some(3), Some(9)));
        assert_eq!(range("n%5Bgt%5D=3&n%5blt%5d=9"), of(Some(4), Some(8)));
        assert_eq!(range("n[gte]=3&n[gt]=1&n[lte]=9"), of(Some(3), Some(9)));
        assert_eq!(range("n[eq]=0"), of(Some(0), Some(0)));
        assert_eq!(range(&format!("n[gt]={}", i64::MAX)), of(Some(i64::MAX), None));
        assert!(Query::parse("n[eq]=many").range("n").is_err());
    }
}

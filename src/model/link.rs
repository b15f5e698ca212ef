//! Links in messages, and what is shown of the pages they lead to.

use serde::{Deserialize, Serialize};

/// Longest link that is looked at, in bytes.
const LONGEST: usize = 2000;

/// The first link of a text, as it stands there.
pub fn first(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(at) = text[from..].find("http").map(|at| from + at) {
        let link = whole(&text[at..]);
        from = at + 4;
        let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
        // Something must be there that could be a host, and nothing before it that makes it a part of something else.
        let begins = text[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
        if begins
            && link.len() <= LONGEST
            && rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '['))
        {
            return Some(link);
        }
    }
    None
}

/// From here to where the link ends: a space, a quote or a bracket; without the punctuation of the sentence around it.
fn whole(text: &str) -> &str {
    let end = text
        .find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`' | '|' | '\\' | '^'));
    let mut link = &text[..end.unwrap_or(text.len())];
    loop {
        let cut = link.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '…', '。', '，']);
        let cut = match cut.strip_suffix([')', ']', '}']) {
            // One that was opened within belongs to it.
            Some(inner) if !inner.contains(['(', '[', '{']) => inner,
            _ => cut,
        };
        if cut.len() == link.len() {
            return link;
        }
        link = cut;
    }
}

/// What a page says of itself. Texts are empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The link as it stands in the message.
    pub url: String,
    pub title: String,
    pub description: String,
    /// The address of a picture.
    pub image: String,
    /// That of the site's own small one.
    pub favicon: String,
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn links_end_where_the_sentence_goes_on() {
        for (text, link) in [
            ("see https://a.example/x?y=1#z.", "https://a.example/x?y=1#z"),
            ("(http://a.example/b)", "http://a.example/b"),
            ("https://a.example/wiki/X_(y) and", "https://a.example/wiki/X_(y)"),
            ("\"https://a.example\", he said", "https://a.example"),
            ("http http:// https://b.example!", "https://b.example"),
            ("two: http://a.example http://b.example", "http://a.example"),
            ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ] {
            assert_eq!(first(text), Some(link), "{text}");
        }
        for text in ["", "http", "a http:///x", "ftp://a.example", "xhttp://a.example", "https:// a"] {
            assert_eq!(first(text), None, "{text}");
        }
        assert_eq!(first(&format!("http://a.example/{}", "x".repeat(3000))), None);
    }
}

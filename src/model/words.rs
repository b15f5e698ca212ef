//! Words to search by: text folded into tokens, and a question in the same tokens.
//!
//! The index and the look at messages that are not in it yet must agree on every input, so both rest on this one
//! folding: case and Latin accents do not count, a token is a run of letters and digits, and scripts written without
//! spaces give one token a character (as do emoji), which makes a search in them a search for a sequence.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::json::Object;

/// Longest token kept, in bytes: beyond it words are told apart no more.
const LONGEST: usize = 60;

/// Most words of a question that count.
const MOST_WORDS: usize = 12;

/// Folded text: tokens between spaces, and a line for each run of tokens that stood together.
#[derive(Default)]
struct Folded {
    text: String,
    /// Bytes of the token being written.
    length: usize,
}

impl Folded {
    fn close(&mut self, with: char) {
        self.length = 0;
        match self.text.pop() {
            // The stronger of two ends stays.
            Some(last @ (' ' | '\n')) => self.text.push(if last == '\n' { last } else { with }),
            Some(last) => self.text.extend([last, with]),
            None => {}
        }
    }

    fn add(&mut self, text: &str) {
        if text.is_ascii() {
            text.chars().for_each(|c| self.put(c));
        } else {
            text.nfkd().for_each(|c| self.put(c));
        }
        self.close('\n');
    }

    fn put(&mut self, c: char) {
        match c {
            _ if c.is_ascii_alphanumeric() => self.letter(c.to_ascii_lowercase()),
            _ if c.is_ascii() => self.close('\n'),
            // Accents, joiners and skin colours make no difference.
            '\u{300}'..='\u{36F}' | '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' => {}
            _ if is_combining_mark(c) => self.letter(c),
            _ if stands_alone(c) => {
                self.close(' ');
                self.length = c.len_utf8();
                self.text.push(c);
            }
            _ if c.is_alphanumeric() => c.to_lowercase().for_each(|c| self.letter(c)),
            _ => self.close('\n'),
        }
    }

    fn letter(&mut self, c: char) {
        // After a character that is a token of its own only its marks go on.
        if !is_combining_mark(c) && self.text.chars().next_back().is_some_and(stands_alone) {
            self.close(' ');
        }
        if self.length + c.len_utf8() <= LONGEST {
            self.length += c.len_utf8();
            self.text.push(c);
        }
    }
}

/// Scripts without spaces between words, and emoji.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}'
        | '\u{2190}'..='\u{23FF}' | '\u{2460}'..='\u{27BF}' | '\u{2900}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}')
        && !is_combining_mark(c)
}

/// The words of a message: its text and the names of its files. Empty: nothing to find it by.
pub fn of_message(data: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(default)]
        name: Option<String>,
    }
    let mut folded = Folded::default();
    let Some(data) = Object::parse(data) else { return folded.text };
    for key in ["text", "caption"] {
        if let Some(text) = data.read::<String>(key) {
            folded.add(&text);
        }
    }
    for file in data.read::<Vec<Named>>("attachments").unwrap_or_default() {
        folded.add(file.name.as_deref().unwrap_or_default());
    }
    folded.text
}

/// What is asked for: words that must all occur, each as the beginning of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question(Vec<Vec<String>>);

impl Question {
    /// `None`: there is no word in the text, so nothing can be found by it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut folded = Folded::default();
        folded.add(text);
        let words: Vec<Vec<String>> = folded
            .text
            .lines()
            .map(|line| line.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect::<Vec<_>>())
            .filter(|tokens| !tokens.is_empty())
            .take(MOST_WORDS)
            .collect();
        (!words.is_empty()).then_some(Question(words))
    }

    /// In the index's language. Tokens hold no quotes, so none can break out.
    pub fn expression(&self) -> String {
        self.with_endings(|last| last)
    }

    /// A wider question, in which no beginning of a word is longer than `most` characters; `None`: it is the same.
    pub fn widened(&self, most: usize) -> Option<String> {
        let widened = self.with_endings(|last| last.char_indices().nth(most).map_or(last, |(end, _)| &last[..end]));
        (widened != self.expression()).then_some(widened)
    }

    fn with_endings<'q>(&'q self, ending: impl Fn(&'q str) -> &'q str) -> String {
        let phrases = self.0.iter().filter_map(|tokens| tokens.split_last()).map(|(last, rest)| {
            let tokens: Vec<&str> = rest.iter().map(String::as_str).chain([ending(last)]).collect();
            format!("\"{}\" *", tokens.join(" "))
        });
        phrases.collect::<Vec<_>>().join(" AND ")
    }

    /// Whether folded text holds it.
    pub fn found_in(&self, words: &str) -> bool {
        let tokens: Vec<&str> = words.split([' ', '\n']).filter(|token| !token.is_empty()).collect();
        self.0.iter().all(|asked| {
            let (last, rest) = (asked.len() - 1, &asked[..asked.len() - 1]);
            tokens.windows(asked.len()).any(|here| {
                here[last].starts_with(asked[last].as_str()) && here.iter().zip(rest).all(|(token, word)| token == word)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &str, asked: &str) -> bool {
        let data = serde_json::json!({ "text": text }).to_string();
        Question::parse(asked).is_some_and(|question| question.found_in(&of_message(&data)))
    }

    #[test]
    fn words_are_folded() {
        assert!(finds("Crème brûlée, CAFÉ!", "creme cafe"));
        assert!(finds("Привет, Мир", "мир"));
        assert!(finds("hello world", "wor hel") && !finds("hello world", "orld"));
        assert!(finds("file-name_v2.pdf", "name v2") && !finds("", "a"));
        assert!(finds("今天天气很好", "天气") && !finds("今天天气很好", "气天"));
        assert!(finds("ship it 🚀🚀", "🚀") && finds("a👍🏽b", "👍") && finds("abc天气", "abc天"));
    }

    #[test]
    fn odd_questions_are_no_errors() {
        for text in ["", " ", "\"", "' OR 1", "(", "*", "a AND", "NEAR(", "-x", "^", "words:", "\u{E000}1", "%", "\0"] {
            if let Some(question) = Question::parse(text) {
                assert_eq!(question.expression().matches('"').count() % 2, 0, "{text}");
            }
        }
        assert_eq!(Question::parse("!?"), None);
        assert_eq!(Question::parse("\u{E000}"), None);
    }

    #[test]
    fn files_are_found_by_name() {
        let words = of_message(r#"{"attachments":[{"name":"Holiday Plan.pdf"},{}],"text":null}"#);
        assert_eq!(words, "holiday\nplan\npdf\n");
    }
}

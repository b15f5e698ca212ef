//! Words to search by: text folded into tokens, and a question in the same tokens.
//!
//! The index and the look at messages that are not in it yet must agree on every input, so both rest on this one
//! folding, as do the names of people and groups: case, width and marks do not count (accents, Arabic and Hebrew points,
//! the forms of alef, strokes through letters), a token is a run of letters and digits, and scripts written without
//! spaces give one token a character (as do emoji), which makes a search in them a search for a sequence. Marks that are
//! vowels or change a consonant for another (in the scripts of India, kana) stay.
//!
//! Both indexes hold folded words: whoever changes the folding has them made anew by a step of the schema.

use std::collections::BTreeSet;

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
            _ if makes_no_difference(c) => {}
            _ if is_combining_mark(c) => self.letter(c),
            _ if stands_alone(c) => {
                self.close(' ');
                self.length = c.len_utf8();
                self.text.push(c);
            }
            _ if c.is_alphanumeric() => {
                for c in c.to_lowercase().filter(|c| !makes_no_difference(*c)) {
                    match spelt(c) {
                        "" => self.letter(c),
                        plain => plain.chars().for_each(|c| self.letter(c)),
                    }
                }
            }
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

/// Marks over and under letters, points, the stretch of Arabic, joiners, skin colours.
fn makes_no_difference(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}' | '\u{0483}'..='\u{0489}'
        // Hebrew.
        | '\u{0591}'..='\u{05BD}' | '\u{05BF}' | '\u{05C1}' | '\u{05C2}' | '\u{05C4}' | '\u{05C5}' | '\u{05C7}'
        // Arabic, Syriac, Thaana stays: its marks are its vowels.
        | '\u{0610}'..='\u{061A}' | '\u{0640}' | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{06D6}'..='\u{06DC}'
        | '\u{06DF}'..='\u{06E4}' | '\u{06E7}' | '\u{06E8}' | '\u{06EA}'..='\u{06ED}' | '\u{08D3}'..='\u{08FF}'
        | '\u{0711}' | '\u{0730}'..='\u{074A}'
        // The dot under letters of India that tells borrowed sounds.
        | '\u{093C}' | '\u{09BC}' | '\u{0A3C}' | '\u{0ABC}' | '\u{0B3C}' | '\u{0CBC}'
        // Direction, joiners, variants, skin colours, the soft hyphen.
        | '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' | '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}')
}

/// How a small letter is spelt without what decomposition leaves on it; empty: as it is.
fn spelt(c: char) -> &'static str {
    match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ø' | 'ɵ' => "o",
        'ł' | 'ƚ' | 'ɫ' => "l",
        'đ' | 'ð' | 'ɖ' | 'ɗ' => "d",
        'ħ' => "h",
        'ŧ' | 'ⱦ' | 'ʈ' => "t",
        'ı' | 'ɨ' => "i",
        'ŋ' | 'ɲ' => "n",
        'ƀ' | 'ɓ' => "b",
        'ȼ' | 'ƈ' => "c",
        'ɇ' => "e",
        'ƒ' => "f",
        'ǥ' | 'ɠ' => "g",
        'ɉ' => "j",
        'ƙ' => "k",
        'ɍ' => "r",
        'ʉ' => "u",
        'ⱥ' => "a",
        'ƴ' | 'ɏ' => "y",
        'ƶ' => "z",
        'ς' => "σ",
        // Alef with a wasla; ya without dots, and that of Persian; ta marbuta and the round forms of ha; kaf of Persian.
        'ٱ' => "ا",
        'ى' | 'ی' | 'ے' => "ي",
        'ة' | 'ہ' | 'ە' | 'ھ' => "ه",
        'ک' => "ك",
        '٠' | '۰' | '०' => "0",
        '١' | '۱' | '१' => "1",
        '٢' | '۲' | '२' => "2",
        '٣' | '۳' | '३' => "3",
        '٤' | '۴' | '४' => "4",
        '٥' | '۵' | '५' => "5",
        '٦' | '۶' | '६' => "6",
        '٧' | '۷' | '७' => "7",
        '٨' | '۸' | '८' => "8",
        '٩' | '۹' | '९' => "9",
        _ => "",
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

/// A name's words: tokens between spaces and lines.
pub fn of_name(name: &str) -> String {
    let mut folded = Folded::default();
    folded.add(name);
    folded.text
}

/// The tokens of folded text, each once.
pub fn tokens(folded: &str) -> BTreeSet<&str> {
    folded.split([' ', '\n']).filter(|token| !token.is_empty()).collect()
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

    /// Its tokens, the longest first: whatever holds all words has one that begins so, for each of them.
    pub fn tokens(&self) -> Vec<&str> {
        let mut tokens: Vec<&str> = self.0.iter().flatten().map(String::as_str).collect();
        tokens.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        tokens.dedup();
        tokens
    }

    /// Whether it asks for one token and nothing else.
    pub fn is_single(&self) -> bool {
        matches!(self.0.as_slice(), [only] if only.len() == 1)
    }

    /// Its words as questions of their own.
    pub fn parts(&self) -> impl Iterator<Item = Question> + '_ {
        self.0.iter().map(|word| Question(vec![word.clone()]))
    }

    /// Text that asks the same.
    pub fn text(&self) -> String {
        self.0.iter().map(|tokens| tokens.concat()).collect::<Vec<_>>().join(" ")
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

    /// Pairs that are one word in every script, and pairs that are not.
    #[test]
    fn marks_and_case_make_no_difference_in_any_script() {
        for (text, asked) in [
            ("Élodie", "elodie"),
            ("ÅNGSTRÖM", "angstrom"),
            ("Straße", "strasse"),
            ("STRASSE", "straße"),
            ("Łódź", "lodz"),
            ("Søren Kierkegård", "soren kierkegard"),
            ("Đorđe", "dorde"),
            ("Æsop œuvre", "aesop oeuvre"),
            ("İSTANBUL", "istanbul"),
            ("ISPARTA ısı", "isi"),
            ("Þór", "thor"),
            ("ＦＵＬＬ　ｗｉｄｔｈ１２", "full width12"),
            ("ﬁnal", "final"),
            ("Ольга", "ОЛЬГА"),
            ("Ёлка", "елка"),
            ("ΟΔΥΣΣΕΎΣ", "οδυσσευς"),
            ("Οδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
            ("مُحَمَّد", "محمد"),
            ("محمـــد", "محمد"),
            ("أحمد إبراهيم آدم ٱلله", "احمد ابراهيم ادم الله"),
            ("فاطمة", "فاطمه"),
            ("علی", "علي"),
            ("مصطفى", "مصطفي"),
            ("١٢٣", "123"),
            ("שָׁלוֹם", "שלום"),
            ("क़लम", "कलम"),
            ("한국어", "한국"),
            ("e\u{301}te\u{301}", "été"),
            ("zero\u{200B}width", "zerowidth"),
        ] {
            assert!(finds(text, asked), "{text} by {asked}");
        }
        for (text, asked) in [("किताब", "कताब"), ("か", "が"), ("ολα", "ολη"), ("שלום", "שלח"), ("rot", "röter")]
        {
            assert!(!finds(text, asked), "{text} by {asked}");
        }
    }

    /// Of any text, any beginning of any of its words finds it, however it is written.
    #[test]
    fn every_beginning_of_a_word_finds_it() {
        let alphabet: Vec<char> = "aZß ø\u{301}Łİ ςΣ.-_ أىًـשׁ क़ 天气が한🚀'\"%\0９ﬁé".chars().collect();
        let mut seed = 88_172_645_463_325_252_u64;
        for _ in 0..3_000 {
            let text: String = (0..12)
                .map(|_| {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    alphabet[(seed % alphabet.len() as u64) as usize]
                })
                .collect();
            let folded = of_name(&text);
            assert_eq!(of_name(&folded), folded.replace(' ', "\n"), "folding twice: {text:?}");
            for token in tokens(&folded) {
                for (end, _) in token.char_indices().skip(1).chain([(token.len(), ' ')]) {
                    let question = Question::parse(&token[..end]).expect("a word");
                    assert!(question.found_in(&folded), "{text:?} by {:?}", &token[..end]);
                }
            }
            if let Some(question) = Question::parse(&text.to_uppercase()) {
                assert!(question.found_in(&folded), "{text:?} in capitals");
            }
        }
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

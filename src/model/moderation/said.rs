//! What a message says, in the forms in which rules look at it.
//!
//! A text is looked at as it is written, and in its guises: without characters that nobody sees and with the usual ones for
//! those that only look another way (`plain`), and without marks of emphasis and with Latin letters for those of other
//! scripts that look like them (`bare`). Whoever writes a word so that people read it has written it.

use serde_json::Value;
use serde_json::value::RawValue;
use unicode_normalization::UnicodeNormalization;

use crate::model::json::Object;
use crate::model::words;

/// A text and its guises; the first is the text as it is written.
#[derive(Debug)]
pub struct Text {
    guises: Vec<String>,
    phrases: Option<Vec<String>>,
}

impl Text {
    pub fn new(text: String) -> Text {
        let mut guises = vec![text];
        if !is_bare(&guises[0]) {
            let plain = plain(&guises[0]);
            let bare = bare(&plain);
            for guise in [plain, bare] {
                if !guises.contains(&guise) {
                    guises.push(guise);
                }
            }
        }
        Text { guises, phrases: None }
    }

    pub fn guises(&self) -> &[String] {
        &self.guises
    }

    /// The words of each guise ([`phrase`]).
    pub fn phrases(&mut self) -> &[String] {
        let guises = &self.guises;
        self.phrases.get_or_insert_with(|| {
            let mut phrases: Vec<String> = Vec::new();
            for phrase in guises.iter().map(|guise| phrase(guise)) {
                if !phrases.contains(&phrase) {
                    phrases.push(phrase);
                }
            }
            phrases
        })
    }
}

/// Whether rules would look at the same in both: all that is looked at stands in these.
pub fn says_the_same(one: &Object, other: &Object) -> bool {
    let same = |key: &&str| one.get(key).map(RawValue::get) == other.get(key).map(RawValue::get);
    ["text", "caption", "url", "attachments", "customData", "interactiveData"].iter().all(same)
}

/// What a message says to people: its text, its caption, and the names of its files.
pub fn texts(data: &Object) -> Vec<Text> {
    #[derive(serde::Deserialize)]
    struct Named {
        name: Option<Value>,
    }
    let named = data.read::<Vec<Named>>("attachments").unwrap_or_default();
    let names = named.into_iter().filter_map(|file| file.name?.as_str().map(str::to_owned));
    let said = ["text", "caption"].into_iter().filter_map(|key| data.read::<String>(key));
    said.chain(names).filter(|text| !text.is_empty()).map(Text::new).collect()
}

/// What custom and interactive messages carry: every text in it, wherever it stands. Numbers are places and times.
pub fn carried(data: &Object) -> Vec<Text> {
    let mut texts = Vec::new();
    for value in ["customData", "interactiveData"].into_iter().filter_map(|key| data.read::<Value>(key)) {
        gather(value, &mut texts);
    }
    texts
}

fn gather(value: Value, texts: &mut Vec<Text>) {
    match value {
        Value::String(text) => texts.push(Text::new(text)),
        Value::Array(values) => values.into_iter().for_each(|value| gather(value, texts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                texts.push(Text::new(name));
                gather(value, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The words of a text, a space before, between and after them; empty: there are none.
pub fn phrase(text: &str) -> String {
    let folded = words::of_name(text);
    let mut phrase = String::with_capacity(folded.len() + 2);
    for token in folded.split([' ', '\n']).filter(|token| !token.is_empty()) {
        phrase.push(' ');
        phrase.push_str(token);
    }
    if !phrase.is_empty() {
        phrase.push(' ');
    }
    phrase
}

/// What a word of a list is looked for by: its phrase, and that of a word that looks like it.
pub fn phrases_of_word(word: &str) -> impl Iterator<Item = String> {
    let own = phrase(word);
    let looks = Some(word).filter(|word| !word.is_ascii()).map(|word| phrase(&latinised(word)));
    let looks = looks.filter(|looks| *looks != own);
    [Some(own), looks].into_iter().flatten().filter(|phrase| !phrase.is_empty())
}

/// Whether it is its only guise.
fn is_bare(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~') && !is_emphasis(b.into()))
}

/// Marks that clients show as another face of the letters beside them, within words as well.
fn is_emphasis(c: char) -> bool {
    matches!(c, '*' | '~' | '`')
}

/// Without what nobody sees; letters and digits that are another only by width or style are the usual ones.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !is_unseen(*c)).nfkc().map(|c| styled(c).unwrap_or(c)).collect()
}

/// Without emphasis, and with Latin letters for what looks like them, where that is no writing of its own.
fn bare(plain: &str) -> String {
    let text: String = plain.chars().filter(|c| !is_emphasis(*c)).collect();
    if text.is_ascii() {
        return text;
    }
    let has_latin = text.bytes().any(|b| b.is_ascii_alphabetic());
    if has_latin && !text.chars().any(|c| is_of_another(c) && latin(c).is_none()) {
        return latinised(&text);
    }
    // A word of letters of both.
    let words = text.split_inclusive(|c: char| !c.is_alphanumeric());
    words
        .map(|word| if word.bytes().any(|b| b.is_ascii_alphabetic()) { latinised(word) } else { word.to_owned() })
        .collect()
}

fn latinised(text: &str) -> String {
    text.chars().map(|c| latin(c).unwrap_or(c)).collect()
}

/// Of a script of which some letters look like Latin ones.
fn is_of_another(c: char) -> bool {
    matches!(c, '\u{0370}'..='\u{03FF}' | '\u{0400}'..='\u{058F}') && c.is_alphabetic()
}

/// Control characters but those that part lines and words, and what Unicode says is not shown (Default_Ignorable_Code_Point), or
/// only marks a place.
fn is_unseen(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' => false,
        _ if c.is_control() => true,
        _ => matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'),
    }
}

/// The letter of one in small capitals, or in a dark circle or square.
fn styled(c: char) -> Option<char> {
    const SMALL: [(char, char); 24] = [
        ('ᴀ', 'a'),
        ('ʙ', 'b'),
        ('ᴄ', 'c'),
        ('ᴅ', 'd'),
        ('ᴇ', 'e'),
        ('ꜰ', 'f'),
        ('ɢ', 'g'),
        ('ʜ', 'h'),
        ('ɪ', 'i'),
        ('ᴊ', 'j'),
        ('ᴋ', 'k'),
        ('ʟ', 'l'),
        ('ᴍ', 'm'),
        ('ɴ', 'n'),
        ('ᴏ', 'o'),
        ('ᴘ', 'p'),
        ('ʀ', 'r'),
        ('ꜱ', 's'),
        ('ᴛ', 't'),
        ('ᴜ', 'u'),
        ('ᴠ', 'v'),
        ('ᴡ', 'w'),
        ('ʏ', 'y'),
        ('ᴢ', 'z'),
    ];
    let of_row = |first: u32| char::from_u32(u32::from('a') + u32::from(c) - first);
    match c {
        '\u{1F150}'..='\u{1F169}' => of_row(0x1F150),
        '\u{1F170}'..='\u{1F189}' => of_row(0x1F170),
        _ => SMALL.iter().find(|(small, _)| *small == c).map(|(_, letter)| *letter),
    }
}

/// The Latin letter that a letter of another script looks like, by Unicode's table of confusable characters (UTS 39).
fn latin(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' | 'ɑ' => 'a',
        'А' | 'Α' => 'A',
        'в' | 'ь' | 'Ь' => 'b',
        'В' | 'Β' => 'B',
        'с' | 'ϲ' => 'c',
        'С' | 'Ϲ' => 'C',
        'ԁ' => 'd',
        'Ԁ' => 'D',
        'е' | 'ε' | 'є' | 'ҽ' => 'e',
        'Е' | 'Ε' | 'Є' => 'E',
        'ɡ' | 'ց' => 'g',
        'н' | 'һ' | 'հ' => 'h',
        'Н' | 'Η' | 'Һ' => 'H',
        'і' | 'ι' | 'ӏ' => 'i',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'ј' | 'ϳ' => 'j',
        'Ј' | 'Ϳ' => 'J',
        'к' | 'κ' => 'k',
        'К' | 'Κ' => 'K',
        'м' => 'm',
        'М' | 'Μ' => 'M',
        'η' | 'ո' => 'n',
        'Ν' => 'N',
        'о' | 'ο' | 'σ' | 'օ' => 'o',
        'О' | 'Ο' | 'Օ' => 'O',
        'р' | 'ρ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ԛ' | 'զ' => 'q',
        'Ԛ' => 'Q',
        'г' => 'r',
        'ѕ' => 's',
        'Ѕ' | 'Տ' => 'S',
        'т' | 'τ' => 't',
        'Т' | 'Τ' => 'T',
        'υ' | 'ս' => 'u',
        'Ս' => 'U',
        'ν' | 'ѵ' => 'v',
        'Ѵ' => 'V',
        'ԝ' | 'ѡ' => 'w',
        'Ԝ' => 'W',
        'х' | 'χ' => 'x',
        'Х' | 'Χ' => 'X',
        'у' | 'γ' | 'ү' => 'y',
        'У' | 'Υ' | 'Ү' => 'Y',
        'Ζ' => 'Z',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, word: &str) -> bool {
        let wanted: Vec<String> = phrases_of_word(word).collect();
        Text::new(text.to_owned())
            .phrases()
            .iter()
            .any(|phrase| wanted.iter().any(|word| phrase.contains(word.as_str())))
    }

    #[test]
    fn a_word_is_what_people_read() {
        for text in [
            "dаrn",
            "well, ԁаrn it",
            "DАRN",
            "ᴅᴀʀɴ",
            "🅳🅰🆁🅽",
            "da\u{2061}rn",
            "da\u{180E}rn",
            "da\u{3164}rn",
            "da\u{E0061}rn",
            "da\u{0}rn",
            "d\u{8}arn",
            "da**rn**",
            "d`a`rn",
            "darn",
            "Это dаrn",
        ] {
            assert!(reads(text, "darn"), "{text:?}");
        }
        // With Latin letters in it, or none.
        assert!(reads("какая cукa", "сука") && reads("сука", "сука") && reads("CУКА", "сука"));
        // What is written in another script is what it is there.
        assert!(!reads("открой рот", "pot") && !reads("рот", "pot") && reads("мой pоt", "pot"));
        assert!(!reads("da rn", "darn") && !reads("d4rn", "darn") && !reads("pen_is", "penis"));
    }

    #[test]
    fn all_that_is_said_is_looked_at() {
        let said = |data: Value| {
            let data = Object::parse(&data.to_string()).unwrap();
            let all = texts(&data).into_iter().chain(carried(&data));
            all.map(|text| text.guises()[0].clone()).collect::<Vec<_>>()
        };
        let files = serde_json::json!([{"name": "c.png"}, {"name": 5}, {}]);
        assert_eq!(
            said(serde_json::json!({"text": "a", "caption": "b", "attachments": files, "metadata": {"x": "y"}})),
            ["a", "b", "c.png"]
        );
        let custom = serde_json::json!({"k": ["v", {"l": "w"}, 5, 52.520006], "m": null});
        assert_eq!(said(serde_json::json!({"customData": custom})), ["k", "v", "l", "w", "m"]);
        let form = serde_json::json!({"title": "t"});
        assert_eq!(said(serde_json::json!({"text": null, "interactiveData": form})), ["title", "t"]);
    }
}

//! What counts as something to read: texts and names that show nothing are empty, and reactions that look the same are one.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Joins two emoji into one.
const JOINER: char = '\u{200D}';
/// What a decoder puts where there was no character.
const REPLACEMENT: char = '\u{FFFD}';
/// A flag is written as this and letters out of the tags, up to the last of them.
const BLACK_FLAG: char = '\u{1F3F4}';
const LAST_TAG: char = '\u{E007F}';

/// Characters that are drawn as nothing, of whichever kind Unicode says they are: controls, formats, fillers, selectors.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether there is nothing to read in it.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

/// A reaction as it is shown: composed, and without what is not seen and changes nothing.
pub fn reaction_form(reaction: &str) -> String {
    let flag = reaction.contains(BLACK_FLAG);
    let seen = |c: &char| {
        !is_invisible(*c) || c.is_whitespace() || c.is_control() || *c == JOINER || is_style(*c) || (flag && is_tag(*c))
    };
    reaction.chars().filter(seen).collect::<String>().trim().nfc().collect()
}

/// What a reaction is known by: its form without the sign that asks to draw an emoji in colours or as a letter.
pub fn reaction_key(reaction: &str) -> String {
    reaction_form(reaction).chars().filter(|c| !is_style(*c)).collect()
}

fn is_style(c: char) -> bool {
    matches!(c, '\u{FE0E}' | '\u{FE0F}')
}

fn is_tag(c: char) -> bool {
    ('\u{E0020}'..=LAST_TAG).contains(&c)
}

/// Whether clients can draw the reaction with this key: not empty, no controls, no halves of anything.
pub fn is_reaction(key: &str) -> bool {
    let mut letters = key.chars();
    let (Some(first), last) = (letters.next(), key.chars().next_back()) else { return false };
    let is_flag_letter = |c: &char| ('\u{1F1E6}'..='\u{1F1FF}').contains(c);
    let halves = key.split(|c| !is_flag_letter(&c)).any(|letters| letters.chars().count() % 2 != 0);
    let open = key.split(|c| !is_tag(c)).any(|tags| !tags.is_empty() && !tags.ends_with(LAST_TAG));
    let joined = key.contains("\u{200D}\u{200D}") || first == JOINER || last == Some(JOINER);
    let broken = |c: char| c.is_control() || c == REPLACEMENT || matches!(c as u32 & 0xFFFF, 0xFFFE | 0xFFFF);
    let whole = !(halves || open || joined || is_combining_mark(first));
    whole && !is_blank(key) && !key.chars().any(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in
            ["", " ", "\t\n", "\u{A0}", "\u{200B}", "\u{FEFF}\u{2060}", "\u{3164}", "\u{FE0F}", "\u{1}", "\u{2800}"]
        {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", "\u{200B}a", "👍", "❤\u{FE0F}", "。", "\u{E000}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn reactions_that_look_the_same_have_one_key() {
        for (one, other) in [
            ("❤\u{FE0F}", "❤"),
            ("1\u{FE0F}\u{20E3}", "1\u{20E3}"),
            ("caf\u{E9}", "cafe\u{301}"),
            (":ok:", " :ok:\u{200B}"),
            ("👩\u{200D}❤\u{FE0F}\u{200D}👩", "👩\u{200D}❤\u{200D}👩"),
        ] {
            assert_eq!(reaction_key(one), reaction_key(other), "{one} {other}");
            assert!(is_reaction(&reaction_key(one)), "{one}");
        }
        for (one, other) in [("👍", "👍🏽"), ("👩\u{200D}👩", "👩👩"), ("a", "A"), ("🇩🇪", "🇩🇰")]
        {
            assert_ne!(reaction_key(one), reaction_key(other), "{one} {other}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_no_reaction() {
        let scotland = "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}";
        for reaction in ["👍", "🇩🇪", scotland, ":smile:", "ok ok", "🏳\u{FE0F}\u{200D}🌈", "👍🏽"] {
            assert!(is_reaction(&reaction_key(reaction)), "{reaction:?}");
        }
        let half_a_flag = "🏴\u{E0067}\u{E0062}";
        for reaction in [
            "",
            " ",
            "\u{200D}",
            "\u{FE0F}",
            "\u{7}",
            "a\u{7}b",
            "\u{FFFD}",
            "👍\u{200D}",
            "\u{200D}👍",
            "🇩",
            "🇩🇪🇫",
            "\u{301}",
            "\u{20E3}",
            half_a_flag,
            "\u{E0067}",
            "👩\u{200D}\u{200D}👩",
            "\u{FFFE}",
        ] {
            assert!(!is_reaction(&reaction_key(reaction)), "{reaction:?}");
        }
    }
}

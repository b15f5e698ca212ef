//! Rules and lists that every app has, switched off until it wants them.

use super::list::Draft;
use super::rule::{Action, Category, Condition, Operand, Operator, Rule};

/// Coarse words of English: a beginning for a list of one's own.
const PROFANITY: &str = "arsehole, asshole, bastard, bitch, bollocks, bullshit, cunt, dickhead, fuck, fucked, fucker, fucking, \
    motherfucker, piss off, prick, shit, shitty, slut, twat, wanker, whore";

pub const PROFANITY_LIST: &str = "profanity-list";

/// An address of e-mail.
const EMAIL: &str = r"(?i)\b[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){0,5}\.[a-z]{2,24}\b";
/// Seven digits and more, as telephone numbers are written.
const TELEPHONE: &str = r"(?:\+|\b00)?\d(?:[ ().\-/]{0,2}\d){6,14}\b";

pub fn lists() -> [Draft; 1] {
    [Draft {
        place: None,
        id: PROFANITY_LIST.to_owned(),
        name: "Profanity".to_owned(),
        description: Some("Coarse words of English".to_owned()),
        category: Category::Word,
        is_csv: false,
        terms: super::list::terms_of(Category::Word, PROFANITY),
    }]
}

pub fn rules() -> [Rule; 3] {
    let looks = |id: i64, operand: Operand, category: Category, value: &str| Condition {
        id,
        entity: "message".to_owned(),
        operand,
        operator: Operator::Contains,
        category,
        is_keywords_reference_present: category == Category::Word,
        is_media_present: false,
        value: vec![value.to_owned()],
        message: Vec::new(),
    };
    let rule = |id: &str, name: &str, description: &str, category: Category, value: &str| Rule {
        id: id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        enabled: false,
        action: vec![Action::BlockMessage],
        filters: Vec::new(),
        conditions: vec![looks(1, Operand::Text, category, value), looks(2, Operand::Custom, category, value)],
    };
    [
        rule(
            "text-profanity-filter",
            "Profanity filter",
            "Blocks messages with words of the list profanity-list",
            Category::Word,
            PROFANITY_LIST,
        ),
        rule(
            "contact_details_filter",
            "Contact details filter",
            "Blocks messages with telephone numbers",
            Category::Pattern,
            TELEPHONE,
        ),
        rule("email_filter", "E-mail filter", "Blocks messages with e-mail addresses", Category::Pattern, EMAIL),
    ]
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn they_can_be_kept_and_find_what_they_say() {
        rules().into_iter().for_each(|mut rule| rule.check().unwrap());
        lists().into_iter().for_each(|list| list.check(false).unwrap());
        let (email, telephone) = (Regex::new(EMAIL).unwrap(), Regex::new(TELEPHONE).unwrap());
        assert!(email.is_match("write to Ann.B+x@mail.example.org!") && !email.is_match("ann @ home, a@b"));
        for number in ["+49 (0) 30 1234567", "555-1234-99", "0049301234567", "call 030/123 45 67"] {
            assert!(telephone.is_match(number), "{number}");
        }
        for not in ["12:30", "2026-11", "room 1234", "v1.2.3"] {
            assert!(!telephone.is_match(not), "{not}");
        }
    }
}

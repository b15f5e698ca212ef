//! The rules of an app, compiled: what is found in a message by one look at each of its texts.
//!
//! Words are found whole, by the folding of the search ([`words`](crate::model::words)): whatever case, accents and
//! characters between them. All words of a condition are one automaton and all patterns one set, so ten thousand of them
//! cost about what one does. Patterns are matched in linear time.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{RegexSet, RegexSetBuilder};

use super::list::COMPILED;
use super::rule::{Category, Condition, Operand, Operator, Rule};
use crate::model::error::{Error, Result};
use crate::model::json::Object;
use crate::model::words;

/// A rule as it applies now.
#[derive(Debug)]
pub struct Applied {
    pub rule: Rule,
    /// `<appId>_<rule>_<n>`
    pub revision: String,
    conditions: Vec<(Condition, Matcher)>,
}

#[derive(Debug)]
enum Matcher {
    Words(AhoCorasick),
    Patterns(RegexSet),
}

/// All rules of an app that are switched on.
#[derive(Debug, Default)]
pub struct Engine {
    rules: Vec<Arc<Applied>>,
}

/// What a message says, in the forms in which it is looked at.
struct Said {
    text: Option<String>,
    custom: Option<String>,
    folded: [Option<String>; 2],
}

/// A rule that applies to a message, and the condition that is met.
#[derive(Clone, Debug)]
pub struct Hit {
    pub applied: Arc<Applied>,
    /// Which of its conditions.
    at: usize,
}

impl Hit {
    pub fn condition(&self) -> &Condition {
        &self.applied.conditions[self.at].0
    }
}

impl Engine {
    /// `terms` gives what a list with an id holds; a list that is gone holds nothing.
    pub fn compile(rules: Vec<(Rule, String)>, mut terms: impl FnMut(&str) -> Result<Vec<String>>) -> Result<Engine> {
        let mut compiled = Vec::new();
        for (rule, revision) in rules {
            let mut conditions = Vec::new();
            for condition in &rule.conditions {
                let mut values = Vec::new();
                for value in &condition.value {
                    match condition.is_keywords_reference_present {
                        true => values.extend(terms(value)?),
                        false => values.push(value.clone()),
                    }
                }
                if !values.is_empty() {
                    conditions.push((condition.clone(), Matcher::compile(condition, &values)?));
                }
            }
            compiled.push(Arc::new(Applied { rule, revision, conditions }));
        }
        Ok(Engine { rules: compiled })
    }

    /// The rules whose conditions this message meets; whom it is from and to is looked at elsewhere.
    pub fn hits(&self, data: &Object, is_custom: bool) -> Vec<Hit> {
        let mut said = Said {
            text: data.read("text").or_else(|| data.read("caption")),
            custom: is_custom.then(|| data.get("customData").map(|raw| raw.get().to_owned())).flatten(),
            folded: [None, None],
        };
        let mut hits = Vec::new();
        for applied in &self.rules {
            let met = applied.conditions.iter().position(|(condition, matcher)| said.meets(condition, matcher));
            hits.extend(met.map(|at| Hit { applied: applied.clone(), at }));
        }
        hits
    }
}

impl Said {
    fn meets(&mut self, condition: &Condition, matcher: &Matcher) -> bool {
        let (at, text) = match condition.operand {
            Operand::Text => (0, &self.text),
            Operand::Custom => (1, &self.custom),
        };
        let Some(text) = text else { return false };
        match matcher {
            Matcher::Patterns(patterns) => patterns.is_match(text),
            Matcher::Words(words) => {
                let folded = self.folded[at].get_or_insert_with(|| phrase(text));
                match condition.operator {
                    Operator::Contains => words.is_match(folded.as_str()),
                    Operator::Equals => words.find(folded.as_str()).is_some_and(|all| all.range() == (0..folded.len())),
                }
            }
        }
    }
}

impl Matcher {
    fn compile(condition: &Condition, values: &[String]) -> Result<Matcher> {
        match condition.category {
            Category::Word => {
                let phrases: Vec<String> =
                    values.iter().map(|word| phrase(word)).filter(|word| !word.is_empty()).collect();
                // The longest first: a word that is all of a text is found before one that begins it.
                let words = AhoCorasick::builder()
                    .kind(Some(AhoCorasickKind::ContiguousNFA))
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(&phrases);
                words.map(Matcher::Words).map_err(|e| Error::internal("moderation", e))
            }
            Category::Pattern => {
                let whole = |pattern: &String| format!("^(?:{pattern})$");
                let patterns: Vec<String> = match condition.operator {
                    Operator::Contains => values.to_vec(),
                    Operator::Equals => values.iter().map(whole).collect(),
                };
                // Some more than was allowed when they were given: several lists may come together.
                let set = RegexSetBuilder::new(patterns).size_limit(4 * COMPILED).build();
                set.map(Matcher::Patterns).map_err(|e| Error::internal("moderation", e))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::moderation::rule::Action;

    fn engine(category: Category, operator: Operator, values: &[&str]) -> Engine {
        let condition = Condition {
            id: 1,
            entity: "message".to_owned(),
            operand: Operand::Text,
            operator,
            category,
            is_keywords_reference_present: false,
            is_media_present: false,
            value: values.iter().map(|value| (*value).to_owned()).collect(),
            message: Vec::new(),
        };
        let mut rule = Rule {
            id: "r".to_owned(),
            name: "R".to_owned(),
            description: String::new(),
            enabled: true,
            action: vec![Action::BlockMessage],
            filters: Vec::new(),
            conditions: vec![condition],
        };
        rule.check().unwrap();
        Engine::compile(vec![(rule, "a_r_1".to_owned())], |_| Ok(Vec::new())).unwrap()
    }

    fn finds(engine: &Engine, text: &str) -> bool {
        let data = Object::parse(&serde_json::json!({ "text": text }).to_string()).unwrap();
        !engine.hits(&data, false).is_empty()
    }

    #[test]
    fn words_are_found_whole_however_they_are_written() {
        let words = engine(Category::Word, Operator::Contains, &["Darn", "very bad", "坏蛋"]);
        for found in ["darn", "well, DÁRN!", "it is very   bad.", "very-bad", "你是坏蛋吗", "darn\ndarn"] {
            assert!(finds(&words, found), "{found}");
        }
        for not in ["darning", "bad", "very, very good; bad", "", "!", "坏的蛋"] {
            assert!(!finds(&words, not), "{not}");
        }
        let all = engine(Category::Word, Operator::Equals, &["no", "no way"]);
        assert!(finds(&all, "No!") && finds(&all, "no way") && !finds(&all, "oh no") && !finds(&all, "no no"));
    }

    #[test]
    fn patterns_are_found_as_they_are_written() {
        let numbers = engine(Category::Pattern, Operator::Contains, &[r"\d{3}-\d{4}", "(?i)secret"]);
        assert!(finds(&numbers, "call 555-1234 now") && finds(&numbers, "a SECRET") && !finds(&numbers, "55-1234"));
        let all = engine(Category::Pattern, Operator::Equals, &["a|b"]);
        assert!(finds(&all, "b") && !finds(&all, "ab"));
    }
}

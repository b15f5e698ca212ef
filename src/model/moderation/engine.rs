//! The rules of an app, compiled: what is found in a message by one look at each of its texts.
//!
//! Words are found whole, by the folding of the search ([`words`](crate::model::words)): whatever case, accents and
//! characters between them, and in whatever guise ([`said`](super::said)). All words of a condition are one automaton and all patterns
//! one set, so ten thousand of them cost about what one does, and conditions that look for the same share it. How much a look
//! may take is bounded ([`patterns`](super::patterns)), and so is the memory ([`MOST_WORDS`], [`MOST_PATTERNS`]). A
//! condition that asks an engine outside is only named here ([`Engine::questions`]).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::{Deserialize, Serialize};

use super::patterns::{Budget, Patterns};
use super::rule::{Category, Condition, Operand, Operator, Rule};
use super::said::{self, Text};
use crate::model::error::{Error, Result};
use crate::model::json::Object;
use crate::model::{flags, message};

/// Bytes of all words that the rules of an app look for, each list counted once; about 25 times as much memory.
pub const MOST_WORDS: usize = 4 * 1024 * 1024;
/// Steps that a look at a text costs by itself, at least.
const LOOK: usize = 4;
/// Bytes of all patterns of an app once they are compiled.
pub const MOST_PATTERNS: usize = 16 * 1024 * 1024;

/// A rule as it applies now.
#[derive(Debug)]
pub struct Applied {
    pub rule: Rule,
    /// `<appId>_<rule>_<n>`
    pub revision: String,
    conditions: Vec<(Condition, Arc<Matcher>)>,
}

#[derive(Debug)]
enum Matcher {
    Words(AhoCorasick),
    Patterns(Box<Patterns>),
    /// Somebody else is asked.
    Outside,
}

/// All rules of an app that are switched on.
#[derive(Debug, Default)]
pub struct Engine {
    rules: Vec<Arc<Applied>>,
}

/// What a condition looks for: two that are the same share what finds it.
#[derive(PartialEq, Eq, Hash)]
struct Wanted {
    category: Category,
    is_all: bool,
    is_lists: bool,
    /// Each once: ids of lists, or words or patterns.
    values: BTreeSet<String>,
}

impl Wanted {
    fn of(condition: &Condition) -> Wanted {
        Wanted {
            category: condition.category,
            // Words are found the same way for both.
            is_all: condition.category == Category::Pattern && condition.operator == Operator::Equals,
            // What an engine outside is asked is its own matter.
            is_lists: condition.is_keywords_reference_present && condition.category != Category::CustomApi,
            values: condition.value.iter().cloned().collect(),
        }
    }
}

/// What a message says, in the forms in which it is looked at.
struct Said<'a> {
    data: &'a Object,
    text: Option<Vec<Text>>,
    custom: Option<Vec<Text>>,
    budget: Budget,
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

    pub fn asked(&self) -> Asking {
        let Applied { rule, revision, .. } = &*self.applied;
        Asking { rule: rule.id.clone(), revision: revision.clone(), condition: self.condition().id }
    }
}

/// A condition that an engine outside is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// The rule's id.
    pub rule: String,
    /// `<appId>_<rule>_<n>`
    pub revision: String,
    /// The condition's, from 1 on.
    pub condition: i64,
}

impl Engine {
    /// `terms` gives what a list with an id holds; a list that is gone holds nothing. `Err` for people: they take too much memory.
    pub fn compile(rules: Vec<(Rule, String)>, mut terms: impl FnMut(&str) -> Result<Vec<String>>) -> Result<Engine> {
        let (mut compiled, mut known) = (Vec::new(), HashMap::new());
        let (mut words, mut patterns) = (0, 0);
        for (rule, revision) in rules {
            let mut conditions = Vec::new();
            for condition in &rule.conditions {
                let wanted = Wanted::of(condition);
                let matcher = match known.get(&wanted) {
                    Some(matcher) => Arc::clone(matcher),
                    None => {
                        let mut values = BTreeSet::new();
                        for value in &wanted.values {
                            match wanted.is_lists {
                                true => values.extend(terms(value)?),
                                false => _ = values.insert(value.clone()),
                            }
                        }
                        if wanted.category == Category::Word {
                            words += values.iter().map(String::len).sum::<usize>();
                            check_size("words", words, MOST_WORDS)?;
                        }
                        let matcher = Arc::new(Matcher::compile(&wanted, values)?);
                        if let Matcher::Patterns(found) = &*matcher {
                            patterns += found.size();
                            check_size("patterns", patterns, MOST_PATTERNS)?;
                        }
                        known.insert(wanted, matcher.clone());
                        matcher
                    }
                };
                conditions.push((condition.clone(), matcher));
            }
            compiled.push(Arc::new(Applied { rule, revision, conditions }));
        }
        Ok(Engine { rules: compiled })
    }

    /// The conditions of other rules than those that apply already which an engine outside is to be asked about, in their
    /// order. Whom the message is from and to is looked at elsewhere.
    pub fn questions(&self, (category, kind, data): (message::Category, &str, &Object), hits: &[Hit]) -> Vec<Hit> {
        let mut questions = Vec::new();
        let mut held = None;
        for applied in &self.rules {
            if hits.iter().any(|hit| Arc::ptr_eq(&hit.applied, applied)) {
                continue;
            }
            for (at, (condition, matcher)) in applied.conditions.iter().enumerate() {
                if !matches!(**matcher, Matcher::Outside) {
                    continue;
                }
                let held = *held.get_or_insert_with(|| flags::of_message(category, kind, &data.text()));
                let is_there = match condition.operand {
                    Operand::Text => !said::texts(data).is_empty(),
                    Operand::Custom => !said::carried(data).is_empty(),
                    media => held & flags::of_type(media.as_str()) != 0,
                };
                if is_there {
                    questions.push(Hit { applied: applied.clone(), at });
                }
            }
        }
        questions
    }

    /// What an engine said of a condition, as if it had been found here; `None`: the rule was changed or switched off
    /// since.
    pub fn answered(&self, asking: &Asking) -> Option<Hit> {
        let applied = self.rules.iter().find(|applied| applied.revision == asking.revision)?;
        let at = applied.conditions.iter().position(|(condition, _)| condition.id == asking.condition)?;
        Some(Hit { applied: applied.clone(), at })
    }

    /// The rules whose conditions this message meets; whom it is from and to is looked at elsewhere.
    pub fn hits(&self, data: &Object) -> Vec<Hit> {
        let mut said = Said { data, text: None, custom: None, budget: Budget::default() };
        let mut hits = Vec::new();
        for applied in &self.rules {
            let met = applied.conditions.iter().position(|(condition, matcher)| said.meets(condition, matcher));
            hits.extend(met.map(|at| Hit { applied: applied.clone(), at }));
        }
        hits
    }
}

fn check_size(what: &str, size: usize, most: usize) -> Result<()> {
    match size <= most {
        true => Ok(()),
        false => {
            let sentence = format!("All {what} of the app's rules together take {size} bytes; {most} are allowed.");
            Err(Error::field("conditions", sentence))
        }
    }
}

impl Said<'_> {
    fn meets(&mut self, condition: &Condition, matcher: &Matcher) -> bool {
        let Said { data, text, custom, budget } = self;
        let texts = match condition.operand {
            Operand::Text => text.get_or_insert_with(|| said::texts(data)),
            Operand::Custom => custom.get_or_insert_with(|| said::carried(data)),
            Operand::Image | Operand::Video | Operand::Audio | Operand::File => return false,
        };
        if matches!(matcher, Matcher::Outside) {
            return false;
        }
        texts.iter_mut().any(|text| {
            // Custom messages may carry very many texts.
            !budget.spend(LOOK)
                || match matcher {
                    Matcher::Outside => false,
                    Matcher::Patterns(patterns) => text.guises().iter().any(|text| patterns.is_match(text, budget)),
                    Matcher::Words(words) => text.phrases().iter().any(|phrase| match condition.operator {
                        Operator::Contains => words.is_match(phrase.as_str()),
                        Operator::Equals => {
                            words.find(phrase.as_str()).is_some_and(|all| all.range() == (0..phrase.len()))
                        }
                    }),
                }
        })
    }
}

impl Matcher {
    fn compile(wanted: &Wanted, values: BTreeSet<String>) -> Result<Matcher> {
        match wanted.category {
            Category::Word => {
                let phrases: BTreeSet<String> = values.iter().flat_map(|word| said::phrases_of_word(word)).collect();
                // The longest first: a word that is all of a text is found before one that begins it.
                let words = AhoCorasick::builder()
                    .kind(Some(AhoCorasickKind::ContiguousNFA))
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(&phrases);
                words.map(Matcher::Words).map_err(|e| Error::internal("moderation", e))
            }
            Category::CustomApi => Ok(Matcher::Outside),
            Category::Pattern => {
                let all = |pattern: String| if wanted.is_all { format!("^(?:{pattern})$") } else { pattern };
                let patterns: Vec<String> = values.into_iter().map(all).collect();
                let set = Patterns::compile(&patterns);
                set.map(|set| Matcher::Patterns(Box::new(set)))
                    .map_err(|why| Error::field("conditions", format!("A pattern cannot be used: {why}.")))
            }
        }
    }
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
        !engine.hits(&data).is_empty()
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

    #[test]
    fn very_many_texts_are_looked_at_no_longer_than_may_be() {
        let mut rules = Vec::new();
        for n in 0..250 {
            let word = format!("word{n}");
            let mut engine = engine(Category::Word, Operator::Contains, &[&word]);
            let mut rule = engine.rules.remove(0).rule.clone();
            rule.conditions[0].operand = Operand::Custom;
            rules.push((rule, String::new()));
        }
        let engine = Engine::compile(rules, |_| Ok(Vec::new())).unwrap();
        let carries = |many: usize| {
            let data = serde_json::json!({"customData": {"a": vec!["b"; many]}});
            engine.hits(&Object::parse(&data.to_string()).unwrap()).len()
        };
        assert_eq!(carries(1_000), 0);
        assert!(carries(15_000) > 0, "whoever sends as much would pass by the last rules otherwise");
    }
}

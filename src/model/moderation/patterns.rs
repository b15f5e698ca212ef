//! Regular expressions of a condition, all looked for at once, within a bound.
//!
//! Patterns come from whoever runs an app, and messages wait for one writer. A deterministic automaton that is built as the
//! text goes by does almost everything, a byte in a few nanoseconds. Where it cannot (a word boundary beside letters outside
//! ASCII) or is not worth it (patterns of which nearly every byte makes another state), the states are followed one by one,
//! and each of them is counted: a text that takes more than [`Budget`] allows is taken for one in which something was found, since
//! whoever wrote it would pass by the rule otherwise.
//!
//! Before either, the text is searched for what the patterns can begin with, where each of them begins with one of a few
//! words: hundreds of patterns cost a text that has none of these as much as one does.

use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, NFA, State, WhichCaptures};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchErrorKind, MatchKind, Span};

/// Bytes that the patterns of one condition may take once they are compiled.
pub const COMPILED: usize = 4 * 1024 * 1024;
/// Bytes of the automaton that is built as texts go by. When it is full it is built anew, and given up for a text for which it is
/// full again after fewer than ten bytes a state.
const AHEAD: usize = 1024 * 1024;
/// Steps for one message, by all conditions together: a tenth of a second at worst. 64 KiB in a script that is not Latin take a
/// third of that by the patterns that come with the server.
const STEPS: u64 = 2_000_000;

/// How much may still be spent on a message.
#[derive(Debug)]
pub struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Budget(STEPS)
    }
}

impl Budget {
    /// Whether there is something left after as many steps.
    pub fn spend(&mut self, steps: usize) -> bool {
        self.0 = self.0.saturating_sub(steps as u64);
        self.0 > 0
    }
}

/// Patterns that are looked for together.
#[derive(Debug)]
pub struct Patterns {
    nfa: NFA,
    /// What a match can begin with; `None`: too many things.
    beginnings: Option<Prefilter>,
    ahead: Option<(DFA, Mutex<Cache>)>,
}

impl Patterns {
    /// `Err`: why they cannot be looked for, for people.
    pub fn compile(patterns: &[String]) -> Result<Patterns, String> {
        let parsed = patterns.iter().map(|pattern| {
            syntax::parse(pattern).map_err(|error| {
                let why = error.to_string();
                why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            })
        });
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        let config = thompson::Config::new().nfa_size_limit(Some(COMPILED)).which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new().configure(config).build_many(patterns);
        let nfa = nfa.map_err(|_| "together they take too much memory".to_owned())?;
        let config = DFA::config()
            .match_kind(MatchKind::All)
            // It stops at the first byte that is not ASCII, and the states are followed instead.
            .unicode_word_boundary(true)
            .cache_capacity(AHEAD)
            .minimum_cache_clear_count(Some(1))
            .minimum_bytes_per_state(Some(10));
        // Patterns so large that not a few states fit in are followed at once.
        let ahead = DFA::builder().configure(config).build_from_nfa(nfa.clone()).ok();
        let ahead = ahead.map(|dfa| {
            let cache = Mutex::new(dfa.create_cache());
            (dfa, cache)
        });
        let beginnings = Prefilter::from_hirs_prefix(MatchKind::All, &parsed);
        Ok(Patterns { nfa, beginnings, ahead })
    }

    /// Bytes it takes.
    pub fn size(&self) -> usize {
        self.nfa.memory_usage() + self.beginnings.as_ref().map_or(0, Prefilter::memory_usage)
    }

    /// Whether one of them is found in the text, or to tell would take too long.
    pub fn is_match(&self, text: &str, budget: &mut Budget) -> bool {
        if self.beginning(text.as_bytes(), 0).is_none() {
            return false;
        }
        if let Some((dfa, cache)) = &self.ahead {
            let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            match dfa.try_search_fwd(&mut cache, &Input::new(text).earliest(true)) {
                Ok(found) => return found.is_some(),
                // It is full of states that are of no use for the next text.
                Err(error) if matches!(error.kind(), MatchErrorKind::GaveUp { .. }) => cache.reset(dfa),
                Err(_) => {}
            }
        }
        self.follow(text.as_bytes(), budget)
    }

    /// The first place from `at` on where a match may begin.
    fn beginning(&self, text: &[u8], at: usize) -> Option<usize> {
        match &self.beginnings {
            Some(beginnings) => Some(beginnings.find(text, Span { start: at, end: text.len() })?.start),
            None => (at <= text.len()).then_some(at),
        }
    }

    /// All states that the text can lead to, byte by byte.
    fn follow(&self, text: &[u8], budget: &mut Budget) -> bool {
        let states = self.nfa.states();
        let (mut here, mut next) = (Vec::new(), Vec::new());
        // At which place a state was last reached, from 1 on.
        let mut reached = vec![0; states.len()];
        let mut begins = self.beginning(text, 0);
        let mut at = 0;
        loop {
            if here.is_empty() {
                match begins {
                    Some(beginning) => at = beginning,
                    None => return false,
                }
            }
            if begins == Some(at) {
                here.push(self.nfa.start_anchored());
                begins = self.beginning(text, at + 1);
            }
            if !budget.spend(1 + here.len()) {
                return true;
            }
            next.clear();
            while let Some(id) = here.pop() {
                if std::mem::replace(&mut reached[id.as_usize()], at + 1) == at + 1 {
                    continue;
                }
                let beyond = match &states[id.as_usize()] {
                    State::Match { .. } => return true,
                    State::Fail => None,
                    State::ByteRange { trans } => trans.matches(text, at).then_some(trans.next),
                    State::Sparse(many) => many.matches(text, at),
                    State::Dense(many) => many.matches(text, at),
                    state => {
                        if !budget.spend(self.enter(state, text, at, &mut here)) {
                            return true;
                        }
                        None
                    }
                };
                next.extend(beyond);
            }
            std::mem::swap(&mut here, &mut next);
            at += 1;
        }
    }

    /// The states that this one leads to without a byte; how many it has.
    fn enter(&self, state: &State, text: &[u8], at: usize, here: &mut Vec<StateID>) -> usize {
        match state {
            State::Look { look, next } => {
                here.extend(self.nfa.look_matcher().matches(*look, text, at).then_some(*next));
                1
            }
            State::Union { alternates } => {
                here.extend(alternates.iter().copied());
                alternates.len()
            }
            State::BinaryUnion { alt1, alt2 } => {
                here.extend([*alt1, *alt2]);
                2
            }
            State::Capture { next, .. } => {
                here.push(*next);
                1
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(patterns: &[&str]) -> Patterns {
        Patterns::compile(&patterns.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// Either way finds the same, and what the usual engine of regular expressions finds.
    #[test]
    fn both_ways_find_the_same() {
        let sources = [
            r"\bdarn\b",
            r"(?i)sec?ret\d+",
            r"^ab*$",
            r"(?m)^x.y$",
            r"a{2,3}б",
            r"\Bé|ß\b",
            r"(a|b)*c[^a]",
            r"(?s)q.{0,4}q",
            r"\p{Greek}{2}\W",
        ];
        let alphabet: Vec<char> = "abcdarnéßбα qxy1\n.SECRETsecret".chars().collect();
        let mut seed = 88_172_645_463_325_252_u64;
        for source in sources {
            let (ours, usual) = (patterns(&[source, "never{3}zz"]), regex::Regex::new(source).unwrap());
            for _ in 0..2_000 {
                let text: String = (0..10)
                    .map(|_| {
                        seed ^= seed << 13;
                        seed ^= seed >> 7;
                        seed ^= seed << 17;
                        alphabet[(seed % alphabet.len() as u64) as usize]
                    })
                    .collect();
                let is = usual.is_match(&text);
                assert_eq!(ours.is_match(&text, &mut Budget::default()), is, "{source} in {text:?}");
                assert_eq!(ours.follow(text.as_bytes(), &mut Budget::default()), is, "{source} in {text:?}, followed");
            }
        }
    }

    /// However long it goes on, texts that are nothing special are no burden.
    #[test]
    fn it_stays_fast() {
        let usual = patterns(&[r"(?i)sec.*ret\d{1,9}", "a.{1,8}b.{1,8}c", r"\d{3}-\d{4}", "(x|y|z){3}.*q{2}"]);
        let mut seed = 88_172_645_463_325_252_u64;
        let mut budget = Budget::default();
        for _ in 0..3_000 {
            let letter = |_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                char::from(b'0' + (seed % 75) as u8)
            };
            let text: String = (0..60).map(letter).collect();
            usual.is_match(&text, &mut budget);
        }
        assert!(budget.0 > STEPS / 2, "{budget:?}");
    }

    #[test]
    fn what_takes_too_long_is_found() {
        // Every byte of such a text leads to another set of some thousand states.
        let costly = patterns(&["[ab]*a[ab]{20000}c"]);
        let mut seed = 88_172_645_463_325_252_u64;
        let text: String = (0..60_000)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                if seed.is_multiple_of(2) { 'a' } else { 'b' }
            })
            .collect();
        let mut budget = Budget::default();
        assert!(costly.is_match(&text, &mut budget) && budget.0 == 0);
        // The next text is none the slower.
        let mut budget = Budget::default();
        assert!(!costly.is_match("abba", &mut budget) && budget.0 == STEPS);
        // Nothing usual comes near, in whatever script.
        let usual = patterns(&[r"(?:\+|\b00)?\d(?:[ ().\-/]{0,2}\d){6,14}\b", r"\bслово\b"]);
        let mut budget = Budget::default();
        assert!(!usual.is_match(&"Много слов 12:30 ".repeat(2_000), &mut budget) && budget.0 > STEPS / 4, "{budget:?}");
    }

    #[test]
    fn many_patterns_let_a_text_pass_that_has_none_of_their_words() {
        let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
        let words = (0..500).map(|n| format!(r"(?i)\bword{}{}\d{{2,4}}\b", letter(n / 26), letter(n)));
        let many = Patterns::compile(&words.collect::<Vec<_>>()).unwrap();
        let text = "Много слов, a word or two 12:30 ".repeat(120);
        let mut budget = Budget::default();
        assert!(!many.is_match(&text, &mut budget), "{budget:?}");
        assert!(many.is_match(&format!("{text} WORDCD123."), &mut Budget::default()));
    }
}

//! What moderation costs a message: the time in which its text is looked at, by how many words and patterns are looked for.
//!
//!     cargo run --release --example rules

use std::hint::black_box;
use std::time::Instant;

use hobnob::model::json::Object;
use hobnob::model::moderation::engine::Engine;
use hobnob::model::moderation::rule::{Action, Category, Condition, Operand, Operator, Rule};

/// A rule that looks for these.
fn rule(category: Category, value: Vec<String>) -> Rule {
    let condition = Condition {
        id: 1,
        entity: "message".to_owned(),
        operand: Operand::Text,
        operator: Operator::Contains,
        category,
        is_keywords_reference_present: true,
        is_media_present: false,
        value,
        message: Vec::new(),
    };
    Rule {
        id: "rule".to_owned(),
        name: "Rule".to_owned(),
        description: String::new(),
        enabled: true,
        action: vec![Action::BlockMessage],
        filters: Vec::new(),
        conditions: vec![condition],
    }
}

/// Something like a word; none of those in the text.
fn word(number: usize) -> String {
    let letters = b"bcdfghjklmnpqrstvwxz";
    let mut word = String::from("q");
    let mut left = number + 7;
    while left > 0 {
        word.push(char::from(letters[left % letters.len()]));
        left /= letters.len();
    }
    word + "u"
}

const TEXT: &str = "Hello everybody, the meeting is moved to Thursday at ten; please bring the figures of last month, \
    and tell Jürgen that the room is on the third floor now. Thanks, and see you there!";

fn main() {
    let words = |many: usize| (0..many).map(word).collect::<Vec<_>>();
    let patterns = |many: usize| (0..many).map(|n| format!(r"(?i)\b{}\d{{2,4}}\b", word(n))).collect::<Vec<_>>();
    let long = TEXT.repeat(20);
    println!(
        "{:24} {:>12} {:>14} {:>16}",
        "what is looked for", "compiled, ms", "180 letters, µs", "3,600 letters, µs"
    );
    for (name, category, terms) in [
        ("1 word", Category::Word, words(1)),
        ("100 words", Category::Word, words(100)),
        ("10,000 words", Category::Word, words(10_000)),
        ("10 patterns", Category::Pattern, patterns(10)),
        ("500 patterns", Category::Pattern, patterns(500)),
    ] {
        let began = Instant::now();
        let engine =
            Engine::compile(vec![(rule(category, vec!["list".to_owned()]), "r_1".to_owned())], |_| Ok(terms.clone()));
        let engine = engine.expect("it compiles");
        let compiled = began.elapsed().as_secs_f64() * 1e3;
        let each = |text: &str| {
            let data = Object::parse(&serde_json::json!({ "text": text }).to_string()).expect("an object");
            let mut times: Vec<f64> = (0..11)
                .map(|_| {
                    let began = Instant::now();
                    for _ in 0..2_000 {
                        assert!(black_box(engine.hits(black_box(&data))).is_empty());
                    }
                    began.elapsed().as_secs_f64() * 1e6 / 2_000.0
                })
                .collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        println!("{name:24} {compiled:12.1} {:14.2} {:16.2}", each(TEXT), each(&long));
    }
}

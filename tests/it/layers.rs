//! The layers point one way. Reads every `crate::` path of the source and fails on an arrow that runs back.

use std::fs;
use std::path::{Path, PathBuf};

/// What each part of the house may name of the others, most particular first. `src/lib.rs` names all, as modules.
const MAY: &[(&str, &[&str])] = &[
    ("model", &["model"]),
    ("store", &["model", "store", "watch", "durable", "sync"]),
    ("actions", &["model", "store", "actions"]),
    ("live/hub", &["model", "live", "watch", "sync"]),
    ("live/conn", &["model", "live", "sync"]),
    ("live/frame", &["model", "live"]),
    ("live/command", &["model", "store", "actions", "live"]),
    ("live/meters", &["watch", "live"]),
    ("live/socket", &["model", "actions", "live", "watch"]),
    ("live/watched", &["model", "live", "watch"]),
    ("live", &["live"]),
    (
        "api",
        &[
            "model",
            "store",
            "actions",
            "live",
            "passwords",
            "media",
            "network",
            "out",
            "outgoing",
            "previews",
            "tls",
            "watch",
            "api",
            "backup",
        ],
    ),
    ("passwords", &["model", "watch"]),
    ("turns", &[]),
    ("media", &["model", "turns", "durable"]),
    ("network", &[]),
    ("seats", &["network", "watch"]),
    ("outgoing", &["model", "network", "outgoing"]),
    ("previews", &["model", "store", "actions", "outgoing"]),
    ("backup", &["model", "store", "durable", "draft", "lock"]),
    ("transfer", &["model", "store", "actions", "backup", "outgoing", "transfer", "durable"]),
    ("config", &["model", "live", "network", "logging", "outgoing"]),
    ("settings", &["model", "settings"]),
    ("tls", &["model", "outgoing", "durable"]),
    ("systemd", &[]),
    ("doctor", &["model", "store", "actions", "config", "durable", "lock", "tls", "doctor"]),
    ("draft", &["model"]),
    ("durable", &[]),
    ("sync", &[]),
    ("lock", &[]),
    ("doors", &["live", "api", "seats", "tls"]),
    ("engines", &["model", "store", "actions", "outgoing", "previews", "watch"]),
    ("chores", &["model", "store", "actions", "media", "out", "engines", "outgoing", "previews"]),
    ("out", &["model", "store", "outgoing", "out", "watch"]),
    ("logging", &["model", "watch"]),
    ("watch", &["watch"]),
    (
        "server",
        &[
            "backup",
            "chores",
            "doors",
            "draft",
            "durable",
            "model",
            "store",
            "actions",
            "live",
            "api",
            "config",
            "passwords",
            "media",
            "tls",
            "lock",
            "seats",
            "outgoing",
            "previews",
            "systemd",
            "watch",
        ],
    ),
    (
        "testing",
        &[
            "model",
            "store",
            "actions",
            "live",
            "api",
            "chores",
            "config",
            "draft",
            "durable",
            "passwords",
            "server",
            "tls",
            "testing",
            "watch",
        ],
    ),
    (
        "cli",
        &[
            "model", "store", "actions", "backup", "config", "server", "systemd", "tls", "lock", "logging", "settings",
            "doctor", "draft", "transfer", "outgoing", "testing", "cli",
        ],
    ),
    ("main", &["cli", "logging", "systemd"]),
];

/// Who may name these crates.
const CRATES: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("r2d2", &["store"]),
    ("r2d2_sqlite", &["store"]),
    ("actix_web", &["api", "live/socket", "doors", "server", "main", "testing/thread", "tls"]),
    // The log names it, too, to keep it quiet.
    ("actix_http", &["live/socket", "doors", "logging"]),
    ("actix_codec", &["live/socket", "doors"]),
    ("actix_server", &["doors", "server"]),
    ("actix_service", &["doors"]),
    ("actix_tls", &["doors", "tls"]),
    ("reqwest", &["engines", "out", "outgoing", "doctor"]),
    ("instant_acme", &["tls"]),
];

/// What `model` does without: it is pure.
const IMPURE: &[&str] = &["std::fs", "std::net", "std::thread", "tokio"];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false if path.extension().is_some_and(|ext| ext == "rs") => found.push(path),
                false => {}
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(&root).unwrap().with_extension("").to_str().unwrap().replace('\\', "/");
    let read = |path: &PathBuf| (name(path), code_of(&fs::read_to_string(path).unwrap()));
    let sources = found.iter().map(read);
    // `hobnob::` in the program is `crate::` in the library; elsewhere it is a name in the log.
    sources
        .map(|(file, code)| if file == "main" { (file, code.replace("hobnob::", "crate::")) } else { (file, code) })
        .collect()
}

/// Without comments.
fn code_of(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The first words after `start`, also of every branch of `start{a::…, b::…}`.
fn named<'t>(code: &'t str, start: &'t str) -> impl Iterator<Item = &'t str> {
    code.match_indices(start).flat_map(move |(at, _)| {
        let rest = &code[at + start.len()..];
        let word = |text: &'t str| {
            let text = text.trim_start();
            &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())]
        };
        match rest.strip_prefix('{') {
            None => vec![word(rest)],
            Some(list) => {
                let (mut depth, mut branches, mut from) = (0, Vec::new(), 0);
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            branches.push(word(&list[from..at]));
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            branches.push(word(&list[from..at]));
                            from = at + 1;
                        }
                        _ => {}
                    }
                }
                branches.retain(|branch| !branch.is_empty());
                branches
            }
        }
    })
}

fn in_part(file: &str, part: &str) -> bool {
    file == part || file.strip_prefix(part).is_some_and(|rest| rest.starts_with('/'))
}

#[test]
fn no_arrow_runs_the_wrong_way() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        if file == "lib" {
            continue;
        }
        let Some((_, may)) = MAY.iter().find(|(part, _)| in_part(&file, part)) else {
            wrong.push(format!("src/{file}.rs belongs to no layer: give it one in tests/it/layers.rs"));
            continue;
        };
        for name in named(&code, "crate::") {
            if !may.contains(&name) {
                wrong.push(format!("src/{file}.rs names crate::{name}"));
            }
        }
        if code.contains("super::super") {
            wrong.push(format!("src/{file}.rs climbs with super::super: say crate::"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn frameworks_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        for (name, parts) in CRATES {
            let names = code.contains(&format!("{name}::")) || code.contains(&format!("{name} as "));
            if names && !parts.iter().any(|part| in_part(&file, part)) {
                wrong.push(format!("src/{file}.rs names {name}"));
            }
        }
        if in_part(&file, "model") {
            wrong
                .extend(IMPURE.iter().filter(|word| code.contains(*word)).map(|word| format!("src/{file}.rs: {word}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What makes a server one for tests, and who else has it.
const FOR_TESTS: &[(&str, &[&str])] = &[
    ("let_go(", &["durable"]),
    ("Ids::same(", &["model/time"]),
    ("Clock::by_hand(", &["model/time"]),
    ("start_on(", &["server"]),
    ("Gate for ", &[]),
    ("begin_anew(", &["model/time", "store/moments", "store/told", "watch/request", "api/requests", "api/gate"]),
    ("put_back(", &["store/moments"]),
    ("crate::testing", &["cli/mod", "cli/test"]),
];

#[test]
fn nothing_else_makes_a_server_one_for_tests() {
    let mut wrong = Vec::new();
    for (file, code) in sources().iter().filter(|(file, _)| !in_part(file, "testing")) {
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let named = FOR_TESTS.iter().filter(|(name, own)| code.contains(name) && !own.contains(&file.as_str()));
        wrong.extend(named.map(|(name, _)| format!("src/{file}.rs names {name}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `noun::verb(tx` of a file, but for actions.
fn calls_with_a_write(code: &str) -> Vec<(String, String)> {
    let calls = code.match_indices("(tx").filter(|(at, _)| !code[at + 3..].starts_with(|c: char| c.is_alphanumeric()));
    let path = calls.map(|(at, _)| {
        let start = code[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').map_or(0, |at| at + 1);
        &code[start..at]
    });
    let outside = path.filter(|path| !path.contains("actions::"));
    outside.filter_map(|path| path.rsplit_once("::")).map(|(noun, verb)| (noun.to_owned(), verb.to_owned())).collect()
}

#[test]
fn only_actions_write() {
    let sources = sources();
    let mut writers = Vec::new();
    for (file, code) in sources.iter().filter(|(file, _)| in_part(file, "store")) {
        for (at, _) in code.match_indices("pub fn ") {
            let (verb, rest) = code[at + 7..].split_once('(').unwrap();
            if rest.trim_start().starts_with("tx:") {
                writers.push((file.rsplit('/').next().unwrap().to_owned(), verb.to_owned()));
            }
        }
    }
    assert!(writers.len() > 50, "the writers of the store were not found");
    let mut wrong = Vec::new();
    let outside = ["api", "live", "cli", "testing"];
    for (file, code) in sources.iter().filter(|(file, _)| outside.iter().any(|part| in_part(file, part))) {
        let called = calls_with_a_write(code).into_iter();
        let direct =
            called.filter(|(noun, verb)| writers.iter().any(|(n, v)| v == verb && (n == noun || noun == "rows")));
        wrong.extend(direct.map(|(noun, verb)| format!("src/{file}.rs writes by {noun}::{verb}: make it an action")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let found = calls_with_a_write("a(tx, 1); keys::delete(tx, 1); actions::keys::delete(tx); users::by(txt)");
    assert_eq!(found, [("keys".to_owned(), "delete".to_owned())]);
}

#[test]
fn every_file_says_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (file, _) in sources() {
        let text = fs::read_to_string(root.join(format!("{file}.rs"))).unwrap();
        assert!(text.starts_with("//!"), "src/{file}.rs");
    }
}

#[test]
fn the_reader_of_paths_reads_them() {
    let found: Vec<_> = named("use crate::{a::b, c::{d, e}, f};\ncrate::g::h(); crate::i", "crate::").collect();
    assert_eq!(found, ["a", "c", "f", "g", "i"]);
}

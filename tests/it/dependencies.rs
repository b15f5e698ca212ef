//! What is built in: nothing that `deny.toml` bans, nothing under a licence it does not name.
//!
//! The same lists as `cargo deny check` uses, read from the same file, so that they hold where that is not installed.

use std::process::Command;

use serde_json::Value;

/// The quoted words between `from` and the next closing bracket of `deny.toml`.
fn listed(from: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let list = text.split_once(from).unwrap_or_else(|| panic!("no {from}")).1.split_once("\n]").unwrap().0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// All crates that can be part of a build for this machine, with those only tests need.
fn packages() -> Vec<Value> {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Whether one may use what is under `expression` (SPDX; old ones part alternatives with `/`) with these licences.
fn permits(allowed: &[String], expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let permitted = any(allowed, &mut words);
    permitted && words.peek().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(allowed: &[String], words: &mut Words) -> bool {
    let mut permitted = every(allowed, words);
    while words.next_if_eq(&"OR").is_some() {
        permitted |= every(allowed, words);
    }
    permitted
}

fn every(allowed: &[String], words: &mut Words) -> bool {
    let mut permitted = one(allowed, words);
    while words.next_if_eq(&"AND").is_some() {
        permitted &= one(allowed, words);
    }
    permitted
}

fn one(allowed: &[String], words: &mut Words) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let permitted = any(allowed, words);
        assert_eq!(words.next(), Some(")"));
        return permitted;
    }
    let mut licence = words.next().expect("a licence").to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        licence = format!("{licence} WITH {}", words.next().expect("an exception"));
    }
    allowed.contains(&licence)
}

#[test]
fn nothing_that_is_banned_is_built_in() {
    let banned = listed("deny = [");
    assert!(banned.contains(&"h2@<0.4".to_owned()), "{banned:?}");
    // The lock file names what any feature of this crate can bring, on any machine.
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let value =
        |line: &str, key: &str| Some(line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned());
    let names = lock.lines().filter_map(|line| value(line, "name"));
    // The first version is that of the file itself.
    let versions = lock.lines().filter(|line| line.contains('"')).filter_map(|line| value(line, "version"));
    let locked: Vec<(String, String)> = names.zip(versions).collect();
    assert!(locked.iter().any(|(name, version)| name == "actix-http" && version.starts_with("3.")), "not read");
    let numbers = |version: &str| version.split('.').map_while(|part| part.parse().ok()).collect::<Vec<u64>>();
    let is_banned = |(name, version): &&(String, String)| {
        banned.iter().any(|ban| match ban.split_once("@<") {
            None => ban == name,
            Some((banned, below)) => banned == name && numbers(version) < numbers(below),
        })
    };
    assert!(is_banned(&&("h2".to_owned(), "0.3.27".to_owned())) && !is_banned(&&("h2".to_owned(), "0.4.1".to_owned())));
    let found: Vec<_> = locked.iter().filter(is_banned).collect();
    assert!(found.is_empty(), "banned, and built in: {found:?}");
}

#[test]
fn every_licence_is_one_of_those_we_named_and_every_crate_comes_from_the_registry() {
    let allowed = listed("allow = [");
    assert!(permits(&allowed, "GPL-3.0 OR (MIT AND Zlib)") && permits(&allowed, "Unlicense/MIT"));
    assert!(!permits(&allowed, "MIT AND GPL-3.0") && !permits(&allowed, "GPL-3.0"));
    let packages = packages();
    assert!(packages.len() > 100);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(!licence.is_empty() && permits(&allowed, licence), "{name}: {licence:?}");
        let ours = name == env!("CARGO_PKG_NAME");
        let source = package["source"].as_str();
        assert!(ours || source.is_some_and(|source| source.starts_with("registry+")), "{name}: {source:?}");
    }
}

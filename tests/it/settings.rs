//! Settings from flags, variables, files that variables name, and the settings file.
//!
//! What there is to set is read off the command line itself: a new flag is tried here without a line more.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hobnob::cli::described;
use hobnob::settings::file::Kind;
use hobnob::settings::{CONFIG, Gathered, Origin, Refusal, Setting, gather};
use serde_json::Value;

use crate::harness::{Process, temp_dir};

/// Flags of the server that are for one start, and so in no file.
const ONCE: [&str; 2] = ["demo", "new-database"];

fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
    let ours: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).collect();
    for name in ours.iter().filter(|name| name.to_string_lossy().starts_with("HOBNOB_")) {
        command.env_remove(name);
    }
    command.args(args).envs(variables.iter().copied()).output().expect("runs")
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("writes");
    path
}

fn gathered(words: &[String], variables: &BTreeMap<String, String>) -> Result<Gathered, String> {
    let line = ["hobnob", "serve"].map(OsString::from).into_iter().chain(words.iter().map(OsString::from)).collect();
    gather(&described(), line, &|name| variables.get(name).map(OsString::from)).map_err(|refusal| match refusal {
        Refusal::Parser(error) => error.to_string(),
        Refusal::Plain(why) => why,
    })
}

/// As a file says it.
fn in_file(setting: &Setting, value: &str) -> String {
    match (setting.shape.is_table, value.split_once('=')) {
        (true, Some((name, number))) => format!("[{}]\n{name} = {number}\n", setting.key),
        _ if setting.shape.kind == Kind::Text => format!("{} = {value:?}\n", setting.key),
        _ => format!("{} = {value}\n", setting.key),
    }
}

/// A value that a setting can have. A setting that takes none of these needs one more here.
fn some_value(setting: &Setting, dir: &Path) -> String {
    let some = [
        "false",
        "7",
        "chat.example.org",
        "https://pad.example/p/{id}",
        "http://127.0.0.1:5000",
        "127.0.0.1:0",
        "off",
        "json",
        "warn",
        "members=5",
        "10.0.0.0/8",
        "text",
        "us",
        "30s",
        "you@example.org",
    ];
    let fits = |value: &&&str| {
        let path = written(dir, "one.toml", &in_file(setting, value));
        let found = gathered(&["--config".to_owned(), path.display().to_string()], &BTreeMap::new());
        // That another belongs to it is said with the value taken.
        found.as_ref().err().is_none_or(|why| why.contains("required arguments") || why.contains("cannot be used with"))
    };
    some.iter().find(fits).unwrap_or_else(|| panic!("no value for {}", setting.key)).to_string()
}

#[test]
fn every_flag_of_the_server_is_a_setting_of_the_file_and_gives_way_in_the_right_order() {
    let dir = temp_dir();
    let command = described();
    let settings = Setting::all(&command);
    assert!(settings.len() > 25, "the settings were not found");
    for arg in command.get_arguments() {
        let long = arg.get_long().unwrap_or_else(|| panic!("{arg} has no long flag"));
        let has = settings.iter().find(|setting| setting.flag() == format!("--{long}"));
        let Some(setting) = has else {
            assert!(ONCE.contains(&long) || long == CONFIG, "--{long} has no variable and so is no setting");
            continue;
        };
        // What is given several times stands in the file once, as a list or table.
        let (one, several) = (long.replace('-', "_"), setting.shape.is_list);
        assert!(setting.key == one || several && setting.key == one + "s", "{} and --{long}", setting.key);
        assert!(!setting.help.is_empty(), "--{long} says nothing of itself");
    }

    let values: Vec<(String, String)> =
        settings.iter().map(|setting| (setting.key.clone(), some_value(setting, dir.path()))).collect();
    for (setting, (_, value)) in settings.iter().zip(&values) {
        let mut lines = vec![in_file(setting, value)];
        // With what the parser says belongs to it.
        let file = loop {
            lines.sort_by_key(|line| line.starts_with('['));
            let file = written(dir.path(), "hobnob.toml", &lines.concat());
            let words = ["--config".to_owned(), file.display().to_string()];
            let Err(why) = gathered(&words, &BTreeMap::new()) else { break file };
            let more = settings.iter().zip(&values).find(|(other, _)| why.contains(&format!("\n  {} ", other.flag())));
            let (other, (_, value)) = more.unwrap_or_else(|| panic!("{}: {why}", setting.key));
            let line = in_file(other, value);
            assert!(!lines.contains(&line), "{}: {why}", setting.key);
            lines.push(line);
        };
        let mut words = vec!["--config".to_owned(), file.display().to_string()];
        let mut variables = BTreeMap::new();
        let origin = |words: &[String], variables: &BTreeMap<String, String>| {
            let found = gathered(words, variables).unwrap_or_else(|why| panic!("{}: {why}", setting.key)).settings;
            let one = found.iter().find(|one| one.key == setting.key).expect("it is there");
            assert_eq!(one.values, std::slice::from_ref(value), "{}", setting.key);
            one.origin.clone()
        };
        assert!(matches!(origin(&words, &variables), Origin::File { .. }), "{}", setting.key);
        let content = written(dir.path(), "content", &format!("{value}\n"));
        variables.insert(format!("{}_FILE", setting.variable), content.display().to_string());
        assert_eq!(origin(&words, &variables), Origin::VariableFile(format!("{}_FILE", setting.variable)));
        variables.insert(setting.variable.clone(), value.clone());
        let both = gathered(&words, &variables).err().unwrap_or_default();
        assert!(both.contains("both set"), "{}: {both}", setting.key);
        variables.insert(format!("{}_FILE", setting.variable), String::new());
        assert_eq!(origin(&words, &variables), Origin::Variable(setting.variable.clone()));
        words.push(format!("{}={value}", setting.flag()));
        assert_eq!(origin(&words, &variables), Origin::Flag, "{}", setting.key);
    }
    // Of what nobody said anything.
    let found = gathered(&[], &BTreeMap::new()).expect("defaults").settings;
    assert!(found.iter().all(|one| one.origin == Origin::Default));
    assert_eq!(found.len(), settings.len());
}

#[test]
fn a_mistake_in_the_file_is_told_with_its_line_and_key() {
    let dir = temp_dir();
    for (text, words) in [
        ("http = \"127.0.0.1:0\"\n\nworker = 3\n", &[":3:", "worker", "workers"][..]),
        ("htpps = \"off\"", &[":1:", "htpps", "the nearest is https"]),
        ("workers = \"four\"", &[":1:", "workers", "a whole number", "a text"]),
        ("workers = 1.5", &[":1:", "workers", "1.5"]),
        ("# x\nreaders = 0", &[":2:", "readers", "1..=64"]),
        ("readers = -1", &[":1:", "readers"]),
        ("http = 8080", &[":1:", "http", "a text"]),
        ("http = \"nowhere\"", &["--http", "ADDRESS:PORT"]),
        ("link_previews = \"yes\"", &[":1:", "link_previews", "true or false"]),
        ("file_types = [\"pdf\",\n  7]", &[":2:", "file_types", "a text"]),
        ("trusted_proxies = []", &[":1:", "trusted_proxies", "empty"]),
        ("region = \"US\"", &[":1:", "region", "small letters"]),
        ("[limits]\nmembers = 5\nmember = 6", &[":3:", "limits", "member", "the nearest is members"]),
        ("[limits]\nmembers = \"x\"", &[":2:", "limits", "members", "whole number"]),
        ("limits = 5", &[":1:", "limits", "table"]),
        ("limit = 5", &[":1:", "limit", "the nearest is limits"]),
        ("[http]\nport = 80", &[":1:", "http", "table"]),
        ("workers = 1\nworkers = 2", &[":2:", "TOML"]),
        ("workers = ", &[":1:", "TOML"]),
        ("new_database = true", &[":1:", "new_database", "--new-database", "one start"]),
        ("tls_cert = \"a.pem\"", &["tls-key"]),
        ("metrics = \"nope\"", &["--metrics nope", "expected ADDRESS:PORT or off"]),
        ("trusted_proxies = [\"x\"]", &["--trusted-proxies: x", "expected"]),
        ("acme_directory = \"x\"", &["acme_directory", "expected an address like https://"]),
        ("data = 2026-01-01", &[":1:", "data", "time"]),
    ] {
        let file = written(dir.path(), "hobnob.toml", text);
        let file = file.to_str().expect("a plain path");
        for args in [&["config", "check", file][..], &["config", "show", "--config", file], &["--config", file]] {
            let said = refused(&run(args, &[]));
            assert!(words.iter().all(|word| said.contains(word)), "{text:?} by {args:?}: {said}");
            // One sentence, but for what the parser has to say of flags that belong together.
            assert!(said.trim().lines().count() == 1 || words == ["tls-key"], "{text:?}: {said}");
        }
    }
    let missing = refused(&run(&["config", "show"], &[("HOBNOB_CONFIG", "not/there.toml")]));
    assert!(missing.contains("not/there.toml"), "{missing}");
}

#[test]
fn what_is_in_force_is_shown_with_where_it_comes_from_and_without_secrets() {
    let dir = temp_dir();
    let file = written(
        dir.path(),
        "hobnob.toml",
        "workers = 3\nregion = \"eu\"\ntranslate_url = \"http://me:pass@127.0.0.1:5000\"\n[limits]\nmembers = 500\n",
    );
    let secret = written(dir.path(), "key", "hush-hush\n");
    let args =
        ["config", "show", "--config", file.to_str().expect("a path"), "--readers", "2", "--link-previews=false"];
    let variables = [
        ("HOBNOB_REGION", "de"),
        ("HOBNOB_WORKERS", ""),
        ("HOBNOB_LINK_PREVIEWS", "true"),
        ("HOBNOB_TRANSLATE_KEY_FILE", secret.to_str().expect("a path")),
        ("HOBNOB_WORKER", "9"),
    ];
    let output = run(&args, &variables);
    let said = told(&output);
    let line = |start: &str| {
        let found = said.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start} in {said}"));
        found.split_once('#').map_or(("", found), |(value, origin)| (value.trim(), origin.trim())).to_owned()
    };
    let path = file.display();
    assert_eq!(line("workers"), ("workers = 3", &*format!("{path}:1")));
    assert_eq!(line("region"), ("region = \"de\"", "variable HOBNOB_REGION"));
    assert_eq!(line("readers"), ("readers = 2", "flag --readers"));
    assert_eq!(line("link_previews"), ("link_previews = false", "flag --link-previews"));
    assert_eq!(line("limits"), ("limits = { members = 500 }", &*format!("{path}:4")));
    assert_eq!(line("write_queue"), ("write_queue = 10000", "default"));
    assert_eq!(line("translate_key"), ("translate_key = \"***\"", "the file that HOBNOB_TRANSLATE_KEY_FILE names"));
    assert_eq!(line("# tls_cert"), ("", "tls_cert is not set"));
    assert!(!said.contains("pass") && !said.contains("hush"), "{said}");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("HOBNOB_WORKER is set") && complaint.contains("HOBNOB_WORKERS"), "{complaint}");

    let json: Value = serde_json::from_str(&told(&run(&[&args[..], &["--json"]].concat(), &variables))).expect("JSON");
    let one = |key: &str| json.as_array().expect("a list").iter().find(|one| one["key"] == key).expect("there").clone();
    assert_eq!(one("workers")["origin"]["line"], 1);
    assert_eq!(one("translate_key")["values"][0], "***");
    assert_eq!(json.as_array().map(Vec::len), Some(Setting::all(&described()).len()));
    // What is shown is a settings file again.
    let again = written(dir.path(), "again.toml", &said.replace("\"***\"", "\"x\"").replace("***@", ""));
    told(&run(&["config", "check", again.to_str().expect("a path")], &[]));
}

#[test]
fn the_example_is_valid_and_changes_nothing() {
    let dir = temp_dir();
    let example = told(&run(&["config", "example"], &[]));
    let file = written(dir.path(), "hobnob.toml", &example);
    told(&run(&["config", "check", file.to_str().expect("a path")], &[]));
    // Every default taken at its word.
    let lines = example.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    });
    let defaults = lines.collect::<Vec<_>>().join("\n");
    let file = written(dir.path(), "hobnob.toml", &defaults);
    let by_file = gathered(&["--config".to_owned(), file.display().to_string()], &BTreeMap::new()).expect("is valid");
    let by_itself = gathered(&[], &BTreeMap::new()).expect("defaults");
    for (one, other) in by_file.settings.iter().zip(&by_itself.settings) {
        if one.shape.is_table {
            let limits = hobnob::model::limits::Limits::TABLE.iter();
            let defaults: Vec<String> = limits.map(|(name, _, default)| format!("{name}={default}")).collect();
            assert_eq!(one.values, defaults);
            continue;
        }
        let joined = |values: &[String]| values.join(",");
        assert_eq!(joined(&one.values), joined(&other.values), "{}", one.key);
        let is_said = matches!(one.origin, Origin::File { .. });
        assert_eq!(is_said, !other.values.is_empty(), "{} is in the example", one.key);
        assert!(example.contains(&format!("{} = ", one.key)), "{} is in the example", one.key);
    }
}

#[tokio::test]
async fn server_and_tools_take_the_file() {
    let (dir, data) = (temp_dir(), temp_dir());
    let text = format!("data = {:?}\nregion = \"file\"\n[limits]\nname = 20\n", data.path().display().to_string());
    let file = written(dir.path(), "hobnob.toml", &text);
    let file = file.to_str().expect("a path");
    let process = Process::start(data.path(), &["--config", file]);
    let made = told(&run(&["app", "create", "Shop", "--json", "--config", file], &[]));
    let made: Value = serde_json::from_str(&made).expect("JSON");
    assert_eq!(made["region"], "file");
    let listed = told(&run(&["app", "list", "--json"], &[("HOBNOB_CONFIG", file)]));
    assert!(listed.contains("Shop"), "{listed}");
    let long = refused(&run(&["app", "create", "Longer than twenty characters", "--config", file], &[]));
    assert!(long.contains("name"), "{long}");
    // Nothing in it is looked at by who does not name it.
    refused(&run(&["app", "list", "--data", dir.path().to_str().expect("a path")], &[]));
    drop(process);
}

#[test]
fn a_variable_that_names_a_file_is_refused_with_its_name() {
    let dir = temp_dir();
    let path = |name: &str, text: &str| written(dir.path(), name, text).display().to_string();
    let (none, two) = (path("none", "\n"), path("two", "a\nb\n"));
    for (value, word) in [("not/there", "not/there"), (&*none, "is empty"), (&*two, "one line")] {
        let said = refused(&run(&["config", "show"], &[("HOBNOB_WORKERS_FILE", value)]));
        assert!(said.contains("HOBNOB_WORKERS_FILE") && said.contains(word), "{said}");
    }
    let said = refused(&run(&["config", "show"], &[("HOBNOB_WORKERS", "four")]));
    assert!(said.contains("HOBNOB_WORKERS: "), "{said}");
    #[cfg(unix)]
    for (args, variables) in [
        (&["config", "show"][..], &[("HOBNOB_METRICS_TOKEN_FILE", "/dev/zero")][..]),
        (&["config", "check", "/dev/zero"], &[]),
    ] {
        let said = refused(&run(args, variables));
        assert!(said.contains("/dev/zero") && said.contains("larger than"), "{said}");
    }
}

//! The command line, beside a running server.

use hobnob::model::error::Code;
use hobnob::model::limits::Limits;
use serde_json::Value;

use crate::harness::{Process, eventually, hobnob, temp_dir};

fn json_of(output: std::process::Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("JSON: {output:?}"))
}

#[tokio::test]
async fn the_first_start_tells_its_secrets_and_the_second_does_not() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let first = process.stop();
    let word_after = |label: &str| {
        let line = first.lines().find(|line| line.trim_start().starts_with(label));
        line.and_then(|line| line.split_whitespace().last()).unwrap_or_else(|| panic!("{label} in {first}")).to_owned()
    };
    let (app, auth, key, link) =
        (word_after("app id"), word_after("auth key"), word_after("REST API key"), word_after("admin set-up"));
    assert!(link.contains("/admin/#setup="), "{first}");
    let process = Process::start(dir.path(), &[]);
    let client = crate::harness::App::new(&process.site, &app, &auth, &key);
    client.user("ann").await.get("/me").await.ok();
    let second = process.stop();
    for secret in [&auth, &key, &link] {
        assert!(!second.contains(secret.as_str()), "{second}");
    }
    assert!(second.contains("http://") && !second.contains("first start"), "{second}");
    assert_eq!(json_of(hobnob(dir.path(), &["app", "list", "--json"])).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_are_made_and_revoked_while_it_runs() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let app = process.app(dir.path());
    app.get("/users").await.ok();
    let made =
        json_of(hobnob(dir.path(), &["key", "create", &app.app_id, "Backup", "--scope", "fullAccess", "--json"]));
    let secret = made["apiKey"].as_str().unwrap().to_owned();
    let by_it = app.nobody().with("apiKey", &secret);
    by_it.get("/users").await.ok();
    let listed = json_of(hobnob(dir.path(), &["key", "list", &app.app_id, "--json"]));
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert!(!listed.to_string().contains(&secret));
    let revoked = hobnob(dir.path(), &["key", "revoke", &app.app_id, &secret]);
    assert!(revoked.status.success(), "{revoked:?}");
    eventually("the running server refuses the key", async || {
        by_it.get("/users").await.code() == Some(Code::ApiKeyUnknown.as_str())
    })
    .await;
    app.get("/users").await.ok();
    for (args, word) in [
        (vec!["key", "revoke", &app.app_id, "0000"], "API key"),
        (vec!["key", "list", "nothere"], app.app_id.as_str()),
        // Who takes the name for the app is told what is wanted, and which apps there are.
        (vec!["key", "create", "Backup"], app.app_id.as_str()),
        (vec!["key", "create", "Backup"], "key create APP NAME"),
        (vec!["key", "create", &app.app_id, "x", "--scope", "all"], "scope"),
        (vec!["app", "create", "  "], "name"),
    ] {
        let output = hobnob(dir.path(), &args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(word), "{args:?}: {said}");
    }
}

/// What people named is part of a line: it makes none of its own, moves no cursor and turns no writing round.
#[tokio::test]
async fn no_name_makes_a_line_of_its_own() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let hostile = "a\n2026-01-01 admin root\u{1b}[2J\u{9b}1m\u{202e}b";
    let app = json_of(hobnob(dir.path(), &["app", "create", hostile, "--json"]))["appId"].as_str().unwrap().to_owned();
    for args in [
        &["key", "create", &app, hostile][..],
        &["management-key", "create", hostile],
        &["bot", "create", &app, "robot", hostile],
    ] {
        assert!(hobnob(dir.path(), args).status.success(), "{args:?}");
    }
    let lists = [
        (&["app", "list"][..], 2),
        (&["key", "list", &app], 3),
        (&["management-key", "list"], 1),
        (&["bot", "list", &app], 1),
        (&["audit", "list"], 4),
    ];
    for (args, lines) in lists {
        let said = String::from_utf8(hobnob(dir.path(), args).stdout).unwrap();
        assert_eq!(said.lines().count(), lines, "{args:?}: {said:?}");
        let odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(odd), "{args:?}: {said:?}");
    }
    process.stop();
}

#[tokio::test]
async fn two_apps_by_the_command_line() {
    let dir = temp_dir();
    let process = Process::start(dir.path(), &[]);
    let (one, two) = (process.app(dir.path()), process.app(dir.path()));
    assert_ne!(one.app_id, two.app_id);
    one.user("ann").await;
    two.get("/users/ann").await.refused(Code::UidNotFound);
    let link = json_of(hobnob(dir.path(), &["admin-link", "--json"]));
    let secret = link["setup"].as_str().unwrap();
    assert!(secret.len() >= 32);
    // The whole link, at the server that runs; or where it is said to be reached.
    assert_eq!(link["url"], format!("{}/admin/#setup={secret}", process.site.base));
    let public = hobnob(dir.path(), &["admin-link", "--public-host", "chat.example/chat"]);
    let public = String::from_utf8_lossy(&public.stdout).into_owned();
    assert!(public.starts_with("https://chat.example/chat/admin/#setup="), "{public}");
    let version = hobnob(dir.path(), &["--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")), "{version:?}");
}

/// A tool that repeats the flags of the server hides its own among them.
#[test]
fn the_help_of_a_tool_names_its_own_flags_only() {
    let help = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_hobnob")).args(words).arg("--help").output();
        String::from_utf8(output.expect("runs").stdout).expect("text")
    };
    let flags = |text: &str| {
        let lines = text.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let lines = lines.filter_map(|line| line.split("--").nth(1).map(str::to_owned));
        lines.map(|line| line.split([' ', ',']).next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert!(flags(&help(&["serve"])).contains(&"write-queue".to_owned()));
    for (words, own) in [
        (&["app", "list"][..], &["data", "config", "json", "help"][..]),
        (&["app", "create"], &["region", "limit", "data", "config", "json", "help"]),
        (&["key", "create"], &["scope", "limit", "data", "config", "json", "help"]),
        (&["key", "list"], &["data", "config", "json", "help"]),
        (&["key", "revoke"], &["data", "config", "json", "help"]),
        (&["bot", "create"], &["limit", "data", "config", "json", "help"]),
        (&["bot", "list"], &["data", "config", "json", "help"]),
        (&["bot", "retire"], &["data", "config", "json", "help"]),
        (&["management-key", "create"], &["data", "config", "json", "help"]),
        (&["management-key", "list"], &["data", "config", "json", "help"]),
        (&["management-key", "revoke"], &["data", "config", "json", "help"]),
        (&["backup"], &["to", "every", "keep", "data", "config", "json", "help"]),
        (&["restore"], &["check", "data", "config", "json", "help"]),
        (&["app", "retention"], &["user", "group", "data", "config", "json", "help"]),
        (&["app", "limits"], &["set", "limit", "data", "config", "json", "help"]),
        (&["user", "delete"], &["kind", "dry-run", "yes", "data", "config", "json", "help"]),
        (&["webhook", "list"], &["data", "config", "json", "help"]),
        (&["webhook", "log"], &["state", "last", "data", "config", "json", "help"]),
        (&["webhook", "replay"], &["failed", "from", "to", "data", "config", "json", "help"]),
        (&["audit", "list"], &["app", "last", "data", "config", "json", "help"]),
        (&["compact"], &["data", "config", "json", "help"]),
        (&["limits"], &["json", "help"]),
        (&["admin-link"], &["public-host", "data", "config", "json", "help"]),
    ] {
        assert_eq!(flags(&help(words)), own, "{words:?}");
    }
}

/// The table of the README names every limit there is, with its default; `--json` gives the same to scripts.
#[test]
fn limits_are_listed_in_the_readme_and_for_scripts() {
    let readme = include_str!("../../README.md");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hobnob")).args(["limits", "--json"]).output();
    let listed = json_of(output.expect("runs"));
    assert!(Limits::TABLE.len() > 50);
    for (row, (name, meaning, default)) in listed.as_array().expect("a list").iter().zip(Limits::TABLE) {
        assert_eq!((&row["name"], &row["default"]), (&Value::from(*name), &Value::from(*default)));
        let line = format!("| `{name}` | {default} |{meaning} |");
        assert!(readme.contains(&line), "the README lacks {line}");
        assert!(Limits::least(name) <= *default, "{name}");
    }
}

//! The handbook: every command in `docs/operations.md` does what it says, in the order it says it, on the data that the
//! commands before it left.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use hobnob::actions::demo;

use crate::harness::temp_dir;

const HANDBOOK: &str = include_str!("../../docs/operations.md");

/// What cannot be done in a test, by the beginning of its line, and why.
const NOT_RUN: &[(&str, &str)] = &[
    (
        "curl ",
        "asks a server at its default port; watch.rs, webhooks/manage.rs and rules.rs ask the same of one at another",
    ),
    ("hobnob health", "likewise; certificates.rs"),
    ("hobnob tail", "goes on until it is ended, at a server that runs; tail.rs reads one by these very flags"),
    ("systemctl ", "needs systemd as the first process; systemd.rs speaks with the server as it does"),
    ("docker ", "needs a builder of images"),
    (
        "hobnob serve --http 0.0.0.0:80 ",
        "needs a name in the DNS; acme.rs gets certificates from an authority of its own",
    ),
    ("hobnob serve --https 0.0.0.0:443 ", "needs that certificate; certificates.rs serves with files"),
    ("hobnob import --from-cometchat ", "needs that app; pull.rs takes one over from another Hobnob"),
    ("hobnob doctor --url ", "needs that server; doctor.rs asks one behind proxies"),
];

/// What only another machine can answer.
const ELSEWHERE: &[&str] = &["| age ", "| ssh "];

/// How long a command may take to do something, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lines of code blocks, and the commands in tables.
fn commands() -> Vec<String> {
    let mut found = Vec::new();
    let mut fence = None;
    for line in HANDBOOK.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = match fence {
                None => Some(language),
                Some(_) => None,
            };
            continue;
        }
        match fence {
            Some("sh" | "bash" | "console" | "") => found.push(line.trim().to_owned()),
            Some(_) => {}
            None if line.starts_with("    ") => found.push(line.trim().to_owned()),
            None if line.starts_with('|') => {
                let spans = line.split('`').skip(1).step_by(2).filter(|span| span.starts_with("hobnob "));
                found.extend(spans.map(|span| span.replace("\\|", "|")));
            }
            None => {}
        }
    }
    found.retain(|line| !line.is_empty() && !line.starts_with('#'));
    found
}

/// The newest file in `folder` whose name begins and ends so.
fn newest(folder: &Path, begin: &str, end: &str) -> Option<String> {
    let names = std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with(begin) && name.ends_with(end)).max()
}

/// With the names of this folder in place of the examples'.
fn filled_in(line: &str, folder: &Path, app: &str) -> String {
    let words = line.split(' ').map(|word| match word {
        "APP_ID" | "APP" => app,
        "UID" => demo::UIDS[1],
        "NAME" => ADMIN,
        word => word,
    });
    let mut line = words.collect::<Vec<_>>().join(" ");
    if let (Some(at), Some(backup)) = (line.find("hobnob-20"), newest(&folder.join("backups"), "hobnob-20", ".zst"))
        && !line.contains(".age")
    {
        let end = line[at..].find(".zst").map_or(line.len(), |end| at + end + 4);
        line.replace_range(at..end, &backup);
    }
    line
}

/// An admin there is already.
const ADMIN: &str = "root";

/// Runs a line of the handbook as a shell would, in `folder`. What serves or repeats is ended once it does.
fn run(line: &str, folder: &Path) -> Result<(), String> {
    let goes_on = line.starts_with("hobnob serve") || line.contains(" --every ");
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    let line = if goes_on { format!("exec {line}") } else { line.to_owned() };
    command.args(["-c", &line]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    // Any free port, whatever the handbook's example says elsewhere.
    command.env("HOBNOB_HTTP", "127.0.0.1:0").env("HOBNOB_HTTPS", "127.0.0.1:0");
    if !goes_on {
        let output = command.output().map_err(|e| e.to_string())?;
        return match output.status.success() {
            true => Ok(()),
            false => Err(format!("{output:?}")),
        };
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
    let (tell, told) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
    }
    let spoke = told.recv_timeout(PATIENCE).is_ok();
    let pid = child.id().to_string();
    let _ = Command::new("kill").args([if line.contains("serve") { "-TERM" } else { "-INT" }, &pid]).status();
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    match spoke && output.status.success() {
        true => Ok(()),
        false => Err(format!("{output:?}")),
    }
}

#[cfg(unix)]
#[test]
fn every_command_of_the_handbook_does_its_work() {
    let folder = temp_dir();
    let folder = folder.path();
    std::fs::create_dir(folder.join("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hobnob"), folder.join("bin/hobnob")).unwrap();
    run("hobnob serve --demo", folder).unwrap();
    let listed =
        Command::new(env!("CARGO_BIN_EXE_hobnob")).args(["app", "list", "--json"]).current_dir(folder).output();
    let listed: serde_json::Value = serde_json::from_slice(&listed.unwrap().stdout).unwrap();
    let app = listed[0]["appId"].as_str().or(listed[0]["id"].as_str()).unwrap_or_else(|| panic!("{listed}")).to_owned();
    let database = rusqlite::Connection::open(folder.join("hobnob-data/hobnob.db")).unwrap();
    let admin = "INSERT INTO admins (name, password_hash, created_at) VALUES (?1, '', 1)";
    database.execute(admin, [ADMIN]).unwrap();
    drop(database);
    // An export is taken over into another app than its own.
    run("hobnob app create Other", folder).unwrap();
    let apps = Command::new(env!("CARGO_BIN_EXE_hobnob"))
        .args(["app", "list", "--json"])
        .current_dir(folder)
        .output()
        .unwrap();
    let apps: serde_json::Value = serde_json::from_slice(&apps.stdout).unwrap();
    let other =
        apps.as_array().unwrap().iter().find(|one| one["name"] == "Other").unwrap()["id"].as_str().unwrap().to_owned();
    let (mut wrong, mut run_lines) = (Vec::new(), 0);
    for line in commands() {
        let is_not_run = NOT_RUN.iter().any(|(begin, _)| line.starts_with(begin));
        if is_not_run || ELSEWHERE.iter().any(|word| line.contains(word)) {
            continue;
        }
        assert!(line.starts_with("hobnob "), "who runs this? {line}");
        run_lines += 1;
        if let Err(why) =
            run(&filled_in(&line, folder, if line.starts_with("hobnob import") { &other } else { &app }), folder)
        {
            wrong.push(format!("{line}\n    {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run_lines > 15, "only {run_lines} commands were found");
}

#[test]
fn what_is_not_run_is_still_in_the_handbook() {
    for (begin, why) in NOT_RUN {
        assert!(commands().iter().any(|line| line.starts_with(begin)), "{begin}: {why}");
    }
}

//! `hobnob config`: the settings as they are in force, a settings file looked over, and one to begin with.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{FromArgMatches, Subcommand};
use serde_json::json;

use super::{Outcome, described, say};
use crate::config::Config;
use crate::model::limits::Limits;
use crate::model::nearest::nearest;
use crate::settings::file::Kind;
use crate::settings::{self, Effective, Origin, PREFIX, Setting};

/// What can be asked about settings.
#[derive(Subcommand)]
pub enum Command {
    /// Print every setting as it is in force, and where it comes from
    Show(Box<Show>),
    /// Say what is wrong with a settings file
    Check {
        /// The file (TOML)
        file: PathBuf,
    },
    /// Print a settings file with all settings and their defaults, to begin with
    Example,
}

/// Flags of `config show`: those of the server, so that one sees what they would change.
#[derive(clap::Args)]
pub struct Show {
    #[command(flatten)]
    config: Config,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// Does it; `found` are the settings of this very command.
pub fn run(command: Command, found: &[Effective]) -> Outcome {
    match command {
        Command::Show(show) => {
            show.config.check()?;
            match show.json {
                true => say(&json!(found.iter().map(as_json).collect::<Vec<_>>()).to_string()),
                false => found.iter().for_each(|setting| say(&as_line(setting))),
            }
            for complaint in strangers(std::env::vars_os().map(|(name, _)| name)) {
                eprintln!("hobnob: {complaint}");
            }
            Ok(())
        }
        Command::Check { file } => {
            let matches = settings::check_file(&described(), &file)?;
            let config = Config::from_arg_matches(&matches).map_err(|e| format!("{}: {e}", file.display()))?;
            config.check().map_err(|why| format!("{}: {why}", file.display()))?;
            say(&format!("{} is good.", file.display()));
            Ok(())
        }
        Command::Example => {
            say(example().trim_end());
            Ok(())
        }
    }
}

/// A value as it may be shown. Of an address with a password in it the password is left out, too.
fn shown(setting: &Effective) -> Vec<String> {
    let hidden = |value: &String| match value.split_once("://").map(|(scheme, rest)| (scheme, rest.split_once('@'))) {
        Some((scheme, Some((who, rest)))) if !who.contains('/') => format!("{scheme}://***@{rest}"),
        _ => value.clone(),
    };
    match setting.is_secret {
        true => setting.values.iter().map(|_| "***".to_owned()).collect(),
        false => setting.values.iter().map(hidden).collect(),
    }
}

fn as_line(setting: &Effective) -> String {
    let origin = match &setting.origin {
        Origin::Flag => format!("flag {}", setting.flag),
        Origin::Variable(name) => format!("variable {name}"),
        Origin::VariableFile(name) => format!("the file that {name} names"),
        Origin::File { path, line } => format!("{}:{line}", path.display()),
        Origin::Default => "default".to_owned(),
    };
    match shown(setting).as_slice() {
        [] => format!("# {} is not set", setting.key),
        values => format!("{:<24} # {origin}", format!("{} = {}", setting.key, toml_of(setting.shape, values))),
    }
}

fn as_json(setting: &Effective) -> serde_json::Value {
    let origin = match &setting.origin {
        Origin::Flag => json!({ "kind": "flag", "name": setting.flag }),
        Origin::Variable(name) => json!({ "kind": "variable", "name": name }),
        Origin::VariableFile(name) => json!({ "kind": "variableFile", "name": name }),
        Origin::File { path, line } => json!({ "kind": "file", "name": path, "line": line }),
        Origin::Default => json!({ "kind": "default" }),
    };
    json!({
        "key": setting.key, "flag": setting.flag, "variable": setting.variable, "values": shown(setting), "origin": origin,
    })
}

/// As a settings file says it.
fn toml_of(shape: settings::Shape, values: &[String]) -> String {
    let plain = |value: &String| match shape.kind {
        Kind::Text => quoted(value),
        Kind::Number | Kind::Switch => value.clone(),
    };
    if shape.is_table {
        let rows = values.iter().filter_map(|value| value.split_once('='));
        return format!("{{ {} }}", rows.map(|(name, n)| format!("{name} = {n}")).collect::<Vec<_>>().join(", "));
    }
    match (shape.is_list, values) {
        (false, [value]) => plain(value),
        _ => format!("[{}]", values.iter().map(plain).collect::<Vec<_>>().join(", ")),
    }
}

/// A basic string of TOML; JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What to say of variables that look like ours and are none: a slip in a name would else pass in silence.
pub fn strangers(names: impl Iterator<Item = OsString>) -> Vec<String> {
    let mut known = Vec::new();
    collect_variables(&described(), &mut known);
    let mut found: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    found.retain(|name| name.starts_with(PREFIX) && !known.contains(&name.trim_end_matches("_FILE").to_owned()));
    found.sort();
    let near = |name: &str| nearest(name, known.iter().map(String::as_str)).unwrap_or_default().to_owned();
    found
        .iter()
        .map(|name| format!("{name} is set, but there is no such variable; the nearest is {}", near(name)))
        .collect()
}

fn collect_variables(command: &clap::Command, found: &mut Vec<String>) {
    let names = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str());
    found.extend(names.map(str::to_owned));
    command.get_subcommands().for_each(|tool| collect_variables(tool, found));
}

/// A settings file that says what there is and changes nothing: each line with one `#` before it is the default.
fn example() -> String {
    let mut text = "# Settings of Hobnob. A flag wins over its variable, a variable over this file.\n\
                    # Lines that begin with a hash and no space are the defaults: take the hash away and change them.\n\
                    # `hobnob config check FILE` says what is wrong with a file, `hobnob config show` what is in force.\n"
        .to_owned();
    let (tables, keys): (Vec<_>, Vec<_>) = Setting::all(&described()).into_iter().partition(|one| one.shape.is_table);
    for setting in keys.iter().chain(&tables) {
        text += "\n";
        setting.help.lines().for_each(|line| text += &format!("# {line}\n"));
        text += &format!("# {}, {}", setting.flag(), setting.variable);
        if setting.is_secret {
            text += &format!("; {}_FILE names a file with it in", setting.variable);
        }
        text += "\n";
        if setting.shape.is_table {
            text += &format!("#[{}]\n", setting.key);
            for (name, meaning, default) in Limits::TABLE {
                text += &format!("#{name} = {default}  # {}\n", meaning.trim());
            }
            continue;
        }
        text += &match setting.default.as_slice() {
            // With a space: an example, no default.
            [] => {
                let some = [setting.value_name.clone()];
                let shape = settings::Shape { kind: Kind::Text, ..setting.shape };
                format!("# {} = {}\n", setting.key, toml_of(shape, &some))
            }
            default => format!("#{} = {}\n", setting.key, toml_of(setting.shape, default)),
        };
    }
    text
}

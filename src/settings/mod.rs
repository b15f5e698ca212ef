//! Where settings come from: flag, variable, variable that names a file (`…_FILE`), settings file, default; in this order.
//!
//! Nothing here knows a single setting. What there is, what it is called and what it may be is read off the command line's
//! own description, so that a new flag with a variable is a setting of the file without a second list to forget. Whatever a
//! flag does not say is handed to the parser as one more flag: rules between settings (`requires`, `conflicts_with`) and the
//! checks of values hold wherever a value comes from.
//!
//! What has no variable is no setting but a wish for one start (`--demo`, `--new-database`), and has no place in a file.

pub mod file;

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::model::nearest::nearest;
use file::{File, Given, Kind, Value};

/// How variables begin.
pub const PREFIX: &str = "HOBNOB_";

/// The id of the flag that names the settings file.
pub const CONFIG: &str = "config";

/// Looks up a variable: [`std::env::var_os`], or what a test has.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag,
    /// Its name.
    Variable(String),
    /// The name of the variable that names a file with the value in it.
    VariableFile(String),
    File {
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    Default,
}

/// A setting as it is in force.
#[derive(Clone, Debug)]
pub struct Effective {
    pub key: String,
    /// The long flag, with its hyphens.
    pub flag: String,
    pub variable: String,
    /// Empty: not set, and there is no fixed default.
    pub values: Vec<String>,
    pub origin: Origin,
    pub shape: Shape,
    pub is_secret: bool,
}

/// A setting as the command line describes it.
#[derive(Clone, Debug)]
pub struct Setting {
    pub key: String,
    pub variable: String,
    pub help: String,
    /// What stands for its value in the help.
    pub value_name: String,
    pub default: Vec<String>,
    pub shape: Shape,
    pub is_secret: bool,
    arg: Arg,
}

/// How a file says the value of a setting.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub kind: Kind,
    /// Takes several values.
    pub is_list: bool,
    /// Its values are `NAME=N`, so that a table of the file is what it takes.
    pub is_table: bool,
}

/// What was gathered: what the parser made of it, and where each setting of the command came from.
pub struct Gathered {
    pub matches: ArgMatches,
    pub settings: Vec<Effective>,
    /// Settings file that was read.
    pub file: Option<PathBuf>,
}

/// Why nothing could be gathered.
pub enum Refusal {
    /// In the parser's words; also the help and the version, which are asked for.
    Parser(clap::Error),
    /// One sentence.
    Plain(String),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Refusal {
        Refusal::Parser(error)
    }
}

impl From<String> for Refusal {
    fn from(why: String) -> Refusal {
        Refusal::Plain(why)
    }
}

impl Setting {
    fn of(arg: &Arg) -> Option<Setting> {
        let variable = arg.get_env()?.to_str()?.to_owned();
        let key = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
        let flag = arg.get_long()?;
        let value_name = arg.get_value_names().unwrap_or_default().join(" ");
        let is_table = value_name.contains('=') && key != flag.replace('-', "_");
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue) || is_of(arg, &[TypeId::of::<bool>()]);
        let kind = match is_switch {
            true => Kind::Switch,
            false if is_of(arg, &numbers()) => Kind::Number,
            false => Kind::Text,
        };
        let default = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
        let default = default.flat_map(|value| match arg.get_value_delimiter() {
            Some(delimiter) => value.split(delimiter).map(str::to_owned).collect(),
            None => vec![value],
        });
        Some(Setting {
            key,
            variable,
            help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
            value_name,
            default: default.collect(),
            shape: Shape { kind, is_list: matches!(arg.get_action(), ArgAction::Append), is_table },
            is_secret: arg.is_hide_env_values_set(),
            arg: arg.clone(),
        })
    }

    /// The settings of a command. What names the settings file is none.
    pub fn all(command: &Command) -> Vec<Setting> {
        command.get_arguments().filter(|arg| arg.get_id() != CONFIG).filter_map(Setting::of).collect()
    }

    /// The long flag, with its hyphens.
    pub fn flag(&self) -> String {
        format!("--{}", self.arg.get_long().unwrap_or_default())
    }

    fn id(&self) -> &str {
        self.arg.get_id().as_str()
    }

    /// The values a variable's text holds.
    fn split(&self, text: OsString) -> Vec<OsString> {
        match (self.arg.get_value_delimiter(), text.to_str()) {
            (Some(delimiter), Some(text)) => text.split(delimiter).map(OsString::from).collect(),
            _ => vec![text],
        }
    }

    /// The flag that says it.
    fn as_flag(&self, value: &OsStr) -> OsString {
        let mut flag = OsString::from(self.flag());
        flag.push("=");
        flag.push(value);
        flag
    }

    /// What is wrong with a value of this setting, if anything is.
    fn refusal(&self, command: &Command, value: &OsStr) -> Option<String> {
        let alone = [OsString::from("hobnob"), self.as_flag(value)];
        let error = command.clone().try_get_matches_from(alone).err()?;
        // That others belong to it is looked at when all of them are there.
        let is_about_it = !matches!(
            error.kind(),
            ErrorKind::MissingRequiredArgument
                | ErrorKind::ArgumentConflict
                | ErrorKind::MissingSubcommand
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
        is_about_it.then(|| explained(&error))
    }

    /// The values of one entry of a file, each with its line. `Err`: line, and what is wrong.
    fn values(&self, given: &Given, line: usize) -> Result<Vec<(String, usize)>, (usize, String)> {
        let fitting = |value: &Value| match value.kind == self.shape.kind {
            true => Ok((value.text.clone(), value.line)),
            false => Err((value.line, format!("expected {}, found {}", self.shape.kind.name(), value.kind.name()))),
        };
        match given {
            Given::Table(rows) if self.shape.is_table => rows
                .iter()
                .map(|(name, value)| match value.kind {
                    Kind::Number => Ok((format!("{name}={}", value.text), value.line)),
                    found => Err((value.line, format!("{name}: expected a whole number, found {}", found.name()))),
                })
                .collect(),
            _ if self.shape.is_table => {
                Err((line, format!("expected a table: [{}] and lines like name = 1", self.key)))
            }
            Given::Table(_) => Err((line, format!("expected {}, found a table", self.shape.kind.name()))),
            Given::List(list) if self.shape.is_list => match list.is_empty() && !self.default.is_empty() {
                true => Err((line, "an empty list says nothing: leave it out for the default".to_owned())),
                false => list.iter().map(fitting).collect(),
            },
            Given::List(_) => Err((line, format!("expected {}, found a list", self.shape.kind.name()))),
            Given::One(value) => Ok(vec![fitting(value)?]),
        }
    }
}

fn is_of(arg: &Arg, types: &[TypeId]) -> bool {
    let is = arg.get_value_parser().type_id();
    types.iter().any(|one| is == *one)
}

fn numbers() -> [TypeId; 6] {
    [
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
        TypeId::of::<i32>(),
        TypeId::of::<i64>(),
    ]
}

/// The parser's complaint about one value, without the flag and the hints that belong to a command line.
fn explained(error: &clap::Error) -> String {
    if let Some(why) = std::error::Error::source(error) {
        return why.to_string();
    }
    if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) {
        return format!("expected one of {}", valid.join(", "));
    }
    let text = error.to_string();
    let said: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let said = said.join(" ");
    said.strip_prefix("error: ").unwrap_or(&said).to_owned()
}

/// Makes switches that are settings take a value, so that a flag can also switch off what a file or a variable switches on.
pub fn with_switches(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let is_setting = Setting::of(&arg).is_some_and(|setting| setting.shape.kind == Kind::Switch);
        match is_setting {
            true => arg
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_value("false")
                .default_missing_value("true")
                .hide_default_value(true)
                .value_name("true|false")
                .value_parser(clap::builder::BoolValueParser::new()),
            false => arg,
        }
    });
    each_tool(command, with_switches)
}

/// Leaves out variables that are set to nothing: that is how compose files and unit files say "not set".
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| match arg.get_env().is_some_and(is_empty) {
        true => arg.env(Resettable::Reset),
        false => arg,
    });
    each_tool(command, without_empty_variables)
}

/// Variables are looked up here, not by the parser.
fn without_variables(command: Command) -> Command {
    each_tool(command.mut_args(|arg| arg.env(Resettable::Reset)), without_variables)
}

fn each_tool(command: Command, change: fn(Command) -> Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|tool| tool.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, change))
}

/// The command that was asked for, with what the parser made of its flags.
fn asked<'a>(command: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    match matches.subcommand() {
        Some((name, inner)) => match command.find_subcommand(name) {
            Some(tool) => asked(tool, inner),
            None => (command, matches),
        },
        None => (command, matches),
    }
}

/// Gathers what a command line, variables and a settings file say.
///
/// The file is checked as a whole against the settings of `command` itself (the server's), whichever tool was asked for; a
/// tool takes those that are its own as well.
pub fn gather(command: &Command, line: Vec<OsString>, variables: Variables<'_>) -> Result<Gathered, Refusal> {
    // Once leniently: which command is it, and what do flags say? Help and version end here.
    let lenient = without_empty_variables(command.clone()).ignore_errors(true);
    let first = match lenient.try_get_matches_from(&line) {
        Ok(first) => first,
        Err(error) if !error.use_stderr() => return Err(error.into()),
        Err(_) => {
            let strict = without_empty_variables(command.clone()).try_get_matches_from(&line)?;
            return Ok(Gathered { matches: strict, settings: Vec::new(), file: None });
        }
    };
    let mut built = command.clone();
    built.build();
    let (tool, by_flags) = asked(&built, &first);
    let is_flag = |id: &str| {
        let known = by_flags.try_contains_id(id).is_ok();
        known && by_flags.value_source(id) == Some(ValueSource::CommandLine)
    };

    let path = match is_flag(CONFIG) {
        true => by_flags.get_raw(CONFIG).and_then(|mut raw| raw.next()).map(PathBuf::from),
        false => {
            let takes = tool.get_arguments().find(|arg| arg.get_id() == CONFIG);
            takes
                .and_then(Arg::get_env)
                .and_then(|name| variable(&name.to_string_lossy(), variables))
                .map(PathBuf::from)
        }
    };
    let plain = without_variables(command.clone());
    let file = path.map(|path| File::read(&path)).transpose()?;
    let said = file.as_ref().map(|file| checked(command, &plain, file)).transpose()?.unwrap_or_default();

    let (mut origins, mut more) = (Vec::new(), Vec::new());
    let (plain_tool, _) = asked(&plain, &first);
    for setting in Setting::all(tool) {
        let (values, origin) = if is_flag(setting.id()) {
            (Vec::new(), Origin::Flag)
        } else if let Some((text, origin)) = by_variable(&setting, variables)? {
            let values = setting.split(text);
            let name = match &origin {
                Origin::VariableFile(name) | Origin::Variable(name) => name.clone(),
                _ => setting.variable.clone(),
            };
            if let Some(why) = values.iter().find_map(|value| setting.refusal(plain_tool, value)) {
                return Err(Refusal::Plain(format!("{name}: {why}")));
            }
            (values, origin)
        } else if let Some(said) = said.iter().find(|said| said.key == setting.key) {
            let path = file.as_ref().map(|file| file.path.clone()).unwrap_or_default();
            (said.values.iter().map(OsString::from).collect(), Origin::File { path, line: said.line })
        } else {
            (Vec::new(), Origin::Default)
        };
        more.extend(values.iter().map(|value| setting.as_flag(value)));
        origins.push((setting, origin));
    }

    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    let mut whole = line.clone();
    whole.splice(end..end, more);
    let matches = plain.clone().try_get_matches_from(whole).map_err(|error| {
        // A mistake in the flags themselves is told as such, and with the usage that names variables.
        let alone = without_empty_variables(command.clone()).try_get_matches_from(&line).err();
        alone.filter(|alone| alone.kind() == error.kind()).unwrap_or(error)
    })?;
    let (_, all) = asked(&built, &matches);
    let settings = origins.into_iter().map(|(setting, origin)| effective(&setting, origin, all)).collect();
    Ok(Gathered { settings, file: file.map(|file| file.path), matches })
}

fn effective(setting: &Setting, origin: Origin, matches: &ArgMatches) -> Effective {
    let raw = matches.get_raw(setting.id()).into_iter().flatten();
    Effective {
        key: setting.key.clone(),
        flag: setting.flag(),
        variable: setting.variable.clone(),
        values: raw.map(|value| value.to_string_lossy().into_owned()).collect(),
        origin,
        shape: setting.shape,
        is_secret: setting.is_secret,
    }
}

fn variable(name: &str, variables: Variables<'_>) -> Option<OsString> {
    variables(name).filter(|value| !value.is_empty())
}

/// What the variable of a setting says, or the file that its `…_FILE` names.
fn by_variable(setting: &Setting, variables: Variables<'_>) -> Result<Option<(OsString, Origin)>, String> {
    let (name, name_of_file) = (&setting.variable, format!("{}_FILE", setting.variable));
    match (variable(name, variables), variable(&name_of_file, variables)) {
        (Some(_), Some(_)) => Err(format!("{name} and {name_of_file} are both set: expected one of them")),
        (Some(text), None) => Ok(Some((text, Origin::Variable(name.clone())))),
        (None, None) => Ok(None),
        (None, Some(path)) => {
            let path = Path::new(&path);
            let text = file::text(path).map_err(|e| format!("{name_of_file}: cannot read {}: {e}", path.display()))?;
            let text = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
            match text {
                "" => Err(format!("{name_of_file}: {} is empty", path.display())),
                text if text.contains('\n') => {
                    Err(format!("{name_of_file}: expected one line in {}, the value of {name}", path.display()))
                }
                text => Ok(Some((text.into(), Origin::VariableFile(name_of_file)))),
            }
        }
    }
}

/// What a file says of a setting.
struct Said {
    key: String,
    values: Vec<String>,
    line: usize,
}

/// What a file says, if every key is a setting of `command` and every value one it can have.
fn checked(command: &Command, plain: &Command, file: &File) -> Result<Vec<Said>, String> {
    let settings = Setting::all(command);
    let mut said = Vec::new();
    for entry in &file.entries {
        let Some(setting) = settings.iter().find(|setting| setting.key == entry.key) else {
            return Err(format!("{}: {}", file.at(entry.line), unknown(command, &settings, &entry.key)));
        };
        let values = setting
            .values(&entry.given, entry.line)
            .map_err(|(line, why)| format!("{}: {}: {why}", file.at(line), entry.key))?;
        for (value, line) in &values {
            if let Some(why) = setting.refusal(plain, OsStr::new(value)) {
                return Err(format!("{}: {}: {why}", file.at(*line), entry.key));
            }
        }
        let values = values.into_iter().map(|(value, _)| value).collect();
        said.push(Said { key: entry.key.clone(), values, line: entry.line });
    }
    Ok(said)
}

/// What to say of a key that is no setting.
fn unknown(command: &Command, settings: &[Setting], key: &str) -> String {
    let flag = key.replace('_', "-");
    let once = command.get_arguments().any(|arg| arg.get_long() == Some(&flag) && arg.get_env().is_none());
    if once {
        return format!("{key} is for one start only: give the flag --{flag}");
    }
    match nearest(key, settings.iter().map(|setting| setting.key.as_str())) {
        Some(near) => format!("there is no setting {key}; the nearest is {near}"),
        None => format!("there is no setting {key}; `hobnob config example` lists them"),
    }
}

/// What is wrong with a settings file on its own, whatever variables and flags say beside it.
pub fn check_file(command: &Command, path: &Path) -> Result<ArgMatches, String> {
    let plain = without_variables(command.clone());
    let file = File::read(path)?;
    let said = checked(command, &plain, &file)?;
    let settings = Setting::all(command);
    let mut line = vec![OsString::from("hobnob")];
    for said in &said {
        let setting = settings.iter().find(|setting| setting.key == said.key);
        line.extend(setting.into_iter().flat_map(|setting| said.values.iter().map(|v| setting.as_flag(OsStr::new(v)))));
    }
    plain.try_get_matches_from(line).map_err(|error| format!("{}: {}", path.display(), explained(&error)))
}

//! `hobnob export`: one app in one file.

use std::path::PathBuf;

use super::backup::Meter;
use super::{Outcome, existing_in, say};
use crate::backup::Target;
use crate::config::Folder;
use crate::model::time::Clock;
use crate::transfer;

/// Which app, and where to.
#[derive(clap::Args)]
pub struct Export {
    /// App id
    app: String,
    /// File or folder to write to; in a folder it gets a name by app and time. A folder is made if a slash ends its name; `-`
    /// is standard output
    #[arg(long, default_value = ".", value_name = "FILE|DIR")]
    to: PathBuf,
    #[command(flatten)]
    folder: Folder,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

impl Export {
    pub fn run(self) -> Outcome {
        existing_in(&self.folder)?;
        let to = Target::of(&self.to)?;
        let mut meter = Meter::default();
        let mut progress = |what: &str, count: u64| match what {
            "lines" => meter.text(count, &format!("export: {count} lines")),
            _ => meter.at("export: files", count),
        };
        let (path, counts) = transfer::export(&self.folder.data, &self.app, &to, &Clock::default(), &mut progress)?;
        meter.done();
        // Where the export itself goes to the output, nothing else does.
        let Some(path) = path else { return Ok(()) };
        match self.json {
            true => say(&serde_json::json!({ "file": path, "counts": counts }).to_string()),
            false => say(&format!("{}: {}", path.display(), shown(&counts))),
        }
        Ok(())
    }
}

/// Counts by kind, for people.
pub fn shown(counts: &transfer::Counts) -> String {
    let kinds = ["user", "group", "member", "message", "media"];
    let of = |kind: &str| counts.get(kind).copied().unwrap_or(0);
    let many = |kind: &str| match (kind, of(kind)) {
        ("media", 1) => "1 file".to_owned(),
        ("media", count) => format!("{count} files"),
        (_, 1) => format!("1 {kind}"),
        (_, count) => format!("{count} {kind}s"),
    };
    kinds.map(many).join(", ")
}

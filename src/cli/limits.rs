//! `hobnob limits`: what `--limit` can change.

use serde_json::json;

use super::{Outcome, say};
use crate::model::limits::Limits;

/// How the limits are listed.
#[derive(clap::Args)]
pub struct Table {
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// Lists the limits with their defaults.
pub fn run(table: Table) -> Outcome {
    if table.json {
        let limits = Limits::TABLE.iter().map(|(name, meaning, default)| {
            json!({ "name": name, "default": default, "least": Limits::least(name), "meaning": meaning.trim() })
        });
        say(&serde_json::Value::Array(limits.collect()).to_string());
        return Ok(());
    }
    for (name, meaning, default) in Limits::TABLE {
        say(&format!("{name:<19} {default:>13} {meaning}"));
    }
    Ok(())
}

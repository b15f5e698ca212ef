//! `hobnob backup`: a copy of the database, while it is in use or not.

use std::path::PathBuf;

use super::{Outcome, Target, existing, say};
use crate::store;

/// Where the copy goes.
#[derive(clap::Args)]
pub struct Backup {
    /// File to write; it must not be there yet
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// Writes the copy.
pub fn run(backup: Backup) -> Outcome {
    let Backup { file, target } = backup;
    let explain = |why: &dyn std::fmt::Display| format!("cannot write {}: {why}", file.display());
    store::backup(&existing(&target)?, &file).map_err(|e| explain(&e.plain()))?;
    let bytes = std::fs::metadata(&file).map_err(|e| explain(&e))?.len();
    if target.json {
        say(&serde_json::json!({ "file": file, "bytes": bytes }).to_string());
    } else {
        let media = target.folder.data.join("media");
        say(&format!(
            "{} ({bytes} bytes). Files of messages are beside it: copy {} too.",
            file.display(),
            media.display()
        ));
    }
    Ok(())
}

//! `hobnob restore`: a backup becomes a data folder again, or is only looked at.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::backup::{Meter, contents};
use super::{Outcome, is_root, note, owner, say};
use crate::backup;
use crate::config::Folder;
use crate::model::audit::Act;

/// Which backup, and where to.
#[derive(clap::Args)]
pub struct Restore {
    /// The backup; `-` is standard input
    file: PathBuf,
    /// Change nothing: read it through, open the database in it, and count
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    folder: Folder,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub async fn run(self) -> Outcome {
        let archive: Box<dyn Read> = match self.file == Path::new("-") {
            true => Box::new(io::stdin().lock()),
            false => {
                let file = File::open(&self.file);
                Box::new(BufReader::new(file.map_err(|e| format!("cannot read {}: {e}", self.file.display()))?))
            }
        };
        let mut meter = Meter::default();
        let mut progress = |what: &str, bytes| meter.at(what, bytes);
        let manifest = match self.check {
            true => backup::check(archive, &mut progress)?,
            false => backup::restore(archive, &self.folder.data, &mut progress)?,
        };
        meter.done();
        if !self.check {
            let whose = owner(&self.folder.data).filter(|owner| *owner != 0 && is_root());
            if let Some(owner) = whose {
                log::warn!(
                    "what was restored is root's: chown -R {owner} {} before their server starts",
                    self.folder.data.display()
                );
            }
            note(&self.folder, Act::BackupRestore, &self.file.display().to_string()).await;
        }
        match self.json {
            true => say(&serde_json::json!({
                "madeAt": manifest.made_at, "hobnob": manifest.hobnob, "schema": manifest.schema, "counts": manifest.counts,
            })
            .to_string()),
            false if self.check => say(&format!("{} is good: {}", self.file.display(), contents(&manifest))),
            false => say(&format!(
                "{}: {}. hobnob serve --data {} goes on from there",
                self.folder.data.display(),
                contents(&manifest),
                self.folder.data.display()
            )),
        }
        Ok(())
    }
}

//! `hobnob backup`: all of a data folder in one file, once or again and again.

use std::path::PathBuf;
use std::time::Duration;

use super::serve::{Signal, Signals};
use super::{Outcome, note, say};
use crate::backup::{self, Manifest, Target};
use crate::config::Folder;
use crate::model::audit::Act;
use crate::model::time::Clock;

/// What to back up, where to, and how often.
#[derive(clap::Args)]
pub struct Backup {
    /// File or folder to write to; in a folder it gets a name by its time. A folder is made if a slash ends its name; `-` is
    /// standard output
    #[arg(long, default_value = ".", value_name = "FILE|DIR")]
    to: PathBuf,
    /// Go on, and make one each time this has passed: 30m, 6h, 1d
    #[arg(long, value_name = "TIME", value_parser = period)]
    every: Option<Duration>,
    /// Keep so many of those in the folder, and remove older ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    #[command(flatten)]
    folder: Folder,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// `30m`, `6h`, `1d`.
fn period(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: a whole number and s, m, h or d, like 6h");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(unit) {
        None | Some(0) => Err(wrong()),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

impl Backup {
    pub async fn run(self) -> Outcome {
        let to = Target::of(&self.to)?;
        let to_folder = self.to.is_dir();
        if (self.every.is_some() || self.keep.is_some()) && !to_folder {
            return Err(format!("--every and --keep need a folder: {} is none", self.to.display()));
        }
        let Some(every) = self.every else { return self.once(&to).await };
        let mut signals = Signals::listen()?;
        let mut next = tokio::time::interval(every);
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = next.tick() => {
                    // The next one may do better: a full disk is emptied, a folder mounted again.
                    if let Err(error) = self.once(&to).await {
                        log::error!("no backup was made: {error}");
                    }
                }
                signal = signals.next() => if matches!(signal, Signal::Stop) { return Ok(()) },
            }
        }
    }

    async fn once(&self, to: &Target) -> Outcome {
        let mut progress = Meter::default();
        let (path, manifest) =
            backup::make(&self.folder.data, to, &Clock::default(), &mut |what, bytes| progress.at(what, bytes))?;
        progress.done();
        let made = path.as_ref().unwrap_or(&self.to).display().to_string();
        note(&self.folder, Act::BackupCreate, &made).await;
        let gone = match (self.keep, &path) {
            (Some(keep), Some(made)) => backup::prune(&self.to, keep as usize, made)
                .map_err(|e| format!("cannot remove old backups in {}: {e}", self.to.display()))?,
            _ => Vec::new(),
        };
        // Where the backup itself goes to the output, nothing else does.
        let Some(path) = path else { return Ok(()) };
        match self.json {
            true => say(&serde_json::json!({
                "file": path, "madeAt": manifest.made_at, "counts": manifest.counts, "removed": gone,
            })
            .to_string()),
            false => say(&format!("{}: {}", path.display(), contents(&manifest))),
        }
        for path in gone.iter().filter(|_| !self.json) {
            say(&format!("{}: removed", path.display()));
        }
        Ok(())
    }
}

/// A number of things, for people.
pub fn many(count: i64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// What is in a backup, for people.
pub fn contents(manifest: &Manifest) -> String {
    let counts = &manifest.counts;
    [
        many(counts.apps, "app"),
        many(counts.users, "user"),
        many(counts.groups, "group"),
        many(counts.messages, "message"),
        many(counts.files, "file"),
    ]
    .join(", ")
}

/// Tells a person at a terminal how far it has come.
#[derive(Default)]
pub struct Meter {
    /// MiB that were last told.
    told: Option<u64>,
}

impl Meter {
    pub fn at(&mut self, what: &str, bytes: u64) {
        let size = bytes >> 20;
        if self.told == Some(size) || !is_terminal() {
            return;
        }
        self.told = Some(size);
        eprint!("\r{what}: {size} MiB   ");
    }

    /// As [`Meter::at`], for what has been counted already: `text` is shown as it is, whenever `step` is another one.
    pub fn text(&mut self, step: u64, text: &str) {
        if self.told != Some(step) && is_terminal() {
            self.told = Some(step);
            eprint!("\r{text}   ");
        }
    }

    pub fn done(&self) {
        if self.told.is_some() {
            eprintln!();
        }
    }
}

fn is_terminal() -> bool {
    use std::io::IsTerminal;
    std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_numbers_with_a_unit() {
        assert_eq!(period("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(period("6h"), Ok(Duration::from_secs(21_600)));
        assert_eq!(period("1d"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "h", "6", "0h", "-1h", "1.5h", "6 h", "6ü", "99999999999999999999d", "18446744073709551615d"]
        {
            assert!(period(wrong).is_err(), "{wrong}");
        }
    }
}

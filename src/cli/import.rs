//! `hobnob import`: an app out of an export, into one of this server.

use std::path::{Path, PathBuf};

use super::backup::Meter;
use super::export::shown;
use super::{Outcome, Target, existing, open, open_at, say};
use crate::backup::Scratch;
use crate::config::{LimitArgs, RegionArg};
use crate::lock;
use crate::store::backup::Moment;
use crate::transfer::{Report, Take, Told, Where};

/// What to take over, and into which app.
#[derive(clap::Args)]
pub struct Import {
    /// The export: a file, or a folder of the same form; `-` is standard input
    file: PathBuf,
    /// Id of the app that takes it
    #[arg(long, value_name = "APP_ID", conflicts_with = "new_app")]
    app: Option<String>,
    /// Make an app of this name for it, or go on with the one that was made and not finished
    #[arg(long, value_name = "NAME")]
    new_app: Option<String>,
    /// Leave out what is refused, and go on
    #[arg(long)]
    keep_going: bool,
    /// Change nothing: do all of it on a copy of the database, and count
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    region: RegionArg,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    target: Target,
}

impl Import {
    pub async fn run(self) -> Outcome {
        let database = existing(&self.target)?;
        let limits = self.limits.limits()?;
        let to = match (self.app, self.new_app) {
            (Some(app), _) => Where::App(app),
            (None, Some(name)) => Where::New(name, self.region.region, Box::new(limits)),
            (None, None) => {
                return Err(
                    "expected --app APP_ID, the app that takes it, or --new-app NAME, which makes one".to_owned()
                );
            }
        };
        let data = &self.target.folder.data;
        // Removed with all that was tried in it.
        let scratch = self.dry_run.then(|| Scratch::new(data));
        let store = match &scratch {
            Some(scratch) => {
                let moment = Moment::of(&database).map_err(|e| e.plain())?;
                moment.copy(&scratch.0, |_| ()).map_err(|e| e.plain())?;
                open_at(&scratch.0)?
            }
            None => open(&self.target)?,
        };
        let take = Take {
            store: store.clone(),
            media: (!self.dry_run).then(|| data.join("media")),
            to,
            keep_going: self.keep_going,
            gently: !self.dry_run && lock::holder(data).is_some(),
        };
        let outcome = run(take, self.file, self.target.json, self.dry_run).await;
        store.close();
        outcome
    }
}

/// Takes it over and tells how it went.
async fn run(take: Take, from: PathBuf, json: bool, dry: bool) -> Outcome {
    let size = if from == Path::new("-") { 0 } else { std::fs::metadata(&from).map_or(0, |file| file.len()) };
    let handle = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || {
        let mut meter = Meter::default();
        let mut progress = |_: &str, bytes: u64| match bytes.saturating_mul(100).checked_div(size) {
            Some(percent) => meter.text(percent, &format!("import: {} %", percent.min(100))),
            None => meter.at("import: read", bytes),
        };
        let mut tell = |told: Told<'_>| match told {
            Told::App(report) if !json && !dry => {
                if let Some(created) = &report.created {
                    say(&format!(
                        "app id        {}\nregion        {}\nauth key      {}\nREST API key  {}",
                        created.app_id, created.region, created.auth_key, created.api_key
                    ));
                }
            }
            Told::App(_) => {}
            Told::Refused(at, why) => eprintln!("\r{at}: {why}"),
        };
        let report = take.run(&from, handle, &mut progress, &mut tell)?;
        meter.done();
        Ok(report)
    });
    let report: Report = done.await.map_err(|e| e.to_string()).and_then(|done| done)?;
    let Report { app_id, created, new, there, refused, files } = &report;
    if json {
        say(&serde_json::json!({
            "appId": app_id, "created": created.as_ref().filter(|_| !dry), "new": new, "there": there, "refused": refused,
            "files": files, "dryRun": dry,
        })
        .to_string());
    } else {
        let mut counts = new.clone();
        counts.insert("media".to_owned(), *files);
        let would = if dry { "would be new" } else { "new" };
        say(&format!("{would}: {}", shown(&counts)));
        let there: u64 = there.values().sum();
        if there > 0 {
            say(&format!("there already: {there} lines"));
        }
    }
    match refused {
        0 => Ok(()),
        1 => Err("1 line was refused and left out".to_owned()),
        many => Err(format!("{many} lines were refused and left out")),
    }
}

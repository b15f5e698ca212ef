//! `hobnob import`: an app out of an export, into one of this server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::backup::Meter;
use super::export::shown;
use super::{Outcome, Target, existing, not_as_root, open, open_at, say};
use crate::config::{LimitArgs, RegionArg};
use crate::draft::Draft;
use crate::lock;
use crate::logging;
use crate::model::error::Error;
use crate::outgoing::Outgoing;
use crate::settings;
use crate::store::backup::Moment;
use crate::transfer::pull::{self, Note, Source};
use crate::transfer::{Report, Take, Told, Where};

/// What to take over, and into which app.
#[derive(clap::Args)]
pub struct Import {
    /// The export: a file, or a folder of the same form; `-` is standard input
    #[arg(required_unless_present = "from_cometchat", conflicts_with = "from_cometchat")]
    file: Option<PathBuf>,
    /// Take over a live app of a hosted service by its REST key; stopped, the same command goes on
    #[arg(long, requires = "app_id")]
    from_cometchat: bool,
    #[command(flatten)]
    live: Live,
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

/// A live app elsewhere.
#[derive(clap::Args)]
struct Live {
    /// Id of the app there
    #[arg(long, value_name = "ID", requires = "from_cometchat")]
    app_id: Option<String>,
    /// File with its REST key
    #[arg(long, value_name = "FILE", requires = "from_cometchat")]
    key_file: Option<PathBuf>,
    /// The REST key itself; a file keeps it out of the list of processes
    #[arg(long, env = "HOBNOB_IMPORT_KEY", value_name = "KEY", hide_env_values = true, conflicts_with = "key_file")]
    import_key: Option<String>,
    /// Address of the REST API, if it is not that of the service: `https://chat.example/v3`
    #[arg(long, value_name = "BASE", requires = "from_cometchat")]
    url: Option<String>,
    /// Leave the files of messages where they are
    #[arg(long, requires = "from_cometchat")]
    no_media: bool,
}

impl Live {
    fn source(&self, region: &str, into: Option<String>) -> Result<Source, String> {
        let app_id =
            self.app_id.clone().filter(|id| !id.is_empty()).ok_or("expected --app-id, the id of the app there")?;
        let key = match (&self.key_file, &self.import_key) {
            (Some(file), _) => {
                settings::file::text(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?
            }
            (None, Some(key)) => key.clone(),
            (None, None) => return Err("expected --key-file FILE with the REST key, or HOBNOB_IMPORT_KEY".to_owned()),
        };
        let region = region.to_ascii_lowercase();
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain(&app_id) || !plain(&region) {
            return Err("--app-id and --region are letters and digits".to_owned());
        }
        let url = match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("https://{app_id}.api-{region}.cometchat.io/v3"),
        };
        Ok(Source { url, app_id, region, key: key.trim().to_owned(), media: !self.no_media, into })
    }

    /// The folder with what was pulled.
    async fn pull(
        &self,
        data: &Path,
        region: &str,
        into: Option<String>,
        json: bool,
    ) -> Result<(PathBuf, Note), String> {
        let source = self.source(region, into)?;
        let folder = data.join("imports").join(source.app_id.to_ascii_lowercase());
        let outgoing = Outgoing::new(Vec::new())?;
        let mut meter = Meter::default();
        let mut progress = |_: &str, lines: u64| meter.text(lines, &format!("pull: {lines} lines"));
        let note = pull::pull(source, &folder, outgoing, &mut progress).await?;
        meter.done();
        if !json {
            for (what, count) in &note.left {
                say(&format!("left behind: {count} × {what}"));
            }
            say("left behind: logins and keys, passwords of groups (set new ones), single receipts in groups");
        }
        Ok((folder, note))
    }
}

impl Import {
    pub async fn run(self) -> Outcome {
        let database = existing(&self.target)?;
        not_as_root(&self.target.folder)?;
        let limits = self.limits.limits()?;
        let region = self.region.region.clone();
        let into = self.app.clone();
        let to = match (self.app, self.new_app) {
            (Some(app), _) => Where::App(app),
            (None, Some(name)) => Where::New(name, self.region.region, Box::new(limits.clone())),
            (None, None) => {
                return Err(
                    "expected --app APP_ID, the app that takes it, or --new-app NAME, which makes one".to_owned()
                );
            }
        };
        let data = &self.target.folder.data;
        let pulled = match self.from_cometchat {
            true => Some(self.live.pull(data, &region, into, self.target.json).await?),
            false => None,
        };
        let from = match (&pulled, self.file) {
            (Some((folder, _)), _) => folder.clone(),
            (None, Some(file)) => file,
            (None, None) => return Err("expected the export: a file or a folder".to_owned()),
        };
        // Removed with all that was tried in it.
        let draft = match self.dry_run {
            true => Some(Draft::new(data).map_err(|e| format!("cannot write in {}: {e}", data.display()))?),
            false => None,
        };
        let store = match &draft {
            Some(draft) => {
                let copy = draft.path("hobnob.db");
                let failed = |e: Error| format!("cannot copy the database into {}: {}", data.display(), e.plain());
                let moment = Moment::of(&database).map_err(failed)?;
                moment.copy(&copy, |_| ()).map_err(failed)?;
                open_at(&copy)?
            }
            None => open(&self.target)?,
        };
        let take = Take {
            store: store.clone(),
            media: (!self.dry_run).then(|| data.join("media")),
            to,
            keep_going: self.keep_going,
            gently: !self.dry_run && lock::holder(data).is_some(),
            limits,
        };
        let left = pulled.as_ref().map(|(_, note)| &note.left);
        let outcome = run(take, from, self.target.json, self.dry_run, left).await;
        store.close();
        let (app_id, refused) = outcome?;
        if let Some((folder, _)) = pulled.filter(|_| !self.dry_run) {
            pull::forget(&folder, &app_id)?;
        }
        match refused {
            0 => Ok(()),
            1 => Err("1 line was refused and left out".to_owned()),
            many => Err(format!("{many} lines were refused and left out")),
        }
    }
}

/// Takes it over and tells how it went; the id of the app that has it, and how many lines were refused.
async fn run(
    take: Take,
    from: PathBuf,
    json: bool,
    dry: bool,
    left: Option<&BTreeMap<String, u64>>,
) -> Result<(String, u64), String> {
    let size =
        if from == Path::new("-") || from.is_dir() { 0 } else { std::fs::metadata(&from).map_or(0, |file| file.len()) };
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
                    say(&super::app::shown(created));
                }
            }
            Told::App(_) => {}
            Told::Refused(at, why) => eprintln!("\r{at}: {}", logging::printable(why)),
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
            "files": files, "dryRun": dry, "left": left,
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
    Ok((app_id.clone(), *refused))
}

//! `hobnob doctor`: what is wrong with folder, machine and the way in, and what to do about it.

use clap::Args;

use super::{Outcome, Target, open, say};
use crate::config::Config;
use crate::doctor::outside::{self, Login, Outside};
use crate::doctor::{Finding, Verdict, certificate, database, folder, machine};
use crate::model::time::Clock;
use crate::tls;

/// Flags of `doctor`; those of the server besides, so that it looks where the server does.
#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    config: Config,
    /// Count every counter again and mend those that are wrong; a server may run meanwhile
    #[arg(long)]
    repair: bool,
    /// Try the way in from outside, as clients are told it: `https://chat.example.org`
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Option<String>,
    /// Seconds for which a socket is left silent; beyond 8 only with --user, because the server ends sockets nobody logs
    /// in on
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=44), requires = "url")]
    idle: u64,
    /// App whose user logs in for --url
    #[arg(long, value_name = "APP", requires_all = ["url", "key", "user"])]
    app: Option<String>,
    /// Its REST API key
    #[arg(long, value_name = "KEY", requires = "app")]
    key: Option<String>,
    /// A user of it, for whom a login is made and ended
    #[arg(long, value_name = "UID", requires = "app")]
    user: Option<String>,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// Sockets that nobody logs in on are ended after ten seconds.
const UNKNOWN_IDLE: u64 = 8;

/// An address of http or https, without a slash at its end.
fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("expected an address like https://chat.example.org".to_owned()),
    }
}

/// Looks, tells, and fails if anything has.
pub async fn run(args: Doctor) -> Outcome {
    let mut found = Vec::new();
    let config = &args.config;
    let database = config.database();
    let clock = Clock::default();
    // From another machine there is only the way in.
    if args.url.is_none() || database.exists() {
        found.extend(folder::check(config.data(), config.folder.config.as_deref()));
        match database.exists() {
            true => {
                found.extend(database::check(config.data(), &database, &clock));
                // What is damaged is not counted, let alone mended.
                if found
                    .iter()
                    .all(|one| !["schema", "database", "integrity"].contains(&one.check) || one.verdict == Verdict::Ok)
                {
                    found.push(counters(&args).await?);
                }
            }
            false => found.push(Finding::warn(
                "database",
                format!("there is none at {}", database.display()),
                "start the server there first, or name its folder with --data",
            )),
        }
        found.push(certificate::check(config, clock.now()));
        found.extend(machine::check(config));
    }
    if let Some(url) = &args.url {
        found.extend(outside::check(&outside(&args, url)?).await);
    }
    tell(&found, args.json)
}

fn outside(args: &Doctor, url: &str) -> Result<Outside, String> {
    let login = match (&args.app, &args.key, &args.user) {
        (Some(app), Some(key), Some(uid)) => Some(Login { app: app.clone(), key: key.clone(), uid: uid.clone() }),
        _ => None,
    };
    if login.is_none() && args.idle > UNKNOWN_IDLE {
        return Err(format!("--idle beyond {UNKNOWN_IDLE} needs --app, --key and --user"));
    }
    Ok(Outside {
        url: url.to_owned(),
        idle: args.idle,
        body: usize::try_from(args.config.limits()?.upload).unwrap_or(usize::MAX),
        authority: std::fs::read(tls::authority(args.config.data())).ok(),
        login,
    })
}

/// Counts, and mends if that is asked for.
async fn counters(args: &Doctor) -> Result<Finding, String> {
    let database = args.config.database();
    let recount = || database::recount(&database).map_err(|e| format!("cannot count: {}", e.plain()));
    let (wrong, finding) = recount()?;
    if wrong.is_empty() || !args.repair {
        return Ok(finding);
    }
    let store = open(&Target { folder: args.config.folder.clone(), json: false })?;
    let mended = database::mend(&store, wrong).await.map_err(|e| format!("cannot mend: {}", e.plain()));
    store.close();
    let mended = mended?;
    Ok(match recount()? {
        (left, _) if left.is_empty() => {
            Finding::ok("counters", format!("mended: {mended} were wrong ({})", finding.says))
        }
        (_, still) => still,
    })
}

fn tell(found: &[Finding], json: bool) -> Outcome {
    match json {
        true => say(&serde_json::to_string(found).map_err(|e| e.to_string())?),
        false => found.iter().for_each(|one| {
            let verdict = match one.verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            let advice = one.advice.as_deref().filter(|advice| !advice.is_empty());
            let advice = advice.map(|advice| format!(". {advice}")).unwrap_or_default();
            let says = if advice.is_empty() { &*one.says } else { one.says.trim_end_matches('.') };
            say(&format!("{verdict}  {}: {says}{advice}", one.check));
        }),
    }
    match found.iter().filter(|one| one.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        1 => Err("one check failed".to_owned()),
        more => Err(format!("{more} checks failed")),
    }
}
